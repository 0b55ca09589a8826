"""Outlines out of well-known binary: compiled, or, without a compiler, by GEOS.

What it is for: a million outlines of twenty corners are 320 MB of WKB; making objects of them takes seconds.

Invariants:
  * Point, LineString, Polygon and MultiPolygon, in either byte order. A third coordinate is passed over: the
    height of a volume is its band. Anything else is an error, with the row and what is wrong.
  * Positions are rounded to 1e-7 degree as on the wire; a coordinate that is none is an error.
  * Both ways give the same arrays.

It does not know heights, times or columns; whether edges cross is asked in `entente.screening.outlines`.

    >>> decode_wkb(data, offsets)
    Shapes(...)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from entente.space.bulk.compiled import HAS_COMPILER, Array, Number, compiled, inlined

Ints = NDArray[np.int64]

POINT: Final = 1
LINE: Final = 2
POLYGON: Final = 3
MULTIPOLYGON: Final = 6

FAULTS: Final = (
    "",
    "whole WKB, got one that is cut short or longer than it says",
    "a Point, LineString, Polygon or MultiPolygon",
    "a geometry that is not empty",
    "a ring whose last position repeats the first",
    "a ring of 4 positions or more, the last repeating the first",
    "longitude -180 to 180 and latitude -90 to 90 degrees, in this order",
    "a line of 2 positions or more",
)
_CUT: Final = 1
_KIND: Final = 2
_EMPTY: Final = 3
_OPEN: Final = 4
_SHORT: Final = 5
_RANGE: Final = 6
_LINE: Final = 7
_PLAIN: Final = 13
"""Bytes before the positions of a polygon of one ring: order, kind, rings, positions."""
_MOST: Final = 1 << 24
"""Positions in one ring: far beyond what an outline may have, and no number that overflows."""


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Outlines as a table's columns; see `VolumeTable`. ``kinds`` is the WKB number of each geometry."""

    ring_of: Ints
    vertex_of: Ints
    is_hole: NDArray[np.bool_]
    points_e7: NDArray[np.int32]
    kinds: NDArray[np.int8]


class BadShape(Exception):
    """Row ``row`` is no outline: expected ``expected``."""

    def __init__(self, row: int, expected: str) -> None:
        super().__init__(row, expected)
        self.row = row
        self.expected = expected


def decode_wkb(data: NDArray[np.uint8], offsets: NDArray[np.integer]) -> Shapes:
    """Return the outlines that ``data`` holds, row i from ``offsets[i]`` up to ``offsets[i + 1]``.

    Raises:
        BadShape: One is no outline.
    """
    if not HAS_COMPILER:
        return _decode_with_geos(data, offsets)
    count = len(offsets) - 1
    size = int(offsets[-1] - offsets[0])
    # As many as could be in so many bytes; what is not used is never touched.
    ring_of, kinds = np.zeros(count + 1, dtype=np.int64), np.zeros(count, dtype=np.int8)
    vertex_of = np.zeros(size // 21 + 2, dtype=np.int64)
    is_hole = np.zeros(size // 21 + 2, dtype=np.bool_)
    points = np.empty((size // 8 + 2, 2), dtype=np.int32)
    bounds = offsets.astype(np.int64)
    # A double may begin at any byte: one array in which each place is the double that begins there.
    doubles: NDArray[np.float64] = np.ndarray(
        (max(0, len(data) - 7),), dtype="<f8", buffer=data if len(data) else None, strides=(1,)
    )
    scratch = np.empty(1)
    row, fault = fill_shapes(data, doubles, bounds, ring_of, kinds, vertex_of, is_hole, points, scratch)
    if fault:
        raise BadShape(int(row), FAULTS[fault])
    rings = int(ring_of[-1])
    return Shapes(ring_of, vertex_of[: rings + 1], is_hole[:rings], points[: int(vertex_of[rings])], kinds)


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
    """Read a count of positions and the positions; return where it goes on, how many, and the fault."""
    if at + 4 > stop:
        return at, 0, _CUT
    size = read_count(data, at, is_little)
    at += 4
    if size > _MOST or at + size * width > stop:
        return at, 0, _CUT
    if size < least:
        return at, 0, _LINE if least == 2 else _SHORT
    if not read_positions(data, doubles, at, size, width, is_little, scratch, points, to):
        return at, 0, _RANGE
    return at + size * width, size, 0


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
        return at, rings, _CUT
    loops = read_count(data, at, is_little)
    at += 4
    if loops == 0:
        return at, rings, _EMPTY
    for loop in range(loops):
        to = vertex_of[rings]
        at, size, fault = read_loop(data, doubles, at, stop, width, is_little, 4, scratch, points, to)
        if fault > 0:
            return at, rings, fault
        last = to + size - 1
        if points[to, 0] != points[last, 0] or points[to, 1] != points[last, 1]:
            return at, rings, _OPEN
        vertex_of[rings + 1] = last
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
        return 0, rings, _CUT
    if kind == POINT:
        if at + width != stop:
            return kind, rings, _CUT
        is_good = read_positions(data, doubles, at, 1, width, is_little, scratch, points, to)
        vertex_of[rings + 1] = to + 1
        return kind, rings + 1, 0 if is_good else _RANGE
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
            return kind, rings, _CUT
        parts = read_count(data, at, is_little)
        at += 4
        if parts == 0:
            return kind, rings, _EMPTY
        for _ in range(parts):
            is_little, inner, width, at = read_head(data, at, stop)
            if inner != POLYGON:
                return kind, rings, _CUT
            at, rings, fault = read_area(
                data, doubles, at, stop, width, is_little, rings, vertex_of, is_hole, points, scratch
            )
            if fault > 0:
                return kind, rings, fault
    else:
        return kind, rings, _KIND
    return kind, rings, _CUT if fault == 0 and at != stop else fault


@compiled
def fill_shapes(
    data: Array,
    doubles: Array,
    offsets: Array,
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
        ring_of, kinds: Of n rows. vertex_of, is_hole, points: with room for all that there can be.
        scratch: float64, room for one.

    Returns:
        The row that is at fault and which of `FAULTS`; (n, 0) if none is.
    """
    rings = 0
    count = len(offsets) - 1
    flat = points.reshape(-1)
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
            for _ in range(size):
                lon, lat = doubles[place], doubles[place + np.uint64(8)]
                is_good &= (abs(lon) <= 180.0) & (abs(lat) <= 90.0)
                lat_e7, lon_e7 = np.int32(np.rint(lat * 1e7)), np.int32(np.rint(lon * 1e7))
                is_rare |= (lon_e7 == 1_800_000_000) | (lat_e7 == 900_000_000) | (lat_e7 == -900_000_000)
                flat[target] = lat_e7
                flat[target + np.uint64(1)] = lon_e7
                target += np.uint64(2)
                place += np.uint64(16)
            if not is_good:
                return row, _RANGE
            last = to + size - 1
            if is_rare:
                respell(points, to, size)
            if points[to, 0] != points[last, 0] or points[to, 1] != points[last, 1]:
                return row, _OPEN
            vertex_of[rings + 1] = last
            rings += 1
            kinds[row] = POLYGON
        else:
            kind, rings, fault = read_shape(
                data, doubles, at, stop, rings, vertex_of, is_hole, points, scratch
            )
            if fault > 0:
                return row, fault
            kinds[row] = kind
        ring_of[row + 1] = rings
    return count, 0


def _decode_with_geos(data: NDArray[np.uint8], offsets: NDArray[np.integer]) -> Shapes:
    """Do what `fill_shapes` does, a geometry at a time."""
    raw = data.tobytes()
    ring_of, vertex_of = [0], [0]
    is_hole: list[bool] = []
    points: list[NDArray[np.int32]] = []
    kinds = np.zeros(len(offsets) - 1, dtype=np.int8)
    for row in range(len(offsets) - 1):
        try:
            shape = shapely.from_wkb(raw[int(offsets[row]) : int(offsets[row + 1])])
        except shapely.errors.GEOSException as error:
            text = str(error)
            is_ring = "closed" in text or "IllegalArgument" in text
            raise BadShape(row, FAULTS[_OPEN if is_ring else _CUT]) from error
        name = shape.geom_type
        if name not in _KINDS:
            raise BadShape(row, FAULTS[_KIND])
        if shape.is_empty:
            raise BadShape(row, FAULTS[_EMPTY if name in {"Polygon", "MultiPolygon"} else _RANGE])
        kinds[row] = _KINDS[name]
        for loop, hole in _list_loops(shape):
            points.append(_round_positions(loop, row))
            vertex_of.append(vertex_of[-1] + len(loop))
            is_hole.append(hole)
        ring_of.append(len(is_hole))
    return Shapes(
        np.array(ring_of, dtype=np.int64),
        np.array(vertex_of, dtype=np.int64),
        np.array(is_hole, dtype=np.bool_),
        np.concatenate(points) if points else np.zeros((0, 2), dtype=np.int32),
        kinds,
    )


_KINDS: Final = {"Point": POINT, "LineString": LINE, "Polygon": POLYGON, "MultiPolygon": MULTIPOLYGON}


def _list_loops(shape: shapely.Geometry) -> list[tuple[NDArray[np.float64], bool]]:
    """Return each ring's positions, the first not repeated, and whether it is a hole."""
    if isinstance(shape, shapely.Point):
        return [(shapely.get_coordinates(shape), False)]
    if isinstance(shape, shapely.LineString):
        there = shapely.get_coordinates(shape)
        return [(np.concatenate((there, there[-2:0:-1])), False)]
    areas = list(shape.geoms) if isinstance(shape, shapely.MultiPolygon) else [shape]
    found = []
    for area in areas:
        found.append((shapely.get_coordinates(area.exterior)[:-1], False))
        found += [(shapely.get_coordinates(hole)[:-1], True) for hole in area.interiors]
    return found


def _round_positions(loop: NDArray[np.float64], row: int) -> NDArray[np.int32]:
    if not bool(((np.abs(loop[:, 0]) <= 180.0) & (np.abs(loop[:, 1]) <= 90.0)).all()):
        raise BadShape(row, FAULTS[_RANGE])
    return round_positions(loop[:, 1], loop[:, 0])


def round_positions(lat_deg: NDArray[np.float64], lon_deg: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return positions in 1e-7 degree, spelt as on the wire, shape (n, 2)."""
    lat, lon = np.rint(lat_deg * 1e7).astype(np.int64), np.rint(lon_deg * 1e7).astype(np.int64)
    lon = np.where(lon == 1_800_000_000, -1_800_000_000, lon)
    lon = np.where(np.abs(lat) == 900_000_000, 0, lon)
    return np.stack((lat, lon), axis=1).astype(np.int32)
