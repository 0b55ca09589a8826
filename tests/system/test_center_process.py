"""The center as a real process: sockets, signals, witnesses, TLS with client certificates."""

from __future__ import annotations

import json
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from bench.parties import ORIGIN, PartySimulator, SeededRandom, encode_request, init_draft, make_party
from bench.witness import WitnessServer
from entente.center.draft import parse_draft
from entente.center.folder import CenterFolder
from entente.dialogue import About, Say
from entente.kernel.wire import parse_base64
from entente.record import NoteSigner, leaf_hash, parse_note_key, verify_checkpoint, verify_inclusion
from entente.store.clock import SystemClock
from entente.store.tls import issue_client, make_authority, make_client_context

ROOT: Final = Path(__file__).resolve().parents[2]
RUN: Final = (
    "import sys, json; from pathlib import Path; from entente.center.serve import serve_center; "
    "sys.exit(serve_center(Path(sys.argv[1]), without=json.loads(sys.argv[2]), "
    "on_ready=lambda url: print(url, flush=True)))"
)


@dataclass
class Running:
    process: subprocess.Popen[str]
    url: str
    log: Path

    def stop(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(20)


@contextmanager
def running(folder: Path, *, without: tuple[str, ...] = ()) -> Iterator[Running]:
    log = folder.parent / "center.log"
    with log.open("a") as errors:
        process = subprocess.Popen(
            [sys.executable, "-c", RUN, str(folder), json.dumps(without)],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
    assert process.stdout is not None
    try:
        url = process.stdout.readline().strip()
        assert url, log.read_text()
        yield Running(process, url, log)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(10)
        process.stdout.close()


def wait_for(ask: Callable[[], Any], what: str, timeout_s: float = 15.0) -> Any:
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        found = ask()
        if found:
            return found
        time.sleep(0.05)
    pytest.fail(f"{what}: expected within {timeout_s} s")


def say(party: PartySimulator, text: str = "hello") -> Any:
    return party.sign("thread.say", Say("hot", About("none", ""), text, "en", False, None))


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as each:
        yield each


def start_witnesses(stack: ExitStack, parties: list[PartySimulator]) -> list[WitnessServer]:
    servers = [stack.enter_context(WitnessServer(party.witness, ORIGIN)) for party in parties]
    for party, server in zip(parties, servers, strict=True):
        party.witness_url = server.url
    return servers


def trust_log(folder: Path, servers: list[WitnessServer]) -> None:
    key = NoteSigner(CenterFolder(folder).read_keys().log).key
    for server in servers:
        server.trust(key)


def test_a_center_is_founded_takes_a_message_and_becomes_settled(tmp_path: Path, stack: ExitStack) -> None:
    parties = [make_party(name) for name in ("ru", "us")]
    servers = start_witnesses(stack, parties)
    folder = tmp_path / "center"
    init_draft(folder, parties)
    trust_log(folder, servers)
    with running(folder) as center, httpx.Client(base_url=center.url) as http:
        charter = http.get("/charter").json()
        assert (charter["state"], charter["missing"]) == ("draft", ["ru", "us"])
        refused = http.post("/messages", content=encode_request(say(parties[1])))
        assert (refused.status_code, refused.json()["code"]) == (503, "no-charter")
        draft = parse_draft(parse_base64(charter["payload"], what="payload"))
        for party in parties:
            answer = http.post("/charter/signatures", content=party.sign_charter(draft))
            assert answer.status_code == 200, answer.text
        assert http.get("/charter").json()["state"] == "founded"
        message = say(parties[1])
        answer = http.post("/messages", content=encode_request(message))
        assert answer.status_code == 200, answer.text
        got = answer.json()
        log_key = parse_note_key(draft.charter.log)
        checkpoint = verify_checkpoint(got["checkpoint"].encode(), log_key)
        proof = [parse_base64(step, what="step") for step in got["proof"]]
        verify_inclusion(leaf_hash(message.raw), got["index"], checkpoint.size, proof, checkpoint.root)
        again = http.post("/messages", content=encode_request(message)).json()
        assert (again["index"], again["leaf"]) == (3, message.leaf)
        wait_for(lambda: http.get("/status").json()["settled_size"] == 4, "settled")
        assert http.get(f"/messages/{message.leaf}").json()["standing"] == "settled"
        assert http.get("/record/checkpoint/settled").content.count("\u2014".encode()) == 4
        with http.stream("GET", "/events?after=0") as events:
            lines = iter(events.iter_lines())
            first = [next(lines) for _ in range(5)]
        assert first[2:5] == ["id: 1", "event: recorded", 'data: {"from": 0, "to": 3}']
        with http.stream("GET", "/events", headers={"last-event-id": "99999"}) as events:
            lines = iter(events.iter_lines())
            assert next(line for line in lines if line.startswith("event")) == "event: reset"
        assert center.stop() == 0


def test_a_restarted_center_waits_for_every_witness_before_it_signs(tmp_path: Path, stack: ExitStack) -> None:
    parties = [make_party(name) for name in ("ru", "us")]
    servers = start_witnesses(stack, parties)
    folder = tmp_path / "center"
    draft = init_draft(folder, parties)
    trust_log(folder, servers)
    with running(folder) as center, httpx.Client(base_url=center.url) as http:
        for party in parties:
            assert http.post("/charter/signatures", content=party.sign_charter(draft)).status_code == 200
        wait_for(lambda: http.get("/status").json()["settled_size"] == 3, "settled")
        assert center.stop() == 0
    servers[0].is_away = True
    message = say(parties[1])
    with running(folder) as center, httpx.Client(base_url=center.url) as http:
        refused = http.post("/messages", content=encode_request(message))
        assert (refused.status_code, refused.json()["code"]) == (503, "waiting-for-witness")
        assert http.get("/record/checkpoint").status_code == 200, "reads are served meanwhile"
        servers[0].is_away = False
        wait_for(lambda: http.get("/health").json()["state"] == "open", "open")
        assert http.post("/messages", content=encode_request(message)).status_code == 200
        assert center.stop() == 0


def test_tls_lets_in_only_who_has_a_partys_certificate(tmp_path: Path) -> None:
    clock, draw = SystemClock(), SeededRandom("tls")
    authority = make_authority("us", clock, draw)
    stranger = make_authority("xx", clock, draw)
    parties = [make_party("ru"), make_party("us", tls_ca=authority.certificate.decode())]
    folder = tmp_path / "center"
    init_draft(folder, parties, tls=True, client_certificates=True)
    ca = (folder / "tls" / "authority.crt").read_text()
    for name, issuer in (("us", authority), ("xx", stranger)):
        pair = issue_client(issuer, name, clock, draw)
        (tmp_path / f"{name}.crt").write_bytes(pair.certificate)
        (tmp_path / f"{name}.key").write_bytes(pair.key)
    with running(folder) as center:

        def connect(name: str | None) -> int:
            pair = (tmp_path / f"{name}.crt", tmp_path / f"{name}.key") if name else (None, None)
            context = make_client_context(ca_pem=ca, certificate=pair[0], key=pair[1])
            with httpx.Client(verify=context) as http:
                return http.get(f"{center.url}/charter").status_code

        assert connect("us") == 200
        for intruder in ("xx", None):
            with pytest.raises(httpx.HTTPError):
                connect(intruder)
        assert center.stop() == 0


def test_a_client_that_trusts_another_center_refuses(tmp_path: Path) -> None:
    other = make_authority("other", SystemClock(), SeededRandom("other"))
    folder = tmp_path / "center"
    init_draft(folder, [make_party("ru"), make_party("us")], tls=True)
    with running(folder) as center:
        context = make_client_context(ca_pem=other.certificate.decode())
        with (
            pytest.raises(httpx.ConnectError, match="certificate verify failed"),
            httpx.Client(verify=context) as http,
        ):
            http.get(f"{center.url}/charter")
        assert isinstance(context, ssl.SSLContext)
