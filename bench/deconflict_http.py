"""Notifying over HTTP with a conflict check: every caller in the one busy cell where a million volumes stand.

64 parties, each a caller with one open activity under way, are told to the center over plain HTTP on this
machine. The center is a real process, the load another. Every message is checked in full, its volumes
against all that stand, and answered when a durable checkpoint covers it. Each is owed an acknowledgement and
a reading by all other parties: with n parties a message makes some 2 n rows. So the figure is given for 64
parties and for 8.

The standing volumes are activities of 50 volumes, recorded the same way before the clock starts.

    python -m bench.deconflict_http [--small] [--standing N] [--each N]
"""

from __future__ import annotations

import argparse
import random
import shutil
import tempfile
import time
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from bench.center import measure, running_center
from bench.load import SEPARATOR
from bench.parties import NOW, RULES, PartySimulator, encode_request, init_signed, make_party
from bench.report import Report
from entente.deconflict import Notify
from entente.kernel.time import encode_utc
from entente.space import Circle, HeightBand, Volume, VolumeWire, Window, encode_volume

VOLUMES: Final = 50
DAYS: Final = 30
MIDDLE: Final = (35.3, 40.1)
CLOSE: Final = msgspec.structs.replace(RULES, lateral_cm=5_000, vertical_cm=3_000, time_s=60)
"""Small drones: 50 m, 30 m, a minute."""


def draw_volume(draw: random.Random) -> VolumeWire:
    """Return a small volume somewhere in the cell, some ten minutes in a month."""
    middle = (MIDDLE[0] + draw.uniform(-0.1, 0.1), MIDDLE[1] + draw.uniform(-0.1, 0.1))
    floor_m = 10.0 * draw.randint(0, 50)
    start = NOW + timedelta(days=1, seconds=60 * draw.randint(0, DAYS * 1_440))
    return encode_volume(
        Volume(
            Circle(middle, draw.uniform(50, 150)),
            HeightBand(floor_m, floor_m + 50.0),
            Window(start, start + timedelta(minutes=10)),
        )
    )


def build_file(party: PartySimulator, path: Path, count: int, volumes: int, draw: random.Random) -> Path:
    """Write a caller's requests, one after the other."""
    with path.open("wb") as file:
        for _ in range(count):
            body = Notify(
                id=f"{party.name}-{party.seq}",
                activity="drone",
                title=f"survey {party.seq}",
                volumes=[draw_volume(draw) for _ in range(volumes)],
                concurrence=[],
                armed=False,
                concur_by=None,
            )
            signed = party.sign("activity.notify", body, at=encode_utc(NOW))
            party.accept(signed)
            content = encode_request(signed)
            head = (
                "POST /messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
                f"content-length: {len(content)}\r\n\r\n"
            )
            file.write(head.encode() + content + SEPARATOR)
    return path


def run(report: Report, callers: int, standing: int, each: int) -> None:
    """Fill a center, then measure."""
    work = Path(tempfile.mkdtemp(prefix="entente-bench-"))
    try:
        parties = [make_party(f"p{place:02d}") for place in range(callers)]
        init_signed(work / "center", parties, rules=CLOSE)
        draw = random.Random(20_161_128)
        with running_center(work / "center") as (_, port):
            _wait_until_open(port)
            fill = -(-standing // VOLUMES // callers)
            files = [build_file(one, work / one.name, fill, VOLUMES, draw) for one in parties]
            filled = measure(None, work, port, files, parties)
            files = [build_file(one, work / one.name, each, 1, draw) for one in parties]
            figures = measure(None, work, port, files, parties)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
                conflicts = _count_conflicts(http)
    finally:
        shutil.rmtree(work)
    stands = fill * callers * VOLUMES
    what = f"notify with conflict check over HTTP, {callers} callers, {stands:,} standing in one cell"
    _add(report, what, figures)
    report.add(f"{what}: conflicts found in all", conflicts, "")
    report.add(
        f"while filling it, {VOLUMES} volumes a message: rate", filled["answers"] / filled["seconds"], "1/s"
    )


def _add(report: Report, what: str, figures: dict[str, Any]) -> None:
    report.add(f"{what}: rate", figures["answers"] / figures["seconds"], "1/s", target=">= 500")
    report.add(f"{what}: p50", figures["p50_ms"], "ms")
    report.add(f"{what}: p99", figures["p99_ms"], "ms", target="<= 250")


def _wait_until_open(port: int) -> None:
    end = time.monotonic() + 60
    with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        while http.get("/health").json()["state"] != "open":
            assert time.monotonic() < end, "the center did not open"
            time.sleep(0.1)


def _count_conflicts(http: httpx.Client) -> int:
    found: int = 0
    after: str | None = None
    while True:
        page = http.get("/rows/conflicts", params={"after": after} if after else {}).json()
        found += len(page["rows"])
        after = page["next"]
        if after is None:
            return found


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench.deconflict_http")
    parser.add_argument("--small", action="store_true", help="a quick run for correctness; writes no results")
    parser.add_argument("--standing", type=int, default=1_000_000)
    parser.add_argument("--each", type=int, default=100, help="messages a caller")
    asked = parser.parse_args()
    report = Report("deconflict_http")
    if asked.small:
        run(report, 4, 2_000, 5)
        return
    for callers, each in ((64, asked.each), (8, asked.each * 8)):
        run(report, callers, asked.standing, each)
    report.write()


if __name__ == "__main__":
    main()
