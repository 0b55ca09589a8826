"""No conflict is missed: covers of two conflicting volumes share a token, wherever and whatever they are.

Drawn by the thousand with the families that engines get wrong (`tests.properties.space.nasty_pairs`), beside
grids of any fineness; the exact rule is the judge. By hand as many as one likes:

  python -m tests.properties.test_blind_cover 20000 7
"""

from __future__ import annotations

import math
import random
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from entente.blind import cover_ground
from entente.blind.cells import AXES, Rows, parse_cells
from entente.blind.clip import CLIP_M, clip
from entente.blind.cover import cover, find_grain, least_cover
from entente.blind.grid import Grain, Grid
from entente.blind.grid_default import propose_grid
from entente.blind.lift import asked_tokens, find_uncovered, held_tokens
from entente.kernel.errors import Denied
from entente.space import (
    Circle,
    HeightBand,
    Lane,
    Outline,
    Polygon,
    Separation,
    Volume,
    Window,
    distance_m,
    find_conflict,
    parse_volume,
)
from entente.space.ellipsoid import surface_normals, walk_line
from entente.space.wire import encode_volume
from tests.properties.space.check_pairs import draw_first
from tests.properties.space.nasty_pairs import draw_lateral, draw_pair

T0 = datetime(2016, 9, 17, tzinfo=UTC)
STEP_US = 1_800_000_000
EDGES = (datetime(1000, 1, 1, tzinfo=UTC), datetime(8998, 12, 1, tzinfo=UTC), T0)


def across_m(outline: Outline) -> float:
    return 2 * (outline.ring.cap_chord_m + outline.margin_m)


def draw_grid(draw: random.Random, pair: tuple[Outline, Outline], separation: Separation) -> Grid:
    """A grid whose finest cells are from as large as both to a small part of the larger."""
    small, large = sorted(map(across_m, pair))
    size_m = max(50.0, small / 3, (large + separation.lateral_m) / 25)
    fine = max(0, min(20, int(math.log2(1e7 / size_m))) - draw.randint(0, 5))
    levels = tuple(
        sorted({max(0, fine - step) for step in draw.choice(((0,), (0, 1, 2), (0, 3), (0, 2, 5)))})
    )
    coarse = Grain((max(0, fine - 4),), (40_000,), (14_400,), across_cm=round(size_m * 500), lasts_s=7_200)
    bands, bins = draw.choice((((10_000,), (3_600,)), ((20_000, 10_000), (7_200, 1_800))))
    return Grid((coarse, Grain(levels, bands, bins)), -40_000, 120_000, T0, separation, "a")


def draw_volume(draw: random.Random, outline: Outline, start: datetime) -> Volume:
    begin = start + timedelta(microseconds=draw.choice((1, STEP_US)) * draw.randint(0, 6))
    window = Window(begin, begin + timedelta(microseconds=draw.choice((1, STEP_US)) * draw.randint(1, 6)))
    low, high = sorted((draw.randint(-6, 20) * 50.0, draw.randint(-6, 20) * 50.0))
    band = HeightBand(draw.choice((None, low)), draw.choice((None, high, high + 0.001)))
    return Volume(outline, band, window)


def draw_scene(draw: random.Random) -> tuple[str, Grid, Volume, Volume]:
    name, pair = draw_pair(draw)
    separation = Separation(draw_lateral(draw), draw.choice((0.0, 50.0)), draw.choice((0.0, 600.0)))
    start = draw.choice(EDGES)
    return (
        name,
        draw_grid(draw, pair, separation),
        draw_volume(draw, pair[0], start),
        draw_volume(draw, pair[1], start),
    )


def share(ours: Rows, theirs: Rows, grid: Grid) -> bool:
    def as_set(rows: Rows) -> set[bytes]:
        return {row.tobytes() for row in rows}

    one = bool(as_set(held_tokens(ours, grid)) & as_set(asked_tokens(theirs, grid)))
    # Whoever asks, the answer is the same.
    assert one == bool(as_set(asked_tokens(ours, grid)) & as_set(held_tokens(theirs, grid)))
    return one


def check_scenes(draw: random.Random, count: int) -> tuple[int, int, int]:
    """Return how many pairs conflicted, how many shared nothing, and how many shared without a conflict."""
    conflicts = apart = alarms = 0
    for _ in range(count):
        name, grid, a, b = draw_scene(draw)
        ours, theirs = cover([a], grid, is_widened=True), cover([b], grid, is_widened=False)
        shared = share(ours, theirs, grid)
        is_conflict = find_conflict(a, b, grid.separation) is not None
        assert shared or not is_conflict, (name, grid, a, b)
        conflicts += is_conflict
        apart += not shared
        alarms += shared and not is_conflict
    return conflicts, apart, alarms


@pytest.mark.parametrize("seed", range(4))
def test_no_conflict_is_missed(seed: int) -> None:
    conflicts, apart, _ = check_scenes(random.Random(seed), 60)
    assert conflicts > 10
    assert apart > 5


FAMILY = (
    (Polygon(((81.0, 0.0), (81.0, 120.0), (81.0, -120.0))), Circle((90.0, 0.0), 1.0)),
    (Polygon(((-75.0, 0.0), (-75.0, 120.0), (-75.0, -120.0))), Circle((-89.9, 77.0), 1.0)),
    (Polygon(((0.0, 179.9), (0.0, -179.9), (0.2, 180.0))), Circle((0.05, 180.0), 1.0)),
    (Polygon(((0.0, 179.9), (0.0, -179.9), (0.2, 180.0))), Circle((0.05, -179.99), 1.0)),
    (Circle((89.9, 0.0), 30_000.0), Circle((89.9, 180.0), 1.0)),
    # The bulge of an edge of 500 km: only there do they meet.
    (Polygon(((60.0, 0.0), (60.0, 9.0), (59.0, 9.0), (59.0, 0.0))), Circle((60.07, 4.5), 100.0)),
    # A continent, a lane, a circle of 1000 km; and a metre.
    (
        Polygon(((5.0, -15.0), (35.0, -5.0), (32.0, 32.0), (10.0, 50.0), (-28.0, 22.0))),
        Circle((1.0, 20.0), 1.0),
    ),
    (Lane(((40.0, 170.0), (42.0, -150.0)), 5_000.0), Circle((44.1, -170.0), 1.0)),
    (Circle((0.0, 0.0), 1_000_000.0), Circle((8.99, 0.0), 1.0)),
    # Corners of a face, and its sides.
    (Circle((35.26438968, 45.0), 1.0), Circle((35.26438968, 45.0), 1.0)),
    (Circle((0.0, 45.0), 1.0), Circle((0.00001, 45.00001), 1.0)),
)


@pytest.mark.parametrize("pair", FAMILY)
def test_poles_the_antimeridian_and_sizes_from_a_metre_to_a_continent(pair: tuple[Outline, Outline]) -> None:
    level = HeightBand(0.0, 100.0)
    a, b = (Volume(outline, level, Window(T0, T0 + timedelta(hours=1))) for outline in pair)
    for separation in (Separation(), Separation(5_000.0, 100.0, 60.0), Separation(1_000_000.0)):
        if find_conflict(a, b, separation) is None:
            continue
        for grid in (
            *(propose_grid(separation, origin_utc=T0, widened="a", is_coarse=each) for each in (False, True)),
            Grid((Grain((2, 4, 6), (20_000,), (3_600,)),), 0, 100_000, T0, separation, "a"),
        ):
            for widened, other in ((a, b), (b, a)):
                ours = cover([widened], grid, is_widened=True)
                theirs = cover([other], grid, is_widened=False)
                assert share(ours, theirs, grid)


def test_the_whole_earth_is_met_by_everything_in_it() -> None:
    caps = tuple(
        Volume(Circle((lat, lon), 1_000_000.0), HeightBand(None, None), Window(*EDGES[:2]))
        for lat in range(-90, 91, 10)
        for lon in range(-180, 180, 10)
    )
    grid = Grid((Grain((1, 3), (1_000_000,), (86_400 * 366 * 90,)),), 0, 1_000_000, T0, Separation(), "a")
    everything = held_tokens(cover(caps, grid, is_widened=False), grid)
    have = {row.tobytes() for row in everything}
    draw = random.Random(9)
    for _ in range(40):
        at = math.degrees(math.asin(draw.uniform(-1, 1))), draw.uniform(-180, 180)
        start = T0 + timedelta(days=draw.randint(-100_000, 100_000))
        dot = Volume(Circle(at, 1.0), HeightBand(1.0, 1.0), Window(start, start + timedelta(hours=1)))
        assert {row.tobytes() for row in asked_tokens(cover([dot], grid, is_widened=True), grid)} & have


def test_a_volume_s_grain_is_the_first_whose_extents_it_has() -> None:
    grid = propose_grid(Separation(9_260.0, 300.0, 60.0), origin_utc=T0, widened="a")
    month = Window(T0, T0 + timedelta(days=30))
    for outline, window, place in (
        (Circle((10.0, 10.0), 700_000.0), Window(T0, T0 + timedelta(hours=1)), 0),
        (Circle((10.0, 10.0), 50_000.0), month, 1),
        (Circle((10.0, 10.0), 1_000.0), Window(T0, T0 + timedelta(days=15)), 2),
        (Circle((10.0, 10.0), 50_000.0), Window(T0, T0 + timedelta(hours=47)), 3),
    ):
        assert find_grain(Volume(outline, HeightBand(None, None), window), grid) is grid.grains[place]


# The margins


def find_cell(lat_deg: float, lon_deg: float, level: int) -> tuple[int, int, int]:
    """Return the cell of a position, by S2's formulas and not by ours."""
    normal = surface_normals(np.array([lat_deg]), np.array([lon_deg]))[0]
    axis = int(np.abs(normal).argmax())
    face = axis if normal[axis] > 0 else axis + 3
    turned = AXES[face] @ normal
    place = []
    for ratio in (turned[1:] / turned[0]).tolist():
        share = math.sqrt(1 + 3 * abs(ratio)) / 2
        place.append(int((share if ratio >= 0 else 1 - share) * (1 << level)))
    return face, place[0], place[1]


def is_touched(outline: Outline, widened_m: float, cell: tuple[int, int, int], level: int) -> bool:
    runs = cover_ground._cut_runs([cover_ground.Footprint(outline, widened_m, (level,))])
    one = np.zeros(1, dtype=np.int64)
    face, i, j = (np.array([part], dtype=np.int64) for part in cell)
    front = cover_ground._Front(one, face, i, j, one.astype(np.bool_), one.astype(np.uint64))
    item, run = cover_ground._spread(runs.begin, one)
    return bool(cover_ground._touch(front, item, run, runs, level, one)[0].any())


@pytest.mark.parametrize("seed", range(3))
def test_a_cell_of_a_few_metres_is_kept_up_to_the_last_millimetre_of_the_reach(seed: int) -> None:
    draw = random.Random(seed)
    beyond = 0
    for _ in range(100):
        outline, foot, outward = draw_first(draw)
        reach_m = 10 ** draw.uniform(0, 6)
        tip = walk_line(*foot, outward, reach_m - 0.001)
        assert is_touched(outline, reach_m, find_cell(*tip, 22), 22), (outline, foot, outward, reach_m)
        # And little beyond it is not: that is what keeps covers small.
        away = walk_line(*foot, outward, reach_m * 1.02 + 20.0)
        beyond += not is_touched(outline, reach_m, find_cell(*away, 22), 22)
    assert beyond > 80


@pytest.mark.parametrize("seed", range(2))
def test_the_least_cover_is_held_by_every_cover_and_misses_what_one_leaves_out(seed: int) -> None:
    draw = random.Random(40 + seed)
    left_out = 0
    for _ in range(40):
        _, grid, volume, _ = draw_scene(draw)
        for is_widened in (True, False):
            cells = cover([volume], grid, is_widened=is_widened)
            least = least_cover([volume], grid, is_widened=is_widened)
            assert len(find_uncovered(least, cells, grid)) == 0
            # Without one of its cells, what that held is told; unless only the last centimetres were in it.
            gone = draw.randrange(len(cells))
            left_out += len(find_uncovered(least, np.delete(cells, gone, axis=0), grid)) > 0
    assert left_out > 70


# What a zoom shows


def widen(separation: Separation) -> Separation:
    lateral_m = separation.lateral_m
    return replace(separation, lateral_m=min(1e6, lateral_m + 2 * CLIP_M + 0.001 * lateral_m))


def check_clips(draw: random.Random, count: int) -> tuple[int, int]:
    """Return how many conflicts of clipped parts there were, and how many points of them were looked at."""
    found = points = 0
    for _ in range(count):
        name, grid, a, b = draw_scene(draw)
        grid = replace(
            grid, grains=tuple(replace(g, space_levels=_at_least(g.space_levels)) for g in grid.grains)
        )
        try:
            theirs = cover([b], grid, is_widened=False, most=40)
        except Denied:
            continue
        ours, their = clip(a, theirs, grid, is_widened=True), clip(b, theirs, grid, is_widened=False)
        # They go over the wire.
        ours, their = (
            tuple(
                part if isinstance(part.outline, Lane) else parse_volume(encode_volume(part))
                for part in parts
            )
            for parts in (ours, their)
        )
        together = any(find_conflict(x, y, grid.separation) is not None for x in ours for y in their)
        assert together or find_conflict(a, b, grid.separation) is None, ("lost", name, grid, a, b)
        assert not together or find_conflict(a, b, widen(grid.separation)) is not None, (
            "found",
            name,
            grid,
            a,
            b,
        )
        found += together
        some = theirs[:: max(1, len(theirs) // 2)][:2]
        for side, volume, keep in (("a", a, grid.separation), ("b", b, Separation())):
            parts = clip(volume, some, grid, is_widened=side == "a")
            points += check_within(draw, parts, volume, some, grid, keep)
    return found, points


def _at_least(levels: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(sorted({max(3, level) for level in levels}))


def check_within(
    draw: random.Random, parts: tuple[Volume, ...], volume: Volume, rows: Rows, grid: Grid, keep: Separation
) -> int:
    """Nothing lies outside of the widened cells, nor of the volume; return how many points were asked."""
    cells = parse_cells(rows, grid)
    asked = 0
    for part in parts:
        assert volume.window.start_utc <= part.window.start_utc < part.window.end_utc <= volume.window.end_utc
        reach = timedelta(seconds=keep.time_s)
        assert any(
            cell.start_utc - reach <= part.window.start_utc and part.window.end_utc <= cell.end_utc + reach
            for cell in cells
        )
        for bound, whole, sign in (
            (part.heights.floor_m, volume.heights.floor_m, 1),
            (part.heights.ceiling_m, volume.heights.ceiling_m, -1),
        ):
            if whole is not None:
                assert bound is not None
                assert sign * (bound - whole) >= 0
        if isinstance(part.outline, (Circle, Lane)):
            # Shown as it is, since all of it lies in the cells.
            assert part.outline is volume.outline
            continue
        loops = (
            [part.outline.vertices] if isinstance(part.outline, Polygon) else [part.outline.parts[0].outer]
        )
        for vertex in draw.sample(loops[0], min(3, len(loops[0]))):
            dot = Circle(vertex, 0.01)
            assert distance_m(dot, volume.outline) <= CLIP_M
            if part.outline is not volume.outline:
                limit_m = (
                    keep.lateral_m * 1.003 + CLIP_M + max(1.0, 2e-4 * across_m(Polygon(cells[0].corners)))
                )
                assert min(distance_m(dot, Polygon(cell.corners)) for cell in cells) <= limit_m
            asked += 1
    return asked


@pytest.mark.parametrize("seed", range(3))
def test_clipped_parts_give_the_whole_volumes_verdict_and_show_nothing_else(seed: int) -> None:
    found, points = check_clips(random.Random(100 + seed), 30)
    assert found > 3
    assert points > 20


if __name__ == "__main__":
    counts = check_scenes(random.Random(int(sys.argv[2])), int(sys.argv[1]))
    sys.stdout.write(f"conflicts, apart, false alarms: {counts}\n")
    counts = check_clips(random.Random(int(sys.argv[2])), int(sys.argv[1]) // 10)  # type: ignore[assignment]
    sys.stdout.write(f"clipped: conflicts, points looked at: {counts}\n")
