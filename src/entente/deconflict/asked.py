"""An index that was asked already: what a message meets is looked up once, when it is taken in.

Before a message is accepted a center asks how much it meets (`entente.deconflict.intake`); right after, its
conflicts are found by the very same questions. Asking twice would be half of what a notification costs.

Invariants: an answer is that of the index at the time of the question, without what was withdrawn since; once
anything is inserted, everything is asked again.

It is no cache for longer than one message.

    >>> index = AskedOnce(real)
    >>> index.query(volume, separation, group="activity", most=None)
"""

from __future__ import annotations

from collections.abc import Sequence

from entente.deconflict.index import Hit, StandingIndex
from entente.space import Separation, Volume


class AskedOnce:
    """An index beside the answers that it gave."""

    def __init__(self, index: StandingIndex) -> None:
        self._index = index
        self._known: dict[tuple[Volume, Separation, str], list[Hit]] = {}

    def query(
        self, volume: Volume, separation: Separation, *, group: str, most: int | None = None
    ) -> list[Hit]:
        """Return what the index finds; a question that it answered is not asked again."""
        key = (volume, separation, group)
        if key not in self._known:
            self._known[key] = list(self._index.query(volume, separation, group=group, most=most))
        return self._known[key]

    def insert(
        self, object_name: str, volumes: Sequence[Volume], *, group: str, reach_m: float = 0.0
    ) -> None:
        """Let an object stand; what was asked before may be otherwise now."""
        self._known.clear()
        self._index.insert(object_name, volumes, group=group, reach_m=reach_m)

    def withdraw(self, object_name: str) -> None:
        """Take an object away, from the index and from what it answered."""
        for key, hits in self._known.items():
            self._known[key] = [hit for hit in hits if hit.object != object_name]
        self._index.withdraw(object_name)
