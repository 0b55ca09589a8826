"""Which parcels a message names, and for whom each is.

Invariants: every kind that names parcels is here (tests/unit/test_blind_naming.py looks for parcels in the
body of each kind); the same `Parcel` and addressee that its projection writes down (`holding.ParcelRow`).

It does not ask whether a parcel is there: the center does, before it takes a message in.

    >>> list_parcels(message.body, message.author, rows)
    [(Parcel(...), 'ru')]
"""

from __future__ import annotations

from typing import Final

import msgspec

from entente.blind.asking import AnswerAsk, Ask, AskRow
from entente.blind.holding import AmendHolding, CommitHolding, Parcel
from entente.blind.match_records import JoinMatch, StartMatch
from entente.blind.rules import RulesRow
from entente.kernel.message import CENTER
from entente.kernel.rows import Rows

NAMING: Final = (CommitHolding, AmendHolding, Ask, AnswerAsk, StartMatch, JoinMatch)
"""The bodies that name parcels."""


def list_parcels(body: msgspec.Struct | None, author: str, rows: Rows) -> list[tuple[Parcel, str]]:
    """Return the parcels that a message names, each with its addressee (a party, or ``center``).

    Args:
        rows: Where rules and questions are found; a message about unknown ones names nothing yet, and its
            rule refuses it.
    """
    match body:
        case CommitHolding() | AmendHolding():
            return _address(body.tags, _find_other(body.rules, author, rows))
        case Ask():
            return _address(body.request, _find_other(body.rules, author, rows))
        case AnswerAsk():
            row = rows.find(AskRow, body.ask)
            return _address(body.reply, row.asker if row is not None else "")
        case StartMatch():
            return [(body.tags, CENTER), *_address(body.secret, _find_other(body.rules, author, rows))]
        case JoinMatch():
            return [(body.tags, CENTER)]
        case _:
            return []


def _address(parcel: Parcel, to: str) -> list[tuple[Parcel, str]]:
    return [(parcel, to)] if to else []


def _find_other(rules_id: str, author: str, rows: Rows) -> str:
    row = rows.find(RulesRow, rules_id)
    return row.rules.get_other(author) if row is not None and author in row.rules.parties else ""
