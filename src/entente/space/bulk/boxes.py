"""Boxes round volumes: the numbers that a sweep compares.

What it is for: most pairs are apart in time, height or place; integers that hold each volume say so.

Invariants:
  * A box holds its volume: geodesic edges bulge beyond their ends, so it is widened by more than they can
    (`tan(lat) (cos^2(lat) dlon^2 + 2 dlat^2) / 8`, the second derivative of a great circle's latitude by
    longitude, with a reserve of 5 % for the ellipsoid and for the change of latitude along the edge).
  * `FAR` marks what has no such box: round a pole, beyond 84 degrees, wider than 34 degrees of longitude,
    or with edges of more than 20 km that were not cut. Those are compared by other means.

It knows no grid and no pairs.
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from entente.space.bulk.compiled import Array, Number, compiled, inlined
from entente.space.ellipsoid import SEMI_MAJOR_M, SEMI_MINOR_M, TIGHTEST_RADIUS_M

RAD_E7: Final = math.pi / 1.8e9
"""Radians in 1e-7 degree."""
TURN_E7: Final = 3_600_000_000
HALF_TURN_E7: Final = 1_800_000_000
MAX_LAT_E7: Final = 840_000_000
MAX_WIDTH_E7: Final = 340_000_000
"""So that the end of a box that passes the antimeridian is an int32."""
MAX_EDGE_M: Final = 20_000.0
FAR: Final = np.int32(-1)
E7_PER_M: Final = 1.0 / (TIGHTEST_RADIUS_M * RAD_E7)
"""Units of latitude in a metre, where they are most."""

# Bounds of sine, cosine and tangent for each tenth of a degree, from its lower to its upper end: a look-up
# for each volume instead of a function of a function.
TENTH: Final = 1_000_000
LOW_COS: Final = np.cos(np.radians(np.minimum(np.arange(1, 902) / 10, 90.0)))
HIGH_COS: Final = np.cos(np.radians(np.arange(0, 901) / 10))
HIGH_TAN: Final = np.tan(np.radians(np.minimum(np.arange(1, 902) / 10, 89.9)))


@inlined
def low_cos(lat_e7: Number) -> float:
    """Return no more than the cosine of a latitude."""
    low: float = LOW_COS[abs(lat_e7) // TENTH]
    return low


@inlined
def widest_cos(low_lat: Number, high_lat: Number) -> float:
    """Return no less than the cosine of any latitude between two."""
    return 1.0 if (low_lat < 0) != (high_lat < 0) else HIGH_COS[min(abs(low_lat), abs(high_lat)) // TENTH]


@compiled
def find_wrapped(points: Array, begin: int, end: int) -> tuple[Number, Number]:
    """Return from which to which longitude vertices reach, counted on from the first past 180 degrees."""
    start = np.int64(points[begin, 1])
    low = high = start
    for at in range(begin + 1, end):
        lon = np.int64(points[at, 1])
        if lon - start > HALF_TURN_E7:
            lon -= TURN_E7
        elif start - lon > HALF_TURN_E7:
            lon += TURN_E7
        low = min(low, lon)
        high = max(high, lon)
    return low, high


@compiled
def find_longest(points: Array, vertex_of: Array, first_ring: int, last_ring: int, cos_lat: float) -> float:
    """Return a length in metres that no edge of the rings exceeds."""
    most = 0.0
    for ring in range(first_ring, last_ring):
        begin, end = vertex_of[ring], vertex_of[ring + 1]
        last_lat, last_lon = np.int64(points[end - 1, 0]), np.int64(points[end - 1, 1])
        for at in range(begin, end):
            lat, lon = np.int64(points[at, 0]), np.int64(points[at, 1])
            step = abs(lon - last_lon)
            across = RAD_E7 * min(step, TURN_E7 - step) * cos_lat
            along = RAD_E7 * (lat - last_lat)
            most = max(most, across * across + along * along)
            last_lat, last_lon = lat, lon
    return 1.005 * SEMI_MAJOR_M * math.sqrt(most)


@compiled
def find_boxes(points: Array, vertex_of: Array, ring_of: Array, radius_cm: Array, shapes: Array) -> None:
    """Fill in, for each volume, what a pair needs to know of it before its vertices.

    Args:
        points: int32, shape (m, 2).
        vertex_of, ring_of, radius_cm: int64, as in `VolumeTable`.
        shapes: int32, shape (n, 8), written. 0 to 3: the box of the rings, latitude from, to, longitude
            from, to in 1e-7 degree; the last may pass 180 degrees. 4, 5: first vertex, and number of
            vertices. 6: number of rings; 0 for one that bounds no area, because the volume has a radius. 7:
            centimetres that no edge exceeds, or `FAR`.
    """
    flat = points.reshape(-1)
    for row in range(len(radius_cm)):
        begin, end = vertex_of[ring_of[row]], vertex_of[ring_of[row + 1]]
        # Unsigned places: numba need not ask whether they count from the end.
        at, stop = np.uint64(2 * begin), np.uint64(2 * end)
        low_lat = high_lat = flat[at]
        first_lon = last_lon = flat[at + np.uint64(1)]
        while at < stop:
            lat, lon = flat[at], flat[at + np.uint64(1)]
            low_lat = min(low_lat, lat)
            high_lat = max(high_lat, lat)
            first_lon = min(first_lon, lon)
            last_lon = max(last_lon, lon)
            at += np.uint64(2)
        low_lon, high_lon = np.int64(first_lon), np.int64(last_lon)
        if high_lon - low_lon > HALF_TURN_E7:
            low_lon, high_lon = find_wrapped(points, begin, end)
        top = max(abs(low_lat), abs(high_lat))
        is_far = top > MAX_LAT_E7 or high_lon - low_lon > MAX_WIDTH_E7
        if is_far:
            top = min(top, MAX_LAT_E7)
            high_lon = min(high_lon, low_lon + MAX_WIDTH_E7)
        # An edge spans no more than the box does.
        cos_lat = widest_cos(low_lat, high_lat)
        across = RAD_E7 * (high_lon - low_lon) * cos_lat
        along = RAD_E7 * (np.int64(high_lat) - low_lat)
        length_m = 1.005 * SEMI_MAJOR_M * math.sqrt(across * across + along * along)
        if length_m > MAX_EDGE_M and not is_far:
            length_m = find_longest(points, vertex_of, ring_of[row], ring_of[row + 1], cos_lat)
            is_far = length_m > MAX_EDGE_M
            along = min(length_m, MAX_EDGE_M) / SEMI_MINOR_M
            across = np.float64(along)
        bulge = HIGH_TAN[top // TENTH] * (across * across + 2.0 * along * along) * (1.05 / 8.0 / RAD_E7)
        widen = np.int64(bulge) + 1
        if low_lon < -HALF_TURN_E7:
            low_lon += TURN_E7
            high_lon += TURN_E7
        shapes[row, 0] = low_lat - widen
        shapes[row, 1] = high_lat + widen
        shapes[row, 2] = low_lon
        shapes[row, 3] = high_lon
        shapes[row, 4] = begin
        shapes[row, 5] = end - begin
        shapes[row, 6] = 0 if radius_cm[row] > 0 else ring_of[row + 1] - ring_of[row]
        shapes[row, 7] = FAR if is_far else np.int32(length_m * 100.0) + 1
