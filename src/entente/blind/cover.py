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

import itertools
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
_SHORT_M: Final = 0.2
"""Less than `SPARE_M`, so that a reach stays above 0."""
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
    _, high, low = list_rows(volumes, grid, is_widened=is_widened, most=most)
    return pack_rows(high, low)


def least_cover(volumes: Iterable[Volume], grid: Grid, *, is_widened: bool, most: int = MOST_CELLS) -> Rows:
    """Return cells of ``volumes`` that every honest machine's cover holds, by themselves or by a larger cell.

    Sines and geodesics differ in their last digits, and with them a cell that a reach ends at. This reaches
    20 cm less far than `cover`: an auditor asks `entente.blind.lift.find_uncovered` of it, and blames nobody
    for a digit.

    Raises:
        Denied: As `cover`.
    """
    _, high, low = list_rows(volumes, grid, is_widened=is_widened, most=most, short_m=_SHORT_M)
    return pack_rows(high, low)


def list_rows(
    volumes: Iterable[Volume], grid: Grid, *, is_widened: bool, most: int = MOST_CELLS, short_m: float = 0.0
) -> tuple[Ints, Numbers, Numbers]:
    """Return the same cells volume by volume: of which volume, by its place, and a row's two numbers.

    Args:
        short_m: What the reach falls short by: only for `least_cover`.

    Raises:
        Denied: As `cover`.
    """
    kept = list(volumes)
    keep = grid.separation if is_widened else Separation()
    grains = [find_grain(volume, grid) for volume in kept]
    owner, level, number = cover_ground(
        [
            Footprint(volume.outline, keep.lateral_m - short_m, grain.space_levels)
            for volume, grain in zip(kept, grains, strict=True)
        ],
        most=most,
    )
    bands = [_list_bands(*each, grid, keep.vertical_m) for each in zip(kept, grains, strict=True)]
    bins = [_list_bins(*each, grid, keep.time_s) for each in zip(kept, grains, strict=True)]
    many = np.array([len(high) * len(long) for high, long in zip(bands, bins, strict=True)], dtype=np.int64)
    per_volume = np.bincount(owner, minlength=len(kept)) * many
    if int(per_volume.sum()) > most:
        worst = int(per_volume.argmax())
        raise Denied(
            "cover-too-large",
            f"cover: expected at most {most} cells, got {int(per_volume.sum())}, of which {per_volume[worst]}"
            f" of volume {worst}: make it smaller, lower or shorter, or agree on a coarser grain for volumes"
            " of its extent",
        )
    return _expand(owner, level, number, many, _list_stems(grains, bands, bins, grid))


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


def _list_bands(volume: Volume, grain: Grain, grid: Grid, vertical_m: float) -> list[tuple[int, int]]:
    """Return the bands of a volume: height and number of each."""
    least_cm = grain.bands_cm[-1]
    last = (grid.highest_cm - grid.lowest_cm) // least_cm - 1
    low, high = (
        min(int((height - grid.lowest_cm) // least_cm), last)
        for height in _clamp(volume, grid, vertical_m * 100 + _SPARE_CM)
    )
    return _split_span(low, high, grain.bands_cm)


def _list_bins(volume: Volume, grain: Grain, grid: Grid, time_s: float) -> list[tuple[int, int]]:
    """Return the bins of a volume, exactly: length and number of each."""
    reach_us, least_us = math.ceil(time_s * 1e6), grain.bins_s[-1] * 1_000_000
    start_us = (volume.window.start_utc - grid.origin_utc) // _MICROSECOND - reach_us
    # The end does not belong to the window: its last instant is a microsecond before.
    last_us = (volume.window.end_utc - grid.origin_utc) // _MICROSECOND + reach_us - 1
    first, last = start_us // least_us, last_us // least_us
    if last - first > MOST_CELLS * (grain.bins_s[0] // grain.bins_s[-1]):
        raise Denied(
            "cover-too-large",
            f"cover: expected at most {MOST_CELLS} bins of {grain.bins_s[0]} s, got a volume from"
            f" {volume.window.start_utc.isoformat()} to {volume.window.end_utc.isoformat()}: make it shorter,"
            " or agree on longer bins for volumes of its length",
        )
    return _split_span(first, last, grain.bins_s)


def _split_span(first: int, last: int, steps: tuple[int, ...]) -> list[tuple[int, int]]:
    """Return steps, each with its number, that make up the finest ones from first to last, both included.

    As few as there can be: the coarsest wherever it fits.
    """
    found: list[tuple[int, int]] = []
    spans = [(first, last + 1)]
    for step in steps:
        times = step // steps[-1]
        left: list[tuple[int, int]] = []
        for begin, end in spans:
            low, high = -(-begin // times), end // times
            if low < high:
                found += [(step, number) for number in range(low, high)]
                left += [(begin, low * times), (high * times, end)]
            else:
                left.append((begin, end))
        spans = [(begin, end) for begin, end in left if begin < end]
    return found


def _list_stems(
    grains: list[Grain], bands: list[list[tuple[int, int]]], bins: list[list[tuple[int, int]]], grid: Grid
) -> tuple[Ints, Numbers]:
    """Return, for each volume's bands and bins, the size's number by level and the rest of a row's number."""
    numbers = {size: place for place, size in enumerate(grid.sizes)}
    tables: list[Ints] = []
    known: dict[tuple[Grain, int, int], int] = {}
    found: list[tuple[int, int, int]] = []
    for grain, mine, when in zip(grains, bands, bins, strict=True):
        for (band_cm, band), (bin_s, slot) in itertools.product(mine, when):
            table = known.get((grain, band_cm, bin_s))
            if table is None:
                table = known[grain, band_cm, bin_s] = len(tables)
                tables.append(np.zeros(MAX_LEVEL + 1, dtype=np.int64))
                for level in grain.space_levels:
                    tables[-1][level] = numbers[Size(level, band_cm, bin_s)]
            found.append((table, band, slot))
    where = np.array(found, dtype=np.int64).reshape(-1, 3)
    by_level = np.array(tables, dtype=np.int64).reshape(-1, MAX_LEVEL + 1)
    return by_level[where[:, 0]], join_high(0, where[:, 1], where[:, 2])


def _expand(
    owner: Ints, level: Ints, number: Numbers, many: Ints, stems: tuple[Ints, Numbers]
) -> tuple[Ints, Numbers, Numbers]:
    """Return each ground cell with each band and bin of its volume: which volume, and a row's two numbers."""
    of_level, stem = stems
    begin = np.cumsum(many) - many
    counts = many[owner]
    cell = np.repeat(np.arange(len(owner)), counts)
    mine = owner[cell]
    at = begin[mine] + np.arange(len(cell)) - np.repeat(np.cumsum(counts) - counts, counts)
    kind = of_level[at, level[cell]].astype(np.uint64)
    return mine, stem[at] | np.left_shift(kind, np.uint64(56)), number[cell]
