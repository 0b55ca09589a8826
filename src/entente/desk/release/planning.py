"""Planning: for each recipient the finest level within policy and budgets, and the message that it makes.

    report -> policy decision -> vetoes -> levels and exposure -> variant and message -> a plan in the book

What it is for: an officer sees, before anything leaves, what each recipient would get, what that would teach
whom about which secret, and what stands in the way of more.

Invariants:
  * Nothing leaves and nothing is charged by planning. A plan is judged again when it is sent.
  * A message is built by whitelist from the variant, the label addressed to this recipient, and what the
    officer wrote in ``note``; its name for the item is drawn anew for each recipient.
  * An item that a recipient has already is not planned again: it has the bytes that it has.
  * SECURITY: the level is chosen without the report; what the report itself says decides only into which cell
    of the chosen partition it falls (docs/formats/release-exposure.md;
    tests/protocol/test_desk_release_attacks.py, test_a_refusal_is_the_same_for_every_report).

It decides for nobody: officers do.

    >>> planning.plan("r-17", ["ru"], purpose="deconfliction", officer="duty-1")
    [Plan(id=3, recipient='ru', state='planned', ...)]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

import msgspec

from entente.desk.release.ledger import ReleaseLedger
from entente.desk.release.library import Versioned
from entente.desk.release.parts import ReleaseParts, from_us
from entente.desk.release.plans import RELEASE, Blocker, Exposed, NewPlan, Plan, PlanBook, PlanContent
from entente.desk.release.policy import Allowed, Mask, Refused, ReleasePolicy, make_mask, set_step
from entente.kernel.message import encode_body
from entente.kernel.time import encode_utc
from entente.release.exposure.choice import Block
from entente.release.exposure.plan import Plan as Offer
from entente.release.exposure.plan import Refusal
from entente.release.exposure.plan import plan as choose_levels
from entente.release.exposure.usefulness import DEFAULT_WEIGHTS, Weights
from entente.release.exposure.words import say_block, say_exposure
from entente.release.item import ReleaseItem
from entente.release.label import LabelWire, encode_label
from entente.release.source.catalogue import Catalogue
from entente.release.source.report import Report, TearLine
from entente.release.variant.build import build_variant, list_fields, list_tear_lines
from entente.release.variant.cautions import list_cautions
from entente.release.variant.kept import encode_shape, hash_ladder
from entente.release.variant.ladder import Level
from entente.release.variant.shape import earliest_us
from entente.release.variant.words import describe_shape

_DAY_US: Final = 86_400_000_000
CONTRADICTION: Final = (
    "this version denies what an earlier one said: recall that, and make a new report of what is right"
)


@dataclass(frozen=True, slots=True)
class Wish:
    """What an officer asks for, beside report and recipients.

    Args:
        mask: Steps that may be shown, as the officer wants it; None: all.
        until: For the recipient, or empty: as the purpose says.
    """

    purpose: str
    officer: str
    mask: Mask | None = None
    weights: Weights = DEFAULT_WEIGHTS
    tear_line: str = ""
    until: str = ""
    note: str = ""


class ReleasePlanning:
    """Plans of one desk. Safe from several threads."""

    def __init__(
        self, parts: ReleaseParts, policy: ReleasePolicy, ledger: ReleaseLedger, plans: PlanBook
    ) -> None:
        self._parts = parts
        self._policy = policy
        self._ledger = ledger
        self._plans = plans

    def plan(self, name: str, recipients: Sequence[str], wish: Wish) -> list[Plan]:
        """Plan a report for recipients, each apart, in this order; return a plan for each.

        Raises:
            NotFound: No such report on the shelf.
        """
        report = self._parts.library.get_report(name)
        item = self.name_item(report.value)
        found: dict[str, Plan] = {}
        allowed: dict[str, Allowed] = {}
        for recipient in dict.fromkeys(recipients):
            known = self._plans.find_given(item, recipient, report.version)
            if known is not None:
                found[recipient] = known
                continue
            decided = self._policy.decide(
                report.value, recipient, purpose=wish.purpose, tear_line=wish.tear_line
            )
            if isinstance(decided, Refused):
                found[recipient] = self._keep_denied(report, item, recipient, wish, decided)
            else:
                allowed[recipient] = decided
        if allowed:
            for recipient, offer in self.offer(report.value, item, allowed, wish).items():
                found[recipient] = self._keep(report, item, recipient, wish, allowed[recipient], offer)
        return [found[recipient] for recipient in dict.fromkeys(recipients)]

    def name_item(self, report: Report) -> str:
        """Return what a report is called in the ledger, in all its versions; drawn at first use, never sent.

        SECURITY: a corrected report is about the same event: what was shown of each version is met with what
        was shown before, and is no second observation (tests/protocol/test_desk_release_attacks.py,
        test_another_version_is_no_second_observation).
        """
        with self._parts.book.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO release_items VALUES (?, ?, ?)",
                (self._parts.random.draw(16).hex(), report.id, encode_utc(self._parts.clock.now_utc())),
            )
            row = db.execute("SELECT item FROM release_items WHERE report = ?", (report.id,)).fetchone()
        return str(row["item"])

    def offer(
        self, report: Report, item: str, allowed: dict[str, Allowed], wish: Wish
    ) -> dict[str, Offer | Refusal]:
        """Return the best level for each recipient, and what blocks anything finer."""
        wanted = wish.mask or make_mask(self._parts.ladder)

        def allows(recipient: str, level: Level) -> bool:
            return wanted.allows(level) and allowed[recipient].mask.allows(level)

        stakes = self._ledger.make_stakes(report.source, item, list(allowed))
        return choose_levels(
            list(allowed), stakes, report, self._parts.ladder, weights=wish.weights, allows=allows
        )

    # Keeping

    def _keep_denied(
        self, report: Versioned[Report], item: str, recipient: str, wish: Wish, refused: Refused
    ) -> Plan:
        content = self.describe_refused(report, refused, recipient)
        return self._add(
            NewPlan(
                item,
                recipient,
                wish.purpose,
                wish.officer,
                content,
                code=refused.code,
                reason=refused.words,
            )
        )

    def _keep(
        self,
        report: Versioned[Report],
        item: str,
        recipient: str,
        wish: Wish,
        allowed: Allowed,
        offer: Offer | Refusal,
    ) -> Plan:
        if isinstance(offer, Refusal):
            return self._keep_refusal(report, item, recipient, wish, allowed, offer)
        if self._ledger.contradicts(item, offer.shape):
            steps = (*allowed.steps, f"ledger: no: {CONTRADICTION}")
            refused = Refused("contradiction", CONTRADICTION, steps, (CONTRADICTION,))
            return self._keep_denied(report, item, recipient, wish, refused)
        worst = max((one.chance_worst for one in offer.exposures), default=0.0)
        vetoed = self.ask_final_veto(allowed, offer.offered, report.value, worst=worst)
        if vetoed is not None:
            return self._keep_denied(report, item, recipient, wish, vetoed)
        line = pick_line(report.value, allowed, offer.level, self._parts)
        fields = pick_fields(report.value, allowed, offer.level, self._parts)
        due_us = earliest_us(report.value, offer.shape, self._parts.ladder)
        body = self._write_body(report, recipient, wish, allowed, offer, line)
        content = self.describe_offer(report, wish, allowed, offer, line.id if line else "", fields)
        return self._add(
            NewPlan(item, recipient, wish.purpose, wish.officer, content, body, allowed.needs, due_us)
        )

    def _keep_refusal(
        self,
        report: Versioned[Report],
        item: str,
        recipient: str,
        wish: Wish,
        allowed: Allowed,
        refusal: Refusal,
    ) -> Plan:
        blockers = show_blocks(refusal.blocks)
        words = blockers[0].words if blockers else "no level of the ladder is within every budget"
        steps = (*allowed.steps, f"exposure: no: {words}")
        refused = Refused(refusal.code, words, steps, tuple(one.words for one in blockers))
        content = self.describe_refused(report, refused, recipient, blockers=blockers)
        return self._add(
            NewPlan(item, recipient, wish.purpose, wish.officer, content, code=refusal.code, reason=words)
        )

    # Describing

    def describe_refused(
        self,
        report: Versioned[Report],
        refused: Refused,
        recipient: str,
        *,
        action: str = RELEASE,
        about: str = "",
        blockers: tuple[Blocker, ...] = (),
    ) -> PlanContent:
        """Return what a plan says that the gate refused."""
        words = f"not to {recipient}: {refused.words}"
        plain = self._describe(report, action, about, refused.steps, refused.reasons, words)
        return msgspec.structs.replace(plain, blockers=blockers)

    def describe_offer(
        self,
        report: Versioned[Report],
        wish: Wish,
        allowed: Allowed,
        offer: Offer,
        tear_line: str,
        fields: tuple[str, ...],
        *,
        action: str = RELEASE,
        about: str = "",
    ) -> PlanContent:
        """Return what a plan says that can be sent."""
        ladder = self._parts.ladder
        shown, exposed = (
            describe_shape(offer.shape, ladder),
            tuple(_show_exposed(offer, self._parts.library.get_catalogue()[1])),
        )
        due_us = earliest_us(report.value, offer.shape, ladder)
        steps = (
            *allowed.steps,
            f"variant: {shown}; " + (f"with tear line {tear_line!r}" if tear_line else "without text"),
            *(f"exposure: {one.words}" for one in exposed),
            f"officers: {allowed.needs} must say yes",
            f"time: not before {encode_utc(from_us(due_us))}",
        )
        plain = self._describe(report, action, about, steps, allowed.reasons, shown)
        return msgspec.structs.replace(
            plain,
            level=offer.level,
            offered=offer.offered,
            shape=encode_shape(offer.shape).hex(),
            tear_line=tear_line,
            asked_line=wish.tear_line,
            fields=fields,
            exposed=exposed,
            blockers=show_blocks(offer.blocks),
            cautions=tuple(
                list_cautions(
                    report.value,
                    offer.level,
                    ladder,
                    tear_line=tear_line or None,
                    source=self._parts.library.get_catalogue()[1].source.get(report.value.source),
                )
            ),
        )

    def _describe(
        self,
        report: Versioned[Report],
        action: str,
        about: str,
        steps: tuple[str, ...],
        reasons: tuple[str, ...],
        words: str,
    ) -> PlanContent:
        return PlanContent(
            action=action,
            report=report.value.id,
            version=report.version,
            catalogue=self._parts.library.get_catalogue()[0],
            source=report.value.source,
            theatre=report.value.theatre,
            level=None,
            offered=None,
            shape="",
            tear_line="",
            asked_line="",
            fields=(),
            steps=steps,
            reasons=reasons,
            exposed=(),
            blockers=(),
            vetoes=self._parts.veto.version,
            ladder=hash_ladder(self._parts.ladder),
            words=words,
            about=about,
        )

    def _add(self, plan: NewPlan) -> Plan:
        return self._plans.add(plan, token=self._parts.random.draw(16).hex())

    def _write_body(
        self,
        report: Versioned[Report],
        recipient: str,
        wish: Wish,
        allowed: Allowed,
        offer: Offer,
        line: TearLine | None,
    ) -> bytes:
        """Return the exact body that would leave."""
        due_us = earliest_us(report.value, offer.shape, self._parts.ladder)
        until = wish.until
        if not until and allowed.purpose.keep_days:
            # SECURITY: by the day, and not before what is shown is over: when it was planned tells when it
            # was seen (tests/protocol/test_desk_release_alike.py).
            begins_us = -(-max(due_us, self._parts.now_us()) // _DAY_US) * _DAY_US
            until = encode_utc(from_us(begins_us) + timedelta(days=allowed.purpose.keep_days))
        body = ReleaseItem(
            item=self._parts.random.draw(32).hex(),
            variant=build_variant(
                report.value,
                offer.level,
                self._parts.ladder,
                tear_line=line.id if line else None,
                fields=pick_fields(report.value, allowed, offer.level, self._parts),
            ),
            label=write_label(allowed, due_us),
            originator=self._parts.party,
            grant=None,
            purpose=wish.purpose,
            onward=allowed.purpose.onward,
            until=until or None,
            replaces=self._find_replaced(report, recipient),
            note=wish.note,
        )
        return encode_body(body)

    def _find_replaced(self, report: Versioned[Report], recipient: str) -> str | None:
        """Return the item by which this recipient has an earlier version of the report."""
        row = self._parts.book.read_one(
            "SELECT leaf FROM release_plans JOIN release_items USING (item) WHERE report = ? AND version < ?"
            " AND recipient = ? AND state = 'recorded' AND leaf != '' ORDER BY id DESC LIMIT 1",
            (report.value.id, report.version, recipient),
        )
        return None if row is None else str(row["leaf"])

    # Used again at sending

    def ask_final_veto(
        self,
        allowed: Allowed,
        offered: Level,
        report: Report,
        *,
        worst: float,
        officers: Sequence[str] = (),
    ) -> Refused | None:
        """Return the refusal of our own rules at the level that was chosen, or None.

        SECURITY: asked of the level as it was chosen, not as this report's cell cut it
        (tests/protocol/test_desk_release_attacks.py, test_a_refusal_is_the_same_for_every_report).
        """
        ladder, proposal = self._parts.ladder, allowed.proposal
        for name, step in zip(("span", "delay", "depth", "height"), offered[1:], strict=True):
            proposal = set_step(proposal, ladder, name, step)
        proposal = replace(
            proposal,
            officers=tuple(officers),
            has_text=bool(allowed.lines),
            fields=tuple(one.name for one in report.fields if one.claims is not None and allowed.has_fields),
            worst_percent=percent_up(worst),
        )
        # The report may fall into any cell that is no finer: each must be allowed.
        places = [set_step(proposal, ladder, "place", step) for step in range(offered.place + 1)]
        answer = next((one for one in self._parts.veto.judge(places) if not one.is_allowed), None)
        if answer is None:
            return None
        words = "; ".join(answer.reasons)
        steps = (*allowed.steps, f"veto: no: {words}")
        return Refused("veto", words, steps, answer.reasons)


def _show_exposed(offer: Offer, catalogue: Catalogue) -> list[Exposed]:
    return [
        Exposed(
            secret=one.secret,
            pool=one.pool,
            prior=one.chance_prior,
            before=one.chance_before,
            after=one.chance_after,
            worst=one.chance_worst,
            budget=one.limit,
            bits=one.bits,
            words=say_exposure(one, catalogue.secret[one.secret]),
        )
        for one in offer.exposures
    ]


def pick_line(report: Report, allowed: Allowed, level: Level, parts: ReleaseParts) -> TearLine | None:
    """Return the first tear line that the policy lets out and that claims no more than the shape shows."""
    fitting = {line.id for line in list_tear_lines(report, level, parts.ladder)}
    return next((line for line in allowed.lines if line.id in fitting), None)


def pick_fields(report: Report, allowed: Allowed, level: Level, parts: ReleaseParts) -> tuple[str, ...]:
    """Return the fields that go out: those that are marked so, fit the shape, and bear the label given."""
    return tuple(list_fields(report, level, parts.ladder)) if allowed.has_fields else ()


def write_label(allowed: Allowed, due_us: int) -> LabelWire:
    """Return the label as it goes out, given when what is shown may go out.

    SECURITY: never at the time of the report or of the officer, which may be the second of what was seen
    (tests/protocol/test_desk_release_alike.py).
    """
    return encode_label(allowed.label, created=from_us(due_us // 1_000_000 * 1_000_000))


def percent_up(chance: float) -> int:
    """Return a chance in percent, rounded up: never shown smaller than it is."""
    return min(100, math.ceil(round(chance * 100, 6)))


def show_blocks(blocks: Sequence[Block]) -> tuple[Blocker, ...]:
    """Return what stands in the way of more, in words."""
    return tuple(Blocker(one.dimension, one.secret, one.pool, say_block(one)) for one in blocks)
