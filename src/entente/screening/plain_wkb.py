"""Outlines out of well-known binary without a compiler, a geometry at a time.

What it is for: a few outlines, for which numba would take longer to load; and all where there is no numba.

Invariant: the same arrays as the compiled form in `entente.screening.wkb`, or `BadShape` of the same row with
the same words: it walks the same bytes by the same rules.

    >>> decode_plainly(data, offsets)
    Shapes(...)
"""

from __future__ import annotations

import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

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
    Shapes,
    round_positions,
)

Points = NDArray[np.int32]
_POSITION: Final = 16


class _Fault(Exception):
    """What is wrong, as a number of `FAULTS`."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


class _Walk:
    """A geometry's bytes, and how far they were read."""

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.at = 0
        self.order = "<"
        self.width = _POSITION
        self.late = 0
        """What is wrong with a position: said only if the bytes are whole."""

    def read_count(self) -> int:
        if self.at + 4 > len(self.raw):
            raise _Fault(CUT)
        (count,) = struct.unpack_from(f"{self.order}I", self.raw, self.at)
        self.at += 4
        return int(count)

    def read_head(self) -> int:
        """Return the kind of a geometry, and know its byte order and how long a position is."""
        if self.at + 5 > len(self.raw) or self.raw[self.at] > 1:
            raise _Fault(CUT)
        self.order = "<" if self.raw[self.at] else ">"
        self.at += 1
        code = self.read_count()
        # PostGIS's own flags, and the thousands of ISO 13249-3.
        self.width = _POSITION + 8 * (code >> 31 & 1) + 8 * (code >> 30 & 1)
        if code >> 29 & 1:
            self.at += 4
        code &= 0x1FFFFFFF
        if code >= 1000:
            self.width += 8 * (1 if code // 1000 < 3 else 2)
        kind = code % 1000 if code < 4000 else 0
        if kind == 0:
            raise _Fault(CUT)
        return kind

    def read_positions(self, count: int) -> Points:
        if self.at + count * self.width > len(self.raw):
            raise _Fault(CUT)
        there = np.frombuffer(self.raw, f"{self.order}f8", count * self.width // 8, self.at)
        there = there.reshape(count, self.width // 8)
        self.at += count * self.width
        lon, lat = there[:, 0].astype(np.float64), there[:, 1].astype(np.float64)
        if not bool(((np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0)).all()):
            self.late = self.late or RANGE
            return np.zeros((count, 2), dtype=np.int32)
        return round_positions(lat, lon)

    def read_loop(self, least: int, short: int) -> Points:
        count = self.read_count()
        if self.at + count * self.width > len(self.raw):
            raise _Fault(CUT)
        if count < least:
            raise _Fault(short)
        return self.read_positions(count)

    def read_area(self) -> list[Points]:
        """Return the rings of a polygon behind its head."""
        loops = self.read_count()
        if not loops:
            raise _Fault(EMPTY)
        found = []
        for _ in range(loops):
            ring = self.read_loop(4, SHORT)
            if (ring[0] != ring[-1]).any():
                self.late = self.late or OPEN
            found.append(ring[:-1])
        return found


def decode_plainly(data: NDArray[np.uint8], offsets: NDArray[np.integer]) -> Shapes:
    """Return the outlines that ``data`` holds, as `entente.screening.wkb.decode_wkb`."""
    ring_of, vertex_of = [0], [0]
    is_hole: list[bool] = []
    points: list[Points] = []
    kinds = np.zeros(len(offsets) - 1, dtype=np.int8)
    bounds = offsets.tolist()
    for row in range(len(kinds)):
        try:
            kinds[row], parts = _read_shape(_Walk(data[bounds[row] : bounds[row + 1]].tobytes()))
        except _Fault as fault:
            raise BadShape(row, FAULTS[fault.number]) from fault
        for part in parts:
            for place, ring in enumerate(part):
                points.append(ring)
                vertex_of.append(vertex_of[-1] + len(ring))
                is_hole.append(place > 0)
        ring_of.append(len(is_hole))
    return Shapes(
        np.array(ring_of, dtype=np.int64),
        np.array(vertex_of, dtype=np.int64),
        np.array(is_hole, dtype=np.bool_),
        np.concatenate(points) if points else np.zeros((0, 2), dtype=np.int32),
        kinds,
    )


def _read_shape(walk: _Walk) -> tuple[int, list[list[Points]]]:
    """Return a geometry's kind, and the rings of each of its parts."""
    kind = walk.read_head()
    if kind == POINT:
        if walk.at + walk.width != len(walk.raw):
            raise _Fault(CUT)
        parts = [[walk.read_positions(1)]]
    elif kind == LINE:
        there = walk.read_loop(2, SHORT_LINE)
        parts = [[np.concatenate((there, there[-2:0:-1]))]]
    elif kind == POLYGON:
        parts = [walk.read_area()]
    elif kind == MULTIPOLYGON:
        count = walk.read_count()
        if not count:
            raise _Fault(EMPTY)
        parts = []
        for _ in range(count):
            try:
                inner = walk.read_head()
            except _Fault:
                inner = 0
            if inner != POLYGON:
                raise _Fault(CUT)
            parts.append(walk.read_area())
    else:
        raise _Fault(KIND)
    if walk.at != len(walk.raw):
        raise _Fault(CUT)
    if walk.late:
        raise _Fault(walk.late)
    return kind, parts
