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
  * A question knows every stem that there is, though another process may have added one, and it is of one
    moment: what was replaced meanwhile, behind its back, has it asked again.
  * What was handed over is seen here until `mark_committed`, whether or not the database has it already.

One thread uses an object for `insert`, `withdraw` and `query`; another may write what was handed over.

    >>> index = SqliteIndex(database)
    >>> index.insert("sortie-7", volumes, group="activity")
    >>> index.commit()
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final

from sqlalchemy import Connection, Table
from sqlalchemy.engine.interfaces import DBAPICursor

from entente.deconflict.cells import (
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
    sort_hits,
)
from entente.deconflict.standing import Decider, pack, read_box, widen
from entente.kernel.errors import TooManyConflicts
from entente.space import Separation, Volume
from entente.store.compiled_rule import fetch_in_background
from entente.store.index_rows import (
    NOTHING_AHEAD,
    Ahead,
    AskAgainError,
    Found,
    IndexChanges,
    Inserted,
    Pending,
    Place,
    Wanted,
    list_cells,
    read_value,
    say_damage,
)
from entente.store.sql import Database, PreparedMany
from entente.store.tables import INDEX_CELLS, INDEX_OBJECTS, INDEX_STEMS, INDEX_VOLUMES

PAGE: Final = 1_024
"""Candidates that are read and decided together: bounds what a question costs beyond what it may find."""
_CHANGES: Final = 1_000
_TRIES: Final = 100
"""Times that a question may find changed what it is about, until it is damage and no change."""
TABLES: Final[tuple[Table, ...]] = (INDEX_STEMS, INDEX_OBJECTS, INDEX_VOLUMES, INDEX_CELLS)


class SqlIndex(ABC):
    """What does not depend on the kind of database; `SqliteIndex` and `PostgresIndex` have the rest."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._decider = Decider(fetch_in_background)
        self._fresh = MemoryIndex()
        self._inserted: Inserted = {}
        self._hidden: dict[str, None] = {}
        self._stems: dict[str, list[int]] = {}
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
        with self._database.read() as connection, self._cursor(connection) as cursor:
            if not (self._fresh.holds(group) or self._stems.get(group)):
                self._stems[group] = self._find_stems(cursor, group)
                if not self._stems[group]:  # nor is there a box: many a center has no zone and no site
                    return []
            box = find_question_box(volume, separation)
            hits = self._fresh.query_box(volume, box, separation, group=group, most=most)
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
        answers = self.check_and_insert_many(
            [Wanted(object_name, tuple(volumes), reach_m)], separation, group=group, most=most
        )
        if isinstance(answers[0], TooManyConflicts):
            raise answers[0]
        return answers[0]

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
        for one in wanted:
            check_insert(one.volumes, one.reach_m)
        questions = [
            [find_question_box(volume, widen(separation, one.reach_m)) for volume in one.volumes]
            for one in wanted
        ]
        packed = [[pack(volume, one.reach_m) for volume in one.volumes] for one in wanted]
        names = list(dict.fromkeys(one.object for one in wanted))
        boxes = [box for each in questions for box in each]
        answers: list[list[Met] | TooManyConflicts] = []
        try:
            with self._database.write() as connection, self._cursor(connection) as cursor:
                ahead = self._look_ahead(connection, cursor, names, boxes, group)
                pages = iter(ahead.pages or [None] * len(boxes))
                for one, each, data in zip(wanted, questions, packed, strict=True):
                    asked = list(zip(one.volumes, each, pages, strict=False))
                    answer = self._check_one(connection, cursor, one, asked, separation, group, most)
                    if not isinstance(answer, TooManyConflicts):
                        self._hidden[one.object] = None
                        self._inserted[one.object] = group, data
                        if len(answers) < len(wanted) - 1:
                            # To be found by those behind it; and so of several, in the order of the callers.
                            self._fresh.insert_packed(one.object, data, group=group)
                    answers.append(answer)
                if self._hidden:
                    self._write_checked(connection, cursor, list(self._hidden), self._inserted, ahead)
        finally:
            self.mark_committed()
        return answers

    def _check_one(
        self,
        connection: Connection,
        cursor: DBAPICursor,
        one: Wanted,
        asked: list[tuple[Volume, Box, list[Found] | None]],
        separation: Separation,
        group: str,
        most: int | None,
    ) -> list[Met] | TooManyConflicts:
        agreed = widen(separation, one.reach_m)
        met: list[Met] = []
        try:
            for ordinal, (volume, box, page) in enumerate(asked):
                hits: list[Hit] = []
                if self._inserted:
                    hits = self._fresh.query_box(volume, box, agreed, group=group, most=most)
                if page is not None:
                    hits = self._decide_pages([page], volume, agreed, most, hits)
                else:
                    hits = self._ask(connection, cursor, volume, box, agreed, group, most, hits)
                met += [Met(ordinal, hit) for hit in hits if hit.object != one.object]
            if most is not None and len(met) > most:
                return refuse_more(most)
        except TooManyConflicts as error:
            return error
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
        self.hand_over().write_to(connection)

    def write_changes(self, connection: Connection, names: list[str], inserted: Inserted) -> None:
        """Write some objects' changes in the caller's transaction."""
        with self._cursor(connection) as cursor:
            self._write(connection, cursor, names, inserted)

    def hand_over(self) -> IndexChanges:
        """Return every change, to be written in one transaction; `mark_committed` follows. One at a time."""
        return IndexChanges(list(self._hidden), dict(self._inserted), self.write_changes)

    def mark_committed(self, written: IndexChanges | None = None) -> None:
        """Forget what was pending (up to a `hand_over`; left out, all of it): the database has it."""
        names, inserted = (written.names, written.inserted) if written is not None else ([], {})
        # What was changed again since is pending still.
        for name in (one for one in names if self._inserted.get(one) is inserted.get(one)):
            del self._hidden[name]
            if self._inserted.pop(name, None) is not None:
                self._fresh.withdraw(name)
        if written is None or not self._hidden:
            self._fresh, self._inserted, self._hidden = MemoryIndex(), {}, {}

    # What differs

    def _prepare_put(self, table: Table) -> PreparedMany:
        """Return an insert of whole rows that replaces those of the same primary key."""
        return self._database.prepare_upsert(table)

    def _prepare_drop(self, table: Table) -> PreparedMany:
        """Return a removal of rows by their whole primary key."""
        return self._database.prepare_delete(table)

    @abstractmethod
    def _find_pages(
        self, connection: Connection, cursor: DBAPICursor, box: Box, searches: list[Search], group: str
    ) -> Iterator[list[Found]]:
        """Yield the volumes whose box meets a question's, some at a time, perhaps more than once.

        Raises:
            AskAgainError: The group has other stems than `_stems` says, or a volume was replaced meanwhile.
        """

    @abstractmethod
    def _find_volumes(self, cursor: DBAPICursor, ids: list[int]) -> list[Found]:
        """Return some volumes."""

    @abstractmethod
    def _find_stems(self, cursor: DBAPICursor, group: str) -> list[int]:
        """Return the stems of a group, ascending, as they are now."""

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
    def _cursor(self, connection: Connection) -> AbstractContextManager[DBAPICursor]:
        """Give the driver's own cursor."""

    # Checking before writing

    def _look_ahead(
        self, _connection: Connection, _cursor: DBAPICursor, _names: list[str], _boxes: list[Box], _group: str
    ) -> Ahead:
        """Wait until nobody else can change these objects, or insert unseen what meets these boxes.

        Returns:
            What checking the boxes and writing the objects needs, where it is cheaper to fetch it with that.
        """
        return NOTHING_AHEAD

    def _write_checked(
        self,
        connection: Connection,
        cursor: DBAPICursor,
        names: list[str],
        inserted: Inserted,
        ahead: Ahead,
    ) -> None:
        """Write what was checked, and nothing after it in its transaction."""
        self._write(connection, cursor, names, inserted, ahead)

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
                self._stems.pop(group, None)
        raise say_damage(f"volumes in group {group!r} that its cells name, found others each time")

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
        stems = self._stems.get(group)
        if not stems:
            stems = self._stems[group] = self._find_stems(cursor, group)
        if not stems:
            return sort_hits(hits)
        searches = find_searches(box, group_of(stems[0]), [read_stem(stem) for stem in stems])
        pages = self._find_pages(connection, cursor, box, searches, group)
        return self._decide_pages(pages, volume, separation, most, hits)

    def _decide_pages(
        self,
        pages: Iterable[list[Found]],
        volume: Volume,
        separation: Separation,
        most: int | None,
        hits: list[Hit],
    ) -> list[Hit]:
        seen: set[int] = set()
        # Each page is decided before the next is read: a question that finds too much stops there.
        for page in pages:
            # A volume comes once for each of its cells that the question visits.
            fresh = {row[0]: row for row in page if row[0] not in seen}
            if not fresh:
                continue
            seen.update(fresh)
            rows = [row for row in fresh.values() if row[1] not in self._hidden]
            met = self._decider.find_met(volume, separation, [row[3] for row in rows])
            hits += [Hit(*rows[at][1:]) for at in met]
            if most is not None and len(hits) > most:
                raise refuse_more(most)
        return sort_hits(hits)

    # Changes

    def _write(
        self,
        connection: Connection,
        cursor: DBAPICursor,
        names: list[str],
        inserted: Inserted,
        ahead: Ahead | None = None,
    ) -> None:
        """Drop the volumes of the objects of ``names``, add those of ``inserted``, number the changes."""
        places = ahead.places if ahead else None
        if places is None:
            places = self._find_places(cursor, names)
        self._remove(connection, cursor, places.values())
        changed = [name for name in names if name in places or name in inserted]
        counts = [len(inserted[name][1]) if name in inserted else 0 for name in changed]
        if ahead and ahead.numbers:
            numbers = [ahead.numbers[name][0] for name in changed]
            first_ids = [ahead.numbers[name][1] for name in changed]
        else:
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
        objects: list[tuple[Any, ...]] = []
        volumes: list[tuple[Any, ...]] = []
        cells: list[tuple[Any, ...]] = []
        for name, count, number, first_id in zip(changed, counts, numbers, first_ids, strict=True):
            group = inserted[name][0] if name in inserted else places[name].group
            objects.append((name, group, number, first_id, count))
            if name not in inserted:
                continue
            for ordinal, (data, (box, slot)) in enumerate(zip(inserted[name][1], slots[name], strict=True)):
                volumes.append((first_id + ordinal, name, ordinal, data))
                cells += list_cells(
                    groups[group], first_id + ordinal, box, slot.level, slot.duration, slot.cells
                )
        self._put_rows(connection, objects, volumes, cells, is_last=ahead is not None)

    def _put_rows(
        self,
        connection: Connection,
        objects: list[tuple[Any, ...]],
        volumes: list[tuple[Any, ...]],
        cells: list[tuple[Any, ...]],
        *,
        is_last: bool,  # noqa: ARG002 - see PostgresIndex
    ) -> None:
        """Write rows; the last of the transaction's, if ``is_last``, and then it may be committed too."""
        for table, rows in ((INDEX_OBJECTS, objects), (INDEX_VOLUMES, volumes), (INDEX_CELLS, cells)):
            if rows:
                self._database.write_many(connection, self._put[table.name], rows)

    def _remove(self, connection: Connection, cursor: DBAPICursor, places: Iterable[Place]) -> None:
        ids: list[tuple[Any, ...]] = []
        cells: list[tuple[Any, ...]] = []
        for place in places:
            mine = list(range(place.first_id, place.first_id + place.volumes))
            stems = self._find_stems(cursor, place.group)
            group = group_of(stems[0]) if stems else 0
            for start in range(0, len(mine), PAGE):
                chunk = mine[start : start + PAGE]
                rows = self._find_volumes(cursor, chunk)
                if len(rows) != len(chunk):
                    raise say_damage(f"{len(chunk)} volumes from id {chunk[0]} on, found {len(rows)}")
                for volume_id, _, _, data in rows:
                    box = read_box(data)
                    slot = find_slot(box)
                    for cell in slot.cells:
                        key = encode_key(group, slot.level, slot.duration, cell)
                        cells.append((key, box.start_s, volume_id))
                ids += [(one,) for one in chunk]
        for name, keys in (("index_cells", cells), ("index_volumes", ids)):
            if keys:
                self._database.write_many(connection, self._drop[name], keys)
