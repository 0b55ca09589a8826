"""The JSON Schema of a terms file, for editors: completion, what each key is for, misspelt keys.

Invariants: made from `shape` alone, so that it lists what the reader reads; what it refuses the reader
refuses too. The reader refuses more: names, references, expressions and quotations are beyond a schema.

A first line ``#:schema terms.schema.json`` in a terms file tells editors where it is.

    >>> make_schema()["properties"]["entente-terms"]
    {'const': 1, 'description': 'The version of this format.'}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from entente.terms.file.expression_text import MAX_CHARACTERS
from entente.terms.file.shape import (
    CLOCK_KEYS,
    GRADE,
    GROUNDED,
    MAX_SOURCES,
    MAX_TABLES,
    MODALITIES,
    SOURCE,
    TABLES,
    TOP,
    Key,
)

_ABOUT = {
    "document": "A text that sources point to.",
    "party": "A party.",
    "agency": "A part of a party with a veto of its own.",
    "group": "A group that parties may or may not designate as an enemy.",
    "theatre": "Another theatre, to which this one is linked.",
    "measure": "One thing that can be done together, or a state of things that the parties speak about.",
    "rule": "How the world is, whoever wants what. Nobody can concede it.",
    "link": "A rule that ties this theatre to another.",
    "clause": "A clause of a common text, which positions may read differently.",
    "position": "What one holder, or several together, requires, forbids, permits or prefers.",
    "designation": "Whether a party counts a group as an enemy: its own statement.",
    "zone": "A zone that the terms speak of.",
    "obligation": "What is promised in a zone, and by whom.",
    "clock": "A condition with a clock, which an agreement made from these terms carries.",
    "programme": "A set of measures to do together, about which one asks whether it is possible.",
}


def make_schema() -> dict[str, Any]:
    """Return the schema, JSON Schema draft 2020-12."""
    top = _make_table(TOP)
    top["properties"] |= {
        kind: {
            "description": _ABOUT[kind],
            "type": "array",
            "maxItems": MAX_TABLES,
            "items": {"$ref": f"#/$defs/{kind}"},
        }
        for kind in TABLES
    }
    source = _make_table(SOURCE) | {"oneOf": [{"required": ["words"]}, {"required": ["paraphrase"]}]}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "entente terms file",
        "description": "What each party requires, permits and forbids. See docs/formats/terms.md.",
        **top,
        "$defs": {
            **{kind: _make_kind(kind) for kind in TABLES},
            "expression": {
                "type": "string",
                "minLength": 1,
                "maxLength": MAX_CHARACTERS,
                "description": "Names of measures and parties with and, or, not, implies, parentheses; a "
                "graded measure may take at least, at most or exactly and a grade.",
            },
            "grade": _make_table(GRADE),
            "source": source,
            "sources": {
                "anyOf": [
                    {"$ref": "#/$defs/source"},
                    {
                        "type": "array",
                        "minItems": 1,
                        "maxItems": MAX_SOURCES,
                        "items": {"$ref": "#/$defs/source"},
                    },
                ]
            },
        },
    }


def _make_table(keys: Mapping[str, Key]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [name for name, key in keys.items() if key.is_required],
        "properties": {name: dict(key.form) | {"description": key.about} for name, key in keys.items()},
    }


def _make_kind(kind: str) -> dict[str, Any]:
    table = _make_table(TABLES[kind]) | {"description": _ABOUT[kind]}
    rules: list[dict[str, Any]] = []
    if kind in GROUNDED:
        rules.append({"anyOf": [{"required": ["source"]}, {"required": ["assumption"]}]})
    if kind == "position":
        rules += [
            {"oneOf": [{"required": [modality]} for modality in MODALITIES]},
            {"not": {"required": ["when", "unless"]}},
            {"not": {"required": ["steps", "weight"]}},
            {"not": {"required": ["steps", "hard"]}},
        ]
    if kind == "clock":
        every = sorted({key for keys in CLOCK_KEYS.values() for key in keys})
        for name, keys in CLOCK_KEYS.items():
            others: dict[str, Any] = {key: False for key in every if key not in keys}
            rules.append(
                {
                    "if": {"properties": {"kind": {"const": name}}, "required": ["kind"]},
                    "then": {"required": list(keys), "properties": others},
                }
            )
    return table | {"allOf": rules} if rules else table
