"""Keys: names, ids, fingerprints, and what a verifier key of a log or witness must be."""

from __future__ import annotations

import msgspec
import pytest

from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.keys import (
    COSIGNATURE,
    ED25519,
    PublicKey,
    SigningKey,
    encode_public_key,
    fingerprint,
    make_key_id,
    parse_public_key,
    parse_vkey,
    verify_signature,
)
from entente.kernel.roots import Roots, parse_roots
from entente.record.note import NoteKey, SignatureType, encode_note_key
from tests.parties import draw_seed

KEY = SigningKey("us/desk", draw_seed("key"))


def test_a_key_comes_back_from_the_wire() -> None:
    wire = encode_public_key(KEY.public)
    assert parse_public_key(wire) == KEY.public
    assert wire.id == KEY.public.key_id == make_key_id("us/desk", KEY.public.raw)
    assert msgspec.json.encode(wire).startswith(b'{"id":"us/desk+')


def test_a_key_under_another_name_is_refused() -> None:
    wire = encode_public_key(KEY.public)
    with pytest.raises(VerificationFailed, match="bad-key-id"):
        parse_public_key(msgspec.structs.replace(wire, id=wire.id.replace("us/", "ru/")))
    renamed = PublicKey("ru/desk", KEY.public.raw)
    assert renamed.key_id.rpartition("+")[2] != wire.id.rpartition("+")[2]


def test_a_key_in_a_second_spelling_is_refused() -> None:
    wire = encode_public_key(KEY.public)
    last = wire.ed25519[42]
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = alphabet[alphabet.index(last) ^ 1]
    with pytest.raises(Malformed, match="bad-base64"):
        parse_public_key(msgspec.structs.replace(wire, ed25519=wire.ed25519[:42] + twin + "="))


def test_a_signature_is_over_the_exact_bytes() -> None:
    signature = KEY.sign(b"text")
    verify_signature(KEY.public, signature, b"text")
    assert KEY.sign(b"text") == signature
    for data, bent in ((b"text ", signature), (b"", signature), (b"text", signature[::-1])):
        with pytest.raises(VerificationFailed):
            verify_signature(KEY.public, bent, data)


def test_a_small_order_key_signs_nothing() -> None:
    # The neutral element: R = A and S = 0 satisfy the equation for every text where A is not checked.
    neutral = b"\x01" + bytes(31)
    with pytest.raises(VerificationFailed):
        verify_signature(PublicKey("us/desk", neutral), neutral + bytes(32), b"any text")


def test_secrets_do_not_show() -> None:
    assert repr(KEY) == f"SigningKey('{KEY.public.key_id}')"
    assert KEY.seed == draw_seed("key")
    with pytest.raises(ValueError, match="expected 32 bytes, got 31"):
        PublicKey("us/desk", bytes(31))


def test_a_fingerprint_is_of_name_and_key() -> None:
    spoken = fingerprint(KEY.public)
    assert [len(group) for group in spoken.split(" ")] == [4] * 8
    assert fingerprint(PublicKey("ru/desk", KEY.public.raw)) != spoken


def vkey(kind: SignatureType = SignatureType.ED25519) -> str:
    return encode_note_key(NoteKey("us/witness", kind, KEY.public.raw))


def test_a_verifier_key_is_read_as_the_record_writes_it() -> None:
    parsed = parse_vkey(vkey(), signature_type=ED25519, what="log key")
    assert parsed == PublicKey("us/witness", KEY.public.raw)
    cosigner = vkey(SignatureType.COSIGNATURE_ED25519)
    assert parse_vkey(cosigner, signature_type=COSIGNATURE, what="witness key") == parsed


@pytest.mark.parametrize(
    ("text", "code"),
    (
        (vkey(), "bad-key-type"),
        (vkey(SignatureType.COSIGNATURE_ED25519).replace("us/", "ru/"), "bad-key-id"),
        (vkey(SignatureType.COSIGNATURE_ED25519) + "=", "bad-base64"),
        (vkey(SignatureType.COSIGNATURE_ED25519)[:-4], "bad-length"),
        ("us/witness+00000000+", "bad-length"),
        ("us/witness", "bad-length"),
        ("", "bad-length"),
        ("us/witness+0+1+2+3", "bad-base64"),
    ),
)
def test_a_verifier_key_of_another_form_is_refused(text: str, code: str) -> None:
    with pytest.raises((Malformed, VerificationFailed)) as caught:
        parse_vkey(text, signature_type=COSIGNATURE, what="witness key")
    assert caught.value.code == code


def test_root_keys_are_each_once() -> None:
    other = SigningKey("us/root", draw_seed("other"))
    roots = Roots(keys=[encode_public_key(KEY.public), encode_public_key(other.public)], threshold=2)
    assert set(parse_roots(roots, what="roster")) == {KEY.public.key_id, other.public.key_id}
    # One person's key under two names is still one person's.
    alias = PublicKey("us/alias", KEY.public.raw)
    twice = Roots(keys=[encode_public_key(KEY.public), encode_public_key(alias)], threshold=2)
    with pytest.raises(Malformed, match="duplicate-key"):
        parse_roots(twice, what="roster")
