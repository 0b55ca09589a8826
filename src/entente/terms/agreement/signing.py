"""Proposing an agreement, signing it for a party or an agency, and refusing.

Invariants:
  * A name is proposed once, for ever. Proposing signs for nobody: each party and agency says its own word.
  * A word names the SHA-256 of the text; a signature for other bytes is refused.
  * An agency's word is its party's desk's message, naming an officer who has the role of the agency's name.
  * Until all have signed, the last word of each counts: who refused may sign later, who signed may still
    refuse. One refusal keeps the text out of force. Once all have signed no word is taken back: there is
    withdrawal.

It does not say since when an agreement is in force: see `agreement.state`.

    >>> decide_sign(message, rows).require()
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from entente.kernel.charter import list_parties
from entente.kernel.ids import PartyID
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Rows, get_row
from entente.kernel.wire import Hex64, OptionalSlug, SlugText, WireStruct
from entente.terms.agreement.rows import (
    AgreementRow,
    Word,
    decide_party,
    decide_signatory,
    is_unanimous,
    make_stamp,
    put_word,
)
from entente.terms.agreement.text import (
    AgreementText,
    Signatory,
    check_text,
    hash_text,
    list_parties_of,
)

ReasonText = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[^\u0000-\u0008\u000b-\u001f\u007f-\u009f]+$(?!\n)", min_length=1, max_length=4000
    ),
]


class ProposeAgreement(WireStruct, frozen=True):
    """Body of ``agreement.propose``."""

    text: AgreementText


class SignAgreement(WireStruct, frozen=True):
    """Body of ``agreement.sign``; ``agency`` empty: for the party itself."""

    id: SlugText
    sha256: Hex64
    agency: OptionalSlug


class RefuseAgreement(WireStruct, frozen=True):
    """Body of ``agreement.refuse``; ``agency`` empty: for the party itself."""

    id: SlugText
    sha256: Hex64
    agency: OptionalSlug
    reason: ReasonText


def decide_propose(message: VerifiedMessage[ProposeAgreement], rows: Rows) -> Decision:
    """Allow one of its parties to propose a sound text under a new name."""
    text = message.opened().text
    known = rows.find(AgreementRow, text.id)
    if known is not None:
        return denied(
            "name-taken",
            f"agreement {text.id!r}: expected a new name, entry {known.proposed.index} has it",
        )
    sound = check_text(text)
    if not sound.is_allowed:
        return sound
    charter = list_parties(rows)
    for party in list_parties_of(text):
        if PartyID(party) not in charter:
            return denied(
                "unknown-party", f"agreement {text.id!r}: expected parties of the charter, got {party!r}"
            )
    if message.author not in list_parties_of(text):
        return denied(
            "not-a-party",
            f"agreement {text.id!r}: expected a proposer among {list_parties_of(text)}, "
            f"got {message.author!r}",
        )
    return ALLOWED


def project_propose(entry: Entry[ProposeAgreement], rows: Rows) -> None:
    """Open the text for signature."""
    text = entry.message.opened().text
    rows.put(
        AgreementRow(
            id=text.id,
            text=text,
            sha256=hash_text(text),
            proposed=make_stamp(entry),
            words=(),
            signed=None,
            state="open",
        )
    )


def decide_sign(message: VerifiedMessage[SignAgreement], rows: Rows) -> Decision:
    """Allow a signatory of the author's own to sign exactly these bytes, once."""
    return _decide_word(message, message.opened(), "yes", rows)


def project_sign(entry: Entry[SignAgreement], rows: Rows) -> None:
    """Write the signature down; the last one puts the text in force."""
    _put(entry, entry.message.opened(), "yes", "", rows)


def decide_refuse(message: VerifiedMessage[RefuseAgreement], rows: Rows) -> Decision:
    """Allow a signatory of the author's own to refuse exactly these bytes, until all have signed."""
    return _decide_word(message, message.opened(), "no", rows)


def project_refuse(entry: Entry[RefuseAgreement], rows: Rows) -> None:
    """Write the refusal down with its reason."""
    body = entry.message.opened()
    _put(entry, body, "no", body.reason, rows)


def _decide_word(
    message: VerifiedMessage[SignAgreement] | VerifiedMessage[RefuseAgreement],
    body: SignAgreement | RefuseAgreement,
    word: Literal["yes", "no"],
    rows: Rows,
) -> Decision:
    party = decide_party(message, body.id, rows)
    if not party.is_allowed:
        return party
    row = get_row(rows, AgreementRow, body.id, what="agreement")
    if body.sha256 != row.sha256:
        return denied(
            "other-bytes", f"agreement {body.id!r}: expected sha256 {row.sha256}, got {body.sha256}"
        )
    able = decide_signatory(message, row.text, body.agency, rows)
    if not able.is_allowed:
        return able
    signatory = Signatory(message.author, body.agency)
    if row.signed is not None:
        return denied(
            "signed-by-all",
            f"agreement {body.id!r}: expected an open text, all had signed by entry {row.signed.index}",
        )
    said = next((one for one in row.words if one.signatory == signatory), None)
    if said is not None and said.word == word:
        return denied(
            "already-answered",
            f"agreement {body.id!r}: expected another word of {str(signatory)!r} than that of entry "
            f"{said.stamp.index}",
        )
    return ALLOWED


def _put(
    entry: Entry[SignAgreement] | Entry[RefuseAgreement],
    body: SignAgreement | RefuseAgreement,
    word: Literal["yes", "no"],
    reason: str,
    rows: Rows,
) -> None:
    row = get_row(rows, AgreementRow, body.id, what="agreement")
    stamp = make_stamp(entry)
    words = put_word(row.words, Word(entry.message.author, body.agency, word, reason, stamp))
    signed = stamp if is_unanimous(row.text, words) else None
    rows.put(msgspec.structs.replace(row, words=words, signed=signed, state="signed" if signed else "open"))


AGREEMENT_PROPOSE: Final = Kind(
    "agreement.propose",
    ProposeAgreement,
    decide=decide_propose,
    project=project_propose,
    min_officers=1,
    acknowledged=True,
)
AGREEMENT_SIGN: Final = Kind(
    "agreement.sign",
    SignAgreement,
    decide=decide_sign,
    project=project_sign,
    min_officers=1,
    acknowledged=True,
)
AGREEMENT_REFUSE: Final = Kind(
    "agreement.refuse",
    RefuseAgreement,
    decide=decide_refuse,
    project=project_refuse,
    min_officers=1,
    acknowledged=True,
)
