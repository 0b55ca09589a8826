"""Bulk pairs against the exact rule: the same answer for every pair, compiled or not, in any order."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Final

import numpy as np
import pytest

from entente.kernel.errors import InvalidVolume, TooManyConflicts
from entente.space import Circle, HeightBand, Polygon, Separation, Volume
from entente.space.bulk import (
    UNBOUNDED_CM,
    Pairs,
    VolumeTable,
    find_pairs,
    find_pairs_between,
    join_tables,
    pack_volumes,
)
from entente.space.bulk.compiled import load_compiler
from entente.space.bulk.crowd import CROWD
from entente.space.bulk.pairs import Task, search, sort_pairs
from entente.space.bulk.plain import make_plain_plan
from entente.space.bulk.plan import make_plan
from entente.space.ellipsoid import walk_line
from entente.space.overlap import is_conflict
from tests.properties.space.check_bulk import SEPARATIONS, compare_by_rule, draw_table, draw_volume

pytestmark = pytest.mark.timeout(240)  # the first to come compiles
SIZE: Final = 110


@pytest.fixture(autouse=True)
def _compiled() -> None:
    """Small tables too are asked of the compiled form."""
    load_compiler()


def list_pairs(found: Pairs) -> list[tuple[int, int]]:
    return list(zip(found.first.tolist(), found.second.tolist(), strict=True))


def find_plainly(table: VolumeTable, separation: Separation) -> list[tuple[int, int]]:
    plan = make_plain_plan(table, separation)
    return list_pairs(sort_pairs(search(Task(table, separation, None, 0, plan))))


@pytest.mark.parametrize("separation", SEPARATIONS, ids=str)
@pytest.mark.parametrize("seed", (1, 2))
def test_the_answer_is_that_of_the_exact_rule(separation: Separation, seed: int) -> None:
    table = draw_table(random.Random(f"{seed} {separation}"), separation, SIZE)
    wanted = sorted(compare_by_rule(table, separation))
    assert wanted
    assert list_pairs(find_pairs(table, separation)) == wanted
    assert find_plainly(table, separation) == wanted


def test_the_order_of_rows_plays_no_part() -> None:
    separation = SEPARATIONS[2]
    table = draw_table(random.Random(3), separation, SIZE)
    order = np.random.default_rng(3).permutation(len(table))
    found = list_pairs(find_pairs(table.take(order), separation))
    back = sorted(tuple(sorted((int(order[a]), int(order[b])))) for a, b in found)
    assert back == list_pairs(find_pairs(table, separation))


def test_between_two_tables_each_row_of_the_second_brings_its_reach() -> None:
    draw = random.Random(4)
    table, sites = (draw_table(draw, SEPARATIONS[2], 80) for _ in range(2))
    reach_cm = np.array([draw.choice([0, 1, 50_000, 400_000]) for _ in range(len(sites))], dtype=np.int64)
    wanted = []
    for place in range(len(sites)):
        own_m = reach_cm[place] / 100
        widened = Separation(own_m, own_m, 0.0)
        pair = join_tables([table, sites.take([place])])
        wanted += [(a, place) for a, b in compare_by_rule(pair, widened) if b == len(table)]
    assert wanted
    found = find_pairs_between(table, sites, Separation(), reach_cm=reach_cm)
    assert list_pairs(found) == sorted(wanted)


def test_parts_of_a_plan_hold_every_pair_once() -> None:
    separation = SEPARATIONS[3]
    table = draw_table(random.Random(5), separation, SIZE)
    plan = make_plan(table, separation)
    task = Task(table, separation, None, 0, plan)
    found = np.concatenate(search(task))
    assert len(np.unique(found)) == len(found)


@pytest.mark.parametrize("kind", ("drones", "layers", "hours"))
def test_thousands_in_one_cell_are_told_apart_by_what_keeps_them_apart(kind: str) -> None:
    # Places, heights or times differ, the other two do not: swept along the wrong one, all would be compared.
    count, draw = 5_000, np.random.default_rng(13)
    step = np.arange(count)
    scatter = draw.integers(0, 1_900_000, size=(count, 2)) if kind == "drones" else np.zeros((count, 2))
    floor = step * 150 if kind == "layers" else np.zeros(count, dtype=np.int64)
    start = step * 60_000_000 if kind == "hours" else np.zeros(count, dtype=np.int64)
    table = VolumeTable(
        ring_of=np.arange(count + 1),
        vertex_of=np.arange(count + 1),
        is_hole=np.zeros(count, dtype=np.bool_),
        points_e7=np.add(scatter, [352_000_100, 402_000_100]).astype(np.int32),
        radius_cm=np.full(count, 2_500),
        floor_cm=floor,
        ceiling_cm=floor + 160,
        start_us=start,
        end_us=start + 70_000_000,
    )
    assert max(grid.fullest for grid in make_plan(table, Separation()).grids.values()) >= CROWD
    found = list_pairs(find_pairs(table, Separation()))
    # Each layer and each hour reaches into the next one, and no farther.
    chain = [(row, row + 1) for row in range(count - 1)]
    assert found == (find_plainly(table, Separation()) if kind == "drones" else chain)
    assert len(found) > 100


def test_a_country_against_many_small_volumes() -> None:
    # Edges of hundreds of kilometres: straight lines between their ends miss what lies under their bulge.
    draw = random.Random(6)
    country = Polygon(((60.0, 20.0), (60.0, 29.0), (64.0, 31.0), (66.0, 24.0)))
    volumes = [draw_volume(draw, country)]
    for step in range(120):
        middle = (60.0 + draw.uniform(0.0, 0.11), 20.0 + 9 * step / 120)
        volumes.append(draw_volume(draw, Circle(middle, draw.uniform(10.0, 3_000.0))))
    table = pack_volumes(volumes)
    plan = make_plan(table, Separation())
    assert not len(plan.far), "a country has a box once its edges are cut"
    assert list_pairs(find_pairs(table, Separation())) == sorted(compare_by_rule(table, Separation()))


@pytest.mark.parametrize("south_or_north", (-1, 1))
def test_what_lies_under_the_bulge_of_an_edge_alone_is_met(south_or_north: int) -> None:
    # An edge of 15 km at 65 degrees rises 9 m above the box of its ends.
    draw = random.Random(12)
    top = south_or_north * 65.0
    inner = top - south_or_north * 0.05
    wide = Polygon(((inner, 24.0), (inner, 24.32), (top, 24.32), (top, 24.0)))
    near_m = [above_m / 111_400.0 * south_or_north for above_m in (3.0, 6.0, 8.0, 12.0)]
    patches = [
        Polygon(
            (
                (top + near, lon),
                (top + near, lon + 2e-5),
                (top + near + south_or_north * 5e-6, lon + 2e-5),
                (top + near + south_or_north * 5e-6, lon),
            )
        )
        for near in near_m
        for lon in (24.13, 24.16, 24.19)
    ]
    table = pack_volumes([draw_volume(draw, outline) for outline in (wide, *patches)])
    table = replace(table, **{name: np.zeros_like(getattr(table, name)) for name in ("floor_cm", "start_us")})
    table = replace(
        table, **{name: np.full_like(getattr(table, name), 10**6) for name in ("ceiling_cm", "end_us")}
    )
    met = compare_by_rule(table, Separation())
    assert 6 <= len(met) < len(patches), "some are under the bulge, some beyond"
    assert list_pairs(find_pairs(table, Separation())) == sorted(met)


def test_a_band_round_the_earth_for_a_century_meets_everything_in_it() -> None:
    draw = random.Random(7)
    table = draw_table(draw, Separation(), 60)
    ring = tuple(walk_line(90.0, 0.0, 30.0 * k, 3_900_000.0) for k in range(12))
    cap = pack_volumes([replace(draw_volume(draw, Polygon(ring)), heights=HeightBand(None, None))])
    long = replace(cap, start_us=cap.start_us - 10**15, end_us=cap.end_us + 2 * 10**15)
    both = join_tables([table, long])
    assert list_pairs(find_pairs(both, SEPARATIONS[2])) == sorted(compare_by_rule(both, SEPARATIONS[2]))


def test_too_many_pairs_are_an_error_and_never_a_cut() -> None:
    table = draw_table(random.Random(8), Separation(), 60)
    count = len(find_pairs(table, Separation()))
    assert len(find_pairs(table, Separation(), most=count)) == count
    with pytest.raises(TooManyConflicts, match="smaller separation"):
        find_pairs(table, Separation(), most=count - 1)


def test_nothing_and_one_volume_have_no_pairs() -> None:
    table = draw_table(random.Random(9), Separation(), 40)
    for few in (table.take([]), table.take([0])):
        assert len(find_pairs(few, Separation())) == 0
        assert len(find_pairs_between(few.take([]), table, Separation())) == 0
        assert find_plainly(few, Separation()) == []


def test_a_table_gives_back_the_volumes_that_it_was_made_of() -> None:
    draw = random.Random(10)
    table = draw_table(draw, SEPARATIONS[2], SIZE)
    volumes = [table.volume(row) for row in range(len(table))]
    again = pack_volumes(volumes)
    assert [again.volume(row) for row in range(len(again))] == volumes
    assert again.nbytes == table.nbytes


@pytest.mark.parametrize(
    ("column", "value", "word"),
    (
        ("points_e7", [[900_000_001, 0]], "latitude"),
        ("points_e7", [[0, 1_800_000_000]], "longitude"),
        ("radius_cm", [100_000_001], "radius_cm"),
        ("floor_cm", [UNBOUNDED_CM], "floor"),
        ("floor_cm", [-10_000_000_001], "within"),
        ("end_us", [0], "start < end"),
        ("end_us", [2**62], "9999"),
        ("vertex_of", [0, 2], "rise"),
        ("radius_cm", [0], "3 vertices"),
        ("is_hole", [True], "outer ring first"),
    ),
)
def test_columns_that_no_volume_can_have_are_refused(column: str, value: list[object], word: str) -> None:
    columns = {
        "ring_of": np.array([0, 1]),
        "vertex_of": np.array([0, 1]),
        "is_hole": np.array([False]),
        "points_e7": np.array([[352_800_000, 401_800_000]], dtype=np.int32),
        "radius_cm": np.array([300_000]),
        "floor_cm": np.array([-UNBOUNDED_CM]),
        "ceiling_cm": np.array([UNBOUNDED_CM]),
        "start_us": np.array([0]),
        "end_us": np.array([1]),
    }
    VolumeTable(**columns)
    columns[column] = np.array(value, dtype=columns[column].dtype)
    with pytest.raises(InvalidVolume, match=word):
        VolumeTable(**columns)


def test_points_that_reach_an_outline_or_miss_it_by_a_hair() -> None:
    draw = random.Random(13)
    columns: list[VolumeTable] = []
    points: list[VolumeTable] = []
    reaches: list[int] = []
    wanted: list[tuple[int, int]] = []
    for number in range(24):
        # Each in a place of its own; some at the antimeridian.
        middle = (draw.uniform(-70, 70), 179.9 if number % 6 == 0 else -170.0 + 13 * number)
        size_m = draw.choice([60.0, 900.0, 6_000.0])
        corners = sorted(draw.uniform(0, 360) for _ in range(draw.randint(5, 20)))
        ring = [walk_line(*middle, turn, size_m * draw.uniform(0.3, 1)) for turn in corners]
        try:
            columns.append(pack_volumes([always(Polygon(tuple(ring)))]))
        except InvalidVolume:  # crosses itself
            continue
        area = columns[-1].volume(0)
        for _ in range(6):
            away_m = size_m * draw.choice([0.3, 0.9, 1.5, 2.0])
            point = pack_volumes([always(Circle(walk_line(*middle, draw.uniform(0, 360), away_m), 0.01))])
            own = point.volume(0)
            low, high = -1, 1_000_000  # the least reach in centimetres that meets
            while high - low > 1:
                tried = (low + high) // 2
                low, high = (low, tried) if meets(area, own, tried) else (tried, high)
            # Some meet with no reach at all, by lying inside.
            for reach_cm in {max(0, high + off) for off in (-90, -20, -3, -1, 0, 2, 20, 90)} | {0}:
                if meets(area, own, reach_cm):
                    wanted.append((len(columns) - 1, len(points)))
                points.append(point)
                reaches.append(reach_cm)
    found = find_pairs_between(
        join_tables(columns), join_tables(points), Separation(), reach_cm=np.array(reaches, dtype=np.int64)
    )
    assert len(wanted) > len(points) // 3
    assert list_pairs(found) == sorted(wanted)


def always(outline: Circle | Polygon) -> Volume:
    return replace(draw_volume(random.Random(13), outline), heights=HeightBand(None, None))


def meets(area: Volume, point: Volume, reach_cm: int) -> bool:
    return is_conflict(area, point, Separation(lateral_m=reach_cm / 100))


@pytest.mark.parametrize("base_m", (0.0, 9_999_900.0))
def test_heights_that_the_sweep_cannot_hold_are_looked_at_again(base_m: float) -> None:
    outline = Circle((35.0, 40.0), 500.0)
    low, high = (
        replace(draw_volume(random.Random(14), outline), heights=HeightBand(base_m + from_m, base_m + to_m))
        for from_m, to_m in ((0.0, 200.0), (300.0, 400.0))
    )
    reach_cm = np.array([9_000], dtype=np.int64)
    for apart_cm, pairs in ((9_000, 0), (10_000, 1)):
        reach_cm[:] = apart_cm
        found = find_pairs_between(pack_volumes([low]), pack_volumes([high]), Separation(), reach_cm=reach_cm)
        assert len(found) == pairs


def test_an_outline_that_crosses_itself_is_refused_by_its_row() -> None:
    volume = draw_volume(random.Random(11), Circle((35.0, 40.0), 500.0))
    good = pack_volumes([volume])
    bow = np.array([[35, 40], [36, 41], [36, 40], [35, 41]], dtype=np.int32) * 10_000_000
    columns = {name: getattr(good, name) for name in ("ring_of", "is_hole", "floor_cm", "ceiling_cm")}
    crossed = VolumeTable(
        vertex_of=np.array([0, 4]),
        points_e7=bow,
        radius_cm=np.array([0]),
        start_us=good.start_us,
        end_us=good.end_us,
        **columns,
    )
    with pytest.raises(InvalidVolume, match="crossing") as caught:
        join_tables([good, crossed]).volume(1)
    assert caught.value.path.startswith("row 1")


def test_volumes_are_taken_by_row_in_the_order_asked_for() -> None:
    table = draw_table(random.Random(12), Separation(), 40)
    taken = table.take([5, 0, 5])
    assert [taken.volume(row) for row in range(3)] == [table.volume(row) for row in (5, 0, 5)]
    assert isinstance(taken.volume(0), Volume)
