from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

import pytest

from entente.kernel.errors import Fork, StoreError
from entente.kernel.keys import SigningKey
from entente.record import (
    Checkpoint,
    Frame,
    NoteSigner,
    Tail,
    Tree,
    encode_frame,
    encode_journal_header,
    iter_frames,
    leaf_hash,
    parse_journal_header,
    restore_journal,
    sign_checkpoint,
    verify_checkpoint,
    verify_fork,
)
from entente.record.journal import FRAME_HEAD_BYTES, MAX_FRAME_BYTES, FrameChain
from tests.unit.test_record_samples import LOG, ORIGIN, make_entry, make_seed, make_tree, sign_tree, verified


@dataclass
class Journal:
    data: bytes
    ends: list[int]
    entries: list[bytes]


def write_journal(*batches: int, signer: NoteSigner = LOG, entries: list[bytes] | None = None) -> Journal:
    data, chain = encode_journal_header(ORIGIN)
    ends, tree = [len(data)], Tree()
    pool = entries if entries is not None else [make_entry(index) for index in range(sum(batches))]
    for batch in batches:
        mine = pool[tree.size : tree.size + batch]
        tree.extend([leaf_hash(entry) for entry in mine])
        frame, chain = encode_frame(chain, mine, sign_tree(tree, signer=signer))
        data += frame
        ends.append(len(data))
    return Journal(data, ends, pool)


def test_journal_reads_back_what_was_written() -> None:
    journal = write_journal(3, 1, 0, 256, 5)
    seen: list[bytes] = []
    restored = restore_journal(
        journal.data, LOG.key, on_frame=lambda frame, _leaves: seen.extend(frame.entries), thorough=True
    )
    assert seen == journal.entries
    assert restored.tree.root() == make_tree(265).root()
    assert restored.checkpoint is not None
    assert (restored.checkpoint.size, restored.tail, restored.frames) == (265, Tail.CLEAN, 5)
    assert restored.good_end == len(journal.data)
    assert [frame.end for frame in iter_frames(journal.data)] == journal.ends[1:]


def test_restored_journal_can_be_continued() -> None:
    journal = write_journal(3, 4)
    restored = restore_journal(journal.data, LOG.key)
    tree = restored.tree
    tree.append(leaf_hash(b"next"))
    frame, _ = encode_frame(restored.chain, [b"next"], sign_tree(tree))
    assert restore_journal(journal.data + frame, LOG.key).tree.size == 8


def test_journal_without_frames_is_an_empty_record() -> None:
    restored = restore_journal(write_journal().data, LOG.key)
    assert (restored.tree.size, restored.checkpoint, restored.tail) == (0, None, Tail.CLEAN)


def test_truncation_at_every_byte_loses_only_the_unfinished_frame() -> None:
    journal = write_journal(3, 2, 2)
    for length in range(journal.ends[0], len(journal.data)):
        restored = restore_journal(journal.data[:length], LOG.key)
        good = max(end for end in journal.ends if end <= length)
        assert restored.good_end == good
        assert restored.tail is (Tail.CLEAN if good == length else Tail.TORN)
        assert restored.tree.root() == make_tree(restored.tree.size).root()


def test_truncated_header_is_no_journal() -> None:
    journal = write_journal(1)
    for length in range(journal.ends[0]):
        with pytest.raises(StoreError, match="journal"):
            restore_journal(journal.data[:length], LOG.key)


def test_every_flipped_bit_of_a_whole_journal_is_damage() -> None:
    # Nothing here is an unfinished write: every frame was flushed, and somebody may rest on the last one.
    journal = write_journal(2, 1, 1)
    for place in range(len(journal.data)):
        damaged = bytearray(journal.data)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(StoreError) as caught:
            restore_journal(damaged, LOG.key)
        assert caught.value.code in ("journal-damaged", "journal-header")


def test_unwritten_sector_in_the_last_frame_is_a_torn_write() -> None:
    journal = write_journal(3, 90)
    assert journal.ends[-1] - journal.ends[-2] > 1024
    start = (journal.ends[1] // 512 + 1) * 512
    holed = bytearray(journal.data)
    holed[start : start + 512] = bytes(512)
    restored = restore_journal(holed, LOG.key)
    assert (restored.tree.size, restored.tail, restored.good_end) == (3, Tail.TORN, journal.ends[1])


def test_zeros_after_the_last_frame_are_a_torn_write() -> None:
    journal = write_journal(3)
    restored = restore_journal(journal.data + bytes(4096), LOG.key)
    assert (restored.tail, restored.good_end) == (Tail.TORN, len(journal.data))


def test_hole_below_a_later_frame_is_damage() -> None:
    journal = write_journal(3, 90, 1)
    start = (journal.ends[1] // 512 + 1) * 512
    holed = bytearray(journal.data)
    holed[start : start + 512] = bytes(512)
    with pytest.raises(StoreError, match="got altered bytes below byte"):
        restore_journal(holed, LOG.key)


def test_unwritten_head_below_a_later_frame_is_damage() -> None:
    journal = write_journal(3, 2, 1)
    start = journal.ends[1]
    holed = journal.data[:start] + bytes(FRAME_HEAD_BYTES) + journal.data[start + FRAME_HEAD_BYTES :]
    with pytest.raises(StoreError, match="expected the end, got a signed frame behind it"):
        restore_journal(holed, LOG.key)


def test_entry_that_looks_like_an_old_frame_does_not_block_recovery() -> None:
    # A party that mirrors the journal's public parts can build an intact old frame and submit it as an entry.
    old = write_journal(1)
    copy = old.data[old.ends[0] :]
    journal = write_journal(1, 2, entries=[make_entry(0), copy, b"after it"])
    unwritten_head = journal.data[: journal.ends[1]] + bytes(FRAME_HEAD_BYTES)
    unwritten_head += journal.data[len(unwritten_head) :]
    for torn in (journal.data[:-5], unwritten_head):
        assert copy in torn
        restored = restore_journal(torn, LOG.key)
        assert (restored.tree.size, restored.tail) == (1, Tail.TORN)


def test_more_than_one_unfinished_frame_is_damage() -> None:
    journal = write_journal(1)
    with pytest.raises(StoreError, match="expected at most one unfinished frame"):
        restore_journal(journal.data + bytes(MAX_FRAME_BYTES + 600_000), LOG.key)


def test_dropped_frame_is_damage() -> None:
    journal = write_journal(2, 2, 2)
    cut = journal.data[: journal.ends[1]] + journal.data[journal.ends[2] :]
    with pytest.raises(StoreError, match="expected the chain value of the frame before"):
        restore_journal(cut, LOG.key)


def test_repeated_frame_is_damage() -> None:
    journal = write_journal(2, 2)
    with pytest.raises(StoreError, match="journal-damaged"):
        restore_journal(journal.data + journal.data[journal.ends[1] :], LOG.key)


def test_rewritten_entry_with_a_repaired_chain_is_found_by_the_root() -> None:
    # Whoever can write the file can compute the chain anew, but not the log's signature over another root.
    data, chain = encode_journal_header(ORIGIN)
    tree = Tree()
    for batch in ([b"a", b"b"], [b"c"], [b"d"]):
        tree.extend([leaf_hash(entry) for entry in batch])
        forged = [b"X"] if batch == [b"c"] else batch
        frame, chain = encode_frame(chain, forged, sign_tree(tree))
        data += frame
    with pytest.raises(StoreError, match=r"size 3: expected root .* from its entries") as caught:
        restore_journal(data, LOG.key)
    assert caught.value.code == "journal-root"


def test_frame_signed_by_another_key_is_refused() -> None:
    journal = write_journal(2, signer=NoteSigner(SigningKey(ORIGIN, make_seed("impostor"))))
    with pytest.raises(StoreError) as caught:
        restore_journal(journal.data, LOG.key)
    assert caught.value.code == "journal-signature"


def test_thorough_reading_finds_a_bad_checkpoint_in_the_middle() -> None:
    # The last root covers every entry, so that a quick start may go on; an audit of the file may not.
    data, chain = encode_journal_header(ORIGIN)
    tree = Tree()
    impostor = NoteSigner(SigningKey(ORIGIN, make_seed("impostor")))
    for signer in (LOG, impostor, LOG):
        tree.append(leaf_hash(make_entry(tree.size)))
        frame, chain = encode_frame(chain, [make_entry(tree.size - 1)], sign_tree(tree, signer=signer))
        data += frame
    assert restore_journal(data, LOG.key).tree.size == 3
    with pytest.raises(StoreError, match="size 2: note: expected a signature by"):
        restore_journal(data, LOG.key, thorough=True)


def test_journal_of_another_origin_is_refused() -> None:
    other = NoteSigner(SigningKey("other.example", make_seed("log")))
    with pytest.raises(StoreError, match=r"expected origin 'other.example'"):
        restore_journal(write_journal(1).data, other.key)


def test_frame_whose_checkpoint_does_not_cover_it_is_damage() -> None:
    data, chain = encode_journal_header(ORIGIN)
    note = sign_checkpoint(Checkpoint("other.example", 1, make_tree(1).root()), LOG)
    frame, _ = encode_frame(chain, [make_entry(0)], note)
    with pytest.raises(StoreError, match=r"expected a checkpoint of 'center.example/record' of size 1"):
        restore_journal(data + frame, LOG.key)
    frame, _ = encode_frame(chain, [make_entry(0)], sign_tree(make_tree(3)))
    with pytest.raises(StoreError, match="expected first index 0, got 2"):
        restore_journal(data + frame, LOG.key)
    with pytest.raises(ValueError, match="expected a checkpoint that covers"):
        encode_frame(chain, [make_entry(0), make_entry(1)], sign_tree(make_tree(1)))


def test_restore_from_an_old_backup_refuses_to_go_on() -> None:
    journal = write_journal(3, 4)
    old = journal.data[: journal.ends[1]]
    with pytest.raises(
        StoreError, match="expected size >= 7, which is signed and known elsewhere, got 3"
    ) as caught:
        restore_journal(old, LOG.key, known=[verified(make_tree(7))])
    assert caught.value.code == "journal-behind"
    assert (
        restore_journal(old, LOG.key, known=[verified(make_tree(3)), verified(make_tree(2))]).tree.size == 3
    )


def test_known_checkpoint_of_another_history_is_a_fork_with_evidence() -> None:
    journal = write_journal(3, 4)
    for size in (1, 2, 3, 4, 6, 7):
        other = verify_checkpoint(sign_tree(make_tree(size, branch=b"!")), LOG.key)
        with pytest.raises(Fork) as caught:
            restore_journal(journal.data, LOG.key, known=[other])
        assert verify_fork(caught.value.evidence, LOG.key).code == "log-forked"


def test_header_with_a_wrong_digest_is_refused() -> None:
    header, chain = encode_journal_header(ORIGIN)
    assert parse_journal_header(header).chain == chain == sha256(header[:-32]).digest()
    with pytest.raises(StoreError, match="expected its SHA-256 behind it"):
        parse_journal_header(header[:-1] + bytes((header[-1] ^ 1,)))
    with pytest.raises(StoreError, match="expected b'entente journal"):
        parse_journal_header(b"x" + header[1:])


def test_frames_stop_where_the_good_bytes_end() -> None:
    journal = write_journal(2, 2)
    frames: list[Frame] = list(iter_frames(memoryview(journal.data)[: journal.ends[1] + FRAME_HEAD_BYTES]))
    assert [(frame.first_index, frame.size) for frame in frames] == [(0, 2)]


# Frames that are kept apart, as rows of a table are


def cut_frames(journal: Journal) -> list[bytes]:
    return [journal.data[start:end] for start, end in pairwise(journal.ends)]


def test_frames_that_are_kept_apart_are_those_of_the_file() -> None:
    journal = write_journal(3, 1, 0, 256, 5)
    chain = FrameChain(parse_journal_header(journal.data))
    assert [chain.read_whole(data) for data in cut_frames(journal)] == list(iter_frames(journal.data))
    assert (chain.place, chain.size) == (len(journal.data), 265)


def test_a_frame_kept_apart_is_whole_in_its_place_and_unaltered_or_refused() -> None:
    journal = write_journal(3, 1, 2)
    first, second, third = cut_frames(journal)
    other = cut_frames(write_journal(3, 1, signer=LOG, entries=[b"a", b"b", b"c", b"d"]))[1]
    faults = (first[:-1], first + b"\0", first + second, second, b"", bytes(len(first)))
    for data in faults:
        with pytest.raises(StoreError) as caught:
            FrameChain(parse_journal_header(journal.data)).read_whole(data)
        assert caught.value.code == "journal-damaged"
    for data in (first, third, other):
        chain = FrameChain(parse_journal_header(journal.data))
        chain.read_whole(first)
        with pytest.raises(StoreError, match=f"at byte {journal.ends[1]}"):
            chain.read_whole(data)
    for at in range(0, len(second), 7):
        altered = bytearray(second)
        altered[at] ^= 0x40
        chain = FrameChain(parse_journal_header(journal.data))
        chain.read_whole(first)
        with pytest.raises(StoreError):
            chain.read_whole(bytes(altered))
