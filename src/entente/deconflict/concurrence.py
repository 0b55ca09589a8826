"""Concurrence: a party that was asked says yes or no to one version of an activity, and the state that makes.

Invariants:
  * The default answer is no: an activity is ``concurred`` only when every party that was named has said so
    itself, for the current version or for one that holds all of it (`entente.deconflict.carry`). Silence,
    delivery and acknowledgement say nothing.
  * Only a named party answers, only after an officer of it acknowledged that version, and it may change its
    answer.
  * A no has a reason, or is a "reconsider", which has none: a reason can give a plan away.
  * An answer after the lapse counts and is marked late. It does not undo that there was none in time.
  * The state shown is the least reassuring one that is true.

It does not bind anyone to act, and entente enforces nothing. Deadlines: `entente.deconflict.deadline`.

    >>> activity_state(rows, "sortie-7")
    ActivityState(state='objected', reasons=('ru objected: …',))
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from entente.deconflict.activity import ActivityRow
from entente.deconflict.carry import Agreed, AnswerWord, ConcurrenceRow
from entente.deconflict.objects import find_current
from entente.deconflict.receipts import find_receipt, list_receipts, make_stamp, put_answer
from entente.kernel.charter import list_parties
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Rows, get_row
from entente.kernel.wire import Hex64, SlugText, WireStruct

ReasonText = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]
ActivityStateWord = Literal[
    "notified", "acknowledged", "concurred", "objected", "lapsed", "closed", "cancelled"
]


class Concur(WireStruct, frozen=True):
    """Body of ``activity.concur``."""

    activity: SlugText
    version: Hex64


class Object(WireStruct, frozen=True):
    """Body of ``activity.object``: a no, with its reason."""

    activity: SlugText
    version: Hex64
    reason: ReasonText


class Reconsider(WireStruct, frozen=True):
    """Body of ``activity.reconsider``: a no that gives no reason. Think again, and ask again."""

    activity: SlugText
    version: Hex64


class ActivityState(msgspec.Struct, frozen=True):
    """An activity's state with what it rests on."""

    state: ActivityStateWord
    reasons: tuple[str, ...]


def decide_concur(message: VerifiedMessage[Concur], rows: Rows) -> Decision:
    """Allow a named party to agree to the current version."""
    body = message.body
    return (
        ALLOWED if body is None else _decide_answer(message, body.activity, body.version, "concurred", rows)
    )


def project_concur(entry: Entry[Concur], rows: Rows) -> None:
    """Write the yes down."""
    body = entry.message.body
    if body is not None:
        _put(entry, body.version, "concurred", "", rows)


def decide_object(message: VerifiedMessage[Object], rows: Rows) -> Decision:
    """Allow a named party to refuse the current version."""
    body = message.body
    return ALLOWED if body is None else _decide_answer(message, body.activity, body.version, "objected", rows)


def project_object(entry: Entry[Object], rows: Rows) -> None:
    """Write the no down."""
    body = entry.message.body
    if body is not None:
        _put(entry, body.version, "objected", body.reason, rows)


def decide_reconsider(message: VerifiedMessage[Reconsider], rows: Rows) -> Decision:
    """Allow a named party to refuse the current version without saying why."""
    body = message.body
    return (
        ALLOWED if body is None else _decide_answer(message, body.activity, body.version, "reconsider", rows)
    )


def project_reconsider(entry: Entry[Reconsider], rows: Rows) -> None:
    """Write the no down."""
    body = entry.message.body
    if body is not None:
        _put(entry, body.version, "reconsider", "", rows)


def activity_state(rows: Rows, object_name: str) -> ActivityState:
    """Return an activity's state; raise `NotFound` where none of this scoped name is known here."""
    row = get_row(rows, ActivityRow, object_name, what="activity")
    if row.state != "standing":
        return ActivityState(row.state, (f"{row.author} said: {row.note}",) if row.note else ())
    answers = {answer.party: answer for answer in rows.select(ConcurrenceRow, version=row.version)}
    refused = [one for one in answers.values() if one.answer in {"objected", "reconsider"}]
    if refused:
        return ActivityState("objected", tuple(describe_answer(one) for one in refused))
    receipts = list_receipts(rows, row.version, list_parties(rows))
    lapsed = [
        f"{one.party} did not acknowledge in time"
        for one in receipts
        if one.lapsed is not None and one.acknowledged is None
    ]
    lapsed += [describe_answer(one) for one in answers.values() if one.answer == "lapsed"]
    if lapsed:
        return ActivityState("lapsed", tuple(lapsed))
    waiting = [one.party for one in receipts if one.acknowledged is None]
    if waiting or not receipts:
        return ActivityState("notified", tuple(f"{party} has not acknowledged" for party in waiting))
    silent = [one for one in answers.values() if one.answer != "concurred"]
    if silent or not row.concurrence:
        return ActivityState("acknowledged", tuple(describe_answer(one) for one in silent))
    return ActivityState("concurred", tuple(describe_answer(answers[party]) for party in row.concurrence))


def describe_answer(row: ConcurrenceRow) -> str:
    """Return in words what a party that was asked has answered."""
    late = ", late: it had lapsed" if row.is_late else ""
    match row.answer:
        case "concurred" if row.carried_from:
            return (
                f"{row.party} concurred to version {row.carried_from[:12]}, carried over: nothing grew{late}"
            )
        case "concurred":
            return f"{row.party} concurred{late}"
        case "objected":
            return f"{row.party} objected{late}: {row.reason}"
        case "reconsider":
            return f"{row.party} asks to reconsider, and gives no reason{late}"
        case "lapsed":
            return f"{row.party} did not answer by {row.due_by}: no answer is a no"
        case _:
            return f"{row.party} has not concurred"


def _decide_answer(
    message: VerifiedMessage[Concur] | VerifiedMessage[Object] | VerifiedMessage[Reconsider],
    activity: str,
    version: str,
    answer: str,
    rows: Rows,
) -> Decision:
    row = find_current(message, activity, version, ActivityRow, "activity", rows)
    if isinstance(row, Decision):
        return row
    if message.author not in row.concurrence:
        # SECURITY: otherwise any party could speak for one that was asked, or drown its no in yeses
        # (tests/unit/test_deconflict_concurrence.py, test_concurrence_by_a_party_not_named_is_refused).
        return denied(
            "not-asked",
            f"activity {activity!r}: expected an answer of {list(row.concurrence)}, got one of "
            f"{message.author!r}",
        )
    receipt = find_receipt(rows, version, message.author)
    if receipt is None or receipt.acknowledged is None:
        return denied(
            "not-acknowledged",
            f"activity {activity!r}: expected {message.author!r} to have acknowledged version {version[:12]} "
            "first",
        )
    known = rows.find(ConcurrenceRow, f"{version}:{message.author}")
    if known is not None and known.answer == answer and not known.carried_from:
        return denied(
            "already-answered",
            f"activity {activity!r}: expected another answer, {message.author!r} has {answer} already",
        )
    return ALLOWED


def _put(
    entry: Entry[Concur] | Entry[Object] | Entry[Reconsider],
    version: str,
    answer: Literal["concurred", "objected", "reconsider"],
    reason: str,
    rows: Rows,
) -> None:
    party, stamp = entry.message.author, make_stamp(entry)
    row = rows.find(ConcurrenceRow, f"{version}:{party}")
    if row is None:
        raise AssertionError(f"version {version[:12]}: {party!r} was asked and has no row")
    said: AnswerWord = answer
    rows.put(
        msgspec.structs.replace(
            row,
            answer=said,
            reason=reason,
            stamp=stamp,
            is_late=row.is_late or row.answer == "lapsed",
            agreed=Agreed(version, row.title, row.armed, row.asked, stamp) if answer == "concurred" else None,
            carried_from="",
        )
    )
    put_answer(entry, version, answer, reason, rows)


ACTIVITY_CONCUR: Final = Kind(
    "activity.concur",
    Concur,
    decide=decide_concur,
    project=project_concur,
    min_officers=1,
    may_be_sealed=True,
)
ACTIVITY_OBJECT: Final = Kind(
    "activity.object",
    Object,
    decide=decide_object,
    project=project_object,
    min_officers=1,
    may_be_sealed=True,
)
ACTIVITY_RECONSIDER: Final = Kind(
    "activity.reconsider",
    Reconsider,
    decide=decide_reconsider,
    project=project_reconsider,
    min_officers=1,
    may_be_sealed=True,
)
