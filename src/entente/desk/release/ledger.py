"""The exposure ledger: what every release has taught each recipient, and each pool of them.

What it is for: one account over all theatres and all time. Before a message leaves, what it teaches is
charged here, in the transaction that puts it into the outbox; what is judged next is judged with that in
mind.

    release_given     which shape of which item which recipient got: what everything else follows from
    release_beliefs   what a pool may believe about a secret by now
    release_charges   one row a release, secret and pool: the chance of the best guess before and after

Invariants:
  * A belief is a function of the catalogue and of what was given (`rebuild`): when a secret, an observer or a
    pool changes, it is computed again from all that was ever given, also from before the secret was written
    down.
  * A report is one item in all its versions. One version given twice to one recipient is charged once; two
    shapes of one item given to members of a pool are their meet there, not two observations.
  * A charge is never changed and never taken back.
  * SECURITY: a belief that lies in the book otherwise than it was written stops the desk; nothing is judged
    by it (tests/protocol/test_desk_release_attacks.py, test_a_belief_changed_in_the_book).

It decides nothing: see `planning` and `sending`.

    >>> [one.after for one in ledger.charge(given, worst={})]
    [0.25, 0.25]
"""

from __future__ import annotations

import hashlib
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from entente.desk.release.parts import ReleaseParts
from entente.kernel.charter import list_parties
from entente.kernel.errors import StoreError
from entente.kernel.time import encode_utc
from entente.release.exposure.belief import Belief, encode_belief, parse_belief
from entente.release.exposure.disc import Floats
from entente.release.exposure.hypotheses import HypothesisSet
from entente.release.exposure.pools import Exposure, Pool, Stake, charge, close_pools, measure
from entente.release.source.catalogue import Catalogue
from entente.release.variant.kept import encode_shape, parse_shape
from entente.release.variant.shape import Shape, meet

_CHUNK: Final = 256
"""Rows that are put into a belief at once when it is computed again: some megabytes of a large secret."""
_MOST_ROWS: Final = 4096
NOTICE: Final = ""
"""In place of a source: a notification of this desk's own."""


@dataclass(frozen=True, slots=True)
class Given:
    """One item in one shape to one recipient."""

    item: str
    recipient: str
    source: str
    theatre: str
    shape: Shape = field(repr=False)
    version: int = 0
    plan: int | None = None
    leaf: str = ""


@dataclass(frozen=True, slots=True)
class Charged:
    """What a release taught one pool about one secret."""

    secret: str
    pool: str
    before: float
    after: float


class ReleaseLedger:
    """The ledger of one desk. Writes are for one thread at a time, inside the book's transaction."""

    def __init__(self, parts: ReleaseParts) -> None:
        self._parts = parts
        self._lock = threading.Lock()
        self._sets: dict[tuple[int, str, str], HypothesisSet] = {}

    # Pools and stakes

    def list_pools(self) -> tuple[Pool, ...]:
        """Return the pools that are judged: each other party, the shelf's, and unions of what overlaps."""
        others = [party for party in list_parties(self._parts.rows) if party != self._parts.party]
        named = [
            Pool(pool.id, frozenset(pool.members))
            for pool in self._parts.library.list_pools()
            if not pool.closed
        ]
        return close_pools([*(Pool(party, frozenset({party})) for party in others), *named])

    def list_pools_of(self, recipients: Iterable[str]) -> list[Pool]:
        """Return the pools that hold any of these recipients."""
        wanted = frozenset(recipients)
        return [pool for pool in self.list_pools() if pool.members & wanted]

    def make_stakes(self, source: str, item: str, recipients: Sequence[str]) -> list[Stake]:
        """Return what is at stake when a source's item goes to recipients: one for each secret and pool."""
        version, catalogue = self._parts.library.get_catalogue()
        stakes = []
        for pool in self.list_pools_of(recipients):
            known = self.find_known(item, pool.members)
            for secret in _list_secrets(catalogue, source):
                hypotheses = self.get_hypotheses(version, catalogue, secret, source)
                stakes.append(Stake(pool, hypotheses, self.find_belief(secret, pool), known))
        return stakes

    def get_hypotheses(self, version: int, catalogue: Catalogue, secret: str, source: str) -> HypothesisSet:
        """Return the model by which an item of a source is judged about a secret."""
        name = (version, secret, source)
        with self._lock:
            found = self._sets.get(name)
            if found is None:
                if any(key[0] != version for key in self._sets):
                    self._sets.clear()
                found = HypothesisSet.of(
                    catalogue.secret[secret], catalogue, source or None, self._parts.ladder
                )
                self._sets[name] = found
        return found

    def forget(self) -> None:
        """Let go of what was read from a catalogue that was not kept after all."""
        with self._lock:
            self._sets.clear()

    # Beliefs

    def find_known(self, item: str, members: Iterable[str]) -> Shape | None:
        """Return what members together have of an item; None: nothing."""
        wanted = set(members)
        rows = self._parts.book.read("SELECT recipient, shape FROM release_given WHERE item = ?", (item,))
        shapes = [bytes(row["shape"]) for row in rows if row["recipient"] in wanted]
        return self._meet_all(item, shapes) if shapes else None

    def _meet_all(self, item: str, shapes: Sequence[bytes]) -> Shape:
        found: Shape | None = parse_shape(shapes[0])
        for data in shapes[1:]:
            found = None if found is None else meet(found, parse_shape(data), self._parts.ladder)
        if found is None:
            raise StoreError("bad-given", f"item {item[:12]}: expected shapes that agree, they contradict")
        return found

    def find_belief(self, secret: str, pool: Pool) -> Belief:
        """Return what a pool may believe about a secret by now, computed again where its ground has changed.

        Raises:
            StoreError: ``bad-belief``: it does not lie in the book as it was written.
        """
        version, catalogue = self._parts.library.get_catalogue()
        hypotheses = self.get_hypotheses(version, catalogue, secret, NOTICE)
        row = self._parts.book.read_one(
            "SELECT * FROM release_beliefs WHERE secret = ? AND pool = ?", (secret, pool.name)
        )
        basis = self._find_basis(version, catalogue, secret, pool)
        if row is None or row["basis"] != basis:
            return self.rebuild(secret, pool)
        if row["digest"] != _hash_belief(row):
            raise StoreError(
                "bad-belief",
                f"ledger: what {pool.name!r} knows of secret {secret!r}: expected it as it was written, it "
                "was changed: restore the book, or compute it again by release-check",
            )
        return parse_belief(bytes(row["data"]), hypotheses)

    def rebuild(self, secret: str, pool: Pool) -> Belief:
        """Compute a belief from all that was ever given to a pool's members.

        Raises:
            Denied: ``unexplained``: no hypothesis explains all of it.
        """
        version, catalogue = self._parts.library.get_catalogue()
        belief = Belief.start(self.get_hypotheses(version, catalogue, secret, NOTICE))
        known: dict[tuple[str, bytes], Floats] = {}
        waiting: list[Floats] = []
        for item, source, shapes in self._list_given(catalogue, secret, pool):
            name = (source, shapes[0] if len(shapes) == 1 else b"".join(shapes))
            row = known.get(name)
            if row is None:
                shape = self._meet_all(item, shapes)
                row = self.get_hypotheses(version, catalogue, secret, source).row(shape)
                if len(known) < _MOST_ROWS:
                    known[name] = row
            if row.any() or source != NOTICE:
                waiting.append(row)
            if len(waiting) == _CHUNK:
                belief, waiting = belief.updated_by_many(np.stack(waiting)), []
        return belief.updated_by_many(np.stack(waiting)) if waiting else belief

    def refresh(self) -> int:
        """Compute again every belief whose ground has changed, and those that had none; return how many were.

        After another catalogue or pool was put: so that looking stays quick, and what was given before a
        secret was written down is in its account at once.
        """
        version, catalogue = self._parts.library.get_catalogue()
        count = 0
        for secret in catalogue.secrets:
            for pool in self.list_pools():
                row = self._parts.book.read_one(
                    "SELECT basis, releases FROM release_beliefs WHERE secret = ? AND pool = ?",
                    (secret.id, pool.name),
                )
                basis = self._find_basis(version, catalogue, secret.id, pool)
                if row is not None and row["basis"] == basis:
                    continue
                given = sum(1 for _ in self._list_given(catalogue, secret.id, pool))
                if not given and row is None:
                    continue
                hypotheses = self.get_hypotheses(version, catalogue, secret.id, NOTICE)
                stake = Stake(pool, hypotheses, self.rebuild(secret.id, pool))
                with self._parts.book.transaction():
                    self._put_belief(secret.id, pool, stake, measure(stake), given)
                count += 1
        return count

    def _list_given(
        self, catalogue: Catalogue, secret: str, pool: Pool
    ) -> Iterator[tuple[str, str, list[bytes]]]:
        """Yield every item that concerns a secret and came to a pool: its source, and its shapes there."""
        for source in list_sources(catalogue, secret):
            item, shapes = "", list[bytes]()
            for row in self._parts.book.read(
                "SELECT item, recipient, shape FROM release_given WHERE source = ? ORDER BY item", (source,)
            ):
                if row["recipient"] not in pool.members:
                    continue
                if row["item"] != item and shapes:
                    yield item, source, shapes
                    shapes = []
                item = row["item"]
                shapes.append(bytes(row["shape"]))
            if shapes:
                yield item, source, shapes

    def _find_basis(self, version: int, catalogue: Catalogue, secret: str, pool: Pool) -> str:
        """Return the hash of everything that a belief follows from besides what was given."""
        digest = self.get_hypotheses(version, catalogue, secret, NOTICE).digest
        ground = [digest.hex(), catalogue.secret[secret].notified, sorted(pool.members)]
        return hashlib.sha256(msgspec.json.encode(ground)).hexdigest()

    # Charging

    def is_given(self, item: str, recipient: str, version: int) -> bool:
        """Tell whether a recipient was charged for an item in a version."""
        row = self._parts.book.read_one(
            "SELECT 1 FROM release_given WHERE item = ? AND recipient = ? AND version = ?",
            (item, recipient, version),
        )
        return row is not None

    def contradicts(self, item: str, shape: Shape) -> bool:
        """Tell whether a shape of an item denies what was ever given of it, to whomever.

        SECURITY: not only to the recipient's own pools: whoever may be put into one pool later must hold
        shapes that have a meet, or what that pool knows could not be computed
        (tests/protocol/test_desk_release_attacks.py, test_a_version_that_denies_another_goes_to_nobody).
        """
        for row in self._parts.book.read("SELECT shape FROM release_given WHERE item = ?", (item,)):
            both = meet(shape, parse_shape(bytes(row["shape"])), self._parts.ladder)
            if both is None:
                return True
            shape = both
        return False

    def charge(self, given: Given, worst: Mapping[tuple[str, str], float]) -> list[Charged]:
        """Charge a release, in the caller's transaction; nothing for what the recipient has already.

        Args:
            worst: What the judged level could have taught at most, by secret and pool.
        """
        if self.is_given(given.item, given.recipient, given.version):
            return []
        stakes = self.make_stakes(given.source, given.item, [given.recipient])
        return self._enter(given, stakes, worst)

    def _enter(
        self, given: Given, stakes: Sequence[Stake], worst: Mapping[tuple[str, str], float]
    ) -> list[Charged]:
        found = []
        with self._parts.book.transaction() as db:
            db.execute(
                "INSERT INTO release_given VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    given.item,
                    given.recipient,
                    given.version,
                    given.source,
                    given.theatre,
                    encode_shape(given.shape),
                    given.plan,
                    self._now(),
                ),
            )
            for stake in stakes:
                if given.source == NOTICE and not stake.hypotheses.row(given.shape).any():
                    continue  # no hypothesis has to do with this place: it tells nothing of them
                after = charge(stake, given.shape)
                found.append(self._enter_one(given, stake, after, worst))
        return found

    def _enter_one(
        self, given: Given, before: Stake, after: Stake, worst: Mapping[tuple[str, str], float]
    ) -> Charged:
        was, now = measure(before), measure(after)
        secret, pool = was.secret, before.pool
        row = self._parts.book.read_one(
            "SELECT releases FROM release_beliefs WHERE secret = ? AND pool = ?", (secret, pool.name)
        )
        self._put_belief(secret, pool, after, now, 1 if row is None else row["releases"] + 1)
        name = (secret, pool.name)
        with self._parts.book.transaction() as db:
            db.execute(
                "INSERT INTO release_charges (secret, pool, recipient, item, version, theatre, plan, leaf,"
                " before_chance, after_chance, worst_chance, bits, at)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *name,
                    given.recipient,
                    given.item,
                    given.version,
                    given.theatre,
                    given.plan,
                    given.leaf,
                    was.chance_after,
                    now.chance_after,
                    worst.get(name, now.chance_after),
                    now.bits,
                    self._now(),
                ),
            )
            db.execute(
                "INSERT INTO release_tallies VALUES (?, ?, ?, 1, ?)"
                " ON CONFLICT (secret, pool, theatre)"
                " DO UPDATE SET releases = releases + 1, last_at = excluded.last_at",
                (*name, given.theatre, self._now()),
            )
        return Charged(secret, pool.name, was.chance_after, now.chance_after)

    def _put_belief(self, secret: str, pool: Pool, stake: Stake, now: Exposure, releases: int) -> None:
        version, catalogue = self._parts.library.get_catalogue()
        basis, data = self._find_basis(version, catalogue, secret, pool), encode_belief(stake.belief)
        values = (now.chance_prior, now.chance_after, now.bits)
        with self._parts.book.transaction() as db:
            db.execute(
                "INSERT OR REPLACE INTO release_beliefs VALUES (?, ?, ?, ?, '', ?, ?, ?, ?, ?)",
                (secret, pool.name, basis, data, releases, *values, self._now()),
            )
            row = db.execute(
                "SELECT * FROM release_beliefs WHERE secret = ? AND pool = ?", (secret, pool.name)
            ).fetchone()
            db.execute(
                "UPDATE release_beliefs SET digest = ? WHERE secret = ? AND pool = ?",
                (_hash_belief(row), secret, pool.name),
            )

    def _now(self) -> str:
        return encode_utc(self._parts.clock.now_utc())


def list_sources(catalogue: Catalogue, secret: str) -> list[str]:
    """Return the sources whose items concern a secret; `NOTICE` among them if notifications do."""
    found = [one.id for one in catalogue.sources if secret in one.secrets]
    return [*found, NOTICE] if catalogue.secret[secret].notified else found


def _list_secrets(catalogue: Catalogue, source: str) -> list[str]:
    if source == NOTICE:
        return [secret.id for secret in catalogue.secrets if secret.notified]
    found = catalogue.source.get(source)
    return [] if found is None else [name for name in found.secrets if name in catalogue.secret]


def _hash_belief(row: sqlite3.Row) -> str:
    """Return the hash of a belief's row, every field that is judged or shown by."""
    numbers = msgspec.json.encode(
        [row["secret"], row["pool"], row["basis"], row["releases"], row["prior"], row["chance"], row["bits"]]
    )
    return hashlib.sha256(numbers + bytes(row["data"])).hexdigest()
