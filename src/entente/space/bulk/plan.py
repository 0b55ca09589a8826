"""A prepared question about a table: which of its volumes meet, cell by cell.

What it is for: everything that is done once before pairs are looked for, and then the search in parts that do
not depend on each other, so that a room above may run several at a time.

Invariants:
  * Every pair that may meet comes out of exactly one part, as sure or as unsure; `far` holds the rows that
    are in none.
  * A plan is only read: several threads may sweep parts of it, each with its own `sweep` call.
  * Parts are laid out by the table and the separation alone, never by the number of threads.

It does not decide unsure pairs, nor those of far rows: see `entente.space.bulk.pairs`.

    >>> plan = make_plan(table, Separation(lateral_m=500.0))
    >>> for part in plan.parts:
    ...     for block in plan.sweep(part):
    ...         ...
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from entente.space.bulk.boxes import FAR, MAX_LAT_E7, MAX_WIDTH_E7, TURN_E7, find_boxes
from entente.space.bulk.crowd import CROWD, LANES
from entente.space.bulk.decide import SCRATCH, Geometry
from entente.space.bulk.grid import (
    NO_LEVEL,
    Numbers,
    Rule,
    find_entries,
    gather_entries,
    list_columns,
    list_entries,
    order_by_time,
)
from entente.space.bulk.laid import ROOM
from entente.space.bulk.sweep import AHEAD, SPREAD, sweep_cells
from entente.space.bulk.table import E7, Ints, VolumeTable
from entente.space.ring import ring_around
from entente.space.volume import Separation

Rows = NDArray[np.int32]
_ROOM: Final = 1 << 16
"""Pairs in a block."""
_PART: Final = 1 << 18
"""Work in a part: some 25 ms."""
_DENSE: Final = 512
"""Entries of a cell from which on it is pairs that make the work, which grow with their square."""
_TICKS: Final = 2_000_000_000
_SECOND_US: Final = 1_000_000
_CUT_EDGE_CM: Final = np.int32(1_000_000)
"""What is said of edges that were cut to 5 km: their bend and the rounding of the cuts, 11 mm, are less than
the bend of 10 km."""
_NONE: Final = np.zeros(0, dtype=np.int32)


@dataclass(frozen=True, slots=True)
class Block:
    """Pairs of rows that surely meet, and pairs that the exact rule has to decide; lower row first."""

    first: Rows
    second: Rows
    unsure: NDArray[np.int32]
    """Shape (k, 2)."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some cells of one level of the grid."""

    level: int
    cells: Ints
    entries: int
    """How much work it is."""


@dataclass(frozen=True, slots=True, eq=False)
class _Grid:
    """One level: its cells and what stands in them."""

    height: np.int64
    columns: Ints
    first_cell: Ints
    starts: Ints
    entries: Rows
    busy: Ints
    """Cells with more than one entry."""
    fullest: int


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """See `make_plan`."""

    geometry: Geometry
    numbers: Numbers
    rule: Rule
    own_cm: Ints
    split: int
    is_whole: bool
    is_bare: bool
    boxes: NDArray[np.int32]
    grids: dict[int, _Grid]
    most_vertices: int
    parts: tuple[Part, ...]
    far: Ints
    """Rows that the grid does not hold."""

    @property
    def shapes(self) -> NDArray[np.int32]:
        """The box of each row; see `entente.space.bulk.boxes.find_boxes`."""
        shapes: NDArray[np.int32] = self.geometry[4]
        return shapes

    @property
    def entries(self) -> int:
        """How much work all parts are."""
        return sum(part.entries for part in self.parts)

    def sweep(self, part: Part) -> Iterator[Block]:
        """Yield the pairs of one part."""
        grid = self.grids[part.level]
        most = grid.fullest if grid.fullest >= CROWD else 0
        lanes, small = (np.empty((8, size + LANES), dtype=np.int32) for size in (grid.fullest, most))
        cell_room = (lanes, small, np.empty(most, dtype=np.int32))
        room = max(grid.fullest, SPREAD)
        rows = np.empty(room, dtype=np.int32)
        laying = (
            np.empty(ROOM, dtype=np.float32),
            np.empty(ROOM, dtype=np.float32),
            np.empty((room, 4), dtype=np.int32),
            np.empty((room, 2), dtype=np.int32),
        )
        frames = np.empty((AHEAD, 6))
        scratch = np.empty((2 * self.most_vertices, SCRATCH))
        one, two, plane_of = (np.empty(AHEAD, dtype=np.int32) for _ in range(3))
        state = np.array([0, 0, 0, 1], dtype=np.int64)
        asked = (self.numbers, self.is_whole, self.is_bare, self.rule, self.own_cm, self.split)
        while state[0] < len(part.cells):
            first, second = np.empty(_ROOM, dtype=np.int32), np.empty(_ROOM, dtype=np.int32)
            unsure = np.empty((_ROOM, 2), dtype=np.int32)
            places = np.zeros(3, dtype=np.int64)
            sweep_cells(
                part.cells,
                state,
                grid.starts,
                grid.entries,
                self.boxes,
                (grid.height, grid.columns, grid.first_cell),
                self.geometry,
                asked,
                cell_room,
                rows,
                (one, two, plane_of),
                frames,
                laying,
                scratch,
                (places, first, second, unsure),
            )
            yield Block(first[: places[0]], second[: places[0]], unsure[: places[1]])


def make_plan(
    table: VolumeTable, separation: Separation, *, reach_cm: Ints | None = None, split: int = 0
) -> Plan:
    """Return the prepared question.

    Args:
        reach_cm: int64, shape (n,): widens each volume in every direction, on top of the separation.
        split: Only pairs of a row before it with one from it on are asked for; 0: all pairs.
    """
    own_cm = np.zeros(1, dtype=np.int64) if reach_cm is None else np.ascontiguousarray(reach_cm)
    rule = choose_rule(separation)
    numbers = (table.radius_cm, table.floor_cm, table.ceiling_cm, table.start_us, table.end_us)
    geometry = measure_shapes(table)
    count = len(table)
    first_us, unit_us = _choose_unit(table, rule[2])
    boxes = _make_rows(count)
    levels = np.empty(count, dtype=np.uint8)
    is_whole, is_bare = find_entries(geometry[4], numbers, rule, own_cm, first_us, unit_us, boxes, levels)
    order = np.empty(count, dtype=np.int32)
    order_by_time(boxes, order)
    grids = _fill_grids(boxes, levels, order)
    vertices = geometry[4][:, 5]
    return Plan(
        geometry=geometry,
        numbers=numbers,
        rule=rule,
        own_cm=own_cm,
        split=split,
        is_whole=is_whole,
        is_bare=is_bare,
        boxes=boxes,
        grids=grids,
        most_vertices=int(vertices.max(initial=1)),
        # The largest first: so that threads end at nearly the same time.
        parts=tuple(
            sorted(
                (part for level in sorted(grids) for part in _cut_parts(level, grids[level])),
                key=lambda part: -part.entries,
            )
        ),
        far=np.flatnonzero(levels == NO_LEVEL).astype(np.int64),
    )


def _make_rows(count: int) -> NDArray[np.int32]:
    """Return room for rows of eight numbers, none of which lies across two lines of the cache."""
    room = np.empty(8 * count + 16, dtype=np.int32)
    skipped = -room.ctypes.data % 64 // 4
    return room[skipped : skipped + 8 * count].reshape(count, 8)


def choose_rule(separation: Separation) -> Rule:
    """Return the separation in whole units of the table where the table has whole units."""
    # The exact rule keeps a millionth of a metre in height for the rounding of sums.
    vertical_cm = math.floor(separation.vertical_m * 100 + 1e-4)
    return separation.lateral_m, vertical_cm, math.ceil(separation.time_s * 1e6)


def measure_shapes(table: VolumeTable) -> Geometry:
    """Return a table's geometry with a box round each volume; long edges are cut along their geodesics.

    Worked out once for a table.
    """
    known: Geometry | None = table.worked_out.get("geometry")
    if known is None:
        known = table.worked_out["geometry"] = _measure_shapes(table)
    return known


def _measure_shapes(table: VolumeTable) -> Geometry:
    shapes = _make_rows(len(table))
    find_boxes(table.points_e7, table.vertex_of, table.ring_of, table.radius_cm, shapes)
    whole = (table.points_e7, table.vertex_of, table.ring_of, table.is_hole, shapes)
    far = np.flatnonzero(shapes[:, 7] == FAR)
    long = far[
        (np.abs(shapes[far, :2]).max(axis=1, initial=0) <= MAX_LAT_E7 - E7)
        & (shapes[far, 3].astype(np.int64) - shapes[far, 2] < MAX_WIDTH_E7)
    ]
    return _cut_long_edges(table, long, shapes) if len(long) else whole


def _cut_long_edges(table: VolumeTable, long: Ints, shapes: NDArray[np.int32]) -> Geometry:
    """Return the geometry with every edge of some rows cut into pieces of at most 5 km."""
    is_long = np.zeros(len(table), dtype=np.bool_)
    is_long[long] = True
    sizes = np.diff(table.vertex_of)
    loops: dict[int, NDArray[np.int32]] = {}
    for row in long.tolist():
        for ring in range(int(table.ring_of[row]), int(table.ring_of[row + 1])):
            points = table.points_e7[table.vertex_of[ring] : table.vertex_of[ring + 1]] / E7
            cut = ring_around([(lat, lon) for lat, lon in points.tolist()])
            lat_e7, lon_e7 = np.round(cut.lat_deg * E7), np.round(cut.lon_deg * E7)
            lon_e7 = (lon_e7 + 180 * E7) % (360 * E7) - 180 * E7
            loops[ring] = np.stack((lat_e7, lon_e7), axis=1).astype(np.int32)
            sizes[ring] = len(lat_e7)
    vertex_of = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(sizes)))
    points = np.empty((int(vertex_of[-1]), 2), dtype=np.int32)
    # Runs of rings that stay as they are go over in one piece.
    done = 0
    for ring in [*sorted(loops), len(sizes)]:
        points[vertex_of[done] : vertex_of[ring]] = table.points_e7[
            table.vertex_of[done] : table.vertex_of[ring]
        ]
        if ring < len(sizes):
            points[vertex_of[ring] : vertex_of[ring + 1]] = loops[ring]
        done = ring + 1
    find_boxes(points, vertex_of, table.ring_of, table.radius_cm, shapes)
    cut_rows = long[shapes[long, 7] != FAR]
    shapes[cut_rows, 7] = _CUT_EDGE_CM
    # Rounding moved the cuts by up to a unit: the boxes must hold the true edges.
    shapes[cut_rows, 0] -= 2
    shapes[cut_rows, 1] += 2
    return points, vertex_of, table.ring_of, table.is_hole, shapes


def _choose_unit(table: VolumeTable, time_us: int) -> tuple[int, int]:
    """Return from when on, and in which units, times are counted."""
    if not len(table):
        return 0, _SECOND_US
    first_us = int(table.start_us.min())
    unit_us = _SECOND_US
    while (int(table.end_us.max()) + time_us - first_us) // unit_us >= _TICKS:
        unit_us *= 10
    return first_us - first_us % unit_us, unit_us


def _fill_grids(boxes: NDArray[np.int32], levels: NDArray[np.uint8], order: Rows) -> dict[int, _Grid]:
    present = np.flatnonzero(np.bincount(levels, minlength=NO_LEVEL + 1)[:NO_LEVEL]).tolist()
    grids = {}
    for level in present:
        height, columns, first_cell = list_columns(level)
        across = columns / TURN_E7
        counts = np.zeros(int(first_cell[-1]), dtype=np.int32)
        hosts = _NONE
        if level > present[0]:
            list_entries(boxes, levels, order, level, height, across, first_cell, _NONE, counts, _NONE, _NONE)
            hosts, counts = counts, np.zeros_like(counts)
        room = 2 * len(order) + 1_024
        while True:
            cells, rows = np.empty(room, dtype=np.int32), np.empty(room, dtype=np.int32)
            count, _ = list_entries(
                boxes, levels, order, level, height, across, first_cell, hosts, counts, cells, rows
            )
            if count <= room:
                break
            counts[:] = 0
            room = count
        starts = np.empty(len(counts) + 1, dtype=np.int64)
        busy = np.empty(len(counts), dtype=np.int64)
        entries = np.empty(count, dtype=np.int32)
        busy_count, fullest = gather_entries(cells, rows, count, counts, starts, busy, entries)
        grids[level] = _Grid(height, columns, first_cell, starts, entries, busy[:busy_count].copy(), fullest)
    return grids


def _cut_parts(level: int, grid: _Grid) -> Iterator[Part]:
    sizes = grid.starts[grid.busy + 1] - grid.starts[grid.busy]
    ends = np.cumsum(sizes + sizes * sizes // _DENSE)
    begin = 0
    while begin < len(grid.busy):
        before = int(ends[begin - 1]) if begin else 0
        end = max(begin + 1, int(np.searchsorted(ends, before + _PART, side="right")))
        yield Part(level, grid.busy[begin:end], int(ends[end - 1]) - before)
        begin = end
