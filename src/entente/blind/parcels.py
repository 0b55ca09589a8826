r"""What is inside the parcels of an exact run: lists of elements and of tags, byte for byte.

A parcel travels sealed, beside the record; the record names its hash. Its length follows from its bucket and
nothing else (docs/formats/blind.md section 4).

    request   "entente blind request 1\n"  count (4 bytes)  elements (32 each)
    reply     "entente blind reply 1\n"    count            elements  proof (0 or 64)  run canaries' tags (8
    each) refusal   "entente blind refusal 1\n"  code and words, a line each, padded with blanks to 512 bytes
    tags      "entente blind tags 1\n"     added (4) withdrawn (4)  tags, each list sorted (8 each)

Invariants: big-endian; every list has exactly the length that the question or the commitment says; tags in a
list ascend strictly, so that none is there twice; whatever else is `Malformed`, and nothing was used.

It does not check that elements are of the group: who computes with them does.

    >>> parse_request(encode_request(elements), count=226)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np

from entente.blind.group import ELEMENT_BYTES, TAG_BYTES, Rows, Tags
from entente.blind.oprf import PROOF_BYTES
from entente.kernel.errors import Malformed

REQUEST_HEAD: Final = b"entente blind request 1\n"
REPLY_HEAD: Final = b"entente blind reply 1\n"
REFUSAL_HEAD: Final = b"entente blind refusal 1\n"
TAGS_HEAD: Final = b"entente blind tags 1\n"
REFUSAL_BYTES: Final = 512
_COUNT_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply as it came: of the right lengths, nothing of it verified."""

    elements: Rows
    proof: bytes
    canary_tags: Tags


@dataclass(frozen=True, slots=True)
class Refusal:
    """What the other desk said instead of an answer."""

    code: str
    words: str


def _encode_count(count: int) -> bytes:
    return count.to_bytes(_COUNT_BYTES, "big")


def _take_head(data: bytes, head: bytes, what: str) -> memoryview:
    if not data.startswith(head):
        raise Malformed("bad-parcel", f"{what}: expected to begin {head!r}, got {data[: len(head)]!r}")
    return memoryview(data)[len(head) :]


def _take_count(rest: memoryview, expected: int, what: str) -> memoryview:
    got = int.from_bytes(rest[:_COUNT_BYTES], "big")
    if len(rest) < _COUNT_BYTES or got != expected:
        raise Malformed("bad-count", f"{what}: expected {expected} elements, got {got}")
    return rest[_COUNT_BYTES:]


def _check_length(rest: memoryview, expected: int, what: str) -> None:
    if len(rest) != expected:
        raise Malformed("bad-length", f"{what}: expected {expected} bytes after its head, got {len(rest)}")


def _read_elements(rest: memoryview, count: int) -> Rows:
    return np.frombuffer(rest[: count * ELEMENT_BYTES], np.uint8).reshape(count, ELEMENT_BYTES)


def encode_request(elements: Rows) -> bytes:
    """Return the inside of a request's parcel."""
    return REQUEST_HEAD + _encode_count(len(elements)) + elements.tobytes()


def parse_request(data: bytes, *, count: int) -> Rows:
    """Return the elements of a request that the record says has ``count`` of them."""
    rest = _take_count(_take_head(data, REQUEST_HEAD, "request"), count, "request")
    _check_length(rest, count * ELEMENT_BYTES, "request")
    return _read_elements(rest, count)


def encode_reply(elements: Rows, proof: bytes, canary_tags: Tags) -> bytes:
    """Return the inside of a reply's parcel."""
    return (
        REPLY_HEAD
        + _encode_count(len(elements))
        + elements.tobytes()
        + proof
        + canary_tags.astype(">u8").tobytes()
    )


def encode_refusal(code: str, words: str) -> bytes:
    """Return the inside of a reply's parcel that says why there is no answer."""
    said = f"{code}\n{words}".encode()[:REFUSAL_BYTES]
    return REFUSAL_HEAD + said.ljust(REFUSAL_BYTES, b" ")


def parse_reply(data: bytes, *, count: int, is_proven: bool, canaries: int) -> Reply | Refusal:
    """Return what a reply says; its lengths are those that the question asks for."""
    if data.startswith(REFUSAL_HEAD):
        rest = _take_head(data, REFUSAL_HEAD, "refusal")
        _check_length(rest, REFUSAL_BYTES, "refusal")
        code, _, words = bytes(rest).decode("utf-8", "replace").strip().partition("\n")
        return Refusal(_make_printable(code)[:40], _make_printable(words))
    rest = _take_count(_take_head(data, REPLY_HEAD, "reply"), count, "reply")
    proof_bytes = PROOF_BYTES if is_proven else 0
    _check_length(rest, count * ELEMENT_BYTES + proof_bytes + canaries * TAG_BYTES, "reply")
    elements = _read_elements(rest, count)
    rest = rest[count * ELEMENT_BYTES :]
    tags = np.frombuffer(rest[proof_bytes:], ">u8").astype(np.uint64)
    return Reply(elements, bytes(rest[:proof_bytes]), tags)


def _make_printable(text: str) -> str:
    # SECURITY: a partner's words are printed on our terminals (tests/unit/test_blind_parcels.py).
    return "".join(one if one.isprintable() else "?" for one in text)


def encode_tags(added: Tags, withdrawn: Tags) -> bytes:
    """Return the inside of the parcel of a commitment or amendment; the lists are sorted here."""
    lists = (np.sort(each).astype(">u8").tobytes() for each in (added, withdrawn))
    return TAGS_HEAD + _encode_count(len(added)) + _encode_count(len(withdrawn)) + b"".join(lists)


def parse_tags(data: bytes, *, added: int, withdrawn: int) -> tuple[Tags, Tags]:
    """Return both lists of tags, of the lengths that the record says."""
    rest = _take_count(_take_head(data, TAGS_HEAD, "tags"), added, "tags added")
    rest = _take_count(rest, withdrawn, "tags withdrawn")
    _check_length(rest, (added + withdrawn) * TAG_BYTES, "tags")
    every = np.frombuffer(rest, ">u8").astype(np.uint64)
    first, second = every[:added], every[added:]
    for what, tags in (("added", first), ("withdrawn", second)):
        if len(tags) > 1 and not bool((tags[1:] > tags[:-1]).all()):
            raise Malformed("bad-tags", f"tags {what}: expected each once, ascending, got another order")
    return first, second
