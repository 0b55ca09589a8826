"""The journal's port: what the writer needs of the place where the record lies.

Two homes: a file of this machine (`journal_file`), and a table of PostgreSQL (`journal_postgres`). The bytes
are the same, and so are the checks.

A batch goes in three steps, so that a home in the same database as the rows can make both durable at once:

    journal.append(entries, note)            a file: durable when it returns
    with database.write() as connection:
        journal.write_to(connection)         a table: durable with the rows, when the block ends
        ...
    journal.mark_committed()                 from here on it can be read

Invariant: whatever the home, a batch is durable at the latest when the transaction is, and a reader sees
nothing that is not durable.

    >>> journal.append([entry], note)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from sqlalchemy import Connection

from entente.record.checkpoint import VerifiedCheckpoint
from entente.record.journal import Frame
from entente.record.note import NoteKey
from entente.record.recovery import RestoredJournal


class Journal(Protocol):
    """A record's frames. One thread appends; others may read what was appended and committed."""

    @property
    def size(self) -> int:
        """Number of durable entries."""

    @property
    def size_bytes(self) -> int:
        """Length of the durable frames, with the header."""

    def restore(
        self,
        log_key: NoteKey,
        *,
        known: Sequence[VerifiedCheckpoint] = (),
        on_frame: Callable[[Frame, list[bytes]], None] | None = None,
        thorough: bool = False,
    ) -> RestoredJournal:
        """Read and check everything, as `entente.record.recovery.restore_journal` does; then be ready.

        Raises:
            StoreError: Damage, or a history older than what is known elsewhere: nothing was changed.
        """

    def append(self, entries: Sequence[bytes], checkpoint_note: bytes) -> None:
        """Take a batch and its checkpoint. A home of its own makes them durable here.

        Raises:
            StoreError: It failed. The journal takes nothing more; stop the process and acknowledge nothing.
        """

    def write_to(self, connection: Connection) -> None:
        """Write what was appended in the caller's transaction, where it is not durable already."""

    def mark_committed(self) -> None:
        """Show what was appended: the caller's transaction is over, and durable."""

    def read_entry(self, index: int) -> bytes:
        """Return one entry's exact bytes, or raise `NotFound`."""

    def read_entries(self, start: int, end: int) -> list[bytes]:
        """Return the entries [start, end), or raise `NotFound` where there are not so many."""

    def close(self) -> None:
        """Give it up; harmless when repeated."""
