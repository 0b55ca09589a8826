"""Rows that were put alike are kept as one: two tables forward, everything taken apart on the way back.

What an older version wrote one by one stays so: both ways of keeping are read.

Invariant: never changed; a later version is a step of its own.

    >>> upgrade()
"""

from __future__ import annotations

import json
from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: str = "0004"
down_revision: str | None = "0003"

_ALIKE: Final[dict[str, tuple[str, str, tuple[str, ...]]]] = {
    "receipts": ("message", "party", ("state", "party", "author")),
    "positions": ("message", "party", ("state", "party", "message")),
}
"""The fields that make a key, and those that rows are selected by, as they are at this step."""
_PAGE: Final = 500
_WIDE: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_ROWS: Final = sa.table("rows", sa.column("tbl"), sa.column("key"), sa.column("data"))
_INDEX: Final = sa.table(
    "row_index", sa.column("tbl"), sa.column("field"), sa.column("value"), sa.column("key")
)


def upgrade() -> None:
    """Create the two tables; what is there stays readable."""
    op.create_table(
        "sheaves",
        sa.Column("number", _WIDE, nullable=False, autoincrement=False),
        sa.Column("tbl", _TEXT, nullable=False),
        sa.Column("key", _TEXT, nullable=False),
        sa.PrimaryKeyConstraint("number", name="pk_sheaves"),
        sqlite_strict=True,
    )
    op.create_table(
        "sheaf_places",
        sa.Column("tbl", _TEXT, nullable=False),
        sa.Column("value", _TEXT, nullable=False),
        sa.Column("block", _WIDE, nullable=False, autoincrement=False),
        sa.PrimaryKeyConstraint("tbl", "value", "block", name="pk_sheaf_places"),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Write every row by itself again."""
    connection = op.get_bind()
    for table in _ALIKE:
        after = ""
        while True:
            question = sa.select(_ROWS.c.key, _ROWS.c.data).where(
                _ROWS.c.tbl == f"{table}/alike", _ROWS.c.key > after
            )
            found = connection.execute(question.order_by(_ROWS.c.key).limit(_PAGE)).all()
            for _, data in found:
                _take_apart(connection, table, json.loads(data))
            if len(found) < _PAGE:
                break
            after = found[-1].key
        for one in (_INDEX, _ROWS):
            connection.execute(sa.delete(one).where(one.c.tbl == f"{table}/alike"))
    for name in ("sheaf_places", "sheaves"):
        op.drop_table(name)


def _take_apart(connection: sa.Connection, table: str, sheaf: dict[str, Any]) -> None:
    shared, differing, indexed = _ALIKE[table]
    rows, places = [], []
    for value in sheaf["values"]:
        row = {**sheaf["row"], differing: value}
        key = f"{row[shared]}:{value}"
        data = json.dumps(row, ensure_ascii=False, separators=(",", ":"))
        rows.append({"tbl": table, "key": key, "data": data})
        places += [{"tbl": table, "field": one, "value": row[one], "key": key} for one in indexed]
    if rows:
        connection.execute(sa.insert(_ROWS), rows)
        connection.execute(sa.insert(_INDEX), places)
