"""What a draft would conflict with, before anybody is told; and a corridor as an outline.

Invariants:
  * Nothing is left anywhere: not in the record, the rows, the outbox or the log. Who looks for a way is seen
    by nobody.
  * The rules that will judge what is told judge the draft (`entente.deconflict.trial`), on what this desk
    can read; the answer says up to which entry.
  * A draft with a fault is not tried: ``faults`` names all of its volumes that have one, and a draft that
    could not be tried is never said to be free of conflicts.
  * A corridor leaves nothing out of what lies within its half width.

It suggests nothing: `suggest` does. It sends nothing.

    >>> try_draft(desk, TryRequest(volumes=[wire], kind="air"))["conflict_words"]
    ["activity 'a plan' of us and activity 'Sortie' of ru come closer than agreed ..."]
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from entente.deconflict import ActivityRow
from entente.deconflict.trial import Trial, try_activity, try_plan
from entente.desk.assembly import Desk
from entente.desk.picture.frame import Frame, open_frame
from entente.desk.picture.meetings import describe_conflict
from entente.desk.picture.requests import CorridorRequest, TryRequest, WindowRequest
from entente.desk.picture.rings import Parts, draw_corridor, draw_outline
from entente.desk.picture.things import describe_volume
from entente.desk.speaking import find_object
from entente.kernel.errors import InvalidVolume, Malformed, TooManyConflicts
from entente.kernel.rows import get_row
from entente.space import (
    OutlineWire,
    PartWire,
    PolygonWire,
    PositionE7,
    RegionWire,
    VolumeWire,
    check_volume,
    encode_position,
)

Plain = dict[str, Any]


def try_draft(desk: Desk, request: TryRequest) -> Plain:
    """Return what a draft would conflict with if it were told now, and what is wrong with it."""
    with open_frame(desk, WindowRequest()) as frame:
        trial, volumes = _make_trial(frame, request)
        faults = find_faults(volumes)
        conflicts: list[Plain] = []
        again: tuple[str, ...] = ()
        if not faults:
            try:
                conflicts = [describe_conflict(frame, row, {}) for row in trial.list_conflicts(volumes)]
                again = trial.list_again(volumes)
            except TooManyConflicts as error:
                faults = [{"path": "$.volumes", "code": error.code, "words": error.message}]
        return {
            "size": frame.size,
            "is_new": request.activity is None,
            "is_tried": not faults,
            "conflicts": conflicts,
            "conflict_words": [one["words"] for one in conflicts],
            "again": list(again),
            "volumes": _draw(volumes, faults),
            "faults": faults,
        }


def _make_trial(frame: Frame, request: TryRequest) -> tuple[Trial, Sequence[VolumeWire]]:
    desk = frame.desk
    # SECURITY: of no volumes at all one could only say that they conflict with nothing
    # (tests/protocol/test_desk_try.py, test_nothing_is_never_free_of_conflicts).
    if request.volumes == [] or (request.activity is None and not (request.volumes and request.kind)):
        raise Malformed(
            "no-plan", "try: expected an activity, or volumes with their kind of activity, got neither"
        )
    if request.activity is not None:
        thing = find_object(desk, request.activity, "activity", request.to)
        row = get_row(frame.rows, ActivityRow, thing.object, what="activity")
        volumes = row.volumes if request.volumes is None else request.volumes
        return try_activity(frame.rows, frame.index, thing, row), volumes
    if request.volumes is None or request.kind is None:
        raise AssertionError("try: a draft of neither an activity nor volumes was let through")
    trial = try_plan(frame.rows, frame.index, author=desk.party, activity=request.kind, armed=request.armed)
    return trial, request.volumes


def find_faults(volumes: Sequence[VolumeWire]) -> list[Plain]:
    """Return what is wrong with each volume that has a fault, with its place in the request."""
    faults: list[Plain] = []
    for place, wire in enumerate(volumes):
        try:
            check_volume(wire, path=f"$.volumes[{place}]")
        except Malformed as error:
            faults.append({"path": error.path, "code": error.code, "words": error.message})
    return faults


def _draw(volumes: Sequence[VolumeWire], faults: Sequence[Plain]) -> list[Plain]:
    """Return the volumes without a fault, each with its place (``n``)."""
    bad = {fault["path"].partition("]")[0] for fault in faults}
    return [
        describe_volume(wire, draw_outline(wire.outline), place, has_rings=True)
        for place, wire in enumerate(volumes)
        if f"$.volumes[{place}" not in bad
    ]


def make_corridor(_desk: Desk, request: CorridorRequest) -> Plain:
    """Return the outline of all that lies within a distance of a line, as a message would hold it.

    Raises:
        InvalidVolume: A line of no length, or one whose corridor is no outline.
    """
    if len(set(request.line_e7)) == 1:
        raise InvalidVolume("no-line", "corridor: expected a line, got one position", path="$.line_e7")
    parts = draw_corridor(request.line_e7, request.half_width_cm / 100)
    return {"outline": _encode(parts), "rings": parts}


def _encode(parts: Parts) -> OutlineWire:
    loops = [[_encode_ring(ring) for ring in part] for part in parts]
    if len(loops) == 1 and len(loops[0]) == 1:
        return PolygonWire(loops[0][0])
    return RegionWire(tuple(PartWire(part[0], tuple(part[1:])) for part in loops))


def _encode_ring(ring: Sequence[tuple[float, float]]) -> tuple[PositionE7, ...]:
    """Return a closed ring as recorded: the first vertex is not repeated, no two that follow are one."""
    found: list[PositionE7] = []
    for lon, lat in ring[:-1]:
        position = encode_position(lat, lon)
        if not found or position != found[-1]:
            found.append(position)
    if len(found) > 1 and found[0] == found[-1]:
        found.pop()
    return tuple(found)
