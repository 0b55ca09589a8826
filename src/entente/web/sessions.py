"""Who is signed in at the page: sessions, kept in the desk's book.

Invariants:
  * The secret of a session is drawn anew at each sign-in and given to the browser once; the book holds its
    SHA-256 alone. What a browser brought along before is never made a session's secret (session fixation).
  * A session ends by time (unused, or old), by its officer, by a chief, or because its officer is gone from
    the roster or from the page's officers; an ended one never comes back.
  * An officer has at most `MAX_EACH` sessions: the oldest gives way.
  * They outlive a restart of the desk: docs/adr/0029-sign-in.md says why.

Times are the machine's own, never an exercise clock's: an exercise at sixty times the speed must not sign
everybody out.

It asks nobody who he is: see `signin`.

    >>> secret, session = shelf.open("duty-1", method="passkey", place="127.0.0.1", client="Firefox")
    >>> shelf.find(secret).officer
    'duty-1'
"""

from __future__ import annotations

import hashlib
import sqlite3
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from entente.desk.book import Book
from entente.kernel.errors import NotFound
from entente.kernel.ports import Clock, Random
from entente.kernel.time import encode_utc, parse_utc

SECRET_BYTES: Final = 32
MAX_EACH: Final = 8
KEEP_DAYS: Final = 90
"""How long an ended session is still listed."""
_TOUCH: Final = timedelta(minutes=2)
"""A session's last use is written down at most this often: each time is a flush to the disk."""


@dataclass(frozen=True, slots=True)
class Session:
    """A sign-in of one officer in one browser."""

    id: int
    officer: str
    method: str
    place: str
    client: str
    opened: datetime
    used: datetime
    until: datetime
    ended: str
    why: str

    def show(self) -> dict[str, Any]:
        """Return it for people: no secret is in it, nor was."""
        return {
            "id": self.id,
            "officer": self.officer,
            "method": self.method,
            "place": self.place,
            "client": self.client,
            "opened": encode_utc(self.opened),
            "used": encode_utc(self.used),
            "until": encode_utc(self.until),
            "ended": self.ended,
            "why": self.why,
        }


class SessionShelf:
    """Every session of one desk's page. Safe from several threads."""

    def __init__(self, book: Book, clock: Clock, random: Random, *, idle_s: int, most_s: int) -> None:
        """Keep sessions that end after ``idle_s`` without use and after ``most_s`` at all.

        Args:
            clock: The machine's own.
        """
        self._book = book
        self._clock = clock
        self._random = random
        self._idle = timedelta(seconds=idle_s)
        self._most = timedelta(seconds=most_s)

    def open(self, officer: str, *, method: str, place: str, client: str) -> tuple[str, Session]:
        """Open a session; return its secret, which is told this once, and the session."""
        secret = self._random.draw(SECRET_BYTES).hex()
        now = self._clock.now_utc()
        at, until = encode_utc(now), encode_utc(now + self._most)
        with self._book.transaction(is_told=False) as db:
            db.execute(
                "DELETE FROM page_sessions WHERE ended <> '' AND ended < ?",
                (encode_utc(now - timedelta(days=KEEP_DAYS)),),
            )
            db.execute(
                "UPDATE page_sessions SET ended = ?, why = 'gave way to a newer one' WHERE ended = '' AND "
                "officer = ? AND id NOT IN (SELECT id FROM page_sessions WHERE ended = '' AND officer = ? "
                "ORDER BY id DESC LIMIT ?)",
                (at, officer, officer, MAX_EACH - 1),
            )
            number = db.execute(
                "INSERT INTO page_sessions (digest, officer, method, place, client, opened, used, until) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (digest_secret(secret), officer, method, place[:60], client[:200], at, at, until),
            ).lastrowid
        return secret, self.get(int(number or 0))

    def find(self, secret: str) -> Session | None:
        """Return the session of a secret while it lasts, and note that it was used."""
        # SECURITY: it is looked up by its hash: how long that takes says nothing about a secret, and who
        # reads the book has none (tests/unit/test_web_sessions.py, test_the_book_holds_no_secret).
        row = self._book.read_one(
            "SELECT * FROM page_sessions WHERE digest = ? AND ended = ''", (digest_secret(secret),)
        )
        if row is None:
            return None
        session = _read(row)
        now = self._clock.now_utc()
        if now >= session.until or now - session.used >= self._idle:
            self._end("id = ?", (session.id,), "its time was over")
            return None
        if now - session.used >= _TOUCH:
            with self._book.transaction(is_told=False) as db:
                db.execute("UPDATE page_sessions SET used = ? WHERE id = ?", (encode_utc(now), session.id))
        return session

    def get(self, number: int) -> Session:
        """Return a session, ended or not, or raise `NotFound`."""
        row = self._book.read_one("SELECT * FROM page_sessions WHERE id = ?", (number,))
        if row is None:
            raise NotFound("no-session", f"session: expected the number of one, got {number}")
        return _read(row)

    def is_fresh(self, session: Session, within: timedelta) -> bool:
        """Tell whether a session was opened no longer ago than that."""
        return self._clock.now_utc() - session.opened <= within

    def end(self, number: int, *, why: str) -> Session:
        """End a session; return it."""
        self.get(number)
        self._end("id = ?", (number,), why)
        return self.get(number)

    def end_all_of(self, officer: str, *, why: str) -> None:
        """End every session of an officer."""
        self._end("officer = ?", (officer,), why)

    def list_open(self) -> list[Session]:
        """Return the sessions that last, oldest first."""
        now = self._clock.now_utc()
        rows = self._book.read("SELECT * FROM page_sessions WHERE ended = '' ORDER BY id")
        return [one for one in map(_read, rows) if now < one.until and now - one.used < self._idle]

    def _end(self, which: str, values: tuple[Any, ...], why: str) -> None:
        with self._book.transaction(is_told=False) as db:
            db.execute(
                f"UPDATE page_sessions SET ended = ?, why = ? WHERE ended = '' AND {which}",  # noqa: S608
                (encode_utc(self._clock.now_utc()), why, *values),
            )


def digest_secret(secret: str) -> str:
    """Return under which name a secret of ours is kept."""
    return hashlib.sha256(f"entente page secret\n{secret}".encode()).hexdigest()


def _read(row: sqlite3.Row) -> Session:
    return Session(
        id=row["id"],
        officer=row["officer"],
        method=row["method"],
        place=row["place"],
        client=row["client"],
        opened=parse_utc(row["opened"]),
        used=parse_utc(row["used"]),
        until=parse_utc(row["until"]),
        ended=row["ended"],
        why=row["why"],
    )
