"""What an item of the inbox is about, as data: for a page that puts it into words of its own.

Invariants: facts repeat what the record and our own book say and judge nothing new; ``version`` and ``to``
are what an answer must name so that it answers the very thing that was on the screen; ``title`` is a
partner's and comes as it was signed; what is not known is empty or None, never guessed.

It decides nothing: `Inbox` says what is due.

    >>> Source("us", rows, find_due).find("concur", "sortie-7", "ru").title
    'Sortie 7'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

import msgspec

from entente.deconflict import (
    ActivityRow,
    AlarmRow,
    ConflictRow,
    FollowUpRow,
    IncidentRow,
    ObjectRow,
    PositionRow,
    ProposalRow,
    ReceiptRow,
    SiteRow,
    VersionRow,
    ZoneRow,
    find_receipt,
)
from entente.dialogue import ReadoutRow, SayRow, ThreadRow
from entente.kernel.charter import get_charter
from entente.kernel.roster import PartyRow
from entente.kernel.rows import Rows

Urgency = Literal["now", "soon", "later"]
Silence = Literal["", "lapses", "no", "recorded", "not-accepted", "stands", "does-not-count"]
"""What no answer means: kept as silence, a no, recorded as silent, a promise that stays named and not
accepted, a thing that stands as it is, a position that does not count."""
_LAST_STEP_S: Final = 60
_LAST_LAPSE_S: Final = 120
_LATER: Final = frozenset({"vouch", "site", "blind", "readout", "refused"})
_MOST_CONFLICTS: Final = 20


class ItemFacts(msgspec.Struct, frozen=True):
    """What an item is about. Empty where it does not apply."""

    message: str = ""
    index: int | None = None
    message_kind: str = ""
    object: str = ""
    object_type: str = ""
    id: str = ""
    title: str = ""
    version: str = ""
    to: tuple[str, ...] = ()
    due_by: str = ""
    silence: Silence = ""
    steps: int = 0
    """To how many further contacts of ours the center has turned."""
    escalates_to: str = ""
    """Whom it turns to next; empty: to nobody, or it has lapsed."""
    has_lapsed: bool = False
    escalate_s: int = 0
    lapse_s: int = 0
    conflicts: tuple[str, ...] = ()
    moved_cm: int | None = None
    """By how much the position moved as it was read back."""
    difference_cm: int | None = None
    thread: str = ""
    language: str = ""
    text: str = ""
    """What was said on the hotline, as it was signed."""
    is_urgent: bool = False
    state: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where facts come from: our party, the rows, and when a follow-up is owed."""

    party: str
    rows: Rows
    find_due: Callable[[FollowUpRow, IncidentRow], str]

    def find(self, kind: str, subject: str, author: str) -> ItemFacts:
        """Return what is known of an item of this kind."""
        found = {
            "confrontation": self._of_alarm,
            "acknowledge": self._of_receipt,
            "read-back": self._of_version,
            "dispute": self._of_version,
            "concur": self._of_object,
            "vouch": self._of_object,
            "site": self._of_object,
            "counter": self._of_proposal,
            "incident": self._of_incident,
            "conflict": self._of_conflict,
            "readout": self._of_readout,
        }.get(kind)
        if kind in {"confirm", "blocked"}:
            return self._of_position(subject, author)
        return found(subject) if found is not None else ItemFacts()

    def _of_receipt(self, leaf: str) -> ItemFacts:
        receipt = find_receipt(self.rows, leaf, self.party)
        if receipt is None:
            return ItemFacts(message=leaf)
        facts = self._add_clock(
            ItemFacts(
                message=leaf,
                index=receipt.submitted.index,
                message_kind=receipt.kind,
                silence="lapses",
            ),
            receipt,
        )
        version = self.rows.find(VersionRow, leaf)
        said = self.rows.find(SayRow, leaf)
        if said is not None:
            thread = self.rows.find(ThreadRow, said.thread)
            return msgspec.structs.replace(
                facts,
                thread=thread.id if thread else said.thread,
                language=said.language,
                text=said.text,
                is_urgent=said.urgent,
            )
        return self._add_object(facts, version.object) if version is not None else facts

    def _add_clock(self, facts: ItemFacts, receipt: ReceiptRow) -> ItemFacts:
        rules = get_charter(self.rows).rules
        own = self.rows.find(PartyRow, self.party)
        contacts = list(own.statement.contacts) if own is not None else []
        step = len(receipt.escalations) + 1
        has_lapsed = receipt.lapsed is not None
        return msgspec.structs.replace(
            facts,
            steps=len(receipt.escalations),
            escalates_to=contacts[step] if step < len(contacts) and not has_lapsed else "",
            has_lapsed=has_lapsed,
            escalate_s=rules.escalate_minutes * 60,
            lapse_s=rules.lapse_minutes * 60,
        )

    def _add_object(self, facts: ItemFacts, name: str) -> ItemFacts:
        thing = self.rows.find(ObjectRow, name)
        if thing is None:
            return facts
        return msgspec.structs.replace(
            facts,
            object=name,
            object_type=thing.type,
            id=thing.id,
            title=self._find_title(name),
            version=thing.version,
            to=tuple(sorted({thing.author, *thing.to})) if thing.to else (),
            conflicts=tuple(self._list_conflicts(name))[:_MOST_CONFLICTS],
        )

    def _find_title(self, name: str) -> str:
        activity = self.rows.find(ActivityRow, name)
        if activity is not None:
            return activity.title
        place = self.rows.find(ZoneRow, name) or self.rows.find(SiteRow, name)
        return place.declared.name if place is not None else ""

    def _list_conflicts(self, name: str) -> Iterator[str]:
        seen = set()
        for rows in (self.rows.select(ConflictRow, first=name), self.rows.select(ConflictRow, second=name)):
            for row in rows:
                is_own = any(side.author == self.party for side in row.sides)
                if row.state == "open" and is_own and row.key() not in seen:
                    seen.add(row.key())
                    yield row.key()

    def _of_version(self, leaf: str) -> ItemFacts:
        version = self.rows.find(VersionRow, leaf)
        if version is None:
            return ItemFacts(message=leaf)
        own = self.rows.find(PositionRow, f"{leaf}:{self.party}")
        facts = ItemFacts(
            message=leaf,
            index=version.index,
            silence="does-not-count",
            moved_cm=own.moved_cm if own else None,
            difference_cm=own.difference_cm if own else None,
            text=own.dispute if own else "",
        )
        return self._add_object(facts, version.object)

    def _of_position(self, leaf: str, party: str) -> ItemFacts:
        facts = self._of_version(leaf)
        row = self.rows.find(PositionRow, f"{leaf}:{party}")
        if row is None:
            return facts
        return msgspec.structs.replace(facts, moved_cm=row.moved_cm, difference_cm=row.difference_cm)

    def _of_object(self, name: str) -> ItemFacts:
        facts = self._add_object(ItemFacts(), name)
        thing = self.rows.find(ObjectRow, name)
        if thing is None:
            return facts
        silence: dict[str, Silence] = {"activity": "no", "zone": "not-accepted", "site": "stands"}
        site = self.rows.find(SiteRow, name)
        return msgspec.structs.replace(
            facts,
            message=thing.version,
            index=thing.version_index,
            silence=silence.get(thing.type, ""),
            due_by=site.expires if site is not None else "",
        )

    def _of_proposal(self, leaf: str) -> ItemFacts:
        row = self.rows.find(ProposalRow, leaf)
        if row is None:
            return ItemFacts(message=leaf)
        facts = ItemFacts(message=leaf, index=row.stamp.index, text=row.reason)
        return self._add_object(facts, row.object)

    def _of_alarm(self, name: str) -> ItemFacts:
        row = self.rows.find(AlarmRow, name)
        if row is None:
            return ItemFacts()
        facts = ItemFacts(
            message=row.message,
            index=row.raised.index if row.raised else None,
            message_kind="alarm.raise" if row.raised else "",
            id=name,
            thread=name if row.raised else "",
            conflicts=(row.conflict, *row.also)[:_MOST_CONFLICTS],
            due_by=row.begins,
            silence="lapses" if row.raised else "",
            state=row.state,
        )
        receipt = find_receipt(self.rows, row.message, self.party) if row.message else None
        return self._add_clock(facts, receipt) if receipt is not None else facts

    def _of_incident(self, name: str) -> ItemFacts:
        incident = self.rows.find(IncidentRow, name)
        if incident is None:
            return ItemFacts()
        owed = self.rows.find(FollowUpRow, f"{name}:{self.party}")
        return ItemFacts(
            message=incident.message,
            index=incident.index,
            object=name,
            object_type="incident",
            id=incident.id,
            text=incident.reported.observed,
            to=tuple(sorted({incident.author, *incident.to})) if incident.to else (),
            due_by=self.find_due(owed, incident) if owed is not None else "",
            silence="recorded",
            is_urgent=incident.reported.urgent,
            state=owed.state if owed is not None else "",
        )

    def _of_conflict(self, key: str) -> ItemFacts:
        row = self.rows.find(ConflictRow, key)
        if row is None:
            return ItemFacts(conflicts=(key,))
        other = next((side for side in row.sides if side.author != self.party), row.sides[1])
        return ItemFacts(
            object=other.object,
            object_type=other.type,
            title=other.title,
            index=row.since_index,
            conflicts=(key,),
            due_by=row.closest.start,
            silence="stands",
        )

    def _of_readout(self, name: str) -> ItemFacts:
        row = self.rows.find(ReadoutRow, name)
        if row is None:
            return ItemFacts()
        return ItemFacts(
            message=row.message,
            index=row.index,
            object_type="readout",
            id=name,
            title=row.readout.title,
            version=row.sha256,
            language=row.readout.language,
        )


def judge_urgency(
    kind: str, facts: ItemFacts, *, is_overdue: bool, escalates_in_s: int | None, lapses_in_s: int | None
) -> Urgency:
    """Return how soon a person must turn to an item. What nobody can end by acting never is ``now``."""
    if is_overdue or facts.is_urgent:
        return "now"
    if facts.escalates_to and escalates_in_s is not None and escalates_in_s <= _LAST_STEP_S:
        return "now"
    if lapses_in_s is not None and lapses_in_s <= _LAST_LAPSE_S:
        return "now"
    return "later" if kind in _LATER else "soon"
