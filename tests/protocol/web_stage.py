"""A real desk's page without a socket: what a browser sends, and what another site's page would send.

>>> visit = Visit(make_web(stage))
>>> visit.enter("duty-1", "duty")
>>> visit.post("/api/say", {"thread": "hot", "text": "hello"}).status_code
200
"""

from __future__ import annotations

import asyncio
import functools
from typing import Any, Final

import httpx
from starlette.types import ASGIApp

from entente.desk.http import DeskHTTP
from entente.desk.listening import Listener
from entente.web.app import make_page
from entente.web.files import PageFiles
from tests.protocol.desk_stage import Stage

ORIGIN: Final = "http://us.localhost:8600"
PLAIN: Final = Listener("127.0.0.1", 8600, is_tls=False)
TLS: Final = Listener("0.0.0.0", 8443, is_tls=True)  # noqa: S104 - what a listener with TLS may be


def make_web(stage: Stage, *listeners: Listener, is_demo: bool = False) -> ASGIApp:
    return make_page(
        stage.desk, DeskHTTP(stage.desk), listeners or (PLAIN,), is_demo=is_demo, files=load_files()
    )


@functools.cache
def load_files() -> PageFiles:
    return PageFiles()


class Visit:
    """One browser at the page; ``own`` is what it says of a request that the page itself makes."""

    def __init__(
        self, stage: Stage, app: ASGIApp, *, origin: str = ORIGIN, peer: bytes | None = None
    ) -> None:
        self.stage = stage
        self.origin = origin
        self.cookies: dict[str, str] = {}
        self._app = app
        self._peer = peer

    def ask(
        self, method: str, path: str, *, headers: dict[str, str | None] | None = None, **named: Any
    ) -> httpx.Response:
        """Send one request as the page does, with headers put in or (None) left out."""
        plain: dict[str, str | None] = {"sec-fetch-site": "same-origin", "host": self.origin.split("//")[1]}
        if method != "GET":
            plain |= {"origin": self.origin, "content-type": "application/json"}
        if self.cookies:
            plain["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = {name: value for name, value in (plain | (headers or {})).items() if value is not None}

        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._with_peer, client=("127.0.0.1", 1))
            async with httpx.AsyncClient(transport=transport, base_url=self.origin) as client:
                return await client.request(method, path, headers=sent, **named)

        answer = asyncio.run(once())
        for line in answer.headers.get_list("set-cookie"):
            name, _, rest = line.partition("=")
            value = rest.partition(";")[0]
            self.cookies.pop(name, None)
            if value:
                self.cookies[name] = value
        return answer

    async def _with_peer(self, scope: Any, receive: Any, send: Any) -> None:
        if self._peer is not None:
            scope["extensions"] = {"tls": {"peer": self._peer}}
        await self._app(scope, receive, send)

    def get(self, path: str, **named: Any) -> httpx.Response:
        return self.ask("GET", path, **named)

    def post(self, path: str, body: Any = None, **named: Any) -> httpx.Response:
        return self.ask("POST", path, json={} if body is None else body, **named)

    def by_token(self, path: str, body: Any) -> httpx.Response:
        """Send what the command line sends."""
        token = {"authorization": f"Bearer {self.stage.desk.vault.token}"}
        async_headers = token | {"host": "127.0.0.1:8600"}

        async def once() -> httpx.Response:
            transport = httpx.ASGITransport(app=self._app)
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8600") as client:
                return await client.post(path, headers=async_headers, json=body)

        return asyncio.run(once())

    def invite(self, officer: str, *roles: str) -> str:
        """Return the secret of a new link."""
        answer = self.by_token("/session/invite", {"officer": officer, "roles": list(roles)})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["url"]).partition("#")[2]

    def enter(self, officer: str, *roles: str) -> httpx.Response:
        """Sign in by a new link."""
        answer = self.post("/session/link", {"secret": self.invite(officer, *roles)})
        assert answer.status_code == 200, answer.text
        return answer
