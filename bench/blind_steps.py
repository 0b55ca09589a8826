"""What a blind check in two steps would come to: a coarse grid for all, a finer one where that met.

* Both plans are compared by a coarse grid, and each side keeps those of its cells that met. Then by a fine
  one, of which each side asks for and holds what lies in cells that it kept, and nothing else. No conflict is
  lost: a place where two volumes conflict lies in a coarse cell of each, and those two meet.
* Counted: the share of the fine cells that is left, tokens of both steps, conflicts missed (must be none),
  and flights that are alarmed falsely; beside what the fine grid takes alone.
* Simulated: sets are compared as they are, without keys, desks or sockets (docs/adr/0027). There is no such
  protocol.

  python -m bench.blind_steps [--small]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import math
import sys
from typing import Final

import numpy as np
from numpy.typing import NDArray

from bench.blind_grid import Cells, find_true_pairs, judge, list_cells, say, vary
from bench.blind_plans import DAY, KEEP, make_plans
from bench.deconflict_files import read_day
from bench.report import Report
from entente.blind.cells import Rows, pack_rows, split_high, unpack_rows
from entente.blind.grid import Grid
from entente.blind.grid_default import propose_grid
from entente.blind.lift import asked_tokens, find_askers, held_tokens
from entente.blind.lift_plan import Size

Keys = NDArray[np.bytes_]
FINEST: Final = (11, 60)
"""Level and bin of the finest cells: their whole cover is millions, so that one pair must do."""


def lift(rows: Rows, size: Size, meet: Size) -> Keys:
    """Return cells of one size lifted to where they meet others, as values that numpy compares whole."""
    high, low = unpack_rows(rows)
    _, band, slot = split_high(high)
    numbers = (
        (band // (meet.band_cm // size.band_cm)).astype(np.uint64),
        (slot // (meet.bin_s // size.bin_s) + (1 << 39)).astype(np.uint64),
        low >> np.uint64(2 * (size.level - meet.level)),
    )
    return np.ascontiguousarray(np.stack(numbers, axis=1).astype(">u8")).view("S24").reshape(-1)


def find_within(fine: Rows, fine_grid: Grid, kept: Rows, coarse_grid: Grid) -> NDArray[np.bool_]:
    """Return which cells of one grid overlap any of another."""
    found = np.zeros(len(fine), dtype=np.bool_)
    kinds, kept_kinds = (split_high(unpack_rows(rows)[0])[0] for rows in (fine, kept))
    for place, size in enumerate(fine_grid.sizes):
        for other, large in enumerate(coarse_grid.sizes):
            # Where a band or bin of one does not lie in one of the other, both are lifted: too much is left.
            meet = Size(
                min(size.level, large.level),
                math.lcm(size.band_cm, large.band_cm),
                math.lcm(size.bin_s, large.bin_s),
            )
            chosen = np.flatnonzero((kinds == place) & ~found)
            wanted = lift(kept[kept_kinds == other], large, meet)
            found[chosen[np.isin(lift(fine[chosen], size, meet), wanted)]] = True
    return found


def find_met(ours: Cells, theirs: Cells, grid: Grid) -> Rows:
    """Return the cells of one side that the other holds one of."""
    mine, others = pack_rows(*ours[1:]), pack_rows(*theirs[1:])
    asked = asked_tokens(mine, grid)
    held = held_tokens(others, grid)
    return find_askers(mine, grid, asked[np.isin(_to_keys(asked), _to_keys(held))])


def _to_keys(rows: Rows) -> Keys:
    return np.ascontiguousarray(rows).view("S16").reshape(-1)


def restrict(cells: Cells, grid: Grid, kept: Rows, coarse: Grid) -> tuple[Cells, float]:
    """Return what of one side's cells lies in those that met, and which share of them it is, in per cent."""
    whole = pack_rows(*cells[1:])
    left = whole[find_within(whole, grid, kept, coarse)]
    rows = np.ascontiguousarray(np.stack(cells[1:], axis=1).astype(">u8")).view("S16").reshape(-1)
    chosen = np.isin(rows, _to_keys(left))
    return (cells[0][chosen], cells[1][chosen], cells[2][chosen]), 100 * len(left) / len(whole)


def main(arguments: list[str]) -> None:
    """Simulate and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--small", action="store_true")
    is_small = parser.parse_args(arguments).small
    try:
        a, b = make_plans(read_day(), **({"flights": 20, "sites": 10, "zones": 4} if is_small else {}))
    except importlib.metadata.PackageNotFoundError:
        sys.stderr.write(
            "bench: SKIPPED: the package `traffic` is not here; `make bench` installs its samples\n"
        )
        return
    report = Report("blind_steps")
    truth = find_true_pairs(a, b)
    proposed = propose_grid(KEEP, origin_utc=DAY, widened="a")
    coarse = propose_grid(KEEP, origin_utc=DAY, widened="a", is_coarse=True)
    first = [coarse, vary(proposed, level=8, bin_s=480)]
    second = [proposed, vary(proposed, level=10, bin_s=120)]
    if not is_small:
        second.append(vary(proposed, level=FINEST[0], bin_s=FINEST[1]))
    met = {}
    for grid in first:
        cells = list_cells(a, b, grid)
        met[grid.digest] = (find_met(*cells, grid), find_met(*cells[::-1], grid))
    alone = {grid.digest: judge(a, b, grid, truth, list_cells(a, b, grid)) for grid in first}
    for grid in second:
        cells = list_cells(a, b, grid)
        is_finest = grid.grains[-1].space_levels[0] == FINEST[0]
        if not is_finest:
            whole = judge(a, b, grid, truth, cells)
            report.add(f"{say(grid)}, alone: cells asked for, both sides", sum(whole.asked), "")
            report.add(f"{say(grid)}, alone: held", sum(whole.held), "")
        for before in first[is_finest:]:
            name = f"{say(before)}, then {say(grid)}"
            left = [
                restrict(mine, grid, kept, before)
                for mine, kept in zip(cells, met[before.digest], strict=True)
            ]
            found = judge(a, b, grid, truth, (left[0][0], left[1][0]))
            report.add(f"{name}: conflicts missed, of {found.true_pairs}", found.missed, "", target="<= 0")
            for side, at in (("widened", 0), ("other", 1)):
                report.add(f"{name}: share of the {side} side's fine cells that is left", left[at][1], "%")
                what = f"{name}: false alarms of the {side} side's flights"
                report.add(what, found.false_flights[at], "% of checks", target="<= 2")
            report.add(f"{name}: asked for in the first step", sum(alone[before.digest].asked), "")
            report.add(f"{name}: asked for in the second", sum(found.asked), "")
            report.add(f"{name}: held anew for the second", sum(found.held), "")
    if not is_small:
        report.write()


if __name__ == "__main__":
    main(sys.argv[1:])
