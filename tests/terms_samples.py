"""A small terms file, and terms built without one, for tests of whatever asks questions about terms.

Invariants: `SAMPLE` is valid, uses every table and most keys, and quotes `DOCUMENTS` truly; what
`make_terms` returns refers only to what it holds.

    >>> terms = make_terms(measures={"a": 1, "b": 3}, positions=[requires("p", "us", "a")])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from entente.terms.expression import Expression
from entente.terms.file.expression_text import parse_expression
from entente.terms.model import (
    Designation,
    Grade,
    Ground,
    Group,
    Measure,
    Modality,
    Party,
    Position,
    Programme,
    Rule,
    Terms,
)

SAMPLE: Final = """\
#:schema ./terms.schema.json
# A joint centre, in small.
entente-terms = 1
title = "A joint centre"
question = "Can the two air forces plan strikes together?"

[[document]]
id = "note"
title = "Note on the joint centre"
publisher = "A newspaper"
date = "2016-09-13"
url = "https://news.example/note"
file = "note.txt"

[[document]]
id = "annex"
title = "Annex, not published"
date = 2016-09-09

[[party]]
id = "us"
name = "United States"

[[party]]
id = "ru"
name = "Russia"

[[party]]
id = "un"
name = "United Nations"
takes-part = false

[[agency]]
id = "pentagon"
name = "Department of Defense"
party = "us"

[[group]]
id = "nusra"
name = "Jabhat al-Nusra"

[[theatre]]
id = "baltics"
name = "The Baltic States"

[[measure]]
id = "share-locations"
name = "Share the places of groups"
grades = [
  {id = "within-10-km", name = "within 10 km"},
  {id = "within-1-km", name = "within 1 km"},
  {id = "exact", name = "exact"},
]

[[measure]]
id = "joint-strikes"
name = "Plan strikes together"
against = "nusra"
by = ["us", "ru"]

[[measure]]
id = "safe-zone"
name = "A safe zone in the north"

[[measure]]
id = "methods-known"
name = "Russia learns how intelligence is used"
theatre = "baltics"

[[measure]]
id = "blind-check"
name = "A check in which nobody shows plans"
offered = false

[[rule]]
id = "strikes-need-locations"
says = "Strikes planned together need places to within a kilometre."
expression = "joint-strikes implies share-locations at least within-1-km"
assumption = "No strike can be planned on a place known to within ten kilometres."

[[link]]
id = "sharing-teaches"
says = "Sharing exact places shows how intelligence is used, in Europe too."
theatre = "baltics"
expression = "share-locations at least within-1-km implies methods-known"
source = {document = "note", place = "paragraph 2", words = "would reveal how the military uses intelligence"}

[[clause]]
id = "grounding"
says = "When the other air force stays on the ground."

[[position]]
id = "ru-joint-strikes"
says = "Russia wants strikes planned together."
by = "ru"
requires = "joint-strikes"
weight = 5
source = {document = "note", place = "paragraph 1", words = "Coordination of [...] the targets to attack"}

[[position]]
id = "pentagon-methods"
says = "The Pentagon will not have its methods known."
by = "pentagon"
forbids = "methods-known"
weight = 8
source = {document = "note", place = "paragraph 2", words = "the Pentagon strongly rejected the deal"}

[[position]]
id = "us-sharing"
says = "The United States shares no places."
by = "us"
forbids = "share-locations"
steps = [1, 2, 5]
source = [
  {document = "note", place = "paragraph 2", words = "the need to share information"},
  {document = "annex", place = "page 3", paraphrase = "nothing is shared before the truce holds"},
]

[[position]]
id = "law"
says = "The law forbids joint strikes, unless the United Nations take part."
by = "us"
forbids = "joint-strikes"
unless = "un"
hard = "law"
clause = "grounding"
assumption = "The budget law is read as forbidding them."

[[position]]
id = "zone-together"
says = "Both would like a safe zone where strikes are planned."
by = ["us", "ru"]
prefers = "safe-zone"
when = "joint-strikes"
weight = {us = 3, ru = 1}
assumption = "Said by neither in so many words."

[[position]]
id = "un-zone"
says = "The United Nations would go along with a zone."
by = "un"
permits = "safe-zone or (blind-check and not joint-strikes)"
assumption = "By its mandate."

[[designation]]
party = "us"
group = "nusra"
answer = "yes"
assumption = "On its public list."

[[designation]]
party = "ru"
group = "nusra"
answer = "not stated"
weight = 2
assumption = "No list was published."

[[zone]]
id = "north"
name = "The safe zone in the north"
measure = "safe-zone"

[[obligation]]
id = "no-flights"
zone = "north"
says = "Nobody flies over the zone."
guarantor = "ru"

[[obligation]]
id = "no-weapons"
zone = "north"
says = "Nobody brings weapons into the zone."

[[clock]]
id = "seven-days"
kind = "days-without"
says = "After seven quiet days strikes are planned together."
measure = "joint-strikes"
incident = "an attack by either side"
days = 7

[[clock]]
id = "at-once"
kind = "simultaneous"
says = "Sharing and the zone begin together."
steps = ["share-locations", "safe-zone"]
hours = 48

[[clock]]
id = "end"
kind = "expiry"
says = "It ends after three months."
days = 90

[[clock]]
id = "leave"
kind = "withdrawal"
says = "A party may leave with two days of notice."
hours = 48

[[programme]]
id = "joint"
name = "The joint centre"
expression = "joint-strikes and safe-zone"
"""
"""A valid terms file; its quotations stand in `DOCUMENTS`."""

DOCUMENTS: Final[Mapping[str, str]] = {
    "note.txt": (
        "The talks ended with a document on the coordination of intelligence and the targets to attack.\\n\\n"
        "But the Pentagon strongly rejected the deal: the need to share information would reveal how the\\n"
        "military uses “intelligence” elsewhere. It would reveal how the military uses intelligence."
    ).replace("\\n", "\n")
}
"""The texts that `SAMPLE` quotes, by file."""

ASSUMED: Final = Ground(assumption="for a test")


def make_expression(text: str, measures: Iterable[Measure] = (), parties: Iterable[Party] = ()) -> Expression:
    """Return an expression; names that are no graded measure of ``measures`` are taken to be plain ones."""
    names = {party.id: () for party in parties} | {
        measure.id: tuple(grade.id for grade in measure.grades) for measure in measures
    }
    plain = {word.strip("()") for word in text.split()} - set(names)
    return parse_expression(text, {**dict.fromkeys(plain, ()), **names})


def make_measure(id: str, grades: int = 1, **fields: Any) -> Measure:  # noqa: A002 - the model's own word
    """Return a measure; its grades, when more than one, are called ``g1``, ``g2``, ..."""
    steps = tuple(Grade(f"g{n}", f"grade {n}") for n in range(1, grades + 1)) if grades > 1 else ()
    return Measure(id, fields.pop("name", f"measure {id}"), steps, **fields)


def make_position(
    id: str,  # noqa: A002
    by: str | Sequence[str],
    modality: str,
    expression: str | Expression,
    *,
    measures: Iterable[Measure] = (),
    **fields: Any,
) -> Position:
    """Return a position that is assumed; weights are 1 for each holder unless given."""
    holders = (by,) if isinstance(by, str) else tuple(by)
    if isinstance(expression, str):
        expression = make_expression(expression, measures)
    if isinstance(fields.get("when"), str):
        fields["when"] = make_expression(fields["when"], measures)
    if "steps" in fields:
        fields.setdefault("weights", (sum(fields["steps"]),))
    plain: dict[str, Any] = {"weights": (1,) * len(holders), "ground": ASSUMED}
    return Position(id, f"position {id}", holders, Modality(modality), expression, **(plain | fields))


def make_rule(id: str, expression: str, measures: Iterable[Measure] = ()) -> Rule:  # noqa: A002
    """Return a rule that is assumed."""
    return Rule(id, f"rule {id}", make_expression(expression, measures), ASSUMED)


def make_designation(party: str, group: str, answer: Any, weight: int = 1) -> Designation:
    """Return a designation that is assumed."""
    return Designation(f"{party}/{group}", party, group, answer, weight, ASSUMED)


def make_terms(
    *,
    measures: Mapping[str, int] | Iterable[Measure] = (),
    parties: Iterable[str | Party] = ("us", "ru"),
    groups: Iterable[str] = (),
    rules: Mapping[str, str] | None = None,
    programmes: Mapping[str, str] | None = None,
    **fields: Any,
) -> Terms:
    """Return terms: measures by name and number of grades, rules and programmes by name and expression."""
    listed = (
        tuple(make_measure(name, grades) for name, grades in measures.items())
        if isinstance(measures, Mapping)
        else tuple(measures)
    )
    who = tuple(each if isinstance(each, Party) else Party(each, each.upper()) for each in parties)
    asked = (programmes or {}).items()
    return Terms(
        "Terms of a test",
        "Is it possible?",
        measures=listed,
        parties=who,
        groups=tuple(Group(name, name.upper()) for name in groups),
        rules=tuple(make_rule(name, text, listed) for name, text in (rules or {}).items()),
        programmes=tuple(
            Programme(name, f"programme {name}", make_expression(text, listed, who)) for name, text in asked
        ),
        **fields,
    )
