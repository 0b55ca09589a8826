"""The center over HTTP: who asks what, and the bytes of the answer (docs/formats/http.md).

Invariants:
  * `serve_*` speaks HTTP and calls a `process_*` function, which does not; reads run in threads of their
    own, so that the event loop never waits for a disk.
  * A request has a size limit before it is read; an answer leaves only after what it says is durable.
  * Whatever is wrong becomes an answer with a code and an incident id; the log has the same id and more
    words, and never a body or a key.

It owns no socket: `serve` does.

    >>> app = make_app(center)
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import takewhile
from typing import Any, Final

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from entente.blind.naming import NAMING
from entente.center import archive
from entente.center.answers import (
    Answer,
    answer_error,
    answer_fault,
    answer_recorded,
    encode_answer,
    get_status,
    sign_refusal,
)
from entente.center.batch import Outcome, Recorded, Submission
from entente.center.founding import MAX_SIGNATURE_BYTES
from entente.center.metrics import CONTENT_TYPE
from entente.center.openapi import encode_openapi
from entente.center.parcel_http import ParcelHTTP
from entente.center.reading import NEVER, encode_event, encode_reset
from entente.center.sequencer import Resolve
from entente.center.service import Center
from entente.center.submission import MAX_REQUEST_BYTES, parse_request
from entente.center.suggesting import MAX_QUESTION_BYTES, Suggesting
from entente.kernel.envelope import hash_leaf
from entente.kernel.errors import Denied, EntenteError, Malformed, PeerError, StoreError
from entente.kernel.time import encode_utc
from entente.record import parse_size

READERS: Final = 4
HEARTBEAT_S: Final = 15.0
INLINE_BYTES: Final = 100_000
"""Requests up to here are parsed in the event loop: moving them to a thread costs more than it frees."""
_HEARTBEAT: Final = b": still here\n\n"


class CenterHTTP:
    """The routes of one center. `make_app` makes the application."""

    def __init__(self, center: Center) -> None:
        self._center = center
        self._reading = center.reading
        self._suggesting = Suggesting(center.reading.rows, center.reading.database)
        self._log = structlog.get_logger("http")
        self._pool = ThreadPoolExecutor(READERS, thread_name_prefix="read")
        self._loop: asyncio.AbstractEventLoop | None = None
        self._change = asyncio.Event()
        self._is_stopping = False
        self._openapi = encode_openapi(center.kinds)
        self.parcels = ParcelHTTP(
            center.parcels, center.keys.origin, check_open=center.check_open, refuse=self._refuse
        )

    def attach(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give answers and news in this loop from now on."""
        self._loop = loop
        self._center.sequencer.deliver = self._deliver
        self._center.on_change = self._announce

    def detach(self) -> None:
        """End every event stream; the server is stopping."""
        self._is_stopping = True
        self._set_change()

    # The one write path

    async def serve_submit(self, scope: Scope, receive: Receive, send: Send) -> None:
        """``POST /messages``, as a bare application: the busiest road has the fewest layers."""
        try:
            body = await _read_body(scope, receive, MAX_REQUEST_BYTES)
            answer = await self._submit(body)
        except ClientDisconnect:
            return
        except EntenteError as error:
            answer = self._refuse(error)
        except Exception as error:  # noqa: BLE001 - the client learns that it failed, the log why
            answer = self._answer_fault("/messages", error)
        await _send(answer, send)

    async def _submit(self, body: bytes) -> Answer:
        center = self._center
        center.check_open()
        leaf = ""
        try:
            if len(body) <= INLINE_BYTES:
                submission = center.parse(body)
            else:
                submission = await self._in_thread(center.parse, body)
            leaf = submission.message.leaf
            if isinstance(submission.message.body, NAMING):
                await self._in_thread(center.parcels.require, submission.message)
            outcome = await self._record(submission)
        except (PeerError, Denied) as error:
            if isinstance(error, Malformed):
                raise
            return self._refuse(error, leaf or _find_leaf(body))
        if isinstance(outcome, Recorded):
            center.metrics.recorded.inc()
            return answer_recorded(outcome, self._reading.tree)
        return self._refuse(outcome, leaf)

    async def _record(self, submission: Submission) -> Outcome:
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._center.sequencer.enqueue(submission, partial(_resolve, future))
        return await future

    def _deliver(self, pairs: Sequence[tuple[Resolve, Outcome]]) -> None:
        """Give a batch's answers in one step of the event loop."""
        loop = self._loop
        if loop is None or loop.is_closed():
            return
        loop.call_soon_threadsafe(_resolve_all, pairs)

    # Founding

    async def serve_charter(self, request: Request) -> Response:
        """``GET /charter``."""
        del request
        return await self._answer(lambda: encode_answer(self._center.process_charter()))

    async def serve_signatures(self, request: Request) -> Response:
        """``POST /charter/signatures``."""
        try:
            body = await _read_body(request.scope, request.receive, MAX_SIGNATURE_BYTES)
        except EntenteError as error:
            return _respond(self._refuse(error))
        return await self._answer(lambda: encode_answer(self._center.process_signatures(body)))

    # Reads

    async def serve_checkpoint(self, request: Request) -> Response:
        """``GET /record/checkpoint`` and its firm and settled forms."""
        which = request.path_params.get("which")
        if which not in {None, "firm", "settled"}:
            raise HTTPException(404)
        return await self._answer(lambda: self._reading.process_checkpoint(which or "newest"))

    async def serve_tile(self, request: Request) -> Response:
        """``GET /record/tile/…``."""
        return await self._answer(lambda: self._reading.process_tile(request.path_params["path"]))

    async def serve_policy(self, request: Request) -> Response:
        """``GET /record/policy``."""
        del request
        return await self._answer(self._reading.process_policy)

    async def serve_proof(self, request: Request) -> Response:
        """``GET /record/proof/<index>``."""
        return await self._answer(lambda: self._reading.process_proof(request.path_params["index"]))

    async def serve_consistency(self, request: Request) -> Response:
        """``GET /record/consistency``."""
        return await self._answer(lambda: self._reading.process_consistency(_read_query(request)))

    async def serve_message(self, request: Request) -> Response:
        """``GET /messages/<index or leaf>``."""
        return await self._answer(lambda: self._reading.process_message(request.path_params["name"]))

    async def serve_messages(self, request: Request) -> Response:
        """``GET /messages``."""
        return await self._answer(lambda: self._reading.process_messages(_read_query(request)))

    async def serve_sealed(self, request: Request) -> Response:
        """``GET /sealed/<leaf>/<party>``."""
        names = request.path_params
        return await self._answer(lambda: self._reading.process_sealed(names["leaf"], names["party"]))

    async def serve_rows(self, request: Request) -> Response:
        """``GET /rows/<table>``."""
        table = request.path_params["table"]
        return await self._answer(lambda: self._reading.process_rows(table, _read_query(request)))

    async def serve_ladder(self, request: Request) -> Response:
        """``GET /ladder/<leaf>``."""
        return await self._answer(lambda: self._reading.process_ladder(request.path_params["leaf"]))

    async def serve_suggest(self, request: Request) -> Response:
        """``POST /suggest``: reads, and writes nothing."""
        try:
            body = await _read_body(request.scope, request.receive, MAX_QUESTION_BYTES)
        except EntenteError as error:
            return _respond(self._refuse(error))
        return await self._answer(lambda: self._suggesting.process(body))

    async def serve_status(self, request: Request) -> Response:
        """``GET /status``."""
        del request
        return await self._answer(lambda: encode_answer(self._center.process_status()))

    async def serve_health(self, request: Request) -> Response:
        """``GET /health``: that it answers, and whether it takes messages."""
        del request
        return _respond(encode_answer({"state": self._center.readiness.state.value}))

    async def serve_metrics(self, request: Request) -> Response:
        """``GET /metrics``."""
        del request
        return await self._answer(lambda: Answer(200, self._center.render_metrics(), CONTENT_TYPE, NEVER))

    async def serve_openapi(self, request: Request) -> Response:
        """``GET /openapi.json``."""
        del request
        return _respond(Answer(200, self._openapi))

    # News

    async def serve_events(self, request: Request) -> Response:
        """``GET /events``: what happened, by ascending id, for as long as the client listens."""
        text = request.headers.get("last-event-id") or request.query_params.get("after")
        try:
            after = None if text is None else parse_size(text, what="after", path="?after")
        except Malformed as error:
            return _respond(self._refuse(error))
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        return StreamingResponse(self._stream(after), media_type="text/event-stream", headers=headers)

    async def _stream(self, after: int | None) -> AsyncIterator[bytes]:
        yield b": entente events\n\n"
        try:
            async for piece in self._stream_events(after):
                yield piece
        except StoreError as error:
            # The stream ends; whoever listens comes again with the last id that it has.
            self._log.warning("events-ended", code=error.code, reason=error.message)

    async def _stream_events(self, after: int | None) -> AsyncIterator[bytes]:
        database = self._reading.database
        last = await self._in_thread(archive.read_last_event_id, database)
        if after is None or after > last:
            # An id that is not ours: the client has seen another center, or our database was made anew.
            published = self._reading.find_published()
            yield encode_reset(published.size if published else 0, last)
            after = last
        while not self._is_stopping:
            change = self._change
            events = await self._in_thread(archive.read_events, database, after)
            shown = list(takewhile(self._reading.is_shown, events))
            for event in shown:
                yield encode_event(event)
                after = event.id
            if shown:
                continue
            try:
                await asyncio.wait_for(change.wait(), HEARTBEAT_S)
            except TimeoutError:
                yield _HEARTBEAT

    def _announce(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._set_change)

    def _set_change(self) -> None:
        old, self._change = self._change, asyncio.Event()
        old.set()

    # Answers

    async def _answer(self, process: Callable[[], Answer]) -> Response:
        try:
            return _respond(await self._in_thread(process))
        except EntenteError as error:
            return _respond(self._refuse(error))

    async def _in_thread(self, run: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        return await asyncio.get_running_loop().run_in_executor(self._pool, run, *arguments)

    def _refuse(self, error: EntenteError, leaf: str = "") -> Answer:
        """Answer with what is wrong; sign it when it is about a well-formed message."""
        center = self._center
        incident = self._draw_incident()
        status = get_status(error)
        refusal = b""
        if leaf and status in {403, 409}:
            published = self._reading.find_published()
            refusal = sign_refusal(
                error,
                leaf,
                origin=center.keys.origin,
                at=encode_utc(center.clock.now_utc()),
                size=published.size if published else 0,
                center=center.keys.center,
            )
        if status != 404:
            center.metrics.refused.labels(error.code).inc()
            self._log.info("refused", incident=incident, code=error.code, status=status, reason=error.message)
        return answer_error(error, incident, refusal=refusal)

    async def serve_http_error(self, request: Request, error: Exception) -> Response:
        """Answer for paths and methods that do not exist."""
        del request
        status = error.status_code if isinstance(error, HTTPException) else 500
        code = {404: "no-path", 405: "wrong-method"}.get(status, "http")
        message = f"request: expected a path and method of /openapi.json, got neither ({status})"
        return _respond(answer_fault(code, message, self._draw_incident(), status))

    async def serve_fault(self, request: Request, error: Exception) -> Response:
        """Answer for a fault of our own."""
        return _respond(self._answer_fault(request.url.path, error))

    def _answer_fault(self, path: str, error: Exception) -> Answer:
        """Answer for a fault of our own: the log has the reason, the client the incident."""
        incident = self._draw_incident()
        self._log.error("fault", incident=incident, path=path, reason=repr(error))
        return answer_fault("fault", "center: a fault of its own, nothing was changed", incident, 500)

    def _draw_incident(self) -> str:
        return self._center.random.draw(4).hex()


class CenterApp:
    """The ASGI application: the one write path goes straight to its function, everything else by routes."""

    def __init__(self, http: CenterHTTP) -> None:
        self.http = http
        self._routes = _make_routes(http)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "http" and scope["path"] == "/messages" and scope["method"] == "POST":
            await self.http.serve_submit(scope, receive, send)
        else:
            await self._routes(scope, receive, send)


def make_app(center: Center) -> CenterApp:
    """Return the application; ``http.attach`` binds it to a running loop."""
    return CenterApp(CenterHTTP(center))


def _make_routes(http: CenterHTTP) -> Starlette:
    gets = (
        ("/health", http.serve_health),
        ("/record/checkpoint", http.serve_checkpoint),
        ("/record/checkpoint/{which}", http.serve_checkpoint),
        ("/record/tile/{path:path}", http.serve_tile),
        ("/record/policy", http.serve_policy),
        ("/record/proof/{index}", http.serve_proof),
        ("/record/consistency", http.serve_consistency),
        ("/messages", http.serve_messages),
        ("/messages/{name}", http.serve_message),
        ("/sealed/{leaf}/{party}", http.serve_sealed),
        ("/rows/{table}", http.serve_rows),
        ("/ladder/{leaf}", http.serve_ladder),
        ("/charter", http.serve_charter),
        ("/status", http.serve_status),
        ("/events", http.serve_events),
        ("/metrics", http.serve_metrics),
        ("/openapi.json", http.serve_openapi),
    )
    return Starlette(
        routes=[
            Route("/charter/signatures", http.serve_signatures, methods=["POST"]),
            Route("/suggest", http.serve_suggest, methods=["POST"]),
            *(Route(path, endpoint, methods=["GET"]) for path, endpoint in gets),
            *http.parcels.make_routes(),
        ],
        exception_handlers={HTTPException: http.serve_http_error, Exception: http.serve_fault},
    )


def _resolve(future: asyncio.Future[Outcome], outcome: Outcome) -> None:
    if not future.done():  # the client may have gone
        future.set_result(outcome)


def _resolve_all(pairs: Sequence[tuple[Resolve, Outcome]]) -> None:
    for resolve, outcome in pairs:
        resolve(outcome)


def _find_leaf(body: bytes) -> str:
    """Return the leaf of a request whose message was well-formed and did not verify."""
    return hash_leaf(parse_request(body)[0].raw)


def _read_query(request: Request) -> dict[str, str]:
    query: dict[str, str] = {}
    for name, value in request.query_params.multi_items():
        if name in query:
            raise Malformed(
                "duplicate-parameter", f"query: expected {name[:40]!r} once", path=f"?{name[:40]}"
            )
        query[name] = value
    return query


async def _read_body(scope: Scope, receive: Receive, limit: int) -> bytes:
    """Return a request's body, refusing it as soon as it is known to be too large."""
    for name, value in scope["headers"]:
        if name == b"content-length" and int(value) > limit:
            raise Malformed("too-large", f"request: expected <= {limit} bytes, got {int(value)}")
    pieces, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        piece = message.get("body", b"")
        size += len(piece)
        if size > limit:
            raise Malformed("too-large", f"request: expected <= {limit} bytes, got more")
        pieces.append(piece)
        if not message.get("more_body", False):
            return b"".join(pieces) if len(pieces) > 1 else piece


def _respond(answer: Answer) -> Response:
    headers = dict(answer.headers)
    return Response(answer.body, answer.status, headers=headers, media_type=answer.content_type)


async def _send(answer: Answer, send: Send) -> None:
    headers = [
        (b"content-type", answer.content_type.encode()),
        (b"content-length", str(len(answer.body)).encode()),
        *((name.encode(), value.encode()) for name, value in answer.headers),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})
