"""The wire to the center: bounded, patient, and following nobody."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.desk import client as wire
from entente.desk.answers import CharterAnswer, StatusAnswer, parse_answer, parse_recorded, parse_refused
from entente.desk.client import CenterClient, RecordSource, parse_events, plan_wait_s
from entente.kernel.errors import EntenteError, NotFound, TransportError
from tests.protocol.desk_stage import SeededRandom

Handler = Callable[[httpx.Request], httpx.Response]


def make_client(handler: Handler, waits: list[float] | None = None) -> CenterClient:
    return CenterClient(
        "http://center.example",
        random=SeededRandom(),
        pause=(waits if waits is not None else []).append,
        transport=httpx.MockTransport(handler),
    )


def test_no_answer_is_tried_again_and_then_said() -> None:
    calls: list[str] = []
    waits: list[float] = []

    def fail(request: httpx.Request) -> httpx.Response:
        calls.append(request.url.path)
        raise httpx.ConnectError("refused")

    with pytest.raises(TransportError, match="ConnectError"):
        make_client(fail, waits).request("GET", "/status")
    assert len(calls) == 3
    assert 0.125 <= waits[0] <= 0.25 <= waits[1] <= 0.5


def test_busy_center_is_given_the_time_that_it_asks_for() -> None:
    waits: list[float] = []
    answers = iter([httpx.Response(503, headers={"retry-after": "2"}), httpx.Response(200, content=b"ok")])
    assert make_client(lambda _: next(answers), waits).request("GET", "/x")[0] == 200
    assert waits == [2.0]


def test_center_cannot_make_a_desk_wait_for_ever() -> None:
    assert plan_wait_s(0, SeededRandom(), asked_s=10**9) == 8.0
    assert plan_wait_s(100, SeededRandom()) <= 8.0


def test_busy_to_the_end_is_an_answer() -> None:
    assert make_client(lambda _: httpx.Response(503, content=b"busy")).request("GET", "/x") == (
        503,
        "",
        b"busy",
    )


def test_endless_answer_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "MAX_RESPONSE_BYTES", 1000)

    def pour() -> Iterator[bytes]:
        while True:
            yield b"x" * 400

    with pytest.raises(TransportError) as caught:
        make_client(lambda _: httpx.Response(200, content=pour())).request("GET", "/x")
    assert caught.value.code == "too-large"


def test_redirect_is_not_followed() -> None:
    seen: list[str] = []

    def redirect(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url))
        return httpx.Response(302, headers={"location": "http://evil.example/"})

    assert make_client(redirect).request("GET", "/x")[0] == 302
    assert seen == ["http://center.example/x"]


def test_record_source_tells_absence_from_trouble() -> None:
    answers = {"/record/tile/0/000": 404, "/record/checkpoint": 500}
    source = RecordSource(make_client(lambda request: httpx.Response(answers[request.url.path])))
    with pytest.raises(NotFound):
        source.read("tile/0/000")
    with pytest.raises(TransportError):
        source.read("checkpoint")


def test_events_are_read_and_heartbeats_seen() -> None:
    lines = iter([b": beat", b"id: 4", b"event: recorded", b'data: {"to":7}', b"", b"data: x", b""])
    events = list(parse_events(lines, threading.Event()))
    assert [(event.id, event.type, event.data) for event in events] == [
        (0, "", b""),
        (4, "recorded", b'{"to":7}'),
        (4, "message", b"x"),
    ]


def test_event_line_without_an_end_is_cut() -> None:
    def pour() -> Iterator[bytes]:
        while True:
            yield b"data: " + b"x" * 10_000

    client = make_client(lambda _: httpx.Response(200, content=pour()))
    with pytest.raises(TransportError) as caught:
        list(client.follow_events(0, stop=threading.Event()))
    assert caught.value.code == "too-large"


def test_event_stream_that_is_refused_is_said() -> None:
    with pytest.raises(TransportError, match="expected status 200, got 404"):
        list(make_client(lambda _: httpx.Response(404)).follow_events(0, stop=threading.Event()))


@given(st.lists(st.binary(max_size=40).filter(lambda line: b"\n" not in line), max_size=30))
def test_any_lines_are_events_or_nothing(lines: list[bytes]) -> None:
    for event in parse_events(iter(lines), threading.Event()):
        assert event.id >= 0


@given(st.binary(max_size=400))
def test_any_bytes_for_an_answer_give_a_value_or_our_error(data: bytes) -> None:
    for parse in (
        parse_recorded,
        parse_refused,
        lambda held: parse_answer(held, CharterAnswer, what="charter"),
        lambda held: parse_answer(held, StatusAnswer, what="status"),
    ):
        with contextlib.suppress(EntenteError):
            parse(data)


@pytest.mark.parametrize(
    "data",
    (
        b'{"index":-1}',
        b'{"index":1e400}',
        b"[" * 100_000,
        b'{"index":1,"leaf":"00","recorded":"x","proof":[],"checkpoint":""}',
        b" " * (1 << 20) + b"{}",
    ),
)
def test_hostile_answers_are_our_errors(data: bytes) -> None:
    with pytest.raises(EntenteError):
        parse_recorded(data)
