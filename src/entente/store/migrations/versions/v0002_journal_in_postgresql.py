"""The journal and who may add to it, on PostgreSQL alone: a SQLite center keeps its journal in a file.

Invariants: never changed; a later version is a step of its own. Rows of the journal are added and never
changed or removed: the database refuses both.

    >>> upgrade()
"""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: str = "0002"
down_revision: str | None = "0001"

# A mistake in a shell must not be able to change evidence. Whoever owns the table can take the trigger away;
# what protects against that are the parties' mirrors and witnesses.
_REFUSE: Final = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is append only: expected no %', TG_OP;
END
$$
"""
_GUARD: Final = """
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON journal
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"


def upgrade() -> None:
    """Create the journal's tables."""
    if not _is_postgresql():
        return
    op.create_table(
        "journal",
        sa.Column("start", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("start", name="pk_journal"),
    )
    # Uncompressed, so that one entry of a large frame is read without the rest of it.
    op.execute("ALTER TABLE journal ALTER COLUMN data SET STORAGE EXTERNAL")
    op.execute(_REFUSE)
    op.execute(_GUARD)
    leadership = op.create_table(
        "leadership",
        sa.Column("id", sa.BigInteger, nullable=False, autoincrement=False),
        sa.Column("epoch", sa.BigInteger, nullable=False),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("closed", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_leadership"),
    )
    op.bulk_insert(leadership, [{"id": 1, "epoch": 0, "holder": "", "closed": False}])


def downgrade() -> None:
    """Remove the journal's tables, unless a record lies in them: this is where it would be lost."""
    if not _is_postgresql():
        return
    if op.get_bind().execute(sa.text("SELECT count(*) FROM journal")).scalar():
        raise ValueError("migration: expected an empty journal, got a record; move it to a file first")
    op.drop_table("leadership")
    op.drop_table("journal")
    op.execute("DROP FUNCTION refuse_change()")
