r"""Canonical JSON: one value, one spelling (JCS, RFC 8785), strictly parsed.

Invariants:
  * What `parse_canonical` accepts, `encode_canonical` turns back into the identical bytes.
  * Refused, with the JSON path of the fault: duplicate names, NaN, infinities, numbers that overflow
    (1e400), fractions, integers beyond +-(2^53 - 1), lone surrogates, a second spelling (white
    space, escapes, order, ``1.0`` or ``1e2``), trailing bytes, nesting deeper than 32.
  * With a type: unknown fields, missing fields and wrong types.

Fractions travel as strings or scaled integers (design: messages). `encode_jcs` is the whole of RFC 8785,
floats included, for data that is not ours.

How it is fast: a C decoder reads, a C encoder writes, and the bytes are compared. Only when they differ does
the slow, explaining parser run, to say *where* the fault is.

    >>> encode_canonical({"b": 1, "a": "ü"})
    b'{"a":"\xc3\xbc","b":1}'
    >>> parse_canonical(b'{"a":1,"a":2}')
    Traceback (most recent call last):
    entente.kernel.errors.Malformed: duplicate name 'a' at $.a [duplicate-name]
"""

from __future__ import annotations

import json
import re
from typing import Any, Final, TypeVar

import msgspec
import rfc8785

from entente.kernel.errors import Malformed
from entente.kernel.ids import HEX64_PATTERN, ORIGIN_PATTERN, SLUG_PATTERN
from entente.kernel.time import UTC_PATTERN

MAX_SAFE_INT: Final = 2**53 - 1
"""Largest integer that every JSON reader keeps exactly (RFC 8785 section 3.2.2.3, I-JSON)."""
MAX_DEPTH: Final = 32
"""Deepest nesting: far above any message of ours, far below a parser's stack."""

T = TypeVar("T")
_ENCODER: Final = msgspec.json.Encoder(order="sorted")


def encode_canonical(value: object) -> bytes:
    """Return the one JCS spelling of ``value``: a struct, or None, bool, int, str, list, dict of them.

    Raises:
        ValueError: A float, an integer beyond 2^53 - 1, a name or text that is no valid Unicode:
            mistakes of our own caller, since nothing of the kind is ever parsed.
    """
    plain = msgspec.to_builtins(value)
    _check_plain(plain, "$", 0)
    if _has_wide_name(plain):
        # The C encoder sorts names by code point, JCS by UTF-16 unit: they differ beyond U+FFFF.
        return rfc8785.dumps(plain)
    return _ENCODER.encode(plain)


def encode_jcs(value: Any) -> bytes:  # noqa: ANN401 - any JSON value at all
    """Return RFC 8785 bytes of any JSON value, floats included (not for messages)."""
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise ValueError(f"not canonicalisable: {error}") from error


def parse_canonical(data: bytes, *, max_bytes: int = 1 << 20) -> Any:  # noqa: ANN401
    """Return the plain value that ``data`` spells canonically, or raise `Malformed`."""
    return _parse(data, None, max_bytes)


def parse_canonical_as(data: bytes, kind: type[T], *, max_bytes: int = 1 << 20) -> T:
    """Return ``data`` as a ``kind`` (a frozen struct with ``forbid_unknown_fields``).

    Raises:
        Malformed: Not canonical, or not of the type; `Malformed.path` says where.
    """
    value: T = _parse(data, kind, max_bytes)
    return value


def convert_to(plain: object, kind: type[T], *, path: str = "$") -> T:
    """Return an already parsed plain value as a ``kind``, or raise `Malformed` with the path."""
    try:
        return msgspec.convert(plain, kind, strict=True)
    except msgspec.ValidationError as error:
        raise _explain_type_error(error, path, plain) from error


def _parse(data: bytes, kind: type[Any] | None, max_bytes: int) -> Any:  # noqa: ANN401
    if len(data) > max_bytes:
        raise Malformed("too-large", f"JSON: expected <= {max_bytes} bytes, got {len(data)}")
    try:
        if kind is None:
            value = msgspec.json.decode(data)
            respelt = encode_canonical(value)
        else:
            # A struct's fields are all bounded (tests/unit/test_kernel_schemas.py walks every schema), so the
            # respelling needs no walk of its own: it is the comparison that refuses second spellings.
            value = msgspec.json.decode(data, type=kind)
            respelt = _ENCODER.encode(value)
    except (msgspec.MsgspecError, ValueError, RecursionError, UnicodeError) as error:
        # INVARIANT: the slow parser names the fault; if it finds none, the type did not fit.
        _explain_json_fault(data)
        if isinstance(error, msgspec.ValidationError):
            raise _explain_type_error(error, "$", msgspec.json.decode(data)) from error
        raise Malformed("not-json", f"JSON: {error}") from error
    if respelt != data:
        _explain_json_fault(data)
        raise Malformed(
            "not-canonical",
            "JSON: expected the canonical spelling (RFC 8785), got another one of the same value",
        )
    return value


# msgspec names a pattern, which says little at 3 a.m.; these are the patterns that people meet.
_PATTERN_WORDS: Final = {
    repr(SLUG_PATTERN): "1 to 40 of a-z, 0-9 and inner hyphens",
    repr(HEX64_PATTERN): "64 lower-case hex digits",
    repr(ORIGIN_PATTERN): "2 to 100 of a-z, 0-9, '.', '/', '-'",
    repr(UTC_PATTERN): "RFC 3339 UTC such as '2016-09-17T13:55:00Z'",
}
_STEP: Final = re.compile(r"\.([^.\[\]]+)|\[(\d+)\]")
_MAX_SHOWN: Final = 60


def _explain_type_error(error: msgspec.ValidationError, path: str, plain: object) -> Malformed:
    text = str(error)
    message, _, where = text.partition(" - at `")
    where = where.removesuffix("`") or "$"
    # An unknown field's name stands in the text, and may be as long as the sender liked.
    message = f"{message[:1].lower()}{message[1:200]}"
    before, matching, pattern = message.partition("`str` matching regex ")
    if matching:
        message = before + _PATTERN_WORDS.get(pattern, "text of the agreed form")
    if message.startswith("expected ") and ", got " not in message:
        message += _show_at(plain, where)
    return Malformed("wrong-type", f"JSON: {message}", path=path + where[1:])


def _show_at(plain: object, where: str) -> str:
    """Return ``, got ...`` for the value at a path, or nothing where it cannot be found."""
    for name, place in _STEP.findall(where):
        if name and isinstance(plain, dict) and name in plain:
            plain = plain[name]
        elif place and isinstance(plain, list) and int(place) < len(plain):
            plain = plain[int(place)]
        else:
            return ""
    shown = repr(plain)
    return f", got {shown if len(shown) <= _MAX_SHOWN else shown[:_MAX_SHOWN] + '...'}"


def _has_wide_name(plain: object) -> bool:
    if isinstance(plain, dict):
        return any(not name.isascii() for name in plain) or any(
            _has_wide_name(item) for item in plain.values()
        )
    return isinstance(plain, list) and any(_has_wide_name(item) for item in plain)


def _check_plain(plain: object, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise ValueError(f"{path}: expected nesting <= {MAX_DEPTH}")
    if plain is None or isinstance(plain, (bool, str)):
        return
    if isinstance(plain, int):
        if not -MAX_SAFE_INT <= plain <= MAX_SAFE_INT:
            raise ValueError(f"{path}: expected |integer| <= 2^53 - 1, got {plain}")
    elif isinstance(plain, dict):
        for name, item in plain.items():
            if not isinstance(name, str):
                raise ValueError(f"{path}: expected text names, got {name!r}")
            _check_plain(item, path, depth + 1)
    elif isinstance(plain, (list, tuple)):
        for item in plain:
            _check_plain(item, path, depth + 1)
    else:
        raise ValueError(f"{path}: expected null, bool, integer, text, list or object, got {plain!r}")


class _Pairs(list[tuple[str, Any]]):
    """An object's members in the order and number in which they were written."""


def _refuse_constant(text: str) -> object:
    raise ValueError(f"expected a number, got {text}")


class _Fraction(str):
    """A number's text that is no plain integer."""

    __slots__ = ()


def _explain_json_fault(data: bytes) -> None:
    """Raise `Malformed` with the path of the first fault in ``data``; return if there is none."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Malformed("not-utf8", f"JSON: {error.reason}", path=f"byte {error.start}") from error
    if text.startswith("\ufeff"):
        raise Malformed("not-json", "JSON: expected no byte order mark", path="byte 0")
    depth = deepest = 0
    for mark in text:  # a crude upper bound: brackets inside strings count too
        depth += (mark in "[{") - (mark in "]}")
        deepest = max(deepest, depth)
    if deepest > 8 * MAX_DEPTH:
        raise Malformed("too-deep", f"JSON: expected nesting <= {MAX_DEPTH}, got about {deepest}")
    try:
        tree = json.loads(
            text, object_pairs_hook=_Pairs, parse_constant=_refuse_constant, parse_float=_Fraction
        )
    except json.JSONDecodeError as error:
        raise Malformed(
            "not-json", f"JSON: {error.msg.lower()}", path=f"line {error.lineno} column {error.colno}"
        ) from error
    except (ValueError, RecursionError) as error:
        raise Malformed("not-json", f"JSON: {error}") from error
    _explain_value(tree, "$", 0)


def _explain_value(value: object, path: str, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Malformed("too-deep", f"JSON: expected nesting <= {MAX_DEPTH}", path=path)
    if isinstance(value, _Fraction):
        raise Malformed(
            "fraction",
            f"number: expected an integer (fractions travel as text), got {value[:40]}",
            path=path,
        )
    if isinstance(value, str):
        _explain_text(value, path)
    elif isinstance(value, int) and not isinstance(value, bool):
        if not -MAX_SAFE_INT <= value <= MAX_SAFE_INT:
            raise Malformed(
                "number-range", "number: expected |integer| <= 2^53 - 1, got a larger one", path=path
            )
    elif isinstance(value, _Pairs):
        seen: set[str] = set()
        for name, item in value:
            _explain_text(name, path)
            if name in seen:
                raise Malformed("duplicate-name", f"duplicate name {name[:80]!r}", path=f"{path}.{name[:80]}")
            seen.add(name)
            _explain_value(item, f"{path}.{name[:80]}", depth + 1)
    elif isinstance(value, list):
        for place, item in enumerate(value):
            _explain_value(item, f"{path}[{place}]", depth + 1)


def _explain_text(text: str, path: str) -> None:
    if any("\ud800" <= mark <= "\udfff" for mark in text):
        raise Malformed("lone-surrogate", "text: expected valid Unicode, got a lone surrogate", path=path)
