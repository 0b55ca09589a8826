"""Parcels in both homes: one promise in files and in PostgreSQL, by a whole center, and moved between."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import text

from entente.center.folder import CenterFolder
from entente.center.move import move_to_files
from entente.kernel.errors import NotFound, StoreError
from entente.store.clock import SystemClock
from entente.store.parcel_files import ParcelFiles
from entente.store.parcel_home import PIECE_BYTES, Lying, ParcelHome, read_whole
from entente.store.parcel_table import ParcelTable
from entente.store.sql import MIGRATIONS
from entente.store.sql_postgres import PostgresDatabase, open_postgres
from tests.blind_center import BlindCenter, hash_hex, make_list


@pytest.fixture
def database(postgres_url: str) -> Iterator[PostgresDatabase]:
    with closing(open_postgres(postgres_url)) as opened:
        yield opened


@pytest.fixture(params=("files", "table"))
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ParcelHome]:
    folder = tmp_path / "parcels"
    if request.param == "files":
        yield ParcelFiles(folder)
    else:
        with closing(ParcelTable(request.getfixturevalue("database"), folder)) as table:
            yield table
    assert not [path for path in folder.iterdir() if path.name.startswith(".")], "a spool was left"


def put(home: ParcelHome, data: bytes, party: str = "us", to: str = "ru", at: int = 1_474_000_000) -> Lying:
    lying = Lying(hashlib.sha256(data).hexdigest(), party, to, len(data), at)
    with closing(home.open_spool(len(data))) as spool:
        spool.write(data)
        spool.finish(lying.sha256)
        return home.keep(spool, lying)


def test_both_homes_keep_what_they_took(home: ParcelHome) -> None:
    small, large = b"x", os.urandom(2 * PIECE_BYTES + 1)
    kept = [put(home, small), put(home, large, to="center", at=7)]
    assert sorted(kept, key=lambda one: one.sha256) == home.list_lying() == home.list_lying("us")
    assert home.list_lying("ru") == []
    for lying, data in zip(kept, (small, large), strict=True):
        assert home.find(lying.sha256) == lying
        assert read_whole(home, lying) == data
    # The first that gave it has it, whoever comes again.
    assert put(home, small, party="ru", to="us", at=9) == kept[0]
    home.remove(kept[0].sha256)
    home.remove(kept[0].sha256)
    assert home.find(kept[0].sha256) is None
    with pytest.raises(NotFound, match="parcel-gone"):
        home.read_piece(kept[0].sha256, 0)
    assert put(home, small, party="ru", to="us", at=9).party == "ru"
    with closing(home.open_spool(3)) as spool:
        spool.write(b"ha")
        with pytest.raises(AssertionError, match="whole"):
            spool.flush()


def test_a_lost_connection_loses_one_deposit_and_no_more(database: PostgresDatabase, tmp_path: Path) -> None:
    with closing(ParcelTable(database, tmp_path / "parcels")) as table:
        put(table, b"before")
        with database.write() as connection:
            connection.execute(
                text("SELECT pg_terminate_backend(:pid)"), {"pid": table._connection.info.backend_pid}
            )
        with pytest.raises(StoreError, match="database-away"):
            put(table, b"during")
        assert table.find(hash_hex(b"during")) is None
        put(table, b"during")
        assert {one.sha256 for one in table.list_lying()} == {hash_hex(b"before"), hash_hex(b"during")}


def test_the_migration_goes_back_and_forth(database: PostgresDatabase, tmp_path: Path) -> None:
    database.migrate(MIGRATIONS, to="0004")
    with database.read() as connection, pytest.raises(Exception, match="parcels"):
        connection.execute(text("SELECT * FROM parcels"))
    database.migrate(MIGRATIONS)
    with closing(ParcelTable(database, tmp_path / "parcels")) as table:
        put(table, b"after")
        assert len(table.list_lying()) == 1


def test_a_center_on_postgresql_carries_a_run_and_moves_its_parcels(
    tmp_path: Path, postgres_url: str
) -> None:
    stage = BlindCenter(tmp_path / "center", database=postgres_url)
    stage.agree()
    for party in ("ru", "us"):
        stage.commit(party)
    lists = [make_list([1, 2], "ru"), make_list([2, 3], "us")]
    stage.put("us", b"nobody names it", "ru")
    leaf = stage.match(*lists)
    assert stage.list_files() == [], "files are for what comes in"
    tags = b"the tags of ru"
    assert stage.get(hash_hex(tags)) == (200, tags)
    assert stage.get(hash_hex(lists[0]))[0] == 403
    assert stage.put("ru", lists[1], "center")[1]["code"] == "parcel-taken"
    assert stage.match_due() == 1
    assert stage.read_result(leaf, "us").verdict == "CONFLICT"
    stage.center.stop()
    # What lies there goes along to the folder, and back again.
    root, clock = stage.root, SystemClock()
    move_to_files(root, clock)
    assert len(stage.list_files()) == 6
    stage.open()
    assert stage.get(hash_hex(tags)) == (200, tags)
    assert stage.match_due() == 0
    stage.center.stop()
    assert stage.fatal == []
    assert CenterFolder(root).read_settings().database == ""
