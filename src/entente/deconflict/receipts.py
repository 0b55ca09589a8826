"""Receipts: who owes an answer to which message, and which rungs of the ladder he has climbed.

The rungs: submitted (the author's claimed time), recorded (the place in the record), delivered (a desk has it
and says whether it could be read), acknowledged (a named officer has taken note), answered (concurred or
objected), or lapsed. Firm and settled are said by the record, not here: see
`entente.deconflict.describe_ladder`.

Invariants:
  * A receipt is ``acknowledged`` only by an ``receipt.acknowledge`` of that very party with one named
    officer. Delivery is a machine's word and never counts as one.
  * The rules of this file read headers only, never a sealed body: center, desks and auditors decide alike.
  * What was acknowledged stays acknowledged. After a lapse it still may be, and is marked late.

It does not escalate: see `entente.deconflict.ladder`.

    >>> open_receipts(entry, list_parties(rows), rows)
    >>> find_receipt(rows, leaf, "ru").state
    'waiting'
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows
from entente.kernel.wire import Hex64, WireStruct

RAISE_ALARM: Final = "alarm.raise"
"""The one kind that is answered by a message of its own: see `entente.deconflict.alarm`."""
DeliveryOutcome = Literal["readable", "unreadable", "refused"]
"""Opened and sound; could not be opened; opened, but the kind's rule refused the body."""
ShortNote = Annotated[str, msgspec.Meta(max_length=400)]


class Delivery(WireStruct, frozen=True):
    """What became of one message at the desk."""

    leaf: Hex64
    outcome: DeliveryOutcome
    note: ShortNote


class Deliver(WireStruct, frozen=True):
    """Body of ``receipt.deliver``: the desk's automatic word, sorted by leaf."""

    messages: Annotated[list[Delivery], msgspec.Meta(min_length=1, max_length=500)]


class Acknowledge(WireStruct, frozen=True):
    """Body of ``receipt.acknowledge``: the officer in the header has taken note of these, sorted."""

    messages: Annotated[list[Hex64], msgspec.Meta(min_length=1, max_length=100)]


class Stamp(msgspec.Struct, frozen=True):
    """A rung reached: by which message, in which place, at which claimed time, by whom."""

    leaf: str
    index: int
    at: str
    officers: tuple[str, ...]


class Escalation(msgspec.Struct, frozen=True):
    """A further contact that the center turned to."""

    step: int
    contact: str
    waited_s: int
    stamp: Stamp


class ReceiptRow(Row, frozen=True):
    """What one party owes for one message. ``recorded_utc`` is empty until the center has first stated it."""

    TABLE: ClassVar[str] = "receipts"
    INDEXED: ClassVar[tuple[str, ...]] = ("state", "party", "author")
    ALIKE: ClassVar[tuple[str, str] | None] = ("message", "party")
    message: str
    kind: str
    author: str
    party: str
    submitted: Stamp
    delivered: Stamp | None = None
    delivery: DeliveryOutcome | None = None
    delivery_note: str = ""
    acknowledged: Stamp | None = None
    is_late: bool = False
    answered: Stamp | None = None
    answer: Literal["", "concurred", "objected", "reconsider"] = ""
    answer_reason: str = ""
    escalations: tuple[Escalation, ...] = ()
    lapsed: Stamp | None = None
    recorded_utc: str = ""
    state: Literal["waiting", "acknowledged", "lapsed", "answered"] = "waiting"

    def key(self) -> str:
        """Return ``leaf:party``."""
        return f"{self.message}:{self.party}"


def make_stamp(entry: Entry[Any]) -> Stamp:
    """Return the rung that an entry's message reaches."""
    payload = entry.message.payload
    return Stamp(entry.message.leaf, entry.index, payload.at, tuple(payload.officers))


def find_receipt(rows: Rows, leaf: str, party: str) -> ReceiptRow | None:
    """Return what ``party`` owes for a message, or None when it owes nothing."""
    return rows.find(ReceiptRow, f"{leaf}:{party}")


def open_receipts(entry: Entry[Any], parties: Sequence[str], rows: Rows) -> None:
    """Open the ladder of an acknowledged kind: one receipt for each addressee, or each other party."""
    message = entry.message
    author, addressees = message.author, message.addressees
    owing = [party for party in parties if party != author and (not addressees or party in addressees)]
    receipt = ReceiptRow(
        message=message.leaf,
        kind=message.payload.kind,
        author=message.author,
        party="",
        submitted=make_stamp(entry),
    )
    rows.put_alike(receipt, owing)


def list_receipts(rows: Rows, leaf: str, parties: Iterable[str]) -> list[ReceiptRow]:
    """Return the receipts of one message, in the order of ``parties``."""
    found = (find_receipt(rows, leaf, party) for party in parties)
    return [receipt for receipt in found if receipt is not None]


def find_first_word(receipt: ReceiptRow) -> Stamp | None:
    """Return the first word by which the party, or the center for it, says that it had the message; or None.

    Delivery, acknowledgement or lapse, in the record's order: what came first is never replaced.
    """
    # SECURITY: a later word takes the place of "unreadable". If that counted, a party could move a date that
    # is there already: say "unreadable", let a notice run out, and then state another time
    # (tests/unit/test_terms_agreement_leaving.py, test_a_second_delivery_moves_no_date).
    delivered = None if receipt.delivery == "unreadable" else receipt.delivered
    said = [one for one in (delivered, receipt.acknowledged, receipt.lapsed) if one is not None]
    return min(said, key=lambda one: one.index, default=None)


def decide_deliver(message: VerifiedMessage[Deliver], rows: Rows) -> Decision:
    """Allow what the author owes; a second word only where the first was ``unreadable``."""
    deliveries = message.opened().messages
    leaves = [delivery.leaf for delivery in deliveries]
    if leaves != sorted(set(leaves)):
        return denied("message-order", "delivery: expected each message once, sorted")
    for delivery in deliveries:
        receipt = find_receipt(rows, delivery.leaf, message.author)
        if receipt is None:
            return _deny_nothing_owed("delivery", delivery.leaf, message.author)
        if receipt.delivery is not None and (
            receipt.delivery != "unreadable" or delivery.outcome == "unreadable"
        ):
            return denied(
                "already-delivered",
                f"delivery of {delivery.leaf[:12]}: expected none yet, {message.author!r} said "
                f"{receipt.delivery!r}",
            )
        if receipt.acknowledged is not None and delivery.outcome != "readable":
            return denied(
                "already-acknowledged",
                f"delivery of {delivery.leaf[:12]}: expected 'readable' after its acknowledgement, "
                f"got {delivery.outcome!r}",
            )
    return ALLOWED


def project_deliver(entry: Entry[Deliver], rows: Rows) -> None:
    """Reach the rung *delivered*."""
    for delivery in entry.message.opened().messages:
        receipt = find_receipt(rows, delivery.leaf, entry.message.author)
        if receipt is not None:
            rows.put(
                msgspec.structs.replace(
                    receipt,
                    delivered=make_stamp(entry),
                    delivery=delivery.outcome,
                    delivery_note=delivery.note,
                )
            )


def decide_acknowledge(message: VerifiedMessage[Acknowledge], rows: Rows) -> Decision:
    """Allow one officer of the party that owes it, once, and only for what its desk could read."""
    leaves = message.opened().messages
    one = decide_one_officer(message)
    if not one.is_allowed:
        return one
    if leaves != sorted(set(leaves)):
        return denied("message-order", "acknowledgement: expected each message once, sorted")
    for leaf in leaves:
        receipt = find_receipt(rows, leaf, message.author)
        if receipt is None:
            return _deny_nothing_owed("acknowledgement", leaf, message.author)
        if receipt.kind == RAISE_ALARM:
            # SECURITY: an alarm is seen one at a time, by name; not in a heap of a hundred messages
            # (tests/unit/test_deconflict_alarm.py, test_an_alarm_is_not_acknowledged_in_a_heap).
            return denied("see-alarm", f"acknowledgement of {leaf[:12]}: expected alarm.see for an alarm")
        if receipt.acknowledged is not None:
            return denied(
                "already-acknowledged",
                f"acknowledgement of {leaf[:12]}: expected none yet, {message.author!r} gave it as entry "
                f"{receipt.acknowledged.index}",
            )
        if receipt.delivery in {"unreadable", "refused"}:
            # Nobody can take note of what his desk could not read or would not take.
            return denied(
                "not-readable",
                f"acknowledgement of {leaf[:12]}: expected a readable message, the desk of "
                f"{message.author!r} "
                f"said {receipt.delivery!r}",
            )
    return ALLOWED


def project_acknowledge(entry: Entry[Acknowledge], rows: Rows) -> None:
    """Reach the rung *acknowledged*, late when it had lapsed."""
    for leaf in entry.message.opened().messages:
        receipt = find_receipt(rows, leaf, entry.message.author)
        if receipt is not None:
            mark_acknowledged(entry, receipt, rows)


def mark_acknowledged(entry: Entry[Any], receipt: ReceiptRow, rows: Rows) -> None:
    """Reach the rung *acknowledged* of one receipt, late when it had lapsed."""
    rows.put(
        msgspec.structs.replace(
            receipt,
            acknowledged=make_stamp(entry),
            is_late=receipt.lapsed is not None,
            state="acknowledged",
        )
    )


def put_answer(
    entry: Entry[Any],
    leaf: str,
    answer: Literal["concurred", "objected", "reconsider"],
    reason: str,
    rows: Rows,
) -> None:
    """Reach the rung *answered*; a later answer to the same version takes the place of the earlier."""
    receipt = find_receipt(rows, leaf, entry.message.author)
    if receipt is not None:
        rows.put(
            msgspec.structs.replace(
                receipt, answered=make_stamp(entry), answer=answer, answer_reason=reason, state="answered"
            )
        )


def decide_one_officer(message: VerifiedMessage[Any]) -> Decision:
    """Allow when exactly one officer stands in the header: one person answers for it."""
    count = len(message.payload.officers)
    if count != 1:
        return denied("one-officer", f"{message.payload.kind}: expected exactly 1 officer, got {count}")
    return ALLOWED


def _deny_nothing_owed(what: str, leaf: str, party: str) -> Decision:
    # SECURITY: acknowledging for another party would show a message as read that nobody there has seen
    # (tests/unit/test_deconflict_receipts.py, test_acknowledgement_for_another_party_is_refused).
    return denied(
        "nothing-owed", f"{what} of {leaf[:12]}: expected a message that {party!r} owes it for, found none"
    )


RECEIPT_DELIVER: Final = Kind("receipt.deliver", Deliver, decide=decide_deliver, project=project_deliver)
RECEIPT_ACKNOWLEDGE: Final = Kind(
    "receipt.acknowledge",
    Acknowledge,
    decide=decide_acknowledge,
    project=project_acknowledge,
    min_officers=1,
)
