"""The worked cases under examples/: that they quote truly, rest on something, and come to what they say."""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest

from entente.terms import Terms, TermsInvalid, check_quotations, parse_terms
from entente.terms.file_layout import format_terms
from entente.terms.quotation import list_grounds

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


def test_one_altered_word_of_any_quotation_is_caught(article: str) -> None:
    text = read_case("edm-2017").decode()
    tried = 0
    for words in re.findall(r'words = "([^"]+)"', text):
        longest = max(words.split(), key=len)
        altered = words.replace(longest, f"{longest[:-1]}q", 1)
        forged = text.replace(f'words = "{words}"', f'words = "{altered}"', 1)
        assert forged != text
        with pytest.raises(TermsInvalid) as caught:
            parse_terms(forged.encode(), {"seed.txt": article})
        line = forged[: forged.index(f'words = "{altered}"')].count("\n") + 1
        assert [fault.at.line for fault in caught.value.faults] == [line]
        tried += 1
    assert tried >= 50


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
