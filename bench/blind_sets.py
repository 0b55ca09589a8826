"""Sets of tokens for `bench.blind` and what stands beside it: the same in every process."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.uint8]
TOKEN_BYTES: Final = 16


@dataclass(frozen=True)
class Sets:
    """What one side holds and the other asks."""

    held: Rows
    asked: Rows
    shared: int


def draw_sets(held: int, asked: int, shared: int) -> Sets:
    """Return two sets with so many tokens in common: drawn, since a hash sees no difference."""
    rng = np.random.default_rng(20161217)
    rows = rng.integers(0, 256, (held + asked - shared, TOKEN_BYTES), np.uint8)
    assert len(np.unique(rows.view("V16"))) == len(rows)
    return Sets(_sort(rows[:held]), _sort(rows[held - shared :]), shared)


def _sort(rows: Rows) -> Rows:
    """Return rows as a plan has them: in order of their bytes."""
    return np.ascontiguousarray(rows[np.lexsort(rows.T[::-1])])
