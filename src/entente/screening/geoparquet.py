"""Sets out of GeoParquet files, Arrow tables and GeoDataFrames.

What it is for: millions of volumes from the format that others keep them in.

Invariants:
  * The file's own statement is believed where it fits and refused where it does not: WKB or GeoArrow's
    nested lists, longitude and latitude of WGS84 (OGC:CRS84, EPSG:4326). Edges are read as geodesics,
    whether it calls them planar or spherical, and the set's notes say so.
  * Batches are decoded while the next is read; memory holds a few beside the set.

    >>> read_geoparquet(Path("plan.parquet"), Columns(datum="ellipsoid"))
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from entente.kernel.errors import Malformed
from entente.screening.arrow import Columns, SetMaker
from entente.screening.geoarrow import ENCODINGS
from entente.screening.sets import VolumeSet

_BUFFER: Final = 1 << 20
"""Bytes of a column that are read at a time: a whole row group may be larger than what there is room for."""
_ROWS: Final = 8_192
"""Rows in a batch: what is read stays in the processor's cache until it is decoded."""
_WANTED: Final = ("id", "floor_m", "ceiling_m", "datum", "start", "end", "radius_m", "buffer_m")
_CODES: Final = frozenset({("OGC", "CRS84"), ("EPSG", "4326"), ("EPSG", "4979"), ("OGC", "CRS84h")})

Told = Callable[[int, int], None]


def read_geoparquet(
    path: Path, columns: Columns, *, threads: int = 1, on_rows: Told | None = None
) -> VolumeSet:
    """Return the set that a file holds.

    Raises:
        Malformed: It is no GeoParquet, or something in it cannot be read; names the row and the column.
    """
    subject = path.name
    with _open(path) as file:
        columns, edges = read_metadata(file.schema_arrow.metadata, columns, subject)
        present = set(file.schema_arrow.names)
        wanted = [name for name in (columns.geometry, *_WANTED) if name in present]
        expected = (file.metadata.num_rows, _count_bytes(file, columns.geometry))
        with SetMaker(columns, subject=subject, threads=max(1, threads), expected=expected) as maker:
            for batch, first in _list_batches(file, wanted, subject):
                maker.add(batch, first)
                if on_rows is not None:
                    on_rows(first + batch.num_rows, file.metadata.num_rows)
            made = maker.finish()
    return replace(made, notes=(*made.notes, f"{subject}: edges, {edges} in the file, are read as geodesics"))


def from_arrow(table: Any, columns: Columns, *, subject: str = "table") -> VolumeSet:  # noqa: ANN401 - pyarrow
    """Return the set that an Arrow table holds: columns as in a GeoParquet file."""
    metadata = table.schema.metadata or {}
    if b"geo" in metadata:
        columns, _ = read_metadata(metadata, columns, subject)
    maker = SetMaker(columns, subject=subject)
    first = 0
    for batch in table.to_batches(max_chunksize=_ROWS):
        maker.add(batch, first)
        first += batch.num_rows
    return maker.finish()


def from_geodataframe(frame: Any, columns: Columns, *, subject: str = "frame") -> VolumeSet:  # noqa: ANN401 - geopandas
    """Return the set that a GeoDataFrame holds: columns as in a GeoParquet file; NaN and NaT are nothing.

    Raises:
        Malformed: Its reference system is not WGS84's longitude and latitude, or a column cannot be read.
    """
    code = None if frame.crs is None else frame.crs.to_authority()
    if code is not None and tuple(code) not in _CODES:
        raise Malformed("bad-crs", f"{subject}: expected EPSG:4326 or OGC:CRS84, got {':'.join(code)}")
    if code is None:
        raise Malformed("bad-crs", f"{subject}: expected EPSG:4326 or OGC:CRS84, stated, got {frame.crs!r}")
    named: dict[str, Any] = {
        columns.geometry: pa.array(frame.geometry.to_wkb().to_numpy(), type=pa.binary()),
    }
    for name in _WANTED:
        if name in frame.columns:
            named[name] = pa.Array.from_pandas(frame[name])
    return from_arrow(pa.table(named), columns, subject=subject)


def count_parquet(path: Path) -> tuple[int, int]:
    """Return how many rows a file has, and how many bytes its geometries are at the least."""
    with _open(path) as file:
        columns, _ = read_metadata(file.schema_arrow.metadata, Columns(), path.name)
        return file.metadata.num_rows, _count_bytes(file, columns.geometry)


def _count_bytes(file: Any, name: str) -> int:  # noqa: ANN401 - pyarrow
    """Return how many bytes a column of a file is, at the least: pages may repeat a value for less."""
    size = 0
    for group in range(file.metadata.num_row_groups):
        row_group = file.metadata.row_group(group)
        for place in range(row_group.num_columns):
            column = row_group.column(place)
            if column.path_in_schema.partition(".")[0] == name:
                size += int(column.total_uncompressed_size)
    return size


def read_metadata(metadata: Any, columns: Columns, subject: str) -> tuple[Columns, str]:  # noqa: ANN401 - pyarrow
    """Return the columns with the geometry's own name, and what the file says of its edges.

    Raises:
        Malformed: The metadata is missing, or of something that is not read here.
    """
    raw = (metadata or {}).get(b"geo")
    if raw is None:
        raise Malformed(
            "no-geo", f"{subject}: expected GeoParquet, got a file without 'geo' in its metadata", path="geo"
        )
    try:
        geo = json.loads(raw)
        name = geo["primary_column"]
        column = geo["columns"][name]
        encoding = column["encoding"]
        crs = column.get("crs", _DEFAULT)
        edges = column.get("edges", "planar")
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Malformed(
            "bad-geo", f"{subject}, geo: expected the metadata of GeoParquet 1, got {error!r}", path="geo"
        ) from error
    if encoding != "WKB" and encoding not in ENCODINGS:
        raise Malformed(
            "bad-geo",
            f"{subject}, geo: expected the encoding WKB, {', '.join(ENCODINGS)}, got {encoding!r}",
            path="geo",
        )
    if edges not in {"planar", "spherical"}:
        raise Malformed(
            "bad-geo", f"{subject}, geo: expected edges planar or spherical, got {edges!r}", path="geo"
        )
    if crs is not _DEFAULT and _find_code(crs) not in _CODES:
        code = _find_code(crs)
        got = ":".join(code) if code else "none that is named"
        raise Malformed(
            "bad-crs", f"{subject}, geo, crs: expected OGC:CRS84 or EPSG:4326, got {got}", path="geo"
        )
    return replace(columns, geometry=name, encoding="" if encoding == "WKB" else encoding), edges


_DEFAULT: Final = object()
"""A column that says nothing of its reference system is in OGC:CRS84 (GeoParquet 1.1)."""


def _find_code(crs: Any) -> tuple[str, str] | None:  # noqa: ANN401 - parsed JSON
    """Return authority and code of a PROJJSON reference system."""
    if not isinstance(crs, dict) or not isinstance(crs.get("id"), dict):
        return None
    return str(crs["id"].get("authority")), str(crs["id"].get("code"))


def _open(path: Path) -> Any:  # noqa: ANN401 - pyarrow
    try:
        return pq.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER)
    except OSError as error:
        raise _as_broken(path.name, error) from error
    except pa.ArrowInvalid as error:
        raise _as_broken(path.name, error) from error


def _list_batches(file: Any, wanted: list[str], subject: str) -> Iterator[tuple[Any, int]]:  # noqa: ANN401 - pyarrow
    first = 0
    batches = file.iter_batches(batch_size=_ROWS, columns=wanted)
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError) as error:
            raise _as_broken(f"{subject}, row {first} or later", error) from error
        if batch is None:
            return
        yield batch, first
        first += batch.num_rows


def _as_broken(subject: str, error: Exception) -> Malformed:
    said = str(error).splitlines()[0] if str(error) else type(error).__name__
    return Malformed("bad-parquet", f"{subject}: expected a whole Parquet file, got: {said}")
