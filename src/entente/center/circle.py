"""The circle of witnesses: whose cosignatures count now, with which key and where they are asked.

Invariants: a party's witness counts only with a well-formed cosignature key that no other party stated
before it; a party without one weakens nothing, it stays among those that must cosign; whatever a roster
says, this gives an answer and never fails; the host has no witness here (`record.quorum`).

It asks nobody: `witnesses` does.

    >>> {member.party: member.url for member in list_members(rows)}
    {'ru': 'http://…/witness', 'us': 'http://…/witness'}
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from entente.kernel.charter import get_charter, list_parties
from entente.kernel.errors import Malformed
from entente.kernel.ids import PartyID
from entente.kernel.roster import PartyRow
from entente.kernel.rows import Rows
from entente.record import NoteKey, SignatureType, parse_note_key


@dataclass(frozen=True, slots=True)
class CircleMember:
    """A party's witness: its key, its address (empty: none), the authority of its TLS certificate."""

    party: PartyID
    key: NoteKey
    url: str
    tls_ca: str


def list_members(rows: Rows) -> list[CircleMember]:
    """Return the parties' witnesses in force, by party name."""
    members: dict[bytes, CircleMember] = {}
    # SECURITY: a party that states another's witness key would make one signer count twice. Who stated a
    # key first keeps it (tests/unit/test_center_circle.py, test_a_copied_witness_key_does_not_count).
    for row in sorted(rows.select(PartyRow), key=lambda each: (each.since_index, each.party)):
        statement = row.statement
        try:
            key = parse_note_key(statement.witness)
        except Malformed:
            continue
        if key.kind is SignatureType.COSIGNATURE_ED25519 and key.public not in members:
            party = PartyID(row.party)
            members[key.public] = CircleMember(
                party, key, statement.witness_url.rstrip("/"), statement.tls_ca
            )
    return sorted(members.values(), key=lambda member: member.party)


def find_witness_keys(rows: Rows) -> dict[PartyID, NoteKey]:
    """Return the key of every party's witness, for the quorum.

    SECURITY: a party whose roster states no key of its own has one here that nobody holds: were it left
    out, fewer of the others could make a history firm (test_a_party_without_a_witness_weakens_nothing).
    """
    found = {member.party: member.key for member in list_members(rows)}
    for party in list_parties(rows):
        if party not in found:
            nobody = hashlib.sha256(b"entente: no witness of " + party.encode()).digest()
            found[party] = NoteKey(f"{party}/witness", SignatureType.COSIGNATURE_ED25519, nobody)
    return found


def find_dishonest(rows: Rows) -> int | None:
    """Return the agreed number of witnesses that may lie, or None for the default."""
    agreed = get_charter(rows).rules.dishonest_witnesses
    return None if agreed is None else min(agreed, len(list_parties(rows)) - 1)
