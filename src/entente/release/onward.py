"""Onward release: nobody passes an item on without its originator's recorded yes, hop by hop.

A holder asks (`release.ask`, sealed to the originator), the originator answers (`release.grant`). A yes is
sealed to the holder *and* to the new recipient, whose desk takes the passed item only with it. The new
recipient is a holder then, and asks the same originator for the next hop.

Invariants:
  * A yes names the variant by its hash, holder, recipient and purpose: it fits one message (`item`).
  * Only the originator's own variants can be granted, and only to who holds them.
  * A no goes to the asker alone. The newest answer to a question is the one that is shown with it; what takes
    a yes back is a recall.
  * Who can read a message judges it by what all its readers see, so that they judge it alike.

It cannot stop a holder from telling in other ways; it makes what is told under entente's own record
answerable.

    >>> find_unanswered(rows, "us")
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

import msgspec

from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.roster import PartyRow
from entente.kernel.rows import Row, Rows
from entente.kernel.time import parse_utc
from entente.kernel.wire import Hex64, NoteText, SlugText, UtcText, WireStruct
from entente.release.item import GrantRow, ItemRow, list_held, require_sealed_to_one
from entente.release.label import LabelWire, parse_label


class AskOnward(WireStruct, frozen=True):
    """Body of ``release.ask``: may I pass the variant of this hash on to ``to``, for this purpose."""

    variant: Hex64
    to: SlugText
    purpose: SlugText
    words: NoteText


class GrantOnward(WireStruct, frozen=True):
    """Body of ``release.grant``.

    Args:
        ask: The leaf of the question that it answers; None for a yes that nobody asked for.
        label: Of what is passed on, addressed to ``to``; None with a no.
        until: Until when the item may be passed on, or None.
        use_until: Until when what is passed on may be used, or None.
    """

    ask: Hex64 | None
    granted: bool
    label: LabelWire | None
    variant: Hex64
    holder: SlugText
    to: SlugText
    purpose: SlugText
    until: UtcText | None
    use_until: UtcText | None
    words: NoteText


class AskRow(Row, frozen=True):
    """A question, at the desks of the holder and of the originator."""

    TABLE: ClassVar[str] = "release_asks"
    INDEXED: ClassVar[tuple[str, ...]] = ("originator", "holder")
    message: str
    index: int
    at: str
    holder: str
    originator: str
    ask: AskOnward
    grant: str = ""
    """The leaf of the answer, or empty."""

    def key(self) -> str:
        """Return the leaf."""
        return self.message


def is_originator(rows: Rows, sha256: str, party: str) -> bool:
    """Tell whether a party is, as far as these rows know, the originator of a variant."""
    return any(row.item.originator == party for row in rows.select(ItemRow, sha256=sha256)) or any(
        row.originator == party for row in rows.select(GrantRow, sha256=sha256)
    )


def find_unanswered(rows: Rows, originator: str) -> Iterator[AskRow]:
    """Yield the questions that an originator has not answered."""
    return (row for row in rows.select(AskRow, originator=originator) if not row.grant)


def _is_holder(rows: Rows, sha256: str, party: str) -> bool:
    return any(list_held(rows, sha256, party)) or any(
        row.is_granted and row.to == party for row in rows.select(GrantRow, sha256=sha256)
    )


def decide_ask(message: VerifiedMessage[AskOnward], rows: Rows) -> Decision:
    """Allow a holder to ask the originator, about a third party."""
    decision = require_sealed_to_one(message, "question")
    body = message.body
    if body is None or not decision.is_allowed:
        return decision
    (originator,) = message.addressees
    what = f"question about variant {body.variant[:12]}"
    if not (is_originator(rows, body.variant, originator) and _is_holder(rows, body.variant, message.author)):
        return denied(
            "not-held", f"{what}: expected one of {originator!r}'s own that {message.author!r} holds"
        )
    held = list_held(rows, body.variant, message.author)
    if any(row.item.onward == "never" and row.author == originator for row in held):
        return denied("never-onward", f"{what}: expected one that may be asked for, it says 'never'")
    if body.to in {message.author, originator} or rows.find(PartyRow, body.to) is None:
        return denied("bad-recipient", f"{what}: expected a third party of this center, got {body.to!r}")
    return ALLOWED


def project_ask(entry: Entry[AskOnward], rows: Rows) -> None:
    """Write the question down where it can be read."""
    message, body = entry.message, entry.message.body
    if body is not None:
        (originator,) = message.addressees
        rows.put(AskRow(message.leaf, entry.index, message.payload.at, message.author, originator, body))


def decide_grant(message: VerifiedMessage[GrantOnward], rows: Rows) -> Decision:
    """Allow an originator to answer, or to say yes unasked, to those whom it concerns."""
    del rows  # the new recipient's have no question: nothing may hang on it
    body = message.body
    if not message.addressees:
        return denied("not-addressed", "grant: expected a sealed message, got an open one")
    if body is None:
        return ALLOWED
    meant = {body.holder, body.to} if body.granted else {body.holder}
    what = f"grant for variant {body.variant[:12]}"
    if set(message.addressees) != meant:
        return denied("other-addressee", f"{what}: expected {sorted(meant)}, got {list(message.addressees)}")
    if message.author in {body.holder, body.to} or body.holder == body.to:
        return denied("bad-recipient", f"{what}: expected originator, holder and recipient to be three")
    for name, moment in (("until", body.until), ("use_until", body.use_until)):
        if moment is not None:
            parse_utc(moment, path=f"$.body.{name}")
    if body.granted != (body.label is not None):
        return denied("bad-label", f"{what}: expected a label exactly with a yes")
    if body.label is not None:
        parse_label(body.label, path="$.body.label")
    if body.ask is None and not body.granted:
        return denied("not-asked", f"{what}: expected a question that is answered with no, got none")
    return ALLOWED


def project_grant(entry: Entry[GrantOnward], rows: Rows) -> None:
    """Write the answer down where it can be read."""
    message, body = entry.message, entry.message.body
    if body is None:
        return
    rows.put(
        GrantRow(
            message=message.leaf,
            index=entry.index,
            at=message.payload.at,
            originator=message.author,
            holder=body.holder,
            to=body.to,
            sha256=body.variant,
            ask=body.ask or "",
            is_granted=body.granted,
            label=body.label,
            purpose=body.purpose,
            until=body.until or "",
            use_until=body.use_until or "",
            words=body.words,
        )
    )
    ask = None if body.ask is None else rows.find(AskRow, body.ask)
    asked = (
        None if ask is None else (ask.originator, ask.holder, ask.ask.variant, ask.ask.to, ask.ask.purpose)
    )
    if ask is not None and asked == (message.author, body.holder, body.variant, body.to, body.purpose):
        rows.put(msgspec.structs.replace(ask, grant=message.leaf))


RELEASE_ASK: Final = Kind(
    "release.ask",
    AskOnward,
    decide=decide_ask,
    project=project_ask,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
RELEASE_GRANT: Final = Kind(
    "release.grant",
    GrantOnward,
    decide=decide_grant,
    project=project_grant,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
