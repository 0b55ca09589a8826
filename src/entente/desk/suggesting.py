"""Suggestions at a desk: the nearest conflict-free shift of an activity, or of a plan not yet told.

Invariants: asked of what this desk can read, sealed activities included, and answered to its own officers
alone: a plan that is tried here leaves nothing in the record and goes to nobody; nothing is suggested that
begins before now; the answer says up to which entry it looked, and the record is followed meanwhile.

It sends nothing: `notify`, `update` and `counter` do.

    >>> suggest_shift(desk, SuggestRequest(activity="convoy-7"))["found"][0]["words"]
    '42 min later'
"""

from __future__ import annotations

from typing import Any

import msgspec

from entente.deconflict import ActivityRow
from entente.deconflict.activity import ActivityWord, PartyList, Volumes
from entente.deconflict.suggest import Room, suggest
from entente.deconflict.trial import Trial, try_activity, try_plan
from entente.desk.assembly import Desk
from entente.desk.speaking import check_volumes, find_object
from entente.desk.views import find_applied
from entente.kernel.errors import Malformed
from entente.kernel.rows import get_row
from entente.kernel.time import encode_utc
from entente.kernel.wire import SlugText, WireStruct


class SuggestRequest(WireStruct, frozen=True, kw_only=True):
    """Look for a way: of an activity that stands, anyone's, or of a plan of ours (``volumes`` and ``kind``).

    With both, other volumes are tried for the activity.
    """

    activity: SlugText | None = None
    volumes: Volumes | None = None
    kind: ActivityWord | None = None
    armed: bool = False
    room: Room = msgspec.field(default_factory=Room)
    to: PartyList | None = None


def suggest_shift(desk: Desk, request: SuggestRequest) -> dict[str, Any]:
    """Return what the plan conflicts with, and the smallest shift each way at which it does not."""
    check_volumes(request.volumes or [])
    room = request.room
    if room.not_before is None:
        room = msgspec.structs.replace(room, not_before=encode_utc(desk.clock.now_utc()))
    # Of one moment, and no more is needed: a search may last for seconds, and the record goes on meanwhile.
    with desk.view_home.look() as index:
        trial, volumes = _make_trial(desk, request, index)
        size = find_applied(desk.rows)
        answer = suggest(volumes, room, trial.find, again=trial.list_again)
    plain: dict[str, Any] = msgspec.to_builtins(answer)
    return plain | {"size": size, "room": msgspec.to_builtins(room)}


def _make_trial(desk: Desk, request: SuggestRequest, index: Any) -> tuple[Trial, Volumes]:  # noqa: ANN401
    if request.activity is not None:
        thing = find_object(desk, request.activity, "activity", request.to)
        row = get_row(desk.rows, ActivityRow, thing.object, what="activity")
        volumes = list(row.volumes) if request.volumes is None else request.volumes
        return try_activity(desk.rows, index, thing, row), volumes
    if request.volumes is None or request.kind is None:
        raise Malformed(
            "no-plan", "suggest: expected an activity, or volumes with their kind of activity, got neither"
        )
    trial = try_plan(desk.rows, index, author=desk.party, activity=request.kind, armed=request.armed)
    return trial, request.volumes
