"""Tags on the wire: one encoding each, nothing lost, and hostile bytes refused."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.blind.tags import (
    MOST_TAGS,
    compact_bytes,
    encode_compact,
    encode_tags,
    find_tags,
    make_held,
    parse_compact,
    parse_tags,
)
from entente.kernel.errors import Malformed

ANY_TAGS = st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 40), max_size=200).map(
    lambda values: make_held(np.array(values, np.uint64))
)


@given(ANY_TAGS)
def test_sets_come_back_as_they_were(held: np.ndarray) -> None:
    assert parse_tags(encode_tags(held)).tolist() == held.tolist()
    compact = parse_compact(encode_compact(held))
    assert len(compact) == len(held)
    assert compact.kept.tolist() == [each >> (64 - compact.width_bits) for each in held.tolist()]
    assert compact.find(held).tolist() == list(range(len(held)))


def test_tags_sort_as_their_bytes_do() -> None:
    tags = np.array([256, 255, 2**63, 1], np.uint64)
    raw = encode_tags(make_held(tags))
    pieces = [raw[place : place + 8] for place in range(0, len(raw), 8)]
    assert pieces == sorted(pieces)
    assert pieces[0] == bytes(7) + b"\x01"


@pytest.mark.parametrize("count", (0, 1, 5, 50, 200, 10_000))
def test_what_is_held_is_found_and_little_else(count: int) -> None:
    rng = np.random.default_rng(count)
    held = make_held(rng.integers(0, 2**64, count, np.uint64))
    other = rng.integers(0, 2**64, 1_000, np.uint64)
    asked = np.concatenate((other, held))
    expected = list(range(1_000, 1_000 + count))
    assert find_tags(held, asked).tolist() == expected
    assert parse_compact(encode_compact(held)).find(asked).tolist() == expected
    assert len(encode_compact(held)) == compact_bytes(count)


def test_a_million_tags_take_four_and_a_quarter_bytes_each() -> None:
    assert compact_bytes(1_000_000) / 1_000_000 == pytest.approx(4.256, abs=0.001)


@pytest.mark.parametrize(
    "raw",
    (
        b"\x00" * 7,
        b"\x00" * 9,
        bytes(16),  # the same tag twice
        bytes(7) + b"\x02" + bytes(7) + b"\x01",  # not in order
    ),
    ids=("short", "long", "twice", "disorder"),
)
def test_what_is_no_sorted_set_is_refused(raw: bytes) -> None:
    with pytest.raises(Malformed, match="tags: expected"):
        parse_tags(raw)


@pytest.mark.parametrize("place", range(8))
def test_a_changed_header_of_the_compact_form_is_refused(place: int) -> None:
    raw = bytearray(encode_compact(np.arange(1, 101, dtype=np.uint64) << np.uint64(40)))
    raw[place] ^= 0x41
    with pytest.raises(Malformed, match="compact tags: expected"):
        parse_compact(bytes(raw))


def test_a_compact_form_that_encoding_never_gives_is_refused() -> None:
    raw = bytearray(encode_compact(np.array([1 << 31, 2 << 31], np.uint64)))
    raw[8:16] = raw[12:16] + raw[8:12]
    with pytest.raises(Malformed, match="one out of order"):
        parse_compact(bytes(raw))
    raw = bytearray(encode_compact(np.array([0, 1 << 63], np.uint64)))
    assert raw[-1] == 0b10100000
    # As many ones as before, the last of them in the bits that only fill the byte.
    raw[-1] = 0b10000100
    with pytest.raises(Malformed, match="as many ones"):
        parse_compact(bytes(raw))


@given(ANY_TAGS, st.data())
def test_no_two_compact_encodings_are_one_set(held: np.ndarray, data: st.DataObject) -> None:
    raw = encode_compact(held)
    bit = data.draw(st.integers(0, 8 * len(raw) - 1))
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    try:
        found = parse_compact(bytes(changed))
    except Malformed:
        return
    assert found.kept.tolist() != parse_compact(raw).kept.tolist()
    assert (found.kept >> np.uint64(found.width_bits)).max(initial=0) == 0 or found.width_bits == 64


@given(st.binary(max_size=64) | st.binary(max_size=64).map(lambda tail: b"EF\x20\x00\x00\x00\x00" + tail))
def test_any_bytes_are_a_set_or_refused(raw: bytes) -> None:
    for parse in (parse_tags, parse_compact):
        try:
            parse(raw)
        except Malformed:
            continue


def test_a_stated_number_takes_no_memory() -> None:
    raw = b"EF\x20\x00" + MOST_TAGS.to_bytes(4, "big")
    tracemalloc.start()
    try:
        with pytest.raises(Malformed, match=r"20000000 compact tags: expected .* got 8"):
            parse_compact(raw)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


def test_our_own_mistakes_are_no_peers_faults() -> None:
    with pytest.raises(ValueError, match="make_held"):
        encode_tags(np.array([2, 1], np.uint64))
    with pytest.raises(ValueError, match="make_held"):
        encode_compact(np.array([1, 1], np.uint64))
