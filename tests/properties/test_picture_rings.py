"""What a map draws is never smaller than what is true: held against `entente.space`, drawn both ways."""

from __future__ import annotations

import itertools
import math

import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from entente.desk.picture.requests import Window
from entente.desk.picture.rings import Parts, draw_around, draw_circle, draw_corridor, draw_outline
from entente.desk.picture.shelf import measure
from entente.space import CircleWire, OutlineWire, PolygonWire, VolumeWire, contains_point
from entente.space.ellipsoid import measure_lines, walk_line
from entente.space.wire import encode_outline, encode_position, parse_outline
from tests.properties.space.oracle import circles, latitudes, longitudes, polygons, regions

FEW = settings(max_examples=max(20, settings.default.max_examples // 3)) if settings.default else settings()
_LAST_DEG = 85.05
"""Where a Mercator map ends."""
bearings = st.floats(0.0, 359.9)
parts_of_one = st.floats(0.0, 1.0)
shapes = st.one_of(polygons(), circles(), regions())
radii_m = st.one_of(
    st.floats(0.01, 3_000.0), st.floats(0.0, 6.0).map(lambda power: 10.0**power), st.just(1_000_000.0)
)


def _mercator(lat_deg: float) -> float:
    return math.degrees(math.asinh(math.tan(math.radians(lat_deg))))


def _is_drawn(parts: Parts, lat: float, lon: float) -> bool:
    """Tell whether a position lies in what is drawn, straight in degrees and on a Mercator map."""
    copies = [(lon + turn, lat) for turn in (-720.0, -360.0, 0.0, 360.0, 720.0)]
    if not _covers(parts, copies):
        return False
    if abs(lat) > _LAST_DEG:
        return True
    # A map cuts off what lies beyond its end; a ring that goes along the pole goes along the end.
    flat = [[[(x, _mercator(max(-89.9, min(89.9, y)))) for x, y in ring] for ring in part] for part in parts]
    return _covers(flat, [(x, _mercator(y)) for x, y in copies])


def _covers(parts: Parts, points: list[tuple[float, float]]) -> bool:
    areas = [shapely.make_valid(shapely.Polygon(part[0], part[1:])) for part in parts]
    return any(shapely.intersects_xy(area, *point) for area in areas for point in points)


def _check_form(parts: Parts) -> None:
    for part in parts:
        for ring in part:
            assert ring[0] == ring[-1]
            assert all(
                abs(one[0] - other[0]) <= 180.0 or abs(one[1]) == abs(other[1]) == 90.0
                for one, other in itertools.pairwise(ring)
            )
    lons = [lon for lon, _ in parts[0][0]]
    assert -181.0 <= (min(lons) + max(lons)) / 2 <= 181.0


@given(latitudes, longitudes, radii_m, bearings, parts_of_one)
@FEW
def test_a_drawn_circle_leaves_nothing_out(
    lat: float, lon: float, radius_m: float, bearing: float, part: float
) -> None:
    ring = draw_circle(lat, lon, radius_m)
    _check_form([[ring]])
    for turn in range(24):
        for far_m in (radius_m, radius_m * part):
            assert _is_drawn([[ring]], *walk_line(lat, lon, (bearing + turn * 15.1) % 360.0, far_m))


@given(shapes, st.floats(1.0, 200_000.0), bearings, st.integers(0, 1_000_000), parts_of_one)
@FEW
def test_what_is_drawn_around_an_outline_leaves_nothing_out(
    outline: object, reach_m: float, bearing: float, which: int, part: float
) -> None:
    wire = encode_outline(outline)  # type: ignore[arg-type]
    rings = draw_around(wire, reach_m)
    _check_form(rings)
    for place in range(6):
        at = _on_edge(wire, which + place * 7, (part + place * 0.17) % 1.0)
        for turn in range(4):
            assert _is_drawn(rings, *walk_line(*at, (bearing + turn * 90.0) % 360.0, reach_m))


def _on_edge(wire: OutlineWire, which: int, part: float) -> tuple[float, float]:
    """Return a position on an edge of an outline: on the geodesic between two vertices."""
    if isinstance(wire, CircleWire):
        lat, lon = wire.centre_e7[0] / 1e7, wire.centre_e7[1] / 1e7
        return walk_line(lat, lon, which % 360, wire.radius_cm / 100)
    loops = (
        [wire.vertices_e7]
        if isinstance(wire, PolygonWire)
        else [loop for one in wire.parts for loop in (one.outer_e7, *one.holes_e7)]
    )
    edges = [(loop[place - 1], loop[place]) for loop in loops for place in range(len(loop))]
    start, end = edges[which % len(edges)]
    return _between(start, end, part)


def _between(start: tuple[int, int], end: tuple[int, int], part: float) -> tuple[float, float]:
    lat, lon = start[0] / 1e7, start[1] / 1e7
    azimuth, _, length_m = measure_lines([lat], [lon], [end[0] / 1e7], [end[1] / 1e7])  # type: ignore[arg-type]
    return walk_line(lat, lon, float(azimuth[0]), float(length_m[0]) * part)


@given(
    latitudes,
    longitudes,
    st.lists(st.tuples(bearings, st.floats(10.0, 300_000.0)), min_size=1, max_size=5),
    st.floats(1.0, 50_000.0),
    bearings,
    parts_of_one,
)
@FEW
def test_a_drawn_corridor_leaves_nothing_out(
    lat: float,
    lon: float,
    legs: list[tuple[float, float]],
    half_m: float,
    bearing: float,
    part: float,
) -> None:
    line = [encode_position(lat, lon)]
    for azimuth, length_m in legs:
        line.append(encode_position(*walk_line(line[-1][0] / 1e7, line[-1][1] / 1e7, azimuth, length_m)))
    rings = draw_corridor(line, half_m)
    for start, end in itertools.pairwise(line):
        at = _between(start, end, part)
        for turn in range(4):
            assert _is_drawn(rings, *walk_line(*at, (bearing + turn * 90.0) % 360.0, half_m))


@given(polygons(), st.integers(0, 1_000_000), parts_of_one)
@FEW
def test_a_drawn_edge_keeps_to_its_geodesic(outline: object, which: int, part: float) -> None:
    wire = encode_outline(outline)  # type: ignore[arg-type]
    assert isinstance(wire, PolygonWire)
    drawn = draw_outline(wire)
    _check_form(drawn.parts)
    ring = drawn.parts[0][0]
    vertices = {(round(lat * 1e7), round(lon * 1e7) % 3_600_000_000) for lon, lat in ring}
    for lat_e7, lon_e7 in wire.vertices_e7:
        assert (lat_e7, lon_e7 % 3_600_000_000) in vertices or abs(lat_e7) >= 899_999_990
    lat, lon = _on_edge(wire, which, part)
    if abs(lat) > 88.0:
        return  # metres are not degrees there
    scale = math.cos(math.radians(lat))
    line = shapely.LineString([(x * scale, y) for x, y in ring])
    apart_deg = min(
        shapely.distance(line, shapely.Point((lon + turn) * scale, lat)) for turn in (-360.0, 0.0, 360.0)
    )
    assert apart_deg * 111_700.0 <= (2.5 if abs(lat) <= 74.0 else 25.0)


@given(shapes, st.floats(-180.0, 180.0), st.floats(-1.0, 1.0), parts_of_one, parts_of_one)
@FEW
def test_a_window_finds_whatever_has_a_position_in_it(
    outline: object, turn: float, tilt: float, part: float, width: float
) -> None:
    wire = encode_outline(outline)  # type: ignore[arg-type]
    lat, lon = _on_edge(wire, int(turn + 180), part)
    inside = draw_outline(wire).at
    places = [(lat, lon)]
    if contains_point(parse_outline(wire), inside[1], (inside[0] + 180.0) % 360.0 - 180.0):
        places.append((inside[1], inside[0]))
    boxes = measure([VolumeWire(wire, None, None, "2016-09-17T00:00:00Z", "2016-09-17T01:00:00Z")])
    for north, east in places:
        south = max(-90.0, north - width * 3)
        west = (east - width * 5 + 180.0) % 360.0 - 180.0
        far_east = (east + abs(tilt) * 5 + 180.0) % 360.0 - 180.0
        assert boxes.find_within(Window((west, south, far_east, north), 0, 0)) == [0]


def test_shapes_across_180_and_round_a_pole_are_drawn_in_one_piece() -> None:
    across = draw_outline(
        PolygonWire(
            ((510000000, 1785000000), (510000000, -1785000000), (530000000, -1780000000)),
        )
    )
    assert across.bbox[2] - across.bbox[0] < 4.0
    assert _is_drawn(across.parts, 51.5, -178.6)
    polar = draw_outline(
        PolygonWire(((840000000, -1000000000), (830000000, 200000000), (845000000, 1400000000)))
    )
    assert polar.bbox[2] - polar.bbox[0] == 360.0
    assert polar.bbox[3] == 90.0
    for lon in range(-180, 180, 30):
        assert _is_drawn(polar.parts, 89.5, lon)
        assert not _is_drawn(polar.parts, 75.0, lon)
    south = draw_circle(-89.99, 33.0, 5_000.0)
    for lon in range(-180, 180, 30):
        assert _is_drawn([[south]], -89.999, lon)
        assert not _is_drawn([[south]], -89.0, lon)
