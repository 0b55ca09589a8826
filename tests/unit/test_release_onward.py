"""Items, and passing them on: one recipient, the originator's yes over every hop, fitting one item only."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from entente.kernel.time import encode_utc
from entente.release.onward import AskOnward, AskRow, find_unanswered
from entente.release.rules import AgreeRelease, hash_release_rules
from tests.release_record import LABEL, SHA256, VARIANT, ReleaseRecord, digest, make_item
from tests.unit.test_deconflict_simulator import START, refused
from tests.unit.test_release_rules import RULES

OTHER_VARIANT = type(VARIANT)(
    format=VARIANT.format, place=None, window=None, height=None, path=("ground",), fields=(), text=""
)


def test_an_item_is_read_by_its_author_and_its_recipient_alone() -> None:
    release = ReleaseRecord()
    leaf = release.item()
    for reader in ("us", "ru"):
        assert release.get_item(reader, leaf).item == make_item()
    for other in (None, "un", "il"):
        assert release.find_item(other, leaf) is None
    assert release.record.receipt(leaf, "ru", view="us").state == "waiting"


@pytest.mark.parametrize("to", ((), ("ru", "un")))
def test_an_item_is_sealed_to_exactly_one(to: tuple[str, ...]) -> None:
    release = ReleaseRecord()
    with refused("not-to-one"):
        release.record.send("us", "release.item", make_item(), to=to)


@pytest.mark.parametrize(
    ("more", "code"),
    (
        ({"until": "2016-02-30T00:00:00Z"}, "bad-time"),
        ({"replaces": digest("nothing")}, "bad-replaced"),
        ({"grant": digest("nothing")}, "no-grant"),
        ({"originator": "un"}, "no-grant"),
        ({"originator": "un", "grant": digest("nothing")}, "no-grant"),
    ),
)
def test_an_item_that_does_not_hold_together_is_refused(more: dict[str, Any], code: str) -> None:
    release = ReleaseRecord()
    with refused(code):
        release.item(**more)


def test_an_item_names_an_agreed_purpose() -> None:
    release = ReleaseRecord()
    release.record.send("ru", "release.propose", RULES)
    release.record.send("us", "release.agree", AgreeRelease(RULES.id, hash_release_rules(RULES)))
    release.item()
    with refused("other-purpose"):
        release.item(purpose="targeting")
    release.item(to="un", purpose="anything")


def test_a_corrected_item_replaces_the_authors_own_to_the_same_party() -> None:
    release = ReleaseRecord()
    first, elsewhere = release.item(), release.item(to="un")
    with refused("bad-replaced"):
        release.item(replaces=elsewhere)
    second = release.item(replaces=first)
    assert release.get_item("ru", first).replaced_by == second


def test_nothing_is_passed_on_without_the_originators_yes() -> None:
    release = ReleaseRecord()
    release.item()
    with refused("no-grant"):
        release.item("ru", "un", originator="us")
    ask = release.ask()
    (row,) = find_unanswered(release.record.rows("us"), "us")
    assert (row.message, row.holder, row.ask.to) == (ask, "ru", "un")
    refusal = release.grant(ask, granted=False)
    with refused("no-grant"):
        release.item("ru", "un", originator="us", grant=refusal)
    grant = release.grant(ask)
    assert not list(find_unanswered(release.record.rows("us"), "us"))
    passed = release.item("ru", "un", originator="us", grant=grant)
    assert release.get_item("un", passed).item.originator == "us"
    assert release.find_item("us", passed) is None


@pytest.mark.parametrize(
    "change",
    (
        {"to": "il"},
        {"variant": OTHER_VARIANT},
        {"purpose": "deconfliction"},
        {"author": "un", "to": "ru"},
        {"originator": "il"},
        {"label": msgspec.structs.replace(LABEL, classification="UNCLASSIFIED")},
        {"until": "2036-01-01T00:00:00Z"},
    ),
)
def test_a_yes_fits_one_item_only(change: dict[str, Any]) -> None:
    release = ReleaseRecord()
    release.item()
    grant = release.grant(release.ask())
    meant = {"author": "ru", "to": "un", "originator": "us", "grant": grant, **change}
    with refused("no-grant"):
        release.item(**meant)
    # Whose desk does not hold him back finds the recipient's that does.
    body = make_item(**{name: value for name, value in meant.items() if name not in {"author", "to"}})
    leaf = release.record.send(meant["author"], "release.item", body, to=[meant["to"]], is_lying=True)
    assert release.find_item(meant["to"], leaf) is None


def test_a_yes_ends_at_its_time_and_when_it_is_recalled() -> None:
    release = ReleaseRecord()
    release.item()
    until = encode_utc(START + timedelta(hours=1))
    grant = release.grant(release.ask(), until=until)
    release.item("ru", "un", originator="us", grant=grant)
    release.record.tick(minutes=61)
    with refused("grant-over"):
        release.item("ru", "un", originator="us", grant=grant)
    second = release.grant(None)
    release.recall(second, to=("ru", "un"))
    with refused("recalled"):
        release.item("ru", "un", originator="us", grant=second)


def test_every_hop_asks_the_originator_again() -> None:
    release = ReleaseRecord()
    release.item()
    first = release.grant(release.ask())
    release.item("ru", "un", originator="us", grant=first)
    with refused("not-held"):
        release.ask("un", "ru", "il")
    with refused("no-grant"):
        release.item("un", "il", originator="us", grant=first)
    ask = release.ask("un", "us", "il")
    second = release.grant(ask, holder="un", to="il")
    passed = release.item("un", "il", originator="us", grant=second)
    assert release.get_item("il", passed).sha256 == SHA256


def test_who_may_ask() -> None:
    release = ReleaseRecord()
    with refused("not-held"):
        release.ask()
    release.item()
    for author in ("un", "il"):
        with refused("not-held"):
            release.ask(author, "us", "ru")
    for to in ("us", "ru", "xx"):
        with refused("bad-recipient"):
            release.ask(to=to)
    body = AskOnward(variant=SHA256, to="un", purpose="relief", words="")
    with refused("not-to-one"):
        release.record.send("ru", "release.ask", body, to=["il", "us"])


def test_what_its_originator_marked_never_is_not_asked_for() -> None:
    release = ReleaseRecord()
    release.item(onward="never")
    with refused("never-onward"):
        release.ask()


@pytest.mark.parametrize(
    ("more", "code"),
    (
        ({"addressed": ["ru"]}, "other-addressee"),
        ({"addressed": ["il", "ru", "un"]}, "other-addressee"),
        ({"addressed": []}, "not-addressed"),
        ({"granted": False, "addressed": ["ru", "un"]}, "other-addressee"),
        ({"author": "il", "to": "il"}, "bad-recipient"),
        ({"to": "ru"}, "bad-recipient"),
        ({"ask": None, "granted": False}, "not-asked"),
        ({"use_until": "2016-02-30T00:00:00Z"}, "bad-time"),
        ({"label": None}, "bad-label"),
        ({"until": "2016-02-30T00:00:00Z"}, "bad-time"),
    ),
)
def test_an_answer_goes_to_those_whom_it_concerns(more: dict[str, Any], code: str) -> None:
    release = ReleaseRecord()
    release.item()
    ask = release.ask()
    with refused(code):
        release.grant(more.pop("ask", ask), **more)


def test_an_answer_to_another_question_is_shown_with_none() -> None:
    release = ReleaseRecord()
    release.item()
    ask = release.ask()
    release.grant(ask, to="il")
    row = release.record.rows("us").find(AskRow, ask)
    assert row is not None
    assert row.grant == ""


def test_labels_are_spelt_in_one_way() -> None:
    release = ReleaseRecord()
    wrong = type(LABEL)(
        policy_id="", policy="", classification="RESTRICTED", categories=[], created=LABEL.created
    )
    with refused("no-policy"):
        release.item(label=wrong)
