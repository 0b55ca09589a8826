"""Drafts: what is signed is what stands in the file; an obligation without a guarantor stops it before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from entente.kernel.errors import Denied, Malformed
from entente.terms import agreement as ag
from entente.terms.agreement.drafting import (
    complete_choice,
    draft_agreement,
    encode_draft,
    find_grades,
    list_breached,
    parse_draft,
)
from entente.terms.expression import AllOf, AnyOf, Atom, Implies, Not
from entente.terms.model import (
    Agency,
    Clock,
    Grade,
    Measure,
    Modality,
    Obligation,
    Party,
    Position,
    Programme,
    Rule,
    Terms,
    Zone,
)
from entente.terms.search.completion import complete_programme
from tests.agreement_scene import AgreementScene, make_text, refused

GRADES = (Grade("far", "within 10 km"), Grade("near", "within 1 km"))
TERMS = Terms(
    title="A ceasefire",
    question="Is it possible?",
    parties=(Party("usa", "United States"), Party("ru", "Russia"), Party("un", "United Nations", False)),
    agencies=(Agency("pentagon", "Pentagon", "usa"), Agency("ocha", "OCHA", "un")),
    measures=(
        Measure("strikes", "Joint strikes", by=("usa", "ru")),
        Measure("share", "Places are shared", grades=GRADES),
        Measure("zone", "A safe zone"),
        Measure("center", "A center"),
    ),
    rules=(Rule("needs-share", "Strikes need places", Implies(Atom("strikes"), Atom("share", 2))),),
    positions=(
        Position("no-share", "No places", ("pentagon",), Modality.FORBIDS, Atom("share")),
        Position("un-asks", "The UN wants a zone", ("un",), Modality.REQUIRES, Atom("zone")),
    ),
    zones=(Zone("castello", "Castello road", "zone"),),
    obligations=(Obligation("guard", "castello", "Guards the road", "usa"),),
    clocks=(
        Clock("seven", "days-without", "Seven days", measure="center", incident="an attack", days=7),
        Clock("together", "simultaneous", "Together", steps=("zone", "share"), hours=24),
        Clock("end", "expiry", "A month", days=30),
        Clock("leave", "withdrawal", "With notice", hours=72),
    ),
    programmes=(
        Programme("both", "Both", AllOf((Atom("strikes"), Not(Atom("zone"))))),
        Programme("either", "Either", AnyOf((Atom("strikes"), Atom("zone")))),
    ),
)


def draft(grades: dict[str, int], terms: Terms = TERMS, **more: Any) -> ag.AgreementText:
    return draft_agreement(terms, "ceasefire", grades, terms_sha256="a" * 64, **more)


def test_a_draft_holds_what_was_chosen_and_nothing_else() -> None:
    text = draft({"strikes": 1, "share": 2}, programme="both", names={"usa": "us"})
    assert [(one.id, one.grade, one.grade_says, one.by) for one in text.measures] == [
        ("strikes", 1, "", ["ru", "us"]),
        ("share", 2, "within 1 km", []),
    ]
    assert [str(one) for one in ag.list_signatories(text)] == ["ru", "us", "us/pentagon"]
    assert [one.id for one in text.clocks] == ["together", "end", "leave"]
    assert text.clocks[0].steps == ["share"]
    assert text.obligations == []
    assert (text.programme, text.terms_sha256) == ("both", "a" * 64)


def test_an_obligation_without_a_guarantor_that_signs_is_refused_by_name() -> None:
    for guarantor in ("", "un", "ocha"):
        terms = replace(TERMS, obligations=(replace(TERMS.obligations[0], guarantor=guarantor),))
        with refused("no-guarantor", "'guard'", guarantor or "nobody"):
            draft({"zone": 1}, terms)
    joined = replace(TERMS, obligations=(replace(TERMS.obligations[0], guarantor="un"),))
    assert draft({"zone": 1, "un": 1}, joined).obligations[0].guarantor == "un"


def test_the_guarantor_is_called_as_the_center_calls_it() -> None:
    assert draft({"zone": 1}, names={"usa": "us"}).obligations[0].guarantor == "us"


def test_a_choice_that_breaks_a_rule_or_is_another_programme_is_refused() -> None:
    with refused("breaks-rule", "'needs-share'", "Strikes need places"):
        draft({"strikes": 1, "share": 1})
    with refused("other-programme", "'both'"):
        draft({"zone": 1}, programme="both")
    with refused("other-programme", "unknown"):
        draft({"zone": 1}, programme="nothing")
    with refused("unknown-measure", "'other'"):
        draft({"other": 1})
    with refused("unknown-measure", "grade up to 2"):
        draft({"share": 3})
    with refused("no-measures"):
        draft({"un": 1})


def test_a_programme_gives_its_measures_where_it_leaves_no_choice() -> None:
    assert find_grades(TERMS, "both") == {"strikes": 1}
    assert complete_choice(TERMS, {"strikes": 1}) == ({"strikes": 1, "share": 2}, ["needs-share"])
    assert complete_choice(TERMS, {"zone": 1}) == ({"zone": 1}, [])
    with refused("open-programme", "'either'"):
        find_grades(TERMS, "either")
    with refused("unknown-programme", "both, either"):
        find_grades(TERMS, "neither")


def test_the_positions_that_a_choice_goes_against_are_named_and_those_of_the_absent_are_not() -> None:
    assert list_breached(TERMS, {"strikes": 1, "share": 2}) == ["no-share"]
    assert list_breached(TERMS, {"share": 1, "un": 1}) == ["no-share", "un-asks"]


def test_the_file_is_the_text_and_the_text_is_the_file() -> None:
    text = make_text(title='Quotes "and" back\\slash', text="Two\nlines\tand — Слово")
    for each in (text, draft({"strikes": 1, "share": 2}), draft({"zone": 1})):
        assert parse_draft(encode_draft(each).encode()) == each
        assert ag.hash_text(parse_draft(encode_draft(each).encode())) == ag.hash_text(each)


@pytest.mark.parametrize(
    ("change", "code"),
    (
        (lambda file: file + "more = 1\n", "not-toml"),
        (lambda file: file.replace('id = "ceasefire"', 'id = "ceasefire"\nmore = 1', 1), "wrong-type"),
        (lambda file: file.replace('language = "en"', "", 1), "wrong-type"),
        (lambda file: file.replace('title = "', 'title = "\\u001b', 1), "wrong-type"),
        (lambda file: file.replace('guarantor = "ru"', 'guarantor = ""', 1), "no-guarantor"),
        (lambda file: file.replace("days = 7", "days = 2016-09-12", 1), "wrong-type"),
        (lambda file: file.replace('kind = "expiry"', 'kind = "end"', 1), "wrong-type"),
        (lambda file: "#" * 200_000 + file, "too-large"),
    ),
)
def test_an_edited_file_is_checked_as_a_whole(change: Any, code: str) -> None:
    file = change(encode_draft(make_text()))
    with pytest.raises((Malformed, Denied)) as caught:
        parse_draft(file.encode())
    assert caught.value.code in {code, "wrong-type" if code == "not-toml" else code}


def test_a_fault_in_a_draft_is_told_as_one_of_the_draft() -> None:
    with pytest.raises(Malformed, match=r"draft: .*expected one of days-without, simult") as caught:
        parse_draft(encode_draft(make_text()).replace('"expiry"', '"end"').encode())
    assert caught.value.path == "$.clocks[2].kind"


def test_who_does_not_take_part_does_not_act_and_is_never_read_as_everyone() -> None:
    patrols = Measure("patrols", "Patrols", by=("un",))
    both = Measure("escort", "Convoys are escorted", by=("un", "ru"))
    terms = replace(TERMS, measures=(*TERMS.measures, patrols, both))
    assert draft({"escort": 1}, terms).measures[0].by == ["ru"]
    assert draft({"escort": 1, "un": 1}, terms).measures[0].by == ["ru", "un"]
    with refused("nobody-acts", "'patrols'", "un"):
        draft({"patrols": 1}, terms)
    assert draft({"patrols": 1, "un": 1}, terms).measures[0].by == ["un"]


def test_a_party_that_is_renamed_must_be_one_of_the_terms() -> None:
    with refused("unknown-party", "'us'", "usa"):
        draft({"zone": 1}, names={"us": "usa"})


def test_a_choice_is_completed_by_the_least_that_goes_against_the_fewest_positions() -> None:
    assert complete_programme(TERMS, {"strikes": 1}) == {"strikes": 1, "share": 2}
    assert complete_programme(TERMS, {"zone": 1}) == {"zone": 1}
    # A choice that the programme leaves is made, and the position that forbids sharing decides it.
    assert complete_programme(TERMS, {}, programme="either") == {"zone": 1}
    assert complete_programme(TERMS, {"share": 1, "strikes": 1}) == {"share": 2, "strikes": 1}
    # No party is let in that was not chosen; one that was brings its own demands.
    assert complete_programme(TERMS, {"center": 1, "un": 1}) == {"center": 1, "un": 1, "zone": 1}
    needs = Rule("needs-un", "A center needs the UN", Implies(Atom("center"), Atom("un")))
    assert complete_programme(replace(TERMS, rules=(*TERMS.rules, needs)), {"center": 1}) is None
    with refused("no-measure"):
        complete_programme(TERMS, {"share": 3})
    with refused("no-programme"):
        complete_programme(TERMS, {}, programme="neither")


def test_the_law_weighs_more_than_all_positions_together() -> None:
    law = Position("law", "No zone", ("usa",), Modality.FORBIDS, Atom("zone"), hard="law")
    heavy = replace(TERMS.positions[0], weights=(1000,))
    terms = replace(TERMS, positions=(heavy, law))
    assert complete_programme(terms, {}, programme="either") == {"strikes": 1, "share": 2}


def test_bytes_that_are_no_text_are_refused() -> None:
    with refused("not-toml"):
        parse_draft(b"\xff\xfe")


def test_terms_that_are_too_long_to_sign_are_refused_with_the_place() -> None:
    long = replace(TERMS, measures=(replace(TERMS.measures[2], name="x" * 1001), *TERMS.measures[:2]))
    with pytest.raises(Malformed) as caught:
        draft({"zone": 1}, long)
    assert caught.value.path == "$.text.measures[0].says"


def test_a_draft_can_be_proposed_as_it_is() -> None:
    scene = AgreementScene()
    scene.propose("us", draft({"strikes": 1, "share": 2}, names={"usa": "us"}))
    assert scene.state().phase == "proposed"
