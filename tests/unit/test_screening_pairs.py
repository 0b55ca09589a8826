"""What is screened: against a plain count of all pairs, in any order of rows, within a budget."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from entente.kernel.errors import Malformed, TooManyConflicts
from entente.screening import Budget, Columns, VolumeSet, from_arrow, name_objects, screen
from entente.screening.search import Tally, find_room
from entente.space import Circle, HeightBand, Polygon, Separation, Volume, Window, find_conflict
from entente.space.bulk import pack_volumes
from entente.space.ellipsoid import distance_and_bearing

START = datetime(2026, 9, 17, tzinfo=UTC)
KEEP = Separation(lateral_m=500.0, vertical_m=100.0, time_s=300.0)


def draw_volumes(seed: int, count: int) -> list[Volume]:
    draw = np.random.default_rng(seed)
    found: list[Volume] = []
    for _ in range(count):
        lat, lon = draw.normal(50, 0.03), draw.normal(15, 0.05)
        start = START + timedelta(minutes=int(draw.integers(0, 600)))
        floor = 50.0 * int(draw.integers(0, 20))
        outline: Circle | Polygon = Circle((lat, lon), float(draw.uniform(100, 3000)))
        if draw.random() < 0.5:
            turns, size = np.sort(draw.uniform(0, 6.2, 5)), draw.uniform(0.005, 0.03)
            outline = Circle((lat, lon), 500.0)
            if np.diff(turns).min() > 0.2 and np.diff(turns).max() < 3.0:
                outline = Polygon(
                    tuple((lat + size * float(np.sin(t)), lon + size * float(np.cos(t))) for t in turns)
                )
        found.append(
            Volume(
                outline,
                HeightBand(None if draw.random() < 0.1 else floor, floor + 60.0),
                Window(start, start + timedelta(minutes=int(draw.integers(5, 60)))),
            )
        )
    return found


def make_set(seed: int, count: int, ids: list[Any] | None = None) -> VolumeSet:
    names = [f"v{number}" for number in range(count)] if ids is None else ids
    return VolumeSet(pack_volumes(draw_volumes(seed, count)), name_objects(names, "here"))


def count_plainly(first: VolumeSet, second: VolumeSet | None = None) -> list[tuple[str, str]]:
    """Every pair, one after the other, by the exact rule."""
    one = [(first.name(row), first.table.volume(row)) for row in range(len(first))]
    if second is None:
        tried = [(a, b) if a[0] < b[0] else (b, a) for at, a in enumerate(one) for b in one[at + 1 :]]
    else:
        two = [(second.name(row), second.table.volume(row)) for row in range(len(second))]
        tried = [(a, b) for a in one for b in two]
    return sorted((a[0], b[0]) for a, b in tried if find_conflict(a[1], b[1], KEEP))


def pairs(table: pa.Table) -> list[tuple[Any, Any]]:
    return list(zip(table["first"].to_pylist(), table["second"].to_pylist(), strict=True))


def test_all_pairs_are_those_of_a_plain_count() -> None:
    made = make_set(1, 150)
    found = screen(made, separation=KEEP)
    assert pairs(found.to_arrow()) == count_plainly(made)
    assert len(found) > 30


def test_set_against_set_is_a_plain_count() -> None:
    first, second = make_set(2, 90), make_set(3, 70)
    found = screen(first, second, separation=KEEP, budget=Budget(threads=2))
    assert pairs(found.to_arrow()) == count_plainly(first, second)
    assert len(found) > 20
    assert len(screen(first, make_set(3, 0), separation=KEEP)) == 0
    assert len(screen(make_set(3, 0), first, separation=KEEP)) == 0
    assert len(screen(make_set(3, 0), separation=KEEP)) == 0


def test_sites_reach_as_far_as_their_buffers_say() -> None:
    plan = make_set(4, 200)
    draw = np.random.default_rng(8)
    places = [(float(draw.normal(50, 0.03)), float(draw.normal(15, 0.05))) for _ in range(20)]
    rows = [
        {
            "type": "Feature",
            "id": number,
            "geometry": {"type": "Point", "coordinates": [lon, lat]},
            "properties": {"buffer_m": 3000} if number % 2 else {},
        }
        for number, (lat, lon) in enumerate(places)
    ]
    sites = read_features(rows)
    found = screen(plan, sites, separation=Separation(), buffer_m=1000.0)
    expected = []
    for row in range(len(plan)):
        outline = plan.table.volume(row).outline
        for number, place in enumerate(places):
            if not isinstance(outline, Circle):
                continue
            gap_m = distance_and_bearing(*outline.centre, *place)[0] - outline.radius_m
            if gap_m <= (3000.0 if number % 2 else 1000.0):
                expected.append((plan.name(row), number))
    circles = {
        plan.name(row) for row in range(len(plan)) if isinstance(plan.table.volume(row).outline, Circle)
    }
    got = [pair for pair in pairs(found.to_arrow()) if pair[0] in circles]
    assert got == sorted(expected)
    assert len(got) > 30
    assert found.rule == "sites"
    with pytest.raises(Malformed, match="expected sites"):
        screen(plan, separation=KEEP, buffer_m=10.0)


def read_features(features: list[dict[str, Any]]) -> VolumeSet:
    import tempfile

    from entente.screening import read_table

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "sites.json"
        file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
        return read_table(file, is_site=True)


def test_the_answer_is_the_same_however_rows_stand_and_threads_run() -> None:
    volumes = draw_volumes(5, 400)
    names = [f"n{number * 7919 % 1000}" for number in range(400)]
    answers = []
    for seed, threads in ((None, 1), (1, 1), (2, 2), (3, 5)):
        order = np.arange(400) if seed is None else np.random.default_rng(seed).permutation(400)
        made = VolumeSet(
            pack_volumes([volumes[row] for row in order]),
            name_objects([names[row] for row in order], "here"),
        )
        answers.append(screen(made, separation=KEEP, budget=Budget(threads=threads)).to_arrow())
    assert len(answers[0]) > 200
    assert all(answer.equals(answers[0]) for answer in answers)
    assert pairs(answers[0]) == sorted(pairs(answers[0]))
    assert all(first < second for first, second in pairs(answers[0]))


def test_numbers_sort_as_numbers_and_text_as_text() -> None:
    found = screen(make_set(1, 150, list(range(150, 0, -1))), separation=KEEP).to_arrow()
    assert pairs(found) == sorted(pairs(found))
    assert found["first"].type == pa.int64()


def test_what_a_pair_is_said_to_be_is_what_the_rule_says() -> None:
    made = make_set(6, 150)
    found = screen(made, separation=KEEP)
    told = found.to_arrow().to_pylist()
    assert {row["rule"] for row in told} == {"volumes"}
    for place, row in enumerate(told):
        a, b = (made.table.volume(int(one[place])) for one in (found.first, found.second))
        overlap = find_conflict(a, b, KEEP)
        assert overlap is not None
        assert row["gap_m"] == overlap.gap_m
        assert row["vertical_gap_m"] == pytest.approx(overlap.vertical_gap_m)
        assert row["time_gap_s"] == overlap.time_gap_s
        window = None if overlap.window is None else (overlap.window.start_utc, overlap.window.end_utc)
        assert (None if row["start"] is None else (row["start"], row["end"])) == window
        assert row["first"] in found.describe(place)
    assert found.to_arrow(gaps=3)["gap_m"].null_count == len(found)


def test_a_budget_that_does_not_hold_the_work_is_refused_with_what_would_fit() -> None:
    made = make_set(1, 150)
    with pytest.raises(
        Malformed, match=r"expected 5 MB or more for 150 volumes on 1 threads, got .* 1 MB"
    ) as caught:
        screen(made, separation=KEEP, budget=Budget(memory_mb=1))
    assert "would fit 0 volumes" in caught.value.message
    room = find_room(made, None, Budget(memory_mb=5))
    assert 1 < room < 100_000
    assert find_room(made, None, Budget(memory_mb=6)) > room
    for number in (0, -1):
        with pytest.raises(Malformed, match="expected 1 or more"):
            Budget(memory_mb=number)
        with pytest.raises(Malformed, match="expected 1 or more"):
            Budget(threads=number)


@pytest.mark.parametrize("threads", (1, 3))
def test_an_answer_over_the_budget_is_an_error_and_never_a_shorter_answer(threads: int) -> None:
    made = make_set(1, 150)
    count = len(screen(made, separation=KEEP))
    assert len(screen(made, separation=KEEP, budget=Budget(threads, most=count))) == count
    with pytest.raises(TooManyConflicts, match=f"at most {count - 1:,} pairs"):
        screen(made, separation=KEEP, budget=Budget(threads, most=count - 1))


def test_pairs_are_counted_while_they_are_found_and_not_only_at_the_end() -> None:
    tally = Tally(5)
    tally.add(3)
    tally.add(2)
    with pytest.raises(TooManyConflicts, match="at most 5 pairs"):
        tally.add(1)


@pytest.mark.parametrize("threads", (1, 2))
def test_an_interrupt_leaves_no_thread_behind(threads: int) -> None:
    def interrupt(done: int, _whole: int) -> None:
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        screen(make_set(1, 150), separation=KEEP, budget=Budget(threads), on_progress=interrupt)
    assert not [one for one in threading.enumerate() if one.name.startswith("screening")]


def test_progress_rises_to_the_whole() -> None:
    told: list[tuple[int, int]] = []
    screen(make_set(1, 150), separation=KEEP, on_progress=lambda done, whole: told.append((done, whole)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1][0] == told[-1][1]


def test_volumes_round_a_pole_and_over_the_antimeridian_are_found() -> None:
    window = Window(START, START + timedelta(hours=1))
    band = HeightBand(0.0, 100.0)
    cap = Polygon(tuple((85.0, float(lon)) for lon in range(-180, 180, 30)))
    volumes = [
        Volume(cap, band, window),
        Volume(Circle((89.9, 20.0), 100.0), band, window),
        Volume(Circle((10.0, -179.9999), 500.0), band, window),
        Volume(Circle((10.0, 179.9999), 500.0), band, window),
    ]
    made = VolumeSet(pack_volumes(volumes), name_objects([0, 1, 2, 3], "here"))
    for threads in (1, 2):
        found = screen(made, separation=Separation(), budget=Budget(threads))
        assert pairs(found.to_arrow()) == [(0, 1), (2, 3)]


def test_an_empty_table_is_an_empty_set() -> None:
    moment = pa.timestamp("us", "UTC")
    table = pa.table(
        {
            "id": pa.array([], pa.string()),
            "geometry": pa.array([], pa.binary()),
            "floor_m": pa.array([], pa.float64()),
            "ceiling_m": pa.array([], pa.float64()),
            "start": pa.array([], moment),
            "end": pa.array([], moment),
        }
    )
    assert len(screen(from_arrow(table, Columns()), separation=KEEP).to_arrow()) == 0
