"""The keys in force, as one immutable value that threads can share.

Invariant: a ring is a snapshot. Whoever verifies with it must have the signers checked again against the rows
in force when the message takes its place (`acceptance.decide_entry`, step 6), because a key may be revoked in
between.

    >>> ring = KeyRing.from_rows(rows)
    >>> ring.allowed(parsed, kind)["us/desk+1a2b3c4d"].raw
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from entente.kernel.charter import Charter, CharterRow
from entente.kernel.ids import KeyID
from entente.kernel.keys import PublicKey, parse_public_key
from entente.kernel.kinds import Kind, SignedBy
from entente.kernel.message import ParsedMessage
from entente.kernel.roots import parse_roots
from entente.kernel.roster import PartyRow, RosterStatement
from entente.kernel.rows import Rows


@dataclass(frozen=True, slots=True)
class KeyRing:
    """The center's key, and each party's desk and root keys."""

    center: PublicKey | None
    desks: dict[str, PublicKey]
    roots: dict[str, dict[KeyID, PublicKey]]

    @classmethod
    def from_rows(cls, rows: Rows) -> KeyRing:
        """Return the ring of the charter and rosters in force."""
        row = rows.find(CharterRow, "charter")
        if row is None:
            return cls(None, {}, {})
        roots = {
            founder.party: parse_roots(founder.roots, what=f"charter, {founder.party!r}")
            for founder in row.charter.parties
        }
        desks: dict[str, PublicKey] = {}
        for party in rows.select(PartyRow):
            desks[party.party] = parse_public_key(party.statement.desk)
            roots[party.party] = parse_roots(party.statement.roots, what=f"roster of {party.party!r}")
        return cls(parse_public_key(row.charter.center), desks, roots)

    def allowed(self, parsed: ParsedMessage[Any], kind: Kind[Any]) -> dict[KeyID, PublicKey]:
        """Return the keys that may sign this message, by id.

        A roster and the charter bring keys of their own: that they may be trusted is for their rule to say.
        """
        author = parsed.payload.author
        keys: dict[KeyID, PublicKey] = {}
        if kind.signed_by is SignedBy.DESK and author in self.desks:
            desk = self.desks[author]
            keys[desk.key_id] = desk
        elif kind.signed_by is SignedBy.CENTER and self.center is not None:
            keys[self.center.key_id] = self.center
        elif kind.signed_by is SignedBy.ROOT and isinstance(parsed.body, RosterStatement):
            # SECURITY: the old keys come last, so that a new key with an old one's id (32 bits are soon
            # found) never verifies in its place; the rule then refuses the statement as a whole.
            keys = parse_roots(parsed.body.roots, what=f"roster of {author!r}")
            keys |= self.roots.get(author, {})
        elif kind.signed_by is SignedBy.FOUNDERS and isinstance(parsed.body, Charter):
            center = parse_public_key(parsed.body.center)
            keys[center.key_id] = center
            for founder in parsed.body.parties:
                keys |= parse_roots(founder.roots, what=f"charter, {founder.party!r}")
        return keys
