"""The payload under attack: second spellings, confusion of open and sealed, unordered lists."""

from __future__ import annotations

import json
from typing import Any

import pytest

from entente.kernel.canonical import encode_canonical
from entente.kernel.envelope import MESSAGE_TYPE, sign_envelope
from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.message import (
    MAX_BODY_BYTES,
    Addressee,
    ParsedMessage,
    Seen,
    encode_payload,
    open_message,
    parse_message,
)
from tests.parties import TEST_KINDS, PartySimulator, SayBody, draw_seed

US, RU, UN = PartySimulator("us"), PartySimulator("ru"), PartySimulator("un")
SEEN = Seen(size=0, root="e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
HONEST = encode_payload(US.draft("test.say", SayBody(text="hello"), SEEN))


def parse(payload: bytes) -> ParsedMessage[Any]:
    return parse_message(sign_envelope(payload, MESSAGE_TYPE, [US.desk]), TEST_KINDS.bodies)


def change(**members: object) -> bytes:
    """Return the honest payload, canonical, with members replaced."""
    return encode_canonical(json.loads(HONEST) | members)


def expect_malformed(payload: bytes, code: str) -> Malformed:
    with pytest.raises(Malformed) as caught:
        parse(payload)
    assert caught.value.code == code, str(caught.value)
    return caught.value


def test_an_honest_message_is_parsed() -> None:
    parsed = parse(HONEST)
    assert parsed.body == SayBody(text="hello")
    assert encode_payload(parsed.payload) == HONEST == parsed.signed.payload
    assert parse(change()).payload.seq == 0


BODY = b'{"text":"hello"}'


@pytest.mark.parametrize(
    ("spelling", "code"),
    (
        (b' {"text":"hello"}', "not-canonical"),
        (b'{"text": "hello"}', "not-canonical"),
        (b'{"text":"hello" }', "not-canonical"),
        (b'{"text":"hello"} ', "not-canonical"),
        (b'{"text":"\\u0068ello"}', "not-canonical"),
        (b'{"t\\u0065xt":"hello"}', "not-canonical"),
        (b'{"text":"x","text":"hello"}', "duplicate-name"),
        (b'{"text":"hello","text":"hello"}', "duplicate-name"),
        (b'{"more":1,"text":"hello"}', "wrong-type"),
        (b'{"text":"\\ud800"}', "lone-surrogate"),
        (b"{}", "wrong-type"),
        (b"null", "wrong-type"),
        (b"[]", "wrong-type"),
        (b'"hello"', "wrong-type"),
        (b"1.0", "fraction"),
        (b"[" * 10_000 + b"]" * 10_000, "too-deep"),
        (b'{"text":' * 4_000 + b"0" + b"}" * 4_000, "too-deep"),
    ),
)
def test_a_body_in_a_second_spelling_is_refused(spelling: bytes, code: str) -> None:
    # The body travels as raw bytes inside the payload: the payload's own respelling copies it unread.
    assert HONEST.count(BODY) == 1
    error = expect_malformed(HONEST.replace(BODY, spelling), code)
    assert len(str(error)) < 500


@pytest.mark.parametrize(
    ("old", "new"),
    (
        (b'"seq":0', b'"seq":0.0'),
        (b'"seq":0', b'"seq":-0'),
        (b'"seq":0', b'"seq":0e0'),
        (b'"seq":0', b'"seq":"0"'),
        (b'"seq":0', b'"seq":-1'),
        (b'"seq":0', b'"seq":9007199254740992'),
        (b'"seq":0', b'"seq":18446744073709551616'),
        (b'"seq":0', b'"seq":false'),
        (b'"seq":0', b'"seq":null'),
        (b'"seq":0', b'"seq":0,"seq":0'),
        (b'"v":1', b'"v":1.0'),
        (b'"v":1', b'"v":true'),
        (b'"v":1', b'"v":2'),
        (b'"v":1', b'"v":"1"'),
        (b'"v":1', b'"v":1,"w":1'),
        (b'"sealed":null,', b""),
        (b'"author":"us"', b'"author":"\\u0075s"'),
        (b'"author":"us"', b'"author":"us\\n"'),
        (b'"author":"us"', b'"author":"US"'),
        (b'"author":"us"', b'"author":""'),
        (b'"kind":"test.say"', b'"kind":"test.say\\n"'),
        (b'"officers":[]', b'"officers":{}'),
        (b'"officers":[]', b'"officers":["a","b","c","d","e"]'),
        (b'"center":"center.example/record"', b'"center":"center.example/record\\n"'),
        (b'"center":"center.example/record"', b'"center":"x"'),
        (b'"at":"2016-09-17T13:55:00Z"', b'"at":"2016-09-17T13:55:00Z\\n"'),
        (b'"at":"2016-09-17T13:55:00Z"', b'"at":"2016-09-17T13:55:00.0Z"'),
        (b'"at":"2016-09-17T13:55:00Z"', b'"at":"2016-09-17T13:55:00+00:00"'),
        (b'"at":"2016-09-17T13:55:00Z"', b'"at":"2016-02-30T13:55:00Z"'),
        (b'"at":"2016-09-17T13:55:00Z"', b'"at":"2016-09-17T24:00:00Z"'),
        (b'"at":"2016-09-17T13:55:00Z"', b'"at":"9999-12-31T23:59:59Z"'),
        (b'"at":"2016-09-17T13:55:00Z"', b'"at":"0001-01-01T00:00:00Z"'),
        (b'"size":0', b'"size":0,"tree":1'),
    ),
)
def test_a_header_in_a_second_spelling_is_refused(old: bytes, new: bytes) -> None:
    assert HONEST.count(old) == 1
    with pytest.raises(Malformed):
        parse(HONEST.replace(old, new))


def test_member_order_and_trailing_bytes_are_refused() -> None:
    backwards = dict(reversed(json.loads(HONEST).items()))
    expect_malformed(json.dumps(backwards, separators=(",", ":")).encode(), "not-canonical")
    for payload in (HONEST + b" ", b" " + HONEST, HONEST + b"\n"):
        expect_malformed(payload, "not-canonical")
    for payload in (HONEST + HONEST, HONEST + b"\x00", b"\xef\xbb\xbf" + HONEST, b"", HONEST[:-1]):
        expect_malformed(payload, "not-json")


def test_an_unknown_kind_is_refused() -> None:
    error = expect_malformed(change(kind="test.shout"), "unknown-kind")
    assert error.path == "$.kind"


def addressed(*parties: str) -> list[dict[str, str]]:
    return [{"party": party, "key": f"{party}/seal+00000000", "ciphertext": "0" * 64} for party in parties]


def test_addressees_out_of_order_or_twice_are_refused() -> None:
    sealed = {"body": None, "sealed": "0" * 64}
    assert parse(change(to=addressed("ru", "un"), **sealed)).body is None
    for parties in (("un", "ru"), ("ru", "ru"), ("ru", "un", "ru")):
        expect_malformed(change(to=addressed(*parties), **sealed), "to-order")


def test_officers_out_of_order_or_twice_are_refused() -> None:
    assert parse(change(officers=["duty-1", "duty-2"])).payload.officers == ["duty-1", "duty-2"]
    for officers in (["duty-2", "duty-1"], ["duty-1", "duty-1"]):
        expect_malformed(change(officers=officers), "officer-order")


def test_open_and_sealed_are_not_confused() -> None:
    sealed = "0" * 64
    expect_malformed(change(to=addressed("ru"), sealed=sealed), "not-sealed")  # the body in the clear
    expect_malformed(change(to=addressed("ru"), body=None), "not-sealed")  # nothing committed to
    expect_malformed(change(to=addressed("ru"), body={}, sealed=sealed), "not-sealed")
    expect_malformed(change(body=None, sealed=sealed), "sealed-to-nobody")
    expect_malformed(change(sealed=sealed), "sealed-to-nobody")
    expect_malformed(change(body=None), "wrong-type")


def test_an_oversized_body_is_refused() -> None:
    text = "ü" * 4_000
    assert parse(change(body={"text": text})).body == SayBody(text=text)
    expect_malformed(change(body={"text": text + "ü"}), "wrong-type")
    with pytest.raises(Malformed) as caught:
        parse(change(body={"text": "x" * (MAX_BODY_BYTES + 1)}))
    assert caught.value.code == "too-large"


# Sealed bodies


def test_a_sealed_message_is_opened_by_its_addressees_alone() -> None:
    signed, found = US.write_sealed("test.say", SayBody(text="at 35.2 north"), [RU, UN], SEEN)
    assert RU.open(signed, found["ru"], TEST_KINDS).body == SayBody(text="at 35.2 north")
    assert UN.open(signed, found["un"], TEST_KINDS).body == SayBody(text="at 35.2 north")
    for reader, name in ((RU, "un"), (UN, "ru"), (US, "ru")):
        with pytest.raises(VerificationFailed) as caught:
            reader.open(signed, found[name], TEST_KINDS)
        assert caught.value.code == "cannot-open"


def test_the_host_sees_no_word_of_a_sealed_body() -> None:
    text = "at 35.2 north, three vehicles"
    signed, found = US.write_sealed("test.say", SayBody(text=text), [RU], SEEN)
    parsed = parse_message(signed, TEST_KINDS.bodies)
    assert parsed.body is None
    for held in (signed.raw, signed.payload, *found.values()):
        assert text[:8].encode() not in held
    # Two bodies of unlike length look alike, in the record and beside it.
    short, short_found = US.write_sealed("test.say", SayBody(text=""), [RU], SEEN)
    assert len(short.raw) == len(signed.raw)
    assert len(short_found["ru"]) == len(found["ru"])


def test_a_ciphertext_cannot_be_replayed_elsewhere() -> None:
    signed, found = US.write_sealed("test.say", SayBody(text="x"), [RU], SEEN)
    assert RU.open(signed, found["ru"], TEST_KINDS).body
    for kind, lies in (
        ("test.say", {"seq": 1}),
        ("test.say", {"author": "un"}),
        ("test.say", {"center": "other.example/record"}),
        ("test.order", {}),
    ):
        elsewhere, _ = US.write_sealed(kind, SayBody(text="x"), [RU], SEEN, **lies)
        with pytest.raises(VerificationFailed) as caught:
            RU.open(elsewhere, found["ru"], TEST_KINDS)
        assert caught.value.code == "cannot-open"


def test_a_body_other_than_the_committed_one_is_refused() -> None:
    signed, _ = US.write_sealed("test.say", SayBody(text="north"), [RU], SEEN)
    _, other = US.write_sealed("test.say", SayBody(text="south"), [RU], SEEN)
    with pytest.raises(VerificationFailed) as caught:
        RU.open(signed, other["ru"], TEST_KINDS)
    assert caught.value.code == "commitment"
    parsed = parse_message(signed, TEST_KINDS.bodies)
    salt = draw_seed("us/salt/0")
    assert open_message(parsed, salt, b'{"text":"north"}', SayBody).body == SayBody(text="north")
    for lied_salt, body in ((salt, b'{"text":"north" }'), (bytes(32), b'{"text":"north"}'), (salt, b"")):
        with pytest.raises(VerificationFailed) as caught:
            open_message(parsed, lied_salt, body, SayBody)
        assert caught.value.code == "commitment"


def test_an_open_message_cannot_be_opened_again() -> None:
    with pytest.raises(VerificationFailed):
        open_message(parse(HONEST), bytes(32), BODY, SayBody)


def test_committing_to_a_body_of_another_form_is_the_authors_fault() -> None:
    for body in (b"{}", b'{"text": "x"}', b"null", b"\xff", b'{"text":1}'):
        signed, found = US.write_sealed_bytes("test.say", body, [RU], SEEN)
        with pytest.raises(Malformed) as caught:
            RU.open(signed, found["ru"], TEST_KINDS)
        assert caught.value.path.startswith("$.body")


def test_an_addressee_is_spelt_in_full() -> None:
    entry = Addressee(party="ru", key=RU.seal.key_id, ciphertext="0" * 64)
    assert parse(
        encode_payload(US.draft("test.say", None, SEEN, to=[entry], sealed="0" * 64))
    ).payload.to == [entry]
    for member in ("party", "key", "ciphertext"):
        short = {name: text for name, text in addressed("ru")[0].items() if name != member}
        expect_malformed(change(to=[short], body=None, sealed="0" * 64), "wrong-type")
