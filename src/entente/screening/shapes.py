"""Outlines as columns: what every way of reading them makes, and where the columns of a whole file stand.

What it is for: outlines come as well-known binary, as GeoArrow's nested lists or out of GeoJSON; each ends in
the same arrays. A million outlines are 160 MB: they are written once, into the arrays that the table keeps.

Invariants:
  * Positions are rounded to 1e-7 degree as on the wire; what is no position is `BadShape`.
  * A place in the room is given once; who has it may fill it in any thread.

It reads nothing itself.

    >>> room = ShapeRoom(rows=2, rings=2, vertices=8)
    >>> outlines.fill(room, room.take(outlines.rows, outlines.rings, outlines.vertices))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

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
CUT: Final = 1
KIND: Final = 2
EMPTY: Final = 3
OPEN: Final = 4
SHORT: Final = 5
RANGE: Final = 6
SHORT_LINE: Final = 7


@dataclass(frozen=True, slots=True, eq=False)
class Shapes:
    """Outlines as a table's columns; see `VolumeTable`. ``kinds`` is the WKB number of each geometry."""

    ring_of: Ints
    vertex_of: Ints
    is_hole: NDArray[np.bool_]
    points_e7: NDArray[np.int32]
    kinds: NDArray[np.int8]

    @property
    def rows(self) -> int:
        """Number of outlines."""
        return len(self.kinds)

    @property
    def rings(self) -> int:
        """Number of rings."""
        return len(self.is_hole)

    @property
    def vertices(self) -> int:
        """Number of vertices."""
        return len(self.points_e7)

    def fill(self, room: ShapeRoom, place: Place) -> None:
        """Fill in a place."""
        room.ring_of[place.row : place.row_end + 1] = self.ring_of + place.ring
        room.vertex_of[place.ring : place.ring_end + 1] = self.vertex_of + place.vertex
        room.kinds[place.row : place.row_end] = self.kinds
        room.is_hole[place.ring : place.ring_end] = self.is_hole
        room.points_e7[place.vertex : place.vertex_end] = self.points_e7


class Outlines(Protocol):
    """Outlines of a batch, counted: whatever they are read from."""

    @property
    def rows(self) -> int:
        """Number of outlines."""

    @property
    def rings(self) -> int:
        """Number of rings."""

    @property
    def vertices(self) -> int:
        """Number of vertices."""

    def fill(self, room: ShapeRoom, place: Place) -> None:
        """Fill in a place of that size; `BadShape` names the first row that is no outline."""


class BadShape(Exception):
    """Row ``row`` is no outline: expected ``expected``."""

    def __init__(self, row: int, expected: str) -> None:
        super().__init__(row, expected)
        self.row = row
        self.expected = expected


@dataclass(frozen=True, slots=True)
class Place:
    """Rows, rings and vertices from one number up to another."""

    row: int
    row_end: int
    ring: int
    ring_end: int
    vertex: int
    vertex_end: int


class ShapeRoom:
    """The columns of all outlines of a file, with room for more than there are yet.

    Args:
        rows, rings, vertices: For how many there is room at first. What is not used takes no memory: the
            system gives a page when it is first written to.
    """

    def __init__(self, rows: int, rings: int, vertices: int) -> None:
        self._used = (0, 0, 0)
        self._room = (rows, rings, vertices)
        self.ring_of: Ints = np.zeros(rows + 1, dtype=np.int64)
        self.kinds: NDArray[np.int8] = np.empty(rows, dtype=np.int8)
        self.vertex_of: Ints = np.zeros(rings + 1, dtype=np.int64)
        self.is_hole: NDArray[np.bool_] = np.zeros(rings, dtype=np.bool_)
        self.points_e7: NDArray[np.int32] = np.empty((vertices, 2), dtype=np.int32)

    def has(self, rows: int, rings: int, vertices: int) -> bool:
        """Return whether so many more fit."""
        more = (rows, rings, vertices)
        return all(used + one <= room for used, one, room in zip(self._used, more, self._room, strict=True))

    def grow(self, rows: int, rings: int, vertices: int) -> None:
        """Make room for so many more, and a half beyond; nobody may be filling a place meanwhile."""
        more = (rows, rings, vertices)
        sizes = [
            max(room, 3 * (used + one) // 2)
            for used, one, room in zip(self._used, more, self._room, strict=True)
        ]
        larger, held = ShapeRoom(*sizes), self.shapes()
        larger.take(held.rows, held.rings, held.vertices)
        held.fill(larger, Place(0, held.rows, 0, held.rings, 0, held.vertices))
        self.ring_of, self.kinds, self.vertex_of = larger.ring_of, larger.kinds, larger.vertex_of
        self.is_hole, self.points_e7 = larger.is_hole, larger.points_e7
        self._used, self._room = larger._used, larger._room

    def take(self, rows: int, rings: int, vertices: int) -> Place:
        """Return the next place of that size; there must be room."""
        if not self.has(rows, rings, vertices):
            raise AssertionError(f"expected room for {rows} rows, {rings} rings, {vertices} vertices")
        row, ring, vertex = self._used
        self._used = (row + rows, ring + rings, vertex + vertices)
        place = Place(row, row + rows, ring, ring + rings, vertex, vertex + vertices)
        # Who fills the next place need not wait for who fills this one.
        self.ring_of[place.row_end] = place.ring_end
        self.vertex_of[place.ring_end] = place.vertex_end
        return place

    def shapes(self) -> Shapes:
        """Return all that was put in, without a copy."""
        rows, rings, vertices = self._used
        return Shapes(
            self.ring_of[: rows + 1],
            self.vertex_of[: rings + 1],
            self.is_hole[:rings],
            self.points_e7[:vertices],
            self.kinds[:rows],
        )


def round_positions(lat_deg: NDArray[np.float64], lon_deg: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return positions in 1e-7 degree, spelt as on the wire, shape (n, 2)."""
    lat, lon = np.rint(lat_deg * 1e7).astype(np.int64), np.rint(lon_deg * 1e7).astype(np.int64)
    lon = np.where(lon == 1_800_000_000, -1_800_000_000, lon)
    lon = np.where(np.abs(lat) == 900_000_000, 0, lon)
    return np.stack((lat, lon), axis=1).astype(np.int32)
