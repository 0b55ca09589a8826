"""The ladder as people see it: each rung of each party, reached or not yet, with time and name.

Invariants:
  * "Sent" is never shown as "acknowledged": each rung stands for itself, and one that is not reached says so
    in words of its own.
  * Times are claimed by whoever signed; the place in the record and its standing are what is proven. Each
    rung carries both.
  * A view is data: `msgspec.json.encode(view)` is its JSON form.

It changes nothing and decides nothing.

    >>> view = describe_ladder(rows, leaf, standing=lambda index: "firm")
    >>> [rung.text for rung in view.parties[0].rungs]
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import msgspec

from entente.deconflict.receipts import RAISE_ALARM, ReceiptRow, Stamp, list_receipts
from entente.kernel.charter import list_parties
from entente.kernel.errors import NotFound
from entente.kernel.rows import Rows

RungName = Literal[
    "submitted", "recorded", "firm", "delivered", "escalated", "acknowledged", "answered", "lapsed"
]
RungState = Literal["reached", "not-yet", "failed"]


class Rung(msgspec.Struct, frozen=True):
    """One rung. ``at``, ``who``, ``index`` and ``standing`` are empty or None where it is not reached."""

    name: RungName
    state: RungState
    text: str
    at: str = ""
    who: str = ""
    index: int | None = None
    standing: str = ""


class PartyLadder(msgspec.Struct, frozen=True):
    """How far a message has come with one party."""

    party: str
    state: Literal["waiting", "acknowledged", "lapsed", "answered"]
    rungs: tuple[Rung, ...]


class LadderView(msgspec.Struct, frozen=True):
    """How far a message has come."""

    message: str
    kind: str
    author: str
    rungs: tuple[Rung, ...]
    parties: tuple[PartyLadder, ...]


def describe_ladder(
    rows: Rows,
    leaf: str,
    standing: Callable[[int], str],
    times: Callable[[int], tuple[str, str]] = lambda _index: ("", ""),
) -> LadderView:
    """Return the ladder of a message, or raise `NotFound` when nobody owes a receipt for it.

    Args:
        standing: What the record says of an entry by its index: ``recorded``, ``firm`` or ``settled``.
        times: By when an entry was recorded, by the host's signed time, and firm, by the witnesses' signed
            times; each empty where nobody here knows.
    """
    receipts = list_receipts(rows, leaf, list_parties(rows))
    if not receipts:
        raise NotFound(
            "not-found", f"ladder of {leaf[:12]!r}: expected a message that asks for receipts, found none"
        )
    first = receipts[0]
    return LadderView(
        message=leaf,
        kind=first.kind,
        author=first.author,
        rungs=_describe_sending(first, standing, times(first.submitted.index)),
        parties=tuple(
            PartyLadder(receipt.party, receipt.state, _describe_party(receipt, standing))
            for receipt in receipts
        ),
    )


def _describe_sending(
    receipt: ReceiptRow, standing: Callable[[int], str], known: tuple[str, str]
) -> tuple[Rung, ...]:
    sent = receipt.submitted
    word = standing(sent.index)
    place = f"entry {sent.index} of the record"
    firm = (
        Rung("firm", "reached", f"{word}: cosigned by the witnesses", known[1], "", sent.index, word)
        if word in {"firm", "settled"}
        else Rung("firm", "not-yet", "not firm yet: too few witnesses have cosigned it")
    )
    return (
        _reach("submitted", f"submitted by {receipt.author}", sent, standing),
        # The recording time is the center's word: in the record, or signed on a checkpoint seen here.
        Rung(
            "recorded",
            "reached",
            f"recorded as {place}",
            receipt.recorded_utc or known[0],
            "center",
            sent.index,
            word,
        ),
        firm,
    )


def _describe_party(receipt: ReceiptRow, standing: Callable[[int], str]) -> tuple[Rung, ...]:
    party = receipt.party
    rungs = [_describe_delivery(receipt, standing)]
    rungs += [
        _reach(
            "escalated",
            f"no answer after {step.waited_s} s: turned to contact {step.contact} of {party} (step "
            f"{step.step})",
            step.stamp,
            standing,
        )
        for step in receipt.escalations
    ]
    if receipt.lapsed is not None:
        text = f"lapsed: no officer of {party} acknowledged it in the agreed time"
        rungs.append(_reach("lapsed", text, receipt.lapsed, standing, state="failed"))
    if receipt.acknowledged is not None:
        late = ", late: it had lapsed" if receipt.is_late else ""
        who = ", ".join(receipt.acknowledged.officers)
        text = f"acknowledged by officer {who} of {party}{late}"
        rungs.append(_reach("acknowledged", text, receipt.acknowledged, standing))
    else:
        rungs.append(
            Rung("acknowledged", "not-yet", f"not acknowledged: no officer of {party} has taken note")
        )
    if receipt.answered is not None:
        reason = f": {receipt.answer_reason}" if receipt.answer_reason else ""
        word = "asks to reconsider" if receipt.answer == "reconsider" else receipt.answer
        text = f"{party} {word}{reason}"
        rungs.append(_reach("answered", text, receipt.answered, standing))
    elif receipt.kind != RAISE_ALARM:
        rungs.append(Rung("answered", "not-yet", f"no answer from {party}; no answer is a no"))
    return tuple(rungs)


def _describe_delivery(receipt: ReceiptRow, standing: Callable[[int], str]) -> Rung:
    party, note = receipt.party, f": {receipt.delivery_note}" if receipt.delivery_note else ""
    if receipt.delivered is None:
        return Rung("delivered", "not-yet", f"not delivered: the desk of {party} has not reported it")
    if receipt.delivery == "unreadable":
        text = f"arrived at the desk of {party}, which could not open it{note}"
        return _reach("delivered", text, receipt.delivered, standing, state="failed")
    if receipt.delivery == "refused":
        text = f"arrived at the desk of {party}, which refused it as against the rules{note}"
        return _reach("delivered", text, receipt.delivered, standing, state="failed")
    text = f"delivered to the desk of {party}, which can read it; not yet a person's word"
    return _reach("delivered", text, receipt.delivered, standing)


def _reach(
    name: RungName,
    text: str,
    stamp: Stamp,
    standing: Callable[[int], str],
    *,
    state: RungState = "reached",
) -> Rung:
    return Rung(name, state, text, stamp.at, ", ".join(stamp.officers), stamp.index, standing(stamp.index))
