"""A day of two air forces' plans for the demo: flights between real airfields, and a few closed areas each.

Invariants: the same day each time, from the scene file alone; nothing in it was flown, and it says so; each
item is as an officer's file would spell it, so that the demo takes the officer's way.

    >>> day = make_day()
    >>> len(day.plans["us"]), day.late["name"]
    (27, 'late-tanker')
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Any

import msgspec

from entente.cli.blind.items import Item, draw_strip, encode_drawn
from entente.kernel.time import parse_utc
from entente.space import Circle, HeightBand, Separation, Volume, VolumeWire, Window, encode_volume
from entente.space.ellipsoid import distance_and_bearing, walk_line

LatLon = tuple[float, float]
_FOOT_M = 0.3048


@dataclass(frozen=True, slots=True)
class Day:
    """The day that is checked: what is in it, by party, and the item that is added late."""

    title: str
    assumption: str
    start: datetime
    separation: Separation
    grains: list[dict[str, Any]]
    plans: dict[str, list[Item]]
    late_party: str
    late: Item


def make_day(name: str = "day_2016") -> Day:
    """Return the day that a scene file describes."""
    import airportsdata

    text = files("entente.cli").joinpath("scenes", f"{name}.toml").read_text(encoding="utf-8")
    raw = tomllib.loads(text)
    fields = airportsdata.load("ICAO")
    maker = _Maker(raw, parse_utc(raw["day"]), fields)
    keep = raw["separation"]
    late = raw["late"]
    start = maker.start + timedelta(minutes=late["start_minutes"])
    return Day(
        title=raw["title"],
        assumption=raw["assumption"],
        start=maker.start,
        separation=Separation(keep["lateral_m"], keep["vertical_m"], keep["time_s"]),
        grains=raw["grains"],
        plans={one["party"]: [*maker.fly(one), *maker.close(one)] for one in raw["parties"]},
        late_party=late["party"],
        late=_item(late["name"], maker.list_legs(late["route"], start, late["level_m"])),
    )


def _item(name: str, volumes: list[VolumeWire]) -> Item:
    return {"name": name, "volumes": msgspec.to_builtins(volumes)}


@dataclass(frozen=True, slots=True)
class _Maker:
    raw: dict[str, Any]
    start: datetime
    fields: Any

    def _find(self, code: str) -> LatLon:
        return self.fields[code]["lat"], self.fields[code]["lon"]

    def fly(self, party: dict[str, Any]) -> Iterator[Item]:
        """Yield a party's flights, one after the other along its routes."""
        routes, levels_m = party["routes"], party["levels_m"]
        for number in range(party["flights"]):
            route = routes[number % len(routes)]
            # A few seconds each: nothing of the day falls on a round time by itself.
            start = self.start + timedelta(
                minutes=party["first_minutes"] + number * party["every_minutes"], seconds=7 * number + 5
            )
            name = f"flight-{party['party']}-{number + 101}"
            yield _item(name, self.list_legs(route, start, levels_m[number % len(levels_m)]))

    def list_legs(self, route: list[str], start: datetime, level_m: float) -> list[VolumeWire]:
        """Return a flight's legs: strips of the shortest line, each with its heights and its time."""
        flight = self.raw["flight"]
        here, there = (self._find(code) for code in route)
        ground_m = [self.fields[code]["elevation"] * _FOOT_M for code in route]
        length_m, bearing_deg = distance_and_bearing(*here, *there)
        whole_s = length_m / flight["speed_m_s"]
        count = max(1, round(whole_s / flight["leg_s"]))

        def height_m(at_s: float) -> float:
            up_m = ground_m[0] + at_s * flight["climb_m_s"]
            down_m = ground_m[1] + (whole_s - at_s) * flight["climb_m_s"]
            return float(min(level_m, up_m, down_m))

        legs = []
        for number in range(count):
            from_s, to_s = (whole_s * step / count for step in (number, number + 1))
            ends = [walk_line(*here, bearing_deg, flight["speed_m_s"] * at_s) for at_s in (from_s, to_s)]
            # Height turns twice at most: its extremes are at the ends, or at the level.
            heights = [height_m(from_s + (to_s - from_s) * share / 8) for share in range(9)]
            top_m = max(*heights, min(level_m, max(heights) + flight["climb_m_s"] * (to_s - from_s) / 8))
            legs.append(
                encode_drawn(
                    draw_strip(ends[0], ends[1], half_m=flight["radius_m"], long_m=flight["radius_m"]),
                    floor_m=min(heights) - flight["half_height_m"],
                    ceiling_m=top_m + flight["half_height_m"],
                    start_utc=_at(start, from_s),
                    end_utc=_at(start, to_s),
                )
            )
        return legs

    def close(self, party: dict[str, Any]) -> Iterator[Item]:
        """Yield a party's closed areas, which stand for the day and some hours."""
        for number, area in enumerate(party["closed"]):
            centre = walk_line(*self._find(area["airport"]), area["bearing_deg"], area["distance_m"])
            begin = self.start - timedelta(hours=2, minutes=3 + number, seconds=9)
            window = Window(begin, begin + timedelta(hours=28, minutes=17, seconds=4))
            band = HeightBand(None, float(area["ceiling_m"]))
            volume = Volume(Circle(centre, float(area["radius_m"])), band, window)
            yield _item(area["name"], [encode_volume(volume)])


def _at(start: datetime, seconds: float) -> datetime:
    return start + timedelta(seconds=round(seconds))
