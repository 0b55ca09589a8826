"""The record as we follow it, for whoever writes messages: heads, keys, and a judgement by our own rules.

Invariants: it reads what was committed and holds no state, so that any thread may ask; `check` runs the very
steps that the center runs (`joint.acceptance`), so that what it lets pass is refused only for what happened
since.

It changes nothing.

    >>> reader.check(signed, None)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from entente.desk.checks import CenterView, HeadAt
from entente.joint import KINDS, KeyRing, decide_entry, decide_new, verify_message
from entente.kernel.charter import list_parties
from entente.kernel.envelope import SignedMessage
from entente.kernel.errors import Denied
from entente.kernel.ids import LeafHash, PartyID
from entente.kernel.message import ParsedMessage
from entente.kernel.roster import AuthorRow, PartyRow, SealKeyWire
from entente.kernel.rows import Rows
from entente.kernel.time import parse_utc


class JointReader:
    """What `compose` asks of the record as we follow it (`compose.Joint`). Reads what was committed."""

    def __init__(self, party: str, view: CenterView, rows: Rows, is_followed: Callable[[], bool]) -> None:
        self._party = party
        self._view = view
        self._rows = rows
        self._is_followed = is_followed

    def is_followed(self) -> bool:
        """Tell whether the record was followed at least once since the start."""
        return self._is_followed()

    def find_head(self) -> tuple[int, LeafHash] | None:
        """Return number and name of our last message in the record."""
        row = self._rows.find(AuthorRow, self._party)
        return None if row is None else (row.seq, LeafHash(row.leaf))

    def list_others(self) -> tuple[str, ...]:
        """Return every other party."""
        return tuple(party for party in list_parties(self._rows) if party != self._party)

    def get_seal_keys(self, parties: tuple[str, ...]) -> dict[PartyID, SealKeyWire]:
        """Return the seal keys in force."""
        keys = {}
        for party in parties:
            row = self._rows.find(PartyRow, party)
            if row is None or party == self._party:
                expected = ", ".join(self.list_others())
                raise Denied("bad-addressee", f"addressee: expected one of {expected}, got {party!r}")
            keys[PartyID(party)] = row.statement.seal
        return keys

    def check(self, signed: SignedMessage, opened: ParsedMessage[Any] | None) -> None:
        """Judge a message of ours by the same rules as the center and every other desk."""
        message = verify_message(signed, KeyRing.from_rows(self._rows), KINDS, opened=opened)
        decide_entry(message, self._rows, HeadAt(self._view.tree, self._view.size), KINDS)
        # What only the center can say (its clock, what else stands) it says; its own clock a desk has used.
        decide_new(message, self._rows, parse_utc(message.payload.at))
