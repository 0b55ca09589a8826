from __future__ import annotations

import math

import numpy as np
import pytest

from entente.kernel.errors import InvalidVolume
from entente.space import Circle, Polygon, contains_point, distance_and_bearing, distance_m, reference_point
from entente.space.ellipsoid import walk_line

Vertices = tuple[tuple[float, float], ...]


def ring(lat: float, lon: float, radius_m: float, count: int) -> Vertices:
    return tuple(walk_line(lat, lon, 360.0 * k / count, radius_m) for k in range(count))


@pytest.mark.parametrize(
    ("vertices", "code", "words"),
    (
        (((0, 0), (1, 1), (1, 0), (0, 1)), "edges-cross", "edges 0 and 2 crossing near 0.500057, 0.500000"),
        # The same bow-tie across the antimeridian and across the pole.
        (((0, 179.5), (1, -179.5), (1, 179.5), (0, -179.5)), "edges-cross", "crossing near 0.500057, "),
        (((89, 0), (89, 180), (89, 90), (89, -90)), "edges-cross", "crossing near 90.000000, "),
        # A figure of eight that meets itself in a vertex.
        (
            ((0, 0), (2, 2), (4, 0), (4, 4), (2, 2), (0, 4)),
            "vertices-coincide",
            "vertices 1 and 4 both near 2.0",
        ),
        (((0, 0), (1, 0), (1, 0), (0, 1)), "vertices-coincide", "vertices 1 and 2 both near 1.000000, 0.0"),
        (((0, 0), (1, 0), (1, 1), (0, 0)), "vertices-coincide", "vertices 0 and 3 both near 0.000000, 0.0"),
        (((90, 0), (90, 20), (80, 3)), "vertices-coincide", "vertices 0 and 1 both near 90.000000, 0.0"),
        (((0, -180), (0, 180), (1, 179)), "vertices-coincide", "vertices 0 and 1 both near 0.0"),
        # No area: there and back along one meridian; a spike; through the pole and back.
        (((0, 0), (1, 0), (2, 0)), "edges-overlap", "lying on each other near "),
        (
            ((0, 0), (1, 0), (1, 1), (1, 3), walk_line(1, 3, 270.0175, 1e5)),
            "edges-overlap",
            "edges 2 and 3 lying on each other",
        ),
        (((89, 10), (90, 0), (89, -170)), "edges-overlap", "lying on each other"),
        # A vertex on a foreign edge.
        (((0, 0), (0, 4), (2, 4), (0, 2), (2, 0)), "edges-cross", "near 0.000000, 2.000000"),
        (((0, 0), (0, 180), (10, 90)), "edge-too-long", "edge 0: expected <= 8000 km"),
        (((0, 0), (0.5, 179.6), (10, 90)), "edge-too-long", "from 0.000000, 0.000000"),
        (((0, 0), (0, 60), (40, 60), (40, -40)), "edge-too-long", "edge 2"),
        (ring(0, 0, 4_100_000, 24), "too-wide", "8200 km between vertices"),
        # Half the globe, along the equator: no side is the smaller one.
        (tuple((0, lon) for lon in range(-180, 180, 30)), "too-wide", "apart"),
        (((0, 0), (0, 1)), "vertex-count", "expected 3 to 10000 vertices, got 2"),
        (ring(0, 0, 1000, 10_001), "vertex-count", "got 10001"),
        (((0, 0), (0, 1), (90.1, 0)), "bad-latitude", "got 90.1 at vertices[2]"),
        (((0, 0), (0, 180.5), (1, 0)), "bad-longitude", "got 180.5 at vertices[1]"),
        (((0, math.nan), (0, 1), (1, 0)), "not-finite", "nan) at vertices[0]"),
        (((0, 0), (0, 1), (math.inf, 0)), "not-finite", "at vertices[2]"),
    ),
)
def test_outline_is_refused_with_the_place_of_its_fault(vertices: Vertices, code: str, words: str) -> None:
    with pytest.raises(InvalidVolume) as refused:
        Polygon(vertices)
    assert (refused.value.code, words in str(refused.value)) == (code, True), str(refused.value)


def test_perimeter_that_would_cost_too_much_is_refused() -> None:
    spikes = tuple(
        walk_line(10.0, 20.0, 0.18 * k, 3_000_000.0 if k % 2 else 2_950_000.0) for k in range(2000)
    )
    with pytest.raises(InvalidVolume, match=r"together <= 50000 km, got 1\d{5} km"):
        Polygon(spikes)


@pytest.mark.parametrize("radius_m", (0.0, -1.0, math.nan, math.inf, 1_000_000.5))
def test_circle_without_a_usable_radius_is_refused(radius_m: float) -> None:
    with pytest.raises(InvalidVolume, match="expected a radius > 0 and <= 1000000 m"):
        Circle((0.0, 0.0), radius_m)


def test_circle_off_the_globe_is_refused() -> None:
    with pytest.raises(InvalidVolume, match="at centre"):
        Circle((-90.5, 0.0), 10.0)


@pytest.mark.parametrize("vertices", (ring(50, 15, 3_900_000, 12), ring(0, 179, 3_000_000, 2000)))
def test_continental_outlines_are_accepted(vertices: Vertices) -> None:
    assert len(Polygon(vertices).ring.starts) > 3000


def test_pole_lies_inside_a_ring_around_it_either_way_round() -> None:
    vertices: Vertices = ((85, 0), (85, 90), (85, 180), (85, -90))
    for outline in (Polygon(vertices), Polygon(vertices[::-1])):
        assert contains_point(outline, 90.0, 0.0)
        assert contains_point(outline, 89.9, -77.0)
        assert not contains_point(outline, 84.9, 0.0)
        assert not contains_point(outline, -90.0, 0.0)
        lat, _ = reference_point(outline)
        assert lat > 89.99


def test_pole_may_be_a_vertex_or_lie_on_an_edge() -> None:
    wedge = Polygon(((90, 0), (80, 0), (80, 30)))
    assert contains_point(wedge, 85.0, 15.0)
    assert contains_point(wedge, 90.0, 123.0)
    across = Polygon(((85, 0), (85, 180), (80, 90)))
    assert contains_point(across, 90.0, -45.0)
    assert not contains_point(across, 89.9, -90.0)


def test_edge_is_a_geodesic_and_bulges_towards_the_pole() -> None:
    # 500 km along the parallel of 60 N: the geodesic runs 8.5 km north of it at the middle.
    box = Polygon(((60, 0), (60, 9), (59, 9), (59, 0)))
    assert contains_point(box, 60.05, 4.5)
    assert not contains_point(box, 59.05, 4.5)
    assert contains_point(box, 59.15, 4.5)


def test_antimeridian_does_not_turn_an_outline_inside_out() -> None:
    box = Polygon(((10, 179), (10, -179), (12, -179), (12, 179)))
    assert contains_point(box, 11, 180.0)
    assert contains_point(box, 11, -180.0)
    assert not contains_point(box, 11, 0.0)


def test_boundary_belongs_to_the_outline() -> None:
    box = Polygon(((0, 0), (0, 1), (1, 1), (1, 0)))
    assert contains_point(box, 0.0, 0.5)
    assert contains_point(box, 0.0, 0.0)
    assert contains_point(box, -2.5e-8, 0.5)  # 2.8 mm outside: within the stated 5 mm
    assert not contains_point(box, -1e-7, 0.5)  # one step of the wire, 1.1 cm
    zone = Circle((80.0, 0.0), 50_000.0)
    rim = walk_line(80.0, 0.0, 33.0, 50_000.0)
    assert contains_point(zone, *rim)
    assert not contains_point(zone, *walk_line(80.0, 0.0, 33.0, 50_000.01))


def test_point_off_the_globe_is_refused() -> None:
    with pytest.raises(InvalidVolume, match="got 91"):
        contains_point(Circle((0.0, 0.0), 1.0), 91.0, 0.0)


def test_reference_point_of_a_bent_outline_is_inside_it() -> None:
    horseshoe = Polygon(((0, 0), (3, 0), (3, 3), (0, 3), (0, 2.9), (2.9, 2.9), (2.9, 0.1), (0, 0.1)))
    place = reference_point(horseshoe)
    assert contains_point(horseshoe, *place)
    assert place == reference_point(horseshoe)
    assert reference_point(Circle((1.0, 2.0), 5.0)) == (1.0, 2.0)


def test_distance_is_measured_along_the_ellipsoid() -> None:
    prague, berlin = Circle((50.0755, 14.4378), 1.0), Circle((52.52, 13.405), 1.0)
    true_m, _ = distance_and_bearing(*prague.centre, *berlin.centre)
    assert true_m - 2.06 <= distance_m(prague, berlin) <= true_m - 2.0
    one, other = Polygon(ring(0, 0, 1e5, 6)), Polygon(ring(0, 100, 1e5, 6))
    assert 3_000_000 <= distance_m(one, other) <= 11_000_000


def test_ring_cannot_be_written_to() -> None:
    outline = Polygon(((0, 0), (0, 1), (1, 1)))
    with pytest.raises(ValueError, match="read-only"):
        outline.ring.starts[0] = np.zeros(3)


def test_outlines_are_equal_by_what_was_given() -> None:
    assert Polygon(((0, 0), (0, 1), (1, 1))) == Polygon(((0, 0), (0, 1), (1, 1)))
    assert len({Circle((0.0, 0.0), 1.0), Circle((0.0, 0.0), 1.0)}) == 1
