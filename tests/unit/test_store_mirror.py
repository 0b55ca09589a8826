"""A mirror: readable by any C2SP tool, whole at every moment, and closed to paths that leave it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entente.kernel.errors import EntenteError, Malformed, NotFound, StoreError
from entente.kernel.keys import SigningKey
from entente.record import (
    Checkpoint,
    NoteSigner,
    TileReader,
    Tree,
    VerifiedCheckpoint,
    encode_tile_path,
    leaf_hash,
    list_tiles,
    sign_checkpoint,
    verify_checkpoint,
)
from entente.store import mirror as mirror_module
from entente.store.mirror import FolderTileSource, Mirror

ORIGIN: Final = "example.org/mirror"
SIGNER: Final = NoteSigner(SigningKey(ORIGIN, bytes(32)))
ENTRIES: Final = [b"entry %d" % at for at in range(1_500)]


def checkpoint_of(tree: Tree) -> VerifiedCheckpoint:
    raw = sign_checkpoint(Checkpoint(ORIGIN, tree.size, tree.root()), SIGNER)
    return verify_checkpoint(raw, SIGNER.key)


def grow(mirror: Mirror, tree: Tree, size: int) -> VerifiedCheckpoint:
    old = mirror.size
    tree.extend([leaf_hash(entry) for entry in ENTRIES[tree.size : size]])
    checkpoint = checkpoint_of(tree)
    mirror.extend(tree, old, lambda start, end: ENTRIES[start:end], checkpoint)
    return checkpoint


@settings(max_examples=25)
@given(sizes=st.lists(st.integers(1, 1_500), min_size=1, max_size=5, unique=True).map(sorted))
def test_a_mirror_that_grew_is_a_mirror_made_at_once(
    tmp_path_factory: pytest.TempPathFactory, sizes: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("mirror")
    mirror, tree = Mirror(folder), Tree()
    checkpoints = [grow(mirror, tree, size) for size in sizes]
    assert mirror.size == sizes[-1]
    found = {str(file.relative_to(folder)) for file in folder.rglob("*") if file.is_file()}
    assert found >= {encode_tile_path(tile) for tile in list_tiles(sizes[-1])} | {"checkpoint"}
    # Smaller forms of a tile stay until it is full, for who reads by an older checkpoint; then all of them
    # go.
    for path in found:
        if ".p/" in path:
            assert path.partition(".p/")[0] not in found
    reader = TileReader(FolderTileSource(folder), checkpoints[-1])
    assert reader.read_entries(0, sizes[-1]) == ENTRIES[: sizes[-1]]


def test_a_crash_before_the_checkpoint_shows_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mirror, tree = Mirror(tmp_path), Tree()
    old = grow(mirror, tree, 300)

    def stop(*_: object, **__: object) -> None:
        raise StoreError("io-error", "stopped here")

    with monkeypatch.context() as patch:
        patch.setattr(mirror_module, "write_atomic", stop)
        with pytest.raises(StoreError):
            grow(mirror, tree, 600)
    assert mirror.find_checkpoint() == old.note
    assert TileReader(mirror.source, old).read_entries(290, 300) == ENTRIES[290:300]
    new = grow(Mirror(tmp_path), tree, 600)
    assert TileReader(mirror.source, new).read_entries(0, 600) == ENTRIES[:600]


@pytest.mark.parametrize(
    "path",
    (
        "../secret",
        "tile/../../secret",
        "tile/0/../000",
        "/etc/passwd",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/x000/001",
        "tile/entries/000\n",
        "",
        "checkpoint/",
    ),
)
def test_no_path_leaves_the_folder(tmp_path: Path, path: str) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    folder = tmp_path / "mirror"
    Mirror(folder)
    with pytest.raises(Malformed, match=r"expected such as 'tile/0/x001/234\.p/8'"):
        FolderTileSource(folder).read(path)


@given(path=st.text(max_size=40))
def test_any_path_gives_a_file_or_our_error(tmp_path_factory: pytest.TempPathFactory, path: str) -> None:
    source = FolderTileSource(tmp_path_factory.getbasetemp())
    with pytest.raises(EntenteError):
        source.read(path)


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    mirror, tree = Mirror(tmp_path / "mirror"), Tree()
    grow(mirror, tree, 3)
    (tmp_path / "secret").write_bytes(b"secret")
    tile = tmp_path / "mirror" / "tile" / "0" / "000.p" / "3"
    tile.unlink()
    tile.symlink_to(tmp_path / "secret")
    with pytest.raises(StoreError):
        mirror.source.read("tile/0/000.p/3")


def test_another_tree_is_a_callers_mistake(tmp_path: Path) -> None:
    mirror, tree = Mirror(tmp_path), Tree.from_leaf_hashes([leaf_hash(b"a")])
    other = Tree.from_leaf_hashes([leaf_hash(b"b")])
    with pytest.raises(ValueError, match="expected a tree with root"):
        mirror.extend(other, 0, lambda start, end: [b"b"], checkpoint_of(tree))
    assert mirror.find_checkpoint() is None
    with pytest.raises(NotFound):
        mirror.source.read("tile/0/000.p/1")
