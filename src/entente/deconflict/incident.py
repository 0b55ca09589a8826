"""Incidents: what was observed, where and when; and the answers that are owed when it was at a notified site.

Invariants:
  * A report says what was observed and how that is known. It attributes nothing: there is no field for who
    did it, and none for a score of anybody.
  * A report whose place and time fall within the buffer of a site version that stood then, and that everyone
    can read who can read the report, opens its follow-up by itself: each of them but the reporter owes an
    answer. Nobody has to ask for it, and nobody can decline to open it.
  * An answer is the party's own account, or that it has nothing to state yet. Silence is neither: after the
    agreed days it is recorded as silence, and a later answer is accepted and marked late.
  * A site that was moved or withdrawn since still counts; one that was notified only afterwards does not
    (`entente.deconflict.incident_sites`).

It does not compare accounts and finds nobody responsible.

    ReportIncident(id="m2-fire", category="strike", urgent=True, place_e7=(362000000, 371600000),
    within_cm=5_000,
                   start="2016-09-17T14:05:00Z", end="2016-09-17T14:20:00Z", observed="…", basis="seen",
                   source="")
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from entente.deconflict.incident_sites import Report, ReportIncident, SiteMet, find_sites, incident_volume
from entente.deconflict.index import ConflictIndex
from entente.deconflict.ladder import decide_waited
from entente.deconflict.objects import list_readers, name_object
from entente.deconflict.receipts import Stamp, make_stamp
from entente.kernel.ids import LeafHash
from entente.kernel.kinds import ALLOWED, Decision, Kind, SignedBy, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows
from entente.kernel.time import encode_utc, measure_wait, parse_utc
from entente.kernel.wire import Count, NoteText, SlugText, UtcText, WireStruct

ANSWER_DAYS: Final = 7
URGENT_ANSWER_DAYS: Final = 2
"""A border agreement's clock: question, then an answer within seven days, two when urgent."""
EARLIER_KEPT: Final = 10
"""In the row itself, which is written again at each answer: a party that goes on answering must not make it
grow."""
AnswerKind = Literal["account", "nothing-yet"]
FollowUpState = Literal["waiting", "answered", "silent"]
PartyNames = Annotated[list[SlugText], msgspec.Meta(min_length=1, max_length=64)]


class AnswerIncident(WireStruct, frozen=True):
    """Body of ``incident.answer``: the author's own account, or ``nothing-yet``."""

    id: SlugText
    answer: AnswerKind
    text: NoteText


class SilentIncident(WireStruct, frozen=True):
    """Body of ``incident.silent``: who has said nothing in the agreed days."""

    id: SlugText
    silent: PartyNames
    recorded: UtcText
    waited_s: Count


class IncidentRow(Row, frozen=True):
    """A report in the record. ``sites`` is empty when it was at no notified site that all can read."""

    TABLE: ClassVar[str] = "incidents"
    INDEXED: ClassVar[tuple[str, ...]] = ("author", "message")
    incident: str
    id: str
    author: str
    to: tuple[str, ...]
    message: str
    index: int
    at: str
    reported: ReportIncident
    sites: tuple[SiteMet, ...] = ()
    in_doubt: bool = False
    """Whether it hangs on a last digit, or on older rules, that it was at a site or at none."""

    def key(self) -> str:
        """Return the scoped name."""
        return self.incident


class SaidRow(Row, frozen=True):
    """One message of a party about an incident: all of them are here, by the record's order."""

    TABLE: ClassVar[str] = "said-of-incidents"
    INDEXED: ClassVar[tuple[str, ...]] = ("incident", "party")
    incident: str
    party: str
    answer: AnswerKind
    stamp: Stamp

    def key(self) -> str:
        """Return the incident, the party and the place in the record."""
        return f"{self.incident}:{self.party}#{self.stamp.index:016d}"


class AccountRow(Row, frozen=True):
    """What a party last said of an incident; ``earlier`` names its `EARLIER_KEPT` messages before it."""

    TABLE: ClassVar[str] = "accounts"
    INDEXED: ClassVar[tuple[str, ...]] = ("incident", "party")
    incident: str
    party: str
    answer: AnswerKind
    text: str
    stamp: Stamp
    earlier: tuple[str, ...] = ()
    times: int = 1
    """How often it has said something of it; each is a `SaidRow`."""

    def key(self) -> str:
        """Return ``incident:party``."""
        return f"{self.incident}:{self.party}"


class FollowUpRow(Row, frozen=True):
    """The answer that one party owes. ``days`` is how long it has."""

    TABLE: ClassVar[str] = "follow-ups"
    INDEXED: ClassVar[tuple[str, ...]] = ("incident", "party", "state")
    incident: str
    party: str
    author: str
    message: str
    index: int
    days: int
    state: FollowUpState
    is_late: bool = False
    answered: Stamp | None = None
    silent: Stamp | None = None

    def key(self) -> str:
        """Return ``incident:party``."""
        return f"{self.incident}:{self.party}"


def decide_report_incident(message: VerifiedMessage[ReportIncident], rows: Rows) -> Decision:
    """Allow a new report of something past, with a place and a time that are."""
    body = message.body
    if body is None:
        return ALLOWED
    incident_volume(body)
    known = rows.find(IncidentRow, name_object(message, body.id))
    if known is not None:
        return denied(
            "name-taken", f"incident {body.id!r}: expected a new name, it is one reported by {known.author!r}"
        )
    if parse_utc(body.start) > parse_utc(message.payload.at):
        return denied(
            "not-yet",
            f"incident {body.id!r}: expected a start up to {message.payload.at!r}, got {body.start!r}",
        )
    return ALLOWED


def project_report_incident(entry: Entry[ReportIncident], rows: Rows) -> None:
    """Write the report down; `open_follow_ups` finds out at which sites it was."""
    body = entry.message.body
    if body is not None:
        message = entry.message
        rows.put(
            IncidentRow(
                incident=name_object(message, body.id),
                id=body.id,
                author=message.author,
                to=message.addressees,
                message=message.leaf,
                index=entry.index,
                at=message.payload.at,
                reported=body,
            )
        )


def open_follow_ups(entry: Entry[Any], rows: Rows, index: ConflictIndex) -> list[FollowUpRow]:
    """Open what is owed for a report that was just projected; return the new rows."""
    body = entry.message.body
    if entry.message.payload.kind != "incident.report" or body is None:
        return []
    name = name_object(entry.message, body.id)
    row = rows.find(IncidentRow, name)
    if row is None:
        raise AssertionError(f"incident {name!r}: was projected and has no row")
    met = find_sites(row.reported, Report(row.author, row.to, row.at), rows, index)
    rows.put(msgspec.structs.replace(row, sites=met.sites, in_doubt=met.in_doubt))
    if not met.sites:
        return []
    opened = [_owe(row, party) for party in list_readers(row.author, row.to, rows) if party != row.author]
    for one in opened:
        rows.put(one)
    return opened


def _owe(row: IncidentRow, party: str) -> FollowUpRow:
    return FollowUpRow(
        incident=row.incident,
        party=party,
        author=row.author,
        message=row.message,
        index=row.index,
        days=_count_days(row.reported),
        state="waiting",
    )


def decide_answer_incident(message: VerifiedMessage[AnswerIncident], rows: Rows) -> Decision:
    """Allow a party that can read the report to say something new of it; its reporter has said his in it."""
    body = message.body
    if body is None:
        return ALLOWED
    row = rows.find(IncidentRow, name_object(message, body.id))
    if row is None:
        return denied(
            "unknown-incident", f"incident {body.id!r}: expected one known to this audience, found none"
        )
    if row.author == message.author:
        return denied("own-incident", f"incident {body.id!r}: expected another party than its reporter")
    if (body.answer == "account") != bool(body.text):
        return denied(
            "bad-account",
            f"incident {body.id!r}: expected a text with 'account' and none with 'nothing-yet', got "
            f"{body.answer!r} with {len(body.text)} characters",
        )
    known = rows.find(AccountRow, f"{row.incident}:{message.author}")
    if known is not None and (known.answer, known.text) == (body.answer, body.text):
        return denied(
            "already-answered",
            f"incident {body.id!r}: expected something new, {message.author!r} has said this",
        )
    return ALLOWED


def project_answer_incident(entry: Entry[AnswerIncident], rows: Rows) -> None:
    """Write the answer down, late when its silence was recorded before."""
    body = entry.message.body
    if body is None:
        return
    name, party, stamp = name_object(entry.message, body.id), entry.message.author, make_stamp(entry)
    known = rows.find(AccountRow, f"{name}:{party}")
    earlier = (*known.earlier, known.stamp.leaf)[-EARLIER_KEPT:] if known is not None else ()
    times = known.times + 1 if known is not None else 1
    rows.put(AccountRow(name, party, body.answer, body.text, stamp, earlier, times))
    rows.put(SaidRow(name, party, body.answer, stamp))
    owed = rows.find(FollowUpRow, f"{name}:{party}")
    if owed is not None and owed.answered is None:
        late = owed.silent is not None
        rows.put(msgspec.structs.replace(owed, state="answered", answered=stamp, is_late=late))


def decide_silent_incident(message: VerifiedMessage[SilentIncident], rows: Rows) -> Decision:
    """Allow the true list of who owes an answer still, once the agreed days are over."""
    body = message.opened()
    waiting, days = _list_waiting(body.id, rows)
    if not waiting:
        return denied(
            "nothing-owed", f"incident {body.id!r}: expected one with answers that are owed, found none"
        )
    if body.silent != waiting:
        # SECURITY: a center that could call one silent who has answered, or spare one who has not, would take
        # sides (tests/unit/test_deconflict_incidents.py, test_a_false_list_of_the_silent_is_refused).
        return denied("wrong-lists", f"incident {body.id!r}: expected silent {waiting}, got {body.silent}")
    return decide_waited(message.payload.at, body.recorded, body.waited_s, least_s=days * 86_400)


def _list_waiting(name: str, rows: Rows) -> tuple[list[str], int]:
    """Return who owes an answer about an incident still, and how many days each has."""
    owed = list(rows.select(FollowUpRow, incident=name))
    row = rows.find(IncidentRow, name)
    if owed or row is None or row.to or not row.in_doubt:
        days = max((one.days for one in owed), default=0)
        return sorted(one.party for one in owed if one.state == "waiting"), days
    # Nothing is owed by what was computed here, where another machine may hold that it is.
    readers = [party for party in list_readers(row.author, row.to, rows) if party != row.author]
    silent = [party for party in readers if rows.find(AccountRow, f"{name}:{party}") is None]
    return silent, _count_days(row.reported)


def _count_days(body: ReportIncident) -> int:
    return URGENT_ANSWER_DAYS if body.urgent else ANSWER_DAYS


def project_silent_incident(entry: Entry[SilentIncident], rows: Rows) -> None:
    """Record the silence."""
    body, stamp = entry.message.opened(), make_stamp(entry)
    row = rows.find(IncidentRow, body.id)
    if row is None:
        raise AssertionError(f"incident {body.id!r}: has silent parties and no row")
    for party in body.silent:
        owed = rows.find(FollowUpRow, f"{body.id}:{party}") or _owe(row, party)
        rows.put(msgspec.structs.replace(owed, state="silent", silent=stamp))


def plan_follow_ups(
    rows: Rows, now_utc: datetime, recorded_utc: Callable[[LeafHash], datetime | None]
) -> list[tuple[str, SilentIncident]]:
    """Return the center's messages that are due: (kind, body), by the place of the report in the record.

    For open incidents alone: the host cannot read what is owed for a sealed one; its audience computes it
    (`answer_due`).

    Args:
        now_utc: The time that the center will claim.
        recorded_utc: When a message was recorded; None where that is not known, which is then left alone.
    """
    waiting: dict[str, list[FollowUpRow]] = {}
    for row in rows.select(FollowUpRow, state="waiting"):
        if "@" not in row.incident:
            waiting.setdefault(row.incident, []).append(row)
    due: list[tuple[str, SilentIncident]] = []
    for name, owed in sorted(waiting.items(), key=lambda one: one[1][0].index):
        recorded = recorded_utc(LeafHash(owed[0].message))
        if recorded is None:
            continue
        waited_s = measure_wait(now_utc, recorded)
        if waited_s >= owed[0].days * 86_400:
            silent = sorted(row.party for row in owed)
            due.append(("incident.silent", SilentIncident(name, silent, encode_utc(recorded), waited_s)))
    return due


def answer_due(row: FollowUpRow, since_utc: datetime) -> datetime:
    """Return until when an answer is owed, counted from when the report was recorded or heard."""
    return since_utc + timedelta(days=row.days)


INCIDENT_REPORT: Final = Kind(
    "incident.report",
    ReportIncident,
    decide=decide_report_incident,
    project=project_report_incident,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
INCIDENT_ANSWER: Final = Kind(
    "incident.answer",
    AnswerIncident,
    decide=decide_answer_incident,
    project=project_answer_incident,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
INCIDENT_SILENT: Final = Kind(
    "incident.silent",
    SilentIncident,
    decide=decide_silent_incident,
    project=project_silent_incident,
    signed_by=SignedBy.CENTER,
)
