from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from entente.kernel.errors import InvalidVolume
from entente.space import (
    Circle,
    HeightBand,
    Outline,
    Polygon,
    Separation,
    Volume,
    Window,
    distance_and_bearing,
    distance_m,
    find_conflict,
    is_apart,
    is_conflict,
)
from entente.space.ellipsoid import walk_line
from entente.space.nearest import SLACK_M, _flat_gaps
from entente.space.overlap import find_meeting

NOON = datetime(2016, 9, 17, 12, 0, tzinfo=UTC)
ALWAYS = Window(NOON, NOON + timedelta(hours=1))
ANY = HeightBand(None, None)
HERE = Circle((35.28, 40.18), 3000.0)
E7 = 1e-7


def box(south: float, west: float, north: float, east: float) -> Polygon:
    return Polygon(((south, west), (south, east), (north, east), (north, west)))


def at(outline: Outline, heights: HeightBand = ANY, window: Window = ALWAYS) -> Volume:
    return Volume(outline, heights, window)


# Each row is a case in which engines in wide use give the wrong answer; the truth stands last.
NASTY: dict[str, tuple[Outline, Outline, bool]] = {
    "antimeridian, patch inside to the west": (box(10, 179, 12, -179), box(10.9, 179.4, 11, 179.6), True),
    "antimeridian, patch inside to the east": (box(10, 179, 12, -179), box(10.9, -179.6, 11, -179.4), True),
    "antimeridian, patch at longitude 0": (box(10, 179, 12, -179), box(10.9, -0.1, 11, 0.1), False),
    "ring round the pole, patch at 89.9": (
        Polygon(((85, 0), (85, 120), (85, -120))),
        box(89.89, 10, 89.9, 11),
        True,
    ),
    "ring round the pole, circle on the pole": (
        Polygon(((-85, 0), (-85, 120), (-85, -120))),
        Circle((-90, 0), 1.0),
        True,
    ),
    "500 km edge at 60 N, patch poleward of its ends": (
        box(59, 0, 60, 9),
        box(60.03, 4.4, 60.05, 4.6),
        True,
    ),
    "500 km edge at 60 N, patch beyond the bulge": (box(59, 0, 60, 9), box(60.09, 4.4, 60.1, 4.6), False),
    "500 km edge at 59 N, patch in the planar sliver": (
        box(59, 0, 60, 9),
        box(59.01, 4.4, 59.03, 4.6),
        False,
    ),
    "shared edge": (box(0, 0, 1, 1), box(0, 1, 1, 2), True),
    "shared edge, of another length": (box(0, 0, 1, 1), box(-1, 1, 0.5, 2), True),
    "shared vertex only": (box(0, 0, 1, 1), box(1, 1, 2, 2), True),
    "gap of two steps of the wire": (box(0, 0, 1, 1), box(0, 1 + 2 * E7, 1, 2), False),
    "gap of a millimetre counts as touching": (box(0, 0, 1, 1), box(0, 1 + 0.1 * E7, 1, 2), True),
    "clockwise ring, patch outside": (Polygon(box(0, 0, 1, 1).vertices[::-1]), box(5, 5, 6, 6), False),
    "one inside the other": (box(0, 0, 10, 10), box(4, 4, 4.1, 4.1), True),
    "circle around a polygon": (Circle((4, 4), 500_000.0), box(4, 4, 4.1, 4.1), True),
    "circle inside a polygon": (box(0, 0, 30, 40), Circle((15, 20), 5.0), True),
    "cross without a vertex inside the other": (box(0, -5, 1, 5), box(-5.3, 0.1, 4.1, 1.2), True),
    "opposite sides of the globe": (box(0, 0, 10, 10), box(-10, -180, -1, -170), False),
}


@pytest.mark.parametrize("case", NASTY)
def test_nasty_footprints(case: str) -> None:
    a, b, truth = NASTY[case]
    for one, other in ((a, b), (b, a)):
        assert is_conflict(at(one), at(other), Separation()) is truth


def test_circle_at_80_north_is_round_in_metres() -> None:
    zone = Circle((80.0, 20.0), 50_000.0)
    for bearing in range(0, 360, 15):
        inside = Circle(walk_line(80.0, 20.0, bearing, 50_000.9), 1.0)
        outside = Circle(walk_line(80.0, 20.0, bearing, 50_001.1), 1.0)
        assert is_conflict(at(zone), at(inside), Separation())
        assert not is_conflict(at(zone), at(outside), Separation())


def test_circle_over_the_pole_reaches_the_other_side() -> None:
    zone = Circle((89.0, 0.0), 200_000.0)
    assert is_conflict(at(zone), at(Circle((89.3, 180.0), 100.0)), Separation())
    assert not is_conflict(at(zone), at(Circle((89.0, 180.0), 100.0)), Separation())


def test_far_side_of_the_globe_is_not_inside() -> None:
    # Seen through the Earth's centre, the circle stands in the middle of the box.
    assert find_meeting(box(0, 0, 10, 10), Circle((-5.0, -175.0), 10.0), 0.0) is None


def test_lateral_separation_is_closed_and_measured_in_metres() -> None:
    there = Circle(walk_line(*HERE.centre, 77.0, 8000.0), 1000.0)
    assert is_conflict(at(HERE), at(there), Separation(lateral_m=4000.0))
    assert not is_conflict(at(HERE), at(there), Separation(lateral_m=3999.99))


def test_heights_are_closed_and_none_is_unbounded() -> None:
    low, high = HeightBand(None, 100.1), HeightBand(130.2, None)
    assert not is_conflict(at(HERE, low), at(HERE, high), Separation(vertical_m=30.09))
    assert is_conflict(at(HERE, low), at(HERE, high), Separation(vertical_m=30.1))
    assert is_conflict(at(HERE, HeightBand(None, 100.0)), at(HERE, HeightBand(100.0, None)), Separation())
    assert is_conflict(at(HERE), at(HERE, high), Separation())


@pytest.mark.parametrize(
    ("gap_us", "time_s", "truth"),
    (
        (-1, 0.0, True),
        (0, 0.0, False),  # half-open windows that touch do not overlap
        (0, 1e-6, True),
        (600_000_000, 600.0, False),  # a gap equal to the separation is kept
        (599_999_999, 600.0, True),
    ),
)
def test_windows_are_half_open(gap_us: int, time_s: float, truth: bool) -> None:
    start = ALWAYS.end_utc + timedelta(microseconds=gap_us)
    later = Window(start, start + timedelta(hours=1))
    for one, other in ((ALWAYS, later), (later, ALWAYS)):
        found = is_conflict(at(HERE, window=one), at(HERE, window=other), Separation(time_s=time_s))
        assert found is truth


def test_overlap_says_where_when_which_heights_and_by_how_much() -> None:
    there = Circle(walk_line(*HERE.centre, 90.0, 9000.0), 1000.0)
    a = at(HERE, HeightBand(0.0, 3000.0))
    b = at(there, HeightBand(2500.0, None), Window(NOON + timedelta(minutes=30), NOON + timedelta(hours=3)))
    found = find_conflict(a, b, Separation(lateral_m=6000.0))
    assert found is not None
    assert found.window == Window(NOON + timedelta(minutes=30), ALWAYS.end_utc)
    assert found.heights == HeightBand(2500.0, 3000.0)
    assert (found.time_gap_s, found.vertical_gap_m) == (0.0, 0.0)
    assert 4999.99 < found.gap_m <= 5000.0
    # Half-way across the gap: 3000 m of circle, 2500 m of gap.
    assert distance_and_bearing(*HERE.centre, *found.place)[0] == pytest.approx(5500.0, abs=0.1)


def test_overlap_in_the_separation_only_names_each_gap() -> None:
    a = at(HERE, HeightBand(None, 1000.0))
    later = Window(ALWAYS.end_utc + timedelta(seconds=90), ALWAYS.end_utc + timedelta(hours=1))
    b = at(HERE, HeightBand(1100.0, None), later)
    found = find_conflict(a, b, Separation(0.0, 150.0, 120.0))
    assert found is not None
    assert (found.window, found.time_gap_s) == (None, 90.0)
    assert (found.heights, found.vertical_gap_m) == (None, 100.0)
    assert found.gap_m == 0.0
    assert found.place == pytest.approx(HERE.centre)


def test_unbounded_bands_share_an_unbounded_band() -> None:
    found = find_conflict(at(HERE), at(HERE, HeightBand(5.0, None)), Separation())
    assert found is not None
    assert found.heights == HeightBand(5.0, None)


def test_bulge_of_an_edge_is_taken_off() -> None:
    # Over the pole curvature is the same every way and hides nothing. Two corners look at each other over
    # 200 km: the plane between them sees their edges, of 4 km, bulge by 5 mm each.
    corners = (walk_line(90.0, 0.0, 0.0, 100_000.0), walk_line(90.0, 0.0, 180.0, 100_000.0))
    rings = []
    for corner in corners:
        onward = distance_and_bearing(*corner, 90.0, 0.0)[1] + 180
        arms = [walk_line(*corner, onward + turn, 4000.0) for turn in (-30, 30)]
        rings.append(Polygon((corner, *arms)).ring)
    mine, theirs = np.divmod(np.arange(9), 3)
    flat_m = _flat_gaps(rings[0], mine, rings[1], theirs)
    true_m = distance_and_bearing(*corners[0], *corners[1])[0]
    assert true_m - 0.1 < flat_m.min() <= true_m - SLACK_M


def test_long_interleaved_outlines_are_decided_without_running_out_of_memory() -> None:
    step, count = 1e-3, 250
    left = [(lat, k * step + lon) for k in range(count) for lat, lon in ((0.0, 0.0), (0.2, 5e-5))]
    right = [(lat, k * step + lon) for k in range(count) for lat, lon in ((0.3, 5e-4), (0.1, 5.5e-4))]
    a = Polygon((*left, (-0.01, count * step), (-0.01, 0.0)))
    b = Polygon((*right, (0.31, count * step), (0.31, 0.0)))
    assert 2.77 < distance_m(a, b) < 2.79


@pytest.mark.parametrize(
    ("lateral_m", "vertical_m", "time_s", "name"),
    (
        (-1.0, 0.0, 0.0, "lateral_m"),
        (1_000_001.0, 0.0, 0.0, "lateral_m"),
        (0.0, float("nan"), 0.0, "vertical_m"),
        (0.0, 0.0, float("inf"), "time_s"),
    ),
)
def test_separation_out_of_range_is_refused(
    lateral_m: float, vertical_m: float, time_s: float, name: str
) -> None:
    with pytest.raises(InvalidVolume, match=f"expected {name} from 0"):
        Separation(lateral_m, vertical_m, time_s)


def test_cheap_rejection_looks_at_each_part() -> None:
    later = Window(ALWAYS.end_utc, ALWAYS.end_utc + timedelta(hours=1))
    low, high = HeightBand(0.0, 10.0), HeightBand(20.0, 30.0)
    assert is_apart(at(HERE), at(HERE, window=later), Separation())
    assert is_apart(at(HERE, low), at(HERE, high), Separation())
    assert is_apart(at(HERE), at(Circle((36.0, 40.18), 3000.0)), Separation())
    assert not is_apart(at(HERE), at(Circle((35.3, 40.18), 3000.0)), Separation())
