"""Heights and times as files state them, turned into the table's centimetres and microseconds.

What it is for: one rule for all readers. Heights are metres with their datum stated in the words of
`entente notify --heights` (docs/formats/volume.md section 4): ``ellipsoid``, ``amsl N+-U``, ``agl
LOW..HIGH+-U``. Times are instants of UTC.

Invariants:
  * Nothing is guessed: a bound without a datum, a datum without its numbers, a time without its zone are
    errors.
  * What is finer than the table's units goes outward: floors and starts down, ceilings and ends up.
  * An error names the row and the field. A missing bound is unbounded; one that is no number is an error.

It knows no files.

    >>> shift = read_datum("amsl 22+-1.5", "here")
    >>> place_heights(np.array([3000.0]), np.array([4000.0]), np.zeros(1, int), [shift], say=say)
    (array([302050]), array([402350]))
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from entente.kernel.errors import InvalidVolume, Malformed
from entente.space import HeightBand
from entente.space.bulk import UNBOUNDED_CM

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Say = Callable[[int], str]
"""Names a place in the file, by the number of its row."""

MAX_HEIGHT_M: Final = 1e8
_AMSL: Final = re.compile(r"amsl\s+(.+?)\s*\+-\s*(.+)")
_AGL: Final = re.compile(r"agl\s+(.+?)\s*\.\.\s*(.+?)\s*\+-\s*(.+)")
_MICRONS_IN_CM: Final = 10_000


@dataclass(frozen=True, slots=True)
class Shift:
    """What is added to a floor and to a ceiling to have them above the ellipsoid, outward."""

    floor_m: float
    ceiling_m: float


def read_datum(text: str, where: str) -> Shift:
    """Return what a datum does to heights.

    Raises:
        Malformed: It is none, or a number that it needs is missing or impossible.
    """
    words = " ".join(text.replace("\N{PLUS-MINUS SIGN}", "+-").split())
    if words == "ellipsoid":
        return Shift(0.0, 0.0)
    try:
        if match := _AMSL.fullmatch(words):
            band = HeightBand.from_amsl(
                0.0, 0.0, geoid_undulation_m=float(match[1]), uncertainty_m=float(match[2])
            )
        elif match := _AGL.fullmatch(words):
            band = HeightBand.from_agl(
                0.0,
                0.0,
                terrain_min_m=float(match[1]),
                terrain_max_m=float(match[2]),
                uncertainty_m=float(match[3]),
            )
        else:
            raise Malformed(
                "bad-datum",
                f"{where}, datum: expected 'ellipsoid', 'amsl N+-U' or 'agl LOW..HIGH+-U' in metres (never"
                f" guessed), got {text!r}",
            )
    except ValueError as error:
        raise Malformed("bad-datum", f"{where}, datum {text!r}: {error}") from error
    if band.floor_m is None or band.ceiling_m is None:
        raise AssertionError("a bounded band was converted to an unbounded one")
    return Shift(band.floor_m, band.ceiling_m)


def place_heights(
    floor_m: Floats, ceiling_m: Floats, datum_of: Ints, datums: Sequence[Shift], *, say: Say
) -> tuple[Ints, Ints]:
    """Return floors and ceilings in centimetres above the ellipsoid.

    Args:
        floor_m, ceiling_m: As given; minus and plus infinity where there is no bound.
        datum_of: Which of ``datums`` each row states; -1 for none.

    Raises:
        Malformed: A bound is no number or out of range, or has no datum.
        InvalidVolume: A floor above its ceiling.
    """
    has_floor, has_ceiling = floor_m != -np.inf, ceiling_m != np.inf
    for name, bound_m, given in (("floor_m", floor_m, has_floor), ("ceiling_m", ceiling_m, has_ceiling)):
        # Not within, rather than beyond: a NaN is neither.
        bad = np.flatnonzero(given & ~(np.abs(bound_m) <= MAX_HEIGHT_M))
        if len(bad):
            at = int(bad[0])
            raise Malformed(
                "bad-height",
                f"{say(at)}, {name}: expected -1e8 to 1e8 m, or nothing for unbounded, got"
                f" {float(bound_m[at])!r}",
            )
    bad = np.flatnonzero((has_floor | has_ceiling) & (datum_of < 0))
    if len(bad):
        raise Malformed(
            "no-datum",
            f"{say(int(bad[0]))}, datum: expected what its heights are above ('ellipsoid', 'amsl N+-U', 'agl"
            " LOW..HIGH+-U'; never guessed), got nothing",
        )
    bad = np.flatnonzero(floor_m > ceiling_m)
    if len(bad):
        at = int(bad[0])
        raise InvalidVolume(
            "heights-reversed",
            f"{say(at)}, floor_m: expected floor <= ceiling, got {float(floor_m[at])!r} and"
            f" {float(ceiling_m[at])!r} m",
        )
    # A row without a datum has no bounds: what is added to it does not matter.
    down = np.array([*(shift.floor_m for shift in datums), 0.0])[datum_of]
    up = np.array([*(shift.ceiling_m for shift in datums), 0.0])[datum_of]
    floor_um = np.rint((np.where(has_floor, floor_m, 0.0) + down) * 1e6).astype(np.int64)
    ceiling_um = np.rint((np.where(has_ceiling, ceiling_m, 0.0) + up) * 1e6).astype(np.int64)
    # To the micrometre first: 3022.1 - 1.5 is a hair beside 3020.6 in binary and would go a centimetre out.
    return (
        np.where(has_floor, floor_um // _MICRONS_IN_CM, -UNBOUNDED_CM),
        np.where(has_ceiling, -(-ceiling_um // _MICRONS_IN_CM), UNBOUNDED_CM),
    )


def check_windows(start_us: Ints, end_us: Ints, *, say: Say) -> None:
    """Refuse windows that are empty or reversed.

    Raises:
        InvalidVolume: Names the first.
    """
    bad = np.flatnonzero(start_us >= end_us)
    if len(bad):
        at = int(bad[0])
        raise InvalidVolume(
            "window-reversed",
            f"{say(at)}, start: expected start < end, got {np.datetime64(int(start_us[at]), 'us')}Z and"
            f" {np.datetime64(int(end_us[at]), 'us')}Z",
        )


def place_radii(radius_m: Floats, *, say: Say, most_m: float = 1e6) -> Ints:
    """Return radii in centimetres, rounded up.

    Raises:
        InvalidVolume: One is not more than 0, or beyond what an outline can have.
    """
    bad = np.flatnonzero(~((radius_m > 0.0) & (radius_m <= most_m)))
    if len(bad):
        at = int(bad[0])
        raise InvalidVolume(
            "bad-radius",
            f"{say(at)}, radius_m: expected more than 0 and at most {most_m:.0f} m, got"
            f" {float(radius_m[at])!r}",
        )
    return -(-np.rint(radius_m * 1e6).astype(np.int64) // _MICRONS_IN_CM)


def outward_cm(length_m: float) -> int:
    """Return metres as centimetres, rounded up."""
    return math.ceil(round(length_m * 1e6) / _MICRONS_IN_CM)
