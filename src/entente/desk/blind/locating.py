"""Where a conflict lies in our own plan: which items, and their cells, as boxes that people read.

Invariants: everything here is of our own plan; the other side's is never known beyond which of our tokens it
holds; each item is covered as it was for the run, so that no cell is without an item.

    >>> locate(rules, "us", items, hits)
    [ConflictAnswer(item='sortie-7', cells=2, boxes=[...], added_later=False)]
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from entente.blind.cells import Cell, Numbers, Rows, parse_cells, unpack_rows
from entente.blind.lift import find_askers
from entente.blind.rules import RulesRow
from entente.desk.blind.parts import read_grid
from entente.desk.blind.plan import ItemRows, list_item_rows
from entente.desk.blind.requests import MAX_BOXES, BoxAnswer, ConflictAnswer, PlanItem
from entente.kernel.time import encode_utc


def locate(
    rules: RulesRow,
    party: str,
    items: Sequence[PlanItem],
    hits: Rows,
    *,
    listed: ItemRows | None = None,
    added_later: bool = False,
) -> list[ConflictAnswer]:
    """Return where tokens of ours that the other side holds lie, by item, in the items' order.

    Args:
        listed: The cells of these items, where they are known.
    """
    if not len(hits):
        return []
    grid = read_grid(rules.rules)
    rows = list_item_rows(rules, party, items) if listed is None else listed
    met = find_askers(rows.pack(), grid, hits)
    # Of each item's rows those that met, by their place among these, in the items' order.
    wanted, known = _join(rows.high, rows.low), _join(*unpack_rows(met))
    if not len(known):
        return []  # what met is no item's any more
    at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    chosen = np.flatnonzero(known[at] == wanted)
    chosen = chosen[np.argsort(rows.place[chosen], kind="stable")]
    places, begin = np.unique(rows.place[chosen], return_index=True)
    cells = [np.unique(mine) for mine in np.split(at[chosen], begin[1:])]
    # Many items share a cell: its box is made once.
    shown = np.unique(np.concatenate([mine[:MAX_BOXES] for mine in cells]))
    made = map(make_box, parse_cells(met[shown], grid))
    boxes = dict(zip(shown.tolist(), made, strict=True))
    return [
        ConflictAnswer(
            items[place].name, len(mine), [boxes[one] for one in mine[:MAX_BOXES].tolist()], added_later
        )
        for place, mine in zip(places.tolist(), cells, strict=True)
    ]


def _join(high: Numbers, low: Numbers) -> NDArray[np.bytes_]:
    """Return rows as values that numpy compares whole."""
    both = np.stack((high, low), axis=1).astype(">u8")
    return np.ascontiguousarray(both).view("S16").reshape(-1)


def make_box(cell: Cell) -> BoxAnswer:
    """Return the box of latitude and longitude around a cell.

    A cell on the antimeridian has its west east of its east; one around a pole has every longitude.
    """
    lats = [lat for lat, _ in cell.corners]
    lons = sorted(lon for _, lon in cell.corners)
    # The widest gap between corners, around the globe, is what the cell does not cover.
    gaps = [(after - before, before, after) for before, after in itertools.pairwise(lons)]
    gaps.append((lons[0] + 360 - lons[-1], lons[-1], lons[0]))
    width, east, west = max(gaps)
    if width < 180:
        south, north = (-90.0, max(lats)) if max(lats) < 0 else (min(lats), 90.0)
        west, east = -180.0, 180.0
    else:
        south, north = min(lats), max(lats)
    return BoxAnswer(
        south,
        west,
        north,
        east,
        cell.floor_m,
        cell.ceiling_m,
        encode_utc(cell.start_utc),
        encode_utc(cell.end_utc),
    )


def encode_conflicts(conflicts: Sequence[ConflictAnswer]) -> bytes:
    """Return them as they lie in the book."""
    return msgspec.json.encode(list(conflicts))


def parse_conflicts(data: bytes | None) -> list[ConflictAnswer]:
    """Return them out of the book."""
    return [] if data is None else msgspec.json.decode(data, type=list[ConflictAnswer])
