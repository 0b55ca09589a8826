"""Signature keys: whose they are, how they are named, how a signature is checked.

Three kinds of key, never shared between purposes: a party's *root* keys sign roster statements, its *desk*
key signs messages, its *witness* key cosigns checkpoints. Named as in a C2SP signed note, so that a key id
says whose it is: ``us/desk+1a2b3c4d``.

Invariants: verification is libsodium's strict one. It refuses small-order and non-canonical points that other
libraries let pass, and whatever it accepts every other judge accepts too (tests/vectors/test_ed25519.py).

It does not make keys: seeds come from the `Random` port or a token.

    >>> key = SigningKey("us/desk", bytes(32))
    >>> verify_signature(key.public, key.sign(b"text"), b"text")
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

import nacl.bindings
import nacl.exceptions
import nacl.signing

from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.ids import KeyID
from entente.kernel.wire import KeyIDText, KeyText, WireStruct, encode_base64, parse_base64

ED25519: Final = b"\x01"
"""Signature type of a signed note (C2SP signed-note)."""
COSIGNATURE: Final = b"\x04"
"""Signature type of a witness's timestamped Ed25519 cosignature (C2SP tlog-cosignature)."""
SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64


class KeyWire(WireStruct, frozen=True):
    """A public key as it travels: its id and 32 bytes in base64."""

    id: KeyIDText
    ed25519: KeyText


@dataclass(frozen=True, slots=True)
class PublicKey:
    """An Ed25519 public key and its name (no '+', no space): ``us/desk``."""

    name: str
    raw: bytes

    def __post_init__(self) -> None:
        if len(self.raw) != PUBLIC_BYTES:
            raise ValueError(f"public key {self.name!r}: expected 32 bytes, got {len(self.raw)}")

    @property
    def key_id(self) -> KeyID:
        """``<name>+<8 hex digits>``; binds the name to the bytes."""
        return make_key_id(self.name, self.raw)


class SigningKey:
    """An Ed25519 key that signs. The seed never leaves this object except through `seed`."""

    __slots__ = ("_key", "public")

    def __init__(self, name: str, seed: bytes) -> None:
        self._key = nacl.signing.SigningKey(seed)
        self.public = PublicKey(name, bytes(self._key.verify_key))

    @property
    def seed(self) -> bytes:
        """32 secret bytes, for the vault alone."""
        return bytes(self._key)

    def sign(self, data: bytes) -> bytes:
        """Return 64 bytes; deterministic (RFC 8032)."""
        return self._key.sign(data).signature

    def __repr__(self) -> str:
        return f"SigningKey({self.public.key_id!r})"


def make_key_id(name: str, raw: bytes, *, signature_type: bytes = ED25519) -> KeyID:
    """Return the id of a key: SHA-256(name || 0x0A || type || key)[:4] (C2SP signed-note)."""
    digest = hashlib.sha256(name.encode() + b"\n" + signature_type + raw).digest()
    return KeyID(f"{name}+{digest[:4].hex()}")


def parse_public_key(wire: KeyWire) -> PublicKey:
    """Return the key, or raise when its id does not belong to its bytes."""
    raw = parse_base64(wire.ed25519, what=f"key {wire.id!r}", size_bytes=PUBLIC_BYTES)
    key = PublicKey(wire.id.rpartition("+")[0], raw)
    if key.key_id != wire.id:
        raise VerificationFailed("bad-key-id", f"key id: expected {key.key_id!r}, got {wire.id!r}")
    return key


def parse_vkey(text: str, *, signature_type: bytes, what: str) -> PublicKey:
    """Return the Ed25519 key that a note's verifier key spells: ``name+hex8(id)+base64(type || key)``.

    For keys of logs and witnesses, which the record uses and the roster and the charter name.

    Raises:
        Malformed: Another type or length than expected, or a second spelling.
        VerificationFailed: The id does not belong to name, type and key.
    """
    name, _, rest = text.partition("+")
    digits, _, encoded = rest.partition("+")
    material = parse_base64(encoded, what=what, size_bytes=1 + PUBLIC_BYTES)
    if material[:1] != signature_type:
        raise Malformed(
            "bad-key-type", f"{what}: expected type {signature_type.hex()!r}, got {material[:1].hex()!r}"
        )
    expected = make_key_id(name, material[1:], signature_type=signature_type)
    if f"{name}+{digits}" != expected:
        raise VerificationFailed("bad-key-id", f"{what}: expected {expected!r}, got {text[:80]!r}")
    return PublicKey(name, material[1:])


def encode_public_key(key: PublicKey) -> KeyWire:
    """Return the key as it travels."""
    return KeyWire(id=key.key_id, ed25519=encode_base64(key.raw))


def fingerprint(key: PublicKey) -> str:
    """Return what two people compare by voice: 8 groups of 4 hex digits, 128 bits of SHA-256."""
    digest = hashlib.sha256(b"entente key fingerprint v1\n" + key.name.encode() + b"\n" + key.raw).hexdigest()
    return " ".join(digest[place : place + 4] for place in range(0, 32, 4))


def verify_signature(key: PublicKey, signature: bytes, data: bytes) -> None:
    """Return if ``signature`` is ``key``'s over ``data``; raise `VerificationFailed` otherwise."""
    if len(signature) != SIGNATURE_BYTES:
        raise VerificationFailed(
            "bad-signature", f"signature of {key.key_id!r}: expected 64 bytes, got {len(signature)}"
        )
    try:
        nacl.bindings.crypto_sign_open(signature + data, key.raw)
    except (nacl.exceptions.BadSignatureError, ValueError) as error:
        raise VerificationFailed(
            "bad-signature", f"signature of {key.key_id!r}: does not verify over {len(data)} bytes"
        ) from error
