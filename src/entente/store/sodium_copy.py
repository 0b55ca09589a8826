"""The libsodium that the package `rbcl` carries, laid where it can be loaded from, once.

What it is for: a machine without a system libsodium. Importing `rbcl` writes the library into the folder
for temporary files each time and leaves it there; here its bytes are read out of the package's file without
importing it, and kept in a folder of the user's.

Invariants:
  * One file for each library, named by its SHA-256; writing is atomic; nothing else is left behind, and
    nothing is written when it is there already.
  * The folder belongs to this user and to no one else (mode 0700); else nothing of it is loaded.
  * What is loaded was compared with the package's bytes a moment before. A file that differs is refused:
    it is not loaded, and not quietly replaced, since someone has been at it.

    >>> lay_out_copy(choose_cache_folder(os.environ))
    PosixPath('.../entente/libsodium-e6d9b7f1cf7688f8.so')
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import re
import stat
import sys
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

from entente.kernel.errors import StoreError

_HEXADECIMAL: Final = re.compile(rb"bytes\.fromhex\(\s*'([0-9a-fA-F]+)'\s*\)")
_LEAST_BYTES: Final = 100_000
"""A library that is shorter is no library."""


def choose_cache_folder(environment: Mapping[str, str]) -> Path:
    """Return the user's folder for what can be made again: $XDG_CACHE_HOME, or .cache in the home."""
    named = environment.get("XDG_CACHE_HOME", "")
    return (Path(named) if Path(named).is_absolute() else Path.home() / ".cache") / "entente"


def read_carried_library() -> bytes:
    """Return the library's bytes as `rbcl` carries them, without running any of its code."""
    found = importlib.util.find_spec("rbcl")
    if found is None or not found.submodule_search_locations:
        raise StoreError("no-libsodium", "libsodium: expected the package 'rbcl' to be installed, got none")
    file = Path(found.submodule_search_locations[0]) / "_sodium.py"
    try:
        text = file.read_bytes()
    except OSError as error:
        raise StoreError("no-libsodium", f"libsodium in 'rbcl': expected the file {file}: {error}") from error
    match = _HEXADECIMAL.search(text)
    carried = b"" if match is None or len(match[1]) % 2 else bytes.fromhex(match[1].decode("ascii"))
    if len(carried) < _LEAST_BYTES:
        raise StoreError(
            "no-libsodium",
            f"libsodium in 'rbcl': expected a library in hexadecimal in {file}, got {len(carried)} bytes",
        )
    return carried


def lay_out_copy(folder: Path, carried: bytes | None = None) -> Path:
    """Return the path of the copy in ``folder``, which is written if it is not there.

    Raises:
        StoreError: The folder is open to others or cannot be written, or the copy is not what it should be.
    """
    library = read_carried_library() if carried is None else carried
    digest = hashlib.sha256(library).hexdigest()
    path = folder / f"libsodium-{digest[:16]}{'.dll' if sys.platform == 'win32' else '.so'}"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _check_private(folder)
        if not path.is_symlink() and not path.exists():
            _write(path, library)
        _check_private(path)
        kept = path.read_bytes()
    except OSError as error:
        raise StoreError(
            "libsodium-copy",
            f"copy of libsodium: expected a folder of this user at {folder}: {error}"
            " (name a library in ENTENTE_LIBSODIUM, or a folder in XDG_CACHE_HOME)",
        ) from error
    if hashlib.sha256(kept).hexdigest() != digest:
        # SECURITY: code that is not the package's is not run (test_a_changed_copy_is_refused).
        raise StoreError(
            "libsodium-copy",
            f"copy of libsodium at {path}: expected the {len(library)} bytes of SHA-256 {digest},"
            f" got {len(kept)} bytes of another; look who changed it, then remove it",
        )
    return path


def _check_private(path: Path) -> None:
    """Refuse what another user could have written to, or put in its place."""
    found = path.lstat()
    if stat.S_ISLNK(found.st_mode):
        raise StoreError("libsodium-copy", f"{path}: expected no symbolic link")
    if sys.platform != "win32" and (found.st_uid != os.getuid() or found.st_mode & 0o022):
        raise StoreError(
            "libsodium-copy",
            f"{path}: expected it to be this user's, not writable by others,"
            f" got user {found.st_uid}, mode {stat.S_IMODE(found.st_mode):o}",
        )


def _write(path: Path, library: bytes) -> None:
    """Write the file under another name and move it into place: no process ever loads half of it."""
    handle, name = tempfile.mkstemp(prefix=".libsodium-", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(library)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o500)
        # Two processes at once write the same bytes: whichever is last leaves the same file.
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise
