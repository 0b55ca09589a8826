"""Composing: a draft becomes the next envelope of our chain, sealed if addressed, judged by our rules.

Invariants: the number is the one after our last message in the record that we follow; `seen` is the history
that we verified in full; nothing is returned that our copy of the rules refuses; nothing is kept here, so
that a composed message that is dropped was never given a number.

It does not decide when: the outbox does.

    >>> composer.compose(Draft("thread.say", body, ("duty-1",)), at)
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Protocol

import msgspec

from entente.desk.checks import CenterView
from entente.desk.gate import OFFICER
from entente.desk.sealing import reopen_own, seal_body
from entente.kernel.envelope import MESSAGE_TYPE, SignedMessage, sign_envelope
from entente.kernel.errors import Malformed
from entente.kernel.ids import LeafHash, PartyID
from entente.kernel.keys import SigningKey
from entente.kernel.kinds import KindTable
from entente.kernel.message import (
    MAX_BODY_BYTES,
    Addressee,
    ParsedMessage,
    Payload,
    Seen,
    encode_payload,
    parse_body,
    parse_message,
)
from entente.kernel.ports import Random
from entente.kernel.roster import SealKeyWire
from entente.kernel.sealed import SealContext

MAX_CIPHERTEXT_BYTES: Final = 49_152
"""What the center takes (docs/formats/http.md 1.1)."""


@dataclass(frozen=True, slots=True)
class Draft:
    """Something to say. Empty ``addressees``: open to every party.

    Args:
        body: Canonical bytes of the kind's body.
        token: Chosen by whoever asks, so that asking twice says it once; drawn when empty.
    """

    kind: str
    body: bytes = field(repr=False)
    officers: tuple[str, ...]
    addressees: tuple[str, ...] = ()
    purpose: str = OFFICER
    token: str = ""


class Joint(Protocol):
    """What the outbox needs to know of the record as we follow it. Safe from several threads."""

    def find_head(self) -> tuple[int, LeafHash] | None:
        """Return number and name of our last message in the record; None before our roster is in it."""

    def is_followed(self) -> bool:
        """Tell whether the record was followed at least once since the start."""

    def get_seal_keys(self, parties: tuple[str, ...]) -> dict[PartyID, SealKeyWire]:
        """Return the seal keys in force; raise `Denied` for a name that is no other party."""

    def list_others(self) -> tuple[str, ...]:
        """Return every other party."""

    def check(self, signed: SignedMessage, opened: ParsedMessage[Any] | None) -> None:
        """Return if our copy of the rules would accept this as the next entry; raise otherwise."""


@dataclass(frozen=True, slots=True)
class Composed:
    """A signed message that was not kept yet: with its number, and what must lie beside it."""

    signed: SignedMessage
    seq: int
    salt: bytes | None = field(repr=False)
    ciphertexts: dict[PartyID, bytes] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Composer:
    """Writes envelopes in the name of one party at one center. Safe from several threads."""

    key: SigningKey
    party: str
    origin: str
    joint: Joint
    view: CenterView
    kinds: KindTable
    random: Random

    def check_form(self, draft: Draft) -> None:
        """Return if a draft is of its kind's form, or raise `Malformed`. The rules are asked later."""
        kind = self.kinds.get(draft.kind)
        parse_body(draft.body, kind.body)
        if draft.addressees and not kind.may_be_sealed:
            raise Malformed("not-sealable", f"{draft.kind}: expected an open message, got addressees")
        if len(draft.body) > MAX_BODY_BYTES:
            raise Malformed(
                "too-large", f"{draft.kind}: expected <= {MAX_BODY_BYTES} bytes, got {len(draft.body)}"
            )
        if tuple(sorted(set(draft.addressees))) != draft.addressees:
            raise Malformed("to-order", "addressees: expected each party once, sorted by name")

    def compose(self, draft: Draft, at: str) -> Composed:
        """Return the draft signed with the next number, checked by our own rules. Nothing is kept yet.

        SECURITY: until it is kept, the signed envelope lives in this process alone: if the rules refuse it or
        we crash, no second envelope with its number was ever shown to anyone.
        """
        head = self.joint.find_head()
        if head is None:
            raise AssertionError("composer: asked before our roster was in the record")
        seq, prev = head[0] + 1, head[1]
        size, root = self.view.seen
        to: tuple[Addressee, ...] = ()
        raw, commitment, salt = draft.body, None, None
        ciphertexts: dict[PartyID, bytes] = {}
        if draft.addressees:
            context = SealContext(self.origin, PartyID(self.party), seq, draft.kind, PartyID(""))
            keys = self.joint.get_seal_keys(draft.addressees)
            sealed = seal_body(draft.body, context, keys, random=self.random)
            to, commitment, salt = sealed.to, sealed.commitment, sealed.salt
            ciphertexts, raw = sealed.ciphertexts, b"null"
            largest = max(map(len, ciphertexts.values()))
            if largest > MAX_CIPHERTEXT_BYTES:
                raise Malformed(
                    "too-large", f"ciphertext: expected <= {MAX_CIPHERTEXT_BYTES} bytes, got {largest}"
                )
        payload = Payload(
            v=1,
            kind=draft.kind,
            center=self.origin,
            author=self.party,
            officers=sorted(set(draft.officers)),
            seq=seq,
            prev=prev,
            seen=Seen(size=size, root=root.hex()),
            at=at,
            to=list(to),
            body=msgspec.Raw(raw),
            sealed=commitment,
        )
        signed = sign_envelope(encode_payload(payload), MESSAGE_TYPE, [self.key])
        opened = None
        if salt is not None:
            opened = reopen_own(parse_message(signed, self.kinds.bodies), salt, draft.body, self.kinds)
        self.joint.check(signed, opened)
        return Composed(signed, seq, salt, ciphertexts)
