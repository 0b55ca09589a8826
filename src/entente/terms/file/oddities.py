"""What is allowed in a terms file and yet probably not meant, for whoever checks it.

Invariants: an oddity never keeps terms from being used; each names what it is about, and where, if that is
known.

It does not reason about positions: which of them contradict each other, or never speak, is answered by
`entente.terms.words.findings`.

    >>> [oddity.code for oddity in list_oddities(terms)]
    ['no-guarantor', 'unused']
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from entente.terms.expression import list_atoms
from entente.terms.file.faults import Fault
from entente.terms.file.quotation import list_grounds
from entente.terms.model import NOWHERE, Modality, Terms


def list_oddities(terms: Terms) -> tuple[Fault, ...]:
    """Return every oddity, those with a place first, in the order of the file."""
    found = [
        *_list_unsettled(terms),
        *_list_without_effect(terms),
        *_list_unused(terms),
        *_list_silent(terms),
    ]
    return tuple(sorted(found, key=lambda one: (one.at == NOWHERE, one.at.line, one.at.column)))


def _list_unsettled(terms: Terms) -> Iterator[Fault]:
    for obligation in terms.obligations:
        if not obligation.guarantor:
            message = f"obligation {obligation.id!r}: nobody guarantees it; an agreement needs a guarantor"
            yield Fault("no-guarantor", message, obligation.at)


def _list_without_effect(terms: Terms) -> Iterator[Fault]:
    for position in terms.positions:
        if position.modality is Modality.PERMITS and position.weight != len(position.by):
            message = f"position {position.id!r}: its weight counts nowhere, since permits binds nobody"
            yield Fault("no-effect", message, position.at)
        if position.hard and position.modality in {Modality.PERMITS, Modality.PREFERS}:
            message = f"position {position.id!r}: hard counts only for requires and forbids"
            yield Fault("no-effect", message, position.at)
        if position.hard and position.weight != len(position.by):
            message = f"position {position.id!r}: its weight counts nowhere, since law is never conceded"
            yield Fault("no-effect", message, position.at)


def _list_unused(terms: Terms) -> Iterator[Fault]:
    cited = {source.document for _, ground in list_grounds(terms) for source in ground.sources}
    for document in terms.documents:
        if document.id not in cited:
            yield Fault("unused", f"document {document.id!r}: nothing rests on it")
    named = {
        atom.name
        for expression in (
            *(rule.expression for rule in terms.rules),
            *(link.expression for link in terms.links),
            *(position.expression for position in terms.positions),
            *(programme.expression for programme in terms.programmes),
        )
        for atom in list_atoms(expression)
    }
    named |= {atom.name for one in terms.positions if one.when for atom in list_atoms(one.when)}
    for measure in terms.measures:
        if measure.id not in named:
            yield Fault("unused", f"measure {measure.id!r}: no rule, link, position or programme names it")
    linked = {link.theatre for link in terms.links}
    for theatre in terms.theatres:
        if theatre.id not in linked:
            yield Fault("unused", f"theatre {theatre.id!r}: no link ties this theatre to it")
    readings = Counter(position.clause for position in terms.positions if position.clause)
    for clause in terms.clauses:
        if readings[clause.id] < 2:
            message = f"clause {clause.id!r}: expected readings by two positions or more to compare, got "
            yield Fault("unused", message + str(readings[clause.id]), clause.at)


def _list_silent(terms: Terms) -> Iterator[Fault]:
    speaking = {holder for position in terms.positions for holder in position.by}
    speaking |= {agency.party for agency in terms.agencies if agency.id in speaking}
    speaking |= {designation.party for designation in terms.designations}
    if not terms.parties:
        yield Fault("no-party", "terms file: it names no party")
    for party in terms.parties:
        if party.takes_part and party.id not in speaking:
            yield Fault("silent", f"party {party.id!r}: it states nothing; silence is not consent")
