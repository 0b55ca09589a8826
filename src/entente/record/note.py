r"""Signed notes: text that carries the signatures of named keys (C2SP signed-note v1.0.0).

    <text, ends in a newline>
    <empty line>
    — <key name> <base64 of 4-byte key id and signature>

Invariants:
  * What `parse_note` accepts, `encode_note` turns back into the identical bytes.
  * Refused: invalid UTF-8, control characters but newline, a second base64 spelling, a name with a space
    or '+', no signature line, more than 100 of them, more than 256 KiB.
  * A signature is looked at only when both name and key id are those of a key we were given; any other
    is ignored. One bad signature of a known key refuses the whole note; so does no good one.

It does not know what the text means (see `checkpoint`) nor cosignatures, whose signed message is
longer than the text (see `cosignature`). The hash of a whole note names nothing: signature lines come
and go.

    >>> signer = NoteSigner(SigningKey("example.org/log", bytes(32)))
    >>> raw = encode_note(sign_note(b"text\n", signer))
    >>> verify_note(raw, [signer.key]).text
    b'text\n'
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Final, Protocol

from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.ids import KeyID
from entente.kernel.keys import PublicKey, SigningKey, verify_signature
from entente.kernel.wire import encode_base64, parse_base64

MAX_NOTE_BYTES: Final = 262_144
"""Room for 32 post-quantum signatures of 5 kB in base64 (the specification asks for at least 16)."""
MAX_SIGNATURES: Final = 100
"""As in golang.org/x/mod/sumdb/note: more would only cost the reader time."""
MAX_NAME_BYTES: Final = 255
"""What the length byte of an ML-DSA-44 cosigned message can say (tlog-cosignature)."""

_DASH: Final = "\u2014 "
_ED25519_KEY_BYTES: Final = 32
_MLDSA44_KEY_BYTES: Final = 1312


class SignatureType(IntEnum):
    """Type byte of a key; it also separates the domains of one key's signatures."""

    ED25519 = 0x01
    """The text itself, signed (signed-note)."""
    COSIGNATURE_ED25519 = 0x04
    """A timestamped statement of a witness (tlog-cosignature)."""
    COSIGNATURE_MLDSA44 = 0x06
    """The same, good against quantum computers (tlog-cosignature v1.1.0-rc.1)."""


_KEY_BYTES: Final = {
    SignatureType.ED25519: _ED25519_KEY_BYTES,
    SignatureType.COSIGNATURE_ED25519: _ED25519_KEY_BYTES,
    SignatureType.COSIGNATURE_MLDSA44: _MLDSA44_KEY_BYTES,
}


def is_key_name(name: str) -> bool:
    """Tell whether a signed note allows ``name`` for a key."""
    try:
        size_bytes = len(name.encode())
    except UnicodeEncodeError:
        return False
    return 0 < size_bytes <= MAX_NAME_BYTES and not any(
        mark.isspace() or mark == "+" or mark < " " for mark in name
    )


def make_key_hash(name: str, kind: SignatureType, public: bytes) -> bytes:
    """Return the 4-byte key id: SHA-256(name || 0x0A || type || key)[:4]."""
    return sha256(name.encode() + b"\n" + bytes((kind,)) + public).digest()[:4]


@dataclass(frozen=True, slots=True)
class NoteKey:
    """A public key that notes are checked with.

    Args:
        name: As in the signature line; non-empty, no space, no '+'.
        kind: What its signatures mean.
        public: 32 bytes (Ed25519) or 1,312 (ML-DSA-44).
    """

    name: str
    kind: SignatureType
    public: bytes

    def __post_init__(self) -> None:
        if not is_key_name(self.name):
            raise ValueError(f"key name: expected 1 to 255 bytes, no space, no '+', got {self.name!r}")
        expected = _KEY_BYTES[SignatureType(self.kind)]
        if len(self.public) != expected:
            raise ValueError(f"key {self.name!r}: expected {expected} bytes, got {len(self.public)}")

    @property
    def key_hash(self) -> bytes:
        """The 4 bytes in front of each of its signatures."""
        return make_key_hash(self.name, self.kind, self.public)

    @property
    def key_id(self) -> KeyID:
        """``<name>+<8 hex digits>``."""
        return KeyID(f"{self.name}+{self.key_hash.hex()}")


def parse_note_key(text: str) -> NoteKey:
    """Return the key that a vkey spells: ``name+hex8(id)+base64(type || key)``."""
    name, _, rest = text.partition("+")
    digits, _, encoded = rest.partition("+")
    if not is_key_name(name) or not encoded or len(text) > MAX_NOTE_BYTES:
        raise Malformed("bad-vkey", f"verifier key: expected 'name+id+base64', got {text[:80]!r}")
    material = parse_base64(encoded, what=f"verifier key {name!r}")
    try:
        kind = SignatureType(material[0])
    except (IndexError, ValueError) as error:
        raise Malformed(
            "bad-vkey", f"verifier key {name!r}: expected type 1, 4 or 6, got {material[:1].hex()!r}"
        ) from error
    if len(material) - 1 != _KEY_BYTES[kind]:
        raise Malformed(
            "bad-vkey", f"verifier key {name!r}: expected {_KEY_BYTES[kind]} bytes, got {len(material) - 1}"
        )
    key = NoteKey(name, kind, material[1:])
    if digits != key.key_hash.hex():
        raise Malformed(
            "bad-vkey", f"verifier key {name!r}: expected id {key.key_hash.hex()!r}, got {digits[:80]!r}"
        )
    return key


def encode_note_key(key: NoteKey) -> str:
    """Return the vkey of ``key``."""
    return f"{key.key_id}+{encode_base64(bytes((key.kind,)) + key.public)}"


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One signature as it stands in a note: not verified by itself."""

    name: str
    key_hash: bytes
    signature: bytes

    def is_by(self, key: NoteKey) -> bool:
        """Tell whether name and key id are those of ``key``; says nothing about the signature."""
        return self.name == key.name and self.key_hash == key.key_hash


def parse_signature_line(line: str, *, path: str = "") -> SignatureLine:
    """Return the signature that a line (without its newline) holds, or raise `Malformed`."""
    name, _, encoded = line.removeprefix(_DASH).partition(" ")
    if not line.startswith(_DASH) or not is_key_name(name) or not encoded:
        raise Malformed(
            "bad-signature-line",
            f"signature line: expected '\u2014 name base64', got {line[:80]!r}",
            path=path,
        )
    blob = parse_base64(encoded, what=f"signature of {name!r}")
    if len(blob) <= 4:
        raise Malformed(
            "bad-signature-line", f"signature of {name!r}: expected > 4 bytes, got {len(blob)}", path=path
        )
    return SignatureLine(name, blob[:4], blob[4:])


def encode_signature_line(line: SignatureLine) -> str:
    """Return the line with its newline."""
    return f"{_DASH}{line.name} {encode_base64(line.key_hash + line.signature)}\n"


@dataclass(frozen=True, slots=True)
class SignedNote:
    """A note from outside: well-formed, nothing verified."""

    text: bytes
    signatures: tuple[SignatureLine, ...]


def parse_note(raw: bytes) -> SignedNote:
    """Return the parts of a note.

    Raises:
        Malformed: Not a note (see the module's invariants), with the place.
    """
    text, rest = split_note(raw)
    lines = rest.split("\n")[:-1]
    if len(lines) > MAX_SIGNATURES:
        raise Malformed(
            "too-many-signatures", f"note: expected <= {MAX_SIGNATURES} signatures, got {len(lines)}"
        )
    return SignedNote(
        text, tuple(parse_signature_line(line, path=f"signature {at}") for at, line in enumerate(lines, 1))
    )


def split_note(raw: bytes) -> tuple[bytes, str]:
    """Return a note's text and its block of signature lines, both with their last newline."""
    if len(raw) > MAX_NOTE_BYTES:
        raise Malformed("too-large", f"note: expected <= {MAX_NOTE_BYTES} bytes, got {len(raw)}")
    try:
        whole = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("not-utf8", f"note: {error.reason}", path=f"byte {error.start}") from error
    if any(mark < " " and mark != "\n" for mark in set(whole)):
        raise Malformed("control-character", "note: expected no control character but newline")
    # The text may hold empty lines: the last one is the border (signed-note, section Format).
    text, border, rest = whole.rpartition("\n\n")
    if not border or not rest.endswith("\n"):
        raise Malformed("not-a-note", "note: expected text, an empty line and signature lines")
    return text.encode() + b"\n", rest


def encode_note(note: SignedNote) -> bytes:
    """Return the bytes of a note."""
    if not note.text.endswith(b"\n") or not note.signatures:
        raise ValueError("note: expected a text that ends in a newline, and >= 1 signature")
    return note.text + b"\n" + "".join(map(encode_signature_line, note.signatures)).encode()


@dataclass(frozen=True, slots=True)
class VerifiedNote:
    """A note of which at least one known key's signature verified, and none failed."""

    text: bytes
    signed_by: tuple[NoteKey, ...]


def verify_note(raw: bytes, keys: Sequence[NoteKey]) -> VerifiedNote:
    """Return the text and who signed it, out of plain Ed25519 ``keys``.

    Raises:
        Malformed: ``raw`` is not a note.
        VerificationFailed: ``bad-signature``: a known key's signature does not verify;
            ``no-known-signature``: none of ``keys`` signed it.
    """
    for key in keys:
        if key.kind is not SignatureType.ED25519:
            raise ValueError(f"key {key.key_id!r}: expected type 1 (Ed25519), got {key.kind}")
    note = parse_note(raw)
    signed_by = []
    for key in keys:
        for line in note.signatures:
            if line.is_by(key):
                # SECURITY: a bad signature of a known key is never skipped in favour of a good one beside
                # it: two readers could otherwise take the same note differently (signed-note, Signatures).
                verify_signature(PublicKey(key.name, key.public), line.signature, note.text)
                if key not in signed_by:
                    signed_by.append(key)
    if not signed_by:
        known = ", ".join(key.key_id for key in keys) or "no key"
        raise VerificationFailed("no-known-signature", f"note: expected a signature by {known}, got none")
    return VerifiedNote(note.text, tuple(signed_by))


class TextSigner(Protocol):
    """Signs a note's text. The key may live in this process or in a token."""

    @property
    def key(self) -> NoteKey:
        """The public half, of type Ed25519."""

    def sign(self, text: bytes) -> SignatureLine:
        """Return the signature line for ``text``, which ends in a newline."""


class NoteSigner:
    """A `TextSigner` whose Ed25519 key is in memory; deterministic (RFC 8032)."""

    __slots__ = ("_signing", "key")

    def __init__(self, signing: SigningKey) -> None:
        self._signing = signing
        self.key = NoteKey(signing.public.name, SignatureType.ED25519, signing.public.raw)

    def sign(self, text: bytes) -> SignatureLine:
        """Return the signature line for ``text``."""
        return SignatureLine(self.key.name, self.key.key_hash, self._signing.sign(text))

    def __repr__(self) -> str:
        return f"NoteSigner({self.key.key_id!r})"


def sign_note(text: bytes, *signers: TextSigner) -> SignedNote:
    """Return ``text`` with one signature line of each signer."""
    if not text.endswith(b"\n") or not signers:
        raise ValueError("note: expected a text that ends in a newline, and >= 1 signer")
    return SignedNote(text, tuple(signer.sign(text) for signer in signers))
