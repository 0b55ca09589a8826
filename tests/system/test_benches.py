"""Every benchmark runs, small and for correctness only: no figure is judged here, and none is written."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.timeout(150)
@pytest.mark.parametrize(
    "room",
    (
        *("record", "center", "cli", "terms", "blind", "release"),
        *("deconflict", "deconflict_online", "deconflict_http", "page_data"),
    ),
)
def test_bench_runs_and_writes_no_results(room: str) -> None:
    results = sorted((ROOT / "bench" / "results").glob("*.json"))
    before = {path: path.read_bytes() for path in results}
    done = subprocess.run(
        [sys.executable, "-m", f"bench.{room}", "--small"],
        capture_output=True,
        check=False,
        cwd=ROOT,
        timeout=140,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert len(done.stdout.splitlines()) >= 4
    assert {path: path.read_bytes() for path in results} == before
