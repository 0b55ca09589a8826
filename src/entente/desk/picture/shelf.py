"""The volumes of versions, measured and drawn once: a version is named by its hash and never changes.

Invariants: what is kept belongs to a leaf hash, so that it holds for every moment of the record; a box is
never smaller than its volume; bounded (`MOST_VOLUMES`), the least lately used goes first; any thread may ask.

    >>> shelf.get_boxes(row.version, row.volumes).find_within(window)
    [0, 2]
"""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from entente.desk.picture.requests import Window
from entente.desk.picture.rings import Drawn, draw_outline
from entente.kernel.time import parse_utc
from entente.space import CircleWire, OutlineWire, PolygonWire, VolumeWire

MOST_VOLUMES: Final = 200_000
"""Some 100 MB where all of them were drawn."""
_E7: Final = 1e7
_DEGREE_M: Final = 110_500.0
"""A degree of latitude where it is shortest."""
_RADIUS_M: Final = 6_356_000.0


class Boxes(NamedTuple):
    """A row for each volume: west, south, east, north in degrees (beyond 180 too); start, end in us."""

    degrees: NDArray[np.float64]
    times_us: NDArray[np.int64]

    def find_within(self, window: Window) -> list[int]:
        """Return the places of the volumes that touch a window."""
        is_in = np.ones(len(self.degrees), dtype=bool)
        if window.from_us:
            is_in &= self.times_us[:, 1] > window.from_us
        if window.until_us:
            is_in &= self.times_us[:, 0] < window.until_us
        if window.box is not None:
            west, south, _, north = window.box
            is_in &= (self.degrees[:, 1] <= north) & (self.degrees[:, 3] >= south)
            # West of the box seen from the window's west, both going east.
            off = (self.degrees[:, 0] - west) % 360.0
            is_in &= (off <= window.width_deg) | (off + (self.degrees[:, 2] - self.degrees[:, 0]) >= 360.0)
        return [int(place) for place in np.flatnonzero(is_in)]


class Shelved(NamedTuple):
    """What is kept of a version; ``texts`` holds what `geojson` made of it."""

    boxes: Boxes
    drawn: list[Drawn | None]
    texts: list[Any]


class VolumeShelf:
    """Measured and drawn volumes, by version."""

    def __init__(self, most_volumes: int = MOST_VOLUMES) -> None:
        self._kept: OrderedDict[str, Shelved] = OrderedDict()
        self._count = 0
        self._most = most_volumes
        self._lock = threading.Lock()

    def get(self, version: str, volumes: Sequence[VolumeWire]) -> Shelved:
        """Return what is kept of a version, made now if need be."""
        with self._lock:
            found = self._kept.get(version)
            if found is not None:
                self._kept.move_to_end(version)
                return found
        made = Shelved(measure(volumes), [None] * len(volumes), [None] * len(volumes))
        with self._lock:
            if version not in self._kept:
                self._kept[version] = made
                self._count += len(volumes)
            while self._count > self._most and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._count -= len(gone.drawn)
            return self._kept[version]

    def get_boxes(self, version: str, volumes: Sequence[VolumeWire]) -> Boxes:
        """Return the boxes of a version's volumes."""
        return self.get(version, volumes).boxes

    def draw(self, version: str, volumes: Sequence[VolumeWire], place: int) -> Drawn:
        """Return one volume of a version as rings."""
        drawn = self.get(version, volumes).drawn
        found = drawn[place]
        if found is None:
            found = drawn[place] = draw_outline(volumes[place].outline)
        return found

    def get_text(
        self, version: str, volumes: Sequence[VolumeWire], place: int, make: Callable[[VolumeWire], Any]
    ) -> Any:  # noqa: ANN401 - what ``make`` gives
        """Return what was made of one volume of a version, by always the same ``make``."""
        texts = self.get(version, volumes).texts
        found = texts[place]
        if found is None:
            found = texts[place] = make(volumes[place])
        return found


def measure(volumes: Sequence[VolumeWire]) -> Boxes:
    """Return the boxes of volumes."""
    degrees = np.array([_bound(wire.outline) for wire in volumes], dtype=np.float64).reshape(-1, 4)
    times_us = np.array([read_times_us(wire) for wire in volumes], dtype=np.int64).reshape(-1, 2)
    return Boxes(degrees, times_us)


def read_times_us(wire: VolumeWire) -> tuple[int, int]:
    """Return start and end of a volume in POSIX microseconds."""
    return to_us(wire.start), to_us(wire.end)


def to_us(text: str) -> int:
    """Return a time of the record in POSIX microseconds."""
    moment = parse_utc(text)
    return int(moment.timestamp()) * 1_000_000 + moment.microsecond


def _bound(outline: OutlineWire) -> tuple[float, float, float, float]:
    if isinstance(outline, CircleWire):
        lat, lon = outline.centre_e7[0] / _E7, outline.centre_e7[1] / _E7
        return _widen(lat, lon, lat, lon, outline.radius_cm / 100 + 1.0)
    loops = (
        (outline.vertices_e7,)
        if isinstance(outline, PolygonWire)
        else tuple(part.outer_e7 for part in outline.parts)
    )
    lats = [lat for loop in loops for lat, _ in loop]
    lons = [lon for loop in loops for _, lon in loop]
    south, north = min(lats) / _E7, max(lats) / _E7
    west, east = min(lons) / _E7, max(lons) / _E7
    if east - west > 180.0:
        # Across 180 degrees, or round a pole: seen from the other side of the Earth it is one or the other.
        turned = [(lon / _E7) % 360.0 for lon in lons]
        west, east = min(turned), max(turned)
        if east - west > 180.0:
            return -180.0, min(south, -90.0 if south < 0 else south), 180.0, 90.0 if north > 0 else north
    # An edge bends poleward of its ends, by no more than this.
    across_m = math.hypot(east - west, north - south) * _DEGREE_M
    return _widen(south, west, north, east, 1.0 + across_m**2 / (8 * _RADIUS_M) * 1.3)


def _widen(
    south: float, west: float, north: float, east: float, by_m: float
) -> tuple[float, float, float, float]:
    up = by_m / _DEGREE_M
    south, north = max(south - up, -90.0), min(north + up, 90.0)
    highest = max(abs(south), abs(north))
    if highest > 89.0:
        return -180.0, south, 180.0, north
    out = up / math.cos(math.radians(highest))
    if east - west + 2 * out >= 360.0:
        return -180.0, south, 180.0, north
    return west - out, south, east + out, north
