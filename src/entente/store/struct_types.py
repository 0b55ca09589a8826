"""Struct types made ready in one thread, before several use them.

msgspec (0.22 and before) learns a type's fields when it is first decoded, and shows the half-made result to
any other thread that decodes the same type meanwhile: that one follows a null pointer, and the process is
gone. Two requests of one kind at one moment after a start are enough. So whoever starts threads asks for this
first.

Invariants: every `msgspec.Struct` of this package that was imported is ready when it returns; asking again is
cheap. A type that msgspec cannot decode at all is left out: nobody decodes it.

It does not see what is imported later: serve only what is imported before.

    >>> prepare_struct_types()
    613
"""

from __future__ import annotations

import threading
from typing import Final

import msgspec

_LOCK: Final = threading.Lock()
_READY: Final[set[type[msgspec.Struct]]] = set()
_PACKAGE: Final = __name__.partition(".")[0]


def prepare_struct_types() -> int:
    """Have msgspec learn every type of ours now; return how many there are."""
    with _LOCK:
        waiting: list[type[msgspec.Struct]] = [msgspec.Struct]
        while waiting:
            for one in waiting.pop().__subclasses__():
                waiting.append(one)
                if one in _READY or one.__module__.partition(".")[0] != _PACKAGE:
                    continue
                try:
                    # SECURITY: without this a burst of requests after a start can end the process
                    # (tests/system/test_struct_types.py).
                    msgspec.json.Decoder(one)
                except TypeError:
                    continue
                _READY.add(one)
        return len(_READY)
