"""Two versions of a file: what is the same in other words, what is not, and what follows."""

from __future__ import annotations

from dataclasses import replace

import pytest

from entente.terms.expression import Atom
from entente.terms.file.reading import parse_terms
from entente.terms.model import Grade, Ground, Place, Source, Terms
from entente.terms.search.difference import TABLES, compare_terms
from entente.terms.words.changes import difference_to_json, say_difference
from tests.terms_samples import SAMPLE, make_position, make_terms

MEASURES = {"a": 1, "b": 1, "c": 3}


def make(*positions: tuple[str, str, str, str], **more: object) -> Terms:
    terms = make_terms(measures=MEASURES, programmes={"both": "a and b"})
    held = tuple(
        make_position(name, by, modality, text, measures=terms.measures)
        for name, by, modality, text in positions
    )
    return replace(terms, positions=held, **more)  # type: ignore[arg-type]


def change(old: Terms, new: Terms) -> list[tuple[str, str, str, str]]:
    return [(each.table, each.id, each.change, each.meaning) for each in compare_terms(old, new).changes]


def test_a_file_differs_from_itself_in_nothing() -> None:
    terms = parse_terms(SAMPLE.encode())
    answer = compare_terms(terms, terms)
    assert answer.changes == ()
    assert answer.consequences == ()
    assert say_difference(terms, terms, answer) == ["The two files say the same."]


def test_order_comments_and_layout_are_no_difference() -> None:
    terms = parse_terms(SAMPLE.encode())
    other = parse_terms(("# another comment\n\n" + SAMPLE.replace(" = ", "  =  ")).encode())
    assert terms.positions[0].at != other.positions[0].at
    turned = replace(other, positions=other.positions[::-1], measures=other.measures[::-1])
    assert compare_terms(terms, turned).changes == ()


def test_every_table_is_compared() -> None:
    assert set(TABLES) == {name for name in Terms.__dataclass_fields__ if name not in {"title", "question"}}


@pytest.mark.parametrize(
    ("before", "after", "meaning"),
    (
        ("a and b", "b and a", "same"),
        ("not (a and b)", "not a or not b", "same"),
        ("a", "a and b", "stricter"),
        ("a and b", "a", "looser"),
        ("a", "b", "other"),
        ("c at least g2", "c at least g3", "stricter"),
        ("c at least g3", "c at most g1", "other"),
    ),
)
def test_a_position_is_compared_by_what_it_demands(before: str, after: str, meaning: str) -> None:
    old, new = make(("p", "us", "requires", before)), make(("p", "us", "requires", after))
    assert change(old, new) == [("position", "p", "changed", meaning)]


def test_what_a_party_forbids_is_stricter_the_more_it_forbids() -> None:
    old, new = make(("p", "us", "forbids", "a and b")), make(("p", "us", "forbids", "a"))
    assert change(old, new) == [("position", "p", "changed", "stricter")]


def test_meaning_is_judged_under_the_rules_of_the_newer_file() -> None:
    old, new = make(("p", "us", "requires", "a")), make(("p", "us", "requires", "a and b"))
    assert change(old, new)[0][3] == "stricter"
    rules = make_terms(measures=MEASURES, rules={"r": "a implies b"}).rules
    assert change(replace(old, rules=rules), replace(new, rules=rules))[0][3] == "same"


def test_a_rule_is_not_judged_under_itself() -> None:
    old = make_terms(measures=MEASURES, rules={"r": "a implies b"})
    new = make_terms(measures=MEASURES, rules={"r": "a implies (b and c)"})
    assert change(old, new) == [("rule", "r", "changed", "stricter")]


def test_what_the_newer_file_does_not_know_cannot_be_compared() -> None:
    old, new = make(("p", "us", "requires", "c at least g3")), make(("p", "us", "requires", "a"))
    assert change(old, replace(new, measures=new.measures[:2])) == [
        ("measure", "c", "removed", ""),
        ("position", "p", "changed", "unknown"),
    ]


def test_a_source_that_moved_in_the_file_is_the_same_source_and_other_words_are_not() -> None:
    old = make(("p", "us", "requires", "a"))
    source = Source("note", "page 1", "some words")
    grounds = [
        Ground((each,)) for each in (source, replace(source, at=Place(7, 3)), replace(source, words="w"))
    ]
    first, moved, other = (
        replace(old, positions=(replace(old.positions[0], ground=ground),)) for ground in grounds
    )
    assert compare_terms(first, moved).changes == ()
    assert change(first, other) == [("position", "p", "changed", "same")]


def test_what_follows_is_told_for_every_programme() -> None:
    old = make(("p", "us", "forbids", "a"), ("q", "ru", "requires", "c"))
    new = make(("p", "us", "forbids", "a and b"), ("q", "ru", "requires", "c"), ("r", "ru", "forbids", "c"))
    answer = compare_terms(old, new)
    everything, both = answer.consequences
    assert (everything.programme, everything.possible, everything.cost) == ("", (True, False), (0, 1))
    assert [each.members for each in everything.new] == [("q", "r")]
    assert everything.gone == ()
    assert (both.programme, both.possible, both.cost) == ("both", (False, False), (1, 2))
    assert both.search.is_all
    lines = say_difference(old, new, answer)
    assert lines[0] == "position p: changed (expression); it now allows more."
    assert "  before: possible." in lines
    assert "  now: not possible; the cheapest package of concessions costs 2." in lines
    assert difference_to_json(answer)["consequences"][0]["possible"] == [True, False]


def test_a_programme_that_one_file_lacks_is_not_asked_there() -> None:
    old, new = make(("p", "us", "forbids", "a")), make(("p", "us", "forbids", "a"), programmes=())
    answer = compare_terms(old, new)
    assert [(each.programme, each.possible) for each in answer.consequences] == [
        ("", (True, True)),
        ("both", (False, None)),
    ]


def test_a_stopped_comparison_says_so() -> None:
    class Impatient:
        def look(self, progress: object) -> str:
            return "time"

    old = make(*((f"p{n}", "us", "requires", "a") for n in range(40)))
    new = make(*((f"p{n}", "us", "forbids", "a") for n in range(40)), ("q", "ru", "requires", "a"))
    answer = compare_terms(old, new, watch=Impatient())
    assert any(each.search.stopped_by == "time" for each in answer.consequences)
    assert any("Not compared to the end" in line for line in say_difference(old, new, answer))


@pytest.mark.parametrize(
    ("before", "after", "meaning"),
    (
        ("requires", "permits", "looser"),
        ("requires", "prefers", "looser"),
        ("permits", "requires", "stricter"),
        ("prefers", "forbids", "stricter"),
        ("prefers", "permits", "other"),
        ("requires", "forbids", "other"),
    ),
)
def test_what_no_longer_binds_does_not_mean_the_same(before: str, after: str, meaning: str) -> None:
    old, new = make(("p", "us", before, "a")), make(("p", "us", after, "a"))
    assert change(old, new) == [("position", "p", "changed", meaning)]


def test_what_is_law_now_is_not_told_to_be_the_same_position() -> None:
    old = make(("p", "us", "requires", "a"))
    new = replace(old, positions=(replace(old.positions[0], hard="law"),))
    told = say_difference(old, new, compare_terms(old, new))[0]
    assert told == "position p: changed (hard); what it asks for is the same."


def test_a_grade_is_the_same_by_its_name_wherever_it_stands() -> None:
    old = make(("p", "us", "requires", "c at least g2"), ("q", "us", "forbids", "c at least g3"))
    first, second, third = old.measures[2].grades
    finer = replace(old.measures[2], grades=(first, Grade("between", "between"), second, third))
    shifted = tuple(
        replace(each, expression=Atom("c", number))
        for each, number in zip(old.positions, (3, 4), strict=True)
    )
    new = replace(old, measures=(*old.measures[:2], finer), positions=shifted)
    assert change(old, new) == [
        ("measure", "c", "changed", ""),
        *(("position", name, "changed", "same") for name in ("p", "q")),
    ]
    kept = replace(finer, grades=(first, Grade("between", "between"), Grade("other", "other"), third))
    assert change(old, replace(new, measures=(*old.measures[:2], kept)))[1][3] == "unknown"


def test_a_stopped_comparison_asks_about_no_further_programme() -> None:
    class Impatient:
        looks = 0

        def look(self, progress: object) -> str:
            self.looks += 1
            return "time"

    old = make(*((f"p{n}", "us", "requires", "a") for n in range(40)))
    new = make(*((f"p{n}", "us", "forbids", "a") for n in range(40)), ("q", "ru", "requires", "a"))
    programmes = tuple(replace(old.programmes[0], id=f"both{n}") for n in range(50))
    watch = Impatient()
    answer = compare_terms(
        replace(old, programmes=programmes), replace(new, programmes=programmes), watch=watch
    )
    assert len(answer.consequences) == 51
    assert all(each.search.stopped_by == "time" for each in answer.consequences)
    assert watch.looks < 10


def test_an_obstacle_is_the_same_only_with_all_its_members() -> None:
    kept = (("t", "us", "requires", "a"), ("u", "ru", "forbids", "a"))
    old = make(("q", "us", "requires", "c"), ("r", "ru", "forbids", "c"), *kept)
    new = make(("q", "us", "requires", "c"), ("s", "ru", "forbids", "c"), *kept)
    answer = compare_terms(old, new).consequences[0]
    assert [each.members for each in answer.gone] == [("q", "r")]
    assert [each.members for each in answer.new] == [("q", "s")]


def test_meanings_that_a_stop_left_out_are_unknown_and_asked_no_more() -> None:
    class Patient:
        looks = 0

        def look(self, progress: object) -> str:
            self.looks += 1
            return "time" if self.looks > 1 else ""

    old = make(*((f"p{n:02}", "us", "requires", "a and b") for n in range(60)))
    new = make(*((f"p{n:02}", "us", "requires", "b and a") for n in range(60)))
    watch = Patient()
    meanings = [each.meaning for each in compare_terms(old, new, watch=watch).changes]
    reached = meanings.index("unknown")
    assert 0 < reached < 60
    assert meanings == ["same"] * reached + ["unknown"] * (60 - reached)
