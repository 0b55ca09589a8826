"""Sockets and servers of one desk: where it listens, by TLS or not, and what one connection may cost.

Invariants: plain HTTP/1.1 by one parser; no header of a proxy is believed: who connects is who the socket
says; a connection that has not told a request's whole head within `HEAD_S` seconds and `MAX_HEAD_BYTES` is
cut, and there are at most `MAX_CONNECTIONS` of them on a listener; with a client certificate its DER bytes
are in ``scope["extensions"]["tls"]``, and nowhere else.

It knows no routes.

    >>> plug = bind("127.0.0.1:7101")
    >>> server = make_server(app)
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from entente.desk.config import split_listen
from entente.kernel.errors import TransportError

GRACE_S: Final = 3
HEAD_S: Final = 15.0
MAX_CONNECTIONS: Final = 512
MAX_HEAD_BYTES: Final = 65_536
KEEP_ALIVE_S: Final = 20


@dataclass(frozen=True, slots=True)
class Listener:
    """Where something is served."""

    host: str
    port: int
    is_tls: bool


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol with bounds on a connection, and with the client's certificate in the scope."""

    _cut: asyncio.TimerHandle | None = None
    _head_bytes = 0
    _peer: bytes | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin a connection, or refuse one too many."""
        # SECURITY: open connections cost memory and a descriptor each; who opens thousands and says nothing
        # must not keep officers out (tests/system/test_web_process.py, test_silent_connections_are_cut).
        if len(self.server_state.connections) >= MAX_CONNECTIONS:
            transport.abort()
            return
        session = transport.get_extra_info("ssl_object")
        self._peer = session.getpeercert(binary_form=True) if session is not None else None
        super().connection_made(transport)
        self._cut = self.loop.call_later(HEAD_S, self._cut_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        """End a connection."""
        self._disarm()
        if getattr(self, "transport", None) is not None:
            super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; the first of a further request start its clock again."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if self._cut is None and (cycle is None or cycle.response_complete):
            self._cut = self.loop.call_later(HEAD_S, self._cut_silent)
        if self._cut is not None:
            self._head_bytes += len(data)
        super().data_received(data)
        if self._cut is not None and self._head_bytes > MAX_HEAD_BYTES:
            self._disarm()
            self.transport.abort()

    def on_headers_complete(self) -> None:
        """Take a request's head."""
        self._disarm()
        if self._peer is not None:
            self.scope["extensions"] = {**self.scope.get("extensions", {}), "tls": {"peer": self._peer}}
        super().on_headers_complete()

    def _cut_silent(self) -> None:
        self._cut = None
        if not self.transport.is_closing():
            self.transport.abort()

    def _disarm(self) -> None:
        if self._cut is not None:
            self._cut.cancel()
            self._cut = None
        self._head_bytes = 0


class DeskServer(uvicorn.Server):
    """A server whose signals are ours: several of them share one process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals to the process."""
        yield


def make_server(app: Any, *, context: ssl.SSLContext | None = None) -> DeskServer:  # noqa: ANN401
    """Return a server of an application; with a context it speaks TLS."""

    def use(_config: uvicorn.Config, _default: Any) -> ssl.SSLContext:  # noqa: ANN401 - the library's own
        if context is None:
            raise AssertionError("TLS: expected a context")
        return context

    config = uvicorn.Config(
        app,
        http=BoundedProtocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        ssl_context_factory=use if context is not None else None,
    )
    return DeskServer(config)


def bind(listen: str) -> socket.socket:
    """Return a socket that listens, or raise `TransportError`."""
    host, port = split_listen(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=128)
    except OSError as error:
        raise TransportError(
            "cannot-listen", f"listen address {listen!r}: {(error.strerror or str(error)).lower()}"
        ) from error


def find_listener(plug: socket.socket, *, is_tls: bool = False) -> Listener:
    """Return where a socket listens, its port as the system gave it."""
    host, port = plug.getsockname()[:2]
    return Listener(str(host), int(port), is_tls)


def spell(listener: Listener) -> str:
    """Return a listener's URL."""
    host = f"[{listener.host}]" if ":" in listener.host else listener.host
    return f"{'https' if listener.is_tls else 'http'}://{host}:{listener.port}"
