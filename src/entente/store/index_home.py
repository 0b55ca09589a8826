"""Which home of the conflict index a database has, and filling it where rows are older than it.

A database of an older version, or of one with other cells, has rows and no index, or an index that nothing
would find again. `fill_missing` makes it anew from the rows; after that both are written in one transaction,
always.

Invariants: an index counts as whole only when the last of it was written (`META`); a crash on the way starts
it again from nothing. A home that is whole is not touched.

    >>> index = make_index(database)
    >>> fill_missing(database, rows, index, on_progress=None)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import delete, select

from entente.deconflict import fill_index
from entente.kernel.rows import Rows
from entente.store.index_postgresql import PostgresIndex
from entente.store.index_sql import TABLES, SqlIndex
from entente.store.index_sqlite import SqliteIndex
from entente.store.sql import Database
from entente.store.sql_postgres import PostgresDatabase
from entente.store.tables import META

FORM: Final = "1"
"""Of what the index holds. Another number makes it anew: with other cells, or another way to pack."""
FORM_FACT: Final = "index_form"
"""Its name in `META`."""
_BATCH: Final = 2_000
"""Objects a transaction."""


def make_index(database: Database) -> SqlIndex:
    """Return the conflict index of a database."""
    if isinstance(database, PostgresDatabase):
        return PostgresIndex(database)
    return SqliteIndex(database)


def fill_missing(
    database: Database,
    rows: Rows,
    index: SqlIndex,
    *,
    on_progress: Callable[[int], None] | None = None,
) -> int:
    """Make the index from the rows, unless it is whole already; return how many objects that were.

    Args:
        on_progress: Called with the number of objects so far, now and then.
    """
    if _read_form(database) == FORM:
        return 0
    clear_index(database)
    count = 0
    for count, _ in enumerate(fill_index(rows, index), start=1):
        if count % _BATCH == 0:
            index.commit()
            if on_progress is not None:
                on_progress(count)
    with database.write() as connection:
        index.write_to(connection)
        connection.execute(database.upsert(META), [{"name": FORM_FACT, "value": FORM}])
    index.mark_committed()
    if on_progress is not None and count >= _BATCH:
        on_progress(count)
    return count


def clear_index(database: Database) -> None:
    """Empty the index, which then counts as missing; what is pending in an object stays there."""
    with database.write() as connection:
        connection.execute(delete(META).where(META.c.name == FORM_FACT))
        for table in TABLES:
            connection.execute(table.delete())


def _read_form(database: Database) -> str | None:
    with database.read() as connection:
        return connection.execute(select(META.c.value).where(META.c.name == FORM_FACT)).scalar()
