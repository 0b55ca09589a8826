"""The questions that can be asked of terms, in one place. Each takes `Terms` and gives a value of `answers`.

Invariants:
  * The same terms give the same answer; the order of the file plays no part.
  * A question that is stopped answers with what it has proven, and says that it was stopped.
  * What the law says is never a concession.

The searches stand in `possibility` (is it possible, what blocks it, at what price), `programmes` (what is
possible now, what concessions permit, what additions help) and `inspection` (what needs a second look).

    >>> find_obstacles(terms, programme="joint-operation", most=3).obstacles[0].members
    ('ru-joint-strikes', 'us-dod-no-sharing')
"""

from entente.terms.inspection import find_inactive, find_readings, find_shared_core, find_unguaranteed
from entente.terms.possibility import ALL, find_obstacles, find_packages, is_possible
from entente.terms.programmes import find_additions, find_best_programme, find_permitted

__all__ = [
    "ALL",
    "find_additions",
    "find_best_programme",
    "find_inactive",
    "find_obstacles",
    "find_packages",
    "find_permitted",
    "find_readings",
    "find_shared_core",
    "find_unguaranteed",
    "is_possible",
]
