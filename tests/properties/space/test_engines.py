"""A small run against S2; the long one, with PostGIS, is `tests.properties.space.check_engines`."""

from __future__ import annotations

import random

import pytest

from entente.space import Polygon, distance_m
from tests.properties.space.check_engines import Tally, check_batch
from tests.properties.space.engines import ask_s2, make_core
from tests.properties.space.nasty_pairs import FAMILIES


def test_no_conflict_that_s2_is_sure_of_is_missed_and_none_is_made_up() -> None:
    s2 = Tally()
    check_batch(random.Random(20160917), 70, s2, None, None)
    assert s2.faults == []
    assert s2.counts["certain conflicts not reported"] == s2.counts["certain non-conflicts reported"] == 0
    # It was asked about something: of every family, and on both sides.
    assert set(s2.families) == set(FAMILIES)
    assert min(s2.counts["certain conflicts"], s2.counts["certain non-conflicts"]) > 10


@pytest.mark.parametrize("edge_m", (20_000.0, 100_000.0))
def test_what_is_said_of_great_circles_is_so(edge_m: float) -> None:
    """Uncut, an edge of S2 leaves the geodesic by centimetres to metres: why edges are cut before it is
    asked."""
    half = edge_m / 2 / 111_320 / 0.64  # at 50 N, where a degree of longitude is 71.7 km
    above = Polygon(((50.0, -half), (50.0, half), (51.0, 0.0)))
    error_m = make_core(above).error_m
    assert error_m <= 6.6e-11 * 5_000.0**2
    below = Polygon(((49.0, -half), (49.0, half), (49.9, 0.0)))
    bounds = ask_s2(make_core(above), make_core(below))
    assert bounds.least_m <= distance_m(above, below) <= bounds.most_m
