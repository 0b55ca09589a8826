"""Covers: the cells of a grid that hold all of some volumes.

What it is for: two parties that each cover their volumes by the agreed grid share a cell wherever two volumes
conflict; so comparing cells, blind, finds every conflict.

Invariants:
  * Nothing is missed: if two volumes conflict under the exact rule of `entente.space` with the grid's
    separation, then a cell of the one's cover, made with ``is_widened``, overlaps a cell of the other's, made
    without.
  * A cell too many is possible: within the size of a cell of what it covers. Two volumes may so share a cell
    and keep the separation: a false alarm, never a miss.
  * The rows are sorted, each once, whatever the order of the volumes.
  * A cover too large is refused and says how to narrow it; it is never cut.

How: place by `entente.blind.cover_ground`, times exactly, heights to a millimetre; then each cell of the
ground with each band and bin. What four (or more) neighbours cover together, their parent covers alone.

It does not compare: see `entente.blind.lift`.

    >>> cells = cover(volumes, grid, is_widened=True)
    >>> held_tokens(cells, grid)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import numpy as np

from entente.blind.cells import Ints, Numbers, Rows, join_high, pack_rows
from entente.blind.cover_ground import Footprint, cover_ground
from entente.blind.grid import MAX_LEVEL, Grain, Grid
from entente.blind.lift_plan import Size
from entente.kernel.errors import Denied
from entente.space import Circle, Separation, Volume

MOST_CELLS: Final = 2_000_000
"""Of one cover: what a desk makes in seconds."""
_MICROSECOND: Final = timedelta(microseconds=1)
_SPARE_CM: Final = 0.1
"""Heights are widened by a millimetre: the exact rule takes bands a micrometre apart to meet."""


def cover(volumes: Iterable[Volume], grid: Grid, *, is_widened: bool, most: int = MOST_CELLS) -> Rows:
    """Return the cells of all ``volumes``: rows of 16 bytes, sorted, each once.

    Args:
        is_widened: Whether they are those of the side that ``grid.widened`` names: the separation is added.
        most: Cells that one cover may have.

    Raises:
        Denied: More cells than ``most``; says of which volume most, and how to narrow it.
    """
    kept = list(volumes)
    keep = grid.separation if is_widened else Separation()
    grains = [find_grain(volume, grid) for volume in kept]
    owner, level, number = cover_ground(
        [
            Footprint(volume.outline, keep.lateral_m, grain.space_levels)
            for volume, grain in zip(kept, grains, strict=True)
        ],
        most=most,
    )
    bands = _list_bands(kept, grains, grid, keep.vertical_m)
    bins = _list_bins(kept, grains, grid, keep.time_s)
    many = (bands[:, 1] - bands[:, 0] + 1) * (bins[:, 1] - bins[:, 0] + 1)
    per_volume = np.bincount(owner, minlength=len(kept)) * many
    if int(per_volume.sum()) > most:
        worst = int(per_volume.argmax())
        raise Denied(
            "cover-too-large",
            f"cover: expected at most {most} cells, got {int(per_volume.sum())}, of which {per_volume[worst]}"
            f" of volume {worst}: make it smaller, lower or shorter, or agree on a coarser grain for volumes"
            " of its extent",
        )
    return pack_rows(*_expand(owner, number, _number_sizes(owner, level, grains, grid), (bands, bins)))


def find_grain(volume: Volume, grid: Grid) -> Grain:
    """Return the first grain whose least extents a volume has."""
    outline = volume.outline
    across_cm = 200 * (outline.margin_m + (0.0 if isinstance(outline, Circle) else outline.ring.cap_chord_m))
    lasts_s = (volume.window.end_utc - volume.window.start_utc).total_seconds()
    floor_cm, ceiling_cm = _clamp(volume, grid, 0.0)
    for grain in grid.grains:
        if (
            across_cm >= grain.across_cm
            and lasts_s >= grain.lasts_s
            and ceiling_cm - floor_cm >= grain.thick_cm
        ):
            return grain
    raise AssertionError("the last grain of a grid takes every volume")


def _clamp(volume: Volume, grid: Grid, reach_cm: float) -> tuple[float, float]:
    """Return floor and ceiling, widened, within the grid's heights."""
    floor_m, ceiling_m = volume.heights.floor_m, volume.heights.ceiling_m
    low, high = grid.lowest_cm, grid.highest_cm
    floor_cm = low if floor_m is None else min(max(floor_m * 100 - reach_cm, low), high)
    ceiling_cm = high if ceiling_m is None else min(max(ceiling_m * 100 + reach_cm, low), high)
    return floor_cm, ceiling_cm


def _list_bands(volumes: list[Volume], grains: list[Grain], grid: Grid, vertical_m: float) -> Ints:
    """Return the first and last band of each volume, shape (n, 2)."""
    made = []
    for volume, grain in zip(volumes, grains, strict=True):
        last = (grid.highest_cm - grid.lowest_cm) // grain.band_cm - 1
        reached = _clamp(volume, grid, vertical_m * 100 + _SPARE_CM)
        made.append([min(int((height - grid.lowest_cm) // grain.band_cm), last) for height in reached])
    return np.array(made, dtype=np.int64).reshape(-1, 2)


def _list_bins(volumes: list[Volume], grains: list[Grain], grid: Grid, time_s: float) -> Ints:
    """Return the first and last bin of each volume, shape (n, 2): exactly, in microseconds."""
    reach_us = math.ceil(time_s * 1e6)
    made = []
    for volume, grain in zip(volumes, grains, strict=True):
        bin_us = grain.bin_s * 1_000_000
        start_us = (volume.window.start_utc - grid.origin_utc) // _MICROSECOND - reach_us
        # The end does not belong to the window: its last instant is a microsecond before.
        last_us = (volume.window.end_utc - grid.origin_utc) // _MICROSECOND + reach_us - 1
        made.append([start_us // bin_us, last_us // bin_us])
    return np.array(made, dtype=np.int64).reshape(-1, 2)


def _number_sizes(owner: Ints, level: Ints, grains: list[Grain], grid: Grid) -> Ints:
    """Return the number of each ground cell's size."""
    of_grain = np.array([grid.grains.index(grain) for grain in grains], dtype=np.int64)
    numbers = np.zeros((len(grid.grains), MAX_LEVEL + 1), dtype=np.int64)
    for place, grain in enumerate(grid.grains):
        for each in grain.space_levels:
            numbers[place, each] = grid.sizes.index(Size(each, grain.band_cm, grain.bin_s))
    found: Ints = numbers[of_grain[owner], level]
    return found


def _expand(owner: Ints, number: Numbers, size: Ints, spans: tuple[Ints, Ints]) -> tuple[Numbers, Numbers]:
    """Return each ground cell with each band and each bin of its volume, as rows' two numbers."""
    bands, bins = spans
    high = bands[:, 1] - bands[:, 0] + 1
    long = bins[:, 1] - bins[:, 0] + 1
    counts = (high * long)[owner]
    cell = np.repeat(np.arange(len(owner)), counts)
    step = np.arange(len(cell)) - np.repeat(np.cumsum(counts) - counts, counts)
    mine = owner[cell]
    band = bands[mine, 0] + step // long[mine]
    slot = bins[mine, 0] + step % long[mine]
    return join_high(size[cell], band, slot), number[cell]
