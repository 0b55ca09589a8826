"""Seal keys and the packing of sealed bodies."""

from __future__ import annotations

import pytest

from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.ids import PartyID
from entente.kernel.sealed import (
    MLKEM_PUBLIC_BYTES,
    PAD_BYTES,
    SEAL_PUBLIC_BYTES,
    SUITE,
    SealContext,
    SealKey,
    commit_body,
    make_seal_key_id,
    pack_sealed,
    parse_seal_public,
    unpack_sealed,
)
from tests.parties import ORIGIN, PartySimulator, draw_seed

RU = PartySimulator("ru")
CONTEXT = SealContext(ORIGIN, PartyID("us"), 7, "test.say", PartyID("ru"))
SALT = draw_seed("salt")


def test_packing_comes_back_and_hides_the_length() -> None:
    for size in (0, 1, 219, 220, 221, 4_000, 40_000):
        packed = pack_sealed(b"x" * size, SALT)
        assert len(packed) % PAD_BYTES == 0
        assert unpack_sealed(packed) == (SALT, b"x" * size)
    assert len(pack_sealed(b"x" * 220, SALT)) == PAD_BYTES
    assert len(pack_sealed(b"x" * 221, SALT)) == 2 * PAD_BYTES


def test_packing_has_one_form() -> None:
    packed = pack_sealed(b"{}", SALT)
    liars = {
        "padding not zero": packed[:-1] + b"\x01",
        "a block too many": packed + bytes(PAD_BYTES),
        "cut off": packed[:-1],
        "no padding": packed[:38],
        "length too large": packed[:32] + (10**6).to_bytes(4, "big") + packed[36:],
        "length too small": packed[:32] + (1).to_bytes(4, "big") + packed[36:],
        "length beyond all": packed[:32] + b"\xff" * 4 + packed[36:],
        "nothing": b"",
        "salt only": SALT,
    }
    for liar, plain in liars.items():
        with pytest.raises(Malformed) as caught:
            unpack_sealed(plain)
        assert caught.value.code == "bad-sealed-body", liar


def test_a_salt_of_another_length_is_our_own_mistake() -> None:
    for salt in (b"", bytes(31), bytes(33)):
        with pytest.raises(ValueError, match="expected 32 bytes"):
            pack_sealed(b"{}", salt)
        with pytest.raises(ValueError, match="expected 32 bytes"):
            commit_body(salt, b"{}")


def test_a_commitment_does_not_shift_between_salt_and_body() -> None:
    assert commit_body(SALT, b"ab") != commit_body(SALT, b"a")
    assert commit_body(SALT, b"") != commit_body(bytes(32), b"")


def test_an_altered_ciphertext_does_not_open() -> None:
    ciphertext = SUITE.encrypt(b"plain", parse_seal_public(RU.seal.public_bytes), info=CONTEXT.info())
    assert RU.seal.open(ciphertext, CONTEXT) == b"plain"
    altered = [
        ciphertext[:place] + bytes([ciphertext[place] ^ 1]) + ciphertext[place + 1 :]
        for place in range(0, len(ciphertext), 97)
    ]
    cut = [b"", ciphertext[:1], ciphertext[:1119], ciphertext[:1120], ciphertext[:-1], ciphertext + b"\x00"]
    low_order = [ciphertext[:1088] + bytes(32) + ciphertext[1120:], bytes(len(ciphertext))]
    for liar in (*altered, *cut, *low_order):
        with pytest.raises(VerificationFailed) as caught:
            RU.seal.open(liar, CONTEXT)
        assert caught.value.code == "cannot-open"


def test_every_part_of_the_context_is_bound() -> None:
    infos = {
        SealContext(*parts).info()
        for parts in (
            (ORIGIN, PartyID("us"), 7, "test.say", PartyID("ru")),
            ("other/record", PartyID("us"), 7, "test.say", PartyID("ru")),
            (ORIGIN, PartyID("un"), 7, "test.say", PartyID("ru")),
            (ORIGIN, PartyID("us"), 8, "test.say", PartyID("ru")),
            (ORIGIN, PartyID("us"), 7, "test.order", PartyID("ru")),
            (ORIGIN, PartyID("us"), 7, "test.say", PartyID("un")),
        )
    }
    assert len(infos) == 6


def test_a_seal_key_that_nobody_could_seal_to_is_refused() -> None:
    kem = RU.seal.public_bytes[:MLKEM_PUBLIC_BYTES]
    parse_seal_public(RU.seal.public_bytes)
    small_order = (bytes(32), b"\x01" + bytes(31))
    for curve in small_order:  # agreeing with these gives zero, whatever the other half
        with pytest.raises(Malformed, match="seal key"):
            parse_seal_public(kem + curve)
    for public in (b"", kem, RU.seal.public_bytes + b"\x00"):
        with pytest.raises(Malformed, match=f"expected {SEAL_PUBLIC_BYTES} bytes"):
            parse_seal_public(public)
    with pytest.raises(Malformed, match="seal key"):  # coefficients beyond the modulus (FIPS 203, 7.2)
        parse_seal_public(b"\xff" * MLKEM_PUBLIC_BYTES + RU.seal.public_bytes[MLKEM_PUBLIC_BYTES:])


def test_a_seal_keys_id_binds_its_name_and_does_not_show_its_secret() -> None:
    assert RU.seal.key_id == make_seal_key_id("ru/seal", RU.seal.public_bytes)
    assert make_seal_key_id("us/seal", RU.seal.public_bytes) != RU.seal.key_id.replace("ru/", "us/")
    assert repr(RU.seal) == f"SealKey('{RU.seal.key_id}')"
    with pytest.raises(ValueError, match="expected 96 bytes, got 95"):
        SealKey("ru/seal", bytes(95))
