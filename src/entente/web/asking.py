"""What every route under /session shares: judged, counted, worked on beside the event loop, written down.

Invariants: a request without the desk's token must come from a page of ours; a body is bounded and closed;
what did not fit may hold a secret and is not said again; a try to sign in is counted before anything is read.

    >>> Route = asking.change("/session/end", end)
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Final, TypeVar

import msgspec
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from entente.desk.assembly import Desk
from entente.desk.http import DeskHTTP, read_body
from entente.desk.requests import parse_request
from entente.kernel.errors import Denied, Malformed
from entente.kernel.wire import WireStruct
from entente.web.door import Door
from entente.web.limits import Buckets, name_address
from entente.web.passkeys import KeyShelf
from entente.web.roles import CHIEF

MAX_BODY_BYTES: Final = 65_536
COMMAND_LINE: Final = "command line"
"""Who acts where the desk's token was shown."""
_LOG = structlog.get_logger("page")
_JSON: Final = "application/json"

Answer = tuple[Any, dict[str, str]]
"""What is answered, and headers beside it."""
Act = Callable[[Request, bytes], Answer]
Q = TypeVar("Q", bound=WireStruct)


class Asking:
    """The routes' common ground at one page."""

    def __init__(self, door: Door, desk: Desk, api: DeskHTTP, keys: KeyShelf) -> None:
        self.door = door
        self.desk = desk
        self.api = api
        self.keys = keys
        self._tries = Buckets(burst=20, each_s=3.0, get_s=time.monotonic)

    def look(self, path: str, act: Act) -> Route:
        """Return a route that changes nothing."""

        async def serve(request: Request) -> Response:
            if not self.api.is_token(request):
                self.door.check_place(request, is_change=False)
            return await self._answer(request, act, b"")

        return Route(path, serve, methods=["GET"])

    def change(self, path: str, act: Act, *, is_try: bool = False) -> Route:
        """Return a route that changes something; ``is_try``: somebody tries to sign in."""

        async def serve(request: Request) -> Response:
            if not self.api.is_token(request):
                self.door.check_place(request, is_change=True)
            if is_try:
                # SECURITY: counted before anything is read or computed (tests/protocol/test_web_attacks.py,
                # test_a_hundred_thousand_tries_are_cheap_and_refused).
                self._tries.take(find_place(request), what="sign-in")
            return await self._answer(request, act, await read_body(request, MAX_BODY_BYTES))

        return Route(path, serve, methods=["POST"])

    async def _answer(self, request: Request, act: Act, body: bytes) -> Response:
        answer, headers = await run_in_threadpool(act, request, body)
        response = Response(msgspec.json.encode(answer), media_type=_JSON)
        for name, value in headers.items():
            # Several cookies are several headers: one line each.
            for line in value.split("\n"):
                response.headers.append(name, line)
        return response

    def enter(self, request: Request, officer: str, method: str) -> Answer:
        """Open a session for an officer who has shown who he is."""
        old = self.door.find_session(request)
        if old is not None:
            self.door.sessions.end(old.id, why="signed in anew")
        # SECURITY: always a new secret: one that was planted in the browser before is worth nothing
        # afterwards (tests/protocol/test_web_attacks.py, test_a_planted_cookie_is_no_session).
        secret, session = self.door.sessions.open(
            officer,
            method=method,
            place=find_place(request),
            client=request.headers.get("user-agent", ""),
        )
        self.door.officers.note(session.id, officer, f"sign-in by {method}", "done")
        _LOG.info("signed-in", officer=officer, method=method, session=session.id)
        cookie = self.door.make_cookie(request, secret)
        return {"officer": officer, "session": session.id}, {"set-cookie": cookie}

    def read_who(self, request: Request) -> tuple[str, bool]:
        """Return who asks, and whether he is a chief; the desk's token is one."""
        if self.api.is_token(request):
            return COMMAND_LINE, True
        caller = self.door.admit(request)
        return caller.officer, CHIEF in caller.roles

    def get_chief(self, request: Request) -> str:
        """Return who asks if he is a chief, or raise `Denied`."""
        officer, is_chief = self.read_who(request)
        # SECURITY: who is no chief gives nobody roles, himself neither (tests/protocol/test_web_attacks.py,
        # test_nobody_gives_himself_roles).
        if not is_chief:
            raise Denied("no-role", f"page: expected an officer with the role {CHIEF!r}, got {officer!r}")
        return officer

    def note(self, request: Request, what: str, by: str) -> None:
        """Write down what was done."""
        session = None if self.api.is_token(request) else self.door.find_session(request)
        self.door.officers.note(None if session is None else session.id, by, what, "done")


def find_place(request: Request) -> str:
    """Return under which name a request's address is counted and written down."""
    return name_address(request.client.host if request.client else "")


def parse_asked(body: bytes, kind: type[Q]) -> Q:
    """Return a request, or raise `Malformed` without saying again what stood in it."""
    try:
        return parse_request(body, kind)
    except Malformed as error:
        raise Malformed(error.code, "sign-in: expected a request of its form", path=error.path) from None
