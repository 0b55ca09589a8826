"""Sending: officers say yes, it is held until its time, judged again, charged, and put into the outbox.

The order, and what is durable after each step:

    1. an officer's yes                                        (release_approvals)
    2. with the last yes: held                                 (release_plans)
    3. when its time has come, in ONE transaction: everything is judged again by what stands now; charges,
       beliefs and what was given are entered; the exact message is in the outbox
    4. signed, entered at the gate, sent, answered             (outbox, exposures)
    5. recorded, or refused                                    (release_plans)

Invariants:
  * Never sent and unaccounted: before 3 nothing is in the outbox, after it everything is charged. Stopped
    anywhere, the desk goes on there, and the same bytes are sent under the same token.
  * What is sent was judged by the belief, policy, vetoes, reports and roster of that moment. What has changed
    makes the plan stale: nothing is sent that an officer has not seen.
  * A charge is never given back: of a message that is refused or withdrawn afterwards the charge stays, and
    the plan says so. It can be sent again: the same bytes, no new charge.
  * Nothing leaves before its time by our clock; a clock that goes back makes it later.

It chooses no level: see `planning`.

    >>> sending.approve(3, officer="duty-1", digest="")
    >>> sending.step()
    True
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeVar

import msgspec

from entente.desk.compose import Draft
from entente.desk.outbox import RECORDED, REFUSED, WITHDRAWN, Outbox, OutboxItem
from entente.desk.release.ledger import Given, ReleaseLedger
from entente.desk.release.onward import holds_only_allowed
from entente.desk.release.parts import ReleaseParts
from entente.desk.release.planning import CONTRADICTION, ReleasePlanning, pick_fields, pick_line, write_label
from entente.desk.release.plans import GRANT, PASS, RELEASE, Plan, PlanBook
from entente.desk.release.policy import Allowed, Refused, ReleasePolicy
from entente.kernel.errors import Denied, EntenteError, NotFound, StoreError
from entente.kernel.time import parse_utc
from entente.release.exposure.plan import Plan as Offer
from entente.release.exposure.plan import Refusal, judge
from entente.release.item import RELEASE_ITEM, ReleaseItem
from entente.release.onward import RELEASE_GRANT, GrantOnward
from entente.release.source.report import Report
from entente.release.variant.build import build_variant, hash_variant
from entente.release.variant.kept import encode_shape
from entente.release.variant.shape import earliest_us
from entente.release.veto import ONWARD
from entente.release.veto import RELEASE as GIVE

STALE: Final = "stale"
HELD: Final = "held"
SENDING: Final = "sending"
_SAME: Final = 1e-12
T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Ready:
    """A plan that stood up to being judged again.

    Args:
        given: What is charged; None: the recipient has it already, or it is not ours to charge.
        worst: By secret and pool.
    """

    kind: str
    addressees: tuple[str, ...]
    officers: tuple[str, ...]
    given: Given | None = field(repr=False, default=None)
    worst: dict[tuple[str, str], float] = field(repr=False, default_factory=dict)


class _Changed(Exception):
    """What was planned is not what would be sent now."""

    def __init__(self, code: str, words: str, *, state: str = STALE, due_us: int | None = None) -> None:
        super().__init__(code)
        self.code = code
        self.words = words
        self.state = state
        self.due_us = due_us


class ReleaseSending:
    """Plans on their way. Safe from several threads."""

    def __init__(
        self,
        parts: ReleaseParts,
        policy: ReleasePolicy,
        planning: ReleasePlanning,
        ledger: ReleaseLedger,
        plans: PlanBook,
        outbox: Outbox,
    ) -> None:
        self._parts = parts
        self._outbox = outbox
        self._policy = policy
        self._planning = planning
        self._ledger = ledger
        self._plans = plans

    # Officers

    def approve(self, number: int, *, officer: str, digest: str = "") -> Plan:
        """Note an officer's yes. A plan that was charged and not taken is sent again, the same bytes."""
        plan = self._plans.get(number)
        if plan.state in {SENDING, RECORDED}:
            return plan
        if plan.is_charged:
            self._send_again(plan, officer=officer, digest=digest)
        else:
            self._plans.approve(plan, officer=officer, digest=digest, roster=self._parts.list_officers())
        return self._plans.get(number)

    def withdraw(self, number: int) -> Plan:
        """Take back a plan; one that is charged, only while it is not signed, and its charge stays.

        Raises:
            Denied: ``already-signed``, ``already-charged``.
        """
        plan = self._plans.get(number)
        if plan.state == SENDING:
            item = self._outbox.find_token(plan.sent_as)
            if item is not None:
                self._outbox.withdraw(item.id)
            self._settle(plan)
        else:
            with self._outbox.writing():
                self._plans.withdraw(self._plans.get(number))
        return self._plans.get(number)

    def find_change(self, number: int) -> tuple[str, str]:
        """Return code and words of why a plan would not leave as it was planned; empty while it would.

        For whoever is asked for a yes: what has changed since another gave his is told before, not after.
        Officers that are missing and a time that has not come are no change. It moves nothing.
        """
        plan = self._plans.get(number)
        if plan.is_charged or plan.state not in {"planned", HELD}:
            return "", ""
        try:
            self._judge_again(plan, is_look=True)
        except _Changed as changed:
            return changed.code, changed.words
        except EntenteError as error:
            return error.code, error.message
        return "", ""

    # On the way

    def step(self) -> bool:
        """Send what is due, and note what became of what was sent; return whether anything moved."""
        moved = False
        for plan in self._plans.list_in(HELD):
            if plan.due_us <= self._parts.now_us():
                moved = self._send(plan) or moved
        for plan in self._plans.list_in(SENDING):
            moved = self._settle(plan) or moved
        return moved

    def find_next_us(self) -> int | None:
        """Return when the next plan is due, or None."""
        row = self._parts.book.read_one("SELECT min(due_us) AS due FROM release_plans WHERE state = 'held'")
        return None if row is None else row["due"]

    def _send(self, plan: Plan) -> bool:
        """Judge again, charge, and put into the outbox: one transaction, or nothing."""
        try:
            # SECURITY: two plans that together break a budget are judged one after the other, each by what
            # the other has charged (tests/protocol/test_desk_release_attacks.py,
            # test_two_plans_approved_at_once_do_not_break_the_budget).
            with self._outbox.writing():
                plan = self._plans.get(plan.id)
                if plan.state != HELD:
                    return False
                ready = self._judge_again(plan)
                if ready.given is not None:
                    self._ledger.charge(ready.given, ready.worst)
                self._put(plan, ready.kind, ready.addressees, ready.officers)
        except _Changed as changed:
            self._plans.move(
                plan, changed.state, code=changed.code, reason=changed.words, due_us=changed.due_us
            )
        except StoreError:
            raise
        except EntenteError as error:
            # Our own rules refuse the message: nothing was charged, since nothing of the transaction stays.
            self._plans.move(plan, STALE, code=error.code, reason=error.message)
        return True

    def _put(self, plan: Plan, kind: str, addressees: tuple[str, ...], officers: tuple[str, ...]) -> None:
        if plan.body is None:
            raise StoreError("book", f"plan {plan.id}: expected the message that it makes, found none")
        token = f"release-{plan.id}-{plan.tries}"
        # The gate lets out what is charged: so it is noted before the message is put, and durable with it.
        self._plans.mark_charged(plan, token)
        self._outbox.put(Draft(kind, plan.body, officers, addressees, token=token))

    def _send_again(self, plan: Plan, *, officer: str, digest: str) -> None:
        """Send what was charged and not taken: the same bytes, and no new charge.

        SECURITY: policy, vetoes and officers are asked again; of the budget nothing is left to ask
        (tests/protocol/test_desk_release_attacks.py, test_what_was_refused_goes_again_only_as_policy_stands).

        Raises:
            Denied: Policy, vetoes or officers say no now; it stays as it is.
        """
        before = self._outbox.find_token(plan.sent_as)
        if before is None:
            raise StoreError("book", f"plan {plan.id}: expected its message in the outbox, found none")
        with self._outbox.writing():
            plan = self._plans.get(plan.id)
            if plan.state not in {"refused", "withdrawn"}:
                return
            self._plans.note_yes(plan, officer=officer, digest=digest)
            try:
                officers = self._judge_charged(plan)
            except _Changed as changed:
                raise Denied(changed.code, f"plan {plan.id}: {changed.words}") from changed
            self._put(plan, before.kind, tuple(before.addressees), officers)

    def _judge_charged(self, plan: Plan) -> tuple[str, ...]:
        """Return who has said yes to sending again what is charged; raise `_Changed` if it may not go."""
        if plan.content.action == PASS:
            return self._require_officers(plan, 1)
        report = self._get_report(plan, is_newest=False)
        allowed = self._decide(plan, report, GIVE if plan.content.action == RELEASE else ONWARD)
        officers = self._require_officers(plan, allowed.needs)
        if plan.content.offered is None:
            raise StoreError("book", f"plan {plan.id}: expected the level that was chosen, found none")
        worst = max((one.worst for one in plan.content.exposed), default=0.0)
        vetoed = self._planning.ask_final_veto(
            allowed, plan.content.offered, report, worst=worst, officers=officers
        )
        if vetoed is not None:
            raise _Changed(vetoed.code, vetoed.words)
        if plan.content.action == RELEASE:
            self._require_use(_decode(plan, ReleaseItem).until)
        return officers

    def _settle(self, plan: Plan) -> bool:
        """Note what became of a message; of the one that is under way now, whoever else looks as well."""
        if self._get_message(plan).state not in {RECORDED, REFUSED, WITHDRAWN}:
            return False
        with self._outbox.writing():
            plan = self._plans.get(plan.id)
            item = self._get_message(plan)
            if plan.state != SENDING or item.state not in {RECORDED, REFUSED, WITHDRAWN}:
                return False
            if item.state == RECORDED:
                self._plans.move(plan, RECORDED, leaf=item.leaf)
            else:
                words = item.reason or "an officer took it back"
                state = "refused" if item.state == REFUSED else "withdrawn"
                reason = f"{words}; what was charged stays charged"
                self._plans.move(plan, state, code=item.code, reason=reason)
        return True

    def _get_message(self, plan: Plan) -> OutboxItem:
        item = self._outbox.find_token(plan.sent_as)
        if item is None:
            raise StoreError("book", f"plan {plan.id}: expected its message in the outbox, found none")
        return item

    # Judged again

    def _judge_again(self, plan: Plan, *, is_look: bool = False) -> Ready:
        """Return what is to be charged and sent, or raise `_Changed`; in the transaction of the charge.

        Args:
            is_look: Whether to pass over missing officers and a time that has not come; nothing may be sent
                by what is returned then.
        """
        if plan.content.action == RELEASE:
            return self._judge_release(plan, is_look=is_look)
        if plan.content.action == GRANT:
            return self._judge_grant(plan, is_look=is_look)
        officers = self._require_officers(plan, 0 if is_look else 1)
        body = _decode(plan, ReleaseItem)
        if body.originator == self._parts.party or body.grant is None:
            raise _Changed("not-passed", "expected an item of somebody else's")
        return Ready(RELEASE_ITEM.name, (plan.recipient,), officers)

    def _judge_release(self, plan: Plan, *, is_look: bool) -> Ready:
        report = self._get_report(plan, is_newest=True)
        if self._ledger.is_given(plan.item, plan.recipient, plan.content.version):
            raise _Changed("given", f"{plan.recipient} was given this item by another plan")
        allowed = self._decide(plan, report, GIVE)
        officers = self._require_officers(plan, 0 if is_look else allowed.needs)
        offer = self._judge_level(plan, report, allowed, officers, is_look=is_look)
        body, ladder = _decode(plan, ReleaseItem), self._parts.ladder
        line = pick_line(report, allowed, offer.level, self._parts)
        variant = build_variant(
            report,
            offer.level,
            ladder,
            tear_line=line.id if line else None,
            fields=pick_fields(report, allowed, offer.level, self._parts),
        )
        label = write_label(allowed, earliest_us(report, offer.shape, ladder))
        # SECURITY: what leaves is built again from the report and compared, field by field: a body that was
        # changed in the book is not sent (tests/protocol/test_desk_release_attacks.py,
        # test_a_row_changed_in_the_book).
        if (body.variant, body.label, body.purpose, body.originator, body.grant) != (
            variant,
            label,
            plan.purpose,
            self._parts.party,
            None,
        ):
            raise _Changed("other-message", "what would be sent now is not what was planned")
        self._require_use(body.until)
        return Ready(
            RELEASE_ITEM.name,
            (plan.recipient,),
            officers,
            self._make_given(plan, report, offer),
            self._list_worst(plan, offer),
        )

    def _judge_grant(self, plan: Plan, *, is_look: bool) -> Ready:
        """Judge a yes to passing on as a release to the new recipient."""
        report = self._get_report(plan, is_newest=False)
        allowed = self._decide(plan, report, ONWARD)
        officers = self._require_officers(plan, 0 if is_look else allowed.needs)
        body = _decode(plan, GrantOnward)
        offer = self._judge_level(plan, report, allowed, officers, is_look=is_look)
        variant = build_variant(
            report,
            offer.level,
            self._parts.ladder,
            tear_line=plan.content.tear_line or None,
            fields=plan.content.fields,
        )
        label = write_label(allowed, earliest_us(report, offer.shape, self._parts.ladder))
        meant = (True, plan.recipient, hash_variant(variant), label)
        if (body.granted, body.to, body.variant, body.label) != meant or not holds_only_allowed(
            plan, report, allowed, self._parts
        ):
            raise _Changed("other-message", "what would be granted now is not what was planned")
        self._require_use(body.use_until)
        given = None
        if not self._ledger.is_given(plan.item, plan.recipient, plan.content.version):
            given = self._make_given(plan, report, offer)
        return Ready(
            RELEASE_GRANT.name,
            tuple(sorted((body.holder, body.to))),
            officers,
            given,
            self._list_worst(plan, offer),
        )

    def _get_report(self, plan: Plan, *, is_newest: bool) -> Report:
        content = plan.content
        try:
            newest = self._parts.library.get_report(content.report)
            if is_newest and newest.version != content.version:
                raise _Changed("report-changed", "the report has another version now")
            return self._parts.library.get_report(content.report, version=content.version).value
        except NotFound:
            raise _Changed("report-changed", "the report was taken down") from None

    def _decide(self, plan: Plan, report: Report, action: str) -> Allowed:
        decided = self._policy.decide(
            report,
            plan.recipient,
            purpose=plan.purpose,
            tear_line=plan.content.asked_line,
            action=action,
        )
        if isinstance(decided, Refused):
            raise _Changed(decided.code, decided.words)
        if plan.content.offered is None or not decided.mask.allows(plan.content.offered):
            raise _Changed("policy-changed", "the policy lets less out now than was planned")
        return decided

    def _require_officers(self, plan: Plan, needs: int) -> tuple[str, ...]:
        """Return who has said yes; back to waiting when that is not enough by what stands now."""
        said = self._plans.list_approved(plan, self._parts.list_officers())
        if len(said) < needs:
            words = (
                f"{needs} officers of the roster in force must say yes to what would be sent, {len(said)} did"
            )
            raise _Changed("officers", words, state="planned")
        return tuple(sorted(said))

    @staticmethod
    def _make_given(plan: Plan, report: Report, offer: Offer) -> Given:
        return Given(
            item=plan.item,
            recipient=plan.recipient,
            source=report.source,
            theatre=report.theatre,
            shape=offer.shape,
            version=plan.content.version,
            plan=plan.id,
        )

    def _require_use(self, until: str | None) -> None:
        if until is not None and parse_utc(until) <= self._parts.clock.now_utc():
            raise _Changed("over", f"it was to be used until {until}, which is past")

    @staticmethod
    def _list_worst(plan: Plan, offer: Offer) -> dict[tuple[str, str], float]:
        """Return the most that the level could teach: as planned, or the budget where beliefs have moved."""
        planned = {(one.secret, one.pool): one for one in plan.content.exposed}
        found = {}
        for one in offer.exposures:
            before = planned.get((one.secret, one.pool))
            is_same = before is not None and abs(before.before - one.chance_before) < _SAME
            found[one.secret, one.pool] = before.worst if before and is_same else one.chance_worst
        return found

    def _judge_level(
        self, plan: Plan, report: Report, allowed: Allowed, officers: tuple[str, ...], *, is_look: bool
    ) -> Offer:
        ladder, offered = self._parts.ladder, plan.content.offered
        if offered is None:
            raise StoreError("book", f"plan {plan.id}: expected the level that was chosen, found none")
        stakes = self._ledger.make_stakes(report.source, plan.item, [plan.recipient])
        offer = judge(offered, plan.recipient, stakes, report, ladder)
        if isinstance(offer, Refusal):
            raise _Changed("budget", "it is not within every budget any more")
        if encode_shape(offer.shape).hex() != plan.content.shape:
            raise _Changed("other-shape", "what is within every budget now is coarser than what was planned")
        if self._ledger.contradicts(plan.item, offer.shape):
            raise _Changed("contradiction", CONTRADICTION)
        due_us = earliest_us(report, offer.shape, ladder)
        if due_us > self._parts.now_us() and not is_look:
            raise _Changed("too-early", "its time has not come", state=HELD, due_us=due_us)
        worst = max(self._list_worst(plan, offer).values(), default=0.0)
        vetoed = self._planning.ask_final_veto(allowed, offered, report, worst=worst, officers=officers)
        if vetoed is not None:
            raise _Changed(vetoed.code, vetoed.words)
        return offer


def _decode(plan: Plan, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(plan.body or b"", type=kind)
    except msgspec.MsgspecError as error:
        raise Denied(
            "other-message", f"plan {plan.id}: expected a message of its kind in the book"
        ) from error
