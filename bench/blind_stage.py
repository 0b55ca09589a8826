"""A real center and two real desks for the blind benches: processes of their own, sockets between them.

Invariants: everything lies in one temporary folder and is ended with the block; what it came to is read from
the outside: the processes' own times and peaks, the record, the parcels that lie at the center.

    with running_world(folder) as world:
        spent = measure(world, lambda: world.ask("air-a", "blind-prepare", officer=OFFICER, rules="day"))
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx

from bench.parties import RULES
from entente.center.draft import CenterPlan
from entente.center.folder import CenterSettings
from entente.center.founding import init_center
from entente.desk.config import DeskConfig
from entente.desk.joining import join
from entente.desk.vault import init_desk
from entente.kernel.roster import OfficerWire, parse_card
from entente.store.clock import SystemClock
from entente.store.random import SystemRandom

ROOT: Final = Path(__file__).resolve().parent.parent
PARTIES: Final = ("air-a", "air-b")
"""Sorted: the first is the grid's widened side."""
OFFICER: Final = "duty-1"
MOST_S: Final = 600
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_CENTER: Final = (
    "import sys; from pathlib import Path; from entente.center.serve import serve_center; "
    "sys.exit(serve_center(Path(sys.argv[1]), on_ready=lambda url: print(url, flush=True)))"
)
_DESK: Final = (
    "import sys; from pathlib import Path; from entente.desk.serve import serve_desk; "
    "sys.exit(serve_desk(Path(sys.argv[1]), on_ready=lambda a, w: print(a, w, flush=True)))"
)


@dataclass
class World:
    """A center and two desks, each a process."""

    folder: Path
    ports: dict[str, int]
    processes: dict[str, subprocess.Popen[str]] = field(default_factory=dict)
    http: dict[str, httpx.Client] = field(default_factory=dict)

    def ask(self, party: str, verb: str, **request: Any) -> Any:  # noqa: ANN401 - JSON
        """Ask a desk, and fail on anything but an answer."""
        answer = self.http[party].post(f"/api/{verb}", content=json.dumps(request))
        assert answer.status_code == 200, (verb, answer.status_code, answer.text[:500])
        return answer.json()

    def list_parcels(self) -> dict[str, int]:
        """Return what lies at the center, by name, in bytes."""
        folder = self.folder / "center" / "parcels"
        return {path.name: path.stat().st_size for path in folder.rglob("*") if path.is_file()}

    def count_kinds(self, after: int) -> Counter[str]:
        """Return how many messages of each kind the record has from an index on."""
        found: Counter[str] = Counter()
        while page := self.ask(PARTIES[0], "messages", after=after, limit=500):
            found.update(one["kind"] for one in page)
            after = max(one["index"] for one in page) + 1
        return found

    def get_size(self) -> int:
        """Return how many entries the record has, as the first desk follows it."""
        return int(self.ask(PARTIES[0], "status")["record"]["size"])


@dataclass(frozen=True, slots=True)
class Spent:
    """What something came to. By process: ``center`` and the parties."""

    wall_s: float
    cpu_s: dict[str, float]
    peak_mb: dict[str, float]
    parcel_mb: float
    kinds: Counter[str]

    @property
    def messages(self) -> int:
        """Messages of blind checks alone."""
        return sum(count for kind, count in self.kinds.items() if kind.startswith("blind."))


def measure(world: World, act: Callable[[], None]) -> Spent:
    """Do something and return what it came to."""
    before, size, parcels = _read_cpu(world), world.get_size(), world.list_parcels()
    for process in world.processes.values():
        Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="ascii")
    began = time.perf_counter()
    act()
    wall_s = time.perf_counter() - began
    cpu_s = {name: after - before[name] for name, after in _read_cpu(world).items()}
    peak_mb = {name: _read_peak_mb(process.pid) for name, process in world.processes.items()}
    new = sum(size for name, size in world.list_parcels().items() if name not in parcels)
    return Spent(wall_s, cpu_s, peak_mb, new / 1e6, world.count_kinds(size))


def _read_cpu(world: World) -> dict[str, float]:
    found = {}
    for name, process in world.processes.items():
        fields = Path(f"/proc/{process.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        found[name] = (int(fields[11]) + int(fields[12])) / _TICKS
    return found


def _read_peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 1e3


def _find_port() -> int:
    with socket.socket() as plug:
        plug.bind(("127.0.0.1", 0))
        return int(plug.getsockname()[1])


@contextmanager
def running_world(folder: Path) -> Iterator[World]:
    """Found a center between the two parties, start everything, and end it again."""
    port = _find_port()
    url = f"http://127.0.0.1:{port}"
    world = World(folder, {party: _find_port() for party in PARTIES})
    _found(world, url)
    with ExitStack() as ends:
        _start(world, ends, "center", _CENTER)
        for party in PARTIES:
            join(folder / party, clock=SystemClock(), random=SystemRandom())
            _start(world, ends, party, _DESK)
            token = (folder / party / "token").read_text(encoding="utf-8")
            client = httpx.Client(
                base_url=f"http://127.0.0.1:{world.ports[party]}",
                headers={"authorization": f"Bearer {token}"},
                timeout=MOST_S + 30,
            )
            world.http[party] = ends.enter_context(client)
        for party in PARTIES:
            wait_for(partial(_is_founded, world, party))
        yield world


def _is_founded(world: World, party: str) -> bool:
    return bool(world.ask(party, "status")["record"]["settled_size"] >= 3)


def _found(world: World, url: str) -> None:
    cards = []
    for party in PARTIES:
        witness = _find_port()
        config = DeskConfig(
            party=party,
            name=party,
            language="en",
            center_url=url,
            witness_url=f"http://127.0.0.1:{witness}",
            witness_listen=f"127.0.0.1:{witness}",
            api_listen=f"127.0.0.1:{world.ports[party]}",
            duty_officer=OFFICER,
            blind_theatre_cells=10**9,
        )
        made = init_desk(
            world.folder / party,
            config,
            officers=(OfficerWire(id=OFFICER, name="Duty officer", roles=["duty"]),),
            contacts=[OFFICER],
            clock=SystemClock(),
            random=SystemRandom(),
        )
        cards.append(parse_card(made.card.read_bytes()))
    settings = CenterSettings("bench.example/blind", url, url.removeprefix("http://"))
    plan = CenterPlan(
        origin=settings.origin, name="Blind", url=url, exercise=True, rules=RULES, terms=[], cards=cards
    )
    init_center(world.folder / "center", plan, settings, SystemClock(), SystemRandom())


def _start(world: World, ends: ExitStack, name: str, code: str) -> None:
    log = world.folder / f"{name}.log"
    errors = ends.enter_context(log.open("a", encoding="utf-8"))
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(world.folder / name)],
        stdout=subprocess.PIPE,
        stderr=errors,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    ends.callback(_end, process)
    assert process.stdout is not None
    assert process.stdout.readline().strip(), log.read_text(encoding="utf-8")[-2_000:]
    world.processes[name] = process


def _end(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    if process.stdout is not None:
        process.stdout.close()


def wait_for(look: Callable[[], Any], *, most_s: float = MOST_S, every_s: float = 0.1) -> Any:  # noqa: ANN401
    """Look until there is something, and return it."""
    end = time.monotonic() + most_s
    while not (found := look()):
        assert time.monotonic() < end, "expected it by now"
        time.sleep(every_s)
    return found
