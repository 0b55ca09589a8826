"""What engines not written here say about two outlines: S2 and PostGIS geography, each with its own error.

An engine is asked for the distance of two *cores* (a circle's centre, a lane's line, any other outline
itself), with edges cut along WGS84 geodesics by PROJ, not by entente. Its answer is turned into bounds of
the true distance, and these are what is compared.

Where the engines are right, and where not:
  * Both join vertices by great circles, with geodetic latitude taken for spherical: 6.6e-11 L^2 metres from
    the geodesic for an edge of L metres (measured: 2.6 cm at 20 km, 0.66 m at 100 km, 16 m at 500 km).
    Crossing and containment on their sphere are those on the ellipsoid but for that.
  * S2 measures on a sphere: up to 0.57 % too long or too short.
  * PostGIS finds the nearest points on the sphere and measures between them on the ellipsoid: never too short
    but by the edges, and too long by up to 0.68 % where two places are about as near (the ellipsoid's scale
    differs that much from north to east). Two edges whose planes differ by less than 3.2e-7 it takes for one
    line and calls touching: side by side, up to 2.02 m apart (tests/system/test_postgis_oracle.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import psycopg
import shapely
import spherely
from pyproj import Geod

from entente.space import Circle, Lane, Outline, Polygon

EARTH = Geod(ellps="WGS84")
Loop = list[tuple[float, float]]
"""Longitude and latitude, the first point repeated at the end."""
CUT_M = 5_000.0
PARALLEL_M = 2.1
MOST_CUTS = 250
"""Points to an outline, about: the widest keep edges longer than `CUT_M`, and a wider error."""


@dataclass(frozen=True)
class Core:
    """What is asked about: points, a line, or loops by part; and how far its edges may be from geodesics."""

    point: tuple[float, float] | None
    line: Loop | None
    parts: list[list[Loop]]
    error_m: float
    margin_m: float


@dataclass(frozen=True)
class Bounds:
    """Between which the true distance of two outlines lies, as far as an engine knows."""

    least_m: float
    most_m: float


def make_core(outline: Outline) -> Core:
    if isinstance(outline, Circle):
        lat, lon = outline.centre
        return Core((lon, lat), None, [], 0.0, outline.radius_m)
    if isinstance(outline, Lane):
        line, error_m = _cut([(lon, lat) for lat, lon in outline.points])
        return Core(None, line, [], error_m, outline.radius_m)
    given = (
        [[outline.vertices]]
        if isinstance(outline, Polygon)
        else [[part.outer, *part.holes] for part in outline.parts]
    )
    cut = [[_cut([(lon, lat) for lat, lon in (*loop, loop[0])]) for loop in part] for part in given]
    parts = [[loop for loop, _ in part] for part in cut]
    return Core(None, None, parts, max(error for part in cut for _, error in part), 0.0)


def _cut(line: Loop) -> tuple[Loop, float]:
    lon, lat = np.array(line).T
    ahead, _, length_m = EARTH.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])
    piece_m = max(CUT_M, float(length_m.sum()) / MOST_CUTS)
    count = np.maximum(1, np.ceil(length_m / piece_m).astype(int))
    edge = np.repeat(np.arange(len(count)), count)
    step = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
    size_m = (length_m / count)[edge]
    x, y, _ = EARTH.fwd(lon[edge], lat[edge], ahead[edge], step * size_m)
    x[step == 0], y[step == 0] = lon[:-1], lat[:-1]
    points = [*zip(x.tolist(), y.tolist(), strict=True), line[-1]]
    return points, 6.6e-11 * float(size_m.max()) ** 2


def _bound(distance_m: float, a: Core, b: Core, longer: float, shorter: float, error_m: float) -> Bounds:
    edges_m = 1.5 * (a.error_m + b.error_m) + error_m
    margin_m = a.margin_m + b.margin_m
    return Bounds(
        max(0.0, distance_m * (1 - longer) - edges_m - margin_m),
        max(0.0, distance_m * (1 + shorter) + edges_m - margin_m),
    )


def ask_s2(a: Core, b: Core) -> Bounds:
    """Return what S2 knows; its own error is half a per cent."""
    distance_m = float(spherely.distance(_make_s2(a), _make_s2(b)))
    return _bound(distance_m, a, b, 0.0057, 0.0057, 0.002)


def _make_s2(core: Core) -> spherely.Geography:
    if core.point:
        return spherely.create_point(*core.point)
    if core.line:
        return spherely.create_linestring(core.line)
    polygons = [spherely.create_polygon(part[0], holes=part[1:] or None) for part in core.parts]
    return polygons[0] if len(polygons) == 1 else spherely.create_multipolygon(polygons)


def ask_postgis(connection: psycopg.Connection, pairs: Sequence[tuple[Core, Core]]) -> list[Bounds]:
    """Return what PostGIS geography knows of many pairs."""
    rows = connection.execute(
        "SELECT _ST_DistanceTree(ST_GeogFromWKB(a), ST_GeogFromWKB(b), 0.0, true)"
        " FROM unnest(%s::bytea[], %s::bytea[]) WITH ORDINALITY AS pairs(a, b, place) ORDER BY place",
        ([_make_wkb(a) for a, _ in pairs], [_make_wkb(b) for _, b in pairs]),
    ).fetchall()
    return [_bound_postgis(float(row[0]), a, b) for (a, b), row in zip(pairs, rows, strict=True)]


def _bound_postgis(distance_m: float, a: Core, b: Core) -> Bounds:
    bounds = _bound(distance_m, a, b, 0.0068, 0.0, 0.012)
    if distance_m == 0.0 and not (a.point or b.point):
        return Bounds(0.0, max(0.0, PARALLEL_M - a.margin_m - b.margin_m, bounds.most_m))
    return bounds


def _make_wkb(core: Core) -> bytes:
    if core.point:
        shape = shapely.Point(core.point)
    elif core.line:
        shape = shapely.LineString(core.line)
    else:
        polygons = [shapely.Polygon(part[0], part[1:]) for part in core.parts]
        shape = polygons[0] if len(polygons) == 1 else shapely.MultiPolygon(polygons)
    return bytes(shapely.to_wkb(shape))
