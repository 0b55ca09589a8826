"""What a desk shows of its gate: plans, shelves, items, questions.

Invariants: computed from record and book each time; a partner's words stay on their line; a shelf shows names
and never what lies there; an item that was recalled is marked so wherever it is shown, and nothing is shown
as gone.

It changes nothing.

    >>> show_plan(desk, plan).state
    'held'
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from entente.deconflict import find_receipt
from entente.desk.release import answers as told
from entente.desk.release import requests as ask
from entente.desk.release.accounts import show_percent
from entente.desk.release.parts import from_us
from entente.desk.release.plans import RELEASE, Plan
from entente.desk.release.recalling import find_recall
from entente.desk.release.shelves import SHELVES, Shelved
from entente.kernel.errors import EntenteError
from entente.kernel.time import encode_utc, parse_utc
from entente.release.item import GrantRow, ItemRow, ReleaseItem
from entente.release.label import LabelWire, mark, parse_label
from entente.release.onward import AskRow
from entente.release.variant.ladder import Ladder, Level
from entente.release.variant.words import describe_variant
from entente.terms.words.text import clean_text

if TYPE_CHECKING:
    from entente.desk.assembly import Desk

_STATES = {
    "denied": "the gate says no",
    "planned": "waits for its officers",
    "held": "approved; held until its time",
    "stale": "things have changed since it was planned: plan it again; nothing was sent or charged",
    "sending": "charged, and on its way; do not count on it",
    "recorded": "in the record; what it teaches is charged",
    "refused": "charged, and not taken; the charge stays; it can be sent again as it is",
    "withdrawn": "taken back",
}


def show_plan(desk: Desk, plan: Plan) -> told.PlanAnswer:
    """Return a plan as it stands."""
    content, parts = plan.content, desk.release.parts
    item = _decode(plan.body, ReleaseItem) if content.action != "grant" else None
    number = desk.outbox.find_token(plan.sent_as) if plan.sent_as else None
    words = f"{content.words}: {_STATES[plan.state]}"
    if plan.state == "withdrawn" and plan.is_charged:
        words += "; what was charged stays charged"
    if plan.reason and plan.state != "denied":
        words += f" ({clean_text(plan.reason)})"
    approved = desk.release.plans.list_approved(plan, parts.list_officers()) if plan.body is not None else []
    return told.PlanAnswer(
        plan=plan.id,
        action=content.action,
        report=content.report,
        version=content.version,
        recipient=plan.recipient,
        purpose=plan.purpose,
        state=plan.state,
        words=words,
        code=plan.code,
        reasons=[clean_text(one) for one in content.reasons],
        officer=plan.officer,
        at=plan.at,
        needs=plan.needs,
        approved=approved,
        due=encode_utc(from_us(plan.due_us)) if plan.due_us else "",
        sha256=plan.digest,
        level=show_level(content.level, parts.ladder),
        shape=content.words if content.level is not None else "",
        variant=None if item is None else msgspec.to_builtins(item.variant),
        label=None if item is None else msgspec.to_builtins(item.label),
        marking="" if item is None else show_marking(desk, item.label),
        exposures=[
            told.ExposureAnswer(
                secret=one.secret,
                pool=one.pool,
                prior_percent=show_percent(one.prior),
                before_percent=show_percent(one.before),
                after_percent=show_percent(one.after),
                worst_percent=show_percent(one.worst),
                budget_percent=show_percent(one.budget),
                bits=round(one.bits, 6),
                words=one.words,
            )
            for one in content.exposed
        ],
        blockers=list(content.blockers),
        cautions=list(content.cautions),
        is_charged=plan.is_charged,
        number=None if number is None else number.id,
        leaf=plan.leaf,
    )


def show_level(level: Level | None, ladder: Ladder) -> told.LevelAnswer | None:
    """Return a level in units; None where there is none."""
    if level is None:
        return None
    return told.LevelAnswer(
        place_arcsec=ladder.places_arcsec[level.place - 1] if level.place else None,
        span_s=ladder.spans_s[level.span - 1] if level.span else None,
        delay_s=ladder.delays_s[level.delay],
        depth=level.depth,
        height_m=ladder.heights_m[level.height - 1] if level.height else None,
    )


def show_marking(desk: Desk, wire: LabelWire) -> str:
    """Return what is printed on the page; the label's plain names where its policy is not known here."""
    try:
        label = parse_label(wire)
        policy = desk.release.parts.library.policies().find_of(label)
        if policy is not None:
            return clean_text(mark(label, policy))
    except EntenteError:
        pass
    return clean_text(f"{wire.policy or wire.policy_id} {wire.classification}")


def show_shelved(one: Shelved) -> told.ShelvedAnswer:
    """Return one thing on a shelf by its name."""
    size = len(one.data or b"")
    return told.ShelvedAnswer(one.shelf, one.name, one.version, f"{size} bytes", one.officer, one.at)


def get_report(desk: Desk, request: ask.ReleaseReportRequest) -> told.ReportAnswer:
    """Return a report of ours, so that an officer sees it beside what others would get of it."""
    library = desk.release.parts.library
    newest = library.get_report(request.report)
    found = library.get_report(request.report, version=request.version) if request.version else newest
    return told.ReportAnswer(
        msgspec.to_builtins(found.value),
        found.version,
        found.version == newest.version,
        show_marking(desk, found.value.label),
    )


def list_shelves(desk: Desk, request: ask.ReleaseShelfRequest) -> list[told.ShelvedAnswer]:
    """Return what stands on the shelves."""
    shelves = desk.release.parts.library.shelves
    return [
        show_shelved(one)
        for shelf in SHELVES
        if request.shelf in {"", shelf}
        for one in shelves.list_standing(shelf)
    ]


def list_plans(desk: Desk, request: ask.ReleasePlansRequest) -> list[told.PlanAnswer]:
    """Return plans, the newest first."""
    found = desk.release.plans.list_plans(
        state=request.state, report=request.report, recipient=request.recipient, limit=request.limit
    )
    return [show_plan(desk, plan) for plan in found]


def list_items(desk: Desk, request: ask.ReleaseItemsRequest) -> list[told.ItemAnswer]:
    """Return items that we can read, the newest first."""
    rows = [
        row
        for row in (*desk.rows.select(ItemRow, author=desk.party), *desk.rows.select(ItemRow, to=desk.party))
        if request.party in {"", row.author, row.to}
    ]
    newest = sorted(rows, key=lambda row: -row.index)[: request.limit]
    return [show_item(desk, row) for row in newest]


def show_item(desk: Desk, row: ItemRow) -> told.ItemAnswer:
    """Return an item as it stands in the record, marked if it was recalled."""
    item, now = row.item, desk.clock.now_utc()
    receipt = find_receipt(desk.rows, row.message, row.to)
    plan = desk.release.plans.find_leaf(row.message) if row.author == desk.party else None
    is_over = item.until is not None and parse_utc(item.until) <= now
    recall = find_recall(desk, row.message, row.to)
    words = describe_variant(item.variant)
    if row.recalled:
        words = f"RECALLED ({row.recall_reason}): not to be used any more: {words}"
    elif row.replaced_by:
        words = f"REPLACED by a later item: {words}"
    elif is_over:
        words = f"OVER since {item.until}: {words}"
    return told.ItemAnswer(
        leaf=row.message,
        index=row.index,
        at=row.at,
        author=row.author,
        to=row.to,
        originator=item.originator,
        purpose=item.purpose,
        onward=item.onward,
        until=item.until or "",
        is_over=is_over,
        sha256=row.sha256,
        words=clean_text(words),
        marking=show_marking(desk, item.label),
        variant=msgspec.to_builtins(item.variant),
        label=msgspec.to_builtins(item.label),
        note=clean_text(item.note),
        receipt="" if receipt is None else receipt.state,
        replaced_by=row.replaced_by,
        recall=None if recall.state == "none" else recall,
        report="" if plan is None or plan.content.action != RELEASE else plan.content.report,
        plan=0 if plan is None else plan.id,
    )


def list_onward(desk: Desk, _request: ask.ReleaseOnwardRequest) -> list[told.OnwardAnswer]:
    """Return questions about passing on, the newest first, and yeses that nobody asked for."""
    found, answered = [], set()
    for row in desk.rows.select(AskRow):
        grant = desk.rows.find(GrantRow, row.grant) if row.grant else None
        answered.add(row.grant)
        found.append((row.index, _show_onward(desk, row, grant)))
    found += [
        (grant.index, _show_grant(desk, grant))
        for grant in desk.rows.select(GrantRow)
        if grant.message not in answered
    ]
    return [one for _, one in sorted(found, key=lambda pair: -pair[0])]


def _show_onward(desk: Desk, row: AskRow, grant: GrantRow | None) -> told.OnwardAnswer:
    plain: dict[str, Any] = {
        "ask": row.message,
        "at": row.at,
        "holder": row.holder,
        "originator": row.originator,
        "to": row.ask.to,
        "purpose": row.ask.purpose,
        "sha256": row.ask.variant,
        "words": clean_text(row.ask.words),
    }
    return told.OnwardAnswer(**plain, **_answer(desk, grant))


def _show_grant(desk: Desk, grant: GrantRow) -> told.OnwardAnswer:
    plain: dict[str, Any] = {
        "ask": grant.ask,
        "at": grant.at,
        "holder": grant.holder,
        "originator": grant.originator,
        "to": grant.to,
        "purpose": grant.purpose,
        "sha256": grant.sha256,
        "words": "",
    }
    return told.OnwardAnswer(**plain, **_answer(desk, grant))


def _answer(desk: Desk, grant: GrantRow | None) -> dict[str, Any]:
    if grant is None:
        return {"state": "open", "grant": "", "until": "", "answer": "", "passed": 0}
    state = "granted" if grant.is_granted else "refused"
    if grant.recalled:
        state = "recalled"
    elif grant.is_granted and grant.until and parse_utc(grant.until) <= desk.clock.now_utc():
        state = "over"
    return {
        "state": state,
        "grant": grant.message,
        "until": grant.until,
        "answer": clean_text(grant.words),
        "passed": next(
            (row.index for row in desk.rows.select(ItemRow, grant=grant.message) if row.author == desk.party),
            0,
        ),
    }


def _decode(body: bytes | None, kind: type[Any]) -> Any:  # noqa: ANN401 - a body
    try:
        return None if body is None else msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError:
        return None  # not as it was written: it is shown without, and never sent
