"""Counter-proposals: another time, height or route for somebody else's activity, as a message.

Invariants:
  * A counter-proposal never changes what it is about: neither volumes nor answers, nor anybody's
    concurrence. Its author's yes or no is a message of its own.
  * It names the version that it is about, and is past when that version is. The activity's author answers by
    an update, or declines; whether an update took it up is computed: the very same volumes.
  * One stands for each party and version; a later one takes its place. After `MAX_PROPOSALS` no more are
    taken.

It does not look for conflicts: see `entente.deconflict.suggest`.

    >>> list_proposals(rows, "sortie-7")[0].state
    'standing'
"""

from __future__ import annotations

from typing import ClassVar, Final, Literal

import msgspec

from entente.deconflict.activity import ActivityRow, Volumes
from entente.deconflict.objects import VersionRow, find_current, name_object, parse_volumes
from entente.deconflict.receipts import Stamp, find_receipt, make_stamp
from entente.kernel.kinds import ALLOWED, Decision, Kind, denied
from entente.kernel.message import Entry, VerifiedMessage
from entente.kernel.rows import Row, Rows
from entente.kernel.wire import Hex64, NoteText, SlugText, WireStruct
from entente.space import VolumeWire

MAX_PROPOSALS: Final = 5
"""To one version by one party: room for an honest second thought, and for no flood at 3 a.m."""
ProposalState = Literal["standing", "replaced", "declined", "taken-up", "superseded"]


class Counter(WireStruct, frozen=True):
    """Body of ``activity.counter``: whole volumes in place of those of a version; ``reason`` may be empty."""

    activity: SlugText
    version: Hex64
    volumes: Volumes
    reason: NoteText


class Decline(WireStruct, frozen=True):
    """Body of ``activity.decline``: the activity's author will not do so."""

    activity: SlugText
    proposal: Hex64
    reason: NoteText


class ProposalRow(Row, frozen=True):
    """A counter-proposal, by the leaf of its message."""

    TABLE: ClassVar[str] = "proposals"
    INDEXED: ClassVar[tuple[str, ...]] = ("object", "version")
    proposal: str
    object: str
    version: str
    author: str
    volumes: tuple[VolumeWire, ...]
    reason: str
    stamp: Stamp
    replaced: str = ""
    """The leaf of the same party's later one."""
    declined: Stamp | None = None
    decline_reason: str = ""

    def key(self) -> str:
        """Return the message's leaf hash."""
        return self.proposal


class Proposal(msgspec.Struct, frozen=True):
    """A counter-proposal with what became of it."""

    row: ProposalRow
    state: ProposalState
    words: str


def decide_counter(message: VerifiedMessage[Counter], rows: Rows) -> Decision:
    """Allow a party that read the current version of another's activity, a few times for each version."""
    body = message.body
    if body is None:
        return ALLOWED
    row = find_current(message, body.activity, body.version, ActivityRow, "activity", rows)
    if isinstance(row, Decision):
        return row
    if row.author == message.author:
        return denied(
            "own-activity", f"activity {body.activity!r}: expected another's, it is of {row.author!r} itself"
        )
    receipt = find_receipt(rows, body.version, message.author)
    if receipt is None or receipt.acknowledged is None:
        return denied(
            "not-acknowledged",
            f"activity {body.activity!r}: expected {message.author!r} to have acknowledged version "
            f"{body.version[:12]} first",
        )
    parse_volumes(body.volumes, path="$.body.volumes")
    if tuple(body.volumes) == row.volumes:
        return denied("same-volumes", f"activity {body.activity!r}: expected other volumes, got its own")
    made = sum(1 for one in rows.select(ProposalRow, version=body.version) if one.author == message.author)
    if made >= MAX_PROPOSALS:
        # SECURITY: each asks officers of the other side to read it; a flood would bury what matters
        # (tests/unit/test_deconflict_counter.py, test_a_flood_of_proposals_is_refused).
        return denied(
            "too-many",
            f"activity {body.activity!r}: expected <= {MAX_PROPOSALS} counter-proposals of "
            f"{message.author!r} to one version, got {made + 1}",
        )
    return ALLOWED


def project_counter(entry: Entry[Counter], rows: Rows) -> None:
    """Put it beside the version; nothing else changes."""
    message, body = entry.message, entry.message.body
    if body is None:
        return
    for one in list(rows.select(ProposalRow, version=body.version)):
        if one.author == message.author and not one.replaced:
            rows.put(msgspec.structs.replace(one, replaced=message.leaf))
    rows.put(
        ProposalRow(
            proposal=message.leaf,
            object=name_object(message, body.activity),
            version=body.version,
            author=message.author,
            volumes=tuple(body.volumes),
            reason=body.reason,
            stamp=make_stamp(entry),
        )
    )


def decide_decline(message: VerifiedMessage[Decline], rows: Rows) -> Decision:
    """Allow the activity's author, once, while the proposal stands."""
    body = message.body
    if body is None:
        return ALLOWED
    proposal = rows.find(ProposalRow, body.proposal)
    if proposal is None or proposal.object != name_object(message, body.activity):
        return denied(
            "unknown-proposal",
            f"activity {body.activity!r}: expected a counter-proposal known to this audience, found none "
            f"named {body.proposal[:12]}",
        )
    row = find_current(message, body.activity, proposal.version, ActivityRow, "activity", rows)
    if isinstance(row, Decision):
        return row
    if row.author != message.author:
        return denied(
            "not-author",
            f"activity {body.activity!r}: expected its author {row.author!r}, got {message.author!r}",
        )
    if proposal.replaced or proposal.declined is not None:
        return denied(
            "not-standing",
            f"counter-proposal {body.proposal[:12]}: expected one that stands, it was "
            f"{'replaced' if proposal.replaced else 'declined'}",
        )
    return ALLOWED


def project_decline(entry: Entry[Decline], rows: Rows) -> None:
    """Mark it as declined."""
    body = entry.message.body
    row = rows.find(ProposalRow, body.proposal) if body is not None else None
    if body is not None and row is not None:
        rows.put(msgspec.structs.replace(row, declined=make_stamp(entry), decline_reason=body.reason))


def list_proposals(rows: Rows, object_name: str) -> list[Proposal]:
    """Return every counter-proposal to an activity, in the record's order, with what became of it."""
    found = sorted(rows.select(ProposalRow, object=object_name), key=lambda row: row.stamp.index)
    return [_describe(row, rows) for row in found]


def find_proposal(rows: Rows, leaf: str) -> Proposal | None:
    """Return one counter-proposal with what became of it, or None."""
    row = rows.find(ProposalRow, leaf)
    return None if row is None else _describe(row, rows)


def _describe(row: ProposalRow, rows: Rows) -> Proposal:
    if row.declined is not None:
        why = f": {row.decline_reason}" if row.decline_reason else ""
        return Proposal(row, "declined", f"declined{why}")
    if row.replaced:
        return Proposal(row, "replaced", f"replaced by {row.author}'s own {row.replaced[:12]}")
    activity = rows.find(ActivityRow, row.object)
    if activity is None or (activity.version == row.version and activity.state == "standing"):
        return Proposal(row, "standing", "not answered yet")
    following = next(
        (one for one in rows.select(VersionRow, object=row.object) if one.previous == row.version), None
    )
    if following is None:
        return Proposal(row, "superseded", f"the activity was {activity.state}")
    if following.volumes == row.volumes:
        return Proposal(row, "taken-up", f"taken up as proposed, by version {following.version[:12]}")
    return Proposal(row, "superseded", f"answered by version {following.version[:12]}, with other volumes")


ACTIVITY_COUNTER: Final = Kind(
    "activity.counter",
    Counter,
    decide=decide_counter,
    project=project_counter,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
ACTIVITY_DECLINE: Final = Kind(
    "activity.decline",
    Decline,
    decide=decide_decline,
    project=project_decline,
    min_officers=1,
    acknowledged=True,
    may_be_sealed=True,
)
