"""The questions about terms, attacked with thousands of random ones: every answer against the oracle.

The oracle looks at all programmes (`tests.terms_oracle`). Each test draws one set of terms from Hypothesis,
which shrinks what fails, and then more from plain seeds, which are cheap; a failure there names its seed.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from hypothesis import given

from entente.terms.answers import Packages
from entente.terms.model import Terms
from entente.terms.search.possibility import ALL, find_obstacles, find_packages, is_possible
from tests.terms_oracle import Oracle, read_levels
from tests.terms_strategies import every, few, pick_programme, seeds, small_terms

MANY: Final = 10_000
"""More than there are: an answer must then say that it is all."""


@few
@given(small_terms, seeds)
def test_possible_is_what_some_programme_shows(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 30):
        oracle = Oracle(each)
        programme = pick_programme(each, seed)
        answer = is_possible(each, programme=programme)
        assert answer.is_possible is oracle.is_possible(programme), name
        assert answer.search.is_complete, name
        if answer.is_possible:
            assert oracle.find_row(answer.grades) & oracle.satisfying(programme), name


@few
@given(small_terms, seeds)
def test_no_obstacle_is_missed_and_none_is_made_up(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 9):
        oracle = Oracle(each)
        laws = {member.name for member in oracle.members if member.is_law}
        programme = pick_programme(each, seed)
        true = oracle.find_obstacles(programme)
        for most in (ALL, MANY):  # two searches: for all of them, and for the smallest until none is left
            answer = find_obstacles(each, programme=programme, most=most)
            found = [obstacle.members for obstacle in answer.obstacles]
            assert set(found) == true, name
            assert found == sorted(found, key=lambda members: (len(members), members)), name
            assert len(found) == len(true), name
            assert answer.search.is_complete, name
            assert answer.search.is_all, name
            for obstacle in answer.obstacles:
                assert obstacle.is_hard is set(obstacle.members).issubset(laws), name


@few
@given(small_terms, seeds)
def test_the_first_obstacles_are_the_smallest(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 6):
        oracle = Oracle(each)
        programme = each.programmes[0].id
        true = oracle.find_obstacles(programme)
        sizes = sorted(len(members) for members in true)
        for most in (1, 2):
            answer = find_obstacles(each, programme=programme, most=most)
            found = {obstacle.members for obstacle in answer.obstacles}
            assert found <= true, name
            assert sorted(len(members) for members in found) == sizes[:most], name
            assert not answer.search.is_all or len(true) <= most, name


@few
@given(small_terms, seeds)
def test_rules_beside_an_obstacle_are_needed_and_enough(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 6):
        programme = pick_programme(each, seed)
        for obstacle in find_obstacles(each, programme=programme, most=3).obstacles:
            assert not is_consistent_under(each, obstacle.via, obstacle.members, programme), name
            for rule in obstacle.via:
                fewer = tuple(via for via in obstacle.via if via != rule)
                assert is_consistent_under(each, fewer, obstacle.members, programme), name


def is_consistent_under(
    terms: Terms, rules: tuple[str, ...], members: tuple[str, ...], programme: str
) -> bool:
    """Return whether members can hold together when only these rules and links do."""
    fewer = replace(
        terms,
        rules=tuple(rule for rule in terms.rules if rule.id in rules),
        links=tuple(link for link in terms.links if link.id in rules),
    )
    return Oracle(fewer).is_consistent(members, programme)


@few
@given(small_terms, seeds)
def test_every_package_is_found_at_its_true_cost(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 6):
        oracle = Oracle(each)
        programme = pick_programme(each, seed)
        answer = find_packages(each, programme=programme, most=MANY)
        true = oracle.find_packages(programme)
        found = sorted(read_levels(oracle, package.concessions) for package in answer.packages)
        assert found == sorted(package.levels for package in true), name
        priced = {package.levels: package for package in true}
        for package in answer.packages:
            right = priced[read_levels(oracle, package.concessions)]
            assert package.cost == right.cost, name
            assert package.burden == right.burden, name
            assert sum(package.burden.values()) == package.cost, name
        check_packages(oracle, answer, programme, name)
        assert answer.search.is_all, name


@few
@given(small_terms, seeds)
def test_the_first_packages_are_the_cheapest(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 6):
        oracle = Oracle(each)
        programme = each.programmes[0].id
        true = oracle.find_packages(programme)
        for most in (1, 3):
            answer = find_packages(each, programme=programme, most=most)
            levels = {read_levels(oracle, package.concessions) for package in answer.packages}
            assert len(levels) == len(answer.packages), name
            assert levels <= {package.levels for package in true}, name
            costs = [package.cost for package in answer.packages]
            assert costs == [package.cost for package in true][:most], name
            check_packages(oracle, answer, programme, name)
            assert not answer.search.is_all or len(true) <= most, name


def check_packages(oracle: Oracle, answer: Packages, programme: str, name: str) -> None:
    """Check what surrounds the packages: possible at once, blocked by law alone, and the bound."""
    costs = [package.cost for package in answer.packages]
    laws = {member.name for member in oracle.members if member.is_law}
    assert answer.search.is_complete, name
    assert costs == sorted(costs), name
    assert answer.is_possible is oracle.is_possible(programme), name
    assert not (answer.is_possible and answer.packages), name
    if answer.packages:
        assert answer.at_least == answer.packages[0].cost, name
    if answer.is_possible or answer.packages:
        assert answer.blocked_by is None, name
    else:
        assert answer.blocked_by is not None, name
        assert answer.blocked_by.members in oracle.find_obstacles(programme), name
        assert set(answer.blocked_by.members) <= laws, name
