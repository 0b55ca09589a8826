"""The exposure ledger with a million releases in it: what has X learned about S, and what the next one costs.

Run as ``python -m bench.release_ledger``; `bench.release` runs it with the room's other figures.

A real desk (`tests.release_desks`) with twelve hypotheses, two recipients and the pool of both. Its book, on
disk, gets a million releases as they would lie there: what was given, a charge for the recipient and one for
the pool, the tallies, and a million entries of the gate. Beliefs are those of real releases before and after.
Asked is the verb itself, as an officer's call.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from bench.report import Report
from tests.release_desks import POOLS, ReleaseDesks, make_catalogue, make_report

ASKED = 200
_AT = "2016-09-17T13:55:00Z"
_GIVEN = "INSERT INTO release_given VALUES (?, ?, 1, 'our-post', ?, ?, NULL, ?)"
_CHARGED = (
    "INSERT INTO release_charges (secret, pool, recipient, item, version, theatre, before_chance,"
    " after_chance, worst_chance, bits, at) VALUES ('post-site', ?, ?, ?, 1, ?, 0.3, 0.3, 0.4, 1.8, ?)"
)
_ENTERED = (
    "INSERT INTO exposures (leaf, kind, recipient, what, size_bytes, at, officers)"
    " VALUES (?, 'release.item', ?, ?, 600, ?, '[]')"
)


def fill(three: ReleaseDesks, releases: int) -> None:
    """Put releases into the book of ``us`` as they would lie there."""
    book = three.us.book
    row = book.read_one("SELECT shape FROM release_given LIMIT 1")
    assert row is not None
    shape = bytes(row["shape"])
    # The first shape again and again: items differ, and the belief that is asked for is of the real ones.
    numbers = range(releases)

    def lie(number: int) -> tuple[str, str, str]:
        return f"{number:032x}", ("ru", "un")[number % 2], ("levant", "baltic")[number % 3 == 0]

    with book.transaction() as db:
        laid = [lie(number) for number in numbers]
        db.executemany(_GIVEN, ((item, to, theatre, shape, _AT) for item, to, theatre in laid))
        db.executemany(
            _CHARGED,
            ((pool, to, item, theatre, _AT) for item, to, theatre in laid for pool in (to, "astana")),
        )
        db.executemany(_ENTERED, ((f"{item}{item}", to, item, _AT) for item, to, _ in laid))
        for pool, part in (("ru", 2), ("un", 2), ("astana", 1)):
            for theatre, share in (("levant", 2), ("baltic", 1)):
                db.execute(
                    "INSERT INTO release_tallies VALUES ('post-site', ?, ?, ?, ?)"
                    " ON CONFLICT DO UPDATE SET releases = releases + excluded.releases",
                    (pool, theatre, releases * share // 3 // part, _AT),
                )


def take(report: Report, metric: str, act: Callable[[], Any], times: int, *, target: str = "") -> None:
    """Time a call so many times, and report its median and its slowest."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        act()
        taken.append((time.perf_counter() - began) * 1e3)
    report.add(metric, statistics.median(taken), "ms", target=target)
    report.add(f"{metric}, slowest of {times}", max(taken), "ms", target=target)


def run(report: Report, *, is_small: bool = False) -> None:
    """Measure everything into a report."""
    releases = 1_000 if is_small else 1_000_000
    with tempfile.TemporaryDirectory(prefix="entente-bench-") as folder:
        three = ReleaseDesks(Path(folder), is_stocked=False)
        reports = [make_report(f"r-{number}") for number in range(12)]
        three.stock(catalogue=make_catalogue(chance="4/5"), reports=reports)
        three.load("pools", POOLS)
        three.give("r-0", "ru")
        three.give("r-1", "un")
        fill(three, releases)
        three.us.book.read("PRAGMA wal_checkpoint(TRUNCATE)")
        size = (Path(folder) / "us" / "desk.db").stat().st_size / 2**20
        word = f"{releases:,} releases"
        report.add(f"book of {word}", size, "MiB")
        for words, asked in (
            ("what has ru learned about S", {"secret": "post-site", "recipient": "ru"}),
            ("what has the pool learned about S", {"secret": "post-site", "pool": "astana"}),
            ("what has ru learned at all", {"recipient": "ru"}),
        ):
            take(report, f"{words}, {word}", partial(three.ledger, **asked), ASKED, target="<= 50")
        number = iter(range(2, 12))

        def give() -> None:
            assert three.give(f"r-{next(number)}", "ru")["state"] == "recorded"

        take(report, f"one more to ru, from plan to record, three desks in one process, {word}", give, 8)
        take(report, f"compute every belief again, {word}", lambda: three.ask("us", "release-check"), 1)


def main() -> None:
    """Measure alone; write the figures unless small ones were asked for."""
    parser = argparse.ArgumentParser(description="measure the exposure ledger")
    parser.add_argument("--small", action="store_true", help="for correctness; writes nothing")
    given = parser.parse_args()
    report = Report("release_ledger")
    run(report, is_small=given.small)
    if not given.small:
        report.write()


if __name__ == "__main__":
    main()
