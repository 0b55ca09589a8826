"""Whether a point lies inside a ring.

What it is for: one outline can hold another without their boundaries meeting; this finds that. Inside is what
an odd number of loops holds, so that a hole is not, and an island in it is.

Invariants: right for every point that is more than 2 mm from the ring; nearer, either answer may come,
and the distance decides.

How: seen along the axis from the Earth's centre through the point, every piece is a short straight chord;
every loop is walked once and its crossings of one half-line are counted.

It does not know closed from open: touching is a matter of distance (`entente.space.nearest`).

    >>> is_inside(ring_around(((0.0, 0.0), (0.0, 2.0), (2.0, 0.0))), points_from_normals(...))
    True
"""

from __future__ import annotations

import math

import numpy as np

from entente.space.ellipsoid import Floats
from entente.space.nearest import SLACK_M
from entente.space.ring import Ring


def is_inside(ring: Ring, point: Floats) -> bool:
    """Return whether ``point`` (metres from the Earth's centre) is on the smaller side of ``ring``."""
    if not ring.is_area:
        return False
    x, y, z = point.tolist()
    # INVARIANT: the cap holds the inside as well as the ring, and never the point opposite one inside.
    if math.dist((x, y, z), ring.cap_centre) > ring.cap_chord_m + SLACK_M:
        return False
    size = math.sqrt(x * x + y * y + z * z)
    x, y, z = x / size, y / size, z / size
    sign = math.copysign(1.0, z)
    factor = -1.0 / (sign + z)
    cross = x * y * factor
    ahead = ring.starts @ np.array([1 + sign * x * x * factor, sign * cross, -sign * x])
    aside = ring.starts @ np.array([cross, sign + y * y * factor, -y])
    above = aside >= 0
    crossing = np.flatnonzero(above != above[ring.follow])
    if not len(crossing):
        return False
    after = ring.follow[crossing]
    turn = ahead[crossing] * aside[after] - aside[crossing] * ahead[after]
    # Upwards with the point on the left, or downwards with it on the right, crosses the half-line ahead.
    return bool(np.count_nonzero((turn > 0) == above[after]) % 2)
