from __future__ import annotations

import itertools
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import numpy as np
import pytest

from entente.blind.cells import (
    FACES,
    TOKEN_BYTES,
    Rows,
    find_corners,
    join_high,
    pack_rows,
    parse_cells,
    split_high,
    split_numbers,
    unpack_rows,
)
from entente.blind.cover import MOST_CELLS, cover
from entente.blind.grid import Grain, Grid, GridWire, encode_grid, parse_grid
from entente.blind.lift import asked_tokens, find_askers, find_holders, held_tokens
from entente.blind.lift_plan import Size, plan_lifts
from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.errors import Denied, Malformed
from entente.space import Circle, HeightBand, Lane, Polygon, Separation, Volume, Window, distance_m

T0 = datetime(2016, 9, 17, tzinfo=UTC)
HOUR = timedelta(hours=1)
GRID = Grid(
    grains=(
        Grain((3, 5, 6), (160_000, 40_000), (86_400, 21_600), across_cm=5_000_000, lasts_s=86_400),
        Grain((7, 9), (20_000,), (86_400,), lasts_s=86_400),
        Grain((8, 10), (40_000, 20_000), (3_600, 600)),
    ),
    lowest_cm=-101_000,
    highest_cm=-101_000 + 16 * 160_000,
    origin_utc=T0,
    separation=Separation(5_000.0, 300.0, 600.0),
    widened="a",
)


def as_set(rows: Rows) -> set[bytes]:
    return {row.tobytes() for row in rows}


def share(ours: Rows, theirs: Rows) -> bool:
    return bool(as_set(held_tokens(ours, GRID)) & as_set(asked_tokens(theirs, GRID)))


# The grid


def test_a_grid_has_one_spelling() -> None:
    wire = encode_grid(GRID)
    data = encode_canonical(wire)
    assert encode_grid(parse_grid(parse_canonical_as(data, GridWire))) == wire
    assert parse_grid(wire) == GRID
    assert parse_grid(wire).digest == GRID.digest


@pytest.mark.parametrize(
    "change",
    (
        {"widened": "b"},
        {"lowest_cm": -261_000},
        {"origin_utc": T0 + HOUR},
        {"separation": Separation(5_000.01, 300.0, 600.0)},
        {"grains": GRID.grains[1:]},
    ),
)
def test_whatever_differs_changes_the_digest(change: dict[str, Any]) -> None:
    assert replace(GRID, **change).digest != GRID.digest


def spoil(**change: Any) -> GridWire:
    return msgspec.structs.replace(encode_grid(GRID), **change)


def spoil_grain(place: int, **change: Any) -> GridWire:
    grains = list(encode_grid(GRID).grains)
    grains[place] = msgspec.structs.replace(grains[place], **change)
    return spoil(grains=tuple(grains))


@pytest.mark.parametrize(
    ("wire", "says", "path"),
    (
        (spoil(highest_cm=-101_000), "expected lowest < highest", "$.grid.highest_cm"),
        (spoil(grains=()), "expected 1 to 8 grains, got 0", "$.grid.grains"),
        (spoil_grain(2, lasts_s=1), "expected a last grain for every volume", "$.grid.grains[2]"),
        (spoil_grain(1, space_levels=(9, 7)), "from coarse to fine", "$.grid.grains[1].space_levels"),
        (spoil_grain(1, space_levels=(7, 7)), "each once", "$.grid.grains[1].space_levels"),
        (spoil_grain(1, space_levels=(25,)), "within 0 and 24", "$.grid.grains[1].space_levels"),
        (spoil_grain(0, bins_s=(600, 86_400)), "from coarse to fine", "$.grid.grains[0].bins_s"),
        (spoil_grain(0, bins_s=(5,)), "within 10 and", "$.grid.grains[0].bins_s"),
        (spoil_grain(0, bins_s=(86_400, 900)), "expected multiples of each other, got 600 and 900", "$.grid"),
        (spoil_grain(0, bands_cm=(30_000,)), "expected parts of 2560000 cm", "$.grid.grains[0].bands_cm"),
    ),
)
def test_a_grid_that_does_not_fit_is_refused(wire: GridWire, says: str, path: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_grid(wire, path="$.grid")
    assert caught.value.code == "bad-grid"
    assert says in caught.value.message
    assert caught.value.path.startswith(path)


def test_too_many_sizes_are_refused() -> None:
    grains = tuple(
        Grain(tuple(range(12)), tuple(10_000 << step for step in reversed(range(6))), (100 << grain,))
        for grain in range(8)
    )
    with pytest.raises(Malformed, match="expected at most 48 sizes of cells, got 576"):
        Grid(grains, 0, 10_000 << 5, T0, Separation(), "a")
    # Each finer in one way and coarser in another than all others: every two meet elsewhere.
    grains = tuple(
        Grain(tuple(range(step % 2, 12, 2)), (10_000 << step,), (100 << 7 - step,)) for step in range(8)
    )
    with pytest.raises(Malformed, match="expected at most 250 kinds of token, got 704"):
        Grid(grains, 0, 10_000 << 7, T0, Separation(), "a")


# Cells

EXAMPLE = ["12000580000000000000000000214c20"]
"""docs/formats/blind-grid.md, section 5."""


def test_a_row_is_sixteen_bytes_and_says_what_it_said() -> None:
    draw = np.random.default_rng(5)
    kind, band = draw.integers(0, 250, 500), draw.integers(0, 1 << 16, 500)
    slot, low = draw.integers(-(1 << 38), 1 << 38, 500), draw.integers(0, 1 << 62, 500).astype(np.uint64)
    rows = pack_rows(join_high(kind, band, slot), low)
    assert rows.shape == (500, TOKEN_BYTES)
    texts = [row.tobytes() for row in rows]
    assert texts == sorted(texts)
    high, low_again = unpack_rows(rows)
    assert sorted(
        zip(*(part.tolist() for part in split_high(high)), low_again.tolist(), strict=True)
    ) == sorted(zip(kind.tolist(), band.tolist(), slot.tolist(), low.tolist(), strict=True))
    assert len(pack_rows(np.concatenate((high, high)), np.concatenate((low_again, low_again)))) == 500


def test_the_worked_example_of_the_format() -> None:
    volume = Volume(Circle((47.45, 8.56), 1.0), HeightBand(100.0, 110.0), Window(T0, T0 + HOUR / 12))
    rows = cover([volume], GRID, is_widened=False)
    assert [row.tobytes().hex() for row in rows] == EXAMPLE
    (cell,) = parse_cells(rows, GRID)
    assert cell.size == Size(10, 20_000, 600)
    assert (cell.floor_m, cell.ceiling_m) == (-10.0, 190.0)
    assert (cell.start_utc, cell.end_utc) == (T0, T0 + timedelta(minutes=10))
    assert min(lat for lat, _ in cell.corners) < 47.45 < max(lat for lat, _ in cell.corners)
    assert min(lon for _, lon in cell.corners) < 8.56 < max(lon for _, lon in cell.corners)


def test_children_lie_in_their_parent_and_share_its_number() -> None:
    number = np.array([3 << 20 | 0xBEEF5], dtype=np.uint64)
    face, i, j = split_numbers(number, 10)
    assert face.tolist() == [3]
    children = np.left_shift(number, np.uint64(2)) | np.arange(4, dtype=np.uint64)
    below = split_numbers(children, 11)
    assert set(zip((below[1] >> 1).tolist(), (below[2] >> 1).tolist(), strict=True)) == {
        (int(i[0]), int(j[0]))
    }
    assert (children >> np.uint64(2)).tolist() == number.tolist() * 4


def test_faces_are_those_of_s2_and_together_the_whole_ball() -> None:
    zero = np.zeros(FACES, dtype=np.int64)
    corners = find_corners(np.arange(FACES), zero, zero, 0)
    assert len({tuple(np.sign(corner).astype(int)) for corner in corners.reshape(-1, 3)}) == 8
    # S2: face 0 looks from 0 N 0 E, 2 from the north pole, 5 from the south pole.
    middles = corners.mean(axis=1)
    assert np.allclose(middles[[0, 2, 5]] / np.linalg.norm(middles[0]), [[1, 0, 0], [0, 0, 1], [0, 0, -1]])
    assert np.allclose(np.linalg.norm(corners, axis=2), 1.0)


def test_a_row_that_is_no_cell_is_refused() -> None:
    none = np.zeros(1, dtype=np.int64)
    for kind, band, number, says in (
        (len(GRID.sizes), 0, 0, "expected a size below"),
        (0, 1_000, 0, "expected a band below"),
        (0, 0, 1 << 63, "a place below"),
    ):
        rows = pack_rows(join_high(none + kind, none + band, none), np.array([number], dtype=np.uint64))
        with pytest.raises(Malformed, match=says):
            parse_cells(rows, GRID)
    with pytest.raises(ValueError, match="expected uint8 of shape"):
        unpack_rows(np.zeros((2, 8), dtype=np.uint8))


# Lifts


def draw_cells(draw: random.Random, count: int) -> Rows:
    """Cells of every size near one corner of the grid, so that many of them overlap."""
    made = []
    for _ in range(count):
        kind = draw.randrange(len(GRID.sizes))
        size = GRID.sizes[kind]
        made.append(
            (
                kind,
                draw.randrange(0, 4 * 20_000) // size.band_cm,
                draw.randrange(-7_200, 7_200) // size.bin_s,
                (5 << 20 | draw.randrange(1 << 8)) >> 2 * (10 - size.level),
            )
        )
    kinds, bands, slots, numbers = (np.array(part, dtype=np.int64) for part in zip(*made, strict=True))
    return pack_rows(join_high(kinds, bands, slots), numbers.astype(np.uint64))


def spans(rows: Rows) -> list[tuple[tuple[int, int], ...]]:
    """Each cell as three spans of the finest steps."""
    high, low = unpack_rows(rows)
    found: list[tuple[tuple[int, int], ...]] = []
    for kind, band, slot, number in zip(*(p.tolist() for p in split_high(high)), low.tolist(), strict=True):
        size = GRID.sizes[kind]
        shift = 2 * (20 - size.level)
        found.append(
            (
                (number << shift, (number + 1) << shift),
                (band * size.band_cm, (band + 1) * size.band_cm),
                (slot * size.bin_s, (slot + 1) * size.bin_s),
            )
        )
    return found


@pytest.mark.parametrize("seed", range(6))
def test_a_token_is_shared_exactly_where_cells_overlap(seed: int) -> None:
    draw = random.Random(seed)
    ours, theirs = draw_cells(draw, 24), draw_cells(draw, 24)
    meets = 0
    for (mine, here), (other, there) in itertools.product(
        zip(ours, spans(ours), strict=True), zip(theirs, spans(theirs), strict=True)
    ):
        overlaps = all(a[0] < b[1] and b[0] < a[1] for a, b in zip(here, there, strict=True))
        assert share(mine[None, :], other[None, :]) == overlaps
        assert share(other[None, :], mine[None, :]) == overlaps
        meets += overlaps
    assert 10 < meets < len(ours) * len(theirs)
    # And of whole sets, both ways, the cells that are named are those that overlap one.
    held, asked = held_tokens(theirs, GRID), asked_tokens(ours, GRID)
    both = np.array([row for row in asked if row.tobytes() in as_set(held)])
    named = as_set(find_askers(ours, GRID, both))
    assert named == {
        mine.tobytes()
        for mine, here in zip(ours, spans(ours), strict=True)
        if any(
            all(a[0] < b[1] and b[0] < a[1] for a, b in zip(here, there, strict=True))
            for there in spans(theirs)
        )
    }
    assert find_holders(theirs, GRID, both).shape[1] == TOKEN_BYTES
    assert len(find_askers(ours, GRID, both[:0])) == 0


def test_two_cells_that_were_both_lifted_do_not_meet() -> None:
    sizes = (Size(5, 1_000, 100), Size(5, 1_000, 1_000))
    plan = plan_lifts(sizes)
    fine, coarse = (sizes.index(size) for size in sizes)
    assert set(plan.held[fine]) & set(plan.asked[fine]) == {(0, sizes[0])}
    assert set(plan.held[fine]) & set(plan.asked[coarse])
    assert set(plan.held[coarse]) & set(plan.asked[fine])
    lifted = [kind for kind, size in plan.held[fine] if size == sizes[1]]
    asked = [kind for kind, size in plan.asked[fine] if size == sizes[1]]
    assert lifted
    assert asked
    assert not set(lifted) & set(asked)


# Covers


def test_a_cover_too_large_is_refused_and_says_which_volume() -> None:
    small = Volume(Circle((47.0, 8.0), 100.0), HeightBand(0.0, 10.0), Window(T0, T0 + HOUR))
    wide = Volume(Circle((47.0, 8.0), 900_000.0), HeightBand(0.0, 10.0), Window(T0, T0 + HOUR))
    long = Volume(Circle((47.0, 8.0), 5_000.0), HeightBand(None, None), Window(T0, T0 + 400_000 * HOUR))
    for large in (wide, long):
        with pytest.raises(Denied, match="of volume 1: make it") as caught:
            cover([small, large, small], GRID, is_widened=False, most=1_000)
        assert caught.value.code == "cover-too-large"
        assert "expected at most 1000 " in caught.value.message


def test_a_window_without_end_is_refused_before_it_is_listed() -> None:
    ages = Window(datetime(1000, 1, 1, tzinfo=UTC), datetime(8999, 1, 1, tzinfo=UTC))
    grid = replace(GRID, grains=(Grain((8,), (20_000,), (10,)),))
    with pytest.raises(Denied, match="make it shorter"):
        cover([Volume(Circle((47.0, 8.0), 1.0), HeightBand(0.0, 1.0), ages)], grid, is_widened=False)


def test_nothing_has_no_cells() -> None:
    rows = cover([], GRID, is_widened=True)
    assert rows.shape == (0, TOKEN_BYTES)
    assert held_tokens(rows, GRID).shape == asked_tokens(rows, GRID).shape == (0, TOKEN_BYTES)


def test_windows_are_half_open_to_the_microsecond() -> None:
    end = T0 + HOUR
    here = Circle((10.0, 10.0), 10.0)
    level = HeightBand(0.0, 1.0)
    first = cover([Volume(here, level, Window(T0, end))], GRID, is_widened=False)
    after = cover([Volume(here, level, Window(end, end + HOUR))], GRID, is_widened=False)
    hair = Window(end - timedelta(microseconds=1), end + HOUR)
    assert not share(first, after)
    assert share(first, cover([Volume(here, level, hair)], GRID, is_widened=False))
    # Widened by ten minutes, a gap of ten minutes is enough, and a microsecond less is not.
    wide = cover([Volume(here, level, Window(T0, end))], GRID, is_widened=True)
    for gap, meets in ((600_000_000, False), (599_999_999, True)):
        start = end + timedelta(microseconds=gap)
        other = cover([Volume(here, level, Window(start, start + HOUR))], GRID, is_widened=False)
        assert share(wide, other) == meets


def test_bands_are_closed_and_everything_beyond_the_grid_is_in_its_last_one() -> None:
    here, window = Circle((10.0, 10.0), 10.0), Window(T0, T0 + HOUR)

    def rows(floor_m: float | None, ceiling_m: float | None) -> Rows:
        return cover([Volume(here, HeightBand(floor_m, ceiling_m), window)], GRID, is_widened=False)

    edge = -1_010.0 + 1_600.0
    assert share(rows(edge - 50, edge), rows(edge, edge + 50))
    assert not share(rows(edge - 50, edge - 1), rows(edge + 1, edge + 50))
    # The exact rule takes bands a micrometre apart to meet.
    assert share(rows(edge - 50, edge - 5e-7), rows(edge, edge + 50))
    assert share(rows(90_000.0, 91_000.0), rows(1e8, None))
    assert share(rows(None, -5_000.0), rows(-2_000.0, -1_500.0))
    assert share(rows(None, None), rows(12_345.0, 12_345.0))


def test_a_month_and_a_hundred_kilometres_stay_small() -> None:
    month = Window(T0 - timedelta(hours=13), T0 + timedelta(days=30))
    site = Volume(Circle((36.2, 37.1), 1_000.0), HeightBand(300.0, 800.0), month)
    ring = tuple(
        (36.2 + lat, 37.1 + lon) for lat, lon in ((-0.45, -0.55), (-0.45, 0.55), (0.45, 0.55), (0.45, -0.55))
    )
    zone = Volume(Polygon(ring), HeightBand(None, 5_000.0), month)
    assert len(cover([site], GRID, is_widened=False)) < 1_000
    assert len(cover([zone], GRID, is_widened=False)) < 20_000


def test_the_cover_does_not_depend_on_the_order_of_anything() -> None:
    draw = random.Random(3)
    corners = ((47.0, 8.0), (47.4, 8.1), (47.3, 8.6), (46.9, 8.5))
    volumes = [
        Volume(Polygon(corners), HeightBand(0.0, 500.0), Window(T0, T0 + HOUR)),
        Volume(Circle((47.1, 8.3), 900.0), HeightBand(0.0, 500.0), Window(T0, T0 + HOUR)),
        Volume(Lane(corners, 300.0), HeightBand(0.0, 500.0), Window(T0, T0 + HOUR)),
    ]
    rows = cover(volumes, GRID, is_widened=True)
    for _ in range(3):
        draw.shuffle(volumes)
        assert as_set(cover(volumes, GRID, is_widened=True)) == as_set(rows)
    turned = Polygon((*corners[2:], *corners[:2]))
    back = Polygon(tuple(reversed(corners)))
    plain = [cover([replace(volumes[0], outline=each)], GRID, is_widened=False) for each in (turned, back)]
    same = cover([replace(volumes[0], outline=Polygon(corners))], GRID, is_widened=False)
    assert all(as_set(each) == as_set(same) for each in plain)


def test_a_cover_is_not_much_wider_than_what_it_covers() -> None:
    circle = Circle((60.0, 10.0), 20_000.0)
    rows = cover([Volume(circle, HeightBand(0.0, 1.0), Window(T0, T0 + HOUR))], GRID, is_widened=False)
    for cell in parse_cells(rows, GRID):
        nearest = distance_m(Polygon(cell.corners), circle)
        assert nearest <= 0.02 * 20_000.0 + 30.0
    assert len(rows) < MOST_CELLS
