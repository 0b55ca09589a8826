"""Blind checks: the oblivious function over libsodium, and OpenMined PSI 2.0.6 beside it on the same sets.

    python -m bench.blind [--only PART] [--standing N] [--peer-standing N] [--small]

Parts: ``pairs`` (as many tokens on both sides, nine tenths in common), ``standing`` (a standing plan is
prepared, then a new activity of 200 cells is checked against it), ``center`` (tags under a pairwise key,
matched by a third party). Both sides run in this process, one after the other; a "pair" is one token of each
side. What would cross the wire is counted, not sent. Processor time is measured on one core with one thread,
for both; the clock with two threads of ours and OpenMined as it is, which has one.

`make bench` installs OpenMined into .boot/openmined (bench/openmined.txt); without it its rows are left out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from bench.blind_sets import Rows, Sets, draw_sets
from bench.report import Report
from entente.blind.group import Inputs, Tags
from entente.blind.matching import Pairing, judge_result, make_list, match_lists, round_result
from entente.blind.oprf import (
    GROUP_DST,
    PROOF_BYTES,
    PrfKey,
    derive_epoch_key,
    evaluate,
    prove,
    tag_answered,
    tag_own,
    verify_proof,
)
from entente.blind.sizes import find_bucket
from entente.blind.tags import encode_compact, encode_tags, find_tags, make_held, parse_compact, parse_tags
from entente.store.sodium_group import SodiumGroup
from entente.store.sodium_loader import load_sodium

ROOT: Final = Path(__file__).resolve().parent.parent
PEER: Final = ROOT / ".boot" / "openmined"
DOMAIN: Final = bytes(range(32))
PARTS: Final = ("pairs", "standing", "center")
NEW: Final = 200
"""Cells of a new activity."""
_LAST_SEED: Final = iter(range(1, 2**32))


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    pairs: int = 20_000
    large: int = 100_000
    standing: int = 1_000_000
    peer_standing: int = 1_000_000
    matched: int = 1_000_000
    times: int = 15


SMALL: Final = Plan(pairs=200, large=300, standing=2_000, peer_standing=500, matched=5_000, times=3)


@contextmanager
def on_core(core: int) -> Iterator[None]:
    """Stay on one core."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def make_group(threads: int) -> SodiumGroup:
    """Return the group, with its loops compiled and used once."""
    group = SodiumGroup(load_sodium(), threads=threads, is_compiled=True)
    assert run_exact(group, draw_sets(40, 40, 7), is_proven=True).found == 7
    group.keyed_tags(draw_sets(2, 2, 1).held, DOMAIN, DOMAIN)
    return group


@dataclass(frozen=True)
class Exact:
    """What an exact check came to."""

    found: int
    prepared_s: float
    online_s: float
    online_bytes: int
    setup_bytes: int


def prepare(group: SodiumGroup, rows: Rows, key: PrfKey) -> bytes:
    """Return the key holder's tags as they are published."""
    return encode_tags(make_held(tag_own(group, key, Inputs(rows, DOMAIN))))


def check_online(
    group: SodiumGroup, key: PrfKey, held: Tags, asked: Rows, *, is_proven: bool
) -> tuple[int, int]:
    """Return how many were found, and the bytes that crossed."""
    inputs = Inputs(asked, DOMAIN)
    blinds = group.derive_scalars(next(_LAST_SEED).to_bytes(32, "big"), 0, len(inputs))
    request = group.blind(inputs, GROUP_DST, blinds)
    answers = evaluate(group, key, request)
    crossed = request.nbytes + answers.nbytes
    if is_proven:
        nonce = group.derive_scalars(next(_LAST_SEED).to_bytes(32, "big"), 0, 1)
        proof = prove(group, key, request, answers, nonce=nonce)
        verify_proof(group, key.public, request, answers, proof)
        crossed += PROOF_BYTES
    found = find_tags(held, tag_answered(group, inputs, answers, blinds))
    return len(found), crossed


def run_exact(group: SodiumGroup, sets: Sets, *, is_proven: bool) -> Exact:
    """Run one exact check, both sides."""
    key = derive_epoch_key(group, DOMAIN, partner="north", epoch=1)
    began = time.perf_counter()
    published = prepare(group, sets.held, key)
    ready = time.perf_counter()
    found, crossed = check_online(group, key, parse_tags(published), sets.asked, is_proven=is_proven)
    return Exact(found, ready - began, time.perf_counter() - ready, crossed, len(published))


def ask_peer(plan: dict[str, Any]) -> dict[str, Any] | None:
    """Return what OpenMined took for the same, None where it is not installed."""
    if not (PEER / "private_set_intersection").is_dir():
        print("OpenMined PSI: SKIPPED, not installed in .boot/openmined (bench/openmined.txt)")
        return None
    done = subprocess.run(
        [sys.executable, "-m", "bench.blind_openmined", json.dumps(plan)],
        capture_output=True,
        check=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(PEER)},
        text=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def measure_pairs(report: Report, plan: Plan) -> None:
    """As many tokens on both sides."""
    core = max(os.sched_getaffinity(0))
    sets = draw_sets(plan.pairs, plan.pairs, plan.pairs * 9 // 10)
    with on_core(core):
        group = make_group(1)
        began = time.process_time()
        done = run_exact(group, sets, is_proven=False)
        cpu_us = (time.process_time() - began) / plan.pairs * 1e6
    assert done.found == sets.shared
    wanted = {"held": plan.pairs, "asked": plan.pairs, "shared": sets.shared, "encoding": "GCS", "times": 1}
    peer = ask_peer({**wanted, "core": core})
    what = f"exact, {plan.pairs:,} x {plan.pairs:,}"
    beside = {"peer": "OpenMined", "peer_value": peer["cpu_s"] / plan.pairs * 1e6} if peer else {}
    report.add(
        f"{what}: CPU of both sides for a pair", cpu_us, "us", target="<= 0.8" if peer else "", **beside
    )
    if peer:
        assert peer["found"] == sets.shared, peer
        report.add(f"{what}: the same, OpenMined", peer["cpu_s"] / plan.pairs * 1e6, "us")

    sets = draw_sets(plan.large, plan.large, plan.large * 9 // 10)
    group = make_group(2)
    began = time.perf_counter()
    done = run_exact(group, sets, is_proven=False)
    wall_s = time.perf_counter() - began
    assert done.found == sets.shared
    peer = ask_peer({**wanted, "held": plan.large, "asked": plan.large, "shared": sets.shared, "core": core})
    what = f"exact, {plan.large:,} x {plan.large:,}"
    beside = {"peer": "OpenMined", "peer_value": peer["wall_s"]} if peer else {}
    report.add(f"{what}: wall, two threads", wall_s, "s", target="<= 0.45" if peer else "", **beside)
    if peer:
        assert peer["found"] == sets.shared, peer
        report.add(f"{what}: wall, OpenMined", peer["wall_s"], "s")
        report.add(f"{what}: bytes, OpenMined GCS", (peer["setup_bytes"] + peer["online_bytes"]) / 1e6, "MB")
    report.add(f"{what}: bytes", (done.setup_bytes + done.online_bytes) / 1e6, "MB")


def measure_standing(report: Report, plan: Plan) -> None:
    """Prepare a standing plan, then check a new activity against it."""
    group = make_group(2)
    sets = draw_sets(plan.standing, NEW, NEW // 10)
    key = derive_epoch_key(group, DOMAIN, partner="north", epoch=1)
    before_kb = reset_peak()
    began, began_cpu = time.perf_counter(), time.process_time()
    published = prepare(group, sets.held, key)
    wall_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    grown_mb = (read_peak() - before_kb) / 1e3
    what = f"preparing {plan.standing:,}"
    report.add(f"{what}: wall, two threads", wall_s, "s", target="<= 36")
    report.add(f"{what}: CPU", cpu_s, "s")
    report.add(f"{what}: growth of memory", grown_mb, "MB", target="<= 200")
    held = parse_tags(published)
    compact = encode_compact(held)
    report.add(f"{what}: bytes for a tag", len(published) / plan.standing, "bytes", target="<= 8")
    report.add(f"{what}: bytes for a tag, compact", len(compact) / plan.standing, "bytes", target="<= 4.3")
    report.add(f"{what}: reading the compact form", clock(lambda: parse_compact(compact)) * 1e3, "ms")

    wanted = {"asked": NEW, "shared": NEW // 10, "encoding": "GCS", "times": plan.times, "core": None}
    peer = ask_peer({**wanted, "held": plan.peer_standing})
    what = f"{NEW} new against {plan.standing:,}"
    for threads, target in ((2, "<= 75"), (1, "")):
        one = make_group(threads)
        taken, crossed = [], 0
        for _ in range(plan.times):
            start = time.perf_counter()
            found, crossed = check_online(one, key, held, sets.asked, is_proven=True)
            taken.append((time.perf_counter() - start) * 1e3)
            assert found == sets.shared
        name = f"{what}, proof made and checked, {threads} thread{'s'[: threads - 1]}"
        report.add(name, statistics.median(taken), "ms", target=target)
        if threads == 2:
            report.add(f"{what}: bytes, proof included", crossed / 1e3, "kB", target="<= 13")
    bare = [
        clock(lambda: check_online(group, key, held, sets.asked, is_proven=False)) * 1e3
        for _ in range(plan.times)
    ]
    report.add(f"{what}, without proof, 2 threads", statistics.median(bare), "ms")
    if peer:
        assert peer["found"] == sets.shared, peer
        what = f"{NEW} new against {plan.peer_standing:,}, OpenMined GCS"
        report.add(f"{what}, no proofs", peer["online_s"] * 1e3, "ms")
        report.add(f"{what}: bytes", peer["online_bytes"] / 1e3, "kB")
        report.add(f"preparing {plan.peer_standing:,}: wall, OpenMined", peer["setup_wall_s"], "s")


def measure_center(report: Report, plan: Plan) -> None:
    """Tags under a key that the matcher has not, both sides and the matching; bare, and as they are sent."""
    group = make_group(2)
    sets = draw_sets(plan.matched, plan.matched, plan.matched // 10)
    what = f"through the center, {plan.matched:,} x {plan.matched:,}"
    bare, sent = [], []
    for _ in range(3):
        began, began_cpu = time.perf_counter(), time.process_time()
        held = make_held(group.keyed_tags(sets.held, DOMAIN, DOMAIN))
        asked = make_held(group.keyed_tags(sets.asked, DOMAIN, DOMAIN))
        assert len(find_tags(held, asked)) == sets.shared
        bare.append((time.process_time() - began_cpu, time.perf_counter() - began))
        began, began_cpu = time.perf_counter(), time.process_time()
        match_whole(group, sets)
        sent.append((time.process_time() - began_cpu, time.perf_counter() - began))
    for name, runs in (("tags alone", bare), ("with padding, canaries and three decoys", sent)):
        cpu_s, wall_s = (statistics.median(each) for each in zip(*runs, strict=True))
        report.add(f"{what}, {name}: CPU in all", cpu_s, "s", target="<= 2")
        report.add(f"{what}, {name}: wall, two threads", wall_s, "s")


def match_whole(group: SodiumGroup, sets: Sets) -> None:
    """Make both parties' lists, match them, and read the result, as desks and center do."""
    bucket = find_bucket(len(sets.asked))
    pairing = Pairing(DOMAIN, DOMAIN, DOMAIN, bucket)
    ours, theirs = (
        make_list(group, pairing, tokens, mask=DOMAIN, pad_seed=seed)
        for tokens, seed in ((sets.asked, b"ours"), (sets.held, b"theirs"))
    )
    matched = match_lists(ours, theirs, (bucket, find_bucket(len(sets.held))))
    told = judge_result(round_result(matched, is_counting=False), pairing, bucket, is_counting=False)
    assert told.verdict == "CONFLICT", told


def clock(run: Callable[[], object]) -> float:
    """Return the seconds that a call took."""
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def reset_peak() -> int:
    """Forget the peak of memory so far; return what is in use, in kB."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return read_peak()


def read_peak() -> int:
    """Return the peak of memory since it was reset, in kB."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1])


MEASURES: Final[dict[str, Callable[[Report, Plan], None]]] = {
    "pairs": measure_pairs,
    "standing": measure_standing,
    "center": measure_center,
}


def main() -> None:
    """Measure, and write the figures unless only a part or a small one was asked for."""
    parser = argparse.ArgumentParser(description="measure blind checks")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--standing", type=int, default=Plan.standing)
    parser.add_argument("--peer-standing", type=int, default=Plan.peer_standing)
    parser.add_argument("--small", action="store_true", help="for correctness; writes nothing")
    given = parser.parse_args()
    plan = SMALL if given.small else Plan(standing=given.standing, peer_standing=given.peer_standing)
    print(f"{load_sodium().name}, numpy {np.__version__}")
    report = Report("blind")
    for name in PARTS:
        if given.only in {None, name}:
            MEASURES[name](report, plan)
    if not given.small and given.only is None:
        report.write()


if __name__ == "__main__":
    main()
