"""The line to a desk that is running: its local interface on the loopback, with the token from its folder.

Invariants: the token never leaves this machine and is never printed; a desk that is not running is told as
such, with how to start it; an error of the desk comes back as the same error here, with the same code.

It uses the standard library's HTTP alone, so that a command answers quickly.

    >>> link = DeskLink.open(folder)
    >>> link.call("POST", "/api/acknowledge", {"officer": "duty-1", "messages": [leaf]})
"""

from __future__ import annotations

import http.client
import json
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode

from cyclopts import Parameter

from entente.cli.output import ExitCode, print_json
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

TIMEOUT_S: Final = 60.0
MAX_ANSWER_BYTES: Final = 64 << 20

DeskFolder = Annotated[
    Path | None,
    Parameter(name="--desk", help="The desk's folder; or set ENTENTE_DESK.", env_var="ENTENTE_DESK"),
]
OfficerName = Annotated[str, Parameter(name="--officer", help="Who you are: an officer of the roster.")]
"""Options that the officers' commands share."""

_CLASSES: Final[dict[str, type[EntenteError]]] = {
    "malformed": Malformed,
    "too-many": TooManyConflicts,
    "peer": PeerError,
    "denied": Denied,
    "not-found": NotFound,
    "store": StoreError,
    "transport": TransportError,
}


@dataclass(frozen=True, slots=True)
class DeskLink:
    """Where a running desk listens, and the token that opens it."""

    host: str
    port: int
    token: str
    party: str

    @classmethod
    def open(cls, folder: Path | None) -> DeskLink:
        """Return the line to the desk of ``folder``; `NotFound` when there is no desk."""
        if folder is None:
            raise NotFound("no-desk", "desk: expected a folder, got none")
        settings = folder / "desk.toml"
        if not settings.exists():
            raise NotFound("no-desk", f"desk {str(folder)!r}: expected a desk's folder, found no desk.toml")
        config = tomllib.loads(settings.read_text(encoding="utf-8"))
        host, _, port = str(config["api_listen"]).rpartition(":")
        try:
            token = (folder / "token").read_text(encoding="ascii").strip()
        except OSError as error:
            raise NotFound(
                "no-desk", f"desk {str(folder)!r}: cannot read its token: {error.strerror}"
            ) from error
        return cls(host.strip("[]"), int(port), token, str(config["party"]))

    def call(self, method: str, path: str, body: Any = None, **query: str | int | None) -> Any:  # noqa: ANN401
        """Return the JSON that the desk answers, or raise the error that it tells."""
        asked = {name: value for name, value in query.items() if value not in {None, ""}}
        target = f"{path}?{urlencode(asked)}" if asked else path
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_S)
        try:
            data = None if body is None else json.dumps(body, ensure_ascii=False).encode()
            connection.request(method, target, data, self._headers())
            answer = connection.getresponse()
            text = answer.read(MAX_ANSWER_BYTES)
        except TimeoutError as error:
            raise TransportError(
                "desk-silent", f"desk at {self.host}:{self.port}: no answer within {TIMEOUT_S:.0f} s"
            ) from error
        except OSError as error:
            raise TransportError(
                "desk-not-running", f"desk at {self.host}:{self.port}: {error.strerror or error}"
            ) from error
        finally:
            connection.close()
        try:
            value = json.loads(text)
        except ValueError as error:
            raise TransportError("bad-answer", f"desk: expected JSON, got {text[:80]!r}") from error
        if answer.status >= 400:
            raise _error(value)
        return value

    def stream(self, path: str) -> Iterator[dict[str, str]]:
        """Yield server-sent events as they come, until the desk stops or the caller does."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=TIMEOUT_S)
        try:
            connection.request("GET", path, headers=self._headers())
            answer = connection.getresponse()
            if answer.status >= 400:
                raise _error(json.loads(answer.read(MAX_ANSWER_BYTES)))
            event: dict[str, str] = {}
            for raw in answer:
                line = raw.decode("utf-8").rstrip("\r\n")
                if not line and event:
                    yield event
                    event = {}
                elif line and not line.startswith(":"):
                    name, _, value = line.partition(":")
                    event[name] = value.removeprefix(" ")
        except OSError as error:
            raise TransportError(
                "desk-not-running", f"desk at {self.host}:{self.port}: {error.strerror or error}"
            ) from error
        finally:
            connection.close()

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}


def _error(value: Any) -> EntenteError:  # noqa: ANN401 - whatever the desk said
    if not isinstance(value, dict):
        return TransportError("bad-answer", f"desk: expected an error object, got {value!r}")
    code = str(value.get("code", "error"))
    message = str(value.get("message", value))
    kind = _CLASSES.get(str(value.get("class", "")), Denied)
    if kind is Malformed:
        return Malformed(code, message, path=str(value.get("path", "")))
    return kind(code, message)


def print_spoken(answer: dict[str, Any], subject: str, *, as_json: bool) -> ExitCode:
    """Print what became of a message and return the exit code: recorded, or kept and not sent yet."""
    code = ExitCode.OK if answer.get("state") == "recorded" else ExitCode.UNREACHABLE
    if as_json:
        print_json({"ok": code == ExitCode.OK, "exit": int(code), **answer})
    elif code == ExitCode.OK:
        leaf = str(answer.get("leaf"))[:16]
        print(f"{subject}: {answer.get('standing')} as entry {answer.get('index')}, message {leaf}")
    else:
        sys.stderr.write(
            f"entente: {subject}: NOT SENT YET: {answer.get('words')}\n"
            "         the desk goes on trying; see: entente status\n"
        )
    return code
