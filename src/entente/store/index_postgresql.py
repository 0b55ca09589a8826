"""The conflict index in PostgreSQL, on the same keys; several processes may check and insert at once.

Invariants: those of `store.index_sql`, and
  * `check_and_insert` waits for locks (advisory, of the transaction; `deconflict.lock_cells` says which and
    why they suffice) before it asks. The question is a statement of its own after them, so that under READ
    COMMITTED it sees all that the last holder committed. Nothing is tried twice, and no caller sees a retry.
    Without the locks both of two writers can miss the other, under READ COMMITTED and under REPEATABLE READ
    alike: tests/system/test_index_postgresql.py shows it.
  * `write_to` takes none: whoever calls it is the only writer (the center's leader).
  * A change's number is its transaction's; `changes` gives numbers below every transaction that still runs,
    so that no later commit comes in before what was given. Numbers are good within one cluster's life.

    >>> index = PostgresIndex(open_postgres("postgresql://entente@db.example/entente"))
    >>> index.check_and_insert("sortie-7", volumes, Separation(lateral_m=500.0), group="activity")
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import DBAPICursor

from entente.deconflict.cells import Box, Search, find_searches, group_of, place_stem, read_stem
from entente.deconflict.lock_cells import list_locks
from entente.store.index_rows import Ahead, AskAgainError, Found, Place, list_bounds, read_value
from entente.store.index_sql import PAGE, SqlIndex
from entente.store.postgres_wire import (
    Statement,
    Values,
    Wire,
    decode_int8,
    encode_bools,
    encode_byteas,
    encode_int4s,
    encode_int8,
    encode_int8s,
    encode_texts,
)
from entente.store.sql import AWAY, wrap_error
from entente.store.sql_postgres import PostgresDatabase
from entente.store.tables import INDEX_STEMS

_FILTER: Final = (
    "c.end_s >= %s AND c.floor_m <= %s AND c.ceiling_m >= %s AND c.south <= %s AND c.north >= %s"
    " AND (c.west <= %s AND c.east >= %s OR c.west <= %s AND c.east >= %s OR c.west <= %s AND c.east >= %s)"
)
# Stems that the asker does not know come back as negative numbers, with the answer and of the same moment.
_NEWS: Final = "FROM index_stems WHERE name = %s AND stem <> ALL (%s::bigint[])"
# Each key with its range of starts is a row, so that a question of any number of keys is one short text and
# one plan.
_KEYS: Final = (
    "FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS k(cell, first, last)"
    f" JOIN index_cells AS c ON c.cell = k.cell AND c.start_s BETWEEN k.first AND k.last AND {_FILTER}"
)
_SPANS: Final = (
    "(WITH RECURSIVE place(cell) AS (SELECT (SELECT min(cell) FROM index_cells WHERE cell BETWEEN %s AND %s)"  # noqa: S608
    " UNION ALL SELECT (SELECT min(cell) FROM index_cells WHERE cell > place.cell AND cell <= %s)"
    " FROM place WHERE place.cell IS NOT NULL)"
    " SELECT c.id FROM place JOIN index_cells AS c ON c.cell = place.cell"
    f" WHERE c.start_s BETWEEN %s AND %s AND {_FILTER})"
)
_AT_ONCE: Final = Statement(
    "index_question",
    "SELECT -1 - stem, NULL::text, NULL::bigint, NULL::bytea FROM index_stems WHERE name = $1::text"  # noqa: S608
    " AND stem <> ALL ($2::bigint[]) UNION ALL (SELECT c.id, v.object, v.ordinal, v.data"
    " FROM unnest($3::bigint[], $4::bigint[], $5::bigint[]) AS k(cell, first, last)"
    " JOIN index_cells AS c ON c.cell = k.cell AND c.start_s BETWEEN k.first AND k.last"
    " AND c.end_s >= $6::bigint AND c.floor_m <= $7::bigint AND c.ceiling_m >= $8::bigint"
    " AND c.south <= $9::bigint AND c.north >= $10::bigint"
    " AND (c.west <= $11::bigint AND c.east >= $12::bigint OR c.west <= $13::bigint AND c.east >= $14::bigint"
    " OR c.west <= $15::bigint AND c.east >= $16::bigint)"
    f" LEFT JOIN index_volumes AS v ON v.id = c.id LIMIT {PAGE})",
)
"""Everything in one question and one answer, unless that is more than a page."""
_VOLUMES: Final = "SELECT id, object, ordinal, data FROM index_volumes WHERE id = ANY (%s::bigint[])"
_PLACES: Final = Statement(
    "index_places",
    "SELECT pg_current_xact_id()::text::bigint, nextval('index_numbers'), o.first_id, o.volumes, o.name"
    " FROM unnest($1::text[]) WITH ORDINALITY AS wanted(object, place)"
    " LEFT JOIN index_objects AS o ON o.object = wanted.object ORDER BY wanted.place",
)
_LOCK: Final = Statement(
    "index_lock",
    "SELECT CASE WHEN alone THEN pg_advisory_xact_lock(number) ELSE pg_advisory_xact_lock_shared(number) END"
    " FROM unnest($1::bigint[], $2::boolean[]) AS wanted(number, alone)",
)
_PUT_OBJECTS: Final = Statement(
    "index_put_objects",
    "INSERT INTO index_objects (object, name, number, first_id, volumes)"
    " SELECT * FROM unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])"
    " ON CONFLICT (object) DO UPDATE SET name = excluded.name, number = excluded.number,"
    " first_id = excluded.first_id, volumes = excluded.volumes",
)
_PUT_VOLUMES: Final = Statement(
    "index_put_volumes",
    "INSERT INTO index_volumes (id, object, ordinal, data)"
    " SELECT * FROM unnest($1::bigint[], $2::text[], $3::bigint[], $4::bytea[])",
)
_PUT_CELLS: Final = Statement(
    "index_put_cells",
    "INSERT INTO index_cells (cell, start_s, id, end_s, floor_m, ceiling_m, south, west, north, east)"
    " SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::integer[],"
    " $6::integer[], $7::integer[], $8::integer[], $9::integer[], $10::integer[])",
)
_MOST_AT_ONCE: Final = 256
"""Questions that are asked together: so many pages may lie in memory."""
_NAME_LOCK: Final = 1 << 59
"""Below every cell's number: asked for first."""
_STEM_LOCK: Final = 1 << 61
"""Above every cell's number: asked for last."""
_IDS: Final = 1 << 16
"""Ids of one object: `deconflict.index.MOST_VOLUMES`."""
_READY: Final = "entente_index"
_Encoders = tuple[Callable[[Sequence[Any]], bytes], ...]
_OBJECT: Final[_Encoders] = (encode_texts, encode_texts, encode_int8s, encode_int8s, encode_int8s)
_VOLUME: Final[_Encoders] = (encode_int8s, encode_texts, encode_int8s, encode_byteas)
_CELL: Final[_Encoders] = (*(encode_int8s,) * 4, *(encode_int4s,) * 6)


class PostgresIndex(SqlIndex):
    """The conflict index in a database that `open_postgres` opened."""

    def __init__(self, database: PostgresDatabase) -> None:
        super().__init__(database)
        self._is_alone = not database.needs_leader

    def _find_pages(
        self, connection: Connection, cursor: DBAPICursor, box: Box, searches: list[Search], group: str
    ) -> Iterator[list[Found]]:
        if not any(one.spans for one in searches):
            page = read_page(_wire(connection).ask(_AT_ONCE, self._encode_question(box, searches, group)))
            if page is not None:
                yield page
                return
        for ids in self._find_ids(cursor, box, searches, group):
            found = self._find_volumes(cursor, ids)
            if len(found) != len(ids):
                raise AskAgainError
            yield found

    def _encode_question(self, box: Box, searches: list[Search], group: str) -> list[bytes]:
        cells, first_s, last_s = _list_keys(searches)
        return [
            group.encode(),
            encode_int8s(self._stems[group]),
            encode_int8s(cells),
            encode_int8s(first_s),
            encode_int8s(last_s),
            *map(encode_int8, list_bounds(box)),
        ]

    def _find_ids(
        self, cursor: DBAPICursor, box: Box, searches: list[Search], group: str
    ) -> Iterator[list[int]]:
        bounds = list_bounds(box)
        parts = [f"SELECT -1 - stem {_NEWS}", f"SELECT c.id {_KEYS}"]
        values: list[Any] = [group, self._stems[group]]
        values += (*_list_keys(searches), *bounds)
        for one in searches:
            for first, last in one.spans:
                parts.append(_SPANS)
                values += (first, last, last, one.first_start_s, one.last_start_s, *bounds)
        _execute(cursor, " UNION ALL ".join(parts), values)
        ids = [volume_id for (volume_id,) in cursor.fetchall()]
        if ids and min(ids) < 0:
            raise AskAgainError
        unique = list(dict.fromkeys(ids))
        for start in range(0, len(unique), PAGE):
            yield unique[start : start + PAGE]

    def _find_volumes(self, cursor: DBAPICursor, ids: list[int]) -> list[Found]:
        _execute(cursor, _VOLUMES, [ids])
        return list(cursor.fetchall())

    def _find_stems(self, cursor: DBAPICursor, group: str) -> list[int]:
        _execute(cursor, "SELECT stem FROM index_stems WHERE name = %s ORDER BY stem", [group])
        return [stem for (stem,) in cursor.fetchall()]

    def _look_ahead(
        self, connection: Connection, _cursor: DBAPICursor, names: list[str], boxes: list[Box], group: str
    ) -> Ahead:
        # Sent together, answered together. Each statement still has a snapshot of its own, taken when the
        # locks before it are held.
        wire = _wire(connection)
        locks = self._list_locks(names, boxes)
        asked: list[tuple[Statement, Values]] = [
            (_LOCK, (encode_int8s([each for each, _ in locks]), encode_bools([own for _, own in locks])))
        ]
        stems = self._stems.get(group, [])
        held = [read_stem(stem) for stem in stems]
        together: list[int] = []
        for place, box in enumerate(boxes[:_MOST_AT_ONCE] if stems else ()):
            searches = find_searches(box, group_of(stems[0]), held)
            if not any(search.spans for search in searches):
                together.append(place)
                asked.append((_AT_ONCE, self._encode_question(box, searches, group)))
        asked.append((_PLACES, (encode_texts(names),)))
        answers = wire.begin(asked)
        pages: list[list[Found] | None] = [None] * len(boxes)
        for place, answer in zip(together, answers[1:-1], strict=True):
            with suppress(AskAgainError):
                pages[place] = read_page(answer)
        places, numbers = {}, {}
        for row, name in enumerate(names):
            number, sequence, first_id, volumes = (answers[-1].get_value(row, at) for at in range(4))
            numbers[name] = decode_int8(number), decode_int8(sequence) * _IDS
            if volumes is not None and decode_int8(volumes):
                old = answers[-1].get_value(row, 4).decode()
                places[name] = Place(old, decode_int8(first_id), decode_int8(volumes))
        return Ahead(pages, places, numbers)

    def _write_checked(
        self,
        connection: Connection,
        cursor: DBAPICursor,
        names: list[str],
        inserted: dict[str, tuple[str, list[bytes]]],
        ahead: Ahead,
    ) -> None:
        if None in ahead.pages:
            # Over the driver: what it had the session forget meanwhile would stop us half-way.
            _wire(connection).refresh()
        self._write(connection, cursor, names, inserted, ahead)

    def _put_rows(
        self,
        connection: Connection,
        objects: list[tuple[Any, ...]],
        volumes: list[tuple[Any, ...]],
        cells: list[tuple[Any, ...]],
        *,
        is_last: bool,
    ) -> None:
        if not is_last or max(len(volumes), len(cells)) > PAGE:
            super()._put_rows(connection, objects, volumes, cells, is_last=is_last)
            return
        asked: list[tuple[Statement, list[bytes]]] = []
        for statement, rows, encoders in (
            (_PUT_OBJECTS, objects, _OBJECT),
            (_PUT_VOLUMES, volumes, _VOLUME),
            (_PUT_CELLS, cells, _CELL),
        ):
            if rows:
                columns = zip(encoders, zip(*rows, strict=True), strict=True)
                asked.append((statement, [encode(column) for encode, column in columns]))
        # With what it commits, in one round trip; a leader has more to say first.
        _wire(connection).run(asked, commit=self._is_alone)

    def _find_places(self, cursor: DBAPICursor, names: list[str]) -> dict[str, Place]:
        _execute(
            cursor,
            "SELECT object, name, first_id, volumes FROM index_objects"
            " WHERE object = ANY (%s::text[]) AND volumes > 0",
            [names],
        )
        return {row[0]: Place(*row[1:]) for row in cursor.fetchall()}

    def _read_changes(self, cursor: DBAPICursor, after: int, most: int) -> list[tuple[int, str, str, int]]:
        _execute(
            cursor,
            "SELECT number, object, name, volumes FROM index_objects WHERE number > %s"
            " AND number < pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
            " ORDER BY number FETCH FIRST %s ROWS WITH TIES",
            [after, most],
        )
        return list(cursor.fetchall())

    def _number_ids(self, cursor: DBAPICursor, counts: list[int]) -> tuple[list[int], list[int]]:
        _execute(
            cursor,
            "SELECT pg_current_xact_id()::text::bigint, nextval('index_numbers')"
            " FROM generate_series(1, %s::bigint)",
            [len(counts)],
        )
        rows = cursor.fetchall()
        return [number for number, _ in rows], [place * _IDS for _, place in rows]

    def _add_stems(
        self, connection: Connection, cursor: DBAPICursor, wanted: dict[str, set[int]]
    ) -> dict[str, int]:
        groups = {name: self._find_known(name, stems) for name, stems in wanted.items()}
        if None in groups.values():
            # Once for each level of cells in a group's life: one process at a time finds the group's number.
            _execute(cursor, "SELECT pg_advisory_xact_lock(%s)", [_STEM_LOCK])
            for name, stems in sorted(wanted.items()):
                known = self._find_stems(cursor, name)
                group = group_of(known[0]) if known else self._find_free_group(cursor)
                missing = {place_stem(group, stem) for stem in stems} - set(known)
                if missing:
                    rows: list[tuple[object, ...]] = [(name, stem) for stem in sorted(missing)]
                    self._database.write_many(connection, self._put[INDEX_STEMS.name], rows)
                # Not known before the commit: it may be undone.
                self._stems.pop(name, None)
                groups[name] = group
        return {name: group for name, group in groups.items() if group is not None}

    def _find_known(self, name: str, stems: set[int]) -> int | None:
        known = self._stems.get(name)
        if not known:
            return None
        group = group_of(known[0])
        return group if {place_stem(group, stem) for stem in stems} <= set(known) else None

    def _find_free_group(self, cursor: DBAPICursor) -> int:
        _execute(cursor, "SELECT max(stem) FROM index_stems", [])
        last = read_value(cursor)
        return 0 if last is None else group_of(last) + 1

    def _list_locks(self, names: list[str], boxes: list[Box]) -> list[tuple[int, bool]]:
        # The name too: two versions of one object that lie far apart must replace each other in turn.
        objects = {
            int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") | _NAME_LOCK for name in names
        }
        return [*((number, True) for number in sorted(objects)), *list_locks(boxes)]

    @contextmanager
    def _cursor(self, connection: Connection) -> Iterator[DBAPICursor]:
        # A tenth of a second, which only who uses PostgreSQL pays.
        import psycopg  # noqa: PLC0415
        from psycopg.types.numeric import Int8BinaryDumper, Int8Dumper  # noqa: PLC0415

        driver: Any = connection.connection
        try:
            if _READY not in connection.info:
                # A question is planned once in a session, not at every call: its plan does not depend on
                # numbers. Nor does its text: of itself the driver says smallint, integer or bigint by each
                # number's size, and every mixture would be another statement.
                driver.cursor().execute("SET plan_cache_mode = force_generic_plan")
                for dumper in (Int8Dumper, Int8BinaryDumper):
                    driver.driver_connection.adapters.register_dumper(int, dumper)
                connection.info[_READY] = Wire(driver.driver_connection)
            yield driver.driver_connection.cursor(binary=True)
        except psycopg.Error as error:
            wrapped = wrap_error(error)
            if wrapped.code == AWAY:
                # Whoever asks next gets a new connection.
                self._database.renew_readers()
            raise wrapped from error


def read_page(answer: Any) -> list[Found] | None:  # noqa: ANN401 - the driver's own
    """Return what `_AT_ONCE` found, or None if that was not all.

    Raises:
        AskAgainError: It was asked without knowing every stem; or a cell names a volume that is not there.
    """
    count = answer.ntuples
    if count >= PAGE:
        return None
    page: list[Found] = []
    for row in range(count):
        name = answer.get_value(row, 1)
        if name is None:
            raise AskAgainError
        page.append(
            (
                decode_int8(answer.get_value(row, 0)),
                name.decode(),
                decode_int8(answer.get_value(row, 2)),
                answer.get_value(row, 3),
            )
        )
    return page


def _list_keys(searches: list[Search]) -> tuple[list[int], list[int], list[int]]:
    cells = [key for one in searches for key in one.keys]
    first_s = [one.first_start_s for one in searches for _ in one.keys]
    last_s = [one.last_start_s for one in searches for _ in one.keys]
    return cells, first_s, last_s


def _wire(connection: Connection) -> Wire:
    found: Wire = connection.info[_READY]
    return found


def _execute(cursor: Any, question: str, values: list[Any]) -> None:  # noqa: ANN401 - the driver's own
    cursor.execute(question, values, prepare=True)
