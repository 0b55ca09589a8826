"""Audit of a whole published record: everything is derived again from the entries and compared.

What is checked, in order:

    1. The checkpoint: a log of the policy signed it.
    2. The cosignatures in it, and whether they make the policy's quorum.
    3. Every entry bundle; every leaf hash; every hash tile, at the width that the checkpoint's size gives.
    4. Older partial tiles that are still there (``present``), against the same hashes.
    5. Each entry, by ``check_entry``, when given: signatures and rules are another room's.
    6. The root that results, against the signed one.
    7. Checkpoints known from elsewhere (``known``): each must be a prefix; one that is not is a fork.

Invariants: nothing is skipped in silence: the report counts what was checked and names what was not; one
fault does not hide the next; memory use is a few tiles, whatever the size.

It reads through a `TileSource` only and does not ask any witness.

    >>> report = audit_record(source, policy, check_entry=audit.feed)
    >>> report.is_sound, report.entries
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from entente.kernel.errors import EntenteError, Fork, Malformed, NotFound, VerificationFailed
from entente.record.checkpoint import VerifiedCheckpoint
from entente.record.cosignature import Cosignature
from entente.record.fork import make_history_fork
from entente.record.policy import (
    Policy,
    QuorumDecision,
    decide_under_policy,
    find_cosignatures,
    verify_policy_log,
)
from entente.record.tile_reader import TileReader
from entente.record.tiles import (
    CHECKPOINT_PATH,
    ENTRIES,
    TILE_BYTES,
    TILE_HEIGHT,
    TILE_WIDTH,
    Tile,
    TileSource,
    encode_tile_path,
    parse_entry_bundle,
    parse_tile_path,
)
from entente.record.tree import HASH_BYTES, hash_pairs, root_at

MAX_KEPT_FAULTS: Final = 100
"""A record that is wrong everywhere is not described in full; the count goes on."""


@dataclass(frozen=True, slots=True)
class AuditFault:
    """Something that does not check, and where."""

    path: str
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class AuditReport:
    """What was checked and what was found.

    Attributes:
        checkpoint: None when there is none, or none that a log of the policy signed.
        cosignatures: Those of the policy's witnesses, verified.
        quorum: None when the cosignatures could not be judged.
        entries, entry_bytes: Entries whose hash was taken from their own bytes.
        bundles, tiles: Files of the checkpoint's size that were compared.
        older_tiles: Partial tiles and bundles of smaller sizes that were compared.
        entries_checked: Entries that ``check_entry`` was given.
        known_checked: Known checkpoints that were found to be prefixes.
        forks: Evidence, when a known checkpoint is none.
        unchecked: What was not checked, in words; empty when nothing was left out.
        faults: The first `MAX_KEPT_FAULTS`; ``fault_count`` counts all.
    """

    checkpoint: VerifiedCheckpoint | None
    cosignatures: tuple[Cosignature, ...]
    quorum: QuorumDecision | None
    entries: int
    entry_bytes: int
    bundles: int
    tiles: int
    older_tiles: int
    entries_checked: int
    known_checked: int
    forks: tuple[Fork, ...]
    unchecked: tuple[str, ...]
    faults: tuple[AuditFault, ...]
    fault_count: int

    @property
    def is_sound(self) -> bool:
        """Whether nothing at all was found wrong."""
        return self.fault_count == 0

    def require_sound(self) -> None:
        """Return if nothing was found wrong; raise `VerificationFailed` with the first fault otherwise."""
        if self.faults:
            first = self.faults[0]
            raise VerificationFailed(
                "audit-failed",
                f"record: {self.fault_count} faults, the first at {first.path}: {first.reason}",
            )


@dataclass(slots=True)
class _Audit:
    """The state of one run."""

    source: TileSource
    older: dict[tuple[int, int], list[Tile]] = field(default_factory=dict)
    faults: list[AuditFault] = field(default_factory=list)
    fault_count: int = 0
    entries: int = 0
    entry_bytes: int = 0
    bundles: int = 0
    tiles: int = 0
    older_tiles: int = 0
    entries_checked: int = 0
    # Level by level, the hashes of the tile that is being filled.
    edge: list[bytearray] = field(default_factory=list)
    filled: list[int] = field(default_factory=list)

    def fault(self, path: str, error: EntenteError) -> None:
        self.fault_count += 1
        if len(self.faults) < MAX_KEPT_FAULTS:
            self.faults.append(AuditFault(path, error.code, error.message))

    def read(self, tile: Tile) -> tuple[bytes, int]:
        """Return a file and its width: the full one where the partial one is gone (tlog-tiles)."""
        try:
            return self.source.read(encode_tile_path(tile)), tile.width
        except NotFound:
            if tile.is_full:
                raise
            return self.source.read(encode_tile_path(Tile(tile.level, tile.index))), TILE_WIDTH

    def compare(self, tile: Tile, derived: bytes) -> None:
        """Compare a published hash tile, and its older partial ones, with what the entries give."""
        path = encode_tile_path(tile)
        try:
            data, width = self.read(tile)
            self.tiles += 1
            _check_tile(data, derived, tile, width)
        except EntenteError as error:
            self.fault(path, error)
        for partial in self.older.pop((tile.level, tile.index), ()):
            if partial.width < tile.width:
                try:
                    data = self.source.read(encode_tile_path(partial))
                    self.older_tiles += 1
                    _check_tile(data, derived[: partial.width * HASH_BYTES], partial, partial.width)
                except EntenteError as error:
                    self.fault(encode_tile_path(partial), error)

    def add(self, level: int, hashes: bytes) -> None:
        """Put hashes on a level; a tile that fills up is compared and hashed into the level above."""
        if level == len(self.edge):
            self.edge.append(bytearray())
            self.filled.append(0)
        row = self.edge[level]
        row += hashes
        if len(row) == TILE_BYTES:
            flat = bytes(row)
            self.compare(Tile(level, self.filled[level]), flat)
            self.filled[level] += 1
            row.clear()
            for _ in range(TILE_HEIGHT):
                flat = hash_pairs(flat)
            self.add(level + 1, flat)

    def finish(self, size: int) -> bytes:
        """Compare the partial tiles of the right edge and return the root."""
        for level, row in enumerate(self.edge):
            if row:
                self.compare(Tile(level, self.filled[level], len(row) // HASH_BYTES), bytes(row))

        def peak(level: int, index: int) -> bytes:
            within = level % TILE_HEIGHT
            place = ((index << within) % TILE_WIDTH) * HASH_BYTES
            flat = bytes(self.edge[level // TILE_HEIGHT][place : place + (HASH_BYTES << within)])
            for _ in range(within):
                flat = hash_pairs(flat)
            return flat

        return root_at(peak, size)

    def read_bundle(self, tile: Tile, check_entry: Callable[[int, bytes], None] | None) -> None:
        """Take a bundle's entries in: their leaf hashes, and each of them through ``check_entry``."""
        data, width = self.read(tile)
        entries = parse_entry_bundle(data, width)[: tile.width]
        self.bundles += 1
        self.entries += len(entries)
        self.entry_bytes += sum(map(len, entries))
        self.add(0, b"".join([sha256(b"\x00" + entry).digest() for entry in entries]))
        self._read_older_bundles(tile, entries)
        if check_entry is not None:
            for index, entry in enumerate(entries, tile.start):
                self.entries_checked += 1
                try:
                    check_entry(index, entry)
                except EntenteError as error:
                    self.fault(f"entry {index}", error)

    def _read_older_bundles(self, tile: Tile, entries: list[bytes]) -> None:
        for partial in self.older.pop((ENTRIES, tile.index), ()):
            if partial.width < tile.width:
                path = encode_tile_path(partial)
                try:
                    found = parse_entry_bundle(self.source.read(path), partial.width)
                    self.older_tiles += 1
                    if found != entries[: partial.width]:
                        raise VerificationFailed("bad-entry", "bundle: expected the entries of the wider one")
                except EntenteError as error:
                    self.fault(path, error)


def _check_tile(data: bytes, derived: bytes, tile: Tile, width: int) -> None:
    """Compare a file of ``width`` hashes with the ``tile.width`` hashes that the entries give."""
    if len(data) != width * HASH_BYTES:
        raise Malformed("bad-tile", f"tile: expected {width * HASH_BYTES} bytes, got {len(data)}")
    if data[: len(derived)] == derived:
        return
    place = next(at for at in range(len(derived)) if data[at] != derived[at]) // HASH_BYTES
    first = (tile.index * TILE_WIDTH + place) << (TILE_HEIGHT * tile.level)
    raise VerificationFailed(
        "bad-tile", f"tile: expected at hash {place} (entry {first} on) what the entries give, got another"
    )


def audit_record(
    source: TileSource,
    policy: Policy,
    *,
    present: Iterable[str] = (),
    known: Sequence[VerifiedCheckpoint] = (),
    check_entry: Callable[[int, bytes], None] | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> AuditReport:
    """Return what an audit of the record found; see the module for the steps.

    Args:
        source: The published files.
        policy: Whose log and witnesses are believed.
        present: Paths of the files that are there, to compare older partial tiles too.
        known: Verified checkpoints of the same log from elsewhere.
        check_entry: Called with each index and entry, in order; an `EntenteError` that it raises is a fault.
        progress: Called with the number of entries read so far and the size.
    """
    audit = _Audit(source)
    unchecked: list[str] = []
    checkpoint, cosignatures, quorum = _check_checkpoint(audit, policy)
    forks: list[Fork] = []
    known_checked = 0
    if checkpoint is None:
        unchecked.append("entries and tiles: there is no verified checkpoint to hold them against")
    else:
        strangers = _sort_present(audit, present, checkpoint.size)
        if strangers:
            unchecked.append(
                f"{strangers} files that the checkpoint of size {checkpoint.size} does not cover"
            )
        if not _read_all(audit, checkpoint.size, check_entry, progress):
            unchecked.append(f"entries from {audit.entries} on, and the root: a bundle cannot be read")
        else:
            root = audit.finish(checkpoint.size)
            if root != checkpoint.root:
                audit.fault(CHECKPOINT_PATH, _bad_root(checkpoint, root))
        known_checked = _check_known(audit, checkpoint, known, forks, unchecked)
    if check_entry is None:
        unchecked.append("what the entries say: signatures and rules")
    if not known:
        unchecked.append("agreement with checkpoints that others hold: none was given")
    return AuditReport(
        checkpoint=checkpoint,
        cosignatures=cosignatures,
        quorum=quorum,
        entries=audit.entries,
        entry_bytes=audit.entry_bytes,
        bundles=audit.bundles,
        tiles=audit.tiles,
        older_tiles=audit.older_tiles,
        entries_checked=audit.entries_checked,
        known_checked=known_checked,
        forks=tuple(forks),
        unchecked=tuple(unchecked),
        faults=tuple(audit.faults),
        fault_count=audit.fault_count,
    )


def _check_checkpoint(
    audit: _Audit, policy: Policy
) -> tuple[VerifiedCheckpoint | None, tuple[Cosignature, ...], QuorumDecision | None]:
    checkpoint = None
    try:
        checkpoint = verify_policy_log(audit.source.read(CHECKPOINT_PATH), policy)
        cosignatures = find_cosignatures(checkpoint, policy)
    except EntenteError as error:
        audit.fault(CHECKPOINT_PATH, error)
        return checkpoint, (), None
    quorum = decide_under_policy(policy, cosignatures)
    if not quorum.is_met:
        audit.fault(CHECKPOINT_PATH, VerificationFailed("quorum-not-met", "; ".join(quorum.reasons)))
    return checkpoint, cosignatures, quorum


def _bad_root(checkpoint: VerifiedCheckpoint, root: bytes) -> VerificationFailed:
    return VerificationFailed(
        "bad-root",
        f"checkpoint of size {checkpoint.size}: expected root {checkpoint.root.hex()}, got {root.hex()} "
        "from the entries",
    )


def _sort_present(audit: _Audit, present: Iterable[str], size: int) -> int:
    """Put older partial tiles where they will be compared; return how many files nothing covers."""
    strangers = 0
    for path in present:
        if path == CHECKPOINT_PATH:
            continue
        try:
            tile = parse_tile_path(path)
        except Malformed:
            strangers += 1
            continue
        width = min(TILE_WIDTH, (size >> (TILE_HEIGHT * max(0, tile.level))) - tile.index * TILE_WIDTH)
        if tile.width > width:
            strangers += 1
        elif tile.width < width:
            audit.older.setdefault((tile.level, tile.index), []).append(tile)
    return strangers


def _read_all(
    audit: _Audit,
    size: int,
    check_entry: Callable[[int, bytes], None] | None,
    progress: Callable[[int, int], None] | None,
) -> bool:
    for index in range(-(-size // TILE_WIDTH)):
        tile = Tile(ENTRIES, index, min(TILE_WIDTH, size - index * TILE_WIDTH))
        try:
            audit.read_bundle(tile, check_entry)
        except EntenteError as error:
            audit.fault(encode_tile_path(tile), error)
            return False
        if progress is not None:
            progress(audit.entries, size)
    return True


def _check_known(
    audit: _Audit,
    checkpoint: VerifiedCheckpoint,
    known: Sequence[VerifiedCheckpoint],
    forks: list[Fork],
    unchecked: list[str],
) -> int:
    if audit.fault_count and known:
        unchecked.append(f"{len(known)} known checkpoints: the tiles are not sound")
        return 0
    checked = 0
    reader = TileReader(audit.source, checkpoint) if known else None
    for other in known:
        if other.origin != checkpoint.origin or other.size > checkpoint.size:
            unchecked.append(f"a known checkpoint of {other.origin!r} of size {other.size}: not covered")
        elif reader is not None and reader.root(other.size) == other.root:
            checked += 1
        elif reader is not None:
            fork = make_history_fork(reader, checkpoint, other)
            forks.append(fork)
            audit.fault(CHECKPOINT_PATH, fork)
    return checked
