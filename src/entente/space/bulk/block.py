"""A block of proposed pairs, of one cell or of many: fetched together, laid out together, decided.

What it is for: volumes lie anywhere in memory. Fetched one by one, waiting for their corners would take
longer than deciding; so some hundred pairs are proposed before any is looked at.

Invariants: a pair is decided in the plane of its cell where that is sure (`entente.space.bulk.laid`), else in
its own (`entente.space.bulk.decide`), else it is left to the exact rule, as unsure. What a sweep rounded in
time and height is compared anew.

It proposes nothing: see `entente.space.bulk.sweep`.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from entente.space.bulk.compiled import Array, Number, bare, inlined
from entente.space.bulk.decide import MEETS, UNSURE, Geometry, decide_pair
from entente.space.bulk.grid import Numbers, Rule
from entente.space.bulk.laid import (
    MOST_EDGES,
    POINT,
    TOGETHER,
    decide_laid,
    decide_point,
    find_bounds,
    flatten_all,
    gather_ring,
)

Asked = tuple[Numbers, bool, bool, Rule, Array, int]
"""Columns of the table; whether what the sweep compares in time and height is not rounded; whether nothing
has a radius or an own reach; separation; own reaches in centimetres; split (0: none)."""
Pairs = tuple[Array, Array, Array]
"""Proposed pairs, int32: places of both among ``rows``, and number of the plane, or `NO_PLANE`."""
Laying = tuple[Array, Array, Array, Array]
"""Room for laid outlines: x and y of corners (`gather_ring`); bounds of each entry (`find_bounds`); int32,
shape (entries, 2), where each entry's corners begin and how many edges it has: 0, it cannot be laid;
`NOT_TRIED`."""
Out = tuple[Array, Array, Array, Array]
"""What is found: (places, first, second, unsure). How many of each there are, int64, shape (3,), the last of
which means nothing; rows, int32, as many as there is room for; rows, int32, shape (the same, 2)."""
NOT_TRIED: Final = -1
NO_PLANE: Final = -1
_GATHERED: Final = -2
_FETCHED: Final = 64
"""Corners of an outline that are asked for ahead; of longer ones the processor sees which come next."""
_LINE: Final = 8
"""Corners that are fetched together."""


@inlined
def row_of(entry: Number) -> Number:
    """Return the row that an entry of a cell stands for; finer volumes stand as ``-1 - row``."""
    return entry if entry >= 0 else -1 - entry


@bare
def fetch_corners(
    pairs: Pairs, count: int, rows: Array, laid: Array, points: Array, shapes: Array, asked: Asked
) -> Number:
    """Ask for what it takes to decide proposed pairs, and wait for none before all are asked for.

    What is returned means nothing: it is what was asked for, or numba would leave that out.
    """
    one, two, _ = pairs
    numbers, _, is_bare, _, own_cm, _ = asked
    radius_cm = numbers[0]
    touched = np.int64(0)
    for turn in range(2):
        for at in range(2 * count):
            place = one[at // 2] if at % 2 == 0 else two[at // 2]
            if laid[place, 1] != NOT_TRIED:
                continue
            row = row_of(rows[place])
            if turn == 0:
                touched ^= shapes[row, 4]
                if not is_bare:
                    touched ^= radius_cm[row] ^ own_cm[row if len(own_cm) > 1 else 0]
            else:
                begin = np.int64(shapes[row, 4])
                for vertex in range(begin, begin + min(shapes[row, 5], _FETCHED), _LINE):
                    touched ^= points[vertex, 0]
    return touched


@bare
def lay_pairs(
    pairs: Pairs,
    count: int,
    rows: Array,
    points: Array,
    shapes: Array,
    frames: Array,
    laying: Laying,
    used: int,
) -> int:
    """Lay the outlines of proposed pairs that can be and were not yet; return how many places are used."""
    one, two, plane_of = pairs
    x, y, bounds, laid = laying
    at = 0
    while at < count:
        plane, first, begin = plane_of[at], at, used
        while at < count and plane_of[at] == plane:
            for turn in range(2):
                place = one[at] if turn == 0 else two[at]
                row = row_of(rows[place])
                corners = shapes[row, 5]
                if laid[place, 1] != NOT_TRIED or plane == NO_PLANE:
                    continue
                if shapes[row, 6] > 1 or corners > MOST_EDGES:
                    laid[place, 1] = 0
                elif used + corners + TOGETHER + 1 <= len(x):
                    laid[place, 0] = used
                    used += gather_ring(points, shapes[row, 4], corners, frames, plane, x, y, used)
                    laid[place, 1] = _GATHERED
            at += 1
        # All of a plane at once: numba computes several at a time only where there are many.
        flatten_all(frames, plane, x, y, begin, used)
        for again in range(first, at if used > begin else first):
            for turn in range(2):
                place = one[again] if turn == 0 else two[again]
                if laid[place, 1] == _GATHERED:
                    corners = shapes[row_of(rows[place]), 5]
                    whole = -(-corners // TOGETHER) * TOGETHER if corners > 1 else POINT
                    is_near = find_bounds(x, y, laid[place, 0], whole, bounds, place)
                    laid[place, 1] = whole if is_near else 0
    return used


@inlined
def measure(bounds: Array, place: int) -> Number:
    """Return how large a laid outline is: width and height together."""
    return bounds[place, 1] - bounds[place, 0] + bounds[place, 3] - bounds[place, 2]


@bare
def decide_block(
    table: Geometry,
    asked: Asked,
    rows: Array,
    count: int,
    pairs: Pairs,
    frames: Array,
    laying: Laying,
    used: int,
    scratch: Array,
    out: Out,
) -> int:
    """Decide proposed pairs: sure ones are appended to ``first`` and ``second``, others to ``unsure``.

    Args:
        rows: Entries of one or more cells.
        used: Corners that are laid.

    Returns:
        Corners that are laid now.
    """
    numbers, is_whole, is_bare, rule, own_cm, _ = asked
    radius_cm, floor_cm, ceiling_cm, start_us, end_us = numbers
    lateral_m, vertical_cm, time_us = rule
    one, two, plane_of = pairs
    x, y, bounds, laid = laying
    places, first, second, unsure = out
    points, shapes = table[0], table[4]
    if used > len(x) // 2:
        for place in range(len(laid)):
            laid[place, 1] = NOT_TRIED
        used = 0
    places[2] ^= fetch_corners(pairs, count, rows, laid, points, shapes, asked)
    used = lay_pairs(pairs, count, rows, points, shapes, frames, laying, used)
    for at in range(count):
        i, j = one[at], two[at]
        a, b = row_of(rows[i]), row_of(rows[j])
        reach_m = lateral_m
        own = np.int64(0)
        if not is_bare:
            own = own_cm[a] + own_cm[b] if len(own_cm) > 1 else 2 * own_cm[0]
            reach_m += 0.01 * (radius_cm[a] + radius_cm[b] + own)
        if not is_whole:
            if max(start_us[a], start_us[b]) - min(end_us[a], end_us[b]) >= time_us:
                continue
            if max(floor_cm[a], floor_cm[b]) - min(ceiling_cm[a], ceiling_cm[b]) > vertical_cm + own:
                continue
        answer = UNSURE
        if plane_of[at] != NO_PLANE and laid[i, 1] > 0 and laid[j, 1] > 0:
            # The smaller first: of the larger, few edges come near it.
            if measure(bounds, i) > measure(bounds, j):
                i, j, a, b = j, i, b, a
            longest_a, longest_b = 0.01 * shapes[a, 7], 0.01 * shapes[b, 7]
            longest_2 = longest_a * longest_a + longest_b * longest_b
            if laid[j, 1] == POINT:
                i, j, a, b = j, i, b, a
            if laid[i, 1] == POINT:
                answer = decide_point(
                    x,
                    y,
                    laid[i, 0],
                    laid[j, 0],
                    laid[j, 1],
                    bounds,
                    j,
                    shapes[b, 6] == 1,
                    reach_m,
                    longest_2,
                )
            else:
                answer = decide_laid(
                    x,
                    y,
                    laid[i, 0],
                    laid[i, 1],
                    laid[j, 0],
                    laid[j, 1],
                    bounds,
                    i,
                    j,
                    shapes[a, 6] == 1,
                    shapes[b, 6] == 1,
                    reach_m,
                    longest_2,
                )
        if answer == UNSURE:
            answer = decide_pair(table, a, b, reach_m, scratch)
        if answer == MEETS:
            first[places[0]] = min(a, b)
            second[places[0]] = max(a, b)
            places[0] += 1
        elif answer == UNSURE:
            unsure[places[1], 0] = min(a, b)
            unsure[places[1], 1] = max(a, b)
            places[1] += 1
    return used
