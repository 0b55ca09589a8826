"""The group of blind checks on libsodium: whole batches, on several threads, compiled where numba is.

What it is for: the `Group` port with the library that `sodium_loader` found.

Invariants:
  * Every return code of the library is looked at; a row that it refuses is the error of that row, and the
    first such row is named, whatever thread met it.
  * Only functions that are constant time see a secret. Scratch memory that held one is overwritten.
  * The answer does not depend on the number of threads, nor on whether the loops are compiled.
  * Memory grows with the answer and not with the steps between: batches are cut into chunks.
  * An exception of `on_progress`, an interrupt too, ends the work after the chunks that have begun.

It draws nothing and writes nothing; nothing of what it is given is logged or shown.

    >>> group = SodiumGroup(load_sodium(), threads=2)
    >>> group.name
    'libsodium 1.0.18 (system: libsodium.so.23)'
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from entente.blind.group import (
    ELEMENT_BYTES,
    HASH_BYTES,
    KEY_BYTES,
    SCALARS_LABEL,
    Group,
    Inputs,
    Progress,
    Rows,
    Tags,
    check_pairing,
    check_rows,
    check_scalars,
    refuse_element,
)
from entente.blind.pure_group import PureGroup
from entente.kernel.errors import Denied, StoreError
from entente.space.bulk.compiled import HAS_COMPILER, load_compiler
from entente.store import sodium_loops as loops
from entente.store.sodium_loader import VARIABLE, Sodium, load_sodium
from entente.store.sodium_loops import Calls
from entente.store.sodium_memory import LaidHashing, address_of, begin_hash, lend_scratch, surprise

MOST: Final = 20_000_000
"""Elements in a batch: what a call takes in a quarter of an hour. A theatre's plan is a million."""
CHUNK: Final = 256
"""Rows of a chunk: some 15 ms, which is how soon an interrupt is heard."""
WORTH_LOADING: Final = 10_000
"""Elements from which numba is loaded for a batch: it takes half a second, and saves a tenth and more."""
_FEW: Final = 16
"""Rows below which a second thread costs more than it does."""
_QUICK_CHUNK: Final = 16_384
"""Rows of a chunk where one takes a microsecond."""

_NAMES: Final = Calls(
    add="crypto_core_ristretto255_add",
    from_hash="crypto_core_ristretto255_from_hash",
    invert="crypto_core_ristretto255_scalar_invert",
    is_valid="crypto_core_ristretto255_is_valid_point",
    multiply="crypto_scalarmult_ristretto255",
    multiply_base="crypto_scalarmult_ristretto255_base",
    multiply_scalars="crypto_core_ristretto255_scalar_mul",
    reduce="crypto_core_ristretto255_scalar_reduce",
    sha="crypto_hash_sha512",
    sha_update="crypto_hash_sha512_update",
    sha_final="crypto_hash_sha512_final",
    blake="crypto_generichash_blake2b",
)
_SUBTRACT: Final = "crypto_core_ristretto255_scalar_sub"

Loop = Callable[..., int]
Chunk = Callable[[int, int], int]
"""Does rows from the first up to the last; returns the row that was refused, from the first, or -1."""


class SodiumGroup:
    """The `Group` port over libsodium.

    Args:
        sodium: The library.
        threads: That compute at once.
        is_compiled: Whether the loops are compiled; None: where numba is installed, once a batch is large.
    """

    def __init__(self, sodium: Sodium, *, threads: int = 1, is_compiled: bool | None = None) -> None:
        if threads < 1:
            raise ValueError(f"threads: expected 1 or more, got {threads}")
        self._sodium = sodium
        self._threads = threads
        self._is_compiled = is_compiled
        self._plain_calls = Calls(*(getattr(sodium.library, name) for name in _NAMES))
        self._addresses = Calls(*(sodium.address(name) for name in _NAMES))
        self._compiled: dict[str, Loop] | None = None
        if is_compiled:
            self._load(required=True)

    @property
    def name(self) -> str:
        """Which libsodium computes."""
        return self._sodium.name

    @property
    def most(self) -> int:
        """Elements in a batch."""
        return MOST

    @property
    def is_compiled(self) -> bool:
        """Whether compiled loops are loaded."""
        return self._compiled is not None

    def hash_to_group(self, inputs: Inputs, dst: bytes, on_progress: Progress | None = None) -> Rows:
        """Return the element of each input."""
        loop, calls = self._choose("hash_rows", len(inputs))
        hashing = LaidHashing(self._sodium, inputs, dst)
        found = np.empty((len(inputs), ELEMENT_BYTES), np.uint8)

        def work(first: int, last: int) -> int:
            with hashing.lay_out() as laid:
                return loop(calls, laid, hashing.at(first), address_of(found, first), last - first)

        self._run(work, len(inputs), CHUNK, on_progress, _no_refusal)
        return found

    def blind(self, inputs: Inputs, dst: bytes, scalars: Rows, on_progress: Progress | None = None) -> Rows:
        """Return the element of each input times its scalar."""
        _expect_for(len(inputs), len(scalars))
        secret = check_scalars(scalars)
        loop, calls = self._choose("blind_rows", len(inputs))
        hashing, step = LaidHashing(self._sodium, inputs, dst), _step(secret, len(inputs))
        found = np.empty((len(inputs), ELEMENT_BYTES), np.uint8)

        def work(first: int, last: int) -> int:
            with hashing.lay_out() as laid:
                given = (address_of(secret, first * step // 32), step, address_of(found, first))
                return loop(calls, laid, hashing.at(first), *given, last - first)

        self._run(work, len(inputs), CHUNK, on_progress, _no_refusal)
        return found

    def tag_inputs(self, inputs: Inputs, dst: bytes, key: Rows, on_progress: Progress | None = None) -> Tags:
        """Return the tag of each input, as the key's holder."""
        secret = check_scalars(key, "key")
        if len(secret) != 1:
            raise ValueError(f"key: expected one scalar, got {len(secret)}")
        loop, calls = self._choose("tag_rows", len(inputs))
        hashing = LaidHashing(self._sodium, inputs, dst)
        found = np.empty(len(inputs), ">u8")

        def work(first: int, last: int) -> int:
            with hashing.lay_out() as laid:
                return loop(
                    calls,
                    laid,
                    hashing.at(first),
                    address_of(secret, 0),
                    address_of(found, first),
                    last - first,
                )

        self._run(work, len(inputs), CHUNK, on_progress, _no_refusal)
        return _to_numbers(found)

    def finalize(self, inputs: Inputs, elements: Rows, scalars: Rows) -> Rows:
        """Return Finalize's 64 bytes for each input."""
        found = np.empty((len(inputs), HASH_BYTES), np.uint8)
        self._answer(inputs, elements, scalars, found, HASH_BYTES, None)
        return found

    def tag_answers(
        self, inputs: Inputs, elements: Rows, scalars: Rows, on_progress: Progress | None = None
    ) -> Tags:
        """Return the first eight of them, as a number."""
        found = np.empty(len(inputs), ">u8")
        self._answer(inputs, elements, scalars, found, 8, on_progress)
        return _to_numbers(found)

    def multiply(self, elements: Rows, scalars: Rows, on_progress: Progress | None = None) -> Rows:
        """Return each element times its scalar."""
        whole = check_pairing(len(elements), len(scalars), "multiply")
        points, secret = self._admit(elements), check_scalars(scalars)
        loop, calls = self._choose("multiply_rows", whole)
        stride, step = _step(points, whole), _step(secret, whole)
        found = np.empty((whole, ELEMENT_BYTES), np.uint8)

        def work(first: int, last: int) -> int:
            given = (
                address_of(points, first * stride // 32),
                stride,
                address_of(secret, first * step // 32),
                step,
            )
            return loop(calls, *given, address_of(found, first), last - first)

        self._run(work, whole, CHUNK, on_progress, lambda row: refuse_element(points, row % len(points)))
        return found

    def multiply_generator(self, scalars: Rows, on_progress: Progress | None = None) -> Rows:
        """Return the generator times each scalar."""
        secret = check_scalars(scalars)
        loop, calls = self._choose("base_rows", len(secret))
        found = np.empty((len(secret), ELEMENT_BYTES), np.uint8)

        def work(first: int, last: int) -> int:
            return loop(calls, address_of(secret, first), address_of(found, first), last - first)

        self._run(work, len(secret), CHUNK, on_progress, _no_refusal)
        return found

    def combine(self, elements: Rows, scalars: Rows) -> Rows:
        """Return the sum of all elements times their scalars."""
        whole = check_pairing(len(elements), len(scalars), "combine")
        points, weights = self._admit(elements), check_scalars(scalars)
        loop, calls = self._choose("combine_rows", whole)
        stride, step = _step(points, whole), _step(weights, whole)
        size = self._chunk(whole, CHUNK)
        # A sum for each chunk, begun with the identity: threads do not write to one place.
        sums = np.zeros((-(-whole // size), ELEMENT_BYTES), np.uint8)

        def work(first: int, last: int) -> int:
            given = (
                address_of(points, first * stride // 32),
                stride,
                address_of(weights, first * step // 32),
                step,
            )
            with lend_scratch() as scratch:
                return loop(calls, *given, address_of(sums, first // size), scratch, last - first)

        self._run(work, whole, CHUNK, None, lambda row: refuse_element(points, row % len(points)))
        total = np.zeros((1, ELEMENT_BYTES), np.uint8)
        for row in range(len(sums)):
            code = self._plain_calls.add(address_of(total, 0), address_of(total, 0), address_of(sums, row))
            if code != 0:
                raise surprise("crypto_core_ristretto255_add", code)
        return total

    def check_elements(self, elements: Rows) -> None:
        """Refuse what is no element, or the identity."""
        points = self._admit(elements)
        loop, calls = self._choose("check_rows", len(points))
        # The library takes the identity for valid.
        nothing = np.flatnonzero(~points.any(axis=1))
        valid = int(nothing[0]) if len(nothing) else len(points)

        def work(first: int, last: int) -> int:
            return loop(calls, address_of(points, first), last - first)

        self._run(work, valid, CHUNK, None, lambda row: refuse_element(points, row))
        if len(nothing):
            raise refuse_element(points, valid)

    def reduce_scalars(self, wide: Rows) -> Rows:
        """Return numbers of 64 bytes modulo the order."""
        numbers = check_rows(wide, HASH_BYTES, "reduce")
        loop, calls = self._choose("reduce_rows", len(numbers))
        found = np.empty((len(numbers), 32), np.uint8)

        def work(first: int, last: int) -> int:
            return loop(calls, address_of(numbers, first), address_of(found, first), last - first)

        self._run(work, len(numbers), _QUICK_CHUNK, None, _no_refusal)
        return found

    def derive_scalars(self, seed: bytes, first: int, count: int) -> Rows:
        """Return the scalars number ``first`` and on of a seed."""
        if len(seed) != KEY_BYTES:
            raise ValueError(f"seed: expected {KEY_BYTES} bytes, got {len(seed)}")
        loop, calls = self._choose("derive_rows", count)
        begun = begin_hash(self._sodium, SCALARS_LABEL + seed)
        numbers = np.arange(first, first + count, dtype=np.uint64).astype(">u8")
        found = np.empty((count, 32), np.uint8)

        def work(start: int, last: int) -> int:
            with lend_scratch() as scratch:
                return loop(
                    calls,
                    address_of(begun, 0),
                    address_of(numbers, start),
                    address_of(found, start),
                    scratch,
                    last - start,
                )

        self._run(work, count, _QUICK_CHUNK, None, _no_refusal)
        begun.fill(0)
        return found

    def invert_scalars(self, scalars: Rows) -> Rows:
        """Return what each is to be multiplied with to give one."""
        secret = check_scalars(scalars)
        loop, calls = self._choose("invert_rows", len(secret))
        found = np.empty_like(secret)

        def work(first: int, last: int) -> int:
            with lend_scratch() as scratch:
                return loop(calls, address_of(secret, first), address_of(found, first), scratch, last - first)

        self._run(work, len(secret), _QUICK_CHUNK, None, _no_refusal)
        return found

    def multiply_scalars(self, first: Rows, second: Rows) -> Rows:
        """Return the products modulo the order."""
        return self._pair(_NAMES.multiply_scalars, first, second)

    def subtract_scalars(self, first: Rows, second: Rows) -> Rows:
        """Return the differences modulo the order."""
        return self._pair(_SUBTRACT, first, second)

    def keyed_tags(self, rows: Rows, domain: bytes, key: bytes, on_progress: Progress | None = None) -> Tags:
        """Return the tag of each row under a key, as a third party matches them."""
        if len(key) != KEY_BYTES:
            raise ValueError(f"key: expected {KEY_BYTES} bytes, got {len(key)}")
        given = Inputs(np.ascontiguousarray(rows), domain)
        loop, calls = self._choose("keyed_rows", len(given))
        secret, found = np.frombuffer(key, np.uint8).copy(), np.empty(len(given), ">u8")
        width = given.rows.shape[1]

        def work(first: int, last: int) -> int:
            message = np.zeros(given.width_bytes + 1, np.uint8)
            message[: len(domain)] = np.frombuffer(domain, np.uint8)
            said = (
                address_of(secret, 0),
                address_of(message, 0),
                len(domain),
                address_of(given.rows, first),
                width,
            )
            with lend_scratch() as scratch:
                return loop(calls, *said, address_of(found, first), scratch, last - first)

        self._run(work, len(given), _QUICK_CHUNK, on_progress, _no_refusal)
        secret.fill(0)
        return _to_numbers(found)

    def _admit(self, elements: Rows) -> Rows:
        """Return elements whose last bit is not set.

        SECURITY: libsodium 1.0.18 overlooks that bit and knows two spellings of every element: duplicates
        would pass for different ones (test_the_last_bit_is_no_second_spelling).
        """
        points = check_rows(elements, ELEMENT_BYTES, "elements")
        set_bits = np.flatnonzero(points[:, -1] & 0x80)
        if len(set_bits):
            first = int(set_bits[0])
            # A row before it may be bad in another way: the first is named.
            self.check_elements(points[:first])
            raise refuse_element(points, first)
        return points

    def _answer(
        self,
        inputs: Inputs,
        elements: Rows,
        scalars: Rows,
        found: NDArray[Any],
        kept: int,
        on_progress: Progress | None,
    ) -> None:
        if len(elements) != len(inputs):
            raise ValueError(f"elements: expected {len(inputs)}, one for each input, got {len(elements)}")
        _expect_for(len(inputs), len(scalars))
        points, secret = self._admit(elements), check_scalars(scalars)
        loop, calls = self._choose("answer_rows", len(inputs))
        hashing, step = LaidHashing(self._sodium, inputs, b""), _step(secret, len(inputs))

        def work(first: int, last: int) -> int:
            with hashing.lay_out() as laid:
                given = (
                    address_of(points, first),
                    address_of(secret, first * step // 32),
                    step,
                    address_of(found, first),
                    kept,
                )
                return loop(calls, laid, hashing.at(first), *given, last - first)

        self._run(work, len(inputs), CHUNK, on_progress, lambda row: refuse_element(points, row))

    def _pair(self, name: str, first: Rows, second: Rows) -> Rows:
        whole = check_pairing(len(first), len(second), "scalars")
        one, two = check_rows(first, 32, "scalars"), check_rows(second, 32, "scalars")
        function = getattr(self._sodium.library, name)
        found = np.empty((whole, 32), np.uint8)
        loops.pair_scalars(
            function,
            address_of(one, 0),
            _step(one, whole),
            address_of(two, 0),
            _step(two, whole),
            address_of(found, 0),
            whole,
        )
        return found

    def _choose(self, name: str, rows: int) -> tuple[Loop, Calls]:
        """Return a loop, compiled or not, with what it calls."""
        if rows > MOST:
            raise Denied("blind-too-many", f"a batch: expected at most {MOST} elements, got {rows}")
        if self._compiled is None and self._is_compiled is None and rows >= WORTH_LOADING:
            self._load(required=False)
        if self._compiled is not None:
            return self._compiled[name], self._addresses
        return getattr(loops, name), self._plain_calls

    def _load(self, *, required: bool) -> None:
        if not HAS_COMPILER or not load_compiler():
            if required:
                raise StoreError("no-compiler", "compiled loops: expected the extra 'bulk' (numba), got none")
            self._is_compiled = False
            return
        from entente.store.sodium_compiled import compile_loops  # noqa: PLC0415 - it imports numba

        self._compiled = compile_loops()

    def _chunk(self, rows: int, most: int) -> int:
        """Return the rows of a chunk: every thread has one, and none is larger than ``most``."""
        return max(_FEW, min(most, -(-rows // self._threads)))

    def _run(
        self,
        work: Chunk,
        rows: int,
        most: int,
        on_progress: Progress | None,
        refuse: Callable[[int], Exception],
    ) -> None:
        """Do all rows, chunk by chunk, in the order of rows as far as anyone can see."""
        size = self._chunk(rows, most)
        starts = iter(range(0, rows, size))
        for first, bad in self._spread(work, starts, size, rows):
            if bad >= 0:
                raise refuse(first + bad)
            if on_progress is not None:
                on_progress(min(first + size, rows), rows)

    def _spread(self, work: Chunk, starts: Iterator[int], size: int, rows: int) -> Iterator[tuple[int, int]]:
        if self._threads == 1 or rows <= size:
            for first in starts:
                yield first, work(first, min(first + size, rows))
            return
        with ThreadPoolExecutor(self._threads, thread_name_prefix="blind") as pool:
            waiting: deque[tuple[int, Future[int]]] = deque()
            try:
                # A few chunks ahead: threads never wait, and an interrupt has little left to stop.
                for first in islice(starts, 2 * self._threads):
                    waiting.append((first, pool.submit(work, first, min(first + size, rows))))
                while waiting:
                    first, future = waiting.popleft()
                    bad = future.result()
                    for further in islice(starts, 1):
                        waiting.append((further, pool.submit(work, further, min(further + size, rows))))
                    yield first, bad
            finally:
                for _, future in waiting:
                    future.cancel()


def _step(batch: Rows, whole: int) -> int:
    """Return by how many bytes to go on for each row: by none where one row is for all."""
    return 0 if len(batch) == 1 and whole > 1 else 32


def _expect_for(inputs: int, scalars: int) -> None:
    if scalars not in {1, inputs}:
        raise ValueError(f"scalars: expected {inputs}, or one for all inputs, got {scalars}")


def _to_numbers(found: NDArray[Any]) -> Tags:
    return found.astype(np.uint64)


def _no_refusal(row: int) -> Exception:
    return StoreError("libsodium-refused", f"libsodium, row {row}: expected an answer, got a refusal")


def load_group(environment: Mapping[str, str] | None = None, *, threads: int = 1) -> Group:
    """Return the group on libsodium; where there is none at all, in plain Python, which its name says.

    Raises:
        StoreError: A library was named and cannot be used, or the copy of one is not what it should be.
    """
    given = os.environ if environment is None else environment
    try:
        return SodiumGroup(load_sodium(given), threads=threads)
    except StoreError as error:
        if error.code != "no-libsodium" or given.get(VARIABLE):
            raise
        return PureGroup()
