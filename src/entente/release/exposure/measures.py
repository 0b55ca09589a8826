"""Measures of what a channel or a belief gives away: vulnerability, leakage in bits, mutual information.

What it is for: the figures that a desk shows and that budgets limit, under their names in quantitative
information flow. A *channel* is a matrix: a row for each hypothesis, a column for each output, rows that sum
to 1; releases of one series, told apart by what comes out, are its outputs.

Invariants: pure functions of their arrays; what cannot happen counts nothing; agreement with qiflib to 1e-9
(tests/unit/test_release_measures.py).

    >>> prior = np.full(12, 1 / 12)
    >>> channel = np.kron(np.eye(3), np.ones((4, 1)))  # a release names one of three cells of four sites
    >>> posterior_vulnerability(prior, channel), min_entropy_leakage(prior, channel)
    (0.25, 1.584962500721156)
"""

from __future__ import annotations

import numpy as np

from entente.release.exposure.disc import Floats
from entente.release.exposure.gain import GainTable


def entropy_bits(belief: Floats) -> float:
    """Return Shannon's entropy of a belief."""
    held = belief[belief > 0.0]
    return float(-(held * np.log2(held)).sum())


def posterior_vulnerability(prior: Floats, channel: Floats, gain: GainTable | None = None) -> float:
    """Return what the best guess is worth, on average over what comes out of the channel."""
    joint = prior[:, None] * channel
    table = gain or GainTable.exact(len(prior))
    if table.tries:
        return float(np.sort(joint, axis=0)[-table.tries :].sum())
    return float((table.as_matrix() @ joint).max(axis=0).sum())


def min_entropy_leakage(prior: Floats, channel: Floats) -> float:
    """Return by how many bits the best guess got better: log2 of after over before."""
    return float(np.log2(posterior_vulnerability(prior, channel) / prior.max()))


def gain_leakage_bits(prior: Floats, channel: Floats, gain: GainTable) -> float:
    """Return the multiplicative g-leakage in bits."""
    return float(np.log2(posterior_vulnerability(prior, channel, gain) / gain.worth(prior)))


def mutual_information_bits(prior: Floats, channel: Floats) -> float:
    """Return Shannon's leakage: by how much the entropy falls, on average over what comes out."""
    joint = prior[:, None] * channel
    outer = joint.sum(axis=0)
    after = sum(
        float(chance) * entropy_bits(joint[:, number] / chance)
        for number, chance in enumerate(outer)
        if chance > 0.0
    )
    return entropy_bits(prior) - after
