"""What officers of ours said lately, and how far it came: so that two of them see who has done what.

Invariants: only our own messages; a message is what the record says of it: waiting, recorded, firm, settled
or refused, and never "sent"; nothing of a body is told but the names that it is about.

It says nothing and changes nothing.

    >>> list_done(desk, DoneRequest())[0]["officers"]
    ['duty-2']
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Final

import msgspec

from entente.desk.assembly import Desk
from entente.desk.outbox import RECORDED
from entente.kernel.wire import WireStruct

_NAMES: Final = ("messages", "message", "activity", "alarm", "proposal", "incident", "id", "thread")
_MOST_SUBJECTS: Final = 100


class DoneRequest(WireStruct, frozen=True, kw_only=True):
    """How many, newest first."""

    limit: Annotated[int, msgspec.Meta(ge=1, le=200)] = 30


def list_done(desk: Desk, request: DoneRequest) -> list[dict[str, Any]]:
    """Return what officers of ours said, newest first; what the desk says by itself is left out."""
    rows = desk.book.read(
        "SELECT id, kind, body, officers, at, state, leaf, idx, recorded, code, reason, trouble FROM outbox"
        " WHERE officers <> '[]' ORDER BY id DESC LIMIT ?",
        (request.limit,),
    )
    return [
        {
            "number": row["id"],
            "kind": row["kind"],
            "officers": json.loads(row["officers"]),
            "at": row["at"],
            "state": row["state"],
            "leaf": row["leaf"] or "",
            "index": row["idx"],
            "recorded": row["recorded"] or "",
            "standing": desk.follower.standing(row["idx"])
            if row["state"] == RECORDED and row["idx"] is not None
            else "",
            "code": row["code"],
            "reason": row["reason"],
            "trouble": row["trouble"],
            "subjects": _find_subjects(bytes(row["body"])),
        }
        for row in rows
    ]


def _find_subjects(body: bytes) -> list[str]:
    """Return what a message names: other messages, an object, an alarm, a thread."""
    plain: Any = json.loads(body)
    found: list[str] = []
    for name in _NAMES:
        value: Any = plain.get(name)
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, list):
            found += [one for one in value if isinstance(one, str)]
    return found[:_MOST_SUBJECTS]
