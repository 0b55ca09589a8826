"""The conflict index online: one question, one insertion, among up to ten million standing volumes.

    python -m bench.deconflict_online [--count N] [--postgresql N] [--folder FOLDER] [--small]

Data: `bench.volumes`. Asked are 2,000 fresh volumes of the same distribution, each as it is drawn, the exact
rule included, after as many others have warmed the caches. "Check and insert" is one durable transaction;
beside it the bare fdatasync of as many bytes on the same disk. PostgreSQL runs here too, with fsync on, over
a unix socket, the asker on the same cores; the peer beside it is PostGIS with GiST (geometry, time, height),
planar and not exact.
"""

from __future__ import annotations

import argparse
import asyncio
import io
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg

from bench.index_load import GROUP, check_sample, copy, fill_postgres, fill_sqlite
from bench.report import Report, percentile
from bench.volumes import BenchVolumes, draw_chunks, make_volumes
from entente.deconflict.index import MemoryIndex
from entente.space import Separation, Volume
from entente.store.index_postgresql import PostgresIndex
from entente.store.index_rows import Wanted
from entente.store.index_sql import SqlIndex
from entente.store.index_sqlite import SqliteIndex
from entente.store.sql import open_sqlite
from entente.store.sql_postgres import open_postgres
from tests.postgres import NotInstalled, running_postgres

NONE: Final = Separation()
CALLERS: Final = 64


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    sizes: tuple[int, ...]
    postgres: int
    asked: int = 2_000
    inserted: int = 400
    crowd: int = 8_000
    clients: int = 4


def draw_fresh(count: int, turn: int) -> list[Volume]:
    """Return volumes of the same geography that do not stand: chunks that no size reaches."""
    volumes = make_volumes(count, first_chunk=1_000 + turn)
    return [volumes.volume(place) for place in range(count)]


def clock_each(run: Callable[[Any], object], given: Sequence[Any]) -> list[float]:
    """Return the milliseconds that each of some calls took."""
    taken = []
    for one in given:
        began = time.perf_counter()
        run(one)
        taken.append((time.perf_counter() - began) * 1e3)
    return taken


def add_spread(
    report: Report, what: str, taken: Sequence[float], targets: tuple[str, str] = ("", "")
) -> None:
    """Add the median and the 99th percentile."""
    report.add(f"{what}, p50", percentile(taken, 0.5), "ms", target=targets[0])
    report.add(f"{what}, p99", percentile(taken, 0.99), "ms", target=targets[1])


def measure_fdatasync(folder: Path, times: int = 400) -> tuple[float, float]:
    """Return the median milliseconds of flushing a page written over, and of 16 kB written behind the end.

    The first is the least that a disk can do; the second what a log that grows must.
    """
    over: list[float] = []
    behind: list[float] = []
    with (folder / "flushed").open("wb", buffering=0) as file:
        file.write(bytes(4_096 * times))
        os.fsync(file.fileno())
        for place in range(times):
            file.seek(4_096 * place)
            over.append(clock_flush(file, 4_096))
        behind.extend(clock_flush(file, 16_384) for _ in range(times))
    return percentile(over, 0.5), percentile(behind, 0.5)


def clock_flush(file: io.RawIOBase, size_bytes: int) -> float:
    """Return the milliseconds of writing and flushing."""
    began = time.perf_counter()
    file.write(b"\1" * size_bytes)
    os.fdatasync(file.fileno())
    return (time.perf_counter() - began) * 1e3


def measure_questions(index: SqlIndex | MemoryIndex, plan: Plan) -> tuple[list[float], list[float], int]:
    """Return how long each question took, how much of that was this thread's own, and all conflicts found."""
    for volume in draw_fresh(plan.asked, 0):
        index.query(volume, NONE, group=GROUP)
    found: list[int] = []
    busy: list[float] = []

    def ask(volume: Volume) -> None:
        began = time.thread_time()
        found.append(len(index.query(volume, NONE, group=GROUP)))
        busy.append((time.thread_time() - began) * 1e3)

    return clock_each(ask, draw_fresh(plan.asked, 1)), busy, sum(found)


def measure_insertions(index: SqlIndex | MemoryIndex, plan: Plan, turn: int = 2) -> list[float]:
    """Return how long each check and insert took, one at a time."""
    pairs = list(enumerate(draw_fresh(plan.inserted, turn)))
    return clock_each(
        lambda pair: index.check_and_insert(f"new-{turn}-{pair[0]}", [pair[1]], NONE, group=GROUP), pairs
    )


def measure_crowd(index: SqlIndex, plan: Plan) -> tuple[float, list[float]]:
    """Return insertions a second and each one's milliseconds: 64 callers, one writer, what waits together.

    The callers are tasks of an event loop and the writer a thread beside it, as in the center.
    """
    volumes = draw_fresh(plan.crowd, 3)
    waiting: list[tuple[Wanted, asyncio.Future[Any]]] = []
    taken: list[float] = []

    def check(wanted: list[Wanted]) -> list[Any]:
        return list(index.check_and_insert_many(wanted, NONE, group=GROUP))

    async def write(loop: asyncio.AbstractEventLoop, came: asyncio.Event) -> None:
        while True:
            await came.wait()
            came.clear()
            batch = waiting[:CALLERS]
            del waiting[:CALLERS]
            answers = await loop.run_in_executor(writer, check, [one for one, _ in batch])
            for (_, future), answer in zip(batch, answers, strict=True):
                future.set_result(answer)

    async def call(first: int, came: asyncio.Event) -> None:
        loop = asyncio.get_running_loop()
        for place in range(first, len(volumes), CALLERS):
            began = time.perf_counter()
            future = loop.create_future()
            waiting.append((Wanted(f"crowd-{place}", (volumes[place],)), future))
            came.set()
            await future
            taken.append((time.perf_counter() - began) * 1e3)

    async def run() -> None:
        came = asyncio.Event()
        task = asyncio.create_task(write(asyncio.get_running_loop(), came))
        await asyncio.gather(*(call(first, came) for first in range(CALLERS)))
        task.cancel()

    with ThreadPoolExecutor(1) as writer:
        began = time.perf_counter()
        asyncio.run(run())
        return len(volumes) / (time.perf_counter() - began), taken


def bench_sqlite(report: Report, plan: Plan, folder: Path) -> dict[int, int]:
    """Measure SQLite at each size; return the conflicts that were found at each.

    A database that is in the folder already is measured as it is, and removed like the others.
    """
    found = {}
    over_ms, flush_ms = measure_fdatasync(folder)
    report.add("fdatasync of a page written over", over_ms, "ms")
    report.add("fdatasync of 16 kB behind the end", flush_ms, "ms")
    medians: dict[int, tuple[float, float]] = {}
    for size in plan.sizes:
        path = folder / f"index-{size}.db"
        if not path.exists():
            open_sqlite(path).close()
            began = time.perf_counter()
            fill_sqlite(path, draw_chunks(size))
            report.add(f"SQLite, {size:,}: filled at", size / (time.perf_counter() - began), "volumes/s")
        report.add(f"SQLite, {size:,}: file", path.stat().st_size / 2**20, "MB")
        database = open_sqlite(path)
        index = SqliteIndex(database)
        index.compile()
        taken, busy, found[size] = measure_questions(index, plan)
        is_largest = size == 10_000_000
        add_spread(report, f"SQLite, {size:,}: query, the thread's own time", busy)
        add_spread(
            report, f"SQLite, {size:,}: query", taken, ("<= 0.1", "<= 1.5") if is_largest else ("", "")
        )
        report.add(f"SQLite, {size:,}: conflicts of {plan.asked:,} asked", found[size], "")
        durable = measure_insertions(index, plan)
        medians[size] = percentile(taken, 0.5), percentile(durable, 0.5)
        add_spread(report, f"SQLite, {size:,}: check and insert, durable", durable)
        report.add(
            f"SQLite, {size:,}: the same beside fdatasync",
            percentile(durable, 0.5),
            "ms",
            target="<= 1.3 x",
            peer="fdatasync",
            peer_value=flush_ms,
        )
        rate, waited = measure_crowd(index, plan)
        report.add(f"SQLite, {size:,}: check and insert, 64 callers", rate, "/s", target=">= 5,000")
        add_spread(report, f"SQLite, {size:,}: each of the 64 waits", waited)
        database.close()
        path.unlink()
    first, last = plan.sizes[0], plan.sizes[-1]
    for place, what in enumerate(("query", "check and insert")):
        report.add(
            f"SQLite: {what}, from {first:,} to {last:,}",
            medians[last][place],
            "ms",
            target="<= 3 x",
            peer=f"at {first:,}",
            peer_value=medians[first][place],
        )
    return found


def bench_memory(report: Report, size: int, plan: Plan) -> int:
    """Measure the home in memory; return the conflicts that were found."""
    index = MemoryIndex()
    volumes = make_volumes(size)
    from bench.index_load import make_rows

    packed, _ = make_rows(volumes)
    began = time.perf_counter()
    for place, data in enumerate(packed):
        index.insert_packed(f"v{place}", [data], group=GROUP)
    report.add(f"memory, {size:,}: filled at", size / (time.perf_counter() - began), "volumes/s")
    index.compile()
    taken, _, found = measure_questions(index, plan)
    add_spread(report, f"memory, {size:,}: query", taken)
    add_spread(report, f"memory, {size:,}: check and insert", measure_insertions(index, plan))
    return found


def bench_postgres(report: Report, plan: Plan) -> int:
    """Measure PostgreSQL, with PostGIS beside it; return the conflicts that were found."""
    size = plan.postgres
    with running_postgres(fsync=True, shared_buffers="2GB") as cluster:
        url = cluster.create_database()
        database = open_postgres(url)
        with psycopg.connect(url) as connection:
            began = time.perf_counter()
            fill_postgres(connection, draw_chunks(size))
            report.add(f"PostgreSQL, {size:,}: filled at", size / (time.perf_counter() - began), "volumes/s")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")
        index = PostgresIndex(database)
        index.compile()
        taken, _, found = measure_questions(index, plan)
        add_spread(report, f"PostgreSQL, {size:,}: query", taken, ("<= 0.15", "<= 1"))
        report.add(f"PostgreSQL, {size:,}: conflicts of {plan.asked:,} asked", found, "")
        add_spread(
            report, f"PostgreSQL, {size:,}: check and insert, durable", measure_insertions(index, plan)
        )
        rate, waited = measure_clients(url, plan)
        report.add(
            f"PostgreSQL, {size:,}: check and insert, {plan.clients} clients", rate, "/s", target=">= 1,500"
        )
        add_spread(report, f"PostgreSQL, {size:,}: each of the {plan.clients} clients", waited)
        database.close()
        try:
            bench_postgis(report, cluster.create_database(), plan)
        except psycopg.Error as error:
            print(f"PostGIS was not measured: {error}")
    return found


def measure_clients(url: str, plan: Plan) -> tuple[float, list[float]]:
    """Return insertions a second of four processes, and each one's milliseconds."""
    import multiprocessing

    context = multiprocessing.get_context("spawn")
    count = max(1, plan.crowd // 2 // plan.clients)
    start = context.Barrier(plan.clients)
    results = context.Queue()
    clients = [
        context.Process(target=run_client, args=(url, number, count, start, results))
        for number in range(plan.clients)
    ]
    for client in clients:
        client.start()
    answers = [results.get(timeout=600) for _ in clients]
    for client in clients:
        client.join()
    spent = max(end for _, end, _ in answers) - min(begin for begin, _, _ in answers)
    return plan.clients * count / spent, [one for _, _, taken in answers for one in taken]


def run_client(url: str, number: int, count: int, start: Any, results: Any) -> None:  # noqa: ANN401 - of its context
    """Be one of several clients."""
    database = open_postgres(url)
    index = PostgresIndex(database)
    index.compile()
    volumes = draw_fresh(count, 10 + number)
    index.query(volumes[0], NONE, group=GROUP)
    start.wait()
    began = time.time()
    taken = clock_each(
        lambda pair: index.check_and_insert(f"c{number}-{pair[0]}", [pair[1]], NONE, group=GROUP),
        list(enumerate(volumes)),
    )
    results.put((began, time.time(), taken))
    database.close()


def bench_postgis(report: Report, url: str, plan: Plan) -> None:
    """Measure the peer: GiST over geometry, time and height; planar edges, not exact on the sphere."""
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE EXTENSION postgis")
        connection.execute("CREATE EXTENSION btree_gist")
        connection.execute("CREATE TABLE v (id bigint, g geometry, tr int8range, ar int4range)")
        for volumes in draw_chunks(plan.postgres):
            rows = [
                f"{place}\tSRID=4326;{wkt}\t[{start},{end})\t[{low},{high}]\n"
                for place, (wkt, start, end, low, high) in enumerate(list_plain(volumes))
            ]
            copy(connection, "v (id, g, tr, ar)", "".join(rows))
        connection.execute("CREATE INDEX ON v USING gist (g, tr, ar)")
        connection.execute("VACUUM ANALYZE v")
        connection.execute("SET plan_cache_mode = force_generic_plan")
        question = (
            "SELECT id FROM v WHERE ST_Intersects(g, ST_GeomFromText(%s, 4326))"
            " AND tr && int8range(%s, %s) AND ar && int4range(%s, %s, '[]')"
        )
        found = 0
        taken: list[float] = []
        for turn in (0, 1):
            found, asked = 0, make_volumes(plan.asked, first_chunk=1_000 + turn)

            def ask(given: tuple[str, int, int, int, int]) -> None:
                nonlocal found
                found += len(connection.execute(question, given, prepare=True, binary=True).fetchall())

            taken = clock_each(ask, list(list_plain(asked)))
        add_spread(report, f"PostGIS GiST, {plan.postgres:,}: query (planar)", taken)
        report.add(f"PostGIS GiST, {plan.postgres:,}: conflicts of {plan.asked:,} asked (planar)", found, "")


def list_plain(volumes: BenchVolumes) -> Iterator[tuple[str, int, int, int, int]]:
    """Yield each volume as PostGIS takes it."""
    for place in range(len(volumes)):
        lat_e7, lon_e7 = volumes.corners(place)
        corners = [f"{lon / 1e7:.7f} {lat / 1e7:.7f}" for lat, lon in zip(lat_e7, lon_e7, strict=True)]
        yield (
            f"POLYGON(({','.join([*corners, corners[0]])}))",
            int(volumes.start_us[place]),
            int(volumes.end_us[place]),
            int(volumes.floor_cm[place]),
            int(volumes.ceiling_cm[place]),
        )


def main() -> None:
    """Run and write the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1_000_000, help="most volumes in SQLite")
    parser.add_argument("--postgresql", type=int, default=1_000_000, help="volumes in PostgreSQL")
    parser.add_argument("--folder", type=Path, help="where databases lie, or are filled: index-1000.db")
    parser.add_argument("--small", action="store_true", help="a little of everything; nothing is written")
    given = parser.parse_args()
    sizes = tuple(size for size in (10_000, 100_000, 1_000_000, 10_000_000) if size <= given.count)
    plan = Plan(sizes, given.postgresql)
    if given.small:
        plan = Plan((500,), 500, asked=20, inserted=5, crowd=64, clients=2)
    report = Report("deconflict_online")
    check_sample(make_volumes(1_000))
    with ExitStack() as stack:
        folder = given.folder or Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        found = bench_sqlite(report, plan, folder)
        in_memory = min(plan.sizes[-1], 1_000_000)
        assert bench_memory(report, in_memory, plan) == found[in_memory]
        try:
            in_postgres = bench_postgres(report, plan)
            assert in_postgres == found.get(plan.postgres, in_postgres)
        except NotInstalled as error:
            print(f"PostgreSQL was not measured: {error}")
    if not given.small:
        report.write()


if __name__ == "__main__":
    main()
