"""Release: all figures of the room in one run, written to bench/results/release.json.

Run as ``python -m bench.release [--small] [--only labels|veto|exposure|ledger]``. Each can be run alone:
`bench.release_labels`, `bench.release_veto`, `bench.release_exposure`, `bench.release_ledger`, with
results of its own. ``--gather`` writes release.json from those, as they were measured last.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from typing import Final

from bench import release_exposure, release_labels, release_ledger, release_veto
from bench.report import RESULTS, Report, Row

PARTS: Final[dict[str, Callable[[Report, bool], None]]] = {
    "labels": lambda report, small: release_labels.measure(report, small=small),
    "veto": lambda report, small: release_veto.measure(report, small=small),
    "exposure": lambda report, small: release_exposure.run(report, is_small=small),
    "ledger": lambda report, small: release_ledger.run(report, is_small=small),
}


def gather(report: Report) -> None:
    """Take every row of the parts' own results."""
    for name in PARTS:
        path = RESULTS / f"release_{name}.json"
        rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
        assert rows, path
        report.rows += [Row(**row) for row in rows]


def main() -> None:
    """Measure, and write the figures unless only a part or small ones were asked for."""
    parser = argparse.ArgumentParser(description="measure release")
    parser.add_argument("--only", choices=sorted(PARTS))
    parser.add_argument("--small", action="store_true", help="for correctness; writes nothing")
    parser.add_argument("--gather", action="store_true", help="from the parts' results; measures nothing")
    given = parser.parse_args()
    report = Report("release")
    if given.gather:
        gather(report)
        report.write()
        return
    for name, measure in PARTS.items():
        if given.only in {None, name}:
            measure(report, given.small)
    if not given.small and given.only is None:
        report.write()


if __name__ == "__main__":
    main()
