"""Worlds for the page: three parties' real desks on disk, a real record, everything that can be shown.

What stands in it is told by `tests.page_scene`; all of it goes through the desks' own verbs as signed
messages, and nothing is put into a row by hand.

In process: a clock moved by hand, no socket. To be looked at in a browser, the same folders are served: the
center by `serving` in this process (it can still lie: ``world.center.lies``), each desk by the command line.

>>> from tests.page_scene import make_small_world
>>> world = make_small_world(folder)
>>> world.ask("us", "picture")["counts"]["activities"]
{'total': 12, 'shown': 12}
>>> with world.serving("us") as url:           # real processes, real sockets
...     page.goto(url)
"""

from __future__ import annotations

import contextlib
import http.server
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import msgspec

from entente.cli.stage import free_ports
from entente.desk.assembly import Desk, open_desk
from entente.desk.joining import join
from entente.desk.service import VERBS, call
from entente.desk.vault import Vault, init_desk
from entente.kernel.errors import TransportError
from entente.kernel.keys import SigningKey
from entente.kernel.roster import OfficerWire
from entente.kernel.time import encode_utc, parse_utc
from entente.record.checkpoint import verify_checkpoint
from entente.record.cosignature import CosignatureSigner, merge_cosignatures
from entente.record.tree import Tree
from tests.parties import ORIGIN, draw_seed
from tests.protocol.desk_stage import NOW, PLACES, HandClock, SeededRandom, make_config
from tests.protocol.lying_center import CardParty, LyingCenter

PARTIES: Final = ("us", "ru", "un")
OFFICERS: Final = tuple(
    OfficerWire(id=f"duty-{number}", name=f"Officer {number}", roles=["duty"]) for number in (1, 2, 3)
)
AT_THE_END: Final = "2016-09-17T20:00:00Z"
"""What the clock says when the world is made, and a served desk's clock begins with."""


class WorldCenter(LyingCenter):
    """A center in memory whose checkpoints bear the host's time, by the world's own clock."""

    def __init__(self, clock: HandClock, us: CardParty, *others: CardParty) -> None:
        self.clock = clock
        super().__init__(us, *others)
        self.cosigners = []

    def sign(self, tree: Tree, size: int | None = None) -> bytes:
        note = super().sign(tree, size)
        text = verify_checkpoint(note, self.signer.key).text
        host = CosignatureSigner(SigningKey(f"{ORIGIN}/host", draw_seed("center")))
        return merge_cosignatures(note, [host.cosign(text, int(self.clock.now.timestamp()))])


class World:
    """Center and desks of one world. ``desks`` are open in this process until they are served."""

    def __init__(self, root: Path, *, is_served: bool = False, parties: Sequence[str] = PARTIES) -> None:
        self.root = root
        self.clock = HandClock(parse_utc(NOW))
        self.names = tuple(parties)
        self.desks: dict[str, Desk] = {}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self._randoms = {name: SeededRandom(name) for name in parties}
        ports = free_ports(1 + 2 * len(parties)) if is_served else list(range(8600, 8601 + 2 * len(parties)))
        self.center_port = ports[0]
        self.api_ports = {name: ports[1 + 2 * place] for place, name in enumerate(parties)}
        cards = []
        for place, name in enumerate(parties):
            init_desk(
                root / name,
                make_config(
                    party=name,
                    name={"us": "United States", "ru": "Russian Federation", "un": "United Nations"}.get(
                        name, name
                    ),
                    center_url=f"http://127.0.0.1:{self.center_port}",
                    witness_url=f"http://127.0.0.1:{ports[2 + 2 * place]}",
                    witness_listen=f"127.0.0.1:{ports[2 + 2 * place]}",
                    api_listen=f"127.0.0.1:{ports[1 + 2 * place]}",
                    poll_s=1,
                    clock=f"{AT_THE_END}@{time.time():.3f}x1",
                ),
                officers=OFFICERS,
                contacts=["duty-1", "duty-2"],
                clock=self.clock,
                random=self._randoms[name],
            )
            vault = Vault.load(root / name)
            card = CardParty(name, vault.card.statement)
            card.roots, card.desk, card.witness = vault.load_roots(None), vault.desk_key, vault.witness_key
            card.seal = vault.seal_key
            cards.append(card)
        self.cards = cards
        self.center = WorldCenter(self.clock, *cards)
        for name in parties:
            join(
                root / name,
                clock=self.clock,
                random=self._randoms[name],
                connect=lambda _url: self.center,
                expect_fingerprint="",
                passphrase=None,
            )
            self.open(name)
        self.run()

    def open(self, name: str) -> Desk:
        """Open a desk from its folder."""
        desk = open_desk(
            Vault.load(self.root / name), clock=self.clock, random=self._randoms[name], transport=self.center
        )
        desk._gazetteer = PLACES
        self.desks[name] = desk
        desk.follow_once()
        return desk

    def close(self) -> None:
        """Close every desk; the folders stay."""
        for desk in self.desks.values():
            desk.close()
        self.desks.clear()

    def run(self, *names: str) -> None:
        """Let desks work until nothing moves any more."""
        for _ in range(50):
            size = self.center.core.tree.size
            for name in names or self.names:
                self.desks[name].run_once()
            if self.center.core.tree.size == size:
                return
        raise AssertionError("world: expected the desks to come to rest")

    def ask(self, name: str, verb: str, /, **request: Any) -> Any:
        """Ask a desk's verb, as its duty officer where one acts."""
        fields = VERBS[verb].request.__struct_fields__
        if "officer" in fields:
            request = {"officer": "duty-1"} | request
        found = call(self.desks[name], verb, msgspec.json.encode(request))
        return msgspec.json.decode(found) if isinstance(found, msgspec.Raw) else found

    def act(self, name: str, verb: str, /, **request: Any) -> Any:
        """Do something at a desk, let every desk take it in, and return what became of it."""
        said = self.ask(name, verb, **request)
        if isinstance(said, dict) and "state" in said and "number" in said:
            assert said["state"] == "recorded", said
        self.run()
        return said

    def say_center(self, kind: str, body: Any) -> None:
        """Have the center say what is due."""
        self.center.core.submit(self.center.core.write(kind, body, at=encode_utc(self.clock.now)))

    def pass_min(self, minutes: float) -> None:
        """Move the clock on."""
        self.clock.now += timedelta(minutes=minutes)

    # Real processes

    @contextlib.contextmanager
    def serving(self, *names: str) -> Iterator[dict[str, str]]:
        """Serve the center here and desks as processes; give each desk's address.

        The desks are closed in this process meanwhile: one process has a folder.
        """
        self.close()
        server = _CenterServer(self.center, self.center_port)
        try:
            for name in names:
                self.start(name)
            for name in names:
                self.wait_for(name)
            yield {name: f"http://127.0.0.1:{self.api_ports[name]}" for name in names}
        finally:
            for process in self.processes.values():
                process.terminate()
            for process in self.processes.values():
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait(10)
            server.stop()

    def start(self, name: str) -> None:
        """Start a desk as a process: at first, or again after it was killed."""
        with (self.root / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                [sys.executable, "-m", "entente", "desk", "serve", str(self.root / name)],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
            )

    def wait_for(self, name: str) -> None:
        """Wait until a desk that was started listens."""
        process = self.processes[name]
        deadline_s = time.monotonic() + 60
        while time.monotonic() < deadline_s:
            if process.poll() is not None:
                raise AssertionError((self.root / f"{name}.log").read_text(errors="replace")[-3000:])
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", self.api_ports[name]), timeout=1).close()
                return
            time.sleep(0.05)
        raise AssertionError(f"desk {name}: expected it to listen")


class _CenterServer:
    """The center in memory, behind a socket: one thread a connection, one message at a time."""

    def __init__(self, center: WorldCenter, port: int) -> None:
        lock = threading.Lock()
        stopping = threading.Event()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self, method: str) -> None:
                if self.path.startswith("/events"):
                    self._serve_events()
                    return
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                try:
                    with lock:
                        status, kind, data = center.request(method, self.path.partition("?")[0], body=body)
                except TransportError:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

            def _serve_events(self) -> None:
                self.send_response(200)
                self.send_header("content-type", "text/event-stream")
                self.send_header("connection", "close")
                self.end_headers()
                size, beat = -1, 0
                with contextlib.suppress(OSError):
                    while not stopping.is_set() and "no-network" not in center.lies:
                        now = center.core.tree.size
                        if now != size:
                            size = now
                            told = f'id: {size}\nevent: entries\ndata: {{"to":{size}}}\n\n'
                            self.wfile.write(told.encode())
                        elif beat % 200 == 0:
                            self.wfile.write(b": beat\n\n")
                        self.wfile.flush()
                        beat += 1
                        stopping.wait(0.02)
                self.close_connection = True

            def do_GET(self) -> None:
                self._serve("GET")

            def do_POST(self) -> None:
                self._serve("POST")

            def log_message(self, *_args: Any) -> None:
                pass

        self._stopping = stopping
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()
