"""Making a center's database again from its journal, beside the old one, and comparing the two.

  1. The old database is brought to the journal's end, as every start does    damaged: it is only replaced
  2. Rows, times and conflict index are computed into a fresh database        every signature checked again
  3. Both are compared, row by row and cell by cell                           what differs is said
  4. What the journal does not hold is taken over: ciphertexts, cosignatures, numbers of events
  5. The fresh one takes the old one's name in one step; the old one is kept  not with ``check_only``

Invariants: a crash at any point leaves the old database, or the fresh one whole, under the name; nothing
here signs.

It does not make a center's journal again: see `restore`. A center on PostgreSQL is refused.

    >>> rebuild_center(Path("center"), SystemClock(), check_only=True)
    Rebuilt(size=1204, differences=(), replaced='')
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from entente.center import archive
from entente.center.folder import CenterFolder, HostKeys
from entente.center.host_time import host_time_key, read_host_time
from entente.center.writer import RecordWriter, open_writer
from entente.joint import KINDS
from entente.kernel.errors import Denied, StoreError
from entente.kernel.ports import Clock
from entente.record import Frame, NoteSigner
from entente.store.durable import fsync_dir
from entente.store.journal_file import lock_journal
from entente.store.sql import open_sqlite
from entente.store.sqlite_compare import compare_databases, take_over

_DAMAGED: Final = frozenset({"database", "bad-row", "bad-index", "other-database"})
"""What a fresh database mends; anything else is a reason to stop."""


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """How many entries were computed again, what differed, and what the old database is called now.

    ``damage``: why the old one could not be read; then nothing was compared.
    """

    size: int
    differences: tuple[str, ...]
    replaced: str
    damage: str = ""


def rebuild_center(
    root: Path,
    clock: Clock,
    *,
    check_only: bool = False,
    on_progress: Callable[[int, int], None] | None = None,
) -> Rebuilt:
    """Compute a center's database again from its journal. The center must not run.

    Raises:
        Denied: The center's database is a PostgreSQL server's.
        StoreError: A center is running here, the disk failed, or the journal is damaged or an old copy.
    """
    folder = CenterFolder(root)
    settings, keys = folder.read_settings(), folder.read_keys()
    if settings.database:
        raise Denied(
            "not-in-folder",
            "rebuild: expected a center whose database lies in its folder: move it there first"
            " (entente center migrate --to sqlite)",
        )
    damage = _catch_up(folder, keys, clock)
    fresh = folder.root / "center.db.new"
    _remove(fresh)
    # From here on no center can start in this folder.
    journal = lock_journal(folder.journal)
    try:
        times: dict[int, int] = {}
        host_key = host_time_key(keys.origin, keys.center.public)

        def take(frame: Frame, _leaves: list[bytes]) -> None:
            times[frame.size] = read_host_time(frame.note, host_key)

        restored = journal.restore(NoteSigner(keys.log).key, on_frame=take)
        database = open_sqlite(fresh)
        try:
            writer = RecordWriter(keys, journal, restored.tree, database, KINDS, clock)
            writer.catch_up(times, on_progress)
        finally:
            database.close()
        differences = [] if damage else compare_databases(fresh, folder.database)
        replaced = ""
        if not check_only:
            if not damage:
                take_over(fresh, folder.database, (archive.FIRM_SIZE, archive.SETTLED_SIZE))
            replaced = _replace(folder, fresh)
        return Rebuilt(restored.tree.size, tuple(differences), replaced, damage)
    finally:
        _remove(fresh)
        journal.close()


def _catch_up(folder: CenterFolder, keys: HostKeys, clock: Clock) -> str:
    """Bring the old database to the journal's end; return why it cannot be, if it is damaged or not there."""
    if not folder.database.exists():
        return "there was none"
    try:
        open_writer(folder, keys, KINDS, clock).close()
    except StoreError as error:
        if error.code not in _DAMAGED:
            raise
        return error.message
    return ""


def _replace(folder: CenterFolder, fresh: Path) -> str:
    replaced = ""
    if folder.database.exists():
        number = 1
        while (kept := folder.root / f"center.db.replaced-{number}").exists():
            number += 1
        os.link(folder.database, kept)
        replaced = kept.name
    for beside in ("-wal", "-shm"):
        # Of a damaged database, which nobody could close: applied to the fresh one they would destroy it.
        folder.database.with_name(folder.database.name + beside).unlink(missing_ok=True)
    fresh.replace(folder.database)
    fsync_dir(folder.root)
    return replaced


def _remove(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        path.with_name(name).unlink(missing_ok=True)
