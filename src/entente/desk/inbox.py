"""What a person at this desk must do now, most urgent first, with the words ready.

    confrontation  armed activities meet, or a denied zone is entered: see it, and talk
    alarm        something did not stand up to its check
    acknowledge  a message that an officer of ours has not taken note of, with the clock that runs
    read-back    a position that was told to us and not read back, with our own words for it
    confirm      our position was read back after it moved: say by how much
    dispute      a position that its author says is wrong
    blocked      a position of ours that does not count: its reasons
    concur       an activity that wants our yes or no, and by when; no answer is a no
    counter      a counter-proposal to an activity of ours
    incident     an incident at a notified site: our own account is owed, or a word that there is none yet
    vouch        a zone names us as a guarantor: yes or no; until then it stands as named, not accepted
    site         a notification of ours expires: confirm it again, or withdraw it
    blind        rules of blind checks that want our yes or no; a zoom that the other side has offered
    release      a second officer's yes, a question about passing an item on, a recall that we owe further
    readout      a readout that wants our signature or our dissent
    agreement    what an agreement asks of us: a signature, an answer, a consent, a step
    conflict     ours meets theirs
    refused      a message of ours that was refused
    waiting      a message of ours that is not answered yet: not sent

Invariants: computed from the record's rows and our own book each time, nothing is ticked off here; what is
sealed and unread is not shown as done; the clock of an item starts when the record held it, as far as we can
know.

It sends nothing.

    >>> [item.kind for item in inbox.list_items(now_utc)]
    ['acknowledge', 'read-back']
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Final, Literal

import msgspec

from entente.deconflict import (
    PROTECTION_NOTICE,
    RAISE_ALARM,
    ActivityRow,
    AlarmRow,
    ConcurrenceRow,
    ConflictRow,
    FollowUpRow,
    IncidentRow,
    ObjectRow,
    PositionRow,
    ProposalRow,
    Reading,
    ReceiptRow,
    SiteRow,
    VersionRow,
    ZoneRow,
    answer_due,
    build_readings,
    explain_alarm,
    explain_conflict,
    explain_sight,
    find_proposal,
    find_receipt,
    list_guarantees,
    site_standing,
)
from entente.desk.blind.duties import list_blind_duties
from entente.desk.book import Book
from entente.desk.evidence import AlarmBoard
from entente.desk.item_facts import ItemFacts, Source, Urgency, judge_urgency
from entente.desk.kept_readings import KeptReadings
from entente.desk.outbox import SIGNED, Outbox
from entente.desk.release.duties import list_release_duties
from entente.dialogue import ReadoutRow
from entente.joint.dating import make_received
from entente.kernel.charter import CharterRow, get_charter
from entente.kernel.rows import Rows
from entente.kernel.time import encode_utc, parse_utc
from entente.space import Gazetteer, NamedArea, parse_volume
from entente.terms.agreement import AgreementRow, describe_agreement
from entente.terms.words.text import clean_text

ItemKind = Literal[
    "confrontation",
    "alarm",
    "acknowledge",
    "read-back",
    "confirm",
    "dispute",
    "blocked",
    "concur",
    "counter",
    "incident",
    "vouch",
    "site",
    "readout",
    "agreement",
    "blind",
    "release",
    "conflict",
    "refused",
    "waiting",
]
_ORDER: Final[tuple[ItemKind, ...]] = (
    "confrontation",
    "alarm",
    "acknowledge",
    "read-back",
    "dispute",
    "confirm",
    "blocked",
    "concur",
    "counter",
    "conflict",
    "incident",
    "vouch",
    "site",
    "agreement",
    "release",
    "blind",
    "readout",
    "refused",
    "waiting",
)


class InboxItem(msgspec.Struct, frozen=True):
    """One thing to do. ``subject`` is the message, object, readout or alarm that the answer must name.

    ``part`` tells apart items of one kind with one subject.
    """

    kind: ItemKind
    subject: str
    words: str
    author: str = ""
    since: str = ""
    waited_s: int | None = None
    escalates_in_s: int | None = None
    lapses_in_s: int | None = None
    is_overdue: bool = False
    readings: list[Reading] = []
    part: str = ""
    urgency: Urgency = "soon"
    facts: ItemFacts = ItemFacts()


def say_minute(moment: datetime) -> str:
    """Return a moment for people, to the minute that is over by then."""
    return encode_utc(moment.replace(second=0, microsecond=0))


@dataclass(frozen=True, slots=True)
class Inbox:
    """Computes the items of one desk. Safe from several threads."""

    party: str
    rows: Rows
    book: Book
    board: AlarmBoard
    outbox: Outbox
    get_gazetteer: Callable[[], Gazetteer]
    reminder_s: int
    kept: KeptReadings = field(default_factory=KeptReadings)

    def list_items(self, now_utc: datetime) -> list[InboxItem]:
        """Return everything, most urgent kind first, oldest first within a kind."""
        items = [*self._alarms(), *self._own_messages()]
        if self.rows.find(CharterRow, "charter") is not None:
            items += self._confrontations(now_utc)
            items += self._receipts(now_utc)
            items += self._positions()
            items += self._own_positions()
            items += self._concurrences(now_utc)
            items += self._counters()
            items += self._readouts()
            items += self._agreements(now_utc)
            items += [InboxItem("blind", *one) for one in list_blind_duties(self.rows, self.party)]
            duties = list_release_duties(self.rows, self.book, self.party)
            items += [InboxItem("release", *one) for one in duties]
            items += self._conflicts()
            items += self._incidents(now_utc)
            items += self._vouches()
            items += self._sites(now_utc)
        # SECURITY: what a partner wrote (a title, a reason) stays on its line and turns nothing around it
        # (tests/protocol/test_desk_confronting.py,
        # test_a_partners_words_neither_turn_nor_break_what_we_are_told).
        clean = [self._complete(item) for item in items]
        return sorted(clean, key=lambda item: (_ORDER.index(item.kind), item.since))

    def _complete(self, item: InboxItem) -> InboxItem:
        """Return an item with what it is about, and how urgent it is."""
        facts = Source(self.party, self.rows, self._find_due).find(item.kind, item.subject, item.author)
        own = item.facts
        facts = msgspec.structs.replace(
            facts,
            message=own.message or facts.message,
            due_by=own.due_by or facts.due_by,
            state=own.state or facts.state,
        )
        urgency = judge_urgency(
            item.kind,
            facts,
            is_overdue=item.is_overdue,
            escalates_in_s=item.escalates_in_s,
            lapses_in_s=item.lapses_in_s,
        )
        return msgspec.structs.replace(item, words=clean_text(item.words), facts=facts, urgency=urgency)

    def _find_due(self, owed: FollowUpRow, incident: IncidentRow) -> str:
        return encode_utc(answer_due(owed, self.find_heard(owed.message, self.party, incident.at)))

    def _alarms(self) -> Iterator[InboxItem]:
        for alarm in self.board.standing():
            words = f"{alarm.words}. {alarm.explain()}"
            if alarm.evidence:
                words += f" Evidence: evidence/{alarm.evidence}"
            facts = ItemFacts(message=alarm.subject, state=alarm.code)
            yield InboxItem("alarm", str(alarm.id), words, since=alarm.at, is_overdue=True, facts=facts)

    def _confrontations(self, now_utc: datetime) -> Iterator[InboxItem]:
        """Yield what confronts us: until it has ended and an officer of ours has seen it.

        Seen, it stays listed and is urgent no more: an alarm that goes on after somebody took it up is soon
        heard by nobody.
        """
        for state in ("due", "raised", "ended"):
            for row in self.rows.select(AlarmRow, state=state):
                has_seen = any(one.party == self.party for one in row.seen)
                if self.party not in row.parties or (state == "ended" and (has_seen or row.raised is None)):
                    continue
                words = explain_alarm(row, self.rows)
                if state == "ended":
                    words = f"over ({row.why}), and no officer of ours has seen it: {words}"
                words += f" {explain_sight(row, self.rows)}"
                if row.raised is None and not row.is_open:
                    words += ": not open to all, so the center cannot see it; call the other side"
                item = InboxItem(
                    "confrontation",
                    row.alarm,
                    words,
                    since=row.raised.at if row.raised else "",
                    is_overdue=not has_seen,
                )
                receipt = self.rows.find(ReceiptRow, f"{row.message}:{self.party}")
                if receipt is not None and receipt.acknowledged is None:
                    item = self._with_clock(
                        item, receipt, receipt.recorded_utc or receipt.submitted.at, now_utc
                    )
                yield item

    def _with_clock(self, item: InboxItem, receipt: ReceiptRow, since: str, now_utc: datetime) -> InboxItem:
        rules = get_charter(self.rows).rules
        waited_s = max(0, int((now_utc - parse_utc(since)).total_seconds()))
        step_s = rules.escalate_minutes * 60 * (len(receipt.escalations) + 1)
        has_lapsed = receipt.lapsed is not None
        return msgspec.structs.replace(
            item,
            since=since,
            waited_s=waited_s,
            escalates_in_s=None if has_lapsed else step_s - waited_s,
            lapses_in_s=None if has_lapsed else rules.lapse_minutes * 60 - waited_s,
        )

    def _own_messages(self) -> Iterator[InboxItem]:
        for item in self.outbox.list_waiting():
            state = "signed, no answer yet" if item.state == SIGNED else "not signed yet"
            words = f"{item.kind}: {state}; do not count on it{item.trouble and f' ({item.trouble})'}"
            facts = ItemFacts(state=item.state)
            yield InboxItem("waiting", str(item.id), words, since=item.at, facts=facts)
        for item in self.outbox.list_refused():
            yield InboxItem(
                "refused", str(item.id), f"{item.kind}: {item.reason} [{item.code}]", since=item.at
            )

    def _receipts(self, now_utc: datetime) -> Iterator[InboxItem]:
        for state in ("waiting", "lapsed"):
            for row in self.rows.select(ReceiptRow, party=self.party, state=state):
                if row.kind == RAISE_ALARM:
                    continue  # a confrontation, and shown as one
                outcome = self.book.read_one(
                    "SELECT outcome, note, at FROM outcomes WHERE leaf = ?", (row.message,)
                )
                if outcome is not None and outcome["outcome"] != "readable":
                    words = f"{row.kind} of {row.author}: could not be read: {outcome['note']}"
                    yield InboxItem("acknowledge", row.message, words, row.author, row.submitted.at)
                    continue
                since = row.recorded_utc or (outcome["at"] if outcome else row.submitted.at)
                escalated = f", escalated {len(row.escalations)} times" if row.escalations else ""
                lapsed = ", lapsed: it still can be, and will be marked late" if state == "lapsed" else ""
                words = (
                    f"{row.kind} of {row.author}: no officer of ours has acknowledged it{escalated}{lapsed}"
                )
                item = self._with_clock(
                    InboxItem("acknowledge", row.message, words, row.author), row, since, now_utc
                )
                is_overdue = state == "lapsed" or (item.waited_s or 0) >= self.reminder_s
                yield msgspec.structs.replace(item, is_overdue=is_overdue)

    def _positions(self) -> Iterator[InboxItem]:
        named = self._list_named_zones()
        areas: list[NamedArea] | None = None
        for row in self.rows.select(PositionRow, party=self.party):
            version = self._current(row.message)
            if version is None:
                continue
            if row.disputed is not None:
                words = f"{version.type} {version.object!r}: {row.author}, its author, says it is wrong: "
                yield InboxItem("dispute", row.message, words + row.dispute, row.author, row.disputed.at)
            elif row.state == "unread":
                areas = self.list_areas() if areas is None else areas
                make = partial(self._build_readings, version, areas)
                readings = self.kept.get((version.key(), version.previous, named), make)
                words = f"{version.type} {version.object!r} of {row.author}: read it back: " + "; ".join(
                    reading.words for reading in readings
                )
                yield InboxItem("read-back", row.message, words, row.author, readings=readings)

    def _own_positions(self) -> Iterator[InboxItem]:
        for row in self.rows.select(PositionRow, state="blocked"):
            version = self._current(row.message)
            if row.author != self.party or version is None:
                continue
            moved = row.moved_cm is not None and row.confirmed is None and row.disputed is None
            words = (
                f"{version.type} {version.object!r} does not count with {row.party}: {'; '.join(row.reasons)}"
            )
            at = row.read_back.at if row.read_back else ""
            kind: ItemKind = "confirm" if moved else "blocked"
            yield InboxItem(kind, row.message, words, row.party, at, part=row.party)

    def _current(self, leaf: str) -> VersionRow | None:
        """Return a version if it is its standing object's current one."""
        version = self.rows.find(VersionRow, leaf)
        thing = self.rows.find(ObjectRow, version.object) if version else None
        if version is None or thing is None or thing.state != "standing" or thing.version != leaf:
            return None
        return version

    def build_readings(self, version: VersionRow) -> list[Reading]:
        """Return a version's positions in our own words, for a person to check and send."""
        return self._build_readings(version, self.list_areas())

    def _build_readings(self, version: VersionRow, areas: list[NamedArea]) -> list[Reading]:
        earlier = self.rows.find(VersionRow, version.previous)
        then = earlier.volumes if earlier is not None else None
        return build_readings(version.volumes, self.get_gazetteer(), areas, then)

    def _list_named_zones(self) -> tuple[str, ...]:
        """Return the versions of the zones that `list_areas` names."""
        return tuple(row.version for row in self.rows.select(ZoneRow, state="standing"))

    def list_areas(self) -> list[NamedArea]:
        """Return the standing zones by name, for saying inside which one a position lies."""
        return [
            NamedArea(row.declared.name, parse_volume(volume).outline)
            for row in self.rows.select(ZoneRow, state="standing")
            for volume in row.declared.volumes
        ]

    def _concurrences(self, now_utc: datetime) -> Iterator[InboxItem]:
        for answer in ("waiting", "lapsed"):
            for asked in self.rows.select(ConcurrenceRow, party=self.party, answer=answer):
                version = self._current(asked.version)
                row = self.rows.find(ActivityRow, version.object) if version else None
                if row is None:
                    continue
                is_past = now_utc >= parse_utc(asked.due_by)
                words = f"activity {row.id!r} ({row.title}) asks for our agreement"
                if answer == "lapsed":
                    words += f"; none came by {asked.due_by}, and it lapsed: an answer now is marked late"
                else:
                    words += f" by {asked.due_by}{', which is past' if is_past else ''}; no answer is a no"
                facts = ItemFacts(due_by=asked.due_by, state=answer)
                yield InboxItem("concur", row.object, words, row.author, is_overdue=is_past, facts=facts)

    def _counters(self) -> Iterator[InboxItem]:
        for row in self.rows.select(ActivityRow, state="standing", author=self.party):
            for one in self.rows.select(ProposalRow, version=row.version):
                found = find_proposal(self.rows, one.proposal)
                if found is not None and found.state == "standing":
                    reason = f": {one.reason}" if one.reason else ""
                    words = (
                        f"{one.author} proposes other volumes for activity {row.id!r} ({row.title}){reason}; "
                        "answer by an update, or decline"
                    )
                    yield InboxItem("counter", one.proposal, words, one.author, one.stamp.at)

    def _readouts(self) -> Iterator[InboxItem]:
        for row in self.rows.select(ReadoutRow, state="open"):
            said = {answer.party for answer in row.answers}
            if self.party in row.readout.parties and self.party not in said:
                words = f"readout {row.id!r} ({row.readout.title}) wants our signature or our dissent"
                yield InboxItem("readout", row.id, words, row.author, row.readout.held)

    def _agreements(self, now_utc: datetime) -> Iterator[InboxItem]:
        received = make_received(self.rows)
        for row in self.rows.select(AgreementRow):
            for due in describe_agreement(self.rows, row.id, now_utc, received).due:
                if due.party == self.party:
                    agency = f" for {due.agency}" if due.agency else ""
                    by = f", by {due.by}" if due.by else ""
                    words = f"agreement {row.id!r}: {due.what}{agency}{by}: {due.why}"
                    yield InboxItem(
                        "agreement",
                        row.id,
                        words,
                        since=due.by,
                        is_overdue=due.is_overdue,
                        part=f"{due.kind}.{due.agency}.{'.'.join(str(one) for one in due.entries)}",
                        facts=ItemFacts(due_by=due.by, state=due.kind),
                    )

    def _conflicts(self) -> Iterator[InboxItem]:
        for row in self.rows.select(ConflictRow, state="open"):
            if any(side.author == self.party for side in row.sides):
                yield InboxItem("conflict", row.key(), explain_conflict(row))

    def find_heard(self, leaf: str, party: str, at: str) -> datetime:
        """Return since when a message is known: as recorded, as it came here, or as its author says."""
        receipt = find_receipt(self.rows, leaf, party)
        outcome = self.book.read_one("SELECT at FROM outcomes WHERE leaf = ?", (leaf,))
        recorded = receipt.recorded_utc if receipt is not None else ""
        return parse_utc(recorded or (outcome["at"] if outcome else at))

    def _incidents(self, now_utc: datetime) -> Iterator[InboxItem]:
        for state in ("waiting", "silent"):
            for row in self.rows.select(FollowUpRow, party=self.party, state=state):
                incident = self.rows.find(IncidentRow, row.incident)
                if incident is None:
                    raise AssertionError(f"incident {row.incident!r}: has a follow-up and no row")
                by = answer_due(row, self.find_heard(row.message, self.party, incident.at))
                sites = ", ".join(met.name for met in incident.sites)
                what = f"incident {incident.id!r} ({incident.reported.category}) at notified site {sites}"
                words = f"{what}, reported by {row.author}: give our own account, or say that there is "
                words += "nothing to state yet"
                words += (
                    f", by {say_minute(by)}; after that our silence is recorded"
                    if state == "waiting"
                    else f"; our silence is RECORDED since {say_minute(by)}: a late answer is still taken"
                )
                yield InboxItem(
                    "incident",
                    row.incident,
                    f"{words}. {PROTECTION_NOTICE}",
                    row.author,
                    since=incident.at,
                    is_overdue=state == "silent" or now_utc >= by,
                )

    def _vouches(self) -> Iterator[InboxItem]:
        for row in self.rows.select(ZoneRow, state="standing"):
            for one in list_guarantees(row, self.rows):
                if one.guarantor == self.party and one.state == "named":
                    promised = f"{one.obligation!r} ({one.duty}: {one.text})"
                    words = f"zone {row.declared.id!r} of {row.author} names us as guarantor of {promised}: "
                    words += "say yes or no; silence is shown as named, not accepted"
                    yield InboxItem("vouch", row.object, words, row.author, part=one.obligation)

    def _sites(self, now_utc: datetime) -> Iterator[InboxItem]:
        for row in self.rows.select(SiteRow, author=self.party, state="standing"):
            standing = site_standing(row, now_utc)
            if standing == "standing":
                continue
            is_over = standing == "expired"
            what = "has EXPIRED" if is_over else "expires"
            site = f"site {row.declared.id!r} ({row.declared.name})"
            words = (
                f"our notification of {site} {what} at {row.expires}: confirm it again or withdraw it; until "
                f"then it stands as it is. {PROTECTION_NOTICE}"
            )
            yield InboxItem("site", row.object, words, since=row.expires, is_overdue=is_over)
