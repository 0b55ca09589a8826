"""Kinds of message: one kind is one file in one room: its body, its rule, its projection.

A *rule* answers "may this be accepted, given this state?" with a `Decision` and its reasons. A
*projection* writes rows. Both are pure functions of the message and the rows, so that every desk computes the
same state from the same record, and an auditor can do it again years later.

Invariants: a projection never fails on a message whose rule allowed it; a rule never writes.

    NOTIFY = Kind("activity.notify", Notify, decide=decide_notify, project=project_notify, acknowledged=True)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Any, Generic

from entente.kernel.errors import Denied
from entente.kernel.message import B, Entry, VerifiedMessage
from entente.kernel.rows import Rows
from entente.kernel.wire import WireStruct


class SignedBy(Enum):
    """Whose keys must sign a kind of message."""

    DESK = "the author's desk key"
    ROOT = "the author's root keys, old threshold and new"
    CENTER = "the center's key"
    FOUNDERS = "the center's key and every founding party's root keys"


@dataclass(frozen=True, slots=True)
class Decision:
    """May this be accepted? With the reasons, for the author and for whoever asks later."""

    is_allowed: bool
    code: str = ""
    reasons: tuple[str, ...] = ()

    def require(self) -> None:
        """Return if allowed; raise `Denied` with the reasons otherwise."""
        if not self.is_allowed:
            raise Denied(self.code, "; ".join(self.reasons))


ALLOWED = Decision(is_allowed=True)


def denied(code: str, *reasons: str) -> Decision:
    """Return a refusal; it must say why."""
    if not reasons:
        raise ValueError(f"denial {code!r}: expected at least one reason")
    return Decision(is_allowed=False, code=code, reasons=reasons)


@dataclass(frozen=True, slots=True)
class Kind(Generic[B]):
    """A kind of message.

    Args:
        name: ``room-word.verb``; stands in every message.
        body: Its closed body type.
        decide: The rule. The body is None when it is sealed and not opened here: a rule must then judge by
            the header alone (the addressee's desk judges the body).
        project: What an accepted message changes. Called with the body opened or not, as above.
        signed_by: Whose keys must sign.
        min_officers: How many officers must be named (each in the roster, each once).
        role: The role that those officers need; empty for any.
        acknowledged: Whether each other party (or each addressee) owes an acknowledgement: opens the
            receipt ladder.
        may_be_sealed: Whether it can be addressed to some parties only.
    """

    name: str
    body: type[B]
    decide: Callable[[VerifiedMessage[B], Rows], Decision]
    project: Callable[[Entry[B], Rows], None]
    signed_by: SignedBy = SignedBy.DESK
    min_officers: int = 0
    role: str = ""
    acknowledged: bool = False
    may_be_sealed: bool = False


class KindTable:
    """All kinds that a center speaks, by name."""

    def __init__(self, kinds: Iterable[Kind[Any]]) -> None:
        self._kinds: dict[str, Kind[Any]] = {}
        for kind in kinds:
            if kind.name in self._kinds:
                raise ValueError(f"kind {kind.name!r}: expected one definition, got two")
            self._kinds[kind.name] = kind
        self.bodies: dict[str, type[WireStruct]] = {name: kind.body for name, kind in self._kinds.items()}

    def get(self, name: str) -> Kind[Any]:
        """Return the kind; `KeyError` when a caller asks for one that was never parsed."""
        return self._kinds[name]

    def __iter__(self) -> Iterator[Kind[Any]]:
        return iter(self._kinds.values())

    def __len__(self) -> int:
        return len(self._kinds)


def allow(message: VerifiedMessage[Any], rows: Rows) -> Decision:
    """Allow: for kinds whose form and signature say everything."""
    del message, rows
    return ALLOWED
