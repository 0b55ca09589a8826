"""Days of a center and two desks in seconds, and what their processes take of the machine meanwhile.

For: `test_soak` (seconds), and by hand, for as long as one likes. Real processes, keys, disks and sockets;
only the clock is an exercise clock, so that deadlines pass, receipts lapse and activities expire.

Invariants: what is reported was read in /proc; a desk's refusal ends the run, unless a deadline explains it.

It judges nothing: `Slope` is a figure, the limits are the caller's.

    $ python -m tests.system.soak --hours 72 --minutes 5
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final, NamedTuple, Self
from unittest.mock import patch

import httpx
import msgspec

from entente.desk.joining import join
from entente.kernel.time import encode_utc
from entente.space import CircleWire, VolumeWire
from entente.store.clock import MAX_RATE, ExerciseClock, SystemClock, encode_clock
from entente.store.random import SystemRandom
from tests.system.test_desk_processes import CENTER, DESK, World, has_settled, make_world, wait_for

SMALL_CACHES: Final = """
from functools import lru_cache
from entente.center import ladder_clock, serve
from entente.space import wire
from entente.store import sql, sql_rows
serve._calm_collector = lambda: None
wire._parse_small = lru_cache(16)(wire._parse_outline)
wire._parse_small_volume = lru_cache(16)(wire._parse_volume)
def keep_few_pages(prepare):
    def prepared(*given):
        prepare(*given)
        given[-2].execute("PRAGMA cache_size=-100")
    return prepared
sql._prepare_writer = keep_few_pages(sql._prepare_writer)
sql._prepare_reader = keep_few_pages(sql._prepare_reader)
sql_rows.SqlRows.__init__.__kwdefaults__["cache_rows"] = ladder_clock._CACHED_ROWS = 100
"""
"""Caches that fill for hours, and a cycle collector that looks every hour, look like leaks for seconds."""
HASTY: Final = """
from anyio._backends import _asyncio
_asyncio.WorkerThread.MAX_IDLE_TIME = 0.2
"""
"""A server's worker thread that nobody needs ends after ten seconds; here they come and go as in days."""
LATE: Final = frozenset({"not-standing", "answered", "not-waiting", "late", "not-asked", "old-version"})
"""What a desk may be told when a deadline passed between looking and speaking."""
WHO: Final = ("center", "ru", "us")


class Taken(NamedTuple):
    """What a process takes. ``own_kb``: memory that no file backs (RssAnon)."""

    rss_kb: int
    own_kb: int
    descriptors: int
    threads: int


class Look(NamedTuple):
    """A moment: how large the record was, and what each process took."""

    at_s: float
    hours: float
    size: int
    taken: dict[str, Taken]


def read_taken(pid: int) -> Taken:
    """Return what a process takes now."""
    folder = Path(f"/proc/{pid}")
    lines = (line.partition(":") for line in (folder / "status").read_text().splitlines())
    facts = {name: rest.split()[0] for name, _, rest in lines if rest.split()}
    descriptors = sum(1 for _ in (folder / "fd").iterdir())
    return Taken(int(facts["VmRSS"]), int(facts["RssAnon"]), descriptors, int(facts["Threads"]))


def fit_slope_kb(looks: Sequence[Look], who: str) -> float:
    """Return by how many kB a process grew with 100 messages: the least squares' line."""
    sizes = [look.size / 100 for look in looks]
    own = [look.taken[who].own_kb for look in looks]
    middle, height = sum(sizes) / len(sizes), sum(own) / len(own)
    spread = sum((size - middle) ** 2 for size in sizes)
    return sum((size - middle) * (kb - height) for size, kb in zip(sizes, own, strict=True)) / spread


@dataclass
class Soak:
    """A center and two desks under a clock that runs ``rate`` times as fast."""

    folder: Path
    rate: int
    seed: int = 4
    small_caches: bool = False
    world: World = field(init=False)
    looks: list[Look] = field(default_factory=list)
    said: dict[str, int] = field(default_factory=dict)
    _ends: ExitStack = field(default_factory=ExitStack)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __enter__(self) -> Self:
        self.clock = ExerciseClock(datetime.now(UTC), round(time.time(), 3), self.rate)
        self.world = world = make_world(self.folder, tls=False)
        for path in (
            self.folder / "center/center.toml",
            *(self.folder / who / "desk.toml" for who in WHO[1:]),
        ):
            text = path.read_text()
            assert 'clock = "system"' in text, text
            text = text.replace('clock = "system"', f'clock = "{encode_clock(self.clock)}"')
            # A machine's second is hours here: reminders and lateness are told in them.
            text = text.replace("stale_s = 60", "stale_s = 86400")
            path.write_text(text.replace("reminder_minutes = 2", "reminder_minutes = 1440"))
        before = HASTY + (SMALL_CACHES if self.small_caches else "")
        world.center.code, self._ends = before + CENTER, ExitStack()
        if self.small_caches:
            # What is freed stays a thread's, or Python's by the megabyte: so one sees what is really kept.
            plain = {"MALLOC_ARENA_MAX": "1", "PYTHONMALLOC": "malloc"}
            self._ends.enter_context(patch.dict(os.environ, plain))
        self._ends.callback(world.center.end, 9)
        for desk in world.desks.values():
            desk.code = before + DESK
            self._ends.callback(desk.end, 9)
        world.center.start()
        for party, desk in world.desks.items():
            join(self.folder / party, clock=SystemClock(), random=SystemRandom())
            desk.start()
        for party in world.desks:
            wait_for(partial(has_settled, world, party), f"{party} to follow")
        return self

    def __exit__(self, *_error: object) -> None:
        self._ends.close()

    def stop(self) -> list[int]:
        """End every process in order; return their exit codes."""
        return [program.end() for program in (*self.world.desks.values(), self.world.center)]

    def look(self, begin_s: float) -> None:
        """Read what every process takes."""
        size = int(httpx.get(f"{self.world.url}/status", timeout=30).json()["size"])
        passed_s = time.monotonic() - begin_s
        programs = {"center": self.world.center, **self.world.desks}
        taken = {who: read_taken(one.process.pid) for who, one in programs.items() if one.process is not None}
        self.looks.append(Look(passed_s, passed_s * self.rate / 3600, size, taken))

    def run(
        self,
        seconds: float,
        *,
        every_s: float,
        until_size: int = 0,
        on_look: Callable[[Look], None] | None = None,
    ) -> None:
        """Let both parties talk for so long, and until the record is so large; look every ``every_s``."""
        stop = threading.Event()
        faults: list[BaseException] = []
        parties = [Party(self, *names) for names in (("us", "ru"), ("ru", "us"))]
        threads = [threading.Thread(target=one.run, args=(stop, faults)) for one in parties]
        begin_s = time.monotonic()
        for thread in threads:
            thread.start()
        try:
            while not faults:
                stop.wait(every_s)
                self.look(begin_s)
                if on_look is not None:
                    on_look(self.looks[-1])
                if self.looks[-1].at_s >= seconds and self.looks[-1].size >= until_size:
                    break
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        if faults:
            raise faults[0]

    def count(self, what: str) -> None:
        """Count something that was done."""
        with self._lock:
            self.said[what] = self.said.get(what, 0) + 1


class Party:
    """One party's officers: they notify, and answer for the other party what it is told."""

    def __init__(self, soak: Soak, name: str, other: str) -> None:
        self._soak, self._name, self._other = soak, name, other
        self._random = random.Random(f"{soak.seed} {name}")
        self._http = {party: self._connect(party) for party in (name, other)}

    def _connect(self, party: str) -> httpx.Client:
        world = self._soak.world
        token = (world.folder / party / "token").read_text()
        return httpx.Client(
            base_url=f"http://127.0.0.1:{world.ports[party]}/api",
            headers={"authorization": f"Bearer {token}"}, timeout=60,
        )  # fmt: skip

    def run(self, stop: threading.Event, faults: list[BaseException]) -> None:
        """Play round after round until told to stop."""
        number = 0
        try:
            while not stop.is_set():
                self._play(number)
                number += 1
        except BaseException as error:  # noqa: BLE001 - told by `Soak.run`
            faults.append(error)
        finally:
            for one in self._http.values():
                one.close()

    def _ask(self, party: str, verb: str, **request: Any) -> dict[str, Any]:
        """Ask a desk; what the other has only just said is waited for."""
        answer: Any = None
        for _ in range(100):
            answer = self._http[party].post(verb, content=json.dumps(request)).json()
            if not (isinstance(answer, dict) and answer.get("class") == "not-found"):
                break
            time.sleep(0.02)
        state = (
            answer.get("state") or answer.get("code") or "answered"
            if isinstance(answer, dict)
            else "answered"
        )
        is_late = isinstance(answer, dict) and answer.get("code") in LATE
        if state not in {"recorded", "answered"} and not is_late:
            raise AssertionError(f"{party} {verb}: {answer}")
        self._soak.count("late" if is_late else verb)
        return answer if isinstance(answer, dict) else {}

    def _write_volume(self) -> Any:
        now = self._soak.clock.now_utc().replace(microsecond=0)
        start = now + timedelta(minutes=self._random.randrange(240))
        # Few places: the texts of the index's questions, which are kept ready, are all known soon.
        place = self._random.randrange(12) * 10**6
        outline = CircleWire(centre_e7=(350_000_000 + place, 400_000_000 + place), radius_cm=300_000)
        end = start + timedelta(minutes=self._random.randrange(30, 180))
        return msgspec.to_builtins(VolumeWire(outline, 0, 1_000_000, encode_utc(start), encode_utc(end)))

    def _play(self, number: int) -> None:
        """Tell of an activity; let it be answered, changed, withdrawn, or forgotten."""
        name, what = f"{self._name}-{number}", number % 4
        mine, theirs = partial(self._ask, self._name), partial(self._ask, self._other)
        asked = [self._other] if what == 3 else []
        told = mine(
            "notify", officer="duty-1", id=name, activity="air", title="Sortie",
            volumes=[self._write_volume()], concurrence=asked,
        )  # fmt: skip
        if what == 0:
            # Nobody answers: the receipt lapses, the activity's time passes.
            self._soak.count("forgotten")
            return
        theirs("acknowledge", officer="duty-1", messages=[told["leaf"]])
        if what == 1:
            changed = mine(
                "update", officer="duty-1", id=name, reason="weather", volumes=[self._write_volume()]
            )
            theirs("acknowledge", officer="duty-2", messages=[changed["leaf"]])
        elif what == 2:
            mine("close", officer="duty-1", id=name, outcome="cancelled")
        elif number % 8 == 3:
            theirs("concur", officer="duty-1", activity=name)
        if number % 5 == 0:
            self._look_all_at_once()

    def _look_all_at_once(self) -> None:
        """Have several officers look at one moment."""
        verbs = ("status", "inbox", "alarms", "messages", "outbox", "exposures")
        with ThreadPoolExecutor(len(verbs)) as officers:
            for answer in officers.map(partial(self._http[self._name].post, content=b"{}"), verbs):
                answer.raise_for_status()
        self._soak.count("looks")


def _write(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _tell(look: Look) -> None:
    one = "  ".join(
        f"{taken.rss_kb / 1024:7.1f} {taken.own_kb / 1024:7.1f} {taken.descriptors:3} {taken.threads:3}"
        for taken in (look.taken[who] for who in WHO)
    )
    _write(f"{look.at_s:7.1f} {look.hours:7.1f} {look.size:8}  {one}")


def main(words: Sequence[str] | None = None) -> int:
    """Run by hand, and print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--hours", type=float, default=72.0, help="of the exercise's clock")
    parser.add_argument("--minutes", type=float, default=5.0, help="of the machine's")
    parser.add_argument("--every", type=float, default=15.0, help="seconds between two looks")
    parser.add_argument("--small-caches", action="store_true", help="row caches that are full at once")
    asked = parser.parse_args(words)
    rate = min(MAX_RATE, max(1, round(asked.hours * 60 / asked.minutes)))
    head = "  ".join(f"{who:>8}: RSS own MiB fd thr"[-23:] for who in WHO)
    _write(f"{'seconds':>7} {'hours':>7} {'messages':>8}  {head}")
    with (
        tempfile.TemporaryDirectory(prefix="entente-soak-") as folder,
        Soak(Path(folder), rate, small_caches=asked.small_caches) as soak,
    ):
        soak.run(asked.minutes * 60, every_s=asked.every, on_look=_tell)
        codes = soak.stop()
        late = soak.looks[len(soak.looks) // 3 :]
        for who in WHO:
            _write(f"{who}: {fit_slope_kb(late, who):.0f} kB for 100 messages, after a third of the run")
        _write("said: " + ", ".join(f"{what} {count}" for what, count in sorted(soak.said.items())))
    return 0 if codes == [0, 0, 0] else 1


if __name__ == "__main__":
    raise SystemExit(main())
