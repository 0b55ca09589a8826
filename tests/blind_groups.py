"""The groups that blind checks can compute in: plain Python, and libsodium in each of its forms."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

import numpy as np

from entente.blind.group import Group, Rows
from entente.blind.pure_group import PureGroup
from entente.store.sodium_group import SodiumGroup
from entente.store.sodium_loader import load_sodium

GROUPS: Final = ("pure", "sodium", "sodium-threads", "compiled", "compiled-threads")


@lru_cache
def make_group(name: str) -> Group:
    """Return a group by its name."""
    if name == "pure":
        return PureGroup()
    return SodiumGroup(
        load_sodium(), threads=2 if name.endswith("threads") else 1, is_compiled=name.startswith("compiled")
    )


def draw_rows(seed: int, count: int, width: int) -> Rows:
    """Return rows of bytes, the same for the same seed."""
    return np.random.default_rng(seed).integers(0, 256, (count, width), np.uint8)
