"""What two writers must lock so that neither inserts a conflict that both do not see.

A tree of cells in latitude, longitude and time: 0.2 degrees by 12 hours, each level four times as much in
each direction, up to everything. A writer takes, of the box of its volume widened by the separation,

  * *own*: the cells that the box touches at the finest level at which these are at most `FEW_OWN`:
    exclusively;
  * *above*: all ancestors of these: shared.

Invariants:
  * Two boxes that have a point in common share a lock that at least one of them takes exclusively. Proof:
    each owns a cell that holds the point. Where both are of one level it is the same cell. Else the finer
    one's has an ancestor at the coarser level that holds the point: the coarser one's own, since cells of a
    level are disjoint.
  * No deadlock: every writer asks for each of its locks once, in the order of their numbers. Who waits for a
    number holds only smaller ones, and whoever it waits for holds that number, or stands before it in the
    same queue, or waits for a greater one. So no chain of waiting comes back to where it began.
  * Boxes of volumes that conflict under a separation have a point in common if each is widened by what its
    own writer was told to keep, its reach included (`deconflict.cells`, whose boxes are closed and rounded
    outward).

It locks nothing: `store.index_postgresql` does.

    >>> list_locks([find_question_box(volume, separation)])
    [(1170935903116328960, False), (1170936453872142336, True)]
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from entente.deconflict.cells import TURN_E4, Box

FEW_OWN: Final = 8
"""Cells that are locked exclusively, at most: two in each of three directions."""
_FINE: Final = (2_000, 43_200)
"""The finest cell, in 1e-4 degree and seconds; level k has it 4**k times as large."""
_TOP: Final = 5
"""The level that is one cell: everything."""
_SINCE_S: Final = 2**37
"""Before every moment that can be said, less every separation: no number is negative."""
_PREFIX: Final = 1 << 60
"""Apart from what else is locked in a database."""

_Cell = tuple[int, int, int, int]


def list_locks(boxes: Iterable[Box]) -> list[tuple[int, bool]]:
    """Return the numbers to lock, ascending, each with whether exclusively."""
    own: set[_Cell] = set()
    for box in boxes:
        own.update(_find_own(box))
    above = {ancestor for cell in own for ancestor in _list_above(cell)}
    locks = {encode_lock(cell): False for cell in above} | {encode_lock(cell): True for cell in own}
    return sorted(locks.items())


def encode_lock(cell: _Cell) -> int:
    """Return a cell's number: coarse levels first, so that who waits for all holds nothing."""
    level, row, column, bucket = cell
    return _PREFIX | (_TOP - level) << 50 | row << 38 | column << 26 | bucket


def _find_own(box: Box) -> list[_Cell]:
    south, north = box.south + TURN_E4 // 4, box.north + TURN_E4 // 4
    west, east = box.west + TURN_E4 // 2, box.east + TURN_E4 // 2
    # Past 180 degrees, a box goes on at the other side.
    sides = [(west, east)] if east < TURN_E4 else [(west, TURN_E4 - 1), (0, min(east - TURN_E4, west))]
    for level in range(_TOP):
        size, lasts_s = _FINE[0] << 2 * level, _FINE[1] << 2 * level
        rows = range(south // size, north // size + 1)
        buckets = range((box.start_s + _SINCE_S) // lasts_s, (box.end_s + _SINCE_S) // lasts_s + 1)
        if len(rows) * len(buckets) > FEW_OWN:
            continue
        columns = {column for low, high in sides for column in _range(low // size, high // size)}
        if len(rows) * len(buckets) * len(columns) <= FEW_OWN:
            return [(level, row, column, at) for row in rows for column in columns for at in buckets]
    return [(_TOP, 0, 0, 0)]


def _range(first: int, last: int) -> range:
    # Longer ones are too many anyhow: they need not be spelt out.
    return range(first, min(last, first + FEW_OWN) + 1)


def _list_above(cell: _Cell) -> list[_Cell]:
    level, row, column, bucket = cell
    above: list[_Cell] = []
    for higher in range(level + 1, _TOP):
        up = 2 * (higher - level)
        above.append((higher, row >> up, column >> up, bucket >> up))
    if level < _TOP:
        above.append((_TOP, 0, 0, 0))
    return above
