"""What can be asked of terms, each answer in lines and as JSON; the command line and the page ask through it.

Invariants: a question that is stopped answers with what it has; nothing is remembered between questions.

    >>> ask_question(terms, Asked("why-not", "joint-operation"), Unwatched()).lines[0]
    'Not possible: the programme “A joint operation against the Islamic State”.'
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final, Literal, TypeVar

from entente.terms import search
from entente.terms.answers import Concession, Packages, Reading
from entente.terms.model import Terms
from entente.terms.search.watch import Stopped, Watch
from entente.terms.words import wire
from entente.terms.words.findings import say_inactive, say_readings, say_unguaranteed
from entente.terms.words.report import MAX_OBSTACLES, MAX_WAYS, Findings
from entente.terms.words.sentences import Answer, say_answer

Question = Literal[
    "possible",
    "why-not",
    "price",
    "now",
    "permits",
    "additions",
    "inactive",
    "readings",
    "unguaranteed",
    "shared",
]
TITLES: Final[dict[str, str]] = {
    "possible": "Is it possible?",
    "why-not": "What stands in the way?",
    "price": "At what price?",
    "now": "What is possible now?",
    "permits": "What would those concessions newly permit?",
    "additions": "What else would make it possible?",
    "inactive": "Which positions change nothing?",
    "readings": "Where is one clause read differently?",
    "unguaranteed": "Which obligations have no guarantor?",
    "shared": "Whom does everybody designate?",
}
MOST_READINGS: Final = 1_000
"""Those beyond are neither shown nor counted: there may be millions."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Said:
    """An answer in lines, as JSON (docs/formats/terms-answers.md), and itself where it is one value."""

    lines: list[str]
    plain: dict[str, Any]
    answer: Answer | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """One question.

    Args:
        programme: What is asked about; "" for all positions together.
        most: How many obstacles, packages or additions at most.
        is_every: Every obstacle there is, by a search that proves it.
        concede: For ``permits``: ``POSITION`` or ``POSITION=GRADE``; empty for the cheapest package.
    """

    question: str
    programme: str = ""
    most: int = 5
    is_every: bool = False
    concede: tuple[str, ...] = ()


def choose_programme(terms: Terms, name: str) -> str:
    """Return the programme that was named, or the first; "" where the terms have none: all positions."""
    return name or (terms.programmes[0].id if terms.programmes else "")


def ask_question(terms: Terms, asked: Asked, watch: Watch) -> Said:
    """Return the answer to a question."""
    programme = asked.programme
    answer: Answer
    notes: list[str] = []
    match asked.question:
        case "possible":
            answer = search.is_possible(terms, programme=programme, watch=watch)
        case "why-not":
            most = search.ALL if asked.is_every else asked.most
            answer = search.find_obstacles(terms, programme=programme, most=most, watch=watch)
        case "price":
            answer = search.find_packages(terms, programme=programme, most=asked.most, watch=watch)
        case "now":
            answer = search.find_best_programme(terms, watch=watch)
        case "permits":
            conceded, missing = _list_concessions(terms, asked, watch)
            if missing is not None:
                notes = ["No package of concessions is known, so none is assumed:"]
            answer = search.find_permitted(terms, conceded, watch=watch)
        case "additions":
            answer = search.find_additions(terms, programme=programme, most=asked.most, watch=watch)
        case "shared":
            answer = search.find_shared_core(terms)
        case _:
            return _look(terms, asked.question, watch)
    return Said([*notes, *say_answer(terms, answer)], wire.answer_to_json(terms, answer), answer)


def _look(terms: Terms, question: str, watch: Watch) -> Said:
    match question:
        case "inactive":
            idle, stopped_by = _take(search.scan_inactive(terms, watch=watch))
            return Said(say_inactive(terms, idle, stopped_by), wire.inactive_to_json(terms, idle, stopped_by))
        case "readings":
            found, stopped_by = _take(search.scan_readings(terms, watch=watch))
            return Said(
                say_readings(terms, found, stopped_by), wire.readings_to_json(terms, found, stopped_by)
            )
        case "unguaranteed":
            open_ = search.find_unguaranteed(terms)
            return Said(say_unguaranteed(terms, open_), wire.unguaranteed_to_json(terms, open_))
    raise AssertionError(f"question {question!r}: expected one of {sorted(TITLES)}")


def _list_concessions(
    terms: Terms, asked: Asked, watch: Watch
) -> tuple[tuple[Concession, ...], Packages | None]:
    """Return what is conceded; the price too where no package is known, so that it can be said."""
    if asked.concede:
        pairs = (each.partition("=") for each in asked.concede)
        return tuple(Concession(position, 0, to) for position, _, to in pairs), None
    price = search.find_packages(terms, programme=asked.programme, most=1, watch=watch)
    if price.packages:
        return price.packages[0].concessions, None
    return (), None if price.is_possible else price


def _take(items: Iterator[T]) -> tuple[list[T], str]:
    """Return what a search yields, and "" or why it was stopped before its end."""
    taken: list[T] = []
    try:
        taken.extend(items)  # what came before the stop stays in the list
    except Stopped as stop:
        return taken, stop.reason
    return taken, ""


def ask_all(terms: Terms, programme: str, watch: Watch | None = None) -> Findings:
    """Ask everything that one page answers."""
    readings: list[Reading] = []
    is_whole = False
    try:
        readings.extend(islice(search.scan_readings(terms, watch=watch), MOST_READINGS))
        is_whole = len(readings) < MOST_READINGS
    except Stopped:
        pass  # what was found before stands in the list
    unfinished = () if is_whole else ("where two positions read one clause differently",)
    return Findings(
        terms,
        search.find_obstacles(terms, programme=programme, most=MAX_OBSTACLES + 5, watch=watch),
        feasibility=search.is_possible(terms, programme=programme, watch=watch),
        packages=search.find_packages(terms, programme=programme, most=MAX_WAYS, watch=watch),
        additions=search.find_additions(terms, programme=programme, most=MAX_WAYS, watch=watch),
        best=search.find_best_programme(terms, watch=watch),
        unguaranteed=search.find_unguaranteed(terms),
        readings=tuple(readings),
        unfinished=unfinished,
    )
