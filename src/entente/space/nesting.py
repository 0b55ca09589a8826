"""How the loops of a region lie to each other: apart, holes in their part, parts outside each other.

What it is for: a region whose loops meet, or whose hole lies outside its part, has no agreed inside. It is
refused with the place of the fault, never repaired.

Invariants: loops that meet are always found, loops that keep more than 12 mm apart are never blamed; between,
either answer may come, and the overlap rule is right for both. That a loop lies in another is told right
for all that are apart.

How: in the plane under the region (`entente.space.plane`), where pieces are straight to 2 mm. Loops that are
apart lie in each other like boxes; the smallest that holds a loop is its *holder*. A hole's holder must be
the outer loop of its part; the holder of an outer loop must be a hole, or nothing.

It takes loops of which each is simple: `entente.space.simple` is asked first.

    >>> find_misplaced(ring, loops) is None
    True
"""

from __future__ import annotations

from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from entente.space.ellipsoid import Floats
from entente.space.loops import Loops
from entente.space.plane import Plane, plane_under
from entente.space.ring import Ring
from entente.space.simple import Fault, say_place

MEET_M: Final = 0.0075
"""In the plane. Two pieces leave their lines by 1.7 mm each on the ground, which the plane stretches by at
most 1.8 (42 degrees from the middle of the widest outline): what meets is at most 6.2 mm apart there."""
CHUNK: Final = 1024
"""Pieces or loops asked about at a time: bounds memory."""
_NOBODY: Final = -1


def find_misplaced(ring: Ring, loops: Loops) -> Fault | None:
    """Return the first fault in how the loops lie to each other, or None."""
    plane = plane_under(ring)
    flat = plane.project(ring.starts)
    loop_of = np.repeat(np.arange(len(ring.loops)), np.diff(ring.loops, append=len(flat)))
    return _find_meeting(ring, loop_of, flat, plane) or _find_wrong_holder(ring, loops, loop_of, flat)


def _find_meeting(ring: Ring, loop_of: NDArray[np.int64], flat: Floats, plane: Plane) -> Fault | None:
    lines = shapely.linestrings(np.stack((flat, flat[ring.follow]), axis=1))
    tree = shapely.STRtree(lines)
    for start in range(0, len(lines), CHUNK):
        mine, theirs = tree.query(lines[start : start + CHUNK], predicate="dwithin", distance=MEET_M)
        mine = mine + start
        other = np.flatnonzero(loop_of[mine] < loop_of[theirs])
        if len(other):
            first, second = int(mine[other[0]]), int(theirs[other[0]])
            between = shapely.shortest_line(lines[first], lines[second]).interpolate(0.5, normalized=True)
            return Fault(
                *(
                    "rings-meet",
                    "rings that keep apart",
                    "edge",
                    int(ring.edge[first]),
                    int(ring.edge[second]),
                ),
                f"meeting near {say_place(*plane.lift(float(between.x), float(between.y)))}",
            )
    return None


def _find_wrong_holder(ring: Ring, loops: Loops, loop_of: NDArray[np.int64], flat: Floats) -> Fault | None:
    holders = _find_holders(shapely.polygons(shapely.linearrings(flat, indices=loop_of)), flat[ring.loops])
    for loop, holder in enumerate(holders.tolist()):
        held_by_hole = holder == _NOBODY or loops.is_hole[holder]
        if loops.is_hole[loop]:
            if not held_by_hole and loops.part[holder] == loops.part[loop]:
                continue
            code, expected = "hole-misplaced", "holes directly inside the outer ring of their part"
        else:
            if held_by_hole:
                continue
            code, expected = "parts-overlap", "parts outside each other"
        place = ring.loops[loop]
        where = say_place(float(ring.lat_deg[place]), float(ring.lon_deg[place]))
        inside = "outside every ring" if holder == _NOBODY else f"inside {loops.words[holder]}"
        return Fault(code, expected, "vertex", int(loops.firsts[loop]), None, f"{inside}, near {where}")
    return None


def _find_holders(shapes: NDArray[np.object_], first: Floats) -> NDArray[np.int64]:
    """Return for each loop the smallest other one that holds it, or -1; one vertex of each decides."""
    tree = shapely.STRtree(shapely.points(first))
    order = np.argsort(shapely.area(shapes), kind="stable")[::-1]
    holders = np.full(len(shapes), _NOBODY)
    # From the largest to the smallest: the last that holds a loop is the smallest.
    for start in range(0, len(order), CHUNK):
        chosen = order[start : start + CHUNK]
        outer, inner = tree.query(shapes[chosen], predicate="contains")
        is_other = chosen[outer] != inner
        last = np.zeros(len(shapes), dtype=np.int64)
        np.maximum.at(last, inner[is_other], outer[is_other] + 1)
        found = last > 0
        holders[found] = chosen[last[found] - 1]
    return holders
