"""The draft: the charter before everyone has signed it, as pure values.

  1. The host makes a draft of the parties' cards and the rules they talked over      `draft_charter`
  2. Each party checks it, signs the very bytes, and adds its first roster            `verify_signature_set`
  3. When the last has signed, the charter is entry 0 and the rosters follow          `build_founding`

Invariants: what a party signed is the bytes that become entry 0; a signature set is either whole
(threshold, roster as the charter fixes it) or refused; the order of the rosters is that of party names.

It stores nothing; `founding` does.

    >>> draft = draft_charter(plan, keys, now_utc)
    >>> verified = verify_signature_set(draft, signatures)
    >>> build_founding(draft, [verified, other], keys.center)
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

import msgspec

from entente.center.folder import HostKeys
from entente.joint import KeyRing, verify_message
from entente.kernel.canonical import parse_canonical_as
from entente.kernel.charter import CHARTER, AgreedRules, Charter, FoundingParty, StandingTerm, check_charter
from entente.kernel.envelope import (
    MESSAGE_TYPE,
    SignatureWire,
    SignedMessage,
    build_envelope,
    encode_pae,
    parse_envelope,
)
from entente.kernel.errors import Denied, Malformed, VerificationFailed
from entente.kernel.ids import KeyID
from entente.kernel.keys import SigningKey, encode_public_key, verify_signature
from entente.kernel.kinds import KindTable
from entente.kernel.message import CENTER, NO_MESSAGE, Payload, Seen, encode_body, encode_payload, parse_body
from entente.kernel.roots import MAX_ROOTS, parse_roots
from entente.kernel.roster import (
    ROSTER_STATEMENT,
    PartyCard,
    RosterStatement,
    statement_hash,
)
from entente.kernel.time import encode_utc
from entente.kernel.wire import NameText, OriginText, SlugText, UrlText, WireStruct, parse_base64
from entente.record import EMPTY_ROOT, NoteKey, SignatureType, encode_note_key, parse_note_key

FOUNDING_KINDS: Final = KindTable((CHARTER, ROSTER_STATEMENT))


class SignatureSet(WireStruct, frozen=True):
    """Body of ``POST /charter/signatures``: root signatures over the draft, and the first roster."""

    party: SlugText
    signatures: Annotated[list[SignatureWire], msgspec.Meta(min_length=1, max_length=MAX_ROOTS)]
    roster: msgspec.Raw


class CenterPlan(WireStruct, frozen=True):
    """What the founders agreed on before anything is signed."""

    origin: OriginText
    name: NameText
    url: UrlText
    exercise: bool
    rules: AgreedRules
    terms: list[StandingTerm]
    cards: list[PartyCard]


@dataclass(frozen=True, slots=True)
class Draft:
    """A charter's payload: the exact bytes, and what they say."""

    payload: bytes
    origin: str
    charter: Charter


@dataclass(frozen=True, slots=True)
class VerifiedSignatures:
    """A party's whole part of the founding. Only `verify_signature_set` makes one."""

    party: str
    signatures: tuple[tuple[KeyID, bytes], ...]
    roster: SignedMessage


def draft_charter(plan: CenterPlan, keys: HostKeys, now_utc: datetime, *, tls_ca: str = "") -> Draft:
    """Return the draft that the parties are asked to sign.

    Raises:
        Denied: The charter would not be sound: a party twice, a key shared, rules that contradict each other.
    """
    log = NoteKey(keys.log.public.name, SignatureType.ED25519, keys.log.public.raw)
    cards = sorted(plan.cards, key=lambda card: card.party)
    _check_witnesses(cards)
    charter = Charter(
        name=plan.name,
        log=encode_note_key(log),
        center=encode_public_key(keys.center.public),
        url=plan.url,
        tls_ca=tls_ca,
        exercise=plan.exercise,
        parties=[
            FoundingParty(
                card.party, card.statement.name, card.statement.roots, statement_hash(card.statement)
            )
            for card in cards
        ],
        rules=plan.rules,
        terms=plan.terms,
    )
    payload = Payload(
        v=1,
        kind=CHARTER.name,
        center=plan.origin,
        author=CENTER,
        officers=[],
        seq=0,
        prev=NO_MESSAGE,
        seen=Seen(0, EMPTY_ROOT.hex()),
        at=encode_utc(now_utc.replace(microsecond=0)),
        to=[],
        body=msgspec.Raw(encode_body(charter)),
        sealed=None,
    )
    return parse_draft(encode_payload(payload))


def _check_witnesses(cards: list[PartyCard]) -> None:
    """Refuse a witness that could never count: everybody would wait for it in vain."""
    seen: dict[bytes, str] = {}
    for card in cards:
        key = parse_note_key(card.statement.witness)
        if key.kind is not SignatureType.COSIGNATURE_ED25519:
            raise Malformed(
                "bad-witness", f"card of {card.party!r}: expected a cosignature key, got {key.kind.name}"
            )
        other = seen.setdefault(key.public, card.party)
        if other != card.party:
            raise Malformed(
                "shared-key", f"cards of {other!r} and {card.party!r}: expected a witness key each"
            )


def parse_draft(data: bytes) -> Draft:
    """Return the draft that a payload spells; `Denied` or `Malformed` when nobody should sign it."""
    payload = parse_canonical_as(data, Payload)
    if payload.kind != CHARTER.name:
        raise Malformed(
            "not-a-charter", f"draft: expected kind 'charter', got {payload.kind!r}", path="$.kind"
        )
    charter = parse_body(bytes(payload.body), Charter)
    check_charter(payload.center, charter).require()
    return Draft(data, payload.center, charter)


def verify_signature_set(draft: Draft, given: SignatureSet) -> VerifiedSignatures:
    """Return a party's signatures and first roster, checked.

    1. The party is one of the draft's                                              `Denied`
    2. Each signature is by one of its root keys, over the draft's bytes            `VerificationFailed`
    3. They reach its threshold                                                     `Denied`
    4. The roster is the one whose hash the draft holds, of this center, its author's first message
    5. Root keys reaching the threshold signed the roster
    """
    founder = next((one for one in draft.charter.parties if one.party == given.party), None)
    if founder is None:
        raise Denied("unknown-party", f"founding: expected a party of the draft, got {given.party!r}")
    roots = parse_roots(founder.roots, what=f"draft, {given.party!r}")
    pae = encode_pae(MESSAGE_TYPE, draft.payload)
    signatures: dict[KeyID, bytes] = {}
    for place, wire in enumerate(given.signatures):
        key = roots.get(KeyID(wire.keyid))
        if key is None:
            raise VerificationFailed(
                "unknown-key",
                f"signature {place}: expected a root key of {given.party!r}, got {wire.keyid!r}",
            )
        signature = parse_base64(wire.sig, what=f"signature of {wire.keyid!r}", size_bytes=64)
        verify_signature(key, signature, pae)
        signatures[key.key_id] = signature
    if len(signatures) < founder.roots.threshold:
        raise Denied(
            "root-threshold",
            f"founding: expected {founder.roots.threshold} root signatures of {given.party!r}, got "
            f"{len(signatures)}",
        )
    roster = parse_envelope(bytes(given.roster))
    message = verify_message(roster, KeyRing(None, {}, {given.party: roots}), FOUNDING_KINDS)
    payload, statement = message.payload, message.body
    expected = (given.party, draft.origin, 0, NO_MESSAGE)
    got = (payload.author, payload.center, payload.seq, payload.prev)
    if not isinstance(statement, RosterStatement) or got != expected or payload.seen.size:
        raise Denied("other-roster", f"roster: expected author, center, seq, prev {expected}, got {got}")
    if statement_hash(statement) != founder.roster:
        raise Denied("other-roster", f"roster of {given.party!r}: expected the one that the draft names")
    if len(message.signers & roots.keys()) < founder.roots.threshold:
        raise Denied(
            "root-threshold",
            f"roster of {given.party!r}: expected {founder.roots.threshold} root signatures, got "
            f"{len(message.signers & roots.keys())}",
        )
    return VerifiedSignatures(given.party, tuple(signatures.items()), roster)


def build_founding(draft: Draft, parts: list[VerifiedSignatures], center: SigningKey) -> list[SignedMessage]:
    """Return entries 0 to n: the charter with every signature, then the rosters by party name."""
    by_party = {part.party: part for part in parts}
    missing = [one.party for one in draft.charter.parties if one.party not in by_party]
    if missing:
        raise ValueError(f"founding: expected every party's signatures, missing {missing}")
    pae = encode_pae(MESSAGE_TYPE, draft.payload)
    signatures = [(center.public.key_id, center.sign(pae))]
    for part in parts:
        signatures += part.signatures
    charter = build_envelope(draft.payload, MESSAGE_TYPE, signatures)
    return [charter, *(by_party[one.party].roster for one in draft.charter.parties)]
