"""Sheaves: rows that were put together, differ in one field, and have not been changed since, kept as one.

What every party owes for one message is a row a party, and nearly always the same in all of them until a
party answers. Written one by one they were the greater part of what a center of many parties wrote
(docs/adr/0017-rows-alike-are-kept-as-one.md).

Invariants:
  * A row is either in a sheaf or stored by itself, never both: who changes a row draws it out.
  * A sheaf is a row of a table of its own, ``<table>/alike``, by the hash that all its rows share. It is
    never removed; drawn empty, nothing selects it.
  * Which rows are in a sheaf follows from the puts and their order alone, not from when they were committed.

`sql_rows` alone uses it.

    >>> sheaf = make_sheaf(receipt, ["ru", "us"])
    >>> [row.party for row in sheaf.list_rows()]
    ['ru', 'us']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, cast

import msgspec

from entente.kernel.rows import Row, differ_in

ALIKE: str = "/alike"
"""What the name of a sheaf's table ends with."""


class Sheaf(Row, frozen=True):
    """Rows that are as ``row``, one for each of ``values``. `sheaf_of` makes the type for a type of rows."""

    row: Any
    values: tuple[str, ...]

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


def make_sheaf(row: Row, values: Sequence[str]) -> Sheaf:
    """Return the sheaf of rows as ``row``, one for each value."""
    return sheaf_of(type(row))(row=row, values=tuple(sorted(set(values))))


@cache
def sheaf_of(row: type[Row]) -> type[Sheaf]:
    """Return the type of the sheaves of a type of rows."""
    if row.ALIKE is None:
        raise TypeError(f"table {row.TABLE!r}: expected a type of rows with ALIKE fields")
    indexed = tuple(field for field in row.INDEXED if field not in row.ALIKE)
    made = msgspec.defstruct(
        f"{row.__name__}Sheaf",
        [("row", row), ("values", tuple[str, ...])],
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
