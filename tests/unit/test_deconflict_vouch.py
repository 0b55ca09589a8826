"""Vouching: a guarantor that has not said yes itself is never shown as one that has."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entente.deconflict import (
    DeclareZone,
    Guarantee,
    Obligation,
    Vouch,
    WithdrawZone,
    ZoneRow,
    list_guarantees,
)
from entente.deconflict.zone_words import describe_zone
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle, refused

GUARD = Obligation("checkpoints", "guard", "at most twenty men on each side", "ru")
INSPECT = Obligation("convoys", "inspect", "no lorry is opened twice", "un")


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def make_zone(**more: Any) -> DeclareZone:
    body = DeclareZone(
        id="castello",
        name="Castello road",
        zone="safe",
        text="",
        volumes=[make_circle()],
        sides=[],
        rules=[],
        obligations=[GUARD, INSPECT],
        corridors=[],
        source="",
        replaces=None,
    )
    return msgspec.structs.replace(body, **more)


def declare(record: RecordSimulator, **more: Any) -> str:
    to = more.pop("to", ())
    leaf = record.send("un", "zone.declare", make_zone(**more), to=to)
    record.acknowledge("ru", leaf)
    return leaf


def vouch(record: RecordSimulator, party: str, leaf: str, word: Any = "yes", **more: Any) -> str:
    body = Vouch("castello", leaf, more.pop("obligation", "checkpoints"), word, more.pop("reason", ""))
    return record.send(party, "zone.vouch", body, **more)


def show(record: RecordSimulator, name: str, view: str | None = None) -> Guarantee:
    row = next(record.rows(view).select(ZoneRow))
    return next(one for one in list_guarantees(row, record.rows(view)) if one.obligation == name)


def test_named_is_never_shown_as_accepted(record: RecordSimulator) -> None:
    leaf = declare(record)
    # It was told, its desk has it, an officer has read it: that is not a yes.
    named = show(record, "checkpoints")
    assert (named.state, named.index) == ("named", None)
    assert named.words == "guard: at most twenty men on each side; guarantor ru: named, not accepted"
    assert "accepted" not in describe_zone(next(record.host.select(ZoneRow)), record.host).replace(
        "named, not accepted", ""
    ).replace("accepted, by its own declaration", "")
    vouch(record, "ru", leaf)
    accepted = show(record, "checkpoints")
    assert (accepted.state, accepted.index) == ("accepted", 2)
    assert accepted.words.endswith("guarantor ru: accepted")


def test_what_its_author_takes_on_itself_needs_no_second_word(record: RecordSimulator) -> None:
    leaf = declare(record)
    own = show(record, "convoys")
    assert (own.state, own.words.endswith("accepted, by its own declaration")) == ("accepted", True)
    with refused("already-answered", "'convoys'", "accepted already"):
        vouch(record, "un", leaf, obligation="convoys")
    vouch(record, "un", leaf, "no", obligation="convoys", reason="no staff")
    assert show(record, "convoys").words.endswith("accepted before, WITHDRAWN (no staff)")


@pytest.mark.parametrize("party", ("un", "us"))
def test_vouching_for_another_party_is_refused(record: RecordSimulator, party: str) -> None:
    leaf = declare(record)
    if party == "us":
        record.acknowledge("us", leaf)
    with refused("not-guarantor", "its guarantor 'ru'", f"got '{party}'"):
        vouch(record, party, leaf)
    assert show(record, "checkpoints").state == "named"


def test_a_refusal_and_a_withdrawal_are_told_apart(record: RecordSimulator) -> None:
    leaf = declare(record)
    vouch(record, "ru", leaf, "no", reason="not asked")
    assert show(record, "checkpoints").words.endswith("guarantor ru: REFUSED (not asked)")
    with refused("already-answered", "it is REFUSED already"):
        vouch(record, "ru", leaf, "no")
    vouch(record, "ru", leaf)
    assert show(record, "checkpoints").state == "accepted"
    vouch(record, "ru", leaf, "no")
    assert show(record, "checkpoints").state == "withdrawn"
    with refused("already-answered", "WITHDRAWN already"):
        vouch(record, "ru", leaf, "no")


def test_nobody_vouches_for_what_he_has_not_read(record: RecordSimulator) -> None:
    leaf = record.send("un", "zone.declare", make_zone())
    with refused("not-acknowledged", "'ru'", leaf[:12]):
        vouch(record, "ru", leaf)


def test_a_new_version_asks_every_guarantor_anew(record: RecordSimulator) -> None:
    first = declare(record)
    vouch(record, "ru", first)
    second = declare(record, volumes=[make_circle(radius_m=9000.0)], replaces=first)
    assert show(record, "checkpoints").state == "named"
    with refused("superseded", second[:12], first[:12]):
        vouch(record, "ru", first, "no")


def test_vouching_for_what_is_not_there_is_refused(record: RecordSimulator) -> None:
    leaf = declare(record)
    with refused("unknown-obligation", "'castello'", "'patrol'"):
        vouch(record, "ru", leaf, obligation="patrol")
    other = record.send("un", "zone.declare", make_zone(id="ramouseh"))
    with refused("other-zone", other[:12], "'castello'"):
        vouch(record, "ru", other)
    activity = record.notify("us", "alpha")
    with refused("other-zone", activity[:12]):
        vouch(record, "ru", activity)
    with refused("unknown-version", "000000000000"):
        vouch(record, "ru", "0" * 64)
    record.send("un", "zone.withdraw", WithdrawZone("castello", ""))
    with refused("ended", "'castello'"):
        vouch(record, "ru", leaf)


def test_a_sealed_promise_is_vouched_for_among_its_readers(record: RecordSimulator) -> None:
    leaf = declare(record, to=["ru"])
    vouch(record, "ru", leaf, to=["un"])
    assert show(record, "checkpoints", "un").state == "accepted"
    assert show(record, "checkpoints", "ru").state == "accepted"
    assert list(record.host.select(ZoneRow)) == []
    with refused("unknown-version", leaf[:12]):
        vouch(record, "ru", leaf, "no")
