"""Pairs of outlines of the kinds that engines get wrong, drawn by the thousand: near each other, in each
other, touching.

Each family is drawn at the antimeridian, at both poles, at the equator and anywhere else.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable

from entente.kernel.errors import InvalidVolume
from entente.space import Circle, Lane, Outline, Part, Polygon, Region, distance_and_bearing, reference_point
from entente.space.ellipsoid import walk_line
from entente.space.loops import Position, Vertices
from tests.properties.space.check_pairs import draw_first, draw_second

Pair = tuple[Outline, Outline]


def draw_place(draw: random.Random) -> Position:
    lat, lon = math.degrees(math.asin(draw.uniform(-1, 1))), draw.uniform(-180, 180)
    if draw.random() < 0.25:
        lat = draw.choice([-90.0, 90.0, 89.9, -89.9, 0.0, 60.0, -80.0])
    if draw.random() < 0.25:
        lon = draw.choice([-180.0, 180.0, 179.999, -179.9999, 0.0])
    return lat, lon


def star(draw: random.Random, at: Position, size_m: float, least: float = 0.3) -> Vertices:
    count, turn = draw.randint(4, 9), draw.uniform(0, 360)
    return tuple(
        walk_line(*at, turn + 360 * k / count, size_m * draw.uniform(least, 1.0)) for k in range(count)
    )


def region(draw: random.Random, at: Position, size_m: float) -> Region:
    """A star with a star-shaped hole, perhaps an island in it, perhaps parts beside it."""
    holes = (star(draw, at, 0.4 * size_m, 0.6),)
    parts = [Part(star(draw, at, size_m, 0.7), holes)]
    if draw.random() < 0.5:
        parts.append(Part(star(draw, at, 0.12 * size_m, 0.6)))
    turn = draw.uniform(0, 360)
    beside = [walk_line(*at, turn + 90 * k, 2.2 * size_m) for k in range(draw.randint(0, 3))]
    parts += [Part(star(draw, there, size_m * 0.9)) for there in beside]
    draw.shuffle(parts)
    return Region(tuple(parts))


def lane(draw: random.Random, at: Position, size_m: float) -> Lane:
    points = [at]
    for _ in range(draw.randint(1, 4)):
        points.append(walk_line(*points[-1], draw.uniform(0, 360), size_m * draw.uniform(0.1, 1.0)))
    return Lane(tuple(points), min(1e6, size_m * 10 ** draw.uniform(-4, -0.5)))


def any_outline(draw: random.Random, at: Position, size_m: float) -> Outline:
    kind = draw.random()
    if kind < 0.35:
        return Polygon(star(draw, at, size_m))
    if kind < 0.7:
        return region(draw, at, size_m)
    return Circle(at, min(1e6, size_m)) if kind < 0.85 else lane(draw, at, size_m)


def near_each_other(draw: random.Random) -> Pair:
    at, size_m = draw_place(draw), 10 ** draw.uniform(1, 5.8)
    there = walk_line(*at, draw.uniform(0, 360), size_m * draw.uniform(0, 3))
    other_m = size_m * draw.choice([0.03, 0.1, 0.3, 1.0])
    return any_outline(draw, at, size_m), any_outline(draw, there, other_m)


def by_a_hair(draw: random.Random) -> Pair:
    """One hung on the boundary of the other, a hair inside or outside: a centimetre to 30 m."""
    first, foot, outward = draw_first(draw)
    gap_m = draw.choice([-1, 1]) * 10 ** draw.uniform(-2, 1.5)
    tip = walk_line(*foot, outward, gap_m)
    behind = walk_line(*foot, outward + 180, 1000.0)
    return first, draw_second(draw, tip, distance_and_bearing(*tip, *behind)[1] + 180)


def round_a_pole(draw: random.Random) -> Pair:
    pole = draw.choice([-90.0, 90.0])
    size_m = 10 ** draw.uniform(3, 6)
    outer = star(draw, (pole, 0.0), size_m, 0.6)
    first: Outline = Polygon(outer)
    if draw.random() < 0.5:
        first = Region((Part(outer, (star(draw, (pole, 0.0), 0.4 * size_m, 0.5),)),))
    at = walk_line(pole, 0.0, draw.uniform(-180, 180), size_m * draw.uniform(0, 1.2))
    return first, any_outline(draw, at, size_m * 10 ** draw.uniform(-3, -0.5))


def long_edge(draw: random.Random) -> Pair:
    """A box with edges of about 500 km from east to west, and something small at the bulge of one."""
    lat, lon = draw.choice([-1, 1]) * draw.uniform(30, 75), draw_place(draw)[1]
    half = 2.25 / math.cos(math.radians(lat)) * draw.uniform(0.5, 1.2)
    east, west = (math.remainder(lon + turn, 360.0) for turn in (half, -half))
    first = Polygon(
        (
            (lat, west),
            (lat, east),
            (lat - math.copysign(1.0, lat), east),
            (lat - math.copysign(1.0, lat), west),
        )
    )
    length_m, bearing = distance_and_bearing(lat, west, lat, east)
    foot = walk_line(lat, west, bearing, length_m * draw.uniform(0.1, 0.9))
    at = walk_line(*foot, draw.choice([0.0, 180.0]), 10 ** draw.uniform(0, 4))
    return first, any_outline(draw, at, 10 ** draw.uniform(1, 4))


def sharing(draw: random.Random) -> Pair:
    """Polygons that share an edge, part of one, or a vertex; or keep just apart there."""
    at, size_m = draw_place(draw), 10 ** draw.uniform(1.5, 5.5)
    first = star(draw, at, size_m, 0.8)
    a, b = first[0], first[1]
    length_m, bearing = distance_and_bearing(*a, *b)
    beyond = walk_line(*walk_line(*a, bearing, length_m / 2), bearing - 90, size_m * draw.uniform(0.1, 2.0))
    kind = draw.random()
    if kind < 0.4:
        second: Vertices = (a, b, beyond)
    elif kind < 0.7:
        second = (walk_line(*a, bearing, 0.3 * length_m), walk_line(*a, bearing, 0.6 * length_m), beyond)
    else:
        second = (a, beyond, walk_line(*beyond, bearing, size_m * 0.01))
    if draw.random() < 0.3:
        push_m = 10 ** draw.uniform(-1, 2)
        second = tuple(walk_line(*vertex, bearing - 90, push_m) for vertex in second)
    return Polygon(first), Polygon(second)


def slivers(draw: random.Random) -> Pair:
    """Two needles that cross, touch or miss each other."""
    pair = []
    at, length_m = draw_place(draw), 10 ** draw.uniform(2.5, 5.3)
    for _ in range(2):
        start = walk_line(*at, draw.uniform(0, 360), length_m * draw.uniform(0.0, 0.4))
        bearing, width_m = draw.uniform(0, 360), 10 ** draw.uniform(-1, 1.5)
        tip = walk_line(*start, bearing, length_m)
        pair.append(Polygon((start, tip, walk_line(*start, bearing + 90, width_m))))
    return pair[0], pair[1]


def in_a_hole(draw: random.Random) -> Pair:
    """Something in the hole of a region, near its boundary, on either side of it."""
    at, size_m = draw_place(draw), 10 ** draw.uniform(2, 5.8)
    hole = star(draw, at, 0.5 * size_m, 0.7)
    parts = [Part(star(draw, at, size_m, 0.8), (hole,))]
    if draw.random() < 0.5:
        parts.insert(0, Part(star(draw, at, 0.1 * size_m)))
    first = Region(tuple(parts))
    if draw.random() < 0.3:
        return first, any_outline(draw, at, size_m * draw.uniform(0.02, 0.4))
    length_m, bearing = distance_and_bearing(*hole[0], *hole[1])
    foot = walk_line(*hole[0], bearing, length_m * draw.uniform(0.1, 0.9))
    tip = walk_line(*foot, bearing + 90, draw.choice([-1, 1]) * 10 ** draw.uniform(-2, 2))
    return first, draw_second(draw, tip, bearing + 90) if size_m > 1e5 else Circle(tip, 0.01 + size_m / 1e4)


def within_each_other(draw: random.Random) -> Pair:
    at, size_m = draw_place(draw), 10 ** draw.uniform(2, 6)
    first = any_outline(draw, at, size_m)
    return first, any_outline(draw, reference_point(first), size_m * 10 ** draw.uniform(-3, -0.7))


FAMILIES: dict[str, Callable[[random.Random], Pair]] = {
    "near each other": near_each_other,
    "by a hair": by_a_hair,
    "round a pole": round_a_pole,
    "long edge": long_edge,
    "sharing": sharing,
    "slivers": slivers,
    "in a hole": in_a_hole,
    "within each other": within_each_other,
}


def draw_pair(draw: random.Random) -> tuple[str, Pair]:
    """Return a pair and its family; what chance makes no outline (stars may meet) is drawn again."""
    name = draw.choice(list(FAMILIES))
    while True:
        try:
            first, second = FAMILIES[name](draw)
        except InvalidVolume:
            continue
        return name, ((first, second) if draw.random() < 0.5 else (second, first))


def draw_lateral(draw: random.Random) -> float:
    return 0.0 if draw.random() < 0.5 else 10 ** draw.uniform(-1, 5)
