"""The load: many callers, each with one message under way, over HTTPS with a client certificate.

A process of its own, so that it does not share the center's interpreter. What it sends was built
beforehand; it parses no more of an answer than its status and length.

    python -m bench.load <plan.json>      prints one JSON line: seconds, answers by status, latencies in ms
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from pathlib import Path
from typing import Any, Final, cast

import uvloop

from bench.report import percentile

SEPARATOR: Final = b"\x00\x00\x00\n"
"""Between requests in a file; none of ours holds a zero byte."""


class Caller(asyncio.Protocol):
    """One party: sends a request, waits for the answer, sends the next."""

    def __init__(self, requests: list[bytes], done: asyncio.Future[None], start: asyncio.Event) -> None:
        self._requests = requests
        self._done = done
        self._start = start
        self._buffer = b""
        self._needed = 0
        self._place = 0
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None
        self.latencies_ms: list[float] = []
        self.statuses: dict[str, int] = {}
        self.sample = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the connection."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own, of the same methods

    def send(self) -> None:
        """Send the next request, or end."""
        if self._place == len(self._requests):
            if not self._done.done():
                self._done.set_result(None)
            return
        assert self._transport is not None
        self._sent_at = time.perf_counter()
        self._transport.write(self._requests[self._place])
        self._place += 1

    def data_received(self, data: bytes) -> None:
        """Take a whole answer, then go on."""
        self._buffer += data
        if not self._needed:
            head_end = self._buffer.find(b"\r\n\r\n")
            if head_end < 0:
                return
            head = self._buffer[:head_end].lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            self._needed = head_end + 4 + int(length)
        if len(self._buffer) < self._needed:
            return
        self.latencies_ms.append((time.perf_counter() - self._sent_at) * 1e3)
        status = self._buffer[9:12].decode()
        self.statuses[status] = self.statuses.get(status, 0) + 1
        if status != "200" and not self.sample:
            self.sample = self._buffer[: self._needed]
        self._buffer = self._buffer[self._needed :]
        self._needed = 0
        self.send()

    def connection_lost(self, error: Exception | None) -> None:
        """End; what was not answered is missing in the figures, and is counted by the caller."""
        if not self._done.done():
            self._done.set_exception(error or ConnectionError("closed"))


async def run(plan: dict[str, Any], given_requests: list[list[bytes]]) -> dict[str, Any]:
    """Run the plan and return its figures."""
    loop = asyncio.get_running_loop()
    start = asyncio.Event()
    callers, waits = [], []
    for one, requests in zip(plan["callers"], given_requests, strict=True):
        context = None
        if plan["tls_ca"]:
            context = ssl.create_default_context(cafile=plan["tls_ca"])
            context.load_cert_chain(one["certificate"], one["key"])
        done = loop.create_future()
        caller = Caller(requests, done, start)
        await loop.create_connection(
            lambda caller=caller: caller, "127.0.0.1", plan["port"], ssl=context,
            server_hostname="127.0.0.1" if context else None,
        )  # fmt: skip
        callers.append(caller)
        waits.append(done)
    begin = time.perf_counter()
    for caller in callers:
        caller.send()
    await asyncio.gather(*waits)
    seconds = time.perf_counter() - begin
    latencies = [value for caller in callers for value in caller.latencies_ms]
    statuses: dict[str, int] = {}
    for caller in callers:
        for status, count in caller.statuses.items():
            statuses[status] = statuses.get(status, 0) + count
    return {
        "seconds": seconds,
        "answers": len(latencies),
        "statuses": statuses,
        "p50_ms": percentile(latencies, 0.5),
        "p99_ms": percentile(latencies, 0.99),
        "max_ms": max(latencies),
        "cpu_s": time.process_time(),
        "sample": next((caller.sample.decode() for caller in callers if caller.sample), ""),
    }


if __name__ == "__main__":
    given = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    found = [Path(one["requests"]).read_bytes().split(SEPARATOR)[:-1] for one in given["callers"]]
    print(json.dumps(uvloop.run(run(given, found))))
