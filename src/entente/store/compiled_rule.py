"""The compiled form of the exact rule, fetched without making anyone wait.

What it is for: the first time on a machine, numba compiles for many seconds, later it loads for one. A center
that stood still so long would let its desks wait; until the compiled form is there, the rule itself decides.

Invariants: one thread fetches, once a process; who asks gets an answer at once; a failure leaves the rule
itself in charge for good.

    >>> fetch_in_background() is None      # not yet
    True
"""

from __future__ import annotations

import threading
from typing import Final

from entente.deconflict.standing import PackedRule, fetch_packed_rule


class _Fetching:
    """What the process's one fetch has come to."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._rule: PackedRule | None = None

    def ask(self) -> PackedRule | None:
        """Return the rule if it is there; begin to fetch it the first time."""
        with self._lock:
            if self._thread is None:
                # A process that ends does not wait for it.
                self._thread = threading.Thread(target=self._fetch, name="compile-rule", daemon=True)
                self._thread.start()
            return self._rule

    def wait(self, seconds: float) -> bool:
        """Return whether it is there within so many seconds."""
        self.ask()
        if self._thread is not None:
            self._thread.join(seconds)
        return self.ask() is not None

    def _fetch(self) -> None:
        rule = fetch_packed_rule()
        with self._lock:
            self._rule = rule


_FETCHING: Final = _Fetching()


def fetch_in_background() -> PackedRule | None:
    """Return the compiled rule, or None while it is not there."""
    return _FETCHING.ask()


def wait_for_compiled_rule(seconds: float) -> bool:
    """Return whether the compiled rule is there within so many seconds; for who measures."""
    return _FETCHING.wait(seconds)
