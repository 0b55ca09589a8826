"""The gate of one desk, put together: by itself it sends what is due, and notes what became of it.

Invariants: all state is in the record and in the book: the step after a restart goes on where the last one
stopped; a failure of our own disk stops the desk; whatever else goes wrong with one plan leaves the others as
they are.

It answers no officer: see `verbs`.

    >>> while carrier.step():
    ...     pass
"""

from __future__ import annotations

from collections.abc import Callable

from entente.desk.outbox import Outbox
from entente.desk.release.accounts import ReleaseAccounts
from entente.desk.release.ledger import ReleaseLedger
from entente.desk.release.onward import ReleaseOnward
from entente.desk.release.parts import ReleaseParts
from entente.desk.release.planning import ReleasePlanning
from entente.desk.release.plans import PlanBook
from entente.desk.release.policy import ReleasePolicy
from entente.desk.release.sending import ReleaseSending
from entente.desk.release.shelves import Shelved


class ReleaseCarrier:
    """Release at one desk: its parts, each by its name."""

    def __init__(
        self, parts: ReleaseParts, ledger: ReleaseLedger, outbox: Outbox, *, is_stopped: Callable[[], bool]
    ) -> None:
        """Carry what the book holds.

        Args:
            is_stopped: Whether nothing may be said any more (a fork was found, or nothing was followed yet).
        """
        self.parts = parts
        self.ledger = ledger
        self.plans = PlanBook(parts.book, parts.clock)
        self.policy = ReleasePolicy(parts)
        self.planning = ReleasePlanning(parts, self.policy, ledger, self.plans)
        self.sending = ReleaseSending(parts, self.policy, self.planning, ledger, self.plans, outbox)
        self.onward = ReleaseOnward(parts, self.policy, self.planning, ledger, self.plans)
        self.accounts = ReleaseAccounts(parts, ledger)
        self.on_wanted: Callable[[], None] = lambda: None
        self._is_stopped = is_stopped

    def load(self, kind: str, text: str, *, officer: str) -> tuple[list[Shelved], int]:
        """Put a file on the shelves; what is judged by another ground from now on is computed again with it.

        Raises:
            Malformed, Denied: Nothing was put. ``unexplained``: the catalogue rules out what was given.
        """
        try:
            with self.parts.book.transaction():
                shelved, changed = self.parts.library.load(kind, text, officer=officer)
                if changed and kind in {"catalogue", "pools"}:
                    self.ledger.refresh()
        except BaseException:
            self.parts.library.forget()
            self.ledger.forget()
            raise
        return shelved, changed

    def step(self) -> bool:
        """Do what is due; return whether anything moved.

        Raises:
            StoreError: Our own disk failed: the process must stop.
        """
        if self._is_stopped():
            return False
        return self.sending.step()
