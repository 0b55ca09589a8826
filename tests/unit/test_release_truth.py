"""The truth enters no decision, and a report only by which output it has."""

from __future__ import annotations

import inspect
import random
from collections import defaultdict

import pytest

from entente.release.exposure import HypothesisSet, Plan, Refusal, charge, encode_belief, plan
from entente.release.exposure.choice import choose
from entente.release.source.secret import Secret
from entente.release.variant.ladder import DEFAULT_LADDER
from entente.release.variant.shape import Sighting
from tests.release_worlds import draw_event, forget_item, make_catalogue, make_secret, pool, sites, start

SEEN_BY = sites(6, radius_m=130_000, apart=0.7)
NAMES = [[each.id] for each in SEEN_BY]


@pytest.mark.parametrize("seed", range(2))
def test_worlds_that_differ_in_the_truth_alone_get_the_same(seed: int) -> None:
    series = []
    for truth in ("h0", "h5"):
        chance = random.Random(seed)
        catalogue = make_catalogue(SEEN_BY, [make_secret("site", NAMES, "3/5", truth=truth)])
        stakes = start(catalogue, [pool("a"), pool("b"), pool("a", "b")])
        decisions = []
        for _ in range(3):
            event = draw_event(chance, SEEN_BY[0])
            plans = plan(["a", "b"], stakes, event, DEFAULT_LADDER)
            for recipient, outcome in plans.items():
                if isinstance(outcome, Plan):
                    stakes = [
                        charge(one, outcome.shape) if recipient in one.pool.members else one for one in stakes
                    ]
            stakes = forget_item(stakes)
            decisions.append((plans, [encode_belief(one.belief) for one in stakes]))
        series.append(decisions)
    assert series[0] == series[1]


def test_the_truth_is_not_even_read(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = make_secret("site", NAMES)
    catalogue = make_catalogue(SEEN_BY, [secret])

    def refuse(self: Secret) -> str:
        raise AssertionError("the truth was read")

    monkeypatch.setattr(Secret, "truth", property(refuse))
    with pytest.raises(AssertionError, match="was read"):
        _ = secret.truth
    stakes = start(catalogue, [pool("a")])
    assert isinstance(
        plan(["a"], stakes, draw_event(random.Random(1), SEEN_BY[0]), DEFAULT_LADDER)["a"], Plan
    )


def test_levels_are_chosen_without_the_report() -> None:
    assert list(inspect.signature(choose).parameters) == ["court", "seat", "weights", "at_most", "allows"]
    catalogue = make_catalogue(SEEN_BY, [make_secret("site", NAMES, "3/5")])
    stakes = start(catalogue, [pool("a")])
    leaves = defaultdict(set)
    seen = set()
    for seed in range(40):
        event = draw_event(random.Random(seed), SEEN_BY[seed % 6])
        event = event._replace(moment_us=event.moment_us + seed, path=("air", *map(str, range(seed % 4))))
        outcome = plan(["a"], stakes, event, DEFAULT_LADDER)["a"]
        assert isinstance(outcome, Plan)
        seen.add((outcome.level._replace(place=0), outcome.offered, outcome.blocks[1:]))
        cell = outcome.shape.cell
        for step in range(1, 9):
            over = DEFAULT_LADDER.cell_at(event.lat_e7, event.lon_e7, step)
            leaves[over].add(cell if cell is not None and cell.step <= step else None)
    # One choice for all, and a partition: what lies in a leaf came out in that leaf.
    assert len(seen) == 1
    for found in leaves.values():
        assert len(found - {None}) <= 1
        assert len(found) == 1


def test_a_refusal_is_the_same_for_every_report() -> None:
    catalogue = make_catalogue(SEEN_BY, [make_secret("site", NAMES, "3/5")])
    stakes = start(catalogue, [pool("a")])
    fine = Sighting(SEEN_BY[0].circles[0].lat_e7 - 11_000_000, 359_000_000, 10**15, ("air",))  # type: ignore[index]
    from entente.release.variant.shape import shape_of

    over = forget_item([charge(one, shape_of(fine, DEFAULT_LADDER.finest, DEFAULT_LADDER)) for one in stakes])
    outcomes = {
        plan(["a"], over, draw_event(random.Random(seed), SEEN_BY[0]), DEFAULT_LADDER)["a"]
        for seed in range(6)
    }
    assert len(outcomes) == 1
    assert isinstance(outcomes.pop(), Refusal)


def test_the_digest_does_not_know_the_truth() -> None:
    digests = {
        HypothesisSet.of(secret, make_catalogue(SEEN_BY, [secret]), "s", DEFAULT_LADDER).digest
        for secret in (make_secret("site", NAMES, truth="h0"), make_secret("site", NAMES, truth="h1"))
    }
    assert len(digests) == 1
