"""Files that are screened: what is read, and how hostile ones are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import geopandas
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from entente.kernel.errors import InvalidVolume, Malformed
from entente.screening import Columns, VolumeSet, from_arrow, from_geodataframe, read_table
from entente.screening.shapes import BadShape
from entente.screening.wkb import decode_wkb
from entente.space import Circle, HeightBand, Lane, Polygon, Region
from entente.space.bulk import UNBOUNDED_CM
from tests.screening_tables import (
    BOW,
    EVENING,
    GEO,
    NOON,
    NOWHERE,
    SQUARE,
    make_arrow,
    refuse,
    square,
    write,
)


def feature(geometry: dict[str, Any], **properties: Any) -> dict[str, Any]:
    told = {
        "floor_m": 100,
        "ceiling_m": 200.5,
        "datum": "ellipsoid",
        "start": "2026-09-17T12:00:00Z",
        "end": "2026-09-17T18:00:00Z",
    } | properties
    return {"type": "Feature", "id": told.pop("id", "a"), "geometry": geometry, "properties": told}


def write_features(tmp_path: Path, *features: Any) -> Path:
    file = tmp_path / "plan.geojson"
    file.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return file


def test_geojson_of_every_kind_becomes_the_volumes_it_says(tmp_path: Path) -> None:
    hole = [[40.02, 35.02], [40.04, 35.02], [40.03, 35.04], [40.02, 35.02]]
    made = read_table(
        write_features(
            tmp_path,
            feature({"type": "Polygon", "coordinates": [SQUARE]}, id="a"),
            feature({"type": "Polygon", "coordinates": [SQUARE, hole]}, id="b", ceiling_m=None),
            feature({"type": "Point", "coordinates": [180, 35]}, id="c", radius_m=500.001),
            feature(
                {"type": "LineString", "coordinates": SQUARE[:3]}, id="d", radius_m=20, datum="amsl 22+-1.5"
            ),
        )
    )
    plain, holed, circle, lane = (made.table.volume(row) for row in range(4))
    assert isinstance(plain.outline, Polygon)
    assert plain.outline.vertices == ((35.0, 40.0), (35.0, 40.1), (35.1, 40.1), (35.1, 40.0))
    assert plain.heights == HeightBand(100.0, 200.5)
    assert (plain.window.start_utc, plain.window.end_utc) == (NOON, EVENING)
    assert isinstance(holed.outline, Region)
    assert len(holed.outline.parts[0].holes) == 1
    assert holed.heights == HeightBand(100.0, None)
    assert circle.outline == Circle((35.0, -180.0), 500.01)
    assert lane.outline == Lane(((35.0, 40.0), (35.0, 40.1), (35.1, 40.1)), 20.0)
    # Heights of another datum come with what converts them, outward.
    assert lane.heights == HeightBand.from_amsl(100.0, 200.5, geoid_undulation_m=22.0, uncertainty_m=1.5)
    assert made.ids.to_pylist() == ["a", "b", "c", "d"]


def test_parquet_arrow_and_frame_hold_the_same_set(tmp_path: Path) -> None:
    table = make_arrow([square(), shapely.Point(41.0, 36.0)], radius_m=pa.array([None, 250.0]))
    frame = geopandas.GeoDataFrame(
        {
            "id": ["v0", "v1"],
            "floor_m": [100, 100],
            "ceiling_m": [200.0, 200.0],
            "radius_m": [np.nan, 250.0],
            "start": [NOON, NOON],
            "end": [EVENING, EVENING],
        },
        geometry=[square(), shapely.Point(41.0, 36.0)],
        crs="EPSG:4326",
    )
    sets = [
        read_table(write(tmp_path, table), datum="ellipsoid", threads=2),
        from_arrow(table, Columns(datum="ellipsoid")),
        from_geodataframe(frame, Columns(datum="ellipsoid")),
    ]
    for made in sets:
        assert made.ids.to_pylist() == ["v0", "v1"]
        assert [made.table.volume(row) for row in range(2)] == [sets[0].table.volume(row) for row in range(2)]
    assert sets[0].table.volume(1).outline == Circle((36.0, 41.0), 250.0)
    assert "read as geodesics" in sets[0].notes[0]
    with pytest.raises(Malformed, match="EPSG:3857"):
        from_geodataframe(frame.to_crs("EPSG:3857"), Columns())
    with pytest.raises(Malformed, match="stated"):
        from_geodataframe(frame.set_crs(None, allow_override=True), Columns())


def test_times_of_other_units_are_rounded_outward() -> None:
    start = pa.array([NOON], type=pa.timestamp("us", "UTC")).cast(pa.int64()).to_numpy()[0]
    made = from_arrow(
        make_arrow(
            [square()],
            start=pa.array([start * 1000 + 1]).cast(pa.timestamp("ns", "UTC")),
            end=pa.array([start * 1000 + 1001]).cast(pa.timestamp("ns", "UTC")),
        ),
        Columns(datum="ellipsoid"),
    )
    assert (made.table.start_us[0], made.table.end_us[0]) == (start, start + 2)


def test_heights_are_rounded_outward_and_null_is_unbounded() -> None:
    made = from_arrow(
        make_arrow(
            [square()] * 3,
            floor_m=pa.array([3022.1, None, -0.001]),
            ceiling_m=pa.array([4022.1, 5.001, None]),
            datum=pa.array(["amsl 0+-1.5", "ellipsoid", "agl 10..20+-0"]),
        ),
        Columns(),
    )
    # In binary, 3022.1 - 1.5 is a hair beside 3020.6.
    assert made.table.floor_cm.tolist() == [302060, -UNBOUNDED_CM, 999]
    assert made.table.ceiling_cm.tolist() == [402360, 501, UNBOUNDED_CM]


def test_a_site_may_be_a_bare_point_for_ever(tmp_path: Path) -> None:
    file = tmp_path / "sites.geojson"
    told = {
        "type": "Feature",
        "id": 7,
        "geometry": {"type": "Point", "coordinates": [40, 35]},
        "properties": None,
    }
    more = told | {"id": 8, "properties": {"buffer_m": 12.5}}
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [told, more]}))
    made = read_table(file, is_site=True)
    assert made.table.radius_cm.tolist() == [1, 1]
    assert made.table.volume(0).heights == HeightBand(None, None)
    assert made.buffer_cm is not None
    assert made.buffer_cm.tolist() == [-1, 1250]
    with pytest.raises(InvalidVolume, match="feature 0, radius_m"):
        read_table(write_features(tmp_path, feature({"type": "Point", "coordinates": [40, 35]})))


@pytest.mark.parametrize(
    ("columns", "said"),
    (
        ({"ceiling_m": pa.array([200.0, float("nan")])}, ("row 1", "ceiling_m", "NaN")),
        ({"ceiling_m": pa.array([200.0, float("inf")])}, ()),
        ({"floor_m": pa.array([100.0, 300.0])}, ("row 1", "floor_m", "300.0", "200.0")),
        ({"floor_m": pa.array([100.0, 1e9])}, ("row 1", "floor_m", "1000000000.0")),
        ({"floor_m": pa.array(["low", "high"])}, ("floor_m", "expected numbers")),
        ({"floor_m": None}, ("expected a column 'floor_m'",)),
        ({"start": pa.array([NOON, EVENING], type=pa.timestamp("us", "UTC"))}, ("row 1", "start < end")),
        ({"start": pa.array([NOON, None], type=pa.timestamp("us", "UTC"))}, ("row 1", "start", "nothing")),
        ({"end": pa.array([1, 2], type=pa.timestamp("us"))}, ("end", "timestamps of UTC")),
        ({"end": pa.array([NOON, NOON], type=pa.timestamp("us", "Europe/Riga"))}, ("end", "Europe/Riga")),
        ({"end": pa.array(["2026", "2027"])}, ("end", "timestamps of UTC")),
        ({"id": pa.array(["x", "x"])}, ("row 1", "'x'", "row 0")),
        ({"id": pa.array(["x", None])}, ("row 1, id",)),
        ({"id": pa.array([1.5, 2.5])}, ("id", "double")),
        ({"datum": pa.array(["ellipsoid", "amsl 22"])}, ("row 1", "datum", "amsl 22", "never guessed")),
        ({"datum": pa.array(["ellipsoid", "agl 20..10+-1"])}, ("row 1", "datum")),
        ({"radius_m": pa.array([None, 5.0])}, ("row 1", "radius_m", "none with an area")),
    ),
)
def test_a_hostile_column_is_named_with_its_row(columns: dict[str, Any], said: tuple[str, ...]) -> None:
    table = make_arrow([square(), square()], **columns)
    if not said:  # infinity as a ceiling is no bound: as null
        assert from_arrow(table, Columns(datum="ellipsoid")).table.ceiling_cm[1] == UNBOUNDED_CM
        return
    refuse(lambda: from_arrow(table, Columns(datum="ellipsoid")), *said)


def test_a_height_without_its_datum_is_never_guessed() -> None:
    refuse(lambda: from_arrow(make_arrow([square()]), Columns()), "row 0", "datum", "never guessed")
    unbounded = make_arrow([square()], floor_m=pa.nulls(1), ceiling_m=pa.nulls(1))
    assert len(from_arrow(unbounded, Columns())) == 1


@pytest.mark.parametrize(
    ("geometry", "said"),
    (
        (shapely.Polygon(BOW), "geometry: outline"),
        (shapely.MultiPoint([[1, 2]]), "a Point, LineString, Polygon or MultiPolygon"),
        (shapely.to_wkb(square())[:-5], "cut short"),
        (shapely.to_wkb(square()) + b"\0", "longer than it says"),
        (b"", "cut short"),
        (b"\1\3\0\0\0\1\0\0\0\xff\xff\xff\xff", "cut short"),
        (shapely.Polygon(), "not empty"),
        (shapely.Polygon([[200, 35], [201, 35], [201, 36]]), "longitude -180 to 180"),
        (shapely.Polygon([[35, 100], [35, 101], [36, 101]]), "latitude -90 to 90"),
        (NOWHERE, "longitude -180 to 180"),
        (None, "expected a value"),
    ),
)
def test_a_hostile_geometry_is_named_with_its_row(geometry: Any, said: str) -> None:
    column = [shapely.to_wkb(square()), shapely.to_wkb(square())]
    column.append(geometry if geometry is None or isinstance(geometry, bytes) else shapely.to_wkb(geometry))
    table = make_arrow([square()] * 3, geometry=pa.array(column, type=pa.binary()))
    refuse(lambda: from_arrow(table, Columns(datum="ellipsoid")), "row 2", "geometry", said)


def test_a_ring_that_is_not_closed_is_refused() -> None:
    data = bytearray(shapely.to_wkb(square()))
    data[-3] ^= 1
    with pytest.raises(BadShape, match="repeats the first"):
        decode_wkb(np.frombuffer(bytes(data), dtype=np.uint8), np.array([0, len(data)]))


@pytest.mark.parametrize(
    ("change", "said"),
    (
        ({"crs": {"id": {"authority": "EPSG", "code": 3857}}}, "EPSG:3857"),
        ({"crs": None}, "none that is named"),
        ({"encoding": "point"}, "'point'"),
        ({"encoding": "WKT"}, "'WKT'"),
        ({"edges": "vincenty"}, "'vincenty'"),
    ),
)
def test_a_file_of_another_reference_system_is_refused(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    geo = GEO | {"columns": {"geometry": GEO["columns"]["geometry"] | change}}
    refuse(lambda: read_table(write(tmp_path, make_arrow([square()], geo))), "plan.parquet, geo", said)


def test_crs84_and_epsg_4326_and_spherical_edges_are_read(tmp_path: Path) -> None:
    for code, edges in (
        ({"authority": "OGC", "code": "CRS84"}, "planar"),
        ({"authority": "EPSG", "code": 4326}, "spherical"),
    ):
        geo = GEO | {
            "columns": {"geometry": GEO["columns"]["geometry"] | {"crs": {"id": code}, "edges": edges}}
        }
        made = read_table(write(tmp_path, make_arrow([square()], geo)), datum="ellipsoid")
        assert made.notes == (f"plan.parquet: edges, {edges} in the file, are read as geodesics",)


def test_a_parquet_file_that_is_none_or_cut_short_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path, make_arrow([square()] * 100))
    whole = file.read_bytes()
    for data in (b"", b"PAR1", whole[:-20], whole[: len(whole) // 2], whole[:40] + bytes(100) + whole[140:]):
        file.write_bytes(data)
        refuse(lambda: read_table(file, datum="ellipsoid"), "plan.parquet", "whole Parquet file")
    pq.write_table(make_arrow([square()], geo=None), file)
    refuse(lambda: read_table(file), "without 'geo'")
    refuse(lambda: read_table(tmp_path / "none.parquet"), "found none")
    (tmp_path / "plan.shp").write_bytes(b"")
    refuse(lambda: read_table(tmp_path / "plan.shp"), "'.shp'")


@pytest.mark.parametrize(
    ("broken", "said"),
    (
        (feature({"type": "Polygon", "coordinates": [BOW]}), ("feature 1, geometry: outline",)),
        (feature({"type": "Polygon", "coordinates": [SQUARE[:-1]]}), ("feature 1, geometry",)),
        (feature({"type": "Polygon", "coordinates": []}), ("feature 1, geometry",)),
        (feature({"type": "Polygon", "coordinates": "x"}), ("feature 1, geometry",)),
        (feature({"type": "Circle"}), ("feature 1, geometry", "'Circle'")),
        (
            feature({"type": "Polygon", "coordinates": [SQUARE]}, floor_m="100"),
            ("feature 1, floor_m", "'100'"),
        ),
        (feature({"type": "Polygon", "coordinates": [SQUARE]}, floor_m=True), ("feature 1, floor_m", "True")),
        (feature({"type": "Polygon", "coordinates": [SQUARE]}, start="noon"), ("feature 1, start", "'noon'")),
        (
            feature({"type": "Polygon", "coordinates": [SQUARE]}, start="2026-09-17T12:00:00"),
            ("feature 1, start", "UTC"),
        ),
        (
            feature({"type": "Polygon", "coordinates": [SQUARE]}, start="2026-09-17T12:00:00+03:00"),
            ("feature 1, start", "UTC"),
        ),
        (feature({"type": "Polygon", "coordinates": [SQUARE]}, end=None), ("feature 1, end", "nothing")),
        (feature({"type": "Polygon", "coordinates": [SQUARE]}, id=4), ("feature 1, id", "4")),
        (feature({"type": "Polygon", "coordinates": [SQUARE]}, id="first"), ("feature 1, id", "'first'")),
        ({"type": "Polygon", "coordinates": [SQUARE]}, ("feature 1", "expected a Feature")),
        (None, ("feature 1", "expected a Feature")),
    ),
)
def test_a_hostile_feature_is_named(tmp_path: Path, broken: Any, said: tuple[str, ...]) -> None:
    whole = feature({"type": "Polygon", "coordinates": [SQUARE]}, id="first")
    refuse(lambda: read_table(write_features(tmp_path, whole, broken)), "plan.geojson", *said)


def test_json_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "plan.geojson"
    for text, said in (("{", "expected GeoJSON"), ("[]", "'list'"), ('{"type":"Feature"}', "'Feature'")):
        file.write_text(text)
        refuse(lambda: read_table(file), said)
    text = json.dumps({"type": "FeatureCollection", "features": [feature({}, floor_m=float("nan"))]})
    file.write_text(text)
    refuse(lambda: read_table(file), "NaN")


def test_a_set_has_an_id_for_each_volume() -> None:
    made = from_arrow(make_arrow([square()]), Columns(datum="ellipsoid"))
    with pytest.raises(ValueError, match="got 2"):
        VolumeSet(made.table, pa.array(["a", "b"]))


def test_round_outlines_are_seen_at_once_and_crossed_ones_never() -> None:
    """What the quick look passes is simple by the exact rule; it is right to be unsure."""
    from entente.screening.outlines import find_round

    draw = np.random.default_rng(3)
    shapes = []
    for _ in range(300):
        count = int(draw.integers(3, 9))
        lat, lon = draw.uniform(-79, 79), draw.uniform(-179, 178)
        size = 10 ** draw.uniform(-5, -0.4)
        corners = np.array([lon, lat]) + draw.uniform(-1, 1, (count, 2)) * size
        if draw.random() < 0.5:  # a pentagram: turns one way all round, twice
            turn = np.arange(5) * 4 * np.pi / 5
            corners = np.array([lon, lat]) + np.stack((np.cos(turn), np.sin(turn)), axis=1) * size / 2
        if draw.random() < 0.3:
            turn = np.sort(draw.uniform(0, 2 * np.pi, count))
            corners = np.array([lon, lat]) + np.stack((np.cos(turn), np.sin(turn)), axis=1) * size / 2
        if draw.random() < 0.2:  # a C: not round about any middle, its arms near each other or across
            turn = np.linspace(0, 5.5, count)
            out = np.stack((np.cos(turn), np.sin(turn)), axis=1)
            corners = np.array([lon, lat]) + np.concatenate((out, out[::-1] * draw.uniform(0.3, 1.1))) * size
        if draw.random() < 0.2:  # a corner that stands about where the long edge opposite bends to
            wide = draw.uniform(0.05, 0.4)
            cosine, tangent = np.cos(np.radians(lat)), np.tan(np.radians(lat))
            bend = np.degrees(tangent * cosine**2 * np.radians(wide) ** 2 / 8) * draw.uniform(0.1, 1.9)
            high = lat + np.copysign(0.1, lat)
            corners = np.array(
                [(lon, lat), (lon + wide, lat), (lon + wide, high), (lon + wide / 2, lat + bend), (lon, high)]
            )
        shapes.append(shapely.Polygon(corners))
    raw = [shapely.to_wkb(one) for one in shapes]
    decoded = decode_wkb(
        np.frombuffer(b"".join(raw), dtype=np.uint8), np.cumsum([0, *(len(one) for one in raw)])
    )
    count = len(shapes)
    is_sure = np.zeros(count, dtype=np.bool_)
    find_round(
        decoded.points_e7, decoded.vertex_of, decoded.ring_of, np.zeros(count, dtype=np.int64), is_sure
    )
    is_simple = np.zeros(count, dtype=np.bool_)
    for row in range(count):
        first, last = decoded.vertex_of[decoded.ring_of[row]], decoded.vertex_of[decoded.ring_of[row] + 1]
        points = (decoded.points_e7[first:last] / 1e7).tolist()
        try:
            Polygon(tuple((lat, lon) for lat, lon in points))
            is_simple[row] = True
        except InvalidVolume:
            pass
    assert not (is_sure & ~is_simple).any()
    assert 20 < is_sure.sum() < is_simple.sum() < count
