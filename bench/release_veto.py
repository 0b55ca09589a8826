"""A party's own vetoes in Cedar: how long the gate waits for them, beside a label decision in plain code.

Asked as the gate asks: the folder is read at every question, one proposal at the policy step and at signing,
a batch of some 35 while planning (one for each step of each dimension). Answers are checked.

python -m bench.release_veto [--small]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from bench.report import Report, median_of
from entente.desk.release.veto import FolderVeto
from entente.release.label import (
    TLP,
    bind_clearance,
    bind_label,
    decide_bound,
    make_clearance,
    make_label,
)
from entente.release.veto import RELEASE, VETOED, Proposal

RULE: Final = """
@id("rule-{n}")
forbid (principal, action, resource)
when {{ resource.method == "method-{n}" && context has place_arcsec && context.place_arcsec < 3600 }};
"""
PROPOSAL: Final = Proposal(
    action=RELEASE,
    recipient="ru",
    pools=("both",),
    theatre="north",
    source="eye-3",
    method="method-0",
    sensitivity="high",
    secrets=("where-eye-3", "how"),
    purpose="safety",
    label_policy="NATO",
    classification="SECRET",
    categories=("Releasable To=RUS", "Releasable To=USA"),
    officers=(),
    at_utc=datetime(2026, 12, 1, tzinfo=UTC),
    place_arcsec=3600,
)
STEPS: Final = [replace(PROPOSAL, place_arcsec=3600 - 60 * step) for step in range(35)]


def make_veto(folder: Path, rules: int) -> FolderVeto:
    """Return the vetoes of a folder with so many rules, of which one can match."""
    folder.mkdir()
    (folder / "rules.cedar").write_text("".join(RULE.format(n=n) for n in range(rules)), encoding="utf-8")
    veto = FolderVeto(folder, lambda: ("us", "ru"))
    codes = [answer.code for answer in veto.judge(STEPS)]
    assert codes == ["", *[VETOED] * 34], codes
    return veto


def time_us(run: Callable[[], object], times: int) -> float:
    """Return microseconds for each of ``times`` calls; the median of five rounds."""

    def once() -> float:
        began = time.perf_counter()
        for _ in range(times):
            run()
        return (time.perf_counter() - began) / times * 1e6

    return median_of(once, 5)


def measure(report: Report, *, small: bool) -> None:
    """Add the rows of the vetoes to a report."""
    times = 5 if small else 300
    label = bind_label(make_label(policy="TLP", classification="AMBER"), TLP)
    clearance = bind_clearance(make_clearance(policy="TLP", up_to="RED"), TLP)
    assert decide_bound(label, clearance).is_allowed
    decision_us = time_us(lambda: decide_bound(label, clearance), times * 20)
    with tempfile.TemporaryDirectory() as name:
        for rules in (3, 50):
            veto = make_veto(Path(name) / str(rules), rules)
            report.add(
                f"vetoes, {rules} rules: one proposal, files read",
                time_us(lambda veto=veto: veto.judge([PROPOSAL]), times),  # type: ignore[misc]
                "us",
                peer="label decision with reasons, us",
                peer_value=decision_us,
            )
            batch_us = time_us(lambda veto=veto: veto.judge(STEPS), max(2, times // 10))  # type: ignore[misc]
            report.add(f"vetoes, {rules} rules: a batch of {len(STEPS)}", batch_us / 1e3, "ms")
            report.add(f"vetoes, {rules} rules: proposals in batches", len(STEPS) / batch_us * 1e6, "/s")
        empty = FolderVeto(Path(name) / "none")
        report.add("vetoes, no rules: one proposal", time_us(lambda: empty.judge([PROPOSAL]), times), "us")


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description="Measure a party's own vetoes")
    parser.add_argument("--small", action="store_true", help="a quick run for correctness; writes no results")
    small = parser.parse_args().small
    report = Report("release_veto")
    measure(report, small=small)
    if not small:
        report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
