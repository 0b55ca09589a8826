"""Who crowds a place, within all that he may hold, silences nobody there and stalls nobody for long."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import msgspec
import pytest

from entente.deconflict import Close, ConflictRow, Notify, Update, decide_intake, rebuild_index
from entente.deconflict import quota as quota_module
from entente.deconflict.holdings import COUNTED, OpenedRow, find_held
from entente.deconflict.quota import PACE_BURST, PACE_PER_S, Pace
from entente.kernel.message import VerifiedMessage
from entente.space import VolumeWire
from tests.unit.test_deconflict_simulator import RULES, START, RecordSimulator, make_circle, refused
from tests.unit.test_deconflict_sites import make_site
from tests.unit.test_deconflict_zone_judgement import make_zone

CROWD: Final = 2_001


NO_SEPARATION: Final = msgspec.structs.replace(RULES, lateral_cm=0, vertical_cm=0, time_s=0)
WIDE: Final = make_circle(radius_m=8000.0)


@pytest.fixture(scope="module")
def crowded() -> RecordSimulator:
    """A party holds 2,001 small activities side by side, none of which meets another: all were let in."""
    record = RecordSimulator(desks=(), rules=NO_SEPARATION)
    for place in range(CROWD):
        row, column = divmod(place, 50)
        small = make_circle(35.26 + row * 0.001, 40.15 + column * 0.001, 20.0)
        record.notify("ru", f"crowd-{place}", small)
    return record


def count_open(record: RecordSimulator, name: str) -> int:
    rows = record.host
    found = [*rows.select(ConflictRow, state="open", first=name)]
    return len([*found, *rows.select(ConflictRow, state="open", second=name)])


def test_a_crowd_keeps_neither_a_convoy_nor_a_site_nor_a_zone_from_being_told(
    crowded: RecordSimulator,
) -> None:
    crowded.notify("us", "convoy", WIDE, activity="ground")
    # With each of the crowd, and from then on with the convoy as well.
    assert count_open(crowded, "convoy") == CROWD
    crowded.send("un", "site.declare", make_site(volume=WIDE))
    assert count_open(crowded, "m2") == CROWD + 1
    crowded.send("un", "zone.declare", make_zone(volumes=[WIDE]))
    assert count_open(crowded, "zone") == CROWD + 1
    assert count_open(crowded, "convoy") == CROWD + 2


def test_what_an_entry_opens_counts_up_to_a_hundred_and_ends_uncounted_first() -> None:
    record = RecordSimulator(desks=())
    for place in range(COUNTED + 2):
        record.notify("ru", f"crowd-{place}", make_circle(radius_m=50.0))
    at = record.size
    record.notify("us", "convoy")
    held = [find_held("us", record.host).conflicts]
    for place in range(3):
        record.send("ru", "activity.close", Close(f"crowd-{place}", "closed", ""))
        held.append(find_held("us", record.host).conflicts)
    assert held == [COUNTED, COUNTED, COUNTED, COUNTED - 1]
    opened = record.host.find(OpenedRow, f"{at:016d}")
    assert opened is not None
    assert opened.uncounted == 0
    record.send("us", "activity.close", Close("convoy", "closed", ""))
    assert find_held("us", record.host).conflicts == 0


def shift(lon: float, *, start: str = "14", end: str = "16") -> VolumeWire:
    begin, over = f"2016-09-17T{start}:00:00Z", f"2016-09-17T{end}:00:00Z"
    return make_circle(lon=lon, radius_m=50.0, start=begin, end=over)


def test_a_party_may_crowd_a_place_so_much_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(quota_module, "MAX_CROWD", 3)
    monkeypatch.setattr(quota_module, "MAX_NEAR", 0)
    record = RecordSimulator(desks=())
    # Apart by more than the 5 km agreed, and all within 15 km of each other: they meet one planner at once.
    for place in range(4):
        record.notify("ru", f"crowd-{place}", shift(40.0 + 0.03 * place))
    with refused(
        "crowd", "'crowd-4': expected <= 3 volumes", "of 'ru' around it, got 4", "tell of many as one"
    ):
        record.notify("ru", "crowd-4", shift(40.06))
    # Another party, another time and another place are no part of it; nor is what was closed.
    record.notify("us", "alpha", shift(40.05))
    record.notify("ru", "later", shift(40.05, start="17", end="18"))
    there = record.notify("ru", "there", shift(41.0))
    with refused("crowd"):
        move(record, there, shift(40.05))
    record.send("ru", "activity.close", Close("crowd-0", "closed", ""))
    moved = move(record, there, shift(40.05))
    # Where it is too full already, whoever stands in it may still say where he is.
    record.notify("ru", "more", shift(40.05), is_recorded=True)
    with refused("crowd"):
        record.notify("ru", "still-more", shift(40.05))
    move(record, moved, shift(40.04))


def move(record: RecordSimulator, before: str, volume: VolumeWire) -> str:
    body = Update("there", before, "t", [volume], [], "", armed=False, concur_by=None)
    return record.send("ru", "activity.update", body)


def test_who_meets_very_many_again_and_again_waits_and_nobody_else() -> None:
    pace = Pace()
    told = 0
    while not pace.find_wait_s("us", START):
        pace.spend("us", CROWD, START)
        told += 1
    assert told == PACE_BURST // CROWD + 1
    wait_s = pace.find_wait_s("us", START)
    debt = told * CROWD - PACE_BURST
    assert debt / PACE_PER_S < wait_s <= debt / PACE_PER_S + 1
    assert pace.find_wait_s("un", START) == 0
    # A clock that is set back pays nothing, nor the same seconds twice.
    assert pace.find_wait_s("us", START - timedelta(days=1)) == wait_s
    assert pace.find_wait_s("us", START + timedelta(seconds=wait_s - 1)) == 1
    assert pace.find_wait_s("us", START + timedelta(seconds=wait_s)) == 0
    pace.spend("us", 0, START - timedelta(days=1))
    assert pace.find_wait_s("us", START) == wait_s
    # One message may meet more than all that is left, and is let in.
    pace.spend("un", 10 * PACE_BURST, START)
    assert pace.find_wait_s("un", START) == 9 * PACE_BURST // PACE_PER_S + 1


def test_the_pace_is_asked_of_what_meets_many_alone(crowded: RecordSimulator) -> None:
    pace, rows, index = Pace(), crowded.host, rebuild_index(crowded.host)
    pace.spend("us", 3 * PACE_BURST, START)

    def build(lat: float) -> VerifiedMessage[Notify]:
        body = Notify(
            "golf", "air", "t", [make_circle(lat, radius_m=8000.0)], [], armed=False, concur_by=None
        )
        return crowded.build("us", "activity.notify", body)

    many, few = build(35.28), build(-35.28)
    with refused("pace", "activity 'golf'", "more objects: send it again in 201 s"):
        decide_intake(many, rows, START, index, pace).require()
    assert decide_intake(few, rows, START, index, pace).is_allowed
    later = START + timedelta(seconds=201)
    assert decide_intake(many, rows, later, index, pace).is_allowed
    # It was spent on this one.
    assert pace.find_wait_s("us", later) > 0
