"""Made-up parties with real keys: what a founding and a message look like, for measurements and tests.

Invariant: everything follows from the seed, so that a run can be repeated.

    parties = [make_party(name, seed=1) for name in ("ru", "us")]
    root = init_founded(folder, parties)
    body, leaf = parties[0].speak("thread.say", body, center="example.org/joint")
"""

from __future__ import annotations

import hashlib
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import msgspec

from entente.center.draft import CenterPlan, Draft
from entente.center.folder import CenterFolder, CenterSettings
from entente.center.founding import Founding, init_center, parse_signature_set
from entente.kernel.charter import AgreedRules
from entente.kernel.envelope import (
    MESSAGE_TYPE,
    SignatureWire,
    SignedMessage,
    encode_pae,
    sign_envelope,
)
from entente.kernel.keys import SigningKey, encode_public_key
from entente.kernel.message import NO_MESSAGE, Addressee, Payload, Seen, encode_body, encode_payload
from entente.kernel.roots import Roots
from entente.kernel.roster import OfficerWire, PartyCard, RosterStatement, SealKeyWire
from entente.kernel.sealed import SEAL_SEED_BYTES, SealKey, commit_body
from entente.kernel.wire import WireStruct, encode_base64
from entente.record import EMPTY_ROOT, CosignatureSigner, encode_note_key

ORIGIN: Final = "example.org/joint"
NOW: Final = datetime(2016, 9, 17, 15, 0, tzinfo=UTC)
RULES: Final = AgreedRules(
    lateral_cm=500_000,
    vertical_cm=30_000,
    time_s=600,
    read_back_tolerance_cm=50_000,
    escalate_minutes=5,
    lapse_minutes=30,
    readout_minutes=60,
    dishonest_witnesses=None,
)


class FrozenClock:
    """A clock that stands where it is put."""

    def __init__(self, now: datetime = NOW) -> None:
        self.now = now

    def now_utc(self) -> datetime:
        """Return the set time."""
        return self.now


class SeededRandom:
    """The `Random` port, the same every time."""

    def __init__(self, seed: object) -> None:
        self._random = random.Random(repr(seed))

    def draw(self, size_bytes: int) -> bytes:
        """Return seeded bytes."""
        return self._random.randbytes(size_bytes)


@dataclass
class PartySimulator:
    """A party that can speak: honest by default, and able to lie by being given other values."""

    name: str
    root: SigningKey
    desk: SigningKey
    witness: CosignatureSigner
    seal: SealKey
    witness_url: str = ""
    tls_ca: str = ""
    seq: int = 0
    prev: str = NO_MESSAGE
    seen: Seen = field(default_factory=lambda: Seen(0, EMPTY_ROOT.hex()))

    def statement(self, version: int = 1, **changes: Any) -> RosterStatement:  # noqa: ANN401 - any field
        """Return the party's roster."""
        statement = RosterStatement(
            version=version,
            name=self.name.upper(),
            roots=Roots([encode_public_key(self.root.public)], 1),
            desk=encode_public_key(self.desk.public),
            witness=encode_note_key(self.witness.key),
            witness_url=self.witness_url,
            seal=SealKeyWire(self.seal.key_id, encode_base64(self.seal.public_bytes)),
            officers=[
                OfficerWire("duty-1", "Duty One", ["duty"]),
                OfficerWire("duty-2", "Duty Two", ["duty"]),
            ],
            contacts=["duty-1", "duty-2"],
            tls_ca=self.tls_ca,
        )
        return msgspec.structs.replace(statement, **changes)

    def card(self) -> PartyCard:
        """Return the party's card."""
        return PartyCard(self.name, self.statement())

    def sign(
        self,
        kind: str,
        body: WireStruct,
        /,
        *,
        origin: str = ORIGIN,
        at: str = "2016-09-17T15:00:00Z",
        officers: tuple[str, ...] = ("duty-1",),
        keys: tuple[SigningKey, ...] | None = None,
        to: tuple[PartySimulator, ...] = (),
        ciphertexts: tuple[bytes, ...] = (),
        **changes: Any,  # noqa: ANN401 - any field of the payload
    ) -> SignedMessage:
        """Return the party's next message; its chain does not move before `accept`."""
        raw = encode_body(body)
        addressees = [
            Addressee(one.name, one.seal.key_id, hashlib.sha256(data).hexdigest())
            for one, data in zip(to, ciphertexts, strict=True)
        ]
        payload = Payload(
            v=1,
            kind=kind,
            center=origin,
            author=self.name,
            officers=list(officers),
            seq=self.seq,
            prev=self.prev,
            seen=self.seen,
            at=at,
            to=addressees,
            body=msgspec.Raw(b"null" if to else raw),
            sealed=commit_body(bytes(32), raw) if to else None,
        )
        payload = msgspec.structs.replace(payload, **changes)
        return sign_envelope(encode_payload(payload), MESSAGE_TYPE, keys or (self.desk,))

    def accept(self, signed: SignedMessage) -> None:
        """Go on from ``signed``, which was recorded."""
        self.seq, self.prev = self.seq + 1, signed.leaf

    def sign_roster(self, *, origin: str = ORIGIN) -> SignedMessage:
        """Return the party's first message."""
        return self.sign("roster.statement", self.statement(), origin=origin, officers=(), keys=(self.root,))

    def sign_charter(self, draft: Draft) -> bytes:
        """Return the body of ``POST /charter/signatures``, and go on from the roster in it."""
        signature = self.root.sign(encode_pae(MESSAGE_TYPE, draft.payload))
        wire = SignatureWire(self.root.public.key_id, encode_base64(signature))
        roster = self.sign_roster(origin=draft.origin)
        self.accept(roster)
        return b'{"party":"%b","signatures":[%b],"roster":%b}' % (
            self.name.encode(), msgspec.json.encode(wire), roster.raw,
        )  # fmt: skip


def make_party(name: str, *, seed: object = 0, witness_url: str = "", tls_ca: str = "") -> PartySimulator:
    """Return a party whose keys follow from name and seed."""
    draw = SeededRandom((seed, name)).draw
    return PartySimulator(
        name,
        SigningKey(f"{name}/root", draw(32)),
        SigningKey(f"{name}/desk", draw(32)),
        CosignatureSigner(SigningKey(f"{name}/witness", draw(32))),
        SealKey(f"{name}/seal", draw(SEAL_SEED_BYTES)),
        witness_url,
        tls_ca,
    )


def encode_request(signed: SignedMessage, ciphertexts: tuple[tuple[str, bytes], ...] = ()) -> bytes:
    """Return the body of ``POST /messages``."""
    parts = [
        b'{"party":"%b","data":"%b"}' % (party.encode(), encode_base64(data).encode())
        for party, data in ciphertexts
    ]
    return b'{"envelope":%b,"ciphertexts":[%b]}' % (signed.raw, b",".join(parts))


def init_draft(
    root: Path,
    parties: list[PartySimulator],
    *,
    clock: FrozenClock | None = None,
    rules: AgreedRules = RULES,
    **settings: Any,  # noqa: ANN401 - any field of the settings
) -> Draft:
    """Make a center's folder whose charter nobody has signed yet."""
    plan = CenterPlan(
        ORIGIN, "Joint center", "http://127.0.0.1:0", exercise=True, rules=rules, terms=[],
        cards=[party.card() for party in parties],
    )  # fmt: skip
    chosen = CenterSettings(ORIGIN, plan.url, "127.0.0.1:0", **settings)
    return init_center(root, plan, chosen, clock or FrozenClock(), SeededRandom("center"))


def init_signed(root: Path, parties: list[PartySimulator], **options: Any) -> Draft:  # noqa: ANN401
    """Make a center's folder that everyone has signed: its first start records the charter."""
    draft = init_draft(root, parties, **options)
    folder = CenterFolder(root)
    founding = Founding(folder, folder.read_keys())
    for party in parties:
        founding.add(parse_signature_set(party.sign_charter(draft)))
    return draft
