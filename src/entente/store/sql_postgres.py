"""PostgreSQL: what a center stands on when more than one machine is to keep it up.

Invariants:
  * A commit is durable when it returns: synchronous_commit is at least ``on`` in every session of ours, and a
    server without fsync is refused.
  * Only one session writes where `require_leader` was asked for: the one that holds the leader's lock, on its
    own connection, which is never replaced by another in silence (see `leadership`).
  * A lost connection is `StoreError` ``database-away``. A reader gets a new one the next time; the writer
    never.
  * No password stands in a message of ours: the URL is handed to libpq and never printed.

It makes no database, role or grant: docs/postgresql.md says how.

    >>> database = open_postgres("postgresql://entente@db.example/entente")
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from typing import Any, Final

from sqlalchemy import Connection, Table, create_engine, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import QueuePool

from entente.kernel.errors import Malformed, StoreError
from entente.store.sql import AWAY, MIGRATIONS, Database, PreparedMany, wrap_error

SCHEMES: Final = ("postgresql://", "postgres://")
_READERS: Final = 16
_ROWS: Final = 1_000
"""Rows that one statement writes: of the largest ciphertexts they are 50 MB."""
_OLDEST: Final = 140_000
"""The first version that ends idle sessions (idle_session_timeout)."""
_MIGRATION_LOCK: Final = 0x656E74656E7465
"""Any number that nobody else uses: "entente" in ASCII."""
# A peer that is gone must be noticed in seconds on both sides: until then it may hold the leader's lock.
_CONNECT: Final[dict[str, Any]] = {
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
    "application_name": "entente",
    "client_encoding": "UTF8",
}
_SESSION: Final = (
    "SET TimeZone = 'UTC'",
    "SET tcp_keepalives_idle = 5",
    "SET tcp_keepalives_interval = 2",
    "SET tcp_keepalives_count = 3",
    "SET tcp_user_timeout = 10000",
    "SET lock_timeout = '30s'",
    "SET default_transaction_isolation = 'read committed'",
)
CHANNEL: Final = "entente"
_NOTIFY: Final = text(f"SELECT pg_notify('{CHANNEL}', '')")
_COLUMN_TYPES: Final = {
    "BIGINT": "bigint",
    "BOOLEAN": "boolean",
    "BYTEA": "bytea",
    "INTEGER": "integer",
    "SMALLINT": "smallint",
    "TEXT": "text",
}


def is_postgres_url(url: str) -> bool:
    """Tell whether a text names a PostgreSQL database."""
    return url.startswith(SCHEMES)


def has_password(url: str) -> bool:
    """Tell whether a URL holds a password, so that whoever reads it can come in."""
    return bool(_parse_url(url).get("password"))


def describe_url(url: str) -> str:
    """Return the URL's host, port and database, for people: nothing secret."""
    parts = _parse_url(url)
    host = parts.get("host", "local socket")
    return f"{parts.get('dbname', parts.get('user', ''))} on {host}:{parts.get('port', 5432)}"


def _parse_url(url: str) -> dict[str, Any]:
    # psycopg costs a tenth of a second to import: only who uses PostgreSQL pays, and has it installed.
    try:
        from psycopg import ProgrammingError  # noqa: PLC0415
        from psycopg.conninfo import conninfo_to_dict  # noqa: PLC0415
    except ImportError as error:
        raise StoreError(
            "no-driver",
            "PostgreSQL: expected entente with its extra `postgresql` (psycopg), it is not installed",
        ) from error

    try:
        return dict(conninfo_to_dict(url))
    except ProgrammingError as error:
        raise Malformed(
            "bad-url", "database: expected postgresql://USER@HOST:PORT/NAME, got another form"
        ) from error


def connect(url: str, **options: Any) -> Any:  # noqa: ANN401 - the driver's own
    """Return a connection of the driver, made as all of ours are; what the URL says goes first.

    Raises:
        StoreError: ``database-away``.
    """
    import psycopg  # noqa: PLC0415

    chosen = {**_CONNECT, **_parse_url(url)}
    try:
        return psycopg.connect(**chosen, **options)
    except psycopg.Error as error:
        raise wrap_error(error) from error


class PostgresDatabase(Database):
    """A database of a PostgreSQL server. `open_postgres` makes one.

    Attributes:
        url: How to connect; may hold a password.
        needs_leader: Whether `write` is refused to a process that does not lead.
    """

    # Its index learns of other processes' stems while it writes, and record and rows are one commit.
    is_written_beside = False

    def __init__(self, url: str) -> None:
        writer, readers = (
            create_engine(
                "postgresql+psycopg://",
                creator=_make_creator(url, is_reader=is_reader),
                poolclass=QueuePool,
                pool_size=_READERS if is_reader else 1,
                max_overflow=0,
                pool_timeout=30,
                paramstyle="format",
                use_native_hstore=False,
                **({"isolation_level": "AUTOCOMMIT"} if is_reader else {}),
            )
            for is_reader in (False, True)
        )
        super().__init__(writer, readers)
        self.url = url
        self.needs_leader = False
        self._pinned: Connection | None = None
        self._fence: Callable[[Connection], None] | None = None
        self._pin_lock = threading.Lock()
        self._session_lock = threading.Lock()

    def prepare_upsert(self, table: Table) -> PreparedMany:
        """Return an insert of whole rows that replaces those of the same primary key, for `write_many`."""
        names = [f'"{column.name}"' for column in table.c]
        keys = [f'"{column.name}"' for column in table.primary_key.columns]
        rest = ", ".join(f"{name} = excluded.{name}" for name in names if name not in keys)
        words = (
            *("INSERT INTO", f'"{table.name}"', f"({', '.join(names)})"),
            *("SELECT * FROM unnest", f"({self._list_arrays(table.c)})"),
            *("ON CONFLICT", f"({', '.join(keys)})", "DO", f"UPDATE SET {rest}" if rest else "NOTHING"),
        )
        return PreparedMany({0: " ".join(words)})

    def prepare_delete(self, table: Table) -> PreparedMany:
        """Return a removal of rows by their whole primary key, for `write_many`."""
        keys = list(table.primary_key.columns)
        names = ", ".join(f'"{key.name}"' for key in keys)
        words = (
            *("DELETE FROM", f'"{table.name}" AS t', "USING unnest", f"({self._list_arrays(keys)})"),
            *(f"AS gone({names}) WHERE", " AND ".join(f't."{key.name}" = gone."{key.name}"' for key in keys)),
        )
        return PreparedMany({0: " ".join(words)})

    def write_many(
        self, connection: Connection, prepared: PreparedMany, rows: Sequence[tuple[object, ...]]
    ) -> None:
        """Write rows in the caller's transaction; no two of one primary key."""
        try:
            cursor = connection.connection.cursor()
            try:
                for place in range(0, len(rows), _ROWS):
                    columns = [list(column) for column in zip(*rows[place : place + _ROWS], strict=True)]
                    cursor.execute(prepared.sql[0], columns)
            finally:
                cursor.close()
        except self._readers.dialect.loaded_dbapi.Error as error:
            raise wrap_error(error) from error

    def get_driver_connection(self, connection: Connection) -> Any:  # noqa: ANN401 - the driver's own
        """Return the driver's connection inside the caller's transaction: COPY has no other way in."""
        return connection.connection.driver_connection

    def _list_arrays(self, columns: Any) -> str:  # noqa: ANN401 - columns of SQLAlchemy
        kinds = (column.type.compile(self._writer.dialect).partition(" ")[0] for column in columns)
        return ", ".join(f"%b::{_COLUMN_TYPES[kind]}[]" for kind in kinds)

    def check_durable(self) -> None:
        """Return if a commit here survives a loss of power.

        Raises:
            StoreError: ``not-durable``: the server runs without fsync; ``old-server``.
        """
        with self.read() as connection:
            fsync = connection.execute(text("SHOW fsync")).scalar()
            version = int(connection.execute(text("SHOW server_version_num")).scalar() or 0)
        if version < _OLDEST:
            raise StoreError("old-server", f"PostgreSQL: expected version 14 or newer, got {version}")
        if fsync != "on":
            raise StoreError(
                "not-durable",
                f"PostgreSQL: expected fsync = on, got {fsync}: a loss of power would lose messages",
            )

    # Leading: see `leadership`, which alone calls these

    def pin(self) -> Connection:
        """Return the writer's one connection, kept for this process until `unpin`."""
        with self._pin_lock:
            if self._pinned is None:
                try:
                    self._pinned = self._writer.connect()
                except SQLAlchemyError as error:
                    raise wrap_error(error) from error
            return self._pinned

    def guard(self, fence: Callable[[Connection], None]) -> None:
        """Have every transaction begin with ``fence``, on the pinned connection and no other."""
        self._fence = fence

    def unpin(self) -> None:
        """End the pinned session: what it locked is free. From here on nothing can be written."""
        with self._pin_lock:
            pinned, self._pinned, self._fence = self._pinned, None, None
        if pinned is not None:
            try:
                pinned.invalidate()
                pinned.close()
            except SQLAlchemyError as error:
                raise wrap_error(error) from error

    def _begin(self) -> AbstractContextManager[Connection]:
        if self._fence is None:
            if self.needs_leader:
                raise StoreError("not-leading", "database: expected to lead the record, another process may")
            return super()._begin()
        return self._begin_pinned(self._fence)

    @contextmanager
    def _begin_pinned(self, fence: Callable[[Connection], None]) -> Iterator[Connection]:
        pinned = self._pinned
        # SECURITY: a lost connection must not be replaced by a new one that does not hold the lock
        # (tests/system/test_postgres_leader.py, test_a_leader_that_lost_its_session_writes_nothing).
        if pinned is None or pinned.closed or pinned.invalidated:
            raise StoreError(AWAY, "database: the leader's session was lost")
        with self._session_lock, pinned.begin():
            fence(pinned)
            yield pinned
            # Told to who listens when the transaction is over, and not at all when it is undone.
            pinned.execute(_NOTIFY)

    def beat(self) -> None:
        """Begin and end a transaction of the leader that changes nothing; from any thread.

        While another thread is in a transaction there is no need: the server sees that the session lives.

        Raises:
            StoreError: This process does not lead any more.
        """
        pinned, fence = self._pinned, self._fence
        if pinned is None or fence is None or pinned.closed or pinned.invalidated:
            raise StoreError(AWAY, "database: the leader's session was lost")
        if not self._session_lock.acquire(blocking=False):
            return
        try:
            with pinned.begin():
                fence(pinned)
        except SQLAlchemyError as error:
            raise wrap_error(error) from error
        finally:
            self._session_lock.release()

    def _lock_migrations(self, connection: Connection) -> None:
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})

    def close(self) -> None:
        """Close every connection; what was committed stays. Nobody may be reading any more."""
        self.unpin()
        super().close()


def _make_creator(url: str, *, is_reader: bool) -> Callable[[], Any]:
    def create() -> Any:  # noqa: ANN401 - the driver's own
        connection = connect(url, autocommit=True)
        for statement in _SESSION:
            connection.execute(statement)
        if is_reader:
            connection.execute("SET default_transaction_read_only = on")
        # remote_apply, which an operator may have chosen, says more than `on`; everything else says less.
        elif connection.execute("SHOW synchronous_commit").fetchone()[0] not in {"on", "remote_apply"}:
            connection.execute("SET synchronous_commit = on")
        connection.autocommit = False
        return connection

    return create


def open_postgres(url: str, *, migrations: str = MIGRATIONS) -> PostgresDatabase:
    """Return the database at ``url``, brought to this version.

    Args:
        url: As libpq reads it; the database exists, and its owner is who connects.
        migrations: ``package:folder`` of the steps; see `entente.store.migrations`.

    Raises:
        Malformed: No such URL; StoreError: the server is away, too old, or has a newer version of ours.
    """
    _parse_url(url)
    database = PostgresDatabase(url)
    try:
        database.migrate(migrations)
    except BaseException:
        database.close()
        raise
    return database
