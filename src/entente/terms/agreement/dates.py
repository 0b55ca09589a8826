"""When an entry counts for an agreement: from the moment at which every party of it has had it.

A message's own time is its author's claim, and its author gains by it: who gives notice would have given it
earlier. So nothing runs from the author's word alone. Each other party says itself when it had a message:
its desk's delivery, its officer's acknowledgement; and where it says nothing, the ladder's lapse says that it
was given the agreed time. These are entries of the record, so everyone computes the same dates.

Invariants:
  * An entry's *date* is the latest of: its author's claimed time, and for each other party of the agreement
    the time of the first of delivery, acknowledgement or lapse that the record has.
  * While one of these is missing there is no date, and nothing runs from the entry.
  * A date does not change once it is there. No party alone can bring one forward; one that states its own
    receipt too late delays, in its own name, for all to see.

It reads no clock and no receipts: who had what when is passed in.

    >>> Dates(["ru", "us"], received).find(stamp)
    datetime.datetime(2016, 9, 12, 19, 1, tzinfo=datetime.timezone.utc)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from entente.kernel.time import parse_utc
from entente.terms.agreement.rows import Stamp

Received: TypeAlias = Callable[[str, str], datetime | None]
"""By when a party, not its author, had the message of this leaf, as the record says; None: not yet."""


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates of entries among the parties of one agreement."""

    parties: Sequence[str]
    received: Received

    def find(self, stamp: Stamp) -> datetime | None:
        """Return an entry's date, or None while a party has not had it."""
        date = parse_utc(stamp.at)
        for party in self.parties:
            if party != stamp.author:
                received = self.received(stamp.message, party)
                if received is None:
                    return None
                date = max(date, received)
        return date

    def list_waiting(self, stamp: Stamp) -> list[str]:
        """Return the parties whose receipt is missing."""
        others = (party for party in self.parties if party != stamp.author)
        return [party for party in others if self.received(stamp.message, party) is None]
