"""Branch and bound over cost functions: the engine for terms in which everything contradicts everything.

Each soft clause becomes a cost function over its propositions; soft arc consistency gives bounds that hold
where core-guided search drowns: fifty measures and four hundred positions take it tenths of a second.

Invariants:
  * What is returned as optimal was proven so by the engine; what is only a bound is marked as one.
  * It works in slices of so many backtracks, each begun anew, and looks at the watch between them.
  * Weights whose sum it could not count exactly are not given to it: it then knows nothing.

The engine keeps its state in the process: one search at a time, from one thread.

    >>> search_branch_and_bound(4, [(1, 2)], [((-1,), 3), ((-2,), 5)], count)
    Found(model=[1, -2, -3, -4], cost=3, at_least=3, is_optimal=True)

Source: toulbar2 (D. Allouche, S. de Givry, T. Schiex and others), by its own Python package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final

from entente.terms.search.problem import Clause
from entente.terms.search.solver import Count

FIRST_SLICE_BACKTRACKS: Final = 500
LAST_SLICE_BACKTRACKS: Final = 32_000
MOST_EXACT: Final = 2**50
"""The engine counts in floating point: sums above about 2 ** 54 come out wrong (tests/properties)."""
WHOLE_TABLE: Final = 4
"""Functions over up to this many propositions are written out; wider ones name their one costly entry."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a search came to.

    Args:
        model: The best assignment, literal of proposition n at place n - 1; empty when none is known.
        cost: Its cost; meaningless without a model.
        at_least: No assignment costs less.
        is_optimal: Proven the cheapest; without a model: proven that there is none.
    """

    model: list[int]
    cost: int
    at_least: int
    is_optimal: bool


def is_available() -> bool:
    """Return whether the engine is installed here; it is not on every system."""
    try:
        import pytoulbar2  # noqa: F401, PLC0415 - slow to load: only where it is needed
    except ImportError:
        return False
    return True


def search_branch_and_bound(
    top: int, hard: Sequence[Clause], softs: Sequence[tuple[Clause, int]], count: Count, base: int = 0
) -> Found:
    """Return a cheapest assignment of propositions 1 to ``top``, or how far the slices got.

    Args:
        base: What is lost anyway, added to the bounds in ``count`` and to nothing else.
        softs: Clauses, none empty, none twice; weights positive.

    Raises:
        Stopped: The watch ended it; the caller's bounds stand in ``count``.
    """
    if sum(weight for _, weight in softs) >= MOST_EXACT:
        return Found([], 0, 0, is_optimal=False)
    used = sorted(
        {abs(literal) for clause in (*hard, *(clause for clause, _ in softs)) for literal in clause}
    )
    best = Found([], 0, 0, is_optimal=False)
    slice_backtracks = FIRST_SLICE_BACKTRACKS
    while slice_backtracks <= LAST_SLICE_BACKTRACKS:
        count.look()
        best = _search_slice(used, hard, softs, slice_backtracks, best)
        count.steps += 1
        if best.is_optimal:
            break
        count.at_least = max(count.at_least, base + best.at_least)
        slice_backtracks *= 4
    if not best.model:
        return best
    true = set(best.model)
    return Found(
        [number if number in true else -number for number in range(1, top + 1)],
        best.cost,
        best.at_least,
        best.is_optimal,
    )


def _search_slice(
    used: list[int],
    hard: Sequence[Clause],
    softs: Sequence[tuple[Clause, int]],
    backtracks: int,
    known: Found,
) -> Found:
    import pytoulbar2  # noqa: PLC0415 - as in `is_available`

    network = pytoulbar2.CFN()
    network.Option.backtrackLimit = backtracks
    places = {number: place for place, number in enumerate(used)}
    for number in used:
        network.AddVariable(f"p{number}", [0, 1])
    forbidden = sum(weight for _, weight in softs) + 1
    network.UbInit = known.cost if known.model else forbidden
    for clause in hard:
        _add_clause(network, clause, forbidden, places)
    for clause, weight in softs:
        _add_clause(network, clause, weight, places)
    answer = network.Solve()
    is_limited = network.GetNbBacktracks() >= backtracks
    if answer is None:
        # Nothing better than what was known: proven, unless the slice ended first.
        at_least = max(known.at_least, int(network.GetDDualBound())) if is_limited else known.cost
        return Found(known.model, known.cost, at_least, is_optimal=not is_limited)
    values, cost, _ = answer
    model = [number if values[places[number]] == 1 else -number for number in used]
    bound = max(known.at_least, int(network.GetDDualBound() - 1e-6))
    return Found(model, round(cost), round(cost) if not is_limited else bound, is_optimal=not is_limited)


def _add_clause(network: Any, clause: Clause, weight: int, places: dict[int, int]) -> None:  # noqa: ANN401 - untyped
    scope = [places[abs(literal)] for literal in clause]
    violating = tuple(0 if literal > 0 else 1 for literal in clause)
    if len(scope) <= WHOLE_TABLE:
        network.AddFunction(
            scope, [weight if each == violating else 0 for each in product((0, 1), repeat=len(scope))]
        )
    else:
        network.AddCompactFunction(scope, 0, [list(violating)], [weight])
