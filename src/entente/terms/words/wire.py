"""Answers as JSON: what a script, a page or another tool reads.

Invariants:
  * Keys are stable and documented, clause by clause, in docs/formats/terms-answers.md; none is left out.
  * Answers name things by id; ``names`` and ``statements`` hold, once each, what a person needs to know of
    them: names, holders, words and sources.
  * Texts are as `clean_text` leaves them.

It encodes only: nobody sends an answer back to us.

    >>> answer_to_json(terms, obstacles)["question"]
    'why-not'
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, TypeAlias

from entente.terms.answers import (
    Addition,
    Additions,
    BestProgramme,
    Concession,
    Feasibility,
    Inactive,
    Obstacle,
    Obstacles,
    Package,
    Packages,
    Permitted,
    Reading,
    Search,
    SharedCore,
    Unguaranteed,
)
from entente.terms.expression import list_atoms
from entente.terms.model import Terms
from entente.terms.words.phrases import Phrasebook, Quote, Statement
from entente.terms.words.sentences import Answer
from entente.terms.words.text import clean_text

JSON: TypeAlias = dict[str, Any]


def answer_to_json(terms: Terms, answer: Answer) -> JSON:
    """Return any answer but the lists."""
    collected = _Collected(terms)
    return collected.close(_answer(collected, answer))


def _answer(collected: _Collected, answer: Answer) -> JSON:
    match answer:
        case Feasibility():
            return {"question": "possible", **collected.feasibility(answer)}
        case Obstacles():
            return {"question": "why-not", **collected.obstacles(answer)}
        case Packages():
            return {"question": "price", **collected.packages(answer)}
        case BestProgramme():
            return {"question": "now", **collected.best(answer)}
        case Permitted():
            return {"question": "permits", **collected.permitted(answer)}
        case Additions():
            return {"question": "additions", **collected.additions(answer)}
        case SharedCore():
            return {"question": "shared", **collected.shared(answer)}


def inactive_to_json(terms: Terms, items: Sequence[Inactive], stopped_by: str = "") -> JSON:
    """Return the positions that change nothing; those found before the search was stopped."""
    collected = _Collected(terms)
    listed = [{"position": collected.statement(each.position), "reason": each.reason} for each in items]
    return collected.close({"question": "inactive", "inactive": listed, "stopped_by": stopped_by})


def readings_to_json(terms: Terms, items: Sequence[Reading], stopped_by: str = "") -> JSON:
    """Return the clauses that positions read differently; those found before the search was stopped."""
    collected = _Collected(terms)
    listed = [
        {
            "clause": each.clause,
            "says": clean_text(clause.says if (clause := collected.book.clauses.get(each.clause)) else ""),
            "first": collected.statement(each.first),
            "second": collected.statement(each.second),
            "relation": each.relation,
        }
        for each in items
    ]
    return collected.close({"question": "readings", "readings": listed, "stopped_by": stopped_by})


def unguaranteed_to_json(terms: Terms, items: Sequence[Unguaranteed]) -> JSON:
    """Return the obligations for which nobody answers."""
    collected = _Collected(terms)
    listed = []
    for each in items:
        obligation = collected.book.obligations.get(each.obligation)
        quotes = () if obligation is None else collected.book.quote(obligation.ground)
        listed.append(
            {
                "obligation": each.obligation,
                "says": "" if obligation is None else clean_text(obligation.says),
                "zone": collected.name(each.zone),
                "guarantor": collected.name(each.guarantor) if each.guarantor else "",
                "sources": [_quote(quote) for quote in quotes],
            }
        )
    return collected.close({"question": "unguaranteed", "unguaranteed": listed})


class _Collected:
    """What an answer has named so far, so that it is explained once."""

    def __init__(self, terms: Terms) -> None:
        self.book = Phrasebook(terms)
        self._names: dict[str, str] = {}
        self._statements: dict[str, JSON] = {}

    def close(self, body: JSON) -> JSON:
        """Return the whole answer, with what it named."""
        return {
            "v": 1,
            "title": clean_text(self.book.terms.title),
            **body,
            "names": dict(sorted(self._names.items())),
            "statements": dict(sorted(self._statements.items())),
        }

    def name(self, name: str) -> str:
        """Note a measure, party, agency, group, zone or programme; return its id."""
        book = self.book
        for kind in (book.measures, book.parties, book.agencies, book.groups, book.zones, book.programmes):
            if name in kind:
                self._names[name] = clean_text(kind[name].name)
                break
        return name

    def statement(self, name: str) -> str:
        """Note a position, designation, rule or link; return its id."""
        if name not in self._statements:
            self._statements[name] = _statement(self.book, self.book.describe(name), name)
            for each in self._statements[name]["holders"]:
                self.name(each)
                self.name(self.book.get_party(each))
            position = self.book.positions.get(name)
            for atom in () if position is None else list_atoms(position.demand):
                self.name(atom.name)
        return name

    def grades(self, grades: Mapping[str, int]) -> JSON:
        found = {}
        for name, grade in sorted(grades.items()):
            self.name(name)
            measure = self.book.measures.get(name)
            is_graded = measure is not None and 0 < grade <= len(measure.grades)
            found[name] = {
                "grade": grade,
                "id": measure.grades[grade - 1].id if measure is not None and is_graded else "",
                "name": clean_text(measure.grades[grade - 1].name)
                if measure is not None and is_graded
                else "",
            }
        return found

    def obstacles(self, answer: Obstacles) -> JSON:
        return {
            "programme": self.name(answer.programme),
            "obstacles": [self.obstacle(each) for each in answer.obstacles],
            "search": _search(answer.search),
        }

    def obstacle(self, obstacle: Obstacle) -> JSON:
        return {
            "members": [self.statement(each) for each in obstacle.members],
            "via": [self.statement(each) for each in obstacle.via],
            "is_hard": obstacle.is_hard,
        }

    def concessions(self, concessions: Iterable[Concession]) -> list[JSON]:
        return [
            {
                "position": self.statement(each.position),
                "cost": each.cost,
                "to": each.to,
                "sentence": self.book.say_concession(each),
            }
            for each in concessions
        ]

    def package(self, package: Package) -> JSON:
        parties: dict[str, int] = {}
        for holder, cost in package.burden.items():
            party = self.name(self.book.get_party(self.name(holder)))
            parties[party] = parties.get(party, 0) + cost
        return {
            "cost": package.cost,
            "concessions": self.concessions(package.concessions),
            "burden": dict(sorted(package.burden.items())),
            "burden_of_parties": dict(sorted(parties.items())),
        }

    def feasibility(self, answer: Feasibility) -> JSON:
        return {
            "programme": self.name(answer.programme),
            "is_possible": answer.is_possible,
            "grades": self.grades(answer.grades),
            "search": _search(answer.search),
        }

    def packages(self, answer: Packages) -> JSON:
        return {
            "programme": self.name(answer.programme),
            "is_possible": answer.is_possible,
            "packages": [self.package(each) for each in answer.packages],
            "blocked_by": None if answer.blocked_by is None else self.obstacle(answer.blocked_by),
            "at_least": answer.at_least,
            "is_cheapest": bool(answer.packages) and answer.at_least >= answer.packages[0].cost,
            "search": _search(answer.search),
        }

    def best(self, answer: BestProgramme) -> JSON:
        return {
            "grades": self.grades(answer.grades),
            "met": [self.statement(each) for each in answer.met],
            "unmet": [self.statement(each) for each in answer.unmet],
            "silent": {
                self.name(measure): [self.name(party) for party in parties]
                for measure, parties in sorted(answer.silent.items())
            },
            "value": answer.value,
            "at_most": answer.at_most,
            "is_best": answer.value >= answer.at_most,
            "blocked_by": None if answer.blocked_by is None else self.obstacle(answer.blocked_by),
            "search": _search(answer.search),
        }

    def permitted(self, answer: Permitted) -> JSON:
        return {
            "concessions": self.concessions(answer.concessions),
            "before": self.grades(answer.before),
            "after": self.grades(answer.after),
            "newly": list(answer.newly),
            "search": _search(answer.search),
        }

    def additions(self, answer: Additions) -> JSON:
        return {
            "programme": self.name(answer.programme),
            "is_possible": answer.is_possible,
            "additions": [self.addition(each) for each in answer.additions],
            "search": _search(answer.search),
        }

    def addition(self, addition: Addition) -> JSON:
        return {
            "measures": [self.name(each) for each in addition.measures],
            "parties": [self.name(each) for each in addition.parties],
            "is_possible": addition.is_possible,
            "cost": addition.cost,
            "cost_before": addition.cost_before,
            "package": None if addition.package is None else self.package(addition.package),
        }

    def shared(self, answer: SharedCore) -> JSON:
        return {
            "shared": [self.name(each) for each in answer.shared],
            "answers": {
                self.name(group): {self.name(party): said for party, said in sorted(answers.items())}
                for group, answers in sorted(answer.answers.items())
            },
        }


def _search(search: Search) -> JSON:
    return {
        "is_complete": search.is_complete,
        "is_all": search.is_all,
        "stopped_by": search.stopped_by,
        "steps": search.steps,
    }


def _quote(quote: Quote) -> JSON:
    return {
        "document": quote.document_id,
        "cited_as": quote.document,
        "place": quote.place,
        "words": quote.text if quote.is_verbatim else "",
        "paraphrase": "" if quote.is_verbatim else quote.text,
        "url": quote.url,
    }


def _statement(book: Phrasebook, statement: Statement, name: str) -> JSON:
    position = book.positions.get(name)
    party, slash, group = name.partition("/")
    said = book.designations.get((party, group)) if slash else None
    holders = (
        list(position.by) if position is not None else [party] if statement.kind == "designation" else []
    )
    if position is not None:
        weight = position.weight
    else:
        weight = 0 if statement.kind != "designation" else 1 if said is None else said.weight
    return {
        "kind": statement.kind,
        "holders": holders,
        "modality": "" if position is None else position.modality.value,
        "sentence": statement.sentence,
        "says": statement.says,
        "weight": weight,
        "hard": "" if position is None else position.hard,
        "assumption": statement.assumption,
        "sources": [_quote(quote) for quote in statement.quotes],
    }
