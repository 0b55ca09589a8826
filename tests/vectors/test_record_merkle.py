"""transparency-dev/merkle @417fb0c: 196 inclusion and consistency proofs, happy and altered (Apache-2.0)."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from entente.kernel.errors import VerificationFailed
from entente.record import verify_consistency, verify_inclusion

# This one holds "don't care" in place of its roots: 12 bytes, where we let no hash but of 32 bytes pass.
DUMMY_ROOTS = {"sizes-are-equal-one-and-proof-is-empty.json"}


def load(folder: Path) -> list[tuple[str, dict[str, Any]]]:
    return [(path.name, json.loads(path.read_bytes())) for path in sorted(folder.rglob("*.json"))]


def b64(text: str | None) -> bytes:
    return base64.b64decode(text or "")


def test_inclusion_vectors(shared_vectors: Path) -> None:
    cases = load(shared_vectors / "record/transparency-dev-merkle/testdata/inclusion")
    assert len(cases) == 98
    accepted = 0
    for name, case in cases:
        proof = [b64(step) for step in case["proof"] or ()]
        is_good = True
        try:
            verify_inclusion(
                b64(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, b64(case["root"])
            )
        except VerificationFailed:
            is_good = False
        assert is_good is not case["wantErr"], (name, case["desc"])
        accepted += is_good
    assert accepted == 6


def test_consistency_vectors(shared_vectors: Path) -> None:
    cases = load(shared_vectors / "record/transparency-dev-merkle/testdata/consistency")
    assert len(cases) == 98
    accepted, differing = 0, set()
    for name, case in cases:
        proof = [b64(step) for step in case["proof"] or ()]
        is_good = True
        try:
            verify_consistency(case["size1"], case["size2"], b64(case["root1"]), b64(case["root2"]), proof)
        except VerificationFailed:
            is_good = False
        if is_good is case["wantErr"]:
            differing.add(name)
        accepted += is_good
    assert differing == DUMMY_ROOTS
    assert accepted == 5
