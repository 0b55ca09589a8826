"""The JSON Schema against the reader: what editors accept is what is read, as far as form goes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema import (  # type: ignore[import-untyped] # published without type information
    Draft202012Validator,
)

from entente.terms.file.faults import TermsInvalid
from entente.terms.file.reading import parse_terms
from entente.terms.file.schema import make_schema
from entente.terms.file.shape import TABLES
from entente.terms.file.template import write_template
from tests.terms_samples import SAMPLE

ROOT: Final = Path(__file__).resolve().parents[2]
FILE: Final = ROOT / "docs" / "formats" / "terms.schema.json"
VALIDATOR: Final = Draft202012Validator(make_schema())

# Codes of faults that a schema can see; the others are of names, references, expressions and quotations.
OF_FORM: Final = frozenset(
    {"unknown-key", "missing-key", "wrong-type", "bad-number", "bad-choice", "bad-count", "bad-modality",
     "bad-clock", "bad-steps", "bad-source", "no-ground", "two-conditions", "too-long", "bad-version",
     "bad-date", "bad-file"}
)  # fmt: skip


def list_schema_faults(text: str) -> list[str]:
    # A date without quotation marks is handed to a schema as text, as editors do it.
    value = json.loads(json.dumps(tomllib.loads(text), default=str))
    return [error.message for error in VALIDATOR.iter_errors(value)]


def list_reader_codes(text: str) -> set[str]:
    try:
        parse_terms(text.encode())
    except TermsInvalid as error:
        return {fault.code for fault in error.faults}
    return set()


def test_the_schema_is_a_schema_and_the_published_one() -> None:
    Draft202012Validator.check_schema(make_schema())
    made = json.dumps(make_schema(), indent=2, ensure_ascii=False) + "\n"
    assert FILE.read_text(encoding="utf-8") == made, (
        "run: entente terms schema > docs/formats/terms.schema.json"
    )


@pytest.mark.parametrize("text", (SAMPLE, write_template(), write_template([("us", "United States")])))
def test_what_the_reader_accepts_the_schema_accepts(text: str) -> None:
    assert list_reader_codes(text) == set()
    assert list_schema_faults(text) == []


CHANGES: Final = (
    ("takes-part = false", "takes_part = false"),
    ("[[zone]]", "[[zones]]"),
    ("entente-terms = 1", "entente-terms = 2"),
    ('title = "A joint centre"\n', ""),
    ('by = "pentagon"\n', ""),
    ("weight = 8", 'weight = "8"'),
    ("weight = 8", "weight = 0"),
    ("weight = 8", "weight = 2.5"),
    ("weight = 8", "weight = true"),
    ("weight = 8", "weight = inf"),
    ("weight = {us = 3, ru = 1}", "weight = {}"),
    ('requires = "joint-strikes"', ""),
    ('requires = "joint-strikes"', 'requires = "joint-strikes"\nprefers = "safe-zone"'),
    ('unless = "un"', 'unless = "un"\nwhen = "un"'),
    ("steps = [1, 2, 5]", "steps = []"),
    ("steps = [1, 2, 5]", "steps = [1, 2, 5]\nweight = 8"),
    ('hard = "law"', 'hard = "yes"'),
    ('assumption = "By its mandate."', ""),
    ('answer = "yes"', 'answer = "maybe"'),
    ("days = 90", ""),
    ("days = 90", "days = 90\nhours = 2"),
    ("days = 90", "days = 1_000_000"),
    ('steps = ["share-locations", "safe-zone"]', 'steps = "safe-zone"'),
    ('place = "page 3", ', ""),
    (', paraphrase = "nothing is shared before the truce holds"', ""),
    ('words = "the need to share information"', 'words = "the need", paraphrase = "x"'),
    ('date = "2016-09-13"', 'date = "last week"'),
    ('file = "note.txt"', 'file = "../note.txt"'),
    ('id = "blind-check"', 'id = "Blind"'),
    ('name = "Russia"', 'name = ""'),
    ('name = "Russia"', f'name = "{"x" * 201}"'),
    ('[[zone]]\nid = "north"', "[[zone]]\nid = 3"),
)  # fmt: skip


@pytest.mark.parametrize(("old", "new"), CHANGES)
def test_what_the_schema_refuses_the_reader_refuses_and_the_other_way_round(old: str, new: str) -> None:
    assert SAMPLE.count(old) == 1, old
    text = SAMPLE.replace(old, new)
    assert list_schema_faults(text) != []
    assert list_reader_codes(text) & (OF_FORM | {"bad-name", "empty"})


@pytest.mark.parametrize("kind", TABLES)
def test_a_misspelt_key_is_refused_in_every_table(kind: str) -> None:
    text = SAMPLE.replace(f"[[{kind}]]\n", f"[[{kind}]]\nidd = 1\n", 1)
    assert any("idd" in fault for fault in list_schema_faults(text))
    assert "unknown-key" in list_reader_codes(text)


def test_every_key_says_what_it_is_for() -> None:
    def walk(node: Any) -> None:
        if isinstance(node, dict):
            for name, each in node.get("properties", {}).items():
                if isinstance(each, dict) and name != "kind" and "const" not in each:
                    assert each.get("description"), name
            for each in node.values():
                walk(each)

    walk({key: value for key, value in make_schema().items() if key != "allOf"})
