"""The ladder: the agreed steps by which a report is made coarser, and the one grid that they rest on.

What it is for: every desk of an agreement cuts place, time, height and identity at the same marks, whatever
the report and whoever the recipient, so that the same item always falls into the same cell.

  * Place: cells of latitude and longitude, counted from the south pole and from 180 degrees west. Step 0 is
    the whole world (`WORLD`), step k the k-th size of `places_arcsec`.
  * Time: windows counted from 1970-01-01T00:00:00Z. Height: bands counted from the WGS84 ellipsoid.
  * Identity: a prefix of the path.

Invariants:
  * Nested: each size divides the one before, and the coarsest divides 180 degrees; so each cell, window and
    band lies in exactly one of each coarser step.
  * Half-open: what lies on an edge is in the cell north and east of it; the north pole is in the last row,
    the antimeridian is longitude -180. Exact: whole numbers only, from 1e-7 degrees, microseconds and
    centimetres.
  * Fixed: no offset, no parameter of a recipient, no randomness. SECURITY: shifted grids leak
    (tests/unit/test_release_shifted_grid.py).

It does not judge which step may be shown.

    >>> DEFAULT_LADDER.cell_at(353_359_000, 401_408_000, 4)
    Cell(step=4, row=250, column=440)
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from entente.kernel.errors import Malformed
from entente.release.source.path import MAX_DEPTH

HALF_TURN_ARCSEC: Final = 180 * 3600
POLE_E7: Final = 90 * 10**7
TURN_E7: Final = 360 * 10**7
MAX_STEPS: Final = 12
"""Of one dimension: a ladder is read by a person, and every combination of steps is weighed."""
MAX_SPAN_S: Final = 366 * 86_400
MAX_DELAY_S: Final = 366 * 86_400
MAX_HEIGHT_STEP_M: Final = 100_000

# An arc second is 25 000 / 9 units of 1e-7 degree.
_E7_PER_9_ARCSEC: Final = 25_000


class Cell(NamedTuple):
    """A cell of the grid. ``step``: 0 for the whole world, k for the k-th size of the ladder."""

    step: int
    row: int
    """From the south pole."""
    column: int
    """From 180 degrees west."""


WORLD: Final = Cell(0, 0, 0)
"""Everywhere: the root of the tree of cells."""


class Level(NamedTuple):
    """How much is shown, in each dimension apart.

    ``place``, ``span``, ``height``: 0 = not shown, k = the k-th step, counted from 1, coarse to fine.
    ``delay``: index into `Ladder.delays_s`. ``depth``: number of words of the path.
    """

    place: int
    span: int
    delay: int
    depth: int
    height: int


class CellBlock(NamedTuple):
    """All cells of one step with rows and columns in two half-open ranges."""

    step: int
    first_row: int
    end_row: int
    first_column: int
    end_column: int


@dataclass(frozen=True, slots=True)
class Ladder:
    """Steps of coarsening, coarse to fine; see the module.

    Args:
        places_arcsec: Sizes of cells.
        spans_s: Lengths of windows.
        delays_s: How long after the end of its window an item is held; ascending, the first is 0.
        depths: Numbers of words of a path that may be shown; ascending, the first is 0.
        heights_m: Thickness of bands.
        unshown_s: The window whose end is waited for when no time is shown: the moment of sending tells a
            time too.

    Raises:
        Malformed: Steps do not lie in each other, or are out of range.
    """

    places_arcsec: tuple[int, ...]
    spans_s: tuple[int, ...]
    delays_s: tuple[int, ...]
    depths: tuple[int, ...]
    heights_m: tuple[int, ...]
    unshown_s: int = 86_400

    def __post_init__(self) -> None:
        """Check that the steps lie in each other."""
        _check_nested("places_arcsec", self.places_arcsec, HALF_TURN_ARCSEC)
        if HALF_TURN_ARCSEC % self.places_arcsec[0]:
            raise Malformed(
                "bad-ladder",
                f"places_arcsec: expected a divisor of 648000 (180 degrees), got {self.places_arcsec[0]}",
                path="places_arcsec",
            )
        _check_nested("spans_s", self.spans_s, MAX_SPAN_S)
        _check_nested("heights_m", self.heights_m, MAX_HEIGHT_STEP_M)
        _check_ascending("delays_s", self.delays_s, MAX_DELAY_S)
        _check_ascending("depths", self.depths, MAX_DEPTH)
        if not 1 <= self.unshown_s <= MAX_SPAN_S:
            raise Malformed(
                "bad-ladder", f"unshown_s: expected 1 to {MAX_SPAN_S}, got {self.unshown_s}", path="unshown_s"
            )

    # Levels

    @property
    def finest(self) -> Level:
        """Everything that the ladder can show, at once."""
        return Level(len(self.places_arcsec), len(self.spans_s), 0, self.depths[-1], len(self.heights_m))

    @property
    def coarsest(self) -> Level:
        """Nothing shown, as late as the ladder holds."""
        return Level(0, 0, len(self.delays_s) - 1, 0, 0)

    def levels(self) -> Iterator[Level]:
        """Yield every level, in a fixed order, the coarsest place first."""
        for each in itertools.product(
            range(len(self.places_arcsec) + 1),
            range(len(self.spans_s) + 1),
            range(len(self.delays_s)),
            self.depths,
            range(len(self.heights_m) + 1),
        ):
            yield Level(*each)

    def check_level(self, level: Level) -> None:
        """Raise ``ValueError`` unless ``level`` is one of this ladder: a mistake of our own caller."""
        for name, value, count in (
            ("place", level.place, len(self.places_arcsec) + 1),
            ("span", level.span, len(self.spans_s) + 1),
            ("delay", level.delay, len(self.delays_s)),
            ("height", level.height, len(self.heights_m) + 1),
        ):
            if not 0 <= value < count:
                raise ValueError(f"level, {name}: expected 0 to {count - 1}, got {value}")
        if level.depth not in self.depths:
            raise ValueError(f"level, depth: expected one of {self.depths}, got {level.depth}")

    def span_us(self, step: int) -> int:
        """Return the length of windows of a step; 0 for step 0, where no time is shown."""
        return self.spans_s[step - 1] * 1_000_000 if step else 0

    def delay_us(self, index: int) -> int:
        """Return a delay of the ladder."""
        return self.delays_s[index] * 1_000_000

    # Cells

    def size_arcsec(self, step: int) -> int:
        """Return the size of cells of a step from 1 on; the whole world (step 0) has none."""
        if step < 1:
            raise ValueError(f"size of a cell: expected a step >= 1, got {step}")
        return self.places_arcsec[step - 1]

    def rows(self, step: int) -> int:
        """Return how many rows a step has."""
        return HALF_TURN_ARCSEC // self.places_arcsec[step - 1] if step else 1

    def columns(self, step: int) -> int:
        """Return how many columns a step has."""
        return 2 * HALF_TURN_ARCSEC // self.places_arcsec[step - 1] if step else 1

    def cell_at(self, lat_e7: int, lon_e7: int, step: int) -> Cell:
        """Return the one cell of a step that holds a position."""
        if not -POLE_E7 <= lat_e7 <= POLE_E7:
            raise ValueError(f"latitude: expected -900000000 to 900000000, got {lat_e7}")
        if not step:
            return WORLD
        size = self.places_arcsec[step - 1] * _E7_PER_9_ARCSEC
        row = (lat_e7 + POLE_E7) * 9 // size
        column = (lon_e7 + TURN_E7 // 2) % TURN_E7 * 9 // size
        # The pole is a point of the last row, not a row of its own.
        return Cell(step, min(row, self.rows(step) - 1), column)

    def ancestor(self, cell: Cell, step: int) -> Cell:
        """Return the cell of a coarser (or the same) step in which ``cell`` lies."""
        if not 0 <= step <= cell.step:
            raise ValueError(f"step: expected 0 to {cell.step}, got {step}")
        if not step:
            return WORLD
        ratio = self.places_arcsec[step - 1] // self.places_arcsec[cell.step - 1]
        return Cell(step, cell.row // ratio, cell.column // ratio)

    def parent(self, cell: Cell) -> Cell | None:
        """Return the cell one step coarser; None for the whole world."""
        return self.ancestor(cell, cell.step - 1) if cell.step else None

    def child_block(self, cell: Cell) -> CellBlock | None:
        """Return rows and columns of the cells one step finer; None at the finest step."""
        step = cell.step + 1
        if step > len(self.places_arcsec):
            return None
        if not cell.step:
            return CellBlock(step, 0, self.rows(step), 0, self.columns(step))
        n = self.places_arcsec[cell.step - 1] // self.places_arcsec[step - 1]
        return CellBlock(step, cell.row * n, (cell.row + 1) * n, cell.column * n, (cell.column + 1) * n)

    def children(self, cell: Cell) -> tuple[Cell, ...]:
        """Return the cells one step finer, by row and column; none at the finest step."""
        block = self.child_block(cell)
        if block is None:
            return ()
        return tuple(
            Cell(block.step, row, column)
            for row in range(block.first_row, block.end_row)
            for column in range(block.first_column, block.end_column)
        )

    def is_within(self, fine: Cell, coarse: Cell) -> bool:
        """Return whether ``fine`` lies in ``coarse``, or is it."""
        return fine.step >= coarse.step and self.ancestor(fine, coarse.step) == coarse

    def bounds_arcsec(self, cell: Cell) -> tuple[int, int, int, int]:
        """Return south, west, north, east, exactly, in arc seconds; half-open but for the north pole."""
        if not cell.step:
            return (-HALF_TURN_ARCSEC // 2, -HALF_TURN_ARCSEC, HALF_TURN_ARCSEC // 2, HALF_TURN_ARCSEC)
        size = self.places_arcsec[cell.step - 1]
        south = cell.row * size - HALF_TURN_ARCSEC // 2
        west = cell.column * size - HALF_TURN_ARCSEC
        return (south, west, south + size, west + size)

    def bounds_e7(self, cell: Cell) -> tuple[int, int, int, int]:
        """Return south, west, north, east in 1e-7 degrees, such that exactly what is in the cell has
        ``south <= lat_e7 < north`` and ``west <= lon_e7 < east``: rounded up, the pole within the last row.
        """  # noqa: D205 - one condition, one sentence
        south, west, north, east = (-(-side * _E7_PER_9_ARCSEC // 9) for side in self.bounds_arcsec(cell))
        return (south, west, north + (north == POLE_E7), east)

    def check_cell(self, cell: Cell) -> None:
        """Raise `Malformed` unless ``cell`` is one of this ladder."""
        if not 0 <= cell.step <= len(self.places_arcsec):
            raise Malformed(
                "bad-cell", f"cell, step: expected 0 to {len(self.places_arcsec)}, got {cell.step}"
            )
        for name, value, count in (
            ("row", cell.row, self.rows(cell.step)),
            ("column", cell.column, self.columns(cell.step)),
        ):
            if not 0 <= value < count:
                raise Malformed("bad-cell", f"cell, {name}: expected 0 to {count - 1}, got {value}")

    # Windows and bands

    def window_at(self, moment_us: int, step: int) -> tuple[int | None, int]:
        """Return start and length, in microseconds, of the window that holds a moment; None, 0 for step 0."""
        span_us = self.span_us(step)
        return (moment_us // span_us * span_us, span_us) if span_us else (None, 0)

    def band_at(self, height_cm: int | None, step: int) -> tuple[int, int] | None:
        """Return low and high of the half-open band that holds a height; None if none is shown or known."""
        if height_cm is None or not step:
            return None
        size_cm = self.heights_m[step - 1] * 100
        low_cm = height_cm // size_cm * size_cm
        return (low_cm, low_cm + size_cm)


def _check_nested(name: str, steps: tuple[int, ...], most: int) -> None:
    if not 1 <= len(steps) <= MAX_STEPS:
        raise Malformed("bad-ladder", f"{name}: expected 1 to {MAX_STEPS} steps, got {len(steps)}", path=name)
    if not all(1 <= step <= most for step in steps):
        raise Malformed("bad-ladder", f"{name}: expected steps from 1 to {most}, got {steps}", path=name)
    for coarse, fine in itertools.pairwise(steps):
        if fine >= coarse or coarse % fine:
            raise Malformed(
                "bad-ladder",
                f"{name}: expected each step to divide the one before, got {fine} after {coarse}",
                path=name,
            )


def _check_ascending(name: str, steps: tuple[int, ...], most: int) -> None:
    if not 1 <= len(steps) <= MAX_STEPS or steps[0] != 0 or steps[-1] > most:
        raise Malformed(
            "bad-ladder",
            f"{name}: expected 1 to {MAX_STEPS} steps from 0 to at most {most}, got {steps}",
            path=name,
        )
    if any(later <= earlier for earlier, later in itertools.pairwise(steps)):
        raise Malformed("bad-ladder", f"{name}: expected ascending steps, got {steps}", path=name)


DEFAULT_LADDER: Final = Ladder(
    # 15, 5, 1 degrees; 30', 15', 5' (the cells of GARS); 1'; 6''.
    places_arcsec=(54_000, 18_000, 3_600, 1_800, 900, 300, 60, 6),
    # 30 days, 1 day, 6 h, 1 h, 10 min, 1 min.
    spans_s=(2_592_000, 86_400, 21_600, 3_600, 600, 60),
    # 0, 15 min, 1 h, 6 h, 1 day, 3 days, 7 days.
    delays_s=(0, 900, 3_600, 21_600, 86_400, 259_200, 604_800),
    depths=(0, 1, 2, 3, 4),
    heights_m=(3_000, 1_000, 500, 100, 20),
)
"""What a desk uses unless its agreement says otherwise."""
