"""What a center looks at before it takes a *new* message in, besides the kind's rule.

A rule is the same for everyone and for ever: what it refuses was never to be recorded. What is here is not.
It hangs on a distance's last digits, on a clock, or on what a center can carry, and so another center, or
this one on another day, may say otherwise. So it is asked once, when a message comes in, and of nothing that
stands in a record: whoever reads that accepts it.

Invariants:
  * A refusal changes nothing and says how to go on.
  * Nothing is asked of what cannot be read here.

It is no rule: an entry that passed none of this is no evidence against its center.

    >>> decide_intake(message, rows, now_utc, index).require()
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from entente.deconflict.activity import Notify, Update
from entente.deconflict.counter import Counter
from entente.deconflict.incident_sites import MAX_INCIDENT_DAYS, ReportIncident
from entente.deconflict.index import StandingVolumes
from entente.deconflict.objects import VersionRow, name_object
from entente.deconflict.positions import measure_movement, say_metres
from entente.deconflict.quota import Asking, Pace, Told, decide_quota
from entente.deconflict.readback import Confirm
from entente.deconflict.receipts import Acknowledge, Deliver
from entente.deconflict.site import DeclareSite
from entente.deconflict.zone import DeclareZone
from entente.kernel.charter import get_charter
from entente.kernel.kinds import ALLOWED, Decision, denied
from entente.kernel.message import VerifiedMessage
from entente.kernel.rows import Rows
from entente.kernel.time import encode_utc, parse_utc
from entente.space import VolumeWire, check_volume

AHEAD_S: Final = 600
"""By how much a receipt or a report may be dated ahead of the center's clock: clocks that nobody has set for
years are some minutes wrong."""


def decide_intake(
    message: VerifiedMessage[Any],
    rows: Rows,
    now_utc: datetime,
    index: StandingVolumes | None = None,
    pace: Pace | None = None,
) -> Decision:
    """Allow what is sound to the last digit, dated no later than now, and not more than a party may hold.

    Args:
        now_utc: The center's time.
        index: Left out by whoever only wants to know whether his own message would be taken.
        pace: What the center remembers of earlier messages; changed by one that is allowed.

    Raises:
        InvalidVolume: A volume is none, though another machine may not have seen it.
    """
    body = message.body
    if isinstance(body, Deliver | Acknowledge):
        return _decide_ahead(message, now_utc)
    if isinstance(body, ReportIncident):
        ahead = _decide_ahead(message, now_utc)
        return ahead if not ahead.is_allowed else _decide_report(message, body)
    if isinstance(body, Confirm):
        return _decide_confirm(body, rows)
    told: Told | None = None
    if isinstance(body, Counter):
        _check(body.volumes)
    elif isinstance(body, Notify | Update):
        told = Told(name_object(message, body.id), "activity", body.id, body.volumes)
    elif isinstance(body, DeclareZone):
        told = Told(name_object(message, body.id), "zone", body.id, body.volumes)
    elif isinstance(body, DeclareSite):
        told = Told(name_object(message, body.id), "site", body.id, [body.volume], body.buffer_cm)
    if told is None:
        return ALLOWED
    _check(told.volumes)
    return decide_quota(message, told, rows, index, Asking(now_utc, pace))


def _check(volumes: Sequence[VolumeWire]) -> None:
    for place, wire in enumerate(volumes):
        check_volume(wire, path=f"$.body.volumes[{place}]")


def _decide_ahead(message: VerifiedMessage[Any], now_utc: datetime) -> Decision:
    # SECURITY: a receipt of the year 8999 would put off what it starts for ever: a zone's notice, a site's
    # notification (tests/unit/test_deconflict_intake.py, test_a_receipt_of_the_far_future_is_not_taken_in).
    if parse_utc(message.payload.at) > now_utc + timedelta(seconds=AHEAD_S):
        return denied(
            "ahead",
            f"{message.payload.kind}: expected a time up to {AHEAD_S} s after the center's "
            f"{encode_utc(now_utc)!r}, got {message.payload.at!r}: set the desk's clock and say it again",
        )
    return ALLOWED


def _decide_report(message: VerifiedMessage[Any], body: ReportIncident) -> Decision:
    start_utc, end_utc = parse_utc(body.start), parse_utc(body.end)
    if end_utc > parse_utc(message.payload.at):
        return denied(
            "not-yet",
            f"incident {body.id!r}: expected an end up to {message.payload.at!r}, got {body.end!r}: "
            "report what has happened so far",
        )
    if end_utc - start_utc > timedelta(days=MAX_INCIDENT_DAYS):
        return denied(
            "too-long",
            f"incident {body.id!r}: expected an end within {MAX_INCIDENT_DAYS} days of {body.start!r}, got "
            f"{body.end!r}: report parts of it",
        )
    return ALLOWED


def _decide_confirm(body: Confirm, rows: Rows) -> Decision:
    version = rows.find(VersionRow, body.message)
    moved_cm = measure_movement(version, rows) if version else None
    tolerance_cm = get_charter(rows).rules.read_back_tolerance_cm
    if moved_cm is not None and abs(moved_cm - body.moved_cm) > tolerance_cm:
        return denied(
            "other-movement",
            f"confirmation of {body.message[:12]}: expected the movement {say_metres(moved_cm)} within "
            f"{say_metres(tolerance_cm)}, got {say_metres(body.moved_cm)}",
        )
    return ALLOWED
