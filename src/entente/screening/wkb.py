"""Outlines out of well-known binary: compiled, or, for a few or without a compiler, plainly.

What it is for: a million outlines of twenty corners are 320 MB of WKB; making objects of them takes seconds.
They are counted, given a place among the outlines of their whole file, and written there.

Invariants:
  * Point, LineString, Polygon and MultiPolygon, in either byte order. A third coordinate is passed over: the
    height of a volume is its band. Anything else is an error, with the row and what is wrong.
  * Positions are rounded to 1e-7 degree as on the wire; a coordinate that is none is an error.
  * What is counted is what is filled in: both walk the same bytes by the same rules.
  * Both ways, compiled and `plain_wkb`, give the same arrays and the same words.

It does not know heights, times or columns; whether edges cross is asked in `entente.screening.outlines`.

    >>> decode_wkb(data, offsets)
    Shapes(...)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from entente.screening.plain_wkb import decode_plainly
from entente.screening.shapes import (
    CUT,
    EMPTY,
    FAULTS,
    KIND,
    LINE,
    MULTIPOLYGON,
    OPEN,
    POINT,
    POLYGON,
    RANGE,
    SHORT,
    SHORT_LINE,
    BadShape,
    Ints,
    Place,
    ShapeRoom,
    Shapes,
)
from entente.space.bulk.compiled import Array, Number, compiled, inlined, is_worth_compiling

_PLAIN: Final = 13
"""Bytes before the positions of a polygon of one ring: order, kind, rings, positions."""
_MOST: Final = 1 << 24
"""Positions in one ring: far beyond what an outline may have, and no number that overflows."""


@dataclass(frozen=True, slots=True, eq=False)
class Counted:
    """Outlines that were counted: row i from ``bounds[i]`` up to ``bounds[i + 1]``.

    Args:
        rows, rings, vertices: How many there are before the first that is none.
        fault: What is wrong with the row behind these; 0 if they are all.
    """

    data: NDArray[np.uint8]
    bounds: Ints
    rows: int
    rings: int
    vertices: int
    fault: int

    def fill(self, room: ShapeRoom, place: Place) -> None:
        """Fill in what was self.

        Raises:
            BadShape: A row is no outline: the first.
        """
        data = self.data
        # A double may begin at any byte: one array in which each place is the double that begins there.
        doubles: NDArray[np.float64] = np.ndarray(
            (max(0, len(data) - 7),), dtype="<f8", buffer=data if len(data) else None, strides=(1,)
        )
        row, fault = fill_shapes(
            data,
            doubles,
            self.bounds[: self.rows + 1],
            place.ring,
            room.ring_of[place.row : place.row_end + 1],
            room.kinds[place.row : place.row_end],
            room.vertex_of[place.ring : place.ring_end + 1],
            room.is_hole[place.ring : place.ring_end],
            room.points_e7,
            np.empty(2),
        )
        if fault or self.fault:
            raise BadShape(int(row), FAULTS[fault or self.fault])


def decode_wkb(data: NDArray[np.uint8], offsets: NDArray[np.integer]) -> Shapes:
    """Return the outlines that ``data`` holds, row i from ``offsets[i]`` up to ``offsets[i + 1]``.

    Raises:
        BadShape: One is no outline.
    """
    if not is_worth_compiling(len(offsets) - 1):
        return decode_plainly(data, offsets)
    counted = count_wkb(data, offsets)
    room = ShapeRoom(counted.rows, counted.rings, counted.vertices)
    counted.fill(room, room.take(counted.rows, counted.rings, counted.vertices))
    return room.shapes()


def count_wkb(data: NDArray[np.uint8], offsets: NDArray[np.integer]) -> Counted:
    """Return how many rings and vertices there are, up to the first row that is no outline."""
    bounds = offsets.astype(np.int64)
    rows, rings, vertices, fault = count_shapes(data, bounds)
    return Counted(data, bounds, int(rows), int(rings), int(vertices), int(fault))


@inlined
def read_count(data: Array, at: Number, is_little: Number) -> Number:
    """Return the unsigned number of four bytes."""
    a, b = np.int64(data[at]), np.int64(data[at + 1])
    c, d = np.int64(data[at + 2]), np.int64(data[at + 3])
    if is_little:
        return a | b << 8 | c << 16 | d << 24
    return d | c << 8 | b << 16 | a << 24


@compiled
def read_head(data: Array, at: int, stop: int) -> tuple[bool, int, int, int]:
    """Return a geometry's byte order, kind, bytes a position, and where it goes on; kind 0: there is none."""
    if at + 5 > stop or data[at] > 1:
        return False, 0, 0, at
    is_little = data[at] == 1
    code = read_count(data, at + 1, is_little)
    at += 5
    width = 16
    # PostGIS's own flags, and the thousands of ISO 13249-3.
    width += 8 * ((code >> 31) & 1) + 8 * ((code >> 30) & 1)
    if (code >> 29) & 1:
        at += 4
    code &= 0x1FFFFFFF
    if code >= 1000:
        width += 8 * (1 if code // 1000 < 3 else 2)
    kind = code % 1000 if code < 4000 else 0
    return is_little, kind, width, at


@compiled
def count_area(
    data: Array, at: int, stop: int, width: int, is_little: Number, rings: Number, vertices: Number
) -> tuple[int, Number, Number, int]:
    """Walk over a polygon behind its head; return where it goes on, rings and vertices now, and the fault."""
    if at + 4 > stop:
        return at, rings, vertices, CUT
    loops = read_count(data, at, is_little)
    at += 4
    if loops == 0:
        return at, rings, vertices, EMPTY
    for _ in range(loops):
        if at + 4 > stop:
            return at, rings, vertices, CUT
        size = read_count(data, at, is_little)
        at += 4
        if size > _MOST or at + size * width > stop:
            return at, rings, vertices, CUT
        if size < 4:
            return at, rings, vertices, SHORT
        at += size * width
        rings += 1
        vertices += size - 1
    return at, rings, vertices, 0


@compiled
def count_shape(
    data: Array, at: int, stop: int, rings: Number, vertices: Number
) -> tuple[Number, Number, int]:
    """Walk over a whole geometry; return rings and vertices now, and the fault."""
    is_little, kind, width, at = read_head(data, at, stop)
    fault = 0
    if kind == 0:
        return rings, vertices, CUT
    if kind == POINT:
        return rings + 1, vertices + 1, 0 if at + width == stop else CUT
    if kind == LINE:
        if at + 4 > stop:
            return rings, vertices, CUT
        size = read_count(data, at, is_little)
        at += 4
        if size > _MOST or at + size * width > stop:
            return rings, vertices, CUT
        if size < 2:
            return rings, vertices, SHORT_LINE
        at += size * width
        rings += 1
        vertices += 2 * size - 2
    elif kind == POLYGON:
        at, rings, vertices, fault = count_area(data, at, stop, width, is_little, rings, vertices)
    elif kind == MULTIPOLYGON:
        if at + 4 > stop:
            return rings, vertices, CUT
        parts = read_count(data, at, is_little)
        at += 4
        if parts == 0:
            return rings, vertices, EMPTY
        for _ in range(parts):
            is_little, inner, width, at = read_head(data, at, stop)
            if inner != POLYGON:
                return rings, vertices, CUT
            at, rings, vertices, fault = count_area(data, at, stop, width, is_little, rings, vertices)
            if fault > 0:
                return rings, vertices, fault
    else:
        return rings, vertices, KIND
    return rings, vertices, CUT if fault == 0 and at != stop else fault


@compiled
def count_shapes(data: Array, offsets: Array) -> tuple[int, Number, Number, int]:
    """Return how many rows, rings and vertices there are before the first row that is none, and its fault."""
    rings: Number = np.int64(0)
    vertices: Number = np.int64(0)
    for row in range(len(offsets) - 1):
        at, stop = offsets[row], offsets[row + 1]
        # As in `fill_shapes`: what nearly all rows are, without calls.
        size = np.int64(0)
        is_plain = stop - at > _PLAIN and data[at] == 1 and read_count(data, at + 1, 1) == POLYGON
        if is_plain and read_count(data, at + 5, 1) == 1:
            size = read_count(data, at + 9, 1)
        if size >= 4 and _PLAIN + 16 * size == stop - at:
            rings += 1
            vertices += size - 1
            continue
        new_rings, new_vertices, fault = count_shape(data, at, stop, rings, vertices)
        if fault > 0:
            return row, rings, vertices, fault
        rings, vertices = new_rings, new_vertices
    return len(offsets) - 1, rings, vertices, 0


@compiled
def read_double(doubles: Array, data: Array, at: Number, is_little: Number, scratch: Array) -> float:
    """Return the double of eight bytes."""
    if is_little:
        here: float = doubles[at]
        return here
    raw = scratch.view(np.uint8)
    for byte in range(8):
        raw[byte] = data[at + 7 - byte]
    turned: float = scratch[0]
    return turned


@compiled
def respell(points: Array, to: Number, count: Number) -> None:
    """Give positions their one spelling: 180 degrees are -180, and at a pole the longitude is 0."""
    for position in range(to, to + count):
        if points[position, 1] == 1_800_000_000:
            points[position, 1] = -1_800_000_000
        if abs(points[position, 0]) == 900_000_000:
            points[position, 1] = 0


@compiled
def read_positions(
    data: Array,
    doubles: Array,
    at: int,
    count: int,
    width: int,
    is_little: Number,
    scratch: Array,
    points: Array,
    to: int,
) -> bool:
    """Write ``count`` positions as latitude and longitude in 1e-7 degree; return whether all are some."""
    is_good = True
    for position in range(count):
        place = at + position * width
        lon = read_double(doubles, data, place, is_little, scratch)
        lat = read_double(doubles, data, place + 8, is_little, scratch)
        is_good &= (abs(lon) <= 180.0) & (abs(lat) <= 90.0)
        points[to + position, 0] = np.int32(np.rint(lat * 1e7))
        points[to + position, 1] = np.int32(np.rint(lon * 1e7))
    respell(points, to, count)
    return is_good


@compiled
def read_loop(
    data: Array,
    doubles: Array,
    at: int,
    stop: int,
    width: int,
    is_little: Number,
    least: int,
    scratch: Array,
    points: Array,
    to: int,
) -> tuple[int, int, int]:
    """Read a count of positions and the positions; return where it goes on, how many, and the fault.

    Of a ring, which has at least four, the last has to repeat the first, and is not written.
    """
    if at + 4 > stop:
        return at, 0, CUT
    size = read_count(data, at, is_little)
    at += 4
    if size > _MOST or at + size * width > stop:
        return at, 0, CUT
    if size < least:
        return at, 0, SHORT_LINE if least == 2 else SHORT
    is_ring = least > 2
    if not read_positions(data, doubles, at, size - is_ring, width, is_little, scratch, points, to):
        return at, 0, RANGE
    at += (size - is_ring) * width
    if is_ring:
        # Not among the others: behind the last of them another thread may have written its own.
        closing = scratch[1:].view(np.int32).reshape(1, 2)
        if not read_positions(data, doubles, at, 1, width, is_little, scratch, closing, 0):
            return at, 0, RANGE
        if points[to, 0] != closing[0, 0] or points[to, 1] != closing[0, 1]:
            return at, 0, OPEN
        at += width
    return at, size, 0


@compiled
def read_area(
    data: Array,
    doubles: Array,
    at: int,
    stop: int,
    width: int,
    is_little: Number,
    rings: int,
    vertex_of: Array,
    is_hole: Array,
    points: Array,
    scratch: Array,
) -> tuple[int, int, int]:
    """Read a polygon behind its head; return where it goes on, how many rings there are, and the fault."""
    if at + 4 > stop:
        return at, rings, CUT
    loops = read_count(data, at, is_little)
    at += 4
    if loops == 0:
        return at, rings, EMPTY
    for loop in range(loops):
        to = vertex_of[rings]
        at, size, fault = read_loop(data, doubles, at, stop, width, is_little, 4, scratch, points, to)
        if fault > 0:
            return at, rings, fault
        vertex_of[rings + 1] = to + size - 1
        is_hole[rings] = loop > 0
        rings += 1
    return at, rings, 0


@compiled
def read_shape(
    data: Array,
    doubles: Array,
    at: int,
    stop: int,
    rings: int,
    vertex_of: Array,
    is_hole: Array,
    points: Array,
    scratch: Array,
) -> tuple[int, int, int]:
    """Read a whole geometry; return its kind, how many rings there are now, and the fault."""
    is_little, kind, width, at = read_head(data, at, stop)
    to = vertex_of[rings]
    fault = 0
    if kind == 0:
        return 0, rings, CUT
    if kind == POINT:
        if at + width != stop:
            return kind, rings, CUT
        is_good = read_positions(data, doubles, at, 1, width, is_little, scratch, points, to)
        vertex_of[rings + 1] = to + 1
        return kind, rings + 1, 0 if is_good else RANGE
    if kind == LINE:
        at, size, fault = read_loop(data, doubles, at, stop, width, is_little, 2, scratch, points, to)
        for back in range(size - 2):
            points[to + size + back, 0] = points[to + size - 2 - back, 0]
            points[to + size + back, 1] = points[to + size - 2 - back, 1]
        vertex_of[rings + 1] = to + 2 * size - 2
        rings += 1
    elif kind == POLYGON:
        at, rings, fault = read_area(
            data, doubles, at, stop, width, is_little, rings, vertex_of, is_hole, points, scratch
        )
    elif kind == MULTIPOLYGON:
        if at + 4 > stop:
            return kind, rings, CUT
        parts = read_count(data, at, is_little)
        at += 4
        if parts == 0:
            return kind, rings, EMPTY
        for _ in range(parts):
            is_little, inner, width, at = read_head(data, at, stop)
            if inner != POLYGON:
                return kind, rings, CUT
            at, rings, fault = read_area(
                data, doubles, at, stop, width, is_little, rings, vertex_of, is_hole, points, scratch
            )
            if fault > 0:
                return kind, rings, fault
    else:
        return kind, rings, KIND
    return kind, rings, CUT if fault == 0 and at != stop else fault


@compiled
def fill_shapes(
    data: Array,
    doubles: Array,
    offsets: Array,
    first_ring: int,
    ring_of: Array,
    kinds: Array,
    vertex_of: Array,
    is_hole: Array,
    points: Array,
    scratch: Array,
) -> tuple[int, int]:
    """Fill in the columns of `Shapes`.

    Args:
        data: uint8. doubles: float64, the double that begins at each byte. offsets: int64, shape (n + 1,).
        first_ring: Number of the first ring among those of the whole file.
        ring_of, kinds, vertex_of, is_hole: Of these rows and their rings, as they were counted; numbers of
            rings and vertices count through the whole file. points: of the whole file.
        scratch: float64, room for two.

    Returns:
        The row that is at fault and which of `FAULTS`; (n, 0) if none is.
    """
    rings: Number = np.int64(0)
    count = len(offsets) - 1
    flat = points.reshape(-1)
    closing = scratch[1:].view(np.int32).reshape(1, 2)
    for row in range(count):
        at, stop = offsets[row], offsets[row + 1]
        to = vertex_of[rings]
        size = np.int64(0)
        # What nearly all rows are, a polygon of one ring and two numbers a position, is read without calls:
        # they take longer than the positions do.
        is_plain = stop - at > _PLAIN and data[at] == 1 and read_count(data, at + 1, 1) == POLYGON
        if is_plain and read_count(data, at + 5, 1) == 1:
            size = read_count(data, at + 9, 1)
        if size >= 4 and _PLAIN + 16 * size == stop - at:
            is_good, is_rare = True, False
            place, target = np.uint64(at + _PLAIN), np.uint64(2 * to)
            for _ in range(size - 1):
                lon, lat = doubles[place], doubles[place + np.uint64(8)]
                is_good &= (abs(lon) <= 180.0) & (abs(lat) <= 90.0)
                lat_e7, lon_e7 = np.int32(np.rint(lat * 1e7)), np.int32(np.rint(lon * 1e7))
                is_rare |= (lon_e7 == 1_800_000_000) | (lat_e7 == 900_000_000) | (lat_e7 == -900_000_000)
                flat[target] = lat_e7
                flat[target + np.uint64(1)] = lon_e7
                target += np.uint64(2)
                place += np.uint64(16)
            if is_rare:
                respell(points, to, size - 1)
            # Not among the others: behind the last of them another thread may have written its own.
            is_good &= read_positions(data, doubles, at + 16 * size - 3, 1, 16, 1, scratch, closing, 0)
            if not is_good:
                return row, RANGE
            if points[to, 0] != closing[0, 0] or points[to, 1] != closing[0, 1]:
                return row, OPEN
            vertex_of[rings + 1] = to + size - 1
            rings += 1
            kinds[row] = POLYGON
        else:
            kind, rings, fault = read_shape(
                data, doubles, at, stop, rings, vertex_of, is_hole, points, scratch
            )
            if fault > 0:
                return row, fault
            kinds[row] = kind
        ring_of[row + 1] = first_ring + rings
    return count, 0
