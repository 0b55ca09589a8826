"""The tables: one generic home for every kind of row, and what lies beside the record.

    rows, row_index     projected rows, and the text fields that they can be selected by
    sheaves, sheaf_places
                        rows that are kept as one, and under which values: see `sheaf`
    sealed              ciphertexts of addressed messages, by addressee: the one thing that can be erased
    arrivals            where and when an entry was recorded
    events              what a client that was away has missed, by ascending id
    checkpoints         signed notes that were shown to witnesses
    cosignatures        each witness's line on one of them
    meta                small facts of the database itself
    index_stems, index_objects, index_volumes, index_cells
                        the conflict index: see `index_sql`

On PostgreSQL alone, where a center's record lies in the database (`JOURNAL_METADATA`):

    journal             the record itself: the journal file's bytes, one row a frame
    leadership          which process may add to it
    parcels, parcel_pieces
                        bytes beside the record, of which it names the hash: see `parcel_table`

Invariants: everything but `sealed`, `cosignatures` and the journal can be computed again from the journal;
text is compared byte by byte (SQLite's BINARY, PostgreSQL's "C"), so that an order here is the order of
`MemoryRows` on every machine.

These objects are what queries are built from; `migrations` makes the tables. A test holds the two together.

    >>> connection.execute(select(ROWS.c.data).where(ROWS.c.tbl == "parties"))
"""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
)

_NAMES: Final = {"pk": "pk_%(table_name)s", "fk": "fk_%(table_name)s", "ix": "ix_%(column_0_label)s"}
METADATA: Final = MetaData(naming_convention=_NAMES)
JOURNAL_METADATA: Final = MetaData(naming_convention=_NAMES)
# SQLite's STRICT tables know INTEGER (64 bits) and refuse BIGINT; elsewhere INTEGER has 32 bits.
_WIDE: Final = BigInteger().with_variant(Integer, "sqlite")
# A database made with a language's rules would sort "B" behind "a".
_TEXT: Final = Text().with_variant(Text(collation="C"), "postgresql")
_SMALL: Final = Integer()
_STRICT: Final[dict[str, Any]] = {"sqlite_strict": True, "sqlite_with_rowid": False}

ROWS: Final = Table(
    "rows",
    METADATA,
    Column("tbl", _TEXT, nullable=False),
    Column("key", _TEXT, nullable=False),
    Column("data", _TEXT, nullable=False),
    PrimaryKeyConstraint("tbl", "key"),
    **_STRICT,
)
ROW_INDEX: Final = Table(
    "row_index",
    METADATA,
    Column("tbl", _TEXT, nullable=False),
    Column("field", _TEXT, nullable=False),
    Column("value", _TEXT, nullable=False),
    Column("key", _TEXT, nullable=False),
    PrimaryKeyConstraint("tbl", "field", "value", "key"),
    **_STRICT,
)
SHEAVES: Final = Table(
    "sheaves",
    METADATA,
    Column("number", _WIDE, nullable=False, autoincrement=False),
    Column("tbl", _TEXT, nullable=False),
    Column("key", _TEXT, nullable=False),
    PrimaryKeyConstraint("number"),
    sqlite_strict=True,
)
SHEAF_PLACES: Final = Table(
    "sheaf_places",
    METADATA,
    Column("tbl", _TEXT, nullable=False),
    Column("value", _TEXT, nullable=False),
    Column("block", _WIDE, nullable=False, autoincrement=False),
    PrimaryKeyConstraint("tbl", "value", "block"),
    **_STRICT,
)
"""In which blocks of consecutive numbers a sheaf of the table still holds the value."""
SEALED: Final = Table(
    "sealed",
    METADATA,
    Column("leaf", _TEXT, nullable=False),
    Column("party", _TEXT, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("leaf", "party"),
    sqlite_strict=True,
)
ARRIVALS: Final = Table(
    "arrivals",
    METADATA,
    Column("log_index", _WIDE, nullable=False, autoincrement=False),
    Column("leaf", _TEXT, nullable=False),
    Column("recorded_utc", _TEXT, nullable=False),
    PrimaryKeyConstraint("log_index"),
    sqlite_strict=True,
)
EVENTS: Final = Table(
    "events",
    METADATA,
    Column("id", _WIDE, nullable=False, autoincrement=False),
    Column("type", _TEXT, nullable=False),
    Column("data", _TEXT, nullable=False),
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
    Column("party", _TEXT, nullable=False),
    Column("line", _TEXT, nullable=False),
    PrimaryKeyConstraint("size", "party"),
    ForeignKeyConstraint(["size"], ["checkpoints.size"]),
    **_STRICT,
)
META: Final = Table(
    "meta",
    METADATA,
    Column("name", _TEXT, nullable=False),
    Column("value", _TEXT, nullable=False),
    PrimaryKeyConstraint("name"),
    **_STRICT,
)

INDEX_STEMS: Final = Table(
    "index_stems",
    METADATA,
    Column("name", _TEXT, nullable=False),
    Column("stem", _WIDE, nullable=False),
    PrimaryKeyConstraint("name", "stem"),
    **_STRICT,
)
INDEX_OBJECTS: Final = Table(
    "index_objects",
    METADATA,
    Column("object", _TEXT, nullable=False),
    Column("name", _TEXT, nullable=False),
    Column("number", _WIDE, nullable=False),
    Column("first_id", _WIDE, nullable=False),
    Column("volumes", _WIDE, nullable=False),
    PrimaryKeyConstraint("object"),
    Index("ix_index_objects_number", "number"),
    **_STRICT,
)
"""``name``: of the group; ``number``: of the newest change; ``volumes``: 0 when it stands no longer."""
INDEX_VOLUMES: Final = Table(
    "index_volumes",
    METADATA,
    Column("id", _WIDE, nullable=False, autoincrement=False),
    Column("object", _TEXT, nullable=False),
    Column("ordinal", _WIDE, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("id"),
    sqlite_strict=True,
)
INDEX_CELLS: Final = Table(
    "index_cells",
    METADATA,
    *(Column(name, _WIDE, nullable=False) for name in ("cell", "start_s", "id", "end_s")),
    *(Column(name, _SMALL, nullable=False) for name in ("floor_m", "ceiling_m")),
    *(Column(name, _SMALL, nullable=False) for name in ("south", "west", "north", "east")),
    PrimaryKeyConstraint("cell", "start_s", "id"),
    **_STRICT,
)
"""A row for each cell of a volume: its box in `deconflict.cells`'s units. No foreign key to `index_volumes`:
both are written in one place, and checking it would cost a look-up for each row."""

JOURNAL: Final = Table(
    "journal",
    JOURNAL_METADATA,
    Column("start", BigInteger, nullable=False, autoincrement=False),
    Column("size", BigInteger, nullable=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("start"),
)
"""``start``: where the frame begins in the journal's bytes (0: the header); ``size``: of the tree behind."""
LEADERSHIP: Final = Table(
    "leadership",
    JOURNAL_METADATA,
    Column("id", BigInteger, nullable=False, autoincrement=False),
    Column("epoch", BigInteger, nullable=False),
    Column("holder", Text, nullable=False),
    Column("closed", Boolean, nullable=False),
    PrimaryKeyConstraint("id"),
)
"""One row: who leads for the how manyth time, and whether the record has moved away from here."""
PARCELS: Final = Table(
    "parcels",
    JOURNAL_METADATA,
    *(Column(name, _TEXT, nullable=False) for name in ("sha256", "party", "addressee")),
    *(Column(name, BigInteger, nullable=False) for name in ("size_bytes", "deposited_s")),
    PrimaryKeyConstraint("sha256"),
)
PARCEL_PIECES: Final = Table(
    "parcel_pieces",
    JOURNAL_METADATA,
    Column("sha256", _TEXT, nullable=False),
    Column("number", BigInteger, nullable=False, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
    PrimaryKeyConstraint("sha256", "number"),
)
"""No foreign key: both are written in one transaction, in one place."""
