"""Taking a message in: every check, in one order, in one place.

  1. The envelope is well-formed and canonical, at most 65,535 bytes       (kernel.envelope)
  2. The payload is canonical, of a known kind, its body of the kind's type (kernel.message)
  3. Every signature verifies, by keys that may sign this kind              (`verify_message`)
  4. It is new: an equal message is *already recorded*, and stays so when its key is revoked
  5. It is meant for this center; its author is a party (or the center)
  6. The keys that signed are in force at this index
  7. It continues its author's chain, seq and prev; another message with the same seq is equivocation
  8. `seen` is a true past of this record: a fork shows here, in ordinary traffic
  9. Officers are of the roster and hold the role; addressees are parties, sealed to keys in force
 10. The kind's own rule
 11. For what is new alone: `decide_new`

Steps 1 to 3 need no order and run on many threads; 4 to 11 run one at a time, in the order of the record. The
center and every desk run the same steps 1 to 10: what a desk refuses there, the center should not have
accepted. Step 11 hangs on last digits, clocks and what a center can carry, so that two could part over it:
nobody asks it of a record.

    >>> message = verify_message(parse_envelope(data), ring, KINDS)
    >>> decide_entry(message, rows, head, KINDS)
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar, Protocol

from entente import deconflict
from entente.joint.keyring import KeyRing
from entente.kernel.charter import CharterRow
from entente.kernel.envelope import MESSAGE_TYPE, SignedMessage, verify_envelope
from entente.kernel.errors import Denied, Malformed, PeerError, VerificationFailed
from entente.kernel.ids import LeafHash, LogIndex
from entente.kernel.kinds import Kind, KindTable, SignedBy
from entente.kernel.message import CENTER, NO_MESSAGE, ParsedMessage, VerifiedMessage, parse_message
from entente.kernel.roster import AuthorRow, PartyRow
from entente.kernel.rows import Row, Rows


class RecordHead(Protocol):
    """What the checks need to know of the tree at this moment."""

    @property
    def size(self) -> int:
        """Number of entries."""

    def root(self, size: int | None = None) -> bytes:
        """Return the root at ``size`` (0 to the present size)."""


class MessageRow(Row, frozen=True):
    """Where a message stands in the record, and what its header says."""

    TABLE: ClassVar[str] = "messages"
    INDEXED: ClassVar[tuple[str, ...]] = ("author", "kind", "place")
    leaf: str
    index: int
    author: str
    seq: int
    kind: str
    at: str
    officers: list[str]
    to: list[str]
    place: str
    """The index as 16 digits: sorts as text, selects as one."""

    def key(self) -> str:
        """Return the message's name."""
        return self.leaf


class SeqRow(Row, frozen=True):
    """Which message an author gave which number: convicts him of giving it twice."""

    TABLE: ClassVar[str] = "seqs"
    author_seq: str
    leaf: str

    def key(self) -> str:
        """Return ``author:seq``."""
        return self.author_seq


class AlreadyRecorded(Exception):
    """The very same message is in the record already: answer with its place. Not an error."""

    def __init__(self, index: LogIndex) -> None:
        super().__init__(index)
        self.index = index


def find_recorded(leaf: LeafHash, rows: Rows) -> LogIndex | None:
    """Return where a message stands in the record, by the hash of its exact bytes, or None.

    Step 4 by itself, for whoever answers repeated requests: to be asked before step 3, which would refuse a
    message whose key was revoked since it was accepted.
    """
    row = rows.find(MessageRow, leaf)
    return None if row is None else LogIndex(row.index)


def verify_message(
    signed: SignedMessage, ring: KeyRing, kinds: KindTable, *, opened: ParsedMessage[Any] | None = None
) -> VerifiedMessage[Any]:
    """Return the message with steps 2 and 3 done.

    Args:
        opened: The same message with its sealed body opened (`kernel.message.open_message`), at a desk.

    Raises:
        Malformed, VerificationFailed: What is wrong; nothing was changed.
    """
    parsed = opened if opened is not None else parse_message(signed, kinds.bodies)
    if parsed.signed is not signed:
        raise ValueError("opened message: expected the same envelope")
    kind = kinds.get(parsed.payload.kind)
    keys = ring.allowed(parsed, kind)
    signers = verify_envelope(signed, keys.get, payload_type=MESSAGE_TYPE)
    return VerifiedMessage(parsed.payload, parsed.body, signed, signed.leaf, signers)


def decide_entry(message: VerifiedMessage[Any], rows: Rows, head: RecordHead, kinds: KindTable) -> None:
    """Return if the message may become the next entry: steps 4 to 10.

    Raises:
        AlreadyRecorded: It is in the record; nothing is to be done.
        PeerError: Its author broke the protocol.
        Denied: Its kind's rule says no, with reasons.
    """
    kind = kinds.get(message.payload.kind)
    index = find_recorded(message.leaf, rows)  # 4
    if index is not None:
        raise AlreadyRecorded(index)
    _check_center(message, rows)  # 5
    _check_keys(message, kind, rows)  # 6
    _check_chain(message, rows)  # 7, after 6: a revoked key in a thief's hands convicts nobody
    _check_seen(message, head)  # 8
    _check_people(message, kind, rows)  # 9
    kind.decide(message, rows).require()  # 10


def decide_new(
    message: VerifiedMessage[Any],
    rows: Rows,
    now_utc: datetime,
    index: deconflict.StandingVolumes | None = None,
    pace: deconflict.Pace | None = None,
) -> None:
    """Return if a message that steps 1 to 10 let pass may be taken in now: step 11.

    Raises:
        Denied, InvalidVolume: It may not, and how to go on. It would be no fault in a record.
    """
    deconflict.decide_intake(message, rows, now_utc, index, pace).require()


def _check_center(message: VerifiedMessage[Any], rows: Rows) -> None:
    payload = message.payload
    charter = rows.find(CharterRow, "charter")
    if charter is None:
        if payload.kind != "charter":
            raise Denied("no-charter", f"record: expected the charter as entry 0, got {payload.kind!r}")
        return
    if payload.center != charter.origin:
        raise PeerError(
            "other-center", f"message: expected center {charter.origin!r}, got {payload.center!r}"
        )
    author = payload.author
    if author != CENTER and not any(author == founder.party for founder in charter.charter.parties):
        raise PeerError("unknown-author", f"author: expected a party, got {payload.author!r}")


def _check_keys(message: VerifiedMessage[Any], kind: Kind[Any], rows: Rows) -> None:
    if kind.signed_by is SignedBy.DESK:
        party = rows.find(PartyRow, message.author)
        if party is None:
            raise PeerError(
                "no-roster", f"author {message.author!r}: expected a roster in the record, found none"
            )
        in_force = {party.statement.desk.id}
    elif kind.signed_by is SignedBy.CENTER:
        charter = rows.find(CharterRow, "charter")
        in_force = {charter.charter.center.id} if charter else set()
        if message.author != CENTER:
            raise PeerError("bad-author", f"{kind.name}: expected author 'center', got {message.author!r}")
    else:
        return  # a roster's and the charter's rule count their own signatures
    if message.signers != in_force:
        raise VerificationFailed(
            "revoked-key",
            f"signers: expected the key in force {sorted(in_force)}, got {sorted(message.signers)}",
        )


def _check_chain(message: VerifiedMessage[Any], rows: Rows) -> None:
    payload = message.payload
    known = rows.find(SeqRow, f"{payload.author}:{payload.seq}")
    if known is not None:
        raise PeerError(
            "equal-seq",
            f"{payload.author!r} seq {payload.seq}: expected {known.leaf[:12]} as recorded, "
            f"got {message.leaf[:12]}",
        )
    head = rows.find(AuthorRow, payload.author)
    seq, prev = (head.seq + 1, head.leaf) if head else (0, NO_MESSAGE)
    if payload.seq != seq:
        raise PeerError("bad-seq", f"{payload.author!r}: expected seq {seq}, got {payload.seq}")
    if payload.prev != prev:
        raise PeerError("bad-prev", f"{payload.author!r} seq {seq}: expected prev {prev}, got {payload.prev}")


def _check_seen(message: VerifiedMessage[Any], head: RecordHead) -> None:
    seen = message.payload.seen
    if seen.size > head.size:
        raise VerificationFailed(
            "seen-ahead", f"seen of {message.author!r}: expected size <= {head.size}, got {seen.size}"
        )
    root = head.root(seen.size).hex()
    if root != seen.root:
        raise VerificationFailed(
            "seen-fork",
            f"seen of {message.author!r} at size {seen.size}: expected root {root}, got {seen.root}",
        )


def _check_people(message: VerifiedMessage[Any], kind: Kind[Any], rows: Rows) -> None:
    payload = message.payload
    if len(payload.officers) < kind.min_officers:
        raise Denied(
            "officers-missing",
            f"{kind.name}: expected >= {kind.min_officers} officers, got {len(payload.officers)}",
        )
    party = rows.find(PartyRow, message.author)
    roles = {one.id: one.roles for one in party.statement.officers} if party else {}
    for officer in payload.officers:
        if officer not in roles:
            raise Denied(
                "unknown-officer",
                f"officer of {message.author!r}: expected one of the roster, got {officer!r}",
            )
        if kind.role and kind.role not in roles[officer]:
            raise Denied(
                "role-missing", f"{kind.name}: expected role {kind.role!r}, {officer!r} has {roles[officer]}"
            )
    if payload.to and not kind.may_be_sealed:
        raise Malformed(
            "not-sealable", f"{kind.name}: expected an open message, got an addressed one", path="$.to"
        )
    for place, addressee in enumerate(payload.to):
        where = f"$.to[{place}]"
        row = rows.find(PartyRow, addressee.party)
        if row is None or addressee.party == message.author:
            raise Malformed(
                "bad-addressee", f"addressee: expected another party, got {addressee.party!r}", path=where
            )
        if addressee.key != row.statement.seal.id:
            raise Denied(
                "stale-key",
                f"addressee {addressee.party!r}: expected key {row.statement.seal.id!r}, "
                f"got {addressee.key!r}",
            )
