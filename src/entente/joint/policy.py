"""Whose log key and whose witnesses count, as the charter and the rosters in force say.

Invariant: the host is no party, so every party's witness counts; a rotated witness key counts from the
entry after the roster that names it.

    >>> make_record_policy(state.rows).quorum
    'parties'
"""

from __future__ import annotations

from entente.kernel.charter import get_charter
from entente.kernel.ids import PartyID
from entente.kernel.roster import PartyRow
from entente.kernel.rows import Rows
from entente.record.note import NoteKey, parse_note_key
from entente.record.policy import Policy
from entente.record.quorum import make_quorum_policy


def witness_keys(rows: Rows) -> dict[PartyID, NoteKey]:
    """Return each party's witness key in force."""
    return {PartyID(row.party): parse_note_key(row.statement.witness) for row in rows.select(PartyRow)}


def make_record_policy(rows: Rows) -> Policy:
    """Return the policy under which this record's checkpoints are believed."""
    charter = get_charter(rows)
    return make_quorum_policy(
        parse_note_key(charter.log),
        witness_keys(rows),
        host=None,
        dishonest=charter.rules.dishonest_witnesses,
        log_url=f"{charter.url}/record" if charter.url else "",
    )
