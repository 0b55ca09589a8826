"""By when: a deadline is stated, silence is recorded as lapsed, and nobody can take another's time to answer
away."""

from __future__ import annotations

import pytest

from entente.deconflict import (
    Concur,
    ConcurrenceRow,
    LapseConcurrence,
    Object,
    Reconsider,
    Update,
    activity_state,
    plan_concurrence,
    plan_ladder,
)
from entente.kernel.time import encode_utc
from tests.unit.test_deconflict_simulator import START, RecordSimulator, make_circle, refused

# The record starts at 13:00, a message lapses after 20 minutes, the activity starts at 14:00.
BY = "2016-09-17T13:40:00Z"


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def answer_of(
    record: RecordSimulator, leaf: str, party: str = "ru", *, view: str | None = None
) -> ConcurrenceRow:
    row = record.rows(view).find(ConcurrenceRow, f"{leaf}:{party}")
    assert row is not None
    return row


def run_clock(record: RecordSimulator) -> list[tuple[str, str]]:
    told = []
    for kind, body in plan_concurrence(record.host, record.now, record.recorded_utc):
        record.send("center", kind, body)
        told.append((body.party, body.due))
    assert plan_concurrence(record.host, record.now, record.recorded_utc) == []
    return told


def lapse(record: RecordSimulator, leaf: str, *, due: str = BY, recorded: str = "", party: str = "ru") -> str:
    body = LapseConcurrence(leaf, party, recorded or encode_utc(record.recorded[leaf]), due)
    return record.send("center", "concurrence.lapse", body)


def test_silence_lapses_at_the_deadline_and_not_a_second_before(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru", "un"], concur_by=BY)
    record.acknowledge("ru", leaf)
    record.acknowledge("un", leaf)
    record.send("un", "activity.concur", Concur("alpha", leaf))
    record.tick(minutes=39, seconds=59)
    assert run_clock(record) == []
    with refused("too-early", BY):
        lapse(record, leaf)
    record.tick(seconds=1)
    assert run_clock(record) == [("ru", BY)]
    for view in record.views.values():
        state = activity_state(view.rows, "alpha")
        assert (state.state, state.reasons) == ("lapsed", (f"ru did not answer by {BY}: no answer is a no",))
    with refused("already-answered", "it has lapsed"):
        lapse(record, leaf)
    with refused("already-answered", "it has concurred"):
        lapse(record, leaf, party="un")


def test_without_a_deadline_the_start_is_one(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"])
    record.tick(minutes=59)
    assert run_clock(record) == []
    record.tick(minutes=1)
    assert run_clock(record) == [("ru", "2016-09-17T14:00:00Z")]
    assert answer_of(record, leaf).answer == "lapsed"


def test_what_has_begun_still_leaves_the_agreed_minutes(record: RecordSimulator) -> None:
    record.tick(minutes=90)  # the activity began half an hour ago
    record.notify("us", "alpha", concurrence=["ru"])
    record.tick(minutes=19)
    assert run_clock(record) == []
    record.tick(minutes=1)
    assert run_clock(record) == [("ru", "2016-09-17T14:50:00Z")]
    # Nobody is said to have missed a time at which he had not been asked.
    reasons = activity_state(record.host, "alpha").reasons
    assert reasons == ("ru did not answer by 2016-09-17T14:50:00Z: no answer is a no",)


def test_a_deadline_that_is_past_when_told_is_refused(record: RecordSimulator) -> None:
    for concur_by in ("2016-09-17T12:59:59Z", encode_utc(START), "2016-09-17T14:00:01Z"):
        with refused("bad-deadline", "2016-09-17T14:00:00Z", concur_by):
            record.notify("us", "alpha", concurrence=["ru"], concur_by=concur_by)
    with refused("bad-deadline"):
        record.notify("us", "alpha", concur_by=BY)
    leaf = record.notify("us", "alpha", concurrence=["ru"], concur_by="2016-09-17T14:00:00Z")
    body = Update(
        "alpha", leaf, "t", [make_circle()], ["ru"], "", armed=False, concur_by="2016-09-17T13:00:00Z"
    )
    with refused("bad-deadline"):
        record.send("us", "activity.update", body)


def test_a_back_dated_deadline_takes_nobody_time_away(record: RecordSimulator) -> None:
    """The author's own `at` is a claim: he can date message and deadline back together."""
    leaf = record.notify(
        "us", "alpha", concurrence=["ru"], concur_by="2016-09-17T12:10:00Z", at="2016-09-17T12:00:00Z"
    )
    with refused("wrong-due", "2016-09-17T13:20:00Z", "2016-09-17T12:10:00Z"):
        lapse(record, leaf, due="2016-09-17T12:10:00Z")
    record.tick(minutes=19)
    assert run_clock(record) == []
    record.acknowledge("ru", leaf)
    record.send("ru", "activity.concur", Concur("alpha", leaf))
    assert not answer_of(record, leaf).is_late


def test_a_late_answer_counts_and_is_marked_late(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"], concur_by=BY)
    record.tick(minutes=40)
    assert run_clock(record) == [("ru", BY)]
    record.acknowledge("ru", leaf)
    record.acknowledge("un", leaf)
    record.send("ru", "activity.concur", Concur("alpha", leaf))
    state = activity_state(record.host, "alpha")
    assert (state.state, state.reasons) == ("concurred", ("ru concurred, late: it had lapsed",))
    record.send("ru", "activity.object", Object("alpha", leaf, "no"))
    assert answer_of(record, leaf).is_late
    assert activity_state(record.host, "alpha").reasons == ("ru objected, late: it had lapsed: no",)


def test_a_center_that_lies_about_times_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru", "un"], concur_by=BY)
    record.tick(minutes=50)
    with refused("wrong-due", BY):
        lapse(record, leaf, due="2016-09-17T13:30:00Z")
    # Recorded later than it was: everything would be due later. The receipts fix one time for all.
    for kind, body in plan_ladder(record.host, record.now, record.recorded_utc):
        record.send("center", kind, body)
    with refused("other-time", "13:00:00Z"):
        lapse(record, leaf, recorded="2016-09-17T13:25:00Z", due="2016-09-17T13:45:00Z")
    lapse(record, leaf)
    with refused("other-time"):
        lapse(record, leaf, recorded="2016-09-17T12:00:00Z", party="un")


def test_the_time_that_a_lapse_states_holds_for_the_ladder_too(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"], concur_by=BY)
    record.tick(minutes=50)
    lapse(record, leaf, recorded="2016-09-17T13:01:00Z")
    assert record.receipt(leaf, "ru").recorded_utc == "2016-09-17T13:01:00Z"
    for _, body in plan_ladder(record.host, record.now, record.recorded_utc):
        assert body.recorded == "2016-09-17T13:01:00Z"


def test_a_lapse_for_who_was_not_asked_is_refused(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"], concur_by=BY)
    record.tick(minutes=50)
    with refused("not-asked", "'un'"):
        lapse(record, leaf, party="un")
    with refused("not-asked"):
        record.send("center", "concurrence.lapse", LapseConcurrence("0" * 64, "ru", BY, BY))


def test_what_was_replaced_or_ended_lapses_no_more(record: RecordSimulator) -> None:
    first = record.notify("us", "alpha", concurrence=["ru"], concur_by=BY)
    body = Update("alpha", first, "other", [make_circle(35.9)], ["un"], "", armed=False, concur_by=None)
    second = record.send("us", "activity.update", body)
    record.tick(minutes=90)
    with refused("superseded"):
        lapse(record, first)
    assert run_clock(record) == [("un", "2016-09-17T14:00:00Z")]
    assert [answer_of(record, first).answer, answer_of(record, second, "un").answer] == ["void", "lapsed"]


def test_what_is_sealed_does_not_lapse_in_the_record(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"], concur_by=BY, to=["ru"])
    record.tick(minutes=90)
    for view in record.views.values():
        assert plan_concurrence(view.rows, record.now, record.recorded_utc) == []
    with refused("not-asked"):
        lapse(record, leaf)


def test_reconsider_is_a_no_without_a_reason(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha", concurrence=["ru"])
    with refused("not-acknowledged"):
        record.send("ru", "activity.reconsider", Reconsider("alpha", leaf))
    record.acknowledge("ru", leaf)
    record.acknowledge("un", leaf)
    record.send("ru", "activity.reconsider", Reconsider("alpha", leaf))
    state = activity_state(record.host, "alpha")
    assert (state.state, state.reasons) == ("objected", ("ru asks to reconsider, and gives no reason",))
    assert (record.receipt(leaf, "ru").answer, record.receipt(leaf, "ru").answer_reason) == ("reconsider", "")
    with refused("already-answered", "reconsider already"):
        record.send("ru", "activity.reconsider", Reconsider("alpha", leaf))
    with refused("not-asked", "'un'"):
        record.send("un", "activity.reconsider", Reconsider("alpha", leaf))
    record.send("ru", "activity.concur", Concur("alpha", leaf))
    assert activity_state(record.host, "alpha").state == "concurred"
