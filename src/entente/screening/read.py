"""Reading a file into a set, whatever its kind.

What it is for: one call for the command line and the library. The ending says the kind: ``.parquet`` and
``.geoparquet``, ``.geojson`` and ``.json``, ``.csv`` (samples of tracks).

Invariants: a file is taken whole or not at all; a budget of memory is asked before a large file is opened
for good.

    >>> plan = read_table(Path("plan.parquet"), datum="ellipsoid")
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from entente.kernel.errors import Malformed, NotFound
from entente.screening.arrow import Columns
from entente.screening.geojson import read_geojson
from entente.screening.geoparquet import count_parquet, read_geoparquet
from entente.screening.search import PLAN_BYTES
from entente.screening.sets import VolumeSet
from entente.screening.tracks import TrackRules, read_tracks

Progress = Callable[[int, int], None]

PARQUET: Final = frozenset({".parquet", ".geoparquet"})
GEOJSON: Final = frozenset({".geojson", ".json"})
CSV: Final = frozenset({".csv"})
_ROW_BYTES: Final = 8 * 7 + 30
"""Numbers of a volume, and its id."""
_BATCHES: Final = 200_000_000
"""Batches that are in memory while a file is read."""
_MB: Final = 1_000_000


def read_table(
    path: Path,
    *,
    datum: str = "",
    is_site: bool = False,
    tracks: TrackRules | None = None,
    threads: int = 1,
    memory_mb: int | None = None,
    on_progress: Progress | None = None,
) -> VolumeSet:
    """Return the set that a file holds.

    Args:
        datum: What heights are above where the file does not say it.
        is_site: Sites may have no window (always), no heights (all), and a point no radius.
        tracks: How samples become tracks; needed for a CSV.
        threads: That decode at once.
        memory_mb: Budget; a file that cannot fit is refused before it is read.
        on_progress: Called with (rows done, all rows), for GeoParquet.

    Raises:
        NotFound: There is no such file.
        Malformed: It cannot be read; names the row and the field.
        InvalidVolume: A row is no volume.
    """
    if not path.is_file():
        raise NotFound("no-file", f"file {str(path)!r}: expected a file, found none")
    ending = path.suffix.lower()
    columns = Columns(datum=datum, is_site=is_site)
    try:
        if ending in PARQUET:
            if memory_mb is not None:
                _refuse_large(path, memory_mb)
            return read_geoparquet(path, columns, threads=threads, on_rows=on_progress)
        if ending in GEOJSON:
            return read_geojson(path, columns)
        if ending in CSV:
            if tracks is None or is_site:
                raise Malformed(
                    "no-radius", f"{path.name}: expected --radius M and --half-height M for a CSV of tracks"
                )
            return read_tracks(path, tracks)
    except OSError as error:
        raise Malformed("bad-file", f"{path.name}: {error.strerror or error}") from error
    raise Malformed(
        "bad-kind", f"{path.name}: expected .parquet, .geoparquet, .geojson, .json or .csv, got {ending!r}"
    )


def _refuse_large(path: Path, memory_mb: int) -> None:
    rows, size = count_parquet(path)
    # Sixteen bytes of WKB are eight here. Pages may repeat a geometry for less: the work is refused later.
    needed = rows * (_ROW_BYTES + PLAN_BYTES) + size // 2 + min(_BATCHES, 4 * size)
    if needed > memory_mb * _MB:
        fits = int(rows * memory_mb * _MB / needed)
        raise Malformed(
            "over-memory",
            f"memory: expected {-(-needed // _MB):,} MB or more for the {rows:,} rows of {path.name}, got a"
            f" budget of {memory_mb:,} MB, which would fit some {fits:,}",
        )
