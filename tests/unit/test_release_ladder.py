"""The ladder and the grid: fixed marks, nested steps, exact edges, known names, when a thing may leave."""

from __future__ import annotations

import itertools
from collections import Counter
from fractions import Fraction
from typing import Any, Final

import pytest

from entente.kernel.errors import Malformed
from entente.release.variant.kept import encode_ladder, hash_ladder, parse_ladder
from entente.release.variant.ladder import DEFAULT_LADDER, WORLD, Cell, Ladder, Level
from entente.release.variant.shape import Shape, Sighting, earliest_us, meet, shape_of
from entente.release.variant.words import describe_cell, describe_shape, describe_window, name_gars

STEPS = range(1, len(DEFAULT_LADDER.places_arcsec) + 1)
MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
DAY_US = 24 * HOUR_US


def test_default_ladder_has_the_cells_of_gars() -> None:
    assert DEFAULT_LADDER.places_arcsec == (54_000, 18_000, 3_600, 1_800, 900, 300, 60, 6)
    assert [DEFAULT_LADDER.rows(step) for step in (0, 1, 4)] == [1, 12, 360]
    assert [DEFAULT_LADDER.columns(step) for step in (0, 1, 4)] == [1, 24, 720]


@pytest.mark.parametrize("step", STEPS)
def test_every_edge_belongs_to_one_cell(step: int) -> None:
    size_arcsec = DEFAULT_LADDER.size_arcsec(step)
    for number in (0, 1, 7, DEFAULT_LADDER.rows(step) // 2, DEFAULT_LADDER.rows(step) - 1):
        # The first whole position at or beyond an edge, computed another way.
        edge = Fraction(number * size_arcsec, 3600) * 10**7
        first = -(-edge.numerator // edge.denominator)
        assert DEFAULT_LADDER.cell_at(first - 900_000_000, 0, step).row == number
        assert DEFAULT_LADDER.cell_at(0, first - 1_800_000_000, step).column == number
        if number:
            assert DEFAULT_LADDER.cell_at(first - 1 - 900_000_000, 0, step).row == number - 1
            assert DEFAULT_LADDER.cell_at(0, first - 1 - 1_800_000_000, step).column == number - 1


@pytest.mark.parametrize("step", STEPS)
def test_poles_and_antimeridian_are_ordinary(step: int) -> None:
    top = DEFAULT_LADDER.cell_at(900_000_000, 0, step)
    assert top == DEFAULT_LADDER.cell_at(899_999_999, 0, step)
    assert top.row == DEFAULT_LADDER.rows(step) - 1
    assert DEFAULT_LADDER.cell_at(-900_000_000, 0, step).row == 0
    assert DEFAULT_LADDER.cell_at(0, -1_800_000_000, step) == DEFAULT_LADDER.cell_at(0, 1_800_000_000, step)
    assert DEFAULT_LADDER.cell_at(0, 1_799_999_999, step).column == DEFAULT_LADDER.columns(step) - 1
    south, _, north, _ = DEFAULT_LADDER.bounds_e7(top)
    assert south <= 900_000_000 < north


def test_a_position_that_is_none_is_our_own_mistake() -> None:
    for lat_e7 in (900_000_001, -900_000_001):
        with pytest.raises(ValueError, match="latitude: expected"):
            DEFAULT_LADDER.cell_at(lat_e7, 0, 3)


@pytest.mark.parametrize("cell", (WORLD, Cell(1, 8, 14), Cell(3, 0, 0), Cell(7, 10_799, 21_599)))
def test_children_tile_their_cell_exactly(cell: Cell) -> None:
    children = DEFAULT_LADDER.children(cell)
    south, west, north, east = DEFAULT_LADDER.bounds_arcsec(cell)
    size = DEFAULT_LADDER.size_arcsec(cell.step + 1)
    corners = {DEFAULT_LADDER.bounds_arcsec(child)[:2] for child in children}
    assert corners == set(itertools.product(range(south, north, size), range(west, east, size)))
    assert len(children) == len(corners)
    assert {DEFAULT_LADDER.parent(child) for child in children} == {cell}
    assert all(DEFAULT_LADDER.is_within(child, cell) for child in children)
    block = DEFAULT_LADDER.child_block(cell)
    assert block is not None
    assert len(children) == (block.end_row - block.first_row) * (block.end_column - block.first_column)


def test_the_tree_of_cells_ends() -> None:
    assert DEFAULT_LADDER.parent(WORLD) is None
    finest = DEFAULT_LADDER.cell_at(0, 0, STEPS[-1])
    assert DEFAULT_LADDER.children(finest) == ()
    assert DEFAULT_LADDER.child_block(finest) is None
    assert not DEFAULT_LADDER.is_within(WORLD, finest)


@pytest.mark.parametrize(
    ("lat_e7", "lon_e7", "name"),
    (
        # The worked example of GeographicLib's GARS; then by definition: the two far corners, and 0 N 0 E.
        (576_491_100, 104_074_400, "381NH45"),
        (-900_000_000, -1_800_000_000, "001AA37"),
        (899_999_999, 1_799_999_999, "720QZ23"),
        (1, 1, "361HN37"),
    ),
)
def test_names_are_those_of_the_global_area_reference_system(lat_e7: int, lon_e7: int, name: str) -> None:
    for step, letters in ((4, 5), (5, 6), (6, 7)):
        cell = DEFAULT_LADDER.cell_at(lat_e7, lon_e7, step)
        assert name_gars(DEFAULT_LADDER.size_arcsec(step), cell.row, cell.column) == name[:letters]
        assert describe_cell(cell, DEFAULT_LADDER) == f"GARS {name[:letters]}"


def test_quadrants_and_keys_of_one_gars_cell_are_all_different() -> None:
    names = {describe_cell(child, DEFAULT_LADDER) for child in DEFAULT_LADDER.children(Cell(4, 250, 440))}
    assert names == {f"GARS 441LL{number}" for number in range(1, 5)}
    names = {describe_cell(child, DEFAULT_LADDER) for child in DEFAULT_LADDER.children(Cell(5, 501, 880))}
    assert names == {f"GARS 441LL1{number}" for number in range(1, 10)}


@pytest.mark.parametrize(
    ("lat_e7", "lon_e7", "step", "words"),
    (
        (345_000_000, 405_000_000, 3, "34 N to 35 N, 40 E to 41 E"),
        (1, -1, 1, "0 to 15 N, 15 W to 0"),
        (-1, 1_799_999_999, 1, "15 S to 0, 165 E to 180"),
        (353_359_000, 401_408_000, 7, "35°20' N to 35°21' N, 40°08' E to 40°09' E"),
        (353_359_000, 401_408_000, 8, "35°20'06\" N to 35°20'12\" N, 40°08'24\" E to 40°08'30\" E"),
        (0, 0, 0, "anywhere"),
    ),
)
def test_other_cells_are_told_by_their_edges(lat_e7: int, lon_e7: int, step: int, words: str) -> None:
    assert describe_cell(DEFAULT_LADDER.cell_at(lat_e7, lon_e7, step), DEFAULT_LADDER) == words


def test_a_shape_in_words() -> None:
    seen = Sighting(353_359_000, 401_408_000, 1_795_880_520_000_000, ("air", "fixed-wing", "il-76"), 12_345)
    shape = shape_of(seen, Level(place=5, span=3, delay=0, depth=2, height=1), DEFAULT_LADDER)
    assert describe_shape(shape, DEFAULT_LADDER) == (
        "between 2026-11-28 12:00 and 18:00 UTC, in GARS 441LL1, fixed-wing (air), below 3,000 m"
    )
    nothing = shape_of(seen, DEFAULT_LADDER.coarsest, DEFAULT_LADDER)
    assert describe_shape(nothing, DEFAULT_LADDER) == "at some time, at some place, something"
    assert describe_window(0, 30 * DAY_US) == "from 1970-01-01 to 1970-01-30 (UTC)"
    assert describe_window(0, DAY_US) == "on 1970-01-01"
    assert describe_window(18 * HOUR_US, 6 * HOUR_US) == "between 1970-01-01 18:00 and 1970-01-02 00:00 UTC"


def test_a_band_below_the_ellipsoid() -> None:
    shape = shape_of(Sighting(0, 0, 0, ("ground",), -1), Level(0, 0, 0, 0, 2), DEFAULT_LADDER)
    assert shape.height_cm == (-100_000, 0)
    assert describe_shape(shape, DEFAULT_LADDER).endswith("-1,000 to 0 m")


def test_a_moment_before_1970_is_in_a_window_that_holds_it() -> None:
    shape = shape_of(Sighting(0, 0, -1, ("ground",)), Level(0, 4, 0, 1, 3), DEFAULT_LADDER)
    assert (shape.start_us, shape.span_us) == (-HOUR_US, HOUR_US)
    assert shape.height_cm is None  # not known, though the level would show it


# When a thing may leave


def test_nothing_leaves_before_its_window_is_over_and_the_delay_past() -> None:
    moment_us = 100 * DAY_US + 13 * HOUR_US + 5 * MINUTE_US
    seen = Sighting(0, 0, moment_us, ("air",))
    for span, delay in itertools.product(range(1, 7), range(7)):
        shape = shape_of(seen, Level(0, span, delay, 1, 0), DEFAULT_LADDER)
        assert shape.start_us is not None
        end_us = shape.start_us + shape.span_us
        assert earliest_us(seen, shape, DEFAULT_LADDER) == end_us + DEFAULT_LADDER.delay_us(delay)
        assert end_us > moment_us


def test_without_a_time_the_moment_of_leaving_tells_the_day_at_most() -> None:
    level = Level(0, 0, 1, 1, 0)
    leaving = Counter(
        earliest_us(seen, shape_of(seen, level, DEFAULT_LADDER), DEFAULT_LADDER)
        for seen in (Sighting(0, 0, 7 * DAY_US + minute * MINUTE_US, ("air",)) for minute in range(24 * 60))
    )
    assert leaving == {8 * DAY_US + 15 * MINUTE_US: 24 * 60}


# What two shapes say together


def test_what_two_shapes_say_together_is_the_finer_of_each() -> None:
    seen = Sighting(353_359_000, 401_408_000, 1_795_880_520_000_000, ("air", "fixed-wing"), 12_345)
    a = shape_of(seen, Level(place=2, span=5, delay=3, depth=2, height=0), DEFAULT_LADDER)
    b = shape_of(seen, Level(place=6, span=1, delay=1, depth=0, height=3), DEFAULT_LADDER)
    both = shape_of(seen, Level(place=6, span=5, delay=1, depth=2, height=3), DEFAULT_LADDER)
    assert meet(a, b, DEFAULT_LADDER) == meet(b, a, DEFAULT_LADDER) == both


@pytest.mark.parametrize("dimension", ("cell", "window", "path", "height"))
def test_shapes_that_contradict_are_not_of_one_report(dimension: str) -> None:
    level = Level(place=4, span=4, delay=0, depth=2, height=2)
    here = shape_of(Sighting(0, 0, 0, ("air", "fixed-wing"), 0), level, DEFAULT_LADDER)
    there = {
        "cell": Sighting(10_000_000, 0, 0, ("air", "fixed-wing"), 0),
        "window": Sighting(0, 0, HOUR_US, ("air", "fixed-wing"), 0),
        "path": Sighting(0, 0, 0, ("air", "rotary-wing"), 0),
        "height": Sighting(0, 0, 0, ("air", "fixed-wing"), 100_000),
    }[dimension]
    assert meet(here, shape_of(there, level, DEFAULT_LADDER), DEFAULT_LADDER) is None


def test_a_shape_holds_half_a_window_or_the_world_never() -> None:
    with pytest.raises(ValueError, match="window"):
        Shape(None, 0, 0, 0, (), None)
    with pytest.raises(ValueError, match="whole world"):
        Shape(WORLD, None, 0, 0, (), None)


# Ladders that are none


GOOD: Final[dict[str, Any]] = {
    "places_arcsec": (3_600, 1_800),
    "spans_s": (3_600, 60),
    "delays_s": (0, 60),
    "depths": (0, 1),
    "heights_m": (300, 100),
}


@pytest.mark.parametrize(
    ("name", "steps"),
    (
        ("places_arcsec", (3_600, 1_000)),
        ("places_arcsec", (3_600, 3_600)),
        ("places_arcsec", (1_800, 3_600)),
        ("places_arcsec", (7_000,)),
        ("places_arcsec", ()),
        ("places_arcsec", (0,)),
        ("spans_s", (3_600, 7)),
        ("spans_s", (3_600, -60)),
        ("heights_m", (1_000, 300)),
        ("delays_s", (60, 120)),
        ("delays_s", (0, 60, 60)),
        ("depths", (0, 7)),
        ("depths", (1,)),
    ),
)
def test_steps_that_do_not_lie_in_each_other_are_refused(name: str, steps: tuple[int, ...]) -> None:
    assert Ladder(**GOOD).unshown_s == 86_400
    with pytest.raises(Malformed) as caught:
        Ladder(**{**GOOD, name: steps})
    assert caught.value.path == name


def test_a_ladder_is_stored_in_one_spelling() -> None:
    data = encode_ladder(DEFAULT_LADDER)
    assert parse_ladder(data) == DEFAULT_LADDER
    assert encode_ladder(parse_ladder(data)) == data
    assert hash_ladder(Ladder(**GOOD)) != hash_ladder(DEFAULT_LADDER)
    with pytest.raises(Malformed, match="divide the one before"):
        parse_ladder(data.replace(b"54000", b"54001"))


@pytest.mark.parametrize(
    "level",
    (
        Level(9, 0, 0, 0, 0),
        Level(0, 7, 0, 0, 0),
        Level(0, 0, 7, 0, 0),
        Level(0, 0, 0, 5, 0),
        Level(0, 0, 0, 0, -1),
    ),
)
def test_a_level_of_another_ladder_is_our_own_mistake(level: Level) -> None:
    with pytest.raises(ValueError, match="level"):
        shape_of(Sighting(0, 0, 0, ("air",)), level, DEFAULT_LADDER)


def test_every_level_is_listed_once() -> None:
    levels = list(DEFAULT_LADDER.levels())
    assert len(levels) == len(set(levels)) == 9 * 7 * 7 * 5 * 6
    assert {DEFAULT_LADDER.finest, DEFAULT_LADDER.coarsest} <= set(levels)
    for level in levels:
        DEFAULT_LADDER.check_level(level)


def test_a_cell_of_another_ladder_is_refused() -> None:
    DEFAULT_LADDER.check_cell(WORLD)
    for cell in (Cell(9, 0, 0), Cell(0, 1, 0), Cell(1, 12, 0), Cell(1, 0, 24), Cell(1, -1, 0)):
        with pytest.raises(Malformed, match="cell"):
            DEFAULT_LADDER.check_cell(cell)
