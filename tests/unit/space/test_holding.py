from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from entente.space import (
    Circle,
    HeightBand,
    Lane,
    Outline,
    Part,
    Polygon,
    Region,
    Volume,
    Window,
    holds,
    parse_outline,
    reference_point,
)
from entente.space.ellipsoid import walk_line
from entente.space.holding import holds_outline
from entente.space.wire import encode_outline

NOON = datetime(2016, 9, 17, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
Vertices = tuple[tuple[float, float], ...]
MM = 1 / 111_320_000
"""A millimetre in degrees, at the equator."""


def box(south: float, west: float, north: float, east: float) -> Vertices:
    return ((south, west), (south, east), (north, east), (north, west))


def star(lat: float, lon: float, size_m: float, count: int = 11) -> Vertices:
    return tuple(
        walk_line(lat, lon, 11.0 + 360.0 * k / count, size_m * (1.0 if k % 2 else 0.8)) for k in range(count)
    )


def sent(outline: Outline) -> Outline:
    """The outline as its reader has it: every position rounded."""
    return parse_outline(encode_outline(outline))


def at(outline: Outline, low: float | None, high: float | None, start: datetime, end: datetime) -> Volume:
    return Volume(outline, HeightBand(low, high), Window(start, end))


SQUARE = Polygon(box(0, 0, 1, 1))
FRAME = Region((Part(box(0, 0, 3, 3), (box(1, 1, 2, 2),)),))


def test_heights_and_windows_lie_within() -> None:
    whole = at(SQUARE, 0.0, 100.0, NOON, NOON + 4 * HOUR)
    for low, high, start, end, truth in (
        (0.0, 100.0, 0, 4, True),
        (10.0, 90.0, 1, 3, True),
        (-0.01, 100.0, 0, 4, False),
        (0.0, 100.01, 0, 4, False),
        (None, 100.0, 0, 4, False),
        (0.0, None, 0, 4, False),
        (0.0, 100.0, -1, 4, False),
        (0.0, 100.0, 0, 5, False),
    ):
        inner = at(SQUARE, low, high, NOON + start * HOUR, NOON + end * HOUR)
        assert holds(whole, inner) is truth
    unbounded = at(SQUARE, None, None, NOON, NOON + HOUR)
    assert holds(unbounded, at(SQUARE, -1e6, 1e6, NOON, NOON + HOUR))
    assert not holds(unbounded, at(SQUARE, None, None, NOON, NOON + HOUR + timedelta(microseconds=1)))


@pytest.mark.parametrize(
    ("place", "size_m"),
    (
        ((0.0, 0.0), 60.0),
        ((52.0, 179.9999), 3_000.0),
        ((89.9, 20.0), 50_000.0),
        ((-90.0, 0.0), 300.0),
        ((-52.0, 179.9999), 500_000.0),
    ),
)
def test_what_shrinks_is_held_and_what_grows_is_not(place: tuple[float, float], size_m: float) -> None:
    vertices = sent(Polygon(star(*place, size_m)))
    assert isinstance(vertices, Polygon)
    corners = vertices.vertices
    onward = tuple(middle_of(corners[k], corners[(k + 1) % len(corners)]) for k in range(len(corners)))
    # Cut off vertex 3, which sticks out. The new vertices are up to 8 mm off the edges that they were put on.
    shrunk = sent(Polygon((*corners[:3], onward[2], onward[3], *corners[4:])))
    assert holds_outline(vertices, shrunk)
    assert not holds_outline(shrunk, vertices)
    assert holds_outline(vertices, sent(Polygon((*corners[:4], onward[3], *corners[4:]))))
    assert holds_outline(vertices, Polygon(corners[::-1]))
    assert holds_outline(vertices, Polygon(corners[4:] + corners[:4]))
    pushed = walk_line(*corners[3], 11.0 + 360.0 * 3 / len(corners), 0.05 if size_m < 1e6 else 1.0)
    assert not holds_outline(vertices, Polygon((*corners[:3], pushed, *corners[4:])))
    hole = tuple(walk_line(*reference_point(vertices), 120.0 * k, size_m / 10) for k in range(3))
    holed = sent(Region((Part(corners, (hole,)),)))
    assert holds_outline(vertices, holed)
    assert not holds_outline(holed, vertices)
    wider = tuple(walk_line(*reference_point(vertices), 120.0 * k, size_m / 9) for k in range(3))
    assert holds_outline(holed, sent(Region((Part(corners, (wider,)),))))
    assert not holds_outline(sent(Region((Part(corners, (wider,)),))), holed)


def middle_of(a: tuple[float, float], b: tuple[float, float]) -> tuple[float, float]:
    return reference_point(Lane((a, b), 1.0))


def test_circles_in_circles_to_the_centimetre() -> None:
    zone = Circle((80.0, 179.9), 50_000.0)
    near = walk_line(*zone.centre, 77.0, 20_000.0)
    assert holds_outline(zone, Circle(near, 30_000.0))
    assert holds_outline(zone, Circle(near, 30_000.009))
    assert not holds_outline(zone, Circle(near, 30_000.011))
    assert holds_outline(zone, Circle(zone.centre, 49_000.0))
    assert not holds_outline(Circle(zone.centre, 49_000.0), zone)


def test_areas_and_lanes_in_circles() -> None:
    zone = Circle((10.0, 20.0), 200_000.0)
    rim = tuple(walk_line(10.0, 20.0, 72.0 * k, 200_000.0) for k in range(5))
    assert holds_outline(zone, Polygon(rim))
    assert not holds_outline(zone, Polygon((walk_line(10.0, 20.0, 0.0, 200_000.02), *rim[1:])))
    assert holds_outline(zone, Region((Part(rim, (box(9.9, 19.9, 10.1, 20.1),)),)))
    assert holds_outline(zone, Lane((walk_line(10.0, 20.0, 5.0, 190_000.0), (10.0, 20.0)), 10_000.0))
    assert not holds_outline(zone, Lane((walk_line(10.0, 20.0, 5.0, 190_001.0), (10.0, 20.0)), 10_000.0))


def test_circles_and_lanes_in_areas() -> None:
    assert holds_outline(SQUARE, Circle((0.5, 0.5), 55_000.0))
    assert not holds_outline(SQUARE, Circle((0.5, 0.5), 55_700.0))
    assert holds_outline(FRAME, Circle((0.5, 0.5), 55_000.0))
    assert not holds_outline(FRAME, Circle((0.5, 1.5), 56_000.0))
    assert not holds_outline(FRAME, Circle((1.5, 1.5), 1.0))  # in the hole
    assert not holds_outline(FRAME, Circle((1.5, 1.5), 160_000.0))  # round the hole
    assert holds_outline(FRAME, Lane(((0.5, 0.5), (0.5, 2.5), (2.5, 2.5)), 50_000.0))
    assert not holds_outline(FRAME, Lane(((0.5, 0.5), (2.5, 2.5)), 10.0))
    assert not holds_outline(SQUARE, Lane(((0.5, 0.5), (0.5, 1.5)), 10.0))


def test_only_a_stretch_of_the_same_line_is_known_to_lie_in_a_lane() -> None:
    route = Lane(((0.0, 0.0), (0.0, 1.0), (1.0, 1.0), (2.0, 1.0)), 500.0)
    assert holds_outline(route, Lane(route.points, 400.0))
    assert holds_outline(route, Lane(route.points[1:3], 500.0))
    assert not holds_outline(route, Lane(route.points, 500.1))
    assert not holds_outline(route, Lane(route.points[::2], 1.0))
    assert not holds_outline(route, Circle((0.0, 0.5), 1.0))


def test_parts_and_holes_are_told_apart() -> None:
    island = box(1.4, 1.4, 1.6, 1.6)
    target = Region((Part(box(0, 0, 3, 3), (box(1, 1, 2, 2),)), Part(island)))
    assert holds_outline(target, FRAME)
    assert not holds_outline(FRAME, target)
    assert holds_outline(target, Polygon(island))
    assert holds_outline(target, Polygon(box(1.45, 1.45, 1.55, 1.55)))
    assert not holds_outline(target, Polygon(box(1.2, 1.2, 1.3, 1.3)))
    assert not holds_outline(target, Polygon(box(0.5, 0.5, 2.5, 2.5)))
    assert not holds_outline(target, Polygon(box(1.3, 1.3, 1.7, 1.7)))
    assert holds_outline(
        target, Region((Part(box(0.5, 0.5, 2.5, 2.5), (box(0.9, 0.9, 2.1, 2.1),)), Part(island)))
    )
    assert not holds_outline(Polygon(box(0, 0, 3, 3)), Polygon(box(5, 5, 6, 6)))
    assert not holds_outline(SQUARE, Polygon(box(-40, -40, 10, 10)))
    assert not holds_outline(SQUARE, Polygon(box(0, 1, 1, 2)))  # a shared edge is not enough
    assert not holds_outline(SQUARE, Polygon(box(-50, 130, 0.5, 179)))


def test_a_bay_behind_a_narrow_mouth_is_not_filled() -> None:
    """The inner boundary never leaves the outer by more than 4 mm, and yet a bay of 100 m lies between."""
    mouth, deep = 4 * MM, 1e-3
    bay = (
        (0.0, -mouth),
        (0.1, -mouth),
        (0.1, -deep),
        (0.1 + deep, 0.0),
        (0.1, deep),
        (0.1, mouth),
        (0.0, mouth),
    )
    outer = Polygon(((0.0, -1.0), *bay, (0.0, 1.0), (1.0, 0.0)))
    assert not holds_outline(outer, Polygon(((0.0, -1.0), (0.0, 1.0), (1.0, 0.0))))
    assert holds_outline(Polygon(((0.0, -1.0), (0.0, 1.0), (1.0, 0.0))), outer)


def test_half_of_a_hole_behind_a_narrow_neck_is_not_filled() -> None:
    neck, wide = 4 * MM, 1e-3
    hole = (
        *((-neck, -wide), (-wide, -2 * wide), (wide, -2 * wide), (neck, -wide)),
        *((neck, wide), (wide, 2 * wide), (-wide, 2 * wide), (-neck, wide)),
    )
    half = ((-neck, -wide), (-wide, -2 * wide), (wide, -2 * wide), (neck, -wide))
    outer = Region((Part(box(-1, -1, 1, 1), (hole,)),))
    assert not holds_outline(outer, Region((Part(box(-1, -1, 1, 1), (half,)),)))
    assert holds_outline(outer, outer)


@pytest.mark.parametrize(("off_mm", "truth"), ((0.0, True), (8.0, True), (11.0, False)))
def test_a_dent_counts_from_one_centimetre(off_mm: float, truth: bool) -> None:
    dented = Polygon(((0, 0), (-off_mm * MM, 0.5), (0, 1), (1, 1), (1, 0)))
    assert holds_outline(SQUARE, dented) is truth


@pytest.mark.parametrize(("size_mm", "truth"), ((15.0, True), (60.0, False)))
def test_a_hole_of_millimetres_may_be_filled(size_mm: float, truth: bool) -> None:
    wide = size_mm * MM
    tiny = tuple((0.5 + lat, 0.5 + lon) for lat, lon in box(0, 0, wide, wide))
    assert holds_outline(Region((Part(SQUARE.vertices, (tiny,)),)), SQUARE) is truth
