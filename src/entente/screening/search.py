"""Screening: all pairs of a set that conflict, or of a set with another, or with sites and their buffers.

What it is for: the one call behind the library, the command line and the cluster.

Invariants:
  * The answer is the exact rule's (`entente.space.bulk`), complete or an error, in the order of ids; it does
    not depend on the number of threads or workers, nor on the order of rows.
  * A memory budget is kept: what the work takes is estimated before it begins, and refused with what would
    fit; an answer that does not fit is `TooManyConflicts`, never a shorter one.
  * An interrupt stops all threads within a block of pairs (some milliseconds).

It reads no files.

    >>> screen(plan, separation=Separation(lateral_m=500.0)).to_arrow()
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from entente.kernel.errors import Malformed
from entente.screening.columns import outward_cm
from entente.screening.legs import join_legs
from entente.screening.question import Found, Ints, Question, Work, merge
from entente.screening.result import Screened
from entente.screening.sets import VolumeSet
from entente.space import Separation
from entente.space.bulk import MOST, join_tables
from entente.space.bulk.pairs import refuse_more

Progress = Callable[[int, int], None]

PLAN_BYTES: Final = 140
"""What a plan takes for each volume, at its most: boxes twice, shapes, order, sort keys, entries."""
THREAD_BYTES: Final = 4_000_000
PAIR_BYTES: Final = 64
"""What a pair takes while the answer is put in order."""
_MB: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Budget:
    """What a screening may take.

    Args:
        threads: That search at once.
        memory_mb: For the sets, the work and the answer together; None: as much as it takes.
        most: More pairs than this are refused.
    """

    threads: int = 1
    memory_mb: int | None = None
    most: int = MOST

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name, number in (("threads", self.threads), ("memory", self.memory_mb), ("most", self.most)):
            if number is not None and number < 1:
                raise Malformed("bad-budget", f"{name}: expected 1 or more, got {number}")


_PLENTY: Final = Budget()


class _Stopped(Exception):
    """Another thread failed, or the user wants no more."""


def screen(
    first: VolumeSet,
    second: VolumeSet | None = None,
    *,
    separation: Separation,
    buffer_m: float | None = None,
    budget: Budget = _PLENTY,
    on_progress: Progress | None = None,
    client: Any = None,  # noqa: ANN401 - a dask.distributed Client, which is an extra
) -> Screened:
    """Return every pair that conflicts: of ``first``, or of ``first`` with ``second``.

    Args:
        buffer_m: ``second`` are sites: each reaches so much further in every direction, or as far as its own
            ``buffer_cm`` says.
        budget: Of threads, memory and pairs.
        on_progress: Called with (done, all) of some unit of work.
        client: Of `dask.distributed`; its workers search in place of threads.

    Raises:
        Malformed: The budget is too small for these sets; says what would fit.
        TooManyConflicts: More than ``most``, or more than the budget holds; says how to narrow it.
        TransportError: The cluster lost all of its workers.
    """
    if buffer_m is not None and (second is None or not 0.0 <= buffer_m <= 1e6):
        raise Malformed("bad-buffer", f"buffer: expected sites, and 0 to 1e6 m, got {buffer_m!r}")
    most = find_room(first, second, budget)
    question = make_question(first, second, separation, buffer_m)
    if len(question.table) == 0 or (second is not None and question.split in {0, len(question.table)}):
        return Screened.of(merge([]), first, second, question, is_sites=buffer_m is not None)
    if client is not None:
        from entente.screening.cluster import search_on_cluster  # noqa: PLC0415 - an extra

        found = search_on_cluster(client, question, most=most, on_progress=on_progress)
    else:
        found = _search_here(Work(question), threads=budget.threads, most=most, on_progress=on_progress)
    refuse_more(len(found), most)
    return Screened.of(found, first, second, question, is_sites=buffer_m is not None)


def find_room(first: VolumeSet, second: VolumeSet | None, budget: Budget) -> int:
    """Return how many pairs fit into a budget, or refuse it.

    Raises:
        Malformed: Not even the work fits.
    """
    if budget.memory_mb is None:
        return budget.most
    sets = [first] if second is None else [first, second]
    volumes = sum(len(one.table) for one in sets)
    # Two sets are laid end to end: for a while there are both.
    held = sum(one.nbytes for one in sets) * len(sets)
    needed = held + PLAN_BYTES * volumes + THREAD_BYTES * budget.threads
    given = budget.memory_mb * _MB
    if needed > given:
        each = max(1.0, (needed - THREAD_BYTES * budget.threads) / max(1, volumes))
        fits = max(0, int((given - THREAD_BYTES * budget.threads) / each))
        raise Malformed(
            "over-memory",
            f"memory: expected {-(-needed // _MB):,} MB or more for {volumes:,} volumes on {budget.threads}"
            f" threads, got a budget of {budget.memory_mb:,} MB, which would fit {fits:,} volumes like these",
        )
    return int(min(budget.most, max(1, (given - needed) // PAIR_BYTES)))


def make_question(
    first: VolumeSet, second: VolumeSet | None, separation: Separation, buffer_m: float | None
) -> Question:
    """Return what is asked, in numbers alone."""
    if second is None:
        return Question(first.table, separation, None, 0, first.owner_of, first.legs)
    split = len(first.table)
    reach_cm: Ints | None = None
    if buffer_m is not None:
        own_cm = np.full(len(second.table), outward_cm(buffer_m), dtype=np.int64)
        if second.buffer_cm is not None:
            own_cm = np.where(second.buffer_cm >= 0, second.buffer_cm, own_cm)
        reach_cm = np.concatenate((np.zeros(split, dtype=np.int64), own_cm))
    object_of: Ints | None = None
    if first.owner_of is not None or second.owner_of is not None:
        object_of = np.concatenate(
            (
                first.find_objects(np.arange(split)),
                len(first) + second.find_objects(np.arange(len(second.table))),
            )
        )
    elif len(second) and len(first) != split:
        raise AssertionError("a set without owners has as many objects as volumes")
    legs = None
    if first.legs is not None and second.legs is not None and reach_cm is None:
        legs = join_legs([first.legs, second.legs])
    return Question(join_tables([first.table, second.table]), separation, reach_cm, split, object_of, legs)


class Tally:
    """Counts pairs of all threads; refuses more than there is room for, and stops those that go on."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._count = 0
        self._lock = threading.Lock()
        self._is_stopped = threading.Event()

    def add(self, pairs: int) -> None:
        """Count some pairs."""
        if self._is_stopped.is_set():
            raise _Stopped
        with self._lock:
            self._count += pairs
            count = self._count
        refuse_more(count, self._most)

    def stop(self) -> None:
        """Have every thread end at its next block."""
        self._is_stopped.set()


def _search_here(work: Work, *, threads: int, most: int, on_progress: Progress | None) -> Found:
    whole = sum(work.weigh(number) for number in range(work.parts))
    done = 0
    tally = Tally(most)
    found: list[Found] = []
    if on_progress is not None:
        on_progress(0, whole)
    if threads == 1:
        for number in range(work.parts):
            found.append(work.search(number, on_pairs=tally.add))
            done += work.weigh(number)
            if on_progress is not None:
                on_progress(done, whole)
        return merge(found)
    pool = ThreadPoolExecutor(max_workers=threads, thread_name_prefix="screening")
    try:
        waiting = {
            pool.submit(work.search, number, on_pairs=tally.add): number for number in range(work.parts)
        }
        while waiting:
            # Not for ever at once: an interrupt is seen between two waits.
            ended, _ = wait(waiting, timeout=0.2, return_when=FIRST_COMPLETED)
            for one in ended:
                number = waiting.pop(one)
                found.append(one.result())
                done += work.weigh(number)
            if ended and on_progress is not None:
                on_progress(done, whole)
    finally:
        tally.stop()
        pool.shutdown(wait=True, cancel_futures=True)
    return merge(found)
