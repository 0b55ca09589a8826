"""C2SP/CCTV @1e3d286: 914 Ed25519 edge cases: whatever we admit, every later judge admits too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from entente.kernel.errors import VerificationFailed
from entente.kernel.keys import PublicKey, verify_signature
from entente.record import NoteKey, SignatureLine, SignatureType, SignedNote, encode_note, verify_note


def test_strict_signatures_are_a_subset_of_what_others_accept(shared_vectors: Path) -> None:
    cases = json.loads((shared_vectors / "record/cctv/ed25519/ed25519vectors.json").read_bytes())
    assert len(cases) == 914
    ours, theirs = set(), set()
    for case in cases:
        key = NoteKey("vector", SignatureType.ED25519, bytes.fromhex(case["key"]))
        signature, message = bytes.fromhex(case["sig"]), case["msg"].encode()
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, message)
            theirs.add(case["number"])
        except InvalidSignature:
            pass
        # The function that notes and cosignatures are checked with: the vectors' messages are no notes.
        try:
            verify_signature(PublicKey("vector", key.public), signature, message)
            ours.add(case["number"])
        except VerificationFailed:
            pass
    assert ours <= theirs
    assert (len(ours), len(theirs)) == (43, 208)


def test_signature_by_a_small_order_key_is_refused() -> None:
    # The all-zero key and signature: some libraries accept them for any message.
    key = NoteKey("vector", SignatureType.ED25519, bytes(32))
    line = SignatureLine("vector", key.key_hash, bytes(64))
    raw = encode_note(SignedNote(b"any text\n", (line,)))
    with pytest.raises(VerificationFailed, match="does not verify"):
        verify_note(raw, [key])
