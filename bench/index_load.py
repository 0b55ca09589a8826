"""Filling an index with millions of drawn volumes at once, past the objects that a center makes of a message.

Each row is what `SqlIndex` would have written: `check_sample` holds some against it. Only boxes may be
larger, by some metres: here they are made from corners and a margin for the edges' bulge, many at a time.
"""

from __future__ import annotations

import io
import sqlite3
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.volumes import BenchVolumes
from entente.deconflict.cells import TURN_E4, Box, encode_key, find_slot, place_stem, stem_of
from entente.deconflict.standing import pack, read_box
from entente.store.index_home import FORM, FORM_FACT

GROUP: Final = "activity"
_HEADER: Final = np.dtype(
    [
        *(("kind", "u1"), ("what", "u1"), ("rings", "<u2"), ("count", "<u4")),
        *((name, "<i8") for name in ("start", "end")),
        *((name, "<f8") for name in ("floor", "ceiling", "margin", "reach")),
        *((name, "<i4") for name in ("south", "west", "north", "east", "floor_m", "ceiling_m")),
        *((name, "<i8") for name in ("start_s", "end_s")),
        *(("size", "<u4"), ("pad", "<u4")),
    ]
)
_SPARE_E4: Final = 6
"""Sixty metres: the bulge of a 10 km edge at 80 degrees, the rule's own spare metre, and rounding."""
_CELLS: Final = (
    "INSERT INTO index_cells (cell, start_s, id, end_s, floor_m, ceiling_m, south, west, north, east)"
    " VALUES (?,?,?,?,?,?,?,?,?,?)"
)


def make_rows(volumes: BenchVolumes) -> tuple[list[bytes], NDArray[np.int64]]:
    """Return packed volumes, and the rows of their cells with places of volumes from 0 as ids."""
    count = len(volumes)
    first = volumes.vertex_of[:-1]
    head = np.zeros(count, dtype=_HEADER)
    head["what"], head["rings"] = 1, 1
    head["count"] = head["size"] = np.diff(volumes.vertex_of)
    head["start"], head["end"] = volumes.start_us, volumes.end_us
    head["floor"], head["ceiling"] = volumes.floor_cm / 100, volumes.ceiling_cm / 100
    low = np.floor(np.minimum.reduceat(volumes.lat_e7, first) / 1_000) - _SPARE_E4
    high = np.ceil(np.maximum.reduceat(volumes.lat_e7, first) / 1_000) + _SPARE_E4
    aside = np.ceil(_SPARE_E4 / np.cos(np.radians(np.maximum(abs(low), abs(high)) / 1e4))) + 1
    head["south"], head["north"] = low, high
    head["west"] = np.floor(np.minimum.reduceat(volumes.lon_e7, first) / 1_000) - aside
    head["east"] = np.ceil(np.maximum.reduceat(volumes.lon_e7, first) / 1_000) + aside
    head["floor_m"] = np.floor(volumes.floor_cm / 100) - 1
    head["ceiling_m"] = np.ceil(volumes.ceiling_cm / 100) + 1
    head["start_s"], head["end_s"] = volumes.start_us // 1_000_000, -(-volumes.end_us // 1_000_000)
    points = np.stack((volumes.lat_e7, volumes.lon_e7), axis=1)
    packed: list[bytes] = []
    cells: list[tuple[int, ...]] = []
    heads = head.tobytes()
    for place in range(count):
        begin, end = int(volumes.vertex_of[place]), int(volumes.vertex_of[place + 1])
        data = heads[place * _HEADER.itemsize : (place + 1) * _HEADER.itemsize] + points[begin:end].tobytes()
        box = read_box(data)
        if (
            box.west < -TURN_E4 // 2
            or box.east >= TURN_E4 // 2
            or box.north > 790_000
            or box.south < -790_000
        ):
            data = pack(volumes.volume(place), 0.0)  # few: near the antimeridian or a pole
            box = read_box(data)
        packed.append(data)
        cells += list_cells(place, box)
    return packed, np.array(cells, dtype=np.int64)


def list_cells(place: int, box: Box) -> list[tuple[int, ...]]:
    """Return the rows of a volume in `index_cells`."""
    slot = find_slot(box)
    rest = (box.start_s, place, box.end_s, box.floor_m, box.ceiling_m, *box[:4])
    return [(encode_key(0, slot.level, slot.duration, cell), *rest) for cell in slot.cells]


def fill_sqlite(path: Path, chunks: Iterator[BenchVolumes]) -> int:
    """Fill the index of an empty database that `open_sqlite` made; return the number of volumes."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute("PRAGMA cache_size = -400000")
    connection.execute("PRAGMA wal_autocheckpoint = 100000")
    count = 0
    kept: list[NDArray[np.int64]] = []
    for volumes in chunks:
        packed, cells = make_rows(volumes)
        cells[:, 2] += count + 1
        kept.append(cells)
        with connection:
            connection.executemany(
                "INSERT INTO index_volumes (id, object, ordinal, data) VALUES (?, ?, 0, ?)",
                ((count + 1 + at, f"v{count + at}", data) for at, data in enumerate(packed)),
            )
            connection.executemany(
                "INSERT INTO index_objects (object, name, number, first_id, volumes) VALUES (?, ?, ?, ?, 1)",
                ((f"v{count + at}", GROUP, count + 1 + at, count + 1 + at) for at in range(len(packed))),
            )
        count += len(packed)
    for cells in sort_parts(kept):
        with connection:
            connection.executemany(_CELLS, cells.tolist())
    with connection:
        connection.executemany("INSERT INTO index_stems (name, stem) VALUES (?, ?)", list_stems(kept))
        connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (FORM_FACT, FORM))
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    return count


def fill_postgres(connection: Any, chunks: Iterator[BenchVolumes]) -> int:  # noqa: ANN401 - psycopg's own
    """Fill the index of an empty database that `open_postgres` made; return the number of volumes."""
    count = 0
    kept: list[NDArray[np.int64]] = []
    for volumes in chunks:
        packed, cells = make_rows(volumes)
        ids = [(count + at + 1) << 16 for at in range(len(packed))]
        cells[:, 2] = (cells[:, 2] + count + 1) << 16
        kept.append(cells)
        text = io.StringIO()
        for at, data in enumerate(packed):
            text.write(f"{ids[at]}\tv{count + at}\t0\t\\\\x{data.hex()}\n")
        copy(connection, "index_volumes (id, object, ordinal, data)", text.getvalue())
        text = io.StringIO()
        for at in range(len(packed)):
            text.write(f"v{count + at}\t{GROUP}\t{count + at + 1}\t{ids[at]}\t1\n")
        copy(connection, "index_objects (object, name, number, first_id, volumes)", text.getvalue())
        count += len(packed)
    columns = "cell, start_s, id, end_s, floor_m, ceiling_m, south, west, north, east"
    for cells in sort_parts(kept):
        copy(
            connection,
            f"index_cells ({columns})",
            "".join("\t".join(map(str, row)) + "\n" for row in cells.tolist()),
        )
    with connection.cursor() as cursor:
        cursor.executemany("INSERT INTO index_stems (name, stem) VALUES (%s, %s)", list_stems(kept))
        cursor.execute("SELECT setval('index_numbers', %s)", [count + 1])
        cursor.execute("INSERT INTO meta (name, value) VALUES (%s, %s)", [FORM_FACT, FORM])
    connection.commit()
    return count


def copy(connection: Any, into: str, text: str) -> None:  # noqa: ANN401 - psycopg's own
    """Send rows as COPY takes them."""
    with connection.cursor() as cursor, cursor.copy(f"COPY {into} FROM STDIN") as stream:
        stream.write(text)
    connection.commit()


def sort_parts(parts: list[NDArray[np.int64]]) -> Iterator[NDArray[np.int64]]:
    """Yield all rows in the order of the B-tree, a hundred thousand at a time."""
    rows = np.concatenate(parts)
    order = np.lexsort((rows[:, 2], rows[:, 1], rows[:, 0]))
    for start in range(0, len(rows), 100_000):
        yield rows[order[start : start + 100_000]]


def list_stems(parts: list[NDArray[np.int64]]) -> list[tuple[str, int]]:
    """Return the rows of `index_stems`."""
    stems = {stem_of(int(key)) for part in parts for key in np.unique(part[:, 0])}
    return [(GROUP, place_stem(0, stem)) for stem in sorted(stems)]


def check_sample(volumes: BenchVolumes) -> None:
    """Hold the fast rows against what the index itself would write, but for larger boxes."""
    packed, _ = make_rows(volumes)
    for place in range(0, len(volumes), max(1, len(volumes) // 50)):
        own, fast = pack(volumes.volume(place), 0.0), packed[place]
        assert own[:56] + own[96:] == fast[:56] + fast[96:]
        one, other = read_box(own), read_box(fast)
        assert one.south >= other.south
        assert one.north <= other.north
        assert one.west >= other.west
        assert one.east <= other.east
        assert one[4:] == other[4:]
    assert struct.calcsize("<BBHIqqdddd6i2qII") == _HEADER.itemsize
