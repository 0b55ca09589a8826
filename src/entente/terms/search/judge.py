"""The judge: what expressions mean beside each other, whoever holds them.

Invariants: everything is on the table; positions play no part; the answer is the solver's, not a comparison
of words.

    >>> with Judge(terms, None) as judge:
    ...     judge.can_hold(judge.name(Atom("joint-strikes")), judge.name(Not(Atom("share-locations"))))
    False
"""

from __future__ import annotations

from typing import Self

from entente.terms.expression import Expression
from entente.terms.model import Terms
from entente.terms.search.problem import Clauses, Compiler
from entente.terms.search.solver import Count, WatchedSolver
from entente.terms.search.watch import Unwatched, Watch


class Judge:
    """Expressions, each behind a selector of its own, under rules and links; use as a context.

    Args:
        is_ruled: Whether rules and links hold; the order of grades always does.
    """

    def __init__(self, terms: Terms, watch: Watch | None, *, is_ruled: bool = True) -> None:
        self._compiler = Compiler(terms)
        problem = self._compiler.compile()
        self._solver = WatchedSolver(
            problem.binding() if is_ruled else problem.structure, Count(watch or Unwatched(), "inspection")
        )
        self._written = len(self._compiler.structure)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *details: object) -> None:
        self._solver.__exit__(*details)

    def name(self, expression: Expression) -> int:
        """Return a literal under which the expression holds."""
        clauses: Clauses = self._compiler.assert_clauses(expression)
        selector = self._compiler.number()
        for clause in self._compiler.structure[self._written :]:
            self._solver.add(clause)
        self._written = len(self._compiler.structure)
        for clause in clauses:
            self._solver.add((-selector, *clause))
        return selector

    def can_hold(self, *selectors: int) -> bool:
        """Return whether these can hold together; raises `Stopped`."""
        return self._solver.is_satisfiable(selectors)
