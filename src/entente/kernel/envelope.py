"""The envelope: exact bytes of a payload, its type, and signatures over both (DSSE v1).

Invariants:
  * An envelope is canonical JSON with three members; base64 has one spelling; signatures are sorted by key id
    and no key signs twice. So the same signed payload has one envelope, one leaf, one hash.
  * Signatures cover ``DSSEv1 <len> <type> <len> <payload>`` (PAE), so bytes signed as one type can never be
    read as another.
  * At most 65,535 bytes: an entry bundle writes an entry's length in two bytes (C2SP tlog-tiles).

It does not say who *may* sign: that is the roster's and the message kind's business. A `SignedMessage` comes
from outside and proves nothing yet.

    >>> signed = sign_envelope(b"{}", "application/json", [key])
    >>> parse_envelope(signed.raw).payload
    b'{}'

Source: DSSE protocol.md and envelope.md (secure-systems-lab/dsse), version 1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.ids import KeyID, LeafHash
from entente.kernel.keys import SIGNATURE_BYTES, PublicKey, SigningKey, verify_signature
from entente.kernel.wire import KeyIDText, SignatureText, WireStruct, encode_base64, parse_base64

MAX_ENVELOPE_BYTES: Final = 65_535
MAX_SIGNATURES: Final = 128
"""Enough for a charter of 40 parties with three root keys each."""
MESSAGE_TYPE: Final = "application/vnd.entente.message+json"


class SignatureWire(WireStruct, frozen=True):
    """One signature: the key that claims to have made it, and 64 bytes."""

    keyid: KeyIDText
    sig: SignatureText


class EnvelopeWire(WireStruct, frozen=True, rename={"payload_type": "payloadType"}):
    """DSSE's JSON form."""

    payload: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]*={0,2}$(?!\n)", max_length=65_535)]
    payload_type: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9.+/-]+$(?!\n)", min_length=1, max_length=100)]
    signatures: Annotated[list[SignatureWire], msgspec.Meta(min_length=1, max_length=MAX_SIGNATURES)]


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """An envelope as it came from outside: well-formed, and nothing more."""

    raw: bytes
    payload: bytes
    payload_type: str
    signatures: tuple[tuple[KeyID, bytes], ...]

    @property
    def leaf(self) -> LeafHash:
        """The RFC 6962 leaf hash of the exact bytes: SHA-256(0x00 || raw), in hex."""
        return hash_leaf(self.raw)


def hash_leaf(raw: bytes) -> LeafHash:
    """Return the name of a message: RFC 6962 section 2.1 leaf hash of its exact bytes, in hex."""
    return LeafHash(hashlib.sha256(b"\x00" + raw).hexdigest())


def encode_pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that are signed (DSSE pre-authentication encoding); lengths count bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def parse_envelope(data: bytes) -> SignedMessage:
    """Return the envelope, or raise `Malformed`."""
    wire = parse_canonical_as(data, EnvelopeWire, max_bytes=MAX_ENVELOPE_BYTES)
    payload = parse_base64(wire.payload, what="payload")
    signatures: list[tuple[KeyID, bytes]] = []
    last = ""
    for place, entry in enumerate(wire.signatures):
        if entry.keyid <= last:
            raise Malformed(
                "signature-order",
                f"signatures: expected each key once, sorted by key id, got {entry.keyid!r} after {last!r}",
                path=f"$.signatures[{place}].keyid",
            )
        last = entry.keyid
        raw = parse_base64(entry.sig, what=f"signature of {entry.keyid!r}", size_bytes=SIGNATURE_BYTES)
        signatures.append((KeyID(entry.keyid), raw))
    return SignedMessage(data, payload, wire.payload_type, tuple(signatures))


def build_envelope(
    payload: bytes, payload_type: str, signatures: Sequence[tuple[KeyID, bytes]]
) -> SignedMessage:
    """Return the one envelope of these signatures over ``payload``.

    Raises:
        Malformed: Larger than 65,535 bytes, or a key that signs twice.
    """
    wire = EnvelopeWire(
        payload=encode_base64(payload),
        payload_type=payload_type,
        signatures=[
            SignatureWire(keyid=key_id, sig=encode_base64(sig)) for key_id, sig in sorted(signatures)
        ],
    )
    return parse_envelope(encode_canonical(wire))


def sign_envelope(payload: bytes, payload_type: str, keys: Sequence[SigningKey]) -> SignedMessage:
    """Return ``payload`` signed by each of ``keys``."""
    pae = encode_pae(payload_type, payload)
    return build_envelope(payload, payload_type, [(key.public.key_id, key.sign(pae)) for key in keys])


def verify_envelope(
    signed: SignedMessage, find_key: Callable[[KeyID], PublicKey | None], *, payload_type: str
) -> frozenset[KeyID]:
    """Return the ids of the keys that signed, having checked every signature.

    SECURITY: an unknown key's signature is refused, not ignored: whoever may append a signature of his own
    could otherwise give one message a second hash (tests/protocol/test_envelope_attacks.py).

    Raises:
        VerificationFailed: Another payload type, an unknown key, or a signature that does not verify.
    """
    if signed.payload_type != payload_type:
        raise VerificationFailed(
            "wrong-type", f"payload type: expected {payload_type!r}, got {signed.payload_type!r}"
        )
    pae = encode_pae(signed.payload_type, signed.payload)
    for key_id, signature in signed.signatures:
        key = find_key(key_id)
        if key is None:
            raise VerificationFailed(
                "unknown-key", f"signature: expected a key of the roster, got {key_id!r}"
            )
        verify_signature(key, signature, pae)
    return frozenset(key_id for key_id, _ in signed.signatures)
