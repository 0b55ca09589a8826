"""A sweep: from the cells of a grid to the pairs that may meet, and from these to the pairs that do.

What it is for: of a million volumes, 5 x 10^11 pairs. Space alone or time alone leaves 10^8 of them; cells
of a grid swept in time leave some 10^5.

Invariants:
  * Every two boxes that meet in latitude, longitude, height and time are proposed exactly once: a pair is
    taken in the cell where its common low corner lies.
  * Work goes on where it stopped when the room for pairs is full: memory is the caller's.

It decides nothing by itself: `entente.space.bulk.decide` does.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from entente.space.bulk.boxes import HALF_TURN_E7, TURN_E7
from entente.space.bulk.compiled import Array, Number, compiled
from entente.space.bulk.crowd import CROWD, LANES, divide_crowd, load_small_cell, no_crowd
from entente.space.bulk.decide import MEETS, UNSURE, Geometry, decide_pair
from entente.space.bulk.grid import LAST, QUARTER_TURN_E7, Numbers, Rule

AHEAD: Final = 512
"""Pairs proposed before they are decided: their vertices are fetched together."""


@compiled
def load_cell(
    entries: Array, boxes: Array, order: Array, base_lat: int, base_lon: int, lanes: Array, rows: Array
) -> bool:
    """Lay a cell's boxes side by side, places counted from the cell's corner.

    Args:
        lanes: int32, shape (8, entries + `LANES`), written: as the columns of ``boxes``.
        rows: int32, written: each entry's row in the table; of finer volumes ``-1 - row``.

    Returns:
        Whether there are finer volumes among them.
    """
    count = len(entries)
    has_guests = False
    for at in range(count):
        row = entries[at]
        if row < 0:
            row = -1 - row
            rows[at] = -1 - order[row]
            has_guests = True
        else:
            rows[at] = order[row]
        lanes[0, at] = boxes[row, 0] - base_lat
        lanes[1, at] = boxes[row, 1] - base_lat
        low = np.int64(boxes[row, 2]) - base_lon
        if low >= HALF_TURN_E7:
            low -= TURN_E7
        elif low < -HALF_TURN_E7:
            low += TURN_E7
        lanes[2, at] = low
        lanes[3, at] = low + (np.int64(boxes[row, 3]) - boxes[row, 2])
        for lane in range(4, 8):
            lanes[lane, at] = boxes[row, lane]
    for at in range(count, count + LANES):
        lanes[4, at] = LAST
    return has_guests


@compiled
def sweep_cell(
    rows: Array,
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

    Returns:
        Entry and mate to go on with (``at == count``: the cell is done), and how many pairs there are now.
    """
    lat0, lat1, lon0, lon1 = lanes[0], lanes[1], lanes[2], lanes[3]
    start, end, floor, ceiling = lanes[4], lanes[5], lanes[6], lanes[7]
    while at < count:
        low_lat, high_lat, low_lon, high_lon = lat0[at], lat1[at], lon0[at], lon1[at]
        until, low, high = end[at], floor[at], ceiling[at]
        entry = rows[at]
        row = entry if entry >= 0 else -1 - entry
        while other < count:
            # Unsigned places: numba need not ask whether they count from the end, and looks at all lanes at
            # once.
            base = np.uint64(other)
            is_any = np.int32(0)
            for lane in range(LANES):
                place = base + np.uint64(lane)
                is_any |= np.int32(
                    (lat0[place] <= high_lat)
                    & (lat1[place] >= low_lat)
                    & (lon0[place] <= high_lon)
                    & (lon1[place] >= low_lon)
                    & (start[place] < until)
                    & (floor[place] <= high)
                    & (ceiling[place] >= low)
                )
            if is_any:
                for lane in range(min(LANES, count - other)):
                    place = base + np.uint64(lane)
                    if (
                        lat0[place] <= high_lat
                        and lat1[place] >= low_lat
                        and lon0[place] <= high_lon
                        and lon1[place] >= low_lon
                        and start[place] < until
                        and floor[place] <= high
                        and ceiling[place] >= low
                        # The common low corner lies in this cell: in no other is the pair taken.
                        and max(lat0[place], low_lat) >= 0
                        and max(lon0[place], low_lon) >= 0
                    ):
                        mate = rows[place]
                        if has_guests and entry < 0 and mate < 0:
                            continue
                        mate = mate if mate >= 0 else -1 - mate
                        if split > 0 and (row < split) == (mate < split):
                            continue
                        if found == len(one):
                            return at, other + lane, found
                        one[found] = row
                        two[found] = mate
                        found += 1
            if start[base + np.uint64(LANES - 1)] >= until:
                break
            other += LANES
        at += 1
        other = at + 1
    return at, other, found


@compiled
def decide_block(
    table: Geometry,
    numbers: Numbers,
    is_exact: bool,
    rule: Rule,
    own_cm: Array,
    count: int,
    one: Array,
    two: Array,
    scratch: Array,
    places: Array,
    first: Array,
    second: Array,
    unsure: Array,
) -> None:
    """Decide proposed pairs: sure ones are appended to ``first`` and ``second``, the others to ``unsure``.

    Args:
        is_exact: Whether what the sweep compared in time and height was not rounded, and nothing has a
            radius.
        places: int64, shape (3,), written: how many of each there are.
    """
    points, shapes = table[0], table[4]
    radius_cm, floor_cm, ceiling_cm, start_us, end_us = numbers
    lateral_m, vertical_cm, time_us = rule
    # Ask for the vertices of all of them at once: fetched one by one, waiting would take longer than
    # deciding.
    touched = np.int32(0)
    for at in range(count):
        a, b = one[at], two[at]
        begin, other = shapes[a, 4], shapes[b, 4]
        touched ^= (
            points[begin, 0] ^ points[begin + shapes[a, 5] // 2, 0] ^ points[begin + shapes[a, 5] - 1, 0]
        )
        touched ^= (
            points[other, 0] ^ points[other + shapes[b, 5] // 2, 0] ^ points[other + shapes[b, 5] - 1, 0]
        )
    places[2] ^= touched
    for at in range(count):
        a, b = one[at], two[at]
        reach_m = lateral_m
        if not is_exact:
            own = own_cm[a] + own_cm[b] if len(own_cm) > 1 else 2 * own_cm[0]
            if max(start_us[a], start_us[b]) - min(end_us[a], end_us[b]) >= time_us:
                continue
            if max(floor_cm[a], floor_cm[b]) - min(ceiling_cm[a], ceiling_cm[b]) > vertical_cm + own:
                continue
            reach_m += 0.01 * (radius_cm[a] + radius_cm[b] + own)
        answer = decide_pair(table, a, b, reach_m, scratch)
        if answer == MEETS:
            first[places[0]] = min(a, b)
            second[places[0]] = max(a, b)
            places[0] += 1
        elif answer == UNSURE:
            unsure[places[1], 0] = min(a, b)
            unsure[places[1], 1] = max(a, b)
            places[1] += 1


@compiled
def sweep_cells(
    cells: Array,
    state: Array,
    starts: Array,
    entries: Array,
    boxes: Array,
    order: Array,
    grid: tuple[Number, Array, Array],
    split: int,
    table: Geometry,
    numbers: Numbers,
    is_exact: bool,
    rule: Rule,
    own_cm: Array,
    lanes: Array,
    rows: Array,
    scratch: Array,
    one: Array,
    two: Array,
    places: Array,
    first: Array,
    second: Array,
    unsure: Array,
) -> None:
    """Sweep cells and decide what is proposed, until all are done or the room for pairs is nearly full.

    Args:
        cells: int64, shape (k,): those to be swept, in this order.
        state: int64, shape (4,): which, which small cell of it, entry and mate to go on with; written. All
            done when the first is k.
        starts: Where each cell's entries begin; shape (all cells + 1,).
        grid: (height, columns, first cell of each row).
        first, second: int32, at least `AHEAD` long; `unsure` int32, shape (the same, 2).
    """
    height, columns, first_cell = grid
    if min(len(first) - places[0], len(unsure) - places[1]) < AHEAD:
        return
    small, names = np.empty((8, 0), dtype=np.int32), np.empty(0, dtype=np.int32)
    begins, chosen, souths, wests, by_height = no_crowd()
    found = 0
    which, heap, at, other = state[0], state[1], state[2], state[3]
    while which < len(cells):
        cell = cells[which]
        count = starts[cell + 1] - starts[cell]
        band = np.searchsorted(first_cell, cell, side="right") - 1
        column = cell - first_cell[band]
        base_lat = band * height - QUARTER_TURN_E7
        base_lon = -(-(column * TURN_E7) // columns[band])
        members = entries[starts[cell] : starts[cell + 1]]
        has_guests = load_cell(members, boxes, order, base_lat, base_lon - HALF_TURN_E7, lanes, rows)
        heaps = 1
        is_crowd = count >= CROWD
        if is_crowd:
            width = -(-((column + 1) * TURN_E7) // columns[band]) - base_lon
            begins, chosen, souths, wests, by_height = divide_crowd(lanes, count, height, width)
            heaps = len(souths)
            if small.shape[1] < count + LANES:
                small, names = np.empty((8, count + LANES), dtype=np.int32), np.empty(count, dtype=np.int32)
        while heap < heaps:
            if is_crowd:
                some = chosen[begins[heap] : begins[heap + 1]]
                load_small_cell(lanes, rows, some, souths[heap], wests[heap], by_height, small, names)
                current, current_rows, size = small, names, len(some)
            else:
                current, current_rows, size = lanes, rows, count
            while at < size:
                at, other, found = sweep_cell(
                    current_rows, size, has_guests, current, at, other, split, found, one, two
                )
                if found == len(one):
                    decide_block(
                        table,
                        numbers,
                        is_exact,
                        rule,
                        own_cm,
                        found,
                        one,
                        two,
                        scratch,
                        places,
                        first,
                        second,
                        unsure,
                    )
                    found = 0
                    if min(len(first) - places[0], len(unsure) - places[1]) < AHEAD:
                        state[0], state[1], state[2], state[3] = which, heap, at, other
                        return
            heap += 1
            at, other = 0, 1
        which += 1
        heap = 0
    decide_block(
        table,
        numbers,
        is_exact,
        rule,
        own_cm,
        found,
        one,
        two,
        scratch,
        places,
        first,
        second,
        unsure,
    )
    state[0], state[1], state[2], state[3] = which, 0, 0, 1
