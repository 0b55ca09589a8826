"""The sequencer: one thread that turns whatever waits into one batch, one flush and one commit.

Invariants:
  * Order is the order of arrival in the queue; a batch takes all that wait, at most 512.
  * An answer is given after `writer.record_batch` has returned, never before.
  * Whatever goes wrong in the writer ends the process through ``on_fatal``: nobody who waits is answered.
  * The queue is bounded: who comes to a full one is told so at once and may come again.

It verifies nothing: messages come verified (`submission`).

    >>> sequencer = Sequencer(writer, on_fatal=stop_process)
    >>> sequencer.start()
    >>> sequencer.submit(submission).result().index
    0
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from entente.center.answers import Busy, NotSigning
from entente.center.writer import Outcome, Recorded, RecordWriter, Submission
from entente.kernel.errors import EntenteError

MAX_BATCH: Final = 512
MAX_WAITING: Final = 4_096
MAX_WAITING_BYTES: Final = 256 << 20
"""Both bound what a crowd can make the center hold in memory."""

T = TypeVar("T")
Resolve = Callable[[Outcome], None]
Deliver = Callable[[Sequence[tuple[Resolve, Outcome]]], None]


@dataclass(frozen=True, slots=True)
class _Job:
    """Work for the writer's thread that is no message."""

    run: Callable[[RecordWriter], Any]
    done: Future[Any]


def _measure(submission: Submission) -> int:
    return len(submission.message.signed.raw) + sum(len(data) for _, data in submission.ciphertexts)


def deliver_at_once(pairs: Sequence[tuple[Resolve, Outcome]]) -> None:
    """Give the answers in the writer's thread."""
    for resolve, outcome in pairs:
        resolve(outcome)


class Sequencer:
    """Owns the writer's thread. Every method may be called from any thread.

    Args:
        writer: Used by this thread alone from `start` to `stop`.
        on_fatal: Called once with what went wrong; it must end the process.
        deliver: Gives a batch's answers at once; a server passes them to its event loop in one step.
        on_batch: Called after each step with the number of messages that were judged in it.
    """

    def __init__(
        self,
        writer: RecordWriter,
        *,
        on_fatal: Callable[[BaseException], None],
        deliver: Deliver = deliver_at_once,
        on_batch: Callable[[int], None] | None = None,
    ) -> None:
        self._writer = writer
        self._on_fatal = on_fatal
        self._on_batch = on_batch
        self.deliver = deliver
        self._waiting: deque[tuple[Submission, Resolve]] = deque()
        self._waiting_bytes = 0
        self._jobs: deque[_Job] = deque()
        self._wake = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()

    def enqueue(self, submission: Submission, resolve: Resolve) -> None:
        """Have the message recorded; ``resolve`` gets the outcome.

        Raises:
            Busy: Too many wait.
            NotSigning: The sequencer has stopped.
        """
        with self._wake:
            if self._is_stopping:
                raise NotSigning("stopping", "center: expected to run, it is stopping")
            if len(self._waiting) >= MAX_WAITING or self._waiting_bytes >= MAX_WAITING_BYTES:
                raise Busy(
                    "busy", f"center: expected fewer than {len(self._waiting)} waiting messages, come again"
                )
            self._waiting.append((submission, resolve))
            self._waiting_bytes += _measure(submission)
            self._wake.notify()

    def submit(self, submission: Submission) -> Future[Recorded]:
        """Have the message recorded; the future gives its place, or raises why not."""
        future: Future[Recorded] = Future()

        def resolve(outcome: Outcome) -> None:
            if isinstance(outcome, EntenteError):
                future.set_exception(outcome)
            else:
                future.set_result(outcome)

        self.enqueue(submission, resolve)
        return future

    def call(self, run: Callable[[RecordWriter], T]) -> Future[T]:
        """Have ``run`` called with the writer, between two batches. If it raises, the process ends."""
        done: Future[T] = Future()
        with self._wake:
            if self._is_stopping:
                raise NotSigning("stopping", "center: expected to run, it is stopping")
            self._jobs.append(_Job(run, done))
            self._wake.notify()
        return done

    def stop(self, timeout_s: float = 30.0) -> None:
        """Finish what waits, then end the thread."""
        with self._wake:
            self._is_stopping = True
            self._wake.notify()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, memory may be ahead of the disk
            # SECURITY: an answer after a failed flush would promise what the disk does not hold
            # (tests/system/test_crash_center.py). So nobody is answered, and the process ends.
            self._on_fatal(error)

    def _step(self) -> bool:
        """Take what waits and do it; False when there is nothing more to come."""
        with self._wake:
            while not (self._waiting or self._jobs or self._is_stopping):
                self._wake.wait()
            batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), MAX_BATCH))]
            self._waiting_bytes -= sum(_measure(submission) for submission, _ in batch)
            jobs = list(self._jobs)
            self._jobs.clear()
            is_last = self._is_stopping and not self._waiting
        if batch:
            outcomes = self._writer.record_batch([submission for submission, _ in batch])
            self.deliver([(resolve, outcome) for (_, resolve), outcome in zip(batch, outcomes, strict=True)])
        for job in jobs:
            job.done.set_result(job.run(self._writer))
        if self._on_batch is not None and (batch or jobs):
            self._on_batch(len(batch))
        return not is_last
