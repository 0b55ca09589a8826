"""What answers about terms say: every name, mark and quotation, nothing unproven, nothing that acts."""

from __future__ import annotations

import unicodedata
from dataclasses import replace

import pytest

from entente.terms.answers import (
    Additions,
    BestProgramme,
    Concession,
    Feasibility,
    Obstacle,
    Obstacles,
    Packages,
    Permitted,
    Search,
    SharedCore,
)
from entente.terms.expression import AllOf, AnyOf, Atom, Implies, Not
from entente.terms.model import Modality
from entente.terms.words.phrases import Phrasebook
from entente.terms.words.sentences import (
    Answer,
    fold_lines,
    say_answer,
    say_inactive,
    say_readings,
    say_unguaranteed,
)
from entente.terms.words.text import clean_text, join_words
from tests.terms_scene import (
    ADDITIONS,
    BEST,
    DONE,
    FEASIBLE,
    INACTIVE,
    INFEASIBLE,
    MORE,
    OBSTACLES,
    PACKAGES,
    PERMITTED,
    READINGS,
    SHARED,
    STOPPED,
    TERMS,
    UNGUARANTEED,
    UNKNOWN,
    with_words,
)

ANSWERS: tuple[Answer, ...] = (
    *(OBSTACLES, PACKAGES, BEST, PERMITTED, ADDITIONS, FEASIBLE, INFEASIBLE, UNKNOWN, SHARED),
)
HARD = Obstacle(("us-deter",), is_hard=True)


def say(answer: Answer) -> str:
    return "\n".join(say_answer(TERMS, answer))


def test_an_obstacle_names_holder_weight_words_and_place() -> None:
    text = say(OBSTACLES)
    assert (
        "Department of Defense (United States) forbids “sharing the locations of groups” at “within 1 km” or"
        " further (weight 8).\n    That is: The Pentagon does not show Russia how it uses intelligence.\n"
        "    “would reveal how the US military uses intelligence” - Eurasia Daily Monitor 14/15,"
        " paragraph 4\n" in text
    )
    assert "in substance: almost unlimited possibilities - " in text
    assert (
        "Russia and Министерство иностранных дел (Russia) require together “joint strikes” (weight 7:"
        " Russia 5, Министерство иностранных дел (Russia) 2)." in text
    )


def test_law_and_assumptions_cannot_be_missed() -> None:
    text = say(OBSTACLES)
    assert "requires “deterrence in the Baltic States” (law: cannot be conceded)." in text
    assert (
        "Russia forbids “an access denial zone” (weight 6; assumed).\n    Assumed: Russia flies there" in text
    )
    assert "(rule; assumed)." in text
    assert "Assumed: only air is meant." in text


def test_every_reason_of_a_collision_is_said() -> None:
    text = say(OBSTACLES)
    assert "(link to the Baltic States). “also regarding the Baltic States”" in text
    assert "“a blind check” is not on the table." in text
    assert "The programme speaks of “strikes on Nusra”." in text
    assert "“strikes on Nusra” is against “Jabhat al-Nusra”: whoever acts must count it as an enemy." in text
    guards = replace(TERMS.rules[0], id="guards", expression=Implies(Atom("safe-zones"), Atom("tr")))
    terms = replace(TERMS, rules=(*TERMS.rules, guards))
    told = "\n".join(say_answer(terms, Obstacles("", (Obstacle(("us-zones",), ("guards",)),), DONE)))
    assert "Turkey does not take part." in told
    assert "speaks of" not in told


def test_a_plain_contradiction_blames_no_rule() -> None:
    text = say(Obstacles("", (Obstacle(("dod-locations", "ru-denial")), Obstacle(("ru-denial",))), DONE))
    assert "  These cannot hold together. They contradict each other." in text
    assert "  It stands against this alone. It contradicts itself." in text
    assert "Not possible: all positions together." in text
    rival = replace(TERMS.positions[4], id="us-denial", by=("us",), modality=Modality.REQUIRES)
    terms = replace(TERMS, positions=(*TERMS.positions, rival))
    told = "\n".join(say_answer(terms, Obstacles("", (Obstacle(("ru-denial", "us-denial")),), DONE)))
    assert "They contradict each other over “an access denial zone”." in told


@pytest.mark.parametrize(
    ("search", "told"),
    (
        (DONE, "These are all 4 obstacles: proven."),
        (
            MORE,
            "These are the 4 smallest obstacles: proven. There may",
        ),
        (
            STOPPED,
            "The search stopped early after 5,210 steps: the time for it was used up. There may be more",
        ),
        (Search(is_complete=False, stopped_by="interrupt"), "The search stopped early: it was interrupted."),
    ),
)
def test_no_more_obstacles_are_claimed_than_were_proven(search: Search, told: str) -> None:
    last = say_answer(TERMS, replace(OBSTACLES, search=search))[-1]
    assert last.startswith(told)
    assert ("proven" in last) == search.is_complete


def test_a_single_obstacle_and_none_are_said_in_their_own_words() -> None:
    one = Obstacles("centre", OBSTACLES.obstacles[:1], DONE)
    assert say_answer(TERMS, one)[-1].startswith("This is the only obstacle: ")
    assert say_answer(TERMS, replace(one, search=MORE))[-1].startswith("No obstacle is smaller")
    none = Obstacles("centre", (), DONE)
    assert say(none) == "The programme “Joint Executive Center”:\nThere is no obstacle: proven."
    stopped = say(replace(none, search=STOPPED))
    assert "No obstacle was found.\nThe search stopped early" in stopped
    assert "proven" not in stopped
    assert "All of it is law: no concession helps." in say(Obstacles("centre", (HARD,), DONE))


def test_a_package_says_who_bears_what() -> None:
    text = say(PACKAGES)
    assert "Department of Defense (United States) allows “sharing the locations of groups” as far as" in text
    assert (
        "1. Russia and Министерство иностранных дел (Russia) no longer require “joint strikes” (cost 7)."
        in text
    )
    assert "United States no longer requires “safe zones” when no “joint strikes” (cost 4)." in text
    assert "2. United States states that it counts “Jabhat al-Nusra” as an enemy (cost 2)." in text
    assert "Burden: United States 5 (of it Department of Defense 3)." in text
    assert "Burden: Russia 7 (of it Министерство иностранных дел 2); United States 2." in text
    assert "costs less than 5: proven." in text
    assert "Law was not offered as a concession: 1 position." in text


def test_softening_a_demand_is_not_told_as_giving_it_up() -> None:
    wants = replace(
        TERMS.positions[2], id="wants", by=("ru",), weights=(5,), expression=Atom("share-locations", 3)
    )
    book = Phrasebook(replace(TERMS, positions=(wants,)))
    assert book.say_concession(Concession("wants", 2, "within-1-km")) == (
        "Russia insists on “sharing the locations of groups” only as far as “within 1 km”"
    )
    assert book.say_concession(Concession("wants", 5)) == (
        "Russia no longer requires “sharing the locations of groups” at “exact”"
    )
    assert book.say_concession(Concession("gone", 5)) == "gone is given up"


def test_an_unproven_price_is_not_told_as_the_cheapest() -> None:
    text = say(replace(PACKAGES, at_least=3, search=STOPPED))
    assert "costs less than 3: proven. One cheaper than 5 may exist." in text
    assert "costs less" not in say(replace(PACKAGES, at_least=0, search=STOPPED))
    assert "cheapest packages: proven" not in text
    assert "No package of concessions was found" in say(replace(PACKAGES, packages=(), search=STOPPED))


def test_law_alone_leaves_no_price() -> None:
    text = say(replace(PACKAGES, packages=(), blocked_by=HARD))
    assert text.startswith(
        "No concession can make the programme “Joint Executive Center” possible: hard limits"
    )
    assert "(law: cannot be conceded)" in text
    assert "No concession is needed" in say(replace(PACKAGES, packages=(), is_possible=True))


def test_what_is_possible_now_leaves_demands_open_and_counts_no_silence() -> None:
    text = say(BEST)
    assert "  “sharing the locations of groups”, as far as “places within 10 km”\n" in text
    assert "weight 1. No programme meets more: proven." in text
    assert "It leaves open:\n  - Russia and Министерство" in text
    assert text.endswith(
        "Silence is not consent: Russia said nothing about “sharing the locations of groups”."
    )
    bounded = say(replace(BEST, at_most=9, search=STOPPED))
    assert "A better one may exist; none exceeds 9: proven.\nThe search stopped early: the time" in bounded
    assert "nothing that anybody demands" in say(replace(BEST, grades={"deter": 0}))
    assert "Nothing can be done together now" in say(replace(BEST, blocked_by=OBSTACLES.obstacles[1]))


def test_feasibility_is_yes_no_or_not_known() -> None:
    assert say(UNKNOWN).startswith("Not known: whether the programme “Joint Executive Center” can be done.")
    assert say(INFEASIBLE).startswith("Not possible: the programme “Joint Executive Center”.")
    yes = say(FEASIBLE)
    assert yes.startswith("Possible: all positions together.")
    assert "Turkey takes part" in yes
    assert "safe zones" not in yes


def test_what_concessions_and_additions_change_is_said() -> None:
    text = say(PERMITTED)
    assert "  “joint strikes” (before: not at all)." in text
    assert "nothing becomes possible that was not" in say(replace(PERMITTED, newly=(), concessions=()))
    assert "more may become possible than is listed" in say(replace(PERMITTED, search=STOPPED))
    added = say(ADDITIONS)
    assert "Addition 1: with “a blind check” it costs 2 instead of 5." in added
    assert (
        "Addition 2: with “a blind check” and Turkey (joins) it is possible, and nobody concedes anything."
        in added
    )
    assert "Addition 3: with Turkey (joins) no package of concessions is enough either." in added
    assert "without, no package of concessions is enough." in added
    assert "Nothing that could be added was found" in say(replace(ADDITIONS, additions=()))


def test_findings_name_everybody() -> None:
    idle = "\n".join(say_inactive(TERMS, INACTIVE))
    assert "Russia permits “safe zones” (assumed). Why: it permits, which binds nobody." in idle
    read = "\n".join(say_readings(TERMS, READINGS))
    assert "Clause “Syrian aircraft do not fly” is read in two ways. These cannot both hold." in read
    open_ = "\n".join(say_unguaranteed(TERMS, UNGUARANTEED))
    assert "the northern zone: protect the people in it. Guarantor: nobody." in open_
    assert "Guarantor: Turkey would, but does not take part." in open_
    assert "no: United States; not stated: Russia." in say(SHARED)
    assert "no group that all count" in say(SharedCore((), {}))
    for text in (say_inactive(TERMS, ()), say_readings(TERMS, ()), say_unguaranteed(TERMS, ())):
        assert len(text) == 1


def test_unknown_names_are_shown_and_never_dropped() -> None:
    text = say(Obstacles("nameless", (Obstacle(("gone", "us/other", "x/y"), ("lost",)),), DONE))
    for name in ("nameless", "gone", "other", "“y”", "lost"):
        assert name in text


def test_expressions_read_in_one_way() -> None:
    book = Phrasebook(TERMS)
    both = AllOf((Atom("safe-zones"), AnyOf((Atom("joint-strikes"), Not(Atom("tr"))))))
    assert book.say_expression(both) == "“safe zones” and (“joint strikes” or Turkey does not take part)"
    assert book.say_expression(Not(both)).startswith("not (“safe zones” and")
    assert book.say_expression(Implies(Atom("tr"), Not(Atom("share-locations", 2)))) == (
        "if Turkey takes part, then no “sharing the locations of groups” at “within 1 km” or further"
    )


@pytest.mark.parametrize(
    ("hostile", "shown"),
    (
        ("see\x1b[2Jthis", "see\\x1b[2Jthis"),
        ("a\rb\nc\u2028d", "a b c d"),
        ("\u202eyes\u202c", "\\u202eyes\\u202c"),
        ("\u2066x\u200f\ufeff", "\\u2066x\\u200f\\ufeff"),
        ("\x9b31m", "\\x9b31m"),
        ("\ud800\ufffe\ufdd0", "\\ud800\\ufffe\\ufdd0"),
        ("\u0645\u06cc\u200c\u062e", "\u0645\u06cc\u200c\u062e"),
        ("e" + "\u0301" * 500, "e" + "\u0301" * 4),
        ("Việt Nam, Ελλάς, Россия", "Việt Nam, Ελλάς, Россия"),
    ),
)
def test_text_that_acts_is_spelt_out(hostile: str, shown: str) -> None:
    assert clean_text(hostile) == shown


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_hostile_name_cannot_repaint_a_terminal(answer: Answer) -> None:
    terms = with_words("x\x1b[31m\u202eok\r\nObstacle 9: none.\x00")
    lines = say_answer(terms, answer)
    lines += [
        *say_inactive(terms, INACTIVE),
        *say_readings(terms, READINGS),
        *say_unguaranteed(terms, UNGUARANTEED),
    ]
    assert not [
        line
        for line in lines
        for letter in line
        if unicodedata.category(letter) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
    ]
    assert not [line for line in lines if line.startswith("Obstacle 9")]


def test_folded_lines_fit_and_lose_nothing() -> None:
    lines = say_answer(with_words("w" * 4000), OBSTACLES)
    folded = fold_lines(lines, 80)
    assert max(map(len, folded)) <= 80
    assert "".join("".join(folded).split()) == "".join("".join(lines).split())
    assert "" in folded


def test_lists_of_words_are_joined() -> None:
    assert [join_words(words) for words in ((), ("a",), ("a", "b"), ("a", "b", "c"))] == [
        *("", "a", "a and b", "a, b and c"),
    ]


def test_every_kind_of_answer_has_its_words() -> None:
    kinds = {type(answer) for answer in ANSWERS}
    assert kinds == {Feasibility, Obstacles, Packages, BestProgramme, Permitted, Additions, SharedCore}
    assert all(say_answer(TERMS, answer) for answer in ANSWERS)
