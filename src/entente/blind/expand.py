"""The two hashes around the group: what an input becomes before it, and what an element becomes after it.

What it is for: RFC 9497 says once how an input is hashed to the group and how an output is made; whoever has
no compiled form of them, and everything that hashes few things, uses these.

Invariant: they are the RFCs' bytes exactly; lengths are checked by who calls.

    >>> wide = expand_message(b"an input", b"HashToGroup-" + context)
"""

from __future__ import annotations

import hashlib
from typing import Final

from entente.blind.group import HASH_BYTES

_BLOCK_BYTES: Final = 128
_PADDED: Final = hashlib.sha512(bytes(_BLOCK_BYTES))
"""SHA-512 after the block of zeros that every message begins with."""


def expand_message(message: bytes, dst: bytes) -> bytes:
    """Return 64 uniform bytes: expand_message_xmd of RFC 9380 section 5.3.1 with SHA-512.

    Sixty-four bytes are one block of output, so that the chain of section 5.3.1 has one link.
    """
    if len(dst) > 255:
        raise ValueError(f"domain separation tag: expected at most 255 bytes, got {len(dst)}")
    tail = dst + bytes((len(dst),))
    first = _PADDED.copy()
    first.update(message + HASH_BYTES.to_bytes(2, "big") + b"\x00" + tail)
    return hashlib.sha512(first.digest() + b"\x01" + tail).digest()


def hash_output(message: bytes, element: bytes) -> bytes:
    """Return the function's output for an input and its element: Finalize of RFC 9497 section 3.3.1."""
    return hashlib.sha512(prefixed(message) + prefixed(element) + b"Finalize").digest()


def prefixed(value: bytes) -> bytes:
    """Return bytes behind their length in two bytes: ``I2OSP(len(value), 2) || value``."""
    return len(value).to_bytes(2, "big") + value
