"""A position in words, for a person to read back.

What it is for: two officers who both look at digits do not notice a wrong digit. "7.4 km south-west of
Deir ez-Zor Airport" next to what was said before, they do.

Invariants: the same inputs give the same words; distances are along the ellipsoid; a tie between two
places goes to the one that was given first.

It holds no places and no areas of its own and never reads a file.

    >>> words = describe_position(35.28, 40.18, gazetteer=gazetteer, areas=[], earlier=None)
    >>> words.sentence
    "0.7 km south-east (127 deg) of Deir ez-Zor Airport"
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from entente.space.ellipsoid import (
    Floats,
    compass_word,
    distance_and_bearing,
    points_from_normals,
    surface_normals,
    surface_point,
)
from entente.space.outline import Outline, contains_point

_AT_PLACE_M: Final = 50.0
"""Nearer than this a bearing says nothing."""


@dataclass(frozen=True, slots=True)
class Place:
    """A known place: what people call it, where it is, what it is (city, airport, ...)."""

    name: str
    lat_deg: float
    lon_deg: float
    kind: str

    def __post_init__(self) -> None:
        """Check the position."""
        if not (-90.0 <= self.lat_deg <= 90.0 and -180.0 <= self.lon_deg <= 180.0):
            raise ValueError(
                f"place {self.name!r}: expected a position in degrees, got {(self.lat_deg, self.lon_deg)!r}"
            )


@dataclass(frozen=True, slots=True)
class NamedArea:
    """An outline with the name that its parties know it by."""

    name: str
    outline: Outline


class Gazetteer:
    """Known places, ready to be searched. Does not change once made."""

    __slots__ = ("_places", "_points")

    def __init__(self, places: Iterable[Place]) -> None:
        """Take the places.

        Raises:
            ValueError: There is none.
        """
        self._places = tuple(places)
        if not self._places:
            raise ValueError("gazetteer: expected at least one place, got none")
        table = np.array([(place.lat_deg, place.lon_deg) for place in self._places])
        self._points: Floats = points_from_normals(surface_normals(table[:, 0], table[:, 1]))

    def __len__(self) -> int:
        """Return the number of places."""
        return len(self._places)

    def find_nearest(self, lat_deg: float, lon_deg: float) -> Place:
        """Return the place nearest along the ellipsoid; of equals, the first."""
        here = surface_point(lat_deg, lon_deg)
        away = self._points - here
        chord_2 = np.einsum("ij,ij->i", away, away)
        # Straight through the Earth and along it can rank near equals differently, never by more than 1 %.
        near = np.flatnonzero(chord_2 <= chord_2.min() * 1.02 + 1e-3)
        # `min` keeps the first of equals.
        return min(
            (self._places[index] for index in near.tolist()),
            key=lambda place: distance_and_bearing(lat_deg, lon_deg, place.lat_deg, place.lon_deg)[0],
        )


@dataclass(frozen=True, slots=True)
class PositionWords:
    """A position in words, and what the words were made of."""

    nearest: Place
    distance_m: float
    """From the nearest place to the position."""
    bearing_deg: float
    """At the nearest place, towards the position, [0, 360)."""
    inside: tuple[str, ...]
    """Names of the areas that hold the position, in the order given."""
    moved_m: float | None
    """From the earlier position of the same object; None if there was none."""
    sentence: str


def describe_position(
    lat_deg: float,
    lon_deg: float,
    *,
    gazetteer: Gazetteer,
    areas: Sequence[NamedArea],
    earlier: tuple[float, float] | None,
) -> PositionWords:
    """Return ``lat_deg``, ``lon_deg`` in words.

    Args:
        earlier: Latitude and longitude last given for the same object, if any.

    Raises:
        ValueError: A position is out of range or not finite.
    """
    nearest = gazetteer.find_nearest(lat_deg, lon_deg)
    away_m, bearing_deg = distance_and_bearing(nearest.lat_deg, nearest.lon_deg, lat_deg, lon_deg)
    inside = tuple(area.name for area in areas if contains_point(area.outline, lat_deg, lon_deg))
    moved_m = None if earlier is None else distance_and_bearing(*earlier, lat_deg, lon_deg)[0]
    parts = [_say_place(nearest.name, away_m, bearing_deg)]
    if inside:
        parts.append("inside " + ", ".join(f"'{name}'" for name in inside))
    if moved_m is not None:
        parts.append(
            f"{_say_distance(moved_m)} from the earlier position"
            if moved_m >= 1.0
            else "at the earlier position"
        )
    return PositionWords(nearest, away_m, bearing_deg, inside, moved_m, "; ".join(parts))


def _say_place(name: str, away_m: float, bearing_deg: float) -> str:
    if away_m < _AT_PLACE_M:
        return f"at {name}"
    degrees = math.floor(bearing_deg + 0.5) % 360
    return f"{_say_distance(away_m)} {compass_word(bearing_deg)} ({degrees} deg) of {name}"


def _say_distance(distance_m: float) -> str:
    if distance_m < 999.5:
        return f"{distance_m:.0f} m"
    return f"{distance_m / 1000:.1f} km" if distance_m < 99_950 else f"{distance_m / 1000:.0f} km"
