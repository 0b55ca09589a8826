r"""The journal: the one file whose flush makes an entry durable (docs/formats/record.md section 8).

    header = magic 16 || version u16 || origin length u16 || origin || SHA-256 of all before (chain 0)
    frame  = marker 8 || first index u64 || entries u32 || entry bytes u32 || note bytes u32
             || previous chain 32 || header check 8 || entries || checkpoint note || chain 32
    chain  = SHA-256 of the whole frame before it, and so of every byte of the file up to there

Invariants:
  * One frame is one batch, one signed checkpoint and one flush: the frame is durable before anything of
    it is answered, published or cosigned. So at most the last frame can be torn.
  * Only bytes after the last good frame may be cut, and only when they look like a write that did not
    finish: too short, or with a hole of zeros where a sector was not written. A frame that is there in
    full but wrong is damage, not a torn write, since somebody may hold an answer that rests on it.
  * The marker is no valid UTF-8: no entry or note of ours can contain it.

It opens, writes and flushes nothing; the owner of the file does. It does not check signatures or roots (see
`recovery`): the chain finds accidents, the signed root finds attackers.

    >>> header, chain = encode_journal_header("example.org/log")
    >>> frame, chain = encode_frame(chain, [b"entry"], note)
    >>> [frame.size for frame in iter_frames(header + frame)]
    [1]
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum
from hashlib import sha256
from typing import Final

from entente.kernel.errors import Malformed, StoreError
from entente.record.checkpoint import parse_checkpoint_note
from entente.record.note import MAX_NOTE_BYTES
from entente.record.tiles import encode_entry_bundle, parse_entry_bundle

MAX_FRAME_ENTRIES: Final = 65_536
MAX_FRAME_BYTES: Final = 64 * 2**20
"""Entries of one frame: bounds what one flush, and one torn write, can hold."""
CHAIN_BYTES: Final = 32
VERSION: Final = 1

_MAGIC: Final = b"entente journal\n"
_MARKER: Final = b"\xc3\x28frame\n"
_FILE_HEAD: Final = struct.Struct(">16sHH")
_FRAME_HEAD: Final = struct.Struct(">8sQIII32s")
_CHECK_BYTES: Final = 8
FRAME_HEAD_BYTES: Final = _FRAME_HEAD.size + _CHECK_BYTES
_SECTOR_BYTES: Final = 512
_MIN_HOLE_BYTES: Final = 16

Buffer = bytes | bytearray | memoryview
"""A whole journal; wrap a memory map as ``memoryview(map)``."""


@dataclass(frozen=True, slots=True)
class JournalHeader:
    """Whose record the file holds, where its frames begin, and what the first one chains to."""

    origin: str
    end: int
    chain: bytes


@dataclass(frozen=True, slots=True)
class Frame:
    """One durable batch, with its place in the file. The note is not verified here."""

    start: int
    end: int
    first_index: int
    entries: list[bytes] = field(repr=False)
    note: bytes = field(repr=False)
    chain: bytes = field(repr=False)

    @property
    def size(self) -> int:
        """Tree size after the frame."""
        return self.first_index + len(self.entries)


class Tail(Enum):
    """What follows the last good frame."""

    CLEAN = "clean"
    """Nothing."""
    TORN = "torn"
    """A write that did not finish: nobody was answered for it, it may be cut."""


def encode_journal_header(origin: str) -> tuple[bytes, bytes]:
    """Return the file's first bytes and the chain value for the first frame."""
    name = origin.encode()
    head = _FILE_HEAD.pack(_MAGIC, VERSION, len(name)) + name
    chain = sha256(head).digest()
    return head + chain, chain


def parse_journal_header(data: Buffer) -> JournalHeader:
    """Return the header, or raise `StoreError`: a journal without one was never begun, or is none."""
    view = memoryview(data)
    if len(view) < _FILE_HEAD.size:
        raise StoreError("journal-header", f"journal: expected a header, got {len(view)} bytes in all")
    magic, version, length = _FILE_HEAD.unpack_from(view)
    if magic != _MAGIC or version != VERSION:
        raise StoreError("journal-header", f"journal: expected {_MAGIC!r} version 1, got {magic!r} {version}")
    end = _FILE_HEAD.size + length + CHAIN_BYTES
    head = bytes(view[: end - CHAIN_BYTES])
    chain = sha256(head).digest()
    if bytes(view[end - CHAIN_BYTES : end]) != chain:
        raise StoreError(
            "journal-header", "journal header: expected its SHA-256 behind it, got another value"
        )
    return JournalHeader(head[_FILE_HEAD.size :].decode("utf-8", "replace"), end, chain)


def encode_frame(prev_chain: bytes, entries: Sequence[bytes], checkpoint_note: bytes) -> tuple[bytes, bytes]:
    """Return the frame's bytes, to be appended and flushed as one, and the chain value behind them.

    Args:
        prev_chain: What the header or the previous frame returned.
        entries: The batch, in order; may be empty (a checkpoint of the empty tree).
        checkpoint_note: The log's signed checkpoint of the tree that ends with this batch.
    """
    first_index = parse_checkpoint_note(checkpoint_note).size - len(entries)
    body = encode_entry_bundle(entries)
    if len(entries) > MAX_FRAME_ENTRIES or len(body) > MAX_FRAME_BYTES:
        raise ValueError(f"frame: expected <= {MAX_FRAME_ENTRIES} entries, {MAX_FRAME_BYTES} bytes")
    if first_index < 0 or len(checkpoint_note) > MAX_NOTE_BYTES or len(prev_chain) != CHAIN_BYTES:
        raise ValueError("frame: expected a checkpoint that covers the entries, and a 32-byte chain")
    head = _FRAME_HEAD.pack(_MARKER, first_index, len(entries), len(body), len(checkpoint_note), prev_chain)
    whole = b"".join((head, sha256(head).digest()[:_CHECK_BYTES], body, checkpoint_note))
    chain = sha256(whole).digest()
    return whole + chain, chain


def _frame_end(view: memoryview, start: int) -> int | None:
    """Return where the frame that begins at ``start`` says it ends; None when that is no frame's head."""
    if len(view) - start < FRAME_HEAD_BYTES:
        return None
    marker, _, count, body_bytes, note_bytes, _ = _FRAME_HEAD.unpack_from(view, start)
    if marker != _MARKER or count > MAX_FRAME_ENTRIES:
        return None
    if body_bytes > MAX_FRAME_BYTES + 2 * MAX_FRAME_ENTRIES or note_bytes > MAX_NOTE_BYTES:
        return None
    end: int = start + FRAME_HEAD_BYTES + body_bytes + note_bytes + CHAIN_BYTES
    return end


def _is_intact(view: memoryview, start: int, end: int) -> bool:
    """Tell whether a frame is all there and is what its own last 32 bytes say."""
    digest = sha256(view[start : end - CHAIN_BYTES]).digest()
    return end <= len(view) and digest == view[end - CHAIN_BYTES : end]


def _read_frame(view: memoryview, start: int, end: int, place: int) -> Frame:
    """Return an intact frame, which stands at ``place`` of the journal; it is split, not judged."""
    _, first_index, count, body_bytes, _, _ = _FRAME_HEAD.unpack_from(view, start)
    body_start = start + FRAME_HEAD_BYTES
    note_start = body_start + body_bytes
    chain_start = end - CHAIN_BYTES
    return Frame(
        start=place,
        end=place + end - start,
        first_index=first_index,
        entries=parse_entry_bundle(bytes(view[body_start:note_start]), count),
        note=bytes(view[note_start:chain_start]),
        chain=bytes(view[chain_start:end]),
    )


class FrameChain:
    """Reads frames one after the other, each checked against the one before: chain, index, origin, size.

    Attributes:
        place: Where the next frame begins in the journal's bytes.
        chain: What it chains to.
        size: Tree size before it.
    """

    def __init__(self, header: JournalHeader) -> None:
        self.place = header.end
        self.chain = header.chain
        self.size = 0
        self._header = header

    def read(self, view: memoryview, at: int) -> Frame | None:
        """Return the next frame, which begins at ``at`` of ``view``; None when no intact one is there.

        Raises:
            StoreError: An intact frame that does not belong here.
        """
        end = _frame_end(view, at)
        if end is None or not _is_intact(view, at, end):
            return None
        place = self.place
        try:
            frame = _read_frame(view, at, end, place)
        except Malformed as error:
            raise _damaged(place, str(error)) from error
        if view[at + _FRAME_HEAD.size - CHAIN_BYTES : at + _FRAME_HEAD.size] != self.chain:
            raise _damaged(place, "expected the chain value of the frame before, got another")
        if frame.first_index != self.size:
            raise _damaged(place, f"expected first index {self.size}, got {frame.first_index}")
        if not frame.note.startswith(self._header.origin.encode() + b"\n%d\n" % frame.size):
            raise _damaged(place, f"expected a checkpoint of {self._header.origin!r} of size {frame.size}")
        self.place, self.chain, self.size = frame.end, frame.chain, frame.size
        return frame

    def read_whole(self, data: Buffer) -> Frame:
        """Return the next frame, which is all of ``data``: where each is kept apart, none can be torn.

        Raises:
            StoreError: ``journal-damaged``.
        """
        place = self.place
        frame = self.read(memoryview(data), 0)
        if frame is None or frame.end - place != len(data):
            raise _damaged(place, f"expected an intact frame of {len(data)} bytes")
        return frame


def iter_frames(data: Buffer, header: JournalHeader | None = None) -> Iterator[Frame]:
    """Yield the good frames from the start on, and stop where the next bytes are no intact frame.

    Whether what is left may be cut, `judge_tail` says. Every frame's chain, indices and the size that its
    checkpoint claims are checked; memory use is one frame.

    Raises:
        StoreError: An intact frame that does not belong where it stands: other chain, index, origin or size.
    """
    view = memoryview(data)
    chain = FrameChain(parse_journal_header(view) if header is None else header)
    while (frame := chain.read(view, chain.place)) is not None:
        yield frame


def judge_tail(data: Buffer, good_end: int, *, is_signed_later: Callable[[Frame], bool]) -> Tail:
    """Return what the bytes from ``good_end`` on are, or raise when they must not be cut.

    1. Nothing: clean.
    2. More than one frame can hold: damage, since only one write is ever under way.
    3. Less than a frame's head: torn.
    4. A sound head, and the frame is not there to its end: torn.
    5. A sound head, and something behind the frame's end: damage; a later write had begun, so that this
       frame had been flushed.
    6. A sound head, and a sector of the frame is all zeros, so that it was not written: torn; else damage.
    7. An unsound head that is there, with none of its sectors unwritten: damage.
    8. Else, with an intact frame further on for which ``is_signed_later`` holds: damage; without one: torn.

    Args:
        data: The whole journal.
        good_end: Where the last good frame ends.
        is_signed_later: Whether the log signed this frame's checkpoint and it is newer than the last good
            one. SECURITY: an entry may hold bytes that look like an old frame, to make a torn tail look
            like damage; it cannot hold a checkpoint that the log has not signed yet.

    Raises:
        StoreError: ``journal-damaged``: restore from a mirror; nothing may be signed from this file.
    """
    view = memoryview(data)
    left = len(view) - good_end
    if left == 0:
        return Tail.CLEAN
    if left > MAX_FRAME_BYTES + 2 * MAX_FRAME_ENTRIES + MAX_NOTE_BYTES + 2 * FRAME_HEAD_BYTES:
        raise _damaged(good_end, f"expected at most one unfinished frame, got {left} bytes")
    end = _frame_end(view, good_end)
    if left < FRAME_HEAD_BYTES:
        return Tail.TORN
    if end is not None and _is_sound_head(view, good_end):
        if end > len(view):
            return Tail.TORN
        if any(view[end:]):
            raise _damaged(good_end, f"expected an intact frame, got altered bytes below byte {end}")
        if not _has_hole(view, good_end, end):
            raise _damaged(good_end, "expected an intact frame or an unfinished write, got altered bytes")
        return Tail.TORN
    if not _has_hole(view, good_end, good_end + FRAME_HEAD_BYTES):
        raise _damaged(good_end, "expected a frame's head or an unfinished write, got altered bytes")
    rest = bytes(view[good_end:])
    found = rest.find(_MARKER, 1)
    while found >= 0:
        start = good_end + found
        end = _frame_end(view, start)
        if end is not None and _is_intact(view, start, end) and _is_newer(view, start, end, is_signed_later):
            raise _damaged(good_end, f"expected the end, got a signed frame behind it at byte {start}")
        found = rest.find(_MARKER, found + 1)
    return Tail.TORN


def _is_sound_head(view: memoryview, start: int) -> bool:
    """Tell whether a head is what its own check says."""
    head_end = start + _FRAME_HEAD.size
    check = sha256(view[start:head_end]).digest()[:_CHECK_BYTES]
    return check == view[head_end : head_end + _CHECK_BYTES]


def _has_hole(view: memoryview, start: int, end: int) -> bool:
    """Tell whether what lies in [start, end) of some 512-byte sector of the file is all zeros."""
    place = start
    while place < end:
        border = min(end, (place // _SECTOR_BYTES + 1) * _SECTOR_BYTES)
        if border - place >= _MIN_HOLE_BYTES and not any(view[place:border]):
            return True
        place = border
    return False


def _is_newer(view: memoryview, start: int, end: int, is_signed_later: Callable[[Frame], bool]) -> bool:
    try:
        return is_signed_later(_read_frame(view, start, end, start))
    except Malformed:
        return False


def _damaged(place: int, why: str) -> StoreError:
    return StoreError("journal-damaged", f"journal at byte {place}: {why}")
