"""Cosignatures: a witness's timestamped word on a checkpoint (C2SP tlog-cosignature v1.0.1).

What one says: "at this time, this is the largest consistent tree that I have seen for this origin".
Ed25519 (type 4) signs ``cosignature/v1``, the time and the whole checkpoint text.

Invariants: a `Cosignature` exists only because it was verified over the exact text of a
`VerifiedCheckpoint`; unknown keys are ignored; one bad line of a known key refuses the note; merging never
changes the text and keeps one line a key.

It does not decide how many are enough, nor whether a time is plausible: nobody's clock decides anything here.
ML-DSA-44 (type 6) lives in `cosignature_mldsa`.

    >>> witness = CosignatureSigner(SigningKey("us/witness", bytes(32)))
    >>> line = witness.cosign(checkpoint.text, 1_474_120_500)
    >>> verify_cosignatures(merge_cosignatures(checkpoint.note, [line]), checkpoint, [witness.key])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.keys import PublicKey, SigningKey, verify_signature
from entente.record.checkpoint import VerifiedCheckpoint
from entente.record.cosignature_mldsa import verify_mldsa_cosignature
from entente.record.note import (
    MAX_SIGNATURES,
    NoteKey,
    SignatureLine,
    SignatureType,
    SignedNote,
    encode_note,
    parse_note,
    parse_signature_line,
)

TIME_BYTES: Final = 8
MAX_TIME_S: Final = 2**63 - 1
_SIGNATURE_BYTES: Final = {SignatureType.COSIGNATURE_ED25519: 64, SignatureType.COSIGNATURE_MLDSA44: 2420}
_SEAL: Final = object()


@dataclass(frozen=True, slots=True)
class Cosignature:
    """A verified cosignature. Only `verify_cosignatures` makes one.

    Attributes:
        key: The witness's key.
        time_s: POSIX seconds that the witness claims.
        line: As it stands in the note.
        text: The exact checkpoint text it is about.
    """

    key: NoteKey
    time_s: int
    line: SignatureLine = field(repr=False)
    text: bytes = field(repr=False)
    seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("Cosignature: expected to be made by verify_cosignatures")


class CheckpointCosigner(Protocol):
    """Cosigns a checkpoint's text. The key may live in this process or in a token."""

    @property
    def key(self) -> NoteKey:
        """The public half, of type 4 or 6."""

    def cosign(self, text: bytes, time_s: int) -> SignatureLine:
        """Return the cosignature line for the checkpoint ``text`` at ``time_s`` POSIX seconds."""


class CosignatureSigner:
    """A `CheckpointCosigner` whose Ed25519 key is in memory; deterministic (RFC 8032).

    SECURITY: the signed message does not name the cosigner, so that one key must never serve two.
    """

    __slots__ = ("_signing", "key")

    def __init__(self, signing: SigningKey) -> None:
        self._signing = signing
        self.key = NoteKey(signing.public.name, SignatureType.COSIGNATURE_ED25519, signing.public.raw)

    def cosign(self, text: bytes, time_s: int) -> SignatureLine:
        """Return the cosignature line for ``text`` at ``time_s``."""
        signature = self._signing.sign(make_cosigned_message(text, time_s))
        return SignatureLine(self.key.name, self.key.key_hash, time_s.to_bytes(TIME_BYTES, "big") + signature)

    def __repr__(self) -> str:
        return f"CosignatureSigner({self.key.key_id!r})"


def make_cosigned_message(text: bytes, time_s: int) -> bytes:
    """Return what an Ed25519 cosigner signs (tlog-cosignature, section Ed25519 signed message)."""
    if not 0 <= time_s <= MAX_TIME_S:
        raise ValueError(f"cosignature time: expected 0 <= seconds < 2^63, got {time_s}")
    return b"cosignature/v1\ntime %d\n" % time_s + text


def verify_cosignatures(
    raw: bytes, checkpoint: VerifiedCheckpoint, keys: Sequence[NoteKey]
) -> tuple[Cosignature, ...]:
    """Return the cosignatures of ``keys`` in a note of this very checkpoint, possibly none.

    Of several good lines of one key the latest counts.

    Args:
        raw: The note that holds the lines: ``checkpoint.note``, or one that was fetched later.
        checkpoint: What they must be about, byte for byte.
        keys: Witness keys, types 4 and 6.

    Raises:
        VerificationFailed: ``other-checkpoint``: the note has another text; ``bad-signature``: a known
            key's line does not verify.
    """
    note = parse_note(raw)
    if note.text != checkpoint.text:
        raise VerificationFailed(
            "other-checkpoint", f"note: expected the text of checkpoint {checkpoint.size}, got another"
        )
    found = []
    for key in keys:
        if key.kind not in _SIGNATURE_BYTES:
            raise ValueError(f"key {key.key_id!r}: expected type 4 or 6 (cosignature), got {key.kind}")
        lines = [line for line in note.signatures if line.is_by(key)]
        verified = [_verify_line(line, checkpoint, key) for line in lines]
        found += sorted(verified, key=lambda each: each.time_s)[-1:]
    return tuple(found)


def _verify_line(line: SignatureLine, checkpoint: VerifiedCheckpoint, key: NoteKey) -> Cosignature:
    expected = TIME_BYTES + _SIGNATURE_BYTES[key.kind]
    if len(line.signature) != expected:
        raise VerificationFailed(
            "bad-signature",
            f"cosignature of {key.key_id!r}: expected {expected} bytes, got {len(line.signature)}",
        )
    time_s = int.from_bytes(line.signature[:TIME_BYTES], "big")
    if time_s > MAX_TIME_S:
        raise VerificationFailed("bad-signature", f"cosignature of {key.key_id!r}: expected a time < 2^63 s")
    signature = line.signature[TIME_BYTES:]
    if key.kind is SignatureType.COSIGNATURE_ED25519:
        message = make_cosigned_message(checkpoint.text, time_s)
        verify_signature(PublicKey(key.name, key.public), signature, message)
    else:
        verify_mldsa_cosignature(key, signature, checkpoint.checkpoint, time_s)
    return Cosignature(key, time_s, line, checkpoint.text, _SEAL)


def parse_cosignature_lines(body: bytes) -> tuple[SignatureLine, ...]:
    """Return the signature lines that a witness answered with; nothing is verified."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("not-utf8", f"cosignatures: {error.reason}", path=f"byte {error.start}") from error
    lines = text.split("\n")
    if lines.pop() or not 0 < len(lines) <= MAX_SIGNATURES:
        raise Malformed(
            "bad-cosignatures", f"cosignatures: expected 1 to {MAX_SIGNATURES} lines, each with its newline"
        )
    return tuple(parse_signature_line(line, path=f"line {at}") for at, line in enumerate(lines, 1))


def merge_cosignatures(raw: bytes, lines: Iterable[SignatureLine]) -> bytes:
    """Return the note ``raw`` with ``lines`` added, a newer line of a key in the place of its older one.

    The caller passes verified lines only: a reader refuses the whole note for one bad line. Lines that
    are no cosignatures of known length are refused as a caller's mistake.
    """
    note = parse_note(raw)
    merged = {(line.name, line.key_hash): line for line in note.signatures}
    for line in lines:
        place = (line.name, line.key_hash)
        length = len(line.signature)
        if length - TIME_BYTES not in _SIGNATURE_BYTES.values():
            raise ValueError(f"cosignature of {line.name!r}: expected 72 or 2428 bytes, got {length}")
        older = merged.get(place)
        if older is None or older.signature[:TIME_BYTES] <= line.signature[:TIME_BYTES]:
            merged[place] = line
    return encode_note(SignedNote(note.text, tuple(merged.values())))
