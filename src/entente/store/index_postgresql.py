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
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.engine.interfaces import DBAPICursor

from entente.deconflict.cells import Box, Search, group_of, place_stem
from entente.deconflict.lock_cells import list_locks
from entente.store.index_sql import PAGE, AskAgainError, Place, SqlIndex, list_bounds, read_value
from entente.store.sql import wrap_error
from entente.store.sql_postgres import PostgresDatabase
from entente.store.tables import INDEX_STEMS

_FILTER: Final = (
    "end_s >= %s AND floor_m <= %s AND ceiling_m >= %s AND south <= %s AND north >= %s AND"
    " (west <= %s AND east >= %s OR west <= %s AND east >= %s OR west <= %s AND east >= %s)"
)
# Stems that the asker does not know come back as negative numbers, with the answer and of the same moment.
_NEWS: Final = "SELECT -1 - stem FROM index_stems WHERE name = %s AND stem <> ALL (%s::bigint[])"
_KEYS: Final = (
    "SELECT id FROM index_cells WHERE cell = ANY (%s::bigint[]) AND start_s BETWEEN %s AND %s"  # noqa: S608
    f" AND {_FILTER}"
)
_SPANS: Final = (
    "(WITH RECURSIVE place(cell) AS (SELECT (SELECT min(cell) FROM index_cells WHERE cell BETWEEN %s AND %s)"  # noqa: S608
    " UNION ALL SELECT (SELECT min(cell) FROM index_cells WHERE cell > place.cell AND cell <= %s)"
    " FROM place WHERE place.cell IS NOT NULL)"
    " SELECT c.id FROM place JOIN index_cells AS c ON c.cell = place.cell"
    f" WHERE c.start_s BETWEEN %s AND %s AND {_FILTER})"
)
_VOLUMES: Final = "SELECT object, ordinal, data FROM index_volumes WHERE id = ANY (%s::bigint[])"
_LOCK: Final = (
    "SELECT CASE WHEN alone THEN pg_advisory_xact_lock(number) ELSE pg_advisory_xact_lock_shared(number) END"
    " FROM unnest(%s::bigint[], %s::boolean[]) AS wanted(number, alone)"
)
_NAME_LOCK: Final = 1 << 59
"""Below every cell's number: asked for first."""
_STEM_LOCK: Final = 1 << 61
"""Above every cell's number: asked for last."""
_IDS: Final = 1 << 16
"""Ids of one object: `deconflict.index.MOST_VOLUMES`."""
_READY: Final = "entente_index"


class PostgresIndex(SqlIndex):
    """The conflict index in a database that `open_postgres` opened."""

    def __init__(self, database: PostgresDatabase) -> None:
        super().__init__(database)
        self._stems: dict[str, list[int]] = {}

    def _find_ids(
        self, _connection: Connection, cursor: DBAPICursor, box: Box, searches: list[Search], group: str
    ) -> Iterator[list[int]]:
        bounds = list_bounds(box)
        parts = [_NEWS]
        values: list[Any] = [group, self._stems[group]]
        for one in searches:
            if one.keys:
                parts.append(_KEYS)
                values += (one.keys, one.first_start_s, one.last_start_s, *bounds)
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

    def _find_volumes(self, cursor: DBAPICursor, ids: list[int]) -> list[tuple[str, int, bytes]]:
        _execute(cursor, _VOLUMES, [ids])
        return list(cursor.fetchall())

    def _find_stems(self, cursor: DBAPICursor, group: str) -> list[int]:
        known = self._stems.get(group)
        if not known:
            _execute(cursor, "SELECT stem FROM index_stems WHERE name = %s", [group])
            known = self._stems[group] = [stem for (stem,) in cursor.fetchall()]
        return known

    def _forget_stems(self, group: str) -> None:
        self._stems.pop(group, None)

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
        groups = {name: self._find_known(cursor, name, stems) for name, stems in wanted.items()}
        if None in groups.values():
            # Once for each level of cells in a group's life: one process at a time finds the group's number.
            _execute(cursor, "SELECT pg_advisory_xact_lock(%s)", [_STEM_LOCK])
            for name, stems in sorted(wanted.items()):
                self._stems.pop(name, None)
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

    def _find_known(self, cursor: DBAPICursor, name: str, stems: set[int]) -> int | None:
        known = self._find_stems(cursor, name)
        if not known:
            return None
        group = group_of(known[0])
        return group if {place_stem(group, stem) for stem in stems} <= set(known) else None

    def _find_free_group(self, cursor: DBAPICursor) -> int:
        _execute(cursor, "SELECT max(stem) FROM index_stems", [])
        last = read_value(cursor)
        return 0 if last is None else group_of(last) + 1

    def _lock(self, cursor: DBAPICursor, names: list[str], boxes: list[Box]) -> None:
        # The name too: two versions of one object that lie far apart must replace each other in turn.
        objects = {
            int.from_bytes(hashlib.sha256(name.encode()).digest()[:6], "big") | _NAME_LOCK for name in names
        }
        locks = [*((number, True) for number in sorted(objects)), *list_locks(boxes)]
        _execute(cursor, _LOCK, [[number for number, _ in locks], [alone for _, alone in locks]])
        cursor.fetchall()

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
                connection.info[_READY] = True
            cursor = driver.cursor(binary=True)
            try:
                yield cursor
            finally:
                cursor.close()
        except psycopg.Error as error:
            raise wrap_error(error) from error


def _execute(cursor: Any, question: str, values: list[Any]) -> None:  # noqa: ANN401 - the driver's own
    cursor.execute(question, values, prepare=True)
