"""Proof files: one entry, shown to be in the record, for anyone and offline (C2SP tlog-proof@v1).

    c2sp.org/tlog-proof@v1
    [extra <base64>]
    index <n>
    <base64 hash>...        from the leaf's sibling upwards
    <empty line>
    <checkpoint note>       with its cosignatures

Pinned at C2SP commit 5ba5ee83: the specification is a draft without a tag.

Invariants: `encode_proof` of what `parse_proof` accepts is the identical bytes; `verify_proof` believes
nothing but the entry's own bytes, the policy's keys and RFC 6962. ``extra`` is not authenticated: it is
kept, never used.

It does not say what the entry means or whether it was allowed.

    >>> data = encode_proof(make_proof(tree, 7, checkpoint_note))
    >>> verify_proof(data, entry, policy).index
    7
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

from entente.kernel.errors import Malformed
from entente.kernel.wire import encode_base64, parse_base64
from entente.record.checkpoint import parse_checkpoint_note, parse_size
from entente.record.note import MAX_NOTE_BYTES
from entente.record.policy import Policy, WitnessedCheckpoint, verify_under_policy
from entente.record.tree import HASH_BYTES, MAX_SIZE, leaf_hash, verify_inclusion

PROOF_HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_PROOF_HASHES: Final = 63
MAX_EXTRA_BYTES: Final = 65_536
MAX_PROOF_BYTES: Final = MAX_NOTE_BYTES + 2 * MAX_EXTRA_BYTES
"""A note, 64 KiB of extra data in base64, 63 hashes."""
_SEAL: Final = object()


class InclusionProver(Protocol):
    """`Tree` or `TileReader`."""

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Return the inclusion proof."""


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """A proof as it stands in a file: nothing is verified."""

    index: int
    hashes: tuple[bytes, ...]
    note: bytes
    extra: bytes = b""

    def __post_init__(self) -> None:
        if not 0 <= self.index <= MAX_SIZE or len(self.hashes) > MAX_PROOF_HASHES:
            raise ValueError(f"proof: expected 0 <= index < 2^63, <= {MAX_PROOF_HASHES} hashes")
        if len(self.extra) > MAX_EXTRA_BYTES:
            raise ValueError(f"proof: expected <= {MAX_EXTRA_BYTES} extra bytes, got {len(self.extra)}")


def make_proof(
    tree: InclusionProver, index: int, checkpoint_note: bytes, *, extra: bytes = b""
) -> InclusionProof:
    """Return the proof of entry ``index`` in the tree of the checkpoint, which ``tree`` holds."""
    size = parse_checkpoint_note(checkpoint_note).size
    return InclusionProof(index, tuple(tree.inclusion_proof(index, size)), checkpoint_note, extra)


def encode_proof(proof: InclusionProof) -> bytes:
    """Return the file's bytes."""
    lines = [PROOF_HEADER]
    if proof.extra:
        lines.append(f"extra {encode_base64(proof.extra)}")
    lines += [f"index {proof.index}", *map(encode_base64, proof.hashes), "", ""]
    return "\n".join(lines).encode() + proof.note


def parse_proof(data: bytes) -> InclusionProof:
    """Return the proof, or raise `Malformed` with the line."""
    if len(data) > MAX_PROOF_BYTES:
        raise Malformed("too-large", f"proof: expected <= {MAX_PROOF_BYTES} bytes, got {len(data)}")
    head, border, note = data.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("bad-proof", f"proof: {error.reason}", path=f"byte {error.start}") from error
    if not border or lines[0] != PROOF_HEADER:
        raise Malformed(
            "bad-proof", f"proof: expected {PROOF_HEADER!r}, got {lines[0][:80]!r}", path="line 1"
        )
    at, extra = 1, b""
    if len(lines) > at and lines[at].startswith("extra "):
        extra = parse_base64(lines[at].removeprefix("extra "), what="proof extra")
        at += 1
        if not 0 < len(extra) <= MAX_EXTRA_BYTES:
            raise Malformed("bad-proof", f"proof extra: expected 1 to {MAX_EXTRA_BYTES} bytes", path="line 2")
    if len(lines) <= at or not lines[at].startswith("index "):
        raise Malformed("bad-proof", "proof: expected 'index <n>'", path=f"line {at + 1}")
    index = parse_size(lines[at].removeprefix("index "), what="proof index", path=f"line {at + 1}")
    if len(lines) - at - 1 > MAX_PROOF_HASHES:
        raise Malformed(
            "bad-proof", f"proof: expected <= {MAX_PROOF_HASHES} hashes, got {len(lines) - at - 1}"
        )
    hashes = tuple(
        parse_base64(line, what=f"proof line {place}", size_bytes=HASH_BYTES)
        for place, line in enumerate(lines[at + 1 :], at + 2)
    )
    parse_checkpoint_note(note)
    return InclusionProof(index, hashes, note, extra)


@dataclass(frozen=True, slots=True)
class VerifiedInclusion:
    """An entry that stands at an index of a witnessed record. Only `verify_proof` makes one."""

    index: int
    entry: bytes
    witnessed: WitnessedCheckpoint
    seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("VerifiedInclusion: expected to be made by verify_proof")


def verify_proof(data: bytes, entry: bytes, policy: Policy) -> VerifiedInclusion:
    """Return the place of ``entry`` in a record that ``policy`` believes.

    1. The file is of its form.
    2. A log of the policy signed the checkpoint, and its origin is that log's.
    3. The policy's quorum of witnesses cosigned it.
    4. SHA-256(0x00 || entry) stands at the index of the tree with that root.

    Raises:
        Malformed: Step 1.
        VerificationFailed: Steps 2 to 4.
    """
    proof = parse_proof(data)
    witnessed = verify_under_policy(proof.note, policy)
    checkpoint = witnessed.checkpoint
    verify_inclusion(leaf_hash(entry), proof.index, checkpoint.size, proof.hashes, checkpoint.root)
    return VerifiedInclusion(proof.index, entry, witnessed, _SEAL)
