"""Sheaves: rows that were put together, differ in one field, and have not been changed since, kept as one.

What every party owes for one message is a row a party, and nearly always the same in all of them until a
party answers. Written one by one they were the greater part of what a center of many parties wrote
(docs/adr/0017-rows-alike-are-kept-as-one.md).

Invariants:
  * A row is either in a sheaf or stored by itself, never both: who changes a row draws it out.
  * A sheaf is a row of a table of its own, ``<table>/alike``, by the hash that all its rows share. It is
    never removed; drawn empty, nothing selects it.
  * Which rows are in a sheaf, and its number, follow from the puts and their order alone, not from when they
    were committed.
  * Sheaves are numbered, and for each value it is written down in which blocks of numbers one still holds it.
    Who asks for the rows of one value reads those blocks and no others: that somebody else never answers
    costs him nothing (`SheafPlaces`).

`sql_rows` alone uses it.

    >>> sheaf = make_sheaf(receipt, ["ru", "us"], 7)
    >>> [row.party for row in sheaf.list_rows()]
    ['ru', 'us']
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final, cast

import msgspec
from sqlalchemy import Select, bindparam, func, literal_column, select

from entente.kernel.rows import Row, differ_in
from entente.store.sql import Database, PreparedMany
from entente.store.tables import SHEAF_PLACES, SHEAVES

ALIKE: Final = "/alike"
"""What the name of a sheaf's table ends with."""
BLOCK: Final = 128
"""Numbers in a block. A place for each sheaf would be a row for each party and message again."""
_FIRST: Final[Any] = SHEAF_PLACES.c.block * literal_column(str(BLOCK))
_FIND: Final = select(SHEAVES.c.key).where(
    SHEAF_PLACES.c.tbl == bindparam("t"),
    SHEAF_PLACES.c.value == bindparam("v"),
    SHEAVES.c.number.between(_FIRST, _FIRST + literal_column(str(BLOCK - 1))),
    SHEAVES.c.tbl == SHEAF_PLACES.c.tbl,
)
_FIND_LAST: Final = select(func.max(SHEAVES.c.number))
_FIND_BLOCK: Final = select(SHEAVES.c.key).where(
    SHEAVES.c.number.between(bindparam("first"), bindparam("last")), SHEAVES.c.tbl == bindparam("t")
)


class Sheaf(Row, frozen=True):
    """Rows that are as ``row``, one for each of ``values``. `sheaf_of` makes the type for a type of rows."""

    row: Any
    values: tuple[str, ...]
    number: int

    def key(self) -> str:
        """Return the hash that the rows share."""
        return cast("str", getattr(self.row, self.row.ALIKE[0]))

    def find(self, value: str) -> Row | None:
        """Return the row of one value, or None where it is not, or no longer, in the sheaf."""
        if value not in self.values:
            return None
        return cast("Row", msgspec.structs.replace(self.row, **{differ_in(self.row): value}))

    def list_rows(self, equals: str | None = None) -> Iterator[Row]:
        """Yield the rows by key; only the one of the value ``equals`` if that is given."""
        for value in self.values if equals is None else (equals,):
            found = self.find(value)
            if found is not None:
                yield found

    def draw(self, value: str) -> Sheaf:
        """Return the sheaf without one row."""
        return msgspec.structs.replace(self, values=tuple(one for one in self.values if one != value))


def make_sheaf(row: Row, values: Sequence[str], number: int) -> Sheaf:
    """Return the sheaf of rows as ``row``, one for each value."""
    return sheaf_of(type(row))(row=row, values=tuple(sorted(set(values))), number=number)


@cache
def sheaf_of(row: type[Row]) -> type[Sheaf]:
    """Return the type of the sheaves of a type of rows."""
    if row.ALIKE is None:
        raise TypeError(f"table {row.TABLE!r}: expected a type of rows with ALIKE fields")
    indexed = tuple(field for field in row.INDEXED if field not in row.ALIKE)
    made = msgspec.defstruct(
        f"{row.__name__}Sheaf",
        [("row", row), ("values", tuple[str, ...]), ("number", int)],
        bases=(Sheaf,),
        frozen=True,
        namespace={
            "TABLE": row.TABLE + ALIKE,
            "INDEXED": indexed,
            **{field: property(_make_getter(field)) for field in indexed},
        },
    )
    return cast("type[Sheaf]", made)


def _make_getter(field: str) -> Any:  # noqa: ANN401 - a property's function
    # An empty sheaf has no state that anyone asks for.
    return lambda sheaf: getattr(sheaf.row, field) if sheaf.values else ""


def split_key(key: str) -> tuple[str, str]:
    """Return the hash and the value that a row's key is made of."""
    shared, _, value = key.partition(":")
    return shared, value


class SheafPlaces:
    """In which blocks the sheaves of each value are, in a database. One thread uses an object."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._prepared = {one: database.prepare(one) for one in (_FIND, _FIND_BLOCK, _FIND_LAST)}
        self._put = database.prepare_upsert(SHEAVES)
        self._add = database.prepare_upsert(SHEAF_PLACES)
        self._drop = database.prepare_delete(SHEAF_PLACES)
        self._last: int | None = None
        self._written: dict[str, tuple[int, set[str]]] = {}

    def draw_number(self) -> int:
        """Return the number of the next sheaf."""
        if self._last is None:
            self._last = self._database.find_value(self._prepared[_FIND_LAST]) or 0
        self._last += 1
        return self._last

    def forget(self) -> None:
        """Forget what was written last: another process has written, or may have."""
        self._last = None
        self._written.clear()

    def list_keys(self, table: str, value: str) -> list[str]:
        """Return the keys of the stored sheaves in the blocks in which some hold a value."""
        return self._ask(_FIND, {"t": table, "v": value})

    def plan(
        self,
        table: str,
        stored: Mapping[str, Row],
        now: Mapping[str, Row],
        find: Callable[[list[str]], Iterable[Sheaf]],
    ) -> list[tuple[PreparedMany, list[tuple[object, ...]]]]:
        """Return what to write of where the values of sheaves are, ``stored`` and put ``now``, both by key.

        Args:
            find: Gives sheaves as they are now, by key.
        """
        sheaves: list[tuple[object, ...]] = []
        added: dict[tuple[int, str], None] = {}
        drawn: dict[int, set[str]] = {}
        for key, sheaf in now.items():
            if not isinstance(sheaf, Sheaf):
                continue
            before, block = stored.get(key), sheaf.number // BLOCK
            if isinstance(before, Sheaf):
                drawn.setdefault(block, set()).update(set(before.values).difference(sheaf.values))
                continue
            sheaves.append((sheaf.number, table, key))
            newest, known = self._written.get(table, (-1, set()))
            if newest != block:
                newest, known = self._written[table] = (block, set())
            for value in sheaf.values:
                if value not in known:
                    known.add(value)
                    added[block, value] = None
        dropped: list[tuple[int, str]] = []
        for block, values in drawn.items():
            first = block * BLOCK
            keys = self._ask(_FIND_BLOCK, {"first": first, "last": first + BLOCK - 1, "t": table})
            fresh = [key for _, _, key in sheaves if isinstance(key, str) and key not in keys]
            left = values.difference(
                *(one.values for one in find(keys + fresh) if one.number // BLOCK == block)
            )
            dropped += [(block, value) for value in sorted(left)]
            if self._written.get(table, (-1,))[0] == block:
                self._written[table][1].difference_update(left)
        gone = set(dropped)
        rows = [(table, value, block) for block, value in added if (block, value) not in gone]
        return [
            (self._put, sheaves),
            (self._add, [*sorted(rows)]),
            (self._drop, [(table, value, block) for block, value in dropped]),
        ]

    def _ask(self, question: Select[Any], given: Mapping[str, object]) -> list[Any]:
        prepared = self._prepared[question]
        return [one for (one,) in self._database.find_rows(prepared, *(given[at] for at in prepared.names))]
