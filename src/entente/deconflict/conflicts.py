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

from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from entente.deconflict.activity import ActivityRow
from entente.deconflict.conflict_row import SPANS_KEPT, ConflictRow, RuleName, Side, Span, SpanRow
from entente.deconflict.holdings import count_closed, count_opened
from entente.deconflict.index import MemoryIndex, StandingIndex, StandingVolumes, widen
from entente.deconflict.nearness import Measuring, Met, Told, VolumeList, find_start, tell_bounds
from entente.deconflict.objects import (
    NO_VERSION,
    ObjectRow,
    ObjectType,
    VersionRow,
    name_object,
    parse_volumes,
    say_name,
)
from entente.deconflict.receipts import find_first_word, find_receipt
from entente.deconflict.site import SiteRow
from entente.deconflict.zone import ZoneRow
from entente.deconflict.zone_judgement import (
    Judging,
    ZoneFinding,
    add_findings,
    ask_zone,
    find_missing,
    waits_for,
)
from entente.kernel.charter import get_charter
from entente.kernel.message import Entry
from entente.kernel.rows import R, Rows
from entente.space import Separation, Volume

PAST_SITE: Final = "past-site"
"""The index's group of site versions that are past, by leaf: for what happened while they stood."""
EVERY_TYPE: Final[frozenset[ObjectType]] = frozenset({"activity", "zone", "site"})
_CHANGING: Final = frozenset({"activity.notify", "activity.update", "zone.declare", "site.declare"})
_ENDING: Final = {
    "activity.close": "closed",
    "zone.withdraw": "withdrawn",
    "site.withdraw": "withdrawn",
}
_ANSWERING: Final = frozenset({"activity.concur", "activity.object", "activity.reconsider"})
_HEARING: Final = frozenset({"receipt.deliver", "receipt.acknowledge", "receipt.lapse"})


class _Thing(NamedTuple):
    """An object that stands, as its own row tells it."""

    row: ActivityRow | ZoneRow | SiteRow
    type: ObjectType
    title: str
    volumes: VolumeList


def rebuild_index(rows: Rows, *, only: frozenset[ObjectType] = EVERY_TYPE) -> MemoryIndex:
    """Return the index of all that stands, or of some types, and of the site versions that stood."""
    index = MemoryIndex()
    for _ in fill_index(rows, index, only=only):
        pass
    return index


def fill_index(
    rows: Rows, index: StandingIndex, *, only: frozenset[ObjectType] = EVERY_TYPE
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


def update_conflicts(entry: Entry[Any], rows: Rows, index: StandingIndex) -> list[ConflictRow]:
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
    # What is told of for the first time has no row yet.
    opened = [] if thing.first_index == entry.index else _list_open(name, rows)
    changed = _settle(opened, found, entry, why, rows)
    past = None if thing.type == "activity" else _find_past(thing, rows)
    if past is not None and thing.type == "site":
        _insert_past(past, index)
    elif past is not None:
        changed += _judge_corridor(past, entry, rows, index)
    return sorted(changed, key=ConflictRow.key)


def find_conflicts_of(
    thing: ObjectRow, volumes: Sequence[Volume], at_index: int, rows: Rows, index: StandingVolumes
) -> Iterator[ConflictRow]:
    """Yield the conflicts of a standing object with these volumes, as rows; writes nothing."""
    measuring = Measuring()
    version = rows.find(VersionRow, thing.version)
    buffer_cm = version.reach_cm if version is not None else 0
    for group, separation in list_questions(thing.type, buffer_cm, rows):
        yield from _find_group(thing, volumes, (group, separation), at_index, rows, index, measuring)


def _find_group(
    thing: ObjectRow,
    volumes: Sequence[Volume],
    question: tuple[ObjectType, Separation],
    at_index: int,
    rows: Rows,
    index: StandingVolumes,
    measuring: Measuring,
) -> Iterator[ConflictRow]:
    group, separation = question
    pairs: dict[str, list[tuple[int, int]]] = {}
    for ordinal, volume in enumerate(volumes):
        for hit in index.query(volume, separation, group=group, most=None):
            pairs.setdefault(hit.object, []).append((ordinal, hit.ordinal))
    if not pairs:
        return
    judging = Judging(rows)
    own = _find_thing(thing.object, thing.type, rows, volumes)
    if own is None:
        raise AssertionError(f"{thing.type} {thing.object!r}: stands and has no row")
    for name, met in sorted(pairs.items()):
        other = _find_thing(name, group, rows)
        if other is None or (group == thing.type and other.row.author == thing.author):
            continue
        row = _make_row(own, other, met, at_index, judging, measuring)
        if row is not None:
            yield row


def _find_thing(name: str, group: ObjectType, rows: Rows, volumes: Sequence[Volume] = ()) -> _Thing | None:
    """Return an object by the row of its own kind: one look-up has all that is told of it."""
    if group == "activity":
        activity = rows.find(ActivityRow, name)
        if activity is None:
            return None
        return _Thing(activity, group, activity.title, VolumeList(activity.volumes, volumes))
    row = rows.find(ZoneRow, name) if group == "zone" else rows.find(SiteRow, name)
    if row is None:
        return None
    wires = row.declared.volumes if isinstance(row, ZoneRow) else [row.declared.volume]
    return _Thing(row, group, row.declared.name, VolumeList(wires, volumes))


def _settle(
    opened: list[ConflictRow], found: Sequence[ConflictRow], entry: Entry[Any], why: str, rows: Rows
) -> list[ConflictRow]:
    """Resolve what is open and was not found again, write down what was; return what changed."""
    at_index = entry.index
    keys = {row.key() for row in found}
    changed = [
        msgspec.structs.replace(known, state="resolved", resolved_index=at_index, why=why)
        for known in opened
        if known.key() not in keys
    ]
    for ended in changed:
        rows.put(SpanRow(ended.key(), ended.since_index, at_index, why))
    closed = [row.since_index for row in changed]
    changed += [_continue(row, rows) for row in found]
    for row in changed:
        rows.put(row)
    count_opened(entry, sum(row.since_index == at_index and row.state == "open" for row in changed), rows)
    count_closed(closed, rows)
    return changed


def _judge_again(
    name: str,
    what: str,
    entry: Entry[Any],
    rows: Rows,
    index: StandingIndex,
    measuring: Measuring | None = None,
) -> list[ConflictRow]:
    """Judge an activity against the zones that it meets once more: what they ask was answered, or heard."""
    thing = rows.find(ObjectRow, name)
    if thing is None or thing.type != "activity" or thing.state != "standing":
        return []
    volumes = _read_volumes(thing, rows)
    opened = [row for row in _list_open(name, rows) if row.rule == "zone"]
    known = {row.key(): row for row in opened}
    measuring = measuring or Measuring()
    found = [
        _keep_measured(row, known.get(row.key()))
        for row in _find_group(thing, volumes, ("zone", Separation()), entry.index, rows, index, measuring)
    ]
    # Only what is another row now has changed: an answer says nothing to most zones.
    new = [row for row in found if row.key() not in known or _continue(row, rows) != known[row.key()]]
    keys = {row.key() for row in found}
    ended = [row for row in opened if row.key() not in keys]
    why = f"{say_name(name)}: {what} fulfils what the zone asks"
    return sorted(_settle(ended, new, entry, why, rows), key=ConflictRow.key)


def _judge_heard(entry: Entry[Any], rows: Rows, index: StandingIndex) -> list[ConflictRow]:
    body = entry.message.opened()
    party = entry.message.author
    if entry.message.payload.kind == "receipt.lapse":
        leaves, party = [body.message], body.party
    elif entry.message.payload.kind == "receipt.deliver":
        leaves = [one.leaf for one in body.messages]
    else:
        leaves = list(body.messages)
    if next(rows.select(ZoneRow, limit=1), None) is None:
        return []
    changed: list[ConflictRow] = []
    measuring = Measuring()
    judged: set[str] = set()
    for leaf in leaves:
        version = rows.find(VersionRow, leaf)
        if version is None or version.type != "activity" or version.object in judged:
            continue
        # Hearing fulfils, and never voids: where no row of a zone waits for it, there is nothing to judge.
        waiting = [row for row in _list_open(version.object, rows) if _waits_for(row, party, rows)]
        receipt = find_receipt(rows, leaf, party)
        if not waiting or receipt is None or find_first_word(receipt) is None:
            continue
        judged.add(version.object)
        is_last = any(row.zone is not None and row.zone.unheard in {(), (party,)} for row in waiting)
        if is_last or version.until:
            changed += _judge_again(version.object, "what was heard", entry, rows, index, measuring)
        else:
            # Others have not heard yet: this party is one fewer, and nothing else is another.
            changed += [_strike_unheard(row, party, rows) for row in waiting]
    return changed


def _waits_for(row: ConflictRow, party: str, rows: Rows) -> bool:
    """Return whether a party's word can change what a zone holds to be missing."""
    over, under = row.sides if row.sides[0].type == "zone" else row.sides[::-1]
    return row.zone is not None and waits_for(row.zone, over.object, under.author, party, rows)


def _strike_unheard(row: ConflictRow, party: str, rows: Rows) -> ConflictRow:
    if row.zone is None:
        raise AssertionError(f"conflict {row.key()!r}: expected one with a zone")
    unheard = tuple(one for one in row.zone.unheard if one != party)
    struck = msgspec.structs.replace(row, zone=msgspec.structs.replace(row.zone, unheard=unheard))
    rows.put(struck)
    return struck


def _keep_measured(row: ConflictRow, known: ConflictRow | None) -> ConflictRow:
    """Return a row with the measure that is known of the same meeting, where none was made again."""
    if row.closest.gap_cm is not None or known is None or known.closest.gap_cm is None:
        return row
    same = msgspec.structs.replace(
        row.closest, gap_cm=known.closest.gap_cm, lat_e7=known.closest.lat_e7, lon_e7=known.closest.lon_e7
    )
    return msgspec.structs.replace(row, sides=known.sides, closest=same) if same == known.closest else row


def _judge_corridor(
    past: VersionRow, entry: Entry[Any], rows: Rows, index: StandingIndex
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


def _insert(thing: ObjectRow, volumes: Sequence[Volume], rows: Rows, index: StandingIndex) -> None:
    version = rows.find(VersionRow, thing.version)
    reach_m = version.reach_cm / 100 if version else 0.0
    index.insert(thing.object, volumes, group=thing.type, reach_m=reach_m)


def _insert_past(version: VersionRow, index: StandingIndex) -> None:
    volumes = parse_volumes(version.volumes, path="$.body.volumes")
    index.insert(version.version, volumes, group=PAST_SITE, reach_m=version.reach_cm / 100)


def _read_volumes(thing: ObjectRow, rows: Rows) -> list[Volume]:
    version = rows.find(VersionRow, thing.version)
    return parse_volumes(version.volumes, path="$.body.volumes") if version else []


def agreed_separation(rows: Rows) -> Separation:
    """Return what the charter says that activities of different parties keep."""
    rules = get_charter(rows).rules
    return Separation(rules.lateral_cm / 100, rules.vertical_cm / 100, float(rules.time_s))


def list_questions(
    object_type: ObjectType, buffer_cm: int, rows: Rows
) -> list[tuple[ObjectType, Separation]]:
    """Return what to ask the index about an object: of which groups, and under which separation.

    A site that is asked *about* brings its buffer; one that stands in the index has it there.
    """
    if object_type == "activity":
        return [("activity", agreed_separation(rows)), ("site", Separation()), ("zone", Separation())]
    if object_type == "site":
        return [("activity", widen(Separation(), buffer_cm / 100))]
    return [("activity", Separation())]


def _make_row(
    own: _Thing,
    other: _Thing,
    met: Sequence[tuple[int, int]],
    at_index: int,
    judging: Judging,
    measuring: Measuring,
) -> ConflictRow | None:
    """Return the row of two objects whose volumes meet, or None where all that is asked is fulfilled."""
    # INVARIANT: the row is the same whichever of the two came last, so the pair is measured in the order of
    # its names.
    is_first = own.row.object < other.row.object
    first, second = (own, other) if is_first else (other, own)
    rule, agreed = _name_rule(first, second, judging.rows)
    found: list[Met] = []
    for here, there in met:
        one, two = (here, there) if is_first else (there, here)
        meeting = Met(one, two, find_start(first.volumes.get_window(one), second.volumes.get_window(two)))
        if rule == "zone":
            meeting = _judge(meeting, first, second, judging)
            if meeting.finding is None:
                continue
        found.append(meeting)
    if not found:
        return None
    is_open = not (first.row.to or second.row.to)
    told = measuring.tell(found, first.volumes, second.volumes, agreed, is_open=is_open)
    zone = add_findings(
        [one.asked for one in found if one.asked], [one.finding for one in found if one.finding]
    )
    return _build_row((first, second), told, len(found), at_index, judging.rows, zone)


def _build_row(
    pair: tuple[_Thing, _Thing],
    told: Told,
    meetings: int,
    at_index: int,
    rows: Rows,
    zone: ZoneFinding | None = None,
) -> ConflictRow:
    first, second = pair
    rule, agreed = _name_rule(first, second, rows)
    return ConflictRow(
        first=first.row.object,
        second=second.row.object,
        sides=(_make_side(first, told.met.one), _make_side(second, told.met.two)),
        rule=rule,
        lateral_cm=round(agreed.lateral_m * 100),
        vertical_cm=round(agreed.vertical_m * 100),
        time_s=round(agreed.time_s),
        closest=told.closest,
        meetings=meetings,
        state="open",
        since_index=at_index,
        zone=zone,
    )


def adopt_conflict(one: ObjectRow, other: ObjectRow, met: Met, at_index: int, rows: Rows) -> ConflictRow:
    """Write down a conflict that another machine found and this one did not, by a hair, and return it.

    Until either of the two changes: then it is looked for as every other.
    """
    first, second = (_find_thing(thing.object, thing.type, rows) for thing in (one, other))
    if first is None or second is None:
        raise AssertionError(f"{one.object!r} and {other.object!r}: stand and have no row")
    told = Told(met, tell_bounds(met, first.volumes, second.volumes))
    row = _build_row((first, second), told, 1, at_index, rows)
    row = _continue(row, rows)
    rows.put(row)
    return row


def _judge(met: Met, first: _Thing, second: _Thing, judging: Judging) -> Met:
    """Return the meeting with what the zone asks of the activity's volume and what of that is missing."""
    ordinal, place = (met.one, met.two) if first.type == "zone" else (met.two, met.one)
    over, under = (first, second) if first.type == "zone" else (second, first)
    zone, activity = over.row, under.row
    if not isinstance(zone, ZoneRow) or not isinstance(activity, ActivityRow):
        raise AssertionError(f"conflict of {first.row.object!r}: expected an activity and a zone")
    # Only a corridor asks where the volume lies.
    inside = under.volumes.get_volume(place) if zone.declared.corridors else None
    asked = ask_zone(zone, ordinal, inside, activity.author, activity.activity, judging)
    if met.start_utc is None:
        raise AssertionError("zone: expected windows that overlap where no separation is asked for")
    finding = find_missing(asked, zone, activity, met.start_utc, judging)
    return msgspec.structs.replace(met, asked=asked, finding=finding)


def _name_rule(first: _Thing, second: _Thing, rows: Rows) -> tuple[RuleName, Separation]:
    for one in (first, second):
        if isinstance(one.row, SiteRow):
            return "buffer", widen(Separation(), one.row.declared.buffer_cm / 100)
        if one.type == "zone":
            return "zone", Separation()
    return "separation", agreed_separation(rows)


def _make_side(thing: _Thing, volume: int) -> Side:
    return Side(thing.row.object, thing.type, thing.row.author, thing.title, volume)


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
