"""How volumes and separations travel: scaled integers in canonical JSON, one spelling each.

What it is for: messages carry these structs; `parse_volume` makes a `Volume` of one, `encode_volume` the
reverse.

Invariants:
  * ``encode_volume(parse_volume(wire)) == wire`` for every accepted wire form.
  * One spelling: longitudes in [-180, 180), longitude 0 at a pole, integers only, closed fields.
  * Encoding never shrinks: radii and heights that are not whole centimetres are rounded outward.
    Positions are rounded to the nearest 1e-7 degree, which moves them by at most 8 mm.

It does not convert datums: a height on the wire is above the WGS84 ellipsoid, always.

    >>> wire = parse_canonical_as(data, VolumeWire)
    >>> volume = parse_volume(wire, path="$.body.volumes[0]")
    >>> assert encode_volume(volume) == wire
"""

from __future__ import annotations

import math
import re
from functools import lru_cache
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from entente.kernel.errors import InvalidVolume, Malformed
from entente.kernel.time import UTC_PATTERN, encode_utc, parse_utc
from entente.space.heights import HeightBand
from entente.space.loops import MAX_VERTICES, Vertices
from entente.space.outline import Circle, Lane, Outline, Part, Region
from entente.space.recorded import parse_recorded_polygon, parse_recorded_region
from entente.space.volume import Separation, Volume
from entente.space.window import Window

_E7: Final = 10_000_000
_POLE_E7: Final = 90 * _E7

LatE7 = Annotated[int, Meta(ge=-900_000_000, le=900_000_000)]
LonE7 = Annotated[int, Meta(ge=-1_800_000_000, lt=1_800_000_000)]
HeightCm = Annotated[int, Meta(ge=-10_000_000_000, le=10_000_000_000)]
UtcText = Annotated[str, Meta(pattern=UTC_PATTERN, max_length=27)]
PositionE7 = tuple[LatE7, LonE7]
"""Latitude and longitude in units of 1e-7 degree."""
LoopE7 = Annotated[tuple[PositionE7, ...], Meta(min_length=3, max_length=MAX_VERTICES)]
"""A closed curve; the first vertex is not repeated."""


class PolygonWire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="polygon"):
    """A polygon with geodesic edges; the first vertex is not repeated."""

    vertices_e7: LoopE7


class PartWire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One area of a region and its holes."""

    outer_e7: LoopE7
    holes_e7: Annotated[tuple[LoopE7, ...], Meta(max_length=MAX_VERTICES // 3)]


class RegionWire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="region"):
    """Several areas, or one with holes; at most 10 000 vertices in all."""

    parts: Annotated[tuple[PartWire, ...], Meta(min_length=1, max_length=MAX_VERTICES // 3)]


class CircleWire(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="type", tag="circle"):
    """Everything within a radius of a centre, along the ellipsoid."""

    centre_e7: PositionE7
    radius_cm: Annotated[int, Meta(ge=1, le=100_000_000)]


OutlineWire = PolygonWire | CircleWire | RegionWire


class VolumeWire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An outline, heights above the WGS84 ellipsoid (null is unbounded), a half-open window."""

    outline: OutlineWire
    floor_cm: HeightCm | None
    ceiling_cm: HeightCm | None
    start: UtcText
    end: UtcText


class SeparationWire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What two volumes must keep from each other."""

    lateral_cm: Annotated[int, Meta(ge=0, le=100_000_000)]
    vertical_cm: Annotated[int, Meta(ge=0, le=20_000_000_000)]
    time_s: Annotated[int, Meta(ge=0, le=3_155_760_000)]


_PLACES: Final = {
    "radius": "outline.radius_cm",
    "centre": "outline.centre_e7",
    "parts": "outline.parts",
    "floor": "floor_cm",
    "ceiling": "ceiling_cm",
}
_SMALL_VERTICES: Final = 64
"""Outlines of no more are kept by the hundred when they were read: bounds the memory of what is kept."""
_LARGE_KEPT: Final = 16
"""Some 2 MB each at worst: the outlines of a message or two. One of 4,600 vertices takes half a second."""
_LOOP_PLACE: Final = re.compile(r"^(vertices|parts\[\d+\]\.(?:outer|holes))(?=\[|$)")


def parse_outline(wire: OutlineWire) -> Outline:
    """Return the outline that ``wire`` spells.

    For what stands in a record: a fault that another machine may not have seen is none
    (`entente.space.recorded`). What is new is held to more by `check_volume`.

    Raises:
        InvalidVolume: A second spelling of a position, or no valid outline.
    """
    return _find_fault(wire)[0]


def _find_fault(wire: OutlineWire) -> tuple[Outline, InvalidVolume | None]:
    """Return the outline, and what is wrong with it here, though another machine may not have seen it."""
    return _parse_small(wire) if _is_small(wire) else _parse_large(wire)


def _is_small(wire: OutlineWire) -> bool:
    return isinstance(wire, CircleWire) or (
        isinstance(wire, PolygonWire) and len(wire.vertices_e7) <= _SMALL_VERTICES
    )


def _parse_outline(wire: OutlineWire) -> tuple[Outline, InvalidVolume | None]:
    if isinstance(wire, CircleWire):
        return Circle(_parse_position(wire.centre_e7, "centre"), wire.radius_cm / 100), None
    if isinstance(wire, RegionWire):
        return parse_recorded_region(_parse_parts(wire))
    return parse_recorded_polygon(_parse_loop(wire.vertices_e7, "vertices"))


# A message's volumes are read when it is admitted, projected, and looked at for conflicts. It is the same
# each time, and nothing can change it.
_parse_small: Final = lru_cache(maxsize=256)(_parse_outline)
_parse_large: Final = lru_cache(maxsize=_LARGE_KEPT)(_parse_outline)


def encode_outline(outline: Outline) -> OutlineWire:
    """Return the wire form of ``outline``.

    Raises:
        ValueError: It is a lane, which has none.
    """
    if isinstance(outline, Circle):
        return CircleWire(encode_position(*outline.centre), outward_cm(outline.radius_m, up=True))
    if isinstance(outline, Region):
        return RegionWire(
            tuple(
                PartWire(_encode_loop(part.outer), tuple(_encode_loop(hole) for hole in part.holes))
                for part in outline.parts
            )
        )
    if isinstance(outline, Lane):
        raise ValueError("outline: expected a polygon, region or circle, got a lane, which has no wire form")
    return PolygonWire(_encode_loop(outline.vertices))


def parse_volume(wire: VolumeWire, *, path: str = "$") -> Volume:
    """Return the volume that ``wire`` spells.

    Args:
        path: Where ``wire`` stands in its message; `InvalidVolume.path` starts with it.

    Raises:
        InvalidVolume: The parts do not describe a volume; says what and where.
        Malformed: A time that is no instant.
    """
    if _is_small(wire.outline):
        try:
            return _parse_small_volume(wire)
        except Malformed:
            pass  # said again with its place, which what is kept does not know
    return _parse_volume(wire, path)


def _parse_volume(wire: VolumeWire, path: str = "$") -> Volume:
    try:
        outline = parse_outline(wire.outline)
        heights = HeightBand(_metres(wire.floor_cm), _metres(wire.ceiling_cm))
        window = Window(parse_utc(wire.start, path=f"{path}.start"), parse_utc(wire.end, path=f"{path}.end"))
    except InvalidVolume as error:
        raise InvalidVolume(error.code, error.message, path=f"{path}.{_wire_place(error.path)}") from error
    return Volume(outline, heights, window)


_parse_small_volume: Final = lru_cache(maxsize=256)(_parse_volume)


def check_volume(wire: VolumeWire, *, path: str = "$") -> None:
    """Return if ``wire`` spells a volume that is sound here, to the last digit: for what is new.

    Raises:
        InvalidVolume, Malformed: As `parse_volume`, and where a fault hangs on less than can be measured.
    """
    parse_volume(wire, path=path)
    fault = _find_fault(wire.outline)[1]
    if fault is not None:
        raise InvalidVolume(fault.code, fault.message, path=f"{path}.{_wire_place(fault.path)}") from fault


def encode_volume(volume: Volume) -> VolumeWire:
    """Return the wire form of ``volume``, rounded outward where it is finer than the wire."""
    floor_m, ceiling_m = volume.heights.floor_m, volume.heights.ceiling_m
    return VolumeWire(
        outline=encode_outline(volume.outline),
        floor_cm=None if floor_m is None else outward_cm(floor_m, up=False),
        ceiling_cm=None if ceiling_m is None else outward_cm(ceiling_m, up=True),
        start=encode_utc(volume.window.start_utc),
        end=encode_utc(volume.window.end_utc),
    )


def parse_separation(wire: SeparationWire) -> Separation:
    """Return the separation that ``wire`` spells."""
    return Separation(wire.lateral_cm / 100, wire.vertical_cm / 100, float(wire.time_s))


def encode_separation(separation: Separation) -> SeparationWire:
    """Return the wire form of ``separation``, never smaller."""
    return SeparationWire(
        lateral_cm=outward_cm(separation.lateral_m, up=True),
        vertical_cm=outward_cm(separation.vertical_m, up=True),
        time_s=math.ceil(separation.time_s),
    )


def encode_position(lat_deg: float, lon_deg: float) -> PositionE7:
    """Return the one spelling of a position: nearest 1e-7 degree, longitude in [-180, 180), 0 at a pole."""
    lat, lon = round(lat_deg * _E7), round(lon_deg * _E7)
    if abs(lat) == _POLE_E7:
        return lat, 0
    return lat, (lon + 180 * _E7) % (360 * _E7) - 180 * _E7


def parse_position(position: PositionE7, *, path: str = "$") -> tuple[float, float]:
    """Return latitude and longitude in degrees.

    Raises:
        InvalidVolume: A second spelling: a pole with a longitude other than 0.
    """
    return _parse_position(position, path)


def _parse_position(position: PositionE7, path: str) -> tuple[float, float]:
    lat, lon = position
    if abs(lat) == _POLE_E7 and lon != 0:
        raise InvalidVolume(
            "pole-longitude", f"position: expected longitude 0 at a pole, got {lon}", path=path
        )
    return lat / _E7, lon / _E7


def _parse_parts(wire: RegionWire) -> tuple[Part, ...]:
    return tuple(_parse_part(part, f"parts[{place}]") for place, part in enumerate(wire.parts))


def _parse_part(part: PartWire, path: str) -> Part:
    return Part(
        _parse_loop(part.outer_e7, f"{path}.outer"),
        tuple(_parse_loop(hole, f"{path}.holes[{place}]") for place, hole in enumerate(part.holes_e7)),
    )


def _parse_loop(loop: tuple[PositionE7, ...], path: str) -> Vertices:
    return tuple(_parse_position(position, f"{path}[{place}]") for place, position in enumerate(loop))


def _encode_loop(vertices: Vertices) -> tuple[PositionE7, ...]:
    return tuple(encode_position(lat, lon) for lat, lon in vertices)


def _metres(bound_cm: int | None) -> float | None:
    return None if bound_cm is None else bound_cm / 100


def outward_cm(length_m: float, *, up: bool) -> int:
    """Return metres as centimetres; what is finer goes up or down."""
    nearest = round(length_m * 100)
    if nearest / 100 == length_m:
        return nearest
    return math.ceil(length_m * 100) if up else math.floor(length_m * 100)


def _wire_place(path: str) -> str:
    if _LOOP_PLACE.match(path):
        return "outline." + _LOOP_PLACE.sub(r"\1_e7", path)
    return _PLACES.get(path, path or "outline")
