"""How soon a search that is told to stop does stop: large terms, and a watch that runs out at once."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest
from pysat.examples.hitman import Hitman

from entente.cli.main import main
from entente.cli.output import ExitCode
from entente.terms.answers import Search
from entente.terms.model import Measure, Terms
from entente.terms.search import find_additions, find_obstacles, find_packages, is_possible, solver
from entente.terms.search.watch import Progress, Watch
from tests.terms_samples import make_position, make_terms

ASKED_S = 0.3
PATIENCE_S = 4.0
"""An unwatched part of a search takes tens of seconds on these terms."""


class Clock:
    def __init__(self) -> None:
        self.ends = time.monotonic() + ASKED_S
        self.looks = 0

    def look(self, progress: Progress) -> str:
        self.looks += 1
        return "time" if time.monotonic() > self.ends else ""


def build_triples() -> Terms:
    """Return terms in which nothing clashes in pairs: all the work is in the larger sets."""
    random = Random(1)
    terms = make_terms(measures={f"m{n}": 1 for n in range(50)})
    said = [
        " or ".join(random.choice(("", "not ")) + f"m{n}" for n in random.sample(range(50), 3))
        for _ in range(400)
    ]
    held = (
        make_position(f"p{n}", "us", "requires", text, measures=terms.measures) for n, text in enumerate(said)
    )
    return replace(terms, positions=tuple(held))


def ask_obstacles(terms: Terms, watch: Watch) -> Search:
    return find_obstacles(terms, most=1_000, watch=watch).search


def ask_packages(terms: Terms, watch: Watch) -> Search:
    return find_packages(terms, most=1_000, watch=watch).search


@pytest.mark.parametrize("ask", (ask_obstacles, ask_packages))
def test_a_search_over_dense_terms_ends_soon_after_it_is_told_to(
    ask: Callable[[Terms, Watch], Search],
) -> None:
    started = time.monotonic()
    assert ask(build_triples(), Clock()).stopped_by == "time"
    assert time.monotonic() - started < PATIENCE_S


def test_the_search_for_the_next_hitting_set_is_watched_too(monkeypatch: pytest.MonkeyPatch) -> None:
    # On these terms it took half a minute for the two-hundredth, and could not be stopped within.
    watch, real, unseen = Clock(), Hitman.get, []
    monkeypatch.setattr(solver, "STEPS_BETWEEN_LOOKS", 1)

    def get(hitting: Hitman) -> list[int] | None:
        before = watch.looks
        found: list[int] | None = real(hitting)
        if watch.looks == before:
            unseen.append(found)
        return found

    monkeypatch.setattr(Hitman, "get", get)
    assert find_obstacles(build_triples(), most=1_000, watch=watch).search.stopped_by == "time"
    assert unseen == []


def test_one_question_that_no_solver_can_answer_is_stopped_within() -> None:
    # Twelve places for thirteen: a single question, and more conflicts than anybody can wait for.
    places, guests = range(12), range(13)
    terms = make_terms(measures={f"q{g}-{p}": 1 for g in guests for p in places})
    held = [
        *(make_position(f"a{g}", "us", "requires", " or ".join(f"q{g}-{p}" for p in places)) for g in guests),
        *(
            make_position(f"b{p}-{g}-{h}", "ru", "forbids", f"q{g}-{p} and q{h}-{p}")
            for p in places
            for g in guests
            for h in range(g)
        ),
    ]
    started = time.monotonic()
    answer = is_possible(replace(terms, positions=tuple(held)), watch=Clock())
    assert (answer.is_possible, answer.search.stopped_by) == (None, "time")
    assert time.monotonic() - started < PATIENCE_S


def test_additions_by_the_thousand_are_looked_at_one_by_one() -> None:
    # Each asks a handful of questions only, far fewer than those after which a search looks at its watch.
    terms = make_terms(measures={"a": 1})
    terms = replace(
        terms,
        measures=(*terms.measures, *(Measure(f"u{n}", f"U {n}", is_offered=False) for n in range(50))),
        positions=(make_position("p", "us", "requires", "a"), make_position("q", "ru", "forbids", "a")),
    )
    watch = Clock()
    watch.ends += 1_000
    assert find_additions(terms, watch=watch).search.is_all
    assert watch.looks >= 50


def test_a_stopped_look_at_the_terms_keeps_what_it_found(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "readings.toml"
    readings = "".join(
        f'[[position]]\nid = "x{n}"\nsays = "s"\nby = "us"\nrequires = "{"a" if n % 2 else "not a"}"\n'
        'clause = "c"\nassumption = "a"\n'
        for n in range(400)
    )
    path.write_text(
        'entente-terms = 1\ntitle = "t"\nquestion = "q"\n[[party]]\nid = "us"\nname = "US"\n'
        f'[[measure]]\nid = "a"\nname = "A"\n[[clause]]\nid = "c"\nsays = "c"\n{readings}',
        encoding="utf-8",
    )
    words = ["terms", "ask", str(path), "readings", "--seconds", "0.1"]
    assert main([*words, "--json"]) == ExitCode.OK
    answer = json.loads(capsys.readouterr().out)["answers"]["readings"]
    assert answer["stopped_by"] == "time"
    assert answer["readings"]
    assert {each["relation"] for each in answer["readings"]} == {"contradict"}
    assert main(words) == ExitCode.OK
    assert (
        "The search stopped early: the time for it was used up. There may be more." in capsys.readouterr().out
    )
    assert main(["terms", "ask", str(path), "readings", "inactive", "--seconds", "0.000001"]) == ExitCode.OK
    told = capsys.readouterr().out
    assert "No clause is read in two ways" not in told
    assert "none is inactive" not in told
