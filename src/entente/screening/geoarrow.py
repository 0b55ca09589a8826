"""Outlines out of GeoArrow's nested lists, which GeoParquet 1.1 may hold in place of WKB.

What it is for: coordinates that stand in columns already need no decoding: they are rounded, and the position
that closes a ring is left out.

Invariants: the same arrays as `entente.screening.wkb` makes of the same geometries, or `BadShape` of the
first row that is none; a third coordinate is passed over. Only the lists are looked at before a place is
given; coordinates are read when it is filled.

    >>> list_geoarrow(column, "polygon").fill(room, place)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entente.screening.shapes import (
    EMPTY,
    FAULTS,
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
    round_positions,
)

Floats = NDArray[np.float64]
ENCODINGS: Final = {
    "point": (POINT, 0),
    "linestring": (LINE, 1),
    "polygon": (POLYGON, 2),
    "multipolygon": (MULTIPOLYGON, 3),
}
"""GeoParquet's names of encodings: the kind, and how many lists stand round a position."""


class BadNesting(Exception):
    """The column is not made of lists round structs of x and y, as its encoding says."""


@dataclass(frozen=True, slots=True, eq=False)
class Nested:
    """Outlines whose lists are good.

    Args:
        kind: Of all of them.
        row_of: The row of each ring.
        is_hole: Of each ring.
        loops: Where the positions of each ring begin, and where the last ends.
        lon, lat: Of each position, degrees.
    """

    kind: int
    rows: int
    row_of: Ints
    is_hole: NDArray[np.bool_]
    loops: Ints
    lon: Floats
    lat: Floats

    @property
    def rings(self) -> int:
        """Number of rings."""
        return len(self.row_of)

    @property
    def vertices(self) -> int:
        """Number of vertices, once a ring's last position is left out, and a line has been walked back."""
        positions = int(self.loops[-1])
        if self.kind == LINE:
            return 2 * positions - 2 * self.rings
        return positions - self._closed * self.rings

    @property
    def _closed(self) -> int:
        return int(self.kind in {POLYGON, MULTIPOLYGON})

    def fill(self, room: ShapeRoom, place: Place) -> None:
        """Fill in a place.

        Raises:
            BadShape: A coordinate is none, or a ring is not closed: the first such row.
        """
        lon, lat, loops = self.lon, self.lat, self.loops
        sizes = np.diff(loops)
        is_bad = ~((np.abs(lon) <= 180.0) & (np.abs(lat) <= 90.0))
        points = round_positions(np.where(is_bad, 0.0, lat), np.where(is_bad, 0.0, lon))
        faults = _Faults()
        faults.add(self.row_of[np.searchsorted(loops, np.flatnonzero(is_bad), side="right") - 1], RANGE)
        if self._closed:
            is_open = (points[loops[:-1]] != points[loops[1:] - 1]).any(axis=1)
            faults.add(self.row_of[is_open], OPEN)
            is_kept = np.ones(len(points), dtype=np.bool_)
            is_kept[loops[1:] - 1] = False
            points = points[is_kept]
            sizes = sizes - 1
        elif self.kind == LINE:
            # There, and back again without the two ends.
            long = 2 * sizes - 2
            first = np.repeat(loops[:-1], long)
            step = np.arange(len(first)) - np.repeat(np.cumsum(long) - long, long)
            last = np.repeat(sizes - 1, long)
            points = points[first + np.minimum(step, 2 * last - step)]
            sizes = long
        faults.refuse()
        room.kinds[place.row : place.row_end] = self.kind
        room.points_e7[place.vertex : place.vertex_end] = points
        room.is_hole[place.ring : place.ring_end] = self.is_hole
        room.vertex_of[place.ring + 1 : place.ring_end + 1] = place.vertex + np.cumsum(sizes)
        per_row = np.bincount(self.row_of, minlength=self.rows)
        room.ring_of[place.row + 1 : place.row_end + 1] = place.ring + np.cumsum(per_row)


def list_geoarrow(column: Any, encoding: str) -> Nested:  # noqa: ANN401 - pyarrow
    """Return the outlines of a column without nulls.

    Raises:
        BadShape: A row is empty, or a ring or a line too short.
        BadNesting: The column is not what the encoding says.
    """
    kind, depth = ENCODINGS[encoding]
    rows = len(column)
    bounds = []
    for _ in range(depth):
        if not (pa.types.is_list(column.type) or pa.types.is_large_list(column.type)):
            raise BadNesting
        level = np.asarray(column.offsets.to_numpy(), dtype=np.int64)
        # Of a slice the values are all of the whole: only its own are looked at.
        column = column.values.slice(int(level[0]), int(level[-1] - level[0]))
        bounds.append(level - level[0])
    lon, lat = _read_coordinates(column)
    faults = _Faults()
    row_of, is_hole = np.arange(rows), np.zeros(rows, dtype=np.bool_)
    if kind == POINT:
        return Nested(kind, rows, row_of, is_hole, np.arange(rows + 1), lon, lat)
    # From rows to parts to rings: whose each is, and whether another stands before it in the same part.
    for level in bounds[:-1]:
        sizes = np.diff(level)
        faults.add(row_of[sizes == 0], EMPTY)
        row_of = np.repeat(row_of, sizes)
        is_hole = np.ones(len(row_of), dtype=np.bool_)
        is_hole[(np.cumsum(sizes) - sizes)[sizes > 0]] = False
    loops = bounds[-1]
    short = SHORT_LINE if kind == LINE else SHORT
    faults.add(row_of[np.diff(loops) < (2 if kind == LINE else 4)], short)
    faults.refuse()
    return Nested(kind, rows, row_of, is_hole, loops, lon, lat)


class _Faults:
    """What is wrong, and in which row first."""

    def __init__(self) -> None:
        self._found: list[tuple[int, int]] = []

    def add(self, rows: Ints, fault: int) -> None:
        """Add what is wrong with some rows."""
        if len(rows):
            self._found.append((int(rows.min()), fault))

    def refuse(self) -> None:
        """Raise the first, if there is one."""
        if self._found:
            row, fault = min(self._found)
            raise BadShape(row, FAULTS[fault])


def _read_coordinates(column: Any) -> tuple[Floats, Floats]:  # noqa: ANN401 - pyarrow
    """Return longitude and latitude of every position; NaN where there is none."""
    if pa.types.is_struct(column.type):
        names = {column.type.field(place).name for place in range(column.type.num_fields)}
        if {"x", "y"} <= names:
            parts = column.flatten()
            both = [parts[column.type.get_field_index(name)] for name in ("x", "y")]
            if all(pa.types.is_float64(one.type) for one in both):
                lon, lat = (one.to_numpy(zero_copy_only=False) for one in both)
                return lon, lat
    raise BadNesting
