"""The wire to the center: HTTP with limits, deadlines and patience. What comes back is believed by nobody.

Invariants: every answer is bounded in bytes and seconds; no redirect is followed, no proxy is taken from the
environment, no cookie is kept; only a request that may be repeated is repeated, and here every one may
(docs/formats/http.md 1.2), with a wait that doubles and is drawn, so that desks do not come back in step; TLS
trusts the CA of the pinned charter and nothing else.

It checks no meaning: see `checks`.

    >>> center = CenterClient(url, tls=make_client_context(ca_pem=ca), random=random)
    >>> status, content_type, body = center.request("GET", "/record/checkpoint")
"""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx

from entente.kernel.errors import NotFound, TransportError
from entente.kernel.ports import Random, Transport
from entente.record.tiles import MAX_BUNDLE_BYTES

MAX_RESPONSE_BYTES: Final = MAX_BUNDLE_BYTES
"""The largest thing a center ever serves: a full bundle of the largest entries."""
MAX_EVENT_BYTES: Final = 65_536
CONNECT_S: Final = 5.0
ANSWER_S: Final = 30.0
SILENCE_S: Final = 45.0
"""Three missed heartbeats of the event stream (every 15 s): the line is dead."""
ATTEMPTS: Final = 3
_FIRST_WAIT_S: Final = 0.25
_LONGEST_WAIT_S: Final = 8.0
_TRY_AGAIN: Final = frozenset({429, 502, 503, 504})
JSON: Final = "application/json"


@dataclass(frozen=True, slots=True)
class CenterEvent:
    """A line of the event stream: it wakes, it proves nothing."""

    id: int
    type: str
    data: bytes


def make_unpinned_context(client_cert: tuple[Path, Path] | None) -> ssl.SSLContext:
    """Return a context that takes any server: for the one look at a charter that is not pinned yet.

    SECURITY: nothing that comes over it is believed. The charter is signed, its fingerprint is compared by
    voice before the party signs, and from then on the CA in it is the only one trusted.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    if client_cert is not None:
        context.load_cert_chain(*client_cert)
    return context


def plan_wait_s(attempt: int, random: Random, *, asked_s: float = 0.0) -> float:
    """Return how long to wait after attempt ``attempt``: doubled each time, its upper half drawn."""
    longest = min(_FIRST_WAIT_S * 2.0**attempt, _LONGEST_WAIT_S)
    drawn = int.from_bytes(random.draw(4), "big") / 2**32
    return max(min(asked_s, _LONGEST_WAIT_S), longest * (0.5 + drawn / 2))


class CenterClient:
    """A `Transport` to one center, and its event stream. Safe from several threads."""

    def __init__(
        self,
        url: str,
        *,
        random: Random,
        tls: ssl.SSLContext | None = None,
        attempts: int = ATTEMPTS,
        pause: Callable[[float], None] = time.sleep,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        """Talk to the center at ``url``.

        Args:
            tls: For ``https``; None for a plain loopback center.
            transport: Instead of sockets, in tests.
        """
        self._random = random
        self._attempts = attempts
        self._pause = pause
        self._http = httpx.Client(
            base_url=url,
            verify=tls if tls is not None else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            timeout=httpx.Timeout(ANSWER_S, connect=CONNECT_S),
            follow_redirects=False,
            trust_env=False,
            transport=transport,
            headers={"user-agent": "entente-desk"},
        )

    def request(
        self, method: str, path: str, *, body: bytes = b"", content_type: str = JSON
    ) -> tuple[int, str, bytes]:
        """Return status, content type and body of at most `MAX_RESPONSE_BYTES`.

        Raises:
            TransportError: No answer after every attempt; the request may have arrived all the same.
        """
        trouble = "no attempt was made"
        for attempt in range(self._attempts):
            last = attempt == self._attempts - 1
            try:
                status, kind, data, asked_s = self._once(method, path, body, content_type)
            except httpx.HTTPError as error:
                trouble = f"{type(error).__name__}: {error}".rstrip(": ")
                asked_s = 0.0
            else:
                if last or status not in _TRY_AGAIN:
                    return status, kind, data
                trouble = f"status {status}"
            if not last:
                self._pause(plan_wait_s(attempt, self._random, asked_s=asked_s))
        raise TransportError("no-answer", f"center {self._http.base_url.host!r}: {trouble}")

    def put_parcel(self, sha256: str, data: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        """Return status and body of the deposit of a parcel.

        Raises:
            TransportError: No answer; it may have arrived all the same, and may be given again.
        """
        try:
            status, _, body, _ = self._once("PUT", f"/parcels/{sha256}", data, headers=headers)
        except httpx.HTTPError as error:
            raise TransportError("no-answer", f"parcel {sha256[:12]}: {type(error).__name__}") from error
        return status, body

    def get_parcel(self, sha256: str, size_bytes: int) -> tuple[int, bytes]:
        """Return status and body of a parcel that the record says is ``size_bytes`` long.

        Raises:
            TransportError: No answer, or a longer one.
        """
        most = max(size_bytes, MAX_RESPONSE_BYTES)
        try:
            status, _, body, _ = self._once("GET", f"/parcels/{sha256}", b"", most_bytes=most)
        except httpx.HTTPError as error:
            raise TransportError("no-answer", f"parcel {sha256[:12]}: {type(error).__name__}") from error
        return status, body

    def _once(
        self,
        method: str,
        path: str,
        body: bytes,
        content_type: str = "",
        *,
        headers: Mapping[str, str] | None = None,
        most_bytes: int = MAX_RESPONSE_BYTES,
    ) -> tuple[int, str, bytes, float]:
        if headers is None:
            headers = {"content-type": content_type} if body else {}
        # A parcel of 64 MiB takes a while on a slow line: a second more for each 100 kB.
        deadline_s = time.monotonic() + 2 * ANSWER_S + max(len(body), most_bytes - MAX_RESPONSE_BYTES) / 1e5
        with self._http.stream(method, path, content=body or None, headers=dict(headers)) as answer:
            pieces, size = [], 0
            # SECURITY: `iter_bytes` undoes a content encoding; what a small answer unpacks to is bounded here
            # as well. A peer that drips a byte at a time never trips the read timeout, so that the whole
            # answer has a deadline of its own.
            for piece in answer.iter_bytes():
                size += len(piece)
                if size > most_bytes:
                    raise TransportError("too-large", f"center: expected <= {most_bytes} bytes, got more")
                if time.monotonic() > deadline_s:
                    raise TransportError("too-slow", "center: expected a whole answer by now, got a part")
                pieces.append(piece)
            asked = answer.headers.get("retry-after", "")
            asked_s = float(asked) if asked.isascii() and asked.isdigit() and len(asked) < 6 else 0.0
            return answer.status_code, answer.headers.get("content-type", ""), b"".join(pieces), asked_s

    def follow_events(self, after: int, *, stop: threading.Event) -> Iterator[CenterEvent]:
        """Yield events from beyond ``after`` until the stream ends or ``stop`` is set.

        Raises:
            TransportError: No stream; the caller polls and tries again later.
        """
        timeout = httpx.Timeout(SILENCE_S, connect=CONNECT_S)
        headers = {"accept": "text/event-stream"}
        try:
            with self._http.stream(
                "GET", f"/events?after={after}", headers=headers, timeout=timeout
            ) as answer:
                if answer.status_code != 200:
                    raise TransportError(
                        "no-events", f"event stream: expected status 200, got {answer.status_code}"
                    )
                yield from parse_events(_bounded_lines(answer.iter_bytes()), stop)
        except httpx.HTTPError as error:
            raise TransportError("no-events", f"event stream: {type(error).__name__}") from error

    def close(self) -> None:
        """Close every connection; a stream that another thread reads ends."""
        self._http.close()


def _bounded_lines(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield the stream's lines, none longer than `MAX_EVENT_BYTES`."""
    rest = b""
    for piece in pieces:
        *lines, rest = (rest + piece).split(b"\n")
        if len(rest) > MAX_EVENT_BYTES or any(len(line) > MAX_EVENT_BYTES for line in lines):
            raise TransportError("too-large", f"event stream: expected lines <= {MAX_EVENT_BYTES} bytes")
        yield from (line.removesuffix(b"\r") for line in lines)


def parse_events(lines: Iterator[bytes], stop: threading.Event) -> Iterator[CenterEvent]:
    """Yield events out of a server-sent event stream's lines; what is not understood is left out.

    A comment (the heartbeat) yields an event of type ``""``: whoever follows may look at its clock.
    """
    number, kind, data = 0, "message", b""
    for line in lines:
        if stop.is_set():
            return
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if not line:
            if data:
                yield CenterEvent(number, kind, data)
            kind, data = "message", b""
        elif not name:
            yield CenterEvent(number, "", b"")
        elif name == b"id" and value.isdigit() and len(value) < 19:
            number = int(value)
        elif name == b"event":
            kind = value.decode("ascii", "replace")
        elif name == b"data":
            data += value


class RecordSource:
    """The center's published record as a `TileSource`: served by the host, not trusted."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def read(self, path: str) -> bytes:
        """Return the whole file, or raise `NotFound` or `TransportError`."""
        status, _, body = self._transport.request("GET", f"/record/{path}")
        if status == 404:
            raise NotFound("no-file", f"record: expected {path!r}, the center has none")
        if status != 200:
            raise TransportError("bad-status", f"record {path!r}: expected status 200, got {status}")
        return body
