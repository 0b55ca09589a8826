"""Clocks: the machine's own, and one for exercises that starts elsewhere and runs faster.

Invariants: every instant is aware UTC; an exercise clock is a pure function of the machine's clock and its
text, so that several processes with one text agree.

Nobody's clock decides anything in the record: order comes from the log, time from witnesses.

    >>> clock = parse_clock("2016-09-17T15:00:00Z@1790000000x60")
    >>> encode_clock(clock)
    '2016-09-17T15:00:00Z@1790000000x60'
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from entente.kernel.errors import Malformed
from entente.kernel.time import encode_utc, parse_utc

MAX_RATE: Final = 86_400
"""A day in a second: beyond, a machine's clock ticks in hours."""
_EXERCISE: Final = re.compile(r"([^@]{1,40})@(\d{1,12}(?:\.\d{1,6})?)x(\d{1,5})\Z", re.ASCII)


class SystemClock:
    """The machine's clock."""

    rate: Final = 1
    """Seconds of this clock in a second of the machine's."""

    def now_utc(self) -> datetime:
        """Return the present as an aware UTC datetime."""
        return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class ExerciseClock:
    """Said ``start_utc`` when the machine's clock said ``unix_epoch_s``; runs ``rate`` times as fast.

    Before that moment it stands still at ``start_utc``.
    """

    start_utc: datetime
    unix_epoch_s: float
    rate: int

    def __post_init__(self) -> None:
        if self.start_utc.utcoffset() != timedelta(0):
            raise ValueError(f"exercise clock: expected an aware UTC start, got {self.start_utc!r}")
        if not 1 <= self.rate <= MAX_RATE:
            raise ValueError(f"exercise clock: expected 1 <= rate <= {MAX_RATE}, got {self.rate}")

    def now_utc(self) -> datetime:
        """Return the exercise's present as an aware UTC datetime."""
        passed_s = max(0.0, time.time() - self.unix_epoch_s)
        return self.start_utc + timedelta(seconds=passed_s * self.rate)


def parse_clock(text: str) -> SystemClock | ExerciseClock:
    """Return the clock that ``text`` spells: ``system``, or ``<start UTC>@<unix s>x<rate>``."""
    if text == "system":
        return SystemClock()
    found = _EXERCISE.match(text)
    if found is None:
        raise Malformed(
            "bad-clock",
            f"clock: expected 'system' or such as '2016-09-17T15:00:00Z@1790000000x60', got {text[:80]!r}",
        )
    start, epoch, rate = found.groups()
    try:
        return ExerciseClock(parse_utc(start), float(epoch), int(rate))
    except ValueError as error:
        raise Malformed("bad-clock", str(error)) from error


def encode_clock(clock: SystemClock | ExerciseClock) -> str:
    """Return the text that `parse_clock` reads."""
    if isinstance(clock, SystemClock):
        return "system"
    return (
        f"{encode_utc(clock.start_utc)}@{clock.unix_epoch_s:.6f}".rstrip("0").rstrip(".") + f"x{clock.rate}"
    )
