"""The page, put together: its files, the desk's verbs for who is signed in, signing in.

    GET  /, /map, /inbox, ...      index.html; the page itself finds the view in the path
    GET  /signin                   signin.html
    GET  /page/<hash>/<name>       a file of the page, kept by browsers for ever
    *    /session...               `signin`
    *    /api/<verb>, /api/events  the desk's interface: by the page's session, or by the desk's token as
      before

Invariants: each answer carries the page's headers; a verb is asked for with the officer of the session, who
has its role; what a session may cost is bounded: requests at once, requests a second, streams.

Which files there are is `files`' to say, who may do what `door`'s.

    >>> serve_desk(folder, make_page=make_page)
"""

from __future__ import annotations

import functools
import gzip
import os
import threading
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

import msgspec
import structlog
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import MutableHeaders
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route, Router
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from entente.desk.assembly import Desk
from entente.desk.http import DeskHTTP, describe_error, make_stream, read_asked
from entente.desk.listening import Listener
from entente.desk.service import call, get_verb
from entente.kernel.errors import Denied, EntenteError, NotFound
from entente.store.clock import SystemClock
from entente.store.random import SystemRandom
from entente.web.addresses import is_loopback, make_addresses
from entente.web.admission import Admission
from entente.web.asking import Asking
from entente.web.door import Caller, Door, NoSession
from entente.web.files import INDEX, SIGN_IN, PageFile, PageFiles
from entente.web.headers import COMMON_HEADERS, DATA_HEADERS, PAGE_HEADERS, STRICT_TRANSPORT
from entente.web.limits import Buckets, TooOften
from entente.web.officers import OfficerShelf
from entente.web.passkeys import KeyShelf
from entente.web.sessions import SessionShelf
from entente.web.signin import SignIn

VIEWS: Final = ("map", "inbox", "talk", "conflicts", "blind", "release", "terms", "record", "help")
LIVE_VARIABLE: Final = "ENTENTE_PAGE_LIVE"
FOREVER: Final = "max-age=31536000, immutable"
PACK_BYTES: Final = 8_192
"""From this size on an answer is compressed; none holds a secret of the session."""
MAX_STREAMS: Final = 200
MAX_STREAMS_EACH: Final = 12
MAX_AT_ONCE: Final = 10
"""Requests of one session that are worked on at one time; a verb may wait for the record."""
_LOG = structlog.get_logger("page")
_JSON: Final = "application/json"

Handler = Callable[[Request], Awaitable[Response]]


class Page:
    """One desk's page."""

    def __init__(self, asking: Asking, files: PageFiles) -> None:
        desk, api, door = asking.desk, asking.api, asking.door
        self._desk = desk
        self._api = api
        self._door = door
        self._files = files
        self._session_routes = SignIn(asking).make_routes() + Admission(asking).make_routes()
        self._rates = Buckets(burst=120, each_s=0.05, get_s=time.monotonic)
        self._at_once: Counter[str] = Counter()
        self._streams: Counter[str] = Counter()

    def make_app(self) -> ASGIApp:
        """Return the application."""
        routes = [Route("/", self._serve_view, methods=["GET"])]
        routes += [Route(f"/{view}", self._serve_view, methods=["GET"]) for view in VIEWS]
        routes += [
            Route("/signin", self._serve_signin, methods=["GET"]),
            Route("/page/{hash}/{name:path}", self._serve_file, methods=["GET"]),
            *self._session_routes,
            Route("/api/health", self._serve_by_token, methods=["GET"]),
            Route("/api/events", self._serve_events, methods=["GET"]),
            Route("/api/{verb}", self._serve_verb, methods=["GET", "POST"]),
        ]
        self._by_token = Router(routes=self._api.make_routes())
        return Guarded(Router(routes=routes, redirect_slashes=False), self._door, self._api)

    # Files

    async def _serve_view(self, request: Request) -> Response:
        view = request.url.path.strip("/") or VIEWS[0]
        return await self._make_html(INDEX, (f"views/{view}/view.js",))

    async def _serve_signin(self, _request: Request) -> Response:
        return await self._make_html(SIGN_IN, ())

    async def _make_html(self, name: str, entries: tuple[str, ...]) -> Response:
        html = await run_in_threadpool(self._files.make_html, name, entries=entries)
        headers = PAGE_HEADERS | {"cache-control": "no-store"}
        return Response(html, media_type="text/html; charset=utf-8", headers=headers)

    async def _serve_file(self, request: Request) -> Response:
        if request.path_params["hash"] != self._files.hash:
            raise NotFound(
                "other-version", "page: expected a file of the version that is served, got another's"
            )
        # SECURITY: a service worker would outlive the page, and answer in its place
        # (tests/browser/test_page_shell.py).
        if "service-worker" in request.headers:
            raise Denied(
                "no-service-worker", "page: expected a script for the page, got one for a service worker"
            )
        file = await run_in_threadpool(self._files.get, request.path_params["name"])
        is_packed = file.is_worth_packing and takes_gzip(request.headers.get("accept-encoding", ""))
        etag = f'"{file.etag}{"-gz" if is_packed else ""}"'
        headers = PAGE_HEADERS | {
            "cache-control": "no-store" if self._files.is_live else FOREVER,
            "etag": etag,
            "vary": "accept-encoding",
        }
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        return await self._send_file(file, headers, is_packed=is_packed)

    async def _send_file(self, file: PageFile, headers: dict[str, str], *, is_packed: bool) -> Response:
        data = file.data
        if is_packed:
            data = await run_in_threadpool(self._files.pack, file)
            headers = headers | {"content-encoding": "gzip"}
        return Response(data, headers=headers | {"content-type": file.type})

    # The desk's interface

    async def _serve_by_token(self, _request: Request) -> Response:
        # The desk's own application answers as it does without a page.
        return _Handed(self._by_token)

    async def _serve_verb(self, request: Request) -> Response:
        if self._api.is_token(request):
            return _Handed(self._by_token)
        name, is_change = request.path_params["verb"], request.method != "GET"
        self._door.check_place(request, is_change=is_change)
        caller = await run_in_threadpool(self._door.admit, request)
        verb = get_verb(name)
        self._door.check_verb(caller, name)
        key = self._count(caller)
        with self._hold(self._at_once, key, MAX_AT_ONCE, "requests at once"):
            body = await read_asked(request, name)
            if verb.is_reading:
                answer = await run_in_threadpool(self._call, caller, name, body)
            else:
                answer = await run_in_threadpool(self._act, caller, name, body)
            headers = {"vary": "accept-encoding"}
            if len(answer) >= PACK_BYTES and takes_gzip(request.headers.get("accept-encoding", "")):
                answer = await run_in_threadpool(gzip.compress, answer, 1, mtime=0)
                headers["content-encoding"] = "gzip"
        return Response(answer, media_type=_JSON, headers=headers)

    def _call(self, caller: Caller, name: str, body: bytes) -> bytes:
        return msgspec.json.encode(call(self._desk, name, body, officer=caller.officer))

    def _act(self, caller: Caller, name: str, body: bytes) -> bytes:
        code = "fault"
        try:
            answer = self._call(caller, name, body)
            code = "done"
        except EntenteError as error:
            code = error.code
            raise
        finally:
            self._door.officers.note(caller.number, caller.officer, name, code)
        return answer

    async def _serve_events(self, request: Request) -> Response:
        if self._api.is_token(request):
            return _Handed(self._by_token)
        self._door.check_place(request, is_change=False)
        caller = await run_in_threadpool(self._door.admit, request)
        key = self._count(caller)
        # SECURITY: a stream stays open: their number is bounded, for a session and for the desk
        # (tests/protocol/test_web_attacks.py, test_streams_are_bounded).
        if sum(self._streams.values()) >= MAX_STREAMS:
            raise Denied("too-many-streams", f"events: expected at most {MAX_STREAMS} streams at this desk")
        with self._hold(self._streams, key, MAX_STREAMS_EACH, "event streams"):
            response = make_stream(self._api.live, request, is_good=functools.partial(self._is_good, request))
            self._streams[key] += 1
        return _Released(response, functools.partial(self._release, self._streams, key))

    def _is_good(self, request: Request) -> bool:
        try:
            self._door.admit(request)
        except NoSession:
            return False
        return True

    def _count(self, caller: Caller) -> str:
        key = f"session {caller.number}" if caller.number is not None else "demo"
        self._rates.take(key)
        return key

    @contextmanager
    def _hold(self, counts: Counter[str], key: str, most: int, what: str) -> Iterator[None]:
        if counts[key] >= most:
            raise TooOften(what, 1.0)
        counts[key] += 1
        try:
            yield
        finally:
            self._release(counts, key)

    @staticmethod
    def _release(counts: Counter[str], key: str) -> None:
        counts[key] -= 1
        if counts[key] <= 0:
            del counts[key]


class _Handed(Response):
    """What another application answers to the same request."""

    def __init__(self, app: ASGIApp) -> None:
        super().__init__()
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let it answer."""
        await self._app(scope, receive, send)


class _Released(Response):
    """An answer, and what is done when it is over."""

    def __init__(self, inner: Response, release: Callable[[], None]) -> None:
        super().__init__()
        self._inner = inner
        self._release = release

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, then release."""
        try:
            await self._inner(scope, receive, send)
        finally:
            self._release()


class Guarded:
    """Holds every request against the page's names, and every answer to the page's headers."""

    def __init__(self, app: ASGIApp, door: Door, api: DeskHTTP) -> None:
        self._app = app
        self._door = door
        self._api = api

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            return
        request = Request(scope, receive)

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message.setdefault("headers", []))
                for name, value in (
                    COMMON_HEADERS if "content-security-policy" in headers else DATA_HEADERS
                ).items():
                    headers.setdefault(name, value)
                if scope["scheme"] == "https":
                    headers["strict-transport-security"] = STRICT_TRANSPORT
            await send(message)

        try:
            # The command line shows the token, which no foreign page can: it may name the desk as it likes.
            if not self._api.is_token(request) and request.url.path != "/api/health":
                self._door.addresses.check_host(scope["scheme"], request.headers.get("host", ""))
            await self._app(scope, receive, send_with_headers)
        except ClientDisconnect:
            return
        except EntenteError as error:
            await make_error(error)(scope, receive, send_with_headers)


def make_error(error: EntenteError) -> Response:
    """Return an error in the one form of errors, with the status that it has at a page."""
    status, body = describe_error(error)
    headers = {}
    if isinstance(error, NoSession):
        status = 401
    elif isinstance(error, TooOften):
        status, headers = 429, {"retry-after": str(error.wait_s)}
    return Response(body, status, media_type=_JSON, headers=headers)


def takes_gzip(accepted: str) -> bool:
    """Tell whether a browser takes gzip (RFC 9110 section 12.5.3)."""
    for one in accepted.lower().split(","):
        name, _, rest = one.strip().partition(";")
        if name.strip() in {"gzip", "*"}:
            return rest.replace(" ", "") not in {"q=0", "q=0.0", "q=0.00", "q=0.000"}
    return False


def make_page(
    desk: Desk,
    api: DeskHTTP,
    listeners: Sequence[Listener],
    *,
    is_demo: bool = False,
    files: PageFiles | None = None,
) -> ASGIApp:
    """Return the page of a desk for these listeners.

    Args:
        is_demo: Nobody needs to sign in.
        files: The page's files; by default those that ship, read and compressed now.

    Raises:
        Denied: ``demo-not-local``: a demo that listens elsewhere than on the loopback.
    """
    if is_demo and not all(is_loopback(one.host) and not one.is_tls for one in listeners):
        raise Denied(
            "demo-not-local",
            f"demo: expected to listen on the loopback alone, got {', '.join(one.host for one in listeners)}",
        )
    config = desk.vault.config
    clock, random = SystemClock(), SystemRandom()
    # Where the old interface listens in the open, it stays what it was: for who holds the token.
    served = [one for one in listeners if one.is_tls or is_loopback(one.host)]
    addresses = make_addresses(served, party=desk.party, names=config.page_names)
    sessions = SessionShelf(
        desk.book, clock, random, idle_s=config.session_idle_min * 60, most_s=config.session_h * 3600
    )
    door = Door(desk, addresses, sessions, OfficerShelf(desk, clock, random), is_demo=is_demo)
    if files is None:
        files = PageFiles(is_live=bool(os.environ.get(LIVE_VARIABLE)))
        threading.Thread(target=files.warm, name="page", daemon=True).start()
    _LOG.info("page", url=addresses.first, demo=is_demo, files=len(files.names), version=files.hash)
    keys = KeyShelf(desk.book, clock, random, party=desk.party, get_s=time.monotonic)
    return Page(Asking(door, desk, api, keys), files).make_app()
