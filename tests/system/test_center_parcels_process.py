"""Parcels over real sockets: answers that reach a client in mid-upload, cut pipes, and kill -9."""

from __future__ import annotations

import hashlib
import os
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from bench.parties import ORIGIN, PartySimulator, init_signed, make_party
from entente.blind.deposit import Deposit, encode_deposit, make_headers
from entente.center.folder import CenterFolder
from tests.system.test_center_process import Running, running

LARGE = 5_000_000


def sign(party: PartySimulator, data: bytes) -> tuple[str, dict[str, str]]:
    deposit = Deposit(ORIGIN, party.name, "us", hashlib.sha256(data).hexdigest(), len(data))
    return f"/parcels/{deposit.sha256}", make_headers(deposit, party.desk.sign(encode_deposit(deposit)))


def begin_upload(center: Running, path: str, headers: dict[str, str], data: bytes) -> socket.socket:
    """Send the head and a part of the body; the rest never comes."""
    parts = urlsplit(center.url)
    plug = socket.create_connection((parts.hostname or "", parts.port or 0), timeout=10)
    lines = [f"PUT {path} HTTP/1.1", "host: center", *(f"{name}: {value}" for name, value in headers.items())]
    plug.sendall("\r\n".join([*lines, "", ""]).encode() + data)
    return plug


def list_parcels(folder: Path) -> list[str]:
    return sorted(path.name for path in CenterFolder(folder).parcels.iterdir())


def wait_for_files(folder: Path, count: int) -> None:
    end_s = time.monotonic() + 15
    while len(list_parcels(folder)) != count:
        assert time.monotonic() < end_s, list_parcels(folder)
        time.sleep(0.02)


def test_uploads_over_sockets_are_whole_or_nothing(tmp_path: Path) -> None:
    folder, parties = tmp_path / "center", [make_party(name) for name in ("ru", "us")]
    init_signed(folder, parties)
    ru, us = parties
    data, other = os.urandom(LARGE), os.urandom(LARGE)
    path, headers = sign(ru, data)
    with running(folder) as center, httpx.Client(base_url=center.url, timeout=20) as client:
        # Refused by its head, while five megabytes are on their way: the client reads why.
        forged = headers | {"entente-party": us.name, "entente-to": ru.name}
        answer = client.put(path, content=data, headers=forged)
        assert (answer.status_code, answer.json()["code"]) == (403, "bad-signature")
        answer = client.put(path, content=data, headers=headers)
        assert (answer.status_code, answer.json()["size_bytes"]) == (200, LARGE), answer.text
        assert client.put(path, content=data, headers=headers).status_code == 200
        # Without a length nothing is taken.
        streamed = {name: value for name, value in headers.items() if name != "content-length"}
        answer = client.put(path, content=iter((data,)), headers=streamed)
        assert (answer.status_code, answer.json()["code"]) == (400, "no-length")
        # A pipe that is cut in the middle.
        plug = begin_upload(center, *sign(ru, other), other[:2_500_000])
        wait_for_files(folder, 2)
        plug.close()
        wait_for_files(folder, 1)
        # A center that is killed in the middle, right after it answered for another one.
        plug = begin_upload(center, *sign(ru, other), other[:2_500_000])
        wait_for_files(folder, 2)
        small = b"answered"
        assert client.put(sign(ru, small)[0], content=small, headers=sign(ru, small)[1]).status_code == 200
        os.kill(center.process.pid, signal.SIGKILL)
        center.process.wait(10)
        plug.close()
    kept = sorted(f"{hashlib.sha256(one).hexdigest()}.ru.us" for one in (data, small))
    with running(folder) as center, httpx.Client(base_url=center.url, timeout=20) as client:
        assert list_parcels(folder) == kept
        other_path, other_headers = sign(ru, other)
        end_s = time.monotonic() + 15
        while client.put(other_path, content=other, headers=other_headers).status_code != 200:
            assert time.monotonic() < end_s, "it opens when nobody needs to be asked"
            time.sleep(0.05)
        assert center.stop() == 0
