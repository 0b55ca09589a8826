from __future__ import annotations

import math
import random
from datetime import UTC, datetime, timedelta

import pytest
import spherely
from hypothesis import assume, given, note, settings
from hypothesis import strategies as st

from entente.kernel.errors import InvalidVolume
from entente.space import (
    Circle,
    HeightBand,
    Lane,
    Outline,
    Part,
    Polygon,
    Region,
    Separation,
    Volume,
    Window,
    contains_point,
    distance_m,
    find_conflict,
    ground_error_m,
    is_apart,
    is_conflict,
    reference_point,
)
from entente.space.bounds import is_apart_on_ground
from entente.space.inside import is_inside
from entente.space.loops import Vertices
from entente.space.nearest import find_gap
from entente.space.overlap import EXACT_REACH_M, find_meeting
from entente.space.ring import ring_of_point
from tests.properties.space.oracle import (
    EARTH,
    circles,
    judge_rings,
    latitudes,
    longitudes,
    outlines,
    pairs,
    polygons,
    regions,
    small_pairs,
    star,
    walk,
)

# A pair of outlines costs milliseconds to draw and ask about, so each test takes its share of the profile's
# examples; `check_pairs` beside this file asks about as many as one likes.
SOME = settings(max_examples=max(10, settings.default.max_examples // 3)) if settings.default else settings()
FEW = settings(max_examples=max(10, settings.default.max_examples // 8)) if settings.default else settings()

EPOCH = datetime(2016, 9, 17, tzinfo=UTC)
laterals = st.one_of(st.just(0.0), st.floats(0.0, 1e6), st.floats(0.0, 5.0).map(lambda power: 10.0**power))


@st.composite
def volumes(draw: st.DrawFn, outline: Outline) -> Volume:
    start = EPOCH + timedelta(microseconds=draw(st.integers(0, 20)))
    window = Window(start, start + timedelta(microseconds=draw(st.integers(1, 10))))
    low, high = sorted((draw(st.integers(0, 20)), draw(st.integers(0, 20))))
    floor = draw(st.sampled_from([None, low / 10]))
    return Volume(outline, HeightBand(floor, draw(st.sampled_from([None, high / 10]))), window)


@st.composite
def separations(draw: st.DrawFn) -> Separation:
    return Separation(draw(laterals), draw(st.integers(0, 10)) / 10, draw(st.integers(0, 10)) / 1e6)


def list_loops(outline: Polygon | Region) -> list[Vertices]:
    if isinstance(outline, Polygon):
        return [outline.vertices]
    return [loop for part in outline.parts for loop in (part.outer, *part.holes)]


def core_m(a: Outline, b: Outline, gap_m: float) -> float:
    return gap_m + a.margin_m + b.margin_m


@SOME
@given(st.data(), pairs(), separations())
def test_conflict_is_the_same_from_both_sides(
    data: st.DataObject, both: tuple[Outline, Outline], separation: Separation
) -> None:
    a, b = data.draw(volumes(both[0])), data.draw(volumes(both[1]))
    assert find_conflict(a, b, separation) == find_conflict(b, a, separation)


@SOME
@given(pairs(), st.floats(0.0, 1e6), st.floats(0.0, 1e6))
def test_meeting_grows_with_the_separation(
    both: tuple[Outline, Outline], one_m: float, other_m: float
) -> None:
    less_m, more_m = sorted((one_m, other_m))
    near = find_meeting(*both, less_m)
    if near is not None:
        core = core_m(*both, near.gap_m)
        # Beyond 50 km two searches may stop at bounds that differ by what both may fall short.
        slack_m = 0.0 if core < 50_000 else ground_error_m(core)
        far = find_meeting(*both, min(1e6, more_m + slack_m))
        assert far is not None
        assert abs(far.gap_m - near.gap_m) <= slack_m + 1e-6


@SOME
@given(pairs(), st.integers(-36, 36).map(lambda tens: tens * 10.0), st.booleans())
def test_distance_does_not_depend_on_where_the_antimeridian_runs(
    both: tuple[Outline, Outline], turn_deg: float, mirrored: bool
) -> None:
    def moved(outline: Outline) -> Outline:
        def move(lat: float, lon: float) -> tuple[float, float]:
            return (-lat if mirrored else lat), math.remainder(lon + turn_deg, 360.0)

        def move_all(loop: Vertices) -> Vertices:
            return tuple(move(*vertex) for vertex in loop)

        if isinstance(outline, Circle):
            return Circle(move(*outline.centre), outline.radius_m)
        if isinstance(outline, Lane):
            return Lane(move_all(outline.points), outline.radius_m)
        if isinstance(outline, Region):
            return Region(
                tuple(
                    Part(move_all(part.outer), tuple(move_all(hole) for hole in part.holes))
                    for part in outline.parts
                )
            )
        return Polygon(move_all(outline.vertices))

    here_m = distance_m(*both)
    there_m = distance_m(moved(both[0]), moved(both[1]))
    assert abs(here_m - there_m) <= 1e-5 + ground_error_m(core_m(*both, here_m))


@SOME
@given(pairs(), laterals)
def test_cheap_rejection_never_rejects_a_meeting(both: tuple[Outline, Outline], lateral_m: float) -> None:
    if find_meeting(*both, lateral_m) is not None:
        assert not is_apart_on_ground(*both, lateral_m)


@SOME
@given(st.data(), separations())
def test_heights_and_times_follow_the_plain_rule(data: st.DataObject, separation: Separation) -> None:
    here = Circle((35.28, 40.18), 100.0)
    a, b = data.draw(volumes(here)), data.draw(volumes(here))
    apart_us = (
        max(a.window.start_utc, b.window.start_utc) - min(a.window.end_utc, b.window.end_utc)
    ) // timedelta(microseconds=1)
    meets_in_time = apart_us < round(separation.time_s * 1e6)
    low = max(round(10 * v.heights.floor_m) if v.heights.floor_m is not None else -999 for v in (a, b))
    high = min(round(10 * v.heights.ceiling_m) if v.heights.ceiling_m is not None else 999 for v in (a, b))
    meets_in_height = low - high <= round(10 * separation.vertical_m)
    assert is_conflict(a, b, separation) == (meets_in_time and meets_in_height)
    assert is_apart(a, b, separation) == (not (meets_in_time and meets_in_height))


@given(
    st.tuples(latitudes, longitudes),
    st.tuples(st.floats(1.0, 6.0).map(lambda power: 10.0**power), st.integers(3, 9)),
    st.floats(0.0, 360.0),
    st.floats(0.05, 0.95),
    laterals,
    st.tuples(st.sampled_from([-1.0, 1.0]), st.floats(-4.0, 0.0)),
    st.one_of(st.none(), st.floats(1.0, 40.0)),
    st.booleans(),
)
def test_a_hair_inside_is_found_and_a_hair_outside_is_not(
    middle: tuple[float, float],
    size: tuple[float, int],
    turn_deg: float,
    part: float,
    lateral_m: float,
    hair: tuple[float, float],
    width_deg: float | None,
    is_round: bool,
) -> None:
    """Put a point square off a boundary at a known distance, and hang an outline on it, pointing away."""
    gap_m = hair[0] * 10.0 ** hair[1]
    size_m, count = size
    first: Outline
    if is_round:
        first = Circle(middle, min(size_m, 1e6))
        foot = walk(*middle, turn_deg, first.radius_m)
        outward = EARTH.Inverse(*middle, *foot)["azi2"]
    else:
        first = star(*middle, [size_m] * count, turn_deg)
        start, end = first.vertices[0], first.vertices[1]
        edge = EARTH.Inverse(*start, *end)
        on = EARTH.Direct(*start, edge["azi1"], part * edge["s12"])
        foot, outward = (on["lat2"], math.remainder(on["lon2"], 360.0)), on["azi2"] - 90.0
    away = EARTH.Direct(*foot, outward, lateral_m + gap_m)
    tip, onward = (away["lat2"], math.remainder(away["lon2"], 360.0)), away["azi2"]
    second: Outline
    if width_deg is None:
        radius_m = min(size_m, 1e6) / 3
        second = Circle(walk(*tip, onward, radius_m), radius_m)
    else:
        second = Polygon(
            (tip, walk(*tip, onward - width_deg, size_m / 3), walk(*tip, onward + width_deg, size_m / 4))
        )
    met = find_meeting(first, second, lateral_m)
    error_m = ground_error_m(core_m(first, second, lateral_m))
    if gap_m <= 0:
        assert met is not None, "missed"
    elif gap_m > error_m:
        assert met is None
    near = find_meeting(first, second, min(1e6, lateral_m + 2.0))
    if lateral_m <= 1e6 - 2.0:
        assert near is not None
        true_m = max(0.0, lateral_m + gap_m)
        assert true_m - error_m <= near.gap_m <= true_m + 1e-6


@FEW
@given(small_pairs())
def test_distance_agrees_with_a_separate_judge(both: tuple[Polygon, Polygon | Circle]) -> None:
    a, b = (o.vertices if isinstance(o, Polygon) else (o.centre,) for o in both)
    found_m = distance_m(*both)
    judged_m = max(0.0, judge_rings(a, b) - both[0].margin_m - both[1].margin_m)
    if found_m > 0.0:
        assert found_m <= judged_m + 1e-6, "the judge holds two real points that are nearer"
        core = core_m(*both, found_m)
        # Beyond that the distance is only said to be a lower bound.
        assert core >= EXACT_REACH_M or judged_m <= found_m + ground_error_m(core)
    elif judged_m > ground_error_m(core_m(*both, 0.0)) and len(b) == 1:
        assert contains_point(both[0], *b[0])
    if len(b) > 1:
        # The judge of vertices and edges is blind to crossings; S2 sees them, on its sphere.
        first, second = (spherely.create_polygon([(lon, lat) for lat, lon in ring]) for ring in (a, b))
        doubt_m = 0.001 * judged_m
        if found_m > doubt_m:
            assert spherely.distance(first, second) > 0.0
        elif found_m == 0.0:
            assert spherely.distance(first, second) <= doubt_m + 0.01


@SOME
@given(polygons(), st.floats(0.0, 360.0), st.floats(0.0, 2.0))
def test_inside_agrees_with_s2(outline: Polygon, bearing_deg: float, part: float) -> None:
    lat, lon = outline.vertices[0]
    size_m = distance_m(Circle((lat, lon), 1e-3), Circle(reference_point(outline), 1e-3)) + 1.0
    assume(size_m < 200_000)
    point = walk(lat, lon, bearing_deg, part * size_m)
    ring = spherely.create_polygon([(lon_, lat_) for lat_, lon_ in outline.vertices])
    there = spherely.create_point(point[1], point[0])
    # Its edges are great circles of a sphere: up to 0.5 % and a few metres from ours.
    assume(spherely.distance(spherely.boundary(ring), there) > 20.0 + size_m / 1000)
    assert contains_point(outline, *point) == bool(spherely.intersects(ring, there))


@SOME
@given(st.one_of(polygons(), regions()))
def test_reference_point_and_vertices_lie_inside(outline: Polygon | Region) -> None:
    assert contains_point(outline, *reference_point(outline))
    assert all(contains_point(outline, *vertex) for loop in list_loops(outline) for vertex in loop)


@SOME
@given(regions(), st.floats(0.0, 360.0), st.lists(st.floats(0.0, 1.2), min_size=8, max_size=8))
def test_inside_a_region_is_inside_an_odd_number_of_its_loops(
    outline: Region, bearing_deg: float, parts: list[float]
) -> None:
    loops = [Polygon(loop).ring for loop in list_loops(outline)]
    middle, size_m = reference_point(outline), outline.ring.cap_chord_m
    for part in parts:
        point = ring_of_point(*walk(*middle, bearing_deg + 360 * part, part * size_m))
        assume(find_gap(outline.ring, point, 0.0) is None)
        held = sum(is_inside(loop, point.starts[0]) for loop in loops)
        assert is_inside(outline.ring, point.starts[0]) == bool(held % 2)


@FEW
@given(st.data(), regions(), st.sampled_from([0.01, 0.1, 0.3, 1.0]))
def test_a_region_meets_what_one_of_its_parts_meets(
    data: st.DataObject, outline: Region, size: float
) -> None:
    """Of parts without holes and of the rest of the world: a region holds no more than its parts do."""
    near = data.draw(st.sampled_from([vertex for loop in list_loops(outline) for vertex in loop]))
    other = data.draw(outlines(near, size * outline.ring.cap_chord_m))
    met = find_meeting(outline, other, 0.0)
    parts = [Region((part,)) if part.holes else Polygon(part.outer) for part in outline.parts]
    assert (met is not None) == any(find_meeting(part, other, 0.0) is not None for part in parts)
    if met is not None and met.gap_m == 0.0:
        assert contains_point(outline, *met.place) or distance_m(outline, Circle(met.place, 0.01)) < 1.0


@SOME
@given(polygons(), st.integers(0, 8), st.booleans())
def test_direction_and_start_of_a_ring_do_not_matter(outline: Polygon, first: int, backwards: bool) -> None:
    first %= len(outline.vertices)
    turned = outline.vertices[first:] + outline.vertices[:first]
    same = Polygon(turned[::-1] if backwards else turned)
    probe = Circle(walk(*outline.vertices[0], 17.0, 5_000.0), 10.0)
    assert abs(distance_m(outline, probe) - distance_m(same, probe)) < 1e-6


@SOME
@given(st.one_of(polygons(), circles()))
def test_an_outline_meets_itself_at_a_place_inside(outline: Outline) -> None:
    met = find_meeting(outline, outline, 0.0)
    assert met is not None
    assert met.gap_m == 0.0
    assert contains_point(outline, *met.place)


@SOME
@given(st.lists(st.tuples(st.floats(), st.floats()), max_size=6))
def test_any_numbers_give_a_polygon_or_the_place_of_the_fault(vertices: list[tuple[float, float]]) -> None:
    try:
        Polygon(tuple(vertices))
    except InvalidVolume as error:
        note(str(error))


@FEW
@given(st.integers(0, 2**32), st.integers(4, 12))
def test_scrambled_vertices_are_refused_or_bound_one_region(seed: int, count: int) -> None:
    draw = random.Random(seed)
    vertices = tuple((draw.uniform(-1, 1), draw.uniform(179, 180)) for _ in range(count))
    lines = [
        spherely.create_linestring([(lon, lat) for lat, lon in (a, b)])
        for a, b in zip(vertices, (*vertices[1:], vertices[0]), strict=True)
    ]
    crossed = any(
        bool(spherely.intersects(lines[i], lines[j]))
        for i in range(count)
        for j in range(i + 2, count)
        if (i, j) != (0, count - 1)
    )
    if crossed:
        with pytest.raises(InvalidVolume):
            Polygon(vertices)
    else:
        Polygon(vertices)
