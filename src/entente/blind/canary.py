"""Canaries: cells that nobody plans, which both sides put in, so that a run that loses cells is found out.

A checker that loses an element answers "no conflict". Everything that can go wrong in silence (another grid,
another epoch, a lossy library, the wrong key, an old answer) makes canaries miss as well, and a run whose
canaries do not all meet is INVALID.

Invariants:
  * The canaries of a holding follow from domain and key; those of a run from everything that its question
    names. Both sides compute them; no cell of a plan is ever one: a canary begins with 0xff.
  * They are among the other elements, in an order that the asker's seed gives: who answers cannot tell which.

    >>> make_canaries(domain, public_key, 2)[0, 0]
    255
"""

from __future__ import annotations

import hashlib
from typing import Final

import numpy as np

from entente.blind.cells import TOKEN_BYTES
from entente.blind.group import Rows, rows_of

CANARY_BYTE: Final = 0xFF
_HOLDING_LABEL: Final = b"entente blind canary of a holding v1\n"
_RUN_LABEL: Final = b"entente blind canary of a run v1\n"


def _make(label: bytes, about: bytes, count: int) -> Rows:
    if not count:
        return np.empty((0, TOKEN_BYTES), np.uint8)
    made = (hashlib.sha256(label + about + place.to_bytes(4, "big")).digest() for place in range(count))
    return rows_of(*(bytes((CANARY_BYTE,)) + each[: TOKEN_BYTES - 1] for each in made))


def make_canaries(domain: bytes, public_key: bytes, count: int) -> Rows:
    """Return the canaries that the holder of a committed key puts into its list, (count, 16)."""
    return _make(_HOLDING_LABEL, domain + public_key, count)


def make_run_canaries(name: bytes, count: int) -> Rows:
    """Return the canaries of one run; ``name`` is the hash of what the question names."""
    return _make(_RUN_LABEL, name, count)


def hash_named(*parts: bytes | str) -> bytes:
    """Return the SHA-256 of parts, each with its length before it."""
    whole = hashlib.sha256()
    for part in parts:
        data = part if isinstance(part, bytes) else str(part).encode()
        whole.update(len(data).to_bytes(4, "big") + data)
    return whole.digest()
