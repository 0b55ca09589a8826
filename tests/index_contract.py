"""What every home of the conflict index is held to, and the volumes that it is tried with.

Not a test by itself: tests/unit/test_index_contract.py and tests/system/test_index_postgresql.py run it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import strategies as st

from entente.deconflict.index import ConflictIndex, Met
from entente.kernel.errors import StoreError, TooManyConflicts
from entente.kernel.time import parse_utc
from entente.space import Circle, HeightBand, Outline, Polygon, Separation, Volume, Window, find_conflict
from entente.space.outline import Lane, Part, Region
from entente.store.index_rows import Wanted

START = parse_utc("2016-09-17T00:00:00Z")
FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
# Few places, most of them hard, and many volumes at each, so that they meet or nearly do.
CENTRES = (
    (35.28, 40.18),
    (35.3, 40.2),
    (35.28, 40.6),
    (0.0, 179.999),
    (0.0, -179.999),
    (79.999, 20.0),
    (80.001, 20.0),
    (89.99, 0.0),
    (89.99, 170.0),
    (-90.0, 0.0),
    (60.0, -0.001),
    (60.2, 0.0),
)
HEIGHTS = (None, -430.0, 0.0, 300.0, 301.0, 5_000.0, 1e8)


@dataclass(frozen=True)
class Standing:
    name: str
    volumes: tuple[Volume, ...]
    reach_m: float
    group: str = "activity"


@st.composite
def outlines(draw: st.DrawFn) -> Outline:
    lat, lon = draw(st.sampled_from(CENTRES))
    size_m = draw(st.sampled_from((1.0, 900.0, 5_000.0, 40_000.0, 1_000_000.0)))
    kind = draw(st.sampled_from(("circle", "triangle", "sliver", "ring", "lane", "continent", "pole")))
    if kind == "circle":
        return Circle((lat, lon), size_m)
    span = min(size_m, 5_000.0) / 111_000 + 0.0001
    # Past 180 degrees on the other side: nothing of a small outline lies between the two spellings.
    low, east = max(-89.9, min(lat, 89.9) - span), (lon + span + 180) % 360 - 180
    if kind == "sliver":  # 5 degrees long and a metre wide: its edge rises far above both its ends
        west = lon - 5 if lon > 0 else lon + 5
        return Polygon(((low, lon), (low + 0.00001, lon), (low + 0.00001, west), (low, west)))
    if kind == "pole":  # with the pole inside, far from each of its corners
        rim = math.copysign(draw(st.sampled_from((75.0, 83.0, 89.0))), lat)
        return Polygon(tuple((rim, float(corner)) for corner in (-170, -50, 70)))
    if kind == "lane":
        return Lane(((low, lon), (low + span, east), (low, lon)), min(size_m, 50_000.0))
    if kind == "continent":
        low = min(max(low, -50.0), 60.0)
        return Polygon(((low, 150.0), (low, -160.0), (low + 25.0, -160.0), (low + 25.0, 150.0)))
    triangle = ((low, lon), (low, east), (low + span, lon))
    if kind == "triangle" or abs(lat) > 80 or east < lon:
        return Polygon(triangle)
    hole = tuple(
        (low + span * (0.1 + 0.3 * up), lon + (east - lon) * (0.1 + 0.3 * on))
        for up, on in ((0, 0), (0, 1), (1, 0))
    )
    return Region((Part(triangle, (hole,)),))


@st.composite
def windows(draw: st.DrawFn) -> Window:
    kind = draw(st.sampled_from(("minutes", "minutes", "minutes", "years", "first", "last", "always")))
    start: datetime = START + timedelta(minutes=draw(st.integers(0, 6)) * 10)
    if kind == "first":
        return Window(FIRST, FIRST + timedelta(microseconds=1))
    if kind == "last":
        return Window(LAST - timedelta(microseconds=1), LAST)
    if kind == "always":
        return Window(FIRST, LAST)
    if kind == "years":
        return Window(start - timedelta(days=draw(st.sampled_from((3, 400, 40_000)))), start)
    return Window(start, start + timedelta(minutes=draw(st.integers(1, 3)) * 10))


@st.composite
def volumes(draw: st.DrawFn) -> Volume:
    floor_m, ceiling_m = draw(st.sampled_from(HEIGHTS)), draw(st.sampled_from(HEIGHTS))
    if floor_m is not None and ceiling_m is not None and floor_m > ceiling_m:
        floor_m, ceiling_m = ceiling_m, floor_m
    return Volume(draw(outlines()), HeightBand(floor_m, ceiling_m), draw(windows()))


SEPARATIONS = st.builds(
    Separation,
    lateral_m=st.sampled_from((0.0, 1.0, 2_500.0, 40_000.0, 500_000.0)),
    vertical_m=st.sampled_from((0.0, 1.0, 300.0, 1e8)),
    time_s=st.sampled_from((0.0, 0.5, 600.0, 1_200.0, 3_155_760_000.0)),
)
REACHES = st.sampled_from((0.0, 0.0, 500.0, 30_000.0, 500_000.0))
OBJECTS = st.lists(
    st.builds(
        Standing,
        name=st.sampled_from([f"object-{place}" for place in range(12)]),
        volumes=st.lists(volumes(), min_size=1, max_size=3).map(tuple),
        reach_m=REACHES,
        group=st.sampled_from(("activity", "activity", "site")),
    ),
    min_size=1,
    max_size=8,
    unique_by=lambda standing: standing.name,
)


def list_conflicts(
    asked: Volume, separation: Separation, standing: Sequence[Standing], group: str = "activity"
) -> list[tuple[str, int]]:
    """Return what a comparison with every standing volume finds."""
    found = []
    for one in standing:
        reach_m = one.reach_m
        vertical_m = min(separation.vertical_m + reach_m, 2e8)
        agreed = Separation(separation.lateral_m + reach_m, vertical_m, separation.time_s)
        for ordinal, volume in enumerate(one.volumes):
            if one.group == group and find_conflict(asked, volume, agreed) is not None:
                found.append((one.name, ordinal))
    return sorted(found)


def ask(
    index: ConflictIndex, asked: Volume, separation: Separation, group: str = "activity"
) -> list[tuple[str, int]]:
    return [(hit.object, hit.ordinal) for hit in index.query(asked, separation, group=group)]


def circle(
    name: str = "alpha",
    *,
    lat: float = 35.0,
    lon: float = 40.0,
    radius_m: float = 1_000.0,
    minute: float = 0,
    lasts_min: float = 10,
) -> Standing:
    start = START + timedelta(minutes=minute)
    window = Window(start, start + timedelta(minutes=lasts_min))
    return Standing(name, (Volume(Circle((lat, lon), radius_m), HeightBand(0.0, 100.0), window),), 0.0)


def stand(index: ConflictIndex, one: Standing) -> None:
    index.insert(one.name, one.volumes, group=one.group, reach_m=one.reach_m)


class IndexContract:
    """Inherited by the tests of each home: `index` is an empty one, `settle` makes changes durable."""

    def settle(self, index: Any) -> None:
        """Nothing to do in memory."""

    def test_what_stands_is_found_in_its_group_alone(self, index: ConflictIndex) -> None:
        one = circle()
        stand(index, one)
        for _ in range(2):
            assert ask(index, one.volumes[0], Separation()) == [("alpha", 0)]
            assert ask(index, one.volumes[0], Separation(), group="site") == []
            assert index.query(one.volumes[0], Separation(), group="activity")[0].volume == one.volumes[0]
            assert len(index) == 1
            self.settle(index)

    def test_a_replaced_object_stands_once_even_in_another_group(self, index: ConflictIndex) -> None:
        one, moved = circle(), circle(lat=36.0)
        stand(index, one)
        self.settle(index)
        index.insert("alpha", [*moved.volumes, *moved.volumes], group="site")
        for _ in range(2):
            assert ask(index, one.volumes[0], Separation()) == []
            assert ask(index, moved.volumes[0], Separation(), group="site") == [("alpha", 0), ("alpha", 1)]
            assert len(index) == 2
            self.settle(index)

    def test_a_withdrawn_object_stands_no_longer(self, index: ConflictIndex) -> None:
        one = circle()
        stand(index, one)
        self.settle(index)
        index.withdraw("alpha")
        index.withdraw("never-there")
        for _ in range(2):
            assert ask(index, one.volumes[0], Separation()) == []
            assert len(index) == 0
            self.settle(index)

    def test_a_result_that_is_too_large_is_refused_whole_and_says_how_to_narrow(
        self, index: ConflictIndex
    ) -> None:
        for place in range(5):
            stand(index, circle(f"o-{place}"))
        self.settle(index)
        asked = circle().volumes[0]
        assert len(index.query(asked, Separation(), group="activity", most=5)) == 5
        assert len(index.query(asked, Separation(), group="activity", most=None)) == 5
        with pytest.raises(TooManyConflicts, match=r"at most 4 conflicts.*shorter window"):
            index.query(asked, Separation(), group="activity", most=4)
        with pytest.raises(TooManyConflicts):
            index.check_and_insert("late", [asked], Separation(), group="activity", most=4)
        self.settle(index)
        assert len(index) == 5

    def test_check_and_insert_tells_what_it_meets_and_lets_it_stand(self, index: ConflictIndex) -> None:
        one, near, far = circle("one"), circle("near", lon=40.03), circle("far", lon=41.0)
        agreed = Separation(lateral_m=1_000.0)
        assert index.check_and_insert("one", one.volumes, agreed, group="activity") == []
        assert index.check_and_insert("far", far.volumes, agreed, group="activity") == []
        met = index.check_and_insert("near", [*far.volumes, *near.volumes], agreed, group="activity")
        assert [(found.ordinal, found.hit.object) for found in met] == [(0, "far"), (1, "one")]
        # Its own earlier version is replaced, and no conflict.
        assert index.check_and_insert("near", near.volumes, agreed, group="activity") == [
            Met(0, index.query(one.volumes[0], Separation(), group="activity")[0])
        ]
        assert len(index) == 3

    def test_changes_tell_what_stands_and_go_on_where_they_were(self, index: ConflictIndex) -> None:
        for name in ("a", "b", "c"):
            stand(index, circle(name))
            self.settle(index)
        first = list(index.changes())
        assert [(one.object, one.group, one.is_standing) for one in first] == [
            (name, "activity", True) for name in "abc"
        ]
        index.withdraw("a")
        self.settle(index)
        stand(index, circle("b", lat=36.0))
        self.settle(index)
        stand(index, circle("b", lat=37.0))
        self.settle(index)
        later = list(index.changes(first[-1].number))
        assert [(one.object, one.is_standing) for one in later] == [("a", False), ("b", True)]
        assert list(index.changes(later[-1].number)) == []
        assert [one.object for one in index.changes()] == ["c", "a", "b"]

    @pytest.mark.parametrize("reach_m", (-1.0, float("nan"), float("inf"), 1e9))
    def test_a_reach_that_cannot_be_measured_is_a_mistake(self, index: ConflictIndex, reach_m: float) -> None:
        with pytest.raises(ValueError, match="reach_m: expected"):
            index.insert("alpha", circle().volumes, group="site", reach_m=reach_m)
        assert len(index) == 0

    def test_many_in_one_cell_are_told_apart(self, index: ConflictIndex) -> None:
        for place in range(1_200):
            stand(index, circle(f"o-{place:04d}", radius_m=1.0, minute=place % 600, lasts_min=1))
        self.settle(index)
        asked = circle(minute=30, lasts_min=1).volumes[0]
        expected = [(f"o-{place:04d}", 0) for place in range(30, 1_200, 600)]
        assert ask(index, asked, Separation()) == expected
        for place in range(0, 1_200, 2):
            index.withdraw(f"o-{place:04d}")
        self.settle(index)
        assert ask(index, asked, Separation()) == []
        assert ask(index, circle(minute=31, lasts_min=1).volumes[0], Separation()) == [
            (f"o-{place:04d}", 0) for place in range(31, 1_200, 600)
        ]

    def test_a_century_over_the_largest_outline_is_found_and_asked(self, index: ConflictIndex) -> None:
        wide = Polygon(((-25.0, -24.0), (-25.0, 24.0), (25.0, 24.0), (25.0, -24.0)))
        long = Window(START, START + timedelta(days=36_525))
        index.insert("century", [Volume(wide, HeightBand(None, None), long)], group="activity")
        stand(index, circle("other", lat=-33.0, lon=151.0))
        self.settle(index)
        asked = circle(lat=1.0, lon=1.0, minute=50_000_000).volumes[0]
        assert ask(index, asked, Separation()) == [("century", 0)]
        assert ask(index, Volume(wide, HeightBand(None, None), long), Separation()) == [("century", 0)]

    def test_a_volume_over_the_whole_earth_for_a_century_is_found_from_everywhere(
        self, index: ConflictIndex
    ) -> None:
        century = Window(START, START + timedelta(days=36_525))
        earth = [Volume(outline, HeightBand(None, None), century) for outline in cover_the_earth()]
        index.insert("earth", earth, group="activity")
        self.settle(index)
        for lat, lon in (
            (90.0, 0.0),
            (-90.0, 0.0),
            (89.9, 77.0),
            (0.0, 180.0),
            (12.3, -179.99),
            (-33.9, 151.2),
        ):
            asked = circle(lat=lat, lon=lon, radius_m=1.0, minute=40_000_000).volumes[0]
            assert {name for name, _ in ask(index, asked, Separation())} == {"earth"}
            late = Volume(asked.outline, asked.heights, Window(century.end_utc, LAST))
            assert ask(index, late, Separation()) == []
        met = index.check_and_insert("again", earth, Separation(), group="activity")
        assert {one.ordinal for one in met} == set(range(len(earth)))
        assert {one.hit.object for one in met} == {"earth"}

    def test_a_sliver_is_found_where_its_edge_rises_above_both_its_ends(self, index: ConflictIndex) -> None:
        # A metre wide, 8 degrees long: at 60 degrees the middle of the edge lies 6.7 km north of its ends.
        sliver = Polygon(((60.0, 10.0), (60.00001, 10.0), (60.00001, 18.0), (60.0, 18.0)))
        window = circle().volumes[0].window
        index.insert("sliver", [Volume(sliver, HeightBand(None, None), window)], group="activity")
        self.settle(index)
        rise = max(sliver.ring.lat_deg.tolist())
        assert rise > 60.05
        assert ask(index, circle(lat=rise, lon=14.0, radius_m=50.0).volumes[0], Separation()) == [
            ("sliver", 0)
        ]
        assert ask(index, circle(lat=60.0, lon=14.0, radius_m=5_000.0).volumes[0], Separation()) == []

    def test_what_stands_at_the_ends_of_time_is_found(self, index: ConflictIndex) -> None:
        place, tick = circle().volumes[0], timedelta(microseconds=1)
        ends = [Window(FIRST, FIRST + tick), Window(LAST - tick, LAST), Window(FIRST, LAST)]
        for number, window in enumerate(ends):
            index.insert(f"end-{number}", [Volume(place.outline, place.heights, window)], group="activity")
        self.settle(index)
        wanted = ({"end-0", "end-2"}, {"end-1", "end-2"}, {"end-0", "end-1", "end-2"})
        for window, names in zip(ends, wanted, strict=True):
            asked = Volume(place.outline, place.heights, window)
            assert {name for name, _ in ask(index, asked, Separation())} == names
        middle = ask(index, place, Separation(time_s=3_155_760_000.0))
        assert middle == [("end-2", 0)]

    def test_outlines_of_ten_thousand_corners_stand(self, index: ConflictIndex) -> None:
        corners = tuple(
            (10.0 + (0.3 if place % 2 else 0.29) * up, 10.0 + (0.3 if place % 2 else 0.29) * on)
            for place, (up, on) in enumerate(walk_round(10_000))
        )
        star = Volume(Polygon(corners), HeightBand(None, None), circle().volumes[0].window)
        index.insert("star", [star], group="activity")
        self.settle(index)
        assert index.query(star, Separation(), group="activity")[0].volume == star
        assert ask(index, circle(lat=10.2899, lon=10.0, radius_m=1.0).volumes[0], Separation()) == [
            ("star", 0)
        ]
        assert ask(index, circle(lat=10.31, lon=10.0, radius_m=1.0).volumes[0], Separation()) == []


class SqlIndexContract(IndexContract):
    """What the homes in a database can do besides."""

    def settle(self, index: Any) -> None:
        index.commit()

    def test_callers_in_one_transaction_are_told_of_those_before(self, index: Any) -> None:
        one, far = circle("one"), circle("far", lon=41.0)
        wanted = [
            Wanted("a", one.volumes),
            Wanted("b", far.volumes),
            Wanted("c", (*far.volumes, *one.volumes)),
        ]
        answers = index.check_and_insert_many(wanted, Separation(), group="activity")
        assert [[(met.ordinal, met.hit.object) for met in answer] for answer in answers] == [
            [],
            [],
            [(0, "b"), (1, "a")],
        ]
        again = index.check_and_insert_many(
            [Wanted("d", one.volumes)], Separation(), group="activity", most=1
        )
        assert isinstance(again[0], TooManyConflicts)
        assert len(index) == 4
        assert ask(index, one.volumes[0], Separation()) == [("a", 0), ("c", 1)]

    def test_what_another_process_kept_at_a_new_level_is_found(self, index: Any) -> None:
        stand(index, circle("one"))
        index.commit()
        assert ask(index, circle().volumes[0], Separation()) == [("one", 0)]
        other = type(index)(index._database)
        stand(other, circle("wide", radius_m=300_000.0, lasts_min=100_000))
        other.commit()
        assert ask(index, circle().volumes[0], Separation()) == [("one", 0), ("wide", 0)]
        met = index.check_and_insert("two", circle().volumes, Separation(), group="activity")
        assert [one.hit.object for one in met] == ["one", "wide"]

    def test_what_is_pending_is_not_left_out_of_a_check(self, index: Any) -> None:
        stand(index, circle("one"))
        with pytest.raises(ValueError, match="expected no pending change, got 1"):
            index.check_and_insert("two", circle().volumes, Separation(), group="activity")
        with pytest.raises(ValueError, match="expected no pending change, got 1"):
            index.check_and_insert_many([], Separation(), group="activity")
        assert ask(index, circle().volumes[0], Separation()) == [("one", 0)]

    def test_a_volume_that_is_gone_behind_its_object_s_back_is_damage_and_said(self, index: Any) -> None:
        stand(index, circle("one"))
        index.commit()
        with index._database.write() as connection:
            connection.exec_driver_sql("DELETE FROM index_volumes")
        with pytest.raises(StoreError, match="entente center rebuild"):
            index.query(circle().volumes[0], Separation(), group="activity")
        index.withdraw("one")
        with pytest.raises(StoreError, match="entente center rebuild"):
            index.commit()


def cover_the_earth() -> Iterator[Polygon]:
    for lon in range(-180, 180, 40):
        east = lon + 41 if lon < 139 else lon - 319
        for lat in (-41.0, -1.0):
            yield Polygon(((lat, lon), (lat, east), (lat + 42, east), (lat + 42, lon)))
    for lon in range(-180, 180, 60):
        east = lon + 61 if lon < 119 else lon - 299
        for pole in (90.0, -90.0):
            rim = pole / 3.6
            yield Polygon(((rim, lon), (rim, east), (pole, 0.0)))


def walk_round(count: int) -> Iterator[tuple[float, float]]:
    for place in range(count):
        angle = 2 * math.pi * place / count
        yield math.sin(angle), math.cos(angle)


def check_against_every_pair(
    make_index: Callable[[], ConflictIndex],
    settle: Callable[[Any], None],
    standing: list[Standing],
    asked: Volume,
    separation: Separation,
    shuffled: list[Standing],
    gone: set[str],
) -> None:
    """Hold two indexes, filled in two orders, against a comparison of all pairs."""
    left = [one for one in standing if one.name not in gone]
    expected = list_conflicts(asked, separation, left)
    for order, late in ((standing, False), (shuffled, True)):
        index = make_index()
        for one in order:
            stand(index, one)
        if not late:
            settle(index)
        for name in sorted(gone, reverse=late):
            index.withdraw(name)
        assert ask(index, asked, separation) == expected
        settle(index)
        assert ask(index, asked, separation) == expected
        assert len(index) == sum(len(one.volumes) for one in left)
