"""A published log in memory, with every key at hand: what the other record tests attack."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import pytest

from entente.kernel.errors import NotFound
from entente.kernel.keys import SigningKey
from entente.record import (
    CHECKPOINT_PATH,
    ENTRIES,
    Checkpoint,
    CosignatureSigner,
    NoteSigner,
    TileReader,
    Tree,
    VerifiedCheckpoint,
    encode_entry_bundle,
    encode_hash_tile,
    encode_tile_path,
    leaf_hash,
    list_tiles,
    merge_cosignatures,
    sign_checkpoint,
    verify_checkpoint,
)

ORIGIN = "center.example/record"
NOW_S = 1_474_120_500  # 2016-09-17T13:55:00Z


def make_seed(name: str) -> bytes:
    return name.encode().ljust(32, b".")[:32]


LOG = NoteSigner(SigningKey(ORIGIN, make_seed("log")))
WITNESSES = {
    party: CosignatureSigner(SigningKey(f"{party}/witness", make_seed(party)))
    for party in ("us", "ru", "un", "icrc", "host")
}


def make_entry(index: int) -> bytes:
    return b'{"entry":%d}' % index


def make_tree(size: int, *, branch: bytes = b"") -> Tree:
    return Tree.from_leaf_hashes([leaf_hash(make_entry(index) + branch) for index in range(size)])


def sign_tree(tree: Tree, size: int | None = None, *, signer: NoteSigner = LOG) -> bytes:
    size = tree.size if size is None else size
    return sign_checkpoint(Checkpoint(signer.key.name, size, tree.root(size)), signer)


def verified(tree: Tree, size: int | None = None) -> VerifiedCheckpoint:
    return verify_checkpoint(sign_tree(tree, size), LOG.key)


@dataclass
class MemorySource:
    """Published files; a test alters or removes them."""

    files: dict[str, bytes] = field(default_factory=dict)

    def read(self, path: str) -> bytes:
        if path not in self.files:
            raise NotFound("no-tile", f"file {path!r}: not published")
        return self.files[path]


def publish(size: int, *, cosigned_by: tuple[str, ...] = ("us", "ru", "un")) -> MemorySource:
    """Return everything that a log of ``size`` entries publishes."""
    tree = make_tree(size)
    files = {}
    for tile in list_tiles(size):
        if tile.level == ENTRIES:
            entries = [make_entry(index) for index in range(tile.start, tile.start + tile.width)]
            files[encode_tile_path(tile)] = encode_entry_bundle(entries)
        else:
            files[encode_tile_path(tile)] = encode_hash_tile(tree, tile)
    checkpoint = verified(tree)
    lines = [WITNESSES[party].cosign(checkpoint.text, NOW_S) for party in cosigned_by]
    files[CHECKPOINT_PATH] = merge_cosignatures(checkpoint.note, lines)
    return MemorySource(files)


def test_published_log_reads_back() -> None:
    source = publish(300)
    reader = TileReader(source, verify_checkpoint(source.read(CHECKPOINT_PATH), LOG.key))
    assert reader.read_entries(0, 300) == [make_entry(index) for index in range(300)]


def test_verified_types_cannot_be_made_by_hand() -> None:
    checkpoint = verified(make_tree(3))
    with pytest.raises(TypeError, match="expected to be made by verify_checkpoint"):
        VerifiedCheckpoint(checkpoint.checkpoint, checkpoint.text, checkpoint.note, LOG.key, object())
    with pytest.raises(dataclasses.FrozenInstanceError):
        checkpoint.note = b""  # type: ignore[misc]
