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
    """Return when items went from a party to its partner, and when they came back.

    One variant counts once, however often it was sent, and not at all when it was recalled: else one item
    sent ten times pays for ten (tests/unit/test_release_attacks.py,
    test_what_is_sent_again_or_recalled_is_no_contribution).
    """
    return _list_times(rows, party, partner), _list_times(rows, partner, party)


def _list_times(rows: Rows, author: str, to: str) -> list[datetime]:
    first: dict[str, datetime] = {}
    for row in rows.select(ItemRow, author=author):
        if row.to == to and not row.recalled:
            at_utc = parse_utc(row.at)
            first[row.sha256] = min(at_utc, first.get(row.sha256, at_utc))
    return list(first.values())


def decide_contribution(rows: Rows, party: str, partner: str, now_utc: datetime) -> Decision:
    """Allow one more item to a partner, by what came back under the rules in force."""
    row = find_rules(rows, party, partner, at=now_utc)
    if row is None or row.rules.contribution is None:
        return ALLOWED
    return judge_contribution(row.rules, *count_items(rows, party, partner), now_utc)
