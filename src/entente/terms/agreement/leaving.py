"""What one party may do alone: suspend an agreement, lift its suspension, and withdraw with notice.

Invariants:
  * A suspension holds at once, stands in one party's name with its reason, and is lifted by that party alone:
    no other can make it act, and no other can keep it from going back to what all signed.
  * A withdrawal is given once and not taken back; a notice that could be would cost nothing to give.
  * Neither restarts a clock.

It does not say when a notice is over: see `agreement.state`.

    >>> decide_withdraw(message, rows).require()
"""

from __future__ import annotations

from typing import Final

import msgspec

from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Rows, get_row
from entente.kernel.wire import NoteText, SlugText, WireStruct
from entente.terms.agreement.rows import (
    AgreementRow,
    LatestRow,
    SuspensionRow,
    WithdrawalRow,
    decide_signed,
    make_stamp,
)
from entente.terms.agreement.signing import ReasonText
from entente.terms.agreement.text import find_clock_of_kind


class SuspendAgreement(WireStruct, frozen=True):
    """Body of ``agreement.suspend``."""

    id: SlugText
    reason: ReasonText


class ResumeAgreement(WireStruct, frozen=True):
    """Body of ``agreement.resume``: the author lifts its own suspension."""

    id: SlugText
    note: NoteText


class WithdrawAgreement(WireStruct, frozen=True):
    """Body of ``agreement.withdraw``."""

    id: SlugText
    reason: ReasonText


def find_suspension(rows: Rows, agreement_id: str, party: str) -> SuspensionRow | None:
    """Return the suspension of a party's that stands, or None."""
    latest = rows.find(LatestRow, f"{agreement_id}:suspend:{party}")
    found = None if latest is None else rows.find(SuspensionRow, latest.message)
    return None if found is None or found.resumed is not None else found


def decide_suspend(message: VerifiedMessage[SuspendAgreement], rows: Rows) -> Decision:
    """Allow a party of a signed agreement to suspend it, when no suspension of its own stands."""
    body = message.opened()
    signed = decide_signed(message, body.id, rows)
    if not signed.is_allowed:
        return signed
    standing = find_suspension(rows, body.id, message.author)
    if standing is not None:
        return denied(
            "already-suspended",
            f"agreement {body.id!r}: expected no suspension of {message.author!r}, entry "
            f"{standing.suspended.index} stands",
        )
    return ALLOWED


def project_suspend(entry: Entry[SuspendAgreement], rows: Rows) -> None:
    """Write the suspension down with its reason."""
    body = entry.message.opened()
    rows.put(LatestRow(f"{body.id}:suspend:{entry.message.author}", entry.message.leaf))
    rows.put(
        SuspensionRow(
            message=entry.message.leaf,
            agreement=body.id,
            party=entry.message.author,
            reason=body.reason,
            suspended=make_stamp(entry),
            resumed=None,
        )
    )


def decide_resume(message: VerifiedMessage[ResumeAgreement], rows: Rows) -> Decision:
    """Allow a party to lift the suspension that stands in its own name."""
    body = message.opened()
    signed = decide_signed(message, body.id, rows)
    if not signed.is_allowed:
        return signed
    if find_suspension(rows, body.id, message.author) is None:
        return denied(
            "not-suspended", f"agreement {body.id!r}: expected a suspension of {message.author!r}, found none"
        )
    return ALLOWED


def project_resume(entry: Entry[ResumeAgreement], rows: Rows) -> None:
    """Lift the author's suspension."""
    body = entry.message.opened()
    standing = find_suspension(rows, body.id, entry.message.author)
    if standing is None:
        raise AssertionError(f"agreement {body.id!r}: its rule allowed a resumption without a suspension")
    rows.put(msgspec.structs.replace(standing, resumed=make_stamp(entry)))


def decide_withdraw(message: VerifiedMessage[WithdrawAgreement], rows: Rows) -> Decision:
    """Allow a party of a signed agreement that provides for it to give notice, once."""
    body = message.opened()
    signed = decide_signed(message, body.id, rows)
    if not signed.is_allowed:
        return signed
    text = get_row(rows, AgreementRow, body.id, what="agreement").text
    if find_clock_of_kind(text, "withdrawal") is None:
        return denied(
            "no-withdrawal",
            f"agreement {body.id!r}: expected one with a withdrawal clock; it can be suspended",
        )
    known = rows.find(WithdrawalRow, f"{body.id}:{message.author}")
    if known is not None:
        return denied(
            "already-withdrawn",
            f"agreement {body.id!r}: expected no notice of {message.author!r} yet, entry "
            f"{known.withdrawn.index} is one",
        )
    return ALLOWED


def project_withdraw(entry: Entry[WithdrawAgreement], rows: Rows) -> None:
    """Write the notice down with its reason."""
    body = entry.message.opened()
    rows.put(
        WithdrawalRow(
            agreement=body.id,
            party=entry.message.author,
            reason=body.reason,
            withdrawn=make_stamp(entry),
        )
    )


AGREEMENT_SUSPEND: Final = Kind(
    "agreement.suspend",
    SuspendAgreement,
    decide=decide_suspend,
    project=project_suspend,
    min_officers=1,
    acknowledged=True,
)
AGREEMENT_RESUME: Final = Kind(
    "agreement.resume",
    ResumeAgreement,
    decide=decide_resume,
    project=project_resume,
    min_officers=1,
    acknowledged=True,
)
AGREEMENT_WITHDRAW: Final = Kind(
    "agreement.withdraw",
    WithdrawAgreement,
    decide=decide_withdraw,
    project=project_withdraw,
    min_officers=1,
    acknowledged=True,
)
