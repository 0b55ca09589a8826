"""The stage of the demo: starts center and desks as processes, runs commands as officers would.

Invariants: every process that is started is ended (terminate, then kill); a command that fails where it
should not stops the demo with what it printed; nothing listens beyond the loopback.

    >>> stage = Stage(folder, rate=60, quiet=False)
    >>> stage.run("us", "status")
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

from entente.kernel.errors import StoreError, TransportError
from entente.kernel.time import encode_utc

START_TIMEOUT_S: Final = 30.0
STOP_TIMEOUT_S: Final = 10.0


class Stage:
    """Processes and commands of one run."""

    def __init__(self, folder: Path, *, rate: int, quiet: bool) -> None:
        if folder.exists():
            raise StoreError("exists", f"demo folder {str(folder)!r}: expected none, found one")
        folder.mkdir(parents=True, mode=0o700)
        self.folder = folder
        self.rate = rate
        self.commands = 0
        self.clock_text = ""
        self._start: datetime | None = None
        self._epoch_s = 0.0
        self._quiet = quiet
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._addresses: dict[str, str] = {}

    # What is shown.

    def headline(self, text: str) -> None:
        """Print a heading."""
        if not self._quiet:
            print(f"\n{text}\n{'-' * len(text)}", flush=True)

    def say(self, text: str) -> None:
        """Print a text, wrapped to the terminal with its own indent."""
        if not self._quiet:
            indent = text[: len(text) - len(text.lstrip())]
            width = min(shutil.get_terminal_size((110, 40)).columns, 120)
            lines = textwrap.wrap(text, width, subsequent_indent=f"{indent}  ", break_on_hyphens=False)
            print("\n".join(lines), flush=True)

    def note(self, text: str) -> None:
        """Print what is seen on the stage, under the command that showed it."""
        self.say(f"    {text}")

    # Time.

    def start_clock(self, start: datetime) -> None:
        """Start the exercise clock; center and desks get the same one."""
        self._start = start
        self._epoch_s = time.time()
        self.clock_text = f"{encode_utc(start)}@{self._epoch_s:.3f}x{self.rate}"

    @property
    def start(self) -> datetime:
        """When the exercise's clock was started, in its own time."""
        if self._start is None:
            raise ValueError("stage: expected start_clock first")
        return self._start

    def now(self) -> datetime:
        """Return the exercise's time."""
        return self.start + timedelta(seconds=(time.time() - self._epoch_s) * self.rate)

    # Commands.

    def entente(self, *words: str, expect: int = 0) -> Any:  # noqa: ANN401 - the command's JSON
        """Run a command of the command line and return its JSON answer."""
        self.commands += 1
        done = subprocess.run(  # noqa: S603 - this very program
            [sys.executable, "-m", "entente", *words, "--json"],
            capture_output=True,
            check=False,
            timeout=120,
            cwd=self.folder,
        )
        try:
            answer = json.loads(done.stdout.splitlines()[-1]) if done.stdout.strip() else {}
        except ValueError:
            answer = {"message": done.stdout.decode(errors="replace")}
        if done.returncode != expect:
            told = answer.get("message") or done.stderr.decode(errors="replace") or str(answer)
            raise TransportError(
                "demo-step",
                f"entente {' '.join(words)}: expected exit {expect}, got {done.returncode}: {told}",
            )
        return answer

    def act(self, party: str, *words: str, expect: int = 0, show: bool = True) -> Any:  # noqa: ANN401
        """Run an officer's command at a party's desk, showing it with the exercise's time."""
        if show:
            shown = " ".join(word if " " not in word else f"'{word}'" for word in words)
            self.say(f"[{self.now():%H:%M}] {party}$ entente {shown}")
        return self.entente(*words, "--desk", str(self.folder / party), expect=expect)

    def wait_for(self, what: str, look: Callable[[], Any], *, timeout_s: float = 60.0) -> Any:  # noqa: ANN401
        """Return the first true value of ``look``, asked again and again; fail after the timeout."""
        end = time.monotonic() + timeout_s
        while True:
            found = look()
            if found:
                return found
            if time.monotonic() > end:
                raise TransportError(
                    "demo-timeout", f"demo: expected {what} within {timeout_s:.0f} s, got nothing"
                )
            time.sleep(0.2)

    # Processes.

    def serve(self, name: str, address: str, *words: str, module: str = "entente") -> None:
        """Start a server, of another module than this program's if so said, and wait until it listens."""
        log = (self.folder / f"{name}.log").open("wb")
        self._processes[name] = subprocess.Popen(  # noqa: S603 - this very program
            [sys.executable, "-m", module, *words],
            stdout=log,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            cwd=self.folder,
            start_new_session=True,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
        )
        log.close()
        self._addresses[name] = address
        host, _, port = address.rpartition(":")
        self.wait_for(f"{name} to listen on {address}", lambda: self._listens(name, host, int(port)))

    def _listens(self, name: str, host: str, port: int) -> bool:
        if self._processes[name].poll() is not None:
            told = (self.folder / f"{name}.log").read_text(encoding="utf-8", errors="replace")[-2000:]
            raise TransportError("demo-process", f"{name}: expected it to run, it ended:\n{told}")
        try:
            socket.create_connection((host, port), timeout=1.0).close()
        except OSError:
            return False
        return True

    def is_running(self) -> bool:
        """Return whether every process still runs."""
        return all(process.poll() is None for process in self._processes.values())

    def addresses(self) -> list[str]:
        """Return a line for each process: where it listens, where it lives."""
        return [f"{name:<8} {address:<18} {self.folder / name}" for name, address in self._addresses.items()]

    def end(self, name: str) -> str:
        """End one server; return where it listened."""
        process = self._processes.pop(name)
        process.terminate()
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(STOP_TIMEOUT_S)
        return self._addresses.pop(name)

    def stop(self) -> None:
        """End every process, the desks first."""
        for process in reversed(self._processes.values()):
            if process.poll() is None:
                process.terminate()
        for process in self._processes.values():
            try:
                process.wait(STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(STOP_TIMEOUT_S)


def free_ports(count: int) -> list[int]:
    """Return ports on the loopback that were free a moment ago."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()
