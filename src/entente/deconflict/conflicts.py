"""Conflicts: which standing objects meet, under which rule, since when, and how it ended.

Three rules, each named in the row that it makes:
  * *separation*: two activities of different parties come closer than the charter agreed;
  * *buffer*: an activity, anyone's, comes within a site's buffer;
  * *zone*: an activity meets a zone that applies to its kind and does not permit its author.

Invariants:
  * After each entry the open rows are exactly the conflicts among the objects that stand and are readable
    here: what a comparison of all pairs would find. Objects sealed to others are absent; their parties' desks
    find those conflicts.
  * A row is never removed: it is resolved, with the entry and the reason, and its earlier spans stay.
  * No rule about messages reads a conflict: a conflict is shown, it refuses nothing. So center and desks,
    which see different objects, still decide alike.

It does not decide who gives way.

    >>> update_conflicts(entry, rows, index)
    >>> [explain_conflict(row) for row in rows.select(ConflictRow, state="open")]
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, ClassVar, Final, Literal

import msgspec

from entente.deconflict.activity import ActivityRow
from entente.deconflict.index import ConflictIndex, MemoryIndex, widen
from entente.deconflict.objects import ObjectRow, ObjectType, find_volumes, name_object, parse_volumes
from entente.deconflict.positions import say_metres
from entente.deconflict.site import PROTECTION_NOTICE, SiteRow
from entente.deconflict.zone import ZoneRow
from entente.kernel.charter import get_charter
from entente.kernel.message import Entry
from entente.kernel.rows import Row, Rows
from entente.kernel.time import encode_utc
from entente.space import Overlap, Separation, Volume, encode_position, find_conflict

RuleName = Literal["separation", "buffer", "zone"]
_CHANGING: Final = frozenset({"activity.notify", "activity.update", "zone.declare", "site.declare"})
_ENDING: Final = {
    "activity.close": "closed",
    "zone.withdraw": "withdrawn",
    "site.withdraw": "withdrawn",
}
_AGAINST: Final[dict[ObjectType, tuple[ObjectType, ...]]] = {
    "activity": ("activity", "site", "zone"),
    "zone": ("activity",),
    "site": ("activity",),
}


class Side(msgspec.Struct, frozen=True):
    """One of two objects: its scoped name, what it is, whose, called what, and which of its volumes."""

    object: str
    type: ObjectType
    author: str
    title: str
    volume: int


class Closeness(msgspec.Struct, frozen=True):
    """Where, when, how high and how near: the first meeting in time. Bounds are rounded outward, gaps down.

    ``start``, ``end`` are empty when the windows miss each other by ``time_gap_s``; the heights, when the
    bands miss each other by ``vertical_gap_cm``, are both null and ``has_band`` is false.
    """

    start: str
    end: str
    time_gap_s: int
    has_band: bool
    floor_cm: int | None
    ceiling_cm: int | None
    vertical_gap_cm: int
    gap_cm: int
    lat_e7: int
    lon_e7: int


class Span(msgspec.Struct, frozen=True):
    """An earlier time in which the same two objects were in conflict."""

    since_index: int
    resolved_index: int
    why: str


class ConflictRow(Row, frozen=True):
    """Two objects that meet, or met."""

    TABLE: ClassVar[str] = "conflicts"
    INDEXED: ClassVar[tuple[str, ...]] = ("state", "first", "second")
    first: str
    second: str
    sides: tuple[Side, Side]
    rule: RuleName
    lateral_cm: int
    vertical_cm: int
    time_s: int
    closest: Closeness
    meetings: int
    """How many pairs of their volumes meet; ``closest`` tells of the first."""
    state: Literal["open", "resolved"]
    since_index: int
    resolved_index: int | None = None
    why: str = ""
    earlier: tuple[Span, ...] = ()

    def key(self) -> str:
        """Return the two scoped names, sorted."""
        return f"{self.first}|{self.second}"


def rebuild_index(rows: Rows) -> MemoryIndex:
    """Return the index of all that stands."""
    index = MemoryIndex()
    for thing in rows.select(ObjectRow, state="standing"):
        _insert(thing, rows, index)
    return index


def update_conflicts(entry: Entry[Any], rows: Rows, index: ConflictIndex) -> list[ConflictRow]:
    """Bring index and conflict rows up to date with a projected entry; return the rows that changed."""
    message = entry.message
    kind = message.payload.kind
    if message.body is None or (kind not in _CHANGING and kind not in _ENDING):
        return []
    name = name_object(message, message.body.id)
    found: dict[str, ConflictRow] = {}
    if kind in _ENDING:
        why = f"{name} {_ENDING[kind]}"
        index.withdraw(name)
    else:
        why = f"{name} changed"
        thing = rows.find(ObjectRow, name)
        if thing is None:
            raise AssertionError(f"object {name!r}: was projected and has no row")
        volumes = _insert(thing, rows, index)
        found = {row.key(): row for row in _find_conflicts(thing, volumes, entry.index, rows, index)}
    changed = [
        msgspec.structs.replace(known, state="resolved", resolved_index=entry.index, why=why)
        for known in _list_open(name, rows)
        if known.key() not in found
    ]
    changed += [_continue(row, rows) for row in found.values()]
    for row in changed:
        rows.put(row)
    return sorted(changed, key=ConflictRow.key)


def explain_conflict(row: ConflictRow) -> str:
    """Return a conflict in plain sentences: who, where, when, how high, by how much, under which rule."""
    one, other = row.sides
    near = row.closest
    place = f"near {_say_degrees(near.lat_e7, 'N', 'S')} {_say_degrees(near.lon_e7, 'E', 'W')}"
    text = f"{_say_side(one)} and {_say_side(other)} {_say_rule(row)}: "
    text += f"{place}, {_say_when(near)}, {_say_heights(near)}"
    gap = f"{say_metres(near.gap_cm)} apart on the ground" if near.gap_cm else "the outlines meet"
    text += f"; {gap}."
    if row.meetings > 1:
        text += f" {row.meetings} pairs of their volumes meet; this is the first."
    if row.state == "resolved":
        text += f" Resolved with entry {row.resolved_index}: {row.why}."
    if "site" in (one.type, other.type):
        text += f" {PROTECTION_NOTICE}"
    return text


def _insert(thing: ObjectRow, rows: Rows, index: ConflictIndex) -> list[Volume]:
    wires = find_volumes(rows, thing.object)
    volumes = parse_volumes(wires or (), path="$.body.volumes")
    site = rows.find(SiteRow, thing.object) if thing.type == "site" else None
    reach_m = site.declared.buffer_cm / 100 if site else 0.0
    index.insert(thing.object, volumes, group=thing.type, reach_m=reach_m)
    return volumes


def _find_conflicts(
    thing: ObjectRow, volumes: list[Volume], at_index: int, rows: Rows, index: ConflictIndex
) -> Iterator[ConflictRow]:
    for group in _AGAINST[thing.type]:
        separation = _separation_of(thing, group, rows)
        pairs: dict[str, list[tuple[int, int, Overlap]]] = {}
        for ordinal, volume in enumerate(volumes):
            for hit in index.query(volume, separation, group=group):
                pairs.setdefault(hit.object, []).append((ordinal, hit.ordinal, hit.overlap))
        for name, met in sorted(pairs.items()):
            other = rows.find(ObjectRow, name)
            if other is not None and _applies(thing, other, rows):
                yield _make_row(thing, volumes, other, met, at_index, rows)


def _separation_of(thing: ObjectRow, group: ObjectType, rows: Rows) -> Separation:
    """Return what to ask the index for.

    A site that is asked *about* brings its buffer; one that stands in the index has it there.
    """
    if thing.type == "activity" and group == "activity":
        rules = get_charter(rows).rules
        return Separation(rules.lateral_cm / 100, rules.vertical_cm / 100, float(rules.time_s))
    if thing.type == "site":
        return widen(Separation(), _get_site(thing.object, rows).declared.buffer_cm / 100)
    return Separation()


def _applies(thing: ObjectRow, other: ObjectRow, rows: Rows) -> bool:
    types = {thing.type, other.type}
    if types == {"activity"}:
        return thing.author != other.author
    if "zone" not in types:
        return True
    zone, activity = (thing, other) if thing.type == "zone" else (other, thing)
    declared = _get_zone(zone.object, rows).declared
    return (
        _get_activity(activity.object, rows).activity in declared.applies_to
        and activity.author not in declared.permits
    )


def _make_row(
    thing: ObjectRow,
    volumes: list[Volume],
    other: ObjectRow,
    met: list[tuple[int, int, Overlap]],
    at_index: int,
    rows: Rows,
) -> ConflictRow:
    # INVARIANT: the row is the same whichever of the two came last, so the pair is measured in the order of
    # its names.
    is_first = thing.object < other.object
    first, second = (thing, other) if is_first else (other, thing)
    others = parse_volumes(find_volumes(rows, other.object) or (), path="$.body.volumes")
    rule, agreed = _name_rule(first, second, rows)
    closest: list[tuple[Closeness, int, int]] = []
    for mine, theirs, overlap in met:
        here, there = volumes[mine], others[theirs]
        again = find_conflict(here, there, agreed) if is_first else find_conflict(there, here, agreed)
        place = (mine, theirs) if is_first else (theirs, mine)
        closest.append((_measure(again or overlap), *place))
    nearest, one, two = min(closest, key=_rank)
    return ConflictRow(
        first=first.object,
        second=second.object,
        sides=(_make_side(first, one, rows), _make_side(second, two, rows)),
        rule=rule,
        lateral_cm=round(agreed.lateral_m * 100),
        vertical_cm=round(agreed.vertical_m * 100),
        time_s=round(agreed.time_s),
        closest=nearest,
        meetings=len(met),
        state="open",
        since_index=at_index,
    )


def _rank(meeting: tuple[Closeness, int, int]) -> tuple[bool, str, int, int, int]:
    near, one, two = meeting
    return near.start == "", near.start, near.gap_cm, one, two


def _name_rule(first: ObjectRow, second: ObjectRow, rows: Rows) -> tuple[RuleName, Separation]:
    for one in (first, second):
        if one.type == "site":
            return "buffer", _separation_of(one, "activity", rows)
        if one.type == "zone":
            return "zone", Separation()
    return "separation", _separation_of(first, "activity", rows)


def _measure(overlap: Overlap) -> Closeness:
    window, band = overlap.window, overlap.heights
    lat_e7, lon_e7 = encode_position(*overlap.place)
    floor_m, ceiling_m = (band.floor_m, band.ceiling_m) if band else (None, None)
    return Closeness(
        start=encode_utc(window.start_utc) if window else "",
        end=encode_utc(window.end_utc) if window else "",
        time_gap_s=math.floor(overlap.time_gap_s),
        has_band=band is not None,
        floor_cm=None if floor_m is None else round(floor_m * 100),
        ceiling_cm=None if ceiling_m is None else round(ceiling_m * 100),
        vertical_gap_cm=math.floor(overlap.vertical_gap_m * 100),
        gap_cm=math.floor(overlap.gap_m * 100),
        lat_e7=lat_e7,
        lon_e7=lon_e7,
    )


def _make_side(thing: ObjectRow, volume: int, rows: Rows) -> Side:
    title = (
        _get_activity(thing.object, rows).title
        if thing.type == "activity"
        else _get_zone(thing.object, rows).declared.name
        if thing.type == "zone"
        else _get_site(thing.object, rows).declared.name
    )
    return Side(thing.object, thing.type, thing.author, title, volume)


def _continue(row: ConflictRow, rows: Rows) -> ConflictRow:
    """Return a found row with what is known of the pair: since when, or which spans lie behind it."""
    known = rows.find(ConflictRow, row.key())
    if known is None:
        return row
    if known.state == "open":
        return msgspec.structs.replace(row, since_index=known.since_index, earlier=known.earlier)
    ended = known.resolved_index if known.resolved_index is not None else row.since_index
    behind = Span(known.since_index, ended, known.why)
    return msgspec.structs.replace(row, earlier=(*known.earlier, behind))


def _list_open(name: str, rows: Rows) -> list[ConflictRow]:
    found = [
        *rows.select(ConflictRow, state="open", first=name),
        *rows.select(ConflictRow, state="open", second=name),
    ]
    return sorted(found, key=ConflictRow.key)


def _get_activity(name: str, rows: Rows) -> ActivityRow:
    row = rows.find(ActivityRow, name)
    if row is None:
        raise AssertionError(f"activity {name!r}: stands and has no row")
    return row


def _get_zone(name: str, rows: Rows) -> ZoneRow:
    row = rows.find(ZoneRow, name)
    if row is None:
        raise AssertionError(f"zone {name!r}: stands and has no row")
    return row


def _get_site(name: str, rows: Rows) -> SiteRow:
    row = rows.find(SiteRow, name)
    if row is None:
        raise AssertionError(f"site {name!r}: stands and has no row")
    return row


def _say_side(side: Side) -> str:
    return f"{side.type} {side.title!r} ({side.object}) of {side.author}"


def _say_rule(row: ConflictRow) -> str:
    if row.rule == "buffer":
        return f"come within the site's buffer of {say_metres(row.lateral_cm)}"
    if row.rule == "zone":
        return "meet, which the zone does not permit"
    return (
        f"come closer than agreed ({say_metres(row.lateral_cm)} on the ground, {say_metres(row.vertical_cm)} "
        "in height, "
        f"{row.time_s} s)"
    )


def _say_when(near: Closeness) -> str:
    if near.start:
        return f"from {near.start} to {near.end}"
    return f"{near.time_gap_s} s between one and the other"


def _say_heights(near: Closeness) -> str:
    if not near.has_band:
        return f"{say_metres(near.vertical_gap_cm)} apart in height"
    if near.floor_cm is None and near.ceiling_cm is None:
        return "at every height"
    if near.floor_cm is None:
        return f"up to {say_metres(near.ceiling_cm or 0)} above the ellipsoid"
    if near.ceiling_cm is None:
        return f"from {say_metres(near.floor_cm)} above the ellipsoid upwards"
    return f"between {say_metres(near.floor_cm)} and {say_metres(near.ceiling_cm)} above the ellipsoid"


def _say_degrees(value_e7: int, positive: str, negative: str) -> str:
    return f"{abs(value_e7) / 1e7:.4f} {positive if value_e7 >= 0 else negative}"
