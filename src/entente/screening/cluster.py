"""Screening on several machines: parts of the plan as tasks of `dask.distributed`.

What it is for: the same call, the same answer, where one machine is too small or too slow.

Invariants:
  * Every part is answered exactly once; the answer equals the local one. A worker that dies gives its parts
    back to the others, and if it took the last copy of the question with it, that is sent again.
  * Each worker process makes its plan once for a question.

It starts no cluster and installs nothing: the workers need the same entente. The wire is dask's: no
protection of its own between client and workers unless the cluster is set up with TLS.

    >>> screen(plan, separation=keep, client=Client("tcp://10.0.0.7:8786"))
"""

from __future__ import annotations

import threading
import uuid
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import CancelledError
from dataclasses import fields
from typing import Any, Final

from distributed import KilledWorker, as_completed
from distributed.client import FutureCancelledError

from entente.kernel.errors import TransportError
from entente.screening.question import Found, Question, Work, merge
from entente.space.bulk import VolumeTable
from entente.space.bulk.pairs import refuse_more

_ROUNDS: Final = 4
"""How often the question is sent before the cluster is given up."""
_KEPT: Final = 2
PATIENCE_S = 30.0
"""How long a cluster without workers is waited for."""

Progress = Callable[[int, int], None]


class _Shelf:
    """Plans that this process made, by the question's token; the oldest goes."""

    def __init__(self) -> None:
        self._works: OrderedDict[str, Work] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, token: str, question: Question) -> Work:
        """Return the plan for a question, made by the first who asks."""
        with self._lock:
            work = self._works.get(token)
            if work is None:
                work = self._works[token] = Work(_reopen(question))
                while len(self._works) > _KEPT:
                    self._works.popitem(last=False)
            return work


_SHELF: Final = _Shelf()


def _reopen(question: Question) -> Question:
    """Return a question whose table holds its columns and nothing else, checked as every table is."""
    table = question.table
    columns = {column.name: getattr(table, column.name) for column in fields(VolumeTable) if column.init}
    return Question(
        VolumeTable(**columns),
        question.separation,
        question.reach_cm,
        question.split,
        question.object_of,
        question.legs,
    )


def weigh_parts(token: str, question: Question) -> list[int]:
    """Return how much work each part is; runs on a worker."""
    work = _SHELF.get(token, question)
    return [work.weigh(number) for number in range(work.parts)]


def search_part(token: str, question: Question, number: int) -> Found:
    """Return the pairs of one part; runs on a worker."""
    return _SHELF.get(token, question).search(number)


def search_on_cluster(
    client: Any,  # noqa: ANN401 - distributed carries no types
    question: Question,
    *,
    most: int,
    on_progress: Progress | None = None,
) -> Found:
    """Return all pairs of a question.

    Raises:
        TooManyConflicts: There are more than ``most``.
        TransportError: There are no workers, or they keep dying.
    """
    token = uuid.uuid4().hex
    # Columns alone go over the wire, not what an earlier question worked out of them.
    question = _reopen(question)
    found: dict[int, Found] = {}
    weights: list[int] = []
    lost = "no worker"
    for _ in range(_ROUNDS):
        try:
            if not client.scheduler_info()["workers"]:
                client.wait_for_workers(1, timeout=PATIENCE_S)
            held = client.scatter(question, broadcast=True, hash=False)
            if not weights:
                weights = client.submit(weigh_parts, token, held, pure=False).result()
            _gather(client, token, held, weights, found, most=most, on_progress=on_progress)
        except (KilledWorker, FutureCancelledError, CancelledError, TimeoutError, OSError) as error:
            lost = f"{type(error).__name__}: {error}"
            continue
        return merge(found.values())
    raise TransportError(
        "no-workers", f"cluster: expected workers that last, {_ROUNDS} attempts failed, last: {lost}"
    )


def _gather(
    client: Any,  # noqa: ANN401 - distributed carries no types
    token: str,
    held: Any,  # noqa: ANN401 - the same
    weights: list[int],
    found: dict[int, Found],
    *,
    most: int,
    on_progress: Progress | None,
) -> None:
    """Add to ``found`` every part that is not in it."""
    numbers = {
        client.submit(search_part, token, held, number, pure=False): number
        for number in range(len(weights))
        if number not in found
    }
    try:
        for future, part in as_completed(list(numbers), loop=client.loop, with_results=True):  # type: ignore[no-untyped-call]
            if not isinstance(part, Found):
                # A part that was lost with its worker comes as the error that says so.
                raise part
            found[numbers[future]] = part
            refuse_more(sum(len(one) for one in found.values()), most)
            if on_progress is not None:
                on_progress(sum(weights[number] for number in found), sum(weights))
            future.release()
    finally:
        client.cancel([future for future in numbers if not future.done()])
