"""Shapes to draw, and a slow, separate judge of how far two outlines are apart.

The judge uses nothing of entente: geographiclib's geodesics (not PROJ's), and feet of perpendiculars from
the vertices. What it finds is a distance between two real points of the outlines, so it is never less than
the true one.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from geographiclib.geodesic import Geodesic
from hypothesis import strategies as st

from entente.space import Circle, Lane, Outline, Part, Polygon, Region

Line = tuple[dict[str, float], float]
"""An edge: where it starts and its heading there, and its length in metres."""
Vertices = tuple[tuple[float, float], ...]
EARTH = Geodesic.WGS84


def walk(lat: float, lon: float, azimuth: float, length_m: float) -> tuple[float, float]:
    end = EARTH.Direct(lat, lon, azimuth, length_m)
    return end["lat2"], math.remainder(end["lon2"], 360.0)


def star(lat: float, lon: float, radii_m: Sequence[float], turn_deg: float) -> Polygon:
    """A star-shaped polygon: one vertex in each direction, so that its edges cannot cross."""
    step = 360.0 / len(radii_m)
    return Polygon(tuple(walk(lat, lon, turn_deg + k * step, r) for k, r in enumerate(radii_m)))


latitudes = st.one_of(
    st.floats(-90.0, 90.0),
    st.sampled_from([-90.0, -89.999, -60.0, 0.0, 60.0, 80.0, 89.999, 90.0]),
)
longitudes = st.one_of(st.floats(-180.0, 180.0), st.sampled_from([-180.0, -179.9999, 0.0, 179.9999, 180.0]))
sizes_m = st.floats(1.0, 6.2).map(lambda power: 10.0**power)


@st.composite
def polygons(draw: st.DrawFn, near: tuple[float, float] | None = None, size_m: float = 0.0) -> Polygon:
    lat, lon = near or (draw(latitudes), draw(longitudes))
    size_m = size_m or draw(sizes_m)
    parts = draw(st.lists(st.floats(0.3, 1.0), min_size=4, max_size=9))
    return star(lat, lon, [part * size_m for part in parts], draw(st.floats(0.0, 360.0)))


@st.composite
def circles(draw: st.DrawFn, near: tuple[float, float] | None = None, size_m: float = 0.0) -> Circle:
    centre = near or (draw(latitudes), draw(longitudes))
    return Circle(centre, min(1e6, size_m or draw(sizes_m)))


@st.composite
def regions(draw: st.DrawFn, near: tuple[float, float] | None = None, size_m: float = 0.0) -> Region:
    """A star, or a ring of one, with smaller ones in it (part, hole, part, ...) and perhaps another beside
    it."""
    here = near or (draw(latitudes), draw(longitudes))
    size_m = size_m or min(1e6, draw(sizes_m))
    turn = draw(st.floats(0.0, 360.0))
    parts = draw(st.lists(st.floats(0.7, 1.0), min_size=4, max_size=7))
    # Each star lies well inside the one before it: half of what its shortest spoke leaves.
    nest = [
        star(*here, [part * size_m * 0.3**depth for part in parts], turn).vertices
        for depth in range(draw(st.integers(2, 4)))
    ]
    areas = [
        Part(outer, tuple(nest[place + 1 : place + 2])) for place, outer in enumerate(nest) if place % 2 == 0
    ]
    if draw(st.booleans()):
        areas.append(Part(star(*walk(*here, turn, 2.5 * size_m), [size_m] * 4, turn).vertices))
    return Region(tuple(draw(st.permutations(areas))))


@st.composite
def small_pairs(draw: st.DrawFn) -> tuple[Polygon, Polygon | Circle]:
    """A triangle and a triangle or circle: little enough to be judged."""
    size_m = draw(sizes_m)
    here = (draw(latitudes), draw(longitudes))
    there = walk(*here, draw(st.floats(0.0, 360.0)), size_m * draw(st.floats(0.5, 4.0)))
    parts = draw(st.lists(st.floats(0.2, 1.0), min_size=6, max_size=6))
    first = star(*here, [part * size_m for part in parts[:3]], draw(st.floats(0.0, 360.0)))
    if draw(st.booleans()):
        return first, Circle(there, min(1e6, parts[3] * size_m))
    return first, star(*there, [part * size_m for part in parts[3:]], draw(st.floats(0.0, 360.0)))


@st.composite
def pairs(draw: st.DrawFn) -> tuple[Outline, Outline]:
    """Two outlines of like size, near enough to each other that anything may happen."""
    size_m = draw(sizes_m)
    here = (draw(latitudes), draw(longitudes))
    there = walk(*here, draw(st.floats(0.0, 360.0)), size_m * draw(st.floats(0.0, 2.5)))
    other_m = size_m * draw(st.sampled_from([0.05, 0.5, 1.0]))
    return draw(outlines(here, size_m)), draw(outlines(there, other_m))


def outlines(near: tuple[float, float], size_m: float) -> st.SearchStrategy[Outline]:
    return st.one_of(
        polygons(near=near, size_m=size_m),
        circles(near=near, size_m=size_m),
        regions(near=near, size_m=min(1e6, size_m)),
        lanes(near=near, size_m=size_m),
    )


@st.composite
def lanes(draw: st.DrawFn, near: tuple[float, float], size_m: float) -> Lane:
    points = [near]
    for _ in range(draw(st.integers(1, 4))):
        points.append(walk(*points[-1], draw(st.floats(0.0, 360.0)), size_m * draw(st.floats(0.0, 1.0))))
    return Lane(tuple(points), max(0.01, min(1e6, size_m * draw(st.sampled_from([0.001, 0.1])))))


def judge_rings(a: Vertices, b: Vertices) -> float:
    """Return the least distance of two boundaries that do not cross (one vertex: a single point).

    On a surface that is curved like a ball two lines that do not cross are nearest at an end of one.
    """
    return min(
        judge_point(point, line)
        for points, lines in ((a, _lines(b)), (b, _lines(a)))
        for point in points
        for line in lines
    )


def judge_point(point: tuple[float, float], line: Line) -> float:
    """Return the distance of a point from an edge: step to the foot of the perpendicular until it rests."""
    start, length_m = line
    candidates = [0.0, length_m]
    along = length_m / 2
    for _ in range(30 if length_m else 0):
        here = EARTH.Direct(start["lat"], start["lon"], start["azi"], along)
        seen = EARTH.Inverse(here["lat2"], here["lon2"], *point)
        angle = seen["s12"] / 6_371_000.0
        step = math.atan2(
            math.sin(angle) * math.cos(math.radians(seen["azi1"] - here["azi2"])), math.cos(angle)
        )
        moved = min(length_m, max(0.0, along + 6_371_000.0 * step))
        candidates.append(moved)
        if abs(moved - along) < 1e-6 * (1 + angle):
            break
        along = moved
    return min(_apart(point, line, along) for along in candidates)


def _lines(vertices: Vertices) -> list[Line]:
    if len(vertices) == 1:
        lat, lon = vertices[0]
        return [({"lat": lat, "lon": lon, "azi": 0.0}, 0.0)]
    lines = []
    for start, end in zip(vertices, (*vertices[1:], vertices[0]), strict=True):
        line = EARTH.Inverse(*start, *end)
        lines.append(({"lat": start[0], "lon": start[1], "azi": line["azi1"]}, line["s12"]))
    return lines


def _apart(point: tuple[float, float], line: Line, along: float) -> float:
    start = line[0]
    foot = walk(start["lat"], start["lon"], start["azi"], along)
    found: float = EARTH.Inverse(*point, *foot)["s12"]
    return found
