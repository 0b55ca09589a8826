"""The terms files of a desk: one text file each, in the folder ``terms``, readable by this party alone.

Invariants: a file is written whole or not at all; it is kept as it was given, faults and all, so that it can
be mended here; a name is a slug, so that no name leads out of the folder; who put it there is known as long
as nobody changed the file by other means.

    >>> shelf.put("center", b"entente-terms = 1 ...", officer="duty-1")
    >>> [one.name for one in shelf.list_files()]
    ['center']
"""

from __future__ import annotations

import hashlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from entente.desk.book import Book
from entente.kernel.errors import Denied, Malformed, NotFound, StoreError
from entente.kernel.ids import parse_object_id
from entente.kernel.ports import Clock
from entente.kernel.time import encode_utc
from entente.store.durable import fsync_dir, make_dir, write_atomic

MAX_FILE_BYTES: Final = 512 * 1024
"""About a thousand positions with their sources; the command line takes larger files than the page."""
MAX_FILES: Final = 64
_PRIVATE: Final = 0o600


@dataclass(frozen=True, slots=True)
class TermsFile:
    """One file. ``officer`` and ``at``: who put these very bytes here, and when; empty where not known."""

    name: str
    data: bytes
    sha256: str
    officer: str = ""
    at: str = ""


class TermsShelf:
    """The folder. Safe from several threads: each write is one rename."""

    def __init__(self, folder: Path, book: Book, clock: Clock) -> None:
        self._folder = folder
        self._book = book
        self._clock = clock

    def put(self, name: str, data: bytes, *, officer: str) -> TermsFile:
        """Keep a file, in place of the one of that name.

        Raises:
            Malformed: It is too large.
            Denied: There are `MAX_FILES` others.
        """
        path = self._get_path(name)
        if len(data) > MAX_FILE_BYTES:
            raise Malformed(
                "too-large",
                f"terms file: expected <= {MAX_FILE_BYTES} bytes, got {len(data)}: ask about it with"
                " `entente terms ask`",
                path="$.text",
            )
        if not path.is_file() and len(self._list_names()) >= MAX_FILES:
            raise Denied("too-many", f"terms files: expected <= {MAX_FILES} on this desk: drop one first")
        make_dir(self._folder, mode=0o700)
        sha256 = hashlib.sha256(data).hexdigest()
        at = encode_utc(self._clock.now_utc())
        self._book.put_meta(_key(name), msgspec.json.encode([sha256, officer, at]).decode())
        write_atomic(path, data, mode=_PRIVATE)
        self._book.on_change()
        return TermsFile(name, data, sha256, officer, at)

    def drop(self, name: str) -> None:
        """Remove a file for good, or raise `NotFound`."""
        path = self._get_path(name)
        try:
            path.unlink()
        except FileNotFoundError:
            raise self._missing(name) from None
        except OSError as error:
            raise _failed(name, error) from error
        fsync_dir(self._folder)
        self._book.put_meta(_key(name), "")
        self._book.on_change()

    def get(self, name: str) -> TermsFile:
        """Return a file, or raise `NotFound`."""
        try:
            with self._get_path(name).open("rb") as file:
                data = file.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            raise self._missing(name) from None
        except OSError as error:
            raise _failed(name, error) from error
        if len(data) > MAX_FILE_BYTES:
            raise Malformed("too-large", f"terms file {name!r}: expected <= {MAX_FILE_BYTES} bytes, got more")
        sha256 = hashlib.sha256(data).hexdigest()
        known = self._book.find_meta(_key(name))
        with suppress(msgspec.DecodeError):
            was, officer, at = msgspec.json.decode(known or "", type=tuple[str, str, str])
            if was == sha256:
                return TermsFile(name, data, sha256, officer, at)
        return TermsFile(name, data, sha256)

    def list_files(self) -> list[TermsFile]:
        """Return every file, in the order of names; one that cannot be read is left out."""
        found = []
        for name in self._list_names():
            with suppress(NotFound, Malformed):  # it went, or grew by other means, in this moment
                found.append(self.get(name))
        return found

    def _list_names(self) -> list[str]:
        names = []
        for path in self._folder.glob("*.toml"):
            with suppress(Malformed):
                names.append(parse_object_id(path.stem))
        return sorted(map(str, names))

    def _get_path(self, name: str) -> Path:
        # SECURITY: a slug has neither dots nor slashes: no name leads out of the folder
        # (tests/protocol/test_desk_terms.py, test_no_name_leads_out_of_the_folder).
        return self._folder / f"{parse_object_id(name)}.toml"

    def _missing(self, name: str) -> NotFound:
        known = ", ".join(self._list_names()) or "none"
        return NotFound("no-terms", f"terms file {name!r}: expected one on this desk ({known}), found none")


def _key(name: str) -> str:
    return f"terms-file:{name}"


def _failed(name: str, error: OSError) -> StoreError:
    return StoreError("io-error", f"terms file {name!r}: {(error.strerror or str(error)).lower()}")
