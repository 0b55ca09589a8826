"""A shape in words, for a person: where, when, what, how high, as coarse as it is.

What it is for: an officer reads what a recipient will read, and a recipient's officer reads the same
sentence.

Invariants: the words are a function of the shape and the ladder alone; they claim nothing finer than the
shape. Cells of 30, 15 and 5 minutes bear their name of the Global Area Reference System (NGA GARS), others
are told by their edges.

It does not translate.

    >>> describe_cell(DEFAULT_LADDER.cell_at(353_359_000, 401_408_000, 5), DEFAULT_LADDER)
    'GARS 441LR3'
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from entente.kernel.time import from_unix_s
from entente.release.source.path import say_path
from entente.release.variant.ladder import Cell, Ladder
from entente.release.variant.shape import Shape

_GARS_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
"""Without I and O."""
_GARS_ARCSEC: Final = (1_800, 900, 300)


def name_gars(cell: Cell, ladder: Ladder) -> str | None:
    """Return the name of a cell in the Global Area Reference System; None if it has none."""
    if not cell.step or ladder.size_arcsec(cell.step) not in _GARS_ARCSEC:
        return None
    size = ladder.size_arcsec(cell.step)
    south, west, _, _ = ladder.bounds_arcsec(cell)
    up, right = south + 90 * 3_600, west + 180 * 3_600
    band, row = right // 1_800, up // 1_800
    name = f"{band + 1:03d}{_GARS_LETTERS[row // 24]}{_GARS_LETTERS[row % 24]}"
    if size <= 900:
        # Quadrants: 1 and 2 are the northern ones, 1 and 3 the western.
        name += str(1 + right % 1_800 // 900 + 2 * (1 - up % 1_800 // 900))
    if size <= 300:
        # As on a telephone: 1 is north-west, 9 south-east.
        name += str(1 + right % 900 // 300 + 3 * (2 - up % 900 // 300))
    return name


def describe_cell(cell: Cell | None, ladder: Ladder) -> str:
    """Return a cell in words: ``GARS 441LR3``, or ``34 N to 35 N, 40 E to 41 E``."""
    if cell is None or not cell.step:
        return "anywhere"
    name = name_gars(cell, ladder)
    if name:
        return f"GARS {name}"
    south, west, north, east = ladder.bounds_arcsec(cell)
    return (
        f"{_say_angle(south, 'N', 'S')} to {_say_angle(north, 'N', 'S')}, "
        f"{_say_angle(west, 'E', 'W')} to {_say_angle(east, 'E', 'W')}"
    )


def describe_window(shape: Shape) -> str:
    """Return when, in words: ``between 2026-11-28 12:00 and 18:00 UTC``."""
    if shape.start_us is None:
        return "at some time"
    start = from_unix_s(0) + timedelta(microseconds=shape.start_us)
    end = start + timedelta(microseconds=shape.span_us)
    day = timedelta(days=1)
    if shape.span_us % 86_400_000_000 == 0:
        last = end - day
        return f"on {start:%Y-%m-%d}" if last == start else f"from {start:%Y-%m-%d} to {last:%Y-%m-%d} (UTC)"
    clock = "%H:%M:%S" if start.second or end.second else "%H:%M"
    first = f"between {start:%Y-%m-%d} {start.strftime(clock)} and"
    if end.date() == start.date():
        return f"{first} {end.strftime(clock)} UTC"
    return f"{first} {end:%Y-%m-%d} {end.strftime(clock)} UTC"


def describe_height(height_cm: tuple[int, int] | None) -> str:
    """Return how high, in words: ``below 3,000 m``, ``3,000 to 6,000 m``; empty when not shown."""
    if height_cm is None:
        return ""
    low, high = (_say_metres(bound) for bound in height_cm)
    return f"below {high} m" if height_cm[0] == 0 else f"{low} to {high} m"


def describe_shape(shape: Shape, ladder: Ladder) -> str:
    """Return a whole shape in one sentence.

    >>> describe_shape(shape, DEFAULT_LADDER)
    'between 2026-11-28 12:00 and 18:00 UTC, in GARS 441LR3, fixed-wing (air), below 3,000 m'
    """
    where = "place not given" if shape.cell is None else f"in {describe_cell(shape.cell, ladder)}"
    parts = [describe_window(shape), where, say_path(shape.path), describe_height(shape.height_cm)]
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
    if arcsec in {0, 180 * 3_600, -180 * 3_600}:
        return text
    return f"{text} {positive if arcsec > 0 else negative}"
