"""Whether two outlines come within reach: the compiled form of the exact rule, with its bounds.

What it is for: a sweep proposes pairs by the hundred thousand; each gets one of three answers in about a
microsecond: `APART`, `MEETS`, or `UNSURE`, which the exact rule then decides. So the answer to every pair is
    the
exact rule's own.

Invariants: with d the distance along the ellipsoid, `MEETS` is said only if d + err <= reach, `APART` only if
d - err > reach, where err holds everything that is approximated here and the exact rule's own tolerance
(`entente.space.overlap.ground_error_m`).

How. Seen from the Earth's centre of normals (each point by its surface normal, projected on the plane that
touches the unit sphere at the pair's middle), great circles are straight lines. One axis is scaled by the
radius of curvature along the meridian there, the other by that across it.

  * A geodesic of L metres leaves the great circle of normals by at most ``L^2 e^2 / 8b``: relative to it its
    curvature is at most ``e^2 / b`` (e the eccentricity, b the semi-minor axis).
  * Lengths in the plane are right to ``0.0102 D / b + 1.2 (D / b)^2`` within D metres of the middle: the
    change of the radii of curvature (at most ``1.5 e^2`` per radian) and the stretch of the projection.
  * Sines and cosines are power series up to 0.35 radian: their error is below a tenth of a millimetre.
  * Two edges surely cross if each end of each lies more than err on its side of the other's line: then
    neither bent edge can slip past the other.
  * Whether a corner lies inside: along its meridian, which is a geodesic, edges are counted. An edge's
    latitude there is known to its bulge; within that, the plane at the corner decides.

Checked against the exact rule in tests/properties/test_bulk_pairs.py.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from entente.space.bulk.boxes import E7_PER_M, HALF_TURN_E7, HIGH_TAN, RAD_E7, TENTH, TURN_E7, low_cos
from entente.space.bulk.compiled import Array, Number, bare, inlined
from entente.space.ellipsoid import ECCENTRICITY_2, SEMI_MAJOR_M, SEMI_MINOR_M

Geometry = tuple[Array, Array, Array, Array, Array]
"""Points, vertex_of, ring_of, is_hole as in `VolumeTable`, and the shapes of `find_boxes`."""
Frame = tuple[Number, Number, float, float, float, float]
Sides = tuple[Number, Number, Number, Number]

APART: Final = 0
MEETS: Final = 1
UNSURE: Final = 2

MAX_SPAN_M: Final = 100_000.0
"""Half across what two boxes have in common: beyond, the plane is too small."""
MAX_REACH_M: Final = 100_000.0
BEND: Final = ECCENTRICITY_2 / (8.0 * SEMI_MINOR_M)
CHANGE: Final = 0.0102 / SEMI_MINOR_M
STRETCH: Final = 1.2 / SEMI_MINOR_M**2
SCRATCH: Final = 4
"""Numbers kept for each edge of the first outline that may come near the second."""


@inlined
def turn_e7(lon_e7: Number) -> Number:
    """Return a difference of longitudes from -180 to 180 degrees."""
    if lon_e7 >= HALF_TURN_E7:
        return lon_e7 - TURN_E7
    if lon_e7 < -HALF_TURN_E7:
        return lon_e7 + TURN_E7
    return lon_e7


@inlined
def flatten(
    up: float, across: float, sin0: float, cos0: float, north_m: float, east_m: float
) -> tuple[float, float]:
    """Return x and y in metres in the plane of a point ``up``, ``across`` radians from its middle."""
    up2 = up * up
    sin_up = up * (1.0 - up2 * (1.0 / 6.0 - up2 * (1.0 / 120.0)))
    cos_up = 1.0 - up2 * (0.5 - up2 * (1.0 / 24.0 - up2 * (1.0 / 720.0)))
    across2 = across * across
    sin_across = across * (1.0 - across2 * (1.0 / 6.0 - across2 * (1.0 / 120.0 - across2 * (1.0 / 5040.0))))
    cos_across = 1.0 - across2 * (
        0.5 - across2 * (1.0 / 24.0 - across2 * (1.0 / 720.0 - across2 * (1.0 / 40320.0)))
    )
    sin_lat = sin0 * cos_up + cos0 * sin_up
    cos_lat = cos0 * cos_up - sin0 * sin_up
    depth = 1.0 / (sin0 * sin_lat + cos0 * cos_lat * cos_across)
    return cos_lat * sin_across * depth * east_m, (
        cos0 * sin_lat - sin0 * cos_lat * cos_across
    ) * depth * north_m


@inlined
def point_to_segment_2(px: float, py: float, ax: float, ay: float, bx: float, by: float) -> float:
    """Return the square of the distance of a point from a segment."""
    dx, dy = bx - ax, by - ay
    ex, ey = px - ax, py - ay
    size = dx * dx + dy * dy
    if size > 0.0:
        part = (ex * dx + ey * dy) / size
        part = min(1.0, max(0.0, part))
        ex -= part * dx
        ey -= part * dy
    return ex * ex + ey * ey


@inlined
def ground_m(reach_m: float) -> float:
    """Return no less than the exact rule's own tolerance (`entente.space.overlap.ground_error_m`)."""
    return 0.005 if reach_m <= 9_000.0 else 0.02 if reach_m <= 49_000.0 else 0.06


@bare
def count_above(lat: Number, lon: Number, points: Array, begin: int, end: int, err_m: float) -> int:
    """Return how many edges of a ring pass north of a corner; -1 if one is within ``err_m`` of it."""
    passed = 0
    lat0 = np.int64(points[end - 1, 0])
    off0 = turn_e7(points[end - 1, 1] - lon)
    for at in range(begin, end):
        lat1 = np.int64(points[at, 0])
        off1 = turn_e7(points[at, 1] - lon)
        # Edges are short: one whose ends lie on both sides of the opposite meridian does not cross this one.
        if (off0 > 0) != (off1 > 0) and abs(off1 - off0) < HALF_TURN_E7:
            dlat, dlon = RAD_E7 * (lat1 - lat0), RAD_E7 * (off1 - off0)
            top = max(abs(lat0), abs(lat1))
            bulge = HIGH_TAN[top // TENTH] * (dlon * dlon + 2.0 * dlat * dlat) * (1.05 / 8.0 / RAD_E7) + 2.0
            over = lat0 - lat + (lat1 - lat0) * (-off0 / (off1 - off0))
            if over > bulge:
                passed += 1
            elif over >= -bulge:
                sin0, cos0 = math.sin(RAD_E7 * lat), math.cos(RAD_E7 * lat)
                x0, y0 = flatten(RAD_E7 * (lat0 - lat), RAD_E7 * off0, sin0, cos0, SEMI_MINOR_M, SEMI_MINOR_M)
                x1, y1 = flatten(RAD_E7 * (lat1 - lat), RAD_E7 * off1, sin0, cos0, SEMI_MINOR_M, SEMI_MINOR_M)
                cross = x0 * y1 - x1 * y0
                if abs(cross) <= 1.01 * err_m * math.hypot(x1 - x0, y1 - y0):
                    return -1
                if (cross < 0.0) == (off1 > off0):
                    passed += 1
        lat0, off0 = lat1, off1
    return passed


@inlined
def outside(lat: Number, lon: Number, south: Number, north: Number, west: Number, east: Number) -> Number:
    """Return past which sides of a rectangle a point lies, a bit each: points with one in common miss it."""
    return (
        np.int32(lat < south)
        | np.int32(lat > north) << 1
        | np.int32(lon < west) << 2
        | np.int32(lon > east) << 3
    )


@bare
def keep_edges(
    points: Array, begin: int, end: int, frame: Frame, sides: Sides, scratch: Array, kept: int
) -> int:
    """Lay the edges of a ring that may come near a rectangle into the plane; return how many are kept now.

    Args:
        frame: (lat0, lon0, sin0, cos0, north_m, east_m): the middle, and metres of a radian there.
        sides: int32, (south, north, west, east) of the rectangle, counted from the middle.
        scratch: float64, written from place ``kept`` on: x, y of both ends.
    """
    lat0, lon0, sin0, cos0, north_m, east_m = frame
    south, north, west, east = sides
    ring = points[begin:end]
    last = len(ring) - 1
    lat = np.int32(ring[last, 0] - lat0)
    lon = np.int32(turn_e7(ring[last, 1] - lon0))
    side = outside(lat, lon, south, north, west, east)
    is_flat = False
    x = y = 0.0
    for at in range(len(ring)):
        next_lat = np.int32(ring[at, 0] - lat0)
        next_lon = np.int32(turn_e7(ring[at, 1] - lon0))
        next_side = outside(next_lat, next_lon, south, north, west, east)
        if side & next_side == 0:
            if not is_flat:
                x, y = flatten(RAD_E7 * lat, RAD_E7 * lon, sin0, cos0, north_m, east_m)
            next_x, next_y = flatten(RAD_E7 * next_lat, RAD_E7 * next_lon, sin0, cos0, north_m, east_m)
            scratch[kept, 0] = x
            scratch[kept, 1] = y
            scratch[kept, 2] = next_x
            scratch[kept, 3] = next_y
            kept += 1
            x, y = next_x, next_y
            is_flat = True
        else:
            is_flat = False
        lat, lon, side = next_lat, next_lon, next_side
    return kept


@bare
def keep_outline(table: Geometry, row: int, frame: Frame, sides: Sides, scratch: Array, kept: int) -> int:
    """Lay the edges of all rings of a volume into the plane, as `keep_edges`."""
    points, vertex_of, ring_of, _is_hole, shapes = table
    if shapes[row, 6] <= 1:
        # By far the most: what it takes stands beside its box.
        begin = shapes[row, 4]
        return keep_edges(points, begin, begin + shapes[row, 5], frame, sides, scratch, kept)
    for ring in range(ring_of[row], ring_of[row + 1]):
        kept = keep_edges(points, vertex_of[ring], vertex_of[ring + 1], frame, sides, scratch, kept)
    return kept


@bare
def compare_edges(scratch: Array, first: int, kept: int, total: int, reach_m: float, err_m: float) -> int:
    """Return what edges ``first`` to ``kept`` say of those from ``kept`` to ``total``, as `decide_pair`."""
    near_m = reach_m + err_m
    near_2 = near_m * near_m
    sure_m = reach_m - err_m
    sure_2 = sure_m * sure_m if sure_m > 0.0 else -1.0
    err_2 = err_m * err_m
    answer = APART
    for at in range(kept, total):
        x, y = scratch[at, 0], scratch[at, 1]
        next_x, next_y = scratch[at, 2], scratch[at, 3]
        low_x, high_x = min(x, next_x) - near_m, max(x, next_x) + near_m
        low_y, high_y = min(y, next_y) - near_m, max(y, next_y) + near_m
        dx, dy = next_x - x, next_y - y
        for other in range(first, kept):
            px, py = scratch[other, 0], scratch[other, 1]
            qx, qy = scratch[other, 2], scratch[other, 3]
            if max(px, qx) < low_x or min(px, qx) > high_x or max(py, qy) < low_y or min(py, qy) > high_y:
                continue
            ex, ey = qx - px, qy - py
            side_p = dx * (py - y) - dy * (px - x)
            side_q = dx * (qy - y) - dy * (qx - x)
            side_s = ex * (y - py) - ey * (x - px)
            side_t = ex * (next_y - py) - ey * (next_x - px)
            if side_p * side_q < 0.0 and side_s * side_t < 0.0:
                if sure_m >= 0.0:
                    return MEETS
                size, other_size = err_2 * (dx * dx + dy * dy), err_2 * (ex * ex + ey * ey)
                if (
                    side_p * side_p > size
                    and side_q * side_q > size
                    and side_s * side_s > other_size
                    and side_t * side_t > other_size
                ):
                    return MEETS
                answer = UNSURE
            elif answer == APART or sure_2 >= 0.0:
                gap_2 = min(
                    point_to_segment_2(px, py, x, y, next_x, next_y),
                    point_to_segment_2(qx, qy, x, y, next_x, next_y),
                    point_to_segment_2(x, y, px, py, qx, qy),
                    point_to_segment_2(next_x, next_y, px, py, qx, qy),
                )
                if gap_2 <= sure_2:
                    return MEETS
                if gap_2 <= near_2:
                    answer = UNSURE
    return answer


@bare
def find_held(table: Geometry, outer: int, inner: int, err_m: float) -> int:
    """Return whether an outer ring of ``inner`` begins inside ``outer``: `MEETS`, `UNSURE`, or `APART`.

    Where boundaries are apart, that says whether the two have anything in common
    (`entente.space.overlap`): a part that lies inside has its outer ring there.
    """
    points, vertex_of, ring_of, is_hole, shapes = table
    if shapes[outer, 6] == 0:
        return APART
    answer = APART
    for ring in range(max(np.int32(1), shapes[inner, 6])):
        if ring > 0:
            place = ring_of[inner] + ring
            if is_hole[place]:
                continue
            first = vertex_of[place]
        else:
            first = np.int64(shapes[inner, 4])
        lat, lon = np.int64(points[first, 0]), np.int64(points[first, 1])
        if lat < shapes[outer, 0] or lat > shapes[outer, 1]:
            continue
        off = lon - shapes[outer, 2]
        if off < 0:
            off += TURN_E7
        if off > np.int64(shapes[outer, 3]) - shapes[outer, 2]:
            continue
        inside = False
        is_sure = True
        for at in range(shapes[outer, 6]):
            if at > 0 or shapes[outer, 6] > 1:
                begin, end = vertex_of[ring_of[outer] + at], vertex_of[ring_of[outer] + at + 1]
            else:
                begin = np.int64(shapes[outer, 4])
                end = begin + shapes[outer, 5]
            passed = count_above(lat, lon, points, begin, end, err_m)
            if passed < 0:
                is_sure = False
                break
            inside ^= passed & 1 == 1
        if not is_sure:
            answer = UNSURE
        elif inside:
            return MEETS
    return answer


@bare
def decide_pair(table: Geometry, a: int, b: int, reach_m: float, scratch: Array) -> int:
    """Return whether two outlines come within ``reach_m``: `APART`, `MEETS` or `UNSURE`.

    Args:
        table: (points, vertex_of, ring_of, is_hole, shapes): see `find_boxes`.
        a, b: Rows in it.
        reach_m: Separation, own reaches and both radii together.
        scratch: float64, shape (k, `SCRATCH`), k at least the vertices of both.
    """
    shapes = table[4]
    if shapes[a, 7] < 0 or shapes[b, 7] < 0 or reach_m > MAX_REACH_M:
        return UNSURE
    longest_a, longest_b = 0.01 * shapes[a, 7], 0.01 * shapes[b, 7]
    # What both boxes have in common, on the second's side of the antimeridian; or what lies between them.
    south, north = max(shapes[a, 0], shapes[b, 0]), min(shapes[a, 1], shapes[b, 1])
    west_a, east_a = np.int64(shapes[a, 2]), np.int64(shapes[a, 3])
    west_b, east_b = np.int64(shapes[b, 2]), np.int64(shapes[b, 3])
    if west_a - west_b > HALF_TURN_E7:
        west_a -= TURN_E7
        east_a -= TURN_E7
    elif west_b - west_a > HALF_TURN_E7:
        west_a += TURN_E7
        east_a += TURN_E7
    west, east = max(west_a, west_b), min(east_a, east_b)
    margin = np.int64(reach_m * E7_PER_M) + 2
    margin_lon = margin
    if reach_m > 0.0:
        margin_lon = np.int64(margin / low_cos(min(max(abs(south), abs(north)) + margin, 899_999_999))) + 2
    if np.int64(south) - north > margin or west - east > margin_lon:
        return APART
    lat0, lon0 = (np.int64(south) + north) // 2, (west + east) // 2
    sin0, cos0 = math.sin(RAD_E7 * lat0), math.cos(RAD_E7 * lat0)
    high = RAD_E7 * (abs(np.int64(north) - south) // 2 + margin) * SEMI_MAJOR_M
    wide = RAD_E7 * (abs(east - west) // 2 + margin_lon) * SEMI_MAJOR_M * min(1.0, cos0 + 0.02)
    span_m = math.sqrt(high * high + wide * wide)
    if span_m > MAX_SPAN_M + 2.0 * reach_m:
        return UNSURE
    span_m += max(longest_a, longest_b)
    err_m = (
        (longest_a * longest_a + longest_b * longest_b) * BEND
        + (span_m * CHANGE + span_m * span_m * STRETCH) * reach_m
        + ground_m(reach_m)
        + 0.002
    )
    bent = 1.0 / (1.0 - ECCENTRICITY_2 * sin0 * sin0)
    east_m = SEMI_MAJOR_M * math.sqrt(bent)
    frame = (lat0, lon0, sin0, cos0, east_m * (1.0 - ECCENTRICITY_2) * bent, east_m)
    # An edge of one matters where it comes within reach of the other's box. Latitudes between an edge's ends
    # may pass them by its bulge, which the boxes hold.
    sides = (
        np.int32(shapes[b, 0] - margin - lat0),
        np.int32(shapes[b, 1] + margin - lat0),
        np.int32(west_b - margin_lon - lon0),
        np.int32(east_b + margin_lon - lon0),
    )
    kept = 0
    kept = keep_outline(table, a, frame, sides, scratch, kept)
    answer = APART
    if kept > 0:
        sides = (
            np.int32(shapes[a, 0] - margin - lat0),
            np.int32(shapes[a, 1] + margin - lat0),
            np.int32(west_a - margin_lon - lon0),
            np.int32(east_a + margin_lon - lon0),
        )
        total = keep_outline(table, b, frame, sides, scratch, kept)
        answer = compare_edges(scratch, 0, kept, total, reach_m, err_m)
        if answer == MEETS:
            return MEETS
    # No sure meeting of boundaries. One may still hold the other.
    held = find_held(table, b, a, err_m)
    if held == MEETS:
        return MEETS
    other_held = find_held(table, a, b, err_m)
    if other_held == MEETS:
        return MEETS
    return max(answer, held, other_held)
