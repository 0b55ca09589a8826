"""Audit: replay a whole record as an outsider would, and say what was checked and what was not.

Entries go in one by one, as exact bytes. Each passes the same checks as at the center: form, signatures, keys
in force at its index, author's chain, `seen` against this very tree, rule. The audit opens nothing that is
sealed.

Invariants: an audit holds a tree of its own, so a `seen` that pins another branch convicts the host; one
failing entry does not hide the next: failures are collected, each with its index.

It does not check tiles, checkpoints or cosignatures: `entente.record.verifier` does, over the same bytes.

    >>> audit = RecordAudit(KINDS)
    >>> for index, data in enumerate(entries): audit.feed(index, data)
    >>> audit.failures
    []
"""

from __future__ import annotations

from dataclasses import dataclass, field

from entente.joint.acceptance import AlreadyRecorded, verify_message
from entente.joint.state import JointState
from entente.kernel.charter import CharterRow
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import EntenteError
from entente.kernel.kinds import KindTable
from entente.kernel.rows import MemoryRows
from entente.record.tree import Tree, leaf_hash


@dataclass(frozen=True, slots=True)
class AuditFailure:
    """One entry that should not stand where it stands, and why."""

    index: int
    code: str
    reason: str


@dataclass(slots=True)
class AuditCounts:
    """How much was checked."""

    entries: int = 0
    signatures: int = 0
    seen_pins: int = 0
    sealed_bodies: int = 0
    authors: dict[str, int] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)


class RecordAudit:
    """Replays entries through the rules and keeps what it found."""

    def __init__(self, kinds: KindTable) -> None:
        self.state = JointState(MemoryRows(), kinds)
        self.tree = Tree()
        self.counts = AuditCounts()
        self.failures: list[AuditFailure] = []

    def feed(self, index: int, data: bytes) -> None:
        """Check the next entry; a failure is kept, never raised."""
        if index != self.tree.size:
            raise ValueError(f"entry: expected index {self.tree.size}, got {index}")
        self.counts.entries += 1
        try:
            message = verify_message(parse_envelope(data), self.state.ring, self.state.kinds)
            self.state.apply(self.state.admit(message, self.tree))
        except AlreadyRecorded as repeated:
            self.failures.append(
                AuditFailure(
                    index, "repeated", f"entry: expected a new message, got entry {repeated.index} again"
                )
            )
        except EntenteError as error:
            self.failures.append(AuditFailure(index, error.code, str(error)))
        else:
            payload = message.payload
            self.counts.signatures += len(message.signers)
            self.counts.seen_pins += payload.seen.size > 0
            self.counts.sealed_bodies += bool(payload.to)
            self.counts.authors[payload.author] = self.counts.authors.get(payload.author, 0) + 1
            self.counts.kinds[payload.kind] = self.counts.kinds.get(payload.kind, 0) + 1
        self.tree.append(leaf_hash(data))

    def find_charter(self) -> CharterRow | None:
        """Return the charter that entry 0 put in force, if it did."""
        return self.state.rows.find(CharterRow, "charter")
