"""Programmes: the best one possible now, what concessions would permit, what additions would help.

"Now" asks nobody to give anything up that he would have if nothing were done: a member that doing nothing
satisfies, and whatever is law, is a *veto*, and every veto is respected. The other members are *demands*:
what they and the preferences weigh is what a programme is worth.

Invariants:
  * A programme crosses no veto. Among the best it is the least: nothing is in it that is of no use to anyone.
  * A single addition is shown only where it makes the programme possible or a package cheaper.

It does not ask what a concession costs: see `entente.terms.search.possibility`.

    >>> find_best_programme(terms).grades
    {'flight-safety-line': 1, 'blind-check': 1}
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from entente.kernel.errors import NotFound
from entente.terms.answers import (
    Addition,
    Additions,
    BestProgramme,
    Concession,
    Obstacle,
    Packages,
    Permitted,
    Search,
)
from entente.terms.expression import list_atoms
from entente.terms.model import Terms
from entente.terms.search.cheapest import Soft, Solution, Weighted, enumerate_cheapest
from entente.terms.search.possibility import Naming, pose, price
from entente.terms.search.problem import Clause, Member, Problem, compile_terms
from entente.terms.search.solver import Count, WatchedSolver
from entente.terms.search.watch import Stopped, Unwatched, Watch


def find_best_programme(terms: Terms, *, watch: Watch | None = None) -> BestProgramme:
    """Return the programme that meets the most weight of demands and preferences, crossing no veto."""
    problem = compile_terms(terms)
    count = Count(watch or Unwatched(), "programme")
    vetoes = [clause for member in problem.members if member.is_veto for clause in member.clauses]
    wishes = [(member.id, member.clauses, member.weight) for member in problem.members if not member.is_veto]
    wishes += [(each.id, each.clauses, each.weight) for each in problem.preferences]
    numbers = sorted(problem.numbers.values())
    # A unit less of any measure is worth less than the least wish: it only decides between equals.
    scale = len(numbers) + 1
    softs = [Soft(clauses, weight * scale) for _, clauses, weight in wishes]
    softs += [Soft(((-number,),), 1) for number in numbers]
    weighted = Weighted(problem.fixed() + vetoes, softs)
    best: Solution | None = None
    blocked_by: Obstacle | None = None
    stopped_by = ""
    try:
        best = next(enumerate_cheapest(weighted, count), None)
        if best is None:
            naming = Naming(problem, "", count, only=lambda member: member.is_veto)
            blocked_by = naming.find_smallest()
    except Stopped as stop:
        stopped_by, best = stop.reason, weighted.best
    lost = set(best.given_up) if best is not None else set(range(len(wishes)))
    total = sum(weight for _, _, weight in wishes)
    value = sum(weight for place, (_, _, weight) in enumerate(wishes) if place not in lost)
    grades = problem.read_grades(best.model) if best is not None else {}
    return BestProgramme(
        grades=grades,
        met=tuple(sorted(name for place, (name, _, _) in enumerate(wishes) if place not in lost)),
        unmet=tuple(sorted(name for place, (name, _, _) in enumerate(wishes) if place in lost)),
        silent=find_silent(terms, grades),
        value=value,
        at_most=total - count.at_least // scale if stopped_by else value,
        blocked_by=blocked_by,
        search=Search(not stopped_by, is_all=False, stopped_by=stopped_by, steps=count.steps),
    )


def find_silent(terms: Terms, grades: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """Return, for each measure of a programme, the parties that take part and say nothing about it.

    A party speaks of a measure when a position of its own, or of an agency of its, names it outside a
    condition.
    """
    homes = terms.homes
    spoken = {
        (homes.get(holder, holder), atom.name)
        for position in terms.positions
        for atom in list_atoms(position.expression)
        for holder in position.by
    }
    parties = sorted(party.id for party in terms.parties if party.takes_part)
    measures = {measure.id for measure in terms.measures}
    return {
        measure: silent
        for measure in sorted(measures & grades.keys())
        if (silent := tuple(party for party in parties if (party, measure) not in spoken))
    }


def find_permitted(
    terms: Terms, concessions: Sequence[Concession], *, watch: Watch | None = None
) -> Permitted:
    """Return how far each measure could go before and after concessions, with every other veto respected.

    Args:
        concessions: What they cost is told by the answer, whatever stands in them.

    Raises:
        NotFound: No such position or designation in these terms, no such grade of it, or it is law.
    """
    problem = compile_terms(terms)
    count = Count(watch or Unwatched(), "permitted")
    given = {each.position: each for each in concessions}
    priced = []
    unknown = sorted(set(given) - {member.id for member in problem.members})
    if unknown:
        raise NotFound("no-position", f"concession: expected positions that bind, got {unknown[0]!r}")
    law = next((each.id for each in problem.members if each.is_law and each.id in given), "")
    if law:
        raise NotFound(
            "no-concession", f"concession: expected what can be conceded, got {law!r}, which is law"
        )
    before = [clause for member in problem.members if member.is_veto for clause in member.clauses]
    after: list[Clause] = []
    for member in problem.members:
        first = 0 if member.id not in given else _count_steps(member, given[member.id])
        if first:
            cost = sum(stake.weight for stake in member.stakes[:first])
            priced.append(replace(given[member.id], cost=cost))
        if member.is_veto:
            after += [clause for stake in member.stakes[first:] for clause in stake.clauses]
    found: list[dict[str, int]] = [{}, {}]
    stopped_by = ""
    try:
        for place, vetoes in enumerate((before, after)):
            found[place] = _find_furthest(terms, problem, vetoes, count)
    except Stopped as stop:
        stopped_by = stop.reason
    newly = tuple(name for name in sorted(found[1]) if found[1][name] > found[0].get(name, 0))
    search = Search(not stopped_by, is_all=not stopped_by, stopped_by=stopped_by, steps=count.steps)
    return Permitted(tuple(priced), found[0], found[1], newly, search)


def _count_steps(member: Member, concession: Concession) -> int:
    """Return how many steps of a member a concession gives up."""
    for step, stake in enumerate(member.stakes, start=1):
        if stake.to == concession.to:
            return step
    known = ", ".join(repr(stake.to) for stake in member.stakes)
    raise NotFound(
        "no-step", f"concession of {member.id!r}: expected to be left with {known}, got {concession.to!r}"
    )


def _find_furthest(terms: Terms, problem: Problem, vetoes: Sequence[Clause], count: Count) -> dict[str, int]:
    furthest: dict[str, int] = {}
    with WatchedSolver([*problem.fixed(), *vetoes], count) as solver:
        for measure in sorted(terms.measures, key=lambda each: each.id):
            furthest[measure.id] = 0
            for grade in range(max(1, len(measure.grades)), 0, -1):
                if solver.is_satisfiable([problem.numbers[measure.id, grade]]):
                    furthest[measure.id] = grade
                    break
    return furthest


def find_additions(
    terms: Terms, *, programme: str = "", most: int = 5, watch: Watch | None = None
) -> Additions:
    """Return minimal sets of additions that make the programme possible, then single ones that cheapen it.

    Args:
        most: How many of each kind.

    Raises:
        NotFound: No such programme.
    """
    problem = pose(terms, programme)
    count = Count(watch or Unwatched(), "additions")
    found: list[Addition] = []
    stopped_by, is_all = "", True
    try:
        before = price(problem, programme, (), 1, count.part())
        _check(before)
        if before.is_possible:
            return Additions(programme, (), Search(True, is_all=True, steps=count.steps), is_possible=True)
        cost_before = before.packages[0].cost if before.packages else None
        for names in _enumerate_enabling(problem, programme, count):
            if len(found) == most:
                is_all = False
                break
            found.append(_name_addition(problem, names, cost_before, None))
            count.found = len(found)
        enabling = {names for names in map(_list_names, found) if len(names) == 1}
        cheaper = []
        for name in sorted({*problem.unoffered, *problem.absent}):
            if (name,) in enabling:
                continue
            count.look()  # each asks so few questions that none of its own would be followed by a look
            after = price(problem, programme, (name,), 1, count.part())
            _check(after)
            if after.packages and (cost_before is None or after.packages[0].cost < cost_before):
                cheaper.append(_name_addition(problem, (name,), cost_before, after))
        cheaper.sort(key=lambda each: (each.cost or 0, _list_names(each)))
        is_all = is_all and len(cheaper) <= most
        found += cheaper[:most]
    except Stopped as stop:
        stopped_by, is_all = stop.reason, False
    search = Search(not stopped_by, is_all=is_all, stopped_by=stopped_by, steps=count.steps)
    return Additions(programme, tuple(found), search)


def _enumerate_enabling(problem: Problem, programme: str, count: Count) -> Iterator[tuple[str, ...]]:
    """Yield minimal sets of additions with which nobody has to concede anything, fewest first."""
    members = [clause for member in problem.members for clause in member.clauses]
    closed = sorted({**problem.unoffered, **problem.absent}.items())
    softs = [Soft(((-number,),), 1) for _, number in closed]
    weighted = Weighted(problem.binding(programme) + members, softs)
    for solution in enumerate_cheapest(weighted, count):
        yield tuple(closed[place][0] for place in solution.given_up)


def _check(packages: Packages) -> None:
    """Raise `Stopped` where a part of the search was stopped."""
    if packages.search.stopped_by:
        raise Stopped(packages.search.stopped_by)


def _name_addition(
    problem: Problem, names: tuple[str, ...], before: int | None, after: Packages | None
) -> Addition:
    return Addition(
        measures=tuple(name for name in names if name in problem.unoffered),
        parties=tuple(name for name in names if name in problem.absent),
        is_possible=after is None,
        cost=0 if after is None else after.packages[0].cost,
        cost_before=before,
        package=None if after is None else after.packages[0],
    )


def _list_names(addition: Addition) -> tuple[str, ...]:
    return tuple(sorted((*addition.measures, *addition.parties)))
