"""Trials: a plan is tried by the very rules that will judge it; what is suggested and then told conflicts
with nothing."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from entente.deconflict import (
    ActivityRow,
    Concur,
    ConflictRow,
    Counter,
    DeclareZone,
    ObjectRow,
    Update,
    ZoneRule,
    list_proposals,
)
from entente.deconflict.suggest import Room, Suggestions, suggest
from entente.deconflict.trial import Trial, try_activity, try_plan
from entente.space import VolumeWire
from tests.unit.test_deconflict_conflicts import make_site
from tests.unit.test_deconflict_simulator import RecordSimulator, make_circle, refused

ROOM = Room(aside_m=60_000, up_cm=1_000_000)


@pytest.fixture
def record() -> RecordSimulator:
    return RecordSimulator()


def crowd(record: RecordSimulator) -> None:
    """An activity of another party, a site with a buffer, a denied zone: all over one place."""
    record.notify("ru", "theirs", make_circle(35.30))
    site = make_site("hospital", volume=make_circle(35.27, radius_m=50.0), buffer_cm=200_000)
    record.send("un", "site.declare", site)
    zone = DeclareZone(
        id="keep-out",
        name="Keep out",
        zone="denied",
        text="",
        volumes=[make_circle(35.28, 40.20, radius_m=1500.0, end="2016-09-17T15:30:00Z")],
        sides=[],
        rules=[],
        obligations=[],
        corridors=[],
        source="",
        replaces=None,
    )
    record.send("ru", "zone.declare", zone)


def try_at(record: RecordSimulator, view: str | None = None, author: str = "us") -> Trial:
    seen = record.views[view]
    return try_plan(seen.rows, seen.index, author=author, activity="air", armed=False)


def ask(record: RecordSimulator, *volumes: VolumeWire, view: str | None = None) -> Suggestions:
    return suggest(list(volumes) or [make_circle()], ROOM, try_at(record, view).find)


def test_every_suggestion_can_be_told_and_conflicts_with_nothing(record: RecordSimulator) -> None:
    crowd(record)
    answer = ask(record)
    assert answer.conflicts == ("hospital", "keep-out", "theirs")
    assert {one.way for one in answer.found} == {"later", "earlier", "up", "aside"}
    assert answer.none_found == ("down: none found within 3,000 m lower",)
    for number, one in enumerate(answer.found):
        record.notify("us", f"alpha-{number}", *one.volumes)
        assert list(record.host.select(ConflictRow, state="open")) == []


def test_a_trial_leaves_no_trace(record: RecordSimulator) -> None:
    crowd(record)
    view = record.views[None]
    kinds = (ObjectRow, ActivityRow, ConflictRow)
    before, size = [list(view.rows.select(kind)) for kind in kinds], len(view.index)
    ask(record)
    assert [list(view.rows.select(kind)) for kind in kinds] == before
    assert len(view.index) == size


def test_ones_own_activities_are_not_in_the_way(record: RecordSimulator) -> None:
    record.notify("us", "mine")
    assert ask(record) == Suggestions((), (), (), 1)
    assert [one.object for one in try_at(record, author="ru").find([make_circle()])] == ["mine"]


def test_a_suggestion_sees_only_what_the_asker_can_see(record: RecordSimulator) -> None:
    """SECURITY: what is sealed to others must not shine through what is suggested, nor through what is
    not."""
    without = ask(record, view="un")
    record.notify("ru", "secret", to=["us"])
    assert ask(record, view="un") == without
    assert ask(record, view=None) == without
    assert len(ask(record, view="us").conflicts) == 1


def test_for_an_activity_that_stands_its_own_old_place_is_free(record: RecordSimulator) -> None:
    leaf = record.notify("us", "alpha")
    record.notify("ru", "theirs")
    view = record.views["ru"]
    thing, activity = view.rows.find(ObjectRow, "alpha"), view.rows.find(ActivityRow, "alpha")
    assert thing is not None
    assert activity is not None
    trial = try_activity(view.rows, view.index, thing, activity)
    (best, *_) = suggest(activity.volumes, ROOM, trial.find).found
    # What the partner's desk found goes to the author as a counter-proposal, and is taken up as it is.
    record.acknowledge("ru", leaf)
    record.send("ru", "activity.counter", Counter("alpha", leaf, list(best.volumes), best.words))
    body = Update("alpha", leaf, "t", list(best.volumes), [], "", armed=False, concur_by=None)
    record.send("us", "activity.update", body)
    assert [one.state for one in list_proposals(record.host, "alpha")] == ["taken-up"]
    assert list(record.host.select(ConflictRow, state="open")) == []


def test_what_counts_for_this_version_alone_is_said_to_be_asked_for_again(record: RecordSimulator) -> None:
    rules = [ZoneRule("*", "*", "concurrence", 2, ["ru"])]
    always: Any = {"start": "2016-09-01T00:00:00Z", "end": "2016-10-01T00:00:00Z"}
    volumes = [make_circle(35.28, radius_m=90_000.0, floor_m=None, ceiling_m=None, **always)]
    zone = DeclareZone("ask", "Ask", "restricted", "", volumes, [], rules, [], [], "", None)
    record.send("un", "zone.declare", zone)
    leaf = record.notify("us", "ours", make_circle(start="2016-09-17T15:30:00Z"), concurrence=["ru"])
    record.acknowledge("ru", leaf)
    record.acknowledge("un", leaf)
    record.send("ru", "activity.concur", Concur("ours", leaf))
    record.notify("un", "theirs", make_circle(35.30, start="2016-09-17T15:30:00Z"))
    host = record.views[None]
    thing, row = host.rows.find(ObjectRow, "ours"), host.rows.find(ActivityRow, "ours")
    assert thing is not None
    assert row is not None
    trial = try_activity(host.rows, host.index, thing, row)
    room = msgspec.structs.replace(ROOM, earlier_s=0)
    found = suggest(row.volumes, room, trial.find, again=trial.list_again).found
    again = ("concurrence of ru", "2 h notice in zone ask, from when it is heard anew")
    assert {one.way: one.ask_again for one in found} == dict.fromkeys(("later", "up", "aside"), again)
    # It is so: told as suggested, the yes and the notice are missing.
    best = found[0].volumes
    body = Update("ours", leaf, "t", list(best), ["ru"], "", armed=False, concur_by=None)
    record.send("us", "activity.update", body)
    told = host.rows.find(ConflictRow, "ask|ours")
    assert told is not None
    assert told.zone is not None
    assert (told.state, told.zone.lacking, told.zone.unheard) == ("open", ("ru",), ("un",))
    # What shrinks keeps both, and a plan that was never told was given nothing.
    assert trial.list_again([make_circle(radius_m=900.0, start="2016-09-17T15:30:00Z")]) == ()
    assert try_at(record).list_again(best) == ()


def test_work_is_bounded_and_said(record: RecordSimulator) -> None:
    crowd(record)
    answer = suggest([make_circle()], ROOM, try_at(record).find, looks=2, checks=40)
    assert answer.looks <= 2
    assert any("there may be one" in text for text in answer.none_found)
    nothing = suggest(
        [make_circle()], Room(later_s=60, earlier_s=60, up_cm=0, down_cm=0, aside_m=10), try_at(record).find
    )
    assert nothing.found == ()
    assert nothing.none_found == (
        "later: none found within 1 min later",
        "earlier: none found within 1 min earlier",
        "aside: none found within 10 m aside",
    )


def test_bounds_of_height_and_time_are_kept(record: RecordSimulator) -> None:
    record.notify("ru", "theirs", make_circle(ceiling_m=5000.0, floor_m=1000.0))
    volume = make_circle(floor_m=2000.0, ceiling_m=3000.0)
    room = Room(
        up_cm=1_000_000, down_cm=1_000_000, floor_cm=0, ceiling_cm=600_000, not_before="2016-09-17T13:30:00Z"
    )
    answer = suggest([volume], room, try_at(record).find)
    assert {one.way for one in answer.found} == {"later", "aside"}
    assert answer.none_found[0].startswith("earlier: none found within 30 min")


def test_a_plan_that_is_no_volume_is_refused(record: RecordSimulator) -> None:
    with refused("window-reversed"):
        ask(record, make_circle(end="2016-09-17T14:00:00Z"))
