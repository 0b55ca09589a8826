"""SQLite's write-ahead log, brought into the database beside the writer and not by it.

What it is for: the commit that makes the log too long carries all its pages into the database. Under load
that is every second or so, and who waits for that commit waits a tenth of a second more. Here a thread of its
own does it again and again; what is left for the writer is what came since, which is little.

Invariants:
  * Nothing depends on it: durable is what is in the log, and SQLite reads it there. Without this thread, or
    when it fails, the writer carries the pages over as before (`wal_autocheckpoint`).
  * It never waits for a reader or a writer, and no one waits for it (a *passive* checkpoint).

It decides nothing about when a commit is durable: see `entente.store.sql`.

    >>> keeper = WalKeeper(folder / "center.db")
    >>> keeper.start()
    >>> keeper.stop()

Source: https://www.sqlite.org/c3ref/wal_checkpoint_v2.html, SQLITE_CHECKPOINT_PASSIVE.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Final

EVERY_S: Final = 0.25
_TRIES: Final = 4
"""What was committed while pages were carried over is less each time."""
_LEAST_BYTES: Final = 2 << 20
"""A shorter log is left alone: whoever commits seldom needs no help."""


class WalKeeper:
    """Carries the log's pages over, in a thread of its own."""

    def __init__(self, path: Path, *, every_s: float = EVERY_S) -> None:
        self._path = path
        self._every_s = every_s
        self._connection: sqlite3.Connection | None = None
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="wal", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, timeout_s: float = 10.0) -> None:
        """End the thread; harmless when repeated, or when it never began."""
        self._stopping.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def carry(self) -> bool:
        """Carry over what is in the log now, if it is long enough; return whether it was."""
        log = self._path.with_name(f"{self._path.name}-wal")
        if not log.exists() or log.stat().st_size < _LEAST_BYTES:
            return False
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, isolation_level=None, timeout=0.0)
            self._connection.execute("PRAGMA synchronous=FULL")
        for _ in range(_TRIES):
            _, pages, carried = self._connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
            if pages == carried:
                break  # all of it: with the next commit the log begins anew
        return True

    def _run(self) -> None:
        try:
            while not self._stopping.wait(self._every_s):
                self.carry()
        except (sqlite3.Error, OSError):
            # A full or failing disk is the writer's to find: at its next commit it stops the process.
            return
        finally:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
