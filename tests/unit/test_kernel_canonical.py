"""One value, one spelling: what the canonical parser refuses, and with which path."""

from __future__ import annotations

import msgspec
import pytest

from entente.kernel.canonical import (
    MAX_DEPTH,
    MAX_SAFE_INT,
    convert_to,
    encode_canonical,
    encode_jcs,
    parse_canonical,
    parse_canonical_as,
)
from entente.kernel.errors import Malformed
from entente.kernel.wire import Count, NoteText, WireStruct


class Inner(WireStruct, frozen=True):
    number: Count
    text: NoteText


class Outer(WireStruct, frozen=True):
    flag: bool
    inner: Inner
    many: list[Inner]
    raw: msgspec.Raw


REFUSED = {
    "white space after": (b'{"a":1} ', "not-canonical", ""),
    "white space within": (b'{"a": 1}', "not-canonical", ""),
    "line feed after": (b"[1]\n", "not-canonical", ""),
    "order": (b'{"b":1,"a":2}', "not-canonical", ""),
    "order of names beyond U+FFFF": (
        b'{"\xee\x80\x80":1,"\xf0\x9f\x98\x80":2}',
        "not-canonical",
        "",
    ),
    "escaped letter": (b'"\\u0061"', "not-canonical", ""),
    "escaped slash": (b'"\\/"', "not-canonical", ""),
    "escaped surrogate pair": (b'"\\ud83d\\ude00"', "not-canonical", ""),
    "upper-case escape": (b'"\\u001F"', "not-canonical", ""),
    "long escape of line feed": (b'"\\u000a"', "not-canonical", ""),
    "escaped name": (b'{"\\u0061":1}', "not-canonical", ""),
    "minus zero": (b"[-0]", "not-canonical", ""),
    "duplicate name": (b'{"a":1,"b":{"c":1,"c":2}}', "duplicate-name", "$.b.c"),
    "duplicate name, same value": (b'{"a":1,"a":1}', "duplicate-name", "$.a"),
    "duplicate name, other spelling": (b'{"a":1,"\\u0061":1}', "duplicate-name", "$.a"),
    "fraction": (b'{"a":[0,1.5]}', "fraction", "$.a[1]"),
    "integral fraction": (b'{"a":1.0}', "fraction", "$.a"),
    "exponent": (b"[1e2]", "fraction", "$[0]"),
    "overflow": (b"[1e400]", "fraction", "$[0]"),
    "underflow": (b"[1e-400]", "fraction", "$[0]"),
    "too large": (b"[9007199254740992]", "number-range", "$[0]"),
    "too small": (b"[-9007199254740992]", "number-range", "$[0]"),
    "beyond 64 bits": (b"[18446744073709551616]", "number-range", "$[0]"),
    "not a number": (b"[NaN]", "not-json", ""),
    "infinity": (b"[-Infinity]", "not-json", ""),
    "leading zero": (b"[01]", "not-json", "line 1 column 3"),
    "plus": (b"[+1]", "not-json", "line 1 column 2"),
    "comma after": (b"[1,]", "not-json", None),
    "comment": (b"[1]//", "not-json", None),
    "second value": (b"{}{}", "not-json", "line 1 column 3"),
    "trailing zero byte": (b"{}\x00", "not-json", "line 1 column 3"),
    "nothing": (b"", "not-json", "line 1 column 1"),
    "cut off": (b'{"a":', "not-json", None),
    "byte order mark": (b"\xef\xbb\xbf{}", "not-json", "byte 0"),
    "UTF-16": ("{}".encode("utf-16"), "not-utf8", "byte 0"),
    "overlong": (b'"\xc0\xaf"', "not-utf8", "byte 1"),
    "surrogate in UTF-8": (b'"\xed\xa0\x80"', "not-utf8", "byte 1"),
    "high surrogate alone": (b'["\\ud800"]', "lone-surrogate", "$[0]"),
    "low surrogate alone": (b'{"\\udc00":1}', "lone-surrogate", "$"),
    "surrogates the wrong way round": (b'"\\udc00\\ud800"', "lone-surrogate", "$"),
    "control character": (b'"\x01"', "not-json", "line 1 column 2"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_second_spelling_is_refused(case: str) -> None:
    data, code, path = REFUSED[case]
    with pytest.raises(Malformed) as caught:
        parse_canonical(data)
    assert caught.value.code == code
    if path is not None:
        assert caught.value.path == path


def test_canonical_values_come_back_as_they_were() -> None:
    for data in (
        b"null",
        b"[]",
        b"{}",
        b"[true,false,0,-1,9007199254740991,-9007199254740991]",
        b'{"\xf0\x9f\x98\x80":1,"\xee\x80\x80":2}',
        b'"\\b\\t\\n\\f\\r\\u0000\\u001f\\"\\\\/\x7f"',
    ):
        assert encode_canonical(parse_canonical(data)) == data


def test_deep_nesting_is_refused_without_a_deep_stack() -> None:
    parse_canonical(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    for depth in (MAX_DEPTH + 2, 200, 5_000, 500_000):
        for data in (b"[" * depth + b"]" * depth, b"[" * depth, b'{"a":' * depth + b"0" + b"}" * depth):
            if len(data) <= 1 << 20:
                with pytest.raises(Malformed) as caught:
                    parse_canonical(data)
                assert caught.value.code in {"too-deep", "not-json"}, depth


def test_huge_number_is_refused_without_reading_it() -> None:
    with pytest.raises(Malformed):
        parse_canonical(b"1" * 500_000)
    with pytest.raises(Malformed):
        parse_canonical_as(b'{"number":' + b"1" * 500_000 + b',"text":""}', Inner)


def test_too_many_bytes_are_refused_before_they_are_read() -> None:
    assert parse_canonical(b"[]", max_bytes=2) == []
    with pytest.raises(Malformed, match="expected <= 2 bytes, got 3"):
        parse_canonical(b"[1]", max_bytes=2)


INNER = b'{"number":1,"text":"x"}'
OUTER = b'{"flag":true,"inner":%b,"many":[%b],"raw":[]}'
TYPED = {
    "unknown field": (OUTER % (b'{"more":1,"number":1,"text":"x"}', INNER), "wrong-type", "$.inner"),
    "missing field": (OUTER % (INNER, b'{"number":1}'), "wrong-type", "$.many[0]"),
    "text for a number": (OUTER % (b'{"number":"1","text":"x"}', INNER), "wrong-type", "$.inner.number"),
    "boolean for a number": (OUTER % (b'{"number":true,"text":"x"}', INNER), "wrong-type", "$.inner.number"),
    "number for a boolean": (OUTER.replace(b"true", b"1") % (INNER, INNER), "wrong-type", "$.flag"),
    "null": (OUTER % (INNER, b"null"), "wrong-type", "$.many[0]"),
    "negative": (OUTER % (b'{"number":-1,"text":"x"}', INNER), "wrong-type", "$.inner.number"),
    "integral fraction": (OUTER % (INNER, b'{"number":1.0,"text":"x"}'), "fraction", "$.many[0].number"),
    "exponent": (OUTER % (INNER, b'{"number":1e2,"text":"x"}'), "fraction", "$.many[0].number"),
    "minus zero": (OUTER % (INNER, b'{"number":-0,"text":"x"}'), "not-canonical", ""),
    "beyond 2^53": (
        OUTER % (INNER, b'{"number":9007199254740992,"text":"x"}'),
        "number-range",
        "$.many[0].number",
    ),
    "duplicate field": (
        OUTER % (INNER, b'{"number":1,"number":1,"text":"x"}'),
        "duplicate-name",
        "$.many[0].number",
    ),
    "order": (OUTER % (INNER, b'{"text":"x","number":1}'), "not-canonical", ""),
    "escaped field name": (OUTER % (INNER, b'{"\\u006eumber":1,"text":"x"}'), "not-canonical", ""),
    "escaped text": (OUTER % (INNER, b'{"number":1,"text":"\\u0078"}'), "not-canonical", ""),
    "white space": (OUTER % (INNER, b'{"number":1, "text":"x"}'), "not-canonical", ""),
    "array for an object": (OUTER % (b'[1,"x"]', INNER), "wrong-type", "$.inner"),
    "control character": (OUTER % (INNER, b'{"number":1,"text":"\\u001b[2J"}'), "wrong-type", None),
}


@pytest.mark.parametrize("case", TYPED)
def test_second_spelling_of_a_closed_type_is_refused(case: str) -> None:
    data, code, path = TYPED[case]
    assert parse_canonical_as(OUTER % (INNER, INNER), Outer).inner.number == 1
    with pytest.raises(Malformed) as caught:
        parse_canonical_as(data, Outer)
    assert caught.value.code == code
    if path is not None:
        assert caught.value.path == path


def test_an_error_does_not_repeat_what_a_peer_made_long() -> None:
    name = b"x" * 50_000
    for data in (b'{"' + name + b'":1}', b'{"' + name + b'":1.5}', b'{"' + name + b'":{"a":1,"a":1}}'):
        for kind in (Inner, Outer):
            with pytest.raises(Malformed) as caught:
                parse_canonical_as(data, kind)
            assert len(str(caught.value)) < 500


def test_our_own_mistakes_are_no_peer_errors() -> None:
    for value in (1.5, MAX_SAFE_INT + 1, {"a": float("nan")}, {1: 2}, [b"".hex, 3], "\ud800", {"\ud800": 1}):
        with pytest.raises((ValueError, TypeError)):
            encode_canonical(value)
    assert encode_jcs([1.5, 1e21]) == b"[1.5,1e+21]"
    with pytest.raises(ValueError, match="not canonicalisable"):
        encode_jcs(float("nan"))


def test_a_converted_value_names_the_place_of_its_fault() -> None:
    assert convert_to({"number": 1, "text": "x"}, Inner) == Inner(number=1, text="x")
    with pytest.raises(Malformed) as caught:
        convert_to({"number": "1", "text": "x"}, Inner, path="$.rows[3]")
    assert caught.value.path == "$.rows[3].number"
