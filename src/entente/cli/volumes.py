"""Volumes as people type them: a circle or polygon, heights, a time window; or a GeoJSON file.

Heights are above the WGS84 ellipsoid unless the numbers that convert them are given with them: above sea
level the geoid's height there, above ground the lowest and the highest terrain, each with what is
uncertain. Nothing is guessed, and what is converted is rounded outward (docs/formats/volume.md section 4).

Invariants: degrees and metres are read as decimals, never through binary fractions, so that what is sent
is what was typed; more precision than the format holds (1e-7 degree, 1 cm) is an error, not a rounding.
Positions are latitude first on the command line and longitude first in GeoJSON (RFC 7946), as their users
expect.

It does not judge outlines: the desk does, and names the place of the fault.

    >>> read_circle("35.2854,40.1760,1500")
    {'type': 'circle', 'centre_e7': [352854000, 401760000], 'radius_cm': 150000}
    >>> read_heights("3000..4000 amsl 22+-1.5")
    (302050, 402350)
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from entente.kernel.errors import Malformed
from entente.kernel.time import parse_utc

if TYPE_CHECKING:
    from entente.space import HeightBand

_E7: Final = Decimal(10_000_000)
_CM: Final = Decimal(100)
_MAX_LAT_E7: Final = 900_000_000
_MAX_LON_E7: Final = 1_800_000_000
_AMSL: Final = re.compile(r"(.+)\s+amsl\b(.*)", re.DOTALL)
_AGL: Final = re.compile(r"(.+)\s+agl\b(.*)", re.DOTALL)


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
    """Return ``FLOOR..CEILING`` in centimetres above the WGS84 ellipsoid; an empty side is unbounded.

    Args:
        text: ``FLOOR..CEILING`` in metres above the ellipsoid; ``FLOOR..CEILING amsl N+-U`` above mean sea
            level, where the geoid stands N metres above the ellipsoid, give or take U; ``FLOOR..CEILING agl
            LOW..HIGH+-U`` above ground of LOW to HIGH metres above the ellipsoid, give or take U.

    Raises:
        Malformed: A number is missing, or is none, or converts nothing on Earth.
        InvalidVolume: The floor is above the ceiling.
    """
    if match := _AMSL.fullmatch(text.strip()):
        from entente.space import HeightBand

        geoid, uncertainty = _read_doubt(match[2], "amsl N+-U: the geoid's height above the ellipsoid")
        given = _read_band(match[1], text)
        return _convert(
            lambda: HeightBand.from_amsl(
                *given,
                geoid_undulation_m=_read_metres(geoid, "geoid"),
                uncertainty_m=_read_metres(uncertainty, "uncertainty"),
            )
        )
    if match := _AGL.fullmatch(text.strip()):
        from entente.space import HeightBand

        terrain, uncertainty = _read_doubt(match[2], "agl LOW..HIGH+-U: the terrain above the ellipsoid")
        low, _, high = terrain.partition("..")
        given = _read_band(match[1], text)
        return _convert(
            lambda: HeightBand.from_agl(
                *given,
                terrain_min_m=_read_metres(low, "lowest terrain"),
                terrain_max_m=_read_metres(high, "highest terrain"),
                uncertainty_m=_read_metres(uncertainty, "uncertainty"),
            )
        )
    floor, ceiling = _split_band(text, text)
    return (
        _scaled(floor, _CM, what="floor") if floor.strip() else None,
        _scaled(ceiling, _CM, what="ceiling") if ceiling.strip() else None,
    )


def _split_band(band: str, text: str) -> tuple[str, str]:
    floor, dots, ceiling = band.partition("..")
    if not dots:
        raise Malformed(
            "bad-heights",
            "heights: expected FLOOR..CEILING in metres above WGS84, or with 'amsl N+-U' or"
            f" 'agl LOW..HIGH+-U' after it, got {text!r}",
        )
    return floor, ceiling


def _read_band(band: str, text: str) -> tuple[float | None, float | None]:
    floor, ceiling = _split_band(band, text)
    return (
        _read_metres(floor, "floor") if floor.strip() else None,
        _read_metres(ceiling, "ceiling") if ceiling.strip() else None,
    )


def _read_doubt(text: str, wanted: str) -> tuple[str, str]:
    """Split ``NUMBER+-UNCERTAINTY``; without both, nothing can be converted."""
    known, mark, uncertainty = text.replace("\N{PLUS-MINUS SIGN}", "+-").partition("+-")
    if not (mark and known.strip() and uncertainty.strip()):
        raise Malformed(
            "bad-heights", f"heights: expected {wanted}, with its uncertainty (never guessed), got {text!r}"
        )
    return known, uncertainty


def _read_metres(text: str, what: str) -> float:
    return float(_scaled(text, Decimal(1_000_000), what=what)) / 1e6


def _convert(make: Callable[[], HeightBand]) -> tuple[int | None, int | None]:
    try:
        band = make()
    except ValueError as error:
        raise Malformed("bad-heights", f"heights: {error}") from error
    return _outward_cm(band.floor_m, ROUND_FLOOR), _outward_cm(band.ceiling_m, ROUND_CEILING)


def _outward_cm(bound_m: float | None, rounding: str) -> int | None:
    # To the micrometre first: 3022.1 - 1.5 is a hair beside 3020.6 in binary, and would go a centimetre out.
    return None if bound_m is None else int((Decimal(f"{bound_m:.6f}") * _CM).to_integral_value(rounding))


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
        for place, feature in enumerate(_list(node.get("features"), f"{where}: features")):
            _collect(feature, f"{where}, feature {place}", found)
    elif kind == "GeometryCollection":
        for place, geometry in enumerate(_list(node.get("geometries"), f"{where}: geometries")):
            _collect(geometry, f"{where}, geometry {place}", found)
    elif kind == "Feature":
        _collect(node.get("geometry"), where, found)
    elif kind == "Polygon":
        found.append(_read_areas([node.get("coordinates")], where))
    elif kind == "MultiPolygon":
        found.append(_read_areas(_list(node.get("coordinates"), where), where))
    else:
        raise Malformed(
            "bad-geojson",
            f"{where}: expected Polygon, MultiPolygon, or a Feature or collection of them, got {kind!r}",
        )


def _read_areas(areas: list[Any], where: str) -> dict[str, Any]:
    """Return the outline of all ``areas`` together, each an outer ring and its holes."""
    parts = []
    for place, area in enumerate(areas):
        rings = [_read_ring(ring, f"{where}, polygon {place}") for ring in _list(area, where)]
        if not rings:
            raise Malformed("bad-geojson", f"{where}, polygon {place}: expected an outer ring, got none")
        parts.append({"outer_e7": rings[0], "holes_e7": rings[1:]})
    if not parts:
        raise Malformed("bad-geojson", f"{where}: expected a polygon, got none")
    # One spelling: an area without holes that stands alone is a polygon.
    if len(parts) == 1 and not parts[0]["holes_e7"]:
        return {"type": "polygon", "vertices_e7": parts[0]["outer_e7"]}
    return {"type": "region", "parts": parts}


def _read_ring(ring: Any, where: str) -> list[list[int]]:  # noqa: ANN401 - parsed JSON
    corners = _list(ring, where)
    if len(corners) > 1 and corners[0] == corners[-1]:
        corners = corners[:-1]
    return [_read_corner(corner, where) for corner in corners]


def _read_corner(corner: Any, where: str) -> list[int]:  # noqa: ANN401 - parsed JSON
    if not (isinstance(corner, list) and len(corner) in {2, 3} and all(isinstance(n, str) for n in corner)):
        raise Malformed("bad-geojson", f"{where}: expected a position [longitude, latitude], got {corner!r}")
    lon, lat = corner[:2]
    lat_e7 = _scaled(lat, _E7, what=f"{where}: latitude")
    lon_e7 = _scaled(lon, _E7, what=f"{where}: longitude")
    # Files spell the antimeridian and the poles in several ways; the wire has one.
    if abs(lat_e7) == _MAX_LAT_E7:
        return [lat_e7, 0]
    return read_point(f"{lat},{-180 if lon_e7 == _MAX_LON_E7 else lon}")


def _list(node: Any, where: str) -> list[Any]:  # noqa: ANN401 - parsed JSON
    if not isinstance(node, list):
        raise Malformed("bad-geojson", f"{where}: expected a list, got {type(node).__name__}")
    return node
