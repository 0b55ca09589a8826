"""Crowded cells: cut into smaller ones, and swept along time or height, whichever keeps more apart.

What it is for: a cell of 22 km may hold a million drones, or a stack of a million thin layers. Swept in time
alone, each would be compared with every other that flies at the same time.

Invariants: as those of `entente.space.bulk.sweep`: each pair that meets is proposed once, in the small cell
where its common low corner lies.

Volumes that really all meet each other stay together: then the answer is as large as the work.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from entente.space.bulk.compiled import Array, Number, compiled
from entente.space.bulk.grid import HIGHEST, LAST

CROWD: Final = 2_048
"""Entries from which on a cell is divided."""
LANES: Final = 16
"""Entries compared at a time; so many more than there are stand behind the last, beyond every time."""
_FINEST: Final = 64
"""Small cells along one side, at most."""


@compiled
def count_meetings(low: Array, high: Array) -> Number:
    """Return how many pairs of intervals overlap.

    Args:
        low, high: int32, shape (n,): from, and up to but not including.
    """
    starts, ends = np.sort(low), np.sort(high)
    over = 0
    total = np.int64(0)
    for at in range(len(starts)):
        while ends[over] <= starts[at]:
            over += 1
        total += at - over
    return total


@compiled
def divide_crowd(
    lanes: Array, count: int, height: Number, width: Number
) -> tuple[Array, Array, Array, Array, bool]:
    """Divide a cell's entries among small cells.

    Args:
        lanes: int32, shape (8, at least count): see `load_cell`; sorted by time.
        height, width: Of the cell, in 1e-7 degree.

    Returns:
        Where each small cell's members begin; the members, in the order in which they are swept; latitude
        and longitude of each small cell's corner; and whether they are swept along height.
    """
    tops = lanes[7, :count] + 1
    by_height = count_meetings(lanes[6, :count], tops) < count_meetings(lanes[4, :count], lanes[5, :count])
    order = np.argsort(lanes[6, :count], kind="mergesort") if by_height else np.arange(count)
    tall = wide = np.int64(0)
    for at in range(count):
        tall += min(np.int64(lanes[1, at]) - lanes[0, at], height)
        wide += min(np.int64(lanes[3, at]) - lanes[2, at], width)
    # Twice as large as what stands in them: then each stands in some two of them.
    rows = max(1, min(_FINEST, height * count // max(1, 2 * tall)))
    columns = max(1, min(_FINEST, width * count // max(1, 2 * wide)))
    starts = np.zeros(rows * columns + 1, dtype=np.int64)
    members = np.empty(0, dtype=np.int64)
    for turn in range(2):
        for place in range(count):
            at = order[place]
            south = max(np.int64(0), np.int64(lanes[0, at]) * rows // height)
            north = min(rows - 1, np.int64(lanes[1, at]) * rows // height)
            west = max(np.int64(0), np.int64(lanes[2, at]) * columns // width)
            east = min(columns - 1, np.int64(lanes[3, at]) * columns // width)
            for row in range(south, north + 1):
                for column in range(west, east + 1):
                    cell = row * columns + column
                    if turn == 0:
                        starts[cell + 1] += 1
                    else:
                        members[starts[cell]] = at
                        starts[cell] += 1
        if turn == 0:
            for cell in range(rows * columns):
                starts[cell + 1] += starts[cell]
            members = np.empty(starts[rows * columns], dtype=np.int64)
    # What was counted up while filling goes back by one cell.
    for cell in range(rows * columns, 0, -1):
        starts[cell] = starts[cell - 1]
    starts[0] = 0
    south_of = np.empty(rows * columns, dtype=np.int64)
    west_of = np.empty(rows * columns, dtype=np.int64)
    for row in range(rows):
        for column in range(columns):
            south_of[row * columns + column] = -(-row * height // rows)
            west_of[row * columns + column] = -(-column * width // columns)
    return starts, members, south_of, west_of, by_height


@compiled
def no_crowd() -> tuple[Array, Array, Array, Array, bool]:
    """Return what `divide_crowd` would, of nothing: compiled code needs a value either way."""
    none = np.empty(0, dtype=np.int64)
    return none, none, none, none, False


@compiled
def load_small_cell(
    lanes: Array,
    rows: Array,
    members: Array,
    south: int,
    west: int,
    by_height: bool,
    small: Array,
    names: Array,
) -> None:
    """Lay the members of a small cell side by side, as `load_cell` does, counted from its own corner.

    Args:
        by_height: Heights take the place of times, closed bands made half-open, and the reverse.
        small, names: int32, written: as ``lanes`` and ``rows``.
    """
    count = len(members)
    for place in range(count):
        at = members[place]
        names[place] = rows[at]
        small[0, place] = lanes[0, at] - south
        small[1, place] = lanes[1, at] - south
        small[2, place] = lanes[2, at] - west
        small[3, place] = lanes[3, at] - west
        if by_height:
            small[4, place] = lanes[6, at]
            small[5, place] = lanes[7, at] + 1
            small[6, place] = lanes[4, at]
            small[7, place] = lanes[5, at] - 1
        else:
            for lane in range(4, 8):
                small[lane, place] = lanes[lane, at]
    for place in range(count, count + LANES):
        small[4, place] = HIGHEST if by_height else LAST
