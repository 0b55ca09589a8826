"""Answers as JSON: documented keys, nothing unexplained, nothing that acts on a terminal."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest

from entente.terms.answers import Obstacle
from entente.terms.words.wire import answer_to_json, inactive_to_json, readings_to_json, unguaranteed_to_json
from tests.terms_scene import (
    ADDITIONS,
    BEST,
    FEASIBLE,
    INACTIVE,
    OBSTACLES,
    PACKAGES,
    PERMITTED,
    READINGS,
    SHARED,
    TERMS,
    UNGUARANTEED,
    UNKNOWN,
    with_words,
)

PAGE: Final = Path(__file__).resolve().parents[2] / "docs" / "formats" / "terms-answers.md"
BLOCKED = replace(PACKAGES, packages=(), blocked_by=Obstacle(("us-deter",), is_hard=True))
ANSWERS = (OBSTACLES, PACKAGES, BLOCKED, BEST, PERMITTED, ADDITIONS, FEASIBLE, UNKNOWN, SHARED)
MADE = (
    *(answer_to_json(TERMS, answer) for answer in ANSWERS),
    inactive_to_json(TERMS, INACTIVE),
    readings_to_json(TERMS, READINGS),
    unguaranteed_to_json(TERMS, UNGUARANTEED),
)
# Where keys are ids of the terms file and not words of the format.
BY_ID = {
    "names",
    "statements",
    "grades",
    "before",
    "after",
    "silent",
    "burden",
    "burden_of_parties",
    "answers",
}


def list_keys(value: Any, *, is_by_id: bool = False) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from list_keys(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if not is_by_id:
                yield key
            if key != "answers":  # maps group to party to answer: ids alone
                yield from list_keys(each, is_by_id=key in BY_ID)


def list_texts(value: Any) -> Iterator[str]:
    match value:
        case str():
            yield value
        case list():
            for each in value:
                yield from list_texts(each)
        case dict():
            for key, each in value.items():
                yield key
                yield from list_texts(each)


@pytest.mark.parametrize("made", MADE)
def test_every_key_is_documented(made: dict[str, Any]) -> None:
    documented = set(re.findall(r"`([a-z_-]+)`", PAGE.read_text(encoding="utf-8")))
    keys = set(list_keys(made))
    assert len(keys) > 6
    assert keys - documented == set()
    assert made["question"] in documented


def test_each_question_has_its_name() -> None:
    assert [made["question"] for made in MADE] == [
        *("why-not", "price", "price", "now", "permits", "additions", "possible", "possible", "shared"),
        *("inactive", "readings", "unguaranteed"),
    ]


@pytest.mark.parametrize("made", MADE)
def test_every_statement_and_holder_is_explained(made: dict[str, Any]) -> None:
    body = {key: each for key, each in made.items() if key not in {"names", "statements"}}
    texts = set(list_texts(body))
    positions = {each.id for each in TERMS.positions} | {"us/nusra"}
    assert positions & texts <= set(made["statements"])
    names = {each.id for each in TERMS.parties} | {each.id for each in TERMS.agencies}
    names |= {each.id for each in TERMS.measures}
    assert names & texts <= set(made["names"])
    for statement in made["statements"].values():
        assert set(statement["holders"]) <= set(made["names"])


def test_an_obstacle_carries_its_words_and_sources() -> None:
    made = answer_to_json(TERMS, OBSTACLES)
    assert made["obstacles"][1] == {
        "members": ["dod-locations", "ru-strikes"],
        "via": ["strikes-need-locations"],
        "is_hard": False,
    }
    said = made["statements"]["dod-locations"]
    assert said["holders"] == ["dod"]
    assert said["weight"] == 8
    assert said["sources"] == [
        {
            "document": "edm",
            "cited_as": "Eurasia Daily Monitor 14/15",
            "place": "paragraph 4",
            "words": "would reveal how the US military uses intelligence",
            "paraphrase": "",
            "url": "https://example.org/edm",
        }
    ]
    assert made["statements"]["us-deter"]["hard"] == "law"
    assert made["statements"]["ru-denial"]["assumption"] == "Russia flies there"
    assert made["statements"]["us/nusra"]["weight"] == 2
    assert made["statements"]["strikes-need-locations"]["kind"] == "rule"


def test_a_burden_of_parties_sums_to_the_cost() -> None:
    first = answer_to_json(TERMS, PACKAGES)["packages"][0]
    assert first["burden"] == {"dod": 3, "us": 2}
    assert first["burden_of_parties"] == {"us": 5}
    assert sum(first["burden_of_parties"].values()) == first["cost"]


def test_an_unproven_price_is_not_marked_as_the_cheapest() -> None:
    assert answer_to_json(TERMS, PACKAGES)["is_cheapest"] is True
    assert answer_to_json(TERMS, replace(PACKAGES, at_least=4))["is_cheapest"] is False
    assert answer_to_json(TERMS, BLOCKED)["is_cheapest"] is False
    assert answer_to_json(TERMS, replace(BEST, at_most=3))["is_best"] is False
    assert answer_to_json(TERMS, UNKNOWN)["is_possible"] is None


def test_grades_are_named() -> None:
    grades = answer_to_json(TERMS, FEASIBLE)["grades"]
    assert grades["share-locations"] == {"grade": 2, "id": "within-1-km", "name": "within 1 km"}
    assert grades["joint-strikes"] == {"grade": 1, "id": "", "name": ""}
    assert grades["safe-zones"]["grade"] == 0


def test_hostile_texts_do_not_act() -> None:
    terms = with_words("x\x1b]0;owned\x07\u202e")
    made = [answer_to_json(terms, answer) for answer in ANSWERS]
    made += [readings_to_json(terms, READINGS), unguaranteed_to_json(terms, UNGUARANTEED)]
    texts = [text for each in made for text in list_texts(each)]
    assert any("\\x1b" in text for text in texts)
    assert not [text for text in texts for letter in text if unicodedata.category(letter) in {"Cc", "Cf"}]
    assert json.loads(json.dumps(made)) == made


def test_an_unknown_id_is_kept() -> None:
    made = answer_to_json(TERMS, replace(OBSTACLES, obstacles=(Obstacle(("gone",)),)))
    assert made["statements"]["gone"]["kind"] == "unknown"
