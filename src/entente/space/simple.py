"""Whether a ring's loops each bound one area, and if not, where it fails.

What it is for: an outline that crosses or touches itself has no agreed inside. It is refused with the
place of the fault, never repaired.

Invariants: a fault of more than `TOUCH_M` is always found; edges that keep more than `TOUCH_M` apart are
never blamed. Between, either answer may come; the overlap rule is right for both.

How: pieces of at most 5 km are projected from the Earth's centre onto a plane, where each becomes a
straight line to within 2 mm; GEOS tests each flat loop with exact predicates.

It looks at each loop alone: how they lie to each other is asked in `entente.space.nesting`.

    >>> find_fault(ring_around(((0.0, 0.0), (1.0, 1.0), (1.0, 0.0), (0.0, 1.0)))).code
    'edges-cross'
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import shapely
from numpy.typing import NDArray

from entente.space.ellipsoid import Floats
from entente.space.plane import Plane, plane_under
from entente.space.ring import Ring

TOUCH_M: Final = 0.005
"""Twice the error of the projected pieces, and half the step of the wire's coordinates."""
_PLACE: Final = re.compile(r"\[(\S+) (\S+)\]")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why loops bound no area: a code, and the edges or vertices to blame, counted through all loops."""

    code: str
    expected: str
    noun: Literal["edge", "vertex"]
    first: int
    second: int | None
    what: str
    """What is wrong with them, and where."""


def find_fault(ring: Ring) -> Fault | None:
    """Return the first fault that makes a loop of ``ring`` no boundary of an area, or None."""
    plane = plane_under(ring)
    flat = plane.project(ring.starts)
    fold = _find_fold(ring, flat)
    if fold is not None:
        return fold
    if len(ring.loops) == 1:
        shapes = np.array([shapely.polygons(flat)])
    else:
        loop_of = np.repeat(np.arange(len(ring.loops)), np.diff(ring.loops, append=len(flat)))
        shapes = shapely.polygons(shapely.linearrings(flat, indices=loop_of))
    bad = np.flatnonzero(~shapely.is_valid(shapes))
    if not len(bad):
        return None
    loop = int(bad[0])
    pieces = np.arange(len(flat))[ring.loops[loop] :]
    pieces = pieces[: np.append(ring.loops, len(flat))[loop + 1] - ring.loops[loop]]
    reason = shapely.is_valid_reason(shapes[loop])
    place = _PLACE.search(reason)
    if place is None:
        edge = int(ring.edge[pieces[0]])
        return Fault("not-simple", "edges that enclose an area", "edge", edge, None, f"in a {reason.lower()}")
    return _name_fault(ring, pieces, flat, plane, (float(place[1]), float(place[2])))


def _find_fold(ring: Ring, flat: Floats) -> Fault | None:
    """Find neighbouring edges that run back along each other, as in an outline of no area."""
    behind = np.empty_like(ring.follow)
    behind[ring.follow] = np.arange(len(flat))
    corner = np.flatnonzero(ring.edge != ring.edge[behind])
    here = flat[corner]
    before, after = flat[behind[corner]] - here, flat[ring.follow[corner]] - here
    before_m, after_m = np.hypot(*before.T), np.hypot(*after.T)
    aside_m = np.abs(before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]) / np.maximum(before_m, after_m)
    bad = np.flatnonzero((np.einsum("ij,ij->i", before, after) > 0) & (aside_m <= TOUCH_M))
    if not len(bad):
        return None
    place = int(corner[bad[0]])
    first, second = sorted((int(ring.edge[behind[place]]), int(ring.edge[place])))
    where = say_place(float(ring.lat_deg[place]), float(ring.lon_deg[place]))
    return Fault(
        *("edges-overlap", "edges that enclose an area", "edge", first, second),
        f"lying on each other near {where}",
    )


def _name_fault(
    ring: Ring, pieces: NDArray[np.int64], flat: Floats, plane: Plane, at: tuple[float, float]
) -> Fault:
    """Name what meets at the place in the plane that GEOS points to."""
    where = say_place(*plane.lift(*at))
    place = np.array(at)
    begin, along = flat[pieces], flat[ring.follow[pieces]] - flat[pieces]
    edge = ring.edge[pieces]
    corner = np.flatnonzero(np.diff(edge, prepend=edge[-1]))
    at_vertex = np.hypot(*(begin[corner] - place).T)
    vertices = np.argsort(at_vertex, kind="stable")[:2]
    if at_vertex[vertices[1]] <= TOUCH_M:
        low, high = sorted(int(edge[corner[v]]) for v in vertices)
        return Fault("vertices-coincide", "distinct vertices", "vertex", low, high, f"both near {where}")
    part = np.clip(np.einsum("ij,ij->i", place - begin, along) / np.einsum("ij,ij->i", along, along), 0, 1)
    away = np.hypot(*(begin + part[:, None] * along - place).T)
    meeting: list[int] = []
    for piece in np.argsort(away, kind="stable"):
        if int(edge[piece]) not in meeting:
            meeting.append(int(edge[piece]))
        if len(meeting) == 2:
            break
    first, second = sorted(meeting)
    return Fault("edges-cross", "edges that do not meet", "edge", first, second, f"crossing near {where}")


def say_place(lat_deg: float, lon_deg: float) -> str:
    """Return a position as a fault tells it."""
    return f"{lat_deg:.6f}, {lon_deg:.6f}"
