"""The verbs that show the hotline to an officer: what waits for whom, and who may know of a thing.

Invariants: a text waits for us until an officer of ours has acknowledged it, whoever has looked at it; who
has acknowledged a text of anybody is the record's word; to whom a thing was told is said before a thread
about it is begun, since the thread's name would tell it to others.

It says nothing in a thread: see `entente.desk.speaking`.

    >>> find_subject(desk, SubjectRequest(type="site", id="al-noor-school"))["things"][0]["readers"]
    ['un', 'us']
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec

from entente.deconflict import ActivityRow, IncidentRow, ObjectRow, ReceiptRow, SiteRow, ZoneRow
from entente.deconflict.objects import list_readers
from entente.desk import requests as ask
from entente.desk.assembly import Desk
from entente.dialogue import SayRow, ThreadRow, find_thread
from entente.kernel.errors import NotFound
from entente.kernel.roster import PartyRow
from entente.kernel.wire import SlugText, WireStruct

Plain = dict[str, Any]
_SHOWN: Final = 200
_ANSWERED: Final = frozenset({"acknowledged", "answered"})


class SubjectRequest(WireStruct, frozen=True, kw_only=True):
    """A thing that a thread may be about, by its bare name."""

    type: Literal["activity", "zone", "site", "incident", "alarm"]
    id: SlugText


def list_threads(desk: Desk) -> list[Plain]:
    """Return every thread that we can read, with its last text, and what waits for us or for others."""
    said: dict[str, list[SayRow]] = {}
    for one in desk.rows.select(SayRow):
        said.setdefault(one.thread, []).append(one)
    return [_describe_thread(desk, row, said.get(row.thread, [])) for row in desk.rows.select(ThreadRow)]


def _describe_thread(desk: Desk, row: ThreadRow, said: list[SayRow]) -> Plain:
    said.sort(key=lambda one: one.index)
    owed = [one for one in said if _is_owed(desk, one)]
    last = said[-1] if said else None
    plain: Plain = msgspec.to_builtins(row)
    return plain | {
        "last": None
        if last is None
        else {
            "author": last.author,
            "officer": last.officer,
            "at": last.at,
            "text": last.text[:_SHOWN],
            "language": last.language,
            "urgent": last.urgent,
        },
        "owed": len(owed),
        "owed_urgent": sum(1 for one in owed if one.urgent),
        "own_index": max((one.index for one in said if one.author == desk.party), default=None),
        "urgent_index": max(
            (one.index for one in said if one.urgent and one.author != desk.party), default=None
        ),
    }


def _is_owed(desk: Desk, one: SayRow) -> bool:
    """Return whether no officer of ours has acknowledged a text; a lapsed one still can be."""
    receipt = desk.rows.find(ReceiptRow, f"{one.message}:{desk.party}")
    return receipt is not None and receipt.state not in _ANSWERED


def get_thread(desk: Desk, request: ask.NameRequest) -> list[Plain]:
    """Return what was said in the threads of this name, the open one first, and who has acknowledged each."""
    names = [request.name]
    names += [
        row.thread for row in desk.rows.select(ThreadRow, after=f"{request.name}@") if row.id == request.name
    ]
    said = [view for name in names for view in find_thread(desk.rows, name)]
    if not said:
        raise NotFound("no-thread", f"thread {request.name!r}: expected one in the record, found none")
    parties = [row.party for row in desk.rows.select(PartyRow)]
    return [
        msgspec.to_builtins(view) | {"receipts": _list_receipts(desk, view.original.message, parties)}
        for view in said
    ]


def _list_receipts(desk: Desk, message: str, parties: list[str]) -> list[Plain]:
    found = (desk.rows.find(ReceiptRow, f"{message}:{party}") for party in parties)
    return [
        {
            "party": row.party,
            "state": row.state,
            "is_late": row.is_late,
            "at": row.acknowledged.at if row.acknowledged else "",
            "officers": list(row.acknowledged.officers) if row.acknowledged else [],
        }
        for row in found
        if row is not None
    ]


def find_subject(desk: Desk, request: SubjectRequest) -> Plain:
    """Return the things of this name that we can read, with who may know of each."""
    things: list[Plain] = []
    if request.type == "incident":
        things = [
            _describe_subject(desk, row, row.incident, row.reported.category)
            for row in desk.rows.select(IncidentRow)
            if row.id == request.id
        ]
    elif request.type != "alarm":
        rows = [desk.rows.find(ObjectRow, request.id)]
        for row in desk.rows.select(ObjectRow, after=f"{request.id}@"):
            if not row.object.startswith(f"{request.id}@"):
                break
            rows.append(row)
        things = [
            _describe_subject(desk, row, row.object, _find_title(desk, row))
            for row in rows
            if row is not None and row.type == request.type
        ]
    return {"type": request.type, "id": request.id, "things": things}


def _describe_subject(desk: Desk, row: ObjectRow | IncidentRow, key: str, title: str) -> Plain:
    # SECURITY: whoever is told of a thread about a sealed thing learns that the thing is there
    # (tests/protocol/test_desk_talking.py, test_a_sealed_thing_says_who_may_know_of_it).
    return {
        "object": key,
        "title": title,
        "author": row.author,
        "is_sealed": bool(row.to),
        "readers": list(list_readers(row.author, row.to, desk.rows)),
    }


def _find_title(desk: Desk, row: ObjectRow) -> str:
    if (activity := desk.rows.find(ActivityRow, row.object)) is not None:
        return activity.title
    if (zone := desk.rows.find(ZoneRow, row.object)) is not None:
        return zone.declared.name
    site = desk.rows.find(SiteRow, row.object)
    return site.declared.name if site is not None else ""
