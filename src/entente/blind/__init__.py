"""Blind checks: whether two parties' plans conflict, and where, without either showing its plan.

For: two desks that have agreed on rules (grid, modes, allowance). Each covers its plan by cells of the grid
and commits to them; then each learns which of its own cells the other's plan touches, or, by way of the
center, no more than whether any do.

Invariants:
  * A run ends CLEAR, CONFLICT or INVALID. CLEAR only when everything that can be checked was, canaries
    included.
  * Nothing here touches a clock, a file, a socket or randomness: desk and center carry what is made here.
  * Who is asked charges by length before it evaluates; the record meters the same.

It cannot make anyone tell the truth: a party that leaves a cell out of its plan is found by an audit, or
never.

    rules         what both sign                    grid, cover, lift   from volumes to tokens
    holding       what a party has committed to     exact               two parties, own overlapping cells
    asking        questions, answers, defaults      matching            yes/no and count, by way of the center
    outcome       how a run ended                   audit, zoom         afterwards; and closer, if agreed
"""

from typing import Any, Final

from entente.blind.asking import BLIND_ANSWER, BLIND_ASK, BLIND_LAPSE, plan_lapses
from entente.blind.holding import BLIND_AMEND, BLIND_COMMIT, ParcelRow
from entente.blind.match_records import BLIND_JOIN, BLIND_MATCH, BLIND_MATCHED, plan_matches
from entente.blind.outcome import BLIND_OUTCOME
from entente.blind.rules import BLIND_AGREE, BLIND_END, BLIND_PROPOSE, BLIND_REFUSE
from entente.blind.zoom import BLIND_REVEAL, BLIND_ZOOM
from entente.kernel.kinds import Kind

KINDS: Final[tuple[Kind[Any], ...]] = (
    BLIND_PROPOSE,
    BLIND_AGREE,
    BLIND_REFUSE,
    BLIND_END,
    BLIND_COMMIT,
    BLIND_AMEND,
    BLIND_ASK,
    BLIND_ANSWER,
    BLIND_LAPSE,
    BLIND_OUTCOME,
    BLIND_MATCH,
    BLIND_JOIN,
    BLIND_MATCHED,
    BLIND_ZOOM,
    BLIND_REVEAL,
)

__all__ = ["KINDS", "ParcelRow", "plan_lapses", "plan_matches"]
