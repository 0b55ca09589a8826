"""What a grid costs and how often it is wrong: tokens against false alarms, on two parties' plans of one day.

* Covers of both plans by the grid that `propose_grid` proposes and by others about it; the tokens that each
  side holds and asks; which objects share one. Every pair that conflicts by the exact rule must (a miss stops
  the bench); a flight that shares one with the other side's plan and conflicts with nothing in it is a false
  alarm, of as many checks as there are flights. The same against the other side's zones and sites alone.
* Beside it the cells of one level: all volumes by the finest cell, band and bin of the proposed grid, as a
  plain grid would have them. Sites and zones are counted volume by volume.
* CPU time of a plan's cover and tokens, and of one activity's.

  python -m bench.blind_grid [--small] [--picture FILE]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import statistics
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.blind_plans import DAY, KEEP, Plan, make_plans
from bench.deconflict_files import read_day
from bench.report import Report
from entente.blind import cover as covers
from entente.blind.cells import Ints, Numbers, Rows, pack_rows
from entente.blind.cover import cover, list_rows
from entente.blind.cover_ground import Footprint, cover_ground
from entente.blind.grid import Grain, Grid
from entente.blind.grid_default import propose_grid
from entente.blind.lift import _lift_all, asked_tokens, held_tokens
from entente.blind.lift_plan import Lift
from entente.space import Separation, Volume, find_conflict
from entente.space.bounds import is_apart_in_height

MANY: Final = 20_000_000
LEVELS: Final = (8, 9, 10)
BINS_S: Final = (480, 240, 120, 60)
BANDS_CM: Final = (64_000, 16_000)
TIMES: Final = 5
Pairs = NDArray[np.int64]
Cells = tuple[Ints, Numbers, Numbers]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What comparing two plans by one grid comes to."""

    cells: tuple[int, int]
    held: tuple[int, int]
    asked: tuple[int, int]
    missed: int
    false_pairs: int
    true_pairs: int
    false_flights: tuple[float, float]
    """False alarms of each side, in per cent of its flights."""
    clean_flights: tuple[float, float]
    """Flights without a true conflict, in per cent."""
    false_standing: tuple[float, float]
    """The false alarms of checks against the other side's sites and zones alone."""

    @property
    def tokens(self) -> int:
        """What both sides hold and ask, when each has asked the other once."""
        return sum(self.held) + sum(self.asked)


def own(plan: Plan) -> Ints:
    """Return of which object each volume is."""
    return np.repeat(np.arange(len(plan.objects)), [len(each) for each in plan.objects])


def find_true_pairs(a: Plan, b: Plan) -> set[tuple[int, int]]:
    """Return the objects that conflict, by the exact rule; what is apart by times and caps is not asked."""
    ours, theirs = a.volumes, b.volumes
    mine, their = own(a).tolist(), own(b).tolist()
    start = np.array([v.window.start_utc.timestamp() for v in theirs])
    end = np.array([v.window.end_utc.timestamp() for v in theirs])
    centre = np.array([v.outline.ring.cap_centre for v in theirs])
    reach = np.array([v.outline.ring.cap_chord_m + v.outline.margin_m for v in theirs]) + KEEP.lateral_m + 10
    found: set[tuple[int, int]] = set()
    for place, volume in enumerate(ours):
        ring = volume.outline.ring
        gap = np.maximum(start, volume.window.start_utc.timestamp()) - np.minimum(
            end, volume.window.end_utc.timestamp()
        )
        away = np.linalg.norm(centre - np.array(ring.cap_centre), axis=1)
        near = (gap < KEEP.time_s) & (away <= reach + ring.cap_chord_m + volume.outline.margin_m)
        for other in np.flatnonzero(near).tolist():
            pair = (mine[place], their[other])
            if pair in found or is_apart_in_height(volume.heights, theirs[other].heights, KEEP.vertical_m):
                continue
            if find_conflict(volume, theirs[other], KEEP) is not None:
                found.add(pair)
    return found


def lift_rows(
    owner: Ints, high: Numbers, low: Numbers, grid: Grid, lifts: tuple[tuple[Lift, ...], ...]
) -> tuple[Ints, Numbers, Numbers]:
    """Return tokens object by object."""
    rows: Rows = np.stack((high, low), axis=1).astype(">u8").view(np.uint8).reshape(-1, 16)
    parts = _lift_all(rows, grid, lifts)
    owners = np.concatenate([owner[chosen] for chosen, _, _ in parts])
    highs, lows = (np.concatenate([part[at] for part in parts]) for at in (1, 2))
    order = np.lexsort((owners, lows, highs))
    owners, highs, lows = owners[order], highs[order], lows[order]
    fresh = np.ones(len(owners), dtype=np.bool_)
    fresh[1:] = (owners[1:] != owners[:-1]) | (highs[1:] != highs[:-1]) | (lows[1:] != lows[:-1])
    return owners[fresh], highs[fresh], lows[fresh]


def join(
    held: tuple[Ints, Numbers, Numbers], asked: tuple[Ints, Numbers, Numbers], count: int
) -> tuple[Pairs, int, int]:
    """Return the pairs of objects that share a token, as one number each, and each side's tokens."""
    highs, lows = (np.concatenate((held[at], asked[at])) for at in (1, 2))
    order = np.lexsort((lows, highs))
    fresh = np.ones(len(order), dtype=np.bool_)
    fresh[1:] = (np.diff(highs[order]) != 0) | (np.diff(lows[order]) != 0)
    ids = np.empty(len(order), dtype=np.int64)
    ids[order] = np.cumsum(fresh) - 1
    mine, theirs = ids[: len(held[0])], ids[len(held[0]) :]
    kept = np.isin(theirs, mine)
    wanted, askers = theirs[kept], asked[0][kept]
    first, last = np.searchsorted(mine, wanted, "left"), np.searchsorted(mine, wanted, "right")
    many = last - first
    place = np.repeat(first - np.cumsum(many) + many, many) + np.arange(int(many.sum()))
    pairs = np.unique(held[0][place] * count + np.repeat(askers, many))
    return pairs, len(np.unique(mine)), len(np.unique(theirs))


def compare(a: Plan, b: Plan, grid: Grid, truth: set[tuple[int, int]]) -> Outcome:
    """Cover both plans and compare their tokens."""
    return judge(a, b, grid, truth, list_cells(a, b, grid))


def list_cells(a: Plan, b: Plan, grid: Grid) -> tuple[Cells, Cells]:
    """Return the cells of both plans: of which object, and a row's two numbers."""
    ours = list_rows(a.volumes, grid, is_widened=True, most=MANY)
    theirs = list_rows(b.volumes, grid, is_widened=False, most=MANY)
    return (own(a)[ours[0]], *ours[1:]), (own(b)[theirs[0]], *theirs[1:])


def judge(a: Plan, b: Plan, grid: Grid, truth: set[tuple[int, int]], cells: tuple[Cells, Cells]) -> Outcome:
    """Compare the tokens of both plans' cells."""
    ours, theirs = cells
    count = len(b.objects)
    found, held_a, asked_b = join(
        lift_rows(*ours, grid, grid.lifts.held), lift_rows(*theirs, grid, grid.lifts.asked), count
    )
    back, asked_a, held_b = join(
        lift_rows(*ours, grid, grid.lifts.asked), lift_rows(*theirs, grid, grid.lifts.held), count
    )
    if not np.array_equal(found, back):
        raise AssertionError(f"who asks must not matter: {len(found)} and {len(back)} pairs")
    pairs = {divmod(pair, count) for pair in found.tolist()}
    false, clean, standing = [], [], []
    for side, plan in enumerate((a, b)):
        flights = len(plan.flights)
        true = {pair[side] for pair in truth if pair[side] < flights}
        alarmed = {pair[side] for pair in pairs if pair[side] < flights}
        false.append(100 * len(alarmed - true) / flights)
        clean.append(100 * (flights - len(true)) / flights)
        wide = [
            {pair[side] for pair in each if pair[side] < flights <= pair[1 - side]} for each in (pairs, truth)
        ]
        standing.append(100 * len(wide[0] - wide[1]) / flights)
    return Outcome(
        cells=(len(pack_rows(*ours[1:])), len(pack_rows(*theirs[1:]))),
        held=(held_a, held_b),
        asked=(asked_a, asked_b),
        missed=len(truth - pairs),
        false_pairs=len(pairs - truth),
        true_pairs=len(truth),
        false_flights=(false[0], false[1]),
        clean_flights=(clean[0], clean[1]),
        false_standing=(standing[0], standing[1]),
    )


def vary(grid: Grid, *, level: int = 0, bin_s: int = 0, band_cm: int = 0) -> Grid:
    """Return the grid with other cells for flights, and everything else in step."""
    *standing, hours, last = grid.grains
    bins = bin_s or last.bins_s[0]
    long = hours.bins_s[0] // last.bins_s[0] * bins
    shift = level - last.space_levels[0] if level else 0
    band = band_cm or last.bands_cm[0]
    return replace(
        grid,
        grains=(
            *(
                replace(one, space_levels=tuple(at + shift for at in one.space_levels), bands_cm=(3 * band,))
                for one in standing
            ),
            Grain((hours.space_levels[0] + shift,), (3 * band,), (long,), lasts_s=long),
            Grain((level or last.space_levels[0],), (band,), (bins,)),
        ),
    )


def count_one_level(plan: Plan, grid: Grid, *, is_widened: bool) -> int:
    """Return the cells of a grid that has the finest of everything, and nothing else."""
    finest = Grain(
        (max(level for grain in grid.grains for level in grain.space_levels),),
        (min(band for grain in grid.grains for band in grain.bands_cm),),
        (min(each for grain in grid.grains for each in grain.bins_s),),
    )
    plain = replace(grid, grains=(finest,))
    keep = grid.separation if is_widened else Separation()
    flights = [volume for each in plan.flights for volume in each]
    total = len(cover(flights, plain, is_widened=is_widened, most=MANY))
    standing = [volume for each in plan.sites + plan.zones for volume in each]
    owner, _, _ = cover_ground(
        [Footprint(volume.outline, keep.lateral_m, finest.space_levels) for volume in standing], most=MANY
    )
    for place, cells in enumerate(np.bincount(owner, minlength=len(standing)).tolist()):
        bands = covers._list_bands(standing[place], finest, plain, keep.vertical_m)
        bins = covers._list_bins(standing[place], finest, plain, keep.time_s)
        total += cells * len(bands) * len(bins)
    return total


def clock(volumes: list[Volume], grid: Grid, *, is_widened: bool) -> tuple[float, float]:
    """Return CPU seconds of a cover, and of its tokens."""
    began = time.process_time()
    cells = cover(volumes, grid, is_widened=is_widened)
    covered = time.process_time()
    held_tokens(cells, grid)
    asked_tokens(cells, grid)
    return covered - began, time.process_time() - covered


def measure_times(report: Report, a: Plan, b: Plan, grid: Grid) -> None:
    """Clock both plans and each flight by itself."""
    for name, plan, is_widened in (("widened", a, True), ("other", b, False)):
        runs = [clock(plan.volumes, grid, is_widened=is_widened) for _ in range(TIMES)]
        what = f"the {name} side's plan, {len(plan.volumes):,} volumes"
        report.add(f"cover of {what}: CPU", min(run[0] for run in runs), "s", target="<= 1")
        report.add(f"held and asked tokens of {what}: CPU", min(run[1] for run in runs), "s")
        each = [1e3 * sum(clock(list(flight), grid, is_widened=is_widened)) for flight in plan.flights[:100]]
        what = f"one flight of the {name} side, cover and tokens: CPU, median"
        report.add(what, statistics.median(each), "ms")


def say(grid: Grid) -> str:
    """Return a flight's cell in words."""
    last = grid.grains[-1]
    return f"level {last.space_levels[0]}, {last.bands_cm[0] / 100:g} m, {last.bins_s[0]} s"


def draw_picture(path: Path, points: list[tuple[Grid, Outcome]], proposed: Grid, coarse: Grid) -> None:
    """Draw tokens against false alarms, one line for each level."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.4), sharex=True, sharey=True, layout="constrained")
    for side, (axis, name) in enumerate(zip(axes, ("the widened side", "the other side"), strict=True)):
        for level in LEVELS:
            line = sorted(
                (
                    (outcome.tokens, outcome.false_flights[side], grid.grains[-1].bins_s[0])
                    for grid, outcome in points
                    if grid.grains[-1].space_levels == (level,)
                    and grid.grains[-1].bands_cm == proposed.grains[-1].bands_cm
                ),
            )
            axis.plot([p[0] for p in line], [p[1] for p in line], marker="o", label=f"cells of level {level}")
            for tokens, share, bin_s in line:
                axis.annotate(f"{bin_s} s", (tokens, share), (4, 5), textcoords="offset points", fontsize=7)
        for name_of, wanted, mark in (("proposed", proposed, "s"), ("coarse", coarse, "D")):
            chosen = next(outcome for grid, outcome in points if grid == wanted)
            at = (chosen.tokens, chosen.false_flights[side])
            axis.plot(*at, mark, ms=11, mfc="none", mec="black", ls="none", label=name_of)
        axis.axhline(2.0, color="grey", ls=":", lw=1)
        axis.text(1.0, 2.1, "wanted: 2 %", transform=axis.get_yaxis_transform(), ha="right", fontsize=8)
        axis.set_xscale("log")
        axis.set_title(f"flights of {name}", fontsize=10)
        axis.set_xlabel("tokens held and asked by both sides")
        axis.grid(visible=True, which="both", lw=0.3)
    ticks = [1e5, 2e5, 5e5, 1e6, 2e6, 4e6]
    axes[0].set_xticks(ticks, [f"{tick:,.0f}" for tick in ticks])
    axes[0].set_xticks([], minor=True)
    axes[0].set_ylim(0, 20)
    axes[0].set_ylabel("false alarms, % of checks")
    axes[0].legend(fontsize=8, loc="upper right")
    figure.savefig(path, dpi=110)


def main(arguments: list[str]) -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--picture", type=Path)
    asked = parser.parse_args(arguments)
    small = {"flights": 20, "sites": 10, "zones": 4} if asked.small else {}
    try:
        a, b = make_plans(read_day(), **small)
    except importlib.metadata.PackageNotFoundError:
        sys.stderr.write(
            "bench: SKIPPED: the package `traffic` is not here; `make bench` installs its samples\n"
        )
        return
    grid = propose_grid(KEEP, origin_utc=DAY, widened="a")
    coarse = propose_grid(KEEP, origin_utc=DAY, widened="a", is_coarse=True)
    report = Report("blind_grid")
    truth = find_true_pairs(a, b)
    measure_times(report, a, b, grid)
    variants = [grid, coarse]
    if not asked.small:
        variants += [vary(grid, level=level, bin_s=bin_s) for level in LEVELS for bin_s in BINS_S]
        variants += [vary(grid, band_cm=band_cm) for band_cm in BANDS_CM]
    points: list[tuple[Grid, Outcome]] = []
    for variant in variants:
        if any(variant == done for done, _ in points):
            continue
        found = compare(a, b, variant, truth)
        points.append((variant, found))
        name = say(variant)
        report.add(f"{name}: conflicts missed, of {found.true_pairs}", found.missed, "", target="<= 0")
        for at, side in enumerate(("widened", "other")):
            clean = f"{found.clean_flights[at]:.3g} % conflict with nothing"
            what = f"{name}: false alarms of the {side} side's flights ({clean})"
            report.add(what, found.false_flights[at], "% of checks", target="<= 2")
            what = f"{name}: the same, against sites and zones alone"
            report.add(what, found.false_standing[at], "% of checks", target="<= 2")
        share = 100 * found.false_pairs / (len(a.objects) * len(b.objects))
        what = f"{name}: pairs of objects that share a token and do not conflict ({found.false_pairs})"
        report.add(what, share, "% of pairs")
        report.add(f"{name}: cells, both plans", sum(found.cells), "")
        report.add(f"{name}: tokens held and asked, both sides", found.tokens, "")
        if found.missed:
            raise AssertionError(f"{name}: missed {found.missed} conflicts")
    chosen = points[0][1]
    plain = count_one_level(a, grid, is_widened=True), count_one_level(b, grid, is_widened=False)
    report.add("one level of the finest cell: cells, both plans", sum(plain), "")
    report.add(
        "one level's cells, held and asked, to the tokens of the grid",
        2 * sum(plain) / chosen.tokens,
        "x",
        target=">= 20",
    )
    if asked.picture:
        draw_picture(asked.picture, points, grid, coarse)
    if not asked.small:
        report.write()


if __name__ == "__main__":
    main(sys.argv[1:])
