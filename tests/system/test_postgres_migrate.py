"""Moving a center's record to PostgreSQL and back: everything arrives, or nothing does."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import msgspec
import psycopg
import pytest
from sqlalchemy import select

from bench.parties import FrozenClock, PartySimulator, encode_request, init_signed, make_party
from entente.center import archive, move
from entente.center.folder import CenterFolder
from entente.center.founding import Founding
from entente.center.move import move_to_files, move_to_postgres
from entente.center.restore import restore_journal_from
from entente.center.service import _record_founding
from entente.center.shared import SharedRecord, open_shared
from entente.center.submission import parse_request, verify_submission
from entente.center.writer import RecordWriter, open_writer
from entente.cli.center import app
from entente.cli.run import run_app
from entente.dialogue import About, Say
from entente.joint import KINDS
from entente.kernel.errors import Denied, StoreError
from entente.store.index_home import FORM_FACT
from entente.store.mirror import Mirror
from entente.store.sql import Database
from tests.postgres import Cluster
from tests.system.postgres_center import ROOT, wait_for

CLOCK = FrozenClock()


def write_message(party: PartySimulator, reader: PartySimulator, number: int) -> bytes:
    data = b"sealed %d" % number * 200
    body = Say("hot", About("none", ""), f"message {number}", "en", False, None)
    signed = party.sign("thread.say", body, to=(reader,), ciphertexts=(data,))
    party.accept(signed)
    return encode_request(signed, ((reader.name, data),))


def record(writer: RecordWriter, body: bytes) -> None:
    signed, ciphertexts = parse_request(body)
    [outcome] = writer.record_batch([verify_submission(signed, ciphertexts, writer.state.ring, KINDS)])
    assert not isinstance(outcome, Exception), outcome


@pytest.fixture
def parties() -> list[PartySimulator]:
    return [make_party("ru"), make_party("us")]


@pytest.fixture
def folder(tmp_path: Path, parties: list[PartySimulator]) -> CenterFolder:
    made = CenterFolder(tmp_path / "center")
    init_signed(made.root, parties)
    writer = open_writer(made, made.read_keys(), KINDS, CLOCK)
    _record_founding(Founding(made, made.read_keys()).build(), KINDS)(writer)
    for number in range(20):
        record(writer, write_message(parties[number % 2], parties[1 - number % 2], number))
    writer.close()
    return made


def read_tables(database: Database) -> dict[str, list[tuple[object, ...]]]:
    """Return what is moved: the conflict index, and that it is whole, stay behind."""
    with database.read() as connection:
        return {
            table.name: [
                tuple(row)
                for row in connection.execute(select(table).order_by(*table.primary_key.columns))
                if row[0] != FORM_FACT
            ]
            for table in move.COPIED
        }


def open_in_folder(folder: CenterFolder) -> RecordWriter:
    return open_writer(folder, folder.read_keys(), KINDS, CLOCK)


def open_in_database(folder: CenterFolder) -> SharedRecord:
    return open_shared(folder, folder.read_settings(), folder.read_keys(), KINDS, CLOCK)


def test_there_and_back_keeps_every_byte_and_row(
    folder: CenterFolder, parties: list[PartySimulator], postgres_url: str
) -> None:
    before = folder.journal.read_bytes()
    writer = open_in_folder(folder)
    rows = read_tables(writer.database)
    writer.close()
    told: list[tuple[str, int, int]] = []
    moved = move_to_postgres(folder.root, postgres_url, CLOCK, on_progress=lambda *what: told.append(what))
    assert moved.size == 23
    assert moved.rows == sum(map(len, rows.values())) > 100
    assert {what.partition(" ")[0] for what, _, _ in told} >= {"copy", "check"}
    assert folder.read_settings().database == postgres_url
    assert folder.journal.read_bytes() == before, "the old place stays as it was"
    with psycopg.connect(postgres_url) as connection:
        frames = connection.execute("SELECT data FROM journal ORDER BY start").fetchall()
    assert b"".join(row[0] for row in frames) == before, "the same bytes, a row a frame"
    # It goes on there, and comes back with what was added.
    shared = open_in_database(folder)
    assert read_tables(shared.database) == rows
    assert shared.try_lead(max_idle_s=10)
    shared.writer.allow_signing()
    record(shared.writer, write_message(parties[0], parties[1], 20))
    rows = read_tables(shared.database)
    shared.close()
    moved = move_to_files(folder.root, CLOCK)
    assert moved.size == 24
    assert folder.read_settings().database == ""
    assert folder.journal.read_bytes().startswith(before)
    assert (folder.root / "journal.replaced-1").read_bytes() == before
    folder.check_no_database()
    writer = open_in_folder(folder)
    assert read_tables(writer.database) == rows
    writer.allow_signing()
    record(writer, write_message(parties[1], parties[0], 21))
    assert archive.read_last_event_id(writer.database) == 23
    writer.close()
    # The database that was left can never be added to again: that would be a second history.
    folder.write_settings(msgspec.structs.replace(folder.read_settings(), database=postgres_url))
    shared = open_in_database(folder)
    with pytest.raises(StoreError) as caught:
        shared.try_lead(max_idle_s=10)
    assert caught.value.code == "record-moved"
    shared.close()


def test_a_database_with_something_else_in_it_is_refused(
    folder: CenterFolder, parties: list[PartySimulator], postgres_url: str, postgres: Cluster, tmp_path: Path
) -> None:
    move_to_postgres(folder.root, postgres_url, CLOCK)
    other = CenterFolder(tmp_path / "other")
    init_signed(other.root, [make_party("xx"), make_party("yy")])
    open_in_folder(other).close()
    # The same origin, another history: what the two hold is compared, not believed.
    with pytest.raises(StoreError, match=r"log|signature|copy"):
        move_to_postgres(other.root, postgres_url, CLOCK)
    assert other.read_settings().database == ""
    # Rows of something that has no journal: a desk's, or a leftover.
    second = postgres.create_database()
    with pytest.raises(StoreError, match="killed"):
        _move_and_fail(other, second)
    with psycopg.connect(second) as connection:
        connection.execute("INSERT INTO meta VALUES ('a', '1')")
    with pytest.raises(Denied) as refused:
        move_to_postgres(other.root, second, CLOCK)
    assert refused.value.code == "not-empty"
    postgres.drop_database(second)


def _move_and_fail(folder: CenterFolder, url: str) -> None:
    def fail(what: str, _done: int, _wanted: int) -> None:
        if what == "check rows":
            raise StoreError("killed", "killed here")

    writer = open_in_folder(folder)
    _record_founding(Founding(folder, folder.read_keys()).build(), KINDS)(writer)
    writer.close()
    move_to_postgres(folder.root, url, CLOCK, on_progress=fail)


@pytest.mark.parametrize("stage", ("copy journal", "check rows"))
def test_a_move_that_is_killed_leaves_nothing_and_can_be_done_again(
    folder: CenterFolder, postgres_url: str, stage: str, tmp_path: Path
) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path; from bench.parties import FrozenClock; "
        "from entente.center.move import move_to_postgres; "
        "stop = lambda what, *_: what == sys.argv[3] and os.kill(os.getpid(), signal.SIGKILL); "
        "move_to_postgres(Path(sys.argv[1]), sys.argv[2], FrozenClock(), on_progress=stop)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, str(folder.root), postgres_url, stage],
        env={**os.environ, "PYTHONPATH": str(ROOT)}, check=False, capture_output=True, text=True,
    )  # fmt: skip
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert folder.read_settings().database == ""
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM journal").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM sealed").fetchone() == (0,)
    open_in_folder(folder).close()
    # The server may not yet have noticed that the other one is gone.
    wait_for(lambda: is_free(postgres_url), "the lead is free")
    assert move_to_postgres(folder.root, postgres_url, CLOCK).size == 23


def is_free(url: str) -> bool:
    with psycopg.connect(url) as connection:
        locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM "
        return connection.execute(
            (locks + "pg_database WHERE datname = current_database())").encode()
        ).fetchone() == (0,)


def test_a_move_broken_off_between_commit_and_settings_is_taken_up(
    folder: CenterFolder, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_folder: CenterFolder, _settings: object) -> None:
        raise StoreError("killed", "killed here")

    with monkeypatch.context() as patch:
        patch.setattr(CenterFolder, "write_settings", stop)
        with pytest.raises(StoreError, match="killed"):
            move_to_postgres(folder.root, postgres_url, CLOCK)
    assert folder.read_settings().database == ""
    assert move_to_postgres(folder.root, postgres_url, CLOCK).size == 23
    # The same on the way back, where the database is closed by then.
    with monkeypatch.context() as patch:
        patch.setattr(CenterFolder, "write_settings", stop)
        with pytest.raises(StoreError, match="killed"):
            move_to_files(folder.root, CLOCK)
    assert folder.read_settings().database == postgres_url
    assert move_to_files(folder.root, CLOCK).size == 23
    open_in_folder(folder).close()


def test_one_changed_row_or_byte_of_the_copy_is_found(
    folder: CenterFolder, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = move._copy_tables

    def spoil(source: object, connection: object, *rest: object) -> int:
        count = real(source, connection, *rest)  # type: ignore[arg-type]
        spoiled = "UPDATE sealed SET data = data || '\\x00' WHERE leaf = (SELECT min(leaf) FROM sealed)"
        connection.exec_driver_sql(spoiled)  # type: ignore[attr-defined]
        return count

    monkeypatch.setattr(move, "_copy_tables", spoil)
    with pytest.raises(StoreError, match="copy of 'sealed'") as caught:
        move_to_postgres(folder.root, postgres_url, CLOCK)
    assert caught.value.code == "bad-copy"
    assert folder.read_settings().database == ""
    monkeypatch.setattr(move, "_copy_tables", real)
    # A frame of the source with a signature that is not the log's: it is not carried along.
    data = bytearray(folder.journal.read_bytes())
    data[len(data) // 2] ^= 1
    folder.journal.write_bytes(data)
    with pytest.raises(StoreError, match="journal"):
        move_to_postgres(folder.root, postgres_url, CLOCK)


def test_a_running_center_is_not_moved(
    folder: CenterFolder, postgres_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    writer = open_in_folder(folder)
    assert run_app(app, ["migrate", str(folder.root), "--to", postgres_url]) == 6
    assert "another process has it" in capsys.readouterr().err
    writer.close()
    assert run_app(app, ["migrate", str(folder.root), "--to", "mysql://x"]) == 2
    capsys.readouterr()
    assert run_app(app, ["migrate", str(folder.root), "--to", postgres_url]) == 0
    out = capsys.readouterr()
    assert out.out.startswith("moved     23 entries and ")
    assert "copy journal\n" in out.err
    assert run_app(app, ["migrate", str(folder.root), "--to", postgres_url]) == 3
    shared = open_in_database(folder)
    assert shared.try_lead(max_idle_s=10)
    capsys.readouterr()
    assert run_app(app, ["migrate", str(folder.root), "--to", "sqlite"]) == 3
    assert "another process does" in capsys.readouterr().err
    shared.close()


def test_a_damaged_journal_in_the_database_is_restored_from_a_mirror(
    folder: CenterFolder, parties: list[PartySimulator], postgres_url: str, tmp_path: Path
) -> None:
    move_to_postgres(folder.root, postgres_url, CLOCK)
    shared = open_in_database(folder)
    published = shared.writer.published
    assert published is not None
    mirror = Mirror(tmp_path / "mirror")
    mirror.extend(shared.writer.tree, 0, shared.journal.read_entries, published.checkpoint)
    rows = read_tables(shared.database)
    assert shared.try_lead(max_idle_s=10)
    with pytest.raises(Denied, match="another process does"):
        restore_journal_from(folder.root, mirror.source, CLOCK)
    shared.close()
    with psycopg.connect(postgres_url) as connection:
        connection.execute("ALTER TABLE journal DISABLE TRIGGER append_only")
        connection.execute("UPDATE journal SET data = set_byte(data, 200, 0) WHERE size = 10")
        connection.execute("ALTER TABLE journal ENABLE TRIGGER append_only")
    with pytest.raises(StoreError) as caught:
        open_in_database(folder)
    assert caught.value.code == "journal-damaged"
    restored = restore_journal_from(folder.root, mirror.source, CLOCK)
    assert (restored.size, restored.replaced) == (23, "journal_replaced_1")
    shared = open_in_database(folder)
    assert shared.try_lead(max_idle_s=10)
    assert shared.writer.published is not None
    assert shared.writer.published.checkpoint == published.checkpoint
    assert read_tables(shared.database) == rows
    shared.writer.allow_signing()
    record(shared.writer, write_message(parties[0], parties[1], 20))
    shared.close()
    with psycopg.connect(postgres_url) as connection:
        assert connection.execute("SELECT count(*) FROM journal_replaced_1").fetchone() == (22,)
    with pytest.raises(Denied, match="expected size >= 24 as in our journal, got 23"):
        restore_journal_from(folder.root, mirror.source, CLOCK)


def test_a_new_database_gets_the_record_from_a_mirror(
    folder: CenterFolder, postgres_url: str, tmp_path: Path
) -> None:
    writer = open_in_folder(folder)
    assert writer.published is not None
    mirror = Mirror(tmp_path / "mirror")
    mirror.extend(writer.tree, 0, writer.journal.read_entries, writer.published.checkpoint)
    rows = read_tables(writer.database)["rows"]
    writer.close()
    folder.write_settings(msgspec.structs.replace(folder.read_settings(), database=postgres_url))
    assert restore_journal_from(folder.root, mirror.source, CLOCK).size == 23
    shared = open_in_database(folder)
    # The rows are made again from the journal by whoever leads first.
    assert shared.try_lead(max_idle_s=10)
    assert read_tables(shared.database)["rows"] == rows
    shared.close()
    # What was put there is checked by the program that the parties use: nothing of a database, tiles alone.
    command = [sys.executable, "-m", "entente", "verify", str(tmp_path / "mirror"), "--require", "recorded"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_password_is_kept_from_others(folder: CenterFolder) -> None:
    folder.write_settings(
        msgspec.structs.replace(folder.read_settings(), database="postgresql://a:geheim@h/c")
    )
    settings = folder.root / "center.toml"
    assert stat.S_IMODE(settings.stat().st_mode) == 0o600
    settings.chmod(0o644)
    with pytest.raises(StoreError) as caught:
        folder.read_settings()
    assert caught.value.code == "settings-exposed"
    assert "geheim" not in str(caught.value)
