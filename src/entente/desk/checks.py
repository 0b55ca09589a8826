"""What a desk checks of everything the center tells it. Pure: bytes in, verified values or the lie out.

`CenterView` keeps the last history that we verified and holds every later word against it:

  1. A checkpoint is signed by the pinned log key                       else ``no-known-signature``,
     ``bad-signature``
  2. It agrees with the history that we hold                            else `Fork`, with evidence for anyone
  3. It is not older than one that was served to us before              else ``rolled-back``
  4. Its tiles hash to its root, its entries to their leaves            else ``bad-tile``, ``bad-entry``
  5. The history under it continues ours                                else `Fork`
  6. What we were promised about our own messages holds in it           else `Fork`
  7. An answer is about the message that we sent, and proves it         else ``replayed-answer``,
     ``bad-inclusion``
  8. What was announced, promised or cosigned arrives in time           else ``stale-checkpoint``
  9. What was refused under signature is not in the record              else ``refused-then-inserted``

Invariants: the tree only grows, and only by entries whose root the pinned log key signed; a view that found a
fork stays
forked: nothing after it is believed.

It fetches, stores and reports nothing: `sync`, `outbox` and `evidence` do.

    >>> view = CenterView(log_key, tree, mirrored)
    >>> step = view.begin(raw_note, source)
    >>> view.take(step); mirror.extend(view.tree, step.start, step.reader.read_entries, step.checkpoint)
    >>> view.finish(step)
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from entente.desk.answers import RecordedAnswer
from entente.kernel.errors import Fork, VerificationFailed
from entente.kernel.ids import LeafHash, LogIndex
from entente.record.checkpoint import VerifiedCheckpoint, verify_checkpoint
from entente.record.fork import make_history_fork, make_same_size_fork
from entente.record.note import NoteKey
from entente.record.tile_reader import TileReader
from entente.record.tiles import TILE_WIDTH, TileSource
from entente.record.tree import EMPTY_ROOT, HASH_BYTES, Tree, verify_inclusion

CHUNK_ENTRIES: Final = 4 * TILE_WIDTH
"""Entries checked at a time on a long catch-up: progress is seen, memory stays small."""


@dataclass(frozen=True, slots=True)
class Promise:
    """The center's proven word that our message stands at ``index``, under a checkpoint it signed."""

    leaf: LeafHash
    index: LogIndex
    checkpoint: VerifiedCheckpoint


@dataclass(frozen=True, slots=True)
class Step:
    """A verified checkpoint that continues our history from ``start``, and its authentic tiles."""

    checkpoint: VerifiedCheckpoint
    reader: TileReader
    start: int


@dataclass(slots=True)
class Expectation:
    """A size that somebody named, and since when we wait for it."""

    size: int
    since: datetime
    who: str


@dataclass(slots=True)
class CenterView:
    """Our verified history of the record, and what the center still owes us.

    Attributes:
        log_key: Pinned from the charter when we joined.
        tree: Every leaf that we verified.
        mirrored: The checkpoint at ``tree.size``; None while nothing was verified.
        served: The largest checkpoint that the center served as its newest.
        fork: The fork that was found; final.

    Concurrency: one thread follows (`begin`, `take`, `finish`); answers and expectations may come from
        others.
    """

    log_key: NoteKey
    tree: Tree
    mirrored: VerifiedCheckpoint | None = None
    served: VerifiedCheckpoint | None = None
    fork: Fork | None = None
    _promises: list[Promise] = field(default_factory=list)
    _expected: dict[str, Expectation] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock, repr=False)

    def __post_init__(self) -> None:
        size, root = (self.mirrored.size, self.mirrored.root) if self.mirrored else (0, EMPTY_ROOT)
        if self.tree.size != size or self.tree.root() != root:
            raise ValueError(f"center's view: expected a tree of size {size} with the checkpoint's root")
        if self.served is None:
            self.served = self.mirrored

    @property
    def size(self) -> int:
        """Size of the history that we verified and hold in full; inside a step the tree is ahead of it."""
        return 0 if self.mirrored is None else self.mirrored.size

    @property
    def seen(self) -> tuple[int, bytes]:
        """Size and root of the history that we verified in full: what our messages pin."""
        mirrored = self.mirrored
        return (0, EMPTY_ROOT) if mirrored is None else (mirrored.size, mirrored.root)

    def verify_note(self, raw: bytes) -> VerifiedCheckpoint:
        """Return a checkpoint that the log signed and that agrees with our history (checks 1 and 2).

        Raises:
            Fork: Signed, and another history than ours. The view is forked from now on.
            Malformed, VerificationFailed: Not a checkpoint of this log.
        """
        checkpoint = verify_checkpoint(raw, self.log_key)
        with self._lock:
            self._check_history(checkpoint)
        return checkpoint

    def _check_history(self, checkpoint: VerifiedCheckpoint) -> None:
        # At size 0 there is one root only, which `verify_checkpoint` has compared.
        if (
            self.mirrored is not None
            and 0 < checkpoint.size <= self.size
            and checkpoint.root != self.tree.root(checkpoint.size)
        ):
            self._found(make_history_fork(self.tree, self.mirrored, checkpoint))
        for other in self._binding():
            if other.size == checkpoint.size and other.root != checkpoint.root:
                self._found(make_same_size_fork(other, checkpoint))

    def _binding(self) -> list[VerifiedCheckpoint]:
        """Return what the log signed and showed us, followed or not: it binds the log all the same."""
        held = (self.mirrored, self.served, *(promise.checkpoint for promise in self._promises))
        return [checkpoint for checkpoint in held if checkpoint is not None]

    def _found(self, fork: Fork) -> None:
        # INVARIANT: a fork is final; later checks keep the first evidence.
        self.fork = self.fork or fork
        raise fork

    def begin(self, raw: bytes, source: TileSource) -> Step | None:
        """Return what continues our history, or None when nothing is new (checks 1 to 6).

        Raises:
            Fork: As above, or the tiles under the new checkpoint do not continue our history.
            VerificationFailed: ``rolled-back``, ``bad-tile``, ``bad-entry``.
            NotFound: A tile that the size needs is not served.
        """
        checkpoint = self.verify_note(raw)
        if self.served is not None and checkpoint.size < self.served.size:
            raise VerificationFailed(
                "rolled-back",
                f"center: expected a checkpoint of size >= {self.served.size}, which it served before, "
                f"got {checkpoint.size}",
            )
        binding = self._binding()
        self.served = checkpoint
        if checkpoint.size == self.size:
            return None
        reader = TileReader(source, checkpoint)
        for other in binding:
            # The reader's tiles are authentic under the new checkpoint, so its proofs convince anyone.
            if 0 < other.size < checkpoint.size and reader.root(other.size) != other.root:
                self._found(make_history_fork(reader, checkpoint, other))
        return Step(checkpoint, reader, self.size)

    def take(self, step: Step) -> None:
        """Add the step's authentic leaf hashes; `finish` makes them count, `undo` takes them back."""
        if self.fork is not None:
            raise self.fork
        for start in range(step.start, step.checkpoint.size, CHUNK_ENTRIES):
            end = min(start + CHUNK_ENTRIES, step.checkpoint.size)
            self.tree.extend(step.reader.read_leaf_hashes(start, end))
        if self.tree.root() != step.checkpoint.root:
            raise AssertionError(f"step to {step.checkpoint.size}: authentic leaves under another root")

    def undo(self) -> None:
        """Go back to the history that we hold in full: a step could not be stored."""
        leaves = self.tree.nodes(0, 0, self.size)
        self.tree = Tree.from_leaf_hashes(
            leaves[place : place + HASH_BYTES] for place in range(0, len(leaves), HASH_BYTES)
        )

    def finish(self, step: Step) -> list[Promise]:
        """End a step whose entries are stored, and return the promises that it kept.

        Raises:
            Fork: A message of ours is not where its signed proof puts it.
        """
        with self._lock:
            self.mirrored = step.checkpoint
            kept = [promise for promise in self._promises if promise.checkpoint.size <= self.size]
            self._promises = [promise for promise in self._promises if promise.checkpoint.size > self.size]
            self._expected = {who: one for who, one in self._expected.items() if one.size > self.size}
            for promise in kept:
                self._check_kept(promise)
        return kept

    def _check_kept(self, promise: Promise) -> None:
        if self.mirrored is None:
            raise AssertionError("center's view: a promise was followed without a checkpoint")
        if self.tree.root(promise.checkpoint.size) != promise.checkpoint.root:
            self._found(make_history_fork(self.tree, self.mirrored, promise.checkpoint))
        if self.tree.node(0, promise.index) != bytes.fromhex(promise.leaf):
            # One root has one leaf at one index (RFC 6962 section 2.1.1): the proof was checked when it was
            # given.
            raise AssertionError(f"entry {promise.index}: two leaves under one root")

    def verify_answer(self, leaf: LeafHash, answer: RecordedAnswer) -> Promise:
        """Return the center's proven promise that ``leaf`` is recorded (check 7).

        Raises:
            VerificationFailed: ``replayed-answer``: about another message; ``bad-inclusion``: not proven.
            Fork: The checkpoint in the answer belongs to another history.
        """
        if answer.leaf != leaf:
            raise VerificationFailed(
                "replayed-answer",
                f"answer: expected one about message {leaf[:12]}, got one about {answer.leaf[:12]}",
            )
        checkpoint = verify_checkpoint(answer.note, self.log_key)
        if answer.index >= checkpoint.size:
            raise VerificationFailed(
                "not-covered",
                f"answer: expected a checkpoint of size > {answer.index}, got {checkpoint.size}",
            )
        verify_inclusion(bytes.fromhex(leaf), answer.index, checkpoint.size, answer.proof, checkpoint.root)
        promise = Promise(leaf, answer.index, checkpoint)
        with self._lock:
            self._check_history(checkpoint)
            if checkpoint.size > self.size:
                self._promises.append(promise)
            else:
                self._check_kept(promise)
        return promise

    def expect(self, who: str, size: int, now_utc: datetime) -> None:
        """Remember that ``who`` named a size: an event, an answer, our own witness."""
        with self._lock:
            if size > self.size and who not in self._expected:
                # The first size that is overdue is what counts: a center that names ever larger ones is late
                # all the same.
                self._expected[who] = Expectation(size, now_utc, who)

    def check_fresh(self, now_utc: datetime, *, stale_s: int) -> None:
        """Return if nothing that was named is overdue (check 8).

        Raises:
            VerificationFailed: ``stale-checkpoint``.
        """
        for one in list(self._expected.values()):
            waited_s = (now_utc - one.since) // timedelta(seconds=1)
            if waited_s > stale_s:
                raise VerificationFailed(
                    "stale-checkpoint",
                    f"center: expected a record of size >= {one.size} ({one.who}), got {self.size} "
                    f"for {waited_s} s",
                )

    def restore_promise(self, leaf: LeafHash, index: LogIndex, note: bytes) -> None:
        """Put back a promise that was kept on disk, verified when it was given."""
        promise = Promise(leaf, index, verify_checkpoint(note, self.log_key))
        with self._lock:
            if promise.checkpoint.size > self.size:
                self._promises.append(promise)
            else:
                self._check_kept(promise)


@dataclass(frozen=True, slots=True)
class HeadAt:
    """The tree as it stood at ``size``: what admission of the next entry saw (`joint.RecordHead`)."""

    tree: Tree
    size: int

    def root(self, size: int | None = None) -> bytes:
        """Return the root at ``size``."""
        return self.tree.root(self.size if size is None else size)
