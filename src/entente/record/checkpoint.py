"""Checkpoints: what a log says its tree is, signed (C2SP tlog-checkpoint v1.0.0).

    <origin>
    <size>
    <base64 of the root>
    [extension lines]

Invariants:
  * `encode_checkpoint` of what `parse_checkpoint` accepts is the identical text.
  * A `VerifiedCheckpoint` exists only because `verify_checkpoint` checked the log's signature. It keeps the
    exact bytes, which are the evidence if the log ever signs something else.

It does not look at cosignatures (`cosignature`), nor decide whether enough witnesses agree (`policy`,
`quorum`). A log's key has the log's origin for its name, unless the caller says otherwise.

    >>> signer = NoteSigner(SigningKey("example.org/log", bytes(32)))
    >>> raw = sign_checkpoint(Checkpoint("example.org/log", 0, EMPTY_ROOT), signer)
    >>> verify_checkpoint(raw, signer.key).size
    0
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.wire import encode_base64, parse_base64
from entente.record.note import NoteKey, TextSigner, encode_note, sign_note, split_note, verify_note
from entente.record.tree import EMPTY_ROOT, HASH_BYTES, MAX_SIZE

MAX_ORIGIN_BYTES: Final = 255
"""What the length byte of an ML-DSA-44 cosigned message can say (tlog-cosignature)."""
_SIZE: Final = re.compile(r"(?:0|[1-9][0-9]{0,18})\Z", re.ASCII)


def parse_size(text: str, *, what: str = "size", path: str = "") -> int:
    """Return a tree size or index: ASCII decimal, no leading zero, < 2^63."""
    if not _SIZE.match(text) or int(text) > MAX_SIZE:
        raise Malformed("bad-size", f"{what}: expected a decimal number < 2^63, got {text[:40]!r}", path=path)
    return int(text)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What is signed. Extension lines are kept and signed, never interpreted."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for what, line in (("origin", self.origin), *(("extension", line) for line in self.extensions)):
            if not line or any(mark < " " for mark in line):
                raise ValueError(f"checkpoint {what}: expected a non-empty line, got {line!r}")
        if len(self.origin.encode()) > MAX_ORIGIN_BYTES:
            raise ValueError(f"checkpoint origin: expected <= {MAX_ORIGIN_BYTES} bytes")
        if not 0 <= self.size <= MAX_SIZE or len(self.root) != HASH_BYTES:
            raise ValueError(f"checkpoint: expected 0 <= size < 2^63 and a 32-byte root, got {self!r}")


def encode_checkpoint(checkpoint: Checkpoint) -> bytes:
    """Return the note text."""
    lines = (checkpoint.origin, str(checkpoint.size), encode_base64(checkpoint.root), *checkpoint.extensions)
    return "".join(f"{line}\n" for line in lines).encode()


def parse_checkpoint(text: bytes) -> Checkpoint:
    """Return the checkpoint that a note's text spells. Nothing is verified."""
    try:
        lines = text.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise Malformed("not-utf8", f"checkpoint: {error.reason}", path=f"byte {error.start}") from error
    if len(lines) < 4 or lines.pop():
        raise Malformed("bad-checkpoint", "checkpoint: expected >= 3 lines, each with its newline")
    root = parse_base64(lines[2], what="checkpoint root", size_bytes=HASH_BYTES)
    size = parse_size(lines[1], what="checkpoint size", path="line 2")
    try:
        return Checkpoint(lines[0], size, root, tuple(lines[3:]))
    except ValueError as error:
        raise Malformed("bad-checkpoint", str(error)) from error


def sign_checkpoint(checkpoint: Checkpoint, signer: TextSigner) -> bytes:
    """Return the signed note. The caller has made the tree durable first."""
    return encode_note(sign_note(encode_checkpoint(checkpoint), signer))


def parse_checkpoint_note(raw: bytes) -> Checkpoint:
    """Return what a checkpoint note *claims*: to choose a key or show it, never to rely on it."""
    return parse_checkpoint(split_note(raw)[0])


_SEAL: Final = object()


@dataclass(frozen=True, slots=True)
class VerifiedCheckpoint:
    """A checkpoint that the log signed. Only `verify_checkpoint` makes one.

    Attributes:
        text: The exact signed text.
        note: The exact note it came in, other signature lines included.
        log_key: Whose signature was checked.
    """

    checkpoint: Checkpoint
    text: bytes
    note: bytes = field(repr=False)
    log_key: NoteKey
    seal: object = field(repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.seal is not _SEAL:
            raise TypeError("VerifiedCheckpoint: expected to be made by verify_checkpoint")

    @property
    def origin(self) -> str:
        """The log's name."""
        return self.checkpoint.origin

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.checkpoint.size

    @property
    def root(self) -> bytes:
        """The tree's root, 32 bytes."""
        return self.checkpoint.root


def verify_checkpoint(raw: bytes, log_key: NoteKey, *, origin: str | None = None) -> VerifiedCheckpoint:
    """Return the checkpoint that ``log_key`` signed.

    Args:
        raw: The whole note, as it came.
        log_key: The log's plain Ed25519 key.
        origin: What the first line must be; the key's name when None.

    Raises:
        Malformed: Not a note, or its text is no checkpoint.
        VerificationFailed: Not signed by ``log_key``, of another origin, or a root of the empty tree
            that is not SHA-256 of nothing.
    """
    note = verify_note(raw, [log_key])
    checkpoint = parse_checkpoint(note.text)
    expected = log_key.name if origin is None else origin
    if checkpoint.origin != expected:
        raise VerificationFailed(
            "wrong-origin", f"checkpoint: expected origin {expected!r}, got {checkpoint.origin!r}"
        )
    if checkpoint.size == 0 and checkpoint.root != EMPTY_ROOT:
        raise VerificationFailed(
            "bad-empty-root", "checkpoint of size 0: expected the root of the empty tree"
        )
    return VerifiedCheckpoint(checkpoint, note.text, raw, log_key, _SEAL)
