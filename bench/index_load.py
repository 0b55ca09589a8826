"""Filling an index with millions of drawn volumes at once, past the objects that a center makes of a message.

Each row is what `SqlIndex` would have written: `check_sample` holds some against it. Only boxes may be
larger, by some metres: here they are made from corners and a margin for the edges' bulge, many at a time.
"""

from __future__ import annotations

import io
import sqlite3
import struct
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from bench.volumes import BenchVolumes
from entente.deconflict.cells import (
    _COLUMNS,
    _FIRST,
    _SIZES,
    FEW,
    LASTS_S,
    TURN_E4,
    Box,
    encode_key,
    find_slot,
    place_stem,
    stem_of,
)
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
_BESIDE: Final = ("end_s", "floor_m", "ceiling_m", "south", "west", "north", "east")
_CELLS: Final = (
    "INSERT INTO index_cells (cell, start_s, id, end_s, floor_m, ceiling_m, south, west, north, east)"
    " VALUES (?,?,?,?,?,?,?,?,?,?)"
)


def make_rows(volumes: BenchVolumes) -> tuple[list[bytes], NDArray[np.int64]]:
    """Return packed volumes, and the rows of their cells with places of volumes from 0 as ids."""
    head = make_heads(volumes)
    points = np.stack((volumes.lat_e7, volumes.lon_e7), axis=1).tobytes()
    heads, size = head.tobytes(), _HEADER.itemsize
    packed = [
        heads[size * place : size * (place + 1)] + points[8 * begin : 8 * end]
        for place, (begin, end) in enumerate(pairwise(volumes.vertex_of.tolist()))
    ]
    # Few: near the antimeridian or a pole.
    odd = (head["west"] < -TURN_E4 // 2) | (head["east"] >= TURN_E4 // 2)
    odd |= (head["north"] > 790_000) | (head["south"] < -790_000)
    cells = [place_cells(head, ~odd)]
    for place in np.flatnonzero(odd).tolist():
        packed[place] = pack(volumes.volume(place), 0.0)
        cells.append(np.array(list_cells(place, read_box(packed[place])), dtype=np.int64))
    return packed, np.concatenate(cells)


def make_heads(volumes: BenchVolumes) -> NDArray[np.void]:
    """Return what stands before the positions in packed volumes."""
    first = volumes.vertex_of[:-1]
    head = np.zeros(len(volumes), dtype=_HEADER)
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
    return head


def place_cells(head: NDArray[np.void], wanted: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Return the rows of many volumes in `index_cells`: what `list_cells` says of each, at once."""
    box = {name: head[name].astype(np.int64) for name in head.dtype.names or ()}
    lasts_s = box["end_s"] - box["start_s"]
    duration = np.searchsorted(np.array(LASTS_S), lasts_s)
    left, rows = wanted.copy(), []
    for level, (size, columns, first) in enumerate(zip(_SIZES, _COLUMNS, _FIRST, strict=False)):
        counts, begins = np.array(columns), np.array(first)
        low, high = ((box[side] + TURN_E4 // 4) // size for side in ("south", "north"))
        total = np.zeros(len(head), dtype=np.int64)
        runs = []
        for step in range(FEW):
            row = np.minimum(low + step, len(columns) - 1)
            west, east = ((box[side] + TURN_E4 // 2) * counts[row] // TURN_E4 for side in ("west", "east"))
            wide = np.where(low + step <= high, east - west + 1, 0)
            total += wide
            runs.append((begins[row] + west, wide))
        fits = left & (high - low < FEW) & (total <= FEW)
        stem = (duration << 3 | level) << 22
        for begin, wide in runs:
            for step in range(FEW):
                at = np.flatnonzero(fits & (step < wide))
                rest = [box[name][at] for name in _BESIDE]
                rows.append(np.stack([stem[at] + begin[at] + step, box["start_s"][at], at, *rest], axis=1))
        left &= ~fits
    assert not left.any(), "bench: expected no volume as wide as the Earth"
    return np.concatenate(rows)


def list_cells(place: int, box: Box) -> list[tuple[int, ...]]:
    """Return the rows of a volume in `index_cells`."""
    slot = find_slot(box)
    rest = (box.start_s, place, box.end_s, box.floor_m, box.ceiling_m, *box[:4])
    return [(encode_key(0, slot.level, slot.duration, cell), *rest) for cell in slot.cells]


def fill_sqlite(path: Path, chunks: Iterator[BenchVolumes]) -> int:
    """Fill the index of an empty database that `open_sqlite` made; return the number of volumes.

    Every B-tree is written from its first key to its last, so that no page is visited twice.
    """
    connection = sqlite3.connect(path)
    # Whoever is interrupted begins anew: nothing here needs to survive.
    for pragma in ("journal_mode = OFF", "synchronous = OFF", "cache_size = -400000"):
        connection.execute(f"PRAGMA {pragma}")
    count = 0
    kept: list[NDArray[np.int64]] = []
    with connection:
        for volumes in chunks:
            packed, cells = make_rows(volumes)
            cells[:, 2] += count + 1
            kept.append(cells)
            connection.executemany(
                "INSERT INTO index_volumes (id, object, ordinal, data) VALUES (?, ?, 0, ?)",
                ((count + 1 + at, name_object(count + at), data) for at, data in enumerate(packed)),
            )
            count += len(packed)
        connection.execute(
            "INSERT INTO index_objects (object, name, number, first_id, volumes)"
            " SELECT object, ?, id, id, 1 FROM index_volumes ORDER BY id",
            (GROUP,),
        )
        for cells in sort_parts(kept):
            connection.executemany(_CELLS, cells.tolist())
        connection.executemany("INSERT INTO index_stems (name, stem) VALUES (?, ?)", list_stems(kept))
        connection.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (FORM_FACT, FORM))
    connection.close()
    return count


def name_object(place: int) -> str:
    """Return the name of a drawn volume's object: names sort as places do."""
    return f"v{place:08d}"


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
            text.write(f"{ids[at]}\t{name_object(count + at)}\t0\t\\\\x{data.hex()}\n")
        copy(connection, "index_volumes (id, object, ordinal, data)", text.getvalue())
        text = io.StringIO()
        for at in range(len(packed)):
            text.write(f"{name_object(count + at)}\t{GROUP}\t{count + at + 1}\t{ids[at]}\t1\n")
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
    packed, cells = make_rows(volumes)
    slow = [row for place, data in enumerate(packed) for row in list_cells(place, read_box(data))]
    assert sorted(map(tuple, cells.tolist())) == sorted(slow)
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
