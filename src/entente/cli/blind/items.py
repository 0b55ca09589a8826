"""Plan items for blind checks: volumes as they are typed, or a file as `entente screen` reads it.

A file of tracks becomes one item a flight: its legs, put together while the flight goes straight on, each as
a strip around them.

Invariants: a strip contains everything that its legs contain, so that nothing of a flight is left out of the
check; an object that does not fit one item goes on in another of its name and a number; two objects never
share an item; a file is taken whole or not at all.

It sends nothing.

    >>> read_items(Path("day.csv"), TrackOptions(datum="ellipsoid", radius_m=500, half_height_m=60)).items
    [{'name': 'swr123', 'volumes': [...]}]
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from entente.kernel.errors import Malformed, NotFound
from entente.kernel.time import encode_utc, from_unix_s

if TYPE_CHECKING:
    from entente.screening import VolumeSet
    from entente.screening.legs import Legs
    from entente.space import CircleWire, PolygonWire, VolumeWire

Item = dict[str, Any]

MOST_VOLUMES: Final = 50
"""Of one item: as many as a message takes."""
MOST_NAME: Final = 40
MOST_LEG_S: Final = 600
"""A strip covers its ground for its whole window: a longer one would claim room that nobody flies in."""
MOST_STRIP_M: Final = 100_000.0
"""A strip's long edges are geodesics: so short, they keep their distance to a decimetre."""
_SPARE_M: Final = 0.5
_SPARE_SHARE: Final = 1e-3
"""A strip is made wider by both: for rounding on the wire, and for edges that are no parallels."""


@dataclass(frozen=True, slots=True)
class TrackOptions:
    """How a file is read.

    Args:
        datum: What heights are above, where the file does not say it.
        radius_m, half_height_m: Of tracks: how far a mover reaches; None in a file of volumes.
        leg_s: Of tracks: up to how long a strip may take.
    """

    datum: str = ""
    radius_m: float | None = None
    half_height_m: float | None = None
    max_gap_s: float = 60.0
    max_speed_m_s: float = 400.0
    leg_s: int = 120


@dataclass(frozen=True, slots=True)
class ReadItems:
    """What a file holds, and what its owner should know of how it was read."""

    items: list[Item]
    notes: tuple[str, ...]


def read_items(file: Path, options: TrackOptions) -> ReadItems:
    """Return a file's objects as plan items: CSV of tracks, GeoParquet or GeoJSON (docs/screening.md).

    A file that ends in ``.json`` and holds a list is taken as items are sent to the desk: ``name`` and
    ``volumes`` each (docs/formats/volume.md section 3).

    Raises:
        Malformed: It cannot be read, or two objects would have one name; says where.
        NotFound: There is no such file.
    """
    listed = _read_listed(file)
    if listed is not None:
        return ReadItems(listed, ())
    try:
        from entente.screening import TrackRules, read_table
    except ImportError as error:
        raise Malformed(
            "no-extra", f"plan file: expected the extra 'bulk' (pip install 'entente[bulk]'), got: {error}"
        ) from error
    if not 1 <= options.leg_s <= MOST_LEG_S:
        raise Malformed("bad-leg", f"leg: expected 1 to {MOST_LEG_S} s, got {options.leg_s}")
    rules = None
    if options.radius_m is not None or options.half_height_m is not None:
        if options.radius_m is None or options.half_height_m is None:
            raise Malformed("no-radius", "tracks: expected --radius and --half-height, got one of them")
        rules = TrackRules(
            options.radius_m,
            options.half_height_m,
            options.datum,
            options.max_gap_s,
            options.max_speed_m_s,
        )
    made = read_table(file, datum=options.datum, tracks=rules)
    objects = _list_strips(made, options) if made.legs is not None else _list_volumes(made)
    items = _name_items(objects, file.name)
    if not items:
        raise Malformed("no-volume", f"{file.name}: expected at least one object, got none")
    return ReadItems(items, made.notes)


def _read_listed(file: Path) -> list[Item] | None:
    """Return the items of a file that lists them; None for a file of another form."""
    if file.suffix != ".json":
        return None
    try:
        value = msgspec.json.decode(file.read_bytes())
    except OSError as error:
        raise NotFound("no-file", f"plan file {str(file)!r}: {error.strerror or error}") from error
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise Malformed("not-json", f"plan file {str(file)!r}: expected JSON: {error}") from error
    if not isinstance(value, list):
        return None
    for place, item in enumerate(value):
        if not isinstance(item, dict) or set(item) != {"name", "volumes"}:
            raise Malformed(
                "bad-item",
                f"plan file {str(file)!r}, item {place}: expected an object with name and volumes, got "
                f"{sorted(item) if isinstance(item, dict) else type(item).__name__}",
            )
    return value


def _list_volumes(made: VolumeSet) -> Iterator[tuple[str, list[Any]]]:
    from entente.space import encode_volume

    for row in range(len(made.table)):
        yield made.name(row), [encode_volume(made.table.volume(row))]


def _name_items(objects: Iterable[tuple[str, list[Any]]], subject: str) -> list[Item]:
    items: list[Item] = []
    seen: dict[str, str] = {}
    for name, volumes in objects:
        slug = make_slug(name)
        if slug in seen:
            raise Malformed(
                "name-taken",
                f"{subject}: expected objects whose names differ in letters and digits, got {name!r} and "
                f"{seen[slug]!r}, both {slug!r}",
            )
        seen[slug] = name
        for place in range(0, len(volumes), MOST_VOLUMES):
            suffix = f"-p{place // MOST_VOLUMES + 1}" if place else ""
            part = f"{slug[: MOST_NAME - len(suffix)].rstrip('-')}{suffix}"
            items.append(
                {"name": part, "volumes": msgspec.to_builtins(volumes[place : place + MOST_VOLUMES])}
            )
    names = [item["name"] for item in items]
    if len(set(names)) != len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise Malformed("name-taken", f"{subject}: expected each item's name once, got {twice!r} twice")
    return items


def make_slug(name: str) -> str:
    """Return a name as items have them: small letters, digits and hyphens.

    Raises:
        Malformed: Nothing of it is left, or it is too long.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    if not slug or len(slug) > MOST_NAME:
        raise Malformed(
            "bad-name", f"item: expected a name of 1 to {MOST_NAME} letters and digits, got {name!r}"
        )
    return slug


# Strips.


def _list_strips(made: VolumeSet, options: TrackOptions) -> Iterator[tuple[str, list[Any]]]:
    import numpy as np

    if made.legs is None or made.owner_of is None:
        raise AssertionError("tracks: expected legs and whose they are")
    bounds = np.searchsorted(made.owner_of, np.arange(len(made) + 1)).tolist()
    for number in range(len(made)):
        rows = range(*bounds[number : number + 2])
        strips: list[_Strip] = []
        for row in rows:
            if not strips or not strips[-1].take(row, options.leg_s):
                strips.append(_Strip(made.legs, row))
        yield made.name(number), [strip.encode() for strip in strips]


@dataclass(slots=True)
class _Strip:
    """Legs that follow each other, and where their ends lie as seen from the first."""

    legs: Legs
    first: int
    last: int = field(init=False)
    start: tuple[float, float] = field(init=False)
    goal: tuple[float, float] = field(init=False)
    bearings_deg: list[float] = field(init=False, default_factory=list)
    lengths_m: list[float] = field(init=False, default_factory=list)

    def __post_init__(self) -> None:
        from entente.space.ellipsoid import to_latlon

        self.last = self.first
        self.start = to_latlon(*self.legs.ends_m[self.first, 0].tolist())
        self._add(self.first)

    def _add(self, row: int) -> None:
        from entente.space.ellipsoid import distance_and_bearing, to_latlon

        self.goal = to_latlon(*self.legs.ends_m[row, 1].tolist())
        length_m, bearing_deg = distance_and_bearing(*self.start, *self.goal)
        self.lengths_m.append(length_m)
        self.bearings_deg.append(bearing_deg)

    def take(self, row: int, leg_s: int) -> bool:
        """Make a leg part of the strip if it goes on without a gap, straight and soon enough; say whether."""
        legs, last = self.legs, self.last
        if (
            legs.start_us[row] != legs.end_us[last]
            or (legs.ends_m[row, 0] != legs.ends_m[last, 1]).any()
            or legs.end_us[row] - legs.start_us[self.first] > leg_s * 1_000_000
        ):
            return False
        goal = self.goal
        self._add(row)
        off_m, beyond_m = self._measure()
        # A strip much wider than the mover claims too much; along one that turns back there is no line.
        reach_m = float(legs.reach_m[self.first])
        if 1.0 <= self.lengths_m[-1] <= MOST_STRIP_M and max(off_m, beyond_m) <= reach_m:
            self.last = row
            return True
        self.goal = goal
        del self.lengths_m[-1], self.bearings_deg[-1]
        return False

    def _measure(self) -> tuple[float, float]:
        """Return how far the legs' ends lie beside the line from first to last, and beyond its ends."""
        whole_m, axis_deg = self.lengths_m[-1], self.bearings_deg[-1]
        off_m = beyond_m = 0.0
        for length_m, bearing_deg in zip(self.lengths_m, self.bearings_deg, strict=True):
            turned = math.radians(bearing_deg - axis_deg)
            along_m = length_m * math.cos(turned)
            off_m = max(off_m, abs(length_m * math.sin(turned)))
            beyond_m = max(beyond_m, -along_m, along_m - whole_m)
        return off_m, beyond_m

    def encode(self) -> VolumeWire:
        """Return the volume that contains all its legs, as it travels."""
        rows = slice(self.first, self.last + 1)
        heights_m, widths_m = self.legs.heights_m[rows], self.legs.half_height_m[rows]
        begin = from_unix_s(0)
        return encode_drawn(
            self._draw(float(self.legs.reach_m[rows].max())),
            floor_m=float((heights_m.min(axis=1) - widths_m).min()),
            ceiling_m=float((heights_m.max(axis=1) + widths_m).max()),
            start_utc=begin + timedelta(microseconds=int(self.legs.start_us[self.first])),
            # The last instant belongs to a leg; a window's does not.
            end_utc=begin + timedelta(microseconds=int(self.legs.end_us[self.last]) + 1),
        )

    def _draw(self, reach_m: float) -> CircleWire | PolygonWire:
        from entente.space import CircleWire
        from entente.space.wire import encode_position, outward_cm

        off_m, beyond_m = self._measure()
        if self.lengths_m[-1] < 1.0:
            radius_m = (reach_m + off_m) * (1 + _SPARE_SHARE) + _SPARE_M + 1.0
            return CircleWire(encode_position(*self.start), outward_cm(radius_m, up=True))
        return draw_strip(self.start, self.goal, half_m=reach_m + off_m, long_m=reach_m + beyond_m)


def encode_drawn(
    outline: CircleWire | PolygonWire,
    *,
    floor_m: float,
    ceiling_m: float,
    start_utc: datetime,
    end_utc: datetime,
) -> VolumeWire:
    """Return a volume as it travels; heights finer than a centimetre go outward."""
    from entente.space import VolumeWire
    from entente.space.wire import outward_cm

    return VolumeWire(
        outline,
        outward_cm(floor_m, up=False),
        outward_cm(ceiling_m, up=True),
        encode_utc(start_utc),
        encode_utc(end_utc),
    )


def draw_strip(
    start: tuple[float, float], goal: tuple[float, float], *, half_m: float, long_m: float
) -> PolygonWire:
    """Return the area around the shortest line between two places, a little too large.

    Args:
        half_m: How far it reaches to both sides.
        long_m: How far it reaches beyond both ends.
    """
    from entente.space import PolygonWire
    from entente.space.ellipsoid import distance_and_bearing, walk_line
    from entente.space.wire import encode_position

    half_m, long_m = (length_m * (1 + _SPARE_SHARE) + _SPARE_M for length_m in (half_m, long_m))
    diagonal_m, slant_deg = math.hypot(half_m, long_m), math.degrees(math.atan2(half_m, long_m))
    corners = []
    # From each end, the two corners behind it.
    for here, there in ((start, goal), (goal, start)):
        _, bearing_deg = distance_and_bearing(*here, *there)
        behind_deg = bearing_deg + 180.0
        corners += [
            walk_line(*here, behind_deg + turn_deg, diagonal_m) for turn_deg in (-slant_deg, slant_deg)
        ]
    # The desk looks at the outline: made here for 5,000 strips, a checked polygon costs five seconds.
    return PolygonWire(tuple(encode_position(*corner) for corner in corners))
