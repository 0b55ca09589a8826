"""Rows in a database: the `Rows` port over SQL; what was put is kept apart until it is committed.

Invariants:
  * The contract of `entente.kernel.rows.Rows`, and of `MemoryRows` to the letter:
    tests/unit/test_rows_contract.py runs both.
  * What was put is seen by this object at once, by others after `commit` (or after the transaction that
    `write_to` wrote in).
  * What was handed over is seen here until `mark_committed`, whether or not the database has it already: a
    thread of its own may write it while this one goes on (docs/adr/0023-commit-beside-judging.md).
  * Memory: the uncommitted puts, and a bounded number of rows that were used last.
  * Rows that were put alike are stored as one until they change (`store.sheaf`); nobody sees a difference.

One thread uses an object; another may write what was handed over. A second object over the same database
reads what is committed; give it ``cache_rows=0``, since nobody tells it what changes.

    >>> rows = SqlRows(open_sqlite(path))
    >>> rows.put(row)
    >>> rows.find(type(row), row.key()) == row
    True
    >>> rows.commit()
"""

from __future__ import annotations

import heapq
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from itertools import chain, islice
from typing import Any, Final

import msgspec
from sqlalchemy import Connection, Select, bindparam, select

from entente.kernel.errors import StoreError
from entente.kernel.rows import R, Row
from entente.store.sheaf import ALIKE, Sheaf, SheafPlaces, make_sheaf, sheaf_of, split_key
from entente.store.sql import Database, Prepared, PreparedMany
from entente.store.tables import ROW_INDEX, ROWS

MOST_ABSENT: Final = 200_000
"""Keys that are remembered as absent between two commits; more are looked up, as those of any row."""
_PAGE: Final = 500
HASH_CHARACTERS: Final = 64
_CHUNK: Final = 64
"""Keys in one question."""
_FIND: Final = select(ROWS.c.data).where(ROWS.c.tbl == bindparam("t"), ROWS.c.key == bindparam("k"))
_FIND_MANY: Final = select(ROWS.c.key, ROWS.c.data).where(
    ROWS.c.tbl == bindparam("t"), ROWS.c.key.in_([bindparam(f"k{at:02d}") for at in range(_CHUNK)])
)
_ENCODER: Final = msgspec.json.Encoder()
_DECODERS: Final[dict[type[Row], msgspec.json.Decoder[Any]]] = {}


def decode_row(row: type[R], data: str) -> R:
    """Return the row that the database holds as ``data``."""
    decoder = _DECODERS.get(row)
    if decoder is None:
        decoder = _DECODERS[row] = msgspec.json.Decoder(row)
    try:
        found: R = decoder.decode(data)
    except msgspec.MsgspecError as error:
        raise StoreError(
            "bad-row", f"table {row.TABLE!r}: expected a row of this version: {error}"
        ) from error
    return found


@dataclass(frozen=True, slots=True)
class PutRows:
    """What was put up to a moment, for `write_to`: any thread may call it, once."""

    puts: dict[str, dict[str, Row]]
    put: PreparedMany
    before: list[tuple[PreparedMany, list[tuple[object, ...]]]]
    after: list[tuple[PreparedMany, list[tuple[object, ...]]]]
    database: Database

    def write_to(self, connection: Connection) -> None:
        """Write it in the caller's transaction."""
        data: list[tuple[object, ...]] = [
            (name, key, _ENCODER.encode(row).decode())
            for name, table in self.puts.items()
            for key, row in table.items()
        ]
        for prepared, rows in (*self.before, (self.put, data), *self.after):
            if rows:
                self.database.write_many(connection, prepared, rows)


class SqlRows:
    """Rows in a `Database`."""

    def __init__(self, database: Database, *, cache_rows: int = 50_000) -> None:
        self._database = database
        self._cache_rows = cache_rows
        self._cache: OrderedDict[tuple[str, str], Row] = OrderedDict()
        self._absent: set[tuple[str, str]] = set()
        self._find = database.prepare(_FIND)
        self._find_many = database.prepare(_FIND_MANY)
        self._put = database.prepare_upsert(ROWS)
        self._index = database.prepare_upsert(ROW_INDEX)
        self._forget = database.prepare_delete(ROW_INDEX)
        self._puts: dict[str, dict[str, Row]] = {}
        self._is_on_its_way = False
        self._put_index: dict[tuple[str, str, str], dict[str, None]] = {}
        self._questions: dict[tuple[str, ...], Prepared] = {}
        self._places = SheafPlaces(database)

    def find(self, row: type[R], key: str) -> R | None:
        """Return the row, or None."""
        place = (row.TABLE, key)
        found: Row | None = self._puts.get(row.TABLE, {}).get(key)
        if found is None:
            found = self._cache.get(place)
            if found is not None:
                self._cache.move_to_end(place)
            else:
                if row.ALIKE is not None:
                    found = self._find_alike(row, key)
                if found is None and place not in self._absent:
                    found = self._load(row, key)
        return found if isinstance(found, row) else None

    def expect(self, row: type[Row], keys: Sequence[str]) -> None:
        """Look up many rows that are about to be asked for, in one question for many of them.

        What is not there is remembered as absent until the next commit.
        """
        unknown = [key for key in keys if (row.TABLE, key) not in self._cache]
        for key, data in self._load_many(row.TABLE, unknown):
            self._remember((row.TABLE, key), decode_row(row, data))
        if len(self._absent) < MOST_ABSENT:
            self._absent.update((row.TABLE, key) for key in unknown if (row.TABLE, key) not in self._cache)

    def expect_none(self, row: type[Row], keys: Iterable[str]) -> None:
        """Take the caller's word that nothing is stored under some keys: nobody looks, until the next commit.

        Of rows that are put alike, the keys are the hashes that they share.
        """
        if len(self._absent) < MOST_ABSENT:  # a run of refusals commits nothing, and must not fill the memory
            table = row.TABLE if row.ALIKE is None else sheaf_of(row).TABLE
            self._absent.update((table, key) for key in keys)

    def put(self, row: Row) -> None:
        """Insert or replace a row by its key."""
        key = row.key()
        if row.ALIKE is not None:
            self._draw(row, key)
        table = self._puts.setdefault(row.TABLE, {})
        old = table.get(key)
        if old is not None:
            for field in old.INDEXED:
                del self._put_index[row.TABLE, field, getattr(old, field)][key]
        table[key] = row
        for field in row.INDEXED:
            self._put_index.setdefault((row.TABLE, field, getattr(row, field)), {})[key] = None

    def put_alike(self, row: Row, values: Sequence[str]) -> None:
        """Insert a row for each of ``values``, as ``row`` but for the field in which they differ."""
        if values:
            self.put(make_sheaf(row, values, self._places.draw_number()))

    def select(
        self, row: type[R], *, after: str = "", limit: int | None = None, **equals: str
    ) -> Iterator[R]:
        """Yield rows whose indexed fields equal the given texts, by key, from beyond ``after``."""
        return self.select_picked(row, None, after=after, limit=limit, **equals)

    def select_picked(
        self,
        row: type[R],
        pick: Callable[[R], bool] | None,
        *,
        after: str = "",
        limit: int | None = None,
        **equals: str,
    ) -> Iterator[R]:
        """Do as `select`, but leave out rows of which ``pick`` says no.

        Of rows that are kept as one it is asked once, with the row that they are like: it must not look at
        the field in which they differ.
        """
        for field in equals:
            if field not in row.INDEXED:
                raise ValueError(f"table {row.TABLE!r}: expected an indexed field, got {field!r}")
        if limit is not None and limit <= 0:
            return
        if row.ALIKE is None and pick is None:
            yield from self._select_single(row, after, limit, equals)
            return
        found = self._select_single(row, after, None if pick else limit, equals)
        if pick is not None:
            found = filter(pick, found)
        if row.ALIKE is not None:
            alike = self._select_alike(row, after, equals, pick)
            found = heapq.merge(found, alike, key=lambda one: one.key())
        yield from islice(found, limit)

    def _select_single(
        self,
        row: type[R],
        after: str,
        limit: int | None,
        equals: dict[str, str],
    ) -> Iterator[R]:
        """Yield rows that are stored or put by themselves."""
        table = self._puts.get(row.TABLE, {})
        # What was put counts as it is now, not as the database still has it.
        hidden = frozenset(table)
        fresh = sorted(key for key in self._matching(row.TABLE, table, equals) if key > after)
        stored = self._stored(row, after, len(hidden), limit, equals)
        pairs: Iterable[tuple[str, R | None]] = heapq.merge(
            ((key, None) for key in fresh),
            ((key, found) for key, found in stored if key not in hidden),
            key=lambda pair: pair[0],
        )
        yielded = 0
        for key, stored_row in pairs:
            put = self._puts.get(row.TABLE, {}).get(key)
            found = put if put is not None else stored_row if stored_row is not None else self.find(row, key)
            if isinstance(found, row):
                yield found
                yielded += 1
                if yielded == limit:
                    return

    def _select_alike(
        self, row: type[R], after: str, equals: dict[str, str], pick: Callable[[R], bool] | None
    ) -> Iterator[R]:
        """Yield rows that are in sheaves."""
        shared, differing = row.ALIKE or ("", "")
        rest = {field: value for field, value in equals.items() if field not in {shared, differing}}
        value = equals.get(differing)
        # Hashes are of one length: a key beyond ``after`` has a hash at or beyond that of ``after``.
        begin = split_key(after)[0][:HASH_CHARACTERS]
        sheaves: Iterable[Sheaf]
        if shared in equals:
            sheaf = self.find(sheaf_of(row), equals[shared])
            sheaves = () if sheaf is None else (sheaf,)
        elif value is not None:
            sheaves = self._list_holding(sheaf_of(row), value, begin)
        else:
            first = self.find(sheaf_of(row), begin)
            later = self._select_single(sheaf_of(row), begin, None, rest)
            sheaves = later if first is None else chain((first,), later)
        for sheaf in sheaves:
            if any(getattr(sheaf, field) != wanted for field, wanted in rest.items()):
                continue
            if pick is not None and not pick(sheaf.row):
                continue
            for alike in sheaf.list_rows(value):
                # Drawn out meanwhile, it counts as it is now.
                found = self._puts.get(row.TABLE, {}).get(alike.key(), alike)
                if isinstance(found, row) and found.key() > after:
                    yield found

    def _list_holding(self, kind: type[Sheaf], value: str, begin: str) -> Iterator[Sheaf]:
        """Yield the sheaves that may hold a value, by key, from ``begin`` on."""
        stored = self._places.list_keys(kind.TABLE, value)
        keys = sorted(key for key in {*stored, *self._puts.get(kind.TABLE, ())} if key >= begin)
        return self._find_sheaves(kind, keys)

    def _find_sheaves(self, kind: type[Sheaf], keys: Sequence[str]) -> Iterator[Sheaf]:
        """Yield sheaves as they are now, those of ``keys`` that are there, in that order."""
        put = self._puts.get(kind.TABLE, {})
        for start in range(0, len(keys), _CHUNK):
            chunk = keys[start : start + _CHUNK]
            unknown = [key for key in chunk if key not in put and (kind.TABLE, key) not in self._cache]
            loaded = {key: decode_row(kind, data) for key, data in self._load_many(kind.TABLE, unknown)}
            for key in chunk:
                sheaf = put.get(key) or self._cache.get((kind.TABLE, key)) or loaded.get(key)
                if isinstance(sheaf, Sheaf):
                    yield sheaf

    def _find_alike(self, row: type[Row], key: str) -> Row | None:
        shared, value = split_key(key)
        sheaf = self.find(sheaf_of(row), shared)
        return None if sheaf is None else sheaf.find(value)

    def _draw(self, row: Row, key: str) -> None:
        """Take a row that is about to be put out of its sheaf, if it is in one."""
        if key in self._puts.get(row.TABLE, ()) or (row.TABLE, key) in self._cache:
            return
        shared, value = split_key(key)
        sheaf = self.find(sheaf_of(type(row)), shared)
        if sheaf is not None and value in sheaf.values:
            self.put(sheaf.draw(value))

    def commit(self) -> None:
        """Make every put durable, in one transaction."""
        with self._database.write() as connection:
            self.write_to(connection)
        self.mark_committed()

    def write_to(self, connection: Connection) -> None:
        """Write every put in the caller's transaction; `mark_committed` follows its commit."""
        self._collect().write_to(connection)

    def hand_over(self) -> PutRows:
        """Return every put, to be written in one transaction; `mark_committed` follows its commit.

        More may be put in between. One at a time: what the next one changes is known when this one is marked.
        """
        written = self._collect()
        self._is_on_its_way = True
        return written

    def _collect(self) -> PutRows:
        if self._is_on_its_way:
            raise AssertionError("rows: expected nothing on its way to the database")
        before: list[tuple[PreparedMany, list[tuple[object, ...]]]] = []
        added: list[tuple[object, ...]] = []
        removed: list[tuple[object, ...]] = []
        for name, table in self._puts.items():
            indexed = {key: row for key, row in table.items() if row.INDEXED}
            if not indexed:
                continue
            old = self._stored_rows(name, indexed)
            self._note_stored(name, old)
            if name.endswith(ALIKE):
                kind = next(type(one) for one in indexed.values() if isinstance(one, Sheaf))
                before += self._places.plan(name, old, indexed, partial(self._find_sheaves, kind))
            for key, row in indexed.items():
                now = {(field, getattr(row, field)) for field in row.INDEXED}
                was_row = old.get(key)
                was = {(field, getattr(was_row, field)) for field in was_row.INDEXED} if was_row else set()
                added += [(name, field, value, key) for field, value in now - was]
                removed += [(name, field, value, key) for field, value in was - now]
        # Known absent was what the database had before these puts.
        self._absent.clear()
        puts = {name: dict(table) for name, table in self._puts.items()}
        before.append((self._forget, removed))
        return PutRows(puts, self._put, before, [(self._index, added)], self._database)

    def mark_committed(self, written: PutRows | None = None) -> None:
        """Forget what was put (up to a `hand_over`; left out, all of it): the database has it."""
        committed = self._puts if written is None else written.puts
        self._is_on_its_way = False
        for name, table in committed.items():
            for key, row in table.items():
                # Also of what was put anew since: the cache says what the database has.
                self._remember((name, key), row)
                self._absent.discard((name, key))
        if written is None:
            self._puts.clear()
            self._put_index.clear()
            self._absent.clear()
            return
        for name, table in committed.items():
            current = self._puts[name]
            for key, row in table.items():
                if current.get(key) is not row:
                    continue
                del current[key]
                for field in row.INDEXED:
                    place = name, field, getattr(row, field)
                    keys = self._put_index[place]
                    del keys[key]
                    if not keys:
                        del self._put_index[place]
            if not current:
                del self._puts[name]

    def forget(self) -> None:
        """Forget what was read: another process has written, or may have."""
        if self._puts:
            raise AssertionError("rows: expected nothing that is not committed")
        self._cache.clear()
        self._absent.clear()
        self._places.forget()

    def _remember(self, place: tuple[str, str], row: Row) -> None:
        if self._cache_rows <= 0:
            return
        self._cache[place] = row
        self._cache.move_to_end(place)
        if len(self._cache) > self._cache_rows:
            self._cache.popitem(last=False)

    def _load(self, row: type[R], key: str) -> R | None:
        data = self._database.find_value(self._find, row.TABLE, key)
        if data is None:
            if self._cache_rows > 0 and len(self._absent) < self._cache_rows:
                self._absent.add((row.TABLE, key))
            return None
        found = decode_row(row, data)
        self._remember((row.TABLE, key), found)
        return found

    def _load_many(self, name: str, keys: Sequence[str]) -> Iterator[tuple[str, str]]:
        """Yield key and data of those of ``keys`` that are stored."""
        for start in range(0, len(keys), _CHUNK):
            chunk = list(keys[start : start + _CHUNK])
            # Always as many parameters: one statement in the database's own words serves every question.
            chunk += [""] * (_CHUNK - len(chunk))
            yield from self._database.find_rows(self._find_many, name, *chunk)

    def _matching(self, name: str, table: dict[str, Row], equals: dict[str, str]) -> Iterable[str]:
        keys: set[str] | None = None
        for field, value in equals.items():
            matching = self._put_index.get((name, field, value), {})
            keys = set(matching) if keys is None else keys & set(matching)
        return table if keys is None else keys

    def _stored(
        self,
        row: type[R],
        after: str,
        hidden: int,
        limit: int | None,
        equals: dict[str, str],
    ) -> Iterator[tuple[str, R]]:
        """Yield what the database has, page by page, by key."""
        fields = tuple(sorted(equals))
        question = self._questions.get(fields)
        if question is None:
            question = self._questions[fields] = self._database.prepare(_select_rows(fields))
        page = _PAGE if limit is None else min(_PAGE, limit + hidden)
        given: dict[str, object] = {f"v_{field}": value for field, value in equals.items()}
        given |= {f"f_{field}": field for field in fields}
        given |= {"t": row.TABLE, "page": page, "skip": 0}
        while True:
            given["after"] = after
            found = self._database.find_rows(question, *(given[name] for name in question.names))
            for key, data in found:
                yield key, decode_row(row, data)
            if len(found) < page:
                return
            after = found[-1][0]

    def _note_stored(self, name: str, stored: dict[str, Row]) -> None:
        """Learn what those rows of a table are in the database that are about to be written, by key."""

    def _stored_rows(self, name: str, rows: dict[str, Row]) -> dict[str, Row]:
        """Return, of rows that are stored already, what they are there."""
        found: dict[str, Row] = {}
        unknown: list[str] = []
        for key in rows:
            old = self._cache.get((name, key))
            if old is not None:
                found[key] = old
            elif (name, key) not in self._absent:
                unknown.append(key)
        for key, data in self._load_many(name, unknown):
            found[key] = decode_row(type(rows[key]), data)
        return found


@cache
def _select_rows(fields: tuple[str, ...]) -> Select[str, str]:
    """Return the question for rows whose ``fields`` have given values, a page by key."""
    first = ROW_INDEX.alias("i0") if fields else None
    key = ROWS.c.key if first is None else first.c.key
    question = select(ROWS.c.key, ROWS.c.data).where(ROWS.c.tbl == bindparam("t"))
    for at, field in enumerate(fields):
        index = first if at == 0 and first is not None else ROW_INDEX.alias(f"i{at}")
        question = question.where(
            index.c.tbl == bindparam("t"),
            index.c.field == bindparam(f"f_{field}"),
            index.c.value == bindparam(f"v_{field}"),
            index.c.key == ROWS.c.key,
        )
    return (
        question.where(key > bindparam("after"))
        .order_by(key)
        .limit(bindparam("page"))
        .offset(bindparam("skip"))
    )
