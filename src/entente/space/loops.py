"""The closed curves that bound an outline: their names, their lengths, and the limits they must keep.

What it is for: a polygon has one, a region one for each part and each hole. Whatever is wrong with one of
them is told by its name, its vertices and the place.

Invariants (each refused with `InvalidVolume`):
  * Positions are finite, latitude within +-90, longitude within +-180 degrees.
  * 3 to 10 000 vertices over all loops, and at least 3 in each.
  * An edge is at least 1 mm long; edges are together at most 50 000 km long; no two vertices of an outline
    are more than 8000 km apart, so "inside" is always the smaller side.

It does not ask where edges meet: see `entente.space.simple` and `entente.space.nesting`.

    >>> Loops.of_parts((((0, 0), (0, 9), (9, 9)), (((1, 2), (1, 3), (2, 3)),)),)).say("edge", 0, 4)
    'edge 0 of part 0 and edge 1 of hole 0 of part 0'
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from entente.kernel.errors import InvalidVolume
from entente.space.ellipsoid import (
    TIGHTEST_RADIUS_M,
    Floats,
    measure_lines,
    points_from_normals,
    surface_normals,
)

Position = tuple[float, float]
"""Latitude and longitude in degrees."""
Vertices = tuple[Position, ...]

MAX_VERTICES: Final = 10_000
"""Over all loops; what ASTM F3548-21 allows a volume."""
MAX_EXTENT_M: Final = 8_000_000.0
"""Two vertices farther apart than this are refused: the outline would near half the globe, where which
side is "inside" becomes a matter of taste. Large countries and most continents fit."""
MAX_PERIMETER_M: Final = 50_000_000.0
"""Bounds the work that one outline can cause: at most 20 000 pieces."""
MIN_EDGE_M: Final = 0.001
_ROWS: Final = 256
"""Vertices compared with all others at a time: bounds memory."""
_WIDE_CHORD_M: Final = 2 * TIGHTEST_RADIUS_M * math.sin(MAX_EXTENT_M / (2 * TIGHTEST_RADIUS_M)) - 1.0
"""A line of more than `MAX_EXTENT_M` has a longer chord than this (docs/adr/0003, bound 2)."""


@dataclass(frozen=True, slots=True)
class Loops:
    """The loops of one outline, each with what to call it and where it stands in what was given.

    In the order of the parts, the outer loop of each before its holes. Edge i goes from vertex i to the next
    one of its loop; vertices and edges are counted through all loops.
    """

    vertices: tuple[Vertices, ...]
    words: tuple[str, ...]
    paths: tuple[str, ...]
    part: tuple[int, ...]
    is_hole: tuple[bool, ...]

    @classmethod
    def of_polygon(cls, vertices: Vertices) -> Loops:
        """Return the only loop of a polygon, which needs no name."""
        return cls((vertices,), ("",), ("vertices",), (0,), (False,))

    @classmethod
    def of_parts(cls, parts: Sequence[tuple[Vertices, Sequence[Vertices]]]) -> Loops:
        """Return the loops of (outer, holes) for each part."""
        vertices: list[Vertices] = []
        words: list[str] = []
        paths: list[str] = []
        for place, (outer, holes) in enumerate(parts):
            vertices += [outer, *holes]
            words += [f"part {place}", *(f"hole {hole} of part {place}" for hole in range(len(holes)))]
            paths += [f"parts[{place}].outer"]
            paths += [f"parts[{place}].holes[{hole}]" for hole in range(len(holes))]
        counts = [1 + len(holes) for _, holes in parts]
        part = tuple(place for place, count in enumerate(counts) for _ in range(count))
        is_hole = tuple(at > 0 for count in counts for at in range(count))
        return cls(tuple(vertices), tuple(words), tuple(paths), part, is_hole)

    @property
    def firsts(self) -> NDArray[np.int64]:
        """Which vertex each loop starts with."""
        sizes = np.array([len(loop) for loop in self.vertices], dtype=np.int64)
        return np.cumsum(sizes) - sizes

    def find(self, vertex: int) -> tuple[int, int]:
        """Return the loop of a vertex or edge, and its number there."""
        firsts = self.firsts
        loop = int(np.searchsorted(firsts, vertex, side="right")) - 1
        return loop, vertex - int(firsts[loop])

    def path(self, vertex: int) -> str:
        """Return where a vertex stands in what was given."""
        loop, place = self.find(vertex)
        return f"{self.paths[loop]}[{place}]"

    def say(self, noun: str, first: int, second: int | None = None) -> str:
        """Return one or two edges or vertices in words."""
        loop, place = self.find(first)
        of = f" of {self.words[loop]}" if self.words[loop] else ""
        if second is None:
            return f"{noun} {place}{of}"
        other_loop, other_place = self.find(second)
        if other_loop == loop:
            nouns = "vertices" if noun == "vertex" else f"{noun}s"
            return f"{nouns} {place} and {other_place}{of}"
        return f"{noun} {place}{of} and {noun} {other_place} of {self.words[other_loop]}"


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """The edges of all loops: where each starts, its heading there, its length."""

    lat_deg: Floats
    lon_deg: Floats
    azimuth_deg: Floats
    length_m: Floats


def check_position(position: Position, path: str) -> None:
    """Refuse what is no position.

    Raises:
        InvalidVolume: A number is not finite or out of range.
    """
    lat, lon = position
    if not (math.isfinite(lat) and math.isfinite(lon)):
        raise InvalidVolume("not-finite", f"position: expected finite degrees, got {position!r}", path=path)
    if not -90.0 <= lat <= 90.0:
        raise InvalidVolume("bad-latitude", f"latitude: expected -90 to 90 degrees, got {lat!r}", path=path)
    if not -180.0 <= lon <= 180.0:
        raise InvalidVolume(
            "bad-longitude", f"longitude: expected -180 to 180 degrees, got {lon!r}", path=path
        )


def measure_loops(loops: Loops, *, slack_m: float = 0.0) -> Edges:
    """Return the edges of ``loops``, which keep every limit.

    Args:
        slack_m: By how much lengths may be beyond; edges may then be half as long as the shortest, too.

    Raises:
        InvalidVolume: They do not; says which vertex or edge, and where.
    """
    _check_counts(loops)
    for path, vertices in zip(loops.paths, loops.vertices, strict=True):
        for place, vertex in enumerate(vertices):
            check_position(vertex, f"{path}[{place}]")
    edges = measure_edges(loops.vertices)
    _check_edges(loops, edges, slack_m)
    return edges


def measure_edges(loops: Sequence[Sequence[Position]]) -> Edges:
    """Return the edges of closed curves, unchecked."""
    table = np.array([vertex for loop in loops for vertex in loop], dtype=np.float64)
    lat, lon = table[:, 0].copy(), table[:, 1].copy()
    to = np.arange(1, len(lat) + 1)
    ends = np.cumsum([len(loop) for loop in loops])
    to[ends - 1] = np.concatenate(([0], ends[:-1]))
    azimuth, _, length_m = measure_lines(lat, lon, lat[to], lon[to])
    return Edges(lat, lon, azimuth, length_m)


def _check_counts(loops: Loops) -> None:
    total = sum(len(loop) for loop in loops.vertices)
    for words, path, loop in zip(loops.words, loops.paths, loops.vertices, strict=True):
        if words and len(loop) < 3:
            raise InvalidVolume(
                "vertex-count", f"{words}: expected 3 vertices or more, got {len(loop)}", path=path
            )
    if not 3 <= total <= MAX_VERTICES:
        over = " over all rings" if len(loops.vertices) > 1 else ""
        raise InvalidVolume(
            "vertex-count", f"outline: expected 3 to {MAX_VERTICES} vertices{over}, got {total}"
        )


def _check_edges(loops: Loops, edges: Edges, slack_m: float) -> None:
    lat_deg, lon_deg, length_m = edges.lat_deg, edges.lon_deg, edges.length_m
    short = np.flatnonzero(length_m < (MIN_EDGE_M / 2 if slack_m else MIN_EDGE_M))
    if len(short):
        edge = int(short[0])
        loop, place = loops.find(edge)
        first = edge - place
        first, second = sorted((edge, first + (place + 1) % len(loops.vertices[loop])))
        raise InvalidVolume(
            "vertices-coincide",
            f"outline: expected distinct vertices, got {loops.say('vertex', first, second)} both near"
            f" {lat_deg[first]:.6f}, {lon_deg[first]:.6f}",
            path=loops.path(first),
        )
    long = np.flatnonzero(length_m > MAX_EXTENT_M + slack_m)
    if len(long):
        edge = int(long[0])
        raise InvalidVolume(
            "edge-too-long",
            f"{loops.say('edge', edge)}: expected <= {MAX_EXTENT_M / 1000:.0f} km (towards the antipode the"
            f" shortest line is not unique), got {length_m[edge] / 1000:.0f} km from"
            f" {lat_deg[edge]:.6f}, {lon_deg[edge]:.6f}",
            path=loops.path(edge),
        )
    perimeter_m = float(length_m.sum())
    if perimeter_m > MAX_PERIMETER_M + slack_m * len(length_m):
        raise InvalidVolume(
            "too-long",
            f"outline: expected edges of together <= {MAX_PERIMETER_M / 1000:.0f} km,"
            f" got {perimeter_m / 1000:.0f} km",
        )
    # Two vertices of one closed loop are at most half its length apart.
    if len(loops.vertices) > 1 or perimeter_m / 2 > MAX_EXTENT_M:
        _check_extent(loops, lat_deg, lon_deg, slack_m)


def _check_extent(loops: Loops, lat_deg: Floats, lon_deg: Floats, slack_m: float) -> None:
    points = points_from_normals(surface_normals(lat_deg, lon_deg))
    if math.dist(points.min(axis=0), points.max(axis=0)) <= _WIDE_CHORD_M:
        return
    square = np.einsum("ij,ij->i", points, points)
    for start in range(0, len(points), _ROWS):
        rows = slice(start, start + _ROWS)
        chord_2 = square[rows, None] + square - 2 * (points[rows] @ points.T)
        for row in np.flatnonzero(chord_2.max(axis=1) > _WIDE_CHORD_M**2).tolist():
            first = start + row
            far = np.flatnonzero(chord_2[row] > _WIDE_CHORD_M**2)
            here = lat_deg[first] + np.zeros(len(far)), lon_deg[first] + np.zeros(len(far))
            away_m = measure_lines(*here, lat_deg[far], lon_deg[far])[2]
            worst = int(away_m.argmax())
            second = int(far[worst])
            if away_m[worst] > MAX_EXTENT_M + slack_m:
                raise InvalidVolume(
                    "too-wide",
                    f"outline: expected vertices <= {MAX_EXTENT_M / 1000:.0f} km apart (beyond, inside and"
                    f" outside are hard to tell), got {away_m[worst] / 1000:.0f} km between"
                    f" {loops.say('vertex', first, second)}, from {lat_deg[first]:.6f}, {lon_deg[first]:.6f}"
                    f" to {lat_deg[second]:.6f}, {lon_deg[second]:.6f}",
                    path=loops.path(second),
                )
