"""A variant as it is sent: what one recipient gets, and nothing else.

What it is for: the part of a signed, sealed message that says what happened, where, when, how high, as coarse
as was decided. It is a new object: it names no report, no source, no other recipient, no level and no delay.

Invariants:
  * Whole numbers and bounded texts only; at most `MAX_VARIANT_BYTES`.
  * A cell lies on the fixed grid of its size, a window on a multiple of its length, a band on a multiple of
    its thickness: an offset, which could tell recipients or items apart, cannot be spelt.
  * Fields are sorted by name, each once; so one variant has one spelling, and `hash_variant` names it.

It does not carry its label: the message holds that beside it.

    >>> parse_variant(wire, path="$.body.variant").place
    PlaceWire(size_arcsec=900, row=501, column=880)
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal

from msgspec import Meta

from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.errors import Malformed
from entente.kernel.wire import NameText, NoteText, SlugText, WireStruct
from entente.release.source.path import MAX_DEPTH
from entente.release.source.report import MAX_FIELDS, MAX_MOMENT_US
from entente.release.variant.ladder import HALF_TURN_ARCSEC, MAX_HEIGHT_STEP_M, MAX_SPAN_S

FORMAT: Final = "entente-variant-1"
MAX_VARIANT_BYTES: Final = 24 * 1024
"""The longest tear line in any script, and some fields; it leaves room for a label in a message of 40 kB."""

_LIMIT_CM: Final = 10_000_000_000
_MAX_BAND_CM: Final = MAX_HEIGHT_STEP_M * 100


class PlaceWire(WireStruct, frozen=True):
    """A cell of the fixed grid: rows from the south pole, columns from 180 degrees west."""

    size_arcsec: Annotated[int, Meta(ge=1, le=HALF_TURN_ARCSEC)]
    row: Annotated[int, Meta(ge=0, lt=HALF_TURN_ARCSEC)]
    column: Annotated[int, Meta(ge=0, lt=2 * HALF_TURN_ARCSEC)]


class WindowWire(WireStruct, frozen=True):
    """A half-open window: microseconds since 1970-01-01T00:00:00Z, and its length."""

    start_us: Annotated[int, Meta(ge=-MAX_MOMENT_US - MAX_SPAN_S * 1_000_000, le=MAX_MOMENT_US)]
    span_us: Annotated[int, Meta(ge=1, le=MAX_SPAN_S * 1_000_000)]


class HeightWire(WireStruct, frozen=True):
    """A half-open band of heights above the WGS84 ellipsoid."""

    low_cm: Annotated[int, Meta(ge=-_LIMIT_CM - _MAX_BAND_CM, le=_LIMIT_CM)]
    high_cm: Annotated[int, Meta(ge=-_LIMIT_CM, le=_LIMIT_CM + _MAX_BAND_CM)]


class SentField(WireStruct, frozen=True):
    """A named value that was let out."""

    name: SlugText
    value: NameText


class VariantWire(WireStruct, frozen=True):
    """A variant as it travels. None: not told.

    Args:
        path: What it is, from the widest word; empty when not told.
        text: A tear line, or empty.
    """

    fields: Annotated[tuple[SentField, ...], Meta(max_length=MAX_FIELDS)]
    format: Literal["entente-variant-1"]
    height: HeightWire | None
    path: Annotated[tuple[SlugText, ...], Meta(max_length=MAX_DEPTH)]
    place: PlaceWire | None
    text: NoteText
    window: WindowWire | None


def parse_variant(wire: VariantWire, *, path: str = "$") -> VariantWire:
    """Return ``wire`` if all that it says fits the fixed marks, or raise `Malformed` with the place."""
    place, window, height = wire.place, wire.window, wire.height
    if place is not None:
        _check_place(place, f"{path}.place")
    if window is not None and window.start_us % window.span_us:
        raise Malformed(
            "off-grid",
            f"window: expected a start on a multiple of its {window.span_us} us, got {window.start_us}",
            path=f"{path}.window.start_us",
        )
    if height is not None:
        thick_cm = height.high_cm - height.low_cm
        if not 0 < thick_cm <= _MAX_BAND_CM or height.low_cm % thick_cm:
            raise Malformed(
                "off-grid",
                "height: expected a band that starts on a multiple of its thickness, got "
                f"{height.low_cm} to {height.high_cm} cm",
                path=f"{path}.height",
            )
    names = [field.name for field in wire.fields]
    if names != sorted(set(names)):
        raise Malformed(
            "not-sorted", f"fields: expected them by name, each once, got {names}", path=f"{path}.fields"
        )
    size_bytes = len(encode_canonical(wire))
    if size_bytes > MAX_VARIANT_BYTES:
        raise Malformed(
            "too-large", f"variant: expected <= {MAX_VARIANT_BYTES} bytes, got {size_bytes}", path=path
        )
    return wire


def _check_place(place: PlaceWire, path: str) -> None:
    if HALF_TURN_ARCSEC % place.size_arcsec:
        raise Malformed(
            "off-grid",
            f"cell: expected a size that divides 648000 arc seconds, got {place.size_arcsec}",
            path=f"{path}.size_arcsec",
        )
    rows = HALF_TURN_ARCSEC // place.size_arcsec
    for name, value, count in (("row", place.row, rows), ("column", place.column, 2 * rows)):
        if value >= count:
            raise Malformed(
                "off-grid", f"cell, {name}: expected 0 to {count - 1}, got {value}", path=f"{path}.{name}"
            )


def encode_variant(wire: VariantWire) -> bytes:
    """Return a variant's canonical bytes."""
    return encode_canonical(wire)


def parse_variant_bytes(data: bytes) -> VariantWire:
    """Return the variant that ``data`` spells canonically, or raise `Malformed`."""
    return parse_variant(parse_canonical_as(data, VariantWire, max_bytes=MAX_VARIANT_BYTES))


def hash_variant(wire: VariantWire) -> str:
    """Return the name of a variant: SHA-256 of its canonical bytes, in hex."""
    return hashlib.sha256(encode_variant(wire)).hexdigest()
