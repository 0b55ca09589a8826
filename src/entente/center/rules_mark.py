"""By which rules a database's rows were computed, and saying so when they are not this version's.

The record is one truth, rows are what a version of entente makes of it. A newer version may compute more, or
otherwise, from the same entries. Rows of before are read all the same, and go on being right as far as they
went; only computing them again makes all of them the same (`entente center rebuild`). That takes long, so it
is for the operator to say when: a start tells him, and goes on.

Invariants: a database is marked when it is made, before its first entry, and never afterwards; a copy of it
(`entente center migrate`) keeps its mark.

    >>> check_rules(database)
    ''
"""

from __future__ import annotations

from typing import Final

import structlog

from entente.center import archive
from entente.store.sql import Database

RULES: Final = 2
"""Another number with each change by which the same entries make other rows. 1: up to where none was kept.
2: an alarm keeps which conflict the center named."""
RULES_FACT: Final = "rules"
"""Its name in `META`."""


def check_rules(database: Database) -> str:
    """Mark a database that has no entries yet; of any other, log and return what is to be said of it.

    Raises:
        StoreError: The disk failed.
    """
    facts = archive.read_meta(database)
    if archive.APPLIED_SIZE not in facts and RULES_FACT not in facts:
        with database.write() as connection:
            archive.write_meta(connection, database, {RULES_FACT: str(RULES)})
        return ""
    number = facts.get(RULES_FACT, "1")
    if number == str(RULES):
        return ""
    reason = (
        f"database: expected rows by rules {RULES} of this version, got some by rules {number}: the record "
        "stands, but some rows are as another version made them. Stop the center when there is time and "
        "compute them again (entente center rebuild)"
    )
    structlog.get_logger("center").warning("other-rules", expected=RULES, found=number, reason=reason)
    return reason
