"""An outline's boundary, cut into short pieces of its true edges, ready to be compared.

What it is for: `Ring` is what the exact rule works on. A polygon's ring goes round its edges; a circle's
ring is one piece of length 0, its centre.

Invariants:
  * Every point in ``starts`` lies on the geodesic edge it belongs to; a piece is at most `PIECE_M` long.
  * A piece stays within half its length of the middle of its chord; so each sphere in ``levels`` holds
    everything below it.
  * ``cap_centre`` and ``cap_chord_m``: no point of the ring is farther from the centre, straight through
    the Earth.

It does not check that edges do not cross: see `entente.space.simple`.

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
    measure_lines,
    points_from_normals,
    surface_normals,
    surface_point,
    to_latlon,
    walk_lines,
)

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
    """The polygon's edge (edge i goes from vertex i to i + 1) that each piece is cut from."""
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
    return _finish(
        np.array([lat_deg]),
        np.array([lon_deg]),
        np.zeros(1),
        np.zeros(1),
        np.zeros(1, dtype=np.int64),
    )


def measure_edges(vertices: Sequence[tuple[float, float]]) -> tuple[Floats, Floats, Floats, Floats]:
    """Return latitude and longitude of the vertices, azimuth and length of the edge after each."""
    table = np.array(vertices, dtype=np.float64)
    lat, lon = table[:, 0].copy(), table[:, 1].copy()
    azimuth, _, length_m = measure_lines(lat, lon, np.roll(lat, -1), np.roll(lon, -1))
    return lat, lon, azimuth, length_m


def ring_around(vertices: Sequence[tuple[float, float]]) -> Ring:
    """Return the ring through ``vertices`` (latitude, longitude in degrees), closed by itself."""
    return cut_edges(*measure_edges(vertices))


def cut_edges(lat_deg: Floats, lon_deg: Floats, azimuth_deg: Floats, length_m: Floats) -> Ring:
    """Return the ring of the measured edges, cut into equal pieces of at most `PIECE_M`."""
    count = np.maximum(1, np.ceil(length_m / PIECE_M).astype(np.int64))
    edge = np.repeat(np.arange(len(count)), count)
    piece_m = (length_m / count)[edge]
    lat, lon, azimuth = lat_deg[edge], lon_deg[edge], azimuth_deg[edge]
    if len(edge) > len(count):
        step = np.arange(len(edge)) - np.repeat(np.cumsum(count) - count, count)
        inner = step > 0
        lat[inner], lon[inner], azimuth[inner] = walk_lines(
            lat[inner], lon[inner], azimuth[inner], step[inner] * piece_m[inner]
        )
    return _finish(lat, lon, azimuth, piece_m, edge)


def _finish(
    lat_deg: Floats, lon_deg: Floats, azimuth_deg: Floats, length_m: Floats, edge: NDArray[np.int64]
) -> Ring:
    stands = surface_normals(lat_deg, lon_deg)
    starts = points_from_normals(stands)
    ends = np.roll(starts, -1, axis=0)
    normals = stands + np.roll(stands, -1, axis=0)
    normals /= np.sqrt(np.einsum("ij,ij->i", normals, normals))[:, None]
    middle = (starts.min(axis=0) + starts.max(axis=0)) / 2
    cap_lat, cap_lon = to_latlon(*middle.tolist()) if middle.any() else (0.0, 0.0)
    centre = surface_point(cap_lat, cap_lon)
    away = starts - centre
    # A point inside a piece is at most half a piece from one of its ends.
    cap_chord_m = math.sqrt(float(np.einsum("ij,ij->i", away, away).max())) + float(length_m.max()) / 2
    x, y, z = centre.tolist()
    for array in (lat_deg, lon_deg, azimuth_deg, length_m, edge, starts, ends, normals):
        array.setflags(write=False)
    return Ring(
        lat_deg,
        lon_deg,
        azimuth_deg,
        length_m,
        edge,
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
