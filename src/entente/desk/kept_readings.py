"""Readings of positions, kept: the words for a place are dear, and the inbox says them at every look.

Invariants: a reading follows from a version's volumes, which its hash names, the version before it, and the
zones by name, and is kept under all three; beyond `_MOST` the least lately used goes first. Any thread may
ask.

It is kept for as long as the process, and on no disk.

    >>> shelf.get(("5f..", "", zones), lambda: build_readings(...))
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from entente.deconflict import Reading

_MOST: Final = 20_000
ReadingKey = tuple[str, str, tuple[str, ...]]
"""Hashes of the version and of the one before, and of the zones that a place may be said to lie in."""


class KeptReadings:
    """What was said last of each version's positions."""

    def __init__(self, most: int = _MOST) -> None:
        self._most = most
        self._kept: OrderedDict[ReadingKey, list[Reading]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: ReadingKey, make: Callable[[], list[Reading]]) -> list[Reading]:
        """Return the readings of a key, made if they are not kept."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
                return list(found)
        made = make()
        with self._lock:
            self._kept[key] = list(made)
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return made
