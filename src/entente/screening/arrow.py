"""A set out of Arrow columns: what GeoParquet files, Arrow tables and frames have in common.

What it is for: the columns of docs/screening.md, read a batch at a time, so that memory holds one batch
beside what is kept.

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

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from entente.kernel.errors import InvalidVolume, Malformed
from entente.screening.columns import Ints, Say, Shift, check_windows, place_heights, place_radii, read_datum
from entente.screening.outlines import find_sure, refuse_crossed
from entente.screening.sets import ArrowArray, VolumeSet, name_objects, number_objects
from entente.screening.wkb import LINE, POINT, BadShape, Shapes, decode_wkb
from entente.space.bulk import UNBOUNDED_CM, VolumeTable
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
        geometry: The column of WKB.
        datum: What heights are above where no column ``datum`` says it; empty: such heights are an error.
        is_site: Whether a volume may have no window (always) and a point no radius.
    """

    geometry: str = "geometry"
    datum: str = ""
    is_site: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """What one batch came to."""

    shapes: Shapes
    radius_cm: Ints
    floor_cm: Ints
    ceiling_cm: Ints
    start_us: Ints
    end_us: Ints
    ids: Column
    buffer_cm: Ints | None
    is_sure: NDArray[np.bool_]
    """Of outlines that need no second look."""


class SetMaker:
    """Reads batches, in any thread; keeps the pieces in their order."""

    def __init__(self, columns: Columns, *, subject: str, rows: str = "row") -> None:
        self._columns = columns
        self._subject = subject
        self._rows = rows
        self._pieces: list[_Piece] = []

    def add(self, batch: Batch, first: int = 0) -> None:
        """Read the next batch, whose first row is number ``first`` of the file."""
        self.keep(self.read(batch, first))

    def keep(self, piece: _Piece) -> None:
        """Take the next piece."""
        self._pieces.append(piece)

    def read(self, batch: Batch, first: int = 0) -> _Piece:
        """Return what a batch comes to; changes nothing."""
        names = set(batch.schema.names)
        say = self._make_say(first)
        count = batch.num_rows
        shapes = self._read_shapes(batch, names, say)
        floor_cm, ceiling_cm = self._read_heights(batch, names, count, say)
        start_us, end_us = self._read_windows(batch, names, count, say)
        radius_cm = self._read_radii(batch, names, shapes.kinds, say)
        return _Piece(
            shapes=shapes,
            radius_cm=radius_cm,
            floor_cm=floor_cm,
            ceiling_cm=ceiling_cm,
            start_us=start_us,
            end_us=end_us,
            ids=_whole(batch.column("id")) if "id" in names else None,
            buffer_cm=self._read_buffers(batch, names, say) if self._columns.is_site else None,
            is_sure=find_sure(shapes.points_e7, shapes.vertex_of, shapes.ring_of, radius_cm),
        )

    def finish(self) -> VolumeSet:
        """Return the set.

        Raises:
            Malformed: An id is missing or stands twice.
            InvalidVolume: An outline bounds no area.
        """
        # Pieces are let go as their columns are laid end to end: never are both in memory whole.
        pieces, self._pieces = self._pieces, []
        names = [piece.ids for piece in pieces]
        rows = sum(len(piece.radius_cm) for piece in pieces)
        buffers = [piece.buffer_cm for piece in pieces if piece.buffer_cm is not None]
        shapes = [piece.shapes for piece in pieces]
        numbers = {
            name: [getattr(piece, name) for piece in pieces]
            for name in ("radius_cm", "floor_cm", "ceiling_cm", "start_us", "end_us", "is_sure")
        }
        del pieces
        parts = {
            name: [getattr(shape, name) for shape in shapes]
            for name in ("ring_of", "vertex_of", "is_hole", "points_e7")
        }
        del shapes
        # Ids are compared meanwhile: Arrow leaves the interpreter to others.
        with ThreadPoolExecutor(max_workers=1) as pool:
            naming = pool.submit(self._name_rows, names, rows)
            joined = {name: _join(numbers[name], _KINDS[name], ()) for name in numbers}
            is_sure = joined.pop("is_sure")
            table = VolumeTable(
                _join_bounds(parts["ring_of"]),
                _join_bounds(parts["vertex_of"]),
                _join(parts["is_hole"], np.dtype(np.bool_), ()),
                _join(parts["points_e7"], np.dtype(np.int32), (2,)),
                *joined.values(),
            )
            ids, notes = naming.result()
        refuse_crossed(table, is_sure, say=self._make_say(0))
        buffer_cm = np.concatenate(buffers) if buffers else None
        return VolumeSet(table, ids, buffer_cm=buffer_cm, notes=notes)

    def _name_rows(self, given: list[Column], rows: int) -> tuple[ArrowArray, tuple[str, ...]]:
        if given and given[0] is not None:
            return name_objects(pa.chunked_array(given), self._subject, rows=self._rows), ()
        note = f"{self._subject}: no 'id': a {self._rows} is named by its number, from 0"
        return number_objects(rows), (note,)

    def _make_say(self, first: int) -> Say:
        return lambda row: f"{self._subject}, {self._rows} {first + row}"

    def _read_shapes(self, batch: Batch, names: set[str], say: Say) -> Shapes:
        name = self._columns.geometry
        if name not in names:
            raise Malformed("no-column", f"{self._subject}: expected a column {name!r} of WKB, got none")
        column = _whole(batch.column(name))
        if not (pa.types.is_binary(column.type) or pa.types.is_large_binary(column.type)):
            raise Malformed("bad-column", f"{self._subject}, {name}: expected WKB, got {column.type}")
        _refuse_nulls(column, name, say)
        _, places, data = column.buffers()
        kind = np.int64 if pa.types.is_large_binary(column.type) else np.int32
        offsets: NDArray[np.integer] = np.frombuffer(places, dtype=kind)
        offsets = offsets[column.offset : column.offset + len(column) + 1]
        raw = np.frombuffer(data, dtype=np.uint8) if data is not None else np.zeros(0, dtype=np.uint8)
        try:
            return decode_wkb(raw, offsets if len(offsets) else np.zeros(1, dtype=np.int64))
        except BadShape as error:
            raise InvalidVolume(
                "bad-geometry", f"{say(error.row)}, {name}: expected {error.expected}"
            ) from error

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
        codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False).astype(np.int64)
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
            column = column.cast(pa.timestamp("us", "UTC")).cast(pa.int64()).fill_null(ALWAYS_US[int(up)])
            return np.asarray(column.to_numpy(zero_copy_only=False))
        numbers = np.asarray(column.cast(pa.int64()).to_numpy())
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
        at = int(np.flatnonzero(pc.is_null(column).to_numpy(zero_copy_only=False))[0])
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
    bad = np.flatnonzero(np.isnan(column.fill_null(0.0).to_numpy(zero_copy_only=False)))
    if len(bad):
        raise Malformed("bad-number", f"{say(int(bad[0]))}, {name}: expected a number or nothing, got NaN")
    return np.asarray(column.fill_null(missing).to_numpy(zero_copy_only=False))


_KINDS: Final = {
    name: np.dtype(np.bool_ if name == "is_sure" else np.int64)
    for name in ("radius_cm", "floor_cm", "ceiling_cm", "start_us", "end_us", "is_sure")
}


def _join(parts: list[Any], kind: np.dtype[Any], shape: tuple[int, ...]) -> Any:  # noqa: ANN401 - arrays of one kind
    """Return parts laid end to end; each is taken out of the list when it has been copied."""
    joined = np.empty((sum(len(part) for part in parts), *shape), dtype=kind)
    begin = 0
    while parts:
        part = parts.pop(0)
        joined[begin : begin + len(part)] = part
        begin += len(part)
    return joined


def _join_bounds(parts: list[Ints]) -> Ints:
    if len(parts) == 1:
        return parts[0]
    sizes = _join([np.diff(part) for part in parts], np.dtype(np.int64), ())
    return np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(sizes)))
