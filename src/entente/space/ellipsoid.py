"""The WGS84 ellipsoid: points, normals, shortest lines, bearings.

What it is for: everything in this room that knows the shape of the Earth.

Invariants:
  * Positions come as geodetic latitude and longitude in degrees, go as metres from the Earth's centre
    (x to 0 N 0 E, z to the north pole).
  * A straight chord of ``c`` metres between two surface points belongs to a shortest line of at least
    `line_from_chord_m` metres (proof in docs/adr/0003-geodesic-edges.md).

It does not know outlines or volumes, heights or time.

    >>> distance_m, bearing_deg = distance_and_bearing(50.0, 14.0, 50.0, 15.0)
    >>> round(distance_m), round(bearing_deg, 1), compass_word(bearing_deg)
    (71696, 89.6, 'east')
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pyproj import Geod

Floats = NDArray[np.float64]

SEMI_MAJOR_M: Final = 6378137.0
FLATTENING: Final = 1 / 298.257223563
SEMI_MINOR_M: Final = SEMI_MAJOR_M * (1 - FLATTENING)
ECCENTRICITY_2: Final = FLATTENING * (2 - FLATTENING)
TIGHTEST_RADIUS_M: Final = SEMI_MINOR_M**2 / SEMI_MAJOR_M
"""Smallest radius of curvature anywhere: along the meridian at the equator."""
WIDEST_RADIUS_M: Final = SEMI_MAJOR_M**2 / SEMI_MINOR_M
"""Largest radius of curvature anywhere: at the poles."""

_GEOD: Final = Geod(a=SEMI_MAJOR_M, f=FLATTENING)
_COMPASS: Final = (
    "north",
    "north-north-east",
    "north-east",
    "east-north-east",
    "east",
    "east-south-east",
    "south-east",
    "south-south-east",
    "south",
    "south-south-west",
    "south-west",
    "west-south-west",
    "west",
    "west-north-west",
    "north-west",
    "north-north-west",
)


def surface_normals(lat_deg: Floats, lon_deg: Floats) -> Floats:
    """Return the outward unit normals, shape (n, 3)."""
    lat, lon = np.radians(lat_deg), np.radians(lon_deg)
    across = np.cos(lat)
    return np.stack((across * np.cos(lon), across * np.sin(lon), np.sin(lat)), axis=-1)


def surface_point(lat_deg: float, lon_deg: float) -> Floats:
    """Return one surface point, metres from the Earth's centre, shape (3,)."""
    point: Floats = points_from_normals(surface_normals(np.array([lat_deg]), np.array([lon_deg])))[0]
    return point


def points_from_normals(normals: Floats) -> Floats:
    """Return the surface points, metres from the centre, at which ``normals`` stand."""
    radius = SEMI_MAJOR_M / np.sqrt(1 - ECCENTRICITY_2 * normals[..., 2:3] ** 2)
    points: Floats = radius * normals
    points[..., 2] *= 1 - ECCENTRICITY_2
    return points


def to_latlon(x: float, y: float, z: float) -> tuple[float, float]:
    """Return latitude and longitude in degrees of a point near the surface (a few metres: error < 1 um).

    Bowring's formula (Survey Review 23, 1976), one step.
    """
    across = math.hypot(x, y)
    reduced = math.atan2(z * SEMI_MAJOR_M, across * SEMI_MINOR_M)
    second = ECCENTRICITY_2 / (1 - ECCENTRICITY_2)
    lat = math.atan2(
        z + second * SEMI_MINOR_M * math.sin(reduced) ** 3,
        across - ECCENTRICITY_2 * SEMI_MAJOR_M * math.cos(reduced) ** 3,
    )
    return math.degrees(lat), math.degrees(math.atan2(y, x))


def line_from_chord_m(chord_m: float) -> float:
    """Return the least length that a shortest line with this chord can have."""
    return 2 * WIDEST_RADIUS_M * math.asin(min(1.0, chord_m / (2 * WIDEST_RADIUS_M)))


def longest_line_from_chord_m(chord_m: float) -> float:
    """Return the greatest length that a shortest line with this chord can have."""
    if chord_m >= 2 * TIGHTEST_RADIUS_M:
        return math.inf
    return 2 * TIGHTEST_RADIUS_M * math.asin(chord_m / (2 * TIGHTEST_RADIUS_M))


def measure_lines(
    lat1_deg: Floats, lon1_deg: Floats, lat2_deg: Floats, lon2_deg: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return per pair: azimuth at 1 towards 2, azimuth at 2 towards 1 (degrees), length in metres."""
    ahead, back, length_m = _GEOD.inv(lon1_deg, lat1_deg, lon2_deg, lat2_deg)
    return ahead, back, length_m


def walk_lines(
    lat_deg: Floats, lon_deg: Floats, azimuth_deg: Floats, length_m: Floats
) -> tuple[Floats, Floats, Floats]:
    """Return where shortest lines end, and their heading there: latitude, longitude, azimuth in degrees."""
    lon, lat, back = _GEOD.fwd(lon_deg, lat_deg, azimuth_deg, length_m)
    return lat, lon, back + 180.0


def walk_line(lat_deg: float, lon_deg: float, azimuth_deg: float, length_m: float) -> tuple[float, float]:
    """Return where one shortest line ends: latitude, longitude in degrees."""
    lon, lat, _ = _GEOD.fwd(lon_deg, lat_deg, azimuth_deg, length_m)
    return float(lat), float(lon)


def distance_and_bearing(
    lat1_deg: float, lon1_deg: float, lat2_deg: float, lon2_deg: float
) -> tuple[float, float]:
    """Return the length in metres of the shortest line from 1 to 2, and its bearing at 1 in [0, 360).

    Raises:
        ValueError: A latitude beyond +-90 or a number that is not finite.
    """
    for lat, lon in ((lat1_deg, lon1_deg), (lat2_deg, lon2_deg)):
        if not (math.isfinite(lon) and -90.0 <= lat <= 90.0):
            raise ValueError(f"expected a latitude within +-90 and a finite longitude, got {(lat, lon)!r}")
    ahead, _, length_m = _GEOD.inv(lon1_deg, lat1_deg, lon2_deg, lat2_deg)
    bearing = float(ahead) % 360.0
    return float(length_m), 0.0 if bearing == 360.0 or length_m == 0.0 else bearing


def compass_word(bearing_deg: float) -> str:
    """Return the nearest of the sixteen points of the compass, in words."""
    return _COMPASS[math.floor(bearing_deg / 22.5 + 0.5) % 16]
