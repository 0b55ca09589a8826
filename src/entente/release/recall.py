"""Recall: "do not use this any more", signed, to each recipient, with who has got and read it.

A recall deletes nothing and claims to delete nothing: what was seen was seen. It marks the item wherever it
is shown, and the receipts say who has it on its desk (delivered) and who read it (acknowledged).

Invariants:
  * A recall names an item that its author sent, and is sealed to its recipient; or a grant that its author
    gave, and is sealed to the two whom it let deal: so an originator reaches every holder, also behind one
    that stays silent.
  * The first recall stands; there is no taking it back. A corrected item is a new item.
  * Who passed an item on owes a recall to where it went (`find_owed`).

    >>> [row.message for row in find_owed(rows, "us")]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

import msgspec

from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Rows
from entente.kernel.wire import Hex64, NoteText, WireStruct
from entente.release.item import GrantRow, ItemRow, is_recalled

Reason = Literal["wrong", "replaced", "sent-in-error", "not-stated"]


class ReleaseRecall(WireStruct, frozen=True):
    """Body of ``release.recall``.

    Args:
        of: The leaf of an item that the author sent, or of a grant that it gave.
        reason: Why, as far as it is said: a reason can give a source away, so that "not-stated" is one.
    """

    of: Hex64
    reason: Reason
    words: NoteText


def decide_recall(message: VerifiedMessage[ReleaseRecall], rows: Rows) -> Decision:
    """Allow an item's author, or the originator who gave a grant, once, to all whom it concerns."""
    if not message.addressees:
        return denied("not-addressed", "recall: expected a sealed message, got an open one")
    body = message.body
    if body is None:
        return ALLOWED
    item, grant = rows.find(ItemRow, body.of), rows.find(GrantRow, body.of)
    meant, recalled = set[str](), ""
    if item is not None and item.author == message.author:
        meant, recalled = {item.to}, item.recalled
    elif grant is not None and grant.originator == message.author and grant.is_granted:
        meant, recalled = {grant.holder, grant.to}, grant.recalled
    if set(message.addressees) != meant:
        # The same words to whoever reads it: who was never shown the item knows no more.
        return denied(
            "not-released",
            f"recall of {body.of[:12]}: expected an item of {message.author!r}, sealed to whom it went, or a "
            f"grant of its, sealed to both; got it sealed to {list(message.addressees)}",
        )
    if recalled:
        return denied(
            "recalled", f"recall of {body.of[:12]}: expected one in use, {recalled[:12]} recalled it"
        )
    return ALLOWED


def project_recall(entry: Entry[ReleaseRecall], rows: Rows) -> None:
    """Mark the item; or the grant and what was passed on under it."""
    message, body = entry.message, entry.message.body
    if body is None:
        return
    item, grant = rows.find(ItemRow, body.of), rows.find(GrantRow, body.of)
    if item is not None:
        _mark(rows, item, message.leaf, message.payload.at, body)
    if grant is not None:
        rows.put(msgspec.structs.replace(grant, recalled=message.leaf))
        for row in list(rows.select(ItemRow, grant=body.of)):
            _mark(rows, row, message.leaf, message.payload.at, body)


def _mark(rows: Rows, row: ItemRow, leaf: str, at: str, body: ReleaseRecall) -> None:
    if not row.recalled:
        reason, words = body.reason, body.words
        rows.put(
            msgspec.structs.replace(
                row, recalled=leaf, recalled_at=at, recall_reason=reason, recall_words=words
            )
        )


def find_owed(rows: Rows, party: str) -> Iterator[ItemRow]:
    """Yield what a party passed on of items that were recalled from it, and has not recalled itself."""
    for row in rows.select(ItemRow, author=party):
        if row.grant and not row.recalled and is_recalled(rows, row.sha256, party):
            yield row


RELEASE_RECALL: Final = Kind(
    "release.recall",
    ReleaseRecall,
    decide=decide_recall,
    project=project_recall,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
