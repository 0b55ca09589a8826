"""Height bands: metres above the WGS84 ellipsoid, and the only ways to get there from other datums.

What it is for: a height without its datum is the oldest way to miss a conflict. Here there is one datum.
Heights above mean sea level or above ground become a band only together with the numbers that convert
them, and always outward.

Invariants: bands are closed; ``floor_m <= ceiling_m``; None is unbounded; a bound is finite and within
+-100 000 km; a converted band holds every height that the given one may mean.

It does not hold a geoid or a terrain model and never guesses one.

    >>> HeightBand.from_amsl(3000.0, 4000.0, geoid_undulation_m=22.0, uncertainty_m=1.5)
    HeightBand(floor_m=3020.5, ceiling_m=4023.5)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, Self

from entente.kernel.errors import InvalidVolume

MAX_HEIGHT_M: Final = 1e8
"""Beyond every orbit in use; keeps centimetres exact in every number that carries them."""


@dataclass(frozen=True, slots=True)
class HeightBand:
    """From ``floor_m`` up to ``ceiling_m``, both included, above the ellipsoid; None is unbounded.

    Raises:
        InvalidVolume: A bound is not finite or out of range, or the floor is above the ceiling.
    """

    floor_m: float | None
    ceiling_m: float | None

    def __post_init__(self) -> None:
        """Check the bounds."""
        for name, bound_m in (("floor", self.floor_m), ("ceiling", self.ceiling_m)):
            if bound_m is not None and not -MAX_HEIGHT_M <= bound_m <= MAX_HEIGHT_M:  # false for NaN too
                raise InvalidVolume(
                    "bad-height", f"{name}: expected -1e8 to 1e8 m or none, got {bound_m!r}", path=name
                )
        if self.floor_m is not None and self.ceiling_m is not None and self.floor_m > self.ceiling_m:
            raise InvalidVolume(
                "heights-reversed",
                f"heights: expected floor <= ceiling, got {self.floor_m!r} and {self.ceiling_m!r} m",
                path="floor",
            )

    @classmethod
    def from_amsl(
        cls,
        floor_m: float | None,
        ceiling_m: float | None,
        *,
        geoid_undulation_m: float,
        uncertainty_m: float,
    ) -> Self:
        """Return the band of heights above mean sea level, widened by what is not known.

        Args:
            floor_m, ceiling_m: Above the geoid; None is unbounded.
            geoid_undulation_m: Height of the geoid above the ellipsoid at this place, -120 to 120.
            uncertainty_m: Half-width of all that is uncertain: the undulation over the whole outline,
                the geoid model, the altimeter. Finite and >= 0.

        Raises:
            ValueError: An input is missing or out of range.
        """
        _check("geoid_undulation_m", geoid_undulation_m, -120.0, 120.0)
        return cls._shifted(
            floor_m, ceiling_m, geoid_undulation_m, geoid_undulation_m, uncertainty_m=uncertainty_m
        )

    @classmethod
    def from_agl(
        cls,
        floor_m: float | None,
        ceiling_m: float | None,
        *,
        terrain_min_m: float,
        terrain_max_m: float,
        uncertainty_m: float,
    ) -> Self:
        """Return the band of heights above ground, over terrain whose extremes are given.

        Args:
            floor_m, ceiling_m: Above the ground below; None is unbounded.
            terrain_min_m, terrain_max_m: Lowest and highest ground under the outline, above the
                ellipsoid (not above sea level), -12 000 to 10 000.
            uncertainty_m: Half-width of all that is uncertain in them. Finite and >= 0.

        Raises:
            ValueError: An input is missing or out of range.
        """
        _check("terrain_min_m", terrain_min_m, -12_000.0, 10_000.0)
        _check("terrain_max_m", terrain_max_m, terrain_min_m, 10_000.0)
        return cls._shifted(floor_m, ceiling_m, terrain_min_m, terrain_max_m, uncertainty_m=uncertainty_m)

    @classmethod
    def _shifted(
        cls,
        floor_m: float | None,
        ceiling_m: float | None,
        low_m: float,
        high_m: float,
        *,
        uncertainty_m: float,
    ) -> Self:
        _check("uncertainty_m", uncertainty_m, 0.0, MAX_HEIGHT_M)
        given = cls(floor_m, ceiling_m)  # refuses a reversed band before widening could hide it
        return cls(
            None if given.floor_m is None else given.floor_m + low_m - uncertainty_m,
            None if given.ceiling_m is None else given.ceiling_m + high_m + uncertainty_m,
        )


def _check(name: str, number: float | None, least: float, most: float) -> None:
    if number is None or not math.isfinite(number) or not least <= number <= most:
        raise ValueError(f"{name}: expected a number from {least} to {most} (never guessed), got {number!r}")
