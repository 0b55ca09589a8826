"""A writer among several: checks and inserts volumes that all meet at one point; prints what each found.

python -m tests.system.insert_at_once sqlite|postgresql PLACE NUMBER ROUNDS START
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path

from entente.kernel.time import parse_utc
from entente.space import Circle, HeightBand, Separation, Volume, Window
from entente.store.index_postgresql import PostgresIndex
from entente.store.index_sql import SqlIndex
from entente.store.index_sqlite import SqliteIndex
from entente.store.sql import open_sqlite
from entente.store.sql_postgres import open_postgres

# Each size is kept, and locked, at another level of cells; a corner of four of them is the meeting point.
SIZES = ((50.0, 1 / 24), (3_000.0, 1.0), (90_000.0, 20.0), (900_000.0, 700.0))
MOMENT = parse_utc("2016-09-17T12:00:00Z")


def make_volume(number: int, turn: int) -> Volume:
    radius_m, days = SIZES[(number + turn) % len(SIZES)]
    # The point lies near the rim, on another side for each writer: only there do all of them meet.
    aside = 0.9 * radius_m / 111_195 * (1 if number % 2 else -1)
    centre = (36.8 + aside, 40.0 + turn * 30)
    half = timedelta(days=days / 2)
    return Volume(Circle(centre, radius_m), HeightBand(0.0, 1_000.0), Window(MOMENT - half, MOMENT + half))


def open_index(kind: str, place: str) -> SqlIndex:
    if kind == "sqlite":
        return SqliteIndex(open_sqlite(Path(place)))
    return PostgresIndex(open_postgres(place))


def main() -> None:
    kind, place, number, rounds, start = sys.argv[1:]
    index = open_index(kind, place)
    time.sleep(max(0.0, float(start) - time.time()))
    for turn in range(int(rounds)):
        volume = make_volume(int(number), turn)
        met = index.check_and_insert(f"{number}-{turn}", [volume], Separation(), group="activity")
        told = [one.hit.object.partition("-")[0] for one in met]
        sys.stdout.write(" ".join((str(turn), number, *told)) + "\n")


if __name__ == "__main__":
    main()
