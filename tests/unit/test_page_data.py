"""The page's base map makes no bands, its towns are in order, and both are what their manifest says."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from itertools import pairwise
from typing import Any, Final

import pytest
from shapely.geometry import Polygon

from tools.bake_page_data import (
    DATA,
    LARGE,
    SMALL,
    check,
    is_plain,
    join_at_the_antimeridian,
    make_polygons,
    make_towns,
    unwrap,
)

Ring = list[tuple[float, float]]

FIRST_VIEW_GZIP_BYTES: Final = 230_000


def read_map(resolution: str) -> dict[str, Any]:
    topology = json.loads((DATA / f"basemap-{resolution}.json").read_bytes())
    assert isinstance(topology, dict)
    return topology


def decode(topology: dict[str, Any]) -> tuple[list[list[Ring]], list[Ring]]:
    """The land's polygons and the borders, in degrees: written anew, so as not to trust what made them."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs: list[Ring] = []
    for arc in topology["arcs"]:
        x = y = 0
        points: Ring = []
        for dx, dy in arc:
            x += dx
            y += dy
            points.append((x * sx + tx, y * sy + ty))
        arcs.append(points)
    land = [[arcs[i] for (i,) in shape["arcs"]] for shape in topology["objects"]["land"]["geometries"]]
    return land, [arcs[i] for (i,) in topology["objects"]["borders"]["arcs"]]


def list_edges(paths: list[Ring]) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    for path in paths:
        yield from pairwise(path)


@pytest.fixture(scope="module", params=("50m", "10m"))
def land(request: pytest.FixtureRequest) -> list[list[Ring]]:
    return decode(read_map(request.param))[0]


def find_land(land: list[list[Ring]], lon: float, lat: float) -> list[tuple[float, float, float, float]]:
    """The bounds of every polygon that holds a place, in each of the three worlds that a map draws."""
    found = []
    for rings in land:
        xs = [x for x, _ in rings[0]]
        if not any(min(xs) <= lon + turn <= max(xs) for turn in (-360, 0, 360)):
            continue
        polygon = Polygon(rings[0], rings[1:])
        found += [
            polygon.bounds
            for turn in (-360, 0, 360)
            if polygon.contains(Polygon.from_bounds(lon + turn - 1e-4, lat - 1e-4, lon + turn, lat))
        ]
    return found


def test_the_folder_is_what_its_manifest_says() -> None:
    assert check() == 0


def test_no_ring_jumps_across_180(land: list[list[Ring]]) -> None:
    rings = [ring for polygon in land for ring in polygon]
    assert len(rings) > 1000
    jumps = [(a, b) for a, b in list_edges(rings) if abs(a[0] - b[0]) > 20]
    assert jumps == [((-180.0, -90.0), (180.0, -90.0))], "the one along the pole, which no map shows"
    for ring in rings:
        assert ring[0] == ring[-1]
        assert len(ring) >= 4


def test_no_border_jumps_across_180() -> None:
    for resolution in ("50m", "10m"):
        borders = decode(read_map(resolution))[1]
        assert len(borders) > 300
        assert [(a, b) for a, b in list_edges(borders) if abs(a[0] - b[0]) > 20] == []


def test_no_coast_runs_along_180(land: list[list[Ring]]) -> None:
    # Chukotka, Wrangel Island and Fiji were cut there; Antarctica ends there, on every flat map.
    seams = [
        (a, b)
        for a, b in list_edges([ring for polygon in land for ring in polygon])
        if a[0] == b[0] and abs(abs(a[0]) - 180) < 1e-9 and abs(a[1] - b[1]) > 0.02 and max(a[1], b[1]) > -80
    ]
    assert seams == []


@pytest.mark.parametrize(
    ("name", "lon", "lat", "widest"),
    (
        ("Chukotka, east of 180", -175.0, 66.5, 215.0),
        ("Chukotka, west of 180", 175.0, 67.5, 215.0),
        ("Wrangel Island", 180.0, 71.2, 5.0),
        ("Taveuni, Fiji, on 180", 179.99, -16.87, 1.0),
        ("Vanua Levu, Fiji", 179.3, -16.6, 2.0),
    ),
)
def test_what_lies_at_180_is_land_once_and_no_band(
    land: list[list[Ring]], name: str, lon: float, lat: float, widest: float
) -> None:
    found = find_land(land, lon, lat)
    assert len(found) == 1, name
    west, _, east, _ = found[0]
    assert east - west < widest


@pytest.mark.parametrize(
    ("name", "lon", "lat"),
    (
        ("the Arctic Ocean", 60.0, 84.5),
        ("the Arctic Ocean, a band of Wrangel's", 0.0, 71.2),
        ("the Barents Sea, a band of Chukotka's", -10.0, 69.0),
        ("the Atlantic, a band of Fiji's", -20.0, -16.6),
        ("the Southern Ocean", 100.0, -60.0),
        ("the Gulf of Guinea", 0.0, 0.0),
        ("the Caspian Sea", 51.0, 42.0),
    ),
)
def test_the_sea_is_sea(land: list[list[Ring]], name: str, lon: float, lat: float) -> None:
    assert find_land(land, lon, lat) == [], name


@pytest.mark.parametrize(("lon", "lat"), ((0.0, -89.5), (179.5, -89.5), (-120.0, -80.0), (60.0, -75.0)))
def test_antarctica_holds_the_pole(land: list[list[Ring]], lon: float, lat: float) -> None:
    assert len(find_land(land, lon, lat)) == 1


def test_aleppo_is_on_land(land: list[list[Ring]]) -> None:
    assert len(find_land(land, 37.16, 36.2)) == 1


def test_outer_rings_run_against_the_clock(land: list[list[Ring]]) -> None:
    for rings in land:
        area = sum(a[0] * b[1] - b[0] * a[1] for a, b in list_edges([rings[0]]))
        assert area > 0


def test_the_first_view_is_light() -> None:
    first = [DATA / "basemap-50m.json", DATA / "towns-large.json"]
    sizes = [len(gzip.compress(path.read_bytes(), 9)) for path in first]
    assert sum(sizes) <= FIRST_VIEW_GZIP_BYTES, sizes


def test_no_country_has_a_name_or_an_area() -> None:
    for resolution in ("50m", "10m"):
        topology = read_map(resolution)
        assert set(topology["objects"]) == {"land", "borders"}
        for shape in topology["objects"]["land"]["geometries"]:
            assert set(shape) == {"type", "arcs"}


def test_towns_come_in_order_and_are_plain_text() -> None:
    total = 0
    for name, least, below in (("large", LARGE, 10**9), ("small", SMALL, LARGE)):
        columns = json.loads((DATA / f"towns-{name}.json").read_bytes())
        assert set(columns) == {"name", "country", "lat_e3", "lon_e3", "population_k"}
        assert len({len(column) for column in columns.values()}) == 1
        people = columns["population_k"]
        assert people == sorted(people, reverse=True)
        assert all(least <= 1000 * each + 999 < below + 1000 for each in people)
        assert all(is_plain(town) for town in columns["name"])
        assert all(-90_000 <= lat <= 90_000 for lat in columns["lat_e3"])
        assert all(-180_000 <= lon <= 180_000 for lon in columns["lon_e3"])
        total += len(people)
    assert total > 12_000


# What makes them


def test_a_ring_across_180_is_unwrapped() -> None:
    assert unwrap([(179.0, 0.0), (-179.0, 1.0), (-178.0, 2.0), (179.0, 0.0)]) == [
        (179.0, 0.0),
        (181.0, 1.0),
        (182.0, 2.0),
        (179.0, 0.0),
    ]


def test_pieces_cut_at_180_are_joined() -> None:
    joined = join_at_the_antimeridian(
        [
            Polygon.from_bounds(170, 0, 180, 10),
            Polygon.from_bounds(-180, 0, -175, 10),
            Polygon.from_bounds(0, 0, 1, 1),
        ]
    )
    assert sorted(polygon.bounds for polygon in joined) == [(0, 0, 1, 1), (170, 0, 185, 10)]


def test_a_ring_around_the_pole_is_closed_over_it() -> None:
    ring = [[-180, -70], [120, 0], [120, 5], [120, -5]]
    topology = {
        "transform": {"scale": [1, 1], "translate": [0, 0]},
        "arcs": [ring],
        "objects": {"land": {"geometries": [{"arcs": [[[0]]]}]}},
    }
    (polygon,) = make_polygons(topology)
    assert polygon.bounds == (-180, -90, 180, -65)
    assert polygon.is_valid


@pytest.mark.parametrize("name", ("", "a\u202eb", "a\u0000b", "a\u200bb", "a\nb"))
def test_a_name_that_repaints_the_map_is_left_out(name: str) -> None:
    town = {
        "name": name,
        "population": 60_000,
        "geonameid": 1,
        "countrycode": "XX",
        "latitude": 0.0,
        "longitude": 0.0,
    }
    assert json.loads(make_towns([town], SMALL, LARGE))["name"] == []
