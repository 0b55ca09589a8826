"""A database: one writer, many readers, every commit durable.

Invariants:
  * SQLite in WAL mode with synchronous=FULL: when `write` ends, what it wrote survives a loss of power.
  * One write transaction at a time, taken when it begins (BEGIN IMMEDIATE), so that it never fails half-way
    for a lock.
  * Readers see whole commits and never wait for the writer; each read of its own transaction is over when
    it returns.
  * What differs between kinds of databases stands here and in `sql_postgres`; queries are SQLAlchemy Core.
  * Any error of the database is a `StoreError`: ``disk-full``, ``database-away`` (no connection, or lost in
    the middle: what was being written is there or not), else ``database``.

It knows no tables: `tables` has ours, and a desk adds its own through ``migrations``.

    >>> database = open_sqlite(folder / "center.db")
    >>> with database.write() as connection:
    ...     connection.execute(database.upsert(META), [{"name": "applied_size", "value": "7"}])
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Connection, Engine, Table, and_, bindparam, create_engine, event, or_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from entente.kernel.errors import StoreError
from entente.store.wal import WalKeeper

MIGRATIONS: Final = "entente.store:migrations"
AWAY: Final = "database-away"
"""Code of the error that a new connection may mend."""
_STATE_DISK_FULL: Final = "53100"
_STATES_AWAY: Final = frozenset({"57P01", "57P02", "57P03", "57P05", "25P03", "53300"})
"""PostgreSQL shuts down, has crashed, starts up, ended an idle session, or has no connection free."""
_READERS: Final = 16
"""Threads that read at one time; each keeps its connection."""
WRITE_SIZES: Final = (128, 64, 32, 16, 8, 4, 2, 1)
"""Rows that one statement writes: any number is few statements, and there are few texts to keep ready."""
_LOG_PAGES: Final = 8_000
"""Write-ahead log of 32 MB before its pages go to the database: a busy page goes there once for many."""
_KEPT_LOG_PAGES: Final = 32_000
"""The same of a database whose log a thread cares for: 128 MB, which it should never come to."""
_BUSY_MS: Final = 5_000
"""How long a writer waits for another program that reads the file (a backup): then it is an error."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A statement in the database's own words, and the order of its parameters."""

    sql: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PreparedMany:
    """A statement about rows, for each number of rows that it is executed with (0: for any number)."""

    sql: dict[int, str]


_WORDS: Final[dict[tuple[str, str, Any], Any]] = {}
"""Statements in a dialect's words. To word those of one table of rows takes a tenth of a second, which every
database of a process would pay anew; statements and tables stand in modules, so there are few of them."""


class Database:
    """An open database. `open_sqlite` makes one, and `entente.store.sql_postgres.open_postgres`.

    Attributes:
        is_written_beside: Whether one thread may write while another asks what it goes on with.
    """

    is_written_beside: bool = True

    def __init__(self, writer: Engine, readers: Engine, keeper: WalKeeper | None = None) -> None:
        self._keeper = keeper
        self._writer = writer
        self._readers = readers
        self._mine = threading.local()
        self._lock = threading.Lock()
        self._open: dict[Connection, threading.Thread] = {}
        self._generation = 0

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """Give the one write transaction; it is durable when the block ends, undone when the block raises.

        Raises:
            StoreError: The database failed; nothing of the block was kept.
        """
        try:
            with self._begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise wrap_error(error) from error

    def _begin(self) -> AbstractContextManager[Connection]:
        return self._writer.begin()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """Give this thread's connection that reads; each statement sees what is committed when it starts."""
        try:
            yield self._reader()
        except SQLAlchemyError as error:
            raise self._give_up_reader(error) from error

    @contextmanager
    def snapshot(self) -> Iterator[None]:
        """Have all that this thread reads in the block be of one moment, whatever is committed meanwhile.

        For SQLite. While it lasts the log cannot begin anew: not for longer than an answer takes.
        """
        with self.read() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                # The moment is that of the first question, so one is asked.
                connection.exec_driver_sql("SELECT count(*) FROM sqlite_schema")
                yield
            finally:
                connection.exec_driver_sql("ROLLBACK")

    def prepare(self, statement: Any) -> Prepared:  # noqa: ANN401 - any statement of SQLAlchemy Core
        """Return a statement that stands in a module, ready for `find_value` and `find_rows`."""
        place = (self._readers.dialect.name, "find", statement)
        found: Prepared | None = _WORDS.get(place)
        if found is None:
            found = _WORDS[place] = self._word(statement)
        return found

    def _word(self, statement: Any) -> Prepared:  # noqa: ANN401 - any statement of SQLAlchemy Core
        compiled = statement.compile(dialect=self._readers.dialect)
        return Prepared(str(compiled), tuple(compiled.positiontup or compiled.params))

    def find_value(self, prepared: Prepared, *values: object) -> Any:  # noqa: ANN401 - what the column holds
        """Return the first column of the first row, or None; values in the order of ``names``."""
        found = self.find_rows(prepared, *values)
        return found[0][0] if found else None

    def find_rows(self, prepared: Prepared, *values: object) -> list[Any]:
        """Return every row. Values stand in the order of ``prepared.names``."""
        try:
            cursor = self._reader().connection.cursor()
            try:
                cursor.execute(prepared.sql, values)
                return list(cursor.fetchall())
            finally:
                cursor.close()
        except (SQLAlchemyError, self._readers.dialect.loaded_dbapi.Error) as error:
            raise self._give_up_reader(error) from error

    def prepare_upsert(self, table: Table) -> PreparedMany:
        """Return an insert of whole rows that replaces those of the same primary key, for `write_many`."""
        columns = [column.name for column in table.c]
        return self._prepare_many(
            ("upsert", table),
            lambda rows: self.upsert(table).values(
                [{name: bindparam(f"{name}_{row}") for name in columns} for row in range(rows)]
            ),
            columns,
        )

    def prepare_delete(self, table: Table) -> PreparedMany:
        """Return a removal of rows by their whole primary key, for `write_many`."""
        keys = list(table.primary_key.columns)
        # Not "(a, b) IN (VALUES ...)": for that SQLite reads the whole table.
        return self._prepare_many(
            ("delete", table),
            lambda rows: table.delete().where(
                or_(*(and_(*(key == bindparam(f"{key.name}_{row}") for key in keys)) for row in range(rows)))
            ),
            [key.name for key in keys],
        )

    def write_many(
        self, connection: Connection, prepared: PreparedMany, rows: Sequence[tuple[object, ...]]
    ) -> None:
        """Write rows in the caller's transaction; no two of one primary key.

        One statement takes many rows: the driver lets other threads run between two statements, and this one
        would wait for its turn after each.
        """
        try:
            cursor = connection.connection.cursor()
            try:
                place = 0
                while place < len(rows):
                    size = next(each for each in WRITE_SIZES if each <= len(rows) - place)
                    chunk = rows[place : place + size]
                    cursor.execute(prepared.sql[size], [value for row in chunk for value in row])
                    place += size
            finally:
                cursor.close()
        except self._readers.dialect.loaded_dbapi.Error as error:
            raise wrap_error(error) from error

    def _prepare_many(
        self, what: tuple[str, Table], build: Callable[[int], Any], columns: Sequence[str]
    ) -> PreparedMany:
        place = (self._readers.dialect.name, *what)
        known: PreparedMany | None = _WORDS.get(place)
        if known is not None:
            return known
        found = {}
        for size in WRITE_SIZES:
            prepared = self._word(build(size))
            if prepared.names != tuple(f"{name}_{row}" for row in range(size) for name in columns):
                raise AssertionError(f"database: expected parameters row by row, got {prepared.names}")
            found[size] = prepared.sql
        known = _WORDS[place] = PreparedMany(found)
        return known

    def _reader(self) -> Connection:
        found: Connection | None = getattr(self._mine, "connection", None)
        if found is not None and self._mine.generation != self._generation:
            self._drop_reader(found)
            found = None
        if found is None or found.closed:
            self._close_abandoned()
            self._mine.generation = self._generation
            found = self._readers.connect()
            self._mine.connection = found
            with self._lock:
                self._open[found] = threading.current_thread()
        return found

    def _close_abandoned(self) -> None:
        """Give back the connections of threads that have ended: a server's worker threads come and go."""
        with self._lock:
            ended = [connection for connection, thread in self._open.items() if not thread.is_alive()]
            for connection in ended:
                del self._open[connection]
        for connection in ended:
            with suppress(SQLAlchemyError):
                connection.close()

    def renew_readers(self) -> None:
        """Have every thread read over a new connection from its next question on: the server was away."""
        with self._lock:
            self._generation += 1

    def _drop_reader(self, found: Connection) -> None:
        self._mine.connection = None
        with self._lock:
            self._open.pop(found, None)
        with suppress(SQLAlchemyError):
            found.invalidate()
        with suppress(SQLAlchemyError):
            found.close()

    def _give_up_reader(self, error: Exception) -> StoreError:
        """Return the error as ours; a connection that was lost is replaced when this thread reads again."""
        wrapped = wrap_error(error)
        found: Connection | None = getattr(self._mine, "connection", None)
        if wrapped.code == AWAY:
            # What this thread lost the others have lost too, and will not learn before they ask.
            self.renew_readers()
            if found is not None:
                self._drop_reader(found)
        return wrapped

    def upsert(self, table: Table) -> Any:  # noqa: ANN401 - the dialect's own insert
        """Return an insert that replaces the row of the same primary key."""
        # The two dialects' inserts differ in nothing that is used here.
        insert = (sqlite if self._writer.dialect.name == "sqlite" else postgresql).insert(table)
        rest = {column.name: insert.excluded[column.name] for column in table.c if not column.primary_key}
        keys = list(table.primary_key.columns)
        if not rest:
            return insert.on_conflict_do_nothing(index_elements=keys)
        return insert.on_conflict_do_update(index_elements=keys, set_=rest)

    def close(self) -> None:
        """Close every connection; what was committed stays. Nobody may be reading any more."""
        if self._keeper is not None:
            self._keeper.stop()
        with self._lock:
            for connection in self._open:
                connection.close()
            self._open.clear()
        self._writer.dispose()
        self._readers.dispose()

    def migrate(self, migrations: str, *, to: str = "head") -> None:
        """Run the steps of ``migrations`` (``package:folder``) that are missing.

        Args:
            migrations: Where the steps are.
            to: The wanted version; ``base`` or an older one takes steps back.

        Raises:
            StoreError: ``newer-database``, or the database failed: it has its old version.
        """
        # Alembic costs a fifth of a second to import: only who opens a database pays.
        from alembic import command  # noqa: PLC0415
        from alembic.config import Config  # noqa: PLC0415
        from alembic.util import CommandError  # noqa: PLC0415

        package = migrations.partition(":")[0]
        config = Config()
        config.set_main_option("script_location", migrations)
        config.set_main_option("path_separator", "os")
        config.attributes["version_table"] = f"version_{package.rpartition('.')[2]}"
        try:
            with self._writer.begin() as connection:
                self._lock_migrations(connection)
                config.attributes["connection"] = connection
                if to == "head":
                    command.upgrade(config, to)
                else:
                    command.downgrade(config, to)
        except CommandError as error:
            raise StoreError("newer-database", f"database: expected a known version: {error}") from error
        except SQLAlchemyError as error:
            raise wrap_error(error) from error

    def _lock_migrations(self, connection: Connection) -> None:
        """Keep other processes from migrating until this transaction ends."""


def open_sqlite(path: Path, *, migrations: str = MIGRATIONS, is_busy: bool = False) -> Database:
    """Return the database at ``path``, made or brought to this version.

    Args:
        path: The file; its folder exists.
        migrations: ``package:folder`` of the steps; see `entente.store.migrations`.
        is_busy: Whether so much is committed that a thread should care for the log (`store.wal`).

    Raises:
        StoreError: No database, of a newer version, or the disk failed.
    """
    url = f"sqlite+pysqlite:///{path}"
    # The journal's lock keeps other processes away, so that one connection is enough for one writer.
    writer = create_engine(url, poolclass=QueuePool, pool_size=1, max_overflow=0)
    # A thread that reads has one connection. How many threads read is for who starts them to bound.
    readers = create_engine(
        url, poolclass=QueuePool, pool_size=_READERS, max_overflow=-1, isolation_level="AUTOCOMMIT"
    )
    event.listen(writer, "connect", partial(_prepare_writer, _KEPT_LOG_PAGES if is_busy else _LOG_PAGES))
    event.listen(writer, "begin", _begin_immediate)
    event.listen(readers, "connect", _prepare_reader)
    keeper = WalKeeper(path) if is_busy else None
    database = Database(writer, readers, keeper)
    try:
        database.migrate(migrations)
    except BaseException:
        database.close()
        raise
    if keeper is not None:
        keeper.start()
    return database


def _prepare_writer(log_pages: int, connection: Any, _record: Any) -> None:  # noqa: ANN401 - the driver's own
    # The driver must not begin transactions by itself: `_begin_immediate` does.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={_BUSY_MS}",
        "trusted_schema=OFF",
        "cache_size=-65536",
        f"wal_autocheckpoint={log_pages}",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _prepare_reader(connection: Any, _record: Any) -> None:  # noqa: ANN401 - the driver's own
    for pragma in ("query_only=ON", f"busy_timeout={_BUSY_MS}", "trusted_schema=OFF", "cache_size=-16384"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def wrap_error(error: Exception) -> StoreError:
    """Return a driver's error, or SQLAlchemy's round it, as ours."""
    origin = getattr(error, "orig", None) or error
    text = str(origin).partition("\n")[0]
    state = getattr(origin, "sqlstate", None)
    if state == _STATE_DISK_FULL or "disk is full" in text:
        return StoreError("disk-full", f"database: {text.lower()}")
    if state is None:
        # What PostgreSQL's server did not say itself, its driver said of the connection.
        is_away = type(origin).__name__ in {"OperationalError", "ConnectionTimeout"} and _is_psycopg(origin)
    else:
        is_away = state[:2] == "08" or state in _STATES_AWAY
    return StoreError(AWAY if is_away else "database", f"database: {text.lower()}")


def _is_psycopg(error: Exception) -> bool:
    return type(error).__module__.startswith("psycopg")
