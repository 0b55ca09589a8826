"""The conflict index: standing volumes under the cells that they touch, in the rows' own database.

Empty after this step: who opens the database fills it from the rows (`entente.store.index_catch_up`).

Invariant: never changed; a later version is a step of its own.

    >>> upgrade()
"""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: str = "0003"
down_revision: str | None = "0002"

_WIDE: Final = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TEXT: Final = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")
_STRICT: Final[dict[str, Any]] = {"sqlite_strict": True, "sqlite_with_rowid": False}


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, _TEXT, nullable=False)


def _wide(name: str) -> sa.Column[int]:
    return sa.Column(name, _WIDE, nullable=False, autoincrement=False)


def _small(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def upgrade() -> None:
    """Create the four tables, and on PostgreSQL what numbers the objects."""
    op.create_table(
        "index_stems",
        *(_text("name"), _wide("stem")),
        sa.PrimaryKeyConstraint("name", "stem", name="pk_index_stems"),
        **_STRICT,
    )
    op.create_table(
        "index_objects",
        *(_text("object"), _text("name"), _wide("number"), _wide("first_id"), _wide("volumes")),
        sa.PrimaryKeyConstraint("object", name="pk_index_objects"),
        **_STRICT,
    )
    op.create_index("ix_index_objects_number", "index_objects", ["number"])
    op.create_table(
        "index_volumes",
        *(_wide("id"), _text("object"), _wide("ordinal"), sa.Column("data", sa.LargeBinary, nullable=False)),
        sa.PrimaryKeyConstraint("id", name="pk_index_volumes"),
        sqlite_strict=True,
    )
    op.create_table(
        "index_cells",
        *(_wide("cell"), _wide("start_s"), _wide("id"), _wide("end_s")),
        *(_small("floor_m"), _small("ceiling_m")),
        *(_small("south"), _small("west"), _small("north"), _small("east")),
        sa.PrimaryKeyConstraint("cell", "start_s", "id", name="pk_index_cells"),
        **_STRICT,
    )
    if op.get_context().dialect.name == "postgresql":
        op.execute(sa.schema.CreateSequence(sa.Sequence("index_numbers")))


def downgrade() -> None:
    """Remove the index; the rows have all that it was made of."""
    if op.get_context().dialect.name == "postgresql":
        op.execute(sa.schema.DropSequence(sa.Sequence("index_numbers")))
    for name in ("index_cells", "index_volumes", "index_objects", "index_stems"):
        op.drop_table(name)
