"""A confidentiality label as its originator wrote it, and the same label as it travels in a signed message.

For: saying under which policy a thing is classified, how high, and with which categories, by their names and
independent of any spelling: STANAG 4774 XML and 5636 JSON are read into it and written from it
(`entente.release.label.stanag4774`, `stanag5636`), `LabelWire` stands inside messages.

Invariants:
  * One label has one spelling: categories sorted by tag set and kind, each tag set and kind once, values
    sorted, each once.
  * Every text is bounded and free of control characters: labels are printed on other people's terminals.

It knows no policy: whether the names mean anything, and who may see what bears them, says a `LabelPolicy`.

    >>> label = Label("", "TLP", "AMBER")
    >>> parse_label(encode_label(label)) == label
    True
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec

from entente.kernel.errors import Malformed
from entente.kernel.time import encode_utc, parse_utc
from entente.kernel.wire import UtcText, WireStruct

CategoryKind = Literal["informative", "permissive", "restrictive"]
"""What a category does: tells, names those who may see (one is enough), or keeps out who lacks it (all)."""

MAX_NAME: Final = 120
"""Longest name of a policy, classification, tag set or category: the longest published one has 48 letters."""
MAX_CATEGORIES: Final = 32
"""Most tag sets that one label uses; the richest published label uses 4."""
MAX_VALUES: Final = 400
"""Most categories of one tag set in one label: NATO's "Releasable To" knows 208."""

_HIDDEN: Final = r"\u0000-\u001f\u007f-\u009f\u200b\u2028-\u202e\u2060-\u2064\u2066-\u206f\ufeff\ufff9-\ufffb"
_NAME: Final = rf"[^\s{_HIDDEN}](?:[^{_HIDDEN}]*[^\s{_HIDDEN}])?"
_NAME_FORM: Final = re.compile(_NAME)
_PRINTED_FORM: Final = re.compile(rf"[^{_HIDDEN}]*")

# SECURITY: no control characters, so that a label cannot repaint the terminal that it is shown on; nothing
# that turns the direction of reading or shows nothing, and no space at either end, so that a name shows what
# it is (tests/unit/test_release_label.py, test_no_name; tests/unit/test_release_attacks.py,
# test_a_name_of_a_label_shows_what_it_is).
LabelName = Annotated[str, msgspec.Meta(pattern=rf"^{_NAME}$(?!\n)", min_length=1, max_length=MAX_NAME)]
PolicyName = Annotated[str, msgspec.Meta(pattern=rf"^(?:{_NAME})?$(?!\n)", max_length=MAX_NAME)]
"""As a `LabelName`, or empty when only the other of name and identifier is given."""
IdentifierText = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._:/#+-]*$(?!\n)", max_length=MAX_NAME)]
"""An OID (without ``urn:oid:``), a UUID or a URN; empty when only the name is known."""


class CategoryWire(WireStruct, frozen=True):
    """The categories of one tag set and kind in a label, as they travel.

    Args:
        id, name: The tag set's identifier (or empty) and name.
        kind: What these categories do.
        values: Their names, sorted, each once.
    """

    id: IdentifierText
    name: LabelName
    kind: CategoryKind
    values: Annotated[list[LabelName], msgspec.Meta(min_length=1, max_length=MAX_VALUES)]


class LabelWire(WireStruct, frozen=True):
    """A confidentiality label as it travels inside a signed message, in the shape of STANAG 5636's ``ocl``.

    Args:
        policy_id, policy: The policy's identifier and name; one of the two may be empty.
        classification: Its name in that policy.
        categories: By tag set and kind, sorted, each once.
        created: When the label was given.
    """

    policy_id: IdentifierText
    policy: PolicyName
    classification: LabelName
    categories: Annotated[list[CategoryWire], msgspec.Meta(max_length=MAX_CATEGORIES)]
    created: UtcText


@dataclass(frozen=True, slots=True, order=True)
class Category:
    """The categories of one tag set and kind that a label holds.

    Args:
        tag_set: The tag set's name, as the label's author wrote it.
        kind: Restrictive, permissive or informative.
        values: Names of categories, sorted, each once. An empty permissive one admits nobody.
        tag_set_id: The tag set's identifier, or empty.
    """

    tag_set: str
    kind: CategoryKind
    values: tuple[str, ...]
    tag_set_id: str = ""


@dataclass(frozen=True, slots=True)
class Label:
    """A confidentiality label, by names. Make one with `make_label`, or parse it.

    Args:
        policy_id, policy: Identifier and name of the policy; at least one of them.
        classification: Its name.
        categories: Sorted by tag set and kind, each once.
        created: When it was given; None when it does not say.
    """

    policy_id: str
    policy: str
    classification: str
    categories: tuple[Category, ...] = ()
    created: datetime | None = None


def check_name(text: str, what: str, *, path: str = "") -> str:
    """Return ``text``, or raise `Malformed` unless it is a bounded name on one line, no space around it."""
    if len(text) > MAX_NAME or not _NAME_FORM.fullmatch(text):
        raise Malformed(
            "bad-name",
            f"{what}: expected 1 to {MAX_NAME} characters, nothing hidden, no space at the ends, "
            f"got {text[:60]!r}",
            path=path,
        )
    return text


def check_printed(text: str, what: str, *, path: str = "") -> str:
    """Return ``text``, or raise `Malformed` unless it can be printed as part of a line; it may be empty."""
    if len(text) > MAX_NAME or not _PRINTED_FORM.fullmatch(text):
        raise Malformed(
            "bad-text",
            f"{what}: expected <= {MAX_NAME} characters, no control characters, got {text[:60]!r}",
            path=path,
        )
    return text


def make_category(
    tag_set: str, kind: CategoryKind, values: Iterable[str], *, tag_set_id: str = "", path: str = ""
) -> Category:
    """Return checked categories of one tag set and kind, sorted, or raise `Malformed`."""
    names = [check_name(value, f"category of {tag_set[:60]!r}", path=path) for value in values]
    if len(names) > MAX_VALUES:
        raise Malformed(
            "too-many", f"categories: expected <= {MAX_VALUES} values, got {len(names)}", path=path
        )
    if len(set(names)) != len(names):
        raise Malformed(
            "duplicate-category", f"tag set {tag_set[:60]!r}: expected each category once", path=path
        )
    return Category(
        tag_set=check_name(tag_set, "tag set", path=path),
        kind=kind,
        values=tuple(sorted(names)),
        tag_set_id=check_identifier(tag_set_id, "tag set identifier", path=path),
    )


def make_label(
    *,
    policy_id: str = "",
    policy: str = "",
    classification: str,
    categories: Sequence[Category] = (),
    created: datetime | None = None,
) -> Label:
    """Return a label in its one spelling, or raise `Malformed`: two entries for one tag set are refused."""
    check_identifier(policy_id, "policy identifier")
    if policy:
        check_name(policy, "policy")
    elif not policy_id:
        raise Malformed("no-policy", "label: expected the policy's name or identifier, got neither")
    if len(categories) > MAX_CATEGORIES:
        raise Malformed("too-many", f"label: expected <= {MAX_CATEGORIES} tag sets, got {len(categories)}")
    if len({(one.tag_set, one.kind) for one in categories}) != len(categories):
        raise Malformed("duplicate-tag-set", "label: expected each tag set once for each kind")
    return Label(
        policy_id=policy_id,
        policy=policy,
        classification=check_name(classification, "classification"),
        categories=tuple(sorted(categories)),
        created=created,
    )


def encode_label(label: Label, *, created: datetime | None = None) -> LabelWire:
    """Return a label as it travels; ``created`` stands in when the label itself has no time.

    Raises:
        ValueError: No time at all, or a tag set with no category: our own caller's mistakes. (A label from
            outside may have an empty tag set; it admits nobody and has no business in a message of ours.)
    """
    moment = label.created or created
    if moment is None:
        raise ValueError("label: expected the time when it was given, got none")
    empty = [one.tag_set for one in label.categories if not one.values]
    if empty:
        raise ValueError(f"label: expected categories in every tag set, got none in {empty}")
    return LabelWire(
        policy_id=label.policy_id,
        policy=label.policy,
        classification=label.classification,
        categories=[
            CategoryWire(id=one.tag_set_id, name=one.tag_set, kind=one.kind, values=list(one.values))
            for one in label.categories
        ],
        created=encode_utc(moment),
    )


def parse_label(wire: LabelWire, *, path: str = "$.label") -> Label:
    """Return the label that a message holds, or raise `Malformed` unless it is spelt in the one way."""
    label = make_label(
        policy_id=wire.policy_id,
        policy=wire.policy,
        classification=wire.classification,
        categories=[
            make_category(one.name, one.kind, one.values, tag_set_id=one.id, path=f"{path}.categories[{i}]")
            for i, one in enumerate(wire.categories)
        ],
        created=parse_utc(wire.created, path=f"{path}.created"),
    )
    if encode_label(label) != wire:
        raise Malformed(
            "label-order", "label: expected tag sets and their categories sorted, each once", path=path
        )
    return label


def check_identifier(text: str, what: str, *, path: str = "") -> str:
    """Return ``text``, or raise `Malformed` unless it is empty or looks like an OID, UUID or URN."""
    if len(text) > MAX_NAME or not re.fullmatch(r"[A-Za-z0-9._:/#+-]*", text):
        raise Malformed(
            "bad-identifier",
            f"{what}: expected an OID, UUID or URN of <= {MAX_NAME} characters, got {text[:60]!r}",
            path=path,
        )
    return text
