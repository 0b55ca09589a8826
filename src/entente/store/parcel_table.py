"""Parcels in PostgreSQL, for a center of several processes: each of them serves what any of them took.

    parcels             one row a parcel: whose, for whom, how large, since when
    parcel_pieces       its bytes, a mebibyte a row

Invariants: those of `parcel_home`. A parcel is one transaction of a connection of its own, so that a large
one does not keep the record's writer waiting; it comes in to a file of this machine first, so that no
transaction waits for a client.

It needs no lead: parcels are no part of the record. That the leader alone takes any, `center.parcels` sees
to.

    >>> home = ParcelTable(database, folder / "parcels")
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from sqlalchemy import select

from entente.kernel.errors import NotFound
from entente.store.durable import make_dir
from entente.store.parcel_home import Lying, Spool, wrapping
from entente.store.sql import wrap_error
from entente.store.sql_postgres import PostgresDatabase, connect
from entente.store.tables import PARCEL_PIECES, PARCELS

_INSERT: Final = (
    "INSERT INTO parcels (sha256, party, addressee, size_bytes, deposited_s) VALUES (%s, %s, %s, %s, %s) "
    "ON CONFLICT (sha256) DO NOTHING RETURNING sha256"
)
_INSERT_PIECE: Final = "INSERT INTO parcel_pieces (sha256, number, data) VALUES (%s, %s, %b)"
_DELETE_PIECES: Final = "DELETE FROM parcel_pieces WHERE sha256 = %s"
_DELETE: Final = "DELETE FROM parcels WHERE sha256 = %s"


class ParcelTable:
    """A `ParcelHome` in the database that the record lies in."""

    def __init__(self, database: PostgresDatabase, folder: Path) -> None:
        """Use a database; ``folder`` is where parcels come in on this machine."""
        make_dir(folder, mode=0o700)
        self._database = database
        self._folder = folder
        self._lock = threading.Lock()
        self._connection: Any = None

    def open_spool(self, size_bytes: int) -> Spool:
        """Return where a parcel can come in; to be closed in any case."""
        spool = Spool(self._folder, size_bytes)
        # Without a name nothing of it can stay behind, and two processes may use one folder.
        with wrapping("unlink", spool.path.name):
            spool.path.unlink()
        return spool

    def keep(self, spool: Spool, lying: Lying) -> Lying:
        """Have a whole parcel lie here, durably; return what lies under its hash, this one or an earlier."""
        with self._write() as cursor:
            values = (lying.sha256, lying.party, lying.to, lying.size_bytes, lying.deposited_s)
            if cursor.execute(_INSERT, values).fetchone() is not None:
                for number, piece in enumerate(spool.read()):
                    cursor.execute(_INSERT_PIECE, (lying.sha256, number, piece))
                # If we stop before the commit, nothing is there and nobody was told.
                return lying
        return self.find(lying.sha256) or lying

    def find(self, sha256: str) -> Lying | None:
        """Return what is known of a parcel, or None when it is not here."""
        with self._database.read() as connection:
            row = connection.execute(select(PARCELS).where(PARCELS.c.sha256 == sha256)).one_or_none()
        return None if row is None else Lying(*row)

    def list_lying(self, party: str = "") -> list[Lying]:
        """Return every parcel, or every one that a party gave, by hash."""
        question = select(PARCELS).order_by(PARCELS.c.sha256)
        if party:
            question = question.where(PARCELS.c.party == party)
        with self._database.read() as connection:
            return [Lying(*row) for row in connection.execute(question)]

    def read_piece(self, sha256: str, number: int) -> bytes:
        """Return the piece of that number, from 0; raise `NotFound` when the parcel is not here."""
        wanted = (PARCEL_PIECES.c.sha256 == sha256) & (PARCEL_PIECES.c.number == number)
        with self._database.read() as connection:
            found = connection.execute(select(PARCEL_PIECES.c.data).where(wanted)).scalar()
        if found is None:
            raise NotFound("parcel-gone", f"parcel {sha256[:12]}: expected it to lie here, found none")
        return bytes(found)

    def remove(self, sha256: str) -> None:
        """Let a parcel go; harmless when it is gone."""
        with self._write() as cursor:
            cursor.execute(_DELETE_PIECES, (sha256,))
            cursor.execute(_DELETE, (sha256,))

    def close(self) -> None:
        """Give up the connection."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    @contextlib.contextmanager
    def _write(self) -> Iterator[Any]:
        """Give a cursor in a transaction of our own connection; a lost connection is made anew next time."""
        import psycopg  # noqa: PLC0415 - only who uses PostgreSQL has it installed

        with self._lock:
            if self._connection is None or self._connection.closed:
                self._connection = connect(self._database.url, autocommit=True)
                self._connection.execute("SET synchronous_commit = on")
            try:
                with self._connection.transaction(), self._connection.cursor() as cursor:
                    yield cursor
            except psycopg.Error as error:
                raise wrap_error(error) from error
