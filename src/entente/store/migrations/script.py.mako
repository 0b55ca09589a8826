"""${message}

Revision: ${up_revision}, after ${down_revision}
"""

from __future__ import annotations

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    """Bring the tables from ${down_revision} to ${up_revision}."""
    ${upgrades if upgrades else "raise NotImplementedError"}


def downgrade() -> None:
    """Bring the tables back from ${up_revision} to ${down_revision}; what both versions have stays."""
    ${downgrades if downgrades else "raise NotImplementedError"}
