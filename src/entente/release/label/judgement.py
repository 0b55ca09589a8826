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

from typing import Final

import msgspec

from entente.kernel.errors import Denied, EntenteError
from entente.release.label.bound import BoundClearance, BoundLabel, bind_clearance, bind_label
from entente.release.label.clearance import Clearance
from entente.release.label.label import Label, make_label
from entente.release.label.policy import LabelPolicy, Policies
from entente.release.label.reason import Reason

MAX_MEMORY: Final = 65_536
"""Most reasons of one kind that are kept with a policy: some tens of megabytes in all."""


class Judgement(msgspec.Struct, frozen=True, gc=False):
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
    if clearance.policy is not policy and clearance.policy.sha256 != policy.sha256:
        return refuse(
            "other-policy",
            policy.name,
            f"the clearance is of another policy or edition, not of {policy.name!r}",
        )
    if label.faults:
        return Judgement(False, label.faults, label.officers, policy.sha256)
    memory, held = policy.memory, clearance.held
    first = clearance.standing[label.rank]
    is_allowed, reasons = first.is_met, [first]
    if label.restrictive:
        missing = label.restrictive & ~held
        if missing:
            is_allowed = False
            reasons.append(memory.missing.get(missing) or _remember(policy, memory.missing, missing))
        else:
            reasons.append(
                memory.held.get(label.restrictive) or _remember(policy, memory.held, label.restrictive)
            )
    for mask in label.permissive:
        common = mask & held
        if common:
            reasons.append(memory.common.get(common) or _remember(policy, memory.common, common))
        else:
            is_allowed = False
            reasons.append(memory.nothing.get(mask) or _remember(policy, memory.nothing, mask))
    return Judgement(is_allowed, tuple(reasons), label.officers, policy.sha256)


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


def _remember(policy: LabelPolicy, memory: dict[int, Reason], mask: int) -> Reason:
    """Spell a reason, and keep it with the policy: the same words are asked for again and again."""
    if len(memory) >= MAX_MEMORY:
        memory.clear()
    categories = list(policy.find_categories(mask))
    if memory is policy.memory.common or memory is policy.memory.nothing:
        tag_set = categories[0].tag.tag_set
        listed = ", ".join([one.name for one in categories])
        is_met = memory is policy.memory.common
        words = f"{tag_set}: {listed}" if is_met else f"{tag_set}: the clearance holds none of {listed}"
        needs = () if is_met else tuple([one.words for one in categories])
        reason = Reason("permissive", tag_set, words, is_met, needs)
    else:
        names = tuple([one.words for one in categories])
        listed = ", ".join(names)
        is_met = memory is policy.memory.held
        words = f"the clearance holds {listed}" if is_met else f"the clearance does not hold {listed}"
        reason = Reason("restrictive", listed, words, is_met, () if is_met else names)
    memory[mask] = reason
    return reason
