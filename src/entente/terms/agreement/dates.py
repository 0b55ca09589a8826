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
    receipt too late delays, in its own name, for all to see: `Dates.say_when` names whose word a date is.

It reads no clock and no receipts: who had what when is passed in.

    >>> Dates(["ru", "us"], received).say_when(stamp)
    'from 2016-09-12T19:01:00Z, by the word of ru'
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeAlias

from entente.kernel.time import encode_utc, parse_utc
from entente.terms.agreement.rows import Stamp


class Had(NamedTuple):
    """By when a message was had, and whose word that is: ``ru``, or ``the center (lapse of ru)``."""

    at: datetime
    by: str


Received: TypeAlias = Callable[[str, str], Had | None]
"""By when a party, not its author, had the message of this leaf, as the record says; None: not yet."""


@dataclass(frozen=True, slots=True)
class Dates:
    """The dates of entries among the parties of one agreement."""

    parties: Sequence[str]
    received: Received
    _known: dict[str, tuple[Had | None, ...]] = field(default_factory=dict, compare=False, repr=False)

    def find(self, stamp: Stamp) -> datetime | None:
        """Return an entry's date, or None while a party has not had it."""
        last = self._find_last(stamp)
        return None if last is None else last.at

    def find_first(self, stamp: Stamp) -> datetime:
        """Return the earliest moment at which anyone says to have had it: its author, or another party."""
        return min([parse_utc(stamp.at), *(one.at for one in self._list_had(stamp) if one is not None)])

    def list_waiting(self, stamp: Stamp) -> list[str]:
        """Return the parties whose receipt is missing."""
        others = (party for party in self.parties if party != stamp.author)
        return [party for party, had in zip(others, self._list_had(stamp), strict=True) if had is None]

    def say_when(self, stamp: Stamp) -> str:
        """Return from when an entry counts and whose word puts it there, or whom it has yet to reach."""
        last = self._find_last(stamp)
        if last is None:
            return f"when it has reached {' and '.join(self.list_waiting(stamp))}"
        return f"from {encode_utc(last.at)}, by the word of {last.by}"

    def _find_last(self, stamp: Stamp) -> Had | None:
        last = Had(parse_utc(stamp.at), stamp.author)
        for had in self._list_had(stamp):
            if had is None:
                return None
            if had.at > last.at:
                last = had
        return last

    def _list_had(self, stamp: Stamp) -> tuple[Had | None, ...]:
        known = self._known.get(stamp.message)
        if known is None:
            others = (party for party in self.parties if party != stamp.author)
            known = self._known[stamp.message] = tuple(self.received(stamp.message, one) for one in others)
        return known
