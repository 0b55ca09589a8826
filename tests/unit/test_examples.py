"""The worked cases under examples/: that they quote truly, rest on something, and come to what they say."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest

from entente.cli.demo_terms import ask_case, tell_terms
from entente.cli.main import main
from entente.cli.output import ExitCode
from entente.cli.stage import Stage
from entente.terms.file import TermsInvalid, check_quotations, parse_terms
from entente.terms.file.layout import format_terms
from entente.terms.file.quotation import list_grounds
from entente.terms.model import Designation, Link, Position, Rule, Terms
from entente.terms.search import ALL, find_obstacles, find_packages, is_possible
from entente.terms.search.inspection import find_readings, find_shared_core, find_unguaranteed
from entente.terms.search.programmes import find_additions, find_best_programme
from tools.check_docs import find_broken_links

Stated = TypeVar("Stated", Rule, Link, Position, Designation)

ROOT: Final = Path(__file__).resolve().parents[2]
CASES: Final = ("edm-2017", "center-2016")
MAX_SHARE: Final = 0.30
"""Of the article's letters, at most, that the case repeats: it is quoted, not copied."""
MAX_WORDS: Final = 25


def read_case(name: str) -> bytes:
    return (ROOT / "examples" / name / "terms.toml").read_bytes()


def load_case(name: str) -> Terms:
    return parse_terms(read_case(name))


@pytest.fixture(scope="module")
def article() -> str:
    named = os.environ.get("ENTENTE_SHARED")
    file = (Path(named) if named else ROOT.parent / "shared") / "seed.txt"
    if not file.is_file():
        pytest.skip(f"no article: expected its text in {file} (name its folder in ENTENTE_SHARED)")
    return file.read_text(encoding="utf-8")


def list_sources(name: str) -> list[tuple[str, dict[str, str]]]:
    """Every source in a case, with the name of what rests on it, read without the room's own reader."""
    found = []
    for kind, tables in tomllib.loads(read_case(name).decode()).items():
        for table in tables if isinstance(tables, list) else []:
            sources: Any = table.get("source", [])
            label = f"{kind} {table.get('id', '')}"
            found += [(label, one) for one in (sources if isinstance(sources, list) else [sources])]
    assert len(found) > 50, f"expected a whole case in {name}, got {len(found)} sources"
    return found


# Form


@pytest.mark.parametrize("name", CASES)
def test_a_case_is_valid_and_in_the_one_layout(name: str) -> None:
    assert load_case(name).programmes
    text = read_case(name).decode()
    assert format_terms(text) == text


@pytest.mark.parametrize("name", CASES)
def test_nothing_stands_without_a_source_or_the_reason_why_it_is_assumed(name: str) -> None:
    bare = [
        label for label, ground in list_grounds(load_case(name)) if not (ground.sources or ground.assumption)
    ]
    assert bare == []


@pytest.mark.parametrize("name", CASES)
def test_every_document_is_cited_and_can_be_found(name: str) -> None:
    terms = load_case(name)
    cited = {source["document"] for _, source in list_sources(name)}
    assert cited == {document.id for document in terms.documents}
    lost = [
        each.id for each in terms.documents if not (each.publisher and each.date and (each.url or each.file))
    ]
    assert lost == []


# The article


def test_every_quotation_of_the_article_stands_in_its_paragraph_word_for_word(article: str) -> None:
    paragraphs = article.split("\n")[3:]
    assert len(paragraphs) >= 6
    wrong = []
    for label, source in list_sources("edm-2017"):
        assert source["document"] == "edm"
        number = int(source["place"].removeprefix("paragraph "))
        if source["words"] not in paragraphs[number - 1]:
            wrong.append((label, number, source["words"]))
    assert wrong == []
    found = check_quotations(load_case("edm-2017"), {"seed.txt": article})
    assert {each.state for each in found} == {"found"}


def test_one_altered_letter_in_each_quotation_is_caught_at_its_line(article: str) -> None:
    forged, lines = [], []
    for number, line in enumerate(read_case("edm-2017").decode().split("\n"), start=1):
        found = re.search(r'words = "([^"]+)"', line)
        if found is None:
            forged.append(line)
            continue
        longest = max(found[1].split(), key=len)
        forged.append(line.replace(longest, f"{longest[:-1]}q", 1))
        lines.append(number)
    assert len(lines) >= 50
    with pytest.raises(TermsInvalid) as caught:
        parse_terms("\n".join(forged).encode(), {"seed.txt": article})
    assert [fault.at.line for fault in caught.value.faults] == lines


def test_the_article_is_quoted_and_not_copied(article: str) -> None:
    quoted = bytearray(len(article))
    for _, source in list_sources("edm-2017"):
        words = source["words"]
        assert len(words.split()) <= MAX_WORDS, words
        start = article.index(words)
        quoted[start : start + len(words)] = b"\1" * len(words)
    body = sum(len(paragraph) for paragraph in article.split("\n")[3:])
    assert 0.1 < sum(quoted) / body < MAX_SHARE


def test_every_paragraph_of_the_article_is_heard() -> None:
    places = {source["place"] for _, source in list_sources("edm-2017")}
    assert places == {f"paragraph {number}" for number in range(1, 7)}


def test_every_position_of_the_article_is_quoted() -> None:
    terms = load_case("edm-2017")
    for each in terms.positions:
        assert each.ground.sources, each.id
        assert all(source.words for source in each.ground.sources), each.id


def test_what_this_project_adds_is_said_to_be_assumed() -> None:
    added = {"act-side-by-side", "share-plans", "blind-check", "deconfliction-only"}
    tables = tomllib.loads(read_case("edm-2017").decode())
    about = [one for one in tables["rule"] if added & set(re.findall(r"[a-z0-9-]+", one["expression"]))]
    assert {one["id"] for one in about} == {
        "side-by-side-needs-a-look",
        "side-by-side-needs-contact",
        "plans-reveal",
    }
    assert all(one["assumption"] for one in about)
    assert not any(added & set(re.findall(r"[a-z0-9-]+", str(one))) for one in tables["position"])
    offered = {one["id"]: one.get("offered", True) for one in tables["measure"]}
    assert not offered["blind-check"]
    assert not offered["deconfliction-only"]


# The answers


def drop_assumed(terms: Terms) -> Terms:
    """Return the terms without anything that is marked as assumed."""

    def keep(statements: tuple[Stated, ...]) -> tuple[Stated, ...]:
        return tuple(each for each in statements if not each.ground.assumption)

    return replace(
        terms,
        rules=keep(terms.rules),
        links=keep(terms.links),
        positions=keep(terms.positions),
        designations=keep(terms.designations),
    )


def list_members(terms: Terms, programme: str) -> set[frozenset[str]]:
    answer = find_obstacles(terms, programme=programme, most=ALL)
    assert answer.search.is_all
    return {frozenset(each.members) for each in answer.obstacles}


def get_price(terms: Terms, programme: str) -> int:
    answer = find_packages(terms, programme=programme, most=1)
    assert answer.blocked_by is None
    if answer.is_possible:
        return 0
    assert answer.at_least == answer.packages[0].cost
    return answer.at_least


def test_the_joint_operation_is_blocked_by_what_the_article_says() -> None:
    terms = load_case("edm-2017")
    assert is_possible(terms, programme="joint-operation").is_possible is False
    found = find_obstacles(terms, programme="joint-operation", most=ALL)
    assert [each.members for each in found.obstacles] == [
        ("pentagon-elsewhere",),
        ("pentagon-methods",),
        ("pentagon-rejects-deal",),
        ("us-deters-in-europe",),
    ]
    links = {each.id for each in terms.links}
    other_theatres = [set(each.via) & links for each in found.obstacles]
    assert other_theatres[0] == {"baltics-link"}
    assert other_theatres[3] & {"deterrence-divides", "sharing-weakens-europe"}
    assert find_packages(terms, programme="joint-operation").packages[0].burden == {"pentagon": 26, "us": 10}


def test_no_addition_makes_the_joint_operation_possible() -> None:
    terms = load_case("edm-2017")
    answer = find_additions(terms, programme="joint-operation")
    assert answer.search.is_all
    assert answer.additions == ()
    everything = replace(
        terms,
        measures=tuple(replace(each, is_offered=True) for each in terms.measures),
        parties=tuple(replace(each, takes_part=True) for each in terms.parties),
    )
    assert list_members(everything, "joint-operation") == list_members(terms, "joint-operation")


def test_side_by_side_takes_both_additions_and_neither_alone() -> None:
    terms = load_case("edm-2017")
    assert list_members(terms, "side-by-side") == {
        frozenset({"pentagon-methods"}),
        frozenset({"pentagon-elsewhere"}),
        frozenset({"us-deters-in-europe"}),
    }
    answer = find_additions(terms, programme="side-by-side")
    assert answer.search.is_all
    assert [(each.measures, each.parties, each.is_possible, each.cost) for each in answer.additions] == [
        (("blind-check", "deconfliction-only"), (), True, 0),
        (("blind-check",), (), False, 10),
        (("deconfliction-only",), (), False, 18),
    ]


def test_what_is_guaranteed_by_nobody_in_the_safe_zones_is_told() -> None:
    found = find_unguaranteed(load_case("edm-2017"))
    assert [each.obligation for each in found] == ["protect-the-zones", "keep-armed-units-out", "deny-access"]


def test_safe_zones_add_the_confrontation_and_damascus() -> None:
    terms = load_case("edm-2017")
    added = list_members(terms, "joint-operation-with-zones") - list_members(terms, "joint-operation")
    assert added == {frozenset({"no-confrontation"}), frozenset({"lavrov-damascus", "us-not-with-damascus"})}
    parties = [
        each.parties for each in find_additions(terms, programme="joint-operation-with-zones").additions
    ]
    assert parties == [("new-partner",)]


def test_only_the_islamic_state_is_in_the_shared_core() -> None:
    core = find_shared_core(load_case("edm-2017"))
    assert core.shared == ("islamic-state",)
    assert core.answers["nusra"] == {"russia": "yes", "us": "not stated"}
    assert frozenset({"us/nusra"}) in list_members(load_case("edm-2017"), "document-of-2016")


def test_sanctions_and_ukraine_change_nothing() -> None:
    terms = load_case("edm-2017")
    without = replace(
        terms,
        positions=tuple(
            each
            for each in terms.positions
            if each.id not in {"sanctions-not-raised", "sanctions-hoped-for", "ukraine-overlooked"}
        ),
    )
    for programme in terms.programmes:
        assert list_members(without, programme.id) == list_members(terms, programme.id)


# The nine minimal blockers of the arrangement: who stands against whom, the law that is invoked left out.
NINE: Final = {
    frozenset({"pentagon-no-locations", "russia-delineation"}),
    frozenset({"pentagon-no-locations", "russia-joint-campaign"}),
    frozenset({"pentagon-no-waiver", "russia-delineation"}),
    frozenset({"pentagon-no-waiver", "russia-joint-campaign"}),
    frozenset({"opposition-not-separated", "russia-separation"}),
    frozenset({"lavrov-flights", "pentagon-flights"}),
    frozenset({"lavrov-flights", "opposition-no-air-attacks"}),
    frozenset({"syria-inspects", "un-convoys-sealed"}),
    frozenset({"russia-text-published", "us-text-confidential"}),
}
THIRD_READING: Final = frozenset({"lavrov-flights", "russia-joint-campaign", "state-flights"})


def test_the_arrangement_has_the_nine_blockers_and_the_third_reading() -> None:
    terms = load_case("center-2016")
    law = {each.id for each in terms.positions if each.hard}
    assert len(law) == 2
    found = list_members(terms, "arrangement-2016")
    assert len(found) == 11
    assert {each - law for each in found} == NINE | {THIRD_READING}


def test_law_is_never_offered_and_the_cheapest_package_has_six_concessions() -> None:
    terms = load_case("center-2016")
    law = {each.id for each in terms.positions if each.hard}
    answer = find_packages(terms, programme="arrangement-2016", most=20)
    cheapest = answer.packages[0]
    assert answer.at_least == cheapest.cost == 24
    assert {(each.position, each.to) for each in cheapest.concessions} == {
        ("lavrov-flights", ""),
        ("opposition-not-separated", ""),
        ("pentagon-no-locations", "areas"),
        ("pentagon-no-waiver", ""),
        ("syria-inspects", ""),
        ("us-text-confidential", ""),
    }
    for package in answer.packages:
        assert not law & {each.position for each in package.concessions}
        assert package.cost == sum(package.burden.values())


def test_a_common_map_costs_more_than_an_outline() -> None:
    terms = load_case("center-2016")
    assert get_price(terms, "arrangement-with-common-map") > get_price(terms, "arrangement-2016")


def test_the_flight_clause_is_read_in_three_ways() -> None:
    found = find_readings(load_case("center-2016"))
    assert {each.clause for each in found} == {"when-flights-stop"}
    readers = {frozenset({each.first, each.second}) for each in found}
    for pair in combinations(("pentagon-flights", "state-flights", "lavrov-flights"), 2):
        assert frozenset(pair) in readers


def test_the_memorandum_stands_and_a_blind_check_finds_conflicts_beside_it() -> None:
    terms = load_case("center-2016")
    assert is_possible(terms, programme="flight-safety").is_possible
    best = find_best_programme(terms)
    assert best.value == best.at_most
    assert best.grades["memorandum"] == 1
    assert "aid-access" not in best.grades
    helped = find_additions(terms, programme="conflicts-found-beforehand").additions
    assert [(each.measures, each.is_possible) for each in helped] == [(("blind-check",), True)]


def test_without_what_is_assumed_the_sourced_obstacles_remain() -> None:
    center = drop_assumed(load_case("center-2016"))
    assert list_members(center, "arrangement-2016") == {
        frozenset({"opposition-not-separated", "russia-separation"}),
        frozenset({"lavrov-flights", "pentagon-flights"}),
        frozenset({"lavrov-flights", "opposition-no-air-attacks"}),
        frozenset({"russia-text-published", "us-text-confidential"}),
        THIRD_READING,
    }
    article = drop_assumed(load_case("edm-2017"))
    assert list_members(article, "joint-operation") == {frozenset({"us-deters-in-europe"})}
    assert frozenset({"pentagon-methods"}) in list_members(article, "document-of-2016")


# What is told of the answers


@pytest.mark.parametrize("page", ("README.md", *(f"{name}/README.md" for name in CASES)))
def test_the_pages_lead_somewhere(page: str) -> None:
    assert find_broken_links(ROOT / "examples" / page, ROOT) == []


@pytest.mark.parametrize("name", CASES)
def test_the_page_of_a_case_tells_what_comes_out(name: str) -> None:
    terms = load_case(name)
    page = (ROOT / "examples" / name / "README.md").read_text(encoding="utf-8")
    rows = []
    for programme in terms.programmes:
        obstacles = len(list_members(terms, programme.id))
        bare = len(list_members(drop_assumed(terms), programme.id))
        enabling = [
            " + ".join(f"`{each}`" for each in (*addition.measures, *addition.parties))
            for addition in find_additions(terms, programme=programme.id).additions
            if addition.is_possible
        ]
        rows.append(
            f"| `{programme.id}` | {'no' if obstacles else 'yes'} | {obstacles} "
            f"| {get_price(terms, programme.id)} | {'; '.join(enabling) or '-'} | {bare} |"
        )
    missing = [row for row in rows if row not in page]
    assert missing == []


def test_the_demo_shows_the_article_in_eighty_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(ROOT)
    story = tell_terms(Stage(tmp_path / "run", rate=60, quiet=False))
    assert story.is_complete
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 45
    assert max(map(len, lines)) <= 80
    told = " ".join(" ".join(lines).split())
    for words in ("NOT POSSIBLE", "strongly rejected the Lavrov-Kerry deal", "POSSIBLE, and nobody concedes"):
        assert words in told
    assert story.summary()["side_by_side_possible_with"] == [["blind-check", "deconfliction-only"]]
    shown = re.findall(r"\$ entente (terms ask \S+ [a-z-]+ [a-z-]+ --programme [a-z-]+)", told)
    assert len(shown) == 2
    for words in shown:
        assert main(words.split()) == ExitCode.OK
    again = " ".join(capsys.readouterr().out.split())
    for words in (
        "These are all 4 obstacles: proven",
        "No package costs less than 36",
        "costs 10 instead of 28",
    ):
        assert words in again


def test_a_demo_that_does_not_show_it_fails() -> None:
    terms = load_case("edm-2017")
    offered = replace(terms, measures=tuple(replace(each, is_offered=True) for each in terms.measures))
    assert "side by side is not possible as it stands" in ask_case(offered).missed
    assert "the joint operation is not possible" in ask_case(replace(terms, positions=())).missed
    assert "the safe zones have no guarantor" in ask_case(replace(terms, obligations=())).missed
