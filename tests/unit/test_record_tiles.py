from __future__ import annotations

import pytest

from entente.kernel.errors import Malformed, NotFound, VerificationFailed
from entente.record import (
    CHECKPOINT_PATH,
    ENTRIES,
    Tile,
    TileReader,
    encode_entry_bundle,
    encode_hash_tile,
    encode_tile_path,
    list_tiles,
    parse_entry_bundle,
    parse_hash_tile,
    parse_tile_path,
    tiles_between,
    verify_checkpoint,
    verify_consistency,
    verify_inclusion,
)
from tests.unit.test_record_samples import LOG, MemorySource, make_entry, make_tree, publish


def open_reader(source: MemorySource) -> TileReader:
    return TileReader(source, verify_checkpoint(source.read(CHECKPOINT_PATH), LOG.key))


def test_paths_are_those_of_the_specification() -> None:
    assert encode_tile_path(Tile(0, 1_234_067)) == "tile/0/x001/x234/067"
    assert encode_tile_path(Tile(63, 0, 1)) == "tile/63/000.p/1"
    assert encode_tile_path(Tile(ENTRIES, 5, 255)) == "tile/entries/005.p/255"


@pytest.mark.parametrize(
    "path",
    (
        "tile/0/1", "tile/0/0001", "tile/00/001", "tile/64/001", "tile/0/x000/001", "tile/0/001.p/0",
        "tile/0/001.p/256", "tile/0/001.p/01", "tile/0/001/", "/tile/0/001", "tile/0/../001", "tile/data/001",
        "tile/0/001\n", "tile/0/x001", "checkpoint", "", "tile/0/" + "x001/" * 60 + "001",
        "tile/0/\u0660\u0660\u0661",
        "tile/8/x001/000",
    ),
)  # fmt: skip
def test_second_spellings_and_foreign_paths_are_refused(path: str) -> None:
    with pytest.raises(Malformed, match="tile path"):
        parse_tile_path(path)


def test_seventy_thousand_entries_need_the_tiles_of_the_example() -> None:
    # tlog-tiles, section Partial Tiles, gives this very count.
    tiles = list(list_tiles(70_000))
    by_level = {level: [tile for tile in tiles if tile.level == level] for level in (0, 1, 2, ENTRIES)}
    assert [sum(tile.is_full for tile in by_level[level]) for level in (0, 1, 2)] == [273, 1, 0]
    assert [tile.width for level in (0, 1, 2) for tile in by_level[level] if not tile.is_full] == [112, 17, 1]
    assert len(by_level[ENTRIES]) == 274
    assert len(tiles) == 273 + 1 + 1 + 1 + 1 + 274


def test_size_256_has_a_full_tile_and_one_above() -> None:
    assert [encode_tile_path(tile) for tile in list_tiles(256)] == [
        "tile/0/000", "tile/1/000.p/1", "tile/entries/000",
    ]  # fmt: skip
    assert list(list_tiles(0)) == []


def test_growing_log_writes_each_tile_that_is_new() -> None:
    for old in (0, 1, 255, 256, 257, 600, 65_535, 65_536):
        for new in (old, old + 1, old + 255, old + 256, old + 513):
            gained = set(list_tiles(new)) - set(list_tiles(old))
            assert set(tiles_between(old, new)) == gained, (old, new)


def test_entry_bundle_of_another_width_or_length_is_refused() -> None:
    data = encode_entry_bundle([b"one", b"", b"x" * 65_535])
    assert parse_entry_bundle(data, 3) == [b"one", b"", b"x" * 65_535]
    for cut in (data[:-1], data + b"\x00", data[:1], b""):
        with pytest.raises(Malformed, match="bundle of 3"):
            parse_entry_bundle(cut, 3)
    for width in (2, 4):
        with pytest.raises(Malformed, match=f"bundle of {width}"):
            parse_entry_bundle(data, width)
    with pytest.raises(ValueError, match="expected <= 65535 bytes, got 65536"):
        encode_entry_bundle([bytes(65_536)])


def test_hash_tile_of_another_length_is_refused() -> None:
    tile = Tile(0, 0, 3)
    assert parse_hash_tile(encode_hash_tile(make_tree(3), tile), tile) == make_tree(3).levels()[0]
    with pytest.raises(Malformed, match="expected 96 bytes, got 95"):
        parse_hash_tile(bytes(95), tile)


def test_proofs_from_tiles_are_those_from_the_tree() -> None:
    for size in (1, 255, 256, 257, 700):
        tree, reader = make_tree(size), open_reader(publish(size))
        for index in {0, size // 3, size - 1}:
            proof = reader.inclusion_proof(index)
            assert proof == tree.inclusion_proof(index)
            verify_inclusion(reader.leaf_hash(index), index, size, proof, tree.root())
        for old in {1, max(1, size // 2), size}:
            proof = reader.consistency_proof(old)
            assert proof == tree.consistency_proof(old)
            verify_consistency(old, size, reader.root(old), tree.root(), proof)


def test_any_altered_tile_is_refused() -> None:
    honest = publish(600)
    paths = [path for path in honest.files if path.startswith("tile/")]
    assert len(paths) == 7
    for path in paths:
        data = bytearray(honest.files[path])
        data[len(data) // 2] ^= 1
        lying = MemorySource(honest.files | {path: bytes(data)})
        with pytest.raises((VerificationFailed, Malformed)):
            open_reader(lying).read_entries(0, 600)


def test_altered_right_edge_is_refused_before_anything_is_read() -> None:
    for path in ("tile/0/002.p/88", "tile/1/000.p/2"):
        source = publish(600)
        source.files[path] = bytes(32) + source.files[path][32:]
        with pytest.raises(VerificationFailed, match="tiles of size 600: expected root"):
            open_reader(source)


def test_altered_full_tile_is_refused_by_its_parent() -> None:
    source = publish(600)
    source.files["tile/0/001"] = bytes(32) + source.files["tile/0/001"][32:]
    reader = open_reader(source)
    assert reader.read_leaf_hashes(0, 256) == [make_tree(256).node(0, index) for index in range(256)]
    with pytest.raises(VerificationFailed, match="tile/0/001: expected the root in its parent"):
        reader.read_leaf_hashes(255, 257)
    with pytest.raises(VerificationFailed, match="tile/0/001: expected the root in its parent"):
        reader.inclusion_proof(300)


def test_forged_entry_is_refused() -> None:
    source = publish(300)
    entries = [make_entry(index) for index in range(256)]
    entries[200] = b'{"entry":"forged"}'
    source.files["tile/entries/000"] = encode_entry_bundle(entries)
    reader = open_reader(source)
    with pytest.raises(VerificationFailed, match="entry 200: expected the authentic leaf's hash"):
        reader.read_entries(0, 256)
    assert reader.read_entries(256, 300) == [make_entry(index) for index in range(256, 300)]
    with pytest.raises(VerificationFailed):
        reader.read_entries(199, 202)
    assert reader.read_entries(190, 200) == [make_entry(index) for index in range(190, 200)]


def test_stale_tiles_under_a_new_checkpoint_are_refused() -> None:
    source = publish(300)
    source.files[CHECKPOINT_PATH] = publish(301).files[CHECKPOINT_PATH]
    with pytest.raises(NotFound):
        open_reader(source)


def test_partial_tile_may_have_given_way_to_the_full_one() -> None:
    source, later = publish(300), publish(600)
    old_checkpoint = source.files[CHECKPOINT_PATH]
    source = MemorySource({path: data for path, data in later.files.items() if not path.endswith(".p/44")})
    source.files[CHECKPOINT_PATH] = old_checkpoint
    source.files["tile/1/000.p/1"] = publish(300).files["tile/1/000.p/1"]
    reader = open_reader(source)
    assert reader.read_entries(290, 300) == [make_entry(index) for index in range(290, 300)]


def test_reader_keeps_a_bounded_number_of_tiles() -> None:
    tree, reader = make_tree(256 * 70), open_reader(publish(256 * 70))
    for index in range(0, 256 * 70, 256):
        assert reader.leaf_hash(index) == tree.node(0, index)
    assert len(reader._cache) == 64


def test_ranges_beyond_the_checkpoint_are_our_own_mistake() -> None:
    reader = open_reader(publish(10))
    for start, end in ((0, 11), (-1, 3), (5, 4)):
        with pytest.raises(ValueError, match=r"expected within 0\.\.10"):
            reader.read_entries(start, end)
    with pytest.raises(ValueError, match="expected 1 hashes"):
        reader.node(0, 10)
    assert reader.read_entries(4, 4) == []
