"""Sizes that may be seen: every list that leaves a desk is padded to one of a few lengths.

How many cells a plan has says how much is going on (threat 9 of docs/formats/blind.md): so what the other
side and the host can count is a *bucket*, and what is in it beyond the cells is filled up so that nobody can
tell.

Invariants:
  * A bucket is 10, 20, 50, 100, ... and from 10,000 on one of ten a decade (12,000, 16,000, ...): filling up
    a large list costs seconds, and its size is told no better than to a third.
  * It holds at least what it is asked for; canaries and probes come on top of it, as many as the mode says
    and never by what the plan is.
  * What was a bucket before stays one: 20,000, 50,000, ... are among the finer ones.

    >>> find_bucket(0), find_bucket(201), find_bucket(51_000)
    (10, 500, 64000)
"""

from __future__ import annotations

from typing import Annotated, Final, Literal

import msgspec

from entente.kernel.errors import Malformed

RunType = Literal["whole", "delta"]
LEAST_BUCKET: Final = 10
MOST_CELLS: Final = 10_000_000
"""What one plan may come to: ten times the largest that was measured."""
Bucket = Annotated[int, msgspec.Meta(ge=0, le=MOST_CELLS)]
"""A number of cells or tags as it travels; that it is a bucket, rules check (`is_bucket`)."""
MOST_PROVEN: Final = 10_000
"""Elements up to which the answer is proven as a whole (DLEQ); beyond, probes are drawn."""
CANARIES: Final[dict[RunType, int]] = {"whole": 16, "delta": 2}
"""Canaries in the committed list that a run asks for. A proven answer cannot lose an element, so that few do
for a small question; a large one has as many as a loss of a tenth needs to be found with 80 %."""
SESSION_CANARIES: Final[dict[RunType, int]] = {"whole": 16, "delta": 0}
"""Canaries made for this run alone, whose tags come with the answer."""
_FINE_FROM: Final = 10_000
_FEW_STEPS: Final = (10, 20, 50)
_MANY_STEPS: Final = (10, 12, 16, 20, 25, 32, 40, 50, 64, 80)
LEAST_PROBES: Final = 64
"""Elements r*G in an unproven request whose answers the asker can check: r*pk."""


def find_bucket(count: int, said: int | None = None) -> int:
    """Return the least bucket that holds ``count``.

    Args:
        said: What a message says. The least of 10, 20, 50, 100, ... is returned where that is said: a list of
            more than 10,000 was padded so before there were finer buckets, and is made again as it was.

    Raises:
        Malformed: More than any plan may have.
    """
    if not 0 <= count <= MOST_CELLS:
        raise Malformed("too-many-cells", f"cells: expected <= {MOST_CELLS}, got {count}: use a coarser grid")
    wide = _find_step(count, _FEW_STEPS)
    if wide == said or wide <= _FINE_FROM:
        return wide
    return _find_step(count, _MANY_STEPS)


def _find_step(count: int, steps: tuple[int, ...]) -> int:
    tenth = 1
    while True:
        for step in steps:
            if step * tenth >= count:
                return step * tenth
        tenth *= 10


def is_bucket(count: int) -> bool:
    """Tell whether a number is one that a list may be padded to."""
    return LEAST_BUCKET <= count <= MOST_CELLS and find_bucket(count) == count


def count_elements(bucket: int, run: RunType) -> int:
    """Return how many elements a request of a bucket has: padded cells, canaries and, unproven, probes."""
    base = bucket + CANARIES[run] + SESSION_CANARIES[run]
    return base if base <= MOST_PROVEN else base + LEAST_PROBES


def is_proven(elements: int) -> bool:
    """Tell whether an answer of so many elements comes with a proof over all of them."""
    return elements <= MOST_PROVEN
