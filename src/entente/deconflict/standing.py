"""Standing volumes as bytes, and the exact rule over them.

What it is for: an index keeps millions of volumes. As objects they would fill the memory, and as text each
question would parse its polygons again. Here each is some hundred bytes that numbers can be read from without
parsing, and that make the very volume again, bit by bit.

    offset  0  u1 spelling of positions: 0 = i4 in 1e-7 degree, 1 = f8 in degrees
            1  u1 what the outline is: 0 = circle, 1 = polygon, 2 = region, 3 = lane
            2  u2 number of rings    4  u4 number of positions
            8  i8 start, i8 end, POSIX microseconds
           24  f8 floor, f8 ceiling, metres; infinite = unbounded
           40  f8 margin round the rings (a circle's radius), f8 the object's own reach, metres
           56  i4 south, west, north, east, floor, ceiling of its `cells.Box`; 80  i8 start, end of it
           96  u4 positions of each ring, the highest bit set if it is a hole of the part before it; a zero
           more     if their number is odd; then the positions: latitude, longitude. So all is a multiple of
           8 bytes

Invariants: little endian; ``unpack(pack(volume, reach_m)) == (volume, reach_m)`` for every volume, whose
checks are not made again; what a `Decider` lets pass is what `space.find_conflict` finds.

It knows no keys and no database.

    >>> data = pack(volume, 0.0)
    >>> Decider().find_met(asked, Separation(), [data])
    [0]
"""

from __future__ import annotations

import math
import struct
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import chain
from typing import Final

import numpy as np

from entente.deconflict.cells import Box, find_box
from entente.kernel.time import from_unix_s
from entente.space import Circle, HeightBand, Outline, Polygon, Separation, Volume, Window, find_conflict
from entente.space.outline import Lane, Part
from entente.space.recorded import parse_recorded_region
from entente.space.ring import ring_around
from entente.space.volume import MAX_VERTICAL_M

_HEADER: Final = struct.Struct("<BBHIqqdddd6i2q")
_BOX: Final = struct.Struct("<6i2q")
_BOX_AT: Final = 56
_NO_BOX: Final = Box(0, 0, 0, 0, 0, 0, 0, 0)
_CIRCLE, _POLYGON, _REGION, _LANE = range(4)
_HOLE: Final = 1 << 31
_E7: Final = 1e7
_EAST_E7: Final = 180 * 10_000_000
_EPOCH: Final = from_unix_s(0)
_MICROSECOND: Final = timedelta(microseconds=1)
Vertices = tuple[tuple[float, float], ...]
COMPILE_AFTER: Final = 2_000
"""Candidates: half a second of the plain rule, which compiled code must win back."""
_KEPT: Final = 4_096
"""Volumes that stay unpacked: some 15 MB."""


def pack(volume: Volume, reach_m: float) -> bytes:
    """Return a standing volume as bytes, with its object's reach and the box of both."""
    return _pack(volume, reach_m, find_box(volume, lateral_m=reach_m, vertical_m=reach_m))


def pack_question(volume: Volume) -> bytes:
    """Return a volume as the compiled rule takes the one asked about: without a box, which it never reads."""
    return _pack(volume, 0.0, _NO_BOX)


def _pack(volume: Volume, reach_m: float, box: Box) -> bytes:
    what, rings, holes = _list_rings(volume.outline)
    positions = np.fromiter(chain.from_iterable(chain.from_iterable(rings)), dtype="<f8")
    # Floats of the wire are whole 1e-7 degrees; any other stay as they are. Not `round(x, 7)`: it must come
    # back.
    whole = np.rint(positions * _E7)
    # On the wire 180 degrees is -180: another spelling, kept as it is.
    is_whole = bool((whole / _E7 == positions).all()) and whole[1::2].max() < _EAST_E7
    band = volume.heights
    header = _HEADER.pack(
        not is_whole,
        what,
        len(rings),
        len(positions) // 2,
        (volume.window.start_utc - _EPOCH) // _MICROSECOND,
        (volume.window.end_utc - _EPOCH) // _MICROSECOND,
        -math.inf if band.floor_m is None else band.floor_m,
        math.inf if band.ceiling_m is None else band.ceiling_m,
        volume.outline.margin_m,
        reach_m,
        *box,
    )
    sizes = struct.pack(
        f"<{len(rings)}I",
        *(len(ring) | _HOLE * hole for ring, hole in zip(rings, holes, strict=True)),
    )
    sizes += bytes(len(sizes) % 8)
    return header + sizes + (whole.astype("<i4") if is_whole else positions).tobytes()


def read_box(data: bytes) -> Box:
    """Return the box of a packed volume, its object's reach included."""
    return Box(*_BOX.unpack_from(data, _BOX_AT))


def unpack(data: bytes) -> tuple[Volume, float]:
    """Return the volume that was packed, and its object's reach."""
    is_fine, what, rings, count, start, end, floor_m, ceiling_m, margin_m, reach_m, *_ = _HEADER.unpack_from(
        data
    )
    at = _HEADER.size + 4 * (rings + rings % 2)
    degrees = np.frombuffer(data, dtype="<f8" if is_fine else "<i4", count=2 * count, offset=at)
    if not is_fine:
        degrees = degrees / _E7
    positions = [(lat, lon) for lat, lon in degrees.reshape(count, 2).tolist()]
    if what == _CIRCLE:
        outline: Outline = Circle(positions[0], margin_m)
    elif what == _LANE:
        outline = Lane(tuple(positions), margin_m)
    elif what == _POLYGON:
        outline = _trust(tuple(positions))
    else:
        parts = _list_parts(positions, struct.unpack_from(f"<{rings}I", data, _HEADER.size))
        # What stands was taken in, perhaps by another machine: a last digit is no fault here.
        outline = parse_recorded_region(parts)[0]
    heights = HeightBand(
        None if floor_m == -math.inf else floor_m, None if ceiling_m == math.inf else ceiling_m
    )
    window = Window(_EPOCH + timedelta(microseconds=start), _EPOCH + timedelta(microseconds=end))
    return Volume(outline, heights, window), reach_m


def widen(separation: Separation, reach_m: float) -> Separation:
    """Return the separation with an object's own reach added, along the ground and in height."""
    if reach_m == 0.0:
        return separation
    # No two bands are farther apart than the most that a separation can be: capped there, it misses nothing.
    vertical_m = min(separation.vertical_m + reach_m, MAX_VERTICAL_M)
    return Separation(separation.lateral_m + reach_m, vertical_m, separation.time_s)


PackedRule = Callable[[bytes, Sequence[bytes], Separation], list[bool | None]]
"""`packed_rule.decide_packed`."""


def fetch_packed_rule() -> PackedRule | None:
    """Return the compiled form of the rule, ready to be called; None where numba is not installed."""
    # Numba takes half a second to import: only who has much to decide pays.
    from entente.deconflict.packed_rule import HAS_COMPILER, decide_packed  # noqa: PLC0415

    if not HAS_COMPILER:
        return None
    moment = Window(_EPOCH, _EPOCH + timedelta(seconds=1))
    data = pack(Volume(Circle((0.0, 0.0), 1.0), HeightBand(None, None), moment), 0.0)
    if decide_packed(data, [data], Separation()) != [True]:
        raise AssertionError("compiled rule: expected a volume to meet itself")
    return decide_packed


class Decider:
    """Applies the exact rule to packed volumes; keeps those unpacked that were asked about last.

    Once it has decided `COMPILE_AFTER` candidates it asks for the compiled form of the rule, where numba is
    installed: a center with a hundred activities never pays for loading it.

    Args:
        fetch: Returns the compiled form, or None while there is none. A room that serves others gives one
            that returns at once: to compile takes many seconds where it was never done.
    """

    def __init__(self, fetch: Callable[[], PackedRule | None] = fetch_packed_rule) -> None:
        self._fetch = fetch
        self._unpacked: OrderedDict[bytes, tuple[Volume, float]] = OrderedDict()
        self._decided = 0
        self._decide_packed: PackedRule | None = None

    def find_met(self, volume: Volume, separation: Separation, candidates: Sequence[bytes]) -> list[int]:
        """Return the places of those candidates that conflict with ``volume``, each widened by its reach."""
        if not candidates:
            return []
        if self._decide_packed is not None:
            return self._find_packed(volume, separation, candidates)
        self._decided += len(candidates)
        if self._decided >= COMPILE_AFTER:
            self._decide_packed = self._fetch()
        return [place for place, data in enumerate(candidates) if self._is_met(volume, separation, data)]

    def compile(self) -> bool:
        """Take the compiled form of the rule from here on; return whether there is one.

        Takes a second where it was compiled before, some seconds else.
        """
        self._decide_packed = fetch_packed_rule()
        return self._decide_packed is not None

    def _find_packed(self, volume: Volume, separation: Separation, candidates: Sequence[bytes]) -> list[int]:
        if self._decide_packed is None:
            raise AssertionError("decider: expected the compiled rule")
        answers = self._decide_packed(pack_question(volume), candidates, separation)
        return [
            place
            for place, is_met in enumerate(answers)
            if is_met or (is_met is None and self._is_met(volume, separation, candidates[place]))
        ]

    def _is_met(self, volume: Volume, separation: Separation, data: bytes) -> bool:
        standing, reach_m = self._unpack(data)
        return find_conflict(volume, standing, widen(separation, reach_m)) is not None

    def _unpack(self, data: bytes) -> tuple[Volume, float]:
        known = self._unpacked.get(data)
        if known is None:
            known = self._unpacked[data] = unpack(data)
            if len(self._unpacked) > _KEPT:
                self._unpacked.popitem(last=False)
        else:
            self._unpacked.move_to_end(data)
        return known


def _list_rings(outline: Outline) -> tuple[int, list[Vertices], list[bool]]:
    """Return what an outline is, its rings of positions, and which of them are holes."""
    if isinstance(outline, Circle):
        return _CIRCLE, [(outline.centre,)], [False]
    if isinstance(outline, Lane):
        return _LANE, [outline.points], [False]
    if isinstance(outline, Polygon):
        return _POLYGON, [outline.vertices], [False]
    rings = [(ring, hole) for part in outline.parts for ring, hole in _list_loops(part)]
    return _REGION, [ring for ring, _ in rings], [hole for _, hole in rings]


def _list_loops(part: Part) -> Iterator[tuple[Vertices, bool]]:
    yield part.outer, False
    for hole in part.holes:
        yield hole, True


def _list_parts(positions: Sequence[tuple[float, float]], sizes: Sequence[int]) -> tuple[Part, ...]:
    """Return the parts of a region from its positions, and how many each ring has."""
    parts: list[tuple[Vertices, list[Vertices]]] = []
    at = 0
    for size in sizes:
        count = size & ~_HOLE
        ring = tuple(positions[at : at + count])
        at += count
        if size & _HOLE:
            parts[-1][1].append(ring)
        else:
            parts.append((ring, []))
    return tuple(Part(outer, tuple(holes)) for outer, holes in parts)


def _trust(vertices: tuple[tuple[float, float], ...]) -> Polygon:
    """Return a polygon that was checked when it was first made: only its pieces are cut again."""
    polygon = object.__new__(Polygon)
    object.__setattr__(polygon, "vertices", vertices)
    object.__setattr__(polygon, "ring", ring_around(vertices))
    return polygon
