"""Commitments: to a set of cover cells and to a seed, before anything is asked.

A party that asks with another set than the one it committed to, or held other cells than it flew, is found
out when the commitment is opened to an auditor (`audit`). Nobody else learns anything from one: every cell
has a salt of its own.

Invariants:
  * The root is RFC 6962's over SHA-256; leaf i is ``salt || cell`` of the i-th cell in byte order, so that
    one set has one root under one salt secret: whoever reads the record sees that a set is the same again.
  * A cell's salt follows from the secret and the cell: a set that changes keeps the salts of what stays.
  * One cell can be opened alone, with its salt and path, and shows nothing of its neighbours.

    >>> root = make_root(cells, secret)
    >>> verify_opening(open_cell(cells, secret, 4), root)
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Final

from entente.blind.group import Rows
from entente.kernel.errors import VerificationFailed
from entente.record.tree import Tree, leaf_hash, verify_inclusion

SALT_BYTES: Final = 16
SECRET_BYTES: Final = 32
_SEED_LABEL: Final = b"entente blind seed v1\n"
_SALT_PERSON: Final = b"entente/salt/v1"


def make_salt(secret: bytes, cell: bytes) -> bytes:
    """Return the salt of one cell."""
    return hashlib.blake2b(cell, digest_size=SALT_BYTES, key=secret, person=_SALT_PERSON).digest()


def make_tree(cells: Rows, secret: bytes) -> Tree:
    """Return the tree over salted cells, given sorted and each once."""
    if len(secret) != SECRET_BYTES:
        raise ValueError(f"salt secret: expected {SECRET_BYTES} bytes, got {len(secret)}")
    raw, width = cells.tobytes(), cells.shape[1]
    each = (raw[place : place + width] for place in range(0, len(raw), width))
    return Tree.from_leaf_hashes(leaf_hash(make_salt(secret, cell) + cell) for cell in each)


def make_root(cells: Rows, secret: bytes) -> bytes:
    """Return the root that is committed to.

    SECURITY: of no cells it is the hash of a salt alone: the tree of nothing has one root for everybody,
    which would say in the record that a party plans nothing (tests/unit/test_blind_audit.py,
    test_a_root_does_not_tell_that_there_are_no_cells).
    """
    tree = make_tree(cells, secret)
    return tree.root() if len(cells) else leaf_hash(make_salt(secret, b""))


def commit_seed(seed: bytes) -> bytes:
    """Return the commitment to a seed of 32 random bytes: it needs no salt."""
    if len(seed) != SECRET_BYTES:
        raise ValueError(f"seed: expected {SECRET_BYTES} bytes, got {len(seed)}")
    return hashlib.sha256(_SEED_LABEL + seed).digest()


@dataclass(frozen=True, slots=True)
class CellOpening:
    """One cell of a committed set, with what shows that it is one."""

    cell: bytes
    salt: bytes
    place: int
    size: int
    path: tuple[bytes, ...]


def open_cell(cells: Rows, secret: bytes, place: int) -> CellOpening:
    """Return the opening of the cell at a place."""
    tree, cell = make_tree(cells, secret), cells[place].tobytes()
    path = tuple(tree.inclusion_proof(place, len(cells)))
    return CellOpening(cell, make_salt(secret, cell), place, len(cells), path)


def verify_opening(opening: CellOpening, root: bytes) -> None:
    """Return if the cell is of the committed set; raise `VerificationFailed` otherwise."""
    if len(opening.salt) != SALT_BYTES:
        raise VerificationFailed(
            "bad-opening", f"opening: expected a salt of {SALT_BYTES} bytes, got {len(opening.salt)}"
        )
    if not opening.cell:
        raise VerificationFailed("bad-opening", "opening: expected a cell, got none")
    leaf = leaf_hash(opening.salt + opening.cell)
    verify_inclusion(leaf, opening.place, opening.size, list(opening.path), root)
