"""A released item: a variant for one recipient, with the label addressed to it, signed and sealed.

`release.item` is sealed to exactly one party. It says what that party may see and nothing of whom else was
told, or of what the variant was made from.

Invariants:
  * One recipient: it says to nobody who else was told. Recipients who compare see that it is one report, and
    are accounted for as if they did (`release/exposure`).
  * A party's own item has no grant. Somebody else's item is passed on only under the originator's recorded
    yes for these very bytes, from this holder to this recipient, under the label and for the time that the
    originator says (`onward`).
  * Where the two have agreed on purposes (`rules`), the item names one of them.
  * Nothing is ever taken back: a recall (`recall`) marks the row, and says since when.
  * Author and recipient judge a message by what both of them see, so that they judge it alike.

The host sees author, recipient, time and size. Whether the item may be given at all is decided before, at
the author's desk; here is only what both can check.

    >>> [row.variant.path for row in rows.select(ItemRow, to="ru")]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows
from entente.kernel.time import parse_utc
from entente.kernel.wire import Hex64, NoteText, SlugText, UtcText, WireStruct
from entente.release.label import LabelWire, parse_label
from entente.release.rules import decide_purpose
from entente.release.variant.sent import VariantWire, hash_variant, parse_variant

OnwardWord = Literal["ask", "never"]
RecallReason = Annotated[str, msgspec.Meta(max_length=40)]


class ReleaseItem(WireStruct, frozen=True):
    """Body of ``release.item``.

    Args:
        item: 32 bytes drawn by the author for the report behind it: recipients who compare do not take one
            report for two.
        originator: Whose report it is; the author's own name, or whoever gave the grant.
        grant: The leaf of the originator's ``release.grant``; None for the author's own.
        onward: Whether the recipient may ask to pass it on.
        until: When it is not to be used any more, or None.
        replaces: The leaf of an earlier item of the author's to the same recipient, or None.
    """

    item: Hex64
    variant: VariantWire
    label: LabelWire
    originator: SlugText
    grant: Hex64 | None
    purpose: SlugText
    onward: OnwardWord
    until: UtcText | None
    replaces: Hex64 | None
    note: NoteText


class ItemRow(Row, frozen=True):
    """A released item, where it can be read."""

    TABLE: ClassVar[str] = "release_items"
    INDEXED: ClassVar[tuple[str, ...]] = ("author", "to", "sha256", "grant")
    message: str
    """Its leaf."""
    index: int
    at: str
    author: str
    to: str
    sha256: str
    """Of the variant's canonical bytes: the same for whoever holds this variant."""
    item: ReleaseItem
    grant: str
    """The leaf of the originator's yes, or empty."""
    recalled: str = ""
    """The leaf of the first recall, or empty."""
    recalled_at: str = ""
    recall_reason: RecallReason = ""
    recall_words: str = ""
    replaced_by: str = ""

    def key(self) -> str:
        """Return the leaf."""
        return self.message


class GrantRow(Row, frozen=True):
    """An originator's yes or no to passing a variant on, at the desks that it was sealed to."""

    TABLE: ClassVar[str] = "release_grants"
    INDEXED: ClassVar[tuple[str, ...]] = ("sha256", "holder", "ask")
    message: str
    index: int
    at: str
    originator: str
    holder: str
    to: str
    sha256: str
    ask: str
    """The leaf of the question, or empty for a yes that nobody asked for."""
    is_granted: bool
    label: LabelWire | None
    """Of what may be passed on; None with a no."""
    purpose: str
    until: str
    """Until when it may be passed on, or empty."""
    use_until: str
    """Until when what is passed on may be used, or empty."""
    words: str
    recalled: str = ""

    def key(self) -> str:
        """Return the leaf."""
        return self.message


def require_sealed_to_one(message: VerifiedMessage[Any], what: str) -> Decision:
    """Allow messages sealed to exactly one party."""
    if len(message.addressees) == 1:
        return ALLOWED
    return denied("not-to-one", f"{what}: expected it sealed to one party, got {list(message.addressees)}")


def list_held(rows: Rows, sha256: str, party: str) -> Iterator[ItemRow]:
    """Yield the items by which a party holds a variant, as far as these rows know."""
    return (row for row in rows.select(ItemRow, sha256=sha256) if row.to == party)


def is_recalled(rows: Rows, sha256: str, party: str) -> bool:
    """Tell whether every item by which a party holds a variant was recalled."""
    held = list(list_held(rows, sha256, party))
    return bool(held) and all(row.recalled for row in held)


def decide_item(message: VerifiedMessage[ReleaseItem], rows: Rows) -> Decision:
    """Allow an item to one party: the author's own, or one passed on under a grant that fits it exactly."""
    decision = require_sealed_to_one(message, "item")
    body = message.body
    if body is None or not decision.is_allowed:
        return decision
    parse_variant(body.variant, path="$.body.variant")
    parse_label(body.label, path="$.body.label")
    if body.until is not None:
        parse_utc(body.until, path="$.body.until")
    (to,) = message.addressees
    if (body.originator == message.author) != (body.grant is None):
        return denied(
            "no-grant",
            f"item: expected a grant exactly when the originator is another than {message.author!r}, got "
            f"originator {body.originator!r} and {'no' if body.grant is None else 'a'} grant",
        )
    if body.grant is not None:
        decision = _decide_grant(body, rows, author=message.author, to=to, at=message.payload.at)
        if not decision.is_allowed:
            return decision
    if body.replaces is not None:
        old = rows.find(ItemRow, body.replaces)
        if old is None or (old.author, old.to) != (message.author, to):
            return denied(
                "bad-replaced",
                f"item: expected to replace one of {message.author!r} to {to!r}, got {body.replaces[:12]}",
            )
    return decide_purpose(rows, message.author, to, body.purpose, parse_utc(message.payload.at))


def _decide_grant(body: ReleaseItem, rows: Rows, *, author: str, to: str, at: str) -> Decision:
    row = rows.find(GrantRow, body.grant or "")
    meant = (body.originator, author, to, hash_variant(body.variant), body.purpose)
    how = (body.label, body.until or "")
    # SECURITY: a yes is for one variant, one holder, one recipient, one purpose, under one label; nothing
    # else fits it (tests/unit/test_release_onward.py, test_a_yes_fits_one_item_only).
    if row is None or not row.is_granted or meant != _say_meant(row) or how != (row.label, row.use_until):
        return denied(
            "no-grant",
            f"item passed on: expected a yes of {body.originator!r} for variant {meant[3][:12]} from "
            f"{author!r} to {to!r}, for {body.purpose!r}, under this label and until then; "
            f"{(body.grant or '')[:12]} is none",
        )
    if row.recalled:
        return denied("recalled", "item passed on: expected a yes that stands, it was recalled")
    if row.until and parse_utc(row.until) < parse_utc(at):
        return denied("grant-over", f"item passed on: expected it by {row.until}, got {at}")
    return ALLOWED


def _say_meant(row: GrantRow) -> tuple[str, str, str, str, str]:
    return (row.originator, row.holder, row.to, row.sha256, row.purpose)


def project_item(entry: Entry[ReleaseItem], rows: Rows) -> None:
    """Write the item down where it can be read; mark what it replaces."""
    message, body = entry.message, entry.message.body
    if body is None:
        return
    (to,) = message.addressees
    rows.put(
        ItemRow(
            message=message.leaf,
            index=entry.index,
            at=message.payload.at,
            author=message.author,
            to=to,
            sha256=hash_variant(body.variant),
            item=body,
            grant=body.grant or "",
        )
    )
    old = None if body.replaces is None else rows.find(ItemRow, body.replaces)
    if old is not None:
        rows.put(msgspec.structs.replace(old, replaced_by=message.leaf))


RELEASE_ITEM: Final = Kind(
    "release.item",
    ReleaseItem,
    decide=decide_item,
    project=project_item,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
