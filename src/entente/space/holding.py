"""Whether one volume holds another: what was agreed to for the outer one covers the inner one.

What it is for: a change that only shrinks a volume needs no new consent. So the answer may be no where yes
would be right, never yes where no point more than `HOLD_M` outside is allowed.

Invariants:
  * True only if no point of the inner outline is more than 1 cm outside the outer one, and heights and window
    of the inner lie within those of the outer, to the last digit.
  * Equal volumes hold each other. Corners that are cut off, a smaller circle, a hole made larger, a part left
    out: held, also if new vertices stand on old edges as near as the wire's coordinates allow (8 mm).

How, for the outlines:
  * In a circle: its vertices. A disc of at most 1000 km on the ellipsoid is convex (it would be up to a
    quarter of the globe), so a geodesic between two points of it stays in it.
  * A circle or lane in an area: its centre or line lies in the area and keeps its radius from the boundary.
  * An area in an area, boundaries apart: each part starts inside, and no hole of the outer lies in the inner.
  * An area in an area, boundaries shared: what the inner has and the outer has not is computed in a plane and
    must be thin: it is cut into triangles until the corners of each are near one and the same piece of the
    outer boundary. The distance from a straight piece is a convex function, so the whole triangle is then
    near.
  * In a lane: another piece of the same line, no wider.

It does not say what is outside, or by how much: see `entente.space.overlap` for distances.

    >>> holds_outline(Circle((35.0, 40.0), 900.0), Circle((35.0, 40.0), 800.0))
    True
"""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from entente.space.ellipsoid import (
    Floats,
    distance_and_bearing,
    points_from_normals,
    surface_normals,
    walk_lines,
)
from entente.space.heights import HeightBand
from entente.space.inside import is_inside
from entente.space.loops import Vertices
from entente.space.nearest import find_gap
from entente.space.outline import Circle, Lane, Outline, Polygon
from entente.space.plane import Plane, flatten_loops, plane_under
from entente.space.ring import Ring, ring_of_point
from entente.space.volume import Volume
from entente.space.window import Window

HOLD_M: Final = 0.01
"""What may be outside: a position on the wire is rounded by up to 8 mm."""
CUTS: Final = 3
"""Each piece of a ring is cut into as many here: then it leaves its straight line by less than 0.2 mm."""
SURE_HOLD_M: Final = 0.009
"""What is held by so much less is held wherever it is computed, and still has room for the wire's 8 mm."""
LOOSE_HOLD_M: Final = 0.02
"""What is not held even so is held nowhere."""
PLANE_SLACK_M: Final = 0.001
"""Taken off in the plane, which never shortens: covers both boundaries' pieces, stretched by at most 1.8, and
what GEOS rounds (1e-12 of the plane's size)."""
_DEEP: Final = 0.3
"""Least cosine of the angle from the plane's middle: what is farther is certainly not held."""
LOOKS: Final = 8
"""First vertices that are looked at before the dear part: most pairs that are not held end there."""
MAX_TRIANGLES: Final = 200_000
"""Bounds the work: who draws what needs more is told no."""


def holds(outer: Volume, inner: Volume, *, hold_m: float = HOLD_M) -> bool:
    """Return True only if nothing of ``inner`` is more than ``hold_m`` outside ``outer`` in the footprint.

    Errs towards False: see the module's text for what is always recognised.

    Args:
        hold_m: 1 cm is the rule. `SURE_HOLD_M` and `LOOSE_HOLD_M` tell whether the answer hangs on a
            computer's last digits (`entente.space.doubt`).
    """
    return (
        _holds_window(outer.window, inner.window)
        and _holds_band(outer.heights, inner.heights)
        and holds_outline(outer.outline, inner.outline, hold_m=hold_m)
    )


def holds_outline(outer: Outline, inner: Outline, *, hold_m: float = HOLD_M) -> bool:
    """Return True only if no point of ``inner`` is more than ``hold_m`` outside ``outer``."""
    if outer == inner:
        return True
    if isinstance(outer, Circle):
        far_m = max(distance_and_bearing(*outer.centre, *vertex)[0] for vertex in _list_vertices(inner))
        return far_m + inner.margin_m <= outer.radius_m + hold_m
    if isinstance(outer, Lane):
        return isinstance(inner, Lane) and _holds_lane(outer, inner)
    if inner.ring.is_area:
        return _holds_area(outer.ring, inner.ring, hold_m)
    # What is within `keep_m` of the inner's line is connected, starts inside and meets no boundary.
    keep_m = inner.margin_m - hold_m
    return is_inside(outer.ring, inner.ring.starts[0]) and (
        find_gap(outer.ring, inner.ring, max(0.0, keep_m)) is None
    )


def _holds_window(outer: Window, inner: Window) -> bool:
    return outer.start_utc <= inner.start_utc and inner.end_utc <= outer.end_utc


def _holds_band(outer: HeightBand, inner: HeightBand) -> bool:
    is_above = outer.floor_m is None or (inner.floor_m is not None and outer.floor_m <= inner.floor_m)
    is_below = outer.ceiling_m is None or (inner.ceiling_m is not None and inner.ceiling_m <= outer.ceiling_m)
    return is_above and is_below


def _list_vertices(outline: Outline) -> Vertices:
    """Return the points between which shortest lines run all round ``outline``, without its holes."""
    if isinstance(outline, Circle):
        return (outline.centre,)
    if isinstance(outline, Lane):
        return outline.points
    if isinstance(outline, Polygon):
        return outline.vertices
    return tuple(vertex for part in outline.parts for vertex in part.outer)


def _holds_lane(outer: Lane, inner: Lane) -> bool:
    size = len(inner.points)
    if inner.radius_m > outer.radius_m:
        return False
    return any(outer.points[at : at + size] == inner.points for at in range(len(outer.points) - size + 1))


def _holds_area(outer: Ring, inner: Ring, hold_m: float) -> bool:
    if find_gap(outer, inner, 0.0) is None:
        # Boundaries apart: each part of the inner is wholly in the outer or wholly in one of its gaps, and
        # what the outer lacks within a part of the inner would begin with a hole there.
        starts = inner.starts[inner.outers]
        holes = outer.starts[np.setdiff1d(outer.loops, outer.outers)]
        return all(is_inside(outer, start) for start in starts) and not any(
            is_inside(inner, start) for start in holes
        )
    if any(_is_clear_of(outer, inner, int(first), hold_m) for first in inner.outers[:LOOKS]):
        return False
    plane = plane_under(outer)
    if float((inner.starts @ plane.axis / np.linalg.norm(inner.starts, axis=1)).min()) < _DEEP:
        return False
    return _is_thin(*_flatten_finely(outer, plane), _flatten_finely(inner, plane)[0], hold_m)


def _is_clear_of(outer: Ring, inner: Ring, piece: int, hold_m: float) -> bool:
    """Return True only if the start of a piece of ``inner`` is more than ``hold_m`` outside ``outer``."""
    if is_inside(outer, inner.starts[piece]):
        return False
    point = ring_of_point(float(inner.lat_deg[piece]), float(inner.lon_deg[piece]))
    return find_gap(outer, point, hold_m) is None


def _flatten_finely(ring: Ring, plane: Plane) -> tuple[shapely.Geometry, Floats, Floats]:
    """Return the area of a ring in the plane, and the short lines of its boundary: starts, ends."""
    part = np.tile(np.arange(CUTS) / CUTS, len(ring.starts))
    piece = np.repeat(np.arange(len(ring.starts)), CUTS)
    lat, lon, _ = walk_lines(
        ring.lat_deg[piece], ring.lon_deg[piece], ring.azimuth_deg[piece], part * ring.length_m[piece]
    )
    # Vertices stay what they are, to the last digit: two outlines that share them share them here too.
    lat[::CUTS], lon[::CUTS] = ring.lat_deg, ring.lon_deg
    flat = plane.project(points_from_normals(surface_normals(lat, lon)))
    follow = np.arange(1, len(flat) + 1)
    follow[CUTS - 1 :: CUTS] = CUTS * ring.follow
    return flatten_loops(flat, CUTS * ring.loops, CUTS * ring.outers), flat, flat[follow]


def _is_thin(
    outer: shapely.Geometry, starts: Floats, ends: Floats, inner: shapely.Geometry, hold_m: float
) -> bool:
    """Return whether all that ``inner`` has beyond ``outer`` is certainly near the boundary of ``outer``."""
    try:
        if not (shapely.is_valid(outer) and shapely.is_valid(inner)):
            return False
        beyond = shapely.difference(inner, outer)
        triangles = shapely.get_parts(shapely.constrained_delaunay_triangles(beyond))
    except shapely.errors.GEOSException:
        return False
    # GEOS is not taken at its word: together the triangles must be as large as what they are cut from.
    size_m = float(np.abs(shapely.total_bounds(outer)).max())
    if abs(_sum_areas(triangles) - _sum_areas(shapely.get_parts(beyond))) > 1e-6 + 1e-18 * size_m**2:
        return False
    tree = shapely.STRtree(shapely.linestrings(np.stack((starts, ends), axis=1)))
    corners = shapely.get_coordinates(triangles).reshape(-1, 4, 2)[:, :3]
    done = 0
    # Who asks whether it is sure is told no at half the work: another machine may cut a few more.
    most = MAX_TRIANGLES if hold_m >= HOLD_M else MAX_TRIANGLES // 2
    while len(corners):
        done += len(corners)
        if done > most:
            return False
        near = _list_near(tree, corners, hold_m - PLANE_SLACK_M)
        if near is None:
            return False
        corners = _halve(corners[~near])
    return True


def _sum_areas(polygons: NDArray[np.object_]) -> float:
    """Return the area of ``polygons`` in square metres; long numbers, for slivers of 1000 km by 1 mm."""
    rings = shapely.get_rings(shapely.orient_polygons(polygons))
    points, ring = shapely.get_coordinates(rings, return_index=True)
    x, y = points.astype(np.longdouble).T
    within = ring[1:] == ring[:-1]
    return float(((x[:-1] * y[1:] - x[1:] * y[:-1])[within]).sum() / 2)


def _list_near(tree: shapely.STRtree, corners: Floats, within_m: float) -> NDArray[np.bool_] | None:
    """Return which triangles have all corners near one line; None if a corner is near no line at all."""
    count = len(corners)
    point, line = tree.query(shapely.points(corners.reshape(-1, 2)), predicate="dwithin", distance=within_m)
    if len(np.unique(point)) < 3 * count:
        return None
    # Of (triangle, line), those that all three corners named.
    pairs, named = np.unique(point // 3 * len(tree) + line, return_counts=True)
    near = np.zeros(count, dtype=np.bool_)
    near[pairs[named == 3] // len(tree)] = True
    return near


def _halve(corners: Floats) -> Floats:
    """Cut each triangle in two through the middle of its longest side."""
    sides = np.linalg.norm(np.roll(corners, -1, axis=1) - corners, axis=2)
    turn = (sides.argmax(axis=1)[:, None] + np.arange(3)) % 3
    a, b, c = np.moveaxis(np.take_along_axis(corners, turn[:, :, None], axis=1), 1, 0)
    middle = (a + b) / 2
    return np.concatenate((np.stack((a, middle, c), axis=1), np.stack((middle, b, c), axis=1)))
