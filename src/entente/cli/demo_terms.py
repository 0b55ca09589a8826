"""The demo's second part: the article's question, answered from the article's own sentences.

    1. Why not: the obstacles to a joint operation, each with the words that it rests on
    2. At what price, and whether anything that could be put on the table would help
    3. What would change for acting side by side if two measures were added: a blind check in place of showing
       plans, and a deconfliction-only mode

Invariants: nothing here is typed in but which questions are asked; what is shown was found in this run; what
the case is known to show is checked, and a demo that does not show it fails.

It starts no process and needs no network.

    >>> tell_terms(stage).is_complete
    True
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from entente.cli.stage import Stage
from entente.cli.story import Expecting
from entente.kernel.errors import NotFound
from entente.terms.answers import Additions, Obstacles, Packages
from entente.terms.file import parse_terms
from entente.terms.model import Terms
from entente.terms.search import find_obstacles, find_packages
from entente.terms.search.inspection import find_unguaranteed
from entente.terms.search.programmes import find_additions
from entente.terms.words.phrases import Phrasebook

CASE: Final = "edm-2017"
ASKED: Final = "joint-operation"
MODEST: Final = "side-by-side"
ADDED: Final = ("blind-check", "deconfliction-only")


@dataclass(slots=True)
class TermsStory(Expecting):
    """What the article's case showed in this run."""

    terms: Terms
    obstacles: Obstacles
    price: Packages
    help: Additions
    before: Obstacles
    modest_price: Packages
    modest_help: Additions
    unguaranteed: tuple[str, ...]
    seconds: float
    missed: list[str] = field(default_factory=list)

    def summary(self) -> dict[str, Any]:
        """Return it for machines."""
        return {
            "question": self.terms.question,
            "is_possible": self.price.is_possible,
            "obstacles": [list(each.members) for each in self.obstacles.obstacles],
            "are_all": self.obstacles.search.is_all,
            "cost": self.price.packages[0].cost if self.price.packages else None,
            "side_by_side_cost": self.modest_price.packages[0].cost if self.modest_price.packages else None,
            "side_by_side_possible_with": [
                [*each.measures, *each.parties] for each in self.modest_help.additions if each.is_possible
            ],
            "unguaranteed": list(self.unguaranteed),
            "seconds": round(self.seconds, 3),
            "missed": self.missed,
        }


def find_case(name: str) -> Path:
    """Return a worked case's file: of the installed package, or of the checkout this runs in."""
    packaged = Path(str(files("entente.cli").joinpath("scenes", f"{name}.toml")))
    # An editable installation has no copy in the package; the one file is under examples/ in the checkout.
    checkout = Path(__file__).resolve().parents[3] / "examples" / name / "terms.toml"
    for file in (packaged, checkout):
        if file.is_file():
            return file
    raise NotFound("no-case", f"worked case {name!r}: expected it in {str(packaged)!r} or {str(checkout)!r}")


def tell_terms(stage: Stage) -> TermsStory:
    """Ask the article's case, show the answers, and return them."""
    file = find_case(CASE)
    story = ask_case(parse_terms(file.read_bytes()))
    book = Phrasebook(story.terms)
    stage.headline(story.terms.question)
    command = f"$ entente terms ask {_shorten(file)}"
    _show_obstacles(stage, story, book, command)
    _show_price(stage, story, book)
    _show_additions(stage, story, book, command)
    for what in story.missed:
        stage.note(f"MISSED: {what}")
    return story


def ask_case(terms: Terms) -> TermsStory:
    """Ask everything that the demo shows."""
    began = time.perf_counter()
    story = TermsStory(
        terms,
        find_obstacles(terms, programme=ASKED),
        find_packages(terms, programme=ASKED, most=1),
        find_additions(terms, programme=ASKED),
        find_obstacles(terms, programme=MODEST),
        find_packages(terms, programme=MODEST, most=1),
        find_additions(terms, programme=MODEST),
        tuple(each.obligation for each in find_unguaranteed(terms)),
        0.0,
    )
    story.seconds = time.perf_counter() - began
    story.expect("the joint operation is not possible", is_so=bool(story.obstacles.obstacles))
    story.expect("every obstacle is found, proven", is_so=story.obstacles.search.is_all)
    story.expect(
        "nothing added makes the joint operation possible",
        is_so=not any(each.is_possible for each in story.help.additions),
    )
    story.expect("side by side is not possible as it stands", is_so=bool(story.before.obstacles))
    story.expect(
        "blind checks and a deconfliction-only mode together make side by side possible",
        is_so=[each.measures for each in story.modest_help.additions if each.is_possible] == [ADDED],
    )
    story.expect("the safe zones have no guarantor", is_so=bool(story.unguaranteed))
    return story


def _shorten(file: Path) -> Path:
    return file.relative_to(Path.cwd()) if file.is_relative_to(Path.cwd()) else file


def _show_obstacles(stage: Stage, story: TermsStory, book: Phrasebook, command: str) -> None:
    terms = story.terms
    stage.say(
        f"{terms.documents[0].publisher}, {terms.documents[0].date}: {len(terms.positions)} positions and "
        f"{len(terms.rules) + len(terms.links)} rules and links, in the article's words or marked as assumed."
    )
    found = story.obstacles.obstacles
    stage.say(f"{command} why-not price --programme {ASKED}")
    all_of_them = "these are all of them, proven" if story.obstacles.search.is_all else "there may be more"
    stage.say(f"NOT POSSIBLE as the positions stand. {len(found)} obstacles; {all_of_them}:")
    for number, obstacle in enumerate(found, start=1):
        for name in obstacle.members:
            statement = book.describe(name)
            stage.say(f"  {number}. {', '.join(statement.holders)}: {statement.says or statement.claim}.")
            # The document is named above; here its place is enough.
            first = next(iter(statement.quotes), None)
            rests_on = f"“{first.text}”, {first.place}" if first else f"assumed: {statement.assumption}"
            stage.note(rests_on)
        for name in obstacle.via:
            if name in book.links:
                stage.note(f"another theatre: {book.describe(name).sentence}")


def _show_price(stage: Stage, story: TermsStory, book: Phrasebook) -> None:
    if story.price.packages:
        package = story.price.packages[0]
        burden = "; ".join(book.say_burden(package.burden))
        stage.say(
            f"Price: {len(package.concessions)} concessions, cost {package.cost}, borne by {burden}; "
            "no package is cheaper. The weights are illustrative."
        )
    if not any(each.is_possible for each in story.help.additions):
        stage.say("Nothing that could be put on the table makes it possible without these concessions.")
    open_ones = "; ".join(book.obligations[name].says.lower() for name in story.unguaranteed)
    stage.say(f"In the safe zones nobody answers for this: {open_ones}.")


def _show_additions(stage: Stage, story: TermsStory, book: Phrasebook, command: str) -> None:
    stage.headline("What would change with a blind check and a deconfliction-only mode")
    stage.say(
        "Both are this project's additions; the article knows neither. They stand in for showing plans and "
        "for cooperation. They coordinate no targets, so the answer above stands."
    )
    stage.say(f"{command} price additions --programme {MODEST}")
    asked = book.programmes[MODEST].name
    cost = f", cheapest package {story.modest_price.packages[0].cost}" if story.modest_price.packages else ""
    stage.say(f"{asked}: as it stands NOT POSSIBLE, {len(story.before.obstacles)} obstacles{cost}.")
    ordered = sorted(story.modest_help.additions, key=lambda each: (each.is_possible, each.measures))
    for each in ordered:
        if each.parties or not set(each.measures) <= set(ADDED):
            continue
        names = " and ".join(book.measures[name].name.partition(":")[0].lower() for name in each.measures)
        if each.is_possible:
            stage.note(f"with {names}: POSSIBLE, and nobody concedes anything")
        else:
            stage.note(f"with {names} alone: cost {each.cost} instead of {each.cost_before}")
