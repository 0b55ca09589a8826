"""What the originator keeps of a variant: its shape, its derivation, the ladder it was made by. Private.

What it is for: a ledger that can say for every release what went out of which report, at which level, by
which ladder; and that can make the same variant again.

Invariants: ``parse(encode(value)) == value`` for each; canonical JSON, bounded. A derivation names its report
by the hash of the version that was used, so that a later version cannot be taken for it.

Nothing of it is ever sent: a variant's recipient gets `entente.release.variant.sent` and no more.

    >>> parse_shape(encode_shape(shape)) == shape
    True
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final

from msgspec import Meta

from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.errors import Malformed
from entente.kernel.wire import MAX_SAFE, Hex64, SlugText, WireStruct
from entente.release.source.path import MAX_DEPTH
from entente.release.source.report import MAX_FIELDS, Report, hash_report
from entente.release.variant.ladder import (
    HALF_TURN_ARCSEC,
    MAX_DELAY_S,
    MAX_HEIGHT_STEP_M,
    MAX_SPAN_S,
    MAX_STEPS,
    Cell,
    Ladder,
    Level,
)
from entente.release.variant.sent import VariantWire, hash_variant
from entente.release.variant.shape import Shape

MAX_KEPT_BYTES: Final = 16 * 1024

_Index = Annotated[int, Meta(ge=0, le=2 * HALF_TURN_ARCSEC)]
_Wide = Annotated[int, Meta(ge=-MAX_SAFE, le=MAX_SAFE)]
_Places = Annotated[int, Meta(ge=1, le=HALF_TURN_ARCSEC)]
_Spans = Annotated[int, Meta(ge=1, le=MAX_SPAN_S)]
_Delays = Annotated[int, Meta(ge=0, le=MAX_DELAY_S)]
_Depths = Annotated[int, Meta(ge=0, le=MAX_DEPTH)]
_Heights = Annotated[int, Meta(ge=1, le=MAX_HEIGHT_STEP_M)]
_Steps = Meta(min_length=1, max_length=MAX_STEPS)


class LadderWire(WireStruct, frozen=True):
    """A ladder as it is stored, or agreed on; see `entente.release.variant.ladder`."""

    delays_s: Annotated[tuple[_Delays, ...], _Steps]
    depths: Annotated[tuple[_Depths, ...], _Steps]
    heights_m: Annotated[tuple[_Heights, ...], _Steps]
    places_arcsec: Annotated[tuple[_Places, ...], _Steps]
    spans_s: Annotated[tuple[_Spans, ...], _Steps]
    unshown_s: _Spans


class ShapeWire(WireStruct, frozen=True):
    """A shape as it is stored; ``cell`` is step, row, column."""

    cell: tuple[_Index, _Index, _Index] | None
    delay_us: Annotated[int, Meta(ge=0, le=MAX_DELAY_S * 1_000_000)]
    height_cm: tuple[_Wide, _Wide] | None
    path: Annotated[tuple[SlugText, ...], Meta(max_length=MAX_DEPTH)]
    span_us: Annotated[int, Meta(ge=0, le=MAX_SPAN_S * 1_000_000)]
    start_us: _Wide | None


class Derivation(WireStruct, frozen=True):
    """What a variant was made from; the originator's alone.

    Args:
        report, report_sha256: The report and its version.
        recipient: For whom.
        level: Place, span, delay, depth, height: steps of the ladder, as in `Level`.
        ladder_sha256: Which ladder.
        tear_line: The id of the text that went with it, or None.
        fields: Names of the fields that went with it, sorted.
        variant_sha256: What it came to.
    """

    fields: Annotated[tuple[SlugText, ...], Meta(max_length=MAX_FIELDS)]
    ladder_sha256: Hex64
    level: tuple[_Index, _Index, _Index, _Index, _Index]
    recipient: SlugText
    report: SlugText
    report_sha256: Hex64
    tear_line: SlugText | None
    variant_sha256: Hex64


def parse_ladder(data: bytes) -> Ladder:
    """Return the ladder that ``data`` spells canonically, or raise `Malformed`."""
    wire = parse_canonical_as(data, LadderWire, max_bytes=MAX_KEPT_BYTES)
    return Ladder(
        places_arcsec=wire.places_arcsec,
        spans_s=wire.spans_s,
        delays_s=wire.delays_s,
        depths=wire.depths,
        heights_m=wire.heights_m,
        unshown_s=wire.unshown_s,
    )


def encode_ladder(ladder: Ladder) -> bytes:
    """Return a ladder as it is stored."""
    return encode_canonical(
        LadderWire(
            delays_s=ladder.delays_s,
            depths=ladder.depths,
            heights_m=ladder.heights_m,
            places_arcsec=ladder.places_arcsec,
            spans_s=ladder.spans_s,
            unshown_s=ladder.unshown_s,
        )
    )


def hash_ladder(ladder: Ladder) -> str:
    """Return what names a ladder: SHA-256 of its stored form, in hex."""
    return hashlib.sha256(encode_ladder(ladder)).hexdigest()


def parse_shape(data: bytes) -> Shape:
    """Return the shape that ``data`` spells canonically, or raise `Malformed`."""
    wire = parse_canonical_as(data, ShapeWire, max_bytes=MAX_KEPT_BYTES)
    try:
        return Shape(
            cell=None if wire.cell is None else Cell(*wire.cell),
            start_us=wire.start_us,
            span_us=wire.span_us,
            delay_us=wire.delay_us,
            path=wire.path,
            height_cm=wire.height_cm,
        )
    except ValueError as error:
        raise Malformed("bad-shape", f"shape: {error}") from error


def encode_shape(shape: Shape) -> bytes:
    """Return a shape as it is stored."""
    return encode_canonical(
        ShapeWire(
            cell=None if shape.cell is None else (shape.cell.step, shape.cell.row, shape.cell.column),
            delay_us=shape.delay_us,
            height_cm=shape.height_cm,
            path=shape.path,
            span_us=shape.span_us,
            start_us=shape.start_us,
        )
    )


def derive(
    report: Report,
    level: Level,
    ladder: Ladder,
    variant: VariantWire,
    *,
    recipient: str,
    tear_line: str | None,
) -> Derivation:
    """Return the record of what ``variant`` was made from."""
    return Derivation(
        fields=tuple(field.name for field in variant.fields),
        ladder_sha256=hash_ladder(ladder),
        level=(level.place, level.span, level.delay, level.depth, level.height),
        recipient=recipient,
        report=report.id,
        report_sha256=hash_report(report),
        tear_line=tear_line,
        variant_sha256=hash_variant(variant),
    )


def parse_derivation(data: bytes) -> Derivation:
    """Return the derivation that ``data`` spells canonically, or raise `Malformed`."""
    return parse_canonical_as(data, Derivation, max_bytes=MAX_KEPT_BYTES)


def encode_derivation(derivation: Derivation) -> bytes:
    """Return a derivation as it is stored."""
    return encode_canonical(derivation)
