"""Watching a search: how the one who asked can follow it and stop it.

The rooms above own the clock and the keyboard. A search calls `Watch.look` between any two pieces of work,
none of which takes longer than some tenths of a second, and ends when it is told to. What it had found by
then is its answer, marked as incomplete.

    >>> find_obstacles(terms, most=10, watch=SecondsWatch(5.0))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Protocol

WORK_CONFLICTS: Final = 4_000
"""Conflicts in the solver before a watch is asked again: about a tenth of a second on a slow machine."""


@dataclass(frozen=True, slots=True)
class Progress:
    """What a search can say of itself.

    Args:
        stage: What it does: "obstacles", "packages", ...
        found: How many it has found.
        steps: How many times it has asked a solver.
        at_least, at_most: Bounds on the cost sought, where it knows any; ``at_most`` -1 for none.
    """

    stage: str
    found: int = 0
    steps: int = 0
    at_least: int = 0
    at_most: int = -1


class Watch(Protocol):
    """The port through which a search reports and is stopped.

    Called often, from the thread that asked; must be quick and must not raise.
    """

    def look(self, progress: Progress) -> str:
        """Return "" to go on, or in a word why to stop: "time", "interrupt", "limit"."""


class Unwatched:
    """Lets every search run to its end."""

    def look(self, progress: Progress) -> str:
        """Go on."""
        del progress
        return ""


class Stopped(Exception):
    """A watch ended the search. Never leaves the room: it becomes `answers.Search.stopped_by`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
