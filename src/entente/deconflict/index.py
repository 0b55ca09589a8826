"""The conflict index: among many standing volumes, which conflict with this one.

One interface, several homes; this file has the contract and the one in memory. `store.index_sqlite` and
`store.index_postgresql` are the others; tests/unit/test_index_contract.py holds all to the same.

Invariants of every home:
  * What is returned is exact: `entente.space.find_conflict` said so for each hit. The index only proposes.
  * What it does not propose certainly does not conflict. Nothing is cut off: more than was asked for at most
    is an error that says how to narrow the question.
  * The answer does not depend on the order in which objects were inserted, nor on what was withdrawn between.

It does not know parties, types or rules: see `entente.deconflict.conflicts`. Nor does it forget what is past:
it has no clock, and whoever ends an object withdraws it.

    >>> index.insert("sortie-7", volumes, group="activity")
    >>> index.query(volume, Separation(lateral_m=5000.0), group="activity")
    [Hit(object='sortie-7', ordinal=0)]
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from entente.deconflict.cells import (
    TURN_E4,
    Box,
    Search,
    encode_key,
    find_box,
    find_searches,
    find_slot,
    read_stem,
    stem_of,
)
from entente.deconflict.standing import Decider, pack, read_box, unpack, widen
from entente.kernel.errors import TooManyConflicts
from entente.space import Separation, Volume
from entente.space.volume import MAX_LATERAL_M

__all__ = ["MOST_HITS", "Change", "ConflictIndex", "Hit", "MemoryIndex", "Met", "widen"]

MOST_HITS: Final = 10_000
"""Hits that a question gives unless it says otherwise: more than a person reads, less than a memory fills."""
MOST_VOLUMES: Final = 65_536
"""Volumes of one object."""
FEW_BOXES: Final = 256
"""Volumes that are all looked at: their boxes are compared in less time than it takes to say which to."""
_ORDER: Final = attrgetter("object", "ordinal")
_NOWHERE: Final = Box(0, 0, 0, 0, 0, 0, 2**62, -(2**62))
"""Of a place that is free: meets nothing."""
_PAGE: Final = 1_024
"""Candidates that are decided together: bounds what a question costs beyond the most that it may find."""


@dataclass(frozen=True, slots=True, order=True)
class Hit:
    """A standing volume that conflicts with the one asked about: the object, and the volume's place in it."""

    object: str
    ordinal: int
    data: bytes = field(repr=False, compare=False)
    """The volume as `standing.pack` made it."""

    @property
    def volume(self) -> Volume:
        """The standing volume itself; made anew at each call."""
        return unpack(self.data)[0]


@dataclass(frozen=True, slots=True)
class Met:
    """What `check_and_insert` found: the place of the inserted volume, and what it conflicts with."""

    ordinal: int
    hit: Hit


@dataclass(frozen=True, slots=True)
class Change:
    """The newest change of one object. ``number`` is where to go on from."""

    number: int
    object: str
    group: str
    is_standing: bool


class StandingVolumes(Protocol):
    """What may be asked of standing volumes. Order: hits sorted by object and ordinal."""

    def query(
        self, volume: Volume, separation: Separation, *, group: str, most: int | None = MOST_HITS
    ) -> list[Hit]:
        """Return every standing volume of the group that conflicts with ``volume``.

        Args:
            most: More hits than these are refused; None gives every one, however many.

        Raises:
            TooManyConflicts: There are more than ``most``.
        """


class StandingIndex(StandingVolumes, Protocol):
    """What an entry's conflicts are found by: volumes that stand, and do so no longer.

    Durability: none promised: whoever owns a home commits it. Absence: withdrawing what is not there does
    nothing. Concurrency: one writer.
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


class ConflictIndex(StandingIndex, Protocol):
    """Standing volumes of objects, in groups, each object with a reach of its own: one of the homes.

    Concurrency: one writer, but for `check_and_insert` of the homes in a database, which several processes
    may call at once.
    """

    def check_and_insert(
        self,
        object_name: str,
        volumes: Sequence[Volume],
        separation: Separation,
        *,
        group: str,
        reach_m: float = 0.0,
        most: int | None = MOST_HITS,
    ) -> list[Met]:
        """Let an object stand whatever it meets, and return what its volumes conflict with in its group.

        Of two callers with conflicting volumes at least one is told, however close in time they come. What
        stood under the object's own name is replaced, so it is not among the hits.

        Args:
            separation: What the callers agreed to keep: the same for all that check against each other.

        Raises:
            TooManyConflicts: There are more than ``most``; nothing was changed.
        """

    def changes(self, after: int = 0) -> Iterator[Change]:
        """Yield the newest change of each object that changed after a number, in order.

        Asked again with the last number that was yielded, it gives what has happened since: never less, and
        in the end what stands. An object that changed twice in between comes once.
        """

    def __len__(self) -> int:
        """Return the number of standing volumes."""


def check_insert(volumes: Sequence[Volume], reach_m: float) -> None:
    """Refuse what no home takes.

    Raises:
        ValueError: A caller's mistake: a reach beyond what can be measured, or too many volumes.
    """
    if not 0.0 <= reach_m <= MAX_LATERAL_M:  # false for NaN too
        raise ValueError(f"reach_m: expected a finite number from 0 to {MAX_LATERAL_M:.0f}, got {reach_m!r}")
    if len(volumes) > MOST_VOLUMES:
        raise ValueError(f"volumes: expected at most {MOST_VOLUMES} of one object, got {len(volumes)}")


def refuse_more(most: int) -> TooManyConflicts:
    """Return the error for a question that finds more than it may."""
    return TooManyConflicts(
        "too-many-conflicts",
        f"question: expected at most {most} conflicts, found more: ask for a shorter window, a smaller"
        " outline, a thinner height band or a smaller separation, or in parts",
    )


def sort_hits(hits: list[Hit]) -> list[Hit]:
    """Return hits in their order, by a key: compared one by one they would take half of a large question."""
    return sorted(hits, key=_ORDER)


def find_question_box(volume: Volume, separation: Separation) -> Box:
    """Return the box that a question is about: the volume, widened by the separation."""
    return find_box(
        volume,
        lateral_m=separation.lateral_m,
        vertical_m=separation.vertical_m,
        time_s=separation.time_s,
    )


class MemoryIndex:
    """The index in memory: packed volumes, numbers beside them, and under each key the places it has.

    Some 400 bytes a volume: a million in half a gigabyte. Made for 10^4 to 10^6; 10^7 belong in a database.

    Args:
        few: Volumes of a group that are kept under no key yet.
    """

    def __init__(self, *, few: int = FEW_BOXES) -> None:
        self._few = few
        self._groups: dict[str, _Group] = {}
        self._group_of: dict[str, str] = {}
        self._decider = Decider()
        self._changes: dict[str, Change] = {}
        self._changed = 0

    def insert(
        self, object_name: str, volumes: Sequence[Volume], *, group: str, reach_m: float = 0.0
    ) -> None:
        """Let an object stand, in place of what stood under its name."""
        check_insert(volumes, reach_m)
        self._drop(object_name)
        self.insert_packed(object_name, [pack(volume, reach_m) for volume in volumes], group=group)

    def insert_packed(self, object_name: str, volumes: Sequence[bytes], *, group: str) -> None:
        """Let an object stand whose volumes are packed already, in place of what stood under its name."""
        self._drop(object_name)
        held = self._groups.setdefault(group, _Group(self._few))
        for ordinal, data in enumerate(volumes):
            held.add(object_name, ordinal, data)
        self._group_of[object_name] = group
        self._note(object_name, group, is_standing=True)

    def withdraw(self, object_name: str) -> None:
        """Let an object stand no longer."""
        group = self._drop(object_name)
        if group is not None:
            self._note(object_name, group, is_standing=False)

    def query(
        self, volume: Volume, separation: Separation, *, group: str, most: int | None = MOST_HITS
    ) -> list[Hit]:
        """Return every standing volume of the group that conflicts with ``volume``."""
        return self.query_box(
            volume, find_question_box(volume, separation), separation, group=group, most=most
        )

    def holds(self, group: str) -> bool:
        """Return whether anything was inserted in a group."""
        return group in self._groups

    def query_box(
        self, volume: Volume, box: Box, separation: Separation, *, group: str, most: int | None
    ) -> list[Hit]:
        """Do `query` for a caller that has the question's box already."""
        held = self._groups.get(group)
        if held is None:
            return []
        places = held.propose(box)
        hits: list[Hit] = []
        for start in range(0, len(places), _PAGE):
            page = [held.hits[place] for place in places[start : start + _PAGE].tolist()]
            met = self._decider.find_met(volume, separation, [hit.data for hit in page])
            hits += [page[at] for at in met]
            if most is not None and len(hits) > most:
                raise refuse_more(most)
        return sort_hits(hits)

    def check_and_insert(
        self,
        object_name: str,
        volumes: Sequence[Volume],
        separation: Separation,
        *,
        group: str,
        reach_m: float = 0.0,
        most: int | None = MOST_HITS,
    ) -> list[Met]:
        """Let an object stand whatever it meets, and return what its volumes conflict with in its group."""
        check_insert(volumes, reach_m)
        agreed = widen(separation, reach_m)
        met = [
            Met(ordinal, hit)
            for ordinal, volume in enumerate(volumes)
            for hit in self.query(volume, agreed, group=group, most=most)
            if hit.object != object_name
        ]
        if most is not None and len(met) > most:
            raise refuse_more(most)
        self.insert(object_name, volumes, group=group, reach_m=reach_m)
        return met

    def compile(self) -> bool:
        """Take the compiled form of the exact rule from here on: see `standing.Decider`."""
        return self._decider.compile()

    def changes(self, after: int = 0) -> Iterator[Change]:
        """Yield the newest change of each object that changed after a number, in order."""
        # A changed object moves to the end, so the newest stand last: walked backwards up to the number.
        found = []
        for name in reversed(self._changes):
            if self._changes[name].number <= after:
                break
            found.append(self._changes[name])
        return reversed(found)

    def __len__(self) -> int:
        """Return the number of standing volumes."""
        return sum(len(held) for held in self._groups.values())

    def _drop(self, object_name: str) -> str | None:
        group = self._group_of.pop(object_name, None)
        if group is not None:
            self._groups[group].drop(object_name)
        return group

    def _note(self, object_name: str, group: str, *, is_standing: bool) -> None:
        self._changed += 1
        self._changes.pop(object_name, None)
        self._changes[object_name] = Change(self._changed, object_name, group, is_standing)


class _Bin:
    """What is kept under one key: places in the table, sorted by the start of their boxes."""

    __slots__ = ("places", "starts_s")

    def __init__(self) -> None:
        self.starts_s = array("q")
        self.places = array("q")

    def add(self, start_s: int, place: int) -> None:
        at = bisect_right(self.starts_s, start_s)
        self.starts_s.insert(at, start_s)
        self.places.insert(at, place)

    def drop(self, start_s: int, place: int) -> None:
        at = self.places.index(place, bisect_left(self.starts_s, start_s))
        del self.starts_s[at], self.places[at]

    def between(self, first_s: int, last_s: int) -> array[int]:
        if self.starts_s[0] >= first_s and self.starts_s[-1] <= last_s:
            return self.places
        return self.places[bisect_left(self.starts_s, first_s) : bisect_right(self.starts_s, last_s)]


class _Group:
    """One group's volumes: hits to give, their boxes as rows of numbers, bins by key, free rows.

    While there are few, every box is looked at and there are no bins: what is pending for a batch is made and
    thrown away many times a second.
    """

    def __init__(self, few: int) -> None:
        self._few = few
        self.hits: list[Hit] = []
        self._boxes: NDArray[np.int64] = np.empty((64, 8), dtype=np.int64)
        self._places: dict[str, list[int]] = {}
        self._free: list[int] = []
        self._bins: dict[int, dict[int, _Bin]] | None = None

    def __len__(self) -> int:
        return len(self.hits) - len(self._free)

    def add(self, object_name: str, ordinal: int, data: bytes) -> None:
        box, hit = read_box(data), Hit(object_name, ordinal, data)
        if self._free:
            place = self._free.pop()
            self.hits[place] = hit
        else:
            place = len(self.hits)
            self.hits.append(hit)
            if place == len(self._boxes):
                self._boxes = np.concatenate((self._boxes, np.empty_like(self._boxes)))
        self._boxes[place] = box
        self._places.setdefault(object_name, []).append(place)
        if self._bins is not None:
            _bin(self._bins, box, place)
        elif len(self.hits) > self._few:
            self._bins = {}
            for places in self._places.values():
                for each in places:
                    _bin(self._bins, read_box(self.hits[each].data), each)

    def drop(self, object_name: str) -> None:
        for place in self._places.pop(object_name, []):
            if self._bins is not None:
                _unbin(self._bins, read_box(self.hits[place].data), place)
            self._boxes[place] = _NOWHERE
            self._free.append(place)

    def propose(self, box: Box) -> NDArray[np.int64]:
        """Return the places of the volumes whose boxes meet the question's: each once."""
        if self._bins is None:
            # Most are of another time.
            rows = self._boxes[: len(self.hits)]
            places = np.flatnonzero((rows[:, 6] <= box.end_s) & (rows[:, 7] >= box.start_s))
            if not len(places):
                return places
            rows = rows[places]
        else:
            held = [read_stem(stem) for stem in self._bins]
            parts = [
                part
                for search in find_searches(box, 0, held)
                for one in _visit(self._bins, search)
                if len(part := one.between(search.first_start_s, search.last_start_s))
            ]
            if not parts:
                return np.zeros(0, dtype=np.int64)
            places = np.unique(np.concatenate([np.frombuffer(part, dtype=np.int64) for part in parts]))
            rows = self._boxes[places]
        near = (rows[:, 6] <= box.end_s) & (rows[:, 7] >= box.start_s)
        near &= (rows[:, 4] <= box.ceiling_m) & (rows[:, 5] >= box.floor_m)
        near &= (rows[:, 0] <= box.north) & (rows[:, 2] >= box.south)
        near &= _is_abreast(rows[:, 1], rows[:, 3], box)
        found: NDArray[np.int64] = places[near]
        return found


def _bin(bins: dict[int, dict[int, _Bin]], box: Box, place: int) -> None:
    slot = find_slot(box)
    for cell in slot.cells:
        key = encode_key(0, slot.level, slot.duration, cell)
        bins.setdefault(stem_of(key), {}).setdefault(key, _Bin()).add(box.start_s, place)


def _unbin(bins: dict[int, dict[int, _Bin]], box: Box, place: int) -> None:
    slot = find_slot(box)
    for cell in slot.cells:
        key = encode_key(0, slot.level, slot.duration, cell)
        held = bins[stem_of(key)]
        held[key].drop(box.start_s, place)
        if not held[key].places:
            del held[key]
            if not held:
                del bins[stem_of(key)]


def _visit(bins: dict[int, dict[int, _Bin]], search: Search) -> Iterator[_Bin]:
    for key in search.keys:
        one = bins[stem_of(key)].get(key)
        if one is not None:
            yield one
    for first, last in search.spans:
        for key, one in bins[stem_of(first)].items():
            if first <= key <= last:
                yield one


def _is_abreast(west: NDArray[np.int64], east: NDArray[np.int64], box: Box) -> NDArray[np.bool_]:
    """Return which longitudes meet the box's: both count on past 180 degrees, so a turn may lie between."""
    met: NDArray[np.bool_] = (west <= box.east) & (east >= box.west)
    met |= (west <= box.east + TURN_E4) & (east >= box.west + TURN_E4)
    met |= (west <= box.east - TURN_E4) & (east >= box.west - TURN_E4)
    return met
