"""Faults at every system call of an append: an error, a full disk, a kill. Nothing acknowledged is ever lost.

strace makes the kernel answer the N-th call on the journal's folder with an error, or kills the program
there. The program acknowledges each batch by a line on its standard output, after the journal returned.
Afterwards the journal is opened as a start would, and must hold every acknowledged batch, whole batches
alone, and be able to go on.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from entente.kernel.errors import StoreError
from entente.kernel.keys import SigningKey
from entente.record import Checkpoint, NoteSigner, Tree, leaf_hash, sign_checkpoint
from entente.store.journal_file import create_journal, open_journal

ROOT: Final = Path(__file__).resolve().parents[2]
ORIGIN: Final = "example.org/crash"
BATCHES: Final = 3
BATCH: Final = 4
CALLS: Final = ("openat", "pwrite64", "fdatasync", "fsync", "rename", "flock")
FAULTS: Final = ("EIO", "ENOSPC", "KILL")
# What each batch holds, the program and the test agree on.
PROGRAM: Final = f"""
import sys
from pathlib import Path
sys.path[:0] = [{str(ROOT / "src")!r}, {str(ROOT)!r}]
from entente.kernel.errors import StoreError
from entente.kernel.keys import SigningKey
from entente.record import Checkpoint, NoteSigner, Tree, leaf_hash, sign_checkpoint
from entente.store.journal_file import create_journal, open_journal
signer = NoteSigner(SigningKey({ORIGIN!r}, bytes(32)))
path = Path(sys.argv[1]) / "journal"
try:
    if not path.exists():
        create_journal(path, {ORIGIN!r})
    journal, restored = open_journal(path, signer.key)
    tree = restored.tree
    for number in range(tree.size // {BATCH}, {BATCHES}):
        entries = [b"batch %d entry %d" % (number, at) for at in range({BATCH})]
        tree.extend([leaf_hash(entry) for entry in entries])
        journal.append(entries, sign_checkpoint(Checkpoint({ORIGIN!r}, tree.size, tree.root()), signer))
        print("ack", number, flush=True)
except StoreError as error:
    print("stop", error.code, flush=True)
    sys.exit(70)
print("done", flush=True)
"""

pytestmark = [
    pytest.mark.skipif(shutil.which("strace") is None, reason="no strace: expected it on the path"),
    pytest.mark.timeout(300),
]
signer: Final = NoteSigner(SigningKey(ORIGIN, bytes(32)))


def run(folder: Path, call: str, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the program with strace looking at one call, as far as it touches the folder."""
    paths = [option for name in (".", "journal") for option in ("-P", str((folder / name).resolve()))]
    if call == "rename":
        paths = []  # strace goes by the old name here, which is a new one each time; nothing else renames
    command = ["strace", "-f", "--seccomp-bpf", "-qq", *paths, *options, sys.executable, "-B", "-c", PROGRAM]
    return subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)


def count_calls(folder: Path, call: str) -> int:
    """Return how often a call touches the folder in an undisturbed run."""
    log = folder.parent / "calls"
    done = run(folder, call, "-o", str(log), "-e", f"trace={call}")
    assert done.stdout.splitlines()[-1:] == ["done"], done.stderr
    return len(re.findall(rf"(?m)^(?:\d+\s+)?{call}\(", log.read_text()))


def check(folder: Path, acknowledged: int) -> None:
    """Open the journal as a start would: what was acknowledged is there, and it can go on."""
    path = folder / "journal"
    if not path.exists():
        assert acknowledged == 0
        create_journal(path, ORIGIN)
    journal, restored = open_journal(path, signer.key)
    try:
        assert journal.size % BATCH == 0, "half a batch"
        assert journal.size >= acknowledged * BATCH, "an acknowledged batch is lost"
        for index in range(journal.size):
            assert journal.read_entry(index) == b"batch %d entry %d" % divmod(index, BATCH)
        tree: Tree = restored.tree
        tree.append(leaf_hash(b"after"))
        note = sign_checkpoint(Checkpoint(ORIGIN, tree.size, tree.root()), signer)
        journal.append([b"after"], note)
    finally:
        journal.close()


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> dict[str, int]:
    found = {}
    for call in CALLS:
        folder = tmp_path_factory.mktemp(call) / "center"
        folder.mkdir()
        found[call] = count_calls(folder, call)
    # One write and one flush a batch; what is more belongs to making and opening the file.
    assert found["fdatasync"] == BATCHES
    assert found["pwrite64"] >= BATCHES + 1
    return found


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("call", CALLS)
def test_a_fault_at_every_call_loses_nothing_acknowledged(
    tmp_path: Path, calls: dict[str, int], call: str, fault: str
) -> None:
    assert calls[call] > 0, f"expected {call} in a plain run, got {calls}"
    for number in range(1, calls[call] + 1):
        folder = tmp_path / f"{number}" / "center"
        folder.mkdir(parents=True)
        what = "signal=KILL" if fault == "KILL" else f"error={fault}"
        done = run(folder, call, "-o", "/dev/null", "-e", f"inject={call}:{what}:when={number}")
        lines = done.stdout.splitlines()
        acknowledged = sum(line.startswith("ack") for line in lines)
        assert lines[-1:] != ["done"], f"{call} {number}: the fault was not noticed"
        if fault != "KILL":
            # Said plainly, and nothing acknowledged after it.
            assert lines[-1].startswith("stop"), done.stderr
            assert done.returncode == 70
            assert fault == "EIO" or lines[-1] in {"stop disk-full", "stop io-error"}
        check(folder, acknowledged)


def test_a_full_disk_stops_cleanly(tmp_path: Path) -> None:
    # RLIMIT_FSIZE makes the write fail where a full disk would: in the middle of a frame.
    folder = tmp_path / "center"
    folder.mkdir()
    limit = (
        "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
        "resource.setrlimit(resource.RLIMIT_FSIZE, (900, 900))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", limit + PROGRAM, str(folder)], capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    assert (done.returncode, lines[-1]) == (70, "stop disk-full"), done.stdout + done.stderr
    assert 0 < sum(line.startswith("ack") for line in lines) < BATCHES
    check(folder, sum(line.startswith("ack") for line in lines))


def test_two_owners_are_refused(tmp_path: Path) -> None:
    create_journal(tmp_path / "journal", ORIGIN)
    journal, _ = open_journal(tmp_path / "journal", signer.key)
    with pytest.raises(StoreError, match="another process has it"):
        open_journal(tmp_path / "journal", signer.key)
    journal.close()
