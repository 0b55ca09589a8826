"""A witness with a socket: the real rules (`record.witness`) over a small server, for measurements and tests.

It keeps its state in memory, and can be told to be away.

    with WitnessServer(party, log_key) as server:
        party.witness_url = server.url
"""

from __future__ import annotations

import hashlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

from entente.kernel.errors import Malformed
from entente.record import (
    CosignatureSigner,
    NoteKey,
    WitnessState,
    parse_add_checkpoint,
    process_add_checkpoint,
)


class WitnessServer:
    """A party's witness on a loopback port."""

    def __init__(self, signer: CosignatureSigner, origin: str, *, now_s: int = 1_474_124_400) -> None:
        self._signer = signer
        self._origin = origin
        self._now_s = now_s
        self._lock = threading.Lock()
        self.log_keys: dict[str, list[NoteKey]] = {}
        self.state: WitnessState | None = None
        self.is_away = False
        self.asked = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                """Answer with the last cosigned checkpoint."""
                outer._answer(self, *outer._last(self.path))

            def do_POST(self) -> None:
                """Cosign, or say why not."""
                body = self.rfile.read(int(self.headers["content-length"]))
                outer._answer(self, *outer._cosign(body))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's own name
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._server.server_port}/witness"

    def trust(self, key: NoteKey) -> None:
        """Cosign what this log signs."""
        self.log_keys[key.name] = [key]

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _last(self, path: str) -> tuple[int, str, bytes]:
        name = hashlib.sha256(self._origin.encode()).hexdigest()
        if path != f"/witness/{name}/checkpoint" or self.state is None:
            return 404, "text/plain", b"none\n"
        return 200, "text/plain", self.state.note

    def _cosign(self, body: bytes) -> tuple[int, str, bytes]:
        with self._lock:
            self.asked += 1
            try:
                request = parse_add_checkpoint(body)
            except Malformed as error:
                return 400, "text/plain", str(error).encode()
            decision = process_add_checkpoint(
                self.state, request, log_keys=self.log_keys, now_s=self._now_s, signer=self._signer
            )
            self.state = decision.new_state or self.state
            return decision.status, decision.content_type, decision.body

    def _answer(self, handler: BaseHTTPRequestHandler, status: int, kind: str, body: bytes) -> None:
        if self.is_away:
            status, kind, body = 503, "text/plain", b"away\n"
        handler.send_response(status)
        handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
