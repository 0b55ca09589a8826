"""What the time bar draws: by party, when its activities are; what falls due; when conflicts are.

Invariants: numbers and names only, no shapes; of one moment of the record; a span that is drawn as counts and
not one by one says so (``is_bucketed``), and every bar that touches the window is counted in it; nothing is
left out in silence (``total``, ``is_cut``).

What it measures of a size of the record it keeps for the next question: a bar is scrubbed, and asks often.

    >>> show_lanes(desk, LanesRequest())["lanes"][0]["bars"][0]
    [1480550400000000, 1480554000000000, 0, 1]
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated, Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from entente.deconflict import (
    ActivityRow,
    AlarmRow,
    ConcurrenceRow,
    ConflictRow,
    ObjectRow,
    ReceiptRow,
    SiteRow,
    VersionRow,
    ZoneRow,
)
from entente.desk.assembly import Desk
from entente.desk.picture.frame import Frame, open_frame
from entente.desk.picture.meetings import find_alarms
from entente.desk.picture.requests import MOST_BUCKETS, Micros, Size, WindowRequest
from entente.desk.picture.shelf import to_us
from entente.desk.picture.verbs import describe_frame
from entente.kernel.charter import get_charter
from entente.kernel.time import parse_utc
from entente.kernel.wire import WireStruct

Plain = dict[str, Any]
MOST_MARKS: Final = 2_000
_KEPT: Final = 3
ARMED: Final = 1
IN_CONFLICT: Final = 2
"""Bits of a bar: the activity is armed; it is in an open conflict."""


class LanesRequest(WireStruct, frozen=True, kw_only=True):
    """A span of time (0: open) of a moment; up to ``most`` bars, beyond them ``buckets`` a lane."""

    at_size: Size = 0
    from_us: Micros = 0
    until_us: Micros = 0
    most: Annotated[int, msgspec.Meta(ge=0, le=20_000)] = 2_000
    buckets: Annotated[int, msgspec.Meta(ge=1, le=MOST_BUCKETS)] = 240


class _Bars(NamedTuple):
    """Every volume of every standing activity, a row each."""

    times_us: NDArray[np.int64]
    things: NDArray[np.int64]
    parties: NDArray[np.int64]
    flags: NDArray[np.int64]
    titles: list[tuple[str, str]]


class _Shelf:
    """Bars by desk and size of the record; the least lately used goes first. Any thread may ask."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, str, int], _Bars] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, frame: Frame) -> _Bars:
        desk = frame.desk
        key = (desk.pin.origin, desk.vault.desk_key.public.key_id, frame.at_size)
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return found
        made = _measure(frame)
        with self._lock:
            self._kept[key] = made
            while len(self._kept) > _KEPT:
                self._kept.popitem(last=False)
        return made


_SHELF: Final = _Shelf()


def show_lanes(desk: Desk, request: LanesRequest) -> Plain:
    """Return lanes by party, marks of what falls due, and conflicts, within a span of time."""
    window = WindowRequest(at_size=request.at_size, from_us=request.from_us, until_us=request.until_us)
    with open_frame(desk, window) as frame:
        if not frame.is_founded:
            empty: Plain = {"lanes": [], "things": [], "marks": [], "conflicts": [], "total": 0}
            return {
                **describe_frame(frame),
                "first_us": 0,
                "last_us": 0,
                "is_bucketed": False,
                "is_cut": False,
            } | empty
        bars = _SHELF.get(frame)
        found, is_bucketed = _draw_lanes(frame, bars, request)
        marks = sorted(_list_marks(frame), key=lambda one: one["at_us"])
        met = list(_list_spans(frame))
        times = bars.times_us
        ends = [one["at_us"] for one in marks]
        return {
            **describe_frame(frame),
            "first_us": int(min(times[:, 0].min(initial=2**62), *ends, 2**62)) if len(times) or ends else 0,
            "last_us": int(max(times[:, 1].max(initial=0), 0)),
            "is_bucketed": is_bucketed,
            **found,
            "marks": marks[:MOST_MARKS],
            "conflicts": met[:MOST_MARKS],
            "is_cut": len(marks) > MOST_MARKS or len(met) > MOST_MARKS,
        }


def _measure(frame: Frame) -> _Bars:
    met = {name for row in frame.rows.select(ConflictRow, state="open") for name in (row.first, row.second)}
    times: list[NDArray[np.int64]] = []
    things: list[int] = []
    parties: list[int] = []
    flags: list[int] = []
    titles: list[tuple[str, str]] = []
    for row in frame.rows.select(ActivityRow, state="standing"):
        spans = frame.shelf.get_boxes(row.version, row.volumes).times_us
        flag = (ARMED if row.armed else 0) | (IN_CONFLICT if row.object in met else 0)
        times.append(spans)
        things += [len(titles)] * len(spans)
        parties += [frame.number(row.author)] * len(spans)
        flags += [flag] * len(spans)
        titles.append((row.object, row.title))
    whole = np.concatenate(times) if times else np.zeros((0, 2), dtype=np.int64)
    return _Bars(
        whole,
        np.array(things, dtype=np.int64),
        np.array(parties, dtype=np.int64),
        np.array(flags, dtype=np.int64),
        titles,
    )


def _draw_lanes(frame: Frame, bars: _Bars, request: LanesRequest) -> tuple[Plain, bool]:
    times = bars.times_us
    is_in = np.ones(len(times), dtype=bool)
    if request.from_us:
        is_in &= times[:, 1] > request.from_us
    if request.until_us:
        is_in &= times[:, 0] < request.until_us
    chosen = np.flatnonzero(is_in)
    is_bucketed = len(chosen) > request.most
    named: dict[int, int] = {}
    lanes = []
    for row in frame.parties:
        number = frame.number(row.party)
        own = chosen[bars.parties[chosen] == number]
        lane: Plain = {
            "party": row.party,
            "number": number,
            "is_own": row.party == frame.desk.party,
            "count": len(own),
        }
        if is_bucketed:
            lane |= _count_in_buckets(times[own], bars.flags[own], request)
        else:
            order = own[np.argsort(times[own, 0], kind="stable")]
            lane["bars"] = [
                [
                    int(times[at, 0]),
                    int(times[at, 1]),
                    named.setdefault(int(bars.things[at]), len(named)),
                    int(bars.flags[at]),
                ]
                for at in order
            ]
        lanes.append(lane)
    things = [{"object": bars.titles[at][0], "title": bars.titles[at][1]} for at in named]
    return {"lanes": lanes, "things": things, "total": len(chosen)}, is_bucketed


def _count_in_buckets(times: NDArray[np.int64], flags: NDArray[np.int64], request: LanesRequest) -> Plain:
    """Return how many bars touch each of equal parts of the window, and how many of those are in conflict."""
    if not len(times):
        return {"from_us": request.from_us, "step_us": 1, "counts": [], "met": []}
    first = request.from_us or int(times[:, 0].min())
    last = max(request.until_us or int(times[:, 1].max()), first + 1)
    step = -(-(last - first) // request.buckets)
    one = np.clip((times[:, 0] - first) // step, 0, request.buckets - 1)
    # A bar that ends where a part begins does not touch it.
    other = np.clip((times[:, 1] - 1 - first) // step, 0, request.buckets - 1)
    met = (flags & IN_CONFLICT) != 0
    return {
        "from_us": first,
        "step_us": step,
        "counts": _cover(one, other, request.buckets),
        "met": _cover(one[met], other[met], request.buckets),
    }


def _cover(one: NDArray[np.int64], other: NDArray[np.int64], buckets: int) -> list[int]:
    rise = np.bincount(one, minlength=buckets + 1) - np.bincount(other + 1, minlength=buckets + 1)
    return [int(count) for count in np.cumsum(rise)[:buckets]]


def _list_marks(frame: Frame) -> Iterator[Plain]:
    """Yield moments at which something falls due or ends: whose, when, of what."""
    rows, own = frame.rows, frame.desk.party
    wait = timedelta(minutes=get_charter(rows).rules.lapse_minutes)
    for asked in rows.select(ConcurrenceRow, answer="waiting"):
        thing = _find_current(frame, asked.version)
        if thing is not None and asked.due_by:
            yield _mark("concurrence", asked.party, thing, to_us(asked.due_by), own)
    for row in rows.select(ReceiptRow, state="waiting"):
        due = parse_utc(row.recorded_utc or row.submitted.at) + wait
        at_us = int(due.timestamp()) * 1_000_000 + due.microsecond
        version = rows.find(VersionRow, row.message)
        name = version.object if version is not None else ""
        yield _mark("acknowledgement", row.party, name, at_us, own) | {"message": row.submitted.index}
    for site in rows.select(SiteRow, state="standing"):
        yield _mark("site-expires", site.author, site.object, to_us(site.expires), own)
    for zone in rows.select(ZoneRow, state="standing"):
        ends = frame.shelf.get_boxes(zone.version, zone.declared.volumes).times_us[:, 1]
        yield _mark("zone-ends", zone.author, zone.object, int(ends.max()), own)
    for alarm in rows.select(AlarmRow):
        if alarm.raised is not None:
            named = alarm.named or alarm.conflict
            yield _mark("alarm", alarm.parties[0], named, to_us(alarm.raised.at), own) | {
                "is_own": own in alarm.parties
            }


def _mark(kind: str, party: str, thing: str, at_us: int, own: str) -> Plain:
    return {"kind": kind, "party": party, "object": thing, "at_us": at_us, "is_own": party == own}


def _find_current(frame: Frame, leaf: str) -> str | None:
    """Return the object of which a version is the standing one."""
    version = frame.rows.find(VersionRow, leaf)
    thing = frame.rows.find(ObjectRow, version.object) if version is not None else None
    if thing is None or thing.state != "standing" or thing.version != leaf:
        return None
    return thing.object


def _list_spans(frame: Frame) -> Iterator[Plain]:
    """Yield when each open conflict is; one without a time of its own has none to be drawn at."""
    alarms = find_alarms(frame)
    for row in frame.rows.select(ConflictRow, state="open"):
        near = row.closest
        start = to_us(near.start) if near.start else None
        end = to_us(near.end) if near.end else None
        if (start is not None and frame.window.until_us and start >= frame.window.until_us) or (
            end is not None and frame.window.from_us and end <= frame.window.from_us
        ):
            continue
        yield {
            "key": row.key(),
            "rule": row.rule,
            "is_own": any(side.author == frame.desk.party for side in row.sides),
            "has_alarm": row.key() in alarms,
            "start_us": start,
            "end_us": end,
        }
