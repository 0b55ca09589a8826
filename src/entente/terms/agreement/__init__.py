"""Agreements in force: what other rooms may use of them.

For: a programme that every party and every agency signs becomes an agreement in the record: proposed,
signed, in force, with clocks, suspension, extension and withdrawal. Each file holds one idea: the text, the
kinds of message, dates, clocks, the state, and how terms become a draft.

Invariants: in force only with every signature over the same bytes; a clock is restarted, and the end moved,
only with every consent; the state is computed from the record by whoever asks (docs/formats/agreement.md).

It does not carry anything out, and it decides nothing for a party.

    decide_sign(message, rows).require()
    project_sign(entry, rows)
    describe_agreement(rows, "ceasefire", now_utc, received).due
"""

from __future__ import annotations

from typing import Any, Final

from entente.kernel.kinds import Kind
from entente.terms.agreement.dates import Dates, Received
from entente.terms.agreement.incidents import (
    AGREEMENT_ANSWER,
    AGREEMENT_INCIDENT,
    AnswerIncident,
    ReportIncident,
)
from entente.terms.agreement.leaving import (
    AGREEMENT_RESUME,
    AGREEMENT_SUSPEND,
    AGREEMENT_WITHDRAW,
    ResumeAgreement,
    SuspendAgreement,
    WithdrawAgreement,
)
from entente.terms.agreement.motions import (
    AGREEMENT_CONSENT,
    AGREEMENT_EXTEND,
    AGREEMENT_RESET,
    Consent,
    MoveExtension,
    MoveReset,
)
from entente.terms.agreement.rows import AgreementRow, IncidentRow, MotionRow
from entente.terms.agreement.signing import (
    AGREEMENT_PROPOSE,
    AGREEMENT_REFUSE,
    AGREEMENT_SIGN,
    ProposeAgreement,
    RefuseAgreement,
    SignAgreement,
)
from entente.terms.agreement.state import describe_agreement
from entente.terms.agreement.steps import AGREEMENT_STEP, TakeStep
from entente.terms.agreement.text import (
    AgreedClock,
    AgreedMeasure,
    AgreedObligation,
    AgreementText,
    Signatory,
    SigningAgency,
    SigningParty,
    check_text,
    encode_text,
    hash_text,
    list_signatories,
)
from entente.terms.agreement.view import AgreementView, Due

KINDS: Final[tuple[Kind[Any], ...]] = (
    AGREEMENT_PROPOSE,
    AGREEMENT_SIGN,
    AGREEMENT_REFUSE,
    AGREEMENT_INCIDENT,
    AGREEMENT_ANSWER,
    AGREEMENT_RESET,
    AGREEMENT_EXTEND,
    AGREEMENT_CONSENT,
    AGREEMENT_STEP,
    AGREEMENT_SUSPEND,
    AGREEMENT_RESUME,
    AGREEMENT_WITHDRAW,
)

__all__ = [
    "KINDS",
    "AgreedClock",
    "AgreedMeasure",
    "AgreedObligation",
    "AgreementRow",
    "AgreementText",
    "AgreementView",
    "AnswerIncident",
    "Consent",
    "Dates",
    "Due",
    "IncidentRow",
    "MotionRow",
    "MoveExtension",
    "MoveReset",
    "ProposeAgreement",
    "Received",
    "RefuseAgreement",
    "ReportIncident",
    "ResumeAgreement",
    "SignAgreement",
    "Signatory",
    "SigningAgency",
    "SigningParty",
    "SuspendAgreement",
    "TakeStep",
    "WithdrawAgreement",
    "check_text",
    "describe_agreement",
    "encode_text",
    "hash_text",
    "list_signatories",
]
