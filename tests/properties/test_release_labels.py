"""Laws of labels: joining is a lattice, deciding is monotone, writing and reading are inverse."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import pairwise

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from entente.kernel.errors import Denied, Malformed
from entente.release.label import (
    Category,
    Label,
    LabelPolicy,
    Policies,
    address,
    bind_clearance,
    bind_label,
    decide,
    decide_bound,
    encode_clearance,
    encode_clearance_xml,
    encode_label,
    encode_label_json,
    encode_label_xml,
    find_faults,
    join,
    make_category,
    make_clearance,
    make_label,
    parse_clearance,
    parse_clearance_xml,
    parse_label,
    parse_label_json,
    parse_label_xml,
)
from tests.release_policies import (
    PlainPolicy,
    clearances,
    is_cleared,
    labels,
    list_clearances,
    plain_policies,
    ruled_policies,
    telling_policies,
)

NOW = datetime(2026, 12, 1, 7, tzinfo=UTC)
START, END = (datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None) for year in (2000, 2100))


def read_or_skip(plain: PlainPolicy) -> LabelPolicy:
    try:
        return plain.read()
    except Malformed as error:
        assume(error.code != "contradiction")
        raise


def join_or_none(parts: list[Label], policy: LabelPolicy) -> Label | None:
    """The join, or None when the parts have none for want of a common reader."""
    try:
        return join([(f"part {place}", one) for place, one in enumerate(parts)], policy)
    except Denied as error:
        assert error.code == "empty-releasability"  # noqa: PT017 - the law is about this one refusal
        return None


# Joining, in a policy without rules


@settings(max_examples=100)
@given(st.data(), plain_policies())
def test_joining_is_a_lattice(data: st.DataObject, plain: PlainPolicy) -> None:
    policy = plain.read()
    a, b, c = (data.draw(labels(plain)) for _ in range(3))
    assert join_or_none([a, a], policy) == join_or_none([a], policy) == a
    assert join_or_none([a, b], policy) == join_or_none([b, a], policy)
    whole = join_or_none([a, b, c], policy)
    left, right = join_or_none([a, b], policy), join_or_none([b, c], policy)
    assert (None if left is None else join_or_none([left, c], policy)) == whole
    assert (None if right is None else join_or_none([a, right], policy)) == whole


@settings(max_examples=60)
@given(st.data(), ruled_policies())
def test_whoever_may_see_the_whole_may_see_each_part(data: st.DataObject, plain: PlainPolicy) -> None:
    policy = read_or_skip(plain)
    parts = [data.draw(labels(plain)) for _ in range(data.draw(st.integers(1, 3)))]
    assume(not any(find_faults(one, policy) for one in parts))
    try:
        whole = join([(str(place), one) for place, one in enumerate(parts)], policy)
    except Denied:
        assume(False)
        raise
    reader = data.draw(clearances(plain))
    if decide(whole, reader, Policies([policy])).is_allowed:
        assert all(decide(one, reader, Policies([policy])).is_allowed for one in parts)


@settings(max_examples=40)
@given(st.data(), plain_policies())
def test_the_whole_keeps_out_nobody_who_may_see_every_part_but_for_one_category(
    data: st.DataObject, plain: PlainPolicy
) -> None:
    # The join is no higher than it must be: who holds a category that every part names, or all of what they
    # restrict, and may see each part, may see the whole, unless the parts are released to no common category.
    policy = plain.read()
    a, b = (data.draw(labels(plain)) for _ in range(2))
    whole = join_or_none([a, b], policy)
    assume(whole is not None)
    assert whole is not None
    named = {one.tag_set: set(one.values) for one in whole.categories if one.kind == "permissive"}
    for reader in list_clearances(plain)[:200]:
        held = {one.tag_set: set(one.values) for one in reader.categories}
        if all(is_cleared(one, reader, plain.classes) for one in (a, b)) and all(
            values & held.get(tag_set, set()) for tag_set, values in named.items()
        ):
            assert is_cleared(whole, reader, plain.classes)


# Deciding


@settings(max_examples=60)
@given(st.data(), ruled_policies())
def test_both_opinions_agree(data: st.DataObject, plain: PlainPolicy) -> None:
    policy = read_or_skip(plain)
    label, reader = data.draw(labels(plain)), data.draw(clearances(plain))
    judged = decide(label, reader, Policies([policy]))
    valid = not find_faults(label, policy)
    assert judged.is_allowed == (valid and is_cleared(label, reader, plain.classes))
    assert judged.is_allowed == all(one.is_met for one in judged.reasons)
    assert judged.reasons
    again = decide_bound(bind_label(label, policy), bind_clearance(reader, policy))
    assert again == judged


@settings(max_examples=60)
@given(st.data(), plain_policies())
def test_what_makes_a_label_stricter_admits_nobody_new(data: st.DataObject, plain: PlainPolicy) -> None:
    policy = plain.read()
    label = data.draw(labels(plain))
    bound = bind_label(label, policy)
    readers = [bind_clearance(data.draw(clearances(plain)), policy) for _ in range(5)]

    def admitted(other: Label) -> list[bool]:
        return [decide_bound(bind_label(other, policy), one).is_allowed for one in readers]

    def relabel(classification: str, mask: int) -> Label:
        return make_label(
            policy=policy.name, classification=classification, categories=policy.spell_categories(mask)
        )

    before = admitted(label)
    stricter = [relabel(name, bound.mask) for name in plain.classes[bound.classification.rank :]]
    for tag in policy.tags:
        if tag.kind == "restrictive":
            stricter.append(relabel(label.classification, bound.mask | tag.mask))
        elif tag.kind == "permissive":
            kept = bound.mask & tag.mask
            if not kept:
                stricter.append(relabel(label.classification, bound.mask | tag.mask))
            elif kept.bit_count() > 1:
                stricter.append(relabel(label.classification, bound.mask & ~(kept & -kept)))
    for other in stricter:
        assert all(was or not now for was, now in zip(before, admitted(other), strict=True))
    for lower, higher in pairwise(plain.classes):
        pair = [admitted(relabel(name, bound.mask)) for name in (lower, higher)]
        assert all(low or not high for low, high in zip(*pair, strict=True))


@settings(max_examples=60)
@given(st.data(), ruled_policies() | telling_policies())
def test_the_label_that_goes_to_a_recipient_names_no_other(data: st.DataObject, plain: PlainPolicy) -> None:
    policy = read_or_skip(plain)
    label = data.draw(labels(plain, is_full=data.draw(st.booleans())))
    reader = data.draw(clearances(plain))
    try:
        addressed = address(label, reader, policy)
    except Denied:
        return
    held = {(one.tag_set, value) for one in reader.categories for value in one.values}
    for one in addressed.categories:
        if one.kind == "permissive":
            assert all((one.tag_set, value) in held for value in one.values)
            assert one.values
    assert decide(addressed, reader, Policies([policy])).is_allowed
    # Whoever the addressed label admits, the original did.
    other = data.draw(clearances(plain))
    if decide(addressed, other, Policies([policy])).is_allowed:
        assert decide(label, other, Policies([policy])).is_allowed


# Writing and reading

names = st.text(st.characters(exclude_categories=("C", "Zl", "Zp")), min_size=1, max_size=20).filter(
    lambda text: text == text.strip() and bool(text)
)
identifiers = st.sampled_from(
    ("", "1.3.26.1.3.1", "60a3c5c5-0d10-413e-aab3-9e08dde9e88d", "urn:example:policy", "x-1")
)


@st.composite
def any_categories(draw: st.DrawFn, kinds: tuple[str, ...]) -> list[Category]:
    sets = draw(st.lists(st.tuples(names, st.sampled_from(kinds)), max_size=3, unique=True))
    return [
        make_category(name, kind, draw(st.sets(names, min_size=1, max_size=4)), tag_set_id=draw(identifiers))  # type: ignore[arg-type] # drawn from the right ones
        for name, kind in sets
    ]


@st.composite
def any_labels(draw: st.DrawFn) -> Label:
    return make_label(
        policy_id=draw(identifiers),
        policy=draw(names),
        classification=draw(names),
        categories=draw(any_categories(("informative", "permissive", "restrictive"))),
        created=draw(st.none() | st.datetimes(START, END, timezones=st.just(UTC))),
    )


@settings(max_examples=80)
@given(any_labels())
def test_a_label_survives_every_form(label: Label) -> None:
    assert parse_label_xml(encode_label_xml(label)) == label
    wire = encode_label(label, created=NOW)
    assert encode_label(parse_label(wire)) == wire
    back = parse_label_json(encode_label_json(label))
    assert (back.classification, back.created) == (label.classification, label.created)
    assert [(one.tag_set, one.kind, one.values) for one in back.categories] == [
        (one.tag_set, one.kind, one.values) for one in label.categories
    ]
    assert encode_label_json(back) == encode_label_json(label)


@given(
    identifiers, names, st.sets(names, min_size=1, max_size=4), any_categories(("permissive", "restrictive"))
)
def test_a_clearance_survives_every_form(
    policy_id: str, policy: str, listed: set[str], categories: list[Category]
) -> None:
    clearance = make_clearance(
        policy_id=policy_id, policy=policy, classifications=listed, categories=categories
    )
    assert parse_clearance_xml(encode_clearance_xml(clearance)) == clearance
    assert parse_clearance(encode_clearance(clearance)) == clearance


def test_the_strategies_draw_what_the_laws_are_about() -> None:
    # A law that is never put to the test holds always.
    codes: set[str] = set()

    @settings(max_examples=60, derandomize=True, database=None)
    @given(st.data(), plain_policies(), ruled_policies())
    def collect(data: st.DataObject, simple: PlainPolicy, ruled: PlainPolicy) -> None:
        for plain in (simple, ruled):
            policy = read_or_skip(plain)
            label, reader = data.draw(labels(plain)), data.draw(clearances(plain))
            judged = decide(label, reader, Policies([policy]))
            codes.update(one.code + ("" if one.is_met else "!") for one in judged.reasons)

    collect()
    assert codes >= {
        *("classification", "classification!", "permissive", "permissive!", "restrictive", "restrictive!"),
        *("excluded-category!", "excluded-classification!", "required-category!"),
    }
