"""Cells and tokens: sixteen bytes each, sorted, and what they say read back.

What it is for: a cover is an array of *cells*, and what is compared are *tokens*; both are rows of
`TOKEN_BYTES` bytes (docs/formats/blind-grid.md):

    byte 0      the number of the cell's size, of a token its kind
    bytes 1-2   the number of the band
    bytes 3-7   the number of the bin, plus 2**39
    bytes 8-15  the cell of the ground: its face, then two bits a level

Invariants:
  * One cell, one row. A set of them is an array of shape (n, 16), sorted bytewise, each row once.
  * Whole numbers only: nothing here hangs on a machine's rounding.
  * A parent's number is its child's, shifted: lifting is exact.

It does not say which cells cover a volume.

    >>> parse_cells(rows, grid)[0].level
    9
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np
from numpy.typing import NDArray

from entente.blind.grid import Grid
from entente.blind.lift_plan import Size
from entente.kernel.errors import Malformed
from entente.space.ellipsoid import Floats

TOKEN_BYTES: Final = 16
BIN_BIAS: Final = 1 << 39
Rows = NDArray[np.uint8]
"""Cells or tokens: shape (n, 16)."""
Numbers = NDArray[np.uint64]
Ints = NDArray[np.int64]

FACES: Final = 6
# Of each face, as S2 has them: the axis that it stands on, and those along which u and v grow.
AXES: Final[Floats] = np.array(
    [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[0, 1, 0], [-1, 0, 0], [0, 0, 1]],
        [[0, 0, 1], [-1, 0, 0], [0, -1, 0]],
        [[-1, 0, 0], [0, 0, -1], [0, -1, 0]],
        [[0, -1, 0], [0, 0, -1], [1, 0, 0]],
        [[0, 0, -1], [0, 1, 0], [1, 0, 0]],
    ],
    dtype=np.float64,
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a cover, in what people read: where, how high and when.

    Args:
        corners: Latitude and longitude of its four corners, in degrees.
        floor_m, ceiling_m: None where the band has no end.
    """

    size: Size
    corners: tuple[tuple[float, float], ...]
    floor_m: float | None
    ceiling_m: float | None
    start_utc: datetime
    end_utc: datetime


def pack_rows(high: Numbers, low: Numbers) -> Rows:
    """Return rows of two numbers each as bytes, sorted, each once."""
    order = np.lexsort((low, high))
    high, low = high[order], low[order]
    fresh = np.ones(len(high), dtype=np.bool_)
    fresh[1:] = (high[1:] != high[:-1]) | (low[1:] != low[:-1])
    both = np.stack((high[fresh], low[fresh]), axis=1).astype(">u8")
    return both.view(np.uint8).reshape(-1, TOKEN_BYTES)


def unpack_rows(rows: Rows) -> tuple[Numbers, Numbers]:
    """Return the two numbers of each row."""
    if rows.ndim != 2 or rows.shape[1] != TOKEN_BYTES or rows.dtype != np.uint8:
        raise ValueError(f"rows: expected uint8 of shape (n, {TOKEN_BYTES}), got {rows.dtype} {rows.shape}")
    both = np.ascontiguousarray(rows).view(">u8").astype(np.uint64)
    return both[:, 0], both[:, 1]


def join_high(kind: Ints | int, band: Ints, slot: Ints) -> Numbers:
    """Return the first number of rows: kind, band, bin (counted from the origin)."""
    first = np.left_shift(np.asarray(kind, dtype=np.uint64), np.uint64(56))
    rest = np.left_shift(band.astype(np.uint64), np.uint64(40)) | (slot + BIN_BIAS).astype(np.uint64)
    return np.asarray(first | rest, dtype=np.uint64)


def split_high(high: Numbers) -> tuple[Ints, Ints, Ints]:
    """Return kind, band and bin of rows' first numbers."""
    kind = (high >> np.uint64(56)).astype(np.int64)
    band = ((high >> np.uint64(40)) & np.uint64(0xFFFF)).astype(np.int64)
    slot = (high & np.uint64((1 << 40) - 1)).astype(np.int64) - BIN_BIAS
    return kind, band, slot


def parse_cells(rows: Rows, grid: Grid) -> tuple[Cell, ...]:
    """Return the cells that the rows of a cover spell.

    Raises:
        Malformed: A row is no cell of the grid.
    """
    high, low = unpack_rows(rows)
    kind, band, slot = split_high(high)
    corners: dict[int, tuple[tuple[float, float], ...]] = {}
    for place, size in enumerate(grid.sizes):
        # Of one size all at once; a number that is none of a cell is refused below, before its corners.
        chosen = np.flatnonzero((kind == place) & (low < FACES << 2 * size.level))
        corners.update(zip(chosen.tolist(), _list_corners(low[chosen], size.level), strict=True))
    numbers = zip(kind.tolist(), band.tolist(), slot.tolist(), low.tolist(), strict=True)
    return tuple(_parse_cell(grid, corners.get(row), *each) for row, each in enumerate(numbers))


def is_cover(cells: Rows, grid: Grid) -> bool:
    """Tell whether rows are cells of a grid, each once, ascending."""
    high, low = unpack_rows(cells)
    kind, band, _ = split_high(high)
    if not bool((kind < len(grid.sizes)).all()):
        return False
    bands = np.array([(grid.highest_cm - grid.lowest_cm) // size.band_cm for size in grid.sizes], np.int64)
    places = np.array([FACES << 2 * size.level for size in grid.sizes], np.uint64)
    ascending = (high[1:] > high[:-1]) | ((high[1:] == high[:-1]) & (low[1:] > low[:-1]))
    return bool((band < bands[kind]).all() and (low < places[kind]).all() and ascending.all())


def _parse_cell(
    grid: Grid, corners: tuple[tuple[float, float], ...] | None, kind: int, band: int, slot: int, number: int
) -> Cell:
    if kind >= len(grid.sizes):
        raise Malformed("bad-cell", f"cell: expected a size below {len(grid.sizes)}, got {kind}")
    size = grid.sizes[kind]
    bands = (grid.highest_cm - grid.lowest_cm) // size.band_cm
    if band >= bands or corners is None:
        raise Malformed(
            "bad-cell",
            f"cell: expected a band below {bands} and a place below {FACES << 2 * size.level}, got"
            f" {band} and {number}",
        )
    floor_cm = grid.lowest_cm + band * size.band_cm
    try:
        start = grid.origin_utc + timedelta(seconds=slot * size.bin_s)
        end = start + timedelta(seconds=size.bin_s)
    except OverflowError as error:
        raise Malformed("bad-cell", f"cell: expected a bin within the calendar, got {slot}") from error
    return Cell(
        size,
        corners,
        None if band == 0 else floor_cm / 100,
        None if band == bands - 1 else (floor_cm + size.band_cm) / 100,
        start,
        end,
    )


def _list_corners(numbers: Numbers, level: int) -> list[tuple[tuple[float, float], ...]]:
    corners = find_corners(*split_numbers(numbers, level), level)
    lat = np.degrees(np.arctan2(corners[..., 2], np.hypot(corners[..., 0], corners[..., 1])))
    lon = np.degrees(np.arctan2(corners[..., 1], corners[..., 0]))
    return [tuple(map(tuple, each)) for each in np.stack((lat, lon), axis=2).tolist()]


def split_numbers(numbers: Numbers, level: int) -> tuple[Ints, Ints, Ints]:
    """Return face, i and j of cells of a level."""
    face = (numbers >> np.uint64(2 * level)).astype(np.int64)
    i, j = np.zeros(len(numbers), dtype=np.int64), np.zeros(len(numbers), dtype=np.int64)
    for bit in range(level):
        i |= ((numbers >> np.uint64(2 * bit + 1)) & np.uint64(1)).astype(np.int64) << bit
        j |= ((numbers >> np.uint64(2 * bit)) & np.uint64(1)).astype(np.int64) << bit
    return face, i, j


def to_uv(place: Floats) -> Floats:
    """Return where, on a face, a share from 0 to 1 of its side lies: S2's quadratic projection."""
    uv: Floats = np.where(place >= 0.5, (4 * place * place - 1) / 3, (1 - 4 * (1 - place) * (1 - place)) / 3)
    return uv


def find_bounds(i: Ints, level: int) -> tuple[Floats, Floats]:
    """Return from where to where cells of a level reach along one side of their face."""
    return to_uv(i / (1 << level)), to_uv((i + 1) / (1 << level))


def find_corners(face: Ints, i: Ints, j: Ints, level: int) -> Floats:
    """Return cells' corners in turn, as unit vectors, shape (n, 4, 3)."""
    west, east = find_bounds(i, level)
    south, north = find_bounds(j, level)
    u = np.stack((west, east, east, west), axis=1)[:, :, None]
    v = np.stack((south, south, north, north), axis=1)[:, :, None]
    axes = AXES[face]
    points = axes[:, None, 0] + u * axes[:, None, 1] + v * axes[:, None, 2]
    corners: Floats = points / np.sqrt(1 + u * u + v * v)
    return corners
