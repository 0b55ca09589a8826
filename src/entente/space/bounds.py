"""Cheap, conservative rejection: what certainly does not conflict.

What it is for: most pairs are far apart in time, height or place; a few comparisons say so before the
exact rule is asked. An index may propose pairs in any way it likes as long as it rejects no more than
these do.

Invariants: never True for two volumes that the exact rule finds in conflict. Every cap is taken over the
densified edges and so holds their bulge, the poles and both sides of the antimeridian.

It does not find conflicts.

    >>> is_apart(a, b, Separation(lateral_m=5000.0))
    False
"""

from __future__ import annotations

import math
from datetime import timedelta
from typing import Final

from entente.space.heights import HeightBand
from entente.space.nearest import SLACK_M
from entente.space.outline import Outline
from entente.space.volume import Separation, Volume
from entente.space.window import Window

HEIGHT_SLACK_M: Final = 1e-6
"""Heights in metres are sums of roundings; a micron keeps equal ones equal."""
_MICROSECOND: Final = timedelta(microseconds=1)


def time_gap_us(a: Window, b: Window) -> int:
    """Return the microseconds between two windows: negative by as much as they overlap."""
    return (max(a.start_utc, b.start_utc) - min(a.end_utc, b.end_utc)) // _MICROSECOND


def is_apart_in_time(a: Window, b: Window, time_s: float) -> bool:
    """Return whether the windows, half-open, keep ``time_s``: a gap equal to it is enough."""
    return time_gap_us(a, b) >= time_s * 1e6


def vertical_gap_m(a: HeightBand, b: HeightBand) -> float:
    """Return the metres between two bands: 0 or less where they meet."""
    floor_m = max(_low(a), _low(b))
    ceiling_m = min(_high(a), _high(b))
    return floor_m - ceiling_m


def is_apart_in_height(a: HeightBand, b: HeightBand, vertical_m: float) -> bool:
    """Return whether the bands, closed, keep more than ``vertical_m``: a gap equal to it is not enough."""
    return vertical_gap_m(a, b) > vertical_m + HEIGHT_SLACK_M


def is_apart_on_ground(a: Outline, b: Outline, lateral_m: float) -> bool:
    """Return whether the caps around two outlines are more than ``lateral_m`` apart, straight through."""
    reach_m = a.ring.cap_chord_m + a.margin_m + b.ring.cap_chord_m + b.margin_m + lateral_m
    return math.dist(a.ring.cap_centre, b.ring.cap_centre) > reach_m + 2 * SLACK_M


def is_apart(a: Volume, b: Volume, separation: Separation) -> bool:
    """Return True only if the volumes certainly keep the separation."""
    return (
        is_apart_in_time(a.window, b.window, separation.time_s)
        or is_apart_in_height(a.heights, b.heights, separation.vertical_m)
        or is_apart_on_ground(a.outline, b.outline, separation.lateral_m)
    )


def _low(band: HeightBand) -> float:
    return -math.inf if band.floor_m is None else band.floor_m


def _high(band: HeightBand) -> float:
    return math.inf if band.ceiling_m is None else band.ceiling_m
