"""The grid of an agreement: how place, height and time are cut into cells, alike on both sides.

What it is for: both parties cover their volumes by the cells of one grid, and compare cells. The grid stands
in the agreement; its hash is bound into every token's meaning, so that two grids never meet.

  * Place: cells of S2, each cut into four by the next level. Latitude and longitude are those of WGS84, taken
    as directions on a ball; poles and the antimeridian are ordinary places.
  * Height: bands counted from ``lowest_cm`` up; what is below it is in the lowest band, what is at or above
    ``highest_cm`` in the highest.
  * Time: bins counted from ``origin``, before it too.
  * A *grain* says how fine the cells of a kind of volume are. The first whose three least extents a volume
    has is its grain; the last has none. The bands and bins of two grains lie in each other.

Invariants:
  * Valid by construction: every number is in range, bands and bins lie in each other, the last grain takes
    what the others do not.
  * The separation is included once, on the side that ``widened`` names: the first or the second party of the
    pair, sorted by name.
  * ``encode_grid(parse_grid(wire)) == wire``; whole numbers only.

It does not cover, and it knows no party.

    >>> grid = parse_grid(wire, path="$.body.grid")
    >>> grid.grains[0].space_levels
    (9, 10, 11)
"""

from __future__ import annotations

import hashlib
import itertools
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Annotated, Final, Literal

from msgspec import Meta

from entente.blind.lift_plan import LiftPlan, Size, plan_lifts
from entente.kernel.canonical import encode_canonical
from entente.kernel.errors import Malformed
from entente.kernel.time import encode_utc, parse_utc
from entente.kernel.wire import UtcText, WireStruct
from entente.space import Separation, SeparationWire, encode_separation, parse_separation

FORMAT: Final = "entente-grid-1"
MAX_LEVEL: Final = 24
"""Cells of half a metre; the exact rule's own tolerance is centimetres."""
MAX_GRAINS: Final = 8
MAX_LEVELS: Final = 12
MAX_STEPS: Final = 6
"""Heights of bands, or lengths of bins, of one grain."""
MIN_BIN_S: Final = 10
"""With it, any year on the wire has a bin number below 2**39."""
MAX_BIN_S: Final = 100 * 366 * 86_400
MIN_BAND_CM: Final = 1_000
MAX_BANDS: Final = 2**16
"""A band has two bytes of a token."""
LIMIT_CM: Final = 10_000_000_000
"""As far as a height on the wire reaches."""

Side = Literal["a", "b"]
SpaceLevel = Annotated[int, Meta(ge=0, le=MAX_LEVEL)]
BandCm = Annotated[int, Meta(ge=MIN_BAND_CM, le=2 * LIMIT_CM)]
BinS = Annotated[int, Meta(ge=MIN_BIN_S, le=MAX_BIN_S)]
HeightCm = Annotated[int, Meta(ge=-LIMIT_CM, le=LIMIT_CM)]


class GrainWire(WireStruct, frozen=True):
    """A grain as it travels."""

    across_cm: Annotated[int, Meta(ge=0, le=2_000_000_000)]
    bands_cm: Annotated[tuple[BandCm, ...], Meta(min_length=1, max_length=MAX_STEPS)]
    bins_s: Annotated[tuple[BinS, ...], Meta(min_length=1, max_length=MAX_STEPS)]
    lasts_s: Annotated[int, Meta(ge=0, le=10**12)]
    space_levels: Annotated[tuple[SpaceLevel, ...], Meta(min_length=1, max_length=MAX_LEVELS)]
    thick_cm: Annotated[int, Meta(ge=0, le=2 * LIMIT_CM)]


class GridWire(WireStruct, frozen=True):
    """A grid as it travels: part of what both parties sign."""

    format: Literal["entente-grid-1"]
    grains: Annotated[tuple[GrainWire, ...], Meta(min_length=1, max_length=MAX_GRAINS)]
    highest_cm: HeightCm
    lowest_cm: HeightCm
    origin: UtcText
    separation: SeparationWire
    widened: Side


@dataclass(frozen=True, slots=True)
class Grain:
    """How fine the cells of a kind of volume are.

    Args:
        space_levels: Coarse to fine. The rim of a volume is covered by the finest, its inside by the coarsest
            that fit.
        bands_cm, bins_s: Heights of its bands, lengths of its bins, in the same way: coarse to fine.
        across_cm, thick_cm, lasts_s: What a volume must be, at least, to be covered so: across its outline,
            between its bounds (within the grid's), from its start to its end.
    """

    space_levels: tuple[int, ...]
    bands_cm: tuple[int, ...]
    bins_s: tuple[int, ...]
    across_cm: int = 0
    thick_cm: int = 0
    lasts_s: int = 0


@dataclass(frozen=True)
class Grid:
    """How place, height and time are cut; see the module.

    Raises:
        Malformed: A number is out of range, or two do not fit each other.
    """

    grains: tuple[Grain, ...]
    lowest_cm: int
    highest_cm: int
    origin_utc: datetime
    separation: Separation
    widened: Side

    def __post_init__(self) -> None:
        """Check that all of it fits."""
        _check_grid(self)

    @cached_property
    def sizes(self) -> tuple[Size, ...]:
        """Every size that a cell of a cover may have, each once, sorted: a cell says which by its number."""
        return tuple(
            sorted(
                {
                    Size(*each)
                    for one in self.grains
                    for each in itertools.product(one.space_levels, one.bands_cm, one.bins_s)
                }
            )
        )

    @cached_property
    def lifts(self) -> LiftPlan:
        """Which tokens its cells are held and asked by."""
        return plan_lifts(self.sizes)

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the grid's canonical form: what a domain tag binds."""
        return hashlib.sha256(encode_canonical(encode_grid(self))).digest()


def parse_grid(wire: GridWire, *, path: str = "$") -> Grid:
    """Return the grid that ``wire`` spells.

    Raises:
        Malformed: The parts do not fit each other; says which, and where.
    """
    try:
        return Grid(
            grains=tuple(
                Grain(g.space_levels, g.bands_cm, g.bins_s, g.across_cm, g.thick_cm, g.lasts_s)
                for g in wire.grains
            ),
            lowest_cm=wire.lowest_cm,
            highest_cm=wire.highest_cm,
            origin_utc=parse_utc(wire.origin, path="origin"),
            separation=parse_separation(wire.separation),
            widened=wire.widened,
        )
    except Malformed as error:
        raise Malformed(error.code, error.message, path=f"{path}.{error.path}") from error


def encode_grid(grid: Grid) -> GridWire:
    """Return the wire form of ``grid``."""
    return GridWire(
        format=FORMAT,
        grains=tuple(
            GrainWire(
                across_cm=grain.across_cm,
                bands_cm=grain.bands_cm,
                bins_s=grain.bins_s,
                lasts_s=grain.lasts_s,
                space_levels=grain.space_levels,
                thick_cm=grain.thick_cm,
            )
            for grain in grid.grains
        ),
        highest_cm=grid.highest_cm,
        lowest_cm=grid.lowest_cm,
        origin=encode_utc(grid.origin_utc),
        separation=encode_separation(grid.separation),
        widened=grid.widened,
    )


def _check_grid(grid: Grid) -> None:
    """Check what the types of the wire do not say."""
    if grid.widened not in {"a", "b"}:
        raise ValueError(f"grid: expected the widened side 'a' or 'b', got {grid.widened!r}")
    if grid.origin_utc.utcoffset() != timedelta(0):
        raise ValueError(f"grid: expected an origin in UTC, got {grid.origin_utc!r}")
    if not 1 <= len(grid.grains) <= MAX_GRAINS:
        raise Malformed(
            "bad-grid", f"grid: expected 1 to {MAX_GRAINS} grains, got {len(grid.grains)}", path="grains"
        )
    if not -LIMIT_CM <= grid.lowest_cm < grid.highest_cm <= LIMIT_CM:
        raise Malformed(
            "bad-grid",
            "grid: expected lowest < highest, both on the wire's scale, got"
            f" {grid.lowest_cm} and {grid.highest_cm} cm",
            path="highest_cm",
        )
    for place, grain in enumerate(grid.grains):
        _check_grain(grain, f"grains[{place}]", grid.highest_cm - grid.lowest_cm)
    last = grid.grains[-1]
    if last.across_cm or last.thick_cm or last.lasts_s:
        raise Malformed(
            "bad-grid",
            "grid: expected a last grain for every volume (least extents 0), got"
            f" {last.across_cm} cm, {last.thick_cm} cm, {last.lasts_s} s",
            path=f"grains[{len(grid.grains) - 1}]",
        )
    for name in ("bands_cm", "bins_s"):
        steps = sorted({step for grain in grid.grains for step in getattr(grain, name)})
        for one, next_one in itertools.pairwise(steps):
            if next_one % one:
                raise Malformed(
                    "bad-grid",
                    f"grid, {name}: expected multiples of each other, got {one} and {next_one}",
                    path="grains",
                )
    _ = grid.lifts  # refuses more kinds of token than a byte can name


def _check_grain(grain: Grain, path: str, high_cm: int) -> None:
    for name, steps, least, most, count in (
        ("space_levels", grain.space_levels, 0, MAX_LEVEL, MAX_LEVELS),
        ("bands_cm", tuple(-step for step in grain.bands_cm), -high_cm, -MIN_BAND_CM, MAX_STEPS),
        ("bins_s", tuple(-step for step in grain.bins_s), -MAX_BIN_S, -MIN_BIN_S, MAX_STEPS),
    ):
        is_ordered = list(steps) == sorted(set(steps))
        if not 1 <= len(steps) <= count or not is_ordered or steps[0] < least or steps[-1] > most:
            raise Malformed(
                "bad-grid",
                f"grain, {name}: expected 1 to {count} from coarse to fine, each once, within"
                f" {min(abs(least), abs(most))} and {max(abs(least), abs(most))}, got"
                f" {tuple(map(abs, steps))}",
                path=f"{path}.{name}",
            )
    for name, value, most in (
        ("across_cm", grain.across_cm, 2_000_000_000),
        ("thick_cm", grain.thick_cm, 2 * LIMIT_CM),
        ("lasts_s", grain.lasts_s, 10**12),
    ):
        if not 0 <= value <= most:
            raise Malformed(
                "bad-grid", f"grain, {name}: expected 0 to {most}, got {value}", path=f"{path}.{name}"
            )
    for band_cm in grain.bands_cm:
        if high_cm % band_cm or high_cm // band_cm > MAX_BANDS:
            raise Malformed(
                "bad-grid",
                f"grain, bands_cm: expected parts of {high_cm} cm from lowest to highest, at most {MAX_BANDS}"
                f" of them, got {band_cm}",
                path=f"{path}.bands_cm",
            )
