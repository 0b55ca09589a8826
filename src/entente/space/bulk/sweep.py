"""A sweep: from the cells of a grid to the pairs that may meet, and from these to the pairs that do.

What it is for: of a million volumes, 5 x 10^11 pairs. Space alone or time alone leaves 10^8 of them; cells
of a grid swept in time leave some 10^5.

Invariants:
  * Every two boxes that meet in latitude, longitude, height and time are proposed exactly once: a pair is
    taken in the cell where its common low corner lies.
  * Work goes on where it stopped when the room for pairs is full: memory is the caller's.

It decides nothing by itself: `entente.space.bulk.block` does.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from entente.space.bulk.block import (
    NO_PLANE,
    NOT_TRIED,
    Asked,
    Laying,
    Out,
    Pairs,
    decide_block,
    row_of,
)
from entente.space.bulk.boxes import HALF_TURN_E7, TURN_E7
from entente.space.bulk.compiled import Array, Number, bare, compiled
from entente.space.bulk.crowd import CROWD, LANES, divide_crowd, load_small_cell, no_crowd
from entente.space.bulk.decide import Geometry
from entente.space.bulk.grid import CELL_E7, LAST, QUARTER_TURN_E7
from entente.space.bulk.laid import find_frame

AHEAD: Final = 512
"""Pairs proposed before they are decided: their corners are fetched together."""
SPREAD: Final = 8_192
"""Entries of several cells that may be looked at together."""
_LANE_OF: Final = np.zeros(19, dtype=np.int64)
"""Which power of two it is, by the rest of a division by 19: they leave different ones."""
_LANE_OF[2 ** np.arange(LANES) % 19] = np.arange(LANES)


@bare
def load_cell(
    entries: Array,
    begin: int,
    count: int,
    boxes: Array,
    corner: tuple[int, int],
    lanes: Array,
    rows: Array,
    base: int,
) -> Number:
    """Lay a cell's boxes side by side, places counted from the cell's corner.

    Args:
        entries, begin, count: The cell's are ``count`` from ``begin`` on.
        corner: Latitude and longitude.
        lanes: int32, shape (8, at least count + `LANES`), written: as the columns of ``boxes``.
        rows: int32, written from ``base`` on: the entries.

    Returns:
        Whether there are finer volumes among them.
    """
    has_guests: Number = False
    base_lat, base_lon = corner
    # All at once: one after the other, waiting for them would take longer than all the rest.
    touched = np.int32(0)
    for one in range(begin, begin + count):
        touched = np.int32(touched ^ boxes[np.uint64(row_of(entries[np.uint64(one)])), 7])
    lanes[4, 0] = touched
    for one in range(count):
        at = np.uint64(one)
        entry = np.int64(entries[np.uint64(begin) + at])
        rows[np.uint64(base) + at] = entry
        has_guests |= entry < 0
        row = np.uint64(row_of(entry))
        lanes[0, at] = boxes[row, 0] - base_lat
        lanes[1, at] = boxes[row, 1] - base_lat
        low = np.int64(boxes[row, 2]) - base_lon
        if low >= HALF_TURN_E7:
            low -= TURN_E7
        if low < -HALF_TURN_E7:
            low += TURN_E7
        lanes[2, at] = low
        lanes[3, at] = low + (np.int64(boxes[row, 3]) - boxes[row, 2])
        for lane in range(4, 8):
            lanes[lane, at] = boxes[row, lane]
    for beyond in range(count, count + LANES):
        lanes[4, beyond] = LAST
    return has_guests


@bare
def sweep_cell(
    rows: Array,
    base: int,
    count: int,
    has_guests: bool,
    lanes: Array,
    at: int,
    other: int,
    split: int,
    found: int,
    one: Array,
    two: Array,
) -> tuple[int, int, int]:
    """Propose a cell's pairs from entry ``at`` and its mate ``other`` on, to its end or while there is room.

    Args:
        rows, base, count: The cell's entries are ``count`` from ``base`` on.
        one, two: int32, written: places among the entries.

    Returns:
        Entry and mate to go on with (``at == count``: the cell is done), and how many pairs there are now.
    """
    while at < count:
        step = np.uint64(at)
        low_lat, high_lat, low_lon, high_lon = lanes[0, step], lanes[1, step], lanes[2, step], lanes[3, step]
        last, low, high = lanes[5, step] - 1, lanes[6, step], lanes[7, step]
        entry = rows[np.uint64(base) + step]
        row = row_of(entry)
        while other < count:
            # Unsigned places: numba need not ask whether they count from the end. Kept to 32 bits: else half
            # as many are compared at a time. What is compared fits, and no difference runs over.
            begin = np.uint64(other)
            mates = np.int32(0)
            for lane in range(LANES):
                place = begin + np.uint64(lane)
                apart = np.int32(
                    np.int32(high_lat - lanes[0, place])
                    | np.int32(lanes[1, place] - low_lat)
                    | np.int32(high_lon - lanes[2, place])
                    | np.int32(lanes[3, place] - low_lon)
                    | np.int32(last - lanes[4, place])
                    | np.int32(high - lanes[6, place])
                    | np.int32(lanes[7, place] - low)
                    # The common low corner lies in this cell: in no other is the pair taken.
                    | (lanes[0, place] & low_lat)
                    | (lanes[2, place] & low_lon)
                )
                mates = np.int32(mates | np.int32(np.int32(apart >= 0) << np.int32(lane)))
            while mates:
                bit = mates & -mates
                mates = np.int32(mates ^ bit)
                lane_of = _LANE_OF[np.uint64(bit) % np.uint64(19)]
                mate = rows[np.uint64(base + lane_of) + begin]
                if has_guests and entry < 0 and mate < 0:
                    continue
                mate = row_of(mate)
                if split > 0 and (row < split) == (mate < split):
                    continue
                if found == len(one):
                    return at, other + lane_of, found
                one[found] = at
                two[found] = other + lane_of
                found += 1
            if lanes[4, begin + np.uint64(LANES - 1)] > last:
                break
            other += LANES
        at += 1
        other = at + 1
    return at, other, found


@bare
def find_cell(
    cell: int, band: Number, height: Number, columns: Array, first_cell: Array
) -> tuple[Number, Number, Number, Number]:
    """Return a cell's row of the grid, sought from ``band`` on, its corner, and its width."""
    if cell < first_cell[band]:
        band = np.int64(0)
    while first_cell[band + 1] <= cell:
        band += 1
    column = cell - first_cell[band]
    west = -(-(column * TURN_E7) // columns[band])
    east = -(-((column + 1) * TURN_E7) // columns[band])
    return band, band * height - QUARTER_TURN_E7, west - HALF_TURN_E7, east - west


@bare
def name_pairs(pairs: Pairs, begin: int, end: int, base: int, plane: int) -> None:
    """Say of proposed pairs where their cell's entries begin, and what plane is theirs."""
    for pair in range(begin, end):
        pairs[0][pair] += base
        pairs[1][pair] += base
        pairs[2][pair] = plane


@compiled
def sweep_cells(
    cells: Array,
    state: Array,
    starts: Array,
    entries: Array,
    boxes: Array,
    grid: tuple[Number, Array, Array],
    table: Geometry,
    asked: Asked,
    room: tuple[Array, Array, Array],
    rows: Array,
    pairs: Pairs,
    frames: Array,
    laying: Laying,
    scratch: Array,
    out: Out,
) -> None:
    """Sweep cells and decide what is proposed, until all are done or the room for pairs is nearly full.

    Args:
        cells: int64, shape (k,): those to be swept, in this order.
        state: int64, shape (4,): which, which small cell of it, entry and mate to go on with; written. All
            done when the first is k.
        starts: Where each cell's entries begin; shape (all cells + 1,).
        grid: (height, columns, first cell of each row).
        room: (lanes, small, names) for the fullest cell: see `load_cell` and `load_small_cell`.
        rows: int32, room for the entries of the fullest cell, or of several others.
        frames: float64, shape (`AHEAD`, 6): the planes of cells that have pairs.
        out: (places, first, second, unsure): int64, shape (3,), how many of each there are; int32, at least
            `AHEAD` long; int32, shape (the same, 2).
    """
    height, columns, first_cell = grid
    split, laid = asked[5], laying[3]
    lanes, small, names = room
    one, two, _ = pairs
    places, first, _, unsure = out
    begins, chosen, souths, wests, by_height = no_crowd()
    which, heap, at, other = state[0], state[1], state[2], state[3]
    lat0 = lon0 = np.int64(0)
    base = count = size = heaps = found = used = planes = 0
    loaded: Number = np.int64(-1)
    band: Number = np.int64(0)
    is_loaded = has_guests = is_crowd = False
    plane = NO_PLANE
    while which < len(cells) and min(len(first) - places[0], len(unsure) - places[1]) >= AHEAD:
        while which < len(cells) and found < len(one):
            if not is_loaded:
                cell = cells[which]
                count = starts[cell + 1] - starts[cell]
                if base + count > len(rows):
                    break
                band, base_lat, base_lon, width = find_cell(cell, band, height, columns, first_cell)
                lat0, lon0 = base_lat + height // 2, base_lon + width // 2
                has_guests = load_cell(
                    entries, starts[cell], count, boxes, (base_lat, base_lon), lanes, rows, base
                )
                for place in range(base, base + count):
                    laid[np.uint64(place), 1] = NOT_TRIED
                heaps = 1
                loaded = np.int64(-1)
                is_loaded, plane, is_crowd = True, NO_PLANE, count >= CROWD
                if is_crowd:
                    begins, chosen, souths, wests, by_height = divide_crowd(lanes, count, height, width)
                    heaps = len(souths)
            before = found
            if is_crowd:
                some = chosen[begins[heap] : begins[heap + 1]]
                size = len(some)
                if loaded != heap:
                    load_small_cell(
                        lanes,
                        rows[base : base + count],
                        some,
                        souths[heap],
                        wests[heap],
                        by_height,
                        small,
                        names,
                    )
                    loaded = heap
                at, other, found = sweep_cell(
                    names, 0, size, has_guests, small, at, other, split, found, one, two
                )
                for pair in range(before, found):
                    one[pair], two[pair] = some[one[pair]], some[two[pair]]
            else:
                size = count
                at, other, found = sweep_cell(
                    rows, base, size, has_guests, lanes, at, other, split, found, one, two
                )
            if found > before and height == CELL_E7 and plane == NO_PLANE:
                find_frame(lat0, lon0, frames, planes)
                plane, planes = planes, planes + 1
            name_pairs(pairs, before, found, base, plane)
            if at == size:
                heap += 1
                at, other = 0, 1
                if heap == heaps:
                    which, heap, base, is_loaded = which + 1, 0, base + count, False
        used = decide_block(table, asked, rows, found, pairs, frames, laying, used, scratch, out)
        found = 0
        if not is_loaded:
            base = used = planes = 0
        elif plane != NO_PLANE:
            frames[0] = frames[plane]
            plane, planes = 0, 1
    state[0], state[1], state[2], state[3] = which, heap, at, other
