"""Outlines on the WGS84 ellipsoid: polygons with geodesic edges, regions with holes, circles, lanes.

What it is for: the footprint of a volume. All kinds are closed: their boundary belongs to them.

Invariants (each refused with `InvalidVolume`, which names the place):
  * The loops of a polygon or region keep the limits of `entente.space.loops`: 3 to 10 000 vertices, at most
    8000 km across and 50 000 km round. Which way round does not matter. Poles and the antimeridian are
    ordinary places.
  * Edges are the shortest lines between vertices and meet only at their ends. The loops of a region keep
    apart; holes lie in their part, parts outside each other (one may lie in another's hole).
  * A circle is everything within its radius, along the surface, of its centre: at most 1000 km. A lane is
    everything within its radius of a line of at most 25 000 km.

Every outline has a ``ring``, its boundary or centre or line, and reaches ``margin_m`` beyond it.

It does not convert, repair, simplify or round.

    >>> zone = Circle(centre=(36.24, 37.13), radius_m=2500.0)
    >>> field = Polygon(((35.2, 40.1), (35.2, 40.3), (35.4, 40.2)))
    >>> contains_point(field, 35.25, 40.2)
    True
    >>> pond = ((35.25, 40.18), (35.25, 40.22), (35.3, 40.2))
    >>> contains_point(Region((Part(field.vertices, holes=(pond,)),)), 35.26, 40.2)
    False
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Final

import shapely

from entente.kernel.errors import InvalidVolume
from entente.space.ellipsoid import distance_and_bearing, walk_line
from entente.space.inside import is_inside
from entente.space.loops import (
    MAX_EXTENT_M,
    MAX_PERIMETER_M,
    MAX_VERTICES,
    Loops,
    Position,
    Vertices,
    check_position,
    measure_edges,
    measure_loops,
)
from entente.space.nearest import SLACK_M, find_gap
from entente.space.nesting import find_misplaced
from entente.space.plane import flatten, plane_under
from entente.space.ring import Ring, cut_edges, ring_of_point
from entente.space.simple import find_fault

MAX_RADIUS_M: Final = 1_000_000.0
MAX_POINTS: Final = MAX_VERTICES // 2
"""Of a lane, whose ring goes there and back."""


@dataclass(frozen=True, slots=True)
class Polygon:
    """An area bounded by geodesic edges.

    Args:
        vertices: (latitude, longitude) in degrees, in order, the first not repeated at the end.

    Raises:
        InvalidVolume: The vertices do not bound one area, or exceed a limit.
    """

    vertices: Vertices
    ring: Ring = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the vertices and cut the edges into pieces."""
        object.__setattr__(self, "ring", _bound(Loops.of_polygon(self.vertices)))

    @property
    def margin_m(self) -> float:
        """How far the outline reaches beyond its ring: not at all."""
        return 0.0


@dataclass(frozen=True, slots=True)
class Part:
    """One area of a region: what ``outer`` bounds, without what ``holes`` bound. Vertices as in `Polygon`.

    The boundary of a hole belongs to the part. Checked with the region that it is in.
    """

    outer: Vertices
    holes: tuple[Vertices, ...] = ()


@dataclass(frozen=True, slots=True)
class Region:
    """Areas with holes, or several of them, as one outline.

    Raises:
        InvalidVolume: There is no part, or it is a polygon's one spelling too many (one part, no hole); a
            loop crosses itself or meets another; a hole or a part lies in the wrong place; a limit is
            exceeded. Says which part and hole, which edges or vertices, and where.
    """

    parts: tuple[Part, ...]
    ring: Ring = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check the loops, alone and to each other, and cut their edges into pieces."""
        if not self.parts or (len(self.parts) == 1 and not self.parts[0].holes):
            raise InvalidVolume(
                "not-a-region",
                f"region: expected two parts or a hole (else it is a polygon), got {len(self.parts)} part(s)"
                " and no hole",
                path="parts",
            )
        object.__setattr__(self, "ring", _bound(Loops.of_parts([(p.outer, p.holes) for p in self.parts])))

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

    centre: Position
    radius_m: float
    _made: list[Ring] = field(default_factory=list, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check centre and radius."""
        check_position(self.centre, "centre")
        _check_radius("circle", self.radius_m)

    @property
    def ring(self) -> Ring:
        """The ring that is the centre; made when it is first asked for, which most circles never are."""
        if not self._made:
            self._made.append(ring_of_point(*self.centre))
        return self._made[0]

    @property
    def margin_m(self) -> float:
        """How far the outline reaches beyond its ring, which is its centre."""
        return self.radius_m


@dataclass(frozen=True, slots=True)
class Lane:
    """Everything within ``radius_m`` of the geodesics through ``points``: a route, a stretch of a track.

    The line may cross or repeat itself, and two points may coincide. Not on the wire.

    Raises:
        InvalidVolume: Fewer than 2 or more than 5000 points, a point that is no position, more than 8000 km
            from one to the next, a line of more than 25 000 km, or a radius that is not above 0 and at most
            1000 km.
    """

    points: Vertices
    radius_m: float
    ring: Ring = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Check points and radius, and cut the line, there and back, into pieces."""
        _check_radius("lane", self.radius_m)
        if not 2 <= len(self.points) <= MAX_POINTS:
            raise InvalidVolume(
                "vertex-count",
                f"lane: expected 2 to {MAX_POINTS} points, got {len(self.points)}",
                path="points",
            )
        for place, point in enumerate(self.points):
            check_position(point, f"points[{place}]")
        edges = measure_edges((self.points + self.points[-2:0:-1],))
        line_m = edges.length_m[: len(self.points) - 1]
        longest = int(line_m.argmax())
        if line_m[longest] > MAX_EXTENT_M:
            raise InvalidVolume(
                "edge-too-long",
                f"lane: expected <= {MAX_EXTENT_M / 1000:.0f} km between neighbours, got"
                f" {line_m[longest] / 1000:.0f} km between points {longest} and {longest + 1}",
                path=f"points[{longest}]",
            )
        if line_m.sum() > MAX_PERIMETER_M / 2:
            raise InvalidVolume(
                "too-long",
                f"lane: expected a line of <= {MAX_PERIMETER_M / 2000:.0f} km,"
                f" got {line_m.sum() / 1000:.0f} km",
                path="points",
            )
        object.__setattr__(self, "ring", cut_edges(edges, is_area=False))

    @property
    def margin_m(self) -> float:
        """How far the outline reaches beyond its ring, which is its line."""
        return self.radius_m


Outline = Polygon | Circle | Region | Lane


def contains_point(outline: Outline, lat_deg: float, lon_deg: float) -> bool:
    """Return whether a position lies in ``outline`` or within 5 mm of it (never misses one inside).

    For a lane of more than 10 km radius, 5 mm are what `ground_error_m` says of the radius.

    Raises:
        InvalidVolume: The position is out of range or not finite.
    """
    check_position((lat_deg, lon_deg), "point")
    if isinstance(outline, Circle):
        return distance_and_bearing(*outline.centre, lat_deg, lon_deg)[0] <= outline.radius_m + SLACK_M
    point = ring_of_point(lat_deg, lon_deg)
    reach_m = outline.ring.cap_chord_m + outline.margin_m + SLACK_M
    if math.dist(point.cap_centre, outline.ring.cap_centre) > reach_m:
        return False
    return (
        is_inside(outline.ring, point.starts[0])
        or find_gap(outline.ring, point, outline.margin_m) is not None
    )


def reference_point(outline: Outline) -> Position:
    """Return one position inside ``outline``, always the same one: the middle if that is inside."""
    if isinstance(outline, Circle):
        return outline.centre
    if isinstance(outline, Lane):
        return _find_half_way(outline.ring)
    plane = plane_under(outline.ring)
    flat = flatten(outline.ring, plane)
    middle = shapely.centroid(flat)
    if not shapely.contains(flat, middle):
        middle = shapely.point_on_surface(flat)
    return plane.lift(float(middle.x), float(middle.y))


def _bound(loops: Loops) -> Ring:
    """Return the ring of ``loops``, which bound an area.

    Raises:
        InvalidVolume: They do not.
    """
    edges = measure_loops(loops)
    firsts = loops.firsts
    ring = cut_edges(edges, firsts, firsts[[not hole for hole in loops.is_hole]])
    fault = find_fault(ring)
    if fault is None and len(firsts) > 1:
        fault = find_misplaced(ring, loops)
    if fault is not None:
        blamed = loops.say(fault.noun, fault.first, fault.second)
        raise InvalidVolume(
            fault.code,
            f"outline: expected {fault.expected}, got {blamed} {fault.what}",
            path=loops.path(fault.first),
        )
    return ring


def _check_radius(subject: str, radius_m: float) -> None:
    if not 0.0 < radius_m <= MAX_RADIUS_M:  # false for NaN too
        raise InvalidVolume(
            "bad-radius",
            f"{subject}: expected a radius > 0 and <= {MAX_RADIUS_M:.0f} m, got {radius_m!r}",
            path="radius",
        )


def _find_half_way(ring: Ring) -> Position:
    """Return the middle of a line whose ring runs along it and back."""
    left_m = float(ring.length_m.sum()) / 4
    for piece, length_m in enumerate(ring.length_m.tolist()):
        if left_m <= length_m:
            at = float(ring.lat_deg[piece]), float(ring.lon_deg[piece])
            return walk_line(*at, float(ring.azimuth_deg[piece]), left_m)
        left_m -= length_m
    raise AssertionError("a quarter of a sum is not reached by its terms")
