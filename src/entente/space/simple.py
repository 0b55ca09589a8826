"""Whether a ring of edges bounds one region, and if not, where it fails.

What it is for: an outline that crosses or touches itself has no agreed inside. It is refused with the
place of the fault, never repaired.

Invariants: a fault of more than `TOUCH_M` is always found; edges that keep more than `TOUCH_M` apart are
never blamed. Between, either answer may come; the overlap rule is right for both.

How: pieces of at most 5 km are projected from the Earth's centre onto a plane, where each becomes a
straight line to within 2 mm; GEOS tests the flat ring with exact predicates.

    >>> find_fault(ring_around(((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)))).code
    'edges-cross'
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely

from entente.space.ellipsoid import FLATTENING, SEMI_MAJOR_M, Floats, to_latlon
from entente.space.ring import Ring

TOUCH_M: Final = 0.005
"""Twice the error of the projected pieces, and half the step of the wire's coordinates."""
_PLACE: Final = re.compile(r"\[(\S+) (\S+)\]")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a ring is not simple: a code, words, and the first edge to blame."""

    code: str
    message: str
    edge: int


@dataclass(frozen=True, slots=True, eq=False)
class Plane:
    """A plane that touches the Earth near a ring's middle; seen from the centre, short edges are straight."""

    axis: Floats
    east: Floats
    north: Floats

    def project(self, points: Floats) -> Floats:
        """Return metres in the plane, shape (n, 2)."""
        depth = points @ self.axis
        flat = np.stack((points @ self.east, points @ self.north), axis=-1)
        scaled: Floats = flat * (SEMI_MAJOR_M / depth)[:, None]
        return scaled

    def lift(self, x: float, y: float) -> tuple[float, float]:
        """Return latitude and longitude of the place that was projected to ``x``, ``y``."""
        point = self.axis + self.east * (x / SEMI_MAJOR_M) + self.north * (y / SEMI_MAJOR_M)
        point /= np.linalg.norm(point)
        # Along this ray the surface lies at the radius that fits the ellipsoid's equation.
        stretch = (1 - FLATTENING) ** 2
        across = float(point[0] ** 2 + point[1] ** 2)
        radius = SEMI_MAJOR_M / math.sqrt(across + float(point[2]) ** 2 / stretch)
        return to_latlon(*(point * radius).tolist())


def plane_under(ring: Ring) -> Plane:
    """Return the plane below the middle of ``ring``."""
    axis = np.array(ring.cap_centre)
    axis /= np.linalg.norm(axis)
    aside = np.array([0.0, 0.0, 1.0]) if abs(axis[2]) < 0.9 else np.array([1.0, 0.0, 0.0])
    east = np.cross(aside, axis)
    east /= np.linalg.norm(east)
    return Plane(axis, east, np.cross(axis, east))


def find_fault(ring: Ring) -> Fault | None:
    """Return the first fault that makes ``ring`` no boundary of a region, or None."""
    plane = plane_under(ring)
    flat = plane.project(ring.starts)
    fold = _find_fold(ring, flat)
    if fold is not None:
        return fold
    shape = shapely.polygons(flat)
    if shapely.is_valid(shape):
        return None
    place = _PLACE.search(shapely.is_valid_reason(shape))
    if place is None:
        return Fault("not-simple", f"outline: {shapely.is_valid_reason(shape).lower()}", 0)
    return _name_fault(ring, flat, plane, float(place[1]), float(place[2]))


def _find_fold(ring: Ring, flat: Floats) -> Fault | None:
    """Find neighbouring edges that run back along each other, as in an outline of no area."""
    corner = np.flatnonzero(np.diff(ring.edge, prepend=ring.edge[-1]))
    here = flat[corner]
    before, after = flat[corner - 1] - here, flat[(corner + 1) % len(flat)] - here
    before_m, after_m = np.hypot(*before.T), np.hypot(*after.T)
    aside_m = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]) / np.maximum(before_m, after_m)
    bad = np.flatnonzero((np.einsum("ij,ij->i", before, after) > 0) & (aside_m <= TOUCH_M))
    if not len(bad):
        return None
    vertex = int(bad[0])
    place = corner[vertex]
    first, second = sorted(((vertex - 1) % len(corner), vertex))
    return Fault(
        "edges-overlap",
        f"outline: expected edges that enclose an area, got edges {first} and {second} lying on each other"
        f" near {_words(float(ring.lat_deg[place]), float(ring.lon_deg[place]))}",
        first,
    )


def _name_fault(ring: Ring, flat: Floats, plane: Plane, x: float, y: float) -> Fault:
    """Name what meets at the place in the plane that GEOS points to."""
    place = np.array([x, y])
    where = _words(*plane.lift(x, y))
    corner = np.flatnonzero(np.diff(ring.edge, prepend=ring.edge[-1]))
    at_vertex = np.hypot(*(flat[corner] - place).T)
    vertices = np.argsort(at_vertex, kind="stable")[:2]
    if at_vertex[vertices[1]] <= TOUCH_M:
        low, high = sorted(int(v) for v in vertices)
        return Fault(
            "vertices-coincide",
            f"outline: expected distinct vertices, got vertices {low} and {high} both near {where}",
            low,
        )
    begin, along = flat, np.roll(flat, -1, axis=0) - flat
    part = np.clip(np.einsum("ij,ij->i", place - begin, along) / np.einsum("ij,ij->i", along, along), 0, 1)
    away = np.hypot(*(begin + part[:, None] * along - place).T)
    meeting: list[int] = []
    for piece in np.argsort(away, kind="stable"):
        edge = int(ring.edge[piece])
        if edge not in meeting:
            meeting.append(edge)
        if len(meeting) == 2:
            break
    first, second = sorted(meeting)
    return Fault(
        "edges-cross",
        f"outline: expected edges that do not meet, got edges {first} and {second} crossing near {where}",
        first,
    )


def _words(lat_deg: float, lon_deg: float) -> str:
    return f"{lat_deg:.6f}, {lon_deg:.6f}"
