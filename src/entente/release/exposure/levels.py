"""All levels of a ladder but for place, put into classes that say the same about a source's secrets.

What it is for: a default ladder has over a thousand levels, but to most secrets nearly all are alike: whether
a window is an hour or a day tells nothing of where a post stands. Levels of one class are judged once.

Invariants: levels of one class have factors that differ by a scale only, to 1e-12, for every observer. The
level that is taken in the end is judged as itself: a class is only a way of asking less.

    >>> sort_levels(ground, DEFAULT_LADDER, None).count
    1
"""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

import numpy as np

from entente.release.exposure.disc import Floats, Ints
from entente.release.exposure.ground import Ground
from entente.release.exposure.usefulness import Weights
from entente.release.exposure.verdict import Dims
from entente.release.variant.ladder import Ladder, Level

_Key = TypeVar("_Key")


@lru_cache(maxsize=16)
def list_levels(ladder: Ladder) -> tuple[Level, ...]:
    """Return every level without its place, in a fixed order."""
    return tuple(
        Level(0, *each)
        for each in itertools.product(
            range(len(ladder.spans_s) + 1),
            range(len(ladder.delays_s)),
            ladder.depths,
            range(len(ladder.heights_m) + 1),
        )
    )


@lru_cache(maxsize=64)
def weigh_levels(ladder: Ladder, weights: Weights) -> Floats:
    """Return what everything but place is worth, of each of `list_levels`."""
    return np.array([weights.other_bits(ladder, level) for level in list_levels(ladder)])


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """``of``: the class of each of `list_levels`; ``count``: how many classes there are."""

    of: Ints
    count: int


@lru_cache(maxsize=256)
def sort_levels(ground: Ground, ladder: Ladder, known: Dims | None) -> Classes:
    """Return the classes of all levels, for pools that have shapes of ``known`` dimensions of the item."""
    terms, levels = ground.terms, list_levels(ladder)
    dims = [Dims.at(ladder, level).met(known) for level in levels]
    parts = np.stack(
        [
            _number([(each.span_us, each.delay_us) for each in dims], lambda at: terms.speed(*at)),
            _number([each.depth for each in dims], lambda depth: terms.depth(depth, "")),
            _number([each.thick_cm for each in dims], terms.thickness),
            # Words are outputs as soon as one is shown.
            np.array([int(level.depth > 0) for level in levels]),
        ],
        axis=1,
    )
    unique, of = np.unique(parts, axis=0, return_inverse=True)
    return Classes(of.reshape(-1), len(unique))


def _number(keys: list[_Key], factor: Callable[[_Key], Floats]) -> Ints:
    """Return a number for each key by what they say: the same number where factors differ by a scale only."""
    numbers: dict[bytes, int] = {}
    by_key: dict[_Key, int] = {}
    for key in keys:
        if key not in by_key:
            value = factor(key)
            top = value.max() if len(value) else 0.0
            scaled = np.round(value / top, 12) if top > 0.0 else value
            by_key[key] = numbers.setdefault(scaled.tobytes(), len(numbers))
    return np.array([by_key[key] for key in keys])
