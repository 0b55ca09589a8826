"""Parcels over HTTP: `PUT` and `GET /parcels/<sha256>` (docs/formats/http.md section 6).

Invariants:
  * Headers and signature are judged before a byte of the body is taken; what comes is written as it comes, a
    mebibyte in memory at most, against a deadline that its size gives.
  * An upload that breaks off, slows down or is not what was announced leaves nothing.
  * The event loop never waits for a disk: files and tables are touched in threads of their own, so that
    uploads do not keep other readers waiting.

What may be deposited and what is served, `parcels` decides.

    >>> routes = ParcelHTTP(center, refuse).make_routes()
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from entente.blind.deposit import (
    LENGTH_HEADER,
    PARTY_HEADER,
    SIGNATURE_HEADER,
    TO_HEADER,
    Deposit,
    parse_headers,
)
from entente.center.answers import Answer, encode_answer
from entente.center.parcels import Parcels
from entente.kernel.errors import EntenteError, Malformed
from entente.kernel.wire import Count, Hex64, WireStruct
from entente.store.parcel_home import PIECE_BYTES, Lying, Spool, count_pieces

FIRST_S: Final = 30.0
SLOWEST_BYTES_S: Final = 100_000
"""An upload has half a minute, and more at this pace: so 700 s for the largest."""
_THREADS: Final = 4
_HEADERS: Final = (PARTY_HEADER, TO_HEADER, SIGNATURE_HEADER, LENGTH_HEADER)


class DepositAnswer(WireStruct, frozen=True):
    """The answer to a deposit: the parcel lies at the center, durably."""

    sha256: Hex64
    size_bytes: Count


class ParcelHTTP:
    """The routes of the parcels.

    Args:
        check_open: Raises while nothing is taken in.
        refuse: Makes an answer of what is wrong.
    """

    def __init__(
        self,
        parcels: Parcels,
        origin: str,
        *,
        check_open: Callable[[], None],
        refuse: Callable[[EntenteError], Answer],
    ) -> None:
        self._parcels = parcels
        self._origin = origin
        self._check_open = check_open
        self._refuse = refuse
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="parcel")
        self._log = structlog.get_logger("parcels")

    def make_routes(self) -> list[Route]:
        """Return the routes."""
        path = "/parcels/{sha256}"
        return [
            Route(path, self.serve_deposit, methods=["PUT"]),
            Route(path, self.serve_parcel, methods=["GET"]),
        ]

    async def serve_deposit(self, request: Request) -> Response:
        """``PUT /parcels/<sha256>``."""
        try:
            deposit, signature = parse_headers(
                self._origin, request.path_params["sha256"], _read_headers(request)
            )
            self._check_open()
            self._parcels.verify(deposit, signature)
            await self._take_in(request, deposit)
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        except EntenteError as error:
            return _respond(self._refuse(error))
        return _respond(encode_answer(DepositAnswer(deposit.sha256, deposit.size_bytes)))

    async def _take_in(self, request: Request, deposit: Deposit) -> None:
        spool = await self._in_thread(self._parcels.begin, deposit)
        if spool is None:
            return
        try:
            try:
                async with asyncio.timeout(FIRST_S + deposit.size_bytes / SLOWEST_BYTES_S):
                    await self._write(request, spool)
            except TimeoutError as error:
                raise Malformed(
                    "too-slow", f"parcel: expected {deposit.size_bytes} bytes in time, they did not come"
                ) from error
            await self._in_thread(self._parcels.keep, spool, deposit)
        finally:
            await self._in_thread(self._parcels.end, spool, deposit)

    async def _write(self, request: Request, spool: Spool) -> None:
        waiting = bytearray()
        async for piece in request.stream():
            waiting += piece
            if len(waiting) >= PIECE_BYTES:
                await self._in_thread(spool.write, bytes(waiting))
                waiting.clear()
        await self._in_thread(spool.write, bytes(waiting))

    async def serve_parcel(self, request: Request) -> Response:
        """``GET /parcels/<sha256>``."""
        try:
            lying = await self._in_thread(self._parcels.find_served, request.path_params["sha256"])
            first = await self._in_thread(self._parcels.home.read_piece, lying.sha256, 0)
        except EntenteError as error:
            return _respond(self._refuse(error))
        headers = {"content-length": str(lying.size_bytes), "x-content-type-options": "nosniff"}
        return StreamingResponse(
            self._stream(lying, first), media_type="application/octet-stream", headers=headers
        )

    async def _stream(self, lying: Lying, first: bytes) -> AsyncIterator[bytes]:
        yield first
        for number in range(1, count_pieces(lying.size_bytes)):
            try:
                yield await self._in_thread(self._parcels.home.read_piece, lying.sha256, number)
            except EntenteError as error:
                # It ends short of its length, which every client sees; the hash would say so too.
                self._log.warning("parcel-broken-off", parcel=lying.sha256[:12], code=error.code)
                return

    async def _in_thread(self, run: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401
        return await asyncio.get_running_loop().run_in_executor(self._pool, run, *arguments)


def _read_headers(request: Request) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in _HEADERS:
        values = request.headers.getlist(name)
        if len(values) > 1:
            # SECURITY: of two, a proxy may have believed the other.
            raise Malformed("duplicate-header", f"parcel: expected the header {name} once", path=name)
        if values:
            found[name] = values[0]
    return found


def _respond(answer: Answer) -> Response:
    return Response(answer.body, answer.status, headers=dict(answer.headers), media_type=answer.content_type)
