"""Many volumes as columns of numbers: what bulk questions are asked of.

What it is for: a million `Volume` objects take minutes to make and gigabytes to hold; their numbers take
neither. Each row is one volume in the units of the wire (docs/formats/volume.md section 3): 1e-7 degrees,
centimetres, microseconds.

Invariants:
  * Columns fit each other and their numbers are in range (`VolumeTable` checks); the arrays cannot be
    written to.
  * ``table.volume(row)`` is the very volume that the exact rule knows; only there is an outline checked for
    crossing edges, and `InvalidVolume` says what is wrong.
  * ``pack_volumes(volumes).volume(i)`` is volume i with positions at the wire's resolution, and radii,
    heights and windows never smaller.

It does not compare, order or repair.

    >>> table = pack_volumes([volume])
    >>> len(table), table.volume(0) == volume
    (1, True)
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from entente.kernel.errors import InvalidVolume
from entente.kernel.time import from_unix_s
from entente.space.heights import HeightBand
from entente.space.outline import Circle, Lane, Outline, Part, Polygon, Region
from entente.space.volume import Volume
from entente.space.window import Window
from entente.space.wire import encode_position, outward_cm

Ints = NDArray[np.int64]
Positions = list[tuple[int, int]]

E7: Final = 10_000_000
UNBOUNDED_CM: Final = 2**62
"""Ceiling of a band that has none; its negative is the floor of one that has none."""
MAX_RADIUS_CM: Final = 100_000_000
MAX_HEIGHT_CM: Final = 10_000_000_000
_EPOCH: Final = from_unix_s(0)
_MICROSECOND: Final = timedelta(microseconds=1)
MIN_US: Final = (datetime.min.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
MAX_US: Final = (datetime.max.replace(tzinfo=UTC) - _EPOCH) // _MICROSECOND
COLUMNS: Final = (
    *("ring_of", "vertex_of", "is_hole", "points_e7"),
    *("radius_cm", "floor_cm", "ceiling_cm", "start_us", "end_us"),
)
_DTYPES: Final = {"points_e7": np.int32, "is_hole": np.bool_}
"""Of the columns that are not int64."""


@dataclass(frozen=True, slots=True, eq=False)
class VolumeTable:
    """Volumes as columns; n volumes, r rings, m vertices.

    Args:
        ring_of: int64, shape (n + 1,). Rings of volume i are ``ring_of[i]`` up to ``ring_of[i + 1]``.
        vertex_of: int64, shape (r + 1,). Vertices of ring j, the first not repeated at the end.
        is_hole: bool, shape (r,). Whether a ring is a hole of the part whose outer ring stands before it.
        points_e7: int32, shape (m, 2). Latitude and longitude in 1e-7 degree, longitude in [-180, 180).
        radius_cm: int64, shape (n,). How far the volume reaches beyond its rings; 0 when they bound an area.
            With a radius there is one ring: a circle's centre, or a lane's points there and back again.
        floor_cm, ceiling_cm: int64, shape (n,). Above the ellipsoid; +-`UNBOUNDED_CM` for none.
        start_us, end_us: int64, shape (n,). Microseconds since 1970, half-open.

    Raises:
        InvalidVolume: Columns that do not fit each other, or a number out of range; says which row.
    """

    ring_of: Ints
    vertex_of: Ints
    is_hole: NDArray[np.bool_]
    points_e7: NDArray[np.int32]
    radius_cm: Ints
    floor_cm: Ints
    ceiling_cm: Ints
    start_us: Ints
    end_us: Ints
    worked_out: dict[str, Any] = field(init=False, repr=False, default_factory=dict)
    """What an earlier question worked out of the columns alone, such as boxes: made once, never changed."""

    def __post_init__(self) -> None:
        """Check every column and close it for writing."""
        for name in COLUMNS:
            wanted = np.dtype(_DTYPES.get(name, np.int64))
            array = np.asarray(getattr(self, name))
            if array.dtype != wanted:
                raise InvalidVolume("column-type", f"{name}: expected {wanted}, got {array.dtype}", path=name)
            array = np.ascontiguousarray(array).view()
            array.setflags(write=False)
            object.__setattr__(self, name, array)
        _check_shapes(self)
        _check_numbers(self)

    def __len__(self) -> int:
        """Return the number of volumes."""
        return len(self.radius_cm)

    @property
    def nbytes(self) -> int:
        """Bytes that the columns take."""
        return sum(getattr(self, name).nbytes for name in COLUMNS)

    def volume(self, row: int) -> Volume:
        """Return one volume as the exact rule knows it.

        Raises:
            InvalidVolume: Its rings bound no region; ``path`` names the row.
        """
        try:
            return Volume(
                self._outline(row),
                HeightBand(_metres(int(self.floor_cm[row])), _metres(int(self.ceiling_cm[row]))),
                Window(_moment(int(self.start_us[row])), _moment(int(self.end_us[row]))),
            )
        except InvalidVolume as error:
            raise InvalidVolume(error.code, error.message, path=f"row {row}: {error.path}") from error

    def take(self, rows: NDArray[np.integer] | Sequence[int]) -> VolumeTable:
        """Return some of the rows, in the order given."""
        chosen = np.asarray(rows, dtype=np.int64)
        ring_of, rings = _take_runs(self.ring_of, chosen)
        vertex_of, points = _take_runs(self.vertex_of, rings)
        return VolumeTable(
            ring_of,
            vertex_of,
            self.is_hole[rings],
            self.points_e7[points],
            self.radius_cm[chosen],
            self.floor_cm[chosen],
            self.ceiling_cm[chosen],
            self.start_us[chosen],
            self.end_us[chosen],
        )

    def _outline(self, row: int) -> Outline:
        first, last = int(self.ring_of[row]), int(self.ring_of[row + 1])
        rings = [self._ring(ring) for ring in range(first, last)]
        radius_m = int(self.radius_cm[row]) / 100
        if radius_m:
            ring = rings[0]
            return Circle(ring[0], radius_m) if len(ring) == 1 else Lane(ring[: len(ring) // 2 + 1], radius_m)
        if len(rings) == 1:
            return Polygon(rings[0])
        starts = [at for at in range(len(rings)) if not self.is_hole[first + at]]
        ends = [*starts[1:], len(rings)]
        return Region(
            tuple(
                Part(rings[start], tuple(rings[start + 1 : end]))
                for start, end in zip(starts, ends, strict=True)
            )
        )

    def _ring(self, ring: int) -> tuple[tuple[float, float], ...]:
        points = self.points_e7[self.vertex_of[ring] : self.vertex_of[ring + 1]]
        # Divided as `wire` does it: the very same floats.
        return tuple((lat / E7, lon / E7) for lat, lon in points.tolist())


def pack_volumes(volumes: Iterable[Volume]) -> VolumeTable:
    """Return volumes as a table; what is finer than the wire's units is rounded as there, outward."""
    ring_of: list[int] = [0]
    vertex_of: list[int] = [0]
    is_hole: list[bool] = []
    points: list[Positions] = []
    numbers: list[tuple[int, int, int, int, int]] = []
    for volume in volumes:
        for ring, hole in _list_rings(volume.outline):
            points.append(ring)
            vertex_of.append(vertex_of[-1] + len(ring))
            is_hole.append(hole)
        ring_of.append(len(is_hole))
        numbers.append(_list_numbers(volume))
    columns = np.array(numbers, dtype=np.int64).reshape(-1, 5)
    flat = [np.array(ring, dtype=np.int32) for ring in points]
    return VolumeTable(
        np.array(ring_of, dtype=np.int64),
        np.array(vertex_of, dtype=np.int64),
        np.array(is_hole, dtype=np.bool_),
        np.concatenate(flat) if flat else np.zeros((0, 2), dtype=np.int32),
        *(np.ascontiguousarray(columns[:, at]) for at in range(5)),
    )


def join_tables(tables: Sequence[VolumeTable]) -> VolumeTable:
    """Return the rows of all tables, one table after the other."""
    columns = (
        _join_runs([table.ring_of for table in tables]),
        _join_runs([table.vertex_of for table in tables]),
        *(np.concatenate([getattr(table, name) for table in tables]) for name in COLUMNS[2:]),
    )
    # Each table was checked when it was made, and rows do not depend on each other: checking all once more
    # would take longer than a small question about them.
    joined = object.__new__(VolumeTable)
    for name, column in zip(COLUMNS, columns, strict=True):
        column.setflags(write=False)
        object.__setattr__(joined, name, column)
    object.__setattr__(joined, "worked_out", {})
    return joined


def _list_rings(outline: Outline) -> list[tuple[Positions, bool]]:
    """Return every ring in the wire's units, and whether it is a hole."""
    if isinstance(outline, Circle):
        return [([encode_position(*outline.centre)], False)]
    if isinstance(outline, Polygon):
        return [(_encode(outline.vertices), False)]
    if isinstance(outline, Lane):
        there = _encode(outline.points)
        return [(there + there[-2:0:-1], False)]
    found: list[tuple[Positions, bool]] = []
    for part in outline.parts:
        found.append((_encode(part.outer), False))
        found += [(_encode(hole), True) for hole in part.holes]
    return found


def _encode(points: Sequence[tuple[float, float]]) -> Positions:
    return [encode_position(lat_deg, lon_deg) for lat_deg, lon_deg in points]


def _list_numbers(volume: Volume) -> tuple[int, int, int, int, int]:
    """Return radius, floor and ceiling in centimetres, start and end in microseconds."""
    floor_m, ceiling_m = volume.heights.floor_m, volume.heights.ceiling_m
    return (
        outward_cm(volume.outline.margin_m, up=True),
        -UNBOUNDED_CM if floor_m is None else outward_cm(floor_m, up=False),
        UNBOUNDED_CM if ceiling_m is None else outward_cm(ceiling_m, up=True),
        (volume.window.start_utc - _EPOCH) // _MICROSECOND,
        (volume.window.end_utc - _EPOCH) // _MICROSECOND,
    )


def _check_shapes(table: VolumeTable) -> None:
    count, rings, vertices = len(table.radius_cm), len(table.is_hole), len(table.points_e7)
    if table.points_e7.shape != (vertices, 2):
        raise InvalidVolume(
            "column-shape", f"points_e7: expected (m, 2), got {table.points_e7.shape}", path="points_e7"
        )
    for name, wanted in (
        ("ring_of", count + 1),
        ("vertex_of", rings + 1),
        *((name, count) for name in COLUMNS[4:]),
    ):
        if getattr(table, name).shape != (wanted,):
            raise InvalidVolume(
                "column-shape", f"{name}: expected ({wanted},), got {getattr(table, name).shape}", path=name
            )
    for name, bounds, last in (("ring_of", table.ring_of, rings), ("vertex_of", table.vertex_of, vertices)):
        if bounds[0] != 0 or bounds[-1] != last or bool((np.diff(bounds) < 1).any()):
            raise InvalidVolume(
                "column-bounds", f"{name}: expected to rise from 0 to {last}, none empty", path=name
            )


def _check_numbers(table: VolumeTable) -> None:
    _check_points(table.points_e7)
    for name, is_bad, wanted in (
        ("radius_cm", (table.radius_cm < 0) | (table.radius_cm > MAX_RADIUS_CM), f"0 to {MAX_RADIUS_CM}"),
        ("floor_cm", table.floor_cm > table.ceiling_cm, "floor <= ceiling"),
        ("start_us", table.start_us >= table.end_us, "start < end"),
        ("start_us", table.start_us < MIN_US, "the year 1 or later"),
        ("end_us", table.end_us > MAX_US, "the year 9999 or earlier"),
        ("floor_cm", (table.floor_cm < -MAX_HEIGHT_CM) & (table.floor_cm != -UNBOUNDED_CM), "within +-10^10"),
        (
            "ceiling_cm",
            (table.ceiling_cm > MAX_HEIGHT_CM) & (table.ceiling_cm != UNBOUNDED_CM),
            "within +-10^10",
        ),
        ("floor_cm", table.floor_cm > MAX_HEIGHT_CM, "within +-10^10"),
        ("ceiling_cm", table.ceiling_cm < -MAX_HEIGHT_CM, "within +-10^10"),
    ):
        bad = np.flatnonzero(is_bad)
        if len(bad):
            at = int(bad[0])
            got = getattr(table, name)[at].tolist()
            raise InvalidVolume(
                "column-range", f"{name}: expected {wanted}, got {got} in row {at}", path=f"{name}[{at}]"
            )
    _check_rings(table)


def _check_points(points_e7: NDArray[np.int32]) -> None:
    """Refuse positions that are none; the least and the most say that all are good."""
    for place, low, high, wanted in (
        (0, -90 * E7, 90 * E7, "latitude within +-900000000"),
        (1, -180 * E7, 180 * E7 - 1, "longitude from -1800000000 to 1799999999"),
    ):
        column = points_e7[:, place]
        if len(column) and (int(column.min()) < low or int(column.max()) > high):
            at = int(np.flatnonzero((column < low) | (column > high))[0])
            got = points_e7[at].tolist()
            raise InvalidVolume(
                "column-range",
                f"points_e7: expected {wanted}, got {got} in row {at}",
                path=f"points_e7[{at}]",
            )


def _check_rings(table: VolumeTable) -> None:
    """Refuse rings that no outline can have; whether edges cross is left to `VolumeTable.volume`."""
    if not len(table):
        return
    sizes = np.diff(table.vertex_of)
    has_radius = np.repeat(table.radius_cm > 0, np.diff(table.ring_of))
    first = table.ring_of[:-1]
    bad_rings = np.flatnonzero(~has_radius & (sizes < 3))
    bad_rows = np.flatnonzero((table.radius_cm > 0) & (np.diff(table.ring_of) != 1))
    if len(bad_rings):
        row = int(np.searchsorted(table.ring_of, bad_rings[0], side="right")) - 1
        raise InvalidVolume(
            "vertex-count",
            f"row {row}: expected rings of 3 vertices or more, got {int(sizes[bad_rings[0]])}",
            path=f"vertex_of[{int(bad_rings[0])}]",
        )
    if len(bad_rows) or bool(table.is_hole[first].any()):
        row = int(bad_rows[0]) if len(bad_rows) else int(np.flatnonzero(table.is_hole[first])[0])
        raise InvalidVolume(
            "ring-count",
            f"row {row}: expected an outer ring first, and one ring with a radius",
            path="ring_of",
        )


def _take_runs(bounds: Ints, chosen: Ints) -> tuple[Ints, Ints]:
    """Return the bounds of the chosen runs laid end to end, and where their members were."""
    sizes = bounds[chosen + 1] - bounds[chosen]
    new = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(sizes)))
    return new, np.repeat(bounds[chosen] - new[:-1], sizes) + np.arange(new[-1])


def _join_runs(parts: Sequence[Ints]) -> Ints:
    sizes = [np.diff(part) for part in parts]
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(np.concatenate(sizes))))


def _metres(bound_cm: int) -> float | None:
    return None if abs(bound_cm) >= UNBOUNDED_CM else bound_cm / 100


def _moment(micros: int) -> datetime:
    return _EPOCH + timedelta(microseconds=micros)
