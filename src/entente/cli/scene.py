"""A scene: the data that `entente demo` replays, with the source or assumption behind each fact.

Invariants: every ``source`` names an entry of the file's ``[sources]``; what has no source says what was
assumed; coordinates that follow from distances are computed here, on the ellipsoid, never typed in.

It starts nothing and sends nothing.

    >>> scene = load_scene("syria_2016")
    >>> scene.strike.centre
    (35.2471..., 40.1293...)
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

from entente.kernel.errors import Malformed
from entente.kernel.time import encode_utc, parse_utc
from entente.space.ellipsoid import distance_and_bearing, walk_line

LatLon = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Strike:
    """The activity of 17 September 2016: where it was meant, and where it was said to be."""

    centre: LatLon
    passed: LatLon
    radius_m: int
    ceiling_m: int
    positions_radius_m: int
    minutes_out_of_reach: int
    off_m: float


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything the replay needs; ``raw`` is the parsed file."""

    raw: dict[str, Any]
    start: datetime
    strike: Strike

    def cite(self, key: str) -> str:
        """Return the source that ``key`` stands for."""
        sources: dict[str, str] = self.raw["sources"]
        if key not in sources:
            raise Malformed("no-source", f"scene: expected a source named {key!r}")
        return sources[key]

    def window(self, *, begin_minutes: int, hours: int) -> str:
        """Return ``START..END`` as the command line takes it, from the scene's start on."""
        start = self.start + timedelta(minutes=begin_minutes)
        return f"{encode_utc(start)}..{encode_utc(start + timedelta(hours=hours))}"


def load_scene(name: str) -> Scene:
    """Return a scene that ships with entente."""
    raw = tomllib.loads(files("entente.cli").joinpath("scenes", f"{name}.toml").read_text(encoding="utf-8"))
    place = raw["deir_ez_zor"]
    airport = _find_airport(place["airport"])
    centre = walk_line(*airport, float(place["bearing_deg"]), float(place["distance_m"]))
    passed = walk_line(*centre, float(place["passed_bearing_deg"]), float(place["passed_off_m"]))
    strike = Strike(
        centre,
        passed,
        radius_m=place["strike_radius_m"],
        ceiling_m=place["strike_ceiling_m"],
        positions_radius_m=place["positions_radius_m"],
        minutes_out_of_reach=place["minutes_out_of_reach"],
        off_m=distance_and_bearing(*centre, *passed)[0],
    )
    return Scene(raw, parse_utc(raw["start"]), strike)


def circle_text(centre: LatLon, radius_m: int) -> str:
    """Return ``LAT,LON,RADIUS_M`` as the command line takes it."""
    return f"{centre[0]:.7f},{centre[1]:.7f},{radius_m}"


def strip_text(road: list[list[float]], *, north_m: float, south_m: float) -> str:
    """Return the polygon that reaches so far to both sides of a straight piece of road."""
    west, east = ((end[0], end[1]) for end in road)
    _, along_deg = distance_and_bearing(*west, *east)
    left, right = along_deg - 90.0, along_deg + 90.0
    corners = [
        walk_line(*west, left, north_m),
        walk_line(*west, right, south_m),
        walk_line(*east, right, south_m),
        walk_line(*east, left, north_m),
    ]
    return " ".join(f"{lat:.7f},{lon:.7f}" for lat, lon in corners)


def _find_airport(icao: str) -> LatLon:
    import airportsdata

    airport = airportsdata.load("ICAO")[icao]
    return airport["lat"], airport["lon"]
