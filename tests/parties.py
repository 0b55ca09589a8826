"""Parties and a center in memory, with real keys and real checks, that can lie on demand.

For: tests of whatever takes messages in. Nothing here is a stand-in for a check: signatures, trees and sealed
bodies are made and judged by the project's own code.

Invariants:
  * The same names give the same keys: every seed comes from a label (sealing alone draws inside its library).
  * A `PartySimulator` is honest unless told otherwise; a lie is a keyword: ``us.write(..., seq=0)``.
  * A `CenterSimulator` keeps only what it accepted, and parses everything from bytes again.

    >>> us, ru = PartySimulator("us"), PartySimulator("ru")
    >>> center = CenterSimulator(us, ru)
    >>> center.found()
    >>> center.submit(us.write("test.say", SayBody(text="hello"), center.seen())).index
    3
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from entente.joint.acceptance import AlreadyRecorded, find_recorded, verify_message
from entente.joint.registry import KINDS
from entente.joint.state import JointState
from entente.kernel.charter import AgreedRules, Charter, FoundingParty
from entente.kernel.envelope import MESSAGE_TYPE, SignedMessage, parse_envelope, sign_envelope
from entente.kernel.ids import PartyID
from entente.kernel.keys import SigningKey, encode_public_key
from entente.kernel.kinds import Kind, KindTable, SignedBy, allow
from entente.kernel.message import (
    CENTER,
    NO_MESSAGE,
    Addressee,
    Entry,
    ParsedMessage,
    Payload,
    Seen,
    VerifiedMessage,
    encode_body,
    encode_payload,
    open_message,
    parse_message,
)
from entente.kernel.roots import Roots
from entente.kernel.roster import OfficerWire, RosterStatement, SealKeyWire, statement_hash
from entente.kernel.rows import MemoryRows, Rows
from entente.kernel.sealed import (
    SUITE,
    SealContext,
    SealKey,
    commit_body,
    pack_sealed,
    parse_seal_public,
    unpack_sealed,
)
from entente.kernel.wire import NoteText, WireStruct, encode_base64
from entente.record.note import NoteKey, SignatureType, encode_note_key
from entente.record.tree import Tree, leaf_hash

ORIGIN: Final = "center.example/record"
AT: Final = "2016-09-17T13:55:00Z"
"""What every honest message claims as its time."""


class SayBody(WireStruct, frozen=True):
    """Body of the kinds that only tests have."""

    text: NoteText


def _project_nothing(entry: Entry[SayBody], rows: Rows) -> None:
    del entry, rows


SAY: Final = Kind("test.say", SayBody, decide=allow, project=_project_nothing, may_be_sealed=True)
ORDER: Final = Kind(
    "test.order", SayBody, decide=allow, project=_project_nothing, min_officers=2, role="commander"
)
TICK: Final = Kind("test.tick", SayBody, decide=allow, project=_project_nothing, signed_by=SignedBy.CENTER)
TEST_KINDS: Final = KindTable((*KINDS, SAY, ORDER, TICK))
"""What a center speaks, and three kinds that judge nothing: what is refused is refused on the way in."""
RULES: Final = AgreedRules(
    lateral_cm=926_000,
    vertical_cm=30_000,
    time_s=300,
    read_back_tolerance_cm=100_000,
    escalate_minutes=5,
    lapse_minutes=60,
    readout_minutes=1_440,
    dishonest_witnesses=None,
)


def draw_seed(label: str, size_bytes: int = 32) -> bytes:
    """Return bytes that look random and depend on nothing but the label."""
    return hashlib.shake_256(b"entente test seed\n" + label.encode()).digest(size_bytes)


def make_payload(kind: str, body: WireStruct | None, *, author: str, seen: Seen, **fields: Any) -> Payload:
    """Return an open payload, first of its author's chain unless ``fields`` say otherwise."""
    plain: dict[str, Any] = {
        "v": 1,
        "kind": kind,
        "center": ORIGIN,
        "author": author,
        "officers": [],
        "seq": 0,
        "prev": NO_MESSAGE,
        "seen": seen,
        "at": AT,
        "to": [],
        "body": msgspec.Raw(b"null" if body is None else encode_body(body)),
        "sealed": None,
    }
    return Payload(**(plain | fields))


def sign_payload(
    payload: Payload, keys: Sequence[SigningKey], *, payload_type: str = MESSAGE_TYPE
) -> SignedMessage:
    """Return the envelope of a payload, signed by ``keys``."""
    return sign_envelope(encode_payload(payload), payload_type, keys)


class Author:
    """Whoever has a chain of messages: a party, or the center."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.seq = 0
        self.prev: str = NO_MESSAGE

    def draft(self, kind: str, body: WireStruct | None, seen: Seen, **lies: Any) -> Payload:
        """Return the author's next payload, with any field replaced by a lie."""
        honest: dict[str, Any] = {"seq": self.seq, "prev": self.prev}
        fields = {"author": self.name} | honest | lies
        return make_payload(kind, body, author=fields.pop("author"), seen=fields.pop("seen", seen), **fields)

    def advance(self, signed: SignedMessage) -> None:
        """Continue the chain from a message that was accepted."""
        self.seq += 1
        self.prev = signed.leaf


class PartySimulator(Author):
    """A party: its keys, its roster, its chain. Replace a key and issue a `statement` to rotate it."""

    def __init__(self, name: str, *, root_count: int = 1, threshold: int = 1) -> None:
        super().__init__(name)
        self.roots = [self.make_key("root", place) for place in range(root_count)]
        self.threshold = threshold
        self.desk = self.make_key("desk")
        self.witness = self.make_key("witness")
        self.seal = SealKey(f"{name}/seal", draw_seed(f"{name}/seal", 96))
        self.version = 1
        self.officers = [
            OfficerWire(id="duty-1", name=f"Duty officer of {name}", roles=["commander", "duty"]),
            OfficerWire(id="duty-2", name="Deputy", roles=["commander"]),
            OfficerWire(id="scribe", name="Scribe", roles=[]),
        ]

    def make_key(self, purpose: str, generation: int = 0) -> SigningKey:
        """Return the party's n-th key for a purpose: root, desk or witness."""
        name = f"{self.name}/{purpose}"
        return SigningKey(name, draw_seed(f"{name}/{generation}"))

    def statement(self, **lies: Any) -> RosterStatement:
        """Return the roster statement that the party's present keys and officers make."""
        witness = NoteKey(
            self.witness.public.name, SignatureType.COSIGNATURE_ED25519, self.witness.public.raw
        )
        honest: dict[str, Any] = {
            "version": self.version,
            "name": f"Party {self.name}",
            "roots": Roots(
                keys=[encode_public_key(key.public) for key in self.roots], threshold=self.threshold
            ),
            "desk": encode_public_key(self.desk.public),
            "witness": encode_note_key(witness),
            "witness_url": "",
            "seal": SealKeyWire(id=self.seal.key_id, xwing=encode_base64(self.seal.public_bytes)),
            "officers": self.officers,
            "contacts": ["duty-1", "duty-2"],
            "tls_ca": "",
        }
        return RosterStatement(**(honest | lies))

    def founder(self, **lies: Any) -> FoundingParty:
        """Return how the party stands in the charter, with its present keys."""
        statement = self.statement()
        honest: dict[str, Any] = {
            "party": self.name,
            "name": statement.name,
            "roots": statement.roots,
            "roster": statement_hash(statement),
        }
        return FoundingParty(**(honest | lies))

    def write(
        self,
        kind: str,
        body: WireStruct | None,
        seen: Seen,
        *,
        keys: Sequence[SigningKey] | None = None,
        **lies: Any,
    ) -> SignedMessage:
        """Return the party's next message, signed by its desk key unless ``keys`` are named."""
        return sign_payload(self.draft(kind, body, seen, **lies), [self.desk] if keys is None else keys)

    def write_roster(
        self, seen: Seen, statement: RosterStatement, keys: Sequence[SigningKey], **lies: Any
    ) -> SignedMessage:
        """Return a roster statement signed by ``keys``."""
        return self.write("roster.statement", statement, seen, keys=keys, **lies)

    def write_sealed(
        self,
        kind: str,
        body: WireStruct,
        readers: Iterable[PartySimulator],
        seen: Seen,
        **lies: Any,
    ) -> tuple[SignedMessage, dict[str, bytes]]:
        """Return a message addressed to ``readers`` and each one's ciphertext."""
        return self.write_sealed_bytes(kind, encode_body(body), readers, seen, **lies)

    def write_sealed_bytes(
        self, kind: str, body: bytes, readers: Iterable[PartySimulator], seen: Seen, **lies: Any
    ) -> tuple[SignedMessage, dict[str, bytes]]:
        """Return the same for any bytes as the body, as a liar would write them."""
        salt = draw_seed(f"{self.name}/salt/{self.seq}")
        plain = pack_sealed(body, salt)
        found: dict[str, bytes] = {}
        to: list[Addressee] = []
        for reader in sorted(readers, key=lambda one: one.name):
            context = SealContext(ORIGIN, PartyID(self.name), self.seq, kind, PartyID(reader.name))
            key = parse_seal_public(reader.seal.public_bytes)
            found[reader.name] = SUITE.encrypt(plain, key, info=context.info())
            digest = hashlib.sha256(found[reader.name]).hexdigest()
            to.append(Addressee(party=reader.name, key=reader.seal.key_id, ciphertext=digest))
        fields: dict[str, Any] = {"to": to, "sealed": commit_body(salt, body)}
        return self.write(kind, None, seen, **(fields | lies)), found

    def open(self, signed: SignedMessage, ciphertext: bytes, kinds: KindTable) -> ParsedMessage[Any]:
        """Return a sealed message with its body, as the addressee's desk opens it."""
        parsed = parse_message(signed, kinds.bodies)
        payload = parsed.payload
        context = SealContext(
            payload.center, PartyID(payload.author), payload.seq, payload.kind, PartyID(self.name)
        )
        salt, body = unpack_sealed(self.seal.open(ciphertext, context))
        return open_message(parsed, salt, body, kinds.bodies[payload.kind])


class CenterSimulator(Author):
    """A center without disk or socket: takes messages in by the real checks, into a real tree."""

    def __init__(self, *parties: PartySimulator, kinds: KindTable = TEST_KINDS, name: str = CENTER) -> None:
        super().__init__(name)
        self.parties = {party.name: party for party in sorted(parties, key=lambda one: one.name)}
        self.key = SigningKey(CENTER, draw_seed("center"))
        self.log = SigningKey(ORIGIN, draw_seed("log"))
        self.tree = Tree()
        self.entries: list[bytes] = []
        self.state = JointState(MemoryRows(), kinds)

    @property
    def rows(self) -> Rows:
        """The rows of everything accepted so far."""
        return self.state.rows

    def seen(self, size: int | None = None) -> Seen:
        """Return what an honest author has seen, by default everything."""
        at = self.tree.size if size is None else size
        return Seen(size=at, root=self.tree.root(at).hex())

    def draft_charter(self, **lies: Any) -> Charter:
        """Return the charter of these parties."""
        log = NoteKey(self.log.public.name, SignatureType.ED25519, self.log.public.raw)
        honest: dict[str, Any] = {
            "name": "A joint center",
            "log": encode_note_key(log),
            "center": encode_public_key(self.key.public),
            "url": "https://center.example",
            "tls_ca": "",
            "exercise": True,
            "parties": [party.founder() for party in self.parties.values()],
            "rules": RULES,
            "terms": [],
        }
        return Charter(**(honest | lies))

    def write_charter(
        self, charter: Charter, keys: Sequence[SigningKey] | None = None, **lies: Any
    ) -> SignedMessage:
        """Return the charter's message, signed by everyone unless ``keys`` are named."""
        everyone = [self.key, *(key for party in self.parties.values() for key in party.roots)]
        return self.write("charter", charter, keys=everyone if keys is None else keys, **lies)

    def write(
        self,
        kind: str,
        body: WireStruct | None,
        *,
        keys: Sequence[SigningKey] | None = None,
        **lies: Any,
    ) -> SignedMessage:
        """Return the center's own next message."""
        payload = self.draft(kind, body, **({"seen": self.seen()} | lies))
        return sign_payload(payload, [self.key] if keys is None else keys)

    def found(self) -> None:
        """Take in the charter and every party's first roster: entries 0 to n."""
        self.submit(self.write_charter(self.draft_charter()))
        for party in self.parties.values():
            self.submit(party.write_roster(self.seen(), party.statement(), party.roots))

    def verify(self, signed: SignedMessage) -> VerifiedMessage[Any]:
        """Return the message with the checks done that need no order."""
        return verify_message(parse_envelope(signed.raw), self.state.ring, self.state.kinds)

    def submit(self, signed: SignedMessage) -> Entry[Any]:
        """Take a message in, or raise why not; nothing is changed then."""
        index = find_recorded(signed.leaf, self.rows)
        if index is not None:
            raise AlreadyRecorded(index)
        return self.place(self.verify(signed))

    def place(self, message: VerifiedMessage[Any]) -> Entry[Any]:
        """Give a verified message its place, or raise why not."""
        entry = self.state.admit(message, self.tree)
        self.state.apply(entry)
        self.tree.append(leaf_hash(message.signed.raw))
        self.entries.append(message.signed.raw)
        author = self if message.author == CENTER else self.parties[message.author]
        author.advance(message.signed)
        return entry

    def rotate(self, party: PartySimulator, signers: Sequence[SigningKey], **lies: Any) -> Entry[Any]:
        """Put in force what the party's present keys say, as its next roster version."""
        party.version += 1
        return self.submit(party.write_roster(self.seen(), party.statement(**lies), signers))
