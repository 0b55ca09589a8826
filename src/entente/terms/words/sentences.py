"""Sentences: every answer about terms, in plain English, a line each.

Invariants:
  * Every position named is shown with its holder and weight, law and assumptions with their marks, and the
    words it rests on with their place.
  * What was not proven is not said: an answer that was cut short says where, and what may be missing.
  * Lines hold no control characters; two spaces of indentation a level. `fold_lines` fits them to a width.

It does not ask the questions: see `entente.terms.search`.

    >>> say_obstacles(terms, obstacles)[-1]
    'These are all 3 obstacles: proven.'
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import TypeAlias

from entente.terms.answers import (
    Addition,
    Additions,
    BestProgramme,
    Feasibility,
    Obstacles,
    Package,
    Packages,
    Permitted,
    SharedCore,
)
from entente.terms.model import Terms
from entente.terms.words.findings import say_inactive, say_readings, say_shared, say_unguaranteed
from entente.terms.words.phrases import Phrasebook
from entente.terms.words.reasons import say_limits, say_obstacle, say_search, say_statement, say_stop
from entente.terms.words.text import join_words

Answer: TypeAlias = Feasibility | Obstacles | Packages | BestProgramme | Permitted | Additions | SharedCore
"""What one question comes back with; the questions that come back with a list have functions of their own."""


def say_answer(terms: Terms, answer: Answer) -> list[str]:
    """Return any answer in lines."""
    match answer:
        case Feasibility():
            return say_feasibility(terms, answer)
        case Obstacles():
            return say_obstacles(terms, answer)
        case Packages():
            return say_packages(terms, answer)
        case BestProgramme():
            return say_best(terms, answer)
        case Permitted():
            return say_permitted(terms, answer)
        case Additions():
            return say_additions(terms, answer)
        case SharedCore():
            return say_shared(terms, answer)


def fold_lines(lines: Iterable[str], width: int = 100) -> list[str]:
    """Return lines of at most ``width`` characters; the rest stands under its line's start."""
    folded = []
    for line in lines:
        indent = " " * (len(line) - len(line.lstrip(" ")))
        rest = textwrap.wrap(line.strip(), max(width - len(indent), 20), break_on_hyphens=False)
        folded += [indent + part for part in rest] or [""]
    return folded


def say_feasibility(terms: Terms, answer: Feasibility) -> list[str]:
    """Possible, not possible, or not known."""
    book = Phrasebook(terms)
    what = book.name_programme(answer.programme)
    if answer.is_possible is None:
        return [f"Not known: whether {what} can be done. The search stopped: {say_stop(answer.search)}."]
    if not answer.is_possible:
        return [f"Not possible: {what}. Positions and rules leave no room for it: proven."]
    return [
        f"Possible: {what}. No position stands against it, and this satisfies all of them:",
        *_say_grades(book, answer.grades),
    ]


def _say_grades(book: Phrasebook, grades: dict[str, int]) -> list[str]:
    lines = [f"  {book.say_grade(name, grade)}" for name, grade in sorted(grades.items()) if grade]
    return lines or ["  nothing is done."]


# Obstacles


def say_obstacles(terms: Terms, answer: Obstacles) -> list[str]:
    """Why not: each obstacle with whose positions form it, their sources, and the rules between them."""
    book = Phrasebook(terms)
    what = book.name_programme(answer.programme)
    if not answer.obstacles:
        return [f"{what[0].upper()}{what[1:]}:", *say_search_of_obstacles(answer)]
    asked = book.programmes.get(answer.programme)
    lines = [f"Not possible: {what}."]
    if asked is not None:
        lines.append(f"The programme is: {book.say_expression(asked.expression)}.")
    lines.append("")
    for number, obstacle in enumerate(answer.obstacles, start=1):
        size = len(obstacle.members)
        count = "one position" if size == 1 else f"{size} positions" if size else "rules alone"
        hard = " All of it is law: no concession helps." if obstacle.is_hard and size else ""
        lines += [
            f"Obstacle {number}: {count}.{hard}",
            *say_obstacle(book, obstacle, answer.programme),
            "",
        ]
    return [*lines, *say_search_of_obstacles(answer)]


def say_search_of_obstacles(answer: Obstacles) -> list[str]:
    """Return whether these are all obstacles, the smallest, or what was found so far."""
    search, found = answer.search, len(answer.obstacles)
    if not found:
        if search.is_all or search.is_complete:
            return ["There is no obstacle: proven."]
        return ["No obstacle was found.", say_search(search, all_found="", first_found="", more="obstacles")]
    if found == 1:
        all_found = "This is the only obstacle: proven."
        first_found = "No obstacle is smaller: proven. There may be more."
    else:
        all_found = f"These are all {found} obstacles: proven."
        first_found = f"These are the {found} smallest obstacles: proven. There may be more."
    more = "obstacles, smaller ones too"
    return [say_search(search, all_found=all_found, first_found=first_found, more=more)]


# Packages


def say_packages(terms: Terms, answer: Packages) -> list[str]:
    """At what price: who would give up what, what it costs each, and what is proven about it."""
    book = Phrasebook(terms)
    what = book.name_programme(answer.programme)
    if answer.is_possible:
        return [f"No concession is needed for {what}: it is possible as it stands."]
    if answer.blocked_by is not None:
        return [
            f"No concession can make {what} possible: {say_limits(answer.blocked_by)} against it.",
            *say_obstacle(book, answer.blocked_by, answer.programme),
        ]
    lines = [f"The price of {what}:", ""]
    for number, package in enumerate(answer.packages, start=1):
        count = len(package.concessions)
        lines += [
            f"Package {number}: cost {package.cost}, {count} concession{'' if count == 1 else 's'}.",
            *say_package(book, package),
            "",
        ]
    return [*lines, *say_search_of_packages(book, answer)]


def say_package(book: Phrasebook, package: Package) -> list[str]:
    """Return a package's concessions and what each party bears."""
    lines = [
        f"  {number}. {book.say_concession(each)} (cost {each.cost})."
        for number, each in enumerate(package.concessions, start=1)
    ]
    burden = book.say_burden(package.burden)
    return [*lines, f"  Burden: {'; '.join(burden)}."] if burden else lines


def say_search_of_packages(book: Phrasebook, answer: Packages) -> list[str]:
    """Return what is proven of the price, whether there are other packages, and that law was not offered."""
    count, more = len(answer.packages), "packages"
    if not answer.packages:
        lines = ["No package of concessions was found."]
    elif answer.at_least >= answer.packages[0].cost:
        lines = [f"No package costs less than {answer.packages[0].cost}: proven."]
    else:
        more = "packages, cheaper ones too"
        may = f"One cheaper than {answer.packages[0].cost} may exist."
        proven = f"No package costs less than {answer.at_least}: proven." if answer.at_least else ""
        lines = [f"{proven} {may}".strip()]
    if count == 1:
        all_found, first_found = "This is the only package: proven.", "There may be other packages."
    else:
        all_found = f"These are all {count} packages: proven."
        first_found = f"These are the {count} cheapest packages: proven. There may be more."
    lines.append(say_search(answer.search, all_found=all_found, first_found=first_found, more=more))
    law = sum(bool(position.hard) for position in book.terms.positions)
    if law:
        lines.append(f"Law was not offered as a concession: {law} position{'' if law == 1 else 's'}.")
    return lines


# What is possible now, and what concessions and additions would change


def say_best(terms: Terms, answer: BestProgramme) -> list[str]:
    """Say what is possible now, for whom it leaves demands open, and who is silent on what."""
    book = Phrasebook(terms)
    if answer.blocked_by is not None:
        what = (
            "refusals contradict each other" if answer.blocked_by.members else "rules contradict each other"
        )
        return [
            f"Nothing can be done together now: {what}, whatever is demanded.",
            *say_obstacle(book, answer.blocked_by, ""),
        ]
    if answer.search.stopped_by and not answer.met and not answer.grades:
        return [
            f"Not known what is possible now. The search stopped early: {say_stop(answer.search)}.",
            f"No programme meets demands and preferences of more than weight {answer.at_most}: proven.",
        ]
    done = [name for name, grade in answer.grades.items() if grade]
    lines = (
        ["Possible now, without any concession:", *_say_grades(book, answer.grades)]
        if done
        else ["Possible now, without any concession: nothing that anybody demands or prefers."]
    )
    total = f"It meets demands and preferences of weight {answer.value}"
    if answer.value >= answer.at_most:
        lines.append(f"{total}. No programme meets more: proven.")
    else:
        lines.append(f"{total}. A better one may exist; none exceeds {answer.at_most}: proven.")
    if not answer.search.is_complete and answer.search.stopped_by:
        lines.append(f"The search stopped early: {say_stop(answer.search)}.")
    if answer.unmet:
        lines.append("It leaves open:")
        for name in answer.unmet:
            lines += say_statement(book.describe(name), indent=1)
    silent: dict[tuple[str, ...], list[str]] = {}
    for name, parties in sorted(answer.silent.items()):
        if parties:
            silent.setdefault(parties, []).append(book.name_measure(name))
    for parties, measures in silent.items():
        who = join_words(book.name_holder(each) for each in parties)
        lines.append(f"Silence is not consent: {who} said nothing about {join_words(measures, 'or')}.")
    return lines


def say_permitted(terms: Terms, answer: Permitted) -> list[str]:
    """Say what concessions would newly permit."""
    book = Phrasebook(terms)
    lines = ["With these concessions:"]
    lines += [f"  {book.say_concession(each)} (cost {each.cost})." for each in answer.concessions]
    if not answer.concessions:
        lines = ["With no concession at all:"]
    if answer.newly:
        lines.append("this becomes possible, within what is still refused:")
        for name in answer.newly:
            before, after = answer.before.get(name, 0), answer.after.get(name, 0)
            was = f"{book.say_grade(name, before)}" if before else "not at all"
            lines.append(f"  {book.say_grade(name, after)} (before: {was}).")
    elif answer.search.is_complete:
        lines.append("nothing becomes possible that was not possible before: proven.")
    if not answer.search.is_complete:
        lines.append("The search stopped early: more may become possible than is listed.")
    return lines


def say_additions(terms: Terms, answer: Additions) -> list[str]:
    """Which further measure or party would help."""
    book = Phrasebook(terms)
    what = book.name_programme(answer.programme)
    lines = []
    for number, each in enumerate(answer.additions, start=1):
        lines += [f"Addition {number}: {say_addition(book, each)}"]
        if each.package is not None and each.package.concessions:
            lines += say_package(book, each.package)
    if answer.is_possible:
        return [f"Nothing has to be added for {what}: it is possible as it stands."]
    if not answer.additions:
        lines.append(f"Nothing that could be added was found to help {what}.")
    other = "other " if answer.additions else ""
    lines.append(
        say_search(
            answer.search,
            # Those that make it cheaper only together are not looked for: that nothing helps is not known.
            all_found=f"No {other}additions make it possible, no {other}one alone makes it cheaper: proven.",
            first_found="Other additions may help too.",
            more="additions that help",
        )
    )
    return lines


def say_addition(book: Phrasebook, addition: Addition) -> str:
    """Return what would be added and what that changes."""
    added = join_words(
        [
            *(book.name_measure(name) for name in addition.measures),
            *(f"{book.name_holder(name)} (joins)" for name in addition.parties),
        ]
    )
    if addition.is_possible:
        return f"with {added} it is possible, and nobody concedes anything."
    if addition.cost is None:
        return f"with {added} no package of concessions is enough either."
    if addition.cost_before is None:
        return f"with {added} it costs {addition.cost}; without, no package of concessions is enough."
    return f"with {added} it costs {addition.cost} instead of {addition.cost_before}."


__all__ = [
    "Answer",
    "fold_lines",
    "say_addition",
    "say_additions",
    "say_answer",
    "say_best",
    "say_feasibility",
    "say_inactive",
    "say_obstacles",
    "say_package",
    "say_packages",
    "say_permitted",
    "say_readings",
    "say_search_of_obstacles",
    "say_search_of_packages",
    "say_shared",
    "say_unguaranteed",
]
