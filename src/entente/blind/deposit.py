"""The signature of a deposit: which party gave the center which parcel, and for whom.

A parcel is deposited before the message that names it. The center keeps nothing that no party signed for: who
can fill its disk is known by name and has a quota.

    PUT /parcels/<sha256>            the parcel as it lies at the center, at most 64 MiB
    content-length: <size>
    entente-party: <who gives it>    entente-to: <addressee, or "center">
    entente-signature: <base64>      by the party's desk key in force, over `encode_deposit`

Invariants:
  * Signed are the center's name, the party, the addressee, the size and the SHA-256, a line each behind a
    label that begins no other signed text of ours: a deposit is valid at one center, for one addressee.
  * A deposit is bytes under their own hash: to give the same one again changes nothing, so that a signature
    that somebody repeats is of no use to him.

It does not look up keys (`joint.KeyRing` has the desk's) and keeps nothing.

    >>> deposit = Deposit("example.org/joint", "us", "ru", sha256, len(data))
    >>> headers = make_headers(deposit, desk.sign(encode_deposit(deposit)))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from entente.blind.holding import MAX_PARCEL_BYTES
from entente.kernel.errors import Malformed
from entente.kernel.ids import parse_leaf_hash, parse_party_id
from entente.kernel.keys import SIGNATURE_BYTES, PublicKey, verify_signature
from entente.kernel.wire import encode_base64, parse_base64

PARTY_HEADER: Final = "entente-party"
TO_HEADER: Final = "entente-to"
SIGNATURE_HEADER: Final = "entente-signature"
LENGTH_HEADER: Final = "content-length"
_LABEL: Final = b"entente parcel deposit v1\n"
_MAX_DIGITS: Final = 9


@dataclass(frozen=True, slots=True)
class Deposit:
    """What a party says of a parcel that it gives to the center.

    Attributes:
        center: The record's name (origin).
        party: Who gives it.
        to: For whom: a party, or ``center``.
    """

    center: str
    party: str
    to: str
    sha256: str
    size_bytes: int


def encode_deposit(deposit: Deposit) -> bytes:
    """Return the bytes that the party's desk key signs."""
    parts = (deposit.center, deposit.party, deposit.to, str(deposit.size_bytes), deposit.sha256)
    return _LABEL + "".join(f"{part}\n" for part in parts).encode()


def verify_deposit(deposit: Deposit, signature: bytes, desk: PublicKey) -> None:
    """Return if ``signature`` is by the desk's key over this deposit; raise `VerificationFailed` otherwise.

    SECURITY: size and addressee are signed too: what was sealed to one party cannot be deposited for another
    (tests/protocol/test_center_parcels.py, test_a_deposit_is_of_its_party_alone).
    """
    verify_signature(desk, signature, encode_deposit(deposit))


def make_headers(deposit: Deposit, signature: bytes) -> dict[str, str]:
    """Return the headers of the request that brings a parcel; its path is ``/parcels/<sha256>``."""
    return {
        "content-type": "application/octet-stream",
        LENGTH_HEADER: str(deposit.size_bytes),
        PARTY_HEADER: deposit.party,
        TO_HEADER: deposit.to,
        SIGNATURE_HEADER: encode_base64(signature),
    }


def parse_headers(center: str, sha256: str, headers: Mapping[str, str]) -> tuple[Deposit, bytes]:
    """Return the deposit that a request describes, and its signature, nothing of it verified.

    Args:
        center: Our own name.
        sha256: Out of the path.
        headers: Each once, names in small letters.

    Raises:
        Malformed: ``too-large``, ``no-length``, or another form than `make_headers` gives.
    """
    parse_leaf_hash(sha256)
    length = headers.get(LENGTH_HEADER, "")
    if not (length.isascii() and length.isdigit()):
        raise Malformed("no-length", f"parcel: expected its length in {LENGTH_HEADER}, got {length[:20]!r}")
    size_bytes = int(length) if len(length) <= _MAX_DIGITS else MAX_PARCEL_BYTES + 1
    if size_bytes > MAX_PARCEL_BYTES:
        raise Malformed("too-large", f"parcel: expected <= {MAX_PARCEL_BYTES} bytes, got {length[:20]}")
    if not size_bytes:
        raise Malformed("no-length", "parcel: expected >= 1 byte, got 0")
    party, to = (parse_party_id(_take(headers, name)) for name in (PARTY_HEADER, TO_HEADER))
    signature = parse_base64(
        _take(headers, SIGNATURE_HEADER)[:200], what=SIGNATURE_HEADER, size_bytes=SIGNATURE_BYTES
    )
    return Deposit(center, party, to, sha256, size_bytes), signature


def _take(headers: Mapping[str, str], name: str) -> str:
    found = headers.get(name)
    if found is None:
        raise Malformed("no-header", f"parcel: expected the header {name}, found none", path=name)
    return found
