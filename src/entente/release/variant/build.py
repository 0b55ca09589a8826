"""Building a variant: a new object for one recipient, from a report's shape, a tear line and fields let out.

What it is for: the last step before a message is made. What is not named here does not go.

  1. The shape: cell, window, band, prefix of the path, as the level says.
  2. One tear line or none: never with a shape that is coarser than its words claim.
  3. Fields that are marked as releasable, of the names that were asked for: by the same rule, and never
     beside a tear line with a label of its own, since fields bear the report's.
  4. Nothing else.

Invariants:
  * Deterministic: the same report, level, ladder, tear line and fields give the same bytes, so that a
    repetition is recognised and costs nothing, and no recipient can be told from another by his copy.
  * SECURITY: a whitelist. No byte of a report's id, source, theatre, exact position, moment or height, of its
    private fields, its other tear lines, or of any source or secret is in it
    (tests/properties/test_release_canaries.py).

Whether this may be given to anybody is decided before (`entente.release.exposure`, labels, officers). What
went out of which report is a `Derivation`, which stays.

    >>> variant = build_variant(report, Level(5, 3, 0, 2, 1), DEFAULT_LADDER, tear_line="press")
    >>> describe_variant(variant)
    'between 2026-11-28 12:00 and 18:00 UTC, in GARS 441LL1, fixed-wing (air), below 3,000 m'
"""

from __future__ import annotations

from collections.abc import Iterable

from entente.kernel.errors import Denied
from entente.release.source.report import Claims, Report, TearLine
from entente.release.variant.ladder import Ladder, Level
from entente.release.variant.sent import (
    FORMAT,
    HeightWire,
    PlaceWire,
    SentField,
    VariantWire,
    WindowWire,
    encode_variant,
    hash_variant,
    parse_variant,
)
from entente.release.variant.shape import Shape, shape_of

__all__ = [
    "VariantWire",
    "build_variant",
    "encode_variant",
    "find_overclaims",
    "hash_variant",
    "list_fields",
    "list_tear_lines",
    "parse_variant",
]


def find_overclaims(claims: Claims, shape: Shape, ladder: Ladder) -> list[str]:
    """Return what ``claims`` tell more finely than ``shape`` shows, each in words; empty when they fit.

    A height band or a path that the report itself does not have is not shown either: words that tell one
    would tell more than the shape.
    """
    faults = []
    for what, unit, claimed, shown in (
        ("place", "arcsec", claims.place_arcsec, ladder.size_arcsec(shape.cell.step) if shape.cell else 0),
        ("time", "s", claims.span_s, -(-shape.span_us // 1_000_000)),
        ("height", "m", claims.height_m, _measure_band_m(shape)),
    ):
        if claimed and not shown:
            faults.append(f"{what}: expected nothing, since none is shown, got {claimed} {unit}")
        elif claimed and claimed < shown:
            faults.append(f"{what}: expected no finer than {shown} {unit}, got {claimed} {unit}")
    if claims.depth > len(shape.path):
        faults.append(f"path: expected at most {len(shape.path)} words, got {claims.depth}")
    return faults


def _measure_band_m(shape: Shape) -> int:
    low_cm, high_cm = shape.height_cm or (0, 0)
    return -(-(high_cm - low_cm) // 100)


def list_tear_lines(report: Report, level: Level, ladder: Ladder) -> list[TearLine]:
    """Return the tear lines that may go with a level, in the order of the report."""
    shape = shape_of(report, level, ladder)
    return [line for line in report.tear_lines if not find_overclaims(line.claims, shape, ladder)]


def list_fields(report: Report, level: Level, ladder: Ladder, *, tear_line: str | None = None) -> list[str]:
    """Return the names of the fields that may go with a level and a tear line, sorted."""
    if not _bears_own_label(report, tear_line):
        return []
    shape = shape_of(report, level, ladder)
    return sorted(
        field.name
        for field in report.fields
        if field.claims is not None and not find_overclaims(field.claims, shape, ladder)
    )


def _bears_own_label(report: Report, tear_line: str | None) -> bool:
    """Tell whether what goes out bears the report's own label, as its fields do."""
    line = None if tear_line is None else report.find_tear_line(tear_line)
    return report.label_of(line) == report.label


def build_variant(
    report: Report,
    level: Level,
    ladder: Ladder,
    *,
    tear_line: str | None = None,
    fields: Iterable[str] = (),
) -> VariantWire:
    """Return what a recipient gets of ``report`` at ``level``.

    Args:
        tear_line: The id of the text that goes with it; None: no text.
        fields: Names of the fields that go with it.

    Raises:
        Denied: A text or field that the report does not have, that is private, or that tells more than the
            shape; a field beside a text with another label.
        Malformed: Altogether too large.
    """
    shape = shape_of(report, level, ladder)
    text = ""
    if tear_line is not None:
        line = report.find_tear_line(tear_line)
        if line is None:
            raise Denied("no-such-tear-line", f"tear line: expected one of the report, got {tear_line!r}")
        _require_claims(f"tear line {line.id!r}", line.claims, shape, ladder)
        text = line.text
    wanted = frozenset(fields)
    # SECURITY: a text below the tear line goes to those who are cleared for that line alone, and a field is
    # not part of it (tests/properties/test_release_variants.py, test_a_field_bears_the_label_of_its_report).
    if wanted and not _bears_own_label(report, tear_line):
        raise Denied(
            "other-label",
            f"fields: expected none beside a tear line with a label of its own, got {sorted(wanted)}",
        )
    return parse_variant(
        VariantWire(
            fields=tuple(_take_fields(report, wanted, shape, ladder)),
            format=FORMAT,
            height=HeightWire(*shape.height_cm) if shape.height_cm else None,
            path=shape.path,
            place=(
                PlaceWire(ladder.size_arcsec(shape.cell.step), shape.cell.row, shape.cell.column)
                if shape.cell
                else None
            ),
            text=text,
            window=None if shape.start_us is None else WindowWire(shape.start_us, shape.span_us),
        )
    )


def _take_fields(report: Report, wanted: frozenset[str], shape: Shape, ladder: Ladder) -> list[SentField]:
    known = {field.name: field for field in report.fields}
    taken = []
    for name in sorted(wanted):
        field = known.get(name)
        # SECURITY: a private field and one that does not exist get the same answer.
        if field is None or field.claims is None:
            raise Denied(
                "private-field", f"field {name!r}: expected one that may go out, got none of this name"
            )
        _require_claims(f"field {name!r}", field.claims, shape, ladder)
        taken.append(SentField(name=name, value=field.value))
    return taken


def _require_claims(what: str, claims: Claims, shape: Shape, ladder: Ladder) -> None:
    faults = find_overclaims(claims, shape, ladder)
    if faults:
        raise Denied("finer-than-shape", f"{what}, {faults[0]}")
