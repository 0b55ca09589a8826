"""The message: the only way in which shared state changes.

A message says which kind it is, who its author is, where it stands in the author's own chain (`seq`, `prev`),
what the author had last verified of the record (`seen`), when he claims to have written it, to whom it is
addressed, and its body. Open when `to` is empty; otherwise the body is sealed.

Invariants:
  * The payload is canonical JSON; body and header are closed types; one spelling.
  * ``to == []`` exactly when ``sealed is None`` exactly when ``body`` is an object.
  * Trust is in the type: `parse_message` gives a `ParsedMessage`, which proves nothing; only
    `entente.joint.acceptance.verify_message` makes a `VerifiedMessage`.

It does not decide whether a message may be accepted: that is its kind's rule.

    >>> parsed = parse_message(parse_envelope(data), kinds)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Generic, Literal, TypeVar

import msgspec

from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.envelope import SignedMessage
from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.ids import KeyID, LeafHash, LogIndex, PartyID
from entente.kernel.sealed import commit_body
from entente.kernel.time import parse_utc
from entente.kernel.wire import Count, Hex64, KeyIDText, KindText, OriginText, SlugText, UtcText, WireStruct

NO_MESSAGE: Final = LeafHash("0" * 64)
"""`prev` of an author's first message."""
MAX_BODY_BYTES: Final = 40_000
"""A body that, in base64 and with signatures, still fits an envelope."""
CENTER: Final = PartyID("center")
"""The center's own name as an author. No party may take it."""


class Seen(WireStruct, frozen=True):
    """The author's last verified checkpoint: pins the branch of the record that he is on."""

    size: Count
    root: Hex64


class Addressee(WireStruct, frozen=True):
    """A party to whom a sealed body is encrypted: with which key, and the SHA-256 of the ciphertext."""

    party: SlugText
    key: KeyIDText
    ciphertext: Hex64


class Payload(WireStruct, frozen=True):
    """What is signed. Field by field: docs/formats/message.md section 2."""

    v: Literal[1]
    kind: KindText
    center: OriginText
    author: SlugText
    officers: Annotated[list[SlugText], msgspec.Meta(max_length=4)]
    seq: Count
    prev: Hex64
    seen: Seen
    at: UtcText
    to: Annotated[list[Addressee], msgspec.Meta(max_length=40)]
    body: msgspec.Raw
    sealed: Hex64 | None


B = TypeVar("B", bound=WireStruct)
B_co = TypeVar("B_co", bound=WireStruct, covariant=True)


@dataclass(frozen=True, slots=True)
class ParsedMessage(Generic[B_co]):
    """A message as it came: its form is right; who signed it is not yet known.

    ``body`` is None when it is sealed and has not been opened here.
    """

    payload: Payload
    body: B_co | None
    signed: SignedMessage

    @property
    def leaf(self) -> LeafHash:
        """The message's name: the leaf hash of its exact bytes."""
        return self.signed.leaf


@dataclass(frozen=True, slots=True)
class VerifiedMessage(Generic[B_co]):
    """A message whose signatures, author and chain were checked. Only `joint.acceptance` makes one."""

    payload: Payload
    body: B_co | None
    signed: SignedMessage
    leaf: LeafHash
    signers: frozenset[KeyID]

    @property
    def author(self) -> PartyID:
        """Who wrote it."""
        return PartyID(self.payload.author)

    @property
    def addressees(self) -> tuple[PartyID, ...]:
        """To whom it is addressed; empty when open to every party."""
        return tuple(PartyID(entry.party) for entry in self.payload.to)

    def opened(self) -> B_co:
        """Return the body; raise `AssertionError` where a rule forgot that it may be sealed."""
        if self.body is None:
            raise AssertionError(f"message {self.leaf[:12]}: body is sealed and was not opened here")
        return self.body


@dataclass(frozen=True, slots=True)
class Entry(Generic[B_co]):
    """A message in its place in the record."""

    index: LogIndex
    message: VerifiedMessage[B_co]


def parse_message(signed: SignedMessage, bodies: dict[str, type[WireStruct]]) -> ParsedMessage[Any]:
    """Return the message in an envelope, or raise `Malformed`.

    Args:
        bodies: The body type of each known kind; an unknown kind is refused.
    """
    payload = parse_canonical_as(signed.payload, Payload, max_bytes=MAX_BODY_BYTES + 8_000)
    body_type = bodies.get(payload.kind)
    if body_type is None:
        raise Malformed("unknown-kind", f"kind: expected a known one, got {payload.kind!r}", path="$.kind")
    parse_utc(payload.at, path="$.at")  # the type refuses the 32nd, not the 30th of February
    names = [entry.party for entry in payload.to]
    if names != sorted(set(names)):
        raise Malformed("to-order", "addressees: expected each party once, sorted by name", path="$.to")
    if payload.officers != sorted(set(payload.officers)):
        raise Malformed("officer-order", "officers: expected each once, sorted by name", path="$.officers")
    raw = bytes(payload.body)
    if payload.to:
        if raw != b"null" or payload.sealed is None:
            raise Malformed(
                "not-sealed", "addressed message: expected body null and a commitment", path="$.body"
            )
        return ParsedMessage(payload, None, signed)
    if payload.sealed is not None:
        raise Malformed("sealed-to-nobody", "open message: expected sealed null", path="$.sealed")
    return ParsedMessage(payload, parse_body(raw, body_type), signed)


def parse_body(raw: bytes, body_type: type[B]) -> B:
    """Return a body of the kind's type; paths in errors start at ``$.body``."""
    try:
        return parse_canonical_as(raw, body_type, max_bytes=MAX_BODY_BYTES)
    except Malformed as error:
        inside = error.path.removeprefix("$") if error.path.startswith("$") else f", {error.path}"
        raise Malformed(error.code, error.message, path=f"$.body{inside if error.path else ''}") from error


def open_message(
    parsed: ParsedMessage[Any], salt: bytes, body: bytes, body_type: type[B]
) -> ParsedMessage[B]:
    """Return a sealed message with its body, having checked it against the record's commitment.

    Raises:
        VerificationFailed: Salt and body are not what the author committed to.
        Malformed: They are, but the body is not of the kind's form: the author's fault, and provable.
    """
    if commit_body(salt, body) != parsed.payload.sealed:
        raise VerificationFailed(
            "commitment", f"sealed body of {parsed.leaf[:12]}: expected the committed one, got another"
        )
    return ParsedMessage(parsed.payload, parse_body(body, body_type), parsed.signed)


def encode_payload(payload: Payload) -> bytes:
    """Return the bytes that are signed."""
    return encode_struct(payload)


def encode_body(body: WireStruct) -> bytes:
    """Return a body's one spelling."""
    return encode_canonical(body)


_PAYLOAD_ENCODER: Final = msgspec.json.Encoder(order="sorted")


def encode_struct(value: WireStruct) -> bytes:
    """Return the canonical bytes of a closed struct that may hold already canonical raw parts."""
    return _PAYLOAD_ENCODER.encode(value)
