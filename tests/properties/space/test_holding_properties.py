from __future__ import annotations

import math

from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from entente.kernel.errors import InvalidVolume
from entente.space import (
    Circle,
    Lane,
    Outline,
    Part,
    Polygon,
    Region,
    contains_point,
    distance_and_bearing,
    parse_outline,
    reference_point,
)
from entente.space.holding import HOLD_M, holds_outline
from entente.space.inside import is_inside
from entente.space.loops import Position, Vertices
from entente.space.nearest import find_gap
from entente.space.ring import ring_of_point
from entente.space.wire import encode_outline
from tests.properties.space.oracle import latitudes, longitudes, outlines, polygons, regions, walk

# An example costs tens of milliseconds: a share of the profile's, as in `test_overlap_properties`.
SOME = settings(max_examples=max(10, settings.default.max_examples // 6)) if settings.default else settings()
parts_of_one = st.floats(0.0, 1.0)


def between(a: Position, b: Position, part: float) -> Position:
    length_m, bearing_deg = distance_and_bearing(*a, *b)
    return walk(*a, bearing_deg, part * length_m)


def list_boundary(outline: Outline, parts: list[float]) -> list[Position]:
    """Points of the boundary, also of circles and lanes."""
    if isinstance(outline, Circle):
        return [walk(*outline.centre, 360 * part, outline.radius_m) for part in parts]
    if isinstance(outline, Lane):
        ends = list(zip(outline.points, outline.points[1:], strict=False))
        middles = [between(*ends[int(977 * part) % len(ends)], part) for part in parts]
        return [
            walk(*middle, 7919 * part, outline.radius_m) for middle, part in zip(middles, parts, strict=True)
        ]
    loops = (
        [outline.vertices]
        if isinstance(outline, Polygon)
        else [loop for part in outline.parts for loop in (part.outer, *part.holes)]
    )
    edges = [edge for loop in loops for edge in zip(loop, loop[1:] + loop[:1], strict=True)]
    return [between(*edges[int(977 * part) % len(edges)], part) for part in parts] + [a for a, _ in edges]


def is_outside(outline: Outline, point: Position, beyond_m: float) -> bool:
    """Whether a point is certainly more than ``beyond_m`` outside: `find_gap` never says too much."""
    ring = ring_of_point(*point)
    return not is_inside(outline.ring, ring.starts[0]) and (
        find_gap(outline.ring, ring, outline.margin_m + beyond_m) is None
    )


def check_samples(outer: Outline, inner: Outline, parts: list[float]) -> None:
    for point in list_boundary(inner, parts):
        # A sampled point of the boundary is right to a micrometre; 0.1 mm more than that.
        assert not is_outside(outer, point, HOLD_M + 1e-4), point
    middle = reference_point(inner)
    size_m = inner.ring.cap_chord_m + inner.margin_m
    for part in parts:
        point = walk(*middle, 7919 * part, size_m * part**3)
        if contains_point(inner, *point):  # which takes what is 5 mm outside for inside
            assert not is_outside(outer, point, HOLD_M + 0.005), point


@st.composite
def changed(draw: st.DrawFn, outer: Polygon) -> Outline:
    """An outline that has most of its edges in common with ``outer``, inside it or not."""
    first = draw(st.integers(0, len(outer.vertices) - 1))
    loop = outer.vertices[first:] + outer.vertices[:first]
    kind = draw(st.sampled_from(["cut", "drop", "hole", "shake", "push", "turn"]))
    near = draw(parts_of_one.map(lambda part: 0.02 + 0.9 * part))
    if kind == "cut":
        loop = (between(loop[-1], loop[0], near), between(loop[0], loop[1], 1.0 - near), *loop[1:])
    elif kind == "drop":
        loop = loop[1:]
    elif kind == "shake":
        step_m = 10 ** draw(st.floats(-3.5, -1.5))
        loop = tuple(walk(*vertex, draw(st.floats(0.0, 360.0)), step_m) for vertex in loop)
    elif kind == "push":
        loop = (walk(*loop[0], draw(st.floats(0.0, 360.0)), 10 ** draw(st.floats(-3.0, 2.0))), *loop[1:])
    elif kind == "turn":
        loop = loop[::-1]
    hole = tuple(walk(*reference_point(outer), 120.0 * k, 10 ** draw(st.floats(-1.9, 2.0))) for k in range(3))
    return Region((Part(loop, (hole,)),)) if kind == "hole" else Polygon(loop)


@SOME
@given(st.data(), polygons(), st.booleans(), st.lists(parts_of_one, min_size=8, max_size=8))
def test_nothing_that_is_held_is_outside(
    data: st.DataObject, outer: Polygon, is_sent: bool, parts: list[float]
) -> None:
    try:
        inner = data.draw(changed(outer))
        inner = parse_outline(encode_outline(inner)) if is_sent else inner
    except InvalidVolume:
        assume(False)
    for one, other in ((outer, inner), (inner, outer)):
        if holds_outline(one, other):
            check_samples(one, other, parts)


@SOME
@given(st.data(), latitudes, longitudes, st.lists(parts_of_one, min_size=8, max_size=8))
def test_nothing_of_any_kind_that_is_held_is_outside(
    data: st.DataObject, lat: float, lon: float, parts: list[float]
) -> None:
    size_m = 10 ** data.draw(st.floats(1.0, 6.0))
    outer = data.draw(outlines((lat, lon), size_m))
    near = walk(lat, lon, data.draw(st.floats(0.0, 360.0)), size_m * data.draw(st.floats(0.0, 0.5)))
    inner = data.draw(outlines(near, size_m * data.draw(st.sampled_from([0.01, 0.1, 0.3]))))
    if holds_outline(outer, inner):
        note(f"{outer} {inner}")
        check_samples(outer, inner, parts)


@SOME
@given(st.data(), st.one_of(polygons(), regions()), parts_of_one)
def test_what_only_loses_is_held(data: st.DataObject, outer: Polygon | Region, part: float) -> None:
    """A corner cut off where the outline sticks out, its new vertices rounded as they are on the wire."""
    outer = parse_outline(encode_outline(outer))  # type: ignore[assignment]
    assert isinstance(outer, Polygon | Region)
    assume(outer.ring.cap_chord_m < 2_000_000)
    loop: Vertices = outer.vertices if isinstance(outer, Polygon) else outer.parts[0].outer
    first = data.draw(st.integers(0, len(loop) - 1))
    loop = loop[first:] + loop[:first]
    to_last, to_next = (distance_and_bearing(*loop[0], *loop[k]) for k in (-1, 1))
    sweep_deg = (to_next[1] - to_last[1]) % 360
    within = walk(*loop[0], to_last[1] + sweep_deg / 2, min(to_last[0], to_next[0], 1000.0) * 0.02)
    sticks_out = contains_point(outer, *within) == (sweep_deg < 180)
    assume(sticks_out and 5 < sweep_deg % 180 < 175 and min(to_last[0], to_next[0]) > 1.0)
    share = 0.01 + 0.1 * part
    cut = (between(loop[0], loop[-1], share), between(loop[0], loop[1], share), *loop[1:])
    try:
        inner: Outline = (
            Polygon(cut)
            if isinstance(outer, Polygon)
            else Region((Part(cut, outer.parts[0].holes), *outer.parts[1:]))
        )
        inner = parse_outline(encode_outline(inner))
    except InvalidVolume:
        assume(False)
    assert holds_outline(outer, inner)
    assert holds_outline(outer, outer)
    assert math.isfinite(inner.ring.cap_chord_m)
