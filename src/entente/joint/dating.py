"""When each party had a message, as the record itself says: for dating the entries of agreements.

Invariants: the first word in the record's order counts and is never replaced: a desk's delivery, an officer's
acknowledgement, or the ladder's lapse; a party that owes no receipt, or has said nothing, has no time.
A delivery as *unreadable* is no such word: who says it does not have the message, and may say another later.

These are claims, each by the one who had the message (the lapse: by the center, under the charter's minutes);
what is made of them is `entente.terms.agreement.dates`.

    >>> describe_agreement(rows, "ceasefire", now_utc, make_received(rows)).phase
    'in-force'
"""

from __future__ import annotations

from entente.deconflict import find_receipt
from entente.deconflict.receipts import find_first_word
from entente.kernel.rows import Rows
from entente.kernel.time import parse_utc
from entente.terms.agreement.dates import Had, Received


def make_received(rows: Rows) -> Received:
    """Return the answer to "by when had this party that message?" out of these rows."""

    def received(leaf: str, party: str) -> Had | None:
        receipt = find_receipt(rows, leaf, party)
        if receipt is None:
            return None
        first = find_first_word(receipt)
        if first is None:
            return None
        return Had(
            parse_utc(first.at), f"the center (lapse of {party})" if first is receipt.lapsed else party
        )

    return received
