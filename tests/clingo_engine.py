"""The second engine: the main questions about terms, put to clingo in an encoding of its own.

Answer sets instead of clauses, choice rules instead of selectors, and for the smallest obstacle one
disjunctive program that guesses a set of members and derives from every single programme why it fails
(saturation), instead of a search in steps. It takes terms that are too large for `tests.terms_oracle`: some
150 positions.

How it says things: ``in(M,K)`` measure or party M is in at grade K or further; ``out(M,K)`` it is not;
``bad(N)`` statement N fails. ``bad`` is derived by positive rules alone, which saturation asks for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import clingo

from entente.terms.expression import AllOf, AnyOf, Atom, Expression, Implies, Not
from entente.terms.model import Modality, Position, Terms


@dataclass(frozen=True)
class _Member:
    """What can be conceded. ``statements``: numbers of what must hold at 0, 1, ... steps of concession."""

    name: str
    statements: tuple[int, ...]
    prices: tuple[int, ...]
    is_law: bool


class ClingoEngine:
    """One set of terms with one programme, encoded."""

    def __init__(self, terms: Terms, programme: str = "") -> None:
        self._terms = terms
        self._rules: list[str] = []
        self._count = 0
        self._parties = {p.id: p.takes_part for p in terms.parties}
        homes = {agency.id: agency.party for agency in terms.agencies}
        self._homes = {holder: homes.get(holder, holder) for holder in [*self._parties, *homes]}
        self._columns = {m.id: len(m.grades) or 1 for m in terms.measures}
        self._columns |= {party: 1 for party, is_here in self._parties.items() if not is_here}
        self._at = {name: at for at, name in enumerate(self._columns)}
        self._hard = self._list_hard(programme)
        self._members = [*self._list_positions(), *self._list_designations()]

    # Statements

    def _fail(self, expression: Expression, *, wanted: bool = True) -> int:
        """Return the number of a statement that is bad when the expression is not as wanted."""
        self._count += 1
        this = self._count
        bad = f"bad({this})"
        match expression:
            case Not(part):
                self._rules.append(f"{bad} :- bad({self._fail(part, wanted=not wanted)}).")
            case Implies(premise, conclusion):
                inner = [self._fail(premise, wanted=not wanted), self._fail(conclusion, wanted=wanted)]
                self._join(bad, inner, any_fails=not wanted)
            case AllOf(parts):
                self._join(bad, [self._fail(each, wanted=wanted) for each in parts], any_fails=wanted)
            case AnyOf(parts):
                self._join(bad, [self._fail(each, wanted=wanted) for each in parts], any_fails=not wanted)
            case Atom(name, grade):
                if self._parties.get(name):
                    if not wanted:
                        self._rules.append(f"{bad}.")
                else:
                    word = "out" if wanted else "in"
                    self._rules.append(f"{bad} :- {word}({self._at[name]},{grade}).")
        return this

    def _join(self, bad: str, inner: list[int], *, any_fails: bool) -> None:
        if any_fails:
            self._rules.extend(f"{bad} :- bad({each})." for each in inner)
        else:
            self._rules.append(f"{bad} :- {', '.join(f'bad({each})' for each in inner)}.")

    def _list_hard(self, programme: str) -> list[int]:
        wanted = [rule.expression for rule in self._terms.rules]
        wanted += [link.expression for link in self._terms.links]
        wanted += [each.expression for each in self._terms.programmes if each.id == programme]
        wanted += [Not(Atom(m.id)) for m in self._terms.measures if not m.is_offered]
        wanted += [Not(Atom(party)) for party, is_here in self._parties.items() if not is_here]
        return [self._fail(each) for each in wanted]

    def _list_positions(self) -> list[_Member]:
        found = []
        for position in self._terms.positions:
            binds = position.modality in (Modality.REQUIRES, Modality.FORBIDS)
            if binds and all(self._parties[self._homes[holder]] for holder in position.by):
                prices = position.steps or (sum(position.weights),)
                statements = tuple(self._state(position, step) for step in range(len(prices)))
                found.append(_Member(position.id, statements, prices, position.hard == "law"))
        return found

    def _state(self, position: Position, step: int) -> int:
        wanted = position.expression
        if step:
            assert isinstance(wanted, Atom)
            further = step if position.modality is Modality.FORBIDS else -step
            wanted = Atom(wanted.name, wanted.grade + further)
        if position.modality is Modality.FORBIDS:
            wanted = Not(wanted)
        return self._fail(wanted if position.when is None else Implies(position.when, wanted))

    def _list_designations(self) -> list[_Member]:
        weights = {(d.party, d.group): d.weight for d in self._terms.designations}
        consents = {(d.party, d.group) for d in self._terms.designations if d.answer == "yes"}
        found = []
        for group in self._terms.groups:
            for party, is_here in self._parties.items():
                against = [
                    Not(Atom(m.id))
                    for m in self._terms.measures
                    if m.against == group.id and (not m.by or party in m.by)
                ]
                if is_here and against and (party, group.id) not in consents:
                    statement = self._fail(AllOf(tuple(against)))
                    weight = weights.get((party, group.id), 1)
                    found.append(_Member(f"{party}/{group.id}", (statement,), (weight,), is_law=False))
        return found

    # Programs

    @property
    def _grades(self) -> str:
        return "\n".join(
            f"out({self._at[name]},{grade + 1}) :- out({self._at[name]},{grade}).\n"
            f"in({self._at[name]},{grade}) :- in({self._at[name]},{grade + 1})."
            for name, top in self._columns.items()
            for grade in range(1, top)
        )

    def _list_columns(self) -> list[tuple[int, int]]:
        return [(self._at[name], grade) for name, top in self._columns.items() for grade in range(1, top + 1)]

    def _find_programme(self) -> str:
        """Return a program whose answer sets are the programmes that the rules allow."""
        parts = [self._grades, *self._rules]
        for at, grade in self._list_columns():
            parts.append(f"1 {{ in({at},{grade}); out({at},{grade}) }} 1.")
        parts += [f":- bad({each})." for each in self._hard]
        return "\n".join(parts)

    def is_possible(self) -> bool:
        """Return whether every member can be satisfied."""
        return self.is_consistent(member.name for member in self._members)

    def is_consistent(self, names: Iterable[str]) -> bool:
        """Return whether these members can be satisfied together."""
        kept = set(names)
        chosen = [member for member in self._members if member.name in kept]
        assert {member.name for member in chosen} == kept
        program = [self._find_programme(), *(f":- bad({member.statements[0]})." for member in chosen)]
        return _solve("\n".join(program)) is not None

    def find_cost(self) -> int | None:
        """Return what the cheapest package costs: 0 when none is needed, None when none helps."""
        parts = [self._find_programme()]
        for at, member in enumerate(self._members):
            for step, (statement, price) in enumerate(zip(member.statements, member.prices, strict=True)):
                if member.is_law:
                    parts.append(f":- bad({statement}).")
                else:
                    # What the statement of a step needs is paid together with all steps before it.
                    parts += [f"paid({at},{to}) :- bad({statement})." for to in range(step + 1)]
                    parts.append(f":~ paid({at},{step}). [{price},{at},{step}]")
        found = _solve("\n".join(parts))
        return None if found is None else found[0]

    def find_smallest_obstacle(self) -> tuple[str, ...] | None:
        """Return an obstacle of the fewest members, or None when it is possible."""
        parts = [self._grades, *self._rules]
        parts += [f"in({at},{grade}) | out({at},{grade})." for at, grade in self._list_columns()]
        parts += [
            f"in({at},{grade}) :- fails.\nout({at},{grade}) :- fails." for at, grade in self._list_columns()
        ]
        parts += [f"fails :- bad({each})." for each in self._hard]
        for at, member in enumerate(self._members):
            parts.append(f"{{ chosen({at}) }}. :~ chosen({at}). [1,{at}]")
            parts.append(f"fails :- chosen({at}), bad({member.statements[0]}).")
        parts.append(":- not fails.")
        found = _solve("\n".join(parts))
        if found is None:
            return None
        return tuple(sorted(self._members[at].name for at in found[1]))


def _solve(program: str) -> tuple[int, list[int]] | None:
    """Return the cost of the best answer set and what it has chosen, or None when there is none."""
    control = clingo.Control(["--opt-strategy=usc,stratify", "--warn=none"])
    control.add("base", [], program)
    control.ground([("base", [])])
    best: tuple[int, list[int]] | None = None

    def keep(model: Any) -> None:
        nonlocal best
        chosen = [each.arguments[0].number for each in model.symbols(atoms=True) if each.name == "chosen"]
        best = (model.cost[0] if model.cost else 0, chosen)

    control.solve(on_model=keep)
    return best
