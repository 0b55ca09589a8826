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

    label, clearance     values by names, and their forms   stanag4774, stanag5636   forms of others
    policy, phrases      what a policy says                 spif, tlp                where it is read from
    bound, judgement     faults; who may see it             join, translation        labels made of labels
    reason, marking      why; what is printed               markup                   XML within limits

    >>> theirs = make_clearance(policy="TLP", up_to="GREEN")
    >>> decide(make_label(policy="TLP", classification="AMBER"), theirs, Policies([TLP])).reasons[0].words
    'AMBER is not within the clearance, which holds CLEAR, GREEN'
"""

from entente.release.label.bound import (
    BoundClearance,
    BoundLabel,
    bind_clearance,
    bind_label,
    find_faults,
)
from entente.release.label.clearance import (
    Clearance,
    ClearanceWire,
    encode_clearance,
    make_clearance,
    parse_clearance,
    parse_clearance_table,
    parse_clearance_toml,
)
from entente.release.label.join import join
from entente.release.label.judgement import Judgement, address, decide, decide_bound
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
from entente.release.label.marking import mark, mark_clearance
from entente.release.label.policy import LabelPolicy, Policies
from entente.release.label.reason import Reason
from entente.release.label.spif import read_spif
from entente.release.label.stanag4774 import (
    encode_clearance_xml,
    encode_label_xml,
    parse_clearance_xml,
    parse_label_xml,
)
from entente.release.label.stanag5636 import encode_label_json, parse_label_json
from entente.release.label.tlp import TLP, TLP_SPIF
from entente.release.label.translation import Translation, translate

__all__ = [
    "TLP",
    "TLP_SPIF",
    "BoundClearance",
    "BoundLabel",
    "Category",
    "CategoryWire",
    "Clearance",
    "ClearanceWire",
    "Judgement",
    "Label",
    "LabelPolicy",
    "LabelWire",
    "Policies",
    "Reason",
    "Translation",
    "address",
    "bind_clearance",
    "bind_label",
    "decide",
    "decide_bound",
    "encode_clearance",
    "encode_clearance_xml",
    "encode_label",
    "encode_label_json",
    "encode_label_xml",
    "find_faults",
    "join",
    "make_category",
    "make_clearance",
    "make_label",
    "mark",
    "mark_clearance",
    "parse_clearance",
    "parse_clearance_table",
    "parse_clearance_toml",
    "parse_clearance_xml",
    "parse_label",
    "parse_label_json",
    "parse_label_xml",
    "read_spif",
    "translate",
]
