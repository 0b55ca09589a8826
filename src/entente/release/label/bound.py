"""A label and a clearance under the policy that gives them meaning: names followed, rules checked, as masks.

For: deciding about many quickly. What is bound once is asked often: one label for each of ten recipients, one
clearance for each of a million labels.

Invariants:
  * Nothing is guessed: an unknown name binds to nothing and is refused.
  * A label that breaks a rule of its policy is bound all the same, with its faults; it admits nobody.

It does not decide: see `entente.release.label.judgement`.

    >>> bind_label(Label("", "TLP", "AMBER"), TLP).faults
    ()
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from entente.kernel.errors import Denied
from entente.release.label.clearance import Clearance
from entente.release.label.label import Label
from entente.release.label.policy import Classification, LabelPolicy, find_bits
from entente.release.label.reason import Reason

MAX_STANDINGS: Final = 1024


@dataclass(frozen=True, slots=True, eq=False)
class BoundLabel:
    """A label under its policy.

    Args:
        mask: All its categories; ``restrictive`` those of them that a reader must hold all of.
        permissive: For each tag with permissive categories, those that a reader must hold one of.
        faults: What makes it invalid; none for a valid label.
        officers: How many officers must agree to a release of what bears it.
    """

    policy: LabelPolicy
    label: Label
    classification: Classification
    rank: int
    mask: int
    restrictive: int
    permissive: tuple[int, ...]
    faults: tuple[Reason, ...]
    officers: int


@dataclass(frozen=True, slots=True, eq=False)
class BoundClearance:
    """A clearance under its policy.

    Args:
        classes, held: Its classifications and categories, as masks.
        standing: For each classification of the policy whether it is within the clearance, as a reason.
    """

    policy: LabelPolicy
    clearance: Clearance
    classes: int
    held: int
    standing: tuple[Reason, ...]


def bind_label(label: Label, policy: LabelPolicy, *, is_new: bool = False) -> BoundLabel:
    """Return a label with its names followed in a policy.

    Args:
        label: As its author wrote it.
        policy: The one that it names.
        is_new: It is being given now: what the policy calls obsolete is a fault, too.

    Raises:
        Denied: It is of another policy, or names what the policy does not have.
    """
    if not policy.is_policy_of(label.policy_id, label.policy):
        raise Denied(
            "other-policy",
            f"label of policy {label.policy!r} ({label.policy_id}): expected {policy.name!r} ({policy.id})",
        )
    classification = policy.find_classification(label.classification)
    if classification is None:
        raise Denied(
            "unknown-classification",
            f"label: expected a classification of policy {policy.name!r}, got {label.classification!r}",
        )
    empty = tuple(
        _fault("empty-tag-set", one.tag_set, f"{one.tag_set}: expected at least one category, got none")
        for one in label.categories
        if not one.values
    )
    mask = policy.get_mask(label.categories)
    faults = empty + find_rule_faults(classification, mask, policy, is_new=is_new)
    return make_bound(label, classification, mask, policy, faults)


def make_bound(
    label: Label, classification: Classification, mask: int, policy: LabelPolicy, faults: tuple[Reason, ...]
) -> BoundLabel:
    """Return a bound label from what is already known about it."""
    restrictive, officers = 0, classification.officers
    permissive: dict[int, int] = {}
    for one in policy.find_categories(mask):
        officers = max(officers, one.officers)
        if one.tag.kind == "restrictive":
            restrictive |= one.bit
        elif one.tag.kind == "permissive":
            permissive[one.tag.index] = permissive.get(one.tag.index, 0) | one.bit
    return BoundLabel(
        policy=policy,
        label=label,
        classification=classification,
        rank=classification.rank,
        mask=mask,
        restrictive=restrictive,
        permissive=tuple(permissive.values()),
        faults=faults,
        officers=officers,
    )


def bind_clearance(clearance: Clearance, policy: LabelPolicy) -> BoundClearance:
    """Return a clearance with its names followed in a policy, or raise `Denied` as `bind_label` does."""
    if not policy.is_policy_of(clearance.policy_id, clearance.policy):
        raise Denied(
            "other-policy",
            f"clearance of policy {clearance.policy!r} ({clearance.policy_id}): expected {policy.name!r} "
            f"({policy.id})",
        )
    classes = 0
    for name in (*clearance.classifications, *([clearance.up_to] if clearance.up_to else ())):
        found = policy.find_classification(name)
        if found is None:
            raise Denied(
                "unknown-classification",
                f"clearance: expected a classification of policy {policy.name!r}, got {name!r}",
            )
        classes |= (found.bit << 1) - 1 if name == clearance.up_to else found.bit
    held = policy.get_mask(clearance.categories)
    return BoundClearance(policy, clearance, classes, held, _spell_standing(policy, classes))


def _spell_standing(policy: LabelPolicy, classes: int) -> tuple[Reason, ...]:
    """Return, for each classification, the reason that it is or is not within a clearance."""
    known = policy.memory.standing.get(classes)
    if known is None:
        listed = ", ".join(policy.classifications[rank].name for rank in find_bits(classes))
        known = tuple(
            Reason("classification", one.name, f"{one.name} is within the clearance", is_met=True)
            if one.bit & classes
            else Reason(
                "classification",
                one.name,
                f"{one.name} is not within the clearance, which holds {listed}",
                is_met=False,
                needs=(one.name,),
            )
            for one in policy.classifications
        )
        # Not more than there are ways to be cleared, of which a desk knows a few.
        if len(policy.memory.standing) < MAX_STANDINGS:
            policy.memory.standing[classes] = known
    return known


def find_faults(label: Label, policy: LabelPolicy, *, is_new: bool = False) -> tuple[Reason, ...]:
    """Return why a label is not valid under a policy; nothing for a valid one.

    Args:
        label: As its author wrote it.
        policy: The one that it should be of.
        is_new: It is being given now: what the policy calls obsolete is a fault, too.
    """
    try:
        return bind_label(label, policy, is_new=is_new).faults
    except Denied as error:
        return (_fault(error.code, label.classification, error.message),)


def find_rule_faults(
    classification: Classification, mask: int, policy: LabelPolicy, *, is_new: bool = False
) -> tuple[Reason, ...]:
    """Return which rules of a policy a classification with these categories breaks."""
    faults = [
        _fault("required-category", classification.name, f"{classification.name} requires {rule.words}")
        for rule in classification.requirements
        if not rule.is_met(mask)
    ]
    if is_new and classification.is_obsolete:
        faults.append(_fault("obsolete", classification.name, f"{classification.name} is obsolete"))
    for one in policy.find_categories(mask):
        if one.excluded_classes & classification.bit:
            text = f"{one.words} is excluded with {classification.name}"
            faults.append(_fault("excluded-classification", one.tag.tag_set, text))
        # A rule that excludes a whole tag set from within it means the others of that tag set.
        faults += [
            _fault("excluded-category", one.tag.tag_set, f"{one.words} excludes {group.words}")
            for group in one.excluded
            if group.mask & mask & ~one.bit
        ]
        faults += [
            _fault("required-category", one.tag.tag_set, f"{one.words} requires {rule.words}")
            for rule in one.requirements
            if not rule.is_met(mask)
        ]
        if (
            one.tag.is_single
            and (one.tag.mask & mask).bit_count() > 1
            and one.bit == _lowest(one.tag.mask & mask)
        ):
            text = f"{one.tag.tag_set}: only one of {one.tag.name} may be chosen"
            faults.append(_fault("single-selection", one.tag.tag_set, text))
        if is_new and one.is_obsolete:
            faults.append(_fault("obsolete", one.tag.tag_set, f"{one.words} is obsolete"))
    return tuple(faults)


def _lowest(mask: int) -> int:
    return mask & -mask


def _fault(code: str, about: str, words: str) -> Reason:
    return Reason(code, about, words, is_met=False)
