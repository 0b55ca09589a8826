"""Reports: what a desk knows about one event, and from whom. Private, always.

What it is for: the gate makes variants of a report. A report holds everything; what of it may go is marked
piece by piece, and what is not marked stays.

  * A *tear line* is a text that may go out, with what it *claims*: how finely its words tell place, time,
    identity and height. It is never sent with a shape that is coarser than that.
  * A *field* is a named value. Without claims it is private; with them it may go out, as a tear line may.

Invariants: whole numbers in stated units; names are slugs; no tear line and no field twice; a label is spelt
in its one way.

It does not know whether its source exists: see `check_report` in `entente.release.source.catalogue`.

    >>> report.label_of(report.tear_lines[0]).classification
    'AMBER'
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final

from msgspec import Meta

from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.errors import Malformed
from entente.kernel.wire import NameText, NoteText, SlugText, WireStruct
from entente.release.label import LabelWire, parse_label
from entente.release.source.observer import MAX_ACCURACY_M, LatE7, LonE7
from entente.release.source.path import MAX_DEPTH

MAX_TEAR_LINES: Final = 12
MAX_FIELDS: Final = 40
MAX_REPORT_BYTES: Final = 1 << 18
"""Twelve tear lines of 4 000 characters, forty fields, and labels with long lists of parties."""
MAX_PLACE_ARCSEC: Final = 180 * 3_600
MAX_SPAN_S: Final = 366 * 86_400
MAX_HEIGHT_M: Final = 100_000

MAX_MOMENT_US: Final = 89 * 10**14
"""From 1688 to 2251: microseconds that every JSON reader keeps exactly, with room for the longest window."""
MomentUs = Annotated[int, Meta(ge=-MAX_MOMENT_US, le=MAX_MOMENT_US)]
HeightCm = Annotated[int, Meta(ge=-10_000_000_000, le=10_000_000_000)]


class Claims(WireStruct, frozen=True):
    """How much a text or a field tells, at most. 0: it says nothing about that.

    Args:
        place_arcsec: The size of the place that it names, in arc seconds: 3600 for a degree.
        span_s: How long the time is that it names.
        depth: How many words of the path it tells.
        height_m: How thick the band is that it names.
    """

    place_arcsec: Annotated[int, Meta(ge=0, le=MAX_PLACE_ARCSEC)]
    span_s: Annotated[int, Meta(ge=0, le=MAX_SPAN_S)]
    depth: Annotated[int, Meta(ge=0, le=MAX_DEPTH)]
    height_m: Annotated[int, Meta(ge=0, le=MAX_HEIGHT_M)]


# SECURITY: the moment at which a label was given would tell when a report came in, to the second, whatever
# window is shown. So a private label bears none; the gate dates what it sends by what is shown
# (tests/unit/test_release_catalogue.py, test_a_label_of_a_report_bears_no_time).
UNDATED: Final = "1970-01-01T00:00:00Z"
"""The time of a label that is not given yet."""

NOTHING: Final = Claims(place_arcsec=0, span_s=0, depth=0, height_m=0)


class TearLine(WireStruct, frozen=True):
    """A text that may go out.

    Args:
        label: Of what goes out with this text; None: the report's own.
        claims: What its words tell, at most. An officer reads it and says so; no machine does.
    """

    id: SlugText
    text: NoteText
    label: LabelWire | None
    claims: Claims


class Field(WireStruct, frozen=True):
    """A named value. ``claims``: what it tells, if it may go out; None: it is private."""

    name: SlugText
    value: NameText
    claims: Claims | None


class Report(WireStruct, frozen=True):
    """What is known about one event, and from which source.

    Args:
        theatre, source: Where it belongs, and where it comes from.
        height_cm: Above the WGS84 ellipsoid; None where unknown or without meaning.
        moment_us: When it was so: microseconds since 1970-01-01T00:00:00Z.
        path: What it is, from the widest word to the narrowest.
        accuracy_m: How precisely the place is known.
        label: Of the whole report, as the desk keeps it.
    """

    id: SlugText
    theatre: SlugText
    source: SlugText
    lat_e7: LatE7
    lon_e7: LonE7
    height_cm: HeightCm | None
    moment_us: MomentUs
    path: Annotated[tuple[SlugText, ...], Meta(min_length=1, max_length=MAX_DEPTH)]
    accuracy_m: Annotated[int, Meta(ge=0, le=MAX_ACCURACY_M)]
    tear_lines: Annotated[tuple[TearLine, ...], Meta(max_length=MAX_TEAR_LINES)]
    fields: Annotated[tuple[Field, ...], Meta(max_length=MAX_FIELDS)]
    label: LabelWire

    def find_tear_line(self, name: str) -> TearLine | None:
        """Return the tear line of a name, or None."""
        return next((line for line in self.tear_lines if line.id == name), None)

    def label_of(self, line: TearLine | None) -> LabelWire:
        """Return the label of what goes out with a tear line, or without one."""
        return self.label if line is None or line.label is None else line.label


def check_report_form(report: Report, *, path: str = "$") -> Report:
    """Return ``report``, or raise `Malformed` unless its names are unique and its labels well spelt."""
    for what, names in (
        ("tear_lines", [line.id for line in report.tear_lines]),
        ("fields", [each.name for each in report.fields]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise Malformed(
                "duplicate-id", f"{what}: expected each name once, got {twice} again", path=f"{path}.{what}"
            )
    parse_label(report.label, path=f"{path}.label")
    for number, line in enumerate(report.tear_lines):
        if line.label is not None:
            parse_label(line.label, path=f"{path}.tear_lines[{number}].label")
    return report


def parse_report(data: bytes) -> Report:
    """Return the report that ``data`` spells canonically, or raise `Malformed`."""
    return check_report_form(parse_canonical_as(data, Report, max_bytes=MAX_REPORT_BYTES))


def encode_report(report: Report) -> bytes:
    """Return a report as it is stored: canonical JSON."""
    return encode_canonical(report)


def hash_report(report: Report) -> str:
    """Return what names this version of a report at its desk: SHA-256 of its stored form, in hex."""
    return hashlib.sha256(encode_report(report)).hexdigest()
