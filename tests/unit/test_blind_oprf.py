"""The oblivious function attacked: keys, proofs, replies that lie, and what must not repeat."""

from __future__ import annotations

import numpy as np
import pytest

from entente.blind.group import ORDER, Group, Inputs, Rows, rows_of
from entente.blind.oprf import (
    GROUP_DST,
    PROOF_MOST,
    PrfKey,
    derive_epoch_key,
    derive_key,
    evaluate,
    is_own_probe,
    prove,
    tag_answered,
    tag_own,
    verify_proof,
)
from entente.kernel.errors import Malformed, VerificationFailed
from tests.blind_groups import draw_rows, make_group

MASTER = bytes(range(64))
COUNT = 12


@pytest.fixture(params=("pure", "sodium", "compiled-threads"))
def group(request: pytest.FixtureRequest) -> Group:
    return make_group(request.param)


class Asked:
    """A request of twelve inputs, its answers and their proof."""

    def __init__(self, group: Group) -> None:
        self.group = group
        self.inputs = Inputs(draw_rows(1, COUNT, 16), bytes(32))
        self.key = derive_epoch_key(group, MASTER, partner="north", epoch=7)
        self.blinds = group.derive_scalars(b"\x05" * 32, 0, COUNT)
        self.blinded = group.blind(self.inputs, GROUP_DST, self.blinds)
        self.answers = evaluate(group, self.key, self.blinded)
        self.proof = self.prove(self.key, self.blinded, self.answers)

    def prove(self, key: PrfKey, blinded: Rows, answers: Rows) -> bytes:
        nonce = self.group.derive_scalars(b"\x06" * 32, 0, 1)
        return prove(self.group, key, blinded, answers, nonce=nonce)

    def verify(self, *, answers: Rows | None = None, proof: bytes | None = None, public: bytes = b"") -> None:
        verify_proof(
            self.group,
            public or self.key.public,
            self.blinded,
            self.answers if answers is None else answers,
            self.proof if proof is None else proof,
        )


@pytest.fixture
def asked(group: Group) -> Asked:
    return Asked(group)


def test_both_sides_have_one_tag_for_one_input(asked: Asked) -> None:
    asked.verify()
    found = tag_answered(asked.group, asked.inputs, asked.answers, asked.blinds)
    assert found.tolist() == tag_own(asked.group, asked.key, asked.inputs).tolist()


def test_a_key_is_of_one_partner_and_one_epoch(group: Group) -> None:
    keys = [
        derive_epoch_key(group, master, partner=partner, epoch=epoch)
        for master in (MASTER, MASTER[::-1])
        for partner, epoch in (("north", 7), ("north", 8), ("south", 7), ("nort", 7))
    ]
    keys += [derive_key(group, MASTER[:32], info) for info in (b"", b"a")]
    assert len({key.public for key in keys}) == len(keys)
    again = derive_epoch_key(group, MASTER, partner="north", epoch=7)
    assert (again.public, again.secret.tolist()) == (keys[0].public, keys[0].secret.tolist())
    with pytest.raises(ValueError, match="at least 32 bytes, got 31"):
        derive_epoch_key(group, bytes(31), partner="north", epoch=7)


def test_a_key_does_not_show_its_secret_and_can_be_wiped(asked: Asked) -> None:
    secret = asked.key.secret.tobytes()
    assert str(asked.key.secret[0, 0]) not in repr(asked.key).replace(str(asked.key.public), "")
    asked.key.wipe()
    assert not asked.key.secret.any()
    assert secret != bytes(32)
    # A wiped key answers nothing.
    with pytest.raises(Malformed, match="from 1 up to the order"):
        evaluate(asked.group, asked.key, asked.blinded)


def test_answers_of_another_key_fail(asked: Asked) -> None:
    other = derive_epoch_key(asked.group, MASTER, partner="north", epoch=8)
    answers = evaluate(asked.group, other, asked.blinded)
    for proof in (asked.proof, asked.prove(other, asked.blinded, answers)):
        with pytest.raises(VerificationFailed, match="proof of 12 answers: expected one made with the key"):
            asked.verify(answers=answers, proof=proof)
    with pytest.raises(VerificationFailed):
        asked.verify(public=other.public)


@pytest.mark.parametrize("row", (0, 5, COUNT - 1))
def test_one_answer_of_another_key_fails(asked: Asked, row: int) -> None:
    other = derive_epoch_key(asked.group, MASTER, partner="south", epoch=7)
    answers = asked.answers.copy()
    answers[row] = evaluate(asked.group, other, asked.blinded[row : row + 1])[0]
    for proof in (asked.proof, asked.prove(asked.key, asked.blinded, answers)):
        with pytest.raises(VerificationFailed):
            asked.verify(answers=answers, proof=proof)


def test_answers_out_of_their_places_fail(asked: Asked) -> None:
    swapped = asked.answers.copy()
    swapped[[3, 4]] = swapped[[4, 3]]
    for answers in (swapped, asked.answers[::-1], np.roll(asked.answers, 1, axis=0)):
        moved = np.ascontiguousarray(answers)
        for proof in (asked.proof, asked.prove(asked.key, asked.blinded, moved)):
            with pytest.raises(VerificationFailed):
                asked.verify(answers=moved, proof=proof)


def test_short_long_and_doubled_replies_fail(asked: Asked) -> None:
    doubled = asked.answers.copy()
    doubled[4] = doubled[3]
    with pytest.raises(VerificationFailed):
        asked.verify(answers=doubled)
    longer = np.concatenate((asked.answers, asked.answers[:1]))
    for answers in (asked.answers[:-1], longer, asked.answers[:0]):
        with pytest.raises(Malformed, match=f"expected 12 elements, got {len(answers)}"):
            asked.verify(answers=answers)
        with pytest.raises(Malformed, match=f"expected 12 elements for 12 blinds, got {len(answers)}"):
            tag_answered(asked.group, asked.inputs, answers, asked.blinds)


def test_two_errors_that_cancel_out_fail(asked: Asked) -> None:
    # SECURITY: without a weight of its own for each element, a sum over the batch would hide these two.
    group = asked.group
    generator = group.multiply_generator(rows_of((1).to_bytes(32, "little")))
    less = group.multiply_generator(rows_of((ORDER - 1).to_bytes(32, "little")))
    one = rows_of((1).to_bytes(32, "little"))
    answers = asked.answers.copy()
    answers[2] = group.combine(np.concatenate((answers[2:3], generator)), one)[0]
    answers[9] = group.combine(np.concatenate((answers[9:10], less)), one)[0]
    assert group.combine(answers, one).tolist() == group.combine(asked.answers, one).tolist()
    for proof in (asked.proof, asked.prove(asked.key, asked.blinded, answers)):
        with pytest.raises(VerificationFailed):
            asked.verify(answers=answers, proof=proof)


def test_a_proof_of_other_answers_fails(asked: Asked) -> None:
    half = asked.prove(asked.key, asked.blinded[:6], asked.answers[:6])
    with pytest.raises(VerificationFailed):
        asked.verify(proof=half)


@pytest.mark.parametrize("bit", (0, 7, 100, 255, 256, 300, 511))
def test_a_changed_proof_fails(asked: Asked, bit: int) -> None:
    changed = bytearray(asked.proof)
    changed[bit // 8] ^= 1 << bit % 8
    with pytest.raises((VerificationFailed, Malformed)):
        asked.verify(proof=bytes(changed))


@pytest.mark.parametrize("place", (0, 32))
def test_a_proof_has_one_spelling(asked: Asked, place: int) -> None:
    number = int.from_bytes(asked.proof[place : place + 32], "little") + ORDER
    proof = bytearray(asked.proof)
    proof[place : place + 32] = number.to_bytes(32, "little")
    with pytest.raises(Malformed, match="proof: expected a number from 1 up to the order"):
        asked.verify(proof=bytes(proof))
    proof[place : place + 32] = bytes(32)
    with pytest.raises(Malformed, match="proof: expected a number from 1 up to the order"):
        asked.verify(proof=bytes(proof))


def test_lengths_of_proof_and_key_are_looked_at(asked: Asked) -> None:
    for proof in (asked.proof[:-1], asked.proof + b"\x00", b""):
        with pytest.raises(Malformed, match=f"proof: expected 64 bytes, got {len(proof)}"):
            asked.verify(proof=proof)
    for public, message in ((bytes(31), "expected 32 bytes, got 31"), (bytes(32), "other than the identity")):
        with pytest.raises(Malformed, match=message):
            asked.verify(public=public)


def test_an_identity_among_the_answers_is_named(asked: Asked) -> None:
    answers = asked.answers.copy()
    answers[7] = 0
    for use in (
        lambda: asked.verify(answers=answers),
        lambda: tag_answered(asked.group, asked.inputs, answers, asked.blinds),
        lambda: evaluate(asked.group, asked.key, answers),
    ):
        with pytest.raises(Malformed, match="other than the identity") as refused:
            use()
        assert refused.value.path == "[7]"


def test_a_proof_of_nothing_or_of_too_much_is_refused(asked: Asked) -> None:
    nothing = asked.blinded[:0]
    with pytest.raises(Malformed, match="expected 1 to 65535 elements, got 0"):
        asked.prove(asked.key, nothing, nothing)
    with pytest.raises(Malformed, match="got 0"):
        verify_proof(asked.group, asked.key.public, nothing, nothing, asked.proof)
    many = np.zeros((PROOF_MOST + 1, 32), np.uint8)
    with pytest.raises(Malformed, match="got 65536"):
        verify_proof(asked.group, asked.key.public, many, many, asked.proof)


def test_nothing_asked_is_nothing_answered(group: Group) -> None:
    none = Inputs(np.empty((0, 16), np.uint8), bytes(32))
    key = derive_epoch_key(group, MASTER, partner="north", epoch=7)
    blinds = group.derive_scalars(bytes(32), 0, 0)
    blinded = group.blind(none, GROUP_DST, blinds)
    assert blinded.shape == (0, 32)
    answers = evaluate(group, key, blinded)
    assert tag_answered(group, none, answers, blinds).tolist() == []
    assert tag_own(group, key, none).tolist() == []


def test_probes_find_an_answer_of_another_key(asked: Asked) -> None:
    group = asked.group
    scalars = group.derive_scalars(b"\x07" * 32, 0, 6)
    probes = group.multiply_generator(scalars)
    answers = evaluate(group, asked.key, probes)
    assert is_own_probe(group, asked.key.public, scalars, answers).all()
    other = derive_epoch_key(group, MASTER, partner="north", epoch=8)
    answers[2] = evaluate(group, other, probes[2:3])[0]
    found = is_own_probe(group, asked.key.public, scalars, answers)
    assert found.tolist() == [True, True, False, True, True, True]


def test_another_seed_shows_another_request(asked: Asked) -> None:
    # Nothing that one request shows is in another, for the same inputs.
    blinds = asked.group.derive_scalars(b"\x08" * 32, 0, COUNT)
    again = asked.group.blind(asked.inputs, GROUP_DST, blinds)
    shown = {row.tobytes() for row in (*asked.blinded, *again)}
    assert len(shown) == 2 * COUNT
