"""The Traffic Light Protocol, version 2.0 (FIRST, August 2022), as a label policy.

For: partners who have no label policy of their own; every desk knows this one.

Invariants: the five labels of the protocol, in its colors, and nothing besides. FIRST gave the protocol no
identifier; this one is of the STIX extension that OASIS published for it.

TLP says with whom a thing may be shared further, not how well a recipient guards it: what a partner may get
at all is its clearance, which the desk writes down.

    >>> [one.name for one in TLP.classifications]
    ['CLEAR', 'GREEN', 'AMBER', 'AMBER+STRICT', 'RED']
"""

from __future__ import annotations

from typing import Final

from entente.release.label.policy import LabelPolicy
from entente.release.label.spif import read_spif

TLP_SPIF: Final = b"""<?xml version="1.0" encoding="UTF-8"?>
<SPIF xmlns="http://www.xmlspif.org/spif" schemaVersion="2.1" version="2.0">
  <securityPolicyId name="TLP" id="60a3c5c5-0d10-413e-aab3-9e08dde9e88d"/>
  <securityClassifications>
    <securityClassification name="CLEAR" lacv="0" hierarchy="0" color="#FFFFFF"/>
    <securityClassification name="GREEN" lacv="1" hierarchy="1" color="#33FF00"/>
    <securityClassification name="AMBER" lacv="2" hierarchy="2" color="#FFC000"/>
    <securityClassification name="AMBER+STRICT" lacv="3" hierarchy="3" color="#FFC000"/>
    <securityClassification name="RED" lacv="4" hierarchy="4" color="#FF2B2B"/>
  </securityClassifications>
  <markingQualifier>
    <qualifier markingQualifier="TLP:" qualifierCode="prefix"/>
  </markingQualifier>
  <markingData phrase="">
    <code>replacePolicy</code>
  </markingData>
</SPIF>
"""
"""The policy as a file, for a desk that wants to hand it to another program."""
TLP: Final[LabelPolicy] = read_spif(TLP_SPIF)
