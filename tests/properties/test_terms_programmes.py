"""What is possible now, what concessions permit, what would help, and what the terms themselves hide.

Every answer against the oracle, as in `test_terms_questions`.
"""

from __future__ import annotations

from itertools import combinations
from random import Random
from typing import Final

from hypothesis import given

from entente.terms.answers import Concession, Package
from entente.terms.model import Terms
from entente.terms.search.inspection import find_inactive, find_readings, find_shared_core, find_unguaranteed
from entente.terms.search.programmes import find_additions, find_best_programme, find_permitted
from tests.terms_oracle import Oracle, find_minimal_additions, list_off_the_table, read_levels
from tests.terms_oracle import find_shared_core as oracle_shared_core
from tests.terms_oracle import find_unguaranteed as oracle_unguaranteed
from tests.terms_strategies import every, few, seeds, small_terms

MANY: Final = 10_000


@few
@given(small_terms, seeds)
def test_the_best_programme_is_the_best_and_the_least(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 25):
        oracle = Oracle(each)
        answer = find_best_programme(each)
        best = oracle.find_best()
        assert answer.search.is_complete, name
        if best is None:
            assert answer.blocked_by is not None, name
            members = {member.name: member for member in oracle.vetoes}
            rows = oracle.hard
            for member in answer.blocked_by.members:
                rows &= members[member].levels[0]
            assert not rows, name
            continue
        assert answer.blocked_by is None, name
        value, _, rows_of_best = best
        row = oracle.find_row(answer.grades)
        assert answer.value == answer.at_most == value, name
        assert row.bit_length() - 1 in rows_of_best, name
        met, unmet = oracle.list_wants(row.bit_length() - 1)
        assert sorted(answer.met) == sorted(met), name
        assert sorted(answer.unmet) == sorted(unmet), name
        silent = {measure: oracle.list_silent(measure) for measure in answer.grades}
        assert answer.silent == {measure: parties for measure, parties in silent.items() if parties}, name


@few
@given(small_terms, seeds)
def test_what_concessions_permit_is_how_far_programmes_then_go(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 4):
        oracle = Oracle(each)
        random = Random(seed)
        concessions = draw_concessions(oracle, random)
        levels = read_levels(oracle, concessions)
        answer = find_permitted(each, concessions)
        before, after = oracle.find_furthest(), oracle.find_furthest(levels)
        assert answer.search.is_complete, name
        assert answer.before == before, name
        assert answer.after == after, name
        newly = {measure for measure, grade in after.items() if grade > before[measure]}
        assert set(answer.newly) == newly, name


def draw_concessions(oracle: Oracle, random: Random) -> tuple[Concession, ...]:
    drawn = []
    for member in oracle.members:
        if random.random() < 0.4 and not member.is_law:
            step = random.randint(1, len(member.to) - 1)
            drawn.append(Concession(member.name, member.costs[step], member.to[step]))
    return tuple(drawn)


@few
@given(small_terms, seeds)
def test_additions_are_all_that_help_and_none_that_do_not(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 4):
        programme = each.programmes[0].id
        before = Oracle(each).find_cost(programme)
        answer = find_additions(each, programme=programme, most=MANY)
        assert answer.search.is_complete, name
        added = {frozenset((*a.measures, *a.parties)): a for a in answer.additions}
        assert len(added) == len(answer.additions), name
        helpful = find_minimal_additions(each, programme) if before != 0 else set()
        assert {names for names, addition in added.items() if addition.is_possible} == helpful, name
        cheaper = set()
        for single in list_off_the_table(each) if before != 0 else ():
            cost = Oracle(each, [single]).find_cost(programme)
            if cost and (before is None or cost < before):
                cheaper.add(frozenset([single]))
        assert {names for names, addition in added.items() if not addition.is_possible} == cheaper, name
        for names, addition in added.items():
            check_addition(each, names, addition.cost, addition.package, programme, name)
            assert addition.cost_before == before, name


def check_addition(
    terms: Terms, names: frozenset[str], cost: int | None, package: Package | None, programme: str, name: str
) -> None:
    oracle = Oracle(terms, names)
    assert cost == oracle.find_cost(programme), name
    if cost:
        assert package is not None, name
        assert package.cost == cost, name
        assert oracle.concede(read_levels(oracle, package.concessions), programme), name


@few
@given(small_terms, seeds)
def test_an_inactive_position_is_one_that_changes_nothing(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 25):
        found = {inactive.position: inactive.reason for inactive in find_inactive(each)}
        assert found == Oracle(each).find_inactive(), name


@few
@given(small_terms, seeds)
def test_readings_that_differ_are_all_named(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 25):
        oracle = Oracle(each)
        true = {
            (first.clause, first.id, second.id, relation)
            for first, second in combinations(each.positions, 2)
            if first.clause and first.clause == second.clause
            if (relation := oracle.compare(first, second))
        }
        found = [(r.clause, r.first, r.second, r.relation) for r in find_readings(each)]
        assert set(found) == true, name
        assert len(found) == len(true), name


@few
@given(small_terms, seeds)
def test_nobody_is_taken_for_a_guarantor_or_for_having_designated(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 25):
        unguaranteed = {found.obligation for found in find_unguaranteed(each)}
        assert unguaranteed == oracle_unguaranteed(each), name
        core = find_shared_core(each)
        assert set(core.shared) == oracle_shared_core(each), name
        said = {(d.party, d.group): d.answer for d in each.designations}
        for group, answers in core.answers.items():
            for party, answer in answers.items():
                assert answer == said.get((party, group), "not stated"), name
