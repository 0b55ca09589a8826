"""The one-page report: what somebody who decides must know, in the order in which he asks.

The question; the answer in one sentence; what stands in the way, with the words that it rests on; the ways
out and who bears them; what is possible now; what was assumed; how far the search got; which file this is.

Invariants:
  * Every position shown is quoted with its source, or said to be assumed and why.
  * What is left out because the page is one page is counted.
  * A page holds texts and no markup: `report_html` and `report_markdown` escape all of it.

    >>> page = build_page(Findings(terms, obstacles), "centre.toml", "6b86b273...")
    >>> page.answer
    'No: the programme “Joint centre” is not possible as the positions stand; 3 obstacles stand in the way.'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from entente.terms.answers import (
    Additions,
    BestProgramme,
    Feasibility,
    Obstacle,
    Obstacles,
    Package,
    Packages,
    Reading,
    Unguaranteed,
)
from entente.terms.model import Terms
from entente.terms.words.findings import say_reading
from entente.terms.words.phrases import Phrasebook, Quote, Statement
from entente.terms.words.reasons import list_reasons, say_contradiction, say_limits, say_stop
from entente.terms.words.sentences import say_addition, say_search_of_obstacles, say_search_of_packages
from entente.terms.words.text import clean_text, join_words

MAX_OBSTACLES: Final = 5
MAX_MEMBERS: Final = 30
MAX_WAYS: Final = 3
_BADGES: Final = "ABC"
"""Of the ways out, `MAX_WAYS` of them; obstacles have numbers."""
MAX_OPEN: Final = 4
MAX_ASSUMED: Final = 60


@dataclass(frozen=True, slots=True)
class Findings:
    """The terms and what was asked about them. What was not asked is None or empty, and not reported.

    Args:
        unfinished: What was asked and not answered, or not to the end, because the search was stopped.
    """

    terms: Terms
    obstacles: Obstacles
    feasibility: Feasibility | None = None
    packages: Packages | None = None
    additions: Additions | None = None
    best: BestProgramme | None = None
    unguaranteed: tuple[Unguaranteed, ...] = ()
    readings: tuple[Reading, ...] = ()
    unfinished: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Cited:
    """Words of one place, and that place: the document by its number in the report's list of sources."""

    words: tuple[Quote, ...]
    where: str


@dataclass(frozen=True, slots=True)
class Item:
    """One entry of a list.

    Args:
        badge: The number before it, as in the picture; "" for none.
        cited: The words that it rests on.
        notes: Lines below it.
    """

    text: str
    badge: str = ""
    marks: tuple[str, ...] = ()
    cited: tuple[Cited, ...] = ()
    notes: tuple[str, ...] = ()
    inner: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, lines, a list, a table (its first row is the head), and lines after them.

    Args:
        is_fine: May be set smaller on paper: what the rest is founded on.
    """

    heading: str
    lines: tuple[str, ...] = ()
    items: tuple[Item, ...] = ()
    table: tuple[tuple[str, ...], ...] = ()
    after: tuple[str, ...] = ()
    is_fine: bool = False


@dataclass(frozen=True, slots=True)
class Page:
    """A whole report.

    Args:
        search: How far the searches got.
        file: The documents that are quoted, and what identifies the terms that it speaks of.
    """

    title: str
    question: str
    answer: str
    search: str
    sections: tuple[Section, ...]
    file: tuple[str, ...]


def build_page(findings: Findings, file_name: str, sha256: str) -> Page:
    """Return the report's content.

    Args:
        sha256: Of the terms file's bytes, in hexadecimal.
    """
    book = Phrasebook(findings.terms)
    sections = [
        _tell_obstacles(book, findings.obstacles),
        _tell_ways(book, findings),
        _tell_now(book, findings.best),
        _tell_gaps(book, findings),
        _tell_assumed(book, findings),
        _tell_rules(book, findings.obstacles),
    ]
    named = f"{clean_text(findings.terms.title)}; file {clean_text(file_name)}; SHA-256 {clean_text(sha256)}"
    documents = [
        f"[{number}] {book.list_document(each.id)}."
        for number, each in enumerate(findings.terms.documents, start=1)
    ]
    return Page(
        title=clean_text(findings.terms.title),
        question=clean_text(findings.terms.question),
        answer=say_verdict(book, findings),
        search=say_searches(findings),
        sections=tuple(section for section in sections if section is not None),
        file=(*documents, f"Terms: {named}. Weights are on the scale of whoever wrote them."),
    )


def say_verdict(
    book: Phrasebook, findings: Findings, *, how_they_stand: str = "as the positions stand"
) -> str:
    """Return the answer in one sentence.

    Args:
        how_they_stand: What it is said of; for terms that are only supposed, another condition.
    """
    answer, count = findings.obstacles, len(findings.obstacles.obstacles)
    what = book.name_programme(answer.programme)
    feasibility = findings.feasibility
    if feasibility is not None and feasibility.is_possible is None and not count:
        return f"Not known: the search stopped before it was clear whether {what} is possible."
    if not count:
        proven = answer.search.is_complete or (feasibility is not None and feasibility.is_possible)
        if not proven:
            return f"Not known: nothing was found against {what}, but the search was not carried to its end."
        return f"Yes: {what} is possible {how_they_stand}, and nobody has to concede anything."
    more = "" if answer.search.is_all else "at least "
    stand = "obstacle stands" if count == 1 else "obstacles stand"
    verdict = f"No: {what} is not possible {how_they_stand}; {more}{count} {stand} in the way"
    packages, additions = findings.packages, findings.additions
    if packages is not None and packages.blocked_by is not None:
        alone = "law alone stands" if packages.blocked_by.members else "rules stand"
        verdict += f", and no concession can change that, because {alone} against it"
    elif packages is not None and packages.packages:
        first = packages.packages[0]
        parties = sum_by_party(book, first)
        borne = f", borne by {join_words(book.name_holder(each) for each in parties)}" if parties else ""
        cheapest = "the cheapest" if packages.at_least >= first.cost else "the cheapest known"
        verdict += f"; {cheapest} way out costs {first.cost}{borne}"
    for each in () if additions is None else additions.additions:
        if each.is_possible:
            return f"{verdict}; {say_addition(book, each)}"
    return f"{verdict}."


# What stands in the way


def _tell_obstacles(book: Phrasebook, answer: Obstacles) -> Section | None:
    if not answer.obstacles:
        return None
    shown = answer.obstacles[:MAX_OBSTACLES]
    items = [_show_obstacle(book, answer, each, number) for number, each in enumerate(shown, start=1)]
    after = say_search_of_obstacles(answer)
    left = len(answer.obstacles) - len(shown)
    if left:
        after.insert(0, f"{left:,} more obstacle{'s were' if left > 1 else ' was'} found and not shown here.")
    asked = book.programmes.get(answer.programme)
    lines = () if asked is None else (f"The programme is: {book.say_expression(asked.expression)}.",)
    return Section("What stands in the way", lines, tuple(items), after=tuple(after))


def _show_obstacle(book: Phrasebook, answer: Obstacles, obstacle: Obstacle, number: int) -> Item:
    reasons = list_reasons(book, obstacle, answer.programme, with_sources=False)
    notes = [
        f"Because: {' '.join(reasons)}" if reasons else say_contradiction(book, obstacle, answer.programme)
    ]
    members = [_show_statement(book, book.describe(name)) for name in obstacle.members[:MAX_MEMBERS]]
    if len(members) == 1:
        return replace(members[0], badge=str(number), notes=tuple(notes))
    left = len(obstacle.members) - len(members)
    if left:
        notes.insert(0, f"{left:,} more positions are part of it and not shown here.")
    if not members:
        return Item("No position is needed for this: it cannot be.", str(number), notes=tuple(notes))
    law = "All of it is law. " if obstacle.is_hard else ""
    return Item(f"{law}These cannot hold together:", str(number), notes=tuple(notes), inner=tuple(members))


def _show_statement(book: Phrasebook, statement: Statement) -> Item:
    cited = _cite(book, statement.quotes)
    says = statement.says.rstrip(".")
    if not says or not statement.claim:
        return Item(f"{statement.sentence}.", marks=statement.marks, cited=cited)
    who = join_words(statement.holders)
    return Item(f"{who}: {says}.", marks=(statement.claim, *statement.marks), cited=cited)


def _cite(book: Phrasebook, quotes: Iterable[Quote]) -> tuple[Cited, ...]:
    numbers = {clean_text(name): number for number, name in enumerate(book.documents, start=1)}
    places: dict[str, list[Quote]] = {}
    for quote in quotes:
        number = numbers.get(quote.document_id)
        where = f"[{number}], {quote.place}" if number else quote.where
        places.setdefault(where, []).append(quote)
    return tuple(Cited(tuple(words), where) for where, words in places.items())


def _tell_rules(book: Phrasebook, answer: Obstacles) -> Section | None:
    shown = answer.obstacles[:MAX_OBSTACLES]
    names = dict.fromkeys(name for obstacle in shown for name in obstacle.via)
    items = tuple(_show_statement(book, book.describe(name)) for name in names)
    return Section("The rules between them", items=items, is_fine=True) if items else None


# The ways out


def _tell_ways(book: Phrasebook, findings: Findings) -> Section | None:
    packages, items, table, after = findings.packages, [], [], []
    if packages is not None:
        if packages.is_possible:
            return None
        if packages.blocked_by is not None:
            items.append(Item(f"No concession helps: {say_limits(packages.blocked_by)} against it."))
        shown = packages.packages[:MAX_WAYS]
        items += [_show_package(book, package, number) for number, package in enumerate(shown, start=1)]
        if len(shown) > 1:
            table = _tabulate_burden(book, shown)
        if packages.blocked_by is None:
            after.append(" ".join(say_search_of_packages(book, packages)))
    additions = findings.additions
    for each in () if additions is None else additions.additions[:MAX_WAYS]:
        text = say_addition(book, each)
        if each.package is not None and each.package.concessions:
            text += f" Burden: {'; '.join(book.say_burden(each.package.burden))}."
        items.append(Item(text[0].upper() + text[1:], "+"))
    if additions is not None and not additions.additions and additions.search.is_complete:
        after.append("Nothing that could be added, a measure or a party, was found to help.")
    if not items and not after:
        return None
    return Section("Ways out", items=tuple(items), table=tuple(table), after=tuple(after))


def _show_package(book: Phrasebook, package: Package, number: int) -> Item:
    return Item(
        f"Cost {package.cost}. Burden: {'; '.join(book.say_burden(package.burden))}.",
        _BADGES[number - 1],
        inner=tuple(Item(f"{book.say_concession(each)} (cost {each.cost}).") for each in package.concessions),
    )


def sum_by_party(book: Phrasebook, package: Package) -> dict[str, int]:
    """Return what each party bears, agencies counted with it, the largest first."""
    sums: dict[str, int] = {}
    for holder, cost in package.burden.items():
        party = book.get_party(holder)
        sums[party] = sums.get(party, 0) + cost
    return dict(sorted(sums.items(), key=lambda item: (-item[1], item[0])))


def _tabulate_burden(book: Phrasebook, packages: Iterable[Package]) -> list[tuple[str, ...]]:
    columns = [sum_by_party(book, package) for package in packages]
    parties = dict.fromkeys(party for column in columns for party in column)
    head = ("Burden", *(f"Way {_BADGES[number]}" for number in range(len(columns))))
    rows = [(book.name_holder(each), *(str(column.get(each, 0)) for column in columns)) for each in parties]
    return [head, *rows]


# What else he asks


def _tell_now(book: Phrasebook, best: BestProgramme | None) -> Section | None:
    if best is None:
        return None
    if best.blocked_by is not None:
        reasons = list_reasons(book, best.blocked_by, "")
        members = tuple(_show_statement(book, book.describe(name)) for name in best.blocked_by.members)
        what = "refusals" if best.blocked_by.members else "rules"
        text = f"Nothing can be done together now: {what} contradict each other."
        return Section("What is possible now", (text,), members, after=tuple(reasons))
    if best.search.stopped_by and not best.met and not best.grades:
        return Section("What is possible now", (f"Not known: {say_stop(best.search)}.",))
    done = [book.say_grade(name, grade) for name, grade in sorted(best.grades.items()) if grade]
    lines = [
        f"Without any concession: {'; '.join(done)}." if done else "Nothing that anybody demands or prefers.",
    ]
    unmet = [book.describe(name).sentence for name in best.unmet[:MAX_OPEN]]
    if unmet:
        left = len(best.unmet) - len(unmet)
        rest = f"; and {left} more" if left else ""
        lines.append(f"It leaves open: {'; '.join(unmet)}{rest}.")
    silent: dict[tuple[str, ...], list[str]] = {}
    for measure, parties in sorted(best.silent.items()):
        if parties:
            silent.setdefault(parties, []).append(book.name_measure(measure))
    said_nothing = [
        f"{join_words(book.name_holder(each) for each in parties)} said nothing about {join_words(measures)}"
        for parties, measures in silent.items()
    ]
    if said_nothing:
        lines.append(f"Silence is not consent: {'; '.join(said_nothing)}.")
    return Section("What is possible now", tuple(lines))


def _tell_gaps(book: Phrasebook, findings: Findings) -> Section | None:
    open_: dict[str, list[str]] = {}
    for gap in findings.unguaranteed[:MAX_OPEN]:
        obligation, zone = book.obligations.get(gap.obligation), book.zones.get(gap.zone)
        says = clean_text(gap.obligation if obligation is None else obligation.says).rstrip(".")
        where = clean_text(gap.zone if zone is None else zone.name)
        absent = (
            f" ({book.name_holder(gap.guarantor)} would, and does not take part)" if gap.guarantor else ""
        )
        open_.setdefault(where, []).append(f"“{says}”{absent}")
    items = [Item(f"{where}: nobody answers for {join_words(says)}.") for where, says in open_.items()]
    for reading in findings.readings[:MAX_OPEN]:
        both = tuple(_show_statement(book, book.describe(each)) for each in (reading.first, reading.second))
        items.append(Item(say_reading(book, reading), inner=both))
    if not items:
        return None
    left = max(len(findings.unguaranteed) - MAX_OPEN, 0) + max(len(findings.readings) - MAX_OPEN, 0)
    after = (f"{left:,} more points are open in the terms.",) if left else ()
    return Section("To be settled before anybody signs", items=tuple(items), after=after)


def _tell_assumed(book: Phrasebook, findings: Findings) -> Section | None:
    named = [
        name for each in findings.obstacles.obstacles[:MAX_OBSTACLES] for name in (*each.members, *each.via)
    ]
    if findings.packages is not None:
        for package in findings.packages.packages[:MAX_WAYS]:
            named += [each.position for each in package.concessions]
    statements = [book.describe(name) for name in dict.fromkeys(named)]
    assumed = [each for each in statements if each.assumption]
    grounds = [
        *(each.ground for each in findings.terms.rules),
        *(each.ground for each in findings.terms.links),
        *(each.ground for each in findings.terms.positions),
        *(each.ground for each in findings.terms.designations),
    ]
    total = sum(bool(ground.assumption) for ground in grounds)
    if not total:
        return Section("What was assumed", ("Nothing: every statement rests on a source.",))
    items = [Item(f"{each.sentence}: {each.assumption.rstrip('.')}.") for each in assumed[:MAX_ASSUMED]]
    left = total - len(items)
    if not items:
        lines = (
            f"Nothing that bears on this answer. Elsewhere in the terms, {total} statements are assumed.",
        )
        return Section("What was assumed", lines)
    after = (f"The terms hold {left} more assumptions; they are marked there.",) if left > 0 else ()
    return Section("What was assumed", items=tuple(items), after=after)


def say_searches(findings: Findings) -> str:
    """Return how far the searches got that the page rests on."""
    searches = {
        "what stands in the way": findings.obstacles.search,
        **({"the ways out": findings.packages.search} if findings.packages is not None else {}),
        **({"what could be added": findings.additions.search} if findings.additions is not None else {}),
        **({"what is possible now": findings.best.search} if findings.best is not None else {}),
    }
    stopped = [
        f"The search for {what} stopped early: {say_stop(search)}."
        for what, search in searches.items()
        if not search.is_complete
    ]
    stopped += [
        f"The search for {what} stopped early: not all is said of it." for what in findings.unfinished
    ]
    return " ".join(stopped) or "Every search ran to its end: what is said here is proven."
