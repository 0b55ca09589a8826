"""A batch on its way into the record, and what its authors are told: plain values.

Invariants: what was published is durable and signed, and never changes; a batch is filled in by one step of
`writer` after the other, each in the order that stands there.

It does nothing: `writer` does.

    >>> batch = writer.judge([Submission(message, ())])
    >>> batch.places
    [17]
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from entente.joint import KeyRing
from entente.kernel.errors import EntenteError
from entente.kernel.ids import PartyID
from entente.kernel.message import VerifiedMessage
from entente.record import VerifiedCheckpoint
from entente.store.index_rows import IndexChanges
from entente.store.sql_rows import PutRows


@dataclass(frozen=True, slots=True)
class Submission:
    """A verified message, and the ciphertexts that its addressees need: (party, bytes)."""

    message: VerifiedMessage[Any]
    ciphertexts: tuple[tuple[PartyID, bytes], ...] = ()


@dataclass(frozen=True, slots=True)
class Published:
    """What everyone may know of the record at one moment: durable and signed. An immutable snapshot.

    ``ring`` holds the keys in force; it is another object whenever a roster has changed.
    """

    checkpoint: VerifiedCheckpoint
    recorded_utc: str
    ring: KeyRing

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.checkpoint.size


@dataclass(frozen=True, slots=True)
class Recorded:
    """Where a message stands: the answer to its author."""

    index: int
    leaf: str
    recorded_utc: str
    published: Published


Outcome = Recorded | EntenteError


@dataclass(slots=True)
class Batch:
    """Messages on their way into the record: filled in step by step (`RecordWriter`)."""

    first: int
    submissions: list[Submission] = field(default_factory=list)
    places: list[int | EntenteError] = field(default_factory=list)
    admitted: list[tuple[int, Submission]] = field(default_factory=list)
    again: list[Submission] = field(default_factory=list)
    published: Published | None = None
    event_id: int = 0
    rows: PutRows | None = None
    changes: IndexChanges | None = None

    @property
    def has_sealed_again(self) -> bool:
        """Whether a message that is recorded already brought ciphertexts, which may be lost."""
        return any(one.ciphertexts for one in self.again)
