"""Random label policies, labels and clearances, and a second, slow opinion on who may see what.

A policy is drawn as plain lists and spelt as an XML SPIF, so that what is tested went through the reader. The
second opinion is written on names and sets, without masks, memory or anything else of the package.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from hypothesis import strategies as st

from entente.release.label import (
    Clearance,
    Label,
    LabelPolicy,
    make_category,
    make_clearance,
    make_label,
    read_spif,
)
from entente.release.label.label import CategoryKind

TYPES: Final = {
    "restrictive": 'tagType="restrictive"',
    "permissive": 'tagType="permissive"',
    "enumerated-restrictive": 'tagType="enumerated" enumType="restrictive"',
    "enumerated-permissive": 'tagType="enumerated" enumType="permissive"',
    "informative": 'tagType="tagType7" tag7Encoding="bitSetAttributes"',
}
Applied = Literal["encrypt", "decrypt", "both"]


@dataclass
class PlainCategory:
    """A category as drawn; ``rules`` are elements of the file, ready spelt."""

    name: str
    number: int
    rules: str = ""


@dataclass
class PlainTag:
    """A tag as drawn. Every tag here is a tag set of its own, so that a name has one meaning."""

    name: str
    set_id: str
    tag_type: str
    categories: list[PlainCategory]

    @property
    def kind(self) -> CategoryKind:
        kinds: list[CategoryKind] = ["informative", "permissive", "restrictive"]
        return next(kind for kind in kinds if kind in self.tag_type)


@dataclass
class PlainPolicy:
    """A policy as drawn: classifications lowest first, with what is spelt inside each."""

    name: str
    policy_id: str
    classes: list[str]
    tags: list[PlainTag]
    equivalents: list[str] = field(default_factory=list)
    class_rules: dict[str, str] = field(default_factory=dict)

    def spell(self) -> bytes:
        classes = "".join(
            f'<securityClassification name="{name}" lacv="{rank + 10}" hierarchy="{rank * 3}">'
            f"{self.class_rules.get(name, '')}</securityClassification>"
            for rank, name in enumerate(self.classes)
        )
        tags = "".join(
            f'<securityCategoryTagSet name="{tag.name}" id="{tag.set_id}">'
            f'<securityCategoryTag name="{tag.name}" {TYPES[tag.tag_type]}>'
            + "".join(
                f'<tagCategory name="{one.name}" lacv="{one.number}">{one.rules}</tagCategory>'
                for one in tag.categories
            )
            + "</securityCategoryTag></securityCategoryTagSet>"
            for tag in self.tags
        )
        equivalents = "".join(self.equivalents)
        return (
            f'<SPIF xmlns="http://www.xmlspif.org/spif"><securityPolicyId name="{self.name}" '
            f'id="{self.policy_id}"/><equivalentPolicies>{equivalents}</equivalentPolicies>'
            f"<securityClassifications>{classes}</securityClassifications>"
            f"<securityCategoryTagSets>{tags}</securityCategoryTagSets></SPIF>"
        ).encode()

    def read(self) -> LabelPolicy:
        return read_spif(self.spell())


@st.composite
def plain_policies(draw: st.DrawFn, name: str = "Ours", arc: str = "1.2.3") -> PlainPolicy:
    """A policy without rules: what holds for every lattice of classifications and categories."""
    kinds = draw(st.lists(st.sampled_from(sorted(TYPES)), max_size=4))
    return PlainPolicy(
        name,
        arc,
        [f"C{rank}" for rank in range(draw(st.integers(1, 4)))],
        [
            PlainTag(
                f"T{place}",
                f"{arc}.{place}",
                kind,
                [PlainCategory(f"v{number}", number) for number in range(draw(st.integers(1, 4)))],
            )
            for place, kind in enumerate(kinds)
        ],
    )


@st.composite
def telling_policies(draw: st.DrawFn, name: str = "Ours", arc: str = "1.2.3") -> PlainPolicy:
    """A small policy with two or three tags that decide something, and perhaps one that does not."""
    kinds = draw(
        st.lists(st.sampled_from(("permissive", "permissive", "restrictive")), min_size=2, max_size=3)
    )
    kinds += draw(st.sampled_from(([], ["informative"])))
    return PlainPolicy(
        name,
        arc,
        [f"C{rank}" for rank in range(draw(st.integers(1, 2)))],
        [
            PlainTag(
                f"T{place}",
                f"{arc}.{place}",
                kind,
                [PlainCategory(f"v{number}", number) for number in range(draw(st.integers(1, 2)))],
            )
            for place, kind in enumerate(kinds)
        ],
    )


@st.composite
def ruled_policies(draw: st.DrawFn) -> PlainPolicy:
    """A policy with rules of all forms; it may contradict itself, and then is no policy."""
    plain = draw(plain_policies())
    targets = [(tag, one) for tag in plain.tags for one in tag.categories]

    def group() -> str:
        tag, one = draw(st.sampled_from(targets))
        which = draw(st.sampled_from((f'lacv="{one.number}"', 'all="true"', "")))
        return f'tagSetRef="{tag.name}" {TYPES[tag.tag_type].replace(TAG7, "")} {which}'

    for _, one in targets:
        rules = draw(st.sets(st.sampled_from(("class", "excluded", "required")), max_size=2))
        if "class" in rules:
            one.rules += f"<excludedClass>{draw(st.sampled_from(plain.classes))}</excludedClass>"
        if "excluded" in rules:
            one.rules += f"<excludedCategory {group()}/>"
        if "required" in rules:
            operation = draw(st.sampled_from(("all", "oneOrMore", "onlyOne")))
            groups = "".join(f"<categoryGroup {group()}/>" for _ in range(draw(st.integers(1, 2))))
            one.rules += f'<requiredCategory operation="{operation}">{groups}</requiredCategory>'
    return plain


TAG7: Final = ' tag7Encoding="bitSetAttributes"'


@st.composite
def labels(draw: st.DrawFn, plain: PlainPolicy, *, is_full: bool = False) -> Label:
    """Any label that a policy's names allow, or one with every category; the rules may not allow it."""
    chosen = [
        (
            tag,
            tag.categories
            if is_full
            else draw(st.lists(st.sampled_from(tag.categories), unique_by=lambda one: one.name)),
        )
        for tag in plain.tags
    ]
    return make_label(
        policy_id=plain.policy_id,
        policy=plain.name,
        classification=draw(st.sampled_from(plain.classes)),
        categories=[
            make_category(tag.name, tag.kind, [one.name for one in found], tag_set_id=tag.set_id)
            for tag, found in chosen
            if found
        ],
    )


@st.composite
def clearances(draw: st.DrawFn, plain: PlainPolicy) -> Clearance:
    """A clearance up to a classification, holding any categories; every other one is a wide one.

    A wide one has the highest classification, all that is restrictive and one of each permissive tag: most
    labels admit it, so that what is said of those who are admitted is put to the test.
    """
    is_wide = draw(st.booleans())
    chosen: list[tuple[PlainTag, list[PlainCategory]]] = []
    for tag in plain.tags:
        if is_wide and tag.kind == "restrictive":
            chosen.append((tag, tag.categories))
        elif is_wide and tag.kind == "permissive":
            chosen.append((tag, [draw(st.sampled_from(tag.categories))]))
        elif tag.kind != "informative":
            drawn = st.lists(st.sampled_from(tag.categories), unique_by=lambda one: one.name)
            chosen.append((tag, draw(drawn)))
    return make_clearance(
        policy=plain.name,
        up_to=plain.classes[-1] if is_wide else draw(st.sampled_from(plain.classes)),
        categories=[
            make_category(tag.name, tag.kind, [one.name for one in found]) for tag, found in chosen if found
        ],
    )


def list_clearances(plain: PlainPolicy) -> list[Clearance]:
    """Every clearance of a small policy: each classification with each set of categories, up to a bound."""
    holdings: list[tuple[tuple[PlainTag, tuple[str, ...]], ...]] = [()]
    for tag in plain.tags:
        if tag.kind == "informative":
            continue
        subsets = [
            tuple(one.name for place, one in enumerate(tag.categories) if number >> place & 1)
            for number in range(1 << len(tag.categories))
        ]
        holdings = [(*held, (tag, names)) for held in holdings for names in subsets][:512]
    return [
        make_clearance(
            policy=plain.name,
            up_to=name,
            categories=[make_category(tag.name, tag.kind, names) for tag, names in held if names],
        )
        for name in plain.classes
        for held in holdings
    ]


def is_cleared(label: Label, clearance: Clearance, classes: Sequence[str]) -> bool:
    """The second opinion, for a valid label of a policy in which every tag is a tag set of its own."""
    held = {(one.tag_set, value) for one in clearance.categories for value in one.values}
    if classes.index(label.classification) > classes.index(clearance.up_to):
        return False
    for one in label.categories:
        found = [value for value in one.values if (one.tag_set, value) in held]
        if one.kind == "restrictive" and len(found) < len(one.values):
            return False
        if one.kind == "permissive" and not found:
            return False
    return True
