"""Which levels may be offered at all: those that a report fills with the same chance whoever made it.

What it is for: a level shows so many words of a path, a window so short, a band so thin. Some observers could
always tell so much, others never. If such a level were offered, a report that fills it would point to the
first, and one that does not (nothing comes, or less, or later) to the second. So a level is offered only
where the chance to fill it is the same, and not 0, for every observer that the pool still holds possible,
within each secret. Then neither fullness nor lack of it says anything, and a report that has less goes out
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
    """The rule for one view.

    Args:
        observers: Own observers of possible hypotheses that could have made what the pool has of the item;
            secret by secret.
        starts: Where each secret's begin.
        secrets: Which secret that is.
        known_factor: Of all observers, of what the pool has of the item.
    """

    ground: Ground
    view: View
    observers: Ints
    starts: Ints
    secrets: Ints
    known_factor: Floats
    _asked: dict[bytes, int | None] = field(default_factory=dict)

    @classmethod
    def of(cls, ground: Ground, view: View) -> Filling:
        """Make it ready."""
        terms, known = ground.terms, view.known
        is_playing = terms.is_own & view.is_possible[terms.hypothesis]
        factor = np.ones(len(terms.observers.sees))
        if known is not None:
            factor = _factor(ground, Dims.of(known))
            is_playing &= shape_factor(terms, known)[terms.observer] > 0.0
            if known.cell is not None:
                is_playing &= terms.place(known.cell) > 0.0
        playing = np.flatnonzero(is_playing)
        observers, first = np.unique(terms.observer[playing], return_index=True)
        secret = ground.secret_of[terms.hypothesis[playing[first]]]
        starts = find_group_starts(secret)
        return cls(ground, view, observers, starts, secret[starts], factor)

    def find_odd(self, dims: Dims) -> int | None:
        """Return a secret (by number) for whose observers the chance to fill a level differs, or is 0."""
        factor = _factor(self.ground, dims.met(self.view.known_dims))[self.observers]
        before = self.known_factor[self.observers]
        ratio = np.divide(factor, before, out=np.zeros_like(factor), where=before > 0.0)
        key = ratio.tobytes()
        if key not in self._asked:
            self._asked[key] = self._find_uneven(ratio)
        return self._asked[key]

    def is_even(self, dims: Dims) -> bool:
        """Return whether a level may be offered."""
        return self.find_odd(dims) is None

    def finest_step(self) -> int:
        """Return the finest step of place at which, within each secret, all observers fit equally well."""
        finest = len(self.ground.ladder.places_arcsec)
        for step in range(1, finest + 1):
            if self._find_uneven(self.ground.terms.precision(step)[self.observers]) is not None:
                return step - 1
        return finest

    def _find_uneven(self, fit: Floats) -> int | None:
        if not len(fit):
            return None
        most, least = np.maximum.reduceat(fit, self.starts), np.minimum.reduceat(fit, self.starts)
        odd = np.flatnonzero((least <= 0.0) | (most - least > _ALIKE * most))
        return int(self.secrets[odd[0]]) if len(odd) else None


def _factor(ground: Ground, dims: Dims) -> Floats:
    """Return the factor of all but place and kind: fullness is about how much, not about what."""
    return ground.terms.factor(
        span_us=dims.span_us, delay_us=dims.delay_us, depth=dims.depth, word="", thick_cm=dims.thick_cm
    )
