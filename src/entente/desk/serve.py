"""Running a desk: sockets, threads, signals. Everything that decides lives elsewhere.

    follow   follows the record when an event wakes it, and every few seconds anyway
    events   reads the center's event stream, which only wakes
    send     empties the outbox, with a wait that grows while the center is away
    remind   watches the clock for acknowledgements that we owe
    blind    does what blind checks ask for; it may compute for a minute
    release  sends what the gate holds as soon as its time has come
    index    reads for those who browse what was followed, in small steps

Invariants: SIGTERM and SIGINT finish what is being written and end with exit code 0; a failed disk ends the
process with exit code 70, signing and answering nothing more; the network may be away for as long as it
likes; the log is JSON lines on stderr, without secrets and without bodies.

    >>> serve_desk(Path("desk-us"))
    0
"""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

import msgspec
import structlog
from starlette.types import ASGIApp

from entente.desk.assembly import Desk, open_desk
from entente.desk.client import CenterClient, CenterEvent, plan_wait_s
from entente.desk.confronting import review_confrontations
from entente.desk.http import DeskHTTP, WitnessHTTP
from entente.desk.listening import Listener, bind, find_listener, make_server, spell
from entente.desk.live import Live
from entente.desk.reminders import review_reminders
from entente.desk.vault import FolderLock, Vault
from entente.kernel.errors import EntenteError, StoreError, TransportError
from entente.store.clock import parse_clock
from entente.store.random import SystemRandom
from entente.store.struct_types import prepare_struct_types
from entente.store.tls import make_server_context

EXIT_FATAL: Final = 70
"""EX_SOFTWARE of sysexits.h: something that must not go on."""
_REMIND_S: Final = 1.0
_INDEX_STEP_S: Final = 0.1
_RETRY_PASSES: Final = 12
_JOIN_S: Final = 5.0


def log_to_stderr(*, json_logs: bool) -> None:
    """Log to stderr, a line each: the one set-up of a process that serves."""
    shape = structlog.processors.JSONRenderer() if json_logs else structlog.processors.LogfmtRenderer()
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            shape,
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


class Loops:
    """The desk's threads."""

    def __init__(self, desk: Desk, on_fatal: Callable[[StoreError], None]) -> None:
        self._desk = desk
        self._on_fatal = on_fatal
        self._stop = threading.Event()
        self._follow = threading.Event()
        self._send = threading.Event()
        self._blind = threading.Event()
        self._release = threading.Event()
        self._index = threading.Event()
        self._threads = [
            threading.Thread(target=self._guard, args=(loop,), name=name, daemon=True)
            for name, loop in (
                ("follow", self._run_follow),
                ("events", self._run_events),
                ("send", self._run_send),
                ("remind", self._run_remind),
                ("blind", self._run_blind),
                ("release", self._run_release),
                ("index", self._run_index),
                ("places", self._load_places),
            )
        ]

    def start(self) -> None:
        """Start every thread."""
        self._desk.is_served = True
        self._desk.outbox.on_put = self._send.set
        self._desk.blind.on_wanted = self._blind.set
        self._desk.release.on_wanted = self._release.set
        for thread in self._threads:
            thread.start()

    def wake(self) -> None:
        """Send and follow now."""
        self._send.set()
        self._follow.set()
        self._blind.set()
        self._release.set()
        self._index.set()

    def stop(self) -> None:
        """End every thread that can be ended; the one that reads events ends with its connection."""
        self._stop.set()
        self._desk.blind.stop()
        self.wake()
        if isinstance(self._desk.transport, CenterClient):
            self._desk.transport.close()
        for thread in self._threads:
            if thread.name not in {"events", "places"}:
                thread.join(_JOIN_S)

    def _guard(self, loop: Callable[[], None]) -> None:
        try:
            loop()
        except StoreError as error:
            self._on_fatal(error)
        except Exception as error:  # noqa: BLE001 - a thread that dies unseen leaves a desk that looks alive
            if not self._stop.is_set():
                structlog.get_logger("desk").exception("fault")
                self._on_fatal(StoreError("fault", f"desk: {type(error).__name__}: {error}"))

    def _run_follow(self) -> None:
        passes = 0
        while not self._stop.is_set():
            self._follow.clear()
            if self._desk.follow_once():
                self._send.set()
                self._blind.set()
                self._index.set()
            passes += 1
            if passes % _RETRY_PASSES == 0:
                with contextlib.suppress(TransportError):
                    self._desk.follower.retry_unreadable()
            self._follow.wait(self._desk.vault.config.poll_s)

    def _run_events(self) -> None:
        client = self._desk.transport
        if not isinstance(client, CenterClient):
            return
        attempt, last = 0, int(self._desk.book.find_meta("event") or 0)
        while not self._stop.is_set():
            try:
                for event in client.follow_events(last, stop=self._stop):
                    attempt, last = 0, self._take_event(event, last)
            except TransportError:
                attempt += 1
            except RuntimeError:
                return  # the client was closed: we are stopping
            self._stop.wait(plan_wait_s(min(attempt, 6), self._desk.random))

    def _take_event(self, event: CenterEvent, last: int) -> int:
        """Wake, and remember which size was announced; nothing in an event is believed."""
        if not event.type:
            return last
        with contextlib.suppress(msgspec.MsgspecError, ValueError):
            told = msgspec.json.decode(event.data)
            size = told.get("to", told.get("size")) if isinstance(told, dict) else None
            if isinstance(size, int) and not isinstance(size, bool) and 0 <= size < 2**53:
                self._desk.view.expect("the center's own event", size, self._desk.clock.now_utc())
        if event.id > last or event.type == "reset":
            last = event.id
            self._desk.book.put_meta("event", str(last))
        self._follow.set()
        return last

    def _run_send(self) -> None:
        attempt = 0
        while not self._stop.is_set():
            self._send.clear()
            waits = bool(self._desk.outbox.list_waiting())
            item = self._desk.send_once() if waits else None
            if item is not None:
                attempt = 0
                self._follow.set()
                continue
            attempt = min(attempt + 1, 6) if waits else 0
            self._send.wait(plan_wait_s(attempt, self._desk.random) if waits else None)

    def _run_remind(self) -> None:
        while not self._stop.wait(_REMIND_S):
            review_reminders(self._desk)
            review_confrontations(self._desk)

    def _run_blind(self) -> None:
        while not self._stop.is_set():
            self._blind.clear()
            if not self._desk.blind.step():
                self._blind.wait(self._desk.vault.config.poll_s)

    def _run_release(self) -> None:
        while not self._stop.is_set():
            self._release.clear()
            if not self._desk.release.step():
                self._release.wait(min(_REMIND_S, self._desk.vault.config.poll_s))

    def _run_index(self) -> None:
        have = -1
        while not self._stop.is_set():
            self._index.clear()
            before = have
            try:
                have = self._desk.record.catch_up(limit_s=_INDEX_STEP_S)
            except EntenteError as error:
                # Whoever browses is told the same. It is no reason to follow no more.
                structlog.get_logger("desk").warning("not-indexed", code=error.code, error=error.message)
            # A question waits for one step at most.
            self._index.wait(0.01 if have != before else self._desk.vault.config.poll_s)

    def _load_places(self) -> None:
        self._desk.get_gazetteer()


class MakePage(Protocol):
    """What puts the page before the officers' interface; the room above hands it in."""

    def __call__(self, desk: Desk, api: DeskHTTP, listeners: Sequence[Listener]) -> ASGIApp:
        """Return one application for these listeners; `Denied` when the page may not be served there."""


def serve_desk(
    folder: Path,
    *,
    json_logs: bool = True,
    on_ready: Callable[[str, str], None] | None = None,
    make_page: MakePage | None = None,
) -> int:
    """Run the desk of a folder until it is told to stop; return the process's exit code.

    Args:
        on_ready: Called with the addresses of the officers' interface and of the witness, once both listen.
        make_page: Makes the page that is served to officers; None: the interface for the command line alone.

    Raises:
        NotFound: ``no-desk``, ``not-joined``.
        Denied: ``in-use``: another process has the folder.
        StoreError: Something in the folder is damaged.
        TransportError: An address to listen on is not to be had.
    """
    log_to_stderr(json_logs=json_logs)
    prepare_struct_types()
    log = structlog.get_logger("desk")
    vault = Vault.load(folder)
    with FolderLock(folder), contextlib.ExitStack() as held:
        api = held.enter_context(bind(vault.config.api_listen))
        witness = held.enter_context(bind(vault.config.witness_listen))
        page, context = None, None
        if make_page is not None and vault.config.page_listen:
            context = make_page_context(vault)
            page = held.enter_context(bind(vault.config.page_listen))
        desk = held.enter_context(
            open_desk(
                vault,
                clock=parse_clock(vault.config.clock),
                random=SystemRandom(),
                progress=lambda done, size: log.info("catching-up", applied=done, size=size),
            )
        )
        fatal: list[StoreError] = []
        with asyncio.Runner() as runner:
            ports = _Ports(api, witness, page, context, make_page, on_ready)
            runner.run(_run(desk, ports, fatal))
    if fatal:
        log.critical("stopped-on-fault", code=fatal[0].code, reason=fatal[0].message)
        return EXIT_FATAL
    log.info("stopped", party=vault.party)
    return 0


@dataclass(frozen=True, slots=True)
class _Ports:
    """Where a desk listens, and what is made for whom."""

    api: socket.socket
    witness: socket.socket
    page: socket.socket | None
    context: ssl.SSLContext | None
    make_page: MakePage | None
    on_ready: Callable[[str, str], None] | None


async def _run(desk: Desk, ports: _Ports, fatal: list[StoreError]) -> None:
    loop, stopping = asyncio.get_running_loop(), asyncio.Event()

    def stop_on(error: StoreError) -> None:
        fatal.append(error)
        loop.call_soon_threadsafe(stopping.set)

    loops = Loops(desk, stop_on)
    live = Live(desk)
    live.attach()
    officers = DeskHTTP(desk, live=live)
    listeners = [find_listener(ports.api)]
    if ports.page is not None:
        listeners.append(find_listener(ports.page, is_tls=ports.context is not None))
    app: ASGIApp = officers.make_app()
    if ports.make_page is not None:
        app = ports.make_page(desk, officers, listeners)
    served = [
        (make_server(app), ports.api),
        (make_server(WitnessHTTP(desk, on_fatal=stop_on).make_app()), ports.witness),
    ]
    if ports.page is not None:
        served.append((make_server(app, context=ports.context), ports.page))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    running = [asyncio.create_task(server.serve(sockets=[plug])) for server, plug in served]
    loops.start()
    names = [spell(one) for one in listeners]
    witness = spell(find_listener(ports.witness))
    structlog.get_logger("desk").info("serving", party=desk.party, officers=names[0], witness=witness)
    if ports.on_ready is not None:
        ports.on_ready(names[0], witness)
    await stopping.wait()
    live.stop()
    for server, _ in served:
        server.should_exit = True
    await asyncio.gather(*running)
    await asyncio.to_thread(loops.stop)


def make_page_context(vault: Vault) -> ssl.SSLContext | None:
    """Return the TLS settings of the page's own listener; None where it has no certificate.

    A client certificate is asked for and not required: officers may sign in otherwise.

    Raises:
        StoreError, Malformed: A file that cannot be read, or is none.
    """
    config = vault.config
    if not config.page_certificate:
        return None
    context = make_server_context(
        certificate=vault.folder / config.page_certificate,
        key=vault.folder / (config.page_key or config.page_certificate),
    )
    authorities = vault.folder / config.page_client_ca if config.page_client_ca else vault.ca_path
    try:
        context.load_verify_locations(authorities)
    except (OSError, ssl.SSLError) as error:
        raise StoreError("bad-certificate", f"client authorities {authorities.name!r}: {error}") from error
    context.verify_mode = ssl.CERT_OPTIONAL
    return context
