r"""The log's side of a witness: what an answer to ``add-checkpoint`` means (C2SP tlog-witness).

Invariants: nothing that a witness says is believed but a cosignature that verifies; the old conflict answer
(409 without a size, or with the very size that was asked from) and the new one (422) mean the same.

It does not send anything or decide when to ask again.

    >>> answer = parse_witness_answer(409, "text/x.tlog.size", b"300\n", old_size=0)
    >>> answer
    Stale(size=300)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from entente.kernel.errors import Malformed, PeerError, VerificationFailed
from entente.record.checkpoint import VerifiedCheckpoint, parse_size
from entente.record.cosignature import (
    Cosignature,
    merge_cosignatures,
    parse_cosignature_lines,
    verify_cosignatures,
)
from entente.record.note import MAX_NOTE_BYTES, NoteKey, SignatureLine
from entente.record.witness import SIZE_CONTENT_TYPE

_SHOWN_CHARACTERS: Final = 200


@dataclass(frozen=True, slots=True)
class Cosigned:
    """Status 200: lines to be verified with `verify_witness_answer`."""

    lines: tuple[SignatureLine, ...]


@dataclass(frozen=True, slots=True)
class Stale:
    """Status 409: the witness cosigned ``size`` last; ask again with a proof from there.

    SECURITY: a size above our own means that the log signed something that we no longer know (a restored
    backup) or that the witness lies: stop signing until the missing entries are found.
    """

    size: int


@dataclass(frozen=True, slots=True)
class Conflict:
    """The witness saw another root, or our proof does not hold: a fork, or a fault of ours."""

    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Status 400, 403, 404: the witness does not know the log, or the request was wrong."""

    status: int
    reason: str


WitnessAnswer = Cosigned | Stale | Conflict | Refused


def parse_witness_answer(status: int, content_type: str, body: bytes, *, old_size: int) -> WitnessAnswer:
    """Return what the witness answered; nothing in it is verified.

    Args:
        status: HTTP status.
        content_type: The header's value; parameters are ignored.
        body: At most 256 KiB.
        old_size: What the request said.

    Raises:
        Malformed: A body that is not of the form that its status demands.
        PeerError: ``witness-status``: a status that tlog-witness does not know (a proxy, an outage).
    """
    if len(body) > MAX_NOTE_BYTES:
        raise Malformed("too-large", f"witness: expected <= {MAX_NOTE_BYTES} bytes, got {len(body)}")
    if status == 200:
        return Cosigned(parse_cosignature_lines(body))
    reason = body.decode("utf-8", "replace").strip()[:_SHOWN_CHARACTERS]
    if status == 409 and content_type.partition(";")[0].strip().lower() == SIZE_CONTENT_TYPE:
        if not body.endswith(b"\n"):
            raise Malformed("bad-size", f"witness size: expected a decimal line, got {reason!r}")
        size = parse_size(body[:-1].decode("ascii", "replace"), what="witness size")
        # Version 1.0.0 answered 409 to another root of the same size: the size is then the one we sent.
        return Conflict(status, "another root of this size") if size == old_size else Stale(size)
    if status in (409, 422):
        return Conflict(status, reason)
    if status in (400, 403, 404):
        return Refused(status, reason)
    raise PeerError("witness-status", f"witness: expected status 200, 400, 403, 404, 409, 422, got {status}")


def verify_witness_answer(answer: Cosigned, checkpoint: VerifiedCheckpoint, key: NoteKey) -> Cosignature:
    """Return the cosignature of ``key`` on ``checkpoint``; other lines are ignored.

    Raises:
        VerificationFailed: None of the lines is ``key``'s, or one is and does not verify.
    """
    mine = [line for line in answer.lines if line.is_by(key)]
    if not mine:
        raise VerificationFailed(
            "no-known-signature", f"witness: expected a line of {key.key_id!r}, got none"
        )
    try:
        note = merge_cosignatures(checkpoint.note, mine)
    except ValueError as error:
        raise VerificationFailed("bad-signature", str(error)) from error
    (cosignature,) = verify_cosignatures(note, checkpoint, [key])
    return cosignature
