"""Exposure: posterior updates over long series, and plans for many recipients and sources.

Run as ``python -m bench.release_exposure``; `bench.release` runs it with the room's other figures.

  * Update: 5,000 hypotheses with an observer each, 1,000 releases: the row of likelihoods of a shape in
    closed form and the new belief, stored as bytes. The same rows go to qiflib, which must agree to 1e-9.
  * Plan: one report, 10 recipients, three pools of them, the full default ladder. (a) One secret with 200
    hypotheses: which of the 200 sources is it. (b) 200 secrets of 12 hypotheses at once on one source: far
    more than a source has. (c) 200 sources with a secret each, a report of each in turn. Warm: the
    catalogue's grid stands, as it does from the second report on; cold: made for the first.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from collections.abc import Sequence

import numpy as np

from bench.report import Report
from entente.release.exposure import (
    HypothesisSet,
    Plan,
    Pool,
    Stake,
    charge,
    close_pools,
    encode_belief,
    parse_belief,
    plan,
)
from entente.release.exposure.belief import Belief
from entente.release.exposure.ground import join_ground
from entente.release.exposure.levels import sort_levels
from entente.release.exposure.measures import (
    min_entropy_leakage,
    mutual_information_bits,
    posterior_vulnerability,
)
from entente.release.exposure.terms import join_terms
from entente.release.source.observer import Observer
from entente.release.variant.ladder import DEFAULT_LADDER, Level
from entente.release.variant.shape import shape_of
from tests.qif_oracle import Channel, GVulnerability, Hyper, Secrets
from tests.release_worlds import draw_event, forget_item, make_catalogue, make_secret, observer

RECIPIENTS = [f"party-{number}" for number in range(10)]


def scatter(chance: random.Random, count: int) -> list[Observer]:
    """Return observers over a theatre of 9 by 9 degrees, with radii from 40 to 250 km."""
    return [
        observer(
            f"o{number}",
            32 + chance.random() * 9,
            33 + chance.random() * 9,
            round(40_000 * 6.25 ** chance.random()),
            sees=("air", "ground") if number % 3 else ("air",),
            latency_s=chance.choice((600, 3_600)),
            identifies=chance.choice((2, 4)),
            accuracy_m=chance.choice((50, 200, 1_000)),
        )
        for number in range(count)
    ]


def measure_updates(report: Report, hypotheses_count: int, releases: int) -> None:
    """Measure a series of releases about one secret."""
    chance = random.Random(1)
    # Circles so alike that a long series leaves many possible.
    seen_by = [
        observer(f"o{n}", 36 + chance.uniform(-0.05, 0.05), 40 + chance.uniform(-1, 1), 1_200_000)
        for n in range(hypotheses_count)
    ]
    inner = observer("inner", 36, 40, 900_000)
    secret = make_secret("site", [[each.id] for each in seen_by], "1/1")
    catalogue = make_catalogue(seen_by, [secret])
    began = time.perf_counter()
    hypotheses = HypothesisSet.of(secret, catalogue, "s", DEFAULT_LADDER)
    made_s = time.perf_counter() - began
    belief = Belief.start(hypotheses)
    rows, taken, kept = [], [], b""
    for _ in range(releases):
        event = draw_event(chance, inner)
        level = Level(chance.choice((3, 4, 5)), 4, 2, 0, 0)
        shape = shape_of(event, level, DEFAULT_LADDER)
        began = time.perf_counter()
        row = hypotheses.row(shape)
        belief = belief.updated(None, row)
        kept = encode_belief(belief)
        taken.append(time.perf_counter() - began)
        rows.append(row)
    what = f"posterior update, {hypotheses_count:,} hypotheses, series of {releases:,}"
    report.add(f"{what}: a release, median", statistics.median(taken) * 1e3, "ms", target="<= 20")
    report.add(f"{what}: a release, slowest", max(taken) * 1e3, "ms", target="<= 20")
    assert 1.0 / hypotheses_count < float(belief.posterior.max()) < 0.9  # else there is nothing to compare
    began = time.perf_counter()
    parse_belief(kept, hypotheses)
    report.add("belief read back from the ledger", (time.perf_counter() - began) * 1e3, "ms")
    report.add(f"making {hypotheses_count:,} hypotheses ready", made_s * 1e3, "ms")
    compare(report, rows, belief, what)


def compare(report: Report, rows: Sequence[np.ndarray], belief: Belief, what: str) -> None:
    """Ask qiflib the same: the last step of the series as a channel, from the belief before it."""
    before = belief.without(rows[-1]).posterior
    # The last release and "anything else": a channel of two outputs.
    channel = np.stack([rows[-1], 1.0 - rows[-1]], axis=1)
    secrets = Secrets([str(number) for number in range(len(before))], before)
    oracle = Hyper(Channel(secrets, ["it", "else"], channel))
    exact = GVulnerability(secrets, secrets.labels, np.eye(len(before)))
    joint = oracle.joint[:, 0] / oracle.joint[:, 0].sum()
    faults = [
        float(np.abs(joint - belief.posterior).max()),
        abs(posterior_vulnerability(before, channel) - float(exact.posterior_vulnerability(oracle))),
        abs(min_entropy_leakage(before, channel) - float(np.log2(exact.leakage(oracle)[1]))),
    ]
    # The whole series at once, in extended precision.
    logs = np.zeros(len(before), np.longdouble)
    with np.errstate(divide="ignore"):
        for row in rows:
            logs += np.log(row.astype(np.longdouble))
    whole = np.exp(logs - logs.max())
    faults.append(float(np.abs(whole / whole.sum() - belief.posterior).max()))
    assert mutual_information_bits(before, channel) >= -1e-9
    report.add(f"{what}: greatest difference from qiflib", max(faults), "", target="<= 1e-9")


def make_stakes(sets: Sequence[HypothesisSet]) -> list[Stake]:
    """Return stakes of ten recipients and three pools of them."""
    alone = [Pool(name, frozenset({name})) for name in RECIPIENTS]
    more = [
        Pool("north", frozenset(RECIPIENTS[:3])),
        Pool("south", frozenset(RECIPIENTS[3:8])),
        Pool("near", frozenset(RECIPIENTS[3:5])),
    ]
    pools = close_pools([*alone, *more])
    return [Stake(pool, one, Belief.start(one)) for pool in pools for one in sets]


def forget() -> None:
    """Drop what is kept from one plan to the next."""
    for kept in (join_ground, join_terms, sort_levels):
        kept.cache_clear()


def time_plans(cases: Sequence[tuple[list[Stake], Observer]], chance: random.Random) -> float:
    """Return the median time of a plan, each of a report of its own, in ms."""
    taken = []
    for stakes, source in cases:
        event = draw_event(chance, source)
        began = time.perf_counter()
        found = plan(RECIPIENTS, stakes, event, DEFAULT_LADDER)
        taken.append((time.perf_counter() - began) * 1e3)
        assert len(found) == len(RECIPIENTS)
        assert any(isinstance(each, Plan) for each in found.values()), found
    return statistics.median(taken)


def measure_plans(report: Report, count: int, times: int) -> None:
    """One report, ten recipients, many sources."""
    chance = random.Random(2)
    seen_by = scatter(chance, count)
    ladder = f"10 recipients in {len(make_stakes(())) or 13} pools, full ladder"

    which = make_secret("which", [[each.id] for each in seen_by], "1/4", about="source")
    catalogue = make_catalogue(seen_by, [which])
    stakes = make_stakes([HypothesisSet.of(which, catalogue, "s", DEFAULT_LADDER)])
    stakes = charge_some(chance, stakes, seen_by)
    measure_case(report, f"plan, one secret of {count} hypotheses, {ladder}", stakes, seen_by, times)

    secrets = []
    for number in range(count):
        names = [seen_by[(number + step * 17) % count].id for step in range(11)]
        names = list(dict.fromkeys([*names, seen_by[0].id]))
        secrets.append(make_secret(f"s{number}", [[name] for name in names], "1/2"))
    catalogue = make_catalogue(seen_by, secrets[:24])
    sets = [HypothesisSet.of(one, catalogue, None, DEFAULT_LADDER) for one in secrets]
    # What the first secret's observers see need not be explained by another's: one that sees all is in each.
    own = [seen_by[0]]
    what = f"plan, {count} secrets of 12 hypotheses on one source, {ladder}"
    measure_case(report, what, make_stakes(sets), own, times, target="")

    by_source = [(make_stakes([one]), seen_by[number]) for number, one in enumerate(sets)]
    forget()
    what = f"plan, {count} sources with a secret of 12 hypotheses each, {ladder}"
    report.add(f"{what}: the first report of a source", time_plans(by_source, chance), "ms", target="<= 150")
    report.add(f"{what}: every further one", time_plans(by_source[-60:], chance), "ms", target="<= 150")


def charge_some(chance: random.Random, stakes: list[Stake], seen_by: Sequence[Observer]) -> list[Stake]:
    """Return stakes after a few releases, so that beliefs differ."""
    for recipient in RECIPIENTS[:5]:
        shape = shape_of(draw_event(chance, seen_by[0]), Level(1, 3, 2, 0, 0), DEFAULT_LADDER)
        stakes = forget_item([charge(one, shape) if recipient in one.pool.members else one for one in stakes])
    return stakes


def measure_case(
    report: Report,
    what: str,
    stakes: list[Stake],
    seen_by: Sequence[Observer],
    times: int,
    *,
    target: str = "<= 150",
) -> None:
    """Time one set of stakes, cold and warm."""
    chance = random.Random(3)
    cases = [(stakes, chance.choice(seen_by)) for _ in range(times)]
    forget()
    report.add(f"{what}: the first", time_plans(cases[:1], chance), "ms")
    report.add(f"{what}: warm, median", time_plans(cases, chance), "ms", target=target)


def run(report: Report, *, is_small: bool = False) -> None:
    """Measure everything into a report."""
    measure_updates(report, 500 if is_small else 5_000, 100 if is_small else 1_000)
    measure_plans(report, 30 if is_small else 200, 2 if is_small else 7)


def main() -> None:
    """Measure alone; write the figures unless small ones were asked for."""
    parser = argparse.ArgumentParser(description="measure exposure")
    parser.add_argument("--small", action="store_true", help="for correctness; writes nothing")
    given = parser.parse_args()
    report = Report("release_exposure")
    run(report, is_small=given.small)
    if not given.small:
        report.write()


if __name__ == "__main__":
    main()
