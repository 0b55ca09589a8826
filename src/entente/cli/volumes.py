"""Volumes as people type them: a circle or polygon, heights, a time window; or a GeoJSON file.

Invariants: degrees and metres are read as decimals, never through binary fractions, so that what is sent
is what was typed; more precision than the format holds (1e-7 degree, 1 cm) is an error, not a rounding.
Positions are latitude first on the command line and longitude first in GeoJSON (RFC 7946), as their users
expect.

It does not judge outlines: the desk does, and names the place of the fault.

    >>> read_circle("35.2854,40.1760,1500")
    {'type': 'circle', 'centre_e7': [352854000, 401760000], 'radius_cm': 150000}
"""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, Final

from entente.kernel.errors import Malformed
from entente.kernel.time import parse_utc

_E7: Final = Decimal(10_000_000)
_CM: Final = Decimal(100)
_MAX_LAT_E7: Final = 900_000_000
_MAX_LON_E7: Final = 1_800_000_000


def _scaled(text: str, scale: Decimal, *, what: str) -> int:
    try:
        value = Decimal(text.strip()) * scale
    except InvalidOperation as error:
        raise Malformed("bad-number", f"{what}: expected a decimal number, got {text!r}") from error
    if not value.is_finite() or value != value.to_integral_value():
        raise Malformed("bad-number", f"{what}: expected a multiple of 1/{scale:f}, got {text!r}")
    return int(value)


def read_point(text: str) -> list[int]:
    """Return ``LAT,LON`` in degrees as scaled integers."""
    parts = text.split(",")
    if len(parts) != 2:
        raise Malformed("bad-point", f"position: expected LAT,LON in degrees, got {text!r}")
    lat_e7 = _scaled(parts[0], _E7, what="latitude")
    lon_e7 = _scaled(parts[1], _E7, what="longitude")
    if abs(lat_e7) > _MAX_LAT_E7:
        raise Malformed("bad-point", f"latitude: expected -90 to 90 degrees, got {parts[0]!r}")
    if not -_MAX_LON_E7 <= lon_e7 < _MAX_LON_E7:
        raise Malformed("bad-point", f"longitude: expected -180 up to but without 180, got {parts[1]!r}")
    return [lat_e7, lon_e7]


def read_circle(text: str) -> dict[str, Any]:
    """Return ``LAT,LON,RADIUS_M`` as an outline."""
    where, _, radius = text.rpartition(",")
    if where.count(",") != 1:
        raise Malformed("bad-circle", f"circle: expected LAT,LON,RADIUS_M, got {text!r}")
    return {
        "type": "circle",
        "centre_e7": read_point(where),
        "radius_cm": _scaled(radius, _CM, what="radius"),
    }


def read_polygon(text: str) -> dict[str, Any]:
    """Return ``'LAT,LON LAT,LON LAT,LON ...'`` as an outline; the last corner joins the first."""
    corners = text.split()
    if len(corners) < 3:
        raise Malformed("bad-polygon", f"polygon: expected 3 or more LAT,LON, got {len(corners)}")
    return {"type": "polygon", "vertices_e7": [read_point(corner) for corner in corners]}


def read_heights(text: str) -> tuple[int | None, int | None]:
    """Return ``FLOOR..CEILING`` in metres above the WGS84 ellipsoid; an empty side is unbounded."""
    floor, dots, ceiling = text.partition("..")
    if not dots:
        raise Malformed(
            "bad-heights", f"heights: expected FLOOR..CEILING in metres above WGS84, got {text!r}"
        )
    return (
        _scaled(floor, _CM, what="floor") if floor.strip() else None,
        _scaled(ceiling, _CM, what="ceiling") if ceiling.strip() else None,
    )


def read_window(text: str) -> tuple[str, str]:
    """Return ``START..END`` in UTC, from START up to but without END."""
    start, dots, end = text.partition("..")
    if not dots:
        raise Malformed("bad-window", f"window: expected START..END in UTC, got {text!r}")
    parse_utc(start, path="START")
    parse_utc(end, path="END")
    return start, end


def read_volumes(
    *, circles: list[str], polygons: list[str], heights: str, window: str, files: list[Path]
) -> list[dict[str, Any]]:
    """Return every volume that the options name, as the desk takes them."""
    outlines = [read_circle(text) for text in circles] + [read_polygon(text) for text in polygons]
    for file in files:
        outlines += _read_geojson(file)
    if not outlines:
        raise Malformed("no-volume", "volume: expected --circle, --polygon or --geojson, got none")
    floor_cm, ceiling_cm = read_heights(heights)
    start, end = read_window(window)
    return [
        {"outline": outline, "floor_cm": floor_cm, "ceiling_cm": ceiling_cm, "start": start, "end": end}
        for outline in outlines
    ]


def _read_geojson(file: Path) -> list[dict[str, Any]]:
    try:
        # Numbers stay text until they are scaled: 40.1760000 has no binary fraction.
        tree = json.loads(file.read_text(encoding="utf-8"), parse_float=str, parse_int=str)
    except OSError as error:
        raise Malformed("no-file", f"GeoJSON {str(file)!r}: {error.strerror or error}") from error
    except ValueError as error:
        raise Malformed("bad-geojson", f"GeoJSON {str(file)!r}: {error}") from error
    found: list[dict[str, Any]] = []
    _collect(tree, str(file), found)
    return found


def _collect(node: Any, where: str, found: list[dict[str, Any]]) -> None:  # noqa: ANN401 - parsed JSON
    kind = node.get("type") if isinstance(node, dict) else None
    if kind == "FeatureCollection":
        for place, feature in enumerate(node.get("features", [])):
            _collect(feature, f"{where}, feature {place}", found)
    elif kind == "Feature":
        _collect(node.get("geometry"), where, found)
    elif kind == "Polygon":
        rings = node.get("coordinates", [])
        if len(rings) != 1:
            raise Malformed(
                "bad-geojson", f"{where}: expected a polygon without holes, got {len(rings)} rings"
            )
        corners = rings[0][:-1] if rings[0][:1] == rings[0][-1:] else rings[0]
        vertices = [read_point(f"{corner[1]},{corner[0]}") for corner in corners]
        found.append({"type": "polygon", "vertices_e7": vertices})
    else:
        raise Malformed(
            "bad-geojson", f"{where}: expected Polygon, Feature or FeatureCollection, got {kind!r}"
        )
