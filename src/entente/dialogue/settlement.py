"""Settlement: the center writes down how a readout stands, once all have answered or the agreed time is over.

Invariants:
  * The three lists are computed from the record by everyone; the center can state no others.
  * Silent is silent: it is not consent, and a later signature does not change what was settled.
  * A readout is settled once, and not before its time while anyone has not answered.

It does not know the time: ``now_utc`` and the recording times are arguments.

    >>> plan_settlements(rows, now_utc, recorded_utc)
    [('readout.settle', SettleReadout(id='call-3', signed=['us'], dissented=[], silent=['ru'], …))]
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Final

import msgspec

from entente.dialogue.readout import ReadoutRow, Settlement, get_standing
from entente.kernel.charter import get_charter
from entente.kernel.ids import LeafHash
from entente.kernel.kinds import ALLOWED, Decision, Kind, SignedBy, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Rows, get_row
from entente.kernel.time import encode_utc, measure_wait, parse_utc
from entente.kernel.wire import Count, SlugText, UtcText, WireStruct

WAIT_SLACK_S: Final = 60
"""By how much a wait may be understated: a plan is signed a moment after it is made."""
PartyList = Annotated[list[SlugText], msgspec.Meta(max_length=64)]


class SettleReadout(WireStruct, frozen=True):
    """Body of ``readout.settle``: who signed, who dissented, who said nothing."""

    id: SlugText
    signed: PartyList
    dissented: PartyList
    silent: PartyList
    recorded: UtcText
    waited_s: Count


def decide_settle(message: VerifiedMessage[SettleReadout], rows: Rows) -> Decision:
    """Allow the true lists, once, when nobody is silent or the agreed time is over."""
    body = message.opened()
    row = rows.find(ReadoutRow, body.id)
    if row is None:
        return denied("unknown-readout", f"readout {body.id!r}: expected one in the record, found none")
    if row.settlement is not None:
        return denied(
            "already-settled",
            f"readout {body.id!r}: expected an open one, settled as entry {row.settlement.index}",
        )
    standing = get_standing(row)
    for name, true, stated in (
        ("signed", standing.signed, body.signed),
        ("dissented", standing.dissented, body.dissented),
        ("silent", standing.silent, body.silent),
    ):
        if list(true) != stated:
            # SECURITY: a center that could call a silent party a signer would make consent out of silence
            # (tests/unit/test_dialogue_readout.py, test_silence_settled_as_consent_is_refused).
            return denied("wrong-lists", f"readout {body.id!r}: expected {name} {list(true)}, got {stated}")
    waited_s = measure_wait(
        parse_utc(message.payload.at, path="$.at"), parse_utc(body.recorded, path="$.body.recorded")
    )
    if not waited_s - WAIT_SLACK_S <= body.waited_s <= waited_s:
        return denied(
            "wrong-wait",
            f"waited_s: expected {waited_s} s (at most {WAIT_SLACK_S} s less) from {body.recorded!r} to "
            f"{message.payload.at!r}, got {body.waited_s}",
        )
    least_s = get_charter(rows).rules.readout_minutes * 60
    if standing.silent and body.waited_s < least_s:
        return denied(
            "too-early",
            f"waited_s: expected >= {least_s} s while {list(standing.silent)} have not answered, got "
            f"{body.waited_s}",
        )
    return ALLOWED


def project_settle(entry: Entry[SettleReadout], rows: Rows) -> None:
    """Write the lists down for good."""
    body = entry.message.opened()
    row = get_row(rows, ReadoutRow, body.id, what="readout")
    settlement = Settlement(
        message=entry.message.leaf,
        index=entry.index,
        at=entry.message.payload.at,
        signed=tuple(body.signed),
        dissented=tuple(body.dissented),
        silent=tuple(body.silent),
    )
    rows.put(msgspec.structs.replace(row, settlement=settlement, state="settled"))


def plan_settlements(
    rows: Rows, now_utc: datetime, recorded_utc: Callable[[LeafHash], datetime | None]
) -> list[tuple[str, SettleReadout]]:
    """Return the center's messages that are due: (kind, body), by the place of the proposal in the record.

    Args:
        now_utc: The time that the center will claim.
        recorded_utc: When a message was recorded; None where that is not known, which is then left alone.
    """
    due: list[tuple[str, SettleReadout]] = []
    least_s = get_charter(rows).rules.readout_minutes * 60
    for row in sorted(rows.select(ReadoutRow, state="open"), key=lambda one: one.index):
        recorded = recorded_utc(LeafHash(row.message))
        if recorded is None:
            continue
        standing = get_standing(row)
        waited_s = measure_wait(now_utc, recorded)
        if not standing.silent or waited_s >= least_s:
            body = SettleReadout(
                id=row.id,
                signed=list(standing.signed),
                dissented=list(standing.dissented),
                silent=list(standing.silent),
                recorded=encode_utc(recorded),
                waited_s=waited_s,
            )
            due.append(("readout.settle", body))
    return due


READOUT_SETTLE: Final = Kind(
    "readout.settle",
    SettleReadout,
    decide=decide_settle,
    project=project_settle,
    signed_by=SignedBy.CENTER,
)
