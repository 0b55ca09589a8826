"""An index of the record's entries for people who browse: filters, counts, and search in what we can read.

One SQLite file beside the views, made out of the mirror and thrown away at will: `catch_up` reads what is
new.

Invariants:
  * Every entry of the record has one row, the void and the unreadable among them, with why: nothing is left
    out of a list because it is no good.
  * Search finds what stands in a text, letter by letter, in any script, without a syntax that could go wrong;
    case and width of letters do not count. It looks into what we can read and into nothing else.
  * Counts are of everything that fits, not of the page shown; how far the index has come is told with each.

It decides nothing and proves nothing: `proving` does. Why not FTS5: docs/adr/0031.

    >>> index.catch_up(limit_s=1.5)
    >>> index.find(Filter(kinds=("activity.notify",)), Order(limit=50)).total
    12
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec

from entente.desk.record_texts import (
    find_leaves,
    find_texts,
    find_things,
    fold,
    parse_header,
    say_words,
    split_search,
)
from entente.kernel.envelope import hash_leaf
from entente.kernel.errors import StoreError

_VERSION: Final = 3
_CHUNK: Final = 256
"""Entries a transaction: one bundle of the mirror."""
_MAX_MENTIONS: Final = 600
"""More leaves than a receipt may name; what says more in one message is not a message of ours."""
_MAX_THINGS: Final = 40

OPEN: Final = "open"
OPENED: Final = "opened"
SEALED: Final = "sealed"
UNREADABLE: Final = "unreadable"
REFUSED: Final = "refused"
VOID: Final = "void"

_SCHEMA: Final = f"""
CREATE TABLE entries (
    idx INTEGER PRIMARY KEY,
    leaf TEXT NOT NULL,
    kind TEXT NOT NULL,
    author TEXT NOT NULL,
    officers TEXT NOT NULL,
    at TEXT NOT NULL,
    seq INTEGER NOT NULL,
    addressees TEXT NOT NULL,
    state TEXT NOT NULL,
    why TEXT NOT NULL,
    words TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX entries_leaf ON entries (leaf);
CREATE INDEX entries_kind ON entries (kind, idx);
CREATE INDEX entries_author ON entries (author, idx);
CREATE INDEX entries_state ON entries (state, idx);
CREATE INDEX entries_counted ON entries (kind, author, state, idx);
CREATE INDEX entries_counted_author ON entries (author, kind, state, idx);
CREATE TABLE things (
    thing TEXT NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (thing, idx)
) STRICT, WITHOUT ROWID;
CREATE INDEX things_idx ON things (idx);
CREATE TABLE mentions (
    leaf TEXT NOT NULL, idx INTEGER NOT NULL, path TEXT NOT NULL, PRIMARY KEY (leaf, idx, path)
) STRICT, WITHOUT ROWID;
CREATE INDEX mentions_idx ON mentions (idx);
PRAGMA user_version = {_VERSION};
"""


class EntrySource(Protocol):
    """Where entries come from and what this desk knows of each: `archive.ArchiveEntries`."""

    @property
    def party(self) -> str:
        """Whose desk this is."""

    @property
    def size(self) -> int:
        """How many entries were taken into the views."""

    def read_entries(self, start: int, end: int) -> list[bytes]:
        """Return entries that were checked against the tree."""

    def is_void(self, index: int, leaf: str) -> bool:
        """Tell whether the rules refused the entry at this index, which may be a repeated one."""

    def find_body(self, leaf: str) -> bytes | None:
        """Return the opened body of a sealed message that we may read, if we have it."""

    def find_outcome(self, leaf: str) -> tuple[str, str] | None:
        """Return what became of a message that we owe a receipt for, and why."""

    def find_trouble(self, leaf: str) -> str:
        """Return what an alarm said of it, or nothing."""


@dataclass(frozen=True, slots=True)
class Filter:
    """What an entry must be to be in the list; what is empty asks nothing. Indexes: [first, below)."""

    text: str = ""
    kinds: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    thing: str = ""
    first: int = 0
    below: int = 2**62


@dataclass(frozen=True, slots=True)
class Order:
    """Which part of a list, and which end of the record first."""

    offset: int = 0
    limit: int = 100
    is_newest_first: bool = True


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as the list shows it. ``why``: of what is unreadable, refused or void."""

    index: int
    leaf: str
    kind: str
    author: str
    officers: list[str]
    at: str
    seq: int
    to: list[str]
    state: str
    why: str
    words: str
    things: list[str]


@dataclass(frozen=True, slots=True)
class Mention:
    """An entry that names another, and where in its body."""

    index: int
    path: str
    leaf: str


@dataclass(frozen=True, slots=True)
class Page:
    """A part of a list. ``total``: of the whole list, among the first ``indexed`` entries."""

    lines: list[Line]
    total: int
    indexed: int


class RecordIndex:
    """The open index. Safe from several threads."""

    def __init__(self, path: Path | None, source: EntrySource) -> None:
        """Open the index at ``path`` (in memory when None); one of another version is made anew."""
        self._source = source
        self._path = path
        self._lock = threading.RLock()
        self._db = self._open()

    def _open(self) -> sqlite3.Connection:
        try:
            if self._path is not None:
                self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            db = sqlite3.connect(
                ":memory:" if self._path is None else str(self._path),
                isolation_level=None,
                check_same_thread=False,
                timeout=10,
            )
            # It can be made again from the mirror: nothing waits for the disk.
            for setting in ("journal_mode=WAL", "synchronous=OFF", "trusted_schema=OFF", "temp_store=MEMORY"):
                db.execute(f"PRAGMA {setting}")
            if db.execute("PRAGMA user_version").fetchone()[0] != _VERSION:
                for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type = 'table'").fetchall():
                    db.execute(f'DROP TABLE "{name}"')
                db.executescript(f"BEGIN IMMEDIATE;{_SCHEMA}COMMIT;")
            if self._path is not None:
                self._path.chmod(0o600)
        except (sqlite3.Error, OSError) as error:
            raise StoreError("record-index", f"index of the record: {str(error).lower()}") from error
        return db

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._db.close()

    @property
    def size(self) -> int:
        """How many entries are indexed."""
        return int(self._read("SELECT COALESCE(MAX(idx) + 1, 0) FROM entries")[0][0])

    def _read(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        with self._lock:
            try:
                return self._db.execute(statement, values).fetchall()
            except sqlite3.Error as error:
                raise StoreError("record-index", f"index of the record: {str(error).lower()}") from error

    # Making it

    def catch_up(self, *, limit_s: float) -> int:
        """Read what is new, for at most about ``limit_s``; return how many entries are indexed."""
        end_s = time.monotonic() + limit_s
        with self._lock:
            have, size = self.size, self._source.size
            if have > size:
                # Another history lies under the same folder now: nothing of the old one may be shown.
                self._change(_forget_all, ())
                have = 0
            self._read_again()
            while have < size and time.monotonic() < end_s:
                end = min(have // _CHUNK * _CHUNK + _CHUNK, size)
                entries = list(enumerate(self._source.read_entries(have, end), have))
                self._change(self._put_all, entries)
                have = end
            return have

    def _change(self, act: Any, entries: Any) -> None:  # noqa: ANN401 - one of the functions of this file
        try:
            self._db.execute("BEGIN IMMEDIATE")
            act(self._db, entries)
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            self._roll_back()
            raise StoreError("record-index", f"index of the record: {str(error).lower()}") from error
        except BaseException:
            self._roll_back()
            raise

    def _roll_back(self) -> None:
        if self._db.in_transaction:
            self._db.execute("ROLLBACK")

    def _read_again(self) -> None:
        """Take in what was unreadable and can be read now: a ciphertext that came late."""
        again = []
        for (index,) in self._read(
            "SELECT idx FROM entries WHERE state = ? ORDER BY idx LIMIT 200", (UNREADABLE,)
        ):
            leaf = self._read("SELECT leaf FROM entries WHERE idx = ?", (index,))[0][0]
            outcome = self._source.find_outcome(leaf)
            if self._source.find_body(leaf) is not None or (outcome and outcome[0] != UNREADABLE):
                again.append((index, self._source.read_entries(index, index + 1)[0]))
        if again:
            self._change(self._put_all, again)

    def _put_all(self, db: sqlite3.Connection, entries: list[tuple[int, bytes]]) -> None:
        for index, data in entries:
            self._put(db, index, data)

    def _put(self, db: sqlite3.Connection, index: int, data: bytes) -> None:
        leaf = hash_leaf(data)
        header, body, state, why = self._take(index, leaf, data)
        mentioned = list(find_leaves(body))[:_MAX_MENTIONS]
        things = set(find_things(header["kind"], body))
        for other, _ in mentioned:
            things |= {row[0] for row in db.execute(_THINGS_OF_LEAF, (other,))}
        words = say_words(db, header["kind"], body)
        parts = (header["kind"], header["author"], *header["officers"], *sorted(things), *find_texts(body))
        for table in ("things", "mentions"):
            db.execute(f"DELETE FROM {table} WHERE idx = ?", (index,))  # noqa: S608 - one of two names of ours
        db.execute(
            "INSERT OR REPLACE INTO entries VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                index,
                leaf,
                header["kind"],
                header["author"],
                " ".join(header["officers"]),
                header["at"],
                header["seq"],
                " ".join(header["to"]),
                state,
                why,
                words,
                fold("\n".join(parts)),
            ),
        )
        rows = [(thing, index) for thing in sorted(things)[:_MAX_THINGS]]
        db.executemany("INSERT OR IGNORE INTO things VALUES (?, ?)", rows)
        db.executemany(
            "INSERT OR IGNORE INTO mentions VALUES (?, ?, ?)",
            [(other, index, path) for other, path in mentioned],
        )

    def _take(self, index: int, leaf: str, data: bytes) -> tuple[dict[str, Any], Any, str, str]:
        """Return header, body as far as we can read it, state and why."""
        header = parse_header(data)
        if self._source.is_void(index, leaf):
            why = self._source.find_trouble(leaf) or "the agreed rules refuse it"
            return header, None, VOID, why
        body = header.pop("body")
        if not header["to"]:
            return header, body, OPEN, ""
        kept, outcome = self._source.find_body(leaf), self._source.find_outcome(leaf)
        if outcome is not None and outcome[0] == REFUSED:
            return header, None, REFUSED, outcome[1]
        if kept is not None:
            return header, msgspec.json.decode(kept), OPENED, ""
        if outcome is not None or self._source.party in {*header["to"], header["author"]}:
            why = (outcome[1] if outcome else "") or self._source.find_trouble(leaf) or "not opened here"
            return header, None, UNREADABLE, why
        return header, None, SEALED, ""

    # Asking it

    def find(self, wanted: Filter, order: Order, *, total: int | None = None) -> Page:
        """Return the part of the list that ``order`` names, and how long the whole list is.

        Args:
            total: How long it is, where `count` has just told.
        """
        way = "DESC" if order.is_newest_first else "ASC"
        with self._lock:
            indexed = self.size
            where, values = _make_where(wanted, indexed)
            if total is None:
                total = self._read(f"SELECT COUNT(*) FROM entries WHERE {where}", values)[0][0]  # noqa: S608 - ours
            if total <= order.offset:
                return Page([], total, indexed)
            rows = self._read(
                f"SELECT {_COLUMNS} FROM entries WHERE {where} ORDER BY idx {way} LIMIT ? OFFSET ?",  # noqa: S608
                (*values, order.limit, order.offset),
            )
            return Page([self._make_line(row) for row in rows], total, indexed)

    def count(self, wanted: Filter, milestones: Sequence[tuple[str, int]]) -> dict[str, list[dict[str, Any]]]:
        """Return how many entries of the list have each kind, author, state and standing.

        One pass over the entries: a text is searched for once, however many counts are made of it.

        Args:
            milestones: Names of spans and where each ends, from 0 on: ``[("settled", 7), ("firm", 9)]``.
        """
        spans, start = [], 0
        for name, end in milestones:
            spans.append((name, start, max(start, end)))
            start = max(start, end)
        sums = "".join(", SUM(idx >= ? AND idx < ?)" for _ in spans)
        with self._lock:
            where, values = _make_where(wanted, self.size)
            rows = self._read(
                f"SELECT kind, author, state, COUNT(*){sums} FROM entries WHERE {where} "  # noqa: S608 - ours
                "GROUP BY kind, author, state",
                (*(bound for _, *span in spans for bound in span), *values),
            )
        counts: dict[str, Counter[str]] = {
            name: Counter() for name in ("kind", "author", "state", "standing")
        }
        for kind, author, state, count, *standing in rows:
            counts["kind"][kind] += count
            counts["author"][author] += count
            counts["state"][state] += count
            for (name, *_), part in zip(spans, standing, strict=True):
                counts["standing"][name] += part
        found: dict[str, list[dict[str, Any]]] = {
            facet: [{"value": value, "count": count} for value, count in each.items() if count]
            for facet, each in counts.items()
        }
        for facet in ("kind", "author", "state"):
            found[facet].sort(key=lambda one: (-one["count"], one["value"]))
        return found

    def get_line(self, index: int) -> Line | None:
        """Return one entry."""
        rows = self._read(f"SELECT {_COLUMNS} FROM entries WHERE idx = ?", (index,))  # noqa: S608 - ours
        return self._make_line(rows[0]) if rows else None

    def find_leaf(self, prefix: str) -> list[int]:
        """Return the indexes of entries whose hash begins so, two at most."""
        return [
            row[0]
            for row in self._read(
                "SELECT idx FROM entries WHERE leaf >= ? AND leaf < ? LIMIT 2", (prefix, prefix + "g")
            )
        ]

    def list_mentions(self, index: int) -> list[Mention]:
        """Return the entries that an entry names; an index of -1: no entry that we know."""
        rows = self._read(
            "SELECT m.path, m.leaf, COALESCE(e.idx, -1) FROM mentions m "
            "LEFT JOIN entries e ON e.leaf = m.leaf "
            "WHERE m.idx = ? ORDER BY m.path LIMIT 200",
            (index,),
        )
        return [Mention(row[2], row[0], row[1]) for row in rows]

    def list_answers(self, leaf: str, *, limit: int = 200) -> tuple[list[tuple[Line, str]], int]:
        """Return the entries that name this one, in the record's order, and how many there are."""
        total = self._read("SELECT COUNT(DISTINCT idx) FROM mentions WHERE leaf = ?", (leaf,))[0][0]
        rows = self._read(
            "SELECT idx, MIN(path) FROM mentions WHERE leaf = ? GROUP BY idx ORDER BY idx LIMIT ?",
            (leaf, limit),
        )
        found = [(self.get_line(row[0]), row[1]) for row in rows]
        return [(line, path) for line, path in found if line is not None], total

    def _make_line(self, row: Any) -> Line:  # noqa: ANN401 - a row of ours
        index, leaf, kind, author, officers, at, seq, to, state, why, words = row
        things = [one[0] for one in self._read("SELECT thing FROM things WHERE idx = ?", (index,))]
        return Line(
            index,
            leaf,
            kind,
            author,
            officers.split(),
            at,
            seq,
            to.split(),
            state,
            why,
            words,
            sorted(things),
        )


_COLUMNS: Final = "idx, leaf, kind, author, officers, at, seq, addressees, state, why, words"
_THINGS_OF_LEAF: Final = (
    "SELECT thing FROM things WHERE idx = (SELECT idx FROM entries WHERE leaf = ? LIMIT 1)"
)


def _forget_all(db: sqlite3.Connection, _entries: Any) -> None:  # noqa: ANN401 - as the others
    for table in ("entries", "things", "mentions"):
        db.execute(f"DELETE FROM {table}")  # noqa: S608 - names of ours


def _make_where(wanted: Filter, size: int) -> tuple[str, list[Any]]:
    """Return a condition of ours and the caller's values beside it: the text holds nothing of a caller's."""
    parts: list[str] = ["1"]
    values: list[Any] = []
    # A bound that leaves nothing out would have every row looked up in place of an index that has all of it.
    if wanted.first > 0 or wanted.below < size:
        parts, values = ["idx >= ? AND idx < ?"], [wanted.first, min(wanted.below, 2**62)]
    for column, words in (("kind", wanted.kinds), ("author", wanted.authors), ("state", wanted.states)):
        if words:
            parts.append(f"{column} IN ({', '.join('?' * len(words))})")
            values += list(words)
    if wanted.thing:
        parts.append("idx IN (SELECT idx FROM things WHERE thing = ?)")
        values.append(wanted.thing)
    for word in split_search(wanted.text):
        parts.append("instr(body, ?) > 0")
        values.append(word)
    return " AND ".join(parts), values
