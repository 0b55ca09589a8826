"""The center's answers as values: their form is checked here, nothing in them is believed.

Invariants: every text and list is bounded; bytes travel in one base64 spelling; fields that a later center
adds are ignored, since an answer is signed nowhere: what counts in it (checkpoint, proof, refusal) is signed
and strictly parsed of its own.

Source: docs/formats/http.md sections 1, 3 and 4.

    >>> parse_recorded(body).index
    17
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeVar

import msgspec

from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.envelope import SignedMessage, parse_envelope, verify_envelope
from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.ids import LeafHash, LogIndex
from entente.kernel.keys import PublicKey
from entente.kernel.wire import Count, Hex64, OriginText, UtcText, WireStruct, encode_base64, parse_base64

MAX_PROOF_HASHES: Final = 63
MAX_ANSWER_BYTES: Final = 1 << 20
REFUSAL_TYPE: Final = "application/vnd.entente.refusal+json"
HASH_BYTES: Final = 32

_ShortText = Annotated[str, msgspec.Meta(max_length=4000)]
_CodeText = Annotated[str, msgspec.Meta(max_length=80)]
_NoteText = Annotated[str, msgspec.Meta(max_length=262_144)]
_BlobText = Annotated[str, msgspec.Meta(max_length=262_144)]


class _Answer(msgspec.Struct, frozen=True):
    """Closed in what it needs, open to fields that it does not know."""


class _Recorded(_Answer, frozen=True):
    index: Count
    leaf: Hex64
    recorded: UtcText
    proof: Annotated[
        list[Annotated[str, msgspec.Meta(max_length=44)]], msgspec.Meta(max_length=MAX_PROOF_HASHES)
    ]
    checkpoint: _NoteText


class Refusal(WireStruct, frozen=True):
    """What the center signs when it says no to a well-formed message."""

    at: UtcText
    center: OriginText
    code: _CodeText
    leaf: Hex64
    message: _ShortText
    size: Count


class RefusedAnswer(_Answer, frozen=True):
    """A refusal as it came; ``refusal`` is the signed part, when there is one."""

    code: _CodeText
    message: _ShortText
    path: _ShortText = ""
    incident: _CodeText = ""
    refusal: msgspec.Raw = msgspec.Raw(b"null")


class CharterAnswer(_Answer, frozen=True):
    """The charter: a draft that gathers signatures, or the founded one."""

    state: Annotated[str, msgspec.Meta(pattern="^(?:draft|founded)$")]
    payload: _BlobText
    signed: Annotated[list[_CodeText], msgspec.Meta(max_length=2000)]
    missing: Annotated[list[_CodeText], msgspec.Meta(max_length=100)]
    envelope: msgspec.Raw = msgspec.Raw(b"null")

    def payload_bytes(self) -> bytes:
        """Return the charter payload's exact bytes."""
        return parse_base64(self.payload, what="charter payload")


class StatusAnswer(_Answer, frozen=True):
    """What the center says of itself: announcements, to be held against it."""

    size: Count
    now: UtcText
    exercise: bool = False
    firm_size: Count | None = None
    settled_size: Count | None = None


@dataclass(frozen=True, slots=True)
class RecordedAnswer:
    """The center's claim that a message is entry ``index``, with its proof. Not verified: see `checks`."""

    index: LogIndex
    leaf: LeafHash
    recorded: str
    proof: tuple[bytes, ...]
    note: bytes


@dataclass(frozen=True, slots=True)
class SignedRefusal:
    """A refusal that carries the center's signature: it binds the center for ever."""

    refusal: Refusal
    raw: bytes


A = TypeVar("A")


def parse_answer(data: bytes, kind: type[A], *, what: str) -> A:
    """Return an answer of the given form, or raise `Malformed`."""
    if len(data) > MAX_ANSWER_BYTES:
        raise Malformed("too-large", f"{what}: expected <= {MAX_ANSWER_BYTES} bytes, got {len(data)}")
    try:
        return msgspec.json.decode(data, type=kind, strict=True)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed("bad-answer", f"{what}: {str(error)[:200].lower()}") from error


def parse_recorded(data: bytes) -> RecordedAnswer:
    """Return the answer to a recorded message."""
    wire = parse_answer(data, _Recorded, what="answer to a message")
    proof = tuple(
        parse_base64(text, what=f"proof hash {at}", size_bytes=HASH_BYTES)
        for at, text in enumerate(wire.proof)
    )
    return RecordedAnswer(
        LogIndex(wire.index), LeafHash(wire.leaf), wire.recorded, proof, wire.checkpoint.encode()
    )


def parse_refused(data: bytes) -> RefusedAnswer:
    """Return a refusal as it came."""
    return parse_answer(data, RefusedAnswer, what="refusal")


def verify_refusal(
    answer: RefusedAnswer, leaf: LeafHash, center_key: PublicKey, *, origin: str
) -> SignedRefusal | None:
    """Return the signed refusal of the message ``leaf``, or None when the answer carries none.

    Raises:
        Malformed, VerificationFailed: There is one, and it is not the center's, or of another message.
    """
    raw = bytes(answer.refusal)
    if raw == b"null":
        return None
    return verify_refusal_envelope(parse_embedded(raw), leaf, center_key, origin=origin)


def parse_embedded(raw: bytes) -> SignedMessage:
    """Return an envelope that stands inside an answer, however its JSON was spelt there.

    Signatures cover the payload's bytes, so that spelling the envelope canonically again changes nothing of
    what it proves; a second spelling of an *entry* is another leaf and is never passed here.
    """
    try:
        plain = msgspec.json.decode(raw)
        return parse_envelope(encode_canonical(plain))
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed("not-json", f"envelope: {str(error)[:200].lower()}") from error


def verify_refusal_envelope(
    signed: SignedMessage, leaf: LeafHash, center_key: PublicKey, *, origin: str
) -> SignedRefusal:
    """Return a signed refusal, checked; for evidence that was kept."""
    verify_envelope(signed, {center_key.key_id: center_key}.get, payload_type=REFUSAL_TYPE)
    refusal = parse_canonical_as(signed.payload, Refusal)
    if refusal.leaf != leaf or refusal.center != origin:
        raise VerificationFailed(
            "other-refusal",
            f"refusal: expected one of message {leaf[:12]} at {origin!r}, got {refusal.leaf[:12]} "
            f"at {refusal.center!r}",
        )
    return SignedRefusal(refusal, signed.raw)


def encode_submission(envelope: bytes, ciphertexts: dict[Any, bytes]) -> bytes:
    """Return the body of ``POST /messages``: the envelope's own bytes stand in it unchanged."""
    parts = [
        b'{"data":"%b","party":"%b"}' % (encode_base64(ciphertexts[party]).encode(), str(party).encode())
        for party in sorted(ciphertexts)
    ]
    return b'{"ciphertexts":[%b],"envelope":%b}' % (b",".join(parts), envelope)
