"""What share of a disc lies in a cell, in closed form and for many pairs at once.

What it is for: an observer covers a disc, and an event that it sees is equally likely everywhere in it. So
the chance that the event is in a cell is the cell's share of the disc.

The plane: plate carree about the disc's own center, ``x = (lon - lon0) cos(lat0)``, ``y = lat - lat0``, in
radians of the mean Earth. Cells are rectangles in it. A disc over a pole or the antimeridian is cut off at
the edge of the world, and shares are of what remains.

Invariants:
  * Shares of nested cells add up: the children's to the parent's, the world's to 1, to 1e-11.
  * A cell that does not meet the disc has exactly 0; a cell cut by its edge never has 0, however thin the
    part: what can happen must not be judged impossible.

It knows no sphere: a disc of 1 000 km at 60 degrees is a few per cent off on the ground. That is part of the
stated model (docs/formats/release-exposure.md 2.2).

    >>> discs = Discs.of([(0, 0, 100_000)])
    >>> share, is_whole = find_shares(discs, np.array([0]), *(np.array([b]) for b in (0, 0, 3600, 3600)))
    >>> float(share[0])  # a quarter of the disc lies north and east of its center
    0.25
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Flags = NDArray[np.bool_]

EARTH_RADIUS_M: Final = 6_371_008.8
ARCSEC: Final = np.pi / 648_000
"""An arc second in radians."""
_PER_ARCSEC: Final = 10**7
_UNIT: Final = ARCSEC / _PER_ARCSEC
_HALF_TURN: Final = 648_000 * _PER_ARCSEC
_LEAST_COSINE: Final = 1e-9
_LEAST_SHARE: Final = 1e-18
"""Of a part so thin that the closed form loses it."""


@dataclass(frozen=True, slots=True)
class Discs:
    """Discs as arrays: centers, radii in radians, and what of each lies in the world."""

    lat_e7: Ints
    lon_e7: Ints
    radius: Floats
    cosine: Floats
    area: Floats
    """In units of the squared radius: pi, less where the disc is cut off at the edge of the world."""

    @classmethod
    def of(cls, circles: Sequence[tuple[int, int, int]]) -> Discs:
        """Make discs of (latitude, longitude in 1e-7 degree, radius in metres)."""
        table = np.array(circles, dtype=np.int64).reshape(-1, 3)
        lat = np.radians(table[:, 0] / 1e7)
        radius = table[:, 2] / EARTH_RADIUS_M
        cosine = np.maximum(np.cos(lat), _LEAST_COSINE)
        edge = np.pi * cosine / radius
        area = _rectangle(-edge, (-np.pi / 2 - lat) / radius, edge, (np.pi / 2 - lat) / radius)
        return cls(table[:, 0], table[:, 1], radius, cosine, area)

    def __len__(self) -> int:
        return len(self.lat_e7)


def join_discs(parts: Sequence[Discs]) -> Discs:
    """Return all discs of several sets, one after the other."""
    return Discs(
        *(
            np.concatenate([getattr(part, name) for part in parts])
            for name in ("lat_e7", "lon_e7", "radius", "cosine", "area")
        )
    )


def find_shares(
    discs: Discs, disc: Ints, south: Ints, west: Ints, north: Ints, east: Ints
) -> tuple[Floats, Flags]:
    """Return, pair by pair, which share of a disc lies in a cell, and whether the disc covers all of it.

    Args:
        disc: Which disc, by number.
        south, west, north, east: Of the cell, in arc seconds, as `Ladder.bounds_arcsec` gives them.
    """
    radius, cosine = discs.radius[disc], discs.cosine[disc]
    # Whole numbers of 1e-7 arc second: what cells have in common stays the same to the last digit.
    lat, lon = discs.lat_e7[disc] * 3_600, discs.lon_e7[disc] * 3_600
    low, high = ((side * _PER_ARCSEC - lat) * _UNIT / radius for side in (south, north))
    # Cells are at most one turn wide, so that one of them meets the cut opposite the center at most once.
    first = np.mod(west * _PER_ARCSEC - lon + _HALF_TURN, 2 * _HALF_TURN) - _HALF_TURN
    start, end = first * _UNIT, (first + (east - west) * _PER_ARCSEC) * _UNIT
    scale = cosine / radius
    area, is_whole = _cut(start * scale, low, np.minimum(end, np.pi) * scale, high)
    around = np.flatnonzero(end > np.pi)
    if len(around):
        right = np.minimum(end[around] - 2 * np.pi, np.pi) * scale[around]
        more, is_more_whole = _cut(-np.pi * scale[around], low[around], right, high[around])
        area[around] += more
        is_whole[around] &= is_more_whole
    return area / discs.area[disc], is_whole


def _cut(left: Floats, low: Floats, right: Floats, high: Floats) -> tuple[Floats, Flags]:
    """Return the area of rectangles within the unit disc, and whether they lie in it whole."""
    near_x = np.maximum(np.maximum(left, -right), 0.0)
    near_y = np.maximum(np.maximum(low, -high), 0.0)
    far_x, far_y = np.maximum(-left, right), np.maximum(-low, high)
    is_whole = far_x * far_x + far_y * far_y <= 1.0
    is_met = (near_x * near_x + near_y * near_y < 1.0) & (right > left) & (high > low)
    area = np.where(is_whole, (right - left) * (high - low), 0.0)
    cut = np.flatnonzero(is_met & ~is_whole)
    if len(cut):
        # SECURITY: never 0 where the edge passes (tests/unit/test_release_disc.py).
        exact = _rectangle(left[cut], low[cut], right[cut], high[cut])
        area[cut] = np.maximum(exact, _LEAST_SHARE)
    return area, is_whole


def _rectangle(left: Floats, low: Floats, right: Floats, high: Floats) -> Floats:
    """Return the area of rectangles within the unit disc: the integral of their height between its arcs."""
    left, right = np.clip(left, -1.0, 1.0), np.clip(right, -1.0, 1.0)
    return _below(left, right, np.clip(high, -1.0, 1.0)) - _below(left, right, np.clip(low, -1.0, 1.0))


def _below(left: Floats, right: Floats, y: Floats) -> Floats:
    """Return the integral over ``x`` of ``y`` held between the arcs: plus or minus sqrt(1 - x^2)."""
    reach = np.sqrt(1.0 - y * y)
    inner_left, inner_right = np.clip(left, -reach, reach), np.clip(right, -reach, reach)
    middle = y * (inner_right - inner_left)
    outer = (_arc(np.minimum(right, -reach)) - _arc(np.minimum(left, -reach))) + (
        _arc(np.maximum(right, reach)) - _arc(np.maximum(left, reach))
    )
    return middle + np.sign(y) * outer


def _arc(x: Floats) -> Floats:
    """Return the integral of sqrt(1 - x^2)."""
    return 0.5 * (x * np.sqrt(1.0 - x * x) + np.arcsin(x))
