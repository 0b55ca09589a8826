"""How people write the size of a cell and a length of time on the command line.

Invariants: a number without a unit is refused, so that nobody's minutes become somebody else's degrees; only
whole arc seconds and whole seconds.

    >>> read_arcsec("30'"), read_seconds("6h")
    (1800, 21600)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from entente.kernel.errors import Malformed

_ARCS: Final[Mapping[str, int]] = {"deg": 3600, "°": 3600, "arcmin": 60, "'": 60, "arcsec": 1, '"': 1}
_TIMES: Final[Mapping[str, int]] = {"d": 86_400, "h": 3600, "min": 60, "s": 1}


def read_arcsec(text: str) -> int:
    """Return the size of a cell in arc seconds: ``5deg``, ``30'``, ``30arcmin``, ``6arcsec``."""
    return _read(text, _ARCS, "size of a cell", "5deg, 30arcmin or 6arcsec")


def read_seconds(text: str) -> int:
    """Return a length of time in seconds: ``1d``, ``6h``, ``10min``, ``30s``, ``0``."""
    return 0 if text == "0" else _read(text, _TIMES, "length of time", "1d, 6h, 10min or 30s")


def _read(text: str, units: Mapping[str, int], what: str, example: str) -> int:
    found = re.fullmatch(r"([0-9]{1,7}) ?(\D{1,6})", text)
    if found is None or found[2] not in units:
        raise Malformed(
            "bad-size", f"{what}: expected a whole number with its unit, as {example}, got {text!r}"
        )
    return int(found[1]) * units[found[2]]


def say_arcsec(arcsec: int) -> str:
    """Return the size of a cell for a person, as `read_arcsec` reads it."""
    return next(f"{arcsec // unit}{name}" for name, unit in _ARCS.items() if not arcsec % unit)


def say_seconds(seconds: int) -> str:
    """Return a length of time for a person, as `read_seconds` reads it."""
    return next(f"{seconds // unit}{name}" for name, unit in _TIMES.items() if not seconds % unit)
