"""A second opinion on medium terms: clingo, with an encoding of its own, on 60 to 150 positions.

Too large for the oracle. Dense terms are those of the benchmark; mixed ones have grades, steps, agencies,
law, conditions, designations, candidates and a programme.
"""

from __future__ import annotations

from random import Random
from typing import Final

import pytest

from bench.terms_instances import PROGRAMME, Sparse, build_dense, build_sparse
from entente.terms.model import Terms
from entente.terms.search.possibility import find_obstacles, find_packages, is_possible
from tests.clingo_engine import ClingoEngine
from tests.terms_oracle import Oracle
from tests.terms_strategies import Shape, build_terms, pick_programme

_MIXED: Final = Shape(measures=40, positions=80, rules=12, strictness=0.1, law=0.01, odd=0.03)


def check_agreement(terms: Terms, programme: str) -> None:
    """Put the same questions to both engines."""
    engine = ClingoEngine(terms, programme)
    can = engine.is_possible()
    assert is_possible(terms, programme=programme).is_possible is can

    packages = find_packages(terms, programme=programme, most=1)
    cost = engine.find_cost()
    assert packages.search.is_complete
    assert packages.is_possible is can
    assert cost == (0 if can else packages.packages[0].cost if packages.packages else None)
    assert cost is None or packages.at_least in {0, cost}

    smallest = engine.find_smallest_obstacle()
    obstacles = find_obstacles(terms, programme=programme, most=4).obstacles
    assert bool(obstacles) is (not can)
    if obstacles:
        assert smallest is not None
        assert len(obstacles[0].members) == len(smallest)
    for obstacle in obstacles:
        assert not engine.is_consistent(obstacle.members)
        for member in obstacle.members:
            assert engine.is_consistent(each for each in obstacle.members if each != member)


@pytest.mark.parametrize("positions", (60, 150))
@pytest.mark.parametrize("seed", (1, 2))
def test_dense_terms_have_one_answer_from_two_engines(positions: int, seed: int) -> None:
    check_agreement(build_dense(positions, seed), "")


@pytest.mark.parametrize("seed", (1, 4, 8))
def test_mixed_terms_have_one_answer_from_two_engines(seed: int) -> None:
    terms = build_terms(Random(seed), _MIXED)
    assert len(terms.positions) == 80
    check_agreement(terms, terms.programmes[0].id)


@pytest.mark.parametrize("seed", (1, 2))
def test_sparse_terms_have_one_answer_from_two_engines(seed: int) -> None:
    size = Sparse(positions=150, parties=12, themes=6, measures_each=8, dissent=0.05)
    check_agreement(build_sparse(seed, size), PROGRAMME)


def test_the_second_engine_agrees_with_the_oracle() -> None:
    for seed in range(40):
        terms = build_terms(Random(seed))
        oracle, programme = Oracle(terms), pick_programme(terms, seed)
        engine = ClingoEngine(terms, programme)
        obstacles = oracle.find_obstacles(programme)
        smallest = engine.find_smallest_obstacle()
        assert engine.is_possible() is oracle.is_possible(programme), seed
        assert engine.find_cost() == oracle.find_cost(programme), seed
        assert (smallest in obstacles) if obstacles else (smallest is None), seed
        assert smallest is None or len(smallest) == min(map(len, obstacles)), seed
