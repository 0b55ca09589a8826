"""Draw many volumes, ask for all their pairs, and count where the answer is not the exact rule's.

    python -m tests.properties.space.check_bulk 20000 7

Half of the pairs are built to come within 0.1 mm to 1 m of the separation (`check_pairs`); the rest are what
`draw_crowd` crowds into one place: regions with holes, lanes, circles, slivers, shared corners and edges,
at the antimeridian, near and round the poles. The long form of `test_bulk_pairs.py`.
"""

from __future__ import annotations

import math
import random
import sys
from datetime import UTC, datetime, timedelta

import numpy as np

from entente.kernel.errors import InvalidVolume
from entente.space import (
    Circle,
    HeightBand,
    Lane,
    Outline,
    Part,
    Polygon,
    Region,
    Separation,
    Volume,
    Window,
    find_conflict,
)
from entente.space.bulk import VolumeTable, find_pairs, pack_volumes
from entente.space.bulk.compiled import load_compiler
from entente.space.ellipsoid import walk_line
from tests.properties.space.check_pairs import Position, draw_first, draw_second

START = datetime(2016, 9, 17, tzinfo=UTC)
SEPARATIONS = (
    Separation(),
    Separation(lateral_m=0.5),
    Separation(lateral_m=500.0, vertical_m=150.0, time_s=600.0),
    Separation(lateral_m=25_000.0, vertical_m=1_000.0),
    Separation(lateral_m=400_000.0, time_s=0.000001),
)


def draw_volume(draw: random.Random, outline: Outline) -> Volume:
    """Return a volume with times and heights that often only just meet others'."""
    start = START + timedelta(seconds=600 * draw.randint(0, 6), microseconds=draw.choice([0, 0, 0, 1]))
    end = start + timedelta(seconds=600 * draw.randint(1, 4))
    floor, ceiling = sorted((150.0 * draw.randint(0, 5), 150.0 * draw.randint(0, 5)))
    return Volume(
        outline,
        HeightBand(draw.choice([None, floor]), draw.choice([None, ceiling, ceiling + 0.01])),
        Window(start, end),
    )


def draw_near_miss(draw: random.Random, lateral_m: float) -> list[Volume]:
    """Return two volumes whose outlines keep ``lateral_m`` but for a hair."""
    first, foot, outward = draw_first(draw)
    gap_m = draw.choice([-1, 1]) * 10 ** draw.uniform(-4, 0)
    tip = walk_line(*foot, outward, lateral_m + gap_m)
    return [draw_volume(draw, first), draw_volume(draw, draw_second(draw, tip, outward))]


def draw_outline(draw: random.Random, middle: Position, size_m: float) -> Outline:
    """Return an outline of some kind about a place."""
    turn, kind = draw.uniform(0, 360), draw.random()
    if kind < 0.15:
        return Circle(middle, size_m * draw.uniform(0.1, 1))
    if kind < 0.3:
        return Lane((middle, walk_line(*middle, turn, size_m)), size_m * draw.uniform(0.01, 0.3))
    if kind < 0.5:
        ring, hole = ring_of(draw, middle, size_m, turn), ring_of(draw, middle, size_m * 0.3, turn)
        other = walk_line(*middle, turn, size_m * 3)
        parts = (Part(ring, (hole,)), Part(ring_of(draw, other, size_m * 0.5, turn)))
        return Region(parts[: draw.randint(1, 2)])
    if kind < 0.6:
        tip = walk_line(*middle, turn, size_m)
        return Polygon((middle, walk_line(*middle, turn + 0.01, size_m * 0.7), tip))
    return Polygon(ring_of(draw, middle, size_m, turn))


def ring_of(draw: random.Random, middle: Position, size_m: float, turn: float) -> tuple[Position, ...]:
    """Return a star-shaped ring, each corner at its own distance."""
    count = draw.randint(5, 12)
    return tuple(
        walk_line(*middle, turn + 360 * k / count, size_m * draw.uniform(0.6, 1)) for k in range(count)
    )


def draw_crowd(draw: random.Random, count: int) -> list[Volume]:
    """Return volumes about one place, of very different sizes, some with corners or edges in common."""
    lat = draw.choice([0.0, 35.3, 60.0, 83.95, 84.5, -71.0, 89.99, -90.0, draw.uniform(-80, 80)])
    lon = draw.choice([180.0, -179.999, 0.0, draw.uniform(-180, 180)])
    spread_m = 10 ** draw.uniform(2.5, 5.5)
    found: list[Volume] = []
    while len(found) < count:
        middle = walk_line(lat, lon, draw.uniform(0, 360), spread_m * math.sqrt(draw.random()))
        try:
            outline = draw_outline(draw, middle, 10 ** draw.uniform(1, math.log10(spread_m)))
            known = found[-1].outline if found else None
            if draw.random() < 0.2 and isinstance(known, Polygon):
                away = walk_line(*known.vertices[0], draw.uniform(0, 360), spread_m / 3)
                outline = Polygon((known.vertices[0], known.vertices[1], away))
            found.append(draw_volume(draw, outline))
        except InvalidVolume:
            continue  # an outline that crosses itself, or with corners in one place
    return found


def draw_table(draw: random.Random, separation: Separation, count: int) -> VolumeTable:
    """Return some ``count`` valid volumes, half near misses, half crowds."""
    volumes: list[Volume] = []
    while len(volumes) < count // 2:
        volumes += draw_near_miss(draw, separation.lateral_m)
    while len(volumes) < count:
        volumes += draw_crowd(draw, 40)
    table = pack_volumes(volumes)
    valid = []
    for row in range(len(table)):
        try:
            table.volume(row)
        except InvalidVolume:
            continue  # rounding to the wire's units made it cross itself
        valid.append(row)
    return table.take(valid)


def compare_by_rule(table: VolumeTable, separation: Separation) -> set[tuple[int, int]]:
    """Return all pairs that conflict, each asked of the exact rule."""
    volumes = [table.volume(row) for row in range(len(table))]
    return {
        (a, b)
        for b in range(len(volumes))
        for a in range(b)
        if find_conflict(volumes[a], volumes[b], separation) is not None
    }


def main(count: int, seed: int) -> None:
    """Check tables of 600 volumes until ``count`` volumes were drawn."""
    draw, drawn, pairs, missed, extra = random.Random(seed), 0, 0, 0, 0
    while drawn < count:
        separation = draw.choice(SEPARATIONS)
        table = draw_table(draw, separation, 600)
        load_compiler()
        found = find_pairs(table, separation)
        got, wanted = (
            set(zip(found.first.tolist(), found.second.tolist(), strict=True)),
            compare_by_rule(table, separation),
        )
        drawn += len(table)
        pairs += len(wanted)
        missed += len(wanted - got)
        extra += len(got - wanted)
        for a, b in sorted(wanted ^ got)[:5]:
            sys.stdout.write(f"{separation}: {a}, {b}: {'missed' if (a, b) in wanted else 'extra'}\n")
            sys.stdout.write(f"  {table.volume(a)!r}\n  {table.volume(b)!r}\n")
    kinds = np.array([drawn, pairs, missed, extra])
    sys.stdout.write(
        "{} volumes, {} conflicts, seed {}: missed {}, extra {}\n".format(
            kinds[0], kinds[1], seed, *kinds[2:]
        )
    )


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
