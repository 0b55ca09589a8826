"""Ctrl-C in the midst of a screening: a real process, a real signal; it ends at once and leaves no file."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import numpy as np
import pytest

START = np.datetime64("2026-09-17T00:00:00", "s")

HEARING: Final = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); "
"""A shell that starts these tests in the background has told them, and so their children, not to hear it."""


def write_crowd(path: Path, flights: int, points: int) -> None:
    """Movers that all stay in one place for an hour: far more meetings than can be found in a while."""
    draw = np.random.default_rng(1)
    lines = ["flight,time,lat,lon,height_m"]
    for flight in range(flights):
        for point in range(points):
            lat, lon = 50 + draw.normal(0, 0.001), 15 + draw.normal(0, 0.001)
            lines.append(f"f{flight},{START + np.timedelta64(20 * point, 's')}Z,{lat:.6f},{lon:.6f},100")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


@pytest.mark.parametrize("threads", ("1", "2"))
def test_ctrl_c_ends_a_screening_and_leaves_no_file(tmp_path: Path, threads: str) -> None:
    day, out = tmp_path / "day.csv", tmp_path / "out.arrow"
    write_crowd(day, 500, 60)
    command = [sys.executable, "-c", HEARING + "from entente.cli.main import main; sys.exit(main())"]
    words = ["screen", str(day), "--datum", "ellipsoid", "--radius", "50", "--half-height", "50"]
    started = [*command, *words, "--time", "3600", "--threads", threads, "--arrow", str(out)]
    with subprocess.Popen(started, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        # Not before the work began, whatever else the machine does.
        while process.stderr.readline().strip() not in {"screen", ""}:
            pass
        process.send_signal(signal.SIGINT)
        sent_s = time.monotonic()
        told, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert told == ""
    assert "Traceback" not in err
    assert time.monotonic() - sent_s < 20.0
    assert [one.name for one in tmp_path.iterdir()] == ["day.csv"]
