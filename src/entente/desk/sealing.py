"""Sealing: a body that only its addressees can read, and opening what is addressed to us.

Invariants: the salt is 32 fresh bytes from the `Random` port; every ciphertext is bound to center, author,
seq, kind and addressee (`kernel.sealed.SealContext`); what is opened is checked twice, against the
ciphertext's hash in the signed payload and against the author's commitment; the author keeps his own
plaintext and salt, since he cannot open what he sealed.

HPKE draws its ephemeral key inside the library: sealing the same body twice gives two ciphertexts. It does
not decide whether a body may leave: the gate does.

    >>> sealed = seal_body(body, context, {"ru": ru_seal_key}, random=random)
    >>> opened = open_received(parsed, ciphertext, seal_key, KINDS)
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from entente.kernel.errors import VerificationFailed
from entente.kernel.ids import KeyID, PartyID
from entente.kernel.kinds import KindTable
from entente.kernel.message import Addressee, ParsedMessage, Payload, open_message
from entente.kernel.ports import Random
from entente.kernel.roster import SealKeyWire
from entente.kernel.sealed import (
    SALT_BYTES,
    SUITE,
    SealContext,
    SealKey,
    commit_body,
    pack_sealed,
    parse_seal_public,
    unpack_sealed,
)
from entente.kernel.wire import parse_base64


@dataclass(frozen=True, slots=True)
class SealedBody:
    """What goes into the payload, what beside it, and what into our own book alone (``salt``)."""

    to: tuple[Addressee, ...]
    commitment: str
    ciphertexts: dict[PartyID, bytes]
    salt: bytes = field(repr=False)


def seal_body(
    body: bytes, context: SealContext, keys: Mapping[PartyID, SealKeyWire], *, random: Random
) -> SealedBody:
    """Seal ``body`` to each party of ``keys``.

    Args:
        context: Where the body belongs; its addressee is filled in for each.
        keys: The seal keys in force, as the rosters say.
    """
    if not keys:
        raise ValueError("sealed body: expected at least one addressee")
    salt = random.draw(SALT_BYTES)
    plain = pack_sealed(body, salt)
    ciphertexts: dict[PartyID, bytes] = {}
    to = []
    for party in sorted(keys):
        public = parse_seal_public(parse_base64(keys[party].xwing, what=f"seal key of {party!r}"))
        info = replace(context, addressee=party).info()
        ciphertexts[party] = SUITE.encrypt(plain, public, info=info)
        digest = hashlib.sha256(ciphertexts[party]).hexdigest()
        to.append(Addressee(party=party, key=KeyID(keys[party].id), ciphertext=digest))
    return SealedBody(tuple(to), commit_body(salt, body), ciphertexts, salt)


def find_addressee(payload: Payload, party: str) -> Addressee | None:
    """Return the entry of ``to`` that names ``party``, or None."""
    return next((entry for entry in payload.to if entry.party == party), None)


def verify_ciphertext(addressee: Addressee, data: bytes) -> None:
    """Return if ``data`` is the ciphertext whose hash the author signed.

    Raises:
        VerificationFailed: ``swapped-ciphertext``: the center served other bytes.
    """
    digest = hashlib.sha256(data).hexdigest()
    if digest != addressee.ciphertext:
        raise VerificationFailed(
            "swapped-ciphertext",
            f"ciphertext for {addressee.party!r}: expected SHA-256 {addressee.ciphertext}, got {digest}",
        )


@dataclass(frozen=True, slots=True)
class OpenedBody:
    """A received body with its salt: together they prove to anyone what the author said."""

    message: ParsedMessage[Any]
    salt: bytes = field(repr=False)
    body: bytes = field(repr=False)


def open_received(
    parsed: ParsedMessage[Any], data: bytes, key: SealKey, kinds: KindTable, *, party: str
) -> OpenedBody:
    """Return a message that was addressed to ``party``, opened.

    Raises:
        VerificationFailed: ``swapped-ciphertext`` (the center), ``cannot-open`` or ``commitment`` (the
        author). Malformed: It opens, and what is in it is not of the kind's form: the author's fault.
    """
    addressee = find_addressee(parsed.payload, party)
    if addressee is None:
        raise ValueError(f"message {parsed.leaf[:12]}: expected one addressed to {party!r}")
    verify_ciphertext(addressee, data)
    payload = parsed.payload
    context = SealContext(payload.center, PartyID(payload.author), payload.seq, payload.kind, PartyID(party))
    salt, body = unpack_sealed(key.open(data, context))
    return OpenedBody(open_message(parsed, salt, body, kinds.get(payload.kind).body), salt, body)


def reopen_own(parsed: ParsedMessage[Any], salt: bytes, body: bytes, kinds: KindTable) -> ParsedMessage[Any]:
    """Return a message of which we kept salt and body (our own, or one opened before)."""
    return open_message(parsed, salt, body, kinds.get(parsed.payload.kind).body)
