r"""What a recipient may see under one label policy: its clearance, as a value, in TOML and in messages.

For: the desk's file about each partner (TOML), messages and storage (`ClearanceWire`); the XML form is read
in `entente.release.label.stanag4774`.

Invariants:
  * Names, sorted, each once, as in a label; informative categories are not held.
  * Either a list of classifications, exactly as it stands, or ``up_to`` one: that and all below it.

It knows no policy, and grants nothing by itself.

    >>> parse_clearance_toml('policy = "TLP"\nup_to = "AMBER"').up_to
    'AMBER'
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Final

import msgspec

from entente.kernel.errors import Malformed
from entente.kernel.wire import WireStruct
from entente.release.label.label import (
    MAX_CATEGORIES,
    Category,
    CategoryKind,
    CategoryWire,
    IdentifierText,
    LabelName,
    PolicyName,
    check_identifier,
    check_name,
    make_category,
)

MAX_CLASSES: Final = 64
MAX_TOML_BYTES: Final = 64 * 1024


class ClearanceWire(WireStruct, frozen=True):
    """A clearance as it travels and is stored; exactly one of ``classifications`` and ``up_to`` is given."""

    policy_id: IdentifierText
    policy: PolicyName
    classifications: Annotated[list[LabelName], msgspec.Meta(max_length=MAX_CLASSES)]
    up_to: PolicyName
    categories: Annotated[list[CategoryWire], msgspec.Meta(max_length=MAX_CATEGORIES)]


@dataclass(frozen=True, slots=True)
class Clearance:
    r"""What a recipient may see under one policy. Make one with `make_clearance`, or parse it.

    Args:
        policy_id, policy: Identifier and name of the policy; at least one of them.
        classifications: Those that may be seen, no others, sorted by name; or
        up_to: one of them, which may be seen with all below it.
        categories: Restrictive and permissive ones that are held.
    """

    policy_id: str
    policy: str
    classifications: tuple[str, ...] = ()
    up_to: str = ""
    categories: tuple[Category, ...] = ()


class _CategoryTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One ``[[category]]`` of a TOML file."""

    tag_set: str
    values: list[str]
    kind: str = "permissive"
    id: str = ""


class _ClearanceTable(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A clearance in a TOML file."""

    policy: str = ""
    policy_id: str = ""
    up_to: str = ""
    classifications: list[str] = msgspec.field(default_factory=list)
    category: list[_CategoryTable] = msgspec.field(default_factory=list)


def make_clearance(
    *,
    policy_id: str = "",
    policy: str = "",
    classifications: Iterable[str] = (),
    up_to: str = "",
    categories: Sequence[Category] = (),
) -> Clearance:
    """Return a clearance in its one spelling, or raise `Malformed`."""
    check_identifier(policy_id, "policy identifier")
    if policy:
        check_name(policy, "policy")
    elif not policy_id:
        raise Malformed("no-policy", "clearance: expected the policy's name or identifier, got neither")
    listed = [check_name(name, "classification") for name in classifications]
    if up_to:
        check_name(up_to, "classification")
    if bool(listed) == bool(up_to):
        raise Malformed("no-classification", "clearance: expected classifications or up_to, and not both")
    if len(set(listed)) != len(listed) or len(listed) > MAX_CLASSES:
        raise Malformed(
            "duplicate-classification", f"clearance: expected <= {MAX_CLASSES} classifications, each once"
        )
    if len(categories) > MAX_CATEGORIES:
        raise Malformed(
            "too-many", f"clearance: expected <= {MAX_CATEGORIES} tag sets, got {len(categories)}"
        )
    if len({(one.tag_set, one.kind) for one in categories}) != len(categories):
        raise Malformed("duplicate-tag-set", "clearance: expected each tag set once for each kind")
    informative = [one.tag_set for one in categories if one.kind == "informative"]
    if informative:
        raise Malformed("informative", f"clearance: expected nothing informative, got {informative[0]!r}")
    return Clearance(policy_id, policy, tuple(sorted(listed)), up_to, tuple(sorted(categories)))


def parse_clearance_toml(text: str) -> Clearance:
    """Return the clearance that a TOML file holds at its top, or raise `Malformed`."""
    if len(text) > MAX_TOML_BYTES:
        raise Malformed("too-large", f"clearance: expected <= {MAX_TOML_BYTES} characters, got {len(text)}")
    try:
        table = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError, ValueError) as error:
        raise Malformed("not-toml", f"clearance: expected TOML: {str(error)[:200]}") from error
    return parse_clearance_table(table)


def parse_clearance_table(table: Mapping[str, object], *, path: str = "") -> Clearance:
    """Return the clearance that a table of a larger TOML file holds, or raise `Malformed`."""
    try:
        read = msgspec.convert(dict(table), _ClearanceTable, strict=True)
    except msgspec.ValidationError as error:
        raise Malformed("bad-clearance", f"clearance: {str(error)[:200]}", path=path) from error
    categories = []
    for one in read.category:
        if one.kind not in {"permissive", "restrictive"}:
            raise Malformed(
                "bad-kind", f"clearance: expected permissive or restrictive, got {one.kind[:40]!r}", path=path
            )
        kind: CategoryKind = "permissive" if one.kind == "permissive" else "restrictive"
        categories.append(make_category(one.tag_set, kind, one.values, tag_set_id=one.id, path=path))
    return make_clearance(
        policy_id=read.policy_id,
        policy=read.policy,
        classifications=read.classifications,
        up_to=read.up_to,
        categories=categories,
    )


def encode_clearance(clearance: Clearance) -> ClearanceWire:
    """Return a clearance as it travels; tag sets with nothing held are left out, they mean nothing here."""
    return ClearanceWire(
        policy_id=clearance.policy_id,
        policy=clearance.policy,
        classifications=list(clearance.classifications),
        up_to=clearance.up_to,
        categories=[
            CategoryWire(id=one.tag_set_id, name=one.tag_set, kind=one.kind, values=list(one.values))
            for one in clearance.categories
            if one.values
        ],
    )


def parse_clearance(wire: ClearanceWire, *, path: str = "$.clearance") -> Clearance:
    """Return the clearance that travelled, or raise `Malformed` unless it is spelt in the one way."""
    clearance = make_clearance(
        policy_id=wire.policy_id,
        policy=wire.policy,
        classifications=wire.classifications,
        up_to=wire.up_to,
        categories=[
            make_category(one.name, one.kind, one.values, tag_set_id=one.id, path=f"{path}.categories[{i}]")
            for i, one in enumerate(wire.categories)
        ],
    )
    if encode_clearance(clearance) != wire:
        raise Malformed("clearance-order", "clearance: expected names sorted, each once", path=path)
    return clearance
