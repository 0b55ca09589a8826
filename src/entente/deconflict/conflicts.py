"""Conflicts: which standing objects meet, under which rule, since when, and how it ended.

Three rules, each named in the row that it makes:
  * *separation*: two activities of different parties come closer than the charter agreed;
  * *buffer*: an activity, anyone's, comes within a site's buffer;
  * *zone*: an activity meets a zone and has not fulfilled what the zone asks of its author and kind.

Invariants:
  * After each entry the open rows are exactly the conflicts among the objects that stand and are readable
    here: what a comparison of all pairs would find. Objects sealed to others are absent; their parties' desks
    find those conflicts.
  * What fulfils a zone's need (an answer, a receipt) and what voids it (another answer, a changed corridor)
    moves the rows at once, as moving an object does.
  * A row is never removed: it is resolved, with the entry and the reason, and its earlier spans stay.
  * A conflict is shown, it refuses nothing. The only rule that reads one is that of alarms, where both
    objects are open to all. So center and desks, which see different objects, still decide alike.

It does not decide who gives way.

    >>> update_conflicts(entry, rows, index)
    >>> [explain_conflict(row) for row in rows.select(ConflictRow, state="open")]
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from entente.deconflict.activity import ActivityRow
from entente.deconflict.conflict_row import SPANS_KEPT, Closeness, ConflictRow, RuleName, Side, Span, SpanRow
from entente.deconflict.index import ConflictIndex, MemoryIndex, widen
from entente.deconflict.objects import (
    NO_VERSION,
    ObjectRow,
    ObjectType,
    VersionRow,
    name_object,
    parse_volumes,
    say_name,
)
from entente.deconflict.site import SiteRow
from entente.deconflict.zone import ZoneRow
from entente.deconflict.zone_judgement import Judging, ZoneFinding, add_asked, ask_zone, find_missing
from entente.deconflict.zone_needs import Asked
from entente.kernel.charter import get_charter
from entente.kernel.message import Entry
from entente.kernel.rows import R, Rows
from entente.kernel.time import encode_utc
from entente.space import Overlap, Separation, Volume, encode_position, find_conflict

PAST_SITE: Final = "past-site"
"""The index's group of site versions that are past, by leaf: for what happened while they stood."""
EVERY_TYPE: Final[frozenset[ObjectType]] = frozenset({"activity", "zone", "site"})
MEASURED: Final = 20
"""How many meetings of two objects that begin at the same moment are measured: 50 volumes meet 50 others in
2,500 places, which would be seconds."""
_CHANGING: Final = frozenset({"activity.notify", "activity.update", "zone.declare", "site.declare"})
_ENDING: Final = {
    "activity.close": "closed",
    "zone.withdraw": "withdrawn",
    "site.withdraw": "withdrawn",
}
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_ANSWERING: Final = frozenset({"activity.concur", "activity.object", "activity.reconsider"})
_HEARING: Final = frozenset({"receipt.deliver", "receipt.acknowledge", "receipt.lapse"})
_AGAINST: Final[dict[ObjectType, tuple[ObjectType, ...]]] = {
    "activity": ("activity", "site", "zone"),
    "zone": ("activity",),
    "site": ("activity",),
}


class _Met(msgspec.Struct, frozen=True):
    """Two volumes that meet, by their places in the two objects, in the order of the objects' names.

    ``start_utc`` is when their windows begin to overlap; None where these miss each other.
    """

    one: int
    two: int
    start_utc: datetime | None
    asked: Asked | None = None
    finding: ZoneFinding | None = None


def rebuild_index(rows: Rows, *, only: frozenset[ObjectType] = EVERY_TYPE) -> MemoryIndex:
    """Return the index of all that stands, or of some types, and of the site versions that stood."""
    index = MemoryIndex()
    for _ in fill_index(rows, index, only=only):
        pass
    return index


def fill_index(
    rows: Rows, index: ConflictIndex, *, only: frozenset[ObjectType] = EVERY_TYPE
) -> Iterator[str]:
    """Insert what `rebuild_index` has into an index, one object at a time; yield the name of each."""
    for thing in rows.select(ObjectRow, state="standing"):
        if thing.type in only:
            _insert(thing, _read_volumes(thing, rows), rows, index)
            yield thing.object
    if "site" in only:
        for version in rows.select(VersionRow):
            if version.type == "site" and version.until:
                _insert_past(version, index)
                yield version.version


def update_conflicts(entry: Entry[Any], rows: Rows, index: ConflictIndex) -> list[ConflictRow]:
    """Bring index and conflict rows up to date with a projected entry; return the rows that changed."""
    message = entry.message
    kind = message.payload.kind
    if message.body is None:
        return []
    if kind in _HEARING:
        return _judge_heard(entry, rows, index)
    if kind in _ANSWERING:
        return _judge_again(name_object(message, message.body.activity), "an answer", entry, rows, index)
    if kind not in _CHANGING and kind not in _ENDING:
        return []
    name = name_object(message, message.body.id)
    thing = rows.find(ObjectRow, name)
    if thing is None:
        raise AssertionError(f"object {name!r}: was projected and has no row")
    found: list[ConflictRow] = []
    if kind in _ENDING:
        why = f"{say_name(name)} {_ENDING[kind]}"
        index.withdraw(name)
    else:
        why = f"{say_name(name)} changed"
        volumes = _read_volumes(thing, rows)
        # Not yet in the index, or no longer: it would meet itself, and each meeting costs.
        index.withdraw(name)
        found = list(find_conflicts_of(thing, volumes, entry.index, rows, index))
        _insert(thing, volumes, rows, index)
    changed = _settle(_list_open(name, rows), found, entry.index, why, rows)
    past = None if thing.type == "activity" else _find_past(thing, rows)
    if past is not None and thing.type == "site":
        _insert_past(past, index)
    elif past is not None:
        changed += _judge_corridor(past, entry, rows, index)
    return sorted(changed, key=ConflictRow.key)


def find_conflicts_of(
    thing: ObjectRow, volumes: Sequence[Volume], at_index: int, rows: Rows, index: ConflictIndex
) -> Iterator[ConflictRow]:
    """Yield the conflicts of a standing object with these volumes, as rows; writes nothing."""
    for group in _AGAINST[thing.type]:
        yield from _find_group(thing, volumes, group, at_index, rows, index)


def _find_group(
    thing: ObjectRow,
    volumes: Sequence[Volume],
    group: ObjectType,
    at_index: int,
    rows: Rows,
    index: ConflictIndex,
) -> Iterator[ConflictRow]:
    separation = _separation_of(thing, group, rows)
    pairs: dict[str, list[tuple[int, int]]] = {}
    for ordinal, volume in enumerate(volumes):
        for hit in index.query(volume, separation, group=group, most=None):
            pairs.setdefault(hit.object, []).append((ordinal, hit.ordinal))
    judging = Judging(rows)
    for name, met in sorted(pairs.items()):
        other = rows.find(ObjectRow, name)
        if other is None or (group == thing.type and other.author == thing.author):
            continue
        row = _make_row(thing, volumes, other, met, at_index, judging)
        if row is not None:
            yield row


def _settle(
    opened: list[ConflictRow], found: Sequence[ConflictRow], at_index: int, why: str, rows: Rows
) -> list[ConflictRow]:
    """Resolve what is open and was not found again, write down what was; return what changed."""
    keys = {row.key() for row in found}
    changed = [
        msgspec.structs.replace(known, state="resolved", resolved_index=at_index, why=why)
        for known in opened
        if known.key() not in keys
    ]
    for ended in changed:
        rows.put(SpanRow(ended.key(), ended.since_index, at_index, why))
    changed += [_continue(row, rows) for row in found]
    for row in changed:
        rows.put(row)
    return changed


def _judge_again(
    name: str, what: str, entry: Entry[Any], rows: Rows, index: ConflictIndex
) -> list[ConflictRow]:
    """Judge an activity against the zones that it meets once more: what they ask was answered, or heard."""
    thing = rows.find(ObjectRow, name)
    if thing is None or thing.type != "activity" or thing.state != "standing":
        return []
    volumes = _read_volumes(thing, rows)
    found = list(_find_group(thing, volumes, "zone", entry.index, rows, index))
    opened = [row for row in _list_open(name, rows) if row.rule == "zone"]
    known = {row.key(): row for row in opened}
    # Only what is another row now has changed: an answer says nothing to most zones.
    new = [row for row in found if row.key() not in known or _continue(row, rows) != known[row.key()]]
    keys = {row.key() for row in found}
    ended = [row for row in opened if row.key() not in keys]
    why = f"{say_name(name)}: {what} fulfils what the zone asks"
    return sorted(_settle(ended, new, entry.index, why, rows), key=ConflictRow.key)


def _judge_heard(entry: Entry[Any], rows: Rows, index: ConflictIndex) -> list[ConflictRow]:
    body = entry.message.opened()
    if entry.message.payload.kind == "receipt.lapse":
        leaves = [body.message]
    elif entry.message.payload.kind == "receipt.deliver":
        leaves = [one.leaf for one in body.messages]
    else:
        leaves = list(body.messages)
    changed: list[ConflictRow] = []
    for leaf in leaves:
        version = rows.find(VersionRow, leaf)
        if version is None or version.type != "activity":
            continue
        # Hearing fulfils, and never voids: where no row of a zone waits for it, there is nothing to judge.
        if any(row.zone is not None and row.zone.notice_h for row in _list_open(version.object, rows)):
            changed += _judge_again(version.object, "what was heard", entry, rows, index)
    return changed


def _judge_corridor(
    past: VersionRow, entry: Entry[Any], rows: Rows, index: ConflictIndex
) -> list[ConflictRow]:
    """Judge again what lay in a version of a corridor that is past: it opens nothing any more."""
    if not any(past.version in zone.declared.corridors for zone in rows.select(ZoneRow, state="standing")):
        return []
    inside = {
        hit.object
        for volume in parse_volumes(past.volumes, path="$.body.volumes")
        for hit in index.query(volume, Separation(), group="activity", most=None)
    }
    changed = []
    for name in sorted(inside):
        changed += _judge_again(name, "what is left", entry, rows, index)
    return changed


def _find_past(thing: ObjectRow, rows: Rows) -> VersionRow | None:
    """Return the version that this entry brought to its end, or None in a first version."""
    version = rows.find(VersionRow, thing.version)
    if version is None or version.until:
        return version
    return rows.find(VersionRow, version.previous) if version.previous != NO_VERSION else None


def _insert(thing: ObjectRow, volumes: Sequence[Volume], rows: Rows, index: ConflictIndex) -> None:
    version = rows.find(VersionRow, thing.version)
    reach_m = version.reach_cm / 100 if version else 0.0
    index.insert(thing.object, volumes, group=thing.type, reach_m=reach_m)


def _insert_past(version: VersionRow, index: ConflictIndex) -> None:
    volumes = parse_volumes(version.volumes, path="$.body.volumes")
    index.insert(version.version, volumes, group=PAST_SITE, reach_m=version.reach_cm / 100)


def _read_volumes(thing: ObjectRow, rows: Rows) -> list[Volume]:
    version = rows.find(VersionRow, thing.version)
    return parse_volumes(version.volumes, path="$.body.volumes") if version else []


def _separation_of(thing: ObjectRow, group: ObjectType, rows: Rows) -> Separation:
    """Return what to ask the index for.

    A site that is asked *about* brings its buffer; one that stands in the index has it there.
    """
    if thing.type == "activity" and group == "activity":
        rules = get_charter(rows).rules
        return Separation(rules.lateral_cm / 100, rules.vertical_cm / 100, float(rules.time_s))
    if thing.type == "site":
        return widen(Separation(), _get(SiteRow, thing.object, rows).declared.buffer_cm / 100)
    return Separation()


def _make_row(
    thing: ObjectRow,
    volumes: Sequence[Volume],
    other: ObjectRow,
    met: Sequence[tuple[int, int]],
    at_index: int,
    judging: Judging,
) -> ConflictRow | None:
    """Return the row of two objects whose volumes meet, or None where all that is asked is fulfilled."""
    rows = judging.rows
    # INVARIANT: the row is the same whichever of the two came last, so the pair is measured in the order of
    # its names.
    is_first = thing.object < other.object
    first, second = (thing, other) if is_first else (other, thing)
    others = _read_volumes(other, rows)
    rule, agreed = _name_rule(first, second, rows)
    ours, theirs = (volumes, others) if is_first else (others, volumes)
    found: list[_Met] = []
    for here, there in met:
        one, two = (here, there) if is_first else (there, here)
        meeting = _Met(one, two, _find_start(ours[one], theirs[two]))
        if rule == "zone":
            meeting = _judge(
                meeting, first, second, ours[one] if first.type == "activity" else theirs[two], judging
            )
            if meeting.finding is None:
                continue
        found.append(meeting)
    if not found:
        return None
    nearest, near = _find_nearest(found, ours, theirs, agreed)
    return ConflictRow(
        first=first.object,
        second=second.object,
        sides=(_make_side(first, nearest.one, rows), _make_side(second, nearest.two, rows)),
        rule=rule,
        lateral_cm=round(agreed.lateral_m * 100),
        vertical_cm=round(agreed.vertical_m * 100),
        time_s=round(agreed.time_s),
        closest=near,
        meetings=len(found),
        state="open",
        since_index=at_index,
        zone=_add_findings([one for one in found if one.finding is not None]),
    )


def _find_nearest(
    found: Sequence[_Met], ours: Sequence[Volume], theirs: Sequence[Volume], agreed: Separation
) -> tuple[_Met, Closeness]:
    """Return the meeting that begins first, and of those that begin together the nearest, and how near."""
    ordered = sorted(found, key=_rank)
    first = ordered[0].start_utc
    measured = []
    for met in ordered[:MEASURED]:
        if met.start_utc != first:
            break
        overlap = find_conflict(ours[met.one], theirs[met.two], agreed)
        if overlap is None:
            raise AssertionError(f"volumes {met.one} and {met.two}: expected some that meet")
        measured.append((met, _measure(overlap)))
    return min(measured, key=lambda one: (one[1].gap_cm, one[0].one, one[0].two))


def _judge(met: _Met, first: ObjectRow, second: ObjectRow, inside: Volume, judging: Judging) -> _Met:
    """Return the meeting with what the zone asks of the activity's volume and what of that is missing."""
    rows = judging.rows
    is_zone_first = first.type == "zone"
    zone = _get(ZoneRow, (first if is_zone_first else second).object, rows)
    activity = _get(ActivityRow, (second if is_zone_first else first).object, rows)
    asked = ask_zone(
        zone, met.one if is_zone_first else met.two, inside, activity.author, activity.activity, judging
    )
    if met.start_utc is None:
        raise AssertionError("zone: expected windows that overlap where no separation is asked for")
    finding = find_missing(asked, zone, activity, met.start_utc, judging)
    return msgspec.structs.replace(met, asked=asked, finding=finding)


def _find_start(one: Volume, other: Volume) -> datetime | None:
    start_utc = max(one.window.start_utc, other.window.start_utc)
    return start_utc if start_utc < min(one.window.end_utc, other.window.end_utc) else None


def _add_findings(found: Sequence[_Met]) -> ZoneFinding | None:
    """Return what all meetings together lack: the strictest of each."""
    findings = [one.finding for one in found if one.finding is not None]
    asked = [one.asked for one in found if one.asked is not None]
    if not findings:
        return None
    total = add_asked(asked)
    short = [one.short_s for one in findings if one.short_s is not None]
    return ZoneFinding(
        verdict=total.need.verdict,
        rules=total.rules,
        notice_h=total.need.notice_h,
        concurrence=total.need.concurrence,
        lacking=tuple(sorted({party for one in findings for party in one.lacking})),
        unheard=tuple(sorted({party for one in findings for party in one.unheard})),
        heard=max(one.heard for one in findings),
        short_s=max(short, default=None),
    )


def _rank(met: _Met) -> tuple[bool, datetime, int, int]:
    return met.start_utc is None, met.start_utc or _NEVER, met.one, met.two


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
    if thing.type == "activity":
        title = _get(ActivityRow, thing.object, rows).title
    elif thing.type == "zone":
        title = _get(ZoneRow, thing.object, rows).declared.name
    else:
        title = _get(SiteRow, thing.object, rows).declared.name
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
    return msgspec.structs.replace(row, earlier=(*known.earlier, behind)[-SPANS_KEPT:])


def _list_open(name: str, rows: Rows) -> list[ConflictRow]:
    found = [
        *rows.select(ConflictRow, state="open", first=name),
        *rows.select(ConflictRow, state="open", second=name),
    ]
    return sorted(found, key=ConflictRow.key)


def _get(kind: type[R], name: str, rows: Rows) -> R:
    row = rows.find(kind, name)
    if row is None:
        raise AssertionError(f"{kind.TABLE} {name!r}: stands and has no row")
    return row
