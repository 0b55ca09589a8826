"""The desk's two interfaces: for its own officers on the loopback, and for the center's calls to the witness.

    POST /api/<verb>            a verb of `service.VERBS`, JSON in and out
    GET  /api/<verb>?name=...   the same, for verbs that only look
    GET  /api/events            server-sent events (`live`); resumes by Last-Event-ID, or ``?after=``
    GET  /api/health            no token needed

    POST /add-checkpoint                    C2SP tlog-witness, on a listener of its own
    GET  /<hex SHA-256 of origin>/checkpoint

Invariants: everything but health asks for the bearer token of the desk's folder; bodies are bounded before
they are read; an error is one object, ``class``, ``code``, ``message``, ``path``; the witness asks for no
token, since the log's own signature is what counts.

It decides nothing: verbs and witness do.

    >>> app = make_desk_app(desk)
"""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Awaitable, Callable
from types import UnionType
from typing import Annotated, Any, Final, Union, get_args, get_origin

import msgspec
import structlog
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from entente.desk.assembly import Desk
from entente.desk.live import Live
from entente.desk.requests import MAX_REQUEST_BYTES
from entente.desk.service import call, get_verb
from entente.kernel.errors import (
    Denied,
    EntenteError,
    Malformed,
    NotFound,
    PeerError,
    StoreError,
    TooManyConflicts,
    TransportError,
)
from entente.kernel.wire import WireStruct
from entente.record.witness import MAX_REQUEST_BYTES as MAX_WITNESS_BYTES
from entente.record.witness import TEXT_CONTENT_TYPE

_LOG = structlog.get_logger("desk")
_JSON: Final = "application/json"
BODY_S: Final = 30.0
"""How long the body of a request may take to arrive."""
_WHOLE: Final = re.compile(r"-?[0-9]{1,18}", re.ASCII)
"""A whole number in a query: microseconds since 1970 have 16 digits."""
_ERRORS: Final[tuple[tuple[type[EntenteError], int, str], ...]] = (
    (Malformed, 400, "malformed"),
    (TooManyConflicts, 400, "too-many"),
    (PeerError, 502, "peer"),
    (Denied, 403, "denied"),
    (NotFound, 404, "not-found"),
    (StoreError, 500, "store"),
    (TransportError, 503, "transport"),
)

Handler = Callable[[Request], Awaitable[Response]]


def describe_error(error: EntenteError) -> tuple[int, bytes]:
    """Return the status and the one form of an error."""
    status, word = next(
        ((code, name) for kind, code, name in _ERRORS if isinstance(error, kind)), (500, "error")
    )
    path = error.path if isinstance(error, Malformed) else ""
    answer = {"class": word, "code": error.code, "message": error.message, "path": path}
    return status, msgspec.json.encode(answer)


async def read_body(request: Request, limit_bytes: int) -> bytes:
    """Return a request's body, or raise `Malformed`: too large, or too slow."""
    pieces, size = [], 0
    try:
        async with asyncio.timeout(BODY_S):
            async for piece in request.stream():
                size += len(piece)
                if size > limit_bytes:
                    raise Malformed("too-large", f"request: expected <= {limit_bytes} bytes, got more")
                pieces.append(piece)
    except TimeoutError as error:
        raise Malformed("too-slow", f"request: expected its body within {BODY_S:.0f} s") from error
    return b"".join(pieces)


class DeskHTTP:
    """The officers' interface of one desk."""

    def __init__(self, desk: Desk, *, live: Live | None = None) -> None:
        """Serve ``desk``; event streams come from ``live``."""
        self.desk = desk
        self.live = live or Live(desk)

    def make_app(self) -> Starlette:
        """Return the application, for who holds the desk's token."""
        return Starlette(routes=self.make_routes())

    def make_routes(self) -> list[Route]:
        """Return its routes."""
        return [
            Route("/api/health", self._serve_health, methods=["GET"]),
            Route("/api/events", self._guard(self._serve_events), methods=["GET"]),
            Route("/api/{verb}", self._guard(self._serve_verb), methods=["GET", "POST"]),
        ]

    def is_token(self, request: Request) -> bool:
        """Tell whether a request shows the desk's token."""
        shown = request.headers.get("authorization", "").encode()
        # SECURITY: compared in constant time; a program of another user on this machine must not find it
        # byte by byte (tests/protocol/test_desk_http.py, a wrong token).
        return hmac.compare_digest(shown, f"Bearer {self.desk.vault.token}".encode())

    def _guard(self, handler: Handler) -> Handler:
        async def guarded(request: Request) -> Response:
            if not self.is_token(request):
                answer = {
                    "class": "denied",
                    "code": "no-token",
                    "message": "desk: expected its token",
                    "path": "",
                }
                return Response(msgspec.json.encode(answer), 401, media_type=_JSON)
            return await answer_errors(handler, request)

        return guarded

    async def _serve_health(self, _request: Request) -> Response:
        return Response(msgspec.json.encode({"ok": True, "party": self.desk.party}), media_type=_JSON)

    async def _serve_verb(self, request: Request) -> Response:
        name = request.path_params["verb"]
        body = await read_asked(request, name)
        answer = await run_in_threadpool(call, self.desk, name, body)
        return Response(msgspec.json.encode(answer), media_type=_JSON)

    async def _serve_events(self, request: Request) -> Response:
        return make_stream(self.live, request)


async def read_asked(request: Request, name: str) -> bytes:
    """Return what is asked of a verb as JSON, from the query or the body."""
    verb = get_verb(name)
    if request.method != "GET":
        return await read_body(request, MAX_REQUEST_BYTES)
    if not verb.is_reading:
        raise Malformed("not-a-look", f"{name}: expected POST, got GET")
    return msgspec.json.encode(_read_query(request, verb.request))


async def answer_errors(handler: Handler, request: Request) -> Response:
    """Return a handler's answer, or what it raised in the one form of errors."""
    try:
        return await handler(request)
    except ClientDisconnect:
        return Response(status_code=499)
    except EntenteError as error:
        status, body = describe_error(error)
        return Response(body, status, media_type=_JSON)


def make_stream(live: Live, request: Request, *, is_good: Callable[[], bool] | None = None) -> Response:
    """Return the event stream that a request asks for: from where it was left, or from now on.

    Args:
        is_good: Asked, in another thread, before each piece: the stream ends once it is not.
    """
    text = request.headers.get("last-event-id") or request.query_params.get("after", "")
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(
        live.follow(text, is_good=is_good), media_type="text/event-stream", headers=headers
    )


def _read_query(request: Request, kind: type[WireStruct]) -> dict[str, Any]:
    """Return a query's parameters, whole numbers as numbers where the verb wants them."""
    wanted = {field.name for field in msgspec.structs.fields(kind) if _is_whole(field.type)}
    found: dict[str, Any] = {}
    for name, value in request.query_params.multi_items():
        if name in found:
            raise Malformed("duplicate-name", f"query: expected {name[:40]!r} once", path=f"$.{name[:40]}")
        is_number = name in wanted and _WHOLE.fullmatch(value) is not None
        found[name] = int(value) if is_number else value
    return found


def _is_whole(hint: Any) -> bool:  # noqa: ANN401 - a type's own form
    """Tell whether a field wants a whole number, with bounds or without."""
    if get_origin(hint) in {Annotated, Union, UnionType}:
        return any(_is_whole(one) for one in get_args(hint))
    return hint is int


class WitnessHTTP:
    """The witness's interface: for the center, and for anyone who monitors (C2SP tlog-witness)."""

    def __init__(self, desk: Desk, *, on_fatal: Callable[[StoreError], None]) -> None:
        """Serve the witness of ``desk``; ``on_fatal`` stops the process when its state cannot be kept."""
        self._witness = desk.witness
        self._on_fatal = on_fatal

    def make_app(self) -> Starlette:
        """Return the application."""
        return Starlette(
            routes=[
                Route("/add-checkpoint", self._serve_add, methods=["POST"]),
                Route("/{origin}/checkpoint", self._serve_checkpoint, methods=["GET"]),
            ]
        )

    async def _serve_add(self, request: Request) -> Response:
        try:
            body = await read_body(request, MAX_WITNESS_BYTES)
            status, kind, answer = await run_in_threadpool(self._witness.add_checkpoint, body)
        except Malformed as error:
            return Response(f"{error}\n", 413, media_type="text/plain")
        except ClientDisconnect:
            return Response(status_code=499)
        except StoreError as error:
            self._on_fatal(error)
            return Response("the witness cannot keep its state\n", 500, media_type="text/plain")
        _LOG.info("witness", status=status, size=self._witness.size)
        return Response(answer, status, headers={"content-type": kind})

    async def _serve_checkpoint(self, request: Request) -> Response:
        found = self._witness.find_checkpoint(request.path_params["origin"])
        if found is None:
            return Response("nothing cosigned for this log\n", 404, media_type="text/plain")
        return Response(found, headers={"content-type": TEXT_CONTENT_TYPE, "cache-control": "no-store"})


def make_desk_app(desk: Desk) -> Starlette:
    """Return the officers' interface of a desk."""
    return DeskHTTP(desk).make_app()
