"""Verbs by which people browse the record: a list with filters, counts and search, and all of one entry.

Invariants: every entry is in the list, the unreadable and the void with why; totals are of the whole list,
and say how far the index has come; "recorded", "firm" and "settled" are told apart, each with by when it was
known; what partners wrote comes as they wrote it, for whoever shows it to make harmless.

It changes nothing, and proves nothing: `proving` does.

    >>> browse(desk, RecordRequest(kind="activity.notify", limit=50))["total"]
    12
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Final, Literal

import msgspec

from entente.deconflict import describe_ladder
from entente.desk import requests as ask
from entente.desk.assembly import Desk
from entente.desk.record_index import OPEN, OPENED, Filter, Line, Order
from entente.joint import MessageRow
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import Malformed, NotFound, PeerError
from entente.kernel.time import UTC_PATTERN
from entente.kernel.wire import Count, WireStruct, encode_base64

Plain = dict[str, Any]
_CATCH_UP_S: Final = 1.5
"""How long a question waits for the index of a long record; what is not in it yet is told."""
_MAX_CHOICES: Final = 40

ChoicesText = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9.,-]*$(?!\n)", max_length=1200)]
"""Words between commas; any of them."""
MomentText = Annotated[str, msgspec.Meta(pattern=rf"^$(?!\n)|{UTC_PATTERN}", max_length=27)]


class RecordRequest(WireStruct, frozen=True, kw_only=True):
    """Ask for a part of the list of entries.

    Args:
        q: Words that must all stand in an entry that we can read, "phrases" in double quotes.
        thing: The name of an activity, zone, site, thread, incident or agreement.
        since, until: By when it was recorded, by the host's signed time: [since, until).
        first, below: Indexes, [first, below); 0 for ``below``: the end. A page that turns leaves keeps it.
        facets: 1: with counts by kind, author, state and standing.
    """

    q: Annotated[str, msgspec.Meta(max_length=200)] = ""
    kind: ChoicesText = ""
    author: ChoicesText = ""
    state: ChoicesText = ""
    standing: Literal["", "recorded", "firm", "settled"] = ""
    thing: Annotated[str, msgspec.Meta(max_length=80)] = ""
    since: MomentText = ""
    until: MomentText = ""
    first: Count = 0
    below: Count = 0
    order: Literal["new", "old"] = "new"
    offset: Count = 0
    limit: Annotated[int, msgspec.Meta(ge=1, le=2_000)] = 100
    facets: Annotated[int, msgspec.Meta(ge=0, le=1)] = 0


def browse(desk: Desk, request: RecordRequest) -> Plain:
    """Return a part of the list, how long it is, and what it is made of."""
    indexed = desk.record.catch_up(limit_s=_CATCH_UP_S)
    size = desk.follower.views.size
    wanted = _make_filter(desk, request, size)
    order = Order(request.offset, request.limit, is_newest_first=request.order == "new")
    facets = None
    if request.facets:
        ends = [
            ("settled", desk.follower.settled_size),
            ("firm", desk.follower.firm_size),
            ("recorded", size),
        ]
        facets = desk.record.count(wanted, ends)
    total = None if facets is None else sum(one["count"] for one in facets["state"])
    page = desk.record.find(wanted, order, total=total)
    answer: Plain = {
        "size": size,
        "indexed": indexed,
        "total": page.total,
        "offset": request.offset,
        "firm_size": desk.follower.firm_size,
        "settled_size": desk.follower.settled_size,
        "entries": [_describe(desk, line) for line in page.lines],
    }
    if facets is not None:
        answer["facets"] = facets
    return answer


def _make_filter(desk: Desk, request: RecordRequest, size: int) -> Filter:
    settled = min(desk.follower.settled_size, size)
    firm = max(settled, min(desk.follower.firm_size, size))
    first, below = {
        "": (0, size),
        "settled": (0, settled),
        "firm": (settled, firm),
        "recorded": (firm, size),
    }[request.standing]
    if request.since:
        first = max(first, _find_size_at(desk, request.since))
    if request.until:
        below = min(below, _find_size_at(desk, request.until))
    return Filter(
        text=request.q,
        kinds=_split(request.kind, "$.kind"),
        authors=_split(request.author, "$.author"),
        states=_split(request.state, "$.state"),
        thing=request.thing,
        first=max(first, request.first),
        below=min(below, request.below or size),
    )


def _split(text: str, path: str) -> tuple[str, ...]:
    found = tuple(word for word in text.split(",") if word)
    if len(found) > _MAX_CHOICES:
        raise Malformed("too-many", f"filter: expected <= {_MAX_CHOICES} words, got {len(found)}", path=path)
    return found


def _find_size_at(desk: Desk, moment: str) -> int:
    """Return how many entries were recorded before a moment, by the host's signed times."""
    row = desk.book.read_one(
        "SELECT MAX(size) AS size FROM milestones WHERE recorded != '' AND recorded < ?", (moment,)
    )
    return int(row["size"] or 0) if row is not None else 0


def _describe(desk: Desk, line: Line) -> Plain:
    recorded, firm = desk.follower.find_times(line.index)
    standing = desk.follower.standing(line.index)
    return asdict(line) | {
        "is_readable": line.state in {OPEN, OPENED},
        "standing": standing,
        "recorded": recorded,
        "firm": firm if standing != "recorded" else "",
    }


class EntryRequest(WireStruct, frozen=True, kw_only=True):
    """Name one entry: its index, or the first 8 digits or more of its hash."""

    entry: ask.MessageName


def get_entry(desk: Desk, request: EntryRequest) -> Plain:
    """Return everything of one entry: bytes, header, body, what it names and what names it, its ladder."""
    desk.record.catch_up(limit_s=_CATCH_UP_S)
    line = _resolve(desk, request.entry)
    raw = desk.archive.read_raw(line.index, line.index + 1)[0]
    answers, total = desk.record.list_answers(line.leaf)
    answer = _describe(desk, line) | {
        "size": desk.follower.views.size,
        "envelope": encode_base64(raw),
        "payload": None,
        "signatures": [],
        "body": None,
        "opened": None,
        "mentions": [
            asdict(one) | {"kind": found.kind if found else "", "author": found.author if found else ""}
            for one in desk.record.list_mentions(line.index)
            for found in (desk.record.get_line(one.index) if one.index >= 0 else None,)
        ],
        "answers": [
            {"index": one.index, "kind": one.kind, "author": one.author, "words": one.words, "path": path}
            for one, path in answers
        ],
        "answers_total": total,
        "ladder": _find_ladder(desk, line),
    }
    try:
        signed = parse_envelope(raw)
        answer["signatures"] = [key_id for key_id, _ in signed.signatures]
        answer["payload"] = msgspec.json.decode(signed.payload)
        answer["body"] = answer["payload"].get("body")
    except (PeerError, msgspec.MsgspecError, AttributeError):
        return answer  # void, and no message at all: its bytes are all there is
    if line.state == OPENED:
        kept = desk.book.read_one("SELECT salt, body FROM bodies WHERE leaf = ?", (line.leaf,))
        if kept is not None:
            # Together they prove what was said to whoever has the record: the officers of this desk may.
            answer["opened"] = {"salt": encode_base64(kept["salt"]), "body": encode_base64(kept["body"])}
            answer["body"] = msgspec.json.decode(kept["body"])
    return answer


def _resolve(desk: Desk, text: str) -> Line:
    found = desk.record.find_leaf(text) if len(text) >= 8 else []
    if len(found) > 1:
        raise Malformed(
            "ambiguous", f"entry {text!r}: expected one, several begin like this: give more digits"
        )
    if not found and text.isdigit() and len(text) < 16:
        found = [int(text)]
    line = desk.record.get_line(found[0]) if found else None
    if line is None:
        raise NotFound(
            "no-entry", f"entry {text!r}: expected one of the {desk.record.size} known, found none"
        )
    return line


def _find_ladder(desk: Desk, line: Line) -> Any:  # noqa: ANN401 - JSON
    if desk.rows.find(MessageRow, line.leaf) is None:
        return None
    try:
        ladder = describe_ladder(desk.rows, line.leaf, desk.follower.standing, desk.follower.find_times)
    except NotFound:
        return None
    return msgspec.to_builtins(ladder)
