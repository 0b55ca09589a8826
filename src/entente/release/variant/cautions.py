"""Cautions: what an officer should look at again before a text or a fine cell goes out.

What it is for: what a text claims is said by a person (`entente.release.source.report.Claims`). Some slips
can be
seen without understanding a word: the name of a source, the value of a private field, the minute on the
clock, the coordinates; and a cell that is smaller than what is known.

Invariants: every caution names the words that it is about; none of it changes what is built, or is sent. No
caution does not mean that a text is harmless: meaning is not read.

    >>> list_cautions(report, level, DEFAULT_LADDER, tear_line="short", source=source)
    ["tear line 'short': names the source: 'roof-post'"]
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from typing import Final

from entente.kernel.time import from_unix_s
from entente.release.source.observer import Source
from entente.release.source.report import Report
from entente.release.variant.ladder import Ladder, Level
from entente.release.variant.shape import Shape, shape_of

_METRES_PER_ARCSEC: Final = 31
"""Along a meridian; across, a cell is narrower, so this errs towards no caution at high latitudes."""
_MIN_WORD: Final = 3
"""Shorter values would be found in every text."""
_CLOCK: Final = re.compile(r"(?<![\d.,])([01]?\d|2[0-3]) ?[:.h]? ?([0-5]\d)(?![\d.,]\d|\d)")
_DECIMAL: Final = re.compile(r"(?<![\d.])(\d{1,3})[.,](\d{2,9})(?!\d)")
_NEAR_DEG: Final = Decimal("0.02")
_MINUTE_S: Final = 60


def list_cautions(
    report: Report,
    level: Level,
    ladder: Ladder,
    *,
    tear_line: str | None = None,
    source: Source | None = None,
) -> list[str]:
    """Return what an officer should look at again, a sentence each."""
    shape = shape_of(report, level, ladder)
    cautions = list(_find_false_precision(report, shape, ladder))
    line = report.find_tear_line(tear_line) if tear_line is not None else None
    if line is not None:
        cautions += [
            f"tear line {line.id!r}: {what}: {words!r}"
            for what, words in _find_slips(line.text, report, shape, source)
        ]
    return cautions


def _find_false_precision(report: Report, shape: Shape, ladder: Ladder) -> Iterator[str]:
    if shape.cell is None:
        return
    across_m = ladder.size_arcsec(shape.cell.step) * _METRES_PER_ARCSEC
    # Known to within the accuracy on either side.
    if 2 * report.accuracy_m > across_m:
        yield (
            f"place: shown to {across_m:,} m and known to {report.accuracy_m:,} m either way: "
            "it may have been in another cell"
        )


def _find_slips(text: str, report: Report, shape: Shape, source: Source | None) -> Iterator[tuple[str, str]]:
    private = [("names the report", report.id), ("names the source", report.source)]
    private += [
        (f"tells the private field {field.name!r}", field.value)
        for field in report.fields
        if field.claims is None
    ]
    if source is not None:
        private += [("tells what the source is", source.words), ("names the method", source.method)]
        private += [("names the observer", source.observer)]
    for what, words in private:
        if _is_said(words, text):
            yield what, words
    if not 0 < shape.span_us <= _MINUTE_S * 1_000_000:
        yield from _find_minutes(text, report)
    yield from _find_positions(text, report)


def _is_said(words: str, text: str) -> bool:
    # A name with hyphens is said with spaces.
    plain, said = (re.sub(r"[\W_]+", " ", each.casefold()).strip() for each in (words, text))
    return len(plain) >= _MIN_WORD and f" {plain} " in f" {said} "


def _find_minutes(text: str, report: Report) -> Iterator[tuple[str, str]]:
    moment = from_unix_s(0) + timedelta(microseconds=report.moment_us)
    for found in _CLOCK.finditer(text):
        # Of any zone: the minute is the same in nearly all of them.
        if int(found[2]) == moment.minute and (len(found[0]) > 3 or ":" in found[0]):
            yield "may tell the minute", found[0]


def _find_positions(text: str, report: Report) -> Iterator[tuple[str, str]]:
    exact = [abs(Decimal(e7)) / 10**7 for e7 in (report.lat_e7, report.lon_e7)]
    for found in _DECIMAL.finditer(text):
        number = Decimal(f"{found[1]}.{found[2]}")
        if any(abs(number - one) <= _NEAR_DEG for one in exact):
            yield "may tell the position", found[0]
