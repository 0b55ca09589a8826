"""How much each party has standing: counted as it goes, so that a quota costs nothing to look at.

Invariants: what is sealed is counted where it can be read, and so nowhere at the host; a conflict counts for
the author of the entry that opened it, not for whom it happens to, and one entry for `COUNTED` of them at
most: whoever meets another's crowd did not heap it up. Of the conflicts of one entry those that do not count
end first. Who held something before this was counted begins at nothing: a quota only ever errs in a party's
favour.

It limits nothing: see `entente.deconflict.intake`.

    >>> find_held("us", rows).objects
    3
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any, ClassVar, Final

import msgspec

from entente.kernel.message import Entry
from entente.kernel.rows import Row, Rows

COUNTED: Final = 100
"""Conflicts that an entry counts for at most."""


class HeldRow(Row, frozen=True):
    """What one party has standing: objects, their volumes, and open conflicts that its messages opened."""

    TABLE: ClassVar[str] = "held"
    party: str
    objects: int = 0
    volumes: int = 0
    conflicts: int = 0

    def key(self) -> str:
        """Return the party's name."""
        return self.party


class OpenedRow(Row, frozen=True):
    """Whose message an entry was that opened conflicts, and how many of those that are open do not count."""

    TABLE: ClassVar[str] = "opened"
    place: str
    party: str
    uncounted: int = 0

    def key(self) -> str:
        """Return the entry's index as 16 digits."""
        return self.place


def find_held(party: str, rows: Rows) -> HeldRow:
    """Return what a party has standing."""
    return rows.find(HeldRow, party) or HeldRow(party)


def count_held(party: str, rows: Rows, *, objects: int = 0, volumes: int = 0, conflicts: int = 0) -> None:
    """Add to what a party has standing, or take away; never below nothing."""
    if not party or not (objects or volumes or conflicts):
        return
    held = find_held(party, rows)
    rows.put(
        msgspec.structs.replace(
            held,
            objects=max(0, held.objects + objects),
            volumes=max(0, held.volumes + volumes),
            conflicts=max(0, held.conflicts + conflicts),
        )
    )


def count_opened(entry: Entry[Any], number: int, rows: Rows) -> None:
    """Note that an entry opened conflicts, whosever the objects are."""
    if number:
        place, party = f"{entry.index:016d}", entry.message.author
        counted = min(number, COUNTED)
        known = rows.find(OpenedRow, place)
        uncounted = number - counted + (known.uncounted if known is not None else 0)
        rows.put(OpenedRow(place, party, uncounted))
        count_held(party, rows, conflicts=counted)


def count_closed(since: Iterable[int], rows: Rows) -> None:
    """Note that conflicts are resolved, by the entries that had opened them."""
    for index, number in sorted(Counter(since).items()):
        opened = rows.find(OpenedRow, f"{index:016d}")
        if opened is None:
            continue
        free = min(number, opened.uncounted)
        if free:
            rows.put(msgspec.structs.replace(opened, uncounted=opened.uncounted - free))
        count_held(opened.party, rows, conflicts=free - number)
