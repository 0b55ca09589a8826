"""Confrontations at a desk: the record's alarms, whom to call, who has seen them; a watch over the host.

Invariants: what confronts us is computed here from the record's own entries, so that no host can hide it.
Where every honest machine would have raised an alarm (`deconflict.find_withheld`) and the center, which
answers us, has not for `WITHHELD_S` in which nothing about the meeting changed, that is an alarm of this desk
about the host. What two versions that are past were like buys no silence.

It raises nothing in the record: only the center does.

    >>> list_confrontations(desk)[0]["sight"]
    'not seen by ru yet; seen by duty-1 at 2016-09-17T14:00:07Z of us'
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec

from entente.deconflict import (
    AlarmRow,
    Withheld,
    explain_alarm,
    explain_sight,
    find_receipt,
    find_withheld,
    was_sure,
)
from entente.desk.assembly import Desk
from entente.desk.evidence import Finding
from entente.kernel.charter import CharterRow, get_charter
from entente.kernel.roster import PartyRow
from entente.kernel.time import encode_utc, parse_utc
from entente.terms.words.text import clean_text

WITHHELD: Final = "alarm-withheld"
WITHHELD_S: Final = 120
"""The center looks every second. Two minutes leave room for a start, a slow disk and a busy hour."""


def list_confrontations(desk: Desk) -> list[dict[str, Any]]:
    """Return every alarm of the record, those that stand first, the newest first among each."""
    rows = sorted(
        desk.rows.select(AlarmRow), key=lambda row: (row.state == "ended", -row.since_index, row.alarm)
    )
    return [_describe(desk, row) for row in rows]


def _describe(desk: Desk, row: AlarmRow) -> dict[str, Any]:
    rules = get_charter(desk.rows).rules
    sides = []
    for party in row.parties:
        found = desk.rows.find(PartyRow, party)
        receipt = find_receipt(desk.rows, row.message, party)
        sides.append(
            {
                "party": party,
                "contacts": list(found.statement.contacts) if found else [],
                "state": receipt.state if receipt else "",
                "escalated_to": [step.contact for step in receipt.escalations] if receipt else [],
                "seen": [
                    {"officer": "/".join(one.stamp.officers), "at": one.stamp.at, "index": one.stamp.index}
                    for one in row.seen
                    if one.party == party
                ],
            }
        )
    return {
        "alarm": row.alarm,
        "state": row.state,
        "reason": row.reason,
        "conflict": row.conflict,
        "is_open": row.is_open,
        "since_index": row.since_index,
        "raised": msgspec.to_builtins(row.raised),
        "standing": desk.follower.standing(row.raised.index) if row.raised else "",
        "words": clean_text(explain_alarm(row, desk.rows)),
        "sight": explain_sight(row, desk.rows),
        "thread": row.alarm if row.raised else "",
        "sides": sides,
        "escalate_minutes": rules.escalate_minutes,
        "lapse_minutes": rules.lapse_minutes,
        "ended_index": row.ended_index,
        "why": row.why,
    }


class _Watch(msgspec.Struct, frozen=True):
    """What is missing of an alarm that is due, since when it is so without a change, and where to look on."""

    since: str = ""
    stamp: str = ""
    at_index: int = -1
    place: int = 0


def review_confrontations(desk: Desk) -> None:
    """Raise an alarm about the host for each that is due and withheld; take down those that no longer are."""
    if desk.rows.find(CharterRow, "charter") is None:
        return
    accused = set()
    for alarm in desk.board.standing():
        if alarm.code == WITHHELD:
            row = desk.rows.find(AlarmRow, alarm.subject)
            if row is not None and row.state != "due":
                desk.board.dismiss(alarm.id, officer="desk", why=f"it was {row.state} in the record")
            else:
                accused.add(alarm.subject)
    now = desk.clock.now_utc()
    for row in desk.rows.select(AlarmRow, state="due"):
        if row.is_open and desk.party in row.parties and row.alarm not in accused:
            _review_due(desk, row, now)


def _review_due(desk: Desk, row: AlarmRow, now: datetime) -> None:
    watch = _read_watch(desk, row)
    # Without a line nothing is withheld: the center has its whole time again once there is one.
    is_good = desk.link.state == "good"
    # Another machine may honestly not have found it: what confronts us is shown all the same.
    found, place = find_withheld(row, desk.rows, place=watch.place) if is_good else (None, watch.place)
    if found is None:
        _put_watch(desk, row, watch, _Watch(place=place))
    elif found.stamp != watch.stamp or not _is_steady(desk, found, watch):
        # What may be other than it was starts the clock anew.
        _put_watch(desk, row, watch, _Watch(encode_utc(now), found.stamp, found.at_index, place))
    elif (now - parse_utc(watch.since)).total_seconds() >= WITHHELD_S:
        words = (
            f"{row.alarm} is due since entry {row.since_index}, {found.conflict!r} is here as it is since "
            f"{watch.since}, and the center has not raised it: {explain_alarm(row, desk.rows)}"
        )
        desk.board.raise_alarm(Finding(WITHHELD, words, row.alarm))
    else:
        _put_watch(desk, row, watch, _Watch(watch.since, watch.stamp, found.at_index, place))


def _is_steady(desk: Desk, found: Withheld, watch: _Watch) -> bool:
    """Return whether every version since the last look surely met: an honest center raised it long ago."""
    return found.at_index == watch.at_index or was_sure(found.conflict, watch.at_index, desk.rows)


def _read_watch(desk: Desk, row: AlarmRow) -> _Watch:
    kept = desk.book.find_meta(f"due:{row.alarm}")
    try:
        return msgspec.json.decode(kept or "{}", type=_Watch)
    except msgspec.MsgspecError:
        # Of an older version, which kept the time alone.
        return _Watch()


def _put_watch(desk: Desk, row: AlarmRow, known: _Watch, watch: _Watch) -> None:
    if watch != known:
        desk.book.put_meta(f"due:{row.alarm}", msgspec.json.encode(watch).decode())
