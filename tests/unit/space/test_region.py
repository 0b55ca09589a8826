from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest

from entente.kernel.canonical import encode_canonical, parse_canonical_as
from entente.kernel.errors import InvalidVolume, Malformed
from entente.space import (
    Circle,
    HeightBand,
    Lane,
    Outline,
    Part,
    PartWire,
    Polygon,
    Region,
    RegionWire,
    Separation,
    Volume,
    VolumeWire,
    Window,
    contains_point,
    distance_and_bearing,
    distance_m,
    encode_outline,
    encode_volume,
    find_conflict,
    is_conflict,
    parse_outline,
    parse_volume,
    reference_point,
)
from entente.space.ellipsoid import walk_line
from entente.space.overlap import find_meeting

NOON = datetime(2016, 9, 17, 12, 0, tzinfo=UTC)
Vertices = tuple[tuple[float, float], ...]


def box(south: float, west: float, north: float, east: float) -> Vertices:
    return ((south, west), (south, east), (north, east), (north, west))


def ring(lat: float, lon: float, radius_m: float, count: int) -> Vertices:
    return tuple(walk_line(lat, lon, 360.0 * k / count, radius_m) for k in range(count))


def at(outline: Outline) -> Volume:
    return Volume(outline, HeightBand(None, None), Window(NOON, NOON + timedelta(hours=1)))


OUTER = box(0, 0, 3, 3)
HOLE = box(1, 1, 2, 2)
ISLAND = box(1.4, 1.4, 1.6, 1.6)
FRAME = Region((Part(OUTER, (HOLE,)),))
TARGET = Region((Part(OUTER, (HOLE,)), Part(ISLAND)))
FAR_EAST = box(0, 5, 1, 6)


@pytest.mark.parametrize(
    ("parts", "code", "words", "path"),
    (
        ((), "not-a-region", "got 0 part(s)", "parts"),
        ((Part(OUTER),), "not-a-region", "expected two parts or a hole (else it is a polygon)", "parts"),
        # A loop that fails alone is named by part and hole.
        (
            (Part(OUTER, (HOLE, ((0.5, 0.5), (0.7, 0.7), (0.7, 0.5), (0.5, 0.7)))),),
            "edges-cross",
            "got edges 0 and 2 of hole 1 of part 0 crossing near 0.600",
            "parts[0].holes[1][0]",
        ),
        (
            (Part(OUTER), Part(((5, 5), (5, 5), (6, 6)))),
            "vertices-coincide",
            "got vertices 0 and 1 of part 1 both near 5.000000, 5.000000",
            "parts[1].outer[0]",
        ),
        (
            (Part(OUTER), Part(((5, 5), (6, 5), (7, 5)))),
            "edges-overlap",
            "of part 1 lying on each other near",
            "parts[1].outer[",
        ),
        (
            (Part(FAR_EAST), Part(((0, 0), (0, 1)))),
            "vertex-count",
            "part 1: expected 3 vertices or more, got 2",
            "parts[1].outer",
        ),
        (
            (Part(OUTER, (HOLE, ((0, 0), (0, 91), (91, 0)))),),
            "bad-latitude",
            "got 91 at parts[0].holes[1][2]",
            "parts[0].holes[1][2]",
        ),
        # Loops that meet each other: crossing, in an edge, in a vertex, almost.
        (
            (Part(OUTER, (box(2, 2, 4, 2.5),)),),
            "rings-meet",
            "meeting near 3.0",
            "parts[0].outer[2]",
        ),
        (
            (Part(OUTER, (box(0, 1, 1, 2),)),),
            "rings-meet",
            "edge 0 of part 0 and edge 0 of hole 0",
            "parts[0]",
        ),
        ((Part(OUTER), Part(box(3, 3, 4, 4))), "rings-meet", "of part 1 meeting near 3.000000, 3.000000", ""),
        ((Part(OUTER), Part(box(0, 3 + 1e-8, 1, 4))), "rings-meet", "meeting near", "parts[0].outer["),
        ((Part(OUTER, (HOLE, box(1.5, 1.5, 2.5, 2.5))),), "rings-meet", "edge 1 of hole 0 of part 0 and", ""),
        # Loops in the wrong place.
        (
            (Part(OUTER, (HOLE, FAR_EAST)),),
            "hole-misplaced",
            "got vertex 0 of hole 1 of part 0 outside every ring, near 0.000000, 5.000000",
            "parts[0].holes[1][0]",
        ),
        (
            (Part(OUTER), Part(FAR_EAST, (HOLE,))),
            "hole-misplaced",
            "vertex 0 of hole 0 of part 1 inside part 0, near 1.000000, 1.000000",
            "parts[1].holes[0][0]",
        ),
        (
            (Part(OUTER, (HOLE, ISLAND)),),
            "hole-misplaced",
            "hole 1 of part 0 inside hole 0 of part 0, near 1.400000, 1.4",
            "parts[0].holes[1][0]",
        ),
        (
            (Part(OUTER), Part(ISLAND)),
            "parts-overlap",
            "expected parts outside each other, got vertex 0 of part 1 inside part 0, near 1.400000, 1.4",
            "parts[1].outer[0]",
        ),
        ((Part(OUTER), Part(OUTER)), "rings-meet", "part 0 and edge", "parts[0].outer[0]"),
        # Limits hold over all loops together.
        (
            (Part(box(0, -40, 1, -39)), Part(box(0, 40, 1, 41))),
            "too-wide",
            "vertex 0 of part 0 and vertex",
            "parts[1].outer[",
        ),
        (
            (Part(ring(0, 0, 1e5, 5000)), Part(ring(0, 5, 1e5, 5001))),
            "vertex-count",
            "expected 3 to 10000 vertices over all rings, got 10001",
            "",
        ),
    ),
)
def test_region_is_refused_with_the_place_of_its_fault(
    parts: tuple[Part, ...], code: str, words: str, path: str
) -> None:
    with pytest.raises(InvalidVolume) as refused:
        Region(parts)
    assert (refused.value.code, words in str(refused.value)) == (code, True), str(refused.value)
    assert refused.value.path.startswith(path)


def test_faults_are_found_across_the_antimeridian_and_round_the_pole() -> None:
    with pytest.raises(InvalidVolume, match=r"hole 0 of part 0 meeting near 12\.0"):
        Region((Part(box(10, 179, 12, -179), (box(11, 179.5, 13, -179.5),)),))
    with pytest.raises(InvalidVolume, match="got vertex 0 of part 1 inside part 0"):
        Region((Part(ring(90, 0, 500_000, 7)), Part(ring(90, 0, 20_000, 5))))


def test_inside_is_what_an_odd_number_of_rings_holds() -> None:
    assert contains_point(TARGET, 0.5, 0.5)
    assert not contains_point(TARGET, 1.2, 1.2)
    assert contains_point(TARGET, 1.5, 1.5)
    assert not contains_point(FRAME, 1.5, 1.5)
    assert not contains_point(TARGET, 3.5, 1.5)
    # The boundary of a hole belongs to the region.
    assert contains_point(FRAME, 1.0, 1.0)
    assert contains_point(FRAME, 1.5, 1.0 - 1e-9)


@pytest.mark.parametrize("pole", (90.0, -90.0))
def test_pole_and_antimeridian_may_lie_in_a_hole(pole: float) -> None:
    crown = Region((Part(ring(pole, 0, 500_000, 9), (ring(pole, 0, 100_000, 8),)),))
    assert not contains_point(crown, pole, 0.0)
    assert contains_point(crown, math.copysign(87.0, pole), 180.0)
    assert not is_conflict(at(crown), at(Circle((pole, 0.0), 90_000.0)), Separation())
    assert is_conflict(at(crown), at(Circle((pole, 0.0), 100_001.0)), Separation())
    strip = Region((Part(box(10, 178, 12, -178), (box(10.5, 179, 11.5, -179),)),))
    assert not contains_point(strip, 11.0, 180.0)
    assert contains_point(strip, 11.0, -178.5)
    assert contains_point(strip, 11.0, 178.5)


@pytest.mark.parametrize(
    ("a", "b", "truth"),
    (
        (FRAME, Polygon(ISLAND), False),  # a polygon in the hole
        (FRAME, Polygon(HOLE), True),  # one that fills it: boundaries are shared
        (TARGET, Polygon(ISLAND), True),
        (FRAME, Polygon(box(0.2, 0.2, 0.4, 0.4)), True),
        (FRAME, Polygon(box(-1, -1, 4, 4)), True),
        (FRAME, Polygon(box(0.5, 0.5, 2.5, 2.5)), True),  # round the hole, no vertex of it anywhere else
        (FRAME, Circle((1.5, 1.5), 50_000.0), False),
        (FRAME, Circle((1.5, 1.5), 56_000.0), True),
        (FRAME, Circle((1.5, 1.5), 500_000.0), True),
        # A region in another's hole, with a hole of its own round that one's island; then one part too many.
        (TARGET, Region((Part(box(1.1, 1.1, 1.9, 1.9), (box(1.3, 1.3, 1.7, 1.7),)),)), False),
        (TARGET, Region((Part(box(1.1, 1.1, 1.9, 1.9), (box(1.3, 1.3, 1.7, 1.7),)), Part(FAR_EAST))), False),
        (TARGET, Region((Part(FAR_EAST), Part(box(1.45, 1.45, 1.5, 1.5)))), True),
        # Only its second part lies in the other, only the other's second part in it.
        (Polygon(FAR_EAST), Region((Part(box(5, 5, 6, 6)), Part(box(0.4, 5.4, 0.5, 5.5)))), True),
        (Region((Part(box(5, 5, 6, 6)), Part(FAR_EAST))), Polygon(box(0.4, 5.4, 0.5, 5.5)), True),
        (Region((Part(box(5, 5, 6, 6)), Part(FAR_EAST))), Polygon(box(2, 5.4, 3, 5.5)), False),
        (FRAME, Lane(((1.1, 1.1), (1.9, 1.9)), 9_000.0), False),
        (FRAME, Lane(((1.1, 1.1), (1.9, 1.9)), 12_000.0), True),
        (FRAME, Lane(((0.5, 0.2), (0.5, 0.8)), 1.0), True),
        (FRAME, Lane(((-1.0, 1.5), (4.0, 1.5)), 1.0), True),
    ),
)
def test_holes_and_parts_decide_conflicts(a: Outline, b: Outline, truth: bool) -> None:
    for one, other in ((a, b), (b, a)):
        assert is_conflict(at(one), at(other), Separation()) is truth


def test_gap_to_a_hole_is_measured_in_metres() -> None:
    inner = Polygon(box(1.2, 1.2, 1.8, 1.8))
    gap_m = distance_and_bearing(1.0, 1.5, 1.2, 1.5)[0]
    assert distance_m(FRAME, inner) == pytest.approx(gap_m, abs=25)  # edges bulge a little
    assert is_conflict(at(FRAME), at(inner), Separation(lateral_m=gap_m + 1))
    assert not is_conflict(at(FRAME), at(inner), Separation(lateral_m=gap_m - 30))


def test_answer_does_not_depend_on_the_order_of_outlines_that_differ_in_a_hole_only() -> None:
    one = Region((Part(OUTER, (HOLE,)),))
    other = Region((Part(OUTER, (box(1, 1, 2.1, 2),)),))
    a, b = at(one), at(other)
    assert find_conflict(a, b, Separation()) == find_conflict(b, a, Separation())
    inner = Polygon(box(1.2, 1.2, 1.8, 1.8))
    assert find_meeting(one, inner, 1e5) == find_meeting(inner, one, 1e5)


@pytest.mark.parametrize(
    "outline", (FRAME, TARGET, Region((Part(box(0, -1, 1, 0)), Part(box(0, 1, 1, 2)), Part(FAR_EAST))))
)
def test_reference_point_lies_in_no_hole_and_between_no_parts(outline: Region) -> None:
    place = reference_point(outline)
    assert contains_point(outline, *place)
    assert place == reference_point(outline)


def test_one_spelling_on_the_wire() -> None:
    wire = encode_outline(TARGET)
    assert isinstance(wire, RegionWire)
    assert parse_outline(wire) == TARGET
    assert encode_canonical(wire).startswith(b'{"parts":[{"holes_e7":[[[10000000,10000000],')
    assert b'{"holes_e7":[],"outer_e7":[[14000000,14000000],' in encode_canonical(wire)
    loop = ((0, 0), (0, 10_000_000), (10_000_000, 0))
    with pytest.raises(InvalidVolume, match="else it is a polygon"):
        parse_outline(RegionWire((PartWire(loop, ()),)))


@pytest.mark.parametrize(
    ("old", "new", "place", "code"),
    (
        (b'"holes_e7":[],', b"", "$.outline.parts[1]", "wrong-type"),
        (b"[14000000,14000000]", b"[900000000,14000000]", "$.outline.parts[1].outer_e7[0]", "pole-longitude"),
        (
            b"[20000000,20000000]",
            b"[900000000,20000000]",
            "$.outline.parts[0].holes_e7[0][2]",
            "pole-longitude",
        ),
        (b"[20000000,20000000]", b"[40000000,20000000]", "$.outline.parts[0].outer_e7[", "rings-meet"),
    ),
)
def test_wrong_regions_on_the_wire_are_refused_with_their_path(
    old: bytes, new: bytes, place: str, code: str
) -> None:
    data = encode_canonical(encode_volume(at(TARGET)))
    assert old in data
    with pytest.raises(Malformed) as refused:
        parse_volume(parse_canonical_as(data.replace(old, new), VolumeWire))
    assert refused.value.path.startswith(place), refused.value.path
    assert refused.value.code == code


def test_ten_thousand_vertices_with_holes_are_compared() -> None:
    holes = tuple(ring(35.0 + 0.01 * k, 40.0, 200.0, 450) for k in range(-10, 10))
    big = Region((Part(ring(35, 40, 50_000, 1000), holes),))
    assert not is_conflict(at(big), at(Circle((35.0, 40.0), 190.0)), Separation())
    assert is_conflict(at(big), at(Circle((35.0, 40.0), 200.0)), Separation())
    assert is_conflict(at(big), at(big), Separation())
