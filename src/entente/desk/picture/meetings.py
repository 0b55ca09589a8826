"""Conflicts for drawing and listing: numbers with their units, and the words that explain them.

Invariants: the row of the record in other units, and nothing that it does not say: what was not measured is
null; the words are `explain_conflict`'s, cleaned.

It finds none: the record's rules do, and `trying` for a draft.

    >>> describe_conflict(frame, row, {})["gap_m"]
    3097.0
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from entente.deconflict import AlarmRow, ConflictRow, explain_conflict
from entente.desk.picture.frame import Frame
from entente.desk.picture.requests import Window
from entente.desk.picture.shelf import to_us
from entente.terms.words.text import clean_text

Plain = dict[str, Any]


class Meetings(NamedTuple):
    """Conflicts within the window, how many there are of them, and the keys of all open ones by object."""

    found: list[Plain]
    total: int
    by_object: dict[str, list[str]]


def list_conflicts(frame: Frame, limit: int) -> Meetings:
    """Return the open conflicts of the moment, or all of them where ended things are wanted."""
    alarms = find_alarms(frame)
    by_object: dict[str, list[str]] = {}
    found: list[Plain] = []
    total = 0
    chosen = (
        frame.rows.select(ConflictRow) if frame.has_ended else frame.rows.select(ConflictRow, state="open")
    )
    for row in chosen:
        if row.state == "open":
            by_object.setdefault(row.first, []).append(row.key())
            by_object.setdefault(row.second, []).append(row.key())
        if is_within(row, frame.window):
            total += 1
            if len(found) < limit:
                found.append(describe_conflict(frame, row, alarms))
    return Meetings(found, total, by_object)


def find_alarms(frame: Frame) -> dict[str, AlarmRow]:
    """Return the alarm that stands about each conflict."""
    found: dict[str, AlarmRow] = {}
    for state in ("due", "raised"):
        for row in frame.rows.select(AlarmRow, state=state):
            for key in (row.conflict, *row.also):
                found[key] = row
    return found


def is_within(row: ConflictRow, window: Window) -> bool:
    """Tell whether a conflict is within a window; what has no place or time of its own is everywhere."""
    near = row.closest
    if near.start and window.until_us and to_us(near.start) >= window.until_us:
        return False
    if near.end and window.from_us and to_us(near.end) <= window.from_us:
        return False
    if window.box is None or near.lat_e7 is None or near.lon_e7 is None:
        return True
    west, south, _, north = window.box
    lat, lon = near.lat_e7 / 1e7, near.lon_e7 / 1e7
    return south <= lat <= north and (lon - west) % 360.0 <= window.width_deg


def describe_conflict(frame: Frame, row: ConflictRow, alarms: dict[str, AlarmRow]) -> Plain:
    """Return one conflict."""
    near = row.closest
    alarm = alarms.get(row.key())
    has_place = near.lat_e7 is not None and near.lon_e7 is not None
    return {
        "key": row.key(),
        "first": row.first,
        "second": row.second,
        "rule": row.rule,
        "state": row.state,
        "since_index": row.since_index,
        "resolved_index": row.resolved_index,
        "why": row.why,
        "is_own": any(side.author == frame.desk.party for side in row.sides),
        "sides": [{**msgspec.to_builtins(side), "number": frame.number(side.author)} for side in row.sides],
        "at": ((near.lon_e7 or 0) / 1e7, (near.lat_e7 or 0) / 1e7) if has_place else None,
        "start_us": to_us(near.start) if near.start else None,
        "end_us": to_us(near.end) if near.end else None,
        "time_gap_s": near.time_gap_s,
        "has_band": near.has_band,
        "floor_m": None if near.floor_cm is None else near.floor_cm / 100,
        "ceiling_m": None if near.ceiling_cm is None else near.ceiling_cm / 100,
        "vertical_gap_m": near.vertical_gap_cm / 100,
        "gap_m": None if near.gap_cm is None else near.gap_cm / 100,
        "lateral_m": row.lateral_cm / 100,
        "vertical_m": row.vertical_cm / 100,
        "time_s": row.time_s,
        "meetings": row.meetings,
        "zone": None if row.zone is None else msgspec.to_builtins(row.zone),
        "earlier": [msgspec.to_builtins(span) for span in row.earlier],
        "alarm": alarm.alarm if alarm else "",
        "alarm_state": alarm.state if alarm else "",
        "words": clean_text(explain_conflict(row)),
    }
