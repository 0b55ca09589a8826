"""Recall at a desk: a signed notice to everybody who holds an item, and how far each has come.

What it is for: "do not use this any more", to the recipient of an item and to whoever got it onward by our
yes; and the duty to say it further for what we passed on of others'.

Invariants:
  * Nothing is deleted and nothing is said to be: a state says what the other desk and its officer have
    signed.
  * One recall an item and holder: asked for again, it is the same message.
  * What is acknowledged is so by the partner's own signed word in the record; nothing else counts.

It does not decide who may recall: the kind's rule does.

    >>> recall(desk, ReleaseRecallRequest(officer="duty-1", report="r-17", reason="wrong", words=""))
    [RecallAnswer(party='ru', state='sent', ...)]
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from entente.deconflict import find_receipt
from entente.desk.compose import Draft
from entente.desk.outbox import RECORDED, REFUSED
from entente.desk.release import answers as told
from entente.desk.release import requests as ask
from entente.desk.speaking import check_officer, get_leaf
from entente.kernel.errors import Denied, Malformed, NotFound
from entente.kernel.message import encode_body
from entente.kernel.rows import Rows
from entente.release.item import GrantRow, ItemRow
from entente.release.recall import RELEASE_RECALL, ReleaseRecall
from entente.terms.words.text import clean_text

if TYPE_CHECKING:
    from entente.desk.assembly import Desk

_WORDS = {
    "none": "not recalled",
    "queued": "recall written, not sent yet",
    "sent": "recall in the record; the other desk has not said that it has it",
    "delivered": "recall on the other desk; no officer there has acknowledged it",
    "unreadable": "the other desk says that it cannot read the recall",
    "acknowledged": "an officer there has acknowledged the recall; what was seen was seen",
    "lapsed": "no acknowledgement of the recall in the agreed time",
    "refused": "the recall was refused and has not reached anybody",
}


def recall(desk: Desk, request: ask.ReleaseRecallRequest) -> list[told.RecallAnswer]:
    """Recall items, from everybody who holds them by us."""
    check_officer(desk, request.officer)
    if bool(request.of) == bool(request.report):
        raise Malformed("bad-recall", "recall: expected messages or a report, one of the two", path="$.of")
    meant = list(_list_meant(desk, request))
    if not meant:
        raise NotFound(
            "not-released", "recall: expected something that we gave and did not recall, found none"
        )
    last = 0
    for of, to in meant:
        body = ReleaseRecall(of, request.reason, request.words)
        token = f"recall-{of[:32]}-{request.token[:20]}" if request.token else f"recall-{of[:48]}"
        draft = Draft(RELEASE_RECALL.name, encode_body(body), (request.officer,), to, token=token)
        last = desk.outbox.put(draft).id
    desk.wait_for(last, request.wait_s)
    return [find_recall(desk, of, party) for of, to in meant for party in to]


def _list_meant(desk: Desk, request: ask.ReleaseRecallRequest) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield leaf and addressees of everything that a request means, each once."""
    leaves = [get_leaf(desk, name) for name in request.of]
    if request.report:
        rows = desk.book.read(
            "SELECT leaf FROM release_plans JOIN release_items USING (item)"
            " WHERE report = ? AND leaf != '' ORDER BY id",
            (request.report,),
        )
        leaves = [row["leaf"] for row in rows]
    seen: set[str] = set()
    for leaf in leaves:
        for of, to in list_holdings(desk.rows, leaf, desk.party):
            if of not in seen:
                seen.add(of)
                yield of, to
        if request.of and leaf not in seen:
            raise Denied(
                "not-released", f"recall of {leaf[:12]}: expected one of ours that is not recalled yet"
            )


def list_holdings(rows: Rows, leaf: str, party: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what names a holding that is not recalled, and whom a recall of it goes to.

    Of an item of ours: the item, and every grant by which it went further, hop by hop; of a grant: the grant.
    """
    item, grant = rows.find(ItemRow, leaf), rows.find(GrantRow, leaf)
    if item is not None and item.author == party:
        if not item.recalled:
            yield item.message, (item.to,)
        yield from _list_further(rows, item, party)
    if grant is not None and grant.originator == party:
        yield from _list_grant(grant)


def _list_further(rows: Rows, item: ItemRow, party: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    grants = [one for one in rows.select(GrantRow, sha256=item.sha256) if one.originator == party]
    holders, waiting = {item.to}, [item.to]
    while waiting:
        holder = waiting.pop()
        for grant in grants:
            if grant.holder == holder:
                yield from _list_grant(grant)
                if grant.to not in holders:
                    holders.add(grant.to)
                    waiting.append(grant.to)


def _list_grant(grant: GrantRow) -> Iterator[tuple[str, tuple[str, ...]]]:
    if grant.is_granted and not grant.recalled:
        yield grant.message, tuple(sorted({grant.holder, grant.to}))


def find_recall(desk: Desk, of: str, party: str) -> told.RecallAnswer:
    """Return how far the recall of an item or grant is with its holder."""
    item, grant = desk.rows.find(ItemRow, of), desk.rows.find(GrantRow, of)
    leaf = item.recalled if item is not None else "" if grant is None else grant.recalled
    at = item.recalled_at if item is not None else ""
    if not leaf:
        state, leaf, at = _find_own(desk, of)
        return told.RecallAnswer(of, party, state, leaf, at, _WORDS[state])
    receipt = find_receipt(desk.rows, leaf, party)
    state = "sent"
    if receipt is not None:
        if receipt.acknowledged is not None:
            state = "acknowledged"
        elif receipt.lapsed is not None:
            state = "lapsed"
        elif receipt.delivered is not None:
            state = "delivered" if receipt.delivery == "readable" else "unreadable"
    words = _WORDS[state]
    if item is not None:
        words += f" ({item.recall_reason}{item.recall_words and f': {clean_text(item.recall_words)}'})"
    return told.RecallAnswer(of, party, state, leaf, at, words)


def _find_own(desk: Desk, of: str) -> tuple[str, str, str]:
    """Return state, leaf and time of a recall of ours that is not in the record as we follow it."""
    row = desk.book.read_one(
        "SELECT id FROM outbox WHERE token = ? OR token GLOB ? ORDER BY id DESC LIMIT 1",
        (f"recall-{of[:48]}", f"recall-{of[:32]}-*"),
    )
    if row is None:
        return "none", "", ""
    said = desk.outbox.get(row["id"])
    state = "refused" if said.state == REFUSED else "sent" if said.state == RECORDED else "queued"
    return state, said.leaf, said.at
