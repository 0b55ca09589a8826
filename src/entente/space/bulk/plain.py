"""The same question without a compiler: numpy and GEOS in place of the compiled sweep, slower and as exact.

What it is for: where numba cannot be installed, screening still works; and two ways that share no code for
proposing and deciding check each other (tests/properties/test_bulk_pairs.py).

Invariants: those of `entente.space.bulk.plan`, with the bounds of `entente.space.bulk.decide`. What it is
not sure of, it leaves to the exact rule: all regions, and outlines that GEOS finds invalid.

    >>> plan = make_plain_plan(table, Separation(lateral_m=500.0))
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from entente.space.bulk.boxes import E7_PER_M, FAR, HALF_TURN_E7, MAX_EDGE_M, MAX_LAT_E7, MAX_WIDTH_E7
from entente.space.bulk.decide import MAX_REACH_M, MAX_SPAN_M
from entente.space.bulk.plan import Block, Part, choose_rule
from entente.space.bulk.table import Ints, VolumeTable
from entente.space.ellipsoid import ECCENTRICITY_2, SEMI_MAJOR_M, SEMI_MINOR_M, Floats
from entente.space.overlap import ground_error_m
from entente.space.volume import Separation

_RAD: Final = math.pi / 1.8e9
_SLICE: Final = 20_000
"""Volumes that a part adds, in the order of their starts."""
_TOGETHER: Final = 20_000
"""Pairs that are laid into planes together: bounds memory."""
Objects = NDArray[np.object_]


@dataclass(frozen=True, slots=True, eq=False)
class PlainPlan:
    """A prepared question; see `make_plain_plan`."""

    table: VolumeTable
    rule: tuple[float, int, int]
    own_cm: Ints
    split: int
    shapes: NDArray[np.int32]
    boxes: Ints
    """Latitude from, to, longitude from, to, widened by what each volume reaches; 1e-7 degree."""
    order: Ints
    """Rows that have a box, in the order of their starts."""
    parts: tuple[Part, ...]
    far: Ints

    @property
    def entries(self) -> int:
        """How much work all parts are."""
        return len(self.order)

    def sweep(self, part: Part) -> Iterator[Block]:
        """Yield the pairs whose later volume, by start, is in the part."""
        begin, end = int(part.cells[0]), int(part.cells[-1]) + 1
        probes, standing = self.order[begin:end], self.order[:end]
        first_us = self.table.start_us[probes[0]]
        standing = standing[self.table.end_us[standing] + self.rule[2] > first_us]
        for first, second in self._propose(probes, standing):
            for at in range(0, len(first), _TOGETHER):
                a, b = first[at : at + _TOGETHER], second[at : at + _TOGETHER]
                meets, unsure = self._decide(a, b)
                pairs = np.stack((np.minimum(a, b), np.maximum(a, b)), axis=1).astype(np.int32)
                yield Block(pairs[meets, 0], pairs[meets, 1], pairs[unsure])

    def _propose(self, probes: Ints, standing: Ints) -> Iterator[tuple[Ints, Ints]]:
        """Yield pairs of rows whose boxes, bands and windows meet, each once."""
        rank = np.empty(len(self.table), dtype=np.int64)
        rank[self.order] = np.arange(len(self.order))
        flat, owner = _draw_boxes(self.boxes, standing)
        tree = shapely.STRtree(flat)
        asked, asker = _draw_boxes(self.boxes, probes)
        for at in range(0, len(asked), 1_000):
            probe, place = tree.query(asked[at : at + 1_000])
            pairs = np.unique(np.stack((asker[at + probe], owner[place]), axis=1), axis=0)
            a, b = pairs[:, 0], pairs[:, 1]
            yield self._filter(*(rows[rank[b] < rank[a]] for rows in (a, b)))

    def _filter(self, a: Ints, b: Ints) -> tuple[Ints, Ints]:
        table, (_, vertical_cm, time_us) = self.table, self.rule
        own = self._own(a) + self._own(b)
        kept = (
            np.maximum(table.start_us[a], table.start_us[b]) - np.minimum(table.end_us[a], table.end_us[b])
            < time_us
        ) & (
            np.maximum(table.floor_cm[a], table.floor_cm[b])
            - np.minimum(table.ceiling_cm[a], table.ceiling_cm[b])
            <= vertical_cm + own
        )
        if self.split:
            kept &= (a < self.split) != (b < self.split)
        return a[kept], b[kept]

    def _own(self, rows: Ints) -> Ints:
        own: Ints = self.own_cm[rows if len(self.own_cm) > 1 else np.zeros(len(rows), dtype=np.int64)]
        return own

    def _decide(self, a: Ints, b: Ints) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Return which pairs surely meet, and which are not sure."""
        reach_m = self.rule[0] + (self.table.radius_cm[a] + self.table.radius_cm[b]) / 100
        reach_m = reach_m + (self._own(a) + self._own(b)) / 100
        frame, span_m = _find_frames(
            self.shapes[a].astype(np.int64), self.shapes[b].astype(np.int64), reach_m
        )
        edge_m = self.shapes[:, 7] / 100
        span_m += np.maximum(edge_m[a], edge_m[b])
        bend = ECCENTRICITY_2 / (8.0 * SEMI_MINOR_M)
        err_m = (edge_m[a] ** 2 + edge_m[b] ** 2) * bend + 0.002
        err_m += (0.0102 * span_m / SEMI_MINOR_M + 1.2 * (span_m / SEMI_MINOR_M) ** 2) * reach_m
        err_m += np.array([ground_error_m(1.1 * reach) for reach in reach_m.tolist()])
        one, two = self._draw(a, frame), self._draw(b, frame)
        is_bad = ~(shapely.is_valid(one) & shapely.is_valid(two)) | (
            shapely.is_missing(one) | shapely.is_missing(two)
        )
        is_bad |= (span_m > MAX_SPAN_M) | (reach_m > MAX_REACH_M)
        gap_m = shapely.distance(one, two)
        meets = ~is_bad & (gap_m <= reach_m - err_m)
        # Where nothing must be kept, two outlines surely meet if they do so without the rim of one.
        deep = np.flatnonzero(~is_bad & (reach_m <= err_m) & (gap_m == 0.0))
        rim = shapely.buffer(one[deep], -2.0 * err_m[deep], quad_segs=2)
        meets[deep] = ~shapely.is_empty(rim) & shapely.intersects(rim, two[deep])
        return meets, ~meets & (is_bad | (gap_m <= reach_m + err_m))

    def _draw(self, rows: Ints, frame: tuple[Floats, ...]) -> Objects:
        """Return each row's outline in its pair's plane: a polygon, line or point; none for a region."""
        table = self.table
        rings = table.ring_of[rows]
        begin, sizes = table.vertex_of[rings], np.diff(table.vertex_of)[rings]
        owner = np.repeat(np.arange(len(rows)), sizes)
        place = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes) + np.repeat(begin, sizes)
        points = table.points_e7[place].astype(np.int64)
        xy = _flatten(points[:, 0], points[:, 1], [part[owner] for part in frame])
        drawn = np.empty(len(rows), dtype=np.object_)
        is_area = (table.radius_cm[rows] == 0) & (table.ring_of[rows + 1] - rings == 1)
        is_line = (table.radius_cm[rows] > 0) & (sizes > 1)
        is_point = (table.radius_cm[rows] > 0) & (sizes == 1)
        for chosen, make in (
            (is_area, _make_polygons),
            (is_line, shapely.linestrings),
            (is_point, _make_points),
        ):
            members = np.flatnonzero(chosen[owner])
            if len(members):
                number = np.cumsum(chosen) - 1
                drawn[chosen] = make(xy[members], indices=number[owner[members]])
        return drawn


def make_plain_plan(
    table: VolumeTable, separation: Separation, *, reach_cm: Ints | None = None, split: int = 0
) -> PlainPlan:
    """Return the prepared question; arguments as of `entente.space.bulk.plan.make_plan`."""
    rule = choose_rule(separation)
    own_cm = np.zeros(1, dtype=np.int64) if reach_cm is None else reach_cm
    shapes = _measure(table)
    boxes = shapes[:, :4].astype(np.int64)
    reach_m = (table.radius_cm + own_cm) / 100 + rule[0] / 2
    margin = (np.ceil(reach_m * E7_PER_M)).astype(np.int64) + 1
    boxes[:, 0] -= margin
    boxes[:, 1] += margin
    top = np.abs(boxes[:, :2]).max(axis=1, initial=0)
    is_far = (shapes[:, 7] == FAR) | (top > MAX_LAT_E7)
    across = np.ceil(margin / np.cos(np.minimum(top, MAX_LAT_E7) * _RAD)).astype(np.int64) + 1
    boxes[:, 2] -= across
    boxes[:, 3] += across
    is_far |= boxes[:, 3] - boxes[:, 2] > HALF_TURN_E7
    near = np.flatnonzero(~is_far)
    order = near[np.argsort(table.start_us[near], kind="stable")]
    parts = tuple(
        Part(0, np.array([begin, min(begin + _SLICE, len(order)) - 1]), min(_SLICE, len(order) - begin))
        for begin in range(0, len(order), _SLICE)
    )
    return PlainPlan(table, rule, own_cm, split, shapes, boxes, order, parts, np.flatnonzero(is_far))


def _measure(table: VolumeTable) -> NDArray[np.int32]:
    """Return what `entente.space.bulk.boxes.find_boxes` does; long edges are not cut, but `FAR`."""
    shapes = np.zeros((len(table), 8), dtype=np.int32)
    if not len(table):
        return shapes
    lat, lon = table.points_e7[:, 0].astype(np.int64), table.points_e7[:, 1].astype(np.int64)
    first = table.vertex_of[table.ring_of[:-1]]
    sizes = table.vertex_of[table.ring_of[1:]] - first
    lon = lon - np.repeat(lon[first], sizes)
    lon = (
        (lon + HALF_TURN_E7) % (2 * HALF_TURN_E7) - HALF_TURN_E7 + np.repeat(table.points_e7[first, 1], sizes)
    )
    south, north = np.minimum.reduceat(lat, first), np.maximum.reduceat(lat, first)
    west, east = np.minimum.reduceat(lon, first), np.maximum.reduceat(lon, first)
    top = np.maximum(np.abs(south), np.abs(north))
    is_far = (top > MAX_LAT_E7) | (east - west > MAX_WIDTH_E7)
    low = np.where((south < 0) != (north < 0), 0, np.minimum(np.abs(south), np.abs(north)))
    across, along = _RAD * (east - west) * np.cos(low * _RAD), _RAD * (north - south)
    length_m = 1.005 * SEMI_MAJOR_M * np.hypot(across, along)
    is_far |= length_m > MAX_EDGE_M
    top = np.minimum(top, MAX_LAT_E7)
    bulge = np.tan(top * _RAD) * (across**2 + 2 * along**2) * 1.05 / 8 / _RAD
    widen = np.where(is_far, 0, bulge).astype(np.int64) + 1
    turn = np.where(west < -HALF_TURN_E7, 2 * HALF_TURN_E7, 0)
    east = np.minimum(east, west + MAX_WIDTH_E7)
    for place, column in enumerate((south - widen, north + widen, west + turn, east + turn)):
        shapes[:, place] = column
    shapes[:, 4], shapes[:, 5] = first, sizes
    shapes[:, 6] = np.where(table.radius_cm > 0, 0, np.diff(table.ring_of))
    shapes[:, 7] = np.where(is_far, FAR, np.where(is_far, 0, length_m * 100).astype(np.int32) + 1)
    return shapes


def _draw_boxes(boxes: Ints, rows: Ints) -> tuple[Objects, Ints]:
    """Return rectangles of rows, and the row of each: what passes the antimeridian stands at both sides."""
    turned = np.concatenate(
        [rows, rows[boxes[rows, 3] >= HALF_TURN_E7], rows[boxes[rows, 2] < -HALF_TURN_E7]]
    )
    shift = np.zeros(len(turned), dtype=np.int64)
    eastward = int((boxes[rows, 3] >= HALF_TURN_E7).sum())
    shift[len(rows) : len(rows) + eastward] = -2 * HALF_TURN_E7
    shift[len(rows) + eastward :] = 2 * HALF_TURN_E7
    south, north, west, east = boxes[turned].T
    return shapely.box(west + shift, south, east + shift, north), turned


def _find_frames(a: Ints, b: Ints, reach_m: Floats) -> tuple[tuple[Floats, ...], Floats]:
    """Return for each pair the middle of a plane, its radii of curvature, and half the pair's span."""
    full = 2 * HALF_TURN_E7
    shift = np.where(
        a[:, 2] - b[:, 2] > HALF_TURN_E7, -full, np.where(b[:, 2] - a[:, 2] > HALF_TURN_E7, full, 0)
    )
    south, north = np.maximum(a[:, 0], b[:, 0]), np.minimum(a[:, 1], b[:, 1])
    west, east = np.maximum(a[:, 2] + shift, b[:, 2]), np.minimum(a[:, 3] + shift, b[:, 3])
    lat0, lon0 = (south + north) / 2, (west + east) / 2
    sin0 = np.sin(lat0 * _RAD)
    bent = 1 / (1 - ECCENTRICITY_2 * sin0**2)
    east_m = SEMI_MAJOR_M * np.sqrt(bent)
    high, wide = np.abs(north - south) * _RAD / 2, np.abs(east - west) * _RAD / 2
    span_m = SEMI_MAJOR_M * np.hypot(high, wide) + 2 * reach_m
    return (lat0, lon0, east_m * (1 - ECCENTRICITY_2) * bent, east_m), span_m


def _flatten(lat_e7: Ints, lon_e7: Ints, frame: list[Floats]) -> Floats:
    """Return x and y in metres; see `entente.space.bulk.decide`."""
    lat0, lon0, north_m, east_m = frame
    full = 2 * HALF_TURN_E7
    across = ((lon_e7 - lon0 + HALF_TURN_E7) % full - HALF_TURN_E7) * _RAD
    lat, middle = lat_e7 * _RAD, lat0 * _RAD
    sin0, cos0, sin_lat, cos_lat = np.sin(middle), np.cos(middle), np.sin(lat), np.cos(lat)
    depth = sin0 * sin_lat + cos0 * cos_lat * np.cos(across)
    x = cos_lat * np.sin(across) / depth * east_m
    y = (cos0 * sin_lat - sin0 * cos_lat * np.cos(across)) / depth * north_m
    return np.stack((x, y), axis=1)


def _make_polygons(xy: Floats, *, indices: Ints) -> Objects:
    made: Objects = shapely.polygons(shapely.linearrings(xy, indices=indices))
    return made


def _make_points(xy: Floats, *, indices: Ints) -> Objects:
    made: Objects = shapely.points(xy)
    if len(made) != len(indices):
        raise AssertionError(f"points: expected {len(indices)}, got {len(made)}")
    return made
