"""The verbs of release: shelves, plans, officers, recall, passing on, rules.

Invariants: those of `entente.desk.speaking`: every verb that acts names its officer, of our roster in force;
the caller's mistakes are found before anything is written; an answer that did not come in time is no error,
and is never shown as sent.

It carries nothing by itself: see `carrier`.

    >>> plan(desk, ReleasePlanRequest(officer="duty-1", report="r-17", to=["ru"], purpose="deconfliction"))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from entente.desk.compose import Draft
from entente.desk.release import answers as told
from entente.desk.release import requests as ask
from entente.desk.release.planning import Wish
from entente.desk.release.plans import Plan
from entente.desk.release.policy import Mask, make_mask
from entente.desk.release.views import show_plan, show_shelved
from entente.desk.requests import NothingRequest
from entente.desk.speaking import Said, check_officer, get_leaf, put, say_what_became
from entente.kernel.message import encode_body
from entente.kernel.rows import get_row
from entente.release.exposure.usefulness import DEFAULT_WEIGHTS, Weights
from entente.release.item import GrantRow, ItemRow
from entente.release.onward import RELEASE_ASK, RELEASE_GRANT, AskOnward, AskRow, GrantOnward
from entente.release.variant.ladder import Ladder

if TYPE_CHECKING:
    from entente.desk.assembly import Desk

# Shelves


def load(desk: Desk, request: ask.ReleaseLoadRequest) -> told.ReleaseLoadAnswer:
    """Put a file on the shelves; what is judged by another ground from now on is computed again."""
    check_officer(desk, request.officer)
    shelved, changed = desk.release.load(request.kind, request.text, officer=request.officer)
    return told.ReleaseLoadAnswer([show_shelved(one) for one in shelved], changed)


def drop(desk: Desk, request: ask.ReleaseDropRequest) -> dict[str, str]:
    """Take a thing down from its shelf."""
    check_officer(desk, request.officer)
    desk.release.parts.library.drop(request.shelf, request.name, officer=request.officer)
    return {"dropped": request.name}


# Plans


def plan(desk: Desk, request: ask.ReleasePlanRequest) -> list[told.PlanAnswer]:
    """Plan a report for recipients, each apart."""
    check_officer(desk, request.officer)
    wish = Wish(
        purpose=request.purpose,
        officer=request.officer,
        mask=_read_mask(request, desk.release.parts.ladder),
        weights=_read_weights(request.weights),
        tear_line=request.tear_line,
        until=request.until,
        note=request.note,
    )
    plans = desk.release.planning.plan(request.report, request.to, wish)
    return [show_plan(desk, one) for one in plans]


def _read_mask(request: ask.ReleasePlanRequest, ladder: Ladder) -> Mask:
    """Return the steps that an officer lets through: for every report alike, wherever it falls."""
    every = make_mask(ladder)
    return Mask(
        _no_finer(every.places, ladder.places_arcsec, request.finest_arcsec),
        _no_finer(every.spans, ladder.spans_s, request.finest_s),
        frozenset(
            step for step in every.delays if request.latest_s < 0 or ladder.delays_s[step] <= request.latest_s
        ),
        frozenset(depth for depth in every.depths if request.most_depth < 0 or depth <= request.most_depth),
        _no_finer(every.heights, ladder.heights_m, request.finest_m),
    )


def _no_finer(steps: frozenset[int], sizes: tuple[int, ...], finest: int) -> frozenset[int]:
    return frozenset(step for step in steps if not step or sizes[step - 1] >= finest)


def _read_weights(wanted: ask.WeightsRequest | None) -> Weights:
    if wanted is None:
        return DEFAULT_WEIGHTS
    return Weights(
        place=wanted.place / 100,
        span=wanted.span / 100,
        height=wanted.height / 100,
        depth=wanted.depth / 100,
        wait=wanted.wait / 100,
    )


def approve(desk: Desk, request: ask.ReleaseSendRequest) -> told.PlanAnswer:
    """Say yes to a plan in an officer's name; with the last yes it goes out as soon as its time has come."""
    check_officer(desk, request.officer)
    desk.release.sending.approve(request.plan, officer=request.officer, digest=request.sha256)
    return _wait(desk, request.plan, request.wait_s)


def withdraw(desk: Desk, request: ask.ReleaseWithdrawRequest) -> told.PlanAnswer:
    """Take back a plan that is not signed yet."""
    check_officer(desk, request.officer)
    return show_plan(desk, desk.release.sending.withdraw(request.plan))


def _wait(desk: Desk, number: int, wait_s: float) -> told.PlanAnswer:
    """Send what is due, and wait for the record as long as the request says."""
    desk.release.step()
    found = desk.release.plans.get(number)
    if found.sent_as and found.state == "sending":
        item = desk.outbox.find_token(found.sent_as)
        if item is not None:
            desk.wait_for(item.id, wait_s)
            desk.release.step()
    desk.release.on_wanted()
    return show_plan(desk, desk.release.plans.get(number))


# The ledger


def look_ledger(desk: Desk, request: ask.ReleaseLedgerRequest) -> told.LedgerAnswer:
    """Return what has been given away."""
    return desk.release.accounts.look(request)


def look_belief(desk: Desk, request: ask.ReleaseBeliefRequest) -> told.BeliefAnswer:
    """Return what a pool may believe about a secret, release by release."""
    return desk.release.accounts.get_belief(request)


def check_ledger(desk: Desk, _request: NothingRequest) -> told.ReleaseCheckAnswer:
    """Compare the ledger with what follows from what was given."""
    return desk.release.accounts.check()


# Passing on


def ask_onward(desk: Desk, request: ask.ReleaseAskRequest) -> Said:
    """Ask an item's originator whether it may go to a third party."""
    row = get_row(desk.rows, ItemRow, get_leaf(desk, request.item), what="item")
    body = AskOnward(row.sha256, request.party, request.purpose, request.words)
    return put(desk, request, RELEASE_ASK.name, body, (row.item.originator,))


def grant(desk: Desk, request: ask.ReleaseGrantRequest) -> told.PlanAnswer | Said:
    """Answer a question: a yes becomes a plan, a no goes to the asker."""
    check_officer(desk, request.officer)
    row = get_row(desk.rows, AskRow, get_leaf(desk, request.ask), what="question")
    if request.granted:
        planned = desk.release.onward.plan_grant(
            row, officer=request.officer, until=request.until, words=request.words
        )
        return show_plan(desk, planned)
    body = GrantOnward(
        ask=row.message,
        granted=False,
        label=None,
        variant=row.ask.variant,
        holder=row.holder,
        to=row.ask.to,
        purpose=row.ask.purpose,
        until=None,
        use_until=None,
        words=request.words,
    )
    token = f"no-{row.message[:48]}"
    draft = Draft(RELEASE_GRANT.name, encode_body(body), (request.officer,), (row.holder,), token=token)
    item = desk.outbox.put(draft)
    return say_what_became(desk, desk.wait_for(item.id, request.wait_s))


def pass_on(desk: Desk, request: ask.ReleasePassRequest) -> told.PlanAnswer:
    """Pass an item on under its originator's yes."""
    check_officer(desk, request.officer)
    row = get_row(desk.rows, GrantRow, get_leaf(desk, request.grant), what="grant")
    planned: Plan = desk.release.onward.plan_pass(row, officer=request.officer, note=request.note)
    desk.release.sending.approve(planned.id, officer=request.officer)
    return _wait(desk, planned.id, request.wait_s)
