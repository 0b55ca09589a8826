"""How near two rings come to each other: the exact, conservative heart of the overlap rule.

What it is for: `find_gap` answers "do these two boundaries come within ``reach_m`` along the ellipsoid,
how near, and where".

Invariants:
  * ``Gap.least_m`` is never more than the true distance: no approach is ever missed.
  * It falls short of the true distance by at most 5 mm up to 10 km, 2 cm up to 50 km, 6 cm beyond.
  * The answer does not depend on where on Earth the rings lie, nor on which comes first.

It does not know insides: a ring that lies within another is as far as their boundaries are.

How, in three steps; docs/adr/0003-geodesic-edges.md proves the bounds:
  1. spheres round runs of pieces reject what is certainly too far;
  2. each remaining pair of pieces is projected onto the plane that stands square on the mean of their
     normals. Projection never lengthens, and in that plane an arc leaves its chord by at most
     ``length^2 / 8 R * sin(tilt)``: the distance of two straight segments less these is a lower bound;
  3. beyond 50 km, pieces are halved and measured with true geodesics until 5 cm decide.

    >>> find_gap(ring_of_point(0.0, 0.0), ring_of_point(0.0, 0.001), 500.0).least_m
    111.31...
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from entente.space.ellipsoid import (
    TIGHTEST_RADIUS_M,
    WIDEST_RADIUS_M,
    Floats,
    longest_line_from_chord_m,
    to_latlon,
)
from entente.space.farther import refine_gap
from entente.space.ring import FAN_OUT, Level, Ring

SLACK_M: Final = 0.003
"""Taken off every distance: covers rounding (nanometres), geodesics (15 nm) and `is_inside` (2 mm)."""
FLAT_M: Final = 50_000.0
"""Up to here the projected segments are exact to 2 cm; beyond, geodesics are measured."""
CHUNK: Final = 16_384
"""Pairs looked at together: bounds memory, whatever the outlines."""

Complexes = NDArray[np.complex128]
Places = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Gap:
    """The least distance of two rings, and where each is nearest to the other."""

    least_m: float
    here: tuple[float, float]
    there: tuple[float, float]


def find_gap(a: Ring, b: Ring, reach_m: float) -> Gap | None:
    """Return the gap of ``a`` and ``b`` if it is at most ``reach_m``, else None."""
    mine, theirs, least_m = _find_pairs(a, b, reach_m)
    if not len(mine):
        return None
    best = int(least_m.argmin())
    if least_m[best] <= FLAT_M:
        here, there = _find_places(a, int(mine[best]), b, int(theirs[best]))
        return Gap(float(least_m[best]), here, there)
    found = refine_gap(a, mine, b, theirs, reach_m)
    return None if found is None else Gap(*found)


def _find_pairs(a: Ring, b: Ring, reach_m: float) -> tuple[Places, Places, Floats]:
    """Return the pairs of pieces that may hold the least distance, and their bounds, if within reach."""
    top_a, top_b = len(a.levels) - 1, len(b.levels) - 1
    count = len(b.levels[top_b].radii_m)
    stack = [(top_a, top_b, *np.divmod(np.arange(len(a.levels[top_a].radii_m) * count), count))]
    found: list[tuple[Places, Places, Floats]] = []
    limit_m = reach_m
    while stack:
        at_a, at_b, mine, theirs = stack.pop()
        if len(mine) > CHUNK:
            stack.append((at_a, at_b, mine[CHUNK:], theirs[CHUNK:]))
            mine, theirs = mine[:CHUNK], theirs[:CHUNK]
        least_m, known_m = _sphere_gaps(a.levels[at_a], mine, b.levels[at_b], theirs)
        limit_m = min(limit_m, longest_line_from_chord_m(known_m))
        # A line of at most limit_m has a chord of at most limit_m.
        kept = np.flatnonzero(least_m <= limit_m + SLACK_M)
        mine, theirs = mine[kept], theirs[kept]
        if not len(mine):
            continue
        if at_a == 0 and at_b == 0:
            line_m = _flat_gaps(a, mine, b, theirs)
            kept = np.flatnonzero(line_m <= limit_m)
            found.append((mine[kept], theirs[kept], line_m[kept]))
            if len(kept) and line_m.min() == 0.0:
                return found[-1]  # nothing can be nearer
        elif at_a >= at_b:
            mine, theirs = _open(mine, theirs, len(a.levels[at_a - 1].radii_m))
            stack.append((at_a - 1, at_b, mine, theirs))
        else:
            theirs, mine = _open(theirs, mine, len(b.levels[at_b - 1].radii_m))
            stack.append((at_a, at_b - 1, mine, theirs))
    if len(found) == 1:
        return found[0]
    none = np.zeros(0, dtype=np.int64)
    found.append((none, none, np.zeros(0)))
    return (
        np.concatenate([item[0] for item in found]),
        np.concatenate([item[1] for item in found]),
        np.concatenate([item[2] for item in found]),
    )


def _sphere_gaps(ours: Level, mine: Places, other: Level, theirs: Places) -> tuple[Floats, float]:
    """Return the chord between each pair of spheres, and the least chord between points known to be on."""
    apart = ours.centres[mine] - other.centres[theirs]
    least_m: Floats = np.sqrt(np.einsum("ij,ij->i", apart, apart))
    least_m -= ours.radii_m[mine] + other.radii_m[theirs]
    marked = ours.marks[mine] - other.marks[theirs]
    return least_m, math.sqrt(float(np.einsum("ij,ij->i", marked, marked).min()))


def _open(coarse: Places, other: Places, count: int) -> tuple[Places, Places]:
    inner = (coarse[:, None] * FAN_OUT + np.arange(FAN_OUT)).ravel()
    real = inner < count
    return inner[real], np.repeat(other, FAN_OUT)[real]


def _flat_gaps(a: Ring, mine: Places, b: Ring, theirs: Places) -> Floats:
    """Return for each pair of pieces a distance that is never more than the true one."""
    normal_a, normal_b = a.normals[mine], b.normals[theirs]
    turned = normal_a - normal_b
    half_turn = np.arcsin(np.minimum(1.0, np.sqrt(np.einsum("ij,ij->i", turned, turned)) / 2))
    size_a, size_b = a.length_m[mine], b.length_m[theirs]
    # The angle between any normal on a piece and the plane's own: half the turn, and half the piece.
    bulge = size_a**2 * np.sin(np.minimum(np.pi / 2, half_turn + size_a / (2 * TIGHTEST_RADIUS_M)))
    bulge += size_b**2 * np.sin(np.minimum(np.pi / 2, half_turn + size_b / (2 * TIGHTEST_RADIUS_M)))
    bulge /= 8 * TIGHTEST_RADIUS_M
    start = a.starts[mine]
    u, v, w = _project(
        normal_a + normal_b, a.ends[mine] - start, b.starts[theirs] - start, b.ends[theirs] - start
    )
    chord_m = np.maximum(0.0, _segment_gaps(u, v, w) - bulge)
    line_m: Floats = 2 * WIDEST_RADIUS_M * np.arcsin(np.minimum(1.0, chord_m / (2 * WIDEST_RADIUS_M)))
    return np.maximum(0.0, line_m - SLACK_M)


def _project(normal: Floats, *points: Floats) -> list[Complexes]:
    """Return ``points`` as complex numbers in the plane square on ``normal`` (Duff et al., JCGT 2017)."""
    size = np.sqrt(np.einsum("ij,ij->i", normal, normal))
    x, y, z = (normal / np.maximum(size, 1e-9)[:, None]).T
    sign = np.copysign(1.0, z)
    factor = -1.0 / (sign + z)
    cross = x * y * factor
    first = (1 + sign * x * x * factor, sign * cross, -sign * x)
    second = (cross, sign + y * y * factor, -y)
    flat: list[Complexes] = []
    for point in points:
        px, py, pz = point.T
        real = px * first[0] + py * first[1] + pz * first[2]
        flat.append(real + 1j * (px * second[0] + py * second[1] + pz * second[2]))
    return flat


def _segment_gaps(u: Complexes, v: Complexes, w: Complexes) -> Floats:
    """Return the distance of the segments 0-u and v-w in a plane."""
    along = w - v
    gaps: Floats = np.minimum(
        np.minimum(_to_segment(v, u), _to_segment(w, u)),
        np.minimum(_to_segment(-v, along), _to_segment(u - v, along)),
    )
    sides_of_u = (np.conj(u) * v).imag * (np.conj(u) * w).imag
    sides_of_along = (np.conj(along) * -v).imag * (np.conj(along) * (u - v)).imag
    gaps[(sides_of_u < 0) & (sides_of_along < 0)] = 0.0
    return gaps


def _to_segment(point: Complexes, tip: Complexes) -> Floats:
    size = tip.real**2 + tip.imag**2
    part = np.clip((np.conj(tip) * point).real / np.maximum(size, 1e-30), 0.0, 1.0)
    gaps: Floats = np.abs(point - part * tip)
    return gaps


def _find_places(a: Ring, mine: int, b: Ring, theirs: int) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return where one pair of pieces is nearest to each other, for people: on the chords."""
    start, mine_along = a.starts[mine], a.ends[mine] - a.starts[mine]
    other, theirs_along = b.starts[theirs], b.ends[theirs] - b.starts[theirs]
    normal = (a.normals[mine] + b.normals[theirs])[None, :]
    flat = _project(normal, mine_along[None, :], (other - start)[None, :], theirs_along[None, :])
    u, v, along = (complex(item[0]) for item in flat)
    turn = (u.conjugate() * along).imag
    tries: list[tuple[float, float]] = []
    if turn:
        s, t = (v.conjugate() * along).imag / turn, (v.conjugate() * u).imag / turn
        if 0 <= s <= 1 and 0 <= t <= 1:
            tries.append((s, t))
    tries += [
        (_part(v, u), 0.0),
        (_part(v + along, u), 1.0),
        (0.0, _part(-v, along)),
        (1.0, _part(u - v, along)),
    ]
    s, t = min(tries, key=lambda pair: abs(pair[0] * u - v - pair[1] * along))
    return (
        to_latlon(*(start + s * mine_along).tolist()),
        to_latlon(*(other + t * theirs_along).tolist()),
    )


def _part(point: complex, tip: complex) -> float:
    size = abs(tip) ** 2
    return min(1.0, max(0.0, (tip.conjugate() * point).real / size)) if size else 0.0
