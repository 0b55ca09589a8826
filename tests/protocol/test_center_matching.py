"""Runs by way of the center: one result for each, whatever a party sends and wherever the center stops."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import TimeoutError as FutureTimeout
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from entente.blind.asking import AskRow
from entente.blind.match_records import MatchRow, TellMatched
from entente.blind.matching import LIST_HEAD
from entente.center import matching
from entente.center.folder import CenterFolder
from entente.center.matching import order_in_turn
from entente.center.speaker import Speaker
from entente.center.startup import StartDecision, StartState
from entente.joint import MessageRow
from tests.blind_center import BlindCenter, hash_hex, make_list, name_parcel
from tests.blind_record import ALLOWANCE, BlindRecord, digest


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[BlindCenter]:
    opened = BlindCenter(tmp_path / "center")
    opened.agree(allowance=msgspec.structs.replace(ALLOWANCE, matches=20))
    for party in ("ru", "us"):
        opened.commit(party)
    yield opened
    opened.center.stop()
    assert opened.fatal == []


def count_told(stage: BlindCenter) -> int:
    return len(list(stage.rows.select(MessageRow, kind="blind.matched")))


def test_both_learn_the_one_result(stage: BlindCenter, capsys: pytest.CaptureFixture[str]) -> None:
    for number, (tokens, verdict) in enumerate((([4, 5, 6], "CONFLICT"), ([7, 8, 9], "CLEAR")), 1):
        about = f"run {number}"
        leaf = stage.start_match(make_list([1, 2, 3, 4], "ru", about=about), number=number)
        assert stage.match_due() == 0, "one list is not enough"
        stage.join_match(leaf, make_list(tokens, "us", about=about))
        assert stage.match_due() == 1
        assert stage.match_due() == 0
        for party in ("ru", "us"):
            told = stage.read_result(leaf, party, about=about)
            assert (told.verdict, told.code, told.at_least) == (verdict, "", 0)
    assert count_told(stage) == 2
    # The host's log and figures say that there was a run, and nothing of how it ended.
    written = capsys.readouterr().out + stage.ask("GET", "/metrics")[1].decode()
    assert "entente_blind_matched_total 2.0" in written
    assert "CLEAR" not in written
    assert "CONFLICT" not in written


def test_a_count_run_tells_a_bucket(stage: BlindCenter) -> None:
    tokens = list(range(1, 51))
    leaf = stage.start_match(make_list(tokens, "ru", bucket=50), bucket=50, mode="count")
    stage.join_match(leaf, make_list(tokens[20:], "us", bucket=50), bucket=50)
    assert stage.match_due() == 1
    assert stage.read_result(leaf, "us", bucket=50).at_least == 10


def swap(data: bytes, first: int, second: int) -> bytes:
    """Exchange two tags, counted from the end."""
    one, other = data[-8 * first :][:8], data[-8 * second :][:8]
    found = bytearray(data)
    found[len(data) - 8 * first : len(data) - 8 * first + 8] = other
    found[len(data) - 8 * second : len(data) - 8 * second + 8] = one
    return bytes(found)


def test_a_bad_list_is_invalid_for_both(stage: BlindCenter) -> None:
    spoilers: tuple[tuple[Callable[[bytes], bytes], str], ...] = (
        (lambda data: data[:-8], "bad-list"),
        (lambda data: data + bytes(8), "bad-list"),
        (lambda data: swap(data, 3, 2), "bad-list"),
        (lambda data: data[:-8] + data[-16:-8], "bad-list"),
        (lambda data: b"x" + data[1:], "bad-list"),
        (lambda _: LIST_HEAD, "bad-list"),
        (lambda _: b"\0", "bad-list"),
        (lambda _: make_list([1], "us", about="another run"), "canaries-differ"),
        # The canaries that are named are the right ones, and they are not in the list.
        (lose_canaries, "canary"),
    )
    for number, (spoil, code) in enumerate(spoilers, 1):
        about = f"run {number}"
        bad = spoil(make_list([2, 3], "us", about=about))
        leaf = stage.start_match(make_list([1, 2], "ru", about=about), number=number)
        stage.join_match(leaf, bad)
        assert stage.match_due() == 1
        for party in ("ru", "us") if len(bad) > 200 else ("ru",):
            told = stage.read_result(leaf, party, about=about)
            assert (told.verdict, told.code) == ("INVALID", code)
    assert stage.fatal == []


def lose_canaries(data: bytes) -> bytes:
    """Take every canary out of the first list, and put other tags in."""
    start = len(LIST_HEAD) + 32
    canaries = {data[place : place + 8] for place in range(start, start + 128, 8)}
    first = start + 128
    tags = [data[place : place + 8] for place in range(first, first + 26 * 8, 8)]
    kept = [tag for tag in tags if tag not in canaries]
    filled = sorted({*kept, *(bytes((0, 0, 0, 0, 0, 0, 1, at)) for at in range(26 - len(kept)))})
    return data[:first] + b"".join(filled) + data[first + 26 * 8 :]


def test_a_list_for_another_bucket_than_was_said_is_invalid(stage: BlindCenter) -> None:
    leaf = stage.start_match(make_list([1], "ru"))
    stage.join_match(leaf, make_list([1], "us"), bucket=20)
    assert stage.match_due() == 1
    assert stage.read_result(leaf, "ru").code == "bad-list"


def test_a_list_that_is_gone_is_waited_for_and_keeps_nobody_waiting(
    stage: BlindCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    lists = [make_list([1], "ru"), make_list([1], "us")]
    leaf = stage.match(*lists)
    gone = CenterFolder(stage.root).parcels / f"{hash_hex(lists[1])}.us.center"
    gone.write_bytes(lists[1][:-1] + b"\0")  # a disk gives other bytes than it was given
    about = "the next"
    other = stage.start_match(make_list([1], "ru", about=about), number=2)
    stage.join_match(other, make_list([1], "us", about=about))
    assert stage.match_due() == 1
    assert stage.read_result(other, "ru", about=about).verdict == "CONFLICT"
    assert stage.rows.find(MatchRow, leaf).state == "joined", "nothing is told of a list that is not theirs"
    gone.unlink()
    stage.restart()
    assert stage.match_due() == 0
    assert stage.put("us", lists[1], "center")[0] == 200, "its author can deposit it again"
    assert stage.match_due() == 0, "not at every look: reading costs"
    monkeypatch.setattr(matching, "RETRY_S", 0.0)
    stage.restart()
    assert stage.match_due() == 1
    assert stage.read_result(leaf, "us").verdict == "CONFLICT"


class Killed(BaseException):
    """The process ends here."""


def test_what_was_recorded_wakes_the_matching(stage: BlindCenter, monkeypatch: pytest.MonkeyPatch) -> None:
    woken = threading.Event()
    monkeypatch.setattr(stage.center.matching, "wake", woken.set)
    stage.match(make_list([1], "ru"), make_list([2], "us"))
    assert woken.wait(10)


def test_a_process_killed_at_any_step_tells_it_once(
    stage: BlindCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kill(*_arguments: object) -> None:
        raise Killed

    for number, step in enumerate(("read_whole", "match_lists", "draw", "box_result", "tell", "told"), 1):
        about, speaker = f"run {number}", stage.center.matching._ports.speaker
        leaf = stage.start_match(make_list([1, 2], "ru", about=about), number=number)
        stage.join_match(leaf, make_list([2, 3], "us", about=about))

        def tell(kind: str, body: Any, by: Speaker = speaker) -> None:
            Speaker.tell(by, kind, body)
            raise Killed

        with monkeypatch.context() as killed:
            match step:
                case "draw":
                    killed.setattr(stage.center.random, "draw", kill)
                case "tell":
                    killed.setattr(speaker, "tell", kill)
                case "told":
                    killed.setattr(speaker, "tell", tell)
                case _:
                    killed.setattr(matching, step, kill)
            with pytest.raises(Killed):
                stage.match_due()
        stage.restart()
        assert stage.match_due() == (0 if step == "told" else 1)
        assert stage.match_due() == 0
        assert count_told(stage) == number
        for party in ("ru", "us"):
            assert stage.read_result(leaf, party, about=about).verdict == "CONFLICT"


def test_a_writer_that_does_not_answer_in_time_is_asked_again(
    stage: BlindCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    stage.match(make_list([1], "ru"), make_list([2], "us"))
    speaker = stage.center.matching._ports.speaker

    def tell(kind: str, body: Any) -> None:
        Speaker.tell(speaker, kind, body)
        raise FutureTimeout

    with monkeypatch.context() as slow:
        slow.setattr(speaker, "tell", tell)
        assert stage.match_due() == 0, "it cannot know"
    assert stage.match_due() == 0
    assert count_told(stage) == 1


def test_a_result_is_told_once_even_when_two_would_tell_it(stage: BlindCenter) -> None:
    leaf = stage.match(make_list([1], "ru"), make_list([2], "us"))
    row = stage.rows.find(MatchRow, leaf)
    body: TellMatched = stage.center.matching._make_result(row, row.join)
    assert stage.match_due() == 1
    status, answer = stage.post("ru", "blind.matched", body, officers=())
    assert (status, answer["code"]) != (200, None)
    assert count_told(stage) == 1
    assert stage.match_due() == 0
    stage.center.matching._match(row)  # as a look that began before the result was in the record
    assert count_told(stage) == 1


def test_pairs_take_turns() -> None:
    class Run:
        def __init__(self, index: int, rules: str) -> None:
            self.index, self.rules = index, rules

    runs: Any = [Run(at, "greedy") for at in range(4)] + [Run(9, "modest")]
    assert [run.index for run in order_in_turn(runs)] == [0, 9, 1, 2, 3]


def test_nothing_is_matched_while_the_center_may_not_sign(stage: BlindCenter) -> None:
    stage.match(make_list([1], "ru"), make_list([2], "us"))
    readiness = stage.center._readiness
    stage.center._readiness = StartDecision(StartState.WAITING, "test")
    assert stage.match_due() == 0
    stage.center._readiness = readiness
    assert stage.match_due() == 1


def test_the_center_says_when_a_question_was_left_unanswered(stage: BlindCenter) -> None:
    request = b"sealed request"
    assert stage.put("us", request, "ru")[0] == 200
    holdings = stage.holdings
    body = BlindRecord.make_ask("us", holdings["us"], holdings["ru"], 1, "whole")
    body = msgspec.structs.replace(body, request=name_parcel(request, inside=b""), asked=digest("root us"))
    leaf = stage.say("us", "blind.ask", body)
    stage.match_due()  # answers at once from here on
    stage.clock.now += timedelta(minutes=29)
    assert stage.center.ladder.tell_due() == 0
    stage.clock.now += timedelta(minutes=1)
    assert stage.center.ladder.tell_due() == 1
    assert stage.rows.find(AskRow, leaf).state == "lapsed"
    assert stage.center.ladder.tell_due() == 0
