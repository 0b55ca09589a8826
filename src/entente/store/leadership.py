"""Who may add to a record in PostgreSQL: one process, for as long as its own session lives.

Two things hold that, and either alone would:

  1. A session advisory lock, whose key follows from the origin, on the very connection that commits frames.
     The server frees it when that session ends and at no other time: who lost the lock has lost the
     connection, and cannot commit.
  2. An epoch, one row, which every taking of the lead raises. Each transaction of the leader begins by
     finding its own number there, and holds the row until it is over: a leader of an earlier epoch, however
     it came by a connection, commits nothing, and a new one begins only when the last transaction of the old
     one is over.

Invariants: the number of an epoch is never given out twice; a record that has moved away is led by nobody.

A leader that stands still (a stopped process, a machine that sleeps) would keep its lock for ever: it says
every few seconds that it is alive, and the server ends a session that has not.

    >>> leadership = Leadership(database, "example.org/log", holder="host a, process 17")
    >>> leadership.try_take()
    True
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from typing import Final

from sqlalchemy import Connection, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from entente.kernel.errors import StoreError
from entente.store.sql import wrap_error
from entente.store.sql_postgres import PostgresDatabase
from entente.store.tables import LEADERSHIP

MAX_IDLE_S: Final = 10.0
"""A leader that says nothing for so long has its session ended by the server."""
_FENCE: Final = (
    select(LEADERSHIP.c.epoch, LEADERSHIP.c.closed).where(LEADERSHIP.c.id == 1).with_for_update(read=True)
)


def lock_key(origin: str) -> int:
    """Return the advisory lock's key, a signed 64-bit number, of a record."""
    return int.from_bytes(
        hashlib.sha256(b"entente leader\n" + origin.encode()).digest()[:8], "big", signed=True
    )


class Leadership:
    """A process's claim to lead. One thread at a time."""

    def __init__(self, database: PostgresDatabase, origin: str, holder: str) -> None:
        self._database = database
        self._key = lock_key(origin)
        self._holder = holder[:200]
        self.epoch = 0
        self._fence_epoch = 0

    @property
    def is_held(self) -> bool:
        """Whether this process took the lead and has not given it back; the server may know better."""
        return self.epoch > 0

    def try_take(self) -> bool:
        """Take the lead if nobody has it, and say whether that was so.

        Raises:
            StoreError: ``record-moved``: the record lies elsewhere now; or the database failed.
        """
        try:
            taken = self._try_take()
        except SQLAlchemyError as error:
            self._database.unpin()
            raise wrap_error(error) from error
        except BaseException:
            self._database.unpin()
            raise
        return taken

    def _try_take(self) -> bool:
        pinned = self._database.pin()
        if pinned.invalidated:
            # The server was away since the last attempt. This session holds nothing yet: a new one will do.
            self._database.unpin()
            pinned = self._database.pin()
        with pinned.begin():
            is_free = pinned.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key}).scalar()
        if not is_free:
            return False
        with pinned.begin():
            raised = pinned.execute(
                update(LEADERSHIP)
                .where(LEADERSHIP.c.id == 1)
                .values(epoch=LEADERSHIP.c.epoch + 1, holder=self._holder)
                .returning(LEADERSHIP.c.epoch, LEADERSHIP.c.closed)
            ).one()
            if raised.closed:
                raise StoreError(
                    "record-moved",
                    "database: expected a record that may be added to, got one that was moved away from here",
                )
        # If we stop before this line, an epoch was used up and nothing was written in it.
        self.epoch = self._fence_epoch = raised.epoch
        self._database.guard(self.check)
        # The lead may be free because the server was away: no thread may go on with a connection of before.
        self._database.renew_readers()
        return True

    def check(self, connection: Connection) -> None:
        """Begin a transaction of the leader: hold the epoch's row, and refuse when it is another's."""
        found = connection.execute(_FENCE).one()
        if found.epoch != self._fence_epoch or found.closed:
            raise StoreError(
                "not-leading",
                f"database: expected epoch {self._fence_epoch} as this process has, got {found.epoch}",
            )

    def limit_idle(self, max_idle_s: float = MAX_IDLE_S) -> None:
        """Have the server end this session when it has said nothing for so long; `beat` more often."""
        milliseconds = int(max_idle_s * 1000)
        with self._database.write() as connection:
            for name in ("idle_session_timeout", "idle_in_transaction_session_timeout"):
                connection.execute(text(f"SET {name} = {milliseconds}"))

    def beat(self) -> None:
        """Say that this process is alive, and learn whether it still leads.

        Raises:
            StoreError: It does not, or the database is away: stop the process.
        """
        self._database.beat()

    def close_record(self) -> None:
        """Let nobody lead here any more: the record has moved."""
        with self._database.write() as connection:
            connection.execute(update(LEADERSHIP).where(LEADERSHIP.c.id == 1).values(closed=True))

    def give_up(self) -> None:
        """End the session, and with it the lead; harmless when repeated."""
        if self.is_held:
            self.epoch = 0
            # Said, and not left to the server to find out, so that the next leader need not wait for it.
            with suppress(StoreError), self._database.write() as connection:
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": self._key})
        self._database.unpin()


def is_closed(database: PostgresDatabase) -> bool:
    """Tell whether the record was moved away from here."""
    with database.read() as connection:
        return bool(connection.execute(select(LEADERSHIP.c.closed).where(LEADERSHIP.c.id == 1)).scalar())


def find_holder(database: PostgresDatabase) -> str:
    """Return what the newest leader said of itself, for people; it need not be alive."""
    with database.read() as connection:
        return connection.execute(select(LEADERSHIP.c.holder).where(LEADERSHIP.c.id == 1)).scalar() or ""
