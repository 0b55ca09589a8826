"""Simultaneous steps: each party says that it is ready; when all are, each does its part within the window.

Invariants:
  * The window opens by every party's own word and by nothing else; nobody has done its part before it opens.
  * Who is ready may say that it is not, until all are.
  * *Done* is the party's own statement, given once.

Whether it was done in time is a matter of dates: see `agreement.state`.

    >>> decide_step(message, rows).require()
"""

from __future__ import annotations

from typing import Final, Literal

import msgspec

from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Rows, get_row
from entente.kernel.wire import NoteText, SlugText, WireStruct
from entente.terms.agreement.rows import AgreementRow, StepRow, decide_signed, make_stamp
from entente.terms.agreement.text import find_clock, list_parties_of


class TakeStep(WireStruct, frozen=True):
    """Body of ``agreement.step``: a party is ready, is not, or has done its part."""

    id: SlugText
    clock: SlugText
    step: Literal["ready", "not-ready", "done"]
    note: NoteText


def decide_step(message: VerifiedMessage[TakeStep], rows: Rows) -> Decision:
    """Allow the next word of a party on its part of simultaneous steps."""
    body = message.opened()
    signed = decide_signed(message, body.id, rows)
    if not signed.is_allowed:
        return signed
    text = get_row(rows, AgreementRow, body.id, what="agreement").text
    clock = find_clock(text, body.clock)
    if clock is None or clock.kind != "simultaneous":
        return denied(
            "unknown-clock",
            f"agreement {body.id!r}: expected a clock of simultaneous steps, got {body.clock!r}",
        )
    what = f"clock {body.clock!r} at {message.author!r}"
    own = find_step(rows, body.id, body.clock, message.author)
    waiting = [
        party for party in list_parties_of(text) if find_step(rows, body.id, body.clock, party).ready is None
    ]
    match body.step:
        case "ready" if own.ready is not None:
            return denied("already-ready", f"{what}: expected it not to be, ready by entry {own.ready.index}")
        case "not-ready" if own.ready is None:
            return denied("not-ready", f"{what}: expected it to be ready before it takes that back")
        case "not-ready" if not waiting:
            return denied("window-open", f"{what}: expected a party that is not ready, all are")
        case "done" if waiting:
            return denied("not-all-ready", f"{what}: expected all to be ready first, missing: {waiting}")
        case "done" if own.done is not None:
            return denied("already-done", f"{what}: expected it not to be, done by entry {own.done.index}")
    return ALLOWED


def project_step(entry: Entry[TakeStep], rows: Rows) -> None:
    """Write the word down."""
    body, stamp = entry.message.opened(), make_stamp(entry)
    own = find_step(rows, body.id, body.clock, entry.message.author)
    match body.step:
        case "ready":
            own = msgspec.structs.replace(own, ready=stamp)
        case "not-ready":
            own = msgspec.structs.replace(own, ready=None)
        case "done":
            own = msgspec.structs.replace(own, done=stamp)
    rows.put(own)


def find_step(rows: Rows, agreement_id: str, clock_id: str, party: str) -> StepRow:
    """Return what a party said of its part; nothing yet is a row without words."""
    empty = StepRow(agreement_id, clock_id, party, None, None)
    return rows.find(StepRow, empty.key()) or empty


AGREEMENT_STEP: Final = Kind(
    "agreement.step",
    TakeStep,
    decide=decide_step,
    project=project_step,
    min_officers=1,
    acknowledged=True,
)
