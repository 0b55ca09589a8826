"""C2SP/CCTV @1e3d286 and RFC 8032 section 7.1: what is accepted is beyond dispute."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from entente.kernel.errors import VerificationFailed
from entente.kernel.keys import PublicKey, SigningKey, verify_signature

# RFC 8032 section 7.1, tests 1 to 3: seed, public key, message, signature.
RFC8032 = (
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
)


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC8032)
def test_rfc8032_keys_and_signatures(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey("test/desk", bytes.fromhex(seed))
    assert key.public.raw.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    verify_signature(key.public, bytes.fromhex(signature), bytes.fromhex(message))
    with pytest.raises(VerificationFailed):
        verify_signature(key.public, bytes.fromhex(signature), bytes.fromhex(message) + b"\x00")
    with pytest.raises(VerificationFailed, match="expected 64 bytes, got 63"):
        verify_signature(key.public, bytes.fromhex(signature)[:-1], bytes.fromhex(message))


def test_no_accepted_signature_is_disputed_or_of_low_order(shared_vectors: Path) -> None:
    cases = json.loads((shared_vectors / "record/cctv/ed25519/ed25519vectors.json").read_bytes())
    assert len(cases) == 914
    accepted = []
    for case in cases:
        public, signature = bytes.fromhex(case["key"]), bytes.fromhex(case["sig"])
        try:
            verify_signature(PublicKey("us/desk", public), signature, case["msg"].encode())
        except VerificationFailed:
            continue
        accepted.append(case)
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, case["msg"].encode())
        except InvalidSignature:
            pytest.fail(f"vector {case['number']}: libsodium accepts what OpenSSL refuses")
    assert accepted
    flags = {flag for case in accepted for flag in case["flags"] or ()}
    # Neither a key of small order, which anyone can sign for, nor a second spelling of a point.
    assert not flags & {"low_order_A", "low_order_R", "non_canonical_A", "non_canonical_R"}, flags
