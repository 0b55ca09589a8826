"""How useful a level is to its recipient: the stated measure by which the gate prefers one to another.

What it is for: of all levels within budget the gate takes the most useful. The measure is

    place x bits of place + span x bits of time + height x bits of height + depth x words shown
        - wait x log2(1 + waiting time / 15 min)

where bits are log2 of how many cells (of the world), windows (of 366 days) or bands (of 30 km) there are, and
the waiting time is half the window and the delay. Place counts by its expectation over what the recipient
itself expects: never by the report's own place.

Invariants: finite; a function of ladder, level and weights; finer is never worth less but for the waiting.

It is no measure of what a recipient needs: an officer may give other weights.

    >>> round(DEFAULT_WEIGHTS.place_bits(DEFAULT_LADDER, 1), 3)
    8.17
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log2
from typing import Final

from entente.release.variant.ladder import Ladder, Level

_YEAR_S: Final = 366 * 86_400
_HIGH_M: Final = 30_000
_PATIENCE_S: Final = 900


@dataclass(frozen=True, slots=True)
class Weights:
    """What each bit is worth: of place, time, height; each word of a path; each doubling of waiting."""

    place: float = 1.0
    span: float = 1.0
    height: float = 0.5
    depth: float = 3.0
    wait: float = 1.0

    def __post_init__(self) -> None:
        """Check that nothing finer is worth less."""
        if not all(0.0 <= value <= 1_000.0 for value in self.as_tuple()):
            raise ValueError(f"weights: expected 0 to 1000, got {self.as_tuple()}")

    def as_tuple(self) -> tuple[float, ...]:
        """Return all weights."""
        return (self.place, self.span, self.height, self.depth, self.wait)

    def place_bits(self, ladder: Ladder, step: int) -> float:
        """Return what a cell of a step is worth."""
        return self.place * log2(ladder.rows(step) * ladder.columns(step)) if step else 0.0

    def other_bits(self, ladder: Ladder, level: Level) -> float:
        """Return what everything but place is worth, waiting taken off."""
        span_s = ladder.spans_s[level.span - 1] if level.span else 0
        waits_s = (span_s or ladder.unshown_s) / 2 + ladder.delays_s[level.delay]
        worth = self.depth * level.depth - self.wait * log2(1.0 + waits_s / _PATIENCE_S)
        if span_s:
            worth += self.span * log2(_YEAR_S / span_s)
        if level.height:
            worth += self.height * max(0.0, log2(_HIGH_M / ladder.heights_m[level.height - 1]))
        return worth


DEFAULT_WEIGHTS: Final = Weights()
