"""A set out of Arrow columns: what GeoParquet files, Arrow tables and frames have in common.

What it is for: the columns of docs/screening.md, read a batch at a time, each written where it stays: memory
holds a few batches beside what is kept, and nothing twice.

Invariants:
  * A table is taken whole or not at all; an error names the row, counted from 0 through all batches, and the
    column.
  * Heights, times and outlines are read as `entente.screening.columns`, `wkb` and `outlines` say.

It does not open files.

    >>> maker = SetMaker(Columns(geometry="geometry"), subject="plan.parquet")
    >>> maker.add(batch)
    >>> made = maker.finish()
"""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Self, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from entente.kernel.errors import EntenteError, InvalidVolume, Malformed
from entente.screening.arrays import fill_missing, find_missing, read_numbers
from entente.screening.columns import Ints, Say, Shift, check_windows, place_heights, place_radii, read_datum
from entente.screening.geoarrow import BadNesting, list_geoarrow
from entente.screening.outlines import find_sure, refuse_crossed
from entente.screening.sets import ArrowArray, VolumeSet, name_objects, number_objects
from entente.screening.shapes import LINE, POINT, BadShape, Outlines, Place, ShapeRoom
from entente.screening.wkb import count_wkb, decode_wkb
from entente.space.bulk import UNBOUNDED_CM, VolumeTable
from entente.space.bulk.compiled import is_worth_compiling
from entente.space.bulk.table import MAX_US, MIN_US

Batch: TypeAlias = Any
"""A `pyarrow.RecordBatch` or a `pyarrow.Table` of one chunk a column."""
Column: TypeAlias = Any

ALWAYS_US: Final = (MIN_US, MAX_US)
SMALLEST_CM: Final = 1
"""A site that is a point is taken to be this large: a volume has to be somewhere."""


@dataclass(frozen=True, slots=True)
class Columns:
    """Names of the columns, and what holds where there is none.

    Args:
        geometry: The column of outlines.
        encoding: Empty for WKB, or what GeoParquet calls it: ``point``, ``linestring``, ``polygon`` or
            ``multipolygon`` in the nested lists of GeoArrow.
        datum: What heights are above where no column ``datum`` says it; empty: such heights are an error.
        is_site: Whether a volume may have no window (always) and a point no radius.
    """

    geometry: str = "geometry"
    datum: str = ""
    is_site: bool = False
    encoding: str = ""


@dataclass(frozen=True, slots=True, eq=False)
class _Job:
    """A batch whose outlines have a place; the rest of it is read when it is filled in."""

    batch: Batch
    first: int
    place: Place
    outlines: Outlines


class SetMaker:
    """Reads batches into the columns of one set.

    Args:
        columns: Their names.
        subject: What errors call it.
        rows: What errors call a place in it.
        threads: That fill in batches while the next is brought; 0: none beside the caller.
        expected: Rows and bytes of geometry that there will be, as far as is known.
    """

    def __init__(
        self,
        columns: Columns,
        *,
        subject: str,
        rows: str = "row",
        threads: int = 0,
        expected: tuple[int, int] = (0, 0),
    ) -> None:
        self._columns = columns
        self._subject = subject
        self._rows = rows
        count, size = expected
        # A ring is at least 13 bytes and a position 16: nearly as many as there will be, if not more.
        self._shapes = ShapeRoom(count, count, size // 16)
        self._numbers = {name: np.empty(count, dtype=kind) for name, kind in _KINDS.items()}
        self._buffers: list[Ints] = []
        self._ids: list[Column] = []
        self._waiting: deque[Future[None]] = deque()
        self._ahead = threads + 1
        self._pool = ThreadPoolExecutor(max_workers=threads) if threads else None

    def __enter__(self) -> Self:
        """Return itself; its threads end with the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the threads."""
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def add(self, batch: Batch, first: int = 0) -> None:
        """Read the next batch, whose first row is number ``first`` of the file."""
        try:
            outlines = self._count_outlines(batch, first)
        except EntenteError:
            # What is wrong with an earlier row is said first.
            self._settle(0)
            raise
        sizes = (outlines.rows, outlines.rings, outlines.vertices)
        if not self._shapes.has(*sizes):
            self._settle(0)
            self._shapes.grow(*sizes)
        place = self._shapes.take(*sizes)
        if place.row_end > len(self._numbers["radius_cm"]):
            self._settle(0)
            for name, column in self._numbers.items():
                grown = np.empty(len(self._shapes.kinds), dtype=column.dtype)
                grown[: place.row] = column[: place.row]
                self._numbers[name] = grown
        if "id" in batch.schema.names:
            self._ids.append(_whole(batch.column("id")))
        if self._columns.is_site:
            self._buffers.append(np.full(place.row_end - place.row, -1, dtype=np.int64))
        job = _Job(batch, first, place, outlines)
        number = len(self._buffers) - 1
        if self._pool is None:
            self._fill(job, number)
            return
        self._waiting.append(self._pool.submit(self._fill, job, number))
        self._settle(self._ahead)

    def _settle(self, most: int) -> None:
        """Wait until at most so many batches are under way; the error of the earliest row is raised first."""
        while len(self._waiting) > most:
            self._waiting.popleft().result()

    def _fill(self, job: _Job, number: int) -> None:
        """Fill in all that a batch says."""
        batch, place, room = job.batch, job.place, self._shapes
        names = set(batch.schema.names)
        say = self._make_say(job.first)
        try:
            job.outlines.fill(room, place)
        except BadShape as error:
            raise self._as_bad_geometry(error, say) from error
        part = slice(place.row, place.row_end)
        numbers = self._numbers
        count = batch.num_rows
        numbers["floor_cm"][part], numbers["ceiling_cm"][part] = self._read_heights(batch, names, count, say)
        numbers["start_us"][part], numbers["end_us"][part] = self._read_windows(batch, names, count, say)
        radius_cm = self._read_radii(batch, names, room.kinds[part], say)
        numbers["radius_cm"][part] = radius_cm
        if self._columns.is_site:
            self._buffers[number] = self._read_buffers(batch, names, say)
        find_sure(
            room.points_e7,
            room.vertex_of,
            room.ring_of[place.row : place.row_end + 1],
            radius_cm,
            numbers["is_sure"][part],
        )

    def finish(self) -> VolumeSet:
        """Return the set.

        Raises:
            Malformed: An id is missing or stands twice.
            InvalidVolume: An outline bounds no area.
        """
        self._settle(0)
        shapes = self._shapes.shapes()
        rows = len(shapes.kinds)
        numbers = {name: column[:rows] for name, column in self._numbers.items()}
        is_sure = numbers.pop("is_sure")
        # Ids are compared meanwhile: Arrow leaves the interpreter to others.
        with ThreadPoolExecutor(max_workers=1) as pool:
            naming = pool.submit(self._name_rows, self._ids, rows)
            table = VolumeTable(shapes.ring_of, shapes.vertex_of, shapes.is_hole, shapes.points_e7, **numbers)
            ids, notes = naming.result()
        refuse_crossed(table, is_sure, say=self._make_say(0))
        buffer_cm = np.concatenate(self._buffers) if self._buffers else None
        return VolumeSet(table, ids, buffer_cm=buffer_cm, notes=notes)

    def _name_rows(self, given: list[Column], rows: int) -> tuple[ArrowArray, tuple[str, ...]]:
        if given:
            return name_objects(pa.chunked_array(given), self._subject, rows=self._rows), ()
        note = f"{self._subject}: no 'id': a {self._rows} is named by its number, from 0"
        return number_objects(rows), (note,)

    def _make_say(self, first: int) -> Say:
        return lambda row: f"{self._subject}, {self._rows} {first + row}"

    def _count_outlines(self, batch: Batch, first: int) -> Outlines:
        """Return a batch's outlines, or how many there are where they are to be filled in later."""
        say = self._make_say(first)
        name = self._columns.geometry
        if name not in batch.schema.names:
            raise Malformed("no-column", f"{self._subject}: expected a column {name!r} of WKB, got none")
        column = _whole(batch.column(name))
        is_wkb = pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)
        if not is_wkb and not self._columns.encoding:
            raise Malformed("bad-column", f"{self._subject}, {name}: expected WKB, got {column.type}")
        _refuse_nulls(column, name, say)
        try:
            if self._columns.encoding:
                return list_geoarrow(column, self._columns.encoding)
            _, places, data = column.buffers()
            kind = np.int64 if pa.types.is_large_binary(column.type) else np.int32
            offsets: NDArray[np.integer] = np.frombuffer(places, dtype=kind)
            offsets = offsets[column.offset : column.offset + len(column) + 1]
            raw = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
            if is_worth_compiling(len(column)):
                return count_wkb(raw, offsets)
            return decode_wkb(raw, offsets if len(offsets) else np.zeros(1, dtype=np.int64))
        except BadShape as error:
            raise self._as_bad_geometry(error, say) from error
        except BadNesting as error:
            raise Malformed(
                "bad-column",
                f"{self._subject}, {name}: expected lists round structs of x and y, as the encoding"
                f" {self._columns.encoding!r} says, got {column.type}",
            ) from error

    def _as_bad_geometry(self, error: BadShape, say: Say) -> InvalidVolume:
        return InvalidVolume(
            "bad-geometry", f"{say(error.row)}, {self._columns.geometry}: expected {error.expected}"
        )

    def _read_radii(self, batch: Batch, names: set[str], kinds: NDArray[np.int8], say: Say) -> Ints:
        needs = (kinds == POINT) | (kinds == LINE)
        if "radius_m" in names:
            radius_m = _read_floats(batch, "radius_m", np.nan, say)
            given = ~np.isnan(radius_m)
        else:
            radius_m, given = np.full(len(kinds), np.nan), np.zeros(len(kinds), dtype=np.bool_)
        bad = np.flatnonzero(given & ~needs & (radius_m != 0.0))
        if len(bad):
            at = int(bad[0])
            raise InvalidVolume(
                "bad-radius", f"{say(at)}, radius_m: expected none with an area, got {float(radius_m[at])!r}"
            )
        found = np.zeros(len(kinds), dtype=np.int64)
        if self._columns.is_site:
            bare = needs & (~given | (radius_m == 0.0))
            found[bare] = SMALLEST_CM
            needs &= ~bare
        rows = np.flatnonzero(needs)
        bad = rows[~given[rows]]
        if len(bad):
            raise InvalidVolume(
                "no-radius", f"{say(int(bad[0]))}, radius_m: expected one with a point or a line, got nothing"
            )
        found[rows] = place_radii(radius_m[rows], say=lambda at: say(int(rows[at])))
        return found

    def _read_buffers(self, batch: Batch, names: set[str], say: Say) -> Ints:
        """Return what each site asks to be kept; -1 where it does not say."""
        found = np.full(batch.num_rows, -1, dtype=np.int64)
        if "buffer_m" not in names:
            return found
        buffer_m = _read_floats(batch, "buffer_m", np.nan, say)
        rows = np.flatnonzero(~np.isnan(buffer_m))
        bad = rows[~((buffer_m[rows] >= 0.0) & (buffer_m[rows] <= 1e6))]
        if len(bad):
            at = int(bad[0])
            raise Malformed(
                "bad-buffer", f"{say(at)}, buffer_m: expected 0 to 1e6 m, got {float(buffer_m[at])!r}"
            )
        found[rows] = -(-np.rint(buffer_m[rows] * 1e6).astype(np.int64) // 10_000)
        return found

    def _read_heights(self, batch: Batch, names: set[str], count: int, say: Say) -> tuple[Ints, Ints]:
        if not names & {"floor_m", "ceiling_m"}:
            if not self._columns.is_site:
                raise Malformed(
                    "no-column",
                    f"{self._subject}: expected columns 'floor_m' and 'ceiling_m' (null for unbounded), got"
                    " neither",
                )
            return np.full(count, -UNBOUNDED_CM), np.full(count, UNBOUNDED_CM)
        missing = {"floor_m", "ceiling_m"} - names
        if missing:
            raise Malformed("no-column", f"{self._subject}: expected a column {missing.pop()!r}, got none")
        datum_of, shifts = self._read_datums(batch, names, count, say)
        return place_heights(
            _read_floats(batch, "floor_m", -np.inf, say),
            _read_floats(batch, "ceiling_m", np.inf, say),
            datum_of,
            shifts,
            say=say,
        )

    def _read_datums(self, batch: Batch, names: set[str], count: int, say: Say) -> tuple[Ints, list[Shift]]:
        whole = [] if not self._columns.datum else [read_datum(self._columns.datum, "--datum")]
        if "datum" not in names:
            return np.full(count, len(whole) - 1, dtype=np.int64), whole
        column = _whole(batch.column("datum"))
        if not pa.types.is_dictionary(column.type):
            if not (
                pa.types.is_string(column.type)
                or pa.types.is_large_string(column.type)
                or pa.types.is_null(column.type)
            ):
                raise Malformed("bad-column", f"{self._subject}, datum: expected text, got {column.type}")
            column = column.dictionary_encode()
        texts = column.dictionary.to_pylist()
        codes = fill_missing(column.indices.cast(pa.int64()), -1)
        shifts = []
        for place, text in enumerate(texts):
            at = np.flatnonzero(codes == place)
            shifts.append(read_datum(str(text), say(int(at[0])) if len(at) else self._subject))
        return np.where(codes < 0, len(shifts) if whole else -1, codes), shifts + whole

    def _read_windows(self, batch: Batch, names: set[str], count: int, say: Say) -> tuple[Ints, Ints]:
        if not names & {"start", "end"} and self._columns.is_site:
            return np.full(count, ALWAYS_US[0]), np.full(count, ALWAYS_US[1])
        missing = [name for name in ("start", "end") if name not in names]
        if missing:
            raise Malformed("no-column", f"{self._subject}: expected a column {missing[0]!r}, got none")
        start_us = self._read_times(batch, "start", say, up=False)
        end_us = self._read_times(batch, "end", say, up=True)
        check_windows(start_us, end_us, say=say)
        return start_us, end_us

    def _read_times(self, batch: Batch, name: str, say: Say, *, up: bool) -> Ints:
        column = _whole(batch.column(name))
        if not pa.types.is_timestamp(column.type) or column.type.tz not in _ZONES:
            raise Malformed(
                "bad-time", f"{self._subject}, {name}: expected timestamps of UTC, got {column.type}"
            )
        if column.null_count:
            if not self._columns.is_site:
                _refuse_nulls(column, name, say)
            column = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64())
            return fill_missing(column, ALWAYS_US[int(up)])
        numbers = read_numbers(column.cast(pa.int64()))
        times, parts = _UNITS[column.type.unit]
        if parts > 1:
            return -(-numbers // parts) if up else numbers // parts
        bad = np.flatnonzero((numbers < MIN_US // times) | (numbers > MAX_US // times))
        if len(bad):
            raise Malformed("bad-time", f"{say(int(bad[0]))}, {name}: expected the years 1 to 9999")
        return numbers * times if times > 1 else numbers


_ZONES: Final = frozenset({"UTC", "Etc/UTC", "Z", "+00:00"})
_UNITS: Final = {"s": (1_000_000, 1), "ms": (1_000, 1), "us": (1, 1), "ns": (1, 1_000)}
"""A unit in microseconds, and how many of it are one."""


def _whole(column: Column) -> Column:
    """Return a column as one array."""
    if isinstance(column, pa.ChunkedArray):
        return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    return column


def _refuse_nulls(column: Column, name: str, say: Say) -> None:
    if column.null_count:
        at = int(np.flatnonzero(find_missing(column))[0])
        raise Malformed("no-value", f"{say(at)}, {name}: expected a value, got nothing")


def _read_floats(batch: Batch, name: str, missing: float, say: Say) -> NDArray[np.float64]:
    """Return a column of numbers; ``missing`` for nulls."""
    column = _whole(batch.column(name))
    if not (
        pa.types.is_floating(column.type) or pa.types.is_integer(column.type) or pa.types.is_null(column.type)
    ):
        raise Malformed("bad-column", f"{say(0)}, {name}: expected numbers, got {column.type}")
    # A NaN that was given is no null: in a frame it is how nothing is spelt, in a file it is a fault.
    column = column.cast(pa.float64(), safe=False)
    bad = np.flatnonzero(np.isnan(fill_missing(column, 0.0)))
    if len(bad):
        raise Malformed("bad-number", f"{say(int(bad[0]))}, {name}: expected a number or nothing, got NaN")
    return fill_missing(column, missing)


_KINDS: Final = {
    name: np.dtype(np.bool_ if name == "is_sure" else np.int64)
    for name in ("radius_cm", "floor_cm", "ceiling_cm", "start_us", "end_us", "is_sure")
}
