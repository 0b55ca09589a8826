"""What a partner sees of what we gave it: "view as".

Invariants:
  * SECURITY: everything here is read out of messages that the partner can read, and of nothing else: no
    report, source, secret, plan or belief of ours is asked for, so that none can be shown
    (tests/protocol/test_desk_release_looking.py, test_what_is_shown_as_a_partner_is_what_left;
    tests/browser/test_page_release.py searches the bytes of the page).
  * What was recalled or replaced is marked so, as it is at the partner's desk, and stays.

It does not say what the partner knows besides: what it sees itself, or gets from others, is not ours to see.

    >>> look_as(desk, ReleaseAsRequest(party="ru")).items[0].words
    'between 12:20 and 12:30, in 35 N to 36 N, 40 E to 41 E, air'
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from entente.desk.release import answers as told
from entente.desk.release import requests as ask
from entente.desk.release.views import show_marking
from entente.kernel.errors import NotFound
from entente.kernel.time import parse_utc
from entente.release.item import GrantRow, ItemRow
from entente.release.variant.words import describe_variant
from entente.terms.words.text import clean_text

if TYPE_CHECKING:
    from entente.desk.assembly import Desk


def look_as(desk: Desk, request: ask.ReleaseAsRequest) -> told.SeenAnswer:
    """Return what a partner reads of ours, the newest first."""
    if not desk.release.parts.has_party(request.party):
        raise NotFound("no-party", f"party: expected another one of this center, got {request.party!r}")
    items = [row for row in desk.rows.select(ItemRow, to=request.party) if row.author == desk.party]
    answers = [
        row
        for row in desk.rows.select(GrantRow)
        if row.originator == desk.party and request.party in {row.holder, row.to}
    ]
    return told.SeenAnswer(
        request.party,
        [_show_item(desk, row) for row in sorted(items, key=lambda row: -row.index)],
        [_show_answer(row) for row in sorted(answers, key=lambda row: -row.index)],
    )


def _show_item(desk: Desk, row: ItemRow) -> told.SeenItemAnswer:
    item = row.item
    return told.SeenItemAnswer(
        index=row.index,
        at=row.at,
        author=row.author,
        originator=item.originator,
        purpose=item.purpose,
        onward=item.onward,
        until=item.until or "",
        is_over=item.until is not None and parse_utc(item.until) <= desk.clock.now_utc(),
        words=clean_text(describe_variant(item.variant)),
        marking=show_marking(desk, item.label),
        variant=msgspec.to_builtins(item.variant),
        note=clean_text(item.note),
        recalled_at=row.recalled_at if row.recalled else "",
        recall_reason=row.recall_reason,
        recall_words=clean_text(row.recall_words),
        is_replaced=bool(row.replaced_by),
    )


def _show_answer(row: GrantRow) -> told.SeenYesAnswer:
    return told.SeenYesAnswer(
        index=row.index,
        at=row.at,
        holder=row.holder,
        to=row.to,
        purpose=row.purpose,
        is_granted=row.is_granted,
        is_recalled=bool(row.recalled),
        until=row.until,
        words=clean_text(row.words),
    )
