"""The record: what a durable append costs beside one fdatasync, and what proofs, audits and cold starts cost.

Each figure is measured as the center does the work: leaf hashes, tree, signed checkpoint with the host's
cosignature, one journal frame, one fdatasync. The peer of the sequential append is a plain fdatasync of as
many bytes, taken in turn with it.

    python -m bench.record [--small]
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.report import Report, percentile
from entente.center.host_time import encode_signed
from entente.joint import KeyRing, verify_message
from entente.kernel.envelope import encode_pae, parse_envelope
from entente.kernel.keys import SigningKey, verify_signature
from entente.record import Tree, leaf_hash
from entente.record.checkpoint import verify_checkpoint
from entente.record.cosignature import CosignatureSigner
from entente.record.note import NoteSigner
from entente.record.policy import Policy, PolicyLog
from entente.record.verifier import audit_record
from entente.store.journal_file import JournalFile, create_journal, open_journal
from entente.store.mirror import Mirror
from tests.parties import SAY, TEST_KINDS, CenterSimulator, PartySimulator, SayBody

ORIGIN: Final = "example.org/bench"
ENTRY_BYTES: Final = 600
BATCH: Final = 256
_TRACED: Final = "--traced"


class Writer:
    """What the center's writer does between the checks and the answer, without the database."""

    def __init__(self, folder: Path) -> None:
        self.log = NoteSigner(SigningKey(ORIGIN, bytes(range(32))))
        self.host = CosignatureSigner(SigningKey("host", bytes(range(1, 33))))
        self.path = folder / "journal"
        create_journal(self.path, ORIGIN)
        self.journal, _ = open_journal(self.path, self.log.key)
        self.tree = Tree()

    def append(self, entries: list[bytes]) -> None:
        """Append a batch; durable when it returns."""
        self.tree.extend([leaf_hash(entry) for entry in entries])
        self.journal.append(entries, sign(self.tree, self.log, self.host))


def sign(tree: Tree, log: NoteSigner, host: CosignatureSigner) -> bytes:
    """Return the signed checkpoint of a tree, with the host's time, as the center makes it."""
    return encode_signed(tree, log, host, 1_474_120_000)


@contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder on the disk that the checkout is on: /tmp may be memory."""
    folder = Path(tempfile.mkdtemp(prefix="bench-", dir=Path(__file__).resolve().parent))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def make_entries(count: int) -> list[bytes]:
    """Return entries of 600 bytes, each another."""
    return [b"%016d" % at + bytes(ENTRY_BYTES - 16) for at in range(count)]


def measure_sequential(report: Report, times: int) -> None:
    """One entry at a time, in turn with a plain write and fdatasync of as many bytes."""
    ours: list[float] = []
    plain: list[float] = []
    with scratch() as folder:
        writer = Writer(folder)
        before = writer.path.stat().st_size
        writer.append(make_entries(1))
        frame_bytes = writer.path.stat().st_size - before
        descriptor = os.open(folder / "plain", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        data = bytes(frame_bytes)
        for entry in make_entries(times):
            began = time.perf_counter()
            os.write(descriptor, data)
            os.fdatasync(descriptor)
            between = time.perf_counter()
            writer.append([entry])
            ours.append(time.perf_counter() - between)
            plain.append(between - began)
        os.close(descriptor)
        writer.journal.close()
    ms, beside = statistics.median(ours) * 1e3, statistics.median(plain) * 1e3
    report.add("plain write and fdatasync of as many bytes, median", beside, "ms")
    report.add(
        "durable append, one entry, median",
        ms,
        "ms",
        target="<= 1.3",
        peer="one fdatasync",
        peer_value=beside,
    )
    report.add("durable append, one entry, p99", percentile(ours, 0.99) * 1e3, "ms")


def measure_batches(report: Report, batches: int) -> None:
    """256 entries a batch, no signature check."""
    entries = make_entries(BATCH * batches)
    rates = []
    for _ in range(3):
        with scratch() as folder:
            writer = Writer(folder)
            began = time.perf_counter()
            for start in range(0, len(entries), BATCH):
                writer.append(entries[start : start + BATCH])
            rates.append(len(entries) / (time.perf_counter() - began))
            writer.journal.close()
    report.add(
        "durable append, batch 256, no signature check", statistics.median(rates), "1/s", target=">= 40000"
    )


def measure_checked(report: Report, count: int) -> None:
    """Do the same with a strict check of every signature, and with every check that needs no order."""
    us, ru = PartySimulator("us"), PartySimulator("ru")
    center = CenterSimulator(us, ru)
    center.found()
    seen = center.seen()
    envelopes = [
        us.write(SAY.name, SayBody(text=f"message {at} {'x' * 80}"), seen).raw for at in range(count)
    ]
    ring = KeyRing.from_rows(center.rows)
    desk = us.desk.public

    def check_signature(raw: bytes) -> bytes:
        signed = parse_envelope(raw)
        verify_signature(desk, signed.signatures[0][1], encode_pae(signed.payload_type, signed.payload))
        return raw

    def check_all(raw: bytes) -> bytes:
        return verify_message(parse_envelope(raw), ring, TEST_KINDS).signed.raw

    def run(check: object, workers: int) -> float:
        assert callable(check)
        with scratch() as folder, ThreadPoolExecutor(workers) as pool:
            writer = Writer(folder)
            began = time.perf_counter()
            for start in range(0, count, BATCH):
                batch = envelopes[start : start + BATCH]
                half = -(-len(batch) // workers)
                parts = [batch[at : at + half] for at in range(0, len(batch), half)]
                done = list(pool.map(lambda part: [check(raw) for raw in part], parts))
                writer.append([raw for part in done for raw in part])
            rate = count / (time.perf_counter() - began)
            writer.journal.close()
        return rate

    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(allowed)})
    one = statistics.median(run(check_signature, 1) for _ in range(3))
    full = statistics.median(run(check_all, 1) for _ in range(3))
    os.sched_setaffinity(0, allowed)
    two = statistics.median(run(check_signature, 2) for _ in range(3))
    report.add("durable append, strict signature check of each, one core", one, "1/s", target=">= 6000")
    report.add("durable append, every check that needs no order, one core", full, "1/s")
    report.add(
        "durable append, strict signature check, two threads",
        two,
        "1/s",
        target=">= 1",
        peer="one core",
        peer_value=one,
    )


def measure_proofs(report: Report, count: int) -> None:
    """Proofs, cold start and audit at a large size."""
    entries = make_entries(count)
    with scratch() as folder:
        writer = Writer(folder)
        for start in range(0, count, BATCH):
            writer.append(entries[start : start + BATCH])
        tree, size = writer.tree, count
        times = []
        for at in range(2000):
            index = at * 7919 % size
            began = time.perf_counter()
            tree.inclusion_proof(index, size)
            times.append(time.perf_counter() - began)
        report.add(
            f"inclusion proof at {count:,}, median", statistics.median(times) * 1e6, "us", target="<= 50"
        )
        writer.journal.close()
        begins = []
        for _ in range(3):
            began = time.perf_counter()
            journal, restored = open_journal(writer.path, writer.log.key)
            begins.append(time.perf_counter() - began)
            assert restored.tree.root() == tree.root()
            assert isinstance(journal, JournalFile)
            journal.close()
        report.add(
            f"cold start of the record, {count:,} entries", statistics.median(begins), "s", target="<= 3"
        )
        mirror = Mirror(folder / "mirror")
        note = sign(tree, writer.log, writer.host)
        mirror.extend(tree, 0, lambda a, b: entries[a:b], verify_checkpoint(note, writer.log.key))
        policy = Policy((PolicyLog(writer.log.key),), (), (), "none")
        rates = []
        for _ in range(3):
            began = time.perf_counter()
            found = audit_record(mirror.source, policy)
            rates.append(count / (time.perf_counter() - began))
            assert found.is_sound
            assert found.entries == count
        report.add("full audit, hash only", statistics.median(rates), "1/s", target=">= 500000")


def measure_flushes(report: Report, batches: int) -> None:
    """Count fdatasync and fsync calls of appended batches with strace, where it is there."""
    strace = shutil.which("strace")
    if strace is None:
        print("fsync count: SKIPPED, strace is not installed")
        return
    with scratch() as folder:
        counts = []
        for many in (0, batches):
            trace = folder / f"trace-{many}"
            subprocess.run(
                [
                    *(strace, "-f", "-e", "trace=fdatasync,fsync", "-o", str(trace)),
                    *(sys.executable, "-m", "bench.record", _TRACED, str(many)),
                ],
                check=True,
                cwd=Path(__file__).resolve().parent.parent,
                timeout=300,
            )
            text = trace.read_text(encoding="utf-8")
            counts.append((len(re.findall(r"\bfdatasync\(", text)), len(re.findall(r"\bfsync\(", text))))
    report.add(
        "fdatasync calls for each batch (strace)",
        (counts[1][0] - counts[0][0]) / batches,
        "calls",
        target="<= 1",
    )
    report.add(
        "fsync calls for each batch (strace)", (counts[1][1] - counts[0][1]) / batches, "calls", target="<= 0"
    )


def append_traced(batches: int) -> None:
    """Append so many batches: what `measure_flushes` watches."""
    with scratch() as folder:
        writer = Writer(folder)
        for _ in range(batches):
            writer.append(make_entries(BATCH))
        writer.journal.close()


def main() -> int:
    """Measure, print a table and write the results; `--small` only shows that it runs."""
    parser = argparse.ArgumentParser(description="Measure the record")
    parser.add_argument("--small", action="store_true", help="a quick run for correctness; writes no results")
    parser.add_argument(_TRACED, type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.traced is not None:
        append_traced(options.traced)
        return 0
    report = Report("record")
    small = options.small
    measure_sequential(report, 20 if small else 400)
    measure_batches(report, 4 if small else 400)
    measure_checked(report, 300 if small else 12_000)
    measure_proofs(report, 3_000 if small else 1_000_000)
    measure_flushes(report, 20)
    if not small:
        report.write()
    return 0


if __name__ == "__main__":
    sys.exit(main())
