"""Translation admits nobody new, whatever two policies say about each other.

What "new" means: a recipient of the target policy stands for a clearance under the source policy, with each
category that it meets the equivalents of and each classification whose equivalent it holds. Whoever may see
the translated label must, so understood, have been allowed to see the original.
"""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entente.kernel.errors import Denied
from entente.release.label import (
    Clearance,
    LabelPolicy,
    Policies,
    decide,
    find_faults,
    make_category,
    make_clearance,
    translate,
)
from entente.release.label.policy import TagCategory
from tests.release_policies import (
    TAG7,
    TYPES,
    PlainPolicy,
    clearances,
    labels,
    list_clearances,
    telling_policies,
)

Side = Literal["receiver", "sender"]


@st.composite
def pairs(draw: st.DrawFn) -> tuple[PlainPolicy, PlainPolicy]:
    """Two policies, the first of which names equivalents in the second, of every sort and direction."""
    ours, theirs = draw(telling_policies("Ours", "1.2.3")), draw(telling_policies("Theirs", "1.2.4"))
    ours.equivalents = ['<equivalentPolicy name="There" id="1.2.4"/>']
    for name in ours.classes:
        for _ in range(draw(st.sampled_from((0, 1, 1, 1, 1, 2)))):
            number = 10 + draw(st.integers(0, len(theirs.classes) - 1))
            ours.class_rules[name] = ours.class_rules.get(name, "") + (
                f'<equivalentClassification policyRef="There" lacv="{number}" applied="{draw(applied)}"/>'
            )
    targets = [(tag, one) for tag in theirs.tags for one in tag.categories]
    for one in (one for tag in ours.tags for one in tag.categories):
        for _ in range(draw(st.sampled_from((0, 1, 1, 2, 2, 3)))):
            tag, there = draw(st.sampled_from(targets))
            attributes = (
                f'policyRef="There" tagSetId="{tag.set_id}" {TYPES[tag.tag_type].replace(TAG7, "")} '
                f'lacv="{there.number}" applied="{draw(applied)}"'
            )
            if draw(st.integers(0, 5)) == 5:
                attributes += ' action="discard"'
            one.rules += f"<equivalentSecCategoryTag {attributes}/>"
    return ours, theirs


applied = st.sampled_from(("both", "both", "both", "encrypt", "decrypt"))


def find_images(one: TagCategory, target: LabelPolicy, sides: set[str]) -> list[TagCategory]:
    """The target's categories that a source category names, other than informative ones."""
    found = [
        target.find_category(there.tag_set_id, there.tag_type, there.lacv)
        for there in one.equivalents
        if there.lacv is not None and there.applied in sides
    ]
    return [there for there in found if there is not None and there.tag.kind != "informative"]


def is_met(images: list[TagCategory], held: set[tuple[str, str]]) -> bool:
    """Whether a recipient meets equivalents: all restrictive ones, and of each permissive tag one."""
    if not all(
        (there.tag.tag_set, there.name) in held for there in images if there.tag.kind == "restrictive"
    ):
        return False
    permissive = [there for there in images if there.tag.kind == "permissive"]
    return all(
        any((there.tag.tag_set, there.name) in held for there in permissive if there.tag.index == index)
        for index in {there.tag.index for there in permissive}
    )


def understand(reader: Clearance, ours: PlainPolicy, theirs: PlainPolicy) -> Clearance | None:
    """The clearance under the source policy that a recipient of the target policy stands for."""
    source, target = ours.read(), theirs.read()
    sides = {"encrypt", "both"}
    held = {(one.tag_set, value) for one in reader.categories for value in one.values}
    within = theirs.classes[: theirs.classes.index(reader.up_to) + 1]
    classes = []
    for one in source.classifications:
        there = [target.find_classification_by_lacv(e.lacv) for e in one.equivalents if e.applied in sides]
        if any(name is not None and name.name in within for name in there):
            classes.append(one.name)
    names: dict[tuple[str, str], list[str]] = {}
    for category in source.categories:
        images = find_images(category, target, sides)
        if category.tag.kind != "informative" and images and is_met(images, held):
            names.setdefault((category.tag.tag_set, category.tag.kind), []).append(category.name)
    if not classes:
        return None
    return make_clearance(
        policy="Ours",
        classifications=classes,
        categories=[
            make_category(tag_set, "permissive" if kind == "permissive" else "restrictive", values)
            for (tag_set, kind), values in names.items()
        ],
    )


@settings(max_examples=150)
@given(st.data(), pairs())
def test_a_translation_admits_nobody_new(data: st.DataObject, pair: tuple[PlainPolicy, PlainPolicy]) -> None:
    ours, theirs = pair
    source, target = ours.read(), theirs.read()
    label = data.draw(labels(ours, is_full=data.draw(st.booleans())))
    try:
        made = translate(label, source, target).label
    except Denied:
        return
    assert not find_faults(made, target)
    both = Policies([source, target])
    readers = list_clearances(theirs)
    for reader in readers if len(readers) <= 64 else [data.draw(clearances(theirs)) for _ in range(64)]:
        if decide(made, reader, both).is_allowed:
            meant = understand(reader, ours, theirs)
            assert meant is not None
            assert decide(label, meant, both).is_allowed


@settings(max_examples=60)
@given(st.data(), pairs())
def test_a_translation_holds_in_the_direction_that_is_stated(
    data: st.DataObject, pair: tuple[PlainPolicy, PlainPolicy]
) -> None:
    ours, theirs = pair
    source, target = ours.read(), theirs.read()
    label = data.draw(labels(theirs))
    # The other policy names no equivalents at all: as the sender it has none.
    with pytest.raises(Denied, match="no-equivalent-policy"):
        translate(label, target, source)
    try:
        made = translate(label, target, source, by="receiver").label
    except Denied:
        return
    # What came is understood by equivalents that hold for what comes, and by no others.
    classification = source.find_classification(made.classification)
    there = target.find_classification(label.classification)
    assert classification is not None
    assert there is not None
    assert any(one.lacv == there.lacv and one.applied != "encrypt" for one in classification.equivalents)
    came = {(one.tag_set_id, value) for one in label.categories for value in one.values}
    for category in source.find_categories(source.get_mask(made.categories)):
        assert any(
            one.applied != "encrypt" and (one.tag_set_id, f"v{one.lacv}") in came
            for one in category.equivalents
        )
