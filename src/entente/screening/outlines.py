"""Whether outlines bound an area: the quick sure cases in compiled code, all others by the exact rule.

What it is for: a crossed outline has no inside, so that a volume in its middle could be missed. The exact
rule takes a tenth of a millisecond for each; most outlines are round enough to be seen to be simple at once.

Invariants:
  * What passes bounds an area (docs/formats/volume.md 2.4, 2.6); what does not is refused in the exact
    rule's words, and the first such row is the one that is named.
  * An outline is passed without the rule only if it turns once round its middle, each edge seen from there at
    an angle that its bend as a geodesic cannot reverse; or if every two of its edges keep more apart than
    both can bend.

    >>> refuse_crossed(table, is_sure, say=lambda row: f"plan.parquet, row {row}")
"""

from __future__ import annotations

import math
from typing import Final

import numpy as np
from numpy.typing import NDArray

from entente.kernel.errors import InvalidVolume
from entente.screening.columns import Ints, Say
from entente.space.bulk import VolumeTable
from entente.space.bulk.compiled import Array, compiled, is_worth_compiling

_RAD_E7: Final = math.pi / 1.8e9
_WIDEST_E7: Final = 5_000_000
"""Half a degree: 55 km."""
_TOP_E7: Final = 800_000_000
_MOST_EDGES: Final = 400
"""Beyond, comparing every two edges takes longer than the exact rule does."""
_THIN_2: Final = 9.0
"""Square of three units, 3 cm."""
_SHORTEST_2: Final = 100.0
"""Square of ten units, 11 cm: shorter edges are looked at by the rule."""


def find_sure(
    points_e7: NDArray[np.int32], vertex_of: Ints, ring_of: Ints, radius_cm: Ints, is_sure: NDArray[np.bool_]
) -> None:
    """Fill in for which volumes one look is enough: their outlines bound an area; see `VolumeTable`."""
    is_sure[:] = False
    if is_worth_compiling(len(radius_cm)):
        find_round(points_e7, vertex_of, ring_of, radius_cm, is_sure)
    else:
        rings = ring_of[:-1]
        is_sure[:] = (radius_cm > 0) & (vertex_of[rings + 1] - vertex_of[rings] == 1)


def refuse_crossed(table: VolumeTable, is_sure: NDArray[np.bool_], *, say: Say) -> None:
    """Refuse the first volume whose outline bounds no area, asking the exact rule where it is not sure.

    Raises:
        InvalidVolume: Names the row, and where its outline is at fault.
    """
    for row in np.flatnonzero(~is_sure).tolist():
        check_outline(table, row, say=say)


def check_outline(table: VolumeTable, row: int, *, say: Say) -> None:
    """Refuse one volume if its outline bounds no area, in the words of the exact rule."""
    try:
        table.volume(row)
    except InvalidVolume as error:
        raise InvalidVolume(error.code, f"{say(row)}, geometry: {error.message}", path=error.path) from error


@compiled
def is_near(x: float, y: float, ax: float, ay: float, bx: float, by: float, reach: float) -> bool:
    """Return whether a point is within ``reach`` of a line from a to b."""
    along_x, along_y = bx - ax, by - ay
    length = along_x * along_x + along_y * along_y
    share = min(1.0, max(0.0, ((x - ax) * along_x + (y - ay) * along_y) / length))
    away_x, away_y = ax + share * along_x - x, ay + share * along_y - y
    return bool(away_x * away_x + away_y * away_y <= reach * reach)


@compiled
def keeps_apart(points: Array, begin: int, end: int, middle_lon: float, across: float, steep: float) -> bool:
    """Return whether every two edges of a ring surely keep apart, but for the vertex that neighbours share.

    Latitude and longitude, drawn as they are, are a plane in which geodesics bend: by at most
    ``tan(lat) (cos^2(lat) dlon^2 + 2 dlat^2) / 8`` (see `entente.space.bulk.boxes`), so that edges whose
    chords keep more than both bends do not meet.
    """
    count = end - begin
    drawn = np.empty((count + 1, 2))
    for at in range(count + 1):
        vertex = begin + at % count
        drawn[at, 0] = across * (points[vertex, 1] - middle_lon)
        drawn[at, 1] = points[vertex, 0]
    bends = np.empty(count)
    for at in range(count):
        x, y = drawn[at + 1, 0] - drawn[at, 0], drawn[at + 1, 1] - drawn[at, 1]
        if x * x + y * y <= _SHORTEST_2:
            return False
        # Across: the cosine changes over the outline by less than a tenth.
        bends[at] = 1.0 + 1.05 / 8.0 * _RAD_E7 * steep * (1.3 * x * x + 2.0 * y * y)
    for at in range(count):
        ax, ay, bx, by = drawn[at, 0], drawn[at, 1], drawn[at + 1, 0], drawn[at + 1, 1]
        # Neighbours may not fold back onto each other.
        after = at + 1 if at + 1 < count else 0
        cx, cy = drawn[after + 1, 0], drawn[after + 1, 1]
        back = (ax - bx) * (cx - bx) + (ay - by) * (cy - by)
        turn = (ax - bx) * (cy - by) - (ay - by) * (cx - bx)
        first, second = (ax - bx) ** 2 + (ay - by) ** 2, (cx - bx) ** 2 + (cy - by) ** 2
        doubt = 0.001 + 4.0 * (bends[at] / math.sqrt(first) + bends[after] / math.sqrt(second))
        thin_2 = max(doubt * doubt * first * second, _THIN_2 * max(first, second))
        if back > 0.0 and turn * turn <= thin_2:
            return False
        for other in range(at + 2, count):
            if at == 0 and other == count - 1:
                continue
            px, py, qx, qy = drawn[other, 0], drawn[other, 1], drawn[other + 1, 0], drawn[other + 1, 1]
            reach = bends[at] + bends[other]
            if max(ax, bx) + reach < min(px, qx) or max(px, qx) + reach < min(ax, bx):
                continue
            if max(ay, by) + reach < min(py, qy) or max(py, qy) + reach < min(ay, by):
                continue
            left = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
            right = (bx - ax) * (qy - ay) - (by - ay) * (qx - ax)
            before = (qx - px) * (ay - py) - (qy - py) * (ax - px)
            behind = (qx - px) * (by - py) - (qy - py) * (bx - px)
            if (left > 0.0) != (right > 0.0) and (before > 0.0) != (behind > 0.0):
                return False
            if (
                is_near(ax, ay, px, py, qx, qy, reach)
                or is_near(bx, by, px, py, qx, qy, reach)
                or is_near(px, py, ax, ay, bx, by, reach)
                or is_near(qx, qy, ax, ay, bx, by, reach)
            ):
                return False
    return True


@compiled
def find_round(points: Array, vertex_of: Array, ring_of: Array, radius_cm: Array, is_sure: Array) -> None:
    """Mark the volumes whose outlines are sure to be simple.

    Seen from the middle, every edge turns the same way, and all together once round: then no two cross. An
    edge bends as a geodesic by at most ``tan(lat) L^2 / 8R``, its direction by four times that over L; in a
    plane of one scale for the whole outline, that scale is wrong by at most ``sin(lat) dlat``.
    """
    for row in range(len(ring_of) - 1):
        ring = ring_of[row]
        begin, end = vertex_of[ring], vertex_of[ring + 1]
        if radius_cm[row] > 0 and end - begin == 1:
            is_sure[row] = True
            continue
        if radius_cm[row] > 0 and end - begin == 2:
            # A lane of one leg; the rule wants to see only those that are long, or of no length.
            lat = abs(np.int64(points[begin, 0]) - points[begin + 1, 0])
            lon = abs(np.int64(points[begin, 1]) - points[begin + 1, 1])
            is_sure[row] = 0 < lat + lon < _WIDEST_E7 and abs(points[begin, 0]) < _TOP_E7
            continue
        if ring_of[row + 1] - ring > 1 or radius_cm[row] > 0:
            continue
        low = high = points[begin, 0]
        west = east = points[begin, 1]
        sum_lat, sum_lon = 0.0, 0.0
        for at in range(begin, end):
            lat, lon = points[at, 0], points[at, 1]
            low, high = min(low, lat), max(high, lat)
            west, east = min(west, lon), max(east, lon)
            sum_lat += lat
            sum_lon += lon
        if max(abs(low), abs(high)) > _TOP_E7:
            continue
        if np.int64(high) - low > _WIDEST_E7 or np.int64(east) - west > _WIDEST_E7:
            continue
        count = end - begin
        middle_lat, middle_lon = sum_lat / count, sum_lon / count
        across = math.cos(middle_lat * _RAD_E7)
        steep = math.tan(max(abs(low), abs(high)) * _RAD_E7)
        size = _RAD_E7 * max(np.float64(high) - low, np.float64(east) - west)
        # How far, as an angle, a line may run beside what is drawn: bend and scale, and no needles.
        doubt = 2.0 * (steep + 1.0) * size + 0.001
        last_y, last_x = points[end - 1, 0] - middle_lat, across * (points[end - 1, 1] - middle_lon)
        is_left = is_right = True
        crossings = 0
        for at in range(begin, end):
            y, x = points[at, 0] - middle_lat, across * (points[at, 1] - middle_lon)
            turn = last_x * y - last_y * x
            # Square roots are spared: both sides are squared.
            length = (x - last_x) * (x - last_x) + (y - last_y) * (y - last_y)
            away = x * x + y * y
            is_clear = (
                length > _SHORTEST_2
                and turn * turn > doubt * doubt * away * length
                # And what is thin is a few units thick: the rule may take 5 mm to be nothing.
                and turn * turn > _THIN_2 * max(away, length)
            )
            is_left = is_left and is_clear and turn > 0.0
            is_right = is_right and is_clear and turn < 0.0
            # Once round: the ray to the east is crossed once.
            crossings += (last_y <= 0.0) != (y <= 0.0)
            last_y, last_x = y, x
        is_sure[row] = (is_left or is_right) and crossings == 2
        if not is_sure[row] and count <= _MOST_EDGES:
            is_sure[row] = keeps_apart(points, begin, end, middle_lon, across, steep)
