"""torchwood 0.9.0, litewitness.txt and sumdb.txt: what another witness answered (ISC-like).

The scripts hold the very requests and the demanded status of each; our witness must answer alike.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from entente.kernel.errors import Malformed
from entente.kernel.keys import SigningKey
from entente.record import (
    CosignatureSigner,
    NoteKey,
    SignatureType,
    WitnessState,
    parse_add_checkpoint,
    parse_note_key,
    process_add_checkpoint,
    verify_checkpoint,
    verify_witness_answer,
)
from entente.record.witness_client import Cosigned, parse_witness_answer

REQUEST = re.compile(
    r"POST http://localhost:\d+/add-checkpoint\n```\n(.*?)```\nHTTP (\d+)\n\[Asserts\]\n([^\n]*)\n", re.DOTALL
)
WITNESS = CosignatureSigner(SigningKey("example.com/witness", bytes(range(32))))
SIGSUM_ORIGIN = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
SIGSUM_KEY = NoteKey(
    SIGSUM_ORIGIN,
    SignatureType.ED25519,
    bytes.fromhex("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f"),
)
SUMDB_KEY = parse_note_key("sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8")


@pytest.mark.parametrize(
    ("script", "origin", "key", "count", "statuses"),
    (
        (
            "litewitness.txt", SIGSUM_ORIGIN, SIGSUM_KEY, 9, {200: 3, 403: 1, 404: 1, 409: 2, 422: 2},
        ),
        ("sumdb.txt", "go.sum database tree", SUMDB_KEY, 1, {200: 1}),
    ),
)  # fmt: skip
def test_answers_as_litewitness_does(
    shared_vectors: Path, script: str, origin: str, key: NoteKey, count: int, statuses: dict[int, int]
) -> None:
    text = (shared_vectors / "record/torchwood/testdata" / script).read_text()
    cases = REQUEST.findall(text)
    assert len(cases) == count
    seen: dict[int, int] = {}
    state: WitnessState | None = None
    for body, status, demanded in cases:
        request = parse_add_checkpoint(body.encode())
        mine = state if request.claimed.origin == origin else None
        decision = process_add_checkpoint(
            mine, request, log_keys={origin: [key]}, now_s=1_700_000_000, signer=WITNESS
        )
        assert decision.status == int(status), (body, decision.body)
        seen[decision.status] = seen.get(decision.status, 0) + 1
        if demanded.startswith("body == "):
            assert decision.body.decode() == demanded.removeprefix('body == "')[:-1].replace("\\n", "\n")
            assert decision.content_type == "text/x.tlog.size"
        if decision.new_state is not None:
            state = decision.new_state
            answer = parse_witness_answer(200, decision.content_type, decision.body, old_size=0)
            assert isinstance(answer, Cosigned)
            checkpoint = verify_checkpoint(request.note, key, origin=origin)
            assert verify_witness_answer(answer, checkpoint, WITNESS.key).time_s == 1_700_000_000
    assert seen == statuses


def test_request_without_its_border_is_refused() -> None:
    with pytest.raises(Malformed, match="expected 'old <size>'"):
        parse_add_checkpoint(b"old 0\n")
