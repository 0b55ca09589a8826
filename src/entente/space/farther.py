"""The gap of far apart rings, by true geodesics: branch and bound over pieces.

What it is for: beyond 50 km the flat bound of `entente.space.nearest` is no longer centimetres; here the
distances are measured along the ellipsoid itself.

Invariants: the result is never more than the true least distance and at most `CLOSE_M` less.

How: let f(s, t) be the distance of a point s metres along one piece and a point t metres along the other,
both from the middle. Its slopes are the cosines of the angles at which the connecting line leaves the
pieces. Gaussian curvature on WGS84 is at most 1 / K^2 with K = 6356.8 km, so no second derivative is
below ``-tan(f / 2K) / K`` (index form, compared with the sphere of radius K). Together:

    f(s, t) >= f(0,0) - h |f_s| - k |f_t| - tan((f + h + k) / 2K) / 2K * (h^2 + k^2)

It does not find candidates; it is given pairs that may hold the least distance.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from entente.space.ellipsoid import (
    SEMI_MINOR_M,
    Floats,
    measure_lines,
    walk_lines,
)
from entente.space.ring import Ring

CLOSE_M: Final = 0.05
"""Where halving stops: the least distance is known to this."""
ROUNDING_M: Final = 1e-6
"""Covers the error of a measured geodesic, 15 nm, and of the sums."""
CHUNK: Final = 4096
"""Pairs measured at a time: bounds memory."""
_BOUND_RADIUS_M: Final = SEMI_MINOR_M
"""K above: sqrt(M N) is least at the equator, where it is exactly the semi-minor axis."""


@dataclass(frozen=True, slots=True, eq=False)
class Span:
    """Pieces by their middles: position, heading, half length."""

    lat_deg: Floats
    lon_deg: Floats
    azimuth_deg: Floats
    half_m: Floats

    def take(self, chosen: NDArray[np.int64] | slice) -> Span:
        """Return some of the pieces."""
        return Span(self.lat_deg[chosen], self.lon_deg[chosen], self.azimuth_deg[chosen], self.half_m[chosen])

    def move(self, step_m: Floats) -> tuple[Floats, Floats, Floats]:
        """Return position and heading ``step_m`` further along each piece."""
        return walk_lines(self.lat_deg, self.lon_deg, self.azimuth_deg, step_m)


def refine_gap(
    a: Ring, mine: NDArray[np.int64], b: Ring, theirs: NDArray[np.int64], reach_m: float
) -> tuple[float, tuple[float, float], tuple[float, float]] | None:
    """Return least distance and where, over the given pairs of pieces; None if above ``reach_m``."""
    stack = [(_span(a, mine), _span(b, theirs))]
    best_m, dropped_m, here, there = math.inf, math.inf, (0.0, 0.0), (0.0, 0.0)
    while stack:
        near, far = stack.pop()
        if len(near.half_m) > CHUNK:
            stack.append((near.take(slice(CHUNK, None)), far.take(slice(CHUNK, None))))
            near, far = near.take(slice(CHUNK)), far.take(slice(CHUNK))
        line_m, least_m = _bound(near, far)
        place = int(line_m.argmin())
        if line_m[place] < best_m:
            best_m = float(line_m[place])
            here = (float(near.lat_deg[place]), float(near.lon_deg[place]))
            there = (float(far.lat_deg[place]), float(far.lon_deg[place]))
        is_open = least_m < best_m - CLOSE_M
        dropped_m = min(dropped_m, float(least_m[~is_open].min(initial=math.inf)))
        open_pairs = np.flatnonzero(is_open & (least_m <= reach_m))
        if len(open_pairs):
            stack.append(_halve(near.take(open_pairs), far.take(open_pairs)))
    # INVARIANT: whatever was dropped is beyond reach, or has a bound of at least best - CLOSE_M.
    found_m = min(best_m, dropped_m) - ROUNDING_M
    return None if found_m > reach_m else (found_m, here, there)


def _span(ring: Ring, pieces: NDArray[np.int64]) -> Span:
    half_m = ring.length_m[pieces] / 2
    whole = Span(ring.lat_deg[pieces], ring.lon_deg[pieces], ring.azimuth_deg[pieces], half_m)
    return Span(*whole.move(half_m), half_m)


def _bound(near: Span, far: Span) -> tuple[Floats, Floats]:
    """Return the distance of the middles, and a lower bound for the whole pieces."""
    ahead, back, line_m = measure_lines(near.lat_deg, near.lon_deg, far.lat_deg, far.lon_deg)
    h, k = near.half_m, far.half_m
    half_angle = (line_m + h + k) / (2 * _BOUND_RADIUS_M)
    slope = h * np.abs(np.cos(np.radians(ahead - near.azimuth_deg)))
    slope += k * np.abs(np.cos(np.radians(back - far.azimuth_deg)))
    sag = np.tan(np.minimum(half_angle, 1.5)) / (2 * _BOUND_RADIUS_M) * (h**2 + k**2)
    plain = h + k  # each metre along a piece changes the distance by at most one metre
    return line_m, line_m - np.where(half_angle < 1.5, np.minimum(plain, slope + sag), plain)


def _halve(near: Span, far: Span) -> tuple[Span, Span]:
    """Cut the longer piece of each pair in two."""
    cut_near = near.half_m >= far.half_m
    return _cut(near, cut_near), _cut(far, ~cut_near)


def _cut(span: Span, chosen: NDArray[np.bool_]) -> Span:
    """Return each piece twice: its two halves where chosen, else as it is."""
    step = np.where(chosen, span.half_m / 2, 0.0)
    half_m = np.where(chosen, span.half_m / 2, span.half_m)
    back, on = span.move(-step), span.move(step)
    lat, lon, azimuth = (np.concatenate(pair) for pair in zip(back, on, strict=True))
    return Span(lat, lon, azimuth, np.concatenate((half_m, half_m)))
