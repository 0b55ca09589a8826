"""The host's own word on a checkpoint: the log's signature, and a line with the time at which it was made.

Invariants: the line is by the center's key, which the charter names; it stands on every checkpoint of the
journal and never counts for a quorum (docs/adr/0005-store-and-center.md).

It keeps no clock and nothing that it signed: `writer` does.

    >>> note = encode_signed(tree, log, host_cosigner(keys), 1474124400)
    >>> read_host_time(note, host_time_key(keys.origin, keys.center.public))
    1474124400
"""

from __future__ import annotations

from typing import Final

from entente.center.folder import HostKeys
from entente.kernel.keys import PublicKey, SigningKey
from entente.record import (
    Checkpoint,
    CosignatureSigner,
    NoteKey,
    NoteSigner,
    SignatureType,
    SignedNote,
    Tree,
    encode_checkpoint,
    encode_note,
    parse_note,
)

_TIME_BYTES: Final = 8


def host_time_key(origin: str, center: PublicKey) -> NoteKey:
    """Return the key of the host's timestamped line: the center's own, which the charter names."""
    return NoteKey(f"{origin}/host", SignatureType.COSIGNATURE_ED25519, center.raw)


def host_cosigner(keys: HostKeys) -> CosignatureSigner:
    """Return what makes the host's timestamped line (docs/adr/0005-store-and-center.md)."""
    name = host_time_key(keys.origin, keys.center.public).name
    return CosignatureSigner(SigningKey(name, keys.center.seed))


def encode_signed(tree: Tree, log: NoteSigner, host: CosignatureSigner, time_s: int) -> bytes:
    """Return the signed checkpoint of a tree, with the host's timestamped line on it."""
    text = encode_checkpoint(Checkpoint(log.key.name, tree.size, tree.root()))
    return encode_note(SignedNote(text, (log.sign(text), host.cosign(text, time_s))))


def read_host_time(note: bytes, key: NoteKey) -> int:
    """Return the time, in POSIX seconds, of the host's own line on a checkpoint; 0 when it has none."""
    for line in parse_note(note).signatures:
        if line.is_by(key):
            return int.from_bytes(line.signature[:_TIME_BYTES], "big")
    return 0
