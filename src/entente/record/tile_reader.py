"""Reading published tiles without believing them: every hash is checked against a signed root first.

Invariants:
  * Construction reads the partial tiles of the right edge and compares the root that they give with the
    checkpoint: from then on those tiles are authentic.
  * A full tile is used only when its root is the hash that the authentic tile above it holds.
  * Entries are returned only when they hash to authentic leaves.

It does not check the checkpoint's signature: only a `VerifiedCheckpoint` is taken. It caches a bounded
number of tiles and is not for concurrent use. Reading a whole record is what `verifier` is for.

    >>> reader = TileReader(source, checkpoint)
    >>> reader.read_entries(0, 2)
    >>> reader.consistency_proof(3, checkpoint.size)
"""

from __future__ import annotations

from typing import Final

from entente.kernel.errors import NotFound, VerificationFailed
from entente.record.checkpoint import VerifiedCheckpoint
from entente.record.tiles import (
    ENTRIES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    TileSource,
    encode_tile_path,
    parse_entry_bundle,
    parse_hash_tile,
)
from entente.record.tree import (
    HASH_BYTES,
    hash_pairs,
    leaf_hash,
    prove_consistency,
    prove_inclusion,
    root_at,
)

_CACHED_TILES: Final = 64
"""Half a megabyte: more than any proof touches, so that neighbouring proofs share their tiles."""


class TileReader:
    """Proofs, leaf hashes and entries of the tree that a checkpoint describes, out of a `TileSource`.

    Raises (all methods):
        NotFound: A tile that the size needs is not there, neither partial nor full.
        Malformed: A tile or bundle of the wrong length.
        VerificationFailed: ``bad-tile``, ``bad-entry``: contents that the signed root does not cover.
    """

    __slots__ = ("_cache", "_edge", "_source", "checkpoint")

    def __init__(self, source: TileSource, checkpoint: VerifiedCheckpoint) -> None:
        self._source = source
        self.checkpoint = checkpoint
        self._cache: dict[tuple[int, int], bytes] = {}
        self._edge: dict[tuple[int, int], bytes] = {}
        level, size = 0, checkpoint.size
        while size:
            if size % TILE_WIDTH:
                index, width = divmod(size, TILE_WIDTH)
                self._edge[level, index] = self._fetch(level, index, width)
            level, size = level + 1, size // TILE_WIDTH
        found = root_at(self._edge_node, checkpoint.size)
        if found != checkpoint.root:
            raise VerificationFailed(
                "bad-tile",
                f"tiles of size {checkpoint.size}: expected root {checkpoint.root.hex()}, got {found.hex()}",
            )

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of the complete subtree ``index`` of 2^level leaves."""
        within = level % TILE_HEIGHT
        first = index << within
        tile = self._tile(level // TILE_HEIGHT, first // TILE_WIDTH)
        return _fold(tile, first % TILE_WIDTH, within)

    def leaf_hash(self, index: int) -> bytes:
        """Return the hash of leaf ``index``."""
        self._check_range(index, index + 1)
        return self.node(0, index)

    def read_leaf_hashes(self, start: int, end: int) -> list[bytes]:
        """Return the leaf hashes [start, end)."""
        self._check_range(start, end)
        found = []
        for index in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            tile, first = self._tile(0, index), index * TILE_WIDTH
            places = range(max(start, first) - first, min(end - first, TILE_WIDTH))
            found += [tile[place * HASH_BYTES : (place + 1) * HASH_BYTES] for place in places]
        return found

    def read_entries(self, start: int, end: int) -> list[bytes]:
        """Return the entries [start, end), each checked against its authentic leaf hash."""
        self._check_range(start, end)
        found = []
        for index in range(start // TILE_WIDTH, -(-end // TILE_WIDTH)):
            first = index * TILE_WIDTH
            width = min(TILE_WIDTH, self.checkpoint.size - first)
            data, width = self._read(Tile(ENTRIES, index, width))
            bundle, leaves = parse_entry_bundle(data, width), self._tile(0, index)
            for place in range(max(start, first) - first, min(end - first, TILE_WIDTH)):
                if leaf_hash(bundle[place]) != leaves[place * HASH_BYTES : (place + 1) * HASH_BYTES]:
                    raise VerificationFailed(
                        "bad-entry", f"entry {first + place}: expected the authentic leaf's hash, got another"
                    )
                found.append(bundle[place])
        return found

    def root(self, size: int) -> bytes:
        """Return the root over the first ``size`` leaves."""
        self._check_range(0, size)
        return root_at(self.node, size)

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Return PATH(index, D[size]) (RFC 6962 section 2.1.1)."""
        size = self.checkpoint.size if size is None else size
        self._check_range(0, size)
        return prove_inclusion(self.node, index, size)

    def consistency_proof(self, old: int, new: int | None = None) -> list[bytes]:
        """Return PROOF(old, D[new]) (RFC 6962 section 2.1.2)."""
        new = self.checkpoint.size if new is None else new
        self._check_range(0, new)
        return prove_consistency(self.node, old, new)

    def _check_range(self, start: int, end: int) -> None:
        if not 0 <= start <= end <= self.checkpoint.size:
            raise ValueError(f"range: expected within 0..{self.checkpoint.size}, got {start}..{end}")

    def _read(self, tile: Tile) -> tuple[bytes, int]:
        """Return a file and its width: a partial one may have given way to the full one (tlog-tiles)."""
        try:
            return self._source.read(encode_tile_path(tile)), tile.width
        except NotFound:
            if tile.is_full:
                raise
            return self._source.read(encode_tile_path(Tile(tile.level, tile.index))), TILE_WIDTH

    def _fetch(self, level: int, index: int, width: int) -> bytes:
        data, found_width = self._read(Tile(level, index, width))
        return parse_hash_tile(data, Tile(level, index, found_width))[: width * HASH_BYTES]

    def _edge_node(self, level: int, index: int) -> bytes:
        """Return a peak of the tree out of the (not yet authentic) right edge."""
        within = level % TILE_HEIGHT
        first = index << within
        return _fold(self._edge[level // TILE_HEIGHT, first // TILE_WIDTH], first % TILE_WIDTH, within)

    def _tile(self, level: int, index: int) -> bytes:
        """Return an authentic tile: of the right edge, cached, or fetched and checked against its parent."""
        known = self._edge.get((level, index)) or self._cache.get((level, index))
        if known is not None:
            return known
        data = self._fetch(level, index, TILE_WIDTH)
        above = self._tile(level + 1, index // TILE_WIDTH)
        place = index % TILE_WIDTH * HASH_BYTES
        if _fold(data, 0, TILE_HEIGHT) != above[place : place + HASH_BYTES]:
            raise VerificationFailed(
                "bad-tile",
                f"{encode_tile_path(Tile(level, index))}: expected the root in its parent, got another",
            )
        if len(self._cache) >= _CACHED_TILES:
            self._cache.pop(next(iter(self._cache)))
        self._cache[level, index] = data
        return data


def _fold(tile: bytes, place: int, height: int) -> bytes:
    """Return the root of 2^height hashes of ``tile`` from ``place`` on."""
    flat = tile[place * HASH_BYTES : (place + (1 << height)) * HASH_BYTES]
    if len(flat) != HASH_BYTES << height:
        raise ValueError(f"tile: expected {1 << height} hashes from place {place} on, got {len(flat)} bytes")
    for _ in range(height):
        flat = hash_pairs(flat)
    return flat
