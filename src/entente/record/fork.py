"""Forks: showing anyone that one log signed two histories.

Evidence is a set of files that a stranger checks with nothing but the log's public key:

    checkpoint-a, checkpoint-b   two notes that the log signed, exact bytes
    consistency                  (only for different sizes) ``old <size>``, the true root at that size, the
                                 consistency proof to checkpoint-a, one base64 line each

Same size and different roots needs no more. For different sizes the third file shows which root the larger
tree really has at the smaller size: the proof binds it to checkpoint-a, and checkpoint-b says another.

Invariants: `verify_fork` accepts only what proves that the *log* lied; nobody else can make evidence, since
both notes carry its signature. A proof that merely fails is suspicion, not evidence: whoever asks may send
garbage.

    >>> fork = make_same_size_fork(mine, theirs)
    >>> verify_fork(fork.evidence, log_key)
"""

from __future__ import annotations

from typing import Final, Protocol

from entente.kernel.errors import Fork, Malformed, VerificationFailed
from entente.kernel.wire import encode_base64, parse_base64
from entente.record.checkpoint import VerifiedCheckpoint, parse_size, verify_checkpoint
from entente.record.note import NoteKey
from entente.record.tree import HASH_BYTES, verify_consistency

CHECKPOINT_A: Final = "checkpoint-a"
CHECKPOINT_B: Final = "checkpoint-b"
CONSISTENCY: Final = "consistency"
_MAX_STEPS: Final = 63


class ProvableTree(Protocol):
    """`Tree` or `TileReader`: a history that can be proven."""

    def root(self, size: int) -> bytes:
        """Return the root at ``size``."""

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """Return the consistency proof between two sizes."""


def make_same_size_fork(first: VerifiedCheckpoint, second: VerifiedCheckpoint) -> Fork:
    """Return the evidence of two signed checkpoints of one size and different roots."""
    if first.origin != second.origin or first.size != second.size or first.root == second.root:
        raise ValueError("fork: expected one origin, one size and two roots")
    return Fork(
        "log-forked",
        f"log {first.origin!r}: expected one root at size {first.size}, got {first.root.hex()} and "
        f"{second.root.hex()}, both signed",
        evidence={CHECKPOINT_A: first.note, CHECKPOINT_B: second.note},
    )


def make_history_fork(tree: ProvableTree, mine: VerifiedCheckpoint, other: VerifiedCheckpoint) -> Fork:
    """Return the evidence that ``other`` is no prefix of the history that ``mine`` signs.

    Args:
        tree: The entries' tree; its root at ``mine.size`` is ``mine.root``.
        mine: The larger (or equal) checkpoint.
        other: A signed checkpoint of the same log whose root is not the tree's root at its size.
    """
    if mine.size == other.size:
        return make_same_size_fork(mine, other)
    root = tree.root(other.size)
    if other.size > mine.size or other.size == 0 or root == other.root:
        raise ValueError("fork: expected an older checkpoint with another root than the tree's")
    proof = tree.consistency_proof(other.size, mine.size)
    lines = [f"old {other.size}", encode_base64(root), *map(encode_base64, proof)]
    return Fork(
        "log-forked",
        f"log {mine.origin!r}: expected root {root.hex()} at size {other.size}, which the signed tree of "
        f"size {mine.size} holds, got {other.root.hex()}, signed as well",
        evidence={
            CHECKPOINT_A: mine.note,
            CHECKPOINT_B: other.note,
            CONSISTENCY: "".join(f"{line}\n" for line in lines).encode(),
        },
    )


def verify_fork(evidence: dict[str, bytes], log_key: NoteKey, *, origin: str | None = None) -> Fork:
    """Return the fork that ``evidence`` proves; raise when it proves none.

    Raises:
        Malformed: A file is missing or not of its form.
        VerificationFailed: A note is not the log's, or the two agree.
    """
    missing = {CHECKPOINT_A, CHECKPOINT_B} - evidence.keys()
    if missing:
        raise Malformed("bad-evidence", f"fork evidence: expected files {sorted(missing)}")
    first = verify_checkpoint(evidence[CHECKPOINT_A], log_key, origin=origin)
    second = verify_checkpoint(evidence[CHECKPOINT_B], log_key, origin=origin)
    if first.size == second.size:
        if first.root == second.root:
            raise VerificationFailed(
                "no-fork", f"fork evidence: both notes sign one root at size {first.size}"
            )
        return make_same_size_fork(first, second)
    size, root, proof = _parse_consistency(evidence.get(CONSISTENCY, b""))
    if size != second.size:
        raise VerificationFailed(
            "no-fork", f"fork evidence: expected a proof from size {second.size}, got {size}"
        )
    verify_consistency(size, first.size, root, first.root, proof)
    if root == second.root:
        raise VerificationFailed("no-fork", f"fork evidence: size {size} is a prefix of size {first.size}")
    return Fork(
        "log-forked",
        f"log {first.origin!r}: expected root {root.hex()} at size {size}, got {second.root.hex()}, signed",
        evidence=dict(evidence),
    )


def _parse_consistency(data: bytes) -> tuple[int, bytes, list[bytes]]:
    lines = data.decode("ascii", "replace").split("\n")
    if lines.pop() or not 2 <= len(lines) <= _MAX_STEPS + 2 or not lines[0].startswith("old "):
        raise Malformed("bad-evidence", "consistency file: expected 'old <size>', a root and <= 63 hashes")
    size = parse_size(lines[0].removeprefix("old "), what="consistency file", path="line 1")
    hashes = [
        parse_base64(line, what=f"consistency file line {at}", size_bytes=HASH_BYTES)
        for at, line in enumerate(lines[1:], 2)
    ]
    return size, hashes[0], hashes[1:]
