"""The desk's local interface: a token, bounded bodies, one form of error, events that resume."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from entente.desk.http import WitnessHTTP, make_desk_app
from entente.desk.live import Live, parse_place
from entente.kernel.errors import StoreError
from entente.record.witness import encode_add_checkpoint
from tests.protocol.desk_stage import Stage, make_stage, make_volume, open_scratch


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_scratch(tmp_path) as folder:
        made = make_stage(folder)
        made.found()
        yield made


def send(app: Any, method: str, path: str, *, token: str = "", **named: Any) -> httpx.Response:
    async def once() -> httpx.Response:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        transport = httpx.ASGITransport(app=app)
        async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers=headers) as client:
            return await client.request(method, path, **named)

    return asyncio.run(once())


def ask(stage: Stage, method: str, path: str, **named: Any) -> httpx.Response:
    return send(make_desk_app(stage.desk), method, path, token=stage.desk.vault.token, **named)


@pytest.mark.parametrize("token", ("", "wrong", "0" * 64))
def test_wrong_token_opens_nothing(stage: Stage, token: str) -> None:
    app = make_desk_app(stage.desk)
    for method, path in (("GET", "/api/status"), ("POST", "/api/say"), ("GET", "/api/events")):
        answer = send(app, method, path, token=token)
        assert answer.status_code == 401
        assert answer.json()["code"] == "no-token"
    assert send(app, "GET", "/api/health").json() == {"ok": True, "party": "us"}


def test_verbs_speak_and_look(stage: Stage) -> None:
    said = ask(stage, "POST", "/api/say", json={"officer": "duty-1", "thread": "hot", "text": "hello"})
    assert said.status_code == 200
    assert said.json()["state"] == "recorded"
    status = ask(stage, "GET", "/api/status")
    assert status.json()["record"]["size"] == 4
    assert ask(stage, "GET", "/api/message", params={"message": "3"}).json()["body"]["text"] == "hello"
    assert len(ask(stage, "GET", "/api/messages", params={"after": "2", "limit": "1"}).json()) == 1


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "word"),
    (
        ("POST", "/api/say", b"{", 400, "malformed"),
        ("POST", "/api/say", b'{"officer":"duty-1"}', 400, "malformed"),
        ("POST", "/api/fly", b"{}", 404, "not-found"),
        ("GET", "/api/say", b"", 400, "malformed"),
        ("GET", "/api/ladder?message=99", b"", 404, "not-found"),
        ("GET", "/api/ladder?message=1&message=2", b"", 400, "malformed"),
        ("POST", "/api/close", b'{"officer":"duty-1","id":"nothing"}', 404, "not-found"),
        ("POST", "/api/say", b" " * (1 << 20) + b"{}", 400, "malformed"),
        (
            "POST",
            "/api/acknowledge",
            b'{"officer":"duty-1","messages":["0"]}',
            403,
            "denied",
        ),
    ),
)
def test_errors_have_one_form(
    stage: Stage, method: str, path: str, body: bytes, status: int, word: str
) -> None:
    answer = ask(stage, method, path, content=body)
    assert answer.status_code == status, answer.text
    plain = answer.json()
    assert plain.keys() == {"class", "code", "message", "path"}
    assert plain["class"] == word


def collect(stage: Stage, after: str, count: int, *, live: Live | None = None) -> list[dict[str, str]]:
    """Read events from the stream itself, until there are enough; the first in each tells of the desk."""

    async def read() -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        async for piece in (live or Live(stage.desk)).follow(after):
            events = piece.decode().strip().split("\n\n")
            found += [dict(line.split(": ", 1) for line in event.split("\n")) for event in events]
            if len(found) >= count + 2:
                break
        return [one for one in found if one.get("event", "hello") != "hello"][:count]

    return asyncio.run(asyncio.wait_for(read(), 10))


def test_events_resume_after_the_last_one(stage: Stage) -> None:
    stage.say("one")
    stage.say("two")
    first = collect(stage, "3.0", 1)
    assert json.loads(first[0]["data"])["body"]["text"] == "one"
    second = collect(stage, first[0]["id"], 1)
    assert json.loads(second[0]["data"])["body"]["text"] == "two"
    assert first[0]["event"] == "entry"


def test_alarms_are_events(stage: Stage) -> None:
    stage.say()
    stage.center.shown_size = 3
    stage.desk.run_once()
    events = collect(stage, "4.0", 1)
    assert json.loads(events[0]["data"])["code"] == "rolled-back"


def test_the_progress_of_long_work_is_an_event(stage: Stage) -> None:
    async def read() -> dict[str, str]:
        live = Live(stage.desk)
        live.attach()
        async for piece in live.follow(""):
            if b"event: hello" in piece:
                stage.desk.blind.parts.report("question 1 under skies")(3, 40)
            if b"event: work" in piece:
                return dict(line.split(": ", 1) for line in piece.decode().strip().split("\n"))
        raise AssertionError

    event = asyncio.run(asyncio.wait_for(read(), 10))
    assert json.loads(event["data"]) == {"what": "question 1 under skies", "done": 3, "all": 40}


def test_a_stream_that_is_often_woken_with_nothing_to_tell_is_heard(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("entente.desk.live.BEAT_S", 0.1)

    async def read() -> bytes:
        live, loop = Live(stage.desk), asyncio.get_running_loop()
        live.attach()

        def ring_on() -> None:
            live.ring()
            loop.call_later(0.01, ring_on)

        ring_on()
        async for piece in live.follow(""):
            if b"event: beat" in piece:
                return piece
        raise AssertionError

    assert b"now_ms" in asyncio.run(asyncio.wait_for(read(), 10))


def test_a_query_has_numbers_where_the_verb_wants_them(stage: Stage) -> None:
    volume = msgspec.to_builtins(make_volume())
    put = {"officer": "duty-1", "put": [{"name": name, "volumes": [volume]} for name in ("17", "18")]}
    assert ask(stage, "POST", "/api/blind-plan", json=put).status_code == 200
    shown = ask(stage, "GET", "/api/blind-items?after=17&limit=5")
    assert [one["name"] for one in shown.json()["items"]] == ["18"]
    assert ask(stage, "GET", "/api/blind-run?run=1").json()["code"] == "no-run"
    assert ask(stage, "GET", "/api/messages?after=0&limit=2").status_code == 200


@pytest.mark.parametrize("text", ("x", "-1", "1" * 40, "²", "other.7.2", "8.0", "7.3", "1.2.3.4"))
def test_a_place_of_another_record_is_the_newest_and_told(text: str) -> None:
    assert parse_place(text, mark="mine", newest=(7, 2)) == ((7, 2), False)


def test_a_place_of_this_record_is_where_it_goes_on() -> None:
    assert parse_place("", mark="mine", newest=(7, 2)) == ((7, 2), True)
    assert parse_place("mine.5.1", mark="mine", newest=(7, 2)) == ((5, 1), True)
    assert parse_place("5", mark="mine", newest=(7, 2)) == ((5, 0), True)


def test_witness_answers_over_http(stage: Stage) -> None:
    fatal: list[StoreError] = []
    app = WitnessHTTP(stage.desk, on_fatal=fatal.append).make_app()
    note = stage.center.sign(stage.center.core.tree, 3)
    answer = send(app, "POST", "/add-checkpoint", content=encode_add_checkpoint(0, [], note))
    assert answer.status_code == 200
    again = send(app, "POST", "/add-checkpoint", content=encode_add_checkpoint(0, [], note))
    assert (again.status_code, again.headers["content-type"], again.content) == (
        409,
        "text/x.tlog.size",
        b"3\n",
    )
    shown = send(app, "GET", f"/{stage.desk.witness.origin_hash}/checkpoint")
    assert shown.content.startswith(note[: note.index(b"\n\n")])
    assert send(app, "GET", f"/{'0' * 64}/checkpoint").status_code == 404
    assert send(app, "POST", "/add-checkpoint", content=b"x" * 400_000).status_code == 413
    assert fatal == []


def test_witness_that_cannot_keep_its_state_stops_the_process(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(path: Path, data: bytes) -> None:
        raise StoreError("disk-full", "witness.json: write failed: no space left on device")

    monkeypatch.setattr("entente.desk.witness.write_atomic", fail)
    fatal: list[StoreError] = []
    app = WitnessHTTP(stage.desk, on_fatal=fatal.append).make_app()
    note = stage.center.sign(stage.center.core.tree, 3)
    answer = send(app, "POST", "/add-checkpoint", content=encode_add_checkpoint(0, [], note))
    assert answer.status_code == 500
    assert [error.code for error in fatal] == ["disk-full"]
