"""Zones judged: what holds for a volume, party and kind of activity; and what an activity has not fulfilled.

Invariants:
  * Every zone that the volume meets is judged, and all of them hold: the stricter wins, whatever the order
    in which they were declared. The zones whose need makes the verdict are marked as deciding.
  * The one exception: a volume that lies wholly in a corridor, in footprint, height and time, is judged by
    the corridor's rules in place of those of a zone whose author named that very version of the corridor. A
    version that replaced it is not named, however small the change.
  * Notice counts from when it was heard, not from when it was claimed: the latest of the author's own time
    and the first word (delivery, acknowledgement, lapse) of each party that answers for the zone. Who has
    said nothing has not heard.
  * Notice given for an earlier version counts for a later one that lies wholly within it and is not armed.
  * Concurrence is the party's own yes; nothing else is one.

It refuses nothing and writes nothing. No clock: times are those of the record's messages.

    >>> find_holding([volume], "us", "air", rows, index).verdict
    'forbidden'
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec

from entente.deconflict.activity import ActivityRow
from entente.deconflict.carry import Comparison, has_concurred, may_count
from entente.deconflict.index import ConflictIndex
from entente.deconflict.objects import NO_VERSION, ObjectRow, VersionRow, parse_volumes, say_name
from entente.deconflict.receipts import find_first_word, find_receipt
from entente.deconflict.zone import Verdict, ZoneRow
from entente.deconflict.zone_needs import FREE, STRICTNESS, Asked, Need, add_needs, find_need
from entente.kernel.charter import list_parties
from entente.kernel.rows import Rows
from entente.kernel.time import encode_utc, parse_utc
from entente.space import HOLD_M, Separation, Volume, holds

_MAX_LOOK_BACK: Final = 20
"""How many earlier versions are searched for a notice that still counts: a bound on the work."""


class ZoneHold(msgspec.Struct, frozen=True):
    """One zone that is met: what it asks, by which rules, and whether that decides."""

    object: str
    author: str
    zone: str
    name: str
    text: str
    verdict: Verdict
    notice_h: int
    concurrence: tuple[str, ...]
    rules: tuple[str, ...]
    decides: bool


class Holding(msgspec.Struct, frozen=True):
    """What holds for a party's activity in some volumes; ``zones`` strictest first, then by name."""

    party: str
    activity: str
    verdict: Verdict
    notice_h: int
    concurrence: tuple[str, ...]
    zones: tuple[ZoneHold, ...]


class ZoneFinding(msgspec.Struct, frozen=True):
    """What a zone asks of an activity and what of it is missing.

    ``heard`` is when the last of those who answer for the zone had it; empty while one has not (``unheard``).
    ``short_s`` is by how much the notice is too short; None when it is not, or cannot be said yet.
    """

    verdict: Verdict
    rules: tuple[str, ...]
    notice_h: int
    concurrence: tuple[str, ...]
    lacking: tuple[str, ...]
    unheard: tuple[str, ...]
    heard: str
    short_s: int | None


Heard = tuple[datetime | None, tuple[str, ...]]
"""Since when a notice counts, or None; and who has not said that he has it."""


class Judging:
    """What judging asks for at every meeting, worked out once, for the rows as one entry left them.

    An activity of 50 volumes meets a zone of 50 in 2,500 places: were earlier versions and corridors
    compared at each, one message would keep everybody busy for hours.

    Args:
        hold_m: What may be outside where one volume holds another; other than `entente.space.HOLD_M` to learn
            whether a judgement hangs on it (`entente.deconflict.doubt`).
    """

    def __init__(self, rows: Rows, *, hold_m: float = HOLD_M) -> None:
        self.rows = rows
        self._hold_m = hold_m
        self._versions: dict[str, list[str]] = {}
        self._heard: dict[tuple[str, str], Heard] = {}
        self._corridors: dict[str, tuple[ZoneRow, list[Volume]] | None] = {}
        self._inside: dict[tuple[str, int], tuple[Volume, bool]] = {}

    def has_concurred(self, version: str, party: str) -> bool:
        """Return whether a party has said yes to this version, itself or carried over."""
        if self._hold_m == HOLD_M:
            return has_concurred(self.rows, version, party)
        return may_count(self.rows, version, party, self._hold_m)

    def find_heard(self, zone: ZoneRow, activity: ActivityRow) -> Heard:
        """Return since when a notice of the activity counts for the zone, and who has not heard of it."""
        pair = (zone.object, activity.object)
        if pair not in self._heard:
            if activity.object not in self._versions:
                self._versions[activity.object] = _list_holding_versions(activity, self.rows, self._hold_m)
            self._heard[pair] = _find_heard(zone, activity, self._versions[activity.object], self.rows)
        return self._heard[pair]

    def find_corridor(self, zone: ZoneRow, inside: Volume | None) -> ZoneRow | None:
        """Return the corridor that the zone names and that holds a volume of an activity, or None."""
        if inside is None:
            return None
        for leaf in zone.declared.corridors:
            if leaf not in self._corridors:
                self._corridors[leaf] = _find_standing_corridor(leaf, self.rows)
            known = self._corridors[leaf]
            if known is None:
                continue
            corridor, volumes = known
            # The volume is kept beside its answer, so that its id stays its own.
            key = (leaf, id(inside))
            if key not in self._inside:
                self._inside[key] = (
                    inside,
                    any(holds(outer, inside, hold_m=self._hold_m) for outer in volumes),
                )
            if self._inside[key][1]:
                return corridor
        return None


def ask_zone(
    zone: ZoneRow, volume: int, inside: Volume | None, party: str, activity: str, judging: Judging
) -> Asked:
    """Return what a zone asks of an activity's volume ``inside`` that meets its volume number ``volume``.

    Args:
        inside: May be None where the zone names no corridor.
    """
    corridor = judging.find_corridor(zone, inside)
    if corridor is not None:
        return Asked(
            FREE,
            (f"inside corridor {say_name(corridor.object)} of {corridor.author}, which this zone names",),
        )
    return find_need(zone.declared, zone.author, party=party, activity=activity, volume=volume)


def find_holding(
    volumes: Sequence[Volume], party: str, activity: str, rows: Rows, index: ConflictIndex
) -> Holding:
    """Return what all zones that can be read here ask of such an activity together, and each of them."""
    met: dict[str, list[Asked]] = {}
    judging = Judging(rows)
    for volume in volumes:
        for hit in index.query(volume, Separation(), group="zone", most=None):
            zone = _get_zone(hit.object, rows)
            met.setdefault(hit.object, []).append(
                ask_zone(zone, hit.ordinal, volume, party, activity, judging)
            )
    total = add_needs(one.need for asked in met.values() for one in asked)
    found = [_make_hold(_get_zone(name, rows), add_asked(asked), total) for name, asked in met.items()]
    found.sort(key=lambda one: (-STRICTNESS.index(one.verdict), one.object))
    return Holding(party, activity, total.verdict, total.notice_h, total.concurrence, tuple(found))


def add_asked(asked: Sequence[Asked]) -> Asked:
    """Return what is asked together, with every rule that has a part in it, each once, sorted."""
    return Asked(
        add_needs(one.need for one in asked), tuple(sorted({rule for one in asked for rule in one.rules}))
    )


def find_missing(
    asked: Asked, zone: ZoneRow, activity: ActivityRow, start_utc: datetime, judging: Judging
) -> ZoneFinding | None:
    """Return what an activity has not fulfilled of what a zone asks, or None when nothing is missing.

    Args:
        start_utc: When the meeting begins: notice is counted up to here.
    """
    need = asked.need
    lacking = tuple(party for party in need.concurrence if not judging.has_concurred(activity.version, party))
    heard: datetime | None = None
    unheard: tuple[str, ...] = ()
    short_s = None
    if need.notice_h:
        heard, unheard = judging.find_heard(zone, activity)
        if heard is not None:
            short_s = need.notice_h * 3600 - int((start_utc - heard).total_seconds() // 1)
            short_s = short_s if short_s > 0 else None
    if not (need.is_forbidden or lacking or unheard or short_s is not None):
        return None
    return ZoneFinding(
        verdict=need.verdict,
        rules=asked.rules,
        notice_h=need.notice_h,
        concurrence=need.concurrence,
        lacking=lacking,
        unheard=unheard,
        heard="" if heard is None else encode_utc(heard),
        short_s=short_s,
    )


def add_findings(asked: Sequence[Asked], findings: Sequence[ZoneFinding]) -> ZoneFinding | None:
    """Return what all meetings with a zone together lack, the strictest of each; None where there is none."""
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


def list_hearers(zone: ZoneRow, party: str, rows: Rows) -> list[str]:
    """Return who must have heard a notice: who answers for the zone, but not ``party`` itself.

    Where ``party`` alone answers for it, every other party: nobody gives himself notice.
    """
    answering = {zone.author, *(one.guarantor for one in zone.declared.obligations)} - {party}
    return sorted(answering) or [one for one in list_parties(rows) if one != party]


def waits_for(finding: ZoneFinding, zone: str, author: str, party: str, rows: Rows) -> bool:
    """Return whether a party saying that it has heard can change what a zone misses of an activity."""
    if finding.notice_h == 0:
        return False
    if finding.unheard:
        return party in finding.unheard
    # Once all have heard, an earlier version's word may still bring the time forward: of those it asks.
    return party in list_hearers(_get_zone(zone, rows), author, rows)


def _find_heard(zone: ZoneRow, activity: ActivityRow, versions: Sequence[str], rows: Rows) -> Heard:
    hearers = list_hearers(zone, activity.author, rows)
    times = []
    unheard = []
    for party in hearers:
        known = [heard for one in versions if (heard := _find_word(one, party, rows)) is not None]
        if known:
            times.append(min(known))
        else:
            unheard.append(party)
    return (None if unheard else max(times)), tuple(unheard)


def _find_word(version: str, party: str, rows: Rows) -> datetime | None:
    receipt = find_receipt(rows, version, party)
    word = find_first_word(receipt) if receipt is not None else None
    if receipt is None or word is None:
        return None
    # SECURITY: the later of both. The author's time alone could be back-dated; the receiver's alone could lie
    # before the message was written (tests/unit/test_deconflict_zone_judgement.py,
    # test_a_notice_back_dated_gets_no_longer).
    return max(parse_utc(receipt.submitted.at), parse_utc(word.at))


def _list_holding_versions(activity: ActivityRow, rows: Rows, hold_m: float) -> list[str]:
    """Return the current version, and those before it as long as each holds all of what is planned now.

    With bounded work (`entente.deconflict.carry`): beyond, notice must be heard of anew.
    """
    found = [activity.version]
    if activity.armed:
        return found  # what was told before may have been unarmed: who heard of that has not heard of this
    volumes = parse_volumes(activity.volumes, path="$.body.volumes")
    comparison = Comparison(activity.volumes, volumes, hold_m=hold_m)
    version = rows.find(VersionRow, activity.version)
    while version is not None and version.previous != NO_VERSION and len(found) <= _MAX_LOOK_BACK:
        version = rows.find(VersionRow, version.previous)
        if version is None or not comparison.holds_all(version.version, rows):
            break
        if comparison.may_have_run_out():
            break
        found.append(version.version)
    return found


def _find_standing_corridor(leaf: str, rows: Rows) -> tuple[ZoneRow, list[Volume]] | None:
    """Return a version of a corridor, with its volumes, as long as it is the current one."""
    version = rows.find(VersionRow, leaf)
    thing = rows.find(ObjectRow, version.object) if version is not None else None
    # SECURITY: the version that the zone's author saw, and no other: a corridor that was widened afterwards
    # opens nothing (tests/unit/test_deconflict_zone_judgement.py,
    # test_a_corridor_that_was_widened_opens_nothing).
    if version is None or thing is None or thing.state != "standing" or thing.version != leaf:
        return None
    return _get_zone(thing.object, rows), parse_volumes(version.volumes, path="$.body.volumes")


def _make_hold(zone: ZoneRow, asked: Asked, total: Need) -> ZoneHold:
    need = asked.need
    decides = need.verdict == total.verdict and (total.verdict != "notice" or need.notice_h == total.notice_h)
    return ZoneHold(
        object=zone.object,
        author=zone.author,
        zone=zone.declared.zone,
        name=zone.declared.name,
        text=zone.declared.text,
        verdict=need.verdict,
        notice_h=need.notice_h,
        concurrence=need.concurrence,
        rules=asked.rules,
        decides=decides and total.verdict != "permitted",
    )


def _get_zone(name: str, rows: Rows) -> ZoneRow:
    row = rows.find(ZoneRow, name)
    if row is None:
        raise AssertionError(f"zone {name!r}: stands and has no row")
    return row
