"""The search: every question that can be asked of terms. Each takes `Terms` and gives a value of `answers`.

Invariants:
  * The same terms give the same answer; the order of the file plays no part.
  * A question that is stopped answers with what it has proven, and says that it was stopped.
  * What the law says is never a concession.

    possibility    is it possible, what blocks it, at what price
    programmes     what is possible now, what concessions permit, what additions help
    completion     what a choice of measures needs besides, to stand as an agreement
    inspection     what in the terms needs a second look;  judge: what expressions mean beside each other
    difference     what differs between two versions
    problem        terms as clauses
    obstacles      minimal sets that cannot hold together;  solver: the SAT engines, watched
    cheapest       least weight to give up;  costfunctions: its second engine
    watch          how a search is followed and stopped

It knows no file, prints nothing and has no clock.

    >>> find_obstacles(terms, programme="joint-operation", most=3).obstacles[0].members
    ('ru-joint-strikes', 'us-dod-no-sharing')
"""

from entente.terms.search.difference import compare_terms
from entente.terms.search.inspection import (
    find_inactive,
    find_readings,
    find_shared_core,
    find_unguaranteed,
    scan_inactive,
    scan_readings,
)
from entente.terms.search.possibility import ALL, find_obstacles, find_packages, is_possible
from entente.terms.search.programmes import find_additions, find_best_programme, find_permitted

__all__ = [
    "ALL",
    "compare_terms",
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
    "scan_inactive",
    "scan_readings",
]
