"""Cells: the numbers under which a standing volume is kept, and those that a question must visit.

What it is for: the SQL homes of the conflict index, and the one in memory, keep volumes in a B-tree or a
table by a *key*. A volume is kept once for each cell that its box touches, at the level of cells where these
are at most `FEW`, in the class of its duration, ordered by its start.

  * Levels: rows of 0.2 degrees, 0.8, 3.2 and so on up to the whole Earth in one. A row is cut into as many
    cells as leave each at least as wide as it is high: so a pole and the antimeridian are ordinary places.
  * Classes: a volume that lasts at most `LASTS_S[k]` has class k. What overlaps a window in time has begun
    within that duration before it: one range of starts for each class, whatever the question's own length.
  * A question visits, of the levels and classes that hold anything, the cells that its box touches; where
    these are more than `MANY`, the whole range of rows, in which a home looks up only what is there.

Invariants:
  * A box holds all of a volume, widened as asked, edges' bulges and poles too, and is rounded outward.
  * Whenever two volumes conflict under a separation, the box of one, widened by it, meets the box of the
    other, and the searches of one meet the keys of the other.
  * Whole numbers only, from the box on: a key is the same on every machine.

It decides nothing: the exact rule does.

    >>> box = find_box(volume)
    >>> slot = find_slot(box)
    >>> keys = [encode_key(3, slot.level, slot.duration, cell) for cell in slot.cells]
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from entente.kernel.time import from_unix_s
from entente.space import Circle, Outline, Volume
from entente.space.ellipsoid import TIGHTEST_RADIUS_M, longest_line_from_chord_m, to_latlon

FEW: Final = 4
"""Cells that a volume is kept under, at most."""
MANY: Final = 1_024
"""Cells of one level that a question names one by one, at most."""
LASTS_S: Final = (
    *(3_600, 8 * 3_600, 64 * 3_600, 512 * 3_600, 4_096 * 3_600, 32_768 * 3_600, 262_144 * 3_600),
    2**40,
)
"""The longest duration of each class: an hour, 8 hours, 64, ... 30 years, everything."""
UNBOUNDED_M: Final = 1_000_000_000
"""Above every height that can be said, and every one less or more a separation."""
MAX_GROUPS: Final = 2**20

_E4: Final = 10_000
TURN_E4: Final = 360 * _E4
"""A whole turn, in the units of a box."""
_POLE: Final = 90 * _E4
_SIZES: Final = tuple(2_000 * 4**level for level in range(5))
"""Height of a row in units of 1e-4 degree, by level; one more level has the whole Earth."""
_WHOLE: Final = len(_SIZES)
_EPOCH: Final = from_unix_s(0)
_SECOND: Final = timedelta(seconds=1)
_SPARE_M: Final = 1.0
"""Added to every distance and height: far above what the exact rule's own rounding can add."""
_HIGH_DEG: Final = 80.0
"""Beyond, and round a pole, a cap is boxed instead of a ring."""
_SHORT: Final = 64
_CELL_BITS: Final = 22
_CLASS_BITS: Final = 3
_LEVEL_BITS: Final = 3


class Box(NamedTuple):
    """All of a volume, and a little more: in 1e-4 degrees, whole metres, whole POSIX seconds; closed.

    ``west`` is in [-180, 180) degrees; ``east`` counts on from it, past 180 if need be, by at most a turn.
    """

    south: int
    west: int
    north: int
    east: int
    floor_m: int
    ceiling_m: int
    start_s: int
    end_s: int


class Slot(NamedTuple):
    """Where a volume is kept: level and class, and its cells at that level."""

    level: int
    duration: int
    cells: tuple[int, ...]


class Search(NamedTuple):
    """What a question must visit in one class: starts within a range, under keys or within spans of keys."""

    first_start_s: int
    last_start_s: int
    keys: list[int]
    spans: list[tuple[int, int]]


def find_box(volume: Volume, *, lateral_m: float = 0.0, vertical_m: float = 0.0, time_s: float = 0.0) -> Box:
    """Return the box of a volume widened in each direction."""
    south, west, north, east = _find_ground(volume.outline, lateral_m)
    floor_m, ceiling_m = volume.heights.floor_m, volume.heights.ceiling_m
    reach_m, reach_s = vertical_m + _SPARE_M, math.ceil(time_s)
    since, until = volume.window.start_utc - _EPOCH, volume.window.end_utc - _EPOCH
    return Box(
        south,
        west,
        north,
        east,
        -UNBOUNDED_M if floor_m is None else math.floor(floor_m - reach_m),
        UNBOUNDED_M if ceiling_m is None else math.ceil(ceiling_m + reach_m),
        since // _SECOND - reach_s,
        -(-until // _SECOND) + reach_s,
    )


def is_met(a: Box, b: Box) -> bool:
    """Return whether two boxes have a point in common."""
    return (
        a.start_s <= b.end_s
        and b.start_s <= a.end_s
        and a.floor_m <= b.ceiling_m
        and b.floor_m <= a.ceiling_m
        and a.south <= b.north
        and b.south <= a.north
        and any(a.west <= b.east + turn and b.west + turn <= a.east for turn in (-TURN_E4, 0, TURN_E4))
    )


def find_slot(box: Box) -> Slot:
    """Return where a volume with this box is kept."""
    lasts_s = box.end_s - box.start_s
    duration = next(place for place, most in enumerate(LASTS_S) if lasts_s <= most)
    for level in range(_WHOLE):
        if (box.north - box.south) // _SIZES[level] > FEW:
            continue
        runs = _list_runs(box, level)
        if sum(last - first + 1 for first, last in runs) <= FEW:
            return Slot(level, duration, tuple(cell for run in runs for cell in range(run[0], run[1] + 1)))
    return Slot(_WHOLE, duration, (_FIRST[_WHOLE][0],))


def find_searches(box: Box, group: int, held: Iterable[tuple[int, int]]) -> list[Search]:
    """Return what a question with this (widened) box must visit.

    Args:
        group: Number of the group asked about.
        held: Levels and classes that hold anything of the group.
    """
    cells: dict[int, tuple[list[int], list[tuple[int, int]]]] = {}
    found: dict[int, Search] = {}
    for level, duration in held:
        search = found.get(duration)
        if search is None:
            # One second more on each side: starts and durations are of boxes, which are rounded outward.
            first_s = box.start_s - LASTS_S[duration] - 1
            search = found[duration] = Search(first_s, box.end_s + 1, [], [])
        if level not in cells:
            cells[level] = _list_cells(box, level)
        stem = encode_key(group, level, duration, 0)
        named, spans = cells[level]
        search.keys.extend([stem + cell for cell in named])
        if spans:
            search.spans.extend([(stem + first, stem + last) for first, last in spans])
    return list(found.values())


def encode_key(group: int, level: int, duration: int, cell: int) -> int:
    """Return the key of a cell, below 2**48: by group, then class, then level, then row and column."""
    stem = (group << _CLASS_BITS | duration) << _LEVEL_BITS | level
    return stem << _CELL_BITS | cell


def stem_of(key: int) -> int:
    """Return what a key begins with: its group, class and level."""
    return key >> _CELL_BITS


def group_of(stem: int) -> int:
    """Return the number of the group whose keys begin with ``stem``."""
    return stem >> (_CLASS_BITS + _LEVEL_BITS)


def place_stem(group: int, stem: int) -> int:
    """Return the stem of group 0 moved to a group."""
    return group << (_CLASS_BITS + _LEVEL_BITS) | stem


def read_stem(stem: int) -> tuple[int, int]:
    """Return level and class of the keys that begin with ``stem``."""
    return stem & ((1 << _LEVEL_BITS) - 1), stem >> _LEVEL_BITS & ((1 << _CLASS_BITS) - 1)


def _list_cells(box: Box, level: int) -> tuple[list[int], list[tuple[int, int]]]:
    """Return the cells of a level that a box touches, one by one if not too many, else as a span."""
    if level == _WHOLE:
        return [_FIRST[_WHOLE][0]], []
    size, first = _SIZES[level], _FIRST[level]
    top = len(_COLUMNS[level]) - 1
    low, high = min((box.south + _POLE) // size, top), min((box.north + _POLE) // size, top)
    if high - low < MANY:
        named: list[int] = []
        for begin, last in _list_runs(box, level):
            if last - begin >= MANY - len(named):
                break
            named.extend(range(begin, last + 1))
        else:
            return named, []
    return [], [(first[low], first[high + 1] - 1)]


def _list_runs(box: Box, level: int) -> list[tuple[int, int]]:
    """Return the first and last cell of each run of neighbours that a box touches in the rows of a level."""
    size, first, columns = _SIZES[level], _FIRST[level], _COLUMNS[level]
    top = len(columns) - 1
    runs = []
    for row in range(min((box.south + _POLE) // size, top), min((box.north + _POLE) // size, top) + 1):
        count, begin = columns[row], first[row]
        west = (box.west + TURN_E4 // 2) * count // TURN_E4
        east = (box.east + TURN_E4 // 2) * count // TURN_E4
        if east - west >= count - 1:
            runs.append((begin, begin + count - 1))
        elif east < count:
            runs.append((begin + west, begin + east))
        else:  # over the antimeridian
            runs.append((begin + west, begin + count - 1))
            runs.append((begin, begin + east - count))
    return runs


def _find_ground(outline: Outline, lateral_m: float) -> tuple[int, int, int, int]:
    """Return south, west, north, east of an outline widened by ``lateral_m``.

    Geodetic latitude and longitude are the coordinates of the surface's normals on a sphere of radius 1. On a
    line of s metres the normal turns by at most s / `TIGHTEST_RADIUS_M`: the footprint's reach there.
    """
    reach = (outline.margin_m + lateral_m + _SPARE_M) / TIGHTEST_RADIUS_M
    if isinstance(outline, Circle):
        # Its ring, which is its middle, is not made for this: most circles never need it.
        (south, west) = (north, east) = outline.centre
    else:
        ring = outline.ring
        lat, lon, length_m = ring.lat_deg, ring.lon_deg, ring.length_m
        south, north = _span(lat)
        west, east = _span(lon)
        # Along a piece, longitude only grows or only falls; latitude rises above both ends by at most its
        # bulge, s^2 tan(lat) / 8 R: taken twice. A ring with less than half a turn between its longitudes,
        # and away from the poles, goes round neither a pole nor the antimeridian: its inside lies between
        # them too.
        longest_m = _span(length_m)[1]
        bulge_m = longest_m * longest_m / (4 * TIGHTEST_RADIUS_M)
        reach += bulge_m * math.tan(math.radians(_HIGH_DEG)) / TIGHTEST_RADIUS_M
    high = max(abs(south), abs(north))
    if high > _HIGH_DEG or east - west >= 180.0:
        return _find_cap(outline, lateral_m)
    return _widen(south, west, north, east, reach)


def _span(values: NDArray[np.float64]) -> tuple[float, float]:
    if len(values) > _SHORT:
        return float(values.min()), float(values.max())
    # An array's own minimum takes longer to begin than so many numbers to look at.
    listed = values.tolist()
    return min(listed), max(listed)


def _find_cap(outline: Outline, lateral_m: float) -> tuple[int, int, int, int]:
    """Return the same of the cap round the outline's ring, which holds its inside too."""
    ring = outline.ring
    lat, lon = to_latlon(*ring.cap_centre)
    line_m = longest_line_from_chord_m(ring.cap_chord_m + _SPARE_M)
    reach = (line_m + outline.margin_m + lateral_m + _SPARE_M) / TIGHTEST_RADIUS_M
    return _widen(lat, lon, lat, lon, reach)


def _widen(south: float, west: float, north: float, east: float, reach: float) -> tuple[int, int, int, int]:
    """Return a region of the sphere of radius 1 widened by an angle, rounded outward."""
    high = math.radians(max(abs(south), abs(north)))
    low_e4 = 2 * _POLE if reach >= math.pi else math.ceil(math.degrees(reach) * _E4) + 1
    bottom = max(-_POLE, math.floor(south * _E4) - low_e4)
    top = min(_POLE, math.ceil(north * _E4) + low_e4)
    if high + reach >= math.pi / 2 - 1e-6:
        return bottom, -TURN_E4 // 2, top, TURN_E4 // 2
    # The widest reach in longitude of a cap about a point at this latitude.
    aside = math.ceil(math.degrees(math.asin(math.sin(reach) / math.cos(high))) * _E4) + 1
    left, right = math.floor(west * _E4) - aside, math.ceil(east * _E4) + aside
    if right - left >= TURN_E4:
        return bottom, -TURN_E4 // 2, top, TURN_E4 // 2
    begin = (left + TURN_E4 // 2) % TURN_E4 - TURN_E4 // 2
    return bottom, begin, top, begin + right - left


def _count_columns(size: int) -> tuple[int, ...]:
    """Return the number of cells in each row of a level."""
    counts = []
    for row in range(-(-2 * _POLE // size)):
        away = max(abs(row * size - _POLE), abs((row + 1) * size - _POLE))
        # A trifle less, so that no machine's cosine rounds over a whole number that another's does not.
        counts.append(
            max(1, math.floor(TURN_E4 * math.cos(math.radians(min(away, _POLE) / _E4)) / size - 1e-5))
        )
    return tuple(counts)


def _number_rows(counts: Sequence[Sequence[int]]) -> tuple[tuple[int, ...], ...]:
    """Return the number of each row's first cell, level by level, and one after the last."""
    numbered, begin = [], 0
    for level in counts:
        numbered.append(tuple(accumulate(level, initial=begin)))
        begin = numbered[-1][-1]
    return tuple(numbered)


_COLUMNS: Final = (*(_count_columns(size) for size in _SIZES), (1,))
_FIRST: Final = _number_rows(_COLUMNS)
if _FIRST[-1][-1] > 1 << _CELL_BITS or len(LASTS_S) > 1 << _CLASS_BITS or _WHOLE >= 1 << _LEVEL_BITS:
    raise AssertionError("cells: expected every cell, class and level to fit its place in a key")
