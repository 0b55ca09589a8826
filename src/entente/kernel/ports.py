"""Ports: what the pure rooms need from the world, as contracts.

Whoever implements a port promises what its docstring says; nothing below `center` and `desk` touches
a clock, randomness, a file or a socket in any other way. `Rows` (the Store port for projections) stands in
`entente.kernel.rows`.

    >>> class Frozen:
    ...     def now_utc(self): return parse_utc("2016-09-17T13:55:00Z")
"""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Says what time it is here. Trusted for nothing: it may jump, stop or lie."""

    def now_utc(self) -> datetime:
        """Return the present as an aware UTC datetime. May go backwards between calls."""


class Random(Protocol):
    """Gives bytes that nobody can predict. Tests give seeded ones."""

    def draw(self, size_bytes: int) -> bytes:
        """Return exactly ``size_bytes`` bytes, independent of every earlier draw."""


class Transport(Protocol):
    """Carries bytes to one peer and back.

    Absence: `TransportError` when there is no answer in time; the request may have arrived all the same, so
    every request must be safe to repeat. Order: none between calls. Concurrency: safe from several threads.
    """

    def request(
        self, method: str, path: str, *, body: bytes = b"", content_type: str = "application/json"
    ) -> tuple[int, str, bytes]:
        """Return status, content type and body (bounded by the implementation's stated limit)."""
