"""The journal's file: who owns it, how it grows, how it is found again (docs/formats/record.md section 8).

Invariants:
  * One process owns the file (an exclusive lock on the open file, gone with the process).
  * `append` is one write and one fdatasync. When it returns, the batch is durable; when it raises, the
    object is
    dead and the process must stop: whether the batch survives is known only after the next start. Nobody
    has been answered for it, so both are right.
  * Opening cuts a torn tail and nothing else; damage is fatal and names the way out.
  * What `read_entry` gives was durable before it was readable.

This is one home of `entente.store.journal.Journal`.

Frames and recovery are `entente.record.journal` and `.recovery`: pure, and tested at every byte.

    >>> create_journal(path, "example.org/log")
    >>> journal, restored = open_journal(path, log_key)
    >>> journal.append([entry], note)
    >>> journal.read_entry(0) == entry
    True
"""

from __future__ import annotations

import fcntl
import mmap
import os
from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Final

from sqlalchemy import Connection

from entente.kernel.errors import NotFound, StoreError
from entente.record.checkpoint import VerifiedCheckpoint
from entente.record.journal import FRAME_HEAD_BYTES, Frame, Tail, encode_frame, encode_journal_header
from entente.record.note import NoteKey
from entente.record.recovery import RestoredJournal, restore_journal
from entente.store.durable import flush_data, flush_file, fsync_dir, write_all, write_atomic

LENGTH_BYTES: Final = 2
RESTORE_HINT: Final = (
    "the center must not sign from this file: move it aside and restore the record from a party's mirror "
    "(entente center restore)"
)


def create_journal(path: Path, origin: str) -> None:
    """Begin a journal; refuses to replace one.

    Raises:
        StoreError: ``journal-exists``, or the disk failed.
    """
    if path.exists():
        raise StoreError("journal-exists", f"journal {path.name!r}: expected none, found one")
    # All at once: a journal with half a header would be taken for damage.
    write_atomic(path, encode_journal_header(origin)[0])


def open_journal(
    path: Path,
    log_key: NoteKey,
    *,
    known: Sequence[VerifiedCheckpoint] = (),
    on_frame: Callable[[Frame, list[bytes]], None] | None = None,
    thorough: bool = False,
) -> tuple[JournalFile, RestoredJournal]:
    """Return the journal, ready to append, and what it holds: `lock_journal` and `JournalFile.restore`."""
    journal = lock_journal(path)
    try:
        return journal, journal.restore(log_key, known=known, on_frame=on_frame, thorough=thorough)
    except BaseException:
        journal.close()
        raise


def lock_journal(path: Path) -> JournalFile:
    """Return the journal, owned by this process alone and not yet read.

    Raises:
        StoreError: ``journal-locked``: another process has it; ``journal-missing``: `create_journal` was
        never
            called, or the file is lost.
    """
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError as error:
        raise StoreError(
            "journal-missing", f"journal {path.name!r}: expected one, found none; {RESTORE_HINT}"
        ) from error
    except OSError as error:
        raise StoreError("io-error", f"journal {path.name!r}: {(error.strerror or '').lower()}") from error
    try:
        _lock(descriptor, path)
    except BaseException:
        os.close(descriptor)
        raise
    return JournalFile(descriptor, path)


def _lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise StoreError(
            "journal-locked", f"journal {path.name!r}: expected to be its only owner, another process has it"
        ) from error
    except OSError as error:
        raise StoreError("io-error", f"journal {path.name!r}: {(error.strerror or '').lower()}") from error


class JournalFile:
    """An open, locked journal. One thread appends; others may read what was appended. See `open_journal`."""

    def __init__(self, descriptor: int, path: Path) -> None:
        self._descriptor = descriptor
        self._path = path
        self._chain = b""
        self._end = 0
        self._dead: StoreError | None = None
        # Where each entry lies: 10 bytes an entry, so that entries stay in the file and nowhere else.
        self._offsets = array("Q")
        self._lengths = array("H")

    @property
    def size(self) -> int:
        """Number of durable entries."""
        return len(self._lengths)

    @property
    def size_bytes(self) -> int:
        """Length of the file's sound part."""
        return self._end

    def restore(
        self,
        log_key: NoteKey,
        *,
        known: Sequence[VerifiedCheckpoint] = (),
        on_frame: Callable[[Frame, list[bytes]], None] | None = None,
        thorough: bool = False,
    ) -> RestoredJournal:
        """Read the whole file, cut a torn tail, and be ready to append.

        Args:
            log_key: The log's key.
            known, on_frame, thorough: As for `entente.record.recovery.restore_journal`.

        Raises:
            StoreError: Damage, or a history older than what is known elsewhere: nothing was changed.
        """
        last_start = 0

        def take(frame: Frame, leaves: list[bytes]) -> None:
            nonlocal last_start
            last_start = frame.start
            self._place(frame.start, frame.entries)
            if on_frame is not None:
                on_frame(frame, leaves)

        data = self._map()
        try:
            restored = restore_journal(data, log_key, known=known, on_frame=take, thorough=thorough)
        except StoreError as error:
            raise StoreError(error.code, f"{error.message}; {RESTORE_HINT}") from error
        self._chain, self._end = restored.chain, restored.good_end
        if restored.tail is Tail.TORN:
            # Nobody was answered for the torn frame. If we stop before the cut is durable, it is cut again.
            try:
                os.ftruncate(self._descriptor, self._end)
            except OSError as error:
                raise StoreError(
                    "io-error", f"journal: cut failed: {(error.strerror or '').lower()}"
                ) from error
        # INVARIANT: what is read back is durable before it is shown. The last frame may be here only in
        # memory: its writer was killed before the flush, or its flush failed and the kernel called the
        # pages clean. So it is written again, the same bytes in the same place, and flushed.
        write_all(self._descriptor, bytes(data[last_start : self._end]), last_start, what=self._path.name)
        flush_file(self._descriptor, what=self._path.name)
        # A crash may have come between the file's making and the flush of its name.
        fsync_dir(self._path.parent)
        return restored

    def append(self, entries: Sequence[bytes], checkpoint_note: bytes) -> None:
        """Make a batch and its checkpoint durable: one write, one fdatasync.

        Raises:
            StoreError: The disk is full or failed. The journal takes nothing more; stop the process and
                acknowledge nothing of this batch.
        """
        if self._dead is not None:
            raise StoreError("journal-dead", f"journal: stopped after: {self._dead.message}")
        frame, chain = encode_frame(self._chain, entries, checkpoint_note)
        try:
            write_all(self._descriptor, frame, self._end, what=self._path.name)
            flush_data(self._descriptor, what=self._path.name)
        except StoreError as error:
            # Never tried again and never taken back: after a failed flush nobody knows what is on the disk.
            self._dead = error
            raise
        self._place(self._end, entries)
        self._chain, self._end = chain, self._end + len(frame)

    def write_to(self, connection: Connection) -> None:
        """Write nothing: `append` has, and flushed it."""

    def mark_committed(self) -> None:
        """Show nothing more: what was appended can be read already."""

    def read_entry(self, index: int) -> bytes:
        """Return one entry's exact bytes, or raise `NotFound`."""
        if not 0 <= index < self.size:
            raise NotFound("no-entry", f"entry: expected 0 <= index < {self.size}, got {index}")
        return self._read(self._offsets[index], self._lengths[index])

    def read_entries(self, start: int, end: int) -> list[bytes]:
        """Return the entries [start, end), or raise `NotFound` where there are not so many."""
        if not 0 <= start <= end <= self.size:
            raise NotFound(
                "no-entry", f"entries: expected 0 <= start <= end <= {self.size}, got {start}..{end}"
            )
        return [self._read(self._offsets[at], self._lengths[at]) for at in range(start, end)]

    def close(self) -> None:
        """Give the file up; harmless when repeated."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
            self._dead = self._dead or StoreError("journal-closed", "journal: closed")

    def _place(self, frame_start: int, entries: Sequence[bytes]) -> None:
        lengths = [len(entry) for entry in entries]
        first = frame_start + FRAME_HEAD_BYTES + LENGTH_BYTES
        steps = [length + LENGTH_BYTES for length in lengths]
        # Offsets first: a reader goes by the number of lengths.
        self._offsets.extend(list(accumulate(steps, initial=first))[:-1])
        self._lengths.extend(lengths)

    def _read(self, offset: int, length: int) -> bytes:
        try:
            data = os.pread(self._descriptor, length, offset)
        except OSError as error:
            raise StoreError("io-error", f"journal: read failed: {(error.strerror or '').lower()}") from error
        if len(data) != length:
            raise StoreError("io-error", f"journal: expected {length} bytes at {offset}, got {len(data)}")
        return data

    def _map(self) -> memoryview:
        size = os.fstat(self._descriptor).st_size
        if size == 0:
            return memoryview(b"")
        try:
            mapped = mmap.mmap(self._descriptor, size, access=mmap.ACCESS_READ)
        except OSError as error:
            raise StoreError("io-error", f"journal: map failed: {(error.strerror or '').lower()}") from error
        mapped.madvise(mmap.MADV_SEQUENTIAL)
        return memoryview(mapped)
