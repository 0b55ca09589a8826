"""How Alembic runs our steps: over a connection that `entente.store.sql` hands it, never over one of its own.

Invariant: no configuration file is read, and nothing is logged.

    >>> context.config.attributes["connection"]
"""

from __future__ import annotations

from alembic import context

from entente.store.tables import METADATA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    transactional_ddl=True,
    version_table=context.config.attributes["version_table"],
)
with context.begin_transaction():
    context.run_migrations()
