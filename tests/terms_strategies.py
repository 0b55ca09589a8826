"""Random terms, small enough for `tests.terms_oracle`, with everything in them that a terms file can state.

`build_terms` draws from a `random.Random`: a plain seeded one, for thousands of instances at little cost, or
Hypothesis's own (`small_terms`), which shrinks what fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum
from random import Random
from typing import Any, Final, TypeVar

from hypothesis import settings
from hypothesis import strategies as st

from entente.terms.expression import AllOf, AnyOf, Atom, Expression, Implies, Not
from entente.terms.model import (
    Agency,
    Clause,
    Designation,
    Grade,
    Ground,
    Group,
    Link,
    Measure,
    Modality,
    Obligation,
    Party,
    Position,
    Programme,
    Rule,
    Terms,
    Theatre,
    Zone,
)

GROUND: Final = Ground(assumption="drawn at random")
T = TypeVar("T")

_BINDING: Final = (Modality.REQUIRES, Modality.FORBIDS)


@dataclass(frozen=True)
class Shape:
    """How large and of what kind the terms are.

    Args:
        strictness: 0 to 1: how often a position speaks about one measure alone, which collides more.
        law: Share of the binding positions that are law.
        odd: Share of the measures that are not offered; of the parties that do not take part, twice as much.
        is_plain: No candidates, no unoffered measures and no designations.
    """

    measures: int = 4
    positions: int = 7
    rules: int = 3
    strictness: float = 0.5
    law: float = 0.08
    odd: float = 0.15
    is_plain: bool = False


def build_terms(random: Random, shape: Shape | None = None) -> Terms:
    """Return terms drawn at random; of a shape that is drawn as well, if none is given."""
    return _Builder(random, shape or _draw_shape(random)).build()


def _draw_shape(random: Random) -> Shape:
    return Shape(
        measures=random.randint(2, 6),
        positions=random.randint(2, 9),
        rules=random.randint(0, 4),
        strictness=random.choice((0.2, 0.4, 0.7)),
        is_plain=random.random() < 0.3,
    )


small_terms: Final = st.randoms(use_true_random=False).map(build_terms)
seeds: Final = st.integers(0, 2**32 - 1)

few: Final = settings(max_examples=max(10, settings().max_examples // 20))
"""For a test that adds plain seeds to each example, and so sees hundreds in some tenths of a second."""


class _Builder:
    def __init__(self, random: Random, shape: Shape) -> None:
        self.random = random
        self.shape = shape
        odd = 0.0 if shape.is_plain else shape.odd
        count = random.randint(2, 4)
        # The first two always take part: terms without a party say nothing.
        self.parties = tuple(
            Party(f"party-{at}", f"Party {at}", takes_part=at < 2 or not self.is_drawn(2 * odd))
            for at in range(count)
        )
        self.agencies = tuple(
            Agency(f"agency-{at}", f"Agency {at}", self.pick(self.parties).id)
            for at in range(random.randint(0, 2))
        )
        self.groups = tuple(Group(f"group-{at}", f"Group {at}") for at in range(0 if shape.is_plain else 2))
        self.theatres = (Theatre("elsewhere", "Another theatre"),)
        self.clauses = tuple(Clause(f"clause-{at}", "A clause", GROUND) for at in range(random.randint(0, 2)))
        self.measures = tuple(self.draw_measure(at, odd) for at in range(shape.measures))
        self.candidates = tuple(party for party in self.parties if not party.takes_part)

    def is_drawn(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, values: tuple[T, ...]) -> T:
        return values[self.random.randrange(len(values))]

    def draw_measure(self, at: int, odd: float) -> Measure:
        name = f"measure-{at}"
        levels = self.random.choice((0, 0, 2, 3)) if at < 3 else 0
        against = ""
        by: tuple[str, ...] = ()
        if self.groups and self.is_drawn(0.3):
            against = self.pick(self.groups).id
            by = self.draw_parties() if self.is_drawn(0.4) else ()
        return Measure(
            name,
            f"Measure {at}",
            grades=tuple(Grade(f"{name}-grade-{step}", f"Grade {step}") for step in range(1, levels + 1)),
            theatre="elsewhere" if self.is_drawn(0.1) else "",
            against=against,
            by=by,
            is_offered=not self.is_drawn(odd),
        )

    def draw_parties(self) -> tuple[str, ...]:
        chosen = [party.id for party in self.parties if self.is_drawn(0.5)]
        return tuple(chosen) or (self.parties[0].id,)

    def draw_atom(self) -> Atom:
        if self.candidates and self.is_drawn(0.15):
            return Atom(self.pick(self.candidates).id)
        if self.is_drawn(0.03):
            return Atom(self.parties[0].id)
        measure = self.pick(self.measures)
        return Atom(measure.id, self.random.randint(1, len(measure.grades) or 1))

    def draw_literal(self) -> Expression:
        atom = self.draw_atom()
        return Not(atom) if self.is_drawn(0.5) else atom

    def draw_expression(self, depth: int = 2) -> Expression:
        if depth == 0 or self.is_drawn(0.3):
            return self.draw_literal()
        if self.is_drawn(0.1):
            return Not(self.draw_expression(depth - 1))
        if self.is_drawn(0.2):
            return Implies(self.draw_expression(depth - 1), self.draw_expression(depth - 1))
        parts = tuple(self.draw_expression(depth - 1) for _ in range(self.random.randint(2, 3)))
        return AnyOf(parts) if self.is_drawn(0.6) else AllOf(parts)

    def draw_holders(self) -> tuple[str, ...]:
        holders = tuple(party.id for party in self.parties) + tuple(agency.id for agency in self.agencies)
        first = self.pick(holders)
        second = self.pick(holders) if self.is_drawn(0.2) else first
        return (first,) if first == second else (first, second)

    def draw_position(self, at: int) -> Position:
        # Mostly what binds: permits and prefers cannot collide with anything.
        modality = self.pick(_BINDING) if self.is_drawn(0.7) else self.pick(tuple(Modality))
        expression = self.draw_atom() if self.is_drawn(self.shape.strictness) else self.draw_expression()
        by = self.draw_holders()
        weights = tuple(self.random.randint(1, 9) for _ in by)
        hard = self.is_drawn(self.shape.law) and modality in _BINDING
        steps: tuple[int, ...] = ()
        if isinstance(expression, Atom) and len(by) == 1 and modality in _BINDING:
            count = self.count_steps(expression, modality)
            if count and self.is_drawn(0.6):
                steps = tuple(self.random.randint(1, 5) for _ in range(count))
                weights = (sum(steps),)
        return Position(
            f"position-{at}",
            f"What position {at} says",
            by,
            modality,
            expression,
            when=self.draw_expression(1) if self.is_drawn(0.25) else None,
            weights=weights,
            steps=steps,
            hard="law" if hard else "",
            clause=self.pick(self.clauses).id if self.clauses and self.is_drawn(0.3) else "",
            ground=GROUND,
        )

    def count_steps(self, atom: Atom, modality: Modality) -> int:
        grades = {measure.id: len(measure.grades) for measure in self.measures}.get(atom.name, 0)
        if not grades:
            return 0
        return grades - atom.grade + 1 if modality is Modality.FORBIDS else atom.grade

    def draw_designations(self) -> tuple[Designation, ...]:
        return tuple(
            Designation(
                f"says-{party.id}-{group.id}",
                party.id,
                group.id,
                self.random.choice(("yes", "yes", "no", "not stated")),
                self.random.randint(1, 9),
                GROUND,
            )
            for party in self.parties
            for group in self.groups
            if self.is_drawn(0.8)
        )

    def draw_rules(self) -> tuple[Rule, ...]:
        return tuple(Rule(f"rule-{at}", "A rule", self.draw_rule(), GROUND) for at in range(self.shape.rules))

    def draw_rule(self) -> Expression:
        # Most rules leave doing nothing alone, as the world does; some do not.
        if self.is_drawn(0.85):
            return Implies(self.draw_atom(), AnyOf((self.draw_literal(), self.draw_literal())))
        return self.draw_expression(2)

    def draw_programme(self, at: int) -> Programme:
        wanted: Expression = self.draw_atom()
        if self.is_drawn(0.6):
            wanted = AllOf((wanted, AnyOf((self.draw_atom(), self.draw_atom()))))
        if self.is_drawn(0.2):
            wanted = self.draw_expression()
        return Programme(f"programme-{at}", f"Programme {at}", wanted)

    def draw_obligations(self) -> tuple[Obligation, ...]:
        names = ("", *(party.id for party in self.parties), *(agency.id for agency in self.agencies))
        return tuple(
            Obligation(f"obligation-{at}", "zone", "A promise", self.pick(names), GROUND)
            for at in range(self.random.randint(0, 3))
        )

    def build(self) -> Terms:
        rules = self.draw_rules()
        links = (Link("link", "A link", "elsewhere", self.draw_rule(), GROUND),) if self.is_drawn(0.2) else ()
        return Terms(
            "Terms drawn at random",
            "Is it possible?",
            parties=self.parties,
            agencies=self.agencies,
            groups=self.groups,
            theatres=self.theatres,
            measures=self.measures,
            rules=rules,
            links=links,
            clauses=self.clauses,
            positions=tuple(self.draw_position(at) for at in range(self.shape.positions)),
            designations=self.draw_designations(),
            zones=(Zone("zone", "A zone", ground=GROUND),),
            obligations=self.draw_obligations(),
            programmes=tuple(self.draw_programme(at) for at in range(self.random.randint(1, 2))),
        )


def every(terms: Terms, seed: int, count: int) -> Iterator[tuple[str, Terms]]:
    """Yield the terms that Hypothesis drew, and then so many from its seed, each with its origin."""
    yield "drawn", terms
    for at in range(count):
        yield f"build_terms(Random({seed + at}))", build_terms(Random(seed + at))


def pick_programme(terms: Terms, seed: int) -> str:
    """Return what to ask about: the positions alone, or one of the programmes."""
    return Random(seed).choice(list_programmes(terms))


def list_programmes(terms: Terms) -> list[str]:
    """Return what to ask about: the positions alone, and each programme."""
    return ["", *(each.id for each in terms.programmes)]


# The same terms, said differently


def shuffle_terms(terms: Terms, random: Random) -> Terms:
    """Return the same terms in another order: every list, and the holders of a position."""

    def shuffle(values: tuple[T, ...]) -> tuple[T, ...]:
        return tuple(random.sample(values, len(values)))

    def turn(position: Position) -> Position:
        pairs = shuffle(tuple(zip(position.by, position.weights, strict=True)))
        return replace(
            position, by=tuple(by for by, _ in pairs), weights=tuple(weight for _, weight in pairs)
        )

    return replace(
        terms,
        parties=shuffle(terms.parties),
        agencies=shuffle(terms.agencies),
        groups=shuffle(terms.groups),
        measures=shuffle(terms.measures),
        rules=shuffle(terms.rules),
        positions=shuffle(tuple(turn(position) for position in terms.positions)),
        designations=shuffle(terms.designations),
        programmes=shuffle(terms.programmes),
    )


def list_names(terms: Terms) -> list[str]:
    """Return every id in the terms, grades included."""
    return [value.id for value in _walk(terms) if hasattr(value, "id")]


def rename_terms(terms: Terms, names: dict[str, str]) -> Terms:
    """Return the same terms with other ids, wherever one stands."""

    def turn(value: Any) -> Any:
        if isinstance(value, str):
            return names.get(value, value)
        if isinstance(value, tuple):
            return tuple(turn(each) for each in value)
        if is_dataclass(value) and not isinstance(value, (type, Enum)):
            return replace(value, **{field.name: turn(getattr(value, field.name)) for field in fields(value)})
        return value

    renamed = turn(terms)
    assert isinstance(renamed, Terms)
    return renamed


def scale_terms(terms: Terms, factor: int) -> Terms:
    """Return the same terms with every weight so many times as large, also of what was left unsaid."""
    said = {(each.party, each.group): each for each in terms.designations}
    designations = [
        said.get((party.id, group.id))
        or Designation(f"unsaid-{party.id}-{group.id}", party.id, group.id, "not stated", 1, GROUND)
        for party in terms.parties
        for group in terms.groups
    ]
    return replace(
        terms,
        positions=tuple(
            replace(
                position,
                weights=tuple(factor * each for each in position.weights),
                steps=tuple(factor * each for each in position.steps),
            )
            for position in terms.positions
        ),
        designations=tuple(replace(each, weight=factor * each.weight) for each in designations),
    )


def _walk(value: Any) -> list[Any]:
    if isinstance(value, tuple):
        return [found for each in value for found in _walk(each)]
    if is_dataclass(value) and not isinstance(value, (type, Enum)):
        inner = [found for field in fields(value) for found in _walk(getattr(value, field.name))]
        return [value, *inner]
    return []
