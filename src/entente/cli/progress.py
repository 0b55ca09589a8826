"""How far a long command is: one line on standard error, rewritten on a terminal, one a stage elsewhere.

Invariants: standard output is left to the result; nothing is written while `is_quiet`.

    >>> with ProgressLines() as progress:
    ...     progress.tell("copy journal", 500, 1204)
"""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Final, Self

_EVERY_S: Final = 0.1


class ProgressLines:
    """What is being done, and how much of it."""

    def __init__(self, *, is_quiet: bool = False) -> None:
        self._is_quiet = is_quiet
        self._is_terminal = sys.stderr.isatty()
        self._stage = ""
        self._told_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._stage and self._is_terminal and not self._is_quiet:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def tell(self, stage: str, done: int, wanted: int) -> None:
        """Say that ``done`` of ``wanted`` are done; 0 where nobody knows how many there are."""
        now_s = time.monotonic()
        is_new = stage != self._stage
        if self._is_quiet or not (is_new or (self._is_terminal and now_s - self._told_s >= _EVERY_S)):
            return
        self._stage, self._told_s = stage, now_s
        count = f"{done:,} of {wanted:,}" if wanted else f"{done:,}"
        sys.stderr.write(f"\r\x1b[K{stage}: {count}" if self._is_terminal else f"{stage}\n")
        sys.stderr.flush()
