"""A plane under an outline: seen from the Earth's centre, its pieces are straight lines there.

What it is for: what needs flat geometry (whether edges cross, which loop lies in which, a point inside) is
asked of GEOS in this plane.

Invariants:
  * A piece of at most 5 km leaves its straight line by less than 2 mm on the ground (docs/adr/0003, bound 4).
  * Two neighbouring points are never nearer to each other in the plane than on the ground: no point is
    farther from the Earth's centre than the plane is, and away from the middle the plane only stretches.

It is no map: away from the middle it stretches. It does not measure and never decides a conflict.

    >>> plane = plane_under(ring)
    >>> flatten(ring, plane).area > 0
    True
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np
import shapely

from entente.space.ellipsoid import FLATTENING, SEMI_MAJOR_M, Floats, to_latlon
from entente.space.ring import Ring


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


def flatten(ring: Ring, plane: Plane) -> shapely.Geometry:
    """Return the area that ``ring`` bounds, in ``plane``, unchecked."""
    return flatten_loops(plane.project(ring.starts), ring.loops, ring.outers)


def flatten_loops(flat: Floats, loops: np.ndarray, outers: np.ndarray) -> shapely.Geometry:
    """Return the area of loops that begin at ``loops``, of which those in ``outers`` are no holes."""
    if len(loops) == 1:
        return shapely.polygons(flat)
    curves = [shapely.linearrings(points) for points in np.split(flat, loops[1:])]
    begin = [*np.searchsorted(loops, outers).tolist(), len(curves)]
    parts = [
        shapely.polygons(curves[first], holes=curves[first + 1 : last] or None)
        for first, last in itertools.pairwise(begin)
    ]
    return parts[0] if len(parts) == 1 else shapely.multipolygons(parts)
