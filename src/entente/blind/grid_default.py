"""The grid that is proposed where nobody has a better one: chosen by measurement (docs/adr/0020 and 0027).

What it is for: two parties that agree on a separation need cells. Much finer than the separation they cost
more XX
Invariants:
  * Computed from the separation alone, by whole numbers: both sides come to the same.
  * Bands do not begin at round heights in metres, at which plans like to begin and end.
  * What stands for days has few sizes of cell: each more is another token of every flight.

It binds nobody: what counts is the grid in the agreement.

    >>> grid = propose_grid(Separation(9_260.0, 300.0, 60.0), origin_utc=midnight, widened="a")
    >>> grid.grains[-1]
    Grain(space_levels=(9,), bands_cm=(32000,), bins_s=(240,), ...)
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from entente.blind.grid import Grain, Grid, Side
from entente.space import Separation, encode_separation

LOWEST_CM: Final = -101_000
HIGHEST_CM: Final = LOWEST_CM + 1_536_000
"""14 350 m: above it hardly anything keeps from anything else by height."""
_DAY_S: Final = 86_400
_LEAST_BAND_CM: Final = 16_000
_MOST_BAND_CM: Final = 512_000
_LEAST_BIN_S: Final = 120
_MOST_BIN_S: Final = 1_920
_LONG: Final = 15
"""How many bins are one of what stands longer. It divides the bins of a day, whatever their length here."""
_WIDEST_CM: Final = 100_000_000
_FINEST: Final = 12
_EDGE_CM: Final = 920_000_000
"""A side of a cell of level 0, about; each level halves it."""


def propose_grid(
    separation: Separation, *, origin_utc: datetime, widened: Side, is_coarse: bool = False
) -> Grid:
    """Return a grid for volumes that keep ``separation``."""
    keep = encode_separation(separation)
    level = _FINEST
    while level > 0 and _EDGE_CM >> level < 3 * keep.lateral_cm // 2:
        level -= 1
    band_cm, bin_s = _LEAST_BAND_CM, _LEAST_BIN_S
    while band_cm < min(keep.vertical_cm, _MOST_BAND_CM):
        band_cm *= 2
    while bin_s < min(4 * keep.time_s, _MOST_BIN_S):
        bin_s *= 2
    if is_coarse:
        level = max(0, level - 1)
        band_cm, bin_s = min(2 * band_cm, _MOST_BAND_CM), min(2 * bin_s, _MOST_BIN_S)
    week_s = 8 * _DAY_S
    return Grid(
        grains=(
            # What is as wide as a country; what stands for weeks, and for days; what stands for an hour or
            # more, such as a closed area; and the rest.
            Grain(
                _coarsen(level, 6, 3),
                (3 * band_cm,),
                (week_s, _DAY_S),
                across_cm=min(64 * (_EDGE_CM >> level), _WIDEST_CM),
            ),
            Grain(_coarsen(level, 3, 0), (3 * band_cm,), (week_s,), lasts_s=2 * week_s),
            Grain(_coarsen(level, 3, 0), (3 * band_cm,), (_DAY_S,), lasts_s=2 * _DAY_S),
            Grain((level,), (3 * band_cm,), (_LONG * bin_s,), lasts_s=_LONG * bin_s),
            Grain((level,), (band_cm,), (bin_s,)),
        ),
        lowest_cm=LOWEST_CM,
        highest_cm=HIGHEST_CM,
        origin_utc=origin_utc,
        separation=separation,
        widened=widened,
    )


def _coarsen(level: int, *steps: int) -> tuple[int, ...]:
    """Return levels so many steps above one, each once, coarse to fine."""
    return tuple(sorted({max(0, level - step) for step in steps}))
