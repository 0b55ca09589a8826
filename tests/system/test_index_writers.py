"""Writers at once: of two whose volumes conflict, at least one is told. Never neither."""

from __future__ import annotations

import itertools
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import DBAPICursor

from entente.space import Separation
from entente.store.index_postgresql import PostgresIndex
from entente.store.index_rows import Ahead
from entente.store.sql import open_sqlite
from entente.store.sql_postgres import open_postgres
from tests.system.insert_at_once import make_volume

ROOT = Path(__file__).resolve().parents[2]
WRITERS, ROUNDS = 4, 4


def race(kind: str, place: str, mode: str, count: int = WRITERS) -> list[set[frozenset[str]]]:
    """Return the pairs that were told in each round, of processes that each begin it at once."""
    command = [sys.executable, "-m", "tests.system.insert_at_once", kind, place]
    with ExitStack() as stack:
        writers = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, str(number), mode],
                    cwd=ROOT,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    bufsize=1,
                )
            )
            for number in range(count)
        ]
        assert [read_line(writer) for writer in writers] == [["ready"]] * count
        rounds = []
        for turn in range(ROUNDS):
            for writer in writers:
                assert writer.stdin is not None
                writer.stdin.write("go\n")
            told: set[frozenset[str]] = set()
            for writer in writers:
                heard, number, *others = read_line(writer)
                assert heard == str(turn)
                told.update(frozenset((number, other)) for other in others)
            rounds.append(told)
        for writer in writers:
            assert writer.stdin is not None
            writer.stdin.close()
        assert [writer.wait(timeout=20) for writer in writers] == [0] * count
    return rounds


def read_line(writer: subprocess.Popen[str]) -> list[str]:
    assert writer.stdout is not None
    return writer.stdout.readline().split()


def make_place(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    place = str(tmp_path / "index.db")
    if kind == "sqlite":
        open_sqlite(Path(place)).close()
    else:
        place = request.getfixturevalue("postgres_url")
        open_postgres(place).close()
    return place


@pytest.mark.parametrize("kind", ("sqlite", "postgresql"))
def test_of_many_processes_with_one_volume_none_misses_another_unseen(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    every = {frozenset(map(str, pair)) for pair in itertools.combinations(range(WRITERS), 2)}
    assert race(kind, make_place(kind, tmp_path, request), "locked") == [every] * ROUNDS


@pytest.mark.parametrize("kind", ("sqlite", "postgresql"))
def test_without_the_lock_the_same_race_is_lost_in_every_round(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """That the test above races at all: each asks before any other has inserted."""
    assert race(kind, make_place(kind, tmp_path, request), "unlocked", 2) == [set()] * ROUNDS


class Paused(PostgresIndex):
    """Waits between question and insertion until the other is there too, or a while."""

    barrier: threading.Barrier
    level: str = ""

    def _look_ahead(self, connection: Connection, *given: Any) -> Ahead:
        if self.level:
            connection.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL {self.level}")
        return super()._look_ahead(connection, *given)

    def _list_locks(self, names: list[str], boxes: list[Any]) -> list[tuple[int, bool]]:
        return [] if self.level else super()._list_locks(names, boxes)

    def _write(self, connection: Connection, cursor: DBAPICursor, *given: Any) -> None:
        with suppress(threading.BrokenBarrierError):  # the other waits for our lock
            self.barrier.wait(timeout=1.0)
        super()._write(connection, cursor, *given)


def insert_two(url: str, level: str = "", sizes: tuple[int, int] = (0, 0)) -> list[list[str]]:
    barrier = threading.Barrier(2)
    found: dict[str, list[str]] = {}

    def insert(name: str, number: int) -> None:
        database = open_postgres(url)
        index = Paused(database)
        index.barrier, index.level = barrier, level
        met = index.check_and_insert(name, [make_volume(number, 0)], Separation(), group="activity")
        found[name] = [one.hit.object for one in met]
        database.close()

    threads = [
        threading.Thread(target=insert, args=given) for given in zip(("one", "two"), sizes, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(found.values())


@pytest.mark.parametrize("sizes", ((0, 0), (0, 1), (1, 2), (3, 0)))
def test_the_second_of_two_waits_and_is_told(postgres_url: str, sizes: tuple[int, int]) -> None:
    # Of another size, a volume is locked at another level of cells: their ancestors must meet.
    open_postgres(postgres_url).close()
    assert insert_two(postgres_url, sizes=sizes) in ([[], ["one"]], [[], ["two"]])


@pytest.mark.parametrize("level", ("READ COMMITTED", "REPEATABLE READ"))
def test_without_the_lock_both_miss_each_other(postgres_url: str, level: str) -> None:
    """What the lock is for: this is PostgreSQL's own promise, and no fault of the index."""
    database = open_postgres(postgres_url)
    first = PostgresIndex(database)
    # Of the same size, elsewhere: its levels are known, so that nothing but the volumes could collide.
    first.insert("elsewhere", [make_volume(0, 4)], group="activity")
    first.commit()
    database.close()
    assert insert_two(postgres_url, level) == [[], []]
