"""Center processes on one PostgreSQL: founded in memory, served by real processes, loaded over HTTP.

>>> crew = Crew(tmp_path, postgres_url)
>>> with crew.serving() as leader, crew.serving() as standby:
...     crew.send(leader.url, 10)
"""

from __future__ import annotations

import atexit
import ctypes
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, Final

import httpx
import msgspec
import pytest

from bench.parties import FrozenClock, PartySimulator, encode_request, init_draft, init_signed, make_party
from entente.center.draft import Draft
from entente.center.folder import CenterFolder
from entente.center.founding import Founding
from entente.center.service import _record_founding
from entente.center.shared import SharedRecord, open_shared
from entente.cli.run import run_app
from entente.cli.verify import app as verify_app
from entente.dialogue import About, Say
from entente.joint import KINDS
from entente.joint.audit import RecordAudit
from entente.kernel.envelope import SignedMessage
from entente.record import NoteSigner
from entente.store.leadership import MAX_IDLE_S
from entente.store.mirror import Mirror

ROOT: Final = Path(__file__).resolve().parents[2]
# A warm process that forks a child for each center: importing one costs more than all that these tests ask.
# Each child is handed over to us (a subreaper inherits orphans), so that its end can be waited for.
WARM: Final = """
import json, os, sys, traceback
from pathlib import Path
from entente.center.serve import serve_center

def serve(case):
    for number, name, flags in ((1, "out", os.O_TRUNC), (2, "log", os.O_APPEND)):
        os.dup2(os.open(case[name], os.O_WRONLY | os.O_CREAT | flags), number)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    code = 1
    try:
        code = serve_center(Path(case["folder"]), max_idle_s=case["max_idle_s"],
                            on_ready=lambda url: os.write(1, url.encode() + b"\\n"))
    except BaseException:
        traceback.print_exc()
    os._exit(code)

for line in sys.stdin:
    between = os.fork()
    if between == 0:
        child = os.fork()
        if child == 0:
            serve(json.loads(line))
        print(child, flush=True)
        os._exit(0)
    os.waitpid(between, 0)
"""
_PR_SET_CHILD_SUBREAPER: Final = 36


class Nursery:
    """The warm process."""

    def __init__(self) -> None:
        if ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
            raise OSError(ctypes.get_errno(), "prctl")
        self._process = subprocess.Popen(
            [sys.executable, "-c", WARM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'src'}"},
        )  # fmt: skip

    def close(self) -> None:
        self._process.communicate(timeout=30)

    def start(self, folder: Path, out: Path, log: Path, max_idle_s: float) -> Child:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        case = {"folder": str(folder), "out": str(out), "log": str(log), "max_idle_s": max_idle_s}
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        return Child(int(self._process.stdout.readline()))


class Child:
    """A process that we inherited, with the little of `subprocess.Popen` that is used here."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def poll(self) -> int | None:
        if self._code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                # Its parent has said its number and is about to end: it becomes ours in a moment.
                return None
            if pid:
                self._code = os.waitstatus_to_exitcode(status)
        return self._code

    def wait(self, timeout_s: float) -> int:
        end = time.monotonic() + timeout_s
        while self.poll() is None:
            assert time.monotonic() < end, f"process {self.pid} still runs after {timeout_s} s"
            time.sleep(0.02)
        assert self._code is not None
        return self._code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def find_nursery() -> Nursery:
    """Return the warm process, one a run; it ends when our side of its input does."""
    nursery = Nursery()
    atexit.register(nursery.close)
    return nursery


@dataclass
class Serving:
    """A center process."""

    process: Child
    url: str
    log: Path

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(20)

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)

    def state(self) -> str:
        return str(httpx.get(f"{self.url}/health", timeout=30).json()["state"])

    def size(self) -> int:
        return int(httpx.get(f"{self.url}/status", timeout=30).json()["size"])


def wait_for(ask: Callable[[], Any], what: str, timeout_s: float = 20.0) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = ask()
        if found:
            return found
        time.sleep(0.02)
    pytest.fail(f"{what}: expected within {timeout_s} s")


@dataclass
class Crew:
    """A founded center on PostgreSQL, two parties without witnesses, and what was acknowledged to them."""

    root: Path
    database: str
    parties: list[PartySimulator] = field(default_factory=list)
    acknowledged: list[tuple[SignedMessage, int]] = field(default_factory=list)
    copies: int = 0
    is_signed: bool = True
    draft: Draft | None = None

    def __post_init__(self) -> None:
        self.folder = CenterFolder(self.root / "center")
        self.parties = self.parties or [make_party("ru"), make_party("us")]
        make = init_signed if self.is_signed else init_draft
        self.draft = make(self.folder.root, self.parties, database=self.database)

    def copy(self) -> CenterFolder:
        """Make the folder of another machine: settings, keys and certificates, and nothing else."""
        self.copies += 1
        other = CenterFolder(self.root / f"center-{self.copies}")
        other.root.mkdir()
        shutil.copy2(self.folder.root / "center.toml", other.root)
        for name in ("keys", "tls"):
            shutil.copytree(self.folder.root / name, other.root / name)
        return other

    def open(self, folder: CenterFolder | None = None, clock: FrozenClock | None = None) -> SharedRecord:
        chosen = folder or self.folder
        return open_shared(chosen, chosen.read_settings(), chosen.read_keys(), KINDS, clock or FrozenClock())

    def found(self) -> None:
        """Record the charter, without a process."""
        shared = self.open()
        assert shared.try_lead(max_idle_s=MAX_IDLE_S)
        _record_founding(Founding(self.folder, self.folder.read_keys()).build(), KINDS)(shared.writer)
        shared.close()

    @contextmanager
    def serving(
        self, folder: CenterFolder | None = None, *, max_idle_s: float = MAX_IDLE_S
    ) -> Iterator[Serving]:
        """Run a process of this center; the first one in the founder's folder, others in copies."""
        chosen = folder or self.folder
        log, out = self.root / f"{chosen.root.name}.log", self.root / f"{chosen.root.name}.out"
        out.unlink(missing_ok=True)
        process = find_nursery().start(chosen.root, out, log, max_idle_s)
        try:
            url = wait_for(
                lambda: out.exists() and (out.read_text().strip() or process.poll() is not None), "serves", 60
            )
            assert isinstance(url, str), log.read_text()
            yield Serving(process, url, log)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
                process.wait(20)

    def write(self, party: PartySimulator, text: str) -> tuple[SignedMessage, tuple[tuple[str, bytes], ...]]:
        """Return a party's next message, addressed to the other party, with its ciphertext."""
        reader = self.parties[self.parties.index(party) - 1]
        data = text.encode() * 20
        body = Say("hot", About("none", ""), text, "en", False, None)
        return party.sign("thread.say", body, to=(reader,), ciphertexts=(data,)), ((reader.name, data),)

    def send(self, url: str, count: int, party: int = 0) -> None:
        """Send messages one by one, each of which must be taken."""
        with httpx.Client(base_url=url, timeout=30) as http:
            for number in range(count):
                author = self.parties[party]
                signed, sealed = self.write(author, f"{author.name} {author.seq} {number}")
                answer = http.post("/messages", content=encode_request(signed, sealed))
                assert answer.status_code == 200, answer.text
                self.acknowledge(author, signed, answer.json()["index"])

    def acknowledge(self, author: PartySimulator, signed: SignedMessage, index: int) -> None:
        self.acknowledged.append((signed, index))
        author.accept(signed)

    def check(self) -> RecordAudit:
        """Open the record as a start would: nothing acknowledged is lost, moved or doubled; it verifies."""
        shared = self.open()
        writer = shared.writer
        try:
            # Every frame's signature and root, and every rule over every entry, as an auditor would.
            shared.journal.restore(NoteSigner(self.folder.read_keys().log).key, thorough=True)
            audit = RecordAudit(KINDS)
            entries = [writer.journal.read_entry(index) for index in range(writer.journal.size)]
            for index, entry in enumerate(entries):
                audit.feed(index, entry)
            assert audit.failures == []
            assert len(set(entries)) == len(entries), "an entry stands twice"
            assert writer.published is not None
            assert audit.tree.root() == writer.published.checkpoint.root
            for signed, index in self.acknowledged:
                assert entries[index] == signed.raw, "an acknowledged message is lost or moved"
            self._check_rows(writer, audit)
            # And as a party would, years later, with the program and nothing of the host's.
            mirror = Mirror(self.root / "mirror")
            mirror.extend(writer.tree, 0, writer.journal.read_entries, writer.published.checkpoint)
            assert run_app(verify_app, [str(self.root / "mirror"), "--require", "recorded"]) == 0
        finally:
            shared.close()
        return audit

    def _check_rows(self, writer: Any, audit: RecordAudit) -> None:
        from entente.center import archive
        from entente.store.sql_rows import SqlRows
        from entente.store.tables import ROWS

        stored = SqlRows(writer.database, cache_rows=0)
        count = 0
        for table in audit.state.rows._tables.values():  # type: ignore[attr-defined]
            for key, row in table.items():
                found = stored.find(type(row), key)
                assert found == row, (found, row)
                count += 1
        with writer.database.read() as connection:
            assert len(connection.execute(ROWS.select()).all()) == count
        for signed, index in self.acknowledged:
            payload = msgspec.json.decode(signed.payload)
            for one in payload["to"]:
                found = archive.find_sealed(writer.database, signed.leaf, one["party"])
                assert found is not None, f"the ciphertext of acknowledged message {index} is lost"
        ids = []
        after = 0
        while page := archive.read_events(writer.database, after):
            ids += [event.id for event in page]
            after = ids[-1]
        assert ids == list(range(1, len(ids) + 1)), "an event is missing or doubled"


class Load(threading.Thread):
    """A party's desk under load: sends until told to stop; what was not answered again, to whoever leads."""

    def __init__(self, crew: Crew, party: int, urls: Callable[[], list[str]]) -> None:
        super().__init__(daemon=True)
        self.crew, self.party, self.urls = crew, party, urls
        self.done = threading.Event()
        self.failure: BaseException | None = None
        self.refused: list[tuple[int, str]] = []
        self.waits_s: list[float] = []

    def run(self) -> None:
        try:
            while not self.done.is_set():
                self._send_one()
        except BaseException as error:  # noqa: BLE001 - told by `finish`
            self.failure = error

    def finish(self) -> None:
        self.done.set()
        self.join(60)
        assert not self.is_alive(), "a desk still waits for its answer"
        if self.failure is not None:
            raise self.failure

    def _send_one(self) -> None:
        author = self.crew.parties[self.party]
        signed, sealed = self.crew.write(author, f"{author.name} {author.seq}")
        body = encode_request(signed, sealed)
        begin = time.monotonic()
        while time.monotonic() < begin + 50:
            for url in self.urls():
                try:
                    answer = httpx.post(f"{url}/messages", content=body, timeout=30)
                except httpx.HTTPError:
                    continue
                if answer.status_code == 200:
                    self.waits_s.append(time.monotonic() - begin)
                    self.crew.acknowledge(author, signed, answer.json()["index"])
                    return
                assert answer.status_code == 503, answer.text
                assert answer.headers["retry-after"] == "2"
                self.refused.append((answer.status_code, answer.json()["code"]))
            time.sleep(0.05)
        pytest.fail("a message was never taken")
