"""Tables as screening reads them, for the tests of its files."""

from __future__ import annotations

import json
import struct
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import shapely

from entente.kernel.errors import EntenteError, Malformed, NotFound

NOON = datetime(2026, 9, 17, 12, tzinfo=UTC)
EVENING = NOON + timedelta(hours=6)
SQUARE = [[40.0, 35.0], [40.1, 35.0], [40.1, 35.1], [40.0, 35.1], [40.0, 35.0]]
BOW = [[40.0, 35.0], [40.1, 35.1], [40.1, 35.0], [40.0, 35.1], [40.0, 35.0]]
GEO: dict[str, Any] = {
    "version": "1.1.0",
    "primary_column": "geometry",
    "columns": {"geometry": {"encoding": "WKB", "geometry_types": []}},
}


NOWHERE = shapely.to_wkb(shapely.Polygon(SQUARE))
NOWHERE = NOWHERE[:29] + struct.pack("<d", float("nan")) + NOWHERE[37:]


def make_arrow(geometries: list[Any], geo: dict[str, Any] | None = GEO, **columns: Any) -> pa.Table:
    count = len(geometries)
    named = {
        "id": pa.array([f"v{number}" for number in range(count)]),
        "geometry": pa.array([one if isinstance(one, bytes) else shapely.to_wkb(one) for one in geometries]),
        "floor_m": pa.array([100.0] * count),
        "ceiling_m": pa.array([200.0] * count),
        "start": pa.array([NOON] * count, type=pa.timestamp("us", "UTC")),
        "end": pa.array([EVENING] * count, type=pa.timestamp("us", "UTC")),
    } | columns
    table = pa.table({name: column for name, column in named.items() if column is not None})
    return table if geo is None else table.replace_schema_metadata({"geo": json.dumps(geo)})


def write(tmp_path: Path, table: pa.Table) -> Path:
    file = tmp_path / "plan.parquet"
    pq.write_table(table, file)
    return file


def square() -> shapely.Polygon:
    return shapely.Polygon(SQUARE)


def refuse(make: Any, *said: str) -> EntenteError:
    with pytest.raises((Malformed, NotFound)) as caught:
        make()
    for one in said:
        assert one in str(caught.value)
    return caught.value


def make_shapes(draw: np.random.Generator, count: int) -> list[shapely.Geometry]:
    found: list[shapely.Geometry] = []
    for _ in range(count):
        x, y = draw.uniform(-179, 179), draw.uniform(-80, 80)
        ring = shapely.Point(x, y).buffer(draw.uniform(0.01, 0.5), quad_segs=int(draw.integers(1, 6)))
        hole = shapely.Point(x, y).buffer(0.005, quad_segs=2)
        other = shapely.affinity.translate(ring, 0.0, 3.0)
        found += [
            ring,
            ring.difference(hole),
            shapely.MultiPolygon([ring.difference(hole), other]),
            shapely.Point(x, y),
            shapely.LineString([(x, y), (x + 0.1, y), (x + 0.1, y + 0.2)]),
        ]
    return found
