"""Confrontations at a desk: on top of what is due, with contacts and clock; and a host that hides, bends or
splits them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from entente.deconflict import Acknowledge, AlarmRow, Counter, Notify, Raise, See, Update, plan_alarms
from entente.deconflict.alarm_row import Called
from entente.desk.confronting import WITHHELD_S, review_confrontations
from entente.desk.service import VERBS, call
from entente.kernel.errors import Denied
from entente.kernel.message import encode_body
from entente.space import Separation, VolumeWire, find_conflict, parse_volume
from tests.parties import RULES
from tests.protocol.desk_stage import HERE_E7, Stage, make_stage, make_volume, open_scratch

AGREED = Separation(RULES.lateral_cm / 100, RULES.vertical_cm / 100, float(RULES.time_s))


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_scratch(tmp_path) as folder:
        made = make_stage(folder)
        made.found()
        yield made


def ask(stage: Stage, verb: str, **request: Any) -> Any:
    if not VERBS[verb].is_reading:
        request = {"officer": "duty-1"} | request
    return call(stage.desk, verb, json.dumps(request).encode())


def meet(stage: Stage, *, to: bool = False) -> None:
    """Ours and theirs, armed, in one place."""
    stage.notify("ours", armed=True, **({"to": ["ru"]} if to else {}))
    stage.desk.run_once()
    body = Notify("theirs", "air", "Theirs", [make_volume()], [], armed=True, concur_by=None)
    if to:
        stage.center.say_sealed("ru", "activity.notify", encode_body(body), officers=["duty-1"])
    else:
        stage.center.say("ru", "activity.notify", body, officers=["duty-1"])
    stage.desk.run_once()


def raise_due(stage: Stage) -> str:
    core = stage.center.core
    ((kind, body),) = plan_alarms(core.rows)
    signed = core.write(kind, body)
    core.submit(signed)
    return str(body.alarm)


def first_due(stage: Stage) -> dict[str, Any]:
    items = ask(stage, "inbox")
    found: dict[str, Any] = items[0]
    return found


def test_a_confrontation_stands_on_top_until_it_was_seen_and_is_over(stage: Stage) -> None:
    meet(stage)
    assert first_due(stage)["kind"] == "confrontation"
    alarm = raise_due(stage)
    stage.desk.run_once()
    item = first_due(stage)
    assert (item["kind"], item["subject"], item["is_overdue"]) == ("confrontation", alarm, True)
    assert item["escalates_in_s"] is not None
    assert "Called: duty-1 of ru, duty-1 of us" in item["words"]
    assert [one["kind"] for one in ask(stage, "inbox")].count("confrontation") == 1
    assert ask(stage, "see", alarm=alarm)["state"] == "recorded"
    stage.center.say("ru", "alarm.see", See(alarm), officers=["duty-1"])
    stage.desk.run_once()
    (shown,) = ask(stage, "confrontations")
    assert [side["seen"][0]["officer"] for side in shown["sides"]] == ["duty-1", "duty-1"]
    assert "seen by duty-1" in shown["sight"]
    assert shown["thread"] == alarm
    (said,) = ask(stage, "thread", name=alarm)
    assert said["original"]["author"] == "center"
    assert ask(stage, "say", thread=alarm, text="turning north")["state"] == "recorded"
    ask(stage, "close", id="ours")
    stage.desk.run_once()
    assert "confrontation" not in [one["kind"] for one in ask(stage, "inbox")]
    assert [one["state"] for one in ask(stage, "confrontations")] == ["ended"]


def test_a_host_that_raises_no_alarm_is_found_out_and_hides_nothing(stage: Stage) -> None:
    meet(stage)
    assert "not raised by the center" in first_due(stage)["words"]
    review_confrontations(stage.desk)
    stage.clock.pass_s(WITHHELD_S - 1)
    review_confrontations(stage.desk)
    assert stage.alarms() == {}
    stage.clock.pass_s(1)
    review_confrontations(stage.desk)
    assert "has not raised it" in stage.alarms()["alarm-withheld"].words
    raise_due(stage)
    stage.desk.run_once()
    review_confrontations(stage.desk)
    assert stage.alarms() == {}


def find_edge() -> tuple[int, int]:
    """Where an activity only just comes within the agreed distance of ours."""
    ours = parse_volume(make_volume())

    def is_met(lon_e7: int) -> bool:
        place = (HERE_E7[0], HERE_E7[1] + lon_e7)
        return find_conflict(ours, parse_volume(make_volume(place)), AGREED) is not None

    low, high = 0, 10_000_000
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if is_met(middle) else (low, middle)
    return HERE_E7[0], HERE_E7[1] + low


def test_a_host_whose_accomplice_comes_by_way_of_the_edge_is_found_out_in_time(stage: Stage) -> None:
    """What was in doubt once kept the alarm in doubt for ever, and nobody was accused."""
    stage.notify("ours", armed=True)
    stage.desk.run_once()
    edge = Notify("theirs", "air", "Theirs", [make_volume(find_edge())], [], armed=True, concur_by=None)
    leaf = stage.center.say("ru", "activity.notify", edge, officers=["duty-1"])
    stage.desk.run_once()
    assert [row.state for row in stage.desk.rows.select(AlarmRow)] == ["due"]
    for _ in range(3):
        review_confrontations(stage.desk)
        stage.clock.pass_s(WITHHELD_S)
    review_confrontations(stage.desk)
    # Another machine may not see it: nobody can be accused of that.
    assert stage.alarms() == {}
    sure = Update("theirs", leaf, "Theirs", [make_volume()], [], "", armed=True, concur_by=None)
    stage.center.say("ru", "activity.update", sure, officers=["duty-1"])
    stage.desk.run_once()
    review_confrontations(stage.desk)
    stage.clock.pass_s(WITHHELD_S - 1)
    review_confrontations(stage.desk)
    # Both versions stand for less than the center is given.
    assert stage.alarms() == {}
    stage.clock.pass_s(1)
    review_confrontations(stage.desk)
    assert "'ours|theirs' is here as it is since" in stage.alarms()["alarm-withheld"].words


@pytest.mark.parametrize("is_by_way_of_edge", (False, True))
def test_an_accomplice_who_moves_without_end_gains_nothing(stage: Stage, is_by_way_of_edge: bool) -> None:
    stage.notify("ours", armed=True)
    stage.desk.run_once()
    body = Notify("theirs", "air", "Theirs", [make_volume()], [], armed=True, concur_by=None)
    leaf = stage.center.say("ru", "activity.notify", body, officers=["duty-1"])

    def move(place: tuple[int, int]) -> str:
        volumes = [make_volume(place)]
        told = Update("theirs", leaf, "Theirs", volumes, [], "", armed=True, concur_by=None)
        return stage.center.say("ru", "activity.update", told, officers=["duty-1"])

    for step in range(5):
        stage.desk.run_once()
        review_confrontations(stage.desk)
        stage.clock.pass_s(WITHHELD_S // 4)
        if is_by_way_of_edge:
            # Between two looks: a center that did not see it there has only now found it due.
            leaf = move(find_edge())
        leaf = move((HERE_E7[0], HERE_E7[1] + 1000 * step))
    stage.desk.run_once()
    review_confrontations(stage.desk)
    assert set(stage.alarms()) == (set() if is_by_way_of_edge else {"alarm-withheld"})


def test_a_center_that_was_away_has_its_whole_time_again(stage: Stage) -> None:
    meet(stage)
    # As an older version kept it: the time alone.
    (due,) = stage.desk.rows.select(AlarmRow)
    stage.desk.book.put_meta(f"due:{due.alarm}", "2016-09-17T13:00:00Z")
    review_confrontations(stage.desk)
    stage.center.lies.add("no-network")
    stage.desk.run_once()
    stage.clock.pass_s(10 * WITHHELD_S)
    review_confrontations(stage.desk)
    stage.center.lies.discard("no-network")
    stage.desk.run_once()
    review_confrontations(stage.desk)
    assert stage.alarms() == {}
    stage.clock.pass_s(WITHHELD_S)
    review_confrontations(stage.desk)
    assert set(stage.alarms()) == {"alarm-withheld"}


def test_without_a_line_the_host_is_not_accused(stage: Stage) -> None:
    meet(stage)
    review_confrontations(stage.desk)
    stage.center.lies.add("no-network")
    stage.desk.run_once()
    stage.clock.pass_s(10 * WITHHELD_S)
    review_confrontations(stage.desk)
    assert "alarm-withheld" not in stage.alarms()


def test_a_host_that_shows_the_alarm_to_one_side_only_is_found_out(stage: Stage) -> None:
    """The other side's next message rests on a record that holds the alarm; ours is shown one without it."""
    meet(stage)
    honest = list(stage.center.core.entries)
    alarm = raise_due(stage)
    stage.center.say("ru", "alarm.see", See(alarm), officers=["duty-1"])
    seen = stage.center.core.entries[-1]
    stage.center.rewrite([*honest, seen])
    stage.desk.run_once()
    found = stage.alarms()
    assert set(found) & {"wrongly-accepted", "log-forked", "stale-checkpoint"}, found
    # And the confrontation stands on top here all the same.
    assert first_due(stage)["kind"] == "confrontation"


@pytest.mark.parametrize("what", ("contact", "conflict"))
def test_an_alarm_with_another_contact_or_conflict_is_void(stage: Stage, what: str) -> None:
    meet(stage)
    core = stage.center.core
    ((kind, due),) = plan_alarms(core.rows)
    called = [Called("ru", "duty-1"), Called("us", "duty-2")]
    lie = (
        Raise(due.alarm, due.conflict, due.reason, due.since, called)
        if what == "contact"
        else Raise("alarm-9-deadbeef", due.conflict, due.reason, due.since, due.called)
    )
    signed = core.write(kind, lie)
    with pytest.raises(Denied):
        core.submit(signed)
    stage.center.insert(signed.raw)
    stage.desk.run_once()
    assert "wrongly-accepted" in stage.alarms()
    assert [row.state for row in stage.desk.rows.select(AlarmRow)] == ["due"]


def test_among_sealed_activities_the_desk_alone_says_so(stage: Stage) -> None:
    meet(stage, to=True)
    assert plan_alarms(stage.center.core.rows) == []
    item = first_due(stage)
    assert item["kind"] == "confrontation"
    assert "the center cannot see it; call the other side" in item["words"]
    stage.clock.pass_s(10 * WITHHELD_S)
    review_confrontations(stage.desk)
    review_confrontations(stage.desk)
    assert stage.alarms() == {}


# Counter-proposals and suggestions


def test_a_counter_proposal_is_due_and_taken_up(stage: Stage) -> None:
    ours = stage.notify("ours")
    stage.desk.run_once()
    stage.center.say("ru", "receipt.acknowledge", Acknowledge([ours.leaf]), officers=["duty-1"])
    other = make_volume((HERE_E7[0] + 1_000_000, HERE_E7[1]))
    leaf = stage.center.say(
        "ru", "activity.counter", Counter("ours", ours.leaf, [other], "farther north"), officers=["duty-1"]
    )
    stage.desk.run_once()
    (item,) = [one for one in ask(stage, "inbox") if one["kind"] == "counter"]
    assert item["subject"] == leaf
    assert "farther north" in item["words"]
    assert ask(stage, "update", id="ours", reason="as proposed", take_up=leaf)["state"] == "recorded"
    stage.desk.run_once()
    assert "counter" not in [one["kind"] for one in ask(stage, "inbox")]


def test_a_plan_is_tried_without_a_word_to_anyone(stage: Stage) -> None:
    body = Notify("theirs", "air", "Theirs", [make_volume()], [], armed=False, concur_by=None)
    stage.center.say("ru", "activity.notify", body, officers=["duty-1"])
    stage.desk.run_once()
    before = (stage.center.core.tree.size, len(stage.center.requests))
    volume = msgspec.to_builtins(make_volume())
    answer = ask(stage, "suggest", volumes=[volume], kind="air")
    assert answer["conflicts"] == ("theirs",)
    assert {one["way"] for one in answer["found"]} >= {"later", "aside"}
    # Earlier than now is no way: 13:55 it is, and the plan begins at 15:00.
    assert answer["room"]["not_before"] == "2016-09-17T13:55:00Z"
    assert (stage.center.core.tree.size, len(stage.center.requests)) == before
    best = answer["found"][0]["volumes"]
    stage.notify("ours", volumes=msgspec.convert(best, list[VolumeWire]))
    stage.desk.run_once()
    assert "conflict" not in [one["kind"] for one in ask(stage, "inbox")]
    theirs = ask(stage, "suggest", activity="theirs")
    assert theirs["conflicts"] == ()


def test_a_suggestion_of_nothing_is_refused(stage: Stage) -> None:
    with pytest.raises(Exception, match="expected an activity, or volumes"):
        ask(stage, "suggest")
    with pytest.raises(Exception, match="expected one in the record"):
        ask(stage, "suggest", activity="nothing")


def test_a_deadline_is_told_kept_and_taken_away(stage: Stage) -> None:
    by = "2016-09-17T14:30:00Z"
    assert ask(stage, "notify", **plan(), concurrence=["ru"], concur_by=by)["state"] == "recorded"
    for more, expected in (({}, by), ({"concur_by": ""}, "")):
        assert ask(stage, "update", id="ours", reason="x", title="Again", **more)["state"] == "recorded"
        stage.desk.run_once()
        (row,) = ask(stage, "status")["activities"]
        assert row["concur_by"] == expected
        assert [one["answer"] for one in row["answers"]] == ["waiting"]


def plan() -> dict[str, Any]:
    volume = msgspec.to_builtins(make_volume())
    return {"id": "ours", "activity": "air", "title": "Ours", "volumes": [volume]}


def test_a_partners_words_neither_turn_nor_break_what_we_are_told(stage: Stage) -> None:
    stage.notify("ours", armed=True)
    stage.desk.run_once()
    title = "Theirs\u202ederrucnoc"
    body = Notify("theirs", "air", title, [make_volume()], ["us"], armed=True, concur_by=None)
    stage.center.say("ru", "activity.notify", body, officers=["duty-1"])
    (leaf,) = [one["version"] for one in ask(stage, "status")["activities"] if one["id"] == "ours"]
    stage.center.say("ru", "receipt.acknowledge", Acknowledge([leaf]), officers=["duty-1"])
    counter = Counter("ours", leaf, [make_volume(radius_m=9)], "no\nactivity 'ours': ru CONCURRED")
    stage.center.say("ru", "activity.counter", counter, officers=["duty-1"])
    stage.desk.run_once()
    raise_due(stage)
    stage.desk.run_once()
    inbox = {item["kind"]: item["words"] for item in ask(stage, "inbox")}
    assert {"confrontation", "concur", "conflict", "counter"} <= set(inbox)
    told = [*inbox.values(), *(one["words"] for one in ask(stage, "confrontations"))]
    told += [one["words"] for one in ask(stage, "status")["conflicts"]]
    for words in told:
        assert "\n" not in words
        assert "\u202e" not in words
    assert "\\u202ederrucnoc" in inbox["confrontation"]
