"""The plan that is checked blind, and what we have committed to of it: made, sent, kept version by version.

Invariants:
  * A plan leaves the desk as tags, and as a root over salted cells; in no other form.
  * What was sent in a version can be made again: its items, its cells and the seed of its padding are here
    before a byte of it leaves, and stay.
  * One version of a holding is under way at a time; it continues what the record holds. A book that does not
    know what the record holds in our name makes no amendment of it.

It asks nothing of the other side.

    >>> plan.put([PlanItem(name="sortie-7", volumes=volumes)], officer="duty-1")
    >>> versions.want("skies", 3, officer="duty-1")
    >>> versions.step()
    True
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import msgspec
import numpy as np

from entente.blind.cells import Ints, Numbers, pack_rows
from entente.blind.commitment import make_root
from entente.blind.cover import list_rows
from entente.blind.exact import change, hold
from entente.blind.group import Rows
from entente.blind.holding import AmendHolding, CommitHolding, find_holding
from entente.blind.lift import held_tokens
from entente.blind.parcels import encode_tags
from entente.blind.rules import RulesRow, find_in_force
from entente.desk.blind.parts import (
    SECRET_BYTES,
    BlindParts,
    encode_items,
    encode_rows,
    parse_items,
    parse_rows,
    read_grid,
)
from entente.desk.blind.post import BlindPost
from entente.desk.blind.requests import PlanItem
from entente.desk.gate import OFFICER
from entente.kernel.errors import Denied, EntenteError, NotFound, StoreError
from entente.kernel.time import encode_utc
from entente.space import VolumeWire, parse_volume

_VOLUMES: Final = msgspec.json.Decoder(list[VolumeWire])


class BlindPlan:
    """The items. Safe from several threads."""

    def __init__(self, parts: BlindParts) -> None:
        self._parts = parts

    def change(
        self, *, put: Sequence[PlanItem], drop: Sequence[str], is_cleared: bool, officer: str
    ) -> tuple[int, int]:
        """Drop and put items in one transaction; return how many were put and dropped.

        Raises:
            InvalidVolume: Names the item and the volume; nothing was changed.
            NotFound: One of ``drop`` is not there; nothing was changed.
        """
        for place, item in enumerate(put):
            for number, wire in enumerate(item.volumes):
                parse_volume(wire, path=f"$.put[{place}].volumes[{number}]")
        dropped, at = 0, encode_utc(self._parts.clock.now_utc())
        with self._parts.book.transaction() as db:
            if is_cleared:
                dropped += db.execute("DELETE FROM blind_plan").rowcount
            for name in () if is_cleared else drop:
                if not db.execute("DELETE FROM blind_plan WHERE name = ?", (name,)).rowcount:
                    raise NotFound("no-item", f"plan item {name!r}: expected one of this name, found none")
                dropped += 1
            self.put(put, officer=officer, at=at)
        return len(put), dropped

    def put(self, items: Sequence[PlanItem], *, officer: str, at: str) -> None:
        """Put checked items, each in place of one of its name."""
        with self._parts.book.transaction() as db:
            db.executemany(
                "INSERT INTO blind_plan VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
                " volumes = excluded.volumes, officer = excluded.officer, at = excluded.at",
                [(item.name, msgspec.json.encode(item.volumes), officer, at) for item in items],
            )

    def list_items(self) -> list[PlanItem]:
        """Return every item, by name."""
        rows = self._parts.book.read("SELECT name, volumes FROM blind_plan ORDER BY name")
        return [PlanItem(name=row["name"], volumes=_VOLUMES.decode(row["volumes"])) for row in rows]


@dataclass(frozen=True, slots=True)
class OwnVersion:
    """A version of ours that the record holds. Secret."""

    leaf: str
    number: int
    cells: Rows = field(repr=False)
    packed_items: bytes | None = field(repr=False)
    id: int

    @property
    def items(self) -> list[PlanItem]:
        """What the version is of; unpacked at each call, a fifth of a second for a large plan."""
        return parse_items(self.packed_items)


class OwnVersions:
    """What we have committed to. `want` from any thread, `step` from one."""

    def __init__(self, parts: BlindParts, plan: BlindPlan, post: BlindPost) -> None:
        self._parts = parts
        self._plan = plan
        self._post = post
        self._listed: tuple[int, ItemRows] | None = None

    def want(self, rules: str, epoch: int, *, officer: str) -> int:
        """Note that the plan is to be committed to as it is when its turn comes; return the version's number.

        One that waits already is this one.
        """
        with self._parts.book.transaction() as db:
            known = db.execute(
                "SELECT id FROM blind_versions WHERE rules = ? AND epoch = ? AND state = 'wanted'",
                (rules, epoch),
            ).fetchone()
            if known is not None:
                return int(known["id"])
            made = db.execute(
                "INSERT INTO blind_versions (rules, epoch, officer, state) VALUES (?, ?, ?, 'wanted')",
                (rules, epoch, officer),
            ).lastrowid
        return int(made or 0)

    def get(self, number: int) -> sqlite3.Row:
        """Return a version as it is in the book."""
        row = self._parts.book.read_one("SELECT * FROM blind_versions WHERE id = ?", (number,))
        if row is None:
            raise NotFound("no-version", f"version: expected the number of one, got {number}")
        return row

    def find_newest(self, rules: str, epoch: int) -> sqlite3.Row | None:
        """Return the version that was wanted last, whatever became of it."""
        return self._parts.book.read_one(
            "SELECT * FROM blind_versions WHERE rules = ? AND epoch = ? ORDER BY id DESC LIMIT 1",
            (rules, epoch),
        )

    def find_held(self, rules: str, epoch: int) -> OwnVersion | None:
        """Return the newest version that the record holds in our name.

        Raises:
            Denied: ``unknown-version``: the record holds one that this book does not know.
        """
        holding = find_holding(self._parts.rows, rules, epoch, self._parts.party)
        return None if holding is None else self.get_by_leaf(holding.newest)

    def find_row(self, leaf: str) -> sqlite3.Row | None:
        """Return what the book has of the version that a message of ours made."""
        return self._parts.book.read_one(
            "SELECT * FROM blind_versions WHERE leaf = ? AND cells IS NOT NULL", (leaf,)
        )

    def get_by_leaf(self, leaf: str) -> OwnVersion:
        """Return the version that a message of ours made."""
        self._settle()
        row = self.find_row(leaf)
        if row is None:
            raise Denied(
                "unknown-version",
                f"version {leaf[:12]}: expected what we committed to in this desk's book, found nothing: the "
                "book is older than the record; wait for the next epoch",
            )
        return OwnVersion(leaf, row["number"], parse_rows(row["cells"]), row["items"], row["id"])

    def find_listed(self, version: OwnVersion) -> ItemRows | None:
        """Return a version's cells item by item, if it is the one that was made last since this start."""
        return self._listed[1] if self._listed is not None and self._listed[0] == version.id else None

    @staticmethod
    def read_cells(row: sqlite3.Row) -> Rows:
        """Return the cells of a version as it is in the book."""
        return parse_rows(row["cells"])

    def find_officer(self, rules: str, epoch: int) -> str:
        """Return the officer who committed: on whose authority the desk answers and asks in return."""
        row = self._parts.book.read_one(
            "SELECT officer FROM blind_versions WHERE rules = ? AND epoch = ? AND state = 'recorded'"
            " ORDER BY id DESC LIMIT 1",
            (rules, epoch),
        )
        return "" if row is None else str(row["officer"])

    def get_salt(self, rules: str, epoch: int) -> bytes:
        """Return the secret from which all salts of an epoch follow; drawn once, durably."""
        with self._parts.book.transaction() as db:
            db.execute(
                "INSERT OR IGNORE INTO blind_salts VALUES (?, ?, ?)",
                (rules, epoch, self._parts.random.draw(SECRET_BYTES)),
            )
            row = db.execute(
                "SELECT salt FROM blind_salts WHERE rules = ? AND epoch = ?", (rules, epoch)
            ).fetchone()
        return bytes(row["salt"])

    def step(self) -> bool:
        """Move every version as far as it goes now; return whether any moved."""
        moved = self._settle()
        for row in self._parts.book.read("SELECT * FROM blind_versions WHERE state = 'wanted' ORDER BY id"):
            under_way = self._parts.book.read_one(
                "SELECT id FROM blind_versions WHERE rules = ? AND epoch = ? AND state = 'made'",
                (row["rules"], row["epoch"]),
            )
            if under_way is not None or not self._is_followed(row):
                continue
            try:
                self._make(row)
            except StoreError:
                raise
            except EntenteError as error:
                self._end(row["id"], "refused", f"{error.message} [{error.code}]")
            moved = True
        return moved

    def _is_followed(self, row: sqlite3.Row) -> bool:
        """Tell whether the last version that the center took is in the record as we follow it."""
        last = self._parts.book.read_one(
            "SELECT leaf FROM blind_versions WHERE rules = ? AND epoch = ? AND state = 'recorded'"
            " ORDER BY id DESC LIMIT 1",
            (row["rules"], row["epoch"]),
        )
        holding = find_holding(self._parts.rows, row["rules"], row["epoch"], self._parts.party)
        return last is None or (holding is not None and holding.newest == last["leaf"])

    def _settle(self) -> bool:
        moved = False
        for row in self._parts.book.read("SELECT * FROM blind_versions WHERE state = 'made' ORDER BY id"):
            said = self._post.find(row["post"])
            if said is None or said["state"] not in {"recorded", "refused"}:
                continue
            moved = True
            with self._parts.book.transaction() as db:
                db.execute(
                    "UPDATE blind_versions SET state = ?, leaf = ?, words = ? WHERE id = ?",
                    (said["state"], said["leaf"], _say_refusal(said), row["id"]),
                )
        return moved

    def _end(self, number: int, state: str, words: str) -> None:
        with self._parts.book.transaction() as db:
            db.execute("UPDATE blind_versions SET state = ?, words = ? WHERE id = ?", (state, words, number))

    def _make(self, row: sqlite3.Row) -> None:
        parts, rules_id, epoch = self._parts, row["rules"], row["epoch"]
        rules = find_in_force(parts.rows, rules_id)
        if rules is None:
            raise Denied("not-in-force", f"rules {rules_id!r}: expected rules in force")
        what = f"commit under {rules_id}, epoch {epoch}"
        parts.report(f"{what}: cover")(0, 0)
        items = self._plan.list_items()
        listed = list_item_rows(rules, parts.party, items)
        cells = listed.pack()
        self._listed = (row["id"], listed)
        before = self.find_held(rules_id, epoch)
        tokens = held_tokens(cells, read_grid(rules.rules))
        made = self._make_commit if before is None else self._make_amend
        made(row, rules, before, _Content(items, cells, tokens, parts.random.draw(SECRET_BYTES)))

    def _make_commit(
        self, row: sqlite3.Row, rules: RulesRow, before: OwnVersion | None, content: _Content
    ) -> None:
        del before
        parts, epoch = self._parts, row["epoch"]
        domain, partner = parts.get_domain(rules.rules, epoch), rules.rules.get_other(parts.party)
        key = parts.derive_key(domain, partner, epoch)
        root = make_root(content.cells, self.get_salt(rules.id, epoch)).hex()
        progress = parts.report(f"commit under {rules.id}, epoch {epoch}: tags")
        held = hold(parts.group, key, domain, content.tokens, content.pad_seed, progress)
        plain = encode_tags(held.tags, np.empty(0, np.uint64))
        packed = self._post.seal(plain, partner, "tags", rules.id, epoch)
        body = CommitHolding(rules.id, epoch, key.public.hex(), root, held.bucket, packed.parcel)
        with parts.book.transaction():
            post = self._post.write(
                "blind.commit", body, officers=(row["officer"],), purpose=OFFICER, parcels=[packed]
            )
            self._keep(row, 0, post, content)

    def _make_amend(
        self, row: sqlite3.Row, rules: RulesRow, before: OwnVersion | None, content: _Content
    ) -> None:
        if before is None:
            raise AssertionError("an amendment: expected a commitment before it")
        parts, epoch = self._parts, row["epoch"]
        domain, partner = parts.get_domain(rules.rules, epoch), rules.rules.get_other(parts.party)
        key = parts.derive_key(domain, partner, epoch)
        old = held_tokens(before.cells, read_grid(rules.rules))
        changed = change(parts.group, key, domain, old, content.tokens, content.pad_seed)
        if not changed.added.bucket and not len(changed.withdrawn):
            self._end(row["id"], "unchanged", "the plan is what we have committed to already")
            return
        root = make_root(content.cells, self.get_salt(rules.id, epoch)).hex()
        plain = encode_tags(changed.added.tags, changed.withdrawn)
        packed = self._post.seal(plain, partner, "tags", rules.id, epoch)
        body = AmendHolding(
            rules.id,
            epoch,
            before.number + 1,
            root,
            changed.added.bucket,
            len(changed.withdrawn),
            packed.parcel,
        )
        with parts.book.transaction():
            post = self._post.write(
                "blind.amend", body, officers=(row["officer"],), purpose=OFFICER, parcels=[packed]
            )
            self._keep(row, body.number, post, content)

    def _keep(self, row: sqlite3.Row, number: int, post: int, content: _Content) -> None:
        with self._parts.book.transaction() as db:
            db.execute(
                "UPDATE blind_versions SET state = 'made', number = ?, post = ?, items = ?, cells = ?,"
                " pad_seed = ?, tokens = ? WHERE id = ?",
                (
                    number,
                    post,
                    encode_items(content.items),
                    encode_rows(content.cells),
                    content.pad_seed,
                    len(content.tokens),
                    row["id"],
                ),
            )


@dataclass(frozen=True, slots=True)
class _Content:
    """What a version is made of."""

    items: list[PlanItem] = field(repr=False)
    cells: Rows = field(repr=False)
    tokens: Rows = field(repr=False)
    pad_seed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ItemRows:
    """The cells of items, one by one: of which item, by its place, and a row's two numbers."""

    place: Ints = field(repr=False)
    high: Numbers = field(repr=False)
    low: Numbers = field(repr=False)

    def pack(self) -> Rows:
        """Return the cells of all items: a cover."""
        return pack_rows(self.high, self.low)


def list_item_rows(rules: RulesRow, party: str, items: Sequence[PlanItem]) -> ItemRows:
    """Return the cells of items, as a party covers them under some rules."""
    places = np.array([place for place, item in enumerate(items) for _ in item.volumes], np.int64)
    volumes = [parse_volume(wire) for item in items for wire in item.volumes]
    owner, high, low = list_rows(volumes, read_grid(rules.rules), is_widened=rules.rules.is_widened(party))
    return ItemRows(places[owner], high, low)


def cover_items(rules: RulesRow, party: str, items: Sequence[PlanItem]) -> Rows:
    """Return the same together: sorted, each once."""
    return list_item_rows(rules, party, items).pack()


def _say_refusal(said: sqlite3.Row) -> str:
    return f"{said['reason']} [{said['code']}]" if said["state"] == "refused" else ""
