r"""A witness cosigns a checkpoint only if it extends the last one that it cosigned (C2SP tlog-witness).

Checks of `process_add_checkpoint`, in this order (tlog-witness v1.0.0, with main's 422 of 2026-07):

    1. The body is of its form                                                400
    2. The origin is known                                                    404
    3. A trusted key of that origin signed it, and none of them badly         403
    4. The old size is not above the checkpoint's                             400
    5. The old size is that of the last cosigned checkpoint                   409, body "<size>\n"
    6. A checkpoint of size 0 has the empty tree's root                       422
    7. From old size 0 the proof is empty                                     422
    8. Same size: same root, empty proof. Larger: the consistency proof holds 422
    9. The new state is stored, then the answer is given                      200: the CALLER stores

Invariants:
  * A decision with status 200 carries the state that must be durable, by compare-and-set on the state that
    was passed in, BEFORE the body leaves the process; if that fails the body is thrown away.
  * A witness's times never run backwards for one log, whatever its clock does.
  * Two signed roots of one size become evidence, and nothing after them is forgotten.

It keeps nothing and reads no clock. Who may ask is not checked: the log's signature is what counts.

    >>> decision = process_add_checkpoint(state, body, log_keys=keys, now_s=now, signer=witness)
    >>> if decision.new_state: store.compare_and_set(state, decision.new_state)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from entente.kernel.errors import Fork, Malformed, PeerError, VerificationFailed
from entente.kernel.wire import encode_base64, parse_base64
from entente.record.checkpoint import (
    Checkpoint,
    VerifiedCheckpoint,
    parse_checkpoint_note,
    parse_size,
    verify_checkpoint,
)
from entente.record.cosignature import MAX_TIME_S, CheckpointCosigner
from entente.record.fork import make_same_size_fork
from entente.record.note import MAX_NOTE_BYTES, NoteKey, encode_signature_line
from entente.record.tree import HASH_BYTES, verify_consistency

MAX_PROOF_LINES: Final = 63
MAX_REQUEST_BYTES: Final = MAX_NOTE_BYTES + 4096
"""A note, and 63 hashes of 45 bytes in front of it."""
SIZE_CONTENT_TYPE: Final = "text/x.tlog.size"
TEXT_CONTENT_TYPE: Final = "text/plain; charset=utf-8"


@dataclass(frozen=True, slots=True)
class AddCheckpointRequest:
    """A parsed request: well-formed, nothing verified.

    Attributes:
        old_size: What the client takes for the last cosigned size.
        proof: Consistency proof from there to the checkpoint.
        note: The checkpoint's exact note.
        claimed: What the note's text says.
    """

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes
    claimed: Checkpoint


@dataclass(frozen=True, slots=True)
class WitnessState:
    """The last checkpoint of one log that this witness cosigned: what must survive every crash."""

    origin: str
    size: int
    root: bytes
    time_s: int
    note: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class WitnessDecision:
    """An answer, and what must be stored before it is given.

    Attributes:
        status: HTTP status.
        content_type: Of the body.
        body: What to answer.
        new_state: With status 200 only: to be stored durably, atomically, first.
        evidence: The log signed two roots of one size: to be kept, and shown to everyone.
    """

    status: int
    content_type: str
    body: bytes
    new_state: WitnessState | None = None
    evidence: Fork | None = None


def encode_add_checkpoint(old_size: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """Return the body of a request."""
    if len(proof) > MAX_PROOF_LINES:
        raise ValueError(f"add-checkpoint: expected <= {MAX_PROOF_LINES} proof hashes, got {len(proof)}")
    lines = [f"old {old_size}", *map(encode_base64, proof), "", ""]
    return "\n".join(lines).encode() + note


def parse_add_checkpoint(body: bytes) -> AddCheckpointRequest:
    """Return the request, or raise `Malformed` with the line.

    Only the shape of the note's text is looked at here; its signature lines are judged at check 3.
    """
    if len(body) > MAX_REQUEST_BYTES:
        raise Malformed(
            "too-large", f"add-checkpoint: expected <= {MAX_REQUEST_BYTES} bytes, got {len(body)}"
        )
    head, border, note = body.partition(b"\n\n")
    try:
        lines = head.decode("ascii").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed(
            "bad-request", "add-checkpoint: expected ASCII before the note", path="line 1"
        ) from error
    if not border or not lines[0].startswith("old ") or len(lines) > MAX_PROOF_LINES + 1:
        raise Malformed(
            "bad-request",
            f"add-checkpoint: expected 'old <size>', <= {MAX_PROOF_LINES} hashes, an empty line and a note",
            path="line 1",
        )
    old_size = parse_size(lines[0].removeprefix("old "), what="old size", path="line 1")
    proof = tuple(
        parse_base64(line, what=f"add-checkpoint line {at}", size_bytes=HASH_BYTES)
        for at, line in enumerate(lines[1:], 2)
    )
    claimed = parse_checkpoint_note(note)
    return AddCheckpointRequest(old_size, proof, note, claimed)


def process_add_checkpoint(
    state: WitnessState | None,
    request: AddCheckpointRequest,
    *,
    log_keys: Mapping[str, Sequence[NoteKey]],
    now_s: int,
    signer: CheckpointCosigner,
) -> WitnessDecision:
    """Return what to answer and, with status 200, what to store first.

    Args:
        state: What is stored for ``request.claimed.origin``; None when nothing was ever cosigned.
        request: From `parse_add_checkpoint` (check 1: answer 400 to its `Malformed`).
        log_keys: Trusted keys by origin; several while a log changes its key.
        now_s: POSIX seconds.
        signer: The witness's key.
    """
    origin = request.claimed.origin
    if state is not None and state.origin != origin:
        raise ValueError(f"witness state: expected origin {origin!r}, got {state.origin!r}")
    keys = log_keys.get(origin, ())
    if not keys:
        return _refuse(404, "unknown log")
    checkpoint = None
    try:
        checkpoint = _verify_any(request.note, keys, origin)
    except PeerError as error:
        # A wrong root of the empty tree is well signed all the same: that is check 6. A signature line that
        # cannot be read is no valid signature: 403 as litewitness answers (tests/vectors).
        if error.code != "bad-empty-root":
            return _refuse(403, error.message)
    if request.old_size > request.claimed.size:
        return _refuse(400, f"old size: expected <= {request.claimed.size}, got {request.old_size}")
    last_size = 0 if state is None else state.size
    if request.old_size != last_size:
        evidence = None if checkpoint is None else _find_fork(state, checkpoint, keys)
        return WitnessDecision(409, SIZE_CONTENT_TYPE, b"%d\n" % last_size, evidence=evidence)
    if checkpoint is None:
        return _refuse(422, "checkpoint of size 0: expected the root of the empty tree")
    if request.old_size == 0:
        if request.proof:
            return _refuse(
                422, f"consistency proof from size 0: expected none, got {len(request.proof)} hashes"
            )
    elif state is not None:
        evidence = _find_fork(state, checkpoint, keys)
        if evidence is not None:
            return _refuse(422, "another root of this size was signed before", evidence)
        try:
            verify_consistency(state.size, checkpoint.size, state.root, checkpoint.root, request.proof)
        except VerificationFailed as error:
            return _refuse(422, error.message)
    time_s = min(max(now_s, 0 if state is None else state.time_s), MAX_TIME_S)
    line = signer.cosign(checkpoint.text, time_s)
    return WitnessDecision(
        200,
        TEXT_CONTENT_TYPE,
        encode_signature_line(line).encode(),
        new_state=WitnessState(origin, checkpoint.size, checkpoint.root, time_s, checkpoint.note),
    )


def _verify_any(note: bytes, keys: Sequence[NoteKey], origin: str) -> VerifiedCheckpoint:
    """Return the checkpoint if one of ``keys`` signed it; a bad signature of any of them refuses it."""
    absent: VerificationFailed | None = None
    verified: VerifiedCheckpoint | None = None
    for key in keys:
        try:
            verified = verify_checkpoint(note, key, origin=origin)
        except VerificationFailed as error:
            if error.code != "no-known-signature":
                raise
            absent = error
    if verified is None:
        raise absent or VerificationFailed("no-known-signature", f"log {origin!r}: expected a trusted key")
    return verified


def _find_fork(
    state: WitnessState | None, checkpoint: VerifiedCheckpoint, keys: Sequence[NoteKey]
) -> Fork | None:
    """Return evidence when the stored and the new checkpoint have one size and two roots."""
    if state is None or state.size != checkpoint.size or state.root == checkpoint.root:
        return None
    return make_same_size_fork(_verify_any(state.note, keys, state.origin), checkpoint)


def _refuse(status: int, why: str, evidence: Fork | None = None) -> WitnessDecision:
    return WitnessDecision(status, TEXT_CONTENT_TYPE, f"{why}\n".encode(), evidence=evidence)
