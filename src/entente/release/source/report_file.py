"""Reports as an officer writes them: a TOML file of one or more.

What it is for: `read_reports` gives reports of which each holds, or every fault at its line and key.

Invariants:
  * What is not marked as releasable is private: a field without ``releasable = true``, a report's own words
    of which no tear line says the like.
  * A tear line and a releasable field say what they claim in the units of the file: ``"30 arcmin"``, ``"6
    h"``, ``"1000 m"``, and the number of words of the path. Claiming nothing is written down too, by leaving
    all out.

It does not open files, and does not know the catalogue: see `check_report`. The form, clause by clause:
docs/formats/release-reports.md.

    >>> [report] = read_reports(path.read_bytes())
    >>> report.tear_lines[0].claims.place_arcsec
    1800
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final, cast, get_args

from entente.kernel.errors import Malformed
from entente.kernel.time import parse_utc
from entente.release.label import CategoryWire, LabelWire, encode_label, make_category, make_label
from entente.release.label.label import MAX_CATEGORIES, MAX_VALUES, CategoryKind
from entente.release.source.observer import MAX_ACCURACY_M
from entente.release.source.path import MAX_DEPTH
from entente.release.source.reading import OfficerFile, Table
from entente.release.source.report import (
    MAX_FIELDS,
    MAX_HEIGHT_M,
    MAX_MOMENT_US,
    MAX_PLACE_ARCSEC,
    MAX_SPAN_S,
    MAX_TEAR_LINES,
    UNDATED,
    Claims,
    Field,
    Report,
    TearLine,
    check_report_form,
)

VERSION_KEY: Final = "entente-reports"
MAX_REPORTS: Final = 2_000

_QUANTITY: Final = re.compile(r"([1-9][0-9]{0,8}) ?([a-z]+)")
_ARC: Final = {"deg": 3_600, "arcmin": 60, "arcsec": 1}
_TIME: Final = {"d": 86_400, "h": 3_600, "min": 60, "s": 1}
_METRES: Final = {"km": 1_000, "m": 1}
_CLAIMS: Final = ("place", "time", "depth", "height")


def read_reports(data: bytes) -> tuple[Report, ...]:
    """Return the reports that a file states, in its order.

    Raises:
        FileInvalid: Anything at all is wrong; it carries every fault.

    Source: docs/formats/release-reports.md.
    """
    file = OfficerFile(data, "reports")
    top = file.top(VERSION_KEY, ("report",))
    reports = tuple(_read_report(table) for table in top.tables("report", least=1, most=MAX_REPORTS))
    file.require_none()
    seen: set[str] = set()
    for number, report in enumerate(reports):
        if report.id in seen:
            message = f"report {report.id!r}: expected each name once, got it again"
            file.add("duplicate-id", message, ("report", number, "id"))
        seen.add(report.id)
        try:
            check_report_form(report)
        except Malformed as error:
            file.add(error.code, f"report {report.id!r}: {error.message}", ("report", number))
    file.require_none()
    return reports


def _read_report(table: Table) -> Report:
    table.check_keys(
        ("id", "theatre", "source", "at", "when", "path", "accuracy_m", "label"),
        ("height_m", "tear_line", "field"),
    )
    lat_e7, lon_e7 = table.place("at") or (0, 0)
    return Report(
        id=table.slug("id"),
        theatre=table.slug("theatre"),
        source=table.slug("source"),
        lat_e7=lat_e7,
        lon_e7=lon_e7,
        height_cm=table.scaled("height_m", 100, 10_000_000_000),
        moment_us=table.moment_us("when", MAX_MOMENT_US),
        path=table.slugs("path", least=1, most=MAX_DEPTH) or ("unread",),
        accuracy_m=table.whole("accuracy_m", 0, MAX_ACCURACY_M),
        tear_lines=tuple(_read_tear_line(each) for each in table.tables("tear_line", most=MAX_TEAR_LINES)),
        fields=tuple(_read_field(each) for each in table.tables("field", most=MAX_FIELDS)),
        label=_read_label(table) or _UNREAD,
    )


def _read_tear_line(table: Table) -> TearLine:
    table.check_keys(("id", "text"), ("label", *_CLAIMS))
    return TearLine(
        id=table.slug("id"),
        text=table.text("text", most=4_000, lines=True),
        label=_read_label(table),
        claims=_read_claims(table),
    )


def _read_field(table: Table) -> Field:
    table.check_keys(("name", "value"), ("releasable", *_CLAIMS))
    is_releasable = table.yes("releasable")
    claimed = [key for key in _CLAIMS if key in table]
    if claimed and not is_releasable:
        table.add(
            "private-claims", "", f"expected no {claimed[0]} for a private field (or releasable = true)"
        )
    claims = _read_claims(table)
    return Field(name=table.slug("name"), value=table.text("value"), claims=claims if is_releasable else None)


def _read_claims(table: Table) -> Claims:
    return Claims(
        place_arcsec=_read_quantity(table, "place", _ARC, MAX_PLACE_ARCSEC),
        span_s=_read_quantity(table, "time", _TIME, MAX_SPAN_S),
        depth=table.whole("depth", 0, MAX_DEPTH),
        height_m=_read_quantity(table, "height", _METRES, MAX_HEIGHT_M),
    )


def _read_quantity(table: Table, key: str, units: Mapping[str, int], most: int) -> int:
    if key not in table:
        return 0
    text = table.text(key)
    found = _QUANTITY.fullmatch(text)
    value = int(found[1]) * units.get(found[2], 0) if found else 0
    if not 0 < value <= most:
        expected = f"expected a whole number and one of {', '.join(units)}, such as '6 {next(iter(units))}'"
        table.add("bad-quantity", key, f"{key}: {expected}, got {text[:60]!r}")
        return 0
    return value


_UNREAD: Final = LabelWire(
    policy_id="", policy="unread", classification="unread", categories=[], created=UNDATED
)
"""Stands where a label has faults; a file with faults gives nothing."""


def _read_label(table: Table) -> LabelWire | None:
    """Return the label of a report or tear line, undated."""
    label = table.table("label")
    if label is None:
        return None
    label.check_keys(("classification",), ("policy", "policy_id", "categories"))
    try:
        return encode_label(
            make_label(
                policy_id=label.text("policy_id"),
                policy=label.text("policy"),
                classification=label.text("classification"),
                categories=[
                    make_category(each.name, each.kind, each.values, tag_set_id=each.id)
                    for each in _read_categories(label)
                ],
                created=parse_utc(UNDATED),
            )
        )
    except (Malformed, ValueError) as error:
        message = error.message if isinstance(error, Malformed) else str(error)
        label.add(getattr(error, "code", "bad-label"), "", message)
        return _UNREAD


def _read_categories(label: Table) -> Iterator[CategoryWire]:
    for table in label.tables("categories", most=MAX_CATEGORIES):
        table.check_keys(("tag_set", "kind", "values"), ("id",))
        values = []
        for number, value in enumerate(table.items("values", least=1, most=MAX_VALUES)):
            if isinstance(value, str):
                values.append(value)
            else:
                table.add("wrong-type", "values", f"values, number {number + 1}: expected text")
        yield CategoryWire(
            id=table.text("id"),
            name=table.text("tag_set"),
            kind=cast("CategoryKind", table.choice("kind", get_args(CategoryKind), absent="restrictive")),
            values=values,
        )
