"""Cells: whatever conflicts shares a key with what is asked, wherever on Earth and however long."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from entente.deconflict.cells import (
    FEW,
    TURN_E4,
    Box,
    encode_key,
    find_box,
    find_searches,
    find_slot,
    is_met,
    read_stem,
    stem_of,
)
from entente.deconflict.index import find_question_box
from entente.deconflict.lock_cells import FEW_OWN, list_locks
from entente.deconflict.standing import Decider, pack, read_box, unpack
from entente.space import Circle, HeightBand, Outline, Polygon, Separation, Volume, Window, find_conflict
from entente.space.ellipsoid import walk_line
from tests.index_contract import FIRST, LAST, REACHES, SEPARATIONS, START, volumes

POLE = TURN_E4 // 4


def is_visited(question: Box, box: Box) -> bool:
    """Tell whether a question's searches, of all levels and classes, meet the keys of a standing box."""
    slot = find_slot(box)
    keys = {encode_key(5, slot.level, slot.duration, cell) for cell in slot.cells}
    held = {read_stem(stem_of(key)) for key in keys}
    for search in find_searches(question, 5, held):
        if search.first_start_s <= box.start_s <= search.last_start_s:
            if keys & set(search.keys):
                return True
            if any(first <= key <= last for key in keys for first, last in search.spans):
                return True
    return False


@given(volumes(), volumes(), SEPARATIONS, REACHES)
def test_what_conflicts_is_proposed(
    asked: Volume, stands: Volume, separation: Separation, reach_m: float
) -> None:
    widened = Separation(
        separation.lateral_m + reach_m, min(separation.vertical_m + reach_m, 2e8), separation.time_s
    )
    data = pack(stands, reach_m)
    assert unpack(data) == (stands, reach_m)
    if find_conflict(asked, stands, widened) is None:
        assert Decider().find_met(asked, separation, [data]) == []
        return
    assert Decider().find_met(asked, separation, [data]) == [0]
    question = find_question_box(asked, separation)
    assert is_met(question, read_box(data))
    assert is_visited(question, read_box(data))


BOXES = st.builds(
    lambda south, high, west, wide, start, lasts: Box(
        south, west, min(POLE, south + high), west + wide, 0, 1, start, start + lasts
    ),
    south=st.integers(-POLE, POLE),
    high=st.sampled_from((0, 1, 1_999, 2_000, 8_000, 300_000, 2 * POLE)),
    west=st.integers(-TURN_E4 // 2, TURN_E4 // 2 - 1),
    wide=st.sampled_from((0, 1, 2_000, 60_000, 1_799_999, 3_599_999, TURN_E4)),
    start=st.sampled_from((-62_135_596_800, -1, 0, 1_474_070_400, 253_402_300_799)),
    lasts=st.sampled_from((0, 1, 3_600, 3_601, 28_800, 86_400, 10**9, 315_537_897_600)),
)


@given(BOXES, BOXES, st.integers(-TURN_E4, TURN_E4))
def test_boxes_that_meet_are_visited(one: Box, other: Box, shift: int) -> None:
    # Half of the time, the second beside the first: two boxes drawn alone nearly never meet.
    west = (one.west + shift // 100 + TURN_E4 // 2) % TURN_E4 - TURN_E4 // 2
    other = other._replace(west=west, east=west + other.east - other.west, start_s=one.start_s)
    other = other._replace(end_s=max(other.end_s, other.start_s))
    assume(is_met(one, other))
    assert is_visited(one, other)
    assert is_visited(other, one)


@given(BOXES, BOXES, st.integers(-TURN_E4, TURN_E4))
def test_boxes_that_meet_share_a_lock_that_one_of_them_takes_alone(one: Box, other: Box, shift: int) -> None:
    west = (one.west + shift // 100 + TURN_E4 // 2) % TURN_E4 - TURN_E4 // 2
    other = other._replace(west=west, east=west + other.east - other.west, start_s=one.start_s)
    other = other._replace(end_s=max(other.end_s, other.start_s))
    assume(is_met(one, other))
    mine, theirs = list_locks([one]), list_locks([other])
    for locks in (mine, theirs):
        numbers = [number for number, _ in locks]
        assert numbers == sorted(set(numbers))
        assert 1 <= sum(alone for _, alone in locks) <= FEW_OWN
    assert any(dict(mine)[number] or alone for number, alone in theirs if number in dict(mine))


@given(BOXES)
@example(Box(-POLE, -TURN_E4 // 2, POLE, TURN_E4 // 2, -1, 1, -(10**11), 9 * 10**11))
def test_a_volume_is_kept_under_few_keys_and_a_question_names_a_bounded_number(box: Box) -> None:
    slot = find_slot(box)
    assert 1 <= len(slot.cells) == len(set(slot.cells)) <= FEW
    every = [(level, duration) for level in range(6) for duration in range(8)]
    searches = find_searches(box, 0, every)
    assert sum(len(search.keys) + len(search.spans) for search in searches) <= 8 * 6 * 1_024


@given(
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.sampled_from((1.0, 5_000.0, 90_000.0, 999_000.0)),
    st.floats(0, 360),
)
def test_a_circle_s_box_holds_its_rim(lat: float, lon: float, radius_m: float, bearing: float) -> None:
    window = Window(START, LAST)
    box = find_box(Volume(Circle((lat, lon), radius_m), HeightBand(None, None), window))
    rim_lat, rim_lon = walk_line(lat, lon, bearing, radius_m)
    assert is_met(box, point_box(rim_lat, rim_lon))


@pytest.mark.parametrize("lat", (0.0, 45.0, 79.0, -79.9, 84.0))
def test_a_long_edge_s_bulge_is_within_the_box(lat: float) -> None:
    # 8 degrees from west to east: at 79 degrees the middle of the edge rises 14 km above its ends.
    strip = Polygon(((lat, 1.0), (lat, 9.0), (lat - math.copysign(0.001, lat), 5.0)))
    box = find_box(Volume(strip, HeightBand(None, None), Window(FIRST, LAST)))
    ring = strip.ring
    for edge_lat, edge_lon in zip(ring.lat_deg.tolist(), ring.lon_deg.tolist(), strict=True):
        assert is_met(box, point_box(edge_lat, edge_lon))


@pytest.mark.parametrize(
    ("outline", "inside"),
    (
        (Polygon(((0.0, 179.99), (0.0, -179.99), (0.02, 180.0))), (0.005, 180.0)),
        (Polygon(((0.0, 179.99), (0.0, -179.99), (0.02, 180.0))), (0.005, -179.999)),
        (Polygon(((81.0, 0.0), (81.0, 120.0), (81.0, -120.0))), (90.0, 0.0)),
        (Polygon(((-75.0, 0.0), (-75.0, 120.0), (-75.0, -120.0))), (-89.9, 77.0)),
        (Polygon(((79.9, 0.0), (79.9, 0.1), (80.1, 0.1), (80.1, 0.0))), (80.05, 0.05)),
        (Circle((89.0, 30.0), 200_000.0), (89.5, -150.0)),
        (Circle((0.0, 179.9999), 50.0), (0.0, -180.0)),
    ),
)
def test_poles_and_the_antimeridian_are_ordinary_places(
    outline: Outline, inside: tuple[float, float]
) -> None:
    window = Window(START, LAST)
    around = Volume(outline, HeightBand(None, None), window)
    within = Volume(Circle(inside, 1.0), HeightBand(None, None), window)
    for asked, stands in ((around, within), (within, around)):
        assert find_conflict(asked, stands, Separation()) is not None
        question, box = find_question_box(asked, Separation()), read_box(pack(stands, 0.0))
        assert is_met(question, box)
        assert is_visited(question, box)


def point_box(lat: float, lon: float) -> Box:
    at_lat = round(lat * 1e4)
    at_lon = (round(lon * 1e4) + TURN_E4 // 2) % TURN_E4 - TURN_E4 // 2
    return Box(at_lat, at_lon, at_lat, at_lon, 0, 0, 1_500_000_000, 1_500_000_000)


def test_the_number_of_cells_is_the_same_on_every_machine() -> None:
    # Were one machine's cosine to round otherwise, an index that it wrote would be wrong on another.
    from entente.deconflict import cells

    assert [sum(level) for level in cells._COLUMNS] == [1_029_072, 63_897, 3_887, 220, 10, 1]
    for size in cells._SIZES:
        for row in range(-(-2 * POLE // size)):
            away = min(POLE, max(abs(row * size - POLE), abs((row + 1) * size - POLE)))
            exact = TURN_E4 * math.cos(math.radians(away / 1e4)) / size - 1e-5
            assert abs(exact - round(exact)) > 1e-9
