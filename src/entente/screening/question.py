"""A question to be searched in parts, in this process or in another.

What it is for: the same parts, the same answers, whether one thread works on them, several, or several
machines. A `Question` can be sent; `Work` is what a process makes of it, once.

Invariants:
  * Each pair of objects comes out of the parts at least once, and `merge` leaves it once, with its first
    meeting: so the answer does not depend on who searched which part, or when.
  * Volumes of one track are never compared with each other.
  * Where both are tracks, two legs count only if their movers come within the separation (`approach`).

It starts no threads and knows no ids.

    >>> work = Work(question)
    >>> merge(work.search(number) for number in range(work.parts))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from entente.screening.approach import find_meetings
from entente.screening.legs import Legs
from entente.space import Separation
from entente.space.bulk import VolumeTable, prepare
from entente.space.bulk.pairs import encode_pairs, propose_far, settle

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
LOW = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True, eq=False)
class Question:
    """What is asked, in numbers alone.

    Args:
        table: All volumes; rows from ``split`` on are the other set's, if it is not 0.
        reach_cm: Widens each volume; None: none is.
        object_of: The object of each row, where several rows may be one; else None.
        legs: What moves in each row, if all rows are legs.
    """

    table: VolumeTable
    separation: Separation
    reach_cm: Ints | None
    split: int
    object_of: Ints | None
    legs: Legs | None


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """Pairs of objects, encoded; when owned volumes first meet; how near movers come, and when."""

    pairs: Ints
    first_us: Ints
    nearest_us: Ints
    nearest_m: Floats
    height_m: Floats

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.pairs)

    def take(self, places: Ints) -> Found:
        """Return some of the pairs."""
        return Found(*(getattr(self, one.name)[places] for one in fields(self)))


_NO_INTS = np.zeros(0, dtype=np.int64)
_NO_FLOATS = np.zeros(0)


class Work:
    """A question with the plan for it: parts from 0 up to ``parts``."""

    def __init__(self, question: Question) -> None:
        self.question = question
        self._task = prepare(
            question.table, question.separation, reach_cm=question.reach_cm, split=question.split
        )
        self.parts = len(self._task.plan.parts) + 1
        """The last holds the rows that are in no grid."""

    def weigh(self, number: int) -> int:
        """Return how much work a part is."""
        parts = self._task.plan.parts
        return parts[number].entries if number < len(parts) else max(1, len(self._task.plan.far))

    def search(self, number: int, *, on_pairs: Callable[[int], None] | None = None) -> Found:
        """Return the pairs of one part.

        Args:
            on_pairs: Called with the number of pairs that came in addition; may raise, to stop.
        """
        found: list[Found] = []
        for rows in self._list_pairs(number):
            found.append(self._judge(rows))
            if on_pairs is not None:
                on_pairs(len(found[-1]))
        return merge(found)

    def _list_pairs(self, number: int) -> Iterator[Ints]:
        """Yield encoded pairs of rows: those in conflict, or, where legs decide, those that may be."""
        task, plan = self._task, self._task.plan
        is_open = self.question.legs is not None
        if number < len(plan.parts):
            for block in plan.sweep(plan.parts[number]):
                if is_open:
                    yield encode_pairs(block.first, block.second)
                    yield encode_pairs(block.unsure[:, 0], block.unsure[:, 1])
                else:
                    yield from settle(task, block)
            return
        for pairs in propose_far(task):
            yield encode_pairs(pairs[:, 0], pairs[:, 1]) if is_open else task.decide(pairs)

    def _judge(self, rows: Ints) -> Found:
        """Return the pairs of objects that pairs of rows make."""
        question = self.question
        if question.object_of is None:
            return Found(rows, _NO_INTS, _NO_INTS, _NO_FLOATS, _NO_FLOATS)
        one, two = rows >> 32, rows & LOW
        first, second = question.object_of[one], question.object_of[two]
        other = np.flatnonzero(first != second)
        one, two, first, second = one[other], two[other], first[other], second[other]
        if question.legs is None:
            start_us = question.table.start_us
            met_us = np.maximum(start_us[one], start_us[two])
            return merge(
                [Found(_encode(first, second), met_us, met_us, np.zeros(len(one)), np.zeros(len(one)))]
            )
        is_met, first_us, nearest_m, nearest_us, height_m = find_meetings(
            question.legs, np.stack((one, two), axis=1), question.separation
        )
        found = Found(_encode(first, second), first_us, nearest_us, nearest_m, height_m)
        return merge([found.take(np.flatnonzero(is_met))])


def merge(parts: Iterable[Found]) -> Found:
    """Return all pairs in order, each once, with its first meeting and its nearest."""
    some = list(parts)
    if not some:
        return Found(_NO_INTS, _NO_INTS, _NO_INTS, _NO_FLOATS, _NO_FLOATS)
    pairs = np.concatenate([part.pairs for part in some])
    first_us = np.concatenate([part.first_us for part in some])
    if len(pairs) and not len(first_us):
        # Volumes that are their own objects: each pair came once.
        pairs.sort()
        return Found(pairs, _NO_INTS, _NO_INTS, _NO_FLOATS, _NO_FLOATS)
    nearest_us = np.concatenate([part.nearest_us for part in some])
    nearest_m = np.concatenate([part.nearest_m for part in some])
    height_m = np.concatenate([part.height_m for part in some])
    # The nearest first, then the earlier: all numbers decide, so that the order of work does not.
    order = np.lexsort((height_m, nearest_us, nearest_m, pairs))
    heads = np.flatnonzero(np.diff(pairs[order], prepend=-1))
    if not len(heads):
        return Found(_NO_INTS, _NO_INTS, _NO_INTS, _NO_FLOATS, _NO_FLOATS)
    nearest = order[heads]
    return Found(
        pairs[nearest],
        np.minimum.reduceat(first_us[order], heads),
        nearest_us[nearest],
        nearest_m[nearest],
        height_m[nearest],
    )


def _encode(first: Ints, second: Ints) -> Ints:
    return encode_pairs(np.minimum(first, second), np.maximum(first, second))
