"""A whole blind check of two parties' plans of one day: a real center, two real desks, sockets between them.

* The plans are those of `bench.blind_plans`: 500 flights of a real day, 200 sites and 20 zones of each party.
* Center and desks are processes of their own, with a durable record and durable books, as they are served.
  They speak plain HTTP on this machine; what is secret is sealed all the same. All three share its cores.
* Prepared: both desks cover, tag, commit and fetch the other's tags at the same time, until both have both.
* Whole: from `blind-check` at the widened side's desk until both desks tell how it ended: both questions.
* Addition: one new flight against the other side's plan, from `blind-check` to its end, several.
* Yes/no: by way of the center, from `blind-check` until both desks tell it.
* By the proposed grid, and by the coarse one that is proposed to whom that takes too long (ADR 0027).
* Beside it what cells of one size would need, the finest of the proposed grid: its tokens are counted, and
  times what a token was measured to cost here. Computed: nobody waits a day for it.

Only processor time is a property of the code alone; the clock is of two cores that three processes share.

    python -m bench.blind_whole [--small] [--only proposed|coarse]
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import math
import shutil
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
import shapely

from bench.blind_grid import count_one_level, say
from bench.blind_plans import DAY, KEEP, Plan, make_plans
from bench.blind_stage import MOST_S, OFFICER, PARTIES, Spent, World, measure, running_world, wait_for
from bench.deconflict_files import read_day
from bench.report import Report
from entente.blind.grid import Grid, encode_grid
from entente.blind.grid_default import propose_grid
from entente.space import Lane, Polygon, Volume, encode_volume

RULES_ID: Final = "day"
ADDED: Final = 7
MATCHES: Final = 3
_ITEM_VOLUMES: Final = 50
_REQUEST_BYTES: Final = 900_000
_DEGREE_M: Final = 111_195.0


def _is_agreed(world: World, party: str) -> bool:
    return bool(world.ask(party, "blind-rules")[0]["state"] == "agreed")


def agree(world: World, grid: Grid) -> None:
    """Put rules of blind checks in force."""
    a, b = PARTIES
    allowance = {
        "whole_cells": 10_000_000,
        "whole_runs": 100,
        "delta_cells": 1_000_000,
        "delta_runs": 1_000,
        "matches": 100,
    }
    wire = msgspec.to_builtins(encode_grid(grid))
    world.ask(
        a,
        "blind-propose",
        officer=OFFICER,
        id=RULES_ID,
        partner=b,
        allowance=allowance,
        grid=wire,
        modes=["exact", "yes-no"],
    )
    wait_for(lambda: [one for one in world.ask(b, "blind-rules") if one["id"] == RULES_ID])
    world.ask(b, "blind-agree", officer=OFFICER, id=RULES_ID)
    for party in PARTIES:
        wait_for(partial(_is_agreed, world, party))


def draw(volume: Volume) -> Volume:
    """Return a volume as an officer draws it: a lane, which no message has, by the polygon round it."""
    if not isinstance(volume.outline, Lane):
        return volume
    points = np.array(volume.outline.points)
    scale = np.array([1.0, math.cos(math.radians(points[:, 0].mean()))]) * _DEGREE_M
    around = shapely.buffer(shapely.linestrings(points * scale), volume.outline.margin_m, quad_segs=2)
    corners = shapely.get_coordinates(shapely.simplify(around, 1.0).exterior)[:-1] / scale
    return replace(volume, outline=Polygon(tuple((lat, lon) for lat, lon in corners.tolist())))


def make_items(name: str, volumes: tuple[Volume, ...]) -> list[dict[str, Any]]:
    """Return an object as plan items, as many volumes in each as one may have."""
    wires = [msgspec.to_builtins(encode_volume(draw(volume))) for volume in volumes]
    return [
        {"name": f"{name}-{start}", "volumes": wires[start : start + _ITEM_VOLUMES]}
        for start in range(0, len(wires), _ITEM_VOLUMES)
    ]


def put_plan(world: World, party: str, plan: Plan) -> None:
    """Give a desk its plan."""
    waiting: list[dict[str, Any]] = []
    size = 0
    every = [item for place, each in enumerate(plan.objects) for item in make_items(f"object-{place}", each)]
    for item in every:
        item_bytes = len(json.dumps(item))
        if size + item_bytes > _REQUEST_BYTES:
            world.ask(party, "blind-plan", officer=OFFICER, put=waiting)
            waiting, size = [], 0
        waiting.append(item)
        size += item_bytes
    world.ask(party, "blind-plan", officer=OFFICER, put=waiting)


def prepare_both(world: World) -> None:
    """Have both desks commit, at the same time, until each has the other's tags."""
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda party: _prepare(world, party), PARTIES))


def _prepare(world: World, party: str) -> None:
    answer = world.ask(party, "blind-prepare", officer=OFFICER, rules=RULES_ID, wait_s=MOST_S)
    assert answer["state"] == "committed", answer

    def has_both() -> bool:
        holdings = world.ask(party, "blind-runs", limit=1)["holdings"]
        return all(one["state"] == "committed" and one["is_fetched"] for one in holdings)

    wait_for(has_both)


def check_both(world: World, kind: str, told: dict[str, Any]) -> None:
    """Check, and wait until both desks tell how it ended."""
    a, b = PARTIES
    known = {one["run"] for one in world.ask(b, "blind-runs")["runs"]}

    def follow() -> Any:  # noqa: ANN401 - JSON
        runs = wait_for(
            lambda: [one for one in world.ask(b, "blind-runs")["runs"] if one["run"] not in known]
        )
        return world.ask(b, "blind-run", run=runs[0]["run"], wait_s=MOST_S)

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(follow)
        told[a] = world.ask(a, "blind-check", officer=OFFICER, rules=RULES_ID, kind=kind, wait_s=MOST_S)
        told[b] = other.result()
    for party in PARTIES:
        assert told[party]["state"] == "ended", told
        assert told[party]["verdict"] in {"CLEAR", "CONFLICT"}, (told[party]["code"], told[party]["words"])


def measure_prepare(report: Report, world: World, name: str) -> tuple[Spent, int]:
    """Prepare both plans; return what it took, and the tokens of both."""
    spent = measure(world, lambda: prepare_both(world))
    holdings = {
        party: next(one for one in world.ask(party, "blind-runs")["holdings"] if one["party"] == party)
        for party in PARTIES
    }
    tokens = {party: one["tokens"] for party, one in holdings.items()}
    what = f"{name}: preparing both plans"
    report.add(f"{what}: tokens held, {PARTIES[0]}", tokens[PARTIES[0]], "")
    report.add(f"{what}: tokens held, {PARTIES[1]}", tokens[PARTIES[1]], "")
    _tell(report, what, spent)
    return spent, sum(tokens.values())


def measure_whole(report: Report, world: World, name: str, target: str) -> tuple[Spent, int]:
    """Check whole plans both ways; return what it took, and the padded cells that both asked for."""
    told: dict[str, Any] = {}
    spent = measure(world, lambda: check_both(world, "whole", told))
    asked = sum(told[party]["bucket"] for party in PARTIES)
    what = f"{name}: whole check, both questions ({told[PARTIES[0]]['verdict']})"
    report.add(f"{what}: cells asked for, padded, both", asked, "")
    for party in PARTIES:
        report.add(f"{what}: objects of {party} that meet", len(told[party]["conflicts"]), "")
    _tell(report, what, spent, target)
    return spent, asked


def measure_added(report: Report, world: World, name: str, spare: list[tuple[Volume, ...]]) -> None:
    """Check new flights, one by one."""
    for party in PARTIES:
        taken, buckets = [], []
        for place, flight in enumerate(spare[:ADDED]):
            items = make_items(f"new-{place}", flight)
            began = time.perf_counter()
            told = world.ask(
                party,
                "blind-check",
                officer=OFFICER,
                rules=RULES_ID,
                kind="delta",
                items=items,
                wait_s=MOST_S,
            )
            taken.append((time.perf_counter() - began) * 1e3)
            buckets.append(told["bucket"])
            assert told["state"] == "ended", told
            assert told["verdict"] in {"CLEAR", "CONFLICT"}, told["words"]
        what = f"{name}: one new flight of {party}, {statistics.median(buckets):,.0f} cells asked, padded"
        report.add(f"{what}: wall, median of {len(taken)}", statistics.median(taken), "ms")
        report.add(f"{what}: slowest", max(taken), "ms")


def measure_match(report: Report, world: World, name: str, times: int) -> None:
    """Check by way of the center."""
    told: dict[str, Any] = {}
    every = [measure(world, lambda: check_both(world, "yes-no", told)) for _ in range(times)]
    runs = sorted(every, key=lambda one: one.wall_s)
    what = f"{name}: yes/no by way of the center ({told[PARTIES[0]]['verdict']}), median of {times}"
    _tell(report, what, runs[len(runs) // 2])


def _tell(report: Report, what: str, spent: Spent, target: str = "") -> None:
    report.add(f"{what}: wall", spent.wall_s, "s", target=target)
    for process, cpu_s in spent.cpu_s.items():
        report.add(f"{what}: CPU of {process}", cpu_s, "s")
    report.add(f"{what}: CPU in all", sum(spent.cpu_s.values()), "s")
    for process, peak_mb in spent.peak_mb.items():
        report.add(f"{what}: most memory of {process}", peak_mb, "MB")
    report.add(f"{what}: bytes in parcels", spent.parcel_mb, "MB")
    report.add(f"{what}: messages of blind checks", spent.messages, "")
    report.add(f"{what}: messages in all, receipts too", sum(spent.kinds.values()), "")


def list_spare(parties: tuple[Plan, Plan], *, wanted: int) -> list[tuple[Volume, ...]]:
    """Return flights of neither plan."""
    more = make_plans(read_day(), flights=len(parties[0].flights) + wanted, sites=0, zones=0)
    return list(more[0].flights[len(parties[0].flights) :])


def run(
    report: Report, name: str, grid: Grid, plans: tuple[Plan, Plan], *, times: int
) -> tuple[float, float]:
    """Measure one grid; return the CPU of a token that is held, and of a padded cell that is asked for."""
    folder = Path(tempfile.mkdtemp(prefix="entente-bench-"))
    name = f"{name} ({say(grid)})"
    try:
        with running_world(folder) as world:
            agree(world, grid)
            for party, plan in zip(PARTIES, plans, strict=True):
                put_plan(world, party, plan)
            made, held = measure_prepare(report, world, name)
            whole, asked = measure_whole(report, world, name, "<= 10")
            measure_added(report, world, name, list_spare(plans, wanted=ADDED))
            measure_match(report, world, name, times)
    finally:
        shutil.rmtree(folder)
    return sum(made.cpu_s.values()) / max(1, held), sum(whole.cpu_s.values()) / asked


def compute_one_level(
    report: Report, grid: Grid, plans: tuple[Plan, Plan], costs: tuple[float, float]
) -> None:
    """Say what cells of one size would need, by what a token was measured to cost."""
    cells = sum(count_one_level(plan, grid, is_widened=at == 0) for at, plan in enumerate(plans))
    report.add("one level of the finest cell: cells of both plans, held and asked", cells, "")
    report.add("one level, computed from the cost of a token: CPU to prepare", cells * costs[0] / 3_600, "h")
    report.add("one level, computed: CPU of the whole check", cells * costs[1] / 3_600, "h")
    report.add("one level, computed: wall of the whole check, two cores", cells * costs[1] / 7_200, "h")
    report.add("one level, computed: elements to and fro", cells * 64 / 1e9, "GB")


def main() -> None:
    """Measure, and write the figures unless only a part or a small one was asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.blind_whole")
    parser.add_argument("--small", action="store_true", help="a quick run for correctness; writes no results")
    parser.add_argument("--only", choices=("proposed", "coarse"))
    given = parser.parse_args()
    small = {"flights": 10, "sites": 5, "zones": 1} if given.small else {}
    try:
        plans = make_plans(read_day(), **small)
    except importlib.metadata.PackageNotFoundError:
        sys.stderr.write(
            "bench: SKIPPED: the package `traffic` is not here; `make bench` installs its samples\n"
        )
        return
    report = Report("blind_whole")
    proposed = propose_grid(KEEP, origin_utc=DAY, widened="a")
    coarse = propose_grid(KEEP, origin_utc=DAY, widened="a", is_coarse=True)
    grids = {"proposed": proposed, "coarse": coarse}
    costs = {}
    for name, grid in grids.items():
        if given.only in {None, name} and not (given.small and name == "proposed"):
            costs[name] = run(report, name, grid, plans, times=1 if given.small else MATCHES)
    if "proposed" in costs:
        compute_one_level(report, proposed, plans, costs["proposed"])
    if not given.small and given.only is None:
        report.write()


if __name__ == "__main__":
    main()
