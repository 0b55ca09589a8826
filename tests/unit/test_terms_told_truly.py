"""What sentences could be read to say beyond what was written or proven: each reading attacked."""

from __future__ import annotations

from dataclasses import replace

import pytest

from entente.kernel.errors import NotFound
from entente.terms.answers import BestProgramme, Concession, Search
from entente.terms.model import Terms
from entente.terms.picture.canvas import place_graph
from entente.terms.picture.graph import build_graph
from entente.terms.search import (
    find_additions,
    find_best_programme,
    find_obstacles,
    find_packages,
    find_permitted,
    is_possible,
)
from entente.terms.words.phrases import Phrasebook
from entente.terms.words.report import Findings, build_page
from entente.terms.words.sentences import say_answer
from tests.terms_samples import make_position, make_terms

MEASURES = {"a": 1, "b": 1, "c": 3}


def make(*positions: tuple[str, str, str, str], **more: object) -> Terms:
    terms = make_terms(
        measures=MEASURES, rules={"r": "a implies b"}, programmes={"odd": "a and not b", "both": "a and b"}
    )
    held = tuple(
        make_position(name, by, modality, text, measures=terms.measures)
        for name, by, modality, text in positions
    )
    return replace(terms, positions=held, **more)  # type: ignore[arg-type]


def say_position(modality: str, text: str) -> str:
    return Phrasebook(make(("p", "us", modality, text))).describe("p").claim


@pytest.mark.parametrize(
    ("modality", "text", "told"),
    (
        ("forbids", "a and b", "forbids the combination of “measure a” and “measure b”"),
        ("forbids", "a or b", "forbids “measure a” or “measure b”"),
        ("requires", "a and b", "requires “measure a” and “measure b”"),
        ("forbids", "not a", "forbids doing without “measure a”"),
        ("permits", "not a", "permits doing without “measure a”"),
        ("requires", "not a", "requires no “measure a”"),
        ("requires", "us", "requires that US takes part"),
        ("forbids", "not us", "forbids that US does not take part"),
        ("requires", "a implies b", "requires that if “measure a”, then “measure b”"),
    ),
)
def test_a_position_is_not_told_as_its_opposite_or_as_more(modality: str, text: str, told: str) -> None:
    assert say_position(modality, text) == told


@pytest.mark.parametrize("modality", ("requires", "forbids"))
def test_a_softened_position_keeps_its_condition(modality: str) -> None:
    terms = make(("p", "us", modality, "c at least g2"), ("q", "us", "requires", "a"))
    soft = replace(terms.positions[0], weights=(3,), steps=(1, 2), when=terms.positions[1].expression)
    told = Phrasebook(replace(terms, positions=(soft,))).say_concession(Concession("p", 1, "g1"))
    assert told.endswith(", when “measure a”")


def test_what_rules_alone_forbid_is_blamed_on_nobody_and_on_no_law() -> None:
    terms = make(("p", "us", "requires", "b"))
    answers = (
        is_possible(terms, programme="odd"),
        find_obstacles(terms, programme="odd"),
        find_packages(terms, programme="odd"),
    )
    page = build_page(Findings(terms, answers[1], packages=answers[2]), "x.toml", "00")
    assert answers[1].obstacles[0].members == ()
    told = "\n".join([*(line for each in answers for line in say_answer(terms, each)), page.answer])
    told += "\n".join(item.text for section in page.sections for item in section.items)
    for word in ("law", "hard limit", "omebody", "0 positions", "These cannot"):
        assert word not in told
    assert "Obstacle 1: rules alone." in told
    assert "No position is needed for this: it cannot be" in told


def test_rules_that_contradict_each_other_are_not_told_as_refusals() -> None:
    terms = make(("p", "us", "requires", "b"))
    rules = make_terms(measures=MEASURES, rules={"r": "a", "s": "not a"}).rules
    told = say_answer(terms, find_best_programme(replace(terms, rules=rules)))
    assert told[0] == "Nothing can be done together now: rules contradict each other, whatever is demanded."


def test_two_additions_that_are_cheaper_only_together_are_not_denied() -> None:
    terms = replace(
        make_terms(
            measures={"a": 1, "x": 1, "y": 1},
            rules={"r": "a implies (x and y)"},
            programmes={"do": "a"},
        ),
        positions=(
            make_position("p", "us", "requires", "a"),
            make_position("q", "us", "requires", "x and y"),
            make_position("l", "us", "requires", "not x or a"),
            make_position("m", "us", "forbids", "a"),
        ),
    )
    measures = tuple(replace(each, is_offered=each.id == "a") for each in terms.measures)
    terms = replace(terms, measures=measures)
    answer = find_additions(terms)
    assert answer.search.is_all
    assert answer.additions == ()
    together = replace(terms, measures=tuple(replace(each, is_offered=True) for each in measures))
    assert find_packages(together).packages[0].cost < find_packages(terms).packages[0].cost
    told = "\n".join(say_answer(terms, answer))
    assert "No additions make it possible, no one alone makes it cheaper: proven." in told


def test_where_nothing_has_to_be_added_nothing_is_said_to_fail() -> None:
    terms = make(("p", "us", "requires", "b"))
    answer = find_additions(terms, programme="both")
    assert answer.is_possible
    told = say_answer(terms, answer)
    assert told == [
        "Nothing has to be added for the programme “programme both”: it is possible as it stands."
    ]


def test_a_stopped_search_does_not_tell_that_nothing_is_possible() -> None:
    stopped = Search(False, stopped_by="time")
    best = BestProgramme({}, (), ("p",), {}, 0, 7, None, stopped)
    terms = make(("p", "us", "requires", "b"))
    told = "\n".join(say_answer(terms, best))
    assert told.startswith("Not known what is possible now. The search stopped early")
    assert "more than weight 7: proven" in told
    obstacles = find_obstacles(terms)
    page = build_page(Findings(terms, obstacles, best=best), "x.toml", "00")
    assert [each.lines for each in page.sections if each.heading == "What is possible now"] == [
        ("Not known: the time for it was used up.",)
    ]
    permitted = replace(find_permitted(terms, ()), newly=(), search=stopped)
    assert "nothing becomes possible" not in "\n".join(say_answer(terms, permitted))


def test_concessions_that_are_asked_about_carry_their_true_cost_and_never_law() -> None:
    terms = make(("p", "us", "forbids", "c at least g2"), ("q", "us", "forbids", "a"))
    soft = replace(terms.positions[0], weights=(9,), steps=(4, 5))
    terms = replace(terms, positions=(soft, terms.positions[1]))
    answer = find_permitted(terms, (Concession("p", 0, "g2"), Concession("q", 0)))
    assert [(each.position, each.cost) for each in answer.concessions] == [("p", 4), ("q", 1)]
    law = replace(terms, positions=(soft, replace(terms.positions[1], hard="law")))
    with pytest.raises(NotFound, match="got 'q', which is law"):
        find_permitted(law, (Concession("q", 0),))


def test_what_contradicts_the_programme_is_not_told_to_contradict_itself() -> None:
    terms = make(("p", "us", "forbids", "a"), ("q", "us", "requires", "c"), ("s", "ru", "forbids", "c and b"))
    obstacles = find_obstacles(terms, programme="both")
    assert [each.members for each in obstacles.obstacles] == [("p",), ("q", "s")]
    page = build_page(Findings(terms, obstacles), "x.toml", "00")
    graph = build_graph(terms, obstacles)
    for told in (
        [item.notes for item in page.sections[0].items],
        [tie.reasons for tie in graph.ties],
    ):
        assert told == [
            ("The programme contradicts it.",),
            ("In the programme they contradict each other over “measure c”.",),
        ]
    plain = make(("p", "us", "requires", "a and not a"))
    assert build_graph(plain, find_obstacles(plain)).ties[0].reasons == ("It contradicts itself.",)


def test_a_picture_of_rules_alone_shows_no_law_and_no_culprit() -> None:
    terms = make(("p", "us", "requires", "b"))
    graph = build_graph(terms, find_obstacles(terms, programme="odd"))
    layout = place_graph(graph)
    told = " ".join(label.text for label in layout.labels)
    assert graph.heading == "Nobody blocks the programme “programme odd”"
    assert "Why it cannot be Rules alone." in told
    assert "law" not in told.lower()
    assert not any(mark.is_square for mark in layout.marks)


def test_a_picture_counts_the_concessions_that_it_does_not_show() -> None:
    terms = make(("p", "us", "forbids", "a"), ("q", "ru", "requires", "c"), ("s", "ru", "forbids", "c and b"))
    answer = find_obstacles(terms, programme="both", most=1)
    package = find_packages(terms, programme="both", most=1).packages[0]
    notes = build_graph(terms, answer, package=package).notes
    assert "It holds 1 more concession, not drawn here." in notes
    assert "“Gives way” marks the cheapest package: cost 2." in notes
    unproven = build_graph(terms, answer, package=package, is_cheapest=False).notes
    assert "“Gives way” marks the cheapest known package: cost 2." in unproven
    whole = build_graph(terms, find_obstacles(terms, programme="both"), package=package)
    assert not [note for note in whole.notes if "not drawn" in note]


def test_the_programme_that_is_asked_about_is_said() -> None:
    terms = make(("p", "us", "forbids", "a"))
    lines = say_answer(terms, find_obstacles(terms, programme="both"))
    assert lines[1] == "The programme is: “measure a” and “measure b”."


@pytest.mark.parametrize("count", range(1, 9))
def test_a_wish_of_the_least_weight_is_worth_every_measure_there_is(count: int) -> None:
    names = [f"m{n}" for n in range(count)]
    terms = make_terms(measures=dict.fromkeys(names, 1))
    held = make_position("p", "us", "requires", " and ".join(names), measures=terms.measures)
    best = find_best_programme(replace(terms, positions=(held,)))
    assert (best.met, best.value) == (("p",), 1)
    assert set(best.grades) == set(names)


def test_a_softened_position_still_forbids_what_lies_beyond() -> None:
    terms = make(("p", "us", "forbids", "c"))
    soft = replace(terms, positions=(replace(terms.positions[0], weights=(6,), steps=(1, 2, 3)),))
    reached = [find_permitted(soft, (Concession("p", 0, to),)).after["c"] for to in ("g1", "g2", "")]
    assert reached == [1, 2, 3]


def test_additions_that_were_found_and_not_listed_are_not_denied() -> None:
    terms = make_terms(measures={"a": 1, "x": 1, "y": 1}, rules={"r": "a implies (x or y)"})
    terms = replace(
        terms,
        measures=tuple(replace(each, is_offered=each.id == "a") for each in terms.measures),
        positions=(
            make_position("p", "us", "requires", "a"),
            make_position("q", "us", "requires", "a and not a"),
        ),
    )
    listed = [len(find_additions(terms, most=most).additions) for most in (1, 2)]
    assert listed == [1, 2]
    assert [find_additions(terms, most=most).search.is_all for most in (1, 2)] == [False, True]
