"""Fractions as text: ``"1/4"``, ``"0.25"``, ``"1"``; exact, one spelling when stored.

What it is for: weights, shares and budgets are written by people and stand in canonical JSON, which holds no
fractions. ``1/3`` must mean a third, so that three of them make one.

Invariants: a value is a `fractions.Fraction` of at most `MAX_DIGITS` digits above and below the line;
`say_fraction` gives the one stored spelling (``"1/4"``, lowest terms), and `parse_fraction` reads it back to
the same value.

It computes no chances: floats begin in `entente.release.exposure`.

    >>> say_fraction(parse_fraction("0.25"))
    '1/4'
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Annotated, Final

from msgspec import Meta

from entente.kernel.errors import Malformed

MAX_DIGITS: Final = 12
FRACTION_PATTERN: Final = r"^(?:0|[1-9][0-9]{0,11})(?:/[1-9][0-9]{0,11}|\.[0-9]{1,11})?$(?!\n)"
FractionText = Annotated[str, Meta(pattern=FRACTION_PATTERN, min_length=1, max_length=25)]
"""A fraction >= 0 as it is stored."""

_FRACTION: Final = re.compile(FRACTION_PATTERN)


def parse_fraction(text: str, *, path: str = "") -> Fraction:
    """Return the value of ``"1/4"``, ``"0.25"`` or ``"1"``, or raise `Malformed`."""
    if not _FRACTION.match(text):
        raise Malformed(
            "bad-fraction",
            f"fraction: expected '1/4' or '0.25', at most {MAX_DIGITS} digits, got {text[:40]!r}",
            path=path,
        )
    return Fraction(text)


def say_fraction(value: Fraction) -> str:
    """Return the stored spelling: ``"1/4"``; whole numbers without a line.

    Raises:
        ValueError: Negative, or too long to be read back.
    """
    text = str(value)
    if not _FRACTION.match(text):
        raise ValueError(f"fraction: expected >= 0 and at most {MAX_DIGITS} digits, got {text[:60]}")
    return text
