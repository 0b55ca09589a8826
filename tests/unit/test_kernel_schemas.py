"""Walks every type that travels: nothing in it is unbounded, fractional or open.

The fast path of the canonical parser rests on this: where every integer is within 2^53 - 1 and no name is
chosen by the sender, comparing the respelling is enough.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import msgspec
import pytest
from msgspec.inspect import type_info

import entente.kernel.ids
import entente.kernel.time
from entente.joint.registry import KINDS
from entente.kernel.canonical import MAX_SAFE_INT
from entente.kernel.envelope import MAX_ENVELOPE_BYTES, EnvelopeWire
from entente.kernel.errors import Malformed
from entente.kernel.ids import (
    parse_leaf_hash,
    parse_object_id,
    parse_officer_id,
    parse_origin,
    parse_party_id,
)
from entente.kernel.message import Payload
from entente.kernel.wire import NameText, NoteText, UrlText, WireStruct

TRAVELS: list[type[WireStruct]] = [EnvelopeWire, Payload, *(kind.body for kind in KINDS)]


def walk(info: msgspec.inspect.Type, path: str) -> Iterator[tuple[str, msgspec.inspect.Type]]:
    """Yield every type inside ``info`` with its path."""
    yield path, info
    if isinstance(info, msgspec.inspect.StructType):
        for field in info.fields:
            yield from walk(field.type, f"{path}.{field.encode_name}")
    elif isinstance(info, msgspec.inspect.UnionType):
        for one in info.types:
            yield from walk(one, path)
    elif isinstance(info, msgspec.inspect.CollectionType):
        yield from walk(info.item_type, f"{path}[]")
    elif isinstance(info, msgspec.inspect.TupleType):
        for place, one in enumerate(info.item_types):
            yield from walk(one, f"{path}[{place}]")


def find_faults(kind: type[WireStruct]) -> list[str]:
    """Return what is unbounded, fractional or open in a type, with its path."""
    faults = []
    for path, info in walk(type_info(kind), kind.__name__):
        match info:
            case msgspec.inspect.StructType():
                if not info.forbid_unknown_fields:
                    faults.append(f"{path}: open to unknown fields")
                faults += [
                    f"{path}.{field.encode_name}: may be left out"
                    for field in info.fields
                    if not field.required
                ]
            case msgspec.inspect.IntType():
                low = info.ge if info.ge is not None else info.gt
                high = info.le if info.le is not None else info.lt
                if low is None or high is None or low < -MAX_SAFE_INT or high > MAX_SAFE_INT:
                    faults.append(f"{path}: integer from {low} to {high}")
            case msgspec.inspect.StrType():
                if info.max_length is None:
                    faults.append(f"{path}: text without a limit")
                if info.pattern and re.search(r"(?<!\\)\$(?!\(\?!\\n\))", info.pattern):
                    faults.append(f"{path}: '$' lets a last line break through: {info.pattern}")
            case msgspec.inspect.ListType() | msgspec.inspect.VarTupleType():
                if info.max_length is None:
                    faults.append(f"{path}: list without a limit")
            case msgspec.inspect.RawType():
                if path != "Payload.body":
                    faults.append(f"{path}: raw")
            case (
                msgspec.inspect.BoolType()
                | msgspec.inspect.NoneType()
                | msgspec.inspect.LiteralType()
                | msgspec.inspect.UnionType()
                | msgspec.inspect.EnumType()
                | msgspec.inspect.TupleType()
            ):
                pass
            case _:
                faults.append(f"{path}: {type(info).__name__} has no one spelling")
    return faults


@pytest.mark.parametrize("kind", TRAVELS, ids=lambda kind: kind.__name__)
def test_everything_that_travels_is_bounded(kind: type[WireStruct]) -> None:
    assert find_faults(kind) == []


class InnerBody(msgspec.Struct):
    number: int


class OpenBody(WireStruct, frozen=True):
    ratio: float
    names: dict[str, int]
    texts: list[str]
    inner: InnerBody | None
    raw: msgspec.Raw
    slug: str = ""


def test_an_unbounded_field_is_found() -> None:
    found = {fault.partition(":")[0].removeprefix("OpenBody.") for fault in find_faults(OpenBody)}
    assert found == {"ratio", "names", "texts", "texts[]", "inner", "inner.number", "raw", "slug"}


def test_every_kind_was_walked() -> None:
    assert len(TRAVELS) >= 15
    assert {"charter", "roster.statement", "activity.notify"} <= {kind.name for kind in KINDS}
    assert MAX_ENVELOPE_BYTES == 2**16 - 1


@pytest.mark.parametrize("parse", (parse_party_id, parse_officer_id, parse_object_id, parse_origin))
def test_a_name_has_one_spelling(parse: Callable[[str], str]) -> None:
    for good in ("us", "un-ocha", "a1", "9k", "x" * 40):
        assert parse(good) == good
    for bad in ("", "us\n", "\nus", "Us", "us ", "-us", "us-", "u_s", "ú", "x" * 101, "us\x00", "u\u200bs"):
        with pytest.raises(Malformed) as caught:
            parse(bad)
        assert caught.value.code == "bad-id"


def test_a_hash_has_one_spelling() -> None:
    assert parse_leaf_hash("0a" * 32) == "0a" * 32
    for bad in ("0A" * 32, "0a" * 32 + "\n", "0a" * 31, "0a" * 33, "0a" * 31 + "0\n"):
        with pytest.raises(Malformed):
            parse_leaf_hash(bad)


def test_no_pattern_of_a_name_lets_a_line_break_through() -> None:
    patterns = [
        value
        for module in (entente.kernel.ids, entente.kernel.time)
        for name, value in vars(module).items()
        if name.endswith("_PATTERN")
    ]
    assert len(patterns) == 4
    for pattern in patterns:
        for text in ("us", "a" * 64, "2016-09-17T13:55:00Z"):
            assert not re.search(pattern, text + "\n")


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    (
        (
            NameText,
            ["Ann", "Анна", "آنا", "安"],
            ["", "a\n", "\n", "\x1b[2J", "a\x7f", "\x9b2J", "a\tb", "x" * 121],
        ),
        (NoteText, ["", "a\nb\n", "\t", "Слово"], ["\x1b[2J", "a\r", "\x00", "\x9b2J", "x" * 4001]),
        (
            UrlText,
            ["", "https://x.example/a?b", "http://[::1]:80/"],
            ["ftp://x", "https://", "https://x\n", "https://a b", "https://\x1b", "javascript:1"],
        ),
    ),
)
def test_texts_for_people_cannot_repaint_a_terminal(kind: type[str], good: list[str], bad: list[str]) -> None:
    for text in good:
        assert msgspec.convert(text, kind) == text
    for text in bad:
        with pytest.raises(msgspec.ValidationError):
            msgspec.convert(text, kind)
