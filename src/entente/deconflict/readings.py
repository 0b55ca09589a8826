"""What a desk works out before its officer reads back, and before an author believes his own message.

`build_readings` puts each told position into words, with the distance to its earlier place.
`compare_with_plan` holds what was told (or read back) against the author's own private plan: the plan stays
at the desk, only the finding is shown.

Invariants:
  * The readings of a version as it was told, read back unchanged, count wherever 2 cm are tolerated (a point
    on the wire is rounded by up to 8 mm).
  * A comparison never overlooks a volume: what is missing or added is a difference too.

It sends nothing. Whoever reads back must look at a map of his own: a reading that only repeats the message
checks the line, not the position.

    >>> build_readings(version.volumes, gazetteer, areas, earlier.volumes)[0].words
    "7.4 km south-west (231 deg) of Deir ez-Zor Airport; 9.0 km from the earlier position; circle of 3,000 m
    radius"
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from entente.deconflict.positions import list_points, measure_moves, say_metres
from entente.deconflict.readback import Reading
from entente.kernel.time import parse_utc
from entente.space import (
    CircleWire,
    Gazetteer,
    NamedArea,
    PolygonWire,
    PositionE7,
    RegionWire,
    VolumeWire,
    describe_position,
    distance_and_bearing,
    encode_position,
)

MAX_WORDS: Final = 400
DifferenceWord = Literal["missing", "added", "position", "outline", "floor", "ceiling", "start", "end"]


@dataclass(frozen=True, slots=True)
class PlanDifference:
    """One way in which a told volume is not what the plan says."""

    volume: int
    what: DifferenceWord
    difference_cm: int | None
    text: str


def build_readings(
    volumes: Sequence[VolumeWire],
    gazetteer: Gazetteer,
    areas: Sequence[NamedArea],
    earlier_volumes: Sequence[VolumeWire] | None,
) -> list[Reading]:
    """Return a reading for each volume, with words to be checked by a person.

    Args:
        earlier_volumes: Those of the version before; None in a first version.
    """
    then = list_points(earlier_volumes) if earlier_volumes else []
    moved = measure_moves(volumes, earlier_volumes) if earlier_volumes else None
    readings = []
    for place, (lat_deg, lon_deg) in enumerate(list_points(volumes)):
        words = describe_position(
            lat_deg,
            lon_deg,
            gazetteer=gazetteer,
            areas=areas,
            earlier=then[place] if place < len(then) else None,
        )
        sentence = f"{words.sentence}; {_say_outline(volumes[place])}"
        readings.append(
            Reading(
                volume=place,
                point_e7=encode_position(lat_deg, lon_deg),
                words=sentence if len(sentence) <= MAX_WORDS else sentence[: MAX_WORDS - 1] + "…",
                moved_cm=moved[place] if moved else None,
            )
        )
    return readings


def compare_with_plan(
    plan_volumes: Sequence[VolumeWire], notified_volumes: Sequence[VolumeWire], tolerance_m: float
) -> list[PlanDifference]:
    """Return how what was told differs from the plan; empty when it does not.

    Positions, outlines and heights may differ by ``tolerance_m``; times may not differ at all.
    """
    found: list[PlanDifference] = []
    for place in range(max(len(plan_volumes), len(notified_volumes))):
        if place >= len(notified_volumes):
            found.append(PlanDifference(place, "missing", None, f"volume {place}: planned, but not told"))
        elif place >= len(plan_volumes):
            found.append(PlanDifference(place, "added", None, f"volume {place}: told, but not planned"))
        else:
            found += _compare_volume(place, plan_volumes[place], notified_volumes[place], tolerance_m)
    return found


def _compare_volume(
    place: int, plan: VolumeWire, told: VolumeWire, tolerance_m: float
) -> list[PlanDifference]:
    found = []
    (here,), (there,) = list_points([plan]), list_points([told])
    away_m = distance_and_bearing(*here, *there)[0]
    if away_m > tolerance_m:
        away_cm = round(away_m * 100)
        text = f"volume {place}: told {say_metres(away_cm)} from the planned position"
        found.append(PlanDifference(place, "position", away_cm, text))
    elif (outline_cm := _compare_outline(plan, told)) is None or outline_cm > tolerance_m * 100:
        size = "" if outline_cm is None else f" by {say_metres(outline_cm)}"
        text = f"volume {place}: the outline told differs{size} from the planned one"
        found.append(PlanDifference(place, "outline", outline_cm, text))
    found += _compare_heights(place, plan, told, tolerance_m)
    bounds: tuple[tuple[Literal["start", "end"], str, str], ...] = (
        ("start", plan.start, told.start),
        ("end", plan.end, told.end),
    )
    for end, planned, said in bounds:
        if planned != said:
            late_s = (parse_utc(said) - parse_utc(planned)).total_seconds()
            text = f"volume {place}: {end} told as {said}, {late_s:+,.0f} s from the planned {planned}"
            found.append(PlanDifference(place, end, None, text))
    return found


def _compare_heights(
    place: int, plan: VolumeWire, told: VolumeWire, tolerance_m: float
) -> list[PlanDifference]:
    found = []
    bounds: tuple[tuple[Literal["floor", "ceiling"], int | None, int | None], ...] = (
        ("floor", plan.floor_cm, told.floor_cm),
        ("ceiling", plan.ceiling_cm, told.ceiling_cm),
    )
    for bound, planned, said in bounds:
        if planned == said:
            continue
        if planned is None or said is None:
            text = f"volume {place}: {bound} told as {_say_height(said)}, planned {_say_height(planned)}"
            found.append(PlanDifference(place, bound, None, text))
        elif abs(planned - said) > tolerance_m * 100:
            text = f"volume {place}: {bound} told as {say_metres(said)}, planned {say_metres(planned)}"
            found.append(PlanDifference(place, bound, abs(planned - said), text))
    return found


def _compare_outline(plan: VolumeWire, told: VolumeWire) -> int | None:
    """Return by how much two outlines differ in centimetres; None where their points do not match up."""
    one, other = plan.outline, told.outline
    if isinstance(one, CircleWire) and isinstance(other, CircleWire):
        return abs(one.radius_cm - other.radius_cm)
    if isinstance(one, CircleWire) or isinstance(other, CircleWire):
        return None
    ours, theirs = _list_loops(one), _list_loops(other)
    if [(is_hole, len(loop)) for is_hole, loop in ours] != [(is_hole, len(loop)) for is_hole, loop in theirs]:
        return None
    return max(
        round(distance_and_bearing(a[0] / 1e7, a[1] / 1e7, b[0] / 1e7, b[1] / 1e7)[0] * 100)
        for (_, mine), (_, other_loop) in zip(ours, theirs, strict=True)
        for a, b in zip(mine, other_loop, strict=True)
    )


def _list_loops(outline: PolygonWire | RegionWire) -> list[tuple[bool, tuple[PositionE7, ...]]]:
    """Return every closed curve of an outline, and whether it is a hole of the part before it."""
    if isinstance(outline, PolygonWire):
        return [(False, outline.vertices_e7)]
    return [
        (place > 0, loop)
        for part in outline.parts
        for place, loop in enumerate((part.outer_e7, *part.holes_e7))
    ]


def _say_outline(wire: VolumeWire) -> str:
    if isinstance(wire.outline, CircleWire):
        return f"circle of {say_metres(wire.outline.radius_cm)} radius"
    loops = _list_loops(wire.outline)
    points = f"{sum(len(loop) for _, loop in loops)} points"
    holes = sum(is_hole for is_hole, _ in loops)
    parts = len(loops) - holes
    if len(loops) == 1:
        return f"outline of {points}"
    said_parts = f"{parts} parts" if parts > 1 else "1 part"
    said_holes = "no hole" if not holes else "1 hole" if holes == 1 else f"{holes} holes"
    return f"outline of {said_parts} with {said_holes}, {points} in all"


def _say_height(bound_cm: int | None) -> str:
    return "unbounded" if bound_cm is None else say_metres(bound_cm)
