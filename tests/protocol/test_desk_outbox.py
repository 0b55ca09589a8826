"""The outbox under crashes, a bad line and refusals: one number is signed once, nothing leaves unentered."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from entente.deconflict import Acknowledge
from entente.desk.compose import Draft
from entente.desk.gate import DESK, OFFICER, Release, decide_release
from entente.desk.outbox import QUEUED, RECORDED, REFUSED, SIGNED, WITHDRAWN
from entente.desk.speaking import Said
from entente.dialogue import About, Say, SayRow
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import Denied, Malformed, TransportError
from entente.kernel.message import encode_body, parse_message
from tests.protocol.desk_stage import Stage, make_stage, open_scratch


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    with open_scratch(tmp_path) as folder:
        made = make_stage(folder)
        made.found()
        yield made


def make_draft(text: str = "hello", **changes: Any) -> Draft:
    body = Say(
        thread="hot", about=About(type="none", id=""), text=text, language="en", urgent=False, reply_to=None
    )
    return Draft(**({"kind": "thread.say", "body": encode_body(body), "officers": ("duty-1",)} | changes))


class Crash(BaseException):
    """The process is gone."""


class Crasher:
    """Ends the process at the n-th call of a port, before or after it took effect."""

    def __init__(self, at: int) -> None:
        self.at = at
        self.calls = 0

    def tick(self) -> None:
        self.calls += 1
        if self.calls == self.at:
            raise Crash

    def wrap(self, call: Callable[..., Any]) -> Callable[..., Any]:
        def wrapped(*args: Any, **named: Any) -> Any:
            self.tick()
            answer = call(*args, **named)
            self.tick()
            return answer

        return wrapped

    def wrap_transaction(self, call: Callable[[], AbstractContextManager[Any]]) -> Callable[[], Any]:
        @contextmanager
        def wrapped() -> Iterator[Any]:
            self.tick()
            with call() as connection:
                yield connection
            self.tick()

        return wrapped


def list_submitted(stage: Stage) -> list[bytes]:
    """Return the envelopes that the center ever received, in order."""
    found = []
    for body in stage.center.received:
        plain = json.loads(body)
        if "envelope" in plain:
            found.append(json.dumps(plain["envelope"], separators=(",", ":"), sort_keys=True).encode())
    return found


def assert_one_envelope_a_number(stage: Stage) -> None:
    numbers: dict[int, set[bytes]] = {}
    for raw in list_submitted(stage):
        payload = parse_message(parse_envelope(raw), stage.desk.follower.views.own.kinds.bodies).payload
        numbers.setdefault(payload.seq, set()).add(raw)
    assert numbers
    assert {seq: len(raws) for seq, raws in numbers.items()} == dict.fromkeys(numbers, 1)


def assert_entered_before_sent(stage: Stage) -> None:
    entered = {one["leaf"] for one in stage.desk.ledger.list_exposures()}
    assert {parse_envelope(raw).leaf for raw in list_submitted(stage)} <= entered


@pytest.mark.parametrize("is_sealed", (False, True))
def test_crash_at_every_port_call_says_it_once_or_not_at_all(tmp_path: Path, is_sealed: bool) -> None:
    at, outcomes = 0, set()
    while True:
        at += 1
        with open_scratch(tmp_path / str(at)) as folder:
            folder.mkdir(exist_ok=True)
            stage = make_stage(folder)
            desk = stage.found()
            crasher = Crasher(at)
            wrapped: Any = crasher.wrap_transaction(desk.book.transaction)
            desk.book.transaction = wrapped  # type: ignore[method-assign]
            stage.center.request = crasher.wrap(stage.center.request)  # type: ignore[method-assign]
            draft = make_draft(token="once", addressees=("ru",) if is_sealed else ())
            try:
                desk.outbox.put(draft)
                desk.run_once()
            except Crash:
                pass
            else:
                break
            del stage.center.request  # the true one again
            stage.crash()
            stage.desk.run_once()
            stage.desk.outbox.put(draft)  # the officer asks again, with the same token
            stage.desk.run_once()
            item = stage.desk.outbox.find_token("once")
            assert item is not None
            assert item.state == RECORDED
            assert_one_envelope_a_number(stage)
            assert_entered_before_sent(stage)
            texts = list(stage.desk.rows.select(SayRow))
            assert [text.text for text in texts] == ["hello"]
            assert stage.alarms() == {}
            outcomes.add(item.attempts)
    assert at > 8, "expected a crash at several port calls"


def test_no_network_keeps_the_message_and_never_calls_it_sent(stage: Stage) -> None:
    stage.center.lies.add("no-network")
    said = stage.say()
    assert said.state == SIGNED
    assert "not answered yet" in said.words
    assert "sent as soon as" in said.words
    (item,) = stage.desk.outbox.list_waiting()
    assert stage.desk.link.state == "down"
    (due,) = [one for one in stage.desk.inbox.list_items(stage.clock.now) if one.kind == "waiting"]
    assert "do not count on it" in due.words
    stage.center.be_honest()
    stage.desk.run_once()
    assert stage.desk.outbox.get(item.id).state == RECORDED


def test_messages_of_an_hour_without_network_go_out_in_order(stage: Stage) -> None:
    stage.center.lies.add("no-network")
    said = [stage.say(f"text {number}") for number in range(5)]
    assert [one.state for one in said] == [SIGNED, QUEUED, QUEUED, QUEUED, QUEUED]
    stage.center.be_honest()
    stage.desk.run_once()
    texts = sorted(stage.desk.rows.select(SayRow), key=lambda row: row.index)
    assert [text.text for text in texts] == [f"text {number}" for number in range(5)]
    assert_one_envelope_a_number(stage)


def test_lost_answer_is_asked_again_with_the_same_bytes(stage: Stage) -> None:
    stage.center.fail_after = True
    stage.desk.outbox.put(make_draft())
    with pytest.raises(TransportError):
        stage.desk.outbox.step()
    (waiting,) = stage.desk.outbox.list_waiting()
    assert waiting.state == SIGNED
    assert waiting.attempts == 1
    item = stage.desk.outbox.step()
    assert item is not None
    assert item.state == RECORDED
    assert len(list_submitted(stage)) == 2
    assert_one_envelope_a_number(stage)


def test_lost_answer_is_found_in_the_record_as_well(stage: Stage) -> None:
    stage.center.fail_after = True
    stage.desk.outbox.put(make_draft())
    with pytest.raises(TransportError):
        stage.desk.outbox.step()
    stage.desk.follow_once()
    assert stage.desk.outbox.list_waiting() == []
    assert stage.alarms() == {}


def test_our_own_rules_refuse_before_anything_is_signed(stage: Stage) -> None:
    body = encode_body(Acknowledge(messages=["0" * 64]))
    with pytest.raises(Denied) as caught:
        stage.desk.outbox.put(Draft("receipt.acknowledge", body, ("duty-1",)))
    assert caught.value.code == "nothing-owed"
    assert list_submitted(stage) == []
    assert stage.desk.book.read("SELECT * FROM outbox") == []
    assert stage.desk.ledger.list_exposures() == []


def test_what_became_wrong_while_it_waited_is_refused_unsigned(stage: Stage) -> None:
    stage.center.lies.add("no-network")
    stage.say("first")
    body = encode_body(Acknowledge(messages=["0" * 64]))
    item = stage.desk.outbox.put(Draft("receipt.acknowledge", body, ("duty-1",)))
    last = stage.desk.outbox.put(make_draft("last"))
    stage.center.be_honest()
    stage.desk.run_once()
    assert stage.desk.outbox.get(item.id).state == REFUSED
    assert stage.desk.outbox.get(item.id).leaf == ""
    assert stage.desk.outbox.get(last.id).state == RECORDED


def test_a_signed_refusal_frees_the_number_and_is_kept(stage: Stage) -> None:
    stage.center.refuse_next = "not-today"
    with pytest.raises(Denied) as caught:
        stage.say("refused")
    assert caught.value.code == "not-today"
    (refused,) = stage.desk.outbox.list_refused()
    assert stage.desk.outbox.find_refusal(refused.leaf) == stage.center.refusals[refused.leaf]
    assert stage.say("next").state == RECORDED
    numbers = [json.loads(parse_envelope(raw).payload)["seq"] for raw in list_submitted(stage)]
    assert numbers == [1, 1]


def test_nothing_is_signed_before_the_record_was_followed(stage: Stage) -> None:
    stage.center.lies.add("no-network")
    stage.open()
    item = stage.desk.outbox.put(make_draft())
    assert item.state == QUEUED
    assert stage.desk.outbox.step() is None
    assert list_submitted(stage) == []
    stage.center.be_honest()
    stage.desk.run_once()
    assert stage.desk.outbox.get(item.id).state == RECORDED


def test_same_token_says_it_once(stage: Stage) -> None:
    first = stage.say(token="abc")
    again = stage.say(token="abc")
    assert first.number == again.number
    assert len(list_submitted(stage)) == 1


def test_only_what_is_unsigned_can_be_withdrawn(stage: Stage) -> None:
    stage.center.lies.add("no-network")
    first, second = stage.say("first"), stage.say("second")
    assert stage.desk.outbox.withdraw(second.number).state == WITHDRAWN
    with pytest.raises(Denied) as caught:
        stage.desk.outbox.withdraw(first.number)
    assert caught.value.code == "already-signed"
    stage.center.be_honest()
    stage.desk.run_once()
    assert [row.text for row in stage.desk.rows.select(SayRow)] == ["first"]


def test_addressee_that_is_no_party_is_refused(stage: Stage) -> None:
    with pytest.raises(Denied) as caught:
        stage.say(to=["atlantis"])
    assert caught.value.code == "bad-addressee"
    with pytest.raises(Malformed):
        stage.desk.outbox.put(make_draft(addressees=("ru", "ru")))


def test_body_of_another_form_is_refused(stage: Stage) -> None:
    with pytest.raises(Malformed) as caught:
        stage.desk.outbox.put(Draft("thread.say", b'{"text":1}', ("duty-1",)))
    assert caught.value.path.startswith("$.body")


def test_gate_denies_what_nobody_asked_for(stage: Stage) -> None:
    with pytest.raises(Denied) as caught:
        stage.desk.outbox.put(make_draft(purpose=DESK))
    assert caught.value.code == "not-asked"
    assert stage.desk.book.read("SELECT * FROM outbox") == []


@pytest.mark.parametrize(
    ("changes", "code"),
    (
        ({}, ""),
        ({"recipients": ()}, "nobody"),
        ({"officers": ()}, "no-officer"),
        ({"purpose": DESK}, "not-asked"),
        ({"purpose": "else"}, "not-asked"),
        ({"purpose": DESK, "kind": "receipt.deliver", "officers": ()}, ""),
    ),
)
def test_gate_decides(changes: dict[str, Any], code: str) -> None:
    plain: dict[str, Any] = {
        "kind": "thread.say",
        "body": b"{}",
        "recipients": ("ru",),
        "officers": ("duty-1",),
        "purpose": OFFICER,
    }
    decision = decide_release(Release(**(plain | changes)))
    assert (decision.code, decision.is_allowed) == (code, not code)


def test_ledger_says_who_learned_what(stage: Stage) -> None:
    said: Said = stage.say("secret", to=["ru"])
    (entry,) = stage.desk.ledger.list_exposures()
    assert (entry["leaf"], entry["recipient"], entry["kind"]) == (said.leaf, "ru", "thread.say")
    assert json.loads(str(entry["officers"])) == ["duty-1"]
