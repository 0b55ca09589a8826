"""The two views of the record that a desk computes: what the host can see, and what we can read.

*public*: nothing sealed is opened. A rule that refuses an entry here should have kept it out: the center
accepted what the agreed rules forbid. *own*: sealed bodies from us and to us are opened. A rule that refuses
one here convicts its author, not the center, which could not read it.

Invariants:
  * Entry 0 is the charter that we pinned, byte for byte.
  * An entry that should not be there is void: it changes no row. If it is authentic and merely forbidden, its
    author's chain moves on, so that one bad entry does not make every later one of the same author look bad.
  * Both views stand at the same size. What is found at two sizes is thrown away and computed again.

It fetches nothing: opened bodies are passed in, findings are returned.

    >>> taken = views.take(index, data, tree, None)
    >>> views.commit()
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from entente.deconflict import ConflictIndex
from entente.desk.checks import HeadAt
from entente.desk.evidence import Finding
from entente.desk.picture.kept import KeptRows
from entente.joint import KINDS, AlreadyRecorded, JointState, verify_message
from entente.kernel.envelope import hash_leaf, parse_envelope
from entente.kernel.errors import Denied, EntenteError, Malformed, PeerError, StoreError, VerificationFailed
from entente.kernel.ids import LeafHash, LogIndex
from entente.kernel.kinds import KindTable
from entente.kernel.message import Entry, ParsedMessage, VerifiedMessage
from entente.kernel.roster import AuthorRow
from entente.kernel.rows import Row, Rows
from entente.record.tree import Tree
from entente.store.index_sql import SqlIndex
from entente.store.sql_rows import SqlRows

READABLE: Final = "readable"
UNREADABLE: Final = "unreadable"
REFUSED: Final = "refused"


@dataclass(frozen=True, slots=True)
class Opening:
    """What became of a sealed body that is ours to read: opened, or why not.

    Args:
        message: With its body; None when it could not be opened.
        outcome: `UNREADABLE` or `REFUSED` when it could not.
        note: For the author, when it could not.
        finding: For our officers, when somebody is to blame.
    """

    message: ParsedMessage[Any] | None
    outcome: str = READABLE
    note: str = ""
    finding: Finding | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """What one entry came to.

    Attributes:
        message: As far as it could be opened; None when it is void.
        outcome: `READABLE`, `UNREADABLE` or `REFUSED`: for the receipt, if we owe one.
        findings: What did not stand up.
    """

    index: LogIndex
    leaf: LeafHash
    message: VerifiedMessage[Any] | None
    outcome: str = READABLE
    note: str = ""
    findings: tuple[Finding, ...] = field(default=())


class AppliedRow(Row, frozen=True):
    """How far a view has come. One row."""

    TABLE: ClassVar[str] = "applied"
    size: int

    def key(self) -> str:
        """Return the one key."""
        return "applied"


def find_applied(rows: Rows) -> int:
    """Return how many entries these rows hold."""
    row = rows.find(AppliedRow, "applied")
    return row.size if row else 0


class JointViews:
    """Both views, moved one entry at a time by one thread. Who else reads, reads what was committed."""

    def __init__(
        self,
        public: Rows,
        own: Rows,
        *,
        party: str,
        charter: bytes,
        indexes: tuple[ConflictIndex | None, ConflictIndex | None] = (None, None),
        kinds: KindTable = KINDS,
    ) -> None:
        """Go on where ``public`` and ``own`` were committed.

        Args:
            charter: The payload of entry 0 as it was pinned.
            indexes: The conflict index of each, committed with it; None is made in memory.

        Raises:
            StoreError: The two stand at different sizes (a crash between two commits): throw both away and
                compute them again from the mirror.
        """
        self.size = find_applied(public)
        if find_applied(own) != self.size:
            raise StoreError("views-differ", f"views: expected both at {self.size}, got {find_applied(own)}")
        self.public = JointState(public, kinds, indexes[0])
        self.own = JointState(own, kinds, indexes[1])
        self._party = party
        self._charter = charter

    def take(self, index: int, data: bytes, tree: Tree, opening: Opening | None) -> Taken:
        """Move both views by the entry at ``index``, which was checked to be in the record.

        Never raises for what an entry says: whatever is wrong with it is in the answer.

        Args:
            opening: What became of the sealed body, when it is from us or to us; None otherwise.
        """
        if index != self.size:
            raise ValueError(f"entry: expected index {self.size}, got {index}")
        leaf, head = hash_leaf(data), HeadAt(tree, index)
        if isinstance(self.own.rows, KeptRows):
            self.own.rows.begin(index)
        try:
            message = self._admit(index, data, head)
        except EntenteError as error:
            finding = Finding(
                "wrongly-accepted" if index else "other-charter",
                f"entry {index}: expected one that the agreed rules allow, got one that they refuse: {error}",
                leaf,
                {"entry": data},
            )
            for state in (self.public, self.own):
                _advance_chain(index, data, state)
            self.size = index + 1
            return Taken(LogIndex(index), leaf, None, REFUSED, error.message[:400], (finding,))
        self.public.apply(Entry(LogIndex(index), message))
        taken = self._take_own(index, message, head, opening)
        # Only now does the entry count: a fault on the way leaves views that will not be committed.
        self.size = index + 1
        return taken

    def _admit(self, index: int, data: bytes, head: HeadAt) -> VerifiedMessage[Any]:
        signed = parse_envelope(data)
        if index == 0 and signed.payload != self._charter:
            raise VerificationFailed(
                "other-charter", "entry 0: expected the charter that we pinned, got another"
            )
        message = verify_message(signed, self.public.ring, self.public.kinds)
        try:
            self.public.admit(message, head)
        except AlreadyRecorded as repeated:
            raise PeerError(
                "repeated", f"message: expected a new one, got entry {repeated.index} again"
            ) from None
        return message

    def _take_own(
        self, index: int, message: VerifiedMessage[Any], head: HeadAt, opening: Opening | None
    ) -> Taken:
        place, leaf = LogIndex(index), message.leaf
        if opening is None:
            self.own.apply(Entry(place, message))
            return Taken(place, leaf, message)
        findings = (opening.finding,) if opening.finding else ()
        if opening.message is None:
            self.own.apply(Entry(place, message))
            return Taken(place, leaf, message, opening.outcome, opening.note, findings)
        try:
            same = opening.message
            if same.signed.raw != message.signed.raw:
                raise ValueError(f"opened body: expected that of entry {index}, got another's")
            opened = verify_message(same.signed, self.own.ring, self.own.kinds, opened=same)
            self.own.admit(opened, head)
        except (Denied, Malformed) as error:
            # The author sealed what the rules refuse. It stays unopened here: it changes nothing that we
            # show.
            self.own.apply(Entry(place, message))
            return Taken(place, leaf, message, REFUSED, error.message[:400], findings)
        self.own.apply(Entry(place, opened))
        return Taken(place, leaf, opened, READABLE, "", findings)

    def commit(self) -> None:
        """Make both views durable, each with its size. If we stop in between, they are computed again."""
        for state in (self.public, self.own):
            state.rows.put(AppliedRow(size=self.size))
            if isinstance(state.rows, SqlRows) and isinstance(state.index, SqlIndex):
                state.index.commit(state.rows)
            elif isinstance(state.rows, SqlRows):
                state.rows.commit()


def _advance_chain(index: int, data: bytes, state: JointState) -> None:
    """Leave a void entry out, but move its author's chain when the entry is authentic and in its place."""
    try:
        message = verify_message(parse_envelope(data), state.ring, state.kinds)
    except EntenteError:
        return
    payload = message.payload
    head = state.rows.find(AuthorRow, payload.author)
    if head is None or (payload.seq, payload.prev) != (head.seq + 1, head.leaf):
        return
    state.move_chain(Entry(LogIndex(index), message))
