"""Outlines out of files: every way of reading them says the same, and hostile ones are refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pytest
import shapely

from entente.screening import Columns, from_arrow, read_table
from entente.screening import wkb as wkb_module
from entente.screening.arrow import SetMaker
from entente.screening.shapes import BadShape
from entente.screening.wkb import decode_wkb
from entente.space.bulk.table import COLUMNS
from tests.screening_tables import GEO, make_arrow, make_shapes, refuse, square, write


def decode_both(data: np.ndarray, offsets: np.ndarray, patch: pytest.MonkeyPatch) -> list[Any]:
    """Return what each decoder says: the shapes, or the row and the words."""
    found: list[Any] = []
    for is_compiled in (False, True):
        patch.setattr(wkb_module, "is_worth_compiling", lambda _, way=is_compiled: way)
        try:
            found.append(decode_wkb(data, offsets))
        except BadShape as error:
            found.append((error.row, error.expected))
    return found


def assert_same(one: Any, two: Any) -> None:
    if isinstance(one, tuple) or isinstance(two, tuple):
        assert one == two
        return
    for name in ("ring_of", "vertex_of", "is_hole", "points_e7", "kinds"):
        assert np.array_equal(getattr(one, name), getattr(two, name)), name


def test_both_decoders_read_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    draw = np.random.default_rng(4)
    shapes = [*make_shapes(draw, 20), shapely.Polygon([[180, 1], [179, 1], [179, 2]]), shapely.Point(20, 90)]
    for order in (0, 1):
        for dimension in (2, 3):
            raw = [
                shapely.to_wkb(
                    shapely.force_3d(one) if dimension == 3 else one, byte_order=order, flavor="iso"
                )
                for one in shapes
            ]
            offsets = np.cumsum([0, *(len(one) for one in raw)])
            data = np.frombuffer(b"".join(raw), dtype=np.uint8)
            slow, quick = decode_both(data, offsets, monkeypatch)
            assert_same(slow, quick)
            assert len(slow.kinds) == len(shapes)


def test_any_bytes_are_a_shape_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """By both decoders in the same words, and whatever stands behind it."""
    draw = np.random.default_rng(9)
    whole = shapely.to_wkb(shapely.MultiPolygon([square(), shapely.affinity.translate(square(), 1.0)]))
    good = shapely.to_wkb(square())
    refused = 0
    for _ in range(3_000):
        data = bytearray(good if draw.random() < 0.3 else whole)
        for _ in range(int(draw.integers(1, 4))):
            data[int(draw.integers(len(data) if draw.random() < 0.5 else 22))] = int(draw.integers(256))
        cut = bytes(data[: int(draw.integers(len(data) + 1))]) if draw.random() < 0.3 else bytes(data)
        raw = np.frombuffer(good + cut + good, dtype=np.uint8)
        offsets = np.cumsum([0, len(good), len(cut), len(good)])
        slow, quick = decode_both(raw, offsets, monkeypatch)
        assert_same(slow, quick)
        if isinstance(slow, tuple):
            refused += 1
            assert slow[0] == 1
        else:
            assert slow.vertex_of[-1] == len(slow.points_e7)
    assert 1_000 < refused < 3_000


def test_batches_that_are_filled_at_once_do_not_touch_each_other() -> None:
    """The position that closes a batch's last ring would fall on the first of the next."""
    draw = np.random.default_rng(12)
    shapes = [shape for shape in make_shapes(draw, 30) if shape.geom_type in {"Polygon", "MultiPolygon"}]
    table = make_arrow(shapes)
    whole = from_arrow(table, Columns(datum="ellipsoid"))
    for threads, expected in ((0, (0, 0)), (3, (0, 0)), (3, (len(shapes), 10_000_000)), (3, (7, 50))):
        for size in (1, 13, 70):
            with SetMaker(
                Columns(datum="ellipsoid"), subject="plan", threads=threads, expected=expected
            ) as maker:
                first = 0
                for batch in table.to_batches(max_chunksize=size):
                    maker.add(batch, first)
                    first += batch.num_rows
                made = maker.finish()
            for name in COLUMNS:
                assert np.array_equal(getattr(made.table, name), getattr(whole.table, name)), name


def test_the_first_row_at_fault_is_named_whoever_comes_upon_it_first() -> None:
    raw = [shapely.to_wkb(square())] * 3_000
    raw[100] = shapely.to_wkb(shapely.box(200, 1, 201, 2))  # seen when it is filled in
    raw[250] = raw[250][:-3]  # seen when it is counted
    table = make_arrow([square()] * 3_000)
    place = table.schema.get_field_index("geometry")
    table = table.set_column(place, "geometry", pa.array(raw, type=pa.binary()))
    for size in (3_000, 200, 90):
        with SetMaker(Columns(datum="ellipsoid"), subject="plan", threads=2) as maker:

            def read(maker: SetMaker = maker, size: int = size) -> None:
                for at, batch in enumerate(table.to_batches(max_chunksize=size)):
                    maker.add(batch, at * size)
                maker.finish()

            refuse(read, "row 100, geometry", "longitude -180 to 180")


NESTINGS: Final = {"Point": 0, "LineString": 1, "Polygon": 2, "MultiPolygon": 3}


def nest(shape: shapely.Geometry) -> Any:
    """Return a geometry as GeoArrow's nested lists have it."""

    def line(one: Any) -> list[dict[str, float]]:
        return [{"x": x, "y": y} for x, y in shapely.get_coordinates(one)]

    def area(one: Any) -> list[list[dict[str, float]]]:
        return [line(one.exterior), *(line(hole) for hole in one.interiors)]

    if shape.geom_type == "MultiPolygon":
        return [area(one) for one in shape.geoms]
    return (
        area(shape)
        if shape.geom_type == "Polygon"
        else line(shape)[0 if shape.geom_type == "Point" else slice(None)]
    )


def nest_type(depth: int) -> Any:
    kind = pa.struct([("x", pa.float64()), ("y", pa.float64())])
    for _ in range(depth):
        kind = pa.list_(kind)
    return kind


@pytest.mark.parametrize("kind", sorted(NESTINGS))
def test_geoarrow_and_wkb_are_the_same_set(tmp_path: Path, kind: str) -> None:
    shapes = [one for one in make_shapes(np.random.default_rng(5), 60) if one.geom_type == kind]
    radius = None if "Polygon" in kind else [100.0] * len(shapes)
    geo = GEO | {"columns": {"geometry": GEO["columns"]["geometry"] | {"encoding": kind.lower()}}}
    table = make_arrow(shapes)
    if radius is not None:
        table = table.append_column("radius_m", pa.array(radius))
    place = table.schema.get_field_index("geometry")
    nested = pa.array([nest(shape) for shape in shapes], type=nest_type(NESTINGS[kind]))
    other = table.set_column(place, "geometry", nested).replace_schema_metadata({"geo": json.dumps(geo)})
    expected = from_arrow(table, Columns(datum="ellipsoid"))
    for made in (
        read_table(write(tmp_path, other), datum="ellipsoid"),
        from_arrow(other.slice(3), Columns(datum="ellipsoid")),
    ):
        skipped = len(shapes) - len(made)
        rows = expected.table.take(range(skipped, len(shapes)))
        for name in COLUMNS:
            assert np.array_equal(getattr(made.table, name), getattr(rows, name)), name


@pytest.mark.parametrize(
    ("kind", "nested", "said"),
    (
        ("polygon", [[[(1, 1), (2, 1), (2, 2), (1, 1)]], []], "row 1, geometry: expected a geometry that"),
        ("polygon", [[[(1, 1), (2, 1), (1, 1)]]], "row 0, geometry: expected a ring of 4 positions"),
        ("polygon", [[[(1, 1), (2, 1), (2, 2), (1, 2)]]], "row 0, geometry: expected a ring whose last"),
        ("polygon", [[[(1, 1), (2, 1), (2, 95), (1, 1)]]], "row 0, geometry: expected longitude -180"),
        ("polygon", [[[(1, 1), None, (2, 2), (1, 1)]]], "row 0, geometry: expected longitude -180"),
        ("polygon", [[[(1, 1), (2, 1), (2, 2), (1, 1)], None]], "row 0, geometry: expected a ring of 4"),
        ("multipolygon", [[[[(1, 1), (2, 1), (2, 2), (1, 1)]], []]], "row 0, geometry: expected a geometry"),
        ("linestring", [[(1, 1)]], "row 0, geometry: expected a line of 2"),
        ("point", [(1, 1), (200, 1)], "row 1, geometry: expected longitude -180"),
    ),
)
def test_hostile_lists_are_named_with_their_row(kind: str, nested: list[Any], said: str) -> None:
    def spell(one: Any) -> Any:
        if isinstance(one, tuple):
            return {"x": float(one[0]), "y": float(one[1])}
        return None if one is None else [spell(inner) for inner in one]

    geo = GEO | {"columns": {"geometry": GEO["columns"]["geometry"] | {"encoding": kind}}}
    depth = {"point": 0, "linestring": 1, "polygon": 2, "multipolygon": 3}[kind]
    table = make_arrow([square()] * len(nested)).append_column(
        "radius_m", pa.nulls(len(nested), pa.float64())
    )
    place = table.schema.get_field_index("geometry")
    column = pa.array([spell(one) for one in nested], type=nest_type(depth))
    other = table.set_column(place, "geometry", column).replace_schema_metadata({"geo": json.dumps(geo)})
    refuse(lambda: from_arrow(other, Columns(datum="ellipsoid"), subject="plan"), said)
