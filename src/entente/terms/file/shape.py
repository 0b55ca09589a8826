"""Every table and key of a terms file, once: for the reader, the JSON Schema and the canonical layout.

Invariants:
  * A key that is not listed here is refused, wherever it stands.
  * The order is the canonical one: of tables in a new file, of keys within a table.

It holds form alone: what refers to what is checked by the reading_ modules.

    >>> list(TABLES["party"])
    ['id', 'name', 'takes-part']
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from entente.kernel.ids import SLUG_PATTERN

VERSION: Final = 1

MAX_NAME: Final = 200
MAX_LINE: Final = 400
"""Characters of a title, a place in a document, an address."""
MAX_TEXT: Final = 4_000
"""Characters of what a statement says, of quoted words, of a reason."""
MAX_WEIGHT: Final = 1_000_000
MAX_DAYS: Final = 36_525
MAX_HOURS: Final = 876_600
MAX_TABLES: Final = 5_000
MAX_ACTORS: Final = 100_000
"""Pairs of a measure against a group and a party that acts in it: each is a statement that may block."""
"""Tables of one kind: measures, positions, ..."""
MAX_GRADES: Final = 20
MAX_HOLDERS: Final = 50
MAX_SOURCES: Final = 20
MAX_STEPS: Final = 50
"""Measures of a clock of simultaneous steps."""

DATE_PATTERN: Final = r"^[0-9]{4}(?:-[0-9]{2}(?:-[0-9]{2})?)?$"
FILE_PATTERN: Final = r"^[A-Za-z0-9_][A-Za-z0-9 ._-]{0,119}$"
"""The name of a document's file: never a path."""

MODALITIES: Final = ("requires", "forbids", "permits", "prefers")
ANSWERS: Final = ("yes", "no", "not stated")
CLOCK_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "days-without": ("measure", "incident", "days"),
    "simultaneous": ("steps", "hours"),
    "expiry": ("days",),
    "withdrawal": ("hours",),
}
"""What each kind of clock needs; the other keys of clocks are refused for it."""

SLUG: Final[Mapping[str, Any]] = {"type": "string", "pattern": SLUG_PATTERN}
NAME: Final[Mapping[str, Any]] = {"type": "string", "minLength": 1, "maxLength": MAX_NAME}
LINE: Final[Mapping[str, Any]] = {"type": "string", "minLength": 1, "maxLength": MAX_LINE}
TEXT: Final[Mapping[str, Any]] = {"type": "string", "minLength": 1, "maxLength": MAX_TEXT}
FLAG: Final[Mapping[str, Any]] = {"type": "boolean"}
EXPRESSION: Final[Mapping[str, Any]] = {"$ref": "#/$defs/expression"}
GROUND: Final[Mapping[str, Any]] = {"$ref": "#/$defs/sources"}


def _list(of: Mapping[str, Any], low: int, high: int) -> Mapping[str, Any]:
    return {"type": "array", "items": of, "minItems": low, "maxItems": high}


def _count(low: int, high: int) -> Mapping[str, Any]:
    return {"type": "integer", "minimum": low, "maximum": high}


def _one_or_list(of: Mapping[str, Any], high: int) -> Mapping[str, Any]:
    return {"anyOf": [of, _list(of, 1, high)]}


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a table: its form as JSON Schema, what it is for, and whether it must stand."""

    form: Mapping[str, Any]
    about: str
    is_required: bool = False


_SOURCE: Final = Key(GROUND, "What this rests on: one source, or a list of them.")
_ASSUMPTION: Final = Key(
    TEXT, "Why this is assumed, when no source says it (or the sources do not say all of it)."
)
_GROUND: Final = {"source": _SOURCE, "assumption": _ASSUMPTION}
_WEIGHT: Final = _count(1, MAX_WEIGHT)


def _id(what: str) -> Key:
    return Key(SLUG, f"The {what}'s name in expressions and answers.", is_required=True)


def _name(what: str) -> Key:
    return Key(NAME, f"What people call the {what}.", is_required=True)


def _says(what: str) -> Key:
    return Key(TEXT, f"The {what} in a sentence.", is_required=True)


TABLES: Final[Mapping[str, Mapping[str, Key]]] = {
    "document": {
        "id": _id("document"),
        "title": Key(LINE, "Its title.", is_required=True),
        "publisher": Key(LINE, "Who published it."),
        "date": Key(
            {"type": "string", "pattern": DATE_PATTERN}, "When: year, year and month, or day (2016-09-13)."
        ),
        "url": Key(LINE, "Its address."),
        "file": Key(
            {"type": "string", "pattern": FILE_PATTERN},
            "Its text's name in the folder of documents; quoted words are looked up there.",
        ),
    },
    "party": {
        "id": _id("party"),
        "name": _name("party"),
        "takes-part": Key(FLAG, "false for a party that could be admitted and is not yet."),
    },
    "agency": {
        "id": _id("agency"),
        "name": _name("agency"),
        "party": Key(SLUG, "The party that it is a part of.", is_required=True),
    },
    "group": {"id": _id("group"), "name": _name("group")},
    "theatre": {"id": _id("theatre"), "name": _name("theatre")},
    "measure": {
        "id": _id("measure"),
        "name": _name("measure"),
        "grades": Key(
            _list({"anyOf": [SLUG, {"$ref": "#/$defs/grade"}]}, 2, MAX_GRADES),
            "Its grades, from the least to the furthest.",
        ),
        "theatre": Key(SLUG, "The theatre that it belongs to, when not the one in question."),
        "against": Key(SLUG, "The group it is directed against; each acting party must then designate it."),
        "by": Key(
            _one_or_list(SLUG, MAX_HOLDERS), "The parties that act; every party that takes part if absent."
        ),
        "offered": Key(FLAG, "false for a measure that is not on the table yet."),
    },
    "rule": {
        "id": _id("rule"),
        "says": _says("rule"),
        "expression": Key(EXPRESSION, "What always holds.", is_required=True),
        **_GROUND,
    },
    "link": {
        "id": _id("link"),
        "says": _says("link"),
        "theatre": Key(SLUG, "The other theatre.", is_required=True),
        "expression": Key(EXPRESSION, "What always holds between the two theatres.", is_required=True),
        **_GROUND,
    },
    "clause": {"id": _id("clause"), "says": _says("clause"), **_GROUND},
    "position": {
        "id": _id("position"),
        "says": _says("position"),
        "by": Key(
            _one_or_list(SLUG, MAX_HOLDERS),
            "The party or agency that holds it, or several.",
            is_required=True,
        ),
        "requires": Key(EXPRESSION, "What must hold for the holder."),
        "forbids": Key(EXPRESSION, "What must not hold."),
        "permits": Key(EXPRESSION, "What the holder would go along with; binds nobody."),
        "prefers": Key(EXPRESSION, "What the holder would like; never blocks."),
        "when": Key(EXPRESSION, "The position speaks only where this holds."),
        "unless": Key(EXPRESSION, "The position speaks only where this does not hold."),
        "weight": Key(
            {
                "anyOf": [
                    _WEIGHT,
                    {
                        "type": "object",
                        "propertyNames": SLUG,
                        "additionalProperties": _WEIGHT,
                        "minProperties": 1,
                    },
                ]
            },
            "What giving it up costs its holder (each holder, if several); or a table, holder by holder.",
        ),
        "steps": Key(
            _list(_WEIGHT, 1, MAX_GRADES),
            "What softening it costs, grade by grade; the last step gives it up.",
        ),
        "hard": Key({"const": "law"}, "What no bargaining can change: never offered as a concession."),
        "clause": Key(SLUG, "The clause of which this is one reading."),
        **_GROUND,
    },
    "designation": {
        "party": Key(SLUG, "Whose statement it is.", is_required=True),
        "group": Key(SLUG, "The group that it speaks of.", is_required=True),
        "answer": Key({"enum": list(ANSWERS)}, "Whether the party counts it as an enemy.", is_required=True),
        "weight": Key(_WEIGHT, "What stating yes would cost the party."),
        **_GROUND,
    },
    "zone": {
        "id": _id("zone"),
        "name": _name("zone"),
        "measure": Key(SLUG, "The measure that sets it up."),
        **_GROUND,
    },
    "obligation": {
        "id": _id("obligation"),
        "zone": Key(SLUG, "The zone that it holds in.", is_required=True),
        "says": _says("obligation"),
        "guarantor": Key(SLUG, "The party that answers for it; to be settled before signing."),
        **_GROUND,
    },
    "clock": {
        "id": _id("clock"),
        "kind": Key({"enum": list(CLOCK_KEYS)}, "What kind of clock.", is_required=True),
        "says": _says("condition"),
        "measure": Key(SLUG, "days-without: the measure that becomes due."),
        "incident": Key(LINE, "days-without: what must not happen."),
        "steps": Key(_list(SLUG, 1, MAX_STEPS), "simultaneous: the measures that all do together."),
        "days": Key(_count(1, MAX_DAYS), "days-without: how many in a row; expiry: after how many."),
        "hours": Key(_count(1, MAX_HOURS), "simultaneous: within how many; withdrawal: of notice."),
        **_GROUND,
    },
    "programme": {
        "id": _id("programme"),
        "name": _name("programme"),
        "expression": Key(EXPRESSION, "The measures to do together.", is_required=True),
    },
}
"""Arrays of tables, by kind."""

TOP: Final[Mapping[str, Key]] = {
    "entente-terms": Key({"const": VERSION}, "The version of this format.", is_required=True),
    "title": Key(LINE, "What these terms are about.", is_required=True),
    "question": Key(LINE, "The question that they are to answer.", is_required=True),
}

SOURCE: Final[Mapping[str, Key]] = {
    "document": Key(SLUG, "The document.", is_required=True),
    "place": Key(LINE, "Where in it: a page, paragraph, article.", is_required=True),
    "words": Key(TEXT, "The words themselves; [...] stands for what is left out."),
    "paraphrase": Key(TEXT, "What it comes to, where the words cannot be quoted."),
}

GRADE: Final[Mapping[str, Key]] = {"id": _id("grade"), "name": _name("grade")}

GROUNDED: Final = frozenset({"rule", "link", "position", "designation"})
"""Tables that must rest on a source or an assumption."""

PLURALS: Final[Mapping[str, str]] = {
    "party": "parties",
    "agency": "agencies",
} | {name: f"{name}s" for name in TABLES if name not in {"party", "agency"}}


def get_keys(kind: str) -> Mapping[str, Key]:
    """Return the keys of a table: one of `TABLES`, or ``file``, ``source`` or ``grade``."""
    match kind:
        case "file":
            return TOP
        case "source":
            return SOURCE
        case "grade":
            return GRADE
    return TABLES[kind]
