"""The Merkle tree of RFC 6962 over SHA-256: roots and proofs at any size it ever had.

Invariants:
  * Level k holds the hashes of the *complete* subtrees of 2^k leaves and nothing else, so that an
    append never changes what is stored, and every earlier size can still be asked for.
  * A hash is 32 bytes, everywhere; a wrong length is refused before it is hashed.
  * The proof algorithms read the tree through one function, ``node(level, index)``: the same code
    makes a proof from memory (`Tree`) and from published tiles (`TileReader`).

It does not check what the leaves say, it does not store entries, and it never treats size 0 inside a
consistency proof: an empty tree is consistent with everything, which is for the caller to say
(tlog-witness wants it accepted, RFC 6962 leaves it undefined).

    >>> tree = Tree()
    >>> tree.extend([leaf_hash(b"one"), leaf_hash(b"two"), leaf_hash(b"three")])
    >>> proof = tree.inclusion_proof(1, 3)
    >>> verify_inclusion(leaf_hash(b"two"), 1, 3, proof, tree.root())
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from hashlib import sha256
from typing import Final

from entente.kernel.errors import StoreError, VerificationFailed

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = sha256(b"").digest()
"""Root of the tree without leaves (RFC 6962 section 2.1)."""
MAX_SIZE: Final = 2**63 - 1
"""Largest tree size in any of the formats: what a signed 64-bit integer holds in every language."""

NodeReader = Callable[[int, int], bytes]
"""``node(level, index)``: hash of the complete subtree ``index`` of 2^level leaves."""


def leaf_hash(data: bytes) -> bytes:
    """Return SHA-256(0x00 || data) (RFC 6962 section 2.1): the hash that stands for an entry."""
    return sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right) (RFC 6962 section 2.1)."""
    return sha256(b"\x01" + left + right).digest()


def hash_pairs(flat: bytes) -> bytes:
    """Return the parents of an even number of hashes that lie one after the other."""
    return b"".join(
        [sha256(b"\x01" + flat[place : place + 64]).digest() for place in range(0, len(flat), 64)]
    )


class Tree:
    """An append-only tree in memory, 64 bytes a leaf.

    One writer at a time; a reader may ask for any size it knows while another thread appends.
    """

    __slots__ = ("_levels",)

    def __init__(self) -> None:
        self._levels: list[bytearray] = [bytearray()]

    @classmethod
    def from_leaf_hashes(cls, leaf_hashes: Iterable[bytes]) -> Tree:
        """Return a tree of these leaves, in order."""
        tree = cls()
        tree.extend(leaf_hashes)
        return tree

    @classmethod
    def from_levels(cls, levels: Sequence[bytes]) -> Tree:
        """Return the tree that `levels` gave.

        Only the shape is checked. The hashes are believed: compare `root` with a signed checkpoint
        before anything is signed or proven with the tree, and rebuild it from the entries when it differs.

        Raises:
            StoreError: A level is not of the length that the level below implies.
        """
        if not levels or len(levels[0]) % HASH_BYTES:
            raise StoreError("tree-shape", "tree: expected a level 0 of whole 32-byte hashes")
        expected = len(levels[0]) // HASH_BYTES
        for place, level in enumerate(levels):
            if len(level) != expected * HASH_BYTES or (expected == 0 and place > 0):
                raise StoreError(
                    "tree-shape", f"tree level {place}: expected {expected} hashes, got {len(level)} bytes"
                )
            expected //= 2
        if expected:
            raise StoreError("tree-shape", f"tree: expected a level {len(levels)} of {expected} hashes")
        tree = cls()
        tree._levels = [bytearray(level) for level in levels]
        return tree

    def levels(self) -> list[bytes]:
        """Return every level's hashes, leaves first: what `from_levels` restores in O(n) without hashing."""
        return [bytes(level) for level in self._levels]

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._levels[0]) // HASH_BYTES

    def append(self, leaf: bytes) -> int:
        """Add one leaf hash and return its index."""
        index = self.size
        self.extend((leaf,))
        return index

    def extend(self, leaf_hashes: Iterable[bytes]) -> None:
        """Add leaf hashes in order, all or (on a wrong length) none."""
        hashes = leaf_hashes if isinstance(leaf_hashes, (list, tuple)) else list(leaf_hashes)
        for leaf in hashes:
            if len(leaf) != HASH_BYTES:
                raise ValueError(f"leaf hash: expected 32 bytes, got {len(leaf)}")
        self._levels[0] += b"".join(hashes)
        place = 0
        while True:
            below = self._levels[place]
            wanted = len(below) // 64
            if wanted == 0:
                return
            if place + 1 == len(self._levels):
                self._levels.append(bytearray())
            above = self._levels[place + 1]
            have = len(above) // HASH_BYTES
            if have == wanted:
                return
            above += hash_pairs(bytes(below[have * 64 : wanted * 64]))
            place += 1

    def node(self, level: int, index: int) -> bytes:
        """Return the hash of the complete subtree ``index`` of 2^level leaves."""
        if level >= len(self._levels):
            raise ValueError(f"node {level}/{index}: expected level < {len(self._levels)}")
        start = index * HASH_BYTES
        found = bytes(self._levels[level][start : start + HASH_BYTES])
        if len(found) != HASH_BYTES:
            raise ValueError(f"node {level}/{index}: expected a complete subtree of {self.size} leaves")
        return found

    def nodes(self, level: int, start: int, end: int) -> bytes:
        """Return the hashes of complete subtrees [start, end) of one level, one after the other."""
        found = bytes(self._levels[level][start * HASH_BYTES : end * HASH_BYTES]) if end > start else b""
        if len(found) != max(0, end - start) * HASH_BYTES:
            raise ValueError(f"nodes {level}/{start}..{end}: expected subtrees of {self.size} leaves")
        return found

    def root(self, size: int | None = None) -> bytes:
        """Return the root over the first ``size`` leaves (all by default), in O(log size)."""
        return root_at(self.node, self._check_size(self.size if size is None else size))

    def inclusion_proof(self, index: int, size: int | None = None) -> list[bytes]:
        """Return PATH(index, D[size]) of RFC 6962 section 2.1.1, the leaf's sibling first."""
        return prove_inclusion(self.node, index, self._check_size(self.size if size is None else size))

    def consistency_proof(self, old: int, new: int | None = None) -> list[bytes]:
        """Return PROOF(old, D[new]) of RFC 6962 section 2.1.2; empty when ``old`` is 0 or ``new``."""
        return prove_consistency(self.node, old, self._check_size(self.size if new is None else new))

    def _check_size(self, size: int) -> int:
        if not 0 <= size <= self.size:
            raise ValueError(f"tree: expected 0 <= size <= {self.size}, got {size}")
        return size


def _ragged(node: NodeReader, start: int, size: int) -> bytes:
    """Return MTH(D[start:size]), where ``start`` is a multiple of the largest power of 2 that fits."""
    peaks = []
    while start < size:
        level = (size - start).bit_length() - 1
        peaks.append(node(level, start >> level))
        start += 1 << level
    folded = peaks.pop()
    while peaks:
        folded = node_hash(peaks.pop(), folded)
    return folded


def root_at(node: NodeReader, size: int) -> bytes:
    """Return MTH(D[0:size]) (RFC 6962 section 2.1) out of complete subtrees."""
    return _ragged(node, 0, size) if size else EMPTY_ROOT


def _path(node: NodeReader, level: int, index: int, size: int) -> list[bytes]:
    """Return the siblings, upwards, of a complete subtree in the tree of ``size``."""
    inner = (index ^ ((size - 1) >> level)).bit_length()
    path = []
    for step in range(inner):
        height, sibling = level + step, (index >> step) ^ 1
        if (sibling + 1) << height <= size:
            path.append(node(height, sibling))
        else:
            # Only the last inner step can meet the ragged right edge: that is where the two paths part.
            path.append(_ragged(node, sibling << height, size))
    # Beyond, the node lies on the right edge itself: only its left siblings exist.
    rest, height = index >> inner, level + inner
    while rest:
        if rest & 1:
            path.append(node(height, rest - 1))
        rest, height = rest >> 1, height + 1
    return path


def prove_inclusion(node: NodeReader, index: int, size: int) -> list[bytes]:
    """Return PATH(index, D[size]) (RFC 6962 section 2.1.1)."""
    if not 0 <= index < size:
        raise ValueError(f"inclusion proof: expected 0 <= index < {size}, got {index}")
    return _path(node, 0, index, size)


def prove_consistency(node: NodeReader, old: int, new: int) -> list[bytes]:
    """Return PROOF(old, D[new]) (RFC 6962 section 2.1.2); empty when ``old`` is 0 or ``new``."""
    if not 0 <= old <= new:
        raise ValueError(f"consistency proof: expected 0 <= old <= {new}, got {old}")
    if old in (0, new):
        return []
    level = (old & -old).bit_length() - 1
    index = (old - 1) >> level
    path = _path(node, level, index, new)
    # A power of two is a subtree of its own: its root is known to whoever asks and is left out.
    return path if index == 0 else [node(level, index), *path]


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Return if ``leaf`` stands at ``index`` of the tree with this size and root.

    Raises:
        VerificationFailed: It does not, or a hash is not 32 bytes, or the proof has a step too many or few.

    Source: RFC 9162 section 2.1.3.2 (the algorithm), RFC 6962 section 2.1.1 (the proof).
    """
    _check_hashes("inclusion proof", (leaf, root, *proof))
    if not 0 <= index < size <= MAX_SIZE:
        raise VerificationFailed(
            "bad-inclusion", f"inclusion proof: expected 0 <= index < size, got {index} of {size}"
        )
    place, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise VerificationFailed("bad-inclusion", _steps("inclusion proof", "fewer", len(proof)))
        if place & 1 or place == last:
            found = node_hash(step, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    if last:
        raise VerificationFailed("bad-inclusion", _steps("inclusion proof", "more", len(proof)))
    if found != root:
        raise VerificationFailed(
            "bad-inclusion",
            f"inclusion proof of {index} of {size}: expected root {root.hex()}, got {found.hex()}",
        )


def verify_consistency(old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Return if the tree of size ``old`` is a prefix of the tree of size ``new``.

    Size 0 is refused: every tree extends the empty one, so a caller that allows it decides so itself.

    Raises:
        VerificationFailed: It is not, or the proof is not exactly the one that RFC 6962 defines.

    Source: RFC 9162 section 2.1.4.2 (the algorithm), RFC 6962 section 2.1.2 (the proof).
    """
    _check_hashes("consistency proof", (old_root, new_root, *proof))
    if not 0 < old <= new <= MAX_SIZE:
        raise VerificationFailed(
            "bad-consistency", f"consistency proof: expected 0 < old <= new, got {old} and {new}"
        )
    if old == new:
        if proof:
            raise VerificationFailed("bad-consistency", _steps("consistency proof", "no", len(proof)))
        if old_root != new_root:
            raise VerificationFailed(
                "bad-consistency",
                f"roots of size {old}: expected the same, got {old_root.hex()} and {new_root.hex()}",
            )
        return
    path = list(proof)
    if old & (old - 1) == 0:
        path.insert(0, old_root)
    if not path:
        raise VerificationFailed("bad-consistency", _steps("consistency proof", "more", 0))
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    found_old = found_new = path[0]
    for step in path[1:]:
        if last == 0:
            raise VerificationFailed("bad-consistency", _steps("consistency proof", "fewer", len(proof)))
        if place & 1 or place == last:
            found_old = node_hash(step, found_old)
            found_new = node_hash(step, found_new)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found_new = node_hash(found_new, step)
        place, last = place >> 1, last >> 1
    if last:
        raise VerificationFailed("bad-consistency", _steps("consistency proof", "more", len(proof)))
    for what, size, wanted, found in (("old", old, old_root, found_old), ("new", new, new_root, found_new)):
        if wanted != found:
            raise VerificationFailed(
                "bad-consistency",
                f"consistency proof from {old} to {new}: expected {what} root {wanted.hex()} of size "
                f"{size}, got {found.hex()}",
            )


def _check_hashes(what: str, hashes: Iterable[bytes]) -> None:
    for value in hashes:
        # SECURITY: an empty "hash" against an empty root would pass every comparison below
        # (tests/vectors/test_record_merkle.py, empty-root).
        if len(value) != HASH_BYTES:
            raise VerificationFailed("bad-hash", f"{what}: expected hashes of 32 bytes, got {len(value)}")


def _steps(what: str, expected: str, got: int) -> str:
    return f"{what}: expected {expected} steps, got {got}"
