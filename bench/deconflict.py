"""Bulk screening: all conflicting pairs of up to ten million volumes, beside what else could find them.

Ours is exact on the ellipsoid; peers take straight edges in longitude and latitude unless they say geodesic.
Every answer is compared with ours pair by pair: the row says in how many pairs it differs, which for planar
peers are those that lie between the straight edge and the true one.

One core where it says so: this process and the peers' server are pinned to it. Ours is charged for
everything from the columns in memory to the sorted pairs; a peer for its join alone, its boxes, cells,
objects and indexes being made before.

    python -m bench.deconflict [--small] [--skip-peers]

Questions of one volume among many standing: `python -m bench.deconflict_online`.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.report import Report
from bench.volumes import BenchVolumes, make_volumes
from entente.space import Separation
from entente.space.bulk import Pairs, VolumeTable, find_pairs, find_pairs_between, prepare
from entente.space.bulk.pairs import encode_pairs, settle, sort_pairs
from entente.space.bulk.plan import measure_shapes

TIMES: Final = 5
PATIENCE_S: Final = 240.0
"""What takes longer counts with this, and its row says so."""
NOTHING: Final = Separation()
YEAR_US: Final = 365 * 86_400_000_000


@dataclass(frozen=True)
class Sizes:
    """What is measured: the whole, or a little for correctness."""

    pairs: int = 1_000_000
    many: int = 10_000_000
    activities: int = 100_000
    sites: int = 20_000


SMALL: Final = Sizes(pairs=3_000, many=6_000, activities=1_000, sites=200)


def make_table(volumes: BenchVolumes) -> VolumeTable:
    """Return the volumes as the table that bulk questions are asked of."""
    return VolumeTable(
        ring_of=volumes.ring_of,
        vertex_of=volumes.vertex_of,
        is_hole=volumes.is_hole,
        points_e7=np.stack((volumes.lat_e7, volumes.lon_e7), axis=1),
        radius_cm=volumes.radius_cm,
        floor_cm=volumes.floor_cm,
        ceiling_cm=volumes.ceiling_cm,
        start_us=volumes.start_us,
        end_us=volumes.end_us,
    )


def make_sites(count: int) -> tuple[VolumeTable, NDArray[np.int64]]:
    """Return points where volumes are, standing for years, and their buffers: 200 m to 3 km."""
    volumes = make_volumes(count)
    first = volumes.vertex_of[:-1]
    draw = np.random.default_rng(20_161_128)
    everywhere = np.full(count, 2**62)
    table = VolumeTable(
        ring_of=np.arange(count + 1),
        vertex_of=np.arange(count + 1),
        is_hole=np.zeros(count, dtype=np.bool_),
        points_e7=np.stack((volumes.lat_e7[first], volumes.lon_e7[first]), axis=1),
        radius_cm=np.ones(count, dtype=np.int64),
        floor_cm=-everywhere,
        ceiling_cm=everywhere,
        start_us=np.full(count, int(volumes.start_us.min()) - YEAR_US),
        end_us=np.full(count, int(volumes.end_us.max()) + YEAR_US),
    )
    return table, draw.integers(20_000, 300_001, size=count)


def clock(ask: Callable[[], Pairs], times: int = TIMES) -> tuple[float, Pairs]:
    """Return the median time of a question, compiled code being ready, and its answer."""
    answer = ask()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        answer = ask()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken), answer


def encode(pairs: Pairs) -> NDArray[np.int64]:
    """Return the pairs as the peers give theirs."""
    return encode_pairs(pairs.first, pairs.second)


# In memory, one core


def measure_pairs(report: Report, sizes: Sizes, *, with_peers: bool) -> None:
    """All pairs in memory, and every peer on the same core."""
    volumes = make_volumes(sizes.pairs)
    table = make_table(volumes)
    find_pairs(table.take(range(100)), NOTHING)
    began = time.perf_counter()
    measure_shapes(table)
    boxes_s = time.perf_counter() - began
    ours_s, found = clock(lambda: find_pairs(table, NOTHING))
    what = f"all pairs of {sizes.pairs:,}, geodesic, one core"
    report.add(f"boxes of {sizes.pairs:,}, made with the first question about a table", boxes_s, "s")
    report.add(what, ours_s, "s", target="<= 0.3")
    report.add(f"{what}: pairs", len(found), "")
    for separation in (Separation(100, 30, 300), Separation(2_000, 300, 1_800)):
        wide_s, wide = clock(partial(find_pairs, table, separation), 3)
        kept = f"{separation.lateral_m:g} m, {separation.vertical_m:g} m, {separation.time_s:g} s apart"
        report.add(f"the same, {kept}: {len(wide):,} pairs", wide_s, "s")
    if with_peers:
        _measure_peers(report, volumes, ours_s, encode(found))


def _measure_peers(report: Report, volumes: BenchVolumes, ours_s: float, ours: NDArray[np.int64]) -> None:
    from bench.deconflict_peers import PEERS, make_outlines

    outlines = make_outlines(volumes)
    targets = {"SedonaDB, tuned join, geodesic": ">= 20"}
    for name, run in PEERS.items():
        try:
            answer = run(volumes, outlines)
        except ImportError as error:
            print(f"SKIPPED {name}: {error}; install the dependency group `peers`")
            continue
        differs = len(np.setxor1d(answer.pairs, ours))
        report.add(
            f"{name} ({differs} pairs differ)",
            answer.seconds,
            "s",
            target=targets.get(name, ""),
            peer="entente",
            peer_value=ours_s,
        )
    _measure_postgis(report, volumes, ours_s, ours, outlines)


def _measure_postgis(
    report: Report,
    volumes: BenchVolumes,
    ours_s: float,
    ours: NDArray[np.int64],
    outlines: NDArray[np.object_],
) -> None:
    import psycopg

    from bench.deconflict_peers import load_postgis, prepare_postgis, run_postgis
    from tests.postgres import NotInstalled, running_postgres

    try:
        with running_postgres(fsync=False, shared_buffers="2GB") as cluster:
            url = cluster.create_database()
            with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
                cursor.execute("SET max_parallel_workers_per_gather = 0")
                cursor.execute("SET work_mem = '256MB'")
                load_postgis(cursor, volumes, outlines)
                for column, name in (("g", "PostGIS, GiST"), ("geog", "PostGIS, geography, geodesic")):
                    index_s = prepare_postgis(cursor, column)
                    said = f"index made in {index_s:.1f} s"
                    try:
                        answer = run_postgis(cursor, column, PATIENCE_S)
                    except psycopg.errors.QueryCanceled:
                        report.add(
                            f"{name} (not finished; {said})",
                            PATIENCE_S,
                            "s",
                            peer="entente",
                            peer_value=ours_s,
                        )
                        continue
                    differs = len(np.setxor1d(answer.pairs, ours))
                    report.add(
                        f"{name} ({differs} pairs differ; {said})",
                        answer.seconds,
                        "s",
                        target=">= 200" if column == "g" else "",
                        peer="entente",
                        peer_value=ours_s,
                    )
    except (NotInstalled, psycopg.Error) as error:
        print(f"SKIPPED PostGIS: {error}")


# Sites, many, cold


def measure_sites(report: Report, sizes: Sizes) -> None:
    """Activities against sites with buffers of their own."""
    table = make_table(make_volumes(sizes.activities))
    sites, reach_cm = make_sites(sizes.sites)
    seconds, found = clock(lambda: find_pairs_between(table, sites, NOTHING, reach_cm=reach_cm))
    what = f"{sizes.activities:,} activities against {sizes.sites:,} sites with buffers: {len(found):,} pairs"
    report.add(what, seconds, "s", target="<= 0.1")


def find_with_threads(table: VolumeTable, threads: int) -> Pairs:
    """Return all pairs, parts of the plan shared out among threads."""
    task = prepare(table, NOTHING)
    with ThreadPoolExecutor(threads) as pool:
        found = pool.map(
            lambda part: [some for block in task.plan.sweep(part) for some in settle(task, block)],
            task.plan.parts,
        )
        return sort_pairs([some for part in found for some in part])


def measure_many(count: int) -> None:
    """Print seconds, pairs and peak megabytes; runs in a process of its own."""
    table = make_table(make_volumes(count))
    find_with_threads(table.take(range(1_000)), 2)
    began = time.perf_counter()
    found = find_with_threads(table, 2)
    seconds = time.perf_counter() - began
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{seconds} {len(found)} {peak_mb}")


def run_apart(*arguments: str) -> list[float]:
    """Return the numbers that a fresh process prints last."""
    done = subprocess.run(
        [sys.executable, "-m", "bench.deconflict", *arguments], check=True, capture_output=True, text=True
    )
    return [float(word) for word in done.stdout.splitlines()[-1].split()]


def measure_cold() -> None:
    """Print how long a first question takes here: imports, and loading what was compiled before."""
    began = time.perf_counter()
    from entente.space.bulk import find_pairs as ask

    ask(make_table(make_volumes(100)), NOTHING)
    print(time.perf_counter() - began)


def main(arguments: list[str]) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--skip-peers", action="store_true")
    parser.add_argument("--many", type=int)
    parser.add_argument("--cold", action="store_true")
    asked = parser.parse_args(arguments)
    if asked.many:
        measure_many(asked.many)
        return
    if asked.cold:
        measure_cold()
        return
    sizes = SMALL if asked.small else Sizes()
    report = Report("deconflict")
    everywhere = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(everywhere)})
    measure_pairs(report, sizes, with_peers=not asked.skip_peers)
    measure_sites(report, sizes)
    cold = statistics.median(run_apart("--cold")[0] for _ in range(1 if asked.small else 3))
    report.add("first question of a fresh process, compiled code cached", cold, "s", target="<= 1")
    os.sched_setaffinity(0, everywhere)
    seconds, pairs, peak_mb = run_apart("--many", str(sizes.many))
    report.add(f"all pairs of {sizes.many:,}, two cores: {pairs:,.0f} pairs", seconds, "s", target="<= 9")
    report.add("the same, most memory that the process had", peak_mb / 1024, "GiB", target="<= 6")
    if not asked.small:
        report.write()


if __name__ == "__main__":
    main(sys.argv[1:])
