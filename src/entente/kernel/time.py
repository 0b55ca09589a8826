"""Aware UTC time with one spelling.

Invariants: every instant is an aware `datetime` in UTC, to the microsecond; the text form is RFC 3339
with ``Z`` and, only when needed, a fraction of 1 to 6 digits that does not end in 0, so that
``encode_utc(parse_utc(s)) == s`` for every accepted ``s``; the years 1000 to 8999.

It never reads a clock: see the `Clock` port. Leap seconds (``:60``) are refused, not folded.

    >>> encode_utc(parse_utc("2016-09-17T13:55:00Z"))
    '2016-09-17T13:55:00Z'
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from entente.kernel.errors import Malformed

# Years 1000 to 8999: adding or taking away any agreed span stays inside the calendar, so that no instant that
# a peer claims can make a rule overflow. The hour is spelt out because some readers take 24:00 for the next
# day.
UTC_PATTERN: Final = (
    r"^[1-8][0-9]{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]{0,5}[1-9])?Z$(?!\n)"
)
_UTC: Final = re.compile(UTC_PATTERN)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse_utc(text: str, *, path: str = "") -> datetime:
    """Return the instant that ``text`` spells, or raise `Malformed`."""
    if not _UTC.match(text):
        raise Malformed(
            "bad-time",
            f"time: expected RFC 3339 UTC such as '2016-09-17T13:55:00Z', got {text[:40]!r}",
            path=path,
        )
    try:
        return datetime.fromisoformat(text)
    except ValueError as error:
        raise Malformed("bad-time", f"time: {error}, got {text!r}", path=path) from error


def encode_utc(moment: datetime) -> str:
    """Return the one spelling of ``moment``.

    Raises:
        ValueError: ``moment`` is naive or not in UTC: a caller's mistake, never guessed away.
    """
    if moment.utcoffset() != timedelta(0):
        raise ValueError(f"expected an aware UTC datetime, got {moment!r}")
    text = moment.strftime("%Y-%m-%dT%H:%M:%S").rjust(19, "0")
    if moment.microsecond:
        text += f".{moment.microsecond:06d}".rstrip("0")
    return text + "Z"


def to_unix_s(moment: datetime) -> int:
    """Return whole POSIX seconds, rounded down (C2SP cosignature timestamps)."""
    return (moment - _EPOCH) // timedelta(seconds=1)


def from_unix_s(seconds: int) -> datetime:
    """Return the instant ``seconds`` after 1970-01-01T00:00:00Z."""
    return _EPOCH + timedelta(seconds=seconds)


def measure_wait(now_utc: datetime, recorded: datetime) -> int:
    """Return whole seconds waited, rounded down; 0 when the clock has gone backwards."""
    return max(0, int((now_utc - recorded).total_seconds() // 1))
