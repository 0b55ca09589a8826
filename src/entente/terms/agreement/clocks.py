"""The arithmetic of an agreement's clocks: spans, pauses, and when a number of days is full.

A day is a span of 24 hours, counted from the instant at which the clock starts: no time zone, no question
whether the first day counts, and the same for everyone who has the instant. Time in which the agreement is
suspended is not counted; what was counted before is kept.

Invariants: instants are aware UTC; spans are half-open, ``[start, end)``, and an end of None is open; what
pauses a clock only ever makes it later.

    >>> find_full(start, timedelta(days=7), pauses=[])
    datetime.datetime(2016, 9, 24, 13, 0, tzinfo=datetime.timezone.utc)
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

DAY: Final = timedelta(days=1)
_LAST: Final = datetime(9999, 1, 1, tzinfo=UTC)
"""Beyond what any message can claim; spans that would go further end here."""


@dataclass(frozen=True, slots=True)
class Span:
    """From ``start`` until ``end``, which does not belong to it; None while it is open."""

    start: datetime
    end: datetime | None


def add_span(moment: datetime, span: timedelta) -> datetime:
    """Return the instant a span later, never beyond the calendar."""
    return moment + span if _LAST - moment > span else _LAST


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Return the same time as spans that do not meet, in order."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda one: one.start):
        if span.end is not None and span.end <= span.start:
            continue
        last = merged[-1] if merged else None
        if last is None or (last.end is not None and last.end < span.start):
            merged.append(span)
        elif last.end is not None and (span.end is None or span.end > last.end):
            merged[-1] = Span(last.start, span.end)
    return merged


def measure_elapsed(start: datetime, until: datetime, pauses: Iterable[Span]) -> timedelta:
    """Return how much time passed between two instants, pauses not counted; nothing when it is none."""
    elapsed = max(until - start, timedelta(0))
    for pause in merge_spans(pauses):
        begin = max(pause.start, start)
        end = until if pause.end is None else min(pause.end, until)
        if end > begin:
            elapsed -= end - begin
    return elapsed


def find_full(start: datetime, span: timedelta, pauses: Iterable[Span]) -> datetime | None:
    """Return when so much time will have passed since ``start``; None while an open pause keeps it."""
    moment, left = start, span
    for pause in merge_spans(pauses):
        if pause.end is not None and pause.end <= moment:
            continue
        run = max(pause.start - moment, timedelta(0))
        if run >= left:
            break
        if pause.end is None:
            return None
        left -= run
        moment = max(moment, pause.end)
    return add_span(moment, left)
