"""Time windows: half-open, aware UTC.

Invariants: both ends are aware and in UTC; ``start_utc < end_utc``; the start belongs to the window, the
end does not, so that windows which only touch do not overlap.

It never reads a clock.

    >>> Window(parse_utc("2016-09-17T13:55:00Z"), parse_utc("2016-09-17T15:00:00Z")).end_utc.hour
    15
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from entente.kernel.errors import InvalidVolume


@dataclass(frozen=True, slots=True)
class Window:
    """From ``start_utc`` up to but not including ``end_utc``.

    Raises:
        ValueError: An end is naive or not in UTC: a caller's mistake.
        InvalidVolume: The window is empty or reversed.
    """

    start_utc: datetime
    end_utc: datetime

    def __post_init__(self) -> None:
        """Check both ends."""
        for moment in (self.start_utc, self.end_utc):
            if moment.utcoffset() != timedelta(0):
                raise ValueError(f"expected an aware UTC datetime, got {moment!r}")
        if self.start_utc >= self.end_utc:
            raise InvalidVolume(
                "window-reversed",
                f"window: expected start < end, got {self.start_utc.isoformat()}"
                f" and {self.end_utc.isoformat()}",
                path="start",
            )
