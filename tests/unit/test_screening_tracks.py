"""Tracks: cut where nothing is known, compared at one instant, never with themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from entente.kernel.errors import Malformed
from entente.screening import (
    Budget,
    Samples,
    Screened,
    TrackRules,
    VolumeSet,
    make_tracks,
    name_objects,
    read_table,
    screen,
)
from entente.space import Circle, HeightBand, Separation, Volume, Window, distance_and_bearing
from entente.space.bulk import pack_volumes
from entente.space.ellipsoid import walk_line

NOON = datetime(2026, 9, 17, 12, tzinfo=UTC)
NOON_US = int(NOON.timestamp()) * 1_000_000
RULES = TrackRules(radius_m=20.0, half_height_m=10.0, datum="ellipsoid")
HEAD = "flight,time,lat,lon,height_m\n"


def write(tmp_path: Path, *rows: str, head: str = HEAD) -> Path:
    file = tmp_path / "day.csv"
    file.write_text(head + "".join(f"{row}\n" for row in rows))
    return file


def row(flight: str, seconds: float, lat: float, lon: float, height_m: float = 100.0) -> str:
    moment = NOON + timedelta(seconds=seconds)
    return f"{flight},{moment.isoformat().replace('+00:00', 'Z')},{lat!r},{lon!r},{height_m!r}"


def fly(flight: str, *, east: bool, late_s: float = 0.0, height_m: float = 100.0) -> list[str]:
    """Ten minutes through 50 N 15 E at 20 m/s, a sample every 50 s: there after 300 s."""
    found = []
    for step in range(13):
        away_m = 20.0 * (50.0 * step - 300.0)
        lat, lon = walk_line(50.0, 15.0, 90.0 if east else 0.0, away_m)
        found.append(row(flight, 50.0 * step + late_s, lat, lon, height_m))
    return found


def pairs(found: Screened) -> list[tuple[str, str]]:
    return [found.names(place) for place in range(len(found))]


def test_movers_that_cross_one_place_at_other_times_do_not_meet(tmp_path: Path) -> None:
    keep = Separation(lateral_m=100.0, vertical_m=20.0)
    for late_s, is_met in (
        (0.0, True),
        (7.0, True),
        (-7.0, True),
        (12.0, False),
        (-12.0, False),
        (45.0, False),
    ):
        # Both directions at 20 m/s: late by t, the nearest is 20 t / sqrt(2); 140 m with the radii, so 9.9 s.
        file = write(tmp_path, *fly("a", east=True), *fly("b", east=False, late_s=late_s))
        found = screen(read_table(file, tracks=RULES), separation=keep)
        assert pairs(found) == ([("a", "b")] if is_met else [])
        if is_met:
            assert found.nearest_m[0] == pytest.approx(20 * abs(late_s) / np.sqrt(2), abs=0.1)
            apart = np.sqrt(max(0.0, 140.0**2 - found.nearest_m[0] ** 2) / (2 * 400.0))
            assert found.first_us[0] / 1e6 == pytest.approx(
                NOON_US / 1e6 + 300 + late_s / 2 - apart, abs=0.02
            )
    # The lanes themselves conflict all the same: that is what they over-report.
    lanes = read_table(
        write(tmp_path, *fly("a", east=True), *fly("b", east=False, late_s=45.0)), tracks=RULES
    )
    bare = VolumeSet(lanes.table, name_objects(list(range(len(lanes.table))), "lanes"))
    assert {(int(a) // 13, int(b) // 13) for a, b in pairs(screen(bare, separation=keep))} >= {(0, 0)}


def test_a_separation_in_time_counts_for_movers_too(tmp_path: Path) -> None:
    for late_s in (45.0, -45.0):
        file = write(tmp_path, *fly("a", east=True), *fly("b", east=False, late_s=late_s))
        made = read_table(file, tracks=RULES)
        for time_s, is_met in ((30.0, False), (34.0, False), (36.0, True), (45.0, True), (60.0, True)):
            # Late by 45 s; with 140 m each way at 20 m/s some 9.9 s less are enough.
            found = screen(made, separation=Separation(100.0, 20.0, time_s))
            assert pairs(found) == ([("a", "b")] if is_met else []), time_s


def test_height_is_compared_at_the_same_instant(tmp_path: Path) -> None:
    keep = Separation(lateral_m=100.0, vertical_m=20.0)
    for height_m, is_met in ((139.9, True), (140.1, False), (60.1, True), (59.9, False)):
        file = write(tmp_path, *fly("a", east=True), *fly("b", east=False, height_m=height_m))
        assert len(screen(read_table(file, tracks=RULES), separation=keep)) == is_met
    # Climbing through each other's heights, at other instants: bands of the legs overlap, the movers do not.
    for low, high in (("a", "b"), ("b", "a")):
        file = write(
            tmp_path,
            row(low, 0, 50.0, 15.0, 0.0),
            row(low, 50, 50.0, 15.01, 400.0),
            row(high, 0, 50.0001, 15.0, 300.0),
            row(high, 50, 50.0001, 15.01, 700.0),
        )
        assert len(screen(read_table(file, tracks=RULES), separation=keep)) == 0


def test_legs_of_one_track_never_meet_each_other(tmp_path: Path) -> None:
    circle = [row("a", 10.0 * step, *walk_line(50.0, 15.0, 36.0 * step, 200.0)) for step in range(40)]
    made = read_table(write(tmp_path, *circle), tracks=RULES)
    assert len(made.table) == 39
    assert len(made) == 1
    assert len(screen(made, separation=Separation(1000.0, 100.0, 600.0))) == 0


def test_a_gap_and_a_jump_cut_a_track_and_are_told(tmp_path: Path) -> None:
    rows = fly("a", east=True)
    # A sample is missing: 100 s. Then one that is 100 km off, and back.
    spoofed = [*rows[:3], *rows[4:7], row("a", 351.0, 51.0, 15.0), *rows[8:]]
    made = read_table(write(tmp_path, *spoofed), tracks=RULES)
    assert made.notes == (
        "day.csv: 1 gaps of more than 60 s: tracks are cut there",
        "day.csv: 2 jumps faster than 400 m/s: tracks are cut there",
        "day.csv: 1 samples stand alone and are not screened",
    )
    # Nobody is said to have been where nothing is known.
    assert made.legs is not None
    assert not ((made.legs.start_us < NOON_US + 125e6) & (made.legs.end_us > NOON_US + 125e6)).any()
    assert int(made.table.points_e7[:, 0].max()) < 500_100_000
    wide = TrackRules(
        radius_m=20.0, half_height_m=10.0, datum="ellipsoid", max_gap_s=100.0, max_speed_m_s=1e5
    )
    assert read_table(write(tmp_path, *spoofed), tracks=wide).notes == ()


def test_samples_of_one_instant_and_place_stand_once(tmp_path: Path) -> None:
    rows = fly("a", east=True)
    made = read_table(write(tmp_path, *rows, rows[4]), tracks=RULES)
    assert made.notes == ("day.csv: 1 samples stand twice",)
    assert made.table.nbytes == read_table(write(tmp_path, *rows), tracks=RULES).table.nbytes
    # Two places at one instant are a jump, whichever stands first.
    both = [*rows, row("a", 200.0, 50.01, 15.0)]
    notes = read_table(write(tmp_path, *both), tracks=RULES).notes
    assert notes == read_table(write(tmp_path, *reversed(both)), tracks=RULES).notes
    assert "jumps" in notes[0]


def test_the_order_of_samples_means_nothing(tmp_path: Path) -> None:
    rows = [*fly("b", east=False), *fly("a", east=True), *fly("c", east=True, late_s=3.0)]
    keep = Separation(200.0, 20.0)
    tables = []
    for order in (range(len(rows)), np.random.default_rng(1).permutation(len(rows))):
        made = read_table(write(tmp_path, *(rows[at] for at in order)), tracks=RULES)
        tables += [screen(made, separation=keep, budget=Budget(threads)).to_arrow() for threads in (1, 2)]
    assert tables[0].num_rows == 3
    assert all(table.equals(tables[0]) for table in tables)
    assert set(tables[0]["rule"].to_pylist()) == {"tracks"}


def test_tracks_against_volumes_are_told_once_with_their_first_meeting(tmp_path: Path) -> None:
    made = read_table(write(tmp_path, *fly("a", east=True)), tracks=RULES)
    day = Window(NOON, NOON + timedelta(days=1))
    volumes = [
        Volume(Circle((50.0, 15.0), 3000.0), HeightBand(0.0, 200.0), day),
        Volume(Circle((50.0, 15.0), 3000.0), HeightBand(111.0, 200.0), day),
    ]
    second = VolumeSet(pack_volumes(volumes), name_objects(["low", "high"], "here"))
    found = screen(made, second, separation=Separation())
    assert pairs(found) == [("a", "low")]
    # 3 km and the radius before the middle, which it passes after 300 s: in a leg from 100 to 150 s.
    assert found.first_us[0] == NOON_US + 100_000_000
    assert found.to_arrow()["gap_m"].null_count == 1
    assert "from 2026-09-17T12:01:40Z" in found.describe(0)
    turned = screen(second, made, separation=Separation())
    assert pairs(turned) == [("low", "a")]


def test_heights_of_another_datum_widen_by_what_is_unsure(tmp_path: Path) -> None:
    rules = TrackRules(radius_m=20.0, half_height_m=10.0, datum="amsl 40+-5")
    made = read_table(write(tmp_path, *fly("a", east=True)), tracks=rules)
    assert (made.table.floor_cm.min(), made.table.ceiling_cm.max()) == (12_500, 15_500)
    head = "flight,time,lat,lon,height_m,datum\n"
    rows = [f"{one},agl 200..210+-0" for one in fly("a", east=True)]
    made = read_table(write(tmp_path, *rows, head=head), tracks=RULES)
    assert (made.table.floor_cm.min(), made.table.ceiling_cm.max()) == (29_000, 32_000)


@pytest.mark.parametrize(
    ("rows", "said"),
    (
        (("a,2026-09-17T12:00:00Z,91,15,100",), ("row 0", "lat", "91.0")),
        (("a,2026-09-17T12:00:00Z,50,15,100", "a,2026-09-17T12:00:10Z,50,NaN,100"), ("row 1", "lon")),
        (("a,2026-09-17T12:00:00Z,50,15,",), ("row 0", "height_m", "nothing")),
        (("a,2026-09-17T12:00:00Z,50,15,100", "a,2026-09-17T12:00:00,50,15,100"), ("time",)),
        (("a,2026-09-17T12:00:00Z,50,15,high",), ("row 0, height_m", "high")),
        (("a,2026-09-17T12:00:00Z,50,15",), ("expected a CSV",)),
        ((",2026-09-17T12:00:00Z,50,15,100",), ("row 0", "flight", "nothing")),
    ),
)
def test_a_hostile_sample_is_named(tmp_path: Path, rows: tuple[str, ...], said: tuple[str, ...]) -> None:
    with pytest.raises(Malformed) as caught:
        read_table(write(tmp_path, *rows), tracks=RULES)
    for one in ("day.csv", *said):
        assert one in str(caught.value)


def test_a_csv_needs_its_rules(tmp_path: Path) -> None:
    file = write(tmp_path, *fly("a", east=True))
    with pytest.raises(Malformed, match="--radius"):
        read_table(file)
    with pytest.raises(Malformed, match="never guessed"):
        read_table(file, tracks=TrackRules(radius_m=20.0, half_height_m=10.0))
    with pytest.raises(Malformed, match="column 'height_m'"):
        read_table(
            write(tmp_path, "a,2026-09-17T12:00:00Z,50,15", head="flight,time,lat,lon\n"), tracks=RULES
        )
    with pytest.raises(Malformed, match="radius_m"):
        TrackRules(radius_m=0.0, half_height_m=10.0)
    with pytest.raises(Malformed, match="max_gap_s"):
        TrackRules(radius_m=1.0, half_height_m=10.0, max_gap_s=float("nan"))


def draw_samples(seed: int, flights: int, points: int) -> Samples:
    """Movers that wander in 6 km, a sample every 20 s or so."""
    draw = np.random.default_rng(seed)
    time_us = NOON_US + np.cumsum(draw.integers(15_000_000, 25_000_000, (flights, points)), axis=1)
    step = draw.normal(0, 0.004, (2, flights, points))
    at = draw.uniform(-0.02, 0.02, (2, flights, 1)) + np.cumsum(step, axis=2)
    count = flights * points
    return Samples(
        flights=pa.array(np.repeat([f"f{number:03}" for number in range(flights)], points)),
        time_us=time_us.reshape(-1),
        lat_deg=(60.0 + at[0]).reshape(-1),
        lon_deg=((179.99 + 2 * at[1] + 180.0) % 360.0 - 180.0).reshape(-1),
        height_m=draw.uniform(0, 200, count),
        moved_m=np.zeros(count),
        doubt_m=np.zeros(count),
    )


def sample_densely(
    samples: Samples, flights: int, points: int, time_s: float
) -> dict[tuple[int, int], float]:
    """Return for each pair of flights the least distance while within the heights, at steps of 0.25 s.

    Over the antimeridian at 60 N; with a separation in time, the other mover is looked at in that time too.
    """
    shape = (flights, points)
    times = samples.time_us.reshape(shape) / 1e6 - NOON_US / 1e6
    clock = np.arange(times.min(), times.max(), 0.25)
    east = (samples.lon_deg.reshape(shape) % 360.0) - 180.0
    place = np.full((flights, len(clock), 3), np.nan)
    for flight in range(flights):
        for axis, numbers in enumerate(
            (samples.lat_deg.reshape(shape), east, samples.height_m.reshape(shape))
        ):
            place[flight, :, axis] = np.interp(clock, times[flight], numbers[flight], np.nan, np.nan)
    found = {}
    shifts = [0] if not time_s else list(range(-int(time_s * 4), int(time_s * 4) + 1, 4))
    for a in range(flights):
        for b in range(a + 1, flights):
            least = np.inf
            for shift in shifts:
                one, two = place[a], np.roll(place[b], shift, axis=0)
                if shift:
                    two[slice(None, shift) if shift > 0 else slice(shift, None)] = np.nan
                north_m = (one[:, 0] - two[:, 0]) * 111_412.0
                east_m = (one[:, 1] - two[:, 1]) * 55_800.0
                is_near = np.abs(one[:, 2] - two[:, 2]) <= 20.0 + 2 * 10.0
                gaps = np.hypot(north_m, east_m)[is_near]
                if len(gaps):
                    least = min(least, float(np.nanmin(gaps)))
            found[a, b] = least
    return found


@pytest.mark.parametrize(("seed", "time_s"), ((1, 0.0), (2, 0.0), (3, 20.0)))
def test_meetings_are_those_of_dense_sampling(seed: int, time_s: float) -> None:
    flights, points = 30, 10
    samples = draw_samples(seed, flights, points)
    made = make_tracks(samples, RULES)
    assert made.notes == ()
    for lateral_m in (60.0, 260.0):
        found = screen(made, separation=Separation(lateral_m, 20.0, time_s))
        got = {(int(a[1:]), int(b[1:])): place for place, (a, b) in enumerate(pairs(found))}
        dense = sample_densely(samples, flights, points, time_s)
        # Sampling may miss by what they fly between two looks; it never finds one that is none.
        # The plane it looks in is good to 0.2 %; between two looks two movers fly some 10 m.
        away_m = lateral_m + 2 * 20.0
        missed = [pair for pair, gap_m in dense.items() if gap_m < 0.997 * away_m and pair not in got]
        assert missed == []
        extra = [pair for pair in got if dense[pair] > away_m * 1.003 + 12.0]
        assert extra == []
        assert 3 < len(got) < len(dense) / 2
        if not time_s:
            for pair, place in got.items():
                assert found.nearest_m[place] <= dense[pair] * 1.003 + 0.2
                assert found.first_us[place] <= found.nearest_us[place]


def test_a_long_leg_is_flown_along_its_geodesic() -> None:
    """One leg of 300 km along 60 N bulges 1.7 km to the north: who stands there is met."""
    samples = Samples(
        flights=pa.array(["a", "a", "b", "b"]),
        time_us=NOON_US + np.array([0, 1_500, 0, 1_500]) * 1_000_000,
        lat_deg=np.array(
            [
                60.0,
                60.0,
                *[
                    walk_line(
                        60.0,
                        0.0,
                        float(distance_and_bearing(60.0, 0.0, 60.0, 5.4)[1]),
                        distance_and_bearing(60.0, 0.0, 60.0, 5.4)[0] / 2,
                    )[0]
                ]
                * 2,
            ]
        ),
        lon_deg=np.array([0.0, 5.4, 2.7, 2.7]),
        height_m=np.full(4, 1000.0),
        moved_m=np.zeros(4),
        doubt_m=np.zeros(4),
    )
    made = make_tracks(samples, TrackRules(radius_m=1.0, half_height_m=1.0, max_gap_s=1e4))
    found = screen(made, separation=Separation())
    assert pairs(found) == [("a", "b")]
    assert found.nearest_m[0] < 0.3
    assert found.nearest_us[0] / 1e6 - NOON_US / 1e6 == pytest.approx(750.0, abs=0.1)
