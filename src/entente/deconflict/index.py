"""The conflict index: among many standing volumes, which conflict with this one.

One interface, several homes; this file has the contract and the one in memory.

Invariants of every home:
  * What is returned is exact: `entente.space.find_conflict` said so for each hit. The index only proposes.
  * What it does not propose certainly does not conflict. Nothing is cut off, however many hits there are.
  * The answer does not depend on the order in which objects were inserted, nor on what was withdrawn between.

It does not know parties, types or rules: see `entente.deconflict.conflicts`. Nor does it forget what is past:
it has no clock, and whoever ends an object withdraws it.

    >>> index.insert("sortie-7", volumes, group="activity")
    >>> index.query(volume, Separation(lateral_m=5000.0), group="activity")
    [Hit(object='sortie-7', ordinal=0, overlap=Overlap(…))]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from entente.kernel.time import from_unix_s
from entente.space import Overlap, Separation, Volume, find_conflict

_SPARE_M: Final = 1.0
"""Added to every distance and height of the proposal, far above what its rounding can lose."""
_SPARE_US: Final = 1_000_000
_EPOCH: Final = from_unix_s(0)
_MICROSECOND: Final = timedelta(microseconds=1)
_GROW_FROM: Final = 64


@dataclass(frozen=True, slots=True)
class Hit:
    """A standing volume that conflicts with the one asked about: the object, and the volume's place in it."""

    object: str
    ordinal: int
    overlap: Overlap


class ConflictIndex(Protocol):
    """Standing volumes of objects, in groups, each object with a reach of its own.

    Durability: none promised here. Order: hits sorted by object and ordinal. Absence: withdrawing what is not
    there does nothing. Concurrency: one writer.
    """

    def insert(
        self, object_name: str, volumes: Sequence[Volume], *, group: str, reach_m: float = 0.0
    ) -> None:
        """Let an object stand, in place of what stood under its name.

        Args:
            reach_m: Widens each of its volumes in every direction, on top of the separation asked for.
        """

    def withdraw(self, object_name: str) -> None:
        """Let an object stand no longer."""

    def query(self, volume: Volume, separation: Separation, *, group: str) -> list[Hit]:
        """Return every standing volume of the group that conflicts with ``volume``."""

    def __len__(self) -> int:
        """Return the number of standing volumes."""


@dataclass(frozen=True, slots=True)
class _Standing:
    object: str
    ordinal: int
    volume: Volume
    reach_m: float


class MemoryIndex:
    """The index in memory: columns of numbers for the proposal, the exact rule for what it proposes."""

    def __init__(self) -> None:
        self._groups: dict[str, _Columns] = {}
        self._group_of: dict[str, str] = {}

    def insert(
        self, object_name: str, volumes: Sequence[Volume], *, group: str, reach_m: float = 0.0
    ) -> None:
        """Let an object stand, in place of what stood under its name."""
        if not (math.isfinite(reach_m) and reach_m >= 0.0):
            raise ValueError(f"reach_m: expected a finite number >= 0, got {reach_m!r}")
        self.withdraw(object_name)
        columns = self._groups.setdefault(group, _Columns())
        for ordinal, volume in enumerate(volumes):
            columns.add(_Standing(object_name, ordinal, volume, reach_m))
        self._group_of[object_name] = group

    def withdraw(self, object_name: str) -> None:
        """Let an object stand no longer."""
        group = self._group_of.pop(object_name, None)
        if group is not None:
            self._groups[group].drop(object_name)

    def query(self, volume: Volume, separation: Separation, *, group: str) -> list[Hit]:
        """Return every standing volume of the group that conflicts with ``volume``."""
        columns = self._groups.get(group)
        if columns is None:
            return []
        hits = []
        for standing in columns.propose(volume, separation):
            widened = widen(separation, standing.reach_m)
            overlap = find_conflict(volume, standing.volume, widened)
            if overlap is not None:
                hits.append(Hit(standing.object, standing.ordinal, overlap))
        return sorted(hits, key=lambda hit: (hit.object, hit.ordinal))

    def __len__(self) -> int:
        """Return the number of standing volumes."""
        return sum(len(columns) for columns in self._groups.values())


def widen(separation: Separation, reach_m: float) -> Separation:
    """Return the separation with an object's own reach added, along the ground and in height."""
    if reach_m == 0.0:
        return separation
    return Separation(separation.lateral_m + reach_m, separation.vertical_m + reach_m, separation.time_s)


class _Columns:
    """One group's volumes as columns: cap centre, reach on the ground, floor, ceiling, own reach; window.

    A dropped row leaves a hole; the rows are packed when more than half of them are holes.
    """

    def __init__(self) -> None:
        self._rows: list[_Standing | None] = []
        self._places: dict[str, list[int]] = {}
        self._metres: NDArray[np.float64] = np.empty((_GROW_FROM, 7))
        self._micros: NDArray[np.int64] = np.empty((_GROW_FROM, 2), dtype=np.int64)
        self._dropped = 0

    def __len__(self) -> int:
        return len(self._rows) - self._dropped

    def add(self, standing: _Standing) -> None:
        place = len(self._rows)
        if place == len(self._metres):
            self._metres = np.concatenate((self._metres, np.empty_like(self._metres)))
            self._micros = np.concatenate((self._micros, np.empty_like(self._micros)))
        self._metres[place] = (*_ground(standing.volume), *_heights(standing.volume), standing.reach_m)
        self._micros[place] = _window(standing.volume)
        self._rows.append(standing)
        self._places.setdefault(standing.object, []).append(place)

    def drop(self, object_name: str) -> None:
        for place in self._places.pop(object_name, []):
            self._rows[place] = None
            self._dropped += 1
        if self._dropped * 2 > len(self._rows) and len(self._rows) > _GROW_FROM:
            standing = [row for row in self._rows if row is not None]
            self._rows, self._places, self._dropped = [], {}, 0
            for row in standing:
                self.add(row)

    def propose(self, volume: Volume, separation: Separation) -> list[_Standing]:
        """Return every row that `space.is_apart` would not reject, and perhaps a few more."""
        count = len(self._rows)
        metres, micros = self._metres[:count], self._micros[:count]
        start, end = _window(volume)
        gap_us = math.ceil(separation.time_s * 1e6) + _SPARE_US
        near = (micros[:, 0] - end <= gap_us) & (start - micros[:, 1] <= gap_us)
        places = np.flatnonzero(near)
        if len(places):
            floor, ceiling = _heights(volume)
            columns = metres[places]
            reach = separation.vertical_m + columns[:, 6] + _SPARE_M
            places = places[(columns[:, 4] - ceiling <= reach) & (floor - columns[:, 5] <= reach)]
        if len(places):
            x, y, z, across = _ground(volume)
            columns = metres[places]
            away_2 = (columns[:, 0] - x) ** 2 + (columns[:, 1] - y) ** 2 + (columns[:, 2] - z) ** 2
            reach = separation.lateral_m + across + columns[:, 3] + columns[:, 6] + _SPARE_M
            places = places[away_2 <= reach**2]
        return [row for place in places.tolist() if (row := self._rows[place]) is not None]


def _ground(volume: Volume) -> tuple[float, float, float, float]:
    """Return the centre of the cap around a footprint, and how far the footprint reaches from it."""
    ring = volume.outline.ring
    x, y, z = ring.cap_centre
    return float(x), float(y), float(z), ring.cap_chord_m + volume.outline.margin_m


def _heights(volume: Volume) -> tuple[float, float]:
    band = volume.heights
    return (
        -math.inf if band.floor_m is None else band.floor_m,
        math.inf if band.ceiling_m is None else band.ceiling_m,
    )


def _window(volume: Volume) -> tuple[int, int]:
    return _to_micros(volume.window.start_utc - _EPOCH), _to_micros(volume.window.end_utc - _EPOCH)


def _to_micros(span: timedelta) -> int:
    return span // _MICROSECOND
