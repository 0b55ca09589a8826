"""Tiles: the record as plain files that any web server can give out (C2SP tlog-tiles v0.1.0).

    checkpoint                       the latest signed checkpoint
    tile/<L>/<N>[.p/<W>]             256 (or W) hashes of complete subtrees of 256^L leaves
    tile/entries/<N>[.p/<W>]         256 (or W) entries, each behind its 16-bit length

Invariants: a path has one spelling; a full tile never changes; a partial tile is never hashed upwards; an
empty tile does not exist; an entry bundle holds exactly as many entries as its width says.

It reads and writes no file: a `TileSource` does, and what it returns is believed only after `TileReader` or
the `verifier` checked it against a signed root. Nothing is ever pruned (minimum index 0).

    >>> [encode_tile_path(tile) for tile in list_tiles(257)]
    ['tile/0/000', 'tile/0/001.p/1', 'tile/1/000.p/1', 'tile/entries/000', 'tile/entries/001.p/1']
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Protocol

from entente.kernel.errors import Malformed
from entente.record.tree import HASH_BYTES, MAX_SIZE, Tree

TILE_WIDTH: Final = 256
TILE_BYTES: Final = TILE_WIDTH * HASH_BYTES
TILE_HEIGHT: Final = 8
MAX_LEVEL: Final = 63
MAX_ENTRY_BYTES: Final = 65_535
"""What the 16-bit length of an entry bundle can say (tlog-tiles, Log entries)."""
MAX_BUNDLE_BYTES: Final = TILE_WIDTH * (2 + MAX_ENTRY_BYTES)
ENTRIES: Final = -1
"""`Tile.level` of an entry bundle."""
CHECKPOINT_PATH: Final = "checkpoint"

_PATH: Final = re.compile(
    r"tile/(?P<level>entries|0|[1-9][0-9]?)/(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
    r"(?:\.p/(?P<width>[1-9][0-9]{0,2}))?\Z",
    re.ASCII,
)


class TileSource(Protocol):
    """Where published files come from: a folder, a web server, memory. Not trusted."""

    def read(self, path: str) -> bytes:
        """Return the whole file at ``path`` (``checkpoint`` or ``tile/...``).

        Raises:
            NotFound: There is none.
        """


@dataclass(frozen=True, slots=True, order=True)
class Tile:
    """Coordinates of a tile: its level (`ENTRIES` for an entry bundle), index and width."""

    level: int
    index: int
    width: int = TILE_WIDTH

    def __post_init__(self) -> None:
        if not (ENTRIES <= self.level <= MAX_LEVEL and self.index >= 0 and 1 <= self.width <= TILE_WIDTH):
            raise ValueError(f"tile: expected level -1..63, index >= 0, width 1..256, got {self!r}")
        if self.index >> max(0, 63 - TILE_HEIGHT * (max(0, self.level) + 1)):
            raise ValueError(f"tile: expected leaves below 2^63, got {self!r}")

    @property
    def is_full(self) -> bool:
        """Whether all 256 places are taken."""
        return self.width == TILE_WIDTH

    @property
    def start(self) -> int:
        """Index of the first leaf or entry below it."""
        return self.index << (TILE_HEIGHT * (max(0, self.level) + 1))


def encode_tile_path(tile: Tile) -> str:
    """Return the path of ``tile`` below a log's prefix."""
    digits, rest = [f"{tile.index % 1000:03d}"], tile.index // 1000
    while rest:
        digits.append(f"x{rest % 1000:03d}")
        rest //= 1000
    level = "entries" if tile.level == ENTRIES else str(tile.level)
    partial = "" if tile.is_full else f".p/{tile.width}"
    return f"tile/{level}/{'/'.join(reversed(digits))}{partial}"


def parse_tile_path(text: str) -> Tile:
    """Return the tile that ``text`` names in its one spelling, or raise `Malformed`."""
    found = _PATH.match(text) if len(text) <= 200 else None
    if found:
        level = ENTRIES if found["level"] == "entries" else int(found["level"])
        index = int(found["index"].replace("x", "").replace("/", ""))
        width = int(found["width"]) if found["width"] else TILE_WIDTH
        try:
            tile = Tile(level, index, width)
        except ValueError as error:
            raise Malformed("bad-tile-path", f"tile path: {error}") from error
        # A leading 'x000/' or a width of 256 would be a second spelling.
        if encode_tile_path(tile) == text:
            return tile
    raise Malformed("bad-tile-path", f"tile path: expected such as 'tile/0/x001/234.p/8', got {text[:80]!r}")


def list_tiles(size: int) -> Iterator[Tile]:
    """Yield every tile of a tree of ``size``: hash tiles level by level, then entry bundles."""
    return tiles_between(0, size)


def tiles_between(old: int, new: int) -> Iterator[Tile]:
    """Yield the tiles that the tree of ``new`` leaves has and that of ``old`` has not.

    These are what a log writes when it grows, and what a mirror fetches: each tile at the width that it
    has at ``new``; partial tiles of sizes in between are not among them.
    """
    if not 0 <= old <= new <= MAX_SIZE:
        raise ValueError(f"tiles: expected 0 <= old <= new < 2^63, got {old} and {new}")
    level, was, now = 0, old, new
    while now:
        yield from _row(level, was, now)
        level, was, now = level + 1, was // TILE_WIDTH, now // TILE_WIDTH
    yield from _row(ENTRIES, old, new)


def _row(level: int, was: int, now: int) -> Iterator[Tile]:
    if was == now:
        return
    for index in range(was // TILE_WIDTH, now // TILE_WIDTH):
        yield Tile(level, index)
    if now % TILE_WIDTH:
        yield Tile(level, now // TILE_WIDTH, now % TILE_WIDTH)


def encode_hash_tile(tree: Tree, tile: Tile) -> bytes:
    """Return the bytes of a hash tile. The tree must already hold every subtree in it."""
    if tile.level < 0:
        raise ValueError(f"hash tile: expected a level >= 0, got {tile!r}")
    first = tile.index * TILE_WIDTH
    return tree.nodes(TILE_HEIGHT * tile.level, first, first + tile.width)


def parse_hash_tile(data: bytes, tile: Tile) -> bytes:
    """Return ``data`` if it has the length of ``tile``; nothing is verified."""
    if len(data) != tile.width * HASH_BYTES:
        raise Malformed(
            "bad-tile", f"{encode_tile_path(tile)}: expected {tile.width * HASH_BYTES} bytes, got {len(data)}"
        )
    return data


def encode_entry_bundle(entries: Iterable[bytes]) -> bytes:
    """Return the entries, each behind its big-endian 16-bit length."""
    pieces: list[bytes] = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise ValueError(f"entry: expected <= {MAX_ENTRY_BYTES} bytes, got {len(entry)}")
        pieces += (len(entry).to_bytes(2, "big"), entry)
    return b"".join(pieces)


def parse_entry_bundle(data: bytes, width: int) -> list[bytes]:
    """Return exactly ``width`` entries, or raise `Malformed` with the byte offset."""
    entries, place, total = [], 0, len(data)
    try:
        for _ in range(width):
            start = place + 2
            place = start + (data[place] << 8 | data[place + 1])
            entries.append(data[start:place])
    except IndexError:
        place += 2
    # An entry that runs past the end leaves ``place`` there, so that one comparison finds it.
    if place != total:
        raise Malformed(
            "bad-bundle",
            f"bundle of {width}: expected {'>= ' * (place > total)}{place} bytes, got {total}",
            path=f"byte {min(place, total)}",
        )
    return entries
