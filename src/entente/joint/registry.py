"""Every kind of message that a center of this version speaks.

A new kind is one file in one room and a name in that room's ``KINDS``; nothing else changes.

    >>> KINDS.get("activity.notify").acknowledged
    True
"""

from __future__ import annotations

from typing import Final

from entente import blind, deconflict, dialogue, release
from entente.kernel.charter import CHARTER
from entente.kernel.kinds import KindTable
from entente.kernel.roster import ROSTER_STATEMENT
from entente.terms import agreement

KINDS: Final = KindTable(
    (
        CHARTER,
        ROSTER_STATEMENT,
        *deconflict.KINDS,
        *dialogue.KINDS,
        *agreement.KINDS,
        *blind.KINDS,
        *release.KINDS,
    )
)
