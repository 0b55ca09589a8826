"""Suggestions held against brute force: nothing suggested conflicts, and no smaller shift in time or height
would do.

Plans and what stands are drawn anywhere on Earth, poles and the antimeridian among the places.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from entente.deconflict.suggest import Blocking, Room, Suggestion, suggest
from entente.kernel.time import encode_utc, parse_utc
from entente.space import (
    CircleWire,
    PolygonWire,
    Separation,
    VolumeWire,
    distance_and_bearing,
    encode_position,
    is_conflict,
    parse_volume,
    reference_point,
)
from entente.space.ellipsoid import walk_line

START = parse_utc("2026-12-01T06:00:00Z")
PLACES = ((35.3, 40.1), (89.9999, 12.0), (-90.0, 0.0), (0.02, 179.999), (-16.5, -179.999), (60.0, 0.0))
SEPARATIONS = (Separation(), Separation(2000.0, 300.0, 600.0), Separation(1.0, 0.0, 1.0))
ROOM = Room(later_s=5400, earlier_s=5400, up_cm=90_000, down_cm=90_000, aside_m=0)


@st.composite
def volumes(draw: st.DrawFn, place: tuple[float, float]) -> VolumeWire:
    lat, lon = walk_line(
        *place, draw(st.integers(0, 359)), draw(st.sampled_from((0.0, 900.0, 2500.0, 6000.0)))
    )
    size_m = draw(st.sampled_from((150.0, 1000.0, 3000.0)))
    outline: CircleWire | PolygonWire = CircleWire(encode_position(lat, lon), round(size_m * 100))
    if draw(st.booleans()):
        turn = draw(st.integers(0, 119))
        corners = [walk_line(lat, lon, turn + 120.0 * corner, size_m) for corner in range(3)]
        outline = PolygonWire(tuple(encode_position(*corner) for corner in corners))
    floor_cm = draw(st.sampled_from((None, 0, 10_000, 45_000)))
    ceiling_cm = draw(st.sampled_from((None, 50_000, 61_234)))
    start = START + timedelta(seconds=draw(st.sampled_from((0, 1, 600, 1801, 3600))))
    end = start + timedelta(
        seconds=draw(st.sampled_from((1, 900, 3600))), microseconds=draw(st.sampled_from((0, 1)))
    )
    return VolumeWire(outline, floor_cm, ceiling_cm, encode_utc(start), encode_utc(end))


@st.composite
def scenes(draw: st.DrawFn) -> tuple[list[VolumeWire], list[Blocking]]:
    place = draw(st.sampled_from(PLACES))
    plan = draw(st.lists(volumes(place), min_size=1, max_size=2))
    standing = []
    for number in range(draw(st.integers(1, 4))):
        wires = draw(st.lists(volumes(place), min_size=1, max_size=2))
        parsed = tuple(parse_volume(wire) for wire in wires)
        standing.append(Blocking(f"other-{number}", parsed, draw(st.sampled_from(SEPARATIONS))))
    return plan, standing


def find_among(standing: Sequence[Blocking], wires: Sequence[VolumeWire]) -> list[Blocking]:
    mine = [parse_volume(wire) for wire in wires]
    return [
        one for one in standing if any(is_conflict(a, b, one.separation) for a in mine for b in one.volumes)
    ]


def shift(plan: Sequence[VolumeWire], one: Suggestion, by: int) -> list[VolumeWire]:
    """The plan moved the way of a suggestion by another amount, written anew."""
    replace = msgspec.structs.replace
    if one.way in {"later", "earlier"}:
        delta = timedelta(seconds=by if one.way == "later" else -by)
        return [
            replace(
                wire,
                start=encode_utc(parse_utc(wire.start) + delta),
                end=encode_utc(parse_utc(wire.end) + delta),
            )
            for wire in plan
        ]
    by_cm = by if one.way == "up" else -by
    return [
        replace(
            wire,
            floor_cm=None if wire.floor_cm is None else wire.floor_cm + by_cm,
            ceiling_cm=None if wire.ceiling_cm is None else wire.ceiling_cm + by_cm,
        )
        for wire in plan
    ]


@settings(max_examples=40)
@given(scenes(), st.data())
def test_nothing_suggested_conflicts_and_nothing_smaller_would_do(
    scene: tuple[list[VolumeWire], list[Blocking]], data: st.DataObject
) -> None:
    plan, standing = scene
    answer = suggest(plan, ROOM, lambda wires: find_among(standing, wires))
    assert answer.conflicts == tuple(sorted({one.object for one in find_among(standing, plan)}))
    assert [one.share for one in answer.found] == sorted(one.share for one in answer.found)
    assert answer.conflicts or not (answer.found or answer.none_found)
    for one in answer.found:
        assert find_among(standing, one.volumes) == []
        assert 0 < one.share <= 1
        assert tuple(shift(plan, one, one.shift)) == one.volumes
        # Every smaller shift conflicts: those just below, and some drawn anywhere below.
        smaller = {one.shift - 1, one.shift // 2, 1} | set(
            data.draw(st.lists(st.integers(0, one.shift - 1), max_size=4))
        )
        for by in smaller:
            if by < one.shift:
                assert find_among(standing, shift(plan, one, by)), (one.way, by, one.shift)


@settings(max_examples=10)
@given(scenes())
def test_aside_is_clear_anywhere_on_earth_and_keeps_the_plan_in_shape(
    scene: tuple[list[VolumeWire], list[Blocking]],
) -> None:
    plan, standing = scene
    room = Room(later_s=0, earlier_s=0, up_cm=0, down_cm=0, aside_m=40_000)
    for one in suggest(plan, room, lambda wires: find_among(standing, wires)).found:
        assert one.way == "aside"
        assert find_among(standing, one.volumes) == []
        old = [parse_volume(wire).outline for wire in plan]
        new = [parse_volume(wire).outline for wire in one.volumes]
        moved_m, _ = distance_and_bearing(*reference_point(old[0]), *reference_point(new[0]))
        # To the centimetre where the reference point is a centre, to a metre where it is a centroid in a
        # plane.
        assert abs(moved_m - one.shift) < 2.0
        for before, after in zip(old, new, strict=True):
            assert before.margin_m == after.margin_m
            assert (
                abs(before.ring.cap_chord_m - after.ring.cap_chord_m) < 0.001 * before.ring.cap_chord_m + 0.1
            )


@settings(max_examples=15)
@given(scenes())
def test_where_no_shift_in_time_is_suggested_none_helps(
    scene: tuple[list[VolumeWire], list[Blocking]],
) -> None:
    plan, standing = scene
    answer = suggest(plan, ROOM, lambda wires: find_among(standing, wires))
    ways = {one.way for one in answer.found}
    for way in ("later", "earlier"):
        if answer.conflicts and way not in ways:
            probe = Suggestion("later" if way == "later" else "earlier", 0, None, 0.0, "", ())
            for by in range(0, 5400, 271):
                assert find_among(standing, shift(plan, probe, by))
