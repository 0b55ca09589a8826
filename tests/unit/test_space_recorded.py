"""Outlines that stand in a record: what another machine may not have seen, and what would stall readers."""

from __future__ import annotations

import random
from typing import Final

import pytest
import shapely

from entente.deconflict.standing import pack, unpack
from entente.kernel.errors import InvalidVolume
from entente.kernel.time import parse_utc
from entente.space import AGREE_M, HeightBand, Volume, Window, recorded
from entente.space.loops import Loops, measure_loops
from entente.space.outline import Part, Polygon, Region
from entente.space.plane import plane_under
from entente.space.recorded import parse_recorded_polygon, parse_recorded_region
from entente.space.ring import cut_edges

SPOT_E7: Final = 13
"""Of 15 cm: wherever two edges cross there, an end of one is near."""


def list_spot(count: int, lat: float, lon: float) -> tuple[tuple[float, float], ...]:
    draw = random.Random(count)
    found: list[tuple[float, float]] = []
    while len(found) < count:
        place = (lat + draw.randrange(SPOT_E7) / 1e7, lon + draw.randrange(SPOT_E7) / 1e7)
        if place not in (found[:1] + found[-1:]):
            found.append(place)
    return tuple(found)


def test_edges_heaped_on_one_spot_stall_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    weighed = 0
    list_meeting = recorded._list_meeting

    def count_meeting(*given: object) -> object:
        nonlocal weighed
        for mine, theirs in list_meeting(*given):  # type: ignore[arg-type]
            weighed += len(mine)
            yield mine, theirs

    monkeypatch.setattr(recorded, "_list_meeting", count_meeting)
    with pytest.raises(InvalidVolume):
        parse_recorded_polygon(list_spot(1500, 35.0, 40.0))
    # Of a million pairs that cross.
    assert weighed < 100_000


def test_a_few_shallow_crossings_on_one_spot_are_no_fault_in_a_record() -> None:
    # A square whose last edge comes back a centimetre on the wrong side of the first vertex.
    vertices = ((35.0, 40.0), (35.1, 40.0), (35.1, 40.1), (35.05, 40.0 - 2e-7), (35.0, 40.1))
    with pytest.raises(InvalidVolume):
        Polygon(vertices)
    polygon, fault = parse_recorded_polygon(vertices)
    assert (polygon.vertices, fault.code if fault else "") == (vertices, "edges-cross")


@pytest.mark.parametrize("seed", range(40))
def test_which_crossings_are_deep_is_what_a_comparison_of_all_edges_says(seed: int) -> None:
    draw = random.Random(seed)
    span = draw.choice((3e-7, 2e-6, 1e-5, 0.5, 20.0))
    vertices = tuple(
        (35.0 + round(draw.random() * span, 7), 40.0 + round(draw.random() * span, 7))
        for _ in range(draw.randint(4, 7))
    )
    try:
        Polygon(vertices)
    except InvalidVolume:
        pass
    else:
        return
    try:
        parse_recorded_polygon(vertices)
        is_taken = True
    except InvalidVolume:
        is_taken = False
    assert is_taken is not crosses_deeply(vertices), (span, vertices)


def crosses_deeply(vertices: tuple[tuple[float, float], ...]) -> bool:
    """Weigh every pair of edges, as outlines of their own in a plane that is flat enough here."""
    try:
        edges = measure_loops(Loops.of_polygon(vertices), slack_m=AGREE_M)
    except InvalidVolume:
        return True
    ring = cut_edges(edges)
    flat = plane_under(ring).project(ring.starts)
    lines = []
    for edge in range(len(vertices)):
        pieces = [piece for piece in range(len(flat)) if ring.edge[piece] == edge]
        lines.append(shapely.linestrings([*flat[pieces], flat[ring.follow[pieces[-1]]]]))
    ends = [[shapely.get_point(line, 0), shapely.get_point(line, -1)] for line in lines]
    count = 0
    for one in range(len(lines)):
        for other in range(one):
            if not shapely.crosses(lines[one], lines[other]):
                continue
            count += 1
            away = [shapely.distance(end, lines[other]) for end in ends[one]]
            away += [shapely.distance(end, lines[one]) for end in ends[other]]
            if min(away) > AGREE_M:
                return True
    return count > 4 * len(lines)


def test_a_region_that_hangs_on_a_digit_comes_back_from_an_index() -> None:
    outer = ((35.0, 40.0), (35.1, 40.0), (35.1, 40.1), (35.05, 40.0 - 2e-7), (35.0, 40.1))
    other = ((36.0, 40.0), (36.1, 40.0), (36.1, 40.1))
    parts = (Part(outer, ()), Part(other, ()))
    region, fault = parse_recorded_region(parts)
    assert fault is not None
    window = Window(parse_utc("2016-09-17T14:00:00Z"), parse_utc("2016-09-17T16:00:00Z"))
    standing, reach_m = unpack(pack(Volume(region, HeightBand(0.0, 100.0), window), 3.0))
    assert isinstance(standing.outline, Region)
    assert (standing.outline.parts, reach_m) == (parts, 3.0)
