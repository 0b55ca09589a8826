"""Answers: what each question about terms comes back with, and how far the search for it got.

Values only; names in them are the ids of the terms file. `entente.terms.words` puts them into words and into
JSON.

Invariants:
  * An answer never claims more than was proven: whatever could be cut short carries a `Search`.
  * Obstacles stand smallest first, packages cheapest first; equal ones by their names.

    >>> answer.search.is_complete
    True
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Search:
    """How far a search got.

    Args:
        is_complete: What was asked for is proven: all there are, or the best, or the k best in order.
        is_all: Nothing of the kind exists beyond what was found.
        stopped_by: "" when it ran to its end, or why it ended: "time", "interrupt", "limit".
        steps: How many times the solver was asked.
    """

    is_complete: bool
    is_all: bool = False
    stopped_by: str = ""
    steps: int = 0


@dataclass(frozen=True, slots=True)
class Obstacle:
    """A set of positions that cannot hold together, none of which could be left out.

    Args:
        members: Positions and designations (``party/group``), sorted.
        via: Rules and links without which they would not collide; a smallest such list is not promised, a
            minimal one is. Empty where they contradict each other outright.
        is_hard: Every member is a hard limit: no concession helps.
    """

    members: tuple[str, ...]
    via: tuple[str, ...] = ()
    is_hard: bool = False


@dataclass(frozen=True, slots=True)
class Obstacles:
    """Why not: the obstacles found, smallest first."""

    programme: str
    obstacles: tuple[Obstacle, ...]
    search: Search


@dataclass(frozen=True, slots=True)
class Concession:
    """One position given up (``to`` is "") or softened to a grade.

    Args:
        position: Position, or designation ``party/group`` (conceded by stating ``yes``).
        to: The grade that is then allowed (forbids) or still insisted on (requires); "" when given up.
        cost: In the weights of the terms file, all holders together.
    """

    position: str
    cost: int
    to: str = ""


@dataclass(frozen=True, slots=True)
class Package:
    """Concessions that together make the programme possible, none of which could be left out or be less.

    Args:
        burden: What it costs each party or agency that concedes something; sums to ``cost``.
    """

    concessions: tuple[Concession, ...]
    cost: int
    burden: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Packages:
    """At what price: the cheapest packages found, cheapest first.

    Args:
        packages: Empty when it is possible as it stands, or when no concession can help (``blocked_by``).
        is_possible: No concession is needed.
        blocked_by: An obstacle of hard limits only, when there is one.
        at_least: No package is cheaper than this: proven. Equal to the first one's cost when that is proven.
    """

    programme: str
    packages: tuple[Package, ...]
    is_possible: bool
    blocked_by: Obstacle | None
    at_least: int
    search: Search


@dataclass(frozen=True, slots=True)
class Feasibility:
    """Possible, with a witness; not possible; or not known because the search was stopped.

    Args:
        is_possible: None when the search was stopped before it was known.
        grades: A programme that satisfies every position: grade of each measure in it.
    """

    programme: str
    is_possible: bool | None
    grades: dict[str, int]
    search: Search


@dataclass(frozen=True, slots=True)
class BestProgramme:
    """What is possible now: nobody gives anything up that he would have to if nothing were done.

    A position that doing nothing would satisfy is a *veto*: all of them are respected. The others are
    *demands*: as much of their weight as possible is met, together with what is preferred.

    Args:
        grades: Grade of each measure in it.
        unmet: Demands that it leaves open, and preferences.
        silent: For each measure in it, the parties that say nothing about it: silence is not consent.
        value, at_most: Weight that it meets, and what no programme can exceed: equal when proven best.
        blocked_by: The vetoes contradict each other under the rules: there is no programme at all.
    """

    grades: dict[str, int]
    met: tuple[str, ...]
    unmet: tuple[str, ...]
    silent: dict[str, tuple[str, ...]]
    value: int
    at_most: int
    blocked_by: Obstacle | None
    search: Search


@dataclass(frozen=True, slots=True)
class Permitted:
    """What concessions newly permit: how far each measure could go before and after, vetoes respected.

    Args:
        before, after: Furthest grade each measure could have in some programme; 0 is not at all.
        newly: Measures for which ``after`` exceeds ``before``.
    """

    concessions: tuple[Concession, ...]
    before: dict[str, int]
    after: dict[str, int]
    newly: tuple[str, ...]
    search: Search


@dataclass(frozen=True, slots=True)
class Addition:
    """Measures and parties that are not on the table, added together.

    Args:
        is_possible: With them, the programme needs no concession.
        cost, cost_before: The cheapest package with and without them; None where no package exists, or (with
            ``is_possible``) 0.
        package: The cheapest package with them.
    """

    measures: tuple[str, ...]
    parties: tuple[str, ...]
    is_possible: bool
    cost: int | None
    cost_before: int | None
    package: Package | None


@dataclass(frozen=True, slots=True)
class Additions:
    """What would help: minimal sets of additions that make it possible, then single ones that cheapen it.

    Several that make it cheaper only together, and not possible, are not looked for.

    Args:
        is_possible: It is as it stands: nothing has to be added.
        search: ``is_all``: no other set makes it possible, no other single one makes it cheaper.
    """

    programme: str
    additions: tuple[Addition, ...]
    search: Search
    is_possible: bool = False


@dataclass(frozen=True, slots=True)
class Inactive:
    """A position that changes nothing.

    Args:
        reason: "condition" (its condition can never arise under the rules), "implied" (the rules alone
            satisfy it), "absent" (a holder does not take part), "silent" (it permits, which binds nobody).
    """

    position: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """Two positions that read one clause, and not the same way.

    Args:
        relation: "contradict" (they cannot both hold), "narrower" (the first allows less than the second),
            "wider", or "differ" (each allows something that the other does not).
    """

    clause: str
    first: str
    second: str
    relation: str


@dataclass(frozen=True, slots=True)
class Unguaranteed:
    """An obligation for which nobody answers, or whose guarantor does not take part."""

    obligation: str
    zone: str
    guarantor: str


@dataclass(frozen=True, slots=True)
class SharedCore:
    """Whom all count as an enemy, and who says what of the rest.

    Args:
        shared: Groups that every party that takes part designates.
        answers: group -> party -> "yes", "no" or "not stated".
    """

    shared: tuple[str, ...]
    answers: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that differs between two versions of a file.

    Args:
        table: "position", "rule", "measure", ... as in the file.
        change: "added", "removed" or "changed".
        fields: What changed of it, by the model's names; empty for what was added or removed.
        meaning: For what says something (positions, rules, links, programmes): "same" (it asks for the same,
            whoever holds it and at what weight), "stricter" (it allows less), "looser", "other" (each allows
            what the other does not, or neither binds) or "unknown" (the older one speaks of what the newer
            file does not have). Else "".
    """

    table: str
    id: str
    change: str
    fields: tuple[str, ...] = ()
    meaning: str = ""


@dataclass(frozen=True, slots=True)
class Consequence:
    """What two versions of a file answer about one programme ("" for none in particular).

    Args:
        possible: Before and after; None where it was not found out, or there is no such programme.
        cost: The cheapest package before and after; 0 when possible, None where there is none or it is not
            proven.
        gone, new: Obstacles among the smallest that only the older, or only the newer file has.
        search: Incomplete when a search was stopped, not all when there were more obstacles than were
            compared.
    """

    programme: str
    possible: tuple[bool | None, bool | None]
    cost: tuple[int | None, int | None]
    gone: tuple[Obstacle, ...]
    new: tuple[Obstacle, ...]
    search: Search


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two versions of a file: in what they say, and in what follows from it."""

    changes: tuple[Change, ...]
    consequences: tuple[Consequence, ...]
