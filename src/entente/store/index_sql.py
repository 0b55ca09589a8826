"""What the two homes of the conflict index in a database share: pending changes, rows, exact answers.

    index_stems     which levels and classes of cells hold, or held, anything of a group
    index_objects   each object: when it changed last, and where its volumes are
    index_volumes   the volumes, packed (`deconflict.standing`)
    index_cells     a B-tree on key and start: the box of a volume once for each of its cells

Invariants:
  * The contract of `deconflict.index`, to the letter: tests/unit/test_index_contract.py and
    tests/system/test_index_postgresql.py run one suite over every home.
  * What was inserted or withdrawn is seen by this object at once, by others after `commit`, or after the
    transaction that `write_to` wrote in: the same one as the rows', so that neither is ever ahead of the
    other.
  * A question knows every stem that there is, though another process may have added one; and it is of one
    moment: where a volume was replaced between its statements, it is asked again.

One thread uses an object for `insert`, `withdraw` and `query`.

    >>> index = SqliteIndex(database)
    >>> index.insert("sortie-7", volumes, group="activity")
    >>> with database.write() as connection:
    ...     index.write_to(connection)
    >>> index.mark_committed()
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Final, Protocol

from sqlalchemy import Connection, Table
from sqlalchemy.engine.interfaces import DBAPICursor

from entente.deconflict.cells import (
    TURN_E4,
    Box,
    Search,
    encode_key,
    find_searches,
    find_slot,
    group_of,
    read_stem,
    stem_of,
)
from entente.deconflict.index import (
    MOST_HITS,
    Change,
    Hit,
    MemoryIndex,
    Met,
    check_insert,
    find_question_box,
    refuse_more,
)
from entente.deconflict.standing import Decider, pack, read_box, widen
from entente.kernel.errors import StoreError, TooManyConflicts
from entente.space import Separation, Volume
from entente.store.compiled_rule import fetch_in_background
from entente.store.sql import Database, PreparedMany
from entente.store.tables import INDEX_CELLS, INDEX_OBJECTS, INDEX_STEMS, INDEX_VOLUMES

PAGE: Final = 1_024
"""Candidates that are read and decided together: bounds what a question costs beyond what it may find."""
_CHANGES: Final = 1_000
_TRIES: Final = 100
"""Times that a question may find changed what it is about, until it is damage and no change."""
TABLES: Final[tuple[Table, ...]] = (INDEX_STEMS, INDEX_OBJECTS, INDEX_VOLUMES, INDEX_CELLS)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One caller's object for `SqlIndex.check_and_insert_many`."""

    object: str
    volumes: tuple[Volume, ...]
    reach_m: float = 0.0


class Pending(Protocol):
    """What is written in a transaction of its caller: rows, or an index."""

    def write_to(self, connection: Connection) -> None:
        """Write every change in the caller's transaction."""

    def mark_committed(self) -> None:
        """Forget what was pending: the database has it."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object's volumes are: ids from the first on."""

    group: str
    first_id: int
    volumes: int


def list_bounds(box: Box) -> tuple[int, ...]:
    """Return what the filter of a question is given: see `FILTER`."""
    return (
        *(box.start_s, box.ceiling_m, box.floor_m, box.north, box.south),
        *(box.east, box.west, box.east + TURN_E4, box.west + TURN_E4, box.east - TURN_E4, box.west - TURN_E4),
    )


def read_value(cursor: DBAPICursor) -> Any:  # noqa: ANN401 - what the column holds
    """Return the first column of the next row, or None."""
    row = cursor.fetchone()
    return None if row is None else row[0]


class AskAgainError(Exception):
    """What a question was asked with has changed meanwhile. Never leaves this room."""


class SqlIndex(ABC):
    """What does not depend on the kind of database; `SqliteIndex` and `PostgresIndex` have the rest."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decider = Decider(fetch_in_background)
        self._fresh = MemoryIndex()
        self._inserted: dict[str, tuple[str, list[bytes]]] = {}
        self._hidden: dict[str, None] = {}
        self._put = {table.name: self._prepare_put(table) for table in TABLES}
        self._drop = {table.name: self._prepare_drop(table) for table in (INDEX_VOLUMES, INDEX_CELLS)}

    # The contract

    def insert(
        self, object_name: str, volumes: Sequence[Volume], *, group: str, reach_m: float = 0.0
    ) -> None:
        """Let an object stand, in place of what stood under its name."""
        check_insert(volumes, reach_m)
        self.insert_packed(object_name, [pack(volume, reach_m) for volume in volumes], group=group)

    def insert_packed(self, object_name: str, volumes: Sequence[bytes], *, group: str) -> None:
        """Let an object stand whose volumes are packed already, in place of what stood under its name."""
        self._hidden[object_name] = None
        self._inserted[object_name] = (group, list(volumes))
        self._fresh.insert_packed(object_name, volumes, group=group)

    def withdraw(self, object_name: str) -> None:
        """Let an object stand no longer."""
        self._hidden[object_name] = None
        self._inserted.pop(object_name, None)
        self._fresh.withdraw(object_name)

    def query(
        self, volume: Volume, separation: Separation, *, group: str, most: int | None = MOST_HITS
    ) -> list[Hit]:
        """Return every standing volume of the group that conflicts with ``volume``."""
        box = find_question_box(volume, separation)
        hits = self._fresh.query_box(volume, box, separation, group=group, most=most)
        with self._database.read() as connection, self._cursor(connection) as cursor:
            return self._ask(connection, cursor, volume, box, separation, group, most, hits)

    def check_and_insert(
        self,
        object_name: str,
        volumes: Sequence[Volume],
        separation: Separation,
        *,
        group: str,
        reach_m: float = 0.0,
        most: int | None = MOST_HITS,
    ) -> list[Met]:
        """Let an object stand whatever it meets, durably, and return what it conflicts with in its group.

        Raises:
            ValueError: This object has changes that were not committed: they would be left out.
        """
        check_insert(volumes, reach_m)
        if self._hidden:
            raise ValueError(f"index: expected no pending change, got {len(self._hidden)}")
        agreed = widen(separation, reach_m)
        packed = [pack(volume, reach_m) for volume in volumes]
        boxes = [find_question_box(volume, agreed) for volume in volumes]
        met: list[Met] = []
        with self._database.write() as connection, self._cursor(connection) as cursor:
            self._lock(cursor, [object_name], boxes)
            for ordinal, (volume, box) in enumerate(zip(volumes, boxes, strict=True)):
                hits = self._ask(connection, cursor, volume, box, agreed, group, most, [])
                met += [Met(ordinal, hit) for hit in hits if hit.object != object_name]
            if most is not None and len(met) > most:
                raise refuse_more(most)
            self._write(connection, cursor, [object_name], {object_name: (group, packed)})
        return met

    def check_and_insert_many(
        self,
        wanted: Sequence[Wanted],
        separation: Separation,
        *,
        group: str,
        most: int | None = MOST_HITS,
    ) -> list[list[Met] | TooManyConflicts]:
        """Do `check_and_insert` for several callers in their order, with one transaction for all of them.

        Each is told of those before it. Who meets too many is answered with the error, and left out.
        """
        if self._hidden:
            raise ValueError(f"index: expected no pending change, got {len(self._hidden)}")
        answers: list[list[Met] | TooManyConflicts] = []
        try:
            with self._database.write() as connection, self._cursor(connection) as cursor:
                boxes = [
                    [find_question_box(volume, widen(separation, one.reach_m)) for volume in one.volumes]
                    for one in wanted
                ]
                self._lock(cursor, [one.object for one in wanted], [box for each in boxes for box in each])
                answers.extend(
                    self._check_one(connection, cursor, one, each, separation, group, most)
                    for one, each in zip(wanted, boxes, strict=True)
                )
                self.write_to(connection)
        finally:
            self.mark_committed()
        return answers

    def _check_one(
        self,
        connection: Connection,
        cursor: DBAPICursor,
        one: Wanted,
        boxes: list[Box],
        separation: Separation,
        group: str,
        most: int | None,
    ) -> list[Met] | TooManyConflicts:
        agreed = widen(separation, one.reach_m)
        met: list[Met] = []
        try:
            for ordinal, (volume, box) in enumerate(zip(one.volumes, boxes, strict=True)):
                hits = self._fresh.query_box(volume, box, agreed, group=group, most=most)
                hits = self._ask(connection, cursor, volume, box, agreed, group, most, hits)
                met += [Met(ordinal, hit) for hit in hits if hit.object != one.object]
            if most is not None and len(met) > most:
                return refuse_more(most)
        except TooManyConflicts as error:
            return error
        self.insert(one.object, one.volumes, group=group, reach_m=one.reach_m)
        return met

    def changes(self, after: int = 0) -> Iterator[Change]:
        """Yield the newest committed change of each object that changed after a number, in order."""
        while True:
            with self._database.read() as connection, self._cursor(connection) as cursor:
                rows = self._read_changes(cursor, after, _CHANGES)
            yield from (Change(number, name, group, volumes > 0) for number, name, group, volumes in rows)
            if len(rows) < _CHANGES:
                return
            after = rows[-1][0]

    def __len__(self) -> int:
        """Return the number of standing volumes."""
        with self._database.read() as connection, self._cursor(connection) as cursor:
            cursor.execute("SELECT count(*) FROM index_volumes")
            stored = int(read_value(cursor))
            hidden = sum(place.volumes for place in self._find_places(cursor, list(self._hidden)).values())
        return stored - hidden + len(self._fresh)

    def compile(self) -> bool:
        """Take the compiled form of the exact rule from here on: see `standing.Decider`."""
        return self._decider.compile()

    # What is pending

    def commit(self, *beside: Pending) -> None:
        """Make every change durable, and what is pending ``beside``, in one transaction."""
        with self._database.write() as connection:
            for one in (*beside, self):
                one.write_to(connection)
        for one in (*beside, self):
            one.mark_committed()

    def write_to(self, connection: Connection) -> None:
        """Write every change in the caller's transaction; `mark_committed` follows its commit."""
        if self._hidden:
            with self._cursor(connection) as cursor:
                self._write(connection, cursor, list(self._hidden), self._inserted)

    def mark_committed(self) -> None:
        """Forget what was pending: the database has it."""
        self._fresh = MemoryIndex()
        self._inserted = {}
        self._hidden = {}

    # What differs

    def _prepare_put(self, table: Table) -> PreparedMany:
        """Return an insert of whole rows that replaces those of the same primary key."""
        return self._database.prepare_upsert(table)

    def _prepare_drop(self, table: Table) -> PreparedMany:
        """Return a removal of rows by their whole primary key."""
        return self._database.prepare_delete(table)

    @abstractmethod
    def _find_ids(
        self, connection: Connection, cursor: DBAPICursor, box: Box, searches: list[Search], group: str
    ) -> Iterator[list[int]]:
        """Yield ids whose box meets a question's, some at a time, perhaps more than once."""

    @abstractmethod
    def _find_volumes(self, cursor: DBAPICursor, ids: list[int]) -> list[tuple[str, int, bytes]]:
        """Return object, ordinal and packed volume of some ids."""

    @abstractmethod
    def _find_stems(self, cursor: DBAPICursor, group: str) -> list[int]:
        """Return the stems of a group."""

    @abstractmethod
    def _forget_stems(self, group: str) -> None:
        """Ask for a group's stems anew the next time."""

    @abstractmethod
    def _find_places(self, cursor: DBAPICursor, names: list[str]) -> dict[str, Place]:
        """Return where the volumes of objects are that stand."""

    @abstractmethod
    def _read_changes(self, cursor: DBAPICursor, after: int, most: int) -> list[tuple[int, str, str, int]]:
        """Return number, object, group and count of volumes of the next changes: whole numbers only."""

    @abstractmethod
    def _number_ids(self, cursor: DBAPICursor, counts: list[int]) -> tuple[list[int], list[int]]:
        """Return for each object that changes its change's number, and the first of its ids."""

    @abstractmethod
    def _add_stems(
        self, connection: Connection, cursor: DBAPICursor, wanted: dict[str, set[int]]
    ) -> dict[str, int]:
        """Add the stems of each group that are missing (without the group's number); return the numbers."""

    @abstractmethod
    def _lock(self, cursor: DBAPICursor, names: list[str], boxes: list[Box]) -> None:
        """Wait until nobody else can change these objects, or insert unseen what meets these boxes."""

    @abstractmethod
    def _cursor(self, connection: Connection) -> AbstractContextManager[DBAPICursor]:
        """Give the driver's own cursor."""

    # Questions

    def _ask(
        self,
        connection: Connection,
        cursor: DBAPICursor,
        volume: Volume,
        box: Box,
        separation: Separation,
        group: str,
        most: int | None,
        hits: list[Hit],
    ) -> list[Hit]:
        for _ in range(_TRIES):
            try:
                return self._ask_once(connection, cursor, volume, box, separation, group, most, list(hits))
            except AskAgainError:
                self._forget_stems(group)
        raise _say_damage(f"volumes in group {group!r} that its cells name, found others each time")

    def _ask_once(
        self,
        connection: Connection,
        cursor: DBAPICursor,
        volume: Volume,
        box: Box,
        separation: Separation,
        group: str,
        most: int | None,
        hits: list[Hit],
    ) -> list[Hit]:
        stems = self._find_stems(cursor, group)
        if not stems:
            return sorted(hits)
        searches = find_searches(box, group_of(stems[0]), [read_stem(stem) for stem in stems])
        seen: set[int] = set()
        # Each page is decided before the next is read: a question that finds too much stops there.
        for ids in self._find_ids(connection, cursor, box, searches, group):
            fresh = sorted(set(ids) - seen)
            seen.update(fresh)
            for start in range(0, len(fresh), PAGE):
                rows = self._find_volumes(cursor, fresh[start : start + PAGE])
                if len(rows) != len(fresh[start : start + PAGE]):
                    raise AskAgainError
                if self._hidden:
                    rows = [row for row in rows if row[0] not in self._hidden]
                met = self._decider.find_met(volume, separation, [row[2] for row in rows])
                hits += [Hit(*rows[at]) for at in met]
                if most is not None and len(hits) > most:
                    raise refuse_more(most)
        return sorted(hits)

    # Changes

    def _write(
        self,
        connection: Connection,
        cursor: DBAPICursor,
        names: list[str],
        inserted: dict[str, tuple[str, list[bytes]]],
    ) -> None:
        """Drop the volumes of the objects of ``names``, add those of ``inserted``, number the changes."""
        places = self._find_places(cursor, names)
        self._remove(connection, cursor, places.values())
        changed = [name for name in names if name in places or name in inserted]
        counts = [len(inserted[name][1]) if name in inserted else 0 for name in changed]
        numbers, first_ids = self._number_ids(cursor, counts)
        slots = {
            name: [(box, find_slot(box)) for box in map(read_box, data)]
            for name, (_, data) in inserted.items()
        }
        wanted: dict[str, set[int]] = {}
        for name, (group, _) in inserted.items():
            wanted.setdefault(group, set()).update(
                stem_of(encode_key(0, slot.level, slot.duration, 0)) for _, slot in slots[name]
            )
        groups = self._add_stems(connection, cursor, wanted)
        objects: list[tuple[object, ...]] = []
        volumes: list[tuple[object, ...]] = []
        cells: list[tuple[object, ...]] = []
        for name, count, number, first_id in zip(changed, counts, numbers, first_ids, strict=True):
            group = inserted[name][0] if name in inserted else places[name].group
            objects.append((name, group, number, first_id, count))
            if name not in inserted:
                continue
            for ordinal, (data, (box, slot)) in enumerate(zip(inserted[name][1], slots[name], strict=True)):
                volumes.append((first_id + ordinal, name, ordinal, data))
                cells += _list_cells(
                    groups[group], first_id + ordinal, box, slot.level, slot.duration, slot.cells
                )
        for table, rows in ((INDEX_OBJECTS, objects), (INDEX_VOLUMES, volumes), (INDEX_CELLS, cells)):
            if rows:
                self._database.write_many(connection, self._put[table.name], rows)

    def _remove(self, connection: Connection, cursor: DBAPICursor, places: Iterable[Place]) -> None:
        ids: list[tuple[object, ...]] = []
        cells: list[tuple[object, ...]] = []
        for place in places:
            mine = list(range(place.first_id, place.first_id + place.volumes))
            stems = self._find_stems(cursor, place.group)
            group = group_of(stems[0]) if stems else 0
            for start in range(0, len(mine), PAGE):
                chunk = mine[start : start + PAGE]
                rows = self._find_volumes(cursor, chunk)
                if len(rows) != len(chunk):
                    raise _say_damage(f"{len(chunk)} volumes from id {chunk[0]} on, found {len(rows)}")
                for _, ordinal, data in rows:
                    box = read_box(data)
                    slot = find_slot(box)
                    for cell in slot.cells:
                        key = encode_key(group, slot.level, slot.duration, cell)
                        cells.append((key, box.start_s, place.first_id + ordinal))
                ids += [(one,) for one in chunk]
        for name, keys in (("index_cells", cells), ("index_volumes", ids)):
            if keys:
                self._database.write_many(connection, self._drop[name], keys)


def _say_damage(expected: str) -> StoreError:
    return StoreError(
        "bad-index", f"conflict index: expected {expected}: make it again (entente center rebuild)"
    )


def _list_cells(
    group: int, volume_id: int, box: Box, level: int, duration: int, cells: tuple[int, ...]
) -> list[tuple[object, ...]]:
    bounds = (box.end_s, box.floor_m, box.ceiling_m, box.south, box.west, box.north, box.east)
    return [(encode_key(group, level, duration, cell), box.start_s, volume_id, *bounds) for cell in cells]
