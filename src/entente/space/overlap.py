"""The exact rule: when two volumes conflict.

Two volumes conflict when, widened by the agreed separation, they meet in footprint, height and time at
once (docs/formats/volume.md section 5):

  * time: the gap between the half-open windows is < ``time_s``, or they overlap;
  * height: the gap between the closed bands is <= ``vertical_m``;
  * footprint: the distance of the closed outlines along the ellipsoid is <= ``lateral_m``.

Invariants:
  * No conflict is ever missed: every approximation makes distances smaller.
  * A pair that is reported truly conflicts, or would with a lateral separation larger by
    `ground_error_m`: 5 mm up to 10 km, 2 cm up to 50 km, 6 cm beyond.
  * Symmetric; monotone in each part of the separation; the same everywhere on Earth.

It does not search among many volumes: see the conflict index. Cheap rejection is apart, in `bounds`.

    >>> found = find_conflict(a, b, Separation(lateral_m=5000.0))
    >>> (found.gap_m, found.place) if found else "clear"
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from entente.space.bounds import (
    is_apart,
    time_gap_us,
    vertical_gap_m,
)
from entente.space.ellipsoid import distance_and_bearing, line_from_chord_m, walk_line
from entente.space.heights import HeightBand
from entente.space.inside import is_inside
from entente.space.nearest import FLAT_M, SLACK_M, find_gap
from entente.space.outline import Outline
from entente.space.volume import Separation, Volume
from entente.space.window import Window

EXACT_REACH_M: Final = 3_000_000.0
"""Between the rings of two outlines (a circle's is its centre) distances are centimetres up to here."""
NEAR_M: Final = 10_000.0


@dataclass(frozen=True, slots=True)
class Overlap:
    """Where, when, at which heights and by how much two volumes conflict."""

    window: Window | None
    """The time both have in common; None if they miss each other by ``time_gap_s``."""
    time_gap_s: float
    """Seconds between the windows; 0 when they overlap or touch."""
    heights: HeightBand | None
    """The band both have in common; None if they miss each other by ``vertical_gap_m``."""
    vertical_gap_m: float
    """Metres between the bands; 0 when they meet."""
    gap_m: float
    """Metres between the outlines; 0 when they meet. Never more than the true distance, less by at most
    `ground_error_m`."""
    place: tuple[float, float]
    """A position (latitude, longitude) where they meet, or half-way where they come nearest."""


@dataclass(frozen=True, slots=True)
class Meeting:
    """Where two outlines meet or come nearest."""

    gap_m: float
    place: tuple[float, float]


def ground_error_m(distance_m: float) -> float:
    """Return by how much a distance between rings may fall short of the true one.

    Args:
        distance_m: The distance; for a circle, count it from the centre.
    """
    if distance_m <= NEAR_M:
        return 0.005
    return 0.02 if distance_m <= FLAT_M else 0.06


def find_conflict(a: Volume, b: Volume, separation: Separation) -> Overlap | None:
    """Return how ``a`` and ``b`` conflict under ``separation``, or None if they do not."""
    if is_apart(a, b, separation):
        return None
    met = find_meeting(a.outline, b.outline, separation.lateral_m)
    if met is None:
        return None
    time_us = time_gap_us(a.window, b.window)
    height_m = vertical_gap_m(a.heights, b.heights)
    return Overlap(
        window=_shared_window(a.window, b.window) if time_us < 0 else None,
        time_gap_s=max(0, time_us) / 1e6,
        heights=_shared_band(a.heights, b.heights) if height_m <= 0 else None,
        vertical_gap_m=max(0.0, height_m),
        gap_m=met.gap_m,
        place=met.place,
    )


def is_conflict(a: Volume, b: Volume, separation: Separation) -> bool:
    """Return whether ``a`` and ``b`` conflict under ``separation``."""
    return find_conflict(a, b, separation) is not None


def find_meeting(a: Outline, b: Outline, lateral_m: float) -> Meeting | None:
    """Return where two outlines come within ``lateral_m``, or None: the footprint part of the rule."""
    if _is_later(a, b):
        a, b = b, a  # so that rounding cannot make the answer depend on who asks
    held = _find_held(a, b)
    if held is not None:
        return Meeting(0.0, held)
    # From here on: if the rings are more than SLACK_M apart, neither outline lies in the other.
    margin_m = a.margin_m + b.margin_m
    gap = find_gap(a.ring, b.ring, margin_m + lateral_m)
    if gap is None:
        return None
    # Along the shortest line from ring to ring: halfway between where a ends and where b begins.
    line_m, bearing_deg = distance_and_bearing(*gap.here, *gap.there)
    step_m = (max(line_m - b.margin_m, 0.0) + min(a.margin_m, line_m)) / 2
    return Meeting(max(0.0, gap.least_m - margin_m), walk_line(*gap.here, bearing_deg, step_m))


def distance_m(a: Outline, b: Outline) -> float:
    """Return the distance along the ellipsoid, 0 where they meet; never more than the true one.

    Up to 3000 km between the rings it is less by at most `ground_error_m`. Beyond, it is a lower bound
    from the caps around them, and at least 3000 km less the radii.
    """
    met = find_meeting(a, b, EXACT_REACH_M - a.margin_m - b.margin_m)
    if met is not None:
        return met.gap_m
    chord_m = sum((p - q) ** 2 for p, q in zip(a.ring.cap_centre, b.ring.cap_centre, strict=True)) ** 0.5
    far_m = line_from_chord_m(max(0.0, chord_m - a.ring.cap_chord_m - b.ring.cap_chord_m))
    return max(EXACT_REACH_M, far_m - SLACK_M) - a.margin_m - b.margin_m


def _is_later(a: Outline, b: Outline) -> bool:
    """Return whether ``b`` comes before ``a`` in an order that only looks at what they are."""
    ranks = _rank(a), _rank(b)
    if ranks[0] != ranks[1]:
        return ranks[1] < ranks[0]
    # Two that differ in a few vertices only: rare, and dearer to tell apart.
    return _all_positions(b) < _all_positions(a)


def _rank(outline: Outline) -> tuple[tuple[float, float, float], float, float, tuple[float, float], int]:
    ring = outline.ring
    first = (float(ring.lat_deg[0]), float(ring.lon_deg[0]))
    return ring.cap_centre, ring.cap_chord_m, outline.margin_m, first, len(ring.starts)


def _all_positions(outline: Outline) -> tuple[bytes, bytes]:
    return outline.ring.lat_deg.tobytes(), outline.ring.lon_deg.tobytes()


def _find_held(a: Outline, b: Outline) -> tuple[float, float] | None:
    """Return a first vertex (a centre, a lane's first point) of an outline that lies in the other one.

    The first vertex of every part is asked about, and of no hole. If the boundaries keep apart that finds
    every pair that meets: let part P of one and part Q of the other share a point. The areas within their
    outer loops share it too, and as these loops do not meet, one lies within the other; say that of P
    within that of Q. Then P's first vertex lies in Q, unless it lies in a hole of Q. But then P's outer
    loop, which meets no hole's boundary, lies in that hole as a whole, and with it all of P: P and Q share
    nothing. (Two areas that together cover the globe would be an exception; none is wider than 8000 km.)
    """
    for outer, inner in ((a, b), (b, a)):
        if not outer.ring.is_area:
            continue
        ring = inner.ring
        for first in ring.outers.tolist():
            if is_inside(outer.ring, ring.starts[first]):
                return float(ring.lat_deg[first]), float(ring.lon_deg[first])
    return None


def _shared_window(a: Window, b: Window) -> Window:
    return Window(max(a.start_utc, b.start_utc), min(a.end_utc, b.end_utc))


def _shared_band(a: HeightBand, b: HeightBand) -> HeightBand:
    floors = [band.floor_m for band in (a, b) if band.floor_m is not None]
    ceilings = [band.ceiling_m for band in (a, b) if band.ceiling_m is not None]
    return HeightBand(max(floors, default=None), min(ceilings, default=None))
