"""How sure it is that two objects confront each other: what another machine may honestly have computed.

Whether two volumes meet hangs on distances, and distances on floating point. Where that decides whether a
message of the center is accepted, nobody may be called a liar for a last digit: what is true within
`entente.space.AGREE_M`, or could be, is accepted (docs/formats/kinds.md section 14.6).

Invariants:
  * `weigh` is asked only where the plain rule says no: it costs nothing else.
  * What is *possible* is so now, by the versions that stand. *In doubt* looks back: a machine that saw it
    otherwise once since the last alarm may count alarms otherwise ever since.
  * Bounded work: `MAX_WEIGHED` pairs of volumes, `MAX_LIVES` versions of each. Beyond, it is in doubt.

It decides nothing about conflicts: see `entente.deconflict.conflicts`.

    >>> weigh(activity, zone, -1, rows).is_possible
    True
"""

from __future__ import annotations

from datetime import datetime
from itertools import product
from typing import Final, NamedTuple

from entente.deconflict.activity import ActivityRow
from entente.deconflict.conflicts import agreed_separation
from entente.deconflict.nearness import Met, find_first, find_start
from entente.deconflict.objects import NO_VERSION, ObjectRow, VersionRow, parse_volumes
from entente.deconflict.zone import ZoneRow
from entente.deconflict.zone_judgement import Judging, ask_zone, find_missing
from entente.kernel.rows import Rows
from entente.space import LOOSE_HOLD_M, SURE_HOLD_M, Separation, Volume, relate

MAX_WEIGHED: Final = 1_000
"""Pairs of volumes: half a second. Two activities of 50 volumes have 2,500, few of them at one time."""
MAX_LIVES: Final = 20
"""Versions looked back at."""
NOW: Final = float("inf")
"""`Life.until` of a current version."""


class Weighed(NamedTuple):
    """What may be said of two objects, and which of their volumes may meet first; None where none may."""

    is_possible: bool
    is_in_doubt: bool
    first: Met | None


class Life(NamedTuple):
    """A version, and the entries from which up to which it was the current one."""

    since: int
    until: float
    volumes: list[Volume]


def weigh(one: ObjectRow, other: ObjectRow, after_index: int, rows: Rows) -> Weighed:
    """Return whether two standing objects may confront each other, and whether that was ever in doubt.

    Args:
        after_index: Doubts of versions that were past by this entry count no more.
    """
    separation = agreed_separation(rows) if one.type == other.type else Separation()
    judge = None if one.type == other.type else Asking(one, other, rows)
    (ours, is_cut), (others, is_other_cut) = (list_lives(each, after_index, rows) for each in (one, other))
    is_in_doubt = is_cut or is_other_cut
    met: list[Met] = []
    left = MAX_WEIGHED
    for mine, theirs in product(ours, others):
        if max(mine.since, theirs.since) >= min(mine.until, theirs.until):
            continue
        is_now = mine.until == theirs.until == NOW
        if is_in_doubt and not is_now:
            continue
        for (here, a), (there, b) in product(enumerate(mine.volumes), enumerate(theirs.volumes)):
            start_utc = find_start(a.window, b.window)
            if judge is not None and start_utc is None:
                continue
            left -= 1
            if left < 0:
                return Weighed(bool(met), is_in_doubt=True, first=find_first(met))
            relation = relate(a, b, separation)
            if relation == "apart":
                continue
            is_in_doubt = is_in_doubt or relation == "unsure"
            if not is_now:
                continue
            if judge is not None and start_utc is not None:
                asks, is_unsure = judge.ask(here, there, a, b, start_utc)
                is_in_doubt = is_in_doubt or is_unsure
                if not asks:
                    continue
            met.append(Met(here, there, start_utc))
    return Weighed(bool(met), is_in_doubt, find_first(met))


class Asking:
    """Whether a zone asks for what an activity has not fulfilled, where holding may be a matter of doubt."""

    def __init__(self, one: ObjectRow, other: ObjectRow, rows: Rows) -> None:
        self._is_zone_first = one.type == "zone"
        zone, activity = (one, other) if self._is_zone_first else (other, one)
        self._zone = rows.find(ZoneRow, zone.object)
        self._activity = rows.find(ActivityRow, activity.object)
        self._strict = Judging(rows, hold_m=SURE_HOLD_M)
        self._lax = Judging(rows, hold_m=LOOSE_HOLD_M)

    def ask(self, here: int, there: int, a: Volume, b: Volume, start_utc: datetime) -> tuple[bool, bool]:
        """Return whether something may be missing where two volumes meet, and whether that is in doubt."""
        if self._zone is None or self._activity is None:
            raise AssertionError("zone or activity: stands and has no row")
        ordinal, inside = (here, b) if self._is_zone_first else (there, a)
        activity = self._activity
        is_missing = [
            find_missing(
                ask_zone(self._zone, ordinal, inside, activity.author, activity.activity, judging),
                self._zone,
                activity,
                start_utc,
                judging,
            )
            is not None
            for judging in (self._strict, self._lax)
        ]
        return is_missing[0], is_missing[0] != is_missing[1]


def list_lives(thing: ObjectRow, after_index: int, rows: Rows) -> tuple[list[Life], bool]:
    """Return the versions that were current after an entry, the latest first, and whether any is left out."""
    lives: list[Life] = []
    until = NOW
    leaf = thing.version
    while leaf != NO_VERSION and until > after_index:
        version = rows.find(VersionRow, leaf)
        if version is None:
            break
        if len(lives) == MAX_LIVES:
            return lives, True
        lives.append(Life(version.index, until, parse_volumes(version.volumes, path="$.body.volumes")))
        leaf, until = version.previous, version.index
    return lives, False
