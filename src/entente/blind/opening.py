"""An opening as a file: what a party hands to the auditor, and how it is read.

JSON, bytes in base64; made once after an epoch, read by `entente blind audit`. It holds the party's plan of
that epoch and the key toward that partner: who has the file has both.

Invariants: `parse_opening(encode_opening(x)) == x` in every field; lengths are checked, so that what an
auditor computes with is of its form; nothing in it is believed: `audit` makes everything again.

    >>> parse_opening(encode_opening(opening)).party
    'ru'
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec
import numpy as np

from entente.blind.audit import OpenAnswer, Opening, OpenList, OpenQuestion, OpenVersion
from entente.blind.cells import TOKEN_BYTES
from entente.blind.group import KEY_BYTES, Rows
from entente.kernel.canonical import convert_to
from entente.kernel.errors import Malformed
from entente.kernel.wire import Hex64, SlugText, WireStruct, encode_base64, parse_base64

FORMAT: Final = "entente-blind-opening-1"
MAX_FILE_BYTES: Final = 1 << 30
MAX_INFO_BYTES: Final = 65_535
"""What a key may be derived for: its length has two bytes, RFC 9497 section 3.2.1."""
_Base64 = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9+/]*={0,2}$(?!\n)", max_length=1 << 29)]


class _VersionWire(WireStruct, frozen=True):
    cells: _Base64
    pad_seed: _Base64


class _QuestionWire(WireStruct, frozen=True):
    cells: _Base64
    seed: _Base64


class _AnswerWire(WireStruct, frozen=True):
    request: _Base64
    nonce_seed: _Base64
    refusal: _Base64


class _ListWire(WireStruct, frozen=True):
    secret: _Base64
    mask: _Base64
    pad_seed: _Base64


class _OpeningWire(WireStruct, frozen=True):
    format: Literal["entente-blind-opening-1"]
    party: SlugText
    rules: SlugText
    epoch: Annotated[int, msgspec.Meta(ge=0)]
    key_seed: _Base64
    key_info: _Base64
    salt_secret: _Base64
    versions: dict[Hex64, _VersionWire]
    questions: dict[Hex64, _QuestionWire]
    answers: dict[Hex64, _AnswerWire]
    lists: dict[Hex64, _ListWire]


def encode_opening(opening: Opening, *, rules: str, epoch: int) -> bytes:
    """Return the file's bytes.

    Args:
        rules, epoch: To which rules and epoch it belongs: says the auditor what to look up.
    """
    wire = _OpeningWire(
        format="entente-blind-opening-1",
        party=opening.party,
        rules=rules,
        epoch=epoch,
        key_seed=encode_base64(opening.key_seed),
        key_info=encode_base64(opening.key_info),
        salt_secret=encode_base64(opening.salt_secret),
        versions={
            leaf: _VersionWire(_encode_rows(one.cells), encode_base64(one.pad_seed))
            for leaf, one in sorted(opening.versions.items())
        },
        questions={
            leaf: _QuestionWire(_encode_rows(one.cells), encode_base64(one.seed))
            for leaf, one in sorted(opening.questions.items())
        },
        answers={
            leaf: _AnswerWire(
                encode_base64(one.request), encode_base64(one.nonce_seed), encode_base64(one.refusal)
            )
            for leaf, one in sorted(opening.answers.items())
        },
        lists={
            leaf: _ListWire(encode_base64(one.secret), encode_base64(one.mask), encode_base64(one.pad_seed))
            for leaf, one in sorted(opening.lists.items())
        },
    )
    return msgspec.json.format(msgspec.json.encode(wire), indent=1) + b"\n"


def parse_opening(data: bytes) -> tuple[Opening, str, int]:
    """Return the opening, and the rules and epoch that it says it is of.

    Raises:
        Malformed: It is not of its form; the path says where.
    """
    if len(data) > MAX_FILE_BYTES:
        raise Malformed("too-large", f"opening: expected <= {MAX_FILE_BYTES} bytes, got {len(data)}")
    try:
        value = msgspec.json.decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed("not-json", f"opening: expected JSON: {error}") from error
    wire = convert_to(value, _OpeningWire)
    opening = Opening(
        party=wire.party,
        key_seed=_read(wire.key_seed, "key_seed", KEY_BYTES),
        key_info=_read_info(wire.key_info),
        salt_secret=_read(wire.salt_secret, "salt_secret", KEY_BYTES),
        versions={
            leaf: OpenVersion(_read_rows(one.cells), _read(one.pad_seed, "pad_seed", KEY_BYTES))
            for leaf, one in wire.versions.items()
        },
        questions={
            leaf: OpenQuestion(_read_rows(one.cells), _read(one.seed, "seed", KEY_BYTES))
            for leaf, one in wire.questions.items()
        },
        answers={
            leaf: OpenAnswer(
                _read(one.request, "request"),
                _read(one.nonce_seed, "nonce_seed", KEY_BYTES),
                _read(one.refusal, "refusal"),
            )
            for leaf, one in wire.answers.items()
        },
        lists={
            leaf: OpenList(
                _read(one.secret, "secret", KEY_BYTES),
                _read(one.mask, "mask", KEY_BYTES),
                _read(one.pad_seed, "pad_seed", KEY_BYTES),
            )
            for leaf, one in wire.lists.items()
        },
    )
    return opening, wire.rules, wire.epoch


def _read(text: str, what: str, size_bytes: int | None = None) -> bytes:
    return parse_base64(text, what=f"opening, {what}", size_bytes=size_bytes)


def _read_info(text: str) -> bytes:
    data = _read(text, "key_info")
    if len(data) > MAX_INFO_BYTES:
        raise Malformed(
            "bad-length", f"opening, key_info: expected <= {MAX_INFO_BYTES} bytes, got {len(data)}"
        )
    return data


def _encode_rows(rows: Rows) -> str:
    return encode_base64(rows.tobytes())


def _read_rows(text: str) -> Rows:
    data = _read(text, "cells")
    if len(data) % TOKEN_BYTES:
        raise Malformed(
            "bad-length", f"opening, cells: expected {TOKEN_BYTES} bytes each, got {len(data)} in all"
        )
    return np.frombuffer(data, np.uint8).reshape(-1, TOKEN_BYTES)
