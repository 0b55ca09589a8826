"""First tables: rows, their index, and what lies beside the record.

Invariant: never changed in what it makes of a SQLite file; a later version is a step of its own. (For
PostgreSQL, where it first ran with step 0002, texts have the order of their bytes.)

    >>> upgrade()
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: str = "0001"
down_revision: str | None = None

_WIDE: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_STRICT: Final[dict[str, Any]] = {"sqlite_strict": True, "sqlite_with_rowid": False}


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=False)


def _wide(name: str) -> sa.Column[int]:
    return sa.Column(name, _WIDE, nullable=False, autoincrement=False)


def upgrade() -> None:
    """Create every table of version 1."""
    op.create_table(
        "rows",
        *(_text("tbl"), _text("key"), _text("data")),
        sa.PrimaryKeyConstraint("tbl", "key", name="pk_rows"),
        **_STRICT,
    )
    op.create_table(
        "row_index",
        *(_text("tbl"), _text("field"), _text("value"), _text("key")),
        sa.PrimaryKeyConstraint("tbl", "field", "value", "key", name="pk_row_index"),
        **_STRICT,
    )
    op.create_table(
        "sealed",
        *(_text("leaf"), _text("party"), sa.Column("data", sa.LargeBinary, nullable=False)),
        sa.PrimaryKeyConstraint("leaf", "party", name="pk_sealed"),
        sqlite_strict=True,
    )
    op.create_table(
        "arrivals",
        *(_wide("log_index"), _text("leaf"), _text("recorded_utc")),
        sa.PrimaryKeyConstraint("log_index", name="pk_arrivals"),
        sqlite_strict=True,
    )
    op.create_table(
        "events",
        *(_wide("id"), _text("type"), _text("data")),
        sa.PrimaryKeyConstraint("id", name="pk_events"),
        sqlite_strict=True,
    )
    op.create_table(
        "checkpoints",
        *(_wide("size"), sa.Column("note", sa.LargeBinary, nullable=False)),
        sa.PrimaryKeyConstraint("size", name="pk_checkpoints"),
        sqlite_strict=True,
    )
    op.create_table(
        "cosignatures",
        *(_wide("size"), _text("party"), _text("line")),
        sa.PrimaryKeyConstraint("size", "party", name="pk_cosignatures"),
        sa.ForeignKeyConstraint(["size"], ["checkpoints.size"], name="fk_cosignatures"),
        **_STRICT,
    )
    op.create_table(
        "meta",
        *(_text("name"), _text("value")),
        sa.PrimaryKeyConstraint("name", name="pk_meta"),
        **_STRICT,
    )


def downgrade() -> None:
    """Remove every table of version 1, with what is in it."""
    for name in ("cosignatures", "checkpoints", "events", "arrivals", "sealed", "row_index", "rows", "meta"):
        op.drop_table(name)
