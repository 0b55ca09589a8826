"""Explaining: why a party got this, in this form; why it did not; what it would need to see more.

Invariants: every sentence follows from what the plan holds or from what stands on the shelves now; the answer
is for our own officers and names secrets; it holds nothing of which hypothesis is true.

It decides nothing.

    >>> explain(desk, ReleaseExplainRequest(report="r-17", to="ru")).needs[0]
    "a budget of more than 50 percent for ru about 'post-site', or a secret that this place tells less of"
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from entente.desk.release import answers as told
from entente.desk.release import requests as ask
from entente.desk.release.parts import from_us
from entente.desk.release.plans import Plan
from entente.desk.release.views import show_plan
from entente.desk.release.ways import list_ways
from entente.kernel.errors import Malformed, NotFound
from entente.kernel.time import encode_utc
from entente.release.exposure.words import say_chance
from entente.release.label import decide, parse_label
from entente.release.source.report import Report

if TYPE_CHECKING:
    from entente.desk.assembly import Desk

_STUCK: Final = frozenset({"denied", "stale"})


def explain(desk: Desk, request: ask.ReleaseExplainRequest) -> told.ExplainAnswer:
    """Return what each step of the gate said of a plan, and what would have to be otherwise."""
    plan = _find_plan(desk, request)
    code, words = desk.release.sending.find_change(plan.id)
    return told.ExplainAnswer(
        plan=show_plan(desk, plan),
        steps=[*plan.content.steps, *_list_after(desk, plan)],
        needs=list(_list_needs(desk, plan)),
        approvals=list(_list_yeses(desk, plan)),
        change=words,
        change_code=code,
        ways=list_ways(desk, plan) if code or plan.state in _STUCK else [],
    )


def _find_plan(desk: Desk, request: ask.ReleaseExplainRequest) -> Plan:
    if request.plan:
        return desk.release.plans.get(request.plan)
    if not request.report or not request.to:
        raise Malformed("bad-explain", "explain: expected a plan, or a report and a recipient", path="$.plan")
    plan = desk.release.plans.find_about(request.report, request.to)
    if plan is None:
        raise NotFound(
            "no-plan", f"explain: expected a plan of report {request.report!r} to {request.to!r}, found none"
        )
    return plan


def _list_yeses(desk: Desk, plan: Plan) -> Iterator[told.YesAnswer]:
    counted = set(desk.release.plans.list_approved(plan, desk.release.parts.list_officers()))
    for row in desk.book.read(
        "SELECT officer, at, digest FROM release_approvals WHERE plan = ? ORDER BY at, officer", (plan.id,)
    ):
        is_same = row["digest"] == plan.digest and row["officer"] in counted
        yield told.YesAnswer(row["officer"], row["at"], is_same)


def _list_after(desk: Desk, plan: Plan) -> Iterator[str]:
    """Yield what became of a plan after it was made."""
    for row in desk.book.read(
        "SELECT officer, at, digest FROM release_approvals WHERE plan = ? ORDER BY at, officer", (plan.id,)
    ):
        counts = "" if row["digest"] == plan.digest else ", to other bytes: it does not count"
        yield f"officer: {row['officer']} said yes at {row['at']}{counts}"
    if plan.state == "held":
        yield f"time: held until {encode_utc(from_us(plan.due_us))}"
    if plan.is_charged:
        count = desk.book.read_one("SELECT count(*) AS n FROM release_charges WHERE plan = ?", (plan.id,))
        charges = 0 if count is None else count["n"]
        yield f"ledger: {charges} {'charge' if charges == 1 else 'charges'}, never given back"
    if plan.state == "recorded":
        yield f"record: in the record as {plan.leaf[:16]}"
    elif plan.reason:
        yield f"{plan.state}: {plan.reason}"


def _list_needs(desk: Desk, plan: Plan) -> Iterator[str]:
    """Yield what the recipient would need to see this, or to see more of it."""
    content = plan.content
    for one in content.blockers:
        yield f"exposure: {one.words}"
    for shown in content.exposed:
        if shown.worst >= shown.budget - 1e-9:
            yield (
                f"exposure: a budget of {shown.pool} about {shown.secret!r} beyond {say_chance(shown.budget)}"
                ": this level may use all of it"
            )
    if content.report:
        report = desk.release.parts.library.get_report(content.report, version=content.version).value
        yield from _list_label_needs(desk, plan, report)
        if plan.code == "purpose":
            yield f"purpose: one on our shelf that names {plan.recipient}, and that the two have agreed on"
        if content.level is not None and content.level.delay:
            yield "time: a longer delay lets finer steps through, or the same steps by a smaller exposure"
    missing = plan.needs - len(desk.release.plans.list_approved(plan, desk.release.parts.list_officers()))
    if plan.state == "planned" and missing > 0:
        yield f"officers: {missing} more must say yes"


def _list_label_needs(desk: Desk, plan: Plan, report: Report) -> Iterator[str]:
    """Yield what clearance would let the whole report through."""
    library = desk.release.parts.library
    label = parse_label(report.label)
    policy = library.policies().find_of(label)
    if policy is None:
        yield f"label: the label policy {label.policy or label.policy_id!r} on our shelf"
        return
    clearance = next(
        (
            one
            for one in library.list_clearances(plan.recipient)
            if policy.is_policy_of(one.policy_id, one.policy)
        ),
        None,
    )
    if clearance is None:
        yield f"label: a clearance of {plan.recipient} under {policy.name!r} on our shelf"
        return
    for reason in decide(label, clearance, library.policies()).reasons:
        if not reason.is_met:
            needed = " or ".join(reason.needs)
            takes = f"; it would take a clearance of {plan.recipient} with {needed}" if needed else ""
            yield f"label: {reason.words}{takes}"
