"""Outlines that stand in a record: what another machine may honestly not have seen as a fault is none.

Whether edges cross, or an outline is too wide, hangs on distances too. Who takes a new message in refuses
what `Polygon` and `Region` refuse. Who reads what was taken in, perhaps on another machine and years later,
refuses only what no honest machine can have taken for sound (docs/formats/volume.md section 6.7).

Invariants:
  * Whatever `Polygon` and `Region` accept, is accepted; of the rest, only what would be sound if its vertices
    were moved by less than `AGREE_M`.
  * An outline made here can be asked everything: inside is what an odd number of loops holds.

It refuses nothing new: see `entente.space.outline`.

    >>> polygon, fault = parse_recorded_polygon(vertices)
"""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely

from entente.kernel.errors import InvalidVolume
from entente.space.doubt import AGREE_M
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
    """Return whether two edges cross so that no end of one is within `AGREE_M` of the other."""
    flat = plane_under(ring).project(ring.starts)
    edge = ring.edge
    first = np.flatnonzero(np.diff(edge, prepend=-1))
    last = np.append(first[1:], len(edge)) - 1
    corner, end = flat[first], flat[ring.follow[last]]
    line_of = np.concatenate((edge, np.arange(len(first))))
    order = np.argsort(line_of, kind="stable")
    lines = shapely.linestrings(np.concatenate((flat, end))[order], indices=line_of[order])
    mine, theirs = shapely.STRtree(lines).query(lines, predicate="crosses")
    pairs = mine < theirs
    mine, theirs = mine[pairs], theirs[pairs]
    depth = np.full(len(mine), np.inf)
    for ends in (corner, end):
        for one, other in ((mine, theirs), (theirs, mine)):
            depth = np.minimum(depth, shapely.distance(shapely.points(ends[one]), lines[other]))
    return bool((depth > AGREE_M).any())
