"""One incremental SAT solver, watched: what may hold together with what.

Invariants:
  * Between two looks at the watch it spends a bounded number of conflicts.
  * A model or core is handed out as numbers and copied: the next question cannot change it.

It ranks nothing: see `entente.terms.search.obstacles` and `entente.terms.search.cheapest`.

    >>> with WatchedSolver(clauses, Unwatched(), "obstacles") as solver:
    ...     solver.is_satisfiable([5, 6]), solver.core()
    (False, [5])

Two engines. MiniSat in its GitHub version for what terms say: it keeps to preferred literals, so that its
models are maximal, and works within a budget of conflicts. CaDiCaL for the map of `obstacles.enumerate_all`,
which is all clauses and hardly any search: it keeps to them as well and is up to three times as quick there,
and needs no budget.

Source: python-sat (A. Ignatiev, A. Morgado, J. Marques-Silva, PySAT, SAT 2018).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final, Self

from pysat.solvers import Solver

from entente.terms.search.problem import Clause
from entente.terms.search.watch import WORK_CONFLICTS, Progress, Stopped, Watch

ENGINE: Final = "minisat-gh"
MAP_ENGINE: Final = "cadical153"
STEPS_BETWEEN_LOOKS: Final = 32
"""A question takes some hundredths of a millisecond, unless it uses up its conflicts: then a look follows."""


class Count:
    """How far a question has got: how often solvers were asked, what was found, and the bounds known."""

    def __init__(self, watch: Watch, stage: str) -> None:
        self.steps = 0
        self.found = 0
        self.at_least = 0
        self.at_most = -1
        self._watch = watch
        self._stage = stage

    def part(self) -> Count:
        """Return a count for a part of the question, under the same watch, with bounds of its own."""
        return Count(self._watch, self._stage)

    def step(self) -> None:
        """Count one question, and now and then look at the watch; raise `Stopped` when it says so."""
        self.steps += 1
        if not self.steps % STEPS_BETWEEN_LOOKS:
            self.look()

    def look(self) -> None:
        """Look at the watch; raise `Stopped` when it says so."""
        reason = self._watch.look(Progress(self._stage, self.found, self.steps, self.at_least, self.at_most))
        if reason:
            raise Stopped(reason)


def solve_watched(solver: Any, assumed: Sequence[int], count: Count, *, spent: int) -> tuple[bool, int]:  # noqa: ANN401 - untyped
    """Return whether the clauses can hold, and the conflicts so far; raise `Stopped` before it is known.

    Args:
        spent: Its conflicts when the watch was last looked at: many questions that take some each add up.
    """
    count.step()
    while True:
        solver.conf_budget(WORK_CONFLICTS)
        found = solver.solve_limited(assumptions=assumed)
        conflicts = solver.accum_stats()["conflicts"]
        if found is None or conflicts - spent >= WORK_CONFLICTS:
            spent = conflicts
            count.look()
        if found is not None:
            return bool(found), spent


def watch_engine(engine: Any, count: Count) -> None:  # noqa: ANN401 - untyped
    """Have a MaxSAT engine of python-sat ask its solver under the watch."""
    spent = 0

    def ask(assumptions: Sequence[int] = (), expect_interrupt: bool = False) -> bool:  # noqa: FBT001, FBT002 - the signature overridden
        nonlocal spent
        del expect_interrupt
        found, spent = solve_watched(engine.oracle, assumptions, count, spent=spent)
        return found

    engine._call_oracle = ask  # noqa: SLF001 - the one place through which it asks


class WatchedSolver:
    """A solver with clauses; use as a context, so that its memory outside Python is given back.

    Args:
        engine: `MAP_ENGINE` works without a budget of conflicts: only for questions that need few.
    """

    def __init__(self, clauses: Iterable[Clause], count: Count, *, engine: str = ENGINE) -> None:
        self._count = count
        self._engine = engine
        self._solver = Solver(name=engine)
        self._spent = 0
        for clause in clauses:
            self._solver.add_clause(list(clause))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._solver.delete()

    def add(self, clause: Iterable[int]) -> None:
        """Add a clause for good."""
        self._solver.add_clause(list(clause))

    def prefer(self, literals: Iterable[int]) -> None:
        """Have these literals tried first, where nothing decides otherwise."""
        self._solver.set_phases(list(literals))

    def is_satisfiable(self, assumed: Sequence[int] = ()) -> bool:
        """Return whether the clauses can hold with the assumed literals.

        Raises:
            Stopped: The watch ended the search before it was known.
        """
        if self._engine == MAP_ENGINE:
            self._count.step()
            return bool(self._solver.solve(assumptions=assumed))
        found, self._spent = solve_watched(self._solver, assumed, self._count, spent=self._spent)
        return found

    def implied(self, assumed: Sequence[int]) -> list[int]:
        """Return literals that follow from the assumed ones by propagation alone."""
        return list(self._solver.propagate(assumptions=assumed)[1])

    def model(self) -> list[int]:
        """Return the last model, as the literals that hold."""
        return list(self._solver.get_model() or [])

    def core(self) -> list[int]:
        """Return assumed literals that were enough for the last "no"; not always the fewest."""
        return list(self._solver.get_core() or [])
