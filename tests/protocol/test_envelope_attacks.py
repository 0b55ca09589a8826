"""The envelope under attack: a second spelling, a second hash, a signature that is read as something else."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from entente.kernel.canonical import encode_canonical
from entente.kernel.envelope import (
    MAX_ENVELOPE_BYTES,
    MAX_SIGNATURES,
    MESSAGE_TYPE,
    SignedMessage,
    build_envelope,
    encode_pae,
    hash_leaf,
    parse_envelope,
    sign_envelope,
    verify_envelope,
)
from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.keys import SigningKey
from tests.parties import PartySimulator, draw_seed

US = PartySimulator("us", root_count=3)
RU = PartySimulator("ru")
PAYLOAD = b'{"v":1}'


def sign(*keys: SigningKey, payload: bytes = PAYLOAD, payload_type: str = MESSAGE_TYPE) -> SignedMessage:
    return sign_envelope(payload, payload_type, keys)


def verify(signed: SignedMessage, *keys: SigningKey) -> frozenset[str]:
    known = {key.public.key_id: key.public for key in keys}
    return frozenset(verify_envelope(signed, known.get, payload_type=MESSAGE_TYPE))


def change(signed: SignedMessage, **members: Any) -> bytes:
    """Return the envelope's canonical bytes with members replaced."""
    return encode_canonical(json.loads(signed.raw) | members)


def expect_malformed(data: bytes, code: str) -> Malformed:
    with pytest.raises(Malformed) as caught:
        parse_envelope(data)
    assert caught.value.code == code, str(caught.value)
    return caught.value


def test_pae_is_the_published_one() -> None:
    # The example of DSSE protocol.md: lengths count bytes.
    pae = encode_pae("http://example.com/HelloWorld", b"hello world")
    assert pae == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert encode_pae("t", "é".encode()) == b"DSSEv1 1 t 2 \xc3\xa9"


def test_an_honest_envelope_comes_back_byte_for_byte() -> None:
    signed = sign(US.desk, *US.roots)
    again = parse_envelope(signed.raw)
    assert again == signed
    assert again.payload == PAYLOAD
    assert again.leaf == hash_leaf(signed.raw)
    assert verify(again, US.desk, *US.roots) == {key.public.key_id for key in (US.desk, *US.roots)}
    assert build_envelope(PAYLOAD, MESSAGE_TYPE, list(reversed(signed.signatures))) == signed


def test_every_flipped_bit_is_refused() -> None:
    raw = sign(US.desk).raw
    assert verify(parse_envelope(raw), US.desk)
    for place in range(len(raw)):
        for bit in range(8):
            bent = raw[:place] + bytes([raw[place] ^ 1 << bit]) + raw[place + 1 :]
            with pytest.raises((Malformed, VerificationFailed)):
                verify(parse_envelope(bent), US.desk)


def test_base64_with_a_second_spelling_is_refused() -> None:
    signed = sign(US.desk, payload=b"{}")  # e30= : the last digit has two spare bits
    assert b'"e30="' in signed.raw
    for spelling in ("e31=", "e32=", "e33="):
        assert base64.b64decode(spelling) == b"{}"  # what a lenient reader takes for the same payload
        expect_malformed(change(signed, payload=spelling), "bad-base64")
    for spelling in ("e30", "e30==", "e3="):
        expect_malformed(change(signed, payload=spelling), "bad-base64")
    for spelling in ("e30=\n", "e3 0=", "e30_", "=e30", "e3=0", "e30==="):
        expect_malformed(change(signed, payload=spelling), "wrong-type")


def test_signature_in_a_second_spelling_is_refused() -> None:
    signed = sign(US.desk)
    entry = json.loads(signed.raw)["signatures"][0]
    digit = entry["sig"][85]
    others = [
        one for one in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" if one != digit
    ]
    same = [
        spelling
        for one in others
        if base64.b64decode(spelling := entry["sig"][:85] + one + "==") == signed.signatures[0][1]
    ]
    assert len(same) == 15  # four spare bits
    for spelling in same:
        expect_malformed(change(signed, signatures=[entry | {"sig": spelling}]), "bad-base64")


def test_ed25519_signature_with_s_plus_the_group_order_is_refused() -> None:
    # The classic malleability of Ed25519: S and S + L verify alike where S is not checked (RFC 8032, 5.1.7).
    signed = sign(US.desk)
    key_id, signature = signed.signatures[0]
    order = 2**252 + 27742317777372353535851937790883648493
    bent = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    with pytest.raises(VerificationFailed, match="does not verify"):
        verify(build_envelope(PAYLOAD, MESSAGE_TYPE, [(key_id, bent)]), US.desk)


def test_signatures_out_of_order_are_refused() -> None:
    signed = sign(*US.roots)
    entries = json.loads(signed.raw)["signatures"]
    error = expect_malformed(change(signed, signatures=entries[::-1]), "signature-order")
    assert error.path == "$.signatures[1].keyid"


def test_one_key_cannot_sign_twice() -> None:
    signed = sign(US.desk)
    entries = json.loads(signed.raw)["signatures"]
    expect_malformed(change(signed, signatures=entries * 2), "signature-order")
    with pytest.raises(Malformed):
        sign(US.desk, US.desk)


def test_a_signature_added_by_a_stranger_is_refused() -> None:
    # Ignoring it, as a signed note does, would let anyone give the message a second hash.
    stranger = SigningKey("zz/desk", draw_seed("stranger"))
    signed = sign(US.desk, stranger)
    with pytest.raises(VerificationFailed) as caught:
        verify(signed, US.desk)
    assert caught.value.code == "unknown-key"


def test_a_bad_signature_is_not_outvoted_by_a_good_one() -> None:
    good = sign(*US.roots)
    bent = [(key_id, sig if place else bytes(64)) for place, (key_id, sig) in enumerate(good.signatures)]
    with pytest.raises(VerificationFailed) as caught:
        verify(build_envelope(PAYLOAD, MESSAGE_TYPE, bent), *US.roots)
    assert caught.value.code == "bad-signature"


def test_signature_under_anothers_key_id_is_refused() -> None:
    signed = sign(RU.desk)
    forged = build_envelope(PAYLOAD, MESSAGE_TYPE, [(US.desk.public.key_id, signed.signatures[0][1])])
    with pytest.raises(VerificationFailed) as caught:
        verify(forged, US.desk, RU.desk)
    assert caught.value.code == "bad-signature"


def test_payload_type_is_not_confused() -> None:
    refusal = sign(US.desk, payload_type="application/vnd.entente.refusal+json")
    with pytest.raises(VerificationFailed) as caught:
        verify(refusal, US.desk)
    assert caught.value.code == "wrong-type"
    relabelled = build_envelope(PAYLOAD, MESSAGE_TYPE, refusal.signatures)
    with pytest.raises(VerificationFailed) as caught:
        verify(relabelled, US.desk)
    assert caught.value.code == "bad-signature"


def test_boundary_between_type_and_payload_cannot_move() -> None:
    # "DSSEv1 1 a 3 b c" is signed; read as type "a 3 b" it would be another statement: lengths forbid it.
    assert encode_pae("a", b"b c") != encode_pae("a 3 b", b"c")
    assert encode_pae("a", b" 1 b") != encode_pae("a 4 ", b"1 b")


@pytest.mark.parametrize(
    "members",
    (
        {"extra": 1},
        {"payload": None},
        {"payload": 7},
        {"payloadType": ""},
        {"payloadType": "x" * 101},
        {"payloadType": "Application/JSON"},
        {"payloadType": MESSAGE_TYPE + "\n"},
        {"signatures": []},
        {"signatures": {}},
        {"signatures": [None]},
        {"signatures": [{"keyid": "us/desk+00000000", "sig": "A" * 86 + "==", "cert": ""}]},
        {"signatures": [{"keyid": "us/desk+00000000"}]},
        {"signatures": [{"keyid": "us/desk+0000000G", "sig": "A" * 86 + "=="}]},
        {"signatures": [{"keyid": "us/desk+00000000\n", "sig": "A" * 86 + "=="}]},
        {"signatures": [{"keyid": "us/desk+00000000", "sig": "A" * 85 + "==\n"}]},
        {"signatures": [{"keyid": "us/desk+00000000", "sig": ""}]},
        {"signatures": [{"keyid": "", "sig": "A" * 86 + "=="}]},
    ),
)
def test_members_of_another_form_are_refused(members: dict[str, object]) -> None:
    expect_malformed(change(sign(US.desk), **members), "wrong-type")


def test_too_many_signatures_are_refused() -> None:
    entries = [
        {"keyid": f"us/root+{place:08x}", "sig": "A" * 86 + "=="} for place in range(MAX_SIGNATURES + 1)
    ]
    signed = sign(US.desk)
    assert len(parse_envelope(change(signed, signatures=entries[:-1])).signatures) == MAX_SIGNATURES
    expect_malformed(change(signed, signatures=entries), "wrong-type")


def test_an_oversized_envelope_is_refused() -> None:
    room = MAX_ENVELOPE_BYTES - len(sign(US.desk, payload=b"").raw)
    fits = sign(US.desk, payload=b"x" * (room // 4 * 3))
    assert MAX_ENVELOPE_BYTES - 4 <= len(fits.raw) <= MAX_ENVELOPE_BYTES
    with pytest.raises(Malformed) as caught:
        sign(US.desk, payload=b"x" * (room // 4 * 3 + 3))
    assert caught.value.code == "too-large"


def test_white_space_and_member_order_are_refused() -> None:
    plain = json.loads(sign(US.desk).raw)
    expect_malformed(json.dumps(plain).encode(), "not-canonical")
    backwards = dict(reversed(plain.items()))
    expect_malformed(json.dumps(backwards, separators=(",", ":")).encode(), "not-canonical")
    expect_malformed(sign(US.desk).raw + b"\n", "not-canonical")
    expect_malformed(b"\xef\xbb\xbf" + sign(US.desk).raw, "not-json")


def test_a_member_given_twice_is_refused() -> None:
    raw = sign(US.desk).raw
    error = expect_malformed(
        raw.replace(b'{"payload":', b'{"payload":"e30=","payload":', 1), "duplicate-name"
    )
    assert error.path == "$.payload"
