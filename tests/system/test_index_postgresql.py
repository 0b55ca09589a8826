"""The conflict index in PostgreSQL: the one contract, and many processes that insert at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entente.deconflict import ConflictIndex
from entente.space import Separation, Volume
from entente.store.index_postgresql import PostgresIndex
from entente.store.sql_postgres import PostgresDatabase, open_postgres
from tests.index_contract import (
    OBJECTS,
    SEPARATIONS,
    SqlIndexContract,
    Standing,
    check_against_every_pair,
    volumes,
)
from tests.postgres import Cluster


@pytest.fixture(scope="module")
def database(postgres: Cluster) -> Iterator[PostgresDatabase]:
    url = postgres.create_database()
    opened = open_postgres(url)
    yield opened
    opened.close()
    postgres.drop_database(url)


def empty(database: PostgresDatabase) -> PostgresIndex:
    with database.write() as connection:
        for table in ("index_cells", "index_volumes", "index_objects", "index_stems"):
            connection.exec_driver_sql(f"DELETE FROM {table}")  # noqa: S608 - one of four
    return PostgresIndex(database)


def commit(index: Any) -> None:
    index.commit()


class TestPostgresIndex(SqlIndexContract):
    @pytest.fixture
    def index(self, database: PostgresDatabase) -> ConflictIndex:
        return empty(database)


@settings(max_examples=25, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(OBJECTS, volumes(), SEPARATIONS, st.randoms(use_true_random=False), st.data())
def test_it_finds_what_a_comparison_of_all_pairs_finds(
    database: PostgresDatabase,
    standing: list[Standing],
    asked: Volume,
    separation: Separation,
    shuffler: random.Random,
    data: st.DataObject,
) -> None:
    shuffled = shuffler.sample(standing, len(standing))
    gone = data.draw(st.sets(st.sampled_from([one.name for one in standing])))
    case = (standing, asked, separation, shuffled, gone)
    check_against_every_pair(lambda: empty(database), commit, *case)
