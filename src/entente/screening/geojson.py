"""Sets out of GeoJSON: a FeatureCollection whose features say where, how high and when.

What it is for: small sets that people write or draw; what is large belongs into GeoParquet.

Invariants: a file is taken whole or not at all; an error names the feature, counted from 0, and the field;
a number that JSON does not know (NaN, Infinity) is an error. Positions are longitude first (RFC 7946).

    >>> read_geojson(Path("plan.geojson"), Columns(datum="ellipsoid"))
"""

from __future__ import annotations

import json
import math
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, NoReturn

import numpy as np
import pyarrow as pa
import shapely

from entente.kernel.errors import InvalidVolume, Malformed
from entente.kernel.time import from_unix_s
from entente.screening.arrays import make_binaries, make_column, make_texts, make_times
from entente.screening.arrow import Columns, SetMaker
from entente.screening.sets import VolumeSet
from entente.space.bulk.table import E7

_EPOCH: Final = from_unix_s(0)
_MICROSECOND: Final = timedelta(microseconds=1)
_NUMBERS: Final = ("floor_m", "ceiling_m", "radius_m", "buffer_m")
_TIMES: Final = ("start", "end")
_REFERENCES: Final = frozenset(
    {
        *("urn:ogc:def:crs:OGC:1.3:CRS84", "urn:ogc:def:crs:OGC::CRS84", "OGC:CRS84"),
        *("urn:ogc:def:crs:EPSG::4326", "EPSG:4326"),
    }
)
"""What GeoJSON of 2008 calls WGS84; all of them write longitude first there."""
_KINDS: Final = frozenset({"Point", "LineString", "Polygon", "MultiPolygon"})


def read_geojson(path: Path, columns: Columns) -> VolumeSet:
    """Return the set that a file holds.

    Raises:
        Malformed: It is no FeatureCollection, or a feature's field cannot be read.
        InvalidVolume: A feature is no volume.
    """
    subject = path.name
    try:
        # Some programs put a mark of byte order before what needs none.
        tree = json.loads(path.read_text(encoding="utf-8-sig"), parse_constant=_refuse_constant)
    except ValueError as error:
        raise Malformed("bad-geojson", f"{subject}: expected GeoJSON, got: {error}") from error
    features = tree.get("features") if isinstance(tree, dict) else None
    if not isinstance(features, list) or tree.get("type") != "FeatureCollection":
        kind = tree.get("type") if isinstance(tree, dict) else type(tree).__name__
        raise Malformed("bad-geojson", f"{subject}: expected a FeatureCollection, got {kind!r}")
    _check_reference(tree, subject)
    maker = SetMaker(columns, subject=subject, rows="feature")
    if features:
        maker.add(_make_table(features, subject, columns))
    return maker.finish()


def _check_reference(tree: dict[str, Any], subject: str) -> None:
    """Refuse what says, as GeoJSON of 2008 could, that its positions are in another reference system."""
    stated = tree.get("crs")
    if stated is None:
        return
    named = stated.get("properties", {}) if isinstance(stated, dict) else {}
    name = named.get("name") if isinstance(named, dict) else None
    if name not in _REFERENCES:
        raise Malformed(
            "bad-crs", f"{subject}, crs: expected none, or longitude and latitude of WGS84, got {name!r}"
        )


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"a number that JSON does not know, {text}")


def _make_table(features: list[Any], subject: str, columns: Columns) -> Any:  # noqa: ANN401 - pyarrow
    geometries: list[bytes] = []
    ids: list[Any] = []
    named: dict[str, list[Any]] = {name: [] for name in (*_NUMBERS, *_TIMES, "datum")}
    for place, feature in enumerate(features):
        where = f"{subject}, feature {place}"
        if not isinstance(feature, dict) or feature.get("type") != "Feature":
            raise Malformed("bad-geojson", f"{where}: expected a Feature, got {str(feature)[:60]!r}")
        properties = feature.get("properties") or {}
        geometries.append(_read_geometry(feature.get("geometry"), where))
        ids.append(feature.get("id", properties.get("id")))
        for name in _NUMBERS:
            named[name].append(_read_number(properties.get(name), f"{where}, {name}"))
        for name in _TIMES:
            named[name].append(_read_time(properties.get(name), f"{where}, {name}"))
        datum = properties.get("datum")
        if datum is not None and not isinstance(datum, str):
            raise Malformed("bad-datum", f"{where}, datum: expected text, got {datum!r}")
        named["datum"].append(datum)
    found: dict[str, Any] = {columns.geometry: make_binaries(geometries)}
    if any(one is not None for one in ids):
        found["id"] = _make_ids(ids, subject)
    for name in _NUMBERS:
        found[name] = _make_numbers(named[name])
    for name in _TIMES:
        missing = np.array([one is None for one in named[name]], dtype=np.bool_)
        found[name] = make_times(
            np.array([0 if one is None else (one - _EPOCH) // _MICROSECOND for one in named[name]]), missing
        )
    found["datum"] = make_texts(named["datum"])
    return pa.Table.from_arrays(list(found.values()), names=list(found))


def _make_numbers(numbers: list[float | None]) -> Any:  # noqa: ANN401 - pyarrow
    missing = np.array([one is None for one in numbers], dtype=np.bool_)
    return make_column(np.array([0.0 if one is None else one for one in numbers]), missing)


def _make_ids(ids: list[Any], subject: str) -> Any:  # noqa: ANN401 - pyarrow
    _check_ids(ids, subject)
    if any(isinstance(one, str) for one in ids):
        return make_texts(ids)
    for place, one in enumerate(ids):
        if one is not None and abs(one) >= 1 << 63:
            raise Malformed(
                "bad-id", f"{subject}, feature {place}, id: expected a number below 2^63, got {one!r}"
            )
    missing = np.array([one is None for one in ids], dtype=np.bool_)
    return make_column(np.array([0 if one is None else one for one in ids], dtype=np.int64), missing)


def _check_ids(ids: list[Any], subject: str) -> None:
    kind = type(next(one for one in ids if one is not None))
    for place, one in enumerate(ids):
        if one is not None and (type(one) is not kind or kind not in {int, str}):
            raise Malformed(
                "bad-id",
                f"{subject}, feature {place}, id: expected all whole numbers or all text, got {one!r}",
            )


def _read_geometry(geometry: Any, where: str) -> bytes:  # noqa: ANN401 - parsed JSON
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in _KINDS:
        raise InvalidVolume(
            "bad-geometry",
            f"{where}, geometry: expected a Point, LineString, Polygon or MultiPolygon, got {kind!r}",
        )
    try:
        return bytes(shapely.to_wkb(shapely.from_geojson(json.dumps(geometry))))
    except (shapely.errors.GEOSException, shapely.errors.ShapelyError) as error:
        raise InvalidVolume("bad-geometry", f"{where}, geometry: {error}") from error


def _read_number(given: Any, where: str) -> float | None:  # noqa: ANN401 - parsed JSON
    if given is None:
        return None
    if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
        raise Malformed("bad-number", f"{where}: expected a number or null, got {given!r}")
    return float(given)


def _read_time(given: Any, where: str) -> datetime | None:  # noqa: ANN401 - parsed JSON
    if given is None:
        return None
    return read_time(given, where)


def read_time(given: Any, where: str) -> datetime:  # noqa: ANN401 - parsed JSON
    """Return an instant of UTC.

    Raises:
        Malformed: It is none, or states another zone, or none.
    """
    try:
        moment = datetime.fromisoformat(given)
    except (TypeError, ValueError) as error:
        raise Malformed(
            "bad-time", f"{where}: expected RFC 3339 in UTC, as 2026-09-17T13:55:00Z, got {given!r}"
        ) from error
    if moment.utcoffset() != timedelta(0):
        raise Malformed(
            "bad-time", f"{where}: expected RFC 3339 in UTC, as 2026-09-17T13:55:00Z, got {given!r}"
        )
    return moment


def describe_outline(made: VolumeSet, row: int) -> dict[str, Any]:
    """Return a volume's outline as a GeoJSON geometry: its rings; of a circle or lane the middle line."""
    table = made.table
    first, last = int(table.ring_of[row]), int(table.ring_of[row + 1])
    loops = []
    for ring in range(first, last):
        points = table.points_e7[table.vertex_of[ring] : table.vertex_of[ring + 1]].tolist()
        loops.append([[lon / E7, lat / E7] for lat, lon in points])
    if table.radius_cm[row]:
        line = loops[0][: len(loops[0]) // 2 + 1]
        return (
            {"type": "Point", "coordinates": line[0]}
            if len(loops[0]) == 1
            else {"type": "LineString", "coordinates": line}
        )
    parts: list[list[Any]] = []
    for place, loop in enumerate(loops):
        if not table.is_hole[first + place]:
            parts.append([])
        parts[-1].append([*loop, loop[0]])
    if len(parts) == 1:
        return {"type": "Polygon", "coordinates": parts[0]}
    return {"type": "MultiPolygon", "coordinates": parts}


def describe_object(made: VolumeSet, number: int) -> dict[str, Any]:
    """Return an object's outlines as one GeoJSON geometry; of a track its legs."""
    if made.owner_of is None:
        return describe_outline(made, number)
    first, last = np.searchsorted(made.owner_of, [number, number + 1]).tolist()
    lines = []
    for row in range(first, last):
        geometry = describe_outline(made, row)
        line = geometry["coordinates"]
        # A mover that stood still has a place and no line.
        lines.append([line, line] if geometry["type"] == "Point" else line)
    return {"type": "MultiLineString", "coordinates": lines}
