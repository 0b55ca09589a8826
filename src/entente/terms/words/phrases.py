"""Phrases: the ids of a terms file turned into names, statements and quotations that a person can read.

What it is for: sentences, pictures, reports and JSON all say a position in the same words: whose it is,
what it rests on, and whether it is law or assumed.

Invariants:
  * Whatever comes out of here is one line without control or direction characters: see `clean_text`.
  * What was written by the author of the terms stays whole; only a picture may shorten it, and says so.
  * An id that the terms do not know is shown as it is: an answer is never silently dropped.

It does not judge and does not search: see `entente.terms.words.sentences` for the answers.

    >>> book = Phrasebook(terms)
    >>> book.describe("dod-locations").sentence
    'Department of Defense (United States) forbids “sharing the location of groups”'
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from entente.terms.answers import Concession
from entente.terms.expression import AllOf, AnyOf, Atom, Expression, Implies, Not
from entente.terms.model import Designation, Ground, Link, Measure, Modality, Position, Rule, Source, Terms
from entente.terms.words.text import clean_text, join_words


@dataclass(frozen=True, slots=True)
class Quote:
    """What a source says, in its words or in substance, and where that stands.

    Args:
        document: As short as it can be cited among this file's documents.
        document_id: As the terms file names it; the picture and the report list them in full.
    """

    text: str
    is_verbatim: bool
    document: str
    document_id: str
    place: str
    url: str

    @property
    def where(self) -> str:
        """The document and the place in it."""
        return ", ".join(part for part in (self.document, self.place) if part)

    def __str__(self) -> str:
        if not self.text:
            return self.where
        text = f"“{self.text}”" if self.is_verbatim else f"in substance: {self.text}"
        return f"{text} - {self.where}"


@dataclass(frozen=True, slots=True)
class Statement:
    """A position, designation, rule or link, ready to be read.

    Args:
        kind: ``position``, ``designation``, ``rule``, ``link``, or ``unknown``.
        holders: Who holds it, by name, agencies with their party; empty for rules and links.
        sentence: Who says what, under which condition; no full stop.
        claim: The same without who.
        says: The author's own words for it, when they add something.
        marks: What a reader must not miss: its weight, ``law: cannot be conceded``, ``assumed``.
        assumption: The reason why it is assumed.
    """

    id: str
    kind: str
    holders: tuple[str, ...]
    sentence: str
    claim: str
    says: str
    marks: tuple[str, ...]
    quotes: tuple[Quote, ...]
    assumption: str = ""
    is_law: bool = False

    @property
    def line(self) -> str:
        """The sentence and its marks."""
        marks = f" ({'; '.join(self.marks)})" if self.marks else ""
        return f"{self.sentence}{marks}."


class Phrasebook:
    """Every name of one terms file, in words."""

    def __init__(self, terms: Terms) -> None:
        self.terms = terms
        self.parties = {each.id: each for each in terms.parties}
        self.agencies = {each.id: each for each in terms.agencies}
        self.groups = {each.id: each for each in terms.groups}
        self.theatres = {each.id: each for each in terms.theatres}
        self.measures = {each.id: each for each in terms.measures}
        self.documents = {each.id: each for each in terms.documents}
        self._publishers = Counter(each.publisher for each in terms.documents)
        self.positions = {each.id: each for each in terms.positions}
        self.rules = {each.id: each for each in terms.rules}
        self.links = {each.id: each for each in terms.links}
        self.clauses = {each.id: each for each in terms.clauses}
        self.zones = {each.id: each for each in terms.zones}
        self.obligations = {each.id: each for each in terms.obligations}
        self.programmes = {each.id: each for each in terms.programmes}
        self.designations = {(each.party, each.group): each for each in terms.designations}

    # Names

    def name_holder(self, name: str) -> str:
        """Return ``Department of Defense (United States)``, or a party's name."""
        agency = self.agencies.get(name)
        if agency is not None:
            own, whole = clean_text(agency.name), self.name_holder(agency.party)
            return f"{own}, {whole}" if "(" in own else f"{own} ({whole})"
        party = self.parties.get(name)
        return clean_text(party.name) if party is not None else clean_text(name)

    def get_party(self, name: str) -> str:
        """Return the id of the party that a holder is or belongs to."""
        agency = self.agencies.get(name)
        return name if agency is None else agency.party

    def name_measure(self, name: str) -> str:
        """Return a measure's name in quotation marks, or a party's name without."""
        measure = self.measures.get(name)
        if measure is not None:
            return f"“{clean_text(measure.name)}”"
        return self.name_holder(name) if name in self.parties else f"“{clean_text(name)}”"

    def name_group(self, name: str) -> str:
        """Return a group's name."""
        group = self.groups.get(name)
        return f"“{clean_text(name if group is None else group.name)}”"

    def name_programme(self, name: str) -> str:
        """Return what was asked about: a programme's name, or all that is required."""
        if not name:
            return "all positions together"
        programme = self.programmes.get(name)
        return f"the programme “{clean_text(name if programme is None else programme.name)}”"

    def name_grade(self, measure: Measure, grade: int | str) -> str:
        """Return a grade's name, by its number from 1 or its id."""
        for number, each in enumerate(measure.grades, start=1):
            if grade in (number, each.id):
                return f"“{clean_text(each.name)}”"
        return f"“{clean_text(str(grade))}”"

    def say_grade(self, name: str, grade: int) -> str:
        """Return a measure as it stands in a programme: its name, and how far it goes."""
        measure = self.measures.get(name)
        if measure is None:
            return (
                f"{self.name_measure(name)} takes part" if name in self.parties else self.name_measure(name)
            )
        if not measure.grades:
            return self.name_measure(name)
        return f"{self.name_measure(name)}, as far as {self.name_grade(measure, grade)}"

    # Expressions

    def say_expression(self, expression: Expression) -> str:
        """Return an expression in words: names for ids, ``no`` and ``if`` for operators."""
        match expression:
            case Atom():
                return self._say_atom(expression)
            case Not(Atom(name=name)) if name in self.parties:
                return f"{self.name_holder(name)} does not take part"
            case Not(Atom() as atom):
                return f"no {self._say_atom(atom)}"
            case Not(part):
                return f"not ({self.say_expression(part)})"
            case AllOf(parts):
                return join_words([self._say_inner(part) for part in parts])
            case AnyOf(parts):
                return join_words([self._say_inner(part) for part in parts], "or")
            case Implies(premise, conclusion):
                return f"if {self._say_inner(premise)}, then {self._say_inner(conclusion)}"

    def _say_object(self, position: Position) -> str:
        """Return what a position requires, forbids, permits or prefers, as the object of that verb.

        "Forbids A and B" would be read as both, each alone; "permits no A" as a refusal.
        """
        expression, text = position.expression, self.say_expression(position.expression)
        is_party = isinstance(expression, Atom) and expression.name in self.parties
        match expression:
            case Not(Atom(name=name)) if name in self.parties:
                is_party = True
            case Not(Atom() as atom) if position.modality in {Modality.FORBIDS, Modality.PERMITS}:
                return f"doing without {self._say_atom(atom)}"
            case AllOf() if position.modality is Modality.FORBIDS:
                return f"the combination of {text}"
            case _:
                pass
        return f"that {text}" if is_party or isinstance(expression, Implies) else text

    def _say_inner(self, expression: Expression) -> str:
        text = self.say_expression(expression)
        is_plain = isinstance(expression, Atom) or (
            isinstance(expression, Not) and isinstance(expression.part, Atom)
        )
        return text if is_plain else f"({text})"

    def _say_atom(self, atom: Atom) -> str:
        if atom.name in self.parties:
            return f"{self.name_holder(atom.name)} takes part"
        measure, name = self.measures.get(atom.name), self.name_measure(atom.name)
        if measure is None or atom.grade == 1:
            return name
        end = "" if atom.grade == len(measure.grades) else " or further"
        return f"{name} at {self.name_grade(measure, atom.grade)}{end}"

    # Statements

    def describe(self, name: str) -> Statement:
        """Return the statement that a position, ``party/group``, rule or link makes."""
        if name in self.positions:
            return self._describe_position(self.positions[name])
        if name in self.rules:
            return self._describe_rule(self.rules[name], "rule", "")
        if name in self.links:
            link = self.links[name]
            theatre = self.theatres.get(link.theatre)
            return self._describe_rule(link, "link", clean_text(theatre.name if theatre else link.theatre))
        party, slash, group = name.partition("/")
        if slash:
            return self._describe_designation(name, party, group)
        return Statement(clean_text(name), "unknown", (), f"“{clean_text(name)}”", "", "", (), ())

    def _describe_position(self, position: Position) -> Statement:
        holders = tuple(self.name_holder(each) for each in position.by)
        together = " together" if len(holders) > 1 else ""
        verb = position.modality.value if len(holders) == 1 else position.modality.value.removesuffix("s")
        condition = "" if position.when is None else f", when {self.say_expression(position.when)}"
        claim = f"{verb}{together} {self._say_object(position)}{condition}"
        marks = []
        if position.hard:
            marks.append("law: cannot be conceded")
        elif position.modality is not Modality.PERMITS:
            marks.append(self._say_weights(position))
        if position.ground.assumption:
            marks.append("assumed")
        return Statement(
            id=clean_text(position.id),
            kind="position",
            holders=holders,
            sentence=f"{join_words(holders)} {claim}",
            claim=claim,
            says=clean_text(position.says),
            marks=tuple(marks),
            quotes=self.quote(position.ground),
            assumption=clean_text(position.ground.assumption),
            is_law=bool(position.hard),
        )

    def _say_weights(self, position: Position) -> str:
        if len(position.by) == 1 or len(position.weights) != len(position.by):
            return f"weight {position.weight}"
        each = zip(position.by, position.weights, strict=True)
        return (
            f"weight {position.weight}: {', '.join(f'{self.name_holder(who)} {cost}' for who, cost in each)}"
        )

    def _describe_designation(self, name: str, party: str, group: str) -> Statement:
        said: Designation | None = self.designations.get((party, group))
        holder, enemy = self.name_holder(party), self.name_group(group)
        claim = {
            "yes": f"counts {enemy} as an enemy",
            "no": f"does not count {enemy} as an enemy",
            "not stated": f"has not stated whether it counts {enemy} as an enemy",
        }["not stated" if said is None else said.answer]
        ground = Ground() if said is None else said.ground
        marks = [f"weight {1 if said is None else said.weight}"]
        if ground.assumption:
            marks.append("assumed")
        return Statement(
            id=clean_text(name),
            kind="designation",
            holders=(holder,),
            sentence=f"{holder} {claim}",
            claim=claim,
            says="",
            marks=tuple(marks),
            quotes=self.quote(ground),
            assumption=clean_text(ground.assumption),
        )

    def _describe_rule(self, rule: Rule | Link, kind: str, theatre: str) -> Statement:
        to = f" to {theatre}" if theatre else ""
        marks = [f"{kind}{to}"]
        if rule.ground.assumption:
            marks.append("assumed")
        return Statement(
            id=clean_text(rule.id),
            kind=kind,
            holders=(),
            sentence=clean_text(rule.says).rstrip(".") or self.say_expression(rule.expression),
            claim="",
            says="",
            marks=tuple(marks),
            quotes=self.quote(rule.ground),
            assumption=clean_text(rule.ground.assumption),
        )

    def quote(self, ground: Ground) -> tuple[Quote, ...]:
        """Return what a statement rests on."""
        return tuple(self._quote_source(source) for source in ground.sources)

    def _quote_source(self, source: Source) -> Quote:
        document = self.documents.get(source.document)
        return Quote(
            text=clean_text(source.words or source.paraphrase),
            is_verbatim=bool(source.words),
            document=self.cite_document(source.document),
            document_id=clean_text(source.document),
            place=clean_text(source.place),
            url="" if document is None else clean_text(document.url),
        )

    def cite_document(self, name: str) -> str:
        """Return a document's publisher where that tells it from the others, else its title."""
        document = self.documents.get(name)
        if document is None:
            return clean_text(name)
        is_only = document.publisher and self._publishers[document.publisher] == 1
        return clean_text(document.publisher if is_only else document.title)

    def list_document(self, name: str) -> str:
        """Return a document with all that is known of it."""
        document = self.documents.get(name)
        if document is None:
            return clean_text(name)
        parts = (document.title, document.publisher, document.date, document.url)
        return ", ".join(clean_text(part) for part in parts if part)

    # Concessions

    def say_concession(self, concession: Concession) -> str:
        """Return who would give up or soften what; no cost, no full stop."""
        position = self.positions.get(concession.position)
        if position is None:
            party, slash, group = concession.position.partition("/")
            if not slash:
                return f"{clean_text(concession.position)} is given up"
            return f"{self.name_holder(party)} states that it counts {self.name_group(group)} as an enemy"
        who, several = join_words(self.name_holder(each) for each in position.by), len(position.by) > 1
        verb: Callable[[str], str] = (lambda word: word) if several else (lambda word: f"{word}s")
        what = self._say_object(position)
        measure = self.get_graded(position)
        if concession.to and measure is not None:
            name, grade = self.name_measure(measure.id), self.name_grade(measure, concession.to)
            condition = "" if position.when is None else f",{self._say_when(position)}"
            if position.modality is Modality.FORBIDS:
                return f"{who} {verb('allow')} {name} as far as {grade}, and no further{condition}"
            return f"{who} {verb('insist')} on {name} only as far as {grade}{condition}"
        if position.modality is Modality.FORBIDS:
            return f"{who} no longer {verb('forbid')} {what}{self._say_when(position)}"
        return f"{who} no longer {verb('require')} {what}{self._say_when(position)}"

    def _say_when(self, position: Position) -> str:
        return "" if position.when is None else f" when {self.say_expression(position.when)}"

    def get_graded(self, position: Position) -> Measure | None:
        """Return the measure that a position is about, when it is about one."""
        expression = position.expression
        return self.measures.get(expression.name) if isinstance(expression, Atom) else None

    def say_burden(self, burden: Mapping[str, int]) -> list[str]:
        """Return what each party bears, largest first: ``United States 11 (of it Defense 8)``."""
        parties: dict[str, dict[str, int]] = {}
        for holder, cost in burden.items():
            parties.setdefault(self.get_party(holder), {})[holder] = cost
        lines = []
        for party, parts in sorted(parties.items(), key=lambda item: (-sum(item[1].values()), item[0])):
            own = [
                f"{clean_text(self.agencies[each].name)} {cost}"
                for each, cost in sorted(parts.items())
                if each in self.agencies
            ]
            inner = f" (of it {join_words(own)})" if own else ""
            lines.append(f"{self.name_holder(party)} {sum(parts.values())}{inner}")
        return lines
