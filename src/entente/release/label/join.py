"""The label of a thing that is put together of labelled parts.

For: a report made of several sources, a document of marked paragraphs. The highest classification, every
restrictive and informative category, and of the permissive ones those that every part which names any allows.

Invariants:
  * Whoever may see the whole may see each part.
  * The order of the parts, and joining some of them before the others, changes nothing.
  * Parts that no one recipient may all see have no label together: an error names them.

It translates nothing: all parts are under one policy.

    >>> join([("a", Label("", "TLP", "GREEN")), ("b", Label("", "TLP", "AMBER"))], TLP).classification
    'AMBER'
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from entente.kernel.errors import Denied
from entente.release.label.bound import BoundLabel, bind_label, find_rule_faults
from entente.release.label.label import Label, make_label
from entente.release.label.policy import LabelPolicy


def join(
    parts: Sequence[tuple[str, Label]], policy: LabelPolicy, *, created: datetime | None = None
) -> Label:
    """Return the label of the whole.

    Args:
        parts: Each part's name, for the error, and label.
        policy: The one policy of them all.
        created: When the label of the whole is given.

    Raises:
        Denied: A part is of another policy or not valid; permissive categories have nothing in common
            (``"empty-releasability"``); or the whole would break a rule that no part breaks. Named are the
            parts at fault.
        ValueError: No parts: our own caller's mistake; a thing without parts has no label.
    """
    if not parts:
        raise ValueError("join of labels: expected at least one part, got none")
    bound = [(name, _bind_part(name, label, policy)) for name, label in parts]
    classification = max((one.classification for _, one in bound), key=lambda one: one.rank)
    mask = 0
    for _, one in bound:
        mask |= one.mask
    for tag in policy.tags:
        if tag.kind == "permissive":
            mask = mask & ~tag.mask | _intersect(tag.mask, tag.tag_set, bound, policy)
    faults = find_rule_faults(classification, mask, policy)
    if faults:
        named = ", ".join(name for name, _ in bound)
        raise Denied(faults[0].code, f"label of {named} together: {'; '.join(one.words for one in faults)}")
    return make_label(
        policy_id=policy.id,
        policy=policy.name,
        classification=classification.name,
        categories=policy.spell_categories(mask),
        created=created,
    )


def _bind_part(name: str, label: Label, policy: LabelPolicy) -> BoundLabel:
    try:
        bound = bind_label(label, policy)
    except Denied as error:
        raise Denied(error.code, f"{name}: {error.message}") from error
    if bound.faults:
        raise Denied(bound.faults[0].code, f"{name}: {'; '.join(one.words for one in bound.faults)}")
    return bound


def _intersect(
    tag_mask: int, tag_set: str, bound: Sequence[tuple[str, BoundLabel]], policy: LabelPolicy
) -> int:
    """Return what every part that names any category of a tag allows; a part that names none allows all."""
    naming = [(name, one.mask & tag_mask) for name, one in bound if one.mask & tag_mask]
    common = tag_mask if naming else 0
    for _, mask in naming:
        common &= mask
    if naming and not common:
        listed = "; ".join(
            f"{name} only to {', '.join(one.name for one in policy.find_categories(mask))}"
            for name, mask in _find_disjoint(naming)
        )
        raise Denied(
            "empty-releasability", f"{tag_set}: expected parts with something in common, got {listed}"
        )
    return common


def _find_disjoint(naming: list[tuple[str, int]]) -> list[tuple[str, int]]:
    """Return parts that have nothing in common, no one of which can be left out."""
    left = list(naming)
    for one in naming:
        without = [other for other in left if other is not one]
        common = -1
        for _, mask in without:
            common &= mask
        if without and not common:
            left = without
    return left
