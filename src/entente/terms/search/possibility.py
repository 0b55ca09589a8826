"""Possibility: whether a programme is possible, what stands in its way, and at what price it can be had.

Invariants:
  * Obstacles are shown with the rules and links through which they collide, and those are minimal as well.
  * A package is made of what its members can concede; what the law says is never in one.

It does not say what is possible without concessions: see `entente.terms.search.programmes`.

    >>> find_obstacles(terms, programme="joint-operation", most=3).obstacles[0].members
    ('ru-joint-strikes', 'us-dod-no-sharing')
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import islice
from typing import Final

from entente.kernel.errors import NotFound
from entente.terms.answers import (
    Concession,
    Feasibility,
    Obstacle,
    Obstacles,
    Package,
    Packages,
    Search,
)
from entente.terms.model import Terms
from entente.terms.search.cheapest import Soft, Solution, Weighted, enumerate_cheapest
from entente.terms.search.obstacles import Conflict, Places, enumerate_all, enumerate_smallest, find_one
from entente.terms.search.problem import Member, Problem, compile_terms
from entente.terms.search.solver import Count, WatchedSolver
from entente.terms.search.watch import Stopped, Unwatched, Watch

ALL: Final = 0
"""``most``: every one there is."""


def is_possible(terms: Terms, *, programme: str = "", watch: Watch | None = None) -> Feasibility:
    """Return whether every position can be satisfied at once, within a programme if one is named.

    Raises:
        NotFound: No such programme.
    """
    problem = pose(terms, programme)
    count = Count(watch or Unwatched(), "possible")
    members = [clause for member in problem.members for clause in member.clauses]
    try:
        with WatchedSolver(problem.fixed(programme) + members, count) as solver:
            found = solver.is_satisfiable()
            model = solver.model() if found else []
    except Stopped as stop:
        return Feasibility(programme, None, {}, Search(False, stopped_by=stop.reason, steps=count.steps))
    return Feasibility(
        programme, found, problem.read_grades(model), Search(True, is_all=True, steps=count.steps)
    )


def find_obstacles(
    terms: Terms, *, programme: str = "", most: int = 10, watch: Watch | None = None
) -> Obstacles:
    """Return the smallest obstacles, each proven minimal, and whether these are all.

    Args:
        most: How many of the smallest, or `ALL` for every one, by a search made for that.

    Raises:
        NotFound: No such programme.
    """
    problem = pose(terms, programme)
    count = Count(watch or Unwatched(), "obstacles")
    naming = Naming(problem, programme, count)
    found: list[Obstacle] = []
    first: Obstacle | None = None
    stopped_by, is_all = "", True
    try:
        for obstacle in naming.enumerate(most):
            # The first is any one, found at once: it is what there is to show when the search is stopped.
            if first is None:
                first = obstacle
                continue
            if most and len(found) == most:
                is_all = False
                break
            found.append(obstacle)
            count.found = len(found)
    except Stopped as stop:
        stopped_by, is_all = stop.reason, False
        if not found and first is not None:
            found = [first]
    found.sort(key=lambda obstacle: (len(obstacle.members), obstacle.members))
    search = Search(not stopped_by, is_all=is_all, stopped_by=stopped_by, steps=count.steps)
    return Obstacles(programme, tuple(found), search)


def find_packages(
    terms: Terms, *, programme: str = "", most: int = 3, watch: Watch | None = None
) -> Packages:
    """Return the cheapest packages of concessions, or why none can help.

    Args:
        most: How many, or `ALL` for every one there is, which can be very many.

    Raises:
        NotFound: No such programme.
    """
    problem = pose(terms, programme)
    return price(problem, programme, (), most, Count(watch or Unwatched(), "packages"))


def pose(terms: Terms, programme: str) -> Problem:
    """Return the problem, having checked that there is such a programme."""
    problem = compile_terms(terms)
    if programme and programme not in problem.programmes:
        known = ", ".join(sorted(problem.programmes)) or "none"
        raise NotFound("no-programme", f"programme {programme!r}: expected one of {known}")
    return problem


def price(problem: Problem, programme: str, added: Collection[str], most: int, count: Count) -> Packages:
    """Return the cheapest packages with some things added to what is on the table."""
    stakes = [
        (member, step)
        for member in problem.members
        if not member.is_law
        for step in range(len(member.stakes))
    ]
    law = [clause for member in problem.members if member.is_law for clause in member.clauses]
    softs = [Soft(member.stakes[step].clauses, member.stakes[step].weight) for member, step in stakes]
    weighted = Weighted(problem.fixed(programme, added) + law, softs)
    found: list[Solution] = []
    blocked_by: Obstacle | None = None
    stopped_by, is_all = "", True
    try:
        for solution in enumerate_cheapest(weighted, count):
            if (most and len(found) == most) or not solution.given_up:
                is_all = not solution.given_up
                break
            found.append(solution)
            count.found = len(found)
        else:
            if not found:
                blocked_by = find_law_obstacle(problem, programme, added, count)
    except Stopped as stop:
        stopped_by, is_all = stop.reason, False
        if not found and weighted.best is not None:
            found = [weighted.best]
    is_known = not stopped_by or (bool(found) and found[0] is not weighted.best)
    packages = tuple(_read_package(stakes, solution) for solution in found)
    return Packages(
        programme,
        packages,
        is_possible=not stopped_by and not found and blocked_by is None,
        blocked_by=blocked_by,
        at_least=packages[0].cost if packages and is_known else count.at_least,
        search=Search(not stopped_by, is_all=is_all, stopped_by=stopped_by, steps=count.steps),
    )


def find_law_obstacle(
    problem: Problem, programme: str, added: Collection[str], count: Count
) -> Obstacle | None:
    """Return a smallest obstacle of hard limits alone, or None; raises `Stopped`."""
    naming = Naming(problem, programme, count, added=added, only=lambda member: member.is_law)
    return naming.find_smallest()


class Naming:
    """A problem's members in a conflict, and their names put back.

    Args:
        only: Which members are asked about; the others do not bind.
    """

    def __init__(
        self,
        problem: Problem,
        programme: str,
        count: Count,
        *,
        added: Collection[str] = (),
        only: Callable[[Member], bool] = lambda _member: True,
    ) -> None:
        self._members = [member for member in problem.members if only(member)]
        self._rules = list(problem.rules.items())
        self._fixed = problem.fixed(programme, added)
        self._loose = [*problem.structure, *(problem.programmes[programme] if programme else ())]
        self._loose += problem.closing(added)
        self._count = count

    def enumerate(self, most: int) -> Iterator[Obstacle]:
        """Yield any one obstacle, then the smallest ones (or all, for `ALL`); nothing where all can hold."""
        groups = [member.clauses for member in self._members]
        with (
            Conflict(groups, self._fixed, self._count) as conflict,
            Conflict([*groups, *(clauses for _, clauses in self._rules)], self._loose, self._count) as whole,
        ):
            one = find_one(conflict)
            if one is None:
                return
            yield self._name(one, whole)
            for places in enumerate_smallest(conflict) if most else enumerate_all(conflict):
                yield self._name(places, whole)

    def find_smallest(self) -> Obstacle | None:
        """Return a smallest obstacle, or None where all can hold; raises `Stopped`."""
        return next(islice(self.enumerate(1), 1, None), None)

    def _name(self, places: Places, whole: Conflict) -> Obstacle:
        members = [self._members[place] for place in places]
        beside = sorted(places)
        first = len(self._members)
        if whole.holds([*beside, *range(first, whole.size)]):
            raise AssertionError(f"obstacle of {len(members)} members: expected it to be one")
        via = whole.shrink(whole.core(), beside)
        return Obstacle(
            tuple(sorted(member.id for member in members)),
            tuple(sorted(self._rules[place - first][0] for place in via)),
            is_hard=all(member.is_law for member in members),
        )


def _read_package(stakes: Sequence[tuple[Member, int]], solution: Solution) -> Package:
    """Return the package that gives up these stakes: of each member, the furthest step counts."""
    steps: dict[str, tuple[Member, int]] = {}
    for place in solution.given_up:
        member, step = stakes[place]
        steps[member.id] = (member, max(step, steps.get(member.id, (member, 0))[1]))
    concessions = []
    burden: dict[str, int] = {}
    for member, step in sorted(steps.values(), key=lambda each: each[0].id):
        cost = sum(stake.weight for stake in member.stakes[: step + 1])
        concessions.append(Concession(member.id, cost, member.stakes[step].to))
        for holder, weight in member.holders:
            # A softened position has one holder, who bears what the steps cost.
            burden[holder] = burden.get(holder, 0) + (cost if len(member.holders) == 1 else weight)
    return Package(tuple(concessions), solution.cost, dict(sorted(burden.items())))
