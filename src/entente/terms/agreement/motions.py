"""Motions: what changes a clock only by the consent of every party and every agency.

*Reset*: the days without an incident are counted anew from a named incident. *Extend*: the end moves by so
many days. A motion is named by its leaf, so that a consent is to exactly what was moved.

Invariants:
  * Carried when every signatory of the agreement has said yes, and by nothing else; who moved it has not yet
    said yes for anyone. Silence is never consent.
  * Until then the last word of each counts, and one no keeps it from being carried; then no word is taken
    back.
  * One motion an incident: who did not get a reset cannot ask again under another name.
  * One motion to extend at a time, until somebody denies it: nobody can keep the others from moving another.

It does not say what a motion that was carried does to a clock: see `agreement.state`.

    >>> decide_consent(message, rows).require()
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Rows, get_row
from entente.kernel.wire import Hex64, NoteText, OptionalSlug, SlugText, WireStruct
from entente.terms.agreement.rows import (
    AgreementRow,
    IncidentRow,
    LatestRow,
    MotionRow,
    Word,
    decide_party,
    decide_signatory,
    decide_signed,
    is_unanimous,
    make_stamp,
    put_word,
)
from entente.terms.agreement.text import MAX_DAYS, Signatory, find_clock_of_kind


class MoveReset(WireStruct, frozen=True):
    """Body of ``agreement.reset``: count the days anew from this incident."""

    incident: Hex64
    reason: NoteText


class MoveExtension(WireStruct, frozen=True):
    """Body of ``agreement.extend``: let the agreement end so many days later."""

    id: SlugText
    days: Annotated[int, msgspec.Meta(ge=1, le=MAX_DAYS)]
    reason: NoteText


class Consent(WireStruct, frozen=True):
    """Body of ``agreement.consent``: a signatory's word on a motion; ``agency`` empty: for the party."""

    motion: Hex64
    agency: OptionalSlug
    word: Literal["yes", "no"]
    reason: NoteText


def decide_reset(message: VerifiedMessage[MoveReset], rows: Rows) -> Decision:
    """Allow a party to move that the days be counted anew from an incident, once for each incident."""
    body = message.opened()
    incident = rows.find(IncidentRow, body.incident)
    if incident is None:
        return denied(
            "unknown-incident", f"incident {body.incident[:12]!r}: expected one in the record, found none"
        )
    signed = decide_signed(message, incident.agreement, rows)
    if not signed.is_allowed:
        return signed
    for known in rows.select(MotionRow, incident=body.incident):
        return denied(
            "already-moved",
            f"incident {body.incident[:12]!r}: expected no motion yet, entry {known.moved.index} is one",
        )
    return ALLOWED


def project_reset(entry: Entry[MoveReset], rows: Rows) -> None:
    """Open the motion. No clock moves."""
    body = entry.message.opened()
    incident = get_row(rows, IncidentRow, body.incident, what="incident")
    rows.put(
        MotionRow(
            message=entry.message.leaf,
            agreement=incident.agreement,
            motion="reset",
            clock=incident.clock,
            incident=body.incident,
            happened=incident.happened,
            days=0,
            reason=body.reason,
            moved=make_stamp(entry),
            words=(),
            carried=None,
        )
    )


def decide_extend(message: VerifiedMessage[MoveExtension], rows: Rows) -> Decision:
    """Allow a party to move that an agreement which has an end may last longer."""
    body = message.opened()
    signed = decide_signed(message, body.id, rows)
    if not signed.is_allowed:
        return signed
    if find_clock_of_kind(get_row(rows, AgreementRow, body.id, what="agreement").text, "expiry") is None:
        return denied("no-expiry", f"agreement {body.id!r}: expected one with an expiry clock")
    latest = rows.find(LatestRow, f"{body.id}:extend")
    known = None if latest is None else rows.find(MotionRow, latest.message)
    if known is not None and known.carried is None and all(word.word == "yes" for word in known.words):
        return denied(
            "already-moved",
            f"agreement {body.id!r}: expected no open motion to extend, entry {known.moved.index} is one; "
            "once a signatory denies it, another may be moved",
        )
    return ALLOWED


def project_extend(entry: Entry[MoveExtension], rows: Rows) -> None:
    """Open the motion. The end does not move."""
    body = entry.message.opened()
    clock = find_clock_of_kind(get_row(rows, AgreementRow, body.id, what="agreement").text, "expiry")
    if clock is None:
        raise AssertionError(f"agreement {body.id!r}: its rule allowed an extension without an expiry clock")
    rows.put(LatestRow(f"{body.id}:extend", entry.message.leaf))
    rows.put(
        MotionRow(
            message=entry.message.leaf,
            agreement=body.id,
            motion="extend",
            clock=clock.id,
            incident="",
            happened="",
            days=body.days,
            reason=body.reason,
            moved=make_stamp(entry),
            words=(),
            carried=None,
        )
    )


def decide_consent(message: VerifiedMessage[Consent], rows: Rows) -> Decision:
    """Allow a signatory of the author's own a word on an open motion that it has not said already."""
    body = message.opened()
    motion = rows.find(MotionRow, body.motion)
    if motion is None:
        return denied(
            "unknown-motion", f"motion {body.motion[:12]!r}: expected one in the record, found none"
        )
    party = decide_party(message, motion.agreement, rows)
    if not party.is_allowed:
        return party
    text = get_row(rows, AgreementRow, motion.agreement, what="agreement").text
    able = decide_signatory(message, text, body.agency, rows)
    if not able.is_allowed:
        return able
    if motion.carried is not None:
        return denied(
            "already-carried",
            f"motion {body.motion[:12]!r}: expected an open one, carried by entry {motion.carried.index}",
        )
    signatory = Signatory(message.author, body.agency)
    said = next((one for one in motion.words if one.signatory == signatory), None)
    if said is not None and said.word == body.word:
        return denied(
            "already-answered",
            f"motion {body.motion[:12]!r}: expected another word of {str(signatory)!r} than that of entry "
            f"{said.stamp.index}",
        )
    return ALLOWED


def project_consent(entry: Entry[Consent], rows: Rows) -> None:
    """Write the word down; the last yes that was missing carries the motion."""
    body = entry.message.opened()
    motion = get_row(rows, MotionRow, body.motion, what="motion")
    text = get_row(rows, AgreementRow, motion.agreement, what="agreement").text
    stamp = make_stamp(entry)
    words = put_word(motion.words, Word(entry.message.author, body.agency, body.word, body.reason, stamp))
    carried = stamp if is_unanimous(text, words) else None
    rows.put(msgspec.structs.replace(motion, words=words, carried=carried))


AGREEMENT_RESET: Final = Kind(
    "agreement.reset",
    MoveReset,
    decide=decide_reset,
    project=project_reset,
    min_officers=1,
    acknowledged=True,
)
AGREEMENT_EXTEND: Final = Kind(
    "agreement.extend",
    MoveExtension,
    decide=decide_extend,
    project=project_extend,
    min_officers=1,
    acknowledged=True,
)
AGREEMENT_CONSENT: Final = Kind(
    "agreement.consent",
    Consent,
    decide=decide_consent,
    project=project_consent,
    min_officers=1,
    acknowledged=True,
)
