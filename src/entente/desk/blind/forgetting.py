"""Forgetting: when an epoch can be audited no more, the desk lets go of what only an audit needs.

Invariants: nothing goes before the agreed days after the epoch's end are over, by our own clock; that
something was asked, charged and found stays; seeds, cells, requests and the other side's tags go.

It cannot make the epoch's key unknown: that follows from the secret in ``keys/blind.json`` for ever.

    >>> forget_past(parts)
    True
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from entente.blind.holding import name_holding
from entente.blind.rules import BlindRules, RulesRow
from entente.desk.blind.parts import BlindParts
from entente.kernel.time import parse_utc

_STATEMENTS: Final = (
    "DELETE FROM blind_salts WHERE rules = ? AND epoch BETWEEN ? AND ?",
    """
    UPDATE blind_versions SET items = NULL, cells = NULL, pad_seed = NULL
    WHERE rules = ? AND epoch BETWEEN ? AND ?
    """,
    """
    UPDATE blind_charges SET request = NULL, refusal = NULL, drawn = x''
    WHERE rules = ? AND epoch BETWEEN ? AND ?
    """,
    """
    UPDATE blind_runs
    SET items = NULL, cells = NULL, seed = NULL, secret = NULL, mask = NULL, outputs = NULL
    WHERE rules = ? AND epoch BETWEEN ? AND ? AND state = 'done'
    """,
)


def forget_past(parts: BlindParts) -> bool:
    """Let go of epochs that are past their audit; return whether there were any."""
    moved = False
    for row in parts.rows.select(RulesRow):
        if parts.party not in row.rules.parties:
            continue
        last, name = find_last_past(row.rules, parts.clock.now_utc()), f"blind-forgot-{row.id}"
        before = int(parts.book.find_meta(name) or -1)
        if last > before:
            _forget(parts, row, range(before + 1, last + 1))
            parts.book.put_meta(name, str(last))
            moved = True
    return moved


def find_last_past(rules: BlindRules, now_utc: datetime) -> int:
    """Return the last epoch whose audit is over; -1: none."""
    age = now_utc - parse_utc(rules.starts) - timedelta(days=rules.audit_days)
    return min(int(age / timedelta(hours=rules.epoch_h)), rules.epochs) - 1 if age > timedelta(0) else -1


def _forget(parts: BlindParts, row: RulesRow, epochs: range) -> None:
    bounds = (row.id, epochs.start, epochs.stop - 1)
    with parts.book.transaction() as db:
        for statement in _STATEMENTS:
            db.execute(statement, bounds)
        for epoch in epochs:
            for party in row.rules.parties:
                db.execute("DELETE FROM blind_tags WHERE holding = ?", (name_holding(row.id, epoch, party),))
