"""What rows were like after each entry: every change is kept beside them, in the transaction that makes it.

    row_past         a row for each change of a row: after which entry it was like that
    row_past_index   a row for each change of an indexed field's value: begun or ended with which entry
    moments          a row for each entry: its author's time, conflicts that opened and ended, alarms raised

Invariants:
  * A projection: it follows from the record alone, and is computed again with the rows where it is missing,
    of another form, or thrown away. Nothing here is a source of anything.
  * Written in the transaction that commits the rows, so that after any crash it is that of the rows
    (tests/protocol/test_picture.py stops between any two).
  * What is kept is never changed: entry 17's change is the same whatever comes after it.
  * Everything is kept but `LEFT_OUT`, so that a table that is new is kept unless somebody decides otherwise.

Why each change and not a replay: docs/adr/0030-every-change-of-a-row-is-kept.md. It answers no question:
`past` does.

    >>> rows = KeptRows(open_kept(path))
    >>> rows.begin(17)
    >>> rows.put(row)
"""

from __future__ import annotations

from typing import Final

import msgspec

from entente.deconflict import AlarmRow, ConflictRow
from entente.joint import MessageRow
from entente.kernel.errors import Malformed
from entente.kernel.rows import Row
from entente.kernel.time import parse_utc
from entente.store.sql import WRITE_SIZES, Database, Prepared, PreparedMany
from entente.store.sql_rows import PutRows, SqlRows

FORM: Final = "1"
"""Of what is kept. Another number has it computed again."""
FORM_FACT: Final = "past_form"
LEFT_OUT: Final = frozenset({"applied", "authors", "held", "messages", "opened", "seqs"})
"""Counters of the rules, chain heads, and what is never changed once it is there and says its own index."""
TABLES: Final = ("row_past", "row_past_index", "moments")
_SCHEMA: Final = (
    (
        "CREATE TABLE IF NOT EXISTS row_past (tbl TEXT NOT NULL, key TEXT NOT NULL, idx INTEGER NOT NULL,"
        " data TEXT NOT NULL, PRIMARY KEY (tbl, key, idx)) STRICT, WITHOUT ROWID"
    ),
    (
        "CREATE TABLE IF NOT EXISTS row_past_index (tbl TEXT NOT NULL, field TEXT NOT NULL,"
        " value TEXT NOT NULL, key TEXT NOT NULL, idx INTEGER NOT NULL, is_in INTEGER NOT NULL,"
        " PRIMARY KEY (tbl, field, value, key, idx)) STRICT, WITHOUT ROWID"
    ),
    (
        "CREATE TABLE IF NOT EXISTS moments (idx INTEGER PRIMARY KEY, at_us INTEGER NOT NULL,"
        " opened INTEGER NOT NULL, resolved INTEGER NOT NULL, alarms INTEGER NOT NULL) STRICT"
    ),
)
_ENCODER: Final = msgspec.json.Encoder()
Changes = dict[tuple[str, str], Row]
"""What one entry changed, by table and key."""


def open_tables(database: Database) -> None:
    """Make the tables where they are missing."""
    with database.write() as connection:
        for statement in _SCHEMA:
            connection.exec_driver_sql(statement)


def clear_tables(database: Database) -> None:
    """Throw away what is kept, and note in which form it is kept from here on."""
    with database.write() as connection:
        for name in TABLES:
            connection.exec_driver_sql(f"DELETE FROM {name}")  # noqa: S608 - our own names
        connection.exec_driver_sql("INSERT OR REPLACE INTO meta VALUES (?, ?)", (FORM_FACT, FORM))


def is_kept(database: Database) -> bool:
    """Tell whether what is kept has this version's form."""
    prepared = Prepared("SELECT value FROM meta WHERE name = ?", ("name",))
    return bool(database.find_value(prepared, FORM_FACT) == FORM)


class KeptRows(SqlRows):
    """Rows in a database, and what they were like after every entry."""

    def __init__(self, database: Database, *, cache_rows: int = 50_000) -> None:
        super().__init__(database, cache_rows=cache_rows)
        self._at = -1
        self._changes: Changes = {}
        self._at_us = 0
        self._kept: list[tuple[int, int, Changes]] = []
        self._old: dict[str, dict[str, Row]] = {}
        self._put_past = _prepare_put("row_past", 4)
        self._put_fields = _prepare_put("row_past_index", 6)
        self._put_moment = _prepare_put("moments", 5)

    def begin(self, index: int) -> None:
        """Have what is put from here on be the change that entry ``index`` makes."""
        self._end()
        self._at = index

    def put(self, row: Row) -> None:
        """Insert or replace a row by its key."""
        super().put(row)
        if self._at < 0:
            return
        if row.TABLE not in LEFT_OUT:
            self._changes[row.TABLE, row.key()] = row
        elif isinstance(row, MessageRow):
            self._at_us = to_us(row.at)

    def forget(self) -> None:
        """Forget what was read."""
        super().forget()
        self._kept.clear()

    def _end(self) -> None:
        if self._at >= 0:
            self._kept.append((self._at, self._at_us, self._changes))
        self._at, self._at_us, self._changes = -1, 0, {}

    def _note_stored(self, name: str, stored: dict[str, Row]) -> None:
        self._old[name] = stored

    def _collect(self) -> PutRows:
        self._end()
        self._old = {}
        written = super()._collect()
        written.after.extend(self._list_past())
        self._kept, self._old = [], {}
        return written

    def _list_past(self) -> list[tuple[PreparedMany, list[tuple[object, ...]]]]:
        past: list[tuple[object, ...]] = []
        fields: list[tuple[object, ...]] = []
        moments: list[tuple[object, ...]] = []
        before: Changes = {}
        for index, at_us, changed in self._kept:
            moments.append((index, at_us, *_count(changed, index)))
            for (name, key), row in changed.items():
                past.append((name, key, index, _ENCODER.encode(row).decode()))
                if not row.INDEXED:
                    continue
                old = before.get((name, key)) or self._old.get(name, {}).get(key)
                before[name, key] = row
                for field in row.INDEXED:
                    now = getattr(row, field)
                    was = None if old is None else getattr(old, field)
                    if now != was:
                        fields.append((name, field, now, key, index, 1))
                        if was is not None:
                            fields.append((name, field, was, key, index, 0))
        return [(self._put_past, past), (self._put_fields, fields), (self._put_moment, moments)]


def _count(changed: Changes, index: int) -> tuple[int, int, int]:
    """Return how many conflicts an entry opened and resolved, and how many alarms it raised."""
    opened = resolved = alarms = 0
    for row in changed.values():
        if isinstance(row, ConflictRow):
            opened += row.state == "open" and row.since_index == index
            resolved += row.state == "resolved" and row.resolved_index == index
        elif isinstance(row, AlarmRow):
            alarms += row.raised is not None and row.raised.index == index
    return opened, resolved, alarms


def to_us(text: str) -> int:
    """Return a time that an author claims in POSIX microseconds, 0 for what is none."""
    try:
        moment = parse_utc(text)
    except Malformed:
        return 0
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def _prepare_put(table: str, columns: int) -> PreparedMany:
    row = f"({', '.join('?' * columns)})"
    question = f"INSERT OR REPLACE INTO {table} VALUES "  # noqa: S608 - our own names
    return PreparedMany({size: question + ", ".join([row] * size) for size in WRITE_SIZES})
