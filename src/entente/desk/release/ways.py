"""What an officer can do about a plan that cannot leave: other ways of planning it, each tried.

What it is for: a no at 3 a.m. says what to press next. What only others can change (a clearance, a budget,
rules with the partner) is in `explain`; here is only what our own officer may ask for himself: without his
own limits, with another text or none, for another purpose on the shelf.

Invariants:
  * A way is told only where the gate says yes to it now, by the same functions that a plan is made by.
  * Trying keeps nothing, charges nothing, and looks at no more of the report than planning does.
  * The cheapest comes first: the same purpose before another, then fewer officers, then sooner.

It plans nothing: the officer does.

    >>> [way.purpose for way in list_ways(desk, plan)]
    ['safety']
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from entente.desk.release import answers as told
from entente.desk.release.parts import from_us
from entente.desk.release.planning import Wish
from entente.desk.release.plans import RELEASE, Plan
from entente.desk.release.policy import Refused
from entente.kernel.errors import EntenteError
from entente.kernel.time import encode_utc
from entente.release.exposure.plan import Refusal
from entente.release.source.report import Report
from entente.release.variant.shape import earliest_us
from entente.release.variant.words import describe_shape

if TYPE_CHECKING:
    from entente.desk.assembly import Desk

MOST_TRIES: Final = 8
"""Each weighs every level of the ladder."""


def list_ways(desk: Desk, plan: Plan) -> list[told.WayAnswer]:
    """Return what can be planned instead, the cheapest first; nothing where the gate allows nothing."""
    content, library = plan.content, desk.release.parts.library
    if content.action != RELEASE or not content.report:
        return []
    try:
        report = library.get_report(content.report).value
    except EntenteError:
        return []  # taken down
    shelved = [one.name for one in library.shelves.list_standing("purpose")]
    others = [one for one in shelved if one != plan.purpose]
    texts = [content.asked_line, ""] if content.asked_line else [""]
    wanted = [(purpose, text) for purpose in (plan.purpose, *others) for text in texts]
    tried = (_try(desk, plan, report, purpose, text) for purpose, text in wanted[:MOST_TRIES])
    ways = [way for way in tried if way is not None]
    return sorted(ways, key=lambda way: (way.purpose != plan.purpose, way.officers, way.due))


def _try(desk: Desk, plan: Plan, report: Report, purpose: str, text: str) -> told.WayAnswer | None:
    release, to = desk.release, plan.recipient
    try:
        allowed = release.policy.decide(report, to, purpose=purpose, tear_line=text)
        if isinstance(allowed, Refused):
            return None
        wish = Wish(purpose, plan.officer, tear_line=text)
        offer = release.planning.offer(report, plan.item, {to: allowed}, wish)[to]
        if isinstance(offer, Refusal) or release.ledger.contradicts(plan.item, offer.shape):
            return None
        worst = max((one.chance_worst for one in offer.exposures), default=0.0)
        if release.planning.ask_final_veto(allowed, offer.offered, report, worst=worst) is not None:
            return None
    except EntenteError:
        return None
    ladder = release.parts.ladder
    due = encode_utc(from_us(earliest_us(report, offer.shape, ladder)))
    return told.WayAnswer(purpose, text, describe_shape(offer.shape, ladder), allowed.needs, due)
