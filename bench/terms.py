"""The terms: how long the questions take on 80 to 2,000 positions, beside what else could answer them.

Ours is charged for everything from a `Terms` value to the answer; a peer for its search alone, its model of
the terms being made before. Peers run in the same run, on the same instances, one after the other, with a
time limit; what did not finish counts with the limit, and its row says so: the ratio is then a lower bound.

    python -m bench.terms [--small]

The instances (`bench.terms_instances`):
  * 80 positions: how many obstacles random terms have differs without bound between seeds. Taken are the
    first five seeds from 1 on with 20 to 600 of them, of terms with 20 % of positions on one measure alone
    and of terms with 35 %. The other seeds below these have fewer than 20, or so many that nothing here lists
    them all in four seconds.
  * 200 and 400 positions: seeds 1 to 5. 2,000: seeds 1 to 5 of the sparse kind.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from bench.report import Report
from bench.terms_instances import PROGRAMME, Sparse, build_dense, build_sparse
from bench.terms_peers import (
    CLINGO_CORES,
    MARCO_SOLVERS,
    Parts,
    Run,
    run_clingo,
    run_marco,
    run_mcs_opt,
    run_mus,
    run_rc2,
    split_terms,
)
from entente.terms.search.possibility import ALL, find_obstacles, find_packages, is_possible
from entente.terms.search.programmes import find_best_programme
from entente.terms.search.watch import Progress

MANY: Final = 1_000_000
TIMES: Final = 3

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """What is measured: the whole, or a little for correctness."""

    eighty: tuple[int, dict[float, tuple[int, ...]]] = (
        80,
        {0.2: (17, 2, 6, 13, 18), 0.35: (2, 3, 5, 6, 7)},
    )
    two_hundred: tuple[int, tuple[int, ...]] = (200, (1, 2, 3, 4, 5))
    four_hundred: tuple[int, tuple[int, ...]] = (400, (1, 2, 3, 4, 5))
    sparse: tuple[Sparse, tuple[int, ...]] = (Sparse(), (1, 2, 3, 4, 5))
    marco_s: float = 10.0
    limit_s: float = 20.0
    stop_after_s: float = 0.3


SMALL: Final = Plan(
    eighty=(30, {0.2: (1, 2)}),
    two_hundred=(40, (1,)),
    four_hundred=(50, (1,)),
    sparse=(Sparse(positions=150, parties=10, themes=6), (1,)),
    marco_s=1.0,
    limit_s=2.0,
    stop_after_s=0.02,
)


PACKAGE_PEERS: Final[dict[str, Callable[[Parts, float], Run]]] = {
    "plain RC2": run_rc2,
    "clingo": run_clingo,
    "clingo, usc and stratify": lambda parts, limit_s: run_clingo(parts, limit_s, *CLINGO_CORES),
}


class Until:
    """A watch that asks to stop at a moment, and keeps when it asked and what it had seen."""

    def __init__(self, after_s: float) -> None:
        self.ends = time.perf_counter() + after_s
        self.last = self.began = time.perf_counter()
        self.longest_gap_s = 0.0
        self.progress = Progress("")

    def look(self, progress: Progress) -> str:
        """Stop once the moment has come."""
        now = time.perf_counter()
        self.longest_gap_s = max(self.longest_gap_s, now - self.last)
        self.last, self.progress = now, progress
        return "interrupt" if now >= self.ends else ""


def clock(ask: Callable[[], T], times: int = TIMES) -> tuple[float, T]:
    """Return the median time of a question, and its answer."""
    taken = []
    began = time.perf_counter()
    answer = ask()
    taken.append(time.perf_counter() - began)
    while len(taken) < times and sum(taken) < 2.0:
        began = time.perf_counter()
        answer = ask()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken), answer


def add_times(report: Report, what: str, taken: Sequence[float], target_s: float | None = None) -> None:
    """Add the median over the seeds and the worst of them; both must reach the target."""
    target = "" if target_s is None else f"<= {target_s}"
    report.add(f"{what}, median", statistics.median(taken), "s", target=target)
    report.add(f"{what}, worst", max(taken), "s", target=target)


def add_peer(report: Report, what: str, runs: Sequence[Run], ours: Sequence[float], target: str = "") -> None:
    """Add a peer's median time, and how many times ours that is; its smallest lead over the seeds too."""
    late = sum(not run.is_done for run in runs)
    shown = f"{what} ({late} of {len(runs)} not finished)" if late else what
    median = statistics.median(run.seconds for run in runs)
    report.add(
        f"{shown}, median",
        median,
        "s",
        target=target,
        peer="entente",
        peer_value=statistics.median(ours),
    )
    if len(runs) > 1:
        lead = min(run.seconds / own for run, own in zip(runs, ours, strict=True))
        report.add(f"{what}: times entente's, smallest of any seed", lead, "x", target=target)


# 80: all obstacles


def measure_eighty(report: Report, plan: Plan) -> None:
    """All obstacles, proven complete, beside CPMpy's marco on the fastest of its solvers here."""
    positions, seeds = plan.eighty
    every = [build_dense(positions, at, single=share) for share, some in seeds.items() for at in some]
    taken, counts = [], []
    for terms in every:
        seconds, answer = clock(lambda terms=terms: find_obstacles(terms, most=ALL))  # type: ignore[misc]
        assert answer.search.is_all
        taken.append(seconds)
        counts.append(len(answer.obstacles))
    print(f"seeds {seeds}: {counts} obstacles in {[round(each, 3) for each in taken]} s")
    what = f"{positions} positions, {len(every)} instances"
    report.add(f"{what}: obstacles of one, median", statistics.median(counts), "")
    report.add(f"{what}: obstacles of one, most", max(counts), "")
    add_times(report, f"{positions} positions: all obstacles, proven complete", taken, 0.15)
    runs = {solver: run_marco(split_terms(every[0]), solver, plan.marco_s) for solver in MARCO_SOLVERS}
    for solver, run in runs.items():
        print(f"marco on {solver}, first instance: {run}")
    fastest = min(runs, key=lambda solver: (not runs[solver].is_done, runs[solver].seconds))
    found = [runs[fastest], *(run_marco(split_terms(terms), fastest, plan.marco_s) for terms in every[1:])]
    for run, count in zip(found, counts, strict=True):
        assert not run.is_done or max(run.found, 0) == count, (run, count)
    add_peer(report, f"  CPMpy marco on {fastest}, its fastest here", found, taken, ">= 10")


# 200 and 400: the smallest obstacles, the cheapest packages


def measure_two_hundred(report: Report, plan: Plan) -> None:
    """Ten smallest obstacles, the cheapest package and ten packages."""
    positions, seeds = plan.two_hundred
    every = [build_dense(positions, seed) for seed in seeds]
    obstacles, first, ten, costs, tenth = [], [], [], [], []
    for terms in every:
        seconds, found = clock(lambda terms=terms: find_obstacles(terms, most=10))  # type: ignore[misc]
        assert found.search.is_complete
        obstacles.append(seconds)
        seconds, one = clock(lambda terms=terms: find_packages(terms, most=1))  # type: ignore[misc]
        assert one.search.is_complete
        first.append(seconds)
        costs.append(one.packages[0].cost)
        seconds, many = clock(lambda terms=terms: find_packages(terms, most=10))  # type: ignore[misc]
        assert many.search.is_complete
        ten.append(seconds)
        tenth.append(many.packages[-1].cost)
    print(f"seeds {seeds}: cheapest {costs}, tenth {tenth}")
    every_parts = [split_terms(terms) for terms in every]
    add_times(report, f"{positions} positions: ten smallest obstacles", obstacles, 0.05)
    runs = [run_mus(parts, "pysat", plan.limit_s) for parts in every_parts]
    add_peer(report, "  CPMpy mus on pysat, one obstacle, not a smallest", runs, obstacles)
    add_times(report, f"{positions} positions: cheapest package, proven", first, 0.1)
    for name, run in PACKAGE_PEERS.items():
        runs = [run(parts, plan.limit_s) for parts in every_parts]
        check_costs(runs, costs)
        add_peer(report, f"  {name}", runs, first)
    runs = [run_mcs_opt(parts, "ortools", plan.limit_s) for parts in every_parts[:2]]
    check_costs(runs, costs)
    add_peer(report, "  CPMpy mcs_opt on ortools, two seeds", runs, first[:2])
    add_times(report, f"{positions} positions: ten cheapest packages, proven", ten, 0.1)
    runs = [run_rc2(parts, plan.limit_s, most=10) for parts in every_parts]
    check_costs(runs, tenth)
    add_peer(report, "  plain RC2, ten", runs, ten)


def measure_four_hundred(report: Report, plan: Plan) -> None:
    """Find the cheapest package where everything collides with everything."""
    positions, seeds = plan.four_hundred
    every = [build_dense(positions, seed) for seed in seeds]
    taken, costs = [], []
    for terms in every:
        seconds, answer = clock(lambda terms=terms: find_packages(terms, most=1))  # type: ignore[misc]
        assert answer.search.is_complete
        assert answer.at_least == answer.packages[0].cost
        taken.append(seconds)
        costs.append(answer.packages[0].cost)
    print(f"seeds {seeds}: cheapest {costs}")
    add_times(report, f"{positions} positions: cheapest package, proven", taken, 10)
    for name, run in PACKAGE_PEERS.items():
        runs = [run(split_terms(every[0]), plan.limit_s)]
        check_costs(runs, costs)
        add_peer(report, f"  {name}, one seed", runs, taken[:1])


def check_costs(runs: Sequence[Run], costs: Sequence[int]) -> None:
    """Stop when a peer that has finished found another cost."""
    for run, cost in zip(runs, costs, strict=False):
        assert not run.is_done or run.found == cost, (run, cost)


# 2,000: the size of a real negotiation


def measure_sparse(report: Report, plan: Plan) -> None:
    """Possible or not with one obstacle, and a package with a proven bound; with grades and agencies."""
    size, seeds = plan.sparse
    possible, with_obstacle, package, gaps, sizes, costs, best = [], [], [], [], [], [], []
    every = [build_sparse(seed, size) for seed in seeds]
    for terms in every:
        began = time.perf_counter()
        answer = is_possible(terms, programme=PROGRAMME)
        middle = time.perf_counter()
        possible.append(middle - began)
        assert answer.is_possible is not None
        if not answer.is_possible:
            obstacle = find_obstacles(terms, programme=PROGRAMME, most=1)
            sizes.append(len(obstacle.obstacles[0].members))
        with_obstacle.append(time.perf_counter() - began)
        watch = Until(10.0)
        began = time.perf_counter()
        found = find_packages(terms, programme=PROGRAMME, most=1, watch=watch)
        package.append(time.perf_counter() - began)
        cost = found.packages[0].cost if found.packages else 0
        costs.append(cost)
        gaps.append((cost - found.at_least) / cost if cost else 0.0)
        assert found.packages or answer.is_possible
        began = time.perf_counter()
        find_best_programme(terms, watch=Until(10.0))
        best.append(time.perf_counter() - began)
    print(f"seeds {seeds}: obstacles of {sizes} positions, packages of {costs}")
    what = f"{size.positions:,} positions, {size.parties} parties"
    add_times(report, f"{what}: possible or not", possible, 1)
    add_times(report, f"{what}: the same and one minimal obstacle", with_obstacle, 1)
    runs = [run_mus(split_terms(terms, PROGRAMME), "pysat", plan.limit_s) for terms in every[:2]]
    add_peer(report, "  CPMpy mus on pysat, one obstacle, two seeds", runs, with_obstacle[:2])
    add_times(report, f"{what}: a package with a proven bound", package, 10)
    report.add(f"{what}: gap between package and bound, worst", 100 * max(gaps), "%")
    runs = [run_rc2(split_terms(terms, PROGRAMME), plan.limit_s) for terms in every[:2]]
    add_peer(report, "  plain RC2, all or nothing, two seeds", runs, package[:2])
    add_times(report, f"{what}: best programme now, stopped at 10 s", best)


# Interruption


def measure_interruption(report: Report, plan: Plan) -> None:
    """How long a question that cannot end soon goes on after it was told to stop, and what it then has."""
    dense = build_dense(plan.two_hundred[0], 1)
    denser = build_dense(2 * plan.four_hundred[0], 1)
    sparse = build_sparse(1, plan.sparse[0])
    questions: dict[str, Callable[[Until], object]] = {
        "all obstacles": lambda watch: find_obstacles(dense, most=ALL, watch=watch).search,
        "all obstacles, sparse": lambda watch: (
            find_obstacles(sparse, programme=PROGRAMME, most=ALL, watch=watch).search
        ),
        "all packages": lambda watch: find_packages(dense, most=MANY, watch=watch).search,
        "cheapest package": lambda watch: find_packages(denser, most=1, watch=watch).search,
        "all packages, sparse": lambda watch: (
            find_packages(sparse, programme=PROGRAMME, most=MANY, watch=watch).search
        ),
        "best programme": lambda watch: find_best_programme(denser, watch=watch).search,
    }
    overshoots, gaps = [], []
    for name, ask in questions.items():
        watch = Until(plan.stop_after_s)
        search = ask(watch)
        over_s = time.perf_counter() - watch.ends
        gaps.append(watch.longest_gap_s)
        if over_s > 0:
            overshoots.append(over_s)
        how = f"{over_s:.3f} s after the request" if over_s > 0 else "by itself, before the request"
        print(f"{name}: ended {how}, {search}, {watch.progress}, longest gap {watch.longest_gap_s:.3f} s")
    assert overshoots or plan is SMALL
    report.add("questions that were told to stop", len(overshoots), "")
    if overshoots:
        report.add("from the request to stop to the answer, worst question", max(overshoots), "s")
    # A request can fall anywhere between two looks: this is what the row above can become.
    report.add(
        "longest time in which a question did not look whether to stop, worst question", max(gaps), "s"
    )


def main() -> int:
    """Measure, print a table and write the results; `--small` only shows that it runs."""
    parser = argparse.ArgumentParser(description="Measure the questions about terms")
    parser.add_argument("--small", action="store_true", help="a quick run for correctness; writes no results")
    plan = SMALL if parser.parse_args().small else Plan()
    report = Report("terms")
    find_packages(build_dense(40, 1), most=1)  # everything is imported before the first clock starts
    measure_eighty(report, plan)
    measure_two_hundred(report, plan)
    measure_four_hundred(report, plan)
    measure_sparse(report, plan)
    measure_interruption(report, plan)
    if plan is not SMALL:
        report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
