"""A writer among several: checks and inserts volumes that all meet at one point; prints what each found.

python -m tests.system.insert_at_once sqlite|postgresql PLACE NUMBER locked|unlocked

Each line that it reads begins a round; between question and insertion it waits for `PAUSE_S`, so that all
have asked before any has inserted, unless a lock holds them apart.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

from entente.deconflict.index import Met
from entente.kernel.time import parse_utc
from entente.space import Circle, HeightBand, Separation, Volume, Window
from entente.store.index_postgresql import PostgresIndex
from entente.store.index_sql import SqlIndex
from entente.store.index_sqlite import SqliteIndex
from entente.store.sql import open_sqlite
from entente.store.sql_postgres import open_postgres

# Each size is kept, and locked, at another level of cells; a corner of four of them is the meeting point.
SIZES = ((50.0, 1 / 24), (3_000.0, 1.0), (90_000.0, 20.0), (900_000.0, 700.0))
PAUSE_S = 0.03
MOMENT = parse_utc("2016-09-17T12:00:00Z")


def make_volume(number: int, turn: int) -> Volume:
    radius_m, days = SIZES[(number + turn) % len(SIZES)]
    # The point lies near the rim, on another side for each writer: only there do all of them meet.
    aside = 0.9 * radius_m / 111_195 * (1 if number % 2 else -1)
    centre = (36.8 + aside, 40.0 + turn * 30)
    half = timedelta(days=days / 2)
    return Volume(Circle(centre, radius_m), HeightBand(0.0, 1_000.0), Window(MOMENT - half, MOMENT + half))


class SlowSqlite(SqliteIndex):
    def _write_checked(self, *given: Any) -> None:
        time.sleep(PAUSE_S)
        super()._write_checked(*given)


class SlowPostgres(PostgresIndex):
    def _write_checked(self, *given: Any) -> None:
        time.sleep(PAUSE_S)
        super()._write_checked(*given)


class UnlockedSqlite(SqliteIndex):
    """Asks before it holds the write lock."""

    def check_and_insert(
        self, object_name: str, volumes: Sequence[Volume], separation: Separation, *, group: str, **_: Any
    ) -> list[Met]:
        met = [
            Met(ordinal, hit)
            for ordinal, volume in enumerate(volumes)
            for hit in self.query(volume, separation, group=group)
        ]
        time.sleep(PAUSE_S)
        self.insert(object_name, volumes, group=group)
        self.commit()
        return met


class UnlockedPostgres(SlowPostgres):
    """Asks for no lock."""

    def _list_locks(self, names: list[str], boxes: list[Any]) -> list[tuple[int, bool]]:
        return []


def open_index(kind: str, place: str, *, is_locked: bool) -> SqlIndex:
    if kind == "sqlite":
        database = open_sqlite(Path(place))
        return SlowSqlite(database) if is_locked else UnlockedSqlite(database)
    server = open_postgres(place)
    return SlowPostgres(server) if is_locked else UnlockedPostgres(server)


def main() -> None:
    kind, place, number, mode = sys.argv[1:]
    index = open_index(kind, place, is_locked=mode == "locked")
    index.query(make_volume(0, 0), Separation(), group="activity")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    for turn, _ in enumerate(sys.stdin):
        volume = make_volume(int(number), turn)
        met = index.check_and_insert(f"{number}-{turn}", [volume], Separation(), group="activity")
        told = [one.hit.object.partition("-")[0] for one in met]
        sys.stdout.write(" ".join((str(turn), number, *told)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
