"""Expressions: what a rule or position says about measures, in words that a lawyer can read.

    joint-strikes implies share-locations at least within-1-km
    safe-zones and not (us-guards or turkey-guards)

An atom is the name of a measure, or of a party that could join. A graded measure takes ``at least``, ``at
most`` or ``exactly`` and the name of a grade; without them it means "at least its first grade".

Invariants:
  * An expression reads in one way only: ``and`` beside ``or`` needs parentheses, ``implies`` stands once.
  * Names are looked up by the caller; a grade by the measure it belongs to.
  * `render_expression` gives the one spelling, and reads back as the same expression.

It does not say whether an expression can be true: see `entente.terms.search.problem`.

    >>> render_expression(Implies(Atom("joint-strikes"), Atom("share-locations", 2)), names)
    'joint-strikes implies share-locations at least within-1-km'
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Atom:
    """A measure is in the programme, at this grade or a further one; or a party takes part.

    Args:
        name: Measure or party.
        grade: 1 for the first grade (and for whatever has no grades), 2 for the second, ...
    """

    name: str
    grade: int = 1


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    part: Expression


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; at least two parts."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds; at least two parts."""

    parts: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Implies:
    """Where the first holds, the second holds."""

    premise: Expression
    conclusion: Expression


Expression: TypeAlias = Atom | Not | AllOf | AnyOf | Implies


def list_atoms(expression: Expression) -> Iterator[Atom]:
    """Yield every atom, as written, from left to right."""
    match expression:
        case Atom():
            yield expression
        case Not(part):
            yield from list_atoms(part)
        case AllOf(parts) | AnyOf(parts):
            for each in parts:
                yield from list_atoms(each)
        case Implies(premise, conclusion):
            yield from list_atoms(premise)
            yield from list_atoms(conclusion)


def is_true(expression: Expression, grades: Mapping[str, int]) -> bool:
    """Return whether it holds in a programme.

    Args:
        grades: Grade of each measure in the programme (1 for what has no grades; parties that take part
            likewise); what is absent or 0 is not in it.
    """
    match expression:
        case Atom(name, grade):
            return grades.get(name, 0) >= grade
        case Not(part):
            return not is_true(part, grades)
        case AllOf(parts):
            return all(is_true(each, grades) for each in parts)
        case AnyOf(parts):
            return any(is_true(each, grades) for each in parts)
        case Implies(premise, conclusion):
            return not is_true(premise, grades) or is_true(conclusion, grades)


def render_expression(expression: Expression, spell: Callable[[Atom], str]) -> str:
    """Return the one spelling.

    Args:
        spell: How an atom is written: ``share-locations at least within-1-km``. For people, a caller may give
            the measure's name in words instead.
    """

    def inner(part: Expression) -> str:
        text = render_expression(part, spell)
        return text if isinstance(part, (Atom, Not)) else f"({text})"

    match expression:
        case Atom():
            return spell(expression)
        case Not(part):
            return f"not {inner(part)}"
        case AllOf(parts):
            return " and ".join(inner(each) for each in parts)
        case AnyOf(parts):
            return " or ".join(inner(each) for each in parts)
        case Implies(premise, conclusion):
            return f"{inner(premise)} implies {inner(conclusion)}"
