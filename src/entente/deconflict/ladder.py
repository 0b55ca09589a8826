"""The ladder's clock: when the center must turn to the next contact, and when a message has lapsed.

Only the center speaks here, and it can only say what everyone can check: which message, which party, when it
recorded the message, how long it has waited, whom it turned to. `plan_ladder` says what is due; the rules
refuse anything else.

Invariants:
  * Step n is due ``n * escalate_minutes`` after recording and goes to the n-th further contact of the party's
    roster; steps come in order, each once. A party that names one contact has no steps.
  * A message lapses after ``lapse_minutes``, not before every step that was due earlier has been taken.
    Nothing escalates after a lapse, and nothing escalates or lapses once acknowledged.
  * The recording time that the center states for a message is one for all parties and all steps.
  * What waited ``w`` seconds by the stated times may be stated as at most ``w``, and at least ``w - 60``.

It does not know the time: ``now_utc`` and the recording times are arguments.

    >>> plan_ladder(rows, now_utc, recorded_utc)
    [('receipt.escalate', Escalate(message='5c…', party='ru', step=1, contact='duty-2', …))]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Annotated, Final

import msgspec

from entente.deconflict.receipts import Escalation, ReceiptRow, find_receipt, list_receipts, make_stamp
from entente.kernel.charter import AgreedRules, get_charter, list_parties
from entente.kernel.ids import LeafHash
from entente.kernel.kinds import ALLOWED, Decision, Kind, SignedBy, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.roster import PartyRow
from entente.kernel.rows import Rows
from entente.kernel.time import encode_utc, measure_wait, parse_utc
from entente.kernel.wire import Count, Hex64, SlugText, UtcText, WireStruct

WAIT_SLACK_S: Final = 60
"""By how much a wait may be understated: a plan is signed a moment after it is made."""


class Escalate(WireStruct, frozen=True):
    """Body of ``receipt.escalate``: nobody answered, the center turns to the next contact."""

    message: Hex64
    party: SlugText
    step: Annotated[int, msgspec.Meta(ge=1, le=9)]
    contact: SlugText
    recorded: UtcText
    waited_s: Count


class Lapse(WireStruct, frozen=True):
    """Body of ``receipt.lapse``: nobody answered in the agreed time."""

    message: Hex64
    party: SlugText
    recorded: UtcText
    waited_s: Count


def decide_escalate(message: VerifiedMessage[Escalate], rows: Rows) -> Decision:
    """Allow the next step, to the contact whose turn it is, once its time has come."""
    body = message.opened()
    waiting = _decide_waiting(body, rows)
    if not waiting.is_allowed:
        return waiting
    receipt = find_receipt(rows, body.message, body.party)
    step = len(receipt.escalations) + 1 if receipt else 1
    if body.step != step:
        return denied("step-order", f"escalation to {body.party!r}: expected step {step}, got {body.step}")
    contacts = _list_contacts(rows, body.party)
    if step >= len(contacts):
        return denied(
            "no-contact",
            f"escalation to {body.party!r}: expected a step below its {len(contacts)} contacts, got {step}",
        )
    if body.contact != contacts[step]:
        return denied(
            "wrong-contact",
            f"escalation to {body.party!r}: expected contact {contacts[step]!r} for step {step}, got "
            f"{body.contact!r}",
        )
    least_s = step * get_charter(rows).rules.escalate_minutes * 60
    return decide_waited(message.payload.at, body.recorded, body.waited_s, least_s=least_s)


def project_escalate(entry: Entry[Escalate], rows: Rows) -> None:
    """Add the step to the receipt."""
    body = entry.message.opened()
    receipt = find_receipt(rows, body.message, body.party)
    if receipt is not None:
        taken = Escalation(body.step, body.contact, body.waited_s, make_stamp(entry))
        rows.put(
            msgspec.structs.replace(
                receipt, escalations=(*receipt.escalations, taken), recorded_utc=body.recorded
            )
        )


def decide_lapse(message: VerifiedMessage[Lapse], rows: Rows) -> Decision:
    """Allow after the agreed time, when every contact who had to be tried before was tried."""
    body = message.opened()
    waiting = _decide_waiting(body, rows)
    if not waiting.is_allowed:
        return waiting
    receipt = find_receipt(rows, body.message, body.party)
    rules = get_charter(rows).rules
    expected = _count_steps_before_lapse(rules, len(_list_contacts(rows, body.party)))
    taken = len(receipt.escalations) if receipt else 0
    if taken < expected:
        return denied(
            "contacts-untried",
            f"lapse of {body.party!r}: expected {expected} escalations before it, got {taken}",
        )
    return decide_waited(message.payload.at, body.recorded, body.waited_s, least_s=rules.lapse_minutes * 60)


def project_lapse(entry: Entry[Lapse], rows: Rows) -> None:
    """Mark the receipt as lapsed."""
    body = entry.message.opened()
    receipt = find_receipt(rows, body.message, body.party)
    if receipt is not None:
        rows.put(
            msgspec.structs.replace(
                receipt, lapsed=make_stamp(entry), recorded_utc=body.recorded, state="lapsed"
            )
        )


def plan_ladder(
    rows: Rows, now_utc: datetime, recorded_utc: Callable[[LeafHash], datetime | None]
) -> list[tuple[str, Escalate | Lapse]]:
    """Return the center's messages that are due: (kind, body), oldest message first, then by party and step.

    Applied in this order, each is allowed; asked again after that at the same time, nothing is due.

    Args:
        now_utc: The time that the center will claim.
        recorded_utc: When a message was recorded; None where that is not known, which is then left alone.
    """
    due: list[tuple[str, Escalate | Lapse]] = []
    rules = get_charter(rows).rules
    waiting = sorted(
        rows.select(ReceiptRow, state="waiting"), key=lambda row: (row.submitted.index, row.party)
    )
    for receipt in waiting:
        recorded = _find_recorded(receipt, rows) or recorded_utc(LeafHash(receipt.message))
        if recorded is not None:
            contacts = _list_contacts(rows, receipt.party)
            due.extend(_plan_receipt(receipt, contacts, rules, now_utc, recorded))
    return due


def _plan_receipt(
    receipt: ReceiptRow, contacts: list[str], rules: AgreedRules, now_utc: datetime, recorded: datetime
) -> Iterator[tuple[str, Escalate | Lapse]]:
    waited_s = measure_wait(now_utc, recorded)
    text = encode_utc(recorded)
    for step in range(len(receipt.escalations) + 1, _count_steps_before_lapse(rules, len(contacts)) + 1):
        if waited_s >= step * rules.escalate_minutes * 60:
            yield (
                "receipt.escalate",
                Escalate(receipt.message, receipt.party, step, contacts[step], text, waited_s),
            )
    if waited_s >= rules.lapse_minutes * 60:
        yield "receipt.lapse", Lapse(receipt.message, receipt.party, text, waited_s)


def decide_waited(at: str, recorded: str, waited_s: int, *, least_s: int) -> Decision:
    """Allow a stated wait that its own two times bear out and that is long enough."""
    true_s = measure_wait(parse_utc(at, path="$.at"), parse_utc(recorded, path="$.body.recorded"))
    if not true_s - WAIT_SLACK_S <= waited_s <= true_s:
        return denied(
            "wrong-wait",
            f"waited_s: expected {true_s} s (at most {WAIT_SLACK_S} s less) from {recorded!r} to {at!r}, "
            f"got {waited_s}",
        )
    if waited_s < least_s:
        return denied("too-early", f"waited_s: expected >= {least_s} s as agreed, got {waited_s}")
    return ALLOWED


def _decide_waiting(body: Escalate | Lapse, rows: Rows) -> Decision:
    receipt = find_receipt(rows, body.message, body.party)
    what = f"message {body.message[:12]} at {body.party!r}"
    if receipt is None:
        return denied("nothing-owed", f"{what}: expected a message that it owes an answer for, found none")
    if receipt.acknowledged is not None:
        return denied(
            "already-acknowledged",
            f"{what}: expected none yet, acknowledged as entry {receipt.acknowledged.index}",
        )
    if receipt.lapsed is not None:
        return denied(
            "lapsed", f"{what}: expected it to be waiting, it lapsed as entry {receipt.lapsed.index}"
        )
    known = _find_recorded(receipt, rows)
    if known is not None and encode_utc(known) != body.recorded:
        # SECURITY: a center that could state another time for each party could choose whom to alarm early
        # (tests/unit/test_deconflict_ladder.py, test_a_second_recording_time_is_refused).
        return denied(
            "other-time", f"{what}: expected recorded {encode_utc(known)!r} as stated, got {body.recorded!r}"
        )
    return ALLOWED


def _find_recorded(receipt: ReceiptRow, rows: Rows) -> datetime | None:
    """Return the recording time that the center has stated for this message, to whichever party first."""
    for other in list_receipts(rows, receipt.message, list_parties(rows)):
        if other.recorded_utc:
            return parse_utc(other.recorded_utc)
    return None


def _list_contacts(rows: Rows, party: str) -> list[str]:
    row = rows.find(PartyRow, party)
    return list(row.statement.contacts) if row else []


def _count_steps_before_lapse(rules: AgreedRules, contacts: int) -> int:
    """Return how many steps fall due before the lapse and have a contact to go to."""
    by_time = (rules.lapse_minutes - 1) // rules.escalate_minutes
    return max(0, min(by_time, contacts - 1))


RECEIPT_ESCALATE: Final = Kind(
    "receipt.escalate",
    Escalate,
    decide=decide_escalate,
    project=project_escalate,
    signed_by=SignedBy.CENTER,
)
RECEIPT_LAPSE: Final = Kind(
    "receipt.lapse", Lapse, decide=decide_lapse, project=project_lapse, signed_by=SignedBy.CENTER
)
