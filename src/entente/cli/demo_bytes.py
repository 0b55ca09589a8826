"""Looking for private things in bytes: every place, name, time, cell and token, however it may be spelt.

Invariants: a needle is at least eight bytes long, so that it is not found by chance; names, cells and tokens
are also looked for in hexadecimal, in base64 at each of its three alignments, and under the hashes that a
careless program would send in their place; a search is only believed after it has found what was planted.

It opens nothing and reads no file.

    >>> find_needles(haystack, make_needles(items, cells_and_tokens, domain))
    []
"""

from __future__ import annotations

import base64
import hashlib
import math
import struct
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from entente.cli.blind.items import Item
from entente.kernel.time import parse_utc

LEAST_BYTES: Final = 8
_E7: Final = 1e7
Needles = dict[bytes, str]
"""What is looked for, and what it is, in words."""


def make_needles(items: Iterable[Item], rows: Iterable[NDArray[np.uint8]], domain: bytes) -> Needles:
    """Return every spelling of a plan that is looked for.

    Args:
        rows: Its cells and tokens, 16 bytes each.
        domain: What begins the inputs of the oblivious function: careless hashes may hold it.
    """
    needles: Needles = {}
    for item in items:
        for volume in item["volumes"]:
            add_needles(needles, _spell_volume(volume), item["name"])
        add_needles(needles, spell_bytes(item["name"].encode()), f"name {item['name']}")
        add_needles(needles, [item["name"].encode("utf-16-le")], f"name {item['name']}")
    for some in rows:
        for row in some:
            token = row.tobytes()
            add_needles(needles, spell_bytes(token), f"cell or token {token.hex()}")
            add_needles(needles, [token[::-1], token[7::-1] + token[:7:-1]], f"cell or token {token.hex()}")
            add_needles(needles, _hash_openly(token, domain), f"hash of cell or token {token.hex()}")
    return needles


def add_needles(needles: Needles, spelt: Iterable[bytes], what: str) -> None:
    """Add spellings of a thing that is looked for."""
    for each in spelt:
        if len(each) < LEAST_BYTES:
            raise AssertionError(f"needle {each!r} of {what}: expected >= {LEAST_BYTES} bytes")
        needles.setdefault(each, what)


def spell_bytes(data: bytes) -> Iterator[bytes]:
    """Yield bytes as they are, in hexadecimal, and the middle of their base64 at each alignment."""
    yield data
    yield data.hex().encode()
    yield data.hex().upper().encode()
    for before in range(3):
        # The first and last signs hang on what stands beside; the others do not.
        signs = base64.b64encode(bytes(before) + data)
        first = (8 * before + 5) // 6
        yield signs[first : (8 * (before + len(data))) // 6]


def _hash_openly(token: bytes, domain: bytes) -> Iterator[bytes]:
    for data in (token, domain + token):
        for digest in (
            hashlib.sha256(data).digest(),
            hashlib.sha512(data).digest(),
            hashlib.blake2b(data, digest_size=8).digest(),
        ):
            yield digest[:LEAST_BYTES]
            yield digest[LEAST_BYTES - 1 :: -1]


def _spell_volume(volume: Mapping[str, Any]) -> Iterator[bytes]:
    for lat_e7, lon_e7 in _list_positions(volume["outline"]):
        yield from spell_position(lat_e7, lon_e7)
    for end in ("start", "end"):
        moment = parse_utc(volume[end])
        seconds = int(moment.timestamp())
        yield volume[end].encode()
        yield moment.strftime("%Y%m%dT%H%M%S").encode()
        yield str(seconds).encode()
        for order in "<>":
            yield struct.pack(f"{order}q", seconds * 1_000_000)
            yield struct.pack(f"{order}d", float(seconds))


def _list_positions(outline: Mapping[str, Any]) -> Iterator[tuple[int, int]]:
    if outline["type"] == "circle":
        yield tuple(outline["centre_e7"])
    else:
        yield from (tuple(position) for position in outline["vertices_e7"])


def spell_position(lat_e7: int, lon_e7: int) -> Iterator[bytes]:
    """Yield a place as programs write it: in numbers of several kinds and orders, and in text to a metre."""
    both = (lat_e7, lon_e7), (lon_e7, lat_e7)
    for order in "<>":
        for pair in both:
            yield struct.pack(f"{order}ii", *pair)
            yield struct.pack(f"{order}qq", *pair)
            yield struct.pack(f"{order}ff", *(each / _E7 for each in pair))
        for each in (lat_e7, lon_e7):
            yield struct.pack(f"{order}d", each / _E7)
            yield struct.pack(f"{order}d", math.radians(each / _E7))
    for each in (lat_e7, lon_e7):
        # To a metre, whatever follows.
        yield f"{each / _E7:.7f}"[:LEAST_BYTES].encode()
        yield str(each).encode()


def find_needles(haystack: bytes, needles: Needles) -> list[str]:
    """Return what of the needles is in the haystack, each once."""
    starts: dict[int, list[bytes]] = {}
    for each in needles:
        starts.setdefault(int.from_bytes(each[:LEAST_BYTES], "little"), []).append(each)
    wanted = np.array(sorted(starts), dtype=np.uint64)
    found: dict[str, None] = {}
    for offset in range(LEAST_BYTES):
        count = (len(haystack) - offset) // LEAST_BYTES
        if count <= 0 or not len(wanted):
            continue
        windows = np.frombuffer(haystack, "<u8", count, offset)
        place = np.minimum(np.searchsorted(wanted, windows), len(wanted) - 1)
        for number in np.flatnonzero(wanted[place] == windows).tolist():
            at = offset + LEAST_BYTES * number
            for each in starts[int(windows[number])]:
                if haystack.startswith(each, at):
                    found[needles[each]] = None
    return list(found)


def count_planted(haystack: bytes, needles: Needles, *, every: int = 997) -> tuple[int, int]:
    """Plant needles in copies of the haystack; return how many were found, of how many."""
    chosen = list(needles)[::every]
    planted, gap, at = bytearray(haystack), len(haystack) // (len(chosen) + 1), 0
    for each in chosen:
        at += gap
        planted[at:at] = each
        at += len(each)
    wanted = {needles[each] for each in chosen}
    return len(wanted & set(find_needles(bytes(planted), needles))), len(wanted)
