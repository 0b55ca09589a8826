"""What may be due: so that a look costs nothing while nothing is.

`deconflict.plan_ladder` asks much about every waiting receipt, `plan_concurrence` about every answer that is
waited for. This shows them only those whose time may have come, and remembers when the next one's will.

Invariants: what is due is never left out; who looks again at `next_due` misses nothing, since
what is recorded after a look is due later than that.

Recorded times never run backwards. So one entry parts those that were recorded long enough ago for a step to
be due from those that were not, and receipts of the latter, nearly all, are left out message by message.

    >>> rows = DueRows(rows, find_recorded, now_utc)
    >>> plan_ladder(rows, now_utc, find_recorded)
    >>> rows.next_due
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from entente.deconflict import ConcurrenceRow, ReceiptRow, VersionRow, find_due
from entente.kernel.charter import get_charter
from entente.kernel.roster import PartyRow
from entente.kernel.rows import R, Row, Rows
from entente.kernel.time import parse_utc
from entente.store.sql_rows import SqlRows

UNBOUNDED: Final = 1 << 63
_SLACK: Final = timedelta(seconds=2)
"""Recorded times are whole seconds, rounded down."""


class DueRows:
    """`Rows` for `plan_ladder` and `plan_concurrence`, to look at.

    Args:
        rows: Where the rows are.
        find_recorded: When an entry, by index, was recorded; None where that is not known.
        now_utc: The time of the look.
        size: Number of entries with a recorded time.
    """

    def __init__(
        self,
        rows: Rows,
        find_recorded: Callable[[int], datetime | None],
        now_utc: datetime,
        size: int = 0,
    ) -> None:
        self._rows = rows
        self._find_recorded = find_recorded
        self._now_utc = now_utc
        self._rules = get_charter(rows).rules
        self._first_step = timedelta(minutes=self._rules.escalate_minutes)
        self.next_due = now_utc + self._first_step - _SLACK
        self._young = self._find_young(size)

    def find(self, row: type[R], key: str) -> R | None:
        """Return the row, or None."""
        return self._rows.find(row, key)

    def put(self, row: Row) -> None:
        """Refuse: looking changes nothing."""
        raise TypeError(f"ladder: expected to look only, got a put of {row.key()!r}")

    def put_alike(self, row: Row, values: Sequence[str]) -> None:
        """Refuse: looking changes nothing."""
        raise TypeError(f"ladder: expected to look only, got puts of {row.key()!r} for {len(values)}")

    def select(
        self, row: type[R], *, after: str = "", limit: int | None = None, **equals: str
    ) -> Iterator[R]:
        """Yield what the plans ask for; what waits and whose time has not come is left out."""
        is_asked = equals in ({"state": "waiting"}, {"answer": "waiting"})
        selected = (
            self._rows.select_picked(row, self._may_be_due, after=after, limit=limit, **equals)
            if is_asked and isinstance(self._rows, SqlRows)
            else self._rows.select(row, after=after, limit=limit, **equals)
        )
        for found in selected:
            if is_asked and isinstance(found, ReceiptRow | ConcurrenceRow):
                due_utc = (
                    self._find_due(found) if isinstance(found, ReceiptRow) else self._find_answer_due(found)
                )
                if due_utc is not None and due_utc > self._now_utc - _SLACK:
                    # What is shown may still be a moment short of its time: then the next look is at once.
                    self.next_due = min(self.next_due, due_utc)
                if due_utc is not None and due_utc > self._now_utc:
                    continue
            yield found

    def _find_young(self, size: int) -> int:
        """Return the first entry so new that no step of its receipts is due; nothing is known beyond it."""
        low, high = 0, size
        while low < high:
            middle = (low + high) // 2
            recorded = self._find_recorded(middle)
            if recorded is None or recorded + self._first_step <= self._now_utc + _SLACK:
                low = middle + 1
            else:
                high = middle
        recorded = self._find_recorded(low) if low < size else None
        if recorded is not None:
            self.next_due = min(self.next_due, recorded + self._first_step - _SLACK)
        return low if low < size else UNBOUNDED

    def _may_be_due(self, row: Row) -> bool:
        return not isinstance(row, ReceiptRow) or row.submitted.index < self._young

    def _find_due(self, receipt: ReceiptRow) -> datetime | None:
        """Return when the next step of a receipt is due, or None where that is not known."""
        recorded = self._find_recorded(receipt.submitted.index)
        if recorded is None:
            return None
        if receipt.recorded_utc:
            recorded = min(recorded, parse_utc(receipt.recorded_utc))
        row = self._rows.find(PartyRow, receipt.party)
        contacts = len(row.statement.contacts) if row else 0
        step = len(receipt.escalations) + 1
        minutes = step * self._rules.escalate_minutes
        if step >= contacts or minutes >= self._rules.lapse_minutes:
            minutes = self._rules.lapse_minutes
        return recorded + timedelta(minutes=minutes)

    def _find_answer_due(self, asked: ConcurrenceRow) -> datetime | None:
        """Return when an answer that is waited for is due, or None where that is not known."""
        version = self._rows.find(VersionRow, asked.version)
        recorded = self._find_recorded(version.index) if version else None
        return None if recorded is None else find_due(asked, recorded, self._rows) - _SLACK
