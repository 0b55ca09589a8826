"""What else finds all conflicting pairs of a set: shapely, DuckDB, SedonaDB, PostGIS, each tuned.

Each gets the volumes in the form it likes best, made before its clock starts, and answers with the same
thing: pairs of rows, the lower first, sorted. Straight edges in longitude and latitude unless it says
    geodesic.

How each was tuned:
  * shapely: one STRtree for each six hours, boxes first, bands and windows in numpy, outlines last.
  * DuckDB and SedonaDB: volumes are laid into cells of 0.2 degrees and three hours beforehand; an equi-join
    on the cell with comparisons of boxes, each pair taken in the cell of its common low corner;
    `ST_Intersects` on what is left.
  * PostGIS: one GiST index on geometry, time and height together; or on geography, which is geodesic.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import shapely
from numpy.typing import NDArray

from bench.volumes import BenchVolumes

Ints = NDArray[np.int64]
CELL_DEG: Final = 0.2
SLICE_US: Final = 3 * 3_600_000_000
TREE_SLICE_US: Final = 6 * 3_600_000_000
_BATCH: Final = 20_000


@dataclass(frozen=True)
class Answer:
    """How long it took, and the pairs as ``first << 32 | second``, sorted."""

    seconds: float
    pairs: Ints


def make_outlines(volumes: BenchVolumes) -> NDArray[np.object_]:
    """Return the outlines as polygons in longitude and latitude."""
    degrees = np.stack((volumes.lon_e7 / 1e7, volumes.lat_e7 / 1e7), axis=1)
    ring = np.repeat(np.arange(len(volumes)), np.diff(volumes.vertex_of))
    outlines: NDArray[np.object_] = shapely.polygons(shapely.linearrings(degrees, indices=ring))
    return outlines


def encode(first: Ints, second: Ints) -> Ints:
    """Return pairs as sorted numbers."""
    low, high = np.minimum(first, second), np.maximum(first, second)
    return np.sort(low.astype(np.int64) << 32 | high.astype(np.int64))


def explode(volumes: BenchVolumes, outlines: NDArray[np.object_]) -> dict[str, NDArray[Any]]:
    """Return a row for each cell and slice of time that a volume's box touches."""
    west, south, east, north = shapely.bounds(outlines).T
    columns = {
        "cx": np.floor(west / CELL_DEG).astype(np.int64),
        "cy": np.floor(south / CELL_DEG).astype(np.int64),
        "ct": volumes.start_us // SLICE_US,
    }
    spans = {
        "cx": np.floor(east / CELL_DEG).astype(np.int64) - columns["cx"] + 1,
        "cy": np.floor(north / CELL_DEG).astype(np.int64) - columns["cy"] + 1,
        "ct": (volumes.end_us - 1) // SLICE_US - columns["ct"] + 1,
    }
    count = spans["cx"] * spans["cy"] * spans["ct"]
    row = np.repeat(np.arange(len(volumes)), count)
    step = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
    found: dict[str, NDArray[Any]] = {"id": row}
    for name in ("cx", "cy", "ct"):
        found[name] = columns[name][row] + step % spans[name][row]
        step = step // spans[name][row]
    for name, column in (
        ("x0", west),
        ("y0", south),
        ("x1", east),
        ("y1", north),
        ("t0", volumes.start_us),
        ("t1", volumes.end_us),
        ("z0", volumes.floor_cm),
        ("z1", volumes.ceiling_cm),
    ):
        found[name] = column[row]
    found["k"] = (found["ct"] * 10_000 + found["cy"] + 5_000) * 10_000 + found["cx"] + 5_000
    return found


def _join(intersects: str) -> str:
    return f"""
        SELECT p.a AS a, p.b AS b FROM (
            SELECT l.id AS a, r.id AS b FROM ex l JOIN ex r ON l.k = r.k
            WHERE l.id < r.id AND l.x0 <= r.x1 AND r.x0 <= l.x1 AND l.y0 <= r.y1 AND r.y0 <= l.y1
              AND l.t0 < r.t1 AND r.t0 < l.t1 AND l.z0 <= r.z1 AND r.z0 <= l.z1
              AND floor(greatest(l.x0, r.x0) / {CELL_DEG}) = l.cx
              AND floor(greatest(l.y0, r.y0) / {CELL_DEG}) = l.cy
              AND CASE WHEN l.t0 > r.t0 THEN l.s0 ELSE r.s0 END = l.ct
        ) p JOIN v g ON g.id = p.a JOIN v h ON h.id = p.b WHERE {intersects}"""  # noqa: S608 - ours


def run_shapely(volumes: BenchVolumes, outlines: NDArray[np.object_]) -> Answer:
    """Answer with a tree for each slice of time."""
    began = time.perf_counter()
    boxes = shapely.box(*shapely.bounds(outlines).T)
    slices = range(
        int(volumes.start_us.min() // TREE_SLICE_US), int(volumes.end_us.max() // TREE_SLICE_US) + 1
    )
    first, second = [], []
    for number in slices:
        rows = np.flatnonzero(
            (volumes.start_us < (number + 1) * TREE_SLICE_US) & (volumes.end_us > number * TREE_SLICE_US)
        )
        one, two = shapely.STRtree(boxes[rows]).query(boxes[rows])
        one, two = rows[one], rows[two]
        later = np.maximum(volumes.start_us[one], volumes.start_us[two])
        kept = (
            (one < two)
            & (later < np.minimum(volumes.end_us[one], volumes.end_us[two]))
            & (later // TREE_SLICE_US == number)
            & (volumes.floor_cm[one] <= volumes.ceiling_cm[two])
            & (volumes.floor_cm[two] <= volumes.ceiling_cm[one])
        )
        one, two = one[kept], two[kept]
        meets = shapely.intersects(outlines[one], outlines[two])
        first.append(one[meets])
        second.append(two[meets])
    pairs = encode(np.concatenate(first), np.concatenate(second))
    return Answer(time.perf_counter() - began, pairs)


def run_duckdb(volumes: BenchVolumes, outlines: NDArray[np.object_], threads: int = 1) -> Answer:
    """Answer with the equi-join, in memory."""
    import duckdb
    import pyarrow as pa
    from duckdb_extension_spatial import __file__ as package

    extension = f"{package.rpartition('/')[0]}/extensions/v{duckdb.__version__}/spatial.duckdb_extension"
    connection = duckdb.connect(config={"threads": threads, "allow_unsigned_extensions": "true"})
    connection.execute(f"LOAD '{extension}'")
    cells = explode(volumes, outlines)
    cells["s0"] = cells["t0"] // SLICE_US
    connection.register("ex_arrow", pa.table(cells))
    connection.register("v_arrow", pa.table({"id": np.arange(len(volumes)), "w": shapely.to_wkb(outlines)}))
    connection.execute("CREATE TABLE ex AS SELECT * FROM ex_arrow")
    connection.execute("CREATE TABLE v AS SELECT id, ST_GeomFromWKB(w) AS g FROM v_arrow")
    began = time.perf_counter()
    found = connection.execute(_join("ST_Intersects(g.g, h.g)")).fetchnumpy()
    pairs = encode(np.asarray(found["a"]), np.asarray(found["b"]))
    return Answer(time.perf_counter() - began, pairs)


def run_sedona(
    volumes: BenchVolumes, outlines: NDArray[np.object_], *, is_geodesic: bool, threads: int = 1
) -> Answer:
    """Answer with the equi-join, reading its own Parquet files from the page cache."""
    import tempfile
    from pathlib import Path

    import pyarrow as pa
    import pyarrow.parquet as pq
    import sedonadb

    with tempfile.TemporaryDirectory() as scratch:
        cells = explode(volumes, outlines)
        cells["s0"] = cells["t0"] // SLICE_US
        pq.write_table(pa.table(cells), Path(scratch, "ex.parquet"))
        wkb = pa.table({"id": np.arange(len(volumes)), "w": shapely.to_wkb(outlines)})
        pq.write_table(wkb, Path(scratch, "v.parquet"))
        session = sedonadb.connect()
        session.sql(f"SET datafusion.execution.target_partitions = {threads}").execute()
        session.read_parquet(str(Path(scratch, "ex.parquet"))).to_view("ex")
        session.read_parquet(str(Path(scratch, "v.parquet"))).to_view("v")
        make = "ST_GeogFromWKB" if is_geodesic else "ST_GeomFromWKB"
        began = time.perf_counter()
        found = session.sql(_join(f"ST_Intersects({make}(g.w), {make}(h.w))"))
        pairs_table = pa.table(found)
        pairs = encode(pairs_table["a"].to_numpy(), pairs_table["b"].to_numpy())
        return Answer(time.perf_counter() - began, pairs)


def run_sedona_file(path: str, *, threads: int) -> tuple[float, list[tuple[str, str]]]:
    """Return how long SedonaDB takes from a GeoParquet file to the pairs of ids, geodesic, and the pairs.

    The same equi-join as `run_sedona`; its boxes and cells are made by itself, from the file.
    """
    import pyarrow as pa
    import sedonadb

    session = sedonadb.connect()
    session.sql(f"SET datafusion.execution.target_partitions = {threads}").execute()
    began = time.perf_counter()
    session.read_parquet(path).to_view("file")
    session.sql(
        """
        SELECT id AS n, ST_GeogFromWKB(ST_AsBinary(geometry)) AS g, floor_m AS z0, ceiling_m AS z1,
               CAST("start" AS BIGINT) AS t0, CAST("end" AS BIGINT) AS t1, ST_XMin(geometry) AS x0,
               ST_YMin(geometry) AS y0, ST_XMax(geometry) AS x1, ST_YMax(geometry) AS y1
        FROM file
        """
    ).to_memtable().to_view("v")
    columns = "n, x0, y0, x1, y1, z0, z1, t0, t1"

    def spread(low: str, high: str, name: str) -> str:
        bounds = [f"CAST(floor({one} / {CELL_DEG}) AS BIGINT)" for one in (low, high)]
        return f"unnest(range({bounds[0]}, {bounds[1]} + 1)) AS {name}"

    session.sql(
        f"""
        WITH c AS (SELECT {columns}, {spread("x0", "x1", "cx")} FROM v),
             d AS (SELECT {columns}, cx, {spread("y0", "y1", "cy")} FROM c),
             e AS (SELECT {columns}, cx, cy,
                          unnest(range(t0 / {SLICE_US}, (t1 - 1) / {SLICE_US} + 1)) AS ct FROM d)
        SELECT {columns}, cx, cy, ct, (ct * 10000 + cy + 5000) * 10000 + cx + 5000 AS k,
               t0 / {SLICE_US} AS s0
        FROM e
        """  # noqa: S608 - of constants
    ).to_memtable().to_view("ex")
    join = _join("ST_Intersects(g.g, h.g)")
    for ours, theirs in (("l.id", "l.n"), ("r.id", "r.n"), ("g.id", "g.n"), ("h.id", "h.n")):
        join = join.replace(ours, theirs)
    found = pa.table(session.sql(join))
    pairs = list(zip(found["a"].to_pylist(), found["b"].to_pylist(), strict=True))
    return time.perf_counter() - began, sorted(pairs)


def run_sedona_sites(outlines: NDArray[np.object_], points: NDArray[np.object_], buffer_m: Any) -> Answer:  # noqa: ANN401 - any numbers
    """Join activities with sites that they come within the buffers of; on a sphere, as SedonaDB measures."""
    import pyarrow as pa
    import sedonadb

    session = sedonadb.connect()
    session.sql("SET datafusion.execution.target_partitions = 1").execute()
    for name, shapes in (("a", outlines), ("b", points)):
        columns = {"id": np.arange(len(shapes)), "w": shapely.to_wkb(shapes)}
        if name == "b":
            columns["d"] = np.asarray(buffer_m, dtype=np.float64)
        session.create_data_frame(pa.table(columns)).to_view(f"{name}_wkb")
        session.sql(f"SELECT *, ST_GeogFromWKB(w) AS g FROM {name}_wkb").to_memtable().to_view(name)  # noqa: S608
    began = time.perf_counter()
    found = pa.table(session.sql("SELECT a.id AS a, b.id AS b FROM a JOIN b ON ST_DWithin(a.g, b.g, b.d)"))
    pairs = np.sort(found["a"].to_numpy().astype(np.int64) << 32 | found["b"].to_numpy())
    return Answer(time.perf_counter() - began, pairs)


def load_postgis(cursor: Any, volumes: BenchVolumes, outlines: NDArray[np.object_]) -> None:  # noqa: ANN401
    """Fill the table ``v``; no clock runs."""
    cursor.execute("CREATE EXTENSION IF NOT EXISTS postgis")
    cursor.execute("CREATE UNLOGGED TABLE v (id int, g geometry, tr int8range, ar int4range)")
    wkb = shapely.to_wkb(outlines, hex=True, include_srid=True, output_dimension=2)
    with cursor.copy("COPY v (id, g, tr, ar) FROM STDIN") as copy:
        for row in range(len(volumes)):
            copy.write_row(
                (
                    row,
                    wkb[row],
                    f"[{volumes.start_us[row]},{volumes.end_us[row]})",
                    f"[{volumes.floor_cm[row]},{volumes.ceiling_cm[row] + 1})",
                )
            )
    cursor.execute("UPDATE v SET g = ST_SetSRID(g, 4326)")


def run_postgis(cursor: Any, column: str, patience_s: float) -> Answer:  # noqa: ANN401 - psycopg's cursor
    """Join by the index on ``column`` (geometry or geography), time and height; the index is made before."""
    cursor.execute("VACUUM ANALYZE v")
    cursor.execute(f"SET statement_timeout = '{patience_s:.0f}s'")
    began = time.perf_counter()
    cursor.execute(
        f"SELECT a.id, b.id FROM v a JOIN v b ON a.{column} && b.{column} AND a.tr && b.tr AND a.ar && b.ar "  # noqa: S608
        f"AND a.id < b.id AND ST_Intersects(a.{column}, b.{column})"
    )
    found = np.array(cursor.fetchall(), dtype=np.int64).reshape(-1, 2)
    cursor.execute("SET statement_timeout = 0")
    return Answer(time.perf_counter() - began, encode(found[:, 0], found[:, 1]))


def prepare_postgis(cursor: Any, column: str) -> float:  # noqa: ANN401 - psycopg's cursor
    """Make the index; return how long that took."""
    cursor.execute("CREATE EXTENSION IF NOT EXISTS btree_gist")
    if column == "geog":
        cursor.execute("ALTER TABLE v ADD COLUMN geog geography")
        cursor.execute("UPDATE v SET geog = g::geography")
    began = time.perf_counter()
    cursor.execute(f"CREATE INDEX ON v USING gist ({column}, tr, ar)")
    return time.perf_counter() - began


PEERS: Final[dict[str, Callable[[BenchVolumes, NDArray[np.object_]], Answer]]] = {
    "shapely STRtree, six-hour slices": run_shapely,
    "DuckDB, tuned join": run_duckdb,
    "SedonaDB, tuned join": lambda v, o: run_sedona(v, o, is_geodesic=False),
    "SedonaDB, tuned join, geodesic": lambda v, o: run_sedona(v, o, is_geodesic=True),
}
