"""Results as rows: what was measured, what had to be reached, whether it was, and on what machine.

Invariant: a row's ``met`` is computed from its value and target; nothing is typed in.

    report = Report("record")
    report.add("inclusion proof at 1,000,000", 31.0, "us", target="<= 50")
    report.write()
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import sqlite3
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Final

RESULTS: Final = Path(__file__).resolve().parent / "results"
_PACKAGES: Final = (
    "entente",
    "cryptography",
    "PyNaCl",
    "msgspec",
    "SQLAlchemy",
    "uvicorn",
    "uvloop",
    "starlette",
    "python-sat",
    "pytoulbar2",
    "cpmpy",
    "clingo",
    "ortools",
)


@dataclass(frozen=True, slots=True)
class Row:
    """One figure."""

    metric: str
    value: float
    unit: str
    target: str
    met: bool | None
    peer: str
    ratio: float | None


@dataclass
class Report:
    """The rows of one run."""

    name: str
    rows: list[Row] = field(default_factory=list)

    def add(
        self,
        metric: str,
        value: float,
        unit: str,
        *,
        target: str = "",
        peer: str = "",
        peer_value: float = 0.0,
    ) -> None:
        """Add a figure; ``target`` is such as ``<= 50``, ``peer`` names what was measured beside it."""
        ratio = value / peer_value if peer_value else None
        judged = ratio if peer and target else value
        shown = None if ratio is None else _shorten(ratio)
        row = Row(metric, _shorten(value), unit, target, _judge(judged, target), peer, shown)
        self.rows.append(row)
        print(_format(row), flush=True)

    def write(self) -> Path:
        """Write ``bench/results/<name>.json`` and return its path."""
        RESULTS.mkdir(exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        value = {"machine": describe_machine(), "rows": [asdict(row) for row in self.rows]}
        path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"\nwritten to {path.relative_to(RESULTS.parent.parent)}")
        return path


def describe_machine() -> dict[str, object]:
    """Return what the figures depend on."""
    model = ""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        lines = cpuinfo.read_text(encoding="utf-8").splitlines()
        model = next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")
    return {
        "cores": os.cpu_count(),
        "processor": model,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "load_before": [round(each, 2) for each in os.getloadavg()],
        "versions": {name: importlib.metadata.version(name) for name in _PACKAGES},
    }


def median_of(run: Callable[[], float], times: int) -> float:
    """Return the median of several runs' figures."""
    return statistics.median(run() for _ in range(times))


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value below which ``share`` of all lie."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _judge(value: float | None, target: str) -> bool | None:
    if not target or value is None:
        return None
    sign, _, limit = target.partition(" ")
    bound = float(limit.split()[0].replace(",", ""))
    return value <= bound if sign == "<=" else value >= bound


def _shorten(value: float) -> float:
    return float(f"{value:.4g}")


def _format(row: Row) -> str:
    verdict = {True: "met", False: "MISSED", None: ""}[row.met]
    beside = f"  ({row.ratio} x {row.peer})" if row.peer and row.ratio is not None else ""
    return f"{row.metric:<62} {row.value:>10,.6g} {row.unit:<10} {row.target:<14} {verdict:<7}{beside}"
