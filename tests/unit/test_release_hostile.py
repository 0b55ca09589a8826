"""Labels, clearances and policies from someone who means harm: refused early, and only by `Malformed`."""

from __future__ import annotations

import random
import tracemalloc
from collections.abc import Callable
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from entente.kernel.errors import Malformed
from entente.release.label import (
    TLP_SPIF,
    encode_clearance_xml,
    encode_label_json,
    encode_label_xml,
    make_category,
    make_clearance,
    make_label,
    parse_clearance_toml,
    parse_clearance_xml,
    parse_label_json,
    parse_label_xml,
    read_spif,
)
from entente.release.label.markup import MAX_LABEL_BYTES, MAX_POLICY_BYTES, parse_markup
from tests.release_policies import PlainCategory, PlainPolicy, PlainTag

LABEL: Final = make_label(
    policy="NATO",
    policy_id="1.3.26.1.3.1",
    classification="SECRET",
    categories=[make_category("Releasable To", "permissive", ["ISAF", "KFOR"], tag_set_id="1.3.26.1.4.2")],
)
LABEL_XML: Final = encode_label_xml(LABEL)
CLEARANCE_XML: Final = encode_clearance_xml(
    make_clearance(policy="NATO", classifications=["SECRET"], categories=LABEL.categories)
)
CLEARANCE_TOML: Final = b'policy = "NATO"\nup_to = "SECRET"\n[[category]]\ntag_set = "To"\nvalues = ["x"]\n'


def make_policy() -> bytes:
    """A policy with everything in it that the reader reads."""
    plain = PlainPolicy(
        "Ours",
        "1.2.3",
        ["C0", "C1"],
        [
            PlainTag("A", "1.2.3.1", "permissive", [PlainCategory("v0", 0), PlainCategory("v1", 1)]),
            PlainTag("B", "1.2.3.2", "enumerated-restrictive", [PlainCategory("v0", 0)]),
            PlainTag("D", "1.2.3.3", "informative", [PlainCategory("v0", 0)]),
        ],
        equivalents=['<equivalentPolicy name="There" id="1.2.4"/>'],
        class_rules={
            "C0": '<equivalentClassification policyRef="There" lacv="1" applied="both"/>',
            "C1": '<requiredCategory operation="all"><categoryGroup tagSetRef="A" tagType="permissive"/>'
            "</requiredCategory>",
        },
    )
    plain.tags[0].categories[0].rules = (
        "<excludedClass>C0</excludedClass>"
        '<excludedCategory tagSetRef="B" tagType="enumerated" enumType="restrictive" lacv="0"/>'
        '<equivalentSecCategoryTag policyRef="There" tagSetId="1.2.4.1" tagType="permissive" lacv="1" '
        'applied="encrypt"/>'
        '<markingData xml:lang="fr" phrase="mot"><code>pageTop</code></markingData>'
    )
    return plain.spell()


POLICY: Final = make_policy()
READERS: Final[dict[str, tuple[Callable[[bytes], object], bytes]]] = {
    "label as XML": (parse_label_xml, LABEL_XML),
    "label as JSON": (parse_label_json, encode_label_json(LABEL)),
    "clearance as XML": (parse_clearance_xml, CLEARANCE_XML),
    "clearance as TOML": (lambda data: parse_clearance_toml(data.decode("utf-8", "replace")), CLEARANCE_TOML),
    "policy": (read_spif, POLICY),
    "TLP": (read_spif, TLP_SPIF),
}


@pytest.mark.parametrize("what", sorted(READERS))
def test_what_is_well_formed_is_read(what: str) -> None:
    reader, data = READERS[what]
    assert reader(data)


@pytest.mark.parametrize("what", sorted(READERS))
def test_nothing_but_malformed_comes_out_of_any_bytes(what: str) -> None:
    # Bytes of the real thing, changed, doubled and cut: what is near to being right gets deepest.
    reader, data = READERS[what]
    draw = random.Random(what)
    pieces = [
        b"<",
        b">",
        b'"',
        b"'",
        b"&",
        b"/",
        b"\x00",
        b"\xff",
        b"]]>",
        b"<!--",
        b"9" * 30,
        b"{",
        b"[",
        b"\\u",
    ]
    words = sorted({word for word in data.replace(b'"', b" ").replace(b">", b" ").split(b" ") if word})
    refused = longest = 0
    for _ in range(400):
        changed = data
        for _ in range(draw.randint(1, 3)):
            at, size = draw.randrange(len(changed) + 1), draw.randint(0, 40)
            new = draw.choice(
                (b"", draw.choice(pieces), draw.choice(words), draw.randbytes(2), changed[at : at + size] * 2)
            )
            changed = changed[:at] + new + changed[at + draw.choice((0, 1, size)) :]
        try:
            reader(changed)
        except Malformed as error:
            refused += 1
            longest = max(longest, len(str(error)))
    assert refused > 200
    assert longest < 2000


@settings(max_examples=60)
@given(st.binary(max_size=200))
def test_noise_is_malformed(data: bytes) -> None:
    for what in ("label as XML", "label as JSON", "clearance as XML", "policy"):
        with pytest.raises(Malformed):
            READERS[what][0](data)


# XML


BOMB: Final = (
    b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a0 "ha">'
    + b"".join(b'<!ENTITY a%d "&a%d;&a%d;">' % (number + 1, number, number) for number in range(30))
    + b"]>"
)


@pytest.mark.parametrize(
    "head",
    (
        BOMB,
        b"<!DOCTYPE a>",
        b'<!DOCTYPE a SYSTEM "file:///etc/passwd">',
        b'<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE a [<!ENTITY % p SYSTEM "http://192.0.2.1/x.dtd"> %p;]>',
        b'<!DOCTYPE a [<!ATTLIST a b CDATA "c">]>',
    ),
)
@pytest.mark.parametrize("what", ("label as XML", "clearance as XML", "policy"))
def test_no_document_type_and_no_entity(head: bytes, what: str) -> None:
    reader, data = READERS[what]
    for changed in (head + data, head + data.replace(b"NATO", b"&a30;").replace(b"Ours", b"&e;")):
        with pytest.raises(Malformed, match="forbidden-markup"):
            reader(changed)


@pytest.mark.parametrize(
    ("what", "max_bytes"),
    (("label as XML", MAX_LABEL_BYTES), ("label as JSON", MAX_LABEL_BYTES), ("policy", MAX_POLICY_BYTES)),
)
def test_what_is_large_is_refused_before_it_is_read(what: str, max_bytes: int) -> None:
    reader, data = READERS[what]
    large = data + b" " * (100_000_000 - len(data))
    tracemalloc.start()
    try:
        with pytest.raises(Malformed, match=f"expected <= {max_bytes} bytes, got 100000000"):
            reader(large)
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
    with pytest.raises(Malformed, match="too-large"):
        reader(data + b" " * (max_bytes + 1 - len(data)))
    assert reader(data + b" " * (max_bytes - len(data)))


@pytest.mark.parametrize("what", ("label as XML", "clearance as XML", "policy"))
def test_deep_nesting_is_refused(what: str) -> None:
    reader, _ = READERS[what]
    with pytest.raises(Malformed, match="nested <= 24 deep"):
        reader(b"<a>" * 20_000)
    with pytest.raises(Malformed, match="nested <= 24 deep"):
        reader(b"<a>" * 25 + b"</a>" * 25)


def test_many_elements_and_attributes_are_refused() -> None:
    with pytest.raises(Malformed, match="expected <= 100000 elements"):
        read_spif(b"<SPIF>" + b"<a/>" * 100_001 + b"</SPIF>")
    attributes = b"".join(b' a%d=""' % number for number in range(33))
    with pytest.raises(Malformed, match="expected <= 32 attributes"):
        parse_label_xml(b"<a" + attributes + b"/>")


@pytest.mark.parametrize(
    "data",
    (
        b'<a b="1" b="2"/>',
        b'<a xmlns:x="urn:u" xmlns:y="urn:u" x:b="1" y:b="2"/>',
        b"<a/><a/>",
        b"<a></b>",
        b"<a>&nbsp;</a>",
        b"<a>\x00</a>",
        b"<a>\xc0\xaf</a>",
        b"<a>\xed\xa0\x80</a>",
        b"",
        b"   ",
        b"<x:a/>",
    ),
)
def test_what_is_not_one_well_formed_element_is_refused(data: bytes) -> None:
    with pytest.raises(Malformed, match="not-xml"):
        parse_markup(data, what="label")


@pytest.mark.parametrize("name", ("utf-16", "UTF-7", "iso-8859-1", "cp037", "x"))
def test_only_utf_8_is_read(name: str) -> None:
    # A second reading of the same bytes would be a second label.
    with pytest.raises(Malformed, match="expected UTF-8"):
        parse_label_xml(f'<?xml version="1.0" encoding="{name}"?>'.encode() + LABEL_XML)
    with pytest.raises(Malformed):
        parse_label_xml(LABEL_XML.decode().encode("utf-16"))
    assert parse_label_xml(b'<?xml version="1.0" encoding="UTF-8"?>' + LABEL_XML) == LABEL


def test_what_stands_in_comments_and_around_elements_is_no_label() -> None:
    hidden = LABEL_XML.replace(b"SECRET", b"SEC<!-- PUBLIC -->RET<?php PUBLIC ?>")
    assert parse_label_xml(hidden) == LABEL
    assert parse_label_xml(LABEL_XML.replace(b"SECRET", b"<![CDATA[SECRET]]>")) == LABEL
    with pytest.raises(Malformed, match="unknown-element"):
        parse_label_xml(LABEL_XML.replace(b"SECRET", b"SEC<b>RET</b>"))


@pytest.mark.parametrize(
    "number", ("1" * 11, "1" * 1_000_000, "-1", "+1", "1.0", "0x1", "", " 1", "\u0661", "1_0")
)
def test_huge_numbers_are_refused(number: str) -> None:
    with pytest.raises(Malformed, match="bad-number"):
        read_spif(POLICY.replace(b'lacv="10"', f'lacv="{number}"'.encode()))
    with pytest.raises(Malformed, match="bad-number"):
        read_spif(POLICY.replace(b'hierarchy="3"', f'hierarchy="{number}"'.encode()))


# Policies


def test_a_policy_of_too_many_categories_is_refused() -> None:
    categories = [PlainCategory(f"v{number}", number) for number in range(1025)]
    plain = PlainPolicy("Ours", "1.2.3", ["C0"], [PlainTag("A", "1.2.3.1", "permissive", categories)])
    with pytest.raises(Malformed, match="expected <= 1024 categories"):
        plain.read()
    plain.tags = [PlainTag(f"A{n}", f"1.2.3.{n}", "permissive", []) for n in range(1025)]
    with pytest.raises(Malformed, match="expected <= 1024 categories"):
        plain.read()
    plain.tags, plain.classes = [], [f"C{n}" for n in range(65)]
    with pytest.raises(Malformed, match="expected 1 to 64 classifications"):
        plain.read()
