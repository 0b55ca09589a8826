"""What a desk shows of its blind checks: runs, holdings, rules, budgets.

Invariants: computed from record and book each time; a partner's words stay on their line; nothing of a plan
but our own is here.

It changes nothing.

    >>> list_runs(desk, BlindRunsRequest()).work
    WorkAnswer(what='question 3 under skies', done=4096, all=20096)
"""

from __future__ import annotations

import sqlite3
from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from entente.blind.asking import get_usage, list_in_default
from entente.blind.holding import find_holding
from entente.blind.rules import RulesRow
from entente.desk.blind import requests as ask
from entente.desk.blind.carrier import BlindCarrier
from entente.desk.blind.judging import judge_run
from entente.desk.blind.locating import parse_conflicts
from entente.kernel.errors import NotFound
from entente.terms.words.text import clean_text

if TYPE_CHECKING:
    from entente.desk.assembly import Desk


def show_run(carrier: BlindCarrier, row: sqlite3.Row, *, has_conflicts: bool) -> ask.RunAnswer:
    """Return a run as it stands."""
    parts = carrier.parts
    judged = judge_run(parts, row)
    rules = parts.find_rules(row["rules"])
    conflicts = parse_conflicts(row["conflicts"]) if has_conflicts or judged.verdict == "CLEAR" else []
    if judged.verdict == "CLEAR" and conflicts:
        # SECURITY: whoever looks at a run again must not read CLEAR of what is not clear any more (tests/
        # protocol/test_desk_blind.py, test_what_the_other_side_adds_later_is_found_without_a_question).
        words = "it was CLEAR; the other side has added since what meets it"
        judged = replace(judged, verdict="CONFLICT", code="added-later", words=words)
    return ask.RunAnswer(
        run=row["id"],
        rules=row["rules"],
        epoch=row["epoch"],
        partner="" if rules is None else rules.rules.get_other(parts.party),
        kind=row["kind"],
        is_ours=bool(row["is_ours"]),
        officer=row["officer"],
        since=row["at"],
        state=judged.state,
        verdict=judged.verdict,
        own=judged.own,
        code=judged.code,
        words=judged.words,
        bucket=row["bucket"],
        at_least=row["at_least"],
        ask=row["leaf"],
        conflicts=conflicts,
    )


def show_holding(carrier: BlindCarrier, rules: RulesRow, epoch: int, party: str) -> ask.HoldingAnswer:
    """Return what a party has committed to, and how far our own next version is."""
    parts = carrier.parts
    holding = find_holding(parts.rows, rules.id, epoch, party)
    state, words = ("none", "") if holding is None else ("committed", "")
    tokens = cells = 0
    is_fetched = True
    if party == parts.party:
        newest = carrier.versions.find_newest(rules.id, epoch)
        if newest is not None:
            if newest["state"] == "unchanged" and holding is not None:
                words = newest["words"]
                newest = carrier.versions.find_row(holding.newest) or newest
            tokens = newest["tokens"]
            cells = 0 if newest["cells"] is None else len(carrier.versions.read_cells(newest))
            is_under_way = newest["state"] in {"wanted", "made"} or (
                newest["state"] == "recorded" and (holding is None or holding.amendments < newest["number"])
            )
            if is_under_way:
                state = "working"
            elif newest["state"] == "refused":
                state, words = "refused", clean_text(newest["words"])
    else:
        is_fetched, words = carrier.tags.find_state(rules.id, epoch, party)
    return ask.HoldingAnswer(
        rules=rules.id,
        epoch=epoch,
        party=party,
        state=state,
        number=0 if holding is None else holding.amendments,
        cells=cells,
        tokens=tokens,
        size=0 if holding is None else holding.size,
        is_fetched=is_fetched,
        words=clean_text(words),
    )


def list_runs(desk: Desk, request: ask.BlindRunsRequest) -> ask.BlindRunsAnswer:
    """Return runs, the newest first; what is computed now; and what both sides hold in the present epoch."""
    rows = desk.book.read(
        "SELECT * FROM blind_runs WHERE rules = ? OR ? = '' ORDER BY id DESC LIMIT ?",
        (request.rules, request.rules, request.limit),
    )
    holdings = []
    for rules in _list_rules(desk, request.rules):
        now = rules.rules.find_epoch(desk.clock.now_utc())
        if rules.state == "agreed" and now is not None:
            holdings += [show_holding(desk.blind, rules, now, party) for party in rules.rules.parties]
    runs = [show_run(desk.blind, row, has_conflicts=False) for row in rows]
    return ask.BlindRunsAnswer(runs, desk.blind.parts.work, holdings)


def _list_rules(desk: Desk, name: str) -> list[RulesRow]:
    rows = [
        row for row in desk.rows.select(RulesRow) if desk.party in row.rules.parties and name in {"", row.id}
    ]
    if name and not rows:
        raise NotFound("no-rules", f"rules {name!r}: expected rules between us and another party, found none")
    return rows


def list_rules(desk: Desk, request: ask.BlindRulesRequest) -> list[ask.RulesAnswer]:
    """Return rules as they stand."""
    found = []
    for row in _list_rules(desk, request.rules):
        now = row.rules.find_epoch(desk.clock.now_utc())
        found.append(
            ask.RulesAnswer(
                id=row.id,
                partner=row.rules.get_other(desk.party),
                state=row.state,
                proposed_by=row.author,
                sha256=row.sha256,
                epoch=-1 if now is None else now,
                reason=clean_text(row.reason),
                in_default=list_in_default(desk.rows, row.id),
                rules=msgspec.to_builtins(row.rules),
            )
        )
    return found


def get_budget(desk: Desk, request: ask.BlindBudgetRequest) -> ask.BudgetAnswer:
    """Return what was used of what is allowed, in the present epoch of each rules, in both directions."""
    usages = []
    for row in _list_rules(desk, request.rules):
        now = row.rules.find_epoch(desk.clock.now_utc())
        if row.state != "agreed" or now is None:
            continue
        for party in row.rules.parties:
            used = get_usage(desk.rows, row.id, now, party)
            charged = desk.blind.ledger.get_usage(row.id, now, party)
            usages.append(
                ask.UsageAnswer(
                    rules=row.id,
                    epoch=now,
                    asker=party,
                    whole_cells=used.whole_cells,
                    whole_runs=used.whole_runs,
                    delta_cells=used.delta_cells,
                    delta_runs=used.delta_runs,
                    matches=used.matches,
                    allowed=row.rules.allowance,
                    charged_cells=charged.whole_cells + charged.delta_cells,
                )
            )
    theatre = desk.blind.ledger.count_theatre()
    return ask.BudgetAnswer(usages, theatre, desk.vault.config.blind_theatre_cells)
