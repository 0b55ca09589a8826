"""A label under a partner's policy: what is said, what is refused, and in which direction."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import pytest

from entente.kernel.errors import Denied
from entente.release.label import Label, Translation, make_category, make_label, translate
from tests.release_policies import PlainCategory, PlainPolicy, PlainTag

NOW: Final = datetime(2026, 12, 1, 7, tzinfo=UTC)
PERMISSIVE: Final = 'tagType="permissive"'
RESTRICTIVE: Final = 'tagType="restrictive"'
SETS: Final = {"P": "1.2.4.1", "Q": "1.2.4.2", "R": "1.2.4.3", "I": "1.2.4.4"}
TYPES: Final = {"P": PERMISSIVE, "Q": PERMISSIVE, "R": RESTRICTIVE, "I": 'tagType="tagType7"'}


def classed(number: int, applied: str = "both", inside: str = "") -> str:
    return (
        f'<equivalentClassification policyRef="There" lacv="{number}" applied="{applied}">{inside}'
        "</equivalentClassification>"
    )


def called(tag: str, number: int, applied: str = "both", action: str = "") -> str:
    """An equivalent in the other policy: P and Q are permissive there, R restrictive, I informative."""
    return (
        f'<equivalentSecCategoryTag policyRef="There" tagSetId="{SETS[tag]}" {TYPES[tag]} lacv="{number}" '
        f'applied="{applied}" {action}/>'
    )


def required(tag: str, number: int | None, operation: str = "all", more: str = "") -> str:
    named = "" if number is None else f'lacv="{number}"'
    group = f'<categoryGroup tagSetRef="{tag}" {TYPES[tag]} {named}/>'
    return f'<requiredCategory operation="{operation}">{group}{more}</requiredCategory>'


def make_there() -> PlainPolicy:
    return PlainPolicy(
        "There",
        "1.2.4",
        ["T0", "T1", "T2"],
        [
            PlainTag(
                name,
                SETS[name],
                {"P": "permissive", "Q": "permissive", "R": "restrictive", "I": "informative"}[name],
                [PlainCategory(f"{name.lower()}{n}", n) for n in range(3)],
            )
            for name in SETS
        ],
    )


def make_here(rules: dict[str, str], policy_rules: str = "") -> PlainPolicy:
    here = PlainPolicy(
        "Here",
        "1.2.3",
        ["H0", "H1"],
        [
            PlainTag("A", "1.2.3.1", "permissive", [PlainCategory("a0", 0), PlainCategory("a1", 1)]),
            PlainTag("B", "1.2.3.2", "permissive", [PlainCategory("b0", 0)]),
            PlainTag("C", "1.2.3.3", "restrictive", [PlainCategory("c0", 0), PlainCategory("c1", 1)]),
            PlainTag("N", "1.2.3.4", "informative", [PlainCategory("n0", 0)]),
        ],
        equivalents=[f'<equivalentPolicy name="There" id="1.2.4">{policy_rules}</equivalentPolicy>'],
    )
    here.class_rules = {"H0": rules.get("H0", classed(10)), "H1": rules.get("H1", classed(11))}
    for one in (one for tag in here.tags for one in tag.categories):
        one.rules = rules.get(one.name, "")
    return here


def label(names: str, classification: str = "H0") -> Label:
    kinds = {"A": "permissive", "B": "permissive", "C": "restrictive", "N": "informative"}
    sets: dict[str, list[str]] = {}
    for name in names.split():
        sets.setdefault(name[0].upper(), []).append(name)
    return make_label(
        policy="Here",
        classification=classification,
        categories=[make_category(key, kinds[key], found) for key, found in sets.items()],  # type: ignore[arg-type] # from the table above
        created=NOW,
    )


def send(
    rules: dict[str, str], names: str, policy_rules: str = "", there: PlainPolicy | None = None
) -> Translation:
    return translate(
        label(names), make_here(rules, policy_rules).read(), (there or make_there()).read(), by="sender"
    )


def list_names(made: Label) -> list[str]:
    return [made.classification, *(value for one in made.categories for value in one.values)]


@pytest.mark.parametrize(
    ("rules", "names", "wanted"),
    (
        ({}, "", ["T0"]),
        ({"a0": called("P", 1)}, "a0", ["T0", "p1"]),
        ({"a0": called("P", 1) + called("P", 2)}, "a0", ["T0", "p1", "p2"]),
        ({"a0": called("P", 1), "a1": called("P", 2)}, "a0 a1", ["T0", "p1", "p2"]),
        ({"a0": called("P", 1), "b0": called("Q", 2)}, "a0 b0", ["T0", "p1", "q2"]),
        ({"c0": called("R", 0), "c1": called("R", 0)}, "c0 c1", ["T0", "r0"]),
        ({"c0": called("P", 0), "c1": called("R", 0)}, "c0 c1", ["T0", "p0", "r0"]),
        # "a0 or a1" may become stricter: "p1 and q1".
        ({"a0": called("P", 1), "a1": called("Q", 1)}, "a0 a1", ["T0", "p1", "q1"]),
        # What is to be discarded is, if the tag still keeps out whom it kept out.
        ({"a0": called("P", 1), "a1": called("P", 0, action='action="discard"')}, "a0 a1", ["T0", "p1"]),
        ({"n0": called("I", 0, action='action="discard"')}, "n0", ["T0"]),
        ({"n0": called("I", 2)}, "n0", ["T0", "i2"]),
        ({"n0": called("P", 2), "a0": called("Q", 0)}, "a0 n0", ["T0", "p2", "q0"]),
        # What must stand beside a classification or in every label of that policy.
        ({"H0": classed(12, inside=required("R", 1))}, "", ["T2", "r1"]),
        ({"H0": classed(12, inside=required("I", 1, "onlyOne"))}, "", ["T2", "i1"]),
    ),
)
def test_what_the_policies_say_is_said(rules: dict[str, str], names: str, wanted: list[str]) -> None:
    made = send(rules, names)
    assert list_names(made.label) == wanted
    assert made.original == label(names)
    assert (made.label.policy, made.label.policy_id, made.label.created) == ("There", "1.2.4", NOW)
    assert made.source_sha256 != made.target_sha256


def test_what_a_partner_requires_in_every_label_is_added_once() -> None:
    assert list_names(send({}, "", required("I", 0) + required("R", 2)).label) == ["T0", "i0", "r2"]
    assert list_names(send({"c0": called("R", 2)}, "c0", required("R", 2)).label) == ["T0", "r2"]
    assert list_names(send({"c0": called("R", 1)}, "c0", required("R", None, "oneOrMore")).label) == [
        "T0",
        "r1",
    ]


@pytest.mark.parametrize(
    ("rules", "names", "code"),
    (
        ({"H0": ""}, "", "no-equivalent"),
        ({"H0": classed(10, "decrypt")}, "", "no-equivalent"),
        ({"H0": classed(10) + classed(11)}, "", "ambiguous-equivalent"),
        ({"H0": classed(99)}, "", "no-such-classification"),
        ({}, "a0", "no-equivalent"),
        ({}, "n0", "no-equivalent"),
        ({"a0": called("P", 1, "decrypt")}, "a0", "no-equivalent"),
        ({"a0": called("P", 9)}, "a0", "no-such-category"),
        # What keeps somebody out must go on doing so.
        ({"a0": called("P", 1, action='action="discard"')}, "a0", "would-widen"),
        ({"c0": called("R", 1, action='action="discard"')}, "c0", "would-widen"),
        ({"a0": called("I", 1)}, "a0", "would-widen"),
        ({"c0": called("I", 1)}, "c0", "would-widen"),
        # "a and b" must not become "p0 or p1".
        ({"a0": called("P", 0), "b0": called("P", 1)}, "a0 b0", "would-widen"),
        ({"c0": called("P", 0), "c1": called("P", 1)}, "c0 c1", "would-widen"),
        ({"a0": called("P", 0), "c0": called("P", 0)}, "a0 c0", "would-widen"),
        # "(p0 and q0) or (p1 and q1)" must not become "(p0 or p1) and (q0 or q1)".
        (
            {"a0": called("P", 0) + called("Q", 0), "a1": called("P", 1) + called("Q", 1)},
            "a0 a1",
            "would-widen",
        ),
        # What decided nothing may come to decide, but must not open what a condition closes.
        ({"a0": called("P", 0), "n0": called("P", 1)}, "a0 n0", "would-widen"),
        ({"c0": called("P", 0), "n0": called("P", 0)}, "c0 n0", "would-widen"),
        # What a partner requires may not be guessed, and may not widen either.
        ({"H0": classed(10, inside=required("R", None))}, "", "ambiguous-equivalent"),
        (
            {
                "H0": classed(
                    10, inside=required("R", 0, "oneOrMore", f'<categoryGroup tagSetRef="I" {TYPES["I"]}/>')
                )
            },
            "",
            "ambiguous-equivalent",
        ),
        ({"H0": classed(10, inside=required("R", 9))}, "", "no-such-category"),
        ({"H0": classed(10, inside=required("P", 2)), "a0": called("P", 0)}, "a0", "would-widen"),
    ),
)
def test_what_the_policies_do_not_say_is_not_guessed(rules: dict[str, str], names: str, code: str) -> None:
    with pytest.raises(Denied) as caught:
        send(rules, names)
    assert caught.value.code == code


def test_a_label_that_the_partner_would_not_take_is_not_sent() -> None:
    there = make_there()
    there.tags[2].categories[1].rules = "<excludedClass>T0</excludedClass>"
    with pytest.raises(Denied, match="R: r1 is excluded with T0") as caught:
        send({"c0": called("R", 1)}, "c0", there=there)
    assert caught.value.code == "equivalent-not-valid"


def test_an_invalid_label_is_not_translated() -> None:
    here = make_here({"a0": "<excludedClass>H0</excludedClass>" + called("P", 0)}).read()
    with pytest.raises(Denied, match="A: a0 is excluded with H0"):
        translate(label("a0"), here, make_there().read())


def test_equivalence_has_a_direction() -> None:
    here = make_here(
        {
            "H0": classed(11, "encrypt") + classed(10, "decrypt"),
            "H1": classed(12, "decrypt"),
            "a0": called("P", 0, "encrypt") + called("P", 1, "decrypt"),
            "c0": called("R", 0),
        }
    ).read()
    there = make_there().read()
    sent = translate(label("a0 c0"), here, there).label
    assert list_names(sent) == ["T1", "p0", "r0"]
    # What left as T1 with p0 does not come back as anything: only T0 and p1 are known on the way in.
    with pytest.raises(Denied, match="expected one equivalent in 'Here', got none"):
        translate(sent, there, here, by="receiver")
    came = make_label(
        policy="There",
        classification="T0",
        categories=[make_category("P", "permissive", ["p1"]), make_category("R", "restrictive", ["r0"])],
    )
    assert list_names(translate(came, there, here, by="receiver").label) == ["H0", "a0", "c0"]
    with pytest.raises(Denied, match="no-equivalent-policy"):
        translate(came, there, here)
    with pytest.raises(Denied, match="no-equivalent-policy"):
        translate(label(""), here, there, by="receiver")


def test_what_comes_and_could_be_two_things_is_refused() -> None:
    there = make_there().read()
    two_classes = make_here({"H0": classed(10), "H1": classed(10)}).read()
    came = make_label(policy="There", classification="T0")
    with pytest.raises(Denied, match="got H0, H1"):
        translate(came, there, two_classes, by="receiver")
    two_categories = make_here({"a0": called("P", 0), "a1": called("P", 0)}).read()
    came = make_label(
        policy="There", classification="T0", categories=[make_category("P", "permissive", ["p0"])]
    )
    with pytest.raises(Denied, match="got A: a0, A: a1"):
        translate(came, there, two_categories, by="receiver")
