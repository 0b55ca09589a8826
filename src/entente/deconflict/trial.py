"""Trials: what a plan would conflict with if it were told now, among all that can be seen here.

The very code that finds conflicts is asked, on rows that hold the plan besides what is there. So every rule
counts that would count: separation, buffers, and zones with whatever they ask.

Invariants:
  * Nothing is written: neither rows nor index. Who looks for a way leaves no trace.
  * A plan is tried as its author's: his own activities are not in its way, and zones judge him.
  * For an activity that stands, what was given for its version counts, as if its volumes had not moved; what
    an update would have to be asked for again is told beside it (`Trial.list_again`).
  * What is seen is what the rows and the index hold that were handed in: at a desk what it can read, at the
    center what is open to all.

It suggests nothing: see `entente.deconflict.suggest`.

    >>> trial = try_plan(rows, index, author="us", activity="air", armed=False)
    >>> suggest(wires, Room(), trial.find, again=trial.list_again)
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from entente.deconflict.activity import ActivityRow, ActivityWord
from entente.deconflict.carry import Comparison, ConcurrenceRow
from entente.deconflict.conflict_row import ConflictRow
from entente.deconflict.conflicts import find_conflicts_of
from entente.deconflict.index import ConflictIndex, Hit, widen
from entente.deconflict.objects import NO_VERSION, ObjectRow, VersionRow, parse_volumes, say_name
from entente.deconflict.suggest import Blocking
from entente.deconflict.zone import ZoneRow
from entente.deconflict.zone_judgement import Judging, ask_zone
from entente.kernel.rows import R, Row, Rows
from entente.space import Separation, Volume, VolumeWire, is_conflict

_PLAN: Final = "?plan"
"""No slug, so that no object has this name."""
MOST_MET: Final = 1_000
"""Standing volumes that one volume of a plan may meet: beyond, the answer would be long in coming."""


@dataclass(frozen=True, slots=True)
class Trial:
    """A plan among what stands."""

    rows: Rows
    index: ConflictIndex
    thing: ObjectRow
    activity: ActivityRow

    def find(self, wires: Sequence[VolumeWire]) -> list[Blocking]:
        """Return what the plan conflicts with, were these its volumes.

        Raises:
            TooManyConflicts: One of them meets more than `MOST_MET` volumes.
        """
        rows = _Besides(self.rows, self._make_rows(wires))
        found = []
        for row in self._meet(wires, rows):
            other = next(side for side in row.sides if side.object != self.thing.object)
            separation = Separation(row.lateral_cm / 100, row.vertical_cm / 100, float(row.time_s))
            found.append(Blocking(other.object, tuple(rows.find_volumes(other.object)), separation))
        return found

    def list_conflicts(self, wires: Sequence[VolumeWire]) -> list[ConflictRow]:
        """Return the conflicts of the plan, were these its volumes, as the record would have them.

        Raises:
            TooManyConflicts: One of them meets more than `MOST_MET` volumes.
        """
        return self._meet(wires, _Besides(self.rows, self._make_rows(wires)))

    def _meet(self, wires: Sequence[VolumeWire], rows: _Besides) -> list[ConflictRow]:
        volumes = parse_volumes(wires, path="$.volumes")
        return list(find_conflicts_of(self.thing, volumes, 0, rows, _Borne(self.index, rows)))

    def list_again(self, wires: Sequence[VolumeWire]) -> tuple[str, ...]:
        """Return what counts here because it was given for the version that stands, and would not for these.

        An update makes a new version. A yes is kept only by what the party itself agreed to and holds all of
        it, and a notice by what was heard of before and does (`entente.deconflict.carry`).
        """
        version = self.thing.version
        volumes = parse_volumes(wires, path="$.volumes")
        comparison = Comparison(wires, volumes)
        again = []
        for party in self.activity.concurrence:
            row = self.rows.find(ConcurrenceRow, f"{version}:{party}")
            if row is None or row.answer != "concurred":
                continue
            if row.agreed is None or not comparison.holds_all(row.agreed.version, self.rows):
                again.append(f"concurrence of {party}")
        is_told = self.rows.find(VersionRow, version) is not None
        if is_told and (self.activity.armed or not comparison.holds_all(version, self.rows)):
            again += self._list_notices(volumes)
        return tuple(again)

    def _list_notices(self, volumes: Sequence[Volume]) -> list[str]:
        """Return the notices that zones ask for where these volumes are."""
        notices: dict[str, int] = {}
        judging = Judging(self.rows)
        for volume in volumes:
            for hit in self.index.query(volume, Separation(), group="zone", most=MOST_MET):
                zone = self.rows.find(ZoneRow, hit.object)
                if zone is None:
                    continue
                asked = ask_zone(
                    zone, hit.ordinal, volume, self.activity.author, self.activity.activity, judging
                )
                notices[hit.object] = max(notices.get(hit.object, 0), asked.need.notice_h)
        return [
            f"{notice_h} h notice in zone {say_name(name)}, from when it is heard anew"
            for name, notice_h in sorted(notices.items())
            if notice_h
        ]

    def _make_rows(self, wires: Sequence[VolumeWire]) -> list[Row]:
        volumes = tuple(wires)
        known = self.rows.find(VersionRow, self.thing.version)
        version = (
            msgspec.structs.replace(known, volumes=volumes)
            if known is not None
            else VersionRow(
                version=self.thing.version,
                object=self.thing.object,
                type="activity",
                author=self.thing.author,
                index=0,
                previous=NO_VERSION,
                volumes=volumes,
            )
        )
        return [self.thing, version, msgspec.structs.replace(self.activity, volumes=volumes)]


def try_plan(rows: Rows, index: ConflictIndex, *, author: str, activity: ActivityWord, armed: bool) -> Trial:
    """Return a trial of what has not been told yet."""
    thing = ObjectRow(
        object=_PLAN,
        id=_PLAN,
        type="activity",
        author=author,
        to=(),
        version=_PLAN,
        version_index=0,
        first_index=0,
        state="standing",
    )
    told = ActivityRow(
        object=_PLAN,
        id=_PLAN,
        author=author,
        to=(),
        activity=activity,
        title="a plan",
        volumes=(),
        concurrence=(),
        armed=armed,
        concur_by="",
        version=_PLAN,
        version_number=1,
        reason="",
        state="standing",
        note="",
    )
    return Trial(rows, index, thing, told)


def try_activity(rows: Rows, index: ConflictIndex, thing: ObjectRow, activity: ActivityRow) -> Trial:
    """Return a trial of other volumes for an activity that stands: what is known of its version counts on."""
    return Trial(rows, index, thing, activity)


class _Besides:
    """`Rows` to look at, with a few rows in place of, or besides, what is there; each is read once."""

    def __init__(self, rows: Rows, besides: Sequence[Row]) -> None:
        self._rows = rows
        self._known: dict[tuple[str, str], Row | None] = {(row.TABLE, row.key()): row for row in besides}
        self._volumes: dict[str, list[Volume]] = {}

    def find(self, row: type[R], key: str) -> R | None:
        """Return the row, or None."""
        place = (row.TABLE, key)
        if place not in self._known:
            self._known[place] = self._rows.find(row, key)
        found = self._known[place]
        return found if isinstance(found, row) else None

    def put(self, row: Row) -> None:
        """Refuse: a trial changes nothing."""
        raise TypeError(f"trial: expected to look only, got a put of {row.key()!r}")

    def put_alike(self, row: Row, values: Sequence[str]) -> None:
        """Refuse: a trial changes nothing."""
        raise TypeError(f"trial: expected to look only, got puts of {row.key()!r} for {len(values)}")

    def select(
        self, row: type[R], *, after: str = "", limit: int | None = None, **equals: str
    ) -> Iterator[R]:
        """Yield what is there."""
        return self._rows.select(row, after=after, limit=limit, **equals)

    def find_volumes(self, name: str) -> list[Volume]:
        """Return the volumes of an object that stands, none where it does not."""
        if name not in self._volumes:
            thing = self.find(ObjectRow, name)
            version = self.find(VersionRow, thing.version) if thing and thing.state == "standing" else None
            wires = version.volumes if version else ()
            self._volumes[name] = parse_volumes(wires, path="$.volumes")
        return self._volumes[name]


class _Borne:
    """What an index proposes, as far as the rows of this look bear it out."""

    def __init__(self, index: ConflictIndex, rows: _Besides) -> None:
        self._index = index
        self._rows = rows

    def query(
        self, volume: Volume, separation: Separation, *, group: str, most: int | None = None
    ) -> list[Hit]:
        """Return the hits that the rows hold as well; never more than `MOST_MET`, whatever is asked for."""
        least = MOST_MET if most is None else min(most, MOST_MET)
        hits = self._index.query(volume, separation, group=group, most=least)
        return [hit for hit in hits if self._is_borne(hit, volume, separation)]

    def _is_borne(self, hit: Hit, volume: Volume, separation: Separation) -> bool:
        theirs = self._rows.find_volumes(hit.object)
        thing = self._rows.find(ObjectRow, hit.object)
        version = self._rows.find(VersionRow, thing.version) if thing else None
        if version is None or hit.ordinal >= len(theirs):
            return False
        widened = widen(separation, version.reach_cm / 100)
        return is_conflict(volume, theirs[hit.ordinal], widened)
