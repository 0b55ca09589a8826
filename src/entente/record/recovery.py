"""Recovery: from a journal's bytes back to a tree that may be signed again.

What is checked: the chain of every frame; the indices and claimed sizes; at the last frame the log's
signature, and that its root is the root of all entries, which covers every entry before it. With
``thorough`` the signature and root of every frame (`entente doctor`, a mirror). Checking only the last root
loses no safety: a wrong entry anywhere changes it; the frame-by-frame search runs only to name the place.

Invariants: nothing is cut that the log may have answered for (see `journal.judge_tail`); a state older
than a checkpoint that is known elsewhere is refused, never continued, since signing from it would be a fork.

It does not ask the witnesses what they cosigned last: the center does, and passes that as ``known``.

    >>> restored = restore_journal(memoryview(mapped), log_key)
    >>> restored.tree.root() == restored.checkpoint.root
    True
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256

from entente.kernel.errors import PeerError, StoreError
from entente.record.checkpoint import VerifiedCheckpoint, verify_checkpoint
from entente.record.fork import make_history_fork
from entente.record.journal import (
    Buffer,
    Frame,
    JournalHeader,
    Tail,
    iter_frames,
    judge_tail,
    parse_journal_header,
)
from entente.record.note import NoteKey
from entente.record.tree import Tree


@dataclass(frozen=True, slots=True)
class RestoredJournal:
    """What a journal holds.

    Attributes:
        tree: Rebuilt from the entries.
        checkpoint: The last one that the log signed; None for a journal without frames.
        chain: What the next frame chains to.
        good_end: Length of the sound part; the owner cuts the file here before it appends.
        tail: `Tail.TORN` when bytes behind ``good_end`` must be cut.
        frames: Number of frames read.
    """

    tree: Tree
    checkpoint: VerifiedCheckpoint | None
    chain: bytes
    good_end: int
    tail: Tail
    frames: int


def restore_journal(
    data: Buffer,
    log_key: NoteKey,
    *,
    known: Sequence[VerifiedCheckpoint] = (),
    on_frame: Callable[[Frame, list[bytes]], None] | None = None,
    thorough: bool = False,
) -> RestoredJournal:
    """Return the tree and the last checkpoint of a journal.

    Args:
        data: The whole file; ``memoryview`` of a memory map for a large one.
        log_key: The log's key; its name is the origin that the header must name.
        known: Checkpoints of this log that are known from outside the journal: the published one, those
            that witnesses cosigned.
        on_frame: Called with each frame and its leaf hashes, in order, to rebuild what derives from entries;
            what it built is worth nothing if this function raises afterwards.
        thorough: Check signature and root at every frame.

    Raises:
        StoreError: ``journal-header``, ``journal-damaged``, ``journal-root``, ``journal-signature``, or
            ``journal-behind``: a known checkpoint is larger, so this is an old copy.
        Fork: A known checkpoint is not a prefix of this journal.
    """
    header = parse_journal_header(data)
    restoration = Restoration(header, log_key, on_frame=on_frame, thorough=thorough)
    for frame in iter_frames(data, header):
        restoration.take(frame)
    checkpoint = restoration.finish(lambda: iter_frames(data))
    good_end, size = restoration.end, restoration.tree.size

    def is_signed_later(frame: Frame) -> bool:
        try:
            return verify_checkpoint(frame.note, log_key).size > size
        except PeerError:
            return False

    tail = judge_tail(data, good_end, is_signed_later=is_signed_later)
    return restoration.describe(checkpoint, tail, known)


class Restoration:
    """The checks of `restore_journal`, for who has the frames one by one: in order, their chain checked.

    Raises:
        StoreError: ``journal-header``: the journal of another log.
    """

    def __init__(
        self,
        header: JournalHeader,
        log_key: NoteKey,
        *,
        on_frame: Callable[[Frame, list[bytes]], None] | None = None,
        thorough: bool = False,
    ) -> None:
        if header.origin != log_key.name:
            raise StoreError(
                "journal-header", f"journal: expected origin {log_key.name!r}, got {header.origin!r}"
            )
        self.tree = Tree()
        self.chain, self.end = header.chain, header.end
        self._log_key = log_key
        self._on_frame = on_frame
        self._thorough = thorough
        self._last: Frame | None = None
        self._frames = 0

    def take(self, frame: Frame) -> None:
        """Go on by a frame, the next of its chain."""
        leaves = [sha256(b"\x00" + entry).digest() for entry in frame.entries]
        self.tree.extend(leaves)
        self._last, self._frames = frame, self._frames + 1
        self.chain, self.end = frame.chain, frame.end
        if self._thorough:
            check_frame(frame, self._log_key, self.tree)
        if self._on_frame is not None:
            self._on_frame(frame, leaves)

    def finish(self, read_again: Callable[[], Iterable[Frame]]) -> VerifiedCheckpoint | None:
        """Return the last checkpoint, verified, with the root of all entries; None when there is no frame.

        Args:
            read_again: Gives the frames from the start once more, to name the place when something is wrong.

        Raises:
            StoreError: ``journal-signature`` or ``journal-root``, of the first frame where that is so.
        """
        if self._last is None:
            return None
        try:
            return check_frame(self._last, self._log_key, self.tree)
        except StoreError as error:
            raise _first_fault(read_again(), self._log_key, self.tree) or error from error

    def describe(
        self, checkpoint: VerifiedCheckpoint | None, tail: Tail, known: Sequence[VerifiedCheckpoint]
    ) -> RestoredJournal:
        """Return what was found, unless a ``known`` checkpoint is newer or not of this history."""
        for other in known:
            _check_known(self.tree, checkpoint, other)
        return RestoredJournal(self.tree, checkpoint, self.chain, self.end, tail, self._frames)


def check_frame(frame: Frame, log_key: NoteKey, tree: Tree) -> VerifiedCheckpoint:
    """Return the frame's checkpoint, signed by the log and with the tree's root at its size."""
    try:
        checkpoint = verify_checkpoint(frame.note, log_key)
    except PeerError as error:
        raise StoreError(
            "journal-signature", f"journal frame at byte {frame.start}, size {frame.size}: {error.message}"
        ) from error
    root = tree.root(frame.size)
    if checkpoint.root != root:
        raise StoreError(
            "journal-root",
            f"journal frame at byte {frame.start}, size {frame.size}: expected root "
            f"{checkpoint.root.hex()}, got {root.hex()} from its entries",
        )
    return checkpoint


def _first_fault(frames: Iterable[Frame], log_key: NoteKey, tree: Tree) -> StoreError | None:
    """Return what is wrong with the first frame that does not check, to name the place of the damage."""
    for frame in frames:
        try:
            check_frame(frame, log_key, tree)
        except StoreError as error:
            return error
    return None


def _check_known(tree: Tree, mine: VerifiedCheckpoint | None, other: VerifiedCheckpoint) -> None:
    if other.size > tree.size:
        raise StoreError(
            "journal-behind",
            f"journal: expected size >= {other.size}, which is signed and known elsewhere, got {tree.size}",
        )
    if mine is None or other.size == 0:
        return
    if tree.root(other.size) != other.root:
        raise make_history_fork(tree, mine, other)
