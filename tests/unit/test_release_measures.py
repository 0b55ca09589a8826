"""Measures of leakage: agreement with qiflib to 1e-9, over random channels and over series of releases."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from entente.release.exposure.belief import Belief
from entente.release.exposure.gain import GainTable, read_gain
from entente.release.exposure.measures import (
    entropy_bits,
    gain_leakage_bits,
    min_entropy_leakage,
    mutual_information_bits,
    posterior_vulnerability,
)
from entente.release.source.secret import Gain
from tests.qif_oracle import Channel, GVulnerability, Hyper, Secrets
from tests.release_worlds import make_secret


def draw(seed: int, count: int, outputs: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(seed)
    prior = chance.dirichlet(np.ones(count))
    channel = chance.dirichlet(np.ones(outputs), size=count)
    if seed % 2:  # with what cannot happen
        channel = np.where(channel < 0.5 / outputs, 0.0, channel)
        channel /= channel.sum(axis=1, keepdims=True)
    return prior, channel


def ask_oracle(prior: np.ndarray, channel: np.ndarray) -> tuple[Any, Any]:
    secrets = Secrets([str(n) for n in range(len(prior))], prior)
    return secrets, Hyper(Channel(secrets, [str(n) for n in range(channel.shape[1])], channel))


@pytest.mark.parametrize("seed", range(6))
def test_measures_agree_with_qiflib(seed: int) -> None:
    prior, channel = draw(seed, 4 + seed * 3, 5 + seed)
    secrets, hyper = ask_oracle(prior, channel)
    count = len(prior)
    bayes = GVulnerability(secrets, secrets.labels, np.eye(count))
    after = bayes.posterior_vulnerability(hyper)
    assert posterior_vulnerability(prior, channel) == pytest.approx(after, abs=1e-9)
    assert min_entropy_leakage(prior, channel) == pytest.approx(
        float(np.log2(bayes.leakage(hyper)[1])), abs=1e-9
    )
    shannon = entropy_bits(prior) - sum(
        weight * entropy_bits(inner) for weight, inner in zip(hyper.outer, hyper.inners.T, strict=True)
    )
    assert mutual_information_bits(prior, channel) == pytest.approx(float(shannon), abs=1e-9)

    chance = random.Random(seed)
    rows = tuple(tuple(f"{chance.randrange(101)}/100" for _ in range(count)) for _ in range(count + 2))
    secret = make_secret("s", [["o"]] * count, "1", gain=Gain(kind="matrix", number=0, matrix=rows))
    table = read_gain(secret)
    matrix = np.array([[int(text.partition("/")[0]) / 100 for text in row] for row in rows])
    asked = GVulnerability(secrets, [str(n) for n in range(len(rows))], matrix)
    assert table.worth(prior) == pytest.approx(asked.prior_vulnerability(), abs=1e-9)
    assert posterior_vulnerability(prior, channel, table) == pytest.approx(
        asked.posterior_vulnerability(hyper), abs=1e-9
    )
    assert gain_leakage_bits(prior, channel, table) == pytest.approx(
        float(np.log2(asked.leakage(hyper)[1])), abs=1e-9
    )


@pytest.mark.parametrize("seed", range(3))
def test_a_series_of_beliefs_agrees_with_qiflib(seed: int) -> None:
    """Beliefs after every series of three outputs, weighed, are the hyper of the channels together."""
    prior, first = draw(seed, 5, 3)
    channels = [first, draw(seed + 10, 5, 2)[1], draw(seed + 20, 5, 3)[1]]
    together = np.einsum("ha,hb,hc->habc", *channels).reshape(5, -1)
    _, hyper = ask_oracle(prior, together)

    class Asked:
        digest = bytes(32)

    asked = Asked()
    asked.prior = prior  # type: ignore[attr-defined]
    worth = 0.0
    for a in range(3):
        for b in range(2):
            for c in range(3):
                rows = [channels[0][:, a], channels[1][:, b], channels[2][:, c]]
                weight = float((prior * rows[0] * rows[1] * rows[2]).sum())
                if weight == 0.0:
                    continue
                belief = Belief.start(asked)  # type: ignore[arg-type]
                for row in rows:
                    belief = belief.updated(None, row)
                worth += weight * float(belief.posterior.max())
    oracle = float((hyper.outer * hyper.inners.max(axis=0)).sum())
    assert worth == pytest.approx(oracle, abs=1e-9)


def test_gains_of_distance_and_tries() -> None:
    places = (
        (0, 0),
        (0, 900_000),
        (0, 9_000_000),
        (10_000_000, 0),
    )  # 10 km, 100 km and 111 km from the first
    plain = make_secret("s", [["o"]] * 4)
    hypotheses = tuple(
        type(one)(one.id, one.words, one.weight, at, one.observers, one.alternatives)
        for one, at in zip(plain.hypotheses, places, strict=True)
    )
    near = make_secret(
        "s", [["o"]] * 4, hypotheses=hypotheses, gain=Gain(kind="within-km", number=11, matrix=())
    )
    belief = np.array([0.1, 0.3, 0.35, 0.25])
    assert read_gain(near).worth(belief) == pytest.approx(0.4)  # the two that lie close together
    two = make_secret("s", [["o"]] * 4, gain=Gain(kind="tries", number=2, matrix=()))
    assert read_gain(two).worth(belief) == pytest.approx(0.65)
    assert GainTable.exact(4).worth(belief) == pytest.approx(0.35)


def test_the_shifted_grid_in_figures() -> None:
    """Twelve sites, four releases of 1.58 bits each: together all that there is to know."""
    prior = np.full(12, 1 / 12)
    together = np.ones((12, 1))
    chances, bits = [], []
    for shift in range(4):
        cell = (np.arange(12) + shift) % 12 // 4
        channel = (cell[:, None] == np.arange(3)[None, :]).astype(float)
        assert mutual_information_bits(prior, channel) == pytest.approx(np.log2(3))
        together = np.einsum("ha,hb->hab", together, channel).reshape(12, -1)
        chances.append(posterior_vulnerability(prior, together))
        bits.append(mutual_information_bits(prior, together))
    assert chances == pytest.approx([0.25, 0.50, 0.75, 1.0])
    assert bits == pytest.approx([1.585, 2.396, 3.085, 3.585], abs=1e-3)
