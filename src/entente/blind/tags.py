"""Tags on the wire: the key holder's sorted set, and looking the asker's up in it.

What it is for: one side publishes eight bytes for each of its tokens; the other looks for its own. Two
encodings of one set: eight bytes each, or Elias-Fano of their first bits, 4.25 bytes each.

Invariants:
  * A set has one encoding in each form; decoding gives a set that is sorted and without duplicates, or
    `Malformed`. Any bytes are decoded or refused, and no more memory is taken than their length allows.
  * No encoding loses a tag: what is in the set is found. A tag that is not in it is taken for one of n with
    a chance of n / 2^64, in the compact form with 2^-32 at most.
  * The compact form's length depends on the number of tags alone, so that it shows no more than that.

It makes no tags (`oprf`, `Group.keyed_tags`), and does not pad.

    >>> held = parse_tags(encode_tags(tags))
    >>> find_tags(held, asked)
    array([3, 17])
"""

from __future__ import annotations

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from entente.blind.group import TAG_BYTES, Tags
from entente.kernel.errors import Malformed

Bits: TypeAlias = NDArray[np.uint8]

MOST_TAGS: Final = 20_000_000
"""In one set; 160 MB. A larger one is no plan of one party for one epoch."""
COMPACT_BITS: Final = 32
"""The compact form keeps so many bits more of a tag than the number of tags has: a chance of 2^-32 at most
for each tag that is looked up."""
_LABEL: Final = b"EF"
_HEADER_BYTES: Final = 8


def make_held(tags: Tags) -> Tags:
    """Return a set of tags as it is encoded: sorted, each once."""
    # numpy's own `unique` hashes, and takes 60 times as long as a sort of a million.
    ordered = np.sort(tags)
    is_first = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=is_first[1:])
    return ordered if is_first.all() else ordered[is_first]


def encode_tags(held: Tags) -> bytes:
    """Return a set in eight bytes for each tag, most significant byte first, in order."""
    _expect_set(held)
    return held.astype(">u8").tobytes()


def parse_tags(raw: bytes) -> Tags:
    """Return the set that `encode_tags` gave."""
    if len(raw) % TAG_BYTES or len(raw) > MOST_TAGS * TAG_BYTES:
        raise Malformed(
            "blind-tags",
            f"tags: expected a multiple of {TAG_BYTES} bytes, up to {MOST_TAGS * TAG_BYTES}, got {len(raw)}",
        )
    held = np.frombuffer(raw, ">u8").astype(np.uint64)
    _refuse_disorder(held)
    return held


def is_in(tags: Tags, ascending: Tags) -> NDArray[np.bool_]:
    """Return, for each tag, whether it is in a list that ascends."""
    if not len(ascending):
        return np.zeros(len(tags), bool)
    place = np.minimum(np.searchsorted(ascending, tags), len(ascending) - 1)
    found: NDArray[np.bool_] = ascending[place] == tags
    return found


def find_tags(held: Tags, asked: Tags) -> NDArray[np.int64]:
    """Return the rows of ``asked`` whose tags are in the sorted set ``held``."""
    return np.flatnonzero(is_in(asked, held))


class CompactTags:
    """A set in Elias-Fano's form: what stands in the tags' first bits, in 34 bits for each.

    Args:
        kept: The first bits of each tag as numbers, sorted; two tags may have the same.
        width_bits: How many bits those are.
    """

    __slots__ = ("kept", "width_bits")

    def __init__(self, kept: Tags, width_bits: int) -> None:
        self.kept = kept
        self.width_bits = width_bits

    def __len__(self) -> int:
        return len(self.kept)

    def find(self, asked: Tags) -> NDArray[np.int64]:
        """Return the rows of ``asked`` whose first bits are in the set."""
        return find_tags(self.kept, asked >> np.uint64(64 - self.width_bits))


def encode_compact(held: Tags) -> bytes:
    """Return a set in Elias-Fano's form.

    A header (``EF``, the number of low bits, a zero, the number of tags in four bytes); the low 32 bits of
    each kept tag, most significant byte first; then the high bits in unary, a 1 for each tag and a 0 for
    each step of the high bits, first bit first, filled up with zeros to a whole byte.
    """
    _expect_set(held)
    width = _width_bits(len(held))
    kept = held >> np.uint64(64 - width) if len(held) else held
    low = (kept & np.uint64(2**COMPACT_BITS - 1)).astype(">u4").tobytes()
    high = (kept >> np.uint64(COMPACT_BITS)).astype(np.int64)
    unary = np.zeros(_unary_bits(len(held)), np.uint8)
    unary[high + np.arange(len(held))] = 1
    header = _LABEL + bytes((COMPACT_BITS, 0)) + len(held).to_bytes(4, "big")
    return header + low + np.packbits(unary).tobytes()


def parse_compact(raw: bytes) -> CompactTags:
    """Return the set that `encode_compact` gave."""
    if len(raw) < _HEADER_BYTES or raw[:4] != _LABEL + bytes((COMPACT_BITS, 0)):
        raise Malformed("blind-tags", f"compact tags: expected the header of 8 bytes, got {raw[:8].hex()!r}")
    count = int.from_bytes(raw[4:8], "big")
    # The length is checked before anything of the stated size is made.
    expected = compact_bytes(count)
    if count > MOST_TAGS or len(raw) != expected:
        raise Malformed(
            "blind-tags", f"{count} compact tags: expected {expected} bytes for them, got {len(raw)}"
        )
    middle = _HEADER_BYTES + 4 * count
    low = np.frombuffer(raw[_HEADER_BYTES:middle], ">u4").astype(np.uint64)
    unary = np.unpackbits(np.frombuffer(raw[middle:], np.uint8))
    ones = np.flatnonzero(unary)
    if len(ones) != count or (count and int(ones[-1]) >= _unary_bits(count)):
        raise Malformed(
            "blind-tags", f"{count} compact tags: expected as many ones in their unary part, got {len(ones)}"
        )
    high = (ones - np.arange(count)).astype(np.uint64)
    kept = high << np.uint64(COMPACT_BITS) | low
    if (kept[1:] < kept[:-1]).any():
        row = int(np.argmax(kept[1:] < kept[:-1])) + 1
        raise Malformed(
            "blind-tags", "compact tags: expected them sorted, got one out of order", path=f"[{row}]"
        )
    return CompactTags(kept, _width_bits(count))


def compact_bytes(count: int) -> int:
    """Return the length of the compact form of so many tags."""
    return _HEADER_BYTES + 4 * count + -(-_unary_bits(count) // 8)


def _width_bits(count: int) -> int:
    """Return how many first bits of each tag are kept: so many that the low ones are 32."""
    return min(64, COMPACT_BITS + max(count - 1, 0).bit_length())


def _unary_bits(count: int) -> int:
    """Return the bits of the unary part: a 1 for each tag, and a 0 for each step between high bits."""
    return count + (1 << max(count - 1, 0).bit_length()) - 1 if count else 0


def _expect_set(held: Tags) -> None:
    if held.ndim != 1 or held.dtype != np.uint64:
        raise ValueError(f"tags: expected (n,) of uint64, got {held.shape} {held.dtype}")
    if len(held) > MOST_TAGS:
        raise ValueError(f"tags: expected at most {MOST_TAGS}, got {len(held)}")
    if (held[1:] <= held[:-1]).any():
        raise ValueError("tags: expected them sorted and each once; see make_held")


def _refuse_disorder(held: Tags) -> None:
    disorder = np.flatnonzero(held[1:] <= held[:-1])
    if len(disorder):
        row = int(disorder[0]) + 1
        raise Malformed(
            "blind-tags", "tags: expected each larger than the one before, got another order", path=f"[{row}]"
        )
