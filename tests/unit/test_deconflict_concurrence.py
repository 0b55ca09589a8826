"""Concurrence: a yes only from whom it was asked of, for what stands now; and the state that is shown."""

from __future__ import annotations

import msgspec
import pytest

from entente.deconflict import (
    ActivityRow,
    ActivityState,
    Close,
    Concur,
    Object,
    Update,
    activity_state,
    find_receipt,
    plan_ladder,
)
from entente.kernel.errors import NotFound
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle, refused


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def concur(record: RecordSimulator, party: str, leaf: str, name: str = "alpha", **more: object) -> str:
    return record.send(party, "activity.concur", Concur(name, leaf), **more)  # type: ignore[arg-type]


def say_no(record: RecordSimulator, party: str, leaf: str, reason: str = "too near") -> str:
    return record.send(party, "activity.object", Object("alpha", leaf, reason))


def state(record: RecordSimulator) -> ActivityState:
    return activity_state(record.host, "alpha")


def test_the_state_goes_from_notified_to_concurred_and_never_ahead(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru", "un"])
    assert state(record).state == "notified"
    record.acknowledge("ru", leaf)
    assert state(record) == ActivityState("notified", ("un has not acknowledged",))
    record.acknowledge("un", leaf)
    assert state(record) == ActivityState("acknowledged", ("ru has not concurred", "un has not concurred"))
    concur(record, "ru", leaf)
    assert state(record) == ActivityState("acknowledged", ("un has not concurred",))
    concur(record, "un", leaf)
    assert state(record) == ActivityState("concurred", ("ru concurred", "un concurred"))


def test_nobody_asked_means_nobody_concurred(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    for party in ("ru", "un"):
        record.acknowledge(party, leaf)
    assert state(record) == ActivityState("acknowledged", ())


def test_one_no_outweighs_every_yes(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru", "un"])
    for party in ("ru", "un"):
        record.acknowledge(party, leaf)
    concur(record, "un", leaf)
    say_no(record, "ru", leaf)
    assert state(record) == ActivityState("objected", ("ru objected: too near",))


def test_a_party_may_change_its_answer(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"])
    for party in ("ru", "un"):
        record.acknowledge(party, leaf)
    say_no(record, "ru", leaf)
    concur(record, "ru", leaf)
    assert state(record).state == "concurred"
    say_no(record, "ru", leaf, "it moved after all")
    assert state(record).reasons == ("ru objected: it moved after all",)
    receipt = record.receipt(leaf, "ru")
    assert (receipt.state, receipt.answer, receipt.answer_reason) == (
        "answered",
        "objected",
        "it moved after all",
    )


def test_the_same_answer_twice_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"])
    record.acknowledge("ru", leaf)
    concur(record, "ru", leaf)
    with refused("already-answered", "concurred already"):
        concur(record, "ru", leaf)


def test_concurrence_by_a_party_not_named_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"])
    record.acknowledge("un", leaf)
    with refused("not-asked", "['ru'], got one of 'un'"):
        concur(record, "un", leaf)
    with refused("not-asked", "got one of 'us'"):
        concur(record, "us", leaf)
    with refused("not-asked", "got one of 'un'"):
        say_no(record, "un", leaf)


def test_concurrence_without_acknowledgement_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"])
    with refused("not-acknowledged", "'ru'", leaf[:12]):
        concur(record, "ru", leaf)


def test_concurrence_to_an_old_version_is_refused(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha", concurrence=["ru"])
    record.acknowledge("ru", first)
    second = record.send(
        "us",
        "activity.update",
        Update("alpha", first, "t", [make_circle()], ["ru"], "", armed=False, concur_by=None),
    )
    with refused("superseded", second[:12], first[:12]):
        concur(record, "ru", first)


def test_an_update_reopens_concurrence(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha", concurrence=["ru"])
    for party in ("ru", "un"):
        record.acknowledge(party, first)
    concur(record, "ru", first)
    assert state(record).state == "concurred"
    record.send(
        "us",
        "activity.update",
        Update("alpha", first, "t", [make_circle()], ["ru"], "", armed=False, concur_by=None),
    )
    assert state(record) == ActivityState("notified", ("ru has not acknowledged", "un has not acknowledged"))


def test_concurrence_under_another_name_is_refused(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha", concurrence=["ru"])
    record.notify("us", "bravo", concurrence=["ru"])
    record.acknowledge("ru", first)
    with refused("other-activity", "'bravo'"):
        concur(record, "ru", first, "bravo")


def test_concurrence_to_what_is_no_version_is_refused(record: RecordSimulator) -> None:
    with refused("unknown-version", "000000000000"):
        concur(record, "ru", "0" * 64)


def test_concurrence_to_what_is_over_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"])
    record.acknowledge("ru", leaf)
    record.send("us", "activity.close", Close("alpha", "cancelled", "weather"))
    assert state(record) == ActivityState("cancelled", ("us said: weather",))
    with refused("ended", "activity 'alpha'"):
        concur(record, "ru", leaf)


def test_a_lapse_is_shown_over_an_acknowledgement_of_others(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["un"])
    record.acknowledge("un", leaf)
    concur(record, "un", leaf)
    record.tick(minutes=27)
    for kind, body in plan_ladder(record.host, record.now, record.recorded_utc):
        record.send("center", kind, body)
    assert state(record) == ActivityState("lapsed", ("ru did not acknowledge in time",))
    record.acknowledge("ru", leaf)
    assert state(record).state == "concurred"


def test_sealed_concurrence_reaches_its_audience_and_says_nothing_to_others(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"], to=["ru"])
    record.acknowledge("ru", leaf)
    concur(record, "ru", leaf, to=["us"])
    name = next(record.rows("us").select(ActivityRow)).object
    assert activity_state(record.rows("us"), name).state == "concurred"
    assert record.receipt(leaf, "ru", view="us").state == "answered"
    # The host sees that something was said between the two, and that an officer took note of the first
    # message.
    assert record.receipt(leaf, "ru").state == "acknowledged"
    with pytest.raises(NotFound):
        activity_state(record.host, name)


def test_open_concurrence_to_a_sealed_activity_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"], to=["ru"])
    record.acknowledge("ru", leaf)
    with refused("unknown-version", leaf[:12]):
        concur(record, "ru", leaf)


def test_concurrence_to_a_smaller_audience_is_refused_at_the_desk(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"], to=["ru", "un"])
    record.acknowledge("ru", leaf)
    with refused("unknown-version", leaf[:12]):
        concur(record, "ru", leaf, to=["us"])


def test_silence_delivery_and_lapse_are_no_answer(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"])
    record.acknowledge("ru", leaf)
    record.tick(minutes=60 * 24 * 365)
    receipt = find_receipt(record.host, leaf, "ru")
    assert receipt is not None
    assert (receipt.answered, receipt.answer) == (None, "")
    assert msgspec.structs.asdict(state(record))["state"] == "notified"
