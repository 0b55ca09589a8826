"""The center under load: one message per HTTPS POST with client certificate, answered only when covered.

64 parties, each with one message under way; the center is a real process, the load another. Every message
is checked in
full: form, signature, chain, `seen`, rule. Two kinds of traffic:

    addressed   thread.say sealed to one partner: what officers do; a ciphertext is stored, a receipt opened
    receipts    receipt.deliver of such a message: what desks do by themselves

    python -m bench.center [--small] [--database URL|new]

With --database the record lies in PostgreSQL (``new``: a throw-away server on this machine) and nothing is
written to the results.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, Final

import httpx

from bench.load import SEPARATOR
from bench.parties import PartySimulator, SeededRandom, encode_request, init_signed, make_party
from bench.report import Report
from entente.deconflict import Deliver, Delivery
from entente.dialogue import About, Say
from entente.kernel.message import encode_body
from entente.kernel.sealed import SUITE, SealContext, pack_sealed, parse_seal_public
from entente.kernel.wire import WireStruct
from entente.store.clock import SystemClock
from entente.store.tls import KeyedCertificate, issue_client, make_authority, make_client_context
from tests.postgres import running_postgres

CALLERS: Final = 64
ROOT: Final = Path(__file__).resolve().parent.parent
_RUN: Final = (
    "import sys; from pathlib import Path; from entente.center.serve import serve_center; "
    "sys.exit(serve_center(Path(sys.argv[1]), clock=sys.argv[2] or None, "
    "on_ready=lambda url: print(url, flush=True)))"
)


@contextmanager
def running_center(
    folder: Path, *, trace: Path | None = None, clock: str = ""
) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run the center as a process and give it and its port."""
    command = [sys.executable, "-c", _RUN, str(folder), clock]
    if trace is not None:
        command = ["strace", "-D", "-f", "-c", "-e", "trace=fdatasync,fsync", "-o", str(trace), *command]
    with (folder.parent / "center.log").open("a", encoding="utf-8") as log:
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        assert url, (folder.parent / "center.log").read_text(encoding="utf-8")
        yield process, int(url.rpartition(":")[2])
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
        process.stdout.close()


def seal(author: PartySimulator, to: PartySimulator, kind: str, body: WireStruct, origin: str) -> bytes:
    """Return a body sealed to one partner (salt of zeros: nothing here is secret)."""
    context = SealContext(origin, author.name, author.seq, kind, to.name)  # type: ignore[arg-type]
    key = parse_seal_public(to.seal.public_bytes)
    return SUITE.encrypt(pack_sealed(encode_body(body), bytes(32)), key, info=context.info())


def build_requests(
    parties: list[PartySimulator], traffic: str, count: int, folder: Path, sent: dict[str, list[str]]
) -> list[Path]:
    """Write each party's requests to a file, whole HTTP requests one after the other.

    Args:
        sent: Leaves of what was addressed to each party: filled by one traffic, answered by the other.
    """
    files = []
    for place, party in enumerate(parties):
        partner = parties[(place + 1) % len(parties)]
        path = folder / f"{traffic}-{party.name}"
        with path.open("wb") as file:
            for number in range(count):
                file.write(_build_request(party, partner, traffic, number, sent) + SEPARATOR)
        files.append(path)
    return files


def _build_request(
    party: PartySimulator, partner: PartySimulator, traffic: str, number: int, sent: dict[str, list[str]]
) -> bytes:
    text = f"convoy {number} of {party.name} passes checkpoint four at dawn"
    ciphertexts: tuple[tuple[str, bytes], ...] = ()
    if traffic == "addressed":
        body = Say(f"{party.name}-{number % 10}", About("none", ""), text, "en", False, None)
        data = seal(party, partner, "thread.say", body, "example.org/joint")
        signed = party.sign("thread.say", body, to=(partner,), ciphertexts=(data,))
        assert signed.payload.find(hashlib.sha256(data).hexdigest().encode()) > 0
        ciphertexts = ((partner.name, data),)
        sent.setdefault(partner.name, []).append(signed.leaf)
    else:
        delivery = Delivery(sent[party.name][number], "readable", "")
        signed = party.sign("receipt.deliver", Deliver([delivery]), officers=())
    party.accept(signed)
    content = encode_request(signed, ciphertexts)
    head = (
        "POST /messages HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
        f"content-length: {len(content)}\r\n\r\n"
    )
    return head.encode() + content


def measure(
    folder: Path | None, work: Path, port: int, files: list[Path], parties: list[PartySimulator]
) -> dict[str, Any]:
    """Run the load against a running center and return its figures; without a folder, over plain HTTP."""
    plan = {
        "port": port,
        "tls_ca": str(folder / "tls" / "authority.crt") if folder else "",
        "callers": [
            {
                "requests": str(file),
                "certificate": str(work / f"{one.name}.crt"),
                "key": str(work / f"{one.name}.key"),
            }
            for file, one in zip(files, parties, strict=True)
        ],
    }
    path = work / "plan.json"
    path.write_text(json.dumps(plan), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "bench.load", str(path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    figures: dict[str, Any] = json.loads(done.stdout)
    assert set(figures["statuses"]) == {"200"}, figures
    return figures


def main() -> int:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(prog="python -m bench.center")
    parser.add_argument("--small", action="store_true", help="a quick run for correctness; writes no results")
    parser.add_argument("--database", default="", help="a PostgreSQL URL, or `new` for a throw-away server")
    parser.add_argument("--each", type=int, default=0, help="messages a caller; writes no results")
    arguments = parser.parse_args()
    each = arguments.each or (10 if arguments.small else 400)
    report = Report("center")
    work = Path(tempfile.mkdtemp(prefix="entente-bench-"))
    try:
        with ExitStack() as stack:
            database = arguments.database
            if database == "new":
                server = stack.enter_context(running_postgres(shared_buffers="256MB", max_wal_size="4GB"))
                database = server.create_database()
            _run(report, work, each, database)
        if not database:
            _measure_flushes(report, work)
    finally:
        shutil.rmtree(work)
    if not (arguments.small or arguments.each or arguments.database):
        report.write()
    return 0


def _run(report: Report, work: Path, each: int, database: str) -> None:
    folder = work / "center"
    clock, draw = SystemClock(), SeededRandom("bench")
    authority = make_authority("callers", clock, draw)
    parties = [make_party(f"p{place:02d}") for place in range(CALLERS)]
    parties[0].tls_ca = authority.certificate.decode()
    for party in parties:
        _write_pair(work / party.name, issue_client(authority, party.name, clock, draw))
    init_signed(folder, parties, tls=True, client_certificates=True, database=database)
    first = parties[0].sign("thread.say", Say("t", About("none", ""), "hello", "en", False, None))
    parties[0].accept(first)
    with running_center(folder) as (process, port):
        _post_first(work, folder, port, first.raw)
        sent: dict[str, list[str]] = {}
        for traffic in ("addressed", "receipts"):
            files = build_requests(parties, traffic, each, work, sent)
            before = _read_cpu_s(process.pid)
            figures = measure(folder, work, port, files, parties)
            cpu_s = _read_cpu_s(process.pid) - before
            rate = figures["answers"] / figures["seconds"]
            name = f"HTTPS POST, {CALLERS} callers, {traffic}"
            report.add(f"{name}: rate", rate, "1/s", target=">= 1500")
            report.add(f"{name}: p50", figures["p50_ms"], "ms")
            report.add(f"{name}: p99", figures["p99_ms"], "ms")
            report.add(f"{name}: center's CPU", cpu_s / figures["answers"] * 1e6, "us each")
            report.add(f"{name}: load's CPU", figures["cpu_s"] / figures["answers"] * 1e6, "us each")


def _measure_flushes(report: Report, work: Path) -> None:
    """Count the flushes of a center under load by system-call tracing, those of its start taken off."""
    if shutil.which("strace") is None:
        print("flushes a batch: not measured, strace is not installed")
        return
    idle, _, batches_idle = _count_flushes(work / "idle", 0)
    flushes, messages, batches = _count_flushes(work / "busy", 25)
    share = (flushes - idle) / (batches - batches_idle)
    report.add("flushes a batch, journal and database together, by strace", share, "", target="<= 2.05")
    report.add("messages a batch in that run", messages / (batches - batches_idle), "")


def _count_flushes(work: Path, each: int) -> tuple[int, int, float]:
    """Return flushes, messages and batches of a center's whole life, over plain HTTP."""
    work.mkdir()
    folder, trace = work / "center", work / "trace"
    parties = [make_party(f"t{place:02d}") for place in range(8)]
    init_signed(folder, parties)
    with running_center(folder, trace=trace) as (_, port):
        if each:
            measure(None, work, port, build_requests(parties, "addressed", each, work, {}), parties)
        with httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
            text = http.get("/metrics").text
    end = time.monotonic() + 10  # strace writes its table after the center has ended
    while "total" not in (trace.read_text(encoding="utf-8") if trace.exists() else ""):
        assert time.monotonic() < end, "strace wrote nothing"
        time.sleep(0.05)
    table = trace.read_text(encoding="utf-8")
    calls = re.findall(r"(?m)^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(?:fdatasync|fsync)$", table)
    assert calls, table
    batches = float(re.findall(r"(?m)^entente_batch_messages_count (\S+)", text)[0])
    return sum(map(int, calls)), len(parties) * each, batches


def _post_first(work: Path, folder: Path, port: int, raw: bytes) -> None:
    context = make_client_context(
        ca_pem=(folder / "tls" / "authority.crt").read_text(encoding="utf-8"),
        certificate=work / "p00.crt",
        key=work / "p00.key",
    )
    with httpx.Client(verify=context, base_url=f"https://127.0.0.1:{port}") as http:
        end = time.monotonic() + 60
        while http.get("/health").json()["state"] != "open":
            assert time.monotonic() < end, "the center did not open"
            time.sleep(0.1)
        body = b'{"envelope":%b,"ciphertexts":[]}' % raw
        assert http.post("/messages", content=body).status_code == 200


def _write_pair(path: Path, pair: KeyedCertificate) -> None:
    path.with_suffix(".crt").write_bytes(pair.certificate)
    path.with_suffix(".key").write_bytes(pair.key)


def _read_cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    sys.exit(main())
