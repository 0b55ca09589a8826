"""The conflict index in SQLite: in the database of the rows, written in the same transactions as they.

Invariants: those of `store.index_sql`. `check_and_insert` holds the database's one write lock from its
question to its commit (BEGIN IMMEDIATE), so of two processes one waits and sees what the other inserted.

Why a B-tree and not SQLite's R*Tree: docs/adr/0013-conflict-index.md.

    >>> index = SqliteIndex(open_sqlite(path))
    >>> index.query(volume, Separation(lateral_m=500.0), group="activity")
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Final

from sqlalchemy import Connection, Table
from sqlalchemy.engine.interfaces import DBAPICursor

from entente.deconflict.cells import Box, Search, group_of, place_stem
from entente.store.index_sql import PAGE, Place, SqlIndex, list_bounds, read_value
from entente.store.sql import WRITE_SIZES, PreparedMany, wrap_error
from entente.store.tables import INDEX_STEMS

_FILTER: Final = (
    "end_s >= ?1 AND floor_m <= ?2 AND ceiling_m >= ?3 AND south <= ?4 AND north >= ?5 AND"
    " (west <= ?6 AND east >= ?7 OR west <= ?8 AND east >= ?9 OR west <= ?10 AND east >= ?11)"
)
_BOUNDS: Final = 11
_SIZES: Final = tuple(2**power for power in range(2, 13))
"""Numbers of keys that a question's text has room for: few texts, which the driver keeps ready."""
_MOST_KEYS: Final = _SIZES[-1]
_NO_KEY: Final = -1
_SPAN: Final = (
    "WITH RECURSIVE place(cell) AS (SELECT min(cell) FROM index_cells WHERE cell BETWEEN ?12 AND ?13"  # noqa: S608 - our own words
    " UNION ALL SELECT (SELECT min(cell) FROM index_cells WHERE cell > place.cell AND cell <= ?13)"
    " FROM place WHERE place.cell IS NOT NULL)"
    " SELECT c.id FROM place CROSS JOIN index_cells AS c"
    f" WHERE c.cell = place.cell AND c.start_s BETWEEN ?14 AND ?15 AND {_FILTER}"
)
"""Walks the cells that hold anything, each found from the one before; looks in each as any question does."""


class SqliteIndex(SqlIndex):
    """The conflict index in a `Database` that `open_sqlite` opened."""

    def _prepare_put(self, table: Table) -> PreparedMany:
        # Not by SQLAlchemy: it takes a third of a second for all these texts, at every start.
        names = [column.name for column in table.c]
        question = f"INSERT OR REPLACE INTO {table.name} ({', '.join(names)}) VALUES "  # noqa: S608 - ours
        return _repeat(question, "", len(names))

    def _prepare_drop(self, table: Table) -> PreparedMany:
        keys = [column.name for column in table.primary_key.columns]
        question = f"DELETE FROM {table.name} WHERE ({', '.join(keys)}) IN (VALUES "  # noqa: S608 - our names
        return _repeat(question, ")", len(keys))

    def _find_ids(
        self, connection: Connection, _cursor: DBAPICursor, box: Box, searches: list[Search], _group: str
    ) -> Iterator[list[int]]:
        bounds = list_bounds(box)
        questions = [(one, one.keys) for one in searches if one.keys]
        if sum(len(keys) for _, keys in questions) <= _MOST_KEYS:
            together = [questions] if questions else []
        else:
            together = [
                [(one, keys[start : start + _MOST_KEYS])]
                for one, keys in questions
                for start in range(0, len(keys), _MOST_KEYS)
            ]
        for part in together:
            sizes = tuple(next(size for size in _SIZES if size >= len(keys)) for _, keys in part)
            values = list(bounds)
            for (one, keys), size in zip(part, sizes, strict=True):
                values += (one.first_start_s, one.last_start_s, *keys)
                values += [_NO_KEY] * (size - len(keys))
            yield from self._read_pages(connection, _write_question(sizes), values)
        for one in searches:
            for first, last in one.spans:
                values = [*bounds, first, last, one.first_start_s, one.last_start_s]
                yield from self._read_pages(connection, _SPAN, values)

    def _read_pages(self, connection: Connection, question: str, values: list[int]) -> Iterator[list[int]]:
        # With a cursor of its own: between two pages the volumes of the first are read.
        with self._cursor(connection) as cursor:
            cursor.execute(question, values)
            while rows := cursor.fetchmany(PAGE):
                yield [volume_id for (volume_id,) in rows]
                if len(rows) < PAGE:
                    return

    def _find_volumes(self, cursor: DBAPICursor, ids: list[int]) -> list[tuple[str, int, bytes]]:
        size = next(size for size in _SIZES if size >= len(ids))
        cursor.execute(_write_fetch(size), ids + [_NO_KEY] * (size - len(ids)))
        return list(cursor.fetchall())

    def _find_stems(self, cursor: DBAPICursor, group: str) -> list[int]:
        cursor.execute("SELECT stem FROM index_stems WHERE name = ?", (group,))
        return [stem for (stem,) in cursor.fetchall()]

    def _forget_stems(self, group: str) -> None:
        """Nothing is remembered: asking costs a few microseconds here."""

    def _find_places(self, cursor: DBAPICursor, names: list[str]) -> dict[str, Place]:
        found = {}
        for name in names:
            cursor.execute(
                "SELECT name, first_id, volumes FROM index_objects WHERE object = ? AND volumes > 0", (name,)
            )
            for row in cursor.fetchall():
                found[name] = Place(*row)
        return found

    def _read_changes(self, cursor: DBAPICursor, after: int, most: int) -> list[tuple[int, str, str, int]]:
        cursor.execute(
            "SELECT number, object, name, volumes FROM index_objects WHERE number > ?"
            " ORDER BY number LIMIT ?",
            (after, most),
        )
        return list(cursor.fetchall())

    def _number_ids(self, cursor: DBAPICursor, counts: list[int]) -> tuple[list[int], list[int]]:
        cursor.execute("SELECT max(number) FROM index_objects")
        number = read_value(cursor) or 0
        cursor.execute("SELECT max(id) FROM index_volumes")
        first_id = (read_value(cursor) or 0) + 1
        first_ids = []
        for count in counts:
            first_ids.append(first_id)
            first_id += count
        return list(range(number + 1, number + 1 + len(counts))), first_ids

    def _add_stems(
        self, connection: Connection, cursor: DBAPICursor, wanted: dict[str, set[int]]
    ) -> dict[str, int]:
        groups = {}
        for name, stems in wanted.items():
            known = set(self._find_stems(cursor, name))
            if known:
                group = group_of(next(iter(known)))
            else:
                cursor.execute("SELECT max(stem) FROM index_stems")
                last = read_value(cursor)
                group = 0 if last is None else group_of(last) + 1
            missing = {place_stem(group, stem) for stem in stems} - known
            if missing:
                rows = [(name, stem) for stem in sorted(missing)]
                self._database.write_many(connection, self._put[INDEX_STEMS.name], rows)
            groups[name] = group
        return groups

    def _lock(self, cursor: DBAPICursor, names: list[str], boxes: list[Box]) -> None:
        """Nothing more: the transaction holds the one write lock since it began."""

    @contextmanager
    def _cursor(self, connection: Connection) -> Iterator[DBAPICursor]:
        cursor = connection.connection.cursor()
        try:
            yield cursor
        except sqlite3.Error as error:
            raise wrap_error(error) from error
        finally:
            cursor.close()


def _repeat(begin: str, end: str, columns: int) -> PreparedMany:
    row = f"({', '.join('?' * columns)})"
    return PreparedMany({size: begin + ", ".join([row] * size) + end for size in WRITE_SIZES})


@lru_cache(maxsize=256)
def _write_question(sizes: tuple[int, ...]) -> str:
    """Return the question for ids: for each class a range of starts, and so many keys."""
    parts, at = [], _BOUNDS
    for size in sizes:
        keys = ",".join(f"?{place}" for place in range(at + 3, at + 3 + size))
        parts.append(
            f"SELECT id FROM index_cells WHERE cell IN ({keys})"  # noqa: S608 - question marks
            f" AND start_s BETWEEN ?{at + 1} AND ?{at + 2} AND {_FILTER}"
        )
        at += 2 + size
    return " UNION ALL ".join(parts)


@lru_cache(maxsize=64)
def _write_fetch(size: int) -> str:
    marks = ",".join("?" * size)
    return f"SELECT object, ordinal, data FROM index_volumes WHERE id IN ({marks})"  # noqa: S608 - marks
