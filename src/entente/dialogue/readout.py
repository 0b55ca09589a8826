"""Readouts: what a call or meeting came to, in one text that its parties sign, dissent from, or leave alone.

The text stands in a value of its own, `Readout`, whose canonical bytes each party signs with its desk key
under a type of their own. So the signatures hold outside the record too: `export_readout` gives one envelope
that carries them all.

Invariants:
  * Everybody signs the same bytes. A signature or dissent names their SHA-256; a corrected text is another
    readout.
  * A party answers once: it signs, or dissents with its reason. The proposer has signed by proposing.
  * Silence is never consent: nothing but its own signature makes a party one that signed.
  * After settlement an answer still is accepted, marked late, and changes nothing in what was settled.

It does not settle: see `entente.dialogue.settlement`.

    >>> pae = encode_pae(READOUT_TYPE, encode_readout(readout)); signature = encode_base64(key.sign(pae))
    >>> ProposeReadout(readout=readout, signature=signature)
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, ClassVar, Final, Literal

import msgspec

from entente.kernel.charter import list_parties
from entente.kernel.envelope import SignedMessage, build_envelope, encode_pae
from entente.kernel.errors import VerificationFailed
from entente.kernel.ids import KeyID
from entente.kernel.keys import SIGNATURE_BYTES, parse_public_key, verify_signature
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage, encode_body
from entente.kernel.roster import PartyRow
from entente.kernel.rows import Row, Rows, get_row
from entente.kernel.time import parse_utc
from entente.kernel.wire import (
    Hex64,
    LanguageText,
    NameText,
    SignatureText,
    SlugText,
    UtcText,
    WireStruct,
    parse_base64,
)

READOUT_TYPE: Final = "application/vnd.entente.readout+json"
MIN_PARTIES: Final = 2
ReasonText = Annotated[str, msgspec.Meta(min_length=1, max_length=4000)]


class Readout(WireStruct, frozen=True):
    """The bytes that are signed: what was held, when, between whom, and what it came to."""

    id: SlugText
    title: NameText
    held: UtcText
    parties: Annotated[list[SlugText], msgspec.Meta(min_length=MIN_PARTIES, max_length=64)]
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=10_000)]
    language: LanguageText


class ProposeReadout(WireStruct, frozen=True):
    """Body of ``readout.propose``: the text and the proposer's signature over it."""

    readout: Readout
    signature: SignatureText


class SignReadout(WireStruct, frozen=True):
    """Body of ``readout.sign``."""

    id: SlugText
    sha256: Hex64
    signature: SignatureText


class DissentReadout(WireStruct, frozen=True):
    """Body of ``readout.dissent``."""

    id: SlugText
    sha256: Hex64
    reason: ReasonText


class Answer(msgspec.Struct, frozen=True):
    """What a party said to a readout, by which message, when, and whether that was after settlement."""

    party: str
    answer: Literal["signed", "dissented"]
    message: str
    index: int
    at: str
    officers: tuple[str, ...]
    is_late: bool
    key_id: str = ""
    signature: str = ""
    reason: str = ""


class Settlement(msgspec.Struct, frozen=True):
    """How a readout stood when it was settled; never changed afterwards."""

    message: str
    index: int
    at: str
    signed: tuple[str, ...]
    dissented: tuple[str, ...]
    silent: tuple[str, ...]


class ReadoutRow(Row, frozen=True):
    """A readout and every answer to it, in the order of the record."""

    TABLE: ClassVar[str] = "readouts"
    INDEXED: ClassVar[tuple[str, ...]] = ("state", "author")
    id: str
    author: str
    readout: Readout
    sha256: str
    message: str
    index: int
    answers: tuple[Answer, ...]
    settlement: Settlement | None
    state: Literal["open", "settled"]

    def key(self) -> str:
        """Return the readout's name."""
        return self.id


class Standing(msgspec.Struct, frozen=True):
    """Who has signed, who dissented, who has said nothing: each party in exactly one list, sorted."""

    signed: tuple[str, ...]
    dissented: tuple[str, ...]
    silent: tuple[str, ...]


def encode_readout(readout: Readout) -> bytes:
    """Return the bytes that every party signs."""
    return encode_body(readout)


def hash_readout(readout: Readout) -> str:
    """Return the SHA-256 of those bytes in hex: what answers name."""
    return hashlib.sha256(encode_readout(readout)).hexdigest()


def get_standing(row: ReadoutRow) -> Standing:
    """Return where each party of a readout stands now."""
    said = {answer.party: answer.answer for answer in row.answers}
    parties = sorted(row.readout.parties)
    return Standing(
        signed=tuple(party for party in parties if said.get(party) == "signed"),
        dissented=tuple(party for party in parties if said.get(party) == "dissented"),
        silent=tuple(party for party in parties if party not in said),
    )


def decide_propose(message: VerifiedMessage[ProposeReadout], rows: Rows) -> Decision:
    """Allow one of at least two parties to propose a new text that it has signed.

    Raises:
        VerificationFailed: The signature is not the author's over these bytes.
    """
    body = message.opened()
    readout = body.readout
    known = rows.find(ReadoutRow, readout.id)
    if known is not None:
        return denied(
            "name-taken", f"readout {readout.id!r}: expected a new name, it is one of {known.author!r}"
        )
    parse_utc(readout.held, path="$.body.readout.held")
    if readout.parties != sorted(set(readout.parties)):
        return denied("party-order", f"readout {readout.id!r}: expected each party once, sorted by name")
    known_parties = list_parties(rows)
    for party in readout.parties:
        if party not in known_parties:
            return denied(
                "unknown-party", f"readout {readout.id!r}: expected parties of the charter, got {party!r}"
            )
    if message.author not in readout.parties:
        return denied(
            "not-a-party",
            f"readout {readout.id!r}: expected a proposer among {readout.parties}, got {message.author!r}",
        )
    _verify(message, readout, body.signature, rows)
    return ALLOWED


def project_propose(entry: Entry[ProposeReadout], rows: Rows) -> None:
    """Open the readout with its proposer's signature."""
    message = entry.message
    body = message.opened()
    signed = _make_answer(
        entry, "signed", is_late=False, key_id=_desk_key(message, rows), signature=body.signature
    )
    rows.put(
        ReadoutRow(
            id=body.readout.id,
            author=message.author,
            readout=body.readout,
            sha256=hash_readout(body.readout),
            message=message.leaf,
            index=entry.index,
            answers=(signed,),
            settlement=None,
            state="open",
        )
    )


def decide_sign(message: VerifiedMessage[SignReadout], rows: Rows) -> Decision:
    """Allow a party of the readout, which has not answered, to sign exactly these bytes.

    Raises:
        VerificationFailed: The signature is not the author's over these bytes.
    """
    body = message.opened()
    open_to = _decide_answer(message, body.id, body.sha256, rows)
    if open_to.is_allowed:
        row = get_row(rows, ReadoutRow, body.id, what="readout")
        _verify(message, row.readout, body.signature, rows)
    return open_to


def project_sign(entry: Entry[SignReadout], rows: Rows) -> None:
    """Add the signature."""
    body = entry.message.opened()
    row = get_row(rows, ReadoutRow, body.id, what="readout")
    key_id = _desk_key(entry.message, rows)
    late = row.settlement is not None
    _add(row, _make_answer(entry, "signed", is_late=late, key_id=key_id, signature=body.signature), rows)


def decide_dissent(message: VerifiedMessage[DissentReadout], rows: Rows) -> Decision:
    """Allow a party of the readout, which has not answered, to dissent from exactly these bytes."""
    body = message.opened()
    return _decide_answer(message, body.id, body.sha256, rows)


def project_dissent(entry: Entry[DissentReadout], rows: Rows) -> None:
    """Add the dissent with its reason."""
    body = entry.message.opened()
    row = get_row(rows, ReadoutRow, body.id, what="readout")
    late = row.settlement is not None
    _add(row, _make_answer(entry, "dissented", is_late=late, reason=body.reason), rows)


def export_readout(rows: Rows, readout_id: str) -> SignedMessage:
    """Return one envelope over the readout's bytes with every party's signature, or raise `NotFound`.

    Each signature verifies with the desk key that the party had when it gave it; the key ids say which.
    """
    row = get_row(rows, ReadoutRow, readout_id, what="readout")
    signatures = [
        (
            KeyID(answer.key_id),
            parse_base64(answer.signature, what=f"signature of {answer.party!r}", size_bytes=SIGNATURE_BYTES),
        )
        for answer in row.answers
        if answer.answer == "signed"
    ]
    return build_envelope(encode_readout(row.readout), READOUT_TYPE, signatures)


def _decide_answer(message: VerifiedMessage[Any], readout_id: str, sha256: str, rows: Rows) -> Decision:
    row = rows.find(ReadoutRow, readout_id)
    if row is None:
        return denied("unknown-readout", f"readout {readout_id!r}: expected one in the record, found none")
    if message.author not in row.readout.parties:
        return denied(
            "not-a-party",
            f"readout {readout_id!r}: expected one of {row.readout.parties}, got {message.author!r}",
        )
    if sha256 != row.sha256:
        return denied("other-bytes", f"readout {readout_id!r}: expected sha256 {row.sha256}, got {sha256}")
    for answer in row.answers:
        if answer.party == message.author:
            return denied(
                "already-answered",
                f"readout {readout_id!r}: expected no answer of {message.author!r} yet, it has "
                f"{answer.answer}",
            )
    return ALLOWED


def _verify(message: VerifiedMessage[Any], readout: Readout, signature: str, rows: Rows) -> None:
    party = rows.find(PartyRow, message.author)
    if party is None:
        raise VerificationFailed("no-roster", f"author {message.author!r}: expected a roster, found none")
    raw = parse_base64(signature, what="readout signature", size_bytes=SIGNATURE_BYTES)
    key = parse_public_key(party.statement.desk)
    verify_signature(key, raw, encode_pae(READOUT_TYPE, encode_readout(readout)))


def _desk_key(message: VerifiedMessage[Any], rows: Rows) -> str:
    return get_row(rows, PartyRow, message.author, what="party").statement.desk.id


def _make_answer(
    entry: Entry[Any],
    answer: Literal["signed", "dissented"],
    *,
    is_late: bool,
    key_id: str = "",
    signature: str = "",
    reason: str = "",
) -> Answer:
    message = entry.message
    return Answer(
        party=message.author,
        answer=answer,
        message=message.leaf,
        index=entry.index,
        at=message.payload.at,
        officers=tuple(message.payload.officers),
        is_late=is_late,
        key_id=key_id,
        signature=signature,
        reason=reason,
    )


def _add(row: ReadoutRow, answer: Answer, rows: Rows) -> None:
    rows.put(msgspec.structs.replace(row, answers=(*row.answers, answer)))


READOUT_PROPOSE: Final = Kind(
    "readout.propose", ProposeReadout, decide=decide_propose, project=project_propose, min_officers=1
)
READOUT_SIGN: Final = Kind(
    "readout.sign", SignReadout, decide=decide_sign, project=project_sign, min_officers=1
)
READOUT_DISSENT: Final = Kind(
    "readout.dissent", DissentReadout, decide=decide_dissent, project=project_dissent, min_officers=1
)
