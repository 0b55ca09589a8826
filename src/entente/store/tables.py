"""The tables: one generic home for every kind of row, and what lies beside the record.

    rows, row_index     projected rows, and the text fields that they can be selected by
    sealed              ciphertexts of addressed messages, by addressee: the one thing that can be erased
    arrivals            where and when an entry was recorded
    events              what a client that was away has missed, by ascending id
    checkpoints         signed notes that were shown to witnesses
    cosignatures        each witness's line on one of them
    meta                small facts of the database itself

Invariants: everything but `sealed` and `cosignatures` can be computed again from the journal; text is
compared byte by byte (SQLite's BINARY), so that an order here is the order of `MemoryRows`.

These objects are what queries are built from; `migrations` makes the tables. A test holds the two together.

    >>> connection.execute(select(ROWS.c.data).where(ROWS.c.tbl == "parties"))
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Column,
    ForeignKeyConstraint,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

METADATA: Final = MetaData(
    naming_convention={"pk": "pk_%(table_name)s", "fk": "fk_%(table_name)s", "ix": "ix_%(column_0_label)s"}
)
# SQLite's STRICT tables know INTEGER (64 bits) and refuse BIGINT; elsewhere INTEGER has 32 bits.
_WIDE: Final = BigInteger().with_variant(Integer, "sqlite")
_STRICT: Final[dict[str, Any]] = {"sqlite_strict": True, "sqlite_with_rowid": False}

ROWS: Final = Table(
    "rows",
    METADATA,
    Column("tbl", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("data", Text, nullable=False),
    PrimaryKeyConstraint("tbl", "key"),
    **_STRICT,
)
ROW_INDEX: Final = Table(
    "row_index",
    METADATA,
    Column("tbl", Text, nullable=False),
    Column("field", Text, nullable=False),
    Column("value", Text, nullable=False),
    Column("key", Text, nullable=False),
    PrimaryKeyConstraint("tbl", "field", "value", "key"),
    **_STRICT,
)
SEALED: Final = Table(
    "sealed",
    METADATA,
    Column("leaf", Text, nullable=False),
    Column("party", Text, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("leaf", "party"),
    sqlite_strict=True,
)
ARRIVALS: Final = Table(
    "arrivals",
    METADATA,
    Column("log_index", _WIDE, nullable=False, autoincrement=False),
    Column("leaf", Text, nullable=False),
    Column("recorded_utc", Text, nullable=False),
    PrimaryKeyConstraint("log_index"),
    sqlite_strict=True,
)
EVENTS: Final = Table(
    "events",
    METADATA,
    Column("id", _WIDE, nullable=False, autoincrement=False),
    Column("type", Text, nullable=False),
    Column("data", Text, nullable=False),
    PrimaryKeyConstraint("id"),
    sqlite_strict=True,
)
CHECKPOINTS: Final = Table(
    "checkpoints",
    METADATA,
    Column("size", _WIDE, nullable=False, autoincrement=False),
    Column("note", LargeBinary, nullable=False),
    PrimaryKeyConstraint("size"),
    sqlite_strict=True,
)
COSIGNATURES: Final = Table(
    "cosignatures",
    METADATA,
    Column("size", _WIDE, nullable=False),
    Column("party", Text, nullable=False),
    Column("line", Text, nullable=False),
    PrimaryKeyConstraint("size", "party"),
    ForeignKeyConstraint(["size"], ["checkpoints.size"]),
    **_STRICT,
)
META: Final = Table(
    "meta",
    METADATA,
    Column("name", Text, nullable=False),
    Column("value", Text, nullable=False),
    PrimaryKeyConstraint("name"),
    **_STRICT,
)
