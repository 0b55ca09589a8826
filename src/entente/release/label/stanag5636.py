"""Labels in the JSON form of STANAG 5636 (``ocl``), as ZTDF and OpenTDF carry them in assertions, and back.

    {"context": {"@base": "urn:nato:stanag:5636:A:1:elements:json"},
     "ocl": {"pol": "NATO", "cls": "SECRET", "dcr": "2026-01-01T00:00:00Z",
             "catl": [{"type": "P", "name": "Releasable To", "vals": ["KFOR"]}]}}

Invariants:
  * Bytes are counted first; a name given twice, a number, an unknown name inside ``ocl`` is refused.
  * ``pol`` is one text: read as an identifier where it looks like one, else as a name.

The form has no place for a tag set's identifier, nor for both identifier and name of a policy: what is
written loses one of the two. Inside our own messages `LabelWire` keeps both.

    >>> parse_label_json(b'{"ocl":{"pol":"NATO","cls":"SECRET"}}').classification
    'SECRET'
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import Any, Final, NoReturn

import msgspec

from entente.kernel.canonical import encode_canonical
from entente.kernel.errors import Malformed
from entente.kernel.time import encode_utc, parse_utc
from entente.release.label.label import Category, CategoryKind, Label, make_category, make_label
from entente.release.label.markup import MAX_LABEL_BYTES

CONTEXT: Final = "urn:nato:stanag:5636:A:1:elements:json"
_KINDS: Final[dict[str, CategoryKind]] = {"I": "informative", "P": "permissive", "R": "restrictive"}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_IDENTIFIER: Final = re.compile(
    r"[0-2](?:\.(?:0|[1-9][0-9]*))+|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|urn:[!-~]+", re.IGNORECASE
)


class _CategoryForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One entry of ``catl``."""

    type: str
    name: str
    vals: list[str]


class _LabelForm(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The value of ``ocl``."""

    pol: str
    cls: str
    catl: list[_CategoryForm] = msgspec.field(default_factory=list)
    dcr: str = ""


def parse_label_json(data: bytes) -> Label:
    """Return the label under ``ocl``, or raise `Malformed`; what stands beside ``ocl`` is ignored."""
    if len(data) > MAX_LABEL_BYTES:
        raise Malformed("too-large", f"label: expected <= {MAX_LABEL_BYTES} bytes, got {len(data)}")
    try:
        plain = json.loads(
            data.decode("utf-8"),
            object_pairs_hook=_make_object,
            parse_int=_refuse_number,
            parse_float=_refuse_number,
            parse_constant=_refuse_number,
        )
    except (ValueError, RecursionError) as error:
        raise Malformed("not-json", f"label: expected JSON in UTF-8: {str(error)[:200]}") from error
    if not isinstance(plain, dict) or "ocl" not in plain:
        raise Malformed("not-a-label", "label: expected a JSON object with the name 'ocl'")
    try:
        form = msgspec.convert(plain["ocl"], _LabelForm, strict=True)
    except msgspec.ValidationError as error:
        raise Malformed("bad-label", f"label: {str(error)[:200]}", path="$.ocl") from error
    is_identifier = _IDENTIFIER.fullmatch(form.pol) is not None
    return make_label(
        policy_id=form.pol if is_identifier else "",
        policy="" if is_identifier else form.pol,
        classification=form.cls,
        categories=[_read_category(one, place) for place, one in enumerate(form.catl)],
        created=_read_time(form.dcr),
    )


def encode_label_json(label: Label) -> bytes:
    """Return a label as canonical JSON; of a policy's identifier and name the identifier is written."""
    value: dict[str, Any] = {
        "pol": label.policy_id or label.policy,
        "cls": label.classification,
        "catl": [
            {"type": _NAMES[one.kind], "name": one.tag_set, "vals": list(one.values)}
            for one in label.categories
        ],
    }
    if label.created is not None:
        value["dcr"] = encode_utc(label.created)
    return encode_canonical({"context": {"@base": CONTEXT}, "ocl": value})


def _make_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise Malformed("duplicate-name", "label: expected each name once in an object")
    return found


def _refuse_number(text: str) -> NoReturn:
    raise Malformed("bad-value", f"label: expected texts and lists, got {text[:40]!r}")


def _read_category(form: _CategoryForm, place: int) -> Category:
    if form.type not in _KINDS:
        raise Malformed(
            "bad-kind",
            f"label: expected type to be one of {sorted(_KINDS)}, got {form.type[:40]!r}",
            path=f"$.ocl.catl[{place}]",
        )
    return make_category(form.name, _KINDS[form.type], form.vals, path=f"$.ocl.catl[{place}]")


def _read_time(text: str) -> datetime | None:
    return parse_utc(text, path="$.ocl.dcr") if text else None
