"""A label under another policy: what a partner calls what we call so, if the policies say so.

For: the label that goes to a partner under its own policy (``by="sender"``: the label's policy names the
equivalents, ``applied="encrypt"`` or ``both``), and a label that came, under ours (``by="receiver"``: our
policy names them, ``applied="decrypt"`` or ``both``).

Invariants:
  * Refused rather than guessed: a classification or category with no equivalent, or with two, is an error.
  * Nobody gains: every restrictive category and every permissive tag of the label still keeps out whom it
    kept out, as far as policies can say; what would be lost, or turned from "all" to "one of", is an error.
  * No way round: an equivalent that would come back as a lower classification is refused.
  * Directional: what holds one way says nothing about the other. The original is kept beside it.

It does not say that the partner keeps its policy.

    >>> translate(label, tlp_plus, tlp).label.classification
    'AMBER'
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from entente.kernel.errors import Denied
from entente.release.label.bound import BoundLabel, bind_label, find_rule_faults
from entente.release.label.label import Label, make_label
from entente.release.label.policy import (
    Classification,
    ForeignRequirement,
    Group,
    LabelPolicy,
    Requirement,
    TagCategory,
    sum_masks,
)

Side = Literal["receiver", "sender"]


@dataclass(frozen=True, slots=True)
class Translation:
    """A label under another policy, with the one that it was made from."""

    label: Label
    original: Label
    source_sha256: str
    target_sha256: str


def translate(label: Label, source: LabelPolicy, target: LabelPolicy, *, by: Side = "sender") -> Translation:
    """Return a label as it is under another policy.

    Args:
        label: Valid under ``source``.
        source, target: The policies that it is of, and that it shall be of.
        by: Whose equivalents hold: the sender's are in ``source``, the receiver's in ``target``.

    Raises:
        Denied: It is not valid, has no equivalent or more than one, or the equivalent would admit more people
            or is not valid under ``target``.
    """
    bound = bind_label(label, source)
    if bound.faults:
        raise Denied(bound.faults[0].code, f"label to translate: {bound.faults[0].words}")
    steps = _SenderSteps(source, target) if by == "sender" else _ReceiverSteps(source, target)
    classification, requirements = steps.find_classification(bound.classification)
    _refuse_weaker_return(bound.classification, classification, source, target)
    mask = _translate_categories(bound, steps)
    for requirement in requirements:
        mask = _fulfil(requirement, mask, target)
    faults = find_rule_faults(classification, mask, target)
    if faults:
        raise Denied(
            "equivalent-not-valid",
            f"label under {target.name!r}: {'; '.join(one.words for one in faults)}",
        )
    made = make_label(
        policy_id=target.id,
        policy=target.name,
        classification=classification.name,
        categories=target.spell_categories(mask),
        created=label.created,
    )
    return Translation(made, label, source.sha256, target.sha256)


class _SenderSteps:
    """The equivalents that the label's own policy names."""

    def __init__(self, source: LabelPolicy, target: LabelPolicy) -> None:
        self.source, self.target = source, target
        known = source.find_equivalent(target.id)
        if known is None:
            raise Denied(
                "no-equivalent-policy",
                f"label policy {source.name!r}: names no equivalents in {target.name!r}",
            )
        self.requirements = known.requirements

    def find_classification(
        self, classification: Classification
    ) -> tuple[Classification, tuple[ForeignRequirement, ...]]:
        """Return the equivalent and what must stand beside it."""
        found = [
            one
            for one in classification.equivalents
            if one.policy_id == self.target.id and one.applied in {"encrypt", "both"}
        ]
        if len(found) != 1:
            raise _not_one(classification.name, self.source, self.target, [str(one.lacv) for one in found])
        there = self.target.find_classification_by_lacv(found[0].lacv)
        if there is None:
            raise Denied(
                "no-such-classification",
                f"classification {classification.name!r}: its equivalent has number {found[0].lacv}, which "
                f"{self.target.name!r} does not have",
            )
        return there, found[0].requirements + self.requirements

    def find_categories(self, category: TagCategory) -> int | None:
        """Return the equivalents of a category as a mask; 0 where it is to be discarded; None for none."""
        found = [
            one
            for one in category.equivalents
            if one.policy_id == self.target.id and one.applied in {"encrypt", "both"}
        ]
        if not found:
            return None
        mask = 0
        for one in found:
            if one.lacv is None:
                continue
            there = self.target.find_category(one.tag_set_id, one.tag_type, one.lacv)
            if there is None:
                raise Denied(
                    "no-such-category",
                    f"category {category.words!r}: its equivalent {one.tag_set_id} {one.tag_type} {one.lacv} "
                    f"is not in {self.target.name!r}",
                )
            mask |= there.bit
        return mask


class _ReceiverSteps:
    """The equivalents that the policy of the one who gets the label names."""

    def __init__(self, source: LabelPolicy, target: LabelPolicy) -> None:
        self.source, self.target = source, target
        if target.find_equivalent(source.id) is None:
            raise Denied(
                "no-equivalent-policy",
                f"label policy {target.name!r}: names no equivalents in {source.name!r}",
            )

    def find_classification(
        self, classification: Classification
    ) -> tuple[Classification, tuple[ForeignRequirement, ...]]:
        """Return the one classification that names this one as its equivalent."""
        found = [
            ours
            for ours in self.target.classifications
            if any(
                one.policy_id == self.source.id
                and one.lacv == classification.lacv
                and one.applied in {"decrypt", "both"}
                for one in ours.equivalents
            )
        ]
        if len(found) != 1:
            raise _not_one(classification.name, self.source, self.target, [one.name for one in found])
        # What the policies require beside an equivalent is about labels that leave, and this one came.
        return found[0], ()

    def find_categories(self, category: TagCategory) -> int | None:
        """Return the one category that names this one as its equivalent; None for none."""
        found = [
            ours
            for ours in self.target.categories
            if any(
                one.policy_id == self.source.id
                and (one.tag_set_id, one.tag_type, one.lacv)
                == (category.tag.tag_set_id, category.tag.tag_type, category.lacv)
                and one.applied in {"decrypt", "both"}
                for one in ours.equivalents
            )
        ]
        if len(found) > 1:
            raise _not_one(category.words, self.source, self.target, [one.words for one in found])
        return found[0].bit if found else None


def _refuse_weaker_return(
    there: Classification, here: Classification, source: LabelPolicy, target: LabelPolicy
) -> None:
    """Raise `Denied` where either policy takes the equivalent for a lower classification than it came from.

    SECURITY: else whoever translates there and back has lowered a label, each step by somebody's policy
    (tests/unit/test_release_attacks.py, test_a_label_does_not_come_back_weaker_from_another_policy).
    """
    sent = {
        one.lacv
        for one in here.equivalents
        if one.policy_id == source.id and one.applied in {"encrypt", "both"}
    }
    back = [
        one
        for one in source.classifications
        if one.lacv in sent
        or any(
            each.policy_id == target.id and each.lacv == here.lacv and each.applied in {"decrypt", "both"}
            for each in one.equivalents
        )
    ]
    weaker = [one.name for one in back if one.rank < there.rank]
    if weaker:
        raise Denied(
            "equivalents-disagree",
            f"{there.name!r} of {source.name!r} is {here.name!r} of {target.name!r}, which would come back "
            f"as {weaker[0]!r}: expected policies that agree",
        )


def _not_one(name: str, source: LabelPolicy, target: LabelPolicy, found: list[str]) -> Denied:
    listed = ", ".join(found) or "none"
    return Denied(
        "ambiguous-equivalent" if found else "no-equivalent",
        f"{name!r} of {source.name!r}: expected one equivalent in {target.name!r}, got {listed}",
    )


def _translate_categories(bound: BoundLabel, steps: _SenderSteps | _ReceiverSteps) -> int:
    """Return the equivalents of all categories; refused when one would keep out fewer than before."""
    source, target = steps.source, steps.target
    images: dict[int, int] = {}
    for one in source.find_categories(bound.mask):
        image = steps.find_categories(one)
        if image is None:
            raise _not_one(one.words, source, target, [])
        images[one.index] = image
    # SECURITY: a reader of the label meets every restrictive category and one category of each permissive
    # tag. Each of these conditions must have an image that still asks for it, and no two may share a
    # permissive tag, where meeting one of them would do for both
    # (tests/properties/test_release_translation.py, test_a_translation_admits_nobody_new).
    relevant = sum_masks(tag.mask for tag in target.tags if tag.kind != "informative")
    taken: dict[int, tuple[int, str]] = {}
    for number, (words, mask) in enumerate(_list_conditions(bound)):
        parts = [images[one.index] & relevant for one in source.find_categories(mask)]
        image = sum_masks(parts)
        if not image or _is_mixed(parts, target):
            raise Denied(
                "would-widen", f"{words}: expected an equivalent in {target.name!r} that asks for it"
            )
        for tag in target.tags:
            if tag.kind == "permissive" and tag.mask & image:
                other, other_words = taken.setdefault(tag.index, (number, words))
                if other != number:
                    raise Denied(
                        "would-widen",
                        f"{other_words} and {words}: expected different tags of {target.name!r}, both are "
                        f"{tag.name!r}",
                    )
    # What decides nothing may come to decide, but never open what one of the conditions closes.
    for one in source.find_categories(bound.mask):
        if one.tag.kind != "informative":
            continue
        for tag in target.tags:
            if tag.kind == "permissive" and tag.mask & images[one.index] and tag.index in taken:
                raise Denied(
                    "would-widen",
                    f"{taken[tag.index][1]} and {one.words}: expected different tags of {target.name!r}, "
                    f"both are {tag.name!r}",
                )
    return sum_masks(images.values())


def _list_conditions(bound: BoundLabel) -> Iterable[tuple[str, int]]:
    """Return what a reader has to meet: each restrictive category, each tag with permissive ones."""
    policy = bound.policy
    for one in policy.find_categories(bound.restrictive):
        yield one.words, one.bit
    for mask in bound.permissive:
        tag = next(policy.find_categories(mask)).tag
        yield f"{tag.tag_set} ({tag.name})", mask


def _is_mixed(parts: list[int], target: LabelPolicy) -> bool:
    """Tell whether some reader could meet the equivalents of several categories together, but of none alone.

    Where "x or y" becomes "(a or c) and (b or d)", who holds a and d was meant by neither. With no more than
    one permissive tag for each of them, whoever meets all tags holds a category of one of them, and all that
    any of them restricts besides.
    """
    telling = [part for part in parts if part]
    return len(telling) > 1 and any(
        sum(1 for tag in target.tags if tag.kind == "permissive" and tag.mask & part) > 1 for part in telling
    )


def _fulfil(requirement: ForeignRequirement, mask: int, target: LabelPolicy) -> int:
    """Return the categories with what must stand beside them; refused where more than one would do."""
    groups = []
    for group in requirement.groups:
        found = [
            one
            for one in target.categories
            if (one.tag.tag_set, one.tag.tag_type) == (group.tag_set, group.tag_type)
            and group.lacv in {None, one.lacv}
        ]
        if not found:
            raise Denied(
                "no-such-category",
                f"equivalent in {target.name!r}: requires {group.tag_set!r} {group.tag_type} {group.lacv}, "
                "which it does not have",
            )
        groups.append(Group(f"{group.tag_set} {group.lacv}", sum_masks(one.bit for one in found)))
    met = Requirement(requirement.operation, tuple(groups))
    if met.is_met(mask):
        return mask
    added = sum_masks(group.mask for group in groups if not group.mask & mask)
    is_plain = requirement.operation == "all" or len(groups) == 1
    if not is_plain or any(group.mask.bit_count() != 1 for group in groups if not group.mask & mask):
        raise Denied(
            "ambiguous-equivalent",
            f"equivalent in {target.name!r}: requires {met.words}, which can be met in several ways",
        )
    for tag in target.tags:
        if tag.kind == "permissive" and tag.mask & added and tag.mask & mask:
            raise Denied(
                "would-widen",
                f"equivalent in {target.name!r}: requires {met.words} beside others of {tag.name!r}",
            )
    return mask | added
