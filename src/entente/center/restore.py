"""Restoring a center's journal from a party's mirror: its own was lost, damaged, or is an old copy.

  1. The mirror's checkpoint is signed by our log key                       or nothing is touched
  2. Every entry hashes to an authentic leaf of that checkpoint             or nothing is touched
  3. What is left of our journal is a beginning of it, or cannot be read    or nothing is touched
  4. The new journal is written beside the old one, flushed, and takes its name; the old one is kept
     (in PostgreSQL: one transaction sets the old one aside in a table of its own and writes the new one)

Invariants: the result is exactly the history that the mirror shows, signed by nobody but our log key;
checkpoints that are signed again on the way are of true beginnings of it, so that nothing here can fork.

It does not open the center for signing: the next start asks the witnesses, as every start does. Ciphertexts
that the database no longer has are sent again by their authors' desks.

    >>> restore_journal_from(Path("center"), FolderTileSource(Path("mirror")), SystemClock())
    Restored(size=1204, replaced='journal.replaced-1')
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from entente.center.folder import CenterFolder
from entente.center.host_time import encode_signed, host_cosigner, host_time_key, read_host_time
from entente.kernel.errors import Denied, StoreError
from entente.kernel.ports import Clock
from entente.kernel.time import to_unix_s
from entente.record import (
    CHECKPOINT_PATH,
    CosignatureSigner,
    NoteSigner,
    RestoredJournal,
    TileReader,
    TileSource,
    Tree,
    VerifiedCheckpoint,
    leaf_hash,
    verify_checkpoint,
)
from entente.store.durable import find_free, fsync_dir
from entente.store.journal import Journal
from entente.store.journal_file import create_journal, lock_journal, open_journal
from entente.store.journal_postgres import JournalTable
from entente.store.leadership import Leadership
from entente.store.sql_postgres import open_postgres

_FRAME_ENTRIES: Final = 2_048


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored, and what the old journal is called now (empty when there was none)."""

    size: int
    replaced: str


def restore_journal_from(root: Path, source: TileSource, clock: Clock) -> Restored:
    """Put the record that ``source`` shows in the place of a center's journal. The center must not run.

    Raises:
        VerificationFailed, Malformed, NotFound: The mirror is not whole, or not of this center.
        Denied: Our own journal has more than the mirror, or another history: use another mirror.
        StoreError: The disk failed, or a center is running here.
    """
    folder = CenterFolder(root)
    settings, keys = folder.read_settings(), folder.read_keys()
    log = NoteSigner(keys.log)
    checkpoint = verify_checkpoint(source.read(CHECKPOINT_PATH), log.key)
    reader = TileReader(source, checkpoint)
    host = host_cosigner(keys)
    time_s = read_host_time(checkpoint.note, host_time_key(keys.origin, keys.center.public))
    frames = _make_frames(reader, log, host, time_s or to_unix_s(clock.now_utc()))
    if settings.database:
        replaced = _restore_table(settings.database, keys.origin, log, reader, frames)
    else:
        replaced = _restore_file(folder, keys.origin, log, reader, frames)
    return Restored(checkpoint.size, replaced)


def _make_frames(
    reader: TileReader, log: NoteSigner, host: CosignatureSigner, time_s: int
) -> Iterator[tuple[list[bytes], bytes]]:
    """Yield the batches of a new journal: entries, and the checkpoint behind them."""
    checkpoint, tree = reader.checkpoint, Tree()
    for start in range(0, checkpoint.size, _FRAME_ENTRIES):
        end = min(start + _FRAME_ENTRIES, checkpoint.size)
        entries = reader.read_entries(start, end)
        tree.extend([leaf_hash(entry) for entry in entries])
        # The host's time on these is when the mirror's checkpoint was made: not earlier than any of them.
        yield entries, encode_signed(tree, log, host, time_s) if end < checkpoint.size else checkpoint.note


def _restore_file(
    folder: CenterFolder,
    origin: str,
    log: NoteSigner,
    reader: TileReader,
    frames: Iterator[tuple[list[bytes], bytes]],
) -> str:
    if folder.journal.exists():
        present = lock_journal(folder.journal)
        try:
            _check_present(present, log, reader)
        finally:
            present.close()
    fresh = folder.root / "journal.new"
    fresh.unlink(missing_ok=True)
    create_journal(fresh, origin)
    journal, _ = open_journal(fresh, log.key)
    try:
        for entries, note in frames:
            journal.append(entries, note)
    finally:
        journal.close()
    replaced = ""
    if folder.journal.exists():
        replaced = find_free(folder.journal).name
        folder.journal.rename(folder.root / replaced)
    # If we stop here, there is no journal: the center refuses to start, and this can be done again.
    fresh.rename(folder.journal)
    # Where the database is lost for good, the settings say so by now, and the next start asks the witnesses.
    folder.in_database.unlink(missing_ok=True)
    fsync_dir(folder.root)
    return replaced


def _restore_table(
    url: str,
    origin: str,
    log: NoteSigner,
    reader: TileReader,
    frames: Iterator[tuple[list[bytes], bytes]],
) -> str:
    with closing(open_postgres(url)) as database:
        leadership = Leadership(database, origin, f"restore, process {os.getpid()}")
        if not leadership.try_take():
            raise Denied(
                "center-running", "database: expected nobody to lead its record, another process does"
            )
        try:
            journal = JournalTable(database)
            journal.create(origin)
            _check_present(journal, log, reader)
            with database.write() as connection:
                replaced = journal.set_aside(connection)
                fresh = JournalTable(database, connection)
                fresh.create_in(connection, origin)
                fresh.restore(log.key)
                for entries, note in frames:
                    fresh.append(entries, note)
                    fresh.write_to(connection)
                    fresh.mark_committed()
        finally:
            leadership.give_up()
    return replaced


def _check_present(journal: Journal, log: NoteSigner, reader: TileReader) -> None:
    """Refuse to replace a journal that knows more than the mirror, or something else."""
    present = _find_sound(journal, log)
    if present is None or present.checkpoint is None:
        return
    mine, theirs = present.checkpoint, reader.checkpoint
    if mine.size > theirs.size:
        raise Denied(
            "mirror-behind",
            f"mirror: expected size >= {mine.size} as in our journal, got {theirs.size}: use a newer mirror",
        )
    _check_beginning(mine, reader)


def _find_sound(journal: Journal, log: NoteSigner) -> RestoredJournal | None:
    try:
        return journal.restore(log.key)
    except StoreError:
        return None  # damaged: that is why it is being replaced, and it is kept


def _check_beginning(mine: VerifiedCheckpoint, reader: TileReader) -> None:
    if reader.root(mine.size) != mine.root:
        raise Denied(
            "other-history",
            f"mirror: expected root {mine.root.hex()} at size {mine.size}, as our journal has, got "
            f"{reader.root(mine.size).hex()}: two histories were signed, keep both files as evidence",
        )
