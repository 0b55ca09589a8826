"""A shape in words, for a person: where, when, what, how high, as coarse as it is.

What it is for: an officer reads what a recipient will read, and a recipient's officer reads the same
sentence.

Invariants: the words are a function of the shape and the ladder alone; they claim nothing finer than the
shape. Cells of 30, 15 and 5 minutes bear their name of the Global Area Reference System (NGA GARS), others
are told by their edges.

It does not translate.

    >>> describe_cell(DEFAULT_LADDER.cell_at(353_359_000, 401_408_000, 5), DEFAULT_LADDER)
    'GARS 441LL1'
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from entente.kernel.time import from_unix_s
from entente.release.source.path import say_path
from entente.release.variant.ladder import HALF_TURN_ARCSEC, Cell, Ladder
from entente.release.variant.sent import VariantWire
from entente.release.variant.shape import Shape

_GARS_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without I and O."""
_GARS_ARCSEC: Final = (1_800, 900, 300)


def name_gars(size_arcsec: int, row: int, column: int) -> str | None:
    """Return the name of a cell in the Global Area Reference System; None if it has none."""
    if size_arcsec not in _GARS_ARCSEC:
        return None
    up, right = row * size_arcsec, column * size_arcsec
    letters = up // 1_800
    name = f"{right // 1_800 + 1:03d}{_GARS_LETTERS[letters // 24]}{_GARS_LETTERS[letters % 24]}"
    if size_arcsec <= 900:
        # Quadrants: 1 and 2 are the northern ones, 1 and 3 the western.
        name += str(1 + right % 1_800 // 900 + 2 * (1 - up % 1_800 // 900))
    if size_arcsec <= 300:
        # As on a telephone: 1 is north-west, 9 south-east.
        name += str(1 + right % 900 // 300 + 3 * (2 - up % 900 // 300))
    return name


def describe_square(size_arcsec: int, row: int, column: int) -> str:
    """Return a cell in words: ``GARS 441LL15``, or ``34 N to 35 N, 40 E to 41 E``."""
    name = name_gars(size_arcsec, row, column)
    if name:
        return f"GARS {name}"
    south = row * size_arcsec - HALF_TURN_ARCSEC // 2
    west = column * size_arcsec - HALF_TURN_ARCSEC
    return (
        f"{_say_angle(south, 'N', 'S')} to {_say_angle(south + size_arcsec, 'N', 'S')}, "
        f"{_say_angle(west, 'E', 'W')} to {_say_angle(west + size_arcsec, 'E', 'W')}"
    )


def describe_cell(cell: Cell | None, ladder: Ladder) -> str:
    """Return a cell in words; ``anywhere`` where none is shown."""
    if cell is None or not cell.step:
        return "anywhere"
    return describe_square(ladder.size_arcsec(cell.step), cell.row, cell.column)


def describe_window(start_us: int | None, span_us: int) -> str:
    """Return when, in words: ``between 2026-11-28 12:00 and 18:00 UTC``."""
    if start_us is None:
        return "at some time"
    start = from_unix_s(0) + timedelta(microseconds=start_us)
    end = start + timedelta(microseconds=span_us)
    if span_us % 86_400_000_000 == 0:
        last = end - timedelta(days=1)
        return f"on {start:%Y-%m-%d}" if last == start else f"from {start:%Y-%m-%d} to {last:%Y-%m-%d} (UTC)"
    clock = "%H:%M:%S" if start.second or end.second else "%H:%M"
    until = end.strftime(clock) if end.date() == start.date() else end.strftime(f"%Y-%m-%d {clock}")
    return f"between {start.strftime(f'%Y-%m-%d {clock}')} and {until} UTC"


def describe_height(height_cm: tuple[int, int] | None) -> str:
    """Return how high, in words: ``below 3,000 m``, ``3,000 to 6,000 m``; empty when not shown."""
    if height_cm is None:
        return ""
    low, high = (_say_metres(bound) for bound in height_cm)
    return f"below {high} m" if height_cm[0] == 0 else f"{low} to {high} m"


def describe_shape(shape: Shape, ladder: Ladder) -> str:
    """Return a whole shape in one sentence.

    >>> describe_shape(shape, DEFAULT_LADDER)
    'between 2026-11-28 12:00 and 18:00 UTC, in GARS 441LL1, fixed-wing (air), below 3,000 m'
    """
    where = "" if shape.cell is None else describe_cell(shape.cell, ladder)
    return _join(describe_window(shape.start_us, shape.span_us), where, shape.path, shape.height_cm)


def describe_variant(wire: VariantWire) -> str:
    """Return what a recipient may know of a variant without its text and fields, in one sentence."""
    place, window, height = wire.place, wire.window, wire.height
    return _join(
        describe_window(window.start_us, window.span_us) if window else describe_window(None, 0),
        describe_square(place.size_arcsec, place.row, place.column) if place else "",
        wire.path,
        (height.low_cm, height.high_cm) if height else None,
    )


def _join(when: str, where: str, path: tuple[str, ...], height_cm: tuple[int, int] | None) -> str:
    parts = [when, f"in {where}" if where else "at some place", say_path(path), describe_height(height_cm)]
    return ", ".join(part for part in parts if part)


def _say_metres(height_cm: int) -> str:
    whole, rest = divmod(abs(height_cm), 100)
    text = f"{whole:,}" + (f".{rest:02d}" if rest else "")
    return f"-{text}" if height_cm < 0 else text


def _say_angle(arcsec: int, positive: str, negative: str) -> str:
    degrees, rest = divmod(abs(arcsec), 3_600)
    minutes, seconds = divmod(rest, 60)
    text = f"{degrees}"
    if rest:
        text += f"\N{DEGREE SIGN}{minutes:02d}'"
    if seconds:
        text += f'{seconds:02d}"'
    if arcsec in {0, HALF_TURN_ARCSEC, -HALF_TURN_ARCSEC}:
        return text
    return f"{text} {positive if arcsec > 0 else negative}"
