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

from entente.deconflict.activity import ActivityRow, Notify, Update
from entente.deconflict.conflicts import list_questions
from entente.deconflict.counter import Counter
from entente.deconflict.holdings import find_held
from entente.deconflict.incident_sites import MAX_INCIDENT_DAYS, ReportIncident
from entente.deconflict.index import StandingVolumes
from entente.deconflict.objects import ObjectRow, ObjectType, VersionRow, name_object, parse_volumes
from entente.deconflict.positions import measure_movement, say_metres
from entente.deconflict.readback import Confirm
from entente.deconflict.receipts import Acknowledge, Deliver
from entente.deconflict.site import DeclareSite
from entente.deconflict.zone import DeclareZone
from entente.kernel.charter import get_charter
from entente.kernel.errors import TooManyConflicts
from entente.kernel.kinds import ALLOWED, Decision, denied
from entente.kernel.message import VerifiedMessage
from entente.kernel.rows import Rows
from entente.kernel.time import encode_utc, parse_utc
from entente.space import VolumeWire, check_volume

AHEAD_S: Final = 600
"""By how much a receipt or a report may be dated ahead of the center's clock: clocks that nobody has set for
years are some minutes wrong."""
MAX_OBJECTS: Final = 100_000
"""Objects that one party may have standing: ten times what a region's busiest day has from all."""
MAX_VOLUMES: Final = 500_000
MAX_OPENED: Final = 20_000
"""Open conflicts that one party's messages may have opened: more than anybody reads."""
MAX_FEW: Final = 50
"""Who has no more objects standing is not held to `MAX_OPENED`: what he meets is not his making."""
MAX_MET: Final = 2_000
"""Objects of others that one message may meet: 0.3 s of the center's time, 1 s where it has 50 volumes."""
_MOST_HITS: Final = 20_000


def decide_intake(
    message: VerifiedMessage[Any], rows: Rows, now_utc: datetime, index: StandingVolumes | None = None
) -> Decision:
    """Allow what is sound to the last digit, dated no later than now, and not more than a party may hold.

    Args:
        now_utc: The center's time.
        index: Left out by whoever only wants to know whether his own message would be taken.

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
    if isinstance(body, Counter):
        _check(body.volumes)
    elif isinstance(body, Notify | Update):
        return _decide_object(message, "activity", body.id, body.volumes, 0, rows, index)
    elif isinstance(body, DeclareZone):
        return _decide_object(message, "zone", body.id, body.volumes, 0, rows, index)
    elif isinstance(body, DeclareSite):
        return _decide_object(message, "site", body.id, [body.volume], body.buffer_cm, rows, index)
    return ALLOWED


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


def _decide_object(
    message: VerifiedMessage[Any],
    object_type: ObjectType,
    object_id: str,
    volumes: Sequence[VolumeWire],
    buffer_cm: int,
    rows: Rows,
    index: StandingVolumes | None,
) -> Decision:
    _check(volumes)
    name = name_object(message, object_id)
    what = f"{object_type} {object_id!r}"
    known = rows.find(ObjectRow, name)
    version = rows.find(VersionRow, known.version) if known is not None else None
    held = find_held(message.author, rows)
    more = len(volumes) - (len(version.volumes) if version is not None else 0)
    # What makes it no more is always taken: whoever holds too much must be able to hold less.
    if known is None and held.objects >= MAX_OBJECTS:
        return _deny_quota(what, "objects", held.objects + 1, MAX_OBJECTS, message)
    if more > 0 and held.volumes + more > MAX_VOLUMES:
        return _deny_quota(what, "volumes", held.volumes + more, MAX_VOLUMES, message)
    if index is None:
        return ALLOWED
    # SECURITY: whoever is crowded by another opens a conflict with each of the crowd by every message of his
    # own: that must not cost him his last word (tests/unit/test_deconflict_intake.py,
    # test_a_crowd_of_one_party_does_not_silence_another).
    is_held_to = held.objects + (known is None) > MAX_FEW
    room = max(0, min(MAX_MET, MAX_OPENED - held.conflicts)) if is_held_to else MAX_MET
    met = _count_met(name, object_type, volumes, buffer_cm, (message.author, room), rows, index)
    if met <= room or (version is not None and _meets_no_more(name, version, met, rows, index)):
        return ALLOWED
    if met > MAX_MET:
        return denied(
            "meets-too-much",
            f"{what}: expected to meet <= {MAX_MET} standing objects of others, got {met} or more: tell of "
            "it in parts, each nearer to where and when it is",
        )
    return _deny_quota(what, "open conflicts", held.conflicts + met, MAX_OPENED, message)


def _meets_no_more(name: str, before: VersionRow, met: int, rows: Rows, index: StandingVolumes) -> bool:
    """Return whether an object meets no more than its version before: who turns away must be able to."""
    if met >= _MOST_HITS:
        return False
    limit = (before.author, 0)
    return met <= _count_met(name, before.type, before.volumes, before.reach_cm, limit, rows, index)


def _deny_quota(what: str, things: str, has: int, most: int, message: VerifiedMessage[Any]) -> Decision:
    # SECURITY: a party that lies without end must not stall the center for the others
    # (tests/unit/test_deconflict_intake.py, test_a_party_may_hold_so_much_and_is_told_how_to_go_on).
    return denied(
        "quota",
        f"{what}: expected <= {most} {things} of {message.author!r} to stand, got {has}: close or withdraw "
        "what is past first",
    )


def _count_met(
    name: str,
    object_type: ObjectType,
    volumes: Sequence[VolumeWire],
    buffer_cm: int,
    limit: tuple[str, int],
    rows: Rows,
    index: StandingVolumes,
) -> int:
    """Return how many standing objects it meets; without the author's own activities where that matters.

    Args:
        limit: The author, and from how many on it matters whose they are.
    """
    author, most = limit
    found: dict[ObjectType, set[str]] = {}
    try:
        for group, separation in list_questions(object_type, buffer_cm, rows):
            for volume in parse_volumes(volumes, path="$.body.volumes"):
                hits = index.query(volume, separation, group=group, most=_MOST_HITS)
                found.setdefault(group, set()).update(hit.object for hit in hits if hit.object != name)
    except TooManyConflicts:
        return _MOST_HITS
    met = sum(map(len, found.values()))
    if met <= most or object_type != "activity":
        return met
    return met - sum(not _is_others(one, author, rows) for one in found.get("activity", ()))


def _is_others(name: str, party: str, rows: Rows) -> bool:
    row = rows.find(ActivityRow, name)
    return row is not None and row.author != party
