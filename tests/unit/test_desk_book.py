"""The desk's own book, its alarms and the evidence beside them."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from entente.desk.book import Book
from entente.desk.evidence import _EXPLAINED, AlarmBoard, Finding, make_finding
from entente.desk.gazetteer import _encode_cache, _read_cache
from entente.kernel.errors import Fork, Malformed, NotFound, StoreError
from entente.space import Place
from tests.protocol.desk_stage import HandClock


def test_transaction_is_all_or_nothing(tmp_path: Path) -> None:
    book = Book(tmp_path / "desk.db")

    def fail_late() -> None:
        with book.transaction() as db:
            db.execute("INSERT INTO meta VALUES ('a', '1')")
            with book.transaction() as inner:
                inner.execute("INSERT INTO meta VALUES ('b', '1')")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail_late()
    assert book.find_meta("a") is None
    assert book.find_meta("b") is None
    book.put_meta("a", "1")
    book.put_meta("a", "2")
    book.close()
    assert Book(tmp_path / "desk.db").find_meta("a") == "2"


def test_wrong_types_are_refused_by_the_tables() -> None:
    book = Book(None)
    with pytest.raises(StoreError), book.transaction() as db:
        db.execute("INSERT INTO meta VALUES ('a', ?)", (b"bytes",))


def test_book_of_a_later_version_is_refused(tmp_path: Path) -> None:
    Book(tmp_path / "desk.db").close()
    db = sqlite3.connect(tmp_path / "desk.db")
    db.execute("PRAGMA user_version = 99")
    db.close()
    with pytest.raises(StoreError) as caught:
        Book(tmp_path / "desk.db")
    assert caught.value.code == "book-version"


def test_book_that_is_no_book_is_refused(tmp_path: Path) -> None:
    (tmp_path / "desk.db").write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError):
        Book(tmp_path / "desk.db")


def make_board(folder: Path | None) -> AlarmBoard:
    return AlarmBoard(Book(None), folder, HandClock(), keys={"log-key.txt": b"key"})


def test_evidence_is_exact_and_explained(tmp_path: Path) -> None:
    board = make_board(tmp_path)
    fork = Fork(
        "log-forked",
        "log 'x': expected one root",
        evidence={"checkpoint-a": b"\x00\xff", "checkpoint-b": b""},
    )
    alarm = board.raise_alarm(make_finding(fork, "record", {"shown": b"note"}))
    folder = tmp_path / alarm.evidence
    assert folder.name == "20160917T135500Z-log-forked"
    assert (folder / "checkpoint-a").read_bytes() == b"\x00\xff"
    assert {file.name for file in folder.iterdir()} == {
        "README.txt",
        "checkpoint-a",
        "checkpoint-b",
        "log-key.txt",
        "shown",
    }
    readme = (folder / "README.txt").read_text(encoding="utf-8")
    assert "two histories of one record" in readme
    assert "checkpoint-a  (2 bytes)" in readme


def test_two_findings_of_one_second_have_two_folders(tmp_path: Path) -> None:
    board = make_board(tmp_path)
    first = board.raise_alarm(Finding("bad-tile", "x", "1", {"shown": b"1"}))
    second = board.raise_alarm(Finding("bad-tile", "x", "2", {"shown": b"2"}))
    assert first.evidence != second.evidence


def test_evidence_file_names_cannot_leave_the_folder(tmp_path: Path) -> None:
    for name in ("../up", ".hidden", "a/b"):
        with pytest.raises(ValueError, match="plain name"):
            make_board(tmp_path).raise_alarm(Finding("bad-tile", "x", name, {name: b""}))


def test_alarm_stands_until_an_officer_dismisses_it_with_a_reason() -> None:
    board = make_board(None)
    alarm = board.raise_alarm(Finding("rolled-back", "x", "1"))
    assert board.raise_alarm(Finding("rolled-back", "x again", "1")).id == alarm.id
    with pytest.raises(Malformed):
        board.dismiss(alarm.id, officer="duty-1", why="  ")
    assert board.standing() == [alarm]
    done = board.dismiss(alarm.id, officer="duty-1", why="a cache")
    assert (done.dismissed_by, done.dismissed_why) == ("duty-1", "a cache")
    assert board.dismiss(alarm.id, officer="duty-2", why="again").dismissed_by == "duty-1"
    assert board.raise_alarm(Finding("rolled-back", "x", "1")).id != alarm.id
    with pytest.raises(NotFound):
        board.dismiss(99, officer="duty-1", why="x")


def test_every_explanation_is_in_plain_words() -> None:
    assert len(_EXPLAINED) >= 15
    for code, (meaning, check) in _EXPLAINED.items():
        assert meaning.endswith("."), code
        assert check.endswith("."), code
        assert len(meaning) > 60, code


def test_gazetteer_cache_round_trips_and_a_damaged_one_is_made_again(tmp_path: Path) -> None:
    places = [
        Place("دير الزور", 35.3, 40.1, "city"),
        Place("Deir ez-Zor Airport", 35.2854, 40.176, "airport"),
    ]
    path = tmp_path / "gazetteer.npz"
    data = _encode_cache(places, "a 1 b 2")
    path.write_bytes(data)
    assert _read_cache(path, "a 1 b 2") == places
    assert _read_cache(path, "a 1 b 3") is None
    for damaged in (b"", b"x" * 100, data[:-20], data[:100] + b"\x00" * 50 + data[150:]):
        path.write_bytes(damaged)
        assert _read_cache(path, "a 1 b 2") is None
    assert _read_cache(tmp_path / "none", "a 1 b 2") is None
