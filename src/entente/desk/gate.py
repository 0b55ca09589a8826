"""The gate: the one way out of a desk. What passes is entered in the exposure ledger first.

`release` decides whether a message may leave and to whom, and writes who is about to learn what, before
anything is sent. A later room refines the decision (labels, coarsening, what a series of releases teaches);
the way stays this one.

The rule now: an officer asked for it, or it is one of the few things that a desk says by itself
(`AUTOMATIC`), which carry nothing but what the center or the partner already has. Everything else is denied:
combining nothing denies.

Invariants: no message is signed without a decision; a message is in the ledger before its first byte leaves;
an entry is never changed or removed; sending the same message again is the same exposure.

    >>> gate.release(Release(kind="activity.notify", body=body, recipients=("ru",), officers=("duty-1",),
    purpose="officer")) Decision(is_allowed=True, code='', reasons=())
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import Final, Protocol

from entente.desk.book import Book
from entente.kernel.ids import LeafHash
from entente.kernel.kinds import ALLOWED, Decision, denied
from entente.kernel.ports import Clock
from entente.kernel.time import encode_utc

OFFICER: Final = "officer"
DESK: Final = "desk"
AUTOMATIC: Final = frozenset(
    {
        "receipt.deliver",
        "position.dispute",
        "blind.answer",
        "blind.ask",
        "blind.join",
        "blind.outcome",
    }
)
"""Kinds that a desk may say without being asked: that a message arrived, and that a position is not the one
in its plan; and what follows from a commitment to blind checks. The officer who committed under agreed rules
gave the authority for all of it: to answer within the allowance, to ask in return for a whole question (an
unanswered half would be no check), to join a run by way of the center, to tell how a run ended."""


@dataclass(frozen=True, slots=True)
class Release:
    """Something that wants to leave.

    Args:
        recipients: Parties; for an open message all the others.
        purpose: `OFFICER` when a person asked for it, `DESK` when the desk does by itself.
    """

    kind: str
    body: bytes = field(repr=False)
    recipients: tuple[str, ...]
    officers: tuple[str, ...]
    purpose: str


class Ledger(Protocol):
    """Where exposures are entered: the port of a later room. Durable when `enter` returns."""

    def enter(self, leaf: LeafHash, release: Release) -> None:
        """Enter who is about to learn what."""


def decide_release(release: Release) -> Decision:
    """Decide whether something may leave."""
    if not release.recipients:
        return denied("nobody", f"{release.kind}: expected at least one recipient, got none")
    if release.purpose == OFFICER:
        if not release.officers:
            return denied("no-officer", f"{release.kind}: expected the officer who asked for it, got none")
        return ALLOWED
    if release.purpose == DESK and release.kind in AUTOMATIC:
        return ALLOWED
    return denied("not-asked", f"{release.kind}: expected an officer's request, got {release.purpose!r}")


class BookLedger:
    """The exposure ledger in the desk's own book."""

    def __init__(self, book: Book, clock: Clock) -> None:
        self._book = book
        self._clock = clock

    def enter(self, leaf: LeafHash, release: Release) -> None:
        """Enter a release, once for each recipient."""
        what = hashlib.sha256(release.body).hexdigest()
        at, officers = encode_utc(self._clock.now_utc()), json.dumps(list(release.officers))
        with self._book.transaction() as db:
            db.executemany(
                "INSERT OR IGNORE INTO exposures (leaf, kind, recipient, what, size_bytes, at, officers)"
                " VALUES (?, ?, ?, ?, ?, ?, ?)",
                [
                    (leaf, release.kind, party, what, len(release.body), at, officers)
                    for party in release.recipients
                ],
            )

    def list_exposures(self, *, after: int = 0, limit: int = 200) -> list[dict[str, object]]:
        """Return entries after a number: what was let out, to whom, when."""
        rows = self._book.read("SELECT * FROM exposures WHERE id > ? ORDER BY id LIMIT ?", (after, limit))
        return [dict(row) for row in rows]


class Gate:
    """The one function that lets a message out, in front of one ledger."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def release(self, leaf: LeafHash, release: Release) -> Decision:
        """Decide, and enter what is allowed in the ledger before returning.

        If the ledger cannot be written, its `StoreError` stands in the way of the message.
        """
        decision = decide_release(release)
        if decision.is_allowed:
            self._ledger.enter(leaf, release)
        return decision
