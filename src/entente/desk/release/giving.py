"""Giving and receiving under the rules of two parties, counted from the record.

Invariants: both sides count the same items, by the record alone; without rules that ask for it nothing has to
come back.

    >>> decide_contribution(rows, "us", "ru", now_utc).is_allowed
    True
"""

from __future__ import annotations

from datetime import datetime

from entente.kernel.kinds import ALLOWED, Decision
from entente.kernel.rows import Rows
from entente.kernel.time import parse_utc
from entente.release.item import ItemRow
from entente.release.rules import find_rules, judge_contribution


def count_items(rows: Rows, party: str, partner: str) -> tuple[list[datetime], list[datetime]]:
    """Return when items went from a party to its partner, and when they came back."""
    given = [parse_utc(row.at) for row in rows.select(ItemRow, author=party) if row.to == partner]
    received = [parse_utc(row.at) for row in rows.select(ItemRow, author=partner) if row.to == party]
    return given, received


def decide_contribution(rows: Rows, party: str, partner: str, now_utc: datetime) -> Decision:
    """Allow one more item to a partner, by what came back under the rules in force."""
    row = find_rules(rows, party, partner, at=now_utc)
    if row is None or row.rules.contribution is None:
        return ALLOWED
    return judge_contribution(row.rules, *count_items(rows, party, partner), now_utc)
