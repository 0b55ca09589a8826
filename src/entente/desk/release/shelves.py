"""The private shelves of a desk's gate: reports, catalogue, policies, clearances, pools, purposes.

What it is for: everything that the gate judges by lies here, in the desk's own book, with every version that
it ever had: what was decided long ago can be explained by what stood on the shelf then.

Invariants:
  * Nothing on a shelf leaves the desk. No error or log line repeats what lies here: names, at most.
  * A version is never changed. Putting the same bytes again makes no new version; taking a thing down is a
    version too, an empty one.
  * What cannot be read is not put: a file is taken as a whole or not at all.

It gives no meaning to what lies here: see `library`.

    >>> shelves.put("report", "r-17", data, officer="duty-1")
    1
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final, Literal

from entente.desk.book import Book
from entente.kernel.errors import NotFound
from entente.kernel.ports import Clock
from entente.kernel.time import encode_utc

ShelfName = Literal["report", "catalogue", "policy", "clearance", "pool", "purpose"]
SHELVES: Final[tuple[ShelfName, ...]] = (
    "report",
    "catalogue",
    "policy",
    "clearance",
    "pool",
    "purpose",
)


@dataclass(frozen=True, slots=True)
class Shelved:
    """One version of one thing. ``data`` None: it was taken down."""

    shelf: str
    name: str
    version: int
    data: bytes | None = field(repr=False)
    officer: str
    at: str


class Shelves:
    """The shelves of one desk. Safe from several threads."""

    def __init__(self, book: Book, clock: Clock) -> None:
        self._book = book
        self._clock = clock

    def put(self, shelf: ShelfName, name: str, data: bytes, *, officer: str) -> int:
        """Put a thing on a shelf; return its version, the old one where nothing changed."""
        with self._book.transaction():
            known = self.find(shelf, name)
            if known is not None and known.data == data:
                return known.version
            return self._add(shelf, name, data, officer=officer)

    def drop(self, shelf: ShelfName, name: str, *, officer: str) -> None:
        """Take a thing down; its versions stay. Raise `NotFound` if it is not there."""
        with self._book.transaction():
            self.get(shelf, name)
            self._add(shelf, name, None, officer=officer)

    def _add(self, shelf: str, name: str, data: bytes | None, *, officer: str) -> int:
        at = encode_utc(self._clock.now_utc())
        with self._book.transaction() as db:
            row = db.execute(
                "SELECT coalesce(max(version), 0) + 1 AS version FROM release_shelf"
                " WHERE shelf = ? AND name = ?",
                (shelf, name),
            ).fetchone()
            db.execute(
                "INSERT INTO release_shelf VALUES (?, ?, ?, ?, ?, ?)",
                (shelf, name, row["version"], data, officer, at),
            )
        return int(row["version"])

    def find(self, shelf: ShelfName, name: str, *, version: int | None = None) -> Shelved | None:
        """Return a thing's newest version, or a given one; None where there is none."""
        row = self._book.read_one(
            "SELECT * FROM release_shelf WHERE shelf = ? AND name = ? AND (version = ?3 OR ?3 IS NULL)"
            " ORDER BY version DESC LIMIT 1",
            (shelf, name, version),
        )
        return None if row is None else _read(row)

    def transaction(self) -> AbstractContextManager[sqlite3.Connection]:
        """Give one transaction of the book: several things are put, or none."""
        return self._book.transaction()

    def list_charged(self) -> set[str]:
        """Return the secrets that releases were charged to."""
        return {row["secret"] for row in self._book.read("SELECT DISTINCT secret FROM release_beliefs")}

    def get(self, shelf: ShelfName, name: str, *, version: int | None = None) -> Shelved:
        """Return a thing that stands, or a given version of it; raise `NotFound`."""
        found = self.find(shelf, name, version=version)
        if found is None or found.data is None:
            raise NotFound("not-shelved", f"{shelf} {name!r}: expected one on this desk's shelf, found none")
        return found

    def list_standing(self, shelf: ShelfName) -> list[Shelved]:
        """Return the newest version of everything that stands on a shelf, by name."""
        rows = self._book.read(
            "SELECT shelf, name, max(version) AS version, data, officer, at FROM release_shelf"
            " WHERE shelf = ? GROUP BY name ORDER BY name",
            (shelf,),
        )
        return [_read(row) for row in rows if row["data"] is not None]

    def list_versions(self, shelf: ShelfName, name: str) -> Iterator[Shelved]:
        """Yield every version of a thing, the oldest first."""
        rows = self._book.read(
            "SELECT * FROM release_shelf WHERE shelf = ? AND name = ? ORDER BY version", (shelf, name)
        )
        return (_read(row) for row in rows)

    def find_mark(self) -> int:
        """Return a number that grows whenever anything is put or dropped."""
        row = self._book.read_one("SELECT coalesce(max(rowid), 0) AS mark FROM release_shelf")
        return 0 if row is None else int(row["mark"])


def _read(row: sqlite3.Row) -> Shelved:
    data = row["data"]
    return Shelved(
        row["shelf"],
        row["name"],
        row["version"],
        None if data is None else bytes(data),
        row["officer"],
        row["at"],
    )
