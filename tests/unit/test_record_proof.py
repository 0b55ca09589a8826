from __future__ import annotations

import base64

import pytest

from entente.kernel.errors import Malformed, VerificationFailed
from entente.kernel.ids import PartyID
from entente.record import (
    InclusionProof,
    TileReader,
    VerifiedInclusion,
    encode_proof,
    make_proof,
    make_quorum_policy,
    merge_cosignatures,
    parse_proof,
    verify_checkpoint,
    verify_proof,
)
from tests.unit.test_record_samples import LOG, NOW_S, WITNESSES, make_entry, make_tree, publish, verified

TREE = make_tree(500)
POLICY = make_quorum_policy(LOG.key, {PartyID(name): WITNESSES[name].key for name in ("us", "ru")}, host=None)
CHECKPOINT = verified(TREE)
NOTE = merge_cosignatures(
    CHECKPOINT.note, [WITNESSES[name].cosign(CHECKPOINT.text, NOW_S) for name in ("us", "ru")]
)


def test_proof_convinces_whoever_holds_the_policy() -> None:
    for index in (0, 255, 256, 499):
        data = encode_proof(make_proof(TREE, index, NOTE))
        found = verify_proof(data, make_entry(index), POLICY)
        assert (found.index, found.entry, found.witnessed.checkpoint.size) == (index, make_entry(index), 500)
        assert len(data) < 1500


def test_proof_reads_as_the_specification_shows() -> None:
    data = encode_proof(make_proof(make_tree(2), 1, verified(make_tree(2)).note, extra=b"why"))
    lines = data.decode().split("\n")
    assert lines[:3] == ["c2sp.org/tlog-proof@v1", "extra d2h5", "index 1"]
    assert lines[3] == base64.b64encode(make_tree(1).root()).decode()
    assert lines[4:6] == ["", "center.example/record"]
    assert encode_proof(parse_proof(data)) == data


def test_proof_from_tiles_is_that_from_the_tree() -> None:
    source = publish(500, cosigned_by=("us", "ru"))
    note = source.files["checkpoint"]
    reader = TileReader(source, verify_checkpoint(note, LOG.key))
    data = encode_proof(make_proof(reader, 77, note))
    assert data == encode_proof(make_proof(TREE, 77, note))
    assert verify_proof(data, make_entry(77), POLICY).index == 77


def test_proof_of_another_entry_is_refused() -> None:
    data = encode_proof(make_proof(TREE, 7, NOTE))
    for forged in (make_entry(8), make_entry(7) + b" ", b""):
        with pytest.raises(VerificationFailed, match="expected root"):
            verify_proof(data, forged, POLICY)
    with pytest.raises(VerificationFailed):
        verify_proof(data.replace(b"index 7\n", b"index 8\n"), make_entry(7), POLICY)


def test_proof_without_the_quorum_is_refused() -> None:
    lone = merge_cosignatures(CHECKPOINT.note, [WITNESSES["us"].cosign(CHECKPOINT.text, NOW_S)])
    with pytest.raises(VerificationFailed, match="1 of 2, 2 needed"):
        verify_proof(encode_proof(make_proof(TREE, 7, lone)), make_entry(7), POLICY)


def test_extra_data_changes_nothing() -> None:
    data = encode_proof(make_proof(TREE, 7, NOTE, extra=b"trust me"))
    assert parse_proof(data).extra == b"trust me"
    assert verify_proof(data, make_entry(7), POLICY).index == 7


@pytest.mark.parametrize(
    ("old", "new"),
    (
        (b"@v1", b"@v2"),
        (b"c2sp", b" c2sp"),
        (b"index 7", b"index 07"),
        (b"index 7", b"index -7"),
        (b"index 7", b"index 9223372036854775808"),
        (b"index 7\n", b""),
        (b"index 7\n", b"extra \nindex 7\n"),
        (b"index 7\n", b"extra AA==\nextra AA==\nindex 7\n"),
        (b"index 7\n", b"index 7\nextra AA==\n"),
        (b"index 7\n", b"index 7\nAAAA\n"),
        (b"index 7\n", b"index 7\n" + (base64.b64encode(bytes(32)) + b"\n") * 64),
        (b"\n500\n", b"\n0500\n"),
        (b"\n\ncenter", b"\ncenter"),
        (b"index", b"\xff"),
    ),
)
def test_proof_of_another_form_is_refused(old: bytes, new: bytes) -> None:
    data = encode_proof(make_proof(TREE, 7, NOTE))
    assert old in data
    with pytest.raises(Malformed):
        parse_proof(data.replace(old, new, 1))


def test_oversized_proof_is_refused() -> None:
    with pytest.raises(Malformed, match="expected <= 393216 bytes"):
        parse_proof(bytes(393_217))
    with pytest.raises(ValueError, match="expected <= 65536 extra bytes, got 65537"):
        InclusionProof(0, (), NOTE, bytes(65_537))
    with pytest.raises(ValueError, match="expected 0 <= index"):
        InclusionProof(-1, (), NOTE)


def test_verified_inclusion_cannot_be_made_by_hand() -> None:
    found = verify_proof(encode_proof(make_proof(TREE, 7, NOTE)), make_entry(7), POLICY)
    with pytest.raises(TypeError, match="expected to be made by verify_proof"):
        VerifiedInclusion(8, make_entry(8), found.witnessed, object())
