"""Suggestions: the nearest conflict-free shift of a plan, in time, in height, or aside.

All volumes of the plan move together, by one shift in one way: later, earlier, up, down, or aside along a
geodesic. Two ways at once are not tried.

What is nearest: each way has its own room, which the asker gives (so many hours, metres, kilometres); shifts
are compared by the share of their room that they use, the smallest first.

How: no blind steps. Whatever conflicts at a shift says by how much more it must be cleared.
  * In time and height a pair that conflicts goes on conflicting until its windows or bands just clear. The
    largest of these distances is therefore the least shift that can help, and so the first one at which
    nothing conflicts is the smallest there is, in whole seconds and whole centimetres.
  * Aside, along each of some bearings (away from and round what is met, and the compass), where a pair
    clears is found by halving, to the metre. A nearer way out between two bearings may exist.

Invariants:
  * A suggestion was asked about as a whole, as the very volumes that would be sent, rounded as they would
    be: nothing conflicts, by the exact rule, among what the asker can see.
  * Moving works anywhere: every corner keeps its distance from the plan's reference point and its angle to
    the way.
  * Work is bounded by ``looks`` and ``checks``. What was not found says within which room, or how much work.

It does not know what stands, nor under which rules: ``find`` does (`entente.deconflict.trial`).

    >>> suggest(wires, Room(later_s=6 * 3600, up_cm=200_000, aside_m=20_000), trial.find).found[0].words
    '42 min 10 s later'
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, Literal

import msgspec

from entente.deconflict.positions import say_metres
from entente.kernel.errors import InvalidVolume
from entente.kernel.time import encode_utc, parse_utc
from entente.kernel.wire import UtcText, WireStruct
from entente.space import (
    Separation,
    Volume,
    VolumeWire,
    compass_word,
    distance_and_bearing,
    encode_position,
    is_conflict,
    parse_volume,
    reference_point,
)
from entente.space.ellipsoid import walk_line

LOOKS: Final = 1_000
"""Questions about what stands, for one suggestion."""
CHECKS: Final = 50_000
"""Exact comparisons of two volumes: some ten seconds at the very worst of ordinary outlines."""
COMPASS: Final = 16
_FINER_DEG: Final = (5.6, 2.8, 1.4, 0.7)
_CM: Final = 100
_SECOND: Final = timedelta(seconds=1)
Way = Literal["later", "earlier", "up", "down", "aside"]
HeightCm = Annotated[int, msgspec.Meta(ge=-10_000_000_000, le=10_000_000_000)]
RoomSeconds = Annotated[int, msgspec.Meta(ge=0, le=31_622_400)]
RoomCm = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
RoomMetres = Annotated[int, msgspec.Meta(ge=0, le=1_000_000)]


class Room(WireStruct, frozen=True, kw_only=True):
    """How far the plan may move, 0 being not at all; the last three are bounds that it keeps."""

    later_s: RoomSeconds = 6 * 3600
    earlier_s: RoomSeconds = 6 * 3600
    up_cm: RoomCm = 300_000
    down_cm: RoomCm = 300_000
    aside_m: RoomMetres = 50_000
    floor_cm: HeightCm | None = None
    ceiling_cm: HeightCm | None = None
    not_before: UtcText | None = None


class Blocking(msgspec.Struct, frozen=True):
    """Something that a plan conflicts with, and the separation to be kept from it."""

    object: str
    volumes: tuple[Volume, ...]
    separation: Separation


class Suggestion(msgspec.Struct, frozen=True):
    """One shift: seconds later or earlier, centimetres up or down, metres aside along ``bearing_deg``."""

    way: Way
    shift: int
    bearing_deg: float | None
    share: float
    """Which part of its room it uses: what the suggestions are sorted by."""
    words: str
    volumes: tuple[VolumeWire, ...]
    ask_again: tuple[str, ...] = ()
    """What was given for the version that stands and counted here, and must be given again for this one."""


class Suggestions(msgspec.Struct, frozen=True):
    """What was found, smallest first; what was not, with how far it was looked for."""

    conflicts: tuple[str, ...]
    found: tuple[Suggestion, ...]
    none_found: tuple[str, ...]
    looks: int


Find = Callable[[Sequence[VolumeWire]], Sequence[Blocking]]
Again = Callable[[Sequence[VolumeWire]], tuple[str, ...]]


class _SpentError(Exception):
    """The agreed work is done."""


@dataclass(slots=True)
class _Work:
    """What is asked, and how much of it is left."""

    find: Find
    looks: int
    checks: int
    made: int = field(default=0)

    def look(self, wires: Sequence[VolumeWire]) -> Sequence[Blocking]:
        if self.looks <= 0:
            raise _SpentError
        self.looks -= 1
        self.made += 1
        return self.find(wires)

    def conflicts(self, mine: Volume, theirs: Volume, separation: Separation) -> bool:
        if self.checks <= 0:
            raise _SpentError
        self.checks -= 1
        return is_conflict(mine, theirs, separation)


@dataclass(frozen=True, slots=True)
class _Pair:
    """One of our volumes, by its place, and one that it conflicts with."""

    place: int
    theirs: Volume
    separation: Separation


def suggest(
    wires: Sequence[VolumeWire],
    room: Room,
    find: Find,
    *,
    looks: int = LOOKS,
    checks: int = CHECKS,
    again: Again | None = None,
) -> Suggestions:
    """Return the smallest shift in each way at which ``find`` finds nothing, sorted by the share of its room.

    Args:
        find: What a plan with these volumes conflicts with, among all that the asker may see.
        looks, checks: The most questions and exact comparisons.
        again: What a plan with these volumes would have to be asked for again.

    Raises:
        InvalidVolume: A volume of the plan is none.
        TooManyConflicts: As ``find`` does: the plan must be narrowed first.
    """
    plan = list(wires)
    for place, wire in enumerate(plan):
        parse_volume(wire, path=f"$.volumes[{place}]")
    work = _Work(find, looks, checks)
    met = work.look(plan)
    names = tuple(sorted({one.object for one in met}))
    if not met:
        return Suggestions((), (), (), work.made)
    found: list[Suggestion] = []
    missed: list[str] = []
    ways: list[tuple[Way, int, Callable[[], Suggestion | None]]] = [
        ("later", room.later_s, lambda: _shift_time(plan, room, met, work, later=True)),
        ("earlier", _room_earlier(plan, room), lambda: _shift_time(plan, room, met, work, later=False)),
        ("up", room.up_cm, lambda: _shift_height(plan, room, met, work, up=True)),
        ("down", room.down_cm, lambda: _shift_height(plan, room, met, work, up=False)),
        ("aside", room.aside_m, lambda: _shift_aside(plan, room, met, work)),
    ]
    for way, limit, seek in ways:
        if limit == 0:
            continue
        try:
            one = seek()
        except _SpentError:
            missed.append(
                f"{way}: none found within {looks} looks and {checks} comparisons; there may be one"
            )
            continue
        if one is None:
            missed.append(f"{way}: none found within {_say_shift(way, limit, None)}")
        else:
            needed = again(one.volumes) if again is not None else ()
            found.append(msgspec.structs.replace(one, ask_again=needed))
    found.sort(key=lambda one: (one.share, one.way))
    return Suggestions(names, tuple(found), tuple(missed), work.made)


# Time and height: the smallest there is


def _shift_time(
    plan: list[VolumeWire], room: Room, met: Sequence[Blocking], work: _Work, *, later: bool
) -> Suggestion | None:
    limit = room.later_s if later else _room_earlier(plan, room)

    def clear(mine: Volume, pair: _Pair) -> int:
        keep = timedelta(seconds=pair.separation.time_s)
        theirs = pair.theirs.window
        gap = (
            theirs.end_utc + keep - mine.window.start_utc
            if later
            else mine.window.end_utc - (theirs.start_utc - keep)
        )
        return max(1, -(-gap // _SECOND))

    def move(shift: int) -> list[VolumeWire]:
        by = timedelta(seconds=shift if later else -shift)
        return [_move_time(wire, by) for wire in plan]

    way: Way = "later" if later else "earlier"
    return _march(plan, way, limit, met, work, clear, move)


def _shift_height(
    plan: list[VolumeWire], room: Room, met: Sequence[Blocking], work: _Work, *, up: bool
) -> Suggestion | None:
    def clear(mine: Volume, pair: _Pair) -> int | None:
        one, other = (mine, pair.theirs) if up else (pair.theirs, mine)
        floor_m, ceiling_m = one.heights.floor_m, other.heights.ceiling_m
        if floor_m is None or ceiling_m is None:
            return None  # no shift in height clears what has no end on that side
        return max(1, math.floor((ceiling_m + pair.separation.vertical_m - floor_m) * _CM + 1e-6) + 1)

    def move(shift: int) -> list[VolumeWire] | None:
        by_cm = shift if up else -shift
        moved = [_move_height(wire, by_cm) for wire in plan]
        return moved if all(_is_between(wire, room) for wire in moved) else None

    way: Way = "up" if up else "down"
    return _march(plan, way, room.up_cm if up else room.down_cm, met, work, clear, move)


def _march(
    plan: list[VolumeWire],
    way: Way,
    limit: int,
    met: Sequence[Blocking],
    work: _Work,
    clear: Callable[[Volume, _Pair], int | None],
    move: Callable[[int], list[VolumeWire] | None],
) -> Suggestion | None:
    """Go on by what the pairs that conflict need at least, until nothing does."""
    shift, moved = 0, plan
    while met:
        volumes = [parse_volume(wire) for wire in moved]
        needs = [clear(volumes[pair.place], pair) for pair in _find_pairs(volumes, met, work)]
        # Nothing to clear: what is in the way is no matter of place, such as a notice that nobody has heard.
        if not needs or None in needs:
            return None
        shift += max(need for need in needs if need is not None)
        following = move(shift) if shift <= limit else None
        if following is None or not _are_valid(following):
            return None
        moved = following
        met = work.look(moved)
    return _make(way, shift, None, limit, moved)


# Aside


def _shift_aside(
    plan: list[VolumeWire], room: Room, met: Sequence[Blocking], work: _Work
) -> Suggestion | None:
    volumes = [parse_volume(wire) for wire in plan]
    about = reference_point(volumes[0].outline)
    pairs = _find_pairs(volumes, met, work)
    best: tuple[int, float, list[VolumeWire]] | None = None

    def attempt(bearing_deg: float) -> None:
        nonlocal best
        limit = room.aside_m if best is None else best[0] - 1
        moved = _march_aside(plan, about, bearing_deg, limit, pairs, work)
        if moved is not None:
            best = (moved[0], bearing_deg, moved[1])

    try:
        for bearing_deg in _list_bearings(about, pairs):
            attempt(bearing_deg)
        for step_deg in _FINER_DEG:
            if best is not None:
                middle_deg = best[1]
                attempt((middle_deg + step_deg) % 360.0)
                attempt((middle_deg - step_deg) % 360.0)
    except _SpentError:
        if best is None:
            raise
    return None if best is None else _make("aside", best[0], best[1], room.aside_m, best[2])


def _list_bearings(about: tuple[float, float], pairs: Sequence[_Pair]) -> list[float]:
    """Return the bearings to try: away from what is met and past it on both sides, then the compass."""
    found: dict[float, None] = {}
    for pair in pairs[:8]:
        length_m, bearing_deg = distance_and_bearing(*about, *reference_point(pair.theirs.outline))
        if length_m > 0.0:
            for turn_deg in (180.0, 90.0, 270.0, 0.0):
                found[round((bearing_deg + turn_deg) % 360.0, 1) % 360.0] = None
    for point in range(COMPASS):
        found[360.0 * point / COMPASS] = None
    return list(found)


def _march_aside(
    plan: list[VolumeWire],
    about: tuple[float, float],
    bearing_deg: float,
    limit: int,
    pairs: Sequence[_Pair],
    work: _Work,
) -> tuple[int, list[VolumeWire]] | None:
    shift = 0
    while True:
        further = _clear_aside(plan, about, bearing_deg, shift, limit, pairs, work)
        if further is None:
            return None
        shift = further
        moved = _move_aside(plan, about, shift, bearing_deg)
        met = work.look(moved)
        if not met:
            return shift, moved
        pairs = _find_pairs([parse_volume(wire) for wire in moved], met, work)
        if not pairs:
            return None


def _clear_aside(
    plan: list[VolumeWire],
    about: tuple[float, float],
    bearing_deg: float,
    shift: int,
    limit: int,
    pairs: Sequence[_Pair],
    work: _Work,
) -> int | None:
    """Return the metres at which these pairs clear, by halving; None where they do not up to ``limit``."""
    places = sorted({pair.place for pair in pairs})

    def is_blocked(metres: int) -> bool:
        moved = _move_aside([plan[place] for place in places], about, metres, bearing_deg)
        if not _are_valid(moved):
            return True
        volumes = dict(zip(places, (parse_volume(wire) for wire in moved), strict=True))
        return any(work.conflicts(volumes[pair.place], pair.theirs, pair.separation) for pair in pairs)

    if limit <= shift or is_blocked(limit):
        return None
    blocked, step = shift, 64
    free = min(shift + step, limit)
    while free < limit and is_blocked(free):
        blocked, step = free, 2 * step
        free = min(free + step, limit)
    while free - blocked > 1:
        middle = (free + blocked) // 2
        if is_blocked(middle):
            blocked = middle
        else:
            free = middle
    return free


# Parts


def _find_pairs(volumes: Sequence[Volume], met: Sequence[Blocking], work: _Work) -> list[_Pair]:
    return [
        _Pair(place, theirs, one.separation)
        for one in met
        for theirs in one.volumes
        for place, mine in enumerate(volumes)
        if work.conflicts(mine, theirs, one.separation)
    ]


def _make(way: Way, shift: int, bearing_deg: float | None, limit: int, moved: list[VolumeWire]) -> Suggestion:
    words = _say_shift(way, shift, bearing_deg)
    return Suggestion(way, shift, bearing_deg, shift / limit, words, tuple(moved))


def _room_earlier(plan: Sequence[VolumeWire], room: Room) -> int:
    """Return by how many seconds the plan may begin earlier, not before the time that is kept."""
    if room.not_before is None:
        return room.earlier_s
    start = min(parse_utc(wire.start) for wire in plan)
    left_s = (start - parse_utc(room.not_before)) // _SECOND
    return max(0, min(room.earlier_s, left_s))


def _move_time(wire: VolumeWire, by: timedelta) -> VolumeWire:
    try:
        start, end = parse_utc(wire.start) + by, parse_utc(wire.end) + by
    except OverflowError as error:
        raise InvalidVolume(
            "bad-window", f"window: expected one within the calendar, moved by {by}"
        ) from error
    return msgspec.structs.replace(wire, start=_encode(start), end=_encode(end))


def _encode(moment: datetime) -> str:
    return encode_utc(moment)


def _move_height(wire: VolumeWire, by_cm: int) -> VolumeWire:
    return msgspec.structs.replace(
        wire,
        floor_cm=None if wire.floor_cm is None else wire.floor_cm + by_cm,
        ceiling_cm=None if wire.ceiling_cm is None else wire.ceiling_cm + by_cm,
    )


def _is_between(wire: VolumeWire, room: Room) -> bool:
    has_floor = room.floor_cm is None or (wire.floor_cm is not None and wire.floor_cm >= room.floor_cm)
    return has_floor and (
        room.ceiling_cm is None or (wire.ceiling_cm is not None and wire.ceiling_cm <= room.ceiling_cm)
    )


def _move_aside(
    plan: Sequence[VolumeWire], about: tuple[float, float], metres: int, bearing_deg: float
) -> list[VolumeWire]:
    """Return the volumes after their reference point went along a geodesic, turned as it turns."""
    there = walk_line(*about, bearing_deg, float(metres))
    _, back_deg = distance_and_bearing(*there, *about)
    turn_deg = (back_deg + 180.0 - bearing_deg) % 360.0

    def carry(position: Any) -> tuple[int, int]:  # noqa: ANN401 - two scaled integers
        length_m, towards_deg = distance_and_bearing(*about, position[0] / 1e7, position[1] / 1e7)
        return encode_position(*walk_line(*there, (towards_deg + turn_deg) % 360.0, length_m))

    moved = []
    for wire in plan:
        plain = msgspec.to_builtins(wire)
        plain["outline"] = {name: _carry_all(part, carry) for name, part in plain["outline"].items()}
        moved.append(msgspec.convert(plain, VolumeWire))
    return moved


def _carry_all(part: Any, carry: Callable[[Any], tuple[int, int]]) -> Any:  # noqa: ANN401 - plain values
    """Carry every position inside: whatever the outline's kind, a position is a pair of integers."""
    if isinstance(part, list | tuple):
        if len(part) == 2 and all(isinstance(one, int) for one in part):
            return carry(part)
        return [_carry_all(one, carry) for one in part]
    if isinstance(part, dict):
        return {name: _carry_all(one, carry) for name, one in part.items()}
    return part


def _are_valid(wires: Sequence[VolumeWire]) -> bool:
    """Return whether each is a volume: a shift can leave the calendar, rounding can fold a sliver."""
    try:
        for wire in wires:
            parse_volume(wire)
    except InvalidVolume:
        return False
    return True


def _say_shift(way: Way, shift: int, bearing_deg: float | None) -> str:
    if way in {"later", "earlier"}:
        return f"{' '.join(_say_time(shift))} {way}"
    if way in {"up", "down"}:
        return f"{say_metres(shift)} {'higher' if way == 'up' else 'lower'}"
    text = f"{say_metres(shift * _CM)} aside"
    if bearing_deg is None:
        return text
    return f"{text}, to the {compass_word(bearing_deg)} (bearing {bearing_deg:.1f})"


def _say_time(seconds: int) -> Iterator[str]:
    for word, size in (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            yield f"{count} {word}"
