"""The charter: entry 0, by which a center comes into being.

It names the record, the keys of log and center, the founding parties with their root keys and the hash of
their first roster, and the rules they agreed on. The center's key and every founding party's root keys sign
the same bytes. From it alone, and what follows it, everything else can be checked: its fingerprint is what
the parties compare by voice.

Invariants: it is entry 0 and nothing else is; two parties or more; no root key serves two parties; a party's
first roster is the one whose hash stands here.

It does not change later: a party joins by a new charter of a new record (docs/known-limits.md).

    >>> get_charter(rows).rules.escalate_minutes
    5
"""

from __future__ import annotations

import hashlib
from typing import Annotated, ClassVar, Final

import msgspec

from entente.kernel.ids import PartyID
from entente.kernel.keys import ED25519, KeyWire, parse_public_key, parse_vkey
from entente.kernel.kinds import ALLOWED, Decision, Kind, SignedBy, denied
from entente.kernel.message import CENTER, Entry, VerifiedMessage
from entente.kernel.roots import Roots, parse_roots
from entente.kernel.rows import Row, Rows, get_row
from entente.kernel.wire import (
    Hex64,
    Minutes,
    NameText,
    NoteText,
    SlugText,
    UrlText,
    VkeyText,
    WireStruct,
    encode_base64,
)

MAX_PARTIES: Final = 64
"""The charter and its signatures must fit one envelope of 65,535 bytes."""


class AgreedRules(WireStruct, frozen=True):
    """What the founding parties agreed on in numbers.

    Separation (at most 1,000 km) widens volumes before they are compared. A read position that differs
    by more than ``read_back_tolerance_cm`` does not count. An unanswered message goes to the next contact
    every ``escalate_minutes`` and lapses after ``lapse_minutes``; a readout nobody answered in
    ``readout_minutes`` is recorded as silent. ``dishonest_witnesses`` is f of the quorum rule, or null for
    the default.
    """

    lateral_cm: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
    vertical_cm: Annotated[int, msgspec.Meta(ge=0, le=100_000_000)]
    time_s: Annotated[int, msgspec.Meta(ge=0, le=31_622_400)]
    read_back_tolerance_cm: Annotated[int, msgspec.Meta(ge=100, le=10_000_000)]
    escalate_minutes: Minutes
    lapse_minutes: Minutes
    readout_minutes: Minutes
    dishonest_witnesses: Annotated[int, msgspec.Meta(ge=0, le=40)] | None


class StandingTerm(WireStruct, frozen=True):
    """A standing rule in words, with where it comes from."""

    id: SlugText
    text: NoteText
    source: Annotated[str, msgspec.Meta(max_length=500)]


class FoundingParty(WireStruct, frozen=True):
    """A founding party: its root keys, and the SHA-256 of its first roster statement's canonical bytes."""

    party: SlugText
    name: NameText
    roots: Roots
    roster: Hex64


class Charter(WireStruct, frozen=True):
    """Body of ``charter``. ``exercise`` marks a center whose clock or events are not real."""

    name: NameText
    log: VkeyText
    center: KeyWire
    url: UrlText
    tls_ca: Annotated[str, msgspec.Meta(max_length=8_000)]
    exercise: bool
    parties: Annotated[list[FoundingParty], msgspec.Meta(min_length=2, max_length=MAX_PARTIES)]
    rules: AgreedRules
    terms: Annotated[list[StandingTerm], msgspec.Meta(max_length=40)]


class CharterRow(Row, frozen=True):
    """The charter in force: one row."""

    TABLE: ClassVar[str] = "charter"
    origin: str
    charter: Charter
    leaf: str

    def key(self) -> str:
        """Return the one key."""
        return "charter"


def charter_fingerprint(payload: bytes) -> str:
    """Return what people compare by voice: 8 groups of 4 hex digits of the payload's SHA-256."""
    digest = hashlib.sha256(b"entente charter v1\n" + payload).hexdigest()
    return " ".join(digest[place : place + 4] for place in range(0, 32, 4))


def check_charter(origin: str, charter: Charter) -> Decision:
    """Decide whether a charter is sound in itself; raises `Malformed` where a key is not."""
    names = [founder.party for founder in charter.parties]
    if names != sorted(set(names)):
        return denied("party-order", "charter: expected each party once, sorted by name")
    if parse_public_key(charter.center).name != CENTER:
        return denied("bad-key-name", f"charter: expected a key named 'center', got {charter.center.id!r}")
    log = parse_vkey(charter.log, signature_type=ED25519, what="charter, log key")
    if log.name != origin:
        return denied("bad-origin", f"charter: expected a log key named {origin!r}, got {log.name[:80]!r}")
    raws = {charter.center.ed25519: charter.center.id}
    if raws.setdefault(encode_base64(log.raw), charter.log) != charter.log:
        return denied("shared-key", "charter: expected keys of their own for log and center")
    for founder in charter.parties:
        if founder.party == CENTER:
            return denied("bad-party", "charter: expected another party name than 'center'")
        for key in parse_roots(founder.roots, what=f"charter, {founder.party!r}").values():
            if key.name != f"{founder.party}/root":
                return denied(
                    "bad-key-name", f"charter: expected a key named '{founder.party}/root', got {key.name!r}"
                )
        for wire in founder.roots.keys:
            if raws.setdefault(wire.ed25519, founder.party) != founder.party:
                return denied("shared-key", f"charter: expected root keys of its own for {founder.party!r}")
    if charter.rules.lapse_minutes < charter.rules.escalate_minutes:
        return denied(
            "bad-rules",
            f"charter: expected lapse_minutes >= escalate_minutes {charter.rules.escalate_minutes}, "
            f"got {charter.rules.lapse_minutes}",
        )
    return ALLOWED


def decide_charter(message: VerifiedMessage[Charter], rows: Rows) -> Decision:
    """Allow once, as entry 0, when the center and every founder's root threshold signed."""
    charter = message.opened()
    if rows.find(CharterRow, "charter") is not None:
        return denied("second-charter", "charter: expected one, the record has its charter already")
    if message.author != CENTER:
        return denied("bad-author", f"charter: expected author 'center', got {message.author!r}")
    sound = check_charter(message.payload.center, charter)
    if not sound.is_allowed:
        return sound
    if charter.center.id not in message.signers:
        return denied("unsigned", "charter: expected the center's signature, got none")
    for founder in charter.parties:
        signed = {key.id for key in founder.roots.keys} & message.signers
        if len(signed) < founder.roots.threshold:
            return denied(
                "unsigned",
                f"charter: expected {founder.roots.threshold} root signatures of {founder.party!r}, "
                f"got {len(signed)}",
            )
    return ALLOWED


def project_charter(entry: Entry[Charter], rows: Rows) -> None:
    """Put the charter in force; the first rosters follow as entries of their own."""
    charter = entry.message.opened()
    rows.put(CharterRow(origin=entry.message.payload.center, charter=charter, leaf=entry.message.leaf))


def get_charter(rows: Rows) -> Charter:
    """Return the charter in force, or raise `NotFound`."""
    return get_row(rows, CharterRow, "charter", what="charter").charter


def list_parties(rows: Rows) -> list[PartyID]:
    """Return every party's name, sorted."""
    return [PartyID(founder.party) for founder in get_charter(rows).parties]


CHARTER: Final = Kind(
    "charter", Charter, decide=decide_charter, project=project_charter, signed_by=SignedBy.FOUNDERS
)
