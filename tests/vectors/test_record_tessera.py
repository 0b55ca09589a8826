"""transparency-dev/tessera @1811ae1: a log of another program, at all of its 16 sizes (Apache-2.0)."""

from __future__ import annotations

from pathlib import Path

import pytest

from entente.kernel.errors import NotFound, VerificationFailed
from entente.record import (
    EMPTY_ROOT,
    TileReader,
    Tree,
    encode_checkpoint,
    encode_entry_bundle,
    encode_hash_tile,
    encode_note,
    encode_note_key,
    encode_tile_path,
    leaf_hash,
    parse_entry_bundle,
    parse_note,
    parse_note_key,
    parse_tile_path,
    verify_checkpoint,
    verify_consistency,
)

VKEY = "example.com/log/testdata+33d7b496+AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"


class Folder:
    def __init__(self, root: Path) -> None:
        self.root = root

    def read(self, path: str) -> bytes:
        if not (self.root / path).is_file():
            raise NotFound("no-tile", f"file {path!r}: absent")
        return (self.root / path).read_bytes()


@pytest.fixture
def log(shared_vectors: Path) -> Path:
    return shared_vectors / "record/transparency-dev-tessera/testdata/log"


def test_every_checkpoint_verifies_and_grows(log: Path) -> None:
    key = parse_note_key(VKEY)
    assert encode_note_key(key) == VKEY
    reader = TileReader(Folder(log), verify_checkpoint((log / "checkpoint").read_bytes(), key))
    tree = Tree.from_leaf_hashes(reader.read_leaf_hashes(0, 15))
    for size in range(16):
        raw = (log / f"checkpoint.{size}").read_bytes()
        checkpoint = verify_checkpoint(raw, key)
        assert encode_note(parse_note(raw)) == raw
        assert encode_checkpoint(checkpoint.checkpoint) == checkpoint.text
        assert (checkpoint.size, checkpoint.root) == (size, tree.root(size) if size else EMPTY_ROOT)
        if size:
            proof = reader.consistency_proof(size, 15)
            verify_consistency(size, 15, checkpoint.root, tree.root(), proof)


def test_every_tile_and_bundle_is_ours_byte_for_byte(log: Path) -> None:
    key = parse_note_key(VKEY)
    reader = TileReader(Folder(log), verify_checkpoint((log / "checkpoint").read_bytes(), key))
    entries = reader.read_entries(0, 15)
    assert entries[:3] == [b"one", b"two", b"three"]
    tree = Tree.from_leaf_hashes([leaf_hash(entry) for entry in entries])
    paths = [path for path in sorted((log / "tile").rglob("*")) if path.is_file()]
    assert len(paths) == 30
    for path in paths:
        name = path.relative_to(log).as_posix()
        tile = parse_tile_path(name)
        assert encode_tile_path(tile) == name
        if tile.level == 0:
            assert encode_hash_tile(tree, tile) == path.read_bytes()
        else:
            assert parse_entry_bundle(path.read_bytes(), tile.width) == entries[: tile.width]
            assert encode_entry_bundle(entries[: tile.width]) == path.read_bytes()


def test_another_logs_key_is_refused(log: Path) -> None:
    other = parse_note_key("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")
    with pytest.raises(VerificationFailed, match=r"expected a signature by sum\.golang\.org"):
        verify_checkpoint((log / "checkpoint").read_bytes(), other)
