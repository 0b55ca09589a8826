"""ML-DSA-44 cosignatures, type 6: what is settled today stays settled when Ed25519 falls.

The signed message is the ``cosigned_message`` structure of tlog-cosignature v1.1.0-rc.1: it names the
cosigner and the origin, and covers a range of leaves, [0, size) for a checkpoint. Extension lines are not
covered.

Invariants: only whole checkpoints are signed here (start 0); FIPS 204 pure mode with an empty context.

It is optional: 3.3 kB a line, meant for settlement checkpoints, not for every batch. The library draws
the signature's randomness itself (hedged signing), so that signing twice gives two signatures. Where
OpenSSL has no ML-DSA, making or checking one raises `VerificationFailed` (``mldsa-missing``).

    >>> signer = MLDSACosignatureSigner("us/witness-pq", bytes(32))
    >>> line = signer.cosign(checkpoint.text, 1_474_120_500)
"""

from __future__ import annotations

import struct
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import mldsa

from entente.kernel.errors import VerificationFailed
from entente.record.checkpoint import Checkpoint, parse_checkpoint
from entente.record.note import NoteKey, SignatureLine, SignatureType

_LABEL: Final = b"subtree/v1\n\x00"
_U8_MAX: Final = 255


def make_subtree_message(cosigner: str, time_s: int, checkpoint: Checkpoint) -> bytes:
    """Return the ``cosigned_message`` for a whole checkpoint (tlog-cosignature, ML-DSA-44 signed message)."""
    name, origin = cosigner.encode(), checkpoint.origin.encode()
    if not 0 < len(name) <= _U8_MAX or not 0 < len(origin) <= _U8_MAX:
        raise ValueError(f"cosigned message: expected names of 1 to 255 bytes, got {cosigner!r}")
    return b"".join(
        (
            _LABEL,
            bytes((len(name),)),
            name,
            struct.pack(">Q", time_s),
            bytes((len(origin),)),
            origin,
            struct.pack(">QQ", 0, checkpoint.size),
            checkpoint.root,
        )
    )


class MLDSACosignatureSigner:
    """A cosigner whose ML-DSA-44 key is in memory."""

    __slots__ = ("_private", "key")

    def __init__(self, name: str, seed: bytes) -> None:
        try:
            self._private = mldsa.MLDSA44PrivateKey.from_seed_bytes(seed)
        except UnsupportedAlgorithm as error:
            raise VerificationFailed("mldsa-missing", f"ML-DSA-44: {error}") from error
        self.key = NoteKey(
            name, SignatureType.COSIGNATURE_MLDSA44, self._private.public_key().public_bytes_raw()
        )

    def cosign(self, text: bytes, time_s: int) -> SignatureLine:
        """Return the cosignature line for the checkpoint ``text`` at ``time_s`` POSIX seconds."""
        message = make_subtree_message(self.key.name, time_s, parse_checkpoint(text))
        signature = self._private.sign(message)
        return SignatureLine(self.key.name, self.key.key_hash, struct.pack(">Q", time_s) + signature)

    def __repr__(self) -> str:
        return f"MLDSACosignatureSigner({self.key.key_id!r})"


def verify_mldsa_cosignature(key: NoteKey, signature: bytes, checkpoint: Checkpoint, time_s: int) -> None:
    """Return if ``signature`` is ``key``'s over the checkpoint; raise `VerificationFailed` otherwise."""
    try:
        public = mldsa.MLDSA44PublicKey.from_public_bytes(key.public)
        public.verify(signature, make_subtree_message(key.name, time_s, checkpoint))
    except UnsupportedAlgorithm as error:
        raise VerificationFailed("mldsa-missing", f"ML-DSA-44: {error}") from error
    except (InvalidSignature, ValueError) as error:
        raise VerificationFailed(
            "bad-signature", f"cosignature of {key.key_id!r}: does not verify for size {checkpoint.size}"
        ) from error
