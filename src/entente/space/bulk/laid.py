"""Outlines laid into the plane of their cell: a first answer about a pair, eight edges at a time.

What it is for: a volume of a busy cell is in several proposed pairs. Its corners are fetched and projected
once, and lie side by side; nearly all pairs are then decided in a third of a microsecond.

Invariants: as those of `entente.space.bulk.decide`, with the same bounds: `MEETS` and `APART` are sure, and
what is `UNSURE` here is asked again there, in the plane of the pair alone. To the bounds there is added

  * what the plane of a cell is wider than that of a pair: everything laid lies within `SPAN_M` of its middle;
  * `ROUNDING_M` for single precision, u = 2^-24: 0.1 m. A coordinate of at most `MAX_AWAY_M` comes out of a
    dozen roundings, most of them of small terms: 8 u of it, 17 mm, two points thus 49 mm. On which side of a
    line a point lies is right to ``4 u P`` with P metres between what is compared, at most twice `SPAN_M`:
    25 mm. Both together are 74 mm.

    How far a point is from an edge's line is right to the same; from a corner, to the 49 mm. Where along the
    edge the point's foot lies matters only squared: near the edge's end it is as far as the corner.

Only single points, and single rings of at most `MOST_EDGES` corners, are laid; all else is left to `decide`.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from entente.space.bulk.boxes import RAD_E7, TURN_E7
from entente.space.bulk.compiled import Array, Number, bare, inlined
from entente.space.bulk.decide import (
    APART,
    BEND,
    CHANGE,
    MEETS,
    STRETCH,
    UNSURE,
    ground_m,
    point_to_segment_2,
)
from entente.space.ellipsoid import ECCENTRICITY_2, SEMI_MAJOR_M

TOGETHER: Final = 8
"""Edges compared at a time."""
MOST_EDGES: Final = 512
POINT: Final = 1
"""Edges of a single point, so to speak: what has others has a multiple of `TOGETHER`."""
ROOM: Final = 1 << 17
"""Corners that are kept laid: a megabyte."""
MAX_AWAY_M: Final = 36_000.0
"""Along each axis: half a cell of the finest level and the largest volume that stands in it."""
SPAN_M: Final = 51_000.0
ROUNDING_M: Final = 0.1
_OTHER_TURN: Final = np.int32(2**32 - TURN_E7)
_FAR_ROUND: Final = np.int32(300_000_000)


@bare
def find_frame(lat0: Number, lon0: Number, frames: Array, place: int) -> None:
    """Fill in the plane that touches the Earth at a place; see `entente.space.bulk.decide.Frame`."""
    sin0, cos0 = math.sin(RAD_E7 * lat0), math.cos(RAD_E7 * lat0)
    bent = 1.0 / (1.0 - ECCENTRICITY_2 * sin0 * sin0)
    east_m = SEMI_MAJOR_M * math.sqrt(bent)
    frames[place, 0], frames[place, 1] = lat0, lon0
    frames[place, 2], frames[place, 3] = sin0, cos0
    frames[place, 4], frames[place, 5] = east_m * (1.0 - ECCENTRICITY_2) * bent, east_m


@inlined
def flatten_near(
    up: Number, across: Number, sin0: Number, cos0: Number, north_m: Number, east_m: Number
) -> tuple[Number, Number]:
    """Return what `entente.space.bulk.decide.flatten` does, for less than 0.02 radian up and 0.1 across.

    All in single precision.
    """
    one, half, sixth, twelfth = (
        np.float32(1.0),
        np.float32(0.5),
        np.float32(1.0 / 6.0),
        np.float32(1.0 / 12.0),
    )
    up2, across2 = up * up, across * across
    sin_up = up - up * up2 * sixth
    # One less the cosine: small, and so known to more places.
    bent = half * up2
    turned = half * across2 * (one - across2 * (twelfth - across2 * np.float32(1.0 / 360.0)))
    sin_across = across - across * across2 * (sixth - across2 * np.float32(1.0 / 120.0))
    cos_lat = cos0 - (cos0 * bent + sin0 * sin_up)
    depth = one / (one - (bent + cos0 * cos_lat * turned))
    return cos_lat * sin_across * depth * east_m, (sin_up + sin0 * cos_lat * turned) * depth * north_m


@bare
def gather_ring(
    points: Array, begin: int, count: int, frames: Array, plane: int, x: Array, y: Array, at: int
) -> int:
    """Lay a ring's corners side by side, in radians from a plane's middle; return how many places it takes.

    A single point takes one.

    Args:
        frames: float64, shape (planes, 6): see `find_frame`.
        x, y: float32, written from place ``at`` on: longitudes and latitudes, those of the first corner again
            until there are one more than a multiple of `TOGETHER`.
    """
    lat0, lon0 = np.int32(frames[plane, 0]), np.int32(frames[plane, 1])
    whole = -(-count // TOGETHER) * TOGETHER if count > 1 else 0
    # Unsigned places: numba need not ask whether they count from the end.
    from_, to = np.uint64(begin), np.uint64(at)
    rad_e7 = np.float32(RAD_E7)
    for one in range(count):
        step = np.uint64(one)
        # An int32 counts round as the Earth does, but for `_OTHER_TURN`.
        across = np.int32(points[from_ + step, 1] - lon0)
        across = np.int32(across + _OTHER_TURN) if across < -_FAR_ROUND else across
        across = np.int32(across - _OTHER_TURN) if across > _FAR_ROUND else across
        x[to + step] = rad_e7 * np.float32(across)
        y[to + step] = rad_e7 * np.float32(np.int32(points[from_ + step, 0] - lat0))
    first_x, first_y = x[to], y[to]
    for one in range(count, whole + 1):
        x[to + np.uint64(one)] = first_x
        y[to + np.uint64(one)] = first_y
    return whole + 1


@bare
def flatten_all(frames: Array, plane: int, x: Array, y: Array, begin: int, end: int) -> None:
    """Lay corners from ``begin`` to ``end``, longitudes and latitudes from the middle, into the plane."""
    sin0, cos0 = np.float32(frames[plane, 2]), np.float32(frames[plane, 3])
    north_m, east_m = np.float32(frames[plane, 4]), np.float32(frames[plane, 5])
    for one in range(begin, end):
        at = np.uint64(one)
        x[at], y[at] = flatten_near(y[at], x[at], sin0, cos0, north_m, east_m)


@bare
def find_bounds(x: Array, y: Array, at: int, whole: int, bounds: Array, place: int) -> Number:
    """Fill in x from, to, y from, to of a laid outline, in whole metres, outward; return whether it is near.

    Near is all that is at most `MAX_AWAY_M` from the middle.
    """
    low_x = high_x = np.int32(x[at])
    low_y = high_y = np.int32(y[at])
    for one in range(at, at + whole):
        x_m, y_m = np.int32(x[np.uint64(one)]), np.int32(y[np.uint64(one)])
        low_x = np.int32(min(low_x, x_m))
        high_x = np.int32(max(high_x, x_m))
        low_y = np.int32(min(low_y, y_m))
        high_y = np.int32(max(high_y, y_m))
    bounds[place, 0], bounds[place, 1] = low_x - 1, high_x + 1
    bounds[place, 2], bounds[place, 3] = low_y - 1, high_y + 1
    return max(-low_x, high_x, -low_y, high_y) < MAX_AWAY_M


@inlined
def less(a: Number, b: Number) -> Number:
    """Return the smaller of two numbers; `min` would ask whether they are numbers, one by one."""
    return a if a < b else b  # noqa: FURB136


@inlined
def more(a: Number, b: Number) -> Number:
    """Return the larger of two numbers."""
    return a if a > b else b  # noqa: FURB136 - as `less`


@bare
def compare_row(
    xs: Array,
    ys: Array,
    at: int,
    whole: int,
    x: Number,
    y: Number,
    next_x: Number,
    next_y: Number,
    near: Number,
    depth: Number,
) -> Number:
    """Return bits about one edge and those of an outline: 1, it surely crosses one; 2, it may come near one.

    Args:
        xs, ys, at, whole: The outline: where it begins, and how many edges it has, those that fill it up
            included. These have no length, and are never said to be near: each ends at a corner of others.
        near: Two edges are apart if a line along one of them keeps them at least this apart.
        depth: They cross if each end of each lies at least this beyond the other's line.
    """
    dx, dy = next_x - x, next_y - y
    # More than the length, and quicker.
    own = abs(dx) + abs(dy)
    own_near, own_depth = near * own, depth * own
    zero = np.float32(0.0)
    bits = np.int32(0)
    for block in range(whole // TOGETHER):
        from_ = np.uint64(at + block * TOGETHER)
        for lane in range(TOGETHER):
            step = from_ + np.uint64(lane)
            px, py = xs[step], ys[step]
            qx, qy = xs[step + np.uint64(1)], ys[step + np.uint64(1)]
            side_p = dx * (py - y) - dy * (px - x)
            side_q = dx * (qy - y) - dy * (qx - x)
            ex, ey = qx - px, qy - py
            side_s = ex * (y - py) - ey * (x - px)
            side_t = ex * (next_y - py) - ey * (next_x - px)
            low, high = less(side_p, side_q), more(side_p, side_q)
            other_low, other_high = less(side_s, side_t), more(side_s, side_t)
            other = abs(ex) + abs(ey)
            other_near, other_depth = near * other, depth * other
            apart = more(more(low, -high) - own_near, more(other_low, -other_high) - other_near)
            over = less(less(high, -low) - own_depth, less(other_high, -other_low) - other_depth)
            bits = np.int32(bits | np.int32(over > zero) | np.int32(np.int32(apart < zero) << np.int32(1)))
    return bits


@bare
def is_inside(xs: Array, ys: Array, at: int, whole: int, x: Number, y: Number) -> Number:
    """Return whether a point lies inside a ring that passes it at a distance."""
    zero, tiny = np.float32(0.0), np.float32(1e-30)
    passed = np.int32(0)
    for block in range(whole // TOGETHER):
        from_ = np.uint64(at + block * TOGETHER)
        for lane in range(TOGETHER):
            step = from_ + np.uint64(lane)
            px, py = xs[step], ys[step]
            qx, qy = xs[step + np.uint64(1)], ys[step + np.uint64(1)]
            rises = qy - py
            side = ((qx - px) * (y - py) - rises * (x - px)) * rises
            # Half-open: a corner belongs to the edge above it.
            over = less(less(y - less(py, qy) + tiny, more(py, qy) - y), side)
            passed = np.int32(passed + np.int32(over > zero))
    return passed & 1 == 1


@bare
def find_gap_2(
    xs: Array, ys: Array, at: int, whole: int, x: Number, y: Number, next_x: Number, next_y: Number
) -> Number:
    """Return the square of the distance of an edge from the nearest of an outline that it does not cross."""
    least = np.float32(np.inf)
    for one in range(whole):
        step = np.uint64(at + one)
        px, py = xs[step], ys[step]
        qx, qy = xs[step + np.uint64(1)], ys[step + np.uint64(1)]
        least = less(least, point_to_segment_2(px, py, x, y, next_x, next_y))
        least = less(least, point_to_segment_2(x, y, px, py, qx, qy))
        least = less(least, point_to_segment_2(next_x, next_y, px, py, qx, qy))
    return least


@inlined
def bound_m(reach_m: float, longest_2: float) -> float:
    """Return what all that is approximated here may make of a distance; see `decide_laid`."""
    return (
        longest_2 * BEND
        + (SPAN_M * CHANGE + SPAN_M * SPAN_M * STRETCH) * reach_m
        + ground_m(reach_m)
        + 0.002
        + ROUNDING_M
    )


@bare
def compare_point(
    xs: Array, ys: Array, at: int, whole: int, x: Number, y: Number, near_2: Number, sure_2: Number
) -> Number:
    """Return bits about a point and an outline: 1, surely near; 2, perhaps near; 4, inside if not near.

    Args:
        xs, ys, at, whole: The outline, as in `compare_row`.
        near_2, sure_2: Squares of how far is perhaps near, and surely.
    """
    zero, tiny = np.float32(0.0), np.float32(1e-30)
    bits = passed = np.int32(0)
    for block in range(whole // TOGETHER):
        from_ = np.uint64(at + block * TOGETHER)
        for lane in range(TOGETHER):
            step = from_ + np.uint64(lane)
            px, py = xs[step], ys[step]
            qx, qy = xs[step + np.uint64(1)], ys[step + np.uint64(1)]
            ex, ey, dx, dy = qx - px, qy - py, x - px, y - py
            # No quotient, and nothing that could branch: the corner is near, or the line is and the point's
            # foot lies on the edge. Edges that fill up have no length, and no foot on them.
            corner_2, size, side = dx * dx + dy * dy, ex * ex + ey * ey, ex * dy - ey * dx
            along, side_2 = ex * dx + ey * dy, side * side
            beside = less(along, size - along)
            meets = more(sure_2 - corner_2, less(beside, sure_2 * size - side_2))
            comes = more(near_2 - corner_2, less(beside, near_2 * size - side_2))
            # As `is_inside`.
            over = less(less(y - less(py, qy) + tiny, more(py, qy) - y), side * ey)
            passed = np.int32(passed + np.int32(over > zero))
            bits = np.int32(bits | np.int32(meets > zero) | np.int32(np.int32(comes > zero) << np.int32(1)))
    return bits | (passed & 1) << 2


@bare
def decide_point(
    xs: Array,
    ys: Array,
    point_at: int,
    at: int,
    whole: int,
    bounds: Array,
    place: int,
    is_area: bool,
    reach_m: float,
    longest_2: float,
) -> int:
    """Return whether a laid point and a laid outline come within ``reach_m``, as `decide_laid`.

    Args:
        point_at: Where the point is laid.
        at, whole, place, is_area: Of the outline; it may be a point, too.
    """
    err_m = bound_m(reach_m, longest_2)
    near, sure = np.float32(reach_m + err_m), np.float32(reach_m - err_m)
    x, y = xs[np.uint64(point_at)], ys[np.uint64(point_at)]
    if (
        bounds[place, 0] > x + near
        or bounds[place, 1] < x - near
        or bounds[place, 2] > y + near
        or bounds[place, 3] < y - near
    ):
        return APART
    near_2, sure_2 = near * near, sure * sure if sure > np.float32(0.0) else np.float32(-1.0)
    if whole == POINT:
        dx, dy = xs[np.uint64(at)] - x, ys[np.uint64(at)] - y
        gap_2 = dx * dx + dy * dy
        return MEETS if gap_2 <= sure_2 else UNSURE if gap_2 <= near_2 else APART
    bits = compare_point(xs, ys, at, whole, x, y, near_2, sure_2)
    if bits & 1:
        return MEETS
    if bits & 2:
        return UNSURE
    return MEETS if is_area and bits & 4 else APART


@bare
def decide_laid(
    xs: Array,
    ys: Array,
    first_at: int,
    first: int,
    second_at: int,
    second: int,
    bounds: Array,
    first_place: int,
    second_place: int,
    is_area: bool,
    is_other_area: bool,
    reach_m: float,
    longest_2: float,
) -> int:
    """Return whether two laid outlines come within ``reach_m``: `APART`, `MEETS` or `UNSURE`.

    Args:
        xs, ys: Corners in the plane; see `gather_ring`.
        first_at, second_at, first, second: Where each begins, and how many edges it has.
        bounds, first_place, second_place: See `find_bounds`.
        is_area, is_other_area: Whether the ring bounds an area: else its edges alone count.
        longest_2: Squares of the longest edges of both, together.
    """
    err_m = bound_m(reach_m, longest_2)
    near = np.float32(reach_m + err_m)
    low_x, high_x = np.float32(bounds[first_place, 0]) - near, np.float32(bounds[first_place, 1]) + near
    low_y, high_y = np.float32(bounds[first_place, 2]) - near, np.float32(bounds[first_place, 3]) + near
    if (
        bounds[second_place, 0] > high_x
        or bounds[second_place, 1] < low_x
        or bounds[second_place, 2] > high_y
        or bounds[second_place, 3] < low_y
    ):
        return APART
    sure_m = reach_m - err_m
    depth = np.float32(err_m if sure_m < 0.0 else 0.0)
    answer = APART
    from_ = np.uint64(second_at)
    next_x, next_y = xs[from_], ys[from_]
    for one in range(1, second + 1):
        x, y = next_x, next_y
        next_x, next_y = xs[from_ + np.uint64(one)], ys[from_ + np.uint64(one)]
        if (
            more(x, next_x) < low_x
            or less(x, next_x) > high_x
            or more(y, next_y) < low_y
            or less(y, next_y) > high_y
        ):
            continue
        bits = compare_row(xs, ys, first_at, first, x, y, next_x, next_y, near, depth)
        if bits & 1:
            return MEETS
        if bits & 2:
            if sure_m < 0.0:
                answer = UNSURE
            else:
                gap_m = math.sqrt(find_gap_2(xs, ys, first_at, first, x, y, next_x, next_y))
                if gap_m <= sure_m:
                    return MEETS
                if gap_m <= reach_m + err_m:
                    answer = UNSURE
    if answer == APART:
        # Boundaries are apart: one may still hold the other, and then any of its corners.
        if is_area and is_inside(xs, ys, first_at, first, next_x, next_y):
            return MEETS
        if is_other_area and is_inside(xs, ys, second_at, second, xs[first_at], ys[first_at]):
            return MEETS
    return answer
