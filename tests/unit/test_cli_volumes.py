"""Volumes as people type them and as files hold them: regions, and heights of other datums."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from entente.cli.volumes import read_heights, read_volumes
from entente.kernel.errors import InvalidVolume, Malformed
from entente.space import HeightBand, Region, VolumeWire, encode_volume, parse_volume

WINDOW = "2026-12-01T06:00:00Z..2026-12-01T12:00:00Z"
OUTER = [[40.0, 35.0], [41.0, 35.0], [41.0, 36.0], [40.0, 36.0], [40.0, 35.0]]
HOLE = [[40.4, 35.4], [40.6, 35.4], [40.5, 35.6], [40.4, 35.4]]
BESIDE = [[42.0, 35.0], [43.0, 35.0], [42.0, 36.0], [42.0, 35.0]]


def read(tmp_path: Path, geometry: dict[str, Any], heights: str = "..") -> list[dict[str, Any]]:
    file = tmp_path / "area.geojson"
    file.write_text(json.dumps(geometry))
    return read_volumes(circles=[], polygons=[], heights=heights, window=WINDOW, files=[file])


def test_holes_and_several_polygons_become_one_region(tmp_path: Path) -> None:
    (holed,) = read(tmp_path, {"type": "Polygon", "coordinates": [OUTER, HOLE]})
    (both,) = read(tmp_path, {"type": "MultiPolygon", "coordinates": [[OUTER, HOLE], [BESIDE]]})
    for told, parts in ((holed, 1), (both, 2)):
        # What the desk makes of it is what its peers read, byte for byte.
        wire = msgspec.convert(told, VolumeWire)
        volume = parse_volume(wire)
        assert encode_volume(volume) == wire
        assert isinstance(volume.outline, Region)
        assert len(volume.outline.parts) == parts
        assert volume.outline.parts[0].holes == (((35.4, 40.4), (35.4, 40.6), (35.6, 40.5)),)


def test_one_polygon_without_a_hole_has_one_spelling(tmp_path: Path) -> None:
    plain = read(tmp_path, {"type": "Polygon", "coordinates": [OUTER]})
    assert read(tmp_path, {"type": "MultiPolygon", "coordinates": [[OUTER]]}) == plain
    assert plain[0]["outline"]["type"] == "polygon"
    collection = {"type": "GeometryCollection", "geometries": [{"type": "Polygon", "coordinates": [OUTER]}]}
    assert read(tmp_path, {"type": "Feature", "geometry": collection}) == plain


def test_antimeridian_and_pole_are_spelled_as_on_the_wire(tmp_path: Path) -> None:
    ring = [[180, 10], [179, 10], [179.5, 11], [180, 10]]
    (volume,) = read(tmp_path, {"type": "Polygon", "coordinates": [ring]})
    assert volume["outline"]["vertices_e7"][0] == [100_000_000, -1_800_000_000]
    (volume,) = read(tmp_path, {"type": "Polygon", "coordinates": [[[20, 90], [0, 80], [90, 80]]]})
    assert volume["outline"]["vertices_e7"][0] == [900_000_000, 0]
    parse_volume(msgspec.convert(volume, VolumeWire))


@pytest.mark.parametrize(
    "geometry",
    (
        {"type": "Polygon", "coordinates": []},
        {"type": "Polygon", "coordinates": [OUTER, 5]},
        {"type": "Polygon", "coordinates": [[[40.0], [41.0, 35.0], [41.0, 36.0]]]},
        {"type": "Polygon", "coordinates": [["4035", "4136", "4237"]]},
        {"type": "Polygon", "coordinates": [[[True, 35.0], [41.0, 35.0], [41.0, 36.0]]]},
        {"type": "Polygon", "coordinates": [[[40.123456789, 35.0], [41.0, 35.0], [41.0, 36.0]]]},
        {"type": "Polygon", "coordinates": [[[40.0, 91], [41.0, 35.0], [41.0, 36.0]]]},
        {"type": "Polygon"},
        {"type": "MultiPolygon", "coordinates": []},
        {"type": "MultiPolygon", "coordinates": [[]]},
        {"type": "MultiPolygon", "coordinates": OUTER},
        {"type": "LineString", "coordinates": OUTER},
        {"type": "FeatureCollection", "features": {}},
        {"type": "FeatureCollection"},
        {"type": "Feature"},
        [OUTER],
    ),
)
def test_files_that_hold_no_area_are_refused(tmp_path: Path, geometry: dict[str, Any]) -> None:
    with pytest.raises(Malformed):
        read(tmp_path, geometry)


@pytest.mark.parametrize(
    ("text", "band"),
    (
        ("3000..4000 amsl 22+-1.5", (302_050, 402_350)),
        ("3000..4000 amsl 22.1±1.5", (302_060, 402_360)),
        ("3000..4000 AMSL 22+-1.5".lower(), (302_050, 402_350)),
        ("..500.5 amsl -17.25 +- 2", (None, 48_525)),
        ("100.. amsl -17.25+-2", (8_075, None)),
        (".. amsl 22+-1", (None, None)),
        # Finer than a centimetre: outward.
        ("0..1 amsl 0.001+-0.0005", (0, 101)),
        ("0..1 amsl -0.001+-0", (-1, 100)),
        ("50..120 agl 200..450+-10", (24_000, 58_000)),
        ("0..120.5 agl -430..-395.2+-0.5", (-43_050, -27_420)),
    ),
)
def test_other_datums_are_converted_outward(text: str, band: tuple[int | None, int | None]) -> None:
    assert read_heights(text) == band


def test_conversion_is_that_of_the_exact_rule() -> None:
    floor_cm, ceiling_cm = read_heights("12.34..567.8 agl 101.01..202.02+-3.3")
    band = HeightBand.from_agl(12.34, 567.8, terrain_min_m=101.01, terrain_max_m=202.02, uncertainty_m=3.3)
    assert (floor_cm, ceiling_cm) == (round((band.floor_m or 0) * 100), round((band.ceiling_m or 0) * 100))


@pytest.mark.parametrize(
    "text",
    (
        "0..500 amsl",
        "0..500 amsl 22",
        "0..500 amsl +-2",
        "0..500 amsl 22+-",
        "0..500 amsl 22+-x",
        "0..500 amsl 22+--1",
        "0..500 amsl 121+-1",
        "0..500 amsl nan+-1",
        "0..500 agl 200+-10",
        "0..500 agl 450..200+-10",
        "0..500 agl 200..450",
        "0..500 msl 22+-1",
        "500 amsl 22+-1",
        "0..500amsl 22+-1",
    ),
)
def test_what_is_missing_is_never_guessed(text: str) -> None:
    with pytest.raises(Malformed):
        read_heights(text)


def test_reversed_heights_are_not_hidden_by_what_is_uncertain() -> None:
    with pytest.raises(InvalidVolume, match="expected floor <= ceiling"):
        read_heights("10..9 amsl 0+-50")
