"""RFC 9497 appendix A.1: every vector of the modes OPRF and VOPRF for ristretto255-SHA512, on every group."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from entente.blind.expand import hash_output
from entente.blind.group import Group, Inputs, rows_of
from entente.blind.oprf import (
    Mode,
    PrfKey,
    derive_key,
    evaluate,
    make_group_dst,
    prove,
    tag_answered,
    tag_own,
    verify_proof,
)
from tests.blind_groups import GROUPS, make_group


@pytest.fixture(params=GROUPS)
def group(request: pytest.FixtureRequest) -> Group:
    return make_group(request.param)


def read_suites(folder: Path) -> list[dict[str, Any]]:
    found = json.loads((folder / "oprf/rfc9497_ristretto255.json").read_bytes())["suites"]
    suites = [suite for suite in found if suite["mode"] in set(Mode)]
    assert [len(suite["vectors"]) for suite in suites] == [2, 3]
    return suites


def read_list(text: str) -> list[bytes]:
    return [bytes.fromhex(each) for each in text.split(",")]


@pytest.mark.parametrize("number", (0, 1), ids=("OPRF", "VOPRF"))
def test_rfc9497_vectors(group: Group, number: int, shared_vectors: Path) -> None:
    suite = read_suites(shared_vectors)[number]
    mode = Mode(suite["mode"])
    dst = make_group_dst(mode)
    assert dst.hex() == suite["groupDST"]
    key = derive_key(group, bytes.fromhex(suite["seed"]), bytes.fromhex(suite["keyInfo"]), mode)
    assert key.secret.tobytes().hex() == suite["skSm"]
    assert mode is Mode.OPRF or key.public.hex() == suite["pkSm"]
    for vector in suite["vectors"]:
        check_vector(group, key, vector, mode, dst)


def check_vector(group: Group, key: PrfKey, vector: dict[str, Any], mode: Mode, dst: bytes) -> None:
    blinds = rows_of(*read_list(vector["Blind"]))
    private = read_list(vector["Input"])
    # Inputs of one batch have one length here; the vectors' have not.
    asked = [Inputs(rows_of(each)) for each in private]
    blinded = np.concatenate(
        [group.blind(each, dst, blinds[row : row + 1]) for row, each in enumerate(asked)]
    )
    assert blinded.tobytes() == b"".join(read_list(vector["BlindedElement"]))
    answers = evaluate(group, key, blinded)
    assert answers.tobytes() == b"".join(read_list(vector["EvaluationElement"]))
    inverses = group.invert_scalars(blinds)
    for row, output in enumerate(read_list(vector["Output"])):
        found = group.finalize(asked[row], answers[row : row + 1], inverses[row : row + 1])
        assert found.tobytes() == output
        direct = group.blind(asked[row], dst, key.secret)
        assert hash_output(private[row], direct.tobytes()) == output
        # The domain is a part of the input, and of nothing else.
        parted = Inputs(asked[row].rows[:, :0], private[row])
        assert group.blind(parted, dst, blinds[row : row + 1]).tobytes() == blinded[row].tobytes()
        assert group.finalize(parted, answers[row : row + 1], inverses[row : row + 1]).tobytes() == output
        tag = int.from_bytes(output[:8], "big")
        one, blind = answers[row : row + 1], blinds[row : row + 1]
        assert tag_answered(group, asked[row], one, blind).tolist() == [tag]
        if mode is Mode.VOPRF:
            assert tag_own(group, key, asked[row]).tolist() == [tag]
    if mode is Mode.VOPRF:
        nonce = rows_of(bytes.fromhex(vector["Proof"]["r"]))
        proof = prove(group, key, blinded, answers, nonce=nonce)
        assert proof.hex() == vector["Proof"]["proof"]
        verify_proof(group, key.public, blinded, answers, proof)
