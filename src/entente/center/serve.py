"""Running a center: a process with sockets, signals and a log.

Invariants: SIGTERM and SIGINT finish what waits and end with exit code 0; a failed disk, journal or
database, or any fault of the writer, ends the process at once with exit code 70, answering nobody; the log
is JSON lines on stderr, without secrets and without bodies.

    >>> serve_center(Path("center"), on_ready=print)
    0
"""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import structlog
import uvicorn

from entente.center.corked import CorkedProtocol
from entente.center.folder import CenterFolder
from entente.center.http import CenterApp, CenterHTTP, make_app
from entente.center.service import Center, CenterPorts, open_center
from entente.joint import KINDS
from entente.kernel.errors import StoreError
from entente.kernel.kinds import KindTable
from entente.store.clock import parse_clock
from entente.store.leadership import MAX_IDLE_S
from entente.store.random import SystemRandom
from entente.store.sql import AWAY
from entente.store.struct_types import prepare_struct_types
from entente.store.tls import add_authority, make_server_context

EXIT_FATAL: Final = 70
"""EX_SOFTWARE of sysexits.h: something that must not go on."""
GRACE_S: Final = 5
_FASTEST_LOOK_S: Final = 0.2
_ASK_AGAIN_S: Final = 1.0


def log_to_stderr() -> None:
    """Log JSON lines to stderr: the one set-up of a process that serves."""
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )


def stop_process(error: BaseException) -> None:
    """End the process now. Nothing is flushed, answered or closed: the disk says what is true."""
    structlog.get_logger("center").critical("fatal", reason=repr(error))
    sys.stderr.flush()
    os._exit(EXIT_FATAL)


def serve_center(
    root: Path,
    *,
    without: Collection[str] = (),
    listen: tuple[str, int] | None = None,
    clock: str | None = None,
    on_ready: Callable[[str], None] | None = None,
    kinds: KindTable = KINDS,
    max_idle_s: float = MAX_IDLE_S,
) -> int:
    """Run the center of a folder until it is told to stop; return the process's exit code.

    Args:
        root: What `init_center` made.
        without: Parties without whose witness it may start; see `startup`.
        listen: Instead of what ``center.toml`` says.
        clock: The same.
        on_ready: Called with the URL once requests are answered.
        kinds: What it speaks.
        max_idle_s: On PostgreSQL: a leader that says nothing for so long is taken for gone.

    Raises:
        EntenteError: It could not be opened; nothing was served or signed.
    """
    log_to_stderr()
    log = structlog.get_logger("center")
    prepare_struct_types()
    chosen = parse_clock(clock if clock is not None else CenterFolder(root).read_settings().clock)
    ports = CenterPorts(
        clock=chosen,
        random=SystemRandom(),
        on_fatal=stop_process,
        kinds=kinds,
        without=tuple(without),
        # An exercise's minute may pass in a second: what is due is looked for as often as in real time.
        ladder_every_s=max(_FASTEST_LOOK_S, 1.0 / chosen.rate),
        max_idle_s=max_idle_s,
    )
    try:
        center = _open_patiently(root, ports)
    except StoreError as error:
        log.critical("not-opened", code=error.code, reason=error.message)
        raise
    app = make_app(center)
    _calm_collector()
    try:
        with _listen(listen or center.settings.address) as plug:
            scheme = "https" if center.settings.tls else "http"
            host, port = plug.getsockname()[:2]
            url = f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"
            server = _make_server(app, center)
            with asyncio.Runner(loop_factory=server.config.get_loop_factory()) as runner:
                runner.run(_serve(server, center, app.http, plug, url, on_ready))
    finally:
        center.stop()
    log.info("stopped", origin=center.keys.origin)
    return 0


def _open_patiently(root: Path, ports: CenterPorts) -> Center:
    """Open the center; a database server that is away is waited for, as after a reboot of both."""
    log = structlog.get_logger("center")
    while True:
        try:
            return open_center(
                root,
                ports,
                on_progress=lambda done, wanted: log.info("catching-up", applied=done, size=wanted),
            )
        except StoreError as error:
            if error.code != AWAY:
                raise
            log.warning("database-away", reason=error.message)
            time.sleep(_ASK_AGAIN_S)


def _calm_collector() -> None:
    """Have the cycle collector look seldom, and never at what was there at the start.

    The cached rows are many and hold no cycles; walking them stalled every answer for tens of milliseconds
    (measured in docs/adr/0005-store-and-center.md).
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


class _Server(uvicorn.Server):
    """A server whose signals are ours: an ordered stop is exit code 0."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _make_server(app: CenterApp, center: Center) -> _Server:
    context = _make_context(center) if center.settings.tls else None

    def use(_config: uvicorn.Config, _default: Callable[[], ssl.SSLContext]) -> ssl.SSLContext:
        if context is None:
            raise AssertionError("TLS: expected a context")
        return context

    config = uvicorn.Config(
        app,
        loop="uvloop",
        http=CorkedProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=GRACE_S,
        timeout_keep_alive=75,
        ssl_context_factory=use if context is not None else None,
    )
    return _Server(config)


def _make_context(center: Center) -> ssl.SSLContext:
    folder = center.folder.tls
    authorities = center.list_client_authorities() if center.settings.client_certificates else []
    return make_server_context(
        certificate=folder / "server.crt", key=folder / "server.key", client_authorities=authorities
    )


async def _serve(
    server: _Server,
    center: Center,
    http: CenterHTTP,
    plug: socket.socket,
    url: str,
    on_ready: Callable[[str], None] | None,
) -> None:
    loop = asyncio.get_running_loop()

    def stop() -> None:
        http.detach()
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    http.attach(loop)
    watch = asyncio.create_task(_follow_authorities(server, center))
    serving = asyncio.create_task(server.serve(sockets=[plug]))
    # Requests are answered from here on: while rows and witnesses are being asked, reads work.
    await asyncio.to_thread(center.start)
    structlog.get_logger("center").info("listening", url=url, state=center.readiness.state.value)
    if on_ready is not None:
        on_ready(url)
    try:
        await serving
    finally:
        watch.cancel()


async def _follow_authorities(server: _Server, center: Center) -> None:
    """Let in the clients of an authority that a roster names from now on.

    One that a roster no longer names keeps its pipe until the next start: what it may say, message
    signatures decide.
    """
    known = center.ring
    while center.settings.client_certificates:
        await asyncio.sleep(1.0)
        if center.ring is not known and server.config.ssl is not None:
            known = center.ring
            for pem in await asyncio.to_thread(center.list_client_authorities):
                add_authority(server.config.ssl, pem)


@contextmanager
def _listen(address: tuple[str, int]) -> Iterator[socket.socket]:
    host, port = address
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as plug:
        plug.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            plug.bind((host, port))
        except OSError as error:
            raise StoreError("cannot-listen", f"{host}:{port}: {(error.strerror or '').lower()}") from error
        plug.listen(2048)
        yield plug
