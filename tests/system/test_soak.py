"""72 hours of a center and two desks, in seconds: what their processes take of the machine stays the same."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Final

import pytest
from sqlalchemy import text

from entente.store.sql import open_sqlite
from tests.system.soak import WHO, Soak, fit_slope_kb, read_taken

SECONDS: Final = 18.0
WARM: Final = 240
"""Messages after which all is there that stays: caches, threads, statements."""
SIZE: Final = 340
MAX_SLOPE_KB: Final = 400.0
"""Growth with 100 messages once warm: 4 kB for each, beyond the last steps of what fills up.

The record itself keeps less than 0.2 kB a message: a tree of 64 bytes a leaf, offsets, recorded times. Finer
than this only longer runs tell: `tests.system.soak`.
"""
SLACK: Final = 6
"""Connections of the two parties' programs, and worker threads of one burst."""


@pytest.mark.long
@pytest.mark.timeout(120)
def test_72_hours_leave_memory_descriptors_and_threads_as_they_were(tmp_path: Path) -> None:
    with Soak(tmp_path, round(72 * 3600 / SECONDS), small_caches=True) as soak:
        soak.run(SECONDS, every_s=0.5, until_size=SIZE)
        assert soak.stop() == [0, 0, 0]
    warm, late = ([one for one in soak.looks if (one.size > WARM) is is_late] for is_late in (False, True))
    assert late[-1].hours >= 72
    # Everything was said, and more than that was recorded: receipts, and what the center says of deadlines.
    assert (
        min(soak.said[what] for what in ("notify", "acknowledge", "update", "close", "forgotten", "looks"))
        > 0
    )
    assert late[-1].size > sum(soak.said[what] for what in ("notify", "acknowledge", "update", "close"))
    slopes = {who: fit_slope_kb(late, who) for who in WHO}
    assert max(slopes.values()) < MAX_SLOPE_KB, slopes
    for who in WHO:
        for what in ("descriptors", "threads"):
            before, after = (max(getattr(one.taken[who], what) for one in looks) for looks in (warm, late))
            assert after <= before + SLACK, (who, what, before, after)


def test_threads_that_come_and_go_leave_no_connection_behind(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "rows.db")
    failures: list[BaseException] = []

    def read(gate: threading.Barrier) -> None:
        try:
            with database.read() as connection:
                connection.execute(text("SELECT count(*) FROM sqlite_schema")).all()
            gate.wait(20)
        except BaseException as error:  # noqa: BLE001 - told below
            failures.append(error)

    counts = []
    # One after the other, as a server's idle workers end; and more at once than a pool usually has.
    for together in (*[1] * 60, 60, *[1] * 20):
        gate = threading.Barrier(together)
        threads = [threading.Thread(target=read, args=(gate,)) for _ in range(together)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        counts.append(read_taken(os.getpid()).descriptors)
    assert failures == []
    assert max(counts[:60]) <= counts[1] + 2, counts
    # What a rush needed SQLite may keep for the next one; after it nothing is added.
    assert max(counts[61:]) <= counts[60], counts
    database.close()
