"""Rosters: each party's own statement of its keys, officers and contacts, valid by log index.

A roster statement is signed by the party's root keys. Version N+1 needs the threshold of version N and its
own (the root rotation rule of The Update Framework, section 5.3.4). It holds from the entry after its own:
what a key signed before its revocation stays good, what it signs after is refused, and no clock is asked.

Invariants: versions grow by one; a key, by its id and by its bytes, belongs to one party and one purpose for
ever; a threshold is between 1 and the number of root keys; contacts are officers.

    >>> row = rows.find(PartyRow, "us"); row.desk.id
    'us/desk+1a2b3c4d'
"""

from __future__ import annotations

import hashlib
from typing import Annotated, ClassVar, Final

import msgspec

from entente.kernel.canonical import parse_canonical_as
from entente.kernel.charter import get_charter, list_parties
from entente.kernel.errors import Malformed
from entente.kernel.ids import PartyID, parse_party_id
from entente.kernel.keys import COSIGNATURE, ED25519, KeyWire, make_key_id, parse_public_key, parse_vkey
from entente.kernel.kinds import ALLOWED, Decision, Kind, SignedBy, denied
from entente.kernel.message import CENTER, Entry, VerifiedMessage, encode_body
from entente.kernel.roots import Roots, parse_roots
from entente.kernel.rows import Row, Rows
from entente.kernel.sealed import make_seal_key_id, parse_seal_public
from entente.kernel.wire import (
    Count,
    KeyIDText,
    NameText,
    SlugText,
    UrlText,
    VkeyText,
    WireStruct,
    parse_base64,
)

MAX_OFFICERS: Final = 60
MAX_CARD_BYTES: Final = 65_536
"""A party card: a roster statement, which must fit an envelope, and a name."""
_PURPOSES: Final = {"root": ED25519, "desk": ED25519, "witness": COSIGNATURE}
"""The signature type in the ids of a party's keys, by purpose."""


class SealKeyWire(WireStruct, frozen=True):
    """An X-Wing public key: its id and 1,216 bytes in base64."""

    id: KeyIDText
    xwing: Annotated[
        str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]+={0,2}$(?!\n)", min_length=1624, max_length=1624)
    ]


class OfficerWire(WireStruct, frozen=True):
    """A person at a desk. Roles are the party's own words; a kind may require one."""

    id: SlugText
    name: NameText
    roles: Annotated[list[SlugText], msgspec.Meta(max_length=8)]


class RosterStatement(WireStruct, frozen=True):
    """Body of ``roster.statement``. Contacts: whom to reach, in this order, when nobody answers."""

    version: Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
    name: NameText
    roots: Roots
    desk: KeyWire
    witness: VkeyText
    witness_url: UrlText
    seal: SealKeyWire
    officers: Annotated[list[OfficerWire], msgspec.Meta(min_length=1, max_length=MAX_OFFICERS)]
    contacts: Annotated[list[SlugText], msgspec.Meta(min_length=1, max_length=10)]
    tls_ca: Annotated[str, msgspec.Meta(max_length=8_000)]


class PartyCard(WireStruct, frozen=True):
    """What a party hands to whoever drafts the charter: its name and first roster. Public."""

    party: SlugText
    statement: RosterStatement


class PartyRow(Row, frozen=True):
    """A party as its roster in force says."""

    TABLE: ClassVar[str] = "parties"
    party: str
    statement: RosterStatement
    since_index: int

    def key(self) -> str:
        """Return the party's name."""
        return self.party


class KeyRow(Row, frozen=True):
    """A key and the span of log indexes in which what it signs is accepted: [from, until)."""

    TABLE: ClassVar[str] = "keys"
    INDEXED: ClassVar[tuple[str, ...]] = ("party",)
    key_id: str
    party: str
    purpose: str
    from_index: int
    until_index: int | None

    def key(self) -> str:
        """Return the key id."""
        return self.key_id


class AuthorRow(Row, frozen=True):
    """The head of an author's chain."""

    TABLE: ClassVar[str] = "authors"
    author: str
    seq: Count
    leaf: str
    index: int

    def key(self) -> str:
        """Return the author's name."""
        return self.author


def check_statement(party: PartyID, statement: RosterStatement) -> None:
    """Return if a statement is sound in itself, or raise `Malformed` saying what is not."""
    what = f"roster of {party!r}"
    if party == CENTER:
        raise Malformed("bad-party", f"{what}: expected another name, 'center' is the center's own")
    roots = parse_roots(statement.roots, what=what)
    desk = parse_public_key(statement.desk)
    seal = parse_base64(statement.seal.xwing, what=f"{what}, seal key")
    parse_seal_public(seal)
    witness = parse_vkey(statement.witness, signature_type=COSIGNATURE, what=f"{what}, witness key")
    # SECURITY: every single key carries the party's name, so that no party can put in force, and thereby use
    # up, the id of another's key (tests/protocol/test_kernel_roster.py).
    named = [("desk", desk), ("witness", witness), *(("root", key) for key in roots.values())]
    for purpose, key in named:
        if key.name != f"{party}/{purpose}":
            raise Malformed("bad-key-name", f"{what}: expected a key '{party}/{purpose}', got {key.name!r}")
    seal_name = statement.seal.id.rpartition("+")[0]
    if seal_name != f"{party}/seal" or make_seal_key_id(seal_name, seal) != statement.seal.id:
        raise Malformed(
            "bad-key-id", f"{what}: expected the id of a key '{party}/seal', got {statement.seal.id!r}"
        )
    # One key for two purposes would let a signature made for one be read as the other.
    if len({key.raw for _, key in named}) != len(named):
        raise Malformed("shared-key", f"{what}: expected a key of its own for root, desk and witness")
    officers = [officer.id for officer in statement.officers]
    if officers != sorted(set(officers)):
        raise Malformed("officer-order", f"{what}: expected each officer once, sorted by id")
    for contact in statement.contacts:
        if contact not in officers:
            raise Malformed(
                "unknown-officer", f"{what}: expected contacts among its officers, got {contact!r}"
            )
    if len(set(statement.contacts)) != len(statement.contacts):
        raise Malformed("duplicate-contact", f"{what}: expected each contact once")


def parse_card(data: bytes) -> PartyCard:
    """Return a party card whose roster is sound, or raise `Malformed`."""
    card = parse_canonical_as(data, PartyCard, max_bytes=MAX_CARD_BYTES)
    check_statement(parse_party_id(card.party), card.statement)
    return card


def decide_statement(message: VerifiedMessage[RosterStatement], rows: Rows) -> Decision:
    """Allow version N+1 by the threshold of N and its own; version 1 only as the charter fixed it."""
    statement = message.opened()
    check_statement(message.author, statement)
    now = rows.find(PartyRow, message.author)
    if now is None:
        return _decide_first(message, statement, rows)
    if statement.version != now.statement.version + 1:
        return denied(
            "roster-version",
            f"roster of {message.author!r}: expected version {now.statement.version + 1}, "
            f"got {statement.version}",
        )
    for label, roots in (("old", now.statement.roots), ("new", statement.roots)):
        signed = _decide_threshold(message, label, roots)
        if not signed.is_allowed:
            return signed
    return _decide_keys(message, statement, rows)


def _decide_first(
    message: VerifiedMessage[RosterStatement], statement: RosterStatement, rows: Rows
) -> Decision:
    founder = next((one for one in get_charter(rows).parties if one.party == message.author), None)
    if founder is None:
        return denied("unknown-party", f"roster of {message.author!r}: expected a party of the charter")
    if statement_hash(statement) != founder.roster or statement.version != 1:
        return denied(
            "other-roster", f"roster of {message.author!r}: expected the first one that the charter names"
        )
    if statement.roots != founder.roots:
        return denied("other-roots", f"roster of {message.author!r}: expected the root keys of the charter")
    signed = _decide_threshold(message, "first", founder.roots)
    return signed if not signed.is_allowed else _decide_keys(message, statement, rows)


def _decide_threshold(message: VerifiedMessage[RosterStatement], label: str, roots: Roots) -> Decision:
    signed = {key.id for key in roots.keys} & message.signers
    if len(signed) < roots.threshold:
        return denied(
            "root-threshold",
            f"roster of {message.author!r}: expected {roots.threshold} signatures by {label} root keys, "
            f"got {len(signed)}",
        )
    return ALLOWED


def _decide_keys(
    message: VerifiedMessage[RosterStatement], statement: RosterStatement, rows: Rows
) -> Decision:
    what = f"roster of {message.author!r}"
    for key_id in statement_keys(statement):
        known = rows.find(KeyRow, key_id)
        if known is not None and (known.party != message.author or known.until_index is not None):
            return denied("key-reuse", f"{what}: expected a key never revoked, got {key_id!r}")
    # SECURITY: an id has 32 bits, so that a stranger can find a key of his own with the id of a root in force
    # and would sign as it. One id stands for one key (tests/protocol/test_kernel_roster.py).
    now = rows.find(PartyRow, message.author)
    in_force = _key_bytes(now.statement) if now else {}
    for key_id, spelling in _key_bytes(statement).items():
        if in_force.get(key_id, spelling) != spelling:
            return denied(
                "key-collision", f"{what}: expected {key_id!r} to stay the key that it is, got another"
            )
    return _decide_shared(message.author, statement, rows)


def _key_bytes(statement: RosterStatement) -> dict[str, str]:
    keys = {wire.id: wire.ed25519 for wire in (*statement.roots.keys, statement.desk)}
    return keys | {statement.seal.id: statement.seal.xwing, _witness_id(statement): statement.witness}


def _witness_id(statement: RosterStatement) -> str:
    return "+".join(statement.witness.split("+", 2)[:2])  # base64 may hold a '+' too


def _decide_shared(author: PartyID, statement: RosterStatement, rows: Rows) -> Decision:
    """Refuse bytes that were ever a key for another purpose or of another party, the center's included.

    Rows know keys by id; a name and the bytes give the id, so every name that the bytes could have stood
    under is asked for.
    """
    charter = get_charter(rows)
    witness = parse_vkey(statement.witness, signature_type=COSIGNATURE, what="witness key")
    own = {key.raw: "root" for key in parse_roots(statement.roots, what="roster").values()}
    own |= {parse_public_key(statement.desk).raw: "desk", witness.raw: "witness"}
    foreign = {parse_public_key(charter.center).raw}
    foreign.add(parse_vkey(charter.log, signature_type=ED25519, what="log key").raw)
    for founder in charter.parties:
        if founder.party != author:
            foreign |= {parse_public_key(key).raw for key in founder.roots.keys}
    for raw, purpose in own.items():
        taken = raw in foreign
        for party in list_parties(rows):
            for other, kind in _PURPOSES.items():
                key_id = make_key_id(f"{party}/{other}", raw, signature_type=kind)
                is_own = (party, other) == (author, purpose)
                taken = taken or (not is_own and rows.find(KeyRow, key_id) is not None)
        if taken:
            return denied(
                "shared-key", f"roster of {author!r}: expected a {purpose} key that serves nothing else"
            )
    return ALLOWED


def statement_hash(statement: RosterStatement) -> str:
    """Return the SHA-256 of a statement's canonical bytes, in hex: what the charter fixes."""
    return hashlib.sha256(encode_body(statement)).hexdigest()


def statement_keys(statement: RosterStatement) -> dict[str, str]:
    """Return every key id that a statement puts in force, with its purpose."""
    keys = {key.id: "root" for key in statement.roots.keys}
    keys[statement.desk.id] = "desk"
    keys[_witness_id(statement)] = "witness"
    keys[statement.seal.id] = "seal"
    return keys


def put_statement(party: PartyID, statement: RosterStatement, from_index: int, rows: Rows) -> None:
    """Put a statement in force from ``from_index`` on and end the keys that it no longer names."""
    keys = statement_keys(statement)
    for old in list(rows.select(KeyRow, party=party)):
        if old.until_index is None and old.key_id not in keys:
            rows.put(msgspec.structs.replace(old, until_index=from_index))
    for key_id, purpose in keys.items():
        if rows.find(KeyRow, key_id) is None:
            rows.put(
                KeyRow(key_id=key_id, party=party, purpose=purpose, from_index=from_index, until_index=None)
            )
    rows.put(PartyRow(party=party, statement=statement, since_index=from_index))


def project_statement(entry: Entry[RosterStatement], rows: Rows) -> None:
    """Put the roster in force from the next entry on."""
    put_statement(entry.message.author, entry.message.opened(), entry.index + 1, rows)


ROSTER_STATEMENT: Final = Kind(
    "roster.statement",
    RosterStatement,
    decide=decide_statement,
    project=project_statement,
    signed_by=SignedBy.ROOT,
)
