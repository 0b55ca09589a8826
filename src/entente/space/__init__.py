"""Volumes in space and time on the WGS84 ellipsoid, and the exact rule for when two conflict.

What it is for: saying where, how high and when something happens; whether two such things conflict; where
a position is, in words. Pure: no clock, no files, no state.

Invariants:
  * Everything that exists is valid: a `Volume` cannot be made from parts that are not.
  * No conflict is ever missed. What is reported is a conflict, or within millimetres (up to 10 km) or
    centimetres (beyond) of one.
  * One datum: WGS84, heights above its ellipsoid, edges its geodesics, time aware UTC.

What it does not do: search among many volumes, hold terrain, geoid or place data, repair outlines.

    >>> from entente.space import Circle, HeightBand, Separation, Volume, Window, find_conflict
    >>> a = Volume(Circle((35.28, 40.18), 3000.0), HeightBand(None, 7000.0), Window(noon, evening))
    >>> b = Volume(Circle((35.28, 40.28), 3000.0), HeightBand(None, 7000.0), Window(noon, evening))
    >>> found = find_conflict(a, b, Separation(lateral_m=5000.0, vertical_m=300.0, time_s=600.0))
    >>> round(found.gap_m)
    3097
"""

from entente.space.bounds import is_apart
from entente.space.doubt import AGREE_M, relate
from entente.space.ellipsoid import compass_word, distance_and_bearing
from entente.space.heights import HeightBand
from entente.space.holding import HOLD_M, LOOSE_HOLD_M, SURE_HOLD_M, holds
from entente.space.outline import (
    Circle,
    Lane,
    Outline,
    Part,
    Polygon,
    Region,
    contains_point,
    reference_point,
)
from entente.space.overlap import Overlap, distance_m, find_conflict, ground_error_m, is_conflict
from entente.space.volume import Separation, Volume
from entente.space.window import Window
from entente.space.wire import (
    CircleWire,
    OutlineWire,
    PartWire,
    PolygonWire,
    PositionE7,
    RegionWire,
    SeparationWire,
    VolumeWire,
    check_volume,
    encode_outline,
    encode_position,
    encode_separation,
    encode_volume,
    parse_outline,
    parse_position,
    parse_separation,
    parse_volume,
)
from entente.space.words import Gazetteer, NamedArea, Place, PositionWords, describe_position

__all__ = [
    "AGREE_M",
    "HOLD_M",
    "LOOSE_HOLD_M",
    "SURE_HOLD_M",
    "Circle",
    "CircleWire",
    "Gazetteer",
    "HeightBand",
    "Lane",
    "NamedArea",
    "Outline",
    "OutlineWire",
    "Overlap",
    "Part",
    "PartWire",
    "Place",
    "Polygon",
    "PolygonWire",
    "PositionE7",
    "PositionWords",
    "Region",
    "RegionWire",
    "Separation",
    "SeparationWire",
    "Volume",
    "VolumeWire",
    "Window",
    "check_volume",
    "compass_word",
    "contains_point",
    "describe_position",
    "distance_and_bearing",
    "distance_m",
    "encode_outline",
    "encode_position",
    "encode_separation",
    "encode_volume",
    "find_conflict",
    "ground_error_m",
    "holds",
    "is_apart",
    "is_conflict",
    "parse_outline",
    "parse_position",
    "parse_separation",
    "parse_volume",
    "reference_point",
    "relate",
]
