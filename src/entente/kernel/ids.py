"""Names of things: parties, officers, objects, places in the record.

Invariants: every name has one spelling (lower case, ASCII), so that two names are equal exactly
when their bytes are; every pattern is bounded in length, so that a name can stand in a path, a log
line or a column without surprises.

It does not mint names: whoever creates a thing draws from the `Random` port.

    >>> parse_party_id("white-helmets")
    'white-helmets'
    >>> parse_object_id("Castello")
    Traceback (most recent call last):
    entente.kernel.errors.Malformed: object id: expected ..., got 'Castello' [bad-id]
"""

from __future__ import annotations

import re
from typing import Final, NewType

from entente.kernel.errors import Malformed

PartyID = NewType("PartyID", str)
"""A party (or the center itself, as an author): ``us``, ``ru``, ``un-ocha``."""
OfficerID = NewType("OfficerID", str)
"""A person at a desk, unique within the party: ``duty-1``."""
ObjectID = NewType("ObjectID", str)
"""An activity, zone, site, thread, incident or readout; unique within the center."""
KeyID = NewType("KeyID", str)
"""``<name>+<8 hex digits>``, as in a C2SP signed note."""
LogIndex = NewType("LogIndex", int)
"""Place of an entry in the record, from 0."""
LeafHash = NewType("LeafHash", str)
"""64 lower-case hex digits: the RFC 6962 leaf hash of an entry's exact bytes; names a message."""

# SECURITY: `$` alone also matches before a last line break, so that 'us' and 'us\n' would be two parties of
# one look. The lookahead refuses that, and means the same in JSON Schema (tests/unit/test_kernel_schemas.py).
SLUG_PATTERN: Final = r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$(?!\n)"
"""1 to 40 characters: lower-case letters, digits, inner hyphens."""
HEX64_PATTERN: Final = r"^[0-9a-f]{64}$(?!\n)"
ORIGIN_PATTERN: Final = r"^[a-z0-9][a-z0-9./-]{0,98}[a-z0-9]$(?!\n)"
"""A record's origin: a schema-less URL without '+' or space (C2SP tlog-checkpoint)."""

_SLUG: Final = re.compile(SLUG_PATTERN)
_HEX64: Final = re.compile(HEX64_PATTERN)
_ORIGIN: Final = re.compile(ORIGIN_PATTERN)


def _parse(pattern: re.Pattern[str], text: str, *, what: str, expected: str) -> str:
    if not pattern.match(text):
        raise Malformed("bad-id", f"{what}: expected {expected}, got {text[:80]!r}")
    return text


_SLUG_WORDS: Final = "1 to 40 of a-z, 0-9 and inner hyphens"


def parse_party_id(text: str) -> PartyID:
    """Return ``text`` as a party's name, or raise `Malformed`."""
    return PartyID(_parse(_SLUG, text, what="party id", expected=_SLUG_WORDS))


def parse_officer_id(text: str) -> OfficerID:
    """Return ``text`` as an officer's name, or raise `Malformed`."""
    return OfficerID(_parse(_SLUG, text, what="officer id", expected=_SLUG_WORDS))


def parse_object_id(text: str) -> ObjectID:
    """Return ``text`` as the name of an activity, zone, site, thread or readout."""
    return ObjectID(_parse(_SLUG, text, what="object id", expected=_SLUG_WORDS))


def parse_leaf_hash(text: str) -> LeafHash:
    """Return ``text`` as the hash that names a message, or raise `Malformed`."""
    return LeafHash(_parse(_HEX64, text, what="message hash", expected="64 lower-case hex digits"))


def parse_origin(text: str) -> str:
    """Return ``text`` as a record's origin, or raise `Malformed`."""
    return _parse(_ORIGIN, text, what="origin", expected="2 to 100 of a-z, 0-9, '.', '/', '-'")
