"""Tracks: samples of where movers were, as lanes to be screened and legs to be timed.

What it is for: a CSV of flights becomes a set in which each leg between two samples is a volume (a lane with
a radius, its heights, its time), all of them belonging to their flight.

Invariants:
  * Between two samples a mover is taken to fly the geodesic at an even speed, and its height to change
    evenly. Legs are cut to 2 km, so that a lane's window and band are those of 2 km.
  * A gap longer than the limit cuts a track, and so does a leg that would have to be flown faster than the
    limit (a spoofed or frozen position that jumps): nothing is said of what lies between. Both are counted
    in the notes, as are samples that stand alone.
  * The order of rows in the file means nothing.

It does not smooth, and it does not know aircraft.

    >>> read_tracks(Path("day.csv"), TrackRules(radius_m=100.0, half_height_m=50.0, datum="ellipsoid"))
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.csv as pc_csv
from numpy.typing import NDArray

from entente.kernel.errors import Malformed
from entente.screening.arrays import make_column
from entente.screening.columns import MAX_HEIGHT_M, outward_cm, read_datum
from entente.screening.legs import MAX_PIECE_M, Legs
from entente.screening.sets import VolumeSet, rank_ids
from entente.screening.shapes import round_positions
from entente.space.bulk import VolumeTable
from entente.space.ellipsoid import measure_lines, points_from_normals, surface_normals, walk_lines

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_TYPES: Final = {
    "flight": pa.string(),
    "time": pa.timestamp("us", "UTC"),
    "lat": pa.float64(),
    "lon": pa.float64(),
    "height_m": pa.float64(),
}
_FAULT: Final = re.compile(r"In CSV column #(\d+): Row #(\d+): (.*)")
_LANE_CM: Final = 2
"""Both ends of a lane are rounded to 1e-7 degree: up to 8 mm each."""


@dataclass(frozen=True, slots=True)
class TrackRules:
    """How samples become tracks.

    Args:
        radius_m, half_height_m: How far a mover reaches round it, and up and down.
        datum: What its heights are above; empty if the file says so in a column ``datum``.
        max_gap_s: A longer gap between samples cuts a track.
        max_speed_m_s: A faster leg is none.
    """

    radius_m: float
    half_height_m: float
    datum: str = ""
    max_gap_s: float = 60.0
    max_speed_m_s: float = 400.0

    def __post_init__(self) -> None:
        """Check the numbers."""
        for name, number, least, most in (
            ("radius_m", self.radius_m, 0.01, 1e6),
            ("half_height_m", self.half_height_m, 0.0, MAX_HEIGHT_M),
            ("max_gap_s", self.max_gap_s, 1e-6, 1e9),
            ("max_speed_m_s", self.max_speed_m_s, 1e-3, 1e5),
        ):
            if not least <= number <= most:  # false for NaN too
                raise Malformed(
                    "bad-track-rule", f"tracks, {name}: expected {least} to {most}, got {number!r}"
                )


@dataclass(frozen=True, slots=True, eq=False)
class Samples:
    """Where movers were, a row for each sample.

    Args:
        flights: Which flight each is of, Arrow text.
        time_us, lat_deg, lon_deg, height_m: Microseconds since 1970, degrees, metres.
        moved_m, doubt_m: What is added to heights to have them above the ellipsoid, and how unsure that is.
    """

    flights: Any
    time_us: Ints
    lat_deg: Floats
    lon_deg: Floats
    height_m: Floats
    moved_m: Floats
    doubt_m: Floats


def read_tracks(path: Path, rules: TrackRules) -> VolumeSet:
    """Return the set that a CSV of samples holds: ``flight,time,lat,lon,height_m`` and perhaps ``datum``.

    Raises:
        Malformed: A column is missing or a field cannot be read; names the row, the first sample being 0.
    """
    subject = path.name
    table = _read_csv(path, subject)
    for name in _TYPES:
        if name not in table.schema.names:
            raise Malformed("no-column", f"{subject}: expected a column {name!r}, got none")
        column = table.column(name)
        if column.null_count:
            at = int(np.flatnonzero(column.is_null().to_numpy())[0])
            raise Malformed("no-value", f"{subject}, row {at}, {name}: expected a value, got nothing")
    shifts, codes = _read_datums(table, rules, subject)
    numbers = {name: table.column(name).to_numpy() for name in ("lat", "lon", "height_m")}
    samples = Samples(
        flights=table.column("flight").combine_chunks(),
        time_us=table.column("time").cast(pa.int64()).to_numpy(),
        lat_deg=numbers["lat"],
        lon_deg=numbers["lon"],
        height_m=numbers["height_m"],
        # A datum moves a mover's height by what is known and widens it by what is not.
        moved_m=(shifts[codes, 0] + shifts[codes, 1]) / 2,
        doubt_m=(shifts[codes, 1] - shifts[codes, 0]) / 2,
    )
    return make_tracks(samples, rules, subject=subject)


def make_tracks(samples: Samples, rules: TrackRules, *, subject: str = "tracks") -> VolumeSet:
    """Return samples as a set; see `TrackRules`.

    Raises:
        Malformed: A number is none, or out of range; names the row.
    """
    time_us, lat_deg, lon_deg = samples.time_us, samples.lat_deg, samples.lon_deg
    height_m = samples.height_m
    for name, numbers, most in (("lat", lat_deg, 90.0), ("lon", lon_deg, 180.0), ("height_m", height_m, 1e8)):
        bad = np.flatnonzero(~(np.abs(numbers) <= most))
        if len(bad):
            at = int(bad[0])
            raise Malformed(
                "bad-number",
                f"{subject}, row {at}, {name}: expected within +-{most:g}, got {float(numbers[at])!r}",
            )
    encoded = samples.flights.dictionary_encode()
    # Flights in the order of their names: the same numbers, however the rows stood.
    ranks = rank_ids(encoded.dictionary)
    owner = ranks[encoded.indices.to_numpy(zero_copy_only=False)]
    # By flight, then by time; samples of one instant by place, so that the file's order means nothing.
    order = np.lexsort((height_m, lon_deg, lat_deg, time_us, owner))
    owner, time_us, lat_deg, lon_deg = owner[order], time_us[order], lat_deg[order], lon_deg[order]
    level_m, doubt_m = (height_m + samples.moved_m)[order], samples.doubt_m[order]
    span_us = np.diff(time_us)
    same = np.diff(owner) == 0
    length_m = measure_lines(lat_deg[:-1], lon_deg[:-1], lat_deg[1:], lon_deg[1:])[2]
    azimuth = measure_lines(lat_deg[:-1], lon_deg[:-1], lat_deg[1:], lon_deg[1:])[0]
    is_twice = same & (span_us == 0) & (length_m < 1.0) & (np.abs(np.diff(level_m)) < 1.0)
    is_gap = same & (span_us > rules.max_gap_s * 1e6)
    is_jump = same & ~is_gap & ~is_twice & (length_m * 1e6 > rules.max_speed_m_s * span_us)
    is_leg = same & ~is_gap & ~is_jump & (span_us > 0)
    begins = np.flatnonzero(is_leg)
    is_used = np.zeros(len(owner), dtype=np.bool_)
    is_used[begins] = is_used[begins + 1] = True
    is_doubled = np.zeros(len(owner), dtype=np.bool_)
    is_doubled[:-1] |= is_twice
    is_doubled[1:] |= is_twice
    alone = int((~is_used & ~is_doubled).sum())
    notes = _tell(subject, int(is_gap.sum()), int(is_jump.sum()), alone, int(is_twice.sum()), rules)
    pieces = np.maximum(1, np.ceil(length_m[begins] / MAX_PIECE_M)).astype(np.int64)
    leg = np.repeat(begins, pieces)
    step = np.arange(len(leg)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    parts = np.repeat(pieces, pieces)
    low, high = step / parts, (step + 1) / parts
    is_last = step + 1 == parts
    ends = []
    for share, exact, sample in ((low, step == 0, leg), (high, is_last, leg + 1)):
        lat, lon, _ = walk_lines(lat_deg[leg], lon_deg[leg], azimuth[leg], length_m[leg] * share)
        ends.append((np.where(exact, lat_deg[sample], lat), np.where(exact, lon_deg[sample], lon)))
    span = time_us[leg + 1] - time_us[leg]
    start_us = time_us[leg] + np.rint(span * low).astype(np.int64)
    end_us = np.where(is_last, time_us[leg + 1], time_us[leg] + np.rint(span * high).astype(np.int64))
    rise = level_m[leg + 1] - level_m[leg]
    heights_m = np.stack((level_m[leg] + rise * low, level_m[leg] + rise * high), axis=1)
    half_m = rules.half_height_m + np.maximum(doubt_m[leg], doubt_m[leg + 1])
    # Pieces of no length in time: a leg of a few microseconds was cut. They keep one.
    end_us = np.maximum(end_us, start_us + 1)
    kept, places = np.unique(owner[leg], return_inverse=True)
    legs = Legs(
        start_us=start_us,
        end_us=end_us,
        ends_m=np.stack([points_from_normals(surface_normals(*end)) for end in ends], axis=1),
        heights_m=heights_m,
        reach_m=np.full(len(leg), rules.radius_m),
        half_height_m=half_m,
    )
    return VolumeSet(
        _make_lanes(ends, legs, rules),
        encoded.dictionary.take(make_column(np.argsort(ranks)[kept])).cast(pa.large_string()),
        owner_of=places.astype(np.int64),
        legs=legs,
        notes=notes,
    )


def _make_lanes(ends: list[tuple[Floats, Floats]], legs: Legs, rules: TrackRules) -> VolumeTable:
    there, back = (round_positions(*end) for end in ends)
    is_line = (there != back).any(axis=1)
    count = len(there)
    both = np.stack((there, back), axis=1).reshape(-1, 2)
    is_kept = np.ones((count, 2), dtype=np.bool_)
    is_kept[:, 1] = is_line
    low, high = legs.heights_m.min(axis=1), legs.heights_m.max(axis=1)
    return VolumeTable(
        np.arange(count + 1, dtype=np.int64),
        np.concatenate((np.zeros(1, dtype=np.int64), np.cumsum(1 + is_line))).astype(np.int64),
        np.zeros(count, dtype=np.bool_),
        both[is_kept.reshape(-1)],
        np.full(count, outward_cm(rules.radius_m) + _LANE_CM, dtype=np.int64),
        np.floor((low - legs.half_height_m) * 100).astype(np.int64),
        np.ceil((high + legs.half_height_m) * 100).astype(np.int64),
        legs.start_us,
        # A leg's last instant belongs to it; a window's does not.
        legs.end_us + 1,
    )


def _tell(subject: str, gaps: int, jumps: int, alone: int, twice: int, rules: TrackRules) -> tuple[str, ...]:
    found = []
    if gaps:
        found.append(f"{subject}: {gaps:,} gaps of more than {rules.max_gap_s:g} s: tracks are cut there")
    if jumps:
        found.append(
            f"{subject}: {jumps:,} jumps faster than {rules.max_speed_m_s:g} m/s: tracks are cut there"
        )
    if alone:
        found.append(f"{subject}: {alone:,} samples stand alone and are not screened")
    if twice:
        found.append(f"{subject}: {twice:,} samples stand twice")
    return tuple(found)


def _read_csv(path: Path, subject: str) -> Any:  # noqa: ANN401 - pyarrow
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        head = file.readline(1_000).strip()
    if ";" in head and "," not in head:
        raise Malformed(
            "bad-csv",
            f"{subject}: expected columns parted by commas, got {head[:80]!r}, parted by semicolons",
        )
    types = pc_csv.ConvertOptions(
        column_types=_TYPES | {"datum": pa.string()},
        include_columns=[],
        strings_can_be_null=True,
    )
    try:
        return pc_csv.read_csv(path, convert_options=types)
    except pa.ArrowInvalid:
        # Again, one thread: only then does the error know its row.
        try:
            return pc_csv.read_csv(
                path, read_options=pc_csv.ReadOptions(use_threads=False), convert_options=types
            )
        except pa.ArrowInvalid as error:
            raise Malformed("bad-csv", _say_fault(path, subject, error)) from error


def _say_fault(path: Path, subject: str, error: Exception) -> str:
    """Return what Arrow says of a CSV, with row and column as they are named here."""
    said = str(error).splitlines()[0] if str(error) else "nothing"
    if match := _FAULT.fullmatch(said):
        with path.open(encoding="utf-8", errors="replace") as file:
            names = file.readline().strip().split(",")
        place = int(match[1])
        name = names[place].strip('"') if place < len(names) else f"column {place}"
        # Arrow counts the head and from 1.
        return f"{subject}, row {int(match[2]) - 2}, {name}: {match[3]}"
    return f"{subject}: expected a CSV of samples, got: {said}"


def _read_datums(table: Any, rules: TrackRules, subject: str) -> tuple[Floats, Ints]:  # noqa: ANN401 - pyarrow
    """Return what each datum adds to floors and ceilings, and which each sample has."""
    if "datum" not in table.schema.names:
        if not rules.datum:
            raise Malformed(
                "no-datum",
                f"{subject}, datum: expected what its heights are above ('ellipsoid', 'amsl N+-U', 'agl"
                " LOW..HIGH+-U'; never guessed), in a column or by --datum, got nothing",
            )
        shift = read_datum(rules.datum, "--datum")
        return np.array([[shift.floor_m, shift.ceiling_m]]), np.zeros(table.num_rows, dtype=np.int64)
    column = table.column("datum").combine_chunks()
    if column.null_count and not rules.datum:
        at = int(np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))[0])
        raise Malformed("no-datum", f"{subject}, row {at}, datum: expected one (never guessed), got nothing")
    encoded = column.fill_null(rules.datum).dictionary_encode()
    shifts = [read_datum(text, f"{subject}, datum") for text in encoded.dictionary.to_pylist()]
    pairs = np.array([[shift.floor_m, shift.ceiling_m] for shift in shifts]).reshape(-1, 2)
    return pairs, encoded.indices.to_numpy(zero_copy_only=False).astype(np.int64)
