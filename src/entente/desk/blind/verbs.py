"""The verbs of blind checks: rules, plan, commitment, runs, and what was used of what is allowed.

Invariants: those of `speaking`. A verb never computes what takes long: it notes what is wanted, durably, and
waits as long as it was told to; whoever looks again sees how far it is.

It carries nothing: see `carrier`.

    >>> check(desk, BlindCheckRequest(officer="duty-1", rules="skies")).verdict
    'CLEAR'
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import Final

from entente.blind.grid import GridWire, encode_grid
from entente.blind.grid_default import propose_grid
from entente.blind.holding import find_holding
from entente.blind.rules import (
    AgreeRules,
    BlindRules,
    EndRules,
    RefuseRules,
    RulesRow,
    find_in_force,
)
from entente.desk.assembly import Desk
from entente.desk.blind import requests as ask
from entente.desk.blind.parts import encode_items
from entente.desk.blind.views import show_holding, show_run
from entente.desk.speaking import Said, check_officer, check_volumes, put, say_what_became
from entente.kernel.charter import get_charter
from entente.kernel.errors import Denied, Malformed, NotFound
from entente.kernel.rows import get_row
from entente.kernel.time import encode_utc, parse_utc
from entente.space import Separation

_LOOK_S: Final = 0.25


# Rules


def propose(desk: Desk, request: ask.BlindProposeRequest) -> Said:
    """Propose rules to another party."""
    starts = request.starts or encode_utc(desk.clock.now_utc().replace(microsecond=0))
    body = BlindRules(
        id=request.id,
        parties=sorted({desk.party, request.partner}),
        agreement=request.agreement,
        grid=request.grid or _propose_grid(desk, starts),
        modes=sorted(set(request.modes)),
        starts=starts,
        epoch_h=request.epoch_h,
        epochs=request.epochs,
        allowance=request.allowance,
        answer_min=request.answer_min,
        auditor=request.auditor,
        audit_days=request.audit_days,
    )
    if len(body.parties) != 2:
        raise Malformed("bad-partner", f"partner: expected another party, got {request.partner!r}")
    return put(desk, request, "blind.propose", body)


def _propose_grid(desk: Desk, starts: str) -> GridWire:
    rules = get_charter(desk.rows).rules
    keep = Separation(rules.lateral_cm / 100, rules.vertical_cm / 100, rules.time_s)
    return encode_grid(propose_grid(keep, origin_utc=parse_utc(starts), widened="a"))


def agree(desk: Desk, request: ask.BlindAgreeRequest) -> Said:
    """Put proposed rules in force."""
    row = get_row(desk.rows, RulesRow, request.id, what="rules")
    if request.sha256 and request.sha256 != row.sha256:
        raise Denied("other-bytes", f"rules {row.id!r}: expected {request.sha256}, got {row.sha256}")
    return put(desk, request, "blind.agree", AgreeRules(row.id, row.sha256))


def refuse(desk: Desk, request: ask.BlindRefuseRequest) -> Said:
    """Refuse proposed rules."""
    row = get_row(desk.rows, RulesRow, request.id, what="rules")
    return put(desk, request, "blind.refuse", RefuseRules(row.id, row.sha256, request.reason))


def end(desk: Desk, request: ask.BlindEndRequest) -> Said:
    """End rules."""
    return put(desk, request, "blind.end", EndRules(request.id, request.reason))


# The plan


def change_plan(desk: Desk, request: ask.BlindPlanRequest) -> ask.BlindPlanAnswer:
    """Change the plan that is checked blind; nothing leaves the desk."""
    check_officer(desk, request.officer)
    items = list(request.put)
    if request.from_plans:
        wanted = {plan.activity: plan for plan in desk.plans.list_plans()}
        names = sorted(wanted) if "*" in request.from_plans else list(request.from_plans)
        for name in names:
            if name not in wanted:
                raise NotFound("no-plan", f"plan of {name!r}: expected one on this desk, found none")
            items.append(ask.PlanItem(name=name, volumes=wanted[name].volumes))
    put_count, dropped = desk.blind.plan.change(
        put=items, drop=request.drop, is_cleared=request.clear, officer=request.officer
    )
    every = desk.blind.plan.list_items()
    return ask.BlindPlanAnswer(len(every), sum(len(item.volumes) for item in every), put_count, dropped)


def list_items(desk: Desk, request: ask.BlindItemsRequest) -> ask.BlindItemsAnswer:
    """Return items of the plan, a page of them."""
    every = desk.blind.plan.list_items()
    page = [item for item in every if item.name > request.after][: request.limit]
    return ask.BlindItemsAnswer(page, len(every))


def prepare(desk: Desk, request: ask.BlindPrepareRequest) -> ask.HoldingAnswer:
    """Commit to the plan as it is, or amend what we have committed to."""
    check_officer(desk, request.officer)
    rules = _get_in_force(desk, request.rules)
    epoch = _get_epoch(desk, rules, request.epoch)
    number = desk.blind.versions.want(rules.id, epoch, officer=request.officer)

    def is_done() -> bool:
        row = desk.blind.versions.get(number)
        if row["state"] in {"refused", "unchanged"}:
            return True
        holding = find_holding(desk.rows, rules.id, epoch, desk.party)
        # What the center took is there for a question once it is in the record that we follow.
        return row["state"] == "recorded" and holding is not None and holding.amendments >= row["number"]

    _wait(desk, request.wait_s, is_done)
    return show_holding(desk.blind, rules, epoch, desk.party)


# Runs


def check(desk: Desk, request: ask.BlindCheckRequest) -> ask.RunAnswer:
    """Start a run, and wait for it to end as long as the request says."""
    check_officer(desk, request.officer)
    rules = _get_in_force(desk, request.rules)
    _check_request(request, rules)
    epoch = _get_epoch(desk, rules, -1)
    for party in rules.rules.parties:
        if find_holding(desk.rows, rules.id, epoch, party) is None:
            raise Denied("not-committed", f"check: expected {party!r} to have committed in epoch {epoch}")
    number = desk.blind.want_run(
        token=f"ours-{request.token or desk.random.draw(16).hex()}",
        rules=rules.id,
        epoch=epoch,
        kind=request.kind,
        officer=request.officer,
        items=encode_items(request.items) if request.kind == "delta" else None,
        adopt=request.adopt,
    )
    return get_run(desk, ask.BlindRunRequest(run=number, wait_s=request.wait_s))


def _check_request(request: ask.BlindCheckRequest, rules: RulesRow) -> None:
    mode = request.kind if request.kind in {"yes-no", "count"} else "exact"
    if mode not in rules.rules.modes:
        raise Denied("other-mode", f"check: expected one of the modes {rules.rules.modes}, got {mode!r}")
    if (request.kind == "delta") != bool(request.items):
        raise Malformed("bad-items", "check: expected items exactly where the kind is delta", path="$.items")
    if request.adopt and request.kind != "delta":
        raise Malformed("bad-adopt", "check: expected adopt with a delta alone", path="$.adopt")
    names = [item.name for item in request.items]
    if len(set(names)) != len(names):
        raise Malformed("twice", "check: expected each item's name once", path="$.items")
    for place, item in enumerate(request.items):
        check_volumes(item.volumes, path=f"$.items[{place}].volumes")


def get_run(desk: Desk, request: ask.BlindRunRequest) -> ask.RunAnswer:
    """Return a run with every conflict, and wait for it to end as long as the request says."""
    _get_row(desk, request.run)
    _wait(desk, request.wait_s, lambda: _show(desk, request.run).state == "ended")
    return _show(desk, request.run, has_conflicts=True)


def zoom(desk: Desk, request: ask.BlindZoomRequest) -> ask.ZoomAnswer:
    """Offer to show what met in a run, and wait for both sides' parts as long as the request says."""
    check_officer(desk, request.officer)
    row = _get_row(desk, request.run)
    item = desk.blind.zooming.offer(row, officer=request.officer, items=request.items)
    _wait(desk, request.wait_s, lambda: desk.blind.zooming.describe(row).state == "judged")
    say_what_became(desk, desk.outbox.get(item.id))
    return desk.blind.zooming.describe(row)


def look_zoom(desk: Desk, request: ask.BlindZoomsRequest) -> ask.ZoomAnswer:
    """Return how far the zoom of a run is."""
    return desk.blind.zooming.describe(_get_row(desk, request.run))


def _get_row(desk: Desk, number: int) -> sqlite3.Row:
    row = desk.blind.get_run(number)
    if row is None:
        raise NotFound("no-run", f"run: expected the number of one, got {number}")
    return row


def _show(desk: Desk, number: int, *, has_conflicts: bool = False) -> ask.RunAnswer:
    return show_run(desk.blind, _get_row(desk, number), has_conflicts=has_conflicts)


def _wait(desk: Desk, wait_s: float, is_done: Callable[[], bool]) -> None:
    """Let the carrier work until something is done, or the time is over."""
    if not desk.is_served:
        desk.run_once()
        return
    desk.blind.on_wanted()
    deadline_s = time.monotonic() + wait_s
    while not is_done():
        left_s = deadline_s - time.monotonic()
        if left_s <= 0:
            return
        with desk.blind.changed:
            desk.blind.changed.wait(min(left_s, _LOOK_S))


def _get_in_force(desk: Desk, name: str) -> RulesRow:
    row = find_in_force(desk.rows, name)
    if row is None or desk.party not in row.rules.parties:
        raise Denied("not-in-force", f"rules {name!r}: expected rules in force that bind us")
    return row


def _get_epoch(desk: Desk, rules: RulesRow, epoch: int) -> int:
    now = rules.rules.find_epoch(desk.clock.now_utc())
    if epoch >= 0:
        return epoch
    if now is None:
        raise Denied(
            "no-epoch",
            f"rules {rules.id!r}: expected an epoch of theirs now; the first is at {rules.rules.starts}",
        )
    return now
