"""Desks as real processes around a real center: TLS, kill -9, a center that is away."""

from __future__ import annotations

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import pytest

from entente.center.draft import CenterPlan
from entente.center.folder import CenterSettings
from entente.center.founding import init_center
from entente.desk.assembly import restore_view
from entente.desk.joining import get_pin, join
from entente.desk.vault import init_desk
from entente.kernel.roster import parse_card
from entente.record.note import parse_note_key
from entente.store.clock import SystemClock
from entente.store.mirror import Mirror
from entente.store.random import SystemRandom
from tests.parties import RULES
from tests.protocol.desk_stage import OFFICERS, make_config, make_volume

ROOT: Final = Path(__file__).resolve().parents[2]
CENTER: Final = (
    "import sys; from pathlib import Path; from entente.center.serve import serve_center; "
    "sys.exit(serve_center(Path(sys.argv[1]), on_ready=lambda url: print(url, flush=True)))"
)
DESK: Final = (
    "import sys; from pathlib import Path; from entente.desk.serve import serve_desk; "
    "sys.exit(serve_desk(Path(sys.argv[1]), on_ready=lambda a, w: print(a, w, flush=True)))"
)
SECRET: Final = "the bridge at noon 7419"

_PICKED: Final[set[int]] = set()


def free_port() -> int:
    """Return a port that nobody has, and that the system gives to nobody who asks for any: it stays free."""
    while True:
        port = random.randrange(20_000, 32_768)
        if port in _PICKED:
            continue
        with socket.socket() as plug:
            try:
                plug.bind(("127.0.0.1", port))
            except OSError:
                continue
        _PICKED.add(port)
        return port


def wait_for(look: Callable[[], Any], what: str, timeout_s: float = 30.0) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"{what}: expected within {timeout_s} s")


@dataclass
class Program:
    """One process that is started, killed and started again on one folder."""

    code: str
    folder: Path
    process: subprocess.Popen[str] | None = None

    def start(self) -> str:
        log = self.folder.parent / f"{self.folder.name}.log"
        with log.open("a") as errors:
            self.process = subprocess.Popen(
                [sys.executable, "-c", self.code, str(self.folder)],
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env={**os.environ, "PYTHONPATH": str(ROOT)},
            )
        assert self.process.stdout is not None
        told = self.process.stdout.readline().strip()
        assert told, log.read_text()[-2000:]
        return told

    def end(self, number: int = signal.SIGTERM) -> int:
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(number)
        code = self.process.wait(20)
        assert self.process.stdout is not None
        self.process.stdout.close()
        self.process = None
        return code


@dataclass
class World:
    """A center and two desks."""

    folder: Path
    url: str
    center: Program
    desks: dict[str, Program] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    def ask(self, party: str, verb: str, **request: Any) -> Any:
        token = (self.folder / party / "token").read_text()
        answer = httpx.post(
            f"http://127.0.0.1:{self.ports[party]}/api/{verb}",
            headers={"authorization": f"Bearer {token}"},
            content=json.dumps(request),
            timeout=60,
        )
        return answer.json()

    def status(self, party: str) -> Any:
        return self.ask(party, "status")


def make_world(folder: Path, *, tls: bool) -> World:
    center_port = free_port()
    url = f"{'https' if tls else 'http'}://127.0.0.1:{center_port}"
    world = World(folder, url, Program(CENTER, folder / "center"))
    cards = []
    for party in ("ru", "us"):
        api, witness = free_port(), free_port()
        config = make_config(
            party=party,
            center_url=url,
            witness_url=f"http://127.0.0.1:{witness}",
            witness_listen=f"127.0.0.1:{witness}",
            api_listen=f"127.0.0.1:{api}",
        )
        report = init_desk(
            folder / party,
            config,
            officers=OFFICERS,
            contacts=["duty-1"],
            clock=SystemClock(),
            random=SystemRandom(),
        )
        cards.append(parse_card(report.card.read_bytes()))
        world.ports[party] = api
        world.desks[party] = Program(DESK, folder / party)
    settings = CenterSettings(
        origin="center.example/desks",
        url=url,
        listen=f"127.0.0.1:{center_port}",
        tls=tls,
        client_certificates=tls,
    )
    plan = CenterPlan(
        origin=settings.origin, name="Joint", url=url, exercise=True, rules=RULES, terms=[], cards=cards
    )
    hosts = ("127.0.0.1",) if tls else ()
    init_center(folder / "center", plan, settings, SystemClock(), SystemRandom(), tls_hosts=hosts)
    return world


@pytest.fixture
def world(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[World]:
    made = make_world(tmp_path, tls=bool(getattr(request, "param", False)))
    with ExitStack() as ends:
        ends.callback(lambda: made.center.end(signal.SIGKILL))
        for desk in made.desks.values():
            ends.callback(desk.end, signal.SIGKILL)
        made.center.start()
        for party in made.desks:
            join(tmp_path / party, clock=SystemClock(), random=SystemRandom())
        for desk in made.desks.values():
            desk.start()
        for party in made.desks:
            wait_for(partial(has_settled, made, party), f"{party} to follow")
        yield made


def has_settled(world: World, party: str) -> bool:
    return bool(world.status(party)["record"]["settled_size"] >= 3)


def volume() -> Any:
    return msgspec.to_builtins(make_volume())


@pytest.mark.parametrize("world", (True,), indirect=True, ids=("tls",))
def test_told_acknowledged_and_settled_over_tls_and_the_host_reads_nothing(world: World) -> None:
    told = world.ask(
        "us", "notify", officer="duty-1", id="sortie-7", activity="air", title="Sortie", volumes=[volume()]
    )
    assert told["state"] == "recorded", told
    wait_for(lambda: [one for one in world.status("ru")["inbox"] if one["kind"] == "acknowledge"], "inbox")
    assert world.ask("ru", "acknowledge", officer="duty-1", messages=[told["leaf"]])["state"] == "recorded"
    assert world.ask("ru", "read-back", officer="duty-1", message=told["leaf"])["state"] == "recorded"
    said = world.ask("us", "say", officer="duty-1", thread="hot", text=SECRET, to=["ru"])
    assert said["state"] == "recorded", said
    heard = wait_for(lambda: _heard(world, "ru"), "the sealed text")
    assert heard[0]["original"]["text"] == SECRET
    wait_for(lambda: world.ask("us", "message", message=said["leaf"])["standing"] == "settled", "settled")
    (activity,) = world.status("us")["activities"]
    assert (activity["state"], activity["position"]["state"]) == ("acknowledged", "counts")
    assert world.status("us")["alarms"] == world.status("ru")["alarms"] == []
    for program in (*world.desks.values(), world.center):
        assert program.end() == 0
    host_files = [path for path in (world.folder / "center").rglob("*") if path.is_file()]
    assert host_files
    needles = (SECRET.encode(), SECRET.encode().hex().encode())
    assert [path for path in host_files if any(needle in path.read_bytes() for needle in needles)] == []
    log_key = parse_note_key(get_pin(world.folder / "us").parse()[1].log)
    views = [restore_view(Mirror(world.folder / party / "mirror"), log_key) for party in ("us", "ru")]
    assert views[0].tree.root(8) == views[1].tree.root(8)


def _heard(world: World, party: str) -> Any:
    found = world.ask(party, "thread", name="hot")
    return found if isinstance(found, list) else None


def test_desk_killed_at_any_moment_says_each_thing_once(world: World) -> None:
    for place in range(4):
        token = f"token-{place}"
        program = world.desks["us"]
        world_ask = {
            "officer": "duty-1",
            "thread": "hot",
            "text": f"text {place}",
            "token": token,
            "wait_s": 0,
        }
        world.ask("us", "say", **world_ask)
        time.sleep(0.02 * place)
        program.end(signal.SIGKILL)
        program.start()
        again = world.ask("us", "say", **(world_ask | {"wait_s": 30}))
        assert again["state"] == "recorded", again
    texts = [one["original"]["text"] for one in world.ask("us", "thread", name="hot")]
    assert texts == [f"text {place}" for place in range(4)]
    assert world.status("us")["alarms"] == []


def test_center_that_is_away_delays_and_loses_nothing(world: World) -> None:
    world.center.end(signal.SIGKILL)
    said = world.ask("us", "say", officer="duty-1", thread="hot", text="while away", wait_s=0)
    assert said["state"] in {"queued", "signed"}
    assert "do not count" in world.status("us")["inbox"][0]["words"]
    wait_for(lambda: world.status("us")["link"]["state"] == "down", "the line to be said down")
    world.center.start()
    wait_for(lambda: _heard(world, "ru"), "the text to arrive")
    assert world.status("us")["waiting"] == []


def test_second_process_on_a_folder_is_refused(world: World) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DESK, str(world.folder / "us")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert done.returncode != 0
    assert "in-use" in done.stderr
    assert world.status("us")["party"] == "us"
