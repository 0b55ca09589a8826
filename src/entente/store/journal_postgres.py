"""The journal in PostgreSQL: the bytes of the journal's file, the header and each frame a row.

Invariants:
  * ``SELECT data FROM journal ORDER BY start``, one after the other, are the bytes of a journal's file.
  * The primary key is where a frame begins: two frames in one place cannot both be there. Rows are never
    changed or removed; a trigger holds that.
  * A frame is written in the transaction of its rows and durable with them; it is read only after that.
  * Reading checks what reading a file does: every chain value, the last signature and root. Nothing here can
    be torn, so whatever is wrong is damage.

It does not decide who may append: `leadership` does, in the same transaction.

    >>> journal = JournalTable(database)
    >>> journal.create("example.org/log")
    >>> restored = journal.restore(log_key)
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import accumulate
from typing import Final

from sqlalchemy import Connection, bindparam, func, select, text
from sqlalchemy.dialects.postgresql import insert

from entente.kernel.errors import NotFound, StoreError
from entente.record.checkpoint import VerifiedCheckpoint
from entente.record.journal import (
    FRAME_HEAD_BYTES,
    Frame,
    FrameChain,
    JournalHeader,
    Tail,
    encode_frame,
    encode_journal_header,
    parse_journal_header,
)
from entente.record.note import NoteKey
from entente.record.recovery import Restoration, RestoredJournal
from entente.store.sql_postgres import PostgresDatabase
from entente.store.tables import JOURNAL

LENGTH_BYTES: Final = 2
_PAGE: Final = 16
"""Frames read at a time: each is 64 MB at the most, and a busy center's about 100 kB."""
_ROW: Final = JOURNAL.insert()
_READ_PART: Final = select(func.substring(JOURNAL.c.data, bindparam("first"), bindparam("length"))).where(
    JOURNAL.c.start == bindparam("at")
)


class JournalTable:
    """See the module, and `entente.store.journal.Journal` for the contract.

    Args:
        database: Where it lies.
        connection: To read it inside a transaction that has written it, before that is over.
    """

    def __init__(self, database: PostgresDatabase, connection: Connection | None = None) -> None:
        self._database = database
        self._connection = connection
        self._chain: FrameChain | None = None
        self._staged: tuple[int, Frame, bytes] | None = None
        # Where each entry lies, as in `JournalFile`; and where each frame begins.
        self._offsets = array("Q")
        self._lengths = array("H")
        self._starts = array("Q")
        part = database.prepare(_READ_PART)
        self._part = part
        self._order = [("first", "length", "at").index(name) for name in part.names]

    @property
    def size(self) -> int:
        """Number of durable entries."""
        return len(self._lengths)

    @property
    def size_bytes(self) -> int:
        """Length of the durable frames, with the header."""
        return self._chain.place if self._chain else 0

    def create(self, origin: str) -> None:
        """Begin a journal where there is none. Its first bytes follow from the origin: doing it twice is one.

        Raises:
            StoreError: ``other-record``: the database holds another one.
        """
        if self._read_header() is None:
            with self._database.write() as connection:
                self.create_in(connection, origin)
        self.check_origin(origin)

    def create_in(self, connection: Connection, origin: str) -> None:
        """Begin a journal in the caller's transaction, unless there is one."""
        row = {"start": 0, "size": 0, "data": encode_journal_header(origin)[0]}
        connection.execute(insert(JOURNAL).on_conflict_do_nothing(), [row])

    def set_aside(self, connection: Connection) -> str:
        """Empty the journal, and return the name of the table that keeps what was in it; "" for nothing.

        For restoring from a mirror alone: nothing else may take a frame away.
        """
        if not connection.execute(select(func.count()).select_from(JOURNAL)).scalar():
            return ""
        number = 1
        taken = text("SELECT to_regclass(:name) IS NOT NULL")
        while connection.execute(taken, {"name": f"journal_replaced_{number}"}).scalar():
            number += 1
        name = f"journal_replaced_{number}"
        for statement in (
            f"CREATE TABLE {name} AS TABLE journal",
            "ALTER TABLE journal DISABLE TRIGGER append_only",
            "DELETE FROM journal",
            "ALTER TABLE journal ENABLE TRIGGER append_only",
        ):
            connection.execute(text(statement))
        return name

    def check_origin(self, origin: str) -> None:
        """Return if the journal is this record's.

        Raises:
            StoreError: ``journal-missing``; ``other-record``.
        """
        found = self._read_header()
        if found is None:
            raise StoreError("journal-missing", "database: expected a record's journal, found none")
        if found.origin != origin:
            raise StoreError(
                "other-record", f"database: expected the record {origin!r}, got the one of {found.origin!r}"
            )

    def find_origin(self) -> str | None:
        """Return whose record lies here, or None."""
        found = self._read_header()
        return None if found is None else found.origin

    def restore(
        self,
        log_key: NoteKey,
        *,
        known: Sequence[VerifiedCheckpoint] = (),
        on_frame: Callable[[Frame, list[bytes]], None] | None = None,
        thorough: bool = False,
    ) -> RestoredJournal:
        """Read and check every frame, as `entente.record.recovery.restore_journal` does."""
        header = self._read_header()
        if header is None:
            raise StoreError("journal-missing", "database: expected a record's journal, found none")
        self._chain = FrameChain(header)
        for places in (self._offsets, self._lengths, self._starts):
            del places[:]
        restoration = Restoration(header, log_key, on_frame=on_frame, thorough=thorough)
        for frame in self._read_frames(self._chain):
            restoration.take(frame)
            self._place(frame)
        checkpoint = restoration.finish(lambda: self._read_frames(FrameChain(header)))
        return restoration.describe(checkpoint, Tail.CLEAN, known)

    def follow(self) -> list[Frame]:
        """Return the frames that another process has added since; from here on they are read here as well.

        The caller checks their signatures and roots.

        Raises:
            StoreError: ``journal-damaged``: they do not belong behind what was known.
        """
        if self._chain is None:
            raise AssertionError("journal: expected to be restored")
        frames = []
        for frame in self._read_frames(self._chain):
            self._place(frame)
            frames.append(frame)
        return frames

    def append(self, entries: Sequence[bytes], checkpoint_note: bytes) -> None:
        """Take a batch and its checkpoint; `write_to` writes them."""
        if self._chain is None or self._staged is not None:
            raise StoreError("journal-dead", "journal: expected to be restored, and the last batch committed")
        frame, chain = encode_frame(self._chain.chain, entries, checkpoint_note)
        start, size = self._chain.place, self._chain.size
        read = Frame(start, start + len(frame), size, list(entries), checkpoint_note, chain)
        self._staged = (read.size, read, frame)

    def write_to(self, connection: Connection) -> None:
        """Write the batch. Whether it is there is known when the transaction is over.

        Raises:
            StoreError: Another frame stands in its place: this process did not lead. Nothing was changed.
        """
        if self._staged is not None:
            size, frame, data = self._staged
            connection.execute(_ROW, [{"start": frame.start, "size": size, "data": data}])

    def mark_committed(self) -> None:
        """Show what was appended."""
        if self._staged is None:
            return
        if self._chain is None:
            raise AssertionError("journal: expected to be restored")
        _, frame, _ = self._staged
        self._staged = None
        self._place(frame)
        self._chain.place, self._chain.chain, self._chain.size = frame.end, frame.chain, frame.size

    def read_entry(self, index: int) -> bytes:
        """Return one entry's exact bytes, or raise `NotFound`."""
        if not 0 <= index < self.size:
            raise NotFound("no-entry", f"entry: expected 0 <= index < {self.size}, got {index}")
        return self._read_entries(index, index + 1)[0]

    def read_entries(self, start: int, end: int) -> list[bytes]:
        """Return the entries [start, end), or raise `NotFound` where there are not so many."""
        if not 0 <= start <= end <= self.size:
            raise NotFound(
                "no-entry", f"entries: expected 0 <= start <= end <= {self.size}, got {start}..{end}"
            )
        return self._read_entries(start, end)

    def _read_entries(self, start: int, end: int) -> list[bytes]:
        found: list[bytes] = []
        while start < end:
            # As many as lie in one frame are one question.
            frame = bisect_right(self._starts, self._offsets[start]) - 1
            until = self._starts[frame + 1] if frame + 1 < len(self._starts) else 2**63
            last = start
            while last + 1 < end and self._offsets[last + 1] < until:
                last += 1
            first_at = self._offsets[start]
            data = self._read_part(
                self._starts[frame], first_at, self._offsets[last] + self._lengths[last] - first_at
            )
            for at in range(start, last + 1):
                place = self._offsets[at] - first_at
                found.append(data[place : place + self._lengths[at]])
            start = last + 1
        return found

    def _read_part(self, frame_start: int, offset: int, length: int) -> bytes:
        values = (offset - frame_start + 1, length, frame_start)
        data = self._database.find_value(self._part, *(values[place] for place in self._order))
        if data is None or len(data) != length:
            raise StoreError("journal-damaged", f"journal: expected {length} bytes at {offset}")
        return bytes(data)

    def close(self) -> None:
        """Give it up; harmless when repeated. The database is closed by its owner."""
        self._chain = None

    def read_rows(self) -> Iterator[tuple[bytes, int]]:
        """Yield the bytes of the header and of each frame, in order, with the tree's size behind them."""
        question = select(JOURNAL).order_by(JOURNAL.c.start).limit(_PAGE)
        start = -1
        while True:
            with self._read() as connection:
                rows = connection.execute(question.where(JOURNAL.c.start > start)).all()
            for row in rows:
                yield bytes(row.data), row.size
                start = row.start
            if len(rows) < _PAGE:
                return

    def _read(self) -> AbstractContextManager[Connection]:
        return self._database.read() if self._connection is None else nullcontext(self._connection)

    def _read_header(self) -> JournalHeader | None:
        with self._read() as connection:
            data = connection.execute(select(JOURNAL.c.data).where(JOURNAL.c.start == 0)).scalar()
        return None if data is None else parse_journal_header(data)

    def _read_frames(self, chain: FrameChain) -> Iterator[Frame]:
        """Yield the frames from where ``chain`` stands, each checked against the one before."""
        question = select(JOURNAL.c.start, JOURNAL.c.data).order_by(JOURNAL.c.start).limit(_PAGE)
        while True:
            with self._read() as connection:
                rows = connection.execute(question.where(JOURNAL.c.start >= chain.place)).all()
            for row in rows:
                if row.start != chain.place:
                    raise StoreError(
                        "journal-damaged", f"journal at byte {chain.place}: expected a frame, got none"
                    )
                yield chain.read_whole(row.data)
            if len(rows) < _PAGE:
                return

    def _place(self, frame: Frame) -> None:
        lengths = [len(entry) for entry in frame.entries]
        first = frame.start + FRAME_HEAD_BYTES + LENGTH_BYTES
        steps = [length + LENGTH_BYTES for length in lengths]
        self._starts.append(frame.start)
        # Offsets first: a reader goes by the number of lengths.
        self._offsets.extend(list(accumulate(steps, initial=first))[:-1])
        self._lengths.extend(lengths)
