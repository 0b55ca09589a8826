"""The terms: who the parties are, what could be done together, and what each says about it, with its source.

Values only, as a terms file states them once it has been read (docs/formats/terms.md). `reading.parse_terms`
makes them and answers for what no single value can know: that names exist, are unique and fit together.

Invariants:
  * Names are slugs. Measures, parties and agencies share one space of names; so do positions, designations,
    rules and links, because any of these may appear in an answer.
  * A position, designation, rule or link rests on a source, or says that it is assumed and why.
  * Weights are positive whole numbers: what a concession costs its holder, on the author's own scale.

It holds no opinion: a designation is its party's statement, and nobody's list is "the" list.

    >>> terms.positions[0].modality
    <Modality.FORBIDS: 'forbids'>
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

from entente.terms.expression import AllOf, AnyOf, Atom, Expression, Implies, Not


@dataclass(frozen=True, slots=True)
class Place:
    """Where in the file something stands: line and column, both from 1, columns in characters."""

    line: int
    column: int


NOWHERE = Place(0, 0)
"""For terms that were built and not read."""


class Modality(Enum):
    """What kind of thing a position says of its expression."""

    REQUIRES = "requires"
    FORBIDS = "forbids"
    PERMITS = "permits"
    PREFERS = "prefers"


@dataclass(frozen=True, slots=True)
class Document:
    """A text that sources point to. ``file``: its name in the folder of documents, when it is at hand."""

    id: str
    title: str
    publisher: str = ""
    date: str = ""
    url: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """Where something is said: the words themselves, or what they come to when they cannot be quoted."""

    document: str
    place: str
    words: str = ""
    paraphrase: str = ""
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Ground:
    """What a statement rests on: sources, or an assumption with its reason; possibly both."""

    sources: tuple[Source, ...] = ()
    assumption: str = ""


@dataclass(frozen=True, slots=True)
class Party:
    """A party. ``takes_part`` is False for one that could be admitted and is not yet."""

    id: str
    name: str
    takes_part: bool = True


@dataclass(frozen=True, slots=True)
class Agency:
    """A part of a party with a veto of its own."""

    id: str
    name: str
    party: str


@dataclass(frozen=True, slots=True)
class Group:
    """A group that parties may or may not designate as an enemy."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Theatre:
    """Another theatre, to which this one is linked."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Grade:
    """A step of a graded measure, each going further than the one before."""

    id: str
    name: str


@dataclass(frozen=True, slots=True)
class Measure:
    """One thing that can be done together, or a state of things that the parties speak about.

    Args:
        grades: Empty for a plain measure; else two or more, from the least to the furthest.
        theatre: Where it belongs, when not to the theatre in question.
        against: A group; the measure then needs each acting party's designation ``yes`` of it.
        by: The parties that act; empty means every party that takes part.
        is_offered: False for what is not on the table yet: it is out of every programme until it is added.
    """

    id: str
    name: str
    grades: tuple[Grade, ...] = ()
    theatre: str = ""
    against: str = ""
    by: tuple[str, ...] = ()
    is_offered: bool = True


@dataclass(frozen=True, slots=True)
class Rule:
    """How the world is, whoever wants what. Nobody can concede it."""

    id: str
    says: str
    expression: Expression
    ground: Ground = Ground()
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Link:
    """A rule that ties this theatre to another: doing something here changes what holds there."""

    id: str
    says: str
    theatre: str
    expression: Expression
    ground: Ground = Ground()
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause of a common text, which positions may read differently."""

    id: str
    says: str
    ground: Ground = Ground()
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Position:
    """What one holder (or several together) requires, forbids, permits or prefers.

    Args:
        by: Parties or agencies, each once; several hold it jointly, and it is conceded jointly.
        expression: As written beside the modality; what the position *demands* is `Position.demand`.
        when: The condition under which it speaks; None for always.
        weights: What giving it up costs each holder, in the order of ``by``.
        steps: What softening costs grade by grade, the last step giving it up; empty for all or nothing.
            Only where the expression is one atom of a graded measure, the modality requires or forbids, and
            there is one holder, whose weight is then their sum.
        hard: "law" for what no bargaining can change: it is never offered as a concession.
        clause: The clause that this position is a reading of.
    """

    id: str
    says: str
    by: tuple[str, ...]
    modality: Modality
    expression: Expression
    when: Expression | None = None
    weights: tuple[int, ...] = (1,)
    steps: tuple[int, ...] = ()
    hard: Literal["", "law"] = ""
    clause: str = ""
    ground: Ground = Ground()
    at: Place = NOWHERE

    @property
    def weight(self) -> int:
        """What giving it up costs all its holders together."""
        return sum(self.weights)

    @property
    def demand(self) -> Expression:
        """What must hold for the position to be satisfied, its condition included."""
        wanted: Expression = self.expression
        if self.modality is Modality.FORBIDS:
            wanted = wanted.part if isinstance(wanted, Not) else Not(wanted)
        return wanted if self.when is None else Implies(self.when, wanted)


@dataclass(frozen=True, slots=True)
class Designation:
    """Whether a party counts a group as an enemy: its own statement.

    ``no`` and ``not stated`` both keep a measure against the group out of every programme; a pair without a
    statement is one that is ``not stated``.
    """

    id: str
    party: str
    group: str
    answer: Literal["yes", "no", "not stated"]
    weight: int = 1
    ground: Ground = Ground()
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone that the terms speak of. ``measure``: the measure that sets it up, if there is one."""

    id: str
    name: str
    measure: str = ""
    ground: Ground = Ground()
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Obligation:
    """What is promised in a zone, and by whom. An empty guarantor is what must be settled before signing."""

    id: str
    zone: str
    says: str
    guarantor: str = ""
    ground: Ground = Ground()
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Clock:
    """A condition with a clock, which an agreement made from these terms carries.

    Args:
        kind: ``days-without``: ``days`` consecutive days without ``incident``, restarted by joint consent
            only, make ``measure`` due. ``simultaneous``: the ``steps`` (measures) are done by all within
            ``hours`` of the moment when all are ready. ``expiry``: the agreement ends after ``days`` unless
            all extend it. ``withdrawal``: a party may leave with ``hours`` of notice.
    """

    id: str
    kind: Literal["days-without", "simultaneous", "expiry", "withdrawal"]
    says: str
    measure: str = ""
    incident: str = ""
    steps: tuple[str, ...] = ()
    days: int = 0
    hours: int = 0
    ground: Ground = Ground()
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Programme:
    """A set of measures to do together, about which one asks whether it is possible."""

    id: str
    name: str
    expression: Expression
    at: Place = NOWHERE


@dataclass(frozen=True, slots=True)
class Terms:
    """A whole terms file."""

    title: str
    question: str
    documents: tuple[Document, ...] = ()
    parties: tuple[Party, ...] = ()
    agencies: tuple[Agency, ...] = ()
    groups: tuple[Group, ...] = ()
    theatres: tuple[Theatre, ...] = ()
    measures: tuple[Measure, ...] = ()
    rules: tuple[Rule, ...] = ()
    links: tuple[Link, ...] = ()
    clauses: tuple[Clause, ...] = ()
    positions: tuple[Position, ...] = ()
    designations: tuple[Designation, ...] = ()
    zones: tuple[Zone, ...] = ()
    obligations: tuple[Obligation, ...] = ()
    clocks: tuple[Clock, ...] = ()
    programmes: tuple[Programme, ...] = ()

    @property
    def homes(self) -> dict[str, str]:
        """The party of every holder: an agency's own, and each party itself."""
        return {each.id: each.id for each in self.parties} | {each.id: each.party for each in self.agencies}


__all__ = [
    "NOWHERE",
    "Agency",
    "AllOf",
    "AnyOf",
    "Atom",
    "Clause",
    "Clock",
    "Designation",
    "Document",
    "Expression",
    "Grade",
    "Ground",
    "Group",
    "Implies",
    "Link",
    "Measure",
    "Modality",
    "Not",
    "Obligation",
    "Party",
    "Place",
    "Position",
    "Programme",
    "Rule",
    "Source",
    "Terms",
    "Theatre",
    "Zone",
]
