"""Compile what numba compiles, once, before tests that count every line they run.

    python -m tools.compile_ahead

What is compiled is kept beside its source. Compiling while coverage watches takes several times as long, and
two processes of tests would both do it.
"""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta

from entente.deconflict.standing import fetch_packed_rule
from entente.space import Circle, HeightBand, Separation, Volume, Window
from entente.space.bulk import find_pairs, find_pairs_between, pack_volumes


def main() -> None:
    """Ask each compiled question once."""
    began = time.perf_counter()
    start = datetime(2016, 9, 17, tzinfo=UTC)
    window = Window(start, start + timedelta(hours=1))
    table = pack_volumes([Volume(Circle((35.3, 40.1), 500.0), HeightBand(0.0, 100.0), window)] * 2)
    if len(find_pairs(table, Separation())) != 1 or len(find_pairs_between(table, table, Separation())) != 4:
        raise AssertionError("compiled code: expected two volumes in one place to meet")
    fetch_packed_rule()
    sys.stdout.write(f"compiled code is ready ({time.perf_counter() - began:.0f} s)\n")


if __name__ == "__main__":
    main()
