"""The deadline of a concurrence: whoever was asked and has not answered by then has let it lapse.

Only the center speaks here, as on the ladder (`entente.deconflict.ladder`), and it can only say what everyone
can check. The default stays no: a lapse adds no answer, it says that there was none in time.

Invariants:
  * An answer is due by the time that the author named, or, where he named none, by the start of the activity;
    and never before the charter's ``lapse_minutes`` have passed since the version was recorded. So an author
    who names a time too early, or tells of what has begun, takes nobody's time to answer away.
  * The recording time is the one that the center states for the version's receipts, one for all.
  * What is sealed the center cannot see, and so nothing lapses there; desks show that its time has passed.
  * One lapse for each party and version, and none once it has answered.

It does not know the time: ``now_utc`` and the recording times are arguments.

    >>> plan_concurrence(rows, now_utc, recorded_utc)
    [('concurrence.lapse', LapseConcurrence(version='5c…', party='ru', due='2016-09-17T15:00:00Z', …))]
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

import msgspec

from entente.deconflict.carry import ConcurrenceRow, may_count
from entente.deconflict.objects import ObjectRow, VersionRow
from entente.deconflict.receipts import find_receipt, list_receipts, make_stamp
from entente.kernel.charter import get_charter, list_parties
from entente.kernel.ids import LeafHash
from entente.kernel.kinds import ALLOWED, Decision, Kind, SignedBy, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Rows
from entente.kernel.time import encode_utc, parse_utc
from entente.kernel.wire import Hex64, SlugText, UtcText, WireStruct
from entente.space import SURE_HOLD_M


class LapseConcurrence(WireStruct, frozen=True):
    """Body of ``concurrence.lapse``: a party that was asked has not answered by the time it was due."""

    version: Hex64
    party: SlugText
    recorded: UtcText
    due: UtcText


def decide_lapse_concurrence(message: VerifiedMessage[LapseConcurrence], rows: Rows) -> Decision:
    """Allow once the answer is due, by the author's time and by the charter's, and has not come."""
    body = message.opened()
    what = f"answer of {body.party!r} to version {body.version[:12]}"
    version = rows.find(VersionRow, body.version)
    thing = rows.find(ObjectRow, version.object) if version else None
    row = rows.find(ConcurrenceRow, f"{body.version}:{body.party}")
    if thing is None or row is None or thing.to:
        # One answer whether it exists for others or not: host and desks decide alike.
        return denied("not-asked", f"{what}: expected one that was asked for openly, found none")
    if row.answer == "void" or thing.state != "standing" or thing.version != body.version:
        return denied("superseded", f"{what}: expected one that is waited for, that version is past")
    # A yes that is carried over by a hair may not be at the center, which then waits for one.
    is_sure = not row.carried_from or may_count(rows, row.version, row.party, SURE_HOLD_M)
    if row.answer != "waiting" and is_sure:
        return denied("already-answered", f"{what}: expected none yet, it has {row.answer}")
    known = find_stated(rows, body.version)
    if known is not None and encode_utc(known) != body.recorded:
        return denied(
            "other-time", f"{what}: expected recorded {encode_utc(known)!r} as stated, got {body.recorded!r}"
        )
    due = find_due(row, parse_utc(body.recorded, path="$.body.recorded"), rows)
    if encode_utc(due) != body.due:
        return denied("wrong-due", f"{what}: expected due by {encode_utc(due)!r}, got {body.due!r}")
    if parse_utc(message.payload.at, path="$.at") < due:
        return denied("too-early", f"{what}: expected a time >= {body.due!r}, got {message.payload.at!r}")
    return ALLOWED


def project_lapse_concurrence(entry: Entry[LapseConcurrence], rows: Rows) -> None:
    """Write down that there was no answer in time."""
    body = entry.message.opened()
    row = rows.find(ConcurrenceRow, f"{body.version}:{body.party}")
    if row is not None:
        # What it had agreed to before is not carried past its silence.
        rows.put(
            msgspec.structs.replace(
                row, answer="lapsed", stamp=make_stamp(entry), due_by=body.due, agreed=None
            )
        )
    receipt = find_receipt(rows, body.version, body.party)
    if receipt is not None:
        rows.put(msgspec.structs.replace(receipt, recorded_utc=body.recorded))


def plan_concurrence(
    rows: Rows, now_utc: datetime, recorded_utc: Callable[[LeafHash], datetime | None]
) -> list[tuple[str, LapseConcurrence]]:
    """Return the center's messages that are due: (kind, body), by version and party.

    Applied in this order, each is allowed; asked again after that at the same time, nothing is due.

    Args:
        now_utc: The time that the center will claim.
        recorded_utc: When a message was recorded; None where that is not known, which is then left alone.
    """
    due: list[tuple[str, LapseConcurrence]] = []
    for row in rows.select(ConcurrenceRow, answer="waiting"):
        recorded = find_stated(rows, row.version) or recorded_utc(LeafHash(row.version))
        version = rows.find(VersionRow, row.version)
        thing = rows.find(ObjectRow, version.object) if version else None
        if recorded is None or thing is None or thing.to:
            continue
        by = find_due(row, recorded, rows)
        if now_utc >= by:
            body = LapseConcurrence(row.version, row.party, encode_utc(recorded), encode_utc(by))
            due.append(("concurrence.lapse", body))
    return due


def find_due(row: ConcurrenceRow, recorded: datetime, rows: Rows) -> datetime:
    """Return when an answer is due: the author's time, but never before the charter's minutes have passed."""
    least = recorded + timedelta(minutes=get_charter(rows).rules.lapse_minutes)
    return max(parse_utc(row.due_by), least)


def find_stated(rows: Rows, version: str) -> datetime | None:
    """Return the recording time that the center has stated for this version, to whichever party first."""
    for receipt in list_receipts(rows, version, list_parties(rows)):
        if receipt.recorded_utc:
            return parse_utc(receipt.recorded_utc)
    return None


CONCURRENCE_LAPSE: Final = Kind(
    "concurrence.lapse",
    LapseConcurrence,
    decide=decide_lapse_concurrence,
    project=project_lapse_concurrence,
    signed_by=SignedBy.CENTER,
)
