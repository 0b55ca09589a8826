"""kill -9 of the center at random moments while real desks notify: each message is recorded exactly once.

What a desk calls recorded is in the record, once; what it could not send yet it sends again by itself. Then
mirrors, rows and conflict index are what an auditor computes. For a center in its folder, and for two
processes on PostgreSQL behind one address, of which whoever lives takes over.
"""

from __future__ import annotations

import json
import random
import shutil
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Final

import httpx
import msgspec
import pytest

from entente.center.folder import CenterFolder
from entente.center.move import move_to_files, move_to_postgres
from entente.cli.center import app as center_app
from entente.cli.run import run_app
from entente.cli.verify import app as verify_app
from entente.joint import KINDS
from entente.joint.audit import RecordAudit
from entente.kernel.envelope import parse_envelope
from entente.kernel.message import CENTER as HOST
from entente.record import NoteSigner
from entente.store.clock import SystemClock
from entente.store.journal_file import open_journal
from entente.store.leadership import MAX_IDLE_S
from tests.protocol.desk_stage import make_volume
from tests.system.postgres_center import Child, find_nursery
from tests.system.test_desk_processes import World, free_port, wait_for, world

__all__ = ("world",)

PARTIES: Final = ("ru", "us")


@dataclass
class Forked:
    """A center process out of the warm one, started again and again: what is tested is its end."""

    folder: Path
    child: Child | None = None

    def start(self) -> None:
        """Start, and wait until requests are answered."""
        out, log = (self.folder.with_name(f"{self.folder.name}.{what}") for what in ("out", "log"))
        out.unlink(missing_ok=True)
        self.child = child = find_nursery().start(self.folder, out, log, MAX_IDLE_S)
        wait_for(lambda: (out.exists() and out.read_text().strip()) or child.poll() is not None, "a center")
        assert child.poll() is None, log.read_text()[-2000:]

    def end(self, number: int = signal.SIGTERM) -> int:
        """End with a signal; return the exit code."""
        child, self.child = self.child, None
        if child is None:
            return 0
        child.send_signal(number)
        return child.wait(30)


@dataclass
class Talk(threading.Thread):
    """One party's duty officer: notifies without a pause, and keeps what the desk said of each message."""

    world: World
    party: str
    said: dict[str, str] = field(default_factory=dict)
    told: dict[str, tuple[str, int]] = field(default_factory=dict)
    """Token to leaf and index, of what the desk called recorded."""
    failure: BaseException | None = None

    def __post_init__(self) -> None:
        super().__init__(daemon=True)
        self.done = threading.Event()

    def __hash__(self) -> int:
        return id(self)

    def run(self) -> None:
        """Notify until told to stop."""
        try:
            number = 0
            while not self.done.is_set():
                self._notify(f"{self.party}-{number}")
                number += 1
        except BaseException as error:  # noqa: BLE001 - told by `finish`
            self.failure = error

    def _notify(self, name: str) -> None:
        volume = msgspec.to_builtins(make_volume((352_500_000 + len(self.said) * 20_000, 401_500_000)))
        answer = self.world.ask(
            self.party, "notify", officer="duty-1", id=name, activity="air", title="Sortie", volumes=[volume],
            token=name, wait_s=1,
        )  # fmt: skip
        # A center that is away delays; it refuses nothing.
        assert answer.get("state") in {"queued", "signed", "recorded"}, answer
        self.said[name] = answer["state"]
        if answer["state"] == "recorded":
            self.told[name] = (answer["leaf"], answer["index"])

    def finish(self) -> None:
        """Stop, and wait until the desk has nothing left to send."""
        self.done.set()
        self.join(60)
        assert not self.is_alive()
        if self.failure is not None:
            raise self.failure
        wait_for(lambda: not self.world.status(self.party)["waiting"], f"{self.party} to send all", 60)
        for name in self.said:
            # Said again with the same token: it was said once, and this is how it ended.
            volume = msgspec.to_builtins(make_volume())
            answer = self.world.ask(
                self.party, "notify", officer="duty-1", id=name, activity="air", title="Sortie",
                volumes=[volume], token=name, wait_s=1,
            )  # fmt: skip
            assert answer["state"] == "recorded", answer
            place = (answer["leaf"], answer["index"])
            assert self.told.setdefault(name, place) == place, "a desk was told two places of one message"


def settle(world: World, url: str) -> int:
    """Wait until both desks hold the whole record; return its size."""

    def is_level() -> bool:
        size = httpx.get(f"{url}/status", timeout=30).json()["size"]
        return all(world.status(party)["record"]["settled_size"] == size for party in PARTIES)

    wait_for(is_level, "the desks to hold all", 60)
    return int(httpx.get(f"{url}/status", timeout=30).json()["size"])


def check(world: World, talks: list[Talk]) -> None:
    """Hold record, desks and rows against each other. Everything is stopped, and in files."""
    folder = CenterFolder(world.folder / "center")
    assert run_app(center_app, ["rebuild", str(folder.root), "--check"]) == 0
    for party in PARTIES:
        assert run_app(verify_app, [str(world.folder / party / "mirror")]) == 0
    journal, _ = open_journal(folder.journal, NoteSigner(folder.read_keys().log).key)
    try:
        entries = [journal.read_entry(index) for index in range(journal.size)]
    finally:
        journal.close()
    audit = RecordAudit(KINDS)
    for index, entry in enumerate(entries):
        audit.feed(index, entry)
    assert audit.failures == []
    assert len(set(entries)) == len(entries), "an entry stands twice"
    names: dict[tuple[str, str], int] = {}
    numbers: dict[str, list[int]] = {}
    for entry in entries:
        payload = json.loads(parse_envelope(entry).payload)
        numbers.setdefault(payload["author"], []).append(payload["seq"])
        if payload["kind"] == "activity.notify":
            place = (payload["author"], payload["body"]["id"])
            names[place] = names.get(place, 0) + 1
    for author, given in numbers.items():
        assert author == HOST or given == list(range(len(given))), f"{author}: a number twice, or left out"
    for talk in talks:
        for name, (leaf, index) in talk.told.items():
            assert parse_envelope(entries[index]).leaf == leaf, "what a desk calls recorded is not there"
            assert names[talk.party, name] == 1, f"{name}: expected once in the record"
    assert len(names) == sum(len(talk.said) for talk in talks)


@pytest.mark.timeout(180)
def test_kill_9_of_the_center_under_desks_that_notify(world: World) -> None:
    assert world.center.end() == 0
    center = Forked(world.folder / "center")
    center.start()
    draw = random.Random("kill the center")
    talks = [Talk(world, party) for party in PARTIES]
    for talk in talks:
        talk.start()
    for _ in range(3):
        time.sleep(draw.uniform(0.05, 1.5))
        center.end(signal.SIGKILL)
        center.start()
    time.sleep(0.5)
    for talk in talks:
        talk.finish()
    settle(world, world.url)
    assert [alarm["code"] for party in PARTIES for alarm in world.status(party)["alarms"]] == []
    assert [desk.end() for desk in world.desks.values()] == [0, 0]
    assert center.end() == 0
    assert min(len(talk.said) for talk in talks) >= 5
    check(world, talks)


class Address(threading.Thread):
    """One address for several center processes, as a load balancer gives: bytes go to the one that leads."""

    def __init__(self, port: int, ports: list[int]) -> None:
        super().__init__(daemon=True)
        self._ports = ports
        self._plug = socket.create_server(("127.0.0.1", port), backlog=64)

    def run(self) -> None:
        """Pass on every connection until `close`."""
        with suppress(OSError):
            while True:
                near, _ = self._plug.accept()
                threading.Thread(target=self._pass_on, args=(near,), daemon=True).start()

    def close(self) -> None:
        """Take no further connection."""
        self._plug.shutdown(socket.SHUT_RDWR)
        self._plug.close()

    def _pass_on(self, near: socket.socket) -> None:
        with near, suppress(OSError):
            port = next((one for one in self._ports if ask_state(one) == "open"), None)
            if port is None:
                return
            with socket.create_connection(("127.0.0.1", port), timeout=5) as far:
                far.settimeout(None)
                back = threading.Thread(target=self._copy, args=(far, near), daemon=True)
                back.start()
                self._copy(near, far)
                back.join()

    def _copy(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                target.sendall(data)
        for one in (source, target):
            # Whoever is gone, the other side must learn it.
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def ask_state(port: int) -> str:
    """Return how a center process says that it is; empty when it says nothing."""
    try:
        return str(httpx.get(f"http://127.0.0.1:{port}/health", timeout=5).json()["state"])
    except httpx.HTTPError:
        return ""


@pytest.fixture
def pair(world: World, postgres_url: str) -> Iterator[tuple[list[Forked], list[int]]]:
    """Two processes of the world's center on PostgreSQL, behind the address that the desks know."""
    assert world.center.end() == 0
    first, second = CenterFolder(world.folder / "center"), CenterFolder(world.folder / "center-2")
    move_to_postgres(first.root, postgres_url, SystemClock())
    settings = first.read_settings()
    second.root.mkdir()
    shutil.copytree(first.root / "keys", second.root / "keys")
    ports = [free_port(), free_port()]
    with ExitStack() as ends:
        programs = []
        for folder, port in zip((first, second), ports, strict=True):
            folder.write_settings(msgspec.structs.replace(settings, listen=f"127.0.0.1:{port}"))
            programs.append(Forked(folder.root))
            ends.callback(programs[-1].end, signal.SIGKILL)
            programs[-1].start()
        address = Address(settings.address[1], ports)
        ends.callback(address.close)
        address.start()
        yield programs, ports


@pytest.mark.timeout(180)
def test_kill_9_of_the_leader_under_desks_that_notify(
    world: World, pair: tuple[list[Forked], list[int]]
) -> None:
    draw = random.Random("kill the leader")
    programs, ports = pair

    def find_leader() -> list[int]:
        return [at for at in (0, 1) if is_leading(ports[at])]

    wait_for(find_leader, "one to lead")
    talks = [Talk(world, party) for party in PARTIES]
    for talk in talks:
        talk.start()
    for _ in range(3):
        time.sleep(draw.uniform(0.2, 1.5))
        (leader,) = find_leader()
        programs[leader].end(signal.SIGKILL)
        wait_for(partial(is_leading, ports[1 - leader]), "the other to take over")
        programs[leader].start()
    time.sleep(0.5)
    for talk in talks:
        talk.finish()
    settle(world, world.url)
    assert [alarm["code"] for party in PARTIES for alarm in world.status(party)["alarms"]] == []
    assert [desk.end() for desk in world.desks.values()] == [0, 0]
    assert [program.end() for program in programs] == [0, 0]
    assert min(len(talk.said) for talk in talks) >= 5
    # Brought back into files, where rows and conflict index can be computed again and compared.
    move_to_files(world.folder / "center", SystemClock())
    check(world, talks)


def is_leading(port: int) -> bool:
    """Tell whether the process behind this port takes messages."""
    return ask_state(port) == "open"
