"""The database: durable, strict, of one version, and the same as its tables say."""

from __future__ import annotations

import hashlib
import random
import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Table, select, text

from entente.deconflict import PositionRow, ReceiptRow
from entente.deconflict.receipts import Stamp
from entente.kernel.errors import StoreError
from entente.kernel.rows import MemoryRows, Row
from entente.store.sheaf import BLOCK
from entente.store.sql import MIGRATIONS, Database, open_sqlite
from entente.store.sql_rows import SqlRows, decode_row
from entente.store.tables import META, METADATA, ROW_INDEX, ROWS, SHEAF_PLACES, SHEAVES
from entente.store.wal import WalKeeper
from tests.unit.test_rows_contract import BoatRow, WatchRow, boat


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_sqlite(tmp_path / "center.db")
    yield opened
    opened.close()


def test_migrations_make_the_tables_that_queries_are_built_from(database: Database) -> None:
    with database.write() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": "version_store"})
        assert compare_metadata(context, METADATA) == []
        rows = connection.execute(text("SELECT name, sql FROM sqlite_schema WHERE type = 'table'")).all()
        made = {name: sql for name, sql in rows if name != "version_store"}
    assert set(made) == set(METADATA.tables)
    assert all("STRICT" in sql for sql in made.values()), "a table that takes text for numbers"


def test_a_commit_is_durable(database: Database) -> None:
    with database.write() as connection:
        pragmas = {
            name: connection.execute(text(f"PRAGMA {name}")).scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_what_raises_inside_a_transaction_is_undone(database: Database) -> None:
    def write() -> None:
        with database.write() as connection:
            connection.execute(database.upsert(META), [{"name": "a", "value": "1"}])
            raise ValueError("stop")

    with pytest.raises(ValueError, match="stop"):
        write()
    with database.read() as connection:
        assert connection.execute(select(META)).all() == []


def test_an_upsert_replaces(database: Database) -> None:
    for value in ("1", "2"):
        with database.write() as connection:
            connection.execute(database.upsert(META), [{"name": "a", "value": value}])
    with database.read() as connection:
        assert [tuple(row) for row in connection.execute(select(META))] == [("a", "2")]


def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(StoreError, match=r"read.?only"), database.read() as connection:
        connection.execute(database.upsert(META), [{"name": "a", "value": "1"}])


def test_a_reader_sees_whole_commits_alone(database: Database) -> None:
    seen: list[int] = []

    def look() -> None:
        with database.read() as connection:
            seen.append(len(connection.execute(select(META)).all()))

    with database.write() as connection:
        connection.execute(database.upsert(META), [{"name": "a", "value": "1"}])
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    look()
    assert seen == [0, 1]


def test_a_newer_database_is_refused(tmp_path: Path) -> None:
    open_sqlite(tmp_path / "center.db").close()
    with sqlite3.connect(tmp_path / "center.db") as connection:
        connection.execute("UPDATE version_store SET version_num = '9999'")
    connection.close()
    with pytest.raises(StoreError) as caught:
        open_sqlite(tmp_path / "center.db")
    assert caught.value.code == "newer-database"


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "center.db").write_bytes(b"not a database, and long enough to be looked at" * 100)
    with pytest.raises(StoreError, match="not a database"):
        open_sqlite(tmp_path / "center.db")


def test_a_row_of_another_version_is_named(database: Database) -> None:
    with pytest.raises(StoreError, match="table 'boats': expected a row of this version"):
        decode_row(BoatRow, '{"name":1}')
    with database.write() as connection:
        connection.execute(database.upsert(ROWS), [{"tbl": "boats", "key": "ada", "data": "[]"}])
    with pytest.raises(StoreError) as caught:
        SqlRows(database).find(BoatRow, "ada")
    assert caught.value.code == "bad-row"


def test_expected_rows_are_found_and_absent_ones_are_remembered_until_the_commit(database: Database) -> None:
    rows, other = SqlRows(database), SqlRows(database)
    for at in range(100):
        rows.put(boat(f"{at:03d}"))
    rows.commit()
    fresh = SqlRows(database)
    fresh.expect(BoatRow, [f"{at:03d}" for at in range(150)])
    assert fresh.find(BoatRow, "099") == boat("099")
    other.put(boat("120"))
    other.commit()
    assert fresh.find(BoatRow, "120") is None
    fresh.put(boat("120", tons=7))
    assert fresh.find(BoatRow, "120") == boat("120", tons=7)
    fresh.commit()
    assert SqlRows(database).find(BoatRow, "120") == boat("120", tons=7)
    assert fresh.find(BoatRow, "121") is None
    other.put(boat("121"))
    other.commit()
    fresh.commit()
    assert fresh.find(BoatRow, "121") == boat("121"), "absence is not remembered beyond a commit"


def test_a_migration_back_takes_rows_alike_apart(database: Database) -> None:
    rows, plain = SqlRows(database), MemoryRows()
    stamp = Stamp("a" * 64, 3, "2016-09-17T15:00:00Z", ("duty-1",))
    names = [f"p{place:02d}" for place in range(40)]
    for place in range(700):
        leaf = f"{place:064x}"
        receipt = ReceiptRow(
            message=leaf, kind="zone.declare", author='"é', party="", submitted=stamp, delivery_note="\u2028é"
        )
        position = PositionRow(message=leaf, party="", author="us", state="unread")
        few = names[place % 40 :][:3]
        for home in (rows, plain):
            home.put_alike(receipt, few)
            home.put_alike(position, few)
            home.put(msgspec.structs.replace(receipt, party=few[0], state="acknowledged"))
    rows.commit()
    with database.read() as connection:
        kept = len(connection.execute(select(ROWS)).all())
    assert kept == 700 * 3
    database.migrate(MIGRATIONS, to="0003")
    with database.read() as connection:
        stored = connection.execute(select(ROWS).order_by(ROWS.c.tbl, ROWS.c.key)).all()
    assert {row.tbl for row in stored} == {"receipts", "positions"}
    for row in stored:
        kind: type[Row] = ReceiptRow if row.tbl == "receipts" else PositionRow
        # As an older version wrote it, to the byte: databases are compared cell by cell.
        assert msgspec.json.encode(decode_row(kind, row.data)).decode() == row.data
    for kind in (ReceiptRow, PositionRow):
        found = [decode_row(kind, row.data) for row in stored if row.tbl == kind.TABLE]
        assert found == list(plain.select(kind))
    database.migrate(MIGRATIONS)
    fresh = SqlRows(database)
    asked: tuple[dict[str, Any], ...] = ({}, {"party": "p07"}, {"party": "p07", "state": "unread"})
    for kind in (ReceiptRow, PositionRow):
        for equals in asked:
            assert list(fresh.select(kind, **equals)) == list(plain.select(kind, **equals))


def test_places_of_rows_kept_as_one_are_those_of_the_values_that_are_left(database: Database) -> None:
    draw, plain, rows = random.Random(4), MemoryRows(), SqlRows(database, cache_rows=30)
    names = ("ann", "bob", "cyd", "dan")
    open_ones: list[tuple[str, str]] = []
    for place in range(3 * BLOCK):
        bell = hashlib.sha256(str(place).encode()).hexdigest()
        row = WatchRow(bell=bell, sailor="", state="waiting", officer="ann")
        for home in (plain, rows):
            home.put_alike(row, names)
        open_ones += [(bell, name) for name in names]
        # Ann answers at once, Bob everything in the end, Cyd now and then, Dan never.
        due = [(bell, "ann")] + [one for one in open_ones if one[1] == "cyd" and draw.random() < 0.02]
        if place == 3 * BLOCK - 1:
            due = [one for one in open_ones if one[1] in {"ann", "bob"}]
        for one in due:
            for home in (plain, rows):
                home.put(msgspec.structs.replace(row, bell=one[0], sailor=one[1], state="done"))
            open_ones.remove(one)
        if draw.random() < 0.1 or place == 3 * BLOCK - 1:
            rows.commit()
            fresh = SqlRows(database)
            for name in names:
                wanted = list(plain.select(WatchRow, state="waiting", sailor=name))
                assert list(fresh.select(WatchRow, state="waiting", sailor=name)) == wanted
    with database.read() as connection:
        places = connection.execute(select(SHEAF_PLACES.c.value, SHEAF_PLACES.c.block)).all()
    wanted_places = set()
    for bell, name in open_ones:
        with database.read() as connection:
            found = connection.execute(select(SHEAVES.c.number).where(SHEAVES.c.key == bell)).scalar()
        wanted_places.add((name, (found or 0) // BLOCK))
    assert {tuple(place) for place in places} == wanted_places
    assert {name for name, _ in wanted_places} == {"cyd", "dan"}


def test_the_log_is_carried_over_beside_the_writer_and_without_it(tmp_path: Path) -> None:
    path = tmp_path / "center.db"
    database, carrying = open_sqlite(path), []

    def carry() -> None:
        keeper = WalKeeper(path)
        carrying.append(keeper.carry())

    try:
        run_in_thread(carry)
        rows = SqlRows(database)
        for at in range(20_000):
            rows.put(boat(f"{at:06d}", port="x" * 100))
        rows.commit()
        before = path.stat().st_size
        with database.write() as connection:
            # The writer is in the middle of something, and neither waits.
            connection.execute(database.upsert(META), [{"name": "a", "value": "1"}])
            run_in_thread(carry)
        assert carrying == [False, True]
        assert path.stat().st_size > before + 1_000_000
        assert len(list(SqlRows(database).select(BoatRow, limit=7))) == 7
    finally:
        database.close()


def run_in_thread(run: Callable[[], None]) -> None:
    thread = threading.Thread(target=run)
    thread.start()
    thread.join(20)
    assert not thread.is_alive()


@pytest.mark.parametrize("table", (ROWS, ROW_INDEX, SHEAF_PLACES))
def test_to_remove_rows_reads_those_rows_and_no_others(database: Database, table: Table) -> None:
    prepared = database.prepare_delete(table)
    for count, question in prepared.sql.items():
        values = ("x",) * (count * len(table.primary_key.columns))
        with database.read() as connection:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {question}", values).all()
        assert not [step for step in plan if "SCAN" in step[3]], count
