"""Alarms: due when armed activities meet or a denied zone is entered; one message for both; who saw it, and
who did not."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entente.deconflict import (
    Acknowledge,
    AlarmRow,
    Called,
    Close,
    DeclareZone,
    Raise,
    See,
    Update,
    ZoneRule,
    explain_alarm,
    explain_sight,
    plan_alarms,
    plan_ladder,
)
from entente.dialogue import About, Say, ThreadRow, find_thread
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle, refused


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def alarms(record: RecordSimulator, view: str | None = None) -> list[AlarmRow]:
    return list(record.rows(view).select(AlarmRow))


def meet(record: RecordSimulator, *, us: bool = True, ru: bool = True) -> tuple[str, str]:
    return record.notify("us", "alpha", armed=us), record.notify("ru", "bravo", armed=ru)


def run_center(record: RecordSimulator) -> list[str]:
    told = []
    for kind, body in plan_alarms(record.host):
        told.append(record.send("center", kind, body))
    assert plan_alarms(record.host) == []
    return told


def see(record: RecordSimulator, party: str, alarm: str, officer: str = "duty-1") -> str:
    return record.send(party, "alarm.see", See(alarm), officers=[officer])


def update(
    record: RecordSimulator, party: str, name: str, leaf: str, lat: float, *, armed: bool = True
) -> str:
    body = Update(name, leaf, "t", [make_circle(lat)], [], "", armed=armed, concur_by=None)
    return record.send(party, "activity.update", body)


def test_two_armed_activities_that_meet_are_an_alarm_for_both_at_once(record: RecordSimulator) -> None:
    meet(record)
    (due,) = alarms(record)
    assert (due.state, due.reason, due.parties, due.conflict) == ("due", "armed", ("ru", "us"), "alpha|bravo")
    (leaf,) = run_center(record)
    for view in record.views.values():
        (row,) = view.rows.select(AlarmRow)
        assert row == alarms(record)[0]
        assert (row.state, row.message) == ("raised", leaf)
        assert [(one.party, one.contact) for one in row.called] == [("ru", "duty-1"), ("us", "duty-1")]
        # The hotline thread is open, with the same words, for both.
        thread = view.rows.find(ThreadRow, row.alarm)
        assert thread is not None
        assert (thread.about, thread.to) == (About("alarm", row.alarm), ())
        (said,) = find_thread(view.rows, row.alarm)
        assert said.original.text == explain_alarm(row, view.rows)
        assert "Called: duty-1 of ru, duty-1 of us." in said.original.text
    assert record.receipt(leaf, "us").state == record.receipt(leaf, "ru").state == "waiting"
    assert record.host.find(type(record.receipt(leaf, "us")), f"{leaf}:un") is None


@pytest.mark.parametrize(("us", "ru"), ((True, False), (False, True), (False, False)))
def test_what_is_not_armed_on_both_sides_is_a_conflict_and_no_alarm(
    record: RecordSimulator, *, us: bool, ru: bool
) -> None:
    meet(record, us=us, ru=ru)
    assert alarms(record) == []


def test_arming_what_conflicts_already_is_an_alarm(record: RecordSimulator) -> None:
    _, second = meet(record, ru=False)
    third = update(record, "ru", "bravo", second, 35.28)
    assert [row.state for row in alarms(record)] == ["due"]
    run_center(record)
    update(record, "ru", "bravo", third, 35.28, armed=False)
    (row,) = alarms(record)
    assert (row.state, row.why) == ("ended", "no confrontation any more, as its authors say")


def test_an_alarm_ends_with_its_conflict_and_a_new_meeting_is_a_new_one(record: RecordSimulator) -> None:
    _, second = meet(record)
    run_center(record)
    third = update(record, "ru", "bravo", second, 36.5)
    (row,) = alarms(record)
    assert (row.state, row.why, row.ended_index) == ("ended", "bravo changed", 3)
    update(record, "ru", "bravo", third, 35.28)
    assert [one.state for one in alarms(record)] == ["ended", "due"]
    run_center(record)
    record.send("us", "activity.close", Close("alpha", "cancelled", ""))
    assert [one.state for one in alarms(record)] == ["ended", "ended"]


def test_one_alarm_stands_for_one_conflict_however_often_it_changes(record: RecordSimulator) -> None:
    _, second = meet(record)
    run_center(record)
    update(record, "ru", "bravo", second, 35.281)
    assert [one.state for one in alarms(record)] == ["raised"]
    assert plan_alarms(record.host) == []


def test_two_alarms_of_one_entry_have_two_names_whatever_the_objects_are_called(
    record: RecordSimulator,
) -> None:
    # Found so that "alpha|<name>" begins with the same 32 bits of SHA-256 for both: a name made of these
    # would let whoever chose one of them hide the other side's alarm behind it.
    record.notify("ru", "ru-71864", armed=True)
    record.notify("un", "un-2095", make_circle(35.2801), activity="ground", armed=True)
    for one in alarms(record):
        assert one.conflict == "ru-71864|un-2095"
    record.notify("us", "alpha", armed=True)
    met = {(one.conflict, one.alarm) for one in alarms(record) if one.since_index == 2}
    assert met == {("alpha|ru-71864", "alarm-2-1"), ("alpha|un-2095", "alarm-2-2")}
    assert len(run_center(record)) == 3


def test_what_is_sealed_to_some_moves_no_name_of_an_open_alarm(record: RecordSimulator) -> None:
    record.notify("ru", "aaa", armed=True, to=["us"])
    record.notify("ru", "bravo", armed=True)
    record.notify("us", "alpha", armed=True)
    assert [one.alarm for one in alarms(record)] == ["alarm-2-1"]
    assert sorted(one.alarm for one in alarms(record, "us")) == ["alarm-2-1", "alarm-2-sealed-1"]
    assert record.rows("us").find(AlarmRow, "alarm-2-1") == record.host.find(AlarmRow, "alarm-2-1")
    run_center(record)


def test_an_alarm_seen_for_next_year_does_not_keep_tomorrows_quiet(record: RecordSimulator) -> None:
    """A harmless meeting far off, raised and seen; then one of the two moves it up."""
    record.notify("us", "patrol", make_circle(end="2017-09-17T14:00:00Z"), armed=True)
    far = make_circle(start="2017-09-17T13:00:00Z", end="2017-09-18T00:00:00Z")
    leaf = record.notify("ru", "bravo", far, armed=True)
    run_center(record)
    see(record, "us", "alarm-1-1")
    leaf = update(record, "ru", "bravo", leaf, 35.28)
    first, second = alarms(record)
    assert (first.state, first.why) == ("ended", "it begins earlier than was told")
    assert (second.state, second.since_index, second.seen) == ("due", leaf_index(record, leaf), ())
    assert alarms(record, "un") == [first, second]
    # While it is due, there is nothing told yet that could be overtaken; and later than told is told already.
    body = Update(
        "bravo", leaf, "t", [make_circle(start="2016-09-17T13:30:00Z")], [], "", armed=True, concur_by=None
    )
    leaf = record.send("ru", "activity.update", body)
    assert [one.state for one in alarms(record)] == ["ended", "due"]
    run_center(record)
    later = [make_circle(start="2016-09-17T15:00:00Z")]
    record.send("ru", "activity.update", msgspec.structs.replace(body, replaces=leaf, volumes=later))
    assert [one.state for one in alarms(record)] == ["ended", "raised"]


def leaf_index(record: RecordSimulator, leaf: str) -> int:
    return [str(message.leaf) for message in record.history].index(leaf)


def test_an_alarm_that_is_not_due_is_refused(record: RecordSimulator) -> None:
    called = [Called("ru", "duty-1"), Called("us", "duty-1")]
    with refused("no-confrontation", "'alarm-1-00000000'"):
        record.send("center", "alarm.raise", Raise("alarm-1-00000000", "alpha|bravo", "armed", 1, called))
    meet(record)
    ((kind, body),) = plan_alarms(record.host)
    with pytest.raises(Exception, match="expected another author"):
        record.send("us", kind, body)
    replace = msgspec.structs.replace
    for lie in (
        replace(body, conflict="alpha|charlie"),
        replace(body, reason="denied-zone"),
        replace(body, since=0),
    ):
        with refused("other-confrontation", "since entry 1"):
            record.send("center", kind, lie)
    record.send("center", kind, body)
    with refused("already-raised"):
        record.send("center", kind, body)
    record.send("us", "activity.close", Close("alpha", "closed", ""))
    with refused("ended"):
        record.send("center", kind, body)


def test_an_alarm_to_another_contact_is_refused(record: RecordSimulator) -> None:
    meet(record)
    ((kind, body),) = plan_alarms(record.host)
    for called in (
        [Called("ru", "chief"), Called("us", "duty-1")],
        [Called("ru", "duty-1"), Called("un", "duty-1")],
        [Called("us", "duty-1"), Called("ru", "duty-1")],
    ):
        with refused("wrong-contact", "duty-1"):
            record.send("center", kind, msgspec.structs.replace(body, called=called))


def test_who_saw_it_is_in_the_record_and_who_did_not(record: RecordSimulator) -> None:
    meet(record)
    (leaf,) = run_center(record)
    (row,) = alarms(record)
    see(record, "us", row.alarm)
    record.tick(minutes=5)
    for kind, body in plan_ladder(record.host, record.now, record.recorded_utc):
        record.send("center", kind, body)
    (row,) = alarms(record)
    assert record.receipt(leaf, "us").state == "acknowledged"
    assert explain_sight(row, record.host) == (
        "not seen by ru yet, turned to duty-2; seen by duty-1 at 2016-09-17T13:00:00Z of us"
    )
    see(record, "us", row.alarm, "chief")
    record.tick(minutes=15)
    for kind, body in plan_ladder(record.host, record.now, record.recorded_utc):
        record.send("center", kind, body)
    (row,) = alarms(record)
    assert record.receipt(leaf, "ru").state == "lapsed"
    assert "NOBODY of ru saw it in the agreed time" in explain_sight(row, record.host)
    see(record, "ru", row.alarm, "duty-2")
    (row,) = alarms(record)
    assert "seen by duty-2 at 2016-09-17T13:20:00Z of ru, late: it had lapsed" in explain_sight(
        row, record.host
    )
    assert [(one.party, one.stamp.officers) for one in row.seen] == [
        ("us", ("duty-1",)),
        ("us", ("chief",)),
        ("ru", ("duty-2",)),
    ]


def test_nobody_sees_an_alarm_for_another(record: RecordSimulator) -> None:
    meet(record)
    (row,) = alarms(record)
    with refused("unknown-alarm", row.alarm):
        see(record, "us", row.alarm)  # not raised yet: nobody can have seen what the center has not said
    run_center(record)
    with refused("not-a-party", "'un'"):
        see(record, "un", row.alarm)
    with refused("one-officer", "got 2"):
        record.send("us", "alarm.see", See(row.alarm), officers=["duty-1", "duty-2"])
    see(record, "us", row.alarm)
    with refused("already-seen", "'duty-1'"):
        see(record, "us", row.alarm)
    assert record.receipt(alarms(record)[0].message, "ru").acknowledged is None


def test_an_alarm_is_not_acknowledged_in_a_heap(record: RecordSimulator) -> None:
    first, _ = meet(record)
    (leaf,) = run_center(record)
    with refused("see-alarm", leaf[:12]):
        record.send("ru", "receipt.acknowledge", Acknowledge(sorted([first, leaf])))
    assert record.receipt(first, "ru").acknowledged is None


def test_an_alarm_that_is_over_can_still_be_seen(record: RecordSimulator) -> None:
    meet(record)
    (leaf,) = run_center(record)
    record.send("us", "activity.close", Close("alpha", "closed", ""))
    see(record, "ru", alarms(record)[0].alarm)
    assert record.receipt(leaf, "ru").state == "acknowledged"


def test_among_sealed_activities_both_desks_see_it_and_the_center_cannot(record: RecordSimulator) -> None:
    record.notify("us", "alpha", armed=True, to=["ru"])
    record.notify("ru", "bravo", armed=True, to=["us"])
    assert alarms(record) == alarms(record, "un") == []
    (row,) = alarms(record, "us")
    assert (row.state, row.is_open) == ("due", False)
    assert alarms(record, "ru") == [row]
    assert plan_alarms(record.rows("us")) == []
    # A host that guesses is refused alike by all.
    called = [Called("ru", "duty-1"), Called("us", "duty-1")]
    with refused("no-confrontation"):
        record.send("center", "alarm.raise", Raise(row.alarm, row.conflict, "armed", row.since_index, called))


def test_nobody_opens_the_thread_of_an_alarm(record: RecordSimulator) -> None:
    meet(record)
    name = alarms(record)[0].alarm

    def say(thread: str, about: About, **more: Any) -> None:
        record.send(
            "un", "thread.say", Say(thread, about, "all is well", "en", urgent=False, reply_to=None), **more
        )

    with refused("no-alarm", name):
        say(name, About("none", ""))
    with refused("no-alarm"):
        say(name, About("alarm", name), to=["us"])
    with refused("no-alarm"):
        say("talk", About("alarm", name))
    run_center(record)
    say(name, About("alarm", name))
    with refused("no-alarm"):
        say(name, About("alarm", name), to=["us"])
    assert [view.original.author for view in find_thread(record.host, name)] == ["center", "un"]


def deny(
    record: RecordSimulator, author: str, *, word: str = "denied", rules: Any = (), replaces: Any = None
) -> str:
    body = DeclareZone(
        id="keep-out",
        name="Keep out",
        zone=word,  # type: ignore[arg-type]
        text="",
        volumes=[make_circle(radius_m=3000.0)],
        sides=[],
        rules=list(rules),
        obligations=[],
        corridors=[],
        source="",
        replaces=replaces,
    )
    return record.send(author, "zone.declare", body)


def test_entering_a_denied_zone_is_an_alarm_armed_or_not(record: RecordSimulator) -> None:
    zone = deny(record, "ru")
    record.notify("us", "alpha", activity="medical")
    (row,) = alarms(record)
    assert (row.reason, row.parties) == ("denied-zone", ("ru", "us"))
    run_center(record)
    assert "an activity enters a zone that is denied to it" in explain_alarm(alarms(record)[0], record.host)
    # A zone that is denied no longer takes the alarm down, and does not hide that it was there.
    deny(record, "ru", word="caution", replaces=zone)
    (row,) = alarms(record)
    assert row.state == "ended"


def test_a_denied_zone_that_permits_it_or_is_ones_own_is_no_alarm(record: RecordSimulator) -> None:
    deny(record, "ru", rules=[ZoneRule("us", "*", "permitted", 0, [])])
    record.notify("us", "alpha")
    record.notify("ru", "bravo")
    assert alarms(record) == []


def test_a_zone_denied_over_many_is_one_alarm_with_each_party_and_hides_none(record: RecordSimulator) -> None:
    for place in range(13):
        late = make_circle(35.28 + place / 10_000, start="2016-09-17T14:30:00Z")
        record.notify("us", f"us-{place:02}", late)
    record.notify("un", "un-0")
    early = make_circle(35.28)
    record.notify("us", "us-early", early)
    zone = deny(record, "ru")
    ours, theirs = sorted(alarms(record), key=lambda row: -len(row.also))
    assert (ours.parties, theirs.parties) == (("ru", "us"), ("ru", "un"))
    assert (ours.conflict, len(ours.also), theirs.also) == ("keep-out|us-early", 13, ())
    assert len(run_center(record)) == 2
    (ours, theirs) = sorted(alarms(record), key=lambda row: -len(row.also))
    text = explain_alarm(ours, record.host)
    assert "It begins first of 14 that one entry made at once; also keep-out|us-00, keep-out|us-01" in text
    assert "and 3 more in the list of conflicts" in text
    # The first goes: the alarm stands for the rest. A new one of the same party is told of by itself.
    record.send("us", "activity.close", Close("us-early", "closed", ""))
    (row,) = (row for row in alarms(record) if row.alarm == ours.alarm)
    assert (row.state, row.conflict, len(row.also)) == ("raised", "keep-out|us-00", 12)
    record.notify("us", "us-99")
    assert [body.conflict for _, body in plan_alarms(record.host)] == ["keep-out|us-99"]
    # One that is moved up is another alarm, as if it had been alone.
    leaf = str(record.history[5].leaf)
    body = Update("us-05", leaf, "t", [early], [], "", armed=False, concur_by=None)
    record.send("us", "activity.update", body)
    assert {body.conflict for _, body in plan_alarms(record.host)} == {"keep-out|us-99", "keep-out|us-05"}
    run_center(record)
    deny(record, "ru", word="caution", replaces=zone)
    assert {row.state for row in alarms(record)} == {"ended"}


def test_a_record_that_raised_each_by_itself_is_accepted(record: RecordSimulator) -> None:
    for place in range(3):
        record.notify("us", f"us-{place}")
    deny(record, "ru")
    ((kind, body),) = plan_alarms(record.host)
    assert body.alarm == "alarm-3-1"
    for place in range(3):
        one = msgspec.structs.replace(body, alarm=f"alarm-3-{place + 1}", conflict=f"keep-out|us-{place}")
        record.send("center", kind, one)
    assert [(row.state, row.conflict, row.also) for row in alarms(record)] == [
        ("raised", f"keep-out|us-{place}", ()) for place in range(3)
    ]
    with refused("already-raised"):
        record.send("center", kind, msgspec.structs.replace(body, alarm="alarm-3-9"))
