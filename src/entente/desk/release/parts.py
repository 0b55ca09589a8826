"""What every part of a desk's gate stands on: record, book, shelves, ladder, vetoes, clock.

It decides nothing.

    >>> parts.library.get_report("r-17")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from entente.desk.book import Book
from entente.desk.evidence import AlarmBoard
from entente.desk.release.library import Library
from entente.kernel.ports import Clock, Random
from entente.kernel.roster import PartyRow
from entente.kernel.rows import Rows
from entente.kernel.time import parse_utc
from entente.release.variant.ladder import Ladder
from entente.release.veto import Veto

_EPOCH: Final = parse_utc("1970-01-01T00:00:00Z")


@dataclass(slots=True)
class ReleaseParts:
    """What the parts share. Safe from several threads."""

    party: str
    rows: Rows
    book: Book
    board: AlarmBoard
    clock: Clock
    random: Random
    library: Library
    ladder: Ladder
    veto: Veto

    def list_officers(self) -> Sequence[str]:
        """Return our officers by the roster in force."""
        row = self.rows.find(PartyRow, self.party)
        return [] if row is None else [one.id for one in row.statement.officers]

    def has_party(self, party: str) -> bool:
        """Tell whether a party is another one of this center."""
        return party != self.party and self.rows.find(PartyRow, party) is not None

    def now_us(self) -> int:
        """Return the clock's time in microseconds since 1970."""
        return to_us(self.clock.now_utc())


def to_us(moment: datetime) -> int:
    """Return a time in microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def from_us(moment_us: int) -> datetime:
    """Return the time of so many microseconds since 1970."""
    return _EPOCH + timedelta(microseconds=moment_us)
