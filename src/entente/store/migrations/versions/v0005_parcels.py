"""Parcels beside a record in PostgreSQL: two tables. A center on SQLite keeps them as files.

Invariant: never changed; a later version is a step of its own.

    >>> upgrade()
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: str = "0005"
down_revision: str | None = "0004"

_TEXT: Final = sa.Text(collation="C")


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def upgrade() -> None:
    """Create the two tables."""
    if not _is_postgresql():
        return
    op.create_table(
        "parcels",
        *(sa.Column(name, _TEXT, nullable=False) for name in ("sha256", "party", "addressee")),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in ("size_bytes", "deposited_s")),
        sa.PrimaryKeyConstraint("sha256", name="pk_parcels"),
    )
    op.create_table(
        "parcel_pieces",
        sa.Column("sha256", _TEXT, nullable=False),
        sa.Column("number", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("sha256", "number", name="pk_parcel_pieces"),
    )
    # Ciphertexts do not become smaller: trying would only cost time.
    op.execute("ALTER TABLE parcel_pieces ALTER COLUMN data SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Remove them with what lies there: who deposited a parcel can deposit it again."""
    if not _is_postgresql():
        return
    op.drop_table("parcel_pieces")
    op.drop_table("parcels")
