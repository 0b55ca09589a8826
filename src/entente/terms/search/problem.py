"""The problem: terms as clauses over numbered propositions, ready for a solver.

A proposition is a measure at a grade or beyond, or that a party which could be admitted takes part. What
binds everybody (rules, links, the order of grades, what is not on the table) is separate from what *members*
say: positions that require or forbid, and designations that stand in a measure's way.

Invariants:
  * A literal is a proposition's number, or its negative; numbers start at 1.
  * Each member keeps its own clauses, even where two say the same: each can be conceded, and blamed, alone.
  * A member's *stakes* are what can be conceded of it one after the other; conceding a later one without the
    earlier ones is never of use.
  * The order of the file does not change the problem's meaning, only its numbers.

It asks no solver.

    >>> problem = compile_terms(terms)
    >>> problem.members[0].id, problem.members[0].stakes[0].clauses
    ('us-no-locations', ((-4,),))

Source: D. Plaisted, S. Greenbaum, A structure-preserving clause form translation, 1986: auxiliary
propositions are implied in one direction only, which suffices where a formula is only ever asserted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field, replace
from typing import Final, Literal, TypeAlias

from entente.terms.expression import AllOf, AnyOf, Atom, Expression, Implies, Not, is_true
from entente.terms.model import Link, Measure, Modality, Position, Rule, Terms

Clause: TypeAlias = tuple[int, ...]
Clauses: TypeAlias = tuple[Clause, ...]

MAX_PRODUCT: Final = 4
"""Up to this many clauses a disjunction is multiplied out; beyond, its parts get names of their own."""


@dataclass(frozen=True, slots=True)
class Stake:
    """One step of conceding a member: the clauses that this step gives up, and its price.

    Args:
        to: The grade that is left after it: allowed (forbids) or insisted on (requires); "" when the member
            is given up.
    """

    clauses: Clauses
    weight: int
    to: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """What can block: a position, or a designation (``party/group``).

    Args:
        is_law: It is never conceded.
        is_veto: Doing nothing satisfies it, or it is law.
        holders: With what its concession costs each of them.
    """

    id: str
    kind: Literal["position", "designation"]
    stakes: tuple[Stake, ...]
    holders: tuple[tuple[str, int], ...]
    is_law: bool = False
    is_veto: bool = True

    @property
    def clauses(self) -> Clauses:
        """Everything it says."""
        return tuple(clause for stake in self.stakes for clause in stake.clauses)

    @property
    def weight(self) -> int:
        """What giving it up altogether costs."""
        return sum(stake.weight for stake in self.stakes)


@dataclass(frozen=True, slots=True)
class Preference:
    """A position that prefers, of holders who take part: it never blocks."""

    id: str
    clauses: Clauses
    weight: int


@dataclass(frozen=True, slots=True)
class Problem:
    """Terms in clauses.

    Args:
        numbers: (name, grade) -> number of the proposition; parties that could be admitted at grade 1.
        count: Highest number in use, auxiliary propositions included.
        structure: The order of grades, and what auxiliary propositions stand for.
        rules: Rule or link -> its clauses.
        unoffered, absent: Measure that is not on the table, party that could be admitted -> its proposition.
        members, preferences: See there.
        programmes: Programme -> its clauses.
    """

    numbers: dict[tuple[str, int], int]
    count: int
    structure: Clauses
    rules: dict[str, Clauses]
    unoffered: dict[str, int]
    absent: dict[str, int]
    members: tuple[Member, ...]
    preferences: tuple[Preference, ...]
    programmes: dict[str, Clauses] = field(default_factory=dict)

    def binding(self, programme: str = "") -> list[Clause]:
        """Return the clauses that bind everybody, with a programme asked for; nothing is off the table."""
        found = list(self.structure)
        for clauses in self.rules.values():
            found += clauses
        found += self.programmes[programme] if programme else ()
        return found

    def closing(self, added: Collection[str] = ()) -> list[Clause]:
        """Return the clauses that keep off the table what is not on it, but for what is added.

        A party that is added takes part; a measure that is added may be used and need not be.
        """
        found: list[Clause] = [(-number,) for name, number in self.unoffered.items() if name not in added]
        found += [(number if name in added else -number,) for name, number in self.absent.items()]
        return found

    def fixed(self, programme: str = "", added: Collection[str] = ()) -> list[Clause]:
        """Return `binding` and `closing` together: what no concession changes, but for the law."""
        return self.binding(programme) + self.closing(added)

    def read_grades(self, model: Iterable[int]) -> dict[str, int]:
        """Return the grade of each measure (and admitted party) in a model; what is not in it is left out.

        Args:
            model: Literals that hold; a proposition that is not among them does not.
        """
        true = set(model)
        grades: dict[str, int] = {}
        for (name, grade), number in self.numbers.items():
            if number in true and grade > grades.get(name, 0):
                grades[name] = grade
        return grades


def find_top(groups: Iterable[Iterable[Clause]]) -> int:
    """Return the highest number that stands in any clause."""
    return max((abs(literal) for group in groups for clause in group for literal in clause), default=0)


def compile_terms(terms: Terms) -> Problem:
    """Return the problem that terms pose."""
    return Compiler(terms).compile()


def _by_id(named: Measure | Rule | Link | Position) -> str:
    return named.id


# A formula in negation normal form: a literal, a constant, or the parts of an "and" or "or".
_Formula: TypeAlias = int | bool | tuple[Literal["and", "or"], tuple["_Formula", ...]]


class Compiler:
    """Numbers propositions and turns expressions into clauses, one terms file at a time."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._numbers: dict[tuple[str, int], int] = {}
        self._grades = {each.id: [grade.id for grade in each.grades] for each in terms.measures}
        self.structure: list[Clause] = []
        self._homes = terms.homes
        self._absent = {party.id for party in terms.parties if not party.takes_part}
        self._unoffered = {measure.id for measure in terms.measures if not measure.is_offered}
        self._present = {party.id for party in terms.parties if party.takes_part}
        self._count = 0

    def compile(self) -> Problem:
        """Return the problem; further expressions can be asserted afterwards."""
        # Everything in the order of names: the order of a file shall change nothing, not even among equals.
        terms = self._terms
        for measure in sorted(terms.measures, key=_by_id):
            for grade in range(1, max(1, len(measure.grades)) + 1):
                self._numbers[measure.id, grade] = self.number()
                if grade > 1:
                    self.structure.append((-self._count, self._count - 1))
        for name in sorted(self._absent):
            self._numbers[name, 1] = self.number()
        tied: list[Rule | Link] = [*terms.rules, *terms.links]
        rules = {each.id: self.assert_clauses(each.expression) for each in sorted(tied, key=_by_id)}
        positions = sorted(terms.positions, key=_by_id)
        members = [
            self._position(position)
            for position in positions
            if position.modality in {Modality.REQUIRES, Modality.FORBIDS}
        ]
        preferences = [
            Preference(position.id, self.assert_clauses(position.demand), position.weight)
            for position in positions
            if position.modality is Modality.PREFERS and not self._guards(position.by)
        ]
        members += self._designations()
        programmes = {each.id: self.assert_clauses(each.expression) for each in terms.programmes}
        return Problem(
            numbers=self._numbers,
            count=self._count,
            structure=tuple(self.structure),
            rules=rules,
            unoffered={name: self._numbers[name, 1] for name in sorted(self._unoffered)},
            absent={name: self._numbers[name, 1] for name in sorted(self._absent)},
            members=tuple(members),
            preferences=tuple(preferences),
            programmes=programmes,
        )

    def assert_clauses(self, expression: Expression) -> Clauses:
        """Return clauses that hold in exactly the models of an expression (with new auxiliaries besides)."""
        return self._clauses(self._normal(expression, positive=True))

    def number(self) -> int:
        """Return a new proposition's number."""
        self._count += 1
        return self._count

    def _literal(self, atom: Atom) -> int | bool:
        if atom.name in self._present:
            return True
        return self._numbers[atom.name, atom.grade]

    def _position(self, position: Position) -> Member:
        holders = tuple(zip(position.by, position.weights, strict=True))
        is_law = position.hard == "law"
        nothing = dict.fromkeys(self._present, 1)
        is_veto = is_law or bool(self._guards(position.by)) or is_true(position.demand, nothing)
        stakes = [Stake(self._inert(position.by, position.demand), position.weight)]
        if position.steps:
            stakes = [
                Stake(self._inert(position.by, _at_grade(position, grade)), weight, to=to)
                for weight, (grade, to) in zip(position.steps, self._soften(position), strict=True)
            ]
        return Member(position.id, "position", tuple(stakes), holders, is_law=is_law, is_veto=is_veto)

    def _soften(self, position: Position) -> list[tuple[int, str]]:
        """Return, for each step, the grade that it gives up, and the name of what is left after it."""
        atom = position.expression
        if not isinstance(atom, Atom):
            raise AssertionError(f"position {position.id!r}: expected one atom to soften")
        names = ["", *self._grades[atom.name]]
        if position.modality is Modality.FORBIDS:
            last = len(names) - 1
            return [(grade, names[grade] if grade < last else "") for grade in range(atom.grade, last + 1)]
        return [(grade, names[grade - 1]) for grade in range(atom.grade, 0, -1)]

    def _guards(self, holders: Iterable[str]) -> list[int]:
        """Return, for each holder who could be admitted and is not, that he takes part."""
        parties = sorted({self._homes.get(holder, holder) for holder in holders})
        return [self._numbers[party, 1] for party in parties if party in self._absent]

    def _inert(self, holders: Iterable[str], demand: Expression) -> Clauses:
        """Return a demand's clauses, which bind only where all its holders take part."""
        guards = tuple(-guard for guard in self._guards(holders))
        clauses = (_tidy(guards + clause) for clause in self.assert_clauses(demand))
        return tuple(clause for clause in clauses if clause is not None)

    def _designations(self) -> list[Member]:
        """Return, for each party and group, what keeps measures against the group out of every programme."""
        said = {(each.party, each.group): each for each in self._terms.designations}
        blocked: dict[tuple[str, str], list[str]] = {}
        for measure in self._terms.measures:
            for party in measure.by or [each.id for each in self._terms.parties]:
                if measure.against:
                    blocked.setdefault((party, measure.against), []).append(measure.id)
        members = []
        for (party, group), measures in sorted(blocked.items()):
            statement = said.get((party, group))
            if statement is not None and statement.answer == "yes":
                continue
            weight = 1 if statement is None else statement.weight
            guards = tuple(-guard for guard in self._guards([party]))
            clauses = tuple((*guards, -self._numbers[measure, 1]) for measure in measures)
            members.append(
                Member(f"{party}/{group}", "designation", (Stake(clauses, weight),), ((party, weight),))
            )
        return members

    def _normal(self, expression: Expression, *, positive: bool) -> _Formula:
        match expression:
            case Atom():
                literal = self._literal(expression)
                if isinstance(literal, bool):
                    return literal is positive
                return literal if positive else -literal
            case Not(part):
                return self._normal(part, positive=not positive)
            case AllOf(parts) | AnyOf(parts):
                joined = isinstance(expression, AllOf) is positive
                return _join(
                    "and" if joined else "or", [self._normal(each, positive=positive) for each in parts]
                )
            case Implies(premise, conclusion):
                parts_ = [
                    self._normal(premise, positive=not positive),
                    self._normal(conclusion, positive=positive),
                ]
                return _join("or" if positive else "and", parts_)

    def _clauses(self, formula: _Formula) -> Clauses:
        if isinstance(formula, bool):
            return () if formula else ((),)
        if isinstance(formula, int):
            return ((formula,),)
        word, parts = formula
        inner = [self._clauses(part) for part in parts]
        if word == "and":
            return tuple(clause for clauses in inner for clause in clauses)
        product = 1
        for clauses in inner:
            product *= len(clauses)
        if product > MAX_PRODUCT:
            inner = [clauses if len(clauses) == 1 else ((self._name(clauses),),) for clauses in inner]
        found: list[Clause] = [()]
        for clauses in inner:
            found = [left + right for left in found for right in clauses]
        return tuple(clause for clause in map(_tidy, found) if clause is not None)

    def _name(self, clauses: Clauses) -> int:
        """Return a new proposition that implies all the clauses."""
        name = self.number()
        self.structure += [(-name, *clause) for clause in clauses]
        return name


def _join(word: Literal["and", "or"], parts: list[_Formula]) -> _Formula:
    """Return the "and" or "or" of the parts, flat and without constants."""
    neutral = word == "and"
    kept: list[_Formula] = []
    for part in parts:
        if isinstance(part, bool):
            if part is not neutral:
                return part
        elif isinstance(part, tuple) and part[0] == word:
            kept += part[1]
        else:
            kept.append(part)
    if not kept:
        return neutral
    return kept[0] if len(kept) == 1 else (word, tuple(kept))


def _tidy(clause: Clause) -> Clause | None:
    """Return a clause with each literal once, or None where it always holds."""
    literals = dict.fromkeys(clause)
    return None if any(-literal in literals for literal in literals) else tuple(literals)


def _at_grade(position: Position, grade: int) -> Expression:
    """Return what a position demands of its measure at one grade."""
    if not isinstance(position.expression, Atom):
        raise AssertionError(f"position {position.id!r}: expected one atom to soften")
    return replace(position, expression=Atom(position.expression.name, grade)).demand
