"""Answers: what the center says back, and with which status.

Invariants: a refusal of a well-formed message is signed, so that a host that first refuses and later
inserts convicts itself; an answer holds no key, path or version of this machine; every error has a status
in one table.

Source: docs/formats/http.md sections 1.2 and 1.3.

    >>> get_status(PeerError("bad-seq", "…"))
    409
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from entente.center.batch import Recorded
from entente.kernel.canonical import encode_canonical
from entente.kernel.envelope import sign_envelope
from entente.kernel.errors import (
    Denied,
    EntenteError,
    Malformed,
    NotFound,
    PeerError,
    StoreError,
    TooManyConflicts,
    TransportError,
)
from entente.kernel.keys import SigningKey
from entente.kernel.wire import Count, Hex64, OriginText, UtcText, WireStruct, encode_base64
from entente.record import Tree

REFUSAL_TYPE: Final = "application/vnd.entente.refusal+json"
CHAIN_FAULTS: Final = frozenset({"equal-seq", "bad-seq", "bad-prev", "seen-fork", "seen-ahead"})
_MAX_MESSAGE: Final = 1_000
_STORE_MESSAGE: Final = "center: its store cannot answer now, come again"
_ENCODER: Final = msgspec.json.Encoder()


class RecordedAnswer(WireStruct, frozen=True):
    """The answer to a recorded message: durable, and covered by the checkpoint."""

    index: Count
    leaf: Hex64
    recorded: UtcText
    proof: list[str]
    checkpoint: str


class ErrorAnswer(WireStruct, frozen=True):
    """Why not. ``path`` is empty where no place can be named; ``refusal`` is signed, for 403 and 409."""

    code: str
    message: str
    path: str
    incident: str
    refusal: msgspec.Raw


class Refusal(WireStruct, frozen=True):
    """What the center signs when it says no to a well-formed message."""

    at: UtcText
    center: OriginText
    code: Annotated[str, msgspec.Meta(max_length=80)]
    leaf: Hex64
    message: Annotated[str, msgspec.Meta(max_length=_MAX_MESSAGE)]
    size: Count


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer, before a server gives it."""

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()


class Busy(EntenteError):
    """Too many wait already; nothing was looked at."""


class NotSigning(EntenteError):
    """The center cannot sign now; nothing was changed."""


def get_status(error: EntenteError) -> int:
    """Return the HTTP status of a refusal."""
    match error:
        case Malformed(code="too-large"):
            return 413
        case Malformed() | TooManyConflicts():
            return 400
        case PeerError() if error.code in CHAIN_FAULTS:
            return 409
        case PeerError() | Denied():
            return 403
        case NotFound():
            return 404
        case Busy():
            return 429
        case NotSigning() | StoreError() | TransportError():
            return 503
    return 500


def encode_answer(value: object, *, status: int = 200) -> Answer:
    """Return a value as a JSON answer."""
    return Answer(status, _ENCODER.encode(value))


def answer_recorded(recorded: Recorded, tree: Tree) -> Answer:
    """Return where a message stands, with its proof under the checkpoint that covers it."""
    published = recorded.published
    proof = tree.inclusion_proof(recorded.index, published.size)
    return encode_answer(
        RecordedAnswer(
            index=recorded.index,
            leaf=recorded.leaf,
            recorded=recorded.recorded_utc,
            proof=[encode_base64(step) for step in proof],
            checkpoint=published.checkpoint.note.decode(),
        )
    )


def answer_error(error: EntenteError, incident: str, *, refusal: bytes = b"") -> Answer:
    """Return a refusal with its status."""
    headers = (("retry-after", "2"),) if get_status(error) in {429, 503} else ()
    value = ErrorAnswer(
        code=error.code,
        # SECURITY: what a disk or a database says names paths, hosts and users of ours; the log has it.
        message=_STORE_MESSAGE if isinstance(error, StoreError) else error.message[:_MAX_MESSAGE],
        path=error.path if isinstance(error, Malformed) else "",
        incident=incident,
        refusal=msgspec.Raw(refusal or b"null"),
    )
    return Answer(get_status(error), _ENCODER.encode(value), headers=headers)


def answer_fault(code: str, message: str, incident: str, status: int) -> Answer:
    """Return a refusal that is about no message: a wrong path, or a fault of our own."""
    return encode_answer(ErrorAnswer(code, message, "", incident, msgspec.Raw(b"null")), status=status)


def sign_refusal(
    error: EntenteError, leaf: str, *, origin: str, at: str, size: int, center: SigningKey
) -> bytes:
    """Return the envelope by which the center stands by its refusal."""
    refusal = Refusal(
        at=at, center=origin, code=error.code, leaf=leaf, message=error.message[:_MAX_MESSAGE], size=size
    )
    return sign_envelope(encode_canonical(refusal), REFUSAL_TYPE, [center]).raw
