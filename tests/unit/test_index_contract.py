"""One contract for every home of the conflict index: here in memory and in SQLite.

The same suite over PostgreSQL is in tests/system/test_index_postgresql.py.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entente.deconflict import ConflictIndex, MemoryIndex
from entente.space import Separation, Volume
from entente.store.index_rows import IndexChanges, Pending
from entente.store.index_sqlite import SqliteIndex
from entente.store.sql import Database, open_sqlite
from tests.index_contract import (
    OBJECTS,
    SEPARATIONS,
    IndexContract,
    SqlIndexContract,
    Standing,
    check_against_every_pair,
    volumes,
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    opened = open_sqlite(tmp_path_factory.mktemp("index") / "index.db")
    yield opened
    opened.close()


def empty(database: Database) -> SqliteIndex:
    with database.write() as connection:
        for table in ("index_cells", "index_volumes", "index_objects", "index_stems"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - one of four
    return SqliteIndex(database)


class Going(SqliteIndex):
    """Hands over at the first change, writes at the second, marks at the third: asked at every stage."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._way: list[IndexChanges] = []
        self._is_written = False

    def insert_packed(self, object_name: str, volumes: Sequence[bytes], *, group: str) -> None:
        super().insert_packed(object_name, volumes, group=group)
        self.go_on()

    def withdraw(self, object_name: str) -> None:
        super().withdraw(object_name)
        self.go_on()

    def go_on(self) -> None:
        if not self._way:
            self._way.append(self.hand_over())
        elif not self._is_written:
            with self._database.write() as connection:
                self._way[0].write_to(connection)
            self._is_written = True
        else:
            self.mark_committed(self._way.pop())
            self._is_written = False

    def commit(self, *beside: Pending) -> None:
        while self._way:
            self.go_on()
        super().commit(*beside)


def make_going(database: Database, stages: int) -> Going:
    empty(database)
    index = Going(database)
    for _ in range(stages):
        index.go_on()
    return index


def commit(index: Any) -> None:
    index.commit()


def leave(index: Any) -> None:
    """Change nothing: what is pending counts as well."""


class TestMemoryIndex(IndexContract):
    @pytest.fixture
    def index(self) -> ConflictIndex:
        return MemoryIndex()


def test_to_withdraw_an_object_reads_its_own_rows_and_no_others(database: Database) -> None:
    index = empty(database)
    with database.read() as connection:
        for name, prepared in index._drop.items():
            for size, question in prepared.sql.items():
                values = (1,) * (size * (3 if name == "index_cells" else 1))
                plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}", values).all()
                assert not [row for row in plan if f"SCAN {name}" in row[3]], plan


class TestMemoryIndexUnderKeys(IndexContract):
    """As it is where it holds many: every volume under its keys from the first on."""

    @pytest.fixture
    def index(self) -> ConflictIndex:
        return MemoryIndex(few=0)


class TestSqliteIndex(SqlIndexContract):
    @pytest.fixture
    def index(self, database: Database) -> ConflictIndex:
        return empty(database)


class TestSqliteIndexOnItsWay(SqlIndexContract):
    """What was handed over is being written while it is asked."""

    @pytest.fixture
    def index(self, database: Database) -> ConflictIndex:
        return make_going(database, 0)


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(OBJECTS, volumes(), SEPARATIONS, st.randoms(use_true_random=False), st.data())
def test_every_home_finds_what_a_comparison_of_all_pairs_finds(
    database: Database,
    standing: list[Standing],
    asked: Volume,
    separation: Separation,
    shuffler: random.Random,
    data: st.DataObject,
) -> None:
    shuffled = shuffler.sample(standing, len(standing))
    gone = data.draw(st.sets(st.sampled_from([one.name for one in standing])))
    case = (standing, asked, separation, shuffled, gone)
    check_against_every_pair(MemoryIndex, leave, *case)
    check_against_every_pair(lambda: MemoryIndex(few=0), leave, *case)
    check_against_every_pair(lambda: empty(database), commit, *case)
    for stages in (0, 1, 2):
        check_against_every_pair(partial(make_going, database, stages), commit, *case)
