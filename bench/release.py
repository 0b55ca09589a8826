"""Release: all figures of the room in one run, written to bench/results/release.json.

Run as ``python -m bench.release [--small] [--only labels|veto|exposure|ledger]``. Each part can be run alone:
`bench.release_labels`, `bench.release_veto`, `bench.release_exposure`, `bench.release_ledger`.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from bench import release_exposure, release_labels, release_ledger, release_veto
from bench.report import Report

PARTS: Final[dict[str, Callable[[Report, bool], None]]] = {
    "labels": lambda report, small: release_labels.measure(report, small=small),
    "veto": lambda report, small: release_veto.measure(report, small=small),
    "exposure": lambda report, small: release_exposure.run(report, is_small=small),
    "ledger": lambda report, small: release_ledger.run(report, is_small=small),
}


def main() -> None:
    """Measure, and write the figures unless only a part or small ones were asked for."""
    parser = argparse.ArgumentParser(description="measure release")
    parser.add_argument("--only", choices=sorted(PARTS))
    parser.add_argument("--small", action="store_true", help="for correctness; writes nothing")
    given = parser.parse_args()
    report = Report("release")
    for name, measure in PARTS.items():
        if given.only in {None, name}:
            measure(report, given.small)
    if not given.small and given.only is None:
        report.write()


if __name__ == "__main__":
    main()
