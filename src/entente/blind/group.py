"""The group that blind checks compute in: ristretto255 with SHA-512, as a port, over whole batches.

What it is for: the protocol (`entente.blind.oprf`) is a few sums over many elements. Whoever implements
`Group` does each of them as one call over arrays, so that a library's loop runs without the interpreter.
`entente.store.sodium_group` does it with libsodium, `entente.blind.pure_group` in Python for small sets.

Invariants:
  * Elements and scalars are rows of 32 bytes, (n, 32) of uint8; every accepted one has one spelling only:
    an element that is not canonical, not of the group or the identity is refused, and so is a scalar that
    is not below the order. The error names the first bad row; nothing of the batch is returned.
  * A result depends on the arguments alone: not on the implementation, nor on the number of threads.
  * Where scalars are secret, what an implementation does with them takes the same time for all of them, or
    it says that it does not.

It draws no randomness: keys, blinds and the nonce of a proof are arguments.

    >>> inputs = Inputs(tokens, domain=grid_hash)
    >>> blinded = group.blind(inputs, separation_tag, group.derive_scalars(seed, 0, len(tokens)))
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from entente.kernel.errors import Malformed

Rows: TypeAlias = NDArray[np.uint8]
"""Rows of bytes of one length, (n, length)."""
Tags: TypeAlias = NDArray[np.uint64]
"""Tags as numbers: eight bytes read with the most significant first, so that numbers sort as bytes do."""
Progress: TypeAlias = Callable[[int, int], None]
"""Called with (done, all) in the caller's thread; whatever it raises ends the work, and is raised again."""

ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""Elements of ristretto255, RFC 9496 section 4."""
ELEMENT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
HASH_BYTES: Final = 64
TAG_BYTES: Final = 8
KEY_BYTES: Final = 32
INPUT_BYTES: Final = 4_096
"""A private input is at most so long: RFC 9497 allows 65,535 bytes, tokens need 48."""
SCALARS_LABEL: Final = b"entente/blind/scalars/v1"

_ORDER_WORDS: Final = tuple(ORDER >> (64 * place) & (2**64 - 1) for place in range(4))


@dataclass(frozen=True, slots=True)
class Inputs:
    """Private inputs of the oblivious function: the bytes of each are ``domain || row``.

    Args:
        rows: (n, width), of uint8.
        domain: What all have in common, such as the hash of the agreed grid: another grid, another input,
            and no tag in common.
    """

    rows: Rows
    domain: bytes = b""

    def __post_init__(self) -> None:
        """Check the shape."""
        if self.rows.ndim != 2 or self.rows.dtype != np.uint8:
            raise ValueError(f"inputs: expected (n, width) of uint8, got {self.rows.shape} {self.rows.dtype}")
        if self.width_bytes > INPUT_BYTES:
            raise ValueError(f"inputs: expected at most {INPUT_BYTES} bytes, got {self.width_bytes}")

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def width_bytes(self) -> int:
        """Length of each input."""
        return len(self.domain) + int(self.rows.shape[1])

    def cut(self, first: int, last: int) -> Inputs:
        """Return those from ``first`` up to ``last``."""
        return Inputs(self.rows[first:last], self.domain)


class Group(Protocol):
    """ristretto255 over batches. Safe to use from several threads at once.

    Two batches of one call have one length, or one of them has one row, which then goes with every row of
    the other.

    Raises, in every method: `Malformed` for an element or scalar that the module's docstring refuses, with
    its row in ``path`` (``[17]``); ValueError for arrays of the wrong shape.
    """

    @property
    def name(self) -> str:
        """What computes: for people, in reports and in `entente doctor`."""

    @property
    def most(self) -> int:
        """Elements that it takes in one batch; more are refused with `Denied`."""

    def hash_to_group(self, inputs: Inputs, dst: bytes, on_progress: Progress | None = None) -> Rows:
        """Return the element of each input, RFC 9497 section 4.1 (hash_to_ristretto255 of RFC 9380)."""

    def blind(self, inputs: Inputs, dst: bytes, scalars: Rows, on_progress: Progress | None = None) -> Rows:
        """Return the element of each input times its scalar."""

    def tag_inputs(self, inputs: Inputs, dst: bytes, key: Rows, on_progress: Progress | None = None) -> Tags:
        """Return the first eight bytes of the function's output for each input, as the key's holder."""

    def finalize(self, inputs: Inputs, elements: Rows, scalars: Rows) -> Rows:
        """Return Finalize's 64 bytes for each input, ``scalars`` being the inverses of the blinds."""

    def tag_answers(
        self, inputs: Inputs, elements: Rows, scalars: Rows, on_progress: Progress | None = None
    ) -> Tags:
        """Return the first eight of them, as a number."""

    def multiply(self, elements: Rows, scalars: Rows, on_progress: Progress | None = None) -> Rows:
        """Return each element times its scalar. Constant time in the scalars."""

    def multiply_generator(self, scalars: Rows, on_progress: Progress | None = None) -> Rows:
        """Return the generator times each scalar. Constant time in the scalars."""

    def combine(self, elements: Rows, scalars: Rows) -> Rows:
        """Return the sum of all elements times their scalars, (1, 32), which may be the identity."""

    def check_elements(self, elements: Rows) -> None:
        """Refuse what is no element, or the identity."""

    def reduce_scalars(self, wide: Rows) -> Rows:
        """Return numbers of 64 bytes, least significant first, modulo the order; zero is possible."""

    def derive_scalars(self, seed: bytes, first: int, count: int) -> Rows:
        """Return the scalars number ``first`` and on of a seed of 32 bytes.

        Number i is SHA-512(`SCALARS_LABEL` || seed || i in eight bytes, most significant first), reduced.
        """

    def invert_scalars(self, scalars: Rows) -> Rows:
        """Return what each is to be multiplied with to give one."""

    def multiply_scalars(self, first: Rows, second: Rows) -> Rows:
        """Return the products modulo the order."""

    def subtract_scalars(self, first: Rows, second: Rows) -> Rows:
        """Return the differences modulo the order."""

    def keyed_tags(self, rows: Rows, domain: bytes, key: bytes, on_progress: Progress | None = None) -> Tags:
        """Return the first eight bytes of BLAKE2b-256 under a key of 32 bytes, of ``domain || row``.

        No oblivious function: who holds the key can try every token. For tags that a third party matches.
        """


def check_rows(rows: Rows, width: int, what: str) -> Rows:
    """Return rows of ``width`` bytes as they lie in memory one after the other; a mistake is ours."""
    if rows.ndim != 2 or rows.shape[1] != width or rows.dtype != np.uint8:
        raise ValueError(f"{what}: expected (n, {width}) of uint8, got {rows.shape} {rows.dtype}")
    return np.ascontiguousarray(rows)


def check_pairing(first: int, second: int, what: str) -> int:
    """Return the length of a batch made of two, one of which may be a single row for all."""
    if first != second and 1 not in {first, second}:
        raise ValueError(f"{what}: expected batches of one length, got {first} and {second}")
    return first if second == 1 else second


def check_scalars(scalars: Rows, what: str = "scalar") -> Rows:
    """Return scalars that lie from 1 up to the order.

    SECURITY: a library multiplies by s and by s + order alike: accepted, a proof would have two spellings.
    """
    checked = check_rows(scalars, SCALAR_BYTES, what)
    words = checked.view("<u8").reshape(-1, 4)
    below = np.zeros(len(words), bool)
    for place in range(4):
        limit = np.uint64(_ORDER_WORDS[place])
        below = (words[:, place] < limit) | ((words[:, place] == limit) & below)
    bad = np.flatnonzero(~below | ~words.any(axis=1))
    if len(bad):
        raise Malformed(
            "blind-scalar",
            f"{what}: expected a number from 1 up to the order of the group, in 32 bytes, got another",
            path=f"[{bad[0]}]",
        )
    return checked


def refuse_element(elements: Rows, row: int, what: str = "element") -> Malformed:
    """Return the error about one row."""
    return Malformed(
        "blind-element",
        f"{what}: expected the canonical bytes of an element other than the identity,"
        f" got {elements[row].tobytes().hex()!r}",
        path=f"[{row}]",
    )


def rows_of(*values: bytes) -> Rows:
    """Return byte strings of one length as rows."""
    if len({len(each) for each in values}) != 1:
        raise ValueError(f"rows: expected strings of one length, got {[len(each) for each in values]}")
    return np.frombuffer(b"".join(values), np.uint8).reshape(len(values), -1).copy()


def read_tags(rows: Rows) -> Tags:
    """Return the first eight bytes of each row as tags."""
    return np.ascontiguousarray(rows[:, :TAG_BYTES]).view(">u8").reshape(-1).astype(np.uint64)
