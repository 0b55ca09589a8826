"""Whether the center withholds an alarm: what a desk must be sure of before it accuses its host.

An alarm that is due here may honestly not be so at the center, whose machine measures otherwise by a hair. It
may not have found the meeting, or hold an alarm to stand that has ended here. So a host is accused only where
every honest machine would have raised an alarm that the record does not hold (docs/formats/kinds.md section
14.7).

Invariants:
  * No honest center is named, whatever the last digits of a distance are on its machine.
  * Versions that are past do not matter where no alarm was raised that could be for the two: nobody buys
    silence by one version at the edge. All conflicts that an alarm is for are looked at, not the first alone.
  * Bounded work: about `MAX_LOOKED` pairs of volumes a call; the next call goes on behind them.

It has no clock: for how long it was so is for the caller to know, by `Withheld.stamp`.

    >>> found, place = find_withheld(due, rows, place=0)
    >>> found.conflict
    'alpha|bravo'
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import product
from typing import Final, NamedTuple

import msgspec

from entente.deconflict.alarm_row import AlarmRow, find_reason
from entente.deconflict.conflict_row import ConflictRow
from entente.deconflict.conflicts import agreed_separation
from entente.deconflict.doubt import NOW, Asking, Life, list_lives
from entente.deconflict.nearness import find_start
from entente.deconflict.objects import ObjectRow, VersionRow, parse_volumes
from entente.deconflict.zone import ZoneRow
from entente.kernel.rows import Rows
from entente.space import Separation, Volume, relate

MAX_LOOKED: Final = 2_500
"""Pairs of volumes: two activities of 50 each, a second where all of them are near."""
MAX_OTHERS: Final = 2_000
"""Objects of one party that are looked through for what an alarm was also for."""
_NEVER: Final = datetime.max.replace(tzinfo=UTC)
_EVER: Final = datetime.min.replace(tzinfo=UTC)


class Withheld(NamedTuple):
    """A conflict that an alarm is missing for.

    ``stamp`` is the same as long as nothing about it is new but versions, of two activities, of which
    ``at_index`` is the entry of the latest: see `was_sure`.
    """

    conflict: str
    stamp: str
    at_index: int


class _Past(NamedTuple):
    """What may be said of two objects from an entry on, by where their volumes were."""

    apart_until: int
    """The entry that ended the latest time in which they were surely apart; -1 for none."""
    is_unsure: bool
    is_cut: bool
    """Whether there were more versions than are looked at."""
    is_changed: bool
    """Whether either had another version since."""
    first_utc: datetime
    """When they may have met first, of all meetings; `_NEVER` where at no time at once."""


class _Tired(Exception):
    """More pairs than may be looked at."""


class _Work:
    def __init__(self, left: int) -> None:
        self.left = left

    def take(self, pairs: int = 1) -> None:
        self.left -= pairs
        if self.left < 0:
            raise _Tired


def find_withheld(row: AlarmRow, rows: Rows, *, place: int = 0) -> tuple[Withheld | None, int]:
    """Return a conflict of an alarm that is due here about which an honest center would have raised one.

    Args:
        place: From which of the alarm's conflicts on, in a circle.

    Returns:
        What was found, or None; and the place to go on from: of what was found, or behind what was looked at.
    """
    names = (row.conflict, *row.also)
    left = MAX_LOOKED
    for step in range(len(names)):
        at = (place + step) % len(names)
        things = [rows.find(ObjectRow, name) for name in names[at].split("|")]
        conflict = rows.find(ConflictRow, names[at])
        if len(things) != 2 or things[0] is None or things[1] is None or conflict is None:
            raise AssertionError(f"alarm {row.alarm!r}: expected rows of {names[at]!r} and both objects")
        one, other = things[0], things[1]
        ours, others = (_read_current(thing, rows) for thing in (one, other))
        if step and len(ours) * len(others) > left:
            return None, at
        left -= len(ours) * len(others)
        start_utc = _find_sure_start(one, other, ours, others, rows)
        if start_utc is None:
            continue
        told = _Told(row, conflict, one, other, start_utc, rows)
        if not told.may_be():
            return _make_withheld(row, conflict, one, other), at
    return None, place


def was_sure(conflict: str, at_index: int, rows: Rows) -> bool:
    """Return whether every two versions of two activities surely met that were current after an entry.

    Then whoever moves without end, to keep the clock of those who watch from ever running out, gains nothing.
    """
    one, other = (rows.find(ObjectRow, name) for name in conflict.split("|"))
    if one is None or other is None:
        raise AssertionError(f"conflict {conflict!r}: expected rows of both objects")
    (ours, is_cut), (others, is_other_cut) = (list_lives(thing, at_index, rows) for thing in (one, other))
    separation = agreed_separation(rows)
    return not (is_cut or is_other_cut) and all(
        any(relate(a, b, separation) == "meet" for a, b in product(mine.volumes, theirs.volumes))
        for mine, theirs in product(ours, others)
        if max(mine.since, theirs.since) < min(mine.until, theirs.until)
    )


def _make_withheld(row: AlarmRow, conflict: ConflictRow, one: ObjectRow, other: ObjectRow) -> Withheld:
    # What a zone asks hangs on more than on where the two are: there any change begins anew.
    about = [conflict.since_index] if row.reason == "armed" else [one.version, other.version, conflict]
    mark = hashlib.sha256(msgspec.json.encode([row.since_index, conflict.key(), *about])).hexdigest()
    return Withheld(conflict.key(), mark[:32], max(one.version_index, other.version_index))


def _find_sure_start(
    one: ObjectRow, other: ObjectRow, ours: list[Volume], others: list[Volume], rows: Rows
) -> datetime | None:
    """Return when two objects surely begin to confront each other now; None where that is not sure at all.

    `_NEVER` where their windows only come near each other.
    """
    if find_reason({one.object: one.type, other.object: other.type}, rows) is None:
        return None
    asking = None if one.type == other.type else Asking(one, other, rows)
    separation = agreed_separation(rows) if asking is None else Separation()
    pairs = [
        (find_start(a.window, b.window) or _NEVER, here, there)
        for (here, a), (there, b) in product(enumerate(ours), enumerate(others))
    ]
    # The first that surely meets is the first of all that do.
    for start_utc, here, there in sorted(pairs):
        if asking is not None and start_utc == _NEVER:
            continue
        a, b = ours[here], others[there]
        if relate(a, b, separation) != "meet":
            continue
        if asking is None or asking.ask(here, there, a, b, start_utc) == (True, False):
            return start_utc
    return None


class _Told:
    """Whether an honest center may hold that both sides were called about two objects already."""

    def __init__(
        self,
        due: AlarmRow,
        conflict: ConflictRow,
        one: ObjectRow,
        other: ObjectRow,
        start_utc: datetime,
        rows: Rows,
    ) -> None:
        self._due, self._conflict, self._start_utc, self._rows = due, conflict, start_utc, rows
        self._one, self._other = one, other
        self._work = _Work(MAX_LOOKED)
        self._least = max(one.first_index, other.first_index)
        self._lives: dict[str, tuple[list[Life], bool]] = {}
        zones = [rows.find(ZoneRow, thing.object) for thing in (one, other) if thing.type == "zone"]
        # What corridors hold changes with objects that are neither of the two.
        self._is_wide = any(zone is not None and zone.declared.corridors for zone in zones)

    def may_be(self) -> bool:
        """Return whether an alarm that was raised may, somewhere, stand for the two."""
        try:
            return any(self._may_stand(raised) for raised in self._list_raised())
        except _Tired:
            # Only where an alarm was raised between the two parties since both objects are there.
            return True

    def _list_raised(self) -> Iterator[AlarmRow]:
        due, pair = self._due, {self._one.object, self._other.object}
        found = [self._list_lives(thing, self._least - 1) for thing in (self._one, self._other)]
        changed = {life.since for lives, _ in found for life in lives}
        is_cut = any(each for _, each in found)
        for state in ("raised", "ended"):
            for row in self._rows.select(AlarmRow, state=state):
                if row.raised is None or (row.parties, row.reason) != (due.parties, due.reason):
                    continue
                if row.since_index < self._least:
                    continue
                # An alarm is for what one entry made: of two activities, only their versions make any.
                if due.reason == "armed" and not is_cut and row.since_index not in changed:
                    continue
                if self._is_wide or pair & set((row.named or row.conflict).split("|")):
                    yield row

    def _may_stand(self, raised: AlarmRow) -> bool:
        """Return whether an alarm may be for the two, at a center, and nothing since have ended it there."""
        since = raised.since_index
        own = self._look(self._one, self._other, since)
        if own.apart_until > since:
            return False
        # SECURITY: an alarm is for what begins no earlier than the meeting that it names: one for next year
        # is none for tomorrow (tests/unit/test_deconflict_withheld.py,
        # test_an_alarm_for_next_year_excuses_none_for_tomorrow).
        if self._find_told(raised) > self._start_utc:
            return False
        # What a zone asks may hang on what held what, by a hair, of any two versions.
        if own.is_unsure or self._is_wide or (self._due.reason == "denied-zone" and own.is_changed):
            return True
        if since == self._due.since_index:
            # One alarm is for all of an entry; the center named another meeting, and has this one beside it.
            return True
        # What is sure is there as it is here. Only what else the alarm was for, by a hair, can differ, and so
        # whether this meeting was moved up before what was told.
        is_old = self._conflict.since_index < self._due.since_index
        return is_old and any(past.is_unsure for past in self._look_round(since))

    def _find_told(self, raised: AlarmRow) -> datetime:
        """Return when the meeting that an alarm names may have begun at the earliest, as it was raised."""
        things = [self._rows.find(ObjectRow, name) for name in (raised.named or raised.conflict).split("|")]
        if len(things) != 2 or things[0] is None or things[1] is None or raised.raised is None:
            raise AssertionError(f"alarm {raised.alarm!r}: expected a conflict of two objects, raised")
        past = self._look(things[0], things[1], raised.since_index, at_index=raised.raised.index)
        return _EVER if past.is_cut else past.first_utc

    def _look_round(self, since: int) -> Iterator[_Past]:
        """Yield the same of either object and what else its partner's author has of that type."""
        for thing, partner in ((self._one, self._other), (self._other, self._one)):
            for count, another in enumerate(self._rows.select(ObjectRow, author=partner.author)):
                if count == MAX_OTHERS:
                    raise _Tired
                if another.type == partner.type and another.object != partner.object and not another.to:
                    yield self._look(thing, another, since)

    def _look(self, one: ObjectRow, other: ObjectRow, since: int, *, at_index: float = NOW) -> _Past:
        """Look at all versions that were current together after an entry and came up to another."""
        separation = agreed_separation(self._rows) if one.type == other.type else Separation()
        (ours, is_cut), (others, is_other_cut) = (self._list_lives(thing, since) for thing in (one, other))
        is_cut = is_cut or is_other_cut
        is_unsure, first_utc, apart_until = is_cut, _NEVER, -1
        for mine, theirs in product(ours, others):
            until = min(mine.until, theirs.until)
            if max(mine.since, theirs.since) >= until or max(mine.since, theirs.since) > at_index:
                continue
            relations = set()
            for a, b in product(mine.volumes, theirs.volumes):
                start_utc = find_start(a.window, b.window)
                if start_utc is None and one.type != other.type:
                    continue
                relation = relate(a, b, separation)
                if start_utc is not None or relation != "apart":
                    self._work.take()
                relations.add(relation)
                if relation != "apart":
                    first_utc = min(first_utc, start_utc or _NEVER)
            is_unsure = is_unsure or "unsure" in relations
            if not relations - {"apart"} and until != NOW:
                apart_until = max(apart_until, int(until))
        is_changed = len(ours) + len(others) > 2
        return _Past(apart_until, is_unsure, is_cut, is_changed, first_utc)

    def _list_lives(self, thing: ObjectRow, since: int) -> tuple[list[Life], bool]:
        """Return the versions that were current after an entry, and whether one may be left out."""
        if thing.object not in self._lives:
            self._lives[thing.object] = list_lives(thing, self._least - 1, self._rows)
        lives, is_cut = self._lives[thing.object]
        return [life for life in lives if life.until > since], is_cut


def _read_current(thing: ObjectRow, rows: Rows) -> list[Volume]:
    version = rows.find(VersionRow, thing.version)
    return parse_volumes(version.volumes, path="$.body.volumes") if version is not None else []
