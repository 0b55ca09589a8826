"""A lying partner at the center's door: every refusal has its code and status, and changes nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.parties import FrozenClock, PartySimulator, SeededRandom, encode_request, init_signed, make_party
from entente.center.answers import REFUSAL_TYPE, Refusal
from entente.center.http import CenterApp, make_app
from entente.center.sequencer import deliver_at_once
from entente.center.service import Center, CenterPorts, open_center
from entente.center.submission import parse_request
from entente.deconflict import Lapse
from entente.dialogue import About, Say
from entente.kernel.canonical import parse_canonical_as
from entente.kernel.envelope import parse_envelope, verify_envelope
from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.keys import SigningKey, encode_public_key
from entente.kernel.message import Seen
from entente.kernel.wire import encode_base64, parse_base64
from entente.record import (
    EMPTY_ROOT,
    NoteSigner,
    leaf_hash,
    parse_checkpoint_note,
    verify_checkpoint,
    verify_inclusion,
)


class Door:
    """The real application, spoken to without a socket."""

    def __init__(self, center: Center, app: CenterApp) -> None:
        self.center = center
        self._app = app

    async def _ask(self, method: str, path: str, body: bytes, headers: list[tuple[bytes, bytes]]) -> Any:
        self._app.http.attach(asyncio.get_running_loop())
        sent: list[dict[str, Any]] = []
        waiting = [{"type": "http.request", "body": body, "more_body": False}]
        path, _, query = path.partition("?")
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http",
            "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
            "headers": headers, "client": ("test", 1), "server": ("test", 80),
        }  # fmt: skip

        async def receive() -> Any:
            if waiting:
                return waiting.pop()
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            sent.append(message)

        await self._app(scope, receive, send)
        return sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:])

    def ask(
        self, method: str, path: str, body: bytes = b"", headers: list[tuple[bytes, bytes]] | None = None
    ) -> tuple[int, bytes]:
        found: tuple[int, bytes] = asyncio.run(self._ask(method, path, body, headers or []))
        return found

    def post(self, body: bytes) -> tuple[int, Any]:
        status, answer = self.ask("POST", "/messages", body)
        return status, json.loads(answer)

    def get(self, path: str) -> tuple[int, Any]:
        status, answer = self.ask("GET", path)
        return status, json.loads(answer)

    @property
    def size(self) -> int:
        published = self.center.reading.find_published()
        return published.size if published else 0


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


def say(party: PartySimulator, text: str = "hello", **changes: Any) -> Any:
    return party.sign("thread.say", Say("hot", About("none", ""), text, "en", False, None), **changes)


def expect_refused(door: Door, body: bytes, status: int, code: str) -> dict[str, Any]:
    before = door.size
    got_status, answer = door.post(body)
    assert (got_status, answer["code"]) == (status, code), answer
    assert set(answer) == {"code", "message", "path", "incident", "refusal"}
    assert len(answer["incident"]) == 8
    assert door.size == before, "a refused message changed the record"
    found: dict[str, Any] = answer
    return found


def test_a_message_is_answered_when_it_is_covered(door: Door, parties: list[PartySimulator]) -> None:
    message = say(parties[1])
    status, answer = door.post(encode_request(message))
    assert status == 200
    assert (answer["index"], answer["leaf"], answer["recorded"]) == (3, message.leaf, "2016-09-17T15:00:00Z")
    key = NoteSigner(door.center.keys.log).key
    checkpoint = verify_checkpoint(answer["checkpoint"].encode(), key)
    proof = [parse_base64(step, what="step") for step in answer["proof"]]
    verify_inclusion(leaf_hash(message.raw), 3, checkpoint.size, proof, checkpoint.root)


def test_a_replayed_message_is_answered_and_not_recorded_again(
    door: Door, parties: list[PartySimulator]
) -> None:
    message = say(parties[1])
    first = door.post(encode_request(message))
    parties[1].accept(message)
    door.post(encode_request(say(parties[1], "later")))
    again = door.post(encode_request(message))
    assert (first[0], again[0]) == (200, 200)
    assert (again[1]["index"], again[1]["recorded"]) == (3, first[1]["recorded"])
    assert parse_checkpoint_note(again[1]["checkpoint"].encode()).size == 5, "the proof is a current one"
    assert door.size == 5


def test_two_messages_with_one_number_are_refused_and_the_refusal_is_signed(
    door: Door, parties: list[PartySimulator]
) -> None:
    door.post(encode_request(say(parties[1], "one")))
    other = say(parties[1], "other")
    answer = expect_refused(door, encode_request(other), 409, "equal-seq")
    signed = parse_envelope(msgspec.json.encode(answer["refusal"]))
    center = door.center.keys.center.public
    verify_envelope(signed, {center.key_id: center}.get, payload_type=REFUSAL_TYPE)
    refusal = parse_canonical_as(signed.payload, Refusal)
    assert (refusal.code, refusal.leaf, refusal.size) == ("equal-seq", other.leaf, 4)
    assert refusal.center == door.center.keys.origin


@pytest.mark.parametrize(
    ("changes", "status", "code"),
    (
        ({"seq": 7}, 409, "bad-seq"),
        ({"prev": "0" * 64}, 409, "bad-prev"),
        ({"seen": Seen(3, "ab" * 32)}, 409, "seen-fork"),
        ({"seen": Seen(99, EMPTY_ROOT.hex())}, 409, "seen-ahead"),
        ({"center": "example.org/other"}, 403, "other-center"),
        ({"officers": []}, 403, "officers-missing"),
        ({"officers": ["nobody"]}, 403, "unknown-officer"),
        ({"officers": ["duty-2", "duty-1"]}, 400, "officer-order"),
        ({"kind": "no.such-kind"}, 400, "unknown-kind"),
        ({"kind": "receipt.lapse"}, 400, "wrong-type"),
        ({"at": "2016-09-17 15:00"}, 400, "wrong-type"),
        ({"sealed": "00" * 32}, 400, "sealed-to-nobody"),
        ({"author": "xx"}, 403, "unknown-key"),
    ),
)
def test_a_header_that_lies_is_refused(
    door: Door, parties: list[PartySimulator], changes: dict[str, Any], status: int, code: str
) -> None:
    expect_refused(door, encode_request(say(parties[1], **changes)), status, code)


def test_a_forged_author_is_refused(door: Door, parties: list[PartySimulator]) -> None:
    ru, us = parties
    forged = say(us, keys=(ru.desk,))
    expect_refused(door, encode_request(forged), 403, "unknown-key")
    # ... and under the true key's name, with another's signature.
    thief = SigningKey("us/desk", b"t" * 32)
    raw = say(us, keys=(thief,)).raw.replace(thief.public.key_id.encode(), us.desk.public.key_id.encode())
    body = b'{"envelope":%b,"ciphertexts":[]}' % raw
    answer = expect_refused(door, body, 403, "bad-signature")
    assert answer["refusal"]["payloadType"] == REFUSAL_TYPE


def test_a_party_cannot_speak_for_the_center(door: Door, parties: list[PartySimulator]) -> None:
    body = Lapse("00" * 32, "ru", "2016-09-17T15:00:00Z", 0)
    expect_refused(
        door, encode_request(parties[1].sign("receipt.lapse", body, officers=())), 403, "unknown-key"
    )


def test_a_revoked_key_is_refused(door: Door, parties: list[PartySimulator]) -> None:
    us = parties[1]
    old = us.desk
    us.desk = SigningKey("us/desk", b"n" * 32)
    roster = us.sign(
        "roster.statement",
        us.statement(2, desk=encode_public_key(us.desk.public)),
        officers=(),
        keys=(us.root,),
    )
    assert door.post(encode_request(roster))[0] == 200
    us.accept(roster)
    expect_refused(door, encode_request(say(us, keys=(old,))), 403, "unknown-key")
    assert door.post(encode_request(say(us)))[0] == 200


def test_a_key_revoked_while_its_message_was_on_the_way_is_refused(
    door: Door, parties: list[PartySimulator]
) -> None:
    us = parties[1]
    new = SigningKey("us/desk", b"n" * 32)
    statement = us.statement(2, desk=encode_public_key(new.public))
    roster = us.sign("roster.statement", statement, officers=(), keys=(us.root,))
    us.accept(roster)
    late = door.center.parse(encode_request(say(us)))  # its signature was good when it was looked at
    assert door.post(encode_request(roster))[0] == 200
    door.center.sequencer.deliver = deliver_at_once
    with pytest.raises(VerificationFailed, match="revoked-key"):
        door.center.sequencer.submit(late).result(5)
    assert door.size == 4


def test_too_much_is_refused_before_it_is_read(door: Door, parties: list[PartySimulator]) -> None:
    status, answer = door.ask("POST", "/messages", b"{}", [(b"content-length", b"4194305")])
    assert (status, json.loads(answer)["code"]) == (413, "too-large")
    expect_refused(door, b" " * (4 << 20) + b"{}", 413, "too-large")
    text = say(parties[1], "x" * 2000)
    expect_refused(door, encode_request(text)[:-30] + b" " * 70_000, 400, "not-json")
    big = parties[1].sign(
        "thread.say", Say("hot", About("none", ""), "x", "en", False, None), officers=("duty-1",)
    )
    padded = big.raw[:-1] + b" " * 65_536 + b"}"
    expect_refused(door, b'{"envelope":%b,"ciphertexts":[]}' % padded, 413, "too-large")


def test_too_much_is_refused_by_the_parser_too() -> None:
    with pytest.raises(Malformed, match=r"expected <= 4194304 bytes, got 4194305"):
        parse_request(b" " * (4 << 20) + b"x")


@pytest.mark.parametrize(
    ("body", "code"),
    (
        (b"", "not-json"),
        (b"null", "wrong-type"),
        (b"\xff\xfe", "not-json"),
        (b"[" * 100_000, "wrong-type"),
        (b'{"envelope":' + b"[" * 50_000 + b"]" * 50_000 + b',"ciphertexts":[]}', "too-deep"),
        (b'{"envelope":{},"ciphertexts":[],"more":1}', "wrong-type"),
        (b'{"envelope":{},"ciphertexts":[]}', "wrong-type"),
        (b'{"envelope":{}}', "wrong-type"),
        (b'{"envelope":1e400,"ciphertexts":[]}', "fraction"),
        (b'{"envelope":{"payload":"","payloadType":"x","signatures":[]},"ciphertexts":[]}', "wrong-type"),
    ),
)
def test_malformed_requests_name_the_fault(door: Door, body: bytes, code: str) -> None:
    answer = expect_refused(door, body, 400, code)
    assert answer["refusal"] is None, "nothing well-formed was refused: nothing to sign"


def test_a_second_spelling_of_an_envelope_is_refused(door: Door, parties: list[PartySimulator]) -> None:
    spaced = say(parties[1]).raw.replace(b'","payloadType"', b'", "payloadType"')
    expect_refused(door, b'{"envelope":%b,"ciphertexts":[]}' % spaced, 400, "not-canonical")


def test_ciphertexts_must_be_the_signed_ones(door: Door, parties: list[PartySimulator]) -> None:
    ru, us = parties
    sealed = say(us, to=(ru,), ciphertexts=(b"sealed",))
    for given, code in (
        ((), "bad-ciphertexts"),
        ((("us", b"sealed"),), "bad-ciphertexts"),
        ((("ru", b"other"),), "other-ciphertext"),
        ((("ru", b"sealed"), ("ru", b"sealed")), "bad-ciphertexts"),
        ((("ru", b"x" * 49_155),), "wrong-type"),
    ):
        expect_refused(door, encode_request(sealed, given), 400, code)
    assert door.post(encode_request(sealed, (("ru", b"sealed"),)))[0] == 200
    assert door.ask("GET", f"/sealed/{sealed.leaf}/ru") == (200, b"sealed")
    assert door.ask("GET", f"/sealed/{sealed.leaf}/us")[0] == 404


def test_reads_refuse_what_is_not_theirs(door: Door, parties: list[PartySimulator]) -> None:
    door.post(encode_request(say(parties[1])))
    for path, status, code in (
        ("/nowhere", 404, "no-path"),
        ("/record/tile/0/../../journal", 400, "bad-tile-path"),
        ("/record/tile/0/000.p/5", 404, "no-tile"),
        ("/record/tile/entries/001", 404, "no-tile"),
        ("/record/checkpoint/newest", 404, "no-path"),
        ("/record/checkpoint/firm", 404, "no-checkpoint"),
        ("/record/proof/4", 404, "no-entry"),
        ("/record/proof/-1", 400, "bad-size"),
        ("/record/consistency?old=3&new=9", 400, "bad-size"),
        ("/record/consistency?old=1&old=2&new=4", 400, "duplicate-parameter"),
        ("/messages/9", 404, "no-entry"),
        ("/messages/" + "ab" * 32, 404, "no-message"),
        ("/messages/" + "zz" * 32, 400, "bad-id"),
        ("/messages?limit=501", 400, "bad-limit"),
        ("/messages?colour=red", 400, "unknown-parameter"),
        ("/rows/seqs", 404, "no-table"),
        ("/rows/receipts?author=us&key=x", 400, "unknown-parameter"),
        ("/sealed/xx/ru", 400, "bad-id"),
        ("/ladder/" + "ab" * 32, 404, "not-found"),
        ("/events?after=x", 400, "bad-size"),
    ):
        got, answer = door.get(path)
        assert (got, answer["code"]) == (status, code), (path, answer)
    assert door.ask("PUT", "/messages")[0] == 405


def test_reads_say_what_the_record_says(door: Door, parties: list[PartySimulator]) -> None:
    message = say(parties[1])
    door.post(encode_request(message))
    status, page = door.get("/messages?after=0&limit=2&kind=roster.statement")
    assert (status, [one["index"] for one in page]) == (200, [1, 2])
    assert [one["index"] for one in door.get("/messages?author=us")[1]] == [2, 3]
    assert door.get("/messages/3")[1]["envelope"] == json.loads(message.raw)
    rows = door.get("/rows/receipts?state=waiting")[1]
    assert [row["party"] for row in rows["rows"]] == ["ru"]
    assert rows["next"] is None
    assert door.get("/rows/parties?limit=1")[1]["next"] == "ru"
    assert [row["party"] for row in door.get("/rows/parties?limit=1&after=ru")[1]["rows"]] == ["us"]
    assert door.get(f"/ladder/{message.leaf}")[1]["parties"][0]["state"] == "waiting"
    assert door.get("/status")[1]["size"] == 4
    assert door.get("/record/consistency?old=2&new=4")[1]["new"] == 4
    assert b"entente_recorded_total 1.0" in door.ask("GET", "/metrics")[1]
    assert door.get("/health") == (200, {"state": "open"})


def test_the_answer_holds_no_key_and_no_path(
    door: Door, parties: list[PartySimulator], tmp_path: Path
) -> None:
    keys = door.center.keys
    secrets = [encode_base64(key.seed) for key in (keys.log, keys.center)] + [str(tmp_path)]
    for path in ("/status", "/charter", "/openapi.json", "/metrics", "/record/policy", "/nowhere"):
        body = door.ask("GET", path)[1].decode()
        assert not any(secret in body for secret in secrets), path
    assert parties
