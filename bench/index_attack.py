"""Attacks on the conflict index at full size: a million volumes in one cell, through every home.

    python -m bench.index_attack [--count N]

The test suite runs the same with 1,200 (tests/index_contract.py). Volumes are circles of 1 to 300 m within
one cell of the index, a minute to a month long; they are put in as a center does, object by object, in the
order of a shuffle. Each answer is held against a comparison with all of them by other means; what is too
much must be refused, in bounded time and memory.
"""

from __future__ import annotations

import argparse
import random
import resource
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.report import Report, percentile
from entente.deconflict.index import MemoryIndex
from entente.deconflict.standing import pack
from entente.kernel.errors import TooManyConflicts
from entente.kernel.time import parse_utc
from entente.space import Circle, HeightBand, Separation, Volume, Window, find_conflict
from entente.store.index_postgresql import PostgresIndex
from entente.store.index_sqlite import SqliteIndex
from entente.store.sql import open_sqlite
from entente.store.sql_postgres import open_postgres
from tests.postgres import NotInstalled, running_postgres

START: Final = parse_utc("2016-09-17T00:00:00Z")
GROUP: Final = "activity"
ASKED: Final = 200
_BATCH: Final = 5_000
_CORNER: Final = (35.21, 40.01)
"""South-west of where all of them lie: 0.15 degrees on, the cell ends."""


class Crowd:
    """The volumes as columns, and each as the index takes it."""

    def __init__(self, count: int) -> None:
        draw = np.random.default_rng(20161128)
        self.lat = np.round(_CORNER[0] + draw.uniform(0, 0.15, count), 7)
        self.lon = np.round(_CORNER[1] + draw.uniform(0, 0.15, count), 7)
        self.radius_m = np.round(np.exp(draw.uniform(0, np.log(300), count)), 2)
        self.start_s = draw.integers(0, 30 * 86_400, count)
        self.lasts_s = np.exp(draw.uniform(np.log(60), np.log(30 * 86_400), count)).astype(np.int64)

    def volume(self, place: int) -> Volume:
        """Return one of them."""
        start = START + timedelta(seconds=int(self.start_s[place]))
        return Volume(
            Circle((float(self.lat[place]), float(self.lon[place])), float(self.radius_m[place])),
            HeightBand(0.0, 100.0),
            Window(start, start + timedelta(seconds=int(self.lasts_s[place]))),
        )

    def find_met(self, asked: int, separation: Separation, standing: NDArray[np.bool_]) -> list[str]:
        """Return the names that conflict with one of them: near by arithmetic, and by the exact rule."""
        end_s = self.start_s + self.lasts_s
        near = standing & (self.start_s < end_s[asked]) & (end_s > self.start_s[asked])
        north_m = (self.lat - self.lat[asked]) * 111_000
        east_m = (self.lon - self.lon[asked]) * 111_000 * 0.81
        reach_m = self.radius_m + self.radius_m[asked] + separation.lateral_m + 50
        near &= north_m**2 + east_m**2 < reach_m**2
        volume = self.volume(asked)
        return [
            name(place)
            for place in np.flatnonzero(near).tolist()
            if find_conflict(volume, self.volume(place), separation) is not None
        ]


def name(place: int) -> str:
    """Return the name of an object; names sort as places do."""
    return f"o{place:08d}"


def attack(report: Report, home: str, crowd: Crowd, index: Any, settle: Callable[[], None]) -> None:  # noqa: ANN401 - any home
    """Fill a home, ask it, take half of it away, ask again."""
    count = len(crowd.lat)
    order = random.Random(7).sample(range(count), count)
    packed = [pack(crowd.volume(place), 0.0) for place in range(count)]
    began = time.perf_counter()
    for done, place in enumerate(order, 1):
        index.insert_packed(name(place), [packed[place]], group=GROUP)
        if done % _BATCH == 0:
            settle()
    settle()
    report.add(
        f"{home}, {count:,} in one cell: filled at", count / (time.perf_counter() - began), "volumes/s"
    )
    index.compile()
    standing = np.ones(count, dtype=bool)
    ask(report, f"{home}, {count:,} in one cell", crowd, index, standing)
    whole = Volume(
        Circle((_CORNER[0] + 0.07, _CORNER[1] + 0.07), 30_000.0),
        HeightBand(None, None),
        Window(START, START + timedelta(days=36_500)),
    )
    began = time.perf_counter()
    try:
        index.query(whole, Separation(), group=GROUP)
        raise AssertionError("expected a refusal")
    except TooManyConflicts:
        report.add(f"{home}: all of them at once, refused after", time.perf_counter() - began, "s")
    began = time.perf_counter()
    for done, place in enumerate(order[: count // 2], 1):
        index.withdraw(name(place))
        if done % _BATCH == 0:
            settle()
    settle()
    standing[order[: count // 2]] = False
    report.add(f"{home}: withdrawn at", count // 2 / (time.perf_counter() - began), "volumes/s")
    ask(report, f"{home}, half of them left", crowd, index, standing)
    assert len(index) == count - count // 2
    peak_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    report.add(f"{home}: most memory so far, the crowd's own included", peak_mb, "MB")


def ask(report: Report, what: str, crowd: Crowd, index: Any, standing: Any) -> None:  # noqa: ANN401 - any home
    """Ask about some of them; each answer must be the comparison's."""
    taken, found = [], 0
    for place in random.Random(8).sample(range(len(crowd.lat)), ASKED):
        separation = Separation(lateral_m=(0.0, 100.0)[place % 2])
        began = time.perf_counter()
        hits = index.query(crowd.volume(place), separation, group=GROUP, most=None)
        taken.append((time.perf_counter() - began) * 1e3)
        assert [hit.object for hit in hits] == crowd.find_met(place, separation, standing)
        found += len(hits)
    report.add(f"{what}: query, p50", percentile(taken, 0.5), "ms")
    report.add(f"{what}: query, p99", percentile(taken, 0.99), "ms")
    report.add(f"{what}: conflicts of {ASKED} asked, each as a comparison with all finds them", found, "")


@contextmanager
def open_homes(folder: Path) -> Iterator[list[tuple[str, Any, Callable[[], None]]]]:
    """Give an empty index of every home that this machine has."""
    database = open_sqlite(folder / "index.db")
    sqlite = SqliteIndex(database)
    memory = MemoryIndex()
    homes: list[tuple[str, Any, Callable[[], None]]] = [
        ("memory", memory, lambda: None),
        ("SQLite", sqlite, sqlite.commit),
    ]
    try:
        with running_postgres(shared_buffers="1GB") as cluster:
            server = open_postgres(cluster.create_database())
            index = PostgresIndex(server)
            yield [*homes, ("PostgreSQL", index, index.commit)]
            server.close()
    except NotInstalled as error:
        print(f"PostgreSQL was not attacked: {error}")
        yield homes
    finally:
        database.close()


def main() -> None:
    """Run and write the results."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--count", type=int, default=1_000_000, help="volumes in the cell")
    parser.add_argument("--home", default="", help="only this one: memory, SQLite or PostgreSQL")
    given = parser.parse_args()
    crowd = Crowd(given.count)
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder, open_homes(Path(folder)) as homes:
        for home, index, settle in homes:
            if given.home in {"", home}:
                report = Report(f"index_attack_{home.lower()}")
                attack(report, home, crowd, index, settle)
                if given.count >= 1_000_000:
                    report.write()


if __name__ == "__main__":
    main()
