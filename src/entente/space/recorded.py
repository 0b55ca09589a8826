"""Outlines that stand in a record: what another machine may honestly not have seen as a fault is none.

Whether edges cross, or an outline is too wide, hangs on distances too. Who takes a new message in refuses
what `Polygon` and `Region` refuse. Who reads what was taken in, perhaps on another machine and years later,
refuses only what no honest machine can have taken for sound (docs/formats/volume.md section 6.7).

Invariants:
  * Whatever `Polygon` and `Region` accept, is accepted; of the rest, only what would be sound if its vertices
    were moved by less than `AGREE_M`; and nothing with more than `_CROSSINGS` crossings an edge.
  * An outline made here can be asked everything: inside is what an odd number of loops holds.

It refuses nothing new: see `entente.space.outline`.

    >>> polygon, fault = parse_recorded_polygon(vertices)
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from entente.kernel.errors import InvalidVolume
from entente.space.doubt import AGREE_M
from entente.space.ellipsoid import Floats
from entente.space.loops import Loops, Vertices, measure_loops
from entente.space.outline import Part, Polygon, Region
from entente.space.plane import plane_under
from entente.space.ring import Ring, cut_edges

_HANGING: Final = frozenset(
    {
        "vertices-coincide",
        "edge-too-long",
        "too-long",
        "too-wide",
        "edges-cross",
        "edges-overlap",
        "not-simple",
        "rings-meet",
    }
)
"""The refusals that hang on a distance. Loops that are apart lie in each other or not: that hangs on none."""
_CROSSINGS: Final = 4
"""An edge, on average. Rounding makes two at most of each vertex that another edge touches."""
_PIECES: Final = 32
"""Pieces of edges compared with all others at a time."""
_ROUNDING: Final = 1e-9
Indices = NDArray[np.int64]


def parse_recorded_polygon(vertices: Vertices) -> tuple[Polygon, InvalidVolume | None]:
    """Return the polygon, and what is wrong with it here; raise that where it was sound nowhere."""
    try:
        return Polygon(vertices), None
    except InvalidVolume as fault:
        made = object.__new__(Polygon)
        object.__setattr__(made, "vertices", vertices)
        object.__setattr__(made, "ring", _bound(Loops.of_polygon(vertices), fault))
        return made, fault


def parse_recorded_region(parts: tuple[Part, ...]) -> tuple[Region, InvalidVolume | None]:
    """Return the region, and what is wrong with it here; raise that where it was sound nowhere."""
    try:
        return Region(parts), None
    except InvalidVolume as fault:
        if fault.code not in _HANGING:
            raise
        made = object.__new__(Region)
        object.__setattr__(made, "parts", parts)
        object.__setattr__(made, "ring", _bound(Loops.of_parts([(p.outer, p.holes) for p in parts]), fault))
        return made, fault


def _bound(loops: Loops, fault: InvalidVolume) -> Ring:
    if fault.code not in _HANGING:
        raise fault
    firsts = loops.firsts
    edges = measure_loops(loops, slack_m=AGREE_M)
    ring = cut_edges(edges, firsts, firsts[[not hole for hole in loops.is_hole]])
    if _crosses_deeply(ring):
        raise fault
    return ring


def _crosses_deeply(ring: Ring) -> bool:
    """Return whether two edges cross with no end of one within `AGREE_M` of the other, or very many cross."""
    flat = plane_under(ring).project(ring.starts)
    edge = ring.edge
    first = np.flatnonzero(np.diff(edge, prepend=-1))
    last = np.append(first[1:], len(edge)) - 1
    corner, end = flat[first], flat[ring.follow[last]]
    line_of = np.concatenate((edge, np.arange(len(first))))
    order = np.argsort(line_of, kind="stable")
    lines = shapely.linestrings(np.concatenate((flat, end))[order], indices=line_of[order])
    # SECURITY: edges heaped on one spot cross each other millions of times, none of them deeply, and whoever
    # reads the record weighed each (tests/unit/test_space_recorded.py,
    # test_edges_heaped_on_one_spot_stall_nobody).
    crossings: set[int] = set()
    for mine, theirs in _list_meeting(flat, flat[ring.follow], edge):
        crossing = shapely.crosses(lines[mine], lines[theirs])
        one, other = mine[crossing], theirs[crossing]
        crossings.update((one * len(first) + other).tolist())
        depth = np.full(len(one), np.inf)
        for ends in (corner, end):
            for here, there in ((one, other), (other, one)):
                depth = np.minimum(depth, shapely.distance(shapely.points(ends[here]), lines[there]))
        if len(crossings) > _CROSSINGS * len(first) or bool((depth > AGREE_M).any()):
            return True
    return False


def _list_meeting(begin: Floats, end: Floats, edge: Indices) -> Iterator[tuple[Indices, Indices]]:
    """Yield pairs of edges, the first before the second, of which two pieces may meet; in no order."""
    low, high = np.minimum(begin, end), np.maximum(begin, end)
    boxes = shapely.box(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
    tree = shapely.STRtree(boxes)
    for start in range(0, len(boxes), _PIECES):
        mine, theirs = tree.query(boxes[start : start + _PIECES])
        mine = mine + start
        pairs = edge[mine] < edge[theirs]
        mine, theirs = mine[pairs], theirs[pairs]
        for _ in range(2):  # the ends of each on two sides of the other
            here, there = begin[mine], end[mine]
            meet = _turn(here, there, begin[theirs]) * _turn(here, there, end[theirs]) <= 0
            mine, theirs = theirs[meet], mine[meet]
        found = np.unique(edge[mine] * len(edge) + edge[theirs])
        yield found // len(edge), found % len(edge)


def _turn(a: Floats, b: Floats, c: Floats) -> Floats:
    """Return which way, -1, 0 or 1, the points turn; 0 also where rounding could have decided."""
    (x, y), (u, v) = (b - a).T, (c - a).T
    turn = x * v - y * u
    unsure = np.abs(turn) <= _ROUNDING * (np.abs(x) + np.abs(y)) * (np.abs(u) + np.abs(v))
    return np.where(unsure, 0.0, np.sign(turn))
