from __future__ import annotations

import base64

import pytest

from entente.kernel.errors import Malformed, PeerError, VerificationFailed
from entente.kernel.keys import SigningKey
from entente.record import (
    EMPTY_ROOT,
    Checkpoint,
    Conflict,
    Cosigned,
    NoteSigner,
    Refused,
    Stale,
    Tree,
    WitnessDecision,
    WitnessState,
    encode_add_checkpoint,
    encode_signature_line,
    make_history_fork,
    make_same_size_fork,
    parse_add_checkpoint,
    parse_witness_answer,
    process_add_checkpoint,
    sign_checkpoint,
    verify_fork,
    verify_witness_answer,
)
from tests.unit.test_record_samples import (
    LOG,
    NOW_S,
    ORIGIN,
    WITNESSES,
    make_seed,
    make_tree,
    sign_tree,
    verified,
)

US = WITNESSES["us"]
TREE = make_tree(300)


def ask(
    state: WitnessState | None, old: int, note: bytes, proof: list[bytes] | None = None, *, now_s: int = NOW_S
) -> WitnessDecision:
    if proof is None:
        new = parse_add_checkpoint(encode_add_checkpoint(old, [], note)).claimed.size
        proof = TREE.consistency_proof(old, new) if old <= new else []
    request = parse_add_checkpoint(encode_add_checkpoint(old, proof, note))
    return process_add_checkpoint(state, request, log_keys={ORIGIN: [LOG.key]}, now_s=now_s, signer=US)


def state_at(size: int, *, tree: Tree = TREE) -> WitnessState:
    return WitnessState(ORIGIN, size, tree.root(size), NOW_S, sign_tree(tree, size))


def test_growing_log_is_cosigned() -> None:
    state = None
    for old, new in ((0, 0), (0, 7), (7, 7), (7, 300)):
        decision = ask(state, old, sign_tree(TREE, new))
        assert decision.status == 200
        state = decision.new_state
        assert state is not None
        assert (state.size, state.root) == (new, TREE.root(new))
        answer = parse_witness_answer(200, decision.content_type, decision.body, old_size=old)
        assert isinstance(answer, Cosigned)
        assert verify_witness_answer(answer, verified(TREE, new), US.key).time_s == NOW_S


def test_unknown_log_is_not_found() -> None:
    other = NoteSigner(SigningKey("other.example", make_seed("log")))
    decision = ask(None, 0, sign_checkpoint(Checkpoint("other.example", 0, EMPTY_ROOT), other))
    assert (decision.status, decision.new_state) == (404, None)


def test_checkpoint_that_the_log_did_not_sign_is_forbidden() -> None:
    impostor = NoteSigner(SigningKey(ORIGIN, make_seed("impostor")))
    assert ask(None, 0, sign_tree(TREE, 7, signer=impostor)).status == 403
    raw = sign_tree(TREE, 7)
    other_size = raw.replace(b"\n7\n", b"\n8\n")
    assert ask(None, 0, other_size).status == 403


def test_old_size_above_the_checkpoint_is_a_bad_request() -> None:
    assert ask(state_at(300), 300, sign_tree(TREE, 7)).status == 400


def test_rollback_and_gap_are_told_the_last_size() -> None:
    for old, new in ((0, 300), (6, 300), (8, 300), (0, 7)):
        decision = ask(state_at(7), old, sign_tree(TREE, new))
        assert (decision.status, decision.content_type, decision.body) == (409, "text/x.tlog.size", b"7\n")
        assert decision.new_state is None
        assert parse_witness_answer(409, decision.content_type, decision.body, old_size=old) == Stale(7)


def test_fork_at_the_same_size_is_refused_with_evidence() -> None:
    forged = make_tree(7, branch=b"!")
    decision = ask(state_at(7), 7, sign_tree(forged), [])
    assert (decision.status, decision.new_state) == (422, None)
    assert decision.evidence is not None
    assert verify_fork(decision.evidence.evidence, LOG.key).code == "log-forked"
    assert isinstance(
        parse_witness_answer(decision.status, decision.content_type, decision.body, old_size=7), Conflict
    )
    # Also when the client pretends not to know the last size.
    assert ask(state_at(7), 0, sign_tree(forged), []).evidence is not None


def test_rewritten_history_is_refused() -> None:
    forged = make_tree(300, branch=b"!")
    for proof in (TREE.consistency_proof(7, 300), forged.consistency_proof(7, 300), [], [bytes(32)] * 63):
        decision = ask(state_at(7), 7, sign_tree(forged), proof)
        assert (decision.status, decision.new_state) == (422, None)


def test_wrong_root_of_the_empty_tree_is_refused() -> None:
    raw = sign_checkpoint(Checkpoint(ORIGIN, 0, bytes(32)), LOG)
    assert ask(None, 0, raw).status == 422


def test_proof_from_size_zero_must_be_empty() -> None:
    assert ask(None, 0, sign_tree(TREE, 7), [bytes(32)]).status == 422
    assert ask(state_at(7), 7, sign_tree(TREE, 7), [bytes(32)]).status == 422


def test_clock_that_jumps_back_does_not_turn_a_witness_back() -> None:
    decision = ask(state_at(7), 7, sign_tree(TREE, 300), now_s=NOW_S - 86_400)
    assert decision.new_state is not None
    assert decision.new_state.time_s == NOW_S


def test_state_of_another_log_is_our_own_mistake() -> None:
    with pytest.raises(ValueError, match="expected origin"):
        ask(WitnessState("other.example", 0, EMPTY_ROOT, 0, b""), 0, sign_tree(TREE, 7))


def test_second_trusted_key_serves_while_a_log_changes_its_key() -> None:
    successor = NoteSigner(SigningKey(ORIGIN, make_seed("successor")))
    request = parse_add_checkpoint(encode_add_checkpoint(0, [], sign_tree(TREE, 7, signer=successor)))
    decision = process_add_checkpoint(
        None, request, log_keys={ORIGIN: [LOG.key, successor.key]}, now_s=NOW_S, signer=US
    )
    assert decision.status == 200


@pytest.mark.parametrize(
    "body",
    (
        b"", b"old 1", b"old 1\n\n", b"old 01\n\n" + sign_tree(TREE, 7), b"new 1\n\n" + sign_tree(TREE, 7),
        b"old 1\nAAAA\n\n" + sign_tree(TREE, 7), b"old \xff\n\n" + sign_tree(TREE, 7),
        b"old -1\n\n" + sign_tree(TREE, 7), b"old 1\r\n\n" + sign_tree(TREE, 7),
        b"old 1\n\nno checkpoint\n\n\xe2\x80\x94 name AAAAAAA=\n", b"x" * 300_000,
    ),
)  # fmt: skip
def test_request_of_another_form_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        parse_add_checkpoint(body)


def test_sixty_four_proof_lines_are_too_many() -> None:
    note = sign_tree(TREE, 7)
    assert len(parse_add_checkpoint(encode_add_checkpoint(1, [bytes(32)] * 63, note)).proof) == 63
    with pytest.raises(ValueError, match="expected <= 63"):
        encode_add_checkpoint(1, [bytes(32)] * 64, note)
    line = encode_add_checkpoint(1, [bytes(32)], note).split(b"\n")[1]
    with pytest.raises(Malformed, match="<= 63 hashes"):
        parse_add_checkpoint(b"old 1\n" + (line + b"\n") * 64 + b"\n" + note)


def test_both_ways_to_say_conflict_mean_conflict() -> None:
    assert parse_witness_answer(422, "text/plain", b"no\n", old_size=7) == Conflict(422, "no")
    assert parse_witness_answer(409, "text/plain", b"no\n", old_size=7) == Conflict(409, "no")
    same = parse_witness_answer(409, "text/x.tlog.size", b"7\n", old_size=7)
    assert same == Conflict(409, "another root of this size")
    assert parse_witness_answer(409, "text/x.tlog.size; charset=utf-8", b"9\n", old_size=7) == Stale(9)
    assert parse_witness_answer(403, "", b"who\n", old_size=7) == Refused(403, "who")


def test_answers_of_another_form_are_refused() -> None:
    for status, body in ((409, b"7"), (409, b"07\n"), (409, b"7\n\n"), (200, b""), (200, b"ok\n")):
        with pytest.raises(Malformed):
            parse_witness_answer(status, "text/x.tlog.size", body, old_size=1)
    with pytest.raises(PeerError, match="got 500"):
        parse_witness_answer(500, "text/html", b"oops", old_size=1)


def test_answer_without_the_witnesses_own_line_is_refused() -> None:
    checkpoint = verified(TREE, 7)
    ru = WITNESSES["ru"].cosign(checkpoint.text, NOW_S)
    with pytest.raises(VerificationFailed, match="expected a line of 'us/witness"):
        verify_witness_answer(Cosigned((ru,)), checkpoint, US.key)
    other = US.cosign(verified(TREE, 8).text, NOW_S)
    with pytest.raises(VerificationFailed, match="does not verify"):
        verify_witness_answer(Cosigned((other,)), checkpoint, US.key)
    answer = parse_witness_answer(
        200, "", encode_signature_line(US.cosign(checkpoint.text, 5)).encode(), old_size=0
    )
    assert isinstance(answer, Cosigned)
    assert verify_witness_answer(answer, checkpoint, US.key).time_s == 5


def test_fork_evidence_convinces_a_stranger_and_nothing_less_does() -> None:
    mine, forged = verified(TREE, 300), make_tree(300, branch=b"!")
    for size in (1, 2, 7, 64, 255, 256, 299):
        evidence = make_history_fork(TREE, mine, verified(forged, size)).evidence
        assert sorted(evidence) == ["checkpoint-a", "checkpoint-b", "consistency"]
        assert verify_fork(evidence, LOG.key).code == "log-forked"
        honest = evidence | {"checkpoint-b": sign_tree(TREE, size)}
        with pytest.raises(VerificationFailed, match="is a prefix of size 300"):
            verify_fork(honest, LOG.key)
        with pytest.raises((VerificationFailed, Malformed)):
            verify_fork(evidence | {"consistency": b""}, LOG.key)
        lied = evidence["consistency"].split(b"\n")
        lied[1] = encode_add_checkpoint(0, [forged.root(size)], b"").split(b"\n")[1]
        with pytest.raises(VerificationFailed):
            verify_fork(evidence | {"consistency": b"\n".join(lied)}, LOG.key)
    with pytest.raises(VerificationFailed, match="both notes sign one root"):
        verify_fork({"checkpoint-a": mine.note, "checkpoint-b": mine.note}, LOG.key)
    with pytest.raises(Malformed, match="expected files"):
        verify_fork({"checkpoint-a": mine.note}, LOG.key)
    with pytest.raises(ValueError, match="expected one origin"):
        make_same_size_fork(mine, mine)
    with pytest.raises(ValueError, match="expected an older checkpoint"):
        make_history_fork(TREE, mine, verified(TREE, 7))


def test_honest_log_cannot_be_accused_with_a_false_root_or_another_size() -> None:
    mine, forged = verified(TREE, 300), make_tree(300, branch=b"!")
    honest = {"checkpoint-a": mine.note, "checkpoint-b": sign_tree(TREE, 7)}
    _, root_line, *proof_lines = (
        make_history_fork(TREE, mine, verified(forged, 7)).evidence["consistency"].split(b"\n")
    )
    assert base64.b64decode(root_line) == TREE.root(7)
    false_root = b"\n".join((b"old 7", base64.b64encode(bytes(32)), *proof_lines))
    with pytest.raises(VerificationFailed, match="expected old root"):
        verify_fork(honest | {"consistency": false_root}, LOG.key)
    other_size = make_history_fork(TREE, mine, verified(forged, 8)).evidence["consistency"]
    with pytest.raises(VerificationFailed, match="expected a proof from size 7, got 8"):
        verify_fork(honest | {"consistency": other_size}, LOG.key)


def test_somebody_elses_notes_are_no_evidence() -> None:
    impostor = NoteSigner(SigningKey(ORIGIN, make_seed("impostor")))
    forged = sign_tree(make_tree(300, branch=b"!"), signer=impostor)
    with pytest.raises(VerificationFailed, match="expected a signature by"):
        verify_fork({"checkpoint-a": sign_tree(TREE), "checkpoint-b": forged}, LOG.key)
