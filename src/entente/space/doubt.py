"""How sure an answer of this room is: whether another computer, years later, could come to another.

Distances are computed in floating point. Two machines, two versions of a library, two implementations of
docs/formats/volume.md may differ in the last digits, and by what section 6 there allows. Whoever must not be
called a liar for that is asked with `relate`: what hangs on less than `AGREE_M` is *unsure*.

Invariants:
  * Where `relate` says *meet* or *apart*, `find_conflict` says the same for every distance that is wrong by
    less than `AGREE_M`.
  * In doubt it says *unsure*; never slower than a few applications of the exact rule.
  * Times and heights are whole numbers on the wire and no matter of doubt.

It decides nothing: the rule is `entente.space.overlap`, on every machine.

    >>> relate(a, b, Separation(lateral_m=5000.0))
    'meet'
"""

from __future__ import annotations

from typing import Final, Literal

import numpy as np
import shapely

from entente.space.bounds import is_apart_in_height, is_apart_in_time, is_apart_on_ground
from entente.space.ellipsoid import Floats, points_from_normals, surface_normals, walk_lines
from entente.space.inside import is_inside
from entente.space.nearest import find_gap
from entente.space.outline import Circle, Lane, Outline, reference_point
from entente.space.overlap import find_meeting
from entente.space.plane import Plane, flatten, plane_under
from entente.space.ring import ring_of_point
from entente.space.volume import Separation, Volume

AGREE_M: Final = 0.1
"""What two honest computations of one distance differ by at most: each falls short by up to 6 cm (`overlap`),
the rest is rounding."""
_DEEP_M: Final = 4 * AGREE_M
"""In the plane, which stretches by at most 1.8 where it is used."""
_NEAR: Final = 0.75
"""Least cosine of the angle from the plane's middle: beyond it stretches too much."""
_CORNERS: Final = 64
Relation = Literal["meet", "apart", "unsure"]


def relate(a: Volume, b: Volume, separation: Separation) -> Relation:
    """Return whether ``a`` and ``b`` conflict, or *unsure* where that hangs on less than `AGREE_M`."""
    lateral_m = separation.lateral_m
    if (
        is_apart_in_time(a.window, b.window, separation.time_s)
        or is_apart_in_height(a.heights, b.heights, separation.vertical_m)
        or is_apart_on_ground(a.outline, b.outline, lateral_m + AGREE_M)
        or find_meeting(a.outline, b.outline, lateral_m + AGREE_M) is None
    ):
        return "apart"
    if lateral_m >= AGREE_M and find_meeting(a.outline, b.outline, lateral_m - AGREE_M) is not None:
        return "meet"
    return "meet" if _share_much(a.outline, b.outline) else "unsure"


def _share_much(a: Outline, b: Outline) -> bool:
    """Return True only if some point is more than `AGREE_M` inside both."""
    if any(_is_deep(a, point) and _is_deep(b, point) for point in map(reference_point, (a, b))):
        return True
    plane = plane_under(min(a.ring, b.ring, key=lambda ring: ring.cap_chord_m))
    flat = [_flatten(one, plane) for one in (a, b)]
    if flat[0] is None or flat[1] is None:
        return False
    try:
        shared = shapely.buffer(shapely.intersection(flat[0], flat[1]), -_DEEP_M)
    except shapely.errors.GEOSException:
        return False
    return not shapely.is_empty(shared)


def _is_deep(outline: Outline, point: tuple[float, float]) -> bool:
    ring = ring_of_point(*point)
    if outline.ring.is_area:
        return is_inside(outline.ring, ring.starts[0]) and find_gap(outline.ring, ring, AGREE_M) is None
    reach_m = outline.margin_m - AGREE_M
    return reach_m > 0 and find_gap(outline.ring, ring, reach_m) is not None


def _flatten(outline: Outline, plane: Plane) -> shapely.Geometry | None:
    """Return no more than the outline covers, in the plane; None where the plane does not reach."""
    if isinstance(outline, Lane):
        return None
    if not isinstance(outline, Circle):
        return flatten(outline.ring, plane) if _is_near(outline.ring.starts, plane) else None
    corner = np.linspace(0.0, 360.0, _CORNERS, endpoint=False, dtype=np.float64)
    lat, lon = (np.full(_CORNERS, degrees) for degrees in outline.centre)
    lat, lon, _ = walk_lines(lat, lon, corner, np.full(_CORNERS, outline.radius_m))
    points = points_from_normals(surface_normals(lat, lon))
    return shapely.polygons(plane.project(points)) if _is_near(points, plane) else None


def _is_near(points: Floats, plane: Plane) -> bool:
    return float((points @ plane.axis / np.linalg.norm(points, axis=1)).min()) >= _NEAR
