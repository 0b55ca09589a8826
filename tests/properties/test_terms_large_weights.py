"""The largest weights that a terms file may hold: priced exactly, by either engine or by the one that can.

Fifty holders at a million each, scaled so that a programme's measures decide between equals, are more than
floating point holds; the engine that counts in it must then not be asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, product
from random import Random
from typing import Final

import pytest

from entente.terms.file.shape import MAX_HOLDERS, MAX_TABLES, MAX_WEIGHT
from entente.terms.search import cheapest, costfunctions
from entente.terms.search.cheapest import Soft, Solution, Weighted, enumerate_cheapest
from entente.terms.search.costfunctions import MOST_EXACT, is_available, search_branch_and_bound
from entente.terms.search.problem import Clause
from entente.terms.search.solver import Count
from entente.terms.search.watch import Progress, Unwatched

PROPOSITIONS: Final = 6
LARGEST: Final = MAX_HOLDERS * MAX_WEIGHT * (20 * MAX_TABLES + 1)
"""Of one position in the search for the best programme."""


def draw(random: Random, most: int, count: int = 14) -> list[tuple[Clause, int]]:
    """Return soft clauses whose weights differ in their last digits only: what rounding would lose."""
    softs: dict[Clause, int] = {}
    while len(softs) < count:
        places = random.sample(range(1, PROPOSITIONS + 1), random.choice((1, 2, 3)))
        clause = tuple(sorted(random.choice((-1, 1)) * place for place in places))
        softs[clause] = most - random.randrange(6)
    return list(softs.items())


def count_cheapest(hard: list[Clause], softs: list[tuple[Clause, int]]) -> int | None:
    costs = []
    for row in product((False, True), repeat=PROPOSITIONS):
        true = {n if holds else -n for n, holds in enumerate(row, start=1)}
        if not any(true.isdisjoint(clause) for clause in hard):
            costs.append(sum(weight for clause, weight in softs if true.isdisjoint(clause)))
    return min(costs, default=None)


def ask() -> Count:
    return Count(Unwatched(), "packages")


@pytest.mark.parametrize("most", (9, 10**6, 10**12, LARGEST))
def test_the_largest_weights_are_added_to_the_last_digit(most: int) -> None:
    random = Random(most)
    for _ in range(20):
        softs = draw(random, most)
        weighted = Weighted((), [Soft((clause,), weight) for clause, weight in softs])
        costs = [each.cost for each in islice(enumerate_cheapest(weighted, ask()), 3)]
        assert costs[0] == count_cheapest([], softs)
        assert costs == sorted(costs)


@pytest.mark.skipif(not is_available(), reason="expected toulbar2, got none: not on this system")
def test_branch_and_bound_is_exact_up_to_where_it_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costfunctions, "FIRST_SLICE_BACKTRACKS", 1)
    random = Random(7)
    for _ in range(40):
        softs = draw(random, MOST_EXACT // 14 - 1)
        hard = [clause for clause, _ in draw(random, 9, random.randrange(5))]
        found = search_branch_and_bound(PROPOSITIONS, hard, softs, ask())
        true = count_cheapest(hard, softs)
        assert found.is_optimal
        assert (found.cost if found.model else None) == true
        assert true is None or found.at_least == true


@pytest.mark.parametrize("after", (0, 1, 2, 5))
def test_an_engine_that_takes_over_repeats_nothing_and_misses_nothing(
    monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    real = cheapest._core_guided

    def be_used_up(weighted: Weighted, count: Count, share: int) -> Iterator[Solution]:
        for place, solution in enumerate(real(weighted, count, 0)):
            if share and place == after:
                raise cheapest._ShareUsed
            yield solution

    random = Random(after)
    for _ in range(10):
        softs = [Soft((clause,), weight) for clause, weight in draw(random, 9)]
        softs.append(Soft(((1, 2), (-3,)), 4))  # one of several clauses, and one that cannot be kept
        softs.append(Soft(((),), 2))
        listed = []
        for engine in (real, be_used_up):
            monkeypatch.setattr(cheapest, "_core_guided", engine)
            listed.append(
                [(each.cost, each.given_up) for each in enumerate_cheapest(Weighted((), softs), ask())]
            )
        assert sorted(listed[0]) == sorted(listed[1])
        assert [cost for cost, _ in listed[1]] == sorted(cost for cost, _ in listed[1])


@pytest.mark.skipif(not is_available(), reason="expected toulbar2, got none: not on this system")
def test_the_bound_of_branch_and_bound_is_true_at_every_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(costfunctions, "FIRST_SLICE_BACKTRACKS", 1)
    bounds: list[int] = []

    class Noting:
        def look(self, progress: Progress) -> str:
            bounds.append(progress.at_least)
            return ""

    random = Random(11)
    slices = 0
    for base in (0, 7):
        softs: dict[Clause, int] = {}
        while len(softs) < 150:
            places = random.sample(range(1, 17), 3)
            softs[tuple(sorted(random.choice((-1, 1)) * each for each in places))] = random.randrange(1, 99)
        bounds.clear()
        found = search_branch_and_bound(16, [], list(softs.items()), Count(Noting(), "packages"), base)
        assert found.is_optimal
        assert all(bound <= base + found.cost for bound in bounds)
        assert bounds == sorted(bounds)
        assert not found.cost or bounds[0] == 0
        slices += len(bounds)
    assert slices > 4  # else no bound was ever told


def test_beyond_what_it_counts_exactly_branch_and_bound_knows_nothing() -> None:
    softs = draw(Random(1), MOST_EXACT // 14 + 6)
    found = search_branch_and_bound(PROPOSITIONS, [], softs, ask())
    assert (found.model, found.at_least, found.is_optimal) == ([], 0, False)


def test_where_one_engine_cannot_count_the_other_still_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing is left for the first engine: the second is asked at once, declines, and the first goes on.
    real = cheapest._core_guided

    def be_used_up(weighted: Weighted, count: Count, share: int) -> object:
        if share:
            raise cheapest._ShareUsed
        return real(weighted, count, share)

    monkeypatch.setattr(cheapest, "_core_guided", be_used_up)
    random = Random(5)
    for most in (40, LARGEST * 400):
        softs = draw(random, most)
        weighted = Weighted((), [Soft((clause,), weight) for clause, weight in softs])
        assert next(enumerate_cheapest(weighted, ask())).cost == count_cheapest([], softs)
