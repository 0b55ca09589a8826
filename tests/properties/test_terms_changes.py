"""How answers must change, or not, when the terms are changed: attacks that need no oracle.

A further position never helps; an obstacle without any one member is none; a package, applied to the terms,
makes it possible, and less of it does not; names, order and the unit of weights mean nothing; law is never
for sale.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from entente.terms.answers import Concession
from entente.terms.expression import Atom
from entente.terms.model import Designation, Modality, Position, Terms
from entente.terms.search.possibility import find_obstacles, find_packages, is_possible
from entente.terms.search.programmes import find_best_programme, find_permitted
from tests.terms_strategies import (
    every,
    few,
    list_names,
    pick_programme,
    rename_terms,
    scale_terms,
    seeds,
    shuffle_terms,
    small_terms,
)

MANY: Final = 10_000


def is_met(terms: Terms, programme: str) -> bool:
    answer = is_possible(terms, programme=programme)
    assert answer.is_possible is not None
    return answer.is_possible


# Positions come and go


@few
@given(small_terms, seeds)
def test_a_further_position_never_makes_it_possible(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 4):
        fewer = replace(each, positions=each.positions[:-1])
        programme = pick_programme(each, seed)
        assert is_met(fewer, programme) or not is_met(each, programme), name


@few
@given(small_terms, seeds)
def test_without_any_one_member_an_obstacle_is_none(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 2):
        programme = pick_programme(each, seed)
        for obstacle in find_obstacles(each, programme=programme, most=3).obstacles:
            assert not is_met(keep_members(each, obstacle.members), programme), name
            for member in obstacle.members:
                rest = [other for other in obstacle.members if other != member]
                assert is_met(keep_members(each, rest), programme), name


def keep_members(terms: Terms, members: Iterable[str]) -> Terms:
    """Return the terms with these members alone: no other position, and everyone else designates."""
    kept = set(members)
    return replace(
        terms,
        positions=tuple(position for position in terms.positions if position.id in kept),
        designations=tuple(
            each if f"{each.party}/{each.group}" in kept else replace(each, answer="yes")
            for each in state_everything(terms)
        ),
    )


def state_everything(terms: Terms) -> tuple[Designation, ...]:
    """Return a designation for every party and group, also where nothing was said."""
    return scale_terms(terms, 1).designations


# Concessions are made


@few
@given(small_terms, seeds)
def test_a_package_that_is_applied_makes_it_possible_and_less_does_not(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 3):
        programme = pick_programme(each, seed)
        for package in find_packages(each, programme=programme, most=3).packages:
            assert package.concessions, name
            assert is_met(concede(each, package.concessions), programme), name
            for at, concession in enumerate(package.concessions):
                others = package.concessions[:at] + package.concessions[at + 1 :]
                for less in soften_less(each, concession):
                    assert not is_met(concede(each, (*others, *less)), programme), name


def soften_less(terms: Terms, concession: Concession) -> list[tuple[Concession, ...]]:
    """Return the next smaller concession of the same position, or none of it."""
    position = next((p for p in terms.positions if p.id == concession.position), None)
    if position is None or not position.steps:
        return [()]
    steps = list_steps(terms, position)
    at = steps.index(concession.to)
    return [(Concession(position.id, 0, steps[at - 1]),)] if at else [()]


def list_steps(terms: Terms, position: Position) -> list[str]:
    """Return what each step of a position comes to, the last being to give it up."""
    assert isinstance(position.expression, Atom)
    atom = position.expression
    grades = [grade.id for m in terms.measures if m.id == atom.name for grade in m.grades]
    if position.modality is Modality.FORBIDS:
        return [*grades[atom.grade - 1 : -1], ""]
    return [*reversed(grades[: atom.grade - 1]), ""]


def concede(terms: Terms, concessions: Iterable[Concession]) -> Terms:
    """Return the terms as they stand once so much has been conceded."""
    given_up = {each.position: each.to for each in concessions}
    positions = []
    for position in terms.positions:
        to = given_up.pop(position.id, None)
        if to is None:
            positions.append(position)
        elif to:
            assert isinstance(position.expression, Atom)
            name = position.expression.name
            grades = [grade.id for m in terms.measures if m.id == name for grade in m.grades]
            # What is allowed is no longer forbidden; what is still insisted on is required.
            grade = grades.index(to) + 1 + (position.modality is Modality.FORBIDS)
            positions.append(replace(position, expression=Atom(name, grade), steps=()))
    designations = [
        each if given_up.pop(f"{each.party}/{each.group}", None) is None else replace(each, answer="yes")
        for each in state_everything(terms)
    ]
    assert not given_up, f"no such members: {given_up}"
    return replace(terms, positions=tuple(positions), designations=tuple(designations))


@few
@given(small_terms, seeds)
def test_law_is_never_for_sale(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 6):
        strict = replace(
            each,
            positions=tuple(
                replace(p, hard="law") if at % 2 and p.modality is not Modality.PREFERS else p
                for at, p in enumerate(each.positions)
                if p.modality is not Modality.PERMITS
            ),
        )
        laws = {position.id for position in strict.positions if position.hard}
        programme = pick_programme(strict, seed)
        for package in find_packages(strict, programme=programme, most=MANY).packages:
            assert not laws & {concession.position for concession in package.concessions}, name


# Names, order, units


@few
@given(small_terms, seeds)
def test_other_names_change_nothing_but_names(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 2):
        random = Random(seed)
        old = list_names(each)
        new = {each: f"{random.choice('abcz')}-{at}" for at, each in enumerate(random.sample(old, len(old)))}
        renamed = rename_terms(each, new)
        programme = pick_programme(each, seed)
        other = new.get(programme, "")
        assert answer_sets(renamed, other) == rename_answers(answer_sets(each, programme), new), name
        one, two = find_best_programme(each), find_best_programme(renamed)
        assert one.value == two.value, name
        assert sum(one.grades.values()) == sum(two.grades.values()), name


Answers = tuple[set[frozenset[str]], set[frozenset[tuple[str, int, str]]], int]


def answer_sets(terms: Terms, programme: str) -> Answers:
    obstacles = find_obstacles(terms, programme=programme, most=MANY).obstacles
    packages = find_packages(terms, programme=programme, most=MANY)
    return (
        {frozenset(obstacle.members) for obstacle in obstacles},
        {frozenset((c.position, c.cost, c.to) for c in p.concessions) for p in packages.packages},
        packages.at_least,
    )


def rename_answers(answers: Answers, names: dict[str, str]) -> Answers:
    def turn(member: str) -> str:
        return "/".join(names[part] for part in member.split("/"))

    obstacles, packages, at_least = answers
    return (
        {frozenset(turn(member) for member in members) for members in obstacles},
        {frozenset((turn(at), cost, names.get(to, to)) for at, cost, to in each) for each in packages},
        at_least,
    )


@few
@given(small_terms, seeds)
def test_another_order_changes_nothing(terms: Terms, seed: int) -> None:
    for name, each in every(terms, seed, 2):
        other = shuffle_terms(each, Random(seed))
        programme = pick_programme(each, seed)
        one = find_obstacles(each, programme=programme, most=MANY).obstacles
        two = find_obstacles(other, programme=programme, most=MANY).obstacles
        assert [o.members for o in one] == [o.members for o in two], name
        first = find_packages(each, programme=programme, most=MANY)
        second = find_packages(other, programme=programme, most=MANY)
        assert first.packages == second.packages, name
        assert find_best_programme(each).value == find_best_programme(other).value, name
        assert find_permitted(each, ()).before == find_permitted(other, ()).before, name


@few
@given(small_terms, st.integers(2, 1_000), seeds)
def test_another_unit_of_weight_multiplies_costs_and_nothing_else(
    terms: Terms, factor: int, seed: int
) -> None:
    for name, each in every(terms, seed, 3):
        scaled = scale_terms(each, factor)
        programme = pick_programme(each, seed)
        one = find_packages(each, programme=programme, most=MANY)
        two = find_packages(scaled, programme=programme, most=MANY)
        assert [p.cost * factor for p in one.packages] == [p.cost for p in two.packages], name
        assert one.at_least * factor == two.at_least, name
        assert [[(c.position, c.to) for c in p.concessions] for p in one.packages] == [
            [(c.position, c.to) for c in p.concessions] for p in two.packages
        ], name
        assert find_best_programme(each).value * factor == find_best_programme(scaled).value, name
