"""A watch over a search about terms, for a terminal: shows how far it is, ends it in time or on Ctrl-C.

Invariants: nothing is shown in the first second, nor where standard error is no terminal; one Ctrl-C ends the
search, which then answers with what it has, a second one ends the command.

    >>> with TerminalWatch(10.0) as watch:
    ...     watch.run(lambda: find_obstacles(terms, watch=watch))
"""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType
from typing import Any, Final, Self, TypeVar

from entente.kernel.errors import Malformed
from entente.terms.search.watch import Progress

T = TypeVar("T")

_QUIET_S: Final = 1.0
_EVERY_S: Final = 0.25


class TerminalWatch:
    """Ends each search after so many seconds; use as a context.

    Args:
        seconds: For each question; 0 for no limit.
    """

    def __init__(self, seconds: float) -> None:
        if not seconds >= 0:  # so that no number is refused too: it would never be over
            raise Malformed("bad-seconds", f"seconds: expected 0 or more, got {seconds}")
        self._seconds = seconds
        self._interrupted = False
        self._stage = ""
        self._started = self._shown = time.monotonic()
        self._has_line = False
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = signal.signal(signal.SIGINT, self._interrupt)
        return self

    def __exit__(self, *details: object) -> None:
        signal.signal(signal.SIGINT, self._before)
        self._clear()

    def run(self, work: Callable[[], T]) -> T:
        """Do the work in a thread of its own, and return what comes of it, or raise.

        In the main thread the solvers catch Ctrl-C themselves, and leave in the middle of a search: what was
        found would be lost, and this watch would never hear of it.
        """
        done: list[T] = []
        failed: list[BaseException] = []

        def keep() -> None:
            try:
                done.append(work())
            except BaseException as error:  # noqa: BLE001 - raised again where it belongs
                failed.append(error)

        worker = threading.Thread(target=keep, daemon=True)
        worker.start()
        worker.join()
        if failed:
            raise failed[0]
        return done[0]

    def restart(self) -> None:
        """Give the next search its whole time, though it be of the same kind as the last one."""
        self._stage = ""

    def look(self, progress: Progress) -> str:
        """Show how far it is, and say whether to stop."""
        now = time.monotonic()
        if progress.stage != self._stage:
            self._stage, self._started = progress.stage, now
        if self._interrupted:
            return "interrupt"
        if self._seconds and now - self._started >= self._seconds:
            return "time"
        if now - self._started > _QUIET_S and now - self._shown > _EVERY_S and sys.stderr.isatty():
            self._shown, self._has_line = now, True
            bound = f", cost at least {progress.at_least}" if progress.at_least else ""
            sys.stderr.write(
                f"\r\x1b[K{progress.stage}: {progress.found} found, {progress.steps:,} steps{bound}, "
                f"{now - self._started:.0f} s (Ctrl-C stops)"
            )
            sys.stderr.flush()
        return ""

    def _interrupt(self, number: int, frame: FrameType | None) -> None:
        del number, frame
        if self._interrupted:
            raise KeyboardInterrupt
        self._interrupted = True

    def _clear(self) -> None:
        if self._has_line:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
            self._has_line = False
