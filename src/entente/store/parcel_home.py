"""Where parcels lie: bytes beside the record, of which the record names the hash.

Two homes keep the same promise: `parcel_files` (beside the journal of a center on SQLite) and `parcel_table`
(PostgreSQL, for a center of several processes).

Invariants:
  * A parcel is there in full, under the hash of its bytes, or it is not there; what `keep` has taken survives
    a loss of power, and is never changed.
  * A parcel that is coming in is written to a `Spool` on this machine as it comes, with its length and hash
    checked; one that breaks off leaves nothing, whatever it broke off by.
  * One hash is one party's, for one addressee: the first that gave it.

It checks no signature and no quota, and decides nothing about when a parcel goes: `center.parcels` does.

    >>> with closing(home.open_spool(size_bytes)) as spool:
    ...     spool.write(data)
    ...     spool.finish(sha256)
    ...     home.keep(spool, Lying(sha256, "us", "ru", size_bytes, deposited_s))
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Final, Protocol

from entente.kernel.errors import Malformed, StoreError
from entente.store.durable import flush_file, write_all

PIECE_BYTES: Final = 1 << 20
"""What is read or written at a time: bounds memory, however large a parcel is."""
SPOOL_PREFIX: Final = ".incoming-"
_NUMBERS: Final = count()


@dataclass(frozen=True, slots=True)
class Lying:
    """A parcel that is there.

    Attributes:
        party: Who gave it.
        to: For whom: a party, or ``center``.
        deposited_s: When, by the center's clock, in Unix seconds.
    """

    sha256: str
    party: str
    to: str
    size_bytes: int
    deposited_s: int


class Spool:
    """A parcel that is coming in, in a file that nobody else sees. One thread at a time.

    Raises:
        Malformed: ``other-length`` or ``other-bytes``: not the parcel that was announced.
        StoreError: ``disk-full``, or the disk failed.
    """

    def __init__(self, folder: Path, size_bytes: int) -> None:
        name = f"{SPOOL_PREFIX}{os.getpid()}-{threading.get_ident()}-{next(_NUMBERS)}"
        self.path = folder / name
        self.size_bytes = size_bytes
        self._written = 0
        self._hash = hashlib.sha256()
        self._is_whole = False
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with wrapping("open", self.path.name):
            self.descriptor = os.open(self.path, flags, 0o600)

    def write(self, piece: bytes) -> None:
        """Take the next bytes."""
        if self._written + len(piece) > self.size_bytes:
            raise Malformed("other-length", f"parcel: expected {self.size_bytes} bytes, got more")
        write_all(self.descriptor, piece, self._written, what=self.path.name)
        self._hash.update(piece)
        self._written += len(piece)

    def finish(self, sha256: str) -> None:
        """Return if all is there and has this hash."""
        if self._written != self.size_bytes:
            raise Malformed("other-length", f"parcel: expected {self.size_bytes} bytes, got {self._written}")
        # SECURITY: the hash is of the very bytes that were written, as they were written: nothing can be put
        # under another name (tests/protocol/test_center_parcels.py, test_swapped_bytes_leave_nothing).
        if (got := self._hash.hexdigest()) != sha256:
            raise Malformed("other-bytes", f"parcel: expected SHA-256 {sha256}, got {got}")
        self._is_whole = True

    def flush(self) -> None:
        """Make the bytes durable."""
        if not self._is_whole:
            raise AssertionError("spool: expected a whole parcel to be kept")
        flush_file(self.descriptor, what=self.path.name)

    def read(self) -> Iterator[bytes]:
        """Yield the parcel, piece by piece."""
        for start in range(0, self.size_bytes, PIECE_BYTES):
            with wrapping("read", self.path.name):
                piece = os.pread(self.descriptor, PIECE_BYTES, start)
            yield piece

    def close(self) -> None:
        """Leave nothing behind but what was kept; harmless when repeated."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
            with contextlib.suppress(OSError):
                self.path.unlink()


class ParcelHome(Protocol):
    """Where a center's parcels lie. Every method may be called from any thread."""

    def open_spool(self, size_bytes: int) -> Spool:
        """Return where a parcel can come in; to be closed in any case."""

    def keep(self, spool: Spool, lying: Lying) -> Lying:
        """Have a whole parcel lie here, durably, and return what lies under its hash: this one or an earlier.

        If the process stops before it returns, the parcel is there or not; nobody was told.
        """

    def find(self, sha256: str) -> Lying | None:
        """Return what is known of a parcel, or None when it is not here."""

    def list_lying(self, party: str = "") -> list[Lying]:
        """Return every parcel, or every one that a party gave, by hash."""

    def read_piece(self, sha256: str, number: int) -> bytes:
        """Return the piece of that number, from 0; raise `NotFound` when the parcel is not here."""

    def remove(self, sha256: str) -> None:
        """Let a parcel go; harmless when it is gone."""

    def close(self) -> None:
        """Give up what is open; what lies here stays."""


def count_pieces(size_bytes: int) -> int:
    """Return how many pieces a parcel of this size has."""
    return -(-size_bytes // PIECE_BYTES)


def read_whole(home: ParcelHome, lying: Lying) -> bytes:
    """Return a parcel's bytes.

    Raises:
        NotFound: It has gone. StoreError: ``parcel-damaged``: a disk gave other bytes than it was given.
    """
    data = b"".join(home.read_piece(lying.sha256, number) for number in range(count_pieces(lying.size_bytes)))
    if hashlib.sha256(data).hexdigest() != lying.sha256:
        raise StoreError(
            "parcel-damaged", f"parcel {lying.sha256[:12]}: expected bytes of its hash, the disk gave others"
        )
    return data


def copy_parcels(source: ParcelHome, target: ParcelHome) -> int:
    """Copy every parcel that the other home has not, and return how many there were."""
    found = source.list_lying()
    for lying in found:
        if target.find(lying.sha256) is None:
            with contextlib.closing(target.open_spool(lying.size_bytes)) as spool:
                for number in range(count_pieces(lying.size_bytes)):
                    spool.write(source.read_piece(lying.sha256, number))
                spool.finish(lying.sha256)
                target.keep(spool, lying)
    return len(found)


@contextlib.contextmanager
def wrapping(call: str, what: str) -> Iterator[None]:
    """Have an `OSError` of the block become a `StoreError`."""
    try:
        yield
    except OSError as error:
        code = "disk-full" if error.errno in {28, 122, 27} else "io-error"
        raise StoreError(code, f"{what}: {call} failed: {(error.strerror or str(error)).lower()}") from error
