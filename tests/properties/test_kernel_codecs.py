"""Any bytes give a value that is written back the same, or our error; nothing else ever escapes."""

from __future__ import annotations

import json
from typing import Any

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from entente.joint.acceptance import verify_message
from entente.kernel.canonical import MAX_SAFE_INT, encode_canonical, parse_canonical, parse_canonical_as
from entente.kernel.charter import Charter
from entente.kernel.envelope import MESSAGE_TYPE, parse_envelope, sign_envelope
from entente.kernel.errors import EntenteError, PeerError
from entente.kernel.ids import PartyID
from entente.kernel.message import Payload, encode_payload, encode_struct, parse_message
from entente.kernel.roster import RosterStatement, check_statement
from entente.kernel.sealed import pack_sealed, unpack_sealed
from entente.kernel.time import encode_utc, parse_utc
from tests.parties import TEST_KINDS, CenterSimulator, PartySimulator, SayBody, draw_seed

TEXTS = st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_SAFE_INT, MAX_SAFE_INT) | TEXTS,
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(TEXTS, inner, max_size=5),
    max_leaves=20,
)
US, RU = PartySimulator("us"), PartySimulator("ru")
CENTER_OF_TWO = CenterSimulator(US, RU)
CENTER_OF_TWO.found()
HONEST = US.write("test.say", SayBody(text="hello"), CENTER_OF_TWO.seen(), officers=["duty-1"])


@given(VALUES)
def test_every_value_has_the_spelling_of_rfc_8785(value: Any) -> None:
    data = encode_canonical(value)
    assert data == rfc8785.dumps(value)
    assert parse_canonical(data) == value


@given(VALUES, st.booleans(), st.sampled_from((None, 1, "\t")))
def test_any_other_spelling_of_a_value_is_refused(
    value: Any, ascii_only: bool, indent: int | str | None
) -> None:
    data = encode_canonical(value)
    other = json.dumps(value, ensure_ascii=ascii_only, indent=indent).encode()
    try:
        parse_canonical(other)
    except PeerError:
        assert other != data
    else:
        assert other == data


@given(st.binary(max_size=60) | st.text('{}[]",:\\0123456789.eE+-ntf \n"u', max_size=40).map(str.encode))
def test_any_bytes_give_a_value_or_our_error(data: bytes) -> None:
    try:
        value = parse_canonical(data)
    except PeerError:
        pass
    else:
        assert encode_canonical(value) == data
    for kind in (Payload, RosterStatement, Charter):
        try:
            struct = parse_canonical_as(data, kind)
        except PeerError:
            continue
        assert encode_struct(struct) == data


@st.composite
def draw_bent(draw: st.DrawFn, honest: bytes) -> bytes:
    """An honest text with a few bytes cut, replaced, doubled or put in."""
    data = bytearray(honest)
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.integers(0, 12)))
        fresh = draw(st.sampled_from((b"", b" ", b"0", b'"', b"null", b"\\n", b"1.0", b"{}", b",", b"[")))
        data[start:end] = draw(st.sampled_from((fresh, bytes(data[start:end]) * 2)))
    return bytes(data)


@given(draw_bent(HONEST.raw))
def test_any_bent_envelope_gives_a_value_or_our_error(data: bytes) -> None:
    try:
        signed = parse_envelope(data)
        assert signed.raw == data
        verify_message(signed, CENTER_OF_TWO.state.ring, TEST_KINDS)
    except EntenteError:
        assert data != HONEST.raw
    else:
        assert data == HONEST.raw


@given(draw_bent(HONEST.payload))
def test_any_bent_payload_gives_its_own_bytes_or_our_error(data: bytes) -> None:
    signed = sign_envelope(data, MESSAGE_TYPE, [US.desk])
    try:
        parsed = parse_message(signed, TEST_KINDS.bodies)
    except PeerError:
        return
    assert encode_payload(parsed.payload) == data
    if parsed.body is not None:
        assert encode_canonical(parsed.body) == bytes(parsed.payload.body)


@given(
    st.sampled_from(RosterStatement.__struct_fields__),
    st.none() | st.integers(-1, 10) | st.text(max_size=12) | st.lists(st.text(max_size=5), max_size=3),
)
def test_any_bent_roster_is_refused_with_our_error(field: str, junk: Any) -> None:
    plain = json.loads(encode_canonical(US.statement())) | {field: junk}
    try:
        statement = parse_canonical_as(encode_canonical(plain), RosterStatement)
        check_statement(PartyID("us"), statement)
    except PeerError:
        pass


@given(st.binary(max_size=600))
def test_any_plaintext_gives_a_body_or_our_error(data: bytes) -> None:
    try:
        salt, body = unpack_sealed(data)
    except PeerError:
        return
    assert pack_sealed(body, salt) == data


@given(st.binary(max_size=600), st.integers(0, 9))
def test_packing_a_body_comes_back(body: bytes, number: int) -> None:
    salt = draw_seed(f"salt {number}")
    assert unpack_sealed(pack_sealed(body, salt)) == (salt, body)


@given(
    st.from_regex(
        r"[0-9]{4}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{1,7})?Z", fullmatch=True
    )
)
def test_any_time_has_one_spelling_or_is_refused(text: str) -> None:
    try:
        moment = parse_utc(text)
    except PeerError:
        return
    assert encode_utc(moment) == text
