"""The page's listeners by real sockets: TLS with a client's certificate, and connections that say nothing."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, Router

from entente.desk import listening
from entente.desk.listening import bind, make_server
from entente.store.clock import SystemClock
from entente.store.random import SystemRandom
from entente.store.tls import (
    KeyedCertificate,
    issue_client,
    issue_server,
    make_authority,
    make_client_context,
    make_server_context,
)
from entente.web.signin import find_peer


async def show_peer(request: Request) -> JSONResponse:
    peer = find_peer(request)
    return JSONResponse(
        {"size": 0 if peer is None else len(peer), "client": request.client.host if request.client else ""}
    )


@pytest.fixture
def party(tmp_path: Path) -> tuple[Path, KeyedCertificate]:
    clock, random = SystemClock(), SystemRandom()
    authority = make_authority("us", clock, random)
    server = issue_server(authority, ["127.0.0.1"], clock, random)
    for name, one in (("server", server), ("duty", issue_client(authority, "duty-1", clock, random))):
        (tmp_path / f"{name}.pem").write_bytes(one.certificate + one.key)
    strange = issue_client(make_authority("ru", clock, random), "duty-1", clock, random)
    (tmp_path / "strange.pem").write_bytes(strange.certificate + strange.key)
    (tmp_path / "ca.pem").write_bytes(authority.certificate)
    return tmp_path, authority


def serve_and(act: object, context: ssl.SSLContext | None = None) -> object:
    """Serve `show_peer` and run a coroutine against its port."""

    async def run() -> object:
        plug = bind("127.0.0.1:0")
        server = make_server(Router(routes=[Route("/", show_peer)]), context=context)
        running = asyncio.create_task(server.serve(sockets=[plug]))
        try:
            return await act(plug.getsockname()[1])  # type: ignore[operator]
        finally:
            server.should_exit = True
            await running

    with asyncio.Runner() as runner:
        return runner.run(run())


def test_a_client_certificate_comes_through_and_a_strangers_does_not(
    party: tuple[Path, KeyedCertificate],
) -> None:
    folder, authority = party
    context = make_server_context(certificate=folder / "server.pem", key=folder / "server.pem")
    context.load_verify_locations(folder / "ca.pem")
    context.verify_mode = ssl.CERT_OPTIONAL

    async def ask(port: int) -> dict[str, object]:
        found: dict[str, object] = {}
        for name in ("duty", "", "strange"):
            pem = folder / f"{name}.pem" if name else None
            client = make_client_context(ca_pem=authority.certificate.decode(), certificate=pem, key=pem)
            async with httpx.AsyncClient(verify=client) as http:
                try:
                    answer = await http.get(
                        f"https://127.0.0.1:{port}/", headers={"x-forwarded-for": "192.0.2.9"}
                    )
                    found[name] = answer.json()
                except httpx.HTTPError:
                    found[name] = None
        return found

    found = serve_and(ask, context)
    assert isinstance(found, dict)
    assert found["duty"]["size"] > 200
    assert found[""] == {"size": 0, "client": "127.0.0.1"}, "no header of a proxy is believed"
    assert found["strange"] is None


def test_silent_connections_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "HEAD_S", 0.3)
    monkeypatch.setattr(listening, "MAX_CONNECTIONS", 8)

    async def attack(port: int) -> tuple[int, int, int]:
        with ExitStack() as held:
            plugs = [held.enter_context(socket.create_connection(("127.0.0.1", port))) for _ in range(20)]
            for plug in plugs[:8]:
                plug.sendall(b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: ")
            await asyncio.sleep(1.0)
            cut = 0
            for plug in plugs:
                plug.settimeout(0.5)
                try:
                    cut += plug.recv(1) == b""
                except ConnectionError:
                    cut += 1
        async with httpx.AsyncClient() as http:
            status = (await http.get(f"http://127.0.0.1:{port}/")).status_code
            large = {"x-large": "a" * 200_000}
            try:
                refused = (await http.get(f"http://127.0.0.1:{port}/", headers=large)).status_code
            except httpx.HTTPError:
                refused = 0
        return cut, status, refused

    assert serve_and(attack) == (20, 200, 0)
