"""A secret's hypotheses, ready to be judged by: prior, terms, gains, and rows of likelihoods.

What it is for: made once from a version of the catalogue and kept; a row for each shape is then one sum.

Invariants:
  * `row` is a function of the shape, the ladder and the catalogue alone; never of the truth. The truth is not
    read here at all (tests/unit/test_release_truth.py).
  * `digest` covers all that rows depend on: hypotheses, their observers, the ladder, and the alternatives of
    every source that the secret belongs to. A belief made under another digest is refused.

It keeps no belief: see `entente.release.exposure.belief`.

    >>> hypotheses = HypothesisSet.of(catalogue.secret["post-site"], catalogue, "hill-post", DEFAULT_LADDER)
    >>> hypotheses.row(shape)
    array([0.25, 0.  , 0.5 ])
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import astuple, dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np

from entente.kernel.canonical import encode_canonical
from entente.kernel.errors import Malformed
from entente.release.exposure.disc import Discs, Floats
from entente.release.exposure.gain import GainTable, read_gain
from entente.release.exposure.measures import entropy_bits
from entente.release.exposure.terms import EVERYWHERE, Observers, Terms
from entente.release.source.catalogue import Catalogue
from entente.release.source.observer import Observer, Share
from entente.release.source.secret import Secret
from entente.release.variant.ladder import Ladder
from entente.release.variant.shape import Shape

MAX_TERMS: Final = 400_000
"""Observers of all hypotheses, circle by circle: beyond it a plan takes seconds."""


@dataclass(frozen=True, slots=True, eq=False)
class HypothesisSet:
    """One secret as one of its sources reports; see the module.

    Args:
        digest: SHA-256 of all that rows depend on.
        prior: Chances that sum to 1.
        before, entropy_bits: What the best guess is worth under the prior, and its entropy.
    """

    secret: Secret
    digest: bytes
    prior: Floats
    before: float
    gain: GainTable
    terms: Terms
    entropy_bits: float
    _limits: dict[str, float] = field(default_factory=dict)

    @classmethod
    def of(cls, secret: Secret, catalogue: Catalogue, source: str | None, ladder: Ladder) -> HypothesisSet:
        """Make it ready.

        Args:
            source: Whose reports are judged: its public alternatives hold for every hypothesis that names
                none of its own. None: what is charged is no report (an open notification).

        Raises:
            Malformed: More than `MAX_TERMS`, or a gain that does not fit.
        """
        common = catalogue.source[source].alternatives if source is not None else ()
        terms = _read_terms(secret, catalogue, common, ladder)
        prior = np.array([float(chance) for chance in secret.prior()])
        prior /= prior.sum()
        gain = read_gain(secret)
        return cls(
            secret,
            _digest(secret, catalogue, ladder),
            prior,
            gain.worth(prior),
            gain,
            terms,
            entropy_bits(prior),
        )

    def row(self, shape: Shape) -> Floats:
        """Return P(shape | hypothesis) for every hypothesis; all 0 if none explains it."""
        return self.terms.row(shape.cell, shape_factor(self.terms, shape))

    def limit_of(self, who: str) -> float:
        """Return the most that the best guess of a recipient or pool may be worth."""
        limit = self._limits.get(who)
        if limit is None:
            budget = self.secret.budget_of(who)
            limit = float(Fraction(budget.chance))
            if budget.bits is not None:
                limit = min(limit, self.before * 2.0 ** float(Fraction(budget.bits)))
            self._limits[who] = limit
        return limit

    def step_of(self, who: str) -> float:
        """Return by how much one release may raise what the best guess of a recipient or pool is worth."""
        each = self.secret.budget_of(who).each
        return 1.0 if each is None else float(Fraction(each))


def shape_factor(terms: Terms, shape: Shape) -> Floats:
    """Return, for each observer, the factor of everything in a shape but its place."""
    return terms.factor(
        span_us=shape.span_us,
        delay_us=shape.delay_us,
        depth=len(shape.path),
        word=shape.path[0] if shape.path else "",
        thick_cm=shape.height_cm[1] - shape.height_cm[0] if shape.height_cm else 0,
    )


def _digest(secret: Secret, catalogue: Catalogue, ladder: Ladder) -> bytes:
    alternatives = [
        [source.id, _say_shares(source.alternatives)]
        for source in catalogue.sources
        if secret.id in source.secrets
    ]
    named = {share.observer for one in secret.hypotheses for share in (*one.observers, *one.alternatives)}
    named |= {
        each.observer
        for source in catalogue.sources
        if secret.id in source.secrets
        for each in source.alternatives
    }
    # Rows, and the guesses that they lead to; budgets, words and the truth change no belief.
    value = {
        "secret": secret.id,
        "hypotheses": [
            [one.id, one.weight, _say_shares(one.observers), _say_shares(one.alternatives)]
            for one in secret.hypotheses
        ],
        "observers": [_describe(catalogue.observer[name]) for name in sorted(named)],
        "alternatives": alternatives,
        "ladder": [list(steps) if isinstance(steps, tuple) else steps for steps in astuple(ladder)],
    }
    return hashlib.sha256(b"entente-hypotheses-1\n" + encode_canonical(value)).digest()


def _say_shares(shares: Sequence[Share]) -> list[list[str]]:
    return [[each.observer, each.share] for each in shares]


def _describe(observer: Observer) -> list[object]:
    circles = (
        None
        if observer.circles is None
        else [[circle.lat_e7, circle.lon_e7, circle.radius_m] for circle in observer.circles]
    )
    return [
        *(observer.id, circles, sorted(observer.sees), observer.identifies, observer.accuracy_m),
        *(observer.height_accuracy_m, observer.latency_s),
    ]


def _read_terms(secret: Secret, catalogue: Catalogue, common: tuple[Share, ...], ladder: Ladder) -> Terms:
    """Flatten hypotheses into terms: each observer circle by circle, by area."""
    observers: dict[str, int] = {}
    discs: dict[tuple[int, int, int], int] = {}
    rows: list[tuple[int, int, int, float, bool]] = []
    for number, one in enumerate(secret.hypotheses):
        alternatives = one.alternatives or common
        rest = 1 - sum((Fraction(each.share) for each in alternatives), Fraction(0))
        shares = [(each.observer, Fraction(each.share) * rest, True) for each in one.observers]
        shares += [(each.observer, Fraction(each.share), False) for each in alternatives]
        for name, share, is_own in shares:
            index = observers.setdefault(name, len(observers))
            circles = catalogue.observer[name].circles
            if circles is None:
                rows.append((number, index, EVERYWHERE, float(share), is_own))
                continue
            total = sum(circle.radius_m**2 for circle in circles)
            for circle in circles:
                disc = discs.setdefault((circle.lat_e7, circle.lon_e7, circle.radius_m), len(discs))
                part = float(share * Fraction(circle.radius_m**2, total))
                rows.append((number, index, disc, part, is_own))
        if len(rows) > MAX_TERMS:
            raise Malformed(
                "too-many-terms",
                f"secret {secret.id!r}: expected at most {MAX_TERMS} circles of observers, got more",
            )
    return Terms.of(
        ladder,
        len(secret.hypotheses),
        _read_observers([catalogue.observer[name] for name in observers]),
        Discs.of(list(discs)),
        np.array([row[0] for row in rows], np.int64),
        np.array([row[1] for row in rows], np.int64),
        np.array([row[2] for row in rows], np.int64),
        np.array([row[3] for row in rows], np.float64),
        np.array([row[4] for row in rows], np.bool_),
    )


def _read_observers(observers: list[Observer]) -> Observers:
    return Observers(
        np.array([each.accuracy_m for each in observers], np.float64),
        np.array(
            [np.nan if each.height_accuracy_m is None else each.height_accuracy_m for each in observers],
            np.float64,
        ),
        np.array([each.latency_s * 1e6 for each in observers], np.float64),
        np.array([each.identifies for each in observers], np.int64),
        tuple(frozenset(each.sees) for each in observers),
    )
