"""A real center with rules for blind checks between ``ru`` and ``us``, spoken to without a socket."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from bench.parties import FrozenClock, SeededRandom, encode_request, init_signed, make_party
from entente.blind import matching
from entente.blind.deposit import Deposit, encode_deposit, make_headers
from entente.blind.holding import CommitHolding, Parcel, find_holding
from entente.blind.match_records import JoinMatch, MatchRow, StartMatch
from entente.blind.matching import Pairing, Told, judge_result, open_box
from entente.blind.rules import AgreeRules, BlindRules, hash_rules
from entente.center.folder import CenterFolder
from entente.center.http import CenterApp, make_app
from entente.center.sequencer import deliver_at_once
from entente.center.service import Center, CenterPorts, open_center
from entente.kernel.keys import SigningKey
from entente.kernel.wire import WireStruct, parse_base64
from entente.store.sodium_group import load_group
from tests.blind_record import digest, make_rules

STARTS = "2016-09-17T12:00:00Z"
_GROUP = load_group(threads=1)
Receive = Callable[[], Awaitable[Any]]


def hash_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def name_parcel(data: bytes, *, inside: bytes | None = None) -> Parcel:
    return Parcel(hash_hex(data), len(data), hash_hex(data if inside is None else inside))


def make_list(tokens: Sequence[int], who: str, *, about: str = "it", bucket: int = 10) -> bytes:
    """A party's lists to the center, of these tokens, under the key of a run that both agree is ``about``."""
    rows = np.zeros((len(tokens), 16), np.uint8)
    rows[:, 8:] = np.array(tokens, ">u8").view(np.uint8).reshape(-1, 8)
    seed = hashlib.sha256(f"pad {who}".encode()).digest()
    return matching.make_list(_GROUP, make_pairing(about, bucket), rows, mask=make_mask(who), pad_seed=seed)


def make_pairing(about: str = "it", bucket: int = 10) -> Pairing:
    key, domain, name = (
        hashlib.sha256(f"{part} {about}".encode()).digest() for part in ("key", "domain", "name")
    )
    return Pairing(key, domain, name, bucket)


def make_mask(who: str) -> bytes:
    return hashlib.sha256(f"mask {who}".encode()).digest()


class BlindCenter:
    """The center of a folder, its two parties, and what they say most often."""

    def __init__(self, root: Path, *, seed: object = 0, **settings: Any) -> None:
        self.root = root
        self.clock = FrozenClock()
        self.parties = {name: make_party(name) for name in ("ru", "us")}
        self.fatal: list[BaseException] = []
        init_signed(root, list(self.parties.values()))
        folder = CenterFolder(root)
        folder.write_settings(msgspec.structs.replace(folder.read_settings(), **settings))
        self._seed = seed
        self.open()

    def open(self) -> None:
        self._seed = f"{self._seed} again"
        ports = CenterPorts(
            clock=self.clock, random=SeededRandom(self._seed), on_fatal=self.fatal.append,
            ladder_every_s=3600,
        )  # fmt: skip
        self.center: Center = open_center(self.root, ports)
        setattr(self.center.matching, "wake", lambda: None)  # noqa: B010 - it matches when a test says so
        self.center.start()
        self.app: CenterApp = make_app(self.center)
        # Another thread asks the witnesses first, of whom there are none.
        for _ in range(1_000):
            if self.center.is_open:
                return
            threading.Event().wait(0.01)
        raise AssertionError(f"center: expected it to open, it is {self.center.readiness}")

    def restart(self) -> None:
        self.center.stop()
        self.open()

    @property
    def rows(self) -> Any:
        return self.center.reading.rows

    @property
    def size(self) -> int:
        published = self.center.reading.find_published()
        return published.size if published else 0

    async def ask_async(
        self,
        method: str,
        path: str,
        headers: dict[str, str],
        receive: Receive,
        also: Sequence[tuple[str, str]] = (),
    ) -> Any:
        self.app.http.attach(asyncio.get_running_loop())
        sent: list[dict[str, Any]] = []
        every = (*headers.items(), *also)
        scope = {
            "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method,
            "scheme": "http", "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "",
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in every],
            "client": ("test", 1), "server": ("test", 80),
        }  # fmt: skip

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        return sent[0]["status"], b"".join(part.get("body", b"") for part in sent[1:])

    def ask(
        self,
        method: str,
        path: str,
        headers: dict[str, str] | None = None,
        pieces: Sequence[bytes] = (b"",),
        *,
        also: Sequence[tuple[str, str]] = (),
    ) -> tuple[int, bytes]:
        """Send pieces one after the other; the pipe breaks off after the last unless it ends the body."""
        waiting = [
            {"type": "http.request", "body": piece, "more_body": place < len(pieces) - 1}
            for place, piece in enumerate(pieces)
        ]

        async def receive() -> Any:
            if not waiting and method == "GET":
                await asyncio.Event().wait()  # whoever asks listens until the end
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        found: tuple[int, bytes] = asyncio.run(self.ask_async(method, path, headers or {}, receive, also))
        return found

    # Parcels

    def sign_deposit(
        self,
        party: str,
        data: bytes,
        to: str,
        *,
        desk: SigningKey | None = None,
        says: dict[str, Any] | None = None,
        sends: dict[str, Any] | None = None,
    ) -> tuple[str, dict[str, str]]:
        """Return path and headers; ``says``: what is signed in place of the truth; ``sends``: of that."""
        signed: dict[str, Any] = {
            "center": self.center.keys.origin, "party": party, "to": to, "sha256": hash_hex(data),
            "size_bytes": len(data),
        } | (says or {})  # fmt: skip
        sent = Deposit(**signed | (sends or {}))
        key = desk or self.parties[party].desk
        return f"/parcels/{sent.sha256}", make_headers(sent, key.sign(encode_deposit(Deposit(**signed))))

    def put(
        self, party: str, data: bytes, to: str, *, pieces: Sequence[bytes] | None = None, **more: Any
    ) -> tuple[int, Any]:
        path, headers = self.sign_deposit(party, data, to, **more)
        status, answer = self.ask("PUT", path, headers, pieces if pieces is not None else (data,))
        return status, json.loads(answer) if answer else {}

    def get(self, sha256: str) -> tuple[int, bytes]:
        return self.ask("GET", f"/parcels/{sha256}")

    def list_files(self) -> list[str]:
        return sorted(path.name for path in CenterFolder(self.root).parcels.iterdir())

    # Messages

    def post(self, party: str, kind: str, body: WireStruct, **more: Any) -> tuple[int, Any]:
        """Send a message; the party's chain goes on when it is recorded."""
        one = self.parties[party]
        message = one.sign(kind, body, **more)
        status, answer = self.ask("POST", "/messages", {}, (encode_request(message),))
        if status == 200:
            one.accept(message)
        return status, json.loads(answer)

    def say(self, party: str, kind: str, body: WireStruct, **more: Any) -> str:
        """Send a message that is recorded, and return its leaf."""
        status, answer = self.post(party, kind, body, **more)
        assert status == 200, answer
        leaf: str = answer["leaf"]
        return leaf

    def agree(self, **more: Any) -> BlindRules:
        rules = make_rules(auditor="", starts=STARTS, **more)
        self.say("ru", "blind.propose", rules)
        self.say("us", "blind.agree", AgreeRules(rules.id, hash_rules(rules)))
        return rules

    def make_commit(self, party: str, data: bytes) -> CommitHolding:
        return CommitHolding(
            "skies", 0, digest(f"key {party}"), digest(f"root {party}"), 100, name_parcel(data, inside=b"")
        )

    def commit(self, party: str) -> str:
        data = f"the tags of {party}".encode()
        assert self.put(party, data, "us" if party == "ru" else "ru")[0] == 200
        return self.say(party, "blind.commit", self.make_commit(party, data))

    def match(self, list_of_ru: bytes, list_of_us: bytes, *, bucket: int = 10, **more: Any) -> str:
        """Have both give their lists, as they are; return the run's leaf."""
        leaf = self.start_match(list_of_ru, bucket=bucket, **more)
        self.join_match(leaf, list_of_us, bucket=bucket)
        return leaf

    def start_match(self, data: bytes, *, bucket: int = 10, number: int = 1, **more: Any) -> str:
        secret = f"a secret for us {number}".encode()
        self.put("ru", data, "center")
        self.put("ru", secret, "us")
        body = StartMatch(
            "skies", 0, number, more.pop("mode", "yes-no"), self.holdings["ru"], bucket, name_parcel(data),
            name_parcel(secret, inside=b""),
        )  # fmt: skip
        return self.say("ru", "blind.match", msgspec.structs.replace(body, **more))

    def join_match(self, leaf: str, data: bytes, *, bucket: int = 10) -> str:
        self.put("us", data, "center")
        body = JoinMatch(leaf, self.holdings["us"], bucket, name_parcel(data))
        return self.say("us", "blind.join", body, officers=())

    @property
    def holdings(self) -> dict[str, str]:
        found = {party: find_holding(self.rows, "skies", 0, party) for party in self.parties}
        return {party: row.newest for party, row in found.items() if row is not None}

    def match_due(self) -> int:
        """Have the center match as its own thread would, without an event loop to answer in."""
        self.center.sequencer.deliver = deliver_at_once
        return self.center.matching.match_due()

    def read_result(self, leaf: str, who: str, *, about: str = "it", bucket: int = 10) -> Told:
        row = self.rows.find(MatchRow, leaf)
        assert row is not None, "a run"
        assert row.matched is not None, "a result"
        box = parse_base64(row.matched.boxes[0 if who == "ru" else 1], what="box")
        told = open_box(box, make_mask(who), leaf, bytes.fromhex(row.matched.commitment))
        is_counting = row.match.mode == "count"
        return judge_result(told, make_pairing(about, bucket), row.join.bucket, is_counting=is_counting)
