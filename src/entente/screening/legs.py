"""Movers between two samples: each in a straight line, at an even speed, from a place and time to another.

What it is for: what a lane volume alone cannot say is where in it the mover is at one instant. Two movers
pass through one place; whether they meet is a question of both at once.

Invariants: columns fit each other; a leg ends after it starts and is at most `MAX_PIECE_M` long, so that the
chord stands for the ground within `sagitta_m`.

    >>> legs.reach_m[3], legs.half_height_m[3]
    (150.0, 30.0)
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
from numpy.typing import NDArray

from entente.space.ellipsoid import TIGHTEST_RADIUS_M

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

MAX_PIECE_M: Final = 2_000.0
"""The chord of 2 km runs at most 8 cm under the ground."""
SAGITTA_PER_M2: Final = 1.0 / (8.0 * TIGHTEST_RADIUS_M)


@dataclass(frozen=True, slots=True, eq=False)
class Legs:
    """Movers' legs as columns, a row for each volume of the set.

    Args:
        start_us, end_us: int64. When it is at its two ends; both belong to the leg.
        ends_m: float64, shape (n, 2, 3). Both ends, on the ellipsoid, from the Earth's centre.
        heights_m: float64, shape (n, 2). The mover's height above the ellipsoid at its two ends.
        reach_m, half_height_m: float64. How far what moves reaches round it, and up and down.
    """

    start_us: Ints
    end_us: Ints
    ends_m: Floats
    heights_m: Floats
    reach_m: Floats
    half_height_m: Floats

    @property
    def nbytes(self) -> int:
        """Bytes that the columns take."""
        return sum(getattr(self, column.name).nbytes for column in fields(self))


def join_legs(parts: list[Legs]) -> Legs:
    """Return all legs, one part after the other."""
    return Legs(*(np.concatenate([getattr(part, column.name) for part in parts]) for column in fields(Legs)))
