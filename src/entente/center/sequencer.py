"""The sequencer: one thread that turns whatever waits into one batch, and one that makes it durable.

    sequencer    judge batch 1   sign 1   judge batch 2   wait   settle 1, sign 2   judge batch 3 ...
    commit                                write 1: flush, commit, answers           write 2 ...

While a batch is on its way to the disk, the next is judged, and no more than that: it is signed when the one
before is durable. Where the database does not allow it (`writer.may_overlap`), one thread does both.

Invariants:
  * Order is the order of arrival in the queue; a batch takes all that wait, at most 512.
  * An answer is given after `writer.write` has returned, never before.
  * A job (`call`) runs when nothing is on its way.
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
from entente.center.batch import Batch, Outcome, Recorded, Submission
from entente.center.writer import RecordWriter
from entente.kernel.errors import EntenteError

MAX_BATCH: Final = 512
_STEP: Final = 32
"""Messages that are judged before it is looked whether the disk is free: a crowd that is answered at once
comes again at once, and must not all be judged before any of it is written."""
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


@dataclass(slots=True)
class _Flight:
    """A signed batch on its way to the disk."""

    batch: Batch
    resolves: list[Resolve]
    is_over: bool = False
    error: BaseException | None = None


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
        # Given by the one thread, taken by the other; both wait for a change of it at `_wake`.
        self._flight: _Flight | None = None
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)
        self._committer = threading.Thread(target=self._commit, name="commit", daemon=True)

    def start(self) -> None:
        """Begin to work."""
        self._thread.start()
        self._committer.start()

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
            self._wake.notify_all()

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
            self._wake.notify_all()
        return done

    def stop(self, timeout_s: float = 30.0) -> None:
        """Finish what waits, then end the threads."""
        with self._wake:
            self._is_stopping = True
            self._wake.notify_all()
        for thread in (self._thread, self._committer):
            if thread.is_alive():
                thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while self._step():
                pass
        except BaseException as error:  # noqa: BLE001 - whatever it is, memory may be ahead of the disk
            # SECURITY: an answer after a failed flush would promise what the disk does not hold
            # (tests/system/test_crash_center.py). So nobody is answered, and the process ends.
            self._on_fatal(error)
        finally:
            with self._wake:
                self._is_over = True
                self._wake.notify_all()

    def _step(self) -> bool:
        """Take what waits and do it; False when there is nothing more to come."""
        with self._wake:
            while not (self._waiting or self._jobs or self._is_stopping or self._has_landed()):
                self._wake.wait()
            taken = self._take(_STEP)
            jobs = list(self._jobs)
            self._jobs.clear()
            is_last = self._is_stopping and not self._waiting
        if taken:
            self._send(self._judge(taken))
        if jobs or is_last or not taken:
            self._land()
        for job in jobs:
            job.done.set_result(job.run(self._writer))
        if jobs and self._on_batch is not None:
            self._on_batch(0)
        return not is_last

    def _take(self, most: int) -> list[tuple[Submission, Resolve]]:
        """Take what waits; whoever calls has `_wake`."""
        taken = [self._waiting.popleft() for _ in range(min(len(self._waiting), most))]
        self._waiting_bytes -= sum(_measure(submission) for submission, _ in taken)
        return taken

    def _judge(self, taken: list[tuple[Submission, Resolve]]) -> _Flight:
        """Judge a batch, and what comes while the one before is on its way; then sign it."""
        flight = _Flight(self._writer.judge([]), [])
        while taken:
            flight.resolves += [resolve for _, resolve in taken]
            self._writer.judge([submission for submission, _ in taken], flight.batch)
            with self._wake:
                room = MAX_BATCH - len(flight.resolves)
                while self._flight is not None and not (self._has_landed() or (room and self._waiting)):
                    self._wake.wait()
                is_free = self._flight is None or self._has_landed()
                taken = [] if is_free else self._take(min(room, _STEP))
        self._land()
        self._writer.sign(flight.batch)
        return flight

    def _has_landed(self) -> bool:
        return self._flight is not None and self._flight.is_over

    def _send(self, flight: _Flight) -> None:
        """Have a batch written, by the other thread where that may be."""
        if not self._writer.may_overlap:
            self._write(flight)
            self._writer.settle(flight.batch)
            return
        with self._wake:
            self._flight = flight
            self._wake.notify_all()

    def _land(self) -> None:
        """Wait until the batch that is on its way is durable, and take note of it."""
        with self._wake:
            flight = self._flight
            if flight is None:
                return
            while not flight.is_over:
                self._wake.wait()
            self._flight = None
        if flight.error is not None:
            raise flight.error
        self._writer.settle(flight.batch)

    def _commit(self) -> None:
        while True:
            with self._wake:
                while not self._is_over and (self._flight is None or self._flight.is_over):
                    self._wake.wait()
                flight = self._flight
                if flight is None or flight.is_over:
                    return
            error: BaseException | None = None
            try:
                self._write(flight)
            except BaseException as raised:  # noqa: BLE001 - raised again where it ends the process: `_land`
                error = raised
            with self._wake:
                flight.error, flight.is_over = error, True
                self._wake.notify_all()

    def _write(self, flight: _Flight) -> None:
        outcomes = self._writer.write(flight.batch)
        self.deliver(list(zip(flight.resolves, outcomes, strict=True)))
        if self._on_batch is not None:
            self._on_batch(len(outcomes))
