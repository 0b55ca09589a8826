"""Beliefs over long series: no underflow, no drift, exact storage, one observation an item."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from entente.kernel.errors import Denied, Malformed
from entente.release.exposure import HypothesisSet, Stake, charge, encode_belief, measure, parse_belief
from entente.release.exposure.belief import Belief
from entente.release.variant.ladder import DEFAULT_LADDER, Level
from entente.release.variant.shape import Sighting, shape_of
from tests.release_worlds import make_catalogue, make_secret, pool, sites, start

SITES = sites(5, radius_m=200_000)
CATALOGUE = make_catalogue(SITES, [make_secret("site", [[each.id] for each in SITES])])
HYPOTHESES = HypothesisSet.of(CATALOGUE.secrets[0], CATALOGUE, "s", DEFAULT_LADDER)


def test_a_million_rows_do_not_underflow() -> None:
    chance = np.random.default_rng(1)
    kinds = chance.uniform(1e-3, 1.0, size=(97, 5))
    counts = chance.integers(9_000, 11_000, size=97)
    # Two hypotheses that differ by a hair: what a million rows add up to is known in closed form.
    kinds[:, 1] = kinds[:, 0] * np.exp(1e-7)
    kinds[:, 2:] = kinds[:, :1] * 0.99
    belief = Belief.start(HYPOTHESES)
    for row, count in zip(kinds, counts, strict=True):
        belief = belief.updated_by_many(np.broadcast_to(row, (count, 5)))
    for row in itertools.islice(itertools.cycle(kinds), 3_000):
        belief = belief.updated(None, row)
    total = int(counts.sum()) + 3_000
    assert belief.items == total > 900_000
    posterior = belief.posterior
    assert np.isfinite(posterior).all()
    assert posterior.sum() == pytest.approx(1.0)
    assert posterior[1] / posterior[0] == pytest.approx(np.exp(total * 1e-7), rel=1e-6)


def test_single_rows_agree_with_the_closed_form() -> None:
    chance = np.random.default_rng(2)
    rows = chance.uniform(0.2, 1.0, size=(2_000, 5))
    belief = Belief.start(HYPOTHESES)
    for row in rows:
        belief = belief.updated(None, row)
    exact = np.array([sum(np.log(each).astype(np.longdouble)) for each in rows.T])
    expected = np.exp((exact - exact.max()).astype(float))
    assert belief.posterior == pytest.approx(expected / expected.sum(), abs=1e-12)
    assert Belief.start(HYPOTHESES).updated_by_many(rows).posterior == pytest.approx(
        belief.posterior, abs=1e-9
    )


def test_what_was_far_behind_comes_back_exactly() -> None:
    """Ten million nats behind, a float keeps nine digits; what is added there must not be lost."""
    chance = np.random.default_rng(3)
    belief = Belief.start(HYPOTHESES)
    far = np.array([np.exp(-500.0), 1.0, 1.0, 1.0, 1.0])
    for _ in range(4):
        belief = belief.updated_by_many(np.broadcast_to(far, (5_000, 5)))
    rows = chance.uniform(0.2, 1.0, size=(500, 5))
    for row in rows:
        belief = belief.updated(None, row)
    near = np.array([1.0, *[np.exp(-500.0)] * 4])
    for _ in range(4):
        belief = belief.updated_by_many(np.broadcast_to(near, (5_000, 5)))
    exact = np.log(rows).sum(axis=0)
    assert belief.posterior == pytest.approx(np.exp(exact) / np.exp(exact).sum(), rel=1e-11)


def test_what_was_ruled_out_comes_back_when_its_row_is_taken_out() -> None:
    row = np.array([0.0, 0.5, 0.0, 0.25, 0.25])
    other = np.array([0.5, 0.5, 0.125, 0.25, 0.25])
    both = Belief.start(HYPOTHESES).updated(None, row).updated(None, other)
    assert both.posterior[0] == 0.0
    assert both.without(row).posterior == pytest.approx(
        Belief.start(HYPOTHESES).updated(None, other).posterior
    )
    with pytest.raises(ValueError, match="expected one that is in the belief"):
        Belief.start(HYPOTHESES).without(row)


def test_what_nothing_explains_is_refused_and_changes_nothing() -> None:
    belief = Belief.start(HYPOTHESES).updated(None, np.array([1.0, 1.0, 0.0, 0.0, 0.0]))
    before = encode_belief(belief)
    with pytest.raises(Denied, match="expected some hypothesis that explains it"):
        belief.updated(None, np.array([0.0, 0.0, 1.0, 1.0, 1.0]))
    for bad in (np.array([np.nan, 1, 1, 1, 1]), np.array([-1.0, 1, 1, 1, 1]), np.ones(4)):
        with pytest.raises(ValueError, match="expected 5 finite likelihoods"):
            belief.updated(None, bad)
    assert encode_belief(belief) == before


def test_stored_to_the_last_bit() -> None:
    belief = Belief.start(HYPOTHESES)
    for number in range(50):
        belief = belief.updated(None, np.random.default_rng(number).uniform(0.0, 1.0, 5))
    data = encode_belief(belief)
    again = parse_belief(data, HYPOTHESES)
    assert encode_belief(again) == data
    assert (again.posterior == belief.posterior).all()
    assert again.items == 50


def test_a_belief_about_other_hypotheses_is_refused() -> None:
    moved = sites(5, radius_m=60_001)
    other = make_catalogue(moved, [make_secret("site", [[each.id] for each in moved])])
    changed = HypothesisSet.of(other.secrets[0], other, "s", DEFAULT_LADDER)
    data = encode_belief(Belief.start(changed))
    with pytest.raises(Malformed, match="the catalogue changed"):
        parse_belief(data, HYPOTHESES)
    ruled_out = data[:-40] + (1).to_bytes(8, "little") * 5
    scaled = data[:64] + np.full(5, -1e308).tobytes() + data[104:]
    for broken in (ruled_out, scaled, data[:-1], data + b"\0", b"", b"x" * len(data)):
        with pytest.raises(Malformed, match="belief: expected"):
            parse_belief(broken, changed)


def test_two_shapes_of_one_item_are_one_observation() -> None:
    report = Sighting(352_000_000, 362_000_000, 10**15, ("air", "fixed-wing"), 100)
    coarse = shape_of(report, Level(3, 2, 0, 0, 0), DEFAULT_LADDER)
    fine = shape_of(report, Level(5, 1, 0, 1, 0), DEFAULT_LADDER)
    (stake,) = start(CATALOGUE, [pool("ru", "us")])
    once = charge(stake, fine)
    for order in ((coarse, fine), (fine, coarse), (fine, fine, coarse, fine)):
        got = stake
        for shape in order:
            got = charge(got, shape)
        assert got.belief.posterior == pytest.approx(once.belief.posterior, abs=1e-12)
        assert got.belief.items == 1
    # Two items with these shapes are two observations.
    next_item = Stake(stake.pool, stake.hypotheses, charge(stake, coarse).belief)
    twice = charge(next_item, fine)
    assert twice.belief.items == 2
    assert measure(twice).chance_after > measure(once).chance_after + 1e-3


def test_shapes_that_contradict_are_refused() -> None:
    (stake,) = start(CATALOGUE, [pool("ru")])
    here = shape_of(
        Sighting(350_000_000, 361_000_000, 10**15, ("air",)), Level(5, 0, 0, 0, 0), DEFAULT_LADDER
    )
    there = shape_of(
        Sighting(355_000_000, 361_000_000, 10**15, ("air",)), Level(5, 0, 0, 0, 0), DEFAULT_LADDER
    )
    with pytest.raises(Denied, match="expected a shape that agrees"):
        charge(charge(stake, here), there)
