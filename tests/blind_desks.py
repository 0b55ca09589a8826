"""Two real desks at one center in memory that carries parcels: blind checks from end to end, no socket.

>>> two = make_two_desks(tmp_path)
>>> two.agree()
>>> two.ask("us", "blind-check", rules="skies")["verdict"]
'CLEAR'
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec

from entente.blind import matching
from entente.blind.asking import plan_lapses
from entente.blind.deposit import parse_headers, verify_deposit
from entente.blind.match_records import TellMatched, plan_matches
from entente.blind.naming import list_parcels
from entente.blind.rules import Allowance
from entente.desk.assembly import Desk, open_desk
from entente.desk.blind.carrier import BlindCarrier
from entente.desk.joining import get_pin, join
from entente.desk.service import VERBS, call
from entente.desk.vault import Vault, init_desk
from entente.joint import KINDS
from entente.kernel.envelope import parse_envelope
from entente.kernel.errors import TransportError
from entente.kernel.message import CENTER, parse_message
from entente.kernel.time import encode_utc
from entente.kernel.wire import encode_base64
from entente.space import CircleWire, VolumeWire
from entente.store.sodium_group import load_group
from tests.blind_record import GRID
from tests.parties import ORIGIN, draw_seed
from tests.protocol.desk_stage import (
    OFFICERS,
    PLACES,
    HandClock,
    MemoryViews,
    SeededRandom,
    make_config,
)
from tests.protocol.lying_center import Answer, CardParty, LyingCenter

HERE_E7 = (352_500_000, 401_500_000)
NEAR_E7 = (352_510_000, 401_510_000)
"""Some 150 m from `HERE_E7`."""
FAR_E7 = (342_500_000, 391_500_000)
AWAY_E7 = (332_500_000, 381_500_000)
ALLOWANCE = Allowance(whole_cells=20_000, whole_runs=4, delta_cells=2_000, delta_runs=4, matches=2)
_GROUP = load_group(threads=1)


class ParcelCenter(LyingCenter):
    """A center that keeps parcels, matches lists and runs the clock of answers; it lies on demand."""

    def __init__(self, clock: HandClock, us: CardParty, ru: CardParty) -> None:
        super().__init__(us, ru)
        self.clock = clock
        self.parcels: dict[str, bytes] = {}
        self.given: dict[str, str] = {}
        self.recorded: dict[str, Any] = {}
        self.swap: Callable[[str, bytes], bytes | None] = lambda _sha256, data: data
        self.rounded: Callable[[matching.MatchResult], matching.MatchResult] = lambda result: result
        self.before_put: Callable[[str, bytes], None] = lambda _sha256, _data: None

    def put_parcel(self, sha256: str, data: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
        if "no-network" in self.lies:
            raise TransportError("no-answer", "center: ConnectError")
        self.before_put(sha256, data)
        deposit, signature = parse_headers(ORIGIN, sha256, headers)
        party = self.us if deposit.party == self.us.name else self.others[deposit.party]
        verify_deposit(deposit, signature, party.desk.public)
        assert (hashlib.sha256(data).hexdigest(), len(data)) == (sha256, deposit.size_bytes)
        self.parcels[sha256] = data
        self.given[sha256] = deposit.party
        return 200, b"{}"

    def get_parcel(self, sha256: str, size_bytes: int) -> tuple[int, bytes]:
        if "no-network" in self.lies:
            raise TransportError("no-answer", "center: ConnectError")
        data = self.swap(sha256, self.parcels[sha256])
        assert size_bytes
        return (404, b"{}") if data is None else (200, data)

    def _submit(self, body: bytes) -> Answer:
        plain = json.loads(body)
        raw = json.dumps(
            plain["envelope"], separators=(",", ":"), sort_keys=True, ensure_ascii=False
        ).encode()
        message = parse_message(parse_envelope(raw), KINDS.bodies)
        named = list_parcels(message.body, message.payload.author, self.core.rows)
        if any(parcel.sha256 not in self.parcels for parcel, _ in named):
            return self._refuse(message.signed, "no-parcel", "deposit it first", 403)
        self.recorded.setdefault(message.leaf, self.clock.now)
        return super()._submit(body)

    def tick(self) -> int:
        """Say what the center says by itself: who did not answer, and what lists came to."""
        said = 0
        for kind, body in plan_lapses(self.core.rows, self.clock.now, self.recorded.get):
            self.core.submit(self.core.write(kind, body, at=encode_utc(self.clock.now)))
            said += 1
        for row in plan_matches(self.core.rows):
            assert row.join is not None
            lists = self.parcels[row.match.tags.sha256], self.parcels[row.join.tags.sha256]
            found = matching.match_lists(*lists, buckets=(row.match.bucket, row.join.bucket))
            result = matching.round_result(found, is_counting=row.match.mode == "count")
            result, salt = self.rounded(result), draw_seed(row.leaf)
            boxes = [encode_base64(matching.box_result(result, salt, each, row.leaf)) for each in lists]
            body = TellMatched(row.leaf, matching.commit_result(result, salt).hex(), boxes)
            self.core.submit(self.core.write("blind.matched", body, at=encode_utc(self.clock.now)))
            said += 1
        return said


class Crash(BaseException):
    """The process is gone: nothing after this line happens."""


class TwoDesks:
    """The desks of ``us`` and ``ru``, opened from their folders."""

    def __init__(self, root: Path, **config: Any) -> None:
        self.clock = HandClock()
        self.root = root
        self.randoms = {name: SeededRandom(name) for name in ("us", "ru")}
        cards = {}
        for name in ("us", "ru"):
            folder = root / name
            init_desk(
                folder,
                make_config(party=name, name=name, witness_url=f"http://{name}.example:8601", **config),
                officers=OFFICERS,
                contacts=["duty-1", "duty-2"],
                clock=self.clock,
                random=self.randoms[name],
            )
            vault = Vault.load(folder)
            cards[name] = CardParty(name, vault.card.statement)
            cards[name].roots, cards[name].desk = vault.load_roots(None), vault.desk_key
            cards[name].witness, cards[name].seal = vault.witness_key, vault.seal_key
        self.center = ParcelCenter(self.clock, cards["us"], cards["ru"])
        self.desks: dict[str, Desk] = {}
        for name in ("us", "ru"):
            join(
                root / name,
                clock=self.clock,
                random=self.randoms[name],
                connect=lambda _url: self.center,
                expect_fingerprint="",
                passphrase=None,
            )
            self.open(name)
        self.run()

    def open(self, name: str) -> Desk:
        """Open a desk from its files, as after a crash: its views are computed again."""
        vault = Vault.load(self.root / name)
        home = MemoryViews(name, get_pin(self.root / name).payload.encode())
        desk = open_desk(
            vault,
            clock=self.clock,
            random=self.randoms[name],
            transport=self.center,
            parcels=self.center,
            view_home=home,
            load_group=lambda: _GROUP,
        )
        desk._gazetteer = PLACES
        self.desks[name] = desk
        desk.follow_once()
        return desk

    def run(self, *names: str) -> None:
        """Let desks and center work until nothing moves any more."""
        for _ in range(50):
            size = self.center.core.tree.size
            for name in names or ("us", "ru"):
                self.desks[name].run_once()
            self.center.tick()
            if self.center.core.tree.size == size:
                for name in names or ("us", "ru"):
                    self.desks[name].run_once()
                if self.center.core.tree.size == size:
                    return
        raise AssertionError("desks: expected them to come to rest")

    def ask(self, name: str, verb: str, **request: Any) -> Any:
        fields = VERBS[verb].request.__struct_fields__
        if "officer" in fields:
            request = {"officer": "duty-1"} | request
        return call(self.desks[name], verb, msgspec.json.encode(request))

    def carrier(self, name: str) -> BlindCarrier:
        return self.desks[name].blind

    def alarms(self, name: str) -> dict[str, str]:
        return {alarm.code: alarm.words for alarm in self.desks[name].board.standing()}

    # What tests say most often

    def agree(self, **more: Any) -> None:
        """Put the rules ``skies`` in force, as ``us`` proposes them."""
        plain: dict[str, Any] = {
            "id": "skies",
            "partner": "ru",
            "grid": msgspec.to_builtins(GRID),
            "allowance": msgspec.to_builtins(ALLOWANCE),
            "modes": ["count", "exact", "yes-no"],
            "answer_min": 30,
        }
        self.ask("us", "blind-propose", **(plain | more))
        self.run()
        self.ask("ru", "blind-agree", id=(plain | more)["id"])
        self.run()

    def plan(self, name: str, **places: Any) -> None:
        """Put items into a desk's plan: a name, and its centre or volumes."""
        put = [{"name": key.replace("_", "-"), "volumes": as_volumes(value)} for key, value in places.items()]
        self.ask(name, "blind-plan", put=put)

    def prepare(self, *names: str) -> None:
        for name in names or ("us", "ru"):
            answer = self.ask(name, "blind-prepare", rules="skies")
            self.run()
            assert answer["state"] in {"working", "committed"}, answer

    def ready(self, us: Any = None, ru: Any = None) -> None:
        """Agree, plan and commit: a circle of three kilometres each, here and far unless told otherwise."""
        self.agree()
        self.plan("us", sortie=us or HERE_E7)
        self.plan("ru", convoy=ru or FAR_E7)
        self.prepare()

    def check(self, name: str = "us", **more: Any) -> Any:
        """Start a run at a desk, let everything come to rest, and return it."""
        number = self.ask(name, "blind-check", **({"rules": "skies"} | more))["run"]
        self.run()
        return self.ask(name, "blind-run", run=number)

    def pass_min(self, minutes: float) -> None:
        self.clock.now += timedelta(minutes=minutes)


def as_volumes(value: Any) -> Any:
    """Return volumes as a request holds them; of a place, a small one: a dozen cells."""
    if not isinstance(value, tuple):
        return msgspec.to_builtins(value)
    outline = CircleWire(centre_e7=value, radius_cm=20_000)
    volumes = [
        VolumeWire(
            outline=outline,
            floor_cm=20_000,
            ceiling_cm=60_000,
            start="2016-09-17T15:05:00Z",
            end="2016-09-17T15:10:00Z",
        )
    ]
    return msgspec.to_builtins(volumes)


__all__ = ["CENTER", "FAR_E7", "HERE_E7", "NEAR_E7", "Crash", "ParcelCenter", "TwoDesks"]
