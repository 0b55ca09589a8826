"""Faults at every system call by which a batch becomes durable: journal, database, write-ahead log.

Afterwards the center's folder is opened as a start would. Every acknowledged message must be there with its
ciphertext and its rows; rows must be exactly what an auditor computes from the journal; nothing is firm
that no witness cosigned.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from bench.parties import (
    FrozenClock,
    PartySimulator,
    encode_request,
    init_signed,
    make_party,
)
from bench.witness import WitnessServer
from entente.center import archive
from entente.center.folder import CenterFolder
from entente.center.founding import Founding
from entente.center.service import _record_founding
from entente.center.startup import StartState
from entente.center.writer import RecordWriter, open_writer
from entente.dialogue import About, Say
from entente.joint import KINDS
from entente.joint.audit import RecordAudit
from entente.kernel.errors import StoreError
from entente.record import NoteSigner, parse_checkpoint_note
from entente.store.sql_rows import SqlRows
from entente.store.tables import ROWS

ROOT: Final = Path(__file__).resolve().parents[2]
# A warm process that forks a child for each case: importing a center costs more than all its system calls.
# The child stops itself before it touches anything, so that strace can take hold of it.
PROGRAM: Final = """
import json, os, signal, sys
from pathlib import Path
from bench.parties import FrozenClock
from entente.center.folder import CenterFolder
from entente.center.submission import parse_request, verify_submission
from entente.center.writer import open_writer
from entente.joint import KINDS
from entente.kernel.errors import StoreError

def work(folder, files, say):
    try:
        writer = open_writer(folder, folder.read_keys(), KINDS, FrozenClock())
        writer.allow_signing()
        for path in files:
            signed, ciphertexts = parse_request(Path(path).read_bytes())
            submission = verify_submission(signed, ciphertexts, writer.state.ring, KINDS)
            [outcome] = writer.record_batch([submission])
            say("ack " + outcome.leaf)
    except StoreError as error:
        say("stop " + error.code)
        os._exit(70)
    say("done")
    os._exit(0)

for line in sys.stdin:
    case = json.loads(line)
    child = os.fork()
    if child == 0:
        out = os.open(case["out"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.kill(os.getpid(), signal.SIGSTOP)
        work(CenterFolder(Path(case["folder"])), case["files"], lambda text: os.write(out, text.encode() +
        b"\\n"))
    print(child, flush=True)
    print(os.waitpid(child, 0)[1], flush=True)
"""


class Warm:
    """The warm process, and one case at a time in a child of it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-B", "-c", PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PATH": "/usr/bin:/bin"},
        )

    def close(self) -> None:
        self._process.communicate(timeout=30)

    def run(self, folder: Path, files: list[Path], *options: str) -> tuple[list[str], int]:
        """Return what the case said, and its exit code (negative: the signal that killed it)."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        out = folder.parent / f"{folder.name}.out"
        out.touch()
        case = {"folder": str(folder), "files": [str(file) for file in files], "out": str(out)}
        self._process.stdin.write(json.dumps(case) + "\n")
        self._process.stdin.flush()
        child = int(self._process.stdout.readline())
        while " T " not in Path(f"/proc/{child}/stat").read_text():
            pass
        paths = [
            option
            for name in ("journal", "center.db", "center.db-wal")
            for option in ("-P", str((folder / name).resolve()))
        ]
        tracer = subprocess.Popen(
            ["strace", "-f", *paths, *options, "-p", str(child)], stderr=subprocess.PIPE, text=True
        )
        assert tracer.stderr is not None
        assert "attached" in tracer.stderr.readline()
        os.kill(child, signal.SIGCONT)
        status = int(self._process.stdout.readline())
        tracer.communicate(timeout=30)
        return out.read_text().splitlines(), os.waitstatus_to_exitcode(status)


@pytest.fixture(scope="module")
def warm() -> Iterator[Warm]:
    process = Warm()
    yield process
    process.close()


pytestmark = [
    pytest.mark.skipif(shutil.which("strace") is None, reason="no strace: expected it on the path"),
    pytest.mark.timeout(600),
]


def found_center(root: Path) -> tuple[list[PartySimulator], list[Path]]:
    """Found a center and write two addressed messages of its first party to files."""
    parties = [make_party("ru"), make_party("us")]
    folder = root / "center"
    init_signed(folder, parties)
    paths = CenterFolder(folder)
    keys = paths.read_keys()
    writer = open_writer(paths, keys, KINDS, FrozenClock())
    _record_founding(Founding(paths, keys).build(), KINDS)(writer)
    writer.close()
    files = []
    for number in range(2):
        data = b"sealed %d" % number * 200
        body = Say("hot", About("none", ""), f"message {number}", "en", False, None)
        signed = parties[1].sign("thread.say", body, to=(parties[0],), ciphertexts=(data,))
        parties[1].accept(signed)
        files.append(root / f"message-{number}")
        files[-1].write_bytes(encode_request(signed, (("ru", data),)))
    return parties, files


def read_rows(rows: Any) -> dict[tuple[str, str], str]:
    with rows._database.read() as connection:
        return {(row.tbl, row.key): json.loads(row.data) for row in connection.execute(ROWS.select())}


def check(folder: Path, acknowledged: list[str]) -> None:
    """Open as a start would, and compare everything with what an auditor says of the journal."""
    paths = CenterFolder(folder)
    writer = open_writer(paths, paths.read_keys(), KINDS, FrozenClock())
    try:
        audit = RecordAudit(KINDS)
        for index in range(writer.journal.size):
            audit.feed(index, writer.journal.read_entry(index))
        assert audit.failures == []
        assert writer.published is not None
        assert audit.tree.root() == writer.published.checkpoint.root
        check_rows(writer, audit)
        for leaf in acknowledged:
            row = archive.find_message(writer.database, leaf)  # type: ignore[arg-type]
            assert row is not None, "an acknowledged message is lost"
            assert archive.find_sealed(writer.database, leaf, "ru") is not None, "its ciphertext is lost"
            assert archive.find_arrival(writer.database, row.index) is not None
        assert (writer.standings.firm_size, writer.standings.settled_size) == (0, 0)
        ids = [event.id for event in archive.read_events(writer.database, 0)]
        assert ids == list(range(1, len(ids) + 1))
    finally:
        writer.close()


def check_rows(writer: RecordWriter, audit: RecordAudit) -> None:
    """The database says of every row what replaying the journal in memory says."""
    stored = SqlRows(writer.database, cache_rows=0)
    tables = audit.state.rows._tables  # type: ignore[attr-defined]
    count = 0
    for table in tables.values():
        for key, row in table.items():
            assert stored.find(type(row), key) == row
            count += 1
    assert count == len(read_rows(stored))


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    root = tmp_path_factory.mktemp("founded")
    _, files = found_center(root)
    return root / "center", files


@pytest.mark.parametrize("call", ("openat", "pwrite64", "fdatasync", "fsync"))
@pytest.mark.parametrize("fault", ("EIO", "ENOSPC", "KILL"))
def test_a_fault_at_every_step_loses_nothing_acknowledged(
    tmp_path: Path, founded: tuple[Path, list[Path]], warm: Warm, call: str, fault: str
) -> None:
    template, files = founded
    plain = tmp_path / "plain"
    shutil.copytree(template, plain)
    log = tmp_path / "calls"
    lines, code = warm.run(plain, files, "-o", str(log), "-e", f"trace={call}")
    assert (lines[-1], code) == ("done", 0)
    count = len(re.findall(rf"(?m)^(?:\d+\s+)?{call}\(", log.read_text()))
    assert count >= {"openat": 3, "pwrite64": 8, "fdatasync": 4, "fsync": 1}[call]
    stopped = 0
    # SQLite writes a page a call, and looks at errors of a write all in one way: where there are many, every
    # step is killed, and has one error or the other.
    first, every = (1, 1) if fault == "KILL" or count < 32 else (1 + (fault == "EIO"), 2)
    for number in range(first, count + 1, every):
        folder = tmp_path / f"{call}-{number}"
        shutil.copytree(template, folder)
        what = "signal=KILL" if fault == "KILL" else f"error={fault}"
        lines, code = warm.run(folder, files, "-o", "/dev/null", "-e", f"inject={call}:{what}:when={number}")
        acknowledged = [line.split()[1] for line in lines if line.startswith("ack")]
        if fault == "KILL":
            assert code == -signal.SIGKILL
        elif lines[-1:] != ["done"]:
            assert (code, lines[-1][:4]) == (70, "stop"), lines
        stopped += code != 0
        check(folder, acknowledged)
        shutil.rmtree(folder)
    # SQLite looks past a fault that costs nothing (it tries a file that need not be there); most are fatal.
    assert stopped >= count / every / 2


def start(folder: Path, *strace: str) -> subprocess.Popen[str]:
    code = (
        "import sys; from pathlib import Path; from entente.center.serve import serve_center; "
        "sys.exit(serve_center(Path(sys.argv[1]), on_ready=lambda url: print(url, flush=True)))"
    )
    return subprocess.Popen(
        [*strace, sys.executable, "-c", code, str(folder)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'src'}", "PATH": "/usr/bin:/bin"},
    )


def test_a_failed_flush_ends_the_center_and_answers_nobody(
    tmp_path: Path, founded: tuple[Path, list[Path]]
) -> None:
    template, files = founded
    folder = tmp_path / "center"
    shutil.copytree(template, folder)
    strace = ("strace", "-f", "--seccomp-bpf", "-qq", "-o", "/dev/null", "-P", str(folder / "journal"))
    with start(folder, *strace, "-e", "inject=fdatasync:error=EIO:when=1") as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        with httpx.Client(base_url=url, timeout=30) as http:
            while http.get("/health").json()["state"] != "open":
                pass
            with pytest.raises(httpx.RemoteProtocolError):
                http.post("/messages", content=files[0].read_bytes())
        _, errors = process.communicate(timeout=30)
        assert process.returncode == 70
    assert "fdatasync failed" in errors
    check(folder, [])


def test_an_old_backup_is_never_signed_from(tmp_path: Path) -> None:
    parties = [make_party("ru"), make_party("us")]
    folder = tmp_path / "center"
    with WitnessServer(parties[0].witness, "example.org/joint") as witness:
        parties[0].witness_url = witness.url
        init_signed(folder, parties)
        witness.trust(NoteSigner(CenterFolder(folder).read_keys().log).key)
        message = parties[1].sign("thread.say", Say("hot", About("none", ""), "hello", "en", False, None))
        with start(folder) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with httpx.Client(base_url=url, timeout=30) as http:
                while http.get("/status").json()["witnesses"] == []:
                    pass
                wait_cosigned(http, 3)
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=30)
        backup = tmp_path / "backup"
        shutil.copytree(folder, backup)
        with start(folder) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with httpx.Client(base_url=url, timeout=30) as http:
                while http.get("/health").json()["state"] != "open":
                    pass
                assert http.post("/messages", content=encode_request(message)).status_code == 200
                wait_cosigned(http, 4)
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=30)
        # The backup is put back: it holds 3 entries, the witness has cosigned 4.
        with start(backup) as process:
            assert process.stdout is not None
            url = process.stdout.readline().strip()
            with httpx.Client(base_url=url, timeout=30) as http:
                while (state := http.get("/health").json()["state"]) == StartState.WAITING.value:
                    pass
                assert state == "witness-ahead"
                other = parties[1].sign(
                    "thread.say", Say("hot", About("none", ""), "other", "en", False, None)
                )
                refused = http.post("/messages", content=encode_request(other))
                assert (refused.status_code, refused.json()["code"]) == (503, "witness-ahead")
                assert "restore the record from a party's mirror" in refused.json()["message"]
                assert parse_checkpoint_note(http.get("/record/checkpoint").content).size == 3
                process.send_signal(signal.SIGTERM)
                process.communicate(timeout=30)


def wait_cosigned(http: httpx.Client, size: int) -> None:
    for _ in range(2_000):
        if any(one["size"] >= size for one in http.get("/status").json()["witnesses"]):
            return
    pytest.fail(f"expected a witness to cosign size {size}")


def test_a_journal_older_than_its_database_is_refused(
    tmp_path: Path, founded: tuple[Path, list[Path]], warm: Warm
) -> None:
    template, files = founded
    folder = tmp_path / "center"
    shutil.copytree(template, folder)
    old = (folder / "journal").read_bytes()
    assert warm.run(folder, files, "-o", "/dev/null", "-e", "trace=none")[1] == 0
    (folder / "journal").write_bytes(old)
    paths = CenterFolder(folder)
    with pytest.raises(StoreError, match="expected size >= 5, which the database has seen, got 3"):
        open_writer(paths, paths.read_keys(), KINDS, FrozenClock())
