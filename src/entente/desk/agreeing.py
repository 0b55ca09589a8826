"""The verbs of agreements: propose, sign, refuse, report, move, consent, step, suspend, leave; and look.

Invariants: those of `speaking`; what is signed is the text that the record has, by its hash; the state that
is shown is computed from our own copy of the record, each time it is asked for.

    >>> sign(desk, SignAgreementRequest(officer="pentagon-1", id="ceasefire", agency="pentagon"))
    Said(state='recorded', index=17, ...)
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal

import msgspec

from entente.desk.assembly import Desk
from entente.desk.requests import MessageName, ReasonText, Spoken
from entente.desk.speaking import Said, put
from entente.joint.dating import make_received
from entente.kernel.errors import Denied
from entente.kernel.message import encode_body
from entente.kernel.rows import get_row
from entente.kernel.time import parse_utc
from entente.kernel.wire import NoteText, OptionalHex64, OptionalSlug, SlugText, UtcText, WireStruct
from entente.terms import agreement as ag
from entente.terms.agreement.drafting import check_draft
from entente.terms.agreement.text import MAX_DAYS

Plain = dict[str, Any]
_BRIEF: Final = ("id", "title", "sha256", "phase", "why", "since", "ends", "entries")
"""An agreement in a list: who proposes many of them, with long texts, makes no answer too long to be sent."""
OptionalTime = Annotated[str, msgspec.Meta(max_length=27)]


class ProposeAgreementRequest(Spoken, frozen=True, kw_only=True):
    """Propose the text of an agreement. It signs for nobody."""

    text: ag.AgreementText


class SignAgreementRequest(Spoken, frozen=True, kw_only=True):
    """Sign an agreement for our party, or for an agency of ours; ``sha256``: only if it is this text."""

    id: SlugText
    agency: OptionalSlug = ""
    sha256: OptionalHex64 = ""


class RefuseAgreementRequest(Spoken, frozen=True, kw_only=True):
    """Refuse an agreement for our party, or for an agency of ours, with a reason."""

    id: SlugText
    reason: ReasonText
    agency: OptionalSlug = ""


class IncidentRequest(Spoken, frozen=True, kw_only=True):
    """Report an incident against a clock of an agreement."""

    id: SlugText
    clock: SlugText
    happened: UtcText
    text: ReasonText


class AnswerIncidentRequest(Spoken, frozen=True, kw_only=True):
    """Accept or dispute another party's report."""

    incident: MessageName
    answer: Literal["accepted", "disputed"]
    text: NoteText = ""


class ResetRequest(Spoken, frozen=True, kw_only=True):
    """Move that the days be counted anew from an incident."""

    incident: MessageName
    reason: NoteText = ""


class ExtendRequest(Spoken, frozen=True, kw_only=True):
    """Move that an agreement end so many days later."""

    id: SlugText
    days: Annotated[int, msgspec.Meta(ge=1, le=MAX_DAYS)]
    reason: NoteText = ""


class ConsentRequest(Spoken, frozen=True, kw_only=True):
    """Say yes or no to a motion, for our party or for an agency of ours."""

    motion: MessageName
    agency: OptionalSlug = ""
    word: Literal["yes", "no"] = "yes"
    reason: NoteText = ""


class StepRequest(Spoken, frozen=True, kw_only=True):
    """Say that we are ready for simultaneous steps, are not, or have done our part."""

    id: SlugText
    clock: SlugText
    step: Literal["ready", "not-ready", "done"]
    note: NoteText = ""


class SuspendRequest(Spoken, frozen=True, kw_only=True):
    """Suspend an agreement at once, with a reason."""

    id: SlugText
    reason: ReasonText


class ResumeRequest(Spoken, frozen=True, kw_only=True):
    """Lift our own suspension."""

    id: SlugText
    note: NoteText = ""


class WithdrawAgreementRequest(Spoken, frozen=True, kw_only=True):
    """Give notice that we leave an agreement."""

    id: SlugText
    reason: ReasonText


class AgreementRequest(WireStruct, frozen=True, kw_only=True):
    """Name an agreement; ``at`` empty: as it stands now."""

    name: SlugText
    at: OptionalTime = ""


def propose(desk: Desk, request: ProposeAgreementRequest) -> Said:
    """Propose a text, having checked it as a whole."""
    return put(desk, request, "agreement.propose", ag.ProposeAgreement(check_draft(request.text)))


def sign(desk: Desk, request: SignAgreementRequest) -> Said:
    """Sign the very text that was proposed."""
    row = get_row(desk.rows, ag.AgreementRow, request.id, what="agreement")
    if request.sha256 and request.sha256 != row.sha256:
        raise Denied("other-bytes", f"agreement {row.id!r}: expected {request.sha256}, got {row.sha256}")
    return put(desk, request, "agreement.sign", ag.SignAgreement(row.id, row.sha256, request.agency))


def refuse(desk: Desk, request: RefuseAgreementRequest) -> Said:
    """Refuse the very text that was proposed."""
    row = get_row(desk.rows, ag.AgreementRow, request.id, what="agreement")
    body = ag.RefuseAgreement(row.id, row.sha256, request.agency, request.reason)
    return put(desk, request, "agreement.refuse", body)


def report_incident(desk: Desk, request: IncidentRequest) -> Said:
    """Report an incident. No clock moves."""
    body = ag.ReportIncident(request.id, request.clock, request.happened, request.text)
    return put(desk, request, "agreement.incident", body)


def answer_incident(desk: Desk, request: AnswerIncidentRequest) -> Said:
    """Accept or dispute a report."""
    leaf = desk.archive.resolve(request.incident).leaf
    return put(desk, request, "agreement.answer", ag.AnswerIncident(leaf, request.answer, request.text))


def move_reset(desk: Desk, request: ResetRequest) -> Said:
    """Move a reset; it takes effect with every consent."""
    leaf = desk.archive.resolve(request.incident).leaf
    return put(desk, request, "agreement.reset", ag.MoveReset(leaf, request.reason))


def move_extension(desk: Desk, request: ExtendRequest) -> Said:
    """Move an extension; it takes effect with every consent."""
    return put(desk, request, "agreement.extend", ag.MoveExtension(request.id, request.days, request.reason))


def consent(desk: Desk, request: ConsentRequest) -> Said:
    """Say yes or no to a motion."""
    leaf = desk.archive.resolve(request.motion).leaf
    body = ag.Consent(leaf, request.agency, request.word, request.reason)
    return put(desk, request, "agreement.consent", body)


def take_step(desk: Desk, request: StepRequest) -> Said:
    """Say where we are with our part of simultaneous steps."""
    body = ag.TakeStep(request.id, request.clock, request.step, request.note)
    return put(desk, request, "agreement.step", body)


def suspend(desk: Desk, request: SuspendRequest) -> Said:
    """Suspend an agreement in our name."""
    return put(desk, request, "agreement.suspend", ag.SuspendAgreement(request.id, request.reason))


def resume(desk: Desk, request: ResumeRequest) -> Said:
    """Lift our own suspension."""
    return put(desk, request, "agreement.resume", ag.ResumeAgreement(request.id, request.note))


def withdraw(desk: Desk, request: WithdrawAgreementRequest) -> Said:
    """Give notice."""
    return put(desk, request, "agreement.withdraw", ag.WithdrawAgreement(request.id, request.reason))


def get_agreement(desk: Desk, request: AgreementRequest) -> Plain:
    """Return an agreement's state, and how far each entry that it rests on has come."""
    moment = parse_utc(request.at, path="$.at") if request.at else desk.clock.now_utc()
    return _describe(desk, request.name, moment)


def list_agreements(desk: Desk) -> list[Plain]:
    """Return where every agreement stands, in the order of names; the whole of one: `get_agreement`."""
    now, received = desk.clock.now_utc(), make_received(desk.rows)
    views = (
        ag.describe_agreement(desk.rows, row.id, now, received) for row in desk.rows.select(ag.AgreementRow)
    )
    return [{name: getattr(view, name) for name in _BRIEF} for view in views]


def get_agreement_text(desk: Desk, request: AgreementRequest) -> Plain:
    """Return the text that is signed, with its bytes and their hash."""
    row = get_row(desk.rows, ag.AgreementRow, request.name, what="agreement")
    return {
        "id": row.id,
        "sha256": row.sha256,
        "bytes": encode_body(row.text).decode(),
        "text": msgspec.to_builtins(row.text),
    }


def _describe(desk: Desk, name: str, moment: datetime) -> Plain:
    view = ag.describe_agreement(desk.rows, name, moment, make_received(desk.rows))
    plain: Plain = msgspec.to_builtins(view)
    entries = {*view.entries, *(index for one in view.clocks for index in one.entries)}
    return plain | {"standings": {str(index): desk.follower.standing(index) for index in sorted(entries)}}
