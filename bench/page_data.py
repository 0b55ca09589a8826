"""What the page asks for most, at a desk with thousands of activities: picture, volumes, moments, lanes.

The desk of `bench.page_world`, in this process; each question as the page asks it, answered and encoded as it
goes out. Of the newest moment, of one that nobody asked for before, and of the same once more. Targets are
ours.

    python -m bench.page_data [--small] [--activities 10000]
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec

from bench.page_world import Plan, make_long_world, say_words
from bench.report import Report
from entente.desk.assembly import Desk
from entente.desk.service import call
from tests.page_world import World

ROOT: Final = Path(__file__).resolve().parent
_DAY_US: Final = 86_400_000_000
_AROUND: Final = {"west": "37", "south": "33", "east": "38", "north": "34"}


def ask(desk: Desk, verb: str, asked: dict[str, object]) -> tuple[float, int]:
    """Return the milliseconds and bytes of an answer."""
    body = msgspec.json.encode(asked)
    began = time.perf_counter()
    answer = msgspec.json.encode(call(desk, verb, body))
    return 1e3 * (time.perf_counter() - began), len(answer)


def measure(report: Report, world: World, count: int) -> None:
    """Ask every question at a desk with ``count`` activities."""
    desk = world.desks["us"]
    size = desk.follower.views.size
    now_us = int(world.clock.now.timestamp()) * 1_000_000
    span: dict[str, object] = {"from_us": now_us - _DAY_US // 4, "until_us": now_us + _DAY_US // 4}
    questions: tuple[tuple[str, str, dict[str, object], str], ...] = (
        ("picture, a degree square", "picture", {**_AROUND, "rings": 0}, "<= 200"),
        ("picture without rings", "picture", {"rings": 0, "limit": 20_000}, ""),
        ("picture-volumes", "picture-volumes", {}, "<= 3000" if count <= 10_000 else ""),
        ("lanes", "lanes", span, "<= 100"),
        ("moments", "moments", {**span, "buckets": 240}, "<= 100"),
        ("moments, the size at one", "moments", {"at_us": now_us - _DAY_US, "buckets": 1}, "<= 100"),
        ("conflicts", "conflicts", {}, ""),
    )
    ask(desk, "picture-volumes", {})  # outlines are drawn once in a process, and kept
    for name, verb, asked, target in questions:
        found = [ask(desk, verb, asked) for _ in range(3)]
        ms = statistics.median(one for one, _ in found)
        report.add(f"{name}, {count:,} activities, now", ms, "ms", target=target)
        report.add(f"{name}, {count:,} activities, answer", found[0][1] / 2**20, "MiB")
        if verb == "moments":
            continue
        past = [ask(desk, verb, {**asked, "at_size": size * 2 // 3})[0] for _ in range(2)]
        report.add(f"{name}, {count:,} activities, a past moment, first", past[0], "ms")
        report.add(f"{name}, {count:,} activities, a past moment, again", past[1], "ms")
    took = []
    for at in range(20):
        say_words(world, "ru", f"one more, {at}")
        began = time.perf_counter()
        desk.follow_once()
        took.append(1e3 * (time.perf_counter() - began))
    report.add(f"one entry followed, {count:,} activities, median", statistics.median(took), "ms")
    after = ask(desk, "lanes", span)[0]
    report.add(f"lanes, {count:,} activities, first after a new entry", after, "ms", target="<= 500")


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--small", action="store_true", help="100 activities; nothing is written")
    parser.add_argument("--activities", type=int, nargs="*", default=[1_000, 10_000])
    asked = parser.parse_args()
    report = Report("page_data")
    for count in [100] if asked.small else asked.activities:
        folder = Path(tempfile.mkdtemp(prefix="bench-", dir=ROOT))
        try:
            plan = Plan(entries=round(count * 1.1), days=2, activity_share=0.95, is_current=True, step=500)
            world = make_long_world(folder, plan)
            told = world.ask("us", "picture", rings=0, limit=1)["counts"]["activities"]["total"]
            measure(report, world, told)
            world.close()
        finally:
            shutil.rmtree(folder)
    if not asked.small:
        report.write()


if __name__ == "__main__":
    main()
