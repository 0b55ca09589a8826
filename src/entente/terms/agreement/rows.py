"""What the record says about agreements, in rows; and what every rule about one asks first.

Invariants:
  * A row is written by a projection alone; what was said stays beside what was said later.
  * A signatory's last word counts while the text is not signed by all; from then on no word is taken back.

It knows no time but what messages claim: `agreement.state` brings in when each party had a message.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from entente.kernel.kinds import ALLOWED, Decision, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.roster import PartyRow
from entente.kernel.rows import Row, Rows
from entente.terms.agreement.text import AgreementText, Signatory, list_parties_of, list_signatories


class Stamp(msgspec.Struct, frozen=True):
    """The message behind a word: its leaf, place, author's claimed time, author and officers."""

    message: str
    index: int
    at: str
    author: str
    officers: tuple[str, ...]


class Word(msgspec.Struct, frozen=True):
    """What a signatory says now to a text or to a motion."""

    party: str
    agency: str
    word: Literal["yes", "no"]
    reason: str
    stamp: Stamp

    @property
    def signatory(self) -> Signatory:
        """Whose word it is."""
        return Signatory(self.party, self.agency)


class AgreementRow(Row, frozen=True):
    """An agreement: its text, each signatory's last word, and by which entry all had signed."""

    TABLE: ClassVar[str] = "agreements"
    INDEXED: ClassVar[tuple[str, ...]] = ("state",)
    id: str
    text: AgreementText
    sha256: str
    proposed: Stamp
    words: tuple[Word, ...]
    signed: Stamp | None
    state: Literal["open", "signed"]

    def key(self) -> str:
        """Return the agreement's name."""
        return self.id


class IncidentAnswer(msgspec.Struct, frozen=True):
    """What another party says now to a report of an incident."""

    party: str
    answer: Literal["accepted", "disputed"]
    text: str
    stamp: Stamp


class IncidentRow(Row, frozen=True):
    """One party's report that something happened against a clock, with the others' answers."""

    TABLE: ClassVar[str] = "agreement_incidents"
    INDEXED: ClassVar[tuple[str, ...]] = ("agreement",)
    message: str
    agreement: str
    clock: str
    happened: str
    text: str
    reported: Stamp
    answers: tuple[IncidentAnswer, ...]

    def key(self) -> str:
        """Return the report's leaf."""
        return self.message


class MotionRow(Row, frozen=True):
    """A motion to restart a clock or to move the end, each signatory's last word, and when it was carried."""

    TABLE: ClassVar[str] = "agreement_motions"
    INDEXED: ClassVar[tuple[str, ...]] = ("agreement", "incident")
    message: str
    agreement: str
    motion: Literal["reset", "extend"]
    clock: str
    incident: str
    happened: str
    days: int
    reason: str
    moved: Stamp
    words: tuple[Word, ...]
    carried: Stamp | None

    def key(self) -> str:
        """Return the motion's leaf."""
        return self.message


class StepRow(Row, frozen=True):
    """What a party said of its part of simultaneous steps."""

    TABLE: ClassVar[str] = "agreement_steps"
    INDEXED: ClassVar[tuple[str, ...]] = ("agreement",)
    agreement: str
    clock: str
    party: str
    ready: Stamp | None
    done: Stamp | None

    def key(self) -> str:
        """Return ``agreement:clock:party``."""
        return f"{self.agreement}:{self.clock}:{self.party}"


class SuspensionRow(Row, frozen=True):
    """One party's suspension, until that party lifts it."""

    TABLE: ClassVar[str] = "agreement_suspensions"
    INDEXED: ClassVar[tuple[str, ...]] = ("agreement", "party")
    message: str
    agreement: str
    party: str
    reason: str
    suspended: Stamp
    resumed: Stamp | None

    def key(self) -> str:
        """Return the suspension's leaf."""
        return self.message


class LatestRow(Row, frozen=True):
    """Which message of a sort came last: a rule that asks for it need not go through all that came before.

    ``place``: ``agreement:extend``, or ``agreement:suspend:party``.
    """

    TABLE: ClassVar[str] = "agreement_latest"
    place: str
    message: str

    def key(self) -> str:
        """Return the place."""
        return self.place


class WithdrawalRow(Row, frozen=True):
    """A party's notice that it leaves."""

    TABLE: ClassVar[str] = "agreement_withdrawals"
    INDEXED: ClassVar[tuple[str, ...]] = ("agreement",)
    agreement: str
    party: str
    reason: str
    withdrawn: Stamp

    def key(self) -> str:
        """Return ``agreement:party``."""
        return f"{self.agreement}:{self.party}"


def make_stamp(entry: Entry[Any]) -> Stamp:
    """Return what is kept of an entry's message."""
    payload = entry.message.payload
    return Stamp(entry.message.leaf, entry.index, payload.at, payload.author, tuple(payload.officers))


def put_word(words: tuple[Word, ...], word: Word) -> tuple[Word, ...]:
    """Return the words with this one in place of the signatory's earlier one, in the record's order."""
    return (*(one for one in words if one.signatory != word.signatory), word)


def is_unanimous(text: AgreementText, words: tuple[Word, ...]) -> bool:
    """Tell whether every signatory of the text says yes."""
    # INVARIANT: everyone who must sign is asked for by name; that nobody said no proves nothing.
    yes = {word.signatory for word in words if word.word == "yes"}
    return all(signatory in yes for signatory in list_signatories(text))


def decide_party(message: VerifiedMessage[Any], agreement_id: str, rows: Rows) -> Decision:
    """Allow a party of an agreement that is in the record."""
    row = rows.find(AgreementRow, agreement_id)
    if row is None:
        return denied(
            "unknown-agreement", f"agreement {agreement_id!r}: expected one in the record, found none"
        )
    parties = list_parties_of(row.text)
    if message.author not in parties:
        return denied(
            "not-a-party",
            f"agreement {agreement_id!r}: expected one of {parties}, got {message.author!r}",
        )
    return ALLOWED


def decide_signed(message: VerifiedMessage[Any], agreement_id: str, rows: Rows) -> Decision:
    """Allow a party of an agreement that every party and agency has signed."""
    party = decide_party(message, agreement_id, rows)
    row = rows.find(AgreementRow, agreement_id)
    if party.is_allowed and row is not None and row.signed is None:
        missing = [str(one) for one in list_missing(row.text, row.words)]
        return denied(
            "not-signed",
            f"agreement {agreement_id!r}: expected every signature, missing: {', '.join(missing)}",
        )
    return party


def list_missing(text: AgreementText, words: tuple[Word, ...]) -> list[Signatory]:
    """Return who has not said yes."""
    yes = {word.signatory for word in words if word.word == "yes"}
    return [one for one in list_signatories(text) if one not in yes]


def decide_signatory(message: VerifiedMessage[Any], text: AgreementText, agency: str, rows: Rows) -> Decision:
    """Allow a signatory of the author's own, by an officer who may speak for it."""
    signatory = Signatory(message.author, agency)
    if signatory not in list_signatories(text):
        # SECURITY: an agency is looked up under the author's name, so that no party signs for another's
        # (tests/unit/test_terms_agreement_signing.py, test_signing_for_another_partys_agency_is_refused).
        own = [str(one) for one in list_signatories(text) if one.party == message.author]
        return denied(
            "not-a-signatory",
            f"agreement {text.id!r}: expected one of {own}, got {str(signatory)!r}",
        )
    if not agency:
        return ALLOWED
    able = list_able_officers(rows, signatory)
    if not set(able) & set(message.payload.officers):
        return denied(
            "role-missing",
            f"agency {agency!r}: expected an officer of {message.author!r} with the role {agency!r} "
            f"({', '.join(able) or 'the roster names none'}), got {message.payload.officers}",
        )
    return ALLOWED


def list_able_officers(rows: Rows, signatory: Signatory) -> list[str]:
    """Return the officers of the roster in force who may speak for a signatory."""
    row = rows.find(PartyRow, signatory.party)
    officers = row.statement.officers if row else []
    return [one.id for one in officers if not signatory.agency or signatory.agency in one.roles]
