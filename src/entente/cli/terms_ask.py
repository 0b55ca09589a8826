"""`entente terms ask`: is it possible, why not, at what price, and what else would do.

Invariants: every answer says how far its search got; a search that is stopped still prints what it found;
with ``--json`` the answers stand in one object, by question.

    $ entente terms ask centre.toml why-not price --programme joint-operation
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Final, Literal, TypeVar

from cyclopts import App, Parameter

from entente.cli.output import ExitCode, print_json
from entente.cli.run import Json
from entente.cli.terms_file import Documents, TermsFile, load_terms
from entente.cli.terms_picture import ProgrammeID, Seconds, choose_programme
from entente.cli.terms_watch import TerminalWatch
from entente.kernel.errors import Malformed
from entente.terms import search
from entente.terms.answers import Concession, Packages
from entente.terms.model import Terms
from entente.terms.search.watch import Stopped
from entente.terms.words import wire
from entente.terms.words.findings import say_inactive, say_readings, say_unguaranteed
from entente.terms.words.sentences import Answer, fold_lines, say_answer

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
FIRST: Final = ("possible", "why-not", "price", "now", "additions")
"""What is answered when no question is named."""


T = TypeVar("T")


def register(app: App) -> None:
    """Add the command to ``entente terms``."""
    app.command(ask)


def ask(  # noqa: PLR0913 - one option for each thing that can be asked for
    file: TermsFile,
    question: Annotated[
        list[Question] | None,
        Parameter(
            name="QUESTION",
            help="Any of: possible, why-not, price, now, permits, additions, inactive, readings, "
            "unguaranteed, shared. Without one: possible, why-not, price, now, additions.",
        ),
    ] = None,
    /,
    *,
    programme: ProgrammeID = "",
    most: Annotated[int, Parameter(help="How many obstacles, packages or additions at most.")] = 5,
    every: Annotated[
        bool, Parameter(name="--all", help="Every obstacle there is, by a search that proves it.")
    ] = False,
    concede: Annotated[
        list[str] | None,
        Parameter(
            help="For permits: POSITION, or POSITION=GRADE to soften it; may be repeated. Without it, the "
            "cheapest package."
        ),
    ] = None,
    seconds: Seconds = 10.0,
    documents: Documents = None,
    json: Json = False,
) -> int:
    """Ask what the terms in FILE come to.

    Example: entente terms ask centre.toml why-not price --programme joint-operation
    Example: entente terms ask centre.toml permits --concede us-no-locations=within-10-km
    """
    if most < 1:
        raise Malformed("bad-most", f"most: expected 1 or more, got {most}")
    terms = load_terms(file, documents)
    asked = choose_programme(terms, programme)
    with TerminalWatch(seconds) as watch:
        asker = _Asker(terms, asked, most, watch, is_every=every, concede=tuple(concede or ()))
        names = dict.fromkeys(question or FIRST)
        answers = watch.run(lambda: {name: asker.ask(name) for name in names})
    if json:
        print_json(
            {"ok": True, "programme": asked, "answers": {name: each[1] for name, each in answers.items()}}
        )
        return ExitCode.OK
    print(f"{terms.title}\n{terms.question}")
    for name, (lines, _) in answers.items():
        print(f"\n{TITLES[name]}")
        for line in fold_lines(lines):
            print(f"  {line}".rstrip())
    return ExitCode.OK


class _Asker:
    """Asks one question after the other, and gives each answer in lines and as JSON."""

    def __init__(
        self,
        terms: Terms,
        programme: str,
        most: int,
        watch: TerminalWatch,
        *,
        is_every: bool,
        concede: tuple[str, ...],
    ) -> None:
        self._terms = terms
        self._programme = programme
        self._most = most
        self._watch = watch
        self._is_every = is_every
        self._concede = concede
        self._missing: Packages | None = None

    def ask(self, name: str) -> tuple[list[str], dict[str, Any]]:
        """Return the answer in lines, and as JSON."""
        terms, watch, programme = self._terms, self._watch, self._programme
        watch.restart()
        answer: Answer
        match name:
            case "possible":
                answer = search.is_possible(terms, programme=programme, watch=watch)
            case "why-not":
                most = search.ALL if self._is_every else self._most
                answer = search.find_obstacles(terms, programme=programme, most=most, watch=watch)
            case "price":
                answer = self._price(self._most)
            case "now":
                answer = search.find_best_programme(terms, watch=watch)
            case "permits":
                answer = search.find_permitted(terms, self._list_concessions(), watch=watch)
            case "additions":
                answer = search.find_additions(terms, programme=programme, most=self._most, watch=watch)
            case "shared":
                answer = search.find_shared_core(terms)
            case _:
                return self._look(name)
        lines = say_answer(terms, answer)
        if name == "permits" and self._missing is not None:
            lines = ["No package of concessions is known, so none is assumed:", *lines]
        return lines, wire.answer_to_json(terms, answer)

    def _look(self, name: str) -> tuple[list[str], dict[str, Any]]:
        terms, watch = self._terms, self._watch
        match name:
            case "inactive":
                idle, stopped_by = _take(search.scan_inactive(terms, watch=watch))
                return say_inactive(terms, idle, stopped_by), wire.inactive_to_json(terms, idle, stopped_by)
            case "readings":
                found, stopped_by = _take(search.scan_readings(terms, watch=watch))
                return say_readings(terms, found, stopped_by), wire.readings_to_json(terms, found, stopped_by)
            case "unguaranteed":
                open_ = search.find_unguaranteed(terms)
                return say_unguaranteed(terms, open_), wire.unguaranteed_to_json(terms, open_)
        raise AssertionError(f"question {name!r}: expected one of {sorted(TITLES)}")

    def _price(self, most: int) -> Packages:
        return search.find_packages(self._terms, programme=self._programme, most=most, watch=self._watch)

    def _list_concessions(self) -> tuple[Concession, ...]:
        if not self._concede:
            price = self._price(1)
            if not price.packages and not price.is_possible:
                self._missing = price
            return price.packages[0].concessions if price.packages else ()
        return tuple(
            Concession(position, 0, to) for position, _, to in (each.partition("=") for each in self._concede)
        )


def _take(items: Iterator[T]) -> tuple[list[T], str]:
    """Return what a search yields, and "" or why it was stopped before its end."""
    taken: list[T] = []
    try:
        taken.extend(items)  # what came before the stop stays in the list
    except Stopped as stop:
        return taken, stop.reason
    return taken, ""
