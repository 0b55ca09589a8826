"""Incidents under an agreement: one party's report, and what the others say to it.

Invariants:
  * A report is its author's claim. It restarts nothing: that takes a motion that all signatories carry
    (`agreement.motions`).
  * Who says nothing has neither accepted nor disputed it.
  * What happened, happened before it was reported, by the author's own clock.

It does not judge whose version is right.

    >>> decide_incident(message, rows).require()
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Rows, get_row
from entente.kernel.time import parse_utc
from entente.kernel.wire import Hex64, NoteText, SlugText, UtcText, WireStruct
from entente.terms.agreement.rows import (
    AgreementRow,
    IncidentAnswer,
    IncidentRow,
    decide_party,
    decide_signed,
    make_stamp,
)
from entente.terms.agreement.signing import ReasonText
from entente.terms.agreement.text import find_clock


class ReportIncident(WireStruct, frozen=True):
    """Body of ``agreement.incident``: what happened against a clock, and when."""

    id: SlugText
    clock: SlugText
    happened: UtcText
    text: ReasonText


class AnswerIncident(WireStruct, frozen=True):
    """Body of ``agreement.answer``: whether another party accepts a report."""

    incident: Hex64
    answer: Literal["accepted", "disputed"]
    text: NoteText


def decide_incident(message: VerifiedMessage[ReportIncident], rows: Rows) -> Decision:
    """Allow a party of a signed agreement to report what happened against a clock of days without it."""
    body = message.opened()
    signed = decide_signed(message, body.id, rows)
    if not signed.is_allowed:
        return signed
    clock = find_clock(get_row(rows, AgreementRow, body.id, what="agreement").text, body.clock)
    if clock is None or clock.kind != "days-without":
        return denied(
            "unknown-clock",
            f"agreement {body.id!r}: expected a clock of days without an incident, got {body.clock!r}",
        )
    if parse_utc(body.happened, path="$.body.happened") > parse_utc(message.payload.at, path="$.at"):
        return denied(
            "not-yet", f"incident: expected happened <= {message.payload.at!r}, got {body.happened!r}"
        )
    return ALLOWED


def project_incident(entry: Entry[ReportIncident], rows: Rows) -> None:
    """Write the report down. No clock moves."""
    body = entry.message.opened()
    rows.put(
        IncidentRow(
            message=entry.message.leaf,
            agreement=body.id,
            clock=body.clock,
            happened=body.happened,
            text=body.text,
            reported=make_stamp(entry),
            answers=(),
        )
    )


def decide_answer(message: VerifiedMessage[AnswerIncident], rows: Rows) -> Decision:
    """Allow another party of the agreement an answer that it has not given already; its last one counts."""
    body = message.opened()
    row = rows.find(IncidentRow, body.incident)
    if row is None:
        return denied(
            "unknown-incident", f"incident {body.incident[:12]!r}: expected one in the record, found none"
        )
    party = decide_party(message, row.agreement, rows)
    if not party.is_allowed:
        return party
    if message.author == row.reported.author:
        return denied(
            "own-incident", f"incident {body.incident[:12]!r}: expected an answer of another party's"
        )
    said = next((one for one in row.answers if one.party == message.author), None)
    if said is not None and said.answer == body.answer:
        return denied(
            "already-answered",
            f"incident {body.incident[:12]!r}: expected another answer of {message.author!r} than that of "
            f"entry {said.stamp.index}",
        )
    return ALLOWED


def project_answer(entry: Entry[AnswerIncident], rows: Rows) -> None:
    """Write the answer down in place of the party's earlier one."""
    body = entry.message.opened()
    row = get_row(rows, IncidentRow, body.incident, what="incident")
    answer = IncidentAnswer(entry.message.author, body.answer, body.text, make_stamp(entry))
    others = tuple(one for one in row.answers if one.party != answer.party)
    rows.put(msgspec.structs.replace(row, answers=(*others, answer)))


AGREEMENT_INCIDENT: Final = Kind(
    "agreement.incident",
    ReportIncident,
    decide=decide_incident,
    project=project_incident,
    min_officers=1,
    acknowledged=True,
)
AGREEMENT_ANSWER: Final = Kind(
    "agreement.answer", AnswerIncident, decide=decide_answer, project=project_answer, min_officers=1
)
