"""What stands, as it is drawn and listed: activities, zones, sites, incidents, released items.

Invariants: every number has its unit in its name; what is raw text of a partner stays raw, and what has
words of ours in it is cleaned (``words``); a rung that was not reached is not there; a site never goes
without the notice that the answer carries; nothing is left out without being counted.

It finds no conflicts: see `meetings`.

    >>> [one["title"] for one in list_activities(frame, options).found]
    ['Sortie']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from entente.deconflict import (
    AccountRow,
    ActivityRow,
    ConcurrenceRow,
    FollowUpRow,
    IncidentRow,
    ObjectRow,
    SiteRow,
    ZoneRow,
    activity_state,
    describe_answer,
    describe_site,
    list_guarantees,
    position_state,
    site_standing,
    verification_state,
)
from entente.deconflict.look_alikes import warn_of
from entente.deconflict.objects import say_readers
from entente.deconflict.receipts import list_receipts
from entente.deconflict.zone_words import describe_zone
from entente.desk.picture.frame import Frame
from entente.desk.picture.rings import Drawn, draw_box, draw_outline
from entente.desk.picture.shelf import measure, read_times_us
from entente.desk.placing import say_incident
from entente.release.item import ItemRow
from entente.release.variant.sent import PlaceWire, VariantWire
from entente.release.variant.words import describe_variant
from entente.space import CircleWire, VolumeWire
from entente.terms.words.text import clean_text

Plain = dict[str, Any]
_ARCSEC: Final = 3600


class Options(NamedTuple):
    """What is wanted of each thing."""

    limit: int
    has_rings: bool = True
    around_m: float | None = None


class Listed(NamedTuple):
    """Things in their order, and how many there are in all."""

    found: list[Plain]
    total: int


def list_activities(frame: Frame, options: Options, conflicts: dict[str, list[str]]) -> Listed:
    """Return activities that touch the window.

    Args:
        conflicts: Keys of open conflicts, by object.
    """
    found: list[Plain] = []
    total = 0
    for row in select_activities(frame):
        places = frame.list_within(row.version, row.volumes)
        if not places:
            continue
        total += 1
        if len(found) < options.limit:
            one = _describe_activity(frame, row)
            one["conflicts"] = conflicts.get(row.object, [])
            one["volumes"] = list_volumes(frame, row.version, row.volumes, places, options)
            found.append(one)
    return Listed(found, total)


def select_activities(frame: Frame) -> Iterator[ActivityRow]:
    """Yield the activities of the moment: those that stand, or all."""
    return (
        frame.rows.select(ActivityRow)
        if frame.has_ended
        else frame.rows.select(ActivityRow, state="standing")
    )


def _describe_activity(frame: Frame, row: ActivityRow) -> Plain:
    rows = frame.rows
    state = activity_state(rows, row.object)
    answers = rows.select(ConcurrenceRow, version=row.version)
    return {
        **_describe_object(frame, row.object, row.author, row.to),
        "id": row.id,
        "title": row.title,
        "activity": row.activity,
        "armed": row.armed,
        "version": row.version,
        "version_number": row.version_number,
        "reason": row.reason,
        "state": state.state,
        "reasons": [clean_text(reason) for reason in state.reasons],
        "record_state": row.state,
        "concur_by": row.concur_by,
        "concurrence": [
            {
                "party": one.party,
                "answer": one.answer,
                "is_late": one.is_late,
                "words": clean_text(describe_answer(one)),
            }
            for one in answers
        ],
        "receipts": [
            {
                "party": one.party,
                "state": one.state,
                "delivery": one.delivery,
                "is_late": one.is_late,
                "answer": one.answer,
                "escalations": len(one.escalations),
            }
            for one in list_receipts(rows, row.version, frame.numbers)
        ],
        "position": _describe_position(frame, row.object),
    }


def list_zones(frame: Frame, options: Options) -> Listed:
    """Return zones that touch the window."""
    found: list[Plain] = []
    total = 0
    for row in select_zones(frame):
        declared = row.declared
        places = frame.list_within(row.version, declared.volumes)
        if not places:
            continue
        total += 1
        if len(found) >= options.limit:
            continue
        plain: Plain = msgspec.to_builtins(declared)
        for name in ("volumes", "replaces"):
            del plain[name]
        volumes = list_volumes(frame, row.version, declared.volumes, places, options)
        for volume in volumes:
            volume["side"] = declared.sides[volume["n"]] if declared.sides else ""
        looks_like = frame.alike.get(row.object, ())
        guarantees = [msgspec.to_builtins(one) for one in list_guarantees(row, frame.rows)]
        for one in guarantees:
            one["words"] = clean_text(one["words"])
        found.append(
            {
                **_describe_object(frame, row.object, row.author, row.to),
                **plain,
                "version": row.version,
                "record_state": row.state,
                "guarantees": guarantees,
                "position": _describe_position(frame, row.object),
                "words": clean_text(f"{describe_zone(row, frame.rows)}.{warn_of(looks_like)}"),
                "volumes": volumes,
            }
        )
    return Listed(found, total)


def select_zones(frame: Frame) -> Iterator[ZoneRow]:
    """Yield the zones of the moment."""
    return frame.rows.select(ZoneRow) if frame.has_ended else frame.rows.select(ZoneRow, state="standing")


def list_sites(frame: Frame, options: Options) -> Listed:
    """Return sites that touch the window; an expired notification is there, and said to be expired."""
    found: list[Plain] = []
    total = 0
    for row in select_sites(frame):
        declared = row.declared
        places = frame.list_within(row.version, [declared.volume])
        if not places:
            continue
        total += 1
        if len(found) >= options.limit:
            continue
        buffer_m = declared.buffer_cm / 100
        (volume,) = list_volumes(frame, row.version, [declared.volume], places, options)
        if options.has_rings:
            volume["buffer"] = frame.draw_around(row.version, [declared.volume], 0, buffer_m)
        looks_like = frame.alike.get(row.object, ())
        verified = verification_state(row, frame.rows)
        words = f"{describe_site(row, frame.as_of)} Verification: {verified.words}.{warn_of(looks_like)}"
        found.append(
            {
                **_describe_object(frame, row.object, row.author, row.to),
                "id": declared.id,
                "name": declared.name,
                "category": declared.category,
                "buffer_m": buffer_m,
                "owner": declared.consent.owner,
                "consent": msgspec.to_builtins(declared.consent),
                "source": declared.source,
                "version": row.version,
                "record_state": row.state,
                "expires": row.expires,
                "standing": site_standing(row, frame.as_of),
                "verification": msgspec.to_builtins(verified),
                "position": _describe_position(frame, row.object),
                "words": clean_text(words),
                "volumes": [volume],
            }
        )
    return Listed(found, total)


def select_sites(frame: Frame) -> Iterator[SiteRow]:
    """Yield the sites of the moment."""
    return frame.rows.select(SiteRow) if frame.has_ended else frame.rows.select(SiteRow, state="standing")


def list_incidents(frame: Frame, options: Options) -> Listed:
    """Return incidents that touch the window, the newest first."""
    rows = [row for row in frame.rows.select(IncidentRow) if _is_within(frame, [incident_wire(row)])]
    rows.sort(key=lambda row: -row.index)
    return Listed([_describe_incident(frame, row, options) for row in rows[: options.limit]], len(rows))


def incident_wire(row: IncidentRow) -> VolumeWire:
    """Return where and when an incident may have happened, as it was reported."""
    body = row.reported
    return VolumeWire(CircleWire(body.place_e7, body.within_cm), None, None, body.start, body.end)


def _describe_incident(frame: Frame, row: IncidentRow, options: Options) -> Plain:
    body, wire = row.reported, incident_wire(row)
    start_us, end_us = read_times_us(wire)
    drawn = draw_outline(wire.outline)
    nothing = {
        one.party
        for one in frame.rows.select(AccountRow, incident=row.incident)
        if one.answer == "nothing-yet"
    }
    return {
        "incident": row.incident,
        "id": row.id,
        "author": row.author,
        "number": frame.number(row.author),
        "is_own": row.author == frame.desk.party,
        "to": list(row.to),
        "told": say_readers(row.to),
        "message": row.message,
        "index": row.index,
        "category": body.category,
        "urgent": body.urgent,
        "basis": body.basis,
        "observed": body.observed,
        "at": drawn.at,
        "bbox": drawn.bbox,
        "within_m": body.within_cm / 100,
        "start_us": start_us,
        "end_us": end_us,
        "sites": [msgspec.to_builtins(one) for one in row.sites],
        "in_doubt": row.in_doubt,
        "follow_up": [
            {
                "party": one.party,
                "state": one.state,
                "is_late": one.is_late,
                "days": one.days,
                "has_nothing_yet": one.party in nothing,
            }
            for one in frame.rows.select(FollowUpRow, incident=row.incident)
        ],
        "words": clean_text(say_incident(row)),
        **({"rings": drawn.parts} if options.has_rings else {}),
    }


def list_items(frame: Frame, options: Options) -> Listed:
    """Return released items that have a place and touch the window, the newest first."""
    rows = [row for row in select_items(frame) if is_item_within(frame, row.item.variant)]
    rows.sort(key=lambda row: -row.index)
    return Listed([_describe_item(frame, row, options) for row in rows[: options.limit]], len(rows))


def select_items(frame: Frame) -> Iterator[ItemRow]:
    """Yield the items of the moment that were sent or received here and have a place."""
    party = frame.desk.party
    for row in (*frame.rows.select(ItemRow, author=party), *frame.rows.select(ItemRow, to=party)):
        if row.item.variant.place is not None:
            yield row


def cell_box(place: PlaceWire) -> tuple[float, float, float, float]:
    """Return west, south, east, north of a cell of the fixed grid, in degrees."""
    size = place.size_arcsec
    return (
        -180 + place.column * size / _ARCSEC,
        -90 + place.row * size / _ARCSEC,
        -180 + (place.column + 1) * size / _ARCSEC,
        -90 + (place.row + 1) * size / _ARCSEC,
    )


def is_item_within(frame: Frame, variant: VariantWire) -> bool:
    """Tell whether a variant touches the window; what is not told of it may be anywhere."""
    window, wanted = variant.window, frame.window
    if window is not None:
        if wanted.from_us and window.start_us + window.span_us <= wanted.from_us:
            return False
        if wanted.until_us and window.start_us >= wanted.until_us:
            return False
    if wanted.box is None or variant.place is None:
        return True
    west, south, east, north = cell_box(variant.place)
    return (
        south <= wanted.box[3]
        and north >= wanted.box[1]
        and ((west - wanted.box[0]) % 360 <= wanted.width_deg or (wanted.box[0] - west) % 360 <= east - west)
    )


def _describe_item(frame: Frame, row: ItemRow, options: Options) -> Plain:
    item, variant = row.item, row.item.variant
    if variant.place is None:
        raise AssertionError(f"item {row.message[:12]}: expected one with a place")
    west, south, east, north = cell_box(variant.place)
    is_sent = row.author == frame.desk.party
    words = describe_variant(variant)
    if row.recalled:
        words = f"RECALLED ({row.recall_reason}): not to be used any more: {words}"
    elif row.replaced_by:
        words = f"REPLACED by a later item: {words}"
    plain: Plain = {
        "message": row.message,
        "index": row.index,
        "author": row.author,
        "to": row.to,
        "direction": "sent" if is_sent else "received",
        "number": frame.number(row.to if is_sent else row.author),
        "originator": item.originator,
        "path": list(variant.path),
        "text": variant.text,
        "size_arcsec": variant.place.size_arcsec,
        "bbox": (west, south, east, north),
        "at": ((west + east) / 2, (south + north) / 2),
        "start_us": variant.window.start_us if variant.window else None,
        "end_us": variant.window.start_us + variant.window.span_us if variant.window else None,
        "floor_m": variant.height.low_cm / 100 if variant.height else None,
        "ceiling_m": variant.height.high_cm / 100 if variant.height else None,
        "purpose": item.purpose,
        "until": item.until or "",
        "is_recalled": bool(row.recalled),
        "recalled_at": row.recalled_at,
        "recall_reason": row.recall_reason,
        "replaced_by": row.replaced_by,
        "words": clean_text(words),
    }
    if options.has_rings:
        plain["rings"] = [draw_box(west, south, east, north)]
    return plain


def list_volumes(
    frame: Frame, version: str, volumes: Sequence[VolumeWire], places: Iterable[int], options: Options
) -> list[Plain]:
    """Return volumes of a version, with rings where they are wanted."""
    found = []
    for place in places:
        drawn = frame.draw(version, volumes, place)
        plain = describe_volume(volumes[place], drawn, place, has_rings=options.has_rings)
        if options.around_m is not None and options.has_rings:
            plain["around"] = frame.draw_around(version, volumes, place, options.around_m)
        found.append(plain)
    return found


def describe_volume(wire: VolumeWire, drawn: Drawn, place: int, *, has_rings: bool) -> Plain:
    """Return one volume: what, where, how high, when."""
    start_us, end_us = read_times_us(wire)
    plain: Plain = {
        "n": place,
        "type": drawn.type,
        "bbox": drawn.bbox,
        "at": drawn.at,
        "floor_m": None if wire.floor_cm is None else wire.floor_cm / 100,
        "ceiling_m": None if wire.ceiling_cm is None else wire.ceiling_cm / 100,
        "start_us": start_us,
        "end_us": end_us,
    }
    if drawn.radius_m is not None:
        plain |= {"radius_m": drawn.radius_m, "centre": drawn.centre}
    if has_rings:
        plain["rings"] = drawn.parts
    return plain


def _describe_object(frame: Frame, name: str, author: str, to: Sequence[str]) -> Plain:
    thing = frame.rows.find(ObjectRow, name)
    index = thing.version_index if thing else 0
    return {
        "object": name,
        "author": author,
        "number": frame.number(author),
        "is_own": author == frame.desk.party,
        "to": list(to),
        "told": say_readers(to),
        "index": index,
        "first_index": thing.first_index if thing else 0,
        "standing": frame.desk.follower.standing(index),
        "looks_like": list(frame.alike.get(name, ())),
    }


def _describe_position(frame: Frame, name: str) -> Plain:
    state = position_state(frame.rows, name)
    return {
        "state": state.state,
        "reasons": [clean_text(one) for one in state.reasons],
        "unread": list(state.unread),
    }


def _is_within(frame: Frame, volumes: Sequence[VolumeWire]) -> bool:
    window = frame.window
    if window.box is None and not window.from_us and not window.until_us:
        return True
    return bool(measure(volumes).find_within(window))
