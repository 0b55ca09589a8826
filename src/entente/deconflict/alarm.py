"""Alarms: a confrontation is told to both sides at once; the record holds who was called and who saw it when.

Two conflicts are confrontations:
  * *armed*: two activities of different parties that both authors state to be armed come closer than agreed;
  * *denied-zone*: an activity meets a zone that another party denies and that does not permit it.

The center raises the alarm with a message of its own. One message, in one place of one record: there is no
second text that one side could be shown, and no second moment.

Invariants:
  * What is due is computed (`track_alarms`), by everyone alike: an alarm that is not due is refused, and one
    that is due and not raised is seen by every desk. So is one among sealed activities, which the center
    cannot see and therefore cannot raise.
  * Rules read a conflict only where both objects are open to all: there every view holds the same rows.
  * Both parties owe an answer on the receipt ladder, with its clock: next contact, next contact, lapse. They
    give it by ``alarm.see``, one officer and one alarm at a time: nobody sees an alarm by acknowledging a
    heap.
  * An alarm ends by itself when its conflict is resolved, or is no confrontation any more. It stays in the
    record, and so does whoever did not see it. Where the meeting is moved up, another takes its place: what
    was seen for next year was not seen for tomorrow.

It stops nothing, and does not say who gives way. Its hotline thread is opened by `entente.joint`.

    >>> track_alarms(entry, update_conflicts(entry, rows, index), rows)
    >>> plan_alarms(rows)
    [('alarm.raise', Raise(alarm='alarm-17-1', …))]
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Annotated, Any, Final

import msgspec

from entente.deconflict.alarm_row import (
    AlarmReason,
    AlarmRow,
    AmongRow,
    Called,
    Seen,
    find_reason,
    find_standing,
)
from entente.deconflict.conflict_row import ConflictRow, explain_conflict
from entente.deconflict.conflicts import adopt_conflict
from entente.deconflict.doubt import Weighed, weigh
from entente.deconflict.objects import ObjectRow
from entente.deconflict.receipts import (
    RAISE_ALARM,
    decide_one_officer,
    find_receipt,
    make_stamp,
    mark_acknowledged,
)
from entente.kernel.charter import list_parties
from entente.kernel.ids import PartyID
from entente.kernel.kinds import ALLOWED, Decision, Kind, SignedBy, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.roster import PartyRow
from entente.kernel.rows import Rows
from entente.kernel.wire import Count, SlugText, WireStruct

ConflictKey = Annotated[str, msgspec.Meta(min_length=3, max_length=120)]
_NAMED: Final = 10
"""Conflicts that are named besides an alarm's own; each is in the list of conflicts."""
_REASONS: Final[dict[AlarmReason, str]] = {
    "armed": "two armed activities come closer than agreed",
    "denied-zone": "an activity enters a zone that is denied to it",
}


class Raise(WireStruct, frozen=True):
    """Body of ``alarm.raise``: which confrontation, since which entry, and who is called on both sides."""

    alarm: SlugText
    conflict: ConflictKey
    reason: AlarmReason
    since: Count
    called: Annotated[list[Called], msgspec.Meta(min_length=2, max_length=2)]


class See(WireStruct, frozen=True):
    """Body of ``alarm.see``: the officer in the header has seen this alarm."""

    alarm: SlugText


def plan_alarms(rows: Rows) -> list[tuple[str, Raise]]:
    """Return the alarms that the center must raise now, oldest first: (kind, body)."""
    due = sorted(rows.select(AlarmRow, state="due"), key=lambda row: (row.since_index, row.alarm))
    return [(RAISE_ALARM, _make_raise(row, rows)) for row in due if row.is_open]


def list_owing(message: VerifiedMessage[Any], rows: Rows) -> list[PartyID]:
    """Return who owes an answer: the addressees, of an alarm its two parties, otherwise every other party."""
    if message.addressees:
        return list(message.addressees)
    if message.payload.kind == RAISE_ALARM:
        return [PartyID(one.party) for one in message.opened().called]
    author = message.author
    return [party for party in list_parties(rows) if party != author]


def decide_raise(message: VerifiedMessage[Raise], rows: Rows) -> Decision:
    """Allow what is due, or may honestly be held to be, once, with the first contact of each side."""
    body = message.opened()
    named = rows.find(AlarmRow, body.alarm)
    if named is not None and named.raised is not None:
        word = "already-raised" if named.state == "raised" else "ended"
        return denied(word, f"alarm {body.alarm!r}: expected one that is due, it is {named.state}")
    due = find_standing(rows, body.conflict)
    is_due = (
        due is not None
        # One of those that an alarm is for besides its own may be raised alone, as older centers do.
        and (due.state == "due" or body.conflict in due.also)
        and due.is_open
        and (body.reason, body.since) == (due.reason, due.since_index)
    )
    # The number is the center's: it counts the alarms of an entry, and another machine may count one more.
    is_named = re.fullmatch(rf"alarm-{body.since}-[1-9][0-9]{{0,5}}", body.alarm) is not None
    if not (is_named and (is_due or _is_among(body, due, rows) or _weigh_raise(body, rows) is not None)):
        return _deny_raise(body, due or named, rows)
    expected = _list_called(sorted(_list_authors(body.conflict, rows)), rows)
    if body.called != expected:
        # SECURITY: whoever chose the contact could send one side's alarm to somebody who is asleep
        # (tests/unit/test_deconflict_alarm.py, test_an_alarm_to_another_contact_is_refused).
        return denied(
            "wrong-contact",
            f"alarm {body.alarm!r}: expected {msgspec.to_builtins(expected)}, got "
            f"{msgspec.to_builtins(body.called)}",
        )
    return ALLOWED


def _deny_raise(body: Raise, row: AlarmRow | None, rows: Rows) -> Decision:
    row = row or next(iter(rows.select(AlarmRow, conflict=body.conflict)), None)
    if row is None or not row.is_open:
        # One answer whether it exists among sealed ones or not: host and desks decide alike.
        return denied(
            "no-confrontation",
            f"alarm {body.alarm!r}: expected a confrontation among what is open to all, found none",
        )
    if row.state != "due":
        word = "already-raised" if row.state == "raised" else "ended"
        return denied(word, f"alarm {body.alarm!r}: expected one that is due, it is {row.state}")
    return denied(
        "other-confrontation",
        f"alarm {body.alarm!r}: expected {row.reason} of {row.conflict!r} since entry "
        f"{row.since_index}, got {body.reason} of {body.conflict!r} since entry {body.since}",
    )


def _is_among(body: Raise, listing: AlarmRow | None, rows: Rows) -> bool:
    """Return whether an alarm is for a confrontation here that it does not name: another machine may part it.

    Which of an entry's confrontations have one alarm, and so since when each, hangs on all of them. Each can
    be parted once.
    """
    if listing is None or body.conflict not in listing.also:
        return False
    things = [rows.find(ObjectRow, name) for name in body.conflict.split("|")]
    since = max(_find_last_raised(body.conflict, rows) + 1, *(one.first_index for one in things if one))
    return listing.is_open and body.reason == listing.reason and since <= body.since


def _weigh_raise(body: Raise, rows: Rows) -> Weighed | None:
    """Return what may be said of a confrontation that is not due here, where another machine may find it due.

    Not where nothing hangs on a measure: then both have come to the same.
    """
    things = [rows.find(ObjectRow, name) for name in body.conflict.split("|")]
    if len(things) != 2 or things[0] is None or things[1] is None:
        return None
    one, other = things[0], things[1]
    if any(thing.to or thing.state != "standing" for thing in (one, other)) or one.object > other.object:
        return None
    if body.reason != find_reason({one.object: one.type, other.object: other.type}, rows):
        return None
    last = _find_last_raised(body.conflict, rows)
    if one.author == other.author or not max(last, one.first_index - 1, other.first_index - 1) < body.since:
        return None
    weighed = weigh(one, other, last, rows)
    return weighed if weighed.is_possible and weighed.is_in_doubt else None


def _find_last_raised(conflict: str, rows: Rows) -> int:
    """Return since which entry the latest alarm was due that was raised about a conflict; -1 for none."""
    raised = (row for row in rows.select(AlarmRow, conflict=conflict) if row.raised is not None)
    return max((row.since_index for row in raised), default=-1)


def project_raise(entry: Entry[Raise], rows: Rows) -> None:
    """Mark it as raised, under the name that the center gave it."""
    body = entry.message.opened()
    due = find_standing(rows, body.conflict)
    if due is not None and body.conflict in due.also:
        also = tuple(one for one in due.also if one != body.conflict)
        rows.put(msgspec.structs.replace(due, also=also))
        due = None
    if due is not None and due.state == "raised":
        why = "the center holds it to have ended, and raised it anew"
        rows.put(msgspec.structs.replace(due, state="ended", ended_index=entry.index, why=why))
        due = None
    if due is None:
        one, other = sorted(_list_authors(body.conflict, rows))
        due = AlarmRow(
            alarm=body.alarm,
            conflict=body.conflict,
            reason=body.reason,
            parties=(one, other),
            is_open=True,
            since_index=body.since,
            state="due",
            begins=_adopt(body.conflict, entry.index, rows),
        )
    _give_way(body.alarm, due, entry.index, rows)
    for name in due.also:
        rows.put(AmongRow(name, body.alarm))
    rows.put(
        msgspec.structs.replace(
            due,
            alarm=body.alarm,
            since_index=min(body.since, entry.index),
            state="raised",
            message=entry.message.leaf,
            raised=make_stamp(entry),
            called=tuple(body.called),
            named=body.conflict,
        )
    )


def _adopt(name: str, at_index: int, rows: Rows) -> str:
    """Hold a conflict to be open that the center does; return when it begins, empty where never at once."""
    conflict = rows.find(ConflictRow, name)
    if conflict is None or conflict.state != "open":
        one, other = (rows.find(ObjectRow, each) for each in name.split("|"))
        if one is None or other is None:
            raise AssertionError(f"conflict {name!r}: expected rows of both objects")
        met = weigh(one, other, at_index, rows).first
        if met is None:
            return ""
        conflict = adopt_conflict(one, other, met, at_index, rows)
    return conflict.closest.start


def _give_way(name: str, due: AlarmRow, at_index: int, rows: Rows) -> None:
    """Give the name that an alarm is raised under to it: another that waits under it takes the next free."""
    other = rows.find(AlarmRow, name)
    if due.alarm != name and rows.find(AlarmRow, due.alarm) is not None:
        rows.put(msgspec.structs.replace(due, state="ended", ended_index=at_index, why=f"raised as {name}"))
    if other is None or other.conflict == due.conflict:
        return
    for one in other.also:
        rows.put(AmongRow(one, _find_free(other, rows)))
    rows.put(msgspec.structs.replace(other, alarm=_find_free(other, rows)))


def _find_free(row: AlarmRow, rows: Rows) -> str:
    number = 1
    while rows.find(AlarmRow, f"alarm-{row.since_index}-{number}") is not None:
        number += 1
    return f"alarm-{row.since_index}-{number}"


def decide_see(message: VerifiedMessage[See], rows: Rows) -> Decision:
    """Allow an officer of either side, each once, also after it has ended."""
    body = message.opened()
    one = decide_one_officer(message)
    if not one.is_allowed:
        return one
    row = rows.find(AlarmRow, body.alarm)
    if row is None or row.raised is None:
        return denied(
            "unknown-alarm", f"alarm {body.alarm!r}: expected one that the center raised, found none"
        )
    if message.author not in row.parties:
        # SECURITY: a third party's word must not stand in for that of a side that has not looked
        # (tests/unit/test_deconflict_alarm.py, test_nobody_sees_an_alarm_for_another).
        return denied(
            "not-a-party",
            f"alarm {body.alarm!r}: expected one of {list(row.parties)}, got {message.author!r}",
        )
    officer = message.payload.officers[0]
    for seen in row.seen:
        if seen.party == message.author and officer in seen.stamp.officers:
            return denied(
                "already-seen",
                f"alarm {body.alarm!r}: expected an officer who has not said so, {officer!r} of "
                f"{message.author!r} did as entry {seen.stamp.index}",
            )
    return ALLOWED


def project_see(entry: Entry[See], rows: Rows) -> None:
    """Write down who saw it when; the party's first officer to do so answers for it on the ladder."""
    message = entry.message
    row = rows.find(AlarmRow, message.opened().alarm)
    if row is None:
        return
    rows.put(msgspec.structs.replace(row, seen=(*row.seen, Seen(message.author, make_stamp(entry)))))
    receipt = find_receipt(rows, row.message, message.author)
    if receipt is not None and receipt.acknowledged is None:
        mark_acknowledged(entry, receipt, rows)


def explain_alarm(row: AlarmRow, rows: Rows) -> str:
    """Return an alarm in plain sentences: what meets what, who is called, who has seen it and who has not."""
    conflict = rows.find(ConflictRow, row.conflict)
    text = f"{_REASONS[row.reason]}. {explain_conflict(conflict) if conflict else row.conflict}"
    if row.also:
        named = ", ".join(row.also[:_NAMED])
        more = len(row.also) - _NAMED
        rest = f" and {more} more in the list of conflicts" if more > 0 else ""
        text += f" It begins first of {len(row.also) + 1} that one entry made at once; also {named}{rest}."
    if row.called:
        text += " Called: " + ", ".join(f"{one.contact} of {one.party}" for one in row.called) + "."
    return text


def explain_sight(row: AlarmRow, rows: Rows) -> str:
    """Return who has seen an alarm when, who has not, and to whom the center has turned."""
    if row.raised is None:
        return "not raised by the center"
    parts = []
    for party in row.parties:
        seen = [one for one in row.seen if one.party == party]
        receipt = find_receipt(rows, row.message, party)
        if seen:
            who = ", ".join(f"{'/'.join(one.stamp.officers)} at {one.stamp.at}" for one in seen)
            late = ", late: it had lapsed" if receipt is not None and receipt.is_late else ""
            parts.append(f"seen by {who} of {party}{late}")
        elif receipt is not None and receipt.lapsed is not None:
            parts.append(f"NOBODY of {party} saw it in the agreed time")
        else:
            steps = receipt.escalations if receipt is not None else ()
            tried = f", turned to {', '.join(step.contact for step in steps)}" if steps else ""
            parts.append(f"not seen by {party} yet{tried}")
    return "; ".join(parts)


def _list_authors(conflict: str, rows: Rows) -> list[str]:
    things = [rows.find(ObjectRow, name) for name in conflict.split("|")]
    return [thing.author for thing in things if thing is not None]


def _make_raise(row: AlarmRow, rows: Rows) -> Raise:
    called = _list_called(row.parties, rows)
    return Raise(row.alarm, row.conflict, row.reason, row.since_index, called)


def _list_called(parties: Iterable[str], rows: Rows) -> list[Called]:
    called = []
    for party in parties:
        found = rows.find(PartyRow, party)
        called.append(Called(party, found.statement.contacts[0] if found else "nobody"))
    return called


ALARM_RAISE: Final = Kind(
    RAISE_ALARM,
    Raise,
    decide=decide_raise,
    project=project_raise,
    signed_by=SignedBy.CENTER,
    acknowledged=True,
)
ALARM_SEE: Final = Kind("alarm.see", See, decide=decide_see, project=project_see, min_officers=1)
