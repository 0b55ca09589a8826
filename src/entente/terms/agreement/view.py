"""What can be said of an agreement at a moment: values only, fit for JSON, each with the entries it rests on.

Invariants: an instant is RFC 3339 UTC, or empty where there is none yet; ``entries`` are indexes of the
record; nothing here says "due" without saying why.

`agreement_state.describe_agreement` makes them.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from entente.terms.agreement.text import AgreementText

Phase = Literal["proposed", "refused", "signed", "in-force", "suspended", "ended"]
"""proposed: signatures are missing; refused: one said no; signed: by all, not yet known to all."""


class SignatoryView(msgspec.Struct, frozen=True):
    """A party or agency that must sign, and its word."""

    party: str
    agency: str
    name: str
    word: Literal["signed", "refused", "silent"]
    reason: str
    entries: tuple[int, ...]


class MeasureView(msgspec.Struct, frozen=True):
    """A measure and whether it is to be done: ``held`` until its clocks are reached."""

    id: str
    says: str
    state: Literal["not-in-force", "held", "waiting", "due", "done", "in-force", "suspended", "ended"]
    by: tuple[str, ...]
    since: str
    why: str
    entries: tuple[int, ...]


class ClockView(msgspec.Struct, frozen=True):
    """A clock: since when it runs, when it will be full or over, and how much has passed."""

    id: str
    kind: str
    says: str
    state: Literal[
        "not-started", "running", "paused", "reached", "waiting", "open", "kept", "unclear", "broken", "over"
    ]
    start: str
    end: str
    days_passed: int
    why: str
    entries: tuple[int, ...]


class IncidentView(msgspec.Struct, frozen=True):
    """A report, and each other party's answer: accepted, disputed, or silent."""

    message: str
    clock: str
    by: str
    happened: str
    text: str
    answers: dict[str, str]
    entries: tuple[int, ...]


class MotionView(msgspec.Struct, frozen=True):
    """A motion and what has become of it; ``pending``: carried, and not yet known to all."""

    message: str
    motion: str
    clock: str
    by: str
    days: int
    state: Literal["open", "denied", "pending", "in-effect", "without-effect"]
    words: dict[str, str]
    why: str
    entries: tuple[int, ...]


class Due(msgspec.Struct, frozen=True):
    """What somebody is to do, or is asked for: who, what, and why.

    ``by`` when and ``since`` when it is due are empty where no time is set.
    """

    kind: Literal["sign", "answer", "consent", "ready", "step", "measure"]
    party: str
    agency: str
    what: str
    by: str
    is_overdue: bool
    why: str
    entries: tuple[int, ...]
    since: str = ""


class Ahead(msgspec.Struct, frozen=True):
    """What will come about by itself, and when."""

    at: str
    what: str
    why: str
    entries: tuple[int, ...]


class AgreementView(msgspec.Struct, frozen=True):
    """An agreement at ``now``: what stands, what is due, what is ahead, and what to note."""

    id: str
    title: str
    sha256: str
    now: str
    phase: Phase
    why: str
    since: str
    ends: str
    entries: tuple[int, ...]
    text: AgreementText
    signatories: tuple[SignatoryView, ...]
    measures: tuple[MeasureView, ...]
    clocks: tuple[ClockView, ...]
    incidents: tuple[IncidentView, ...]
    motions: tuple[MotionView, ...]
    due: tuple[Due, ...]
    ahead: tuple[Ahead, ...]
    notes: tuple[str, ...]
