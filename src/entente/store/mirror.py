"""A mirror: the record as a folder of plain files, as C2SP tlog-tiles lays it out.

    checkpoint                     the newest signed checkpoint of which everything below is there
    tile/<L>/<N>[.p/<W>]           hashes
    tile/entries/<N>[.p/<W>]       entries

Invariants:
  * The checkpoint is written last: whatever it covers is durable before it is.
  * No path leaves the folder: a path is parsed in its one spelling before a file is touched; a file that
    is a link is refused.
  * A full tile is written once; its partial forms are removed after the checkpoint is written, not before.

It checks nothing that it is given: `desk.sync` verified it before, `record.verifier` does it again whenever
asked.

    >>> mirror = Mirror(folder)
    >>> mirror.extend(tree, mirror.size, read_entries, checkpoint)
    >>> FolderTileSource(folder).read("tile/0/000.p/3")
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from entente.kernel.errors import NotFound, StoreError
from entente.record.checkpoint import VerifiedCheckpoint, parse_checkpoint_note
from entente.record.tiles import (
    CHECKPOINT_PATH,
    ENTRIES,
    MAX_BUNDLE_BYTES,
    TILE_WIDTH,
    Tile,
    encode_entry_bundle,
    encode_hash_tile,
    encode_tile_path,
    parse_tile_path,
    tiles_between,
)
from entente.record.tree import Tree
from entente.store.durable import flush_file, fsync_dir, make_dir, write_all, write_atomic

_MAX_FILE_BYTES: Final = MAX_BUNDLE_BYTES


class FolderTileSource:
    """A `TileSource` over a mirror's folder. SECURITY: only the layout's own paths are opened."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, path: str) -> bytes:
        """Return the whole file; `NotFound` when there is none, `Malformed` for a path of another form."""
        if path != CHECKPOINT_PATH:
            parse_tile_path(path)
        try:
            descriptor = os.open(self._folder / path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError) as error:
            raise NotFound(
                "no-file", f"mirror {self._folder.name!r}: expected {path!r}, found none"
            ) from error
        except OSError as error:
            raise StoreError("io-error", f"mirror file {path!r}: {(error.strerror or '').lower()}") from error
        with os.fdopen(descriptor, "rb") as file:
            data = file.read(_MAX_FILE_BYTES + 1)
        if len(data) > _MAX_FILE_BYTES:
            raise StoreError("too-large", f"mirror file {path!r}: expected <= {_MAX_FILE_BYTES} bytes")
        return data


class Mirror:
    """The writing side of a mirror folder. One writer."""

    def __init__(self, folder: Path) -> None:
        make_dir(folder)
        self._folder = folder
        self._source = FolderTileSource(folder)

    @property
    def source(self) -> FolderTileSource:
        """The reading side."""
        return self._source

    def find_checkpoint(self) -> bytes | None:
        """Return the newest checkpoint's note, or None for an empty mirror. It is not verified."""
        try:
            return self._source.read(CHECKPOINT_PATH)
        except NotFound:
            return None

    @property
    def size(self) -> int:
        """Size that the stored checkpoint claims; 0 for an empty mirror."""
        note = self.find_checkpoint()
        return 0 if note is None else parse_checkpoint_note(note).size

    def extend(
        self,
        tree: Tree,
        old: int,
        read_entries: Callable[[int, int], list[bytes]],
        checkpoint: VerifiedCheckpoint,
    ) -> None:
        """Write what the record has at the checkpoint and had not at ``old``; durable when it returns.

        Args:
            tree: Holds at least ``checkpoint.size`` leaves; its root there is the checkpoint's.
            old: Size that the mirror has in full.
            read_entries: Gives the entries [start, end).
            checkpoint: Becomes the mirror's checkpoint, cosignatures included.

        Raises:
            StoreError: Nothing of the new checkpoint is shown; the mirror is as it was, with files more.
        """
        new = checkpoint.size
        if tree.root(new) != checkpoint.root:
            raise ValueError(f"mirror: expected a tree with root {checkpoint.root.hex()} at size {new}")
        touched: set[Path] = set()
        for tile in tiles_between(old, new):
            if tile.level == ENTRIES:
                first = tile.index * TILE_WIDTH
                data = encode_entry_bundle(read_entries(first, first + tile.width))
            else:
                data = encode_hash_tile(tree, tile)
            touched |= self._write(encode_tile_path(tile), data)
        for folder in sorted(touched):
            fsync_dir(folder)
        # The files are durable before the checkpoint that promises them. If we stop here, the mirror
        # shows the old checkpoint, and the files above are written again.
        self.write_checkpoint(checkpoint.note)
        self._drop_partial(old, new)

    def write_checkpoint(self, note: bytes) -> None:
        """Replace the checkpoint: a newer one, or the same with more cosignatures."""
        write_atomic(self._folder / CHECKPOINT_PATH, note)

    def _write(self, path: str, data: bytes) -> set[Path]:
        """Write and flush a file; return the folders whose names are not durable yet."""
        target = self._folder / path
        touched = {target.parent}
        try:
            if not target.parent.is_dir():
                make_dir(target.parent)
            # A file of this name can only be a partial write of ours: nothing shows it yet.
            descriptor = os.open(
                target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644
            )
        except OSError as error:
            raise StoreError("io-error", f"mirror file {path!r}: {(error.strerror or '').lower()}") from error
        try:
            write_all(descriptor, data, 0, what=path)
            flush_file(descriptor, what=path)
        finally:
            os.close(descriptor)
        return touched

    def _drop_partial(self, old: int, new: int) -> None:
        """Remove every partial form of tiles that have become full (tlog-tiles, section Partial tiles)."""
        level, was, now = 0, old, new
        while was:
            for index in range(was // TILE_WIDTH, now // TILE_WIDTH):
                self._unlink_partial(Tile(level, index))
                if level == 0:
                    self._unlink_partial(Tile(ENTRIES, index))
            level, was, now = level + 1, was // TILE_WIDTH, now // TILE_WIDTH

    def _unlink_partial(self, tile: Tile) -> None:
        # Only tidiness hangs on this: a reader that misses a partial tile asks for the full one.
        folder = self._folder / (encode_tile_path(tile) + ".p")
        with contextlib.suppress(OSError):
            for path in folder.iterdir():
                path.unlink()
            folder.rmdir()
