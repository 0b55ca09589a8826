"""Screening from files and in fresh processes, beside what else could do it.

* A GeoParquet file of a million volumes with text ids, one row group, as geopandas writes it: from the file
  to the pairs, and the same with a process that has to start first. SedonaDB makes its boxes and cells from
  the same file.
* Activities against sites with buffers of their own. SedonaDB measures on a sphere: what it misses and what
  it finds beyond is counted against the pairs that the geodesic gives.
* A real day of flights, from the package ``traffic``, whose samples it carries: every two that came nearer
  than 5 NM and 999 ft at one instant. Beside it a check that shares nothing with ours but the samples: it
  looks at every whole second.
* What a fresh process costs: from its start to its end, measured from outside. Python keeps bytecode, as it
  does wherever nobody forbids it.

  python -m bench.deconflict_files [--small]
"""

from __future__ import annotations

import argparse
import gzip
import importlib.metadata
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from bench.deconflict import NOTHING, make_sites, make_table
from bench.deconflict_peers import make_outlines, run_sedona_file, run_sedona_sites
from bench.report import Report
from bench.volumes import BenchVolumes, make_volumes
from entente.kernel.errors import EntenteError
from entente.screening import Budget, Samples, TrackRules, make_tracks, read_table, screen
from entente.space import Separation
from entente.space.bulk import find_pairs_between
from entente.space.bulk.pairs import encode_pairs

TIMES: Final = 5
THREADS: Final = 2
_SAMPLES: Final = "traffic/data/samples/collections/switzerland.json.gz"
_FOOT_M: Final = 0.3048
NEAR_M: Final = 5 * 1_852.0
NEAR_HEIGHT_M: Final = 304.5
"""A foot less than what traffic keeps: very many keep 1,000 feet exactly, and the last bit would decide."""
_COLD: Final = """
import numpy as np
from entente.space import Separation
from entente.space.bulk import VolumeTable, find_pairs
with np.load({path!r}) as columns:
    table = VolumeTable(**columns)
print(len(find_pairs(table, Separation())))
"""


def run_fresh(*arguments: str, environment: dict[str, str] | None = None) -> tuple[float, str]:
    """Return how long a process of Python takes from its start to its end, and what it said."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *arguments],
        check=False,
        capture_output=True,
        text=True,
        env=kept | (environment or {}),
    )
    taken = time.perf_counter() - began
    # 3: conflicts were found.
    if done.returncode not in {0, 3}:
        raise AssertionError(f"{arguments[:3]}: exit {done.returncode}, said {done.stderr[-500:]}")
    return taken, done.stdout


def clock_fresh(*arguments: str, environment: dict[str, str] | None = None) -> tuple[float, str]:
    """Return the median of several fresh processes, after one that leaves bytecode and compiled code."""
    said = run_fresh(*arguments, environment=environment)[1]
    return statistics.median(run_fresh(*arguments, environment=environment)[0] for _ in range(TIMES)), said


def write_volumes(volumes: BenchVolumes, path: Path) -> None:
    """Write volumes as the GeoParquet file that a planner would send."""
    moment = pa.timestamp("us", "UTC")
    table = pa.table(
        {
            "id": [f"plan-{number:07d}" for number in range(len(volumes))],
            "geometry": pa.array(shapely.to_wkb(make_outlines(volumes)), type=pa.binary()),
            "floor_m": volumes.floor_cm / 100,
            "ceiling_m": volumes.ceiling_cm / 100,
            "start": pa.array(volumes.start_us).cast(moment),
            "end": pa.array(volumes.end_us).cast(moment),
        }
    )
    column = {"encoding": "WKB", "geometry_types": ["Polygon"]}
    geo = {"version": "1.1.0", "primary_column": "geometry", "columns": {"geometry": column}}
    pq.write_table(table.replace_schema_metadata({"geo": json.dumps(geo)}), path)


def measure_file(report: Report, count: int, scratch: Path, *, with_peers: bool) -> None:
    """From a file to the pairs of ids."""
    path = scratch / "plan.parquet"
    write_volumes(make_volumes(count), path)

    def ask() -> tuple[float, float, Any]:
        began = time.perf_counter()
        made = read_table(path, datum="ellipsoid", threads=THREADS)
        read_s = time.perf_counter() - began
        found = screen(made, separation=NOTHING, budget=Budget(threads=THREADS)).to_arrow()
        return time.perf_counter() - began, read_s, found

    ask()
    runs = [ask() for _ in range(TIMES)]
    ours_s, found = statistics.median(run[0] for run in runs), runs[0][2]
    what = f"{count:,} volumes from GeoParquet ({path.stat().st_size / 1e6:.0f} MB) to {len(found):,} pairs"
    report.add(f"{what}, two threads", ours_s, "s", target="<= 1.3" if count == 1_000_000 else "")
    report.add("the same, reading alone", statistics.median(run[1] for run in runs), "s")
    cold_s, _ = clock_fresh(
        *(
            "-m",
            "entente",
            "screen",
            str(path),
            "--datum",
            "ellipsoid",
            "--arrow",
            str(scratch / "pairs.arrow"),
        )
    )
    report.add("the same by `entente screen --arrow`, its process included", cold_s, "s")
    if not with_peers:
        return
    try:
        peer_s, pairs = run_sedona_file(str(path), threads=THREADS)
    except ImportError as error:
        print(f"SKIPPED SedonaDB from the file: {error}; install the dependency group `peers`")
        return
    ours = sorted(zip(found["first"].to_pylist(), found["second"].to_pylist(), strict=True))
    differs = len(set(ours) ^ set(pairs))
    report.add(
        f"SedonaDB, tuned join, geodesic, from the same file, two threads ({differs} pairs differ)",
        peer_s,
        "s",
        target=">= 6",
        peer="entente",
        peer_value=ours_s,
    )


def measure_sites(report: Report, activities: int, count: int, *, with_peers: bool) -> None:
    """Activities against sites with buffers, on one core."""
    volumes = make_volumes(activities)
    table = make_table(volumes)
    sites, reach_cm = make_sites(count)

    def ask() -> tuple[float, Any]:
        began = time.perf_counter()
        found = find_pairs_between(table, sites, NOTHING, reach_cm=reach_cm)
        return time.perf_counter() - began, found

    ask()
    runs = [ask() for _ in range(TIMES)]
    ours_s, found = statistics.median(run[0] for run in runs), runs[0][1]
    what = f"{activities:,} activities against {count:,} sites with buffers: {len(found):,} pairs"
    report.add(what, ours_s, "s", target="<= 0.1" if activities == 100_000 else "")
    if not with_peers:
        return
    points = shapely.points(sites.points_e7[:, 1] / 1e7, sites.points_e7[:, 0] / 1e7)
    # A site is one centimetre large.
    buffer_m = (reach_cm + sites.radius_cm) / 100
    try:
        answer = run_sedona_sites(make_outlines(volumes), points, buffer_m)
    except ImportError as error:
        print(f"SKIPPED SedonaDB, sites: {error}; install the dependency group `peers`")
        return
    ours = encode_pairs(found.first, found.second)
    missed, extra = len(np.setdiff1d(ours, answer.pairs)), len(np.setdiff1d(answer.pairs, ours))
    report.add(
        f"SedonaDB, ST_DWithin(geography) with sites: misses {missed}, finds {extra} beyond",
        answer.seconds,
        "s",
        target=">= 15",
        peer="entente",
        peer_value=ours_s,
    )


# A real day


def read_day() -> Samples:
    """Return the samples that the package ``traffic`` carries, which is not imported: only its file is read.

    Raises:
        importlib.metadata.PackageNotFoundError: It is not installed.
    """
    package = importlib.metadata.distribution("traffic")
    rows = json.loads(gzip.decompress(Path(str(package.locate_file(_SAMPLES))).read_bytes()))
    rows = [row for row in rows if row["altitude"] is not None and row["latitude"] is not None]
    zero = np.zeros(len(rows))
    return Samples(
        flights=pa.array([f"{row['callsign']} {row['icao24']}" for row in rows]),
        time_us=np.array([row["timestamp"] * 1_000 for row in rows], dtype=np.int64),
        lat_deg=np.array([row["latitude"] for row in rows], dtype=np.float64),
        lon_deg=np.array([row["longitude"] for row in rows], dtype=np.float64),
        height_m=np.array([row["altitude"] for row in rows], dtype=np.float64) * _FOOT_M,
        moved_m=zero,
        doubt_m=zero,
    )


def look_each_second(samples: Samples, rules: TrackRules) -> set[tuple[str, str]]:
    """Return the pairs that are near at some whole second: positions by interpolation, every two compared."""
    from pyproj import Transformer

    to_space = Transformer.from_crs("EPSG:4979", "EPSG:4978", always_xy=True)
    ground = np.stack(to_space.transform(samples.lon_deg, samples.lat_deg, np.zeros(len(samples.lat_deg))), 1)
    flights = np.array(samples.flights.to_pylist())
    present: dict[int, list[tuple[str, Any, float]]] = {}
    for flight in np.unique(flights):
        rows = np.flatnonzero(flights == flight)
        rows = rows[np.argsort(samples.time_us[rows], kind="stable")]
        for one, two in itertools.pairwise(rows.tolist()):
            start_s, end_s = samples.time_us[one] / 1e6, samples.time_us[two] / 1e6
            way_m = float(np.linalg.norm(ground[two] - ground[one]))
            if not 0 < end_s - start_s <= rules.max_gap_s or way_m > rules.max_speed_m_s * (end_s - start_s):
                continue
            for second in range(int(np.ceil(start_s)), int(np.floor(end_s)) + 1):
                part = (second - start_s) / (end_s - start_s)
                place = ground[one] + part * (ground[two] - ground[one])
                height = samples.height_m[one] + part * (samples.height_m[two] - samples.height_m[one])
                present.setdefault(second, []).append((str(flight), place, float(height)))
    found: set[tuple[str, str]] = set()
    for there in present.values():
        places, heights = np.array([one[1] for one in there]), np.array([one[2] for one in there])
        apart = np.linalg.norm(places[:, None] - places[None], axis=2)
        near = (apart < NEAR_M) & (np.abs(heights[:, None] - heights[None]) < NEAR_HEIGHT_M)
        for one, two in np.argwhere(np.triu(near, 1)).tolist():
            a, b = sorted((there[one][0], there[two][0]))
            if a != b:
                found.add((a, b))
    return found


def measure_day(report: Report) -> None:
    """Screen a day of flights, and look at each second of it in another way."""
    try:
        samples = read_day()
    except importlib.metadata.PackageNotFoundError:
        print("SKIPPED a day of flights: the package `traffic` is not here; `make bench` installs it")
        return
    # Points: what may not come near is the separation alone.
    rules = TrackRules(radius_m=0.01, half_height_m=0.0, datum="ellipsoid")
    keep = Separation(NEAR_M - 0.02, NEAR_HEIGHT_M)

    def ask() -> tuple[float, float, Any]:
        began = time.perf_counter()
        made = make_tracks(samples, rules)
        ready = time.perf_counter()
        found = screen(made, separation=keep, budget=Budget(threads=THREADS))
        return ready - began, time.perf_counter() - ready, found

    ask()
    runs = [ask() for _ in range(3)]
    found = runs[0][2]
    pairs = {tuple(sorted(found.names(place))) for place in range(len(found))}
    began = time.perf_counter()
    seen = look_each_second(samples, rules)
    seen_s = time.perf_counter() - began
    missed, beyond = len(seen - pairs), len(pairs - seen)
    said = f"{len(samples.time_us):,} samples, {len(found.first_set):,} flights: {len(pairs)} pairs"
    report.add(f"a day of flights, {said} within 5 NM and 999 ft", statistics.median(r[1] for r in runs), "s")
    report.add("the same, samples into legs", statistics.median(run[0] for run in runs), "s")
    report.add(f"the same, of an independent look at each second ({len(seen)} pairs): missed", missed, "")
    report.add("the same: found between two seconds, beyond that look", beyond, "")
    report.add("the independent look at each second", seen_s, "s")
    if missed:
        raise AssertionError(f"a day of flights: missed {sorted(seen - pairs)[:5]}")


# Fresh processes


def measure_fresh(report: Report, scratch: Path, *, is_small: bool) -> None:
    """Start processes: of the kernel, of the command, and where nothing can be kept."""
    path = scratch / "columns.npz"
    table = make_table(make_volumes(3_000))
    np.savez(
        path,
        **{name: getattr(table, name) for name in ("ring_of", "vertex_of", "is_hole", "points_e7")},
        **{n: getattr(table, n) for n in ("radius_cm", "floor_cm", "ceiling_cm", "start_us", "end_us")},
    )
    cold_s, _ = clock_fresh("-c", _COLD.format(path=str(path)))
    report.add("a fresh process: all pairs of 3,000, compiled code kept", cold_s, "s", target="<= 1")
    bare_s, _ = clock_fresh("-c", "import numpy, shapely, entente.space")
    report.add("of that, Python, numpy, shapely and the exact rule", bare_s, "s")
    few = scratch / "few.geojson"
    few.write_text(json.dumps(make_few()), encoding="utf-8")
    few_s, said = clock_fresh("-m", "entente", "screen", str(few), "--datum", "ellipsoid")
    if "1 conflict" not in said:
        raise AssertionError(f"three volumes: expected 1 conflict, got {said!r}")
    report.add("`entente screen` of three volumes, its process included", few_s, "s")
    if is_small:
        return
    # A folder that nobody can make: as for a user without a home, of an installation that is another's.
    nowhere = {
        "NUMBA_CACHE_DIR": str(few / "nowhere"),
        "NUMBA_CACHE_LOCATOR_CLASSES": "UserProvidedCacheLocator",
    }
    never_s, _ = run_fresh("-c", _COLD.format(path=str(path)), environment=nowhere)
    report.add("a fresh process where compiled code cannot be kept", never_s, "s")


def make_few() -> dict[str, Any]:
    """Return three squares, two of which meet."""
    features = []
    for name, west in (("a", 40.0), ("b", 40.05), ("c", 41.0)):
        ring = shapely.get_coordinates(shapely.box(west, 35.0, west + 0.1, 35.1)).tolist()
        told = {
            "floor_m": 0,
            "ceiling_m": 100,
            "start": "2016-09-17T00:00:00Z",
            "end": "2016-09-17T01:00:00Z",
        }
        geometry = {"type": "Polygon", "coordinates": [ring]}
        features.append({"type": "Feature", "id": name, "geometry": geometry, "properties": told})
    return {"type": "FeatureCollection", "features": features}


def main(arguments: list[str]) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--skip-peers", action="store_true")
    asked = parser.parse_args(arguments)
    report = Report("deconflict_files")
    is_small, with_peers = asked.small, not asked.skip_peers
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        steps: tuple[Callable[[], None], ...] = (
            lambda: measure_fresh(report, scratch, is_small=is_small),
            lambda: measure_file(report, 3_000 if is_small else 1_000_000, scratch, with_peers=with_peers),
            lambda: measure_day(report),
        )
        for step in steps:
            step()
        everywhere = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(everywhere)})
        measure_sites(
            report, 1_000 if is_small else 100_000, 200 if is_small else 20_000, with_peers=with_peers
        )
    if not is_small:
        report.write()


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except EntenteError as error:
        raise SystemExit(f"deconflict_files: {error}") from error
