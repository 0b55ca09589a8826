"""Positions: whether a place that was told counts, because everyone concerned has read it back.

For each version of an object and each party that owes an answer there is one row: unread, blocked (with the
reasons) or counts. A version as a whole counts only when it counts with every such party.

Invariants:
  * A state is computed from the record alone (`judge_position`): what was told, what was read back, what the
    author confirmed or disputed, and the tolerance that the charter agreed on. No clock, no opinion.
  * Nothing counts by silence, and no party's reading counts for another.
  * A dispute by the author blocks the version for good: only an update helps.
  * Where the body is sealed and was not opened here, the state is ``sealed``: nothing can be said.

It does not read messages: see `entente.deconflict.readback`.

    >>> position_state(rows, "castello").state
    'blocked'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import msgspec

from entente.deconflict.objects import NO_VERSION, ObjectRow, VersionRow, list_owed
from entente.deconflict.receipts import Stamp
from entente.kernel.charter import get_charter
from entente.kernel.message import Entry
from entente.kernel.rows import Row, Rows, get_row
from entente.space import VolumeWire, distance_and_bearing, parse_volume, reference_point

PositionWord = Literal["unread", "blocked", "counts", "sealed"]
Point = tuple[float, float]


class ReadPoint(msgspec.Struct, frozen=True):
    """One position as it was read back: 1e-7 degrees, the words, the movement as the reader saw it."""

    lat_e7: int
    lon_e7: int
    words: str
    moved_cm: int | None


class PositionRow(Row, frozen=True):
    """What one party's reading makes of one version."""

    TABLE: ClassVar[str] = "positions"
    INDEXED: ClassVar[tuple[str, ...]] = ("state", "party", "message")
    ALIKE: ClassVar[tuple[str, str] | None] = ("message", "party")
    message: str
    party: str
    author: str
    state: PositionWord
    reasons: tuple[str, ...] = ()
    read_back: Stamp | None = None
    readings: tuple[ReadPoint, ...] = ()
    difference_cm: int | None = None
    moved_cm: int | None = None
    confirmed: Stamp | None = None
    disputed: Stamp | None = None
    dispute: str = ""

    def key(self) -> str:
        """Return ``leaf:party``."""
        return f"{self.message}:{self.party}"


class PositionState(msgspec.Struct, frozen=True):
    """What all readings together make of a version."""

    version: str
    state: PositionWord
    reasons: tuple[str, ...]
    unread: tuple[str, ...]


def open_positions(entry: Entry[Any], rows: Rows) -> None:
    """Open one row for each party that owes a reading of this version."""
    message = entry.message
    state: PositionWord = "sealed" if message.body is None else "unread"
    reading = PositionRow(message=message.leaf, party="", author=message.author, state=state)
    rows.put_alike(reading, list_owed(message, rows))


def position_state(rows: Rows, object_name: str) -> PositionState:
    """Return the state of an object's current version; raise `NotFound` where none is known here."""
    known = get_row(rows, ObjectRow, object_name, what="object")
    return version_state(rows, known.version)


def version_state(rows: Rows, version: str) -> PositionState:
    """Return the state of one version: it counts only when it counts with every party that owes a reading."""
    readings = list(rows.select(PositionRow, message=version))
    states = {row.state for row in readings}
    reasons = tuple(f"{row.party}: {reason}" for row in readings for reason in row.reasons)
    unread = tuple(row.party for row in readings if row.state == "unread")
    state: PositionWord
    if "sealed" in states:
        state = "sealed"
    elif "blocked" in states:
        state = "blocked"
    elif states == {"counts"}:
        state = "counts"
    else:
        state = "unread"
    return PositionState(version, state, reasons, unread)


def judge_position(row: PositionRow, rows: Rows) -> PositionRow:
    """Return the row with state, reasons and distances computed from what was told and read."""
    version = get_row(rows, VersionRow, row.message, what="version")
    tolerance_cm = get_charter(rows).rules.read_back_tolerance_cm
    reasons: list[str] = []
    worst_cm: int | None = None
    if row.readings:
        told = list_points(version.volumes)
        away = [
            _distance_cm(point, (read.lat_e7 / 1e7, read.lon_e7 / 1e7))
            for point, read in zip(told, row.readings, strict=True)
        ]
        worst_cm = max(away)
        reasons += [
            f"volume {place}: read back {say_metres(cm)} from the position told, {say_metres(tolerance_cm)} "
            "agreed"
            for place, cm in enumerate(away)
            if cm > tolerance_cm
        ]
        reasons += _judge_movement(row, version, tolerance_cm, rows)
    if row.disputed is not None:
        reasons.append(f"disputed by its author: {row.dispute}")
    state: PositionWord = "blocked" if reasons else "counts" if row.readings else "unread"
    return msgspec.structs.replace(
        row,
        state=state,
        reasons=tuple(reasons),
        difference_cm=worst_cm,
        moved_cm=measure_movement(version, rows),
    )


def _judge_movement(row: PositionRow, version: VersionRow, tolerance_cm: int, rows: Rows) -> list[str]:
    moved = list_movements(version, rows)
    reasons = []
    for place, (cm, read) in enumerate(zip(moved, row.readings, strict=True)):
        if cm is None:
            continue
        if read.moved_cm is None or abs(read.moved_cm - cm) > tolerance_cm:
            seen = "none" if read.moved_cm is None else say_metres(read.moved_cm)
            reasons.append(f"volume {place}: read back as moved by {seen}, the record says {say_metres(cm)}")
        if cm > tolerance_cm and row.confirmed is None:
            reasons.append(
                f"volume {place}: moved {say_metres(cm)} from the earlier version, which its author has not "
                "confirmed"
            )
    return reasons


def list_points(volumes: Sequence[VolumeWire]) -> list[Point]:
    """Return each volume's reference point in degrees."""
    return [reference_point(parse_volume(wire).outline) for wire in volumes]


def list_movements(version: VersionRow, rows: Rows) -> list[int | None]:
    """Return how far each volume is from its earlier place in centimetres; None in a first version."""
    earlier = rows.find(VersionRow, version.previous) if version.previous != NO_VERSION else None
    if earlier is None:
        return [None] * len(version.volumes)
    return [*measure_moves(version.volumes, earlier.volumes)]


def measure_moves(volumes: Sequence[VolumeWire], earlier: Sequence[VolumeWire]) -> list[int]:
    """Return how far each volume moved, in centimetres.

    Against the earlier volume of the same place in the list. One that has no such counterpart is measured
    against the nearest earlier one: an added volume far off is a movement too, not a way round the check.
    """
    then, now = list_points(earlier), list_points(volumes)
    return [
        _distance_cm(then[place], point)
        if place < len(then)
        else min(_distance_cm(other, point) for other in then)
        for place, point in enumerate(now)
    ]


def measure_movement(version: VersionRow, rows: Rows) -> int | None:
    """Return the largest movement of a version's volumes in centimetres; None in a first version."""
    moved = [cm for cm in list_movements(version, rows) if cm is not None]
    return max(moved, default=None)


def _distance_cm(here: Point, there: Point) -> int:
    # Rounded to the centimetre, so that two libraries' last bits do not make two states of one record.
    return round(distance_and_bearing(*here, *there)[0] * 100)


def say_metres(centimetres: int) -> str:
    """Return a length for people: whole metres, or with two decimals."""
    return f"{centimetres / 100:,.2f} m".replace(".00 m", " m")
