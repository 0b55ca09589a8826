"""Files that are either there in full or not at all, even when the power fails.

Invariants:
  * `write_atomic` leaves the old contents or the new, never a mixture; when it returns, the new ones are
    durable.
  * A failed flush is a `StoreError` and is never tried again: after a failure the kernel may have dropped the
    dirty pages and report the next flush as a success (Rebello and others, "Can applications recover from
    fsync failures?", 2020). Whoever gets one stops the process.

It does not lock: one process owns a folder, see `journal_file`.

    >>> write_atomic(folder / "state", b"...")
    >>> fsync_dir(folder)
"""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from entente.kernel.errors import StoreError

READABLE = 0o644
SECRET = 0o600
"""Permissions of a file that holds a secret key."""


def flush_file(descriptor: int, *, what: str) -> None:
    """Make a file's bytes and length durable (fsync), or raise `StoreError`."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        raise _failed("fsync", what, error) from error


def flush_data(descriptor: int, *, what: str) -> None:
    """Make a file's bytes, and its length when it grew, durable (fdatasync), or raise `StoreError`."""
    try:
        os.fdatasync(descriptor)
    except OSError as error:
        raise _failed("fdatasync", what, error) from error


def fsync_dir(folder: Path) -> None:
    """Make the names in ``folder`` durable, or raise `StoreError`."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise _failed("open", str(folder), error) from error
    try:
        flush_file(descriptor, what=str(folder))
    finally:
        os.close(descriptor)


def write_all(descriptor: int, data: bytes, offset: int, *, what: str) -> None:
    """Write every byte at ``offset``: a call that wrote less goes on where it stopped."""
    view = memoryview(data)
    try:
        while view:
            written = os.pwrite(descriptor, view, offset)
            view, offset = view[written:], offset + written
    except OSError as error:
        raise _failed("write", what, error) from error


def write_atomic(path: Path, data: bytes, *, mode: int = READABLE) -> None:
    """Put ``data`` at ``path``, durably and all at once.

    The bytes go to a file beside it, are flushed, and take the name; then the name is flushed.

    Raises:
        StoreError: Disk full, no permission, a failed flush: ``path`` holds what it held before, or (when
        only
            the last flush failed) the new contents, which may not survive a loss of power.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.new")
    try:
        descriptor = os.open(
            beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode
        )
    except OSError as error:
        raise _failed("open", str(path), error) from error
    try:
        try:
            write_all(descriptor, data, 0, what=str(path))
            flush_file(descriptor, what=str(path))
        finally:
            os.close(descriptor)
        beside.replace(path)
    except OSError as error:
        raise _failed("rename", str(path), error) from error
    finally:
        with contextlib.suppress(OSError):
            beside.unlink()
    # If we stop here, the old or the new file is found after a loss of power; both are whole.
    fsync_dir(path.parent)


def make_dir(folder: Path, *, mode: int = 0o755) -> None:
    """Create a folder with those above it, durably; it may be there already."""
    missing = [folder]
    while not missing[-1].parent.exists():
        missing.append(missing[-1].parent)
    for each in reversed(missing):
        try:
            each.mkdir(mode=mode, exist_ok=True)
        except OSError as error:
            raise _failed("mkdir", str(each), error) from error
        fsync_dir(each.parent)


def find_free(path: Path) -> Path:
    """Return a free name beside ``path`` to keep there what it held: ``path.replaced-1`` and so on."""
    number = 1
    while path.with_name(f"{path.name}.replaced-{number}").exists():
        number += 1
    return path.with_name(f"{path.name}.replaced-{number}")


def _failed(call: str, what: str, error: OSError) -> StoreError:
    code = "disk-full" if error.errno in {28, 122, 27} else "io-error"
    return StoreError(code, f"{what}: {call} failed: {(error.strerror or str(error)).lower()}")
