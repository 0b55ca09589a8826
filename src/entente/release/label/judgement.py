"""May this recipient see what bears this label, and why: dominance, then every category.

For: the first gate that a release passes, and for answering "what would they need to see it".

A recipient may see it when all of this holds:
  1. there is a label, of a policy that the desk knows, and it breaks no rule of that policy;
  2. there is a clearance under the same policy, and it holds the label's classification;
  3. it holds every restrictive category of the label;
  4. for every tag with permissive categories in the label, it holds at least one of them.
Informative categories decide nothing.

Invariants:
  * Default deny: whatever is missing, unknown or at fault refuses; nothing raises out of a bad label.
  * A refusal names every step that failed, not only the first.

It keeps what reasons were spelt before with the policy, within a bound; it remembers no decision.

    >>> theirs = make_clearance(policy="TLP", up_to="AMBER")
    >>> decide(Label("", "TLP", "RED"), theirs, Policies([TLP])).is_allowed
    False
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from entente.kernel.errors import Denied, EntenteError
from entente.release.label.bound import BoundClearance, BoundLabel, Reason, bind_clearance, bind_label
from entente.release.label.clearance import Clearance
from entente.release.label.label import Label, make_label
from entente.release.label.policy import LabelPolicy, Policies, find_bits

MAX_MEMORY: Final = 65_536
"""Most reasons that are kept with a policy: some tens of megabytes with the largest one."""


class Judgement(msgspec.Struct, frozen=True):
    """What was decided about one label and one recipient.

    Args:
        is_allowed: Whether the recipient may see it.
        reasons: Every step; at least one is unmet when it is refused.
        officers_needed: How many officers the label asks for, at least one.
        policy_sha256: Of the policy that it was decided under; empty when none was found.
    """

    is_allowed: bool
    reasons: tuple[Reason, ...]
    officers_needed: int
    policy_sha256: str


def decide(label: Label | None, clearance: Clearance | None, policies: Policies) -> Judgement:
    """Return whether a recipient may see what bears a label, with reasons; never raises on bad ones."""
    if label is None:
        return refuse("no-label", "label", "there is no label, so nobody may see it")
    if clearance is None:
        return refuse("no-clearance", "clearance", "the recipient has no clearance under this label's policy")
    policy = policies.find_of(label)
    if policy is None:
        named = label.policy or label.policy_id
        return refuse(
            "unknown-policy", named, f"no label policy {named!r} is known here, so nobody may see it"
        )
    try:
        return decide_bound(bind_label(label, policy), bind_clearance(clearance, policy))
    except EntenteError as error:
        return refuse(error.code, policy.name, error.message)


def refuse(code: str, about: str, words: str) -> Judgement:
    """Return a refusal for one reason."""
    return Judgement(
        is_allowed=False,
        reasons=(Reason(code, about, words, is_met=False),),
        officers_needed=1,
        policy_sha256="",
    )


def decide_bound(label: BoundLabel, clearance: BoundClearance) -> Judgement:
    """Return the same as `decide`, for what has been bound before."""
    policy = label.policy
    held = clearance.held
    if (
        label.faults
        or not label.class_bit & clearance.classes
        or label.restrictive & ~held
        or (clearance.policy is not policy and clearance.policy.sha256 != policy.sha256)
    ):
        return _explain_refusal(label, clearance)
    reasons = label.met
    memory = policy.memory
    for mask in label.permissive:
        common = mask & held
        if not common:
            return _explain_refusal(label, clearance)
        key = (2, common, 0)
        reason = memory.get(key)
        if reason is None:
            reason = _remember(policy, key, _spell_permissive)
        reasons += (reason,)
    return Judgement(True, reasons, label.officers, policy.sha256)


def address(label: Label, clearance: Clearance, policy: LabelPolicy) -> Label:
    """Return the label that goes to one recipient: without the audience that the recipient is not part of.

    Of the permissive categories only those stay that the recipient holds itself: who else may see it is not
    for it to know. Nor is when the original was labelled, which may be the second of what was seen: the label
    that is returned has no time, and who sends it gives one that says nothing new. The rest stays as it is.

    Raises:
        Denied: The recipient may not see it, or the label that would be left is not valid.
    """
    bound, reader = bind_label(label, policy), bind_clearance(clearance, policy)
    judged = decide_bound(bound, reader)
    if not judged.is_allowed:
        words = "; ".join(one.words for one in judged.reasons if not one.is_met)
        raise Denied("not-cleared", f"label for a recipient: {words}")
    mask = bound.mask
    for permissive in bound.permissive:
        mask &= ~(permissive & ~reader.held)
    addressed = make_label(
        policy_id=policy.id,
        policy=policy.name,
        classification=bound.classification.name,
        categories=policy.spell_categories(mask),
    )
    faults = bind_label(addressed, policy).faults
    if faults:
        raise Denied("not-addressable", f"label for a recipient: {faults[0].words}")
    return addressed


def _explain_refusal(label: BoundLabel, clearance: BoundClearance) -> Judgement:
    """Return the refusal with every step, met or not."""
    policy = label.policy
    if clearance.policy is not policy and clearance.policy.sha256 != policy.sha256:
        return refuse(
            "other-policy",
            policy.name,
            f"the clearance is of another policy or edition, not of {policy.name!r}",
        )
    if label.faults:
        return Judgement(
            is_allowed=False,
            reasons=label.faults,
            officers_needed=label.officers,
            policy_sha256=policy.sha256,
        )
    held = clearance.held
    keys: list[tuple[tuple[int, int, int], Callable[[LabelPolicy, tuple[int, int, int]], Reason]]] = []
    reasons: list[Reason] = []
    if label.class_bit & clearance.classes:
        reasons.append(label.met[0])
    else:
        keys.append(((0, label.class_bit, clearance.classes), _spell_classification))
    missing = label.restrictive & ~held
    if missing:
        keys.append(((1, missing, 0), _spell_missing))
    elif label.restrictive:
        reasons.append(label.met[1])
    for mask in label.permissive:
        common = mask & held
        keys.append(((2, common, 0), _spell_permissive) if common else ((3, mask, 0), _spell_not_releasable))
    memory = policy.memory
    for key, spell in keys:
        reason = memory.get(key)
        reasons.append(_remember(policy, key, spell) if reason is None else reason)
    return Judgement(
        is_allowed=False,
        reasons=tuple(reasons),
        officers_needed=label.officers,
        policy_sha256=policy.sha256,
    )


def _remember(
    policy: LabelPolicy,
    key: tuple[int, int, int],
    spell: Callable[[LabelPolicy, tuple[int, int, int]], Reason],
) -> Reason:
    """Return a reason, and keep it with the policy: the same words are asked for again and again."""
    if len(policy.memory) >= MAX_MEMORY:
        policy.memory.clear()
    reason = policy.memory[key] = spell(policy, key)
    return reason


def _spell_classification(policy: LabelPolicy, key: tuple[int, int, int]) -> Reason:
    _, class_bit, classes = key
    name = policy.classifications[class_bit.bit_length() - 1].name
    listed = ", ".join(policy.classifications[rank].name for rank in find_bits(classes))
    return Reason(
        "classification",
        name,
        f"{name} is not within the clearance, which holds {listed}",
        is_met=False,
        needs=(name,),
    )


def _spell_missing(policy: LabelPolicy, key: tuple[int, int, int]) -> Reason:
    names = tuple(one.words for one in policy.find_categories(key[1]))
    listed = ", ".join(names)
    return Reason("restrictive", listed, f"the clearance does not hold {listed}", is_met=False, needs=names)


def _spell_permissive(policy: LabelPolicy, key: tuple[int, int, int]) -> Reason:
    found = list(policy.find_categories(key[1]))
    tag_set = found[0].tag.tag_set
    return Reason("permissive", tag_set, f"{tag_set}: {', '.join(one.name for one in found)}", is_met=True)


def _spell_not_releasable(policy: LabelPolicy, key: tuple[int, int, int]) -> Reason:
    found = list(policy.find_categories(key[1]))
    tag_set, names = found[0].tag.tag_set, tuple(one.words for one in found)
    words = f"{tag_set}: the clearance holds none of {', '.join(one.name for one in found)}"
    return Reason("permissive", tag_set, words, is_met=False, needs=names)
