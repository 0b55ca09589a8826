"""`entente center rebuild`: the database again from the journal, equal to the old one, or where it is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog
from sqlalchemy import select

from bench.parties import NOW, FrozenClock
from entente.center import archive, rebuild
from entente.center.rebuild import rebuild_center
from entente.center.rules_mark import check_rules
from entente.deconflict import Close, Consent, DeclareSite
from entente.deconflict.index import ConflictIndex
from entente.kernel.errors import StoreError
from entente.kernel.time import encode_utc
from entente.space import CircleWire, VolumeWire, parse_volume
from entente.space.volume import Separation
from entente.store.index_home import FORM_FACT
from entente.store.tables import ARRIVALS, EVENTS, META, SEALED
from tests.protocol.test_center_writer import Bench, read_rows
from tests.protocol.test_desk_lying_center import make_notify

START, END = "2016-09-01T00:00:00Z", "2016-10-30T00:00:00Z"
PLACE = VolumeWire(CircleWire((352_800_000, 401_800_000), 300_000), None, None, START, END)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    made = Bench(tmp_path / "center")
    ru, us = made.parties
    site = DeclareSite(
        *("m2", "M2", "hospital", PLACE, 50_000, ""),
        Consent("its board", START, [], ""),
        encode_utc(NOW.replace(year=NOW.year + 1)),
        None,
    )
    for party, kind, body in (
        (us, "site.declare", site),
        (ru, "activity.notify", make_notify("ru-1")),
        (ru, "activity.notify", make_notify("ru-2")),
        (ru, "activity.close", Close("ru-2", "cancelled", "")),
    ):
        signed = party.sign(kind, body, at=encode_utc(NOW))
        made.record(signed)
        party.accept(signed)
    made.talk(3)
    yield made
    made.writer.close()


def change(bench: Bench, statement: str) -> None:
    connection = sqlite3.connect(bench.folder.database)
    with connection:
        changed = connection.execute(statement).rowcount
    connection.close()
    assert changed > 0


def ask(index: ConflictIndex) -> list[str]:
    return [hit.object for hit in index.query(parse_volume(PLACE), Separation(), group="site")]


def test_an_untouched_database_is_equal_and_check_leaves_it_there(bench: Bench) -> None:
    size = bench.writer.tree.size
    assert ask(bench.writer.state.index) == ["m2"]
    bench.writer.close()
    before = bench.folder.database.read_bytes()
    progress: list[tuple[int, int]] = []
    done = rebuild_center(
        bench.root, FrozenClock(), check_only=True, on_progress=lambda *at: progress.append(at)
    )
    assert (done.size, done.differences, done.replaced, done.damage) == (size, (), "", "")
    assert progress == [(size, size)]
    assert bench.folder.database.read_bytes() == before
    assert [path.name for path in bench.root.glob("center.db*")] == ["center.db"]


def test_a_rebuilt_center_goes_on_with_what_the_journal_does_not_hold(bench: Bench) -> None:
    rows = read_rows(bench.writer)
    with bench.writer.database.write() as connection:
        connection.execute(SEALED.insert(), [{"leaf": "00", "party": "us", "data": b"secret"}])
    kept = read_kept(bench)
    bench.writer.close()
    done = rebuild_center(bench.root, bench.clock)
    assert (done.differences, done.replaced) == ((), "center.db.replaced-1")
    bench.reopen()
    assert read_rows(bench.writer) == rows
    assert read_kept(bench) == kept
    assert ask(bench.writer.state.index) == ["m2"]
    bench.talk(2)


def read_kept(bench: Bench) -> list[list[tuple[object, ...]]]:
    with bench.writer.database.read() as connection:
        return [
            [tuple(row) for row in connection.execute(select(table))]
            for table in (SEALED, EVENTS, ARRIVALS, META)
        ]


@pytest.mark.parametrize(
    ("statement", "words"),
    (
        (
            "UPDATE rows SET data = replace(data, 'M2', 'M3') WHERE tbl = 'sites'",
            "rows: only the old has ('sites', 'm2')",
        ),
        (
            "DELETE FROM row_index WHERE tbl = 'objects' AND field = 'state'",
            "index of rows: only the new has",
        ),
        (
            "UPDATE arrivals SET recorded_utc = '2017-01-01T00:00:00Z' WHERE log_index = 2",
            "times of entries: only",
        ),
        (
            "UPDATE index_objects SET name = 'zone' WHERE object = 'm2'",
            "standing objects: only the old has ('m2', 'zone'",
        ),
        (
            "UPDATE index_cells SET cell = cell + 1 WHERE id = 1",
            "cells of volumes: only the new has ('m2', 0, 'site')",
        ),
        ("UPDATE index_cells SET north = south", "cells of volumes: only the old has"),
        ("DELETE FROM index_cells", "cells of volumes: only the new has"),
    ),
)
def test_what_was_changed_behind_the_record_s_back_is_said_and_mended(
    bench: Bench, statement: str, words: str
) -> None:
    bench.writer.close()
    change(bench, statement)
    checked = rebuild_center(bench.root, bench.clock, check_only=True)
    assert any(one.startswith(words) for one in checked.differences), checked.differences
    assert rebuild_center(bench.root, bench.clock).differences == checked.differences
    assert rebuild_center(bench.root, bench.clock, check_only=True).differences == ()
    bench.reopen()
    assert ask(bench.writer.state.index) == ["m2"]


@pytest.mark.parametrize("damage", ("garbage", "nothing"))
def test_a_database_that_is_damaged_or_lost_is_made_again(bench: Bench, damage: str) -> None:
    rows = read_rows(bench.writer)
    bench.writer.close()
    if damage == "nothing":
        bench.folder.database.unlink()
    else:
        bench.folder.database.write_bytes(b"no database at all" * 1_000)
        bench.folder.database.with_name("center.db-wal").write_bytes(b"nor a log")
    done = rebuild_center(bench.root, bench.clock)
    assert done.damage
    assert done.replaced == ("" if damage == "nothing" else "center.db.replaced-1")
    assert read_rows(bench.reopen()) == rows
    assert ask(bench.writer.state.index) == ["m2"]


def test_a_running_center_is_not_rebuilt(bench: Bench) -> None:
    with pytest.raises(StoreError, match=r"another process|in use|locked"):
        rebuild_center(bench.root, bench.clock)


def test_a_crash_before_the_last_step_leaves_the_old_database(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.writer.close()
    before = bench.folder.database.read_bytes()

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(rebuild, "take_over", crash)
    with pytest.raises(KeyboardInterrupt):
        rebuild_center(bench.root, bench.clock)
    assert bench.folder.database.read_bytes() == before
    monkeypatch.undo()
    assert rebuild_center(bench.root, bench.clock).differences == ()


def test_a_database_of_an_older_version_gets_its_index_at_the_start(bench: Bench) -> None:
    bench.writer.close()
    change(bench, f"DELETE FROM meta WHERE name = '{FORM_FACT}'")  # noqa: S608 - our own word
    for table in ("index_cells", "index_volumes", "index_objects", "index_stems"):
        change(bench, f"DELETE FROM {table}")  # noqa: S608 - one of four
    bench.reopen()
    assert ask(bench.writer.state.index) == ["m2"]
    assert archive.read_meta(bench.writer.database)[FORM_FACT]
    bench.writer.close()
    assert rebuild_center(bench.root, bench.clock, check_only=True).differences == ()


def test_a_database_by_other_rules_is_said_until_it_is_computed_again(bench: Bench) -> None:
    assert check_rules(bench.writer.database) == ""
    for change_it, number in (
        ("UPDATE meta SET value = '99' WHERE name = 'rules'", 99),
        # As a version of before left it, which kept no number.
        ("DELETE FROM meta WHERE name = 'rules'", 1),
    ):
        change(bench, change_it)
        with structlog.testing.capture_logs() as logs:
            bench.reopen()
        (said,) = [line for line in logs if line["event"] == "other-rules"]
        assert f"got some by rules {number}" in said["reason"]
        assert "entente center rebuild" in said["reason"]
    # A start marks nothing: only computing all of it again does.
    assert check_rules(bench.writer.database) != ""
    bench.writer.close()
    rebuild_center(bench.folder.root, FrozenClock())
    assert check_rules(bench.reopen().database) == ""
