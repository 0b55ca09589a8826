"""What lies in the tables of the conflict index, as both homes in a database read and write it.

Invariants: whole numbers and bytes only; a volume's row in `index_volumes` and those of its cells are made
from the same packed bytes.

It asks nothing of a database: `index_sql`, `index_sqlite` and `index_postgresql` do.

    >>> list_cells(group, volume_id, box, slot.level, slot.duration, slot.cells)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import DBAPICursor

from entente.deconflict.cells import TURN_E4, Box, encode_key
from entente.kernel.errors import StoreError
from entente.space import Volume


class Pending(Protocol):
    """What is written in a transaction of its caller: rows, or an index."""

    def write_to(self, connection: Connection) -> None:
        """Write every change in the caller's transaction."""

    def mark_committed(self) -> None:
        """Forget what was pending: the database has it."""


Inserted = dict[str, tuple[str, list[bytes]]]
"""Objects by name: the group of each, and its volumes, packed."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """One caller's object for `SqlIndex.check_and_insert_many`."""

    object: str
    volumes: tuple[Volume, ...]
    reach_m: float = 0.0


@dataclass(frozen=True, slots=True)
class IndexChanges:
    """What was changed up to a moment: objects, and what of them stands. Any thread may write it, once."""

    names: list[str]
    inserted: Inserted
    write: Callable[[Connection, list[str], Inserted], None]

    def write_to(self, connection: Connection) -> None:
        """Write it in the caller's transaction."""
        if self.names:
            self.write(connection, self.names, self.inserted)


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object's volumes are: ids from the first on."""

    group: str
    first_id: int
    volumes: int


Found = tuple[int, str, int, bytes]
"""A volume as it lies in the database: id, object, ordinal, packed."""


def list_bounds(box: Box) -> tuple[int, ...]:
    """Return what the filter of a question is given: see `FILTER`."""
    return (
        *(box.start_s, box.ceiling_m, box.floor_m, box.north, box.south),
        *(box.east, box.west, box.east + TURN_E4, box.west + TURN_E4, box.east - TURN_E4, box.west - TURN_E4),
    )


@dataclass(frozen=True, slots=True)
class Ahead:
    """What was fetched with the locks: for each box what it meets (None: ask); places and numbers by object.

    Empty or None: nothing was fetched.
    """

    pages: list[list[Found] | None]
    places: dict[str, Place] | None
    numbers: dict[str, tuple[int, int]]


NOTHING_AHEAD: Final = Ahead([], None, {})


def read_value(cursor: DBAPICursor) -> Any:  # noqa: ANN401 - what the column holds
    """Return the first column of the next row, or None."""
    row = cursor.fetchone()
    return None if row is None else row[0]


class AskAgainError(Exception):
    """What a question was asked with has changed meanwhile. Never leaves this room."""


def say_damage(expected: str) -> StoreError:
    """Return the error for an index that contradicts itself."""
    return StoreError(
        "bad-index", f"conflict index: expected {expected}: make it again (entente center rebuild)"
    )


def list_cells(
    group: int, volume_id: int, box: Box, level: int, duration: int, cells: tuple[int, ...]
) -> list[tuple[object, ...]]:
    """Return the rows of a volume in `index_cells`."""
    bounds = (box.end_s, box.floor_m, box.ceiling_m, box.south, box.west, box.north, box.east)
    return [(encode_key(group, level, duration, cell), box.start_s, volume_id, *bounds) for cell in cells]
