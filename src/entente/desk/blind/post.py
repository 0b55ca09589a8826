"""Parcels: sealed, deposited at the center before the message that names them, and fetched again.

    depositing   parcels and message are durable here; not all parcels are at the center yet
    sending      all are; the message is in the outbox
    recorded     the message is in the record, and its parcels with it
    refused      the rules or the center say no: whoever made it decides what then

Invariants:
  * Nothing is deposited that is not durable here first, and entered in the exposure ledger: after a crash the
    same bytes go out again, never others.
  * A message is written once for each attempt (its token): restarted anywhere, it is said once.
  * What is fetched is checked twice: against the record's hash of the parcel (else the center lied), and,
    opened, against the record's hash of what is inside (else its author lied).

It makes no parcels and reads none.

    >>> post.write("blind.commit", body, officers=("duty-1",), purpose=OFFICER, parcels=[packed])
    >>> post.step()
    True
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from entente.blind.deposit import Deposit, encode_deposit, make_headers
from entente.blind.holding import Parcel
from entente.desk.blind.parts import BlindParts
from entente.desk.compose import Draft
from entente.desk.evidence import Finding
from entente.desk.gate import Gate, Release
from entente.desk.outbox import RECORDED, REFUSED, WITHDRAWN
from entente.kernel.errors import Denied, EntenteError, StoreError, TransportError, VerificationFailed
from entente.kernel.ids import LeafHash, PartyID
from entente.kernel.keys import SigningKey
from entente.kernel.message import CENTER, encode_body
from entente.kernel.roster import PartyRow
from entente.kernel.rows import get_row
from entente.kernel.sealed import SUITE, SealContext, SealKey, parse_seal_public
from entente.kernel.wire import WireStruct, parse_base64

MOST_TRIES: Final = 20
"""Attempts with one message whose parcels the center had let go of before it came."""
_AGAIN: Final = frozenset({"no-parcel"})
_NEVER: Final = frozenset({400, 413})
"""What a center answers to a parcel that it will not take however often it is given."""
_OWED: Final = frozenset({"blind.answer", "blind.join"})
NOT_SENT: Final = "blind-not-sent"


class ParcelWire(Protocol):
    """Carries parcels to one center and back. Safe to repeat; `TransportError` when there is no answer."""

    def put_parcel(self, sha256: str, data: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body of ``PUT /parcels/<sha256>``."""

    def get_parcel(self, sha256: str, size_bytes: int) -> tuple[int, bytes]:
        """Return status and body, of at most ``size_bytes`` when there is a parcel."""


class NoParcels:
    """Where there is no way for parcels (`ParcelWire`): nothing is deposited, nothing fetched."""

    def put_parcel(self, sha256: str, data: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Raise `TransportError`."""
        raise _no_way(sha256, len(data), headers)

    def get_parcel(self, sha256: str, size_bytes: int) -> tuple[int, bytes]:
        """Raise `TransportError`."""
        raise _no_way(sha256, size_bytes, {})


def _no_way(sha256: str, size_bytes: int, headers: Mapping[str, str]) -> TransportError:
    way = "to" if headers else "from"
    return TransportError(
        "no-parcels", f"parcel {sha256[:12]} ({size_bytes} bytes): no way {way} the center for parcels"
    )


@dataclass(frozen=True, slots=True)
class Packed:
    """A parcel as it will lie at the center, and what is inside, for the ledger."""

    parcel: Parcel
    to: str
    data: bytes = field(repr=False)
    plain: bytes = field(repr=False)


class BlindPost:
    """The way of parcels and of the messages that name them. `write` and `step` from one thread."""

    def __init__(
        self, parts: BlindParts, *, wire: ParcelWire, gate: Gate, desk_key: SigningKey, seal_key: SealKey
    ) -> None:
        self._parts = parts
        self._wire = wire
        self._gate = gate
        self._desk_key = desk_key
        self._seal_key = seal_key

    # Packing

    def seal(self, plain: bytes, to: str, purpose: str, rules: str, epoch: int) -> Packed:
        """Return bytes sealed to another party.

        Args:
            purpose: request, reply, tags or secret: one is never read as another.
        """
        statement = get_row(self._parts.rows, PartyRow, to, what="party").statement
        public = parse_seal_public(parse_base64(statement.seal.xwing, what=f"seal key of {to!r}"))
        info = self._bind(self._parts.party, to, purpose, rules, epoch).info()
        data = SUITE.encrypt(plain, public, info=info)
        return Packed(_describe(data, plain), to, data, plain)

    def give_center(self, plain: bytes) -> Packed:
        """Return bytes for the center itself: not sealed, over TLS alone."""
        return Packed(_describe(plain, plain), CENTER, plain, plain)

    def _bind(self, author: str, to: str, purpose: str, rules: str, epoch: int) -> SealContext:
        # No kind of message has a blank in its name: a parcel is never read as a message's body.
        return SealContext(
            self._parts.origin, PartyID(author), epoch, f"blind {purpose} {rules}", PartyID(to)
        )

    # Out

    def write(
        self,
        kind: str,
        body: WireStruct,
        *,
        officers: Sequence[str],
        purpose: str,
        parcels: Sequence[Packed],
    ) -> int:
        """Write a message and its parcels down, in the caller's transaction, and enter them in the ledger.

        SECURITY: what the addressee will learn from a parcel is in the exposure ledger before a byte of it
        leaves (tests/protocol/test_desk_blind.py, test_what_leaves_is_in_the_exposure_ledger).
        """
        with self._parts.book.transaction() as db:
            number = db.execute(
                "INSERT INTO blind_posts (kind, body, officers, purpose, state)"
                " VALUES (?, ?, ?, ?, 'depositing')",
                (kind, encode_body(body), json.dumps(list(officers)), purpose),
            ).lastrowid
            for one in parcels:
                release = Release(kind, one.plain, (one.to,), tuple(officers), purpose)
                self._gate.release(LeafHash(one.parcel.sha256), release).require()
                db.execute(
                    "INSERT INTO blind_parcels (sha256, post, addressee, data) VALUES (?, ?, ?, ?)",
                    (one.parcel.sha256, number, one.to, one.data),
                )
        return int(number or 0)

    def find(self, number: int | None) -> sqlite3.Row | None:
        """Return how far a message is, or None."""
        return self._parts.book.read_one("SELECT * FROM blind_posts WHERE id = ?", (number,))

    def step(self) -> bool:
        """Move every message as far as it goes now; return whether any moved.

        Raises:
            TransportError: The center did not answer; what was deposited is.
        """
        moved, trouble = False, None
        for row in self._parts.book.read(
            "SELECT * FROM blind_posts WHERE state IN ('depositing', 'sending') ORDER BY id"
        ):
            try:
                moved = (self._send(row) if row["state"] == "sending" else self._deposit(row)) or moved
            except TransportError as error:
                trouble = error  # one parcel beyond a quota does not hold up the others
        if trouble is not None and not moved:
            raise trouble
        return moved

    def _deposit(self, row: sqlite3.Row) -> bool:
        for one in self._parts.book.read(
            "SELECT * FROM blind_parcels WHERE post = ? AND is_deposited = 0 ORDER BY sha256", (row["id"],)
        ):
            try:
                self._put(one)
            except Denied as error:
                self._set(row, "refused", code=error.code, reason=error.message)
                return True
            with self._parts.book.transaction() as db:
                db.execute("UPDATE blind_parcels SET is_deposited = 1 WHERE sha256 = ?", (one["sha256"],))
        draft = Draft(
            row["kind"],
            row["body"],
            tuple(json.loads(row["officers"])),
            (),
            row["purpose"],
            _name_token(row),
        )
        try:
            # The token makes this one message, also when we stop before the next line.
            self._parts.outbox.put(draft)
        except StoreError:
            raise
        except EntenteError as error:
            self._set(row, "refused", code=error.code, reason=error.message)
            return True
        self._set(row, "sending")
        return True

    def _put(self, one: sqlite3.Row) -> None:
        deposit = Deposit(
            self._parts.origin, self._parts.party, one["addressee"], one["sha256"], len(one["data"])
        )
        headers = make_headers(deposit, self._desk_key.sign(encode_deposit(deposit)))
        status, body = self._wire.put_parcel(one["sha256"], one["data"], headers)
        words = f"parcel {one['sha256'][:12]}: status {status}: {body[:200].decode('utf-8', 'replace')}"
        if status in _NEVER:
            raise Denied("not-deposited", words)
        if status != 200:
            # A quota, a key that is not followed yet, a center that is busy: later.
            raise TransportError("not-deposited", words)

    def _send(self, row: sqlite3.Row) -> bool:
        item = self._parts.outbox.find_token(_name_token(row))
        if item is None:
            raise StoreError("book", f"message {row['id']}: expected it in the outbox, found none")
        if item.state == RECORDED:
            self._set(row, "recorded", leaf=item.leaf)
            with self._parts.book.transaction() as db:
                db.execute("DELETE FROM blind_parcels WHERE post = ?", (row["id"],))
            return True
        if item.state not in {REFUSED, WITHDRAWN}:
            return False
        if item.code in _AGAIN and row["tries"] < MOST_TRIES:
            # It waited longer than the center keeps parcels that nobody names: the same bytes once more.
            with self._parts.book.transaction() as db:
                db.execute("UPDATE blind_parcels SET is_deposited = 0 WHERE post = ?", (row["id"],))
                db.execute(
                    "UPDATE blind_posts SET state = 'depositing', tries = tries + 1 WHERE id = ?",
                    (row["id"],),
                )
            return True
        self._set(row, "refused", code=item.code or item.state, reason=item.reason)
        return True

    def _set(self, row: sqlite3.Row, state: str, *, leaf: str = "", code: str = "", reason: str = "") -> None:
        if state == "refused" and row["kind"] in _OWED:
            words = f"{row['kind']}: could not be said, and the other side waits for it: {reason} [{code}]"
            self._parts.board.raise_alarm(Finding(NOT_SENT, words, f"post-{row['id']}"))
        with self._parts.book.transaction() as db:
            db.execute(
                "UPDATE blind_posts SET state = ?, leaf = ?, code = ?, reason = ? WHERE id = ?",
                (state, leaf, code, reason, row["id"]),
            )

    # In

    def fetch(self, parcel: Parcel, *, author: str, purpose: str, rules: str, epoch: int) -> bytes:
        """Return what is inside a parcel to us that the record names.

        Raises:
            TransportError: No answer, or the center does not give what the record says it had (an alarm says
            so): try again later.
            VerificationFailed: Its author lied: it does not open, or holds something else than he said.
        """
        status, data = self._wire.get_parcel(parcel.sha256, parcel.size_bytes)
        what = f"parcel {parcel.sha256[:12]} of {author!r}"
        if status in {404, 410}:
            words = f"{what}: expected it from the center, which took in the message that names it; got none"
            self._parts.board.raise_alarm(Finding("withheld-parcel", words, parcel.sha256))
            raise TransportError("withheld-parcel", words)
        if status != 200:
            raise TransportError("bad-status", f"{what}: expected status 200, got {status}")
        got = hashlib.sha256(data).hexdigest()
        if got != parcel.sha256:
            words = f"{what}: expected SHA-256 {parcel.sha256}, the center served {got}"
            self._parts.board.raise_alarm(Finding("swapped-parcel", words, parcel.sha256))
            raise TransportError("swapped-parcel", words)
        context = self._bind(author, self._parts.party, purpose, rules, epoch)
        plain = self._seal_key.open(data, context)
        if hashlib.sha256(plain).hexdigest() != parcel.inside:
            # SECURITY: an audit judges by this hash: who seals other bytes than he named is convicted by it
            # (tests/protocol/test_desk_blind_attacks.py, test_other_bytes_inside_are_invalid).
            raise VerificationFailed("other-inside", f"{what}: inside are other bytes than the record says")
        return plain


def _describe(data: bytes, plain: bytes) -> Parcel:
    sha256 = hashlib.sha256(data).hexdigest()
    return Parcel(sha256, len(data), hashlib.sha256(plain).hexdigest())


def _name_token(row: sqlite3.Row) -> str:
    return f"blind-{row['id']}-{row['tries']}"
