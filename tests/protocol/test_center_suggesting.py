"""The center suggests: among what is open to all, writing nothing, with bounded work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.parties import FrozenClock, PartySimulator, SeededRandom, encode_request, init_signed, make_party
from entente.center.http import make_app
from entente.center.ladder_clock import LadderClock
from entente.center.sequencer import deliver_at_once
from entente.center.service import CenterPorts, open_center
from entente.center.suggesting import Suggesting, SuggestQuestion
from entente.deconflict import Notify, trial
from entente.deconflict.suggest import Room
from entente.kernel.canonical import encode_canonical
from entente.space import VolumeWire
from tests.protocol.test_center_attacks import Door
from tests.unit.test_deconflict_simulator import make_circle


@pytest.fixture
def parties() -> list[PartySimulator]:
    return [make_party(name) for name in ("ru", "us")]


@pytest.fixture
def door(tmp_path: Path, parties: list[PartySimulator]) -> Iterator[Door]:
    def fail(error: BaseException) -> None:
        raise error

    init_signed(tmp_path / "center", parties)
    ports = CenterPorts(clock=FrozenClock(), random=SeededRandom(1), on_fatal=fail, ladder_every_s=3600)
    center = open_center(tmp_path / "center", ports)
    center.start()
    yield Door(center, make_app(center))
    center.stop()


def notify(door: Door, party: PartySimulator, name: str, *, armed: bool = False, count: int = 1) -> None:
    body = Notify(name, "air", name, [make_circle()] * count, [], armed=armed, concur_by=None)
    status, answer = door.post(encode_request(party.sign("activity.notify", body)))
    assert status == 200, answer


def ask(door: Door, **changes: Any) -> tuple[int, Any]:
    question = SuggestQuestion("us", "air", armed=False, object=None, volumes=[make_circle()], room=Room())
    body = encode_canonical(msgspec.structs.replace(question, **changes))
    status, answer = door.ask("POST", "/suggest", body)
    return status, json.loads(answer)


def test_a_suggestion_is_conflict_free_and_writes_nothing(door: Door, parties: list[PartySimulator]) -> None:
    notify(door, parties[0], "theirs")
    size = door.size
    status, answer = ask(door)
    assert status == 200, answer
    assert answer["conflicts"] == ["theirs"]
    assert {one["way"] for one in answer["found"]} >= {"later", "earlier", "aside"}
    for one in answer["found"]:
        again = ask(door, volumes=msgspec.convert(one["volumes"], list[VolumeWire]))[1]
        assert again["conflicts"] == []
    assert door.size == size
    assert ask(door, party="ru")[1]["conflicts"] == []
    status, answer = ask(door, object="theirs", party="ru")
    assert (status, answer["conflicts"]) == (200, [])


def test_a_question_that_is_none_is_refused(door: Door, parties: list[PartySimulator]) -> None:
    assert ask(door, party="atlantis")[1]["code"] == "unknown-party"
    assert ask(door, object="nothing")[0] == 404
    bad = make_circle(end="2016-09-17T14:00:00Z")
    assert ask(door, volumes=[bad])[1]["code"] == "window-reversed"
    assert door.ask("POST", "/suggest", b"{}")[0] == 400
    assert door.ask("POST", "/suggest", b'{"party":"us"' + b" " * (1 << 20))[0] == 413
    assert parties


def test_a_plan_too_wide_is_told_how_to_narrow_it(
    door: Door, parties: list[PartySimulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial, "MOST_MET", 1)
    notify(door, parties[0], "one", count=2)
    assert ask(door, volumes=[make_circle(50.0)])[0] == 200
    status, answer = ask(door)
    assert (status, answer["code"]) == (400, "too-many-conflicts")


def test_a_third_at_once_is_sent_away(door: Door) -> None:
    suggesting = Suggesting(door.center.reading.rows, door.center.reading.database)
    for _ in range(2):
        assert suggesting._turns.acquire(blocking=False)
    question = SuggestQuestion("us", "air", armed=False, object=None, volumes=[make_circle()], room=Room())
    with pytest.raises(Exception, match="ask later"):
        suggesting.process(encode_canonical(question))
    suggesting._turns.release()
    assert suggesting.process(encode_canonical(question)).status == 200


def test_a_look_that_gets_no_answer_in_time_ends_and_the_next_goes_on(
    door: Door, parties: list[PartySimulator], monkeypatch: pytest.MonkeyPatch
) -> None:
    # One slow message before it in the queue is no reason to end the center.
    notify(door, parties[0], "theirs", armed=True)
    notify(door, parties[1], "ours", armed=True)
    clock: LadderClock = door.center.ladder
    with monkeypatch.context() as busy:
        busy.setattr("entente.center.speaker.ANSWER_S", 0.01)
        busy.setattr(door.center.sequencer, "submit", lambda submission: Future())
        assert clock.tell_due() == 0
    door.center.sequencer.deliver = deliver_at_once
    assert clock.tell_due() == 1
    assert clock.tell_due() == 0


def test_the_centers_clock_raises_what_is_due_at_its_next_look(
    door: Door, parties: list[PartySimulator]
) -> None:
    notify(door, parties[0], "theirs", armed=True)
    notify(door, parties[1], "ours", armed=True)
    clock: LadderClock = door.center.ladder
    door.center.sequencer.deliver = deliver_at_once
    assert clock.tell_due() == 1
    assert clock.tell_due() == 0
    (row,) = door.get("/rows/alarms")[1]["rows"]
    assert (row["state"], row["parties"]) == ("raised", ["ru", "us"])
    (thread,) = door.get("/rows/threads")[1]["rows"]
    assert thread["id"] == row["alarm"]
    ladder = door.get(f"/ladder/{row['message']}")[1]
    assert [one["party"] for one in ladder["parties"]] == ["ru", "us"]
