"""Two databases of one record: whether they say the same, and taking over what cannot be made again.

Invariants: the old database is read and never written; numbers that only order of arrival decides (ids of
volumes, numbers of groups and changes) are not compared, all else of rows, times and the conflict index is,
cell by cell.

    >>> compare_databases(fresh, old)
    ["rows: only the old has ('zones', 'castello')"]
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from entente.kernel.errors import StoreError
from entente.store.sql import wrap_error

_SHOWN: Final = 5
"""Of each kind of difference; the others are counted."""
_QUESTIONS: Final = {
    "rows": "SELECT tbl, key, data FROM {side}.rows",
    "index of rows": "SELECT tbl, field, value, key FROM {side}.row_index",
    "rows kept as one": "SELECT tbl, key, number FROM {side}.sheaves",
    "places of rows kept as one": "SELECT tbl, value, block FROM {side}.sheaf_places",
    "times of entries": "SELECT log_index, leaf, recorded_utc FROM {side}.arrivals",
    "standing objects": "SELECT object, name, volumes FROM {side}.index_objects WHERE volumes > 0",
    "standing volumes": "SELECT object, ordinal, data FROM {side}.index_volumes",
    "cells of volumes": (
        # 2**28 - 1: the part of a key that its group does not decide.
        "SELECT v.object, v.ordinal, o.name, c.cell & 268435455, c.start_s, c.end_s, c.floor_m, c.ceiling_m,"
        " c.south, c.west, c.north, c.east FROM {side}.index_cells AS c"
        " LEFT JOIN {side}.index_volumes AS v ON v.id = c.id"
        " LEFT JOIN {side}.index_objects AS o ON o.object = v.object"
    ),
}
_KEPT: Final = ("sealed", "checkpoints", "cosignatures", "events")
"""What the journal does not hold: ciphertexts, witnesses' lines, and the numbers that clients resume by."""


def compare_databases(fresh: Path, old: Path) -> list[str]:
    """Return in words what differs; empty when both say the same.

    Raises:
        StoreError: One of them cannot be read.
    """
    found: list[str] = []
    with _open_both(fresh, old) as connection:
        for what, question in _QUESTIONS.items():
            for one, other, side in (("old", "main", "old"), ("main", "old", "new")):
                cursor = connection.execute(" EXCEPT ".join(question.format(side=at) for at in (one, other)))
                rows = cursor.fetchmany(_SHOWN)
                found += [f"{what}: only the {side} has {_say(row)}" for row in rows]
                more = sum(1 for _ in cursor)
                if more:
                    found.append(f"{what}: and {more} more that only the {side} has")
    return found


def take_over(fresh: Path, old: Path, facts: tuple[str, ...]) -> None:
    """Copy what the journal does not hold, and the named facts of `meta`, from the old into the fresh one."""
    with _open_both(fresh, old) as connection, connection:
        for table in _KEPT:
            connection.execute(f"DELETE FROM main.{table}")  # noqa: S608 - one of ours
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM old.{table}")  # noqa: S608 - the same
        marks = ",".join("?" * len(facts))
        connection.execute(
            f"INSERT OR REPLACE INTO main.meta SELECT * FROM old.meta WHERE name IN ({marks})",  # noqa: S608
            facts,
        )


@contextmanager
def _open_both(fresh: Path, old: Path) -> Iterator[sqlite3.Connection]:
    connection = None
    try:
        connection = sqlite3.connect(fresh, isolation_level="IMMEDIATE")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("ATTACH DATABASE ? AS old", (str(old),))
        yield connection
    except sqlite3.Error as error:
        raise StoreError(wrap_error(error).code, f"database: {str(error).lower()}") from error
    finally:
        if connection is not None:
            connection.close()


def _say(row: tuple[object, ...]) -> str:
    """Return what a row is named by: bodies would say too much, and too long."""
    return str(
        tuple(value for value in row[:4] if isinstance(value, (str, int)) and len(str(value)) <= 100)[:3]
    )
