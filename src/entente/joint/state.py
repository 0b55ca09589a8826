"""The joint state: rows, the conflict index and the head of every author's chain, moved one entry at a time.

Invariants: `apply` never fails on an entry that `admit` gave; applying the same entries in the same order to
empty rows gives the same rows, anywhere.

It does not commit: the owner of the rows does, once per batch and after the journal.

    >>> entry = state.admit(message, tree)
    >>> state.apply(entry)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from entente import deconflict, dialogue
from entente.joint.acceptance import MessageRow, RecordHead, SeqRow, decide_entry, decide_new
from entente.joint.keyring import KeyRing
from entente.kernel.ids import LogIndex
from entente.kernel.kinds import KindTable
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.roster import AuthorRow
from entente.kernel.rows import Rows


class JointState:
    """What follows from the record, over any home of rows."""

    def __init__(self, rows: Rows, kinds: KindTable, index: deconflict.ConflictIndex | None = None) -> None:
        """Go on from what ``rows`` hold.

        Args:
            index: Of what stands by these rows, committed with them; left out, it is made from them in
            memory.
        """
        self.rows = rows
        self.kinds = kinds
        self.index = deconflict.rebuild_index(rows) if index is None else index
        self._ring = KeyRing.from_rows(rows)
        self._pace = deconflict.Pace()
        # What the index was asked about the message that was admitted last: its conflicts ask the same.
        self._asked: tuple[str, deconflict.AskedOnce] | None = None

    @property
    def ring(self) -> KeyRing:
        """The keys in force now: an immutable snapshot."""
        return self._ring

    def admit(
        self, message: VerifiedMessage[Any], head: RecordHead, *, now_utc: datetime | None = None
    ) -> Entry[Any]:
        """Return the message as the next entry, or raise as `acceptance.decide_entry` does.

        Args:
            now_utc: The time at which a *new* message is taken in, which is looked at more closely
                (`acceptance.decide_new`); left out where a record is read.
        """
        decide_entry(message, self.rows, head, self.kinds)
        self._asked = None
        if now_utc is not None:
            asked = deconflict.AskedOnce(self.index)
            self._asked = message.leaf, asked
            decide_new(message, self.rows, now_utc, asked, self._pace)
        return Entry(LogIndex(head.size), message)

    def apply(self, entry: Entry[Any]) -> None:
        """Project an admitted entry."""
        message, rows = entry.message, self.rows
        index: deconflict.StandingIndex = self.index
        if self._asked is not None and self._asked[0] == message.leaf:
            index = self._asked[1]
        self._asked = None
        self.move_chain(entry)
        kind = self.kinds.get(message.payload.kind)
        kind.project(entry, rows)
        if kind.acknowledged:
            deconflict.open_receipts(entry, deconflict.list_owing(message, rows), rows)
        deconflict.track_alarms(entry, deconflict.update_conflicts(entry, rows, index), rows)
        deconflict.open_follow_ups(entry, rows, self.index)
        if message.payload.kind == deconflict.RAISE_ALARM:
            self._open_thread(entry)
        if message.payload.kind in {"charter", "roster.statement"}:
            self._ring = KeyRing.from_rows(rows)

    def move_chain(self, entry: Entry[Any]) -> None:
        """Write down where a message stands, as its author's newest, and nothing of what it says.

        For `apply`; and for a desk that leaves a void entry out, whose author's later messages continue it
        all the same.
        """
        message, rows = entry.message, self.rows
        payload = message.payload
        rows.put(
            MessageRow(
                leaf=message.leaf,
                index=entry.index,
                author=payload.author,
                seq=payload.seq,
                kind=payload.kind,
                at=payload.at,
                officers=payload.officers,
                to=[one.party for one in payload.to],
                place=f"{entry.index:016d}",
            )
        )
        rows.put(SeqRow(author_seq=f"{payload.author}:{payload.seq}", leaf=message.leaf))
        rows.put(AuthorRow(author=payload.author, seq=payload.seq, leaf=message.leaf, index=entry.index))

    def _open_thread(self, entry: Entry[Any]) -> None:
        """Open the hotline thread of an alarm: the one place where deconfliction and the hotline meet."""
        alarm = self.rows.find(deconflict.AlarmRow, entry.message.opened().alarm)
        if alarm is not None:
            dialogue.open_alarm_thread(
                entry, alarm.alarm, deconflict.explain_alarm(alarm, self.rows), self.rows
            )
