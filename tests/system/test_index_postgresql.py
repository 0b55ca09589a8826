"""The conflict index in PostgreSQL: the one contract, and many processes that insert at once."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from entente.deconflict import ConflictIndex
from entente.kernel.errors import StoreError
from entente.space import Separation, Volume
from entente.store.index_postgresql import PostgresIndex
from entente.store.sql_postgres import PostgresDatabase, open_postgres
from tests.index_contract import (
    OBJECTS,
    SEPARATIONS,
    SqlIndexContract,
    Standing,
    ask,
    check_against_every_pair,
    circle,
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


def test_a_reader_that_lost_the_server_asks_over_a_new_connection(database: PostgresDatabase) -> None:
    index = empty(database)
    one = circle()
    index.insert("one", one.volumes, group="activity")
    index.commit()
    assert ask(index, one.volumes[0], Separation()) == [("one", 0)]
    with database.write() as connection:
        connection.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    with pytest.raises(StoreError) as raised:
        ask(index, one.volumes[0], Separation())
    assert raised.value.code == "database-away"
    assert ask(index, one.volumes[0], Separation()) == [("one", 0)]


def test_what_the_driver_made_the_session_forget_is_prepared_again(database: PostgresDatabase) -> None:
    # After a rollback the driver has the session forget every prepared statement, ours too.
    index = empty(database)
    for turn in range(3):
        met = index.check_and_insert(f"o-{turn}", circle().volumes, Separation(), group="activity")
        assert len(met) == turn
        with suppress(ZeroDivisionError), database.write() as connection:
            for _ in range(8):
                connection.exec_driver_sql("SELECT count(*) FROM index_cells")
            raise ZeroDivisionError
        with database.write() as connection:
            connection.exec_driver_sql("DEALLOCATE ALL")
    with database.read() as connection:
        connection.exec_driver_sql("DEALLOCATE ALL")
    assert len(ask(index, circle().volumes[0], Separation())) == 3
