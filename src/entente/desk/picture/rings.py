"""Outlines as rings that a map can draw: longitude first, unwrapped, closed, never smaller than the truth.

What a flat map does to a shape on the ellipsoid: it draws straight between two positions, it ends at 180
degrees, and it has no pole. So edges get positions in between until straight lines are within `EDGE_M` of the
geodesics; longitudes run on beyond 180 instead of jumping back; a ring round a pole is closed along it.

Invariants:
  * Every recorded vertex is a vertex of what is drawn, to the last digit.
  * A drawn circle, and what is drawn around an outline, leave nothing out: whatever lies within the true
    distance lies within the ring, drawn straight in longitude and latitude or on a Mercator map.
  * No ring crosses 180 degrees by jumping. The middle of the first part lies within +-180 (or a hair beyond);
    a part of a region lies in the same copy of the world as the first one.
tests/properties/test_picture_rings.py tries to find what is left out.

It judges nothing: what conflicts is decided by `entente.space` on the true outlines.

    >>> draw_outline(CircleWire((352_500_000, 401_500_000), 300_000)).bbox
    (40.117, 35.2229, 40.183, 35.2771)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from entente.space import CircleWire, OutlineWire, PolygonWire, PositionE7
from entente.space.ellipsoid import SEMI_MINOR_M, measure_lines, walk_lines

EDGE_M: Final = 2.0
"""How far a drawn edge may leave its geodesic; ten times as far beyond `_FAR_DEG`."""
_FAR_DEG: Final = 75.0
Floats = NDArray[np.float64]
Ring = list[tuple[float, float]]
Part = list[Ring]
"""An outer ring and its holes."""
Parts = list[Part]
_E7: Final = 1e7
_DEGREE_M: Final = 111_700.0
"""A degree of latitude where it is longest."""
_POLE_DEG: Final = 89.999_999
_CORNERS: Final = 48
_MANY_CORNERS: Final = 240
_LARGE_M: Final = 50_000.0
_ARC_QUARTER: Final = 12
"""Straight pieces that shapely draws for a quarter of a turn, in a whole circle: of the turn at a corner it
rounds their number, so that each may be half as long again."""
_ARC_INSIDE: Final = math.cos(1.5 * math.pi / (4 * _ARC_QUARTER))
"""How much nearer such a piece comes than the arc that it stands for."""
_STEEPEST: Final = math.tan(math.radians(89.0))


@dataclass(frozen=True, slots=True)
class Drawn:
    """An outline to draw. ``bbox``: west, south, east, north, unwrapped; ``at``: a position inside."""

    type: str
    parts: Parts
    bbox: tuple[float, float, float, float]
    at: tuple[float, float]
    centre: tuple[float, float] | None = None
    radius_m: float | None = None


def draw_outline(wire: OutlineWire) -> Drawn:
    """Return a recorded outline as rings."""
    if isinstance(wire, CircleWire):
        lat, lon = (value / _E7 for value in wire.centre_e7)
        radius_m = wire.radius_cm / 100
        parts: Parts = [[draw_circle(lat, lon, radius_m)]]
        return Drawn("circle", parts, _bound(parts), (lon, lat), (lon, lat), radius_m)
    if isinstance(wire, PolygonWire):
        parts = [_draw_part([wire.vertices_e7])]
        return Drawn("polygon", parts, _bound(parts), find_inside(parts))
    parts = [_draw_part([part.outer_e7, *part.holes_e7]) for part in wire.parts]
    parts = [parts[0], *(_bring_near(part, parts[0]) for part in parts[1:])]
    return Drawn("region", parts, _bound(parts), find_inside(parts))


def draw_circle(lat_deg: float, lon_deg: float, radius_m: float) -> Ring:
    """Return a ring that no position within ``radius_m`` of a centre lies outside of."""
    north_deg = abs(lat_deg) + radius_m / _DEGREE_M
    count = _MANY_CORNERS if radius_m > _LARGE_M or north_deg > 80.0 else _CORNERS
    digits = 6 if radius_m <= _LARGE_M else 5
    # Between two corners a straight line comes nearer to the centre; on a map it may leave the geodesic
    # towards it; and a corner is rounded. The corners lie farther out by all three.
    edge_m = 2 * math.pi * (radius_m + 1.0) / count
    reach_m = radius_m + _sag_m(edge_m, north_deg) + 0.8 * 10.0**-digits * _DEGREE_M
    reach_m /= math.cos(math.pi / count) * 0.99999
    azimuth = np.array([(place + 0.5) * 360.0 / count for place in range(count)], dtype=np.float64)
    lat, lon, _ = walk_lines(
        np.full(count, lat_deg), np.full(count, lon_deg), azimuth, np.full(count, reach_m)
    )
    return _close(np.round(lon, digits).tolist(), np.round(lat, digits).tolist(), near=lon_deg)


def draw_around(wire: OutlineWire, reach_m: float) -> Parts:
    """Return rings round all that lies within ``reach_m`` of a recorded outline."""
    if isinstance(wire, CircleWire):
        lat, lon = (value / _E7 for value in wire.centre_e7)
        return [[draw_circle(lat, lon, wire.radius_cm / 100 + reach_m)]]
    loops = (
        [[wire.vertices_e7]]
        if isinstance(wire, PolygonWire)
        else [[part.outer_e7, *part.holes_e7] for part in wire.parts]
    )
    return _widen([[_read(loop) for loop in part] for part in loops], reach_m, is_area=True)


def draw_corridor(line_e7: Sequence[PositionE7], half_width_m: float) -> Parts:
    """Return rings round all that lies within ``half_width_m`` of a line of geodesics."""
    return _widen([[_read(line_e7)]], half_width_m, is_area=False)


def draw_box(west: float, south: float, east: float, north: float) -> Part:
    """Return the ring of a box between meridians and parallels."""
    return [[(west, south), (east, south), (east, north), (west, north), (west, south)]]


def find_inside(parts: Parts) -> tuple[float, float]:
    """Return a position inside the first part: its middle, if that is inside."""
    flat = shapely.Polygon(parts[0][0], parts[0][1:])
    middle = shapely.centroid(flat)
    if not shapely.contains(flat, middle):
        middle = shapely.point_on_surface(flat)
    return round(float(middle.x), 6), round(float(middle.y), 6)


def _bound(parts: Parts) -> tuple[float, float, float, float]:
    lons = [lon for part in parts for lon, _ in part[0]]
    lats = [lat for part in parts for _, lat in part[0]]
    return min(lons), min(lats), max(lons), max(lats)


def _read(loop: Sequence[PositionE7]) -> tuple[list[float], list[float]]:
    return [lat / _E7 for lat, _ in loop], [lon / _E7 for _, lon in loop]


def _draw_part(loops: Sequence[Sequence[PositionE7]]) -> Part:
    rings: Part = []
    near = 0.0
    for loop in loops:
        lats, lons = _read(loop)
        if _longest_m(lats, lons) > _step_m(max(map(abs, lats))):
            lats, lons = _fill(lats, lons, is_closed=True)
        rings.append(_close(lons, lats, near=near if rings else None))
        if len(rings) == 1:
            near = (rings[0][0][0] + max(lon for lon, _ in rings[0])) / 2
    return rings


def _bring_near(part: Part, other: Part) -> Part:
    """Return a part in the copy of the world in which another lies."""
    turn = 360.0 * round((other[0][0][0] - part[0][0][0]) / 360.0)
    return [[(lon + turn, lat) for lon, lat in ring] for ring in part] if turn else part


def _longest_m(lats: list[float], lons: list[float]) -> float:
    """Return at least the length of the longest edge of a loop, from a box round each."""
    longest = 0.0
    for place, lat in enumerate(lats):
        across = abs((lons[place] - lons[place - 1] + 180.0) % 360.0 - 180.0)
        longest = max(longest, abs(lat - lats[place - 1]) + across * math.cos(math.radians(lat)))
        if abs(lat) > 85.0 and across > 1.0:
            return math.inf
    return longest * _DEGREE_M


def _step_m(lat_deg: float) -> float:
    """Return how long an edge may be that is drawn straight at this latitude or below."""
    steep = min(max(math.tan(math.radians(min(lat_deg + 0.2, 89.0))), 0.05), _STEEPEST)
    return math.sqrt(8 * SEMI_MINOR_M * _edge_m(lat_deg) / steep)


def _edge_m(lat_deg: float) -> float:
    return EDGE_M if lat_deg <= _FAR_DEG else 10 * EDGE_M


def _sag_m(edge_m: float, lat_deg: float) -> float:
    """Return how far an edge that is drawn straight may leave its geodesic."""
    return edge_m**2 * math.tan(math.radians(min(max(lat_deg, 3.0), 89.0))) / (8 * SEMI_MINOR_M)


def _fill(
    lats: Sequence[float], lons: Sequence[float], *, is_closed: bool
) -> tuple[list[float], list[float]]:
    """Return a line with positions in between, so that each edge may be drawn straight."""
    lat, lon = np.asarray(lats), np.asarray(lons)
    end_lat, end_lon = np.roll(lat, -1), np.roll(lon, -1)
    if not is_closed:
        lat, lon, end_lat, end_lon = lat[:-1], lon[:-1], end_lat[:-1], end_lon[:-1]
    azimuth, _, length_m = measure_lines(lat, lon, end_lat, end_lon)
    highest = np.minimum(np.maximum(np.abs(lat), np.abs(end_lat)) + length_m / 2 / _DEGREE_M, 89.9)
    counts = [
        math.ceil(length / _step_m(high) + 1e-9) if length else 1
        for length, high in zip(length_m.tolist(), highest.tolist(), strict=True)
    ]
    new_lat: list[float] = []
    new_lon: list[float] = []
    for place, count in enumerate(counts):
        new_lat.append(float(lat[place]))
        new_lon.append(float(lon[place]))
        if count > 1:
            along = np.arange(1, count) * (length_m[place] / count)
            size = count - 1
            found_lat, found_lon, _ = walk_lines(
                np.full(size, lat[place]), np.full(size, lon[place]), np.full(size, azimuth[place]), along
            )
            new_lat += np.round(found_lat, 6).tolist()
            new_lon += np.round(found_lon, 6).tolist()
    if not is_closed:
        new_lat.append(float(lats[-1]))
        new_lon.append(float(lons[-1]))
    return new_lat, new_lon


def _close(lons: Sequence[float], lats: Sequence[float], *, near: float | None) -> Ring:
    """Return a closed ring with longitudes that run on, in the copy of the world in which ``near`` lies."""
    ring: Ring = []
    turn = 0.0
    last = lons[-1] if abs(lats[-1]) < _POLE_DEG else lons[-2]
    start = _skip_pole(lons, lats)
    for place in range(len(lons) + 1):
        at = (start + place) % len(lons)
        lon, lat = lons[at], lats[at]
        if not ring:
            ring.append((lon, lat))
            last = lon
            continue
        if abs(lat) >= _POLE_DEG:
            # The pole has every longitude: the ring goes up one meridian and down the next one.
            ring.append((last, lat))
            ring.append(((lons[(at + 1) % len(lons)] - last + 180.0) % 360.0 - 180.0 + last, lat))
            last = ring[-1][0]
            continue
        step = (lon - last + 180.0) % 360.0 - 180.0
        if abs(step) > 179.0 and abs(lat) > 60.0:
            # Straight over the pole, or so near that a map cannot tell.
            pole = math.copysign(90.0, lat)
            ring += [(last, pole), (last + step, pole)]
        last = _exactly(last + step, lon)
        ring.append((last, lat))
    turn = ring[-1][0] - ring[0][0]
    if abs(turn) > 180.0:
        pole = math.copysign(90.0, sum(lats))
        ring += [(ring[-1][0], pole), (ring[0][0], pole), ring[0]]
    return _shift(ring, near)


def _skip_pole(lons: Sequence[float], lats: Sequence[float]) -> int:
    return next((place for place in range(len(lons)) if abs(lats[place]) < _POLE_DEG), 0)


def _exactly(lon: float, recorded: float) -> float:
    """Return a longitude without what was lost in running on, where that is nothing or a whole turn."""
    turns = round((lon - recorded) / 360.0)
    return recorded + 360.0 * turns if turns else recorded


def _shift(ring: Ring, near: float | None) -> Ring:
    lons = [lon for lon, _ in ring]
    middle = (min(lons) + max(lons)) / 2
    turn = (
        -360.0 * math.floor((middle + 180.0) / 360.0)
        if near is None or max(lons) - min(lons) >= 360.0
        else 360.0 * round((near - middle) / 360)
    )
    return [(round(lon + turn, 7), lat) for lon, lat in ring] if turn else ring


def _widen(parts: list[list[tuple[list[float], list[float]]]], reach_m: float, *, is_area: bool) -> Parts:
    """Return rings round all that lies within a distance of areas, or of lines.

    In the plane of distances and bearings from one position. No way on the ellipsoid is longer there than by
    the factor with which circles round that position are stretched, at most that at the farthest place.
    """
    filled = [[_fill(*loop, is_closed=is_area) for loop in part] for part in parts]
    lats = np.concatenate([np.asarray(loop[0]) for part in filled for loop in part])
    lons = np.concatenate([np.asarray(loop[1]) for part in filled for loop in part])
    lat0, lon0 = _find_middle(lats, lons)
    azimuth, _, far_m = measure_lines(np.full(len(lats), lat0), np.full(len(lats), lon0), lats, lons)
    x, y = far_m * np.sin(np.radians(azimuth)), far_m * np.cos(np.radians(azimuth))
    flat, at = [], 0
    for part in filled:
        loops = []
        for loop in part:
            size = len(loop[0])
            loops.append(np.column_stack((x[at : at + size], y[at : at + size])))
            at += size
        flat.append(shapely.Polygon(loops[0], loops[1:]) if is_area else shapely.LineString(loops[0]))
    farthest_m = float(far_m.max()) + reach_m
    angle = min(farthest_m / SEMI_MINOR_M, 3.0)
    stretched = 1.0 + 1.02 * (angle / math.sin(angle) - 1.0) if angle else 1.0
    highest = float(np.abs(lats).max()) + reach_m / _DEGREE_M
    step_m = min(_step_m(highest), max(farthest_m / 4, 50.0))
    # Edges of the outline and of what is drawn are geodesics, or straight on the map, and not straight here.
    slack_m = (
        2 * _edge_m(highest)
        + 0.5
        + step_m**2 * min(1.0, angle) / (4 * SEMI_MINOR_M)
        + _sag_m(step_m, highest)
    )
    wide_m = (reach_m * stretched + slack_m) / _ARC_INSIDE * 1.00001
    wide = shapely.buffer(shapely.union_all(flat), wide_m, quad_segs=_ARC_QUARTER)
    wide = shapely.segmentize(shapely.simplify(wide, EDGE_M / 4), step_m)
    found: Parts = []
    for area in getattr(wide, "geoms", [wide]):
        rings: Part = []
        for ring in (area.exterior, *area.interiors):
            points = shapely.get_coordinates(ring)[:-1]
            size = len(points)
            lat, lon, _ = walk_lines(
                np.full(size, lat0),
                np.full(size, lon0),
                np.degrees(np.arctan2(points[:, 0], points[:, 1])),
                np.hypot(points[:, 0], points[:, 1]),
            )
            rings.append(_close(np.round(lon, 6).tolist(), np.round(lat, 6).tolist(), near=lon0))
        found.append(rings)
    return found


def _find_middle(lats: Floats, lons: Floats) -> tuple[float, float]:
    lat, lon = np.radians(lats), np.radians(lons)
    across = np.cos(lat)
    x, y, z = (float(one.mean()) for one in (across * np.cos(lon), across * np.sin(lon), np.sin(lat)))
    return math.degrees(math.atan2(z, math.hypot(x, y))), math.degrees(math.atan2(y, x))
