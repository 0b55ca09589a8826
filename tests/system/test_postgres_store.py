"""The store's contracts on a real PostgreSQL: rows, database, migrations forward and back, errors.

The tests of tests/unit run here unchanged, on another home.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from entente.kernel.errors import Malformed, StoreError
from entente.kernel.rows import Rows
from entente.store.journal_postgres import JournalTable
from entente.store.leadership import Leadership
from entente.store.sql import MIGRATIONS, Database, open_sqlite
from entente.store.sql_postgres import PostgresDatabase, describe_url, has_password, open_postgres
from entente.store.sql_rows import SqlRows
from entente.store.tables import ARRIVALS, JOURNAL_METADATA, META, METADATA, SEALED
from tests.postgres import Cluster, running_postgres
from tests.unit.test_rows_contract import (
    BELLS,
    STEPS,
    WATCHES,
    BoatRow,
    Committing,
    boat,
    compare_alike_with_memory,
    compare_with_memory,
    test_a_later_put_replaces,
    test_a_put_during_select_does_not_disturb_it,
    test_a_row_that_changes_leaves_the_others_alone,
    test_a_value_that_means_something_to_a_database_is_a_value,
    test_more_rows_than_one_page,
    test_rows_put_alike_are_as_if_put_one_by_one,
    test_select_by_a_field_without_index_is_a_callers_mistake,
    test_select_by_two_fields_needs_both,
    test_select_is_by_key_and_bounded,
    test_tables_do_not_mix,
    test_the_longest_key_and_value_are_kept,
    test_what_was_put_is_found,
)
from tests.unit.test_store_sql import (
    test_a_migration_back_takes_rows_alike_apart,
    test_a_reader_sees_whole_commits_alone,
    test_a_row_of_another_version_is_named,
    test_an_upsert_replaces,
    test_expected_rows_are_found_and_absent_ones_are_remembered_until_the_commit,
    test_readers_cannot_write,
    test_what_raises_inside_a_transaction_is_undone,
)

__all__ = (
    "test_a_later_put_replaces",
    "test_a_migration_back_takes_rows_alike_apart",
    "test_a_put_during_select_does_not_disturb_it",
    "test_a_reader_sees_whole_commits_alone",
    "test_a_row_of_another_version_is_named",
    "test_a_row_that_changes_leaves_the_others_alone",
    "test_a_value_that_means_something_to_a_database_is_a_value",
    "test_an_upsert_replaces",
    "test_expected_rows_are_found_and_absent_ones_are_remembered_until_the_commit",
    "test_more_rows_than_one_page",
    "test_readers_cannot_write",
    "test_rows_put_alike_are_as_if_put_one_by_one",
    "test_select_by_a_field_without_index_is_a_callers_mistake",
    "test_select_by_two_fields_needs_both",
    "test_select_is_by_key_and_bounded",
    "test_tables_do_not_mix",
    "test_the_longest_key_and_value_are_kept",
    "test_what_raises_inside_a_transaction_is_undone",
    "test_what_was_put_is_found",
)


@pytest.fixture
def database(postgres_url: str) -> Iterator[PostgresDatabase]:
    opened = open_postgres(postgres_url)
    yield opened
    opened.close()


@pytest.fixture(params=("put", "committed", "uncached"))
def rows(request: pytest.FixtureRequest, database: PostgresDatabase) -> Rows:
    if request.param == "put":
        return SqlRows(database)
    return Committing(database, cache_rows=0 if request.param == "uncached" else 4)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(steps=STEPS, after=st.sampled_from(["", "b", "d"]), limit=st.none() | st.integers(0, 4))
def test_postgres_and_memory_never_differ(
    database: PostgresDatabase, steps: list[tuple[object, ...]], after: str, limit: int | None
) -> None:
    with database.write() as connection:
        connection.execute(text("TRUNCATE rows, row_index"))
    compare_with_memory(database, steps, after, limit)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=20)
@given(steps=WATCHES, after=st.sampled_from(["", BELLS[0], f"{BELLS[1]}:ann", "b"]))
def test_postgres_and_memory_never_differ_about_rows_alike(
    database: PostgresDatabase, steps: list[tuple[Any, ...]], after: str
) -> None:
    with database.write() as connection:
        connection.execute(text("TRUNCATE rows, row_index, sheaves, sheaf_places"))
    compare_alike_with_memory(database, steps, after)


def test_a_commit_waits_for_the_disk(
    postgres: Cluster, postgres_url: str, database: PostgresDatabase
) -> None:
    with database.write() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
    database.check_durable()
    name = postgres_url.partition("@/")[2].partition("?")[0]
    postgres.execute(f"ALTER DATABASE {name} SET synchronous_commit = off")
    again = open_postgres(postgres_url)
    with again.write() as connection:
        assert connection.execute(text("SHOW synchronous_commit")).scalar() == "on"
    again.close()


def test_a_server_without_fsync_is_refused() -> None:
    with running_postgres(fsync=False) as cluster:
        database = open_postgres(cluster.create_database())
        with pytest.raises(StoreError, match="expected fsync = on, got off") as caught:
            database.check_durable()
        database.close()
    assert caught.value.code == "not-durable"


def test_many_rows_of_every_type_are_written_replaced_and_removed(database: PostgresDatabase) -> None:
    sealed, arrivals = database.prepare_upsert(SEALED), database.prepare_upsert(ARRIVALS)
    given = [(f"{at:064d}", "ru", bytes([at % 256]) * 9) for at in range(2_100)]
    with database.write() as connection:
        database.write_many(connection, sealed, given)
        database.write_many(connection, sealed, [(given[0][0], "ru", b"\x00other\xff")])
        database.write_many(connection, arrivals, [(2**53, "leaf", "2016-09-17T15:00:00Z")])
        database.write_many(connection, database.prepare_delete(SEALED), [row[:2] for row in given[1:9]])
    with database.read() as connection:
        found = {row.leaf: bytes(row.data) for row in connection.execute(select(SEALED))}
        assert connection.execute(select(ARRIVALS.c.log_index)).scalar() == 2**53
    assert found == {leaf: data for leaf, _, data in given[9:]} | {given[0][0]: b"\x00other\xff"}


def test_migrations_make_the_tables_that_queries_are_built_from(database: PostgresDatabase) -> None:
    with database.write() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "version_store"})
        both: Any = [METADATA, JOURNAL_METADATA]  # as Alembic takes it, and its stubs do not say
        assert compare_metadata(context, both) == []
        names = text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        made = set(connection.execute(names).scalars())
        texts = text(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'public' "
            "AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C' AND table_name <> 'leadership'"
        )
        assert connection.execute(texts).all() == [], "a text that would be sorted by a language's rules"
    assert made - {"version_store"} >= set(METADATA.tables) | set(JOURNAL_METADATA.tables)


def open_either(kind: str, tmp_path: Path, url: str) -> Database:
    return open_sqlite(tmp_path / "center.db") if kind == "sqlite" else open_postgres(url)


@pytest.mark.parametrize("kind", ("sqlite", "postgresql"))
def test_migrations_go_back_and_forth_on_data(kind: str, tmp_path: Path, postgres_url: str) -> None:
    database = open_either(kind, tmp_path, postgres_url)
    rows = SqlRows(database)
    for at in range(50):
        rows.put(boat(f"{at:02d}", port="B" if at % 2 else "a"))
    rows.commit()
    with database.write() as connection:
        connection.execute(database.upsert(META), [{"name": "applied_size", "value": "7"}])
    # Every table that both versions have keeps what is in it, on every step back and forth.
    database.migrate(MIGRATIONS, to="0001")
    assert len(list(SqlRows(database).select(BoatRow, port="B"))) == 25
    database.migrate(MIGRATIONS)
    assert [row.name for row in SqlRows(database).select(BoatRow)] == [f"{at:02d}" for at in range(50)]
    with database.read() as connection:
        assert connection.execute(select(META.c.value)).scalar() == "7"
    database.migrate(MIGRATIONS, to="base")
    database.migrate(MIGRATIONS)
    assert list(SqlRows(database).select(BoatRow)) == []
    database.close()


def test_two_processes_that_open_a_new_database_at_once_both_get_it(postgres_url: str) -> None:
    opened: list[PostgresDatabase | BaseException] = []

    def run() -> None:
        try:
            opened.append(open_postgres(postgres_url))
        except BaseException as error:  # noqa: BLE001 - told below
            opened.append(error)

    threads = [threading.Thread(target=run) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [type(one).__name__ for one in opened] == ["PostgresDatabase"] * 4, opened
    for one in opened:
        assert isinstance(one, PostgresDatabase)
        one.close()


def test_a_newer_database_is_refused(postgres_url: str) -> None:
    open_postgres(postgres_url).close()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("UPDATE version_store SET version_num = '9999'")
    with pytest.raises(StoreError) as caught:
        open_postgres(postgres_url)
    assert caught.value.code == "newer-database"


def test_a_reader_goes_on_after_the_server_was_away(postgres: Cluster, database: PostgresDatabase) -> None:
    rows = SqlRows(database)
    rows.put(boat("ada"))
    rows.commit()
    fresh = SqlRows(database, cache_rows=0)
    assert fresh.find(BoatRow, "ada") == boat("ada")
    postgres.stop("immediate")
    with pytest.raises(StoreError) as caught:
        fresh.find(BoatRow, "ada")
    assert caught.value.code == "database-away"
    with pytest.raises(StoreError) as caught:
        fresh.find(BoatRow, "ada")
    assert caught.value.code == "database-away"
    postgres.start()
    assert fresh.find(BoatRow, "ada") == boat("ada")
    assert list(fresh.select(BoatRow)) == [boat("ada")]


def test_the_documented_role_and_grants_are_enough(postgres: Cluster) -> None:
    # docs/postgresql.md, word for word where it is SQL; createuser and createdb are these two statements.
    page = (Path(__file__).parents[2] / "docs" / "postgresql.md").read_text()
    postgres.execute("CREATE ROLE entente LOGIN")
    postgres.execute("CREATE DATABASE entente OWNER entente ENCODING 'UTF8' TEMPLATE template0")
    grants = re.findall(r" -c '([^']+)'", page)
    assert len(grants) == 3
    with psycopg.connect(postgres.url("entente"), autocommit=True) as connection:
        for grant in grants:
            connection.execute(grant.encode())
    database = open_postgres(postgres.url("entente", user="entente"))
    journal = JournalTable(database)
    journal.create("example.org/joint")
    leadership = Leadership(database, "example.org/joint", "a test")
    assert leadership.try_take()
    leadership.limit_idle(60)
    rows = SqlRows(database)
    rows.put(boat("ada"))
    rows.commit()
    leadership.give_up()
    database.close()
    postgres.execute("CREATE ROLE stranger LOGIN")
    with pytest.raises(psycopg.OperationalError, match="permission denied"):
        psycopg.connect(postgres.url("entente", user="stranger"))
    postgres.drop_database(postgres.url("entente"))
    for role in ("entente", "stranger"):
        postgres.execute(f"DROP ROLE {role}")


def test_an_absent_server_and_a_bad_url_are_told_without_the_password(tmp_path: Path) -> None:
    url = f"postgresql://entente:geheim@/center?host={tmp_path}"
    with pytest.raises(StoreError) as caught:
        open_postgres(url)
    assert caught.value.code == "database-away"
    assert "geheim" not in str(caught.value)
    assert has_password(url)
    assert not has_password("postgresql://entente@db.example/center")
    assert describe_url(url) == f"center on {tmp_path}:5432"
    with pytest.raises(Malformed) as refused:
        has_password("postgresql://entente:geheim@[::1/center")
    assert "geheim" not in str(refused.value)
