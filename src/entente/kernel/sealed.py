"""Sealed bodies: what only the addressees can read, and what everyone can still prove.

The record holds a *commitment* to the body, salted, and the SHA-256 of each addressee's ciphertext. The
ciphertexts lie beside the record. So the host sees that something was said and to whom, not what; it cannot
swap a ciphertext unnoticed; and when salt and body are erased, every proof about the record stays valid.

Invariants:
  * ``commitment = SHA-256(label || salt || body)`` with 32 random bytes of salt: a short body cannot be
    guessed.
  * The plaintext is padded to a multiple of 256 bytes: its length tells little.
  * HPKE ``info`` binds center, author, seq, kind and addressee: a ciphertext cannot be replayed elsewhere.

Sealing draws randomness inside the library and is therefore the desk's (`entente.desk.sealing`); opening is
here.

    >>> salt, body = unpack_sealed(pack_sealed(b"{}", bytes(32)))

Source: RFC 9180 (HPKE), single-shot; KEM MLKEM768-X25519 (X-Wing, draft-connolly-cfrg-xwing-kem).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)

from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.ids import KeyID, PartyID

SUITE: Final = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)
SALT_BYTES: Final = 32
PAD_BYTES: Final = 256
MLKEM_PUBLIC_BYTES: Final = 1184
SEAL_PUBLIC_BYTES: Final = MLKEM_PUBLIC_BYTES + 32
"""X-Wing public key: ML-KEM-768 (1,184 bytes), then X25519 (32 bytes)."""
SEAL_SEED_BYTES: Final = 64 + 32
"""Secret: ML-KEM seed d || z (64 bytes), then the X25519 scalar (32 bytes)."""
_LABEL: Final = b"entente sealed body v1\n"
_LENGTH_BYTES: Final = 4
_PROBE: Final = X25519PrivateKey.from_private_bytes(b"\x01" * 32)
"""A scalar that everyone knows and nobody uses."""


@dataclass(frozen=True, slots=True)
class SealContext:
    """Where a sealed body belongs; every part is bound into the ciphertext."""

    center: str
    author: PartyID
    seq: int
    kind: str
    addressee: PartyID

    def info(self) -> bytes:
        """Return the HPKE ``info``: a label and the parts, a line each (none holds a line break)."""
        parts = (self.center, self.author, str(self.seq), self.kind, self.addressee)
        return _LABEL + "\n".join(parts).encode()


class SealKey:
    """A party's key for opening what is addressed to it."""

    __slots__ = ("_private", "name", "public_bytes", "seed")

    def __init__(self, name: str, seed: bytes) -> None:
        if len(seed) != SEAL_SEED_BYTES:
            raise ValueError(f"seal key {name!r}: expected {SEAL_SEED_BYTES} bytes, got {len(seed)}")
        kem = MLKEM768PrivateKey.from_seed_bytes(seed[:64])
        curve = X25519PrivateKey.from_private_bytes(seed[64:])
        self._private = MLKEM768X25519PrivateKey(kem, curve)
        self.name = name
        self.seed = seed
        self.public_bytes = kem.public_key().public_bytes_raw() + curve.public_key().public_bytes_raw()

    @property
    def key_id(self) -> KeyID:
        """``<name>+<8 hex digits>`` of the public key."""
        return make_seal_key_id(self.name, self.public_bytes)

    def open(self, ciphertext: bytes, context: SealContext) -> bytes:
        """Return the plaintext, or raise `VerificationFailed`: not for us, not there, or altered."""
        try:
            return SUITE.decrypt(ciphertext, self._private, info=context.info())
        except (InvalidTag, ValueError) as error:
            raise VerificationFailed(
                "cannot-open", f"sealed body from {context.author!r}: does not open with {self.key_id!r}"
            ) from error

    def __repr__(self) -> str:
        return f"SealKey({self.key_id!r})"


def make_seal_key_id(name: str, public_bytes: bytes) -> KeyID:
    """Return a seal key's id: SHA-256(name || 0x0A || 0xFE || key)[:4]."""
    digest = hashlib.sha256(name.encode() + b"\n\xfe" + public_bytes).digest()
    return KeyID(f"{name}+{digest[:4].hex()}")


def parse_seal_public(public_bytes: bytes) -> MLKEM768X25519PublicKey:
    """Return the key to seal to, or raise `Malformed`."""
    if len(public_bytes) != SEAL_PUBLIC_BYTES:
        raise Malformed("bad-key", f"seal key: expected {SEAL_PUBLIC_BYTES} bytes, got {len(public_bytes)}")
    try:
        kem = MLKEM768PublicKey.from_public_bytes(public_bytes[:MLKEM_PUBLIC_BYTES])
        curve = X25519PublicKey.from_public_bytes(public_bytes[MLKEM_PUBLIC_BYTES:])
        # A point of small order makes every agreement zero: sealing to it would fail, at the sender's desk.
        _PROBE.exchange(curve)
    except ValueError as error:
        raise Malformed("bad-key", f"seal key: {str(error).lower()}") from error
    return MLKEM768X25519PublicKey(kem, curve)


def commit_body(salt: bytes, body: bytes) -> str:
    """Return what the record holds in place of the body, in hex."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"salt: expected {SALT_BYTES} bytes, got {len(salt)}")
    return hashlib.sha256(_LABEL + salt + body).hexdigest()


def pack_sealed(body: bytes, salt: bytes) -> bytes:
    """Return salt, length and body, padded with zeros to a multiple of 256 bytes."""
    if len(salt) != SALT_BYTES:
        raise ValueError(f"salt: expected {SALT_BYTES} bytes, got {len(salt)}")
    plain = salt + len(body).to_bytes(_LENGTH_BYTES, "big") + body
    return plain + bytes(-len(plain) % PAD_BYTES)


def unpack_sealed(plaintext: bytes) -> tuple[bytes, bytes]:
    """Return salt and body; raise `Malformed` unless packed exactly as `pack_sealed` does."""
    start = SALT_BYTES + _LENGTH_BYTES
    salt = plaintext[:SALT_BYTES]
    size = int.from_bytes(plaintext[SALT_BYTES:start], "big")
    body = plaintext[start : start + size]
    if len(plaintext) < start or pack_sealed(body, salt) != plaintext:
        raise Malformed("bad-sealed-body", "sealed body: expected salt, length, body and zero padding")
    return salt, body
