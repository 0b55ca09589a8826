"""Labels and clearances in the notation of surevine/spiffing, which its published vectors are written in.

It names classifications and categories by number, so it can only be read with the policy at hand, and nobody
but that program uses it: it is read here and not in the package.
"""

from __future__ import annotations

from typing import Final

from entente.kernel.errors import Malformed
from entente.release.label import Clearance, Label, LabelPolicy, Policies, make_clearance, make_label
from entente.release.label.markup import Element, parse_markup
from entente.release.label.policy import TagType

SPACE: Final = "http://surevine.com/xmlns/spiffy"
TAG_TYPES: Final[dict[str, TagType]] = {
    "enumeratedPermissive": "enumerated-permissive",
    "enumeratedRestrictive": "enumerated-restrictive",
    "informative": "informative",
    "permissive": "permissive",
    "restrictive": "restrictive",
}


def parse_spiffing_label(data: bytes, policies: Policies) -> Label:
    root, policy, mask = _read(data, "label", policies)
    return make_label(
        policy_id=policy.id,
        policy=policy.name,
        classification=_find_class(root.get_child("classification"), policy),
        categories=policy.spell_categories(mask),
    )


def parse_spiffing_clearance(data: bytes, policies: Policies) -> Clearance:
    root, policy, mask = _read(data, "clearance", policies)
    return make_clearance(
        policy_id=policy.id,
        policy=policy.name,
        classifications=[_find_class(one, policy) for one in root.find_all("classification")],
        categories=policy.spell_categories(mask),
    )


def _read(data: bytes, name: str, policies: Policies) -> tuple[Element, LabelPolicy, int]:
    root = parse_markup(data, what=name)
    if (root.space, root.name) != (SPACE, name):
        raise root.fail("not-spiffing", f"expected {name} in {SPACE}")
    root.expect("classification", "policy", "tag")
    policy_id = root.get_child("policy").get("id")
    policy = policies.find(policy_id, "")
    if policy is None:
        raise Malformed("unknown-policy", f"Unknown policy id: {policy_id}")
    mask = 0
    for one in root.find_all("tag"):
        found = policy.find_category(one.get("id"), TAG_TYPES[one.get("type")], one.get_number("lacv"))
        if found is None:
            raise one.fail(
                "unknown-category", f"expected a category of {policy.name!r}, got {one.attributes}"
            )
        mask |= found.bit
    return root, policy, mask


def _find_class(element: Element, policy: LabelPolicy) -> str:
    found = policy.find_classification_by_lacv(element.get_number("lacv"))
    if found is None:
        raise element.fail(
            "unknown-classification", f"expected one of {policy.name!r}, got {element.attributes}"
        )
    return found.name
