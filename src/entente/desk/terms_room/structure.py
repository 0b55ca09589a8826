"""What stands in a terms file, for a page to draw: names by id, statements with their sources and place.

Invariants: texts are as `clean_text` leaves them, but for the file's own text, which is given as it is; each
statement that rests on a source has it, with the line of the file where it stands; expressions are also given
as lists of what they speak of, so that a picture needs no parser of its own.

    >>> describe_terms(terms)["positions"][0]["sentence"]
    'Kremlin (Russia) prefers “Real coordination of actions in Syria”'
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from entente.terms.expression import AllOf, AnyOf, Atom, Expression, Implies, Not
from entente.terms.model import Ground, Link, Place, Position, Rule, Source, Terms
from entente.terms.search.whatif import list_softenings
from entente.terms.words.phrases import Phrasebook, Quote, Statement
from entente.terms.words.text import clean_text

Plain = dict[str, Any]


def describe_terms(terms: Terms) -> Plain:
    """Return all of it."""
    book = Phrasebook(terms)
    return {
        "title": clean_text(terms.title),
        "question": clean_text(terms.question),
        "documents": [
            {"id": each.id, "title": clean_text(each.title), "publisher": clean_text(each.publisher)}
            | {
                "date": clean_text(each.date),
                "url": clean_text(each.url),
                "cited_as": book.cite_document(each.id),
            }
            for each in terms.documents
        ],
        "parties": [
            {"id": each.id, "name": clean_text(each.name), "takes_part": each.takes_part}
            for each in terms.parties
        ],
        "agencies": [
            {"id": each.id, "name": clean_text(each.name), "party": each.party} for each in terms.agencies
        ],
        "groups": [{"id": each.id, "name": clean_text(each.name)} for each in terms.groups],
        "theatres": [{"id": each.id, "name": clean_text(each.name)} for each in terms.theatres],
        "measures": [
            {"id": each.id, "name": clean_text(each.name), "theatre": each.theatre, "against": each.against}
            | {"by": list(each.by), "is_offered": each.is_offered}
            | {"grades": [{"id": one.id, "name": clean_text(one.name)} for one in each.grades]}
            for each in terms.measures
        ],
        "rules": [_describe_rule(book, each, "rule") for each in terms.rules],
        "links": [_describe_rule(book, each, "link") for each in terms.links],
        "positions": [_describe_position(book, each) for each in terms.positions],
        "designations": [
            {"party": each.party, "group": each.group, "answer": each.answer, "weight": each.weight}
            | _describe(book.describe(f"{each.party}/{each.group}"), each.ground, each.at)
            for each in terms.designations
        ],
        "clauses": [
            {"id": each.id, "says": clean_text(each.says)} | _sources(book, each.ground, each.at)
            for each in terms.clauses
        ],
        "zones": [
            {"id": each.id, "name": clean_text(each.name), "measure": each.measure}
            | _sources(book, each.ground, each.at)
            for each in terms.zones
        ],
        "obligations": [
            {"id": each.id, "zone": each.zone, "says": clean_text(each.says), "guarantor": each.guarantor}
            | _sources(book, each.ground, each.at)
            for each in terms.obligations
        ],
        "clocks": [
            {"id": each.id, "kind": each.kind, "says": clean_text(each.says), "days": each.days}
            | {"hours": each.hours, "measure": each.measure, "steps": list(each.steps)}
            for each in terms.clocks
        ],
        "programmes": [
            {"id": each.id, "name": clean_text(each.name), "says": book.say_expression(each.expression)}
            | {"about": list_about(each.expression), "line": each.at.line}
            for each in terms.programmes
        ],
    }


def _describe_position(book: Phrasebook, position: Position) -> Plain:
    measure = book.get_graded(position)
    softer = [
        {"id": grade, "name": book.name_grade(measure, grade) if measure is not None else grade}
        for grade in list_softenings(book.terms, position)
    ]
    return {
        "by": list(position.by),
        "modality": position.modality.value,
        "weight": position.weight,
        "hard": position.hard,
        "clause": position.clause,
        "softer": softer,
        "about": list_about(position.expression),
        "when": [] if position.when is None else list_about(position.when),
    } | _describe(book.describe(position.id), position.ground, position.at)


def _describe_rule(book: Phrasebook, rule: Rule | Link, kind: str) -> Plain:
    premise, conclusion = _split(rule.expression)
    return {
        "kind": kind,
        "theatre": rule.theatre if isinstance(rule, Link) else "",
        "expression": book.say_expression(rule.expression),
        "premise": premise,
        "conclusion": conclusion,
    } | _describe(book.describe(rule.id), rule.ground, rule.at)


def _split(expression: Expression) -> tuple[list[Plain], list[Plain]]:
    """Return what a rule speaks of: under which condition, and of what then."""
    if isinstance(expression, Implies):
        return list_about(expression.premise), list_about(expression.conclusion)
    return [], list_about(expression)


def list_about(expression: Expression) -> list[Plain]:
    """Return each measure or party that an expression speaks of, and whether of its absence."""
    found: dict[tuple[str, bool], Plain] = {}
    for atom, is_not in _walk(expression, is_not=False):
        found.setdefault((atom.name, is_not), {"name": atom.name, "grade": atom.grade, "is_not": is_not})
    return list(found.values())


def _walk(expression: Expression, *, is_not: bool) -> Iterator[tuple[Atom, bool]]:
    match expression:
        case Atom():
            yield expression, is_not
        case Not(part):
            yield from _walk(part, is_not=not is_not)
        case AllOf(parts) | AnyOf(parts):
            for each in parts:
                yield from _walk(each, is_not=is_not)
        case Implies(premise, conclusion):
            yield from _walk(premise, is_not=not is_not)
            yield from _walk(conclusion, is_not=is_not)


def _describe(statement: Statement, ground: Ground, at: Place) -> Plain:
    return {
        "id": statement.id,
        "holders": list(statement.holders),
        "sentence": statement.sentence,
        "claim": statement.claim,
        "says": statement.says,
        "marks": list(statement.marks),
        "is_law": statement.is_law,
        "assumption": statement.assumption,
        "sources": [_quote(quote, source.at.line) for quote, source in _pair(statement.quotes, ground)],
        "line": at.line,
    }


def _pair(quotes: Iterable[Quote], ground: Ground) -> Iterator[tuple[Quote, Source]]:
    return zip(quotes, ground.sources, strict=True)


def _sources(book: Phrasebook, ground: Ground, at: Place) -> Plain:
    return {
        "sources": [_quote(quote, source.at.line) for quote, source in _pair(book.quote(ground), ground)],
        "assumption": clean_text(ground.assumption),
        "line": at.line,
    }


def _quote(quote: Quote, line: int) -> Plain:
    return {
        "document": quote.document_id,
        "cited_as": quote.document,
        "place": quote.place,
        "words": quote.text if quote.is_verbatim else "",
        "paraphrase": "" if quote.is_verbatim else quote.text,
        "url": quote.url,
        "line": line,
    }
