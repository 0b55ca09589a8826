"""What one party may have standing, and how much of a center's time its messages may take.

Two dangers, and each limit is for one of them. A party that lies without end must not stall the center. And
a party must not keep *others* silent: whoever is crowded meets all of the crowd by every message of his own,
and must be heard all the same.

Invariants:
  * No single party's standing objects, however placed, make a new message of one volume be refused for what
    it meets. Of one party's activities a volume no larger than the agreed separation meets little more than
    `MAX_CROWD`.
  * What is taken in opens every conflict that there is. Nothing is cut, and nothing is put off.
  * A message by which a party holds, or an object meets, no more than before is not refused for what it holds
    or meets. Who is asked to wait is told for how long.

It is no rule: an entry that passed none of this is no evidence against its center.

    >>> decide_quota(message, told, rows, index, Asking(now_utc, pace)).require()
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from entente.deconflict.activity import ActivityRow
from entente.deconflict.conflicts import agreed_separation, list_questions
from entente.deconflict.holdings import COUNTED, find_held
from entente.deconflict.index import StandingVolumes, refuse_more
from entente.deconflict.objects import ObjectRow, ObjectType, VersionRow, parse_volumes
from entente.kernel.errors import TooManyConflicts
from entente.kernel.kinds import ALLOWED, Decision, denied
from entente.kernel.message import VerifiedMessage
from entente.kernel.rows import Rows
from entente.space import Separation, VolumeWire
from entente.space.volume import MAX_LATERAL_M

MAX_OBJECTS: Final = 20_000
"""Objects that one party may have standing: twice what a region's busiest day has from all."""
MAX_VOLUMES: Final = 160_000
"""So that a center of 64 parties, the most there can be, takes ten million."""
MAX_HITS: Final = 2 * MAX_VOLUMES
"""Standing volumes that one message may meet, those of its volumes added up: more than one party can have."""
MAX_OPENED: Final = 20_000
"""Open conflicts that one party's messages may have opened, each counting for `holdings.COUNTED` at most."""
MAX_FEW: Final = 50
"""Who has no more objects standing is not held to `MAX_OPENED`: what he meets is not his making."""
MAX_CROWD: Final = 1_000
"""Volumes of its author's other activities that an activity's volume may have around it."""
AROUND: Final = 3
"""How many agreed separations away *around* is. Whatever comes within one separation of a volume that is no
larger than one is within three of each other: so such a volume meets one party's crowd once, not sixty times.
"""
MAX_NEAR: Final = 16
"""Who meets no more activities has nothing counted around him: a question of three separations takes some
0.3 ms. In a ball of one separation there is room for some sixty that keep it from each other, and so for some
sixty times as many."""
PACE_BURST: Final = 20_000
"""Objects that one party's messages may meet at once: some 4 s of the center's writer."""
PACE_PER_S: Final = 200
"""What comes back each second: some 4 % of the writer."""
PACE_FREE: Final = 100
"""What meets no more never waits."""
_MOST_OWN: Final = 50
"""Volumes of the object's own version before, which may be among what is found."""


class Told(NamedTuple):
    """An object as a message tells of it; ``name`` is its scoped name."""

    name: str
    type: ObjectType
    id: str
    volumes: Sequence[VolumeWire]
    buffer_cm: int = 0

    def __str__(self) -> str:
        """Return what it is and its id."""
        return f"{self.type} {self.id!r}"


class Pace:
    """How much each party's messages have met lately, in the memory of one center.

    INVARIANT: nobody waits for ever. What one message met may leave its author in debt, which is paid off by
    time alone; whoever is not in debt is let in, whatever he meets.

    It is forgotten when the center starts anew. A clock that runs backwards gives nothing back.
    """

    def __init__(self) -> None:
        self._left: dict[str, tuple[float, datetime]] = {}

    def find_wait_s(self, party: str, now_utc: datetime) -> int:
        """Return in how many seconds a party may tell of what meets many; 0 for now."""
        left = self._find_left(party, now_utc)
        return 0 if left > 0 else math.floor(-left / PACE_PER_S) + 1

    def spend(self, party: str, met: int, now_utc: datetime) -> None:
        """Note that a party's message met so many objects."""
        known = self._left.get(party)
        # By the latest clock that was seen: or a clock set back would pay the same seconds twice.
        latest_utc = now_utc if known is None else max(now_utc, known[1])
        self._left[party] = self._find_left(party, now_utc) - met, latest_utc

    def _find_left(self, party: str, now_utc: datetime) -> float:
        left, since_utc = self._left.get(party, (float(PACE_BURST), now_utc))
        return min(PACE_BURST, left + PACE_PER_S * max(0.0, (now_utc - since_utc).total_seconds()))


class Asking(NamedTuple):
    """When a message is taken in, and what its center remembers of its author's earlier ones."""

    now_utc: datetime
    pace: Pace | None = None


def decide_quota(
    message: VerifiedMessage[Any], told: Told, rows: Rows, index: StandingVolumes | None, asking: Asking
) -> Decision:
    """Allow what is no more than its author may hold, and no more at once than others can bear.

    Args:
        index: Left out by whoever only wants to know whether his own message would be taken.
    """
    author = message.author
    known = rows.find(ObjectRow, told.name)
    before = rows.find(VersionRow, known.version) if known is not None else None
    held = find_held(author, rows)
    more = len(told.volumes) - (len(before.volumes) if before is not None else 0)
    # What makes it no more is always taken: whoever holds too much must be able to hold less.
    if known is None and held.objects >= MAX_OBJECTS:
        return _deny(told, "objects", held.objects + 1, MAX_OBJECTS, author)
    if more > 0 and held.volumes + more > MAX_VOLUMES:
        return _deny(told, "volumes", held.volumes + more, MAX_VOLUMES, author)
    if index is None:
        return ALLOWED
    earlier = None if before is None else _tell_before(told, before)
    try:
        met = _find_met(told, rows, index)
    except TooManyConflicts:
        return _deny_too_much(told)
    near = sum(group == "activity" for group, _ in met)
    if told.type == "activity" and near > MAX_NEAR and held.volumes > MAX_CROWD:
        crowd = _decide_crowd(told, earlier, author, rows, index)
        if not crowd.is_allowed:
            return crowd
    # SECURITY: whoever is crowded by another opens a conflict with each of the crowd by every message of his
    # own: that must not cost him his last word (tests/unit/test_deconflict_intake.py,
    # test_a_crowd_of_one_party_does_not_silence_another).
    is_held_to = held.objects + (known is None) > MAX_FEW
    if is_held_to and held.conflicts + min(len(met), COUNTED) > MAX_OPENED:
        opens = min(_count_others(met, told.type, author, rows), COUNTED)
        if held.conflicts + opens > MAX_OPENED and not _meets_no_more(earlier, met, rows, index):
            return _deny(told, "open conflicts", held.conflicts + opens, MAX_OPENED, author)
    return _decide_pace(told, len(met), author, asking)


def _decide_pace(told: Told, met: int, author: str, asking: Asking) -> Decision:
    # SECURITY: one message may meet tens of thousands, and everybody waits while they are written down. A
    # party that says it again and again keeps a few hundredths of the writer
    # (tests/unit/test_deconflict_crowd.py, test_who_meets_very_many_again_and_again_waits_and_nobody_else).
    if asking.pace is None or met <= PACE_FREE:
        return ALLOWED
    wait_s = asking.pace.find_wait_s(author, asking.now_utc)
    if wait_s:
        return denied(
            "pace",
            f"{told}: expected that what the messages of {author!r} meet leaves time for others, got {met} "
            f"more objects: send it again in {wait_s} s",
        )
    asking.pace.spend(author, met, asking.now_utc)
    return ALLOWED


def _decide_crowd(
    told: Told, earlier: Told | None, author: str, rows: Rows, index: StandingVolumes
) -> Decision:
    """Refuse an activity that would stand among too many of its author's own."""
    # SECURITY: what one party heaps up in one place costs every other party's messages there, so it is the
    # heap that is bounded (tests/unit/test_deconflict_crowd.py,
    # test_a_party_may_crowd_a_place_so_much_and_no_more).
    agreed = agreed_separation(rows)
    around = Separation(
        min(AROUND * agreed.lateral_m, MAX_LATERAL_M), AROUND * agreed.vertical_m, AROUND * agreed.time_s
    )
    try:
        own = _count_around(told, around, author, rows, index)
        if own <= MAX_CROWD:
            return ALLOWED
        if earlier is not None and own <= _count_around(earlier, around, author, rows, index):
            return ALLOWED
    except TooManyConflicts:
        return _deny_too_much(told)
    return denied(
        "crowd",
        f"{told}: expected <= {MAX_CROWD} volumes of other activities of {author!r} around it, got {own}: "
        "close what is past, or tell of many as one",
    )


def _count_around(told: Told, around: Separation, author: str, rows: Rows, index: StandingVolumes) -> int:
    """Return how many volumes of the author's other activities the fullest of its volumes has around it."""
    most = 0
    for volume in parse_volumes(told.volumes, path="$.body.volumes"):
        hits = index.query(volume, around, group="activity", most=MAX_HITS)
        others = [hit.object for hit in hits if hit.object != told.name]
        # Whose they are matters where there are many.
        if len(others) > MAX_CROWD:
            whose = {name: not _is_others(name, author, rows) for name in set(others)}
            most = max(most, sum(whose[name] for name in others))
    return most


def _find_met(told: Told, rows: Rows, index: StandingVolumes) -> set[tuple[ObjectType, str]]:
    """Return the standing objects that it meets, its author's own activities too.

    Raises:
        TooManyConflicts: It meets more than `MAX_HITS` volumes.
    """
    found: set[tuple[ObjectType, str]] = set()
    left = MAX_HITS
    volumes = parse_volumes(told.volumes, path="$.body.volumes")
    for group, separation in list_questions(told.type, told.buffer_cm, rows):
        for volume in volumes:
            hits = index.query(volume, separation, group=group, most=left + _MOST_OWN)
            others = [hit.object for hit in hits if hit.object != told.name]
            left -= len(others)
            if left < 0:
                raise refuse_more(MAX_HITS)
            found.update((group, name) for name in others)
    return found


def _meets_no_more(
    earlier: Told | None, met: set[tuple[ObjectType, str]], rows: Rows, index: StandingVolumes
) -> bool:
    """Return whether an object meets no more than its version before: who turns away must be able to."""
    if earlier is None:
        return False
    try:
        return len(met) <= len(_find_met(earlier, rows, index))
    except TooManyConflicts:
        return True


def _tell_before(told: Told, before: VersionRow) -> Told:
    return told._replace(volumes=before.volumes, buffer_cm=before.reach_cm)


def _count_others(
    met: Iterable[tuple[ObjectType, str]], object_type: ObjectType, author: str, rows: Rows
) -> int:
    """Return with how many of them there can be a conflict: of two activities of one party there is none."""
    return sum(
        object_type != "activity" or group != "activity" or _is_others(name, author, rows)
        for group, name in met
    )


def _is_others(name: str, party: str, rows: Rows) -> bool:
    row = rows.find(ActivityRow, name)
    return row is not None and row.author != party


def _deny(told: Told, things: str, has: int, most: int, author: str) -> Decision:
    # SECURITY: a party that lies without end must not stall the center for the others
    # (tests/unit/test_deconflict_intake.py, test_a_party_may_hold_so_much_and_is_told_how_to_go_on).
    return denied(
        "quota",
        f"{told}: expected <= {most} {things} of {author!r} to stand, got {has}: close or withdraw "
        "what is past first",
    )


def _deny_too_much(told: Told) -> Decision:
    return denied(
        "meets-too-much",
        f"{told}: expected to meet <= {MAX_HITS} standing volumes, got more: tell of it in parts, each "
        "nearer to where and when it is",
    )
