"""Which levels may be offered at all: those that a report fills with the same chance whatever is true.

What it is for: a level shows so many words of a path, a window so short, a band so thin. Under some
hypotheses the source could always tell so much, under others never. If such a level were offered, a report
that fills it would point to the first, and one that does not (nothing comes, or less) to the second. So a
level is offered only where the chance to fill it is the same, and not 0, under every hypothesis that the pool
still holds possible. Then neither fullness nor lack of it says anything, and a report that has less goes out
with less.

The same for precision of place: a cell is split into cells that are finer than some observer's accuracy only
where all of them that are still possible fit the finer cells equally well.

Invariants: a function of what the pool knows alone. Public alternatives do not count: they explain reports,
they make none.

It does not judge budgets: see `entente.release.exposure.verdict`.

    >>> filling.is_even(Dims(span_us=3_600_000_000, delay_us=0, depth=2, thick_cm=0))
    False
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from entente.release.exposure.disc import Floats, Ints
from entente.release.exposure.ground import Ground
from entente.release.exposure.hypotheses import shape_factor
from entente.release.exposure.terms import find_group_starts
from entente.release.exposure.verdict import Dims, View

_ALIKE: Final = 1e-9


@dataclass(frozen=True, eq=False)
class Filling:
    """The rule for one view."""

    ground: Ground
    view: View
    own: Ints
    """Terms of possible hypotheses' own observers that explain what the pool has of the item."""
    base: Floats
    """Their likelihoods of that."""
    observers: Ints
    known_factor: Floats
    _asked: dict[bytes, int | None] = field(default_factory=dict)

    @classmethod
    def of(cls, ground: Ground, view: View) -> Filling:
        """Make it ready."""
        terms, known = ground.terms, view.known
        own = np.flatnonzero(terms.is_own & view.is_possible[terms.hypothesis])
        base = terms.weight[own]
        factor = np.ones(len(terms.observers.sees))
        if known is not None:
            factor = _factor(ground, Dims.of(known))
            base = base * shape_factor(terms, known)[terms.observer[own]]
            if known.cell is not None:
                base = base * terms.place(known.cell)[own]
                base = base * terms.precision(known.cell.step)[terms.observer[own]]
        explained = base > 0.0
        own, base = own[explained], base[explained]
        return cls(ground, view, own, base, np.unique(terms.observer[own]), factor)

    def find_odd(self, dims: Dims) -> int | None:
        """Return a secret (by number) under which the chance to fill a level differs, or is 0; else None."""
        factor = _factor(self.ground, dims.met(self.view.known_dims))[self.observers]
        before = self.known_factor[self.observers]
        ratio = np.divide(factor, before, out=np.zeros_like(factor), where=before > 0.0)
        key = ratio.tobytes()
        if key not in self._asked:
            self._asked[key] = self._find_odd(ratio)
        return self._asked[key]

    def is_even(self, dims: Dims) -> bool:
        """Return whether a level may be offered."""
        return self.find_odd(dims) is None

    def _find_odd(self, ratio: Floats) -> int | None:
        if len(ratio) and ratio.min() > 0.0 and ratio.max() - ratio.min() <= _ALIKE * ratio.max():
            return None
        terms = self.ground.terms
        spread = np.zeros(len(terms.observers.sees))
        spread[self.observers] = ratio
        hypothesis = terms.hypothesis[self.own]
        before = np.bincount(hypothesis, self.base, terms.count)
        after = np.bincount(hypothesis, self.base * spread[terms.observer[self.own]], terms.count)
        for number, (first, end) in enumerate(
            zip(self.ground.bounds[:-1], self.ground.bounds[1:], strict=True)
        ):
            asked = np.flatnonzero(before[first:end] > 0.0) + first
            if not len(asked):
                continue
            share = after[asked] / before[asked]
            if share.min() <= 0.0 or share.max() - share.min() > _ALIKE * share.max():
                return number
        return None

    def finest_step(self) -> int:
        """Return the finest step of place at which, within each secret, all observers fit equally well."""
        terms, finest = self.ground.terms, len(self.ground.ladder.places_arcsec)
        if not len(self.own):
            return finest
        observer = terms.observer[self.own]
        starts = find_group_starts(self.ground.secret_of[terms.hypothesis[self.own]])
        for step in range(1, finest + 1):
            fit = terms.precision(step)[observer]
            most, least = np.maximum.reduceat(fit, starts), np.minimum.reduceat(fit, starts)
            if (most - least > _ALIKE * most).any():
                return step - 1
        return finest


def _factor(ground: Ground, dims: Dims) -> Floats:
    """Return the factor of all but place and kind: fullness is about how much, not about what."""
    return ground.terms.factor(
        span_us=dims.span_us, delay_us=dims.delay_us, depth=dims.depth, word="", thick_cm=dims.thick_cm
    )
