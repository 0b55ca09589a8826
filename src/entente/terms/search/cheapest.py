"""The cheapest way: which soft clauses to give up so that the rest can hold, at the least weight.

Used for packages of concessions, for the best programme and for what to put on the table. Two engines:

  1. core-guided MaxSAT (RC2, stratified), quick where contradictions are few or local, and able to go on to
     the next cheapest;
  2. branch and bound over cost functions (`entente.terms.search.costfunctions`), quick where everything
     contradicts everything: there the first needs minutes and this tenths of a second. It is asked when the
     first has used up its share, and the first again, without a share, when the second has not come to an end
     either.

Invariants:
  * Solutions come cheapest first; none contains another; equal soft clauses are given up together.
  * A solution's model is checked here against every clause, and its cost is counted from it: an engine's bug
    raises, and is never an answer. That nothing is cheaper is the engine's word.
  * The bounds in `Count` are valid at any moment: the next cost is at least ``at_least``.

It does not decide what may be given up.

    >>> list(itertools.islice(enumerate_cheapest(Weighted(hard, softs), count), 10))

Source: A. Ignatiev, A. Morgado, J. Marques-Silva, RC2: an efficient MaxSAT solver, JSAT 11 (2019). Measured
in docs/adr/0010-two-engines-for-the-cheapest-package.md.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pysat.examples.rc2 import RC2Stratified
from pysat.formula import WCNF

from entente.terms.search.costfunctions import is_available, search_branch_and_bound
from entente.terms.search.problem import Clause, Clauses, find_top
from entente.terms.search.solver import Count, WatchedSolver, solve_watched

FIRST_SHARE_CONFLICTS: Final = 12_000
"""What the core-guided engine may use up before the other is asked: some tenths of a second."""


@dataclass(frozen=True, slots=True)
class Solution:
    """A way to give up some soft groups.

    Args:
        given_up: Their places, sorted.
        cost: Their weights together.
        model: An assignment that satisfies everything else; literal of proposition n at place n - 1.
    """

    given_up: tuple[int, ...]
    cost: int
    model: list[int]


@dataclass(frozen=True, slots=True)
class Soft:
    """Clauses that are given up together, at a price above 0."""

    clauses: Clauses
    weight: int


class Weighted:
    """A problem with prices, brought into the form that both engines read: one clause for each price.

    A group of several clauses gets a proposition that implies them. Equal clauses are joined and their prices
    added; a clause that cannot hold is given up from the start.
    """

    def __init__(self, hard: Sequence[Clause], softs: Sequence[Soft]) -> None:
        self.softs = softs
        self.hard = [tuple(clause) for clause in hard]
        self.top = find_top((hard, *(soft.clauses for soft in softs)))
        self.lost = [place for place, soft in enumerate(softs) if () in soft.clauses]
        self.lost_cost = sum(softs[place].weight for place in self.lost)
        lost = set(self.lost)
        prices: dict[Clause, int] = {}
        for place, soft in enumerate(softs):
            if place in lost or not soft.clauses:
                continue
            if len(soft.clauses) == 1:
                clause = tuple(sorted(soft.clauses[0]))
            else:
                self.top += 1
                self.hard += [(-self.top, *each) for each in soft.clauses]
                clause = (self.top,)
            prices[clause] = prices.get(clause, 0) + soft.weight
        self.prices = list(prices.items())
        self.best: Solution | None = None
        self._checked = tuple(self.hard)
        self._size = self.top

    def read(self, model: Sequence[int]) -> Solution:
        """Return the solution that a model is; `AssertionError` where the model breaks what is hard."""
        true = set(model)
        for clause in self._checked:
            if true.isdisjoint(clause):
                raise AssertionError(f"engine: expected a model of clause {clause!r}")
        # An auxiliary may be false where all that it implies holds: prices are counted from the clauses.
        given_up = tuple(
            place
            for place, soft in enumerate(self.softs)
            if any(true.isdisjoint(clause) for clause in soft.clauses)
        )
        cost = sum(self.softs[place].weight for place in given_up)
        return Solution(given_up, cost, [n if n in true else -n for n in range(1, self._size + 1)])

    def offer(self, solution: Solution | None, count: Count) -> None:
        """Keep a solution that may not be the cheapest, if it is better than the one kept."""
        if solution is not None and (self.best is None or solution.cost < self.best.cost):
            self.best = solution
            count.at_most = solution.cost

    def block(self, solution: Solution) -> None:
        """Exclude a solution and whatever gives up more than it."""
        clause: list[int] = []
        for place in solution.given_up:
            if place in self.lost:
                continue
            clauses = self.softs[place].clauses
            if len(clauses) == 1:
                clause += clauses[0]
            else:
                self.top += 1
                self.hard += [(-self.top, *each) for each in clauses]
                clause.append(self.top)
        literals = dict.fromkeys(clause)
        if not any(-literal in literals for literal in literals):
            self.hard.append(tuple(literals))


def enumerate_cheapest(weighted: Weighted, count: Count) -> Iterator[Solution]:
    """Yield solutions, cheapest first, until there are no more; raises `Stopped`."""
    if () in weighted.hard:
        return
    count.at_least = weighted.lost_cost
    # Something to show should the search be stopped: seldom the cheapest, never needlessly dear.
    reached = reach(weighted, count)
    if reached is None:
        return
    if reached.cost == weighted.lost_cost:  # nothing is given up that could be kept, so it is the only one
        yield reached
        return
    weighted.offer(reached, count)
    try:
        yield from _core_guided(weighted, count, FIRST_SHARE_CONFLICTS)
    except _ShareUsed:
        if is_available():
            yield from _branch_and_bound(weighted, count)
        else:
            yield from _core_guided(weighted, count, 0)


def reach(weighted: Weighted, count: Count) -> Solution | None:
    """Return a solution that gives up nothing needlessly, dear things kept first; seldom the cheapest.

    None when there is none. Raises `Stopped`.
    """
    first = weighted.top + 1
    prices = sorted(weighted.prices, key=lambda price: -price[1])
    with WatchedSolver(weighted.hard, count) as solver:
        for place, (clause, _) in enumerate(prices):
            solver.add((-(first + place), *clause))
        solver.prefer(range(first, first + len(prices)))
        if not solver.is_satisfiable():
            return None
        true = set(solver.model())
        kept: list[int] = []
        for place, (clause, _) in enumerate(prices):
            kept.append(first + place)
            if true.isdisjoint(clause):
                if solver.is_satisfiable(kept):
                    true = set(solver.model())
                else:
                    kept.pop()
        return weighted.read(list(true))


def _core_guided(weighted: Weighted, count: Count, share_conflicts: int) -> Iterator[Solution]:
    engine = _CoreGuided(weighted, count, share_conflicts)
    try:
        while (model := engine.next()) is not None:
            solution = weighted.read(model)
            count.at_least = solution.cost
            yield solution
            weighted.block(solution)  # for the engine that may have to go on from here
    finally:
        engine.delete()


def _branch_and_bound(weighted: Weighted, count: Count) -> Iterator[Solution]:
    while True:
        if () in weighted.hard:  # nothing was given up, or nothing that could be kept: the last one
            return
        found = search_branch_and_bound(
            weighted.top, weighted.hard, weighted.prices, count, weighted.lost_cost
        )
        if not found.is_optimal:
            if found.model:
                weighted.offer(weighted.read(found.model), count)
            break
        if not found.model:
            return
        solution = weighted.read(found.model)
        count.at_least = solution.cost
        yield solution
        weighted.block(solution)
    yield from _core_guided(weighted, count, 0)


class _ShareUsed(Exception):
    """The core-guided engine has used up its share of conflicts."""


class _CoreGuided(RC2Stratified):  # type: ignore[misc] # published without types
    """RC2, stratified, with its oracle watched."""

    def __init__(self, weighted: Weighted, count: Count, share_conflicts: int) -> None:
        self._count = count
        self._share = share_conflicts
        self._spent = 0
        self._base = weighted.lost_cost
        formula = WCNF()
        for clause in weighted.hard:
            formula.append(list(clause))
        for clause, weight in weighted.prices:
            formula.append(list(clause), weight=weight)
        formula.nv = max(formula.nv, weighted.top)
        super().__init__(formula, solver="mgh", exhaust=True, minz=True, blo="full", nohard=True)
        self._models = self.enumerate(block=-1)

    def next(self) -> list[int] | None:
        """Return the next cheapest model, or None when there is none; raises `Stopped`, `_ShareUsed`."""
        model = next(self._models, None)
        return None if model is None else list(model)

    def _call_oracle(self, assumptions: Sequence[int] = (), expect_interrupt: bool = False) -> Any:  # noqa: ANN401, FBT001, FBT002 - the signature overridden
        del expect_interrupt
        self._count.at_least = max(self._count.at_least, self._base + self.cost)
        found, self._spent = solve_watched(self.oracle, assumptions, self._count, spent=self._spent)
        if self._share and self.oracle.accum_stats()["conflicts"] > self._share:
            raise _ShareUsed
        return found
