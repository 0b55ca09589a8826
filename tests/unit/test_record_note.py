from __future__ import annotations

import base64
from dataclasses import replace

import pytest

from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.keys import SigningKey
from entente.record import (
    Checkpoint,
    NoteKey,
    NoteSigner,
    SignatureLine,
    SignatureType,
    SignedNote,
    Tree,
    encode_checkpoint,
    encode_note,
    encode_note_key,
    parse_checkpoint,
    parse_note,
    parse_note_key,
    sign_checkpoint,
    sign_note,
    verify_checkpoint,
    verify_note,
)
from tests.unit.test_record_samples import LOG, ORIGIN, make_seed, make_tree, sign_tree

OTHER = NoteSigner(SigningKey("other.example/log", make_seed("other")))
TEXT = b"first\n\nthird\n"


def note(*signers: NoteSigner) -> bytes:
    return encode_note(sign_note(TEXT, *signers))


def test_text_may_hold_empty_lines() -> None:
    assert verify_note(note(LOG), [LOG.key]).text == TEXT


def test_unknown_signatures_are_ignored() -> None:
    assert verify_note(note(OTHER, LOG), [LOG.key]).signed_by == (LOG.key,)
    unreadable = SignatureLine("elsewhere.example", b"\0\0\0\1", b"of a kind that we do not know")
    raw = encode_note(SignedNote(TEXT, (unreadable, LOG.sign(TEXT))))
    assert verify_note(raw, [LOG.key]).signed_by == (LOG.key,)


def test_one_bad_signature_of_a_known_key_refuses_the_note() -> None:
    bad = replace(OTHER.sign(TEXT), signature=OTHER.sign(TEXT + b"x\n").signature)
    forged = encode_note(SignedNote(TEXT, (LOG.sign(TEXT), bad)))
    assert verify_note(forged, [LOG.key]).signed_by == (LOG.key,)
    with pytest.raises(VerificationFailed, match="does not verify"):
        verify_note(forged, [LOG.key, OTHER.key])


def test_note_that_no_known_key_signed_is_refused() -> None:
    for keys in ([OTHER.key], []):
        with pytest.raises(VerificationFailed) as caught:
            verify_note(note(LOG), keys)
        assert caught.value.code == "no-known-signature"


def test_same_id_under_another_name_is_unknown() -> None:
    # A 4-byte id is easily met by another key: name and id together are the key's.
    namesake = SignatureLine("elsewhere.example", LOG.key.key_hash, bytes(64))
    raw = encode_note(SignedNote(TEXT, (namesake, LOG.sign(TEXT))))
    assert verify_note(raw, [LOG.key]).signed_by == (LOG.key,)


def test_same_name_with_another_key_is_unknown() -> None:
    impostor = NoteSigner(SigningKey(ORIGIN, make_seed("impostor")))
    with pytest.raises(VerificationFailed) as caught:
        verify_note(note(impostor), [LOG.key])
    assert caught.value.code == "no-known-signature"


def test_altered_text_is_refused() -> None:
    with pytest.raises(VerificationFailed, match="does not verify over 12 bytes"):
        verify_note(note(LOG).replace(b"third", b"thirD").replace(b"first", b"firs"), [LOG.key])


def test_second_base64_spelling_is_refused() -> None:
    # 68 bytes leave 4 unused bits before one '=': other libraries read 16 spellings of one signature.
    raw = note(LOG)
    encoded = raw.rsplit(b" ", 1)[1].strip()
    assert encoded.endswith(b"=")
    alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    twin = encoded[:-2] + alphabet[alphabet.index(encoded[-2:-1]) + 1 :][:1] + b"="
    assert base64.b64decode(twin, validate=True) == base64.b64decode(encoded, validate=True)
    with pytest.raises(Malformed, match="canonical base64"):
        verify_note(raw.replace(encoded, twin), [LOG.key])


@pytest.mark.parametrize(
    "raw",
    (
        b"",
        b"\n",
        b"text\n",
        b"text\n\n",
        b"text\n\nnot a signature line\n",
        b"text\n\n\xe2\x80\x94 name\n",
        b"text\n\n\xe2\x80\x94  AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 a+b AAAAAAA=\n",
        b"text\n\n\xe2\x80\x94 name AAAAAA==\n",
        b"text\n\n\xe2\x80\x94 name AAAAAAA=",
        b"text\n\n\xe2\x80\x94 name AAAAAAA=\n\n",
        b"text\r\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"te\xff\n\n\xe2\x80\x94 name AAAAAAA=\n",
        b"text\n\n" + b"\xe2\x80\x94 name AAAAAAA=\n" * 101,
        b"x" * 262_145,
    ),
)
def test_bytes_that_are_no_note_are_refused(raw: bytes) -> None:
    with pytest.raises(Malformed):
        parse_note(raw)


def test_hundred_signatures_are_read() -> None:
    raw = b"text\n\n" + b"\xe2\x80\x94 name AAAAAAA=\n" * 100
    assert len(parse_note(raw).signatures) == 100
    assert encode_note(parse_note(raw)) == raw


def test_vkey_round_trips_and_refuses_altered_parts() -> None:
    vkey = encode_note_key(LOG.key)
    assert parse_note_key(vkey) == LOG.key
    name, digits, encoded = vkey.split("+", 2)
    for altered in (
        f"{name}x+{digits}+{encoded}",
        f"{name}+{digits.upper()}x+{encoded}",
        f"{name}+00000000+{encoded}",
        f"{name}+{digits}+{encoded}=",
        f"{name}+{digits}",
        f"{name} x+{digits}+{encoded}",
        f"{name}+{digits}+" + base64.b64encode(b"\x02" + LOG.key.public).decode(),
        f"{name}+{digits}+" + base64.b64encode(b"\x01" + LOG.key.public[:-1]).decode(),
        "",
    ):
        with pytest.raises(Malformed):
            parse_note_key(altered)


def test_type_byte_separates_one_keys_ids() -> None:
    ids = {NoteKey("name", kind, bytes(32)).key_hash for kind in (SignatureType(1), SignatureType(4))}
    assert len(ids) == 2


def test_checkpoint_keeps_extension_lines() -> None:
    checkpoint = Checkpoint(ORIGIN, 7, bytes(32), ("one", "two"))
    text = encode_checkpoint(checkpoint)
    assert parse_checkpoint(text) == checkpoint
    assert verify_checkpoint(sign_checkpoint(checkpoint, LOG), LOG.key).text == text


@pytest.mark.parametrize(
    "text",
    (
        b"",
        b"origin\n7\n",
        b"origin\n07\n" + base64.b64encode(bytes(32)) + b"\n",
        b"origin\n-7\n" + base64.b64encode(bytes(32)) + b"\n",
        b"origin\n+7\n" + base64.b64encode(bytes(32)) + b"\n",
        b"origin\n\xd9\xa7\n" + base64.b64encode(bytes(32)) + b"\n",
        b"origin\n9223372036854775808\n" + base64.b64encode(bytes(32)) + b"\n",
        b"origin\n7\n" + base64.b64encode(bytes(31)) + b"\n",
        b"origin\n7\n" + base64.b64encode(bytes(32)),
        b"origin\n7\n" + base64.b64encode(bytes(32)) + b"\n\n",
        b"\n7\n" + base64.b64encode(bytes(32)) + b"\n",
    ),
)
def test_text_that_is_no_checkpoint_is_refused(text: bytes) -> None:
    with pytest.raises(Malformed):
        parse_checkpoint(text)


def test_checkpoint_of_another_origin_is_refused() -> None:
    raw = sign_checkpoint(Checkpoint("elsewhere.example", 0, Tree().root()), LOG)
    with pytest.raises(VerificationFailed, match=r"expected origin 'center\.example/record'"):
        verify_checkpoint(raw, LOG.key)
    assert verify_checkpoint(raw, LOG.key, origin="elsewhere.example").size == 0


def test_wrong_root_of_the_empty_tree_is_refused() -> None:
    raw = sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), LOG)
    with pytest.raises(VerificationFailed, match="expected the root of the empty tree"):
        verify_checkpoint(raw, LOG.key)


def test_verified_checkpoint_keeps_the_evidence() -> None:
    raw = sign_tree(make_tree(9))
    checkpoint = verify_checkpoint(raw, LOG.key)
    assert checkpoint.note == raw
    assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (ORIGIN, 9, make_tree(9).root())
