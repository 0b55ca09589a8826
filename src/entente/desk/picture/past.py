"""Rows as they were after so many entries: the `Rows` port over what `kept` keeps, to look at only.

So the code that describes the present describes any moment, and there is no second copy of it.

Invariants:
  * ``RowsAt(n)`` gives what a replay of the first n entries gives, for every n and every kept table:
    tests/protocol/test_picture.py replays.
  * A table that is left out cannot be asked (`ValueError`), rather than be answered with the present.
  * Reads only what no later entry changes, so that an answer stays right while the record goes on.

It knows no message: what was told later of an earlier time is not here at that earlier moment.

    >>> RowsAt(database, 17).find(ActivityRow, "sortie-7").state
    'standing'
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Final

from entente.desk.picture.kept import LEFT_OUT
from entente.joint import MessageRow
from entente.kernel.rows import R, Row
from entente.store.sheaf import Sheaf, sheaf_of, split_key
from entente.store.sql import Database, Prepared
from entente.store.sql_rows import SqlRows, decode_row

_PAGE: Final = 500
_FIND: Final = Prepared(
    "SELECT data FROM row_past WHERE tbl = ? AND key = ? AND idx < ? ORDER BY idx DESC LIMIT 1",
    ("t", "k", "n"),
)
_ALL: Final = Prepared(
    # Of a group with max(), SQLite gives the other columns of the very row that has the maximum.
    "SELECT key, data, max(idx) FROM row_past WHERE tbl = ? AND key > ? AND idx < ?"
    " GROUP BY key ORDER BY key LIMIT ?",
    ("t", "after", "n", "page"),
)
_WITH: Final = Prepared(
    "SELECT i.key, (SELECT p.data FROM row_past AS p WHERE p.tbl = i.tbl AND p.key = i.key AND p.idx < ?1"
    " ORDER BY p.idx DESC LIMIT 1) FROM (SELECT tbl, key, is_in, max(idx) FROM row_past_index"
    " WHERE tbl = ?2 AND field = ?3 AND value = ?4 AND key > ?5 AND idx < ?1 GROUP BY key) AS i"
    " WHERE i.is_in = 1 ORDER BY i.key LIMIT ?6",
    ("n", "t", "field", "value", "after", "page"),
)


class Past:
    """The rows of one desk at every earlier moment. Any thread may use it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    def rows_at(self, size: int) -> RowsAt:
        """Return the rows after the first ``size`` entries."""
        return RowsAt(self.database, size)


class RowsAt:
    """Rows after the first ``size`` entries."""

    def __init__(self, database: Database, size: int) -> None:
        self._database = database
        self._size = size
        self._now = SqlRows(database, cache_rows=0)
        self._known: dict[tuple[str, str], Row | None] = {}

    def find(self, row: type[R], key: str) -> R | None:
        """Return the row, or None."""
        if row is MessageRow:
            found: Row | None = self._find_message(key)
            return found if isinstance(found, row) else None
        _check_kept(row)
        place = (row.TABLE, key)
        if place not in self._known:
            self._known[place] = self._load(row, key)
        found = self._known[place]
        return found if isinstance(found, row) else None

    def put(self, row: Row) -> None:
        """Refuse: what was is as it was."""
        raise TypeError(f"past: expected to look only, got a put of {row.key()!r}")

    def put_alike(self, row: Row, values: Sequence[str]) -> None:
        """Refuse: what was is as it was."""
        raise TypeError(f"past: expected to look only, got puts of {row.key()!r} for {len(values)}")

    def select(
        self, row: type[R], *, after: str = "", limit: int | None = None, **equals: str
    ) -> Iterator[R]:
        """Yield rows whose indexed fields equal the given texts, by key, from beyond ``after``."""
        for field in equals:
            if field not in row.INDEXED:
                raise ValueError(f"table {row.TABLE!r}: expected an indexed field, got {field!r}")
        if row is MessageRow:
            told = self._now.select(MessageRow, after=after, limit=None, **equals)
            messages = (one for one in told if one.index < self._size)
            yield from islice((one for one in messages if isinstance(one, row)), limit)
            return
        _check_kept(row)
        found = self._select_single(row, after, equals)
        if row.ALIKE is not None:
            found = heapq.merge(found, self._select_alike(row, after, equals), key=lambda one: one.key())
        yield from islice(found, limit)

    def _find_message(self, key: str) -> MessageRow | None:
        found = self._now.find(MessageRow, key)
        return found if found is not None and found.index < self._size else None

    def _load(self, row: type[R], key: str) -> Row | None:
        # As in `SqlRows`: a row is in a sheaf or by itself, and once by itself it stays so.
        data = self._database.find_value(_FIND, row.TABLE, key, self._size)
        if data is not None:
            return decode_row(row, data)
        if row.ALIKE is None:
            return None
        shared, value = split_key(key)
        sheaf = self.find(sheaf_of(row), shared)
        return None if sheaf is None else sheaf.find(value)

    def _select_single(self, row: type[R], after: str, equals: dict[str, str]) -> Iterator[R]:
        # The state that a thing is in is what most rows share: any other field tells more.
        field = min(equals, key=lambda name: name == "state", default="")
        while True:
            if field:
                given: tuple[object, ...] = (self._size, row.TABLE, field, equals[field], after, _PAGE)
                found = self._database.find_rows(_WITH, *given)
            else:
                found = self._database.find_rows(_ALL, row.TABLE, after, self._size, _PAGE)
            for key, data, *_ in found:
                one = decode_row(row, data)
                self._known[row.TABLE, key] = one
                if all(getattr(one, name) == value for name, value in equals.items()):
                    yield one
            if len(found) < _PAGE:
                return
            after = found[-1][0]

    def _select_alike(self, row: type[R], after: str, equals: dict[str, str]) -> Iterator[R]:
        shared, differing = row.ALIKE or ("", "")
        rest = {field: value for field, value in equals.items() if field not in {shared, differing}}
        kind, begin = sheaf_of(row), split_key(after)[0]
        sheaves: Iterator[Sheaf]
        if shared in equals:
            sheaf = self.find(kind, equals[shared])
            sheaves = iter(() if sheaf is None else (sheaf,))
        else:
            first = self.find(kind, begin) if begin else None
            sheaves = self._select_single(kind, begin, rest)
            if first is not None:
                sheaves = iter((first, *sheaves))
        for sheaf in sheaves:
            if not sheaf.values or any(getattr(sheaf, field) != wanted for field, wanted in rest.items()):
                continue
            for alike in sheaf.list_rows(equals.get(differing)):
                if isinstance(alike, row) and alike.key() > after:
                    yield alike


def _check_kept(row: type[Row]) -> None:
    if row.TABLE in LEFT_OUT:
        raise ValueError(f"table {row.TABLE!r}: expected one whose past is kept")
