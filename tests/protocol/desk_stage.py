"""A real desk in a folder, joined to a lying center in memory; seeded, frozen, without threads or sockets.

>>> stage = make_stage(tmp_path)
>>> stage.found()
>>> stage.notify("sortie-7").state
'recorded'
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from entente.deconflict import ConflictIndex, rebuild_index
from entente.desk import requests as ask
from entente.desk import speaking
from entente.desk.assembly import Desk, open_desk
from entente.desk.config import DeskConfig
from entente.desk.evidence import Alarm
from entente.desk.joining import JoinReport, get_pin, join
from entente.desk.speaking import Said
from entente.desk.vault import Vault, init_desk
from entente.desk.views import JointViews, find_applied
from entente.kernel.roster import OfficerWire
from entente.kernel.rows import MemoryRows, Rows
from entente.kernel.time import parse_utc
from entente.space import CircleWire, Gazetteer, Place, VolumeWire
from tests.parties import PartySimulator
from tests.protocol.lying_center import CardParty, LyingCenter

NOW: Final = "2016-09-17T13:55:00Z"
OFFICERS: Final = (
    OfficerWire(id="duty-1", name="Duty officer", roles=["duty"]),
    OfficerWire(id="duty-2", name="Deputy", roles=[]),
)
PLACES: Final = Gazetteer(
    [
        Place("Deir ez-Zor Airport", 35.2854, 40.176, "airport"),
        Place("Raqqa", 35.95, 39.01, "city"),
    ]
)
HERE_E7: Final = (352_500_000, 401_500_000)
NINE_KM_OFF_E7: Final = (353_309_000, 401_500_000)


class SeededRandom:
    """The `Random` port out of a counter."""

    def __init__(self, seed: str = "desk") -> None:
        self._seed = seed
        self._count = 0

    def draw(self, size_bytes: int) -> bytes:
        self._count += 1
        return hashlib.shake_256(f"{self._seed} {self._count}".encode()).digest(size_bytes)


@dataclass(slots=True)
class HandClock:
    """The `Clock` port, moved by hand."""

    now: datetime = field(default_factory=lambda: parse_utc(NOW))

    def now_utc(self) -> datetime:
        return self.now

    def pass_s(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class MemoryViews:
    """Both views in memory (`assembly.ViewHome`); like a database they outlive an opening of the desk."""

    def __init__(self, party: str, charter: bytes) -> None:
        self._party = party
        self._charter = charter
        self.own: Rows = MemoryRows()
        self.public: Rows = MemoryRows()

    def open(self, mirrored_size: int) -> JointViews:
        if find_applied(self.own) > mirrored_size:
            return self.reset()
        return JointViews(self.public, self.own, party=self._party, charter=self._charter)

    def reset(self) -> JointViews:
        # The same objects are filled again: readers hold them.
        for rows in (self.own, self.public):
            rows.__init__()  # type: ignore[misc]
        return JointViews(self.public, self.own, party=self._party, charter=self._charter)

    def reader(self) -> Rows:
        return self.own

    @contextmanager
    def look(self) -> Iterator[ConflictIndex]:
        yield rebuild_index(self.own)

    def find_past(self) -> None:
        return None

    def close(self) -> None:
        pass


def make_config(**changes: object) -> DeskConfig:
    plain: dict[str, object] = {
        "party": "us",
        "name": "United States",
        "language": "en",
        "center_url": "http://center.example",
        "witness_url": "http://desk.us.example:8601",
        "witness_listen": "127.0.0.1:8601",
        "api_listen": "127.0.0.1:8600",
        "duty_officer": "duty-1",
    }
    return DeskConfig(**(plain | changes))  # type: ignore[arg-type]


def make_volume(
    centre_e7: tuple[int, int] = HERE_E7, *, radius_m: int = 3000, start: str = "2016-09-17T15:00:00Z"
) -> VolumeWire:
    outline = CircleWire(centre_e7=centre_e7, radius_cm=radius_m * 100)
    return VolumeWire(
        outline=outline, floor_cm=0, ceiling_cm=1_000_000, start=start, end="2016-09-17T17:00:00Z"
    )


@dataclass(slots=True)
class Stage:
    """One desk, its center, and the partner ``ru``."""

    folder: Path
    clock: HandClock
    random: SeededRandom
    center: LyingCenter
    ru: PartySimulator
    views: MemoryViews | None = None
    _desk: Desk | None = None

    @property
    def desk(self) -> Desk:
        assert self._desk is not None, "stage: expected found() first"
        return self._desk

    def join(self, **options: str) -> JoinReport:
        return join(
            self.folder,
            clock=self.clock,
            random=self.random,
            connect=lambda _url: self.center,
            expect_fingerprint=options.get("expect", ""),
            passphrase=options.get("passphrase"),
        )

    def open(self) -> Desk:
        """Open the desk again, as after a crash: nothing of the old process is left but its files."""
        vault = Vault.load(self.folder)
        if self.views is None:
            self.views = MemoryViews(vault.party, get_pin(self.folder).payload.encode())
        desk = open_desk(
            vault, clock=self.clock, random=self.random, transport=self.center, view_home=self.views
        )
        desk._gazetteer = PLACES
        self._desk = desk
        return desk

    def crash(self) -> Desk:
        """Open the desk again after a crash in the middle: rows that were not committed are lost."""
        self.views = None
        return self.open()

    def found(self) -> Desk:
        self.join()
        desk = self.open()
        desk.run_once()
        assert desk.view.size == 3
        return desk

    def notify(self, name: str = "sortie-7", **changes: object) -> Said:
        plain: dict[str, object] = {
            "officer": "duty-1",
            "id": name,
            "activity": "air",
            "title": "Sortie",
            "volumes": [make_volume()],
        }
        return speaking.notify(self.desk, ask.NotifyRequest(**(plain | changes)))  # type: ignore[arg-type]

    def say(self, text: str = "hello", **changes: object) -> Said:
        plain: dict[str, object] = {"officer": "duty-1", "thread": "hot", "text": text}
        return speaking.say(self.desk, ask.SayRequest(**(plain | changes)))  # type: ignore[arg-type]

    def alarms(self) -> dict[str, Alarm]:
        return {alarm.code: alarm for alarm in self.desk.board.standing()}

    def evidence(self, code: str) -> dict[str, bytes]:
        """Return the evidence of a standing alarm, file by file."""
        folder = self.folder / "evidence" / self.alarms()[code].evidence
        return {file.name: file.read_bytes() for file in folder.iterdir()}


@contextmanager
def open_scratch(tmp_path: Path) -> Iterator[Path]:
    """Give a folder in memory where there is one: a desk flushes a dozen files, and these tests are many."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir=memory, prefix="entente-desk-") as folder:
        yield Path(folder)


def make_stage(folder: Path, *, passphrase: str | None = None) -> Stage:
    clock, random = HandClock(), SeededRandom()
    desk_folder = folder / "us"
    init_desk(
        desk_folder,
        make_config(),
        officers=OFFICERS,
        contacts=["duty-1", "duty-2"],
        clock=clock,
        random=random,
        passphrase=passphrase,
    )
    vault = Vault.load(desk_folder)
    us = CardParty("us", vault.card.statement)
    us.roots, us.desk, us.witness = vault.load_roots(passphrase), vault.desk_key, vault.witness_key
    us.seal = vault.seal_key
    ru = PartySimulator("ru")
    return Stage(desk_folder, clock, random, LyingCenter(us, ru), ru)
