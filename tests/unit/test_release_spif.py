"""A policy file with a fault in it is no policy."""

from __future__ import annotations

import pytest

from entente.kernel.errors import Malformed
from entente.release.label import LabelPolicy, read_spif
from tests.release_policies import PlainCategory, PlainPolicy, PlainTag

QUALIFIER = '<markingQualifier><qualifier qualifierCode="prefix" markingQualifier="("/></markingQualifier>'


def make_plain() -> PlainPolicy:
    return PlainPolicy(
        "Ours",
        "1.2.3",
        ["C0", "C1"],
        [
            PlainTag("A", "1.2.3.1", "permissive", [PlainCategory("a0", 0), PlainCategory("a1", 1)]),
            PlainTag("B", "1.2.3.2", "restrictive", [PlainCategory("b0", 0), PlainCategory("b1", 1)]),
        ],
        equivalents=['<equivalentPolicy name="There" id="1.2.4"/>'],
    )


def require(tag: str, number: int, operation: str = "all") -> str:
    kind = "permissive" if tag == "A" else "restrictive"
    group = f'<categoryGroup tagSetRef="{tag}" tagType="{kind}" lacv="{number}"/>'
    return f'<requiredCategory operation="{operation}">{group}</requiredCategory>'


def exclude(tag: str, number: int) -> str:
    kind = "permissive" if tag == "A" else "restrictive"
    return f'<excludedCategory tagSetRef="{tag}" tagType="{kind}" lacv="{number}"/>'


def read_with(rules: dict[str, str]) -> LabelPolicy:
    """The policy with rules inside some of its categories and classifications."""
    plain = make_plain()
    for one in (one for tag in plain.tags for one in tag.categories):
        one.rules = rules.get(one.name, "")
    plain.class_rules = {name: rules.get(name, "") for name in plain.classes}
    return plain.read()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    (
        ('lacv="11"', 'lacv="10"', "duplicate-classification"),
        ('name="C1"', 'name="C0"', "duplicate-classification"),
        ('hierarchy="3"', 'hierarchy="0"', "duplicate-classification"),
        ('id="1.2.3.2"', 'id="1.2.3.1"', "duplicate-tag-set"),
        ('Set name="B"', 'Set name="A"', "duplicate-tag-set"),
        ('name="a1" lacv="1"', 'name="a1" lacv="0"', "duplicate-category"),
        ('name="a1" lacv="1"', 'name="a0" lacv="1"', "ambiguous-name"),
        ('name="b1" lacv="1"', 'name="b1"', "missing-attribute"),
        ('name="b1" lacv="1"', 'lacv="1"', "missing-attribute"),
        ('tagType="permissive"', 'tagType="permitting"', "bad-tag-type"),
        ('tagType="permissive"', 'tagType="enumerated"', "bad-tag-type"),
        ('tagType="permissive"', 'tagType="permissive" enumType="permissive"', "bad-tag-type"),
        ('tagType="permissive"', 'tagType="permissive" maxSelection="2"', "unknown-attribute"),
        ('lacv="10"', 'lacv="10" obsolete="maybe"', "bad-flag"),
        ('lacv="10"', 'lacv="10" xmlns:e="urn:entente:label-policy:1" e:officers="0"', "bad-officers"),
        ('<securityPolicyId name="Ours" id="1.2.3"/>', "", "missing-element"),
        ('name="Ours" id="1.2.3"', 'name="Ours" id=""', "bad-identifier"),
        ('name="Ours" id="1.2.3"', 'name="Ours" id="1 2 3"', "bad-identifier"),
        ('name="Ours" id="1.2.3"', 'name="" id="1.2.3"', "bad-name"),
        ("<SPIF ", '<SPIF xmlns:z="urn:z" ', ""),
        ("<SPIF xmlns=", "<SPOF xmlns=", "not-xml"),
        ("http://www.xmlspif.org/spif", "http://www.example.org/spif", "not-a-spif"),
        ("<securityClassifications>", "<privacyMarks/><securityClassifications>", "unknown-element"),
        (
            '<equivalentPolicy name="There" id="1.2.4"/>',
            '<equivalentPolicy name="There" id="1.2.4"/><equivalentPolicy name="Else" id="1.2.4"/>',
            "duplicate-policy",
        ),
    ),
)
def test_a_fault_in_the_file_is_named(old: str, new: str, code: str) -> None:
    text = make_plain().spell().decode()
    assert old in text
    changed = text.replace(old, new, 1).encode()
    if not code:
        assert read_spif(changed).name == "Ours"
        return
    with pytest.raises(Malformed) as caught:
        read_spif(changed)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("rules", "code"),
    (
        ({"a0": "<excludedClass>C9</excludedClass>"}, "unknown-reference"),
        ({"a0": "<excludedClass></excludedClass>"}, "unknown-reference"),
        ({"a0": "<excludedClass>C0</excludedClass>" * 2}, "duplicate-exclusion"),
        ({"a0": exclude("B", 9)}, "unknown-reference"),
        ({"a0": exclude("Z", 0)}, "unknown-reference"),
        ({"a0": exclude("B", 0).replace("restrictive", "permissive")}, "unknown-reference"),
        ({"a0": exclude("B", 0).replace('lacv="0"', 'lacv="0" all="true"')}, "bad-group"),
        ({"a0": require("B", 9)}, "unknown-reference"),
        ({"C0": require("B", 9)}, "unknown-reference"),
        ({"C0": require("B", 0, "some")}, "bad-operation"),
        ({"C0": '<requiredCategory operation="all"/>'}, "empty-requirement"),
        ({"C0": '<equivalentClassification policyRef="X" lacv="1" applied="both"/>'}, "unknown-reference"),
        ({"C0": '<equivalentClassification policyRef="There" lacv="1"/>'}, "missing-attribute"),
        ({"C0": '<equivalentClassification policyRef="There" lacv="1" applied="ever"/>'}, "bad-applied"),
        (
            {
                "a0": '<equivalentSecCategoryTag policyRef="There" tagSetId="1.2" tagType="permissive" '
                'applied="both" lacv="1" action="keep"/>'
            },
            "bad-action",
        ),
        ({"a0": '<markingData phrase="x"><code>pageMiddle</code></markingData>'}, "bad-code"),
        ({"a0": '<markingData phrase="&#27;"/>'}, "not-xml"),
        ({"a0": '<markingData phrase="&#155;"/>'}, "bad-text"),
        ({"a0": QUALIFIER.replace("prefix", "infix")}, "bad-qualifier"),
        # What no label could hold: a category that excludes itself, what it requires, or that in steps.
        ({"a0": exclude("A", 0)}, "contradiction"),
        ({"a0": require("B", 0) + exclude("B", 0)}, "contradiction"),
        ({"a0": require("B", 0), "b0": exclude("A", 0)}, "contradiction"),
        ({"a0": require("B", 0), "b0": require("B", 1), "b1": exclude("A", 0)}, "contradiction"),
        (
            {
                "a0": require("B", 0, "onlyOne"),
                "b0": require("A", 0),
                "b1": require("A", 0) + exclude("B", 0),
            },
            "contradiction",
        ),
    ),
)
def test_a_fault_in_the_rules_is_named(rules: dict[str, str], code: str) -> None:
    with pytest.raises(Malformed) as caught:
        read_with(rules)
    assert caught.value.code == code


def test_a_cycle_of_requirements_is_sound() -> None:
    policy = read_with({"a0": require("B", 0), "b0": require("B", 1), "b1": require("A", 0)})
    assert len(policy.categories) == 4
    # And so is a category that excludes the others of its tag.
    others = read_with({"a0": '<excludedCategory tagSetRef="A" tagType="permissive" all="true"/>'})
    assert others.categories[0].excluded[0].mask == 0b0011


def test_a_signature_inside_is_passed_over_and_what_is_foreign_is_not() -> None:
    text = make_plain().spell().decode()
    signed = text.replace("</SPIF>", '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"/></SPIF>')
    assert read_spif(signed.encode()).name == "Ours"
    with pytest.raises(Malformed, match="unknown-element"):
        read_spif(text.replace("</SPIF>", '<Extra xmlns="urn:x"/></SPIF>').encode())


def test_two_files_of_one_policy_are_told_apart() -> None:
    data = make_plain().spell()
    assert read_spif(data).sha256 == read_spif(data).sha256
    assert read_spif(data).sha256 != read_spif(data + b"\n").sha256
