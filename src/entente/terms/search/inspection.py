"""Inspection: what in the terms themselves needs a second look.

Positions that change nothing; two positions that read one clause differently; obligations for which nobody
answers; whom all count as an enemy. Judged under rules and links alone, with everything on the table: what
other parties say plays no part.

Invariants: an ambiguity is reported and never resolved; no list of enemies is "the" list.

    >>> find_readings(terms)[0].relation
    'contradict'
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations

from entente.terms.answers import Inactive, Reading, SharedCore, Unguaranteed
from entente.terms.expression import Not
from entente.terms.model import Modality, Position, Terms
from entente.terms.search.judge import Judge
from entente.terms.search.watch import Watch


def find_inactive(terms: Terms, *, watch: Watch | None = None) -> tuple[Inactive, ...]:
    """Return the positions that change nothing; raises `Stopped`, and then has nothing to show."""
    return tuple(scan_inactive(terms, watch=watch))


def find_readings(terms: Terms, *, watch: Watch | None = None) -> tuple[Reading, ...]:
    """Return every two positions that read one clause and do not say the same; as `find_inactive`."""
    return tuple(scan_readings(terms, watch=watch))


def scan_inactive(terms: Terms, *, watch: Watch | None = None) -> Iterator[Inactive]:
    """Yield the positions that change nothing, in the order of the file; raises `Stopped`.

    Of several reasons, the first that holds: absent, silent, condition, implied.
    """
    homes = terms.homes
    absent = {party.id for party in terms.parties if not party.takes_part}
    with Judge(terms, watch) as judge:
        for position in terms.positions:
            reason = ""
            if any(homes.get(holder, holder) in absent for holder in position.by):
                reason = "absent"
            elif position.modality is Modality.PERMITS:
                reason = "silent"
            elif position.when is not None and not judge.can_hold(judge.name(position.when)):
                reason = "condition"
            elif not judge.can_hold(judge.name(Not(position.demand))):
                reason = "implied"
            if reason:
                yield Inactive(position.id, reason)


def scan_readings(terms: Terms, *, watch: Watch | None = None) -> Iterator[Reading]:
    """Yield every two positions that read one clause and do not say the same; raises `Stopped`."""
    by_clause: dict[str, list[Position]] = {clause.id: [] for clause in terms.clauses}
    for position in terms.positions:
        if position.clause:
            by_clause.setdefault(position.clause, []).append(position)
    with Judge(terms, watch) as judge:
        for clause, positions in by_clause.items():
            named = [
                (each.id, judge.name(each.demand), judge.name(Not(each.demand)))
                for each in (positions if len(positions) > 1 else ())
            ]
            for (first, holds, fails), (second, holds2, fails2) in combinations(named, 2):
                first_only, second_only = judge.can_hold(holds, fails2), judge.can_hold(fails, holds2)
                relation = ""
                if not judge.can_hold(holds, holds2):
                    relation = "contradict"
                elif first_only or second_only:
                    relation = {(True, True): "differ", (False, True): "narrower", (True, False): "wider"}[
                        first_only, second_only
                    ]
                if relation:
                    yield Reading(clause, first, second, relation)


def find_unguaranteed(terms: Terms) -> tuple[Unguaranteed, ...]:
    """Return the obligations for which nobody answers who takes part, in the order of the file."""
    homes = terms.homes
    present = {party.id for party in terms.parties if party.takes_part}
    return tuple(
        Unguaranteed(each.id, each.zone, each.guarantor)
        for each in terms.obligations
        if homes.get(each.guarantor) not in present
    )


def find_shared_core(terms: Terms) -> SharedCore:
    """Return the groups that every party that takes part designates, and what each says of each group."""
    said = {(each.party, each.group): each.answer for each in terms.designations}
    parties = [party.id for party in terms.parties if party.takes_part]
    answers = {
        group.id: {party: said.get((party, group.id), "not stated") for party in parties}
        for group in terms.groups
    }
    # Where nobody takes part, nothing is shared: combining nothing denies.
    shared = tuple(
        group for group, each in answers.items() if each and all(answer == "yes" for answer in each.values())
    )
    return SharedCore(shared, {group: dict(each) for group, each in answers.items()})
