"""Outlines on the WGS84 ellipsoid: polygons with geodesic edges, and circles.

What it is for: the footprint of a volume. Both kinds are closed: their boundary belongs to them.

Invariants (each refused with `InvalidVolume`, which names the place):
  * Positions are finite, latitude within +-90, longitude within +-180 degrees.
  * A polygon has 3 to 2000 distinct vertices; its edges are the shortest lines between them and meet
    only at their ends. Which way round does not matter. Poles and the antimeridian are ordinary places.
  * No two vertices of a polygon are more than 8000 km apart, so "inside" is always the smaller side; its
    edges are together at most 50 000 km long.
  * A circle is everything within its radius, along the surface, of its centre: at most 1000 km.

It does not convert, repair, simplify or round.

    >>> zone = Circle(centre=(36.24, 37.13), radius_m=2500.0)
    >>> field = Polygon(((35.2, 40.1), (35.2, 40.3), (35.4, 40.2)))
    >>> contains_point(field, 35.25, 40.2)
    True
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import numpy as np
import shapely

from entente.kernel.errors import InvalidVolume
from entente.space.ellipsoid import (
    WIDEST_RADIUS_M,
    Floats,
    distance_and_bearing,
    measure_lines,
    surface_normals,
)
from entente.space.inside import is_inside
from entente.space.nearest import SLACK_M, find_gap
from entente.space.ring import Ring, cut_edges, measure_edges, ring_of_point
from entente.space.simple import find_fault, plane_under

MAX_VERTICES: Final = 2000
MAX_EXTENT_M: Final = 8_000_000.0
"""Two vertices farther apart than this are refused: the outline would near half the globe, where which
side is "inside" becomes a matter of taste. Large countries and most continents fit."""
MAX_PERIMETER_M: Final = 50_000_000.0
"""Bounds the work that one outline can cause: at most 12 000 pieces."""
MAX_RADIUS_M: Final = 1_000_000.0
MIN_EDGE_M: Final = 0.001


@dataclass(frozen=True, slots=True)
class Polygon:
    """A region bounded by geodesic edges.

    Args:
        vertices: (latitude, longitude) in degrees, in order, the first not repeated at the end.

    Raises:
        InvalidVolume: The vertices do not bound one region, or exceed a limit.
    """

    vertices: tuple[tuple[float, float], ...]
    ring: Ring = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the vertices and cut the edges into pieces."""
        if not 3 <= len(self.vertices) <= MAX_VERTICES:
            raise InvalidVolume(
                "vertex-count", f"outline: expected 3 to {MAX_VERTICES} vertices, got {len(self.vertices)}"
            )
        for place, vertex in enumerate(self.vertices):
            _check_position(vertex, f"vertices[{place}]")
        lat, lon, azimuth, length_m = measure_edges(self.vertices)
        _check_edges(lat, lon, length_m)
        ring = cut_edges(lat, lon, azimuth, length_m)
        fault = find_fault(ring)
        if fault is not None:
            raise InvalidVolume(fault.code, fault.message, path=f"vertices[{fault.edge}]")
        object.__setattr__(self, "ring", ring)

    @property
    def margin_m(self) -> float:
        """How far the outline reaches beyond its ring: not at all."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Circle:
    """Everything within ``radius_m`` of ``centre``, measured along the ellipsoid.

    Raises:
        InvalidVolume: The centre is no position, or the radius is not above 0 and at most 1000 km.
    """

    centre: tuple[float, float]
    radius_m: float
    ring: Ring = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check centre and radius."""
        _check_position(self.centre, "centre")
        if not 0.0 < self.radius_m <= MAX_RADIUS_M:  # false for NaN too
            raise InvalidVolume(
                "bad-radius",
                f"circle: expected a radius > 0 and <= {MAX_RADIUS_M:.0f} m, got {self.radius_m!r}",
                path="radius",
            )
        object.__setattr__(self, "ring", ring_of_point(*self.centre))

    @property
    def margin_m(self) -> float:
        """How far the outline reaches beyond its ring, which is its centre."""
        return self.radius_m


Outline = Polygon | Circle


def contains_point(outline: Outline, lat_deg: float, lon_deg: float) -> bool:
    """Return whether a position lies in ``outline`` or within 5 mm of it (never misses one inside).

    Raises:
        InvalidVolume: The position is out of range or not finite.
    """
    _check_position((lat_deg, lon_deg), "point")
    if isinstance(outline, Circle):
        return distance_and_bearing(*outline.centre, lat_deg, lon_deg)[0] <= outline.radius_m + SLACK_M
    point = ring_of_point(lat_deg, lon_deg)
    if math.dist(point.cap_centre, outline.ring.cap_centre) > outline.ring.cap_chord_m + SLACK_M:
        return False
    return is_inside(outline.ring, point.starts[0]) or find_gap(outline.ring, point, 0.0) is not None


def reference_point(outline: Outline) -> tuple[float, float]:
    """Return one position inside ``outline``, always the same one: the middle if that is inside."""
    if isinstance(outline, Circle):
        return outline.centre
    plane = plane_under(outline.ring)
    flat = shapely.polygons(plane.project(outline.ring.starts))
    middle = shapely.centroid(flat)
    if not shapely.contains(flat, middle):
        middle = shapely.point_on_surface(flat)
    return plane.lift(float(middle.x), float(middle.y))


def _check_position(position: tuple[float, float], path: str) -> None:
    lat, lon = position
    if not (math.isfinite(lat) and math.isfinite(lon)):
        raise InvalidVolume("not-finite", f"position: expected finite degrees, got {position!r}", path=path)
    if not -90.0 <= lat <= 90.0:
        raise InvalidVolume("bad-latitude", f"latitude: expected -90 to 90 degrees, got {lat!r}", path=path)
    if not -180.0 <= lon <= 180.0:
        raise InvalidVolume(
            "bad-longitude", f"longitude: expected -180 to 180 degrees, got {lon!r}", path=path
        )


def _check_edges(lat_deg: Floats, lon_deg: Floats, length_m: Floats) -> None:
    count = len(length_m)
    short = np.flatnonzero(length_m < MIN_EDGE_M)
    if len(short):
        first, second = sorted((int(short[0]), (int(short[0]) + 1) % count))
        raise InvalidVolume(
            "vertices-coincide",
            f"outline: expected distinct vertices, got vertices {first} and {second} both near"
            f" {lat_deg[first]:.6f}, {lon_deg[first]:.6f}",
            path=f"vertices[{first}]",
        )
    long = np.flatnonzero(length_m > MAX_EXTENT_M)
    if len(long):
        edge = int(long[0])
        raise InvalidVolume(
            "edge-too-long",
            f"edge {edge}: expected <= {MAX_EXTENT_M / 1000:.0f} km (towards the antipode the shortest line"
            f" is not unique), got {length_m[edge] / 1000:.0f} km from"
            f" {lat_deg[edge]:.6f}, {lon_deg[edge]:.6f}",
            path=f"vertices[{edge}]",
        )
    perimeter_m = float(length_m.sum())
    if perimeter_m > MAX_PERIMETER_M:
        raise InvalidVolume(
            "too-long",
            f"outline: expected edges of together <= {MAX_PERIMETER_M / 1000:.0f} km,"
            f" got {perimeter_m / 1000:.0f} km",
        )
    # Two vertices of a closed ring are at most half its length apart.
    if perimeter_m / 2 > MAX_EXTENT_M:
        _check_extent(lat_deg, lon_deg)


def _check_extent(lat_deg: Floats, lon_deg: Floats) -> None:
    normals = surface_normals(lat_deg, lon_deg)
    # Only vertices whose normals differ by more than this can be too far apart, at any latitude.
    suspects = np.flatnonzero((normals @ normals.T).min(axis=1) < math.cos(MAX_EXTENT_M / WIDEST_RADIUS_M))
    for first in suspects.tolist():
        same = np.zeros(len(lat_deg))
        away_m = measure_lines(lat_deg[first] + same, lon_deg[first] + same, lat_deg, lon_deg)[2]
        second = int(away_m.argmax())
        if away_m[second] > MAX_EXTENT_M:
            raise InvalidVolume(
                "too-wide",
                f"outline: expected vertices <= {MAX_EXTENT_M / 1000:.0f} km apart (beyond, inside and"
                f" outside are hard to tell), got {away_m[second] / 1000:.0f} km between vertices"
                f" {first} and {second}, from {lat_deg[first]:.6f}, {lon_deg[first]:.6f}"
                f" to {lat_deg[second]:.6f}, {lon_deg[second]:.6f}",
                path=f"vertices[{second}]",
            )
