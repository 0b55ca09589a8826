"""All pairs of volumes that conflict: within one table, or between two.

What it is for: a campaign of a million volumes, screened in less than a second; the same answer as the exact
rule gives, pair by pair.

Invariants:
  * A pair is in the answer exactly if `entente.space.find_conflict` says so. Compiled code decides what it
    can be sure of, the rule itself the rest.
  * The answer is sorted, and does not depend on the order of work, nor on whether there is a compiler.
  * Nothing is ever cut off: more than ``most`` pairs are an error that says how to narrow the question.

It does not know parties, types or files.

    >>> found = find_pairs(table, Separation(lateral_m=500.0, vertical_m=150.0))
    >>> list(zip(found.first, found.second))
    [(0, 7), (3, 4)]
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from entente.kernel.errors import InvalidVolume, TooManyConflicts
from entente.space.bulk.boxes import RAD_E7
from entente.space.bulk.compiled import is_worth_compiling
from entente.space.bulk.plain import PlainPlan, make_plain_plan
from entente.space.bulk.plan import Block, Plan, make_plan
from entente.space.bulk.table import Ints, VolumeTable, join_tables
from entente.space.ellipsoid import SEMI_MAJOR_M, points_from_normals, surface_normals
from entente.space.overlap import is_conflict
from entente.space.volume import MAX_LATERAL_M, MAX_VERTICAL_M, Separation

MOST: Final = 100_000_000
"""Pairs in an answer, unless told otherwise: 1.6 GB."""
_KEPT: Final = 4_096
"""Volumes that are kept ready for the exact rule."""
_LOW: Final = 0xFFFF_FFFF

Progress = Callable[[int, int], None]
"""Called with (done, all) of some unit of work."""


@dataclass(frozen=True, slots=True, eq=False)
class Pairs:
    """Rows that conflict, sorted by the first, then by the second."""

    first: Ints
    second: Ints

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.first)


def find_pairs(
    table: VolumeTable,
    separation: Separation,
    *,
    reach_cm: Ints | None = None,
    most: int = MOST,
    on_progress: Progress | None = None,
) -> Pairs:
    """Return every pair of rows that conflict, the lower row first.

    Args:
        reach_cm: int64, shape (n,): widens each volume in every direction, on top of the separation.
        most: More pairs than this are refused.
        on_progress: Called now and then.

    Raises:
        TooManyConflicts: There are more than ``most``.
        InvalidVolume: A pair hangs on an outline that crosses itself; names the row.
    """
    return sort_pairs(
        search(prepare(table, separation, reach_cm=reach_cm), most=most, on_progress=on_progress)
    )


def find_pairs_between(
    table: VolumeTable,
    other: VolumeTable,
    separation: Separation,
    *,
    reach_cm: Ints | None = None,
    most: int = MOST,
    on_progress: Progress | None = None,
) -> Pairs:
    """Return every row of ``table`` that conflicts with a row of ``other``, and which.

    Args:
        reach_cm: int64, shape (rows of ``other``,): widens those, as a site's buffer does.

    Raises:
        TooManyConflicts: There are more than ``most``.
        InvalidVolume: A pair hangs on an outline that crosses itself; names the row, counted through both
        tables.
    """
    split = len(table)
    if not split or not len(other):
        return Pairs(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64))
    if reach_cm is not None:
        reach_cm = np.concatenate((np.zeros(split, dtype=np.int64), reach_cm))
    task = prepare(join_tables([table, other]), separation, reach_cm=reach_cm, split=split)
    found = sort_pairs(search(task, most=most, on_progress=on_progress))
    return Pairs(found.first, found.second - split)


@dataclass(frozen=True, slots=True, eq=False)
class Task:
    """A question with all that it takes to answer it, whole or in parts."""

    table: VolumeTable
    separation: Separation
    reach_cm: Ints | None
    split: int
    plan: Plan | PlainPlan

    def decide(self, pairs: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return those of the pairs that the exact rule finds in conflict, as `encode_pairs` does."""
        volume = lru_cache(_KEPT)(self.table.volume)
        kept = [(a, b) for a, b in pairs.tolist() if is_conflict(volume(a), volume(b), self._widened(a, b))]
        found = np.array(kept, dtype=np.int64).reshape(-1, 2)
        return encode_pairs(found[:, 0], found[:, 1])

    def _widened(self, a: int, b: int) -> Separation:
        if self.reach_cm is None:
            return self.separation
        own_m = (int(self.reach_cm[a]) + int(self.reach_cm[b])) / 100
        return Separation(
            self.separation.lateral_m + own_m,
            min(self.separation.vertical_m + own_m, MAX_VERTICAL_M),
            self.separation.time_s,
        )


def prepare(
    table: VolumeTable, separation: Separation, *, reach_cm: Ints | None = None, split: int = 0
) -> Task:
    """Return what `search` works on; see `make_plan`."""
    if reach_cm is not None and (reach_cm.shape != (len(table),) or bool((reach_cm < 0).any())):
        raise ValueError(f"reach_cm: expected {len(table)} numbers >= 0, got shape {reach_cm.shape}")
    widest_m = separation.lateral_m + (0.02 * int(reach_cm.max(initial=0)) if reach_cm is not None else 0.0)
    if widest_m > MAX_LATERAL_M:
        raise InvalidVolume(
            "bad-separation",
            f"separation: expected, with the reaches of two volumes, at most {MAX_LATERAL_M:.0f} m, "
            f"got {widest_m:.0f}",
            path="reach_cm",
        )
    # A few volumes are answered before numba would be loaded; the answer is the same.
    make = make_plan if is_worth_compiling(len(table)) else make_plain_plan
    return Task(table, separation, reach_cm, split, make(table, separation, reach_cm=reach_cm, split=split))


def search(task: Task, *, most: int = MOST, on_progress: Progress | None = None) -> list[NDArray[np.int64]]:
    """Return all pairs of a task, encoded, in the order in which they were found."""
    found: list[NDArray[np.int64]] = []
    count = done = 0
    whole = task.plan.entries + len(task.plan.far)
    for part in task.plan.parts:
        for block in task.plan.sweep(part):
            found += settle(task, block)
            count += sum(len(some) for some in found[-2:])
            refuse_more(count, most)
        done += part.entries
        if on_progress is not None:
            on_progress(done, whole)
    for pairs in propose_far(task):
        found.append(task.decide(pairs))
        count += len(found[-1])
        refuse_more(count, most)
    if on_progress is not None:
        on_progress(whole, whole)
    return found


def settle(task: Task, block: Block) -> list[NDArray[np.int64]]:
    """Return a block's sure pairs and those of its unsure ones that the exact rule finds in conflict."""
    return [encode_pairs(block.first, block.second), task.decide(block.unsure)]


def refuse_more(count: int, most: int) -> None:
    """Refuse an answer of more than ``most`` pairs."""
    if count > most:
        raise TooManyConflicts(
            "too-many-pairs",
            f"screening: expected at most {most:,} pairs, found more: ask for a smaller separation, fewer "
            "volumes or a shorter time, or allow more",
        )


def encode_pairs(first: NDArray[np.integer], second: NDArray[np.integer]) -> NDArray[np.int64]:
    """Return pairs as numbers that sort as they do."""
    return first.astype(np.int64) << 32 | second.astype(np.int64)


def sort_pairs(found: Iterable[NDArray[np.int64]]) -> Pairs:
    """Return encoded pairs in order."""
    parts = list(found)
    pairs = np.concatenate(parts) if parts else np.zeros(0, dtype=np.int64)
    pairs.sort()
    return Pairs(pairs >> 32, pairs & _LOW)


def propose_far(task: Task) -> Iterator[NDArray[np.int32]]:
    """Yield, for each row that the grid does not hold, the pairs of it that may meet.

    Caps hold what they stand for: so a pair whose caps are too far apart, straight through the Earth, is
    apart.
    """
    far = task.plan.far
    if not len(far):
        return
    table, rule = task.table, task.plan.rule
    own_cm = np.zeros(1, dtype=np.int64) if task.reach_cm is None else task.reach_cm
    centres, reach_m = _find_caps(task)
    is_far = np.zeros(len(table), dtype=np.bool_)
    is_far[far] = True
    rows = np.arange(len(table))
    for row in far.tolist():
        own = own_cm + (own_cm[row] if len(own_cm) > 1 else own_cm[0])
        near = (
            (
                np.maximum(table.start_us, table.start_us[row]) - np.minimum(table.end_us, table.end_us[row])
                < rule[2]
            )
            & (
                np.maximum(table.floor_cm, table.floor_cm[row])
                - np.minimum(table.ceiling_cm, table.ceiling_cm[row])
                <= rule[1] + own
            )
            # A pair of two far rows is the lower one's.
            & (~is_far | (rows > row))
        )
        if task.split:
            near &= (rows < task.split) != (row < task.split)
        mates = np.flatnonzero(near)
        away = centres[mates] - centres[row]
        within = reach_m[mates] + (reach_m[row] + rule[0] + 1.0)
        mates = mates[np.einsum("ij,ij->i", away, away) <= within * within]
        yield np.stack((np.minimum(mates, row), np.maximum(mates, row)), axis=1).astype(np.int32)


def _find_caps(task: Task) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return for each row a point, and how far from it, straight through, its widened volume reaches."""
    shapes = task.plan.shapes.astype(np.float64)
    lat, lon = (shapes[:, 0] + shapes[:, 1]) / 2, (shapes[:, 2] + shapes[:, 3]) / 2
    centres = points_from_normals(surface_normals(lat / 1e7, lon / 1e7))
    high, wide = RAD_E7 * (shapes[:, 1] - shapes[:, 0]), RAD_E7 * (shapes[:, 3] - shapes[:, 2])
    reach_m = 1.01 * SEMI_MAJOR_M * np.hypot(high, wide) / 2 + task.table.radius_cm / 100 + 1.0
    for row in task.plan.far.tolist():
        outline = task.table.volume(row).outline
        centres[row] = outline.ring.cap_centre
        reach_m[row] = outline.ring.cap_chord_m + outline.margin_m
    if task.reach_cm is not None:
        reach_m += task.reach_cm / 100
    return centres, reach_m
