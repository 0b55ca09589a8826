"""What the demo does to copies of a record, each the way somebody would try it.

Invariant: only copies are touched; each function takes the true mirror and the name of the copy to make.

    >>> TAMPERINGS["one byte of one message changed"](mirror, copy)
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

from entente.record.checkpoint import parse_checkpoint_note
from entente.record.tiles import (
    CHECKPOINT_PATH,
    ENTRIES,
    TILE_WIDTH,
    Tile,
    encode_entry_bundle,
    encode_hash_tile,
    encode_tile_path,
    list_tiles,
    parse_entry_bundle,
)
from entente.record.tree import Tree, leaf_hash


def change_byte(mirror: Path, copy: Path) -> None:
    """Change one byte in the middle of the last entry bundle."""
    shutil.copytree(mirror, copy)
    bundle = _last_bundle(copy)
    data = bytearray(bundle.read_bytes())
    data[len(data) // 2] ^= 0x01
    bundle.write_bytes(bytes(data))


def drop_entry(mirror: Path, copy: Path) -> None:
    """Leave one entry out, fill the number up with the last one, and make every tile anew."""
    entries = _read(mirror)
    at = len(entries) // 2
    _rewrite(mirror, copy, [*entries[:at], *entries[at + 1 :], entries[-1]])


def swap_entries(mirror: Path, copy: Path) -> None:
    """Exchange two entries, which changes what came first, and make every tile anew."""
    entries = _read(mirror)
    at = len(entries) // 2
    _rewrite(mirror, copy, [*entries[:at], entries[at + 1], entries[at], *entries[at + 2 :]])


def strip_witness(mirror: Path, copy: Path) -> None:
    """Take one party's cosignature out of the checkpoint."""
    shutil.copytree(mirror, copy)
    file = copy / CHECKPOINT_PATH
    lines = [line for line in file.read_text(encoding="utf-8").split("\n") if " ru/witness " not in line]
    file.write_text("\n".join(lines), encoding="utf-8")


TAMPERINGS: Final[dict[str, Callable[[Path, Path], None]]] = {
    "one byte of one message changed": change_byte,
    "one message dropped, all hashes made anew": drop_entry,
    "two messages exchanged, all hashes made anew": swap_entries,
    "one party's cosignature taken out": strip_witness,
}


def _size(mirror: Path) -> int:
    return parse_checkpoint_note((mirror / CHECKPOINT_PATH).read_bytes()).size


def _last_bundle(mirror: Path) -> Path:
    index, width = divmod(_size(mirror), TILE_WIDTH)
    tile = Tile(ENTRIES, index, width) if width else Tile(ENTRIES, index - 1)
    return mirror / encode_tile_path(tile)


def _read(mirror: Path) -> list[bytes]:
    entries: list[bytes] = []
    for tile in list_tiles(_size(mirror)):
        if tile.level == ENTRIES:
            entries += parse_entry_bundle((mirror / encode_tile_path(tile)).read_bytes(), tile.width)
    return entries


def _rewrite(mirror: Path, copy: Path, entries: list[bytes]) -> None:
    """Write tiles for these entries. The checkpoint stays: nobody but the log can sign another."""
    tree = Tree.from_leaf_hashes([leaf_hash(entry) for entry in entries])
    for tile in list_tiles(len(entries)):
        path = copy / encode_tile_path(tile)
        path.parent.mkdir(parents=True, exist_ok=True)
        start = tile.index * TILE_WIDTH
        if tile.level == ENTRIES:
            path.write_bytes(encode_entry_bundle(entries[start : start + tile.width]))
        else:
            path.write_bytes(encode_hash_tile(tree, tile))
    shutil.copyfile(mirror / CHECKPOINT_PATH, copy / CHECKPOINT_PATH)
