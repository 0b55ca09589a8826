"""An outline's boundary, cut into short pieces of its true edges, ready to be compared.

What it is for: `Ring` is what the exact rule works on. A polygon's ring goes round its edges; a region's
goes round each of its loops, one after the other; a circle's is one piece of length 0, its centre; a lane's
runs along its line and back.

Invariants:
  * Every point in ``starts`` lies on the geodesic edge it belongs to; a piece is at most `PIECE_M` long.
  * A piece stays within half its length of the middle of its chord; so each sphere in ``levels`` holds
    everything below it.
  * Piece i ends where piece ``follow[i]`` starts; each loop closes by itself.
  * ``cap_centre`` and ``cap_chord_m``: no point of the ring is farther from the centre, straight through
    the Earth.

It does not check that edges do not cross: see `entente.space.simple` and `entente.space.nesting`.

    >>> ring = ring_around(((34.0, 40.0), (34.0, 41.0), (35.0, 40.0)))
    >>> len(ring.starts) > 3
    True
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from entente.space.ellipsoid import (
    Floats,
    points_from_normals,
    surface_normals,
    surface_point,
    to_latlon,
    walk_lines,
)
from entente.space.loops import Edges, Position, measure_edges

PIECE_M: Final = 5000.0
"""Longest piece. Its arc rises 0.49 m above its chord, and leaves the plane through the chord and the
Earth's centre by at most 1.7 mm (docs/adr/0003)."""
FAN_OUT: Final = 8
"""Pieces per sphere, spheres per larger sphere."""
TOP: Final = 24
"""Spheres at the coarsest level, at most."""


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """Spheres that each hold a run of consecutive pieces."""

    centres: Floats
    radii_m: Floats
    marks: Floats
    """One point of the ring inside each sphere."""


@dataclass(frozen=True, slots=True, eq=False)
class Ring:
    """A boundary in m pieces. The arrays cannot be written to."""

    lat_deg: Floats
    lon_deg: Floats
    azimuth_deg: Floats
    """Where each piece starts, and its heading there."""
    length_m: Floats
    edge: NDArray[np.int64]
    """The outline's edge (edge i goes from vertex i to the next of its loop) that each piece is cut from."""
    follow: NDArray[np.int64]
    """The piece that each piece runs into."""
    loops: NDArray[np.int64]
    """The first piece of each loop."""
    outers: NDArray[np.int64]
    """The first piece of each loop that is not a hole: of each part."""
    is_area: bool
    """Whether it bounds an area: neither a point nor a line there and back."""
    starts: Floats
    ends: Floats
    normals: Floats
    """Surface normal at the middle of each piece."""
    levels: tuple[Level, ...]
    """Finest first; ``levels[0]`` has one sphere per piece."""
    cap_centre: tuple[float, float, float]
    cap_chord_m: float


def ring_of_point(lat_deg: float, lon_deg: float) -> Ring:
    """Return the ring that is one point."""
    alone = np.zeros(1, dtype=np.int64)
    return _finish(
        np.array([lat_deg]),
        np.array([lon_deg]),
        np.zeros(1),
        np.zeros(1),
        alone,
        (alone, alone),
        is_area=False,
    )


def ring_around(vertices: Sequence[Position]) -> Ring:
    """Return the ring through ``vertices`` (latitude, longitude in degrees), closed by itself."""
    return cut_edges(measure_edges((vertices,)))


def cut_edges(
    edges: Edges,
    loops: NDArray[np.int64] | None = None,
    outers: NDArray[np.int64] | None = None,
    *,
    is_area: bool = True,
) -> Ring:
    """Return the ring of the measured edges, cut into equal pieces of at most `PIECE_M`.

    Args:
        loops: The first edge of each loop; one loop if left out.
        outers: The first edge of each loop that is not a hole; every loop if left out.
    """
    count = np.maximum(1, np.ceil(edges.length_m / PIECE_M).astype(np.int64))
    edge = np.repeat(np.arange(len(count)), count)
    begin = np.cumsum(count) - count
    piece_m = (edges.length_m / count)[edge]
    lat, lon, azimuth = edges.lat_deg[edge], edges.lon_deg[edge], edges.azimuth_deg[edge]
    if len(edge) > len(count):
        step = np.arange(len(edge)) - begin[edge]
        inner = step > 0
        lat[inner], lon[inner], azimuth[inner] = walk_lines(
            lat[inner], lon[inner], azimuth[inner], step[inner] * piece_m[inner]
        )
    loops = np.zeros(1, dtype=np.int64) if loops is None else begin[loops]
    outers = loops if outers is None else begin[outers]
    return _finish(lat, lon, azimuth, piece_m, edge, (loops, outers), is_area=is_area)


def _finish(
    lat_deg: Floats,
    lon_deg: Floats,
    azimuth_deg: Floats,
    length_m: Floats,
    edge: NDArray[np.int64],
    begin: tuple[NDArray[np.int64], NDArray[np.int64]],
    *,
    is_area: bool,
) -> Ring:
    loops, outers = begin
    follow = np.arange(1, len(edge) + 1)
    follow[np.append(loops[1:], len(edge)) - 1] = loops
    stands = surface_normals(lat_deg, lon_deg)
    starts = points_from_normals(stands)
    ends = starts[follow]
    normals = stands + stands[follow]
    normals /= np.sqrt(np.einsum("ij,ij->i", normals, normals))[:, None]
    middle = (starts.min(axis=0) + starts.max(axis=0)) / 2
    cap_lat, cap_lon = to_latlon(*middle.tolist()) if middle.any() else (0.0, 0.0)
    centre = surface_point(cap_lat, cap_lon)
    away = starts - centre
    # A point inside a piece is at most half a piece from one of its ends.
    cap_chord_m = math.sqrt(float(np.einsum("ij,ij->i", away, away).max())) + float(length_m.max()) / 2
    x, y, z = centre.tolist()
    for array in (
        *(lat_deg, lon_deg, azimuth_deg, length_m, edge, follow, loops, outers),
        *(starts, ends, normals),
    ):
        array.setflags(write=False)
    return Ring(
        lat_deg,
        lon_deg,
        azimuth_deg,
        length_m,
        edge,
        follow,
        loops,
        outers,
        is_area,
        starts,
        ends,
        normals,
        _find_levels(starts, ends, length_m),
        (x, y, z),
        cap_chord_m,
    )


def _find_levels(starts: Floats, ends: Floats, length_m: Floats) -> tuple[Level, ...]:
    # For any point g of a piece from p to q: |g - (p+q)/2| <= (|g-p| + |g-q|) / 2 <= length / 2.
    levels = [Level((starts + ends) / 2, length_m / 2, starts)]
    while len(levels[-1].radii_m) > TOP:
        below = levels[-1]
        count = len(below.radii_m)
        groups = -(-count // FAN_OUT)
        member = np.minimum(np.arange(groups * FAN_OUT), count - 1).reshape(groups, FAN_OUT)
        inside = below.centres[member]
        centres = inside.mean(axis=1)
        away = inside - centres[:, None, :]
        reach = np.sqrt(np.einsum("ijk,ijk->ij", away, away)) + below.radii_m[member]
        levels.append(Level(centres, reach.max(axis=1), below.marks[member[:, 0]]))
    return tuple(levels)
