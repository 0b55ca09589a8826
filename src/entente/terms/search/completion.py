"""Completion: what else a choice of measures needs, so that it can stand as an agreement.

Invariants:
  * What comes out keeps every rule and link, carries the programme out, and goes as far as was chosen or
    further; or nothing comes out.
  * It goes against the law only where nothing else is possible, then against as little weight of positions as
    possible; among these it is the least: nothing is in it that is of no use.
  * No party is let in and no measure put on the table that was not chosen.

It does not judge whether the rest should be conceded: see `entente.terms.search.possibility`.

    >>> complete_programme(terms, {"safe-zone": 1})
    {'safe-zone': 1, 'truce': 1}
"""

from __future__ import annotations

from collections.abc import Mapping

from entente.kernel.errors import NotFound
from entente.terms.model import Terms
from entente.terms.search.cheapest import Soft, Weighted, enumerate_cheapest
from entente.terms.search.possibility import pose
from entente.terms.search.solver import Count
from entente.terms.search.watch import Unwatched, Watch


def complete_programme(
    terms: Terms, grades: Mapping[str, int], *, programme: str = "", watch: Watch | None = None
) -> dict[str, int] | None:
    """Return a choice with all that it needs, or None where no rule-keeping one holds it.

    Raises:
        NotFound: No such programme, measure or grade.
        Stopped: The watch wanted it; there is no half of an answer.
    """
    problem = pose(terms, programme)
    unknown = next((pair for pair in grades.items() if pair[1] and pair not in problem.numbers), None)
    if unknown is not None:
        raise NotFound("no-measure", f"choice: expected a measure and a grade of it, got {unknown}")
    chosen = {name: grade for name, grade in grades.items() if grade}
    units = [(problem.numbers[pair],) for pair in chosen.items()]
    numbers = sorted(problem.numbers.values())
    stakes = [(stake, member.is_law) for member in problem.members for stake in member.stakes]
    # One unit of any measure weighs less than the least position, and all positions less than the law.
    scale = len(numbers) + 1
    law = 1 + sum(stake.weight for stake, _ in stakes)
    softs = [Soft(stake.clauses, stake.weight * scale * (law if is_law else 1)) for stake, is_law in stakes]
    softs += [Soft(((-number,),), 1) for number in numbers]
    hard = problem.fixed(programme, tuple(chosen)) + units
    best = next(enumerate_cheapest(Weighted(hard, softs), Count(watch or Unwatched(), "completion")), None)
    return None if best is None else problem.read_grades(best.model)
