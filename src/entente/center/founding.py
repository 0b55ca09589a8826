"""Founding a center: make its folder, gather every party's signature, and put the charter in force.

Invariants:
  * A signature set is durable before it is acknowledged; sending it again changes nothing.
  * The charter and the rosters go through the sequencer like any message, in one batch: either all are
    recorded or none. If we stop between the last signature and the batch, the next start records them.
  * The same folder is never founded twice: the journal says whether it is.

It shows a draft to anyone who can connect: nothing in it is secret.

    >>> draft = init_center(Path("center"), plan, settings, clock, random)
    >>> founding = Founding(folder, keys)
    >>> founding.add(parse_signature_set(body))
    >>> founding.is_complete
    True
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

import msgspec

from entente.center.draft import (
    CenterPlan,
    Draft,
    SignatureSet,
    VerifiedSignatures,
    build_founding,
    draft_charter,
    parse_draft,
    verify_signature_set,
)
from entente.center.folder import CenterFolder, CenterSettings, HostKeys
from entente.kernel.canonical import encode_canonical
from entente.kernel.envelope import SignedMessage, parse_envelope
from entente.kernel.errors import Denied, Malformed, NotFound
from entente.kernel.keys import SEED_BYTES, SigningKey
from entente.kernel.message import CENTER, encode_struct
from entente.kernel.ports import Clock, Random
from entente.kernel.roster import MAX_CARD_BYTES, PartyCard
from entente.kernel.wire import SlugText, WireStruct, encode_base64
from entente.store.clock import SystemClock
from entente.store.durable import SECRET, write_atomic
from entente.store.tls import issue_client, issue_server, make_authority

MAX_SIGNATURE_BYTES: Final = 200_000


class CharterAnswer(WireStruct, frozen=True):
    """``GET /charter``."""

    state: Literal["draft", "founded"]
    payload: str
    signed: list[str]
    missing: list[SlugText]
    envelope: msgspec.Raw


def init_center(
    root: Path,
    plan: CenterPlan,
    settings: CenterSettings,
    clock: Clock,
    random: Random,
    *,
    tls_hosts: tuple[str, ...] = (),
) -> Draft:
    """Make a center's folder with keys, certificates and the charter's draft, and return the draft.

    Args:
        root: A folder that is no center yet.
        plan: What the founders agreed on; ``plan.origin`` names the record.
        settings: Written to ``center.toml``; of the same origin and URL.
        clock: For the draft's claimed time; the machine's own, or the exercise's.
        random: Seeds of the keys are drawn from it.
        tls_hosts: Names and addresses for the server certificate, when ``settings.tls``.

    Raises:
        StoreError: A center is there already; Denied, Malformed: the draft would not be sound. Nothing that
        can be
            served was written.
    """
    if (plan.origin, plan.url) != (settings.origin, settings.url):
        raise ValueError("center: expected one origin and URL in plan and settings")
    keys = HostKeys(
        SigningKey(plan.origin, random.draw(SEED_BYTES)), SigningKey(CENTER, random.draw(SEED_BYTES))
    )
    pairs = {}
    if settings.tls:
        # TLS libraries compare certificates with the machine's clock, also in an exercise.
        wall = SystemClock()
        authority = make_authority(plan.origin, wall, random)
        pairs = {
            "authority": authority,
            "server": issue_server(authority, tls_hosts or (settings.address[0],), wall, random),
            "client": issue_client(authority, CENTER, wall, random),
        }
    tls_ca = pairs["authority"].certificate.decode() if pairs else ""
    draft = draft_charter(plan, keys, clock.now_utc(), tls_ca=tls_ca)
    folder = CenterFolder(root)
    folder.make()
    folder.write_keys(keys)
    for name, pair in pairs.items():
        write_atomic(folder.tls / f"{name}.crt", pair.certificate)
        write_atomic(folder.tls / f"{name}.key", pair.key, mode=SECRET)
    for card in plan.cards:
        write_atomic(folder.card(card.party), encode_canonical(card))
    write_atomic(folder.draft, draft.payload)
    # Last: a folder without settings is no center, and `init_center` may be tried again.
    folder.write_settings(settings)
    return draft


def parse_signature_set(body: bytes) -> SignatureSet:
    """Return a party's part of the founding, unverified, or raise `Malformed`."""
    if len(body) > MAX_SIGNATURE_BYTES:
        raise Malformed("too-large", f"signatures: expected <= {MAX_SIGNATURE_BYTES} bytes, got {len(body)}")
    try:
        return msgspec.json.decode(body, type=SignatureSet, strict=True)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        message, _, where = str(error).partition(" - at `")
        raise Malformed(
            "wrong-type", f"signatures: {message[:200].lower()}", path=where.removesuffix("`") or "$"
        ) from error


class Founding:
    """The draft of a folder and who has signed it. One thread at a time."""

    def __init__(self, folder: CenterFolder, keys: HostKeys) -> None:
        self._folder = folder
        self._keys = keys
        self.draft = parse_draft(folder.read(folder.draft))
        self._parts: dict[str, VerifiedSignatures] = {}
        for founder in self.draft.charter.parties:
            try:
                data = folder.read(folder.signature(founder.party))
            except NotFound:
                continue
            # Checked again: files can be edited, and what is wrong here would fail as entry 0.
            self._parts[founder.party] = verify_signature_set(self.draft, parse_signature_set(data))

    @property
    def missing(self) -> list[str]:
        """Parties that have not signed, by name."""
        return [one.party for one in self.draft.charter.parties if one.party not in self._parts]

    @property
    def is_complete(self) -> bool:
        """Whether every party has signed."""
        return not self.missing

    def read_cards(self) -> list[PartyCard]:
        """Return the parties' cards: who they are before there is a record."""
        cards = []
        for founder in self.draft.charter.parties:
            data = self._folder.read(self._folder.card(founder.party))
            if len(data) > MAX_CARD_BYTES:
                raise Malformed("too-large", f"card of {founder.party!r}: expected <= {MAX_CARD_BYTES} bytes")
            cards.append(msgspec.json.decode(data, type=PartyCard, strict=True))
        return cards

    def add(self, given: SignatureSet) -> None:
        """Keep a party's signatures.

        Raises:
            Malformed, VerificationFailed, Denied: What is wrong with them.
            StoreError: They could not be kept.
        """
        part = verify_signature_set(self.draft, given)
        known = self._parts.get(part.party)
        if known is not None:
            if known.roster.raw != part.roster.raw:
                raise Denied("signed-before", f"founding: expected the roster that {part.party!r} sent first")
            return
        # Durable before it is acknowledged: a party is not asked twice.
        write_atomic(self._folder.signature(part.party), encode_struct(given))
        self._parts[part.party] = part

    def build(self) -> list[SignedMessage]:
        """Return entries 0 to n; everyone must have signed."""
        return build_founding(self.draft, list(self._parts.values()), self._keys.center)

    def describe(self) -> CharterAnswer:
        """Return the draft as it stands."""
        signed = [key_id for part in self._parts.values() for key_id, _ in part.signatures]
        return CharterAnswer(
            "draft",
            encode_base64(self.draft.payload),
            sorted(signed),
            list(self.missing),
            msgspec.Raw(b"null"),
        )


def describe_founded(entry: bytes) -> CharterAnswer:
    """Return entry 0 as the answer to who asks for the charter."""
    signed = parse_envelope(entry)
    return CharterAnswer(
        "founded",
        encode_base64(signed.payload),
        [key_id for key_id, _ in signed.signatures],
        [],
        msgspec.Raw(entry),
    )
