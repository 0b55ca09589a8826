"""A label policy from its file: XML SPIF 2.0 and 2.1 (xmlspif.org), checked whole before any of it is used.

For: the officer's policy files, national and partners'. What is read, clause by clause, and what is not
supported and so refused, stands in docs/formats/release-labels.md.

Invariants:
  * A file with a fault in it is no policy: a number or name given twice, a reference to nothing, a category
    that requires what it excludes, an element or attribute that we do not know.
  * Nothing but `Malformed` comes out of any bytes.

It does not verify a signature inside the file: who may put a policy on a desk is the desk's business.

    >>> read_spif(data).name
    'NATO'
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from entente.kernel.errors import Malformed
from entente.release.label.label import check_identifier, check_name, check_printed
from entente.release.label.markup import LANG, MAX_POLICY_BYTES, Element, parse_markup
from entente.release.label.phrases import NO_MARKINGS, PLACES, Marking, Markings, Phrase, Place
from entente.release.label.policy import (
    Applied,
    Classification,
    EquivalentCategory,
    EquivalentClassification,
    EquivalentPolicy,
    ForeignGroup,
    ForeignRequirement,
    Group,
    LabelPolicy,
    Operation,
    Requirement,
    Tag,
    TagCategory,
    TagType,
    find_bits,
    sum_masks,
)

MAX_POLICY_CATEGORIES: Final = 1024
"""Most categories in one policy, and most tags; the largest published one has 205."""
MAX_CLASSIFICATIONS: Final = 64
SPIF_SPACE: Final = "http://www.xmlspif.org/spif"
_SIGNATURE_SPACE: Final = "http://www.w3.org/2000/09/xmldsig#"
_OFFICERS: Final = "{urn:entente:label-policy:1}officers"
"""How many officers a release of what bears this classification or category needs: our one addition."""
_TAG_TYPES: Final[dict[tuple[str, str], TagType]] = {
    ("restrictive", ""): "restrictive",
    ("permissive", ""): "permissive",
    ("enumerated", "restrictive"): "enumerated-restrictive",
    ("enumerated", "permissive"): "enumerated-permissive",
    ("tagType7", ""): "informative",
}
_OPERATIONS: Final[dict[str, Operation]] = {"all": "all", "oneOrMore": "oneOrMore", "onlyOne": "onlyOne"}
_APPLIED: Final[dict[str, Applied]] = {"both": "both", "decrypt": "decrypt", "encrypt": "encrypt"}
_QUALIFIERS: Final = ("prefix", "separator", "suffix")
_CODES: Final = frozenset(
    {"noMarkingDisplay", "noNameDisplay", "replacePolicy", "suppressClassName", *PLACES}
)
_MARKS: Final = ("markingData", "markingQualifier")


@dataclass(slots=True)
class _Draft:
    """What has been read so far, and what later references are followed in."""

    policies: dict[str, str] = field(default_factory=dict)
    ranks: dict[str, int] = field(default_factory=dict)
    tags: list[Tag] = field(default_factory=list)
    numbered: list[tuple[Element, Tag, int]] = field(default_factory=list)
    """Each category's element, tag and number; its place in this list is its index."""
    numbers: dict[tuple[str, TagType], dict[int, int]] = field(default_factory=dict)
    """By tag set name and type: index by number."""
    masks: dict[tuple[str, TagType], int] = field(default_factory=dict)
    """By tag set name and type: all its categories."""


def read_spif(data: bytes) -> LabelPolicy:
    """Return the label policy that ``data`` describes, or raise `Malformed`."""
    root = parse_markup(data, what="label policy", max_bytes=MAX_POLICY_BYTES)
    # Published files leave the namespace out; a wrong one is another format.
    if root.name != "SPIF" or root.space not in {SPIF_SPACE, ""}:
        raise root.fail("not-a-spif", f"expected SPIF in {SPIF_SPACE}, got {root.name!r} in {root.space!r}")
    root.children = [one for one in root.children if one.space != _SIGNATURE_SPACE]
    root.expect(
        "defaultSecurityPolicyId",
        "equivalentPolicies",
        "extensions",
        "securityCategoryTagSets",
        "securityClassifications",
        "securityPolicyId",
        *_MARKS,
    )
    itself = root.get_child("securityPolicyId")
    draft = _Draft()
    equivalent = _read_equivalent_policies(root.find("equivalentPolicies"), draft)
    classes = _number_classifications(root.get_child("securityClassifications"), draft)
    _number_categories(root.find("securityCategoryTagSets"), draft)
    categories = tuple(
        _read_category(element, tag, number, index, draft)
        for index, (element, tag, number) in enumerate(draft.numbered)
    )
    _refuse_contradictions(categories)
    return LabelPolicy(
        id=_read_identifier(itself, "id"),
        name=_read_name(itself),
        version=root.attributes.get("version", "")[:40],
        sha256=hashlib.sha256(data).hexdigest(),
        classifications=tuple(_read_classification(one, rank, draft) for rank, one in enumerate(classes)),
        tags=tuple(draft.tags),
        categories=categories,
        equivalent_policies=equivalent,
        markings=_read_markings(root),
    )


# Names and numbers


def _read_name(element: Element, attribute: str = "name") -> str:
    return check_name(element.get(attribute), f"{element.name} {attribute}", path=f"line {element.line}")


def _read_identifier(element: Element, attribute: str) -> str:
    text = element.get(attribute)
    if not text:
        raise element.fail("bad-identifier", f"expected {attribute} to be an identifier, got none")
    return check_identifier(text, f"{element.name} {attribute}", path=f"line {element.line}")


def _read_tag_type(element: Element) -> TagType:
    key = (element.get("tagType"), element.attributes.get("enumType", ""))
    if key not in _TAG_TYPES:
        raise element.fail("bad-tag-type", f"expected a known tagType and enumType, got {key}")
    return _TAG_TYPES[key]


def _read_officers(element: Element) -> int:
    text = element.attributes.get(_OFFICERS, "1")
    if text not in {"1", "2", "3", "4", "5"}:
        raise element.fail("bad-officers", f"expected officers from 1 to 5, got {text[:20]!r}")
    return int(text)


def _put_once(known: dict[str, int], key: str, value: int, element: Element, code: str) -> None:
    if known.setdefault(key, value) != value:
        raise element.fail(code, f"expected each once, got {key!r} twice")


# Other policies


def _read_equivalent_policies(element: Element | None, draft: _Draft) -> tuple[EquivalentPolicy, ...]:
    if element is None:
        return ()
    element.expect("equivalentPolicy")
    found = []
    for one in element.children:
        one.expect("requiredCategory")
        one.expect_attributes("id", "name")
        name, policy_id = _read_name(one), _read_identifier(one, "id")
        if name in draft.policies or policy_id in draft.policies.values():
            raise one.fail("duplicate-policy", f"expected each policy once, got {name!r} ({policy_id}) twice")
        draft.policies[name] = policy_id
        found.append(EquivalentPolicy(policy_id, name, _read_foreign_requirements(one)))
    return tuple(found)


def _read_foreign_requirements(element: Element) -> tuple[ForeignRequirement, ...]:
    return tuple(
        ForeignRequirement(
            _read_operation(one),
            tuple(
                ForeignGroup(_read_name(group, "tagSetRef"), _read_tag_type(group), _read_group_number(group))
                for group in one.children
            ),
        )
        for one in element.find_all("requiredCategory")
    )


def _read_policy_ref(element: Element, draft: _Draft) -> str:
    name = element.get("policyRef")
    if name not in draft.policies:
        raise element.fail(
            "unknown-reference", f"expected one of {sorted(draft.policies)}, got {name[:60]!r}"
        )
    return draft.policies[name]


def _read_applied(element: Element) -> Applied:
    text = element.get("applied")
    if text not in _APPLIED:
        raise element.fail(
            "bad-applied", f"expected applied to be one of {sorted(_APPLIED)}, got {text[:40]!r}"
        )
    return _APPLIED[text]


# Classifications


def _number_classifications(element: Element, draft: _Draft) -> list[Element]:
    """Return the elements in the order of their hierarchy, with their names noted for later references."""
    element.expect("securityClassification")
    if not 1 <= len(element.children) <= MAX_CLASSIFICATIONS:
        raise element.fail(
            "bad-count", f"expected 1 to {MAX_CLASSIFICATIONS} classifications, got {len(element.children)}"
        )
    seen: dict[str, dict[str, int]] = {"name": {}, "lacv": {}, "hierarchy": {}}
    for place, one in enumerate(element.children):
        # Two classifications of one place in the hierarchy would have no highest one to join into.
        _put_once(seen["name"], _read_name(one), place, one, "duplicate-classification")
        for name in ("lacv", "hierarchy"):
            _put_once(seen[name], str(one.get_number(name)), place, one, "duplicate-classification")
    ordered = sorted(element.children, key=lambda one: one.get_number("hierarchy"))
    draft.ranks = {_read_name(one): rank for rank, one in enumerate(ordered)}
    return ordered


def _read_classification(element: Element, rank: int, draft: _Draft) -> Classification:
    element.expect("equivalentClassification", "requiredCategory", *_MARKS)
    element.expect_attributes("color", "hierarchy", "lacv", "name", "obsolete")
    return Classification(
        rank=rank,
        name=_read_name(element),
        lacv=element.get_number("lacv"),
        hierarchy=element.get_number("hierarchy"),
        color=check_name(element.attributes.get("color") or "none", "color", path=f"line {element.line}"),
        is_obsolete=element.get_flag("obsolete"),
        officers=_read_officers(element),
        requirements=_read_requirements(element, draft),
        equivalents=tuple(
            _read_equivalent_classification(one, draft)
            for one in element.find_all("equivalentClassification")
        ),
        markings=_read_markings(element),
    )


def _read_equivalent_classification(element: Element, draft: _Draft) -> EquivalentClassification:
    element.expect("requiredCategory")
    element.expect_attributes("applied", "lacv", "policyRef")
    return EquivalentClassification(
        _read_policy_ref(element, draft),
        element.get_number("lacv"),
        _read_applied(element),
        _read_foreign_requirements(element),
    )


# Tag sets and categories


def _number_categories(element: Element | None, draft: _Draft) -> None:
    if element is None:
        return
    element.expect("securityCategoryTagSet")
    names: dict[str, int] = {}
    for place, tag_set in enumerate(element.children):
        tag_set.expect("securityCategoryTag", *_MARKS)
        tag_set.expect_attributes("id", "name")
        name, tag_set_id = _read_name(tag_set), _read_identifier(tag_set, "id")
        _put_once(names, name, place, tag_set, "duplicate-tag-set")
        _put_once(names, tag_set_id, place, tag_set, "duplicate-tag-set")
        for one in tag_set.find_all("securityCategoryTag"):
            one.expect("tagCategory", *_MARKS)
            one.expect_attributes("enumType", "name", "singleSelection", "tag7Encoding", "tagType")
            _number_tag(one, name, tag_set_id, draft)


def _number_tag(element: Element, tag_set: str, tag_set_id: str, draft: _Draft) -> None:
    tag_type = _read_tag_type(element)
    numbers = draft.numbers.setdefault((tag_set, tag_type), {})
    first = len(draft.numbered)
    found = list(element.find_all("tagCategory"))
    # SECURITY: what follows costs the square of it (tests/unit/test_release_hostile.py,
    # test_a_policy_of_too_many_categories_is_refused).
    if first + len(found) > MAX_POLICY_CATEGORIES or len(draft.tags) >= MAX_POLICY_CATEGORIES:
        raise element.fail(
            "too-large", f"expected <= {MAX_POLICY_CATEGORIES} categories and tags in a policy"
        )
    tag = Tag(
        index=len(draft.tags),
        name=_read_name(element),
        tag_set=tag_set,
        tag_set_id=tag_set_id,
        tag_type=tag_type,
        is_single=element.get_flag("singleSelection"),
        mask=((1 << len(found)) - 1) << first,
        markings=_read_markings(element),
    )
    draft.tags.append(tag)
    draft.masks[tag_set, tag_type] = draft.masks.get((tag_set, tag_type), 0) | tag.mask
    for one in found:
        number = one.get_number("lacv")
        if number in numbers:
            raise one.fail(
                "duplicate-category",
                f"expected each number once in {tag_set!r} ({tag_type}), got {number} twice",
            )
        numbers[number] = len(draft.numbered)
        draft.numbered.append((one, tag, number))


def _read_category(element: Element, tag: Tag, number: int, index: int, draft: _Draft) -> TagCategory:
    element.expect(
        "equivalentSecCategoryTag", "excludedCategory", "excludedClass", "requiredCategory", *_MARKS
    )
    element.expect_attributes("lacv", "name", "obsolete")
    return TagCategory(
        index=index,
        name=_read_name(element),
        lacv=number,
        tag=tag,
        is_obsolete=element.get_flag("obsolete"),
        officers=_read_officers(element),
        excluded_classes=_read_excluded_classes(element, draft),
        excluded=tuple(_read_group(one, draft) for one in element.find_all("excludedCategory")),
        requirements=_read_requirements(element, draft),
        equivalents=tuple(
            _read_equivalent_category(one, draft) for one in element.find_all("equivalentSecCategoryTag")
        ),
        markings=_read_markings(element),
    )


def _read_equivalent_category(element: Element, draft: _Draft) -> EquivalentCategory:
    element.expect()
    element.expect_attributes("action", "applied", "enumType", "lacv", "policyRef", "tagSetId", "tagType")
    action = element.attributes.get("action")
    if action not in {None, "discard"}:
        raise element.fail("bad-action", f"expected no action or 'discard', got {action!r:.40}")
    return EquivalentCategory(
        policy_id=_read_policy_ref(element, draft),
        tag_set_id=_read_identifier(element, "tagSetId"),
        tag_type=_read_tag_type(element),
        lacv=None if action else element.get_number("lacv"),
        applied=_read_applied(element),
    )


# Rules


def _read_operation(element: Element) -> Operation:
    element.expect("categoryGroup")
    element.expect_attributes("operation")
    text = element.get("operation")
    if text not in _OPERATIONS:
        raise element.fail("bad-operation", f"expected one of {sorted(_OPERATIONS)}, got {text[:40]!r}")
    if not element.children:
        raise element.fail("empty-requirement", "expected at least one categoryGroup")
    return _OPERATIONS[text]


def _read_group_number(element: Element) -> int | None:
    """Return the number that a group names; None where it means any category of its tag set and type."""
    element.expect()
    element.expect_attributes("all", "enumType", "lacv", "tagSetRef", "tagType")
    is_all = element.get_flag("all")
    if is_all and "lacv" in element.attributes:
        raise element.fail("bad-group", "expected lacv or all, got both")
    return element.get_number("lacv") if "lacv" in element.attributes else None


def _read_group(element: Element, draft: _Draft) -> Group:
    tag_set, tag_type = element.get("tagSetRef"), _read_tag_type(element)
    numbers = draft.numbers.get((tag_set, tag_type))
    number = _read_group_number(element)
    if not numbers or (number is not None and number not in numbers):
        raise element.fail(
            "unknown-reference",
            f"expected categories of this policy, got {tag_set[:60]!r} {tag_type} {number}",
        )
    if number is None:
        return Group(f"any of {tag_set} ({tag_type})", draft.masks[tag_set, tag_type])
    index = numbers[number]
    return Group(f"{tag_set}: {_read_name(draft.numbered[index][0])}", 1 << index)


def _read_requirements(element: Element, draft: _Draft) -> tuple[Requirement, ...]:
    return tuple(
        Requirement(_read_operation(one), tuple(_read_group(group, draft) for group in one.children))
        for one in element.find_all("requiredCategory")
    )


def _read_excluded_classes(element: Element, draft: _Draft) -> int:
    mask = 0
    for one in element.find_all("excludedClass"):
        rank = draft.ranks.get(one.text)
        if rank is None:
            raise one.fail("unknown-reference", f"expected a classification, got {one.text[:60]!r}")
        if mask >> rank & 1:
            raise one.fail(
                "duplicate-exclusion", f"expected each classification once, got {one.text!r} twice"
            )
        mask |= 1 << rank
    return mask


def _refuse_contradictions(categories: tuple[TagCategory, ...]) -> None:
    """Raise `Malformed` for a category that no label can hold: what it requires, in steps, is excluded.

    Two categories that require each other are sound: a label holds both or none.
    """
    held = [
        one.bit
        | sum_masks(
            group.mask
            for rule in one.requirements
            for group in rule.groups
            if group.mask.bit_count() == 1 and (rule.operation == "all" or len(rule.groups) == 1)
        )
        for one in categories
    ]
    # What is required in any number of steps (Warshall's closure, a row at a time).
    for one in categories:
        row = held[one.index]
        held = [mask | row if mask & one.bit else mask for mask in held]
    excluded = [
        sum_masks(group.mask if group.mask == one.bit else group.mask & ~one.bit for group in one.excluded)
        for one in categories
    ]
    for one in categories:
        both = held[one.index] & sum_masks(excluded[index] for index in find_bits(held[one.index]))
        if both:
            first = categories[next(find_bits(both))]
            raise Malformed(
                "contradiction", f"label policy: {one.words!r} requires what excludes {first.words!r}"
            )


# Markings


def _read_markings(element: Element) -> Markings:
    qualifiers: dict[str, dict[str, str]] = {}
    phrases: dict[str, list[Phrase]] = {}
    for one in element.find_all("markingQualifier"):
        one.expect("qualifier")
        for part in one.children:
            part.expect_attributes("markingQualifier", "qualifierCode")
            code = part.get("qualifierCode")
            if code not in _QUALIFIERS:
                raise part.fail("bad-qualifier", f"expected one of {_QUALIFIERS}, got {code[:40]!r}")
            text = check_printed(part.get("markingQualifier"), "markingQualifier", path=f"line {part.line}")
            qualifiers.setdefault(_read_language(part), {}).setdefault(code, text)
    for one in element.find_all("markingData"):
        phrases.setdefault(_read_language(one), []).append(_read_phrase(one))
    if not qualifiers and not phrases:
        return NO_MARKINGS
    neutral = qualifiers.get("", {})
    return Markings(
        {
            language: Marking({**neutral, **qualifiers.get(language, {})}, tuple(phrases.get(language, [])))
            for language in {*qualifiers, *phrases}
        }
    )


def _read_language(element: Element) -> str:
    return element.attributes.get(LANG, "").lower()[:40]


def _read_phrase(element: Element) -> Phrase:
    element.expect("code")
    element.expect_attributes("phrase")
    codes = [one.text for one in element.children]
    unknown = [code for code in codes if code not in _CODES]
    if unknown:
        raise element.fail("bad-code", f"expected codes of {sorted(_CODES)}, got {unknown[0][:40]!r}")
    places: frozenset[Place] = frozenset().union(*(PLACES[code] for code in codes if code in PLACES))
    text = element.attributes.get("phrase")
    return Phrase(
        text=None if text is None else check_printed(text, "phrase", path=f"line {element.line}"),
        places=places or frozenset({"page-bottom"}),
        is_name_hidden="noNameDisplay" in codes or "noMarkingDisplay" in codes,
        is_class_hidden="suppressClassName" in codes,
        is_policy_replaced="replacePolicy" in codes,
    )
