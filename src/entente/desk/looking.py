"""The verbs that look: status, ladder, readouts, what is due. They change nothing.

Invariants: "sent" is no word here: a message is recorded, firm, settled, or it is not; a rung that was not
reached is shown as not reached; every site is shown with the notice that notification changes no protection;
times are the desk's own clock unless a message said them.

    >>> get_status(desk)["record"]["size"]
    17
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from entente.deconflict import (
    ActivityRow,
    ConcurrenceRow,
    ConflictRow,
    ReceiptRow,
    SiteRow,
    ZoneRow,
    activity_state,
    describe_answer,
    describe_ladder,
    explain_conflict,
    list_proposals,
    position_state,
)
from entente.deconflict.look_alikes import find_look_alikes
from entente.desk import requests as ask
from entente.desk.agreeing import list_agreements
from entente.desk.assembly import Desk
from entente.desk.inbox import InboxItem
from entente.desk.placing import list_incidents, show_site, show_zone
from entente.desk.reminders import DUE
from entente.dialogue import ReadoutRow, export_readout, get_standing
from entente.kernel.charter import CharterRow, charter_fingerprint
from entente.kernel.roster import PartyRow
from entente.kernel.rows import get_row
from entente.kernel.time import encode_utc, parse_utc
from entente.terms.words.text import clean_text

Plain = dict[str, Any]
_SHOWN = 200


def get_pulse(desk: Desk) -> Plain:
    """Return what must always be in sight: the record, the line, what is due. Small and quick."""
    now = desk.clock.now_utc()
    return _pulse(desk, now, desk.inbox.list_items(now))


def _pulse(desk: Desk, now: datetime, items: list[InboxItem]) -> Plain:
    counts: dict[str, int] = {}
    # A reminder of a thing that is listed is that thing: counted once.
    owed = {item.facts.message for item in items if item.kind in {"acknowledge", "confrontation"}}
    items = [
        item
        for item in items
        if not (item.kind == "alarm" and item.facts.state == DUE and item.facts.message in owed)
    ]
    for item in items:
        counts[item.kind] = counts.get(item.kind, 0) + 1
    head, root = desk.view.seen
    return {
        "party": desk.party,
        "name": desk.vault.config.name,
        "center": desk.pin.origin,
        "center_name": desk.charter.name,
        "charter_fingerprint": charter_fingerprint(desk.pin.payload.encode()),
        "exercise": desk.charter.exercise,
        "now": encode_utc(now),
        "record": {
            "size": head,
            "root": root.hex(),
            "shown_size": desk.follower.views.size,
            "firm_size": desk.follower.firm_size,
            "settled_size": desk.follower.settled_size,
            "witness_size": desk.witness.size,
            "is_forked": desk.view.fork is not None,
        },
        "link": {"state": desk.link.state, "trouble": desk.link.trouble, "since": desk.link.since},
        "due": counts,
        "overdue": sum(1 for item in items if item.is_overdue),
    }


def get_status(desk: Desk) -> Plain:
    """Return how things stand: the record, the line, what waits, what is due, what stands."""
    now = desk.clock.now_utc()
    items = desk.inbox.list_items(now)
    standing: Plain = {
        "activities": [],
        "zones": [],
        "sites": [],
        "incidents": [],
        "conflicts": [],
        "parties": [],
    }
    standing["agreements"] = []
    if desk.rows.find(CharterRow, "charter") is not None:
        standing = list_standing(desk, now)
        shown = ("id", "title", "phase", "why", "since", "ends")
        standing["agreements"] = [{name: one[name] for name in shown} for one in list_agreements(desk)]
    return {
        **_pulse(desk, now, items),
        "waiting": [msgspec.to_builtins(item) for item in desk.outbox.list_waiting()],
        "alarms": list_alarms(desk),
        "inbox": [msgspec.to_builtins(item) for item in items],
        **standing,
    }


def list_standing(desk: Desk, now: datetime) -> Plain:
    """Return what stands in the record, as far as we can read it."""
    rows, alike = desk.rows, find_look_alikes(desk.rows)
    return {
        "parties": [
            {
                "party": row.party,
                "name": row.statement.name,
                "contacts": list(row.statement.contacts),
                "roster_version": row.statement.version,
                "acknowledgements_due": sum(
                    1 for _ in rows.select(ReceiptRow, party=row.party, state="waiting")
                ),
            }
            for row in rows.select(PartyRow)
        ],
        "activities": [
            _describe_activity(desk, row, now) for row in rows.select(ActivityRow, state="standing")
        ],
        "zones": [show_zone(desk, row, alike) for row in rows.select(ZoneRow, state="standing")],
        "sites": [show_site(desk, row, now, alike) for row in rows.select(SiteRow, state="standing")],
        "incidents": list_incidents(desk),
        "conflicts": [
            {"key": row.key(), "words": clean_text(explain_conflict(row)), "row": msgspec.to_builtins(row)}
            for row in rows.select(ConflictRow, state="open")
        ],
    }


def _describe_activity(desk: Desk, row: ActivityRow, now: datetime) -> Plain:
    state = activity_state(desk.rows, row.object)
    position = position_state(desk.rows, row.object)
    spans = [(parse_utc(volume.start), parse_utc(volume.end)) for volume in row.volumes]
    receipts = [
        {
            "party": receipt.party,
            "state": receipt.state,
            "delivery": receipt.delivery,
            "is_late": receipt.is_late,
        }
        for receipt in (
            desk.rows.find(ReceiptRow, f"{row.version}:{party.party}") for party in desk.rows.select(PartyRow)
        )
        if receipt is not None
    ]
    return {
        "object": row.object,
        "id": row.id,
        "author": row.author,
        "title": row.title,
        "activity": row.activity,
        "to": list(row.to),
        "version": row.version,
        "version_number": row.version_number,
        "volumes": msgspec.to_builtins(row.volumes),
        "concurrence": list(row.concurrence),
        "concur_by": row.concur_by,
        "armed": row.armed,
        "answers": [
            {"party": one.party, "answer": one.answer, "is_late": one.is_late, "words": describe_answer(one)}
            for one in desk.rows.select(ConcurrenceRow, version=row.version)
        ],
        "proposals": [
            {
                "message": one.row.proposal,
                "author": one.row.author,
                "version": one.row.version,
                "state": one.state,
                "words": one.words,
                "reason": one.row.reason,
                "volumes": msgspec.to_builtins(one.row.volumes),
            }
            for one in list_proposals(desk.rows, row.object)
        ],
        "state": state.state,
        "reasons": list(state.reasons),
        "position": msgspec.to_builtins(position),
        "receipts": receipts,
        # For display: whether it is under way is a matter of the clock, never of the record.
        "is_under_way": any(start <= now < end for start, end in spans),
    }


def list_inbox(desk: Desk) -> list[Plain]:
    """Return what a person must do now, most urgent first."""
    return [msgspec.to_builtins(item) for item in desk.inbox.list_items(desk.clock.now_utc())]


def get_ladder(desk: Desk, request: ask.MessageRequest) -> Plain:
    """Return every rung of a message's ladder: who, when, and what has not happened."""
    row = desk.archive.resolve(request.message)
    ladder: Plain = msgspec.to_builtins(
        describe_ladder(desk.rows, row.leaf, desk.follower.standing, desk.follower.find_times)
    )
    return ladder


def get_message(desk: Desk, request: ask.MessageRequest) -> Plain:
    """Return a message as we can read it, with how far it has come."""
    row = desk.archive.resolve(request.message)
    found: Plain = msgspec.json.decode(msgspec.json.encode(desk.archive.describe(row)))
    return found | {"standing": desk.follower.standing(row.index)}


def list_messages(desk: Desk, request: ask.PageRequest) -> list[Plain]:
    """Return messages from an index on."""
    found = []
    for view in desk.archive.list_after(request.after, limit=request.limit):
        plain: Plain = msgspec.json.decode(msgspec.json.encode(view))
        found.append(plain | {"standing": desk.follower.standing(view.index)})
    return found


def list_readouts(desk: Desk) -> list[Plain]:
    """Return every readout and where each party stands."""
    return [_describe_readout(row) for row in desk.rows.select(ReadoutRow)]


def _describe_readout(row: ReadoutRow) -> Plain:
    plain: Plain = msgspec.to_builtins(row)
    return plain | {"standing": msgspec.to_builtins(get_standing(row))}


def get_readout(desk: Desk, request: ask.NameRequest) -> Plain:
    """Return a readout, and the one envelope that carries every signature over its bytes."""
    row = get_row(desk.rows, ReadoutRow, request.name, what="readout")
    envelope = export_readout(desk.rows, request.name)
    return _describe_readout(row) | {"envelope": msgspec.json.decode(envelope.raw)}


def list_alarms(desk: Desk) -> list[Plain]:
    """Return standing alarms with what they mean."""
    return [
        {
            "id": alarm.id,
            "code": alarm.code,
            "words": alarm.words,
            "meaning": alarm.explain(),
            "evidence": f"evidence/{alarm.evidence}" if alarm.evidence else "",
            "at": alarm.at,
        }
        for alarm in desk.board.standing()
    ]


def list_outbox(desk: Desk) -> Plain:
    """Return what waits and what was refused."""
    return {
        "waiting": [msgspec.to_builtins(item) for item in desk.outbox.list_waiting()],
        "refused": [msgspec.to_builtins(item) for item in desk.outbox.list_refused(limit=_SHOWN)],
    }


def list_exposures(desk: Desk, request: ask.PageRequest) -> list[Plain]:
    """Return what was let out, to whom and when."""
    return [dict(one) for one in desk.ledger.list_exposures(after=request.after, limit=request.limit)]


def list_plans(desk: Desk) -> list[Plain]:
    """Return our private plans."""
    return [msgspec.to_builtins(plan) for plan in desk.plans.list_plans()]
