"""A grid over the Earth, on several levels: which volumes stand in which cell.

What it is for: what is far apart need not be compared. A volume stands on the level whose cells are as
large as it is, in each cell that it touches: in at most nine.

Invariants:
  * Cells are as wide at every latitude as they are high, and at least three go round.
  * A cell's entries stand in the order of their starts; finer volumes stand with coarser ones, where there
    are any.
  * Boxes hold what they stand for: rounded outward, and widened by what a volume reaches.

It compares nothing: see `entente.space.bulk.sweep`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from entente.space.bulk.boxes import E7_PER_M, HALF_TURN_E7, TURN_E7, low_cos, widest_cos
from entente.space.bulk.compiled import Array, Number, compiled, inlined
from entente.space.bulk.table import E7, UNBOUNDED_CM, Ints

Numbers = tuple[Array, Array, Array, Array, Array]
"""Columns of the table: radius_cm, floor_cm, ceiling_cm, start_us, end_us."""
Rule = tuple[float, int, int]
"""Separation: lateral_m, vertical_cm, time_us."""

CELL_E7: Final = 2_000_000
"""Cells of the finest level are 0.2 degrees high: 22 km."""
FAN_OUT: Final = 4
LEVELS: Final = 5
"""Up to 51 degrees; what is larger has no box."""
NO_LEVEL: Final = 255
QUARTER_TURN_E7: Final = 900_000_000
MOST_LAT_E7: Final = 850_000_000
LAST: Final = np.int32(2_000_000_001)
"""Later than everything that the sweep compares."""
_AHEAD: Final = 128
"""Rows whose boxes are asked for together."""
_HALF_UNIT: Final = 0.5 / TURN_E7
_LARGEST: Final = 2_147_483_647
_MOST: Final = 1_000_000_000
"""Centimetres: heights between are compared by the sweep, with no difference beyond an int32."""
HIGHEST: Final = np.int32(_MOST + 1)
"""Higher than everything that the sweep compares."""


@inlined
def is_clipped(height_cm: Number) -> Number:
    """Return whether a bound, being one, is beyond what the sweep compares."""
    return abs(height_cm) > _MOST and abs(height_cm) < UNBOUNDED_CM


@compiled
def find_entries(
    shapes: Array,
    numbers: Numbers,
    rule: Rule,
    own_cm: Array,
    first_us: int,
    unit_us: int,
    boxes: Array,
    levels: Array,
) -> tuple[Number, Number]:
    """Fill in what the sweep compares, and the level on which each volume stands.

    Args:
        shapes: Of `find_boxes`.
        numbers: (radius_cm, floor_cm, ceiling_cm, start_us, end_us): columns of the table.
        rule: (lateral_m, vertical_cm, time_us): the separation.
        own_cm: int64, shape (n,) or (1,): how far each volume, or all, reach in every direction.
        first_us, unit_us: Times are counted from the first, in units, outward.
        boxes: int32, shape (n, 8), written: latitudes and longitudes, widened by what the volume reaches;
            start and end, the end put off by what must be kept; floor and ceiling, the ceiling raised
            likewise.
        levels: uint8, shape (n,), written; `NO_LEVEL` for what has no box.

    Returns:
        Whether times and heights of ``boxes`` say all that the table's do, with nothing rounded or left out;
        and whether no volume reaches beyond its rings.
    """
    is_whole = is_bare = True
    radius_cm, floor_cm, ceiling_cm, start_us, end_us = numbers
    lateral_m, vertical_cm, time_us = rule
    for row in range(len(shapes)):
        own = own_cm[row if len(own_cm) > 1 else 0]
        start, end = start_us[row] - first_us, end_us[row] + time_us - first_us
        boxes[row, 4] = start // unit_us
        boxes[row, 5] = -(-end // unit_us)
        if boxes[row, 4] * unit_us != start or boxes[row, 5] * unit_us != end:
            is_whole = False
        if radius_cm[row] > 0 or own > 0:
            is_bare = False
        low, high = floor_cm[row] - own, ceiling_cm[row] + own + vertical_cm
        if is_clipped(low) or is_clipped(high):
            is_whole = False
        # Clipped, which keeps every overlap.
        boxes[row, 6] = max(-_MOST, min(_MOST, low))
        boxes[row, 7] = max(-_MOST, min(_MOST, high))
        levels[row] = NO_LEVEL
        if shapes[row, 7] < 0:
            continue
        reach_m = 0.01 * (radius_cm[row] + own) + 0.5 * lateral_m
        low_lat, high_lat = np.int64(shapes[row, 0]), np.int64(shapes[row, 1])
        low_lon, high_lon = np.int64(shapes[row, 2]), np.int64(shapes[row, 3])
        if reach_m > 0.0:
            margin = np.int64(reach_m * E7_PER_M) + 1
            low_lat -= margin
            high_lat += margin
            top = max(abs(low_lat), abs(high_lat))
            if top > MOST_LAT_E7:
                continue
            margin = np.int64(margin / low_cos(top)) + 1
            low_lon -= margin
            high_lon += margin
            if low_lon < -HALF_TURN_E7:
                low_lon += TURN_E7
                high_lon += TURN_E7
        size = max(high_lat - low_lat, np.int64((high_lon - low_lon) * widest_cos(low_lat, high_lat)))
        level = 0
        height = np.int64(CELL_E7)
        while size > height:
            height *= FAN_OUT
            level += 1
        if level >= LEVELS or high_lon > _LARGEST:
            continue
        boxes[row, 0] = low_lat
        boxes[row, 1] = high_lat
        boxes[row, 2] = low_lon
        boxes[row, 3] = high_lon
        levels[row] = level
    return is_whole, is_bare


def list_columns(level: int) -> tuple[np.int64, Ints, Ints]:
    """Return for a level: height of its rows in 1e-7 degree, cells in each row, first cell of each row."""
    height = CELL_E7 * FAN_OUT**level
    rows = -(-HALF_TURN_E7 // height)
    edges = np.abs(np.arange(rows + 1) * height - HALF_TURN_E7 // 2)
    top = np.minimum(np.maximum(edges[:-1], edges[1:]) / E7, 90.0)
    across = 360.0 * np.maximum(np.cos(np.radians(top)), 0.0) / (height / E7)
    # Three at least: so that a place counted from a cell's corner is never ambiguous.
    columns = np.maximum(3, np.floor(across)).astype(np.int64)
    first = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(columns)))
    return np.int64(height), columns, first


@compiled
def order_by_time(boxes: Array, order: Array) -> None:
    """Fill in the rows in the order of their starts; rows of one start in their own order.

    Radix sort, eleven bits at a time, the least first.
    """
    count = len(order)
    keys = np.empty(count, dtype=np.uint64)
    other = np.empty(count, dtype=np.uint64)
    bins = np.zeros((3, 2048), dtype=np.int64)
    for row in range(count):
        start = np.uint64(boxes[row, 4])
        keys[row] = start << np.uint64(32) | np.uint64(row)
        bins[0, start & np.uint64(2047)] += 1
        bins[1, (start >> np.uint64(11)) & np.uint64(2047)] += 1
        bins[2, start >> np.uint64(22)] += 1
    places = np.empty(2048, dtype=np.int64)
    for turn in range(3):
        total = most = np.int64(0)
        for digit in range(2048):
            places[digit] = total
            total += bins[turn, digit]
            most = max(most, bins[turn, digit])
        if most == count:
            continue
        shift = np.uint64(32 + 11 * turn)
        for at in range(count):
            key = keys[at]
            digit = (key >> shift) & np.uint64(2047)
            other[places[digit]] = key
            places[digit] += 1
        keys, other = other, keys
    for at in range(count):
        order[at] = keys[at] & np.uint64(0xFFFFFFFF)


@compiled
def list_entries(
    boxes: Array,
    levels: Array,
    order: Array,
    level: int,
    height: Number,
    across_of: Array,
    first: Array,
    hosts: Array,
    counts: Array,
    cells: Array,
    rows: Array,
) -> tuple[Number, Number]:
    """List the rows of this level, and of finer ones, with each cell that they touch, in the order of time.

    Args:
        across_of: float64: cells of each row of the grid, divided by `TURN_E7`.
        hosts: Volumes of this level in each cell, where finer ones may be their guests; else empty.
        counts: Entries of each cell; counted up.
        cells, rows: int32, written as far as there is room: rows, ``-1 - row`` of finer levels.

    Returns:
        How many there are, and a number that means nothing.
    """
    rows_of = 1.0 / height
    place = 0
    touched = np.int32(0)
    for at in range(len(order)):
        if at % _AHEAD == 0:
            # All at once: one after the other, waiting for them would take longer than all the rest.
            for later in range(at, min(at + _AHEAD, len(order))):
                row = np.uint64(order[np.uint64(later)])
                touched = np.int32(touched ^ boxes[row, 0] ^ levels[row])
        row = np.uint64(order[np.uint64(at)])
        if levels[row] > level:
            continue
        is_guest = levels[row] < level
        if is_guest and len(hosts) == 0:
            continue
        # Quotients differ from the next whole number by a whole number of units, or not at all: half a unit
        # more makes floats as exact as the division of whole numbers.
        south = np.int64((np.int64(boxes[row, 0]) + (QUARTER_TURN_E7 + 0.5)) * rows_of)
        north = np.int64((np.int64(boxes[row, 1]) + (QUARTER_TURN_E7 + 0.5)) * rows_of)
        west = np.float64(np.int64(boxes[row, 2]) + HALF_TURN_E7)
        east = west + (np.int64(boxes[row, 3]) - boxes[row, 2])
        entry = -1 - np.int64(row) if is_guest else np.int64(row)
        for band in range(south, north + 1):
            across = first[band + 1] - first[band]
            begin = np.int64(west * across_of[band] + _HALF_UNIT)
            end = min(np.int64(east * across_of[band] + _HALF_UNIT), begin + across - 1)
            for column in range(begin, end + 1):
                cell = first[band] + (column if column < across else column - across)
                if is_guest and hosts[cell] == 0:
                    continue
                counts[cell] += 1
                if place < len(cells):
                    cells[place] = cell
                    rows[place] = entry
                place += 1
    return place, touched


@compiled
def gather_entries(
    cells: Array, rows: Array, count: int, counts: Array, starts: Array, busy: Array, entries: Array
) -> tuple[Number, Number]:
    """Lay the entries of each cell side by side, in the order in which they were listed.

    Args:
        cells, rows, count, counts: Of `list_entries`; ``counts`` is used up.
        starts: int64, written: where each cell's entries begin, and where the last ends.
        busy: int64, written: cells with more than one entry.

    Returns:
        How many cells are busy, and how many entries the fullest has.
    """
    total = busy_count = most = np.int64(0)
    for cell in range(len(counts)):
        size = np.int64(counts[cell])
        counts[cell] = total
        starts[cell] = total
        total += size
        if size > 1:
            busy[busy_count] = cell
            busy_count += 1
            most = max(most, size)
    starts[len(counts)] = total
    for at in range(count):
        cell = cells[at]
        entries[counts[cell]] = rows[at]
        counts[cell] += 1
    return busy_count, most
