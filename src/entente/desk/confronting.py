"""Confrontations at a desk: the record's alarms, whom to call, who has seen them; a watch over the host.

Invariants: what confronts us is computed here from the record's own entries, so that no host can hide it; an
alarm that is due and not raised within `WITHHELD_S` of our seeing it, while the center answers us, is an
alarm of this desk about the host, unless it hangs on less than can be measured.

It raises nothing in the record: only the center does.

    >>> list_confrontations(desk)[0]["sight"]
    'not seen by ru yet; seen by duty-1 at 2016-09-17T14:00:07Z of us'
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from entente.deconflict import AlarmRow, explain_alarm, explain_sight, find_receipt, is_raise_in_doubt
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


def review_confrontations(desk: Desk) -> None:
    """Raise an alarm about the host for each that is due and withheld; take down those that no longer are."""
    if desk.rows.find(CharterRow, "charter") is None:
        return
    for alarm in desk.board.standing():
        if alarm.code == WITHHELD:
            row = desk.rows.find(AlarmRow, alarm.subject)
            if row is not None and row.state != "due":
                desk.board.dismiss(alarm.id, officer="desk", why=f"it was {row.state} in the record")
    now = desk.clock.now_utc()
    for row in desk.rows.select(AlarmRow, state="due"):
        if not row.is_open or desk.party not in row.parties:
            continue
        key = f"due:{row.alarm}"
        since = desk.book.find_meta(key)
        if since is None:
            desk.book.put_meta(key, encode_utc(now))
        elif desk.link.state == "good" and (now - parse_utc(since)).total_seconds() >= WITHHELD_S:
            # Another machine may honestly not have found it: what confronts us is shown all the same.
            if is_raise_in_doubt(row, desk.rows):
                continue
            words = (
                f"{row.alarm} is due since entry {row.since_index}, seen here since {since}, and the center "
                f"has not raised it: {explain_alarm(row, desk.rows)}"
            )
            desk.board.raise_alarm(Finding(WITHHELD, words, row.alarm))
