"""Notifying over HTTP with a conflict check: every caller in the one busy cell where a million volumes stand.

64 parties, each a caller with one message under way, are told to the center over plain HTTP on this machine;
then 8 of them alone, as 8 desks would. The center is a real process, the load another. Every message is
checked in full, its volume against all that stand, and answered when a durable checkpoint covers it. Each is
owed an acknowledgement and a reading by the 63 other parties. All messages are signed before the clock
starts.

What stands before that are activities of 50 volumes. They go through the same sequencer and writer, in this
process and many to a batch, since HTTP would only make it longer. A million take minutes: with --kept the
folder is kept and used again, its record growing with each run, and --fill goes on to fill it.

    python -m bench.deconflict_http [--small] [--standing N] [--each N] [--kept FOLDER [--fill]]
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from collections import deque
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec

from bench.center import measure, running_center
from bench.load import SEPARATOR
from bench.parties import (
    NOW,
    RULES,
    FrozenClock,
    PartySimulator,
    SeededRandom,
    encode_request,
    init_signed,
    make_party,
)
from bench.report import Report
from entente.center.batch import Recorded
from entente.center.service import CenterPorts, open_center
from entente.deconflict import Notify
from entente.kernel.envelope import SignedMessage
from entente.kernel.time import encode_utc
from entente.space import Circle, HeightBand, Volume, VolumeWire, Window, encode_volume
from entente.store.clock import ExerciseClock, encode_clock

VOLUMES: Final = 50
DAYS: Final = 30
MIDDLE: Final = (35.3, 40.1)
CLOSE: Final = msgspec.structs.replace(RULES, lateral_cm=5_000, vertical_cm=3_000, time_s=60)
"""Small drones: 50 m, 30 m, a minute."""
PARTIES: Final = 64
UNDER_WAY: Final = 64
"""Messages that the fill has in the sequencer at a time."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A center's folder in which much stands, and the parties as they go on from there."""

    folder: Path
    parties: list[PartySimulator]
    draw: random.Random
    standing: int
    rate: float
    """Volumes a second while it was filled; 0 for what was filled before."""


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


def sign_notify(party: PartySimulator, volumes: int, draw: random.Random) -> SignedMessage:
    """Return a party's next activity, from which it goes on."""
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
    return signed


def build_file(party: PartySimulator, path: Path, count: int, draw: random.Random) -> Path:
    """Write a caller's requests, one after the other."""
    with path.open("wb") as file:
        for _ in range(count):
            content = encode_request(sign_notify(party, 1, draw))
            head = (
                "POST /messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
                f"content-length: {len(content)}\r\n\r\n"
            )
            file.write(head.encode() + content + SEPARATOR)
    return path


def fill(folder: Path, parties: int, standing: int) -> Filled:
    """Make a center in which so many volumes stand, or go on with the one that is there."""
    people = [make_party(f"p{place:02d}") for place in range(parties)]
    known = folder / "parties.json"
    stands = 0
    if known.exists():
        state = json.loads(known.read_text(encoding="utf-8"))
        assert len(state["parties"]) == parties, "filled otherwise"
        stands = state["standing"]
        for party, (seq, prev) in zip(people, state["parties"], strict=True):
            party.seq, party.prev = seq, prev
    else:
        folder.mkdir(parents=True, exist_ok=True)
        init_signed(folder / "center", people, rules=CLOSE)
    draw = random.Random(f"20161128 {[party.seq for party in people]}")
    rate = 0.0
    if stands < standing:
        messages = -(-(standing - stands) // VOLUMES)
        begin = time.perf_counter()
        _record_many(folder / "center", people, messages, draw)
        rate = messages * VOLUMES / (time.perf_counter() - begin)
        stands += messages * VOLUMES
    filled = Filled(folder, people, draw, stands, rate)
    keep(filled)
    return filled


def keep(filled: Filled) -> None:
    """Write down where each party goes on."""
    state = {"standing": filled.standing, "parties": [[one.seq, one.prev] for one in filled.parties]}
    (filled.folder / "parties.json").write_text(json.dumps(state), encoding="utf-8")


def _record_many(root: Path, parties: list[PartySimulator], messages: int, draw: random.Random) -> None:
    failed: list[BaseException] = []
    # Nothing lapses while it is filled: the clock stands still.
    ports = CenterPorts(FrozenClock(), SeededRandom("fill"), failed.append, ladder_every_s=3_600.0)
    center = open_center(root, ports)
    center.start()
    try:
        while not center.is_open and not failed:
            time.sleep(0.05)
        waiting: deque[Future[Recorded]] = deque()
        for place in range(messages):
            signed = sign_notify(parties[place % len(parties)], VOLUMES, draw)
            waiting.append(center.sequencer.submit(center.parse(encode_request(signed))))
            if len(waiting) >= UNDER_WAY:
                waiting.popleft().result(60)
        for each in waiting:
            each.result(60)
    finally:
        center.stop()
    assert not failed, failed


def run(report: Report, folder: Path, parties: int, standing: int, each: int) -> None:
    """Fill a center, then measure."""
    filled = fill(folder, parties, standing)
    work = Path(tempfile.mkdtemp(prefix="entente-bench-"))
    try:
        begin = time.perf_counter()
        # By its clock nothing that stands is older than this run: nothing lapses while it is measured.
        clock = encode_clock(ExerciseClock(NOW, time.time(), 1))
        with running_center(folder / "center", clock=clock) as (process, port):
            _wait_until_open(port)
            opened_s = time.perf_counter() - begin
            # The first questions wait for the compiled rule, which a thread of the center loads meanwhile.
            _measure(filled, work, port, filled.parties, max(1, each // 10))
            time.sleep(0 if parties < UNDER_WAY else 3)
            many = _measure(filled, work, port, filled.parties, each)
            few = _measure(filled, work, port, filled.parties[:8], each)
            resident, most = _read_memory_mb(process.pid)
            with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
                conflicts = _count_conflicts(http)
    finally:
        keep(filled)
        shutil.rmtree(work)
    stands = f"{standing:,} standing in one cell, {parties} parties"
    for callers, figures in ((parties, many), (min(8, parties), few)):
        what = f"notify over HTTP, {callers} callers, {stands}"
        is_asked = callers == parties
        rate = figures["answers"] / figures["seconds"]
        report.add(f"{what}: rate", rate, "1/s", target=">= 500" if is_asked else "")
        report.add(f"{what}: p50", figures["p50_ms"], "ms")
        report.add(f"{what}: p99", figures["p99_ms"], "ms", target="<= 250" if is_asked else "")
        report.add(f"{what}: slowest", figures["max_ms"], "ms")
    report.add(f"conflicts found in all, {stands}", conflicts, "")
    report.add(f"center's memory, {stands}", resident, "MB")
    report.add(f"center's most memory, {stands}", most, "MB")
    report.add(f"center's database, {stands}", (folder / "center" / "center.db").stat().st_size / 1e6, "MB")
    report.add(f"start until open, {stands}", opened_s, "s")
    if filled.rate:
        report.add(f"filling it, {VOLUMES} volumes a message, without HTTP", filled.rate, "volumes/s")


def _measure(
    filled: Filled, work: Path, port: int, callers: list[PartySimulator], each: int
) -> dict[str, Any]:
    files = [build_file(one, work / one.name, each, filled.draw) for one in callers]
    return measure(None, work, port, files, callers)


def _read_memory_mb(pid: int) -> tuple[float, float]:
    """Return a process's memory now, and the most that it was."""
    text = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    facts = dict(line.split(":", 1) for line in text.splitlines())
    return int(facts["VmRSS"].split()[0]) / 1e3, int(facts["VmHWM"].split()[0]) / 1e3


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
    parser.add_argument("--kept", type=Path, default=None, help="a folder to fill, or filled before")
    parser.add_argument("--fill", action="store_true", help="fill it, and measure nothing else")
    asked = parser.parse_args()
    report = Report("deconflict_http")
    folder = asked.kept or Path(tempfile.mkdtemp(prefix="entente-bench-"))
    try:
        if asked.fill:
            print(f"{fill(folder, PARTIES, asked.standing).rate:,.0f} volumes/s")
        elif asked.small:
            run(report, folder, 4, 400, 3)
        else:
            run(report, folder, PARTIES, asked.standing, asked.each)
    finally:
        if asked.kept is None:
            shutil.rmtree(folder)
    if not (asked.small or asked.fill) and asked.standing >= 1_000_000:
        report.write()


if __name__ == "__main__":
    main()
