from __future__ import annotations

import pytest

from entente.kernel.errors import StoreError, VerificationFailed
from entente.record import EMPTY_ROOT, Tree, leaf_hash, node_hash, verify_consistency, verify_inclusion
from tests.unit.test_record_samples import make_tree


def test_empty_tree_has_the_root_of_rfc_6962() -> None:
    assert Tree().root() == EMPTY_ROOT
    assert EMPTY_ROOT.hex() == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def test_leaf_and_node_hashes_are_apart() -> None:
    # RFC 6962 section 2.1: without the two prefixes an inner node could be shown as an entry.
    left, right = leaf_hash(b"l"), leaf_hash(b"r")
    assert leaf_hash(left + right) != node_hash(left, right)


def test_append_and_extend_give_one_tree() -> None:
    whole = make_tree(77)
    piecemeal = Tree()
    for index in range(77):
        assert piecemeal.append(whole.node(0, index)) == index
    assert piecemeal.levels() == whole.levels()


def test_levels_restore_the_tree() -> None:
    for size in (0, 1, 2, 3, 255, 256, 257):
        tree = make_tree(size)
        assert Tree.from_levels(tree.levels()).root() == tree.root()


@pytest.mark.parametrize("fault", ("short-level", "missing-level", "extra-level", "ragged", "none"))
def test_levels_of_a_wrong_shape_are_refused(fault: str) -> None:
    levels = make_tree(9).levels()
    match fault:
        case "short-level":
            levels[1] = levels[1][:-32]
        case "missing-level":
            levels.pop()
        case "extra-level":
            levels.append(b"")
        case "ragged":
            levels[0] = levels[0][:-1]
        case "none":
            levels = []
    with pytest.raises(StoreError, match="expected"):
        Tree.from_levels(levels)


def test_historic_roots_do_not_change_when_the_tree_grows() -> None:
    tree = make_tree(100)
    roots = [tree.root(size) for size in range(101)]
    tree.extend([leaf_hash(bytes([index])) for index in range(200)])
    assert [tree.root(size) for size in range(101)] == roots


def test_wrong_hash_length_adds_nothing() -> None:
    tree = make_tree(4)
    with pytest.raises(ValueError, match="expected 32 bytes, got 31"):
        tree.extend([leaf_hash(b"good"), bytes(31)])
    assert tree.size == 4
    assert tree.root() == make_tree(4).root()


def test_questions_beyond_the_tree_are_our_own_mistake() -> None:
    tree = make_tree(5)
    for ask in (
        lambda: tree.root(6),
        lambda: tree.root(-1),
        lambda: tree.inclusion_proof(5, 5),
        lambda: tree.inclusion_proof(-1, 5),
        lambda: tree.consistency_proof(4, 3),
        lambda: tree.node(2, 1),
        lambda: tree.node(9, 0),
        lambda: tree.nodes(0, 3, 6),
    ):
        with pytest.raises(ValueError, match="expected"):
            ask()


def test_inclusion_of_another_leaf_is_refused() -> None:
    tree = make_tree(70)
    proof = tree.inclusion_proof(40, 70)
    verify_inclusion(tree.node(0, 40), 40, 70, proof, tree.root())
    attacks: tuple[tuple[bytes, int, int, list[bytes], bytes], ...] = (
        (leaf_hash(b"forged"), 40, 70, proof, tree.root()),
        (tree.node(0, 40), 41, 70, proof, tree.root()),
        (tree.node(0, 40), 40, 69, proof, tree.root(69)),
        (tree.node(0, 40), 40, 70, proof[:-1], tree.root()),
        (tree.node(0, 40), 40, 70, [*proof, bytes(32)], tree.root()),
        (tree.node(0, 40), 40, 70, proof, tree.root(69)),
        (tree.node(0, 40), 70, 70, proof, tree.root()),
        (tree.node(0, 40)[:31], 40, 70, proof, tree.root()),
        (b"", 0, 1, [], b""),
    )
    for attack in attacks:
        with pytest.raises(VerificationFailed):
            verify_inclusion(*attack)


def test_proof_with_a_step_too_many_is_refused_even_when_it_adds_up() -> None:
    # A log that lies about its size could give a root that such a proof reaches.
    lone, step = leaf_hash(b"lone"), leaf_hash(b"step")
    with pytest.raises(VerificationFailed, match="expected fewer steps, got 1"):
        verify_inclusion(lone, 0, 1, [step], node_hash(step, lone))
    two = make_tree(2)
    with pytest.raises(VerificationFailed, match="expected fewer steps, got 2"):
        verify_consistency(
            1, 2, two.root(1), node_hash(step, two.root()), [*two.consistency_proof(1, 2), step]
        )


def test_two_roots_of_one_size_are_refused() -> None:
    with pytest.raises(VerificationFailed, match="roots of size 5: expected the same"):
        verify_consistency(5, 5, make_tree(5).root(), make_tree(5, branch=b"!").root(), [])
    with pytest.raises(VerificationFailed, match="expected no steps, got 1"):
        verify_consistency(5, 5, make_tree(5).root(), make_tree(5).root(), [bytes(32)])


def test_size_zero_is_not_the_verifiers_to_decide() -> None:
    tree = make_tree(4)
    assert tree.consistency_proof(0, 4) == []
    with pytest.raises(VerificationFailed, match="expected 0 < old <= new, got 0 and 4"):
        verify_consistency(0, 4, EMPTY_ROOT, tree.root(), [])


def test_rewritten_history_is_refused() -> None:
    honest, forged = make_tree(50), make_tree(50, branch=b"!")
    for old in (1, 7, 8, 32, 49):
        proof = honest.consistency_proof(old, 50)
        verify_consistency(old, 50, honest.root(old), honest.root(), proof)
        with pytest.raises(VerificationFailed):
            verify_consistency(old, 50, forged.root(old), honest.root(), proof)
        with pytest.raises(VerificationFailed):
            verify_consistency(old, 50, honest.root(old), forged.root(), forged.consistency_proof(old, 50))
        with pytest.raises(VerificationFailed):
            verify_consistency(old, 50, honest.root(old), honest.root(), [*proof, proof[0]])
        with pytest.raises(VerificationFailed):
            verify_consistency(old, 50, honest.root(old), honest.root(), proof[:-1])
