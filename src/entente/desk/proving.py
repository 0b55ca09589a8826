"""Verbs by which anyone can check the record without believing this desk: proofs, keys, hashes, proof files.

Whoever asks names the size that he verified last, and gets with the answer the proof that nothing of it was
changed. Answers are what the log, the parties and their witnesses signed, byte by byte, and hashes; what to
make of them is for whoever checks: the page (`web/page/record`), or any tool of C2SP's formats.

Invariants:
  * Proofs are made from the tree that this desk verified, to the checkpoint that its mirror holds.
  * A proof file is checked before it is given away, under the quorum of the parties' witnesses.
  * The charter and the rosters come as the entries that they are, each with its proof: no key is named here
    that its owner did not sign.

    >>> prove(desk, ProofRequest(index=17, known=12))["consistency"]["from"]
    12
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final

import msgspec

from entente.desk.assembly import Desk
from entente.joint import MessageRow
from entente.joint.policy import make_record_policy
from entente.kernel.errors import Malformed, NotFound, VerificationFailed
from entente.kernel.rows import Rows
from entente.kernel.wire import Count, WireStruct, encode_base64
from entente.record.checkpoint import parse_checkpoint_note
from entente.record.policy import encode_policy, verify_under_policy
from entente.record.proof import MAX_EXTRA_BYTES, encode_proof, make_proof, verify_proof
from entente.record.tree import Tree

Plain = dict[str, Any]
MAX_LEAVES: Final = 16_384
"""Half a megabyte of hashes an answer."""
NO_INDEX: Final = -1


class ProofRequest(WireStruct, frozen=True, kw_only=True):
    """Prove that an entry is in the record (-1: none), and that what was known is its beginning (0: none)."""

    index: Annotated[int, msgspec.Meta(ge=-1)] = NO_INDEX
    known: Count = 0


class KeysRequest(WireStruct, frozen=True, kw_only=True):
    """Say whose keys count, as the record says it."""

    known: Count = 0


class LeavesRequest(WireStruct, frozen=True, kw_only=True):
    """Give leaf hashes from ``start`` on."""

    start: Count = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_LEAVES)] = MAX_LEAVES


class BundleRequest(WireStruct, frozen=True, kw_only=True):
    """Give the proof file of one entry."""

    index: Count


@dataclass(frozen=True, slots=True)
class Bundle:
    """A proof file and the policy that it is checked under: all that a stranger needs."""

    index: int
    size: int
    proof: bytes
    policy: bytes


def make_bundle(tree: Tree, rows: Rows, entry: bytes, index: int, notes: Sequence[bytes]) -> Bundle:
    """Return the proof file of an entry under the first of the checkpoints that enough witnesses cosigned.

    Args:
        tree: Verified, and at least as large as each checkpoint.
        rows: What the record says of keys and rules.
        notes: Checkpoint notes, the best first; one whose size does not reach the entry is passed over.

    Raises:
        NotFound: No checkpoint reaches the entry.
        VerificationFailed: None of them stands up to the policy; the first one's fault is told.
    """
    policy = make_record_policy(rows)
    trouble: VerificationFailed | None = None
    for note in notes:
        size = parse_checkpoint_note(note).size
        if not 0 <= index < size:
            continue
        try:
            verify_under_policy(note, policy)
        except VerificationFailed as error:
            trouble = trouble or error
            continue
        proof = encode_proof(make_proof(tree, index, note, extra=entry))
        verify_proof(proof, entry, policy)
        return Bundle(index, size, proof, encode_policy(policy))
    raise trouble or NotFound("no-entry", f"record: expected an entry that is proven yet, got index {index}")


def prove(desk: Desk, request: ProofRequest) -> Plain:
    """Return the newest checkpoint with its cosignatures, and the proofs that were asked for."""
    tree, note = desk.view.tree, _find_note(desk)
    size = 0 if note is None else parse_checkpoint_note(note).size
    if request.index >= size:
        raise NotFound("no-entry", f"record: expected an index < {size}, got {request.index}")
    answer: Plain = {
        "origin": desk.pin.origin,
        "size": size,
        "note": "" if note is None else note.decode(),
        "consistency": None,
        "inclusion": None,
        "firm": _find_cosigned(desk, "firm", size),
        "settled": _find_cosigned(desk, "settled", size),
    }
    if 0 < request.known <= size:
        answer["consistency"] = {
            "from": request.known,
            "hashes": _spell(tree.consistency_proof(request.known, size)),
        }
    if request.index != NO_INDEX:
        answer["inclusion"] = _include(tree, request.index, size)
    return answer


def list_keys(desk: Desk, request: KeysRequest) -> Plain:
    """Return the charter and every roster statement, as entries with their proofs."""
    answer = prove(desk, ProofRequest(known=request.known))
    indexes = sorted(row.index for row in desk.rows.select(MessageRow, kind="roster.statement"))
    size = answer["size"]
    answer["charter"] = _give_entry(desk, 0, size) if size else None
    answer["rosters"] = [_give_entry(desk, index, size) for index in indexes if index < size]
    return answer


def list_leaves(desk: Desk, request: LeavesRequest) -> Plain:
    """Return leaf hashes, one after the other: whoever has them all computes the root himself."""
    note = _find_note(desk)
    size = 0 if note is None else parse_checkpoint_note(note).size
    if request.start > size:
        raise Malformed(
            "bad-range", f"leaves: expected a start <= {size}, got {request.start}", path="$.start"
        )
    end = min(size, request.start + request.limit)
    leaves = desk.view.tree.nodes(0, request.start, end)
    return {"start": request.start, "end": end, "size": size, "leaves": encode_base64(leaves)}


def bundle(desk: Desk, request: BundleRequest) -> Plain:
    """Return the proof file of an entry, in the form of C2SP tlog-proof, and its policy."""
    notes = [
        note for note in (_find_note(desk), _find_kept(desk, "settled"), _find_kept(desk, "firm")) if note
    ]
    entry = desk.archive.read_raw(request.index, request.index + 1)[0]
    if len(entry) > MAX_EXTRA_BYTES:
        raise AssertionError(f"entry {request.index}: expected <= {MAX_EXTRA_BYTES} bytes")
    made = make_bundle(desk.view.tree, desk.rows, entry, request.index, notes)
    return {
        "index": made.index,
        "size": made.size,
        "name": f"entry-{made.index}",
        "proof": made.proof.decode(),
        "policy": made.policy.decode("utf-8", "surrogateescape"),
    }


def _find_note(desk: Desk) -> bytes | None:
    """Return the mirror's checkpoint: everything below it is there, in the tree and on disk."""
    return desk.mirror.find_checkpoint()


def _find_kept(desk: Desk, word: str) -> bytes | None:
    kept = desk.book.find_meta(f"{word}_note")
    return None if kept is None else kept.encode()


def _find_cosigned(desk: Desk, word: str, size: int) -> Plain | None:
    """Return the newest checkpoint that enough witnesses cosigned, with the proof that it is ours."""
    note = _find_kept(desk, word)
    if note is None:
        return None
    reached = parse_checkpoint_note(note).size
    if not 0 < reached <= size:
        return None
    return {
        "size": reached,
        "note": note.decode(),
        "hashes": _spell(desk.view.tree.consistency_proof(reached, size)),
    }


def _give_entry(desk: Desk, index: int, size: int) -> Plain:
    entry = desk.archive.read_raw(index, index + 1)[0]
    return {"entry": encode_base64(entry), **_include(desk.view.tree, index, size)}


def _include(tree: Tree, index: int, size: int) -> Plain:
    return {
        "index": index,
        "leaf": tree.node(0, index).hex(),
        "hashes": _spell(tree.inclusion_proof(index, size)),
    }


def _spell(hashes: Sequence[bytes]) -> list[str]:
    return [encode_base64(one) for one in hashes]
