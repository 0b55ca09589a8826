"""Confidentiality labels and the policies that give them meaning: who may see what bears a label, and why.

For: reading and writing labels (STANAG 4774 XML, 5636 JSON, inside messages), reading label policies (XML
SPIF 2.1; TLP 2.0 ships), and from both: is a label valid, what is printed on the page, may this recipient see
it, what label has a thing put together of several, what is it called under a partner's policy.

Invariants:
  * Default deny: no label, an unknown policy, a label that its policy does not allow, a tag set with no
    category, or any error in any rule admits nobody.
  * Nothing but `Malformed` comes out of any bytes, and out of hostile ones soon.
  * Every decision says why, in the names of the policy.

It does not decide whether something is released: exposure, officers and the record do that besides.

    >>> label = Label("", "TLP", "AMBER")
"""

from entente.release.label.label import (
    Category,
    CategoryWire,
    Label,
    LabelWire,
    encode_label,
    make_category,
    make_label,
    parse_label,
)

__all__ = [
    "Category",
    "CategoryWire",
    "Label",
    "LabelWire",
    "encode_label",
    "make_category",
    "make_label",
    "parse_label",
]
