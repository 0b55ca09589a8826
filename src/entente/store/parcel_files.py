"""Parcels as files beside the journal, for a center that one process owns.

    parcels/<sha256>.<party>.<addressee>      a parcel; its time of change is when it was deposited
    parcels/.incoming-...                     one that is coming in; removed at the next start

Invariants: those of `parcel_home`. A name is given by a rename, after the bytes are durable, and is itself
durable before anyone is told; what the names say is kept in memory, since nobody else changes the folder.

    >>> home = ParcelFiles(folder / "parcels")
    >>> home.find(sha256)
    Lying(sha256='...', party='us', to='ru', size_bytes=3281, deposited_s=1480600000)
"""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path
from typing import Final

from entente.kernel.errors import NotFound
from entente.store.durable import fsync_dir, make_dir
from entente.store.parcel_home import PIECE_BYTES, SPOOL_PREFIX, Lying, Spool, wrapping

_SLUG: Final = r"[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?"
_NAME: Final = re.compile(rf"([0-9a-f]{{64}})\.({_SLUG})\.({_SLUG})")
_SECOND_NS: Final = 1_000_000_000


class ParcelFiles:
    """A `ParcelHome` in a folder that no other process uses."""

    def __init__(self, folder: Path) -> None:
        make_dir(folder, mode=0o700)
        self._folder = folder
        self._lock = threading.Lock()
        self._lying: dict[str, Lying] = {}
        with wrapping("read", folder.name), os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(SPOOL_PREFIX):
                    Path(entry.path).unlink()
                elif found := _NAME.fullmatch(entry.name):
                    status = entry.stat(follow_symlinks=False)
                    sha256, party, to = found.groups()
                    deposited_s = status.st_mtime_ns // _SECOND_NS
                    self._lying[sha256] = Lying(sha256, party, to, status.st_size, deposited_s)

    def open_spool(self, size_bytes: int) -> Spool:
        """Return where a parcel can come in; to be closed in any case."""
        return Spool(self._folder, size_bytes)

    def keep(self, spool: Spool, lying: Lying) -> Lying:
        """Have a whole parcel lie here, durably; return what lies under its hash, this one or an earlier."""
        with wrapping("set time", spool.path.name):
            os.utime(spool.descriptor, ns=(lying.deposited_s * _SECOND_NS,) * 2)
        spool.flush()
        with self._lock:
            known = self._lying.get(lying.sha256)
            if known is not None:
                return known
            with wrapping("rename", spool.path.name):
                spool.path.rename(self._path(lying))
            # If we stop here, the next start finds the parcel or does not; nobody was told.
            fsync_dir(self._folder)
            self._lying[lying.sha256] = lying
        return lying

    def find(self, sha256: str) -> Lying | None:
        """Return what is known of a parcel, or None when it is not here."""
        with self._lock:
            return self._lying.get(sha256)

    def list_lying(self, party: str = "") -> list[Lying]:
        """Return every parcel, or every one that a party gave, by hash."""
        with self._lock:
            found = [one for one in self._lying.values() if not party or one.party == party]
        return sorted(found, key=lambda one: one.sha256)

    def read_piece(self, sha256: str, number: int) -> bytes:
        """Return the piece of that number, from 0; raise `NotFound` when the parcel is not here."""
        lying = self.find(sha256)
        if lying is not None:
            try:
                descriptor = os.open(self._path(lying), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
            except FileNotFoundError:
                pass
            else:
                try:
                    with wrapping("read", sha256[:12]):
                        return os.pread(descriptor, PIECE_BYTES, number * PIECE_BYTES)
                finally:
                    os.close(descriptor)
        raise NotFound("parcel-gone", f"parcel {sha256[:12]}: expected it to lie here, found none")

    def remove(self, sha256: str) -> None:
        """Let a parcel go; harmless when it is gone."""
        with self._lock:
            lying = self._lying.pop(sha256, None)
            if lying is not None:
                with wrapping("remove", sha256[:12]):
                    self._path(lying).unlink(missing_ok=True)

    def close(self) -> None:
        """Nothing is open."""

    def _path(self, lying: Lying) -> Path:
        return self._folder / f"{lying.sha256}.{lying.party}.{lying.to}"
