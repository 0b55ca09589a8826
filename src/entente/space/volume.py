"""A volume: where, how high and when; and the separation that two of them must keep.

What it is for: everything that is compared in space and time is a `Volume`.

Invariants: valid by construction, from parts that are; a separation is finite and >= 0, its lateral part
at most 1000 km.

    >>> Volume(Circle((35.28, 40.18), 3000.0), HeightBand(None, 7000.0), Window(start, end))
    >>> Separation(lateral_m=5000.0, vertical_m=300.0, time_s=600.0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

from entente.kernel.errors import InvalidVolume
from entente.space.heights import HeightBand
from entente.space.outline import Outline
from entente.space.window import Window

MAX_LATERAL_M: Final = 1_000_000.0
"""With two circles of the largest radius, 3000 km: as far as distances are measured to centimetres."""
MAX_VERTICAL_M: Final = 2e8
MAX_TIME_S: Final = 3_155_760_000.0
"""A hundred years."""


@dataclass(frozen=True, slots=True)
class Volume:
    """An outline, a height band and a time window."""

    outline: Outline
    heights: HeightBand
    window: Window


@dataclass(frozen=True, slots=True)
class Separation:
    """What two volumes must keep from each other: along the ground, in height, in time.

    Raises:
        InvalidVolume: A part is negative, not finite, or beyond its limit.
    """

    lateral_m: float = 0.0
    vertical_m: float = 0.0
    time_s: float = 0.0

    def __post_init__(self) -> None:
        """Check the three parts."""
        for name, part, most in (
            ("lateral_m", self.lateral_m, MAX_LATERAL_M),
            ("vertical_m", self.vertical_m, MAX_VERTICAL_M),
            ("time_s", self.time_s, MAX_TIME_S),
        ):
            if not (math.isfinite(part) and 0.0 <= part <= most):
                raise InvalidVolume(
                    "bad-separation",
                    f"separation: expected {name} from 0 to {most:.0f}, got {part!r}",
                    path=name,
                )
