"""The shape of a report: the features that a recipient sees, and by which exposure is judged.

What it is for: a report at a level has exactly one shape; what a recipient is sent is built from it, and what
the recipient may conclude is computed from it. Nothing else of the report enters either.

Invariants:
  * `shape_of` is a function of position, moment, path, height, level and ladder alone: the same item at the
    same level is the same shape, for every recipient and at every repetition.
  * A coarser level never says something that a finer one denies: `meet` of two shapes of one report exists.

It does not hold texts or named fields, and it does not know which report it came from.

    >>> shape = shape_of(report, Level(place=4, span=3, delay=0, depth=1, height=1), DEFAULT_LADDER)
    >>> shape.cell
    Cell(step=4, row=250, column=440)
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol

from entente.release.source.path import Path, is_prefix
from entente.release.variant.ladder import Cell, Ladder, Level


class Observed(Protocol):
    """What `shape_of` reads of a report."""

    @property
    def lat_e7(self) -> int:
        """Latitude, in 1e-7 degree."""
        ...

    @property
    def lon_e7(self) -> int:
        """Longitude, in 1e-7 degree."""
        ...

    @property
    def height_cm(self) -> int | None:
        """Height above the WGS84 ellipsoid; None where unknown or without meaning."""
        ...

    @property
    def moment_us(self) -> int:
        """When it was so: microseconds since 1970-01-01T00:00:00Z."""
        ...

    @property
    def path(self) -> Path:
        """What it is, from the widest word to the narrowest."""
        ...


class Sighting(NamedTuple):
    """The least that has a shape."""

    lat_e7: int
    lon_e7: int
    moment_us: int
    path: Path
    height_cm: int | None = None


@dataclass(frozen=True, slots=True)
class Shape:
    """The features of a report that a recipient sees.

    Args:
        cell: Where; None when no place is shown (never the whole world as a cell).
        start_us, span_us: When: ``[start, start + span)``, microseconds since 1970; None and 0 when no time
            is shown.
        delay_us: How long after the end of its window it is held.
        path: What: a prefix of the report's path; it may be shorter than the level allows.
        height_cm: How high: ``[low, high)`` above the ellipsoid; None when not shown or not known.
    """

    cell: Cell | None
    start_us: int | None
    span_us: int
    delay_us: int
    path: Path
    height_cm: tuple[int, int] | None

    def __post_init__(self) -> None:
        """Check that a window is whole, and that the whole world is not told as a place."""
        if self.cell is not None and not self.cell.step:
            raise ValueError("cell: expected a step >= 1 or None, got the whole world")
        if (self.start_us is None) != (self.span_us == 0):
            raise ValueError(f"window: expected both or none, got {self.start_us} and {self.span_us}")


def shape_of(report: Observed, level: Level, ladder: Ladder) -> Shape:
    """Return what a recipient sees of ``report`` at ``level``."""
    ladder.check_level(level)
    start_us, span_us = ladder.window_at(report.moment_us, level.span)
    return Shape(
        cell=ladder.cell_at(report.lat_e7, report.lon_e7, level.place) if level.place else None,
        start_us=start_us,
        span_us=span_us,
        delay_us=ladder.delay_us(level.delay),
        path=report.path[: level.depth],
        height_cm=ladder.band_at(report.height_cm, level.height),
    )


def earliest_us(report: Observed, shape: Shape, ladder: Ladder) -> int:
    """Return the first moment at which ``shape`` may leave: the end of its window, and then the delay.

    SECURITY: where no time is shown, the moment of leaving would tell one; so the end of the window of
    `Ladder.unshown_s` is waited for (tests/unit/test_release_ladder.py).
    """
    span_us = shape.span_us or ladder.unshown_s * 1_000_000
    return (report.moment_us // span_us + 1) * span_us + shape.delay_us


def meet(a: Shape, b: Shape, ladder: Ladder) -> Shape | None:
    """Return what ``a`` and ``b`` together say of one report, each dimension apart; None if they contradict.

    It is the finer of two nested cells, windows, paths and bands, and the smaller delay.
    """
    cell = _meet_cells(a.cell, b.cell, ladder)
    window = _meet_ranges(_window(a), _window(b))
    height = _meet_ranges(a.height_cm, b.height_cm)
    long, short = (a.path, b.path) if len(a.path) >= len(b.path) else (b.path, a.path)
    if cell is False or window is False or height is False or not is_prefix(short, long):
        return None
    return Shape(
        cell=cell,
        start_us=window[0] if window else None,
        span_us=window[1] - window[0] if window else 0,
        delay_us=min(a.delay_us, b.delay_us),
        path=long,
        height_cm=height,
    )


def _window(shape: Shape) -> tuple[int, int] | None:
    return None if shape.start_us is None else (shape.start_us, shape.start_us + shape.span_us)


def _meet_cells(a: Cell | None, b: Cell | None, ladder: Ladder) -> Cell | Literal[False] | None:
    """Return the finer of two nested cells; False where neither lies in the other."""
    if a is None or b is None:
        return a or b
    fine, coarse = (a, b) if a.step >= b.step else (b, a)
    return fine if ladder.is_within(fine, coarse) else False


def _meet_ranges(
    a: tuple[int, int] | None, b: tuple[int, int] | None
) -> tuple[int, int] | Literal[False] | None:
    if a is None or b is None:
        return a or b
    low, high = max(a[0], b[0]), min(a[1], b[1])
    return (low, high) if low < high else False
