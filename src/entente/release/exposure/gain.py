"""What a guess is worth, and the worth of the best one: Bayes vulnerability and its kin.

What it is for: a budget limits what the best guess of a recipient is worth. *Exact*: 1 for the right
hypothesis. *Within k km*: 1 for any within that distance of the right one. *k tries*: 1 if the right one is
among k guesses. *Matrix*: as the officer says. With a belief ``p``, the best guess is worth
``max over g of sum over h of gain(g, h) p(h)`` (g-vulnerability; exact: Bayes vulnerability).

Invariants: gains are 0 to 1. The worth of a best guess is convex in the belief, whatever the gain: what a
recipient learns on average never lowers it. The argument of ADR 0024 rests on that.

It knows nothing of places or releases.

    >>> table = GainTable.exact(3)
    >>> table.worth(np.array([0.5, 0.25, 0.25]))
    0.5
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from entente.kernel.errors import Malformed
from entente.release.exposure.disc import EARTH_RADIUS_M, Floats, Ints
from entente.release.source.secret import Secret


@dataclass(frozen=True, slots=True, eq=False)
class GainTable:
    """Gains as triples, sorted by hypothesis; or a number of tries.

    Args:
        count: How many hypotheses.
        tries: How many guesses are allowed, each worth 1 if right; 0: one, worth what the triples say.
        starts: Where the triples of each hypothesis begin, and one more.
        guess, value: Which guess is worth how much, if that hypothesis is true.
    """

    count: int
    tries: int
    starts: Ints
    guess: Ints
    value: Floats

    @classmethod
    def exact(cls, count: int) -> GainTable:
        """Return the gain of naming the right one."""
        return cls(count, 0, np.arange(count + 1), np.arange(count), np.ones(count))

    @property
    def is_exact(self) -> bool:
        """Whether a guess is worth 1 for the right hypothesis and 0 for every other."""
        return (
            self.tries <= 1 and np.array_equal(self.guess, np.arange(self.count)) and bool(self.value.all())
        )

    def worth(self, belief: Floats) -> float:
        """Return what the best guess is worth under a belief that sums to 1."""
        if self.tries:
            return float(np.sort(belief)[-self.tries :].sum())
        hypothesis = np.repeat(np.arange(self.count), np.diff(self.starts))
        return float(np.bincount(self.guess, self.value * belief[hypothesis]).max())

    def as_matrix(self) -> Floats:
        """Return the gains as a matrix, a row for each guess; not for tries."""
        matrix = np.zeros((int(self.guess.max()) + 1, self.count))
        matrix[self.guess, np.repeat(np.arange(self.count), np.diff(self.starts))] = self.value
        return matrix


def read_gain(secret: Secret) -> GainTable:
    """Return the gain that a secret is judged by."""
    count = len(secret.hypotheses)
    kind = secret.gain.kind
    if kind == "tries":
        return GainTable(count, secret.gain.number, np.arange(count + 1), np.arange(count), np.ones(count))
    if kind == "within-km":
        return _within(secret, secret.gain.number * 1_000.0)
    if kind == "matrix":
        return _matrix([[float(Fraction(text)) for text in row] for row in secret.gain.matrix], count)
    return GainTable.exact(count)


def _within(secret: Secret, reach_m: float) -> GainTable:
    """Guesses are the hypotheses themselves; each is worth 1 for all whose place is near enough."""
    places = [one.at for one in secret.hypotheses]
    if any(at is None for at in places):
        raise Malformed(
            "bad-gain", f"secret {secret.id!r}: expected a place of each hypothesis, for a distance"
        )
    angles = np.radians(np.array([at for at in places if at is not None], dtype=np.float64) / 1e7)
    up = np.stack(
        [
            np.cos(angles[:, 0]) * np.cos(angles[:, 1]),
            np.cos(angles[:, 0]) * np.sin(angles[:, 1]),
            np.sin(angles[:, 0]),
        ],
        axis=1,
    )
    # By the chord: exact for near places, where the cosine of the angle is not.
    most = 2.0 * np.sin(min(reach_m / EARTH_RADIUS_M, np.pi) / 2.0) + 1e-12
    near = [np.flatnonzero(np.linalg.norm(up - one, axis=1) <= most) for one in up]
    starts = np.concatenate([[0], np.cumsum([len(each) for each in near])]).astype(np.int64)
    guess = np.concatenate(near)
    return GainTable(len(places), 0, starts, guess, np.ones(len(guess)))


def _matrix(rows: list[list[float]], count: int) -> GainTable:
    table = np.array(rows, dtype=np.float64)
    if table.ndim != 2 or table.shape[1] != count:
        raise Malformed("bad-gain", f"gain: expected {count} columns, got {table.shape}")
    # The first guess stays in for every hypothesis, if only with 0: each has one at least.
    is_kept = table.T != 0.0
    is_kept[:, 0] = True
    hypothesis, guess = np.nonzero(is_kept)
    starts = np.searchsorted(hypothesis, np.arange(count + 1)).astype(np.int64)
    return GainTable(count, 0, starts, guess.astype(np.int64), table.T[hypothesis, guess])
