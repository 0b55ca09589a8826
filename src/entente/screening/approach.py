"""When two movers on two legs come within their separation: the exact least distance, at one instant.

What it is for: lanes over-report. One mover passes a place at the beginning of its window, another at the
end; their lanes conflict, they never come near each other.

Invariants:
  * A pair of legs that come within the separation at instants that keep less than its part in time (with 0:
    at one instant) is always found. What is found comes within it, or would with a lateral separation larger
    by at most 0.2 m (chords of 2 km stand for the ground).
  * Pure arithmetic: the same numbers in, the same out.

With times t1 and t2 of both movers as the two axes, what the separation in time and height leaves of their
legs is a convex polygon; the vector from one to the other is linear in both, so its least length over the
polygon is at a corner, on an edge, or at the one point where it is level.

    >>> meet(pairs, *columns, rule, first_us, nearest_m, nearest_us, height_m, is_met)
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from entente.screening.legs import SAGITTA_PER_M2, Legs
from entente.space.bulk.compiled import Array, Number, compiled
from entente.space.ellipsoid import WIDEST_RADIUS_M
from entente.space.volume import Separation

_INSTANT_S: Final = 1e-6
"""What is less apart in time is one instant."""
_HAIR_M: Final = 1e-3
_CORNERS: Final = 16
_HALVINGS: Final = 40


def find_meetings(
    legs: Legs, pairs: NDArray[np.integer], separation: Separation
) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return for each pair of legs: whether they meet, when first, their least distance, when, heights apart.

    Args:
        pairs: Rows of ``legs``, shape (k, 2).
    """
    count = len(pairs)
    is_met = np.zeros(count, dtype=np.bool_)
    first_us, nearest_us = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    nearest_m, height_m = np.zeros(count), np.zeros(count)
    meet(
        np.ascontiguousarray(pairs, dtype=np.int64),
        legs.start_us,
        legs.end_us,
        legs.ends_m,
        legs.heights_m,
        legs.reach_m,
        legs.half_height_m,
        (separation.lateral_m, separation.vertical_m, separation.time_s),
        is_met,
        first_us,
        nearest_m,
        nearest_us,
        height_m,
    )
    return is_met, first_us, nearest_m, nearest_us, height_m


@compiled
def clip(corners: Array, count: int, a: float, b: float, most: float) -> Number:
    """Keep of a convex polygon what has ``a x + b y <= most``; return how many corners it has then.

    A corner that a rounding put beyond the line stays.
    """
    kept = np.empty((_CORNERS, 2))
    found = 0
    reserve = _INSTANT_S * (abs(a) + abs(b))
    for at in range(count):
        x, y = corners[at, 0], corners[at, 1]
        next_x, next_y = corners[(at + 1) % count, 0], corners[(at + 1) % count, 1]
        here, there = a * x + b * y - most, a * next_x + b * next_y - most
        if here <= reserve:
            kept[found, 0] = x
            kept[found, 1] = y
            found += 1
        if (here > reserve) != (there > reserve):
            # Between the line itself and a corner within the reserve of it there is nothing to cut.
            share = min(1.0, max(0.0, here / (here - there)))
            kept[found, 0] = x + share * (next_x - x)
            kept[found, 1] = y + share * (next_y - y)
            found += 1
        if found >= _CORNERS - 1:
            break
    for at in range(found):
        corners[at, 0] = kept[at, 0]
        corners[at, 1] = kept[at, 1]
    return found


@compiled
def find_least(corners: Array, count: int, offset: Array, speed: Array, other: Array, best: Array) -> None:
    """Find where ``offset + speed x - other y`` is shortest over a convex polygon.

    Args:
        offset, speed, other: float64, shape (3,).
        best: float64, shape (3,), written: the square of the length, x, y.
    """
    best[0] = np.inf
    for at in range(count):
        x, y = corners[at, 0], corners[at, 1]
        step_x = corners[(at + 1) % count, 0] - x
        step_y = corners[(at + 1) % count, 1] - y
        along = across = 0.0
        for axis in range(3):
            here = offset[axis] + speed[axis] * x - other[axis] * y
            step = speed[axis] * step_x - other[axis] * step_y
            along -= here * step
            across += step * step
        share = min(1.0, max(0.0, along / across)) if across > 0.0 else 0.0
        consider(x + share * step_x, y + share * step_y, offset, speed, other, best)
    # Where it is level: inside, or not at all.
    xx = xy = yy = ax = ay = 0.0
    for axis in range(3):
        xx += speed[axis] * speed[axis]
        xy -= speed[axis] * other[axis]
        yy += other[axis] * other[axis]
        ax -= offset[axis] * speed[axis]
        ay += offset[axis] * other[axis]
    whole = xx * yy - xy * xy
    if whole > 1e-9 * xx * yy and count > 2:
        x, y = (ax * yy - ay * xy) / whole, (ay * xx - ax * xy) / whole
        is_left = is_right = False
        low_x, high_x, low_y, high_y = np.inf, -np.inf, np.inf, -np.inf
        for at in range(count):
            here_x, here_y = corners[at, 0], corners[at, 1]
            low_x, high_x = min(low_x, here_x), max(high_x, here_x)
            low_y, high_y = min(low_y, here_y), max(high_y, here_y)
            turn = (corners[(at + 1) % count, 0] - here_x) * (y - here_y) - (
                corners[(at + 1) % count, 1] - here_y
            ) * (x - here_x)
            is_left = is_left or turn > 0.0
            is_right = is_right or turn < 0.0
        # A polygon without an area, as at one instant, has all places on its line on neither side.
        is_near = low_x <= x <= high_x and low_y <= y <= high_y
        if is_near and not (is_left and is_right):
            consider(x, y, offset, speed, other, best)


@compiled
def consider(x: float, y: float, offset: Array, speed: Array, other: Array, best: Array) -> None:
    """Take a place if the length is less there."""
    length = 0.0
    for axis in range(3):
        part = offset[axis] + speed[axis] * x - other[axis] * y
        length += part * part
    if length < best[0]:
        best[0] = length
        best[1] = x
        best[2] = y


@compiled
def meet(
    pairs: Array,
    start_us: Array,
    end_us: Array,
    ends_m: Array,
    heights_m: Array,
    reach_m: Array,
    half_height_m: Array,
    rule: tuple[float, float, float],
    is_met: Array,
    first_us: Array,
    nearest_m: Array,
    nearest_us: Array,
    height_m: Array,
) -> None:
    """Fill in what `find_meetings` returns."""
    lateral_m, vertical_m, time_s = rule
    corners, tried = np.empty((_CORNERS, 2)), np.empty((_CORNERS, 2))
    offset, speed, other = np.empty(3), np.empty(3), np.empty(3)
    best, early = np.empty(3), np.empty(3)
    for pair in range(len(pairs)):
        a, b = pairs[pair, 0], pairs[pair, 1]
        base_us = max(start_us[a], start_us[b])
        begin_a, begin_b = (start_us[a] - base_us) * 1e-6, (start_us[b] - base_us) * 1e-6
        until_a, until_b = (end_us[a] - base_us) * 1e-6, (end_us[b] - base_us) * 1e-6
        span_a, span_b = until_a - begin_a, until_b - begin_b
        long_a = long_b = 0.0
        for axis in range(3):
            along_a = ends_m[a, 1, axis] - ends_m[a, 0, axis]
            along_b = ends_m[b, 1, axis] - ends_m[b, 0, axis]
            long_a += along_a * along_a
            long_b += along_b * along_b
            speed[axis] = along_a / span_a
            other[axis] = along_b / span_b
            offset[axis] = (
                ends_m[a, 0, axis] - ends_m[b, 0, axis] - speed[axis] * begin_a + other[axis] * begin_b
            )
        climb_a = (heights_m[a, 1] - heights_m[a, 0]) / span_a
        climb_b = (heights_m[b, 1] - heights_m[b, 0]) / span_b
        level = heights_m[a, 0] - heights_m[b, 0] - climb_a * begin_a + climb_b * begin_b
        keep_m = vertical_m + half_height_m[a] + half_height_m[b] + 1e-6
        away_m = lateral_m + reach_m[a] + reach_m[b]
        # The longest chord that a line of this length can have: none that is within is let go.
        chord_m = 2.0 * WIDEST_RADIUS_M * math.sin(min(1.5, away_m / (2.0 * WIDEST_RADIUS_M)))
        limit = (chord_m + SAGITTA_PER_M2 * (long_a + long_b) + _HAIR_M) ** 2
        corners[0, 0] = corners[3, 0] = begin_a
        corners[1, 0] = corners[2, 0] = until_a
        corners[0, 1] = corners[1, 1] = begin_b
        corners[2, 1] = corners[3, 1] = until_b
        count = clip(corners, 4, 1.0, -1.0, time_s)
        count = clip(corners, count, -1.0, 1.0, time_s)
        count = clip(corners, count, climb_a, -climb_b, keep_m - level)
        count = clip(corners, count, -climb_a, climb_b, keep_m + level)
        is_met[pair] = False
        if count == 0:
            continue
        find_least(corners, count, offset, speed, other, best)
        if best[0] > limit:
            continue
        is_met[pair] = True
        nearest_m[pair] = math.sqrt(best[0])
        nearest_us[pair] = base_us + np.int64(np.rint(max(best[1], best[2]) * 1e6))
        height_m[pair] = abs(level + climb_a * best[1] - climb_b * best[2])
        # First: how early may both clocks be stopped, and they still have met?
        low, high = 0.0, max(best[1], best[2])
        for turn in range(_HALVINGS):
            middle = low if turn == 0 else (low + high) / 2
            for at in range(count):
                tried[at, 0] = corners[at, 0]
                tried[at, 1] = corners[at, 1]
            left = clip(tried, count, 1.0, 0.0, middle)
            left = clip(tried, left, 0.0, 1.0, middle)
            is_early = False
            if left > 0:
                find_least(tried, left, offset, speed, other, early)
                is_early = early[0] <= limit
            if is_early:
                high = middle
                if turn == 0:
                    break
            else:
                low = middle
            if high - low < 5e-7:
                break
        first_us[pair] = base_us + np.int64(np.rint(high * 1e6))
