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
from typing import Any, Final

from sqlalchemy import Connection, Table
from sqlalchemy.engine.interfaces import DBAPICursor

from entente.deconflict.cells import Box, Search, group_of, place_stem
from entente.store.index_rows import AskAgainError, Found, Place, list_bounds, read_value
from entente.store.index_sql import PAGE, SqlIndex
from entente.store.sql import WRITE_SIZES, PreparedMany, wrap_error
from entente.store.tables import INDEX_STEMS

_FILTER: Final = (
    "end_s >= ?2 AND floor_m <= ?3 AND ceiling_m >= ?4 AND south <= ?5 AND north >= ?6 AND"
    " (west <= ?7 AND east >= ?8 OR west <= ?9 AND east >= ?10 OR west <= ?11 AND east >= ?12)"
)
_GIVEN: Final = 12
"""Values of the group's name and of the filter, before those of cells."""
_SIZES: Final = tuple(2**power for power in range(2, 13))
"""Numbers of keys that a question's text has room for: few texts, which the driver keeps ready."""
_MOST_KEYS: Final = _SIZES[-1]
_NO_KEY: Final = -1
_STEMS: Final = (
    f"SELECT {_NO_KEY}, (SELECT group_concat(stem) FROM (SELECT stem FROM index_stems WHERE name = ?1"  # noqa: S608 - our own words
    " ORDER BY stem)), 0, x''"
)
"""A group's stems, beside its volumes and of the same moment: whether the asker knew them all."""
_VOLUME: Final = "SELECT c.id, v.object, v.ordinal, v.data FROM"
# A volume that is gone behind its cell's back is damage, and must be seen.
_JOINED: Final = "LEFT JOIN index_volumes AS v ON v.id = c.id"
_SPAN: Final = (
    "WITH RECURSIVE place(cell) AS (SELECT min(cell) FROM index_cells WHERE cell BETWEEN ?13 AND ?14"  # noqa: S608 - our own words
    " UNION ALL SELECT (SELECT min(cell) FROM index_cells WHERE cell > place.cell AND cell <= ?14)"
    " FROM place WHERE place.cell IS NOT NULL)"
    f" {_STEMS} UNION ALL {_VOLUME} place CROSS JOIN index_cells AS c {_JOINED}"
    f" WHERE c.cell = place.cell AND c.start_s BETWEEN ?15 AND ?16 AND {_FILTER}"
)
"""Walks the cells that hold anything, each found from the one before; looks in each as any question does."""


class SqliteIndex(SqlIndex):
    """The conflict index in a `Database` that `open_sqlite` opened."""

    def _prepare_put(self, table: Table) -> PreparedMany:
        # Not by SQLAlchemy: it takes a third of a second for all these texts, at every start.
        names = [column.name for column in table.c]
        question = f"INSERT OR REPLACE INTO {table.name} ({', '.join(names)}) VALUES "  # noqa: S608 - ours
        row = f"({', '.join('?' * len(names))})"
        return PreparedMany({size: question + ", ".join([row] * size) for size in WRITE_SIZES})

    def _prepare_drop(self, table: Table) -> PreparedMany:
        # Not `(a, b, c) IN (VALUES ...)`: for more than one column SQLite reads the whole table for that.
        one = " AND ".join(f"{column.name} = ?" for column in table.primary_key.columns)
        begin = f"DELETE FROM {table.name} WHERE "  # noqa: S608 - our names
        return PreparedMany({size: begin + " OR ".join([f"({one})"] * size) for size in WRITE_SIZES})

    def _find_pages(
        self, connection: Connection, cursor: DBAPICursor, box: Box, searches: list[Search], group: str
    ) -> Iterator[list[Found]]:
        given = (group, *list_bounds(box))
        questions = [_ask_keys(given, part) for part in _part(searches)]
        questions += [
            (_SPAN, [*given, *span, one.first_start_s, one.last_start_s])
            for one in searches
            for span in one.spans
        ]
        known = ",".join(map(str, self._stems[group]))
        driver: Any = connection.connection.driver_connection
        is_alone = len(questions) == 1 or driver.in_transaction
        if not is_alone:
            # Between two statements a volume could move from the cells of the second to those of the first.
            driver.execute("BEGIN")
        try:
            for question, values in questions:
                yield from _read_pages(cursor, question, values, known)
        finally:
            if not is_alone:
                driver.execute("ROLLBACK")

    def _find_volumes(self, cursor: DBAPICursor, ids: list[int]) -> list[Found]:
        size = _pad(len(ids))
        cursor.execute(_write_fetch(size), ids + [_NO_KEY] * (size - len(ids)))
        return list(cursor.fetchall())

    def _find_stems(self, cursor: DBAPICursor, group: str) -> list[int]:
        cursor.execute("SELECT stem FROM index_stems WHERE name = ? ORDER BY stem", (group,))
        return [stem for (stem,) in cursor.fetchall()]

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
        cursor.execute("SELECT (SELECT max(number) FROM index_objects), (SELECT max(id) FROM index_volumes)")
        number, last_id = (value or 0 for value in cursor.fetchone() or ())
        first_id = last_id + 1
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

    @contextmanager
    def _cursor(self, connection: Connection) -> Iterator[DBAPICursor]:
        cursor = connection.connection.cursor()
        try:
            yield cursor
        except sqlite3.Error as error:
            raise wrap_error(error) from error
        finally:
            cursor.close()


def _read_pages(cursor: DBAPICursor, question: str, values: list[Any], known: str) -> Iterator[list[Found]]:
    cursor.execute(question, values)
    while rows := cursor.fetchmany(PAGE):
        page: list[Found] = []
        for row in rows:
            if row[0] != _NO_KEY:
                page.append(row)
            elif row[1] != known:
                raise AskAgainError
            if row[1] is None:
                raise AskAgainError
        yield page
        if len(rows) < PAGE:
            return


_Part = list[tuple[Search, list[int]]]


def _part(searches: list[Search]) -> list[_Part]:
    """Return the keys to ask for, in as few statements as their number allows: one, nearly always."""
    questions = [(one, one.keys) for one in searches if one.keys]
    if sum(len(keys) for _, keys in questions) <= _MOST_KEYS:
        return [questions] if questions else []
    return [
        [(one, keys[start : start + _MOST_KEYS])]
        for one, keys in questions
        for start in range(0, len(keys), _MOST_KEYS)
    ]


def _ask_keys(given: tuple[Any, ...], part: _Part) -> tuple[str, list[Any]]:
    sizes = tuple([_pad(len(keys)) for _, keys in part])
    values = list(given)
    for (one, keys), size in zip(part, sizes, strict=True):
        values += (one.first_start_s, one.last_start_s, *keys)
        values += [_NO_KEY] * (size - len(keys))
    return _write_question(sizes), values


def _pad(count: int) -> int:
    """Return the next greater number of keys that there are texts for."""
    return _SIZES[0] if count <= _SIZES[0] else 1 << int(count - 1).bit_length()


@lru_cache(maxsize=256)
def _write_question(sizes: tuple[int, ...]) -> str:
    """Return the question for volumes: for each class a range of starts, and so many keys."""
    parts, at = [_STEMS], _GIVEN
    for size in sizes:
        keys = ",".join(f"?{place}" for place in range(at + 3, at + 3 + size))
        parts.append(
            f"{_VOLUME} index_cells AS c {_JOINED} WHERE c.cell IN ({keys})"
            f" AND c.start_s BETWEEN ?{at + 1} AND ?{at + 2} AND {_FILTER}"
        )
        at += 2 + size
    return " UNION ALL ".join(parts)


@lru_cache(maxsize=64)
def _write_fetch(size: int) -> str:
    marks = ",".join("?" * size)
    return f"SELECT id, object, ordinal, data FROM index_volumes WHERE id IN ({marks})"  # noqa: S608 - marks
