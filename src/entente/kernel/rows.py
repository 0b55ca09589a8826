"""Rows: what the record says, in a form that can be asked.

A row is a projection: it can be thrown away and computed again from the record. Rules read rows and
projections write them, through the `Rows` port; they never see a database.

Invariants: a row's key is text and unique in its table; `Rows.select` yields in key order; what was put is
found by the next call of the same caller.

Some rows come many at a time and differ in one field only: what each party owes for one message. Such a type
names its ``ALIKE`` fields, and a home may keep them as one until one of them changes (`Rows.put_alike`).

    class ZoneRow(Row, frozen=True):
        TABLE: ClassVar[str] = "zones"
        INDEXED: ClassVar[tuple[str, ...]] = ("party",)
        zone: str
        party: str
        def key(self) -> str: return self.zone
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar, Protocol, TypeVar

import msgspec

from entente.kernel.errors import NotFound


class Row(msgspec.Struct, frozen=True):
    """A projected value. Subclasses name their table and the text fields that can be selected by.

    ``ALIKE``: the two fields that make the key, ``first:second``, of rows that are put many at a time: a hash
    in hex, and the one in which they differ, which holds no colon.
    """

    TABLE: ClassVar[str] = ""
    INDEXED: ClassVar[tuple[str, ...]] = ()
    ALIKE: ClassVar[tuple[str, str] | None] = None

    def key(self) -> str:
        """Return the row's unique text key; at most 200 characters."""
        raise NotImplementedError


R = TypeVar("R", bound=Row)


class Rows(Protocol):
    """The port through which rules and projections see projected state.

    Durability: none promised by `put`; whoever owns the store commits once per batch, after the
    journal. Order: `select` yields by key, ascending. Absence: `find` gives None. Concurrency: one
    writer; readers of the same object see its uncommitted puts.
    """

    def find(self, row: type[R], key: str) -> R | None:
        """Return the row, or None."""

    def put(self, row: Row) -> None:
        """Insert or replace a row by its key."""

    def put_alike(self, row: Row, values: Sequence[str]) -> None:
        """Insert a row for each of ``values``, as ``row`` but for the second of its ``ALIKE`` fields.

        For rows under a hash that none was put under before; then it is as so many puts.
        """

    def select(
        self, row: type[R], *, after: str = "", limit: int | None = None, **equals: str
    ) -> Iterator[R]:
        """Yield rows whose indexed fields equal the given texts, by key, from beyond ``after``."""


def get_row(rows: Rows, row: type[R], key: str, *, what: str) -> R:
    """Return the row or raise `NotFound` naming ``what``."""
    found = rows.find(row, key)
    if found is None:
        raise NotFound("not-found", f"{what} {key!r}: expected one in the record, found none")
    return found


def differ_in(row: Row) -> str:
    """Return the one field in which rows of this type differ that are put many at a time."""
    if row.ALIKE is None:
        raise TypeError(f"table {row.TABLE!r}: expected a type of rows with ALIKE fields")
    return row.ALIKE[1]


class MemoryRows:
    """Rows in memory: the contract's plainest home, used by tests, audits and small desks."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str, Row]] = {}
        self._indexes: dict[tuple[str, str, str], dict[str, None]] = {}

    def find(self, row: type[R], key: str) -> R | None:
        """Return the row, or None."""
        found = self._tables.get(row.TABLE, {}).get(key)
        return found if isinstance(found, row) else None

    def put(self, row: Row) -> None:
        """Insert or replace a row by its key."""
        key = row.key()
        table = self._tables.setdefault(row.TABLE, {})
        old = table.get(key)
        if old is not None:
            for field in old.INDEXED:
                del self._indexes[row.TABLE, field, getattr(old, field)][key]
        table[key] = row
        for field in row.INDEXED:
            self._indexes.setdefault((row.TABLE, field, getattr(row, field)), {})[key] = None

    def put_alike(self, row: Row, values: Sequence[str]) -> None:
        """Insert a row for each of ``values``."""
        field = differ_in(row)
        for value in values:
            self.put(msgspec.structs.replace(row, **{field: value}))

    def select(
        self, row: type[R], *, after: str = "", limit: int | None = None, **equals: str
    ) -> Iterator[R]:
        """Yield rows whose indexed fields equal the given texts, by key, from beyond ``after``."""
        table = self._tables.get(row.TABLE, {})
        keys: set[str] | None = None
        for field, value in equals.items():
            if field not in row.INDEXED:
                raise ValueError(f"table {row.TABLE!r}: expected an indexed field, got {field!r}")
            matching = self._indexes.get((row.TABLE, field, value), {})
            keys = set(matching) if keys is None else keys & set(matching)
        chosen = sorted(key for key in (table if keys is None else keys) if key > after)
        for key in chosen[:limit]:
            found = table[key]
            if isinstance(found, row):
                yield found
