"""Labels and clearances as values and in their forms; what a label policy's rules mean; who may see what."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import msgspec
import pytest

from entente.kernel.errors import Denied, Malformed
from entente.release.label import (
    TLP,
    TLP_SPIF,
    Category,
    Clearance,
    Judgement,
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
    mark,
    mark_clearance,
    parse_clearance,
    parse_clearance_toml,
    parse_clearance_xml,
    parse_label,
    parse_label_json,
    parse_label_xml,
    read_spif,
)
from entente.release.label.judgement import MAX_MEMORY
from entente.release.label.label import CategoryWire, LabelWire

NOW: Final = datetime(2026, 12, 1, 7, tzinfo=UTC)
POLICY: Final = b"""<SPIF xmlns="http://www.xmlspif.org/spif" version="7"
    xmlns:e="urn:entente:label-policy:1">
  <securityPolicyId name="Harbour" id="1.2.3"/>
  <securityClassifications>
    <securityClassification name="OPEN" lacv="1" hierarchy="1"/>
    <securityClassification name="CLOSED" lacv="3" hierarchy="3" e:officers="2">
      <requiredCategory operation="oneOrMore">
        <categoryGroup tagSetRef="Releasable To" tagType="permissive"/>
        <categoryGroup tagSetRef="Nets" tagType="restrictive" lacv="1"/>
      </requiredCategory>
    </securityClassification>
    <securityClassification name="INNER" lacv="2" hierarchy="2" obsolete="true"/>
  </securityClassifications>
  <securityCategoryTagSets>
    <securityCategoryTagSet name="Releasable To" id="1.2.3.1">
      <securityCategoryTag name="Releasable To" tagType="permissive">
        <tagCategory name="north" lacv="1"/>
        <tagCategory name="south" lacv="2"/>
        <tagCategory name="west" lacv="3"><excludedClass>CLOSED</excludedClass></tagCategory>
        <markingQualifier><qualifier markingQualifier="to " qualifierCode="prefix"/></markingQualifier>
      </securityCategoryTag>
    </securityCategoryTagSet>
    <securityCategoryTagSet name="Nets" id="1.2.3.2">
      <securityCategoryTag name="Sources" tagType="restrictive">
        <tagCategory name="radio" lacv="1" e:officers="3"/>
        <tagCategory name="diver" lacv="2"/>
        <tagCategory name="old" lacv="3" obsolete="true"/>
      </securityCategoryTag>
      <securityCategoryTag name="Handling" tagType="tagType7" singleSelection="true">
        <tagCategory name="burn" lacv="1"/>
        <tagCategory name="keep" lacv="2">
          <excludedCategory tagSetRef="Nets" tagType="restrictive" all="true"/>
        </tagCategory>
      </securityCategoryTag>
    </securityCategoryTagSet>
  </securityCategoryTagSets>
</SPIF>"""


@pytest.fixture(scope="module")
def policy() -> LabelPolicy:
    return read_spif(POLICY)


def label(classification: str, **values: list[str]) -> Label:
    """A label of the harbour: ``to``, ``nets`` and ``handling``."""
    sets = {
        "to": ("Releasable To", "permissive"),
        "nets": ("Nets", "restrictive"),
        "handling": ("Nets", "informative"),
    }
    return make_label(
        policy="Harbour",
        classification=classification,
        categories=[make_category(sets[key][0], sets[key][1], found) for key, found in values.items()],  # type: ignore[arg-type] # from the table above
    )


def clearance(up_to: str, *, to: list[str], nets: list[str]) -> Clearance:
    return make_clearance(
        policy="Harbour",
        up_to=up_to,
        categories=[
            make_category("Releasable To", "permissive", to),
            make_category("Nets", "restrictive", nets),
        ],
    )


def judge(one: Label | None, reader: Clearance | None, policy: LabelPolicy) -> Judgement:
    return decide(one, reader, Policies([TLP, policy]))


def list_codes(judged: Judgement) -> list[str]:
    return [one.code for one in judged.reasons if not one.is_met]


# Names and forms


@pytest.mark.parametrize(
    "name",
    ("", " ", "SECRET ", " SECRET", "SE\x1b[2JCRET", "SE\nCRET", "SECRET\n", "x" * 121, "a\u2028b", "\x85"),
)
def test_no_name(name: str) -> None:
    with pytest.raises(Malformed, match="bad-name"):
        make_label(policy="TLP", classification=name)
    wire = {
        "policy_id": "",
        "policy": "TLP",
        "classification": name,
        "categories": [],
        "created": "2026-01-01T00:00:00Z",
    }
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(wire, LabelWire)


def test_a_label_in_a_message_has_one_spelling() -> None:
    one = make_label(
        policy_id="1.2.3",
        classification="OPEN",
        categories=[make_category("B", "permissive", ["y", "x"]), make_category("A", "informative", ["z"])],
        created=NOW,
    )
    wire = encode_label(one)
    assert parse_label(wire) == one
    assert [category.name for category in wire.categories] == ["A", "B"]
    swapped = msgspec.structs.replace(wire, categories=wire.categories[::-1])
    with pytest.raises(Malformed, match="label-order"):
        parse_label(swapped)
    unsorted = CategoryWire(id="", name="B", kind="permissive", values=["y", "x"])
    with pytest.raises(Malformed, match="label-order"):
        parse_label(msgspec.structs.replace(wire, categories=[unsorted]))
    with pytest.raises(Malformed, match="each category once"):
        parse_label(
            msgspec.structs.replace(wire, categories=[msgspec.structs.replace(unsorted, values=["x", "x"])])
        )
    with pytest.raises(Malformed, match="each tag set once"):
        parse_label(msgspec.structs.replace(wire, categories=[unsorted, unsorted]))
    with pytest.raises(Malformed, match="policy's name or identifier"):
        parse_label(msgspec.structs.replace(wire, policy_id=""))


def test_a_label_without_a_time_or_with_an_empty_tag_set_does_not_travel() -> None:
    with pytest.raises(ValueError, match="the time when it was given"):
        encode_label(make_label(policy="TLP", classification="RED"))
    empty = make_label(policy="TLP", classification="RED", categories=[make_category("To", "permissive", [])])
    with pytest.raises(ValueError, match="categories in every tag set"):
        encode_label(empty, created=NOW)


def test_a_label_is_read_from_what_others_write() -> None:
    data = b"""<?xml version="1.0" encoding="UTF-8"?>
    <slab:originatorConfidentialityLabel xmlns:slab="urn:nato:stanag:4774:confidentialitymetadatalabel:1:0"
        xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:schemaLocation="x y" Id="a1"
        ReviewDateTime="2027-01-01T00:00:00Z">
      <slab:ConfidentialityInformation>
        <slab:PolicyIdentifier URI="urn:oid:1.3.26.1.3.1">NATO</slab:PolicyIdentifier>
        <slab:Classification>SECRET</slab:Classification>
        <slab:Category TagName="Releasable To" Type="PERMISSIVE" URI="urn:oid:1.3.26.1.4.2">
          <slab:GenericValue>KFOR</slab:GenericValue><slab:GenericValue> ISAF </slab:GenericValue>
        </slab:Category>
      </slab:ConfidentialityInformation>
      <slab:OriginatorID IDType="userPrincipalName">somebody</slab:OriginatorID>
      <slab:CreationDateTime>2015-08-02T16:06:20.9873126+02:00</slab:CreationDateTime>
    </slab:originatorConfidentialityLabel>"""
    assert parse_label_xml(data) == Label(
        "1.3.26.1.3.1",
        "NATO",
        "SECRET",
        (Category("Releasable To", "permissive", ("ISAF", "KFOR"), "1.3.26.1.4.2"),),
        datetime(2015, 8, 2, 14, 6, 20, 987312, tzinfo=UTC),
    )
    # As OpenTDF writes it.
    data = (
        b'{"ocl":{"pol":"62c76c68-d73d-4628-8ccc-4c1e18118c22","cls":"SECRET","catl":[{"type":"P","name":'
        b'"Releasable To","vals":["usa"]}],"dcr":"2024-10-21T20:47:36Z"},"context":{"@base":"urn:nato:stanag:'
        b'5636:A:1:elements:json"}}'
    )
    read = parse_label_json(data)
    assert (read.policy_id, read.policy) == ("62c76c68-d73d-4628-8ccc-4c1e18118c22", "")
    assert parse_label_json(encode_label_json(read)) == read


@pytest.mark.parametrize(
    ("old", "new", "code"),
    (
        ("<Classification>", "<PrivacyMark>x</PrivacyMark><Classification>", "unknown-element"),
        (
            "</ConfidentialityInformation>",
            "</ConfidentialityInformation><SuccessionHandling/>",
            "unknown-element",
        ),
        ("<GenericValue>KFOR</GenericValue>", "<BitStringValue>01</BitStringValue>", "unknown-element"),
        ("<GenericValue>KFOR<", "<GenericValue>KFOR</GenericValue><GenericValue>KFOR<", "duplicate-category"),
        ('TagName="To"', 'TagName="To" Hidden="1"', "unknown-attribute"),
        ('TagName="To"', 'TagName="To" xmlns:x="urn:x" x:hidden="1"', "unknown-attribute"),
        ('Type="PERMISSIVE"', 'Type="PERMISSIV"', "bad-kind"),
        ('Type="PERMISSIVE"', "", "missing-attribute"),
        ("<Classification>SECRET</Classification>", "", "missing-element"),
        (
            "<Classification>SECRET<",
            "<Classification>SECRET</Classification><Classification>RED<",
            "duplicate-element",
        ),
        ('<PolicyIdentifier URI="', '<PolicyIdentifier URL="urn:oid:1.1" URI="', "bad-identifier"),
        ("2026-12-01T07:00:00Z", "2026-12-01T07:00:00", "bad-time"),
        ("2026-12-01T07:00:00Z", "2026-12-01T07:00:00+99:00", "bad-time"),
        ("2026-12-01T07:00:00Z", "2026-02-30T07:00:00Z", "bad-time"),
        ("metadatalabel:1:0", "metadatalabel:2:0", "not-a-label"),
    ),
)
def test_a_label_with_what_is_not_known_is_refused(old: str, new: str, code: str) -> None:
    one = make_label(
        policy="NATO",
        policy_id="1.3.26.1.3.1",
        classification="SECRET",
        categories=[make_category("To", "permissive", ["KFOR"])],
        created=NOW,
    )
    text = encode_label_xml(one).decode()
    assert text.count(old) == 1
    with pytest.raises(Malformed) as caught:
        parse_label_xml(text.replace(old, new).encode())
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("data", "code"),
    (
        (b"{}", "not-a-label"),
        (b"[]", "not-a-label"),
        (b'{"ocl":{"pol":"A","cls":"B","privacy":"x"}}', "bad-label"),
        (b'{"ocl":{"pol":"A","cls":"B","cls":"C"}}', "duplicate-name"),
        (b'{"ocl":{"pol":"A","cls":"B"},"ocl":{"pol":"A","cls":"C"}}', "duplicate-name"),
        (b'{"ocl":{"pol":"A","cls":7}}', "bad-value"),
        (b'{"ocl":{"pol":"A","cls":NaN}}', "bad-value"),
        (b'{"ocl":{"pol":"A","cls":"B","catl":[{"type":"X","name":"N","vals":[]}]}}', "bad-kind"),
        (b'{"ocl":{"pol":"","cls":"B"}}', "no-policy"),
        (b'{"ocl":{"pol":"A","cls":"B","dcr":"now"}}', "bad-time"),
        (b'{"ocl":' + b"[" * 30_000, "not-json"),
        (b"\xff", "not-json"),
    ),
)
def test_a_json_label_with_a_fault_is_refused(data: bytes, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_label_json(data)
    assert caught.value.code == code


def test_a_clearance_is_read_from_a_file() -> None:
    text = """
        policy = "Harbour"
        up_to = "CLOSED"

        [[category]]
        tag_set = "Releasable To"
        values = ["north"]

        [[category]]
        tag_set = "Nets"
        kind = "restrictive"
        values = ["radio", "diver"]
    """
    read = parse_clearance_toml(text)
    assert read == clearance("CLOSED", to=["north"], nets=["diver", "radio"])
    assert parse_clearance(encode_clearance(read)) == read
    listed = make_clearance(policy="Harbour", classifications=["OPEN"], categories=read.categories)
    assert parse_clearance_xml(encode_clearance_xml(listed)) == listed
    with pytest.raises(ValueError, match="up to 'CLOSED'"):
        encode_clearance_xml(read)


@pytest.mark.parametrize(
    ("text", "code"),
    (
        ("policy = ", "not-toml"),
        ('policy = "A"', "no-classification"),
        ('policy = "A"\nup_to = "B"\nclassifications = ["B"]', "no-classification"),
        ('up_to = "B"', "no-policy"),
        ('policy = "A"\nup_to = "B"\nadmin = true', "bad-clearance"),
        ('policy = "A"\nup_to = 3', "bad-clearance"),
        ('policy = "A"\nclassifications = ["B", "B"]', "duplicate-classification"),
        (
            'policy = "A"\nup_to = "B"\n[[category]]\ntag_set = "T"\nkind = "informative"\nvalues = ["x"]',
            "bad-kind",
        ),
        (
            'policy = "A"\nup_to = "B"\n' + '[[category]]\ntag_set = "T"\nvalues = ["x"]\n' * 2,
            "duplicate-tag-set",
        ),
        ("a." * 40_000 + "a = 1", "too-large"),
        ("a = " + "[" * 20_000, "not-toml"),
    ),
)
def test_a_clearance_with_a_fault_is_refused(text: str, code: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_clearance_toml(text)
    assert caught.value.code == code


# What the rules mean


@pytest.mark.parametrize(
    ("one", "codes"),
    (
        (label("OPEN"), []),
        (label("CLOSED", to=["north"]), []),
        (label("CLOSED", nets=["radio"]), []),
        (label("CLOSED"), ["required-category"]),
        (label("CLOSED", nets=["diver"]), ["required-category"]),
        (label("CLOSED", to=["west"]), ["excluded-classification"]),
        (label("OPEN", handling=["burn", "keep"]), ["single-selection"]),
        (label("OPEN", handling=["keep"], nets=["diver"]), ["excluded-category"]),
        (label("OPEN", handling=["burn"], nets=["diver"]), []),
        (label("OPEN", to=[]), ["empty-tag-set"]),
        (label("ELSE"), ["unknown-classification"]),
        (label("OPEN", to=["east"]), ["unknown-category"]),
        (make_label(policy="Port", classification="OPEN"), ["other-policy"]),
        (make_label(policy="Harbour", policy_id="1.2.4", classification="OPEN"), ["other-policy"]),
    ),
)
def test_what_makes_a_label_invalid_is_named(one: Label, codes: list[str], policy: LabelPolicy) -> None:
    assert [fault.code for fault in find_faults(one, policy)] == codes


def test_only_a_new_label_may_not_be_obsolete(policy: LabelPolicy) -> None:
    old = label("INNER", nets=["old"])
    assert find_faults(old, policy) == ()
    assert [one.code for one in find_faults(old, policy, is_new=True)] == ["obsolete", "obsolete"]


def test_names_of_tag_sets_and_tags_both_find_a_category(policy: LabelPolicy) -> None:
    def get(tag_set: str, tag_set_id: str = "") -> int:
        return policy.get_mask([make_category(tag_set, "restrictive", ["radio"], tag_set_id=tag_set_id)])

    assert get("Nets") == get("Sources") == get("Nets", "1.2.3.2") == get("Sources", "1.2.3.2")
    with pytest.raises(Denied, match="unknown-tag-set"):
        get("Nets", "1.2.3.1")
    with pytest.raises(Denied, match="unknown-category"):
        policy.get_mask([make_category("Nets", "permissive", ["radio"])])


# Default deny


def test_whatever_is_missing_or_at_fault_admits_nobody(policy: LabelPolicy) -> None:
    everything = clearance("CLOSED", to=["north", "south", "west"], nets=["radio", "diver", "old"])
    assert judge(label("OPEN"), everything, policy).is_allowed
    refused: list[tuple[Label | None, Clearance | None, str]] = [
        (None, everything, "no-label"),
        (label("OPEN"), None, "no-clearance"),
        (make_label(policy="Port", classification="OPEN"), everything, "unknown-policy"),
        (make_label(policy_id="1.1", classification="OPEN"), everything, "unknown-policy"),
        (Label("", "", "OPEN"), everything, "unknown-policy"),
        (make_label(policy_id="1.2.3", policy="TLP", classification="OPEN"), everything, "unknown-policy"),
        (label("ELSE"), everything, "unknown-classification"),
        (label("OPEN", to=["east"]), everything, "unknown-category"),
        (label("OPEN", to=[]), everything, "empty-tag-set"),
        (label("CLOSED"), everything, "required-category"),
        (make_label(policy="TLP", classification="CLEAR"), everything, "other-policy"),
        (label("OPEN"), make_clearance(policy="Harbour", up_to="ELSE"), "unknown-classification"),
        (
            label("OPEN"),
            make_clearance(
                policy="Harbour", up_to="OPEN", categories=[make_category("No", "permissive", ["x"])]
            ),
            "unknown-category",
        ),
    ]
    for one, reader, code in refused:
        judged = judge(one, reader, policy)
        assert not judged.is_allowed
        assert list_codes(judged) == [code]
    assert not decide(label("OPEN"), everything, Policies([])).is_allowed


def test_a_clearance_of_another_edition_of_the_policy_admits_nobody(policy: LabelPolicy) -> None:
    other = read_spif(POLICY.replace(b'version="7"', b'version="8"'))
    reader = clearance("CLOSED", to=["north"], nets=[])
    judged = decide_bound(bind_label(label("OPEN"), policy), bind_clearance(reader, other))
    assert list_codes(judged) == ["other-policy"]
    again = read_spif(POLICY)
    assert decide_bound(bind_label(label("OPEN"), policy), bind_clearance(reader, again)).is_allowed


def test_two_policies_of_one_name_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="each identifier and name once"):
        Policies([TLP, read_spif(TLP_SPIF)])


# Decisions and their reasons


def test_a_refusal_says_everything_that_is_lacking(policy: LabelPolicy) -> None:
    one = label("CLOSED", to=["north", "south"], nets=["diver", "radio"])
    judged = judge(one, clearance("INNER", to=["west"], nets=["diver"]), policy)
    assert [(reason.code, reason.needs) for reason in judged.reasons] == [
        ("classification", ("CLOSED",)),
        ("restrictive", ("Nets: radio",)),
        ("permissive", ("Releasable To: north", "Releasable To: south")),
    ]
    assert [reason.words for reason in judged.reasons] == [
        "CLOSED is not within the clearance, which holds OPEN, INNER",
        "the clearance does not hold Nets: radio",
        "Releasable To: the clearance holds none of north, south",
    ]
    assert judged.policy_sha256 == policy.sha256


def test_an_allowance_says_what_it_rests_on(policy: LabelPolicy) -> None:
    one = label("CLOSED", to=["north", "south"], nets=["radio"])
    judged = judge(one, clearance("CLOSED", to=["south", "west"], nets=["diver", "radio"]), policy)
    assert judged.is_allowed
    assert [reason.words for reason in judged.reasons] == [
        "CLOSED is within the clearance",
        "the clearance holds Nets: radio",
        "Releasable To: south",
    ]


def test_a_listed_clearance_holds_what_it_lists_and_no_more(policy: LabelPolicy) -> None:
    # X.501 clearances are lists; that a higher one holds the lower ones is said by listing them, or by up_to.
    reader = make_clearance(policy="Harbour", classifications=["INNER"])
    assert not judge(label("OPEN"), reader, policy).is_allowed
    assert judge(label("INNER"), reader, policy).is_allowed
    assert judge(label("OPEN"), make_clearance(policy="Harbour", up_to="INNER"), policy).is_allowed


@pytest.mark.parametrize(
    ("one", "officers"),
    ((label("OPEN"), 1), (label("CLOSED", to=["north"]), 2), (label("OPEN", nets=["radio"]), 3)),
)
def test_a_label_may_ask_for_more_officers(one: Label, officers: int, policy: LabelPolicy) -> None:
    reader = clearance("CLOSED", to=["north"], nets=["radio"])
    assert judge(one, reader, policy).officers_needed == officers
    assert judge(one, clearance("OPEN", to=[], nets=[]), policy).officers_needed == officers


def test_what_is_remembered_is_bounded_and_changes_nothing(policy: LabelPolicy) -> None:
    reader = bind_clearance(clearance("CLOSED", to=["south"], nets=[]), policy)
    bound = bind_label(label("CLOSED", to=["south"]), policy)
    before = decide_bound(bound, reader)
    memory = policy.memory.common
    memory.clear()
    memory.update({-number: before.reasons[0] for number in range(1, MAX_MEMORY + 1)})
    assert decide_bound(bound, reader) == before
    assert len(memory) == 1


def test_a_recipient_is_told_its_own_part_of_the_audience(policy: LabelPolicy) -> None:
    one = replace(label("CLOSED", to=["north", "south"], nets=["radio"], handling=["burn"]), created=NOW)
    reader = clearance("CLOSED", to=["south", "west"], nets=["radio"])
    addressed = address(one, reader, policy)
    assert [(found.tag_set, found.kind, found.values) for found in addressed.categories] == [
        ("Nets", "informative", ("burn",)),
        ("Nets", "restrictive", ("radio",)),
        ("Releasable To", "permissive", ("south",)),
    ]
    assert addressed.created is None
    with pytest.raises(Denied, match="holds none of north"):
        address(label("OPEN", to=["north"]), reader, policy)


# Joining


def test_parts_without_a_common_reader_are_named(policy: LabelPolicy) -> None:
    parts = [
        ("a", label("OPEN", to=["north", "south"])),
        ("b", label("OPEN", to=["south", "west"])),
        ("c", label("CLOSED", to=["south"])),
        ("d", label("OPEN", to=["north", "west"])),
        ("e", label("OPEN")),
    ]
    assert join([parts[0], parts[1], parts[4]], policy).categories[0].values == ("south",)
    with pytest.raises(Denied) as caught:
        join(parts, policy)
    assert caught.value.code == "empty-releasability"
    assert caught.value.message == (
        "Releasable To: expected parts with something in common, got c only to south; d only to north, west"
    )


def test_parts_whose_whole_would_break_a_rule_are_refused(policy: LabelPolicy) -> None:
    with pytest.raises(Denied, match=r"label of a, b together: Nets: keep excludes any of Nets"):
        join([("a", label("OPEN", handling=["keep"])), ("b", label("OPEN", nets=["diver"]))], policy)
    with pytest.raises(Denied, match=r"^b: CLOSED requires"):
        join([("a", label("OPEN")), ("b", label("CLOSED"))], policy)
    with pytest.raises(Denied, match=r"^b: label of policy 'TLP'"):
        join([("a", label("OPEN")), ("b", make_label(policy="TLP", classification="RED"))], policy)
    with pytest.raises(ValueError, match="at least one part"):
        join([], policy)


# TLP and marking


def test_tlp_ships() -> None:
    assert [mark(make_label(policy="TLP", classification=one.name), TLP) for one in TLP.classifications] == [
        "TLP:CLEAR",
        "TLP:GREEN",
        "TLP:AMBER",
        "TLP:AMBER+STRICT",
        "TLP:RED",
    ]
    reader = make_clearance(policy="TLP", up_to="AMBER")
    allowed = [
        decide(make_label(policy="TLP", classification=one.name), reader, Policies([TLP])).is_allowed
        for one in TLP.classifications
    ]
    assert allowed == [True, True, True, False, False]
    assert mark_clearance(reader, TLP) == "TLP:{CLEAR|GREEN|AMBER}"
    assert [one.color for one in TLP.classifications] == [
        "#FFFFFF",
        "#33FF00",
        "#FFC000",
        "#FFC000",
        "#FF2B2B",
    ]


def test_an_invalid_label_is_still_shown_to_who_is_to_mend_it(policy: LabelPolicy) -> None:
    assert mark(label("CLOSED", to=["west", "north"]), policy) == "Harbour CLOSED to north/west"
    with pytest.raises(Denied):
        mark(label("ELSE"), policy)


def test_a_language_takes_what_it_lacks_from_the_neutral_entries() -> None:
    policy = read_spif(
        b'<SPIF><securityPolicyId name="P" id="1.2"/><securityClassifications>'
        b'<securityClassification name="TOP" lacv="1" hierarchy="1">'
        b'<markingData phrase="COSMIC"><code>replacePolicy</code></markingData>'
        b'<markingData xml:lang="fr" phrase="HAUT"><code>pageTopBottom</code></markingData>'
        b'<markingData xml:lang="de" phrase="OBEN"><code>pageTop</code></markingData>'
        b"</securityClassification></securityClassifications></SPIF>"
    )
    one = make_label(policy="P", classification="TOP")
    assert mark(one, policy) == "COSMIC TOP"
    assert (
        mark(one, policy, "fr") == mark(one, policy, "fr-CA") == mark(one, policy, "FR_ca") == "COSMIC HAUT"
    )
    assert mark(one, policy, "de") == "COSMIC TOP"
    assert mark(one, policy, "de", "page-top") == "P OBEN"
