"""The parts of a volume inside some cells: what a zoom shows, and nothing else.

What it is for: after a hit, both parties may agree to show what they have in the shared cells, and let the
exact rule decide whether it was a conflict.

Invariants:
  * Judged by the exact rule, parts of both sides, clipped to the same cells, give the answer that the whole
    volumes give about those cells: no conflict there is lost; what is found is one, or would be with a
    lateral separation larger by two times `CLIP_M`.
  * Nothing lies more than `CLIP_M` beyond the cells sideways, a centimetre in height, an instant in time.
    On the side that is widened "the cells" are the cells widened by the separation: what keeps too little
    from something inside a cell may itself lie outside it. Sideways the separation is taken larger by up to
    a thousandth, for cells of up to 150 km.
  * A part is never smaller than what the volume has there, and reaches at most `CLIP_M` beyond it.
  * An outline that lies in the cells as a whole is shown as it is.

How: in a plane in which geodesics are straight (`entente.space.plane`), GEOS cuts; what comes out is closed
by some centimetres, so that no sliver makes an outline that is none.

It does not decide what may be shown.

    >>> parts = clip(volume, shared, grid, is_widened=True)
"""

from __future__ import annotations

import itertools
import math
from datetime import datetime, timedelta
from typing import Final

import numpy as np
import shapely

from entente.blind.cells import Rows, find_corners, split_high, split_numbers, unpack_rows
from entente.blind.grid import Grid
from entente.blind.lift_plan import Size
from entente.kernel.errors import Malformed
from entente.space import Circle, HeightBand, Lane, Outline, Part, Polygon, Region, Separation, Volume, Window
from entente.space.bounds import HEIGHT_SLACK_M
from entente.space.ellipsoid import (
    Floats,
    longest_line_from_chord_m,
    points_from_normals,
    surface_point,
    to_latlon,
    walk_lines,
)
from entente.space.plane import Plane, flatten_loops
from entente.space.ring import ring_of_point

CLIP_M: Final = 1.0
"""How far a part may reach beyond the volume, or the cells: cutting, closing and rounding take half."""
LEAST_LEVEL: Final = 4
"""Larger cells (of more than 600 km) are cut into those of this level first."""
_GROW_M: Final = 0.1
_CLOSE_M: Final = 0.1
_SIDE_M: Final = 5_000.0
_ROUND_M: Final = 0.2
"""How far a polygon round a circle may reach beyond it."""
_FAR_M: Final = 150_000.0
"""Cells together in one plane lie within this of its middle: a plane stretches the farther out, the more."""
_MICROSECOND: Final = timedelta(microseconds=1)
Ground = tuple[int, int]
"""Level and number of a cell of the ground."""


def clip(volume: Volume, cells: Rows, grid: Grid, *, is_widened: bool) -> tuple[Volume, ...]:
    """Return the parts of ``volume`` inside ``cells``: none, where it has nothing in any.

    Args:
        cells: Rows of a cover, of any side.
        is_widened: Whether the volume is of the side that ``grid.widened`` names.

    Raises:
        Malformed: A row is no cell of the grid.
    """
    keep = grid.separation if is_widened else Separation()
    parts: list[Volume] = []
    outlines: dict[tuple[Ground, ...], list[Outline]] = {}
    for (size, band, slot), grounds in _group(cells, grid).items():
        heights = _clip_heights(volume.heights, size, band, grid, keep.vertical_m)
        window = _clip_window(volume.window, size, slot, grid, keep.time_s)
        if heights is None or window is None:
            continue
        for together in _list_near(grounds):
            if together not in outlines:
                outlines[together] = _clip_outline(volume.outline, together, keep.lateral_m)
            parts += [Volume(outline, heights, window) for outline in outlines[together]]
    return tuple(parts)


def _group(cells: Rows, grid: Grid) -> dict[tuple[Size, int, int], list[Ground]]:
    """Return the cells of the ground of each band and bin."""
    high, low = unpack_rows(cells)
    found: dict[tuple[Size, int, int], list[Ground]] = {}
    for kind, band, slot, number in zip(
        *(part.tolist() for part in split_high(high)), low.tolist(), strict=True
    ):
        if kind >= len(grid.sizes) or number >= 6 << 2 * grid.sizes[kind].level:
            raise Malformed("bad-cell", f"cell: expected one of the grid, got size {kind}, number {number}")
        size = grid.sizes[kind]
        found.setdefault((Size(0, size.band_cm, size.bin_s), band, slot), []).append((size.level, number))
    return found


def _clip_heights(
    heights: HeightBand, size: Size, band: int, grid: Grid, vertical_m: float
) -> HeightBand | None:
    last = (grid.highest_cm - grid.lowest_cm) // size.band_cm - 1
    floor_cm = grid.lowest_cm + band * size.band_cm
    reach_m = vertical_m + 10 * HEIGHT_SLACK_M
    low = None if band == 0 else floor_cm / 100 - reach_m
    high = None if band == last else (floor_cm + size.band_cm) / 100 + reach_m
    floors = [each for each in (low, heights.floor_m) if each is not None]
    ceilings = [each for each in (high, heights.ceiling_m) if each is not None]
    floor, ceiling = max(floors, default=None), min(ceilings, default=None)
    if floor is not None and ceiling is not None and floor > ceiling:
        return None
    return HeightBand(floor, ceiling)


def _clip_window(window: Window, size: Size, slot: int, grid: Grid, time_s: float) -> Window | None:
    reach_us = math.ceil(time_s * 1e6)
    start_us = (window.start_utc - grid.origin_utc) // _MICROSECOND
    end_us = (window.end_utc - grid.origin_utc) // _MICROSECOND
    bin_us = size.bin_s * 1_000_000
    first_us, last_us = max(start_us, slot * bin_us - reach_us), min(end_us, (slot + 1) * bin_us + reach_us)
    if first_us >= last_us:
        return None
    return Window(_at(grid.origin_utc, first_us), _at(grid.origin_utc, last_us))


def _at(origin: datetime, us: int) -> datetime:
    return origin + timedelta(microseconds=us)


# The ground


def _list_near(grounds: list[Ground]) -> list[tuple[Ground, ...]]:
    """Return cells in groups that one plane serves: those that lie together, each large one by itself."""
    small: list[tuple[int, int]] = []
    for level, number in grounds:
        if level >= LEAST_LEVEL:
            small.append((level, number))
        else:
            times = 1 << 2 * (LEAST_LEVEL - level)
            small += [(LEAST_LEVEL, number * times + place) for place in range(times)]
    small = sorted(set(small))
    if len(small) == 1:
        return [tuple(small)]
    points = np.concatenate([_corner_points(one) for one in small])
    axis = points.mean(axis=0)
    if float(np.linalg.norm(points - axis, axis=1).max()) > _FAR_M:
        return [(one,) for one in small]
    return [tuple(small)]


def _corner_points(ground: Ground) -> Floats:
    level, number = ground
    return points_from_normals(_list_corners(level, number))


def _list_corners(level: int, number: int) -> Floats:
    face, i, j = split_numbers(np.array([number], dtype=np.uint64), level)
    corners: Floats = find_corners(face, i, j, level)[0]
    return corners


def _clip_outline(outline: Outline, grounds: tuple[Ground, ...], lateral_m: float) -> list[Outline]:
    """Return the parts of an outline within cells widened by ``lateral_m``."""
    points = [_walk_sides(*one) for one in grounds]
    middle = np.concatenate(points).mean(axis=0)
    # What is out of the plane's sight is out of reach: the cells' widened cap against the outline's.
    reach_m = max(float(np.linalg.norm(each - middle, axis=1).max()) for each in points)
    ring = outline.ring
    centre = surface_point(*to_latlon(*middle.tolist()))
    apart_m = math.dist(ring.cap_centre, centre)
    if apart_m > ring.cap_chord_m + longest_line_from_chord_m(reach_m) + outline.margin_m + lateral_m + 1e3:
        return []
    plane = _plane_at(middle)
    wide_m = lateral_m * _stretch(reach_m + lateral_m) + _GROW_M
    area = shapely.union_all([shapely.polygons(plane.project(each)) for each in points])
    shapely.prepare(area)
    area = shapely.buffer(area, wide_m, quad_segs=32) if lateral_m else _buffer(area, wide_m)
    flat = _flatten(outline, plane, area)
    if flat is None:
        return []
    shapely.prepare(area)
    if shapely.covers(area, flat):
        return [outline]
    part = shapely.intersection(flat, area)
    if shapely.is_empty(part):
        return []
    # Closed, so that nothing touches itself and nothing is thinner than what an outline may be.
    part = _buffer(_buffer(part, _GROW_M + _CLOSE_M), -_CLOSE_M)
    part = shapely.remove_repeated_points(shapely.simplify(part, 0.02), 0.03)
    part = shapely.segmentize(part, 2 * _SIDE_M)
    return [_make_outline(each, plane) for each in shapely.get_parts(part) if not shapely.is_empty(each)]


def _buffer(area: shapely.Geometry, wide_m: float) -> shapely.Geometry:
    return shapely.buffer(area, wide_m, join_style="mitre", mitre_limit=2.0)


def _plane_at(middle: Floats) -> Plane:
    lat, lon = to_latlon(*middle.tolist())
    axis = np.array(ring_of_point(lat, lon).cap_centre)
    axis /= np.linalg.norm(axis)
    aside = np.array([0.0, 0.0, 1.0]) if abs(axis[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    east = np.cross(aside, axis)
    east /= np.linalg.norm(east)
    return Plane(axis, east, np.cross(axis, east))


def _stretch(away_m: float) -> float:
    """Return how much longer a plane may show a line, this far from its middle."""
    angle = min(1.4, away_m / 6_300_000.0)
    return 1.0035 / math.cos(angle) ** 2


def _walk_sides(level: int, number: int) -> Floats:
    """Return points along the sides of a cell, at most some kilometres apart, on the ellipsoid."""
    corners = _list_corners(level, number)
    sides = []
    for start, end in itertools.pairwise([*corners, corners[0]]):
        steps = max(1, math.ceil(6.4e6 * float(np.linalg.norm(end - start)) / _SIDE_M))
        share = np.arange(steps)[:, None] / steps
        points = start * (1 - share) + end * share
        sides.append(points / np.linalg.norm(points, axis=1)[:, None])
    return points_from_normals(np.concatenate(sides))


def _flatten(outline: Outline, plane: Plane, area: shapely.Geometry) -> shapely.Geometry | None:
    """Return no less than the outline has near ``area``, in the plane; None for nothing."""
    if isinstance(outline, Circle):
        return _flatten_circle(outline, plane)
    if isinstance(outline, Lane):
        return _flatten_lane(outline, plane, area)
    ring = outline.ring
    return shapely.make_valid(flatten_loops(plane.project(ring.starts), ring.loops, ring.outers))


def _flatten_circle(circle: Circle, plane: Plane) -> shapely.Geometry:
    """Return a polygon round a circle."""
    count = max(16, math.ceil(math.pi / math.sqrt(2 * _ROUND_M / circle.radius_m)))
    lat, lon = (np.full(count, degrees) for degrees in circle.centre)
    bearing = np.linspace(0.0, 360.0, count, endpoint=False)
    # A ball as curved as the Earth brings sides nearer to the middle than a plane does, never farther.
    radius = circle.radius_m / math.cos(math.pi / count) + 0.5 * _ROUND_M
    lat, lon, _ = walk_lines(lat, lon, bearing, np.full(count, radius))
    return shapely.polygons(plane.project(_to_points(lat, lon)))


def _to_points(lat: Floats, lon: Floats) -> Floats:
    radians = np.radians(lat), np.radians(lon)
    across = np.cos(radians[0])
    normals = np.stack(
        (across * np.cos(radians[1]), across * np.sin(radians[1]), np.sin(radians[0])), axis=-1
    )
    return points_from_normals(normals)


def _flatten_lane(lane: Lane, plane: Plane, area: shapely.Geometry) -> shapely.Geometry | None:
    """Return the lane's stretches that come near, as wide as they are."""
    ring = lane.ring
    kept = np.flatnonzero(ring.edge < max(1, len(lane.points) - 1))
    depth = ring.starts @ plane.axis
    last = ring.follow[kept]
    seen = (depth[kept] > 1e6) & (depth[last] > 1e6)
    kept, last = kept[seen], last[seen]
    if not len(kept):
        return None
    starts, ends = plane.project(ring.starts[kept]), plane.project(ring.starts[last])
    lines = shapely.linestrings(np.stack((starts, ends), axis=1))
    bounds = shapely.bounds(area)
    away_m = float(np.abs(bounds).max()) * 1.5 + lane.radius_m
    wide_m = lane.radius_m * _stretch(away_m)
    near = shapely.dwithin(lines, area, wide_m + 1.0)
    if not near.any():
        return None
    # A polygon's corners stand on its arc: a little wider, so that its sides do.
    quarter = max(8, math.ceil(math.pi / 4 / math.sqrt(2 * _ROUND_M / wide_m)))
    wide_m = wide_m / math.cos(math.pi / 4 / quarter) + 0.01
    return shapely.union_all(shapely.buffer(lines[near], wide_m, quad_segs=quarter))


def _make_outline(area: shapely.Geometry, plane: Plane) -> Outline:
    """Return a polygon of the plane as an outline."""
    outer = _lift_ring(shapely.get_exterior_ring(area), plane)
    holes = tuple(_lift_ring(shapely.get_interior_ring(area, at), plane) for at in range(_count_holes(area)))
    return Region((Part(outer, holes),)) if holes else Polygon(outer)


def _count_holes(area: shapely.Geometry) -> int:
    return int(shapely.get_num_interior_rings(area))


def _lift_ring(ring: shapely.Geometry, plane: Plane) -> tuple[tuple[float, float], ...]:
    return tuple(plane.lift(x, y) for x, y in shapely.get_coordinates(ring)[:-1].tolist())
