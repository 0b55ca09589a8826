"""Beliefs: what a recipient, or a pool of them, holds likely about a secret after everything it was given.

What it is for: the prior, times one row of likelihoods for each item. Two shapes of one item are one
observation: the row of the first is taken out, the row of what both say together is put in. The ledger keeps
a belief as bytes and reads it back in one step, however long the series.

Invariants:
  * In logarithms, each sum kept to twice the digits of a float, scaled so that the likeliest is 0: a million
    rows neither underflow nor drift (tests/unit/test_release_belief.py).
  * What was ruled out is counted, never a logarithm of 0: taking out a row that ruled something out brings it
    back exactly.
  * ``parse_belief(encode_belief(b), h)`` is ``b`` to the last bit. A belief is of one set of hypotheses, by
    its digest; another set's is refused.

It does not know items, shapes or recipients.

    >>> belief = Belief.start(hypotheses).updated(None, hypotheses.row(shape))
    >>> belief.posterior.sum()
    1.0
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np

from entente.kernel.errors import Denied, Malformed
from entente.release.exposure.disc import Flags, Floats, Ints

MAX_ITEMS: Final = 2**53
_MAGIC: Final = b"entente-belief-1"
_HEAD: Final = struct.Struct("<16s32sQQ")


class Hypotheses(Protocol):
    """What a belief needs of a set of hypotheses."""

    @property
    def digest(self) -> bytes:
        """SHA-256 of everything that its rows depend on."""
        ...

    @property
    def prior(self) -> Floats:
        """The prior, positive, summing to 1."""
        ...


@dataclass(frozen=True, slots=True, eq=False)
class Belief:
    """A posterior, and from how many items.

    Args:
        digest: Of the set of hypotheses.
        items: How many items' rows are in it.
        high, low: Logarithms of unscaled likelihood times prior, in two parts.
        ruled_out: How many items rule each hypothesis out.
    """

    digest: bytes
    items: int
    high: Floats
    low: Floats
    ruled_out: Ints

    @classmethod
    def start(cls, hypotheses: Hypotheses) -> Belief:
        """Return the prior."""
        count = len(hypotheses.prior)
        return cls._scaled(
            hypotheses.digest, 0, np.log(hypotheses.prior), np.zeros(count), np.zeros(count, np.int64)
        )

    @classmethod
    def _scaled(cls, digest: bytes, items: int, high: Floats, low: Floats, ruled_out: Ints) -> Belief:
        is_possible = ruled_out == 0
        top = float(high[is_possible].max()) if is_possible.any() else float(high.max())
        high, error = _add(high, np.full(len(high), -top))
        high, low = _add(high, low + error)
        return cls(digest, items, high, low, ruled_out)

    @property
    def is_possible(self) -> Flags:
        """Which hypotheses nothing has ruled out."""
        return np.asarray(self.ruled_out == 0)

    @property
    def posterior(self) -> Floats:
        """The belief as chances that sum to 1."""
        return self.chances(0.0)

    def chances(self, least: float) -> Floats:
        """Return chances, of what is possible never less than ``least`` times the likeliest."""
        is_possible = self.is_possible
        weights = np.where(is_possible, np.exp(np.minimum(self.high + self.low, 0.0)), 0.0)
        if least:
            weights = np.where(is_possible, np.maximum(weights, least), 0.0)
        return np.asarray(weights / weights.sum())

    def updated(self, old_row: Floats | None, new_row: Floats) -> Belief:
        """Return the belief with one item's row put in, or put in place of its old one.

        Raises:
            Denied: No hypothesis that is still possible explains the item: the catalogue is wrong about
                something, and no figure computed from it would mean anything.
        """
        if old_row is None:
            return self._with(new_row, 1)
        return self.without(old_row)._with(new_row, 0)  # noqa: SLF001 - another of its own kind

    def without(self, row: Floats) -> Belief:
        """Return the belief with one item's row taken out, the item still counted."""
        high, low, ruled_out = self._shifted(row, -1)
        if ruled_out.min() < 0:
            raise ValueError("row: expected one that is in the belief, got another")
        return Belief._scaled(self.digest, self.items, high, low, ruled_out)

    def _with(self, row: Floats, added: int) -> Belief:
        high, low, ruled_out = self._shifted(row, 1)
        if not (ruled_out == 0).any():
            raise Denied(
                "unexplained",
                "item: expected some hypothesis that explains it and what was released before, got none",
            )
        return Belief._scaled(self.digest, self.items + added, high, low, ruled_out)

    def updated_by_many(self, rows: Floats) -> Belief:
        """Return the belief with many items' rows put in: a ledger computed again. One row an item."""
        logs, is_zero = _logs(rows.ravel(), self.high.size)
        logs, is_zero = logs.reshape(rows.shape), is_zero.reshape(rows.shape)
        high, error = _add(self.high, logs.sum(axis=0))
        ruled_out = self.ruled_out + is_zero.sum(axis=0)
        if not (ruled_out == 0).any():
            raise Denied("unexplained", f"{len(rows)} items: expected some hypothesis that explains all")
        return Belief._scaled(self.digest, self.items + len(rows), high, self.low + error, ruled_out)

    def _shifted(self, row: Floats, sign: int) -> tuple[Floats, Floats, Ints]:
        logs, is_zero = _logs(row, self.high.size)
        high, error = _add(self.high, sign * logs)
        return high, self.low + error, self.ruled_out + sign * is_zero


def encode_belief(belief: Belief) -> bytes:
    """Return a belief as the ledger keeps it."""
    head = _HEAD.pack(_MAGIC, belief.digest, belief.items, len(belief.high))
    parts = (belief.high.astype("<f8"), belief.low.astype("<f8"), belief.ruled_out.astype("<i8"))
    return head + b"".join(part.tobytes() for part in parts)


def parse_belief(data: bytes, hypotheses: Hypotheses) -> Belief:
    """Return a belief that the ledger kept, or raise `Malformed` if it is of other hypotheses."""
    count = len(hypotheses.prior)
    expected = _HEAD.size + 24 * count
    if len(data) != expected:
        raise Malformed("bad-belief", f"belief: expected {expected} bytes, got {len(data)}")
    magic, digest, items, held = _HEAD.unpack_from(data)
    if magic != _MAGIC or held != count or items > MAX_ITEMS:
        raise Malformed("bad-belief", f"belief: expected form {_MAGIC!r} of {count} hypotheses")
    if digest != hypotheses.digest:
        raise Malformed(
            "other-hypotheses",
            f"belief: expected of hypotheses {hypotheses.digest.hex()[:16]}, got {digest.hex()[:16]}: "
            "the catalogue changed, compute it again from the ledger",
        )
    high = np.frombuffer(data, "<f8", count, _HEAD.size).astype(np.float64)
    low = np.frombuffer(data, "<f8", count, _HEAD.size + 8 * count).astype(np.float64)
    ruled_out = np.frombuffer(data, "<i8", count, _HEAD.size + 16 * count).astype(np.int64)
    if not (np.isfinite(high).all() and np.isfinite(low).all() and (ruled_out >= 0).all()):
        raise Malformed("bad-belief", "belief: expected finite numbers and counts from 0")
    is_possible = ruled_out == 0
    # SECURITY: as it is written, the likeliest of what is possible has logarithm 0; without one there would
    # be no chances to compare with a budget (tests/unit/test_release_belief.py).
    if not is_possible.any() or abs(float((high + low)[is_possible].max())) > 1e-6:
        raise Malformed("bad-belief", "belief: expected something possible, the likeliest scaled to 1")
    return Belief(digest, items, high, low, ruled_out)


def _logs(row: Floats, count: int) -> tuple[Floats, Ints]:
    if row.size % count or not np.isfinite(row).all() or (row < 0.0).any():
        raise ValueError(f"row: expected {count} finite likelihoods from 0, got {row.size} of them")
    is_zero = row == 0.0
    return np.log(np.where(is_zero, 1.0, row)), is_zero.astype(np.int64)


def _add(a: Floats, b: Floats) -> tuple[Floats, Floats]:
    """Return the rounded sum and what rounding lost, exactly (Knuth's TwoSum)."""
    total = a + b
    back = total - a
    return total, (a - (total - back)) + (b - back)
