"""One answer, one TLS record, one system call: what an answer is written in pieces leaves together.

The server writes an answer's head and body one after the other; over TLS each would be encrypted and sent
of its own, a twentieth of a millisecond each. Measured in docs/adr/0005-store-and-center.md.

Invariants: bytes leave in the order in which they were written, at the latest when the event loop has run
what is ready; closing sends what was written before. It buffers no more than one turn of the loop.

    >>> uvicorn.Config(app, http=CorkedProtocol)
"""

from __future__ import annotations

import asyncio
from typing import Any, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class CorkedTransport(asyncio.Transport):
    """A transport that passes on everything that is written in one turn of the loop at once."""

    def __init__(self, inner: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._inner = inner
        self._loop = loop
        self._pieces: list[bytes] = []

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Write with whatever else is written in this turn."""
        if not self._pieces:
            self._loop.call_soon(self._flush)
        self._pieces.append(bytes(data))

    def close(self) -> None:
        """Send what was written, then close."""
        self._flush()
        self._inner.close()

    def abort(self) -> None:
        """Close at once."""
        self._pieces.clear()
        self._inner.abort()

    def is_closing(self) -> bool:
        """Tell whether it is closed or about to be."""
        return self._inner.is_closing()

    def get_extra_info(self, name: str, default: Any = None) -> Any:  # noqa: ANN401 - the library's own
        """Return what the transport knows of itself."""
        return self._inner.get_extra_info(name, default)

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        """Hand the connection to another protocol."""
        self._flush()
        self._inner.set_protocol(protocol)

    def pause_reading(self) -> None:
        """Stop to read."""
        self._inner.pause_reading()

    def resume_reading(self) -> None:
        """Go on to read."""
        self._inner.resume_reading()

    def _flush(self) -> None:
        if self._pieces:
            data = b"".join(self._pieces)
            self._pieces.clear()
            if not self._inner.is_closing():
                self._inner.write(data)


class CorkedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol over such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as the parent says
        """Begin a connection."""
        corked = CorkedTransport(transport, asyncio.get_running_loop())
        super().connection_made(cast("Any", corked))
