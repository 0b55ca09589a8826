from __future__ import annotations

import struct
from dataclasses import replace

import pytest

from entente.kernel.errors import VerificationFailed
from entente.kernel.keys import SigningKey
from entente.record import (
    Checkpoint,
    Cosignature,
    CosignatureSigner,
    MLDSACosignatureSigner,
    NoteKey,
    SignatureLine,
    SignatureType,
    encode_signature_line,
    merge_cosignatures,
    parse_cosignature_lines,
    verify_cosignatures,
)
from entente.record.cosignature_mldsa import make_subtree_message
from tests.unit.test_record_samples import LOG, NOW_S, WITNESSES, make_seed, make_tree, verified

CHECKPOINT = verified(make_tree(40))
US, RU = WITNESSES["us"], WITNESSES["ru"]
KEYS = [US.key, RU.key]


def note_with(*lines: SignatureLine) -> bytes:
    return merge_cosignatures(CHECKPOINT.note, lines)


def test_cosignatures_of_known_witnesses_are_found() -> None:
    raw = note_with(US.cosign(CHECKPOINT.text, NOW_S), RU.cosign(CHECKPOINT.text, NOW_S + 1))
    found = verify_cosignatures(raw, CHECKPOINT, KEYS)
    assert [(each.key.name, each.time_s) for each in found] == [
        ("us/witness", NOW_S),
        ("ru/witness", NOW_S + 1),
    ]
    assert verify_cosignatures(raw, CHECKPOINT, [WITNESSES["un"].key]) == ()


def test_signed_message_is_that_of_the_specification() -> None:
    line = US.cosign(CHECKPOINT.text, NOW_S)
    assert line.signature[:8] == struct.pack(">Q", NOW_S)
    assert US._signing.sign(b"cosignature/v1\ntime 1474120500\n" + CHECKPOINT.text) == line.signature[8:]


def test_moved_time_is_refused() -> None:
    line = US.cosign(CHECKPOINT.text, NOW_S)
    moved = replace(line, signature=struct.pack(">Q", NOW_S - 60) + line.signature[8:])
    with pytest.raises(VerificationFailed, match="does not verify"):
        verify_cosignatures(note_with(moved), CHECKPOINT, KEYS)
    beyond = replace(line, signature=struct.pack(">Q", 2**63) + line.signature[8:])
    with pytest.raises(VerificationFailed, match="expected a time < 2"):
        verify_cosignatures(note_with(beyond), CHECKPOINT, KEYS)


def test_cosignature_of_another_checkpoint_is_refused() -> None:
    stolen = US.cosign(verified(make_tree(39)).text, NOW_S)
    with pytest.raises(VerificationFailed, match="does not verify"):
        verify_cosignatures(note_with(stolen), CHECKPOINT, KEYS)


def test_note_of_another_checkpoint_is_refused() -> None:
    other = verified(make_tree(39))
    raw = merge_cosignatures(other.note, [US.cosign(other.text, NOW_S)])
    with pytest.raises(VerificationFailed, match="expected the text of checkpoint 40"):
        verify_cosignatures(raw, CHECKPOINT, KEYS)


def test_plain_signature_is_no_cosignature() -> None:
    # The same key bytes under type 1: the id differs, so that the line is another key's.
    plain = NoteKey(US.key.name, SignatureType.ED25519, US.key.public)
    line = SignatureLine(plain.name, US.key.key_hash, US._signing.sign(CHECKPOINT.text))
    with pytest.raises(ValueError, match="expected 72 or 2428 bytes, got 64"):
        merge_cosignatures(CHECKPOINT.note, [line])
    raw = CHECKPOINT.note + encode_signature_line(line).encode()
    with pytest.raises(VerificationFailed, match="expected 72 bytes, got 64"):
        verify_cosignatures(raw, CHECKPOINT, KEYS)
    with pytest.raises(ValueError, match="expected type 4 or 6"):
        verify_cosignatures(raw, CHECKPOINT, [plain])


def test_merging_keeps_the_newest_line_of_each_witness() -> None:
    older, newer = US.cosign(CHECKPOINT.text, NOW_S), US.cosign(CHECKPOINT.text, NOW_S + 9)
    for raw in (
        note_with(older, newer),
        note_with(newer, older),
        merge_cosignatures(note_with(newer), [older]),
    ):
        (found,) = verify_cosignatures(raw, CHECKPOINT, KEYS)
        assert found.time_s == NOW_S + 9
        assert raw.startswith(CHECKPOINT.note)


def test_two_lines_of_one_witness_count_once() -> None:
    lines = [US.cosign(CHECKPOINT.text, NOW_S), US.cosign(CHECKPOINT.text, NOW_S + 9)]
    raw = CHECKPOINT.note + "".join(map(encode_signature_line, lines)).encode()
    (found,) = verify_cosignatures(raw, CHECKPOINT, KEYS)
    assert found.time_s == NOW_S + 9


def test_witness_answer_lines_round_trip() -> None:
    lines = (US.cosign(CHECKPOINT.text, NOW_S), RU.cosign(CHECKPOINT.text, NOW_S))
    body = "".join(map(encode_signature_line, lines)).encode()
    assert parse_cosignature_lines(body) == lines


def test_cosignature_cannot_be_made_by_hand() -> None:
    line = US.cosign(CHECKPOINT.text, NOW_S)
    with pytest.raises(TypeError, match="expected to be made by verify_cosignatures"):
        Cosignature(US.key, NOW_S, line, CHECKPOINT.text, object())


def test_one_key_under_two_names_is_two_ids() -> None:
    twin = CosignatureSigner(SigningKey("ru/witness", make_seed("us")))
    raw = note_with(twin.cosign(CHECKPOINT.text, NOW_S))
    assert verify_cosignatures(raw, CHECKPOINT, KEYS) == ()


def test_mldsa_cosignature_verifies_and_names_its_signer() -> None:
    signer = MLDSACosignatureSigner("us/witness-pq", make_seed("us-pq"))
    line = signer.cosign(CHECKPOINT.text, NOW_S)
    assert len(line.signature) == 8 + 2420
    raw = note_with(line, US.cosign(CHECKPOINT.text, NOW_S))
    found = verify_cosignatures(raw, CHECKPOINT, [US.key, signer.key])
    assert [each.key.kind for each in found] == [4, 6]
    renamed = NoteKey("ru/witness-pq", SignatureType.COSIGNATURE_MLDSA44, signer.key.public)
    stolen = replace(line, name=renamed.name, key_hash=renamed.key_hash)
    with pytest.raises(VerificationFailed, match="does not verify for size 40"):
        verify_cosignatures(note_with(stolen), CHECKPOINT, [renamed])


def test_mldsa_signed_message_is_that_of_the_specification() -> None:
    checkpoint = Checkpoint("log.example", 0x0102, bytes(range(32)))
    assert make_subtree_message("w.example", 0x0304, checkpoint) == (
        b"subtree/v1\n\x00"
        b"\x09w.example"
        b"\x00\x00\x00\x00\x00\x00\x03\x04"
        b"\x0blog.example"
        b"\x00\x00\x00\x00\x00\x00\x00\x00"
        b"\x00\x00\x00\x00\x00\x00\x01\x02" + bytes(range(32))
    )


def test_mldsa_cosignature_of_another_size_or_time_is_refused() -> None:
    signer = MLDSACosignatureSigner("us/witness-pq", make_seed("us-pq"))
    line = signer.cosign(CHECKPOINT.text, NOW_S)
    moved = replace(line, signature=struct.pack(">Q", NOW_S + 1) + line.signature[8:])
    stolen = signer.cosign(verified(make_tree(39)).text, NOW_S)
    for attack in (moved, stolen):
        with pytest.raises(VerificationFailed, match="does not verify for size 40"):
            verify_cosignatures(note_with(attack), CHECKPOINT, [signer.key])


def test_log_signature_is_left_alone_by_merging() -> None:
    raw = note_with(US.cosign(CHECKPOINT.text, NOW_S))
    assert raw.count(LOG.key.name.encode()) == CHECKPOINT.note.count(LOG.key.name.encode())
