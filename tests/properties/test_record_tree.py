"""The tree against RFC 6962 section 2.1 written down as it stands there, recursively."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.kernel.errors import VerificationFailed
from entente.record import Tree, leaf_hash, verify_consistency, verify_inclusion

LEAVES = [leaf_hash(index.to_bytes(2, "big")) for index in range(600)]


def _split(count: int) -> int:
    power = 1
    while power * 2 < count:
        power *= 2
    return power


def oracle_root(leaves: list[bytes]) -> bytes:
    if not leaves:
        return sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    k = _split(len(leaves))
    return sha256(b"\x01" + oracle_root(leaves[:k]) + oracle_root(leaves[k:])).digest()


def oracle_path(index: int, leaves: list[bytes]) -> list[bytes]:
    if len(leaves) == 1:
        return []
    k = _split(len(leaves))
    if index < k:
        return [*oracle_path(index, leaves[:k]), oracle_root(leaves[k:])]
    return [*oracle_path(index - k, leaves[k:]), oracle_root(leaves[:k])]


def oracle_subproof(old: int, leaves: list[bytes], *, known: bool) -> list[bytes]:
    if old == len(leaves):
        return [] if known else [oracle_root(leaves)]
    k = _split(len(leaves))
    if old <= k:
        return [*oracle_subproof(old, leaves[:k], known=known), oracle_root(leaves[k:])]
    return [*oracle_subproof(old - k, leaves[k:], known=False), oracle_root(leaves[:k])]


TREE = Tree.from_leaf_hashes(LEAVES)
SIZES = st.integers(1, len(LEAVES))


@given(SIZES, st.data())
def test_inclusion_proofs_are_those_of_the_rfc(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = TREE.inclusion_proof(index, size)
    assert TREE.root(size) == oracle_root(LEAVES[:size])
    assert proof == oracle_path(index, LEAVES[:size])
    verify_inclusion(LEAVES[index], index, size, proof, TREE.root(size))


@given(SIZES, st.data())
def test_consistency_proofs_are_those_of_the_rfc(new: int, data: st.DataObject) -> None:
    old = data.draw(st.integers(1, new))
    proof = TREE.consistency_proof(old, new)
    assert proof == oracle_subproof(old, LEAVES[:new], known=True)
    verify_consistency(old, new, TREE.root(old), TREE.root(new), proof)


@given(SIZES, st.data())
def test_any_altered_inclusion_proof_is_refused(size: int, data: st.DataObject) -> None:
    index = data.draw(st.integers(0, size - 1))
    proof = TREE.inclusion_proof(index, size)
    altered = [LEAVES[index], *proof]
    place = data.draw(st.integers(0, len(altered) - 1))
    bit = data.draw(st.integers(0, 255))
    value = bytearray(altered[place])
    value[bit // 8] ^= 1 << bit % 8
    altered[place] = bytes(value)
    with pytest.raises(VerificationFailed):
        verify_inclusion(altered[0], index, size, altered[1:], TREE.root(size))


@given(SIZES, SIZES, st.lists(st.binary(min_size=31, max_size=33), max_size=12))
def test_any_hashes_as_a_proof_are_refused(first: int, second: int, proof: list[bytes]) -> None:
    old, new = sorted((first, second))
    if proof or old != new:
        with pytest.raises(VerificationFailed):
            verify_consistency(old, new, TREE.root(old), TREE.root(new), proof)
    with pytest.raises(VerificationFailed):
        verify_inclusion(LEAVES[0], 0, new + 1, proof, TREE.root(new))


@given(st.lists(st.integers(0, 40), max_size=12))
def test_batches_of_any_size_give_one_tree(batches: list[int]) -> None:
    tree, place = Tree(), 0
    for batch in batches:
        tree.extend(LEAVES[place : place + batch])
        place += batch
    place = min(place, len(LEAVES))
    assert tree.root() == TREE.root(place)
    assert Tree.from_levels(tree.levels()).levels() == tree.levels()
