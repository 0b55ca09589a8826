"""Parcels at the center's door: who deposits, what is served, what leaves nothing, what goes when."""

from __future__ import annotations

import asyncio
import errno
import itertools
import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from bench.parties import encode_request, make_party
from entente.blind import ParcelRow
from entente.blind.holding import MAX_PARCEL_BYTES
from entente.center import parcel_http, parcels
from entente.center.folder import CenterFolder
from entente.kernel.keys import encode_public_key
from entente.store.parcel_home import PIECE_BYTES
from tests.blind_center import BlindCenter, hash_hex, make_list, name_parcel

DATA = b"sealed bytes"


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[BlindCenter]:
    opened = BlindCenter(tmp_path / "center")
    yield opened
    opened.center.stop()
    assert opened.fatal == []


def expect(stage: BlindCenter, got: tuple[int, Any], status: int, code: str) -> None:
    assert (got[0], got[1].get("code")) == (status, code), got
    assert stage.list_files() == [], "a deposit that was refused left something"


def advance(stage: BlindCenter, **span: float) -> None:
    stage.clock.now += timedelta(**span)


def test_a_parcel_comes_back_byte_for_byte(stage: BlindCenter) -> None:
    stage.agree()
    data = os.urandom(2 * PIECE_BYTES + 17)
    pieces = [data[place : place + 65_536] for place in range(0, len(data), 65_536)]
    status, answer = stage.put("us", data, "ru", pieces=pieces)
    assert (status, answer) == (200, {"sha256": hash_hex(data), "size_bytes": len(data)})
    assert json.loads(stage.get(hash_hex(data))[1])["code"] == "no-parcel", "the record does not name it yet"
    stage.say("us", "blind.commit", stage.make_commit("us", data))
    assert stage.get(hash_hex(data)) == (200, data)
    assert b"entente_parcels_deposited_total 1.0" in stage.ask("GET", "/metrics")[1]


def test_a_deposit_again_changes_nothing(stage: BlindCenter) -> None:
    first = stage.put("us", DATA, "ru")
    files = stage.list_files()
    advance(stage, minutes=30)
    assert stage.put("us", DATA, "ru") == first
    assert stage.list_files() == files
    stage.restart()
    assert stage.put("us", DATA, "ru") == first
    assert stage.list_files() == files == [f"{hash_hex(DATA)}.us.ru"]


def test_a_deposit_is_of_its_party_alone(stage: BlindCenter) -> None:
    theirs = stage.parties["ru"].desk
    expect(stage, stage.put("us", DATA, "ru", desk=theirs), 403, "bad-signature")
    for said in (
        {"to": "center"}, {"party": "ru"}, {"size_bytes": 7}, {"sha256": hash_hex(b"x")}, {"center": "x.y"},
    ):  # fmt: skip
        # What is signed differs from what is sent in one part alone.
        truth: dict[str, Any] = {
            "to": "ru", "party": "us", "size_bytes": len(DATA), "sha256": hash_hex(DATA),
            "center": stage.center.keys.origin,
        }  # fmt: skip
        got = stage.put("us", DATA, "ru", says=said, sends=truth)
        expect(stage, got, 403, "bad-signature")
    expect(stage, stage.put("us", DATA, "atlantis"), 403, "bad-addressee")
    expect(stage, stage.put("us", DATA, "us"), 403, "bad-addressee")
    expect(stage, stage.put("us", DATA, "ru", says={"party": "fr"}), 403, "unknown-author")


def test_a_deposit_by_a_key_that_was_replaced_is_refused(stage: BlindCenter) -> None:
    party, old = stage.parties["us"], stage.parties["us"].desk
    assert stage.put("us", DATA, "ru")[0] == 200
    party.desk = make_party("us", seed="new").desk
    statement = party.statement(2, desk=encode_public_key(party.desk.public))
    stage.say("us", "roster.statement", statement, officers=(), keys=(party.root,))
    assert stage.put("us", b"after", "ru", desk=old)[1]["code"] == "bad-signature"
    assert stage.put("us", b"after", "ru")[0] == 200


def test_swapped_bytes_leave_nothing(stage: BlindCenter) -> None:
    expect(stage, stage.put("us", DATA, "ru", pieces=[DATA[::-1]]), 400, "other-bytes")
    expect(stage, stage.put("us", DATA, "ru", pieces=[DATA[:-1]]), 400, "other-length")
    expect(stage, stage.put("us", DATA, "ru", pieces=[DATA, b"more"]), 400, "other-length")
    expect(stage, stage.put("us", DATA, "ru", pieces=[]), 400, None)  # type: ignore[arg-type]
    data = os.urandom(PIECE_BYTES + 5)
    path, headers = stage.sign_deposit("us", data, "ru")
    # A pipe that is cut after the first mebibyte was written.
    waiting = [{"type": "http.request", "body": data[:PIECE_BYTES], "more_body": True}]

    async def receive() -> Any:
        if waiting:
            return waiting.pop()
        assert len(stage.list_files()) == 1, "it comes in to a file"
        return {"type": "http.disconnect"}

    asyncio.run(stage.ask_async("PUT", path, headers, receive))
    assert stage.list_files() == []
    assert stage.put("us", data, "ru")[0] == 200, "the same parcel, whole, can still come"


def test_a_slow_upload_ends_and_leaves_nothing(stage: BlindCenter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parcel_http, "FIRST_S", 0.0)
    path, headers = stage.sign_deposit("us", DATA, "ru")

    async def receive() -> Any:
        await asyncio.Event().wait()  # for ever

    status, answer = asyncio.run(stage.ask_async("PUT", path, headers, receive))
    expect(stage, (status, json.loads(answer)), 400, "too-slow")
    monkeypatch.undo()
    assert stage.put("us", DATA, "ru")[0] == 200, "its place was given back"


def test_hostile_headers_are_refused_before_a_byte_is_taken(stage: BlindCenter) -> None:
    async def receive() -> Any:
        raise AssertionError("a byte of the body was asked for")

    for name, value, code in (
        ("content-length", None, "no-length"),
        ("content-length", "0", "no-length"),
        ("content-length", "-1", "no-length"),
        ("content-length", "\u00b2", "no-length"),
        ("content-length", "1" * 40, "too-large"),
        ("content-length", str(MAX_PARCEL_BYTES + 1), "too-large"),
        ("entente-party", None, "no-header"),
        ("entente-party", "../../etc", "bad-id"),
        ("entente-party", "us\x00", "bad-id"),
        ("entente-to", "a/b", "bad-id"),
        ("entente-to", "RU", "bad-id"),
        ("entente-signature", "A" * 10_000, "bad-length"),
        ("entente-signature", "AAAA", "bad-length"),
        ("entente-signature", "%%%", "bad-base64"),
        ("entente-signature", None, "no-header"),
    ):
        path, headers = stage.sign_deposit("us", DATA, "ru")
        headers.pop(name)
        if value is not None:
            headers[name] = value
        status, answer = asyncio.run(stage.ask_async("PUT", path, headers, receive))
        expect(stage, (status, json.loads(answer)), 413 if code == "too-large" else 400, code)


def test_hostile_names_are_refused(stage: BlindCenter) -> None:
    _, headers = stage.sign_deposit("us", DATA, "ru")
    names = ("..", "A" * 64, "0" * 63, "%2e%2e", "0" * 65, "x" * 5_000)
    for method, name in itertools.product(("PUT", "GET"), names):
        status, answer = stage.ask(method, f"/parcels/{name}", headers, (DATA,))
        assert status in {400, 404}, answer
        assert json.loads(answer)["code"] in {"bad-id", "no-path"}
    assert stage.list_files() == []


def test_two_of_one_header_are_refused(stage: BlindCenter) -> None:
    path, headers = stage.sign_deposit("us", DATA, "ru")
    status, answer = stage.ask("PUT", path, headers, (DATA,), also=(("entente-to", "center"),))
    expect(stage, (status, json.loads(answer)), 400, "duplicate-header")


def test_a_party_fills_its_own_quota_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = BlindCenter(tmp_path / "center", parcel_mb=64)
    monkeypatch.setattr(parcels, "UNNAMED_BYTES", 3_000)
    monkeypatch.setattr(parcels, "UNNAMED_PARCELS", 4)
    for at in range(3):
        assert stage.put("us", bytes([at]) * 1_000, "ru")[0] == 200
    assert stage.put("us", b"1", "ru")[1]["code"] == "parcel-quota"
    assert stage.put("ru", b"r" * 1_000, "us")[0] == 200, "everyone has a quota of its own"
    # What a message names counts no longer among those that none does.
    stage.agree()
    stage.say("us", "blind.commit", stage.make_commit("us", bytes([0]) * 1_000))
    assert stage.put("us", b"1", "ru")[0] == 200
    assert stage.put("us", b"2", "ru")[0] == 200
    assert stage.put("us", b"3", "ru")[1]["code"] == "parcel-quota", "four that no message names"
    monkeypatch.setattr(parcels, "UNNAMED_PARCELS", 100)
    monkeypatch.setattr(parcels, "UNNAMED_BYTES", 1 << 40)
    # Named or not, all that a party has here counts to its settings' share.
    path, headers = stage.sign_deposit("us", b"x", "ru", says={"size_bytes": 64_000_000})
    status, answer = stage.ask("PUT", path, headers)
    assert (status, json.loads(answer)["code"]) == (403, "parcel-quota")
    advance(stage, hours=1)
    assert stage.center.parcels.sweep() == 5
    assert stage.put("us", b"3", "ru")[0] == 200
    stage.center.stop()


def test_uploads_at_one_time_count_before_they_are_there(
    stage: BlindCenter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parcels, "UNNAMED_BYTES", 25)
    codes: list[str] = []

    async def upload(place: int, first: asyncio.Event, go: asyncio.Event) -> None:
        path, headers = stage.sign_deposit("us", bytes([place]) * 10, "ru")

        async def receive() -> Any:
            first.set()
            await go.wait()
            return {"type": "http.request", "body": bytes([place]) * 10, "more_body": False}

        status, answer = await stage.ask_async("PUT", path, headers, receive)
        codes.append(json.loads(answer).get("code", str(status)))
        first.set()

    async def all_at_once() -> None:
        go, tasks = asyncio.Event(), []
        for place in range(3):
            first = asyncio.Event()
            tasks.append(asyncio.create_task(upload(place, first, go)))
            await first.wait()
        go.set()
        await asyncio.gather(*tasks)

    asyncio.run(all_at_once())
    assert sorted(codes) == ["200", "200", "busy"], "two of a party at a time"
    monkeypatch.setattr(parcels, "MOST_UPLOADS_EACH", 8)
    monkeypatch.setattr(parcels, "UNNAMED_BYTES", 45)
    codes.clear()
    advance(stage, hours=2)
    stage.center.parcels.sweep()
    monkeypatch.setattr(parcels, "UNNAMED_BYTES", 25)
    asyncio.run(all_at_once())
    assert sorted(codes) == ["200", "200", "parcel-quota"]


def test_two_deposits_of_one_parcel_at_one_time_are_both_answered(stage: BlindCenter) -> None:
    data = os.urandom(PIECE_BYTES)
    arrived = [0]

    async def upload(both: asyncio.Event) -> Any:
        path, headers = stage.sign_deposit("us", data, "ru")

        async def receive() -> Any:
            arrived[0] += 1
            if arrived[0] == 2:
                both.set()
            await both.wait()
            return {"type": "http.request", "body": data, "more_body": False}

        return await stage.ask_async("PUT", path, headers, receive)

    async def together() -> Any:
        both = asyncio.Event()
        return await asyncio.gather(upload(both), upload(both))

    assert [status for status, _ in asyncio.run(together())] == [200, 200]
    assert stage.list_files() == [f"{hash_hex(data)}.us.ru"]


def test_a_parcel_is_its_first_givers(stage: BlindCenter) -> None:
    stage.agree()
    assert stage.put("us", DATA, "ru")[0] == 200
    for party, to in (("ru", "us"), ("ru", "center"), ("us", "center")):
        assert stage.put(party, DATA, to)[1]["code"] == "parcel-taken"
    stage.say("us", "blind.commit", stage.make_commit("us", DATA))
    advance(stage, days=31)
    assert stage.center.parcels.sweep() == 1
    # Its time is over: the record still names it, and its author alone can bring it again.
    assert json.loads(stage.get(hash_hex(DATA))[1])["code"] == "parcel-gone"
    assert stage.put("ru", DATA, "us")[1]["code"] == "parcel-taken"
    assert stage.list_files() == []
    assert stage.put("us", DATA, "ru")[0] == 200
    assert stage.get(hash_hex(DATA)) == (200, DATA)


def test_a_message_before_its_parcel_is_refused(stage: BlindCenter) -> None:
    stage.agree()
    size, body = stage.size, stage.make_commit("us", DATA)
    status, answer = stage.post("us", "blind.commit", body)
    assert (status, answer["code"], stage.size) == (403, "no-parcel", size)
    assert answer["refusal"] is not None
    # Another's, for another, or of another size is not the parcel that the message means.
    assert stage.put("us", DATA, "center")[0] == 200
    assert stage.post("us", "blind.commit", body)[1]["code"] == "no-parcel"
    advance(stage, hours=1)
    assert stage.center.parcels.sweep() == 1
    assert stage.put("us", DATA, "ru")[0] == 200
    lying = msgspec.structs.replace(body, tags=msgspec.structs.replace(body.tags, size_bytes=len(DATA) + 1))
    assert stage.post("us", "blind.commit", lying)[1]["code"] == "no-parcel"
    message = stage.parties["us"].sign("blind.commit", body)
    leaf = stage.say("us", "blind.commit", body)
    row = stage.rows.find(ParcelRow, hash_hex(DATA))
    assert (row.author, row.to, row.leaf, row.epoch) == ("us", "ru", leaf, 0)
    # A message that is in the record is answered with its place, whether or not the parcel is still here.
    advance(stage, days=60)
    assert stage.center.parcels.sweep() == 1
    status, raw = stage.ask("POST", "/messages", {}, (encode_request(message),))
    assert (status, json.loads(raw)["leaf"]) == (200, leaf)


def test_a_parcel_that_a_message_waits_for_is_not_swept(stage: BlindCenter) -> None:
    stage.agree()
    assert stage.put("us", DATA, "ru")[0] == 200
    advance(stage, minutes=59)
    message = stage.center.parse(_request(stage, stage.make_commit("us", DATA)))
    stage.center.parcels.require(message.message)
    advance(stage, minutes=59)
    assert stage.center.parcels.sweep() == 0, "the message may be on its way to the record"
    advance(stage, minutes=1)
    assert stage.center.parcels.sweep() == 1


def _request(stage: BlindCenter, body: Any) -> bytes:
    return encode_request(stage.parties["us"].sign("blind.commit", body))


def test_a_list_to_the_center_is_served_to_nobody(stage: BlindCenter) -> None:
    stage.agree()
    for party in ("ru", "us"):
        stage.commit(party)
    data = make_list([1], "ru")
    assert json.loads(stage.get(hash_hex(data))[1])["code"] == "no-parcel"
    stage.start_match(data)
    for method in ("GET", "HEAD"):
        status, answer = stage.ask(method, f"/parcels/{hash_hex(data)}")
        assert status == 403
        assert data[:40] not in answer
    assert b"for-center" in stage.get(hash_hex(data))[1]
    for path in ("/metrics", "/status", f"/messages/{stage.size - 1}"):
        assert data[20:60] not in stage.ask("GET", path)[1]


def test_named_parcels_go_when_nobody_can_need_them_any_more(stage: BlindCenter) -> None:
    stage.agree(epoch_h=24 * 60, audit_days=100)  # an epoch of 60 days from three hours ago
    for party in ("ru", "us"):
        stage.commit(party)
    lists = [make_list([1], "ru"), make_list([2], "us")]
    stage.match(*lists)
    assert stage.match_due() == 1
    files = set(stage.list_files())
    assert len(files) == 5
    advance(stage, days=59)
    assert stage.center.parcels.sweep() == 0, "the epoch is not over"
    advance(stage, days=1)
    assert stage.center.parcels.sweep() == 3
    assert set(stage.list_files()) == {
        f"{hash_hex(data)}.{who}.center" for data, who in zip(lists, ("ru", "us"), strict=True)
    }
    advance(stage, days=99)
    assert stage.center.parcels.sweep() == 0, "an audit may ask for the lists"
    advance(stage, days=1)
    assert stage.center.parcels.sweep() == 2
    assert stage.list_files() == []


def test_a_full_disk_is_told_and_leaves_nothing(stage: BlindCenter, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(os, "pwrite", fail)
        expect(stage, stage.put("us", DATA, "ru"), 503, "disk-full")
    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        expect(stage, stage.put("us", DATA, "ru"), 503, "disk-full")
    assert stage.put("us", DATA, "ru")[0] == 200
    stage.agree()  # the record goes on as if nothing had been


def test_what_came_in_when_the_process_ended_is_gone_at_the_next_start(stage: BlindCenter) -> None:
    with ThreadPoolExecutor(1) as other:
        spool = other.submit(stage.center.parcels.home.open_spool, 100).result()
        other.submit(spool.write, b"half").result()
    assert len(stage.list_files()) == 1
    (CenterFolder(stage.root).parcels / "a note of the operator").write_text("stays", encoding="utf-8")
    stage.restart()
    assert stage.list_files() == ["a note of the operator"]


def test_a_parcel_that_a_disk_changed_is_found_out_by_its_reader(stage: BlindCenter) -> None:
    stage.agree()
    assert stage.put("us", DATA, "ru")[0] == 200
    stage.say("us", "blind.commit", stage.make_commit("us", DATA))
    (CenterFolder(stage.root).parcels / f"{hash_hex(DATA)}.us.ru").unlink()
    assert json.loads(stage.get(hash_hex(DATA))[1])["code"] == "parcel-gone"


def test_a_name_that_messages_give_is_the_parcels_own() -> None:
    assert name_parcel(DATA).sha256 == hash_hex(DATA)
