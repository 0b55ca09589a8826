"""Terms made from a seed, for `bench.terms` and the tests beside it.

Two kinds, both reproducible from the seed alone:

  * `build_dense`: nothing like the world. 50 yes/no measures, 25 rules of two or three literals that one
    hidden programme satisfies, and positions that are random clauses of one to three literals with weights 1
    to 9, held by 20 parties in turn. Every position can collide with every other: obstacles overlap without
    end, which is the hard case for every question.
  * `build_sparse`: the size of a real negotiation, and its habits as far as one can state them: see there.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, TypeVar

from entente.terms.expression import AllOf, AnyOf, Atom, Expression, Implies, Not
from entente.terms.model import (
    Agency,
    Designation,
    Grade,
    Ground,
    Group,
    Measure,
    Modality,
    Party,
    Position,
    Programme,
    Rule,
    Terms,
)

GROUND: Final = Ground(assumption="made from a seed")
PROGRAMME: Final = "programme"

T = TypeVar("T")


def build_dense(positions: int, seed: int, *, single: float = 0.2) -> Terms:
    """Return random terms in which everything can collide with everything.

    Args:
        single: Share of the positions that speak about one measure alone.
    """
    random = Random(seed)
    names = [f"measure-{at:02}" for at in range(1, 51)]

    def draw(size: int) -> list[tuple[str, bool]]:
        return [(names[at - 1], random.random() < 0.5) for at in random.sample(range(1, 51), size)]

    hidden = dict(zip(["", *names], [random.random() < 0.5 for _ in range(51)], strict=True))
    rules: list[Rule] = []
    while len(rules) < 25:
        literals = draw(random.choice((2, 2, 3)))
        if any(hidden[name] == is_in for name, is_in in literals):
            rules.append(Rule(f"rule-{len(rules):02}", "A rule", _join(literals), GROUND))
    parties = tuple(Party(f"party-{at:02}", f"Party {at}") for at in range(20))
    held = []
    for at in range(positions):
        literals = draw(1 if random.random() < single else random.choice((2, 2, 3)))
        by = (parties[at % 20].id,)
        weights = (random.randint(1, 9),)
        if len(literals) == 1:
            name, is_in = literals[0]
            modality = Modality.REQUIRES if is_in else Modality.FORBIDS
            expression: Expression = Atom(name)
        else:
            modality, expression = Modality.REQUIRES, _join(literals)
        held.append(
            Position(
                f"position-{at:04}", "A position", by, modality, expression, weights=weights, ground=GROUND
            )
        )
    return Terms(
        f"Dense terms {seed}",
        "Is anything possible?",
        parties=parties,
        measures=tuple(Measure(name, name) for name in names),
        rules=tuple(rules),
        positions=tuple(held),
    )


def _join(literals: list[tuple[str, bool]]) -> Expression:
    return AnyOf(tuple(Atom(name) if is_in else Not(Atom(name)) for name, is_in in literals))


@dataclass(frozen=True)
class Sparse:
    """How large sparse terms are.

    Args:
        dissent: Share of the binding positions that are drawn against the hidden compromise.
    """

    positions: int = 2_000
    parties: int = 50
    themes: int = 30
    measures_each: int = 10
    dissent: float = 0.03


def build_sparse(seed: int, size: Sparse | None = None) -> Terms:
    """Return terms with the size and the locality of a real negotiation.

    What that means here, all of it assumed, none of it measured on a real one:

      * Measures stand in 30 themes of ten. A fifth has three grades; one in fifteen is against a group.
      * Rules are local: eight in each theme, and two for each theme that tie it to another. Each says that
        one thing needs another, or excludes it.
      * A party cares about two to six themes and speaks about nothing else; half of the parties have one or
        two agencies, which hold a quarter of its positions.
      * A position speaks about one to three measures of one theme, one in twenty also about any measure at
        all. One in seven has a condition, one in thirty is held jointly, one in ten only prefers or permits.
        Half of those that speak about a graded measure alone are conceded in steps. Weights are 1 to 9, small
        ones more often.
      * There is a compromise: a hidden programme that satisfies all rules and 97 % of the positions. The rest
        are red lines: one measure, required or forbidden against the compromise.
      * Law is one in twenty of the prohibitions that agree with the compromise; a package therefore exists.
      * Every party designates nine in ten of the groups.
      * The programme asked for is the compromise's own headline: one measure of every second theme.
    """
    return _SparseBuilder(Random(seed), size or Sparse(), seed).build()


class _SparseBuilder:
    def __init__(self, random: Random, size: Sparse, seed: int) -> None:
        self.random = random
        self.size = size
        self.seed = seed
        self.groups = tuple(Group(f"group-{at}", f"Group {at}") for at in range(8))
        self.parties = tuple(Party(f"party-{at:02}", f"Party {at}") for at in range(size.parties))
        self.agencies = tuple(
            Agency(f"{party.id}-agency-{at}", f"Agency {at} of {party.name}", party.id)
            for party in self.parties[::2]
            for at in range(random.choice((1, 1, 2)))
        )
        self.themes = [
            tuple(self.draw_measure(theme, at) for at in range(size.measures_each))
            for theme in range(size.themes)
        ]
        self.grades = {m.id: len(m.grades) or 1 for theme in self.themes for m in theme}
        # The hidden compromise: more is in it than out of it, graded measures rarely at their furthest.
        self.hidden = {
            name: random.choice((0, 1, 1)) if top == 1 else random.choice((0, 1, 1, 2, 2, 3))
            for name, top in self.grades.items()
        }

    def is_drawn(self, share: float) -> bool:
        return self.random.random() < share

    def pick(self, values: tuple[T, ...]) -> T:
        return values[self.random.randrange(len(values))]

    def draw_measure(self, theme: int, at: int) -> Measure:
        name = f"theme-{theme:02}-measure-{at}"
        grades = tuple(Grade(f"{name}-grade-{step}", f"Grade {step}") for step in (1, 2, 3))
        return Measure(
            name,
            name,
            grades=grades if self.is_drawn(0.2) else (),
            against=self.pick(self.groups).id if self.is_drawn(1 / 15) else "",
        )

    def draw_literal(self, measure: Measure) -> Expression:
        """Return a statement about a measure: the compromise satisfies about two in three."""
        top, hidden = self.grades[measure.id], self.hidden[measure.id]
        if hidden and self.is_drawn(0.7):
            return Atom(measure.id, self.random.randint(1, hidden))
        if hidden < top:
            return Not(Atom(measure.id, self.random.randint(hidden + 1, top)))
        return Not(Atom(measure.id, top))

    def is_agreed(self, expression: Expression) -> bool:
        """Return whether the compromise satisfies it; written out, so as to share nothing with the solver."""
        match expression:
            case Atom(name, grade):
                return self.hidden[name] >= grade
            case Not(part):
                return not self.is_agreed(part)
            case AllOf(parts):
                return all(self.is_agreed(each) for each in parts)
            case AnyOf(parts):
                return any(self.is_agreed(each) for each in parts)
            case Implies(premise, conclusion):
                return not self.is_agreed(premise) or self.is_agreed(conclusion)

    def draw_rules(self) -> tuple[Rule, ...]:
        drawn: list[Expression] = []
        for at, theme in enumerate(self.themes):
            far = self.themes[(at + self.random.randint(1, len(self.themes) - 1)) % len(self.themes)]
            pairs = [self.random.sample(theme, 2) for _ in range(8)]
            pairs += [[self.pick(theme), self.pick(far)] for _ in range(2)]
            for first, second in pairs:
                drawn.append(self.draw_rule(first, second, self.pick(theme)))
        return tuple(Rule(f"rule-{at:04}", "A rule", rule, GROUND) for at, rule in enumerate(drawn))

    def draw_rule(self, first: Measure, second: Measure, third: Measure) -> Expression:
        while True:
            premise = Atom(first.id, self.random.randint(1, self.grades[first.id]))
            conclusion = self.draw_literal(second)
            if self.is_drawn(0.3):
                conclusion = AnyOf((conclusion, self.draw_literal(third)))
            rule = Implies(premise, conclusion)
            if self.is_agreed(rule):
                return rule

    def draw_position(self, at: int) -> Position:
        party = self.pick(self.parties)
        cares = Random(f"{self.seed}/{party.id}").sample(range(self.size.themes), 2 + number_of(party.id) % 5)
        theme = self.themes[self.pick(tuple(cares))]
        agencies = tuple(agency for agency in self.agencies if agency.party == party.id)
        by: tuple[str, ...] = (self.pick(agencies).id if agencies and self.is_drawn(0.25) else party.id,)
        other = self.pick(self.parties).id
        if self.is_drawn(1 / 30) and other != party.id:
            by = (*by, other)
        is_dissent = self.is_drawn(self.size.dissent)
        expression = self.draw_red_line(theme) if is_dissent else self.draw_agreed(theme)
        modality = Modality.REQUIRES
        if isinstance(expression, Not):
            modality, expression = Modality.FORBIDS, expression.part
        if not is_dissent and self.is_drawn(0.1):
            modality = self.pick((Modality.PREFERS, Modality.PERMITS))
        when = self.draw_literal(self.pick(theme)) if self.is_drawn(1 / 7) and not is_dissent else None
        weights = tuple(min(self.random.randint(1, 9), self.random.randint(1, 9)) for _ in by)
        steps: tuple[int, ...] = ()
        if (
            isinstance(expression, Atom)
            and len(by) == 1
            and modality in (Modality.REQUIRES, Modality.FORBIDS)
        ):
            top, grade = self.grades[expression.name], expression.grade
            count = top - grade + 1 if modality is Modality.FORBIDS else grade
            if top > 1 and self.is_drawn(0.5):
                steps = tuple(self.random.randint(1, 4) for _ in range(count))
                weights = (sum(steps),)
        is_prohibition = modality is Modality.FORBIDS and not is_dissent
        return Position(
            f"position-{at:04}",
            "A position",
            by,
            modality,
            expression,
            when=when,
            weights=weights,
            steps=steps,
            hard="law" if is_prohibition and self.is_drawn(0.05) else "",
            ground=GROUND,
        )

    def draw_agreed(self, theme: tuple[Measure, ...]) -> Expression:
        while True:
            count = self.random.choice((1, 1, 1, 2, 2, 3))
            parts = [self.draw_literal(measure) for measure in self.random.sample(theme, count)]
            if self.is_drawn(0.05):
                parts.append(self.draw_literal(self.pick(self.pick(tuple(self.themes)))))
            wanted = parts[0] if len(parts) == 1 else AnyOf(tuple(parts))
            if self.is_agreed(wanted):
                return wanted

    def draw_red_line(self, theme: tuple[Measure, ...]) -> Expression:
        measure = self.pick(theme)
        top, hidden = self.grades[measure.id], self.hidden[measure.id]
        if hidden and (hidden == top or self.is_drawn(0.7)):
            return Not(Atom(measure.id, self.random.randint(1, hidden)))
        return Atom(measure.id, self.random.randint(hidden + 1, top))

    def draw_programme(self) -> Programme:
        wanted: list[Expression] = []
        for theme in self.themes[::2]:
            inside = [measure for measure in theme if self.hidden[measure.id]]
            if inside:
                measure = self.pick(tuple(inside))
                wanted.append(Atom(measure.id, self.hidden[measure.id]))
        return Programme(PROGRAMME, "The headline", AllOf(tuple(wanted)))

    def build(self) -> Terms:
        return Terms(
            f"Sparse terms {self.seed}",
            "Is the headline possible?",
            parties=self.parties,
            agencies=self.agencies,
            groups=self.groups,
            measures=tuple(measure for theme in self.themes for measure in theme),
            rules=self.draw_rules(),
            positions=tuple(self.draw_position(at) for at in range(self.size.positions)),
            designations=tuple(
                Designation(
                    f"{party.id}-on-{group.id}",
                    party.id,
                    group.id,
                    "yes" if self.is_drawn(0.9) else self.random.choice(("no", "not stated")),
                    self.random.randint(1, 9),
                    GROUND,
                )
                for party in self.parties
                for group in self.groups
            ),
            programmes=(self.draw_programme(),),
        )


def number_of(name: str) -> int:
    """Return a small number that depends on the name alone: Python's own hash differs from run to run."""
    return sum(name.encode())
