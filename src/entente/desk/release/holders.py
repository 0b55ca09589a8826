"""Who holds an item by us, hop by hop, and what each has signed about it and about its recall.

What it is for: after "do not use this any more", an officer sees with whom that has arrived, and with whom
nobody can know yet.

Invariants:
  * A rung is what a message in the record says, with its entry: delivery by the other desk, acknowledgement
    by its officer, a lapse by the center. Nothing is guessed between them.
  * A yes to passing on says that a party MAY have it: whether it was passed on, only holder and recipient can
    read.
  * A holding that was recalled stays in the list.

It recalls nothing: see `recalling`.

    >>> [(hop.party, hop.by, hop.depth) for hop in list_holders(desk, ReleaseHoldersRequest(item="31"))]
    [('ru', 'item', 0), ('un', 'grant', 1)]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from entente.deconflict import find_receipt
from entente.deconflict.receipts import Stamp
from entente.desk.release import answers as told
from entente.desk.release import requests as ask
from entente.desk.release.recalling import find_recall
from entente.desk.speaking import get_leaf
from entente.kernel.rows import Rows, get_row
from entente.release.item import GrantRow, ItemRow

if TYPE_CHECKING:
    from entente.desk.assembly import Desk


def list_holders(desk: Desk, request: ask.ReleaseHoldersRequest) -> list[told.HolderAnswer]:
    """Return who has an item, or may have it, the nearest first."""
    row = get_row(desk.rows, ItemRow, get_leaf(desk, request.item), what="item")
    return list(_list_own(desk, row) if row.author == desk.party else _list_passed(desk, row))


def _list_own(desk: Desk, row: ItemRow) -> Iterator[told.HolderAnswer]:
    """Yield the recipient, and everybody to whom our yeses lead from it, each hop once."""
    yield _show_item(desk, row, 0)
    if row.grant:
        return
    grants = [one for one in desk.rows.select(GrantRow, sha256=row.sha256) if one.originator == desk.party]
    waiting, seen = [(row.to, 1)], {row.to}
    while waiting:
        holder, depth = waiting.pop(0)
        for grant in sorted(grants, key=lambda one: one.index):
            if grant.holder != holder or not grant.is_granted:
                continue
            yield _show_grant(desk, grant, depth)
            if grant.to not in seen:
                seen.add(grant.to)
                waiting.append((grant.to, depth + 1))


def _list_passed(desk: Desk, row: ItemRow) -> Iterator[told.HolderAnswer]:
    """Yield ourselves, and to whom we passed it on."""
    yield _show_item(desk, row, 0)
    for one in sorted(desk.rows.select(ItemRow, sha256=row.sha256), key=lambda found: found.index):
        if one.author == desk.party and one.grant:
            yield _show_item(desk, one, 1)


def _show_item(desk: Desk, row: ItemRow, depth: int) -> told.HolderAnswer:
    return _show(desk, row, giver=row.author, by="item", depth=depth)


def _show_grant(desk: Desk, row: GrantRow, depth: int) -> told.HolderAnswer:
    return _show(desk, row, giver=row.holder, by="grant", depth=depth)


def _show(desk: Desk, row: ItemRow | GrantRow, *, giver: str, by: str, depth: int) -> told.HolderAnswer:
    recall = find_recall(desk, row.message, row.to)
    return told.HolderAnswer(
        party=row.to,
        giver=giver,
        depth=depth,
        by=by,
        of=row.message,
        index=row.index,
        at=row.at,
        given=list(_list_rungs(desk.rows, row.message, row.to)),
        recall=None if recall.state == "none" else recall,
        recalled=list(_list_rungs(desk.rows, recall.leaf, row.to)),
        plan=_find_plan(desk, row.message),
    )


def _find_plan(desk: Desk, leaf: str) -> int:
    plan = desk.release.plans.find_leaf(leaf)
    return 0 if plan is None else plan.id


def _list_rungs(rows: Rows, leaf: str, party: str) -> Iterator[told.RungAnswer]:
    """Yield what was signed about a message, in the order of its ladder; nothing where nothing is owed."""
    receipt = find_receipt(rows, leaf, party) if leaf else None
    if receipt is None:
        return
    delivery = "delivered" if receipt.delivery in {None, "readable"} else "unreadable"
    for state, stamp in (
        ("submitted", receipt.submitted),
        (delivery, receipt.delivered),
        ("acknowledged", receipt.acknowledged),
        ("lapsed", receipt.lapsed),
    ):
        if stamp is not None:
            yield _show_rung(state, stamp)


def _show_rung(state: str, stamp: Stamp) -> told.RungAnswer:
    return told.RungAnswer(state, stamp.index, stamp.at, list(stamp.officers))
