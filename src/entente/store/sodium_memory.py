"""Memory for the loops over libsodium: where a batch lies, and scratch that is overwritten afterwards.

What it is for: loops get addresses. Who gives them has to keep the arrays alive and large enough; here that
is one place.

Invariants:
  * Scratch is of one thread, and is overwritten when its `with` ends, however that happens.
  * An address is of an array that lies in one piece, and that whoever asked for it still holds.

    >>> with scratch() as address:
    ...     loop(calls, address_of(rows, 0), address, len(rows))
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from entente.blind.group import ELEMENT_BYTES, HASH_BYTES, Inputs
from entente.kernel.errors import StoreError
from entente.store import sodium_loops as loops
from entente.store.sodium_loader import Sodium
from entente.store.sodium_loops import Hashing


class LaidHashing:
    """What hashing the inputs of one call takes."""

    def __init__(self, sodium: Sodium, inputs: Inputs, dst: bytes) -> None:
        if len(dst) > 255:
            raise ValueError(f"domain separation tag: expected at most 255 bytes, got {len(dst)}")
        self._inputs = Inputs(np.ascontiguousarray(inputs.rows), inputs.domain)
        self._begun = begin_hash(sodium, bytes(128) + inputs.domain)
        length = inputs.width_bytes.to_bytes(2, "big")
        self._begun_output = begin_hash(sodium, length + inputs.domain)
        ending = dst + bytes((len(dst),))
        self._tail = np.frombuffer(HASH_BYTES.to_bytes(2, "big") + b"\x00" + ending, np.uint8)
        self._link = np.frombuffer(b"\x01" + ending, np.uint8)

    def at(self, row: int) -> int:
        """Return where an input begins."""
        return address_of(self._inputs.rows, row)

    @contextmanager
    def lay_out(self) -> Iterator[Hashing]:
        """Give scratch to one thread, overwritten afterwards."""
        scratch = np.zeros(loops.SCRATCH_BYTES, np.uint8)
        link = loops.LINK + HASH_BYTES
        scratch[link : link + len(self._link)] = self._link
        ending = b"\x00\x20" + bytes(ELEMENT_BYTES) + b"Finalize"
        scratch[loops.ENDING : loops.ENDING + len(ending)] = np.frombuffer(ending, np.uint8)
        try:
            yield Hashing(
                begun=address_of(self._begun, 0),
                tail=address_of(self._tail, 0),
                tail_bytes=len(self._tail),
                link_bytes=HASH_BYTES + len(self._link),
                begun_output=address_of(self._begun_output, 0),
                width=self._inputs.rows.shape[1],
                scratch=address_of(scratch, 0),
            )
        finally:
            scratch.fill(0)


@contextmanager
def lend_scratch() -> Iterator[int]:
    """Give the address of scratch memory, which is overwritten afterwards."""
    memory = np.zeros(loops.SCRATCH_BYTES, np.uint8)
    try:
        yield address_of(memory, 0)
    finally:
        memory.fill(0)


def address_of(array: NDArray[Any], row: int) -> int:
    """Return the address of a row. The array lives on in who asks, until the loop is done."""
    return int(array.ctypes.data) + row * array.strides[0]


def begin_hash(sodium: Sodium, before: bytes) -> NDArray[np.uint8]:
    """Return the state of SHA-512 after ``before``."""
    library, state = sodium.library, np.zeros(208, np.uint8)
    given = np.frombuffer(before, np.uint8)
    code = library.crypto_hash_sha512_init(address_of(state, 0))
    code |= library.crypto_hash_sha512_update(address_of(state, 0), address_of(given, 0), len(given))
    if code != 0:
        raise surprise("crypto_hash_sha512_update", code)
    return state


def surprise(name: str, code: int) -> StoreError:
    """Return the error about a function that never fails, and did."""
    return StoreError("libsodium-refused", f"{name}: expected 0, got {code}")
