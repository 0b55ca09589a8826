"""Held and asked tokens: how cells of different sizes find each other.

What it is for: one side makes the tokens that its cells are *held* by, the other those it *asks* for. They
have one in common exactly when a cell of one overlaps a cell of the other.

Invariants:
  * Two cells that overlap share a token; a token is shared only by cells that overlap. Both tested.
  * Computed from the cells and the grid alone: an auditor who has the cells has the tokens.

Which sizes are lifted to where is `entente.blind.lift_plan`.

    >>> held_tokens(ours, grid).shape
    (51234, 16)
"""

from __future__ import annotations

import numpy as np

from entente.blind.cells import (
    Ints,
    Numbers,
    Rows,
    join_high,
    pack_rows,
    split_high,
    unpack_rows,
)
from entente.blind.grid import Grid
from entente.blind.lift_plan import Lift, Size, meet_sizes
from entente.kernel.errors import Malformed


def held_tokens(cells: Rows, grid: Grid) -> Rows:
    """Return what a holder of ``cells`` puts under its key: rows sorted, each once."""
    return _pack(_lift_all(cells, grid, grid.lifts.held))


def asked_tokens(cells: Rows, grid: Grid) -> Rows:
    """Return what who covers its plan by ``cells`` asks a holder for: rows sorted, each once."""
    return _pack(_lift_all(cells, grid, grid.lifts.asked))


def find_askers(cells: Rows, grid: Grid, tokens: Rows) -> Rows:
    """Return those of ``cells`` that ask for one of ``tokens``: where a hit lies in one's own plan."""
    return _find_under(cells, grid, grid.lifts.asked, tokens)


def find_holders(cells: Rows, grid: Grid, tokens: Rows) -> Rows:
    """Return those of ``cells`` that are held by one of ``tokens``."""
    return _find_under(cells, grid, grid.lifts.held, tokens)


def find_uncovered(least: Rows, cells: Rows, grid: Grid) -> Rows:
    """Return those of ``least`` that no cell of ``cells`` holds: what a cover leaves out."""
    kinds = split_high(unpack_rows(cells)[0])[0]
    present = [(place, grid.sizes[place]) for place in np.unique(kinds).tolist()]
    lifts = tuple(
        tuple((place, large) for place, large in present if meet_sizes(size, large) == large)
        for size in grid.sizes
    )
    held = _find_under(least, grid, lifts, cells)
    wanted, known = _to_void(least), _to_void(held)
    return least[~np.isin(wanted, known)]


def _find_under(cells: Rows, grid: Grid, lifts: tuple[tuple[Lift, ...], ...], tokens: Rows) -> Rows:
    wanted = np.sort(_to_void(tokens))
    found = np.zeros(len(cells), dtype=np.bool_)
    if len(wanted):
        for chosen, high, low in _lift_all(cells, grid, lifts):
            made = _to_void(np.stack((high, low), axis=1).astype(">u8").view(np.uint8).reshape(-1, 16))
            place = np.minimum(np.searchsorted(wanted, made), len(wanted) - 1)
            found[chosen[wanted[place] == made]] = True
    return cells[found]


def _to_void(rows: Rows) -> np.ndarray[tuple[int], np.dtype[np.bytes_]]:
    """Return rows as what numpy compares bytewise; zeros at the end, which it drops, differ in no way."""
    return np.ascontiguousarray(rows).view("S16").reshape(-1)


def _lift_all(
    cells: Rows, grid: Grid, lifts: tuple[tuple[Lift, ...], ...]
) -> list[tuple[Ints, Numbers, Numbers]]:
    """Return, for each size and kind, which cells were lifted and to what."""
    high, low = unpack_rows(cells)
    kind, band, slot = split_high(high)
    if len(kind) and int(kind.max()) >= len(grid.sizes):
        raise Malformed("bad-cell", f"cells: expected sizes below {len(grid.sizes)}, got {int(kind.max())}")
    made = []
    for place, size in enumerate(grid.sizes):
        chosen = np.flatnonzero(kind == place)
        if not len(chosen):
            continue
        # One lift serves every kind that meets there.
        seen: dict[Size, tuple[Ints, Ints, Numbers]] = {}
        for number, meet in lifts[place]:
            if meet not in seen:
                seen[meet] = (
                    band[chosen] // (meet.band_cm // size.band_cm),
                    slot[chosen] // (meet.bin_s // size.bin_s),
                    low[chosen] >> np.uint64(2 * (size.level - meet.level)),
                )
            lifted = seen[meet]
            made.append((chosen, join_high(number, lifted[0], lifted[1]), lifted[2]))
    return made


def _pack(parts: list[tuple[Ints, Numbers, Numbers]]) -> Rows:
    none = np.zeros(0, dtype=np.uint64)
    return pack_rows(
        np.concatenate([none, *(part[1] for part in parts)]),
        np.concatenate([none, *(part[2] for part in parts)]),
    )
