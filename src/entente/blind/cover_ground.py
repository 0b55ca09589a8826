"""Which cells of the ground outlines touch, widened: many outlines at once, conservatively.

What it is for: the footprint's part of `entente.blind.cover`.

Invariants:
  * Every cell that holds a point within its reach of an outline is among the outline's, by itself or by a
    cell that holds it.
  * A cell more than a thousandth of the reach and 2 % beyond it is not, but for cells of more than 1000 km.

How: latitude and longitude are directions on a ball of radius 1, on which a line of s metres turns by at
most s / `TIGHTEST_RADIUS_M`. Edges are cut to runs of at most 20 km, which are straight there to 6 cm
(docs/adr/0012). Cells are quartered from the faces down. A cell is kept while a run comes within reach of it:
first by the planes of its four sides, then, where those do not decide, in the plane that touches the ball at
the run's middle, in which cell and run are straight and whatever is within reach is stretched by at most a
known factor. What no run touches lies inside or outside as a whole.

It does not know heights or times.

    >>> owner, level, number = cover_ground(footprints, most=1_000_000)
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray

from entente.blind.cells import AXES, FACES, Ints, Numbers, find_bounds, find_corners
from entente.kernel.errors import Denied
from entente.space import Lane, Outline
from entente.space.ellipsoid import TIGHTEST_RADIUS_M, Floats, points_from_normals, surface_normals
from entente.space.plane import flatten, plane_under

SPARE_M: Final = 0.3
"""Added to every reach: what the exact rule may fall short by (6 cm), runs that are not quite straight (6 cm,
on both sides), and rounding."""
RUN_PIECES: Final = 4
"""Pieces of a ring, of at most 5 km, that make a run."""
_NEAR_DEPTH: Final = 0.25
"""A corner seen at more than 75 degrees from a run's middle is not projected: the cell is kept."""
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, eq=False)
class Footprint:
    """An outline, how far it reaches beyond its margin, and the levels of its cells, coarse to fine."""

    outline: Outline
    widened_m: float
    levels: tuple[int, ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Runs:
    """Runs of edges as parts of great circles: a row for each, those of an outline together."""

    begin: Ints
    """Where the runs of each outline begin; one more at the end."""
    starts: Floats
    ends: Floats
    middles: Floats
    east: Floats
    north: Floats
    """A plane for each run: it touches the ball at the middle."""
    half: Floats
    """Half the angle from end to end."""
    reach: Floats
    """The angle within which a cell is touched."""


@dataclass(frozen=True, slots=True, eq=False)
class _Front:
    """Cells of one level that are still open: each of one outline."""

    owner: Ints
    face: Ints
    i: Ints
    j: Ints
    is_full: Bools
    """Whether all of it is the outline's: it is only cut until it is small enough to be a cell."""
    number: Numbers

    def take(self, chosen: Ints | Bools) -> _Front:
        return _Front(
            self.owner[chosen],
            self.face[chosen],
            self.i[chosen],
            self.j[chosen],
            self.is_full[chosen],
            self.number[chosen],
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Caps:
    """Within how far of where everything inside each outline lies; not a number for those without an area."""

    centre: Floats
    within_m: Floats


def cover_ground(footprints: list[Footprint], *, most: int) -> tuple[Ints, Ints, Numbers]:
    """Return cells of the ground: of which footprint (by its place), of which level, and their number.

    Raises:
        Denied: More than ``most``.
    """
    if not footprints:
        none = np.zeros(0, dtype=np.int64)
        return none, none, none.astype(np.uint64)
    runs = _cut_runs(footprints)
    count = len(footprints)
    finest = np.array([one.levels[-1] for one in footprints], dtype=np.int64)
    coarsest = np.array([one.levels[0] for one in footprints], dtype=np.int64)
    allowed = np.zeros((count, 32), dtype=np.bool_)
    for place, one in enumerate(footprints):
        allowed[place, list(one.levels)] = True
    owner = np.repeat(np.arange(count), FACES)
    face = np.tile(np.arange(FACES), count)
    none = np.zeros(len(owner), dtype=np.int64)
    front = _Front(owner, face, none, none, none.astype(np.bool_), face.astype(np.uint64))
    # Which runs may touch which open cell: rows of (cell, run), by cell.
    item, run = _spread(runs.begin, owner)
    caps, areas = _find_caps(footprints), dict[int, shapely.Geometry]()
    found: list[tuple[Ints, Ints, Numbers]] = []
    total = 0
    for level in range(int(finest.max()) + 1):
        touch, fill = _touch(front, item, run, runs, level, coarsest)
        item, run = item[touch], run[touch]
        touched = np.zeros(len(front.owner), dtype=np.bool_)
        touched[item] = True
        full = front.is_full.copy()
        full[item[fill[touch]]] = True
        alone = np.flatnonzero(~touched & ~full)
        full[alone] = _find_inside(front.take(alone), level, footprints, caps, areas)
        is_done = (full & allowed[front.owner, level]) | (touched & ~full & (finest[front.owner] == level))
        kept = front.take(is_done)
        found.append((kept.owner, np.full(len(kept.owner), level, dtype=np.int64), kept.number))
        is_open = (touched | full) & ~is_done
        total += len(kept.owner)
        _check_count(total + 4 * int(is_open.sum()), front.owner[is_open], most)
        # Runs are of use only where the cell is not full.
        where = np.cumsum(is_open) - 1
        wanted = is_open[item] & ~full[item]
        item, run = where[item[wanted]], run[wanted]
        front = _quarter(replace(front, is_full=full).take(is_open))
        item = (4 * item[:, None] + np.arange(4)).ravel()
        run = np.repeat(run, 4)
        if not len(front.owner):
            break
    owners, levels, numbers = (np.concatenate(part) for part in zip(*found, strict=True))
    return _merge(owners, levels, numbers, footprints)


def _find_caps(footprints: list[Footprint]) -> _Caps:
    rings = [one.outline.ring for one in footprints]
    chords = np.array([ring.cap_chord_m if ring.is_area else -np.inf for ring in rings])
    # What a boundary encloses lies within the cap around it; on the ellipsoid distances differ by 1 %.
    within_m = np.where(np.isfinite(chords), 1.05 * chords + 1_000.0, -1.0)
    return _Caps(np.array([ring.cap_centre for ring in rings]), np.where(within_m > 0, within_m, np.nan))


def _check_count(count: int, owner: Ints, most: int) -> None:
    if count <= most:
        return
    worst = int(np.bincount(owner, minlength=1).argmax()) if len(owner) else 0
    raise Denied(
        "cover-too-large",
        f"cover: expected at most {most} cells, got more than that; most of them of volume {worst}: make it"
        " smaller or shorter, or agree on a coarser grain for volumes of its extent",
    )


def _cut_runs(footprints: list[Footprint]) -> _Runs:
    outlines = [one.outline for one in footprints]
    rings = [outline.ring for outline in outlines]
    pieces = np.array([len(ring.edge) for ring in rings], dtype=np.int64)
    begins = np.cumsum(pieces) - pieces
    owner = np.repeat(np.arange(len(rings)), pieces)
    edge = np.concatenate([ring.edge for ring in rings])
    follow = np.concatenate([ring.follow for ring in rings]) + begins[owner]
    # A lane's ring runs there and back: only there.
    limit = np.array(
        [
            max(1, len(outline.points) - 1) if isinstance(outline, Lane) else len(ring.edge)
            for outline, ring in zip(outlines, rings, strict=True)
        ],
        dtype=np.int64,
    )
    is_first = np.ones(len(edge), dtype=np.bool_)
    is_first[1:] = (edge[1:] != edge[:-1]) | (owner[1:] != owner[:-1])
    first = np.flatnonzero(is_first)
    length = np.diff(first, append=len(edge))
    step = np.arange(len(edge)) - np.repeat(first, length)
    end = np.repeat(first + length, length)
    chosen = np.flatnonzero((step % RUN_PIECES == 0) & (edge < limit[owner]))
    at = chosen, follow[np.minimum(chosen + RUN_PIECES, end[chosen]) - 1]
    counts = np.bincount(owner[chosen], minlength=len(rings))
    reach = [one.outline.margin_m + one.widened_m + SPARE_M for one in footprints]
    lat, lon = [ring.lat_deg for ring in rings], [ring.lon_deg for ring in rings]
    begin = np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(counts, dtype=np.int64)))
    normals = surface_normals(np.concatenate(lat), np.concatenate(lon))
    starts, ends = normals[at[0]], normals[at[1]]
    middles = starts + ends
    middles /= np.sqrt(np.einsum("ij,ij->i", middles, middles))[:, None]
    aside = np.where(np.abs(middles[:, 2:]) < 0.9, np.array([[0.0, 0.0, 1.0]]), np.array([[1.0, 0.0, 0.0]]))
    east = np.cross(aside, middles)
    east /= np.sqrt(np.einsum("ij,ij->i", east, east))[:, None]
    apart = starts - ends
    half = np.arcsin(np.minimum(1.0, np.sqrt(np.einsum("ij,ij->i", apart, apart)) / 2))
    angles = np.repeat(np.array(reach) / TIGHTEST_RADIUS_M, counts)
    return _Runs(begin, starts, ends, middles, east, np.cross(middles, east), half, angles)


def _spread(begin: Ints, owner: Ints) -> tuple[Ints, Ints]:
    """Return a row for each cell and each of its owner's runs."""
    counts = (begin[1:] - begin[:-1])[owner]
    item = np.repeat(np.arange(len(owner)), counts)
    run = np.arange(len(item)) - np.repeat(np.cumsum(counts) - counts, counts) + begin[owner][item]
    return item, run


def _quarter(front: _Front) -> _Front:
    """Cut each cell into its four: those of cell k stand at 4 k to 4 k + 3."""
    low = np.tile(np.array([0, 0, 1, 1]), len(front.owner)), np.tile(np.array([0, 1, 0, 1]), len(front.owner))
    four = front.take(np.repeat(np.arange(len(front.owner)), 4))
    return replace(
        four,
        i=2 * four.i + low[0],
        j=2 * four.j + low[1],
        number=np.left_shift(four.number, np.uint64(2)) | (2 * low[0] + low[1]).astype(np.uint64),
    )


def _touch(
    front: _Front, item: Ints, run: Ints, runs: _Runs, level: int, coarsest: Ints
) -> tuple[Bools, Bools]:
    """Return which runs may come within reach of their cell, and which certainly reach all of it.

    Args:
        coarsest: The first level of each outline that is measured; above it, the planes decide alone.
    """
    touch = np.zeros(len(item), dtype=np.bool_)
    fill = np.zeros(len(item), dtype=np.bool_)
    near = _pass_planes(front, item, run, runs, level)
    touch[near] = True
    near = near[coarsest[front.owner[item[near]]] <= level]
    item, run = item[near], run[near]
    cells, back = np.unique(item, return_inverse=True)
    corners = find_corners(front.face[cells], front.i[cells], front.j[cells], level)[back]
    middles, east, north = runs.middles[run], runs.east[run], runs.north[run]
    depth = np.einsum("ijk,ik->ij", corners, middles)
    is_flat = depth.min(axis=1, initial=1.0) > _NEAR_DEPTH
    depth = np.maximum(depth, _NEAR_DEPTH)
    x = np.einsum("ijk,ik->ij", corners, east) / depth
    y = np.einsum("ijk,ik->ij", corners, north) / depth
    tip = np.cos(runs.half[run])
    ends = runs.ends[run]
    # The run's ends lie opposite each other about the middle.
    along_x = np.einsum("ij,ij->i", ends, east) / tip
    along_y = np.einsum("ij,ij->i", ends, north) / tip
    gap, far = _measure(x, y, along_x, along_y)
    reach = runs.reach[run]
    around = np.minimum(reach + runs.half[run], 1.3)
    touch[near] = ~is_flat | (gap <= reach / np.cos(around) ** 2)
    # No chord in the plane is shorter than the turn it stands for.
    fill[near] = is_flat & (far <= reach)
    return touch, fill


def _pass_planes(front: _Front, item: Ints, run: Ints, runs: _Runs, level: int) -> Ints:
    """Return which pairs the planes through the cells' four sides do not part."""
    face = front.face[item]
    west, east = find_bounds(front.i[item], level)
    south, north = find_bounds(front.j[item], level)
    # On a short arc a plane's height is at most that of an end and the arc's own rise.
    rise = 1 - np.cos(runs.half[run])
    limit = np.sin(np.minimum(runs.reach[run], np.pi / 2)) + rise
    kept = runs.reach[run] >= np.pi / 2
    turned = [np.einsum("ijk,ik->ij", AXES[face], point[run]) for point in (runs.starts, runs.ends)]
    is_near = np.ones(len(item), dtype=np.bool_)
    for at, low, high in ((1, west, east), (2, south, north)):
        for bound, sign in ((low, 1.0), (high, -1.0)):
            size = np.sqrt(1 + bound * bound)
            height = np.maximum(*(sign * (point[:, at] - bound * point[:, 0]) / size for point in turned))
            is_near &= height >= -limit
    return np.flatnonzero(is_near | kept)


def _measure(x: Floats, y: Floats, along_x: Floats, along_y: Floats) -> tuple[Floats, Floats]:
    """Return how far cells are from runs in the runs' planes, at the nearest and at the farthest corner.

    Args:
        x, y: The cells' corners in turn, shape (n, 4).
        along_x, along_y: The runs' ends; their starts lie opposite.
    """
    size = along_x**2 + along_y**2
    safe = np.maximum(size, 1e-300)
    part = np.clip((x * along_x[:, None] + y * along_y[:, None]) / safe[:, None], -1.0, 1.0)
    to_run = np.hypot(x - part * along_x[:, None], y - part * along_y[:, None])
    gap = to_run.min(axis=1, initial=np.inf)
    far = to_run.max(axis=1, initial=0.0)
    side_x, side_y = np.roll(x, -1, axis=1) - x, np.roll(y, -1, axis=1) - y
    square = np.maximum(side_x**2 + side_y**2, 1e-300)
    held = np.zeros((2, len(x)), dtype=np.bool_)
    turns = []
    for end, sign in enumerate((1.0, -1.0)):
        off_x, off_y = sign * along_x[:, None] - x, sign * along_y[:, None] - y
        share = np.clip((off_x * side_x + off_y * side_y) / square, 0.0, 1.0)
        gap = np.minimum(
            gap, np.hypot(off_x - share * side_x, off_y - share * side_y).min(axis=1, initial=np.inf)
        )
        turn = side_x * off_y - side_y * off_x
        held[end] = (turn >= 0).all(axis=1) | (turn <= 0).all(axis=1)
        turns.append(turn)
    # A run that goes through: its ends on two sides of a side whose ends are on two sides of the run.
    across = along_x[:, None] * y - along_y[:, None] * x
    crosses = (turns[0] * turns[1] <= 0) & (across * np.roll(across, -1, axis=1) <= 0)
    gap[held.any(axis=0) | crosses.any(axis=1)] = 0.0
    return gap, far


def _find_inside(
    front: _Front, level: int, footprints: list[Footprint], caps: _Caps, areas: dict[int, shapely.Geometry]
) -> Bools:
    """Return which cells, none of which a boundary touches, lie inside their outline."""
    inside = np.zeros(len(front.owner), dtype=np.bool_)
    corners = find_corners(front.face, front.i, front.j, level)
    middle = corners.sum(axis=1)
    middle /= np.sqrt(np.einsum("ij,ij->i", middle, middle))[:, None]
    points = points_from_normals(middle)
    away = points - caps.centre[front.owner]
    # Hardly any cell that no boundary touches is near: only those are asked about one by one.
    near = np.flatnonzero(np.einsum("ij,ij->i", away, away) <= caps.within_m[front.owner] ** 2)
    order = near[np.argsort(front.owner[near], kind="stable")]
    owners, begin = np.unique(front.owner[order], return_index=True)
    for owner, chosen in zip(owners.tolist(), np.split(order, begin[1:]), strict=False):
        ring = footprints[owner].outline.ring
        plane = plane_under(ring)
        if owner not in areas:
            areas[owner] = flatten(ring, plane)
            shapely.prepare(areas[owner])
        at = points[chosen]
        # No outline reaches so far from its middle: what does is outside.
        is_seen = at @ plane.axis > 0.05 * np.sqrt(np.einsum("ij,ij->i", at, at))
        flat = plane.project(at[is_seen])
        inside[chosen[is_seen]] = shapely.contains_xy(areas[owner], flat[:, 0], flat[:, 1])
    return inside


def _merge(
    owner: Ints, level: Ints, number: Numbers, footprints: list[Footprint]
) -> tuple[Ints, Ints, Numbers]:
    """Return the same with a parent for all of its children, where the footprint's levels have the parent."""
    chains = {one.levels for one in footprints}
    upward: dict[int, set[int]] = {}
    for levels in chains:
        for coarse, fine in itertools.pairwise(levels):
            upward.setdefault(fine, set()).add(coarse)
    allows = {levels: {(fine, coarse) for coarse, fine in itertools.pairwise(levels)} for levels in chains}
    for fine in sorted(upward, reverse=True):
        for coarse in sorted(upward[fine]):
            may = np.array([(fine, coarse) in allows[one.levels] for one in footprints], dtype=np.bool_)
            chosen = np.flatnonzero((level == fine) & may[owner])
            if not len(chosen):
                continue
            shift = 2 * (fine - coarse)
            parent = number[chosen] >> np.uint64(shift)
            order = np.lexsort((parent, owner[chosen]))
            mine, above = owner[chosen][order], parent[order]
            fresh = np.ones(len(order), dtype=np.bool_)
            fresh[1:] = (mine[1:] != mine[:-1]) | (above[1:] != above[:-1])
            place = np.flatnonzero(fresh)
            count = np.diff(place, append=len(order))
            is_whole = count == 1 << shift
            gone = chosen[order[np.repeat(is_whole, count)]]
            left = np.ones(len(owner), dtype=np.bool_)
            left[gone] = False
            new = place[is_whole]
            owner = np.concatenate((owner[left], mine[new]))
            level = np.concatenate((level[left], np.full(len(new), coarse, dtype=np.int64)))
            number = np.concatenate((number[left], above[new]))
    return owner, level, number
