"""A first terms file, to be filled in: every kind of table with a line on what it is for.

Invariants: it is a valid terms file in canonical layout for any parties whose names are valid.

    >>> write_template([("us", "United States"), ("ru", "Russia")])
    '#:schema ...'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_TOP: Final = """\
# Terms: what each party requires, permits and forbids, each with the words that it rests on.
# Check with: entente terms check FILE       The format: docs/formats/terms.md

entente-terms = 1
title = "A joint programme"
question = "Can the parties do this together?"

# Texts that sources point to. With a file, quoted words are looked up in it.
[[document]]
id = "statement"
title = "A statement"
publisher = "Who published it"
date = "2016-09-13"
# file = "statement.txt"
"""
_PARTY: Final = """
[[party]]
id = {id}
name = {name}
"""
_MIDDLE: Final = """
# A part of a party with a veto of its own.
# [[agency]]
# id = "defence"
# name = "Ministry of Defence"
# party = "{first}"

# What could be done together. Grades go from the least to the furthest.
[[measure]]
id = "share-locations"
name = "Share the places of activities"
grades = ["within-10-km", "within-1-km", "exact"]

[[measure]]
id = "joint-activity"
name = "Act together in one area"

# Not on the table yet: entente asks whether it would help.
[[measure]]
id = "blind-check"
name = "A check in which nobody shows plans"
offered = false

# How the world is, whoever wants what.
[[rule]]
id = "activity-needs-locations"
says = "Acting together needs places to within a kilometre, or a blind check."
expression = "joint-activity implies (share-locations at least within-1-km or blind-check)"
assumption = "Say here why this holds, or give a source as below."

# What a party or agency wants: requires, forbids, permits or prefers, and what giving it up costs it.
[[position]]
id = "{first}-wants-activity"
says = "Say the position in one sentence."
by = "{first}"
requires = "joint-activity"
weight = 3
source = {{ document = "statement", place = "paragraph 1", words = "the words [...] as they stand" }}

[[position]]
id = "{last}-guards-locations"
says = "Say the position in one sentence."
by = "{last}"
forbids = "share-locations at least within-1-km"
steps = [2, 5]  # what it costs to allow within-1-km, then exact
assumption = "Say here why it is assumed when nobody said it."

# What no bargaining can change has: hard = "law"
# A condition is: when = "..." or unless = "..."

# A set of measures to do together.
[[programme]]
id = "together"
name = "Act together"
expression = "joint-activity"
"""
_DEFAULT: Final = (("a", "Party A"), ("b", "Party B"))


def write_template(parties: Sequence[tuple[str, str]] = ()) -> str:
    """Return a template for these parties (identifier, name); for two unnamed ones if there are none.

    A name that is no valid one is put in as it is, so that reading the result tells it.
    """
    chosen = parties or _DEFAULT
    listed = "".join(_PARTY.format(id=_quote(name), name=_quote(shown)) for name, shown in chosen)
    first, last = (_quote(name)[1:-1] for name in (chosen[0][0], chosen[-1][0]))
    return _TOP + listed + _MIDDLE.format(first=first, last=last)


def _quote(text: str) -> str:
    """Return a TOML text, with whatever could end it early or not be seen written as an escape."""
    safe = (c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08X}" for c in text)
    return '"' + "".join(safe) + '"'
