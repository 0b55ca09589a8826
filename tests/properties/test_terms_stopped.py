"""A question that is stopped, at any moment: what it then says is true, and it does not say that it is all.

The watch stops after some looks, drawn at random; the solver looks at every step here instead of every few
dozen, so that small terms, which the oracle knows everything about, can be stopped anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Final

import pytest
from hypothesis import given

from bench.terms_instances import build_dense
from entente.terms.answers import Search
from entente.terms.model import Terms
from entente.terms.search import solver
from entente.terms.search.possibility import ALL, find_obstacles, find_packages, is_possible
from entente.terms.search.programmes import find_additions, find_best_programme, find_permitted
from entente.terms.search.watch import Progress
from tests.terms_oracle import Oracle, find_minimal_additions, read_levels
from tests.terms_strategies import every, few, pick_programme, seeds, small_terms

MANY: Final = 10_000


class StopsAfter:
    """Stops at the look that comes after so many; keeps whether it did."""

    def __init__(self, looks: int) -> None:
        self.left = looks
        self.has_stopped = False

    def look(self, progress: Progress) -> str:
        self.left -= 1
        if self.left >= 0:
            return ""
        self.has_stopped = True
        return "interrupt"

    def check(self, search: Search, name: str) -> None:
        """Check that an answer says whether it was stopped, and claims nothing more if so."""
        assert search.stopped_by == ("interrupt" if self.has_stopped else ""), name
        assert search.is_complete is not self.has_stopped, name
        assert not (self.has_stopped and search.is_all), name


@pytest.fixture(autouse=True, scope="module")
def look_at_every_step() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solver, "STEPS_BETWEEN_LOOKS", 1)
        yield


def draw_looks(seed: int) -> int:
    return int(Random(seed).expovariate(1 / 12))


@few
@given(small_terms, seeds)
def test_a_stopped_search_for_obstacles_has_only_true_ones(terms: Terms, seed: int) -> None:
    for at, (name, each) in enumerate(every(terms, seed, 4)):
        programme = pick_programme(each, seed + at)
        oracle = Oracle(each)
        watch = StopsAfter(draw_looks(seed + at))
        answer = find_obstacles(each, programme=programme, most=(ALL, MANY, 2)[at % 3], watch=watch)
        watch.check(answer.search, name)
        assert {obstacle.members for obstacle in answer.obstacles} <= oracle.find_obstacles(programme), name

        watch = StopsAfter(at % 2)
        possible = is_possible(each, programme=programme, watch=watch)
        watch.check(possible.search, name)
        truth = None if watch.has_stopped else oracle.is_possible(programme)
        assert possible.is_possible is truth, name


@few
@given(small_terms, seeds)
def test_a_stopped_search_for_packages_has_only_true_ones_and_a_true_bound(terms: Terms, seed: int) -> None:
    for at, (name, each) in enumerate(every(terms, seed, 6)):
        programme = pick_programme(each, seed + at)
        oracle = Oracle(each)
        watch = StopsAfter(draw_looks(seed + at))
        answer = find_packages(each, programme=programme, most=(MANY, 1)[at % 2], watch=watch)
        watch.check(answer.search, name)
        true = oracle.find_packages(programme)
        found = [read_levels(oracle, package.concessions) for package in answer.packages]
        assert set(found) <= {package.levels for package in true}, name
        assert not answer.is_possible or oracle.is_possible(programme), name
        assert answer.blocked_by is None or not (true or oracle.is_possible(programme)), name
        if true:
            assert answer.at_least <= true[0].cost, name
        elif oracle.is_possible(programme):
            assert answer.at_least == 0, name


@few
@given(small_terms, seeds)
def test_a_stopped_search_for_the_best_programme_has_a_true_one_and_a_true_bound(
    terms: Terms, seed: int
) -> None:
    for at, (name, each) in enumerate(every(terms, seed, 6)):
        oracle = Oracle(each)
        watch = StopsAfter(draw_looks(seed + at))
        answer = find_best_programme(each, watch=watch)
        watch.check(answer.search, name)
        best = oracle.find_best()
        assert answer.value <= answer.at_most, name
        if best is None:
            assert not answer.grades, name
            continue
        assert answer.blocked_by is None, name
        assert answer.value <= best[0] <= answer.at_most, name
        if answer.grades or answer.met:
            row = oracle.find_row(answer.grades)
            assert row & oracle.within_vetoes(), name
            assert sorted(answer.met) == sorted(oracle.list_wants(row.bit_length() - 1)[0]), name


@few
@given(small_terms, seeds)
def test_a_stopped_search_for_what_helps_has_only_what_helps(terms: Terms, seed: int) -> None:
    for at, (name, each) in enumerate(every(terms, seed, 4)):
        programme = pick_programme(each, seed + at)
        watch = StopsAfter(draw_looks(seed + at))
        additions = find_additions(each, programme=programme, most=MANY, watch=watch)
        watch.check(additions.search, name)
        helpful = find_minimal_additions(each, programme)
        for addition in additions.additions:
            names = frozenset((*addition.measures, *addition.parties))
            assert (names in helpful) is addition.is_possible, name
            assert addition.cost == Oracle(each, names).find_cost(programme), name

        watch = StopsAfter(draw_looks(seed + at + 1))
        permitted = find_permitted(each, (), watch=watch)
        watch.check(permitted.search, name)
        furthest = Oracle(each).find_furthest()
        assert permitted.before in ({}, furthest), name
        assert permitted.after in ({}, furthest), name


def test_a_package_that_is_not_proven_cheapest_stands_beside_a_true_bound() -> None:
    # Dense enough for the search to hand over a package that it then improves, just before its end.
    terms = build_dense(400, 1)
    counting = StopsAfter(MANY)
    cheapest = find_packages(terms, most=1, watch=counting).packages[0].cost
    total = MANY - counting.left
    for back in (1, 2, 3, total // 2):
        watch = StopsAfter(total - back)
        answer = find_packages(terms, most=1, watch=watch)
        watch.check(answer.search, f"{back} looks before the end")
        assert answer.at_least <= cheapest
        assert all(package.cost >= cheapest for package in answer.packages)
