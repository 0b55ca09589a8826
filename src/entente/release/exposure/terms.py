"""The stated model as arrays: which observers would have made a report, under which hypothesis, and where.

What it is for: ``P(shape | hypothesis)`` is a sum over *terms*: an observer of the hypothesis (or a public
alternative), one of its circles, and the share that it has. Docs: docs/formats/release-exposure.md section 2.

A term's likelihood of a shape is its share times

  * place: which share of its circle lies in the cell (`disc.find_shares`); of the sphere, if it covers all;
  * kind: 1 / number of kinds it sees, if the path's first word is one of them; 0 if not;
  * depth: 1 if it can tell so many words of a path, else 0;
  * speed: the part of the window whose events it could have reported by the window's end and the delay;
  * precision, of place and height: min(1, (cell / accuracy)^2), min(1, band / accuracy).

Invariants: sorted by hypothesis. Without precision, a term's likelihoods over all cells of a partition and
all kinds sum to its share times depth and speed: a proper channel.

It holds no beliefs and makes no decisions.

    >>> terms.factor(span_us=0, delay_us=0, depth=1, word="air", thick_cm=0)
    array([0.5, 1. ])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

import numpy as np

from entente.release.exposure.disc import (
    ARCSEC,
    EARTH_RADIUS_M,
    Discs,
    Flags,
    Floats,
    Ints,
    find_shares,
    join_discs,
)
from entente.release.variant.ladder import Cell, Ladder

EVERYWHERE: Final = -1
"""In place of a circle's number: the observer covers the whole sphere."""
_KEPT_FACTORS: Final = 4096


class Pairs(NamedTuple):
    """Which cells (by number) meet which circles, how much of the circle, and whether the cell is inside."""

    cell: Ints
    disc: Ints
    share: Floats
    is_whole: Flags


@dataclass(frozen=True, slots=True, eq=False)
class Observers:
    """Capabilities, one row an observer."""

    accuracy_m: Floats
    height_accuracy_m: Floats
    """Not a number where it tells no height."""
    latency_us: Floats
    identifies: Ints
    sees: tuple[frozenset[str], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Terms:
    """Terms as arrays; see the module. ``place_of_step``: of `Ladder.size_arcsec`."""

    ladder: Ladder
    count: int
    """How many hypotheses."""
    observers: Observers
    discs: Discs
    hypothesis: Ints
    observer: Ints
    disc: Ints
    weight: Floats
    is_own: Flags
    """Of the hypothesis itself, and not of a public alternative."""
    everywhere: Ints
    """The terms that cover everything."""
    by_disc: Ints
    """The others, sorted by circle."""
    disc_starts: Ints
    _factors: dict[tuple[int, int, int, str, int], Floats] = field(default_factory=dict)

    @classmethod
    def of(  # noqa: PLR0913, PLR0917 - columns of one table
        cls,
        ladder: Ladder,
        count: int,
        observers: Observers,
        discs: Discs,
        hypothesis: Ints,
        observer: Ints,
        disc: Ints,
        weight: Floats,
        is_own: Flags,
    ) -> Terms:
        """Return terms with their indexes; the columns are sorted by hypothesis."""
        order = np.argsort(disc, kind="stable")
        by_disc = order[disc[order] != EVERYWHERE]
        starts = np.searchsorted(disc[by_disc], np.arange(len(discs) + 1)).astype(np.int64)
        everywhere = np.flatnonzero(disc == EVERYWHERE)
        return cls(
            *(ladder, count, observers, discs, hypothesis, observer, disc, weight, is_own),
            *(everywhere, by_disc, starts),
        )

    @property
    def words(self) -> tuple[str, ...]:
        """Every first word of a path that some observer can see, sorted."""
        return tuple(sorted(frozenset().union(*self.observers.sees)))

    def factor(self, *, span_us: int, delay_us: int, depth: int, word: str, thick_cm: int) -> Floats:
        """Return, for each observer, the factor of everything but place.

        Args:
            span_us: Of the window; 0 when no time is shown: then the item leaves at the end of the ladder's
                window for that case, and that moment is what its recipient sees.
            word: The path's first word; "" for all kinds together (the sum over words).
            thick_cm: Of the height band; 0 when none is shown.
        """
        key = (span_us, delay_us, depth, word, thick_cm)
        found = self._factors.get(key)
        if found is None:
            if len(self._factors) >= _KEPT_FACTORS:
                self._factors.clear()
            found = self._factors[key] = self._make_factor(*key)
        return found

    def _make_factor(self, span_us: int, delay_us: int, depth: int, word: str, thick_cm: int) -> Floats:
        return self.speed(span_us, delay_us) * self.depth(depth, word) * self.thickness(thick_cm)

    def speed(self, span_us: int, delay_us: int) -> Floats:
        """Return the part of a window whose events each observer could have reported in time."""
        window = float(span_us or self.ladder.unshown_s * 1_000_000)
        part: Floats = np.clip((window + delay_us - self.observers.latency_us) / window, 0.0, 1.0)
        return part

    def depth(self, depth: int, word: str) -> Floats:
        """Return whether each observer can tell so much of a path, and how often of this kind."""
        seen = self.observers
        can = (seen.identifies >= depth).astype(np.float64)
        if depth and word:
            can *= np.array([(word in kinds) / len(kinds) for kinds in seen.sees])
        return can

    def thickness(self, thick_cm: int) -> Floats:
        """Return how well a height band fits each observer's accuracy of height."""
        coarse = self.observers.height_accuracy_m * 100.0
        if not thick_cm:
            return np.ones(len(coarse))
        fit: Floats = np.where(np.isnan(coarse), 0.0, np.minimum(1.0, thick_cm / np.maximum(coarse, 1e-9)))
        return fit

    def precision(self, step: int) -> Floats:
        """Return, for each observer, how well a cell of a step fits its accuracy of place."""
        if not step:
            return np.ones(len(self.observers.accuracy_m))
        size_m = self.ladder.size_arcsec(step) * ARCSEC * EARTH_RADIUS_M
        fit: Floats = np.minimum(1.0, (size_m / np.maximum(self.observers.accuracy_m, 1e-9)) ** 2)
        return fit

    def row(self, cell: Cell | None, factor: Floats) -> Floats:
        """Return P(cell, and what ``factor`` stands for | hypothesis) for every hypothesis."""
        value = self.weight * factor[self.observer]
        if cell is not None and cell.step:
            value = value * self.precision(cell.step)[self.observer] * self.place(cell)
        return np.bincount(self.hypothesis, value, self.count).astype(np.float64)

    def place(self, cell: Cell) -> Floats:
        """Return, for each term, its chance that an event is in ``cell``."""
        bounds = self.ladder.bounds_arcsec(cell)
        disc = np.arange(len(self.discs))
        share, _ = find_shares(self.discs, disc, *(np.full(len(disc), bound) for bound in bounds))
        place = np.concatenate([share, [sphere_share(*bounds)]])
        return place[self.disc]  # EVERYWHERE is the last


def sphere_share(south: int, west: int, north: int, east: int) -> float:
    """Return which share of the sphere a cell is."""
    return float(sphere_shares(*(np.array([bound]) for bound in (south, west, north, east)))[0])


def sphere_shares(south: Ints, west: Ints, north: Ints, east: Ints) -> Floats:
    """Return which share of the sphere each cell is."""
    shares: Floats = (np.sin(north * ARCSEC) - np.sin(south * ARCSEC)) / 2 * ((east - west) / 1_296_000)
    return shares


@lru_cache(maxsize=64)
def join_terms(parts: tuple[Terms, ...]) -> Terms:
    """Return the terms of several sets of hypotheses, numbered one after the other."""
    if len(parts) == 1:
        return parts[0]

    def shifted(name: str, sizes: Sequence[int]) -> Ints:
        offsets = np.concatenate([[0], np.cumsum(sizes)])[:-1]
        columns = [getattr(part, name) for part in parts]
        return np.concatenate(
            [
                np.where(column == EVERYWHERE, EVERYWHERE, column + offset)
                for column, offset in zip(columns, offsets, strict=True)
            ]
        ).astype(np.int64)

    def joined(name: str) -> Floats:
        return np.concatenate([getattr(part.observers, name) for part in parts])

    observers = Observers(
        joined("accuracy_m"),
        joined("height_accuracy_m"),
        joined("latency_us"),
        np.concatenate([part.observers.identifies for part in parts]),
        tuple(kinds for part in parts for kinds in part.observers.sees),
    )
    return Terms.of(
        parts[0].ladder,
        sum(part.count for part in parts),
        observers,
        join_discs([part.discs for part in parts]),
        shifted("hypothesis", [part.count for part in parts]),
        shifted("observer", [len(part.observers.sees) for part in parts]),
        shifted("disc", [len(part.discs) for part in parts]),
        np.concatenate([part.weight for part in parts]),
        np.concatenate([part.is_own for part in parts]),
    )


def find_group_starts(sorted_keys: Ints) -> Ints:
    """Return where each run of equal keys begins."""
    if not len(sorted_keys):
        return np.zeros(0, np.int64)
    return np.concatenate([[0], np.flatnonzero(np.diff(sorted_keys)) + 1]).astype(np.int64)
