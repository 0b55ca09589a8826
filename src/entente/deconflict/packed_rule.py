"""The exact rule over packed volumes, compiled: about a microsecond each, and never another answer.

What it is for: a question in a busy place has thousands of candidates; made into objects each costs a third
of a millisecond. Here their numbers are read where they lie.

Invariants: time and height are decided as `space.bounds` decides them; the ground by `space.bulk.decide`,
which says `UNSURE` rather than guess. What is unsure, spelt in whole degrees, a lane, or beyond what a
separation may be, is left to the exact rule itself.

Importing this costs a good part of a second (numba): `standing.Decider` does so once there is much to decide.

    >>> decide_packed(asked, candidates, Separation())
    [True, False, None]
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from entente.space import Separation
from entente.space.bounds import HEIGHT_SLACK_M
from entente.space.bulk.boxes import find_boxes
from entente.space.bulk.compiled import HAS_COMPILER, Array, compiled
from entente.space.bulk.decide import APART, MEETS, SCRATCH, UNSURE, decide_pair
from entente.space.volume import MAX_LATERAL_M, MAX_VERTICAL_M

__all__ = ["HAS_COMPILER", "decide_packed"]

_HEADER_WORDS: Final = 24
_LANE: Final = 3
_WORDS: Final = {APART: False, MEETS: True, UNSURE: None}


def decide_packed(asked: bytes, candidates: Sequence[bytes], separation: Separation) -> list[bool | None]:
    """Return for each candidate whether it conflicts, or None where the exact rule must say.

    Args:
        asked: The volume asked about, as `standing.pack_question` makes it.
        candidates: Standing volumes, packed with their reaches.
    """
    words = np.frombuffer(b"".join((asked, *candidates)), dtype="<i4")
    sizes = accumulate(map(len, candidates), initial=len(asked))
    begins = np.array([0, *sizes][:-1], dtype=np.int64) // 4
    answers = np.empty(len(candidates), dtype=np.int8)
    _decide(
        words,
        words.view("<i8"),
        words.view("<f8"),
        words.reshape(-1, 2),
        begins,
        (separation.lateral_m, separation.vertical_m, separation.time_s * 1e6),
        answers,
    )
    return [_WORDS[answer] for answer in answers.tolist()]


@compiled
def _copy_outline(
    words: Array,
    points: Array,
    begin: int,
    row: int,
    vertices: Array,
    vertex_of: Array,
    ring_of: Array,
    is_hole: Array,
) -> None:
    """Append the rings of a packed volume to a little table as its row 0 or 1."""
    rings = words[begin] >> 16 & 0xFFFF
    place = (begin + _HEADER_WORDS + rings + rings % 2) // 2
    first = ring_of[row]
    at = vertex_of[first]
    for ring in range(rings):
        size = words[begin + _HEADER_WORDS + ring]
        is_hole[first + ring] = size < 0
        for _ in range(size & 0x7FFFFFFF):
            vertices[at, 0] = points[place, 0]
            vertices[at, 1] = points[place, 1]
            at += 1
            place += 1
        vertex_of[first + ring + 1] = at
    ring_of[row + 1] = first + rings


@compiled
def _decide(
    words: Array, longs: Array, floats: Array, points: Array, begins: Array, rule: Array, answers: Array
) -> None:
    """Fill ``answers``: walk the headers, reject by time and height, compare the ground of the rest."""
    lateral_m, vertical_m, time_us = rule
    most_rings, most_points = 0, 0
    for begin in begins:
        most_rings = max(most_rings, words[begin] >> 16 & 0xFFFF)
        most_points = max(most_points, words[begin + 1])
    vertices = np.empty((2 * most_points, 2), dtype=np.int32)
    vertex_of = np.zeros(2 * most_rings + 1, dtype=np.int64)
    ring_of = np.zeros(3, dtype=np.int64)
    is_hole = np.zeros(2 * most_rings, dtype=np.bool_)
    radius_cm = np.zeros(2, dtype=np.int64)
    shapes = np.zeros((2, 8), dtype=np.int32)
    scratch = np.empty((2 * most_points, SCRATCH))
    a = begins[0]
    is_plain = words[a] & 0xFF == 0 and words[a] >> 8 & 0xFF != _LANE
    if is_plain:
        _copy_outline(words, points, a, 0, vertices, vertex_of, ring_of, is_hole)
        radius_cm[0] = np.int64(floats[a // 2 + 5] > 0.0)
    for row in range(len(answers)):
        b = begins[row + 1]
        gap_us = max(longs[a // 2 + 1], longs[b // 2 + 1]) - min(longs[a // 2 + 2], longs[b // 2 + 2])
        reach_m = floats[b // 2 + 6]
        gap_m = max(floats[a // 2 + 3], floats[b // 2 + 3]) - min(floats[a // 2 + 4], floats[b // 2 + 4])
        if gap_us >= time_us or gap_m > min(vertical_m + reach_m, MAX_VERTICAL_M) + HEIGHT_SLACK_M:
            answers[row] = APART
        elif (
            not is_plain
            or words[b] & 0xFF != 0
            or words[b] >> 8 & 0xFF == _LANE
            or lateral_m + reach_m > MAX_LATERAL_M
        ):
            answers[row] = UNSURE
        else:
            _copy_outline(words, points, b, 1, vertices, vertex_of, ring_of, is_hole)
            radius_cm[1] = np.int64(floats[b // 2 + 5] > 0.0)
            find_boxes(vertices, vertex_of, ring_of, radius_cm, shapes)
            table = (vertices, vertex_of, ring_of, is_hole, shapes)
            within_m = lateral_m + reach_m + floats[a // 2 + 5] + floats[b // 2 + 5]
            answers[row] = decide_pair(table, 0, 1, within_m, scratch)
