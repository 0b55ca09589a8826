"""One conflict told whole: both things, how it came about and changed, what is due about it; and their list.

Invariants: each step of the story names the entry of the record that made it; what is due is what the inbox
says is due, of this moment alone: of a past one nothing is; words of partners stay theirs, and are cleaned
where they stand in our sentences.

It judges nothing and sends nothing.

    >>> [step["what"] for step in show_conflict(desk, ConflictRequest(key="castello|sortie-7"))["history"]]
    ['told', 'told', 'opened']
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Final

import msgspec

from entente.deconflict import (
    ActivityRow,
    AlarmRow,
    ConcurrenceRow,
    ConflictRow,
    ObjectRow,
    SiteRow,
    VersionRow,
    ZoneRow,
    activity_state,
    explain_alarm,
    explain_sight,
    find_receipt,
    list_guarantees,
    position_state,
)
from entente.deconflict.alarm_row import find_standing
from entente.deconflict.conflict_row import SpanRow
from entente.deconflict.objects import say_readers
from entente.desk.assembly import Desk
from entente.desk.picture.frame import Frame, open_frame
from entente.desk.picture.meetings import describe_conflict, find_alarms, list_conflicts
from entente.desk.picture.requests import Size, WindowRequest
from entente.desk.picture.things import Options, list_volumes
from entente.desk.picture.verbs import describe_frame
from entente.joint import MessageRow
from entente.kernel.errors import NotFound
from entente.kernel.wire import WireStruct
from entente.space import VolumeWire
from entente.terms.words.text import clean_text

Plain = dict[str, Any]
MOST_STEPS: Final = 500
_DUE: Final = frozenset(
    {"confrontation", "acknowledge", "read-back", "dispute", "concur", "counter", "vouch"}
)
ConflictKey = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z0-9-]{1,40}(?:@[0-9a-f]{16})?\|[a-z0-9-]{1,40}(?:@[0-9a-f]{16})?$(?!\n)",
        max_length=120,
    ),
]


class ConflictRequest(WireStruct, frozen=True, kw_only=True):
    """One conflict by its key, as it was after the first entries of the record (0: the newest)."""

    key: ConflictKey
    at_size: Size = 0


class ConflictsRequest(WindowRequest, frozen=True, kw_only=True):
    """Those of a window, open ones or (``ended``) all."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=20_000)] = 5_000


def show_conflicts(desk: Desk, request: ConflictsRequest) -> Plain:
    """Return conflicts as the picture has them, without the things."""
    with open_frame(desk, request) as frame:
        head = describe_frame(frame)
        if not frame.is_founded:
            return {**head, "conflicts": [], "total": 0, "is_cut": False}
        met = list_conflicts(frame, request.limit)
        return {**head, "conflicts": met.found, "total": met.total, "is_cut": met.total > len(met.found)}


def show_conflict(desk: Desk, request: ConflictRequest) -> Plain:
    """Return one conflict with both things, its story, and what is due about it.

    Raises:
        NotFound: None of that key at that moment.
    """
    with open_frame(desk, WindowRequest(at_size=request.at_size)) as frame:
        row = frame.rows.find(ConflictRow, request.key)
        if row is None:
            raise NotFound(
                "no-conflict",
                f"conflict {request.key!r}: expected one within {frame.at_size} entries, found none",
            )
        alarms = [
            one for one in frame.rows.select(AlarmRow) if row.key() in {one.conflict, one.named, *one.also}
        ]
        names = (row.first, row.second)
        return {
            **describe_frame(frame),
            "conflict": describe_conflict(frame, row, find_alarms(frame)),
            "things": [_describe_thing(frame, side.object, side.type) for side in row.sides],
            "history": _tell_story(frame, row, alarms),
            "alarms": [
                _describe_alarm(frame, one) for one in sorted(alarms, key=lambda one: -one.since_index)
            ],
            "due": _list_due(frame, row, names) if frame.is_newest else [],
        }


def _describe_alarm(frame: Frame, row: AlarmRow) -> Plain:
    own = frame.desk.party
    return {
        "alarm": row.alarm,
        "state": row.state,
        "reason": row.reason,
        "is_open": row.is_open,
        "is_ours": own in row.parties,
        "has_seen": any(one.party == own for one in row.seen),
        "words": clean_text(explain_alarm(row, frame.rows)),
        "sight": clean_text(explain_sight(row, frame.rows)),
        "why": clean_text(row.why),
    }


def _describe_thing(frame: Frame, name: str, kind: str) -> Plain:
    """Return what a conflict says of one of its sides: whose, how far it counts, where and when."""
    thing = frame.rows.find(ObjectRow, name)
    if thing is None:
        raise AssertionError(f"{kind} {name!r}: expected a row, found none")
    plain: Plain = {
        "object": name,
        "id": thing.id,
        "type": kind,
        "author": thing.author,
        "number": frame.number(thing.author),
        "is_own": thing.author == frame.desk.party,
        "to": list(thing.to),
        "told": say_readers(thing.to),
        "version": thing.version,
        "index": thing.version_index,
        "first_index": thing.first_index,
        "record_state": thing.state,
        "standing": frame.desk.follower.standing(thing.version_index),
        "looks_like": list(frame.alike.get(name, ())),
    }
    position = position_state(frame.rows, name)
    plain["position"] = {"state": position.state, "reasons": [clean_text(one) for one in position.reasons]}
    volumes: Sequence[VolumeWire] = ()
    if kind == "activity":
        activity = frame.rows.find(ActivityRow, name)
        if activity is not None:
            state, volumes = activity_state(frame.rows, name), activity.volumes
            plain |= {
                "title": activity.title,
                "kind": activity.activity,
                "armed": activity.armed,
                "version_number": activity.version_number,
                "reason": activity.reason,
                "state": state.state,
                "reasons": [clean_text(one) for one in state.reasons],
            }
    elif kind == "zone":
        zone = frame.rows.find(ZoneRow, name)
        if zone is not None:
            declared, volumes = zone.declared, zone.declared.volumes
            promised = [msgspec.to_builtins(one) for one in list_guarantees(zone, frame.rows)]
            plain |= {
                "title": declared.name,
                "kind": declared.zone,
                "text": declared.text,
                "source": msgspec.to_builtins(declared.source),
                "rules": msgspec.to_builtins(declared.rules),
                "guarantees": promised,
            }
    else:
        site = frame.rows.find(SiteRow, name)
        if site is not None:
            volumes = [site.declared.volume]
            plain |= {
                "title": site.declared.name,
                "kind": site.declared.category,
                "buffer_m": site.declared.buffer_cm / 100,
                "source": msgspec.to_builtins(site.declared.source),
                "owner": site.declared.consent.owner,
                "expires": site.expires,
            }
    plain["volumes"] = list_volumes(
        frame, thing.version, volumes, range(len(volumes)), Options(1, has_rings=True)
    )
    return plain


def _tell_story(frame: Frame, row: ConflictRow, alarms: Sequence[AlarmRow]) -> list[Plain]:
    """Return what happened, by entry: the newest `MOST_STEPS` of it."""
    steps = [*_tell_versions(frame, row), *_tell_spans(frame, row), *_tell_alarms(alarms)]
    steps.sort(key=lambda one: (one["index"], one["order"]))
    found = []
    for step in steps[-MOST_STEPS:]:
        message = next(iter(frame.desk.rows.select(MessageRow, place=f"{step['index']:016d}")), None)
        del step["order"]
        head = {"kind": "", "author": "", "officers": [], "at": "", "leaf": ""}
        if message is not None:
            head = {
                "kind": message.kind,
                "author": message.author,
                "officers": list(message.officers),
                "at": message.at,
                "leaf": message.leaf,
            }
        found.append({**head, **step, "standing": frame.desk.follower.standing(step["index"])})
    return found


def _step(what: str, index: int, order: int, *, thing: str = "", party: str = "", words: str = "") -> Plain:
    return {
        "what": what,
        "index": index,
        "order": order,
        "object": thing,
        "party": party,
        "words": clean_text(words),
    }


def _tell_versions(frame: Frame, row: ConflictRow) -> Iterator[Plain]:
    for side in row.sides:
        thing = frame.rows.find(ObjectRow, side.object)
        for version in frame.rows.select(VersionRow, object=side.object):
            what = "told" if thing is not None and version.index == thing.first_index else "changed"
            yield _step(what, version.index, 0, thing=side.object, party=version.author)
        if thing is None or side.type != "activity":
            continue
        for answer in frame.rows.select(ConcurrenceRow, version=thing.version):
            if answer.stamp is not None:
                yield _step(
                    f"answer-{answer.answer}",
                    answer.stamp.index,
                    1,
                    thing=side.object,
                    party=answer.party,
                    words=answer.reason,
                )
        for one in frame.parties:
            receipt = find_receipt(frame.rows, thing.version, one.party)
            if receipt is not None and receipt.acknowledged is not None:
                yield _step("acknowledged", receipt.acknowledged.index, 1, thing=side.object, party=one.party)


def _tell_spans(frame: Frame, row: ConflictRow) -> Iterator[Plain]:
    told = set()
    for span in frame.rows.select(SpanRow, conflict=row.key()):
        told.add(span.since_index)
        yield _step("opened", span.since_index, 2)
        yield _step("resolved", span.resolved_index, 2, words=span.why)
    if row.since_index not in told:
        yield _step("opened", row.since_index, 2)


def _tell_alarms(alarms: Sequence[AlarmRow]) -> Iterator[Plain]:
    for alarm in alarms:
        if alarm.raised is not None:
            yield _step("alarm-raised", alarm.raised.index, 3, thing=alarm.alarm)
        for one in alarm.seen:
            yield _step("alarm-seen", one.stamp.index, 4, thing=alarm.alarm, party=one.party)
        if alarm.ended_index is not None:
            yield _step("alarm-ended", alarm.ended_index, 5, thing=alarm.alarm, words=alarm.why)


def _list_due(frame: Frame, row: ConflictRow, names: Sequence[str]) -> list[Plain]:
    """Return what the inbox holds about either thing or about the alarm: what a person must do now."""
    subjects = set(names)
    for name in names:
        subjects |= {version.version for version in frame.rows.select(VersionRow, object=name)}
    alarm = find_standing(frame.rows, row.key())
    if alarm is not None:
        subjects |= {alarm.alarm, alarm.message}
    for one in frame.rows.select(AlarmRow, conflict=row.key()):
        subjects |= {one.alarm, one.message}
    subjects.discard("")
    return [
        msgspec.to_builtins(item)
        for item in frame.desk.inbox.list_items(frame.desk.clock.now_utc())
        if item.kind in _DUE and item.subject in subjects
    ]
