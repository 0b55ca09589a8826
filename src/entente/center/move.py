"""Moving a center's record between its folder and a PostgreSQL database (`entente center migrate`).

  1. The center does not run: the journal's lock, or the leader's, is ours            or nothing is touched
  2. The journal is read with every frame's signature and root, rows are caught up     or nothing is touched
  3. The other place holds no record, or this very one from a move that was broken off
  4. Journal, ciphertexts and every table are copied, but for the conflict index, which is made anew; and
     the parcels, each checked by its hash
  5. The copy is checked as if it were a stranger's: every frame again, the same last chain value (and so the
     same bytes), the same root, every row equal
  6. Only then center.toml names the new place; the old one stays as it was

To PostgreSQL, 3 to 5 are one transaction: what goes wrong, or is killed, leaves nothing there. To files, the
copy has names of its own until it is checked; the database is closed to leaders before the folder takes over,
since two places that both may be added to would be two histories.

Invariants: no signature is made; at every moment exactly one place is the record's.

    >>> move_to_postgres(Path("center"), "postgresql://entente@db.example/entente", SystemClock())
    Moved(size=1204, rows=8310)
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Table, func, literal, select, tuple_

from entente.center import archive
from entente.center.folder import CenterFolder, HostKeys
from entente.center.shared import SharedRecord, open_shared
from entente.center.writer import open_writer
from entente.joint import KINDS
from entente.kernel.errors import Denied, StoreError
from entente.kernel.kinds import KindTable
from entente.kernel.ports import Clock
from entente.record import NoteSigner, RestoredJournal, restore_journal
from entente.record.journal import Frame, encode_journal_header
from entente.store.durable import find_free, flush_file, fsync_dir
from entente.store.index_home import FORM_FACT, fill_missing, make_index
from entente.store.index_sql import TABLES as INDEX_TABLES
from entente.store.journal_file import open_journal
from entente.store.journal_postgres import JournalTable
from entente.store.leadership import Leadership, is_closed
from entente.store.parcel_files import ParcelFiles
from entente.store.parcel_home import copy_parcels
from entente.store.parcel_table import ParcelTable
from entente.store.sql import Database, open_sqlite
from entente.store.sql_postgres import PostgresDatabase, describe_url, open_postgres
from entente.store.sql_rows import SqlRows
from entente.store.tables import META, METADATA

Progress = Callable[[str, int, int], None]
"""What is being done, how much of it is done, and how much there is."""
COPIED: Final = [table for table in METADATA.sorted_tables if table not in INDEX_TABLES]
"""The conflict index stays behind: its numbers belong to the database, and rows say all that is in it."""
_ROWS: Final = 1_000
_MOVING: Final = ".moving"


@dataclass(frozen=True, slots=True)
class Moved:
    """What was moved: entries of the record, and rows of every table."""

    size: int
    rows: int


def _say_nothing(_what: str, _done: int, _wanted: int) -> None:
    """Nobody listens."""


def move_to_postgres(
    root: Path, url: str, clock: Clock, *, kinds: KindTable = KINDS, on_progress: Progress = _say_nothing
) -> Moved:
    """Move a center's record from its folder to the database at ``url``.

    Raises:
        Denied: The center is in a database already; or the database holds something else.
        StoreError: It runs; its journal is damaged; the server failed or is not durable. Nothing was changed.
    """
    folder = CenterFolder(root)
    settings, keys = folder.read_settings(), folder.read_keys()
    if settings.database:
        raise Denied(
            "in-database", f"center: expected its record in the folder, got {describe_url(settings.database)}"
        )
    moved_settings = msgspec.structs.replace(settings, database=url)
    writer = open_writer(
        folder, keys, kinds, clock, on_progress=lambda done, wanted: on_progress("catch up", done, wanted)
    )
    with closing(writer), closing(open_postgres(url)) as target:
        target.check_durable()
        moved = _fill_postgres(folder, keys, writer.database, target, on_progress)
        with closing(ParcelTable(target, folder.parcels)) as parcels:
            copy_parcels(ParcelFiles(folder.parcels), parcels)
    # If we stop before this, the folder is the record's place, and the move can be done again.
    folder.write_settings(moved_settings)
    return moved


def _fill_postgres(
    folder: CenterFolder, keys: HostKeys, source: Database, target: PostgresDatabase, on_progress: Progress
) -> Moved:
    wanted = _read_facts(source)
    leadership = Leadership(target, keys.origin, f"move, process {os.getpid()}")
    if not leadership.try_take():
        raise Denied("center-running", "database: expected nobody to lead its record, another process does")
    try:
        with target.write() as connection:
            if _is_fresh(connection, target, keys.origin):
                _copy_journal(folder, connection, target, wanted, on_progress)
                rows = _copy_tables(source, connection, target, on_progress)
            else:
                rows = _count_rows(connection)
            # Of a move that was broken off after its commit, everything is there: checked like a fresh one.
            restored = _check_journal(keys, connection, target, on_progress)
            _compare_facts(wanted, restored)
            _compare_tables(source, connection, rows, on_progress)
        # If we stop before it is whole, the first who leads makes it.
        _fill_index(target, on_progress)
    finally:
        leadership.give_up()
    return Moved(restored.tree.size, rows)


def _fill_index(target: Database, on_progress: Progress) -> None:
    rows = SqlRows(target)
    fill_missing(
        target, rows, make_index(target), on_progress=lambda count: on_progress("make index", count, 0)
    )


def _read_facts(database: Database) -> tuple[int, str]:
    facts = archive.read_meta(database)
    return int(facts.get(archive.APPLIED_SIZE, "0")), facts.get(archive.APPLIED_ROOT, "")


def _compare_facts(wanted: tuple[int, str], restored: RestoredJournal) -> None:
    size, root = wanted
    got = restored.tree.size, restored.tree.root().hex() if restored.tree.size else ""
    if got != (size, root):
        raise StoreError(
            "bad-copy", f"copy: expected {size} entries of root {root}, got {got[0]} of {got[1]}"
        )


def _is_fresh(connection: Connection, target: PostgresDatabase, origin: str) -> bool:
    """Tell whether there is nothing; raise when there is anything but this record."""
    found = JournalTable(target, connection).find_origin()
    if found is not None and found != origin:
        raise Denied("other-record", f"database: expected none or {origin!r}, got the record of {found!r}")
    if found is None and (rows := _count_rows(connection)):
        raise Denied("not-empty", f"database: expected no rows, got {rows} that belong to no record")
    return found is None


def _copy_journal(
    folder: CenterFolder,
    connection: Connection,
    target: PostgresDatabase,
    wanted: tuple[int, str],
    on_progress: Progress,
) -> None:
    log_key = NoteSigner(folder.read_keys().log).key
    cursor = target.get_driver_connection(connection).cursor()
    with (
        closing(cursor),
        folder.journal.open("rb") as file,
        closing(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)) as mapped,
        cursor.copy("COPY journal (start, size, data) FROM STDIN") as copy,
    ):
        copy.write_row((0, 0, encode_journal_header(log_key.name)[0]))

        def take(frame: Frame, _leaves: list[bytes]) -> None:
            copy.write_row((frame.start, frame.size, mapped[frame.start : frame.end]))
            on_progress("copy journal", frame.size, wanted[0])

        with memoryview(mapped) as view:
            restore_journal(view, log_key, on_frame=take, thorough=True)


def _copy_tables(
    source: Database, connection: Connection, target: PostgresDatabase, on_progress: Progress
) -> int:
    total = 0
    for table in COPIED:
        names = ", ".join(f'"{column.name}"' for column in table.c)
        cursor = target.get_driver_connection(connection).cursor()
        with source.read() as reader:
            wanted = _count_table(reader, table)
        with closing(cursor), cursor.copy(f'COPY "{table.name}" ({names}) FROM STDIN') as copy:
            for done, row in enumerate(_read_table(source, table), 1):
                copy.write_row(row)
                if done % _ROWS == 0 or done == wanted:
                    on_progress(f"copy {table.name}", done, wanted)
                total += 1
    return total


def _check_journal(
    keys: HostKeys, connection: Connection, target: PostgresDatabase, on_progress: Progress
) -> RestoredJournal:
    return JournalTable(target, connection).restore(
        NoteSigner(keys.log).key,
        thorough=True,
        on_frame=lambda frame, _: on_progress("check journal", frame.size, 0),
    )


def _count_rows(connection: Connection) -> int:
    return sum(_count_table(connection, table) for table in COPIED)


def _count_table(connection: Connection, table: Table) -> int:
    question = select(func.count()).select_from(table)
    if table is META:
        question = question.where(META.c.name != FORM_FACT)
    return connection.execute(question).scalar() or 0


def _compare_tables(source: Database, connection: Connection, rows: int, on_progress: Progress) -> None:
    """Raise unless every row is the same in both places."""
    done = 0
    for table in COPIED:
        pairs = zip_longest(_read_table(source, table), _iter_table(connection, table))
        for left, right in pairs:
            if left is None or right is None or tuple(left) != tuple(right):
                raise StoreError(
                    "bad-copy", f"copy of {table.name!r}: expected row {left!r}, got {right!r}"[:300]
                )
            done += 1
            if done % _ROWS == 0 or done == rows:
                on_progress("check rows", done, rows)


def _read_table(database: Database, table: Table) -> Iterator[Any]:
    with database.read() as connection:
        yield from _iter_table(connection, table)


def _iter_table(connection: Connection, table: Table) -> Iterator[Any]:
    """Yield every row by its primary key, a page at a time."""
    keys = list(table.primary_key.columns)
    question = select(table).order_by(*keys).limit(_ROWS)
    if table is META:
        question = question.where(META.c.name != FORM_FACT)
    page = connection.execute(question).all()
    while page:
        yield from page
        last = [getattr(page[-1], key.name) for key in keys]
        page = connection.execute(question.where(tuple_(*keys) > tuple_(*map(literal, last)))).all()


def move_to_files(
    root: Path, clock: Clock, *, kinds: KindTable = KINDS, on_progress: Progress = _say_nothing
) -> Moved:
    """Move a center's record from its database to its folder; afterwards nobody can lead it in the database.

    Raises:
        Denied: The center is in its folder already, or runs.
        StoreError: The record is damaged, or a disk or the server failed: its place is still the database.
    """
    folder = CenterFolder(root)
    settings, keys = folder.read_settings(), folder.read_keys()
    if not settings.database:
        raise Denied("in-folder", "center: expected its record in a database, it is in the folder")
    with closing(open_shared(folder, settings, keys, kinds, clock)) as shared:
        # Closed already: a move was broken off after step 5, and nobody can have added anything since.
        if not is_closed(shared.database) and not shared.try_lead(max_idle_s=0):
            raise Denied(
                "center-running", "database: expected nobody to lead its record, another process does"
            )
        moved = _fill_files(folder, keys, shared, on_progress)
        with closing(ParcelTable(shared.database, folder.parcels)) as parcels:
            copy_parcels(parcels, ParcelFiles(folder.parcels))
        if shared.is_leading:
            shared.close_record()
    # If we stop from here on, the settings name a database that nobody can lead: the move is done again.
    for path in (folder.journal, folder.database):
        if path.exists():
            path.rename(find_free(path))
        _moving(path).rename(path)
    folder.in_database.unlink(missing_ok=True)
    fsync_dir(folder.root)
    folder.write_settings(msgspec.structs.replace(settings, database=""))
    return moved


def _fill_files(folder: CenterFolder, keys: HostKeys, shared: SharedRecord, on_progress: Progress) -> Moved:
    source = shared.database
    for path in (folder.journal, folder.database):
        for name in ("", "-wal", "-shm"):
            path.with_name(_moving(path).name + name).unlink(missing_ok=True)
    wanted = _read_facts(source)
    journal_path = _moving(folder.journal)
    with journal_path.open("wb") as file:
        for data, size in shared.journal.read_rows():
            file.write(data)
            on_progress("copy journal", size, wanted[0])
        file.flush()
        flush_file(file.fileno(), what=journal_path.name)
    journal, restored = open_journal(
        journal_path,
        NoteSigner(keys.log).key,
        thorough=True,
        on_frame=lambda frame, _: on_progress("check journal", frame.size, wanted[0]),
    )
    journal.close()
    _compare_facts(wanted, restored)
    with closing(open_sqlite(_moving(folder.database))) as target:
        rows = 0
        for table in COPIED:
            rows += _copy_to_sqlite(source, target, table, on_progress)
        with target.read() as connection:
            _compare_tables(source, connection, rows, on_progress)
        _fill_index(target, on_progress)
    # Closing folds the write-ahead log into the file; if it could not, the file alone is not the whole.
    if (log := _moving(folder.database).with_name(folder.database.name + _MOVING + "-wal")).exists():
        raise StoreError("database", f"{log.name}: expected to be folded into its database, found it")
    return Moved(restored.tree.size, rows)


def _copy_to_sqlite(source: Database, target: Database, table: Table, on_progress: Progress) -> int:
    statement = target.prepare_upsert(table)
    with source.read() as reader:
        wanted = _count_table(reader, table)
    done = 0
    page: list[tuple[object, ...]] = []
    with target.write() as connection:
        for row in _read_table(source, table):
            page.append(tuple(row))
            if len(page) == _ROWS:
                target.write_many(connection, statement, page)
                done += len(page)
                page = []
                on_progress(f"copy {table.name}", done, wanted)
        target.write_many(connection, statement, page)
    return done + len(page)


def _moving(path: Path) -> Path:
    return path.with_name(path.name + _MOVING)
