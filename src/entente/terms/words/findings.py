"""Findings: what stands in the terms themselves, in plain English: idle positions, ambiguities, gaps.

Invariant: an ambiguity is reported and not resolved; nobody's designation is "the" designation.

    >>> say_unguaranteed(terms, unguaranteed)
    ['Every obligation has a guarantor that takes part.']
"""

from __future__ import annotations

from collections.abc import Sequence

from entente.terms.answers import Inactive, Reading, Search, SharedCore, Unguaranteed
from entente.terms.model import Terms
from entente.terms.words.phrases import Phrasebook
from entente.terms.words.reasons import say_statement, say_stop
from entente.terms.words.text import clean_text, join_words


def say_inactive(terms: Terms, items: Sequence[Inactive], stopped_by: str = "") -> list[str]:
    """Positions that change nothing, and why; those found before the search was stopped."""
    book = Phrasebook(terms)
    reasons = {
        "condition": "its condition can never arise under the rules",
        "implied": "the rules alone satisfy it",
        "absent": "a holder does not take part",
        "silent": "it permits, which binds nobody",
    }
    if not items:
        return _say_stopped(stopped_by) or ["Every position changes something: none is inactive."]
    lines = ["These positions change nothing:"]
    for each in items:
        statement = book.describe(each.position)
        lines.append(f"  - {statement.line} Why: {reasons.get(each.reason, clean_text(each.reason))}.")
    return [*lines, *_say_stopped(stopped_by)]


def say_readings(terms: Terms, items: Sequence[Reading], stopped_by: str = "") -> list[str]:
    """Positions that read one clause differently. An ambiguity is reported, not resolved."""
    book = Phrasebook(terms)
    if not items:
        return _say_stopped(stopped_by) or ["No clause is read in two ways."]
    lines = []
    for each in items:
        lines.append(say_reading(book, each))
        for name in (each.first, each.second):
            lines += say_statement(book.describe(name), indent=1)
    return [*lines, *_say_stopped(stopped_by)]


def _say_stopped(reason: str) -> list[str]:
    stopped = Search(is_complete=False, stopped_by=reason)
    return [f"The search stopped early: {say_stop(stopped)}. There may be more."] if reason else []


def say_reading(book: Phrasebook, reading: Reading) -> str:
    """Return which clause is read in two ways, and how they differ."""
    relations = {
        "contradict": "These cannot both hold.",
        "narrower": "The first allows less than the second.",
        "wider": "The first allows more than the second.",
        "differ": "Each allows something that the other does not.",
    }
    clause = book.clauses.get(reading.clause)
    words = clean_text(reading.clause if clause is None else clause.says)
    how = relations.get(reading.relation, clean_text(reading.relation))
    return f"Clause “{words}” is read in two ways. {how}"


def say_unguaranteed(terms: Terms, items: Sequence[Unguaranteed]) -> list[str]:
    """Obligations for which nobody answers: to be settled before anybody signs."""
    book = Phrasebook(terms)
    if not items:
        return ["Every obligation has a guarantor that takes part."]
    lines = ["Nobody answers for these obligations; settle them before anybody signs:"]
    for each in items:
        obligation, zone = book.obligations.get(each.obligation), book.zones.get(each.zone)
        says = clean_text(each.obligation if obligation is None else obligation.says).rstrip(".")
        where = clean_text(each.zone if zone is None else zone.name)
        who = (
            f"{book.name_holder(each.guarantor)} would, but does not take part"
            if each.guarantor
            else "nobody"
        )
        lines.append(f"  - {where}: {says}. Guarantor: {who}.")
        if obligation is not None:
            lines += [f"    {quote}" for quote in book.quote(obligation.ground)]
    return lines


def say_shared(terms: Terms, answer: SharedCore) -> list[str]:
    """Whom all count as an enemy, and who says what of the others."""
    book = Phrasebook(terms)
    if answer.shared:
        lines = [f"All count as an enemy: {join_words(book.name_group(each) for each in answer.shared)}."]
    else:
        lines = ["There is no group that all count as an enemy."]
    for group, answers in sorted(answer.answers.items()):
        if group in answer.shared:
            continue
        said = [
            f"{word}: {join_words(who)}"
            for word in ("yes", "no", "not stated")
            if (who := [book.name_holder(party) for party, each in sorted(answers.items()) if each == word])
        ]
        lines.append(f"  {book.name_group(group)} - {'; '.join(said)}.")
    return lines
