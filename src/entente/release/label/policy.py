"""A label policy: classifications in their order, tag sets with their categories, and the rules between them.

For: what `entente.release.label.spif` reads a file into, and what every question about labels is asked of.
Categories are numbered through the whole policy, so that a set of them is one integer, a *mask*.

Invariants:
  * Classifications stand in the order of their hierarchy; no two share a place, number or name.
  * Within a tag set a name means one category of a kind, and a number one of a type.
  * Every reference has been followed: what a rule names exists.

It decides nothing about a person: see `entente.release.label.judgement`.

    >>> TLP.find_classification("AMBER").hierarchy
    2
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from entente.kernel.errors import Denied, Malformed
from entente.release.label.label import Category, CategoryKind, Label
from entente.release.label.phrases import Markings
from entente.release.label.reason import ReasonMemory

TagType = Literal[
    "enumerated-permissive", "enumerated-restrictive", "informative", "permissive", "restrictive"
]
"""How a tag is encoded and what it does (ACP 145 annex A: types 1, 2, 6 and 7)."""
Operation = Literal["all", "oneOrMore", "onlyOne"]
Applied = Literal["both", "decrypt", "encrypt"]
"""In which direction an equivalence holds: *encrypt*, what we send; *decrypt*, what we get."""

KINDS: Final[Mapping[TagType, CategoryKind]] = {
    "enumerated-permissive": "permissive",
    "enumerated-restrictive": "restrictive",
    "informative": "informative",
    "permissive": "permissive",
    "restrictive": "restrictive",
}


@dataclass(frozen=True, slots=True)
class Group:
    """What a rule names: one category, or any of a tag set's categories of one type.

    Args:
        words: For people: ``"Ethics: Not Vegan"``, ``"any of Sensitive Descriptors"``.
        mask: The categories.
    """

    words: str
    mask: int


@dataclass(frozen=True, slots=True)
class Requirement:
    """What must stand beside a classification or category (``requiredCategory``)."""

    operation: Operation
    groups: tuple[Group, ...]

    def is_met(self, mask: int) -> bool:
        """Tell whether a label with these categories satisfies it."""
        met = sum(1 for group in self.groups if group.mask & mask)
        match self.operation:
            case "all":
                return met == len(self.groups)
            case "oneOrMore":
                return met > 0
            case "onlyOne":
                return met == 1

    @property
    def words(self) -> str:
        """What is required, for people."""
        listed = ", ".join(group.words for group in self.groups)
        if len(self.groups) == 1:
            return listed
        return {"all": "all", "oneOrMore": "one or more", "onlyOne": "only one"}[
            self.operation
        ] + f" of {listed}"


@dataclass(frozen=True, slots=True)
class ForeignGroup:
    """As `Group`, in another policy, which may not be at hand: not yet followed."""

    tag_set: str
    tag_type: TagType
    lacv: int | None


@dataclass(frozen=True, slots=True)
class ForeignRequirement:
    """As `Requirement`, on the label that a translation makes."""

    operation: Operation
    groups: tuple[ForeignGroup, ...]


@dataclass(frozen=True, slots=True)
class EquivalentClassification:
    """What a classification is called under another policy, and in which direction that holds."""

    policy_id: str
    lacv: int
    applied: Applied
    requirements: tuple[ForeignRequirement, ...]


@dataclass(frozen=True, slots=True)
class EquivalentCategory:
    """What a category is called under another policy; ``lacv`` is None where it is to be discarded."""

    policy_id: str
    tag_set_id: str
    tag_type: TagType
    lacv: int | None
    applied: Applied


@dataclass(frozen=True, slots=True)
class EquivalentPolicy:
    """Another policy that this one knows equivalents in."""

    id: str
    name: str
    requirements: tuple[ForeignRequirement, ...]


@dataclass(frozen=True, slots=True)
class Classification:
    """One classification.

    Args:
        rank: Its place, from 0, lowest first; ``bit`` is ``1 << rank``.
        lacv: Its number in the file.
        hierarchy: Its place in the file.
        officers: How many officers have to agree to a release of what bears it.
    """

    rank: int
    name: str
    lacv: int
    hierarchy: int
    color: str
    is_obsolete: bool
    officers: int
    requirements: tuple[Requirement, ...]
    equivalents: tuple[EquivalentClassification, ...]
    markings: Markings

    @property
    def bit(self) -> int:
        """Its mask among the classifications."""
        return 1 << self.rank


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag of a tag set: categories of one type that are printed together.

    A label that holds permissive categories of several tags asks for one of each.
    """

    index: int
    name: str
    tag_set: str
    tag_set_id: str
    tag_type: TagType
    is_single: bool
    mask: int
    markings: Markings

    @property
    def kind(self) -> CategoryKind:
        """What its categories do."""
        return KINDS[self.tag_type]


@dataclass(frozen=True, slots=True)
class TagCategory:
    """One category; ``bit`` is ``1 << index``, and ``index`` is its place in the policy."""

    index: int
    name: str
    lacv: int
    tag: Tag
    is_obsolete: bool
    officers: int
    excluded_classes: int
    excluded: tuple[Group, ...]
    requirements: tuple[Requirement, ...]
    equivalents: tuple[EquivalentCategory, ...]
    markings: Markings

    @property
    def bit(self) -> int:
        """Its mask among the categories."""
        return 1 << self.index

    @property
    def words(self) -> str:
        """Tag set and name, for people."""
        return f"{self.tag.tag_set}: {self.name}"


@dataclass(frozen=True, slots=True, eq=False)
class LabelPolicy:
    """A label policy, read and checked. Two are one when their files are, byte by byte: compare ``sha256``.

    Args:
        id, name: Identifier (an OID) and name.
        version: As the file states it, or empty.
        sha256: Of the file, in hex.
        classifications: Lowest first.
        tags, categories: In the file's order.
    """

    id: str
    name: str
    version: str
    sha256: str
    classifications: tuple[Classification, ...]
    tags: tuple[Tag, ...]
    categories: tuple[TagCategory, ...]
    equivalent_policies: tuple[EquivalentPolicy, ...]
    markings: Markings
    memory: ReasonMemory = field(init=False, default_factory=ReasonMemory, repr=False)
    """Reasons that were spelt before, kept by `entente.release.label.judgement` within a bound."""
    _classes: dict[str | int, Classification] = field(init=False)
    _numbers: dict[tuple[str, TagType, int], TagCategory] = field(init=False)
    _names: dict[tuple[str, CategoryKind, str], TagCategory] = field(init=False)
    _pairs: frozenset[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        names, pairs = _index_names(self.tags, self.categories)
        classes: dict[str | int, Classification] = {one.name: one for one in self.classifications}
        classes.update({one.lacv: one for one in self.classifications})
        numbers = {(one.tag.tag_set_id, one.tag.tag_type, one.lacv): one for one in self.categories}
        for name, value in {
            "_classes": classes,
            "_numbers": numbers,
            "_names": names,
            "_pairs": pairs,
        }.items():
            object.__setattr__(self, name, value)

    def __repr__(self) -> str:
        return f"LabelPolicy({self.name!r}, {self.id!r}, {self.sha256[:12]!r})"

    def find_classification(self, name: str) -> Classification | None:
        """Return the classification of this name, or None."""
        return self._classes.get(name)

    def find_classification_by_lacv(self, lacv: int) -> Classification | None:
        """Return the classification of this number, or None."""
        return self._classes.get(lacv)

    def find_category(self, tag_set_id: str, tag_type: TagType, lacv: int) -> TagCategory | None:
        """Return the category of this number, or None."""
        return self._numbers.get((tag_set_id, tag_type, lacv))

    def find_equivalent(self, policy_id: str) -> EquivalentPolicy | None:
        """Return what this policy says about another one, or None."""
        return next((one for one in self.equivalent_policies if one.id == policy_id), None)

    def is_policy_of(self, policy_id: str, name: str) -> bool:
        """Tell whether a label's policy identifier and name, as far as given, both mean this policy."""
        return bool(policy_id or name) and policy_id in {"", self.id} and name in {"", self.name}

    def get_mask(self, categories: Iterable[Category]) -> int:
        """Return the categories that a label or clearance names, as a mask.

        A tag set is named by its identifier, its name, or the name of a tag that nothing else bears; when
        identifier and name are given, they must agree.

        Raises:
            Denied: A tag set or category that this policy does not have: nothing is guessed.
        """
        mask = 0
        for one in categories:
            key = one.tag_set_id or one.tag_set
            if one.tag_set_id and (one.tag_set_id, one.tag_set) not in self._pairs:
                raise Denied(
                    "unknown-tag-set",
                    f"tag set {one.tag_set!r} ({one.tag_set_id}): expected one of policy {self.name!r}",
                )
            for value in one.values:
                found = self._names.get((key, one.kind, value))
                if found is None:
                    raise Denied(
                        "unknown-category",
                        f"{one.kind} category {value!r} of tag set {one.tag_set!r}: expected one of policy "
                        f"{self.name!r}",
                    )
                mask |= 1 << found.index
        return mask

    def find_categories(self, mask: int) -> Iterator[TagCategory]:
        """Return the categories of a mask, in the policy's order."""
        return (self.categories[index] for index in find_bits(mask))

    def spell_categories(self, mask: int) -> tuple[Category, ...]:
        """Return the categories of a mask by names, as they stand in a label."""
        found: dict[tuple[str, CategoryKind, str], list[str]] = {}
        for one in self.find_categories(mask):
            found.setdefault((one.tag.tag_set, one.tag.kind, one.tag.tag_set_id), []).append(one.name)
        return tuple(
            sorted(
                Category(tag_set, kind, tuple(sorted(names)), tag_set_id)
                for (tag_set, kind, tag_set_id), names in found.items()
            )
        )


class Policies:
    """The label policies that a desk knows. None is found for a label that names none of them, or two.

    Raises:
        ValueError: Two policies of one identifier or name.
    """

    __slots__ = ("_all",)

    def __init__(self, policies: Iterable[LabelPolicy]) -> None:
        self._all = tuple(policies)
        for names in ([one.id for one in self._all], [one.name for one in self._all]):
            if len(set(names)) != len(names):
                raise ValueError(f"label policies: expected each identifier and name once, got {names}")

    def __iter__(self) -> Iterator[LabelPolicy]:
        return iter(self._all)

    def find(self, policy_id: str, name: str) -> LabelPolicy | None:
        """Return the one policy that identifier and name mean, or None."""
        return next((one for one in self._all if one.is_policy_of(policy_id, name)), None)

    def find_of(self, label: Label) -> LabelPolicy | None:
        """Return the policy of a label, or None."""
        return self.find(label.policy_id, label.policy)


def find_bits(mask: int) -> Iterator[int]:
    """Yield the places of the bits that are set, lowest first."""
    while mask:
        low = mask & -mask
        yield low.bit_length() - 1
        mask ^= low


def sum_masks(masks: Iterable[int]) -> int:
    """Return the union of masks."""
    total = 0
    for mask in masks:
        total |= mask
    return total


def _index_names(
    tags: tuple[Tag, ...], categories: tuple[TagCategory, ...]
) -> tuple[dict[tuple[str, CategoryKind, str], TagCategory], frozenset[tuple[str, str]]]:
    """Return what each name means and which names go with which identifiers; two meanings are `Malformed`."""
    taken = {tag.tag_set for tag in tags} | {tag.tag_set_id for tag in tags}
    counted = Counter(tag.name for tag in tags)
    single = {name for name, count in counted.items() if count == 1 and name not in taken}
    index: dict[tuple[str, CategoryKind, str], TagCategory] = {}
    for one in categories:
        keys = {one.tag.tag_set_id, one.tag.tag_set} | ({one.tag.name} & single)
        for key in keys:
            if index.setdefault((key, one.tag.kind, one.name), one) is not one:
                raise Malformed(
                    "ambiguous-name",
                    f"label policy: expected {one.tag.kind} categories of tag set {one.tag.tag_set!r} of "
                    f"different names, got {one.name!r} twice",
                )
    pairs = {(tag.tag_set_id, name) for tag in tags for name in (tag.tag_set, tag.name)}
    return index, frozenset(pairs)
