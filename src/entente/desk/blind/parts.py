"""What every part of a desk's blind checks stands on: record, book, keys, group, and what is worked on now.

Invariants:
  * The master secret is made at first use, in a key file of its own, and never leaves it; a key follows from
    it for one domain (center, rules, epoch) and one partner, so that rules that follow others between the
    same two have other keys.
  * Long work tells how far it is, and ends when the desk stops (`Stopped`): nothing of it was kept.

It decides nothing.

    >>> parts.derive_key(domain, "ru", 3).public.hex()
"""

from __future__ import annotations

import threading
import zlib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from entente.blind.cells import TOKEN_BYTES
from entente.blind.grid import Grid, parse_grid
from entente.blind.group import KEY_BYTES, Group, Progress, Rows, Tags
from entente.blind.oprf import PrfKey, derive_epoch_key, derive_epoch_seed
from entente.blind.rules import BlindRules, RulesRow, make_domain
from entente.desk.blind.requests import PlanItem, WorkAnswer
from entente.desk.book import Book
from entente.desk.evidence import AlarmBoard
from entente.desk.keyfiles import KeyFile, read_key, write_key
from entente.desk.outbox import Outbox
from entente.kernel.errors import NotFound, StoreError
from entente.kernel.ports import Clock, Random
from entente.kernel.rows import Rows as RecordRows

SECRET_BYTES: Final = 32
_PURPOSE: Final = "blind"
_KEY_INFO: Final = b"entente blind master of one domain v1\n"
_ITEMS: Final = msgspec.json.Decoder(list[PlanItem])


class Stopped(Exception):
    """The desk stops: long work ends where it is."""


class BlindMaster:
    """The party's one secret for blind checks, in ``keys/blind.json``."""

    def __init__(self, folder: Path, party: str, random: Random) -> None:
        self._path = folder / "keys" / "blind.json"
        self._party = party
        self._random = random
        self._lock = threading.Lock()
        self._seed: bytes | None = None

    @property
    def is_made(self) -> bool:
        """Whether there is one yet."""
        return self._path.exists()

    def get(self) -> bytes:
        """Return the secret; the first call on a desk makes it, durably.

        Raises:
            StoreError: The file is damaged, or others can read it.
        """
        with self._lock:
            if self._seed is None:
                try:
                    key = read_key(self._path, purpose=_PURPOSE)
                except NotFound:
                    key = KeyFile(f"{self._party}/blind", _PURPOSE, self._random.draw(SECRET_BYTES))
                    write_key(self._path, key, random=self._random)
                if key.name != f"{self._party}/blind" or len(key.seed) != SECRET_BYTES:
                    raise StoreError("bad-key", f"key file {self._path.name!r}: expected our blind secret")
                self._seed = key.seed
            return self._seed


@dataclass(slots=True)
class BlindParts:
    """What the parts share. Safe from several threads; what computes runs in one."""

    party: str
    origin: str
    rows: RecordRows
    book: Book
    outbox: Outbox
    board: AlarmBoard
    clock: Clock
    random: Random
    master: BlindMaster
    load_group: Callable[[], Group]
    theatre_cells: int
    work: WorkAnswer | None = None
    is_stopping: bool = False
    on_work: Callable[[], None] = lambda: None
    """Called when long work begins, in its thread: it may only wake somebody."""
    _group: Group | None = None
    _keys: dict[tuple[bytes, str, int], PrfKey] = field(default_factory=dict, repr=False)

    @property
    def group(self) -> Group:
        """The group; the first use loads its library."""
        if self._group is None:
            self._group = self.load_group()
        return self._group

    def derive_key(self, domain: bytes, partner: str, epoch: int) -> PrfKey:
        """Return our key toward a partner under some rules in an epoch."""
        name = (domain, partner, epoch)
        if name not in self._keys:
            self._keys[name] = derive_epoch_key(
                self.group, derive_master(self.master.get(), domain), partner=partner, epoch=epoch
            )
        return self._keys[name]

    def derive_seed(self, domain: bytes, partner: str, epoch: int) -> tuple[bytes, bytes]:
        """Return seed and info of the same key, for an auditor: no other key follows from them."""
        return derive_epoch_seed(derive_master(self.master.get(), domain), partner=partner, epoch=epoch)

    def get_domain(self, rules: BlindRules, epoch: int) -> bytes:
        """Return what begins every input under these rules in an epoch."""
        return make_domain(self.origin, rules, epoch)

    def report(self, what: str) -> Progress:
        """Return what long work calls: officers see how far it is, and a stop ends it."""
        self.work = WorkAnswer(what, 0, 0)
        self.on_work()

        def on_progress(done: int, every: int) -> None:
            if self.is_stopping:
                raise Stopped
            self.work = WorkAnswer(what, done, every)

        return on_progress

    def find_rules(self, rules_id: str) -> RulesRow | None:
        """Return rules that bind us, or None."""
        row = self.rows.find(RulesRow, rules_id)
        return row if row is not None and self.party in row.rules.parties else None


def derive_master(master: bytes, domain: bytes) -> bytes:
    """Return the secret from which the keys of one domain follow: an audit opens one, and no other."""
    return HKDF(algorithm=SHA512(), length=KEY_BYTES, salt=domain, info=_KEY_INFO).derive(master)


def read_grid(rules: BlindRules) -> Grid:
    """Return the grid of rules that stand in the record."""
    return parse_grid(rules.grid, path="$.grid")


def encode_rows(rows: Rows) -> bytes:
    """Return cells or tokens as they lie in the book."""
    return zlib.compress(rows.tobytes(), 1)


def parse_rows(data: bytes) -> Rows:
    """Return cells or tokens out of the book."""
    return np.frombuffer(zlib.decompress(data), np.uint8).reshape(-1, TOKEN_BYTES)


def encode_numbers(tags: Tags) -> bytes:
    """Return tags as they lie in the book, in their order."""
    return tags.astype(">u8").tobytes()


def parse_numbers(data: bytes) -> Tags:
    """Return tags out of the book."""
    return np.frombuffer(data, ">u8").astype(np.uint64)


def encode_items(items: list[PlanItem]) -> bytes:
    """Return plan items as they lie in the book."""
    return zlib.compress(msgspec.json.encode(items), 1)


def parse_items(data: bytes | None) -> list[PlanItem]:
    """Return plan items out of the book."""
    return [] if data is None else _ITEMS.decode(zlib.decompress(data))
