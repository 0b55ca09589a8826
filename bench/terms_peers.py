"""What else answers such questions: CPMpy, plain RC2 of python-sat, and clingo, on the same terms.

Each peer gets the terms as its own users would write them, from the values of `entente.terms.model` and
expressions alone. Grades are one yes/no variable for each step. Positions are all or nothing here: the peers
have no notion of steps, and what is compared with them has none.

`run_limited` runs a peer in a process of its own and ends it after a time limit: most cannot be stopped.
"""

from __future__ import annotations

import math
import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import clingo
import cpmpy
from cpmpy.tools.explain import marco, mcs_opt, mus
from pysat.examples.rc2 import RC2
from pysat.formula import WCNF

from entente.terms.expression import AllOf, AnyOf, Atom, Expression, Implies, Not
from entente.terms.model import Modality, Terms

MARCO_SOLVERS: Final = ("pysat:cadical195", "pysat:glucose4", "pysat:minisat22", "ortools")
CLINGO_CORES: Final = ("--opt-strategy=usc,stratify",)
"""Faster than clingo's own choice on these instances."""


@dataclass(frozen=True)
class Parts:
    """Terms as logic: what is fixed, and what each member asks with its weight."""

    atoms: tuple[Atom, ...]
    fixed: tuple[Expression, ...]
    members: tuple[tuple[str, Expression, int], ...]


@dataclass(frozen=True)
class Run:
    """What a peer took. ``is_done`` False: ended by the limit after ``seconds``, having found ``found``."""

    seconds: float
    is_done: bool
    found: int


def split_terms(terms: Terms, programme: str = "") -> Parts:
    """Return terms as logic. Every party must take part, and every measure be offered."""
    assert all(party.takes_part for party in terms.parties)
    assert all(measure.is_offered for measure in terms.measures)
    fixed = [rule.expression for rule in terms.rules] + [link.expression for link in terms.links]
    fixed += [each.expression for each in terms.programmes if each.id == programme]
    atoms = []
    for measure in terms.measures:
        steps = [Atom(measure.id, grade) for grade in range(1, (len(measure.grades) or 1) + 1)]
        atoms += steps
        fixed += [Implies(high, low) for low, high in pairwise(steps)]
    members = [
        (position.id, position.demand, position.weight)
        for position in terms.positions
        if position.modality in (Modality.REQUIRES, Modality.FORBIDS)
    ]
    said = {(each.party, each.group): each for each in terms.designations}
    for group in terms.groups:
        for party in terms.parties:
            against = [
                Not(Atom(measure.id))
                for measure in terms.measures
                if measure.against == group.id and (not measure.by or party.id in measure.by)
            ]
            statement = said.get((party.id, group.id))
            if against and (statement is None or statement.answer != "yes"):
                wanted = against[0] if len(against) == 1 else AllOf(tuple(against))
                members.append((f"{party.id}/{group.id}", wanted, statement.weight if statement else 1))
    return Parts(tuple(atoms), tuple(fixed), tuple(members))


# CPMpy


def make_cpmpy(parts: Parts, *, has_selectors: bool = False) -> tuple[list[Any], list[Any], list[int]]:
    """Return the soft constraints, the hard ones and the weights of the soft ones.

    Args:
        has_selectors: Each member gets a variable of its own, which is what is soft: ``mcs_opt`` works on
            sets, in which equal demands of two parties would be one.
    """
    variables = {atom: cpmpy.boolvar(name=f"{atom.name}@{atom.grade}") for atom in parts.atoms}

    def build(expression: Expression) -> Any:  # noqa: ANN401, cpmpy has no types
        match expression:
            case Atom():
                return variables[expression]
            case Not(part):
                return ~build(part)
            case AllOf(parts_):
                return cpmpy.all([build(each) for each in parts_])
            case AnyOf(parts_):
                return cpmpy.any([build(each) for each in parts_])
            case Implies(premise, conclusion):
                return build(premise).implies(build(conclusion))

    soft, hard = [], [build(each) for each in parts.fixed]
    for name, wanted, _ in parts.members:
        if has_selectors:
            selector = cpmpy.boolvar(name=name)
            hard.append(selector.implies(build(wanted)))
            soft.append(selector)
        else:
            soft.append(build(wanted))
    return soft, hard, [weight for _, _, weight in parts.members]


def run_marco(parts: Parts, solver: str, limit_s: float) -> Run:
    """Enumerate all minimal conflicts with CPMpy's ``marco``."""

    def work() -> Iterator[int]:
        map_solver = solver if solver.startswith("pysat") else "ortools"
        found = 0
        for kind, _ in marco(soft, hard, solver=solver, map_solver=map_solver):
            found += kind == "MUS"
            yield found

    soft, hard, _ = make_cpmpy(parts)
    return run_limited(work, limit_s)


def run_mus(parts: Parts, solver: str, limit_s: float) -> Run:
    """Find one minimal conflict with CPMpy's ``mus``; found is its size."""

    def work() -> Iterator[int]:
        yield len(mus(soft, hard, solver=solver))

    soft, hard, _ = make_cpmpy(parts)
    return run_limited(work, limit_s)


def run_mcs_opt(parts: Parts, solver: str, limit_s: float) -> Run:
    """Find the cheapest package with CPMpy's ``mcs_opt``; found is its cost."""

    def work() -> Iterator[int]:
        price = dict(zip([each.name for each in soft], weights, strict=True))
        yield sum(price[each.name] for each in mcs_opt(soft, hard, weights, solver=solver))

    soft, hard, weights = make_cpmpy(parts, has_selectors=True)
    return run_limited(work, limit_s)


# RC2 and clingo


def run_rc2(parts: Parts, limit_s: float, *, most: int = 1) -> Run:
    """Find the cheapest packages with python-sat's RC2, as it comes; found is the cost of the last."""

    def work() -> Iterator[int]:
        formula = WCNF()
        for clause in clauses:
            formula.append(clause)
        for selector, weight in selectors:
            formula.append([selector], weight=weight)
        solver = RC2(formula)
        for count, _ in enumerate(solver.enumerate(block=-1), start=1):
            yield int(solver.cost)
            if count == most:
                return

    clauses, selectors = make_clauses(parts)
    return run_limited(work, limit_s)


def make_clauses(parts: Parts) -> tuple[list[list[int]], list[tuple[int, int]]]:
    """Return terms as clauses, and a selector with its weight for each member."""
    numbers = {atom: at for at, atom in enumerate(parts.atoms, start=1)}
    count = len(numbers)
    clauses: list[list[int]] = []

    def name(expression: Expression) -> int:
        nonlocal count
        match expression:
            case Atom():
                return numbers[expression]
            case Not(part):
                return -name(part)
            case AllOf(inner):
                return -name(AnyOf(tuple(Not(each) for each in inner)))
            case Implies(premise, conclusion):
                return name(AnyOf((Not(premise), conclusion)))
            case AnyOf(inner):
                literals = [name(each) for each in inner]
                count += 1
                this = count
                clauses.append([-this, *literals])
                clauses.extend([this, -literal] for literal in literals)
                return this

    def state(expression: Expression, guard: list[int]) -> None:
        match expression:
            case AnyOf(inner):
                clauses.append([*guard, *(name(each) for each in inner)])
            case Implies(premise, conclusion):
                clauses.append([*guard, -name(premise), name(conclusion)])
            case AllOf(inner):
                for each in inner:
                    state(each, guard)
            case _:
                clauses.append([*guard, name(expression)])

    for each in parts.fixed:
        state(each, [])
    selectors = []
    for _, wanted, weight in parts.members:
        count += 1
        selectors.append((count, weight))
        state(wanted, [-count])
    return clauses, selectors


def run_clingo(parts: Parts, limit_s: float, *options: str) -> Run:
    """Find the cheapest package with clingo; found is its cost, or -1 where the limit came first."""

    def work() -> Iterator[int]:
        control = clingo.Control(["--warn=none", *options])
        control.add("base", [], program)
        control.ground([("base", [])])
        cost = -1
        with control.solve(yield_=True) as models:
            for model in models:
                cost = model.cost[0] if model.cost else 0
        yield cost

    clauses, selectors = make_clauses(parts)
    weights = dict(selectors)
    count = max([0, *(abs(literal) for clause in clauses for literal in clause if -literal not in weights)])
    lines = [f"{{x(1..{count})}}."]
    for clause in clauses:
        broken = ",".join(
            f"not x({each})" if each > 0 else f"x({-each})" for each in clause if -each not in weights
        )
        kept = [-each for each in clause if -each in weights]
        lines.append(f"broken({kept[0]}) :- {broken}." if kept else f":- {broken}.")
    lines += [f":~ broken({selector}). [{weight},{selector}]" for selector, weight in selectors]
    program = "\n".join(lines)
    return run_limited(work, limit_s)


# Limits


def run_limited(work: Callable[[], Iterator[int]], limit_s: float) -> Run:
    """Run a peer in a process of its own and end it after the limit.

    Args:
        work: Yields how far it has got; what it takes, imports excepted, is measured inside the process.
    """
    context = multiprocessing.get_context("fork")
    ours, theirs = context.Pipe(duplex=False)

    def run() -> None:
        began, last = time.perf_counter(), -1
        told = began
        for last in work():
            if (now := time.perf_counter()) - told > 0.05:
                theirs.send((now - began, False, last))
                told = now
        theirs.send((time.perf_counter() - began, True, last))

    process = context.Process(target=run)
    process.start()
    theirs.close()
    ends = time.perf_counter() + limit_s + 5.0  # five seconds to start in
    seen = Run(math.nan, is_done=False, found=-1)
    while not seen.is_done and (left := ends - time.perf_counter()) > 0 and ours.poll(left):
        try:
            seen = Run(*ours.recv())
        except EOFError:
            break
        if seen.seconds > limit_s:
            break
    process.kill()
    process.join()
    return seen if seen.is_done else Run(limit_s, is_done=False, found=seen.found)
