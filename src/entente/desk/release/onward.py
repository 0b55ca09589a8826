"""Passing on: the holder asks, the originator answers, and only with a recorded yes does the item go further.

    ask     the holder's desk asks the originator: may this variant go to that third party?
    grant   at the originator: a yes is planned like a release to the new recipient: policy, exposure,
            officers, charge; a no goes to the holder alone pass    the holder's desk sends the same variant,
            under the yes

Invariants:
  * A yes to passing on is a release: the new recipient is charged with it, under the originator's own
    budgets, before the yes leaves.
  * What is passed on is the variant that the originator made, to the byte, under the label and for the time
    that the yes says; the holder adds a note, or nothing.
  * Nothing is passed on that was recalled from us, or whose originator said never.

It sends nothing: plans do, see `sending`.

    >>> onward.plan_grant(ask_row, officer="duty-1", until="", words="")
    Plan(id=7, action='grant', recipient='un', ...)
"""

from __future__ import annotations

import msgspec

from entente.desk.release.ledger import ReleaseLedger
from entente.desk.release.parts import ReleaseParts
from entente.desk.release.planning import ReleasePlanning, Wish, pick_fields, write_label
from entente.desk.release.plans import GRANT, PASS, NewPlan, Plan, PlanBook, PlanContent
from entente.desk.release.policy import Allowed, Refused, ReleasePolicy
from entente.kernel.errors import Denied, NotFound, StoreError
from entente.kernel.message import encode_body
from entente.kernel.time import parse_utc
from entente.release.exposure.plan import Plan as Offer
from entente.release.exposure.plan import Refusal, judge
from entente.release.item import GrantRow, ItemRow, ReleaseItem, is_recalled, list_held
from entente.release.onward import AskRow, GrantOnward
from entente.release.source.report import Report
from entente.release.variant.kept import encode_shape
from entente.release.variant.shape import earliest_us
from entente.release.veto import ONWARD


class ReleaseOnward:
    """Passing on at one desk, as holder and as originator. Safe from several threads."""

    def __init__(
        self,
        parts: ReleaseParts,
        policy: ReleasePolicy,
        planning: ReleasePlanning,
        ledger: ReleaseLedger,
        plans: PlanBook,
    ) -> None:
        self._parts = parts
        self._policy = policy
        self._planning = planning
        self._ledger = ledger
        self._plans = plans

    # At the originator

    def plan_grant(self, ask: AskRow, *, officer: str, until: str, words: str) -> Plan:
        """Plan a yes to a question: a release of the same variant to the new recipient.

        Raises:
            NotFound: It is about no item that this desk made.
            Denied: It was answered.
        """
        if ask.originator != self._parts.party or ask.grant:
            raise Denied("answered", f"question {ask.message[:12]}: expected one to us without an answer")
        token = f"grant-{ask.message[:48]}"
        known = self._plans.find_token(token)
        if known is not None and known.state not in {"denied", "stale", "withdrawn"}:
            return known
        if known is not None:
            token = f"{token}-{self._parts.random.draw(4).hex()}"
        given = self._find_given(ask)
        report = self._parts.library.get_report(given.content.report, version=given.content.version)
        wish = Wish(ask.ask.purpose, officer, tear_line=given.content.asked_line, until=until)
        about = f"asked by {ask.holder}"
        judged = self._judge(ask, given, report.value, wish)
        if isinstance(judged, Refused):
            content = self._planning.describe_refused(report, judged, ask.ask.to, action=GRANT, about=about)
            plan = NewPlan(
                given.item,
                ask.ask.to,
                wish.purpose,
                officer,
                content,
                code=judged.code,
                reason=judged.words,
            )
            return self._plans.add(plan, token=token)
        allowed, offer = judged
        line, fields = given.content.tear_line, given.content.fields
        content = self._planning.describe_offer(
            report, wish, allowed, offer, line, fields, action=GRANT, about=about
        )
        body = GrantOnward(
            ask=ask.message,
            granted=True,
            label=write_label(allowed, earliest_us(report.value, offer.shape, self._parts.ladder)),
            variant=ask.ask.variant,
            holder=ask.holder,
            to=ask.ask.to,
            purpose=ask.ask.purpose,
            until=until or None,
            use_until=_decode_item(given).until,
            words=words,
        )
        plan = NewPlan(
            given.item, ask.ask.to, wish.purpose, officer, content, encode_body(body), allowed.needs
        )
        return self._plans.add(plan, token=token)

    def _judge(self, ask: AskRow, given: Plan, report: Report, wish: Wish) -> Refused | tuple[Allowed, Offer]:
        """Judge the variant that the holder has as a release to the new recipient."""
        offered, to = given.content.offered, ask.ask.to
        decided = self._policy.decide(
            report, to, purpose=wish.purpose, tear_line=wish.tear_line, action=ONWARD
        )
        if isinstance(decided, Refused):
            return decided
        why = f"what {ask.holder} holds is finer than what may go to {to}"
        no = Refused("budget", why, (*decided.steps, f"exposure: no: {why}"), (why,))
        if offered is None or not decided.mask.allows(offered):
            return no
        # SECURITY: what `to` may have by another text's label is not this text, nor fields beside it
        # (tests/protocol/test_desk_release_onward.py, test_a_yes_is_for_the_text_that_may_go).
        if not holds_only_allowed(given, report, decided, self._parts):
            return no
        stakes = self._ledger.make_stakes(report.source, given.item, [to])
        offer = judge(offered, to, stakes, report, self._parts.ladder)
        if isinstance(offer, Refusal) or encode_shape(offer.shape).hex() != given.content.shape:
            return no
        worst = max((one.chance_worst for one in offer.exposures), default=0.0)
        vetoed = self._planning.ask_final_veto(decided, offered, report, worst=worst)
        return (decided, offer) if vetoed is None else vetoed

    def _find_given(self, ask: AskRow) -> Plan:
        """Return the plan by which we gave the variant that is asked about; to the asker if it was he."""
        rows = [
            row
            for row in self._parts.rows.select(ItemRow, sha256=ask.ask.variant)
            if row.author == self._parts.party and not row.grant
        ]
        for row in sorted(rows, key=lambda one: (one.to != ask.holder, one.index)):
            plan = self._plans.find_leaf(row.message)
            if plan is not None:
                return plan
        raise NotFound(
            "not-given", f"question {ask.message[:12]}: expected a variant that this desk made, found none"
        )

    # At the holder

    def plan_pass(self, grant: GrantRow, *, officer: str, note: str) -> Plan:
        """Plan to pass an item on under a yes of its originator.

        Raises:
            Denied: The yes is not for us, or over; the item was recalled; its originator said never.
        """
        parts, what = self._parts, f"passing on {grant.sha256[:12]}"
        if grant.holder != parts.party or not grant.is_granted or grant.label is None:
            raise Denied("no-grant", f"{what}: expected a yes to us, found none of this name")
        if grant.until and parse_utc(grant.until) < parts.clock.now_utc():
            raise Denied("grant-over", f"{what}: expected it by {grant.until}")
        held = [row for row in list_held(parts.rows, grant.sha256, parts.party) if not row.recalled]
        # SECURITY: the record's readers cannot all see these two: the new recipient knows nothing of a recall
        # to us (tests/protocol/test_desk_release_onward.py, test_what_was_recalled_is_not_passed_on).
        if grant.recalled or not held or is_recalled(parts.rows, grant.sha256, parts.party):
            raise Denied("recalled", f"{what}: expected an item in use, it was recalled")
        if any(row.item.onward == "never" for row in held):
            raise Denied("never-onward", f"{what}: expected one that may be passed on, it says 'never'")
        token = f"pass-{grant.message[:48]}"
        known = self._plans.find_token(token)
        if known is not None:
            return known
        (first, *_) = held
        body = ReleaseItem(
            item=parts.random.draw(32).hex(),
            variant=first.item.variant,
            label=grant.label,
            originator=grant.originator,
            grant=grant.message,
            purpose=grant.purpose,
            onward=first.item.onward,
            until=grant.use_until or None,
            replaces=None,
            note=note,
        )
        content = PlanContent(
            action=PASS,
            report="",
            version=0,
            catalogue=0,
            source="",
            theatre="",
            level=None,
            offered=None,
            shape="",
            tear_line="",
            asked_line="",
            fields=(),
            steps=(f"originator: {grant.originator} has said yes, entry {grant.index}",),
            reasons=(),
            exposed=(),
            blockers=(),
            vetoes=parts.veto.version,
            ladder="",
            words=f"an item of {grant.originator}, passed on to {grant.to}",
            about=f"by grant {grant.message[:12]}",
        )
        plan = NewPlan(first.message, grant.to, grant.purpose, officer, content, encode_body(body))
        return self._plans.add(plan, token=token)


def holds_only_allowed(given: Plan, report: Report, allowed: Allowed, parts: ReleaseParts) -> bool:
    """Tell whether the text and the fields of what was given may go to another recipient, too."""
    content = given.content
    if content.level is None:
        return False
    texts = {"", *(line.id for line in allowed.lines)}
    fields = pick_fields(report, allowed, content.level, parts)
    return content.tear_line in texts and set(content.fields) <= set(fields)


def _decode_item(given: Plan) -> ReleaseItem:
    try:
        return msgspec.json.decode(given.body or b"", type=ReleaseItem)
    except msgspec.MsgspecError as error:
        raise StoreError("book", f"plan {given.id}: expected an item, found none") from error
