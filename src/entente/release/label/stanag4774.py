"""Labels and clearances as STANAG 4774 XML (ADatP-4774), and back.

For: what other systems send and want. What is read and written, element by element, and what is not supported
and so refused, stands in docs/formats/release-labels.md.

Invariants:
  * Reading back what was written gives the same label.
  * An element or attribute that we do not know is refused: it could say who may not see the thing.

It follows no names: a label of an unknown policy is read as well as any.

    >>> parse_label_xml(encode_label_xml(label)) == label
    True
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from entente.kernel.time import encode_utc, parse_utc
from entente.release.label.clearance import Clearance, make_clearance
from entente.release.label.label import Category, CategoryKind, Label, make_category, make_label
from entente.release.label.markup import Element, parse_markup, spell_element, spell_text

LABEL_SPACE: Final = "urn:nato:stanag:4774:confidentialitymetadatalabel:1:0"
CLEARANCE_SPACE: Final = "urn:nato:stanag:4774:confidentialityclearance:1:0"
_KINDS: Final[dict[str, CategoryKind]] = {
    "INFORMATIVE": "informative",
    "PERMISSIVE": "permissive",
    "RESTRICTIVE": "restrictive",
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}
_OID: Final = re.compile(r"[0-2](?:\.(?:0|[1-9][0-9]*))+")
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DATE_TIME: Final = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})"
)


def parse_label_xml(data: bytes) -> Label:
    """Return the label that ``data`` holds, or raise `Malformed`."""
    root = parse_markup(data, what="label")
    if (root.space, root.name) != (LABEL_SPACE, "originatorConfidentialityLabel"):
        raise root.fail(
            "not-a-label", f"expected originatorConfidentialityLabel in {LABEL_SPACE}, got {root.space!r}"
        )
    root.expect_attributes("Id", "ReviewDateTime")
    root.expect_nothing_foreign()
    # A succession would change who may see the thing without anyone's doing; it is refused like anything
    # unknown, and so is a privacy mark, which only a person could heed.
    root.expect("ConfidentialityInformation", "CreationDateTime", "OriginatorID")
    itself = root.get_child("ConfidentialityInformation")
    itself.expect("Category", "Classification", "PolicyIdentifier")
    itself.expect_attributes()
    itself.expect_nothing_foreign()
    # SECURITY: no words where a person reads them and a program does not
    # (tests/unit/test_release_attacks.py, test_a_label_with_words_where_none_belong_is_refused).
    root.expect_no_text()
    itself.expect_no_text()
    policy_id, policy = _read_policy(itself.get_child("PolicyIdentifier"))
    created = root.find("CreationDateTime")
    return make_label(
        policy_id=policy_id,
        policy=policy,
        classification=_read_text(itself.get_child("Classification")),
        categories=[_read_category(one) for one in itself.find_all("Category")],
        created=None if created is None else _read_time(created),
    )


def encode_label_xml(label: Label) -> bytes:
    """Return a label as XML in UTF-8."""
    content = _spell_policy(label.policy_id, label.policy)
    content += spell_element("Classification", {}, spell_text(label.classification))
    content += "".join(_spell_category(one) for one in label.categories)
    body = spell_element("ConfidentialityInformation", {}, content)
    if label.created is not None:
        body += spell_element("CreationDateTime", {}, encode_utc(label.created))
    return spell_element("originatorConfidentialityLabel", {"xmlns": LABEL_SPACE}, body).encode()


def parse_clearance_xml(data: bytes) -> Clearance:
    """Return the clearance that ``data`` holds, or raise `Malformed`."""
    root = parse_markup(data, what="clearance")
    if (root.space, root.name) != (CLEARANCE_SPACE, "ConfidentialityClearance"):
        raise root.fail(
            "not-a-clearance", f"expected ConfidentialityClearance in {CLEARANCE_SPACE}, got {root.space!r}"
        )
    root.expect_attributes("Id")
    root.expect_nothing_foreign()
    # The parts that a clearance shares with a label are in the label's namespace, or in the clearance's own.
    for child in root.children:
        for one in (child, *child.children, *(inner for part in child.children for inner in part.children)):
            if one.space == LABEL_SPACE:
                one.space = CLEARANCE_SPACE
    root.expect("Category", "ClassificationList", "PolicyIdentifier")
    policy_id, policy = _read_policy(root.get_child("PolicyIdentifier"))
    listed = root.get_child("ClassificationList")
    listed.expect("Classification")
    root.expect_no_text()
    listed.expect_no_text()
    return make_clearance(
        policy_id=policy_id,
        policy=policy,
        classifications=[_read_text(one) for one in listed.children],
        categories=[_read_category(one) for one in root.find_all("Category")],
    )


def encode_clearance_xml(clearance: Clearance) -> bytes:
    """Return a clearance as XML in UTF-8.

    Raises:
        ValueError: It says ``up_to``, which only its policy can spell out: bind it and list what it holds.
    """
    if clearance.up_to:
        raise ValueError(f"clearance: expected a list of classifications, got up to {clearance.up_to!r}")
    listed = "".join(
        spell_element("Classification", {"xmlns": LABEL_SPACE}, spell_text(name))
        for name in clearance.classifications
    )
    body = _spell_policy(clearance.policy_id, clearance.policy, LABEL_SPACE)
    body += spell_element("ClassificationList", {}, listed)
    body += "".join(_spell_category(one, LABEL_SPACE) for one in clearance.categories)
    return spell_element("ConfidentialityClearance", {"xmlns": CLEARANCE_SPACE}, body).encode()


def read_uri(uri: str) -> str:
    """Return the identifier that a URI wraps: an OID or UUID without its ``urn:``, others as they are."""
    for prefix in ("urn:oid:", "urn:uuid:"):
        if uri.lower().startswith(prefix):
            return uri[len(prefix) :].lower()
    return uri


def spell_uri(identifier: str) -> str:
    """Return an identifier as the URI that `read_uri` reads."""
    if _OID.fullmatch(identifier):
        return f"urn:oid:{identifier}"
    return f"urn:uuid:{identifier}" if _UUID.fullmatch(identifier) else identifier


def _read_text(element: Element) -> str:
    element.expect()
    element.expect_attributes("URI")
    element.expect_nothing_foreign()
    return element.text


def _read_policy(element: Element) -> tuple[str, str]:
    """Return identifier and name. The standard's attribute is URI; its published examples write URL."""
    element.expect()
    element.expect_attributes("URI", "URL")
    element.expect_nothing_foreign()
    if {"URI", "URL"} <= element.attributes.keys():
        raise element.fail("bad-identifier", "expected URI, got URL beside it")
    uri = element.attributes.get("URI", element.attributes.get("URL", ""))
    return read_uri(uri), element.text


def _read_category(element: Element) -> Category:
    element.expect("GenericValue")
    element.expect_no_text()
    element.expect_attributes("TagName", "Type", "URI")
    element.expect_nothing_foreign()
    kind = element.get("Type")
    if kind not in _KINDS:
        raise element.fail("bad-kind", f"expected one of {sorted(_KINDS)}, got {kind[:40]!r}")
    return make_category(
        element.get("TagName"),
        _KINDS[kind],
        [_read_text(one) for one in element.children],
        tag_set_id=read_uri(element.attributes.get("URI", "")),
        path=f"line {element.line}",
    )


def _read_time(element: Element) -> datetime:
    """Return an xs:dateTime with a time zone; digits beyond the microsecond are dropped."""
    element.expect()
    element.expect_attributes()
    matched = _DATE_TIME.fullmatch(element.text)
    if not matched or not element.text.isascii():
        raise element.fail("bad-time", f"expected a time with its zone, got {element.text[:40]!r}")
    seconds, fraction, zone = matched.groups()
    text = seconds + (f".{fraction[:6]}".rstrip("0").rstrip(".") if fraction else "") + "Z"
    moment = parse_utc(text, path=f"line {element.line}")
    if zone == "Z":
        return moment
    ahead = timedelta(hours=int(zone[1:3]), minutes=int(zone[4:6]))
    if ahead >= timedelta(hours=24):
        raise element.fail("bad-time", f"expected a time with its zone, got {element.text[:40]!r}")
    return moment.replace(tzinfo=timezone(ahead if zone[0] == "+" else -ahead)).astimezone(UTC)


def _spell_policy(policy_id: str, policy: str, space: str = "") -> str:
    attributes = {"xmlns": space} if space else {}
    if policy_id:
        attributes["URI"] = spell_uri(policy_id)
    return spell_element("PolicyIdentifier", attributes, spell_text(policy))


def _spell_category(category: Category, space: str = "") -> str:
    attributes = {"xmlns": space} if space else {}
    attributes |= {"TagName": category.tag_set, "Type": _NAMES[category.kind]}
    if category.tag_set_id:
        attributes["URI"] = spell_uri(category.tag_set_id)
    values = "".join(spell_element("GenericValue", {}, spell_text(value)) for value in category.values)
    return spell_element("Category", attributes, values)
