"""What if: terms as they would be if somebody gave way, stated something, or put something on the table.

Nobody has said what a change says: it is a question, put by whoever asks. A change is written with dots,
several with commas between, so that it fits an address:

    without.POSITION           the position is given up
    soften.POSITION.GRADE      it is left with this grade, as a concession would leave it
    offer.MEASURE              a measure that is not on the table is
    admit.PARTY                a party that does not take part does
    says.PARTY.GROUP           the party states that it counts the group as an enemy

Invariants:
  * The same changes in another order are the same terms, and `encode_changes` writes them in one order.
  * What cannot be conceded (law) is not changed, nor what is not there: `NotFound` says what is.
  * A softened position keeps its later steps: it can be softened further.

It asks nothing: `possibility` and `programmes` do.

    >>> changes = parse_changes("without.pentagon-methods,offer.blind-check")
    >>> find_obstacles(apply_changes(terms, changes), programme="side-by-side")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from entente.kernel.errors import Malformed, NotFound
from entente.terms.expression import Atom
from entente.terms.model import Designation, Modality, Position, Terms

MAX_CHANGES: Final = 100
"""More than anybody keeps in mind; an address has room for them."""
_WORDS: Final = {"without": 1, "soften": 2, "offer": 1, "admit": 1, "says": 2}
_ASSUMED: Final = "what if: nobody said this"


@dataclass(frozen=True, slots=True, order=True)
class Change:
    """One change. ``detail``: the grade, or the group; "" where there is none."""

    word: str
    name: str
    detail: str = ""

    def __str__(self) -> str:
        return ".".join(part for part in (self.word, self.name, self.detail) if part)


def parse_changes(text: str) -> tuple[Change, ...]:
    """Return changes in their one order, or raise `Malformed`."""
    if not text:
        return ()
    pieces = text.split(",")
    if len(pieces) > MAX_CHANGES:
        raise Malformed(
            "too-many", f"what if: expected <= {MAX_CHANGES} changes, got {len(pieces)}", path="$.whatif"
        )
    return tuple(sorted({_parse_one(piece) for piece in pieces}))


def _parse_one(piece: str) -> Change:
    word, *names = piece.split(".")
    if len(names) != _WORDS.get(word, -1) or not all(names):
        spelt = ", ".join(f"{each}.{'.'.join(['NAME'] * count)}" for each, count in _WORDS.items())
        raise Malformed(
            "bad-change", f"what if: expected one of {spelt}, got {piece[:80]!r}", path="$.whatif"
        )
    return Change(word, *names)


def encode_changes(changes: Sequence[Change]) -> str:
    """Return the one spelling."""
    return ",".join(map(str, sorted(set(changes))))


def apply_changes(terms: Terms, changes: Sequence[Change]) -> Terms:
    """Return the terms as they would be.

    Raises:
        NotFound: Something that is changed is not in the terms, is law, or has no such grade.
    """
    for change in sorted(set(changes)):
        match change.word:
            case "without":
                terms = _without(terms, change.name)
            case "soften":
                terms = _soften(terms, change.name, change.detail)
            case "offer":
                terms = _offer(terms, change.name)
            case "admit":
                terms = _admit(terms, change.name)
            case "says":
                terms = _say(terms, change.name, change.detail)
            case _:
                raise ValueError(f"change: expected one of {sorted(_WORDS)}, got {change.word!r}")
    return terms


def _get_position(terms: Terms, name: str) -> Position:
    found = next((each for each in terms.positions if each.id == name), None)
    if found is None:
        raise NotFound("no-position", f"what if: expected a position of these terms, got {name!r}")
    if found.hard:
        raise NotFound("no-concession", f"what if: expected what can be conceded, got {name!r}, which is law")
    return found


def _without(terms: Terms, name: str) -> Terms:
    given_up = _get_position(terms, name)
    return replace(terms, positions=tuple(each for each in terms.positions if each is not given_up))


def _soften(terms: Terms, name: str, grade: str) -> Terms:
    position = _get_position(terms, name)
    left = list_softenings(terms, position)
    if grade not in left:
        known = ", ".join(map(repr, left)) or "none: it is all or nothing"
        raise NotFound("no-step", f"what if, {name!r}: expected to be left with {known}, got {grade!r}")
    atom = position.expression
    if not isinstance(atom, Atom):
        raise AssertionError(f"position {name!r}: expected one atom to soften")
    measure = next(each for each in terms.measures if each.id == atom.name)
    number = next(place for place, each in enumerate(measure.grades, start=1) if each.id == grade)
    # Forbidden is what goes beyond the grade that is left; insisted on is that grade itself.
    number += position.modality is Modality.FORBIDS
    rest = position.steps[left.index(grade) + 1 :]
    softer = replace(position, expression=Atom(atom.name, number), steps=rest, weights=(sum(rest),))
    return replace(terms, positions=tuple(softer if each is position else each for each in terms.positions))


def list_softenings(terms: Terms, position: Position) -> tuple[str, ...]:
    """Return the grades that a position can be left with, step by step; none where it is all or nothing."""
    atom = position.expression
    if not position.steps or not isinstance(atom, Atom):
        return ()
    measure = next((each for each in terms.measures if each.id == atom.name), None)
    names = [] if measure is None else [each.id for each in measure.grades]
    if position.modality is Modality.FORBIDS:
        return tuple(names[atom.grade - 1 : -1])
    return tuple(reversed(names[: atom.grade - 1]))


def _offer(terms: Terms, name: str) -> Terms:
    if not any(each.id == name for each in terms.measures):
        raise NotFound("no-measure", f"what if: expected a measure of these terms, got {name!r}")
    measures = tuple(replace(each, is_offered=True) if each.id == name else each for each in terms.measures)
    return replace(terms, measures=measures)


def _admit(terms: Terms, name: str) -> Terms:
    if not any(each.id == name for each in terms.parties):
        raise NotFound("no-party", f"what if: expected a party of these terms, got {name!r}")
    parties = tuple(replace(each, takes_part=True) if each.id == name else each for each in terms.parties)
    return replace(terms, parties=parties)


def _say(terms: Terms, party: str, group: str) -> Terms:
    if not any(each.id == party for each in terms.parties):
        raise NotFound("no-party", f"what if: expected a party of these terms, got {party!r}")
    if not any(each.id == group for each in terms.groups):
        raise NotFound("no-group", f"what if: expected a group of these terms, got {group!r}")
    said = next((each for each in terms.designations if (each.party, each.group) == (party, group)), None)
    if said is None:
        said = Designation(f"{party}-{group}", party, group, "not stated")
    stated = replace(said, answer="yes", ground=replace(said.ground, assumption=_ASSUMED))
    others = tuple(each for each in terms.designations if (each.party, each.group) != (party, group))
    return replace(terms, designations=(*others, stated))
