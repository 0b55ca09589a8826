"""Build many pairs of outlines whose true gap is known, and count what the overlap rule gets wrong.

    python -m tests.properties.space.check_pairs 100000 42

A point is put square off a boundary at a known distance, and an outline is hung on it that points away: what
lies 0.1 mm to 1 m inside the separation must be found, what lies outside by more than the stated bound must
not. The long form of `test_a_hair_inside_is_found_and_a_hair_outside_is_not`.
"""

from __future__ import annotations

import math
import random
import sys
from dataclasses import dataclass, field

from entente.space import Circle, Outline, Polygon, distance_and_bearing, ground_error_m
from entente.space.ellipsoid import walk_line
from entente.space.overlap import find_meeting

Position = tuple[float, float]


@dataclass
class Tally:
    """What went wrong, and by how much, by the order of magnitude of the distance between boundaries."""

    pairs: int = 0
    missed: int = 0
    beyond_bound: int = 0
    too_long: int = 0
    worst_extra_m: dict[int, float] = field(default_factory=dict)
    worst_short_m: dict[int, float] = field(default_factory=dict)


def draw_first(draw: random.Random) -> tuple[Outline, Position, float]:
    """Return an outline, a point of its boundary, and the bearing that leads away from it there."""
    lat, lon = math.degrees(math.asin(draw.uniform(-1, 1))), draw.uniform(-180, 180)
    if draw.random() < 0.15:
        lat = draw.choice([-90.0, 90.0, 89.9, -89.9, 0.0, 80.0])
    if draw.random() < 0.15:
        lon = draw.choice([-180.0, 180.0, 179.999, 0.0])
    size_m, turn = 10 ** draw.uniform(1, 6.2), draw.uniform(0, 360)
    if size_m < 1e6 and draw.random() < 0.2:
        foot = walk_line(lat, lon, turn, size_m)
        return Circle((lat, lon), size_m), foot, distance_and_bearing(*foot, lat, lon)[1] + 180
    count = draw.randint(3, 8)
    vertices = tuple(walk_line(lat, lon, turn + 360 * k / count, size_m) for k in range(count))
    length_m, bearing = distance_and_bearing(*vertices[0], *vertices[1])
    foot = walk_line(*vertices[0], bearing, draw.uniform(0.05, 0.95) * length_m)
    return Polygon(vertices), foot, distance_and_bearing(*foot, *vertices[1])[1] - 90


def draw_second(draw: random.Random, tip: Position, onward: float) -> Outline:
    """Return an outline that touches ``tip`` and lies onward of it."""
    size_m = 10 ** draw.uniform(1.5, 5)
    if draw.random() < 0.3:
        return Circle(walk_line(*tip, onward, size_m), size_m)
    width = draw.uniform(1, 40)
    left = walk_line(*tip, onward - width, size_m)
    return Polygon((tip, left, walk_line(*tip, onward + width, size_m * draw.uniform(0.3, 1))))


def check_pair(draw: random.Random, tally: Tally) -> None:
    """Build one pair and ask the rule about it."""
    first, foot, outward = draw_first(draw)
    lateral_m = 0.0 if draw.random() < 0.5 else 10 ** draw.uniform(0, 5.9)
    gap_m = draw.choice([-1, 1]) * 10 ** draw.uniform(-4, 0)
    tip = walk_line(*foot, outward, lateral_m + gap_m)
    # The heading at the tip is taken from well behind it: the step itself may be a tenth of a millimetre.
    behind = walk_line(*foot, outward + 180, 1000.0)
    onward = distance_and_bearing(*tip, *behind)[1] + 180
    second = draw_second(draw, tip, onward)
    tally.pairs += 1
    core_m = lateral_m + first.margin_m + second.margin_m
    order, bound_m = int(math.log10(core_m + 1)), ground_error_m(core_m)
    met = find_meeting(first, second, lateral_m)
    if met is None:
        tally.missed += gap_m <= 0
    elif gap_m > 0:
        tally.worst_extra_m[order] = max(tally.worst_extra_m.get(order, 0.0), gap_m)
        tally.beyond_bound += gap_m > bound_m
    near = find_meeting(first, second, lateral_m + 10)
    if near is None:
        tally.missed += 1
        return
    short_m = max(0.0, lateral_m + gap_m) - near.gap_m
    tally.worst_short_m[order] = max(tally.worst_short_m.get(order, 0.0), short_m)
    tally.beyond_bound += short_m > bound_m
    tally.too_long += short_m < -1e-6


def main(count: int, seed: int) -> None:
    """Check ``count`` pairs and say what was found."""
    draw, tally = random.Random(seed), Tally()
    while tally.pairs < count:
        check_pair(draw, tally)
    sys.stdout.write(
        f"{tally.pairs} pairs, seed {seed}: missed {tally.missed}, reported beyond the bound"
        f" {tally.beyond_bound}, distances above the true one {tally.too_long}\n"
    )
    for title, worst in (("extra", tally.worst_extra_m), ("short", tally.worst_short_m)):
        figures = ", ".join(f"10^{order} m: {worst[order] * 1000:.1f} mm" for order in sorted(worst))
        sys.stdout.write(f"worst {title} by distance between boundaries: {figures}\n")


if __name__ == "__main__":
    main(*(int(word) for word in sys.argv[1:3]))
