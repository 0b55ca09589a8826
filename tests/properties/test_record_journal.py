"""Whatever happens to a journal's bytes: nothing wrong is read, nothing answered is cut in silence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from entente.kernel.errors import EntenteError, StoreError
from entente.record import Tail, Tree, encode_frame, encode_journal_header, leaf_hash, restore_journal
from tests.unit.test_record_samples import LOG, ORIGIN, sign_tree

ENTRY = st.binary(max_size=400) | st.sampled_from((b"", bytes(600), b"\xc3\x28frame\n" * 8))
BATCHES = st.lists(st.lists(ENTRY, max_size=4), min_size=1, max_size=4)


def write(batches: list[list[bytes]]) -> tuple[bytes, list[int], list[bytes]]:
    data, chain = encode_journal_header(ORIGIN)
    ends, tree = [len(data)], Tree()
    for batch in batches:
        tree.extend([leaf_hash(entry) for entry in batch])
        frame, chain = encode_frame(chain, batch, sign_tree(tree))
        data += frame
        ends.append(len(data))
    return data, ends, [entry for batch in batches for entry in batch]


def read(data: bytes) -> tuple[list[bytes], int, Tail]:
    seen: list[bytes] = []
    restored = restore_journal(data, LOG.key, on_frame=lambda frame, _: seen.extend(frame.entries))
    assert restored.tree.size == len(seen)
    return seen, restored.good_end, restored.tail


@given(BATCHES)
def test_what_was_written_is_read(batches: list[list[bytes]]) -> None:
    data, _, entries = write(batches)
    assert read(data) == (entries, len(data), Tail.CLEAN)


@given(BATCHES, st.data())
def test_write_that_stopped_anywhere_is_cut_back_to_the_last_flush(
    batches: list[list[bytes]], data: st.DataObject
) -> None:
    whole, ends, entries = write(batches)
    length = data.draw(st.integers(ends[0], len(whole)))
    seen, good_end, tail = read(whole[:length])
    assert good_end == max(end for end in ends if end <= length)
    assert seen == entries[: len(seen)]
    assert (tail is Tail.CLEAN) == (good_end == length)


@given(BATCHES, st.data())
def test_flipped_bits_below_the_end_are_damage_or_a_cut_but_never_a_wrong_entry(
    batches: list[list[bytes]], data: st.DataObject
) -> None:
    whole, ends, entries = write(batches)
    damaged = bytearray(whole)
    for place in data.draw(st.lists(st.integers(0, len(whole) - 1), min_size=1, max_size=4, unique=True)):
        damaged[place] ^= data.draw(st.integers(1, 255))
    length = data.draw(st.sampled_from((len(whole), len(whole) - 1, ends[-2] + 1)))
    try:
        seen, good_end, tail = read(bytes(damaged[:length]))
    except StoreError:
        return
    assert seen == entries[: len(seen)]
    if length == len(whole):
        # It was cut: then the last frame has a sector of zeros by itself, and nothing else is gone.
        assert (good_end, tail) == (ends[-2], Tail.TORN)


@given(BATCHES, st.data())
def test_damage_below_a_later_frame_is_never_cut(batches: list[list[bytes]], data: st.DataObject) -> None:
    whole, ends, _ = write([*batches, [b"the last one"]])
    start = data.draw(st.integers(ends[0], ends[-2] - 1))
    end = data.draw(st.integers(start + 1, ends[-2]))
    damaged = whole[:start] + bytes(end - start) + whole[end:]
    if damaged != whole:
        with pytest.raises(StoreError):
            read(damaged)


@given(BATCHES, st.binary(max_size=300))
def test_bytes_behind_the_last_frame_never_become_entries(batches: list[list[bytes]], more: bytes) -> None:
    whole, _, entries = write(batches)
    try:
        seen, good_end, _ = read(whole + more)
    except StoreError:
        return
    assert (seen, good_end) == (entries, len(whole))


@given(st.binary(max_size=400))
def test_any_bytes_as_a_journal_give_our_error(raw: bytes) -> None:
    with pytest.raises(EntenteError):
        read(raw)
    header, _ = encode_journal_header(ORIGIN)
    try:
        seen, good_end, _ = read(header + raw)
    except StoreError:
        return
    assert (seen, good_end) == ([], len(header))
