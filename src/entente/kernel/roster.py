"""Rosters: each party's own statement of its keys, officers and contacts, valid by log index.

A roster statement is signed by the party's root keys. Version N+1 needs the threshold of version N and its own
(the root rotation rule of The Update Framework, section 5.3.4). It holds from the entry after its own: what a key
signed before its revocation stays good, what it signs after is refused, and no clock is asked.

Invariants: versions grow by one; a key id belongs to one party and one purpose for ever; a threshold is between 1 and
the number of root keys; contacts are officers.

    >>> row = rows.find(PartyRow, "us"); row.desk.id
    'us/desk+1a2b3c4d'
"""

from __future__ import annotations

import hashlib
from typing import Annotated, ClassVar, Final

import msgspec

from entente.kernel.charter import get_charter
from entente.kernel.errors import Malformed
from entente.kernel.ids import PartyID
from entente.kernel.keys import KeyWire, parse_public_key
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


class SealKeyWire(WireStruct, frozen=True):
    """An X-Wing public key: its id and 1,216 bytes in base64."""

    id: KeyIDText
    xwing: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]+={0,2}$", min_length=1624, max_length=1624)]


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
    witness_name, _, rest = statement.witness.partition("+")
    witness_raw = parse_base64(rest.partition("+")[2], what=f"{what}, witness key")[1:]
    expected = {f"{party}/desk": desk.name, f"{party}/witness": witness_name}
    expected |= {f"{party}/root": key.name for key in roots.values()}
    for wanted, got in expected.items():
        if got != wanted:
            raise Malformed("bad-key-name", f"{what}: expected a key named {wanted!r}, got {got!r}")
    seal_name = statement.seal.id.rpartition("+")[0]
    if seal_name != f"{party}/seal" or make_seal_key_id(seal_name, seal) != statement.seal.id:
        raise Malformed("bad-key-id", f"{what}: expected the id of a key '{party}/seal', got {statement.seal.id!r}")
    # One key for two purposes would let a signature made for one be read as the other.
    raws = [key.raw for key in roots.values()] + [desk.raw, witness_raw]
    if len(set(raws)) != len(raws):
        raise Malformed("shared-key", f"{what}: expected a key of its own for root, desk and witness")
    officers = [officer.id for officer in statement.officers]
    if officers != sorted(set(officers)):
        raise Malformed("officer-order", f"{what}: expected each officer once, sorted by id")
    for contact in statement.contacts:
        if contact not in officers:
            raise Malformed("unknown-officer", f"{what}: expected contacts among its officers, got {contact!r}")
    if len(set(statement.contacts)) != len(statement.contacts):
        raise Malformed("duplicate-contact", f"{what}: expected each contact once")


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
            f"roster of {message.author!r}: expected version {now.statement.version + 1}, got {statement.version}",
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
    for key_id in statement_keys(statement):
        known = rows.find(KeyRow, key_id)
        if known is not None and (known.party != message.author or known.until_index is not None):
            return denied(
                "key-reuse", f"roster of {message.author!r}: expected a key never revoked, got {key_id!r}"
            )
    return ALLOWED


def statement_hash(statement: RosterStatement) -> str:
    """Return the SHA-256 of a statement's canonical bytes, in hex: what the charter fixes."""
    return hashlib.sha256(encode_body(statement)).hexdigest()


def statement_keys(statement: RosterStatement) -> dict[str, str]:
    """Return every key id that a statement puts in force, with its purpose."""
    witness_name, _, rest = statement.witness.partition("+")
    keys = {key.id: "root" for key in statement.roots.keys}
    keys[statement.desk.id] = "desk"
    keys[f"{witness_name}+{rest.partition('+')[0]}"] = "witness"
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
