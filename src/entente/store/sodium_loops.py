"""The loops of blind checks over libsodium: one call for a whole batch, without the interpreter's lock.

What it is for: a multiplication takes 48 us, and a million of them are made; calling the library from
Python for each adds a tenth, and two threads wait for each other. The functions here are plain Python over
addresses: run as they are, they call the library through ctypes; compiled by numba they call it directly.

Invariants:
  * One source for both: whatever the compiled form answers, the plain one answers.
  * A loop stops at the first row that the library refuses and returns its number; -1 when there is none.
    What was written for other rows is then of no use.
  * Scratch memory is the caller's, who overwrites it: secrets are left in it.
  * Nothing branches on a secret here; the library's functions are constant time.

Addresses and lengths are not checked here: `sodium_group` gives them, from arrays that it made or checked.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any, Final, NamedTuple

Address = int
Callee = Any
"""A function of the library: of ctypes in the plain form, its address in the compiled one."""

SCRATCH_BYTES: Final = 2_048
# Where what lies in the scratch of one thread.
STATE: Final = 0
WIDE: Final = 256
POINT: Final = 320
RUNNING: Final = 352
LINK: Final = 512
"""The second hash's message: 64 bytes that are computed, then what `Hashing.link_bytes` counts."""
ENDING: Final = 1_024
"""The output's ending: two bytes of length, 32 of the element, and the RFC's word."""
ENDING_BYTES: Final = 42


class Calls(NamedTuple):
    """What the library does."""

    add: Callee
    from_hash: Callee
    invert: Callee
    is_valid: Callee
    multiply: Callee
    multiply_base: Callee
    multiply_scalars: Callee
    reduce: Callee
    sha: Callee
    sha_update: Callee
    sha_final: Callee
    blake: Callee


class Hashing(NamedTuple):
    """How inputs are hashed: to the group, and with an element to the output.

    Args:
        begun: State of SHA-512 after the padding and the domain.
        tail: What follows an input.
        link_bytes: Length of the second hash's message.
        begun_output: State of SHA-512 after the input's length and the domain.
        width: Bytes of an input after the domain.
        scratch: Of this thread, with the fixed parts of link and ending laid out.
    """

    begun: Address
    tail: Address
    tail_bytes: int
    link_bytes: int
    begun_output: Address
    width: int
    scratch: Address


def call(function: Callee, arguments: tuple[int, ...]) -> int:
    """Return what a function of the library returns."""
    code: int = function(*arguments)
    return code


def copy(target: Address, source: Address, count: int) -> None:
    """Copy bytes from one address to another."""
    ctypes.memmove(target, source, count)


def hash_one(c: Calls, h: Hashing, row: Address, target: Address) -> int:
    """Write the element of one input, expand_message_xmd and the map: RFC 9380 sections 5.3.1 and B."""
    state, link, wide = h.scratch + STATE, h.scratch + LINK, h.scratch + WIDE
    copy(state, h.begun, 208)
    bad = call(c.sha_update, (state, row, h.width))
    bad |= call(c.sha_update, (state, h.tail, h.tail_bytes))
    bad |= call(c.sha_final, (state, link))
    bad |= call(c.sha, (wide, link, h.link_bytes))
    return bad | call(c.from_hash, (target, wide))


def output_one(c: Calls, h: Hashing, row: Address) -> int:
    """Write the output for an input and the element that lies in the ending, to the scratch's wide part."""
    state = h.scratch + STATE
    copy(state, h.begun_output, 208)
    bad = call(c.sha_update, (state, row, h.width))
    bad |= call(c.sha_update, (state, h.scratch + ENDING, ENDING_BYTES))
    return bad | call(c.sha_final, (state, h.scratch + WIDE))


def hash_rows(c: Calls, h: Hashing, rows: Address, target: Address, count: int) -> int:
    """Write the element of each input."""
    for row in range(count):
        if hash_one(c, h, rows + row * h.width, target + row * 32):
            return row
    return -1


def blind_rows(
    c: Calls, h: Hashing, rows: Address, scalars: Address, step: int, target: Address, count: int
) -> int:
    """Write the element of each input times its scalar; ``step`` is 0 where one scalar is for all."""
    point = h.scratch + POINT
    for row in range(count):
        if hash_one(c, h, rows + row * h.width, point):
            return row
        if call(c.multiply, (target + row * 32, scalars + row * step, point)):
            return row
    return -1


def tag_rows(c: Calls, h: Hashing, rows: Address, key: Address, target: Address, count: int) -> int:
    """Write eight bytes of the output of each input, as the key's holder."""
    point, element, wide = h.scratch + POINT, h.scratch + ENDING + 2, h.scratch + WIDE
    for row in range(count):
        if hash_one(c, h, rows + row * h.width, point):
            return row
        if call(c.multiply, (element, key, point)):
            return row
        if output_one(c, h, rows + row * h.width):
            return row
        copy(target + row * 8, wide, 8)
    return -1


def answer_rows(  # noqa: PLR0913, PLR0917 - compiled code gets addresses one by one: it knows no objects
    c: Calls,
    h: Hashing,
    rows: Address,
    elements: Address,
    scalars: Address,
    step: int,
    target: Address,
    kept: int,
    count: int,
) -> int:
    """Write the first ``kept`` bytes of the output of each input, from an answer and the blind's inverse."""
    element, wide = h.scratch + ENDING + 2, h.scratch + WIDE
    for row in range(count):
        if call(c.multiply, (element, scalars + row * step, elements + row * 32)):
            return row
        if output_one(c, h, rows + row * h.width):
            return row
        copy(target + row * kept, wide, kept)
    return -1


def multiply_rows(
    c: Calls, elements: Address, stride: int, scalars: Address, step: int, target: Address, count: int
) -> int:
    """Write each element times its scalar; a step of 0 where one is for all."""
    for row in range(count):
        if call(c.multiply, (target + row * 32, scalars + row * step, elements + row * stride)):
            return row
    return -1


def base_rows(c: Calls, scalars: Address, target: Address, count: int) -> int:
    """Write the generator times each scalar."""
    for row in range(count):
        if call(c.multiply_base, (target + row * 32, scalars + row * 32)):
            return row
    return -1


def combine_rows(
    c: Calls,
    elements: Address,
    stride: int,
    scalars: Address,
    step: int,
    target: Address,
    scratch: Address,
    count: int,
) -> int:
    """Add each element times its scalar to what lies at the target."""
    point = scratch + POINT
    for row in range(count):
        if call(c.multiply, (point, scalars + row * step, elements + row * stride)):
            return row
        if call(c.add, (target, target, point)):
            return row
    return -1


def check_rows(c: Calls, elements: Address, count: int) -> int:
    """Find a row that is no element; the identity is one here."""
    for row in range(count):
        if call(c.is_valid, (elements + row * 32,)) != 1:
            return row
    return -1


def reduce_rows(c: Calls, wide: Address, target: Address, count: int) -> int:
    """Write numbers of 64 bytes modulo the order."""
    for row in range(count):
        call(c.reduce, (target + row * 32, wide + row * 64))
    return -1


def derive_rows(
    c: Calls, begun: Address, numbers: Address, target: Address, scratch: Address, count: int
) -> int:
    """Write the scalars of a seed for numbers of eight bytes each."""
    state, wide = scratch + STATE, scratch + WIDE
    for row in range(count):
        copy(state, begun, 208)
        bad = call(c.sha_update, (state, numbers + row * 8, 8))
        bad |= call(c.sha_final, (state, wide))
        if bad:
            return row
        call(c.reduce, (target + row * 32, wide))
    return -1


def invert_rows(c: Calls, scalars: Address, target: Address, scratch: Address, count: int) -> int:
    """Write the inverses: one inversion, and three products for each (Montgomery's trick)."""
    if count == 0:
        return -1
    running, spare = scratch + RUNNING, scratch + POINT
    copy(target, scalars, 32)
    for row in range(1, count):
        call(c.multiply_scalars, (target + row * 32, target + row * 32 - 32, scalars + row * 32))
    if call(c.invert, (running, target + count * 32 - 32)):
        return 0
    for row in range(count - 1, 0, -1):
        call(c.multiply_scalars, (target + row * 32, target + row * 32 - 32, running))
        call(c.multiply_scalars, (spare, running, scalars + row * 32))
        copy(running, spare, 32)
    copy(target, running, 32)
    return -1


def pair_scalars(
    function: Callee, first: Address, stride: int, second: Address, step: int, target: Address, count: int
) -> int:
    """Write what a function makes of two scalars."""
    for row in range(count):
        call(function, (target + row * 32, first + row * stride, second + row * step))
    return -1


def keyed_rows(  # noqa: PLR0913, PLR0917 - compiled code gets addresses one by one: it knows no objects
    c: Calls,
    key: Address,
    message: Address,
    before: int,
    rows: Address,
    width: int,
    target: Address,
    scratch: Address,
    count: int,
) -> int:
    """Write eight bytes of keyed BLAKE2b-256 of each row behind the domain, whose length is ``before``."""
    wide = scratch + WIDE
    for row in range(count):
        copy(message + before, rows + row * width, width)
        if call(c.blake, (wide, 32, message, before + width, key, 32)):
            return row
        copy(target + row * 8, wide, 8)
    return -1


HELPERS: Final[tuple[Callable[..., Any], ...]] = (hash_one, output_one)
LOOPS: Final[tuple[Callable[..., int], ...]] = (
    *(hash_rows, blind_rows, tag_rows, answer_rows, multiply_rows, base_rows, combine_rows, check_rows),
    *(reduce_rows, derive_rows, invert_rows, pair_scalars, keyed_rows),
)
