"""Sizes that may be seen: every list that leaves a desk is padded to one of a few lengths.

How many cells a plan has says how much is going on (threat 9 of docs/formats/blind.md): so what the other
side and the host can count is a *bucket*, and what is in it beyond the cells is filled up so that nobody can
tell.

Invariants: a bucket is 10, 20, 50, 100, ... and holds at least what it is asked for; canaries and probes come
on top of it, as many as the mode says and never by what the plan is.

    >>> find_bucket(0), find_bucket(201)
    (10, 500)
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
LEAST_PROBES: Final = 64
"""Elements r*G in an unproven request whose answers the asker can check: r*pk."""


def find_bucket(count: int) -> int:
    """Return the least of 10, 20, 50, 100, ... that holds ``count``.

    Raises:
        Malformed: More than any plan may have.
    """
    if not 0 <= count <= MOST_CELLS:
        raise Malformed("too-many-cells", f"cells: expected <= {MOST_CELLS}, got {count}: use a coarser grid")
    scale = 1
    while True:
        for step in (1, 2, 5):
            if step * scale >= max(count, LEAST_BUCKET):
                return step * scale
        scale *= 10


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
