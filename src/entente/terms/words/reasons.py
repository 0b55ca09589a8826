"""Reasons: why an obstacle's positions cannot hold together, and how far a search got.

Invariants:
  * Every position is said with its holder and marks, its sources and, when it is assumed, the reason.
  * Whatever else the collision needs is said too: rules, links, the programme that was asked about, measures
    that are not on the table, parties that do not take part.

Shared by the sentences, the picture's text twin and the report.

    >>> list_reasons(book, obstacle, "joint-centre")
    ['Joint strikes need the locations of groups (rule strikes-need-locations).']
"""

from __future__ import annotations

from entente.terms.answers import Obstacle, Search
from entente.terms.expression import Expression, list_atoms
from entente.terms.words.phrases import Phrasebook, Statement
from entente.terms.words.text import clean_text, join_words

_STOPPED = {
    "time": "the time for it was used up",
    "interrupt": "it was interrupted",
    "limit": "its limit was reached",
}


_HEADS = {0: "No position is needed for this: it cannot be", 1: "It stands against this alone"}


def say_limits(obstacle: Obstacle) -> str:
    """Return what leaves no concession to be made: law, or what no position is needed for."""
    return "hard limits alone stand" if obstacle.members else "rules and what is not on the table stand"


def say_stop(search: Search) -> str:
    """Return why a search ended before its end."""
    return _STOPPED.get(search.stopped_by, clean_text(search.stopped_by) or "it was not carried to its end")


def say_search(search: Search, *, all_found: str, first_found: str, more: str) -> str:
    """Return how far a search got, in one sentence.

    Args:
        all_found: Said when nothing else exists.
        first_found: Said when what was asked for is proven, and more may exist.
        more: What may exist that was not found.
    """
    if search.is_all:
        return all_found
    if search.is_complete:
        return first_found
    steps = f" after {search.steps:,} steps" if search.steps else ""
    return f"The search stopped early{steps}: {say_stop(search)}. There may be more {more}."


def say_obstacle(book: Phrasebook, obstacle: Obstacle, programme: str) -> list[str]:
    """Return one obstacle's positions, then why they cannot hold together."""
    lines = []
    for name in obstacle.members:
        lines += say_statement(book.describe(name), indent=1)
    reasons = list_reasons(book, obstacle, programme)
    head = _HEADS.get(len(obstacle.members), "These cannot hold together")
    if len(reasons) == 1:
        return [*lines, f"  {head}, because: {reasons[0]}"]
    if reasons:
        return [*lines, f"  {head}, because:", *(f"    {reason}" for reason in reasons)]
    return [*lines, f"  {head}. {say_contradiction(book, obstacle, programme)}"]


def say_contradiction(book: Phrasebook, obstacle: Obstacle, programme: str) -> str:
    """Return what members that collide without a rule contradict: each other, or the programme as well."""
    is_near = bool(list_reasons(book, obstacle, programme))
    if len(obstacle.members) < 2:
        return "The programme contradicts it." if is_near else "It contradicts itself."
    named: dict[str, int] = {}
    for name in obstacle.members:
        position = book.positions.get(name)
        for atom in {each.name for each in list_atoms(position.expression)} if position is not None else ():
            named[atom] = named.get(atom, 0) + 1
    shared = sorted(name for name, count in named.items() if count > 1)
    over = f" over {join_words(book.name_measure(name) for name in shared)}" if shared else ""
    return f"{'In the programme they' if is_near else 'They'} contradict each other{over}."


def list_reasons(
    book: Phrasebook, obstacle: Obstacle, programme: str, *, with_sources: bool = True
) -> list[str]:
    """Return what makes an obstacle's members collide: rules, links, the programme, what is absent.

    Args:
        with_sources: Also what rules rest on, and what the programme has to do with it: for a reader who does
            not have these beside it.
    """
    reasons = []
    for name in obstacle.via:
        statement = book.describe(name)
        if not with_sources:
            reasons.append(statement.line)
            continue
        quotes = "".join(f" {quote}." for quote in statement.quotes)
        why = f" Assumed: {statement.assumption.rstrip('.')}." if statement.assumption else ""
        reasons.append(f"{statement.line}{quotes}{why}")
    refused = {name.partition("/")[2] for name in obstacle.members if name not in book.positions}
    expressions: list[Expression] = []
    for name in (*obstacle.members, *obstacle.via):
        if name in book.positions:
            expressions.append(book.positions[name].demand)
        elif name in book.rules:
            expressions.append(book.rules[name].expression)
        elif name in book.links:
            expressions.append(book.links[name].expression)
    asked = book.programmes.get(programme)
    if asked is not None:
        near = {atom.name for expression in expressions for atom in list_atoms(expression)}
        near |= {each.id for each in book.terms.measures if each.against in refused}
        shared = dict.fromkeys(atom.name for atom in list_atoms(asked.expression) if atom.name in near)
        if shared and with_sources:
            spoken = join_words(book.name_measure(name) for name in shared)
            reasons.append(f"The programme speaks of {spoken}.")
        expressions.append(asked.expression)
    atoms = dict.fromkeys(atom.name for expression in expressions for atom in list_atoms(expression))
    for name in atoms:
        measure, party = book.measures.get(name), book.parties.get(name)
        if measure is not None and measure.against in refused:
            against = book.name_group(measure.against)
            duty = "whoever acts must count it as an enemy"
            reasons.append(f"{book.name_measure(name)} is against {against}: {duty}.")
        if measure is not None and not measure.is_offered:
            reasons.append(f"{book.name_measure(name)} is not on the table.")
        if party is not None and not party.takes_part:
            reasons.append(f"{book.name_holder(name)} does not take part.")
    return [reason[0].upper() + reason[1:] for reason in reasons]


def say_statement(statement: Statement, *, indent: int) -> list[str]:
    """Return a position, designation, rule or link with all that it rests on."""
    space, inner = "  " * indent, "  " * (indent + 1)
    lines = [f"{space}- {statement.line}"]
    if statement.says:
        lines.append(f"{inner}That is: {statement.says}")
    lines += [f"{inner}{quote}" for quote in statement.quotes]
    if statement.assumption:
        lines.append(f"{inner}Assumed: {statement.assumption}")
    return lines
